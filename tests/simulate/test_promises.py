"""Promises are looked at: engines with a fault each, put in on purpose, are all found.

The fault is in what the engine orders: something is kept back, changed, or added.
"""

from collections.abc import Callable
from contextlib import nullcontext

import pytest

import sansip
from sansip.message import Request, ack, cancel, parse_via, reply
from sansip.simulate import PICKS_UP, RINGS, SILENT, Answer, Broken, World
from sansip.simulate.gateway import Script
from sansip.simulate.network import read
from sansip.simulate.promises import Promises

PROXY = "192.0.2.10:5060"
FIRST, SECOND = sansip.Address("203.0.113.1", 5060), sansip.Address("203.0.113.2", 5060)
CALLER = sansip.Address("198.51.100.1", 5060)
Fault = Callable[[sansip.Send], tuple[sansip.Send, ...]]


class Both(sansip.Policy):
    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay((f"sip:a@{FIRST}", f"sip:b@{SECOND}"))


class Faulty(sansip.Engine):
    """An engine with a fault in what it sends."""

    __slots__ = ("fault",)
    fault: Fault

    def step(
        self, state: sansip.State, event: sansip.Event
    ) -> tuple[sansip.State, tuple[sansip.Action, ...]]:
        state, actions = super().step(state, event)
        changed: list[sansip.Action] = []
        for action in actions:
            changed += self.fault(action) if isinstance(action, sansip.Send) else (action,)
        return state, tuple(changed)


def run(fault: Fault, one: Script = RINGS, two: Script = RINGS, give_up: float = 2.0) -> None:
    world = World()
    engine = Faulty(sansip.Config([sansip.Endpoint("udp", PROXY)]), Both())
    engine.fault = fault
    proxy = world.engine(engine)
    world.gateway(FIRST, one)
    world.gateway(SECOND, two)
    world.phone(CALLER, proxy).call("sip:bob@example.com", give_up=give_up)
    world.run()


def changed(send: sansip.Send, remote: sansip.Address, data: bytes) -> sansip.Send:
    return sansip.Send(send.id, send.endpoint, remote, send.flow, data)


def keeping_back(start: bytes) -> Fault:
    return lambda send: () if send.data.startswith(start) else (send,)


def astray(start: bytes) -> Fault:
    there = sansip.Address("203.0.113.9", 5060)
    return lambda send: (
        (changed(send, there, send.data),) if send.data.startswith(start) else (send,)
    )


def instead(start: bytes, *others: bytes) -> Fault:
    """Say something else, or more, in the place of what begins like this."""

    def fault(send: sansip.Send) -> tuple[sansip.Send, ...]:
        if not send.data.startswith(start):
            return (send,)
        rest = send.data.removeprefix(start)
        return tuple([changed(send, send.remote, other + rest) for other in others])

    return fault


def at_once(send: sansip.Send) -> tuple[sansip.Send, ...]:
    """CANCEL every INVITE without waiting for anything."""
    if not send.data.startswith(b"INVITE"):
        return (send,)
    invite = sansip.parse(send.data)
    assert isinstance(invite, Request)
    return send, changed(send, send.remote, cancel(invite).render())


def anew(send: sansip.Send) -> tuple[sansip.Send, ...]:
    """A new branch instead of a CANCEL."""
    if not send.data.startswith(b"CANCEL"):
        return (send,)
    data = send.data.replace(b"CANCEL", b"INVITE").replace(b"branch=z9hG4bK", b"branch=z9hG4bKx")
    caller = b"\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=" + CALLERS_BRANCH.encode()
    return (changed(send, send.remote, data.replace(b"\r\nMax-F", caller + b"\r\nMax-F")),)


def callers_branch() -> str:
    world = World()
    phone = world.phone(CALLER, world.gateway(FIRST))
    return phone.call("sip:bob@example.com").invite.via.branch or ""


CALLERS_BRANCH = callers_branch()
REFUSES: Script = (Answer(0.5, 486),)


def test_an_engine_without_a_fault_keeps_them() -> None:
    for script in (PICKS_UP, RINGS, REFUSES, SILENT):
        run(lambda send: (send,), script)


