"""Running the response contexts: what they order becomes lookups, branches, CANCELs and answers."""

from typing import assert_never, cast

from sansip import message
from sansip.engine import lookups, routing
from sansip.engine.actions import Deliver, Timer
from sansip.engine.forwarding import branch, copy_for, departure, located_uri, onward_from, wire
from sansip.engine.state import Context, Origin
from sansip.engine.transactions import discard_client, open_client, step_server
from sansip.engine.turn import Turn
from sansip.errors import RemoteProtocolError
from sansip.proxy import context as machine
from sansip.proxy import vocabulary as order
from sansip.proxy.states import Hunting
from sansip.transaction import Abandon, Respond, client_key

MOST_TOLD = 1_000  # pieces of news that one piece may lead to: a bug cannot hang the engine
OWNER = "x|"  # how the owner of a context's timer begins


def open_context(
    turn: Turn,
    key: str,
    origin: Origin,
    hunt: order.Hunt,
    targets: tuple[order.Target, ...],
    handle: str | None = None,
) -> None:
    """Begin a response context, under the key of its server transaction if it has one."""
    config = turn.config
    facts = order.Facts(
        origin.request.method == "INVITE", turn.at, config.timing, config.limits.branches
    )
    state, outputs = machine.start(facts, hunt, targets)
    turn.count(origin.source, origin.size, 1)
    turn.serial += 1
    _carry_out(turn, key, Context(facts, state, origin, handle, turn.serial), outputs)


def work_off(turn: Turn) -> None:
    """Tell the contexts their news until there is none left."""
    told = turn.told
    budget = MOST_TOLD * (1 + len(told))
    for _ in range(budget):
        if not told:
            return
        key, given = told.popleft()
        record = turn.contexts.get(key)
        if record is not None:
            _step(turn, key, record, given)
    turn.report("limit", "", f"more than {budget} pieces of news in one step: the rest is lost")
    told.clear()


def fire(turn: Turn, timer: Timer) -> None:
    """A context's timer has run out."""
    key = timer.owner.removeprefix(OWNER)
    record = turn.contexts.get(key)
    if record is not None and record.timer == timer:
        _step(turn, key, record, order.Woken())


def _step(turn: Turn, key: str, record: Context, given: order.Given) -> None:
    state, outputs = machine.step(record.facts, record.state, given, turn.at)
    timer = None if isinstance(given, order.Woken) else record.timer
    left = Context(record.facts, state, record.origin, record.handle, record.number, timer)
    _carry_out(turn, key, left, outputs)


def _carry_out(  # noqa: C901 - an arm for each order
    turn: Turn, key: str, record: Context, outputs: tuple[order.Output, ...]
) -> None:
    """Perform what a context orders, and keep what it has become."""
    timer = record.timer
    # Only a concluded context has no origin, and such a one locates, tries and answers no more.
    origin = cast("Origin", record.origin)
    for output in outputs:
        match output:
            case order.Forward():
                _forward(turn, key, record, output.response)
            case order.Wake():
                timer = _wake(turn, key, timer, output.at)
            case order.Try():
                _try(turn, key, record, origin, output)
            case order.Locate():
                _locate(turn, key, origin, output.target)
            case order.Ended():
                _end(turn, key, record, timer)
                return
            case order.Cancel():
                _cancel(turn, key, record, output)
            case order.Answer():
                _answer(turn, key, record, origin, output)
            case order.Consult():
                given, origin = routing.consult(turn, key, record, origin)
                turn.told.appendleft((key, given))  # before anything else happens to it
            case order.StopLocating():
                lookups.stop(turn, key)
            case order.Discard():
                method = "INVITE" if record.facts.invite else origin.request.method
                discard_client(turn, client_key(_branch(turn, key, record, output.branch), method))
            case order.Silence():
                _fall_silent(turn, key, record, origin)
            case order.Note():
                turn.report("failover", key, output.text)
            case _:
                assert_never(output)
    remembered: Origin | None = origin
    if record.origin is not None and not isinstance(record.state, Hunting):
        # The caller has had the answer: what is left of the context only tidies up.
        turn.count(origin.source, origin.size, -1)
        remembered = None
    facts, state, number = record.facts, record.state, record.number
    is_same = remembered is record.origin and timer is record.timer
    made = record if is_same else Context(facts, state, remembered, record.handle, number, timer)
    turn.contexts = turn.contexts.set(key, made)


