"""URIs: SIP and SIPS in full, tel, any other as text (RFC 3261 19.1, 25.1; RFC 3966; RFC 3986).

A URI keeps the text that it was read from; edits change that text and nothing else in it.

What is refused is what two readers could understand differently, or what would break the message
that it is put into: white space, control characters, quotes and angle brackets, a second "@",
anything but a host and a port where those belong, and two values for a parameter that decides where
a request goes. Other characters that should have been escaped hurt nobody, and pass.
"""

import re
from collections.abc import Iterable
from typing import Final

from sansip.errors import LocalProtocolError, RemoteProtocolError
from sansip.message.grammar import Params, ip_text, malformed, read_host_port
from sansip.message.names import long_name
from sansip.message.uri_escapes import AS_USER, IN_PARAM, escape, plain, plain_name, unescape
from sansip.message.uri_telephone import compared, number_in, subscriber
from sansip.message.uri_text import (
    check_params,
    headers_text,
    host_text,
    param_text,
    port_text,
    read_uri_headers,
    read_uri_params,
    scheme_text,
    sections,
    userinfo_text,
)
from sansip.value import value

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*+")
# No byte stands for a lone surrogate other than those that stand for bytes.
ILLEGAL: Final = re.compile(r'[\x00-\x20<>"\x7f\ud800-\udc7f\udd00-\udfff]')
_ORDINARY: Final = re.compile(
    r"(sips?):(?:([A-Za-z0-9_.+\-]++)@)?([a-z0-9.\-]++)(?::([0-9]{1,4}))?"
    r"((?:;[a-z]++(?:=[A-Za-z0-9.\-]++)?+)*+)"
).fullmatch
_ORDINARY_PARAMS: Final = re.compile(r";([a-z]++)=?+([^;]*+)").findall
_AUTHORITY: Final = re.compile(r"(//(?:[^/?#@]*+@)?+)([^/?#]*+)(.*+)", re.DOTALL)
# The parameters that most URIs have, if they have any.
_few_params: Final = {
    ";lr": (("lr", ""),),
    ";user=phone": (("user", "phone"),),
    ";transport=udp": (("transport", "udp"),),
    ";transport=tcp": (("transport", "tcp"),),
    ";transport=tls": (("transport", "tls"),),
    ";transport=UDP": (("transport", "UDP"),),
    ";transport=TCP": (("transport", "TCP"),),
    ";transport=TLS": (("transport", "TLS"),),
}.get


@value
class Decoded:
    """What the parts of a URI mean: every escape undone, once.

    ``params`` and ``headers`` are (name, value) pairs as ``Uri.make`` takes them, the names of
    parameters in lower case. A NUL is a character like others here; bytes that are not UTF-8 are
    surrogate escapes.
    """

    user: str | None
    password: str | None
    params: Params
    headers: Params


