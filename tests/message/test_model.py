"""Messages as values: reading rows, and edits that leave the rest alone."""

import copy
import pickle
from collections.abc import Callable

import pytest

from sansip.errors import LocalProtocolError, RemoteProtocolError
from sansip.message import Message, Request, Response, Via, parse, parse_uri

HEADERS = (
    ("Record-Route", "<sip:r1;lr>, <sip:r2;lr>"),
    ("v", "SIP/2.0/UDP a;branch=1 ,\r\n SIP/2.0/UDP b"),
    ("Via", "SIP/2.0/UDP c"),
    ("Route", "<sip:one;lr>"),
    ("From", "<sip:a@h>;tag=1"),
    ("To", "<sip:b@h>"),
    ("Route", '"x, y" <sip:two,2;lr>,<sip:three>'),
    ("Call-ID", "c,d"),
    ("CSeq", "7 INVITE"),
    ("WWW-Authenticate", 'Digest realm="a", nonce="b"'),
    ("Supported", ""),
)


@pytest.fixture
def request_() -> Request:
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS)
    made = parse(f"INVITE sip:b@h SIP/2.0\r\n{head}\r\nbody".encode())
    assert isinstance(made, Request)
    return made


@pytest.fixture
def response(request_: Request) -> Response:
    return Response(200, "OK", request_.lines, request_.body)


# Reading


@pytest.mark.rule("3261-7.3.1-03", "3261-7.3.1-04")
def test_rows_and_values_are_given_in_order(request_: Request) -> None:
    assert request_.rows("via") == (*("SIP/2.0/UDP a;branch=1 , SIP/2.0/UDP b", "SIP/2.0/UDP c"),)
    assert request_.values("via") == (
        *("SIP/2.0/UDP a;branch=1", "SIP/2.0/UDP b", "SIP/2.0/UDP c"),
    )
    assert request_.values("route") == ("<sip:one;lr>", '"x, y" <sip:two,2;lr>', "<sip:three>")
    assert request_.values("www-authenticate") == ('Digest realm="a", nonce="b"',)
    assert request_.values("call-id") == ("c,d",)
    assert request_.values("supported") == ()
    assert request_.rows("supported") == ("",)
    assert (request_.get("supported"), request_.get("contact")) == ("", None)


def test_fields_are_read_when_asked_for(response: Response) -> None:
    response.fill()  # reads ahead only what has been found already
    assert response.via == Via("UDP", "a", None, "1")
    assert (response.cseq.number, response.call_id) == (7, "c,d")
    assert (response.from_tag, response.to_tag) == ("1", None)
    assert response.via is response.via


def test_a_message_has_no_other_fields(request_: Request, response: Response) -> None:
    for message, name in ((request_, "status"), (response, "uri")):
        assert not hasattr(message, name)


def test_a_message_is_a_request_or_a_response() -> None:
    neither = Message()
    neither.lines = ()
    neither.body = b""
    for use in (neither.render, lambda: neither.append("To", "x")):
        with pytest.raises(NotImplementedError):
            use()


@pytest.mark.rule("3261-7.3.1-01", "3261-7.3.3-01")
def test_names_are_found_in_any_spelling(request_: Request) -> None:
    for name in ("via", "Via", "V", "v"):
        assert request_.get(name) == request_.get("via")
        assert request_.raw(name) == request_.raw("via") == request_.lines[1:3]
        assert request_.values(name) == request_.values("via")
        assert len(request_.rows(name)) == 2
    assert request_.values("Call-ID") == request_.values("I") == ("c,d",)
    assert (request_.get("L"), request_.rows("L"), request_.values("M")) == (None, (), ())


def test_the_tags_are_those_that_were_parsed_after_an_edit_too() -> None:
    for to in (
        '<sip:a@b>;x=">;tag=9"',
        "<sip:a@b>;tag= 1",
        "<sip:a@b>;tag=\r\n 5",
        "sip:a@b;tag=2",
    ):
        data = (
            "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9\r\nFrom: <sip:a@h>;tag=1\r\n"
            f"To: {to}\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 7\r\n\r\n"
        )
        made = parse(data.encode())
        assert isinstance(made, Request)
        assert made.with_uri("sip:x").to_tag == made.to_tag
        assert pickle.loads(pickle.dumps(made)).to_tag == made.to_tag  # noqa: S301


