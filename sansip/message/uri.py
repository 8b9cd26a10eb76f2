"""URIs: SIP and SIPS in full, others as far as a proxy needs them (RFC 3261 19.1, RFC 3966).

A URI keeps the text that it was read from; edits change that text and nothing else in it.
"""

import re
from typing import Final

from sansip.message.grammar import Params, ip_text, malformed, read_host_port
from sansip.value import value

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*+")
_ILLEGAL: Final = re.compile(r'[\x00-\x20<>"\x7f]')
_ORDINARY: Final = re.compile(
    r"(sips?):(?:([A-Za-z0-9_.+\-]++)@)?([a-z0-9.\-]++)(?::([0-9]{1,4}))?"
    r"((?:;[a-z]++(?:=[A-Za-z0-9.\-]++)?+)*+)"
)
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_RESERVED: Final = frozenset(";/?:@&=+$,")  # RFC 3261 25.1
# Parameters that count when only one of two URIs has them (19.1.4; transport: see its examples).
_WEIGHTY: Final = ("user", "ttl", "method", "maddr", "transport")
_PRINTABLE: Final = range(0x21, 0x7F)


@value
class Uri:
    """A URI, taken apart.

    ``scheme`` and ``host`` are in lower case, an IPv6 ``host`` without brackets. Parameters are
    (name in lower case, value as it came or "") and nothing is unescaped. ``headers`` is what
    stands after "?", or None. A tel URI has its number in ``user``; a URI of any other scheme has
    nothing but ``scheme`` and ``text``.
    """

    scheme: str
    user: str | None
    password: str | None
    host: str
    port: int | None
    params: Params
    headers: str | None
    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def is_sip(self) -> bool:
        """Whether the scheme is sip or sips."""
        return self.scheme in {"sip", "sips"}

    @property
    def is_ip(self) -> bool:
        """Whether the host is an IP address rather than a name."""
        return ip_text(self.host) is not None

    @property
    def transport(self) -> str | None:
        """The transport parameter in lower case, or None."""
        found = self.param("transport")
        return found.lower() if found else None

    @property
    def maddr(self) -> str | None:
        """The maddr parameter in lower case without brackets, or None."""
        found = self.param("maddr")
        return found.lower().removeprefix("[").removesuffix("]") if found else None

    @property
    def lr(self) -> bool:
        """Whether there is an lr parameter in any form: the hop is a loose router (16.6)."""
        return self.param("lr") is not None

    def param(self, name: str) -> str | None:
        """Give a parameter's value: "" when it has none, None when there is no such parameter."""
        for key, text in self.params:
            if key == name:
                return text
        return None

    def with_host(self, host: str, port: int | None = None) -> "Uri":
        """Put another host and port in the place of these (both: without a port, none is left)."""
        prefix, _, rest = _sections(self.text)
        name = f"[{host}]" if ":" in host and not host.startswith("[") else host
        return parse_uri(f"{prefix}{name}{'' if port is None else f':{port}'}{rest}")

    def without_params(self, *names: str) -> "Uri":
        """Take these parameters (names in lower case) out."""
        prefix, middle, rest = _sections(self.text)
        params, question, headers = rest.partition("?")
        first, *pieces = params.split(";")
        kept = [p for p in pieces if p.partition("=")[0].lower() not in names]
        return parse_uri(prefix + middle + ";".join([first, *kept]) + question + headers)

    def for_request_line(self) -> "Uri":
        """Take out what a Request-URI must not have: a method parameter, headers (16.6 item 2)."""
        if not self.is_sip or (self.headers is None and self.param("method") is None):
            return self
        bare = self
        if self.headers is not None:  # which end the text
            bare = parse_uri(self.text[: -len(self.headers) - 1])
        return bare if bare.param("method") is None else bare.without_params("method")


