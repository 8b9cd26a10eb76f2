"""``python -m ADAPTER resolve``: what it prints, against a real name server, and its status."""

import asyncio
import inspect
import io
import re
import runpy
import shlex
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

import dns.rcode
import pytest
import trio
from zone_dns import ZoneServer

import sansip
import sansip_asyncio.loop
import sansip_trio.loop
from sansip_adapter import commands, resolve
from sansip_adapter.printout import Paint, page

ZONE = """
$ORIGIN example.com.
@          300 SOA ns.example.com. admin.example.com. 1 3600 600 86400 17
@          300 NS  ns.example.com.
; the topology of the question of 2007
gw         60  NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.gw
_sip._udp.gw   60 SRV 10 0 5060 gw-1
_sip._udp.gw   60 SRV 20 0 5060 gw-2
gw-1       60  A 203.0.113.1
gw-2       30  A 203.0.113.2
; a proxy that serves TLS alone, by two families
secure     60  NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp.secure
_sips._tcp.secure 60 SRV 1 3 5061 tls-1
_sips._tcp.secure 60 SRV 1 1 5061 tls-2
tls-1      60  A 203.0.113.21
tls-1      60  AAAA 2001:db8::21
tls-2      60  A 203.0.113.22
; no service, says the zone
_sip._udp.closed  60 SRV 0 0 0 .
_sip._tcp.closed  60 SRV 0 0 0 .
_sips._tcp.closed 60 SRV 0 0 0 .
closed     60  A 203.0.113.9
; inside
inner      60  A 127.0.0.9
"""
CONFIG = """
listen = ["udp:192.0.2.10:5060"]

[groups.gateways]
targets = ["sip:gw-1.example.com:5060", "sip:inner.example.com:5060", "sip:gw-2.example.com:5060"]
algorithm = "first"

[[route]]
source = "198.51.100.0/24"
to = "group:gateways"
advance_after = 0.5
"""
Run = Callable[[str], tuple[int, str]]
Main = Callable[[Sequence[str], TextIO], int]
PROGRAMS = ("sansip_trio", "sansip_asyncio")


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> str:
    """Every adapter's in turn."""
    return str(request.param)


@pytest.fixture
def main(program: str) -> Main:
    """The command line, without Python's."""
    run = sansip_trio.loop.run if program == "sansip_trio" else sansip_asyncio.loop.run
    return partial(commands.main, program, run)


@pytest.fixture
def zone() -> Iterator[ZoneServer]:
    with ZoneServer(ZONE, "example.com.") as server:
        yield server


@pytest.fixture
def run(main: Main, zone: ZoneServer, tmp_path: Path) -> Run:
    """Give a function that runs a command line, with the zone asked; FILE is a configuration."""
    file = tmp_path / "proxy.toml"
    file.write_text(CONFIG)
    port = zone.address[1]

    def run(command: str) -> tuple[int, str]:
        out = io.StringIO()
        words = shlex.split(command.replace("FILE", str(file)))
        status = main([*words, "--nameserver", f"127.0.0.1:{port}"], out)
        text = out.getvalue().replace(f":{port}", ":53")
        return status, re.sub(r"[0-9]+ ms$", "0 ms", text, flags=re.MULTILINE)

    return run


SHOWN = (
    "resolve sip:bob@gw.example.com",
    "resolve sip:bob@gw.example.com --method MESSAGE",
    "resolve sips:bob@secure.example.com --ipv6",
    "resolve sip:secure.example.com --transports udp",
    "resolve sip:bob@closed.example.com",
    "resolve sip:bob@nowhere.example.com",
    "resolve sip:bob@203.0.113.7:5070",
    "resolve sip:bob@[2001:db8::7]",
    "resolve sip:bob@inner.example.com:5060",
    "resolve sip:bob@example.org --config FILE --source 198.51.100.7",
    "resolve sip:bob@example.org --config FILE --source 203.0.113.7",
)


@pytest.mark.golden
def test_pages(run: Run, golden: Callable[..., None]) -> None:
    shown: list[str] = []
    for command in SHOWN:
        status, text = run(command)
        shown.append(f"$ python -m sansip_trio {command}\n{text}[exit status {status}]\n")
    golden("resolve.txt", "\n".join(shown))


def test_a_name_server_that_fails_is_told_from_a_name_that_does_not_exist(
    zone: ZoneServer, run: Run
) -> None:
    zone.rcode = dns.rcode.SERVFAIL
    status, text = run("resolve sip:bob@gw.example.com")
    assert status == 1
    assert "failed: 127.0.0.1:53: SERVFAIL" in text
    assert "The caller gets 503 Service Unavailable at once." in text


def test_a_dead_name_server_is_named(main: Main) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    out = io.StringIO()
    command = ["resolve", "sip:gw.example.com:5060", "--nameserver", f"127.0.0.1:{port}"]
    assert main(command, out) == 1
    assert f"127.0.0.1:{port}: Connection refused" in out.getvalue()


def test_all_questions_of_a_round_are_asked_at_once(zone: ZoneServer, run: Run) -> None:
    zone.delay = 0.1
    began = time.monotonic()
    status, _ = run("resolve sip:bob@nowhere.example.com")  # 5 questions, in 3 rounds
    assert status == 1
    assert len(zone.log) == 5
    assert time.monotonic() - began < 0.5  # one after the other they would take as long


def test_another_call_id_draws_otherwise(run: Run) -> None:
    firsts = {
        re.findall(r" 1  at once  \S+", run(f"resolve sips:secure.example.com --call-id {n}")[1])[0]
        for n in range(20)
    }
    assert len(firsts) == 2


