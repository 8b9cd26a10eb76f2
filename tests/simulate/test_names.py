"""DNS, as the engines of a world see it."""

import pytest

from sansip import dns
from sansip.simulate.names import Names

ZONE = """
$ORIGIN example.com.
$TTL 60
@      SOA   ns admin 1 3600 600 86400 20
gw-1   A     203.0.113.1
gw-1   30 A  203.0.113.2
alias  CNAME gw-1
astray CNAME nowhere
round  CNAME round
deep.below TXT "x"
"""


@pytest.fixture(name="names")
def _names() -> Names:
    names = Names()
    names.load(ZONE)
    return names


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("gw-1", "A", dns.Found((dns.Ip("203.0.113.1"), dns.Ip("203.0.113.2")), 30.0)),
        ("alias", "A", dns.Found((dns.Ip("203.0.113.1"), dns.Ip("203.0.113.2")), 30.0)),
        ("gw-1", "AAAA", dns.NoRecords(20.0)),
        ("below", "A", dns.NoRecords(20.0)),
        ("nowhere", "A", dns.NoName(20.0)),
        ("astray", "A", dns.NoName(20.0)),
        ("round", "A", dns.Failure("a chain of aliases without end")),
    ],
)
def test_a_question_is_answered(names: Names, name: str, kind: str, answer: dns.Answer) -> None:
    assert names.answer(f"{name}.example.com", kind) == answer


def test_no_holds_for_an_hour_where_no_zone_says_for_how_long(names: Names) -> None:
    assert names.answer("gw.example.net", "A") == dns.NoName(3600.0)


def test_a_zone_is_replaced_name_by_name(names: Names) -> None:
    names.load("gw-1 A 203.0.113.9", "example.com")
    assert names.answer("gw-1.example.com", "A") == dns.Found((dns.Ip("203.0.113.9"),), 3600.0)
    assert isinstance(names.answer("alias.example.com", "A"), dns.Found)


@pytest.mark.parametrize("failing", ["", "gw-1.example.com"])
def test_what_fails_is_no_answer_or_silence_until_it_is_mended(names: Names, failing: str) -> None:
    names.fail(failing)
    assert names.answer("alias.example.com", "A") == dns.Failure("SERVFAIL")
    names.fail(failing, "")
    assert names.answer("alias.example.com", "A") is None
    names.mend(failing)
    assert isinstance(names.answer("alias.example.com", "A"), dns.Found)


def test_a_certificate_is_for_all_names_that_lead_to_an_address(names: Names) -> None:
    zone = """sip NAPTR 1 1 "s" "SIP+D2T" "" _sip._tcp.voice
_sip._tcp.voice SRV 1 1 5060 gw-1
"""
    names.load(zone, "example.com")
    hosts = ("203.0.113.1", "203.0.113.9")
    led, nowhere = [names.leading_to(host) for host in hosts]
    assert led == tuple([f"{name}.example.com" for name in ("gw-1", "alias", "voice", "sip")])
    assert nowhere == ()
