"""Requests on their way in.

In this order: match a transaction; CANCEL; the checks of 16.3; a server transaction, and at once a
100 for INVITE; route preprocessing (16.4); requests within a dialog of ours follow their Route;
everything else is the policy's.
"""

from sansip.address import Address
from sansip.engine import lookups
from sansip.engine.config import DEFAULT_PORT, is_ip, plain_host, special
from sansip.engine.contexts import open_context
from sansip.engine.events import DatagramReceived
from sansip.engine.forwarding import is_proven, located_uri
from sansip.engine.policy import Decision, Drop, Relay, Reply
from sansip.engine.routing import PolicyError, plan_of, respond, route
from sansip.engine.state import Origin, ServerTransaction
from sansip.engine.transactions import open_server, step_server
from sansip.engine.turn import Turn
from sansip.errors import RemoteProtocolError
from sansip.message import ANY_SIZE, Request, parse, reply
from sansip.proxy.request import Arrived, Fault, check, preprocess
from sansip.proxy.vocabulary import Cancelled
from sansip.transaction import (
    Acknowledged,
    Retransmitted,
    ack_keys,
    acknowledges,
    has_cookie,
    invite_key,
    invite_server,
    server_key,
)

RETRY_AFTER = 10  # seconds; what a full table advises
DIALOG_FORMING = frozenset({"INVITE", "SUBSCRIBE", "REFER", "NOTIFY"})


def arrived(turn: Turn, event: DatagramReceived, request: Request) -> None:
    """Deal with a request."""
    if request.method == "ACK":
        _ack(turn, event, request)
        return
    key = server_key(request)
    if key in turn.server:
        step_server(turn, key, Retransmitted())
        return
    remote, request = _stamp(request, event.source)
    if remote is None:
        turn.report("dropped", key, "Via leads to an address that no response goes to")
    elif request.method == "CANCEL":
        _cancel(turn, event, request, key, remote)
    else:
        _new(turn, event, request, key, remote)


def malformed(turn: Turn, event: DatagramReceived, error: RemoteProtocolError) -> None:
    """Answer what is not SIP if it can be answered; say so in any case."""
    request = error.message
    about = f"{event.source} to {event.endpoint}"
    turn.report("malformed", about, error.reason)
    if not isinstance(request, Request) or request.method == "ACK":
        return  # "given an ACK, never generate any response to it" (3261-8.2-02)
    try:
        remote, request = _stamp(request, event.source)
    except RemoteProtocolError:
        remote = event.source  # the Via is what is broken (RFC 4475 3.1.2.1)
    if remote is not None:
        fault = Fault(error.status_hint, error.reason)
        _reply(turn, event.endpoint, remote, request, _key(request) or about, fault)


def _key(request: Request) -> str | None:
    """The key of a request that is not all there, so that an ACK of its refusal is recognised."""
    try:
        return server_key(request)
    except RemoteProtocolError:
        return None


# --- Via


def _stamp(request: Request, source: Address) -> tuple[Address | None, Request]:
    """Note in the top Via where the request came from, and say where its responses go.

    18.2.1 and 18.2.2 with RFC 3581 4. None: to an address that must not get any.
    """
    via = request.via
    host, rport = source.host, via.rport
    if rport == "":
        # "it MUST set the value of the parameter to the source port of the request", and "MUST
        # insert a received parameter [...] even if it is identical" (RFC 3581 4)
        request = request.with_top_via(via.stamped(host, source.port))
    elif via.host != host and plain_host(via.host) != plain_host(host):
        request = request.with_top_via(via.stamped(host, None))
    elif via.received is not None:
        request = request.with_top_via(via.stamped(None, None))  # nobody else may say (AMB-12)
    maddr = via.maddr
    if maddr is not None and is_ip(maddr):
        # "the response MUST be forwarded to the address listed there" (18.2.2), unless it is one
        # that no response goes to (3261-18.2.2-07). A name there would have to be looked up: the
        # source is as good.
        there = Address(maddr, via.port or DEFAULT_PORT)
        return (there if special(maddr) is None else None), request
    if rport in ("", str(source.port)):
        return source, request
    return Address(host, via.port or DEFAULT_PORT), request


# --- ACK and CANCEL


def _ack(turn: Turn, event: DatagramReceived, request: Request) -> None:
    """An ACK belongs to a refusal that was sent from here, or is relayed (16.1, RFC 6026 7.1)."""
    for key in ack_keys(request):
        record = turn.server.get(key)
        if record is None:
            if key in turn.contexts:
                return  # the ACK of a refusal once more, after its transaction has ended (AMB-21)
            if request.to_tag is not None and request.to_tag == turn.draws(key).token("tag"):
                return  # for a refusal that was sent without a transaction
        elif _acknowledges(request, record):
            if step_server(turn, key, Acknowledged()):
                break  # for a 2xx
            return
    _relay_ack(turn, event, request)


def _acknowledges(request: Request, record: ServerTransaction) -> bool:
    """Whether an ACK of the right key is for the response that this transaction sent."""
    if not isinstance(record.state, invite_server.Completed) or has_cookie(request):
        return True
    sent = parse(record.state.final, limits=ANY_SIZE)
    return acknowledges(request, sent.to_tag)


