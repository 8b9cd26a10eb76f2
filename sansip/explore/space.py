"""The space of all that can happen: configurations of a small world, and the ways from each.

A configuration is the engine's situation, what is on its way, how the parties are, and which faults
are left: numbers, each of which stands for a value that is kept once. So the same engine meets the
same packet once, however many configurations that is a way of, and all the rest is looked up.

What happens takes no time. A packet arrives, an answer of DNS comes, a timer that is due fires, a
party does something of its own accord: whatever is possible is tried, in every order. Only when
nothing is on its way and nothing is due does time pass, to what is due next. What is on its way to
a party gets there at once: its answer takes any way that a slower packet could have taken. What is
late comes at any time after time has passed, at the latest when T4 is over: no packet is in the
network for longer (RFC 3261 17.1.1.1).
"""

from collections.abc import Iterator
from math import inf
from typing import Final, cast

from sansip.address import Address
from sansip.explore.around import gateways_of, who_is_where
from sansip.explore.hosts import Asked, Hosts, Stepped, Unreachable
from sansip.explore.parties import (
    REFUSED,
    Datagram,
    Gateway,
    Party,
    again,
    caller,
    due,
    later,
)
from sansip.explore.scenario import Call, Faults, Scenario
from sansip.simulate.names import Names
from sansip.simulate.party import at
from sansip.value import value

Thing = Datagram | Unreachable | Asked
Config = tuple[int, int, tuple[int, ...], tuple[int, ...]]  # situation, faults, flights, parties
Note = tuple[str, int]  # what went wrong with what
Way = tuple[str, int, int, tuple[Note, ...]]  # what happens, to or with what, and what goes wrong
Step = tuple[Way, Config, Stepped | None]
Left = tuple[int, ...]  # faults: of each of the ``KINDS``, and in all

LOST: Final = "lost"
LATE: Final = "late"
COPIED: Final = "copied"
DNS: Final = "dns"
UNANSWERED: Final = "unanswered"
KINDS: Final = (LOST, LATE, COPIED, "unavailable", REFUSED, "silent", DNS)
_LOST, _LATE, _COPIED, _DNS = map(KINDS.index, (LOST, LATE, COPIED, DNS))

ARRIVES: Final = "arrives"
FIRES: Final = "fires"
SAYS_AGAIN: Final = "says again"
ACTS: Final = "acts"
PASSES: Final = "passes"
_TIMER: Final = -1
_AGAIN: Final = -2
_ACT: Final = -3


@value
class Flight:
    """Something on its way: ``life`` is how many seconds it may still take; None: it is prompt.

    What is prompt keeps its order between two places, unless it is loose.
    """

    what: Thing
    life: float | None = None
    loose: bool = False  # others may overtake it, and it others


