"""Captures: what their packets hold, and that these are right to the last checksum."""

import pytest

import sansip
from drawn import (
    CLOCK,
    CONFIG,
    FAR,
    HOSTILE,
    PHONE,
    TCP,
    TLS,
    UDP,
    Did,
    came,
    everything,
    failover,
    fired,
    journal,
    journal_of_stage,
    send,
)
from journals import STARTED
from pcaps import Packet, packets
from sansip.ladder import pcap
from sansip.ladder.packets import Way, datagram
from stage import CALLER, GW_1, PROXY, make_request, on_stage

FIN, SYN, RST, PUSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
INVITE = make_request()
V6 = sansip.Address("2001:db8::1", 5060)


def taken(*did: Did, call: str | None = None) -> list[Packet]:
    return packets(pcap(journal(*did), call))


def flags(found: list[Packet]) -> list[tuple[bool, int]]:
    """Who sends a segment, us or the peer, and its flags."""
    return [(each.source.startswith(PROXY.host), each.flags) for each in found]


def streams(found: list[Packet]) -> tuple[bytes, bytes]:
    """What both sides of one connection say; and all numbers of it fit."""
    said = {True: b"", False: b""}
    begun: dict[bool, int] = {}
    for each in found:
        ours = each.source.startswith(PROXY.host)
        number, other = each.numbers
        if each.flags & SYN:
            begun[ours] = number + 1
        else:
            shift = (not ours) in begun and len(said[not ours])
            assert number == begun[ours] + len(said[ours])
            assert other == begun[not ours] + shift
        said[ours] += each.data
    return said[True], said[False]


def test_datagrams() -> None:
    first, second = taken((came(INVITE), [send(b"x" * 3)]))
    assert first == Packet(
        STARTED, "udp", f"{CALLER.host} 5060", f"{PROXY.host} 5060", INVITE.render()
    )
    assert (second.source, second.target) == (f"{PROXY.host} 5060", f"{GW_1.host} 5060")
    assert second.data == b"xxx"


def test_a_call_that_fails_over_with_the_times_of_its_clock() -> None:
    stage = failover()
    found = packets(pcap(journal_of_stage(stage)))
    heard = [event for event in stage.events if isinstance(event, sansip.DatagramReceived)]
    assert len(found) == len(heard) + len(stage.sends)
    assert found[0].at == CLOCK
    assert packets(pcap(journal_of_stage(stage, clock=None)))[0].at == STARTED


def test_an_address_that_is_none_is_not_remembered() -> None:
    nowhere = sansip.DatagramReceived(STARTED, UDP, CALLER, sansip.Address("0.0.0.0", 1), b"x")
    first, second = taken((nowhere, [send(b"y")]))
    assert (first.target, second.source) == ("0.0.0.0 1", f"{PROXY.host} 5060")


def test_a_checksum_of_zero_is_written_as_ones_for_zero_says_that_there_is_none() -> None:
    on = Way(CALLER, PROXY)
    plain = datagram(on, b"\0\0")[-4:-2]
    assert datagram(on, plain)[-4:-2] == b"\xff\xff"


def test_what_is_too_long_for_a_packet_is_cut() -> None:
    told = sansip.SendFailed(STARTED, UDP, GW_1, "port unreachable", None, b"x" * 70_000)
    assert [len(each.data) for each in taken(came(b"x" * 70_000), told)] == [65_507, 1_200]


def test_ipv6() -> None:
    event = sansip.DatagramReceived(STARTED, UDP, FAR, V6, HOSTILE)
    first, second = taken((event, [send(INVITE, FAR)]))
    assert (first.source, first.target) == ("2001:db8::7 40124", "2001:db8::1 5060")
    assert first.data == HOSTILE
    assert second.source == "2001:db8::1 5060"


def test_where_a_wildcard_was_reached() -> None:
    any_address = sansip.Config(
        [sansip.Endpoint("udp", "0.0.0.0:5060", advertise="sip.example:5060")]
    )
    stage = on_stage(endpoints=any_address.endpoints)
    name = any_address.endpoints[0].name
    sent = sansip.Send("1 x", name, GW_1, None, b"x", None)
    stage.events = [fired("A"), came(INVITE), fired("A")]
    stage.actions = [(sent,), (), (sent, send(b"y", endpoint=name, local="192.0.2.77"))]
    stage.events[1] = sansip.DatagramReceived(STARTED, name, CALLER, PROXY, b"z")
    found = packets(pcap(journal_of_stage(stage)))
    assert [each.source for each in found] == [
        f"{CALLER.host} 5060",
        f"{PROXY.host} 5060",
        "192.0.2.77 5060",
    ]


def test_icmp() -> None:
    told = sansip.SendFailed(STARTED, UDP, GW_1, "ICMP: Connection refused", None, INVITE.render())
    (found,) = taken(told)
    assert found == Packet(STARTED, "icmp", GW_1.host, PROXY.host, INVITE.render())
    far = sansip.DatagramReceived(STARTED, UDP, FAR, V6, b"")
    assert taken(far, sansip.SendFailed(STARTED, UDP, FAR, "port unreachable", None, b"x"))[1] == (
        Packet(STARTED, "icmp", FAR.host, V6.host, b"x")
    )


