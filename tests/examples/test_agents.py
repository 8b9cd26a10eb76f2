"""The answering machine and the scripted caller: what the drawing shows, and what it does not."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from answering_machine import METHODS, Agent, AnsweringMachine
from scripted_caller import Network, Script

import sansip

SCRIPT = Path(__file__).parents[2] / "examples" / "scripted_caller.py"
CALLER = sansip.Address("192.0.2.1", 5060)


@pytest.mark.golden
def test_the_drawing_is_the_stored_one(golden: Callable[[str, str], None]) -> None:
    done = subprocess.run(  # noqa: S603 (our own script)
        [sys.executable, str(SCRIPT)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONHASHSEED": "7"},
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert all(len(line) <= 80 and "\033" not in line for line in done.stdout.splitlines())
    golden("scripted_caller.txt", done.stdout)


def play(script: Script, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The call of a script: what goes over the wire, and what is said."""
    network = Network()
    network.play(script)
    for side in (network.caller, network.machine):
        state = side.state
        assert not state.in_flight
        assert [len(state.served), len(state.server), len(state.client)] == [0, 0, 0]
    assert (network.machine.invites, network.machine.dialogs) == ({}, {})
    lines = capsys.readouterr().out.splitlines()[4:]
    return [line[7:].strip("|<>- x") for line in lines]


def test_a_caller_whose_cancel_is_too_late_hangs_up(capsys: pytest.CaptureFixture[str]) -> None:
    drawn = play(Script("", gives_up_after=2.06), capsys)
    assert drawn[-8:] == [
        "CANCEL", "ACK", "the caller hears the greeting", "the caller hangs up", "BYE",
        "200 OK (CANCEL)", "the machine plays its greeting", "200 OK (BYE)",
    ]  # fmt: skip


def test_a_caller_to_whom_nothing_comes_back_hears_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def swallow(network: Network, sender: Agent, send: sansip.Send) -> None:
        """Lose everything."""

    monkeypatch.setattr(Network, "post", swallow)
    assert play(Script(""), capsys) == ["the caller hears nothing at all"]


def test_without_any_ack_the_machine_ends_the_call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Network.post

    def lossy(network: Network, sender: Agent, send: sansip.Send) -> None:
        if not send.data.startswith(b"ACK"):
            post(network, sender, send)

    monkeypatch.setattr(Network, "post", lossy)
    drawn = play(Script(""), capsys)
    assert drawn.count("200 OK") == 11
    assert drawn[-3:] == ["the machine hangs up", "BYE", "200 OK (BYE)"]


def asked(method: str, to_tag: str = "") -> sansip.Response:
    """What the machine answers to a request out of the blue."""
    machine = AnsweringMachine("machine", "192.0.2.2:5060", print)
    to = "<sip:machine@192.0.2.2>" + (f";tag={to_tag}" if to_tag else "")
    rows = [("Via", f"SIP/2.0/UDP {CALLER};branch=z9hG4bK1"), ("To", to), ("Call-ID", "1")]
    rows += [("From", "<sip:a@b>;tag=1"), ("CSeq", f"1 {method}")]
    machine.receive(sansip.Request.make(method, "sip:machine@192.0.2.2", rows).render(), CALLER)
    (send,) = machine.outbox[-1:]
    answer = sansip.parse(send.data)
    assert isinstance(answer, sansip.Response)
    return answer


@pytest.mark.rule("3261-8.2-01")
@pytest.mark.parametrize(
    ("method", "to_tag", "status"),
    [
        ("OPTIONS", "", 200),
        ("INVITE", "", 400),  # without Contact
        ("MESSAGE", "", 405),
        ("FOO", "", 501),
        ("BYE", "other", 481),
        ("INVITE", "other", 481),
    ],
)
def test_what_the_machine_says_to_others(method: str, to_tag: str, status: int) -> None:
    answer = asked(method, to_tag)
    assert answer.status == status
    if status in (200, 405):
        assert answer.get("allow") == ", ".join(METHODS)


def test_on_a_terminal_there_are_colours_unless_somebody_minds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    Network().play(Script(""))
    assert "\033[36m" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    Network().play(Script(""))
    assert "\033" not in capsys.readouterr().out