def _relay_ack(turn: Turn, event: DatagramReceived, request: Request) -> None:
    """Send an ACK for a 2xx on: it has no transaction here, and nothing ever answers it."""
    key = server_key(request)
    owner = lookups.ACK + key
    fault = check(request, None)
    if owner in turn.searches:
        return  # the same ACK once more, while its next hop is still being located
    if len(turn.searches) >= turn.config.limits.in_flight:
        turn.report("limit", key, "too many lookups at once: ACK dropped")
        return
    if fault is not None:
        turn.report("dropped", key, f"ACK: {fault.text}")
        return
    try:
        _, request = _stamp(request, event.source)
        got = _preprocess(turn, event, request)
        decision = _decide(turn, key, event, got)
        if isinstance(decision, Relay):
            target = plan_of(turn, decision, got.request)[0][0]
            bound = got
            if target.uri != got.request.uri_text:
                bound = Arrived(got.request.with_uri(target.uri), got.passed)
            origin = _origin(turn, event, bound, decision)
            lookups.begin(turn, owner, located_uri(origin, target), ack=origin)
        else:
            turn.report("dropped", key, "ACK: the policy does not relay it")
    except (PolicyError, RemoteProtocolError) as error:
        turn.report("dropped", key, f"ACK: {error}")


def _cancel(
    turn: Turn, event: DatagramReceived, request: Request, key: str, remote: Address
) -> None:
    """CANCEL goes hop by hop: it ends here, and its INVITE's branches are cancelled (16.10)."""
    invite = invite_key(request)
    if invite in turn.server:
        open_server(turn, key, request, event.endpoint, remote)
        # "the To tag of the response to the CANCEL and the To tag in the response to the original
        # request SHOULD be the same" (9.2)
        respond(turn, key, request, 200, tag_owner=invite)
        turn.tell(invite, Cancelled(request.rows("reason")))
    else:
        # This proxy never forwards an INVITE without state, so nobody further on knows of this
        # CANCEL either (AMB-17).
        _reply(turn, event.endpoint, remote, request, key, Fault(481, "matches no INVITE"))
        turn.report("dropped", key, "a CANCEL that matches no INVITE")


# --- everything else


def _new(turn: Turn, event: DatagramReceived, request: Request, key: str, remote: Address) -> None:
    """A request that is not a repetition: check it, and open its server transaction."""
    if key in turn.contexts:
        # Its transaction has ended, its branches have not quite: no new request has this branch.
        turn.report("dropped", key, "a copy of a request that was answered long ago")
        return
    fault = check(request, turn.config.extensions) or _overload(turn, event, request)
    if fault is not None:
        # Without state, and with the same answer for every copy (3261-16.3-09).
        _reply(turn, event.endpoint, remote, request, key, fault)
        turn.report("dropped", key, f"answered {fault.status}: {fault.text}")
        return
    got = Arrived(request)
    decision: Decision
    try:
        got = _preprocess(turn, event, request)
        decision = _decide(turn, key, event, got)
        plan = plan_of(turn, decision, got.request) if isinstance(decision, Relay) else None
    except RemoteProtocolError as error:
        turn.report("malformed", key, error.reason)
        decision, plan = Reply(error.status_hint), None
    except PolicyError as error:
        turn.report("policy", key, str(error))
        decision, plan = Reply(500), None
    if isinstance(decision, Drop):
        turn.report("dropped", key, "the policy dropped it")
        return
    open_server(turn, key, request, event.endpoint, remote)
    if isinstance(decision, Reply):
        respond(turn, key, got.request, decision.status, decision.reason, decision.headers)
    elif plan is not None:
        open_context(turn, key, _origin(turn, event, got, decision), plan[1], plan[0])


def _overload(turn: Turn, event: DatagramReceived, request: Request) -> Fault | None:
    """Refuse what there is no room for; requests within dialogs have a little more room."""
    limits, spare = turn.config.limits, 10 if request.to_tag is not None else 11
    retry_after = RETRY_AFTER
    if turn.retry_after is not None and request.to_tag is None:
        text, retry_after = "no new requests are taken", turn.retry_after
    elif len(turn.server) * spare >= limits.transactions * 10:
        text = f"limit of {limits.transactions} transactions"
    elif turn.in_flight * spare >= limits.in_flight * 10:
        text = f"limit of {limits.in_flight} requests in flight"
    elif turn.sources.get(event.source.host, 0) * spare >= limits.in_flight_per_source * 10:
        text = f"limit of {limits.in_flight_per_source} requests in flight from {event.source.host}"
    else:
        return None
    turn.report("limit", event.source.host, text)
    return Fault(503, text, (("Retry-After", str(retry_after)),))


def _preprocess(turn: Turn, event: DatagramReceived, request: Request) -> Arrived:
    endpoint = turn.config.endpoint(event.endpoint)
    return preprocess(request, turn.config.is_mine, endpoint.transport if endpoint else "")


def _decide(turn: Turn, key: str, event: DatagramReceived, got: Arrived) -> Decision:
    """What to do with a request that comes from the network."""
    proven = is_proven(turn, got.request, got.passed)
    decision = route(turn, key, got.request, event.source, in_dialog=proven)
    foreign = "route" in got.request.names and not proven
    if isinstance(decision, Relay) and foreign and not decision.follow_route:
        # Whoever brings a Route along could send a request through us to anywhere.
        turn.report("policy", key, "a Route that we did not give out, and no follow_route")
        return Reply(403)
    return decision


def _origin(turn: Turn, event: DatagramReceived, got: Arrived, relay: Relay) -> Origin:
    departure = turn.config.endpoint_at(got.passed[-1]) if got.passed else None
    record_route = relay.record_route and got.request.method in DIALOG_FORMING
    return Origin(
        got.request,
        event.source,
        event.endpoint,
        "" if departure is None else departure.name,
        record_route,
        relay.on_failure,
    )


def _reply(
    turn: Turn, endpoint: str, remote: Address, request: Request, key: str, fault: Fault
) -> None:
    """Answer without a transaction; the tag is a function of the request (8.2.7)."""
    tag = turn.draws(key).token("tag")
    made = reply(request, fault.status, to_tag=tag, headers=fault.headers)
    turn.send(key, endpoint, remote, made.render())
