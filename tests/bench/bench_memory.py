"""What a call weighs in the state: its transactions, its context, the tables' share.

Measured with datagrams as a socket gives them: whatever the state holds on to counts.
"""

import gc
import tracemalloc
from collections.abc import Callable

import pytest

import sansip
from benching import Count
from stage import ToName
from traffic import Line

CALLS = 1_000
STAGES: dict[str, tuple[Callable[[Line], object], int]] = {
    "an INVITE in flight (it rings)": (Line.ring, 8_000),
    "an INVITE lingering after 200": (Line.talk, 1_500),
    "an INVITE lingering after 486": (Line.refused, 1_500),
}


@pytest.mark.parametrize("what", STAGES)
def test_memory(
    scaled: Callable[[int], int], record_property: Callable[[str, object], None], what: str
) -> None:
    go_there, budget = STAGES[what]
    line, number = Line(ToName()), scaled(CALLS)
    calls = line.record(number, go_there)
    step, state = line.engine.step, line.base.freeze()
    gc.collect()
    tracemalloc.start()
    for call in calls:
        for event in call:
            state, _ = step(state, _fresh(event))
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(state.server) > number
    record_property("count", Count(what, size / number, " B", budget))


def _fresh(event: sansip.Event) -> sansip.Event:
    """The same event in memory of its own, so that all that is kept of it is seen."""
    assert isinstance(event, sansip.DatagramReceived)
    host, port = event.source.host.encode().decode(), event.source.port
    source, data = sansip.Address(host, port), bytes(bytearray(event.data))
    return sansip.DatagramReceived(event.at, event.endpoint, source, event.local, data)
