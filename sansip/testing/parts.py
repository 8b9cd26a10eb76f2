"""Tokens, hosts, URIs, addresses, Via values (RFC 3261 19.1, 20, 25.1).

What is called bare has marks for white space in it; see ``sansip.testing.spelling``. Strategies
never change; they stand at module level because making them costs more than drawing from them.
"""

import ipaddress
import re
from typing import Final

from hypothesis import strategies as st

from sansip.testing.spelling import COLON, EQUAL, MAY, MUST, ONE, SEMI, SLASH, Text, spelt

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALNUM: Final = f"{_LETTERS}0123456789"
_TOKEN: Final = f"{ALNUM}-.!%*_+`'~"
_UNRESERVED: Final = f"{ALNUM}-_.!~*'()"
WORD: Final = f'{_TOKEN}()<>:\\"/[]?{{}}'
# UTF8-NONASCII and UTF8-CONT: two, three and four bytes, an overlong NUL, a lone byte in the middle
BEYOND: Final = ("\u00e9", "\u0131", "\u20ac", "\u212a", "\U0001f4de", "\udcc0\udc80", "\udc80")

_FLAG: Final = st.booleans()
_TOKENS: Final = st.text(_TOKEN, min_size=1, max_size=8)


def tokens() -> st.SearchStrategy[str]:
    """Give tokens, of letters, digits and all else that is allowed in them (25.1)."""
    return _TOKENS


# Hosts


def _ipv6_texts(number: int) -> list[str]:
    ip = ipaddress.IPv6Address(number)
    mapped = f"::ffff:{ipaddress.IPv4Address(number % 2**32)}"
    return [f"[{text}]" for text in (str(ip), ip.exploded, str(ip).upper(), mapped)]


_LABELS: Final = st.tuples(
    st.sampled_from(ALNUM),
    st.text(ALNUM + "-", max_size=4),
    st.sampled_from(ALNUM),
).map("".join)
_NAMES: Final = st.tuples(
    st.lists(_LABELS, max_size=3),
    st.sampled_from(_LETTERS),
    st.sampled_from(["", ".", "1", "o-m", "com."]),
).map(lambda it: ".".join([*it[0], it[1] + it[2]]))
_HOSTS: Final = st.one_of(
    st.sampled_from(["h", "example.com", "192.0.2.1", "[2001:db8::1]", "[::1]"]),
    _NAMES,
    st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address).map(str),
    st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 3)).map(
        lambda it: _ipv6_texts(it[0])[it[1]]
    ),
)


def hosts() -> st.SearchStrategy[str]:
    """Give hosts as they stand in URIs and Via: names, IPv4, and IPv6 in brackets (25.1)."""
    return _HOSTS


# URIs


def _several(alphabet: str, least: int = 0) -> Text:
    """Give characters of an alphabet, with escapes between them."""
    pieces = st.lists(st.text(alphabet, min_size=1, max_size=5), min_size=least, max_size=2)
    escapes = ("", "%41", "%2525", "%00", "%e2%82%AC", "%40", "%3b", "%0d%0A", "%6C%72")
    return st.tuples(pieces, st.sampled_from(escapes)).map(lambda it: it[1].join([*it[0], ""]))


