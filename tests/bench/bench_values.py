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


@pytest.mark.benchmark(group=f"{UPDATES} updates of a Table of {ENTRIES:,}")
class TestUpdate:
    def test_table(self, benchmark: Benchmark, scaled: Callable[[int], int]) -> None:
        keys = self.keys(scaled(ENTRIES))
        table, shuffled = Table(dict.fromkeys(keys, object())), self.shuffled(keys)

        def update() -> None:
            nonlocal table
            new = object()
            for _ in range(UPDATES):
                table = table.set(next(shuffled), new)

        benchmark(update)

    def test_dict(self, benchmark: Benchmark, scaled: Callable[[int], int]) -> None:
        keys = self.keys(scaled(ENTRIES))
        table, shuffled = dict.fromkeys(keys, object()), self.shuffled(keys)

        def update() -> None:
            new = object()
            for _ in range(UPDATES):
                table[next(shuffled)] = new

        benchmark(update)

    def keys(self, size: int) -> list[str]:
        return [f"c|z9hG4bK{number:016x}|INVITE" for number in range(size)]

    def shuffled(self, keys: list[str]) -> "cycle[str]":
        return cycle(Random(1).sample(keys, len(keys)))


@pytest.mark.benchmark(group=f"start + stop a timer, {ENTRIES:,} running")
class TestTimer:
    def test_agenda(self, benchmark: Benchmark, scaled: Callable[[int], int]) -> None:
        size, agenda = scaled(ENTRIES), Agenda()
        for number in range(size):
            agenda.start(Timer(f"c|{number}", "M", number), 32.0 + number)
        timer = Timer("x|busy", "hunt", size)

        def start_and_stop() -> None:
            agenda.start(timer, 30.0 + size)
            agenda.stop(timer)

        benchmark(start_and_stop)

    def test_heappush_alone(self, benchmark: Benchmark, scaled: Callable[[int], int]) -> None:
        size = scaled(ENTRIES)
        heap = [
            (32.0 + number, number, Timer(f"c|{number}", "M", number)) for number in range(size)
        ]
        timer = Timer("x|busy", "hunt", size)

        def push_and_pop() -> None:
            heapq.heappush(heap, (30.0 + size, size, timer))
            heap.pop()

        benchmark(push_and_pop)
