"""The response context of one request: which hop is tried when, and what the caller gets.

RFC 3261 16.5 to 16.10, RFC 3263 4.3 and RFC 5393 5.3. A plan has stages, one for each q, highest
first; a stage has ways that are tried in parallel; a way has targets, and these have hops, that are
tried one after the other. Hops that are suspect are tried last of their way, in the order in which
they were found. The next stage opens when all ways of one have ended without success.

What makes this machine different from the RFC's text is that *advancing is not timing out*: when
nothing has come from a hop for a while the next one of its way is tried, and when there is none,
and all other ways have come so far or have ended, the next stage; the silent branch stays alive to
the end of its own Timer B. So nothing that arrives late is lost:

* within a way, and between stages, the first 101-199 decides what is live; the others are
  cancelled. The ways of one stage all ring, until one of them answers;
* a 2xx is always forwarded, even after the caller has had another final answer;
* a silent branch never holds back the final answer.

Invariants: after CANCEL, 2xx or 6xx no new branch starts; CANCEL is ordered only on a branch that
has had a provisional response; the caller gets exactly one answer besides 2xx to an INVITE; no
Request-URI goes to the same hop twice; the shares of the branches without a final response are
never more than the request's Max-Breadth, and none is 0; every context ends.

Two states: ``Hunting`` until the caller has had a final answer, ``Concluded`` until the last
branch is over. The second one is small, since it lives for 32 seconds.
"""

from typing import assert_never

from sansip.address import Hop
from sansip.proxy.best import Result
from sansip.proxy.concluded import concluded
from sansip.proxy.hunter import Hunter, next_stage, ways_of
from sansip.proxy.hunting import settle, take
from sansip.proxy.states import Concluded, Gone, Hunting, Outputs, State, Way
from sansip.proxy.vocabulary import Facts, Given, Hunt, Output, Plan


def start(facts: Facts, hunt: Hunt, plan: Plan, hop: Hop | None = None) -> tuple[State, Outputs]:
    """Begin with the first stage of a plan; a ``Located`` must follow at once for each ``Locate``.

    ``hop``: the one of the only way of that stage, if it is known already; it is tried at once.
    Without any target the caller gets 480, unless a failure route knows some.
    """
    patience = hunt.deadline
    if not facts.invite:
        # The caller's Timer F fires after 64*T1; what comes then is of no use (RFC 4320 4.2).
        patience = min(patience, facts.timing.timeout - facts.timing.t2)
    outputs: list[Output] = []
    stages = plan
    ways: tuple[Way, ...] = ()
    if plan:
        stage, stages = next_stage(facts, plan, facts.most_branches, outputs)
        if hop is None:
            ways = ways_of(stage, 0, outputs)
        else:
            ways = (Way(0, stage[0][0], stage[0][1:], (hop,), locating=False),)
    state = Hunting(
        hunt=hunt,
        deadline=facts.arrived + patience,
        stages=stages,
        stage=1 if plan else 0,
        ways=ways,
        opened=len(ways),
        branches=(),
        # "If the target set remains empty after applying all of the above, the proxy MUST return an
        # error response, which SHOULD be the 480 (Temporarily Unavailable) response" (16.5).
        results=() if plan else (Result(480),),
        rang=False,
        consulting=False,
        cancelled=None,
        refused=False,
        wake=None,
    )
    if plan and hop is None:
        return state, tuple(outputs)
    hunter = Hunter(facts, state, facts.arrived)
    return settle(hunter), tuple(hunter.out)


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
