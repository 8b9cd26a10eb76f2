"""Requests on their way in.

In this order: match a transaction; CANCEL; the checks of 16.3; route preprocessing (16.4); room;
requests within a dialog of ours follow their Route, everything else is the policy's. What is
relayed gets a server transaction, and at once a 100 if it is an INVITE; what is refused gets none.
"""

from typing import assert_never

from sansip.address import Address, Hop
from sansip.engine import agents, asking, lookups
from sansip.engine.actions import Timer
from sansip.engine.config import DEFAULT_PORT, is_ip, plain_host, special
from sansip.engine.contexts import open_context
from sansip.engine.events import Consulted
from sansip.engine.forwarding import RECORD_ROUTED, is_proven, located_uri, loop_part
from sansip.engine.policy import Ask, Decision, Drop, Local, Relay, Reply
from sansip.engine.routing import PolicyError, mandatory, plan_of, respond, route, route_with
from sansip.engine.state import Ack, Arrival, Asked, Origin, ServerTransaction
from sansip.engine.transactions import open_server, repeat, step_server
from sansip.engine.turn import Turn
from sansip.errors import RemoteProtocolError
from sansip.message import ANY_SIZE, Request, parse, parse_via, reply
from sansip.proxy.request import Arrived, Fault, check, check_scheme, has_looped, preprocess
from sansip.proxy.vocabulary import Cancelled, Hunt, Plan
from sansip.transaction import (
    Abandon,
    Acknowledged,
    ack_keys,
    acknowledges,
    has_cookie,
    invite_key,
    invite_server,
    other_keys,
    server_key,
)
from sansip.value import value

OF_PROXIES = (483, 420)  # what no user agent refuses a request with, of the checks of 16.3
RETRY_AFTER = 10  # seconds; what a full table advises


def arrived(turn: Turn, came: Arrival, request: Request) -> None:
    """Deal with a request."""
    if request.method == "ACK":
        _ack(turn, came, request)
        return
    key = server_key(request)
    if key in turn.server:
        repeat(turn, key, came)
        return
    remote, request = _stamp(turn, request, came)
    if remote is None:
        turn.report("dropped", key, "Via leads to an address that no response goes to")
    elif request.method == "CANCEL":
        _cancel(turn, came, request, key, remote)
    else:
        _new(turn, came, request, key, remote)


def malformed(turn: Turn, came: Arrival, error: RemoteProtocolError) -> None:
    """Answer what is not SIP if it can be answered; say so in any case."""
    request = error.message
    about = f"{came.source} to {came.endpoint}"
    turn.report("malformed", about, error.reason)
    if not isinstance(request, Request) or request.method == "ACK":
        return  # "given an ACK, never generate any response to it" (3261-8.2-02)
    try:
        remote, request = _stamp(turn, request, came)
    except RemoteProtocolError:
        remote = _first_sent_by(request, came)
    if remote is not None:
        decision = Reply(error.status_hint)
        _answer(turn, came, remote, request, _key(request) or about, decision)


def _first_sent_by(request: Request, came: Arrival) -> Address:
    """Where to answer when the Via is broken behind its sent-by (RFC 4475 3.1.2.1 wants a 400)."""
    if came.flow is not None:
        return came.source
    first = (request.get("via") or "").partition(",")[0].partition(";")[0]
    try:
        return Address(came.source.host, parse_via(first).port or DEFAULT_PORT)
    except RemoteProtocolError:
        return came.source


def _key(request: Request) -> str | None:
    """The key of a request that is not all there, so that an ACK of its refusal is recognised."""
    try:
        return server_key(request)
    except RemoteProtocolError:
        return None


# --- Via


def _stamp(turn: Turn, request: Request, came: Arrival) -> tuple[Address | None, Request]:
    """Note in the top Via where the request came from, and say where its responses go.

    18.2.1 and 18.2.2 with RFC 3581 4. None: to an address that must not get any.
    """
    via, source = request.via, came.source
    host, rport = source.host, via.rport
    if rport == "":
        # "it MUST set the value of the parameter to the source port of the request", and "MUST
        # insert a received parameter [...] even if it is identical" (RFC 3581 4)
        request = request.with_top_via(via.stamped(host, source.port))
    elif via.host != host and plain_host(via.host) != plain_host(host):
        request = request.with_top_via(via.stamped(host, None))
    elif via.received is not None:
        request = request.with_top_via(via.stamped(None, None))  # nobody else may say (AMB-12)
    if came.flow is not None:
        return source, request  # over the same connection (18.2.2)
    maddr = via.maddr
    if maddr is not None and turn.config.follow_maddr and is_ip(maddr):
        # "if the Via header field value contains a 'maddr' parameter, the response MUST be
        # forwarded to the address listed there, using the port indicated in 'sent-by', or port
        # 5060 if none is present" (18.2.2), if the hop filter lets it.
        there = Address(plain_host(maddr), via.port or DEFAULT_PORT)
        return (None if lookups.refused(turn, Hop("udp", there)) else there), request
    if maddr is not None and special(maddr) == "multicast":
        return None, request  # 3261-18.2.2-07
    # Otherwise a maddr is not looked at: it would let anybody aim our answers at anybody.
    if rport in ("", str(source.port)):
        return source, request
    return Address(host, via.port or DEFAULT_PORT), request


