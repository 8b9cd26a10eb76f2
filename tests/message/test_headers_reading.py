"""Typed headers in messages: rows and commas, what is malformed, names, time."""

import contextlib
import time
from collections.abc import Callable

import pytest

from sansip.errors import RemoteProtocolError
from sansip.message import Message, NameAddr, Request, headers, parse
from sansip.message.header_values import Challenge, Parameterised
from sansip.message.headers import Header, Many, One
from sansip.message.names import COMPACT, SINGLE, SPELLED

NOT_HEADERS = {"BY_NAME", "MAX_32_BITS", "STAR", "T"}
SECTION_20 = (
    *("Accept", "Accept-Encoding", "Accept-Language", "Alert-Info", "Allow"),
    *("Authentication-Info", "Authorization", "Call-ID", "Call-Info", "Contact"),
    *("Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length"),
    *("Content-Type", "CSeq", "Date", "Error-Info", "Expires", "From", "In-Reply-To"),
    *("Max-Forwards", "Min-Expires", "MIME-Version", "Organization", "Priority"),
    *("Proxy-Authenticate", "Proxy-Authorization", "Proxy-Require", "Record-Route", "Reply-To"),
    *("Require", "Retry-After", "Route", "Server", "Subject", "Supported", "Timestamp", "To"),
    *("Unsupported", "User-Agent", "Via", "Warning", "WWW-Authenticate"),
)


def message(*rows: tuple[str, str]) -> Message:
    return Request.make("OPTIONS", "sip:h", rows)


# Rows and commas -------------------------------------------------------------------------------


@pytest.mark.rule("3261-7.3.1-03", "RFC 3261 20.10")
@pytest.mark.parametrize(
    "rows",
    [
        ('"a, \\"b" <sip:a,x@h>;q=0.5', "sip:b@h;x", "<sip:c@h>"),
        ('"a, \\"b" <sip:a,x@h>;q=0.5,sip:b@h;x\t,  <sip:c@h>',),
        ('"a, \\"b"<sip:a,x@h> ;q=0.5 , sip:b@h;x', "<sip:c@h>"),
        ('"a, \\"b" <sip:a,x@h>;q=0.5', ", sip:b@h;x,, <sip:c@h>,"),
        ('"a, \\"b" <sip:a,x@h>;q=0.5', "", "sip:b@h;x, <sip:c@h>"),
    ],
)
def test_values_are_the_same_whatever_the_mix_of_rows_and_commas(rows: tuple[str, ...]) -> None:
    request = message(*[("m" if at % 2 else "Contact", row) for at, row in enumerate(rows)])
    assert headers.CONTACT.of(request) == (
        NameAddr('a, "b', "sip:a,x@h", (("q", "0.5"),)),
        NameAddr("", "sip:b@h", (("x", ""),)),
        NameAddr("", "sip:c@h"),
    )


@pytest.mark.rule("3261-7.3.1-03")
@pytest.mark.parametrize(
    "header", [headers.RETRY_AFTER, headers.SERVER, headers.USER_AGENT], ids=lambda it: it.name
)
def test_commas_in_comments_do_not_split(header: One[object]) -> None:
    request = message((header.name, "1 (a, (b,), c)"))
    assert request.values(header.name.lower()) == ("1 (a, (b,), c)",)
    assert str(header.of(request)) == "1 (a, (b,), c)"


@pytest.mark.rule("3261-7.3.1-04", "RFC 3261 20.7", "RFC 3261 20.27", "RFC 3261 20.28")
@pytest.mark.parametrize(
    "header",
    [
        *(headers.WWW_AUTHENTICATE, headers.PROXY_AUTHENTICATE),
        *(headers.AUTHORIZATION, headers.PROXY_AUTHORIZATION),
    ],
    ids=lambda header: header.name,
)
def test_challenges_and_credentials_are_never_split_nor_merged(header: Many[object]) -> None:
    rows = ('Digest realm="a", nonce="b,c"', "Basic YTpi", 'Digest realm="d"')
    request = message(*[(header.name, row) for row in rows])
    assert tuple(map(str, header.of(request))) == rows
    assert request.values(header.name.lower()) == rows
    with pytest.raises(RemoteProtocolError):  # a second challenge has no place in a row
        header.parse('Digest realm="a", Basic realm="b"')