@pytest.mark.parametrize(
    ("fault", "one", "why"),
    [
        (keeping_back(b"ACK"), REFUSES, "a 486 from 203.0.113.1:5060 gets no ACK"),
        (astray(b"ACK"), REFUSES, "an ACK goes to 203.0.113.9:5060"),
        (keeping_back(b"CANCEL"), RINGS, "is left ringing at 203.0.113.1:5060"),
        (astray(b"CANCEL"), RINGS, "a CANCEL goes to 203.0.113.9:5060, its INVITE"),
        (instead(b"CANCEL sip:a", b"CANCEL sip:x"), RINGS, "a CANCEL goes to 203.0.113.1:5060"),
        (at_once, RINGS, "a CANCEL before any provisional response"),
        (anew, RINGS, "a new branch, to 203.0.113.1:5060, after a CANCEL"),
        (anew, PICKS_UP, "a new branch, to 203.0.113.2:5060, after a 200"),
        (anew, (Answer(0.5, 603),), "a new branch, to 203.0.113.2:5060, after a 603"),
        (
            keeping_back(b"SIP/2.0 200"),
            PICKS_UP,
            "a 200 from 203.0.113.1:5060 does not go upstream",
        ),
        (keeping_back(b"SIP/2.0 487"), RINGS, "never got a final answer"),
        (instead(b"SIP/2.0 487", b"SIP/2.0 487", b"SIP/2.0 486"), RINGS, "a 486 goes upstream"),
        (
            instead(b"SIP/2.0 200", b"SIP/2.0 200", b"SIP/2.0 500"),
            PICKS_UP,
            "a 500 goes upstream after a 200",
        ),
    ],
)
def test_each_fault_is_found(fault: Fault, one: Script, why: str) -> None:
    with pytest.raises(Broken, match=why):
        run(fault, one)


class Forgetful(sansip.Engine):
    """An engine that stops no timer."""

    __slots__ = ()

    def step(
        self, state: sansip.State, event: sansip.Event
    ) -> tuple[sansip.State, tuple[sansip.Action, ...]]:
        state, actions = super().step(state, event)
        return state, tuple([each for each in actions if not isinstance(each, sansip.StopTimer)])


def test_a_timer_that_nobody_waits_for_is_found() -> None:
    world = World()
    proxy = world.engine(Forgetful(sansip.Config([sansip.Endpoint("udp", PROXY)]), Both()))
    world.gateway(FIRST)
    world.phone(CALLER, proxy).call("sip:bob@example.com")
    with pytest.raises(Broken, match=r"timer \w+ of .* fires, and nobody waits for it"):
        world.run()


# What no world brings about by itself.


def invite(branch: str = "z9hG4bKcaller", *below: str) -> Request:
    vias = [("Via", f"SIP/2.0/UDP 192.0.2.1:5060;branch={each}") for each in (branch, *below)]
    rows = [*vias, ("Call-ID", "x"), ("CSeq", "1 INVITE"), ("From", "<sip:a@b>"), ("To", "<sip:b>")]
    return Request.make("INVITE", "sip:bob@example.com", rows)


class Looking(Promises):
    """The promises of an engine that is not there."""

    def __init__(self) -> None:
        super().__init__(sansip.Timing())

    def comes(self, message: sansip.Request | sansip.Response, now: float = 0.0) -> None:
        self.came(message, now)
        self.settled()

    def goes(self, message: sansip.Request | sansip.Response, now: float = 0.0) -> None:
        self.went(message, FIRST, now, message.render())


def test_a_cancel_for_what_was_never_sent() -> None:
    with pytest.raises(Broken, match="a CANCEL for what was never sent"):
        Looking().goes(cancel(invite()))


def test_a_cancel_after_a_final_response() -> None:
    looking = Looking()
    looking.goes(invite())
    looking.comes(reply(invite(), 180))
    looking.comes(reply(invite(), 200))
    with pytest.raises(Broken, match="a CANCEL after a 200"):
        looking.goes(cancel(invite()))


