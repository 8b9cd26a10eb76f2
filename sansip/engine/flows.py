"""Flows: connections that peers or we have opened, and what comes over them.

RFC 3261 18 and 18.3, RFC 5626 4.4.1. What comes is taken apart by ``sansip.message.framing``; the
messages then go the way of those that come as datagrams, one after the other. How connections are
opened is ``connecting``'s. A flow that is closed is forgotten; who had requests on it that nobody
has answered hears of it.
"""

from typing import Final, assert_never

from sansip.address import Address
from sansip.certificates import identifies
from sansip.engine import agents, arrivals, connecting, requests, unsent
from sansip.engine.actions import CloseFlow, Timer
from sansip.engine.connecting import OWNER
from sansip.engine.events import FlowClosed, FlowOpened, StreamReceived
from sansip.engine.hosts import share_of
from sansip.engine.state import Arrival, Flow, Link, Waiting
from sansip.engine.transactions import step_client
from sansip.engine.turn import Turn
from sansip.errors import LocalProtocolError
from sansip.message import Request, framing
from sansip.table import Table
from sansip.transaction import TransportFailed

_PONG: Final = b"\r\n"
FIRST: Final = "first_message"  # what a timer is for while nothing whole has come from a peer
MOST_NAMED: Final = 3  # identities of a certificate that a report names
_EXPIRED: Final = framing.Expired()
_Came = framing.Complete | framing.Refused | framing.Fatal


def opened(turn: Turn, event: FlowOpened) -> None:
    """Keep a new flow, if there is room for it; send what waits for one that was ordered."""
    flow = turn.flows.get(event.flow)
    if flow is not None and flow.waiting is not None:
        _reached(turn, event, flow, flow.waiting)
    elif flow is not None:
        raise LocalProtocolError(
            f"flow {event.flow} is open already: every flow has its own number"
        )
    elif event.flow == connecting.NO_FLOW:
        raise LocalProtocolError("flow 0: number flows from 1 on")
    elif event.flow > connecting.NO_FLOW:
        _welcome(turn, event)
    # Else it is one of ours that was given up: its CloseFlow is on the way to the adapter.


def _welcome(turn: Turn, event: FlowOpened) -> None:
    """A peer has opened a connection. The last places are kept for our own."""
    arrivals.remember(turn, event.local)
    full = _is_full(turn, event.remote)
    if full:
        turn.report("limit", str(event.remote), full)
        turn.actions.append(CloseFlow(event.flow))
        return
    # "When the connection is accepted by the transport layer, this index is set to the source IP
    # address, port number, and transport" (18): a phone behind a NAT has no other way to be called.
    # By TLS it is found by who asks for that very address and names nobody, though no certificate
    # has shown it: "the registrar will reuse this connection for requests coming to the UA", who
    # knows that its peer is the proxy that it has verified (26.3.2.1). What asks for a domain needs
    # a certificate (RFC 5923 9).
    name = event.remote.host if event.endpoint.startswith("tls:") else None
    link = Link(event.endpoint, event.remote, name)
    # Whoever has a place here has to say something: bytes alone, one in a second, do not do.
    due = turn.at + turn.config.limits.partial_message
    timer = turn.rearm(f"{OWNER}{event.flow}", FIRST, due)
    flow = Flow(link, framing.start(), Table(), turn.at, timer, None, event.names, ())
    connecting.welcome(turn, event.flow, flow)


def _is_full(turn: Turn, remote: Address) -> str:
    """Why a peer gets no connection, if it gets none.

    Nobody else has to go for it: who is refused may come again, and a phone behind a NAT whose
    connection is closed cannot be called any more. Those that are dead are for TCP to find.
    """
    limits = turn.config.limits
    share = share_of(remote.host)
    if turn.peers.get(share, 0) >= limits.flows_per_source:
        return f"limit of {limits.flows_per_source} flows from {share}"
    return f"limit of {limits.flows} flows" if len(turn.flows) * 11 >= limits.flows * 10 else ""


def _reached(turn: Turn, event: FlowOpened, flow: Flow, waiting: tuple[Waiting, ...]) -> None:
    """Our own connection is there: send in order what waits, if it has reached who was meant."""
    number, link = event.flow, flow.link
    if link.name is not None and not identifies(event.names, link.name):
        # "If the server is not authenticated, the client MUST close the connection immediately"
        # (RFC 5922 7.3). To whoever waits it is one more hop that cannot be reached. What asked for
        # TLS has no other hops; they are what its domain offers, and this adds none.
        turn.actions.append(CloseFlow(number))
        turn.disarm(flow.timer)
        found = ", ".join(event.names[:MOST_NAMED]) or "nobody"
        reason = f"its certificate is for {found}, not for {link.name}"
        _lose(turn, number, flow, reason, refused=False)
        return
    unwanted: list[str] = []
    for what in waiting:
        if unsent.is_wanted(turn, what):
            turn.send(what.owner, link.endpoint, link.remote, what.data, number)
        else:
            unwanted.append(what.owner)
    timer = _idle(turn, number, turn.at)
    left = Flow(link, flow.framing, flow.users, turn.at, timer, None, event.names, ())
    turn.flows = turn.flows.set(number, left)
    for key in unwanted:
        # "If no provisional response has been received, the CANCEL request MUST NOT be sent" (9.1):
        # what has not been sent needs none, and nobody is to be rung up for nothing.
        step_client(turn, key, TransportFailed("not wanted any more when its connection was open"))


