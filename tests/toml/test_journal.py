"""``journal``: a name, or a table; what is wrong with it is in ``bad_configs.txt``."""

import pytest

from sansip.toml import ConfigError, JournalFile, load

LISTEN = 'listen = ["udp:192.0.2.10:5060"]\n'
HASHED = """
[groups.g]
targets = ["sip:gw-1.example.com"]
algorithm = "hash-auth-user"
"""


def journal(text: str) -> JournalFile | None:
    return load(LISTEN + text, "proxy.toml").journal


def test_there_is_none_unless_it_is_wanted() -> None:
    assert journal("") is None


def test_a_name_is_enough() -> None:
    assert journal('journal = "run.journal"') == JournalFile("run.journal")
    table = '[journal]\nfile = "run.journal"\n'
    for text in (table, table + HASHED.replace("auth-user", "from")):
        assert journal(text) == JournalFile("run.journal")


def test_all_of_it_can_be_said() -> None:
    text = '[journal]\nfile = "/log/run.journal"\nrotate = 10_000\nkeep = 1\nredact = false'
    assert journal(text) == JournalFile("/log/run.journal", 10_000, 1, redact=False)


@pytest.mark.parametrize("redact", ["true", "false"])
def test_who_hashes_by_credentials_has_to_say_whether_they_are_written(redact: str) -> None:
    table = '[journal]\nfile = "run.journal"\n'
    with pytest.raises(ConfigError, match="group g is hashed by credentials"):
        journal(table + HASHED)
    found = journal(f"{table}redact = {redact}\n{HASHED}")
    assert found is not None
    assert found.redact == (redact == "true")
