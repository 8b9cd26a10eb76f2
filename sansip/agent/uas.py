"""The core of a user agent server: one request that was delivered to the embedding program.

RFC 3261 8.2.6, 9.2 and 13.3.1.4, with RFC 6026 7.1 and 8.1. It stands on top of the request's
server transaction, and beneath the program, which answers or does not.

    Pending ---2xx to an INVITE---> Unacknowledged ---ACK, or 64*T1---> Settled
       |---any other final response, CANCEL, or no answer-------------> Settled
    and from any of them ---Over---> Gone

* A 2xx to an INVITE is retransmitted from here, through the transaction, which does not do it: over
  reliable transports too, since the ACK comes from the far end.
* The program hears "end" exactly once, and nothing after it.
* Every state but Settled has a deadline of its own, or its transaction has (a non-INVITE); Settled
  waits for the end of the transaction, so that what belongs to the request is still known until
  then.
"""

from typing import Literal, assert_never

from sansip.timing import Timing
from sansip.value import value

Kind = Literal["request", "ack", "cancel", "timeout", "end"]


@value
class Facts:
    """What stays the same: ``patience`` is how long an INVITE may wait for the program."""

    invite: bool
    timing: Timing
    patience: float


# --- what it is given


@value
class Respond:
    """The program answers, with this status and these bytes."""

    status: int
    data: bytes


@value
class Acknowledged:
    """The ACK of the 2xx came, or came again."""


@value
class Cancelled:
    """A CANCEL came that is about this request."""


@value
class Woken:
    """The time that ``Wake`` asked for has come."""


@value
class Over:
    """The server transaction has ended."""


Given = Respond | Acknowledged | Cancelled | Woken | Over


# --- what it orders


@value
class Answer:
    """Give this response of the program's to the server transaction."""

    status: int
    data: bytes


@value
class Refuse:
    """Make a response with this status here, and give it to the server transaction."""

    status: int


@value
class Tell:
    """Tell the program."""

    kind: Kind


@value
class Wake:
    """Give ``Woken`` at this time and no other; None: at no time."""

    at: float | None


@value
class Late:
    """The program's answer came when there was nothing to answer any more."""

    status: int


@value
class Ended:
    """It is over and to be forgotten."""


Output = Answer | Refuse | Tell | Wake | Late | Ended


# --- its states


@value
class Pending:
    """No final response yet."""


@value
class Unacknowledged:
    """A 2xx was sent to an INVITE, and goes out again until its ACK comes."""

    status: int
    data: bytes
    interval: float  # between the last retransmission and the next
    until: float


@value
class Settled:
    """Nothing more is expected of the program; copies are still absorbed."""


@value
class Gone:
    """The state after ``Ended``, which is never stepped again."""


State = Pending | Unacknowledged | Settled
Step = tuple[State | Gone, tuple[Output, ...]]

PENDING = Pending()
SETTLED = Settled()
GONE = Gone()
END = Tell("end")
ENDED = Ended()
NEVER = Wake(None)


def start(facts: Facts, at: float) -> tuple[Pending, tuple[Output, ...]]:
    """Deliver a request to the program."""
    # An INVITE must end even if the program never says a word (SIO-05). A non-INVITE has the end of
    # its server transaction (Timer J).
    if facts.invite:
        return PENDING, (Tell("request"), Wake(at + facts.patience))
    return PENDING, (Tell("request"),)


def step(facts: Facts, state: State, given: Given, at: float) -> Step:
    """Take one input."""
    match state:
        case Pending():
            return _pending(facts, state, given, at)
        case Unacknowledged():
            return _unacknowledged(facts, state, given, at)
        case Settled():
            return _settled(state, given)
        case _:
            assert_never(state)


def _pending(facts: Facts, state: Pending, given: Given, at: float) -> Step:
    match given:
        case Respond():
            return _respond(facts, state, given, at)
        # "If the UAS has not issued a final response for the original request, its behavior depends
        # on the method of the original request. If the original request was an INVITE, the UAS
        # SHOULD immediately respond to the INVITE with a 487 (Request Terminated). A CANCEL request
        # has no impact on the processing of transactions with any other method" (9.2).
        case Cancelled():
            if facts.invite:
                return SETTLED, (Refuse(487), NEVER, Tell("cancel"), END)
            return state, ()
        # The program has not said anything for long: nobody is there to take the call.
        case Woken():
            return SETTLED, (Refuse(480), Tell("timeout"), END)
        case Over():
            return GONE, (END, ENDED)
        # There is nothing to acknowledge yet.
        case Acknowledged():
            return state, ()
        case _:
            assert_never(given)


def _respond(facts: Facts, state: Pending, given: Respond, at: float) -> Step:
    answer = Answer(given.status, given.data)
    if given.status < 200:
        return state, (answer, Wake(at + facts.patience)) if facts.invite else (answer,)
    if not facts.invite:
        return SETTLED, (answer, END)
    if given.status >= 300:
        return SETTLED, (answer, NEVER, END)  # the transaction retransmits it, and absorbs its ACK
    # "The 2xx response is passed to the transport with an interval that starts at T1 seconds and
    # doubles for each retransmission until it reaches T2 seconds" (13.3.1.4).
    interval, until = facts.timing.t1, at + facts.timing.timeout
    waiting = Unacknowledged(given.status, given.data, interval, until)
    return waiting, (answer, Wake(at + interval))


def _unacknowledged(facts: Facts, state: Unacknowledged, given: Given, at: float) -> Step:
    match given:
        case Acknowledged():
            return SETTLED, (NEVER, Tell("ack"), END)
        # "If the server retransmits the 2xx response for 64*T1 seconds without receiving an ACK,
        # the dialog is confirmed, but the session SHOULD be terminated. This is accomplished with a
        # BYE" (13.3.1.4): which is the program's.
        case Woken() if at >= state.until:
            return SETTLED, (Tell("timeout"), END)
        # "Response retransmissions cease when an ACK request for the response is received. This is
        # independent of whatever transport protocols are used to send the response" (13.3.1.4).
        case Woken():
            interval = min(2 * state.interval, facts.timing.t2)
            waiting = Unacknowledged(state.status, state.data, interval, state.until)
            next_time = min(at + interval, state.until)
            return waiting, (Answer(state.status, state.data), Wake(next_time))
        case Respond():
            return state, (Late(given.status),)
        # Timer L of the transaction is as long as our own patience.
        case Over():
            return GONE, (NEVER, Tell("timeout"), END, ENDED)
        # What CANCEL does "depends on whether it has already sent a final response for the original
        # request. If it has, the CANCEL request has no effect" (9.2).
        case Cancelled():
            return state, ()
        case _:
            assert_never(given)


def _settled(state: Settled, given: Given) -> Step:
    match given:
        case Respond():
            return state, (Late(given.status),)
        case Over():
            return GONE, (ENDED,)
        # Copies of the ACK, and a CANCEL that is too late.
        case Acknowledged() | Cancelled() | Woken():
            return state, ()
        case _:
            assert_never(given)
