"""Taking a stream apart into messages (RFC 3261 7.5, 18.3, 20.14; RFC 5626 4.4.1).

    Between ---> Head ---> Body -------> Between
                   |---> Skipping ---> Between
    any of them ---> Broken

``start() -> state`` and ``step(state, given) -> (state, outputs)``, pure and total.

* The messages, refusals and pings depend on the bytes alone, not on how they were cut into pieces
  on their way; only the orders to the clock do.
* Where a line ends, and how long a body is, is read by the same code as for datagrams, so the two
  can never be played off against each other (3261-25-01). What leaves a doubt about it is the end
  of the stream: nobody can say where the next message begins.
* The cost is linear in the bytes: ``joined`` copies each a few times at most.
* A stream keeps ``MessageLimits.message`` bytes of one message at most.
"""

import re
from typing import Final, assert_never

from sansip.errors import RemoteProtocolError, kept
from sansip.message.grammar import TOKEN_CHARACTERS, broken
from sansip.message.limits import ANY_SIZE, DEFAULT_LIMITS, MessageLimits
from sansip.message.model import Request, Response
from sansip.message.parse import read_head
from sansip.message.parse_careful import declared_length, read_rows, too_short
from sansip.message.salvage import salvage
from sansip.value import value

_END: Final = b"\r\n\r\n"
_BEGINNING: Final = re.compile(rf"[{TOKEN_CHARACTERS}]".encode())
# What may come between messages, after a whole CRLF and after a CR.
_LINE_ENDS: Final = (re.compile(rb"(?:\r\n)*+\r?+"), re.compile(rb"\n(?:\r\n)*+\r?+"))


# Inputs


@value
class Received:
    """The next bytes of the stream."""

    data: bytes


@value
class Expired:
    """The clock that was started has run out."""


Input = Received | Expired


# Outputs


@value
class Complete:
    """A message, as ``sansip.message.parse`` gives it."""

    message: Request | Response
    size: int  # of head and body, in bytes


@value
class Refused:
    """A message that is no good; ``error.message`` may be answered. The stream goes on."""

    error: RemoteProtocolError


@value
class Fatal:
    """The stream ends here: answer ``error.message`` if it is a request, and close."""

    error: RemoteProtocolError


@value
class Ping:
    """Keep-alives, each to be answered with one CRLF (RFC 5626 4.4.1)."""

    count: int


@value
class StartClock:
    """A message has begun to come, and has so much time from now on; it replaces what ran."""


@value
class StopClock:
    """No message has begun: there is nothing to wait for."""


Output = Complete | Refused | Fatal | Ping | StartClock | StopClock


# States


@value
class Between:
    """No message has begun."""

    pinged: int = 0  # bytes of CRLF CRLF that have come


@value
class Head:
    """A head has begun."""

    chunks: tuple[bytes, ...]  # as ``joined`` keeps them


@value
class Body:
    """The head is there, and is good; some of the body is missing."""

    head: bytes
    chunks: tuple[bytes, ...]
    missing: int  # bytes


@value
class Skipping:
    """The body of a message that was refused goes by."""

    missing: int  # bytes


@value
class Broken:
    """Nothing is read any more."""


State = Between | Head | Body | Skipping | Broken
# The state, where to read on, and the outputs so far.
_Read = tuple[State, int, tuple[Output, ...]]

_BETWEEN: Final = Between()
_BROKEN: Final = Broken()
_START_CLOCK: Final = StartClock()
_STOP_CLOCK: Final = StopClock()


def start() -> Between:
    """Begin with a new stream."""
    return _BETWEEN


def step(
    state: State,
    given: Input,
    limits: MessageLimits = DEFAULT_LIMITS,
    *,
    missing_length_is_zero: bool = False,
) -> tuple[State, tuple[Output, ...]]:
    """Take one input; of the orders to the clock there is one at most, and it comes last.

    ``missing_length_is_zero`` reads a message without Content-Length as one without a body. That is
    a guess, and wrong if a body follows.
    """
    match given:
        case Received(data):
            return _received(state, data, limits, lenient=missing_length_is_zero)
        case Expired():
            return _expired(state, limits)
        case _:
            assert_never(given)


