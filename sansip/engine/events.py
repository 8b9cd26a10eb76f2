"""Events: the facts that an adapter tells the core, in the past tense.

Every event carries ``at``: seconds as a float, on any clock that never goes back. The core has no
clock of its own; between two events no time passes for it.
"""

from collections.abc import Mapping

from sansip.address import Address
from sansip.dispatch import Listed
from sansip.dns import Answer
from sansip.engine.actions import Timer
from sansip.engine.policy import Relay
from sansip.message import Request, Response
from sansip.value import value


@value
class DatagramReceived:
    """A datagram came.

    ``endpoint`` is the name of the endpoint whose socket it came to, ``source`` who sent it, and
    ``local`` the address that it was sent to: the endpoint's own, unless that is a wildcard.
    """

    at: float
    endpoint: str
    source: Address
    local: Address
    data: bytes


@value
class FlowOpened:
    """A connection is open: one that a peer opened to us, or one that ``OpenFlow`` asked for.

    ``flow`` is a number above 0 that the adapter has never given to another connection, or the
    negative one of the order; ``endpoint`` the name of the endpoint that it belongs to, ``remote``
    the address of the peer, and ``local`` our own. ``names`` are the identities of its certificate,
    as ``sansip.identities`` finds them, if it has shown one and TLS has verified that; else none.
    Whether they are those of who was asked for is looked at here: an adapter does not compare.
    """

    at: float
    flow: int
    endpoint: str
    remote: Address
    local: Address
    names: tuple[str, ...] = ()


@value
class StreamReceived:
    """The next bytes came over a connection, in pieces of any size."""

    at: float
    flow: int
    data: bytes


@value
class FlowClosed:
    """A connection is closed, or broken, or could not be opened; nothing more goes over it."""

    at: float
    flow: int
    reason: str = ""


@value
class SendFailed:
    """Something sent could not be delivered.

    When the operating system refused a ``Send`` at once, ``id`` is that order's and ``quoted`` its
    data: the core has not kept every response, and may know another place for it. When the network
    said so later (ICMP), ``id`` is None and ``quoted`` the beginning of the payload that came back
    with the error, possibly empty.
    """

    at: float
    endpoint: str
    remote: Address
    reason: str
    id: str | None = None
    quoted: bytes = b""


@value
class TimerFired:
    """A timer has run out. Firing late, or after it was stopped, does no harm."""

    at: float
    timer: Timer


@value
class DnsAnswered:
    """A question that ``QueryDns`` asked has its answer; a time-out is a ``dns.Failure``."""

    at: float
    query: int
    answer: Answer


@value
class Consulted:
    """The embedding program has found out what ``Consult`` asked for.

    ``answer`` is handed to the policy's method as it is; None means that there is no answer.
    """

    at: float
    question: str
    answer: object


@value
class RequestSubmitted:
    """The embedding program wants a request sent, as a user agent client would (RFC 3261 8.1).

    The core puts the one Via that it needs; it is sent to its first Route, or else to its
    Request-URI, and fails over like any other (RFC 3263). ``handle``, chosen by the program and
    unique among its live requests, comes back with every ``Deliver``. Handles that begin with
    ``s|`` are the core's own.
    """

    at: float
    handle: str
    request: Request
    relay: Relay | None = None  # how to hunt; its ``to`` replaces the Request-URI


@value
class ResponseSubmitted:
    """The embedding program answers a request that was delivered to it (RFC 3261 8.2.6).

    Make the response with ``sansip.reply`` from the request as it was delivered. A To tag is put in
    if it has none, the same for all responses to this request. An answer that comes too late,
    because the caller has just given up, say, is reported and goes nowhere.
    """

    at: float
    handle: str
    response: Response


@value
class AckSubmitted:
    """The embedding program acknowledges a 2xx to an INVITE that it submitted (RFC 3261 13.2.2.4).

    The core puts its Via; it follows its Route like any request within the dialog. Submit it again
    for every further 2xx that is delivered.
    """

    at: float
    request: Request


@value
class CancelSubmitted:
    """The embedding program gives up an INVITE that it submitted (RFC 3261 9.1).

    The CANCEL waits for the first provisional response. What comes of the INVITE is delivered as
    always: a 487, mostly, or a 2xx that was faster.
    """

    at: float
    handle: str


@value
class Administered:
    """An operator's order."""

    at: float
    order: "ReplaceGroups | Drain | Enable | FlushCache | Quiesce | Rekey"


@value
class ReplaceGroups:
    """New members for the destination groups; calls in flight keep the plan that they have.

    ``groups`` is what ``Config(groups=)`` takes, or pairs of name and group. Members that stay, by
    the name of the group and their URI, stay drained or not.
    """

    groups: Mapping[str, Listed] | tuple[tuple[str, Listed], ...]


@value
class Drain:
    """No new calls and no probes for this member of a group; calls in flight are not touched."""

    group: str
    uri: str  # the member's, as the group has it


@value
class Enable:
    """Let this member of a group have calls again, and hold nothing against it any more."""

    group: str
    uri: str


@value
class FlushCache:
    """Forget all DNS answers."""


@value
class Quiesce:
    """Take no new requests: 503 with this Retry-After, in seconds; what is going on continues.

    So does the probing of groups: calls that are going on may still have to choose.
    """

    retry_after: int = 0


@value
class Rekey:
    """Draw from this seed from now on: 16 to 64 bytes, as ``Engine.start`` takes them.

    So what is drawn later cannot be foretold by whoever has the seed of before, from a journal say.
    What is going on is not touched: a request that is being relayed goes on drawing from the seed
    that it began with; Record-Route, loops and the To tags of our own responses go on being made
    with ``Config.secret`` or, if there is none, the first seed.
    """

    seed: bytes


Event = (
    DatagramReceived
    | FlowOpened
    | StreamReceived
    | FlowClosed
    | SendFailed
    | TimerFired
    | DnsAnswered
    | Consulted
    | RequestSubmitted
    | ResponseSubmitted
    | AckSubmitted
    | CancelSubmitted
    | Administered
)
