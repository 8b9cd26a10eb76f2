"""The hop filter: a proxy talks neither to itself, nor to its machine, nor to whole networks."""

import pytest

import sansip
from sansip import dns
from stage import CALLER, GW_2, PROXY, ZONE, Stage, Whatever, config, make_request, on_stage


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
        ("[64:ff9b::127.0.0.1]", "loopback address; allow_hops does not list it"),
        ("[64:ff9b::e000:1]", "multicast address; allow_hops does not list it"),
        ("[2002:a9fe:a9fe::1]", "link-local address; allow_hops does not list it"),
        ("[64:ff9b::192.0.2.10]", "that is this proxy itself"),
        ("[2002:c000:20a::1]", "that is this proxy itself"),
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


WILD = [sansip.Endpoint("udp", "0.0.0.0:5060", advertise="192.0.2.77:5062")]
EIGHTH = "192.0.2.8"


def reached(stage: Stage, *hosts: str) -> None:
    """Something came to these addresses of the machine."""
    for host in hosts:
        local = sansip.Address(host, 5060)
        data = make_request("OPTIONS", "tel:+1").render()
        stage.step(sansip.DatagramReceived(stage.now, WILD[0].name, CALLER, local, data))


def calls(stage: Stage, host: str) -> int:
    stage.receive(make_request(uri=f"sip:bob@{host}", branch=f"z9hG4bK{len(stage.sent)}"))
    return stage.statuses()[-1]


def test_an_address_at_which_a_wildcard_was_reached_is_this_proxy_too() -> None:
    stage = on_stage(endpoints=WILD)
    assert calls(stage, EIGHTH) == 100
    reached(stage, EIGHTH)
    assert calls(stage, EIGHTH) == 403
    assert stage.reports[-1].text.endswith("that is this proxy itself")
    assert calls(stage, f"{EIGHTH}:5070") == 100  # another port is another machine
    assert calls(stage, str(PROXY)) == 403  # where the stage receives


@pytest.mark.parametrize(
    "written", ["[::ffff:192.0.2.8]", "[64:ff9b::192.0.2.8]", "[2002:c000:208::1]"]
)
@pytest.mark.parametrize("came_to", [EIGHTH, "::ffff:192.0.2.8"])
def test_such_an_address_is_known_in_every_disguise(came_to: str, written: str) -> None:
    """Sockets that take both IP versions give IPv4 addresses mapped into IPv6."""
    stage = on_stage(endpoints=[*WILD, *BOTH[1:]])
    assert calls(stage, written) == 100
    reached(stage, came_to)
    assert calls(stage, written) == 403
    assert stage.reports[-1].text.endswith("that is this proxy itself")


def test_of_such_addresses_the_latest_64_are_remembered() -> None:
    """IPv6 gives a machine as many as a stranger likes to write to."""
    stage = on_stage(endpoints=WILD)
    hosts = [f"192.0.2.{100 + number}" for number in range(65)]
    reached(stage, *hosts, *hosts[1:])
    assert [address.host for address in stage.state.own] == hosts[1:]


def test_an_endpoint_that_listens_on_one_address_has_nothing_to_learn() -> None:
    stage = on_stage()
    stage.step(
        sansip.DatagramReceived(
            stage.now, FOUR[0].name, CALLER, sansip.Address(EIGHTH, 5060), b"nonsense"
        )
    )
    assert calls(stage, EIGHTH) == 100
    assert stage.state.own == ()


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


@pytest.mark.parametrize(
    ("hop", "network", "listed"),
    [
        ("127.0.0.1", "127.0.0.0/8", True),
        ("127.1.2.3", "127.1.2.0/24", True),
        ("127.1.3.3", "127.1.2.0/24", False),
        ("::ffff:127.0.0.1", "127.0.0.0/8", True),
        ("fe80::ffff:7f00:1", "127.0.0.0/8", False),
        ("64:ff9b::127.0.0.1", "127.0.0.0/8", True),
        ("64:ff9b::127.0.0.1", "64:ff9b::/96", True),
        ("64:ff9b::127.0.0.1", "10.0.0.0/8", False),
        ("2002:7f00:1::1", "127.0.0.0/8", True),
        ("fe80::1", "fe80::/10", True),
        ("127.0.0.1", "::/0", False),
        ("::1", "0.0.0.0/0", False),
    ],
)
def test_allow_hops_lists_networks_of_either_version(
    hop: str, network: str, listed: object
) -> None:
    found = config(allow_hops=[network]).refuses(sansip.Hop("udp", sansip.Address(hop, 5060)))
    assert (found is None) is listed