_USERS: Final = st.one_of(st.just("bob"), _several(f"{_UNRESERVED}&=+$,;?/", 1))
_PASSWORDS: Final = st.one_of(st.just(""), _several(f"{_UNRESERVED}&=+$,").map(":{}".format))
_PORTS: Final = st.sampled_from(["", "", ":5060", ":05061", ":65535", ":0"])
_URI_PARAMS: Final = st.lists(
    st.sampled_from(
        ["transport=tcp", "transport=UDP", "lr", "user=phone", "maddr=[2001:db8::2]", "ttl=16"]
    ),
    max_size=3,
    unique_by=lambda param: param[:2],
)
_PARAM_TEXTS: Final = _several(f"{_UNRESERVED}[]/:&+$", 1)
_KNOWN: Final = frozenset({"transport", "lr", "user", "maddr", "ttl", "method"})
_OTHER_URI_PARAMS: Final = st.lists(
    st.tuples(
        _PARAM_TEXTS.filter(lambda name: name.lower() not in _KNOWN),
        st.one_of(st.just(""), _PARAM_TEXTS.map("={}".format)),
    ),
    max_size=2,
    unique_by=lambda param: param[0].lower(),
)
_HEADER_TEXTS: Final = _several(f"{_UNRESERVED}[]/?:+$", 1)
_URI_HEADERS: Final = st.lists(
    st.tuples(_HEADER_TEXTS, _HEADER_TEXTS).map("=".join), min_size=1, max_size=2
).map(lambda pairs: f"?{'&'.join(pairs)}")
_TEL: Final = st.tuples(
    st.sampled_from(["+1", "1", "%231"]),
    st.text("0123456789-.()", max_size=8),
    st.sampled_from(["", ";ext=1", ";phone-context=+44", ";phone-context=example.com;x=y"]),
).map(lambda it: "tel:{}{}0{}".format(*it).replace("%231", "1"))
_OPAQUE: Final = _several(f"{_UNRESERVED}:/&=+$;,?@", 1)
_ODD_SCHEMES: Final = st.sampled_from(["urn", "http", "IM", "soap.beep", "x-a+1"])


@st.composite
def _sip_uri(draw: st.DrawFn, scheme: str, headers: bool) -> str:  # noqa: FBT001
    pieces = [scheme if draw(_FLAG) else scheme.title(), ":"]
    if draw(_FLAG):
        pieces += [draw(_USERS), draw(_PASSWORDS), "@"]
    pieces += [draw(_HOSTS), draw(_PORTS)]
    pieces += [f";{param}" for param in draw(_URI_PARAMS)]
    pieces += [f";{name}{content}" for name, content in draw(_OTHER_URI_PARAMS)]
    if headers and draw(_FLAG):
        pieces.append(draw(_URI_HEADERS))
    return "".join(pieces)


def uris(*schemes: str, headers: bool = True) -> st.SearchStrategy[str]:
    """Give URIs of these schemes, or else sip, sips, tel and others (19.1.1, 25.1, RFC 3966).

    With escapes, odd users, passwords, ports, parameters of all kinds, each at most once, and
    headers after "?" unless these are not wanted: a Request-URI must have none.
    """
    if not schemes:
        odd = st.tuples(_ODD_SCHEMES, _OPAQUE).map(":".join)
        return st.one_of(uris("sip", "sips", headers=headers), _TEL, odd)
    return st.one_of([_uris(scheme, headers=headers) for scheme in schemes])


def _uris(scheme: str, *, headers: bool) -> Text:
    if scheme in {"sip", "sips"}:
        return _sip_uri(scheme, headers)
    return _TEL if scheme == "tel" else _OPAQUE.map(f"{scheme}:{{}}".format)


_URIS: Final = uris()

# What headers have


BARE_QUOTED: Final = st.lists(
    st.one_of(
        st.text("a,;<>@=:'[]%", min_size=1, max_size=6),
        st.sampled_from('"\\a,\0\x07\x7f').map("\\{}".format),
        st.sampled_from([*BEYOND, ONE]),
    ),
    max_size=4,
).map(lambda pieces: f'"{"".join(pieces)}"')
_QUOTED: Final = spelt(BARE_QUOTED)
_NAMED: Final = frozenset(
    {"tag", "branch", "rport", "received", "maddr", "ttl", "q", "expires", "lr"}
)
_GENERIC: Final = st.lists(
    st.tuples(
        _TOKENS.filter(lambda name: name.lower() not in _NAMED),
        st.one_of(st.just(""), st.one_of(_TOKENS, _HOSTS, BARE_QUOTED).map(f"{EQUAL}{{}}".format)),
    ),
    max_size=2,
    unique_by=lambda param: param[0].lower(),
).map(lambda params: "".join([f"{SEMI}{name}{content}" for name, content in params]))
_WORDS: Final = st.lists(_TOKENS, min_size=1, max_size=2).map(lambda it: ONE.join(it) + MUST)
_DISPLAYS: Final = st.one_of(st.just(""), _WORDS, BARE_QUOTED)
_TAGS: Final = _TOKENS.map(f"{SEMI}tag{EQUAL}{{}}".format)


