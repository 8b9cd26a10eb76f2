"""What holds for all messages: nothing else is raised, nothing is lost, all in linear time."""

from collections.abc import Callable
from contextlib import suppress
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip.errors import RemoteProtocolError
from sansip.message import (
    DEFAULT_LIMITS,
    MessageLimits,
    Request,
    Response,
    cancel,
    name_addr,
    parse,
    parse_uri,
    parse_via,
    reply,
    salvage,
    top_branch,
)
from sansip.message.careful import assemble_with_care
from sansip.message.parse import assemble, read_rows

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"))
TOKEN = st.text("abcXYZ019-.!%*_+`'~", min_size=1)
ALMOST = st.text('"\\<>;,:@=?/[] \t.-%ab1\0\u0131\u212a', max_size=30)
HOST = st.sampled_from(["h", "gw-1.example.com", "192.0.2.1", "[2001:db8::1]", "H:5060", "[::1]:6"])
PARAM = st.sampled_from(["", ";rport", ";lr", ";x=y", ';z="a;,b"', ";received=::1", ";X = 1"])


def joined(*parts: str | st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    each = [st.just(part) if isinstance(part, str) else part for part in parts]
    return st.tuples(*each).map("".join)


URI = st.one_of(
    joined("sip:", TOKEN, "@", HOST, st.sampled_from(["", ";lr", ";transport=tcp"])),
    st.sampled_from(["tel:+1", "sip:h", "sips:h:5061;transport=tcp", "urn:service:sos"]),
)
ADDRESS = st.one_of(
    joined(TOKEN, "<", URI, ">", PARAM, ";tag=", TOKEN),
    joined('"\u00e9 \\"x" <', URI, ">"),
    joined('"', st.sampled_from(["", "A B", "a;b<"]), '"<', URI, ">;tag=1"),
    ALMOST,
)
VIA = st.one_of(
    joined("SIP/2.0/UDP ", HOST, ";branch=", TOKEN, PARAM),
    joined("SIP/2.0/TLS ", HOST, PARAM, ";branch=", TOKEN, PARAM),
    ALMOST,
)
NAME = st.sampled_from(["X-Mine", "Subject", "Route", "via", "v", "Contact", "max-forwards", "l"])
ROW = joined(NAME, st.sampled_from([": ", ":", " : "]), TEXT)
START = st.one_of(
    joined("INVITE ", st.one_of(URI, ALMOST), " SIP/2.0"),
    joined("SIP/2.0 ", st.integers(90, 710).map(str), " ", TEXT),
)


GOOD_START = st.sampled_from(
    [
        "INVITE sip:b@h SIP/2.0",
        "INVITE sips:[::1]:5061;lr SIP/2.0",
        "SIP/2.0 180 ",
        "SIP/2.0 200 OK",
    ]
)
GOOD_ADDRESS = st.sampled_from(
    ["<sip:a@h>", "A B <sip:a@h>;tag=1", '"A;<b>"<tel:+1>;tag=x', "sip:a@h;tag=1", "a<sip:h>;x"]
)
GOOD_PARAMS = st.sampled_from(["", ";rport", ";rport=9;received=1", ";x"])
# What each row is like as a rule, and what it is like now and then.
PLACES: tuple[tuple[str, st.SearchStrategy[str], st.SearchStrategy[str]], ...] = (
    ("", GOOD_START, START),
    ("Via: ", joined("SIP/2.0/UDP ", HOST, ";branch=", TOKEN, GOOD_PARAMS), VIA),
    ("From: ", GOOD_ADDRESS, ADDRESS),
    ("To: ", GOOD_ADDRESS, ADDRESS),
    ("Call-ID: ", joined(TOKEN, "@h"), ALMOST),
    (
        "",
        st.just("CSeq: 1 INVITE"),
        st.sampled_from(["CSeq: 01\t INVITE", "CSeq: 1 ACK", "cseq: x"]),
    ),
    ("Max-Forwards: ", st.sampled_from(["70", "069"]), st.sampled_from(["256", "+1", "7 0", ""])),
    ("", st.just("Content-Length: 2"), st.sampled_from(["Content-Length: 9", "l: 1", "Allow:"])),
    ("", st.just("Via: x"), ROW),
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Give messages that are good but for two things at most."""
    odd = draw(st.sets(st.integers(0, len(PLACES)), max_size=2))
    start, *rows = [
        name + draw(unusual if at in odd else usual)
        for at, (name, usual, unusual) in enumerate(PLACES)
    ]
    rows = [rows[0], *draw(st.permutations(rows[1:]))]
    joint = draw(st.sampled_from(["\r\n \r\n", "\n", "\r"])) if len(PLACES) in odd else "\r\n"
    head = "\r\n".join([start, joint.join(rows)])
    return head.encode() + b"\r\n\r\n" + draw(st.binary(min_size=2, max_size=8))


def outcome(read: Callable[[], Request | Response]) -> object:
    """Give everything that can be read of a message, or what is said against it."""
    try:
        made = read()
    except RemoteProtocolError as error:
        return (error.status_hint, error.header)
    return (
        *(made, made.names, made.via, made.cseq, made.call_id, made.from_tag, made.to_tag),
        made.uri if isinstance(made, Request) else made.status,
    )


@given(st.one_of(messages(), st.binary(), st.text().map(str.encode)), st.booleans())
def test_reading_raises_one_error_only_and_loses_nothing(data: bytes, bare_lf: bool) -> None:  # noqa: FBT001
    top_branch(data)
    salvage(data, DEFAULT_LIMITS)
    try:
        made = parse(data, bare_lf=bare_lf)
    except RemoteProtocolError as error:
        if isinstance(error.message, Request):
            reply(error.message, error.status_hint, to_tag="t").render()
        return
    assert parse(made.render()) == made
    if isinstance(made, Request):
        assert made.uri.text == made.uri_text
        assert isinstance(parse(cancel(made).render()), Request)
        parse(reply(made, 200, to_tag="t").render())


@given(messages())
def test_what_is_read_fast_is_read_the_same_with_care(data: bytes) -> None:
    end = data.index(b"\r\n\r\n")
    try:
        rows = read_rows(data, end, DEFAULT_LIMITS)
    except RemoteProtocolError:
        return
    body = data[end + 4 :]
    assert outcome(lambda: assemble(*rows, body)) == outcome(
        lambda: assemble_with_care(*rows, body)
    )


@given(ALMOST)
def test_fields_raise_one_error_only(text: str) -> None:
    for read in (parse_via, name_addr, parse_uri):
        try:
            made = read(text)
        except RemoteProtocolError:
            continue
        assert made == read(text)


@given(st.lists(st.tuples(TOKEN, TEXT), max_size=5), st.binary(max_size=20))
def test_what_is_made_can_be_read(headers: list[tuple[str, str]], body: bytes) -> None:
    given_names = {name.lower() for name, _ in headers}
    if given_names & set("abcdefijklmnorstuvxy"):
        return
    ordinary = [
        ("Via", "SIP/2.0/UDP h;branch=z9hG4bK1"),
        ("From", "<sip:a@h>;tag=1"),
        ("To", "<sip:b@h>"),
        ("Call-ID", "1"),
        ("CSeq", "1 INVITE"),
    ]
    request = Request.make("INVITE", "sip:h", [*ordinary, *headers], body)
    assert parse(request.render()) == request
    response = Response.make(200, "OK", [*headers, *ordinary], body)
    assert parse(response.render()) == response


# Time

HEAD = (
    "INVITE sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n{}\r\nTo: <sip:b@h>\r\n"
    "Call-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n"
)
PIECES = [
    *(
        " ",
        "\t",
        "\r\n ",
        "\r\n x",
        "\r\n\t\r\n ",
        "a",
        '"',
        '\\"',
        '"\\',
        "<",
        "<>",
        ";",
        ",",
        "a,",
    ),
    *(
        ";a=b",
        ';a="',
        ":",
        "@",
        "%",
        "[",
        "]",
        ".",
        "a.",
        "1",
        "a ",
        "\u0131",
        "\r\nVia: x",
        "\r\nf: x",
    ),
]
BEFORE = [
    "From: ",
    'From: "',
    "From: <sip:",
    "From",
    "From: <sip:a@h>;",
    "From: <sip:a@h>\r\nVia: ",
]


@pytest.mark.rule("SIO-04")
@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("piece", PIECES)
def test_reading_takes_linear_time(before: str, piece: str) -> None:
    room = 65_000 - len(HEAD)
    limits = MessageLimits(headers=room, line=room, vias=room)
    data = HEAD.format(before + piece * (room // len(piece.encode()))).encode()
    top = data.replace(b"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n", b"").replace(b"From", b"Via")
    line = data.replace(b"INVITE sip:h SIP/2.0\r\n", b"INVITE sip:h")
    begun = perf_counter()
    for each in (data, top, line):
        with suppress(RemoteProtocolError):
            made = parse(each, limits=limits)
            made.values("from")
            made.pop_first("via").set("from", "x").rows("via")
        top_branch(each)
    # A few milliseconds if linear, many seconds if not.
    assert perf_counter() - begun < 1
