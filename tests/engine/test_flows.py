"""Flows: what comes over a connection, and what goes back over it (18.2.2, 18.3, RFC 5626)."""

from dataclasses import dataclass

import pytest

import sansip
from sansip.message import MessageLimits, reply
from stage import (
    CALLER,
    GW_1,
    PROXY,
    Decide,
    Stage,
    ToName,
    Whatever,
    config,
    make_request,
)

TCP = "tcp:192.0.2.10:5060"
UDP = "udp:192.0.2.10:5060"
BOTH = (sansip.Endpoint("udp", str(PROXY)), sansip.Endpoint("tcp", str(PROXY)))
PHONE = sansip.Address("198.51.100.1", 33333)  # the port that the caller connects from


@dataclass
class Line(Stage):
    """A stage with connections."""

    def open(self, flow: int = 1, remote: sansip.Address = PHONE) -> "Line":
        self.step(sansip.FlowOpened(self.now, flow, TCP, remote, PROXY))
        return self

    def hear(
        self, data: bytes | sansip.Request | sansip.Response, flow: int = 1
    ) -> tuple[sansip.Action, ...]:
        octets = data if isinstance(data, bytes) else data.render()
        return self.step(sansip.StreamReceived(self.now, flow, octets))

    def close(self, flow: int = 1, reason: str = "") -> None:
        self.step(sansip.FlowClosed(self.now, flow, reason))

    def over(self, flow: int = 1) -> list[int]:
        """The status codes that went over a flow; and all else about those sends is as it must."""
        sends = [send for send in self.sends if send.flow == flow and send.data.strip()]
        assert all((send.endpoint, send.remote) == (TCP, PHONE) for send in sends)
        assert all(b"\r\nContent-Length: " in send.data for send in sends)
        return [int(send.data.split()[1]) for send in sends]

    def closed(self) -> list[int]:
        """The flows that the engine has closed."""
        every = [action for actions in self.actions for action in actions]
        return [action.flow for action in every if isinstance(action, sansip.CloseFlow)]


def read(send: sansip.Send) -> sansip.Response:
    message = sansip.parse(send.data)
    assert isinstance(message, sansip.Response)
    return message


def line(policy: sansip.Policy | None = None, **options: Whatever) -> Line:
    given = {"endpoints": BOTH} | options
    return Line(sansip.Engine(config(**given), policy or ToName()))


def over_tcp(method: str = "INVITE", **options: Whatever) -> sansip.Request:
    request = make_request(method, **options)
    return request.with_top_via(f"SIP/2.0/TCP {CALLER};branch={request.via.branch};rport")


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


@pytest.mark.rule("3261-16.6.4-01", "5658-5-01")
def test_a_dialog_crosses_from_one_transport_to_the_other_and_back() -> None:
    stage = line(ToName(record_route=True)).open()
    stage.hear(over_tcp())
    stage.respond(200, GW_1)
    invite = stage.at(GW_1, "INVITE")[0]
    routes = invite.values("record-route")
    assert [route.partition(";")[2].partition(";did")[0] for route in routes] == [
        "lr",
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
    assert stage.at(CALLER, "BYE")[0].values("route") == ()
    assert stage.sends[-1].endpoint == UDP


def test_a_response_may_come_over_a_connection() -> None:
    stage = line().open(1).open(2, GW_1)
    stage.hear(over_tcp(), 1)
    stage.hear(reply(stage.at(GW_1, "INVITE")[0], 200, to_tag="gw"), 2)
    assert stage.over(1) == [100, 200]
    assert not [send for send in stage.sends if send.flow == 2]


def test_nothing_is_sent_over_a_transport_that_we_open_no_connections_for() -> None:
    stage = line().open()
    stage.hear(over_tcp(uri=f"sip:bob@{GW_1};transport=tcp"))
    assert stage.over() == [100, 480]


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


# What is no good ---------------------------------------------------------------------------------


@pytest.mark.rule("3261-18.3-05", "3261-18.3-07", "3261-7.1-03")
def test_a_bad_request_is_answered_and_the_connection_stays() -> None:
    stage = line().open()
    bad = over_tcp("OPTIONS").render()
    stage.hear(bad.replace(b"From: <", b"From: ") + bad.replace(b" SIP/2.0\r", b" SIP/3.0\r"))
    stage.hear(bad.replace(b";rport", b";;,;,,"))
    stage.hear(bad)
    assert stage.over() == [400, 505, 400]
    assert stage.topics() == ["malformed"] * 3
    assert stage.closed() == []
    assert stage.at(GW_1, "OPTIONS")


@pytest.mark.rule("3261-18.3-04", "3261-18.3-05", "3261-18.3-06")
@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"Content-Length: 0\r\n", b"", 400),
        (b"Content-Length: 0", b"Content-Length: -999", 400),
        (b"Content-Length: 0", b"Content-Length: 0\r\nContent-Length: 1", 400),
        (b"Content-Length: 0\r\n", b"Content-Length: 0\n", 400),
        (b"Content-Length", b"X: " + b"y" * 70_000 + b"\r\nContent-Length", 513),
    ],
)
def test_what_ends_a_stream_is_answered_and_the_connection_closed(
    old: bytes, new: bytes, status: int
) -> None:
    stage = line().open()
    data = over_tcp().render()
    first, _, *rest = stage.hear(data.replace(old, new) + data)
    assert isinstance(first, sansip.Report)
    assert rest == [sansip.CloseFlow(1)]
    assert stage.over() == [status]
    assert stage.is_empty()
    stage.hear(data)
    stage.close()
    assert stage.over() == [status]


