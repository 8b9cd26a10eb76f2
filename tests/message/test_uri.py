"""URIs: taken apart, or refused (RFC 3261 19.1.1, 19.1.2, 25.1; RFC 5118; RFC 3966)."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip.errors import RemoteProtocolError
from sansip.message.uri import Decoded, Uri, equivalent, parse_uri

NASTY = st.text('sipltr:@;?&=%41[]./\\#+-_ "<>\0\u00e9\udc80\ud800\u212a')


def test_a_uri_is_taken_apart() -> None:
    uri = parse_uri("SIPS:al%20ice;x:se:cret@Example.COM:5061;Transport=TCP;lr?Subject=a&To=b")
    assert uri == Uri(
        "sips",
        "al%20ice;x",
        "se:cret",
        "example.com",
        5061,
        (("transport", "TCP"), ("lr", "")),
        "Subject=a&To=b",
        "SIPS:al%20ice;x:se:cret@Example.COM:5061;Transport=TCP;lr?Subject=a&To=b",
    )
    assert str(uri) == uri.text
    assert (uri.transport, uri.lr, uri.maddr, uri.is_sip, uri.is_ip) == (
        *("tcp", True, None, True, False),
    )


@pytest.mark.rule("3261-16.5-05")
@pytest.mark.parametrize(
    ("text", "aor"),
    [
        ("sip:bob@example.com", "sip:bob@example.com"),
        ("sip:bob@EXAMPLE.com;transport=tcp;lr?Subject=x", "sip:bob@example.com"),
        ("sip:%62ob:secret@example.com;user=phone", "sip:bob@example.com"),
        ("SIPS:b%6f%20b%40home@example.com:5061", "sips:bo%20b%40home@example.com:5061"),
        ("sip:j\u00fcrgen@example.com", "sip:j%C3%BCrgen@example.com"),
        ("sip:example.com;maddr=192.0.2.1", "sip:example.com"),
        ("sip:bob@[2001:DB8::1];x", "sip:bob@[2001:db8::1]"),
        ("tel:+1-555-0100", "tel:+15550100"),
    ],
)
def test_the_address_of_record_is_what_location_services_go_by(text: str, aor: str) -> None:
    uri = parse_uri(text)
    assert uri.aor == aor
    assert parse_uri(uri.aor).aor == aor


@pytest.mark.rule("3261-19.1.1-01", "3261-25-10", "3261-25-11", "5118-4.1", "5118-4.10")
@pytest.mark.parametrize(
    ("text", "user", "host", "port"),
    [
        ("sip:example.com", None, "example.com", None),
        ("sip:example.com.", None, "example.com.", None),
        ("sip:+1-555@gw.example.com:5060", "+1-555", "gw.example.com", 5060),
        (
            "sip:user;par=u%40example.net@example.com",
            "user;par=u%40example.net",
            "example.com",
            None,
        ),
        ("sip:a?b=c@192.0.2.1:9", "a?b=c", "192.0.2.1", 9),
        ("sip:[2001:DB8::10]:5070", None, "2001:db8::10", 5070),
        ("sip:[2001:db8::10:5070]", None, "2001:db8::10:5070", None),
        ("sip:u@[2001:db8:::192.0.2.1];lr", "u", "2001:db8::192.0.2.1", None),
        ("sip:u@[2001:db8::192.0.2.1]:1", "u", "2001:db8::192.0.2.1", 1),
        ("sip:[::ffff:192.0.2.2]", None, "::ffff:192.0.2.2", None),
        ("sip:u@h?Replaces=a@b%3Bto-tag=1", "u", "h", None),
        ("sip:*21#@h", "*21#", "h", None),
        ("sip:50%@h", "50%", "h", None),
        ("sip:\u00e9\udcff@h", "\u00e9\udcff", "h", None),
        ("sip:h:65535", None, "h", 65535),
        ("sip:h:00005060", None, "h", 5060),
        ("sip:null-%00-null@Under_score", "null-%00-null", "under_score", None),
        ("tel:+1-555;phone-context=x", "+1-555", "", None),
        ("soap.beep://192.0.2.103:3002", None, "", None),
    ],
)
def test_uris_are_read(text: str, user: str | None, host: str, port: int | None) -> None:
    uri = parse_uri(text)
    assert (uri.user, uri.host, uri.port, uri.text) == (user, host, port, text)


@pytest.mark.rule("3261-19.1.1-01", "3261-25-10", "3261-25-11", "5118-4.2")
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "'' is not a URI"),
        ("sip", "'sip' is not a URI"),
        ("sip:", "'sip:' is not a URI"),
        (":x", "':x' is not a URI"),
        ("1:x", "'1:x' is not a URI"),
        ("sip:a b@h", "' ' is not allowed"),
        ("sip:a@h; lr", "' ' is not allowed"),
        ("sip:a@h\n", "'\\n' is not allowed"),
        ("sip:a\0@h", "'\\x00' is not allowed"),
        ("sip:a@h\x7f", "'\\x7f' is not allowed"),
        ("<sip:a@h>", "'<' is not allowed"),
        ("sip:a@h>", "'>' is not allowed"),
        ('sip:"a"@h', "'\"' is not allowed"),
        ("sip:\ud800@h", "is not allowed"),
        (f"sip:{chr(0xDD00)}@h", "is not allowed"),
        ("sip:a@", "there is no host"),
        ("sip:;lr", "there is no host"),
        ("sip:?a=b", "there is no host"),
        ("sip:a@;lr", "there is no host"),
        ("sip::5060", "host name or IP address"),
        ("sip:a@b@c", "a second @"),
        ("sip:a@h;x=b@c", "a second @"),
        ("sip:a?b@c@d?e", "a second @"),
        ("sip:a@h:", "port number"),
        ("sip:a@h:x", "port number"),
        ("sip:a@h:99999", "port number"),
        ("sip:a@h:-1", "port number"),
        ("sip:a@h:\u0661", "port number"),
        ("sip:a@h%41", "host name or IP address"),
        ("sip:a@h,b", "host name or IP address"),
        ("sip:a@b\u00fccher", "host name or IP address"),
        ("sip:2001:db8::10", "put IPv6 in brackets"),
        ("sip:[2001:db8::10", "put IPv6 in brackets"),
        ("sip:[1.2.3.4.5]", "put IPv6 in brackets"),
        ("sip:[fe80::1%25eth0]", "put IPv6 in brackets"),
        ("sip:[v1.x]", "put IPv6 in brackets"),
        ("sip:[::1]x", "port number"),
        ("sip:a@[::1]5060", "port number"),
        ("sip:h;transport=udp;transport=tcp", "transport comes twice"),
        ("sip:h;transport=udp;transport=udp", "transport comes twice"),
        ("sip:h;transport=udp;TRANSPORT=tcp", "transport comes twice"),
        ("sip:h;transport=udp;%74ransport=tcp", "transport comes twice"),
        ("sip:h;maddr=1.2.3.4;maddr=h", "maddr comes twice"),
        ("sip:h;user=ip;user=phone", "user comes twice"),
        ("sip:h;ttl=1;ttl=2", "ttl comes twice"),
        ("sip:h;method=A;method=B", "method comes twice"),
        ("sip:h;maddr=a/b", "host name or IP address"),
        ("sip:h;maddr=%31.2.3.4", "host name or IP address"),
        ("sip:h;maddr=1.2.3.4:5060", "maddr has a port"),
        ("sip:h;maddr=[::1", "host name or IP address"),
        ("tel:", "'tel:' is not a URI"),
        ("tel:;x=y", "there is no number"),
    ],
)
def test_what_is_no_uri_is_refused_with_problem_rule_and_remedy(text: str, problem: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_uri(text, "Route")
    assert caught.value.header == "route"
    assert problem in caught.value.reason
    assert caught.value.reason.startswith("Route: ")
    assert f"({caught.value.rule}); " in caught.value.reason


@pytest.mark.rule("3261-19.1.1-01")
def test_what_comes_twice_and_decides_nothing_passes() -> None:
    uri = parse_uri("sip:h;lr;x=1;lr=on;X=2;;")
    assert uri.params == (("lr", ""), ("x", "1"), ("lr", "on"), ("x", "2"))
    assert (uri.lr, uri.param("x")) == (True, "1")


@pytest.mark.parametrize(
    ("host", "expected"),
    [("192.0.2.1", True), ("[::1]", True), ("h1", False), ("1.2.3", False), ("256.0.0.1", False)],
)
def test_addresses_are_told_from_names(host: str, expected: bool) -> None:  # noqa: FBT001
    assert parse_uri(f"sip:{host}").is_ip is expected


def test_parameters_can_be_asked_for() -> None:
    uri = parse_uri("sip:h;;MADDR=[::FFFF:1];x=;LR=on")
    assert (uri.maddr, uri.param("x"), uri.param("y"), uri.transport) == (
        "::ffff:1",
        "",
        None,
        None,
    )
    assert uri.lr


@pytest.mark.rule("3261-19.1.2-01")
def test_names_and_values_of_parameters_may_be_escaped() -> None:
    uri = parse_uri("sip:h;%6C%72;%74ransport=%54cp;n%61me=v%61lue%25%34%31;%3d=%22")
    assert (uri.lr, uri.transport, uri.param("name")) == (True, "tcp", "v%61lue%25%34%31")
    assert uri.decoded.params == (
        *(("lr", ""), ("transport", "Tcp"), ("name", "value%41"), ("=", '"')),
    )


@pytest.mark.rule("5118-4.10")
@pytest.mark.parametrize(
    ("given_", "maddr"),
    [
        ("[2001:DB8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8:::1]", "2001:db8::1"),
        ("MC.example.com", "mc.example.com"),
        ("", None),
    ],
)
def test_maddr_is_a_host_and_can_take_the_place_of_one(given_: str, maddr: str | None) -> None:
    uri = parse_uri(f"sip:h;maddr={given_}")
    assert uri.maddr == maddr
    if maddr is not None:
        assert uri.with_host(maddr).host == maddr


def test_a_uri_without_a_host_has_no_maddr() -> None:
    assert parse_uri("tel:+1;maddr=192.0.2.1").maddr is None


# What escapes mean


@pytest.mark.rule("3261-19.1.2-01")
@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("sip:%25%34%31@h", "%41"),
        ("sip:%2541@h", "%41"),
        ("sip:null-%00-null@h", "null-\0-null"),
        ("sip:%c3%A9%E9@h", "\u00e9\udce9"),
        ("sip:a%3Bb%40c;d@h", "a;b@c;d"),
        ("sip:50%@h", "50%"),
        ("sip:%4%zz%41@h", "%4%zzA"),
        ("sip:+1@h", "+1"),
        ("sip:@h", ""),
        ("sip:h", None),
    ],
)
def test_the_user_is_decoded_once(text: str, user: str | None) -> None:
    uri = parse_uri(text)
    assert uri.decoded.user == user
    assert str(uri) == text


def test_all_that_can_be_escaped_is_decoded() -> None:
    uri = parse_uri("sip:%61:%62%25@h;%63=%64;e?%66=%67%26&&h=i=j%20+&k")
    assert uri.decoded == Decoded(
        "a", "b%", (("c", "d"), ("e", "")), (("f", "g&"), ("h", "i=j +"), ("k", ""))
    )
    assert parse_uri("urn:service:%41").decoded == Decoded(None, None, (), ())


# Telephone numbers


@pytest.mark.rule("3261-19.1.1-01")
@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("tel:+1-201-555.01(23);ext=4", "+12015550123"),
        ("TEL:7042;phone-context=example.com", "7042"),
        ("tel:*21#;phone-context=+1", "*21#"),
        ("tel:12AbC", "12AbC"),
        ("tel:+12A", None),
        ("tel:+", None),
        ("tel:-", None),
        ("tel:hello", None),
        ("sip:+1-555;ext=4@h;user=phone", "+1555"),
        ("sip:%2B1555@h;user=%50hone", "+1555"),
        ("sip:+1555@h", None),
        ("sip:+1555@h;user=ip", None),
        ("sip:h;user=phone", None),
        ("urn:x;user=phone", None),
    ],
)
def test_a_telephone_number_is_its_digits(text: str, number: str | None) -> None:
    assert parse_uri(text).number == number


# Any text at all


@given(NASTY | NASTY.map("sip:".__add__) | NASTY.map("tel:".__add__))
def test_any_text_is_a_uri_that_can_be_used_or_is_refused(text: str) -> None:
    try:
        uri = parse_uri(text)
    except RemoteProtocolError:
        return
    assert uri.text == text
    assert equivalent(uri, uri)
    assert uri.decoded.user is None or uri.user is not None
    bare = uri.for_request_line().without_params("maddr", "transport", "lr")
    assert bare.headers is None
    assert not bare.lr
    if uri.maddr is not None:
        assert uri.with_host(uri.maddr, uri.port).host == uri.maddr


@pytest.mark.parametrize(
    "piece", ["a", "a@", ";", ";x", ";x=y", "?", "&a=b", "%", "%4", "%41", ":", "[", "a.", "-", "#"]
)
@pytest.mark.parametrize("start", ["sip:", "sip:a@h;", "sip:a@h?", "tel:1;", "x://"])
def test_time_is_linear_in_the_length(start: str, piece: str) -> None:
    text = start + piece * (65_536 // len(piece))
    begun = time.process_time()
    try:
        uri = parse_uri(text)
    except RemoteProtocolError:
        pass
    else:
        assert equivalent(uri, parse_uri(text))
        assert uri.decoded == parse_uri(text).decoded
        assert uri.for_request_line().without_params("x").param("x") is None
        assert uri.number != ""
    assert time.process_time() - begun < 5  # what is quadratic takes minutes


@pytest.mark.rule("3261-19.1.1-01")
@pytest.mark.parametrize("password", ["5060;x", "p?x", ";"])
def test_a_password_that_could_be_more_than_one_is_refused(password: str) -> None:
    """A reader that cuts at the semicolon first would go to the other host."""
    with pytest.raises(RemoteProtocolError) as caught:
        parse_uri(f"sip:203.0.113.1:{password}@203.0.113.77")
    assert caught.value.rule == "RFC 3261 25.1"
