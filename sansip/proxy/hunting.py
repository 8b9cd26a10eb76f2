"""A response context whose caller waits: what each piece of news means for the hunt."""

from typing import assert_never

from sansip.message import Response
from sansip.proxy.best import Result
from sansip.proxy.hunter import Hunter, is_watched
from sansip.proxy.states import FIRST_LINGERS, Branch, Concluded, Gone, Outputs, State, best_of
from sansip.proxy.vocabulary import (
    Answer,
    Answered,
    Broken,
    Cancelled,
    Consult,
    Decline,
    Discard,
    Divert,
    Ended,
    Finish,
    Forward,
    Given,
    Located,
    Note,
    Output,
    Over,
    Silence,
    TimedOut,
    Troubled,
    TryNext,
    Unheard,
    Wake,
    Woken,
)

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'  # RFC 3326 2, 3326-2-01
TIMER_C = 'SIP;cause=408;text="Timer C"'  # 3326-2-04


def take(hunter: Hunter, given: Given) -> tuple[State, Outputs]:
    """Deal with one piece of news: the next state, and what to do."""
    concluded: State | None = None
    match given:
        case Answered():
            concluded = _answered(hunter, given.branch, given.response)
        case Located():
            _located(hunter, given)
        case Over(number):
            hunter.put(hunter.branches[number].but(over=True))
        case TimedOut(number):
            _failed(hunter, number, 408, "silent to the end")
        case Broken(number, reason):
            _failed(hunter, number, 503, reason)
        case Troubled(number, reason):
            _troubled(hunter, number, reason)
        case Cancelled(reasons):
            _cancel(hunter, reasons)
        case Woken():
            hunter.wake = None
            concluded = _woken(hunter)
        case TryNext() | Finish() | Divert() | Decline():
            concluded = _decided(hunter, given)
        case _:
            assert_never(given)
    state = concluded or settle(hunter)
    return state, tuple(hunter.out)


def _decided(hunter: Hunter, given: TryNext | Finish | Divert | Decline) -> State | None:
    """The failure route has spoken."""
    hunter.consulted = True
    hunter.consulting = False
    match given:
        case TryNext():
            for way in hunter.ways:
                hunter.want(way.number)
        case Finish():
            pass
        case Divert():
            _divert(hunter, given)
        case Decline():
            return _conclude(hunter, Answer(given.status, given.reason, given.headers))
        case _:
            assert_never(given)
    return None


def _answered(hunter: Hunter, number: int, response: Response) -> State | None:
    """A response came. A provisional one begins nothing, and ends nothing but a cancelled hunt."""
    status = response.status
    if status >= 300:
        _failed(hunter, number, status, f"answered {status}", response)
        return None
    if status >= 200:
        # A 2xx "MUST be forwarded immediately" (16.7.5), and ends the hunt.
        return _conclude(hunter, Forward(response), (ELSEWHERE,), number)
    if status == 100 or not hunter.facts.invite:
        # A non-INVITE's provisional responses are consumed (RFC 4320 4.1, AMB-20).
        branch = hunter.branches[number]
        if branch.heard == "nothing":
            guard = branch.begun + hunter.hunt.timer_c
            hunter.put(branch.but(heard="trying", since=hunter.at, guard=guard, passed=False))
            hunter.cancel_if_wanted(number)
        return hunter.hunting() if hunter.cancelled is None else None
    _rings(hunter, number)
    # "any provisional response other than 100 MUST be forwarded immediately" (16.7.5)
    hunter.out.append(Forward(response))
    return hunter.hunting() if hunter.cancelled is None else None


def _rings(hunter: Hunter, number: int) -> None:
    """A 101-199 came: its branch is the live one, unless another has rung before.

    That holds for a way, whose hops are different roads to one phone, and for the stages. What
    rings in another way of the same stage is another phone.
    """
    branch = hunter.branches[number]
    # "If a provisional response is received (101 to 199), Timer C MUST be reset" (16.7.2)
    guard = branch.guard if branch.cancel == "sent" else hunter.at + hunter.hunt.timer_c
    since = branch.since if branch.heard == "ringing" else hunter.at
    if branch.cancel != "no":
        hunter.put(branch.but(heard="ringing", since=since, guard=guard))
    else:  # none of those that it would take the place of has rung
        hunter.rang = True
        live = branch.but(heard="ringing", since=since, guard=guard, abandoned=False, passed=False)
        hunter.put(live)
        hunter.rest(branch)
        for other in hunter.branches:
            rival = other.way == branch.way or other.stage != branch.stage
            if rival and other.number != number and other.open:
                hunter.abandon(other.number, cancel=True)
    hunter.cancel_if_wanted(number)


