"""Via, CSeq and address values."""

import pytest

from sansip.errors import RemoteProtocolError
from sansip.message import (
    CSeq,
    NameAddr,
    Via,
    bracketed_uri,
    parse_bracketed,
    parse_cseq,
    parse_name_addr,
    parse_via,
)
from sansip.message.grammar import number, split_outside, unquote


@pytest.mark.rule("3261-25-06", "3261-25-10")
@pytest.mark.parametrize(
    ("text", "via"),
    [
        ("SIP/2.0/UDP h", Via("UDP", "h")),
        ("SIP/2.0/UDP H:5060;branch=1", Via("UDP", "H", 5060, "1")),
        (
            "SIP/2.0/UDP h;rport;branch=1;x=y",
            Via("UDP", "h", None, "1", (("rport", ""), ("x", "y"))),
        ),
        (
            "SIP  / 2.0  / tcp     spindle.example.com : 5061 ;\r\n  Branch  =   z9hG4bK9ikj8 ",
            Via("TCP", "spindle.example.com", 5061, "z9hG4bK9ikj8"),
        ),
        (
            'sip/2.0/UNKNOWN [2001:DB8::9];Received="a;b";b2=[::1]',
            Via("UNKNOWN", "2001:DB8::9", None, None, (("received", '"a;b"'), ("b2", "[::1]"))),
        ),
    ],
)
def test_via_values_are_read(text: str, via: Via) -> None:
    assert parse_via(text) == via
    assert parse_via(str(via)) == via


@pytest.mark.rule("3261-25-10", "3581-4-01")
def test_what_a_via_says_about_the_way_back() -> None:
    plain = parse_via("SIP/2.0/UDP h;branch=1")
    assert (plain.received, plain.rport, plain.maddr, plain.ttl) == (None, None, None, None)
    for address in ("2001:db8::1", "[2001:db8::1]"):
        via = parse_via(f"SIP/2.0/UDP h;received={address};rport=7;maddr={address};ttl=16")
        assert (via.received, via.rport, via.maddr, via.ttl) == (
            *("2001:db8::1", "7", "2001:db8::1", 16),
        )


@pytest.mark.rule("3261-20.42-01")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("UDP H.example.com", "TCP h.EXAMPLE.com:5060"),
        ("TLS h", "TLS h:5061"),
        ("WSS h", "WSS h:5061"),
        ("UDP [2001:DB8::0:1]", "UDP [2001:db8:0::1]:5060"),
    ],
)
def test_sent_by_has_one_normal_form(one: str, other: str) -> None:
    assert parse_via(f"SIP/2.0/{one}").sent_by == parse_via(f"SIP/2.0/{other}").sent_by
    assert Via("UDP", "::G").sent_by == "[::g]:5060"


@pytest.mark.rule("3261-18.2.1-01", "3581-4-01", "3581-4-03")
def test_a_via_is_stamped_with_where_it_came_from() -> None:
    via = parse_via("SIP/2.0/UDP h;received=198.51.100.1;rport;branch=1;x")
    assert str(via.stamped("192.0.2.1", 9)) == (
        "SIP/2.0/UDP h;branch=1;x;received=192.0.2.1;rport=9"
    )
    assert str(via.stamped(None, None)) == "SIP/2.0/UDP h;branch=1;rport;x"
    assert str(Via("UDP", "::1", 5)) == "SIP/2.0/UDP [::1]:5"


def test_a_cseq_is_read_and_written() -> None:
    assert parse_cseq(" 0009\t INVITE ") == CSeq(9, "INVITE")
    assert str(CSeq(9, "INVITE")) == "9 INVITE"


@pytest.mark.rule("3261-25-07", "3261-25-09", "3261-25-02")
@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("<sip:a@h;x>", NameAddr("", "sip:a@h;x")),
        ("sip:a@h;x", NameAddr("", "sip:a@h", (("x", ""),))),
        ("A B <sip:a@h>;tag=1", NameAddr("A B", "sip:a@h", (("tag", "1"),))),
        ('"A \\" \\\0<b>" <sip:a@h>', NameAddr('A " \0<b>', "sip:a@h")),
        ('"A"<sip:a@h> ; q=0.5 ; X="y"', NameAddr("A", "sip:a@h", (("q", "0.5"), ("x", '"y"')))),
        ("A\r\n B<sip:a@h,?;>", NameAddr("A B", "sip:a@h,?;")),
    ],
)
def test_addresses_are_read(text: str, address: NameAddr) -> None:
    assert parse_name_addr(text) == address


def test_an_address_has_a_uri_and_parameters() -> None:
    address = parse_name_addr("<sip:a@h;lr>;expires=60")
    assert address.uri.lr
    assert (address.param("expires"), address.param("q")) == ("60", None)
    with pytest.raises(RemoteProtocolError):
        _ = parse_name_addr("<nonsense>").uri


def test_texts_are_split_outside_quotes_and_brackets_only() -> None:
    assert split_outside("a,b", ",") == ["a", "b"]
    assert split_outside('"a,\\",b",<c,d>,e', ",") == ['"a,\\",b"', "<c,d>", "e"]
    assert split_outside('a;"b;c', ";") == ["a", '"b;c']
    assert split_outside('a;<b;c;"', ";") == ["a", '<b;c;"']
    assert split_outside('"a;\\', ";") == ['"a;\\']


@pytest.mark.parametrize(
    ("text", "meaning"),
    [('"a\\"b"', 'a"b'), ('"a"', "a"), ("a", "a"), ('"a', '"a'), ('""', "")],
)
def test_quoted_strings_are_unquoted(text: str, meaning: str) -> None:
    assert unquote(text) == meaning


def test_numbers_have_a_limit_and_no_other_digits() -> None:
    assert [number(text, 255) for text in ("0", "255", "256", "1000", "00001", "000", "")] == [
        *(0, 255, None, None, 1, 0, None),
    ]
    assert number("\u0661", 9) is None


@pytest.mark.rule("3261-25-08")
@pytest.mark.parametrize(
    "text",
    ["<sip:p;lr>", "<sip:p;lr>;x=1", '"<x>" <sip:p>', "P <sip:p>", '<sip:p;lr>;x="<sip:q>"'],
)
def test_a_bracketed_uri_is_that_of_the_whole_address(text: str) -> None:
    assert bracketed_uri(text, "Route") == parse_bracketed(text, "Route").uri


@pytest.mark.rule("3261-25-08")
@pytest.mark.parametrize("text", ["", "sip:p", "<sip:p", "<>", "<<sip:p>", "< sip:p>", "<sip:p>>"])
def test_what_is_not_in_brackets_is_no_bracketed_uri(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        bracketed_uri(text, "Route")
    with pytest.raises(RemoteProtocolError):
        _ = parse_bracketed(text, "Route").uri
