"""Errors say what is wrong, where it is, which rule says so, and what to do about it."""

import pytest

from sansip.errors import RemoteProtocolError
from sansip.message import MessageLimits, parse

START = "INVITE sip:bob@example.com SIP/2.0"
ROWS = (
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa",
    "Subject: Gr\u00fc\u00dfe,\r\n gefaltet",  # so that characters and bytes differ
    "From: <sip:a@example.com>;tag=1",
    "To: <sip:b@example.com>",
    "Call-ID: a@h",
    "CSeq: 1 INVITE",
    "Max-Forwards: 70",
    "Content-Length: 0",
)
LIMITS = MessageLimits(message=2000, headers=12, line=200, vias=2)
BAD_ROWS = [
    (0, "Via: SIP/2.0/UDP", "RFC 3261 20.42", "via"),
    (0, "v: SIP/2.0/UDP h;branch=z;x=1;x=2", "RFC 3261 7.3.1", "via"),
    (0, "Via: SIP/2.0/UDP 2001:db8::1;branch=z", "RFC 3261 25.1", "via"),
    (0, 'Via: SIP/2.0/UDP h;branch="z"', "RFC 3261 20.42", "via"),
    (2, 'From: "A <sip:a@example.com>;tag=1', "RFC 3261 25.1", "from"),
    (2, "f: sip:a@example.com?x=y;tag=1", "RFC 8217", "from"),
    (2, "From: <sip:a@example.com;tag=1", "RFC 3261 20.10", "from"),
    (2, "From: <sip:a@example.com>;tag", "RFC 3261 19.3", "from"),
    (3, "t: <sip:b@ example.com>", "RFC 3261 25.1", "to"),
    (4, "Call-ID: a b", "RFC 3261 25.1", "call-id"),
    (5, "CSeq: 4294967296 INVITE", "RFC 3261 8.1.1.5", "cseq"),
    (5, "CSeq: 1 BYE", "RFC 3261 8.1.1.5", "cseq"),
    (6, "Max-Forwards: 256", "RFC 3261 20.22", "max-forwards"),
    (7, "l: -1", "RFC 3261 20.14", "content-length"),
    (1, "Subject", "RFC 3261 7.3.1", ""),
    (1, "Sub ject: x", "RFC 3261 7.3.1", ""),
    (1, f"X: {'x' * 200}", "RFC 3261 21.5.7", ""),
]


def wire(start: str, *rows: str) -> bytes:
    return "\r\n".join((start, *rows, "", "")).encode()


def refusal(data: bytes) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        parse(data, limits=LIMITS)
    error = caught.value
    assert f"({error.rule})" in error.reason
    assert "; " in error.reason  # the remedy
    return error


@pytest.mark.parametrize(("at", "bad", "rule", "header"), BAD_ROWS, ids=str)
def test_a_bad_row_is_named_with_its_place(at: int, bad: str, rule: str, header: str) -> None:
    data = wire(START, *ROWS[:at], bad, *ROWS[at + 1 :])
    error = refusal(data)
    assert (error.rule, error.header) == (rule, header)
    assert data[error.offset :].startswith(bad.encode())


@pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq", "Max-Forwards"])
def test_a_second_row_is_the_one_that_is_too_much(name: str) -> None:
    (row,) = (row for row in ROWS if row.startswith(name))
    data = wire(START, *ROWS, row)
    error = refusal(data)
    assert (error.rule, error.header) == ("RFC 3261 7.3.1", name.lower())
    assert error.offset == data.rindex(row.encode()) > data.index(row.encode())


@pytest.mark.rule("3261-8.1.1-01")
@pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
def test_what_is_missing_is_missing_at_the_end_of_the_rows(name: str) -> None:
    data = wire(START, *[row for row in ROWS if not row.startswith(name)])
    error = refusal(data)
    assert (error.rule, error.header) == ("RFC 3261 8.1.1", name.lower())
    assert error.offset == len(data) - 2


@pytest.mark.parametrize(
    ("start", "rule", "header", "offset"),
    [
        ("INVITE sip:b@ SIP/2.0", "RFC 3261 19.1.1", "request-uri", 7),
        ("INVITE <sip:b@h> SIP/2.0", "RFC 3261 25.1", "request-uri", 7),
        ("INVITE b SIP/2.0", "RFC 3261 25.1", "request-uri", 7),
        ("INVITE  sip:b@h SIP/2.0", "RFC 3261 7.1", "", 0),
        ("INVITE sip:\u00fc@h SIP/7.0", "RFC 3261 7.1", "", 16),
        (f"INVITE sip:{'b' * 200}@h SIP/2.0", "RFC 3261 21.4.12", "", 200),
        ("SIP/2.0 20 OK", "RFC 3261 7.2", "", 8),
        ("SIP/7.0 200 OK", "RFC 3261 7.1", "", 0),
    ],
)
def test_a_bad_start_line_is_shown(start: str, rule: str, header: str, offset: int) -> None:
    error = refusal(wire(start, *ROWS))
    assert (error.rule, error.header, error.offset) == (rule, header, offset)


def test_the_place_of_what_is_wrong_with_the_whole() -> None:
    good = wire(START, *ROWS)
    for data, rule, offset in (
        (good[:-2], "RFC 3261 7", len(good) - 2),
        (good.replace(b"\r\nCall-ID", b"\nCall-ID"), "RFC 3261 25.1", good.index(b"\r\nCall-ID")),
        (good.replace(b"70", b"7\r0"), "RFC 3261 25.1", good.index(b"70") + 1),
        (good + b"x" * 2000, "RFC 3261 21.5.7", 2000),
        (good.replace(b"h: 0", b"h: 7") + b"body", "RFC 3261 18.3", len(good) + 4),
        (wire(START, " x", *ROWS), "RFC 3261 7.3.1", len(START) + 2),
        (wire(START, *ROWS, *["x: y"] * 5), "RFC 3261 21.5.7", len(good) - 2 + 4 * 6),
        (wire(START, *ROWS, *[ROWS[0]] * 2), "RFC 3261 21.5.7", len(good) + len(ROWS[0])),
    ):
        error = refusal(data)
        assert (error.rule, error.offset) == (rule, offset)
