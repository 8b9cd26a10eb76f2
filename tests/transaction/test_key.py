"""Matching: which messages belong to the same transaction (RFC 3261 17.1.3, 17.2.3, 9.2)."""

import pytest

from sansip.message import Request, parse, parse_via
from sansip.transaction import (
    ack_keys,
    acknowledges,
    client_key,
    has_cookie,
    invite_key,
    is_of_via,
    other_keys,
    server_key,
)

COOKIE_VIA = "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK77"
OLD_VIA = "SIP/2.0/UDP 192.0.2.1;branch=77"


def request(
    method: str = "INVITE",
    via: str = COOKIE_VIA,
    *,
    uri: str = "sip:bob@example.com",
    from_tag: str = ";tag=a1",
    to_tag: str = "",
    call_id: str = "c1@192.0.2.1",
    cseq: str = "1",
) -> Request:
    text = (
        f"{method} {uri} SIP/2.0\r\n"
        f"Via: {via}\r\n"
        f"From: <sip:alice@example.com>{from_tag}\r\n"
        f"To: <sip:bob@example.com>{to_tag}\r\n"
        f"Call-ID: {call_id}\r\n"
        f"CSeq: {cseq} {method}\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    found = parse(text.encode())
    assert isinstance(found, Request)
    return found


# Client transactions ---------------------------------------------------------------------------


@pytest.mark.rule("3261-17.1.3-01", "6026-8.9-01", "AMB-25")
def test_a_response_matches_by_branch_and_cseq_method_only() -> None:
    assert client_key("z9hG4bKa", "INVITE") == "c|z9hg4bka|INVITE"
    assert client_key("z9hG4bKa", "INVITE") != client_key("z9hG4bKb", "INVITE")
    assert client_key("z9hG4bKa", "PRACK") != client_key("z9hG4bKa", "UPDATE")


@pytest.mark.rule("3261-17.1.3-02", "3261-9.1-05")
def test_the_200_for_a_cancel_never_reaches_the_invite() -> None:
    assert client_key("z9hG4bKa", "CANCEL") != client_key("z9hG4bKa", "INVITE")


@pytest.mark.rule("3261-17.1.3-01", "3261-7.3.1-07")
def test_our_own_branches_come_back_in_capitals_too_but_methods_do_not() -> None:
    """RFC 3261 7.3.1: a branch is a token, and those are case-insensitive; a method is not."""
    assert client_key("z9hG4bKa", "BYE") == client_key("Z9HG4BKA", "BYE")
    assert client_key("z9hG4bKa", "BYE") != client_key("z9hG4bKa", "bye")


def test_keys_of_clients_and_servers_never_meet() -> None:
    assert client_key("z9hG4bK77", "BYE")[:2] == "c|"
    assert server_key(request("BYE"))[:2] == server_key(request("BYE", OLD_VIA))[:2] == "s|"


# Server transactions, with the cookie ----------------------------------------------------------


@pytest.mark.rule("3261-17.2.3-01")
def test_with_the_cookie_branch_sent_by_and_method_make_the_key() -> None:
    key = "s|z9hg4bk77|192.0.2.1:5060|INVITE"
    assert server_key(request()) == key
    other = request(uri="sip:x@y", from_tag=";tag=o", to_tag=";tag=p", call_id="o", cseq="9")
    assert server_key(other) == key


@pytest.mark.rule("3261-17.2.3-01")
def test_the_ack_of_a_refusal_has_the_key_of_its_invite() -> None:
    ack = request("ACK", to_tag=";tag=b1")
    assert server_key(ack) == server_key(request())
    assert ack_keys(ack) == (server_key(request()),)
    assert acknowledges(ack, "whatever was sent")


@pytest.mark.rule("3261-17.2.3-07", "6026-6-03")
def test_the_ack_of_a_2xx_has_a_branch_of_its_own_and_matches_nothing() -> None:
    ack = request("ACK", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK78", to_tag=";tag=b1")
    assert server_key(request()) not in ack_keys(ack)


@pytest.mark.rule("3261-17.2.3-02", "AMB-04")
@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1:5060", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "192.0.2.1:5070", False),
        ("Phone.example.com", "phone.EXAMPLE.com", True),
        ("[2001:db8::1]", "[2001:DB8:0::1]:5060", True),
        ("[2001:db8::1]", "[2001:db8::2]", False),
    ],
)
def test_the_same_branch_from_another_sender_is_another_transaction(
    one: str, other: str, *, same: bool
) -> None:
    keys = {
        server_key(request("BYE", f"SIP/2.0/UDP {sent_by};branch=z9hG4bK77"))
        for sent_by in (one, other)
    }
    assert (len(keys) == 1) == same


