"""Running the transaction machines: their outputs become sends, timers, and news for the contexts.

What each has of timers is in ``clocks``: at most one runs, for the earliest deadline.
"""

from typing import Any, assert_never

from sansip.address import Address
from sansip.engine import clocks, connecting, health, loads
from sansip.engine.actions import Timer
from sansip.engine.state import (
    Arrival,
    ClientState,
    ClientTransaction,
    Deadline,
    Link,
    ServerState,
    ServerTransaction,
    Spare,
    Waiting,
)
from sansip.engine.turn import Turn
from sansip.message import Request, Response, trying
from sansip.proxy import vocabulary as news
from sansip.transaction import (
    Broke,
    ClientFacts,
    ClientInput,
    ClientOutput,
    Ended,
    Fired,
    Pass,
    PassAck,
    Respond,
    Retransmitted,
    ServerFacts,
    ServerInput,
    ServerOutput,
    Start,
    Stop,
    Terminated,
    TimedOut,
    Transmit,
    Unacknowledged,
    client,
    invite_client,
    invite_server,
    server,
)

LINGERING = (invite_client.Accepted, invite_client.Completed, client.Completed)
SILENT = (invite_client.Calling, client.Trying)


# --- server transactions


def open_server(turn: Turn, key: str, request: Request, came: Arrival, remote: Address) -> None:
    """Begin a server transaction; an INVITE gets its 100 at once (AMB-13)."""
    reliable = came.flow is not None
    invite = request.method == "INVITE"
    state: ServerState
    if invite:
        facts = ServerFacts(reliable, turn.config.timing, trying(request))
        state, outputs = invite_server.start(facts)
    else:
        state, outputs = server.start(turn.config.server_facts[reliable])
    waiting = None if invite else request
    record = ServerTransaction(invite, state, came.endpoint, remote, came.flow, waiting)
    connecting.occupy(turn, came.flow, key)
    _server_outputs(turn, key, record, state, outputs)


def step_server(turn: Turn, key: str, given: ServerInput) -> bool:
    """Give a server transaction its input; True if it passes an ACK on to its user."""
    record = turn.server.get(key)
    if record is None:
        if isinstance(given, Respond):
            # "If there is no matching server transaction, the response is discarded" (6026-8.3-01).
            turn.report("dropped", key, f"a {given.status} came after its transaction had ended")
        return False
    reliable = record.flow is not None
    facts = turn.config.server_facts[reliable]
    machine: Any = invite_server  # whose state it is
    if not record.invite:
        machine = server
        if isinstance(given, Fired) and given.timer == "100" and record.waiting is not None:
            # Made when RFC 4320 asks for it: most requests never get one.
            facts = ServerFacts(reliable, turn.config.timing, trying(record.waiting))
    state, outputs = machine.step(facts, record.state, given)
    return _server_outputs(turn, key, record, state, outputs)


def repeat(turn: Turn, key: str, came: Arrival) -> None:
    """The request of a server transaction has come again.

    If its connection is gone and it comes over another, that one will do for the responses: who has
    lost a connection may send the same request over a fresh one, as we do. What was asked by TLS is
    not answered in clear.
    """
    record = turn.server[key]
    gone = record.flow is not None and record.flow not in turn.flows
    if gone and came.flow is not None and came.endpoint[:4] == record.endpoint[:4]:
        moved = ServerTransaction(
            record.invite,
            record.state,
            came.endpoint,
            came.source,
            came.flow,
            record.waiting,
            record.timer,
            record.due,
            record.serial,
            record.later,
        )
        turn.server = turn.server.set(key, moved)
        connecting.occupy(turn, came.flow, key)
    step_server(turn, key, Retransmitted())


def fire_server(turn: Turn, timer: Timer) -> None:
    """A server transaction's timer has run out."""
    record = turn.server.get(timer.owner)
    if record is None or record.serial != timer.serial:
        return  # it was stopped, or replaced (3261-17-T15)
    due, left = clocks.split(record, turn.at)
    turn.server = turn.server.set(timer.owner, _server(record, record.state, (None, 0.0, 0, left)))
    for name in due:
        step_server(turn, timer.owner, Fired(name))


