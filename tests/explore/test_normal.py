"""When two states are the same: what is an instant, and what a serial number."""

import dataclasses
import typing
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exploring import to_name
from sansip.address import Address
from sansip.dispatch import Health
from sansip.dns import Question
from sansip.engine.actions import Timer
from sansip.engine.fleet import Fleet, Place
from sansip.engine.state import ClientTransaction, Link, State
from sansip.explore import Faults
from sansip.explore.hosts import Hosts, Situation, Stepped
from sansip.explore.normal import CLASSES, Normal
from sansip.explore.scenario import SEED
from sansip.explore.space import Config, Space
from sansip.explore.words import words
from sansip.proxy.vocabulary import Target
from sansip.simulate.names import Names
from sansip.simulate.promises import Promises
from sansip.table import Table
from sansip.transaction import TimerName, invite_client


def parts(hint: object) -> Iterator[object]:
    yield hint
    if typing.get_origin(hint) is not typing.Literal:
        for part in typing.get_args(hint):
            yield from parts(part)


def numbers_in(cls: type, seen: dict[type, set[str]]) -> None:
    """Find the fields with numbers in them of all that a value may hold."""
    if cls in seen or not dataclasses.is_dataclass(cls):
        return
    fields = seen[cls] = set[str]()
    for name, hint in typing.get_type_hints(cls).items():
        inner = list(parts(hint))
        if int in inner or float in inner:
            fields.add(name)
        for part in inner:
            if isinstance(part, type):
                numbers_in(part, seen)


def test_every_number_in_a_state_is_an_instant_a_serial_number_or_neither() -> None:
    found: dict[type, set[str]] = {}
    numbers_in(State, found)
    for cls, fields in found.items():
        assert fields <= set(CLASSES.get(cls, ())), cls
    for cls, hows in CLASSES.items():
        assert cls in found, cls
        assert set(hows) <= {field.name for field in dataclasses.fields(cls)}, cls


# --- a state at another time, and with other numbers, goes the same way


class Elsewhere(Hosts):
    """The same engine, started later; and its numbers are others from the first call on."""

    STARTED = 4096.0

    def begin(self) -> Stepped:
        state, _ = self.engine.start(SEED, self.STARTED)
        promises = Promises(self.engine.config.timing)
        return Stepped(self.keep(Situation(state, self.STARTED, (), promises)))

    def keep(self, situation: Situation) -> int:
        state = situation.state
        if len(state.contexts):  # what its number is is in the names of its branches
            state = dataclasses.replace(state, serial=state.serial + 7)
        here = Situation(state, situation.now, situation.running, situation.promises)
        return super().keep(here)


def digest(hosts: Hosts, number: int) -> bytes:
    situation = hosts.situation(number)
    now = situation.now
    running = tuple([(due - now, timer) for due, timer in situation.running])
    return Normal().digest((situation.state, running), now)


SCENARIO = to_name(Faults(lost=1, dns=1, unavailable=1, silent=1, refused=1))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 1000), max_size=60))
def test_a_state_that_is_shifted_and_renamed_goes_the_same_way(choices: list[int]) -> None:
    one, other = Space(SCENARIO, merge=False), Space(SCENARIO, merge=False)
    names = Names()
    names.load(SCENARIO.zone, SCENARIO.origin)
    other.hosts = Elsewhere(SCENARIO.engine, names, merge=False)
    _, here = one.begin(SCENARIO.faults)
    _, there = other.begin(SCENARIO.faults)
    for choice in choices:
        ways, same = list(one.ways(here)), list(other.ways(there))
        assert [words(one, here, w) for w, _, _ in ways] == [
            words(other, there, w) for w, _, _ in same
        ]
        if not ways:
            break
        here, there = ways[choice % len(ways)][1], same[choice % len(ways)][1]
        assert digest(one.hosts, here[0]) == digest(other.hosts, there[0])