def test_fields_that_are_missing_or_malformed() -> None:
    empty = Request.make("INVITE", "nonsense")
    assert (empty.call_id, empty.from_tag, empty.to_tag, empty.max_forwards) == (None,) * 4
    for read in ("via", "cseq", "uri"):
        with pytest.raises(RemoteProtocolError):
            getattr(empty, read)
    odd = empty.append("To", "<sip:b").append("From", "<sip:b>;x;tag=2")
    assert (odd.to_tag, odd.from_tag) == (None, "2")


# Values


def test_messages_are_equal_by_what_they_say(request_: Request, response: Response) -> None:
    other = parse(request_.render())
    assert other == request_
    assert hash(other) == hash(request_)
    assert hash(response) == hash(Response(200, "OK", response.lines, b"body"))
    assert response != Response(200, "Fine", response.lines, b"body")
    assert request_ != request_.with_uri("sip:c@h")
    assert request_ != request_.remove("supported")
    assert request_ != response
    assert response != request_


def test_messages_can_be_pickled_and_copied(request_: Request, response: Response) -> None:
    for message in (request_, response):
        assert pickle.loads(pickle.dumps(message)) == message  # noqa: S301
        assert copy.deepcopy(message) == message


def test_messages_can_be_matched_and_shown(request_: Request, response: Response) -> None:
    match request_:
        case Request("INVITE", uri):
            assert uri == "sip:b@h"
        case _:
            pytest.fail("no match")
    match response:
        case Response(200, "OK", lines, b"body"):
            assert lines == response.lines
        case _:
            pytest.fail("no match")
    assert repr(request_) == "<Request INVITE sip:b@h 11 rows 4 B>"
    assert repr(response) == "<Response 200 OK 11 rows 4 B>"


# Making


def test_messages_can_be_made() -> None:
    made = Request.make("OPTIONS", parse_uri("sip:b@h"), [("via", "x"), ("X-Mine", "y")], b"body")
    assert made.render() == (
        b"OPTIONS sip:b@h SIP/2.0\r\nVia: x\r\nX-Mine: y\r\nContent-Length: 4\r\n\r\nbody"
    )
    answer = Response.make(200, "OK", [("l", "0")])
    assert (answer.names, answer.lines) == (("content-length",), ("Content-Length: 0",))


def test_nothing_can_be_smuggled_into_a_message(request_: Request) -> None:
    for name, value in (
        ("Subject", "a\r\nTo: b"),
        ("Subject", "a\n"),
        ("Subject", "a\rTo: b"),
        ("Subject", "\ud800"),
        ("Subject", "\udd0a"),
        ("Sub ject", "a"),
        ("", "a"),
    ):
        for edit in (request_.append, request_.set, request_.prepend):
            with pytest.raises(LocalProtocolError):
                edit(name, value)
        with pytest.raises(LocalProtocolError):
            Request.make("INVITE", "sip:h", [(name, value)])
    for method, uri in (
        *(("IN VITE", "sip:h"), ("", "sip:h"), ("INV:ITE", "sip:h")),
        *(("INVITE", "sip:h\r\nTo: x"), ("INVITE", "sip:h\rx"), ("INVITE", "sip:\udd00")),
    ):
        with pytest.raises(LocalProtocolError):
            Request.make(method, uri)
    for uri in ("", "sip:a h", "sip:a\th"):
        with pytest.raises(LocalProtocolError):
            request_.with_uri(uri)
    with pytest.raises(LocalProtocolError):
        request_.with_top_via("SIP/2.0/UDP h\r\nTo: x")
    for status, reason in ((99, "x"), (700, "x"), (200, "O\nK")):
        with pytest.raises(LocalProtocolError):
            Response.make(status, reason)


# Editing


def values(message: Request | Response, name: str) -> list[str]:
    return list(message.values(name))


@pytest.mark.rule("3261-16.6.1-01", "3261-7.3.1-05")
def test_values_are_put_before_all_others(request_: Request) -> None:
    made = request_.prepend("V", "SIP/2.0/UDP z").prepend("record-route", "<sip:r0;lr>")
    assert made.names[:3] == ("record-route", "record-route", "via")
    assert made.lines[:3] == ("Record-Route: <sip:r0;lr>", request_.lines[0], "Via: SIP/2.0/UDP z")
    assert made.lines[3:] == request_.lines[1:]
    new = request_.prepend("Path", "<sip:p>")
    assert new.names[2:5] == ("via", "path", "route")
    assert request_.remove("via").prepend("Via", "x").names[0] == "via"
    assert request_.remove("via").prepend("Path", "x").names[0] == "path"
    assert Request.make("INVITE", "sip:h", [("Via", "x"), ("l", "0")]).prepend("To", "x").names == (
        *("via", "to", "content-length"),
    )
    assert Request("INVITE", "sip:h", ("Via: x",)).prepend("To", "x").names == (*("via", "to"),)