def test_what_came_without_a_branch_of_its_own_is_nobodys() -> None:
    for old in ("1", "z9hG4"):
        looking = Looking()
        looking.comes(invite(old))
        looking.goes(reply(invite(old), 486))
        looking.goes(reply(invite(old), 500))
        looking.goes(invite("z9hG4bKown", old))
        looking.over()


def test_an_answer_to_what_never_came_is_nobodys() -> None:
    looking = Looking()
    looking.goes(reply(invite(), 486))
    looking.goes(reply(invite(), 487))
    looking.comes(reply(invite("z9hG4bKother"), 486))
    looking.comes(reply(invite(), 486).remove("Via"))
    looking.goes(reply(invite(), 486).remove("Via"))
    looking.over()


def test_a_cancel_that_was_refused_closes_nothing() -> None:
    looking = Looking()
    looking.comes(invite())
    looking.goes(reply(cancel(invite()), 481))
    looking.goes(invite("z9hG4bKown", "z9hG4bKcaller"))


def test_the_cancel_and_the_invite_may_go_again() -> None:
    looking = Looking()
    looking.comes(invite())
    looking.comes(invite())
    own = invite("z9hG4bKown", "z9hG4bKcaller")
    looking.goes(own)
    looking.goes(own)
    looking.came(reply(own, 180), 0.0)
    looking.goes(reply(invite(), 180))
    looking.settled()
    looking.goes(cancel(own), 1.0)
    looking.comes(reply(own, 487).remove("Via"))
    looking.goes(cancel(own), 2.0)
    looking.goes(reply(invite(), 487))
    looking.over()


@pytest.mark.parametrize("rings", [False, True])
def test_who_answers_when_nobody_waits_any_more_gets_no_ack(rings: bool) -> None:  # noqa: FBT001
    looking = Looking()
    looking.goes(invite())
    if rings:
        looking.comes(reply(invite(), 180))
        looking.comes(reply(invite(), 180), 100.0)
        looking.goes(cancel(invite()))
    looking.comes(reply(invite(), 486), 32.1)
    looking.comes(reply(invite(), 180), 32.1)
    looking.over()


@pytest.mark.parametrize(
    ("first", "transport", "window"), [(603, "UDP", 5.0), (603, "TCP", 0.0), (200, "TCP", 32.0)]
)
def test_a_2xx_goes_upstream_while_there_has_to_be_a_transaction_for_it(
    first: int, transport: str, window: float
) -> None:
    """Timer I, which is nothing over a connection; and Timer L, whatever it came over."""
    for at, owed in ((max(window - 0.1, 0.0), window > 0), (window + 0.1, False)):
        looking = Looking()
        came = invite().with_top_via(f"SIP/2.0/{transport} 192.0.2.1:5060;branch=z9hG4bKcaller")
        looking.comes(came)
        own = invite("z9hG4bKown", "z9hG4bKcaller")
        looking.goes(own)
        looking.comes(reply(own, 100))
        looking.goes(reply(came, first))
        with pytest.raises(Broken, match="does not go upstream") if owed else nullcontext():
            looking.comes(reply(own, 200), at)


def answered_with(status: int, after: float = 0.0) -> tuple[Looking, Request]:
    """One branch, which says this, and it goes upstream."""
    looking = Looking()
    looking.comes(invite())
    own = invite("z9hG4bKown", "z9hG4bKcaller")
    looking.goes(own)
    looking.came(reply(own, status), after)
    looking.goes(ack(own, reply(own, status)), after)
    looking.goes(reply(invite(), status), after)
    looking.settled()
    return looking, own


def test_a_copy_of_a_2xx_goes_upstream_as_long_as_there_is_a_transaction_for_it() -> None:
    for at, owed in ((31.9, True), (32.1, False)):
        looking, own = answered_with(200)
        with pytest.raises(Broken, match="does not go upstream") if owed else nullcontext():
            looking.comes(reply(own, 200), at)
    looking, own = answered_with(200)
    looking.comes(reply(own, 486), 1.0)
    looking.comes(reply(own, 202), 1.0)


def test_who_rings_when_there_is_an_answer_rings_in_vain() -> None:
    looking, own = answered_with(180)
    with pytest.raises(Broken, match=r"a 183 from .* does not go upstream"):
        looking.comes(reply(own, 183), 1.0)
    looking, own = answered_with(180)
    looking.goes(reply(invite(), 408), 1.0)
    looking.comes(reply(own, 183), 2.0)


