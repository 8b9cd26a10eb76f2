"""An engine as a node: what comes is an event for it, what it orders is done.

A connection of the world (``connections``) is a flow of the engine: those that it opens have the
numbers that it gave them, those that others open are counted from one.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from operator import attrgetter, is_
from typing import Final, assert_never, cast

from sansip.address import Address
from sansip.dispatch import Group
from sansip.engine.actions import (
    Action,
    CloseFlow,
    Consult,
    Deliver,
    OpenFlow,
    QueryDns,
    Report,
    Send,
    StartTimer,
    StopDns,
    StopTimer,
    Timer,
)
from sansip.engine.config import Endpoint
from sansip.engine.engine import Engine
from sansip.engine.events import (
    Administered,
    DatagramReceived,
    DnsAnswered,
    Event,
    FlowClosed,
    FlowOpened,
    ReplaceGroups,
    SendFailed,
    StreamReceived,
)
from sansip.engine.events import TimerFired as Fired
from sansip.engine.hosts import is_ip
from sansip.engine.probes import OWNER as PROBE
from sansip.engine.state import State
from sansip.errors import LocalProtocolError
from sansip.journal import Head, Source, source_of
from sansip.simulate.connections import Broke, Connected, Dialled, End, Piece, Travelling
from sansip.simulate.network import (
    QUOTED,
    Again,
    Happening,
    Network,
    Node,
    Packet,
    Said,
    Unreachable,
    Wake,
    read,
)
from sansip.simulate.promises import Broken, Promises
from sansip.simulate.record import Record
from sansip.table import Table
from sansip.version import VERSION

Tell = Callable[[Event, tuple[Action, ...]], object]
Rarer = QueryDns | StopDns | Deliver | Consult | Report | OpenFlow | CloseFlow
Program = Callable[["Host", Deliver | Consult], object]

_NAMES: Final = tuple([each.name for each in fields(State)])
_fields: Final = attrgetter(*_NAMES)
_CLOSED: Final = "the connection is closed"
_OF_FLOWS: Final = ("flows", "links", "peers")  # tables
_UNREACHABLE: Final = "port unreachable"
_WILDCARDS: Final = ("0.0.0.0", "::")  # noqa: S104 - nothing is bound here


class Host(Node):
    """An engine that runs: its state, its timers, its endpoints at their addresses."""

    def __init__(
        self,
        name: str,
        engine: Engine,
        network: Network,
        *,
        program: Program | None = None,
        tell: Tell | None = None,
        policy: Source | None = None,
        journal: bool = False,
    ) -> None:
        """It starts when it joins the network.

        ``program`` is called with every ``Deliver`` and ``Consult``, and answers with ``submit``;
        ``tell`` with every event and what came of it. With ``journal`` all that is kept, for
        ``records``; ``policy`` is what a journal says about the policy, ``module:Class`` if it is
        not told.
        """
        found = [(place_of(endpoint), endpoint) for endpoint in engine.config.endpoints]
        super().__init__(network, name, dict.fromkeys([place for place, _ in found]))
        self._from = {endpoint.name: place for place, endpoint in found}
        streams = [(e.transport, place, e) for place, e in found if e.transport != "udp"]
        self._places = {place: e.name for place, e in found if e.transport == "udp"}
        self._accepts = {(kind, place): e.name for kind, place, e in streams}
        self.listening: tuple[tuple[str, Address], ...] = tuple(self._accepts)
        self.engine = engine
        self.program = program
        self.tell = tell
        self.starts: int = 0
        self.seed: bytes = b""
        self.started: float = 0.0
        self.promises: Promises
        self.state: State
        self.records: list[Record] = []  # one for each start
        self._policy = policy or source_of(engine)
        self._keeps = journal

    # --- its life

    def start(self) -> None:
        """Start, or start again after a crash: with nothing but the configuration."""
        super().start()
        self.starts += 1
        self.seed = self.network.draws(self.name).octets("seed", self.starts, 32)
        self.started = self.now
        self._running: dict[str, Timer] = {}
        self._flows: dict[int, tuple[str, End]] = {}  # with the names of their endpoints
        self._accepted = 0
        self.promises = Promises(self.engine.config.timing)
        self.state, actions = self.engine.start(self.seed, self.now)
        if self._keeps:
            config, policy = self.engine.config, self._policy
            head = Head(VERSION, self.seed, self.started, config, policy, ordered=actions)
            self.records.append(Record(head))
        self._perform(actions)

    def crash(self) -> None:
        """The process is gone, with its state and its timers; see ``Node``."""
        super().crash()
        self._running.clear()
        self._flows.clear()

    def left(self) -> dict[str, int]:
        """What its tables hold, and how much: nothing when all calls are over.

        Probes do not count: it is what would be left if no group were probed any more, and the
        transactions of probes had ended. Nor do connections that are really there.
        """
        state, groups = self.state, self.state.fleet.groups
        if self.is_probing:
            calm = [(name, Group(group.members, None, group.thresholds)) for name, group in groups]
            order = Administered(self.now, ReplaceGroups(tuple(calm)))
            state, _ = self.engine.step(state, order)  # nothing comes of it: nobody keeps it
            for key, record in state.client.items():
                if record.context.startswith(PROBE):
                    state = replace(state, client=state.client.without(key))
        found = left(state)
        if {flow for flow, _ in state.flows.items()} == self._flows.keys():
            found = {name: size for name, size in found.items() if name not in _OF_FLOWS}
        return found

    @property
    def is_probing(self) -> bool:
        """Whether it probes any group."""
        return any(group.probing for _, group in self.state.fleet.groups)

    # --- what happens to it

    def submit(self, event: Event) -> None:
        """The embedding program says something, at the time that the event has: now, or later."""
        if event.at < self.now:
            raise LocalProtocolError(f"{event!r} is in the past: it is {self.now} now")
        self.network.later(event.at, self, event)

    def happens(self, happening: Happening) -> None:
        """It happens now."""
        now = self.network.now
        if isinstance(happening, Packet):
            to = happening.to
            place = self._places.get(to)
            if place is None:
                self.network.refuse(self, happening)
            else:
                data = happening.data
                if happening.message is not None:
                    self.promises.came(happening.message, now, happening.source)
                self.step(DatagramReceived(now, place, happening.source, to, data))
        elif isinstance(happening, Timer):
            owner = happening.owner
            if self._running.get(owner) is happening:  # else it was stopped, or replaced
                del self._running[owner]
                self._fire(happening)
        elif isinstance(happening, Unreachable):
            packet = happening.packet
            endpoint, quoted = self._places[packet.source], packet.data[:QUOTED]
            self.step(SendFailed(now, endpoint, packet.to, _UNREACHABLE, None, quoted))
        elif isinstance(happening, Dialled | Connected | Piece | Broke):
            self._connection(happening)
        elif not isinstance(happening, Wake | Again):  # those are for parties
            self.step(happening)

    def _connection(self, happening: Travelling) -> None:
        now, end, connections = self.now, happening.end, self.network.connections
        if not end.is_there:
            return  # it was closed while this was on its way
        flow = end.number
        match happening:
            case Dialled():
                if connections.answer(end, self.names(end)):
                    self._accepted = end.number = flow = self._accepted + 1
                    name = self._accepts[end.transport, end.local]
                    self._flows[flow] = name, end
                    self.step(FlowOpened(now, flow, name, end.remote, end.local, end.names))
            case Connected():
                connections.connected(end)
                name = self._flows[flow][0]
                self.step(FlowOpened(now, flow, name, end.remote, end.local, end.names))
            case Piece(_, data, message):
                if message is not None:
                    self.promises.came(message, now, None)
                self.step(StreamReceived(now, flow, data))
            case Broke(_, reason):
                end.is_there = False
                self._gone(end)
                del self._flows[flow]
                self.step(FlowClosed(now, flow, reason))
            case _:
                assert_never(happening)

    def _gone(self, end: End) -> None:
        if not end.is_open:
            self.promises.unreached(end.remote)

    def _fire(self, timer: Timer) -> None:
        """A timer fires, and something has to come of it: else it had better been stopped."""
        before = self.state
        self.step(Fired(self.now, timer))
        missed(timer, before, self.state, self._ordered)

    def step(self, event: Event) -> None:
        """Give the engine an event of now, do what it orders, and see that it is good."""
        actions: tuple[Action, ...] = ()
        try:
            self.state, actions = self.engine.step(self.state, event)
            self._ordered = len(actions)
        finally:  # the last that a journal tells of may be what the engine failed at
            if self._keeps:
                self.records[-1].steps.append((event, actions))
        if self.tell is not None:
            self.tell(event, actions)
        self._perform(actions)
        self.promises.settled()

    def _perform(self, actions: tuple[Action, ...]) -> None:
        network = self.network
        for action in actions:
            if isinstance(action, Send):
                self._send(action)
            elif isinstance(action, StartTimer):
                timer = action.timer
                self._running[timer.owner] = timer
                network.later(network.now + action.after, self, timer)
            elif isinstance(action, StopTimer):
                owner = action.timer.owner
                running = self._running.get(owner)
                if running is not None and running.serial == action.timer.serial:
                    del self._running[owner]
            else:
                self._perform_rarer(action)

    def _perform_rarer(self, action: Rarer) -> None:
        network, now = self.network, self.now
        match action:
            case QueryDns(query, name, kind):
                answer = network.names.answer(name, kind)
                if answer is not None:
                    due = now + network.names.delay
                    network.later(due, self, DnsAnswered(due, query, answer))
            case Deliver() | Consult():
                if self.program is not None:
                    self.program(self, action)
            case Report():
                network.reports.append(Said(now, self.name, action))
            case OpenFlow(flow, endpoint, transport, remote):
                host = self._from[endpoint].host
                end = network.connections.open(self, transport, host, remote)
                end.number = flow
                self._flows[flow] = endpoint, end
            case CloseFlow(flow):
                if flow in self._flows:
                    _, end = self._flows.pop(flow)
                    self._gone(end)
                    network.connections.close(end)
            case StopDns():
                pass  # an answer nobody waits for does no harm
            case _:
                assert_never(action)

    def _send(self, send: Send) -> None:
        network, source = self.network, self._from[send.endpoint]
        message = read(send.data)
        if message is not None:
            self.promises.went(message, send.remote, network.now, send.data)
        if send.flow is None:
            network.send(self, Packet(source, send.remote, send.data, message))
        elif send.flow in self._flows:
            network.connections.send(self._flows[send.flow][1], send.data, message)
        else:
            name, now = send.endpoint, network.now
            failed = SendFailed(now, name, send.remote, _CLOSED, send.id, send.data)
            network.later(now, self, failed)


def missed(timer: Timer, before: State, after: State, ordered: int) -> None:
    """Raise ``Broken`` if a timer has fired, nothing was ordered, and nothing has changed."""
    if not ordered and all(map(is_, _fields(before), _fields(after))):
        raise Broken(f"timer {timer.name} of {timer.owner} fires, and nobody waits for it")


def left(state: State) -> dict[str, int]:
    """What the tables of a state hold that is to be gone when all is over, and how much."""
    things: dict[str, object] = dict(zip(_NAMES, _fields(state), strict=True))
    fleet = state.fleet
    things |= {"calls": fleet.calls, "loads": fleet.loads}
    things |= {"paths": fleet.watch.paths, "probes": fleet.watch.probes}
    sizes = {
        name: len(cast("Table[object, object]", thing))
        for name, thing in things.items()
        if isinstance(thing, Table)
    }
    sizes |= {"in_flight": state.in_flight, "bytes_in_flight": state.bytes_in_flight}
    return {name: size for name, size in sizes.items() if size}


def place_of(endpoint: Endpoint) -> Address:
    """Where an endpoint is in this world: where it listens, or else what it tells others."""
    bind = endpoint.bind
    wild = bind.host in _WILDCARDS or bind.port == 0
    place = endpoint.advertised if wild else bind
    if not is_ip(place.host):
        raise LocalProtocolError(f"endpoint {endpoint.name} needs an IP address to be simulated")
    return place
