"""The loop of the example on ``selectors``, as a process of its own with a real name server."""

import signal
from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

import dns.rcode
import pytest
from pure_dns import look_up, resolver
from zone_dns import ZoneServer

from running import DEADLINE, EXAMPLES, Peer, Proxy
from sansip import dns as said

ZONE = """
$TTL 60
@             SOA    ns admin 1 3600 600 86400 17
@             NS     ns
gw            NAPTR  10 10 "s" "SIP+D2U" "" _SIP._udp.gw
_sip._udp.gw  SRV    10 0 {first} gateway
_sip._udp.gw  SRV    20 0 {second} gateway
bad           NAPTR  10 10 "s" "SIP+D2U" "" _sip._udp.bad
_sip._udp.bad SRV    10 0 {first} everybody
_sip._udp.bad SRV    20 0 {second} gateway
everybody     A      127.255.255.255
_sip._udp.no  SRV    0 0 0 .
gateway       A      127.0.0.1
also      5   CNAME  gateway
"""

CONFIG = """
listen = ["udp:127.0.0.1:{port}"]
nameservers = ["{nameserver}"]
allow_hops = ["127.0.0.0/8"]

[[route]]
method = "INVITE"
to = "group:gateways"
advance_after = {silence}

[groups.gateways]
targets = ["sip:{gateways}.example.com"]
"""


@pytest.fixture
def program() -> tuple[str, ...]:
    return ("pure_loop.py",)


def zone(first: int = 5060, second: int = 5060) -> ZoneServer:
    return ZoneServer(ZONE.format(first=first, second=second), "example.com.")


def at(names: ZoneServer) -> str:
    host, port = names.address
    return f"{host}:{port}"


def configure(proxy: Proxy, nameserver: str, *, gateways: str = "gw", silence: float = 0.2) -> None:
    text = CONFIG.format(port=proxy.port, nameserver=nameserver, gateways=gateways, silence=silence)
    proxy.file.write_text(text, encoding="utf-8")


def test_it_has_less_than_sixty_lines() -> None:
    text = (EXAMPLES / "pure_loop.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    assert "sansip_" not in text  # and no adapter helps it


def test_a_call_to_a_name_fails_over_when_the_first_gateway_is_silent(
    proxy: Proxy, peer: Callable[[], Peer]
) -> None:
    phone, silent, works = peer(), peer(), peer()
    with closing(zone(silent.port, works.port)) as names:
        configure(proxy, at(names))
        proxy.ready()
        phone.invite(proxy.port, "one")
        works.accept("one", "gw.example.com")
        assert phone.final("one").status == 200
        assert silent.sock.recv(65535).startswith(b"INVITE ")
        asked = [question[1:] for question in names.log]
    assert asked == [
        ("gw.example.com", "NAPTR"),
        ("_sip._udp.gw.example.com", "SRV"),
        ("gateway.example.com", "A"),
    ]


def test_what_the_system_refuses_to_send_moves_on_at_once(
    proxy: Proxy, peer: Callable[[], Peer]
) -> None:
    phone, works = peer(), peer()
    with closing(zone(works.port, works.port)) as names:  # nobody may broadcast
        configure(proxy, at(names), gateways="bad", silence=DEADLINE)
        proxy.ready()
        phone.invite(proxy.port, "one")
        works.accept("one", "bad.example.com")
        assert phone.final("one").status == 200


def test_a_name_server_that_fails_costs_the_call_and_no_more(
    proxy: Proxy, peer: Callable[[], Peer]
) -> None:
    phone = peer()
    with closing(zone()) as names:
        names.rcode = dns.rcode.SERVFAIL
        configure(proxy, at(names))
        proxy.ready()
        phone.invite(proxy.port, "one")
        assert phone.final("one").status == 503
        phone.ask("OPTIONS", f"sip:127.0.0.1:{proxy.port}", proxy.port, "two")
        assert phone.final("two").status == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(proxy: Proxy, number: signal.Signals) -> None:
    configure(proxy, "127.0.0.1:9")
    process = proxy.ready()
    process.send_signal(number)
    assert process.wait() == -number
    assert proxy.line() == ""


class Case(NamedTuple):
    name: str
    kind: str
    answer: said.Answer


TOLD = [
    Case(
        "gw", "NAPTR", said.Found(
            (said.Naptr(10, 10, "s", "SIP+D2U", "", "_sip._udp.gw.example.com"),), 60.0
        ),
    ),
    Case("_sip._udp.no", "SRV", said.Found((said.Srv(0, 0, 0, ""),), 60.0)),
    Case("also", "A", said.Found((said.Ip("127.0.0.1"),), 5.0)),
    Case("gateway", "AAAA", said.NoRecords(17.0)),
    Case("nobody", "A", said.NoName(30.0)),
    Case("a..b", "A", said.Failure("A DNS label is empty.")),
]  # fmt: skip


@pytest.mark.parametrize("case", TOLD, ids=lambda case: f"{case.name} {case.kind}")
def test_what_dns_says_in_the_words_of_the_core(case: Case) -> None:
    with closing(zone()) as names:
        asked = resolver([at(names)])
        assert look_up(asked, f"{case.name}.example.com", case.kind) == case.answer
