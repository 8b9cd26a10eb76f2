"""An engine as a node: what comes is an event for it, what it orders is done.

Only datagrams: a connection that it wants to open is refused, as where nobody listens.
"""

import dataclasses
from collections.abc import Callable
from typing import Final, assert_never, cast

from sansip.address import Address
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
from sansip.engine.events import DatagramReceived, DnsAnswered, Event, FlowClosed, SendFailed
from sansip.engine.events import TimerFired as Fired
from sansip.engine.hosts import is_ip
from sansip.engine.state import State
from sansip.errors import LocalProtocolError
from sansip.simulate.names import Names
from sansip.simulate.network import (
    QUOTED,
    Happening,
    Network,
    Node,
    Packet,
    Said,
    Unreachable,
    Wake,
    read,
)
from sansip.simulate.promises import Promises
from sansip.table import Table

Tell = Callable[[Event, tuple[Action, ...]], object]
Program = Callable[["Host", Deliver | Consult], object]

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
        names: Names,
        *,
        program: Program | None = None,
        tell: Tell | None = None,
    ) -> None:
        """It starts when it joins the network.

        ``program`` is called with every ``Deliver`` and ``Consult``, and answers with ``submit``;
        ``tell`` with every event and what came of it, for a journal.
        """
        datagrams = [each for each in engine.config.endpoints if each.transport == "udp"]
        if not datagrams:
            raise LocalProtocolError(f"{name} has no udp endpoint; only datagrams are simulated")
        self._places = {place_of(endpoint): endpoint.name for endpoint in datagrams}
        super().__init__(network, name, self._places)
        self._from = {endpoint: place for place, endpoint in self._places.items()}
        self.engine = engine
        self.names = names
        self.program = program
        self.tell = tell
        self.starts = 0

    # --- its life

    def start(self) -> None:
        """Start, or start again after a crash: with nothing but the configuration."""
        super().start()
        self.starts += 1
        self.seed = self.network.draws(self.name).octets("seed", self.starts, 32)
        self.started = self.now
        self._running: dict[str, Timer] = {}
        self.promises = Promises(self.engine.config.timing)
        self.state, actions = self.engine.start(self.seed, self.now)
        self._perform(actions)

    def crash(self) -> None:
        """The process is gone, with its state and its timers; see ``Node``."""
        super().crash()
        self._running.clear()

    def left(self) -> dict[str, int]:
        """What its tables hold, and how much: nothing when all calls are over."""
        return left(self.state)

    # --- what happens to it

    def submit(self, event: Event) -> None:
        """The embedding program says something, at the time that the event has: now, or later."""
        if event.at < self.now:
            raise LocalProtocolError(f"{event!r} is in the past: it is {self.now} now")
        self.network.later(event.at, self, event)

    def happens(self, happening: Happening) -> None:
        """It happens now."""
        now = self.now
        match happening:
            case Packet():
                if happening.message is not None:
                    self.promises.came(happening.message, now)
                endpoint = self._places[happening.to]
                source, to, data = happening.source, happening.to, happening.data
                self.step(DatagramReceived(now, endpoint, source, to, data))
            case Timer(owner):
                if self._running.get(owner) is happening:  # else it was stopped, or replaced
                    del self._running[owner]
                    self.step(Fired(now, happening))
            case Unreachable(packet):
                endpoint = self._places[packet.source]
                quoted = packet.data[:QUOTED]
                self.step(SendFailed(now, endpoint, packet.to, _UNREACHABLE, None, quoted))
            case Wake():
                pass  # those are for parties
            case _:
                self.step(happening)

    def step(self, event: Event) -> None:
        """Give the engine an event of now, do what it orders, and see that it is good."""
        self.state, actions = self.engine.step(self.state, event)
        if self.tell is not None:
            self.tell(event, actions)
        self._perform(actions)
        self.promises.settled()

    def _perform(self, actions: tuple[Action, ...]) -> None:  # noqa: C901 - an arm for each order
        network, now = self.network, self.now
        for action in actions:
            match action:
                case StartTimer(timer, after):
                    self._running[timer.owner] = timer
                    network.later(now + after, self, timer)
                case StopTimer(timer):
                    running = self._running.get(timer.owner)
                    if running is not None and running.serial == timer.serial:
                        del self._running[timer.owner]
                case Send():
                    self._send(action)
                case QueryDns(query, name, kind):
                    answer = self.names.answer(name, kind)
                    if answer is not None:
                        due = now + self.names.delay
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
        source = self._from[send.endpoint]
        message = read(send.data)
        if message is not None:
            self.promises.went(message, send.remote, self.now, send.data)
        self.network.send(self, Packet(source, send.remote, send.data, message))


def left(state: State) -> dict[str, int]:
    """What the tables of a state hold that is to be gone when all is over, and how much."""
    things: dict[str, object] = {
        each.name: getattr(state, each.name) for each in dataclasses.fields(state)
    }
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
