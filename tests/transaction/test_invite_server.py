"""The INVITE server transaction held against RFC 3261 figure 7 as RFC 6026 redrew it."""

from collections.abc import Callable
from functools import partial
from typing import Final

import pytest

from sansip.timing import Timing
from sansip.transaction import (
    Abandon,
    Acknowledged,
    Fired,
    Respond,
    Retransmitted,
    ServerFacts,
    Start,
    Transmit,
    TransportFailed,
)
from sansip.transaction.invite_server import (
    Accepted,
    Completed,
    Confirmed,
    Proceeding,
    start,
    step,
)

Holds = Callable[..., None]

UDP = ServerFacts(reliable=False, timing=Timing(), trying=b"100")
TCP = ServerFacts(reliable=True, timing=Timing(), trying=b"100")

STATES = {
    "Proceeding": Proceeding(b"latest"),
    "Accepted": Accepted(),
    "Completed": Completed(b"final", 0.5),
    "Confirmed": Confirmed(),
}
STATUSES = (100, 101, 180, 199, 200, 202, 299, 300, 408, 486, 503, 600, 699)
TIMERS: Final = ("A", "B", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "100")
INPUTS = {
    **{str(status): Respond(status, str(status).encode()) for status in STATUSES},
    **{f"timer-{timer}": Fired(timer) for timer in TIMERS},
    "INVITE": Retransmitted(),
    "ACK": Acknowledged(),
    "failure": TransportFailed("refused"),
    "abandon": Abandon(),
}
FIGURE_7_UNRELIABLE = """
Proceeding | 100 101 180 199         | Proceeding | send *
Proceeding | 200 202 299             | Accepted   | send *, start L 32
Proceeding | 300 408 486 503 600 699 | Completed  | send *, start G 0.5, start H 32
Proceeding | INVITE                  | Proceeding | send latest
Proceeding | ACK                     | Proceeding | -
Proceeding | failure                 | Proceeding | broke: refused
Proceeding | abandon                 | Terminated | ended
Accepted   | 100 101 180 199         | Accepted   | -
Accepted   | 200 202 299             | Accepted   | send *
Accepted   | 300 408 486 503 600 699 | Accepted   | -
Accepted   | INVITE                  | Accepted   | -
Accepted   | ACK                     | Accepted   | pass ACK
Accepted   | timer-L                 | Terminated | ended
Accepted   | failure                 | Accepted   | broke: refused
Completed  | 100 101 180 199         | Completed  | -
Completed  | 200 202 299             | Completed  | send *
Completed  | 300 408 486 503 600 699 | Completed  | -
Completed  | INVITE                  | Completed  | send final
Completed  | ACK                     | Confirmed  | stop G, stop H, start I 5
Completed  | timer-G                 | Completed  | send final, start G 1
Completed  | timer-H                 | Terminated | stop G, unacknowledged, ended
Completed  | failure                 | Completed  | broke: refused
Confirmed  | 200 202 299             | Confirmed  | send *
Confirmed  | INVITE                  | Confirmed  | -
Confirmed  | ACK                     | Confirmed  | -
Confirmed  | timer-I                 | Terminated | ended
Confirmed  | failure                 | Confirmed  | broke: refused
"""
# Timer G never runs, and Timer I is 0: there is no Confirmed.
FIGURE_7_RELIABLE = """
Proceeding | 100 101 180 199         | Proceeding | send *
Proceeding | 200 202 299             | Accepted   | send *, start L 32
Proceeding | 300 408 486 503 600 699 | Completed  | send *, start H 32
Proceeding | INVITE                  | Proceeding | send latest
Proceeding | failure                 | Proceeding | broke: refused
Proceeding | abandon                 | Terminated | ended
Accepted   | 200 202 299             | Accepted   | send *
Accepted   | ACK                     | Accepted   | pass ACK
Accepted   | timer-L                 | Terminated | ended
Accepted   | failure                 | Accepted   | broke: refused
Completed  | 200 202 299             | Completed  | send *
Completed  | INVITE                  | Completed  | send final
Completed  | ACK                     | Terminated | stop H, ended
Completed  | timer-G                 | Completed  | -
Completed  | timer-H                 | Terminated | unacknowledged, ended
Completed  | failure                 | Completed  | broke: refused
"""


