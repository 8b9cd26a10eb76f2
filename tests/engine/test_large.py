"""Requests that are too large for a datagram, and those that go to many (RFC 3261 18.1.1)."""

import pytest

import sansip
from line import TCP, UDP, Line, line
from sansip.message import reply
from stage import GW_1, GW_2, Decide, make_request, on_stage

BOB = f"sip:bob@{GW_1}"
TWO = Decide(sansip.Relay(sansip.Dispatch("gateways")))
GATEWAYS = {"gateways": [f"sip:{GW_1}", f"sip:{GW_2}"]}


def body_for(size: int, uri: str = BOB) -> bytes:
    """The body that makes an INVITE so large when it is sent on."""
    stage = line(tcp_above=None)
    stage.receive(make_request(uri=uri, body=b"x" * 500))
    return b"x" * (500 + size - len(stage.sends[-1].data))


def large(method: str = "INVITE", size: int = 2000) -> sansip.Request:
    return make_request(method, BOB, body=b"x" * size)


def via(request: sansip.Request) -> str:
    return request.rows("via")[0].partition(";")[0]


@pytest.mark.rule("3261-18.1.1-01", "3263-4.1-03", "AMB-10")
@pytest.mark.parametrize("uri", [BOB, BOB + ";transport=udp"])
def test_it_is_the_size_as_sent_that_counts(uri: str) -> None:
    stage = line()
    stage.receive(make_request(uri=uri, body=body_for(1300, uri)))
    assert len(stage.sends[-1].data) == 1300
    assert not stage.orders()
    assert via(stage.at(GW_1, "INVITE")[0]) == "SIP/2.0/UDP 192.0.2.10:5060"
    stage = line()
    stage.receive(make_request(uri=uri, body=body_for(1301, uri)))
    (order,) = stage.orders()
    assert (order.endpoint, order.remote) == (TCP, GW_1)
    flow = stage.connect()
    assert via(stage.at(GW_1, "INVITE")[0]) == "SIP/2.0/TCP 192.0.2.10:5060"
    assert stage.sent_over(flow) == ["INVITE"]


@pytest.mark.rule("3261-18.1.1-01", "3261-9.1-05", "5658-6-01")
def test_all_of_the_call_stays_with_the_connection() -> None:
    stage = line()
    stage.receive(large())
    flow = stage.connect()
    (invite,) = stage.at(GW_1, "INVITE")
    assert "transport=tcp" in invite.values("record-route")[0]
    stage.hear(reply(invite, 180, to_tag="gw"), flow)
    stage.receive(make_request("CANCEL", BOB))
    stage.hear(reply(invite, 487, to_tag="gw"), flow)
    assert stage.sent_over(flow) == ["INVITE", "CANCEL", "ACK"]
    assert not [send for send in stage.sends if send.remote == GW_1 and send.flow is None]
    assert stage.statuses()[-1] == 487
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-18.1.1-02", "AMB-10", "3261-16.6.10-01")
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_a_refused_connection_leads_back_to_datagrams(method: str) -> None:
    stage = line(TWO, groups=GATEWAYS)
    stage.receive(large(method))
    stage.reject()
    (sent,) = stage.at(GW_1, method)
    assert via(sent) == "SIP/2.0/UDP 192.0.2.10:5060"
    assert "transport=tcp" not in "".join(sent.values("record-route"))
    assert (stage.sends[-1].endpoint, stage.sends[-1].flow) == (UDP, None)
    assert len(stage.state.client) == 1
    stage.advance(0.6)
    assert len(stage.at(GW_1, method)) == 2  # it is retransmitted as all datagrams are
    stage.respond(200, GW_1, method=method)
    assert stage.statuses(method=method)[-1] == 200
    assert not stage.at(GW_2, method)
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-18.1.1-02", "3261-16.6.10-01")
def test_its_branch_is_another() -> None:
    refused, open_ = line(), line()
    for stage in (refused, open_):
        stage.receive(large())
    refused.reject()
    open_.connect()
    one, other = refused.at(GW_1, "INVITE")[0], open_.at(GW_1, "INVITE")[0]
    assert one.via.branch != other.via.branch


@pytest.mark.rule("3261-9.1-05")
def test_then_cancel_is_a_datagram_too() -> None:
    stage = line()
    stage.receive(large())
    stage.reject()
    stage.respond(180, GW_1)
    stage.receive(make_request("CANCEL", BOB))
    assert stage.at(GW_1, "CANCEL")[0].via == stage.at(GW_1, "INVITE")[0].via


