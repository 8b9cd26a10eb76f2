"""What a call weighs in the state: its transactions, its context, the tables' share.

Measured with datagrams as a socket gives them: whatever the state holds on to counts.
"""

import gc
import tracemalloc
from collections.abc import Callable

import pytest

import sansip
from meter import Meter
from stage import ToName
from traffic import Line

CALLS = 1_000
STAGES: dict[str, tuple[Callable[[Line], object], int]] = {
    "an INVITE in flight (it rings)": (Line.ring, 8_000),
    "an INVITE lingering after 200": (Line.talk, 1_500),
    "an INVITE lingering after 486": (Line.refused, 1_500),
}


@pytest.mark.parametrize("what", STAGES)
def test_memory(meter: Meter, what: str) -> None:
    go_there, budget = STAGES[what]
    line, calls = Line(ToName()), meter.scaled(CALLS)
    for _ in range(calls):
        go_there(line)
    events, step, state = line.take(), line.engine.step, line.base.freeze()
    gc.collect()
    tracemalloc.start()
    for event in events:
        state, _ = step(state, _fresh(event))
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(state.server) > calls
    meter.count(what, size / calls, " B", budget=budget)


def _fresh(event: sansip.Event) -> sansip.Event:
    """The same event in memory of its own, so that all that is kept of it is seen."""
    assert isinstance(event, sansip.DatagramReceived)
    host, port = event.source.host.encode().decode(), event.source.port
    source, data = sansip.Address(host, port), bytes(bytearray(event.data))
    return sansip.DatagramReceived(event.at, event.endpoint, source, event.local, data)
