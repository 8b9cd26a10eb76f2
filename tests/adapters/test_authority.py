"""DNS as authoritative servers speak it: answers, failures, dead servers, and calls that need them.

Every test runs against knot where that is installed, and always against the zone of the examples.
"""

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from typing import Protocol

import anyio
import dns.flags
import dns.message
import dns.query
import pytest

import sansip
import sansip_adapter.resolver
from asking import Asking
from authority import KINDS, ORIGIN, serving
from loops import Adapter
from sansip import Address
from sansip.dns import Answer, Failure, Found, Ip, Naptr, NoName, NoRecords, Record, Srv
from sansip.entropy import Draws
from sansip.locate import Answered, Ask, Ended, Exhausted, Hops, aim, start, step
from sansip.message import parse_uri, reply
from sansip_adapter.resolver import PATIENCE, PAYLOAD, TRIES, Resolver, parse_server
from stage import ToName, make_request

CLOSED = "127.0.0.1:9"
ALL = ("udp", "tcp", "tls")

ZONE = (
    """
$ORIGIN example.com.
@       300 SOA ns admin 1 3600 600 86400 17
@       300 NS  ns
ns      300 A   127.0.0.1

; The topology of 2007: NAPTR, SRV, two addresses.
gw          60  NAPTR 10 5 "s" "SIP+D2U" "" _sip._udp.gw
_sip._udp.gw 50 SRV   0 0 5066 gws
gws         40  A     192.0.2.1
gws         40  A     192.0.2.2
gws         40  AAAA  2001:db8::1

; Several orders, a service that we lack, SIPS.
many    60  NAPTR 20 10 "s" "SIP+D2T"  "" _sip._tcp.many
many    60  NAPTR 20 5  "s" "SIP+D2U"  "" _sip._udp.many
many    60  NAPTR 10 5  "s" "SIPS+D2T" "" _sips._tcp.many
many    60  NAPTR 5  5  "s" "SIP+D2S"  "" _sip._sctp.many
many    60  NAPTR 30 5  "u" "E2U+sip"  "!^.*$!sip:info@example.com!" .
_sips._tcp.many 60 SRV 0 0 5061 one
_sip._udp.many  60 SRV 0 0 5060 two
_sip._tcp.many  60 SRV 0 0 5060 three

; Priorities and weights. The only one of priority 20 has several addresses.
_sip._udp.prio  60 SRV 20 0 5060 gws
_sip._udp.prio  60 SRV 10 1 5001 one
_sip._udp.prio  60 SRV 10 9 5009 two
_sip._udp.prio  60 SRV 30 0 5060 three
one     30 A 192.0.2.11
two     30 A 192.0.2.12
three   30 A 192.0.2.13

; No such service, although the name has an address.
absent  30 A 192.0.2.20
_sip._udp.absent 30 SRV 0 0 0 .

; Chains.
alias-5   5  CNAME alias-45
alias-45  45 CNAME alias-7
alias-7   7  CNAME gws
_sip._udp.alias 9 CNAME _sip._udp.gw
to-nothing 9 CNAME not-there
to-nodata  9 CNAME ns
outside    9 CNAME gw.example.net.
loop       9 CNAME loop

*.wild  30 A 192.0.2.30
there.wild 30 TXT "no address here"
zero    0  A 192.0.2.40
UPPER   30 A 192.0.2.50
_SIP._UDP.Upper 30 SRV 0 0 5060 UPPER.Example.COM.
deep.below 30 TXT "below is an empty non-terminal"

; Somebody else's, which this server only knows the name servers of.
elsewhere 30 NS ns.elsewhere
ns.elsewhere 30 A 127.0.0.1
"""
    # Twelve targets with names so long that they do not fit into a datagram.
    + "\n".join(
        f"_sip._udp.twelve 30 SRV {n} 0 {5060 + n} {'long-' * 12}{n}.{'name-' * 8}of"
        for n in range(12)
    )
    + "\n"
    + "\n".join(f'large 30 NAPTR {n} 0 "s" "SIP+D2U" "" _sip._udp.gw-{n}.large' for n in range(40))
    + "\n"
)

SMALL = "@ 0 SOA . . 1 1 1 1 1\n@ 0 NS .\n@ 40 A 192.0.2.1\n"


class Starting(Protocol):
    def __call__(self, zone: str | None, origin: str = ORIGIN) -> str: ...