def test_the_first_value_is_taken_out(request_: Request) -> None:
    once = request_.pop_first("Route")
    assert values(once, "route") == ['"x, y" <sip:two,2;lr>', "<sip:three>"]
    twice = once.pop_first("route")
    assert twice.lines[5] == "Route: <sip:three>"
    assert values(twice.pop_first("route"), "route") == []
    assert request_.pop_first("contact") is request_
    assert request_.pop_first("v").lines[1] == "v: SIP/2.0/UDP b"
    assert "www-authenticate" not in request_.pop_first("WWW-Authenticate").names
    odd = Request.make("INVITE", "sip:h", [("Route", ", <sip:a> ,, <sip:b>,")])
    assert odd.pop_first("route").lines[0] == "Route: <sip:b>"
    assert odd.pop_first("route").pop_first("route").names == ("content-length",)


def test_rows_are_set_removed_and_appended(request_: Request) -> None:
    made = request_.set("Route", "<sip:new>")
    assert made.lines[3] == "Route: <sip:new>"
    assert len(made.lines) == len(request_.lines) - 1
    assert request_.set("Expires", "3").lines[-1] == "Expires: 3"
    assert request_.append("X-A", "1").append("X-A", "2").rows("x-a") == ("1", "2")
    assert request_.remove("v").names == tuple(n for n in request_.names if n != "via")
    assert request_.remove("contact") == request_


@pytest.mark.rule("3261-7.3.1-05")
def test_a_value_is_appended_below_the_others_of_its_name(request_: Request) -> None:
    made = request_.append("Record-Route", "<sip:z>").append("X-New", "1")
    assert values(made, "record-route")[-1] == "<sip:z>"
    assert made.lines[-1] == "X-New: 1"
    below = made.names.index("record-route") + made.names.count("record-route") - 1
    assert made.lines[below] == "Record-Route: <sip:z>"
    assert made.remove("record-route").remove("x-new") == request_.remove("record-route")


@pytest.mark.rule("SIO-06")
def test_values_are_replaced_inserted_moved_and_taken_out() -> None:
    rows = [
        ("Via", "x"),
        ("v", "y,\r\n z"),
        ("m", "<sip:a>  "),
        ("CONTACT", "<sip:b>;q=1"),
        ("l", "0"),
    ]
    given = parse_rows(*rows)
    one, two = given.values("contact")
    moved = given.set("Contact", two, one)
    assert moved.lines == (*given.lines[:2], given.lines[3], given.lines[2], given.lines[4])
    assert moved.set("contact", one, two) == given
    inserted = given.set("m", one, "<sip:new>", two)
    assert inserted.lines[2:5] == (given.lines[2], "Contact: <sip:new>", given.lines[3])
    assert given.set("Contact", two).lines[2:] == given.lines[3:]
    assert given.set("Contact").names == ("via", "via", "content-length")
    assert given.set("Contact", one, one).raw("contact") == (given.lines[2],) * 2
    assert given.set("X-Y", "1", "2").lines[-2:] == ("X-Y: 1", "X-Y: 2")
    twice = given.append("Contact", one)
    assert twice.set("Contact", *twice.values("contact")) == twice
    with pytest.raises(LocalProtocolError):
        given.set("Contact", one, "a\r\nb")


@pytest.mark.rule("3261-7.3.3-02")
def test_rows_are_read_raw_unfolded_and_all_together() -> None:
    given = parse_rows(("V", "a,\r\n\tb"), ("X-y", "z"), ("v", "c "))
    assert given.raw("via") == ("V: a,\r\n\tb", "v: c ")
    assert given.rows("via") == ("a, b", "c")
    assert given.values("via") == ("a", "b", "c")
    assert given.headers == (("via", "a, b"), ("x-y", "z"), ("via", "c"))
    assert (given.raw("to"), given.rows("to"), given.values("to")) == ((), (), ())


