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
from typing import Final

from sansip.address import Address
from sansip.errors import LocalProtocolError
from sansip.explore.hosts import Asked, Hosts, Stepped, Unreachable
from sansip.explore.parties import Caller, Datagram, Gateway, Was, at, due
from sansip.explore.scenario import ANSWERS, Call, Faults, Scenario
from sansip.message import Request
from sansip.simulate.names import Names
from sansip.value import value

Thing = Datagram | Unreachable | Asked
Config = tuple[int, int, tuple[int, ...], tuple[int, ...]]  # situation, faults, flights, parties
Note = tuple[str, int]  # what went wrong with what
Way = tuple[str, int, int, tuple[Note, ...]]  # what happens, to or with what, and what goes wrong
Left = tuple[int, int, int, int, int, int, int]  # faults

LOST: Final = "lost"
LATE: Final = "late"
COPIED: Final = "copied"
REFUSED: Final = "refused"
DNS: Final = "dns"
UNANSWERED: Final = "unanswered"
KINDS: Final = (LOST, LATE, COPIED, "unavailable", REFUSED, "silent", DNS)

ARRIVES: Final = "arrives"
FIRES: Final = "fires"
SAYS_AGAIN: Final = "says again"
ACTS: Final = "acts"
PASSES: Final = "passes"
BEGINS: Final = "begins"


@value
class Flight:
    """Something on its way: ``life`` is how many seconds it may still take; None: it is prompt."""

    what: Thing
    life: float | None = None
    fresh: bool = False  # late, and no time has passed yet


