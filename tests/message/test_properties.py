"""What holds for all messages: nothing else is raised, nothing is lost, all in linear time."""

from collections.abc import Callable
from contextlib import suppress
from time import perf_counter

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from sansip.errors import RemoteProtocolError
from sansip.message import (
    DEFAULT_LIMITS,
    Message,
    MessageLimits,
    Request,
    Response,
    ack,
    cancel,
    headers,
    parse,
    parse_name_addr,
    parse_uri,
    parse_via,
    reply,
    salvage,
    top_branch,
)
from sansip.message.names import COMPACT, SPELLED
from sansip.message.parse import read_head
from sansip.message.parse_careful import read_with_care
from sansip.testing import messages, near_valid, requests, responses, tokens, twins, uris

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"))
ALMOST = st.text('"\\<>;,:@=?/[] \t.-%ab1\0\u0131\u212a', max_size=30)
VALID = messages(framed=False)
BYTES = st.one_of(
    near_valid(), VALID.map(lambda made: made.render()), st.binary(), TEXT.map(str.encode)
)
Pair = tuple[Request, Request] | tuple[Response, Response]


def outcome(read: Callable[[], Request | Response]) -> object:
    """Give everything that can be read of a message, or what is said against it."""
    try:
        made = read()
    except RemoteProtocolError as error:
        return (error.status_hint, error.header, error.offset, error.reason)
    return (*(made, made.names, meaning(made)), made.uri if isinstance(made, Request) else None)


def meaning(made: Message) -> tuple[object, ...]:
    """Give what a proxy looks at."""
    return (made.via, made.cseq, made.call_id, made.from_tag, made.to_tag, made.max_forwards)


def typed(made: Message) -> dict[str, object]:
    """Give the values of all headers that have a type."""
    found = {name: headers.find(name) for name in set(made.names)}
    return {name: header.of(made) for name, header in found.items() if header is not None}


def look_at_refusal(error: RemoteProtocolError, data: bytes) -> None:
    assert error.rule
    assert -1 <= error.offset <= len(data) + data.count(b"\n")
    if isinstance(error.message, Request):
        reply(error.message, error.status_hint, to_tag="t").render()


# Reading and writing


@given(VALID)
def test_what_is_valid_is_read_and_written_without_loss(made: Request | Response) -> None:
    data = made.render()
    read = parse(data)
    assert read == made
    assert hash(read) == hash(made)
    assert read.render() == data


@given(BYTES, st.booleans())
def test_reading_raises_one_error_only_and_loses_nothing(data: bytes, bare_lf: bool) -> None:  # noqa: FBT001
    top_branch(data)
    salvage(data, DEFAULT_LIMITS)
    try:
        made = parse(data, bare_lf=bare_lf)
    except RemoteProtocolError as error:
        event("refused")
        look_at_refusal(error, data)
        return
    event("accepted")
    assert parse(made.render()) == made
    if isinstance(made, Request):
        assert made.uri.text == made.uri_text
        assert isinstance(parse(cancel(made).render()), Request)
        answer = parse(reply(made, 486, to_tag="t").render())
        assert isinstance(answer, Response)
        parse(ack(made, answer).render())


@given(near_valid())
def test_what_is_accepted_is_written_as_it_came(data: bytes) -> None:
    with suppress(RemoteProtocolError):
        made = parse(data)
        end = data.index(b"\r\n\r\n") + 4
        rows = data[data.index(b"\r\n") : end]
        assert rows in made.render()
        assert data[end:].startswith(made.body)


@given(BYTES)
def test_what_is_read_fast_is_read_the_same_with_care(data: bytes) -> None:
    fast = outcome(lambda: read_head(data, DEFAULT_LIMITS)[0])
    assert fast == outcome(lambda: read_with_care(data, DEFAULT_LIMITS)[0])


