"""Connections between nodes: TCP, and TLS by the names of certificates."""

from collections import deque
from math import inf

import pytest

import sansip
from sansip.journal import read
from sansip.message import Request, Response
from sansip.replay import replay
from sansip.simulate import (
    PICKS_UP,
    RINGS,
    Answer,
    Gateway,
    Host,
    Link,
    Packet,
    Party,
    Phone,
    World,
)

PROXY = "192.0.2.10:5060"
SECURE = "192.0.2.10:5061"
URI = "sip:bob@example.com"
ZONE = """
$ORIGIN example.com.
gw            NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp.gw
_sips._tcp.gw SRV   0 0 5061 gw-1
_sips._tcp.gw SRV   1 0 5061 gw-2
gw-1          A     203.0.113.1
gw-2          A     203.0.113.2
"""
TCP_1, TCP_2 = [f"sip:bob@203.0.113.{number};transport=tcp" for number in (1, 2)]
HERE, THERE = [sansip.Address(f"192.0.2.{number}", 5060) for number in (1, 2)]


class To(sansip.Policy):
    def __init__(self, *targets: str, late: float | None = None) -> None:
        self.targets, self.late = targets, late

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        first, *rest = self.targets
        following = [sansip.Target(uri, 0.5) for uri in rest]
        return sansip.Relay((sansip.Target(first), *following), advance_after=self.late)


def engine(*targets: str, kinds: tuple[str, ...] = ("udp", "tcp", "tls")) -> sansip.Engine:
    places = {"udp": PROXY, "tcp": PROXY, "tls": SECURE}
    endpoints = [sansip.Endpoint(kind, places[kind]) for kind in kinds]
    return sansip.Engine(sansip.Config(endpoints), To(*targets))


def sent(world: World, sender: str, receiver: str) -> list[str]:
    """The first words of what went between these two."""
    return [
        sight.data.removeprefix(b"SIP/2.0 ").split()[0].decode()
        for sight in world.wire
        if (sight.sender, sight.receiver) == (sender, receiver)
    ]


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_a_call_over_connections(transport: str) -> None:
    """Over those of the phone's to the proxy, and of the proxy's to the gateway."""
    with World(journal=True) as world:
        proxy = world.engine(engine(TCP_1))
        gateway = world.gateway("203.0.113.1", name="gw", transport="tcp")
        phone = world.phone("198.51.100.1", proxy, name="phone", transport=transport)
        call = phone.call(URI)
        world.run()
    assert (call.status, call.ended) == (200, 200)
    assert call.answered_by == gateway.address
    assert sent(world, "proxy", "gw") == ["INVITE", "ACK", "BYE"]
    assert sent(world, "gw", "proxy") == ["100", "180", "200", "200"]
    opened = {"udp": 0.0, "tcp": 0.01, "tls": 0.01}[transport]
    assert round(call.set_up, 3) == round(0.52 + 0.01 + opened, 3)  # there and back, to open
    assert proxy.left() == {}
    assert replay(read(world.journals()["proxy"]), proxy.engine) is None


def test_nothing_is_said_again_over_a_connection_but_a_2xx() -> None:
    world = World()
    gateway = world.gateway(
        "203.0.113.1", (Answer(2.0, 180), Answer(3.0, 200)), "gw", transport="tcp"
    )
    phone = world.phone("198.51.100.1", gateway, name="phone", transport="tcp")
    phone.call(URI)
    world.run(2.9)
    assert sent(world, "phone", "gw") == ["INVITE"]
    world.cut(phone)
    world.run(5.0)
    world.mend(phone)
    world.run()
    assert sent(world, "gw", "phone")[1:5] == ["200", "200", "200", "200"]
    silent = world.gateway("203.0.113.2", (), "silent", transport="tcp")
    call = world.phone("198.51.100.2", silent, name="other", transport="tcp").call(URI)
    world.run()
    assert (call.status, call.set_up) == (408, 32.0)
    assert sent(world, "other", "silent") == ["INVITE"]


def test_tls_proves_the_names_that_dns_has_for_an_address() -> None:
    world = World()
    world.zone(ZONE)
    proxy = world.engine(engine("sip:bob@gw.example.com"))
    gateway = world.gateway("203.0.113.1", transport="tls")
    assert str(gateway.address) == "203.0.113.1:5061"
    call = world.phone("198.51.100.1", proxy, transport="tls").call(URI)
    world.run()
    assert (call.status, call.ended) == (200, 200)
    assert call.answered_by == gateway.address


def test_a_certificate_for_somebody_else_is_none() -> None:
    world = World()
    world.zone(ZONE)
    proxy = world.engine(engine("sip:bob@gw.example.com"))
    astray = world.gateway("203.0.113.1", transport="tls", certificate=("other.example.net",))
    second = world.gateway("203.0.113.2", transport="tls")
    call = world.phone("198.51.100.1", proxy).call(URI)
    world.run()
    assert call.answered_by == second.address
    assert astray.invites == []
    assert any("its certificate is for other" in said.report.text for said in world.reports)


