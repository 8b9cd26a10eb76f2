"""The cache of DNS answers: positive ones by their TTL, negative ones by the SOA (RFC 2308).

Failures are kept for two seconds (RFC 9520 wants one at least): a dead DNS costs the first call its
time-out and not every call. A failure never displaces records: while they are fresh they stay,
and past their TTL they are still there as ``stale`` (RFC 8767) for whoever meets a failure. A
denial does displace them, for it is news about the name.

The number of entries is bounded; the answer that came in first goes first.
"""

from dataclasses import field
from typing import assert_never

from sansip.dns import (
    Answer,
    Failure,
    Found,
    Ip,
    Naptr,
    NoName,
    NoRecords,
    Question,
    Record,
    Srv,
)
from sansip.table import Table
from sansip.value import value


@value
class CacheLimits:
    """How many answers are kept, and for how many seconds at most."""

    entries: int = 10_000
    records: int = 128  # of one answer; a lookup uses fewer
    positive: float = 86_400.0
    negative: float = 300.0
    failure: float = 2.0
    stale: float = 86_400.0  # how long records outlive their TTL


@value
class Entry:
    """What is known about one question."""

    serial: int
    answer: Answer
    until: float  # when the answer's time is over
    kept: Found | None  # the last records, unless they have been denied since
    kept_until: float


@value
class Cache:
    """All that is known; begins empty."""

    entries: Table[Question, Entry] = field(default_factory=Table[Question, Entry])
    # Entries by serial number, all below `next`, none below `oldest`; gaps where one was renewed.
    serials: Table[int, Question] = field(default_factory=Table[int, Question])
    oldest: int = 0
    next: int = 0


def recall(cache: Cache, question: Question, at: float) -> Answer | None:
    """The answer that is still good, with the TTL that it has left."""
    entry = cache.entries.get(question)
    if entry is None or at >= entry.until:
        return None
    match entry.answer:
        case Found(records):
            return Found(records, entry.until - at)
        case NoRecords():
            return NoRecords(entry.until - at)
        case NoName():
            return NoName(entry.until - at)
        case Failure():
            return entry.answer
        case _:
            assert_never(entry.answer)


def stale(cache: Cache, question: Question, at: float) -> Found | None:
    """The last records known, good enough when there is no answer to be had; their TTL is 0."""
    entry = cache.entries.get(question)
    if entry is None or entry.kept is None or at >= entry.kept_until:
        return None
    return Found(entry.kept.records, 0.0)


def bridged(cache: Cache, question: Question, answer: Answer, at: float) -> Answer:
    """The answer itself, but in place of a failure the last records known, if there are any."""
    if isinstance(answer, Failure):
        return stale(cache, question, at) or answer
    return answer


def remember(
    cache: Cache, question: Question, answer: Answer, at: float, limits: CacheLimits
) -> Cache:
    """Keep an answer that came just now. One with a TTL of 0 will not be recalled."""
    known = cache.entries.get(question)
    kept, kept_until = None, at
    if isinstance(answer, Found) and len(answer.records) > limits.records:
        # In any order that they may have come in, the best are those that a lookup would use.
        answer = Found(tuple(sorted(answer.records, key=_rank)[: limits.records]), answer.ttl)
    match answer:
        case Found():
            until = at + min(answer.ttl, limits.positive)
            kept, kept_until = answer, until + limits.stale
        case NoRecords() | NoName():
            until = at + min(answer.ttl, limits.negative)
        case Failure():
            until = at + limits.failure
            if known is not None:
                if isinstance(known.answer, Found) and at < known.until:
                    return cache
                kept, kept_until = known.kept, known.kept_until
        case _:
            assert_never(answer)
    entry = Entry(cache.next, answer, until, kept, kept_until)
    serials = cache.serials if known is None else cache.serials.without(known.serial)
    return _trimmed(
        cache.entries.set(question, entry),
        serials.set(cache.next, question),
        cache.oldest,
        cache.next + 1,
        limits,
    )


def _rank(record: Record) -> int:
    match record:
        case Srv():
            return record.priority
        case Naptr():
            return record.order
        case Ip():
            return 0
        case _:
            assert_never(record)


def _trimmed(
    entries: Table[Question, Entry],
    serials: Table[int, Question],
    oldest: int,
    following: int,
    limits: CacheLimits,
) -> Cache:
    """Drop the oldest entries above the limit; every serial number is passed once."""
    while len(entries) > limits.entries:
        question = serials.get(oldest)
        if question is not None:
            entries = entries.without(question)
            serials = serials.without(oldest)
        oldest += 1
    return Cache(entries, serials, oldest, following)
