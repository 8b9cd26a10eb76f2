"""Connections that the engine opens: reuse, waiting, failure, idleness (RFC 3261 18)."""

import pytest

import sansip
from line import TCP, Line, line, over_tcp
from sansip import dns
from sansip.message import reply
from stage import CALLER, GW_1, GW_2, PROXY, Decide, make_request

TLS = "tls:192.0.2.10:5061"
SECURE = (
    sansip.Endpoint("udp", str(PROXY)),
    sansip.Endpoint("tcp", str(PROXY)),
    sansip.Endpoint("tls", "192.0.2.10:5061"),
)
BOB = f"sip:bob@{GW_1};transport=tcp"
TWO = {"gateways": [f"sip:{GW_1};transport=tcp", f"sip:{GW_2};transport=tcp"]}
BEHIND_NAT = sansip.Address("203.0.113.77", 41234)
GROUP = sansip.Dispatch("gateways")
BOB_ALONE = sansip.Relay(BOB)


def call(number: int = 0, uri: str = BOB, method: str = "INVITE") -> sansip.Request:
    return make_request(method, uri, branch=f"z9hG4bK{number}", call_id=f"call-{number}")


def answer(stage: Line, flow: int, status: int, *, nth: int = -1, method: str = "INVITE") -> None:
    """The gateway answers over the connection."""
    request = stage.at(GW_1, method)[nth]
    stage.hear(reply(request, status, to_tag="gw"), flow)


# A call ------------------------------------------------------------------------------------------


@pytest.mark.rule("3261-18.1.1-05", "3261-18.1.1-06", "3261-16.6.8-01", "3261-17-T02")
def test_a_call_over_a_connection_opened_for_it() -> None:
    stage = line()
    stage.receive(call())
    (order,) = stage.orders()
    assert order == sansip.OpenFlow(order.flow, TCP, "tcp", GW_1, None)
    assert order.flow < 0
    assert not stage.at(GW_1, "INVITE")
    flow = stage.connect()
    assert stage.sent_over(flow) == ["INVITE"]
    (invite,) = stage.at(GW_1, "INVITE")
    assert invite.rows("via")[0].startswith(f"SIP/2.0/TCP {PROXY};branch=")
    stage.advance(2.0)  # nothing is retransmitted (17.1.1.2)
    answer(stage, flow, 180)
    answer(stage, flow, 200)
    assert stage.statuses() == [100, 180, 200]
    assert stage.sent_over(flow) == ["INVITE"]
    stage.receive(make_request("ACK", BOB, branch="z9hG4bKack", to_tag="gw"))
    assert stage.sent_over(flow) == ["INVITE", "ACK"]
    stage.advance(3600.0)
    assert stage.is_empty()
    assert stage.closed() == [flow]


@pytest.mark.rule("3261-17-T05", "3261-17-T12", "3261-17-T14")
def test_a_refused_call_is_acknowledged_over_its_connection_and_ends_at_once() -> None:
    stage = line()
    stage.receive(call())
    flow = stage.connect()
    answer(stage, flow, 486)
    assert stage.sent_over(flow) == ["INVITE", "ACK"]
    assert stage.at(GW_1, "ACK")[0].via == stage.at(GW_1, "INVITE")[0].via
    assert not len(stage.state.client)  # no Timer D
    stage.receive(call(1, method="OPTIONS"))
    answer(stage, flow, 200, method="OPTIONS")
    assert not len(stage.state.client)  # no Timer K


@pytest.mark.rule("3261-9.1-05")
def test_cancel_goes_over_the_connection_of_its_invite() -> None:
    stage = line()
    stage.receive(call())
    flow = stage.connect()
    answer(stage, flow, 180)
    stage.receive(call(method="CANCEL"))
    assert stage.sent_over(flow) == ["INVITE", "CANCEL"]
    assert stage.at(GW_1, "CANCEL")[0].via == stage.at(GW_1, "INVITE")[0].via
    assert len(stage.orders()) == 1


