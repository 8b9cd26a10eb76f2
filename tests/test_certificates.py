"""Whose a certificate is (RFC 5922 7.1 and 7.2), as Python's ssl gives certificates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sansip
from sansip.certificates import identifies

ALTERNATIVE = "subjectAltName"
ME = (("commonName", "common.example.com"),)


@pytest.mark.rule("5922-7.1-01")
@pytest.mark.parametrize(
    ("kind", "text", "names"),
    [
        ("URI", "sip:example.com", ("example.com",)),
        ("URI", "SIP:Example.COM:5061;transport=tls", ("example.com",)),
        ("URI", "sip:[2001:DB8::1]", ("2001:db8::1",)),
        ("URI", "sip:alice@example.com", ()),
        ("URI", "sip:@example.com", ()),
        ("URI", "sips:example.com", ()),
        ("URI", "https://example.com", ()),
        ("URI", "sip:", ()),
        ("DNS", "gw-1.Example.com.", ("gw-1.example.com",)),
        ("DNS", "192.0.2.1", ()),
        ("email", "alice@example.com", ()),
        ("Registered ID", "1.2.3", ()),
    ],
)
def test_which_names_are_identities(kind: str, text: str, names: tuple[str, ...]) -> None:
    assert sansip.identities({ALTERNATIVE: ((kind, text),), "subject": (ME,)}) == names


@pytest.mark.rule("5922-7.1-02")
def test_dns_names_count_only_without_a_uri() -> None:
    both = (("DNS", "host.example.com"), ("URI", "sip:example.com"), ("URI", "sip:example.org"))
    assert sansip.identities({ALTERNATIVE: both}) == ("example.com", "example.org")
    person = (("DNS", "host.example.com"), ("URI", "sip:alice@example.com"))
    assert sansip.identities({ALTERNATIVE: person}) == ("host.example.com",)


@pytest.mark.rule("5922-7.1-02")
def test_the_common_name_counts_only_without_any_alternative() -> None:
    whole = {"subject": ((("countryName", "NO"),), ME)}
    assert sansip.identities(whole) == ("common.example.com",)
    assert sansip.identities(whole | {ALTERNATIVE: ()}) == ()
    assert sansip.identities(whole | {ALTERNATIVE: (("email", "a@example.com"),)}) == ()
    assert sansip.identities({"subject": ((("commonName", "Example Ltd"),),)}) == ()
    assert sansip.identities({"version": 3}) == ()


@pytest.mark.rule("5922-7.2-01")
def test_a_wildcard_is_no_name() -> None:
    wild = {ALTERNATIVE: (("DNS", "*.example.com"), ("DNS", ".example.com"))}
    assert sansip.identities(wild) == ()


@pytest.mark.rule("5922-7.2-01")
@pytest.mark.parametrize(
    ("name", "wanted", "same"),
    [
        ("example.com", "EXAMPLE.com", True),
        ("example.com.", "example.com", True),
        ("example.com", "example.com.", True),
        ("example.com", "foo.example.com", False),
        ("foo.example.com", "example.com", False),
        ("*.example.com", "foo.example.com", False),
        (".example.com", "foo.example.com", False),
        ("2001:DB8:0:0:0:0:0:1", "[2001:db8::1]", True),
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.10", False),
    ],
)
def test_names_are_the_same_as_a_whole_and_in_any_case(name: str, wanted: str, same: bool) -> None:  # noqa: FBT001
    assert identifies(("other.example.org", name), wanted) is same
    assert not identifies((), wanted)


def test_an_ip_address_is_an_identity_of_its_own() -> None:
    kept = (("DNS", "example.com"), ("IP Address", "2001:DB8:0:0:0:0:0:1\n"))
    assert sansip.identities({ALTERNATIVE: kept}) == ("example.com", "2001:db8::1")


@pytest.mark.rule("5922-7.1-01")
@pytest.mark.parametrize("certificate", [{}, None])
def test_what_has_not_been_verified_names_nobody(certificate: dict[str, object] | None) -> None:
    assert sansip.identities(certificate) == ()


KINDS = st.sampled_from(["URI", "DNS", "IP Address", "email", "<unsupported>"])
TEXTS = st.one_of(st.text(), st.text().map("sip:{}".format), st.from_regex(r"[*a-z0-9.:-]*"))


@given(st.lists(st.tuples(KINDS, TEXTS)), TEXTS)
def test_whatever_stands_in_a_certificate(names: list[tuple[str, str]], wanted: str) -> None:
    found = sansip.identities({ALTERNATIVE: tuple(names)})
    assert len(set(found)) == len(found)
    assert all(identifies(found, name) for name in found)
    assert identifies(found, wanted) == any(identifies((name,), wanted) for name in found)
