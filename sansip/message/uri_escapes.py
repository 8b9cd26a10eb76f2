"""Escapes in URIs: %HH, and which characters need it where (RFC 3261 19.1.2, 25.1; RFC 3986 2).

Three things that are easily mixed up: ``escape`` makes a piece of a URI of any text, ``unescape``
gives that text back, and ``plain`` turns a piece into the one form that all its spellings share,
for comparing. Each looks at every character once, so nothing is ever decoded twice.
"""

import re
from types import MappingProxyType
from typing import Final

from sansip.errors import LocalProtocolError

_UNRESERVED: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()"
_RESERVED: Final = ";/?:@&=+$,"

_ESCAPE: Final = re.compile("%([0-9A-Fa-f]{2})")
_ESCAPED_BYTE: Final = re.compile(b"%([0-9A-Fa-f]{2})")
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]++")


def _table(more: str) -> tuple[str, ...]:
    """What stands for each byte where these characters are allowed beside the unreserved ones."""
    allowed = _UNRESERVED + more
    return tuple([chr(byte) if chr(byte) in allowed else f"%{byte:02X}" for byte in range(256)])


IN_USER: Final = _table("&=+$,;?/")  # user-unreserved
IN_PASSWORD: Final = _table("&=+$,")
IN_PARAM: Final = _table("[]/:&+$")  # param-unreserved
IN_HEADER: Final = _table("[]/?:+$")  # hnv-unreserved
AS_USER: Final = _table("&=+$,;?/%")  # for what is escaped already, if by other rules

# Characters that are not reserved equal their escapes (19.1.4). What cannot stand in a URI, as a
# space, and "%" itself stay escaped, too.
_EQUAL: Final = MappingProxyType(
    {f"{code:02X}": chr(code) for code in range(0x21, 0x7F) if chr(code) not in f'{_RESERVED}%<>"'}
)
_SAME_NAME: Final = MappingProxyType({f"{ord(char):02X}": char for char in _UNRESERVED})


def escape(text: str, table: tuple[str, ...]) -> str:
    """Escape what must be escaped in one part of a URI; ``table`` is one of those above."""
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        message = f"{text[:40]!r} has a lone surrogate, which no byte stands for; take it out"
        raise LocalProtocolError(message) from None
    return "".join([table[byte] for byte in data])


def unescape(text: str) -> str:
    """Undo every escape, once. What is not UTF-8 comes out as surrogate escapes, as in headers."""
    if "%" not in text:
        return text
    data = text.encode("utf-8", "surrogateescape")
    data = _ESCAPED_BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), data)
    return data.decode("utf-8", "surrogateescape")


def plain(text: str) -> str:
    """Give the form that all spellings of a text share: no escape that means what it escapes.

    The result is ASCII, and has no space and no quote in it.
    """
    if not text.isascii():
        text = _NOT_ASCII.sub(_all_escaped, text)
    if "%" not in text:
        return text
    return _ESCAPE.sub(lambda found: _EQUAL.get(found[1].upper(), found[0].upper()), text)


def plain_name(text: str) -> str:
    """Give a parameter's name in lower case and without escapes that it does not need."""
    if "%" in text:
        text = _ESCAPE.sub(lambda found: _SAME_NAME.get(found[1].upper(), found[0]), text)
    return text.lower()


def _all_escaped(found: "re.Match[str]") -> str:
    return "".join([f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogateescape")])
