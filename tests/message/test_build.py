"""Replies, ACK and CANCEL."""

import pytest

from sansip.errors import LocalProtocolError
from sansip.message import (
    Request,
    Response,
    ack,
    cancel,
    not_understood,
    parse,
    phrase,
    reply,
    trying,
)

ROWS = (
    "Via: SIP/2.0/UDP p;branch=z9hG4bK1",
    "v: SIP/2.0/UDP a",
    "Route: <sip:r1;lr>",
    "Record-Route: <sip:p;lr>",
    "Max-Forwards: 12",
    "Route: <sip:r2;lr>",
    "f: <sip:a@h>;tag=1",
    "T: <sip:b@h>",
    "Call-ID: c",
    "CSeq: 0007 INVITE",
    "Timestamp: 54",
    "Require: x",
    "Proxy-Require: y",
    "Authorization: Digest a",
    "Proxy-Authorization: Digest b",
    "Proxy-Authorization: Digest c",
    "Content-Length: 4",
)


def invite(*rows: str) -> Request:
    made = parse("\r\n".join(("INVITE sip:b@h SIP/2.0", *(rows or ROWS), "", "body")).encode())
    assert isinstance(made, Request)
    return made


@pytest.mark.rule("3261-8.2.6.2-01")
def test_a_reply_copies_what_it_must() -> None:
    answer = reply(invite(), 404, to_tag="t", headers=(("retry-after", "5"),), body=b"no")
    assert answer.render() == (
        b"SIP/2.0 404 Not Found\r\n"
        b"Via: SIP/2.0/UDP p;branch=z9hG4bK1\r\n"
        b"v: SIP/2.0/UDP a\r\n"
        b"f: <sip:a@h>;tag=1\r\n"
        b"T: <sip:b@h>;tag=t\r\n"
        b"Call-ID: c\r\n"
        b"CSeq: 0007 INVITE\r\n"
        b"Retry-After: 5\r\n"
        b"Content-Length: 2\r\n\r\nno"
    )


@pytest.mark.rule("3261-8.2.6.1-01", "3261-8.2.6.2-01")
def test_a_100_gets_the_timestamp_and_no_tag() -> None:
    answer = reply(invite(), 100, to_tag="t")
    assert (answer.to_tag, answer.get("timestamp")) == (None, "54")
    trying_ = parse(trying(invite()))
    assert (trying_.to_tag, sorted(trying_.lines)) == (None, sorted(answer.lines))
    assert trying(invite()).startswith(answer.render().partition(b"\r\n")[0])
    assert reply(invite(), 180).get("timestamp") is None


@pytest.mark.rule("3261-8.2.6.2-01", "3261-25-02")
@pytest.mark.parametrize(
    ("to", "made"),
    [
        ("<sip:b@h>;tag", "<sip:b@h>;tag"),  # never a second one
        ('"a;tag=1" <sip:b@h;tag=2>', '"a;tag=1" <sip:b@h;tag=2>;tag=t'),
        ('"b <sip:b@h>', '"b <sip:b@h>;tag=t'),
    ],
)
def test_a_tag_is_added_where_there_is_none(to: str, made: str) -> None:
    request = Request.make("INVITE", "sip:b@h", [("To", to)])
    assert reply(request, 400, to_tag="t").get("to") == made


@pytest.mark.rule("3261-8.2.6.2-01")
def test_a_tag_is_never_replaced() -> None:
    request = invite(*(row.replace("b@h>", "b@h>;x;tag=9") for row in ROWS))
    assert reply(request, 200, to_tag="t").rows("to") == ("<sip:b@h>;x;tag=9",)
    assert reply(invite(), 200).to_tag is None


@pytest.mark.rule("3261-8.2.6.2-02")
def test_record_route_is_copied_when_a_dialog_may_come_of_it() -> None:
    assert reply(invite(), 183).get("record-route") == "<sip:p;lr>"
    assert reply(invite(), 200).get("record-route") == "<sip:p;lr>"
    for status in (100, 300, 486):
        assert reply(invite(), status).get("record-route") is None
    bye = Request("BYE", "sip:b@h", invite().lines)
    assert reply(bye, 200).get("record-route") is None


def test_a_reply_cannot_be_made_to_say_more() -> None:
    for tag, reason, value in (
        ("x\r\nEvil: 1", "OK", "x"),
        ("a b", "OK", "x"),
        ("t", "O\rK", "x"),
        ("t", "OK", "a\rb"),
        ("t", "OK", "\ud800"),
    ):
        with pytest.raises(LocalProtocolError):
            reply(invite(), 486, reason, to_tag=tag, headers=(("X", value),))
    for status in (99, 700, 1000):
        with pytest.raises(LocalProtocolError):
            reply(invite(), status)


