"""Running the response contexts: what they order becomes lookups, branches, CANCELs and answers."""

from typing import Any, assert_never, cast

from sansip import message
from sansip.address import Hop
from sansip.engine import health, loads, lookups, probes, responses, routing
from sansip.engine.actions import Deliver, Timer
from sansip.engine.forwarding import LARGE, branch, located_uri, outgoing, wire
from sansip.engine.state import Context, Origin
from sansip.engine.transactions import discard_client, open_client, step_server
from sansip.engine.turn import Turn
from sansip.entropy import Draws
from sansip.errors import RemoteProtocolError
from sansip.proxy import context as machine
from sansip.proxy import vocabulary as order
from sansip.proxy.request import max_breadth, measured
from sansip.proxy.states import FIRST_LINGERS, Hunting, State
from sansip.transaction import Abandon, Respond, client_key

# Pieces of news that one piece may lead to: a bug cannot hang the engine. Each member of a group
# that is passed over is one.
MOST_TOLD = 10_000
OWNER = "x|"  # how the owner of a context's timer begins


def open_context(
    turn: Turn,
    key: str,
    origin: Origin,
    hunt: order.Hunt,
    plan: order.Plan,
    handle: str | None = None,
    arrived: float | None = None,
) -> None:
    """Begin a response context, under the key of its server transaction if it has one.

    ``arrived``: when its request came, if that was before this turn.
    """
    config = turn.config
    facts = order.Facts(
        origin.request.method == "INVITE",
        turn.at if arrived is None else arrived,
        config.timing,
        config.limits.branches,
        max_breadth(origin.request),
        relayed=handle is None,
    )
    if origin.request.method == "BYE":
        loads.hung_up(turn, origin.request)
    hop = _at_once(turn, origin, plan) if arrived is None else None
    state, outputs = machine.start(facts, hunt, plan, hop)
    turn.count(origin.source, origin.size, 1)
    turn.serial += 1
    record = Context(facts, state, origin, handle, turn.serial, turn.seed, origin.loop)
    _carry_out(turn, key, record, state, 0, outputs)


def _at_once(turn: Turn, origin: Origin, plan: order.Plan) -> Hop | None:
    """The hop that a plan begins with, if nothing needs to be located or weighed for it."""
    if not plan or len(plan[0]) != 1 or health.has_doubts(turn):
        return None
    try:
        return turn.literal(located_uri(origin, plan[0][0][0]))
    except RemoteProtocolError:
        return None  # that is said when it is to be located


def work_off(turn: Turn) -> None:
    """Tell the contexts their news until there is none left."""
    told = turn.told
    if not told:
        return
    budget = MOST_TOLD * (1 + len(told))
    for _ in range(budget):
        if not told:
            return
        key, given = told.popleft()
        hear(turn, key, given)
    turn.report("limit", "", f"more than {budget} pieces of news in one step: the rest is lost")
    told.clear()


def hear(turn: Turn, key: str, given: order.Given) -> None:
    """Tell one piece of news to whom it concerns, if that is still there."""
    record = turn.contexts.get(key)
    if record is not None:
        _step(turn, key, record, given)
    elif key in turn.undelivered and isinstance(given, order.Located):
        responses.located(turn, key, given)
    elif key.startswith(probes.OWNERS):
        probes.hear(turn, key, given)


def fire(turn: Turn, timer: Timer) -> None:
    """A context's timer has run out."""
    key = timer.owner.removeprefix(OWNER)
    record = turn.contexts.get(key)
    if record is not None and record.serial == timer.serial:
        _step(turn, key, record, order.Woken())


def _step(turn: Turn, key: str, record: Context, given: order.Given) -> None:
    if isinstance(given, order.Located) and health.has_doubts(turn):
        given = health.set_aside(turn, record, given)
    state, outputs = machine.step(record.facts, record.state, given, turn.at)
    serial = 0 if isinstance(given, order.Woken) else record.serial
    _carry_out(turn, key, record, state, serial, outputs)


