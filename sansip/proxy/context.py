"""The response context of one request: which hop is tried when, and what the caller gets.

RFC 3261 16.7 to 16.10 and RFC 3263 4.3, for one target set that is tried one hop after the other.
What makes this machine different from the RFC's text is that *advancing is not timing out*: when
nothing has come from a hop for a while the next one is tried, and the silent branch stays alive to
the end of its own Timer B. So nothing that arrives late is lost:

* the first 101-199 decides which branch is the live one; the others are cancelled;
* a 2xx is always forwarded, even after the caller has had another final answer;
* a silent branch never holds back the final answer.

Invariants: after CANCEL, 2xx or 6xx no new branch starts; CANCEL is ordered only on a branch that
has had a provisional response; the caller gets exactly one answer besides 2xx to an INVITE; every
context ends.

Two states: ``Hunting`` until the caller has had a final answer, ``Concluded`` until the last
branch is over. The second one is small, since it lives for 32 seconds.
"""

from typing import assert_never

from sansip.proxy.concluded import concluded
from sansip.proxy.hunter import Hunter
from sansip.proxy.hunting import take
from sansip.proxy.states import Concluded, Gone, Hunting, Outputs, State
from sansip.proxy.vocabulary import Facts, Given, Hunt, Locate, Target


def start(facts: Facts, hunt: Hunt, targets: tuple[Target, ...]) -> tuple[State, Outputs]:
    """Begin with the first of these targets (at least one); ``Located`` must follow at once."""
    patience = hunt.deadline
    if not facts.invite:
        # The caller's Timer F fires after 64*T1; what comes then is of no use (RFC 4320 4.2).
        patience = min(patience, facts.timing.timeout - facts.timing.t2)
    state = Hunting(
        hunt=hunt,
        deadline=facts.arrived + patience,
        target=targets[0],
        targets=targets[1:],
        hops=(),
        locating=True,
        wanting=True,
        branches=(),
        results=(),
        ringing=None,
        rang=False,
        consulting=False,
        cancelled=None,
        refused=False,
        wake=None,
    )
    return state, (Locate(targets[0]),)


def step(facts: Facts, state: State, given: Given, at: float) -> tuple[State, Outputs]:
    """What follows from one thing that happened at a time ``at``."""
    match state:
        case Hunting():
            return take(Hunter(facts, state, at), given)
        case Concluded():
            return concluded(facts, state, given, at)
        case Gone():
            return state, ()
        case _:
            assert_never(state)