@pytest.mark.parametrize(
    "event",
    [
        sansip.SendFailed(STARTED, UDP, GW_1, "ICMP: No route to host", None, b""),
        sansip.SendFailed(STARTED, UDP, GW_1, "port unreachable", "1 x", b""),
        sansip.SendFailed(STARTED, UDP, FAR, "port unreachable", None, b""),
        sansip.SendFailed(STARTED, "udp:?", GW_1, "port unreachable", None, b""),
        sansip.DatagramReceived(STARTED, UDP, sansip.Address("no address", 1), PROXY, b""),
        sansip.DatagramReceived(STARTED, UDP, sansip.Address("192.0.2.1", 70000), PROXY, b""),
        sansip.DatagramReceived(STARTED, UDP, FAR, PROXY, b""),
        sansip.StreamReceived(STARTED, 1, b"x"),
        sansip.FlowClosed(STARTED, 1),
        sansip.FlowOpened(STARTED, 1, TCP, FAR, PROXY),
        sansip.RequestSubmitted(STARTED, "h", INVITE),
    ],
    ids=repr,
)
def test_of_what_no_packet_is_known_there_is_none(event: sansip.Event) -> None:
    assert taken(event) == []


def test_no_packet_is_sent_from_nowhere() -> None:
    assert taken((fired("A"), [send(b"x", endpoint="udp:?"), send(b"x", flow=7)])) == []


def test_a_connection_that_a_peer_opens() -> None:
    first, second = INVITE.render(), b"x" * 3000
    answer = send(b"SIP/2.0 200 OK\r\n\r\n", PHONE, endpoint=TCP, flow=1)
    found = taken(
        sansip.FlowOpened(STARTED, 1, TCP, PHONE, PROXY),
        (sansip.StreamReceived(STARTED, 1, first), [answer]),
        sansip.StreamReceived(STARTED, 1, second),
        sansip.FlowClosed(STARTED, 1),
    )
    data = (False, PUSH | ACK)
    assert flags(found) == [
        *((False, SYN), (True, SYN | ACK), (False, ACK)),
        *(data, (True, PUSH | ACK), data, data, data),
        *((False, FIN | ACK), (True, FIN | ACK), (False, ACK)),
    ]
    assert streams(found[:-3]) == (answer.data, first + second)
    assert {each.protocol for each in found} == {"tcp"}


def test_a_connection_that_we_open_and_close() -> None:
    local = sansip.Address(PROXY.host, 40000)
    found = taken(
        (fired("A"), [sansip.OpenFlow(-1, TLS, "tls", GW_1, "x")]),
        (
            sansip.FlowOpened(STARTED, -1, TLS, GW_1, local),
            [send(INVITE, endpoint=TLS, flow=-1), sansip.CloseFlow(-1)],
        ),
        sansip.FlowClosed(STARTED, -1),
    )
    assert flags(found) == [
        *((True, SYN), (False, SYN | ACK), (True, ACK), (True, PUSH | ACK)),
        *((True, FIN | ACK), (False, FIN | ACK), (True, ACK)),
    ]
    assert found[3].data == INVITE.render()
    assert found[0].source == f"{PROXY.host} 40000"


def test_of_one_call_there_are_its_messages_alone() -> None:
    one = make_request("BYE", call_id="one").render()
    two = make_request("BYE", call_id="two").render()
    did: list[Did] = [
        came(one),
        came(two),
        sansip.FlowOpened(STARTED, 1, TCP, PHONE, PROXY),
        (
            sansip.StreamReceived(STARTED, 1, two + one),
            [
                send(one, PHONE, endpoint=TCP, flow=1),
                send(two, PHONE, endpoint=TCP, flow=1),
                send(two),
            ],
        ),
        sansip.SendFailed(STARTED, UDP, GW_1, "port unreachable", None, two),
        sansip.FlowOpened(STARTED, 2, TCP, PHONE, PROXY),
        sansip.StreamReceived(STARTED, 2, two),
        sansip.FlowClosed(STARTED, 2),
        sansip.StreamReceived(STARTED, 1, b"BYE sip:x SIP/2.0\r\nContent-Length: x\r\n\r\n"),
    ]
    found = taken(*did, call="one")
    assert [each.data for each in found if each.data] == [one, one, one]
    assert streams(found[1:]) == (one, one)
    assert [each.protocol for each in found] == ["udp"] + ["tcp"] * 5
    assert taken(*did, call="nobody") == []


def test_connections_that_were_open_before_go_on_without_a_handshake() -> None:
    stage = on_stage(endpoints=CONFIG.endpoints)
    stage.step(sansip.FlowOpened(STARTED, 1, TCP, PHONE, PROXY))
    stage.step(sansip.FlowOpened(STARTED, 2, TCP, FAR, V6))
    event = sansip.StreamReceived(STARTED, 1, b"x"), [send(b"y", PHONE, endpoint=TCP, flow=1)]
    found = packets(pcap(journal(event, state=stage.state.freeze())))
    assert [(each.data, each.flags) for each in found] == [(b"x", PUSH | ACK), (b"y", PUSH | ACK)]


def test_everything_is_a_capture() -> None:
    assert {each.protocol for each in packets(pcap(journal(*everything())))} == {
        "udp",
        "tcp",
        "icmp",
    }


def test_times_before_1970_are_none() -> None:
    early = sansip.DatagramReceived(-5.0, UDP, CALLER, PROXY, b"x")
    assert taken(early)[0].at == 0
