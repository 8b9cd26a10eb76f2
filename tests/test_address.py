"""Addresses and hops as people read them."""

from sansip.address import Address, Hop, bracketed


def test_an_ipv6_address_is_bracketed_before_its_port() -> None:
    assert str(Address("192.0.2.1", 5060)) == "192.0.2.1:5060"
    assert str(Address("2001:db8::1", 5060)) == "[2001:db8::1]:5060"


def test_an_address_tells_its_version_of_ip() -> None:
    assert Address("192.0.2.1", 5060).family == 4
    assert Address("::ffff:192.0.2.1", 5060).family == 6


def test_names_and_ipv4_have_no_brackets() -> None:
    hosts = ("gw.example.com", "192.0.2.1", "2001:db8::1")
    assert list(map(bracketed, hosts)) == ["gw.example.com", "192.0.2.1", "[2001:db8::1]"]


def test_a_hop_reads_as_transport_and_address() -> None:
    assert str(Hop("tls", Address("192.0.2.1", 5061), "example.com")) == "tls:192.0.2.1:5061"
