"""The smallest things: values, draws, tables, timers."""

import heapq
from hashlib import blake2b
from itertools import cycle
from random import Random
from time import perf_counter
from typing import NamedTuple

from meter import Meter, each
from sansip import Timer
from sansip.agenda import Agenda
from sansip.entropy import Draws
from sansip.table import Table
from sansip.value import value

ENTRIES = 100_000
BATCH = 500


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


def test_create_a_value(meter: Meter) -> None:
    ours, theirs = each(1000, Seven, *FIELDS), each(1000, SevenTuple, *FIELDS)
    meter.compare("create a value of 7 fields", ours, "NamedTuple", theirs, seconds=0.5)


def test_compare_values(meter: Meter) -> None:
    one, other = Seven(*FIELDS), Seven(*FIELDS)
    a_tuple, another = SevenTuple(*FIELDS), SevenTuple(*FIELDS)
    ours, theirs = each(1000, one.__eq__, other), each(1000, a_tuple.__eq__, another)
    meter.compare("compare values of 7 fields", ours, "NamedTuple", theirs, seconds=0.5)


def test_draw_a_branch(meter: Meter) -> None:
    seed, owner = b"seed" * 8, "s|z9hg4bk776asdhds|pc33.example.com:5060|INVITE"
    text = f"branch\0000\000{owner}".encode()

    def bare() -> str:
        return blake2b(text, key=seed, digest_size=8).hexdigest()

    ours, theirs = each(1000, Draws(seed, owner).token, "branch"), each(1000, bare)
    meter.compare("draw a branch", ours, "blake2b alone", theirs, seconds=0.5)


def test_update_a_table(meter: Meter) -> None:
    size = meter.scaled(ENTRIES)
    keys = [f"c|z9hG4bK{number:016x}|INVITE" for number in range(size)]
    plain = dict.fromkeys(keys, 0.0)
    table = Table(plain)
    Random(1).shuffle(keys)
    batches = cycle([keys[at : at + BATCH] for at in range(0, size, BATCH)])

    def update_table() -> float:
        nonlocal table
        batch, began = next(batches), perf_counter()
        for key in batch:
            table = table.set(key, began)
        return (perf_counter() - began) / len(batch)

    def update_dict() -> float:
        batch, began = next(batches), perf_counter()
        for key in batch:
            plain[key] = began
        return (perf_counter() - began) / len(batch)

    work = f"update a Table of {size:,} entries"
    meter.compare(work, update_table, "dict", update_dict, seconds=1.0)


def test_start_and_stop_a_timer(meter: Meter) -> None:
    size = meter.scaled(ENTRIES)
    agenda, heap = Agenda(), list[tuple[float, int, Timer]]()
    for number in range(size):
        timer = Timer(f"c|{number}", "M", number)
        agenda.start(timer, 32.0 + number)
        heapq.heappush(heap, (32.0 + number, number, timer))
    timer = Timer("x|busy", "hunt", size)

    def start_and_stop() -> None:
        agenda.start(timer, 30.0 + size)
        agenda.stop(timer)

    def push_and_pop() -> None:
        heapq.heappush(heap, (30.0 + size, size, timer))
        heap.pop()

    meter.compare(
        f"start + stop a timer, {size:,} running",
        each(1000, start_and_stop),
        "heappush alone",
        each(1000, push_and_pop),
        seconds=1.0,
    )
