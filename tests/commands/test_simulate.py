"""``python -m sansip simulate``: what it says, what it writes, and its exit status."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sansip.commands import main

ZONE = "$ORIGIN example.com.\ngw-1 60 A 203.0.113.1\ngw-2 60 A 203.0.113.2\n"
TOML = """
listen = ["udp:192.0.2.10:5060"]

[[route]]
host = "example.com"
to = "group:gateways"

[groups.gateways]
list = "dispatcher.list"
set = 1
"""
WORLDS = """
import sansip

def good(world):
    world.phone("198.51.100.1", world.gateway("203.0.113.1")).call("sip:bob@example.com")

def bad(world):
    config = sansip.Config([sansip.Endpoint("udp", "192.0.2.10:5060")])
    proxy = world.engine(sansip.Engine(config))
    world.phone("198.51.100.1", proxy, name="alice").call("sip:bob@example.com")
    world.run(1.0)
    assert not proxy.left(), "there is something left"

def silent(world):
    raise ValueError

def slash(world):
    config = sansip.Config([sansip.Endpoint("udp", "192.0.2.10:5060")])
    world.engine(sansip.Engine(config), "edge/1")
    raise ValueError

nothing = None
"""
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Give what runs the command beside these files: exit status, and what it says."""
    for name, text in (
        ("proxy.toml", TOML),
        ("example.zone", ZONE),
        ("dispatcher.list", "1 sip:gw-1.example.com\n1 sip:gw-2.example.com\n"),
        ("worlds.py", WORLDS),
        ("wrong.py", "1 / 0"),
    ):
        (tmp_path / name).write_text(text)

    def run(*arguments: str) -> tuple[int, str, str]:
        out = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(sys, "path", [*sys.path])
            status = main(["simulate", *arguments], out)
        return status, out.getvalue(), capsys.readouterr().err

    return run


PROXY = ("--config", "proxy.toml", "--zone", "example.zone")


def test_calls_are_made_and_summed_up(command: Command) -> None:
    calls = ("--call", "sip:bob@example.com", "--call", "sip:bob@example.net", "--calls", "4")
    status, said, _ = command(*PROXY, *calls, "--seed", "seven")
    first, second, third, _, last = said.splitlines()
    assert status == 0
    assert first == "4 calls: 2 answered, 2 failed"
    assert second == "    2 with 404"
    assert third == "set up in 0.520 s (p50), 0.550 s (p99)"
    assert last == "every promise was kept; World(seed='seven')"


def test_links_are_as_they_are_told_to_be(command: Command) -> None:
    calls = ("--call", "sip:bob@example.com", "--calls", "1")
    status, said, _ = command(*PROXY, *calls, "--loss", "1.0", "--delay", "0.1")
    assert status == 0
    assert said.startswith("1 calls: 0 answered, 1 failed\n    1 with 408\n")
    assert "p50" not in said


def test_a_function_may_make_a_world(command: Command) -> None:
    status, said, _ = command("worlds.py:good", "--seed", "3")
    assert status == 0
    assert said.startswith("1 calls: 1 answered, 0 failed\n")
    assert said.endswith("every promise was kept; World(seed=3)\n")
    assert command("sansip.simulate:ladder")[0] == 1  # a function, but none for worlds


def test_what_goes_wrong_is_told_with_its_ladder_and_its_journal(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "proxy.html").write_text("an old one")
    status, said, _ = command("worlds.py:bad")
    assert status == 1
    assert said.startswith("AssertionError: there is something left\nWorld(seed=1) after 1.000 s:")
    assert "alice" in said
    assert said.endswith("written: proxy.journal and proxy.html\n")
    for name in ("proxy.journal", "proxy.html"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "proxy.html").read_text().startswith("<!doctype html>")
    out = io.StringIO()
    assert main(["replay", str(tmp_path / "proxy.journal")], out) == 0
    assert out.getvalue().startswith("no difference")


def test_the_name_of_an_engine_is_no_path(command: Command) -> None:
    status, said, _ = command("worlds.py:slash")
    assert status == 1
    assert said.endswith("written: edge-1.journal and edge-1.html\n")


def test_an_error_without_words_is_told(command: Command) -> None:
    assert command("worlds.py:silent")[1].startswith("ValueError\nWorld(seed=1)")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "name a function, or a configuration with --config"),
        (("worlds.py:good", "--config", "proxy.toml"), "name a function, or"),
        (PROXY, "say with --call whom to call"),
        ((*PROXY, "--call", "sip:x@example.com", "--rate", "0"), "are above 0"),
        (("worlds.py",), "worlds.py: write MODULE:NAME or FILE.py:NAME"),
        (("worlds.py:nothing",), "function worlds.py:nothing: it is none"),
        (("worlds.py:else",), "worlds.py:else: there is nothing of that name"),
        (("elsewhere.py:good",), "elsewhere.py: no such file or directory"),
        (("wrong.py:good",), "ZeroDivisionError: division by zero"),
        (("no_module_at_all:good",), "no_module_at_all:good: No module named"),
        (("--config", "none.toml", "--call", "sip:x@example.com"), "none.toml"),
    ],
)
def test_what_is_wrong_with_a_command_is_said(
    command: Command, arguments: tuple[str, ...], why: str
) -> None:
    status, said, error = command(*arguments)
    assert (status, said) == (2, "")
    assert why in error
