"""What a hash looks at: the keys of Kamailio's dispatcher."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip.dispatch import ALGORITHMS, Dispatch, Group, Member, Moment, arrange
from sansip.dispatch.keys import Hash, key_of
from sansip.entropy import Draws
from sansip.message import Request, parse_uri
from sansip.testing import requests

ALL: tuple[Hash, ...] = (
    *("hash-call-id", "hash-from", "hash-to", "hash-uri", "hash-auth-user", "hash"),
)


def request(uri: str = "sip:bob@example.com", **headers: str) -> Request:
    rows = [(name.replace("_", "-"), text) for name, text in headers.items()]
    return Request.make("INVITE", uri, rows)


def key(hashed: Hash, asked: Request, *, user_only: bool = False) -> str:
    return key_of(hashed, Dispatch("g", hashed, key="the policy's", user_only=user_only), asked)


def test_each_hash_has_its_own_key() -> None:
    asked = request(
        "sip:bob@example.com",
        Call_ID="abc@192.0.2.1",
        From='"Alice" <sip:alice@example.org>;tag=1',
        To="sip:carol@example.net;tag=2",
        Proxy_Authorization='Digest username="al\\"ice", realm="r"',
    )
    assert [key(hashed, asked) for hashed in ALL] == [
        "abc@192.0.2.1",
        "alice@example.org",
        "carol@example.net",
        "bob@example.com",
        'al"ice',
        "the policy's",
    ]


def test_what_a_policy_dials_instead_is_what_is_hashed() -> None:
    wish = Dispatch("g", "hash-uri", uri=parse_uri("sip:0049301@example.com"))
    assert key_of("hash-uri", wish, request()) == "0049301@example.com"


@pytest.mark.parametrize(
    ("uri", "whole", "user"),
    [
        ("sip:bob@example.com", "bob@example.com", "bob"),
        ("sip:bob@example.com:5060", "bob@example.com", "bob"),
        ("sip:bob@example.com:5061", "bob@example.com:5061", "bob"),
        ("sips:bob@example.com:5061", "bob@example.com", "bob"),
        ("sips:bob@example.com:5060", "bob@example.com:5060", "bob"),
        ("sip:%62ob:secret@EXAMPLE.com;transport=tcp?x=y", "bob@example.com", "bob"),
        ("sip:example.com", "@example.com", "@example.com"),  # for Kamailio all of these are one
        ("tel:+1-555", "+1-555@", "+1-555"),
        ("urn:service:sos", "urn:service:sos", "urn:service:sos"),
    ],
)
def test_a_uri_counts_as_user_host_and_port(uri: str, whole: str, user: str) -> None:
    asked = request(uri, From=f"<{uri}>;tag=1", To=f"<{uri}>")
    for hashed in ("hash-uri", "hash-from", "hash-to"):
        assert key(hashed, asked) == whole
        assert key(hashed, asked, user_only=True) == user


@pytest.mark.parametrize(
    ("headers", "user"),
    [
        ({}, ""),
        ({"Authorization": 'Digest username="alice"'}, "alice"),
        (
            {
                "Authorization": 'Digest username="alice"',
                "Proxy_Authorization": 'Digest username="bob"',
            },
            "bob",
        ),
        (
            {"Authorization": 'Digest username="alice"', "Proxy_Authorization": "Digest ="},
            "alice",
        ),
        ({"Authorization": 'Digest username=""', "Proxy_Authorization": "Basic abcd"}, ""),
        ({"Authorization": "Digest"}, ""),
        ({"Authorization": ""}, ""),
    ],
)
def test_the_user_is_the_first_that_can_be_read(headers: dict[str, str], user: str) -> None:
    assert key("hash-auth-user", request(**headers)) == user


def test_what_is_missing_or_malformed_hurts_nobody() -> None:
    asked = Request("INVITE", "sip:@@", ("From: <<>", "To: <sip:b@@>"), b"")
    assert key("hash-call-id", asked) == ""
    assert key("hash-from", asked) == "<<>"
    assert key("hash-to", asked) == "<sip:b@@>"
    assert key("hash-uri", asked) == "sip:@@"
    assert key("hash-from", Request("INVITE", "sip:a", (), b"")) == ""


GROUP = Group((Member("sip:a"), Member("sip:b")))


@given(
    st.sampled_from(ALL),
    st.text(st.characters(codec=None)),
    st.text(st.characters(codec=None)),
    st.booleans(),
)
def test_no_text_is_too_strange_to_hash(
    hashed: Hash,
    text: str,
    other: str,
    user_only: bool,  # noqa: FBT001
) -> None:
    rows = [f"{name}: {text}" for name in ("From", "To", "Call-ID", "Authorization")]
    asked = Request("INVITE", other, tuple(rows), b"")
    wish = Dispatch("g", hashed, key=text, user_only=user_only)
    now = Moment(0, Draws(bytes(16), ""), {}, {}, ())
    ((way,), turned) = arrange(wish, GROUP, asked, now)
    assert set(way) == set(GROUP.members)
    assert isinstance(turned, bool)


@given(st.sampled_from(ALL), requests())
def test_every_request_that_the_grammar_allows_can_be_hashed(hashed: Hash, asked: Request) -> None:
    assert isinstance(key(hashed, asked), str)
    assert hashed in ALGORITHMS
