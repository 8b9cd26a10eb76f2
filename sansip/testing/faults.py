"""Messages with mistakes, of the kinds that are met and those that are feared (RFC 4475)."""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, get_args

from hypothesis import strategies as st

from sansip.testing.whole import messages

Fault = Literal[
    "a byte",
    "a length",
    "a name",
    "a number",
    "a parameter",
    "a quote",
    "a row missing",
    "a row twice",
    "an end",
    "line ends",
    "start line",
    "white space",
]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)
"""What ``near_valid`` can get wrong."""


def near_valid(*faults: Fault, most: int = 2) -> st.SearchStrategy[bytes]:
    """Give messages with one of these faults (all of ``FAULTS`` if none is named), or up to most.

    Some are still acceptable, or even valid: what is changed may be of no importance.
    """
    chosen = st.lists(st.sampled_from(faults or FAULTS), min_size=1, max_size=most)
    return chosen.flatmap(_with_faults)


_MESSAGES: Final = messages(framed=False)


@st.composite
def _with_faults(draw: st.DrawFn, faults: list[Fault]) -> bytes:
    data = draw(_MESSAGES).render()
    for fault in faults:
        data = draw(_FAULTS[fault](data))
    return data


def _start_line(data: bytes) -> st.SearchStrategy[bytes]:
    start, _, rest = data.partition(b"\r\n")
    first, _, others = start.partition(b" ")
    second, _, last = others.rpartition(b" ")
    made = [
        *(start + b" ", b" " + start, start.replace(b" ", b"  "), start.replace(b" ", b"\t")),
        *(start.replace(b"SIP/2.0", version) for version in (b"SIP/7.0", b"sip/2.0", b"SIP/02.0")),
        *(b"%s <%s> %s" % (first, second, last), b"%s %s; lr %s" % (first, second, last)),
        *(b"%s  %s" % (first, last), first, b"", start + b"\r\n " + last, b"\r\n\r\n" + start),
        *(
            b"SIP/2.0 " + status
            for status in (b"99 x", b"700 x", b"200", b"4294967496 x", b"+20 x")
        ),
        *(b"INVITE sip:2001:db8::1 SIP/2.0", b"INVITE sip:h?Route=x SIP/2.0", b"I\0 sip:h SIP/2.0"),
    ]
    return st.sampled_from(made).map(lambda line: line + b"\r\n" + rest)


def _row_missing(data: bytes) -> st.SearchStrategy[bytes]:
    return _at_a_row(data, lambda _: [b""])


def _row_twice(data: bytes) -> st.SearchStrategy[bytes]:
    return _at_a_row(data, lambda row: [row + b"\r\n" + row])


def _name(data: bytes) -> st.SearchStrategy[bytes]:
    def misnamed(row: bytes) -> list[bytes]:
        name, _, text = row.partition(b":")
        names = (b"", b"\xc3\xa9", b"A B", b"v", b"L", b"Max-Forwards", b"CSeq", name + b"(")
        return [b"%s:%s" % (other, text) for other in names] + [name + text]

    return _at_a_row(data, misnamed)


def _number(data: bytes) -> st.SearchStrategy[bytes]:
    """Put something else in the place of a number in a row (20.14, 20.16, 20.22)."""
    places = [it.span() for it in re.finditer(rb"(?<=[:\s=])[0-9]++", data)]
    numbers = (
        *(
            b"-1",
            b"+1",
            b"1 0",
            b"1.0",
            b"0x1",
            b"1_0",
            b"",
            b"x",
            b"256",
            b"300",
            b"0" * 20 + b"1",
        ),
        *(
            b"2147483648",
            b"4294967295",
            b"4294967296",
            b"9" * 30,
            b"9" * 5000,
            b"\xd9\xa1",
            b"\xc2\xb2",
        ),
    )
    return _replaced(data, places, numbers)


def _length(data: bytes) -> st.SearchStrategy[bytes]:
    """Let the body be shorter or longer than Content-Length says (18.3)."""
    tails = st.sampled_from([b"\0", b"\r\n", b"\r\n\r\n", b"INVITE sip:h SIP/2.0\r\n\r\n"])
    return st.one_of(tails.map(data.__add__), st.integers(1, 20).map(lambda cut: data[:-cut]))


