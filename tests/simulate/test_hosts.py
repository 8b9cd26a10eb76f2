"""Engines as nodes: their programs, crashes, endpoints, and what the machine below them says."""

import pytest

import sansip
from sansip.message import Request, reply
from sansip.simulate import RINGS, SILENT, Host, Packet, World
from sansip.simulate.network import Wake

PROXY = "192.0.2.10:5060"
URI = "sip:bob@example.com"
GW_1, GW_2 = "sip:bob@203.0.113.1", "sip:bob@203.0.113.2"


class To(sansip.Policy):
    def __init__(self, decision: sansip.Decision) -> None:
        self.decision = decision

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return self.decision

    def found(
        self, request: sansip.Request, scene: sansip.Scene, answer: object
    ) -> sansip.Decision:
        return sansip.Relay(str(answer))


def engine(decision: sansip.Decision, *endpoints: sansip.Endpoint) -> sansip.Engine:
    listening = endpoints or (sansip.Endpoint("udp", PROXY),)
    return sansip.Engine(sansip.Config(listening), To(decision))


def test_a_program_is_a_user_agent() -> None:
    world = World()

    def program(host: Host, action: sansip.Deliver | sansip.Consult) -> None:
        if isinstance(action, sansip.Deliver) and action.kind == "request":
            assert isinstance(action.message, Request)
            contact = [("Contact", f"<sip:{host.address}>")]
            for after, status in ((0.1, 180), (0.5, 200)):
                response = reply(action.message, status, headers=contact)
                done = action.message.method == "BYE"
                at = host.now if done else host.now + after
                if status == 200 or not done:
                    host.submit(sansip.ResponseSubmitted(at, action.handle, response))

    host = world.engine(engine(sansip.Local()), program=program)
    host.engine.policy.in_dialog = lambda request, scene: sansip.Local()  # type: ignore[method-assign]
    call = world.phone("198.51.100.1", host).call(URI)
    world.run()
    assert (call.provisional, call.status, call.ended) == ([100, 180], 200, 200)
    assert call.answered_by == host.address


def test_a_program_may_be_consulted() -> None:
    world = World()

    def program(host: Host, action: sansip.Deliver | sansip.Consult) -> None:
        if isinstance(action, sansip.Consult):
            host.submit(sansip.Consulted(host.now + 1.0, action.question, GW_1))

    host = world.engine(engine(sansip.Ask("who?", "found")), program=program)
    gateway = world.gateway("203.0.113.1")
    call = world.phone("198.51.100.1", host).call(URI)
    world.run()
    assert call.answered_by == gateway.address
    assert 1.5 < call.set_up < 1.6


def test_without_a_program_nobody_answers() -> None:
    world = World()
    call = world.phone("198.51.100.1", world.engine(engine(sansip.Local()))).call(URI)
    world.run()
    assert call.status == 480


def test_nothing_is_submitted_in_the_past() -> None:
    world = World()
    host = world.engine(engine(sansip.Local()))
    world.run(1.0)
    with pytest.raises(sansip.LocalProtocolError, match=r"is in the past: it is 1\.0 now"):
        host.submit(sansip.Administered(0.5, sansip.FlushCache()))
    host.submit(sansip.Administered(1.0, sansip.Quiesce()))
    call = world.phone("198.51.100.1", host).call(URI)
    world.run()
    assert call.status == 503


def test_the_machine_says_that_nobody_listens_and_the_next_gateway_is_tried_at_once() -> None:
    world = World()
    host = world.engine(engine(sansip.Relay((sansip.Target(GW_1), sansip.Target(GW_2, 0.5)))))
    first, second = world.gateway("203.0.113.1"), world.gateway("203.0.113.2")
    first.crash()
    call = world.phone("198.51.100.1", host).call(URI)
    world.run()
    assert call.answered_by == second.address
    assert call.set_up < 0.6


def test_an_engine_that_crashes_forgets_and_another_run_has_another_seed() -> None:
    world = World()
    host = world.engine(engine(sansip.Relay(GW_1)))
    gateway = world.gateway("203.0.113.1", RINGS)
    phone = world.phone("198.51.100.1", host)
    before = phone.call(URI)
    world.run(1.0)
    seed = host.seed
    host.crash()
    assert not host.up
    during = phone.call(URI)
    world.run(1.0)
    assert (during.provisional, during.status) == ([], 0)
    host.start()
    assert host.left() == {}
    assert host.started == 2.0
    assert host.seed != seed
    world.run()
    assert (before.status, before.provisional) == (0, [100, 180])
    assert during.provisional == [100, 180]
    assert len(gateway.invites) == 2