@pytest.mark.rule("3261-8.2-02")
@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\x00", b"\0", over_tcp("ACK").render()[:-1] + b"\0"]
)
def test_what_cannot_be_answered_is_not(data: bytes) -> None:
    stage = line().open()
    stage.hear(data)
    stage.advance(31.0)
    assert stage.closed() == [1]
    assert not stage.sends
    assert stage.is_empty()
    assert "malformed" in stage.topics()


@pytest.mark.rule("3261-16.3-09")
def test_a_policy_that_refuses_answers_over_the_connection() -> None:
    stage = line(Decide(sansip.Reply(404))).open()
    stage.hear(over_tcp())
    assert stage.over() == [404]


# Time --------------------------------------------------------------------------------------------


@pytest.mark.rule("3261-18.3-06", "3261-18.3-02")
def test_a_message_has_so_much_time() -> None:
    stage = line(limits=sansip.Limits(partial_message=10.0)).open()
    data = over_tcp(body=b"v=0\r\n").render()
    stage.hear(data[:-1])
    stage.advance(9.9)
    assert stage.closed() == []
    stage.hear(data[-1:] + data[:1])  # the next one has as much time again
    stage.advance(9.9)
    assert stage.closed() == []
    stage.advance(0.2)
    assert stage.closed() == [1]
    assert stage.over() == [100]
    assert [timer.owner for timer in stage.fired if timer.owner.startswith("f|")] == ["f|1"]


@pytest.mark.rule("3261-18.3-06")
def test_what_came_of_a_message_that_did_not_end_is_answered() -> None:
    stage = line().open()
    stage.hear(over_tcp(body=b"v=0\r\n").render()[:-1])
    stage.advance(30.0)
    assert (stage.over(), stage.closed()) == ([400], [1])
    assert stage.is_empty()


@pytest.mark.rule("3261-18.3-07")
def test_the_limits_of_messages_hold_for_streams() -> None:
    fits, large = over_tcp("OPTIONS").render(), over_tcp(body=b"x" * 200).render()
    small = sansip.Limits(message=MessageLimits(message=len(fits)))
    stage = line(limits=small).open()
    stage.hear(large + fits)
    assert stage.over() == [513]
    assert stage.at(GW_1, "OPTIONS")
    assert stage.closed() == []


def test_a_late_timer_means_nothing() -> None:
    stage = line().open()
    data = over_tcp().render()
    stage.hear(data[:9])
    (first,) = (a.timer for a in stage.actions[-1] if isinstance(a, sansip.StartTimer))
    stage.hear(data[9:] + data[:9])
    stage.step(sansip.TimerFired(stage.now, first))
    assert stage.closed() == []
    stage.close()
    stage.step(sansip.TimerFired(stage.now, first))
    assert stage.closed() == []


