"""The hop filter: a proxy talks neither to itself, nor to its machine, nor to whole networks."""

import pytest

import sansip
from sansip import dns
from stage import CALLER, GW_2, ZONE, Stage, Whatever, make_request, on_stage


def call(uri: str, **options: Whatever) -> Stage:
    stage = on_stage(**options)
    stage.zone = dict(ZONE)
    stage.receive(make_request(uri=uri))
    return stage


FOUR = [sansip.Endpoint("udp", "192.0.2.10:5060")]
BOTH = [*FOUR, sansip.Endpoint("udp", "[2001:db8::10]:5060")]


@pytest.mark.rule("3261-18.2.2-07")
@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("127.0.0.1", "loopback address; allow_hops does not list it"),
        ("127.9.9.9:5099", "loopback address; allow_hops does not list it"),
        ("239.1.1.1", "multicast address; allow_hops does not list it"),
        ("255.255.255.255", "reserved address; allow_hops does not list it"),
        ("0.0.0.0", "unspecified address; allow_hops does not list it"),
        ("169.254.169.254", "link-local address; allow_hops does not list it"),
        ("[::1]", "loopback address; allow_hops does not list it"),
        ("[::ffff:127.0.0.1]", "loopback address; allow_hops does not list it"),
        ("[::ffff:7f00:1]", "loopback address; allow_hops does not list it"),
        ("[ff02::1]", "multicast address; allow_hops does not list it"),
        ("[fe80::1]", "link-local address; allow_hops does not list it"),
        ("192.0.2.10", "that is this proxy itself"),
        ("192.0.2.10:5060", "that is this proxy itself"),
        ("[2001:db8::10]", "that is this proxy itself"),
        ("[2001:DB8:0:0::10]:5060", "that is this proxy itself"),
        ("[::ffff:192.0.2.10]", "that is this proxy itself"),
    ],
)
def test_some_hops_are_forbidden(host: str, why: str) -> None:
    stage = call(f"sip:bob@{host}", endpoints=BOTH)
    assert stage.statuses() == [100, 403]
    assert {send.remote for send in stage.sends} == {CALLER}
    (said,) = [report.text for report in stage.reports if report.topic == "policy"]
    assert said.endswith(why)


def test_another_port_of_our_address_is_another_machine() -> None:
    stage = call("sip:bob@192.0.2.10:5070")
    assert stage.at(sansip.Address("192.0.2.10", 5070), "INVITE")


def test_what_listens_on_a_wildcard_is_known_by_its_advertised_address() -> None:
    wild = [sansip.Endpoint("udp", "0.0.0.0:5060", advertise="192.0.2.77:5062")]
    assert call("sip:bob@192.0.2.77:5062", endpoints=wild).statuses() == [100, 403]


@pytest.mark.parametrize(
    ("host", "networks"),
    [
        ("127.0.0.1", ["127.0.0.0/8"]),
        ("127.0.0.1", ["10.0.0.0/8", "127.0.0.1/32"]),
        ("[::1]", ["::1/128"]),
        ("239.1.1.1", ["239.0.0.0/8"]),
    ],
)
def test_what_is_allowed_is_no_longer_forbidden(host: str, networks: list[str]) -> None:
    stage = call(f"sip:bob@{host}:5099", endpoints=BOTH, allow_hops=networks)
    assert len(stage.at(sansip.Address(host.strip("[]"), 5099), "INVITE")) == 1


def test_nothing_allows_a_proxy_to_call_itself() -> None:
    stage = call("sip:bob@192.0.2.10", allow_hops=["192.0.2.0/24"])
    assert stage.statuses() == [100, 403]


def test_a_name_may_not_lead_there_either() -> None:
    """DNS rebinding: the name is a stranger's, the address is ours."""
    stage = on_stage()
    stage.zone["gw-1.example.com", "A"] = dns.Found((dns.Ip("127.0.0.1"),), 60.0)
    stage.zone["gw-2.example.com", "A"] = dns.Found((dns.Ip("192.0.2.10"),), 60.0)
    stage.receive(make_request())
    assert stage.statuses() == [100, 403]
    stage.advance(60.0)
    assert stage.is_empty()


@pytest.mark.parametrize("text", ["gateway:1", "1.2.3", "", "203.0.113.1 "])
def test_a_record_that_is_no_address_is_no_hop(text: str) -> None:
    stage = on_stage(endpoints=BOTH)
    for kind in ("A", "AAAA"):
        stage.zone["gw-1.example.com", kind] = dns.Found((dns.Ip(text),), 60.0)
    stage.receive(make_request(uri="sip:bob@gw-1.example.com:5060"))
    assert stage.statuses() == [100, 403]


def test_the_other_hops_are_tried_when_one_is_forbidden() -> None:
    stage = on_stage()
    stage.zone["gw-1.example.com", "A"] = dns.Found((dns.Ip("127.0.0.1"),), 60.0)
    stage.receive(make_request())
    assert len(stage.at(GW_2, "INVITE")) == 1
    stage.respond(486, GW_2)
    assert stage.statuses() == [100, 486]
    assert "policy" not in stage.topics()


def test_an_ip_version_that_we_have_not_is_no_hop() -> None:
    stage = call("sip:bob@[2001:db8::99]")
    assert stage.statuses() == [100, 480]