def test_engines_talk_to_one_another_by_tls() -> None:
    world = World()
    world.zone("$ORIGIN example.com.\nedge A 192.0.2.20\n")
    proxy = world.engine(engine("sip:bob@edge.example.com:5061;transport=tls"))
    endpoints = [
        sansip.Endpoint("udp", "192.0.2.20:5060"),
        sansip.Endpoint("tls", "192.0.2.20:5061"),
    ]
    policy = To("sip:bob@203.0.113.1")
    edge = world.engine(sansip.Engine(sansip.Config(endpoints), policy), "edge")
    gateway = world.gateway("203.0.113.1")
    call = world.phone("198.51.100.1", proxy, transport="tcp").call(URI)
    world.run()
    assert (call.status, call.ended, call.answered_by) == (200, 200, gateway.address)
    assert sent(world, "proxy", "edge") == ["INVITE", "ACK", "BYE"]
    edge.certificate = ("somebody.example.net",)
    again = world.phone("198.51.100.2", proxy).call(URI)
    world.run()
    assert again.status == 500


def test_where_nobody_listens_a_connection_is_refused_at_once() -> None:
    for there in ("another transport", "another port", "down"):
        world = World()
        proxy = world.engine(engine(TCP_1, TCP_2))
        port = 5070 if there == "another port" else 5060
        kind = "udp" if there == "another transport" else "tcp"
        first = world.gateway(f"203.0.113.1:{port}", transport=kind)
        if there == "down":
            first.crash()
        second = world.gateway("203.0.113.2", transport="tcp")
        call = world.phone("198.51.100.1", proxy).call(URI)
        world.run()
        assert call.answered_by == second.address
        assert call.set_up < 0.6


def test_where_nobody_is_or_the_link_is_cut_nothing_comes_back() -> None:
    for cut in (False, True):
        world = World()
        proxy = world.engine(engine(TCP_1, TCP_2))
        if cut:
            world.cut(proxy, world.gateway("203.0.113.1", transport="tcp"))
        second = world.gateway("203.0.113.2", transport="tcp")
        call = world.phone("198.51.100.1", proxy).call(URI)
        world.run()
        assert call.answered_by == second.address
        assert 4.5 < call.set_up < 4.6  # Limits.connect, and it rings for half a second


def test_a_datagram_to_who_is_reached_by_connections_alone_is_refused() -> None:
    world = World()
    proxy = world.engine(engine(TCP_1, kinds=("tcp",)))
    gateway = world.gateway("203.0.113.1", name="gw", transport="tcp")
    phone = world.phone("198.51.100.1", gateway, name="phone")
    for place in (gateway.address, proxy.address):
        world.send(phone, Packet(phone.address, place, b"OPTIONS", None))
    world.run()
    assert gateway.invites == []
    assert len(world.wire) == 2
    assert proxy.left() == {}


class Listener(Party):
    """It notes what comes, and when."""

    def __init__(self, world: World, address: sansip.Address, transport: str = "tcp") -> None:
        super().__init__(world, address, transport=transport)
        self.heard: list[tuple[float, str]] = []
        world.join(self)

    def asked(self, request: Request, source: sansip.Address) -> None:
        self.heard.append((round(self.now, 3), request.uri_text))
        self.source = source

    def answered(self, response: Response) -> None:
        self.heard.append((round(self.now, 3), str(response.status)))


def asking(number: int) -> Request:
    via = f"SIP/2.0/TCP {HERE};branch=z9hG4bK{number}"
    return Request.make("OPTIONS", f"sip:{number}@{THERE}", [("Via", via), ("CSeq", "1 OPTIONS")])


def test_what_is_sent_over_a_connection_keeps_its_order() -> None:
    world = World(link=Link(0.1, jitter=1.0, loss=0.9, duplication=0.9))
    here, there = Listener(world, HERE), Listener(world, THERE)
    for number in range(20):
        here.say(asking(number), THERE)
    world.run()
    assert [uri for _, uri in there.heard] == [f"sip:{number}@{THERE}" for number in range(20)]
    assert there.heard[0][0] < there.heard[-1][0]


def test_what_a_cut_link_holds_up_goes_on_when_it_is_mended() -> None:
    world = World()
    here, there = Listener(world, HERE), Listener(world, THERE)
    here.say(asking(0), THERE)
    world.run(1.0)
    world.cut(here)
    for number in (1, 2):
        here.say(asking(number), THERE)
    world.run(1.0)
    assert [sight.arrives for sight in world.wire][1:] == [(inf,), (inf,)]
    world.mend(here)
    world.run()
    assert there.heard == [
        (0.015, f"sip:0@{THERE}"),
        (2.005, f"sip:1@{THERE}"),
        (2.005, f"sip:2@{THERE}"),
    ]


def test_who_crashes_breaks_all_its_connections() -> None:
    """And what was on its way over them is lost; then there is another."""
    world = World()
    proxy = world.engine(engine(TCP_1, TCP_2))
    first = world.gateway("203.0.113.1", RINGS, transport="tcp")
    second = world.gateway("203.0.113.2", transport="tcp")
    phone = world.phone("198.51.100.1", proxy, transport="tcp")
    rings = phone.call(URI, give_up=20.0)
    world.run(1.0)
    fresh = phone.call(URI)
    world.run(0.002)
    first.crash()
    world.run(1.0)
    assert fresh.answered_by == second.address  # it had not been answered at all
    first.start()
    first.answers = PICKS_UP
    last = phone.call(URI)
    world.run()
    assert last.answered_by == first.address
    assert rings.status == 487


