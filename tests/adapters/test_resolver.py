"""Questions to name servers: what comes back, and how long the sick ones may cost."""

import errno
import os
import socket
import socketserver
import struct
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import anyio
import dns.message
import dns.rcode
import pytest
from zone_dns import ZoneServer

import sansip_adapter.resolver
from asking import Asking
from loops import Adapter, settle
from sansip import Address
from sansip.dns import Answer, Failure, Found, Ip, Naptr, NoName, NoRecords, Srv
from sansip_adapter.resolver import Resolver, parse_server

Serving = Callable[[], "ZoneServer"]
CLOSED = "127.0.0.1:9"
GATEWAY_1 = Found((Ip("192.0.2.1"), Ip("192.0.2.2")), 45.0)


def name_of(server: "ZoneServer") -> str:
    host, port = server.address
    return f"{host}:{port}"


@pytest.fixture
def resolver(asked: Asking, healthy: ZoneServer) -> Resolver:
    return asked.resolver([name_of(healthy)])


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("gw-1.example.com", "A", GATEWAY_1),
        ("GW-1.Example.COM", "A", GATEWAY_1),
        ("gw-1.example.com", "AAAA", Found((Ip("2001:db8::1"),), 45.0)),
        (
            "_sip._udp.example.com",
            "SRV",
            Found((Srv(10, 1, 5060, "gw-1.example.com"), Srv(20, 0, 5070, "gw-2.example.com")), 60),
        ),
        ("_sip._tcp.example.com", "SRV", Found((Srv(0, 0, 0, ""),), 60.0)),
        (
            "example.com",
            "NAPTR",
            Found(
                (
                    Naptr(10, 5, "S", "SIP+D2U", "", "_sip._udp.example.com"),
                    Naptr(20, 5, "u", "E2U+sip", "!^.*$!sip:info@example.com!", ""),
                ),
                60.0,
            ),
        ),
        ("alias.example.com", "A", Found(GATEWAY_1.records, 5.0)),  # the smallest TTL on the way
        ("gw-1.example.com", "SRV", NoRecords(17.0)),  # the SOA's minimum (RFC 2308)
        ("alias.example.com", "SRV", NoRecords(5.0)),
        ("below.example.com", "A", NoRecords(17.0)),
        ("nowhere.example.com", "A", NoName(17.0)),
        ("gw-1.example.org", "A", Failure("")),
        ("example.com", "NS", NoRecords(300.0)),  # a type that sansip has no word for
        (f"{'x' * 64}.example.com", "A", Failure("")),
        ("two..dots.example.com", "A", Failure("")),
        ("loop.example.com", "A", Failure("")),
    ],
)
@pytest.mark.rule("3263-4.2-06", "2782-06")
def test_answers_say_what_dns_said(
    asked: Asking, resolver: Resolver, name: str, kind: str, answer: Answer
) -> None:
    found = asked.ask(resolver, name, kind)
    if isinstance(answer, Failure):
        assert isinstance(found, Failure)
        assert found.reason
    elif isinstance(answer, Found) and isinstance(found, Found):
        assert found.ttl == answer.ttl
        assert set(found.records) == set(answer.records)
    else:
        assert found == answer


@pytest.mark.rule("3263-4.2-06")
@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_a_server_that_cannot_help_is_a_failure_at_once(
    asked: Asking, zone_dns: Serving, rcode: dns.rcode.Rcode
) -> None:
    sick = zone_dns()
    sick.rcode = rcode
    answer, took = asked.timed(asked.resolver([name_of(sick)]), "gw-1.example.com")
    assert answer == Failure(f"{name_of(sick)}: {rcode.name}")
    assert took < 0.4
    assert len(sick.log) == 1


def test_the_next_server_is_asked_when_one_cannot_help(asked: Asking, zone_dns: Serving) -> None:
    sick, well = zone_dns(), zone_dns()
    sick.rcode = dns.rcode.SERVFAIL
    answer, took = asked.timed(asked.resolver([name_of(sick), name_of(well)]), "gw-1.example.com")
    assert answer == GATEWAY_1
    assert took < 0.4


def test_a_truncated_answer_is_asked_for_over_tcp(asked: Asking, zone_dns: Serving) -> None:
    server = zone_dns()
    answer = asked.ask(asked.resolver([name_of(server)]), "_big._udp.example.com", "SRV")
    assert isinstance(answer, Found)
    assert len(answer.records) == 60
    assert [transport for transport, _, _ in server.log] == ["udp", "tcp"]


def test_a_denial_without_a_soa_is_not_remembered(asked: Asking, zone_dns: Serving) -> None:
    server = zone_dns()
    server.zone.delete_rdataset("example.com.", "SOA")
    resolver = asked.resolver([name_of(server)])
    assert asked.ask(resolver, "gw-1.example.com", "SRV") == NoRecords(0.0)
    assert asked.ask(resolver, "nowhere.example.com", "SRV") == NoName(0.0)


