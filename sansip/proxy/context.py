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

from typing import Literal, assert_never

from sansip.address import Hop
from sansip.message import Response
from sansip.proxy.best import Result, best
from sansip.proxy.vocabulary import (
    Answer,
    Answered,
    Broken,
    Cancel,
    Cancelled,
    Consult,
    Decline,
    Discard,
    Divert,
    Ended,
    Facts,
    Finish,
    Forward,
    Given,
    Hunt,
    Locate,
    Located,
    Note,
    Output,
    Over,
    Silence,
    StopLocating,
    Target,
    TimedOut,
    Troubled,
    Try,
    TryNext,
    Wake,
    Woken,
)
from sansip.value import value

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'  # RFC 3326 2, 3326-2-01
TIMER_C = 'SIP;cause=408;text="Timer C"'  # 3326-2-04

Heard = Literal["nothing", "trying", "ringing", "final"]
Cancelling = Literal["no", "wanted", "sent"]


@value
class Branch:
    """One hop that is or was tried."""

    number: int
    target: Target
    hop: Hop
    begun: float
    heard: Heard = "nothing"
    since: float = 0.0  # when ``heard`` took this value
    guard: float = 0.0  # when to give up: Timer C, or 64*T1 after the CANCEL
    abandoned: bool = False  # another branch took its place: it holds nothing back any more
    cancel: Cancelling = "no"
    trigger: str = ""  # why it failed, for people and failure routes
    status: int = 0  # how it ended: a final status, or 408 or 503 made here
    response: Response | None = None
    over: bool = False  # its client transaction has ended

    @property
    def open(self) -> bool:
        """Whether a final response may still come."""
        return self.status == 0


@value
class Hunting:
    """The caller waits for a final answer."""

    hunt: Hunt
    deadline: float
    target: Target  # the one whose hops are being tried
    targets: tuple[Target, ...]  # the ones after it
    hops: tuple[Hop, ...]  # of this target, not yet tried
    locating: bool  # more hops of this target may come
    wanting: bool  # the next hop to come is tried at once
    branches: tuple[Branch, ...]
    results: tuple[Result, ...]  # of targets that led nowhere
    ringing: int | None  # the live branch, once one has rung
    rang: bool  # some branch has rung: the deadline is off
    cancelled: tuple[str, ...] | None  # the Reason values of the caller's CANCEL
    refused: bool  # a 6xx came
    wake: float | None


@value
class Concluded:
    """The caller has had a final answer; some client transactions are still there."""

    open: tuple[int, ...]  # branches that may still answer
    uncancelled: tuple[int, ...]  # those to be cancelled at their first provisional response
    reasons: tuple[str, ...]  # for their CANCEL
    lingering: tuple[int, ...]  # had their final response, and absorb retransmissions of it
    wake: float | None  # when the cancelled ones are given up


@value
class Gone:
    """Nothing is left."""


State = Hunting | Concluded | Gone
Outputs = tuple[Output, ...]


def start(facts: Facts, hunt: Hunt, targets: tuple[Target, ...]) -> tuple[State, Outputs]:
    """Begin with the first of these targets (at least one); ``Located`` must follow at once."""
    state = Hunting(
        hunt=hunt,
        deadline=facts.arrived + hunt.deadline,
        target=targets[0],
        targets=targets[1:],
        hops=(),
        locating=True,
        wanting=True,
        branches=(),
        results=(),
        ringing=None,
        rang=False,
        cancelled=None,
        refused=False,
        wake=None,
    )
    return state, (Locate(targets[0]),)


def step(facts: Facts, state: State, given: Given, at: float) -> tuple[State, Outputs]:
    """What follows from one thing that happened at a time ``at``."""
    match state:
        case Hunting():
            return _Hunt(facts, state, at).take(given)
        case Concluded():
            return _concluded(facts, state, given, at)
        case Gone():
            return state, ()
        case _:
            assert_never(state)


