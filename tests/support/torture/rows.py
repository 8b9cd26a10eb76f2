"""The words of the torture tables: a row, its message, and what has to become of it.

The messages were written for this project. Each has the difficulties of the message of the same
name in RFC 4475 or RFC 5118, and none of its text.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from textwrap import dedent
from typing import Any, NamedTuple

import pytest

import sansip

CALLER = sansip.Address("198.51.100.1", 40404)  # sends from a port that its Via does not name
CALLER_6 = sansip.Address("2001:db8:7::1", 40404)
LISTENS = sansip.Address(CALLER.host, 5060)
LISTENS_6 = sansip.Address(CALLER_6.host, 5060)
HARBOUR = sansip.Address("203.0.113.1", 5060)  # what harbour.example is in the DNS
RELAY = sansip.Address("203.0.113.2", 5060)  # relay.harbour.example
BRANCH_OF_PROXY = b"z9hG4bK-of-the-proxy"  # in responses: stands for the one that was really used

SDP = (
    b"v=0\r\n"
    b"o=agnes 7130 7131 IN IP4 198.51.100.40\r\n"
    b"s=-\r\n"
    b"c=IN IP4 198.51.100.40\r\n"
    b"t=0 0\r\n"
    b"m=audio 40000 RTP/AVP 8 0\r\n"
    b"m=video 40002 RTP/AVP 34\r\n"
    b"a=rtpmap:34 H263/90000\r\n"
)


# --- what becomes of a message that came to a proxy


@dataclass(frozen=True)
class Forwarded:
    """Sent on: what is not the proxy's own is the same byte for byte."""

    to: sansip.Address = HARBOUR
    uri: str | None = None  # the new Request-URI, if it is to be another
    route: str | None = None  # the new Route, if it is to be another


@dataclass(frozen=True)
class Answered:
    """Answered with this status, and goes no further."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()  # that the answer must have besides the usual ones
    to: sansip.Address = LISTENS


@dataclass(frozen=True)
class Returned:
    """A response: goes back to the caller, the same byte for byte but for the topmost Via."""


@dataclass(frozen=True)
class Consumed:
    """A response: taken notice of, and goes no further, as is right for a 100."""


@dataclass(frozen=True)
class Dropped:
    """Nothing is sent, and nothing that is going on notices."""


Verdict = Forwarded | Answered | Returned | Consumed | Dropped


class OnStream(Enum):
    """What differs when the same bytes come over a stream instead of in a datagram."""

    SAME = "the same"
    WAITS = "waits for the rest, and gives up in the end"
    CLOSES = "answered, then the connection is closed"
    TWO_MESSAGES = "two messages"


class Row(NamedTuple):
    """A row of the table."""

    section: str
    name: str  # as the RFC calls its file
    exercises: str
    data: bytes
    verdict: Verdict
    fault: str | None = None  # the header that the error names, "" for the frame or the first line
    choice: str = ""  # which of the behaviours that the RFC allows is ours
    on_stream: OnStream = OnStream.SAME
    source: sansip.Address = CALLER

    @property
    def rfc(self) -> str:
        return "4475" if self.section.startswith("3.") else "5118"

    @property
    def is_request(self) -> bool:
        return not self.data.startswith(b"SIP/")


def params(rows: Iterable[Row]) -> list[Any]:
    """Parameters for a test of every row, named so that a list of the tests reads as the table."""
    return [
        pytest.param(
            row,
            id=f"{row.section} {row.name}",
            marks=pytest.mark.rule(f"{row.rfc}-{row.section}"),
        )
        for row in rows
    ]


def message(text: str, body: bytes = b"") -> bytes:
    """Bytes of an indented text: lines end in CRLF, {length} is the length of the body."""
    head = dedent(text).strip("\n").replace("{length}", str(len(body)))
    return head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body