def shut(sock: socket.socket) -> None:
    sock.shutdown(socket.SHUT_RDWR)


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(sock.detach())


@pytest.mark.parametrize("end", [shut, reset])
def test_a_broken_tcp_connection_is_a_failure(
    asked: Asking,
    zone_dns: Serving,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[socket.socket], None],
) -> None:
    server = zone_dns()
    plain = socketserver.StreamRequestHandler.setup

    def hang_up(handler: socketserver.StreamRequestHandler) -> None:
        plain(handler)
        end(handler.request)

    monkeypatch.setattr(socketserver.StreamRequestHandler, "setup", hang_up)
    answer = asked.ask(asked.resolver([name_of(server)]), "_big._udp.example.com", "SRV")
    assert isinstance(answer, Failure)


def test_a_closed_port_costs_nothing_and_is_remembered(asked: Asking, zone_dns: Serving) -> None:
    well = zone_dns()
    resolver = asked.resolver([CLOSED, name_of(well)])
    for _ in range(2):
        answer, took = asked.timed(resolver, "gw-1.example.com")
        assert answer == GATEWAY_1
        assert took < 0.4


def test_when_all_ports_are_closed_the_failure_comes_at_once(asked: Asking) -> None:
    answer, took = asked.timed(asked.resolver([CLOSED, "127.0.0.2:9"]), "gw-1.example.com")
    assert answer == Failure(f"{CLOSED}: Connection refused; 127.0.0.2:9: Connection refused")
    assert took < 0.4


@contextmanager
def patience(seconds: float) -> Generator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sansip_adapter.resolver, "PATIENCE", seconds)
        yield


def test_a_silent_server_costs_its_half_second_once(asked: Asking, zone_dns: Serving) -> None:
    dead, well = zone_dns(), zone_dns()
    dead.drop = True
    resolver = asked.resolver([name_of(dead), name_of(well)])
    answer, took = asked.timed(resolver, "gw-1.example.com")
    assert answer == GATEWAY_1
    assert 0.5 <= took < 1.0
    answer, took = asked.timed(resolver, "gw-1.example.com")
    assert answer == GATEWAY_1
    assert took < 0.4
    assert len(dead.log) == 1


def test_a_silent_server_is_asked_first_again_after_a_while(
    asked: Asking, zone_dns: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    ill, well = zone_dns(), zone_dns()
    ill.drop = True
    monkeypatch.setattr(sansip_adapter.resolver, "DEAD_FOR", 0.0)
    with patience(0.05):
        resolver = asked.resolver([name_of(ill), name_of(well)])
        assert asked.ask(resolver, "gw-1.example.com", "A") == GATEWAY_1
        ill.drop = False
        assert asked.ask(resolver, "gw-1.example.com", "A") == GATEWAY_1
    assert (len(ill.log), len(well.log)) == (2, 1)


def test_a_late_answer_counts_and_revives_its_server(asked: Asking, zone_dns: Serving) -> None:
    slow = zone_dns()
    slow.delay = 0.15
    other = zone_dns()
    other.drop = True
    with patience(0.1):
        resolver = asked.resolver([name_of(slow), name_of(other)])
        assert asked.ask(resolver, "gw-1.example.com", "A") == GATEWAY_1
        slow.delay = 0.0
        assert asked.ask(resolver, "gw-1.example.com", "A") == GATEWAY_1
    assert (len(slow.log), len(other.log)) == (2, 1)


def test_a_late_failure_is_no_reason_to_ask_anybody_else(asked: Asking, zone_dns: Serving) -> None:
    slow, dead = zone_dns(), zone_dns()
    slow.delay, slow.rcode = 0.15, dns.rcode.SERVFAIL
    dead.drop = True
    with patience(0.1):
        resolver = asked.resolver([name_of(slow), name_of(dead)])
        answer = asked.ask(resolver, "gw-1.example.com", "A")
    assert answer == Failure(f"{name_of(slow)}: SERVFAIL; {name_of(dead)}: timed out")
    assert (len(slow.log), len(dead.log)) == (1, 3)


@pytest.mark.parametrize(("number", "suspect"), [(errno.EMFILE, False), (errno.ENETDOWN, True)])
def test_a_server_is_not_suspected_of_what_is_our_own_problem(
    asked: Asking, number: int, *, suspect: bool
) -> None:
    class Backend:
        async def make_socket(self, *_given: object) -> None:
            raise OSError(number, "no")

    resolver = asked.resolver([CLOSED, "127.0.0.2:9"])
    resolver._backend = Backend()  # pyright: ignore[reportPrivateUsage]
    assert asked.ask(resolver, "gw-1.example.com", "A") == Failure(f"{CLOSED}: no; 127.0.0.2:9: no")
    assert bool(resolver._dead) == suspect  # pyright: ignore[reportPrivateUsage]


def test_when_all_are_silent_the_question_fails_in_time(asked: Asking, zone_dns: Serving) -> None:
    dead = zone_dns()
    dead.drop = True
    with patience(0.02):
        answer, took = asked.timed(asked.resolver([name_of(dead)]), "gw-1.example.com")
    assert answer == Failure(f"{name_of(dead)}: timed out")
    assert 0.1 <= took < 0.5
    assert len(dead.log) == 6


def test_the_systems_servers_are_read_from_resolv_conf(
    asked: Asking, zone_dns: Serving, tmp_path: Path
) -> None:
    server = zone_dns()
    file = tmp_path / "resolv.conf"
    resolver = asked.resolver(None, resolv_conf=str(file))
    assert asked.ask(resolver, "example.com", "SRV") == Failure(
        f"no name server, neither given nor in {file}"
    )
    file.write_text(
        "# comment\n\nsearch example.com\noptions rotate\nnameserver\nnameserver nonsense\n"
        f"nameserver {name_of(server)} # ours\n"
    )
    assert isinstance(asked.ask(resolver, "_sip._udp.example.com", "SRV"), Found)


HOSTS = """
127.0.0.1 localhost
192.0.2.7 gateway gateway.docker  # a container
2001:db8::7 Gateway.
not-an-address gateway
"""


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("gateway", "A", Found((Ip("192.0.2.7"),), 10.0)),
        ("GATEWAY.docker", "A", Found((Ip("192.0.2.7"),), 10.0)),
        ("gateway", "AAAA", Found((Ip("2001:db8::7"),), 10.0)),
        ("gateway", "SRV", None),
        ("elsewhere", "A", None),
        ("localhost", "AAAA", None),
    ],
)
def test_etc_hosts_helps_where_dns_cannot(
    asked: Asking, name: str, kind: str, answer: Answer | None, tmp_path: Path
) -> None:
    file = tmp_path / "hosts"
    file.write_text(HOSTS)
    found = asked.ask(asked.resolver([CLOSED], hosts=str(file)), name, kind)
    assert found == (answer or Failure(f"{CLOSED}: Connection refused"))


