"""What DNS can say, as plain values: four different things, never confused with each other.

Records that exist, a name without such records, no such name, or no answer to be had. The last one
is a failure: it proves nothing about the name (RFC 3263 4.2, requirement 3263-4.2-06).
"""

from typing import assert_never

from sansip.value import value


@value
class Question:
    """A name in lower case without trailing dot, and "NAPTR", "SRV", "A" or "AAAA"."""

    name: str
    type: str


@value
class Naptr:
    """A NAPTR record (RFC 3403 4.1), texts decoded, the replacement without trailing dot."""

    order: int
    preference: int
    flags: str
    service: str
    regexp: str
    replacement: str


@value
class Srv:
    """An SRV record (RFC 2782); the target without trailing dot, "" if it was "."."""

    priority: int
    weight: int
    port: int
    target: str


@value
class Ip:
    """An A or AAAA record."""

    address: str


Record = Naptr | Srv | Ip


@value
class Found:
    """Records of the type asked for, CNAMEs followed; ``ttl`` is the smallest in the chain."""

    records: tuple[Record, ...]
    ttl: float


@value
class NoRecords:
    """The name exists, such records do not; ``ttl`` by the SOA (RFC 2308)."""

    ttl: float


@value
class NoName:
    """There is no such name; ``ttl`` by the SOA (RFC 2308)."""

    ttl: float


@value
class Failure:
    """No answer to be had: time-out, SERVFAIL, REFUSED, no server configured."""

    reason: str


Answer = Found | NoRecords | NoName | Failure


def record_text(record: Record) -> str:
    """What a record says, as zone files have it, but without final dots."""
    match record:
        case Ip():
            return record.address
        case Srv():
            return f"{record.priority} {record.weight} {record.port} {record.target or '.'}"
        case Naptr():
            said = f'"{record.flags}" "{record.service}" "{record.regexp}"'
            return f"{record.order} {record.preference} {said} {record.replacement or '.'}"
        case _:
            assert_never(record)
