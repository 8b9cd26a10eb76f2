"""The states of a response context, and the branches in it."""

from typing import Literal

from sansip.address import Hop
from sansip.message import Response
from sansip.proxy.best import Result, best, with_challenges
from sansip.proxy.vocabulary import Facts, Hunt, Output, Stage, Target
from sansip.value import value

Heard = Literal["nothing", "trying", "ringing", "final"]
Cancelling = Literal["no", "wanted", "sent"]
Suspects = tuple[Target, tuple[Hop, ...]]  # hops that are tried last, each for its own target


@value
class Way:
    """One of the ways that are tried in parallel, as far as it has been gone."""

    number: int
    target: Target  # the one whose hops are being tried
    targets: tuple[Target, ...]  # that stand in for it
    hops: tuple[Hop, ...] = ()  # of this target, not yet tried
    locating: bool = True  # more hops of this target may come
    wanting: bool = True  # its next hop is tried as soon as it is known and there is breadth
    suspects: tuple[Suspects, ...] = ()  # kept for when there is nothing else

    @property
    def left(self) -> bool:
        """Whether there is anything that has not been tried yet."""
        return bool(self.hops or self.locating or self.targets or self.suspects)

    @property
    def has_doubts(self) -> bool:
        """Whether hops of the target that is being located are kept for the end: the last ones."""
        return bool(self.suspects) and self.suspects[-1][0] == self.target

    def aside(self, hops: tuple[Hop, ...]) -> tuple[Suspects, ...]:
        """What is kept for the end, with these hops of the target that is being tried."""
        if not hops:
            return self.suspects
        if self.has_doubts:
            *others, (target, before) = self.suspects
            return (*others, (target, before + hops))
        return (*self.suspects, (self.target, hops))

    def but(
        self,
        *,
        hops: tuple[Hop, ...] | None = None,
        locating: bool | None = None,
        wanting: bool | None = None,
        suspects: tuple[Suspects, ...] | None = None,
    ) -> "Way":
        """Make a copy with new values for some of its fields."""
        return Way(
            self.number,
            self.target,
            self.targets,
            self.hops if hops is None else hops,
            self.locating if locating is None else locating,
            self.wanting if wanting is None else wanting,
            self.suspects if suspects is None else suspects,
        )


@value
class Branch:
    """One hop that is or was tried."""

    number: int
    way: int
    stage: int
    target: Target
    hop: Hop
    breadth: int  # its share of the request's Max-Breadth
    begun: float
    heard: Heard = "nothing"
    since: float = 0.0  # when ``heard`` took this value
    guard: float = 0.0  # when to give up: Timer C, or 64*T1 after the CANCEL
    passed: bool = False  # it has been silent for so long that others may be tried beside it
    abandoned: bool = False  # another branch took its place: it holds nothing back any more
    cancel: Cancelling = "no"
    reasons: tuple[str, ...] = ()  # for the CANCEL (RFC 3326)
    trigger: str = ""  # why it failed, for people and failure routes
    status: int = 0  # how it ended: a final status, or 408 or 503 made here
    response: Response | None = None
    void: bool = False  # how it ended is nobody's answer: we had cancelled it
    over: bool = False  # its client transaction has ended

    @property
    def open(self) -> bool:
        """Whether a final response may still come."""
        return self.status == 0

    def but(  # noqa: PLR0913 - a field each
        self,
        *,
        heard: Heard | None = None,
        since: float | None = None,
        guard: float | None = None,
        passed: bool | None = None,
        abandoned: bool | None = None,
        cancel: Cancelling | None = None,
        reasons: tuple[str, ...] | None = None,
        trigger: str | None = None,
        status: int | None = None,
        response: Response | None = None,
        void: bool | None = None,
        over: bool | None = None,
    ) -> "Branch":
        """Make a copy with new values for some of its fields."""
        return Branch(
            self.number,
            self.way,
            self.stage,
            self.target,
            self.hop,
            self.breadth,
            self.begun,
            self.heard if heard is None else heard,
            self.since if since is None else since,
            self.guard if guard is None else guard,
            self.passed if passed is None else passed,
            self.abandoned if abandoned is None else abandoned,
            self.cancel if cancel is None else cancel,
            self.reasons if reasons is None else reasons,
            self.trigger if trigger is None else trigger,
            self.status if status is None else status,
            self.response if response is None else response,
            self.void if void is None else void,
            self.over if over is None else over,
        )


@value
class Hunting:
    """The caller waits for a final answer."""

    hunt: Hunt
    deadline: float
    stages: tuple[Stage, ...]  # not yet open
    stage: int  # how many have been opened
    ways: tuple[Way, ...]  # of the open stage; of earlier ones those with something left
    opened: int  # how many ways have been opened
    branches: tuple[Branch, ...]
    results: tuple[Result, ...]  # of targets that led nowhere
    rang: bool  # some branch has rung: the deadline is off
    consulting: bool  # the failure route has been asked and has not answered yet
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


FIRST_LINGERS = Concluded((), (), (), (0,), None)  # most contexts come to this, and share it


@value
class Gone:
    """Nothing is left."""


State = Hunting | Concluded | Gone
Outputs = tuple[Output, ...]


def best_of(
    facts: Facts, hunt: Hunt, branches: tuple[Branch, ...], results: tuple[Result, ...]
) -> Result | None:
    """The best that has come so far.

    A failure that made the hunt go on to the next hop of its target says nothing about the target;
    "only the last failure counts" (3263-4.3-04).
    """
    newest = {(branch.way, branch.target): branch.number for branch in branches}
    ended: list[Result] = []
    heard: list[Response] = []
    for branch in sorted(branches, key=_when):  # so that of equals the first one to come is chosen
        if branch.response is not None:
            heard.append(branch.response)
        moved_on = branch.response is None or branch.status in hunt.failover_on
        superseded = moved_on and branch.number != newest[branch.way, branch.target]
        if not (branch.open or branch.void or superseded):
            ended.append(Result(branch.status, branch.response))
    # Of equals, what somebody said or did not say comes before a target that led nowhere.
    chosen = best((*ended, *results), invite=facts.invite)
    return None if chosen is None else with_challenges(chosen, tuple(heard))


def _when(branch: Branch) -> float:
    return branch.since