class Space:
    """Where one gets from a configuration; see the module."""

    def __init__(self, scenario: Scenario, *, merge: bool = True) -> None:
        """``merge``: see ``Hosts``."""
        engine = scenario.engine
        names = Names()
        names.load(scenario.zone, scenario.origin)
        self.hosts: Hosts = Hosts(engine, names, merge=merge)
        timing = engine.config.timing
        self._t4 = timing.t4
        proxy = next(iter(self.hosts.places))
        calls = [Call(each) if isinstance(each, str) else each for each in scenario.calls]
        callers = [
            caller(number, call, at(call.source or f"198.51.100.{number}"), proxy, timing)
            for number, call in enumerate(calls, 1)
        ]
        gateways = gateways_of(scenario, names, callers)
        self.parties: tuple[Party, ...] = (
            *callers,
            *[Gateway(place, answers, timing) for place, answers in gateways.items()],
        )
        self._at: dict[Address, int] = who_is_where(self.parties, self.hosts.places)
        self._flights: dict[Flight, int] = {}
        self.flights: list[Flight] = []
        self._ways: dict[tuple[Address, Address], int] = {}
        self._links: list[int] = []  # of each flight: those of one keep their order
        self._states: list[dict[Party, int]] = [{} for _ in self.parties]
        self.states: list[list[Party]] = [[] for _ in self.parties]
        self._left: dict[Left, int] = {}
        self.left: list[Left] = []
        self._steps: dict[tuple[int, int], Stepped] = {}
        self._aged: dict[tuple[int, float], int] = {}
        self._turns: dict[tuple[int, int, int, str], tuple[int, tuple[int, ...]]] = {}

    def name_of(self, place: Address) -> str:
        """Who is there."""
        number = self._at.get(place)
        return "the engine" if number is None else self.parties[number].name

    # --- numbers for values

    def flight(self, flight: Flight) -> int:
        """The number of something on its way."""
        number = self._flights.setdefault(flight, len(self.flights))
        if number == len(self.flights):
            self.flights.append(flight)
            what, link = flight.what, -1 - number
            if isinstance(what, Datagram) and not flight.loose:
                way = what.source, what.to
                link = self._ways.setdefault(way, len(self._ways))
            self._links.append(link)
        return number

    def _state(self, party: int, state: Party) -> int:
        known, states = self._states[party], self.states[party]
        number = known.setdefault(state, len(states))
        if number == len(states):
            states.append(state)
        return number

    def _faults(self, left: Left) -> int:
        number = self._left.setdefault(left, len(self.left))
        if number == len(self.left):
            self.left.append(left)
        return number

    # --- where it begins

    def begin(self, faults: Faults) -> tuple[Stepped, Config]:
        """The first configuration."""
        each = tuple([getattr(faults, kind) for kind in KINDS])
        left = _bounded((*each, sum(each) if faults.most is None else faults.most))
        stepped = self.hosts.begin()
        states = tuple([self._state(number, party) for number, party in enumerate(self.parties)])
        pending = self._orders(stepped)
        spread = self._spread(stepped.situation, left, (), states, pending, ())
        return stepped, next(iter(spread))[0]

    # --- where one gets

    def ways(self, config: Config) -> Iterator[Step]:
        """All that can happen next, and what comes of it; what the engine did, if it did."""
        yield from self._arrivals(config)
        situation, faults, flights, parties = config
        soon = self._next(config)
        if soon <= 0 and self.hosts.due(situation) <= 0:
            stepped = self._stepped(situation, _TIMER)
            left, others = self.left[faults], self._without(flights, stepped)
            yield from self._after((FIRES, 0), stepped, left, others, parties)
        for party, number in enumerate(parties):
            state = self.states[party][number]
            if due(state) <= 0:
                yield from self._party(config, (SAYS_AGAIN, party, 0), _AGAIN, "")
            for which, act in enumerate(state.acts()):
                yield from self._party(config, (ACTS, party, which), _ACT, act)
        if 0 < soon < inf:
            yield (PASSES, 0, 0, ()), self._later(config, soon), None

    def is_over(self, config: Config) -> bool:
        """Whether nothing has to happen any more, though somebody may still do something."""
        return self._next(config) == inf

    def _arrivals(self, config: Config) -> Iterator[Step]:
        """Whatever may get there next."""
        situation, faults, flights, parties = config
        left = self.left[faults]
        before: int | None = None
        for place, number in enumerate(flights):
            link = self._links[number]
            if link == before:
                continue
            before = link
            others = flights[:place] + flights[place + 1 :]
            what = self.flights[number].what
            if isinstance(what, Datagram) and what.to in self._at:
                for states, sent, after, notes in self._received(parties, left, number):
                    for new, noted in self._spread(situation, after, others, states, sent, notes):
                        yield (ARRIVES, number, 0, noted), new, None
            else:
                stepped = self._stepped(situation, number)
                others = self._without(others, stepped)
                yield from self._after((ARRIVES, number), stepped, left, others, parties)

    def _party(
        self, config: Config, what: tuple[str, int, int], turn: int, how: str
    ) -> Iterator[Step]:
        situation, faults, flights, parties = config
        party = what[1]
        state, sent = self._turned(party, parties[party], turn, how)
        states, left = _put(parties, party, state), self.left[faults]
        for new, noted in self._spread(situation, left, flights, states, sent, ()):
            yield (*what, noted), new, None

    def _after(
        self,
        what: tuple[str, int],
        stepped: Stepped,
        left: Left,
        flights: tuple[int, ...],
        parties: tuple[int, ...],
    ) -> Iterator[Step]:
        pending = self._orders(stepped)
        for new, noted in self._spread(stepped.situation, left, flights, parties, pending, ()):
            yield (*what, 0, noted), new, stepped

    def _orders(self, stepped: Stepped) -> tuple[int, ...]:
        asked = tuple([self.flight(Flight(Asked(question))) for question in stepped.asked])
        return self._sent(stepped.sent) + asked

    def _sent(self, packets: tuple[Datagram, ...]) -> tuple[int, ...]:
        """Packets, but for those that go where nobody is."""
        known = self._at, self.hosts.places
        return tuple(
            [
                self.flight(Flight(each))
                for each in packets
                if any(each.to in some for some in known)
            ]
        )

    def _without(self, flights: tuple[int, ...], stepped: Stepped) -> tuple[int, ...]:
        """What is on its way, but for the answers that nobody waits for any more."""
        if not stepped.stopped:
            return flights
        kept: list[int] = []
        for number in flights:
            what = self.flights[number].what
            if not (isinstance(what, Asked) and what.question in stepped.stopped):
                kept.append(number)
        return tuple(kept)

    def _stepped(self, situation: int, what: int) -> Stepped:
        """What the engine does about something on its way, or about its first timer."""
        key = situation, what
        known = self._steps.get(key)
        if known is None:
            if what == _TIMER:
                known = self.hosts.fires(situation)
            else:
                thing = self.flights[what].what
                known = self.hosts.takes(situation, thing)
            self._steps[key] = known
        return known

    def _turned(self, party: int, state: int, what: int, how: str) -> tuple[int, tuple[int, ...]]:
        """What a party does about a packet; or when it says something again, or acts."""
        key = party, state, what, how
        known = self._turns.get(key)
        if known is None:
            was = self.states[party][state]
            if what == _AGAIN:
                new, sent = again(was)
            elif what == _ACT:
                new, sent = was.act(how)
            else:
                new, sent = was.takes(self._packet(what), how)
            known = self._turns[key] = self._state(party, new), self._sent(sent)
        return known

    def _packet(self, number: int) -> Datagram:
        return cast("Datagram", self.flights[number].what)

    def _received(
        self, parties: tuple[int, ...], left: Left, number: int
    ) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], Left, tuple[Note, ...]]]:
        """What a party may do about a packet: what it should, or what goes wrong with it."""
        packet = self._packet(number)
        party = self._at[packet.to]
        mine = parties[party]
        state = self.states[party][mine]
        if state.gone:
            yield parties, self._unreachable(packet), left, ()
            return
        new, sent = self._turned(party, mine, number, "")
        yield _put(parties, party, new), sent, left, ()
        if not any(left[_COPIED + 1 : _DNS]):
            return
        for fault in state.faults(packet):
            kind = KINDS.index(fault)
            if left[kind]:
                new, sent = self._turned(party, mine, number, fault)
                if fault == REFUSED:
                    sent = self._unreachable(packet)
                yield _put(parties, party, new), sent, _less(left, kind), ((fault, number),)

    def _unreachable(self, packet: Datagram) -> tuple[int, ...]:
        if packet.source not in self.hosts.places:
            return ()
        return (self.flight(Flight(Unreachable(packet))),)

    def _spread(
        self,
        situation: int,
        left: Left,
        flights: tuple[int, ...],
        parties: tuple[int, ...],
        pending: tuple[int, ...],
        notes: tuple[Note, ...],
    ) -> Iterator[tuple[Config, tuple[Note, ...]]]:
        """What has just been sent gets on its way, or there; with all that may go wrong."""
        if not pending:
            config = situation, self._faults(left), self._sorted(flights), parties
            yield config, notes
            return
        number, rest = pending[0], pending[1:]
        what = self.flights[number].what
        if isinstance(what, Datagram) and what.to in self._at:
            for states, sent, after, noted in self._received(parties, left, number):
                yield from self._spread(
                    situation, after, flights, states, rest + sent, notes + noted
                )
                if left[_COPIED] and not noted:
                    copy = self.flight(Flight(what, loose=True))
                    yield from self._spread(
                        situation, _less(after, _COPIED), (*flights, copy), states, rest + sent,
                        (*notes, (COPIED, number)),
                    )  # fmt: skip
        else:
            yield from self._spread(situation, left, (*flights, number), parties, rest, notes)
            if left[_COPIED] and isinstance(what, Datagram):
                copy = self.flight(Flight(what, loose=True))
                yield from self._spread(
                    situation, _less(left, _COPIED), (*flights, number, copy), parties, rest,
                    (*notes, (COPIED, number)),
                )  # fmt: skip
        if left[_DNS] and isinstance(what, Asked):
            failed = self.flight(Flight(Asked(what.question, fails=True)))
            less, noted = _less(left, _DNS), (*notes, (DNS, number))
            yield from self._spread(situation, less, (*flights, failed), parties, rest, noted)
            noted = (*notes, (UNANSWERED, number))
            yield from self._spread(situation, less, flights, parties, rest, noted)
        elif left[_LOST] and not isinstance(what, Asked):
            less, noted = _less(left, _LOST), (*notes, (LOST, number))
            yield from self._spread(situation, less, flights, parties, rest, noted)
        if left[_LATE]:
            slow = self.flight(Flight(what, self._t4, loose=True))
            less, noted = _less(left, _LATE), (*notes, (LATE, number))
            yield from self._spread(situation, less, (*flights, slow), parties, rest, noted)

    def _sorted(self, flights: tuple[int, ...]) -> tuple[int, ...]:
        """What is on its way, in an order that only tells what has to keep its order."""
        return tuple(sorted(flights, key=self._links.__getitem__)) if len(flights) > 1 else flights

    # --- time

    def _next(self, config: Config) -> float:
        """In how many seconds something has to happen; what is on its way does not wait."""
        situation, _, flights, parties = config
        seconds = self.hosts.due(situation)
        for party, number in enumerate(parties):
            seconds = min(seconds, due(self.states[party][number]))
        for number in flights:
            seconds = min(seconds, self.flights[number].life or 0.0)
        return seconds

    def _later(self, config: Config, seconds: float) -> Config:
        situation, faults, flights, parties = config
        key = situation, seconds
        aged = self._aged.get(key)
        if aged is None:
            aged = self._aged[key] = self.hosts.later(situation, seconds)
        slow: list[int] = []
        for number in flights:
            flight = self.flights[number]
            slow.append(
                self.flight(Flight(flight.what, (flight.life or 0.0) - seconds, loose=True))
            )
        states = [
            self._state(party, later(self.states[party][number], seconds))
            for party, number in enumerate(parties)
        ]
        return aged, faults, self._sorted(tuple(slow)), tuple(states)


def _put(parties: tuple[int, ...], party: int, state: int) -> tuple[int, ...]:
    return (*parties[:party], state, *parties[party + 1 :])


def _less(left: Left, kind: int) -> Left:
    return _bounded((*left[:kind], left[kind] - 1, *left[kind + 1 : -1], left[-1] - 1))


def _bounded(left: Left) -> Left:
    """Where none is left in all, none of any kind is."""
    return left if left[-1] > 0 else (0,) * len(left)
