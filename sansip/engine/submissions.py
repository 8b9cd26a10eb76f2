"""What the embedding program asks for: requests of its own, their ACK and CANCEL, and orders."""

from typing import assert_never

from sansip.engine import lookups
from sansip.engine.config import checked_groups
from sansip.engine.contexts import open_context
from sansip.engine.events import (
    AckSubmitted,
    Administered,
    CancelSubmitted,
    FlushCache,
    Quiesce,
    ReplaceGroups,
    RequestSubmitted,
)
from sansip.engine.forwarding import towards
from sansip.engine.policy import Relay
from sansip.engine.routing import PolicyError, hunt_of, targets_of
from sansip.engine.state import Origin
from sansip.engine.turn import Turn
from sansip.errors import LocalProtocolError, RemoteProtocolError
from sansip.locate import Cache
from sansip.message import Request
from sansip.proxy.vocabulary import Cancelled

LOCAL = "l|"  # how the key of a submitted request's context begins
NEEDED = ("from", "to", "call-id", "cseq")


def request_submitted(turn: Turn, event: RequestSubmitted) -> None:
    """Send a request of the program's own; it fails over like any other (rule 10)."""
    request, key = event.request, LOCAL + event.handle
    if request.method in ("ACK", "CANCEL"):
        text = f"submit {request.method} with {request.method.capitalize()}Submitted"
        raise LocalProtocolError(text)
    if key in turn.contexts:
        text = f"handle {event.handle!r} still belongs to another request"
        raise LocalProtocolError(text)
    _check(request)
    relay = event.relay or Relay(request.uri_text)
    origin = Origin(request, None, "", "", False, relay.on_failure, 0)
    try:
        targets, hunt = targets_of(turn, relay, request), hunt_of(relay, request.method)
    except PolicyError as error:
        raise LocalProtocolError(str(error)) from None
    open_context(turn, key, origin, hunt, targets, event.handle)


def ack_submitted(turn: Turn, event: AckSubmitted) -> None:
    """Send the ACK of a 2xx: without a transaction (13.2.2.4)."""
    request = event.request
    if request.method != "ACK":
        text = f"AckSubmitted with a {request.method}"
        raise LocalProtocolError(text)
    _check(request)
    origin = Origin(request, None, "", "", False, None, 0)
    try:
        _, uri = towards(origin, request.uri_text, request.uri_text)
    except RemoteProtocolError as error:
        raise LocalProtocolError(error.reason) from None
    turn.serial += 1
    lookups.begin(turn, f"{lookups.ACK}{LOCAL}{turn.serial}", uri, ack=origin)


def cancel_submitted(turn: Turn, event: CancelSubmitted) -> None:
    """Give up an INVITE; if it has just ended there is nothing to do."""
    turn.tell(LOCAL + event.handle, Cancelled(()))


def administered(turn: Turn, event: Administered) -> None:
    """Carry out an operator's order."""
    match event.order:
        case ReplaceGroups(groups):
            turn.groups = checked_groups(groups)
        case FlushCache():
            turn.cache = Cache()
        case Quiesce(retry_after):
            turn.retry_after = retry_after
        case _:
            assert_never(event.order)


def _check(request: Request) -> None:
    """What every request must have (8.1.1), apart from Via and Max-Forwards, which are ours."""
    missing = [name for name in NEEDED if name not in request.names]
    if missing:
        text = f"{request.method} lacks {', '.join(missing)}"
        raise LocalProtocolError(text)
    try:
        if request.cseq.method != request.method:
            text = f"CSeq says {request.cseq.method}, the request is {request.method}"
            raise LocalProtocolError(text)
        if not request.uri.is_sip:
            text = f"{request.uri_text} is not a sip or sips URI"
            raise LocalProtocolError(text)
    except RemoteProtocolError as error:
        raise LocalProtocolError(error.reason) from None