@pytest.mark.rule("3261-7.3.3-02")
def test_compact_names_are_written_by_choice_and_nothing_else_changes(request_: Request) -> None:
    long = (
        "Via Call-ID Contact From To Content-Type Content-Encoding Content-Length Subject Supported"
    )
    short = parse_rows(*[(name, "x") for name in long.split()], ("Max-Forwards", "7")).compact()
    assert [line[:2] for line in short.lines] == [*(f"{c}:" for c in "vimftcelsk"), "Ma"]
    assert short.names[0] == "via"
    made = request_.compact()
    assert made.headers == request_.headers
    assert len(made.render()) < len(request_.render())
    assert made.compact() == made
    assert parse(made.render()).via == made.via == request_.via


def parse_rows(*rows: tuple[str, str]) -> Request:
    """Make a request of rows as they might come, folds included."""
    return Request("INVITE", "sip:h", tuple([f"{name}: {text}" for name, text in rows]))


def test_the_top_via_is_replaced(request_: Request, response: Response) -> None:
    stamped = request_.via.stamped("192.0.2.1", None)
    for message in (request_, response):
        made = message.with_top_via(stamped)
        assert made.lines[1] == f"v: {stamped}, SIP/2.0/UDP b"
        assert (made.via, made.cseq, made.to_tag) == (stamped, message.cseq, message.to_tag)
        assert made.with_top_via("SIP/2.0/UDP x").via == Via("UDP", "x")
    assert Request.make("INVITE", "sip:h").with_top_via(stamped).via == stamped