@value
class Uri:
    """A URI, taken apart.

    ``scheme`` and ``host`` are in lower case, an IPv6 ``host`` without brackets. Parameters are
    (name in lower case, value as it came or ""); nothing else is unescaped, see ``decoded``.
    ``headers`` is what stands after "?", or None. A tel URI has its number in ``user``; a URI of
    any other scheme has nothing but ``scheme`` and ``text``.

    ``==`` and hash go by the text: two equal URIs are the same characters. Whether two mean the
    same is another question; ``equivalent`` answers it, and no hash can.
    """

    scheme: str
    user: str | None
    password: str | None
    host: str
    port: int | None
    params: Params
    headers: str | None
    text: str

    @classmethod
    def make(
        cls,
        host: str,
        port: int | None = None,
        *,
        scheme: str = "sip",
        user: str | None = None,
        password: str | None = None,
        params: Iterable[tuple[str, str]] = (),
        headers: Iterable[tuple[str, str]] = (),
    ) -> "Uri":
        """Make a SIP or SIPS URI of plain texts, and escape in each what must be escaped there.

        A parameter of value "" has none. ``LocalProtocolError`` for what no escape can help.
        """
        before = f"{scheme_text(scheme)}:{userinfo_text(user, password)}"
        where = host_text(host) + port_text(port)
        rest = "".join([param_text(name, text) for name, text in params])
        return _made(before + where + rest + headers_text(headers))

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
        return plain(found).lower() if found else None

    @property
    def maddr(self) -> str | None:
        """The maddr parameter, a host, in lower case without brackets; None without a host."""
        found = self.param("maddr")
        if not (found and self.host):
            return None
        # ":::" is tolerated as in any host (RFC 5118 4.10).
        return found.lower().removeprefix("[").removesuffix("]").replace(":::", "::")

    @property
    def lr(self) -> bool:
        """Whether there is an lr parameter in any form: the hop is a loose router (16.6)."""
        return self.param("lr") is not None

    @property
    def number(self) -> str | None:
        """The telephone number without visual separators, of a tel URI or one with user=phone.

        A global number begins with "+"; where a local one holds says the parameter phone-context.
        """
        is_phone = self.scheme == "tel" or plain(self.param("user") or "").lower() == "phone"
        if self.user is None or not is_phone:
            return None
        return number_in(unescape(self.user.partition(";")[0]))

    @property
    def aor(self) -> str:
        """The address-of-record, which location services go by (10.3 step 5, 16.5).

        Scheme, user, host and port: no parameters, password or headers, and no escape that need not
        be. Other URIs than SIP's in the form in which they are compared.
        """
        if not self.is_sip:
            return canonical(self)
        user = "" if self.user is None else f"{plain(self.user)}@"
        return f"{self.scheme}:{user}{host_text(self.host)}{port_text(self.port)}"

    @property
    def decoded(self) -> Decoded:
        """The same parts with their escapes undone, once; for people and databases, not for SIP."""
        return Decoded(
            None if self.user is None else unescape(self.user),
            None if self.password is None else unescape(self.password),
            _decoded_pairs(self.params),
            _decoded_pairs(read_uri_headers(self.headers)),
        )

    def param(self, name: str) -> str | None:
        """Give a parameter's value: "" when it has none, None when there is no such parameter."""
        for key, text in self.params:
            if key == name:
                return text
        return None

    def with_scheme(self, scheme: str) -> "Uri":
        """Make it sip or sips (a sips URI should not become sip: RFC 5630 3)."""
        self._only_sip("another scheme")
        return _made(scheme_text(scheme) + self.text[len(self.scheme) :])

    def with_user(self, user: str | None, password: str | None = None) -> "Uri":
        """Put another user, in plain text, in the place of user and password; None: neither."""
        self._only_sip("a user")
        _, where, params, headers = sections(self.text)
        scheme = self.text[: len(self.scheme)]
        # Without a user, an "@" that should have been escaped would make one of what precedes it.
        headers = headers.replace("@", "%40")
        return _made(f"{scheme}:{userinfo_text(user, password)}{where}{params}{headers}")

    def with_host(self, host: str, port: int | None = None) -> "Uri":
        """Put another host and port in the place of these (both: without a port, none is left)."""
        self._only_sip("a host")
        before, _, params, headers = sections(self.text)
        return _made(before + host_text(host) + port_text(port) + params + headers)

    def with_param(self, name: str, text: str = "") -> "Uri":
        """Put a parameter, plain text, behind the others; it replaces any of the same name."""
        if not (self.is_sip or self.scheme == "tel"):
            raise LocalProtocolError(f"a {self.scheme} URI has no parameters; make a SIP URI")
        bare = self.without_params(plain_name(escape(name, IN_PARAM)))
        before, where, params, headers = sections(bare.text)
        return _made(before + where + params + param_text(name, text) + headers)

    def without_params(self, *names: str) -> "Uri":
        """Take these parameters (names in lower case) out."""
        if not any(name in names for name, _ in self.params):
            return self
        before, where, params, headers = sections(self.text)
        first, *pieces = params.split(";")
        kept = [p for p in pieces if plain_name(p.partition("=")[0]) not in names]
        return _made(before + where + ";".join([first, *kept]) + headers)

    def with_headers(self, *headers: tuple[str, str]) -> "Uri":
        """Put these headers, plain texts, in the place of those that are there; none: without."""
        self._only_sip("headers")
        before, where, params, _ = sections(self.text)
        return _made(before + where + params + headers_text(headers))

    def for_request_line(self) -> "Uri":
        """Take out what a Request-URI must not have: a method parameter, headers (16.6 item 2)."""
        if self.headers is None and (not self.params or self.param("method") is None):
            return self
        if not self.is_sip:
            return self
        bare = self if self.headers is None else self.with_headers()
        return bare.without_params("method")

    def to_sip(self, host: str, port: int | None = None, scheme: str = "sip") -> "Uri":
        """Make a SIP URI of a tel URI, for the gateway at this host (19.1.6)."""
        if self.scheme != "tel":
            raise LocalProtocolError(f"a {self.scheme} URI is no telephone number; take a tel URI")
        user = escape(subscriber(self.user or "", self.params), AS_USER)
        where = host_text(host) + port_text(port)
        return _made(f"{scheme_text(scheme)}:{user}@{where};user=phone")

    def _only_sip(self, what: str) -> None:
        if not self.is_sip:
            raise LocalProtocolError(f"a {self.scheme} URI cannot get {what}; make a SIP URI")