def test_what_is_the_same_goes_the_same_way() -> None:
    """All that follows from two situations that have been taken for one is one, too."""
    merged, real = Space(SCENARIO), Space(SCENARIO, merge=False)
    _, here = merged.begin(SCENARIO.faults)
    _, there = real.begin(SCENARIO.faults)
    pairs: list[tuple[Config, Config]] = [(here, there)]
    seen: set[bytes] = set()
    for here, there in pairs:  # grows while it is walked through
        ways, same = list(merged.ways(here)), list(real.ways(there))
        assert [words(merged, here, w) for w, _, _ in ways] == [
            words(real, there, w) for w, _, _ in same
        ]
        for (_, one, _), (_, two, _) in zip(ways, same, strict=True):
            assert digest(merged.hosts, one[0]) == digest(real.hosts, two[0])
            mark = digest(real.hosts, two[0])
            if mark not in seen and len(pairs) < 200:
                seen.add(mark)
                pairs.append((one, two))


# --- field by field

PLACE = Place("udp:192.0.2.10:5060", "udp", Address("203.0.113.1", 5060))


def same(one: object, now: float, other: object, then: float) -> bool:
    return Normal().digest(one, now) == Normal().digest(other, then)


def client(due: float, serial: int, timer: TimerName | None = "A") -> ClientTransaction:
    state, remote = invite_client.Calling(0.5), Address("203.0.113.1", 5060)
    return ClientTransaction(True, b"", state, "e", remote, "c", 0, timer, due, serial)


@pytest.mark.parametrize(
    ("one", "now", "other", "then", "equal"),
    [
        (client(3.0, 5), 1.0, client(9.0, 70), 7.0, True),
        (client(3.0, 5), 1.0, client(9.5, 70), 7.0, False),
        (client(0.0, 0, None), 1.0, client(0.0, 0, None), 7.0, True),  # none runs
        ((client(3.0, 5), client(3.0, 5)), 1.0, (client(3.0, 5), client(3.0, 6)), 1.0, False),
        (Timer("a", "A", 5), 0.0, Timer("a", "A", 6), 0.0, True),
        (Timer("a", "A", 5), 0.0, Timer("a", "B", 5), 0.0, False),
        (Health(until=5.0, since=1.0), 2.0, Health(until=9.0), 4.0, True),  # it is well
        (Health(needed=1, until=5.0), 2.0, Health(needed=1, until=9.0), 4.0, False),
        (Health(barred=5.0), 2.0, Health(barred=7.0), 4.0, True),
        (
            Fleet((), spoke=Table({PLACE: 1.0})),
            2.0,
            Fleet((), spoke=Table({PLACE: 4.0})),
            5.0,
            True,
        ),
        (
            Fleet((), spoke=Table({PLACE: 1.0})),
            2.0,
            Fleet((), spoke=Table({PLACE: 4.0})),
            6.0,
            False,
        ),
        (Target("a", "b"), 0.0, Target("a", "b"), 5.0, True),
        (Target("a", "b"), 0.0, Question("a", "b"), 0.0, False),
        (None, 0.0, None, 1.0, True),
    ],
)
def test_values_are_the_same_at_their_times(
    one: object, now: float, other: object, then: float, *, equal: bool
) -> None:
    assert same(one, now, other, then) is equal


def test_connections_are_told_by_the_order_in_which_they_are_met() -> None:
    link = Link("tcp:192.0.2.10:5060", Address("203.0.113.1", 5060))
    start, _ = to_name().engine.start(SEED, 0.0)
    one = dataclasses.replace(start, links=Table({link: -4}))
    other = dataclasses.replace(start, links=Table({link: -9}))
    assert same(one, 0.0, other, 0.0)
    assert not same(one, 0.0, start, 0.0)


def test_what_is_far_off_does_not_matter() -> None:
    assert same(client(5000.0, 1), 0.0, client(5000.0, 1), 7.0)
    assert not same(client(500.0, 1), 0.0, client(500.0, 1), 7.0)
