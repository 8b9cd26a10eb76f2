"""Whole messages (RFC 3261 7, 8.1.1, 20)."""

from collections.abc import Mapping
from functools import partial
from itertools import cycle, repeat
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

from hypothesis import strategies as st

from sansip.message import Request, Response
from sansip.message.names import COMPACT, SINGLE, SPELLED
from sansip.testing.parts import (
    ALNUM,
    ANYTHING,
    BARE_ADDRESSES,
    BARE_CONTACTS,
    BARE_QUOTED,
    BARE_TAGGED,
    BARE_VIAS,
    BEYOND,
    WORD,
    tokens,
    uris,
)
from sansip.testing.spelling import COMMA, EQUAL, KINDS, MAY, MUST, ONE, SEMI, Text, spaced

_Row = tuple[str, list[str]]  # a name in lower case, its values with marks for white space

_M = TypeVar("_M", Request, Response)
_Of_co = TypeVar("_Of_co", Request, Response, covariant=True)


class _Start(Protocol[_Of_co]):
    """What makes a message of a start line's parts, once it is given the rest."""

    def __call__(self, lines: tuple[str, ...], body: bytes, /) -> _Of_co: ...


# Starts


_FLAG: Final = st.booleans()
_METHODS: Final = st.one_of(
    st.sampled_from(["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "MESSAGE", "NOTIFY"]),
    tokens(),
)
_ORDINARY_URIS: Final = st.sampled_from(
    ["sip:bob@example.com", "sips:h:5061", "sip:+1@192.0.2.1;user=phone"]
)
_REQUEST_URIS: Final = st.one_of(_ORDINARY_URIS, uris(headers=False))
_STATUSES: Final = st.one_of(st.sampled_from([200, 100, 180, 486]), st.integers(100, 699))
_REASONS: Final = st.sampled_from(["OK", "", "= 2**3 %41", " \t", *BEYOND])


@st.composite
def _request_starts(draw: st.DrawFn, method: str | None) -> tuple[str, _Start[Request]]:
    if method is None:
        method = draw(_METHODS)
    return method, partial(Request, method, draw(_REQUEST_URIS))


@st.composite
def _response_starts(
    draw: st.DrawFn, status: int | None, method: str | None
) -> tuple[str, _Start[Response]]:
    if method is None:
        method = draw(_METHODS)
    if status is None:
        status = draw(_STATUSES)
    return method, partial(Response, status, draw(_REASONS))


# Rows: each of the ordinary kind, or of any


@st.composite
def _ordinary(draw: st.DrawFn, tag: bool | None) -> str:  # noqa: FBT001
    display = draw(st.sampled_from(["", "Bob ", '"Bob, the \u00e9" ']))
    uri = draw(_ORDINARY_URIS)
    tagged = draw(_FLAG) if tag is None else tag
    return f"{display}<{uri}>" + (f";tag={draw(tokens())}" if tagged else "")


_ORDINARY_VIAS: Final = st.tuples(
    st.sampled_from(["UDP h", "TCP example.com:5060", "TLS 192.0.2.1", "UDP [::1]:5070"]),
    tokens(),
    st.sampled_from(["", ";rport", ";rport=9;received=192.0.2.9"]),
).map(lambda it: f"SIP/2.0/{it[0]};branch=z9hG4bK{it[1]}{it[2]}")
_ORDINARY_CALL_IDS: Final = st.text(ALNUM, min_size=1, max_size=9).map("{}@example.com".format)
_ORDINARY_NUMBERS: Final = st.sampled_from(["1", "70", "255"])
_CALL_IDS: Final = st.lists(st.text(WORD, min_size=1, max_size=9), min_size=1, max_size=2).map(
    "@".join
)
_ZEROS: Final = st.sampled_from(["", "", "00"])


def _list(values: Text) -> st.SearchStrategy[list[str]]:
    return st.lists(values, min_size=1, max_size=3)


def _one(text: str | Text) -> st.SearchStrategy[list[str]]:
    return st.just([text]) if isinstance(text, str) else text.map(lambda it: [it])


_NEEDED: Final[tuple[tuple[str, tuple[st.SearchStrategy[list[str]], ...]], ...]] = (
    ("via", (_list(_ORDINARY_VIAS), _list(BARE_VIAS))),
    ("from", (_one(_ordinary(True)), _one(BARE_TAGGED), _one(BARE_ADDRESSES))),
    ("to", (_one(_ordinary(None)), _one(BARE_ADDRESSES))),
    ("call-id", (_one(_ORDINARY_CALL_IDS), _one(_CALL_IDS))),
)
_MAX_FORWARDS: Final = st.one_of(
    _list(_ORDINARY_NUMBERS).map(lambda it: it[:1]),
    st.tuples(_ZEROS, st.integers(0, 255).map(str)).map(lambda it: ["".join(it)]),
    st.just(list[str]()),
)
_NUMBERS: Final = st.one_of(
    _ORDINARY_NUMBERS, st.tuples(_ZEROS, st.integers(0, 2**31 - 1).map(str)).map("".join)
)
_ROUTES: Final = _list(uris("sip", "sips").map("<{}>".format))
# What a proxy does not look at, or only now and then.
_OTHERS: Final[Mapping[str, st.SearchStrategy[list[str]]]] = MappingProxyType(
    {
        "contact": _list(BARE_CONTACTS),
        "p-asserted-identity": _list(BARE_CONTACTS),
        "route": _ROUTES,
        "record-route": _ROUTES,
        "supported": st.one_of(_one(""), _list(tokens())),
        "require": _list(tokens()),
        "allow": _list(tokens()),
        "accept": st.just(["application/sdp", f"text/*{SEMI}q{EQUAL}0.5"]),
        "subject": _one(ANYTHING),
        "user-agent": _one(f"Phone/1.0{ONE}(a, b; \\c)"),
        "warning": BARE_QUOTED.map(lambda text: [f"399 h:5060 {text}", '370 example.com "a, b"']),
        "authorization": BARE_QUOTED.map(lambda text: [f"Digest{ONE}realm={text}, nc=00000001"]),
        "date": _one("Sat, 13 Nov 2010 23:29:00 GMT"),
        "timestamp": st.sampled_from([["54"], [f"54.21{MUST}.7"]]),
        "expires": st.sampled_from([["0"], ["4294967295"]]),
        "content-type": _one(f'multipart/mixed{SEMI}boundary{EQUAL}"--,;"'),
        "event": _one(f"dialog{SEMI}id{EQUAL}1"),
        "reason": BARE_QUOTED.map(lambda text: [f"SIP{SEMI}cause{EQUAL}200", f"Q.850;text={text}"]),
    }
)
_SOME: Final = st.lists(st.sampled_from(sorted(_OTHERS)), unique=True, max_size=4)
_UNKNOWN: Final = st.lists(
    st.tuples(
        tokens().filter(lambda name: name.lower() not in SPELLED.keys() | COMPACT.keys()),
        _one(ANYTHING),
    ),
    max_size=2,
    unique_by=lambda row: row[0].lower(),
)
_BODIES: Final = st.binary(max_size=20)


@st.composite
def _content(draw: st.DrawFn, method: str, *, framed: bool) -> tuple[list[_Row], bytes]:
    """Give the rows, and the body."""
    body = draw(_BODIES)
    odd = draw(_FLAG)
    rows = [(name, draw(st.one_of(kinds) if odd else kinds[0])) for name, kinds in _NEEDED]
    rows.append(("cseq", [f"{draw(_NUMBERS)}{MUST}{method}"]))
    rows.append(("max-forwards", draw(_MAX_FORWARDS)))
    if framed or draw(_FLAG):
        rows.append(("content-length", [f"{draw(_ZEROS)}{len(body)}"]))
    rows += [(name, draw(_OTHERS[name])) for name in draw(_SOME)]
    if odd:
        rows += draw(_UNKNOWN)
    return rows, body


# Spelling


def _usual(name: str) -> str:
    return SPELLED.get(name, name)


def _compact(name: str) -> str:
    return _SHORT.get(name, name)


_SHORT: Final = MappingProxyType({name: short for short, name in COMPACT.items()})
_STYLES: Final = st.lists(
    st.sampled_from((_usual, _compact, str.upper, str.title)), min_size=1, max_size=5
)
_GAPS: Final = st.lists(st.sampled_from(["", " ", "\t "]), min_size=1, max_size=5)


@st.composite
def _laid_out(draw: st.DrawFn, rows: list[_Row]) -> tuple[str, ...]:
    """Give lines in any spelling."""
    joined = draw(_FLAG)
    waiting: dict[str, list[str]] = {}
    for name, contents in rows:
        whole = [COMMA.join(contents)] if joined and name not in SINGLE else contents
        waiting.setdefault(name, []).extend(reversed(whole))
    order = draw(st.permutations([name for name, contents in waiting.items() for _ in contents]))
    spaces = cycle(draw(KINDS))
    gaps = cycle(draw(_GAPS))
    styles = cycle(draw(_STYLES))
    return tuple(
        [
            f"{next(styles)(name)}{next(gaps)}:{spaced(MAY + waiting[name].pop(), spaces)}"
            for name in order
        ]
    )


# All of it


@st.composite
def _twins(
    draw: st.DrawFn, starts: "st.SearchStrategy[tuple[str, _Start[_M]]]", *, framed: bool = True
) -> tuple[_M, _M]:
    method, start = draw(starts)
    rows, body = draw(_content(method, framed=framed))
    lines = [
        f"{_usual(name)}: {spaced(text, repeat(''))}" for name, texts in rows for text in texts
    ]
    usual = start(tuple(lines), body)
    return usual, start(draw(_laid_out(rows)), body) if draw(_FLAG) else usual


def requests(method: str | None = None, *, framed: bool = True) -> st.SearchStrategy[Request]:
    """Give valid requests, ``render()`` of which is what came on the wire (7.1, 8.1.1, 25.1).

    Of this method, or else of one of those in RFC 3261 or any other. ``framed=False`` also gives
    some without Content-Length, which datagrams need not have (20.14).
    """
    return _twins(_request_starts(method), framed=framed).map(lambda both: both[1])


def responses(
    status: int | None = None, method: str | None = None, *, framed: bool = True
) -> st.SearchStrategy[Response]:
    """Give valid responses of this status to this method, or else of any (7.2, 25.1).

    ``framed`` is as in ``requests``.
    """
    return _twins(_response_starts(status, method), framed=framed).map(lambda both: both[1])


def messages(*, framed: bool = True) -> st.SearchStrategy[Request | Response]:
    """Give valid requests and responses; see there."""
    return st.one_of(requests(framed=framed), responses(framed=framed))


def twins() -> st.SearchStrategy[tuple[Request, Request] | tuple[Response, Response]]:
    """Give pairs of valid messages that mean the same: one in the usual spelling, one in any.

    They differ in folds and other white space, in the case of header names and compact forms, in
    how values are spread over rows, and in the order of rows of different names (7.3).
    """
    return st.one_of(_twins(_request_starts(None)), _twins(_response_starts(None, None)))