def joined(chunks: tuple[bytes, ...], data: bytes) -> tuple[bytes, ...]:
    """Put data after these chunks, each of which is more than twice as long as the next.

    So there are few, and a byte that is copied again is so into a chunk half as long again: however
    small the pieces that a message comes in, the cost is n log n at worst.
    """
    at, size = len(chunks), len(data)
    while at and len(chunks[at - 1]) <= 2 * size:
        at -= 1
        size += len(chunks[at])
    return (*chunks[:at], b"".join((*chunks[at:], data)))


def _received(
    state: State, data: bytes, limits: MessageLimits, *, lenient: bool
) -> tuple[State, tuple[Output, ...]]:
    outputs: list[Output] = []
    waiting = isinstance(state, Head | Body | Skipping)
    another = False
    at = 0
    while at < len(data):
        match state:
            case Between():
                state, at, said = _between(state, data, at)
                another = True
            case Head():
                state, at, said = _head(state, data, at, limits, lenient=lenient)
            case Body():
                state, at, said = _body(state, data, at)
            case Skipping():
                state, at, said = _skipping(state, data, at)
            case Broken():
                break
            case _:
                assert_never(state)
        outputs += said
    if isinstance(state, Head | Body | Skipping):
        if another:
            outputs.append(_START_CLOCK)
    elif waiting:
        outputs.append(_STOP_CLOCK)
    return state, tuple(outputs)


def _expired(state: State, limits: MessageLimits) -> tuple[State, tuple[Output, ...]]:
    match state:
        # No empty line has come in time (3261-18.3-06).
        case Head():
            came = b"".join(state.chunks)
            problem = "the headers were not at their end in time"
            remedy = "end them with CRLF CRLF"
            error = broken(problem, "RFC 3261 7", remedy, offset=len(came))
            return _BROKEN, (_fatal(error, came, limits),)
        # "If the transport packet ends before the end of the message body, this is considered an
        # error" (18.3); a stream without an end makes it one by waiting (RFC 4475 3.1.2.2).
        case Body():
            size = sum(map(len, state.chunks))
            error = too_short(size + state.missing, size, len(state.head) + size)
            return _BROKEN, (_fatal(error, state.head, limits),)
        case Skipping():
            problem = f"{state.missing} bytes of a body that is not read did not come in time"
            error = broken(problem, "RFC 3261 18.3", "send all of it")
            return _BROKEN, (Fatal(error),)
        # It fired too late.
        case Between() | Broken():
            return state, ()
        case _:
            assert_never(state)


def _between(state: Between, data: bytes, at: int) -> _Read:
    # "Implementations processing SIP messages over stream-oriented transports MUST ignore any CRLF
    # appearing before the start-line" (7.5).
    found = _LINE_ENDS[state.pinged % 2].match(data, at)
    end = at if found is None else found.end()
    # "When a server receives a double CRLF sequence between SIP messages [...], it MUST immediately
    # respond with a single CRLF over the same connection" (RFC 5626 4.4.1). A single one is itself
    # such an answer, or means nothing.
    count, pinged = divmod(state.pinged + end - at, len(_END))
    pings = (Ping(count),) if count else ()
    if end == len(data):
        return Between(pinged), end, pings
    if pinged % 2 or _BEGINNING.match(data, end) is None:
        problem = f"no message begins with the byte {data[end]:#04x}"
        if pinged % 2:
            problem = "a bare CR stands between messages"
        error = broken(problem, "RFC 3261 7", "send SIP, and CRLF alone between messages", offset=0)
        return _BROKEN, end, (*pings, Fatal(error))
    return Head(()), end, pings


