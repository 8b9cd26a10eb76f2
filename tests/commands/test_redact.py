"""``python -m sansip redact``: a journal that may be shown to others, and what it says."""

import json
import shlex
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

import sansip
from elsewhere import differences
from elsewhere import sansip as elsewhere
from journals import POLICY, head_of, objects
from sansip.commands import redact
from sansip.journal import JournalError, Source, Toml, Writer, read
from sansip.replay import replay
from stage import GW_1, SDP, Stage, ToName, config, make_request, on_stage

CREDENTIALS = 'Digest username="alice", response="5ec7e7"'
SECRET = b"a secret of this configuration"
TOML = (
    'listen = ["udp:192.0.2.10:5060"]\n'
    f'secret = "{SECRET.decode()}"\n'
    'allow_hops = ["203.0.113.0/24"]\n[[route]]\nto = "uri"\nsource = "0.0.0.0/0"\n'
)
Command = Callable[..., tuple[int, str, str]]


def a_call(policy: sansip.Policy | None = None) -> Stage:
    stage = on_stage(policy, secret=SECRET)
    private = [("Proxy-Authorization", CREDENTIALS), ("Subject", "between us")]
    stage.receive(make_request(uri=f"sip:bob@{GW_1}", headers=private, body=SDP))
    stage.respond(200, GW_1)
    return stage


def lines_of(
    stage: Stage, policy: Source | None = POLICY, state: sansip.State | None = None
) -> list[str]:
    lines: list[str] = []
    writer = Writer(lines.append, head_of(stage.engine.config, policy, state=state))
    for event, actions in zip(stage.events, stage.actions, strict=True):
        writer.event(event, actions)
    writer.swap(stage.engine.config, policy)
    rekey = sansip.Administered(stage.now, sansip.Rekey(b"another seed, of this run."))
    writer.event(rekey, ())
    return lines


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a journal in which all is as it came."""
    file = tmp_path / "run.journal"
    file.write_text("".join(lines_of(a_call())))
    return file


def test_credentials_and_bodies_are_left_out_and_the_rest_stays(
    file: Path, command: Command
) -> None:
    status, shown, complaint = command("redact", file)
    assert (status, complaint) == (0, "")
    whole = file.read_text()
    for secret in ("5ec7e7", "IN IP4"):
        assert secret in whole
        assert secret not in shown
    assert "between us" in shown
    assert len(shown.splitlines()) == len(whole.splitlines())
    assert objects(shown.splitlines())[0]["redacted"] == [
        "authorization", "body", "proxy-authorization"
    ]  # fmt: skip


def test_the_copy_replays(file: Path, command: Command) -> None:
    _, shown, _ = command("redact", file)
    assert differences(shown.splitlines(keepends=True), file.with_name("shown")) == []


def test_a_journal_that_goes_on_from_a_state_replays_too(tmp_path: Path, command: Command) -> None:
    stage = a_call()
    state, stage.events, stage.actions = stage.state.freeze(), [], []
    stage.advance(1.0)
    stage.respond(200, GW_1)
    (tmp_path / "run.journal").write_text("".join(lines_of(stage, state=state)))
    _, shown, _ = command("redact", tmp_path / "run.journal", "--header", "subject")
    assert "between us" not in shown
    assert "5ec7e7" not in shown
    assert replay(read(shown.splitlines()), policies=lambda _: ToName()) is None
    _, shown, _ = command("redact", tmp_path / "run.journal", "--no-keys")
    assert objects(shown.splitlines())[0]["state"] == 0


def test_bodies_may_stay_and_other_headers_be_left_out(file: Path, command: Command) -> None:
    _, shown, _ = command("redact", file, "--keep-bodies", "--header", "Subject")
    assert "IN IP4" in shown
    assert "between us" not in shown
    assert "5ec7e7" not in shown


def test_keys_may_be_left_out_and_then_it_cannot_be_replayed(
    tmp_path: Path, command: Command
) -> None:
    file, shown = tmp_path / "run.journal", tmp_path / "shown.journal"
    lines = lines_of(a_call(), Toml(TOML))
    file.write_text("".join(lines))
    assert command("redact", file, "--no-keys", "-o", shown) == (0, "", "")
    text = shown.read_text()
    first, *_ = objects(lines)
    for key in (SECRET.decode(), first["seed"], "of this run."):
        assert key in "".join(lines)
        assert key not in text
    journal = read(text.splitlines())
    assert [step.number for step in journal] == list(range(1, len(lines) - 1))
    assert isinstance(journal.head.policy, Toml)
    assert "sip:bob@203.0.113.1" in text
    status, _, complaint = command("replay", shown)
    assert status == 2
    assert complaint.endswith(
        "its seed was left out, so it can be looked at, but not be run again\n"
    )
    with pytest.raises(JournalError, match="not be run again"):
        replay(read(text.splitlines()), sansip.Engine(config()))


@pytest.mark.parametrize(
    "row",
    [
        'secret = """\n5ec7e75ec7e7\n"5ec7e7\\\n"""\n',
        "secret = '''5ec7e7\n'5ec7e7 5ec7e7'''\n",
        '# secret = "5ec7e75ec7e75ec7e7"\nsecret = "5ec7e75ec7e75ec7e7"\n',
    ],
)
def test_however_a_secret_is_written_it_is_left_out(
    tmp_path: Path, command: Command, row: str
) -> None:
    file = tmp_path / "run.journal"
    text = f'listen = ["udp:192.0.2.10:5060"]\n{row}quiet = true\n'
    file.write_text("".join(lines_of(a_call(), Toml(text))))
    _, said, _ = command("redact", file, "--no-keys")
    policy = read(said.splitlines()).head.policy
    assert isinstance(policy, Toml)
    assert "5ec7e7" not in policy.text
    assert policy.text.endswith('secret = "left out: 16 characters"\nquiet = true\n')


