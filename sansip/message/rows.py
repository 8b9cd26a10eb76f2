"""Rows: a header name, a colon and a value, as text (RFC 3261 7.3)."""

from collections.abc import Iterable, Sequence

from sansip.errors import LocalProtocolError, RemoteProtocolError
from sansip.message.fields import Via, name_addr, parse_via
from sansip.message.grammar import is_token, split_outside, unfold
from sansip.message.names import SINGLE, SPELLED, long_name

Headers = Iterable[tuple[str, str]]


def value_of(line: str) -> str:
    """Give the value in a row."""
    text = line[line.find(":") + 1 :]
    return unfold(text) if "\r" in text else text.strip(" \t")


def top_via(text: str) -> Via:
    """Read the first of the Via values in a row's unfolded value."""
    return parse_via(split_outside(text, ",")[0] if "," in text else text)


def tag_of(text: str | None) -> str | None:
    """Give the tag in the value of From or To, or None."""
    if text is None:
        return None
    before, _, after = text.rpartition(">")
    if before and (not after or (after.startswith(";tag=") and after.count(";") == 1)):
        return after[5:] or None
    try:
        return name_addr(text).param("tag") or None
    except RemoteProtocolError:
        return None


def after_first_value(line: str, key: str) -> str | None:
    """Give what follows the first value in a row, unfolded; None if that is nothing."""
    if "," not in line or key in SINGLE:
        return None
    text = value_of(line).lstrip(", \t")
    first = split_outside(text, ",")[0]
    return text[len(first) + 1 :].strip(", \t") or None


def end_of_vias(names: Sequence[str]) -> int:
    """Give the index after the first block of Via rows; 0 if there is none."""
    if "via" not in names:
        return 0
    at = names.index("via")
    while at < len(names) and names[at] == "via":
        at += 1
    return at


def checked(text: str) -> str:
    """Let through only text that stays within its row: no line ends, or headers could be forged."""
    if "\n" in text or "\r" in text:
        message = f"{text!r} has a line end in it"
        raise LocalProtocolError(message)
    return text


def row(name: str, value: str) -> str:
    """Make a row, the name spelled as usual."""
    if name not in SPELLED and not is_token(name):
        message = f"{name!r} is not a header name"
        raise LocalProtocolError(message)
    return checked(f"{SPELLED.get(name, name)}: {value}")


def word(text: str) -> str:
    """Let through only text without white space: a method, a Request-URI."""
    if not text or " " in text or "\t" in text:
        message = f"{text!r} is empty or has white space in it"
        raise LocalProtocolError(message)
    return checked(text)


def make_rows(headers: Headers, body: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Make (names, lines) of pairs, with a Content-Length if it is not among them."""
    names: list[str] = []
    lines: list[str] = []
    for name, value in headers:
        names.append(long_name(name))
        lines.append(row(name, value))
    if "content-length" not in names:
        names.append("content-length")
        lines.append(f"Content-Length: {len(body)}")
    return tuple(names), tuple(lines)
