"""Asking the policy, and what its decisions mean in terms of targets and hunts."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TypeVar, cast

from sansip import dispatch
from sansip.engine import whereabouts
from sansip.engine.policy import (
    ADVANCE_EARLY,
    Ask,
    Decision,
    Drop,
    Failed,
    Local,
    Policy,
    Relay,
    Reply,
    Scene,
    Target,
    Tried,
)
from sansip.engine.state import Arrival, Origin
from sansip.engine.transactions import step_server
from sansip.engine.turn import Turn
from sansip.entropy import Draws
from sansip.message import Request, Uri, canonical, equivalent, parse_uri, reply, rows
from sansip.proxy import vocabulary as order
from sansip.proxy.states import Hunting, State, best_of
from sansip.transaction import Respond

FINAL = range(200, 700)
REFUSALS = range(300, 700)  # a 2xx to an INVITE begins a dialog: that is for the program
EARLY = 3.0  # seconds of silence before the next hop, where advancing early is the default
TIMER_C = 180.0  # RFC 3261 16.6 step 11: Timer C must be greater
MOST_SECONDS = 1e9
KEPT = frozenset(
    {
        *("via", "from", "to", "call-id", "cseq", "route", "record-route", "content-length"),
        *("max-forwards", "max-breadth"),
        *("v", "f", "t", "i", "l"),
    }
)
MOST_DIVERSIONS = 8  # how often a failure route may choose new targets for one request

T = TypeVar("T")


class PolicyError(Exception):
    """A policy raised, or decided something impossible. Never leaves the engine."""


def overrides(policy: Policy) -> bool:
    """Whether a policy wants to be asked about requests within dialogs: most do not."""
    return getattr(type(policy), "in_dialog", None) is not Policy.in_dialog


def route(turn: Turn, key: str, request: Request, came: Arrival, *, in_dialog: bool) -> Decision:
    """The policy's decision; without one, a request within a dialog of ours follows its Route."""
    scene = _scene(turn, turn.draws(key), came, in_dialog=in_dialog)
    try:
        ask = turn.policy.in_dialog if in_dialog else turn.policy.route
        decision = ask(request, scene)
    except Exception as error:
        raise _raised(error) from error
    if in_dialog and decision is None:
        return Relay(request.uri)
    return _checked(decision, request)


def route_with(
    turn: Turn,
    draws: Draws,
    request: Request,
    came: Arrival,
    then: str,
    answer: object,
    *,
    in_dialog: bool,
) -> Decision:
    """What the policy decides now that its question has been answered (``Ask``)."""
    scene = _scene(turn, draws, came, in_dialog=in_dialog)
    return _checked(_guarded(lambda: getattr(turn.policy, then)(request, scene, answer)), request)


def _scene(turn: Turn, draws: Draws, came: Arrival, *, in_dialog: bool) -> Scene:
    return Scene(
        turn.at,
        came.source,
        tuple([name for name, _ in turn.fleet.groups]),
        turn.config.is_mine,
        draws,
        in_dialog=in_dialog,
        names=came.names,
        standing=lambda group: whereabouts.standings(turn, group),
    )


def _checked(decision: object, request: Request) -> Decision:
    """A policy may have been written without a type checker."""
    if isinstance(decision, Relay):
        return decision
    if isinstance(decision, Reply):
        return _checked_reply(decision, request)
    if isinstance(decision, Drop | Local):
        return decision
    if isinstance(decision, Ask):
        _guarded(lambda: _seconds("within", decision.within))
        return decision
    raise PolicyError(f"the policy returned {decision!r}; see sansip.Decision")


def _checked_reply(decision: Reply, request: Request) -> Reply:
    allowed = REFUSALS if request.method == "INVITE" else FINAL
    if decision.status not in allowed:
        only = "200 to 699"
        if allowed is REFUSALS:
            only = "300 to 699 to an INVITE; who takes calls decides Local()"
        raise PolicyError(f"Reply({decision.status!r}): only final responses, {only}")
    try:
        rows.checked(decision.reason or "")
        for name, text in decision.headers:
            rows.row(name, text)
    except Exception as error:  # what a policy gives may raise anything when it is looked at
        said = f"{decision.reason!r}, headers={decision.headers!r}"
        raise PolicyError(f"Reply({decision.status}, {said}): {error}") from error
    return decision


def _guarded(question: Callable[[], T]) -> T:
    try:
        return question()
    except PolicyError:
        raise
    except Exception as error:
        raise _raised(error) from error


def _raised(error: Exception) -> PolicyError:
    return PolicyError(f"the policy raised {type(error).__name__}: {error}")


def plan_of(turn: Turn, relay: Relay, request: Request, key: str) -> tuple[order.Plan, order.Hunt]:
    """What a relay means: what is tried, in its order, and how; ``key`` is the request's."""
    try:
        return _targets(turn, relay, request, key), _hunt(relay, request.method)
    except PolicyError:
        raise
    except Exception as error:
        # The remedy first: a report has 200 characters.
        raise PolicyError(f"{error}; in Relay(to={relay.to!r})") from error


