"""``python -m sansip explore``: what it says, what it writes, and its exit status."""

import io
import shutil
import sys
from pathlib import Path

import pytest

from sansip.commands import main
from sansip.journal import read

EXAMPLE = Path(__file__).parents[2] / "examples" / "two_gateways.py"
SCENARIO = """
from exploring import to_one, to_name, spoilt, begins
from sansip.explore import Faults

def forget(event, action):
    return () if begins(action, b"ACK") else (action,)

well = to_one()
ill = to_one(Faults(unavailable=1), spoilt(forget))
other = "no scenario"
"""
TOML = """
listen = ["udp:192.0.2.10:5060"]
[[route]]
method = "INVITE"
to = "sip:gw.example.com"
"""
ZONE = "gw A 203.0.113.1\n"


class Terminal(io.StringIO):
    """What somebody looks at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with a scenario, a proxy's file and a zone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "worlds_of_mine.py").write_text(SCENARIO)
    (tmp_path / "proxy.toml").write_text(TOML)
    (tmp_path / "zone").write_text(ZONE)
    return tmp_path


def explore(*arguments: str, out: io.StringIO | None = None) -> tuple[int, str]:
    out = out or io.StringIO()
    return main(["explore", *arguments], out), out.getvalue()


@pytest.mark.parametrize("name", ["worlds_of_mine.py:well", "worlds_of_mine:well"])
def test_all_is_well(name: str, here: Path) -> None:
    status, said = explore(name)
    assert status == 0
    assert "calls: sip:bob@203.0.113.1; faults: none\n" in said
    assert "; all of what can happen\nno promise is broken\n" in said
    assert not (here / "found.journal").exists()


def test_what_is_found_is_said_and_written_with_its_ladder(here: Path) -> None:
    status, said = explore("worlds_of_mine.py:ill", "--output", "mine")
    assert status == 1
    assert "broken: a 503 from 203.0.113.1:5060 gets no ACK\n" in said
    assert "caller 1 calls\n" in said
    assert said.endswith("mine.journal\nmine.html\n")
    assert "unavailable=1" in said
    with (here / "mine.journal").open() as lines:
        assert read(lines).head.started == 0.0
    for name in ("mine.journal", "mine.html"):
        assert (here / name).stat().st_mode & 0o777 == 0o600
    assert "503 Service Unavailable" in (here / "mine.html").read_text()


def test_a_proxy_s_file_is_explored_with_a_zone(here: Path) -> None:
    given = ["--config", "proxy.toml", "--zone", "zone", "--origin", "example.com"]
    given += ["--call", "sip:bob@gw.example.com", "--depth", "4", "--faults", "lost=1,late"]
    status, said = explore(*given)
    assert status == 0
    assert "faults: lost=1, late=1\n" in said
    assert "depth 4" in said
    assert "; not all of what can happen\n" in said


def test_a_terminal_is_told_how_far_it_is() -> None:
    _, said = explore("worlds_of_mine.py:well", "--states", "100", out=Terminal())
    assert "\r" in said
    assert ", depth 3 " in said


def test_the_example_may_be_explored(here: Path) -> None:
    shutil.copy(EXAMPLE, here)
    status, said = explore("two_gateways.py:scenario", "--depth", "4")
    assert status == 0
    assert "silent=1" in said


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ([], "give a scenario, or --config with --zone and --call"),
        (["a:b", "--config", "proxy.toml"], "give a scenario, or --config"),
        (["well"], "well: write MODULE:NAME or FILE.py:NAME"),
        (["no_such_module:well"], "no_such_module:well: No module named"),
        (["nowhere.py:well"], "nowhere.py: no such file"),
        (["worlds_of_mine:other"], "worlds_of_mine:other: it is no sansip.explore.Scenario"),
        (["worlds_of_mine:well", "--faults", "rain=1"], "--faults rain=1: write KIND=N"),
        (["worlds_of_mine:well", "--faults", "lost=x"], "--faults lost=x: write KIND=N"),
        (["--config", "proxy.toml"], "the calls lead nowhere"),
    ],
)
def test_what_cannot_be_explored(
    arguments: list[str], wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explore(*arguments)[0] == 2
    assert wrong in capsys.readouterr().err
