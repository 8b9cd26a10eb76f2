"""Flows: connections that peers have opened, and the messages that come over them.

RFC 3261 18.3 and 18.2.2, RFC 5626 4.4.1. What comes is taken apart by ``sansip.message.framing``;
the messages then go the way of those that come as datagrams, one after the other. A flow that is
closed is forgotten; the requests that came over it live on, but no answer to them can be sent.
"""

from typing import Final, assert_never

from sansip.engine import arrivals, contexts, requests
from sansip.engine.actions import CloseFlow, Timer
from sansip.engine.events import FlowClosed, FlowOpened, StreamReceived
from sansip.engine.state import Arrival, Flow
from sansip.engine.turn import Turn
from sansip.errors import LocalProtocolError, RemoteProtocolError
from sansip.message import Request, Response, framing

OWNER: Final = "f|"  # how the owner of a flow's timer begins
_PONG: Final = b"\r\n"
_Came = framing.Complete | framing.Refused | framing.Fatal


def opened(turn: Turn, event: FlowOpened) -> None:
    """Keep a new flow, if there is room for it."""
    if event.flow in turn.flows:
        raise LocalProtocolError(
            f"flow {event.flow} is open already: every flow has its own number"
        )
    arrivals.remember(turn, event.local)
    if len(turn.flows) >= turn.config.limits.flows:
        turn.report("limit", str(event.remote), f"limit of {turn.config.limits.flows} flows")
        turn.actions.append(CloseFlow(event.flow))
        return
    flow = Flow(event.endpoint, event.remote, framing.start())
    turn.flows = turn.flows.set(event.flow, flow)


def received(turn: Turn, event: StreamReceived) -> None:
    """Read on; what still comes over a flow that was ordered closed is ignored."""
    flow = turn.flows.get(event.flow)
    if flow is not None:
        _step(turn, event.flow, flow, framing.Received(event.data))


def closed(turn: Turn, event: FlowClosed) -> None:
    """Forget a flow."""
    flow = turn.flows.get(event.flow)
    if flow is None:
        return
    turn.disarm(flow.timer)
    turn.flows = turn.flows.without(event.flow)
    if isinstance(flow.framing, framing.Head | framing.Body):
        text = f"the connection was closed within a message: {event.reason or 'no reason given'}"
        turn.report("dropped", str(flow.remote), text)


def fire(turn: Turn, timer: Timer) -> None:
    """A message has not come to its end in time."""
    number = int(timer.owner.removeprefix(OWNER))
    flow = turn.flows.get(number)
    if flow is not None and flow.timer == timer:
        _step(turn, number, flow, framing.Expired())


def _step(turn: Turn, number: int, flow: Flow, given: framing.Input) -> None:
    limits = turn.config.limits
    state, outputs = framing.step(flow.framing, given, limits.message)
    owner, timer = f"{OWNER}{number}", flow.timer
    for output in outputs:
        match output:
            case framing.Complete() | framing.Refused() | framing.Fatal():
                _take(turn, number, flow, output)
                contexts.work_off(turn)  # as if each message had come by itself
            case framing.Ping():
                turn.send(owner, flow.endpoint, flow.remote, _PONG * output.count, number)
            case framing.StartClock():
                timer = turn.rearm(owner, "partial_message", turn.at + limits.partial_message)
            case framing.StopClock():
                turn.disarm(timer)
                timer = None
            case _:
                assert_never(output)
    if isinstance(state, framing.Broken):
        turn.actions.append(CloseFlow(number))
        turn.flows = turn.flows.without(number)
    else:
        turn.flows = turn.flows.set(number, Flow(flow.endpoint, flow.remote, state, timer))


def _take(turn: Turn, number: int, flow: Flow, output: _Came) -> None:
    size = output.size if isinstance(output, framing.Complete) else 0
    came = Arrival(flow.endpoint, flow.remote, size, number)
    try:
        arrivals.take(turn, came, _message(output))
    except RemoteProtocolError as error:
        requests.malformed(turn, came, error)


def _message(output: _Came) -> Request | Response:
    """Give the message, or raise what is wrong with it, as ``parse`` does for datagrams."""
    if isinstance(output, framing.Complete):
        return output.message
    raise output.error