def _server_outputs(
    turn: Turn,
    key: str,
    record: ServerTransaction,
    state: ServerState | Terminated,
    outputs: tuple[ServerOutput, ...],
) -> bool:
    timer, later = record.timer, record.later
    acknowledged = False
    for output in outputs:
        match output:
            case Transmit():
                # "If the 'sent-protocol' is a reliable transport protocol [...], the response MUST
                # be sent using the existing connection to the source of the original request that
                # created the transaction, if that connection is still open" (18.2.2).
                if record.flow is None or record.flow in turn.flows:
                    turn.send(key, record.endpoint, record.remote, output.data, record.flow)
                else:
                    link = Link(record.endpoint, record.remote)
                    turn.unsent.append(
                        (Waiting(key, output.data), link, "its connection is closed")
                    )
            case Stop():
                timer, later = clocks.without(timer, later, output.timer)
            case Start():
                started: Deadline = (turn.at + output.after, output.timer)
                later = (*later, started)
            case PassAck():
                acknowledged = True
            case Broke():
                turn.report("transport", key, f"response not sent: {output.reason}")
            case Unacknowledged():
                turn.report("dropped", key, "no ACK for the final response (Timer H)")
            case Ended():
                pass
            case _:
                assert_never(output)
    if isinstance(state, Terminated):
        clocks.disarm(turn, key, record)
        turn.server = turn.server.without(key)
        connecting.leave(turn, record.flow, key)
        if key in turn.served:
            turn.over.append(key)
        return acknowledged
    clock = clocks.wound(turn, key, record, timer, later)
    turn.server = turn.server.set(key, _server(record, state, clock))
    return acknowledged


def _server(
    record: ServerTransaction, state: ServerState, clock: clocks.Clock | None
) -> ServerTransaction:
    if clock is None and state is record.state:
        return record
    waiting = record.waiting if isinstance(state, server.Trying) else None
    timer, due, serial, later = clock or (record.timer, record.due, record.serial, record.later)
    return ServerTransaction(
        record.invite,
        state,
        record.endpoint,
        record.remote,
        record.flow,
        waiting,
        timer,
        due,
        serial,
        later,
    )


# --- client transactions


def open_client(  # noqa: PLR0913 - the fields of its record
    turn: Turn,
    key: str,
    *,
    invite: bool,
    data: bytes,
    endpoint: str,
    remote: Address,
    context: str,
    branch: int,
    name: str | None = None,
    spare: Spare | None = None,
) -> None:
    """Begin a client transaction: send the request, and keep sending it.

    ``name`` is for TLS; ``spare`` what takes its place if its connection is refused.
    """
    reliable = connecting.is_reliable(endpoint)
    facts = ClientFacts(data, reliable, turn.config.timing)
    state: ClientState
    state, outputs = invite_client.start(facts) if invite else client.start(facts)
    flow = connecting.NO_FLOW if reliable else None
    record = ClientTransaction(
        invite, data, state, endpoint, remote, context, branch, flow=flow, name=name
    )
    _client_outputs(turn, key, record, state, outputs, spare)


def step_client(turn: Turn, key: str, given: ClientInput) -> bool:
    """Give a client transaction its input; False if there is no such transaction."""
    record = turn.client.get(key)
    if record is None:
        return False
    facts = ClientFacts(record.data, record.flow is not None, turn.config.timing)
    machine: Any = invite_client if record.invite else client
    state, outputs = machine.step(facts, record.state, given)
    _client_outputs(turn, key, record, state, outputs)
    return True


def fire_client(turn: Turn, timer: Timer) -> None:
    """A client transaction's timer has run out."""
    record = turn.client.get(timer.owner)
    if record is None or record.serial != timer.serial:
        return
    due, left = clocks.split(record, turn.at)
    clock: clocks.Clock = (None, 0.0, 0, left)
    turn.client = turn.client.set(
        timer.owner, _client(record, record.state, record.data, clock, record.flow)
    )
    for name in due:
        step_client(turn, timer.owner, Fired(name))


def discard_client(turn: Turn, key: str) -> None:
    """Forget a client transaction whose answer nobody waits for, unless it has just ended."""
    record = turn.client.get(key)
    if record is not None:
        clocks.disarm(turn, key, record)
        _remove(turn, key, record.flow)