@pytest.mark.rule("3261-8.2.6.2-01")
@pytest.mark.parametrize("to", ["<sip:b @c>;tag=keep", "<sip:b @c>; TAG =keep"])
def test_a_to_that_cannot_be_read_keeps_its_tag_and_gets_no_other(to: str) -> None:
    broken = invite().set("To", to)
    assert reply(broken, 400, to_tag="new").get("to") == to
    assert (
        reply(broken.set("To", "<sip:b @c>"), 400, to_tag="new").get("to") == "<sip:b @c>;tag=new"
    )


def test_a_reply_says_what_it_is_told_to() -> None:
    answer = reply(invite(), 480, "Gone fishing", headers=(("l", "0"),))
    assert (answer.reason, answer.lines[-1]) == ("Gone fishing", "Content-Length: 0")
    for reason, headers in (("a\r\nb", ()), (None, (("X", "a\nb"),))):
        with pytest.raises(LocalProtocolError):
            reply(invite(), 480, reason, headers=headers)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        *((100, "Trying"), (199, "Early Dialog Terminated"), (150, "Session Progress")),
        *((299, "OK"), (503, "Service Unavailable"), (599, "Server Internal Error")),
        *((699, "Busy Everywhere"), (0, ""), (700, "")),
    ],
)
@pytest.mark.rule("3261-8.1.3.1-01", "3261-8.1.3.2-01")
def test_phrases(status: int, text: str) -> None:
    assert phrase(status) == text


@pytest.mark.rule("3261-17.1.1.3-01", "3261-17.1.1.3-03")
def test_an_ack_is_made_of_the_invite_and_its_response() -> None:
    response = reply(invite(), 486, to_tag="t")
    assert ack(invite(), response).render() == (
        b"ACK sip:b@h SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP p;branch=z9hG4bK1\r\n"
        b"Route: <sip:r1;lr>\r\n"
        b"Route: <sip:r2;lr>\r\n"
        b"Max-Forwards: 70\r\n"
        b"f: <sip:a@h>;tag=1\r\n"
        b"T: <sip:b@h>;tag=t\r\n"
        b"Call-ID: c\r\n"
        b"CSeq: 7 ACK\r\n"
        b"Authorization: Digest a\r\n"
        b"Proxy-Authorization: Digest b\r\n"
        b"Proxy-Authorization: Digest c\r\n"
        b"Content-Length: 0\r\n\r\n"
    )


@pytest.mark.rule("3261-9.1-02", "3261-9.1-03", "3326-2-01")
def test_a_cancel_is_made_of_the_invite() -> None:
    made = cancel(invite(), 'SIP;cause=200;text="Call completed elsewhere"')
    assert made.render() == (
        b"CANCEL sip:b@h SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP p;branch=z9hG4bK1\r\n"
        b"Route: <sip:r1;lr>\r\n"
        b"Route: <sip:r2;lr>\r\n"
        b"Max-Forwards: 70\r\n"
        b"f: <sip:a@h>;tag=1\r\n"
        b"T: <sip:b@h>\r\n"
        b"Call-ID: c\r\n"
        b"CSeq: 7 CANCEL\r\n"
        b'Reason: SIP;cause=200;text="Call completed elsewhere"\r\n'
        b"Content-Length: 0\r\n\r\n"
    )
    plain = cancel(Request("INVITE", "sip:b@h", (ROWS[0], ROWS[9])))
    assert plain.names == ("via", "max-forwards", "cseq", "content-length")


@pytest.mark.rule("3261-9.1-02", "3261-17.1.1.3-01")
def test_only_the_first_of_several_vias_is_copied() -> None:
    rows = ("v: SIP/2.0/UDP p;branch=1 ,SIP/2.0/UDP a", *ROWS[1:])
    assert cancel(invite(*rows)).rows("via") == ("SIP/2.0/UDP p;branch=1",)
    assert ack(invite(*rows), Response(486, "", ())).values("via") == ("SIP/2.0/UDP p;branch=1",)


def test_what_a_420_names_is_unknown_once_each_and_bounded() -> None:
    rows = [row for row in ROWS if not row.startswith("Require")]
    many = "Require: " + ", ".join(f"x{n}" for n in range(30))
    request = invite(*rows, "Require: a, B, a", many)
    named = not_understood(request, "require", ("b",)).split(", ")
    assert named[:2] == ["a", "x0"]
    assert len(named) == 20
    assert not_understood(request, "proxy-require", ("Y",)) == ""
    assert not_understood(invite(*rows), "require", ()) == ""
