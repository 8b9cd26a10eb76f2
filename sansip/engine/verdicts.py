"""Verdicts: what is to become of a request that is no repetition of another.

The checks of 16.3, route preprocessing (16.4), loops, room, and the policy, in this order. What is
proven to belong to a dialog of ours follows its Route, and there is a little more room for it.
"""

from sansip.engine.forwarding import RECORD_ROUTED, is_proven, loop_part
from sansip.engine.hosts import share_of
from sansip.engine.policy import Ask, Decision, Drop, Local, Relay, Reply
from sansip.engine.routing import (
    PolicyError,
    keep_secure,
    mandatory,
    overrides,
    plan_of,
    route,
    usual_hunt,
)
from sansip.engine.state import Arrival, Origin
from sansip.engine.turn import Turn
from sansip.errors import RemoteProtocolError
from sansip.message import Request
from sansip.proxy.request import (
    LOOPED,
    Arrived,
    Fault,
    check,
    check_scheme,
    has_looped,
    preprocess,
)
from sansip.proxy.vocabulary import Hunt, Plan, Target
from sansip.value import value

OF_PROXIES = (483, 420)  # what no user agent refuses a request with, of the checks of 16.3
RETRY_AFTER = 10  # seconds; what a full table advises


@value
class Passage:
    """The verdict on a request that is to be relayed: where to, and how.

    ``decision`` is what that comes from; None: nobody was asked, it follows its Route.
    """

    origin: Origin
    plan: Plan
    hunt: Hunt
    decision: Relay | None = None


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


def judge(turn: Turn, came: Arrival, request: Request, key: str) -> Verdict:
    """Say what is to become of a request; ``key`` is that of its server transaction."""
    extensions = None if request.method == "ACK" else turn.config.extensions
    fault = check(request, extensions)
    if fault is None:
        return _admit(turn, came, request, key)
    if fault.status == 420 and _loop(turn, came, request)[1]:
        fault = LOOPED  # the one check that comes before that of Proxy-Require
    if fault.status in OF_PROXIES:
        # Max-Forwards and Proxy-Require are for those who forward (8.2.2.3, 20.29): a request that
        # ends here is delivered all the same, such as the OPTIONS of one who traces a route (11).
        verdict = _admit(turn, came, request, key)
        if isinstance(verdict, Handover):
            return verdict
    return _refuse(turn, request, key, fault)


def _admit(turn: Turn, came: Arrival, request: Request, key: str) -> Verdict:
    """Route preprocessing, loops, room, and the policy."""
    is_ack = request.method == "ACK"
    try:
        transport, ports = _reception(turn, came)
        got = preprocess(request, turn.config.is_mine, transport, ports)
        proven = is_proven(turn, got.request, got.passed)
        fault = check_scheme(got.request) if got.request is not request else None
        # Whoever follows a Route of ours goes to one place, and no loop is looked for (RFC 5393
        # 4.1): if it comes back, then without that Route.
        follows = proven and not overrides(turn.policy)
        if fault is None and not follows:
            loop, looped = _loop(turn, came, request)
            fault = LOOPED if looped else None
            got = Arrived(got.request, got.passed, loop)
        if fault is None and not is_ack:
            going_on = proven or (turn.retry_after is not None and _goes_on(turn, came, got, key))
            fault = _overload(turn, came, going_on=going_on)
        if fault is None and follows:
            return _follow(turn, came, got)
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
    return ("", ()) if endpoint is None else (endpoint.transport, endpoint.ports)


def _loop(turn: Turn, came: Arrival, request: Request) -> tuple[str, bool]:
    """The loop part that a request's branches will have, and whether it is there already."""
    loop = loop_part(turn, request, came.source)
    return loop, has_looped(request, loop, turn.config.is_own_sent_by)


def _goes_on(turn: Turn, came: Arrival, got: Arrived, key: str) -> bool:
    """Whether a request, while no new ones are taken, may belong to a dialog of the program's.

    Nothing proves that, but the program knows its dialogs, and must be able to end them. The policy
    says so, and is asked once more for the verdict.
    """
    if got.request.to_tag is None:
        return False
    return isinstance(_decide(turn, came, got, key, proven=False), Handover)


def _overload(turn: Turn, came: Arrival, *, going_on: bool) -> Fault | None:
    """Refuse what there is no room for; new requests leave a tenth of it to dialogs."""
    limits, weight, share = turn.config.limits, 10 if going_on else 11, share_of(came.source.host)
    retry_after = RETRY_AFTER
    if turn.retry_after is not None and not going_on:
        text, retry_after = "no new requests are taken", turn.retry_after
    elif len(turn.server) * weight >= limits.transactions * 10:
        text = f"limit of {limits.transactions} transactions"
    elif turn.in_flight * weight >= limits.in_flight * 10:
        text = f"limit of {limits.in_flight} requests in flight"
    elif turn.bytes_in_flight * weight >= limits.bytes_in_flight * 10:
        text = f"limit of {limits.bytes_in_flight} bytes in flight"
    elif turn.sources.get(share, 0) * weight >= limits.in_flight_per_source * 10:
        text = f"limit of {limits.in_flight_per_source} requests in flight from {share}"
    else:
        return None
    turn.report("limit", share, text)
    return Fault(503, text, (("Retry-After", str(retry_after)),))


def _decide(turn: Turn, came: Arrival, got: Arrived, key: str, *, proven: bool) -> Verdict:
    """Ask the policy."""
    decision = route(turn, key, got.request, came, in_dialog=proven)
    return meaning(turn, came, got, key, decision, proven=proven)


def _follow(turn: Turn, came: Arrival, got: Arrived) -> Passage:
    """A request within a dialog of ours goes where its Route says, or else its Request-URI."""
    request = got.request
    uri = request.uri.for_request_line().text
    origin = Origin(
        request,
        came.source,
        came.endpoint,
        _departure(turn, got),
        request.method in RECORD_ROUTED,
        size=came.size,
    )
    return Passage(origin, (((Target(uri, uri),),),), usual_hunt(request.method))


def _departure(turn: Turn, got: Arrived) -> str:
    """The side that the last Route value of ours names: the request leaves from there."""
    departure = turn.config.endpoint_at(got.passed[-1])
    return "" if departure is None else departure.name


def meaning(
    turn: Turn, came: Arrival, got: Arrived, key: str, decision: Decision, *, proven: bool
) -> Verdict:
    """What a decision of the policy comes to."""
    request = got.request
    if not isinstance(decision, Relay):
        if isinstance(decision, Ask):
            return Inquiry(got, decision, proven)
        return Handover(request) if isinstance(decision, Local) else decision
    brings_route = "route" in request.names and not (proven or decision.follow_route)
    if brings_route and request.values("route"):
        # Whoever brings a Route along could send a request through us to anywhere.
        turn.report("policy", key, "a Route that was not given out here, and no follow_route")
        return Reply(403)
    plan, hunt = plan_of(turn, decision, request, key)
    keep_secure(request, plan)
    # Of what is not proven, a Route does not even choose the side that it leaves from.
    departure = _departure(turn, got) if proven else ""
    origin = Origin(
        request,
        came.source,
        came.endpoint,
        departure,
        decision.record_route and request.method in RECORD_ROUTED,
        decision.on_failure,
        came.size,
        loop=got.loop,
        route=mandatory(decision) if decision.route else (),
    )
    return Passage(origin, plan, hunt, decision)
