"""A response context whose caller has had a final answer: tidying up, and letting 2xx through."""

from typing import assert_never

from sansip.message import Response
from sansip.proxy.states import Concluded, Gone, Outputs, State
from sansip.proxy.vocabulary import (
    Answered,
    Broken,
    Cancel,
    Cancelled,
    Decline,
    Discard,
    Divert,
    Ended,
    Facts,
    Finish,
    Forward,
    Given,
    Located,
    Over,
    TimedOut,
    Troubled,
    TryNext,
    Wake,
    Woken,
)


def concluded(facts: Facts, state: Concluded, given: Given, at: float) -> tuple[State, Outputs]:
    """The caller has its answer; what follows only tidies up, and lets 2xx through."""
    match given:
        case Answered(number, response):
            return _answered_late(facts, state, number, response, at)
        case TimedOut(number) | Broken(number):
            return _linger(state, number), ()
        case Over(number):
            return _ended(_without(state, number, keep=False))
        case Woken():
            # 3261-9.1-06: cancelled, and no final response within 64*T1.
            given_up = tuple(n for n in state.open if n not in state.uncancelled)
            left = Concluded(
                state.uncancelled, state.uncancelled, state.reasons, state.lingering, None
            )
            ended, outputs = _ended(left)
            return ended, (*map(Discard, given_up), *outputs)
        case (
            Located() | Troubled() | Cancelled()
            | TryNext() | Finish() | Divert() | Decline()
        ):  # fmt: skip
            return state, ()
        case _:
            assert_never(given)


def _answered_late(
    facts: Facts, state: Concluded, number: int, response: Response, at: float
) -> tuple[State, Outputs]:
    if response.status >= 200:
        # "A 2xx [...] MUST be forwarded", also after another final response (16.7.5, AMB-08).
        forward = facts.invite and response.status < 300
        return _linger(state, number), (Forward(response),) if forward else ()
    if number not in state.uncancelled:
        return state, ()
    # The CANCEL that had to wait for a provisional response (9.1).
    wake = at + facts.timing.timeout
    left = tuple(n for n in state.uncancelled if n != number)
    state = Concluded(state.open, left, state.reasons, state.lingering, wake)
    return state, (Cancel(number, state.reasons), Wake(wake))


def _linger(state: Concluded, number: int) -> Concluded:
    """A branch has had its final response."""
    return _without(state, number, keep=True) if number in state.open else state


def _without(state: Concluded, number: int, *, keep: bool) -> Concluded:
    lingering = tuple(n for n in state.lingering if n != number)
    return Concluded(
        tuple(n for n in state.open if n != number),
        tuple(n for n in state.uncancelled if n != number),
        state.reasons,
        (*lingering, number) if keep else lingering,
        state.wake,
    )


def _ended(state: Concluded) -> tuple[State, Outputs]:
    if state.open or state.lingering:
        return state, ()
    return Gone(), (Wake(None), Ended()) if state.wake is not None else (Ended(),)
