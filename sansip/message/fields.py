"""The headers that a proxy takes apart: Via, CSeq and the address headers (RFC 3261 20).

What is ordinary is recognised by one pattern each; anything else goes through the careful reader,
which allows all that the grammar of section 25 does: white space round every separator, folds,
quoted strings, IPv6.
"""

import re
from typing import Final

from sansip.address import bracketed
from sansip.errors import LocalProtocolError
from sansip.message.grammar import (
    MAX_32_BITS,
    TOKEN_CHARACTERS,
    Params,
    ip_text,
    is_quoted_string,
    is_token,
    malformed,
    number,
    quoted_length,
    read_host_port,
    read_params,
    split_outside,
    unfold,
    unquote,
)
from sansip.message.header_params import Parameters, quote, write_params
from sansip.message.uri import ILLEGAL, Uri, parse_uri
from sansip.value import value

_ORDINARY_VIA: Final = re.compile(
    r"SIP/2\.0/([A-Z]++) ([A-Za-z0-9.\-]++)(?::([0-9]{1,4}))?"
    rf"((?:;[a-z]++(?:=[{TOKEN_CHARACTERS}]++)?)*+)"
)
_SENT_PROTOCOL: Final = re.compile(
    rf"([{TOKEN_CHARACTERS}]++)[ \t]*+/[ \t]*+([{TOKEN_CHARACTERS}]++)[ \t]*+/[ \t]*+"
    rf"([{TOKEN_CHARACTERS}]++)[ \t]++(.++)"
)
# A display name (tokens, or quoted without escapes), a URI in brackets, at most a tag.
_TAG: Final = rf"(?:;tag=([{TOKEN_CHARACTERS}]++))?+"
_DISPLAY: Final = rf'"[^"\\\x00-\x1f\x7f]*+" ?|[{TOKEN_CHARACTERS} ]*+'
_BRACKETED: Final = r'[^<>"\x00-\x20\x7f]++'
ORDINARY_ADDRESS: Final = rf"(?:{_DISPLAY})<{_BRACKETED}>{_TAG}"  # only the tag is a group
_ORDINARY_ADDRESS: Final = re.compile(rf"({_DISPLAY})<({_BRACKETED})>{_TAG}")
_DISPLAY_TOKENS: Final = re.compile(rf"[{TOKEN_CHARACTERS} \t]*+")

MAX_CSEQ: Final = MAX_32_BITS  # 8.1.1.5 asks for less than 2**31; RFC 4475 3.1.2.4 for at most this


@value
class CSeq:
    """A CSeq header."""

    number: int
    method: str

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


@value
class Via:
    """One Via value.

    ``transport`` is in upper case, ``host`` as it came but IPv6 without brackets. ``params`` are
    the parameters other than branch, names in lower case, "" for a parameter without a value.
    """

    transport: str
    host: str
    port: int | None = None
    branch: str | None = None
    params: Params = ()

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        branch = "" if self.branch is None else f";branch={self.branch}"
        text = f"SIP/2.0/{self.transport} {bracketed(self.host)}{port}{branch}"
        for name, given in self.params:
            text += f";{name}={given}" if given else f";{name}"
        return text

    @property
    def received(self) -> str | None:
        """The received parameter without brackets, or None (RFC 5118 4.5)."""
        found = self.param("received")
        return found.removeprefix("[").removesuffix("]") if found else None

    @property
    def rport(self) -> str | None:
        """The rport parameter: None if absent, "" if it asks for a value, else the value."""
        return self.param("rport")

    @property
    def maddr(self) -> str | None:
        """The maddr parameter without brackets, or None."""
        found = self.param("maddr")
        return found.removeprefix("[").removesuffix("]") if found else None

    @property
    def ttl(self) -> int | None:
        """The ttl parameter, or None."""
        return number(self.param("ttl") or "", 255)

    @property
    def default_port(self) -> int:
        """The port that sent-by means when it names none (18.2.2, 20.42)."""
        return 5061 if self.transport in {"TLS", "WSS"} else 5060

    @property
    def sent_by(self) -> str:
        """Host and port in one normal form, for comparing: the default port is filled in."""
        port = self.default_port if self.port is None else self.port
        host = self.host
        if ":" in host:
            return f"[{ip_text(host) or host.lower()}]:{port}"
        return f"{host.lower()}:{port}"

    def param(self, name: str) -> str | None:
        """Give a parameter's value: "" when it has none, None when there is no such parameter."""
        for key, text in self.params:
            if key == name:
                return text
        return self.branch if name == "branch" else None

    def stamped(self, received: str | None, rport: int | None) -> "Via":
        """Note where the request really came from (18.2.1, RFC 3581 4).

        None takes an earlier ``received`` out (AMB-12); for ``rport`` it leaves what is there.
        """
        replaced = ("received",) if rport is None else ("received", "rport")
        kept = [pair for pair in self.params if pair[0] not in replaced]
        if received is not None:
            kept.append(("received", received))
        if rport is not None:
            kept.append(("rport", str(rport)))
        return Via(self.transport, self.host, self.port, self.branch, tuple(kept))