def test_a_file_is_made_that_nobody_else_may_read(file: Path, command: Command) -> None:
    out = file.with_name("shown.journal")
    assert command("redact", file, "-o", out) == (0, "", "")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.read_text() == command("redact", file)[1]


def test_no_file_is_ever_overwritten(file: Path, command: Command) -> None:
    before = file.read_text()
    status, said, complaint = command("redact", file, "-o", file)
    assert (status, said, complaint) == (2, "", f"{file}: file exists\n")
    assert file.read_text() == before


def test_of_a_journal_that_is_damaged_no_copy_is_left(file: Path, command: Command) -> None:
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines[:3], "damaged\n", *lines[4:]]))
    out = file.with_name("shown.journal")
    status, _, complaint = command("redact", file, "-o", out)
    assert status == 2
    assert complaint.startswith(f"{file}: line 4 is not JSON")
    assert not out.exists()


def test_what_is_torn_is_said_and_all_before_it_copied(file: Path, command: Command) -> None:
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines[:-1], lines[-1][:20]]))
    out = file.with_name("shown.journal")
    status, said, complaint = command("redact", file, "-o", out)
    assert (status, complaint) == (0, "")
    assert said.startswith(f"line {len(lines)} is torn")
    assert len(out.read_text().splitlines()) == len(lines) - 1


def test_a_journal_redacted_twice_is_redacted_once(file: Path, command: Command) -> None:
    _, once, _ = command("redact", file)
    file.write_text(once)
    assert command("redact", file)[1] == once


def test_its_help_says_what_stays() -> None:
    status, said, _ = elsewhere("redact", "--help")
    assert status == 0
    for word in ("seed", "secret", "--no-keys", "replay"):
        assert word in said


def test_its_examples_are_commands(tmp_path: Path, file: Path, command: Command) -> None:
    examples = [line for line in redact.EXAMPLES.splitlines() if line.startswith("  python")]
    assert len(examples) == 3
    for number, example in enumerate(examples):
        words = shlex.split(example.partition("|")[0])[3:]
        places = {"run.journal": str(file), "shown.journal": str(tmp_path / f"shown-{number}")}
        status, _, complaint = command(*[places.get(word, word) for word in words])
        assert (status, complaint) == (0, "")
    assert json.loads((tmp_path / "shown-1").read_text().partition("\n")[0])["redacted"]