@pytest.mark.rule(
    *(f"3261-17.2.1-0{n}" for n in range(2, 10)),
    *(f"6026-7.1-0{n}" for n in range(1, 9)),
    *("6026-6-01", "6026-6-02", "6026-8.1-01", "3261-17.2.4-01", "3261-17-T15"),
    *("AMB-01", "AMB-08", "AMB-14", "AMB-15", "AMB-28"),
)
def test_over_an_unreliable_transport_every_state_takes_every_input_as_figure_7(
    holds: Holds,
) -> None:
    holds(FIGURE_7_UNRELIABLE, STATES, INPUTS, partial(step, UDP))


@pytest.mark.rule("3261-17-T08", "3261-17-T09", "3261-17-T10", "3261-17-T14", "6026-17-T13")
def test_over_a_reliable_transport_too_with_no_timer_g_and_no_confirmed_state(holds: Holds) -> None:
    reachable = {name: state for name, state in STATES.items() if name != "Confirmed"}
    holds(FIGURE_7_RELIABLE, reachable, INPUTS, partial(step, TCP))


@pytest.mark.rule("3261-17.2.1-01", "AMB-13")
def test_an_invite_is_answered_with_100_at_once() -> None:
    for facts in (UDP, TCP):
        assert start(facts) == (Proceeding(b"100"), (Transmit(b"100"),))


@pytest.mark.rule("3261-17.2.1-01", "3261-17.2.1-03")
def test_without_a_100_nothing_goes_out_until_the_user_answers() -> None:
    quiet = ServerFacts(reliable=False, timing=Timing())
    state, outputs = start(quiet)
    assert outputs == ()
    assert step(quiet, state, Retransmitted()) == (state, ())


@pytest.mark.rule("3261-17.2.1-03", "AMB-14")
def test_the_provisional_that_is_repeated_is_the_one_sent_last() -> None:
    ringing, _ = step(UDP, Proceeding(b"100"), Respond(180, b"180"))
    assert ringing == Proceeding(b"180")
    progress, _ = step(UDP, Proceeding(b"180"), Respond(183, b"183"))
    assert progress == Proceeding(b"183")


@pytest.mark.rule("3261-17.2.1-05", "3261-17-T08")
@pytest.mark.parametrize(
    ("before", "after"), [(0.5, 1.0), (1.0, 2.0), (2.0, 4.0), (3.0, 4.0), (4.0, 4.0)]
)
def test_timer_g_doubles_up_to_t2(before: float, after: float) -> None:
    assert step(UDP, Completed(b"486", before), Fired("G")) == (
        Completed(b"486", after),
        (Transmit(b"486"), Start("G", after)),
    )


@pytest.mark.rule("3261-17.2.1-05")
def test_a_repeated_invite_does_not_set_timer_g_back() -> None:
    before = Completed(b"486", 4.0)
    assert step(UDP, before, Retransmitted()) == (before, (Transmit(b"486"),))


@pytest.mark.rule("3261-17-T01")
def test_the_timers_derive_from_t1_t2_and_t4() -> None:
    facts = ServerFacts(reliable=False, timing=Timing(t1=1.0, t2=6.0, t4=7.0))
    _, outputs = step(facts, Proceeding(b""), Respond(486, b"486"))
    assert outputs[1:] == (Start("G", 1.0), Start("H", 64.0))
    assert Start("L", 64.0) in step(facts, Proceeding(b""), Respond(200, b"200"))[1]
    assert Start("G", 6.0) in step(facts, Completed(b"486", 4.0), Fired("G"))[1]
    assert Start("I", 7.0) in step(facts, Completed(b"486", 1.0), Acknowledged())[1]


@pytest.mark.rule("6026-6-01", "6026-7.1-02")
def test_a_machine_that_lingers_holds_no_message() -> None:
    assert step(UDP, Proceeding(b"180"), Respond(200, b"200"))[0] == Accepted()
    assert step(UDP, Completed(b"486", 1.0), Acknowledged())[0] == Confirmed()
