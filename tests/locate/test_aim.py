"""What a URI says about where to look: RFC 3263 4."""

import pytest

from sansip.dns import Question
from sansip.entropy import Draws
from sansip.locate import Aim, Ask, Exhausted, Hops, aim, aim_back, literal, start
from sansip.locate.aim import askable, canonical, numeric
from sansip.message import parse_uri


def aimed(text: str) -> Aim:
    return aim(parse_uri(text), ("udp", "tls"), (6, 4))


@pytest.mark.rule("3263-4-02")
def test_the_target_is_the_host() -> None:
    assert aimed("sip:alice@Example.COM.") == Aim(
        "example.com", None, None, secure=False, supported=("udp", "tls"), families=(6, 4)
    )


@pytest.mark.rule("3263-4-02")
@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("sip:alice@example.com;maddr=GW.example.net", "gw.example.net"),
        ("sip:alice@example.com;maddr=192.0.2.1", "192.0.2.1"),
        ("sip:alice@example.com;maddr=[2001:db8::1]", "2001:db8::1"),
        ("sip:alice@example.com;maddr", "example.com"),
        ("sip:alice@[2001:DB8::1]", "2001:db8::1"),
    ],
)
def test_the_target_is_maddr_if_there_is_one(uri: str, host: str) -> None:
    assert aimed(uri).host == host


def test_port_transport_and_scheme_come_from_the_uri() -> None:
    found = aimed("sips:example.com:5061;transport=TCP")
    assert (found.port, found.transport, found.secure) == (5061, "tcp", True)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "999.1.1.1", "1.2.3"])
def test_what_looks_like_an_address_is_never_asked_for(host: str) -> None:
    assert numeric(host)


@pytest.mark.parametrize("host", ["example.com", "1and1.example", "123.example", "localhost", ""])
def test_names_are_not_addresses(host: str) -> None:
    assert not numeric(host)


def test_an_address_has_one_spelling() -> None:
    assert canonical("2001:db8:0:0::1") == "2001:db8::1"
    assert canonical("192.0.2.1") == "192.0.2.1"
    assert canonical("999.1.1.1") is None


@pytest.mark.parametrize("name", ["a", "_sip._udp.example.com", "x" * 63 + ".y", "1.2", "-"])
def test_names_that_dns_can_carry(name: str) -> None:
    assert askable(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "a..b", ".a", "a.", "x" * 64, "a b", "a\n", "ä.example", "\udcff", "x." * 126 + "yy"],
)
def test_names_that_dns_cannot_carry(name: str) -> None:
    assert not askable(name)


@pytest.mark.rule("3263-4.2-01", "3263-4-02")
@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("sip:192.0.2.1", "udp:192.0.2.1:5060"),
        ("sip:192.0.2.1:5070", "udp:192.0.2.1:5070"),
        ("sip:192.0.2.1;lr", "udp:192.0.2.1:5060"),
        ("sip:[2001:DB8::1]", None),
        ("sip:192.0.2.1:5070;transport=UDP", "udp:192.0.2.1:5070"),
        ("sip:192.0.2.1;transport=tcp", "tcp:192.0.2.1:5060"),
        ("sip:192.0.2.1;transport=sctp", None),
        ("sip:192.0.2.1;maddr=192.0.2.2", None),
        ("sip:gw.example.com", None),
        ("sips:192.0.2.1", None),
        ("sip:192.0.2.1;transport=tls", None),
        ("sip:192.0.2.999", None),
    ],
)
def test_an_address_needs_no_lookup_unless_tls_is_in_question(uri: str, hop: str | None) -> None:
    found = literal(parse_uri(uri), ("udp", "tcp", "tls"), (4, 6))
    assert (None if found is None else str(found)) == hop
    if found is not None:
        _, outputs = start(aim(parse_uri(uri), ("udp", "tcp", "tls"), (4, 6)), Draws(b"", ""))
        assert outputs == (Hops((found,)), Exhausted(""))


def test_without_udp_or_without_that_ip_version_an_address_is_no_hop_at_once() -> None:
    uri = parse_uri("sip:192.0.2.1")
    assert literal(uri, ("tls",), (4,)) is None
    assert literal(parse_uri("sip:192.0.2.1;transport=tcp"), ("udp",), (4,)) is None
    assert literal(uri, ("udp",), (6,)) is None


@pytest.mark.parametrize("text", ["fe80::1%eth0", "fe80::1%", "::%x"])
def test_an_address_with_a_zone_is_none(text: str) -> None:
    """A zone means something on one machine only."""
    assert canonical(text) is None


@pytest.mark.rule("3263-5-01", "3263-5-04")
@pytest.mark.parametrize("host", ["2001:DB8::1", "[2001:db8::1]"])
def test_a_response_goes_back_by_its_transport_only(host: str) -> None:
    assert aim_back(host, 5070, "tls", 6) == Aim(
        "2001:db8::1", 5070, "tls", secure=False, supported=("tls",), families=(6,)
    )


@pytest.mark.rule("3263-5-01", "3263-5-02", "3263-5-03")
@pytest.mark.parametrize(
    ("host", "port", "transport", "asks", "gives"),
    [
        ("192.0.2.9", None, "udp", None, "udp:192.0.2.9:5060"),
        ("192.0.2.9", None, "tls", None, "tls:192.0.2.9:5061"),
        ("192.0.2.9", 5070, "tcp", None, "tcp:192.0.2.9:5070"),
        ("2001:db8::9", None, "udp", None, None),  # of the other family
        ("Phone.example.org.", 5060, "tcp", ("phone.example.org", "A"), None),
        ("phone.example.org", None, "udp", ("_sip._udp.phone.example.org", "SRV"), None),
        ("phone.example.org", None, "tcp", ("_sip._tcp.phone.example.org", "SRV"), None),
        ("phone.example.org", None, "tls", ("_sips._tcp.phone.example.org", "SRV"), None),
    ],
)
def test_what_a_sent_by_leads_to(
    host: str, port: int | None, transport: str, asks: tuple[str, str] | None, gives: str | None
) -> None:
    draws = Draws(b"sixteen bytes ok", "r|")
    _, outputs = start(aim_back(host, port, transport, 4), draws)
    questions = [out.question for out in outputs if isinstance(out, Ask)]
    hops = [str(hop) for out in outputs if isinstance(out, Hops) for hop in out.hops]
    assert questions == ([] if asks is None else [Question(*asks)])
    assert hops == ([] if gives is None else [gives])
