"""``python -m sansip replay``: what it says, and its exit status."""

import dataclasses
import io
import json
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import elsewhere
import sansip
from journals import head_of, journal_of
from sansip import dns
from sansip.commands import files, main
from sansip.journal import Named, Source, Writer
from stage import GW_1, Stage, ToGroup, config, make_request, on_stage

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


ALL = "4 events (3 messages, 1 DNS answer), 16 actions, 1 call, 0.0 s"


@pytest.fixture
def trusting(command: Command) -> Command:
    """Give what runs ``replay --trust``."""
    return partial(command, "replay", "--trust")


def test_no_difference_is_said_and_how_much_was_run(trusting: Command, file: Path) -> None:
    assert trusting(file) == (0, f"no difference: {ALL}\n", "")


def test_a_difference_is_said_with_the_versions_and_what_shows_its_call(
    trusting: Command, file: Path
) -> None:
    text = file.read_text()
    file.write_text(text.replace("Max-Forwards: 69", "Max-Forwards: 68", 1))
    status, said, _ = trusting(file)
    assert status == 1
    first, second, *_, hint, replayed, ladder = said.splitlines()
    assert first == f"recorded by sansip 9.9; this is sansip {sansip.__version__}"
    assert second == "step 2 differs, 0.000 s after the start, in call call-1"
    assert hint == "what led to it:"
    assert replayed == (f"  python -m sansip replay {file} --call call-1 --until 2 --print --trust")
    assert ladder == f"  python -m sansip ladder {file} --call call-1"
    assert trusting(*shlex.split(replayed)[4:])[0] == 1
    file.write_text(file.read_text().replace('"9.9"', f'"{sansip.__version__}"', 1))
    assert trusting(file)[1].startswith("step 2 differs")
    assert trusting(file, "--until", "1")[0] == 0


def test_what_differs_outside_any_call_is_shown_by_the_steps_before_it(
    command: Command, file: Path
) -> None:
    stage = Stage(sansip.Engine(config()))
    stage.step(sansip.DnsAnswered(1000.0, 9, dns.NoName(5.0)))
    order = '"actions":[{"is":"StopDns","query":9}]'
    file.write_text("".join(journal_of(stage, None)).replace('"actions":[]', order))
    status, said, _ = command("replay", file)
    assert status == 1
    assert said.endswith(f"what led to it:\n  python -m sansip replay {file} --until 1 --print\n")


def test_steps_are_printed_with_their_actions(trusting: Command, file: Path) -> None:
    status, said, _ = trusting(file, "--print", "--until", "2")
    assert status == 0
    lines = said.splitlines()
    assert lines[0] == (
        "     0.000      1  <- 198.51.100.1:5060  INVITE sip:bob@gw.example.com  (call-1)"
    )
    assert lines[1] == f"{'':19}-> 198.51.100.1:5060  100 Trying"
    assert lines[-1].startswith("no difference: 2 events")
    assert sum(not line.startswith(f"{'':19}") for line in lines) == 3
    assert "\033" not in said


def test_what_else_is_wrong_is_said(
    command: Command, trusting: Command, file: Path, tmp_path: Path
) -> None:
    assert command("replay", tmp_path) == (2, "", f"{tmp_path}: is a directory\n")
    gone = tmp_path / "gone.toml"
    complaint = f"{gone}: no such file or directory\n"
    assert trusting(file, "--config", gone) == (2, "", complaint)
    gone.write_text("listen = 5060")
    status, _, complaint = trusting(file, "--config", gone)
    assert status == 2
    assert complaint.startswith("gone.toml: listen")


