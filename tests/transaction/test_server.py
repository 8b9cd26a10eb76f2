"""The non-INVITE server transaction held against RFC 3261 figure 8, RFC 4320 and RFC 6026 8.8."""

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
from sansip.transaction.server import Abandoned, Completed, Proceeding, Trying, start, step

Holds = Callable[..., None]

UDP = ServerFacts(reliable=False, timing=Timing(), trying=b"trying")
TCP = ServerFacts(reliable=True, timing=Timing(), trying=b"trying")

STATES = {
    "Trying": Trying(),
    "Proceeding": Proceeding(b"latest"),
    "Completed": Completed(b"final"),
    "Abandoned": Abandoned(),
}
STATUSES = (100, 101, 183, 199, 200, 202, 299, 300, 407, 408, 409, 503, 600, 699)
TIMERS: Final = ("A", "B", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "100")
INPUTS = {
    **{str(status): Respond(status, str(status).encode()) for status in STATUSES},
    **{f"timer-{timer}": Fired(timer) for timer in TIMERS},
    "request": Retransmitted(),
    "ACK": Acknowledged(),
    "failure": TransportFailed("refused"),
    "abandon": Abandon(),
}
FIGURE_8_UNRELIABLE = """
Trying     | 100 101 183 199                     | Trying     | -
Trying     | 200 202 299 300 407 409 503 600 699 | Completed  | send *, stop 100, stop J, start J 32
Trying     | 408                                 | Abandoned  | stop 100
Trying     | request                             | Trying     | -
Trying     | timer-100                           | Proceeding | send trying
Trying     | timer-J                             | Terminated | stop 100, ended
Trying     | abandon                             | Abandoned  | stop 100
Proceeding | 100                                 | Proceeding | send 100
Proceeding | 101 183 199                         | Proceeding | -
Proceeding | 200 202 299 300 407 409 503 600 699 | Completed  | send *, stop J, start J 32
Proceeding | 408                                 | Abandoned  | -
Proceeding | request                             | Proceeding | send latest
Proceeding | failure                             | Proceeding | broke: refused
Proceeding | timer-J                             | Terminated | ended
Proceeding | abandon                             | Abandoned  | -
Completed  | 200 202 299 300 407 409 503 600 699 | Completed  | -
Completed  | request                             | Completed  | send final
Completed  | timer-J                             | Terminated | ended
Completed  | failure                             | Completed  | broke: refused
Abandoned  | timer-J                             | Terminated | ended
"""
# Timer J is 0: there is no Completed. A 100 may go out at any time.
FIGURE_8_RELIABLE = """
Trying     | 100                                 | Proceeding | send 100, stop 100
Trying     | 101 183 199                         | Trying     | -
Trying     | 200 202 299 300 407 409 503 600 699 | Terminated | send *, stop 100, stop J, ended
Trying     | 408                                 | Abandoned  | stop 100
Trying     | timer-100                           | Proceeding | send trying
Trying     | timer-J                             | Terminated | stop 100, ended
Trying     | abandon                             | Abandoned  | stop 100
Proceeding | 100                                 | Proceeding | send 100
Proceeding | 200 202 299 300 407 409 503 600 699 | Terminated | send *, stop J, ended
Proceeding | 408                                 | Abandoned  | -
Proceeding | request                             | Proceeding | send latest
Proceeding | failure                             | Proceeding | broke: refused
Proceeding | timer-J                             | Terminated | ended
Proceeding | abandon                             | Abandoned  | -
Abandoned  | timer-J                             | Terminated | ended
"""


@pytest.mark.rule(
    *(f"3261-17.2.2-0{n}" for n in (2, 3, 4, 5, 7)),
    *("4320-4.1-01", "4320-4.1-02", "4320-4.1-04", "4320-4.1-05", "4320-4.2-01"),
    *("6026-8.8-01", "3261-17.2.4-01", "3261-17-T11", "3261-17-T15", "AMB-27"),
)
def test_over_an_unreliable_transport_every_state_takes_every_input_as_figure_8(
    holds: Holds,
) -> None:
    holds(FIGURE_8_UNRELIABLE, STATES, INPUTS, partial(step, UDP))


@pytest.mark.rule("3261-17-T11", "3261-17-T14", "4320-4.1-03", "4320-4.1-04")
def test_over_a_reliable_transport_too_with_no_completed_state(holds: Holds) -> None:
    reachable = {name: state for name, state in STATES.items() if name != "Completed"}
    holds(FIGURE_8_RELIABLE, reachable, INPUTS, partial(step, TCP))


@pytest.mark.rule("3261-17.2.2-01", "4320-4.1-02", "4320-4.1-04")
def test_a_request_is_not_answered_before_the_caller_s_timer_e_has_slowed_down() -> None:
    for facts in (UDP, TCP):
        assert start(facts) == (Trying(), (Start("100", 3.5), Start("J", 32.0)))


@pytest.mark.rule("3261-17-T01", "4320-4.1-04")
def test_the_timers_derive_from_t1_and_t2() -> None:
    facts = ServerFacts(reliable=False, timing=Timing(t1=1.0, t2=16.0))
    assert start(facts)[1] == (Start("100", 15.0), Start("J", 64.0))
    _, outputs = step(facts, Trying(), Respond(200, b"200"))
    assert Start("J", 64.0) in outputs


@pytest.mark.rule("3261-17.2.2-03", "4320-4.1-05")
def test_the_100_that_was_sent_is_the_one_that_is_repeated() -> None:
    state, _ = step(UDP, Trying(), Fired("100"))
    assert state == Proceeding(b"trying")
    assert step(UDP, Proceeding(b"trying"), Retransmitted()) == (state, (Transmit(b"trying"),))
    assert step(TCP, Trying(), Respond(100, b"ours"))[0] == Proceeding(b"ours")
    assert step(UDP, Proceeding(b"trying"), Respond(100, b"ours"))[0] == Proceeding(b"ours")


@pytest.mark.rule("3261-17.2.2-05")
def test_the_final_that_was_sent_is_the_one_that_is_repeated() -> None:
    state, _ = step(UDP, Trying(), Respond(200, b"200"))
    assert state == Completed(b"200")