@given(VALID)
def test_where_the_body_is_both_readers_say_alike(made: Request | Response) -> None:
    data = made.render()
    assert read_head(data, DEFAULT_LIMITS)[1:] == read_with_care(data, DEFAULT_LIMITS)[1:]


# Spelling


@pytest.mark.rule("3261-7.3.1-03", "3261-7.3.3-01")
@given(twins())
def test_every_spelling_has_the_same_values(both: Pair) -> None:
    usual, other = (parse(each.render()) for each in both)
    assert meaning(usual) == meaning(other)
    assert sorted(set(usual.names)) == sorted(set(other.names))
    assert typed(usual) == typed(other)
    for name in usual.names:
        assert len(usual.values(name)) == len(other.values(name))
        if headers.find(name) is None:
            assert usual.rows(name) == other.rows(name)


@given(twins())
def test_compact_names_change_nothing_else(both: Pair) -> None:
    for made in both:
        short = made.compact()
        assert short.names == made.names
        assert [short.get(name) for name in short.names] == [made.get(name) for name in made.names]
        assert parse(short.render()) == short


# Editing

EDITS: dict[str, Callable[[Message, str], Message]] = {
    "prepend": lambda made, name: made.prepend(name, "x"),
    "append": lambda made, name: made.append(name, "x"),
    "set": lambda made, name: made.set(name, "x", "y"),
    "remove": lambda made, name: made.remove(name),
    "pop_first": lambda made, name: made.pop_first(name),
}


@given(
    st.one_of(requests(), responses()),
    st.sampled_from(sorted(EDITS)),
    st.sampled_from(["Via", "v", "ROUTE", "contact", "Subject", "X-Mine", "m"]),
)
def test_edits_leave_the_rows_of_other_names_as_they_are(
    made: Request | Response, edit: str, name: str
) -> None:
    edited = EDITS[edit](made, name)
    key = COMPACT.get(name.lower(), name.lower())

    def others(message: Message) -> list[str]:
        rows = zip(message.names, message.lines, strict=True)
        return [line for each, line in rows if each != key]

    assert others(edited) == others(made)
    assert edited.body == made.body
    assert edited.names == tuple(_names(edited))


def _names(made: Message) -> list[str]:
    """Read the names from the rows once more: an edit carries along what had been read."""
    short = (line.partition(":")[0].strip(" \t").lower() for line in made.lines)
    return [COMPACT.get(name, name) for name in short]


@given(requests(), uris("sip", "sips", headers=False), st.binary(max_size=9))
def test_what_has_been_edited_can_be_read(made: Request, uri: str, body: bytes) -> None:
    edited = made.with_uri(uri).with_body(body, "x/y").prepend("Via", "SIP/2.0/UDP h;branch=1")
    read = parse(edited.render())
    assert read == edited
    assert read.via == edited.via
    assert read.body == body
    assert parse(edited.pop_first("via").render()).via == made.via


# Parts


@given(ALMOST)
def test_fields_raise_one_error_only(text: str) -> None:
    for read in (parse_via, parse_name_addr, parse_uri):
        try:
            made = read(text)
        except RemoteProtocolError:
            continue
        assert made == read(text)


@given(st.lists(st.tuples(tokens(), TEXT), max_size=5), st.binary(max_size=20))
def test_what_is_made_can_be_read(fields: list[tuple[str, str]], body: bytes) -> None:
    more = [(name, text) for name, text in fields if name.lower() not in COMPACT.keys() | SPELLED]
    ordinary = [
        ("Via", "SIP/2.0/UDP h;branch=z9hG4bK1"),
        ("From", "<sip:a@h>;tag=1"),
        ("To", "<sip:b@h>"),
        ("Call-ID", "1"),
        ("CSeq", "1 INVITE"),
    ]
    request = Request.make("INVITE", "sip:h", [*ordinary, *more], body)
    assert parse(request.render()) == request
    response = Response.make(200, "OK", [*more, *ordinary], body)
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