def test_the_search_for_names_has_an_end(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "MOST_ROUNDS", 1)
    status, text = run("resolve sip:bob@gw.example.com")
    assert status == 1
    assert "Given up with these questions open: SRV _sip._udp.gw.example.com" in text


# --- colours


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "coloured"), [("", 1), ("1", 0)])
def test_colours_are_for_terminals(
    main: Main, no_color: str, coloured: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    out = Terminal()
    assert main(["resolve", "sip:bob@203.0.113.7"], out) == 0
    assert out.getvalue().count("\033[32mat once\033[0m") == coloured
    assert re.sub(r"\033\[[0-9]+m", "", out.getvalue()) == _plain(
        main, "resolve sip:bob@203.0.113.7"
    )


def _plain(main: Main, command: str) -> str:
    out = io.StringIO()
    main(shlex.split(command), out)
    return out.getvalue()


# --- wrong usage


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("bob@example.com", "begin with a scheme; did you mean sip:bob@example.com?"),
        ("sip:", "'sip:' is not a URI"),
        ("tel:+15550100", "URI: 'tel:+15550100' must be a sip or sips URI"),
        ("sip:x --from tel:1", "--from: 'tel:1' must be a sip or sips URI"),
        ("sip:x --method cancel", "--method CANCEL: it goes where its INVITE went"),
        ("sip:x --method 'IN VITE'", "method"),
        ("sip:x --source here", "--source here: must be an IP address, like 192.0.2.1"),
        ("sip:x --nameserver ns", "--nameserver 'ns' is not a name server's address"),
        ("sip:x --transports udp,sctp", "'sctp' is none; say for example udp,tcp,tls"),
        ("sip:x --config FILE --ipv6", "--transports and --ipv6 are what the file's listen says"),
        ("sip:x --config FILE --transports udp", "leave them out"),
        ("sip:x --config missing.toml", "missing.toml: no such file or directory"),
        ("sip:x --config BROKEN", "listen: missing"),
        ("", "the following arguments are required: URI"),
    ],
)
def test_what_is_wrong_is_said_with_a_remedy(
    main: Main, arguments: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, broken = tmp_path / "proxy.toml", tmp_path / "broken.toml"
    file.write_text(CONFIG)
    broken.write_text("")
    words = shlex.split(arguments.replace("FILE", str(file)).replace("BROKEN", str(broken)))
    assert main(["resolve", *words], sys.stdout) == 2
    assert complaint in capsys.readouterr().err


def test_without_arguments_it_helps(
    program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [program])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(program, run_name="__main__")
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert f"python -m {program}" in said
    assert "resolve" in said


def test_help_is_no_error(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resolve", "--help"], sys.stdout) == 0
    assert "exit status: 0 if there is a hop" in capsys.readouterr().out


def test_ctrl_c_ends_it_quietly(main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(given: object) -> None:
        if inspect.iscoroutine(given):
            given.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(trio, "run", interrupted)
    monkeypatch.setattr(asyncio, "run", interrupted)
    assert main(["resolve", "sip:x"], sys.stdout) == 130


def test_what_dns_says_does_no_harm_on_a_terminal(main: Main, tmp_path: Path) -> None:
    zone = '@ 60 SOA ns admin 1 1 1 1 1\n@ 60 NS ns\nx 60 NAPTR 1 1 "" "\\027[2J" "\\200" .\n'
    with ZoneServer(zone, "example.com.") as server, (tmp_path / "page").open("w") as out:
        main(
            ["resolve", "sip:x.example.com", "--nameserver", f"127.0.0.1:{server.address[1]}"], out
        )
    assert r'1 1 "" "\x1b[2J" "\udcc8" .' in (tmp_path / "page").read_text()


# --- what a policy may decide besides


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (None, "follows its Route: it belongs to a dialog"),
        (sansip.Relay(sansip.Dispatch("gws", rewrite="none")), "; only the next hop is set"),
        (sansip.Reply(404), "answered 404"),
        (sansip.Drop(), "dropped without an answer"),
        (sansip.Local(), "delivered to the program itself"),
        (sansip.Ask("who", "then"), "decided after a question to the program"),
    ],
)
def test_every_decision_has_its_sentence(decision: sansip.Decision | None, said: str) -> None:
    assert said in _page(sansip.Plan(decision))[1]


def test_suspects_and_stages_are_marked() -> None:
    steps = tuple(
        sansip.Step(
            number,
            0,
            "sip:bob@example.com",
            "sip:bob@example.com",
            sansip.Hop("udp", sansip.Address(f"203.0.113.{number}", 5060)),
            number - 1.0,
            suspect=number == 2,
        )
        for number in (1, 2)
    )
    text = "\n".join(_page(sansip.Plan(sansip.Local(), steps)))
    assert "  1  at once  stage 1  udp:203.0.113.1:5060\n" in text
    assert "  2  1 s      stage 2  udp:203.0.113.2:5060  suspect: silent of late" in text


def _page(plan: sansip.Plan) -> list[str]:
    request = sansip.Request.make("INVITE", "sip:bob@example.com")
    return page(request, sansip.Address("192.0.2.1", 5060), plan, (), (), {}, Paint(colours=False))


def test_what_goes_wrong_with_the_loop_is_not_hidden(
    main: Main, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(resolve, "page", fail)
    with pytest.raises((ZeroDivisionError, ExceptionGroup)):
        main(["resolve", "sip:bob@203.0.113.7"], io.StringIO())
