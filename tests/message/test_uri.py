"""URIs: taken apart, edited without loss, compared."""

import pytest

from sansip.errors import RemoteProtocolError
from sansip.message import Uri, equivalent, parse_uri


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


@pytest.mark.rule("3261-19.1.1-01", "3261-25-10", "3261-25-11")
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
        ("sip:null-%00-null@Under_score", "null-%00-null", "under_score", None),
        ("tel:+1-555;phone-context=x", "+1-555", "", None),
        ("soap.beep://192.0.2.103:3002", None, "", None),
    ],
)
def test_uris_are_read(text: str, user: str | None, host: str, port: int | None) -> None:
    uri = parse_uri(text)
    assert (uri.user, uri.host, uri.port, uri.text) == (user, host, port, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip",
        "sip:",
        ":x",
        "1:x",
        "sip:a b@h",
        "sip:a@h\n",
        "<sip:a@h>",
        "sip:a@",
        "sip:a@h:",
        "sip:a@h:x",
        "sip:a@h:99999",
        "sip:a@h%41",
        "sip:2001:db8::10",
        "sip:[2001:db8::10",
        "sip:[1.2.3.4.5]",
        "sip:[fe80::1%25eth0]",
        "sip:[::1]x",
        "sip:a@[::1]5060",
    ],
)
def test_what_is_no_uri_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_uri(text, "Route")
    assert caught.value.header == "route"


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
    assert parse_uri("tel:1;a;b").without_params("a").text == "tel:1;b"


# Comparing (the examples of 19.1.4 among others)


@pytest.mark.rule("3261-19.1.4-02", "3261-19.1.4-06", "3261-19.1.4-07", "3261-19.1.2-01")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("sip:[2001:db8::0:1]", "sip:[2001:DB8:0::1]"),
        ("sip:a%2fb@h", "sip:a%2Fb@h"),
        ("sip:%2541@h", "sip:%2541@h"),
        ("tel:+1", "TEL:+1"),
    ],
)
def test_equivalent_uris(one: str, other: str) -> None:
    assert equivalent(parse_uri(one), parse_uri(other))
    assert equivalent(parse_uri(other), parse_uri(one))


@pytest.mark.rule(
    *("3261-19.1.4-01", "3261-19.1.4-03", "3261-19.1.4-04", "3261-19.1.4-05"),
    *("3261-19.1.4-06", "3261-19.1.4-07"),
)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
        ("SIP:ALICE@AtLanTa.CoM", "sip:alice@AtLanTa.CoM"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:bob@h", "sip:h"),
        ("sip:bob@h", "sip:bob:@h"),
        ("sip:h;user=phone", "sip:h"),
        ("sip:a%2541@h", "sip:aA@h"),
        ("sip:a%3Bb@h", "sip:a;b@h"),
        ("sip:null-%00@h", "sip:null-%01@h"),
        ("tel:+1", "tel:+2"),
    ],
)
def test_uris_that_are_not_equivalent(one: str, other: str) -> None:
    assert not equivalent(parse_uri(one), parse_uri(other))
    assert not equivalent(parse_uri(other), parse_uri(one))


@pytest.mark.rule("3261-19.1.4-08")
def test_equivalence_is_not_transitive() -> None:
    on, plain, off = (parse_uri(f"sip:c@h{p}") for p in (";security=on", "", ";security=off"))
    assert equivalent(on, plain)
    assert equivalent(plain, off)
    assert not equivalent(on, off)
