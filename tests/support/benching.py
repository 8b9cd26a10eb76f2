"""The types of pytest-benchmark's fixture, which has none of its own, and the rows of our table.

The rows of one group are a pair: first the work, then its baseline, one right after the other.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import pytest

from traffic import Events, Line

ROUNDS, CALLS = 120, 10  # calls in a round: what comes now and then is in every round
RECORDED = ROUNDS * CALLS + 1  # pytest-benchmark ends with one more


class Benchmark(Protocol):
    """The ``benchmark`` fixture, as far as it is used here."""

    group: str
    extra_info: dict[str, object]

    def __call__(self, function: Callable[..., object], /, *arguments: object) -> object:
        """Measure for about a second."""
        ...

    def pedantic(
        self,
        target: Callable[..., object],
        args: tuple[object, ...] = (),
        *,
        setup: Callable[[], object] | None = None,
        teardown: Callable[..., object] | None = None,
        rounds: int,
        iterations: int = 1,
    ) -> object:
        """Measure so many rounds, with things done between them."""
        ...


class Count(NamedTuple):
    """What does not depend on the machine's speed; ``record_property("count", Count(...))``."""

    work: str
    amount: float
    unit: str
    budget: float


def pair(work: str, *arguments: Any) -> Any:  # noqa: ANN401 - as pytest.param has it
    """Parameters for the two tests of a group."""
    return pytest.param(*arguments, id=work, marks=pytest.mark.benchmark(group=work))


def replay(benchmark: Benchmark, line: Line, number: int, make: Callable[[Line], object]) -> None:
    """Measure recorded calls one by one, each in the state that the last one has left."""
    step, state = line.engine.step, line.state.freeze()
    calls = iter(line.record(number, make))

    def play(events: Events) -> None:
        nonlocal state
        for event in events:
            state, _ = step(state, event)

    benchmark.pedantic(lambda: play(next(calls)), rounds=ROUNDS, iterations=CALLS)
    for events in calls:  # when untimed
        play(events)
    assert state == line.state  # what was measured were the same calls