def resend(turn: Turn, key: str) -> None:
    """Send the request once more, over a fresh flow."""
    record = turn.client[key]
    flow = _transmit(turn, key, record, record.data, again=True)
    left = _client(record, record.state, record.data, None, flow)
    turn.client = turn.client.set(key, left)


def _transmit(
    turn: Turn,
    key: str,
    record: ClientTransaction,
    data: bytes,
    spare: Spare | None = None,
    *,
    again: bool = False,
) -> int | None:
    """Send; the number of the flow that it goes over, if it goes over one."""
    if record.flow is None:
        turn.send(key, record.endpoint, record.remote, data)
        return None
    # CANCEL and the ACK of a refusal go over the flow of their INVITE; if that is gone, over a new
    # one to the same address (RFC 5923 8.1).
    connecting.leave(turn, record.flow, key)
    return connecting.send(turn, _link(record), Waiting(key, data, spare, again))


def _remove(turn: Turn, key: str, flow: int | None) -> None:
    turn.client = turn.client.without(key)
    connecting.leave(turn, flow, key)


def _link(record: ClientTransaction) -> Link:
    return Link(record.endpoint, record.remote, record.name)


def _client_outputs(  # noqa: C901 - an arm for each output
    turn: Turn,
    key: str,
    record: ClientTransaction,
    state: ClientState | Terminated,
    outputs: tuple[ClientOutput, ...],
    spare: Spare | None = None,
) -> None:
    timer, later, flow = record.timer, record.later, record.flow
    for output in outputs:
        match output:
            case Start():
                started: Deadline = (turn.at + output.after, output.timer)
                later = (*later, started)
            case Stop():
                timer, later = clocks.without(timer, later, output.timer)
            case Pass():
                if record.context:
                    _passed(turn, record, output.response)
            case Transmit():
                flow = _transmit(turn, key, record, output.data, spare)
            case TimedOut():
                if record.context:
                    health.unheard(turn, record, "silent to the end")
                    turn.tell(record.context, news.TimedOut(record.branch))
            case Broke():
                _broke(turn, key, record, output.reason)
            case Ended():
                if record.context:
                    loads.over(turn, record.context, record.branch)
                    turn.tell(record.context, news.Over(record.branch))
            case _:
                assert_never(output)
    if isinstance(state, Terminated):
        clocks.disarm(turn, key, record)
        _remove(turn, key, flow)
        return
    clock = clocks.wound(turn, key, record, timer, later)
    if clock is not None or state is not record.state or flow is not record.flow:
        # From the final response on nobody reads the request again: a lingering record is small.
        data = b"" if isinstance(state, LINGERING) else record.data
        turn.client = turn.client.set(key, _client(record, state, data, clock, flow))
    # Else it is as it was: one that has just begun has a deadline at least.


def _broke(turn: Turn, key: str, record: ClientTransaction, reason: str) -> None:
    if record.context not in turn.fleet.watch.probes:  # or every round would say it again
        turn.report("transport", key, f"{record.remote}: {reason}")
    if record.context:
        health.unheard(turn, record, reason)
        turn.tell(record.context, news.Broken(record.branch, reason))


def _passed(turn: Turn, record: ClientTransaction, response: Response) -> None:
    """A response of a branch: its context hears of it, and whoever keeps the books of members."""
    if turn.fleet.groups or len(turn.fleet.health):  # of groups that are gone
        health.answered(turn, record, response, first=isinstance(record.state, SILENT))
    if record.invite and response.status >= 200 and len(turn.fleet.calls):
        loads.answered(turn, record.context, record.branch, response)
    turn.tell(record.context, news.Answered(record.branch, response))


def _client(
    record: ClientTransaction,
    state: ClientState,
    data: bytes,
    clock: clocks.Clock | None,
    flow: int | None,
) -> ClientTransaction:
    timer, due, serial, later = clock or (record.timer, record.due, record.serial, record.later)
    return ClientTransaction(
        record.invite,
        data,
        state,
        record.endpoint,
        record.remote,
        record.context,
        record.branch,
        timer,
        due,
        serial,
        later,
        flow,
        record.name,
    )
