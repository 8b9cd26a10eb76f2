"""What a user agent, a registrar or a test has to find in the torture messages."""

import pytest

import sansip
from sansip.message import NameAddr, equivalent, parse_name_addr, parse_uri, parse_via
from sansip.transaction import server_key
from torture import invalid, ipv6, semantics, valid


def request(data: bytes) -> sansip.Request:
    message = sansip.parse(data)
    assert isinstance(message, sansip.Request)
    return message


def address(data: bytes, name: str) -> NameAddr:
    """The first value of a header that holds addresses."""
    message = sansip.parse(data)
    return parse_name_addr(message.values(name)[0], name)


def contacts(data: bytes) -> list[sansip.Uri]:
    return [parse_name_addr(text).uri for text in sansip.parse(data).values("contact")]


def vias(data: bytes) -> list[sansip.Via]:
    return [parse_via(text) for text in sansip.parse(data).values("via")]


# --- RFC 4475 3.1.1


@pytest.mark.rule("4475-3.1.1.1")
def test_wsinv_has_three_vias_whatever_rows_they_stand_in() -> None:
    assert [(via.transport, via.sent_by, via.branch) for via in vias(valid.WSINV)] == [
        ("UDP", "198.51.100.1:5060", "lowtide17"),
        ("TCP", "buoy.quay.example:5060", "z9hG4bKsecond"),
        ("UDP", "10.8.7.6:5060", "z9hG4bKthird"),
    ]


@pytest.mark.rule("4475-3.1.1.1")
def test_wsinv_is_read_through_all_its_folds_and_blanks() -> None:
    wsinv = request(valid.WSINV)
    assert wsinv.uri.params == (("shoreline", ""),)
    assert (wsinv.max_forwards, wsinv.cseq.number, wsinv.cseq.method) == (68, 9, "INVITE")
    assert (wsinv.from_tag, wsinv.to_tag) == ("tide.1", "rope-77")
    assert wsinv.call_id == "wsinv.4711@198.51.100.1"
    assert wsinv.get("subject") == ""
    assert wsinv.get("tide-table") == "high water at noon"
    assert wsinv.get("unlisted-anywhere") == ";,;;,,;=,"
    assert address(valid.WSINV, "from").display == 'Agnes \\"of the ferry"'
    contact = address(valid.WSINV, "contact")
    assert contact.display == 'Agnes ""'
    assert contact.params == (("newparam", "newvalue"), ("valueless", ""), ("q", "0.33"))
    assert address(valid.WSINV, "route").uri.params == (
        ("lr", ""),
        ("mooring", "north"),
        ("unmoored", ""),
    )


@pytest.mark.rule("4475-3.1.1.2")
def test_intmeth_keeps_every_odd_character() -> None:
    intmeth = request(valid.INTMETH)
    assert intmeth.method == intmeth.cseq.method == valid.ODD_METHOD
    user, _, password = valid.ODD_USER.partition(":")
    assert (intmeth.uri.user, intmeth.uri.password) == (user, password)
    assert (intmeth.uri.host, intmeth.uri.params, intmeth.uri.headers) == (
        "harbour.example",
        (),
        None,
    )
    assert intmeth.via.branch == "z9hG4bK~'`+_*%21!.-"
    assert intmeth.call_id == valid.ODD_CALL_ID
    assert address(valid.INTMETH, "to").display == "ring \a nothing \0 gone \x7f"
    caller = address(valid.INTMETH, "from")
    assert caller.display == "Bow~`.- stern'+_ keel*%!"
    assert caller.param("%-.!_*+''~knot") == '"\u043f\u0440\u0438\u0447\u0430\u043b"'
    assert intmeth.from_tag == "%!-.'~`stay*+_3"
    assert intmeth.get("~'`_+*%.!-signal") == "\ufeff\u706f\u53f0"