def received(turn: Turn, event: StreamReceived) -> None:
    """Read on; what still comes over a flow that was ordered closed is ignored."""
    flow = turn.flows.get(event.flow)
    if flow is not None and flow.waiting is None:
        _step(turn, event.flow, flow, framing.Received(event.data))


def closed(turn: Turn, event: FlowClosed) -> None:
    """Forget a flow."""
    flow = turn.flows.get(event.flow)
    if flow is None:
        return
    turn.disarm(flow.timer)
    reason = event.reason or "no reason given"
    if isinstance(flow.framing, framing.Head | framing.Body):
        text = f"the connection was closed within a message: {reason}"
        turn.report("dropped", str(flow.link.remote), text)
    said = "the connection is closed" if flow.waiting is None else "no connection"
    _lose(turn, event.flow, flow, f"{said}: {reason}")


def _lose(turn: Turn, number: int, flow: Flow, reason: str, *, refused: bool = True) -> None:
    """Forget a flow, and tell who waits for it or for an answer over it (18.4, AMB-11).

    Only where the peer ``refused`` it does a request that was too large for a datagram go as one
    after all: "if the attempt to establish the connection generates either an ICMP Protocol Not
    Supported, or results in a TCP reset, the element SHOULD retry the request, using UDP" (18.1.1).
    """
    connecting.forget(turn, number)
    if flow.waiting is None:
        for key, reused in tuple(flow.users.items()):
            if key in turn.client:  # else it has come over it
                unsent.lost(turn, key, reason, reused=reused)
        return
    for what in flow.waiting:
        left = what if refused else Waiting(what.owner, what.data)
        turn.unsent.append((left, flow.link, reason))


def fire(turn: Turn, timer: Timer) -> None:
    """A message has not come to its end in time, or a flow was not opened, or is not used."""
    number = int(timer.owner.removeprefix(OWNER))
    flow = turn.flows.get(number)
    if flow is None or flow.timer != timer:
        return
    if timer.name == "idle":
        _rest(turn, number, flow)
    elif timer.name == "partial_message" or not isinstance(flow.framing, framing.Between):
        _step(turn, number, flow, _EXPIRED)
    elif timer.name == FIRST:
        seconds = turn.config.limits.partial_message
        text = f"nothing came over the connection in {seconds:g} s"
        turn.report("dropped", str(flow.link.remote), text)
        turn.actions.append(CloseFlow(number))
        _lose(turn, number, flow, text)
    else:
        turn.actions.append(CloseFlow(number))
        seconds = turn.config.limits.connect
        _lose(turn, number, flow, f"no connection in {seconds:g} s", refused=False)


def _rest(turn: Turn, number: int, flow: Flow) -> None:
    """Close a flow of our own that has not been used for long."""
    # "It is RECOMMENDED that connections be kept open for some implementation-defined duration
    # after the last message was sent or received over that connection. This duration SHOULD at
    # least equal the longest amount of time the element would need in order to bring a transaction
    # from instantiation to the terminated state" (18): while one uses it, it is not idle.
    since = turn.at if len(flow.users) else flow.used
    if since + _patience(turn) > turn.at:
        timer = _idle(turn, number, since)
        turn.flows = turn.flows.set(number, flow.updated(timer))
    else:
        turn.actions.append(CloseFlow(number))
        connecting.forget(turn, number)


def _patience(turn: Turn) -> float:
    return max(turn.config.limits.idle_flow, turn.config.timing.timeout)


def _idle(turn: Turn, number: int, since: float) -> Timer:
    return turn.rearm(f"{OWNER}{number}", "idle", since + _patience(turn))


def _step(turn: Turn, number: int, flow: Flow, given: framing.Input) -> None:
    limits, link = turn.config.limits, flow.link
    state, outputs = framing.step(flow.framing, given, limits.message)
    owner, timer = f"{OWNER}{number}", None if given == _EXPIRED else flow.timer
    first = timer is not None and timer.name == FIRST  # nothing whole has come so far
    for output in outputs:
        match output:
            case framing.Complete() | framing.Refused() | framing.Fatal():
                first = False
                _take(turn, number, flow, output)
                unsent.settle(turn)  # as if each message had come by itself
                agents.work_off(turn)
            case framing.Ping():
                first = False
                turn.send(owner, link.endpoint, link.remote, _PONG * output.count, number)
            case framing.StartClock() if first:
                pass  # its time runs since the connection is open
            case framing.StartClock():
                timer = turn.rearm(owner, "partial_message", turn.at + limits.partial_message)
            case framing.StopClock():
                turn.disarm(timer)
                # Nobody but the peer decides how long a connection lives that it has opened.
                timer = _idle(turn, number, turn.at) if number < connecting.NO_FLOW else None
            case _:
                assert_never(output)
    now = turn.flows[number]  # what came may have led to what went over it
    if isinstance(state, framing.Broken):
        turn.actions.append(CloseFlow(number))
        turn.disarm(timer)
        _lose(turn, number, now, "what came over the connection is not SIP")
    else:
        if timer is not None and timer.name == FIRST and not first:
            turn.disarm(timer)
            timer = None
        left = now.updated(timer, framing=state, used=turn.at)
        turn.flows = turn.flows.set(number, left)


def _take(turn: Turn, number: int, flow: Flow, output: _Came) -> None:
    link = flow.link
    size = output.size if isinstance(output, framing.Complete) else 0
    came = Arrival(link.endpoint, link.remote, size, number, flow.names)
    if not isinstance(output, framing.Complete):
        requests.malformed(turn, came, output.error)
        return
    message = output.message
    if flow.names and number > connecting.NO_FLOW and isinstance(message, Request):
        connecting.alias(turn, number, message)
    arrivals.take(turn, came, message)
