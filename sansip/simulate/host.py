"""An engine as a node: what comes is an event for it, what it orders is done.

Only datagrams: a connection that it wants to open is refused, as where nobody listens.
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
    ReplaceGroups,
    SendFailed,
)
from sansip.engine.events import TimerFired as Fired
from sansip.engine.hosts import is_ip
from sansip.engine.probes import OWNER as PROBE
from sansip.engine.state import State
from sansip.errors import LocalProtocolError
from sansip.journal import Source
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
from sansip.simulate.record import Record, source_of
from sansip.table import Table

Tell = Callable[[Event, tuple[Action, ...]], object]
Rarer = QueryDns | StopDns | Deliver | Consult | Report | OpenFlow | CloseFlow
Program = Callable[["Host", Deliver | Consult], object]

_NAMES: Final = tuple([each.name for each in fields(State)])
_fields: Final = attrgetter(*_NAMES)
_REFUSED: Final = "connection refused"
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
        datagrams = [each for each in engine.config.endpoints if each.transport == "udp"]
        if not datagrams:
            raise LocalProtocolError(f"{name} has no udp endpoint; only datagrams are simulated")
        self._places = {place_of(endpoint): endpoint.name for endpoint in datagrams}
        super().__init__(network, name, self._places)
        self._from = {endpoint: place for place, endpoint in self._places.items()}
        self.engine = engine
        self.program = program
        self.tell = tell
        self.starts = 0
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
        if self._keeps:
            begun = Record(self.seed, self.started, self.engine.config, self._policy)
            self.records.append(begun)
        self.promises = Promises(self.engine.config.timing)
        self.state, actions = self.engine.start(self.seed, self.now)
        self._perform(actions)

    def crash(self) -> None:
        """The process is gone, with its state and its timers; see ``Node``."""
        super().crash()
        self._running.clear()

    def left(self) -> dict[str, int]:
        """What its tables hold, and how much: nothing when all calls are over.

        Probes do not count: it is what would be left if no group were probed any more, and the
        transactions of probes had ended.
        """
        state, groups = self.state, self.state.fleet.groups
        if self.is_probing:
            calm = [(name, Group(group.members, None, group.thresholds)) for name, group in groups]
            order = Administered(self.now, ReplaceGroups(tuple(calm)))
            state, _ = self.engine.step(state, order)  # nothing comes of it: nobody keeps it
            for key, record in state.client.items():
                if record.context.startswith(PROBE):
                    state = replace(state, client=state.client.without(key))
        return left(state)

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
            if happening.message is not None:
                self.promises.came(happening.message, now, happening.source)
            to = happening.to
            event = DatagramReceived(now, self._places[to], happening.source, to, happening.data)
            self.step(event)
        elif isinstance(happening, Timer):
            owner = happening.owner
            if self._running.get(owner) is happening:  # else it was stopped, or replaced
                del self._running[owner]
                self._fire(happening)
        elif isinstance(happening, Unreachable):
            packet = happening.packet
            endpoint, quoted = self._places[packet.source], packet.data[:QUOTED]
            self.step(SendFailed(now, endpoint, packet.to, _UNREACHABLE, None, quoted))
        elif not isinstance(happening, Wake | Again):  # those are for parties
            self.step(happening)

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
            case OpenFlow(flow):
                network.later(now, self, FlowClosed(now, flow, _REFUSED))
            case StopDns() | CloseFlow():
                pass  # an answer nobody waits for does no harm; and nothing is open
            case _:
                assert_never(action)

    def _send(self, send: Send) -> None:
        network, source = self.network, self._from[send.endpoint]
        message = read(send.data)
        if message is not None:
            self.promises.went(message, send.remote, network.now, send.data)
        network.send(self, Packet(source, send.remote, send.data, message))


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