@pytest.mark.rule("3261-17.2.3-03", "3261-9.2-01", "3261-9.2-06", "AMB-26")
@pytest.mark.parametrize("via", [COOKIE_VIA, OLD_VIA])
@pytest.mark.parametrize("to_tag", ["", ";tag=b1"])
def test_a_cancel_has_its_own_key_and_names_its_invite(via: str, to_tag: str) -> None:
    invite, cancel = (request(method, via, to_tag=to_tag) for method in ("INVITE", "CANCEL"))
    assert server_key(cancel) != server_key(invite)
    assert server_key(cancel) == server_key(request("CANCEL", via, to_tag=to_tag))
    assert invite_key(cancel) == server_key(invite)


@pytest.mark.rule("3261-9.2-01", "AMB-26")
@pytest.mark.parametrize("via", [COOKIE_VIA, OLD_VIA])
@pytest.mark.parametrize("to_tag", ["", ";tag=b1"])
def test_a_cancel_may_be_about_anything_but_itself_and_ack(via: str, to_tag: str) -> None:
    keys = other_keys(request("CANCEL", via, to_tag=to_tag))
    for method in ("OPTIONS", "BYE", "MESSAGE", "REGISTER", "UPDATE"):
        assert keys.count(server_key(request(method, via, to_tag=to_tag))) == 1
    for method in ("INVITE", "ACK", "CANCEL"):
        assert server_key(request(method, via, to_tag=to_tag)) not in keys


@pytest.mark.rule("3261-17.2.3-08", "3261-18.2.1-03")
@pytest.mark.parametrize("via", [COOKIE_VIA, OLD_VIA])
def test_the_via_as_it_came_counts_wherever_it_came_from(via: str) -> None:
    first = request(via=via)
    assert server_key(first) == server_key(request(via=via))
    stamped = first.with_top_via(parse_via(via).stamped("198.51.100.7", 40_000))
    assert (server_key(stamped) == server_key(first)) == ("z9hG4bK" in via)


@pytest.mark.rule("3261-17.2.3-04", "AMB-05")
def test_the_cookie_and_foreign_branches_compare_without_case() -> None:
    shouted = request(via="SIP/2.0/UDP 192.0.2.1;branch=Z9HG4BKABC")
    quiet = request(via="SIP/2.0/UDP 192.0.2.1;branch=z9hg4bkabc")
    assert server_key(shouted) == server_key(quiet) == "s|z9hg4bkabc|192.0.2.1:5060|INVITE"


@pytest.mark.rule("3261-8.1.1.7-02", "3261-17.2.3-01", "3261-17.2.3-04", "AMB-05")
@pytest.mark.parametrize(
    ("branch", "compliant"),
    [
        (";branch=z9hG4bK77", True),
        (";branch=Z9HG4BK77", True),
        (";branch=z9hG4bK", False),
        (";branch=77", False),
        ("", False),
    ],
)
def test_the_cookie_needs_something_behind_it(branch: str, *, compliant: bool) -> None:
    assert has_cookie(request(via=f"SIP/2.0/UDP 192.0.2.1{branch}")) is compliant


# Server transactions, without the cookie -------------------------------------------------------


@pytest.mark.rule("3261-8.1.1.7-02", "3261-17.2.3-04")
@pytest.mark.parametrize("branch", ["", ";branch=1", ";branch=z9hG4bK", ";branch=Z9hg4bk"])
def test_without_a_proper_branch_the_fields_of_rfc_2543_make_the_key(branch: str) -> None:
    via = f"SIP/2.0/UDP 192.0.2.1{branch}"
    assert server_key(request(via=via)) == server_key(request(via=via))
    assert server_key(request(via=via)) != server_key(request(via=via, call_id="c2"))


@pytest.mark.rule("3261-17.2.3-04")
@pytest.mark.parametrize("method", ["INVITE", "BYE"])
def test_each_field_of_rfc_2543_tells_transactions_apart(method: str) -> None:
    keys = {
        server_key(request(method, OLD_VIA)),
        server_key(request(method, OLD_VIA, uri="sip:carol@example.com")),
        server_key(request(method, OLD_VIA, from_tag=";tag=a2")),
        server_key(request(method, OLD_VIA, from_tag="")),
        server_key(request(method, OLD_VIA, to_tag=";tag=b1")),
        server_key(request(method, OLD_VIA, call_id="C1@192.0.2.1")),
        server_key(request(method, OLD_VIA, cseq="2")),
        server_key(request("OPTIONS", OLD_VIA)),
        server_key(request(method, "SIP/2.0/UDP 192.0.2.1;branch=78")),
        server_key(request(method, "SIP/2.0/UDP 192.0.2.1;branch=77;x=1")),
        server_key(request(method, 'SIP/2.0/UDP 192.0.2.1;branch=77;x="A"')),
        server_key(request(method, 'SIP/2.0/UDP 192.0.2.1;branch=77;x="a"')),
        server_key(request(method, "SIP/2.0/UDP 192.0.2.1:5070;branch=77")),
        server_key(request(method, "SIP/2.0/TCP 192.0.2.1;branch=77")),
    }
    assert len(keys) == 14


