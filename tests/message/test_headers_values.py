"""What the values of typed headers tell, and what is not written."""

import pytest

from sansip.errors import LocalProtocolError, RemoteProtocolError
from sansip.message import NameAddr, Uri, Via, headers
from sansip.message.fields import STAR
from sansip.message.header_params import Parameters, quote
from sansip.message.header_values import (
    AuthenticationInfo,
    Challenge,
    Credentials,
    Date,
    DialogId,
    Interval,
    Parameterised,
    RAck,
    Reason,
    RetryAfter,
    SipWarning,
    Timestamp,
)
from sansip.message.headers import Header

P = Parameterised
ALICE = NameAddr("", "sip:a@h")


# What the values tell --------------------------------------------------------------------------


@pytest.mark.rule("RFC 3261 20.10", "RFC 3261 20.20", "RFC 3261 20.39")
def test_what_an_address_tells() -> None:
    address = headers.CONTACT.parse("<sip:a@h;lr>;q=0.25;expires=60;tag=1")
    assert (address.q, address.expires, address.tag, address.is_star) == (0.25, 60, "1", False)
    assert isinstance(address.uri, Uri)
    assert (ALICE.q, ALICE.expires, ALICE.tag) == (1.0, None, None)
    assert headers.CONTACT.parse("*").is_star


@pytest.mark.rule("3261-25-05", "RFC 3261 10.2.1.1", "RFC 4475 3.1.2.4")
@pytest.mark.parametrize(
    ("expires", "seconds"),
    [
        *(("0", 0), ("007", 7), ("4294967295", 2**32 - 1), ("4294967296", 2**32 - 1)),
        *((f"{10**70}", 2**32 - 1), ("-1", 3600), ("", 3600), ('"Sat"', 3600), ("\u0661", 3600)),
    ],
)
def test_how_long_a_contact_is_good_for(expires: str, seconds: int) -> None:
    assert NameAddr("", "sip:h", (("expires", expires),)).expires == seconds
    assert P("active", (("expires", expires),)).expires == seconds


@pytest.mark.rule("RFC 3261 20.1", "RFC 3261 20.10")
@pytest.mark.parametrize(
    ("text", "q"),
    [
        *(("0", 0.0), ("0.", 0.0), ("0.125", 0.125), ("1", 1.0), ("1.000", 1.0)),
        *(("1.001", 1.0), ("0.1234", 1.0), ("2", 1.0), ("nan", 1.0), ("-0.5", 1.0), ("", 1.0)),
    ],
)
def test_how_much_something_is_preferred(text: str, q: float) -> None:
    assert ALICE.with_param("q", text).q == q
    assert P("a/b", (("q", text),)).q == q


@pytest.mark.rule("3261-7.3.1-07")
def test_values_compare_without_case_but_in_quotes_and_without_order() -> None:
    one = headers.EVENT.parse('Presence;id=A;x="Y"')
    assert one.kind == "presence"
    assert one.matches(headers.EVENT.parse('presence;X="Y";ID=a'))
    assert one.matches(P("presence", (("ID", "a"), ("x", '"Y"'))))
    assert not one.matches(headers.EVENT.parse('presence;x="y";id=A'))
    assert not one.matches(headers.EVENT.parse("presence;id=A"))
    assert not one.matches(headers.EVENT.parse('dialog;id=A;x="Y"'))


@pytest.mark.rule("RFC 3326 2")
def test_what_a_reason_tells() -> None:
    reason = headers.REASON.parse('SIP;cause=200;text="Call \\"completed\\""')
    assert (reason.protocol, reason.cause, reason.text) == ("SIP", 200, 'Call "completed"')
    assert (Reason("SIP").cause, Reason("SIP").text) == (None, None)
    assert Reason("SIP", (("cause", "x"),)).cause is None
    made = Reason("SIP").with_param("cause", "200").with_param("text", 'Call "completed"')
    assert made == reason


