"""A whole call through the core: seven messages in, seven out, no I/O.

It has two budgets: in microseconds, and in plain splits of the call's INVITE, which hold on any
machine (250 us where one takes 7.3 us).
"""

import gc
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

import sansip
import traffic
from benching import RECORDED, Benchmark, Count, pair, replay
from sansip.table import Table
from stage import ToGroup, ToName
from traffic import Line, plain_split

BUDGET = 34.0  # plain splits of a 708-byte INVITE
SECONDS = 250e-6
GROWTH = 1.2  # times as much as with few calls in flight
TIMER_ORDERS = 12
FEW, MANY = 1_000, 100_000  # in flight
ROOM = sansip.Limits(in_flight=2 * MANY, in_flight_per_source=2 * MANY, transactions=4 * MANY)


@dataclass(frozen=True)
class Kind:
    """One kind of call."""

    make: Callable[[Line], object] = Line.call
    policy: type[sansip.Policy] = ToName
    uri: str = traffic.TO_ADDRESS
    budget: float | None = None


KINDS = {
    "a call, to an address": Kind(budget=BUDGET),
    "a call, to a group of names": Kind(policy=ToGroup, uri=traffic.TO_NAME, budget=BUDGET),
    "a call, by NAPTR and SRV": Kind(uri=traffic.TO_NAME, budget=BUDGET),
    "a call, and its timers afterwards": Kind(Line.call_and_wait),
    "a call that is busy": Kind(Line.refused),
}


@pytest.mark.parametrize("kind", [pair(*row) for row in KINDS.items()], scope="class")
class TestCall:
    def test_call(self, benchmark: Benchmark, scaled: Callable[[int], int], kind: Kind) -> None:
        if kind.budget is not None:
            benchmark.extra_info["budget"] = kind.budget
            benchmark.extra_info["seconds"] = SECONDS
        replay(benchmark, Line(kind.policy(), kind.uri), scaled(RECORDED), kind.make)

    def test_one_split(self, benchmark: Benchmark, kind: Kind) -> None:
        benchmark(plain_split, traffic.invite(1, kind.uri))


@pytest.mark.benchmark(group=f"a call, {MANY:,} in flight")
class TestInFlight:
    def test_many(self, benchmark: Benchmark, scaled: Callable[[int], int]) -> None:
        benchmark.extra_info["budget"] = GROWTH
        replay(benchmark, self.line(scaled(MANY)), scaled(RECORDED), Line.call)

    def test_1000_in_flight(self, benchmark: Benchmark, scaled: Callable[[int], int]) -> None:
        replay(benchmark, self.line(scaled(FEW)), scaled(RECORDED), Line.call)

    def line(self, number: int) -> Line:
        """One call that rings, and copies of all that the state holds of it."""
        line = Line(ToName(), limits=ROOM)
        line.record(1, Line.ring)
        state = line.state
        # A copy shares nothing with another, as if each had come over the wire.
        tables: tuple[Table[str, Any], ...] = state.server, state.client, state.contexts
        ringing = [dict(table.items()) for table in tables]
        octets = pickle.dumps([next(reversed(records.items())) for records in ringing])
        gc.disable()  # nothing here makes cycles, and there is much to look through
        for copy in range(number):
            copied = pickle.loads(octets)  # noqa: S301 - our own
            for (key, record), records in zip(copied, ringing, strict=True):
                records[f"{key} {copy}"] = record  # no message has a key with a space in it
        server, client, contexts = map(Table, ringing)
        line.state = replace(
            state, server=server, client=client, contexts=contexts, in_flight=number + 1
        )
        gc.enable()
        return line


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.budget])
def test_seven_messages_in_seven_out(kind: Kind) -> None:
    line = Line(kind.policy(), kind.uri)
    kind.make(line)
    assert len(line.events) == 7
    assert sum(isinstance(action, sansip.Send) for action in line.actions) == 7


def test_timer_orders(record_property: Callable[[str, object], None]) -> None:
    line = Line(ToName())
    line.call()
    orders = [a for a in line.actions if isinstance(a, sansip.StartTimer | sansip.StopTimer)]
    record_property("count", Count("timer orders in a call", len(orders), "", TIMER_ORDERS))
