"""What the tests of the four machines share: a way to hold a whole machine against a table."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sansip.transaction import (
    Broke,
    Ended,
    Pass,
    PassAck,
    Start,
    Stop,
    TimedOut,
    Transmit,
    Unacknowledged,
)

Stepper = Callable[[Any, Any], tuple[Any, tuple[object, ...]]]
WORDS: dict[type[object], str] = {
    PassAck: "pass ACK",
    TimedOut: "timed out",
    Unacknowledged: "unacknowledged",
    Ended: "ended",
}


@pytest.fixture
def holds() -> Callable[[str, Mapping[str, object], Mapping[str, object], Stepper], None]:
    """Give ``holds(table, states, inputs, step)``: drive the whole product and compare it.

    A row is ``state | inputs | next state | outputs``, "*" in the outputs being the input's name.
    Whatever the table does not mention must change nothing and put out nothing ("-").
    """
    return _holds


def _holds(
    table: str, states: Mapping[str, object], inputs: Mapping[str, object], step: Stepper
) -> None:
    expected: dict[tuple[str, str], tuple[str, str]] = {}
    for row in table.strip().splitlines():
        state, names, after, outputs = (cell.strip() for cell in row.split("|"))
        for name in names.split():
            assert (state, name) not in expected, f"{state} + {name} stands twice"
            expected[state, name] = after, outputs.replace("*", name)
    assert {state for state, _ in expected} <= set(states)
    assert {name for _, name in expected} <= set(inputs)
    for state, before in states.items():
        assert type(before).__name__ == state
        for name, given in inputs.items():
            then, done = step(before, given)
            found = type(then).__name__, ", ".join(map(_say, done)) or "-"
            assert found == expected.get((state, name), (state, "-")), f"{state} + {name}"
            if not done and found[0] == state:
                assert then == before, f"{state} + {name} puts nothing out but changes the state"
            assert step(before, given) == (then, done), "the same again gives the same"


def _say(output: object) -> str:
    match output:
        case Transmit(data):
            return f"send {data.split()[0].decode()}"
        case Start(timer, after):
            return f"start {timer} {after:g}"
        case Stop(timer):
            return f"stop {timer}"
        case Pass(response):
            return f"pass {response.status}"
        case Broke(reason):
            return f"broke: {reason}"
        case _:
            return WORDS[type(output)]