@pytest.mark.rule("3261-16.10-02", "SIO-07")
def test_what_has_been_cancelled_does_not() -> None:
    # It would be a new transaction, and nothing has gone out: "no new branch" after CANCEL (16.10).
    stage = line()
    stage.receive(large())
    stage.receive(make_request("CANCEL", BOB))
    stage.reject()
    assert not stage.at(GW_1, "INVITE")
    assert stage.statuses() == [100, 487]
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-16.6.10-01", "3261-16.7.10-03")
def test_what_nobody_waits_for_any_more_does_not() -> None:
    # "the element SHOULD retry the request, using UDP" (18.1.1): by then there is none to retry.
    stage = line(Decide(sansip.Relay([f"sip:bob@{GW_1}", f"sip:bob@{GW_2}"])))
    stage.receive(large("MESSAGE"))
    flow = stage.connect(1)
    stage.hear(reply(stage.at(GW_2, "MESSAGE")[0], 200, to_tag="gw"), flow)
    assert stage.statuses(method="MESSAGE") == [200]
    stage.reject(0)
    assert not stage.at(GW_1, "MESSAGE")
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-18.1.1-02")
def test_a_connection_that_takes_too_long_does_not() -> None:
    stage = line(Decide(sansip.Relay(sansip.Dispatch("gateways"), advance_after=None)))
    stage.receive(large())
    stage.advance(4.1)
    assert not stage.at(GW_1, "INVITE")
    assert [order.remote for order in stage.orders()] == [GW_1, GW_2]


def test_without_room_for_a_connection_it_is_a_datagram() -> None:
    stage = line(limits=sansip.Limits(flows=0))
    stage.receive(large())
    assert via(stage.at(GW_1, "INVITE")[0]) == "SIP/2.0/UDP 192.0.2.10:5060"


@pytest.mark.rule("3261-18.1.1-01")
def test_an_ack_of_a_2xx_may_be_large() -> None:
    stage = line()
    ack = make_request("ACK", BOB, to_tag="gw", body=b"x" * 2000)
    stage.receive(ack)
    flow = stage.connect()
    assert stage.sent_over(flow) == ["ACK"]
    assert via(stage.at(GW_1, "ACK")[0]) == "SIP/2.0/TCP 192.0.2.10:5060"
    stage.close(flow)
    stage.receive(ack)
    stage.reject()
    assert via(stage.at(GW_1, "ACK")[1]) == "SIP/2.0/UDP 192.0.2.10:5060"
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.parametrize("stage", [on_stage(), line(tcp_above=None), line(tcp_above=4000)])
def test_it_needs_a_tcp_endpoint_and_a_configuration_that_wants_it(stage: Line) -> None:
    stage.receive(large())
    assert via(stage.at(GW_1, "INVITE")[0]) == "SIP/2.0/UDP 192.0.2.10:5060"


def test_compact_names_may_make_it_fit() -> None:
    plain, compact = line(), line(compact_above=1200)
    for stage in (plain, compact):
        stage.receive(make_request(uri=BOB, body=body_for(1310)))
    assert plain.orders()
    assert not compact.orders()


@pytest.mark.rule("3261-9.1-06")
def test_a_branch_that_nobody_waits_for_any_more_is_forgotten() -> None:
    stage = line()
    stage.receive(large())
    flow = stage.connect()
    stage.hear(reply(stage.at(GW_1, "INVITE")[0], 180, to_tag="gw"), flow)
    stage.receive(make_request("CANCEL", BOB))
    stage.advance(40.0)  # no 487 ever comes: 64*T1 after the CANCEL it is over (9.1)
    assert stage.statuses()[-1] in (408, 487)
    stage.advance(3600.0)
    assert stage.is_empty()


# Multicast ---------------------------------------------------------------------------------------


@pytest.mark.rule("3261-18.1.1-03")
@pytest.mark.parametrize(
    ("host", "params"),
    [
        ("239.1.1.1", ";maddr=239.1.1.1;ttl=1"),
        ("[ff05::1]", ";maddr=[ff05::1]"),
        (GW_1.host, ""),
    ],
)
def test_a_request_to_many_says_so_in_its_via(host: str, params: str) -> None:
    endpoints = [
        sansip.Endpoint("udp", "192.0.2.10:5060"),
        sansip.Endpoint("udp", "[2001:db8::10]:5060"),
    ]
    stage = line(endpoints=endpoints, allow_hops=["239.0.0.0/8", "ff05::/16"])
    stage.receive(make_request("OPTIONS", f"sip:all@{host}"))
    (sent,) = stage.at(sansip.Address(host.strip("[]"), 5060), "OPTIONS")
    assert sent.rows("via")[0].partition(";rport")[2] == params
