"""The pieces of RFC 3261 section 25 that several headers share.

All of it takes time linear in the length of the text: the patterns are possessive, and what is
unterminated is taken up to the end at once, so nothing is ever scanned twice.
"""

import ipaddress
import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from sansip.errors import RemoteProtocolError

# What a token is made of, to stand between the brackets of a pattern.
TOKEN_CHARACTERS: Final = r"A-Za-z0-9\-.!%*_+`'~"  # noqa: S105 (not a secret)

Params = tuple[tuple[str, str], ...]  # (name in lower case, value as it came or "" for none)

_TOKEN: Final = re.compile(rf"[{TOKEN_CHARACTERS}]++")
# What may follow "=" without quotes: a token or a host, IPv6 with brackets or without; and more,
# since an odd character in a parameter that nobody uses is no reason to refuse a call.
_BARE_VALUE: Final = re.compile(r'[^\x00-\x20"<>,;\x7f]++')
_QUOTED: Final = re.compile(r'"(?:[^"\\\r\n]|\\[^\r\n])*+"', re.DOTALL)
_HOST: Final = re.compile(r"[A-Za-z0-9_.\-]++")
_IPV6: Final = re.compile(r"[0-9A-Fa-f:.]++")
MAX_PORT: Final = 65_535
MAX_32_BITS: Final = 2**32 - 1

_STEPS: Final = MappingProxyType(
    {
        separator: re.compile(
            rf'"(?:[^"\\]|\\.)*+(?:"|\\?+\Z)|<[^>]*+(?:>|\Z)|{separator}|[^"<{separator}]++',
            re.DOTALL,
        )
        for separator in (",", ";")
    }
)


def malformed(what: str, problem: str, rule: str, remedy: str) -> RemoteProtocolError:
    """Make the error for a header, or the Request-URI, that cannot be read."""
    return broken(f"{what}: {problem}", rule, remedy, header=what.lower())


def broken(
    problem: str,
    rule: str,
    remedy: str,
    *,
    status_hint: int = 400,
    header: str = "",
    offset: int = -1,
) -> RemoteProtocolError:
    """Make an error of its three parts: what is wrong, which rule says so, what to do about it."""
    return RemoteProtocolError(
        f"{problem} ({rule}); {remedy}",
        status_hint=status_hint,
        header=header,
        offset=offset,
        rule=rule,
    )


def is_token(text: str) -> bool:
    """Tell whether the text is a token."""
    return _TOKEN.fullmatch(text) is not None


def unfold(text: str) -> str:
    """Make every fold one space (7.3.1), and take white space off both ends."""
    if "\r" in text:
        text = " ".join([part.strip(" \t") for part in text.split("\r\n")])
    return text.strip(" \t")


def number(text: str, most: int) -> int | None:
    """Read 1*DIGIT, leading zeros allowed; None if it is something else or more than ``most``."""
    if not (text.isdigit() and text.isascii()):
        return None
    digits = text if len(text) <= len(str(most)) else text.lstrip("0") or "0"
    if len(digits) > len(str(most)):
        return None
    found = int(digits)
    return found if found <= most else None


def split_outside(text: str, separator: str) -> list[str]:
    """Split at a comma or semicolon that is neither in a quoted string nor in angle brackets."""
    if '"' not in text and "<" not in text:
        return text.split(separator)
    pieces: list[str] = []
    start = 0
    for found in _STEPS[separator].finditer(text):
        if found.group() == separator:
            pieces.append(text[start : found.start()])
            start = found.end()
    pieces.append(text[start:])
    return pieces


def read_params(pieces: Iterable[str], header: str) -> Params:
    """Read header parameters, the pieces between semicolons.

    A name given twice makes the value malformed (RFC 3261 7.3.1), as an empty piece does.
    """
    params: list[tuple[str, str]] = []
    seen: set[str] = set()
    for piece in pieces:
        name, equals, text = piece.partition("=")
        name, text = name.strip(" \t").lower(), text.strip(" \t")
        if not is_token(name):
            problem = f"{name!r} is not a parameter name"
            raise malformed(header, problem, "RFC 3261 25.1", "send a token")
        if name in seen:
            problem = f"parameter {name} comes twice"
            raise malformed(header, problem, "RFC 3261 7.3.1", "send it once")
        if equals and not is_param_value(text):
            problem = f"{name} has no token, host or quoted string for a value"
            raise malformed(header, problem, "RFC 3261 25.1", "quote it")
        seen.add(name)
        params.append((name, text))
    return tuple(params)


def is_param_value(text: str) -> bool:
    """Tell whether the text can stand behind "=" in a header parameter."""
    return bool(_BARE_VALUE.fullmatch(text) or _QUOTED.fullmatch(text))


def is_quoted_string(text: str) -> bool:
    """Tell whether the text is one complete quoted string."""
    return _QUOTED.fullmatch(text) is not None


def quoted_length(text: str) -> int:
    """Give the length of the quoted string that the text begins with, or 0."""
    found = _QUOTED.match(text)
    return 0 if found is None else found.end()


def unquote(text: str) -> str:
    """Give what a quoted string means; any other text stays as it is (RFC 3261 25.1)."""
    if not is_quoted_string(text):
        return text
    if "\\" not in text:
        return text[1:-1]
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def ip_text(host: str) -> str | None:
    """Give the normal form of an IP address (no brackets), or None if it is a name."""
    try:
        if ":" in host:
            return str(ipaddress.IPv6Address(host))
        if host[-1:].isdigit():
            return str(ipaddress.IPv4Address(host))
    except ValueError:
        pass
    return None


def read_host_port(text: str, header: str) -> tuple[str, int | None]:
    """Read ``host [":" port]``; white space round the colon is allowed; IPv6 loses its brackets."""
    if text.startswith("["):
        host, closing, tail = text[1:].partition("]")
        # "[2001:db8:::192.0.2.1]" comes of a mistake in the grammar of RFC 3261 (RFC 5118 4.10).
        host, tail = host.replace(":::", "::"), tail.strip(" \t")
        good = bool(closing) and _IPV6.fullmatch(host) is not None and ":" in host
        good = good and ip_text(host) is not None
        colon, port_text = tail[:1], tail[1:]
    else:
        host, colon, port_text = text.partition(":")
        host = host.strip(" \t")
        good = _HOST.fullmatch(host) is not None
    if not good:
        problem = f"{text[:80]!r} does not begin with a host name or IP address"
        raise malformed(header, problem, "RFC 3261 25.1", "put IPv6 in brackets, escape nothing")
    if not colon:
        return host, None
    port = number(port_text.strip(" \t"), MAX_PORT) if colon == ":" else None
    if port is None:
        problem = f"{text[:80]!r} does not end in a port number"
        remedy = "send one up to 65535, and put IPv6 in brackets"
        raise malformed(header, problem, "RFC 3261 25.1", remedy)
    return host, port
