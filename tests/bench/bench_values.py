"""The smallest things: values, draws, tables, timers."""

import heapq
from collections.abc import Callable
from hashlib import blake2b
from itertools import cycle
from random import Random
from typing import NamedTuple

import pytest

from benching import Benchmark
from sansip import Timer
from sansip.agenda import Agenda
from sansip.entropy import Draws
from sansip.table import Table
from sansip.value import value

ENTRIES = 100_000
UPDATES = 100  # in a round


@value
class Seven:
    a: int
    b: int
    c: int
    d: int
    e: int
    f: int
    g: int


class SevenTuple(NamedTuple):
    a: int
    b: int
    c: int
    d: int
    e: int
    f: int
    g: int


FIELDS = range(7)


@pytest.mark.benchmark(group="create a value of 7 fields")
class TestCreate:
    def test_value(self, benchmark: Benchmark) -> None:
        benchmark(Seven, *FIELDS)

    def test_named_tuple(self, benchmark: Benchmark) -> None:
        benchmark(SevenTuple, *FIELDS)


@pytest.mark.benchmark(group="compare values of 7 fields")
class TestCompare:
    def test_value(self, benchmark: Benchmark) -> None:
        benchmark(Seven(*FIELDS).__eq__, Seven(*FIELDS))

    def test_named_tuple(self, benchmark: Benchmark) -> None:
        benchmark(SevenTuple(*FIELDS).__eq__, SevenTuple(*FIELDS))


@pytest.mark.benchmark(group="draw a branch")
class TestDraw:
    seed, owner = b"seed" * 8, "s|z9hg4bk776asdhds|pc33.example.com:5060|INVITE"

    def test_draw(self, benchmark: Benchmark) -> None:
        benchmark(Draws(self.seed, self.owner).token, "branch")

    def test_blake2b_alone(self, benchmark: Benchmark) -> None:
        seed, text = self.seed, f"branch\0000\000{self.owner}".encode()
        benchmark(lambda: blake2b(text, key=seed, digest_size=8).hexdigest())


@pytest.fixture
def keys(scaled: Callable[[int], int]) -> list[str]:
    size = scaled(ENTRIES)
    return Random(1).sample([f"c|z9hG4bK{number:016x}|INVITE" for number in range(size)], size)


@pytest.mark.benchmark(group=f"{UPDATES} updates of a Table of {ENTRIES:,}")
class TestUpdate:
    def test_table(self, benchmark: Benchmark, keys: list[str]) -> None:
        table, places = Table(dict.fromkeys(sorted(keys), object())), cycle(keys)

        def update() -> None:
            nonlocal table
            new = object()
            for _ in range(UPDATES):
                table = table.set(next(places), new)

        benchmark(update)

    def test_dict(self, benchmark: Benchmark, keys: list[str]) -> None:
        table, places = dict.fromkeys(sorted(keys), object()), cycle(keys)

        def update() -> None:
            new = object()
            for _ in range(UPDATES):
                table[next(places)] = new

        benchmark(update)


@pytest.mark.benchmark(group=f"start + stop a timer, {ENTRIES:,} running")
class TestTimer:
    timer = Timer("x|busy", "hunt", ENTRIES)

    def test_agenda(self, benchmark: Benchmark, keys: list[str]) -> None:
        agenda, timer = Agenda(), self.timer
        for number, key in enumerate(keys):
            agenda.start(Timer(key, "M", number), 32.0 + number)

        def start_and_stop() -> None:
            agenda.start(timer, 30.0 + ENTRIES)
            agenda.stop(timer)

        benchmark(start_and_stop)

    def test_heappush_alone(self, benchmark: Benchmark, keys: list[str]) -> None:
        timer, timers = self.timer, [Timer(key, "M", at) for at, key in enumerate(keys)]
        heap = [(32.0 + at, at, timer) for at, timer in enumerate(timers)]

        def push_and_pop() -> None:
            heapq.heappush(heap, (30.0 + ENTRIES, ENTRIES, timer))
            heap.pop()

        benchmark(push_and_pop)
