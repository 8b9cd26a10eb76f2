"""Flows: what comes over a connection, and what goes back over it (18.2.2, 18.3, RFC 5626)."""

import pytest

import sansip
from line import TCP, UDP, line, over_tcp, read
from sansip.message import reply
from stage import CALLER, GW_1, PROXY, ToName, make_request

# A call ------------------------------------------------------------------------------------------


@pytest.mark.rule("3261-18.2.2-01", "3261-18.2.1-01", "3581-4-01")
def test_responses_go_over_the_connection_that_the_request_came_by() -> None:
    stage = line().open()
    stage.hear(over_tcp())
    stage.respond(180, GW_1)
    stage.respond(200, GW_1)
    assert stage.over() == [100, 180, 200]
    assert not [send for send in stage.sends if send.flow is None and send.remote != GW_1]
    forwarded = stage.at(GW_1, "INVITE")[0]
    assert forwarded.rows("via") == (
        f"SIP/2.0/UDP {PROXY};branch={forwarded.via.branch};rport",
        "SIP/2.0/TCP 198.51.100.1:5060;branch=z9hG4bKcaller;received=198.51.100.1;rport=33333",
    )
    assert {send.endpoint for send in stage.sends if send.remote == GW_1} == {UDP}


@pytest.mark.rule("3261-18.2.2-01")
@pytest.mark.parametrize(
    "via",
    [
        "SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bK1",
        "SIP/2.0/TLS phone.example.org;branch=z9hG4bK1;rport",
        "SIP/2.0/TCP 10.0.0.9;branch=z9hG4bK1;maddr=239.1.1.1",
    ],
)
def test_whatever_its_via_says(via: str) -> None:
    stage = line().open()
    stage.hear(make_request("OPTIONS").with_top_via(via))
    stage.respond(200, GW_1, method="OPTIONS")
    assert stage.over() == [200]


def test_a_message_may_come_in_pieces_and_several_in_one() -> None:
    data = over_tcp(body=b"v=0\r\n\r\n").render()
    stage = line().open()
    for at in range(len(data)):
        stage.hear(data[at : at + 1])
    assert stage.over() == [100]
    assert stage.at(GW_1, "INVITE")[0].body == b"v=0\r\n\r\n"
    second = over_tcp(branch="z9hG4bK2", call_id="2")
    cancel = over_tcp("CANCEL", branch="z9hG4bK2", call_id="2")
    options = over_tcp("OPTIONS", branch="z9hG4bK3", call_id="3")
    stage.hear(b"\r\n".join(message.render() for message in (second, cancel, options)))
    assert stage.over() == [100, 100, 200]  # the branch has not answered, so is not cancelled yet
    assert len(stage.at(GW_1, "INVITE")) == 2
    assert len(stage.at(GW_1, "OPTIONS")) == 1


def test_messages_that_come_at_once_are_dealt_with_one_after_the_other() -> None:
    stage = line(limits=sansip.Limits(in_flight=2)).open()
    refused = (over_tcp(uri="sip:bob@127.0.0.1", branch=f"z9hG4bK{n}") for n in range(3))
    stage.hear(b"".join(request.render() for request in refused))
    assert stage.over() == [100, 403] * 3  # the third still had room


@pytest.mark.rule("3261-18.3-01", "3261-20.14-01")
def test_a_response_gets_a_content_length_if_it_has_none() -> None:
    stage = line().open()
    stage.hear(over_tcp())
    answer = reply(stage.at(GW_1, "INVITE")[0], 200, to_tag="gw", body=b"v=0\r\n")
    stage.receive(answer.remove("Content-Length"), GW_1)
    assert read(stage.sends[-1]).rows("content-length") == ("5",)
    stage.receive(make_request(branch="z9hG4bKudp", call_id="udp"))
    answer = reply(stage.at(GW_1, "INVITE")[1], 200, to_tag="gw")
    stage.receive(answer.remove("Content-Length"), GW_1)
    assert b"Content-Length" not in stage.sends[-1].data