@pytest.mark.rule("4475-3.1.1.3")
def test_esc01_is_unescaped_once_and_only_once() -> None:
    wanted = "sip:sips%3Abruno%40pier.example@harbour.example"
    assert request(valid.ESC01).uri.user == "sips%3Abruno%40pier.example"
    assert equivalent(request(valid.ESC01).uri, parse_uri(wanted.lower()))
    assert equivalent(address(valid.ESC01, "to").uri, parse_uri("sip:bruno@harbour.example"))
    (contact,) = contacts(valid.ESC01)
    assert equivalent(contact, parse_uri("sip:agnes@dock.quay.example;lr;step=value%2541"))
    assert not equivalent(contact, parse_uri("sip:agnes@dock.quay.example;lr;step=valueA"))


@pytest.mark.rule("4475-3.1.1.4")
def test_escnull_has_two_contacts_that_no_null_cuts_short() -> None:
    one, other = contacts(valid.ESCNULL)
    assert (one.user, other.user) == ("%00", "%00%00")
    assert not equivalent(one, other)
    assert address(valid.ESCNULL, "to").uri.user == "nothing-%00-nothing"


@pytest.mark.rule("4475-3.1.1.5")
def test_esc02_is_no_register_and_has_two_contacts() -> None:
    esc02 = request(valid.ESC02)
    assert esc02.method == "R%45GISTE%52"
    assert [uri.user for uri in contacts(valid.ESC02)] == ["first", "third"]
    assert esc02.rows("c%6fntact") == ("<sip:second@two.quay.example>",)
    assert address(valid.ESC02, "to").display == address(valid.ESC02, "from").display == "%Q%41"


@pytest.mark.rule("4475-3.1.1.6")
def test_lwsdisp_has_a_display_name() -> None:
    caller = address(valid.LWSDISP, "from")
    assert (caller.display, str(caller.uri)) == ("agnes", "sip:agnes@quay.example")


@pytest.mark.rule("4475-3.1.1.7")
def test_longreq_has_34_vias_in_order() -> None:
    hosts = [via.host for via in vias(valid.LONGREQ)]
    assert hosts == [f"lock{n}.quay.example" for n in range(33, 0, -1)] + ["first.quay.example"]
    assert request(valid.LONGREQ).from_tag == f"77{'415' * 50}1"
    callee = address(valid.LONGREQ, "to").uri
    assert (callee.port, len(callee.params)) == (6000, 3)


@pytest.mark.rule("4475-3.1.1.1", "4475-3.1.1.7", "4475-3.2.1", "4475-3.4.1")
@pytest.mark.parametrize(
    "data", [valid.WSINV, valid.LONGREQ, semantics.BADBRANCH, semantics.INV2543]
)
def test_without_the_magic_cookie_matching_is_that_of_rfc_2543(data: bytes) -> None:
    assert server_key(request(data)).startswith("s|2543|")


@pytest.mark.rule("4475-3.1.1.8")
def test_dblreq_is_one_message() -> None:
    assert sansip.parse(valid.DBLREQ + valid.AFTER_DBLREQ) == sansip.parse(valid.DBLREQ)
    assert sansip.parse(valid.DBLREQ).body == b""


@pytest.mark.rule("4475-3.1.1.9")
def test_semiuri_has_a_long_user_and_no_parameters() -> None:
    uri = request(valid.SEMIURI).uri
    assert (uri.user, uri.host, uri.params) == (
        "bruno;berth=4%40north.example",
        "harbour.example",
        (),
    )
    assert len(request(valid.SEMIURI).values("accept")) == 4


@pytest.mark.rule("4475-3.1.1.10")
def test_transports_are_whatever_they_say() -> None:
    found = [via.transport for via in vias(valid.TRANSPORTS)]
    assert found == ["UDP", "SCTP", "TLS", "PIGEON", "TCP"]