def ordinary() -> Request:
    """A request that the one pattern recognises."""
    given = parse(
        b"INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=1;rport\r\nRoute: <sip:r;lr>\r\n"
        b"Max-Forwards: 9\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\n"
        b"CSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
    assert isinstance(given, Request)
    return given


EDITS: tuple[Callable[[Request], Request], ...] = (
    lambda given: given.with_top_via(given.via.stamped("192.0.2.1", 5070)),
    lambda given: given.with_uri("sip:c@h"),
    lambda given: given.set("route"),
    lambda given: given.set("to", "<sip:b@h>;tag=2"),
    lambda given: given.set("max-forwards", "3").append("Via", "SIP/2.0/UDP x"),
)
READ = ("via", "cseq", "call_id", "from_tag", "to_tag", "max_forwards", "names", "uri")


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("is_read", [True, False])
def test_a_copy_reads_as_if_it_had_come_so(
    edit: Callable[[Request], Request], *, is_read: bool
) -> None:
    given = ordinary()
    if is_read:
        assert "" not in [getattr(given, name) for name in READ]
    made = edit(given)
    again = parse(made.render())
    assert isinstance(again, Request)
    assert made == again
    assert [getattr(made, name) for name in READ] == [getattr(again, name) for name in READ]
    twice = made.set("Subject", "x")
    assert [getattr(twice, name) for name in READ[:-2]] == [getattr(again, n) for n in READ[:-2]]
    assert twice.uri == again.uri


def test_a_uri_that_is_none_hurts_only_who_reads_it() -> None:
    made = ordinary().with_uri("sip:").set("to", "<sip:c@h>").set("route")
    with pytest.raises(RemoteProtocolError):
        _ = made.uri


@pytest.mark.rule("3261-16.7.3-01")
def test_the_top_via_is_taken_off_a_response(response: Response) -> None:
    made = response.without_top_via()
    assert made.via == Via("UDP", "b")
    assert made.without_top_via().via == Via("UDP", "c")
    assert made.has_via
    assert not response.remove("via").has_via
    assert not Response(200, "OK", ()).has_via
    assert Response(200, "OK", ("To: x", "VIA : y")).has_via
    plain = Response.make(200, "OK", [("Via", "SIP/2.0/UDP a"), ("v", "SIP/2.0/UDP b")])
    assert plain.without_top_via().lines == ("Via: SIP/2.0/UDP b", "Content-Length: 0")
    assert plain.without_top_via().without_top_via().without_top_via().names == ("content-length",)
    row = 'Via: SIP/2.0/UDP a;x="1,2" , SIP/2.0/UDP b,SIP/2.0/UDP c'
    made = Response(200, "OK", (row,)).without_top_via()
    assert made.lines == ("Via: SIP/2.0/UDP b,SIP/2.0/UDP c",)


def test_a_body_is_replaced_with_its_length_and_type(request_: Request, response: Response) -> None:
    assert request_.with_body(b"123").render().endswith(b"\r\nContent-Length: 3\r\n\r\n123")
    made = response.with_body(b"", "text/plain")
    assert (made.content_length, made.get("content-type"), made.body) == (0, "text/plain", b"")


@pytest.mark.parametrize(
    "line",
    [
        "Via: SIP/2.0/UDP a;branch=1;rport",
        "Via: SIP/2.0/UDP a;rport;branch=1",
        "Via: SIP/2.0/UDP a;branch=1;RPort",
        "Via: SIP/2.0/UDP a;branch=1; rport, SIP/2.0/UDP b;branch=2;rport",
        "Via: SIP/2.0/UDP a;branch=1;rport;x",
        "Via: SIP/2.0/UDP a;branch=1;rport;received=192.0.2.66",
        "v: SIP/2.0/UDP a;branch=1;rport",
        "X-First: ;rport",
    ],
)
@pytest.mark.rule("3581-4-01")
def test_a_stamped_via_says_where_the_request_came_from_however_it_is_written(line: str) -> None:
    rows = line, "v : SIP/2.0/UDP a;branch=1;rport", "f: <sip:a@h>;tag=1", "t: <sip:b@h>"
    given = Request("OPTIONS", "sip:b@h", (*rows, "i: c", "CSeq: 7 OPTIONS", "l: 0"))
    stamped = given.stamped("192.0.2.1", 9)
    assert (stamped.via.received, stamped.via.rport) == ("192.0.2.1", "9")
    assert (stamped.via.host, stamped.via.branch) == (given.via.host, "1")
    assert values(stamped, "via")[1:] == values(given, "via")[1:]
    again = parse(stamped.render())
    assert (again, again.via) == (stamped, stamped.via)


@pytest.mark.rule("3261-16.6.1-01", "3261-16.6.3-01", "3261-16.6.4-01", "3261-16.6.8-01")
def test_a_forwarded_copy_differs_in_nothing_else(request_: Request) -> None:
    made = request_.forwarded("sip:x", "SIP/2.0/UDP p;branch=2", 69, ("<sip:p1;lr>", "<sip:p2;lr>"))
    old = request_.lines
    assert made.lines == (
        "Via: SIP/2.0/UDP p;branch=2",
        "Record-Route: <sip:p1;lr>",
        "Record-Route: <sip:p2;lr>",
        "Max-Forwards: 69",
        *old,
    )
    assert (made.uri_text, made.body, made.call_id) == ("sip:x", b"body", "c,d")
    assert made == parse(made.render())


@pytest.mark.rule("3261-16.6.4-01", "3261-16.6.6-01")
def test_routes_are_replaced_in_a_forwarded_copy(request_: Request) -> None:
    given = request_.set("Max-Forwards", "070").remove("record-route")
    made = given.forwarded("sip:x", "SIP/2.0/UDP p", 69, ("<sip:p;lr>",), ("<sip:q;lr>", "<sip:r>"))
    assert made.names[:7] == ("via", "via", "via", "record-route", "route", "route", "from")
    assert values(made, "route") == ["<sip:q;lr>", "<sip:r>"]
    assert made.rows("max-forwards") == ("69",)
    assert "route" not in given.forwarded("sip:x", "SIP/2.0/UDP p", 69, (), ()).names
    bare = Request.make("INVITE", "sip:h").forwarded(
        "sip:x", "SIP/2.0/UDP p", 1, routes=("<sip:q>",)
    )
    assert bare.names == ("via", "route", "max-forwards", "content-length")


@pytest.mark.rule("5393-5.3.3-01")
@pytest.mark.parametrize(
    "rows", [(), ("Max-Breadth: 60",), ("max-breadth : 9", "X: y", "Max-Breadth: 8, 7")]
)
def test_a_forwarded_copy_has_one_max_breadth(request_: Request, rows: tuple[str, ...]) -> None:
    given = Request("INVITE", "sip:b@h", (*request_.lines, *rows), b"")
    made = given.forwarded("sip:x", "SIP/2.0/UDP p", 69, (), ("<sip:q;lr>",), 12)
    assert made.rows("max-breadth") == ("12",)
    assert made.rows("max-forwards") == ("69",)
    assert values(made, "route") == ["<sip:q;lr>"]
    assert made.rows("x") == given.rows("x")
    assert made == parse(made.render())
