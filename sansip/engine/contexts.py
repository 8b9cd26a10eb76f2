"""Running the response contexts: what they order becomes lookups, branches, CANCELs and answers."""

from typing import assert_never

from sansip import message
from sansip.engine import lookups, routing
from sansip.engine.actions import Deliver, Timer
from sansip.engine.forwarding import branch, copy_for, departure, towards
from sansip.engine.state import ClientTransaction, Context, Origin
from sansip.engine.transactions import discard_client, open_client, step_server
from sansip.engine.turn import Turn
from sansip.errors import RemoteProtocolError
from sansip.proxy import context as machine
from sansip.proxy import vocabulary as order
from sansip.transaction import Abandon, Respond, client_key

MOST_TOLD = 10_000  # pieces of news in one turn: beyond what any event causes; a bug cannot hang
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
    turn.contexts = turn.contexts.set(key, Context(facts, state, origin, handle))
    turn.count(origin.source, 1)
    _carry_out(turn, key, outputs)


def work_off(turn: Turn) -> None:
    """Tell the contexts their news until there is none left."""
    for _ in range(MOST_TOLD):
        if not turn.told:
            return
        key, given = turn.told.popleft()
        record = turn.contexts.get(key)
        if record is not None:
            _step(turn, key, record, given)
    turn.report("limit", "", f"more than {MOST_TOLD} pieces of news in one step: the rest is lost")
    turn.told.clear()


def fire(turn: Turn, timer: Timer) -> None:
    """A context's timer has run out."""
    key = timer.owner.removeprefix(OWNER)
    record = turn.contexts.get(key)
    if record is not None and record.timer == timer:
        turn.contexts = turn.contexts.set(
            key, Context(record.facts, record.state, record.origin, record.handle)
        )
        turn.tell(key, order.Woken())


def _step(turn: Turn, key: str, record: Context, given: order.Given) -> None:
    state, outputs = machine.step(record.facts, record.state, given, turn.at)
    turn.contexts = turn.contexts.set(
        key, Context(record.facts, state, record.origin, record.handle, record.timer)
    )
    _carry_out(turn, key, outputs)
    origin = record.origin
    if origin is not None and not isinstance(state, machine.Hunting):
        # The caller has had the answer: what is left of the context only tidies up.
        turn.count(origin.source, -1)
        left = turn.contexts.get(key)
        if left is not None:
            turn.contexts = turn.contexts.set(
                key, Context(left.facts, left.state, None, left.handle, left.timer)
            )


def _carry_out(turn: Turn, key: str, outputs: tuple[order.Output, ...]) -> None:
    for output in outputs:
        match output:
            case order.Forward():
                _forward(turn, key, output.response)
            case order.Try():
                _try(turn, key, output)
            case order.Wake():
                _wake(turn, key, output.at)
            case order.Locate():
                _locate(turn, key, output.target)
            case order.Ended():
                _end(turn, key)
            case order.Cancel():
                _cancel(turn, key, output)
            case order.Answer():
                _answer(turn, key, output)
            case order.Consult():
                _consult(turn, key)
            case order.StopLocating():
                lookups.stop(turn, key)
            case order.Discard():
                _discard(turn, key, output.branch)
            case order.Silence():
                _fall_silent(turn, key)
            case order.Note():
                turn.report("failover", key, output.text)
            case _:
                assert_never(output)


def _consult(turn: Turn, key: str) -> None:
    record = turn.contexts[key]
    given, origin = routing.consult(turn, key, record)
    turn.contexts = turn.contexts.set(
        key, Context(record.facts, record.state, origin, record.handle, record.timer)
    )
    turn.tell(key, given)


def _forward(turn: Turn, key: str, response: message.Response) -> None:
    """Send a response on towards the caller (16.7 steps 3 and 9)."""
    handle = turn.contexts[key].handle
    if handle is not None:
        turn.actions.append(Deliver(handle, response))
        return
    stripped = response.without_top_via()
    if "via" not in stripped.names:
        # "If no Via header field values remain, the response was meant for this element" (16.7.3)
        turn.report("dropped", key, f"a {response.status} without a Via for the caller")
        return
    step_server(turn, key, Respond(response.status, stripped.render()))


