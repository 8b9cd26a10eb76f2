"""The non-INVITE client transaction held against RFC 3261 figure 6."""

from collections.abc import Callable
from functools import partial
from typing import Final

import pytest

from sansip.message import Response
from sansip.timing import Timing
from sansip.transaction import (
    Abandon,
    ClientFacts,
    Fired,
    Responded,
    Start,
    Transmit,
    TransportFailed,
)
from sansip.transaction.client import Completed, Proceeding, Trying, start, step

Holds = Callable[..., None]

BYE = b"BYE as it was sent"
UDP = ClientFacts(BYE, reliable=False, timing=Timing())
TCP = ClientFacts(BYE, reliable=True, timing=Timing())

STATES = {"Trying": Trying(0.5), "Proceeding": Proceeding(), "Completed": Completed()}
STATUSES = (100, 101, 199, 200, 202, 299, 300, 408, 486, 503, 600, 699)
TIMERS: Final = ("A", "B", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "100")
INPUTS = {
    **{str(status): Responded(Response.make(status, "")) for status in STATUSES},
    **{f"timer-{timer}": Fired(timer) for timer in TIMERS},
    "failure": TransportFailed("lost"),
    "abandon": Abandon(),
}
FIGURE_6_UNRELIABLE = """
Trying     | 100 101 199                         | Proceeding | pass *
Trying     | 200 202 299 300 408 486 503 600 699 | Completed  | stop E, stop F, start K 5, pass *
Trying     | timer-E                             | Trying     | send BYE, start E 1
Trying     | timer-F                             | Terminated | stop E, timed out, ended
Trying     | failure                             | Terminated | stop E, stop F, broke: lost, ended
Trying     | abandon                             | Terminated | stop E, stop F, ended
Proceeding | 100 101 199                         | Proceeding | pass *
Proceeding | 200 202 299 300 408 486 503 600 699 | Completed  | stop E, stop F, start K 5, pass *
Proceeding | timer-E                             | Proceeding | send BYE, start E 4
Proceeding | timer-F                             | Terminated | stop E, timed out, ended
Proceeding | failure                             | Terminated | stop E, stop F, broke: lost, ended
Proceeding | abandon                             | Terminated | stop E, stop F, ended
Completed  | 100 101 199                         | Completed  | -
Completed  | 200 202 299 300 408 486 503 600 699 | Completed  | -
Completed  | timer-K                             | Terminated | ended
"""
# Timer E never runs, and Timer K is 0: there is no Completed. Nothing is sent in Proceeding.
FIGURE_6_RELIABLE = """
Trying     | 100 101 199                         | Proceeding | pass *
Trying     | 200 202 299 300 408 486 503 600 699 | Terminated | stop F, pass *, ended
Trying     | timer-F                             | Terminated | timed out, ended
Trying     | failure                             | Terminated | stop F, broke: lost, ended
Trying     | abandon                             | Terminated | stop F, ended
Proceeding | 100 101 199                         | Proceeding | pass *
Proceeding | 200 202 299 300 408 486 503 600 699 | Terminated | stop F, pass *, ended
Proceeding | timer-F                             | Terminated | timed out, ended
Proceeding | failure                             | Proceeding | -
Proceeding | abandon                             | Terminated | stop F, ended
"""


@pytest.mark.rule(
    *(f"3261-17.1.2.2-0{n}" for n in range(2, 8)),
    *("3261-17.1.4-01", "3261-17-T15", "3261-17-T07", "3261-17-T12"),
)
def test_over_an_unreliable_transport_every_state_takes_every_input_as_figure_6(
    holds: Holds,
) -> None:
    holds(FIGURE_6_UNRELIABLE, STATES, INPUTS, partial(step, UDP))


@pytest.mark.rule("3261-17-T14", "3261-17-T12", "3261-17-T06", "AMB-11")
def test_over_a_reliable_transport_too_with_no_timer_e_and_no_completed_state(holds: Holds) -> None:
    reachable = {name: state for name, state in STATES.items() if name != "Completed"}
    holds(FIGURE_6_RELIABLE, reachable, INPUTS, partial(step, TCP))


@pytest.mark.rule("3261-17.1.2.2-01", "SIO-03")
def test_the_request_goes_out_before_the_timers_that_guard_it_start() -> None:
    assert start(UDP) == (Trying(0.5), (Transmit(BYE), Start("E", 0.5), Start("F", 32.0)))
    assert start(TCP) == (Trying(0.5), (Transmit(BYE), Start("F", 32.0)))


@pytest.mark.rule("3261-17.1.2.2-02", "3261-17-T06")
@pytest.mark.parametrize(
    ("before", "after"), [(0.5, 1.0), (1.0, 2.0), (2.0, 4.0), (3.0, 4.0), (4.0, 4.0)]
)
def test_timer_e_doubles_up_to_t2(before: float, after: float) -> None:
    assert step(UDP, Trying(before), Fired("E")) == (
        Trying(after),
        (Transmit(BYE), Start("E", after)),
    )


@pytest.mark.rule("3261-17-T01")
def test_the_timers_derive_from_t1_t2_and_t4() -> None:
    facts = ClientFacts(BYE, reliable=False, timing=Timing(t1=1.0, t2=6.0, t4=7.0))
    assert start(facts)[1][1:] == (Start("E", 1.0), Start("F", 64.0))
    assert Start("E", 6.0) in step(facts, Proceeding(), Fired("E"))[1]
    assert Start("K", 7.0) in step(facts, Proceeding(), Responded(Response.make(200, "")))[1]
