"""The engine in all the situations that it has come to, each under a number of its own.

A situation is the engine's state with the timers that run, and what it has promised. Two that
cannot be told apart, whatever follows (``normal``), are one: from then on the first of them stands
for both.
"""

from math import inf
from typing import Final, assert_never

from sansip.address import Address
from sansip.dns import Answer, Failure, Question
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
from sansip.engine.engine import Engine
from sansip.engine.events import (
    Consulted,
    DatagramReceived,
    DnsAnswered,
    Event,
    FlowClosed,
    SendFailed,
    TimerFired,
)
from sansip.engine.state import State
from sansip.errors import LocalProtocolError
from sansip.explore.normal import MICROSECOND, Normal
from sansip.explore.parties import Datagram
from sansip.explore.scenario import SEED
from sansip.message import Request, Response
from sansip.simulate.host import left, missed, place_of
from sansip.simulate.names import Names
from sansip.simulate.network import QUOTED, read
from sansip.simulate.promises import Broken, Promises
from sansip.value import value

Told = tuple[Event, tuple[Action, ...]]
Running = tuple[tuple[float, Timer], ...]

FAILED: Final = Failure("SERVFAIL")
_REFUSED: Final = "connection refused"
_UNREACHABLE: Final = "port unreachable"


@value
class Unreachable:
    """An ICMP error on its way to the engine, about what it has sent."""

    sent: Datagram


@value
class Asked:
    """A question on its way to DNS, and back with the answer; or with a failure."""

    question: Question
    fails: bool = False


@value(eq=False)
class Situation:
    """The engine at one time, the timers that run in the order in which they are due."""

    state: State
    now: float
    running: Running
    promises: Promises


@value
class Stepped:
    """What came of something that happened to the engine.

    ``broken`` is what is wrong with that; ``told`` the events and actions, if they are kept.
    """

    situation: int
    sent: tuple[Datagram, ...] = ()
    asked: tuple[Question, ...] = ()
    stopped: tuple[Question, ...] = ()
    broken: str = ""
    told: tuple[Told, ...] = ()


class Hosts:
    """All situations so far; with ``merge`` False each is one of its own, and what it did is kept.

    Without merging it is what really happens, from the one start: fit for a journal.
    """

    def __init__(self, engine: Engine, names: Names, *, merge: bool) -> None:
        """Nothing has happened yet."""
        self.engine = engine
        self.merge = merge
        self.ordered: tuple[Action, ...] = ()  # at its start
        self._names = names
        self._all: list[Situation] = []
        self._known: dict[bytes, int] = {}
        self._promised: dict[object, int] = {}
        self._normal = Normal()
        self._read: dict[bytes, Request | Response | None] = {}
        datagrams = [each for each in engine.config.endpoints if each.transport == "udp"]
        self.places: dict[Address, str] = {place_of(each): each.name for each in datagrams}
        if not self.places:
            raise LocalProtocolError(
                "only datagrams are explored, and the engine has no UDP endpoint"
            )
        self._from = {name: place for place, name in self.places.items()}

    def begin(self) -> Stepped:
        """Start it at time 0."""
        state, actions = self.engine.start(SEED, 0.0)
        self.ordered = actions
        promises = Promises(self.engine.config.timing)
        step = _Step(self, Situation(state, 0.0, (), promises))
        step.begin(actions)
        return step.stepped()

    def takes(self, number: int, what: Datagram | Unreachable | Asked) -> Stepped:
        """Something has come to it."""
        situation = self._all[number]
        step = _Step(self, situation)
        now = situation.now
        match what:
            case Datagram(source, to, data):
                message = self.read(data)
                if message is not None:
                    step.promises.came(message, now, source)
                step.take(DatagramReceived(now, self.places[to], source, to, data))
            case Unreachable(sent):
                endpoint, quoted = self.places[sent.source], sent.data[:QUOTED]
                step.take(SendFailed(now, endpoint, sent.to, _UNREACHABLE, None, quoted))
            case Asked(question, fails):
                query = situation.state.queries[question].number
                step.take(DnsAnswered(now, query, FAILED if fails else self._answer(question)))
            case _:
                assert_never(what)
        return step.stepped()

    def fires(self, number: int) -> Stepped:
        """The first of its timers has run out."""
        situation = self._all[number]
        step = _Step(self, situation)
        timer = situation.running[0][1]
        del step.running[timer.owner]
        step.take(TimerFired(situation.now, timer))
        return step.stepped()

    def later(self, number: int, seconds: float) -> int:
        """The same, so much later, if nothing happens."""
        was = self._all[number]
        return self.keep(Situation(was.state, was.now + seconds, was.running, was.promises))

    def situation(self, number: int) -> Situation:
        """The one of this number."""
        return self._all[number]

    def due(self, number: int) -> float:
        """In how many seconds the first of its timers is due."""
        situation = self._all[number]
        return situation.running[0][0] - situation.now if situation.running else inf

    def timer(self, number: int) -> Timer:
        """The first of its timers."""
        return self._all[number].running[0][1]

    def over(self, number: int) -> str:
        """What is wrong if nothing ever happens any more."""
        situation = self._all[number]
        try:
            situation.promises.over()
        except Broken as error:
            return str(error)
        held = left(situation.state)
        return f"all is over, and the engine still holds {held}" if held else ""

    def keep(self, situation: Situation) -> int:
        """Give a situation its number."""
        if not self.merge:
            self._all.append(situation)
            return len(self._all) - 1
        now = situation.now
        running = tuple(
            [(str(round(due - now, MICROSECOND)), each) for due, each in situation.running]
        )
        known = situation.promises.known(now)
        promised = self._promised.setdefault(known, len(self._promised))
        mark = self._normal.digest((situation.state, running, promised), now)
        number = self._known.setdefault(mark, len(self._all))
        if number == len(self._all):
            state = situation.state.freeze()  # it will be gone back to, again and again
            frozen = Situation(state, now, situation.running, situation.promises)
            self._all.append(frozen)
        return number

    def read(self, data: bytes) -> Request | Response | None:
        """What a packet says; there are few that differ."""
        if data not in self._read:
            self._read[data] = read(data)
        return self._read[data]

    def place(self, endpoint: str) -> Address:
        """Where an endpoint is."""
        return self._from[endpoint]

    def _answer(self, question: Question) -> Answer:
        return self._names.answer(question.name, question.type) or FAILED