@pytest.mark.rule("3261-17-T08", "3261-17-T10", "3261-17-T11", "3261-17-T14")
def test_a_server_transaction_leaves_retransmissions_to_the_connection() -> None:
    stage = line().open()
    stage.hear(over_tcp())
    stage.respond(486, GW_1)
    stage.advance(20.0)
    assert stage.over() == [100, 486]  # no Timer G
    invite = stage.at(GW_1, "INVITE")[0]
    assert stage.state.server
    stage.hear(over_tcp("ACK", to_tag="gw"))
    assert not len(stage.state.server)  # no Timer I
    assert stage.at(GW_1, "ACK")[0].via == invite.via  # ours, for the refusal; none is relayed
    assert len(stage.at(GW_1, "ACK")) == 1
    stage.hear(over_tcp("OPTIONS", branch="z9hG4bKo"))
    stage.respond(200, GW_1, method="OPTIONS")
    assert not len(stage.state.server)  # no Timer J
    # A non-INVITE that takes long gets its 100 when RFC 4320 4.1 says so, over any transport.
    stage.hear(over_tcp("OPTIONS", branch="z9hG4bKp"))
    stage.advance(3.5)
    assert stage.over() == [100, 486, 200, 100]


def test_ack_and_cancel_come_over_the_connection() -> None:
    stage = line().open()
    stage.hear(over_tcp())
    stage.respond(180, GW_1)
    stage.hear(over_tcp("CANCEL"))
    assert len(stage.at(GW_1, "CANCEL")) == 1
    stage.respond(200, GW_1, method="CANCEL")
    stage.respond(487, GW_1)
    assert stage.over() == [100, 180, 200, 487]
    stage.hear(over_tcp("CANCEL", branch="z9hG4bKnone"))
    assert stage.over()[-1] == 481


@pytest.mark.rule("3261-16.6.4-01", "5658-5-01", "5658-5-02", "5658-5-03", "5658-6-01")
def test_a_dialog_crosses_from_one_transport_to_the_other_and_back() -> None:
    stage = line(ToName(record_route=True)).open()
    stage.hear(over_tcp())
    stage.respond(200, GW_1)
    invite = stage.at(GW_1, "INVITE")[0]
    routes = invite.values("record-route")
    assert [route.partition(";")[2].partition(";did")[0] for route in routes] == [
        "transport=udp;lr",
        "transport=tcp;lr",
    ]
    stage.hear(
        over_tcp(
            "BYE",
            uri=f"sip:bob@{GW_1}",
            branch="z9hG4bKbye",
            to_tag="gw",
            headers=[("Route", route) for route in reversed(routes)],
        )
    )
    assert stage.at(GW_1, "BYE")[0].values("route") == ()
    back = make_request(
        "BYE",
        uri=f"sip:alice@{CALLER}",
        branch="z9hG4bKback",
        to_tag="alice",
        headers=[("Route", route) for route in routes],
    ).set("From", "<sip:bob@gw.example.com>;tag=gw")
    stage.receive(back, GW_1)
    # The second value decides the transport (5658-5-03); the caller's own connection is to a port
    # that its Contact does not name.
    assert stage.orders()[-1].endpoint == TCP
    stage.connect()
    assert stage.at(CALLER, "BYE")[0].values("route") == ()
    assert stage.sends[-1].endpoint == TCP


def test_a_response_may_come_over_a_connection() -> None:
    stage = line().open(1).open(2, GW_1)
    stage.hear(over_tcp(), 1)
    stage.hear(reply(stage.at(GW_1, "INVITE")[0], 200, to_tag="gw"), 2)
    assert stage.over(1) == [100, 200]
    assert not [send for send in stage.sends if send.flow == 2]


def test_its_own_address_behind_a_wildcard_is_known_by_connections_too() -> None:
    everywhere = [
        sansip.Endpoint("udp", "0.0.0.0:5060", advertise="sip.example.com:5060"),
        sansip.Endpoint("tcp", "0.0.0.0:5060", advertise="sip.example.com:5060"),
    ]
    stage = line(endpoints=everywhere).open()
    stage.hear(over_tcp(uri=f"sip:bob@{PROXY}"))
    assert stage.over() == [100, 403]


def test_what_is_kept_of_a_request_counts_in_bytes() -> None:
    stage = line().open()
    request = over_tcp(body=b"v=0\r\n")
    stage.hear(request)
    assert stage.state.bytes_in_flight == len(request.render())