def _failed(
    hunter: Hunter, number: int, status: int, trigger: str, response: Response | None = None
) -> None:
    """A branch has ended without success."""
    branch = hunter.branches[number]
    if not branch.open:
        return  # it has had its final response; only the ACK for that got lost
    hunter.put(
        branch.but(
            heard="final",
            since=hunter.at,
            status=status,
            response=response,
            trigger=branch.trigger or trigger,
            # What a branch says that we have cancelled ourselves is nobody's answer.
            void=branch.cancel != "no" and hunter.cancelled is None and status < 600,
        )
    )
    if status >= 600:
        # "the proxy SHOULD cancel all client pending transactions [...] MUST NOT create any
        # new branches" (16.7.5); a silent branch does not hold the answer back.
        hunter.refused = True
        for other in hunter.branches:
            if other.open:
                hunter.want_cancel(other.number, f"SIP;cause={status}")
                hunter.put(hunter.branches[other.number].but(abandoned=other.heard == "nothing"))
    elif status == 482:
        # Another branch got to this phone first: let that one go on.
        for other in hunter.branches:
            if other.open and other.cancel == "no":
                hunter.put(hunter.branches[other.number].but(abandoned=False, passed=False))
    elif (
        not branch.abandoned
        and branch.cancel == "no"
        and branch.heard != "ringing"
        and (response is None or status in hunter.hunt.failover_on)
    ):
        # 3263-4.3-01, -02: silence, transport error and 503 move on, and nothing else does.
        hunter.want(branch.way)


def _troubled(hunter: Hunter, number: int, reason: str) -> None:
    """ICMP: a hint that costs a forger's victim one extra INVITE, never a call."""
    branch = hunter.branches[number]
    if not branch.open or branch.heard != "nothing" or branch.trigger:
        return
    hunter.put(hunter.branches[number].but(trigger=reason))
    if not branch.abandoned and hunter.may_pass(branch):
        hunter.out.append(Note(f"{branch.hop}: {reason}"))
        _pass(hunter, number, reason)


def _pass(hunter: Hunter, number: int, trigger: str) -> None:
    """Nothing comes from a branch: others may be tried while it lives on."""
    branch = hunter.branches[number]
    hunter.put(branch.but(trigger=trigger, passed=True))
    hunter.want(branch.way)


def _located(hunter: Hunter, given: Located) -> None:
    """More is known of the hops of a way's target."""
    for at, way in enumerate(hunter.ways):
        if way.number == given.way and way.locating:
            hops, suspects = way.hops + given.hops, way.aside(given.suspects)
            known = hunter.ways[at] = way.but(hops=hops, locating=given.more, suspects=suspects)
            if given.more or hops or known.has_doubts:
                continue
            if not any(branch.target == way.target for branch in hunter.branches):
                hunter.results += (Result(given.status),)
                hunter.out.append(Note(f"{way.target.next_hop}: {given.reason}"))


def _divert(hunter: Hunter, given: Divert) -> None:
    """The failure route wants other targets."""
    if hunter.cancelled is None and not hunter.refused:
        hunter.stop_locating()
        hunter.hunt, hunter.stages, hunter.ways = given.hunt, given.plan, []
        for branch in hunter.branches:
            # Contacts that are tried are taken out of their 3xx, and one that has none left is not
            # stored (16.7 step 4): the failure route has read it, and is done with it.
            if 300 <= branch.status < 400:
                hunter.put(branch.but(void=True))


def _cancel(hunter: Hunter, reasons: tuple[str, ...]) -> None:
    """The caller's CANCEL: no new branch from here on (16.10)."""
    if hunter.cancelled is None and hunter.facts.invite:
        hunter.cancelled = reasons
        hunter.stop_locating()
        for branch in hunter.branches:
            if branch.open:
                hunter.want_cancel(branch.number, *reasons)


def _woken(hunter: Hunter) -> State | None:
    """See which silences are over."""
    if hunter.cancelled is None and hunter.is_late():
        hunter.stop_locating()
        hunter.out.append(Note(f"nobody rang within {hunter.deadline - hunter.facts.arrived:g} s"))
        if hunter.hunt.advance_after is None:  # else each has had its time, or is too young
            for branch in filter(is_watched, hunter.branches):
                hunter.out.append(
                    Unheard(branch.number, f"silent for {hunter.at - branch.begun:g} s")
                )
        hunter.results = (Result(408), *hunter.results)
        return _conclude_best(hunter)
    for branch in hunter.branches:
        deadline = hunter.due(branch)
        if deadline is not None and hunter.at >= deadline[0]:
            _overdue(hunter, branch, deadline[1])
    return None


