"""Asking the policy, and what its decisions mean in terms of targets and hunts."""

from collections.abc import Callable
from typing import TypeVar, cast

from sansip import dispatch
from sansip.address import Address
from sansip.engine.policy import (
    EARLY_NON_INVITE,
    Decision,
    Drop,
    Failed,
    Policy,
    Relay,
    Reply,
    Scene,
    Tried,
)
from sansip.engine.state import Context, Origin
from sansip.engine.transactions import step_server
from sansip.engine.turn import Turn
from sansip.errors import ProtocolError
from sansip.message import Request, Response, Uri, parse_uri, reply
from sansip.proxy import vocabulary as order
from sansip.proxy.states import Hunting, best_of
from sansip.transaction import Respond

FINAL = range(200, 700)
REFUSALS = range(300, 700)  # a 2xx to an INVITE begins a dialog, and we are no user agent
EARLY = 3.0  # seconds of silence before the next hop, where advancing early is the default
TIMER_C = 180.0  # RFC 3261 16.6 step 11: Timer C must be greater
MOST_SECONDS = 1e9
MOST_DIVERSIONS = 8  # how often a failure route may choose new targets for one request

T = TypeVar("T")


class PolicyError(Exception):
    """A policy raised, or decided something impossible. Never leaves the engine."""


def route(turn: Turn, key: str, request: Request, source: Address, *, in_dialog: bool) -> Decision:
    """The policy's decision; a relay along the Route for a request within a dialog of ours."""
    if in_dialog and getattr(type(turn.policy), "in_dialog", None) is Policy.in_dialog:
        return Relay(request.uri)  # most policies have nothing to say about these
    scene = Scene(
        turn.at,
        source,
        tuple([name for name, _ in turn.groups]),
        turn.config.is_mine,
        turn.draws(key),
        in_dialog=in_dialog,
    )
    if not in_dialog:
        return _checked(_ask(lambda: turn.policy.route(request, scene)), request)
    override = _ask(lambda: turn.policy.in_dialog(request, scene))
    return Relay(request.uri) if override is None else _checked(override, request)


def _checked(decision: object, request: Request) -> Decision:
    """A policy may have been written without a type checker."""
    if isinstance(decision, Reply):
        return _checked_reply(decision, request)
    if isinstance(decision, Relay | Drop):
        return decision
    raise PolicyError(f"the policy returned {decision!r}; it must be a Relay, a Reply or a Drop")


def _checked_reply(decision: Reply, request: Request) -> Reply:
    allowed = REFUSALS if request.method == "INVITE" else FINAL
    if decision.status not in allowed:
        only = "300 to 699 to an INVITE" if allowed is REFUSALS else "200 to 699"
        raise PolicyError(f"Reply({decision.status!r}): only final responses, {only}")
    _ask(lambda: Response.make(decision.status, decision.reason or "", decision.headers))
    return decision


def _ask(question: Callable[[], T]) -> T:
    try:
        return question()
    except Exception as error:
        raise PolicyError(f"the policy raised {type(error).__name__}: {error}") from error


def plan_of(
    turn: Turn, relay: Relay, request: Request
) -> tuple[tuple[order.Target, ...], order.Hunt]:
    """What a relay means: the targets in their order, and how they are tried."""
    try:
        return _targets(turn, relay, request), _hunt(relay, request.method)
    except PolicyError:
        raise
    except (ProtocolError, AssertionError, AttributeError, TypeError, ValueError) as error:
        raise PolicyError(f"Relay(to={relay.to!r}): {error}") from error


def _targets(turn: Turn, relay: Relay, request: Request) -> tuple[order.Target, ...]:
    """One target, or a group's members."""
    if isinstance(relay.to, dispatch.Dispatch):
        wish = relay.to
        members = dict(turn.groups).get(wish.group)
        if members is None:
            known = ", ".join(dict(turn.groups)) or "none"
            raise PolicyError(f"there is no group {wish.group!r}; the groups are: {known}")
        ordered = dispatch.order(wish.algorithm, members)
        uris = [dispatch.rewrite(wish.rewrite, request.uri, parse_uri(uri)) for uri in ordered]
        return tuple([order.Target(uri, next_hop) for uri, next_hop in uris])
    # "any parameters not allowed in a Request-URI MUST be removed" (16.6 step 2)
    wanted = relay.to if isinstance(relay.to, Uri) else parse_uri(relay.to, "to")
    uri = str(wanted.for_request_line())
    return (order.Target(uri, uri),)


def _hunt(relay: Relay, method: str) -> order.Hunt:
    timer_c = _seconds("timer_c", relay.timer_c)
    if timer_c <= TIMER_C:
        raise PolicyError(f"timer_c is {timer_c:g} s; RFC 3261 16.6 wants more than {TIMER_C:g}")
    if relay.late not in ("first", "cancel"):
        raise PolicyError(f'late is {relay.late!r}; it must be "first" or "cancel"')
    advance = relay.advance_after
    if advance == "default":
        advance = EARLY if method == "INVITE" or method in EARLY_NON_INVITE else None
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
    tag = turn.draws(tag_owner or key).token("tag")
    made = reply(request, status, reason, to_tag=tag, headers=headers)
    step_server(turn, key, Respond(status, made.render()))


def consult(turn: Turn, key: str, record: Context, origin: Origin) -> tuple[order.Given, Origin]:
    """Ask the failure route what to do now; also what its context is to remember from now on."""
    failed = _failed(record.facts, origin, cast("Hunting", record.state))
    method = origin.on_failure or ""
    try:
        return _given(turn, origin, _ask(lambda: getattr(turn.policy, method)(failed)))
    except PolicyError as error:
        turn.report("policy", key, str(error))
        return order.Decline(500), origin


def _given(turn: Turn, origin: Origin, decision: object) -> tuple[order.Given, Origin]:
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
            targets, hunt = plan_of(turn, decision, origin.request)
            diverted = Origin(
                origin.request,
                origin.source,
                origin.arrival,
                origin.departure,
                decision.record_route,
                decision.on_failure,
                origin.size,
                origin.diversions + 1,
            )
            return order.Divert(targets, hunt), diverted
        case _:
            raise PolicyError(
                f"{origin.on_failure} returned {decision!r}; see sansip.FailureDecision"
            )


def _failed(facts: order.Facts, origin: Origin, state: Hunting) -> Failed:
    tried = tuple(
        [
            Tried(b.target.uri, b.hop, b.status, b.response is not None, b.trigger, b.begun)
            for b in state.branches
        ]
    )
    remaining = (*map(str, state.hops), *(target.next_hop for target in state.targets))
    chosen = best_of(facts, state.hunt, state.branches, state.results)
    return Failed(origin.request, tried, remaining, None if chosen is None else chosen.response)
