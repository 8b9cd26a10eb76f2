"""The words that the four transaction machines share: facts, inputs, outputs.

Every machine is ``start(facts) -> (state, outputs)`` and ``step(facts, state, given) -> (state,
outputs)``. What holds for all of them:

* Outputs come in the order Transmit, Stop, Start, notifications, Ended (SIO-03): a message leaves
  before the timer that guards it starts.
* A timer that a machine started has fired, or is stopped, by the time it ends; a timer whose value
  would be 0 is never started, its transition happens in the same step (3261-17-T14).
* They are total: whatever is given, in whatever state, nothing is raised. What a state has no use
  for leaves it as it is and outputs nothing; so a ``Respond`` that outputs nothing was out of
  place, and the caller may report it.
* Whose timer it was that fired is for the caller to know (3261-17-T15). The machines see the name
  only, and ignore a name that means nothing in their present state.
"""

from typing import Literal

from sansip.message import Response
from sansip.timing import Timing
from sansip.value import value

# Plain strings, not an Enum: they are compared at every step, and an Enum compares four times
# slower. The letters are those of RFC 3261 table 4 and RFC 6026 8.5 (C is the proxy's); "100" is
# for the one provisional response that RFC 4320 4.1 lets a non-INVITE transaction send.
TimerName = Literal["A", "B", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "100"]


# Facts


@value
class ClientFacts:
    """What a client transaction knows from its beginning.

    ``data`` is the request as it is sent, byte for byte, one that ``sansip.message.parse`` reads.
    Nobody looks at it after the final response: facts without it will do from Completed and
    Accepted on.
    """

    data: bytes
    reliable: bool  # whether the transport retransmits by itself: TCP, TLS
    timing: Timing


@value
class ServerFacts:
    """What a server transaction knows from its beginning.

    ``trying`` is the 100 for its request. An INVITE server transaction reads it at its start (b""
    if the transaction user answers within 200 ms, so that none need be sent), a non-INVITE one
    when timer "100" fires, and neither ever after.
    """

    reliable: bool
    timing: Timing
    trying: bytes = b""


# Inputs


@value
class Responded:
    """Client: a response came that matches this transaction (17.1.3)."""

    response: Response


@value
class Retransmitted:
    """Server: the request came again (17.2.3)."""


@value
class Acknowledged:
    """Server: an ACK came that matches this INVITE (17.2.3)."""


@value
class Fired:
    """A timer that this machine started has run out."""

    timer: TimerName


@value
class TransportFailed:
    """What this machine wanted transmitted could not be sent, and nothing else will help.

    For a client: the operating system refused, or the flow is lost. For a server: so did all the
    alternatives of RFC 3263 5 (17.2.4). ICMP errors never come here: they only advance.
    """

    reason: str


@value
class Respond:
    """Server: the transaction user sends this response, rendered."""

    status: int
    data: bytes


@value
class Abandon:
    """The transaction user is not interested any more.

    To a server transaction: it will never be answered (a non-INVITE whose branches all stayed
    silent, RFC 4320 4.2). To a client transaction: nobody waits for its final response (cancelled,
    and no final came in 64*T1: 9.1). It ends what no timer would; states that linger to absorb
    retransmissions take no notice.
    """


ClientInput = Responded | Fired | TransportFailed | Abandon
ServerInput = Retransmitted | Acknowledged | Fired | TransportFailed | Respond | Abandon


# Outputs


@value
class Transmit:
    """Send these bytes: to the same place every time (17.1.1.2), or as 18.2.2 says."""

    data: bytes


@value
class Start:
    """Start the timer; one of the same name is not running, or has just fired."""

    timer: TimerName
    after: float


@value
class Stop:
    """Stop the timer."""

    timer: TimerName


@value
class Pass:
    """Client: the response is for the transaction user."""

    response: Response


@value
class PassAck:
    """Server: the ACK that was given is for the transaction user."""


@value
class TimedOut:
    """Client: no final response in time; the transaction user takes it as a 408 (8.1.3.1)."""


@value
class Broke:
    """The transaction user must know of a transport failure (17.1.4, 17.2.4)."""

    reason: str


@value
class Unacknowledged:
    """Server: no ACK came for the final response (Timer H). For information only (AMB-28)."""


@value
class Ended:
    """The transaction is over and to be forgotten."""


ClientOutput = Transmit | Start | Stop | Pass | TimedOut | Broke | Ended
ServerOutput = Transmit | Start | Stop | PassAck | Broke | Unacknowledged | Ended


# The state that all machines end in


@value
class Terminated:
    """The transaction is over: the state after ``Ended``, which is never stepped again."""


TERMINATED = Terminated()
ENDED = Ended()
