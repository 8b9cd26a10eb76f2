"""Perform what the core orders, and tell it what happened: nothing else.

Everything here happens in one thread, between two checkpoints: an event steps the core and its
actions are performed at once, without a task, a channel or a checkpoint for each packet. An event
that comes up while actions are being performed (a send that fails, a callback that submits
something) steps the core at once too, but its actions wait their turn, so that orders are always
performed in the order in which they were given.
"""

import math
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import ExitStack, closing
from typing import Any, Generic, Protocol, TypeVar

import trio

from sansip import (
    Action,
    Address,
    CloseFlow,
    Consult,
    Consulted,
    Deliver,
    DnsAnswered,
    Endpoint,
    Event,
    OpenFlow,
    QueryDns,
    Report,
    Send,
    StartTimer,
    StopDns,
    StopTimer,
    TimerFired,
)
from sansip.agenda import Agenda
from sansip_trio.endpoints import EndpointError
from sansip_trio.tcp import Connections, Listener
from sansip_trio.udp import UdpSocket

StateT = TypeVar("StateT")


class Config(Protocol):
    """The part of a configuration that an adapter looks at."""

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """What to open."""
        ...


class Core(Protocol[StateT]):
    """What an adapter knows of an engine: ``sansip.Engine`` is one."""

    @property
    def config(self) -> Config:
        """The configuration."""
        ...

    def start(self, seed: bytes, at: float) -> tuple[StateT, tuple[Action, ...]]:
        """Make the first state."""
        ...

    def step(self, state: StateT, event: Event) -> tuple[StateT, tuple[Action, ...]]:
        """Go one event further."""
        ...


