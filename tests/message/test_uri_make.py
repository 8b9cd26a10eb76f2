"""URIs: made of plain texts, and edited without loss (RFC 3261 19.1.1, 19.1.2, 19.1.6)."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip.errors import LocalProtocolError
from sansip.message.uri import Decoded, Uri, parse_uri

# Every character that a byte can stand for, alone or with others.
TEXT = st.binary(max_size=12).map(lambda data: data.decode("utf-8", "surrogateescape"))
SPECIAL = st.text("ab:;/?@&=+$,%[]\\\"<> \r\n\0'()#", max_size=8)
ANY = TEXT | SPECIAL
SOME = ANY.filter(bool)
NAME = SOME.map(str.lower).filter(lambda name: name.isascii() and "maddr" not in name)
HOST = st.sampled_from(["h", "gw-1.example.com.", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"])
ONCE = {"transport", "user", "ttl", "method"}


@pytest.mark.rule("3261-19.1.1-01", "3261-19.1.2-01", "3261-25-10")
@given(
    host=HOST,
    port=st.none() | st.integers(0, 65_535),
    scheme=st.sampled_from(["sip", "sips"]),
    user=st.none() | SOME,
    password=st.none() | ANY,
    params=st.dictionaries(NAME, ANY, max_size=3),
    headers=st.lists(st.tuples(SOME, ANY), max_size=3),
)
def test_what_is_made_reads_as_what_it_was_made_of(
    host: str,
    port: int | None,
    scheme: str,
    user: str | None,
    password: str | None,
    params: dict[str, str],
    headers: list[tuple[str, str]],
) -> None:
    password = None if user is None else password
    pairs = tuple(params.items())
    made = Uri.make(
        *(host, port), scheme=scheme, user=user, password=password, params=pairs, headers=headers
    )
    assert (made.scheme, made.host, made.port) == (scheme, host, port)
    assert made.decoded == Decoded(user, password, pairs, tuple(headers))
    assert parse_uri(str(made)) == made
    assert str(made).isascii()


@pytest.mark.rule("3261-19.1.2-01")
def test_each_part_has_its_own_characters_to_escape() -> None:
    every = "aZ0-_.!~*'();/?:@&=+$,[]%#\" \u00e9\0"
    made = Uri.make(
        "h", user=every, password=every, params=[(every, every)], headers=[(every, every)]
    )
    same, rest = "aZ0-_.!~*'()", "%25%23%22%20%C3%A9%00"
    in_user = f"{same};/?%3A%40&=+$,%5B%5D{rest}"
    in_password = f"{same}%3B%2F%3F%3A%40&=+$,%5B%5D{rest}"
    in_param = f"{same}%3B/%3F:%40&%3D+$%2C[]{rest}"
    in_header = f"{same}%3B/?:%40%26%3D+$%2C[]{rest}"
    assert str(made) == (
        f"sip:{in_user}:{in_password}@h;{in_param}={in_param}?{in_header}={in_header}"
    )


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (Uri.make("h"), "sip:h"),
        (Uri.make("::1", 5061, scheme="sips", user="a"), "sips:a@[::1]:5061"),
        (Uri.make("[::1]"), "sip:[::1]"),
        (Uri.make("h", params=[("lr", ""), ("maddr", "::1")]), "sip:h;lr;maddr=[::1]"),
        (
            Uri.make("h", params=[("X", "Y")], headers=[("Subject", "a b")]),
            "sip:h;X=Y?Subject=a%20b",
        ),
        (Uri.make("h", user="a", password=""), "sip:a:@h"),
    ],
)
def test_made_uris_are_written_as_one_would(made: Uri, text: str) -> None:
    assert str(made) == text


@pytest.mark.rule("3261-25-10", "3261-25-11")
@pytest.mark.parametrize(
    "host",
    [
        *("", "a b", "h:5060", "h;lr", "h?a=b", "u@h", "h%41", "[h]", "[1.2.3.4]", "[::1]:5060"),
        *("[::1] ", " h", "h\n", "2001:db8:::1", "fe80::1%eth0", "b\u00fccher", "[", "]", ":"),
    ],
)
def test_a_host_that_is_none_is_refused(host: str) -> None:
    for make in (Uri.make, parse_uri("sip:h").with_host, parse_uri("tel:+1").to_sip):
        with pytest.raises(LocalProtocolError, match="neither a host name nor an IP address"):
            make(host)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(LocalProtocolError, match="not from 0 to 65535"):
        Uri.make("h", port)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Uri.make("h", scheme="tel"), "say sip or sips"),
        (lambda: Uri.make("h", scheme=""), "say sip or sips"),
        (lambda: Uri.make("h", user=""), "empty user"),
        (lambda: Uri.make("h", password="x"), "empty user"),
        (lambda: Uri.make("h", user="\ud800"), "lone surrogate"),
        (lambda: Uri.make("h", params=[("", "x")]), "empty name"),
        (lambda: Uri.make("h", params=[("ttl", "1"), ("TTL", "2")]), "comes twice"),
        (lambda: Uri.make("h", params=[("maddr", "a b")]), "neither a host name"),
        (lambda: Uri.make("h", headers=[("", "x")]), "empty name"),
        (lambda: parse_uri("sip:h").with_user(""), "empty user"),
        (lambda: parse_uri("sip:h").with_param("", "x"), "empty name"),
        (lambda: parse_uri("sip:h").with_scheme("tel"), "say sip or sips"),
        (lambda: parse_uri("sip:h").to_sip("h"), "take a tel URI"),
        (lambda: parse_uri("urn:x").with_param("lr"), "has no parameters"),
        (lambda: parse_uri("urn:x").with_host("h"), "a urn URI cannot get a host"),
        (lambda: parse_uri("tel:+1").with_host("h"), "a tel URI cannot get a host"),
        (lambda: parse_uri("tel:+1").with_user("u"), "a tel URI cannot get a user"),
        (lambda: parse_uri("tel:+1").with_headers(("a", "b")), "a tel URI cannot get headers"),
        (lambda: parse_uri("tel:+1").with_scheme("sip"), "a tel URI cannot get another scheme"),
    ],
)
def test_what_no_escape_can_help_is_refused(make: Callable[[], Uri], problem: str) -> None:
    with pytest.raises(LocalProtocolError, match=problem):
        make()


# Editing


@pytest.mark.parametrize(
    ("text", "host", "port", "result"),
    [
        ("sip:+1@gw.example.com:5060;a=b?c=d", "h", None, "sip:+1@h;a=b?c=d"),
        ("sip:gw", "::1", 5, "sip:[::1]:5"),
        ("SIP:Me:Pw@gw?x=y", "[::1]", None, "SIP:Me:Pw@[::1]?x=y"),
        ("sip:a;b?c@[::1]:9;d", "h", 1, "sip:a;b?c@h:1;d"),
    ],
)
def test_the_host_is_replaced_and_nothing_else(
    text: str, host: str, port: int | None, result: str
) -> None:
    assert parse_uri(text).with_host(host, port) == parse_uri(result)


@pytest.mark.rule("3261-16.6.2-01", "3261-19.1.1-02")
@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("sip:a@h;Method=INVITE;X=Y;lr?Route=%3Csip:x%3E", "sip:a@h;X=Y;lr"),
        ("sip:a?c=d@h?c=d", "sip:a?c=d@h"),
        ("sip:a@h?", "sip:a@h"),
        ("sip:h;method=x", "sip:h"),
        ("sip:h;lr", "sip:h;lr"),
        ("tel:+1;method=x", "tel:+1;method=x"),
    ],
)
def test_what_a_request_uri_must_not_have_is_taken_out(text: str, result: str) -> None:
    assert parse_uri(text).for_request_line() == parse_uri(result)


def test_parameters_are_taken_out_by_name() -> None:
    uri = parse_uri("sip:maddr=1;x@h;MAddr=1;transport=udp;lr?maddr=2")
    taken = uri.without_params("maddr", "transport")
    assert taken.text == "sip:maddr=1;x@h;lr?maddr=2"
    assert parse_uri("tel:1;a;b?c;d@e").without_params("a", "d@e").text == "tel:1;b?c"
    assert parse_uri("sip:h;%6Cr;x;LR=on").without_params("lr").text == "sip:h;x"
    assert uri.without_params("y") is uri
    assert parse_uri("http://h/;lr").without_params("lr").text == "http://h/;lr"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("sip:h;a;B=1;c?d=e", "sip:h;a;c;b=x%20y?d=e"),
        ("sip:a;b@h", "sip:a;b@h;b=x%20y"),
        ("sip:h?b", "sip:h;b=x%20y?b"),
        ("tel:+1;a=b@c?", "tel:+1;a=b@c?;b=x%20y"),
    ],
)
def test_a_parameter_is_set(text: str, result: str) -> None:
    assert parse_uri(text).with_param("b", "x y").text == result


def test_a_parameter_is_set_whatever_its_name() -> None:
    uri = parse_uri("sip:h").with_param("a=b", "1").with_param("A=b", "2").with_param("lr")
    assert uri.text == "sip:h;A%3Db=2;lr"
    assert uri.with_param("maddr", "::1").maddr == "::1"


@pytest.mark.parametrize(
    ("text", "user", "password", "result"),
    [
        ("SIP:h:1;x?y=z", "a b", None, "SIP:a%20b@h:1;x?y=z"),
        ("sip:a;b?c:pw@h;x", "d", "p:w", "sip:d:p%3Aw@h;x"),
        ("sip:a@[::1]", None, None, "sip:[::1]"),
        ("sip:a@h?Replaces=b@c", None, None, "sip:h?Replaces=b%40c"),
    ],
)
def test_the_user_is_replaced(
    text: str, user: str | None, password: str | None, result: str
) -> None:
    assert parse_uri(text).with_user(user, password).text == result


def test_scheme_and_headers_are_replaced() -> None:
    uri = parse_uri("SIP:a?b@h;x?y=z@")
    assert uri.with_scheme("sips").text == "sips:a?b@h;x?y=z@"
    assert uri.with_headers().text == "SIP:a?b@h;x"
    assert uri.with_headers(("To", "<sip:b@h>"), ("s", "")).text == (
        "SIP:a?b@h;x?To=%3Csip:b%40h%3E&s="
    )


# Telephone numbers for gateways


@pytest.mark.rule("3261-19.1.1-01")
@pytest.mark.parametrize(
    ("text", "result"),
    [
        (
            "tel:+358-555-1234567;postd=pp22",
            "sip:+358-555-1234567;postd=pp22@foo.com;user=phone",
        ),
        (
            "tel:+358-555-1234567;POSTD=PP22;isub=1411",
            "sip:+358-555-1234567;isub=1411;postd=pp22@foo.com;user=phone",
        ),
        (
            "tel:7042;b;a=%2F:;Phone-Context=Example.COM;ext=1",
            "sip:7042;ext=1;phone-context=example.com;a=%2f%3A;b@foo.com;user=phone",
        ),
        ("TEL:*21#", "sip:*21%23@foo.com;user=phone"),
    ],
)
def test_a_tel_uri_becomes_a_sip_uri(text: str, result: str) -> None:
    made = parse_uri(text).to_sip("foo.com")
    assert made.text == result
    assert made.number == parse_uri(text).number
    assert parse_uri(text).to_sip("::1", 5061, "sips").text.endswith("@[::1]:5061;user=phone")