@pytest.mark.rule("RFC 3261 20.21")
def test_call_ids_are_split_at_every_comma() -> None:
    request = message(("In-Reply-To", 'a"b@c, d<e'), ("In-Reply-To", 'f"'))
    assert headers.IN_REPLY_TO.of(request) == ('a"b@c', "d<e", 'f"')


@pytest.mark.rule("RFC 3323 4.2")
def test_privacy_is_split_at_semicolons() -> None:
    assert headers.PRIVACY.of(
        message(("Privacy", "id ;header"), ("Privacy", "user, critical;"))
    ) == (*("id", "header", "user", "critical"),)


@pytest.mark.rule("RFC 3261 20.1", "RFC 3261 20.5", "RFC 3261 20.37", "RFC 3261 20.2")
@pytest.mark.parametrize(
    "header", [headers.ACCEPT, headers.ALLOW, headers.SUPPORTED, headers.ACCEPT_ENCODING]
)
def test_a_list_may_be_empty_or_absent(header: Many[object]) -> None:
    assert header.of(message((header.name, ""))) == header.of(message()) == ()


def test_what_is_absent_is_none() -> None:
    for header in headers.BY_NAME.values():
        absent = Request.make("OPTIONS", "sip:h").remove("Content-Length")
        assert header.of(absent) == (None if isinstance(header, One) else ())


@pytest.mark.rule("3261-7.3.1-06", "RFC 3261 7.3.1")
def test_what_may_come_once_must_not_come_twice() -> None:
    for header in headers.BY_NAME.values():
        if isinstance(header, One):
            request = Request.make("OPTIONS", "sip:h", [(header.name, "1"), (header.name, "1")])
            with pytest.raises(RemoteProtocolError, match="comes twice") as caught:
                header.of(request)
            assert caught.value.header == header.name.lower()


@pytest.mark.rule("RFC 3261 20.10")
def test_a_star_stands_alone() -> None:
    assert [it.is_star for it in headers.CONTACT.of(message(("Contact", "*")))] == [True]
    for rows in (("*", "<sip:a@h>"), ("<sip:a@h>, *",), ("*, *",)):
        with pytest.raises(RemoteProtocolError, match="beside something else"):
            headers.CONTACT.of(message(*[("Contact", row) for row in rows]))


@pytest.mark.rule("3261-7.3.1-02")
def test_folds_are_white_space() -> None:
    data = (
        b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n"
        b"To: <sip:a@h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n"
        b'WWW-Authenticate:\r\n Digest\r\n\trealm=\r\n "a\r\n b" ,\r\n nonce=c\r\n'
        b"Accept:\r\n application/sdp\r\n ;level=1\r\n , text/\r\n *\r\n\r\n"
    )
    found = parse(data)
    params = (("realm", '"a b"'), ("nonce", "c"))
    assert headers.WWW_AUTHENTICATE.of(found) == (Challenge("Digest", params),)
    assert headers.ACCEPT.of(found) == (
        Parameterised("application/sdp", (("level", "1"),)),
        Parameterised("text/*"),
    )


# What is malformed -----------------------------------------------------------------------------