def test_answers_go_where_the_request_came_from() -> None:
    asked = invite().with_top_via(parse_via(f"{invite().via};rport"))
    for given, good in ((asked, False), (invite(), True)):
        looking = Looking()
        looking.came(given, 0.0, SECOND)
        with nullcontext() if good else pytest.raises(Broken, match="its INVITE came from 203"):
            looking.goes(reply(given, 486))


def test_no_new_branch_once_there_is_an_answer() -> None:
    looking, _ = answered_with(486)
    with pytest.raises(Broken, match=r"a new branch, to .*, after a 486 has gone upstream"):
        looking.goes(invite("z9hG4bKanother", "z9hG4bKcaller"))


def test_a_503_goes_upstream_only_if_it_is_no_branchs() -> None:
    looking = Looking()
    looking.comes(invite())
    own = invite("z9hG4bKown", "z9hG4bKcaller")
    looking.goes(own)
    refusal = reply(own, 503, to_tag="theirs")
    looking.came(refusal, 0.0)
    looking.goes(ack(own, refusal))
    looking.settled()
    with pytest.raises(Broken, match="a 503 of a branch goes upstream"):
        looking.goes(reply(invite(), 503, to_tag="theirs"))
    looking.goes(reply(invite(), 503, to_tag="ours"))


def test_a_copy_of_a_refusal_need_not_get_its_ack_at_once() -> None:
    looking = Looking()
    looking.goes(invite())
    looking.came(reply(invite(), 486), 0.0)
    looking.goes(Request.make("ACK", "sip:x@example.com", [("Via", str(invite().via))]))
    looking.settled()
    looking.comes(reply(invite(), 486))


def test_what_cannot_be_read_says_nothing() -> None:
    assert read(b"\r\n\r\n") is None
    assert read(b"INVITE x SIP/2.0\r\n\r\n") is None
    assert read(b"SIP/2.0 400 Bad Request\r\n\r\n") is None
    looking = Looking()
    looking.comes(invite("no token"))
    looking.comes(reply(invite(), 486).remove("CSeq"))
    looking.over()


def test_what_comes_at_the_very_end_of_its_time_may_be_late_or_may_not() -> None:
    looking = Looking()
    looking.goes(invite())
    looking.comes(reply(invite(), 486), 32.0)
    looking.over()


def test_who_cannot_be_reached_by_any_connection_cannot_be_cancelled() -> None:
    for transport, excused in (("TCP", True), ("UDP", False)):
        looking = Looking()
        own = invite().with_top_via(f"SIP/2.0/{transport} 192.0.2.10:5060;branch=z9hG4bKown")
        looking.goes(own)
        looking.comes(reply(own, 100))
        looking.unreached(SECOND)
        with pytest.raises(Broken, match="left ringing"):
            looking.over()
        looking.unreached(FIRST)
        with nullcontext() if excused else pytest.raises(Broken, match="left ringing"):
            looking.over()


def test_a_copy_goes_its_own_way_and_knows_the_same() -> None:
    looking = Looking()
    looking.comes(invite())
    own = invite("z9hG4bKown", "z9hG4bKcaller")
    looking.goes(own)
    looking.goes(invite("z9hG4bKmine"))  # the embedding program's
    looking.comes(reply(own, 100))
    copied = looking.copy()
    assert copied.known(1.0) == looking.known(1.0) != looking.known(2.0)
    looking.goes(reply(invite(), 486))
    assert copied.known(1.0) != looking.known(1.0)
    copied.went(reply(invite(), 500), FIRST, 1.0, b"SIP/2.0 500 x")
    with pytest.raises(Broken, match="a 500 goes upstream after a 486"):
        looking.goes(reply(invite(), 500))


def test_times_count_only_as_long_as_they_matter() -> None:
    for status, until in ((200, 32.0), (486, 5.0)):
        looking, _ = answered_with(status)
        assert looking.known(0.0) != looking.known(until - 1)
        assert looking.known(until) == looking.known(until + 50)