@pytest.mark.rule("4475-3.1.1.11")
def test_mpart01_has_its_body_to_the_byte() -> None:
    assert request(valid.MPART01).body == valid.MULTIPART
    assert valid.MULTIPART.count(0) > 9


@pytest.mark.rule("4475-3.1.1.12", "4475-3.1.1.13")
@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (
            valid.UNREASON,
            200,
            "= 10**2 + 10**2 (\u043c\u0430\u044f\u043a \u0432\u0438\u0434\u0435\u043d) 100%",
        ),
        (valid.NOREASON, 100, ""),
        (valid.NOREASON.replace(b"100 ", b"100"), 100, ""),
    ],
)
def test_a_reason_phrase_is_any_text_or_none(data: bytes, status: int, reason: str) -> None:
    response = sansip.parse(data)
    assert isinstance(response, sansip.Response)
    assert (response.status, response.reason) == (status, reason)


# --- RFC 4475 3.1.2


@pytest.mark.rule("4475-3.1.2.13")
def test_regbadct_is_refused_by_who_reads_contact() -> None:
    with pytest.raises(sansip.RemoteProtocolError, match="angle brackets"):
        address(invalid.REGBADCT, "contact")


@pytest.mark.rule("4475-3.1.2.11")
def test_escruri_has_headers_that_a_request_line_must_not_have() -> None:
    uri = request(invalid.ESCRURI).uri
    assert uri.headers == "Route=%3Csip:wreckers.example%3E"
    assert str(uri.for_request_line()) == "sip:bruno@harbour.example"


# --- RFC 4475 3.3


@pytest.mark.rule("4475-3.3.2", "4475-3.3.3")
@pytest.mark.parametrize(
    ("data", "scheme"), [(semantics.UNKSCM, "smokesignal"), (semantics.NOVELSC, "soap.beep")]
)
def test_a_uri_may_have_any_scheme(data: bytes, scheme: str) -> None:
    uri = request(data).uri
    assert (uri.scheme, uri.is_sip) == (scheme, False)


@pytest.mark.rule("4475-3.3.4")
def test_unksm2_has_addresses_that_are_no_sip_uris() -> None:
    found = [address(semantics.UNKSM2, name).uri.scheme for name in ("to", "from", "contact")]
    assert found == ["isbn", "http", "name"]
    assert request(semantics.UNKSM2).from_tag == "uns2"


@pytest.mark.rule("4475-3.3.5")
def test_bext01_asks_a_user_agent_for_other_things_than_a_proxy() -> None:
    assert request(semantics.BEXT01).values("require") == ("calmSeas", "fairWinds")
    assert request(semantics.BEXT01).values("proxy-require") == ("pilotOnBoard", "quarantineFlag")


@pytest.mark.rule("4475-3.3.7")
def test_regaut01_has_credentials_that_nobody_takes_apart() -> None:
    only = ("SecretHandshake left-hand=three-times",)
    assert request(semantics.REGAUT01).values("authorization") == only


@pytest.mark.rule("4475-3.3.10")
def test_bcast_is_well_formed_and_has_a_second_via() -> None:
    assert [via.host for via in vias(semantics.BCAST)] == ["192.0.2.10", "255.255.255.255"]


@pytest.mark.rule("4475-3.3.12", "4475-3.3.13")
@pytest.mark.parametrize(
    ("data", "of_header", "of_uri"),
    [
        (semantics.CPARAM01, (("lanternlit", ""),), ()),
        (semantics.CPARAM02, (), (("lanternlit", ""),)),
    ],
)
def test_brackets_say_whose_parameter_it_is(
    data: bytes, of_header: tuple[tuple[str, str], ...], of_uri: tuple[tuple[str, str], ...]
) -> None:
    contact = address(data, "contact")
    assert (contact.params, contact.uri.params) == (of_header, of_uri)