def best_of(
    branches: tuple[Branch, ...], results: tuple[Result, ...], *, invite: bool
) -> Result | None:
    """The best that has come so far; of one target only the last failure counts (3263-4.3-04)."""
    last = {branch.target: branch for branch in branches if not branch.open}
    ended = tuple([Result(branch.status, branch.response) for branch in last.values()])
    return best(results + ended, invite=invite)


class _Hunt:
    """One step of a hunting context: the state taken apart, changed, and put together again."""

    __slots__ = (
        "at", "branches", "cancelled", "consulted", "deadline", "facts", "hops", "hunt",
        "locating", "out", "rang", "refused", "results", "ringing", "target", "targets", "wake",
        "wanting",
    )  # fmt: skip

    def __init__(self, facts: Facts, state: Hunting, at: float) -> None:
        self.facts = facts
        self.at = at
        self.out: list[Output] = []
        self.hunt = state.hunt
        self.deadline = state.deadline
        self.target = state.target
        self.targets = state.targets
        self.hops = state.hops
        self.locating = state.locating
        self.wanting = state.wanting
        self.branches = list(state.branches)
        self.results = state.results
        self.ringing = state.ringing
        self.rang = state.rang
        self.cancelled = state.cancelled
        self.refused = state.refused
        self.wake = state.wake
        self.consulted = False

    def take(self, given: Given) -> tuple[State, Outputs]:
        concluded: State | None = None
        match given:
            case Answered(number, response):
                concluded = self.answered(number, response)
            case Located():
                self.located(given)
            case Over(number):
                self.change(number, over=True)
            case TimedOut(number):
                self.failed(number, 408, "silent to the end")
            case Broken(number, reason):
                self.failed(number, 503, reason)
            case Troubled(number, reason):
                self.troubled(number, reason)
            case Cancelled(reasons):
                self.cancel(reasons)
            case Woken():
                self.wake = None
                concluded = self.woken()
            case TryNext():
                self.consulted = True
                if self.may_advance():
                    self.ringing = None
                    self.advance()
            case Finish():
                self.consulted = True
            case Divert(targets, hunt):
                self.consulted = True
                self.divert(targets, hunt)
            case Decline(status, reason, headers):
                concluded = self.conclude(Answer(status, reason, headers))
            case _:
                assert_never(given)
        state = concluded or self.settle()
        return state, tuple(self.out)

    # --- responses

    def answered(self, number: int, response: Response) -> State | None:
        status = response.status
        if status >= 300:
            self.failed(number, status, f"answered {status}", response)
            return None
        if status >= 200:
            return self.accepted(number, response)
        if status == 100 or not self.facts.invite:
            # A non-INVITE's provisional responses are consumed (RFC 4320 4.1, AMB-20).
            branch = self.branches[number]
            if branch.heard == "nothing":
                guard = branch.begun + self.hunt.timer_c
                self.change(number, heard="trying", since=self.at, guard=guard)
                self.cancel_if_wanted(number)
            return None
        self.rings(number)
        # "any provisional response other than 100 MUST be forwarded immediately" (16.7.5)
        self.out.append(Forward(response))
        return None

    def accepted(self, number: int, response: Response) -> State:
        """A 2xx: "MUST be forwarded immediately" (16.7.5), and ends the hunt."""
        self.change(number, heard="final", status=response.status)
        return self.conclude(Forward(response), (ELSEWHERE,))

    def rings(self, number: int) -> None:
        """A 101-199 came: this branch is the live one, unless another has rung before."""
        branch = self.branches[number]
        # "If a provisional response is received (101 to 199), Timer C MUST be reset" (16.7.2)
        guard = branch.guard if branch.cancel == "sent" else self.at + self.hunt.timer_c
        since = branch.since if branch.heard == "ringing" else self.at
        self.change(number, heard="ringing", since=since, guard=guard)
        self.rang = True
        if self.ringing is None and branch.cancel == "no":
            self.ringing = number
            self.wanting = False
            self.change(number, abandoned=False)
            for other in self.branches:
                if other.open and other.number != number:
                    self.abandon(other.number, cancel=True)
        elif self.ringing != number and branch.cancel == "no":
            self.abandon(number, cancel=True)
        self.cancel_if_wanted(number)

    def failed(
        self, number: int, status: int, trigger: str, response: Response | None = None
    ) -> None:
        """A branch has ended without success."""
        branch = self.branches[number]
        ours = branch.cancel != "no" and self.cancelled is None
        if ours and status == 487:  # the echo of our own CANCEL is nobody's answer
            status, response = 408, None
        self.change(
            number, heard="final", status=status, response=response, trigger=branch.trigger or trigger
        )
        if self.ringing == number:
            self.ringing = None
        if status >= 600:
            # "the proxy SHOULD cancel all client pending transactions [...] MUST NOT create any
            # new branches" (16.7.5); a silent branch does not hold the answer back.
            self.refused = True
            self.wanting = False
            for other in self.branches:
                if other.open:
                    self.want_cancel(other.number, f"SIP;cause={status}")
                    self.change(other.number, abandoned=other.heard == "nothing")
        elif status == 482:
            # Another branch got to this phone first: let that one go on.
            for other in self.branches:
                if other.open and other.cancel == "no":
                    self.change(other.number, abandoned=False)
        elif (
            not branch.abandoned
            and branch.heard != "ringing"
            and (response is None or status in self.hunt.failover_on)
        ):
            # 3263-4.3-01, -02: silence, transport error and 503 move on, and nothing else does.
            self.advance()

    def troubled(self, number: int, reason: str) -> None:
        """ICMP: a hint that costs a forger's victim one extra INVITE, never a call."""
        branch = self.branches[number]
        if not branch.open or branch.heard != "nothing" or branch.trigger:
            return
        self.change(number, trigger=reason)
        if not branch.abandoned and self.may_advance():
            self.out.append(Note(f"{branch.hop}: {reason}"))
            self.advance()

    # --- going on to the next hop

    def may_advance(self) -> bool:
        """Whether there is somewhere to go, and nothing forbids it."""
        more = self.hops or self.locating or self.targets
        return bool(more) and self.cancelled is None and not self.refused and not self.wanting

    def advance(self) -> None:
        """Try the next hop, as soon as there is one."""
        if self.cancelled is not None or self.refused or self.ringing is not None:
            return
        self.wanting = False
        while self.hops:
            hop, self.hops = self.hops[0], self.hops[1:]
            if self.is_new(hop):
                self.begin(hop)
                return
        if self.locating:
            self.wanting = True
        elif self.targets and len(self.branches) < self.facts.most_branches:
            self.target, self.targets = self.targets[0], self.targets[1:]
            self.locating = self.wanting = True
            self.out.append(Locate(self.target))

    def is_new(self, hop: Hop) -> bool:
        """No (Request-URI, hop) twice for a request, and no more branches than allowed."""
        if len(self.branches) >= self.facts.most_branches:
            return False
        uri = self.target.uri
        return not any(
            branch.target.uri == uri
            and branch.hop.address == hop.address
            and branch.hop.transport == hop.transport
            for branch in self.branches
        )

    def begin(self, hop: Hop) -> None:
        number = len(self.branches)
        for other in self.branches:
            if other.open and not other.abandoned:
                self.abandon(other.number, cancel=self.hunt.late == "cancel")
        self.branches.append(Branch(number, self.target, hop, self.at))
        if number:
            last = self.branches[number - 1]
            self.out.append(Note(f"{last.hop}: {last.trigger or 'silent'}; trying {hop}"))
        self.out.append(Try(number, self.target, hop))

    def located(self, given: Located) -> None:
        self.hops += given.hops
        self.locating = given.more
        tried = any(branch.target == self.target for branch in self.branches)
        if not (given.more or tried or self.hops):
            self.results += (Result(given.status),)
            self.out.append(Note(f"{self.target.next_hop}: {given.reason}"))
        if self.wanting and (self.hops or not self.locating):
            self.advance()

    def divert(self, targets: tuple[Target, ...], hunt: Hunt) -> None:
        """The failure route wants other targets."""
        if self.cancelled is None and not self.refused:
            self.stop_locating()
            self.hunt, self.hops, self.ringing = hunt, (), None
            self.target, self.targets = targets[0], targets[1:]
            self.locating = self.wanting = True
            self.out.append(Locate(self.target))

    def stop_locating(self) -> None:
        if self.locating:
            self.locating = self.wanting = False
            self.out.append(StopLocating())

    # --- cancelling

    def cancel(self, reasons: tuple[str, ...]) -> None:
        """The caller's CANCEL: no new branch from here on (16.10, rule 7)."""
        if self.cancelled is None:
            self.cancelled = reasons
            self.stop_locating()
            self.hops = self.targets = ()
            for branch in self.branches:
                if branch.open:
                    self.want_cancel(branch.number, *reasons)

    def abandon(self, number: int, *, cancel: bool) -> None:
        self.change(number, abandoned=True)
        if cancel:
            self.want_cancel(number)

    def want_cancel(self, number: int, *reasons: str) -> None:
        """CANCEL now, or at the first provisional response (9.1, 3261-9.1-04)."""
        branch = self.branches[number]
        if branch.cancel == "no" and self.facts.invite:
            self.change(number, cancel="wanted")
            self.cancel_if_wanted(number, *reasons)

    def cancel_if_wanted(self, number: int, *reasons: str) -> None:
        branch = self.branches[number]
        if branch.cancel == "wanted" and branch.heard in ("trying", "ringing"):
            # "no final response within 64*T1: consider the transaction cancelled" (9.1)
            self.change(number, cancel="sent", guard=self.at + self.facts.timing.timeout)
            self.out.append(Cancel(number, reasons or self.cancelled or ()))

    # --- time

    def woken(self) -> State | None:
        """See which silences are over."""
        if not self.rang and self.cancelled is None and self.at >= self.deadline:
            self.stop_locating()
            self.out.append(Note(f"nobody rang within {self.hunt.deadline:g} s"))
            self.results += (Result(408),)
            return self.conclude_best()
        for branch in self.branches:
            due, why = self.due(branch)
            if due is not None and self.at >= due:
                self.overdue(branch, why)
        return None

    def due(self, branch: Branch) -> tuple[float | None, str]:
        """When something must happen on a branch of which nothing new is heard, and what."""
        if not branch.open:
            return None, ""
        hunt, live = self.hunt, not branch.abandoned and self.cancelled is None
        if branch.heard == "nothing":
            if live and hunt.advance_after is not None and self.may_advance():
                return branch.begun + hunt.advance_after, "advance"
            return None, ""  # Timer B or F is running
        limits: list[tuple[float, str]] = []
        if self.facts.invite:  # a non-INVITE has Timer F running
            limits.append((branch.guard, "give up"))
        if live and branch.heard == "trying" and hunt.progress_after is not None:
            if self.may_advance() and self.ringing is None:
                limits.append((branch.since + hunt.progress_after, "progress"))
        if live and branch.heard == "ringing" and hunt.answer_within is not None:
            limits.append((branch.since + hunt.answer_within, "answer"))
        return min(limits, default=(None, ""))

    def overdue(self, branch: Branch, why: str) -> None:
        number = branch.number
        if why == "advance":
            self.change(number, trigger=f"silent for {self.hunt.advance_after:g} s")
            self.advance()
        elif why == "progress":
            self.change(number, trigger=f"no progress for {self.hunt.progress_after:g} s")
            self.abandon(number, cancel=True)
            self.advance()
        elif why == "answer":
            self.change(number, trigger=f"no answer within {self.hunt.answer_within:g} s")
            self.ringing = None
            self.abandon(number, cancel=True)
        elif branch.cancel == "sent":
            # 3261-9.1-06, 3261-16.8-02: cancelled, and still no final response after 64*T1.
            self.out.append(Discard(number))
            self.change(number, over=True)
            self.failed(number, 408, "no answer to CANCEL")
        else:
            # "If the client transaction has received a provisional response, the proxy MUST
            # generate a CANCEL request matching that transaction" (16.8)
            self.change(number, trigger="Timer C")
            self.want_cancel(number, TIMER_C)

    # --- the end

    def settle(self) -> State:
        """Conclude when nothing is left to wait for; else put the state together again."""
        if self.wanting or any(b.open and not b.abandoned for b in self.branches):
            return self.hunting()
        if self.hunt.consult and not self.consulted and self.cancelled is None:
            self.out.append(Consult())
            return self.hunting()
        return self.conclude_best()

    def hunting(self) -> Hunting:
        dues = [due for due, _ in map(self.due, self.branches) if due is not None]
        if not self.rang and self.cancelled is None:
            dues.append(self.deadline)
        due = min(dues, default=None)
        # Waking too early does no harm and is cheaper than moving a timer at every response.
        if due is not None and (self.wake is None or due < self.wake):
            self.wake = due
            self.out.append(Wake(due))
        return Hunting(
            self.hunt,
            self.deadline,
            self.target,
            self.targets,
            self.hops,
            self.locating,
            self.wanting,
            tuple(self.branches),
            self.results,
            self.ringing,
            self.rang,
            self.cancelled,
            self.refused,
            self.wake,
        )

    def conclude_best(self) -> State:
        """Choose among what the targets ended with (16.7.6)."""
        chosen = best_of(tuple(self.branches), self.results, invite=self.facts.invite)
        if chosen is not None and chosen.response is not None and chosen.status != 503:
            return self.conclude(Forward(chosen.response))
        if self.cancelled is not None:
            return self.conclude(Answer(487))  # 3261-16.10-03
        if chosen is not None and chosen.status == 503 and self.branches:
            # "SHOULD NOT forward a 503 response [...] should generate a 500" (16.7.6, AMB-18)
            return self.conclude(Answer(500))
        if chosen is not None:
            return self.conclude(Answer(chosen.status))
        return self.conclude(Answer(408) if self.facts.invite else Silence())

    def conclude(self, last_word: Output, reasons: tuple[str, ...] = ()) -> State:
        """Say the last word, and cancel what is still going on (16.7.10)."""
        self.out.append(last_word)
        self.stop_locating()
        for branch in self.branches:
            if branch.open:
                if self.facts.invite:
                    self.want_cancel(branch.number, *reasons)
                else:
                    self.out.append(Discard(branch.number))  # nothing that it says matters now
                    self.change(branch.number, over=True)
        waiting = [branch for branch in self.branches if branch.open and not branch.over]
        guards = [branch.guard for branch in waiting if branch.cancel == "sent"]
        state = Concluded(
            open=tuple(branch.number for branch in waiting),
            uncancelled=tuple(b.number for b in waiting if b.cancel == "wanted"),
            reasons=reasons or self.cancelled or (),
            lingering=tuple(b.number for b in self.branches if not b.open and not b.over),
            wake=max(guards, default=None),
        )
        if self.wake is not None or state.wake is not None:
            self.out.append(Wake(state.wake))
        if not state.open and not state.lingering:
            self.out.append(Ended())
            return Gone()
        return state

    def change(
        self,
        number: int,
        *,
        heard: Heard | None = None,
        since: float | None = None,
        guard: float | None = None,
        abandoned: bool | None = None,
        cancel: Cancelling | None = None,
        trigger: str | None = None,
        status: int | None = None,
        response: Response | None = None,
        over: bool | None = None,
    ) -> None:
        """Give a branch new values for some of its fields."""
        old = self.branches[number]
        self.branches[number] = Branch(
            number,
            old.target,
            old.hop,
            old.begun,
            old.heard if heard is None else heard,
            old.since if since is None else since,
            old.guard if guard is None else guard,
            old.abandoned if abandoned is None else abandoned,
            old.cancel if cancel is None else cancel,
            old.trigger if trigger is None else trigger,
            old.status if status is None else status,
            old.response if response is None else response,
            old.over if over is None else over,
        )


def _concluded(facts: Facts, state: Concluded, given: Given, at: float) -> tuple[State, Outputs]:
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
            left = Concluded(state.uncancelled, state.uncancelled, state.reasons, state.lingering, None)
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