# Reading


def parse_uri(text: str, header: str = "Request-URI") -> Uri:
    """Read a URI; ``RemoteProtocolError``, which names ``header``, if it is none."""
    found = _ORDINARY(text)
    if found is None:
        return _careful(text, header)
    scheme, user, host, port, rest = found.groups()
    params: Params | None = _few_params(rest) if rest else ()
    if params is None:
        params = tuple(_ORDINARY_PARAMS(rest))
        if len(dict(params)) < len(params):  # one comes twice
            return _careful(text, header)
    return Uri(scheme, user, None, host, int(port) if port else None, params, None, text)


def _careful(text: str, header: str) -> Uri:
    wrong = ILLEGAL.search(text)
    if wrong is not None:
        problem = f"{wrong.group()!r} is not allowed in a URI"
        raise malformed(header, problem, "RFC 3261 25.1", "escape it, or leave it out")
    scheme, colon, opaque = text.partition(":")
    if not (colon and opaque and _SCHEME.fullmatch(scheme)):
        problem = f"{text[:40]!r} is not a URI"
        raise malformed(header, problem, "RFC 3261 25.1", "begin with a scheme")
    scheme = scheme.lower()
    if scheme in {"sip", "sips"}:
        return _sip(scheme, text, header)
    if scheme != "tel":
        return Uri(scheme, None, None, "", None, (), None, text)
    number, _, params = opaque.partition(";")
    if not number:
        problem = "there is no number"
        raise malformed(header, problem, "RFC 3966 3", "send tel:, a number, then parameters")
    return Uri(scheme, number, None, "", None, read_uri_params(params), None, text)


def _sip(scheme: str, text: str, header: str) -> Uri:
    before, where, given, headers = sections(text)
    user = password = None
    if before.endswith("@"):
        user, colon, tail = before[len(scheme) + 1 : -1].partition(":")
        password = tail if colon else None
    if "@" in where or "@" in given:
        # In headers it is as wrong, but seen in many a Replaces, and leads nobody elsewhere.
        problem = "there is a second @, so the host is in doubt"
        raise malformed(header, problem, "RFC 3261 19.1.2", "escape it as %40")
    if password is not None and (";" in password or "?" in password):
        problem = "the password has ; or ? in it, so the host is in doubt"
        raise malformed(header, problem, "RFC 3261 25.1", "escape it")
    if not where:
        raise malformed(header, "there is no host", "RFC 3261 19.1.1", "send sip:user@host")
    host, port = read_host_port(where, header)
    params = read_uri_params(given)
    check_params(params, header)
    query = headers[1:] if headers else None
    return Uri(scheme, user, password, host.lower(), port, params, query, text)