class Server(Generic[StateT]):
    """A core at work; ``serve`` makes it. All methods belong to the thread that runs trio.

    ``addresses`` tells where each endpoint really is, by its name: useful with port 0. ``state``
    is the core's present state, ``seed`` and ``started`` what it began with: together with the
    events that ``tap`` saw, that is all a replay needs.
    """

    def __init__(
        self,
        engine: Core[StateT],
        seed: bytes,
        *,
        nameservers: Sequence[str] | None,
        on_report: Callable[[Report], object] | None,
        on_deliver: Callable[[Deliver], object] | None,
        on_consult: Callable[[object], Awaitable[object]] | None,
        tap: Callable[[Event, tuple[Action, ...]], object] | None,
    ) -> None:
        # Here, not above: it costs 0.2 s, and programs that only import us need not pay.
        from sansip_trio.resolver import Resolver  # noqa: PLC0415

        self._now = trio.lowlevel.current_clock().current_time
        self.seed, self.started = seed, self._now()
        self.addresses: dict[str, Address] = {}
        self.state: StateT
        self._engine, self._tap = engine, tap
        self._on_report, self._on_deliver = on_report, on_deliver
        self._on_consult = on_consult
        self._resolver = Resolver(nameservers, self._now)
        self._questions: dict[int, trio.CancelScope] = {}
        self._agenda, self._alarm = Agenda(), trio.CancelScope()
        self._connections = Connections(self._feed, self._now, self._lost, self._spawn)
        self._sockets: list[UdpSocket | Listener] = []
        self._senders: dict[str, Callable[[Send], None]] = {}  # by name of endpoint
        self._nursery: trio.Nursery | None = None
        self._busy = False
        self._backlog: deque[tuple[float, tuple[Action, ...]]] = deque()
        self._performers: dict[type[Action], Callable[[float, Any], object]] = {
            OpenFlow: self._open_flow,
            CloseFlow: self._close_flow,
            StartTimer: self._start_timer,
            StopTimer: self._stop_timer,
            QueryDns: self._query_dns,
            StopDns: self._stop_dns,
            Consult: self._consult,
            Deliver: self._deliver,
            Report: self._report,
        }

    def step(self, event: Callable[[float], Event]) -> None:
        """Tell the core something: ``server.step(lambda at: CancelSubmitted(at, handle))``.

        What the core thinks impossible raises ``LocalProtocolError`` here, and changes nothing.
        """
        if self._nursery is None:
            raise trio.ClosedResourceError("the server has ended")
        self._feed(event(self._now()))

    def swap(self, engine: Core[StateT]) -> None:
        """Go on from the same state with another engine: a reload that drops no call."""
        unknown = {endpoint.name for endpoint in engine.config.endpoints} - set(self._senders)
        if unknown:
            names = ", ".join(sorted(unknown))
            raise EndpointError(f"{names}: not open (endpoints cannot change without a restart)")
        self._engine = engine

    async def run(self, task_status: trio.TaskStatus["Server[StateT]"]) -> None:
        """Open, work until cancelled, close; ``serve`` calls it, once."""
        with ExitStack() as opened:
            for endpoint in self._engine.config.endpoints:
                opened.enter_context(closing(self._open(endpoint)))
            try:
                await self._work(task_status)
            finally:
                self._nursery = None

    def _open(self, endpoint: Endpoint) -> UdpSocket | Listener:
        sock: UdpSocket | Listener
        if endpoint.transport == "udp":
            sock = UdpSocket(endpoint.name, endpoint.bind, self._feed, self._now, self._lost)
        elif endpoint.transport == "tcp":
            sock = self._connections.listen(endpoint.name, endpoint.bind)
        else:
            raise EndpointError(
                f"{endpoint.name}: no such transport here: {endpoint.transport} "
                "(udp and tcp are there)"
            )
        self._sockets.append(sock)
        self._senders[endpoint.name] = sock.send
        self.addresses[endpoint.name] = sock.address
        return sock

    async def _work(self, task_status: trio.TaskStatus["Server[StateT]"]) -> None:
        async with trio.open_nursery() as self._nursery:
            self.started = self._now()
            self.state, actions = self._engine.start(seed=self.seed, at=self.started)
            self._perform(self.started, actions)
            for sock in self._sockets:
                self._nursery.start_soon(sock.read)
            task_status.started(self)
            await self._fire_timers()

    def _feed(self, event: Event) -> None:
        self.state, actions = self._engine.step(self.state, event)
        if self._tap is not None:
            self._tap(event, actions)
        if actions:
            self._perform(event.at, actions)

    def _perform(self, at: float, actions: tuple[Action, ...]) -> None:
        backlog = self._backlog
        if self._busy:
            backlog.append((at, actions))
            return
        senders, others = self._senders, self._performers
        self._busy = True
        try:
            while True:
                for action in actions:
                    if type(action) is Send:
                        senders[action.endpoint](action)
                    else:
                        others[type(action)](at, action)
                if not backlog:
                    return
                at, actions = backlog.popleft()
        finally:
            self._busy = False

    def _spawn(self, task: Callable[..., Coroutine[Any, Any, None]], *given: object) -> None:
        if self._nursery is not None:
            self._nursery.start_soon(task, *given)

    def _open_flow(self, _at: float, order: OpenFlow) -> None:
        self._connections.open(order)

    def _close_flow(self, _at: float, order: CloseFlow) -> None:
        self._connections.close(order)

    def _start_timer(self, at: float, order: StartTimer) -> None:
        due = at + order.after
        self._agenda.start(order.timer, due)
        # Only if it comes before the rest: re-arming costs more than the timer. An alarm that has
        # gone off has a deadline in the past; whoever it woke will look at the agenda anyway.
        if due < self._alarm.deadline:  # noqa: PLR1730 (min() would always set it)
            self._alarm.deadline = due

    def _stop_timer(self, _at: float, order: StopTimer) -> None:
        self._agenda.stop(order.timer)  # the alarm may ring for nothing, once

    async def _fire_timers(self) -> None:
        while True:
            for timer in self._agenda.pop_due(self._now()):
                self._feed(TimerFired(self._now(), timer))
            due = self._agenda.next_due()
            self._alarm = trio.CancelScope(deadline=math.inf if due is None else due)
            with self._alarm:
                await trio.sleep_forever()

    def _query_dns(self, _at: float, order: QueryDns) -> None:
        scope = self._questions[order.query] = trio.CancelScope()
        self._spawn(self._resolve, order, scope)

    def _stop_dns(self, _at: float, order: StopDns) -> None:
        scope = self._questions.pop(order.query, None)
        if scope is not None:
            scope.cancel()

    async def _resolve(self, order: QueryDns, scope: trio.CancelScope) -> None:
        with scope:
            answer = await self._resolver.ask(order.name, order.type)
            self._questions.pop(order.query, None)
            self._feed(DnsAnswered(self._now(), order.query, answer))

    def _consult(self, _at: float, order: Consult) -> None:
        if self._on_consult is not None:
            self._spawn(self._find_out, order, self._on_consult)

    async def _find_out(
        self, order: Consult, answerer: Callable[[object], Awaitable[object]]
    ) -> None:
        with trio.move_on_after(order.within):
            answer = await answerer(order.data)
            self._feed(Consulted(self._now(), order.question, answer))

    def _deliver(self, _at: float, order: Deliver) -> None:
        if self._on_deliver is not None:
            self._on_deliver(order)

    def _report(self, _at: float, order: Report) -> None:
        if self._on_report is not None:
            self._on_report(order)

    def _lost(self, endpoint: str, text: str) -> None:
        self._report(0.0, Report("transport", endpoint, text))


async def serve(  # noqa: PLR0913 - callbacks, by keyword
    engine: Core[StateT],
    *,
    nameservers: Sequence[str] | None = None,
    on_report: Callable[[Report], object] | None = None,
    on_deliver: Callable[[Deliver], object] | None = None,
    on_consult: Callable[[object], Awaitable[object]] | None = None,
    tap: Callable[[Event, tuple[Action, ...]], object] | None = None,
    seed: bytes | None = None,
    task_status: trio.TaskStatus[Server[StateT]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Give ``engine`` sockets, a clock and a resolver until cancelled.

    ``nameservers`` are like ``127.0.0.53:53`` (default: the system's). ``on_report`` and
    ``on_deliver`` are called with what their names say, ``tap`` with every event and the actions
    that came of it. ``on_consult`` is an async function that is given what a policy's ``Ask`` wants
    to know, and returns the answer; it is cancelled when time is up. What a callback raises ends
    the server. ``seed``: 32 unpredictable bytes by
    default. Under ``await nursery.start(...)`` the value is a ``Server``, once all is open.
    Raises ``EndpointError`` when an endpoint cannot be opened.
    """
    seed = secrets.token_bytes(32) if seed is None else seed
    server = Server(
        engine,
        seed,
        nameservers=nameservers,
        on_report=on_report,
        on_deliver=on_deliver,
        on_consult=on_consult,
        tap=tap,
    )
    await server.run(task_status)