def _an_end(data: bytes) -> st.SearchStrategy[bytes]:
    """Let the message end anywhere, or its head do so."""
    at = st.one_of(st.integers(0, len(data)), st.integers(len(data) * 9 // 10, len(data)))
    both = st.tuples(at, st.sampled_from([b"", b"\r\n", b"\r\n\r\n"]))
    return both.map(lambda it: data[: it[0]] + it[1])


def _line_ends(data: bytes) -> st.SearchStrategy[bytes]:
    places = [it.span() for it in re.finditer(rb"\r\n", data)]
    ends = (
        b"\n",
        b"\r",
        b"\r\r\n",
        b"\n\r",
        b"\r\n\r\n",
        b"",
        b"\0",
        b"\r\n \r\n",
        b"\xc2\x85",
        b"\x0c",
    )
    return st.one_of(st.just(data.replace(b"\r\n", b"\n")), _replaced(data, places, ends))


def _quote(data: bytes) -> st.SearchStrategy[bytes]:
    """Put in, or take away, what opens and closes (25.1)."""
    places = [it.span() for it in re.finditer(rb"[\"<>\[\]\\]|(?<=:) |(?=\r\n)", data)]
    return _replaced(data, places, (b"", b'"', b'\\"', b"<", b">", b"\\", b"<<", b'""', b"]", b"["))


def _parameter(data: bytes) -> st.SearchStrategy[bytes]:
    places = [it.span() for it in re.finditer(rb"[;,=]|(?=\r\n)", data)]
    odd = (
        b";;",
        b";",
        b",",
        b",,",
        b"=",
        b"==",
        b";=x",
        b";tag=1;tag=2",
        b";tag=",
        b";branch=",
        b";\xc3\xa9=1",
    )
    return _replaced(data, places, odd)


def _white_space(data: bytes) -> st.SearchStrategy[bytes]:
    """Put white space where there may be none, or take it away; begin rows with it."""
    places = [it.span() for it in re.finditer(rb"(?<=\n)|[ \t]|(?=[:;=<>/@\r])", data)]
    return _replaced(
        data, places, (b" ", b"", b"\t", b"\r\n ", b"\x0b", b"\xc2\xa0", b"\r\n \r\n\t")
    )


def _byte(data: bytes) -> st.SearchStrategy[bytes]:
    places = [(at, at + 1) for at in range(len(data))] + [(at, at) for at in range(len(data))]
    return _replaced(data, places, tuple(bytes([code]) for code in range(256)))


def _at_a_row(data: bytes, change: Callable[[bytes], list[bytes]]) -> st.SearchStrategy[bytes]:
    """Change one of the lines after the first."""
    head, closing, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")

    def changed(at: int) -> st.SearchStrategy[bytes]:
        def rebuilt(line: bytes) -> bytes:
            kept = [*lines[:at], *([line] if line else ()), *lines[at + 1 :]]
            return b"\r\n".join(kept) + closing + body

        return st.sampled_from(change(lines[at])).map(rebuilt)

    return st.integers(min(1, len(lines) - 1), len(lines) - 1).flatmap(changed)


def _replaced(
    data: bytes, places: Sequence[tuple[int, int]], by: tuple[bytes, ...]
) -> st.SearchStrategy[bytes]:
    both = st.tuples(st.sampled_from(places or [(0, 0)]), st.sampled_from(by))
    return both.map(lambda it: data[: it[0][0]] + it[1] + data[it[0][1] :])


_FAULTS: Final[Mapping[Fault, Callable[[bytes], st.SearchStrategy[bytes]]]] = MappingProxyType(
    {
        "a byte": _byte,
        "a length": _length,
        "a name": _name,
        "a number": _number,
        "a parameter": _parameter,
        "a quote": _quote,
        "a row missing": _row_missing,
        "a row twice": _row_twice,
        "an end": _an_end,
        "line ends": _line_ends,
        "start line": _start_line,
        "white space": _white_space,
    }
)
