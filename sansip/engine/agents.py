"""Requests that are delivered to the embedding program, a user agent (RFC 3261 8.2, 9.2, 13.3.1.4).

Each has its server transaction, under the same key, and on top of it the machine of ``agent.uas``.
An entry stays until the transaction has ended, so that copies, the ACK and a CANCEL find it.
"""

from typing import assert_never, cast

from sansip.agent import acknowledged, identity, uas
from sansip.engine.actions import Deliver, Timer
from sansip.engine.routing import respond
from sansip.engine.state import Arrival, Served
from sansip.engine.transactions import step_server
from sansip.engine.turn import Turn
from sansip.message import ANY_SIZE, Request, Response, parse
from sansip.transaction import Respond

OWNER = "u|"  # how the owner of a timer begins


def is_merged(turn: Turn, request: Request) -> bool:
    """Whether the program has this request already: it has come here by another path as well."""
    # "If the request has no tag in the To header field, the UAS core MUST check the request against
    # ongoing transactions. If the From tag, Call-ID, and CSeq exactly match those associated with
    # an ongoing transaction, but the request does not match that transaction (based on the matching
    # rules in Section 17.2.3), the UAS core SHOULD generate a 482" (8.2.2.2).
    return request.to_tag is None and identity(request) in turn.identities


def deliver(turn: Turn, key: str, request: Request, came: Arrival) -> None:
    """Give a request, whose server transaction has begun, to the program."""
    invite = request.method == "INVITE"
    name = identity(request)
    state, outputs = uas.start(_facts(turn, invite=invite), turn.at)
    turn.count(came.source, came.size, 1)
    turn.identities = turn.identities.set(name, key)
    record = Served(invite, state, request, came.source, came.size, name, None)
    _carry_out(turn, key, record, state, outputs, request)


def answer(turn: Turn, key: str, record: Served, response: Response) -> None:
    """Send a response of the program's to what was delivered under this key."""
    if record.request is not None and response.status > 100:
        record = _served(record, record.state, record.request, response.to_tag, record.timer)
        turn.served = turn.served.set(key, record)
    _step(turn, key, record, uas.Respond(response.status, response.render()))


def acknowledge(turn: Turn, key: str, ack: Request) -> None:
    """Take the ACK of a 2xx."""
    _step(turn, key, turn.served[key], uas.Acknowledged(), ack)


def cancel(turn: Turn, key: str, request: Request) -> None:
    """Take a CANCEL, which has had its 200."""
    _step(turn, key, turn.served[key], uas.Cancelled(), request)


def key_of(turn: Turn, ack: Request) -> str | None:
    """The key of the INVITE whose 2xx this ACK, with a branch of its own, is for."""
    within, first = acknowledged(ack)
    if ack.to_tag is None:
        return None
    key = turn.identities.get(within)
    if key is None:
        key = turn.identities.get(first)
        if key is not None and turn.tag(key).lower() != ack.to_tag.lower():
            return None  # for the 2xx of somebody else
    return key


def fire(turn: Turn, timer: Timer) -> None:
    """The timer of a request has run out."""
    key = timer.owner.removeprefix(OWNER)
    record = turn.served.get(key)
    if record is not None and record.timer == timer:
        record = _served(record, record.state, record.request, record.tag, None)
        _step(turn, key, record, uas.Woken(), _unacknowledged(record))


def work_off(turn: Turn) -> None:
    """Tell the requests whose server transactions have ended."""
    over, turn.over = turn.over, []
    for key in over:
        record = turn.served[key]
        _step(turn, key, record, uas.Over(), _unacknowledged(record))


def _unacknowledged(record: Served) -> Request | Response | None:
    """The 2xx that waits for its ACK, as it was sent: it has the To tag, which a BYE needs."""
    state = record.state
    return parse(state.data, limits=ANY_SIZE) if isinstance(state, uas.Unacknowledged) else None


def _facts(turn: Turn, *, invite: bool) -> uas.Facts:
    return uas.Facts(invite, turn.config.timing, turn.config.limits.unanswered)


def _step(
    turn: Turn,
    key: str,
    record: Served,
    given: uas.Given,
    message: Request | Response | None = None,
) -> None:
    facts = _facts(turn, invite=record.invite)
    state, outputs = uas.step(facts, record.state, given, turn.at)
    _carry_out(turn, key, record, state, outputs, message)


def _carry_out(
    turn: Turn,
    key: str,
    record: Served,
    state: uas.State | uas.Gone,
    outputs: tuple[uas.Output, ...],
    message: Request | Response | None,
) -> None:
    """Perform what the machine orders, and keep what it has become."""
    request, timer = record.request, record.timer
    for output in outputs:
        match output:
            case uas.Answer():
                step_server(turn, key, Respond(output.status, output.data))
            case uas.Refuse():
                # It is there: what has its final response is refused no more.
                respond(turn, key, cast("Request", request), output.status)
            case uas.Tell():
                said = None if output.kind == "end" else message
                turn.actions.append(Deliver(key, output.kind, said))
            case uas.Wake():
                timer = _wake(turn, key, timer, output.at)
            case uas.Late():
                text = f"a {output.status} for a request that has its answer"
                turn.report("dropped", key, text)
            case uas.Ended():
                pass
            case _:
                assert_never(output)
    if request is not None and not isinstance(state, uas.Pending):
        turn.count(record.source, record.size, -1)
        request = None
    if isinstance(state, uas.Gone):
        turn.served = turn.served.without(key)
        if turn.identities.get(record.identity) == key:
            turn.identities = turn.identities.without(record.identity)
    else:
        turn.served = turn.served.set(key, _served(record, state, request, record.tag, timer))


def _wake(turn: Turn, key: str, running: Timer | None, at: float | None) -> Timer | None:
    if at is None:
        turn.disarm(running)
        return None
    return turn.rearm(OWNER + key, "answer", at)


def _served(
    record: Served,
    state: uas.State,
    request: Request | None,
    tag: str | None,
    timer: Timer | None,
) -> Served:
    return Served(
        record.invite, state, request, record.source, record.size, record.identity, tag, timer
    )