def test_what_is_submitted_to_who_is_down_is_for_nobody() -> None:
    world = World()
    host = world.engine(engine(sansip.Local()))
    host.submit(sansip.Administered(2.0, sansip.Quiesce()))
    host.crash()
    host.submit(sansip.Administered(1.0, sansip.Quiesce()))
    world.run()
    assert host.state.retry_after is None


def test_a_connection_is_refused_and_a_large_request_goes_as_a_datagram() -> None:
    world = World()
    endpoints = [sansip.Endpoint(transport, PROXY) for transport in ("udp", "tcp")]
    host = world.engine(engine(sansip.Relay(GW_1), *endpoints))
    gateway = world.gateway("203.0.113.1")
    call = world.phone("198.51.100.1", host).call(URI, body=b"x" * 1400)
    world.run()
    assert call.answered_by == gateway.address
    assert len(gateway.invites[0].body) == 1400


def test_an_engine_on_a_wildcard_is_where_it_says() -> None:
    world = World()
    for host, advertise in (("0.0.0.0", PROXY), ("[::]", "[2001:db8::1]:5060")):
        endpoint = sansip.Endpoint("udp", f"{host}:5060", advertise=advertise)
        made = world.engine(engine(sansip.Relay(GW_1), endpoint), host)
        assert str(made.address) == advertise
    world.gateway("203.0.113.1")
    call = world.phone("198.51.100.1", world.nodes["0.0.0.0"]).call(URI)
    world.run()
    assert (call.status, call.ended) == (200, 200)


def test_an_engine_without_an_ip_address_cannot_be_simulated() -> None:
    world = World()
    named = sansip.Endpoint("udp", "0.0.0.0:5060", advertise="proxy.example.com:5060")
    with pytest.raises(sansip.LocalProtocolError, match="needs an IP address to be simulated"):
        world.engine(engine(sansip.Local(), named))


def test_dns_that_says_nothing_costs_as_long_as_the_engine_waits() -> None:
    world = World()
    world.zone("gw A 203.0.113.1", "example.com")
    world.names.fail("gw.example.com", "")
    host = world.engine(engine(sansip.Relay(["sip:gw.example.com:5060", GW_2])))
    world.gateway("203.0.113.2", SILENT)
    phone = world.phone("198.51.100.1", host)
    call = phone.call(URI)
    world.run()
    assert call.status == 408
    assert "dns" in [said.report.topic for said in world.reports]


def test_what_cannot_be_read_reaches_the_engine_all_the_same() -> None:
    world = World()
    host = world.engine(engine(sansip.Reply(404)))
    phone = world.phone("198.51.100.1", host)
    data = b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKx\r\n\r\n"
    world.send(phone, Packet(phone.address, host.address, data, None))
    world.run()
    assert world.wire[-1].data.startswith(b"SIP/2.0 400 ")
    host.happens(Wake("is for parties", ""))


class Answering(sansip.Engine):
    """An engine that orders what it is told to, whatever happens."""

    __slots__ = ("ordered",)
    ordered: tuple[sansip.Action, ...]

    def step(
        self, state: sansip.State, event: sansip.Event
    ) -> tuple[sansip.State, tuple[sansip.Action, ...]]:
        return super().step(state, event)[0], self.ordered


def test_orders_that_no_world_leads_to_do_no_harm() -> None:
    world = World()
    answering = Answering(sansip.Config([sansip.Endpoint("udp", PROXY)]))
    phone = sansip.Address("198.51.100.1", 5060)
    keep_alive = sansip.Send("1 x", f"udp:{PROXY}", phone, None, b"\r\n")
    stop = sansip.StopTimer(sansip.Timer("nobody", "A", 1))
    answering.ordered = (keep_alive, sansip.CloseFlow(1), stop)
    host = world.engine(answering)
    host.submit(sansip.Administered(0.0, sansip.FlushCache()))
    world.run()
    assert [sight.data for sight in world.wire] == [b"\r\n"]
