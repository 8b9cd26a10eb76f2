"""All four machines over time: what is sent when, how long each lives, and that each ends."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip.message import Request, parse, reply
from sansip.timing import Timing
from sansip.transaction import (
    Abandon,
    Acknowledged,
    Broke,
    ClientFacts,
    Ended,
    Fired,
    Pass,
    PassAck,
    Respond,
    Responded,
    Retransmitted,
    ServerFacts,
    Start,
    Stop,
    Terminated,
    TimedOut,
    TimerName,
    Transmit,
    TransportFailed,
    Unacknowledged,
    client,
    invite_client,
    invite_server,
    server,
)

INVITE = (
    b"INVITE sip:bob@192.0.2.4 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKown\r\n"
    b"From: <sip:alice@example.com>;tag=a1\r\n"
    b"To: <sip:bob@example.com>\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Content-Length: 0\r\n\r\n"
)
TIMING = Timing()
TIMERS: tuple[TimerName, ...] = (
    *("A", "B", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "100"),
)
KINDS = ("invite_client", "client", "invite_server", "server")

Stepper = Callable[[Any, Any], tuple[Any, tuple[object, ...]]]
NOTICES: tuple[type[object], ...] = (Pass, PassAck, TimedOut, Broke, Unacknowledged)
RANKS: dict[type[object], int] = {
    Transmit: 0,
    Stop: 1,
    Start: 2,
    Ended: 4,
    **dict.fromkeys(NOTICES, 3),
}


def response(status: int) -> Responded:
    invite = parse(INVITE)
    assert isinstance(invite, Request)
    return Responded(reply(invite, status, to_tag="b1"))


def respond(status: int) -> Respond:
    return Respond(status, str(status).encode())


class Machine:
    """One machine with a clock: it checks what every machine must hold at every step."""

    def __init__(self, kind: str, *, reliable: bool, timing: Timing = TIMING) -> None:
        asked = ClientFacts(INVITE, reliable, timing)
        answered = ServerFacts(reliable, timing, b"100")
        starts: dict[str, Callable[[], tuple[Any, tuple[object, ...]]]] = {
            "invite_client": lambda: invite_client.start(asked),
            "client": lambda: client.start(asked),
            "invite_server": lambda: invite_server.start(answered),
            "server": lambda: server.start(answered),
        }
        steps: dict[str, Stepper] = {
            "invite_client": lambda state, it: invite_client.step(asked, state, it),
            "client": lambda state, it: client.step(asked, state, it),
            "invite_server": lambda state, it: invite_server.step(answered, state, it),
            "server": lambda state, it: server.step(answered, state, it),
        }
        self.step = steps[kind]
        self.now = 0.0
        self.running: dict[TimerName, float] = {}
        self.log: list[tuple[float, object]] = []
        self.state, outputs = starts[kind]()
        self.take(outputs)

    @property
    def over(self) -> bool:
        return isinstance(self.state, Terminated)

    def give(self, it: object) -> None:
        before = self.state
        stale = isinstance(it, Fired) and self.running.pop(it.timer, None) is None
        self.state, outputs = self.step(before, it)
        assert self.step(before, it) == (self.state, outputs)
        if stale:
            assert (self.state, outputs) == (before, ())
        self.take(outputs)

    def take(self, outputs: tuple[object, ...]) -> None:
        ranks = [RANKS[type(output)] for output in outputs]
        assert ranks == sorted(ranks), "transmit, stop, start, notify, end"
        for output in outputs:
            match output:
                case Start(timer, after):
                    assert timer not in self.running, "started twice"
                    assert after > 0, "a timer of value 0 is none"
                    self.running[timer] = self.now + after
                case Stop(timer):
                    del self.running[timer]
                case _:
                    self.log.append((self.now, output))
        assert self.over == (Ended() in outputs)
        assert not (self.over and self.running), "timers outlive their machine"

    def fire(self) -> None:
        """Let the next timer run out."""
        timer = min(self.running, key=self.running.__getitem__)
        self.now = self.running[timer]
        self.give(Fired(timer))

    def run(self, until: float = float("inf")) -> "Machine":
        while self.running and min(self.running.values()) <= until:
            self.fire()
        self.now = max(self.now, min(until, 1e9))
        return self

    def sent(self, data: bytes = INVITE) -> list[float]:
        return [at for at, output in self.log if output == Transmit(data)]

    def at(self, output: object) -> list[float]:
        return [at for at, it in self.log if it == output]


# When things happen ----------------------------------------------------------------------------


@pytest.mark.rule("3261-17-T02", "3261-17-T03", "3261-17.1.1.2-02", "3261-17.1.1.2-03", "SIO-08")
def test_an_unanswered_invite_is_sent_seven_times_and_times_out_after_32_seconds() -> None:
    machine = Machine("invite_client", reliable=False).run()
    assert machine.sent() == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert machine.at(TimedOut()) == machine.at(Ended()) == [32.0]


@pytest.mark.rule("3261-17-T06", "3261-17-T07", "3261-17.1.2.2-02", "3261-17.1.2.2-05")
def test_an_unanswered_request_is_sent_eleven_times_and_times_out_after_32_seconds() -> None:
    machine = Machine("client", reliable=False).run()
    assert machine.sent() == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert machine.at(TimedOut()) == machine.at(Ended()) == [32.0]


@pytest.mark.rule("3261-17-T03", "3261-17-T07")
@pytest.mark.parametrize("kind", ["invite_client", "client"])
def test_over_a_reliable_transport_it_is_sent_once_and_times_out_all_the_same(kind: str) -> None:
    machine = Machine(kind, reliable=True).run()
    assert machine.sent() == [0]
    assert machine.at(TimedOut()) == machine.at(Ended()) == [32.0]


@pytest.mark.rule("3261-17.1.1.2-04", "3261-17.1.1.2-05")
def test_an_invite_that_rings_is_neither_sent_again_nor_timed_out() -> None:
    machine = Machine("invite_client", reliable=False).run(until=1.0)
    machine.give(response(180))
    machine.run(until=1000.0)
    assert machine.sent() == [0, 0.5]
    assert not machine.running
    assert machine.state == invite_client.Proceeding()


@pytest.mark.rule("3261-17-T06", "3261-17-T07", "3261-17.1.2.2-03", "3261-17.1.2.2-04")
def test_after_a_provisional_timer_e_runs_out_once_more_and_goes_on_with_t2() -> None:
    machine = Machine("client", reliable=False).run(until=1.0)
    machine.give(response(100))
    machine.run()
    assert machine.sent() == [0, 0.5, 1.5, 5.5, 9.5, 13.5, 17.5, 21.5, 25.5, 29.5]
    assert machine.at(TimedOut()) == [32.0]


@pytest.mark.rule("3261-17-T08", "3261-17-T09", "3261-17.2.1-05", "3261-17.2.1-07")
def test_an_unacknowledged_refusal_is_repeated_for_32_seconds() -> None:
    machine = Machine("invite_server", reliable=False)
    machine.give(respond(486))
    machine.run()
    assert machine.sent(b"486") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert machine.at(Unacknowledged()) == machine.at(Ended()) == [32.0]


@pytest.mark.rule("3261-17-T09")
def test_over_a_reliable_transport_the_ack_is_waited_for_just_as_long() -> None:
    machine = Machine("invite_server", reliable=True)
    machine.give(respond(486))
    machine.run()
    assert machine.sent(b"486") == [0]
    assert machine.at(Unacknowledged()) == machine.at(Ended()) == [32.0]


@pytest.mark.rule("6026-7.1-04", "6026-8.1-01")
@pytest.mark.parametrize("reliable", [False, True])
def test_a_2xx_is_never_repeated_by_the_machine(*, reliable: bool) -> None:
    machine = Machine("invite_server", reliable=reliable)
    machine.give(respond(200))
    machine.run()
    assert machine.sent(b"200") == [0]


@pytest.mark.rule("4320-4.1-02", "4320-4.1-04")
@pytest.mark.parametrize("reliable", [False, True])
def test_a_request_without_an_answer_gets_one_100_after_3_5_seconds(*, reliable: bool) -> None:
    machine = Machine("server", reliable=reliable).run()
    assert machine.sent(b"100") == [3.5]
    assert machine.at(Ended()) == [32.0]


@pytest.mark.rule("3261-17.2.2-07", "3261-17.2.2-02", "4320-4.2-01", "4320-4.2-02")
@pytest.mark.parametrize("reliable", [False, True])
@pytest.mark.parametrize("given_up_at", [1.0, 5.0])
@pytest.mark.parametrize("how", [Abandon(), respond(408)], ids=["abandoned", "408"])
def test_what_will_not_be_answered_absorbs_copies_until_its_sender_has_given_up(
    how: object, given_up_at: float, *, reliable: bool
) -> None:
    machine = Machine("server", reliable=reliable).run(until=given_up_at)
    machine.give(how)
    for again in (Retransmitted(), respond(200), Retransmitted()):
        machine.give(again)
        machine.run(until=31.9)
    assert machine.state == server.Abandoned()
    machine.run()
    assert [it for at, it in machine.log if at > given_up_at or at < 3.5] == [Ended()]
    assert machine.at(Ended()) == [32.0]


@pytest.mark.parametrize(
    ("kind", "given_at_1", "ends_at", "reliably_at"),
    [
        pytest.param(
            *("invite_client", [response(200)], 33.0, 33.0), marks=pytest.mark.rule("6026-17-T13")
        ),
        pytest.param(
            *("invite_client", [response(486)], 33.0, 1.0), marks=pytest.mark.rule("3261-17-T05")
        ),
        pytest.param(*("client", [response(200)], 6.0, 1.0), marks=pytest.mark.rule("3261-17-T12")),
        pytest.param(
            *("invite_server", [respond(200)], 33.0, 33.0), marks=pytest.mark.rule("6026-17-T13")
        ),
        pytest.param(
            *("invite_server", [respond(486), Acknowledged()], 6.0, 1.0),
            marks=pytest.mark.rule("3261-17-T10"),
        ),
        pytest.param(*("server", [respond(200)], 33.0, 1.0), marks=pytest.mark.rule("3261-17-T11")),
    ],
)
def test_what_has_its_final_response_lingers_as_long_as_table_4_says(
    kind: str, given_at_1: Iterable[object], ends_at: float, reliably_at: float
) -> None:
    for reliable, expected in ((False, ends_at), (True, reliably_at)):
        machine = Machine(kind, reliable=reliable).run(until=1.0)
        for it in given_at_1:
            machine.give(it)
        machine.run()
        assert machine.at(Ended()) == [expected]


@pytest.mark.rule("6026-7.2-02", "6026-7.1-03", "3261-17.1.1.2-07", "AMB-15")
@pytest.mark.parametrize(
    ("kind", "first", "more"),
    [
        ("invite_client", response(200), response(200)),
        ("invite_client", response(486), response(486)),
        ("invite_server", respond(200), respond(200)),
        ("invite_server", respond(486), Retransmitted()),
        ("client", response(200), response(200)),
        ("server", respond(200), Retransmitted()),
    ],
)
def test_nothing_that_comes_later_prolongs_a_machine(
    kind: str, first: object, more: object
) -> None:
    quiet, busy = (Machine(kind, reliable=False) for _ in range(2))
    for machine in (quiet, busy):
        machine.give(first)
    for at in (1.0, 2.0, 4.0):
        busy.run(until=at)
        busy.give(more)
    assert busy.run().at(Ended()) == quiet.run().at(Ended())


# Any program of inputs -------------------------------------------------------------------------

STATUSES = st.sampled_from((100, 180, 199, 200, 299, 300, 408, 486, 503, 699))
STRAY = st.sampled_from(TIMERS).map(Fired)
ANY_INPUT = {
    "client": st.one_of(
        STATUSES.map(response), STRAY, st.just(TransportFailed("refused")), st.just(Abandon())
    ),
    "server": st.one_of(
        STATUSES.map(respond),
        STRAY,
        st.sampled_from((Retransmitted(), Acknowledged(), TransportFailed("refused"), Abandon())),
    ),
}
TIMINGS = st.builds(
    Timing, t1=st.floats(0.01, 4.0), t2=st.floats(4.1, 30.0), t4=st.floats(0.01, 9.0)
)


@pytest.mark.rule("SIO-02", "SIO-03", "SIO-04", "SIO-05", "3261-17-T15", "3261-17.2.2-07")
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_whatever_comes_in_whatever_order_nothing_is_raised_and_all_ends(
    kind: str, data: st.DataObject
) -> None:
    machine = Machine(kind, reliable=data.draw(st.booleans()), timing=data.draw(TIMINGS))
    inputs = ANY_INPUT[kind.rpartition("_")[2]]
    for it in data.draw(st.lists(st.one_of(st.none(), inputs), max_size=20)):
        if machine.over:
            break
        if it is not None:
            machine.give(it)
        elif machine.running:
            machine.fire()
    machine.run()
    # All timers have run out. What still lives waits for people: that is what Abandon is for, and
    # Timer C.
    if not machine.over:
        waiting = {"invite_client": "Proceeding", "invite_server": "Proceeding"}
        assert type(machine.state).__name__ == waiting[kind]
        machine.give(Abandon())
    assert machine.over
    assert machine.at(Ended()) == [at for at, it in machine.log if isinstance(it, Ended)][-1:]


@pytest.mark.rule("SIO-07", "3261-16.7.5-04")
@given(inputs=st.lists(ANY_INPUT["server"], max_size=30))
def test_a_caller_never_sees_two_different_refusals(inputs: list[object]) -> None:
    machine = Machine("invite_server", reliable=False)
    for it in inputs:
        if not machine.over:
            machine.give(it)
    sent = {it.data for _, it in machine.log if isinstance(it, Transmit)}
    assert len([data for data in sent if data >= b"300"]) <= 1