def _answer(turn: Turn, key: str, answer: order.Answer) -> None:
    record = turn.contexts[key]
    if record.origin is None:
        return
    request = record.origin.request
    if record.handle is not None:
        # "the TU behaves as if it had received a 408" (8.1.3.1): never seen on any wire.
        tag = turn.draws(key).token("tag")
        made = message.reply(
            request, answer.status, answer.reason, to_tag=tag, headers=answer.headers
        )
        turn.actions.append(Deliver(record.handle, made))
    else:
        routing.respond(turn, key, request, answer.status, answer.reason, answer.headers)


def _fall_silent(turn: Turn, key: str) -> None:
    """A non-INVITE that nobody answered: its caller gets nothing (RFC 4320 4.2)."""
    if turn.contexts[key].handle is not None:
        _answer(turn, key, order.Answer(408))
    else:
        step_server(turn, key, Abandon())


def _locate(turn: Turn, key: str, target: order.Target) -> None:
    origin = turn.contexts[key].origin
    if origin is None:
        return
    try:
        _, uri = towards(origin, target.uri, target.next_hop)
    except RemoteProtocolError as error:  # a Route value that is no URI
        turn.tell(key, order.Located((), more=False, status=400, reason=error.reason))
    else:
        lookups.begin(turn, key, uri)


def _try(turn: Turn, key: str, given: order.Try) -> None:
    """Start a client transaction (16.6 steps 8 to 10)."""
    origin = turn.contexts[key].origin
    if origin is None:
        return
    endpoint = departure(turn, origin, given.hop)
    if endpoint is None:
        turn.tell(key, order.Broken(given.branch, "no endpoint of that transport and IP version"))
        turn.tell(key, order.Over(given.branch))
        return
    going, _ = towards(origin, given.target.uri, given.target.next_hop)
    name = branch(turn, key, given.branch)
    made = copy_for(turn, origin, going, endpoint, name)
    open_client(
        turn,
        client_key(name, made.method),
        invite=made.method == "INVITE",
        data=made.render(),
        endpoint=endpoint.name,
        remote=given.hop.address,
        context=key,
        branch=given.branch,
    )


def _cancel(turn: Turn, key: str, given: order.Cancel) -> None:
    """CANCEL goes to the very place that its INVITE went to, and is nobody's (9.1)."""
    name = branch(turn, key, given.branch)
    invite = turn.client.get(client_key(name, "INVITE"))
    if invite is None:
        return
    request = message.parse(invite.data)
    if isinstance(request, message.Request):
        made = message.cancel(request, ", ".join(given.reasons) or None)
        open_client(
            turn,
            client_key(name, "CANCEL"),
            invite=False,
            data=made.render(),
            endpoint=invite.endpoint,
            remote=invite.remote,
            context="",
            branch=given.branch,
        )


def _discard(turn: Turn, key: str, number: int) -> None:
    record = turn.contexts[key]
    method = "INVITE" if record.origin is None else record.origin.request.method
    discard_client(turn, client_key(branch(turn, key, number), method))


def _wake(turn: Turn, key: str, at: float | None) -> None:
    record = turn.contexts[key]
    if at is None:
        turn.disarm(record.timer)
        timer = None
    else:
        timer = turn.rearm(OWNER + key, "hunt", at)
    turn.contexts = turn.contexts.set(
        key, Context(record.facts, record.state, record.origin, record.handle, timer)
    )


def _end(turn: Turn, key: str) -> None:
    record = turn.contexts[key]
    turn.disarm(record.timer)
    turn.contexts = turn.contexts.without(key)
    if record.handle is not None:
        turn.actions.append(Deliver(record.handle, None))
