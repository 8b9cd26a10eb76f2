"""Flows that are no good, slow or gone: limits, time, closing (18.3, 18.4, RFC 5626)."""

import pytest

import sansip
from line import PHONE, TCP, line, over_tcp
from sansip.message import MessageLimits
from stage import GW_1, Decide, make_request

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
    assert rest[0] == sansip.CloseFlow(1)
    assert [type(action) for action in rest[1:]] == [sansip.StopTimer]
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
    stage.hear(data)
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


@pytest.mark.parametrize("said", [b"", b"\r\n", b"\r\n\r"])
def test_who_says_nothing_has_no_place(said: bytes) -> None:
    stage = line(limits=sansip.Limits(partial_message=10.0)).open()
    stage.hear(said)
    stage.advance(9.9)
    assert stage.closed() == []
    stage.advance(0.2)
    assert stage.closed() == [1]
    assert stage.reports[-1].text == "nothing came over the connection in 10 s"
    assert stage.is_empty()


@pytest.mark.rule("3261-18.3-06")
def test_bytes_one_after_the_other_are_no_message() -> None:
    stage = line(limits=sansip.Limits(partial_message=10.0)).open()
    data = over_tcp(body=b"v=0\r\n" * 9).render()
    stage.advance(1.0)
    stage.hear(data[:-40])
    for at in range(-40, -31):
        stage.advance(0.9)
        stage.hear(data[at : at + 1])
    assert stage.closed() == []
    stage.advance(1.0)  # ten seconds since it is open
    assert (stage.over(), stage.closed()) == ([400], [1])
    stage.open(2)
    stage.hear(data, 2)
    stage.advance(60.0)
    for at in range(12):
        stage.hear(data[at : at + 1], 2)
        stage.advance(0.9)
    assert stage.closed() == [1, 2]  # ten seconds from the first byte on, whatever follows


@pytest.mark.parametrize(
    "said",
    [
        [b"\r\n\r\n"],
        [b"\r\n", b"\r\n"],
        [over_tcp("OPTIONS").render()],
        [over_tcp("OPTIONS").render()[:9], over_tcp("OPTIONS").render()[9:]],
        [over_tcp("OPTIONS").render().replace(b" SIP/2.0\r", b" SIP/3.0\r")],
    ],
)
def test_who_has_said_something_may_be_silent(said: list[bytes]) -> None:
    stage = line(limits=sansip.Limits(partial_message=10.0)).open()
    stage.advance(9.0)
    for data in said:
        stage.hear(data)
    stage.advance(3600.0)
    assert stage.closed() == []


def test_a_connection_of_ours_is_not_one_of_them() -> None:
    stage = line(limits=sansip.Limits(partial_message=10.0))
    stage.receive(make_request(uri=f"sip:bob@{GW_1};transport=tcp"))
    stage.connect()
    stage.advance(20.0)
    assert stage.closed() == []


# Shares ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hosts", "share"),
    [
        (["198.51.100.1"] * 3, "198.51.100.1"),
        (["2001:db8::1", "2001:db8::2", "2001:DB8:0:0:ffff::3"], "2001:db8::/64"),
        (["198.51.100.1", "::ffff:198.51.100.1", "::FFFF:c633:6401"], "198.51.100.1"),
    ],
)
def test_nobody_gets_more_than_a_share_of_the_connections(hosts: list[str], share: str) -> None:
    stage = line(limits=sansip.Limits(flows_per_source=2))
    for number, host in enumerate(hosts, 1):
        stage.open(number, sansip.Address(host, 40_000))
    assert stage.closed() == [3]
    assert stage.reports[-1].topic == "limit"
    assert stage.reports[-1].text == f"limit of 2 flows from {share}"
    for number, host in enumerate(["203.0.113.9", "2001:db8:0:1::1"], 4):  # others have their own
        stage.open(number, sansip.Address(host, 40_000))
    assert stage.closed() == [3]
    stage.close(1)
    stage.open(6, sansip.Address(hosts[2], 40_000))
    assert stage.closed() == [3]
    for number in (2, 4, 5, 6):
        stage.close(number)
    assert stage.is_empty()


def test_connections_of_our_own_take_nobodys_share() -> None:
    stage = line(limits=sansip.Limits(flows_per_source=1))
    stage.receive(make_request(uri=f"sip:bob@{GW_1};transport=tcp"))
    stage.connect()
    stage.open(1, sansip.Address(GW_1.host, 40_000))
    assert stage.closed() == []


def test_requests_in_flight_have_the_same_shares() -> None:
    stage = line(limits=sansip.Limits(in_flight_per_source=11))
    for number in range(11):
        source = sansip.Address(f"2001:db8::{number + 1}", 5060)
        request = make_request(branch=f"z9hG4bK{number}", call_id=f"{number}", source=source)
        stage.receive(request, source)
    (report,) = [report for report in stage.reports if report.topic == "limit"]
    assert report.about == "2001:db8::/64"
    assert report.text == "limit of 11 requests in flight from 2001:db8::/64"
    stage.advance(3600.0)
    assert stage.is_empty()


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
    stage = line(limits=sansip.Limits(flows=2)).open(1).open(2).open(3)  # 10/11 are for peers
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
    with pytest.raises(sansip.LocalProtocolError, match="number flows from 1 on"):
        stage.open(0)