@value
class NameAddr(Parameters):
    """An address: ``"Alice" <sip:alice@example.com>;tag=1`` or ``sip:alice@example.com;tag=1``.

    ``display`` is unquoted; ``params`` belong to the header, never to the URI. ``str`` gives the
    first form, always with brackets; ``LocalProtocolError`` if something in it would end the URI, a
    parameter or the row.
    """

    display: str
    uri_text: str
    params: Params = ()

    def __str__(self) -> str:
        if not self.uri_text or ILLEGAL.search(self.uri_text):
            message = f"{self.uri_text!r} is no URI that brackets can stand round"
            raise LocalProtocolError(message)
        if self.is_star:
            return "*"
        display = f"{quote(self.display)} " if self.display else ""
        return f"{display}<{self.uri_text}>{write_params(self.params)}"

    @property
    def uri(self) -> Uri:
        """The URI, taken apart at every call; ``RemoteProtocolError`` if it is malformed."""
        return parse_uri(self.uri_text, "URI")

    @property
    def is_star(self) -> bool:
        """Whether this is the "*" of Contact: all that is registered (10.2.2)."""
        return self == STAR

    @property
    def tag(self) -> str | None:
        """The tag of From or To, None if there is none or it is empty."""
        return self.param("tag") or None

    def _with(self, params: Params) -> "NameAddr":
        return NameAddr(self.display, self.uri_text, params)


STAR: Final = NameAddr("", "*")  # Contact: * (10.2.2)


def parse_via(text: str) -> Via:
    """Read one Via value; ``RemoteProtocolError`` if it is malformed."""
    found = _ORDINARY_VIA.fullmatch(text)
    if found is None:
        return _careful_via(unfold(text))
    transport, host, port, rest = found.groups()
    pairs = [piece.partition("=") for piece in rest.split(";")[1:]]
    params = {name: given for name, _, given in pairs}
    branch = params.pop("branch", None)
    if branch == "" or len(params) + (branch is not None) < len(pairs):
        return _careful_via(text)
    return Via(transport, host, int(port) if port else None, branch, tuple(params.items()))


def _careful_via(text: str) -> Via:
    # sent-protocol LWS sent-by *( SEMI via-params ), LWS allowed round "/", ":", ";" and "="
    first, *pieces = split_outside(text, ";")
    found = _SENT_PROTOCOL.fullmatch(first.strip(" \t"))
    if found is None or (found[1].upper(), found[2]) != ("SIP", "2.0"):
        problem = "does not begin with SIP/2.0/transport and sent-by"
        raise malformed("Via", problem, "RFC 3261 20.42", "send for example SIP/2.0/UDP host")
    host, port = read_host_port(found[4], "Via")
    params = read_params(pieces, "Via")
    branch = dict(params).get("branch")
    if branch is not None and not is_token(branch):
        problem = "branch is not a token"
        raise malformed("Via", problem, "RFC 3261 20.42", "send z9hG4bK and something unique")
    rest = tuple([pair for pair in params if pair[0] != "branch"])
    return Via(found[3].upper(), host, port, branch, rest)


