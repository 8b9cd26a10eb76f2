"""What the embedding program asks for: requests of its own, their ACK and CANCEL, and orders."""

from sansip.agent import fitted
from sansip.engine import agents, lookups
from sansip.engine.contexts import open_context
from sansip.engine.events import (
    AckSubmitted,
    CancelSubmitted,
    RequestSubmitted,
    ResponseSubmitted,
)
from sansip.engine.forwarding import located_uri
from sansip.engine.policy import Relay
from sansip.engine.routing import PolicyError, keep_secure, mandatory, plan_of
from sansip.engine.state import Ack, Origin
from sansip.engine.turn import Turn
from sansip.engine.verdicts import Passage
from sansip.errors import LocalProtocolError, RemoteProtocolError
from sansip.message import ANY_SIZE, Request, Response, parse
from sansip.proxy.vocabulary import Cancelled, Target
from sansip.transaction import SERVER

LOCAL = "l|"  # how the key of a submitted request's context begins
SOME_VIA = "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"  # for looking at a request that has none yet
NEEDED = ("from", "to", "call-id", "cseq")


def request_submitted(turn: Turn, event: RequestSubmitted) -> None:
    """Send a request of the program's own; it fails over like any other."""
    request, key = event.request, LOCAL + event.handle
    if request.method in ("ACK", "CANCEL"):
        raise LocalProtocolError(
            f"submit {request.method} with {request.method.capitalize()}Submitted"
        )
    if key in turn.contexts:
        raise LocalProtocolError(f"handle {event.handle!r} still belongs to another request")
    if event.handle.startswith(SERVER):
        raise LocalProtocolError(f"handle {event.handle!r}: those with {SERVER} are the core's")
    passage = passage_of(turn, key, request, event.relay)
    open_context(turn, key, passage.origin, passage.hunt, passage.plan, event.handle)


def passage_of(turn: Turn, key: str, request: Request, relay: Relay | None = None) -> Passage:
    """Where a request of the program's own goes, and how; ``key`` is that of its context."""
    request = _checked(request)
    relay = relay or Relay(request.uri_text)
    try:
        origin = Origin(request, on_failure=relay.on_failure, route=mandatory(relay))
        plan, hunt = plan_of(turn, relay, request, key)
        keep_secure(request, plan)
    except PolicyError as error:
        raise LocalProtocolError(str(error)) from None
    return Passage(origin, plan, hunt, relay)


def response_submitted(turn: Turn, event: ResponseSubmitted) -> None:
    """Send a response of the program's; one that comes too late is a race, and no mistake."""
    key, response = event.handle, event.response
    record = turn.served.get(key)
    if record is None:
        if not key.startswith(SERVER):
            raise LocalProtocolError(f"no request was ever delivered under handle {key!r}")
        turn.report("dropped", key, f"a {response.status} for a request that has ended")
        return
    if record.request is not None:
        response = fitted(record.request, response, record.tag, turn.tag(key))
        _must_read(response)
    agents.answer(turn, key, record, response)


def ack_submitted(turn: Turn, event: AckSubmitted) -> None:
    """Send the ACK of a 2xx: without a transaction (13.2.2.4)."""
    request = event.request
    if request.method != "ACK":
        raise LocalProtocolError(f"AckSubmitted with a {request.method}")
    request = _checked(request)
    origin = Origin(request)
    try:
        ack = Ack(origin, Target(request.uri_text, request.uri_text))
        uri = located_uri(origin, ack.target)
    except RemoteProtocolError as error:
        raise LocalProtocolError(error.reason) from None
    turn.serial += 1
    lookups.begin(turn, (f"{lookups.ACK}{LOCAL}{turn.serial}", 0), uri, ack)


def cancel_submitted(turn: Turn, event: CancelSubmitted) -> None:
    """Give up an INVITE; if it has just ended there is nothing to do."""
    key = LOCAL + event.handle
    record = turn.contexts.get(key)
    if record is None:
        return
    if not record.facts.invite:
        # "A CANCEL request SHOULD NOT be sent to cancel a request other than INVITE" (9.1).
        raise LocalProtocolError(f"handle {event.handle!r}: only an INVITE can be cancelled (9.1)")
    turn.tell(key, Cancelled(()))


def _checked(request: Request) -> Request:
    """The request if it has all that it must have (8.1.1), and no Via: that one is the core's."""
    missing = [name for name in NEEDED if name not in request.names]
    if missing:
        raise LocalProtocolError(f"{request.method} lacks {', '.join(missing)}")
    try:
        if request.cseq.method != request.method:
            raise LocalProtocolError(
                f"CSeq says {request.cseq.method}, the request is {request.method}"
            )
        if not request.uri.is_sip:
            raise LocalProtocolError(f"{request.uri_text} is not a sip or sips URI")
    except RemoteProtocolError as error:
        raise LocalProtocolError(error.reason) from None
    bare = request.remove("Via") if "via" in request.names else request
    _must_read(bare.prepend("Via", SOME_VIA))
    return bare


def _must_read(message: Request | Response) -> None:
    """What is sent must be SIP: CANCEL and ACK are made of it later, when it is too late to say."""
    try:
        parse(message.render(), limits=ANY_SIZE)
    except RemoteProtocolError as error:
        raise LocalProtocolError(f"this is not SIP: {error.reason}") from None