def _overdue(hunter: Hunter, branch: Branch, why: str) -> None:
    """A silence has lasted too long."""
    number = branch.number
    if why == "advance":
        trigger = f"silent for {hunter.hunt.advance_after:g} s"
        if is_watched(branch):
            hunter.out.append(Unheard(number, trigger))
        _pass(hunter, number, trigger)
    elif why == "progress":
        # It is cancelled when another one begins in its place.
        _pass(hunter, number, f"no progress for {hunter.hunt.progress_after:g} s")
    elif why == "answer":
        hunter.put(branch.but(trigger=f"no answer within {hunter.hunt.answer_within:g} s"))
        hunter.abandon(number, cancel=True)
    elif branch.cancel == "sent":
        # 3261-9.1-06, 3261-16.8-02: cancelled, and still no final response after 64*T1.
        hunter.out.append(Discard(number))
        hunter.put(hunter.branches[number].but(over=True))
        _failed(hunter, number, 408, "no answer to CANCEL")
    else:
        # "If the client transaction has received a provisional response, the proxy MUST
        # generate a CANCEL request matching that transaction" (16.8)
        hunter.put(branch.but(trigger="Timer C"))
        hunter.want_cancel(number, TIMER_C)
        if not branch.abandoned:
            # Whatever it says to that, for the caller it has not answered in time (3261-16.8-02).
            hunter.results = (Result(408), *hunter.results)


def settle(hunter: Hunter) -> State:
    """Go on where that is wanted; conclude when nothing is left to wait for."""
    wanting = hunter.go_on()
    if not wanting and hunter.may_open():
        hunter.open_stage()
        return hunter.hunting()
    if wanting or hunter.consulting or hunter.is_waiting():
        return hunter.hunting()
    if hunter.hunt.consult and not hunter.consulted and hunter.cancelled is None:
        hunter.out.append(Consult())
        hunter.consulting = True
        return hunter.hunting()
    return _conclude_best(hunter)


def _conclude_best(hunter: Hunter) -> State:
    """Choose among what the targets ended with (16.7.6)."""
    most = hunter.facts.most_branches
    if len(hunter.branches) == most and (hunter.stages or any(way.left for way in hunter.ways)):
        hunter.out.append(Note(f"limit of {most} branches: not everything was tried"))
    chosen = best_of(hunter.facts, hunter.hunt, tuple(hunter.branches), hunter.results)
    hidden = hunter.facts.relayed and chosen is not None and chosen.status == 503
    if chosen is not None and chosen.response is not None and not hidden:
        return _conclude(hunter, Forward(chosen.response))
    if hunter.cancelled is not None:
        return _conclude(hunter, Answer(487))  # 3261-16.10-03
    if hidden and hunter.branches:
        # "SHOULD NOT forward a 503 response [...] should generate a 500" (16.7.6, AMB-18)
        return _conclude(hunter, Answer(500))
    if chosen is not None:
        return _conclude(hunter, Answer(chosen.status))
    return _conclude(hunter, Answer(408) if hunter.facts.invite else Silence())


def _conclude(
    hunter: Hunter, last_word: Output, reasons: tuple[str, ...] = (), accepted: int | None = None
) -> State:
    """Say the last word, and cancel what is still going on (16.7.10).

    ``accepted``: the branch that has just had a 2xx.
    """
    hunter.out.append(last_word)
    hunter.stop_locating()
    waiting: list[int] = []
    lingering: list[int] = []
    for branch in hunter.branches:
        if branch.status or branch.number == accepted:
            if not branch.over:
                lingering.append(branch.number)
        elif hunter.facts.invite:
            hunter.want_cancel(branch.number, *reasons)
            waiting.append(branch.number)
        else:
            hunter.out.append(Discard(branch.number))  # nothing that it says matters now
    state = FIRST_LINGERS
    if waiting or lingering != [0]:
        still = [hunter.branches[number] for number in waiting]
        state = Concluded(
            open=tuple(waiting),
            uncancelled=tuple([branch.number for branch in still if branch.cancel == "wanted"]),
            reasons=next((branch.reasons for branch in still if branch.reasons), ()),
            lingering=tuple(lingering),
            wake=max([branch.guard for branch in still if branch.cancel == "sent"], default=None),
        )
    if hunter.wake is not None or state.wake is not None:
        hunter.out.append(Wake(state.wake))
    if not state.open and not state.lingering:
        hunter.out.append(Ended())
        return Gone()
    return state