def quoted_strings() -> st.SearchStrategy[str]:
    """Give quoted strings (25.1): with escapes of everything, UTF-8, and folds."""
    return _QUOTED


@st.composite
def _addresses(draw: st.DrawFn, tag: bool | None, known: st.SearchStrategy[str]) -> str:  # noqa: FBT001
    uri = draw(_URIS)
    # "?" and "," need brackets, and after ";" come the header's parameters (20.10)
    if re.search("[?,;]", uri) or draw(_FLAG):
        uri = f"{draw(_DISPLAYS)}{MAY}<{uri}>"
    params = [draw(known), draw(_GENERIC)]
    if draw(_FLAG) if tag is None else tag:
        params.insert(draw(st.integers(0, 2)), draw(_TAGS))
    return uri + "".join(params)


BARE_ADDRESSES: Final = _addresses(None, st.just(""))
BARE_TAGGED: Final = _addresses(True, st.just(""))
BARE_CONTACTS: Final = _addresses(
    False,
    st.sampled_from(["", f"{SEMI}q{EQUAL}0.7", f"{SEMI}expires{EQUAL}3600"]),
)


def name_addrs(*, tag: bool | None = None) -> st.SearchStrategy[str]:
    """Give the values of From, To and the like: name-addr or addr-spec, and parameters (20.10).

    ``tag`` says whether there is one; None leaves it to chance.
    """
    return spelt(_addresses(tag, st.just("")))


_TRANSPORTS: Final = st.one_of(st.sampled_from(["UDP", "TCP", "TLS", "SCTP", "udp"]), _TOKENS)
_VIA_PORTS: Final = st.sampled_from(["", "", "5060", "05070", "65535"]).map(
    lambda port: f"{COLON}{port}" if port else ""
)
_BRANCHES: Final = st.one_of(
    st.just(""),
    st.one_of(_TOKENS, _TOKENS.map("z9hG4bK{}".format)).map(f"{SEMI}branch{EQUAL}{{}}".format),
)
_VIA_PARAMS: Final = st.tuples(
    st.sampled_from(["", "rport", "rport=5062"]),
    st.sampled_from(["", "received=192.0.2.9", "received=2001:db8::9", "received=[2001:db8::9]"]),
    st.sampled_from(["", "maddr=h", "ttl=1"]),
).map(lambda it: "".join([SEMI + param.replace("=", EQUAL) for param in it if param]))


@st.composite
def _via(draw: st.DrawFn) -> str:
    sip = "SIP" if draw(_FLAG) else "sip"
    params = draw(st.permutations([draw(_BRANCHES), draw(_VIA_PARAMS), draw(_GENERIC)]))
    sent_by = f"{draw(_HOSTS)}{draw(_VIA_PORTS)}"
    return f"{sip}{SLASH}2.0{SLASH}{draw(_TRANSPORTS)}{MUST}{sent_by}{''.join(params)}"


BARE_VIAS: Final = _via()
_VIAS: Final = spelt(BARE_VIAS)


def vias() -> st.SearchStrategy[str]:
    """Give single Via values, with all kinds of branch or none (20.42)."""
    return _VIAS


# What an unknown header may hold: all but control characters (25.1).
ANYTHING: Final = st.lists(
    st.one_of(
        st.text("".join(map(chr, range(0x21, 0x7F))), max_size=6), st.sampled_from([*BEYOND, ONE])
    ),
    max_size=5,
).map(lambda pieces: "".join(pieces).strip(ONE))
