"""Asking the policy, and what its decisions mean in terms of targets and hunts."""

from collections.abc import Callable
from typing import TypeVar

from sansip import dispatch
from sansip.address import Address
from sansip.engine.policy import (
    EARLY_NON_INVITE,
    Decision,
    Drop,
    Failed,
    Relay,
    Reply,
    Scene,
    Tried,
)
from sansip.engine.state import Context, Origin
from sansip.engine.transactions import step_server
from sansip.engine.turn import Turn
from sansip.errors import RemoteProtocolError
from sansip.message import Request, Uri, parse_uri, reply
from sansip.proxy import vocabulary as order
from sansip.proxy.states import Hunting, best_of
from sansip.transaction import Respond

EARLY = 3.0  # seconds of silence before the next hop, where advancing early is the default
TIMER_C = 180.0  # RFC 3261 16.6 step 11: Timer C must be greater
MOST_DIVERSIONS = 8  # how often a failure route may choose new targets for one request

T = TypeVar("T")


class PolicyError(Exception):
    """A policy raised, or decided something impossible. Never leaves the engine."""


def route(turn: Turn, key: str, request: Request, source: Address, *, in_dialog: bool) -> Decision:
    """The policy's decision; a relay along the Route for a request within a dialog of ours."""
    scene = Scene(
        turn.at,
        source,
        tuple([name for name, _ in turn.groups]),
        turn.config.is_mine,
        turn.draws(key),
        in_dialog=in_dialog,
    )
    if not in_dialog:
        return _checked(_ask(lambda: turn.policy.route(request, scene)))
    override = _ask(lambda: turn.policy.in_dialog(request, scene))
    return Relay(request.uri) if override is None else _checked(override)


def _checked(decision: object) -> Decision:
    """A policy may have been written without a type checker."""
    if isinstance(decision, Relay | Reply | Drop):
        return decision
    raise PolicyError(f"the policy returned {decision!r}; it must be a Relay, a Reply or a Drop")


def _ask(question: Callable[[], T]) -> T:
    try:
        return question()
    except Exception as error:
        raise PolicyError(f"the policy raised {type(error).__name__}: {error}") from error


def targets_of(turn: Turn, relay: Relay, request: Request) -> tuple[order.Target, ...]:
    """Where a relay goes: one target, or a group's members."""
    try:
        match relay.to:
            case dispatch.Dispatch() as wish:
                members = dict(turn.groups).get(wish.group)
                if members is None:
                    known = ", ".join(dict(turn.groups)) or "none"
                    raise PolicyError(f"there is no group {wish.group!r}; the groups are: {known}")
                ordered = dispatch.order(wish.algorithm, members)
                pairs = [
                    dispatch.rewrite(wish.rewrite, request.uri, parse_uri(member))
                    for member in ordered
                ]
                return tuple([order.Target(uri, next_hop) for uri, next_hop in pairs])
            case to:
                # "any parameters not allowed in a Request-URI MUST be removed" (16.6 step 2)
                wanted = to if isinstance(to, Uri) else parse_uri(to)
                uri = str(wanted.for_request_line())
                return (order.Target(uri, uri),)
    except RemoteProtocolError as error:
        raise PolicyError(f"Relay(to={relay.to!r}): {error.reason}") from error


def hunt_of(relay: Relay, method: str) -> order.Hunt:
    """How a relay tries its targets."""
    if relay.timer_c <= TIMER_C:
        raise PolicyError(
            f"timer_c is {relay.timer_c:g} s; RFC 3261 16.6 wants more than {TIMER_C:g}"
        )
    advance = relay.advance_after
    if advance == "default":
        advance = EARLY if method == "INVITE" or method in EARLY_NON_INVITE else None
    return order.Hunt(
        advance,
        relay.progress_after,
        relay.answer_within,
        relay.deadline,
        relay.timer_c,
        relay.failover_on,
        relay.late,
        consult=relay.on_failure is not None,
    )


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


def consult(turn: Turn, key: str, record: Context) -> tuple[order.Given, Origin | None]:
    """Ask the failure route what to do now; also what its context is to remember from now on."""
    origin, state = record.origin, record.state
    if origin is None or origin.on_failure is None or not isinstance(state, Hunting):
        return order.Finish(), origin
    name, failed = origin.on_failure, _failed(record.facts.invite, origin, state)
    try:
        return _given(turn, origin, _ask(lambda: getattr(turn.policy, name)(failed)))
    except PolicyError as error:
        turn.report("policy", key, str(error))
        return order.Decline(500), origin


def _given(turn: Turn, origin: Origin, decision: object) -> tuple[order.Given, Origin]:
    match decision:
        case order.TryNext() | order.Finish():
            return decision, origin
        case Reply(status, reason, headers):
            return order.Decline(status, reason, headers), origin
        case Relay():
            if origin.diversions >= MOST_DIVERSIONS:
                raise PolicyError(
                    f"{origin.on_failure} has chosen new targets {MOST_DIVERSIONS} times"
                )
            targets = targets_of(turn, decision, origin.request)
            hunt = hunt_of(decision, origin.request.method)
            diverted = Origin(
                origin.request,
                origin.source,
                origin.arrival,
                origin.departure,
                decision.record_route,
                decision.on_failure,
                origin.diversions + 1,
            )
            return order.Divert(targets, hunt), diverted
        case _:
            raise PolicyError(
                f"{origin.on_failure} returned {decision!r}; see sansip.FailureDecision"
            )


def _failed(invite: bool, origin: Origin, state: Hunting) -> Failed:  # noqa: FBT001
    tried = tuple(
        [
            Tried(b.target.uri, b.hop, b.status, b.response is not None, b.trigger, b.begun)
            for b in state.branches
        ]
    )
    remaining = (*map(str, state.hops), *(target.next_hop for target in state.targets))
    chosen = best_of(state.branches, state.results, invite=invite)
    return Failed(origin.request, tried, remaining, None if chosen is None else chosen.response)
