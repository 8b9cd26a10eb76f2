"""Gateways with IPv4 and IPv6 addresses, and a proxy that has one of them or both (RFC 7984)."""

import pytest

import sansip
from line import Line, line
from sansip import dns
from sansip.message import reply
from stage import GW_1, GW_2, Stage, ToName, make_request, on_stage

SIX = [sansip.Address(f"2001:db8::{number}", 5060) for number in (1, 2)]
V4, V6 = sansip.Endpoint("udp", "192.0.2.10:5060"), sansip.Endpoint("udp", "[2001:db8::10]:5060")
TCP4, TCP6 = (
    sansip.Endpoint("tcp", "192.0.2.10:5060"),
    sansip.Endpoint("tcp", "[2001:db8::10]:5060"),
)


def add_ipv6(stage: Stage, *records: tuple[int, str]) -> None:
    for number, address in records or ((1, SIX[0].host), (2, SIX[1].host)):
        stage.zone[f"gw-{number}.example.com", "AAAA"] = dns.Found((dns.Ip(address),), 60.0)


def called(*endpoints: sansip.Endpoint, uri: str = "sip:bob@gw.example.com") -> Stage:
    stage = on_stage(endpoints=endpoints)
    add_ipv6(stage)
    stage.receive(make_request(uri=uri))
    return stage


def invited(stage: Stage) -> list[sansip.Address]:
    places = [to for to, m in stage.sent if isinstance(m, sansip.Request) and m.method == "INVITE"]
    return list(dict.fromkeys(places))


@pytest.mark.rule("7984-3.1-01", "7984-4-01")
@pytest.mark.parametrize(
    ("endpoints", "order"),
    [
        ((V4,), [GW_1, GW_2]),
        ((V6,), SIX),
        ((V4, V6), [GW_1, SIX[0], GW_2, SIX[1]]),
        ((V6, V4), [SIX[0], GW_1, SIX[1], GW_2]),
    ],
)
def test_the_version_of_the_first_endpoint_is_preferred_for_each_host(
    endpoints: tuple[sansip.Endpoint, ...], order: list[sansip.Address]
) -> None:
    """RFC 6724 sorts by the routes of the machine; here whoever configures the proxy says it."""
    stage = called(*endpoints)
    for place in order:
        stage.refuse(next(send for send in reversed(stage.sends) if send.remote == place))
    assert invited(stage) == order
    assert {kind for _, kind in stage.questions if kind in ("A", "AAAA")} == {
        "A" if endpoint is V4 else "AAAA" for endpoint in endpoints
    }
    assert stage.statuses()[-1] == 500


@pytest.mark.rule("7984-3.2-01")
def test_a_request_is_not_raced_over_both() -> None:
    """A phone that is reached over both would be called twice, and say 482 to one of them."""
    stage = called(V6, V4)
    assert invited(stage) == SIX[:1]
    stage.advance(2.9)
    assert invited(stage) == SIX[:1]
    stage.respond(180, SIX[0])
    stage.advance(60.0)
    assert invited(stage) == SIX[:1]


@pytest.mark.rule("7984-3.2-01")
def test_neither_are_connections() -> None:
    """That would be allowed; one after the other costs ``advance_after`` when the first is dead."""
    stage = line(ToName(), endpoints=[TCP6, TCP4], groups={})
    add_ipv6(stage)
    stage.step(sansip.FlowOpened(stage.now, 1, TCP6.name, SIX[1], sansip.Address("::1", 5060)))
    request = make_request(uri="sip:bob@gw-1.example.com:5060;transport=tcp")
    stage.hear(request.with_top_via(f"SIP/2.0/TCP {SIX[1]};branch={request.via.branch}"))
    assert [order.remote for order in stage.orders()] == SIX[:1]
    stage.advance(2.9)
    assert [order.remote for order in stage.orders()] == SIX[:1]
    stage.advance(0.1)
    assert [order.remote for order in stage.orders()] == [SIX[0], GW_1]
    flow = stage.connect()
    stage.hear(reply(stage.at(GW_1, "INVITE")[0], 200, to_tag="gw"), flow)
    assert _statuses(stage) == [100, 200]


def _statuses(stage: Line) -> list[int]:
    return [message.status for _, message in stage.sent if isinstance(message, sansip.Response)]


@pytest.mark.rule("7984-4-02")
@pytest.mark.parametrize("address", ["fe80::1", "fe80::1%eth0", "ff02::1", "::1", "::"])
def test_an_address_that_means_something_only_on_one_link_is_passed_over(address: str) -> None:
    """It costs no time, and is no failure: the answer is what the others say."""
    stage = on_stage(endpoints=[V6, V4])
    add_ipv6(stage, (1, address))
    stage.receive(make_request())
    assert invited(stage) == [GW_1]
    assert "failover" not in stage.topics()
    stage.respond(486, GW_1)
    assert stage.statuses() == [100, 486]


@pytest.mark.rule("7984-4-02")
def test_nor_is_a_host_that_has_only_the_other_version() -> None:
    stage = on_stage(endpoints=[V4])
    add_ipv6(stage)
    stage.zone["gw-1.example.com", "A"] = dns.NoRecords(60.0)
    stage.receive(make_request())
    assert invited(stage) == [GW_2]
    stage.respond(503, GW_2)
    assert stage.statuses() == [100, 500]