def _head(state: Head, data: bytes, at: int, limits: MessageLimits, *, lenient: bool) -> _Read:
    room = max(0, limits.message - sum(map(len, state.chunks)))
    # The empty line may have begun before; of the last two chunks one has three bytes at least.
    before = b"".join([chunk[-3:] for chunk in state.chunks[-2:]])[-3:]
    across = (before + data[at : at + min(3, room)]).find(_END)
    found = at - len(before) + across if across >= 0 else data.find(_END, at, at + room)
    if found >= 0 or across >= 0:
        end = found + len(_END)
        head = b"".join((*state.chunks, data[at:end]))
        return _headed(head, data, end, limits, lenient=lenient)
    if len(data) - at > room:
        came = b"".join((*state.chunks, data[at : at + room]))
        problem = f"the headers go on after {limits.message} bytes"
        error = _too_large(problem, limits)
        return _BROKEN, at, (_fatal(error, came, limits),)
    return Head(joined(state.chunks, data[at:])), len(data), ()


def _headed(head: bytes, data: bytes, at: int, limits: MessageLimits, *, lenient: bool) -> _Read:
    """Take a head that is all there; what follows it stands in the data from ``at`` on."""
    try:
        message, _, length = read_head(head, limits)
    except RemoteProtocolError as error:
        error.message = salvage(head, limits)
        return _malformed(kept(error), head, data, at, limits, lenient=lenient)
    if length is None and not lenient:
        return _BROKEN, at, (_fatal(_missing(head), head, limits),)
    length = length or 0
    size = len(head) + length
    if size > limits.message:
        # 3261-18.3-07: refuse it, and skip exactly what was declared.
        too_large = _too_large(f"{size} bytes, at most {limits.message} are read", limits)
        too_large.message = salvage(head, limits)
        return _skipping(Skipping(length), data, at, Refused(too_large))
    # "the Content-Length header field value is used to locate the end of each SIP message in a
    # stream" (7.5), so pings within it are part of it (5626-4.4.1-05).
    if len(data) - at < length:
        return _body(Body(head, (), length), data, at)
    message.body = data[at : at + length]
    return _BETWEEN, at + length, (Complete(message, size),)


def _malformed(
    error: RemoteProtocolError,
    head: bytes,
    data: bytes,
    at: int,
    limits: MessageLimits,
    *,
    lenient: bool,
) -> _Read:
    """Go on after a message that is no good, if it is certain where it ends."""
    try:
        _, names, lines = read_rows(head, limits)
        length = declared_length(names, lines)
    except RemoteProtocolError:
        return _BROKEN, at, (Fatal(error),)
    if length is None and not lenient:
        return _BROKEN, at, (Fatal(error),)
    return _skipping(Skipping(length or 0), data, at, Refused(error))


def _body(state: Body, data: bytes, at: int) -> _Read:
    came = data[at : at + state.missing]
    at += len(came)
    if len(came) < state.missing:
        chunks = joined(state.chunks, came)
        return Body(state.head, chunks, state.missing - len(came)), at, ()
    # It has been read before, when it was held to the limits that held then.
    message, _, _ = read_head(state.head, ANY_SIZE)
    message.body = body = b"".join((*state.chunks, came))
    return _BETWEEN, at, (Complete(message, len(state.head) + len(body)),)


def _skipping(state: Skipping, data: bytes, at: int, *outputs: Output) -> _Read:
    missing = state.missing + at - len(data)
    if missing > 0:
        return Skipping(missing), len(data), outputs
    return _BETWEEN, at + state.missing, outputs


def _missing(head: bytes) -> RemoteProtocolError:
    # Content-Length "MUST be used with stream oriented transports" (18.3). Without it there is no
    # legal reading of the message (3261-18.3-04).
    problem = "Content-Length: is missing, so the end of the message is unknown"
    rule, remedy, at = "RFC 3261 18.3", "send it in every message", len(head) - 2
    return broken(problem, rule, remedy, header="content-length", offset=at)


def _too_large(problem: str, limits: MessageLimits) -> RemoteProtocolError:
    remedy = "send a smaller message"
    return broken(problem, "RFC 3261 21.5.7", remedy, status_hint=513, offset=limits.message)


def _fatal(error: RemoteProtocolError, came: bytes, limits: MessageLimits) -> Fatal:
    error.message = salvage(came, limits)
    return Fatal(error)