@pytest.mark.rule("RFC 4028 4", "RFC 3891 6.1", "RFC 4538 7", "RFC 3261 20.33", "RFC 3261 20.44")
def test_what_other_values_tell() -> None:
    assert headers.SESSION_EXPIRES.parse("1;refresher=UAC").refresher == "uac"
    assert Interval(1).refresher is None
    dialog = headers.REPLACES.parse("1@h;to-tag=t;from-tag=f;early-only")
    assert (dialog.to_tag, dialog.from_tag, dialog.early_only) == ("t", "f", True)
    assert (dialog.local_tag, dialog.remote_tag) == ("", "")
    dialog = headers.TARGET_DIALOG.parse("1@h;local-tag=l;remote-tag=r")
    assert (dialog.local_tag, dialog.remote_tag, dialog.early_only) == ("l", "r", False)
    assert (dialog.to_tag, dialog.from_tag) == ("", "")
    assert headers.RETRY_AFTER.parse("1;duration=2").duration == 2
    assert RetryAfter(1).duration is None
    challenge = headers.WWW_AUTHENTICATE.parse(
        'Digest realm="a\\"", nonce=b, qop="AUTH, auth-int,", stale=TRUE'
    )
    assert (challenge.realm, challenge.nonce, challenge.stale) == ('a"', "b", True)
    assert challenge.qop == ("auth", "auth-int")
    assert (Challenge("X").qop, Challenge("X").stale, Challenge("X").realm) == ((), False, None)
    assert headers.AUTHORIZATION.parse('Digest username="bob"').username == "bob"


@pytest.mark.rule("RFC 3261 20.7", "RFC 3261 20.44")
def test_digest_has_quotes_where_it_wants_them() -> None:
    credentials = Credentials("Digest")
    for name, text in (("username", "bob"), ("realm", '"x"'), ("qop", "auth"), ("nc", "00000001")):
        credentials = credentials.with_param(name, text)
    assert str(credentials) == 'Digest username="bob", realm="x", qop=auth, nc=00000001'
    assert str(Challenge("Digest").with_param("qop", "auth").with_param("algorithm", "MD5")) == (
        'Digest qop="auth", algorithm=MD5'
    )


# Dates -----------------------------------------------------------------------------------------