@pytest.fixture(scope="module", params=KINDS)
def software(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def starting(software: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starting]:
    """Start name servers that live as long as the module's tests."""
    with ExitStack() as started:
        begin = serving(software, tmp_path_factory.mktemp(software))
        yield lambda zone, origin=ORIGIN: started.enter_context(begin(zone, origin))


@pytest.fixture(scope="module")
def authority(starting: Starting) -> str:
    """Give the address of a name server for example.com."""
    return starting(ZONE)


@pytest.fixture(scope="module")
def broken(starting: Starting) -> str:
    """Give the address of a name server that cannot read its zone, example.com."""
    return starting(None)


@pytest.fixture
def resolver(asked: Asking, authority: str) -> Resolver:
    return asked.resolver([authority])


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Give a name server that hears everything and never answers."""
    with closing(bound("127.0.0.1")) as sock:
        yield sock


def bound(host: str, port: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((host, port))
    return sock


def name_of(sock: socket.socket) -> str:
    host, port = sock.getsockname()
    return f"{host}:{port}"


def heard(sock: socket.socket) -> int:
    """Count what has come since it was last asked."""
    count = 0
    while True:
        try:
            sock.recv(65535)
        except BlockingIOError:
            return count
        count += 1


def found(ttl: float, *records: Record) -> Found:
    return Found(records, ttl)


def ips(ttl: float, *addresses: str) -> Found:
    return Found(tuple(map(Ip, addresses)), ttl)


GWS = ips(40, "192.0.2.1", "192.0.2.2")


# What is asked, and what comes back


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("gw", "NAPTR", found(60, Naptr(10, 5, "s", "SIP+D2U", "", "_sip._udp.gw.example.com"))),
        ("_sip._udp.gw", "SRV", found(50, Srv(0, 0, 5066, "gws.example.com"))),
        ("gws", "A", GWS),
        ("gws", "AAAA", ips(40, "2001:db8::1")),
        ("_sip._udp.absent", "SRV", found(30, Srv(0, 0, 0, ""))),
        ("zero", "A", ips(0, "192.0.2.40")),
        ("upper", "A", ips(30, "192.0.2.50")),
        ("GWS.EXAMPLE.COM", "A", GWS),
        ("_Sip._Udp.UPPER", "SRV", found(30, Srv(0, 0, 5060, "upper.example.com"))),
        ("any.wild", "A", ips(30, "192.0.2.30")),
        ("any.thing.wild", "A", ips(30, "192.0.2.30")),
        ("many", "NAPTR", None),
    ],
)
def test_an_answer_says_what_the_zone_says(
    asked: Asking, resolver: Resolver, name: str, kind: str, answer: Found | None
) -> None:
    whole = name if name.endswith("COM") else f"{name}.example.com"
    got = asked.ask(resolver, whole, kind)
    assert isinstance(got, Found)
    if answer is None:
        assert len(got.records) == 5
    else:
        assert (set(got.records), got.ttl) == (set(answer.records), answer.ttl)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("alias-5", Found(GWS.records, 5.0)),
        ("alias-45", Found(GWS.records, 7.0)),
        ("alias-7", Found(GWS.records, 7.0)),
    ],
)
def test_the_smallest_ttl_of_a_chain_counts(
    asked: Asking, resolver: Resolver, name: str, answer: Found
) -> None:
    got = asked.ask(resolver, f"{name}.example.com", "A")
    assert isinstance(got, Found)
    assert (set(got.records), got.ttl) == (set(answer.records), answer.ttl)


def test_a_service_may_be_an_alias(asked: Asking, resolver: Resolver) -> None:
    answer = asked.ask(resolver, "_sip._udp.alias.example.com", "SRV")
    assert answer == found(9, Srv(0, 0, 5066, "gws.example.com"))


@pytest.mark.rule("3263-4.2-06")
@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("gws", "SRV", NoRecords(17.0)),
        ("example.com", "AAAA", NoRecords(17.0)),
        ("below", "A", NoRecords(17.0)),  # nothing but a name below it
        ("there.wild", "A", NoRecords(17.0)),  # what exists is not the wildcard's
        ("any.wild", "SRV", NoRecords(17.0)),
        ("nowhere", "A", NoName(17.0)),
        ("_sip._udp.nowhere", "SRV", NoName(17.0)),
        ("below.there.wild", "A", NoName(17.0)),
        ("to-nothing", "A", NoName(9.0)),
        ("to-nodata", "SRV", NoRecords(9.0)),
    ],
)
def test_a_denial_lasts_as_long_as_the_soa_says(
    asked: Asking, resolver: Resolver, name: str, kind: str, answer: Answer
) -> None:
    whole = name if name == "example.com" else f"{name}.example.com"
    assert asked.ask(resolver, whole, kind) == answer


@pytest.mark.parametrize(
    ("name", "kind", "count"), [("_sip._udp.twelve", "SRV", 12), ("large", "NAPTR", 40)]
)
def test_what_does_not_fit_into_a_datagram_comes_over_tcp(
    asked: Asking, resolver: Resolver, authority: str, name: str, kind: str, count: int
) -> None:
    where = parse_server(authority)
    query = dns.message.make_query(f"{name}.example.com", kind, use_edns=0, payload=PAYLOAD)
    datagram = dns.query.udp(query, where.host, port=where.port, timeout=5)
    assert datagram.flags & dns.flags.TC
    answer = asked.ask(resolver, f"{name}.example.com", kind)
    assert isinstance(answer, Found)
    assert len(set(answer.records)) == count


# Failures, which prove nothing


@pytest.mark.rule("3263-4.2-06")
@pytest.mark.parametrize("kind", ["NAPTR", "SRV", "A", "AAAA"])
def test_a_server_that_has_not_the_zone_proves_nothing(
    asked: Asking, resolver: Resolver, authority: str, kind: str
) -> None:
    answer, took = asked.timed(resolver, "gw.example.net", kind)
    assert answer == Failure(f"{authority}: REFUSED")
    assert took < PATIENCE


@pytest.mark.rule("3263-4.2-06")
@pytest.mark.parametrize("kind", ["NAPTR", "SRV", "A", "AAAA"])
def test_a_server_that_cannot_read_its_zone_proves_nothing(
    asked: Asking, broken: str, kind: str
) -> None:
    answer, took = asked.timed(asked.resolver([broken]), "gw.example.com", kind)
    assert answer == Failure(f"{broken}: SERVFAIL")
    assert took < PATIENCE


@pytest.mark.rule("3263-4.2-06")
@pytest.mark.parametrize("name", ["elsewhere", "gw.elsewhere", "outside", "loop"])
def test_a_server_that_only_points_elsewhere_proves_nothing(
    asked: Asking, resolver: Resolver, name: str
) -> None:
    answer, took = asked.timed(resolver, f"{name}.example.com", "A")
    assert isinstance(answer, Failure)
    assert took < PATIENCE


@pytest.mark.parametrize("name", ["small.example.net", "elsewhere.example.com"])
def test_after_a_server_that_has_not_the_zone_the_next_is_asked_at_once(
    asked: Asking, authority: str, starting: Starting, name: str
) -> None:
    answer, took = asked.timed(asked.resolver([authority, starting(SMALL, f"{name}.")]), name)
    assert answer == ips(40, "192.0.2.1")
    assert took < PATIENCE


def test_after_a_server_that_cannot_read_its_zone_the_next_is_asked_at_once(
    asked: Asking, authority: str, broken: str
) -> None:
    answer, took = asked.timed(asked.resolver([broken, authority]), "one.example.com")
    assert answer == ips(30, "192.0.2.11")
    assert took < PATIENCE


# Dead servers


def test_a_closed_port_costs_nothing(asked: Asking, authority: str) -> None:
    resolver = asked.resolver([CLOSED, authority])
    for _ in range(2):
        answer, took = asked.timed(resolver, "one.example.com")
        assert answer == ips(30, "192.0.2.11")
        assert took < PATIENCE


def test_a_silent_server_costs_half_a_second_once(
    asked: Asking, authority: str, silent: socket.socket
) -> None:
    resolver = asked.resolver([name_of(silent), authority])
    answer, took = asked.timed(resolver, "one.example.com")
    assert answer == ips(30, "192.0.2.11")
    assert PATIENCE <= took < 2 * PATIENCE
    assert heard(silent) == 1
    for name in ("two", "three"):
        assert isinstance(asked.ask(resolver, f"{name}.example.com", "A"), Found)
    assert heard(silent) == 0


def test_questions_at_the_same_time_pay_for_a_silent_server_at_the_same_time(
    asked: Asking, authority: str, silent: socket.socket
) -> None:
    resolver = asked.resolver([name_of(silent), authority])
    begun = time.monotonic()
    names = [f"{name}.example.com" for name in ("one", "two", "three")]
    assert all(isinstance(answer, Found) for answer in asked.ask_all(resolver, names))
    assert time.monotonic() - begun < 2 * PATIENCE
    assert heard(silent) == 3


@pytest.mark.rule("3263-4.2-06")
def test_only_dead_servers_are_a_failure_in_bounded_time(
    asked: Asking, silent: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sansip_adapter.resolver, "PATIENCE", 0.05)
    servers = (CLOSED, name_of(silent), "127.0.0.2:9")
    answer, took = asked.timed(asked.resolver([*servers]), "one.example.com")
    assert isinstance(answer, Failure)
    assert answer.reason == (
        f"{CLOSED}: Connection refused; {name_of(silent)}: timed out; "
        "127.0.0.2:9: Connection refused"
    )
    assert took < TRIES * 0.05 + 0.3


# From a URI to its hops


def located(
    asked: Asking,
    resolver: Resolver,
    uri: str,
    supported: Sequence[str] = ("udp",),
    families: Sequence[int] = (4,),
) -> tuple[list[str], Exhausted]:
    """Carry a lookup through, and give its hops and how it ended."""
    state, outputs = start(
        aim(parse_uri(uri, "test"), supported, families), Draws(bytes(32), "a call")
    )
    hops: list[str] = []
    todo = list(outputs)
    while True:
        output = todo.pop(0)
        match output:
            case Ask(question):
                answer = asked.ask(resolver, question.name, question.type)
                state, outputs = step(state, Answered(question, answer))
                todo += outputs
            case Hops():
                hops += [f"{hop.transport} {hop.address}" for hop in output.hops]
            case Exhausted():
                assert isinstance(state, Ended)
                return hops, output


def test_the_topology_of_2007_leads_to_two_gateways(asked: Asking, resolver: Resolver) -> None:
    hops, end = located(asked, resolver, "sip:bob@gw.example.com")
    assert sorted(hops) == ["udp 192.0.2.1:5066", "udp 192.0.2.2:5066"]
    assert end == Exhausted("")


def test_both_families_are_asked_for(asked: Asking, resolver: Resolver) -> None:
    hops, _ = located(asked, resolver, "sip:gws.example.com:5070", families=(6, 4))
    assert hops[0] == "udp [2001:db8::1]:5070"
    assert sorted(hops[1:]) == ["udp 192.0.2.1:5070", "udp 192.0.2.2:5070"]


@pytest.mark.parametrize(
    ("uri", "supported", "expected"),
    [
        ("sip:many.example.com", ("udp", "tcp", "tls"), ["tls 192.0.2.11:5061"]),
        ("sip:many.example.com", ("udp", "tcp"), ["udp 192.0.2.12:5060", "tcp 192.0.2.13:5060"]),
        ("sips:many.example.com", ("udp", "tcp", "tls"), ["tls 192.0.2.11:5061"]),
        ("sips:many.example.com", ("udp", "tcp"), []),
    ],
)
def test_the_lowest_order_that_can_be_used_is_used(
    asked: Asking, resolver: Resolver, uri: str, supported: tuple[str, ...], expected: list[str]
) -> None:
    hops, _ = located(asked, resolver, uri, supported)
    assert hops == expected


def test_priorities_go_before_weights(asked: Asking, resolver: Resolver) -> None:
    hops, _ = located(asked, resolver, "sip:prio.example.com;transport=udp")
    assert set(hops[:2]) == {"udp 192.0.2.11:5001", "udp 192.0.2.12:5009"}
    assert set(hops[2:4]) == {"udp 192.0.2.1:5060", "udp 192.0.2.2:5060"}
    assert hops[4:] == ["udp 192.0.2.13:5060"]


@pytest.mark.rule("2782-05")
def test_a_service_that_is_decidedly_absent_leads_nowhere(
    asked: Asking, resolver: Resolver
) -> None:
    hops, end = located(asked, resolver, "sip:absent.example.com")
    assert (hops, end.reason) == ([], "no service")


def test_a_name_that_does_not_exist_leads_nowhere(asked: Asking, resolver: Resolver) -> None:
    hops, end = located(asked, resolver, "sip:nowhere.example.com")
    assert (hops, end.reason) == ([], "no such name")


@pytest.mark.rule("3263-4.2-06")
def test_a_name_that_nobody_answers_for_fails(asked: Asking, resolver: Resolver) -> None:
    hops, end = located(asked, resolver, "sip:gw.example.net")
    assert (hops, end.reason) == ([], "DNS failure")


# Calls


@pytest.fixture
def gateways() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Give two gateways on the same port of two addresses: one of them will be silent."""
    with ExitStack() as opened:
        for _ in range(20):
            first = opened.enter_context(closing(bound("127.0.0.2")))
            try:
                second = bound("127.0.0.3", first.getsockname()[1])
            except OSError:
                continue
            yield first, opened.enter_context(closing(second))
            return
        pytest.fail("no port is free on both")


def zone_of(gateways: tuple[socket.socket, socket.socket]) -> str:
    """Give a zone where the gateways are found anew with each call: TTL 0."""
    port = gateways[0].getsockname()[1]
    return f"""
@           300 SOA ns admin 1 3600 600 86400 0
@           300 NS  ns
ns          300 A   127.0.0.1
gw            0 NAPTR 10 5 "s" "SIP+D2U" "" _sip._udp.gw
_sip._udp.gw  0 SRV 0 0 {port} gws
gws           0 A   127.0.0.2
gws           0 A   127.0.0.3
"""


def calls(
    adapter: Adapter, nameservers: Sequence[str], living: Sequence[socket.socket], count: int
) -> list[tuple[int, float]]:
    """Make calls to gw.example.com; give how each ended, and when. Who is not living is silent."""
    config = sansip.Config(
        [sansip.Endpoint("udp", "127.0.0.1:0", advertise="192.0.2.10:5060")],
        allow_hops=["127.0.0.0/8"],
    )
    engine = sansip.Engine(config, ToName(advance_after=0.2))
    ends: list[tuple[int, float]] = []

    async def main() -> None:
        with closing(bound("127.0.0.1")) as phone:
            async with (
                adapter.serving(engine, nameservers=nameservers) as server,
                anyio.create_task_group() as group,
            ):
                (where,) = server.addresses.values()
                for sock in living:
                    group.start_soon(accept, sock)
                for number in range(count):
                    begun = time.monotonic()
                    status = await call(phone, where, number)
                    ends.append((status, time.monotonic() - begun))
                group.cancel_scope.cancel()

    adapter.run(main)
    return ends


async def call(phone: socket.socket, proxy: Address, number: int) -> int:
    host, port = phone.getsockname()
    invite = make_request(
        branch=f"z9hG4bK{number}", call_id=f"call-{number}", source=Address(host, port)
    )
    phone.sendto(invite.render(), (proxy.host, proxy.port))
    while True:
        await anyio.wait_readable(phone)
        answer = sansip.parse(phone.recv(65535))
        assert isinstance(answer, sansip.Response)
        if answer.status >= 200 and answer.call_id == invite.call_id:
            return answer.status


async def accept(gateway: socket.socket) -> None:
    """Answer every INVITE with 200."""
    host, port = gateway.getsockname()
    while True:
        await anyio.wait_readable(gateway)
        data, source = gateway.recvfrom(65535)
        request = sansip.parse(data)
        if isinstance(request, sansip.Request) and request.method == "INVITE":
            contact = ("Contact", f"<sip:bob@{host}:{port}>")
            answer = reply(request, 200, to_tag="b", headers=[contact])
            gateway.sendto(answer.render(), source)


@pytest.mark.parametrize("living", [0, 1])
def test_a_call_reaches_the_gateway_that_lives_when_the_other_is_silent(
    adapter: Adapter, starting: Starting, gateways: tuple[socket.socket, socket.socket], living: int
) -> None:
    server = starting(zone_of(gateways))
    for status, took in calls(adapter, [server], [gateways[living]], 2):
        assert status == 200
        assert took < 1.0


def test_a_dead_name_server_costs_the_first_call_something_and_the_second_nothing(
    adapter: Adapter,
    asked: Asking,
    starting: Starting,
    gateways: tuple[socket.socket, socket.socket],
    silent: socket.socket,
) -> None:
    servers = [CLOSED, name_of(silent), starting(zone_of(gateways))]
    (first, cost), (second, later) = calls(adapter, servers, gateways, 2)
    assert (first, second) == (200, 200)
    assert PATIENCE <= cost < 2 * PATIENCE
    assert later < PATIENCE
    assert heard(silent) == 1  # NAPTR was asked; SRV, A and the second call went to the living one


def test_without_a_living_name_server_a_call_is_refused_in_time(
    adapter: Adapter, silent: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sansip_adapter.resolver, "PATIENCE", 0.02)
    ((status, took),) = calls(adapter, [CLOSED, name_of(silent)], (), 1)
    assert status >= 500
    assert took < 3 * TRIES * 0.02 + 0.5  # NAPTR, SRV, A