def parse_uri(text: str, header: str = "Request-URI") -> Uri:
    """Read a URI; ``RemoteProtocolError``, which names ``header``, if it is none."""
    found = _ORDINARY.fullmatch(text)
    if found is not None:
        scheme, user, host, port, rest = found.groups()
        params = _params(rest.split(";")) if rest else ()
        return Uri(scheme, user, None, host, int(port) if port else None, params, None, text)
    wrong = _ILLEGAL.search(text)
    if wrong is not None:
        problem = f"{wrong.group()!r} is not allowed in a URI"
        raise malformed(header, problem, "RFC 3261 25.1", "escape it, or leave it out")
    scheme, colon, opaque = text.partition(":")
    if not (colon and opaque and _SCHEME.fullmatch(scheme)):
        problem = f"{text!r} is not a URI"
        raise malformed(header, problem, "RFC 3261 25.1", "begin with a scheme")
    scheme = scheme.lower()
    if scheme not in {"sip", "sips"}:
        if scheme != "tel":
            return Uri(scheme, None, None, "", None, (), None, text)
        user, *pieces = opaque.split(";")
        return Uri(scheme, user, None, "", None, _params(pieces), None, text)
    return _sip(scheme, text, header)


def _sip(scheme: str, text: str, header: str) -> Uri:
    prefix, middle, rest = _sections(text)
    user = password = None
    if prefix.endswith("@"):
        user, colon, tail = prefix[len(scheme) + 1 : -1].partition(":")
        password = tail if colon else None
    host, port = read_host_port(middle, header)
    params, question, headers = rest.partition("?")
    pieces = params.split(";")[1:]
    return Uri(
        scheme,
        user,
        password,
        host.lower(),
        port,
        _params(pieces),
        headers if question else None,
        text,
    )


def _sections(text: str) -> tuple[str, str, str]:
    """Cut a SIP URI before its host and after its port; the three parts make up the text."""
    # No "@" is legal but the one that ends the userinfo, which may hold ";" and "?" (19.1.1).
    at = text.rfind("@") + 1 or text.find(":") + 1
    ends = [end for end in (text.find(";", at), text.find("?", at)) if end >= 0]
    end = min(ends, default=len(text))
    return text[:at], text[at:end], text[end:]


def _params(pieces: list[str]) -> Params:
    pairs = [piece.partition("=") for piece in pieces if piece]
    return tuple([(name.lower(), text) for name, _, text in pairs])


def equivalent(one: Uri, other: Uri) -> bool:
    """Compare two URIs as RFC 3261 19.1.4 does: symmetric, but not transitive.

    So it is of no use for keys or sets: compare pairwise. Escapes are decoded once; IPv6 addresses
    compare by value (RFC 5954 4.2). URIs that are neither sip nor sips compare by their text.
    """
    if one.scheme != other.scheme:
        return False
    if not one.is_sip:
        return one.text.partition(":")[2] == other.text.partition(":")[2]
    return (
        _plain(one.user) == _plain(other.user)
        and _plain(one.password) == _plain(other.password)
        and one.port == other.port
        and (ip_text(one.host) or one.host) == (ip_text(other.host) or other.host)
        and _same_params(dict(one.params), dict(other.params))
        and _header_set(one) == _header_set(other)
    )


def _same_params(one: dict[str, str], other: dict[str, str]) -> bool:
    mine = {_folded(name): _folded(text) for name, text in one.items()}
    theirs = {_folded(name): _folded(text) for name, text in other.items()}
    if any(mine[name] != theirs[name] for name in mine.keys() & theirs.keys()):
        return False
    return all((name in mine) == (name in theirs) for name in _WEIGHTY)


def _header_set(uri: Uri) -> list[tuple[str, str]]:
    pairs = [piece.partition("=") for piece in (uri.headers or "").split("&")]
    return sorted([(_folded(name), _plain(text) or "") for name, _, text in pairs])


def _folded(text: str) -> str:
    return (_plain(text) or "").lower()


def _plain(text: str | None) -> str | None:
    """Decode, once, every escape that means the same as the character itself."""
    if text is None or "%" not in text:
        return text
    return _ESCAPE.sub(_unescaped, text)


def _unescaped(found: "re.Match[str]") -> str:
    code = int(found[1], 16)
    if code not in _PRINTABLE or chr(code) in _RESERVED:
        return found[0].upper()
    return chr(code)
