"""A journal: what the seven events of a call cost to write, and calls in flight in a state.

The baseline is the core's own, a plain split of the call's INVITE: seven of them, one an event.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

import sansip
import traffic
from benching import Benchmark, Count, pair
from journals import head_of
from sansip.journal import BODY, CREDENTIALS, Writer
from sansip.journal.codec import Codec
from sansip.journal.redaction import Redaction
from sansip.journal.states import States
from stage import ToName
from traffic import Line, plain_split

EVENTS = 7  # of a call
BUDGET = 5.5  # plain splits of a 708-byte INVITE
SECONDS = EVENTS * 15e-6
IN_FLIGHT = 10_000
STATE_BUDGET = 80.0  # the same, for a call in flight
STATE_BYTES = 6_500
ALL = (*CREDENTIALS, BODY)


@dataclass(frozen=True)
class Kind:
    redacted: tuple[str, ...]


KINDS = {
    "writing a call's seven events": Kind(()),
    "the same, redacted": Kind(ALL),
}


def steps_of_a_call(line: Line) -> list[tuple[sansip.Event, tuple[sansip.Action, ...]]]:
    """Its events, and what came of each."""
    (events,) = line.record(1, Line.call)
    state = line.base.freeze()
    steps: list[tuple[sansip.Event, tuple[sansip.Action, ...]]] = []
    for event in events:
        state, actions = line.engine.step(state, event)
        steps.append((event, actions))
    return steps


@pytest.mark.parametrize("kind", [pair(*row) for row in KINDS.items()], scope="class")
class TestWriting:
    def test_events(self, benchmark: Benchmark, kind: Kind) -> None:
        benchmark.extra_info["budget"] = BUDGET
        benchmark.extra_info["seconds"] = SECONDS
        line = Line(ToName())
        steps = steps_of_a_call(line)
        assert len(steps) == EVENTS
        writer = Writer(len, head_of(line.engine.config, redacted=kind.redacted))

        def write() -> None:
            for event, actions in steps:
                writer.event(event, actions)

        benchmark(write)

    def test_seven_splits(self, benchmark: Benchmark, kind: Kind) -> None:
        invite = traffic.invite(1, traffic.TO_ADDRESS)

        def split() -> None:
            for _ in range(EVENTS):
                plain_split(invite)

        benchmark(split)


def in_flight(number: int) -> sansip.State:
    """A state in which so many calls ring."""
    line = Line(ToName())
    line.record(number, Line.ring)
    return line.state.freeze()


KINDS_OF_STATE = {
    "writing a call in flight": Kind(()),
    "a call in flight, redacted": Kind(ALL),
}


@pytest.mark.parametrize("kind", [pair(*row) for row in KINDS_OF_STATE.items()], scope="class")
class TestState:
    def test_state(self, benchmark: Benchmark, kind: Kind) -> None:
        """One that is alone; how much it is for many stands below."""
        benchmark.extra_info["budget"] = STATE_BUDGET
        state, states, redaction = in_flight(1), States(Codec()), Redaction(kind.redacted)

        def write() -> None:
            for _ in states.lines(redaction.state(state) if kind.redacted else state):
                pass

        benchmark(write)

    def test_one_split(self, benchmark: Benchmark, kind: Kind) -> None:
        benchmark(plain_split, traffic.invite(1, traffic.TO_ADDRESS))


def test_bytes_of_calls_in_flight(
    scaled: Callable[[int], int], record_property: Callable[[str, object], None]
) -> None:
    number, states = scaled(IN_FLIGHT), States(Codec())
    state = in_flight(number)
    size = sum([len(line) + 1 for line in states.lines(state)])
    record_property("count", Count("a call in flight, in a file", size / number, " B", STATE_BYTES))
    some = in_flight(3)
    assert states.read(map(json.loads, states.lines(some))) == some
