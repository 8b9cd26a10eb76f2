"""Policy: what an embedding program decides about requests, as pure functions.

A policy is asked synchronously, in the middle of a step, and answers with a value. It has no clock
and no dice of its own: ``Scene`` has the time, the origin of the request, and labelled draws. What
it cannot know by itself it may ``Ask`` for.
A policy that raises costs its request a 500, and nothing else.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from sansip.address import Address, Hop
from sansip.dispatch import Dispatch
from sansip.engine.standing import Standing
from sansip.entropy import Draws
from sansip.message import Request, Response, Uri
from sansip.proxy.vocabulary import Finish, Late, TryNext
from sansip.value import value

ADVANCE_EARLY = frozenset({"INVITE", "OPTIONS", "REGISTER"})


@value
class Target:
    """A URI that a request may go to, and how much it is preferred: ``q`` from 0 to 1.

    ``edits`` are header fields that only this target gets, in place of the request's own:
    ``(("P-Asserted-Identity", "<sip:+15550100@example.com>"), ("Privacy", None))``; None takes one
    away. Those that make a call what it is (From, To, Via, Route ...) stay as they are.
    ``endpoint`` names the endpoint to send from; by default the one that the request came to.
    """

    uri: str | Uri
    q: float = 1.0
    edits: tuple[tuple[str, str | None], ...] = ()
    endpoint: str = ""


@value
class Relay:
    """Proxy the request to ``to``: a SIP URI, several, or the members of a group (``Dispatch``).

    Several URIs, or ``Target`` with a q, are a target set (RFC 3261 16.5): those of the highest q
    are tried in parallel, those of the next q when each of these has failed or has been silent for
    ``advance_after``. The members of a group are tried one after the other, and what one of them
    answers holds for all.

    Times are in seconds; None switches a silence off.

    ``advance_after``   nothing at all has come from a hop: the next is tried while this one lives
                        on. Default: 3 for INVITE, OPTIONS and REGISTER; off for the rest, since a
                        MESSAGE that is sent twice is read twice.
    ``progress_after``  a 100 came and then nothing: cancel this hop and try the next
    ``answer_within``   it rings too long: cancel it, go on to the next q, or ask the failure route
    ``deadline``        for the hunt, from the arrival of the request to the first 101-199
    ``timer_c``         cancels calls that ring for ever; more than 180 (RFC 3261 16.6 step 11)
    ``failover_on``     status codes that move on to the next hop by themselves
    ``late``            "first": a hop that answers late, and before any other, wins;
                        "cancel": it is cancelled. A late 2xx always goes through.
    ``record_route``    stay on the path of the dialog
    ``follow_route``    let the request's own Route say where it goes next (16.12); otherwise a
                        request that brings one along gets 403, unless it is proven to belong to a
                        dialog that was set up here. Only for sources that you trust.
    ``on_failure``      the name of the policy's method that is asked when all this has failed
    ``route``           SIP URIs of proxies, all with ;lr, that the request has to visit first, in
                        this order; they go ahead of its own Route (RFC 3261 16.6 step 6)
    """

    to: "str | Uri | Dispatch | Target | Sequence[Target | str | Uri]"
    advance_after: float | Literal["default"] | None = "default"
    progress_after: float | None = None
    answer_within: float | None = None
    deadline: float = 32.0
    timer_c: float = 185.0
    failover_on: tuple[int, ...] = (503,)
    late: Late = "first"
    record_route: bool = True
    follow_route: bool = False
    on_failure: str | None = None
    route: tuple[str, ...] = ()


@value
class Reply:
    """Answer the request with this status: 300-699, or 200-299 unless it is an INVITE.

    ``headers`` are added as they stand. Decided at once, it is sent without a transaction, every
    time that the request comes; after an ``Ask``, or by a failure route, through its transaction.
    """

    status: int
    reason: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


@value
class Drop:
    """Say nothing at all.

    The caller will retransmit for 32 seconds, so this is for attackers only. Decided at once,
    nothing is remembered, and each copy that comes is asked about again.
    """


@value
class Ask:
    """Ask the embedding program before deciding: a database, say, or a registrar.

    The program is given ``data`` with ``Consult``, and answers with ``Consulted``; then the method
    named ``then`` decides as ``route`` does, called with the request, the scene and the answer.
    The answer is None when none has come ``within`` so many seconds. An INVITE has had its 100 by
    then, copies are absorbed, and a CANCEL in the meantime ends the request.

    ``data`` becomes part of the state: plain values that compare and pickle.
    """

    data: object
    then: str
    within: float = 3.0


@value
class Local:
    """Deliver the request to the embedding program, which is a user agent (RFC 3261 8.2).

    It comes with ``Deliver``, is answered with ``ResponseSubmitted``, and what comes for it later,
    an ACK or a CANCEL, is delivered too. An INVITE has had its 100, copies are absorbed.
    """


Decision = Relay | Reply | Drop | Ask | Local


@value
class Tried:
    """One branch, for a failure route."""

    uri: str
    hop: Hop
    status: int  # 408 and 503 may have been made here: see ``answered``; 0 while it is silent
    answered: bool  # whether the status came over the wire
    trigger: str  # what happened, for people: "silent for 3 s", "answered 503" ...
    begun: float  # on the clock of the events


@value
class Failed:
    """What a failure route gets to see: nobody has taken the request."""

    request: Request
    tried: tuple[Tried, ...]
    remaining: tuple[str, ...]  # hops and URIs that TryNext would go to
    best: Response | None  # what Finish would forward, or None if it would be made here


FailureDecision = TryNext | Finish | Relay | Reply


class Scene:
    """What a policy may know about a request besides the request itself."""

    __slots__ = ("_draws", "_mine", "_standing", "at", "groups", "in_dialog", "names", "source")
    at: float
    groups: tuple[str, ...]
    in_dialog: bool
    names: tuple[str, ...]
    source: Address

    def __init__(  # noqa: PLR0913 - what the engine knows
        self,
        at: float,
        source: Address,
        groups: tuple[str, ...],
        mine: Callable[[Uri], bool],
        draws: Draws,
        *,
        in_dialog: bool,
        names: tuple[str, ...] = (),
        standing: Callable[[str], tuple[Standing, ...]] = lambda _: (),
    ) -> None:
        """Made by the engine."""
        self.at = at
        """When the request came, in seconds on the clock of the events."""
        self.source = source
        """Who sent it, as the socket saw it."""
        self.groups = groups
        """The names of the destination groups."""
        self.in_dialog = in_dialog
        """Whether it belongs to a dialog that was set up through this proxy."""
        self.names = names
        """Who sent it, as the certificate says that the sender has proven to have by TLS: SIP
        domains, and IP addresses. None without TLS, and of who has shown none."""
        self._mine = mine
        self._standing = standing
        self._draws = draws

    def is_mine(self, uri: Uri) -> bool:
        """Whether this URI names the proxy itself."""
        return self._mine(uri)

    def standing(self, group: str) -> tuple[Standing, ...]:
        """How the members of a group are, in their order; none if there is no such group."""
        return self._standing(group)

    def draw(self, label: str) -> float:
        """A number from 0 up to 1, the same for the same request and label on every replay."""
        return self._draws.below(1 << 53, "policy " + label) / (1 << 53)


class Policy:
    """The base of all policies: it serves nothing. Override ``route``."""

    def route(self, request: Request, scene: Scene) -> Decision:  # noqa: ARG002
        """Decide about a request that belongs to no dialog set up through this proxy."""
        return Reply(404)

    def in_dialog(self, request: Request, scene: Scene) -> Decision | None:  # noqa: ARG002
        """Decide about a request within a dialog; None: it follows its Route, or Request-URI."""
        return None


class Everything(Policy):
    """What decides where there is no policy: everything is delivered to the embedding program."""

    def route(self, request: Request, scene: Scene) -> Decision:  # noqa: ARG002
        """Deliver it."""
        return Local()

    def in_dialog(self, request: Request, scene: Scene) -> Decision | None:  # noqa: ARG002
        """Deliver it."""
        return Local()