def _decoded_pairs(pairs: Params) -> Params:
    return tuple([(unescape(name), unescape(text)) for name, text in pairs])


def _made(text: str) -> Uri:
    """Read what we have put together; what is wrong with it is the caller's fault."""
    try:
        return parse_uri(text)
    except RemoteProtocolError as error:
        raise LocalProtocolError(error.reason) from None


# Comparing

# Parameters that count when only one of two URIs has them (19.1.4). The text leaves transport out,
# and its examples have it in (AMB-09).
_WEIGHTY: Final = ("user", "ttl", "method", "maddr", "transport")


def equivalent(one: Uri, other: Uri) -> bool:
    """Compare two URIs by the rules of their scheme (19.1.4, RFC 3966 4, RFC 3986 6.2.2).

    Those of SIP are symmetric, but not transitive: a parameter that only one URI has is ignored,
    but for the five of ``canonical``. So there is nothing to be used for keys or sets: compare
    pairwise.
    """
    return canonical(one) == canonical(other) and _agree(one, other)


def canonical(uri: Uri) -> str:
    """Give a text that equivalent URIs share, for narrowing down and for keys of many parts.

    For SIP, where equality is not transitive, some URIs that are not equivalent share it as well:
    it has only those parameters in it that may not be missing. It has no white space, and to read
    it as a URI again makes no sense.
    """
    if uri.is_sip:
        return _canonical_sip(uri)
    opaque = plain(uri.text.partition(":")[2])
    if uri.scheme == "tel":
        return f"tel:{compared(uri.user or '', uri.params)}"
    found = _AUTHORITY.fullmatch(opaque)  # its host is compared without case (RFC 3986 6.2.2.1)
    if found is not None:
        opaque = found[1] + found[2].lower() + found[3]
    return f"{uri.scheme}:{opaque}"


def _canonical_sip(uri: Uri) -> str:
    # "Comparison of the userinfo of SIP and SIPS URIs is case-sensitive. [...] Comparison of all
    # other components of the URI is case-insensitive unless explicitly defined otherwise."
    user = "" if uri.user is None else plain(uri.user)
    password = "" if uri.password is None else f":{plain(uri.password)}"
    at = "" if uri.user is None else "@"
    host = ip_text(uri.host) or uri.host  # never a name for an address (RFC 5954 4.2: by value)
    port = "" if uri.port is None else f" {uri.port}"
    counted = sorted([(n, _value(n, text)) for n, text in uri.params if n in _WEIGHTY])
    params = "".join([f";{name}={text}" for name, text in counted])
    # "URI header components are never ignored." Their values would be compared by the rules of
    # each header; here they are the same text, so at worst two equal ones are taken for different.
    pairs = read_uri_headers(uri.headers)
    fields = sorted([f"{long_name(plain(name))}={plain(text)}" for name, text in pairs])
    return f"{uri.scheme}:{user}{password}{at}{host}{port}{params}?{'&'.join(fields)}"


def _agree(one: Uri, other: Uri) -> bool:
    """Whether the parameters that both have are the same."""
    if not (one.is_sip and one.params and other.params):
        return True
    mine, theirs = _values(one), _values(other)
    return all(mine[name] == theirs[name] for name in mine.keys() & theirs.keys())


def _values(uri: Uri) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, text in uri.params:
        found.setdefault(plain(name).lower(), []).append(_value(name, text))
    return found


def _value(name: str, text: str) -> str:
    if name == "maddr":
        host = text.removeprefix("[").removesuffix("]")
        return ip_text(host) or text.lower()
    return plain(text).lower()
