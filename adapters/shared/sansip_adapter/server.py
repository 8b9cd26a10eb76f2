"""Perform what the core orders, and tell it what happened: nothing else.

Everything here happens in one thread, in callbacks of the event loop: an event steps the core and
its actions are performed at once, without a task, a channel or a checkpoint for each packet. Of
events that have come together the core takes one after the other, then all that they have led to is
performed. An event that comes up meanwhile (a send that fails, a callback that submits something)
steps the core at once too, but its actions wait their turn, so that orders are always performed in
the order in which they were given; but for datagrams, which leave last, in one go: to wake the one
who gets them costs more than to send them, and once is enough.
"""

import math
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Generic, Protocol, TypedDict, TypeVar

from sansip import (
    Action,
    Address,
    Administered,
    CloseFlow,
    Consult,
    Consulted,
    DatagramReceived,
    Deliver,
    DnsAnswered,
    Endpoint,
    Event,
    LocalProtocolError,
    OpenFlow,
    QueryDns,
    Rekey,
    Report,
    Send,
    StartTimer,
    StopDns,
    StopTimer,
    TimerFired,
)
from sansip.agenda import Agenda
from sansip.dns import Answer
from sansip.journal import Source
from sansip_adapter import udp
from sansip_adapter.endpoints import EndpointError
from sansip_adapter.loop import Loop, Stop
from sansip_adapter.recorder import Recorder
from sansip_adapter.tcp import Connections, Listener
from sansip_adapter.tls import Tls
from sansip_adapter.udp import UdpSocket

StateT = TypeVar("StateT")
Tap = Callable[[Event, tuple[Action, ...]], object]
DEAF = "this system does not tell of ICMP errors: only time tells that nobody is there"


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

    def step_all(
        self, state: StateT, events: Sequence[DatagramReceived]
    ) -> tuple[StateT, Sequence[tuple[Action, ...]]]:
        """Go as many events further: the actions of each."""
        ...


class Options(TypedDict, total=False):
    """What every ``serve`` takes, by keyword. What a callback raises ends the server."""

    nameservers: Sequence[str] | None
    """Like ``127.0.0.53:53``, else ``ValueError``; default: the system's."""
    tls: Tls | None
    """Certificates; ``tls`` endpoints need them."""
    on_report: Callable[[Report], object] | None
    on_deliver: Callable[[Deliver], object] | None
    on_consult: Callable[[object], Awaitable[object]] | None
    """Given what a policy's ``Ask`` wants to know, gives the answer; cancelled when time is up."""
    tap: Tap | None
    """Called with every event, and the actions that came of it, in the order of the core."""
    journal: Recorder | None
    """Writes all that into a file."""
    seed: bytes | None
    """32 unpredictable bytes by default."""