MALFORMED: dict[Header, tuple[str, ...]] = {
    headers.ROUTE: ("sip:h;lr", 'sip:h;lr;x="<"', "a;b <sip:h>", '"a" sip:h', "<sip:[::]>x"),
    headers.P_SERVED_USER: ("sip:h",),
    headers.ACCEPT: ("a", "a/", "/b", "a/b/c", "a/b;;", "a/b;x=", 'a/b;x="', "a/b;x=1;X=2"),
    headers.ACCEPT_LANGUAGE: ("a b", "é", ";q=1"),
    headers.ALLOW: ("INVITE ACK", '"a"', "a;b"),
    headers.AUTHENTICATION_INFO: ("", ",", "a", "a=1,b", "a=1,a=2", 'a="1'),
    headers.AUTHORIZATION: (
        "",
        "Digest",
        "Digest ,",
        "Digest a b",
        "a=b",
        '"D" a=b',
        "D a=1, b",
        'D a="',
    ),
    headers.CALL_ID: ("", "a b", "a@b@c", "a@", "@b", "a,b"),
    headers.CALL_INFO: ("", "<>", "<http://h", "<http://h> x"),
    headers.CONTACT: ("sip:a@h?x=y", "<sip:>", "<nonsense>", "a, b <sip:h>", "* ;x", '"a <sip:h>'),
    headers.CONTENT_LENGTH: ("", "-1", "1 2", "4294967296", "\u0661", "1;x"),
    headers.CONTENT_TYPE: ("", "application", "application/sdp x", ";a=b"),
    headers.CSEQ: ("1", "4294967296 INVITE", "-1 INVITE", "1 INV ITE"),
    headers.DATE: (
        *("", "Fri, 01 Jan 2010 16:00:00 EST", "Fri, 1 Jan 2010 16:00:00 GMT"),
        *("Fri, 32 Jan 2010 16:00:00 GMT", "Fri, 29 Feb 2010 16:00:00 GMT"),
        *("Fri, 00 Jan 2010 16:00:00 GMT", "Fri, 01 Jax 2010 16:00:00 GMT"),
        *("Fri, 01 Jan 2010 24:00:00 GMT", "Fri, 01 Jan 2010 16:60:00 GMT"),
        *("Fri, 01 Jan 2010 16:00:60 GMT", "fri, 01 jan 2010 16:00:00 gmt", "0"),
    ),
    headers.EXPIRES: ("", "-1", "1.5", "Thu, 01 Dec 1994 16:00:00 GMT", "60;x"),
    headers.FROM: ("*", "<sip:a b@h>", "Bell, Alexander <sip:agb@h>", "sip:a@h;tag=1;tag=2"),
    headers.MAX_FORWARDS: ("256", "300", "-1", "", "7 0"),
    headers.MIME_VERSION: ("", "1", "1.", ".0", "1.0 (x)", "1.0.0"),
    headers.PRIORITY: ("", "non urgent"),
    headers.RETRY_AFTER: (
        "",
        "x",
        "(c)",
        "1 (",
        "1 )",
        "1 (a",
        "1 (a))",
        "1 (a) b",
        "1 2",
        "1;",
        "1 (\\)",
    ),
    headers.TIMESTAMP: ("", ".5", "1 2 3", "1,5", "-1", "1.2.3"),
    headers.VIA: (
        "",
        "SIP/2.0/UDP",
        "SIP/7.0/UDP h",
        "SIP/2.0/UDP h;branch=1;branch=2",
        'SIP/2.0/UDP h;branch="1"',
    ),
    headers.WARNING: (
        "",
        '1812 h "x"',
        '99 h "x"',
        "399 h x",
        '399 "x"',
        '399 h "x',
        '399 h "x" y',
    ),
    headers.EVENT: ("", "a b", ";id=1", "a/b"),
    headers.JOIN: (
        "1@h",
        "1@h;to-tag=t",
        "1@h;from-tag=f",
        '1@h;to-tag="t";from-tag=f',
        ";to-tag=1;from-tag=1",
    ),
    headers.RACK: (
        "",
        "1 1",
        "1 1 INVITE x",
        "x 1 INVITE",
        "1 x INVITE",
        '1 1 "',
        "4294967296 1 A",
        "1\u20032 A",
    ),
    headers.REASON: ("", ";cause=1", "a b;cause=1"),
    headers.SESSION_EXPIRES: ("", "x", ";refresher=uac", "-1"),
    headers.TARGET_DIALOG: ("1@h;to-tag=1;from-tag=1", "1@h;local-tag=1"),
    headers.USER_TO_USER: ("", '"a', '"a" b', '"a"b;c'),
}