class Space:
    """Where one gets from a configuration; see the module."""

    def __init__(self, scenario: Scenario, *, merge: bool = True) -> None:
        """``merge``: see ``Hosts``."""
        engine = scenario.engine
        names = Names()
        names.load(scenario.zone, scenario.origin)
        self.hosts = Hosts(engine, names, merge=merge)
        timing = engine.config.timing
        self._t4 = timing.t4
        proxy = next(iter(self.hosts.places))
        self.parties: list[Caller | Gateway] = [
            Caller(number, at(call.source), call.uri, proxy, timing, call.headers, may_cancel=call.cancel)
            for number, call in enumerate(calls_of(scenario), 1)
        ]
        for place, answers in gateways_of(scenario, names, self.parties).items():
            self.parties.append(Gateway(place, answers, timing))
        self._at = {party.address: number for number, party in enumerate(self.parties)}
        self._flights: dict[Flight, int] = {}
        self.flights: list[Flight] = []
        self._states: list[dict[Was, int]] = [{} for _ in self.parties]
        self.states: list[list[Was]] = [[] for _ in self.parties]
        self._left: dict[Left, int] = {}
        self.left: list[Left] = []
        self._steps: dict[tuple[int, int], Stepped] = {}
        self._aged: dict[tuple[int, float], int] = {}
        self._taken: dict[tuple[int, int, int, str], tuple[int, tuple[int, ...]]] = {}

    # --- numbers for values

    def flight(self, flight: Flight) -> int:
        number = self._flights.setdefault(flight, len(self.flights))
        if number == len(self.flights):
            self.flights.append(flight)
        return number

    def _state(self, party: int, state: Was) -> int:
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
        left = (
            faults.lost, faults.late, faults.copied, faults.unavailable,
            faults.refused, faults.silent, faults.dns,
        )  # fmt: skip
        stepped = self.hosts.begin()
        states = tuple(
            [self._state(number, party.begin()) for number, party in enumerate(self.parties)]
        )
        pending = self._orders(stepped)
        spread = self._spread(stepped.situation, left, (), states, pending, ())
        return stepped, next(iter(spread))[0]

    # --- where one gets

    def ways(self, config: Config) -> Iterator[tuple[Way, Config, Stepped | None]]:
        """All that can happen next, and what comes of it; what the engine did, if it did."""
        situation, faults, flights, parties = config
        left = self.left[faults]
        hosts = self.hosts
        waits = True
        for place, number in enumerate(flights):
            if place and flights[place - 1] == number:
                continue
            flight = self.flights[number]
            if flight.fresh:
                continue
            if flight.life is None or flight.life <= 0:
                waits = False
            others = flights[:place] + flights[place + 1 :]
            what = flight.what
            if isinstance(what, Datagram) and what.to in self._at:
                for state, sent, after, notes in self._received(parties, left, number):
                    for new, noted in self._spread(situation, after, others, state, sent, notes):
                        yield (ARRIVES, number, 0, noted), new, None
            else:
                stepped = self._stepped(situation, number)
                yield from self._after(
                    (ARRIVES, number), stepped, left, self._without(others, stepped), parties
                )
        for which, seconds in enumerate(hosts.due(situation)):
            if seconds > 0:
                break
            waits = False
            stepped = self._stepped(situation, -1 - which)
            yield from self._after(
                (FIRES, which), stepped, left, self._without(flights, stepped), parties
            )
        for party, (who, number) in enumerate(zip(self.parties, parties, strict=True)):
            state = self.states[party][number]
            if due(state) <= 0:
                waits = False
                new_state, sent = self._turned(party, number, -1, "")
                states = _put(parties, party, new_state)
                for new, noted in self._spread(situation, left, flights, states, sent, ()):
                    yield (SAYS_AGAIN, party, 0, noted), new, None
            for which, act in enumerate(who.acts(state)):
                new_state, sent = self._turned(party, number, -2, act)
                states = _put(parties, party, new_state)
                for new, noted in self._spread(situation, left, flights, states, sent, ()):
                    yield (ACTS, party, which, noted), new, None
        if waits:
            seconds = self._next(config)
            if seconds < inf:
                yield (PASSES, 0, 0, ()), self._later(config, seconds), None

    def is_over(self, config: Config) -> bool:
        """Whether nothing has to happen any more, though somebody may still do something."""
        return not config[2] and self._next(config) == inf

    def _after(
        self,
        what: tuple[str, int],
        stepped: Stepped,
        left: Left,
        flights: tuple[int, ...],
        parties: tuple[int, ...],
    ) -> Iterator[tuple[Way, Config, Stepped | None]]:
        pending = self._orders(stepped)
        for new, noted in self._spread(
            stepped.situation, left, flights, parties, pending, ()
        ):
            yield (*what, 0, noted), new, stepped

    def _orders(self, stepped: Stepped) -> tuple[int, ...]:
        things: list[Thing] = [*stepped.sent, *map(Asked, stepped.asked)]
        return tuple([self.flight(Flight(thing)) for thing in things])

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
        """What the engine does about something on its way, or about a timer if it is negative."""
        key = situation, what
        known = self._steps.get(key)
        if known is None:
            if what < 0:
                known = self.hosts.fires(situation, -1 - what)
            else:
                thing = self.flights[what].what
                known = self.hosts.takes(situation, thing)
            self._steps[key] = known
        return known

    def _turned(self, party: int, state: int, what: int, how: str) -> tuple[int, tuple[int, ...]]:
        """What a party does about something: -1, it says something again; -2, an act."""
        key = party, state, what, how
        known = self._taken.get(key)
        if known is None:
            who, was = self.parties[party], self.states[party][state]
            if what == -1:
                new, sent = who.fires(was)
            elif what == -2:
                new, sent = who.act(was, how)
            else:
                packet = self.flights[what].what
                new, sent = who.takes(was, packet, how)
            numbers = tuple([self.flight(Flight(each)) for each in sent])
            known = self._taken[key] = self._state(party, new), numbers
        return known

    def _received(
        self, parties: tuple[int, ...], left: Left, number: int
    ) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], Left, tuple[Note, ...]]]:
        """What a party may do about a packet: what it should, or what goes wrong with it."""
        packet = self.flights[number].what
        party = self._at[packet.to]
        who, state = self.parties[party], self.states[party][parties[party]]
        if isinstance(who, Gateway) and state.gone:
            yield parties, self._unreachable(packet), left, ()
            return
        new, sent = self._turned(party, parties[party], number, "")
        yield _put(parties, party, new), sent, left, ()
        if isinstance(who, Gateway) and any(left[3:6]):
            for fault in who.faults(state, packet):
                kind = KINDS.index(fault)
                if left[kind]:
                    after = _less(left, kind)
                    if fault == REFUSED:
                        gone = self._state(party, type(state)(gone=True))
                        states, sent = _put(parties, party, gone), self._unreachable(packet)
                    else:
                        new, sent = self._turned(party, parties[party], number, fault)
                        states = _put(parties, party, new)
                    yield states, sent, after, ((fault, number),)

    def _unreachable(self, packet: Datagram) -> tuple[int, ...]:
        if packet.source not in self.hosts.places:
            return ()
        return (self.flight(Flight(Unreachable(packet))),)

    def _spread(  # noqa: PLR0913
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
            config = situation, self._faults(left), tuple(sorted(flights)), parties
            yield config, notes
            return
        number, rest = pending[0], pending[1:]
        what = self.flights[number].what
        if isinstance(what, Datagram) and what.to in self._at:
            for states, sent, after, noted in self._received(parties, left, number):
                yield from self._spread(
                    situation, after, flights, states, rest + sent, notes + noted
                )
                if left[2] and not noted:
                    yield from self._spread(
                        situation, _less(after, 2), (*flights, number), states, rest + sent,
                        (*notes, (COPIED, number)),
                    )  # fmt: skip
        elif isinstance(what, Datagram) and what.to not in self.hosts.places:
            yield from self._spread(situation, left, flights, parties, rest, notes)
            return
        else:
            yield from self._spread(situation, left, (*flights, number), parties, rest, notes)
            if left[2] and isinstance(what, Datagram):
                yield from self._spread(
                    situation, _less(left, 2), (*flights, number, number), parties, rest,
                    (*notes, (COPIED, number)),
                )  # fmt: skip
        if left[6] and isinstance(what, Asked):
            failed = self.flight(Flight(Asked(what.question, fails=True)))
            less, noted = _less(left, 6), (*notes, (DNS, number))
            yield from self._spread(situation, less, (*flights, failed), parties, rest, noted)
            noted = (*notes, (UNANSWERED, number))
            yield from self._spread(situation, less, flights, parties, rest, noted)
        elif left[0] and not isinstance(what, Asked):
            less, noted = _less(left, 0), (*notes, (LOST, number))
            yield from self._spread(situation, less, flights, parties, rest, noted)
        if left[1]:
            slow = self.flight(Flight(what, self._t4, fresh=True))
            less, noted = _less(left, 1), (*notes, (LATE, number))
            yield from self._spread(situation, less, (*flights, slow), parties, rest, noted)

    # --- time

    def _next(self, config: Config) -> float:
        """In how many seconds something has to happen."""
        situation, _, flights, parties = config
        dues = self.hosts.due(situation)
        seconds = dues[0] if dues else inf
        for party, number in enumerate(parties):
            seconds = min(seconds, due(self.states[party][number]))
        for number in flights:
            life = self.flights[number].life
            if life is not None:
                seconds = min(seconds, life)
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
            slow.append(self.flight(Flight(flight.what, (flight.life or 0.0) - seconds)))
        states = [
            self._state(party, self.parties[party].later(self.states[party][number], seconds))
            for party, number in enumerate(parties)
        ]
        return aged, faults, tuple(sorted(slow)), tuple(states)


def calls_of(scenario: Scenario) -> tuple[Call, ...]:
    """The calls, each as such."""
    return tuple([Call(each) if isinstance(each, str) else each for each in scenario.calls])


def gateways_of(
    scenario: Scenario, names: Names, callers: list[Caller | Gateway]
) -> dict[Address, tuple[int, ...]]:
    """Who there is to be called: as the scenario says, or wherever the calls may lead."""
    if scenario.gateways is not None:
        return {at(place): answers for place, answers in scenario.gateways.items()}
    engine = scenario.engine
    state, _ = engine.start(bytes(32), 0.0)
    found: dict[Address, tuple[int, ...]] = {}
    for caller in callers:
        answers: dict[object, object] = {}
        request: Request = caller.invite
        while True:
            plan = engine.plan(state, request, at=0.0, source=caller.address, answers=answers)
            if not plan.questions:
                break
            for question in plan.questions:
                answers[question] = names.answer(question.name, question.type)
        found |= {step.hop.address: ANSWERS for step in plan.steps if not step.refused}
    if not found:
        raise LocalProtocolError("the calls lead nowhere")
    return found


def _put(parties: tuple[int, ...], party: int, state: int) -> tuple[int, ...]:
    return (*parties[:party], state, *parties[party + 1 :])


def _less(left: Left, kind: int) -> Left:
    return (*left[:kind], left[kind] - 1, *left[kind + 1 :])
