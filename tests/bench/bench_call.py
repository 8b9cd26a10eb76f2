"""A whole call through the core: seven messages in, seven out, no I/O.

A proxy splits nothing but what it must; so the unit is one plain split of the call's INVITE, and
the budget 34 of them (250 us where one takes 7.3 us).
"""

import gc
from collections.abc import Callable
from time import perf_counter

import pytest

import sansip
import traffic
from meter import Meter, Round, each
from stage import ToGroup, ToName
from traffic import Line, plain_split

BUDGET = 34.0  # plain splits of a 708-byte INVITE
GROWTH = 1.2  # times as much as with few calls in flight
TIMER_ORDERS = 12
CALLS = 20  # a round
BATCHES = 100  # of calls on top of those in flight
FEW, MANY = 1_000, 20_000  # in flight; MANY stands for the 100,000 of the budget

LINES: dict[str, Callable[[], Line]] = {
    "a call, to an address": lambda: Line(ToName()),
    "a call, to a group of names": lambda: Line(ToGroup(), traffic.TO_NAME),
    "a call, by NAPTR and SRV": lambda: Line(ToName(), traffic.TO_NAME),
}
SPLIT = each(200, plain_split, traffic.invite(1))


@pytest.mark.parametrize("what", LINES)
def test_call(meter: Meter, what: str) -> None:
    line = LINES[what]()
    for _ in range(CALLS):
        line.call()
    assert len(line.events) == 7 * CALLS
    assert sum(isinstance(action, sansip.Send) for action in line.actions) == 7 * CALLS
    calls = _replay(line, line.take())
    meter.compare(what, calls, "one split", SPLIT, budget=BUDGET, seconds=3.0)


def test_call_with_its_timers(meter: Meter) -> None:
    line = Line(ToName())
    for _ in range(CALLS):
        line.call()
    line.wait()
    calls = _replay(line, line.take())
    meter.compare("a call, and its timers afterwards", calls, "one split", SPLIT, seconds=2.0)


def test_call_that_is_refused(meter: Meter) -> None:
    line = Line(ToName())
    for _ in range(CALLS):
        line.refused()
    calls = _replay(line, line.take())
    meter.compare("a call that is busy", calls, "one split", SPLIT, seconds=2.0)


def _replay(line: Line, events: tuple[sansip.Event, ...]) -> Round:
    """Rounds of the same calls, each from the same state."""
    step = line.engine.step

    def go() -> float:
        state = line.base.freeze()
        began = perf_counter()
        for event in events:
            state, _ = step(state, event)
        return (perf_counter() - began) / CALLS

    return go


def test_timer_orders(meter: Meter) -> None:
    line = Line(ToName())
    line.call()
    orders = [a for a in line.actions if isinstance(a, sansip.StartTimer | sansip.StopTimer)]
    meter.count("timer orders in a call", len(orders), "", budget=TIMER_ORDERS)


def test_many_calls_in_flight(meter: Meter) -> None:
    few, many = meter.scaled(FEW), meter.scaled(MANY)
    calls = Line(ToName(), after=MANY)
    batches: list[tuple[sansip.Event, ...]] = []
    for _ in range(meter.scaled(BATCHES)):
        for _ in range(CALLS):
            calls.call()
        batches.append(calls.take())
    busy, quiet = (_in_flight(number, batches) for number in (many, few))
    work, against = f"a call, {many:,} in flight", f"{few:,} in flight"
    meter.compare(work, busy, against, quiet, budget=GROWTH, seconds=5.0)


def _in_flight(number: int, batches: list[tuple[sansip.Event, ...]]) -> Round:
    """Rounds of ever new calls, on top of so many that ring."""
    line = Line(ToName())
    gc.disable()  # nothing here makes cycles, and there is much to look through
    for _ in range(number):
        line.ring()
        line.take()
    gc.enable()
    step, base = line.engine.step, line.state.freeze()
    state, at = base.freeze(), 0

    def go() -> float:
        nonlocal state, at
        if at == len(batches):
            state, at = base.freeze(), 0
        batch, current = batches[at], state
        began = perf_counter()
        for event in batch:
            current, _ = step(current, event)
        took = perf_counter() - began
        state, at = current, at + 1
        return took / CALLS

    return go