@pytest.mark.rule("3261-17.2.3-06")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (OLD_VIA, "SIP / 2.0 / udp 192.0.2.1:5060 ; branch=77"),
        (f"{OLD_VIA};Ttl=1;x=A", f"{OLD_VIA};X=a;ttl=1"),
        ("SIP/2.0/UDP PC.example.com;branch=Ab", "SIP/2.0/UDP pc.EXAMPLE.com;branch=aB"),
    ],
)
def test_the_via_is_compared_by_what_it_means(one: str, other: str) -> None:
    assert server_key(request(via=one)) == server_key(request(via=other))


@pytest.mark.rule("3261-17.2.3-06", "3261-19.1.4-01", "3261-19.1.4-06")
@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("sip:bob@example.com", "SIP:bob@Example.COM", True),
        ("sip:bob@example.com", "sip:%62ob@example.com", True),
        ("sip:bob@example.com", "sips:bob@example.com", False),
        ("sip:bob@example.com", "sip:Bob@example.com", False),
        ("sip:bob@example.com", "sip:bob:pw@example.com", False),
        ("sip:bob@example.com", "sip:bob@example.com:5060", False),
        ("sip:bob@example.com", "sip:bob@example.com;transport=udp", False),
        ("sip:bob@h;transport=TCP;x=1", "sip:bob@h;x=1;transport=tcp", True),
        ("sip:bob@h;transport=tcp;user=ip", "sip:bob@h;user=ip;transport=tcp", True),
        ("sip:bob@h;maddr=192.0.2.9", "sip:bob@h", False),
        ("sip:bob@h;x=1", "sip:bob@h", True),
        ("sip:bob@h?a=1&b=2", "sip:bob@h?b=2&a=1", True),
        ("sip:bob@h?a=1", "sip:bob@h", False),
        ("sip:a%3bb@h", "sip:a%3Bb@h", True),
        ("sip:a%3Bb@h", "sip:a;b@h", False),
        ("sip:bob@[2001:db8::1]", "sip:bob@[2001:DB8:0::1]", True),
        ("tel:+1234", "TEL:+1234", True),
        ("tel:+1234", "tel:+1235", False),
    ],
)
def test_the_request_uri_is_compared_by_its_own_rules(one: str, other: str, *, same: bool) -> None:
    keys = {server_key(request(via=OLD_VIA, uri=uri)) for uri in (one, other)}
    assert (len(keys) == 1) == same


@pytest.mark.rule("3261-17.2.3-06", "3261-7.3.1-07")
def test_tags_are_compared_without_case() -> None:
    one = request("BYE", OLD_VIA, from_tag=";tag=AbC", to_tag=";tag=DeF")
    other = request("BYE", OLD_VIA, from_tag=";tag=aBc", to_tag=";tag=dEf")
    assert server_key(one) == server_key(other)


def test_no_field_can_pose_as_two() -> None:
    one = request(via=OLD_VIA, call_id="c1|2:a1", from_tag=";tag=a1")
    other = request(via=OLD_VIA, call_id="c1", from_tag=";tag=2:a1|2:a1".replace("|", "."))
    assert server_key(one) != server_key(other)


@pytest.mark.rule("3261-17.2.3-05", "6026-6-02")
def test_an_old_ack_finds_its_invite_and_is_confirmed_by_the_to_tag_sent() -> None:
    invite = request(via=OLD_VIA)
    ack = request("ACK", OLD_VIA, to_tag=";tag=B1")
    assert server_key(ack) == ack_keys(ack)[0] == server_key(invite)
    assert acknowledges(ack, "b1")
    assert not acknowledges(ack, "of another response")
    assert not acknowledges(ack, None)


@pytest.mark.rule("3261-17.2.3-05")
def test_an_old_ack_finds_an_invite_in_a_dialog_too() -> None:
    invite = request(via=OLD_VIA, to_tag=";tag=b1")
    ack = request("ACK", OLD_VIA, to_tag=";tag=b1")
    assert ack_keys(ack)[1:] == (server_key(invite),)
    assert acknowledges(ack, "b1")


@pytest.mark.rule("3261-17.2.3-05")
def test_an_old_ack_without_a_to_tag_is_for_a_response_without_one() -> None:
    ack = request("ACK", OLD_VIA)
    assert ack_keys(ack) == (server_key(request(via=OLD_VIA)),)
    assert acknowledges(ack, None)
    assert not acknowledges(ack, "b1")


def test_a_key_is_of_the_via_that_its_request_came_with() -> None:
    key = server_key(request())
    assert is_of_via(key, parse_via(COOKIE_VIA.upper()))
    for other in ("SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK77", COOKIE_VIA + "8", "SIP/2.0/UDP a"):
        assert not is_of_via(key, parse_via(other))
    assert not is_of_via(server_key(request(via=OLD_VIA)), parse_via(OLD_VIA))