@pytest.mark.rule("5923-8.1-02")
def test_if_that_is_gone_over_a_new_one_to_the_same_address() -> None:
    stage = line()
    stage.receive(call())
    flow = stage.connect()
    answer(stage, flow, 180)
    stage.close(flow)
    stage.receive(call(method="CANCEL"))
    first, second = stage.orders()
    assert (first.endpoint, first.remote, first.name) == (
        second.endpoint,
        second.remote,
        second.name,
    )
    new = stage.connect()
    assert stage.sent_over(new) == ["CANCEL"]
    stage.close(new)
    # The refusal comes over a connection of the gateway's own (18.1.1-06), and gets its ACK.
    stage.open(7, sansip.Address(GW_1.host, 40404))
    answer(stage, 7, 487)
    last = stage.connect()
    # The CANCEL was nobody's (9.1); its connection was opened for it, so it is not repeated.
    assert stage.sent_over(last) == ["ACK"]
    assert stage.statuses()[-1] == 487
    stage.advance(3600.0)
    stage.close(7)
    assert stage.is_empty()


@pytest.mark.rule("3261-18.4-02", "SIO-04")
def test_all_of_a_request_may_be_lost_with_one_connection_in_any_order() -> None:
    # A second connection has been opened for the target tried last; what was on the first one
    # joins it, behind. When that is refused the hunt ends with the last target, at once.
    first, second = (sansip.Target(f"sip:{user}@{GW_1};transport=tcp") for user in "ab")
    both = sansip.Relay([first, sansip.Target(second.uri, 0.5)])

    def by_method(request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return both if request.method == "OPTIONS" else BOB_ALONE

    stage = line(Decide(by_method))
    stage.receive(call(1, method="MESSAGE"))
    flow = stage.connect()
    stage.receive(call(2, method="OPTIONS"))
    stage.receive(call(3, method="MESSAGE"))
    stage.refuse(stage.sends[-1])  # nothing new goes over the first connection
    stage.advance(3.0)
    stage.close(flow)
    stage.reject()
    assert stage.statuses(method="OPTIONS") == [500]
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-20.14-01", "3261-18.3-01", "3261-16.6.9-01")
def test_what_goes_over_a_connection_has_a_content_length() -> None:
    stage = line()
    stage.receive(make_request(uri=BOB, body=b"v=0\r\n").remove("Content-Length"))
    stage.connect()
    assert stage.at(GW_1, "INVITE")[0].rows("content-length") == ("5",)


# TLS ---------------------------------------------------------------------------------------------


@pytest.mark.rule("3263-4.1-01", "3261-16.6.7-01")
def test_a_secure_hop_names_who_must_be_there() -> None:
    stage = line(endpoints=SECURE)
    stage.zone[("_sips._tcp.example.com", "SRV")] = dns.Found(
        (dns.Srv(1, 0, 5061, "gw-1.example.com"),), 60.0
    )
    stage.receive(call(uri="sips:bob@example.com"))
    secure = sansip.Address(GW_1.host, 5061)
    (order,) = stage.orders()
    assert order == sansip.OpenFlow(order.flow, TLS, "tls", secure, "example.com")
    stage.connect()
    (invite,) = stage.at(secure, "INVITE")
    assert invite.rows("via")[0].startswith("SIP/2.0/TLS 192.0.2.10:5061;branch=")
    # Another name at the same address is another connection.
    stage.receive(call(1, "sips:bob@gw-1.example.com:5061"))
    assert [each.name for each in stage.orders()] == ["example.com", "gw-1.example.com"]
    stage.receive(call(2, "sips:carol@example.com"))
    assert len(stage.orders()) == 2
    assert len(stage.at(secure, "INVITE")) == 2


# Reuse and waiting -------------------------------------------------------------------------------


@pytest.mark.rule("3261-18.1.1-05")
def test_what_comes_while_it_opens_waits_and_goes_in_order() -> None:
    stage = line()
    for number in range(3):
        stage.receive(call(number))
    assert len(stage.orders()) == 1
    stage.connect()
    assert [request.call_id for request in stage.at(GW_1, "INVITE")] == [
        "call-0",
        "call-1",
        "call-2",
    ]
    stage.receive(call(3))
    assert len(stage.orders()) == 1
    assert stage.at(GW_1, "INVITE")[-1].call_id == "call-3"


@pytest.mark.parametrize(
    ("limits", "fit"),
    [(sansip.Limits(waiting=2), 2), (sansip.Limits(bytes_waiting=1_200), 2)],
)
def test_so_much_waits_and_no_more(limits: sansip.Limits, fit: int) -> None:
    stage = line(limits=limits)
    for number in range(3):
        stage.receive(call(number))
    assert stage.statuses() == [100, 100, 100, 500]
    assert "limit" in stage.topics()
    stage.connect()
    assert len(stage.at(GW_1, "INVITE")) == fit
    assert len(stage.state.client) == fit


def test_without_room_for_a_connection_the_transport_has_failed() -> None:
    stage = line(limits=sansip.Limits(flows=1))
    stage.receive(call())
    stage.receive(call(1, f"sip:bob@{GW_2};transport=tcp"))
    assert len(stage.orders()) == 1
    assert stage.statuses() == [100, 100, 500]


def test_peers_leave_a_place_for_our_own() -> None:
    stage = line(limits=sansip.Limits(flows=11))
    for number in range(1, 13):
        stage.open(number, sansip.Address(CALLER.host, 40_000 + number))
    assert stage.closed() == [11, 12]
    stage.receive(call())
    assert len(stage.orders()) == 1


@pytest.mark.rule("3261-18.1.1-05")
def test_the_very_address_that_a_peer_connected_from_is_reached_by_its_connection() -> None:
    stage = line().open(1, BEHIND_NAT)
    stage.receive(call(uri=f"sip:bob@{BEHIND_NAT};transport=tcp"))
    assert not stage.orders()
    (invite,) = stage.at(BEHIND_NAT, "INVITE")
    stage.hear(reply(invite, 180, to_tag="gw"), 1)
    stage.close(1)
    assert stage.statuses() == [100, 180]
    assert len(stage.state.client) == 1
    stage.open(2, BEHIND_NAT)
    stage.hear(reply(invite, 200, to_tag="gw"), 2)
    assert stage.statuses() == [100, 180, 200]


@pytest.mark.parametrize("peer", [BEHIND_NAT, sansip.Address("2001:db8::7", 40_000)], ids=str)
def test_by_tls_too_where_nobody_is_named(peer: sansip.Address) -> None:
    stage = line(endpoints=[*SECURE, sansip.Endpoint("tls", "[2001:db8::10]:5061")])
    endpoint = TLS if peer == BEHIND_NAT else "tls:[2001:db8::10]:5061"
    stage.step(sansip.FlowOpened(stage.now, 1, endpoint, peer, PROXY))
    stage.receive(call(uri=f"sips:bob@{peer}"))
    assert not stage.orders()
    assert [send.flow for send in stage.sends if b"INVITE sips:" in send.data[:12]] == [1]


@pytest.mark.rule("5923-9-01")
def test_who_is_named_needs_a_certificate() -> None:
    stage = line(endpoints=SECURE)
    stage.zone[("phone.example.com", "A")] = dns.Found((dns.Ip(BEHIND_NAT.host),), 60.0)
    stage.step(sansip.FlowOpened(stage.now, 1, TLS, BEHIND_NAT, PROXY))
    stage.receive(call(uri=f"sips:bob@phone.example.com:{BEHIND_NAT.port}"))
    (order,) = stage.orders()
    assert (order.remote, order.name) == (BEHIND_NAT, "phone.example.com")


# Failure -----------------------------------------------------------------------------------------


@pytest.mark.rule("3261-18.4-02", "3261-17.1.4-01", "3261-16.9-01", "6026-8.4-01")
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_a_refused_connection_leads_to_the_next_hop(method: str) -> None:
    stage = line(Decide(sansip.Relay(GROUP)), groups=TWO)
    stage.receive(call(method=method))
    stage.reject()
    assert [order.remote for order in stage.orders()] == [GW_1, GW_2]
    stage.reject()
    assert stage.statuses(method=method)[-1] == 500
    stage.advance(3600.0)
    assert stage.is_empty()


def test_a_connection_has_so_much_time_to_open() -> None:
    stage = line(Decide(sansip.Relay(GROUP, advance_after=None)), groups=TWO)
    stage.receive(call())
    (order,) = stage.orders()
    stage.advance(3.9)
    assert stage.closed() == []
    stage.advance(0.2)
    assert stage.closed() == [order.flow]
    assert [each.remote for each in stage.orders()] == [GW_1, GW_2]
    # What the adapter still has to say of it is of no interest.
    before = stage.state
    stage.connect(0)
    stage.hear(b"\0", order.flow)
    stage.close(order.flow)
    assert stage.state == before


def test_the_next_hop_does_not_wait_for_it() -> None:
    stage = line(Decide(sansip.Relay(GROUP)), groups=TWO)
    stage.receive(call())
    stage.advance(3.0)
    assert [order.remote for order in stage.orders()] == [GW_1, GW_2]
    # The first lives on, and wins if it is the first to ring.
    first = stage.connect(0)
    answer(stage, first, 180)
    assert stage.statuses() == [100, 180]


@pytest.mark.rule("3261-18.4-02", "AMB-11")
def test_a_connection_that_dies_unanswered_has_failed() -> None:
    stage = line(Decide(sansip.Relay(GROUP)), groups=TWO)
    stage.receive(call())
    flow = stage.connect()
    stage.close(flow, "reset by peer")
    assert [order.remote for order in stage.orders()] == [GW_1, GW_2]


@pytest.mark.rule("AMB-11", "AMB-29", "3261-18.1.1-06")
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_one_that_dies_after_a_provisional_answer_has_not(method: str) -> None:
    stage = line()
    stage.receive(call(method=method))
    flow = stage.connect()
    answer(stage, flow, 100, method=method)
    stage.close(flow)
    assert len(stage.state.client) == 1
    stage.open(7, sansip.Address(GW_1.host, 40404))
    answer(stage, 7, 200, method=method)
    assert stage.statuses(method=method)[-1] == 200
    assert len(stage.orders()) == 1


@pytest.mark.rule("AMB-11", "3261-18.4-02")
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_reused_one_that_dies_unanswered_is_tried_once_more_afresh(method: str) -> None:
    stage = line(Decide(sansip.Relay(GROUP)), groups=TWO)
    stage.receive(call(0, method="OPTIONS"))
    flow = stage.connect()
    answer(stage, flow, 200, method="OPTIONS")
    stage.receive(call(1, method=method))
    stage.receive(call(2, method=method))
    stage.close(flow, "reset by peer")
    assert [order.remote for order in stage.orders()] == [GW_1, GW_1]
    fresh = stage.connect()
    sent = [send.data for send in stage.sends if send.flow in (flow, fresh)]
    assert sent[-2:] == sent[-4:-2]  # the same once more, branch and all
    stage.close(fresh, "reset by peer")
    assert [order.remote for order in stage.orders()] == [GW_1, GW_1, GW_2]
    stage.advance(3600.0)
    assert stage.is_empty()


def test_nor_does_a_third_one_follow_if_another_has_opened_it() -> None:
    stage = line()
    stage.receive(call(0, method="OPTIONS"))
    flow = stage.connect()
    answer(stage, flow, 200, method="OPTIONS")
    stage.receive(call(1))
    refused = [send for send in stage.sends if send.flow == flow][-1]
    stage.refuse(refused, "broken pipe")  # the operating system knows before the adapter does
    assert len(stage.orders()) == 2
    fresh = stage.connect()
    stage.close(flow, "broken pipe")  # nobody waits for this one any more
    assert len(stage.at(GW_1, "INVITE")) == 2
    stage.receive(call(2))
    assert stage.sent_over(fresh) == ["INVITE", "INVITE"]
    # Refused here, too: the first has had its second chance, the other has not.
    for send in [send for send in stage.sends if send.flow == fresh]:
        stage.refuse(send, "broken pipe")
    assert len(stage.orders()) == 3
    assert stage.statuses() == [100, 100, 500]


def test_a_fresh_one_that_another_has_opened_is_the_last_one_too() -> None:
    stage = line()
    stage.receive(call(0, method="OPTIONS"))
    flow = stage.connect()
    answer(stage, flow, 200, method="OPTIONS")
    stage.receive(call(1))
    stage.receive(call(2))
    stage.refuse(stage.sends[-1], "broken pipe")
    fresh = stage.connect()
    stage.close(flow, "broken pipe")
    assert stage.sent_over(fresh) == ["INVITE", "INVITE"]
    stage.close(fresh, "reset by peer")
    assert len(stage.orders()) == 2
    assert stage.statuses() == [100, 100, 500, 500]


def test_who_moves_on_to_another_connection_leaves_the_first() -> None:
    stage = line()
    stage.receive(call(0))
    flow = stage.connect()
    stage.receive(call(1))
    stage.refuse(stage.sends[-1], "broken pipe")
    fresh = stage.connect()
    answer(stage, flow, 486, nth=0)  # it still brings something
    assert stage.sent_over(fresh) == ["INVITE", "ACK"]
    assert not stage.state.flows[flow].users
    stage.close(flow)
    answer(stage, fresh, 486)
    stage.advance(3600.0)
    assert stage.is_empty()


def test_an_ack_that_cannot_be_sent_is_reported() -> None:
    stage = line()
    stage.receive(call())
    flow = stage.connect()
    answer(stage, flow, 486)
    stage.refuse(stage.sends[-2], "broken pipe")
    assert stage.sent_over(flow)[-1] == "ACK"
    assert stage.reports[-1].text == f"{GW_1}: broken pipe"
    stage.receive(make_request("ACK", f"sip:{GW_2};transport=tcp", branch="z9hG4bKa", to_tag="b"))
    stage.reject()
    assert stage.reports[-1].text == f"{GW_2}: no connection: connection refused"


def test_what_is_no_sip_ends_our_own_connections_too() -> None:
    stage = line(Decide(sansip.Relay(GROUP)), groups=TWO)
    stage.receive(call())
    flow = stage.connect()
    stage.hear(b"HTTP/1.1 400 Bad Request\r\nServer: other\r\n\r\n", flow)
    stage.advance(31.0)
    assert flow in stage.closed()
    assert GW_2 in [order.remote for order in stage.orders()]
    stage.advance(3600.0)
    assert stage.is_empty()


# Requests and keep-alives over it ----------------------------------------------------------------


@pytest.mark.rule("3261-18.2.2-01", "5626-4.4.1-02")
def test_a_peer_may_send_requests_over_our_connection() -> None:
    stage = line()
    stage.receive(call())
    flow = stage.connect()
    answer(stage, flow, 200)
    stage.hear(over_tcp("OPTIONS", uri=f"sip:alice@{CALLER}"), flow)
    stage.respond(200, CALLER, method="OPTIONS")
    assert stage.sent_over(flow) == ["INVITE", "200"]
    stage.hear(b"\r\n\r\n", flow)
    assert stage.sends[-1].data == b"\r\n"
    assert stage.sends[-1].flow == flow


# Idleness ----------------------------------------------------------------------------------------


@pytest.mark.rule("3261-18-01", "5923-8.3-01")
@pytest.mark.parametrize("again", [False, True])
def test_our_connection_is_not_idle_while_a_request_that_came_over_it_waits(
    again: bool,  # noqa: FBT001
) -> None:
    stage = line()
    stage.receive(call(method="OPTIONS"))
    flow = stage.connect()
    answer(stage, flow, 200, method="OPTIONS")
    back = over_tcp(uri=f"sip:alice@{GW_2}", branch="z9hG4bKback", call_id="back")
    if again:  # the connection that it came over first is gone
        stage.open(7)
        stage.hear(back, 7)
        stage.close(7)
    stage.hear(back, flow)
    for _ in range(3):
        stage.respond(180, GW_2)
        stage.advance(100.0)
    assert not stage.closed()
    stage.respond(486, GW_2)
    assert stage.sent_over(flow)[-1] == "486"
    assert len(stage.orders()) == 1
    stage.advance(300.0)
    assert stage.closed() == [flow]
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-18.2.2-02")
def test_our_connection_may_break_while_a_request_that_came_over_it_waits() -> None:
    stage = line()
    stage.receive(call(method="OPTIONS"))
    flow = stage.connect()
    answer(stage, flow, 200, method="OPTIONS")
    stage.hear(over_tcp(uri=f"sip:alice@{GW_2}", branch="z9hG4bKback", call_id="back"), flow)
    stage.close(flow)
    stage.respond(486, GW_2)
    assert stage.sent_over(stage.connect()) == ["486"]
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-18-01")
def test_an_idle_connection_is_kept_for_a_while_and_closed() -> None:
    stage = line()
    stage.receive(call(method="OPTIONS"))
    flow = stage.connect()
    answer(stage, flow, 200, method="OPTIONS")
    stage.advance(100.0)
    stage.hear(b"\r\n\r\n", flow)  # it is used
    stage.advance(100.0)
    stage.receive(make_request("ACK", BOB, branch="z9hG4bKa", to_tag="b"))
    assert stage.sent_over(flow) == ["OPTIONS", "ACK"]
    stage.advance(119.0)
    assert stage.closed() == []
    stage.advance(2.0)
    assert stage.closed() == [flow]
    assert stage.is_empty()
    stage.receive(call(1))
    assert len(stage.orders()) == 2


@pytest.mark.rule("3261-18-01", "5923-8.3-01")
def test_it_is_not_idle_while_a_call_rings() -> None:
    stage = line(limits=sansip.Limits(idle_flow=1.0))
    stage.receive(call())
    flow = stage.connect()
    answer(stage, flow, 180)
    stage.advance(180.0)
    assert stage.closed() == []
    answer(stage, flow, 486)
    stage.advance(31.9)  # 64*T1 at least, whatever the limit says
    assert stage.closed() == []
    stage.advance(40.0)
    assert stage.closed() == [flow]
    assert stage.is_empty()


@pytest.mark.rule("3261-18-01")
def test_a_message_that_stays_incomplete_ends_it_earlier() -> None:
    stage = line()
    stage.receive(call(method="OPTIONS"))
    flow = stage.connect()
    response = reply(stage.at(GW_1, "OPTIONS")[0], 200, to_tag="gw").render()
    stage.hear(response[:20], flow)
    stage.advance(20.0)
    stage.hear(response[20:], flow)
    assert stage.statuses(method="OPTIONS") == [100, 200]
    stage.advance(119.0)
    assert stage.closed() == []
    stage.hear(response[:20], flow)
    stage.advance(30.0)
    assert stage.closed() == [flow]
    assert stage.is_empty()


def test_a_connection_opens_once() -> None:
    stage = line()
    stage.receive(call())
    stage.connect()
    with pytest.raises(sansip.LocalProtocolError, match="is open already"):
        stage.connect()


def test_the_state_of_connections_can_be_kept_and_stepped_again() -> None:
    stage = line()
    stage.receive(call())
    kept = stage.state.freeze()
    stage.connect()
    once = stage.state.freeze()
    stage.state = kept
    stage.connect()
    assert stage.state == once