@pytest.mark.rule("4475-3.3.14")
def test_regescrt_has_a_contact_with_a_header() -> None:
    (contact,) = contacts(semantics.REGESCRT)
    assert contact.headers == "Route=%3Csip:relay.harbour.example%3E"
    assert request(semantics.REGESCRT).values("route") == ()
    assert str(contact.for_request_line()) == "sip:clara@quay.example"


@pytest.mark.rule("4475-3.3.15")
def test_sdp01_accepts_what_nobody_has() -> None:
    assert request(semantics.SDP01).values("accept") == ("text/bunting",)


@pytest.mark.rule("4475-3.4.1")
def test_inv2543_has_the_rest_of_the_datagram_for_a_body() -> None:
    inv2543 = request(semantics.INV2543)
    assert semantics.INV2543.endswith(b"\r\n\r\n" + inv2543.body)
    assert (inv2543.via.branch, inv2543.from_tag, inv2543.max_forwards) == (None, None, None)
    (placed,) = [parse_name_addr(text).uri for text in inv2543.values("record-route")]
    assert (placed.lr, placed.maddr) == (False, "lock.quay.example")
    assert address(semantics.INV2543, "to").params == (("user", "phone"),)


# --- RFC 5118


@pytest.mark.rule("5118-4.1", "5118-4.3", "5118-4.4", "5118-4.10")
@pytest.mark.parametrize(
    ("data", "host", "port"),
    [
        (ipv6.IPV6_GOOD, "2001:db8:51::10", None),
        (ipv6.PORT_AMBIGUOUS, "2001:db8:51::10:5070", None),
        (ipv6.PORT_UNAMBIGUOUS, "2001:db8:51::10", 5070),
        (ipv6.THREE_COLONS, "2001:db8::203.0.113.9", None),
        (ipv6.TWO_COLONS, "2001:db8::203.0.113.9", None),
    ],
)
def test_brackets_say_where_an_ipv6_address_ends(data: bytes, host: str, port: int | None) -> None:
    uri = request(data).uri
    assert (uri.host, uri.port, uri.is_ip) == (host, port, True)


@pytest.mark.rule("5118-4.10")
def test_two_colons_and_three_are_the_same_address() -> None:
    assert equivalent(request(ipv6.TWO_COLONS).uri, request(ipv6.THREE_COLONS).uri)


@pytest.mark.rule("5118-4.5")
@pytest.mark.parametrize("data", [ipv6.VIA_RECEIVED_WITH_DELIM, ipv6.VIA_RECEIVED_NO_DELIM])
def test_received_is_an_address_with_brackets_or_without(data: bytes) -> None:
    via = request(data).via
    assert (via.host, via.received) == ("2001:db8:7::9", "2001:db8:7::ff")


@pytest.mark.rule("5118-4.6", "5118-4.8")
@pytest.mark.parametrize("data", [ipv6.IPV6_IN_SDP, ipv6.MULT_IP_IN_SDP])
def test_addresses_in_a_body_are_nobodys_business(data: bytes) -> None:
    assert b"\r\nc=IN IP6 2001:db8:7::1\r\n" in request(data).body


@pytest.mark.rule("5118-4.7")
def test_every_via_has_a_family_of_its_own() -> None:
    assert [(via.sent_by, via.received) for via in vias(ipv6.MULT_IP_IN_HEADER)] == [
        ("[2001:db8:7::1]:6050", None),
        ("198.51.100.60:5060", None),
        ("[2001:db8:7::fe]:5060", "198.51.100.61"),
    ]


@pytest.mark.rule("5118-4.9")
def test_addresses_may_be_mapped_into_ipv6() -> None:
    assert [(via.host, via.port) for via in vias(ipv6.IPV4_MAPPED_IPV6)] == [
        ("::ffff:198.51.100.1", 19823),
        ("::ffff:198.51.100.2", None),
    ]
    (contact,) = contacts(ipv6.IPV4_MAPPED_IPV6)
    assert (contact.host, contact.is_ip) == ("::ffff:198.51.100.2", True)