def _targets(turn: Turn, relay: Relay, request: Request, key: str) -> order.Plan:
    """One target, a set of them, or a group's members as one way."""
    if isinstance(relay.to, str):
        # Where it was to go anyway, that has been read already.
        uri = _uri(request.uri if relay.to == request.uri_text else relay.to)
        return (((order.Target(uri.text, uri.text),),),)
    if isinstance(relay.to, dispatch.Dispatch):
        return _members(turn, relay.to, request, key)
    if isinstance(relay.to, Uri):
        uri = _uri(relay.to)
        return (((order.Target(uri.text, uri.text),),),)
    return _stages(turn, (relay.to,) if isinstance(relay.to, Target) else relay.to)


def _members(turn: Turn, wish: dispatch.Dispatch, request: Request, key: str) -> order.Plan:
    """The members of a group, as the algorithm orders them; none of those that are drained."""
    fleet = turn.fleet
    group = fleet.group(wish.group)
    if group is None:
        raise PolicyError(fleet.lacks(wish.group))
    number = fleet.turns.get(wish.group, 0)
    drained = {uri for name, uri in fleet.drained if name == wish.group}
    moment = dispatch.Moment(number, turn.draws(key), fleet.loads, fleet.latencies, drained)
    ways, turned = dispatch.arrange(wish, group, request, moment)
    if not ways:
        text = f"group {wish.group}: all members are drained, or have as many calls as they take"
        turn.report("failover", key, text)
    if turned:
        turn.fleet = fleet.but(turns=fleet.turns.set(wish.group, number + 1))
    # What comes within a dialog starts no call.
    starts = request.method == "INVITE" and request.to_tag is None
    counts = starts and dispatch.algorithm_named(wish.algorithm) == "call-load"
    to = dispatch.rewriting(wish.rewrite, wish.uri or request.uri)
    stage = [tuple([_member(wish.group, to, one, counts=counts) for one in way]) for way in ways]
    return (tuple(stage),) if stage else ()


def _member(
    group: str, to: Callable[[Uri], tuple[str, str]], member: dispatch.Member, *, counts: bool
) -> order.Target:
    uri, next_hop = to(parse_uri(member.uri))
    name = member.name if counts else ""
    return order.Target(uri, next_hop, group, member.uri, member.endpoint, counted=name)


def _stages(turn: Turn, wanted: Sequence[Target | str | Uri]) -> order.Plan:
    """Those with the same q together, the highest q first (16.6)."""
    stages: dict[float, list[tuple[order.Target]]] = {}
    known: dict[tuple[str, str], list[Uri]] = {}
    targets = [item if isinstance(item, Target) else Target(item) for item in wanted]
    for target in sorted(targets, key=_preference):
        uri = _uri(target.uri)
        # "If a URI is already in the target set (based on the definition of equality for the URI
        # type), it MUST NOT be added again" (16.5)
        alike = known.setdefault((canonical(uri), target.endpoint), [])
        if not any(equivalent(uri, other) for other in alike):
            alike.append(uri)
            stages.setdefault(target.q, []).append((_target(turn, uri, target),))
    return tuple(map(tuple, stages.values()))


def _preference(target: Target) -> float:
    if not 0 <= target.q <= 1:
        raise PolicyError(f"q of {target.uri} is {target.q!r}; it must be a number from 0 to 1")
    return -target.q


def _uri(wanted: str | Uri) -> Uri:
    # "any parameters not allowed in a Request-URI MUST be removed" (16.6 step 2)
    return (wanted if isinstance(wanted, Uri) else parse_uri(wanted, "to")).for_request_line()


def _target(turn: Turn, uri: Uri, wanted: Target) -> order.Target:
    for name, text in wanted.edits:
        if name.lower() in KEPT:
            raise PolicyError(f"edits of {uri}: {name} belongs to the call, and stays as it is")
        rows.row(name, text or "")  # raises if that is no header field
    if wanted.endpoint and turn.config.endpoint(wanted.endpoint) is None:
        raise PolicyError(f"endpoint of {uri}: there is no {wanted.endpoint}")
    return order.Target(uri.text, uri.text, departure=wanted.endpoint, edits=tuple(wanted.edits))


def mandatory(relay: Relay) -> tuple[str, ...]:
    """The Route values for the proxies that a request has to visit first (16.6 step 6)."""
    if isinstance(relay.to, dispatch.Dispatch) and relay.to.rewrite == "none":
        # The first of them would be the next hop, and the group's member would say nothing.
        raise PolicyError("a group sets only the next hop (rewrite='none'), and so does route")
    try:
        uris = [parse_uri(text, "route") for text in relay.route]
    except Exception as error:
        raise PolicyError(f"Relay(route={relay.route!r}): {error}") from error
    for uri in uris:
        if not (uri.is_sip and uri.lr):
            raise PolicyError(f"Relay(route=...): {uri} is no SIP URI of a loose router, with ;lr")
    return tuple([f"<{uri.for_request_line()}>" for uri in uris])