def _carry_out(  # noqa: C901, PLR0912 - an arm for each order
    turn: Turn,
    key: str,
    record: Context,
    state: State,
    serial: int,
    outputs: tuple[order.Output, ...],
) -> None:
    """Perform what a context orders, and keep what it has become."""
    # Only a concluded context has no origin, and such a one locates, tries and answers no more.
    origin: Any = record.origin
    for output in outputs:
        match output:
            case order.Forward():
                _forward(turn, key, record, output.response)
            case order.Wake():
                serial = _wake(turn, key, serial, output.at)
            case order.Try():
                _try(turn, key, record, origin, output)
            case order.Locate():
                _locate(turn, key, origin, output)
            case order.Ended():
                _end(turn, key, record, serial)
                return
            case order.Cancel():
                _cancel(turn, key, record, output)
            case order.Answer():
                _answer(turn, key, record, origin, output)
            case order.Consult():
                given, origin = routing.consult(turn, key, record.facts, origin, state)
                turn.told.appendleft((key, given))  # before anything else happens to it
            case order.StopLocating():
                lookups.stop(turn, (key, output.way))
            case order.Discard():
                loads.over(turn, key, output.branch)
                discard_client(
                    turn, _transaction(turn, key, record, output.branch, _method(record))
                )
            case order.Unheard():
                sent = turn.client[_transaction(turn, key, record, output.branch, _method(record))]
                health.unheard(turn, sent, output.why)
            case order.Silence():
                _fall_silent(turn, key, record, origin)
            case order.Note():
                turn.report("failover", key, output.text)
            case _:
                assert_never(output)
    facts = record.facts
    remembered: Origin | None = origin
    if record.origin is not None and not isinstance(state, Hunting):
        # The caller has had the answer: what is left of the context only tidies up.
        turn.count(origin.source, origin.size, -1)
        facts, remembered = turn.config.concluded[facts.invite], None
    if state is FIRST_LINGERS and record.handle is None:
        record = turn.config.lingering[facts.invite]
    elif state is not record.state or remembered is not record.origin or serial != record.serial:
        record = Context(
            facts,
            state,
            remembered,
            record.handle,
            record.number,
            record.seed,
            record.loop,
            serial,
        )
    turn.contexts = turn.contexts.set(key, record)


def _draws(key: str, record: Context) -> Draws:
    """What its Via branches are drawn from; its number makes them unique in time (8.1.1.7)."""
    return Draws(record.seed, f"{key} {record.number}")


def _method(record: Context) -> str:
    """The method of its request; of a concluded one, whose origin is gone, only INVITE matters."""
    return "INVITE" if record.origin is None else record.origin.request.method


def _transaction(turn: Turn, key: str, record: Context, number: int, method: str) -> str:
    """The key of a branch's client transaction, over whatever transport it is."""
    draws = _draws(key, record)
    plain = client_key(branch(draws, number, record.loop), method)
    if plain in turn.client:
        return plain
    return client_key(branch(draws, number, record.loop, LARGE), method)


def _forward(turn: Turn, key: str, record: Context, response: message.Response) -> None:
    """Send a response on towards the caller (16.7 steps 3 and 9)."""
    if record.handle is not None:
        if len(response.values("via")) > 1:
            # "If there is more than one Via [...] the UAC SHOULD discard the message" (8.1.3.3)
            turn.report("malformed", key, f"a {response.status} with more Vias than were sent")
            if response.status >= 200 and record.origin is not None:
                # The branch is over all the same, and the program waits for an answer.
                _answer(turn, key, record, record.origin, order.Answer(502))
        else:
            turn.actions.append(Deliver(record.handle, "response", response))
        return
    stripped = response.without_top_via()
    if not stripped.has_via:
        # "If no Via header field values remain, the response was meant for this element" (16.7.3)
        turn.report("malformed", key, f"a {response.status} without a Via for the caller")
        if response.status >= 200 and record.origin is not None:
            routing.respond(turn, key, record.origin.request, 502)
        return
    server = turn.server.get(key)
    if server is not None and server.flow is not None:
        stripped = measured(stripped)
    step_server(turn, key, Respond(response.status, wire(turn, stripped)))