def parse_cseq(text: str) -> CSeq:
    """Read a CSeq value; ``RemoteProtocolError`` if it is malformed."""
    words = [word for word in unfold(text).replace("\t", " ").split(" ") if word]
    count = number(words[0], MAX_CSEQ) if len(words) == 2 else None
    if count is None or not is_token(words[1]):
        problem = "is not a number up to 2**32-1 and a method"
        raise malformed("CSeq", problem, "RFC 3261 8.1.1.5", "send for example 1 INVITE")
    return CSeq(count, words[1])


def parse_name_addr(text: str, header: str = "Address") -> NameAddr:
    """Read one address value; ``RemoteProtocolError``, which names ``header``, if malformed."""
    found = _ORDINARY_ADDRESS.fullmatch(text)
    if found is not None:
        display, uri_text, tag = found.groups()
        params = () if tag is None else (("tag", tag),)
        return NameAddr(unquote(display.strip(" ")), uri_text, params)
    text = unfold(text)
    display, opening, rest = _cut_display(text)
    if opening and ";" not in display.partition('"')[0]:
        uri_text, closing, rest = rest.partition(">")
        between, *pieces = split_outside(rest, ";")
        if not closing or between.strip(" \t"):
            problem = "the angle brackets round the URI do not match"
            raise malformed(header, problem, "RFC 3261 20.10", "send <URI>")
    else:
        # In the addr-spec form "?" and "," need brackets, and ";" begins the header's parameters
        # (RFC 3261 20.10, RFC 8217).
        display, (uri_text, *pieces) = "", split_outside(text, ";")
        uri_text = uri_text.rstrip(" \t")
        if "?" in uri_text or "," in uri_text:
            problem = 'a URI with "?" or "," in it needs angle brackets'
            raise malformed(header, problem, "RFC 8217", "send <URI>")
    if not uri_text or ILLEGAL.search(uri_text):
        problem = "the URI is empty or has a character that no URI can have"
        raise malformed(header, problem, "RFC 3261 25.1", "escape it")
    if not (is_quoted_string(display) or _DISPLAY_TOKENS.fullmatch(display)):
        problem = "the display name is neither tokens nor one quoted string"
        raise malformed(header, problem, "RFC 3261 25.1", "quote it")
    return NameAddr(unquote(display), uri_text, read_params(pieces, header))


def parse_bracketed(text: str, header: str) -> NameAddr:
    """Read an address that must be in angle brackets, as in Route (20.34, 3261-25-08).

    Without them nobody could say whether an lr parameter is the URI's or the header's.
    """
    if text[:1] != "<" and "<" not in split_outside(text, ";")[0]:
        problem = f"{text[:80]!r} lacks angle brackets"
        raise malformed(header, problem, "RFC 3261 25.1", "send <URI>")
    return parse_name_addr(text, header)


def bracketed_uri(text: str, header: str) -> Uri:
    """Read the URI of an address that must be in angle brackets, for those who want no more."""
    if text[:1] == "<" and text.find(">") == len(text) - 1:  # and nothing else
        return parse_uri(text[1:-1], "URI")
    return parse_bracketed(text, header).uri


def _cut_display(text: str) -> tuple[str, str, str]:
    """Cut at the first "<" that is not in a quoted display name: before, "<" or "", after."""
    start = quoted_length(text)
    before, opening, rest = text[start:].partition("<")
    return text[:start] + before.strip(" \t"), opening, rest
