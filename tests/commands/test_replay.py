"""``python -m sansip replay``: what it says, and its exit status."""

import io
import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import elsewhere
import sansip
from journals import journal_of
from sansip.commands import main
from sansip.journal import Named, Source
from stage import GW_1, ToGroup, make_request, on_stage

TOML = 'listen = ["udp:192.0.2.10:5060"]\n'
Command = Callable[..., tuple[int, str, str]]


def lines_of(policy: Source | None = Named("stage:ToGroup")) -> list[str]:  # noqa: B008 - a value
    stage = on_stage(ToGroup())
    stage.receive(make_request())
    stage.respond(200, GW_1)
    stage.receive(make_request("OPTIONS", branch="z9hG4bK2", call_id="call-2"))
    return journal_of(stage, policy)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a journal."""
    file = tmp_path / "run.journal"
    file.write_text("".join(lines_of()))
    return file


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Give what runs a command: exit status, and what it says."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        out = io.StringIO()
        status = main([str(argument) for argument in arguments], out)
        caught = capsys.readouterr()
        return status, caught.out + out.getvalue(), caught.err

    return run


def test_no_difference_is_said(command: Command, file: Path) -> None:
    assert command("replay", file) == (0, "no difference\n", "")


def test_a_difference_is_said_and_which_versions_there_are(command: Command, file: Path) -> None:
    text = file.read_text()
    file.write_text(text.replace("Max-Forwards: 69", "Max-Forwards: 68", 1))
    status, said, _ = command("replay", file)
    assert status == 1
    first, second, *_ = said.splitlines()
    assert first == f"recorded by sansip 9.9; this is sansip {sansip.__version__}"
    assert second.startswith("step 2 differs: DnsAnswered at=1000.0")
    file.write_text(file.read_text().replace('"9.9"', f'"{sansip.__version__}"', 1))
    assert command("replay", file)[1].startswith("step 2 differs")
    assert command("replay", file, "--until", "1") == (0, "no difference\n", "")


def test_steps_are_printed_with_their_actions(command: Command, file: Path) -> None:
    status, said, _ = command("replay", file, "--print", "--until", "2")
    assert status == 0
    lines = said.splitlines()
    assert lines[0].startswith("1 DatagramReceived at=1000.0 endpoint=udp:192.0.2.10:5060 ")
    assert lines[1].startswith("    Send id=")
    assert lines[-1] == "no difference"
    assert sum(not line.startswith("    ") for line in lines) == 3


def test_one_call_is_printed_alone(command: Command, file: Path) -> None:
    _, said, _ = command("replay", file, "--print", "--call", "call-2")
    steps = [line for line in said.splitlines() if line[0].isdigit()]
    assert len(steps) == 1
    assert "OPTIONS sip:bob@gw.example.com" in steps[0]


def test_a_call_that_is_not_there_is_said(command: Command, file: Path) -> None:
    status, _, said = command("replay", file, "--call", "nobody")
    assert (status, said) == (2, f"{file}: no step has to do with the call nobody\n")


def test_a_torn_line_is_said(command: Command, file: Path) -> None:
    text = file.read_text()
    file.write_text(text[:-20])
    status, said, _ = command("replay", file)
    assert status == 0
    assert said.endswith("the writer was killed\nno difference\n")
    assert said.startswith('line 5 is torn: \'{"n":4')


def test_another_policy_is_asked(command: Command, file: Path, tmp_path: Path) -> None:
    assert command("replay", file, "--policy", "stage:ToGroup") == (0, "no difference\n", "")
    status, said, _ = command("replay", file, "--policy", "stage:ToName")
    assert status == 1
    assert "step 1: route decides otherwise about INVITE" in said
    proxy = tmp_path / "proxy.toml"
    proxy.write_text(TOML + '[[route]]\nto = "group:g"\n[groups.g]\nlist = "l"\nset = 1\n')
    (tmp_path / "l").write_text("1 sip:gw-1.example.com\n")
    status, said, _ = command("replay", file, "--config", proxy)
    assert status == 1
    assert "    other     Relay to=(Dispatch group=g " in said


def test_help_is_given_without_a_command(command: Command) -> None:
    status, said, _ = command()
    assert status == 0
    assert "replay" in said


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["--help"], 0), (["replay", "--help"], 0), (["replay"], 2), (["nothing"], 2)],
)
def test_argparse_has_its_say(command: Command, arguments: list[str], status: int) -> None:
    assert command(*arguments)[0] == status


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("stage", "policy stage: write MODULE:CLASS"),
        ("no_such_module:A", "policy no_such_module:A: No module named 'no_such_module'"),
        ("stage:Nobody", "has no attribute 'Nobody'"),
        ("stage:Stage", "missing 1 required positional argument"),
        ("io:StringIO", "policy io:StringIO: it is no sansip.Policy"),
    ],
)
def test_a_policy_that_cannot_be_had_is_said(
    command: Command, file: Path, policy: str, reason: str
) -> None:
    file.write_text("".join(lines_of(Named(policy))))
    status, _, said = command("replay", file)
    assert status == 2
    assert said.startswith(f"{file}: ")
    assert reason in said


def test_a_file_that_is_not_there_or_no_journal_is_said(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "run.journal"
    assert command("replay", file) == (2, "", f"{file}: no such file or directory\n")
    file.write_bytes(b"\xff\x00\n")
    status, _, said = command("replay", file)
    assert status == 2
    assert said.startswith(f"{file}: line 1: this is no head of a journal")


def test_another_process_runs_it(file: Path) -> None:
    assert elsewhere.sansip("replay", file) == (0, "no difference\n", "")
    assert elsewhere.sansip()[0] == 0


def test_it_is_a_program(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["sansip", "replay", str(file)])
    monkeypatch.delitem(sys.modules, "sansip.__main__", raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("sansip", run_name="__main__")
    assert ended.value.code == 0


def test_the_core_does_not_load_it() -> None:
    program = "import sys, sansip; print([n for n in sys.modules if n in %r])"
    barred = ["argparse", "sansip.commands", "sansip.journal", "sansip.replay", "json"]
    done = subprocess.run(  # noqa: S603 (ourselves)
        [sys.executable, "-c", program % (barred,)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_journal_is_json_for_everybody(file: Path) -> None:
    contents: list[Any] = [json.loads(line) for line in file.read_text().splitlines()]
    assert [content.get("n") for content in contents] == [None, 1, 2, 3, 4, 5][: len(contents)]