def test_a_proxy_that_crashes_takes_the_connections_of_phones_along() -> None:
    world = World()
    proxy = world.engine(engine(TCP_1))
    world.gateway("203.0.113.1", transport="tcp")
    phone = world.phone("198.51.100.1", proxy, transport="tcp")
    before = phone.call(URI, after=0.5)
    world.run(0.9)
    proxy.crash()
    proxy.start()
    world.run(1.0)
    after = phone.call(URI)
    world.run()
    assert (before.status, after.status) == (0, 200)  # it has heard a 100, and waits
    assert proxy.left() == {}


def test_a_connection_that_is_not_used_is_closed() -> None:
    world = World()
    proxy = world.engine(engine(TCP_1))
    world.gateway("203.0.113.1", transport="tcp")
    world.phone("198.51.100.1", proxy).call(URI)
    world.run(100.0)
    assert len(proxy.state.flows)
    world.run()
    assert not len(proxy.state.flows)
    assert 120.0 < world.now < 130.0


def test_an_answer_whose_connection_is_gone_takes_another_to_the_sent_by() -> None:
    world = World()
    here, there = Listener(world, HERE), Listener(world, THERE)
    here.say(asking(1), THERE)
    world.run()
    here.crash()
    world.run()
    here.start()
    for status in (100, 200):
        there.say(Response.make(status, "x", [("Via", asking(1).get("via") or "")]), there.source)
    world.run()
    assert [status for _, status in here.heard] == ["100", "200"]


def test_what_is_still_on_its_way_to_who_has_closed_is_left() -> None:
    for engines in (False, True):
        world = World()
        here, party = Listener(world, HERE), Listener(world, THERE)
        there = world.engine(engine(TCP_1, kinds=("tcp",))) if engines else party
        here.say(asking(1), there.address)
        world.run(0.012)
        (end,) = [end for end in world.connections.ends if end.node is there]
        world.connections.close(end)
        world.run()
        assert len(world.wire) == 1
        assert party.heard == []


class Answering(sansip.Engine):
    """An engine that orders what it is told to, whatever happens."""

    __slots__ = ("heard", "ordered")
    ordered: tuple[sansip.Action, ...]
    heard: list[sansip.Event]

    def step(
        self, state: sansip.State, event: sansip.Event
    ) -> tuple[sansip.State, tuple[sansip.Action, ...]]:
        ordered, self.ordered = self.ordered, ()
        self.heard.append(event)
        return state, ordered


def test_what_is_sent_over_no_connection_fails() -> None:
    world = World()
    answering = Answering(sansip.Config([sansip.Endpoint("tcp", PROXY)]))
    answering.heard = []
    send = sansip.Send("1 x", f"tcp:{PROXY}", HERE, 7, b"\r\n")
    answering.ordered = (send, sansip.CloseFlow(7))
    host: Host = world.engine(answering)
    host.submit(sansip.Administered(0.0, sansip.FlushCache()))
    world.run()
    here = Listener(world, HERE)
    here.say(asking(1), host.address)
    world.run()
    assert host.left() == {}  # though it does not know of that connection
    assert answering.heard[1:2] == [
        sansip.SendFailed(0.0, send.endpoint, HERE, "the connection is closed", "1 x", b"\r\n")
    ]


def test_keep_alives_go_over_connections() -> None:
    world = World()
    proxy = world.engine(engine(TCP_1))
    here = Listener(world, HERE)
    end = world.connections.open(here, "tcp", HERE.host, proxy.address)
    world.connections.send(end, b"\r\n\r\n", None)
    world.run()
    assert [sight.data for sight in world.wire] == [b"\r\n\r\n", b"\r\n"]


def test_a_proxy_refuses_connections_to_where_it_does_not_listen() -> None:
    world = World()
    proxy = world.engine(engine(TCP_1))
    here = Listener(world, HERE)
    here.say(asking(1), sansip.Address(proxy.address.host, 5070))
    world.run()
    assert world.now == 0.01
    assert world.wire == deque()


def test_probes_over_connections_are_probes() -> None:
    world = World()
    probed = sansip.Group(["sip:203.0.113.1;transport=tcp"], probing=sansip.Probing(every=2.0))
    config = sansip.Config([sansip.Endpoint("tcp", PROXY)], groups={"gateways": probed})
    proxy = world.engine(sansip.Engine(config))
    gateway: Gateway = world.gateway("203.0.113.1", transport="tcp")
    phone: Phone = world.phone("198.51.100.1", proxy, transport="tcp")
    call = phone.call(URI)
    world.run()
    assert call.status == 480  # nobody has answered it here (Limits.unanswered)
    assert gateway.invites == []
    assert world.now < 190.0
    assert sum(sight.data.startswith(b"OPTIONS") for sight in world.wire) > 10
