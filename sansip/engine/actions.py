"""Actions: the orders that the core gives an adapter, to be performed in the order of the tuple."""

from typing import Literal

from sansip.address import Address
from sansip.message import Request, Response
from sansip.value import value


@value
class Timer:
    """The name of a timer: whose it is, what for (``A``, ``advance`` ...), and a serial number.

    An owner has at most one timer running: a new ``StartTimer`` replaces what ran for its owner.
    No two timers are equal, so one that fires too late matches nothing.
    """

    owner: str
    name: str
    serial: int


@value
class Send:
    """Send ``data`` to ``remote`` from the named endpoint.

    As a datagram if ``flow`` is None, else over that connection and no other. ``local`` is the
    address of this machine that it has to come from (``IP_PKTINFO``), where the endpoint is bound
    to a wildcard and that matters; None: the endpoint's own, or what the system chooses.

    If the operating system refuses, answer with ``SendFailed`` that repeats ``id``, and has
    ``data`` as ``quoted``: a response can then go to another place.
    """

    id: str
    endpoint: str
    remote: Address
    flow: int | None
    data: bytes
    local: str | None = None


def owner_of(send: str) -> str:
    """Whose a ``Send`` of this id is: behind its number stands the key of a transaction, say."""
    return send.partition(" ")[2]


@value
class OpenFlow:
    """Open a connection from the named endpoint to ``remote``; answer with one of two events.

    ``FlowOpened`` with this ``flow``, a negative number that is used once, when bytes can be sent;
    ``FlowClosed`` if it comes to nothing. With TLS ``name`` is the domain, or the IP address, that
    the peer has to prove to be: verify its certificate, and tell the names that are in it. The core
    gives up by itself after ``Limits.connect`` seconds, with ``CloseFlow``.
    """

    flow: int
    endpoint: str
    transport: str
    remote: Address
    name: str | None


@value
class CloseFlow:
    """Close the connection, once all that was to be sent over it has been sent.

    One that is not open yet need not be opened any more. The core has forgotten it already; what is
    still told about it does no harm.
    """

    flow: int


@value
class StartTimer:
    """Tell ``TimerFired`` in ``after`` seconds, counted from the event that led to this order."""

    timer: Timer
    after: float


@value
class StopTimer:
    """The owner's timer is not wanted any more."""

    timer: Timer


@value
class QueryDns:
    """Ask for records; answer with ``DnsAnswered``, whatever comes of it.

    ``name`` has no trailing dot; ``type`` is "NAPTR", "SRV", "A" or "AAAA".
    """

    query: int
    name: str
    type: str


@value
class StopDns:
    """Nobody waits for this question any more; an answer would be harmless."""

    query: int


@value
class Consult:
    """The policy wants to know something: find it out, and answer with ``Consulted``.

    ``data`` is what the policy's ``Ask`` said. An answer that takes longer than ``within`` seconds
    does no harm, and is of no use.
    """

    question: str
    data: object
    within: float


@value
class Deliver:
    """Something for the embedding program, as a user agent.

    ``message`` is what the kind names, and None where it names nothing.

    Of what it submitted, under the handle that it chose:

    ``response``  a response, as it came: every provisional one but 100, and every 2xx, forked ones
                  and copies too, each of which wants an ACK. One without a Via was made here and
                  never came over a wire: a 503 for a transport error, say (RFC 3261 8.1.3.1).
    ``timeout``   nobody has answered: a 408 that was made here

    Of what came in and is ``Local``, under a handle of the core's:

    ``request``   answer it with ``ResponseSubmitted``
    ``ack``       the first ACK of its 2xx
    ``cancel``    the caller has given up: the CANCEL. It was answered, and so was the INVITE (487)
    ``timeout``   64*T1 have passed without an ACK of this 2xx: end the session with a BYE
                  (13.3.1.4). Without a message: it was not answered in time, and got a 480

    And of both, as the last thing under this handle:

    ``end``       nothing more will follow
    """

    handle: str
    kind: Literal["request", "response", "ack", "cancel", "timeout", "end"]
    message: Request | Response | None


@value
class Report:
    """What a log, a metric or a trace may want; never needed for correctness.

    ``topic`` is one of a few words ("malformed", "dropped", "failover", "limit", "dns",
    "transport", "policy", "health", "probe", and of an adapter's own "journal"), ``about`` the key
    of the transaction or what else it concerns, and ``text`` a sentence for people.
    """

    topic: str
    about: str
    text: str


Action = (
    Send
    | OpenFlow
    | CloseFlow
    | StartTimer
    | StopTimer
    | QueryDns
    | StopDns
    | Consult
    | Deliver
    | Report
)