def _branch(turn: Turn, key: str, record: Context, number: int) -> str:
    """The Via branch of a branch; the context's number makes it unique in time (8.1.1.7)."""
    return branch(turn, f"{key} {record.number}", number)


def _forward(turn: Turn, key: str, record: Context, response: message.Response) -> None:
    """Send a response on towards the caller (16.7 steps 3 and 9)."""
    if record.handle is not None:
        if len(response.values("via")) > 1:
            # "If there is more than one Via [...] the UAC SHOULD discard the message" (8.1.3.3)
            turn.report("malformed", key, f"a {response.status} with more Vias than were sent")
        else:
            turn.actions.append(Deliver(record.handle, response))
        return
    stripped = response.without_top_via()
    if not stripped.has_via:
        # "If no Via header field values remain, the response was meant for this element" (16.7.3)
        turn.report("malformed", key, f"a {response.status} without a Via for the caller")
        if response.status >= 200 and record.origin is not None:
            routing.respond(turn, key, record.origin.request, 502)
        return
    server = turn.server.get(key)
    if server is not None and server.flow is not None and "content-length" not in stripped.names:
        # Content-Length "MUST be used with stream oriented transports" (18.3, 3261-20.14-01).
        stripped = stripped.append("Content-Length", str(len(stripped.body)))
    step_server(turn, key, Respond(response.status, wire(turn, stripped)))


def _answer(turn: Turn, key: str, record: Context, origin: Origin, answer: order.Answer) -> None:
    request = origin.request
    if record.handle is not None:
        # "the TU behaves as if it had received a 408" (8.1.3.1): never seen on any wire.
        tag = turn.draws(key).token("tag")
        made = message.reply(
            request, answer.status, answer.reason, to_tag=tag, headers=answer.headers
        )
        turn.actions.append(Deliver(record.handle, made))
    else:
        routing.respond(turn, key, request, answer.status, answer.reason, answer.headers)


def _fall_silent(turn: Turn, key: str, record: Context, origin: Origin) -> None:
    """A non-INVITE that nobody answered: its caller gets nothing (RFC 4320 4.2)."""
    if record.handle is not None:
        _answer(turn, key, record, origin, order.Answer(408))
    else:
        step_server(turn, key, Abandon())


def _locate(turn: Turn, key: str, origin: Origin, target: order.Target) -> None:
    try:
        uri = located_uri(origin, target)
    except RemoteProtocolError as error:  # a Route value that is no URI
        turn.tell(key, order.Located((), more=False, status=400, reason=error.reason))
    else:
        lookups.begin(turn, key, uri)


def _try(turn: Turn, key: str, record: Context, origin: Origin, given: order.Try) -> None:
    """Start a client transaction (16.6 steps 8 to 10)."""
    endpoint = departure(turn, origin, given.hop)
    if endpoint is None:
        turn.tell(key, order.Broken(given.branch, "no endpoint of that transport and IP version"))
        turn.tell(key, order.Over(given.branch))
        return
    name = _branch(turn, key, record, given.branch)
    made = copy_for(turn, origin, onward_from(origin, given.target), endpoint, name)
    open_client(
        turn,
        client_key(name, made.method),
        invite=made.method == "INVITE",
        data=wire(turn, made),
        endpoint=endpoint.name,
        remote=given.hop.address,
        context=key,
        branch=given.branch,
    )


def _cancel(turn: Turn, key: str, record: Context, given: order.Cancel) -> None:
    """CANCEL goes to the very place that its INVITE went to, and is nobody's (9.1)."""
    name = _branch(turn, key, record, given.branch)
    invite = turn.client[client_key(name, "INVITE")]
    request = cast("message.Request", message.parse(invite.data, limits=message.ANY_SIZE))
    open_client(
        turn,
        client_key(name, "CANCEL"),
        invite=False,
        data=message.cancel(request, ", ".join(given.reasons) or None).render(),
        endpoint=invite.endpoint,
        remote=invite.remote,
        context="",
        branch=given.branch,
    )


def _wake(turn: Turn, key: str, running: Timer | None, at: float | None) -> Timer | None:
    if at is None:
        turn.disarm(running)
        return None
    return turn.rearm(OWNER + key, "hunt", at)


def _end(turn: Turn, key: str, record: Context, timer: Timer | None) -> None:
    turn.disarm(timer)
    if record.origin is not None:
        turn.count(record.origin.source, record.origin.size, -1)
    turn.contexts = turn.contexts.without(key)
    if record.handle is not None:
        turn.actions.append(Deliver(record.handle, None))