def _answer(turn: Turn, key: str, record: Context, origin: Origin, answer: order.Answer) -> None:
    request = origin.request
    if record.handle is not None:
        # "the TU behaves as if it had received a 408" (8.1.3.1): never seen on any wire.
        tag = turn.tag(key)
        made = message.reply(
            request, answer.status, answer.reason, to_tag=tag, headers=answer.headers
        )
        silent = answer.status == 408
        turn.actions.append(Deliver(record.handle, "timeout" if silent else "response", made))
    else:
        routing.respond(turn, key, request, answer.status, answer.reason, answer.headers)


def _fall_silent(turn: Turn, key: str, record: Context, origin: Origin) -> None:
    """A non-INVITE that nobody answered: its caller gets nothing (RFC 4320 4.2)."""
    if record.handle is not None:
        _answer(turn, key, record, origin, order.Answer(408))
    else:
        step_server(turn, key, Abandon())


def _locate(turn: Turn, key: str, origin: Origin, wish: order.Locate) -> None:
    try:
        uri = located_uri(origin, wish.target)
    except RemoteProtocolError as error:  # a Route value that is no URI
        nowhere = order.Located(wish.way, (), more=False, status=400, reason=error.reason)
        turn.tell(key, nowhere)
    else:
        lookups.begin(turn, (key, wish.way), uri)


def _try(turn: Turn, key: str, record: Context, origin: Origin, given: order.Try) -> None:
    """Start a client transaction (16.6 steps 8 to 10)."""
    hop = given.hop
    draws = _draws(key, record)
    going = outgoing(turn, origin, given.target, hop, draws, given.branch, given.breadth)
    if going is None:
        turn.tell(key, order.Broken(given.branch, "no endpoint of that transport and IP version"))
        turn.tell(key, order.Over(given.branch))
        return
    if given.target.counted:
        if loads.is_taken(turn, key, given.branch, given.target):
            # Calls that came while its name was being resolved have got there first.
            turn.tell(key, order.Broken(given.branch, "it has as many calls as it takes"))
            turn.tell(key, order.Over(given.branch))
            return
        loads.begin(turn, key, given.branch, given.target.counted)
    if given.target.group and len(turn.fleet.health):
        health.tried(turn, given.target.group, health.place_of(going.endpoint, hop.address))
    open_client(
        turn,
        going.key,
        invite=record.facts.invite,
        data=going.data,
        endpoint=going.endpoint,
        remote=hop.address,
        context=key,
        branch=given.branch,
        name=hop.tls_name,
        spare=going.spare,
    )


def _cancel(turn: Turn, key: str, record: Context, given: order.Cancel) -> None:
    """CANCEL goes to the very place that its INVITE went to, and is nobody's (9.1)."""
    invite = turn.client[_transaction(turn, key, record, given.branch, "INVITE")]
    request = cast("message.Request", message.parse(invite.data, limits=message.ANY_SIZE))
    open_client(
        turn,
        client_key(request.via.branch or "", "CANCEL"),
        invite=False,
        data=message.cancel(request, ", ".join(given.reasons) or None).render(),
        endpoint=invite.endpoint,
        remote=invite.remote,
        context="",
        branch=given.branch,
        name=invite.name,
    )


def _wake(turn: Turn, key: str, running: int, at: float | None) -> int:
    """Set the context's timer anew, or stop it; the serial number of the one that runs then."""
    if at is not None:
        return turn.rearm(OWNER + key, "hunt", at).serial
    if running:
        turn.disarm(Timer(OWNER + key, "hunt", running))
    return 0


def _end(turn: Turn, key: str, record: Context, serial: int) -> None:
    _wake(turn, key, serial, None)
    if record.origin is not None:
        turn.count(record.origin.source, record.origin.size, -1)
    turn.contexts = turn.contexts.without(key)
    if record.handle is not None:
        turn.actions.append(Deliver(record.handle, "end", None))