def test_no_clock_runs_between_messages() -> None:
    stage = line().open()
    data = over_tcp("OPTIONS").render()
    stage.hear(data[:9])
    stage.hear(data[9:])
    stage.advance(3600.0)
    assert stage.closed() == []
    assert not [timer for timer in stage.fired if timer.owner.startswith("f|")]
    stage.close()
    assert stage.actions[-1] == ()


# Opening and closing -----------------------------------------------------------------------------


@pytest.mark.rule("5626-4.4.1-01", "5626-4.4.1-02", "3261-7.5-01")
def test_keep_alives_are_answered() -> None:
    stage = line().open()
    stage.hear(b"\r\n")
    assert not stage.sends
    stage.hear(b"\r\n")
    stage.hear(b"\r\n" * 6 + over_tcp("OPTIONS").render())
    pongs = [(send.endpoint, send.remote, send.flow, send.data) for send in stage.sends[:2]]
    assert pongs == [(TCP, PHONE, 1, b"\r\n"), (TCP, PHONE, 1, b"\r\n" * 3)]
    assert stage.at(GW_1, "OPTIONS")
    # The operating system may refuse: nobody waits for it.
    stage.refuse(stage.sends[0])
    assert stage.topics() == ["transport"]


@pytest.mark.rule("3261-18.2.2-02")
def test_responses_for_a_connection_that_is_gone_are_reported() -> None:
    stage = line().open()
    stage.hear(over_tcp())
    stage.close()
    stage.respond(180, GW_1)
    stage.respond(200, GW_1)
    assert stage.over() == [100]
    said = [report.text for report in stage.reports]
    assert said == ["not sent: the connection to 198.51.100.1:33333 is closed"] * 2
    stage.advance(3600.0)
    assert stage.is_empty()


def test_a_refused_response_is_reported() -> None:
    stage = line().open()
    stage.hear(over_tcp())
    stage.refuse(stage.sends[0], "broken pipe")
    assert [report.text for report in stage.reports] == ["response not sent: broken pipe"]


def test_a_flow_that_closes_takes_its_timer_along() -> None:
    stage = line().open()
    stage.hear(over_tcp().render()[:50])
    stage.close(reason="reset by peer")
    assert stage.is_empty()
    assert stage.agenda.next_due() is None
    assert [(report.topic, report.text) for report in stage.reports] == [
        ("dropped", "the connection was closed within a message: reset by peer")
    ]
    stage.close()
    stage.hear(b"\0")
    assert len(stage.reports) == 1
    stage.open(2)
    stage.close(2)
    assert len(stage.reports) == 1
    stage.open(3)
    stage.hear(over_tcp(body=b"v=0\r\n").render()[:-1], 3)
    stage.close(3)
    assert len(stage.reports) == 2


def test_there_are_so_many_flows_and_no_more() -> None:
    stage = line(limits=sansip.Limits(flows=2)).open(1).open(2).open(3)
    assert stage.closed() == [3]
    assert [(report.topic, report.text) for report in stage.reports] == [
        ("limit", "limit of 2 flows")
    ]
    stage.hear(over_tcp(), 3)
    assert not stage.sends
    stage.close(1)
    assert stage.open(4).closed() == [3]


def test_a_number_is_given_to_one_flow_only() -> None:
    stage = line().open()
    with pytest.raises(sansip.LocalProtocolError, match="flow 1 is open already"):
        stage.open()


# Configuration -----------------------------------------------------------------------------------


def test_requests_leave_by_datagram_endpoints() -> None:
    made = config(endpoints=BOTH)
    assert (made.transports, made.families) == (("udp",), (4,))
    assert made.endpoint_for(sansip.Hop("tcp", GW_1), BOTH[1]) is None
    assert made.endpoint_for(sansip.Hop("udp", GW_1), BOTH[1]) is BOTH[0]
    for uri, endpoint in (("", BOTH[0]), (";transport=tcp", BOTH[1]), (";transport=tls", None)):
        assert made.endpoint_at(sansip.parse_uri(f"sip:{PROXY}{uri}")) is endpoint
