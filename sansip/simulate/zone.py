"""The text of a zone file (RFC 1035 5.1), as far as SIP needs it, to the records that it has.

A, AAAA, SRV, NAPTR and CNAME; of SOA the time for which "no" holds (RFC 2308 5); everything else
only says that its name exists. ``$ORIGIN``, ``$TTL``, ``@``, names and lines as everywhere; classes
other than IN, ``$INCLUDE`` and wildcards are not.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType
from typing import Final

from sansip.dns import Ip, Naptr, Record, Srv
from sansip.errors import LocalProtocolError
from sansip.value import value

TTL: Final = 3600.0  # seconds, where the zone says nothing
ALIAS: Final = "CNAME"

_PIECE: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[()]|;.*+|(?:[^\s"();\\]|\\.)++|\s++|.')
_ESCAPE: Final = re.compile(r"\\(\d{3}|.)")
_TIME: Final = re.compile(r"(?:\d++[smhdw]?+)++", re.IGNORECASE)
_PART: Final = re.compile(r"(\d++)(\D?)")
_UNITS: Final = MappingProxyType({"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800})


@value
class Row:
    """One record: a name, a type, and what it says: a CNAME says another name, the rest None."""

    name: str
    type: str
    ttl: float
    says: Record | str | None


@value
class _Entry:
    """The pieces of one entry: one line, or several in parentheses."""

    line: int
    owner: bool  # it begins with a name, not with white space
    pieces: tuple[str, ...]


def rows(text: str, origin: str = "") -> tuple[Row, ...]:
    """Read a zone; ``origin`` is what its relative names end in until ``$ORIGIN`` says another."""
    given: list[Row] = []
    end, ttl, owner = _full(origin or ".", ""), TTL, ""
    for entry in _entries(text):
        pieces = list(entry.pieces)
        try:
            if pieces[0] == "$ORIGIN":
                end = _full(pieces[1], end)
                continue
            if pieces[0] == "$TTL":
                ttl = _seconds(pieces[1])
                continue
            if entry.owner:
                owner = _full(pieces.pop(0), end)
            own = ttl
            while pieces[0].upper() == "IN" or _TIME.fullmatch(pieces[0]):
                piece = pieces.pop(0)
                own = own if piece.upper() == "IN" else _seconds(piece)
            given.append(_row(owner, pieces[0].upper(), own, pieces[1:], end))
        except (IndexError, ValueError) as error:
            wrong = " ".join(entry.pieces)
            raise LocalProtocolError(f"line {entry.line} of the zone: {wrong!r}: {error}") from None
    return tuple(given)


def _row(name: str, kind: str, ttl: float, data: list[str], end: str) -> Row:
    match kind:
        case "A":
            return Row(name, kind, ttl, Ip(str(IPv4Address(data[0]))))
        case "AAAA":
            return Row(name, kind, ttl, Ip(str(IPv6Address(data[0]))))
        case "SRV":
            priority, weight, port = map(int, data[:3])
            return Row(name, kind, ttl, Srv(priority, weight, port, _full(data[3], end)))
        case "NAPTR":
            order, preference = map(int, data[:2])
            flags, service, regexp = [piece.strip('"') for piece in data[2:5]]
            to = _full(data[5], end)
            return Row(name, kind, ttl, Naptr(order, preference, flags, service, regexp, to))
        case "CNAME":
            return Row(name, kind, ttl, _full(data[0], end))
        case "SOA":
            return Row(name, kind, min(ttl, _seconds(data[6])), None)
        case _ if kind.isalnum():
            return Row(name, kind, ttl, None)
        case _:
            raise ValueError(f"{kind} is no type of a record")


def _entries(text: str) -> Iterator[_Entry]:
    pieces: list[str] = []
    start, depth = 1, 0
    owner = True
    for number, line in enumerate(text.splitlines(), 1):
        if not pieces:
            start, owner = number, not line[:1].isspace()
        for piece in _PIECE.findall(line):
            if piece in ("(", ")"):
                depth += 1 if piece == "(" else -1
            elif not piece.isspace() and not piece.startswith(";"):
                pieces.append(piece)
        if pieces and depth <= 0:
            yield _Entry(start, owner, tuple(pieces))
            pieces.clear()
    if pieces:
        yield _Entry(start, owner, tuple(pieces))


def _full(name: str, end: str) -> str:
    """A name in lower case, without trailing dot, and with the origin if it is relative."""
    text = _ESCAPE.sub(_unescaped, name.lower())
    if text == "@":
        return end
    if text.endswith("."):
        return text.removesuffix(".")
    return f"{text}.{end}" if end else text


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1])) if found[1].isdecimal() and len(found[1]) > 1 else found[1]


def _seconds(text: str) -> float:
    if not _TIME.fullmatch(text):
        raise ValueError(f"{text} is no time")
    parts = _PART.findall(text)
    return float(sum(int(number) * _UNITS[unit.lower()] for number, unit in parts))