# --- ACK and CANCEL


def _ack(turn: Turn, came: Arrival, request: Request) -> None:
    """An ACK belongs to a refusal that was sent from here, or is relayed (16.1, RFC 6026 7.1)."""
    for key in ack_keys(request):
        record = turn.server.get(key)
        if record is None:
            if key in turn.contexts:
                return  # the ACK of a refusal once more, after its transaction has ended (AMB-21)
            if request.to_tag is not None and request.to_tag == turn.draws(key).token("tag"):
                return  # for a refusal that was sent without a transaction
        elif _acknowledges(request, record):
            if not step_server(turn, key, Acknowledged()):
                return
            break  # for a 2xx
    served = agents.key_of(turn, request) if len(turn.identities) else None
    if served is not None:
        agents.acknowledge(turn, served, request)
        return
    _relay_ack(turn, came, request)


def _acknowledges(request: Request, record: ServerTransaction) -> bool:
    """Whether an ACK of the right key is for the response that this transaction sent."""
    if not isinstance(record.state, invite_server.Completed) or has_cookie(request):
        return True
    sent = parse(record.state.final, limits=ANY_SIZE)
    return acknowledges(request, sent.to_tag)


def _relay_ack(turn: Turn, came: Arrival, request: Request) -> None:
    """Send an ACK for a 2xx on: it has no transaction here, and nothing ever answers it."""
    key = server_key(request)
    owner = lookups.ACK + key, 0
    if owner in turn.searches:
        return  # the same ACK once more, while its next hop is still being located
    if len(turn.searches) >= turn.config.limits.in_flight:
        turn.report("limit", key, "too many lookups at once: ACK dropped")
        return
    _, request = _stamp(turn, request, came)
    verdict = _judge(turn, came, request, key)
    if isinstance(verdict, Passage) and verdict.plan:
        ack = Ack(verdict.origin, verdict.plan[0][0][0])  # one of several: the best
        lookups.begin(turn, owner, located_uri(ack.origin, ack.target), ack)
    else:
        turn.report("dropped", key, "an ACK that is not relayed")


def _cancel(turn: Turn, came: Arrival, request: Request, key: str, remote: Address) -> None:
    """CANCEL goes hop by hop: it ends here, and its INVITE's branches are cancelled (16.10)."""
    target = invite_key(request)
    if target not in turn.server:
        others = [other for other in other_keys(request) if other in turn.server]
        if not others:
            # This proxy never forwards an INVITE without state, so nobody further on knows of this
            # CANCEL either (AMB-17).
            _answer(turn, came, remote, request, key, Reply(481))
            turn.report("dropped", key, "a CANCEL that matches nothing")
            return
        target = others[0]
    open_server(turn, key, request, came, remote)
    # "the To tag of the response to the CANCEL and the To tag in the response to the original
    # request SHOULD be the same" (9.2)
    respond(turn, key, request, 200, tag_owner=target)
    if not turn.server[target].invite:
        return  # "A CANCEL request has no impact on [...] transactions with any other method" (9.2)
    if target in turn.asked:
        # No branch has begun, and none will (3261-16.10-03).
        respond(turn, target, asking.settle(turn, target).got.request, 487)
    elif target in turn.served:
        agents.cancel(turn, target, request)
    else:
        turn.tell(target, Cancelled(request.rows("reason")))


# --- everything else


@value
class Passage:
    """The verdict on a request that is to be relayed: where to, and how."""

    origin: Origin
    plan: Plan
    hunt: Hunt


@value
class Inquiry:
    """The verdict on a request whose policy wants to know more."""

    got: Arrived
    wish: Ask
    proven: bool


@value
class Handover:
    """The verdict on a request that the embedding program is to have."""

    request: Request


Verdict = Passage | Inquiry | Handover | Reply | Drop