@pytest.mark.rule(
    "3261-25-02",
    "3261-25-04",
    "3261-20.22-01",
    "RFC 4475 3.1.2.5",
    "RFC 4475 3.1.2.12",
    "RFC 4475 3.1.2.13",
)
@pytest.mark.parametrize(
    ("header", "text"),
    [
        pytest.param(header, text, id=f"{header.name}: {text}", marks=pytest.mark.rule(header.rule))
        for header, texts in MALFORMED.items()
        for text in texts
    ],
)
def test_what_is_malformed_is_said_with_header_rule_and_remedy(header: Header, text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        header.parse(text)
    error = caught.value
    assert error.header == header.name.lower()
    assert error.rule
    assert f"({error.rule}); " in error.reason


@pytest.mark.rule("RFC 3261 20.17", "RFC 4475 3.1.2.12")
def test_a_malformed_header_stops_only_who_reads_it() -> None:
    request = message(("Date", "Fri, 01 Jan 2010 16:00:00 EST"), ("Expires", "1"))
    assert headers.EXPIRES.of(request) == 1
    assert request.get("date") == "Fri, 01 Jan 2010 16:00:00 EST"


# Names -----------------------------------------------------------------------------------------


@pytest.mark.rule("RFC 3261 20")
@pytest.mark.parametrize(("number", "name"), [*enumerate(SECTION_20, 1)], ids=str)
def test_every_header_of_section_20_is_there(number: int, name: str) -> None:
    header = headers.find(name)
    assert header is not None
    assert (header.name, header.rule) == (name, f"RFC 3261 20.{number}")
    assert getattr(headers, name.upper().replace("-", "_")) is header


def test_every_constant_is_found_and_has_a_name_of_its_own() -> None:
    upper = {name for name in dir(headers) if name.isupper() and name[0] != "_"}
    constants = {name: getattr(headers, name) for name in upper - NOT_HEADERS}
    assert len(constants) == len(headers.BY_NAME) >= len(SECTION_20)
    for name, header in constants.items():
        assert name == header.name.upper().replace("-", "_")
        assert SPELLED[header.name.lower()] == header.name
        for spelling in (header.name, header.name.lower(), header.name.swapcase()):
            assert headers.find(spelling) is header
        assert header.rule.startswith(("RFC ", "draft-"))


@pytest.mark.rule("3261-7.3.3-01")
def test_compact_names_find_their_headers() -> None:
    for short, name in COMPACT.items():
        found = headers.find(short.upper())
        assert found is headers.find(name)
        assert found is not None or name == "request-disposition"


@pytest.mark.rule("3261-7.3.1-08")
def test_a_header_that_nobody_knows_stays_text() -> None:
    assert headers.find("NewFangledHeader") is None
    request = message(("NewFangledHeader", ";;,,;;,;"))
    assert request.get("newfangledheader") == ";;,,;;,;"


@pytest.mark.rule("3261-7.3.1-03", "3261-7.3.1-04")
def test_messages_split_exactly_those_rows_that_are_lists() -> None:
    assert {
        name
        for name, header in headers.BY_NAME.items()
        if isinstance(header, One) or header.split("a, b") == ["a, b"]
    } == SINGLE


# Time ------------------------------------------------------------------------------------------

NASTY: tuple[Callable[[int], str], ...] = (
    lambda size: '"' * size,
    lambda size: "1 " + "(" * size,
    lambda size: "1 " + "(\\" * size,
    lambda size: "1 (" + "()" * size,
    lambda size: "a " + "a=" * size,
    lambda size: "a " + 'a="\\' * size,
    lambda size: "a;" + ";" * size,
    lambda size: "a/" + " " * size + "b/",
    lambda size: "<" * size,
    lambda size: "a@" * size,
    lambda size: "1." * size,
    lambda size: "1" * size,
    lambda size: "0" * size + "x",
    lambda size: '399 h "' + "\\" * size,
    lambda size: "Sat, " + " " * size + "13",
    lambda size: "a " + " \t" * size + "\x00",
    lambda size: ";".join([f"a{at}" for at in range(size // 6)]),
    lambda size: ",".join([f"a{at}=1" for at in range(size // 6)]),
    lambda size: "a, " * (size // 3),
    lambda size: "\r\n " * (size // 3),
)


@pytest.mark.parametrize("nasty", NASTY)
def test_no_text_takes_long(nasty: Callable[[int], str]) -> None:
    text = nasty(65_535)[:65_535]
    request = message(*[(name, text.replace("\r\n", "")) for name in headers.BY_NAME])
    begun = time.process_time()
    one_each = {header.read: header for header in headers.BY_NAME.values()}
    for header in one_each.values():
        with contextlib.suppress(RemoteProtocolError):
            header.parse(text)
        with contextlib.suppress(RemoteProtocolError):
            header.of(request)
    assert time.process_time() - begun < 10  # quadratic time would be minutes