def test_a_line_without_an_end_is_not_read_to_it(
    trusting: Command, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = file.read_text().splitlines(keepends=True)
    monkeypatch.setattr(files, "LONGEST", max(map(len, lines)))
    file.write_text("".join([*lines, *["x" * len(lines[2]) * 9, "\n"], lines[-1]]))
    status, said, complaint = trusting(file)
    assert (status, said) == (2, "")
    assert complaint.startswith(f"{file}: line {len(lines) + 1} is not JSON: 'xxx")


def test_nobody_reads_on(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    assert main(["replay", "--trust", "--print", str(file)], Closed()) == 2
    assert capsys.readouterr().err == "broken pipe\n"


def test_what_the_start_has_ordered_is_printed_and_compared(command: Command, file: Path) -> None:
    probing = {"gateways": sansip.Group((sansip.Member("sip:192.0.2.1"),), sansip.Probing(5.0))}
    stage = Stage(sansip.Engine(config(groups=probing)))
    lines: list[str] = []
    head = head_of(stage.engine.config, None)
    Writer(lines.append, dataclasses.replace(head, ordered=stage.begun))
    file.write_text("".join(lines))
    _, said, _ = command("replay", file, "--print")
    assert said.startswith(f"     0.000      0  starts\n{'':19}timer probe of ")
    assert "starts" not in command("replay", file, "--print", "--call", "x")[1]
    file.write_text(file.read_text().replace('"after":5.0', '"after":6.0'))
    status, said, _ = command("replay", file)
    assert status == 1
    assert "the start differs\n" in said
    assert "what led to it" not in said


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("colours", [True, False])
def test_on_a_terminal_messages_stand_out(
    file: Path, monkeypatch: pytest.MonkeyPatch, *, colours: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", "" if colours else "1")
    out = Terminal()
    assert main(["replay", "--trust", "--print", str(file)], out) == 0
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("\033[1m     0.000") is colours
    timer = next(line for line in lines if "timer hunt" in line)
    assert timer.startswith("\033[2m") is colours


def test_one_call_is_printed_alone(trusting: Command, file: Path) -> None:
    _, said, _ = trusting(file, "--print", "--call", "call-2")
    steps = [line for line in said.splitlines() if line[16].isdigit()]
    assert len(steps) == 1
    assert steps[0].endswith("OPTIONS sip:bob@gw.example.com")


def test_a_call_that_is_not_there_is_said(trusting: Command, file: Path) -> None:
    status, _, said = trusting(file, "--call", "nobody")
    assert (status, said) == (2, f"{file}: no step has to do with the call nobody\n")


def test_a_call_of_which_nothing_was_decided_is_said(trusting: Command, file: Path) -> None:
    status, said, complaint = trusting(file, "--policy", "stage:ToGroup", "--call", "nobody")
    assert (status, said) == (2, "")
    assert complaint == f"{file}: nothing was decided about the call nobody\n"


def test_what_a_journal_says_does_nothing_to_a_terminal(trusting: Command, file: Path) -> None:
    text = file.read_text()
    file.write_text(text.replace('"sansip":"9.9"', '"sansip":"\\u001b[2J"').replace("69", "68"))
    status, said, _ = trusting(file)
    assert status == 1
    assert "recorded by sansip \\x1b[2J; this is sansip" in said
    file.write_text(text.replace("stage:ToGroup", "stage:\\u001b[2J"))
    status, _, complaint = trusting(file)
    assert status == 2
    assert "\x1b" not in complaint
    assert "\\x1b[2J" in complaint


def test_a_torn_line_is_said(trusting: Command, file: Path) -> None:
    text = file.read_text()
    file.write_text(text[:-20])
    status, said, _ = trusting(file)
    assert status == 0
    torn, last = said.splitlines()
    assert torn.startswith('line 6 is torn: \'{"n":4')
    assert torn.endswith("its writer was killed, or is still writing")
    assert last.startswith("no difference: 3 events")


def test_several_journals_are_run_each_by_itself(trusting: Command, file: Path) -> None:
    other, none = file.with_name("other"), file.with_name("none")
    other.write_text(file.read_text().replace("Max-Forwards: 69", "Max-Forwards: 68", 1))
    status, said, complaint = trusting(file, other, file)
    assert (status, complaint) == (1, "")
    lines = said.splitlines()
    assert lines[0] == lines[-1] == f"{file}: no difference: {ALL}"
    assert f"{other}: step 2 differs, 0.000 s after the start, in call call-1" in lines
    none.write_text("")
    status, said, complaint = trusting(none, other)
    assert status == 2
    assert complaint.startswith(f"{none}: line 1 is missing: ")
    assert "step 2 differs" in said
    status, said, complaint = trusting(file.with_name("gone"), file)
    assert (status, complaint) == (2, f"{file.with_name('gone')}: no such file or directory\n")
    assert said == f"{file}: no difference: {ALL}\n"


def test_another_policy_is_asked(command: Command, file: Path, tmp_path: Path) -> None:
    status, said, _ = command("replay", file, "--policy", "stage:ToGroup")
    assert (status, said) == (0, f"no difference: 2 decisions compared; {ALL}\n")
    status, said, _ = command("replay", file, "--policy", "stage:ToName", "--trust")
    assert status == 1
    assert "step 1: route decides otherwise about INVITE" in said
    proxy = tmp_path / "proxy.toml"
    proxy.write_text(TOML + '[[route]]\nto = "group:g"\n[groups.g]\nlist = "l"\nset = 1\n')
    (tmp_path / "l").write_text("1 sip:gw-1.example.com\n")
    status, said, _ = command("replay", file, "--config", proxy, "--trust")
    assert status == 1
    assert "    other     1. sip:bob@gw-1.example.com\nwhat led to it:\n" in said
    assert said.endswith(f"  python -m sansip ladder {file} --call call-1\n")


def test_other_groups_are_planned_with(trusting: Command, file: Path, tmp_path: Path) -> None:
    proxy = tmp_path / "proxy.toml"
    route = '[[route]]\nto = "group:gateways"\n[groups.gateways]\ntargets = '
    gw_1, gw_2 = "sip:gw-1.example.com:5060", "sip:gw-2.example.com:5060"
    proxy.write_text(f'{TOML}{route}["{gw_1}", "{gw_2}"]\n')
    status, said, _ = trusting(file, "--config", proxy)
    assert (status, said) == (0, f"no difference: 2 decisions compared; {ALL}\n")
    proxy.write_text(f'{TOML}{route}["{gw_1}", "{gw_2}"]\nprobe_every = 60\n')
    status, said, _ = trusting(file, "--config", proxy)
    compared = "2 decisions, and the hops of 2 compared"
    assert (status, said) == (0, f"no difference: {compared}; {ALL}\n")
    proxy.write_text(f'{TOML}{route}["{gw_2}", "{gw_1}"]\n')
    status, said, _ = trusting(file, "--config", proxy)
    assert status == 1
    assert "INVITE sip:bob@gw.example.com would go elsewhere by group gateways" in said


def test_what_a_journal_names_is_imported_only_by_those_who_trust_it(
    command: Command, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stranger.py").write_text("raise SystemExit('it has run')\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    file.write_text("".join(lines_of(Named("stranger:Policy"))))
    for options in ((), ("--policy", "stage:ToGroup")):
        status, _, said = command("replay", file, *options)
        assert status == 2
        assert said == (
            f"{file}: its policy is stranger:Policy, which is imported with --trust alone: "
            "see --help\n"
        )
    status, _, said = command("replay", file, "--trust")
    assert (status, said) == (2, f"{file}: policy stranger:Policy: SystemExit: it has run\n")


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
        ("stage", "policy stage: write MODULE:NAME or FILE.py:NAME"),
        ("no_such_module:A", "policy no_such_module:A: No module named 'no_such_module'"),
        ("stage:Nobody", "policy stage:Nobody: there is nothing of that name"),
        ("stage:Stage", "missing 1 required positional argument"),
        ("io:StringIO", "policy io:StringIO: it is no sansip.Policy"),
        ("stage:GW_1", "policy stage:GW_1: it is no sansip.Policy"),
    ],
)
def test_a_policy_that_cannot_be_had_is_said(
    command: Command, file: Path, policy: str, reason: str
) -> None:
    file.write_text("".join(lines_of(Named(policy))))
    status, _, said = command("replay", "--trust", file)
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
    assert elsewhere.sansip("replay", "--trust", file) == (0, f"no difference: {ALL}\n", "")
    assert elsewhere.sansip()[0] == 0


def test_it_is_a_program(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["sansip", "replay", "--trust", str(file)])
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
    assert [content.get("n") for content in contents] == [None, None, 1, 2, 3, 4]
