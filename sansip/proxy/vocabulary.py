"""What a response context is told, and what it orders (RFC 3261 16.7, RFC 3263 4.3)."""

from typing import Literal

from sansip.address import Hop
from sansip.message import Response
from sansip.timing import Timing
from sansip.value import value

Late = Literal["first", "cancel"]


@value
class Target:
    """Where a request may go: the Request-URI that it gets, and the URI that is located for it.

    A group's member is told by the group's name and its URI there; ``departure`` is the endpoint to
    send from, if that matters, and ``edits`` are header fields that only this target gets in place
    of the request's own; None takes one away. ``counted`` is what its calls are counted under, if
    they are.
    """

    uri: str
    next_hop: str
    group: str = ""
    member: str = ""
    departure: str = ""
    edits: tuple[tuple[str, str | None], ...] = ()
    counted: str = ""


# What is tried, in its order. A stage is what has one q: its ways are tried in parallel, the stages
# one after the other. A way is a target with those that stand in for it if nothing comes of it, so
# that they are tried one after the other as the hops of one target are.
Stage = tuple[tuple[Target, ...], ...]
Plan = tuple[Stage, ...]


@value
class Hunt:
    """How targets are tried. All times in seconds; None switches a silence off.

    ``advance_after``   nothing at all has come: try the next hop, let this branch live on; with
                        none left, open the next stage once all ways of this one have come so far
    ``progress_after``  a 100 came, then nothing: cancel and try the next hop
    ``answer_within``   it rings too long: cancel, and ask the failure route
    ``deadline``        from the arrival of the request to the first 101-199
    ``timer_c``         a guard against calls that ring for ever (RFC 3261 16.6 step 11)
    ``failover_on``     status codes that move to the next hop; RFC 3263 4.3 names 503 alone
    ``late``            what a late sign of life is worth: its branch wins, or is cancelled
    """

    advance_after: float | None
    progress_after: float | None
    answer_within: float | None
    deadline: float
    timer_c: float
    failover_on: tuple[int, ...]
    late: Late
    consult: bool  # is there a failure route?


@value
class Facts:
    """What stays the same for one response context."""

    invite: bool
    arrived: float
    timing: Timing
    most_branches: int
    breadth: int  # what its branches share (Max-Breadth, RFC 5393 5.3)
    relayed: bool = True  # or submitted here: then nobody is there to hide a 503 from


# --- what it is told


@value
class Located:
    """These hops are next on the list of this way's target.

    With ``more`` the list may still grow. When it is complete and empty, ``status`` and ``reason``
    say what that means. ``suspects`` are hops besides, that are better tried last of all.
    """

    way: int
    hops: tuple[Hop, ...]
    more: bool
    status: int = 480
    reason: str = ""
    suspects: tuple[Hop, ...] = ()


@value
class Answered:
    """A branch got a response."""

    branch: int
    response: Response


@value
class TimedOut:
    """Timer B or F of a branch fired."""

    branch: int


@value
class Broken:
    """The operating system refused to send on a branch; its transaction is gone."""

    branch: int
    reason: str


@value
class Troubled:
    """The network says (ICMP) that a branch's hop is out of reach. Anybody can forge that."""

    branch: int
    reason: str


@value
class Over:
    """A branch's client transaction has ended."""

    branch: int


@value
class Cancelled:
    """The caller sent CANCEL; ``reasons`` are its Reason values (RFC 3326)."""

    reasons: tuple[str, ...]


@value
class Woken:
    """The time asked for with ``Wake`` has come."""


@value
class TryNext:
    """The failure route says: go on with what remains."""


@value
class Finish:
    """The failure route says: let the best response go to the caller."""


@value
class Divert:
    """The failure route says: these targets instead of what remains."""

    plan: Plan
    hunt: Hunt


@value
class Decline:
    """The failure route says: this status to the caller."""

    status: int
    reason: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


Given = (
    Located
    | Answered
    | TimedOut
    | Broken
    | Troubled
    | Over
    | Cancelled
    | Woken
    | TryNext
    | Finish
    | Divert
    | Decline
)

# --- what it orders


@value
class Locate:
    """Find the hops of this target (RFC 3263 4)."""

    way: int
    target: Target


@value
class StopLocating:
    """No more hops are wanted for this way."""

    way: int


@value
class Try:
    """Start a client transaction: a new branch to this hop."""

    branch: int
    target: Target
    hop: Hop
    breadth: int  # its Max-Breadth


@value
class Cancel:
    """Send CANCEL on this branch, which has had a provisional response."""

    branch: int
    reasons: tuple[str, ...]


@value
class Discard:
    """Forget this branch's client transaction: it will never end by itself."""

    branch: int


@value
class Unheard:
    """Nothing at all has come from this branch, a group's member, in the time that it had."""

    branch: int
    why: str


@value
class Forward:
    """Send this response on to the caller."""

    response: Response


@value
class Answer:
    """Send the caller a response made here."""

    status: int
    reason: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


@value
class Silence:
    """The caller gets no answer (RFC 4320 4.2: no 408 for a non-INVITE)."""


@value
class Wake:
    """Tell ``Woken`` at this time; replaces an earlier order. None: not needed any more."""

    at: float | None


@value
class Consult:
    """Ask the failure route, and answer TryNext, Finish, Divert or Decline."""


@value
class Note:
    """Something worth a report."""

    text: str


@value
class Ended:
    """The last branch is over, and the caller has had the answer: forget this context."""


Output = (
    Locate
    | StopLocating
    | Try
    | Cancel
    | Discard
    | Unheard
    | Forward
    | Answer
    | Silence
    | Wake
    | Consult
    | Note
    | Ended
)