class _Step:
    """One step of the engine: what it hears, and what it orders."""

    def __init__(self, hosts: Hosts, situation: Situation) -> None:
        self.hosts = hosts
        self.now = situation.now
        self.state = situation.state
        self.running = {timer.owner: (due, timer) for due, timer in situation.running}
        self.promises = situation.promises.copy()
        self.sent: list[Datagram] = []
        self.asked: list[Question] = []
        self.stopped: list[Question] = []
        self.told: list[Told] = []
        self.broken = ""
        self.questions = dict(situation.state.questions.items())

    def stepped(self) -> Stepped:
        """What came of it."""
        running = tuple(sorted(self.running.values(), key=_due))
        number = self.hosts.keep(Situation(self.state, self.now, running, self.promises))
        return Stepped(
            number,
            tuple(self.sent),
            tuple(self.asked),
            tuple(self.stopped),
            self.broken,
            () if self.hosts.merge else tuple(self.told),
        )

    def begin(self, actions: tuple[Action, ...]) -> None:
        """Do what it orders at its start."""
        try:
            self.perform(actions)
        except Broken as error:
            self.broken = str(error)

    def take(self, event: Event) -> None:
        """Step it, and do what it orders."""
        actions: tuple[Action, ...] = ()
        before = self.state
        try:
            self.state, actions = self.hosts.engine.step(self.state, event)
            self.told.append((event, actions))
            self.perform(actions)
            self.promises.settled()
            if isinstance(event, TimerFired):
                missed(event.timer, before, self.state, len(actions))
        except Broken as error:
            self.broken = self.broken or str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what was looked for
            self.told.append((event, ()))
            self.broken = self.broken or f"the engine raises {error!r}"

    def perform(self, actions: tuple[Action, ...]) -> None:  # noqa: C901 - an arm for each order
        """Do what it orders; nobody is there to be connected to, or to be asked."""
        more: list[Event] = []
        for action in actions:
            match action:
                case Send(_, endpoint, remote, _, data):
                    sent = Datagram(self.hosts.place(endpoint), remote, data)
                    message = self.hosts.read(data)
                    if message is not None:
                        self.promises.went(message, remote, self.now, data)
                    self.sent.append(sent)
                case StartTimer(timer, after):
                    self.running.pop(timer.owner, None)  # ties go by the order of starting
                    self.running[timer.owner] = (self.now + after, timer)
                case StopTimer(timer):
                    running = self.running.get(timer.owner)
                    if running is not None and running[1].serial == timer.serial:
                        del self.running[timer.owner]
                case QueryDns(query, name, kind):
                    question = Question(name, kind)
                    self.questions[query] = question
                    self.asked.append(question)
                case StopDns(query):
                    question = self.questions[query]
                    if question in self.asked:
                        self.asked.remove(question)
                    else:
                        self.stopped.append(question)
                case OpenFlow(flow):
                    more.append(FlowClosed(self.now, flow, _REFUSED))
                case Consult(question):
                    more.append(Consulted(self.now, question, None))
                case Deliver() | Report() | CloseFlow():
                    pass
                case _:
                    assert_never(action)
        for event in more:
            self.take(event)


def _due(pair: tuple[float, Timer]) -> float:
    return pair[0]