class Server(Generic[StateT]):
    """A core at work; ``serve`` makes it. All methods belong to the thread of the event loop.

    ``addresses`` tells where each endpoint really is, by its name: useful with port 0. ``state``
    is the core's present state, ``seed`` and ``started`` what it began with: together with the
    events that ``tap`` saw, that is all a replay needs.
    """

    def __init__(  # noqa: PLR0913 - callbacks, by keyword
        self,
        loop: Loop,
        engine: Core[StateT],
        *,
        nameservers: Sequence[str] | None = None,
        tls: Tls | None = None,
        on_report: Callable[[Report], object] | None = None,
        on_deliver: Callable[[Deliver], object] | None = None,
        on_consult: Callable[[object], Awaitable[object]] | None = None,
        tap: Tap | None = None,
        journal: Recorder | None = None,
        seed: bytes | None = None,
    ) -> None:
        """Open all endpoints and then the journal; or raise EndpointError, or RecorderError."""
        # Here, not above: it costs 0.2 s, and programs that only import us need not pay.
        from sansip_adapter.resolver import Resolver  # noqa: PLC0415

        self._loop, self._now = loop, loop.now
        self.seed = secrets.token_bytes(32) if seed is None else seed
        self.started = self._now()
        self.addresses: dict[str, Address] = {}
        self.state: StateT
        self._engine, self._tap, self._journal = engine, tap, journal
        self._on_report, self._on_deliver = on_report, on_deliver
        self._on_consult = on_consult
        self._resolver = Resolver(loop, nameservers)
        self._questions: dict[int, Stop] = {}
        self._agenda = Agenda()
        self._wake_at: Callable[[float], object]
        self._rings_at = math.inf
        self._connections = Connections(loop, self._feed, self._report_trouble, tls)
        self._sockets: list[UdpSocket | Listener] = []
        self._senders: dict[str, Callable[[Send], object]] = {}  # by name of endpoint
        self._outbox: list[Send] = []  # datagrams
        self._datagrams: dict[str, Callable[[Send], object]] = {}  # by name of endpoint
        self._is_open = True
        self._busy = False
        self._backlog: deque[tuple[float, tuple[Action, ...]]] = deque()
        self._unseen: deque[tuple[Event, tuple[Action, ...]]] = deque()  # by the tap
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
        try:
            for endpoint in engine.config.endpoints:
                self._open(endpoint)
            if journal is not None:  # another program may have it that has our ports, too
                journal.open(self._report_anything)
        except BaseException:
            self.close()
            raise

    def _open(self, endpoint: Endpoint) -> None:
        sock: UdpSocket | Listener
        name = endpoint.name
        if endpoint.transport == "udp":
            sock = UdpSocket(
                name, endpoint.bind, self._loop, self._take_all, self._feed, self._report_trouble
            )
            self._senders[name], self._datagrams[name] = self._outbox.append, sock.send
        else:
            sock = self._connections.listen(endpoint)
            self._senders[name] = sock.send
        self._sockets.append(sock)
        self.addresses[name] = sock.address

    def start(self) -> None:
        """Start the core, and listen."""
        self.started = self._now()
        self._wake_at = self._loop.alarm(self._ring)
        self.state, actions = self._engine.start(seed=self.seed, at=self.started)
        if self._journal is not None:
            self._journal.begin(self._engine, self.seed, self.started, actions)
        self._backlog.append((self.started, actions))
        self._perform()
        for sock in self._sockets:
            sock.start()
        endpoints = self._engine.config.endpoints
        deaf = [endpoint.name for endpoint in endpoints if endpoint.transport == "udp"]
        if deaf and not udp.HEARS_ERRORS:
            self._report_trouble(", ".join(deaf), DEAF)

    def close(self) -> None:
        """Close all sockets; what the core has ordered and is not done yet is not done any more."""
        self._is_open = False
        for sock in self._sockets:
            sock.close()
        self._connections.close_all()
        for stop in self._questions.values():
            stop()
        if self._journal is not None:
            self._journal.close()

    def step(self, event: Callable[[float], Event]) -> None:
        """Tell the core something: ``server.step(lambda at: CancelSubmitted(at, handle))``.

        What the core thinks impossible raises ``LocalProtocolError`` here, and changes nothing.
        What a callback raises meanwhile is raised here too, and ends the server all the same.
        """
        if not self._is_open:
            raise RuntimeError("the server has ended")
        before, happened = self.state, event(self._now())
        try:
            self._feed(happened)
        except BaseException as error:
            if self.state is not before:
                self._loop.spawn(partial(_raise, error))
            raise

    def swap(
        self, engine: Core[StateT], tls: Tls | None = None, policy: Source | None = None
    ) -> None:
        """Go on from the same state with another engine: a reload that drops no call.

        With ``tls``, connections from now on have these certificates. ``policy`` is what a journal
        says of the new policy. Raises ``EndpointError``, and changes nothing, if the new one has
        endpoints that are not open, or lacks certificates.
        """
        unknown = {endpoint.name for endpoint in engine.config.endpoints} - set(self._senders)
        if unknown:
            names = ", ".join(sorted(unknown))
            raise EndpointError(f"{names}: not open (endpoints cannot change without a restart)")
        if tls is not None:
            self._connections.renew(tls)
        self._engine = engine
        if self._journal is not None:
            self._journal.swap(engine, policy)

    def _feed(self, event: Event) -> None:
        """Take one event, and do what comes of it."""
        self._take(event)
        self._perform()

    def _take(self, event: Event) -> None:
        """Take one event of several."""
        try:
            self.state, actions = self._engine.step(self.state, event)
        except LocalProtocolError:
            raise  # it has changed nothing
        except Exception:
            if self._journal is not None:
                self._journal.take([(event, ())])  # the last thing in there
            raise
        if actions:
            self._backlog.append((event.at, actions))
        if self._journal is not None:
            self._journal.take([(event, actions)])
        if self._tap is not None:
            self._show(self._tap, [(event, actions)])

    def _take_all(self, events: Sequence[DatagramReceived]) -> None:
        """Take what has come together, and do what comes of it."""
        try:
            self.state, ordered = self._engine.step_all(self.state, events)
        except Exception:
            for event in events:  # it is to be seen which of them it was
                self._take(event)
            raise
        taken = list(zip(events, ordered, strict=True))
        self._backlog.extend([(event.at, actions) for event, actions in taken if actions])
        if self._journal is not None:
            self._journal.take(taken)
        if self._tap is not None:
            self._show(self._tap, taken)
        self._perform()

    def _show(self, tap: Tap, taken: Sequence[tuple[Event, tuple[Action, ...]]]) -> None:
        """Show the tap what has been taken, in that order, though it may step the core itself."""
        unseen = self._unseen
        is_shown = bool(unseen)  # it is the tap that has stepped
        unseen.extend(taken)
        while unseen and not is_shown:
            tap(*unseen[0])
            unseen.popleft()

    def _perform(self) -> None:
        """Do what has been ordered, and what comes of that."""
        if self._busy:
            return
        backlog, outbox = self._backlog, self._outbox
        senders, others, datagrams = self._senders, self._performers, self._datagrams
        self._busy = True
        try:
            while backlog or outbox:
                while backlog:
                    at, actions = backlog.popleft()
                    for action in actions:
                        if type(action) is Send:  # most are, or start timers
                            senders[action.endpoint](action)
                        else:
                            others[type(action)](at, action)
                for order in outbox:
                    datagrams[order.endpoint](order)
                outbox.clear()
        finally:
            self._busy = False
        if self._journal is not None and self._journal.write():
            self._turn_page(self._journal)

    def _turn_page(self, journal: Recorder) -> None:
        """Let the journal go on in another file; who has the old one can foretell no more."""
        at, seed = self._now(), secrets.token_bytes(32)
        order = Administered(at, Rekey(seed))
        self.state, actions = self._engine.step(self.state, order)
        journal.go_on(self._engine, seed, at, self.state)
        self._catch_up(journal)
        if self._tap is not None:
            self._show(self._tap, [(order, actions)])

    def _catch_up(self, journal: Recorder) -> None:
        """Have the journal write on, though nothing may happen."""
        journal.write()
        if journal.is_behind:
            self._loop.later(self._now(), partial(self._catch_up, journal))

    def _open_flow(self, _at: float, order: OpenFlow) -> None:
        self._connections.open(order)

    def _close_flow(self, _at: float, order: CloseFlow) -> None:
        self._connections.close(order)

    def _start_timer(self, at: float, order: StartTimer) -> None:
        due = at + order.after
        self._agenda.start(order.timer, due)
        if due < self._rings_at:
            self._rings_at = due
            self._wake_at(due)

    def _stop_timer(self, _at: float, order: StopTimer) -> None:
        self._agenda.stop(order.timer)  # the alarm may ring for nothing, once

    def _ring(self) -> float:
        self._rings_at = -math.inf  # until we know ourselves
        for timer in self._agenda.pop_due(self._now()):
            self._take(TimerFired(self._now(), timer))
        self._perform()
        due = self._agenda.next_due()
        self._rings_at = math.inf if due is None else due
        return self._rings_at

    def _query_dns(self, _at: float, order: QueryDns) -> None:
        answered = partial(self._answered, order.query)
        self._questions[order.query] = self._resolver.ask(order.name, order.type, answered)

    def _answered(self, query: int, answer: Answer) -> None:
        del self._questions[query]
        self._feed(DnsAnswered(self._now(), query, answer))

    def _stop_dns(self, _at: float, order: StopDns) -> None:
        stop = self._questions.pop(order.query, None)
        if stop is not None:
            stop()

    def _consult(self, at: float, order: Consult) -> None:
        if self._on_consult is not None:
            work = partial(self._find_out, order, self._on_consult)
            self._loop.spawn(work, until=at + order.within)

    async def _find_out(
        self, order: Consult, answerer: Callable[[object], Awaitable[object]]
    ) -> None:
        answer = await answerer(order.data)
        if self._is_open:  # else it was not to be cancelled
            self._feed(Consulted(self._now(), order.question, answer))

    def _deliver(self, _at: float, order: Deliver) -> None:
        if self._on_deliver is not None:
            self._on_deliver(order)

    def _report(self, _at: float, order: Report) -> None:
        self._report_anything(order)

    def _report_anything(self, order: Report) -> None:
        if self._on_report is not None:
            self._on_report(order)

    def _report_trouble(self, endpoint: str, text: str) -> None:
        self._report_anything(Report("transport", endpoint, text))


async def _raise(error: BaseException) -> None:
    raise error
