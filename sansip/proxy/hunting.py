"""A response context whose caller waits: what each piece of news means for the hunt."""

from typing import assert_never

from sansip.address import Hop
from sansip.message import Response
from sansip.proxy.best import Result
from sansip.proxy.silences import Deadline, due
from sansip.proxy.states import Branch, Concluded, Gone, Hunting, Outputs, State, best_of
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
    Locate,
    Located,
    Note,
    Output,
    Over,
    Silence,
    StopLocating,
    TimedOut,
    Troubled,
    Try,
    TryNext,
    Wake,
    Woken,
)

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'  # RFC 3326 2, 3326-2-01
TIMER_C = 'SIP;cause=408;text="Timer C"'  # 3326-2-04


class Hunter:
    """One step of a hunting context: the state taken apart, changed, and put together again."""

    __slots__ = (
        "at", "branches", "cancelled", "consulted", "consulting", "deadline", "facts", "hops",
        "hunt", "locating", "out", "rang", "refused", "results", "ringing", "target", "targets",
        "wake", "wanting",
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
        self.consulting = state.consulting
        self.cancelled = state.cancelled
        self.refused = state.refused
        self.wake = state.wake
        self.consulted = False

    def take(self, given: Given) -> tuple[State, Outputs]:
        """Deal with one piece of news: the next state, and what to do."""
        concluded: State | None = None
        match given:
            case Answered(number, response):
                concluded = self.answered(number, response)
            case Located():
                self.located(given)
            case Over(number):
                self.put(self.branches[number].but(over=True))
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
            case TryNext() | Finish() | Divert() | Decline():
                concluded = self.decided(given)
            case _:
                assert_never(given)
        state = concluded or self.settle()
        return state, tuple(self.out)

    def decided(self, given: TryNext | Finish | Divert | Decline) -> State | None:
        """The failure route has spoken."""
        self.consulted = True
        self.consulting = False
        match given:
            case TryNext():
                if self.may_advance():
                    self.ringing = None
                    self.advance()
            case Finish():
                pass
            case Divert():
                self.divert(given)
            case Decline():
                return self.conclude(Answer(given.status, given.reason, given.headers))
            case _:
                assert_never(given)
        return None

    # --- responses

    def answered(self, number: int, response: Response) -> State | None:
        """A response came."""
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
                self.put(self.branches[number].but(heard="trying", since=self.at, guard=guard))
                self.cancel_if_wanted(number)
            return None
        self.rings(number)
        # "any provisional response other than 100 MUST be forwarded immediately" (16.7.5)
        self.out.append(Forward(response))
        return None

    def accepted(self, number: int, response: Response) -> State:
        """A 2xx: "MUST be forwarded immediately" (16.7.5), and ends the hunt."""
        self.put(self.branches[number].but(heard="final", status=response.status))
        return self.conclude(Forward(response), (ELSEWHERE,))

    def rings(self, number: int) -> None:
        """A 101-199 came: this branch is the live one, unless another has rung before."""
        branch = self.branches[number]
        # "If a provisional response is received (101 to 199), Timer C MUST be reset" (16.7.2)
        guard = branch.guard if branch.cancel == "sent" else self.at + self.hunt.timer_c
        since = branch.since if branch.heard == "ringing" else self.at
        self.put(self.branches[number].but(heard="ringing", since=since, guard=guard))
        self.rang = True
        if self.ringing is None and branch.cancel == "no":
            self.ringing = number
            self.wanting = False
            self.put(self.branches[number].but(abandoned=False))
            for other in self.branches:
                if other.open and other.number != number:
                    self.abandon(other.number, cancel=True)
        self.cancel_if_wanted(number)

    def failed(
        self, number: int, status: int, trigger: str, response: Response | None = None
    ) -> None:
        """A branch has ended without success."""
        branch = self.branches[number]
        if not branch.open:
            return  # it has had its final response; only the ACK for that got lost
        self.put(
            branch.but(
                heard="final",
                status=status,
                response=response,
                trigger=branch.trigger or trigger,
                # What a branch says that we have cancelled ourselves is nobody's answer.
                void=branch.cancel != "no" and self.cancelled is None and status < 600,
            )
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
                    self.put(self.branches[other.number].but(abandoned=other.heard == "nothing"))
        elif status == 482:
            # Another branch got to this phone first: let that one go on.
            for other in self.branches:
                if other.open and other.cancel == "no":
                    self.put(self.branches[other.number].but(abandoned=False))
        elif (
            not branch.abandoned
            and branch.cancel == "no"
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
        self.put(self.branches[number].but(trigger=reason))
        if not branch.abandoned and self.may_advance():
            self.out.append(Note(f"{branch.hop}: {reason}"))
            self.advance()

    # --- going on to the next hop

    def may_advance(self) -> bool:
        """Whether there is somewhere to go, and nothing forbids it."""
        if self.wanting or self.refused or self.cancelled is not None:
            return False
        more = self.hops or self.locating or self.targets
        return bool(more) and len(self.branches) < self.facts.most_branches

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
        """Start a branch; the ones before it hold nothing back any more."""
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
        """More is known of the current target's hops."""
        self.hops += given.hops
        self.locating = given.more
        tried = any(branch.target == self.target for branch in self.branches)
        if not (given.more or tried or self.hops):
            self.results += (Result(given.status),)
            self.out.append(Note(f"{self.target.next_hop}: {given.reason}"))
        if self.wanting and (self.hops or not self.locating):
            self.advance()

    def divert(self, given: Divert) -> None:
        """The failure route wants other targets."""
        if self.cancelled is None and not self.refused:
            self.stop_locating()
            self.hunt, self.hops, self.ringing = given.hunt, (), None
            self.target, self.targets = given.targets[0], given.targets[1:]
            self.locating = self.wanting = True
            self.out.append(Locate(self.target))

    def stop_locating(self) -> None:
        """No more hops are wanted."""
        if self.locating:
            self.locating = self.wanting = False
            self.out.append(StopLocating())

    # --- cancelling

    def cancel(self, reasons: tuple[str, ...]) -> None:
        """The caller's CANCEL: no new branch from here on (16.10, rule 7)."""
        if self.cancelled is None and self.facts.invite:
            self.cancelled = reasons
            self.stop_locating()
            self.hops = self.targets = ()
            for branch in self.branches:
                if branch.open:
                    self.want_cancel(branch.number, *reasons)

    def abandon(self, number: int, *, cancel: bool) -> None:
        """Another branch takes the place of this one."""
        self.put(self.branches[number].but(abandoned=True))
        if cancel:
            self.want_cancel(number)

    def want_cancel(self, number: int, *reasons: str) -> None:
        """CANCEL now, or at the first provisional response (9.1, 3261-9.1-04)."""
        branch = self.branches[number]
        if branch.cancel == "no" and self.facts.invite:
            self.put(branch.but(cancel="wanted", reasons=reasons))
            self.cancel_if_wanted(number)

    def cancel_if_wanted(self, number: int) -> None:
        """Send the CANCEL that is wanted, unless nothing has been heard yet."""
        branch = self.branches[number]
        if branch.cancel == "wanted" and branch.heard in ("trying", "ringing"):
            # After 64*T1 without a final response it counts as cancelled (9.1).
            guard = self.at + self.facts.timing.timeout
            self.put(branch.but(cancel="sent", guard=guard))
            self.out.append(Cancel(number, branch.reasons or self.cancelled or ()))

    # --- time

    def woken(self) -> State | None:
        """See which silences are over."""
        if not self.rang and self.cancelled is None and self.at >= self.deadline:
            self.stop_locating()
            self.out.append(Note(f"nobody rang within {self.deadline - self.facts.arrived:g} s"))
            self.results += (Result(408),)
            return self.conclude_best()
        for branch in self.branches:
            deadline = self.due(branch)
            if deadline is not None and self.at >= deadline[0]:
                self.overdue(branch, deadline[1])
        return None

    def due(self, branch: Branch) -> Deadline | None:
        """The next deadline of a branch."""
        live = not branch.abandoned and self.cancelled is None
        newest = branch.number == len(self.branches) - 1  # the others have had their turn
        onward = live and newest and self.ringing is None and self.may_advance()
        return due(self.hunt, branch, invite=self.facts.invite, live=live, onward=onward)

    def overdue(self, branch: Branch, why: str) -> None:
        """A silence has lasted too long."""
        number = branch.number
        if why == "advance":
            self.put(self.branches[number].but(trigger=f"silent for {self.hunt.advance_after:g} s"))
            self.advance()
        elif why == "progress":
            self.put(
                self.branches[number].but(trigger=f"no progress for {self.hunt.progress_after:g} s")
            )
            self.abandon(number, cancel=True)
            self.advance()
        elif why == "answer":
            self.put(
                self.branches[number].but(trigger=f"no answer within {self.hunt.answer_within:g} s")
            )
            self.ringing = None
            self.abandon(number, cancel=True)
        elif branch.cancel == "sent":
            # 3261-9.1-06, 3261-16.8-02: cancelled, and still no final response after 64*T1.
            self.out.append(Discard(number))
            self.put(self.branches[number].but(over=True))
            self.failed(number, 408, "no answer to CANCEL")
        else:
            # "If the client transaction has received a provisional response, the proxy MUST
            # generate a CANCEL request matching that transaction" (16.8)
            self.put(self.branches[number].but(trigger="Timer C"))
            self.want_cancel(number, TIMER_C)

    # --- the end

    def settle(self) -> State:
        """Conclude when nothing is left to wait for; else put the state together again."""
        waiting = any(branch.open and not branch.abandoned for branch in self.branches)
        if self.wanting or self.consulting or waiting:
            return self.hunting()
        if self.hunt.consult and not self.consulted and self.cancelled is None:
            self.out.append(Consult())
            self.consulting = True
            return self.hunting()
        return self.conclude_best()

    def hunting(self) -> Hunting:
        """Put the state together, and see that it is woken in time."""
        dues = [deadline[0] for deadline in map(self.due, self.branches) if deadline is not None]
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
            self.consulting,
            self.cancelled,
            self.refused,
            self.wake,
        )

    def conclude_best(self) -> State:
        """Choose among what the targets ended with (16.7.6)."""
        chosen = best_of(self.facts, self.hunt, tuple(self.branches), self.results)
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
                    self.put(self.branches[branch.number].but(over=True))
        waiting = [branch for branch in self.branches if branch.open and not branch.over]
        guards = [branch.guard for branch in waiting if branch.cancel == "sent"]
        state = Concluded(
            open=tuple(branch.number for branch in waiting),
            uncancelled=tuple(b.number for b in waiting if b.cancel == "wanted"),
            reasons=next((branch.reasons for branch in waiting if branch.reasons), ()),
            lingering=tuple(b.number for b in self.branches if not b.open and not b.over),
            wake=max(guards, default=None),
        )
        if self.wake is not None or state.wake is not None:
            self.out.append(Wake(state.wake))
        if not state.open and not state.lingering:
            self.out.append(Ended())
            return Gone()
        return state

    def put(self, branch: Branch) -> None:
        """Keep what has become of a branch."""
        self.branches[branch.number] = branch