@pytest.mark.rule("RFC 3261 20.17")
@pytest.mark.parametrize(
    ("timestamp", "text"),
    [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        (951_782_400.9, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ],
)
def test_a_date_is_a_number_of_seconds(timestamp: float, text: str) -> None:
    date = Date.at(timestamp)
    assert str(date) == text
    assert headers.DATE.parse(text) == date
    assert date.timestamp == timestamp // 1


@pytest.mark.parametrize(
    "date",
    [
        Date(2001, 2, 29),
        Date(2001, 13, 1),
        Date(2001, 0, 1),
        Date(2001, 1, 1, 24),
        Date(10_000, 1, 1),
        Date(-1, 1, 1),
    ],
)
def test_a_moment_that_does_not_exist_is_not_written(date: Date) -> None:
    with pytest.raises(LocalProtocolError, match="no such moment"):
        str(date)


# Parameters ------------------------------------------------------------------------------------


@pytest.mark.rule("3261-7.3.1-08")
@pytest.mark.parametrize(
    "value",
    [
        NameAddr("A", "sip:a@h", (("x", '"1"'), ("y", ""))),
        P("a", (("x", '"1"'), ("y", ""))),
        Reason("a", (("x", '"1"'), ("y", ""))),
        Interval(1, (("x", '"1"'), ("y", ""))),
        DialogId("a", (("x", '"1"'), ("y", ""))),
        RetryAfter(1, "c", (("x", '"1"'), ("y", ""))),
        Challenge("a", (("x", '"1"'), ("y", "")), "t"),
        AuthenticationInfo((("x", '"1"'), ("y", ""))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_parameters_are_put_in_and_taken_out_in_place(value: Parameters) -> None:
    assert value.with_param("X", '"1"') == value.without_params("z") == value
    assert value.with_param("z", '"a"').params == (("x", '"1"'), ("y", ""), ("z", '"a"'))
    assert value.with_param("Y", '"a"').params == (("x", '"1"'), ("y", '"a"'))
    assert value.with_param("x").params == (("x", ""), ("y", ""))
    assert value.without_params("x").params == (("y", ""),)
    assert value.without_params("x", "y").with_param("x", '"1"').with_param("y") == value
    assert type(value.without_params("x", "y")) is type(value)
    assert (value.param("x"), value.param("y"), value.param("z")) == ('"1"', "", None)
    assert (value.unquoted("x"), value.unquoted("y"), value.unquoted("z")) == ("1", "", None)
    assert (value.number("x"), value.number("y"), value.number("z")) == (None, None, None)
    assert value.with_param("algorithm", "007").number("algorithm") == 7


def test_an_abstract_value_has_no_parameters_to_put_in() -> None:
    class Bare(Parameters):
        params = ()

    with pytest.raises(NotImplementedError):
        Bare().without_params()


@pytest.mark.rule("3261-25-02")
@pytest.mark.parametrize(
    ("text", "written"),
    [
        *(("1.2-a", "1.2-a"), ("[::1]", "[::1]"), ("h:5060", "h:5060"), ('"a b"', '"a b"')),
        *(("a b", '"a b"'), ("a;b", '"a;b"'), ('a"b\\', '"a\\"b\\\\"'), ("\0", '"\\\0"')),
        *(('"', '"\\""'), ('"a"b"', '"\\"a\\"b\\""'), ("\u00e4", '"\u00e4"'), ("a/b", '"a/b"')),
    ],
)
def test_a_parameter_that_needs_quotes_gets_them(text: str, written: str) -> None:
    address = ALICE.with_param("x", text)
    assert address.param("x") == written
    assert address.unquoted("x") == (text[1:-1] if text == '"a b"' else text)
    assert ALICE.unquoted("x") is None
    assert headers.TO.parse(str(address)) == address


# What is not written ---------------------------------------------------------------------------


@pytest.mark.rule("3261-25-02")
@pytest.mark.parametrize(
    "value",
    [
        NameAddr("a\r\nVia: x", "sip:h"),
        *(
            NameAddr("", ""),
            NameAddr("", "sip:h>"),
            NameAddr("", "sip:a b"),
            NameAddr("", "sip:\n"),
        ),
        *(NameAddr("", "sip:h", (("a b", ""),)), NameAddr("", "sip:h", (("", "1"),))),
        *(
            NameAddr("", "sip:h", (("a", text),))
            for text in ("b;c", "b,c", '"', '"a"b"', "\r", "<")
        ),
        *(P(text) for text in ("", "a;b", "a,b", "a b", "a\n")),
        *(Reason("a;b"), DialogId("a;b"), Challenge("a b"), Credentials("")),
        *(RetryAfter(1, text) for text in (")", "(", ")(", "\\", "a) (b")),
        *(SipWarning(1, "a b", ""), SipWarning(1, "a", "\n")),
        AuthenticationInfo((("a", "b,c"),)),
        Interval(1, (("a", "b c"),)),
    ],
    ids=repr,
)
def test_what_would_break_out_of_its_place_is_not_written(value: object) -> None:
    with pytest.raises(LocalProtocolError):
        str(value)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        *((headers.EXPIRES, -1), (headers.EXPIRES, 2**32), (headers.MAX_FORWARDS, 256)),
        *((headers.SUPPORTED, "a b"), (headers.SUPPORTED, "a,b"), (headers.SUPPORTED, "")),
        *((headers.SUBJECT, " a"), (headers.SUBJECT, "a\nb"), (headers.SUBJECT, "a\r\n b")),
        *((headers.SUBJECT, "a\rb"), (headers.CALL_ID, "a@b@c"), (headers.IN_REPLY_TO, "a,b")),
        *((headers.VIA, Via("UDP", "a b")), (headers.RACK, RAck(1, -1, "A"))),
        *((headers.TIMESTAMP, Timestamp("1e5")), (headers.WARNING, SipWarning(1000, "a", ""))),
        *((headers.CONTACT, NameAddr("A", "*")), (headers.FROM, STAR)),
        *((headers.EVENT, P("a/b")), (headers.CONTENT_TYPE, P("a"))),
        *((headers.TO, NameAddr("", "sip:h", (("TAG", "1"),))), (headers.PRIVACY, "a;b")),
        *((headers.WWW_AUTHENTICATE, Challenge("a")), (headers.SESSION_EXPIRES, Interval(-1))),
        (headers.REPLACES, DialogId("a", (("to-tag", "1"),))),
    ],
    ids=repr,
)
def test_only_what_reads_back_the_same_is_rendered(header: Header, value: object) -> None:
    with pytest.raises(LocalProtocolError):
        header.render(value)


def test_quoting_refuses_line_ends_only() -> None:
    for text in ("a\rb", "a\nb"):
        with pytest.raises(LocalProtocolError, match="line end"):
            quote(text)
    everything = "".join(map(chr, set(range(256)) - {10, 13}))
    assert NameAddr(everything, "sip:h") == headers.TO.parse(str(NameAddr(everything, "sip:h")))
    assert quote("\t\x7f") == '"\t\\\x7f"'


def test_a_star_has_no_uri() -> None:
    with pytest.raises(RemoteProtocolError):
        _ = STAR.uri
