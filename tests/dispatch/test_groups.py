"""Destination groups: the order of their members, and what they make of a Request-URI."""

import pytest

from sansip.dispatch import Dispatch, rewriting
from sansip.message import parse_uri


def at(dialled: str, member: str) -> str:
    """The Request-URI for a member, which is also what is located."""
    uri, next_hop = rewriting("host", parse_uri(dialled))(parse_uri(member))
    assert uri == next_hop
    assert str(parse_uri(uri)) == uri
    return uri


def test_by_default_the_first_member_gets_the_call_at_its_own_host() -> None:
    assert Dispatch("gateways") == Dispatch("gateways", "first", "host")


@pytest.mark.parametrize(
    ("dialled", "member", "uri"),
    [
        ("sip:bob@example.com", "sip:gw-1.example.com", "sip:bob@gw-1.example.com"),
        ("sip:example.com", "sip:gw-1.example.com", "sip:gw-1.example.com"),
        ("sip:bob:secret@example.com", "sip:gw-1", "sip:bob:secret@gw-1"),
        ("sip:+1-555;ext=7@example.com", "sip:gw-1", "sip:+1-555;ext=7@gw-1"),
        ("sip:%61lice@example.com", "sip:gw-1", "sip:%61lice@gw-1"),
    ],
)
def test_host_keeps_the_dialled_user_as_ds_select_domain_did(
    dialled: str, member: str, uri: str
) -> None:
    assert at(dialled, member) == uri


@pytest.mark.parametrize(
    ("member", "uri"),
    [
        ("sip:gw-1:5070", "sip:bob@gw-1:5070"),
        ("sip:[2001:db8::1]", "sip:bob@[2001:db8::1]"),
        ("sip:[2001:db8::1]:5070", "sip:bob@[2001:db8::1]:5070"),
        ("sips:gw-1", "sips:bob@gw-1"),
        ("sip:gw-1;transport=tcp", "sip:bob@gw-1;transport=tcp"),
        ("sip:ignored@gw-1", "sip:bob@gw-1"),
    ],
)
def test_the_way_is_the_members(member: str, uri: str) -> None:
    assert at("sip:bob@example.com:5999", member) == uri


@pytest.mark.rule("3261-16.6.7-01", "AMB-24")
@pytest.mark.parametrize("dialled", ["sips:bob@example.com", "SIPS:bob@example.com"])
@pytest.mark.parametrize("member", ["sip:gw-1:5070", "sips:gw-1:5070"])
def test_a_call_that_was_dialled_secure_stays_secure(dialled: str, member: str) -> None:
    assert at(dialled, member) == "sips:bob@gw-1:5070"


@pytest.mark.rule("3261-16.6.2-01")
@pytest.mark.parametrize(
    "param", ["transport=tcp", "maddr=192.0.2.1", "ttl=1", "method=BYE", "lr", "Transport=UDP"]
)
def test_what_would_lead_away_from_the_member_is_dropped(param: str) -> None:
    assert at(f"sip:bob@example.com;{param};x=1", "sip:gw-1") == "sip:bob@gw-1;x=1"


@pytest.mark.rule("3261-16.6.2-01")
def test_headers_of_the_dialled_uri_are_dropped() -> None:
    assert at("sip:bob@example.com?Subject=x", "sip:gw-1") == "sip:bob@gw-1"


def test_other_parameters_of_both_are_kept_and_the_member_wins() -> None:
    assert at("sip:bob@a;user=phone;x=1;y", "sip:gw-1;x=2;z") == "sip:bob@gw-1;x=2;z;user=phone;y"


@pytest.mark.parametrize(
    "dialled", ["sip:bob@example.com", "sip:bob@example.com:5999;transport=tcp;maddr=192.0.2.1"]
)
def test_none_leaves_the_dialled_uri_alone_and_only_sets_the_next_hop(dialled: str) -> None:
    """As ds_select_dst does."""
    member = "sip:gw-1.example.com:5070;transport=udp"
    assert rewriting("none", parse_uri(dialled))(parse_uri(member)) == (dialled, member)


@pytest.mark.rule("3261-16.6.2-01")
def test_none_too_drops_what_no_request_uri_may_have() -> None:
    dialled = parse_uri("sip:bob@example.com;method=BYE;x=1?Subject=x")
    assert rewriting("none", dialled)(parse_uri("sip:gw-1"))[0] == "sip:bob@example.com;x=1"