def _new(turn: Turn, came: Arrival, request: Request, key: str, remote: Address) -> None:
    """A request that is not a repetition."""
    if key in turn.contexts:
        # Its transaction has ended, its branches have not quite: no new request has this branch.
        turn.report("dropped", key, "a copy of a request that was answered long ago")
        return
    verdict = _judge(turn, came, request, key)
    match verdict:
        case Passage():
            open_server(turn, key, request, came, remote)
            open_context(turn, key, verdict.origin, verdict.hunt, verdict.plan)
        case Inquiry():
            open_server(turn, key, request, came, remote)
            asking.ask(turn, key, came, turn.at, verdict.got, verdict.wish, proven=verdict.proven)
        case Handover() if agents.is_merged(turn, verdict.request):
            turn.report("dropped", key, "answered 482: it has come by another path as well")
            _answer(turn, came, remote, request, key, Reply(482))
        case Handover():
            open_server(turn, key, request, came, remote)
            agents.deliver(turn, key, verdict.request, came)
        case Reply():
            _answer(turn, came, remote, request, key, verdict)
        case Drop():
            turn.report("dropped", key, "the policy dropped it")
        case _:
            assert_never(verdict)


def _judge(turn: Turn, came: Arrival, request: Request, key: str) -> Verdict:
    """The checks of 16.3, route preprocessing (16.4), room, and the policy; in this order."""
    loop = loop_part(turn, request, came.source)
    looped = has_looped(request, loop, turn.config.is_own_sent_by)
    extensions = None if request.method == "ACK" else turn.config.extensions
    fault = check(request, extensions, looped=looped)
    if fault is None:
        return _admit(turn, came, request, key, loop)
    if fault.status in OF_PROXIES:
        # Max-Forwards and Proxy-Require are for those who forward (8.2.2.3, 20.29): a request that
        # ends here is delivered all the same, such as the OPTIONS of one who traces a route (11).
        verdict = _admit(turn, came, request, key, loop)
        if isinstance(verdict, Handover):
            return verdict
    return _refuse(turn, request, key, fault)


def _admit(turn: Turn, came: Arrival, request: Request, key: str, loop: str) -> Verdict:
    """Route preprocessing, room, and the policy."""
    is_ack = request.method == "ACK"
    try:
        transport, ports = _reception(turn, came)
        got = preprocess(request, turn.config.is_mine, transport, ports, loop)
        proven = is_proven(turn, got.request, got.passed)
        fault = check_scheme(got.request) if got.request is not request else None
        if fault is None and not is_ack:
            going_on = proven or _goes_on(turn, came, got, key)
            fault = _overload(turn, came, proven=going_on)
        if fault is None:
            return _decide(turn, came, got, key, proven=proven)
    except RemoteProtocolError as error:
        turn.report("malformed", key, error.reason)
        return Reply(error.status_hint)
    except PolicyError as error:
        turn.report("policy", key, str(error))
        return Reply(500)
    return _refuse(turn, request, key, fault)


def _refuse(turn: Turn, request: Request, key: str, fault: Fault) -> Reply:
    is_ack = request.method == "ACK"
    turn.report("dropped", key, fault.text if is_ack else f"answered {fault.status}: {fault.text}")
    return Reply(fault.status, None, fault.headers)


def _reception(turn: Turn, came: Arrival) -> tuple[str, tuple[int, ...]]:
    """The transport that a request came over, and the ports that it may have been sent to."""
    endpoint = turn.config.endpoint(came.endpoint)
    if endpoint is None:
        return "", ()
    return endpoint.transport, (endpoint.bind.port, endpoint.advertised.port)


def _goes_on(turn: Turn, came: Arrival, got: Arrived, key: str) -> bool:
    """Whether a request, while no new ones are taken, may belong to a dialog of the program's.

    Nothing proves that, but the program knows its dialogs, and must be able to end them.
    """
    if turn.retry_after is None or got.request.to_tag is None:
        return False
    return isinstance(_decide(turn, came, got, key, proven=False), Handover)


def _overload(turn: Turn, came: Arrival, *, proven: bool) -> Fault | None:
    """Refuse what there is no room for; requests within dialogs have a little more room."""
    limits, spare, host = turn.config.limits, 10 if proven else 11, came.source.host
    retry_after = RETRY_AFTER
    if turn.retry_after is not None and not proven:
        text, retry_after = "no new requests are taken", turn.retry_after
    elif len(turn.server) * spare >= limits.transactions * 10:
        text = f"limit of {limits.transactions} transactions"
    elif turn.in_flight * spare >= limits.in_flight * 10:
        text = f"limit of {limits.in_flight} requests in flight"
    elif turn.bytes_in_flight * spare >= limits.bytes_in_flight * 10:
        text = f"limit of {limits.bytes_in_flight} bytes in flight"
    elif turn.sources.get(host, 0) * spare >= limits.in_flight_per_source * 10:
        text = f"limit of {limits.in_flight_per_source} requests in flight from {host}"
    else:
        return None
    turn.report("limit", host, text)
    return Fault(503, text, (("Retry-After", str(retry_after)),))