def usual_hunt(method: str) -> order.Hunt:
    """How targets are tried where nobody has other wishes."""
    return _EARLY if method in ADVANCE_EARLY else _PATIENT


def _hunt(relay: Relay, method: str) -> order.Hunt:
    # What nearly every policy leaves as it is need not be checked again and again.
    if _wishes(relay) == _USUAL_WISHES:
        return usual_hunt(method)
    return _checked_hunt(relay, early=method in ADVANCE_EARLY)


_wishes = attrgetter(
    "advance_after", "progress_after", "answer_within", "deadline", "timer_c", "failover_on",
    "late", "on_failure",
)  # fmt: skip


def _checked_hunt(relay: Relay, *, early: bool) -> order.Hunt:
    timer_c = _seconds("timer_c", relay.timer_c)
    if timer_c <= TIMER_C:
        raise PolicyError(f"timer_c is {timer_c:g} s; RFC 3261 16.6 wants more than {TIMER_C:g}")
    if relay.late not in ("first", "cancel"):
        raise PolicyError(f'late is {relay.late!r}; it must be "first" or "cancel"')
    advance = relay.advance_after
    if advance == "default":
        advance = EARLY if early else None
    return order.Hunt(
        None if advance is None else _seconds("advance_after", advance),
        None if relay.progress_after is None else _seconds("progress_after", relay.progress_after),
        None if relay.answer_within is None else _seconds("answer_within", relay.answer_within),
        _seconds("deadline", relay.deadline),
        timer_c,
        tuple(relay.failover_on),
        relay.late,
        consult=relay.on_failure is not None,
    )


def _seconds(name: str, number: float) -> float:
    if not 0 <= number < MOST_SECONDS:
        raise PolicyError(f"{name} is {number!r}; it must be a number of seconds, 0 or more")
    return number


_USUAL_WISHES = _wishes(Relay(""))
_EARLY = _checked_hunt(Relay(""), early=True)
_PATIENT = _checked_hunt(Relay(""), early=False)


def respond(
    turn: Turn,
    key: str,
    request: Request,
    status: int,
    reason: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    tag_owner: str | None = None,
) -> None:
    """Answer a request through its server transaction, with a To tag of our own (8.2.6.2)."""
    tag = turn.tag(tag_owner or key)
    made = reply(request, status, reason, to_tag=tag, headers=headers)
    step_server(turn, key, Respond(status, made.render()))


def consult(
    turn: Turn, key: str, facts: order.Facts, origin: Origin, state: State
) -> tuple[order.Given, Origin]:
    """Ask the failure route what to do now; also what its context is to remember from now on."""
    failed = _failed(facts, origin, cast("Hunting", state))
    method = origin.on_failure or ""
    try:
        return _given(turn, key, origin, _guarded(lambda: getattr(turn.policy, method)(failed)))
    except PolicyError as error:
        turn.report("policy", key, str(error))
        return order.Decline(500), origin


def _given(turn: Turn, key: str, origin: Origin, decision: object) -> tuple[order.Given, Origin]:
    match decision:
        case order.TryNext() | order.Finish():
            return decision, origin
        case Reply():
            said = _checked_reply(decision, origin.request)
            return order.Decline(said.status, said.reason, said.headers), origin
        case Relay():
            if origin.diversions >= MOST_DIVERSIONS:
                raise PolicyError(
                    f"{origin.on_failure} has chosen new targets {MOST_DIVERSIONS} times"
                )
            plan, hunt = plan_of(turn, decision, origin.request, key)
            keep_secure(origin.request, plan)
            diverted = Origin(
                origin.request,
                origin.source,
                origin.arrival,
                origin.departure,
                decision.record_route,
                decision.on_failure,
                origin.size,
                origin.diversions + 1,
                origin.loop,
                mandatory(decision) if decision.route else (),
            )
            return order.Divert(plan, hunt), diverted
        case _:
            raise PolicyError(
                f"{origin.on_failure} returned {decision!r}; see sansip.FailureDecision"
            )


def keep_secure(request: Request, plan: order.Plan) -> None:
    """A request for a sips URI goes to nothing else, whoever wants that (16.7 step 4, AMB-24)."""
    if request.uri.scheme == "sips":
        for target in [target for stage in plan for way in stage for target in way]:
            if not target.uri.lower().startswith("sips:"):
                raise PolicyError(f"{request.uri_text} cannot go to {target.uri}: no sips")


def _failed(facts: order.Facts, origin: Origin, state: Hunting) -> Failed:
    tried = tuple(
        [
            Tried(b.target.uri, b.hop, b.status, b.response is not None, b.trigger, b.begun)
            for b in state.branches
        ]
    )
    remaining: list[str] = []
    for way in state.ways:
        remaining += [*map(str, way.hops), *[target.next_hop for target in way.targets]]
        remaining += [str(hop) for _, hops in way.suspects for hop in hops]
    chosen = best_of(facts, state.hunt, state.branches, state.results)
    best = None if chosen is None else chosen.response
    return Failed(origin.request, tried, tuple(remaining), best)
