"""The states of a response context, and the branches in it."""

from typing import Literal

from sansip.address import Hop
from sansip.message import Response
from sansip.proxy.best import Result, best
from sansip.proxy.vocabulary import Hunt, Output, Target
from sansip.value import value

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

    def but(  # noqa: PLR0913 - a field each
        self,
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
    ) -> "Branch":
        """Make a copy with new values for some of its fields."""
        return Branch(
            self.number,
            self.target,
            self.hop,
            self.begun,
            self.heard if heard is None else heard,
            self.since if since is None else since,
            self.guard if guard is None else guard,
            self.abandoned if abandoned is None else abandoned,
            self.cancel if cancel is None else cancel,
            self.trigger if trigger is None else trigger,
            self.status if status is None else status,
            self.response if response is None else response,
            self.over if over is None else over,
        )


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


def best_of(
    branches: tuple[Branch, ...], results: tuple[Result, ...], *, invite: bool
) -> Result | None:
    """The best that has come so far; of one target only the last failure counts (3263-4.3-04)."""
    last = {branch.target: branch for branch in branches if not branch.open}
    ended = tuple([Result(branch.status, branch.response) for branch in last.values()])
    return best(results + ended, invite=invite)