def test_what_dns_knows_is_not_looked_up_in_etc_hosts(
    asked: Asking, zone_dns: Serving, tmp_path: Path
) -> None:
    file = tmp_path / "hosts"
    file.write_text("192.0.2.7 gw-1.example.com nowhere.example.com\n")
    resolver = asked.resolver([name_of(zone_dns())], hosts=str(file))
    assert asked.ask(resolver, "gw-1.example.com", "A") == GATEWAY_1
    assert asked.ask(resolver, "nowhere.example.com", "A") == Found((Ip("192.0.2.7"),), 10.0)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.53:5353", Address("127.0.0.53", 5353)),
        ("127.0.0.53", Address("127.0.0.53", 53)),
        ("[::1]:5353", Address("::1", 5353)),
        ("[::1]", Address("::1", 53)),
        ("::1", Address("::1", 53)),
        ("fe80::1%eth0", Address("fe80::1%eth0", 53)),
    ],
)
def test_name_servers_are_addresses_with_or_without_port(text: str, address: Address) -> None:
    assert parse_server(text) == address


@pytest.mark.parametrize("text", ["", "dns.example.com", "127.0.0.1:", "127.0.0.1:dns", "1.2.3:53"])
def test_anything_else_is_no_name_server(text: str) -> None:
    with pytest.raises(ValueError, match="is not a name server's address, like"):
        parse_server(text)


def test_an_answer_that_is_none_is_a_failure(
    asked: Asking, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def update(*_given: object, **_options: object) -> tuple[dns.message.Message, bool]:
        await anyio.lowlevel.checkpoint()
        return dns.message.Message(), False

    monkeypatch.setattr("dns.asyncquery.udp_with_fallback", update)
    answer = asked.ask(resolver, "gw-1.example.com", "A")
    assert isinstance(answer, Failure)
    assert answer.reason.endswith("not an answer to a question")


@pytest.mark.parametrize("answer", [GATEWAY_1, Failure("no")])
def test_an_answer_that_comes_with_the_stop_is_not_told(
    adapter: Adapter, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        come = anyio.Event()

        async def exchange(*_given: object) -> Answer:
            await come.wait()
            return answer

        monkeypatch.setattr(Resolver, "_exchange", exchange)
        async with adapter.looping() as loop:
            resolver = Resolver(loop, [CLOSED, CLOSED])
            stop = resolver.ask("gw-1.example.com", "A", lambda _: pytest.fail("told"))
            await settle()
            come.set()
            stop()
            await settle()

    adapter.run(main)