def _decide(turn: Turn, came: Arrival, got: Arrived, key: str, *, proven: bool) -> Verdict:
    """Ask the policy, unless the request is proven to belong to a dialog of ours."""
    decision = route(turn, key, got.request, came.source, in_dialog=proven)
    return _meaning(turn, came, got, key, decision, proven=proven)


def _meaning(
    turn: Turn, came: Arrival, got: Arrived, key: str, decision: Decision, *, proven: bool
) -> Verdict:
    """What a decision of the policy comes to."""
    request = got.request
    if isinstance(decision, Ask):
        return Inquiry(got, decision, proven)
    if isinstance(decision, Local):
        return Handover(request)
    if not isinstance(decision, Relay):
        return decision
    if not (proven or decision.follow_route) and request.values("route"):
        # Whoever brings a Route along could send a request through us to anywhere.
        turn.report("policy", key, "a Route that was not given out here, and no follow_route")
        return Reply(403)
    plan, hunt = plan_of(turn, decision, request)
    # Of what is not proven, a Route does not even choose the side that it leaves from.
    departure = turn.config.endpoint_at(got.passed[-1]) if proven else None
    origin = Origin(
        request,
        came.source,
        came.endpoint,
        "" if departure is None else departure.name,
        decision.record_route and request.method in RECORD_ROUTED,
        decision.on_failure,
        came.size,
        loop=got.loop,
        route=mandatory(decision),
    )
    return Passage(origin, plan, hunt)


# --- the policy's questions


def consulted(turn: Turn, event: Consulted) -> None:
    """The embedding program has found out what the policy asked."""
    key = asking.answered(turn, event.question)
    if key is not None:
        _resume(turn, key, asking.settle(turn, key), event.answer)


def unanswered(turn: Turn, timer: Timer) -> None:
    """The time that the policy gave for an answer is over."""
    key = asking.due(turn, timer)
    if key is not None:
        turn.report("policy", key, "the policy's question was not answered in time")
        _resume(turn, key, asking.settle(turn, key, timer), None)


def _resume(turn: Turn, key: str, asked: Asked, answer: object) -> None:
    """Go on with a request where its policy's question had stopped it."""
    if key not in turn.server:
        return  # a non-INVITE whose caller has given up
    came, got, proven = asked.came, asked.got, asked.proven
    request = got.request
    verdict: Verdict
    try:
        decision = route_with(turn, key, request, came.source, asked.then, answer, in_dialog=proven)
        verdict = _meaning(turn, came, got, key, decision, proven=proven)
    except PolicyError as error:
        turn.report("policy", key, str(error))
        verdict = Reply(500)
    match verdict:
        case Passage():
            open_context(turn, key, verdict.origin, verdict.hunt, verdict.plan, arrived=asked.at)
        case Inquiry() if asked.questions >= asking.MOST_QUESTIONS:
            turn.report("policy", key, f"{asked.then} has asked {asked.questions} times")
            respond(turn, key, request, 500)
        case Inquiry():
            asking.ask(
                turn, key, came, asked.at, got, verdict.wish,
                proven=proven, questions=asked.questions,
            )  # fmt: skip
        case Handover() if agents.is_merged(turn, request):
            respond(turn, key, request, 482)
        case Handover():
            agents.deliver(turn, key, request, came)
        case Reply():
            respond(turn, key, request, verdict.status, verdict.reason, verdict.headers)
        case Drop():
            step_server(turn, key, Abandon())
            turn.report("dropped", key, "the policy dropped it")
        case _:
            assert_never(verdict)


def _answer(
    turn: Turn, came: Arrival, remote: Address, request: Request, key: str, decision: Reply
) -> None:
    """Answer without a transaction, every copy alike (8.2.7): the tag is a function of the key.

    No timer sends it again, so nobody can make us send much to somebody else; whoever asked will
    ask again until it comes.
    """
    if decision.status == 408 and request.method != "INVITE":
        turn.report("dropped", key, "no 408 to a non-INVITE (RFC 4320 4.2)")
        return
    tag = turn.draws(key).token("tag")
    made = reply(request, decision.status, decision.reason, to_tag=tag, headers=decision.headers)
    # Where it cannot go it goes nowhere else (RFC 3263 5): the source may be forged.
    turn.send(f"n|{key}", came.endpoint, remote, made.render(), came.flow)
