"""Rows: a header name, a colon and a value, as text (RFC 3261 7.3)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from sansip.errors import LocalProtocolError, RemoteProtocolError
from sansip.message.fields import Via, parse_name_addr, parse_via
from sansip.message.grammar import is_token, split_outside, unfold
from sansip.message.names import COMPACT, SINGLE, SPELLED, known_name, long_name

Headers = Iterable[tuple[str, str]]

# What surrogateescape cannot turn into bytes.
_NO_BYTES: Final = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")
_SHORT: Final[Mapping[str, str]] = MappingProxyType({long: c for c, long in COMPACT.items()})


def names_of(lines: Iterable[str]) -> tuple[str, ...]:
    """Give the lower-case long forms of the names in rows, "" for what is no row."""
    return tuple([known_name(line.partition(" ")[0]) or _name_of(line) for line in lines])


def _name_of(line: str) -> str:
    text, colon, _ = line.partition(":")
    text = text.rstrip(" \t")  # HCOLON = *( SP / HTAB ) ":" SWS
    return long_name(text) if colon and is_token(text) else ""


def unsplit(lines: list[str]) -> list[str]:
    """Make rows of lines: those that begin with white space go on with the row above (7.3.1).

    Where there is no row above, they are left out.
    """
    firsts = [at for at, line in enumerate(lines) if not line.startswith((" ", "\t"))]
    if len(firsts) == len(lines):
        return lines
    ends = [*firsts, len(lines)][1:]
    return ["\r\n".join(lines[at:end]) for at, end in zip(firsts, ends, strict=True)]


def value_of(line: str) -> str:
    """Give the value in a row."""
    text = line[line.find(":") + 1 :]
    return unfold(text) if "\r" in text else text.strip(" \t")


def top_via(text: str) -> Via:
    """Read the first of the Via values in a row's unfolded value."""
    return parse_via(split_outside(text, ",")[0] if "," in text else text)


def tag_of(text: str | None) -> str | None:
    """Give the tag in the value of From or To, or None."""
    try:
        return None if text is None else parse_name_addr(text).tag
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
    at = names.index("via") + 1 if "via" in names else 0
    while at < len(names) and names[at] == "via":
        at += 1
    return at


def checked(text: str) -> str:
    """Let through only text that stays within its row: no line ends, or headers could be forged."""
    if "\n" in text or "\r" in text:
        message = f"{text!r} has a line end in it"
        raise LocalProtocolError(message)
    if not text.isascii() and _NO_BYTES.search(text):
        message = f"{text!r} has a surrogate in it, which stands for no byte"
        raise LocalProtocolError(message)
    return text


def row(name: str, value: str) -> str:
    """Make a row, the name long and spelled as usual however it is given (7.3.3)."""
    spelled = SPELLED.get(long_name(name), name)
    if not is_token(spelled):
        message = f"{name!r} is not a header name"
        raise LocalProtocolError(message)
    return checked(f"{spelled}: {value}")


def word(text: str) -> str:
    """Let through only text without white space, as a Request-URI is."""
    if not text or " " in text or "\t" in text:
        message = f"{text!r} is empty or has white space in it"
        raise LocalProtocolError(message)
    return checked(text)


def token(text: str, what: str) -> str:
    """Let through only a token: a method, a tag."""
    if not is_token(text):
        message = f"{text!r} is no {what}: that is a token (RFC 3261 25.1)"
        raise LocalProtocolError(message)
    return text


def status_code(status: int) -> int:
    """Let through only what a status line may say (7.2)."""
    if not 100 <= status <= 699:
        message = f"status {status} is not from 100 to 699"
        raise LocalProtocolError(message)
    return status


def compact(name: str, line: str) -> str:
    """Write a row with the compact form of its name, if it has one."""
    return f"{_SHORT[name]}{line[line.find(':') :]}" if name in _SHORT else line


def make_rows(headers: Headers, body: bytes) -> tuple[str, ...]:
    """Make rows of pairs, with a Content-Length if it is not among them."""
    pairs = list(headers)
    if not any(long_name(name) == "content-length" for name, _ in pairs):
        pairs.append(("Content-Length", str(len(body))))
    return tuple([row(name, value) for name, value in pairs])
