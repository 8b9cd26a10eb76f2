"""Values in words: one line each, the fields by their names."""

import pytest

import sansip
from sansip import dns
from sansip.replay import words
from sansip.replay.words import difference
from stage import GW_1, GW_2, make_request

ADDRESS = sansip.Address("2001:db8::1", 5060)
SEND_FAILED = (
    "SendFailed at=1.5 endpoint=udp:h remote=[2001:db8::1]:5060 reason=ICMP id=None "
    "quoted='\\ufffd' (4 bytes)"
)


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (sansip.FlowClosed(1.5, 3, ""), "FlowClosed at=1.5 flow=3 reason=''"),
        (sansip.FlowClosed(1.5, 3, "by the peer"), "FlowClosed at=1.5 flow=3 reason='by the peer'"),
        (sansip.FlowClosed(1.5, 3, "\x1b[2J"), "FlowClosed at=1.5 flow=3 reason='\\x1b[2J'"),
        (
            sansip.TimerFired(1.5, sansip.Timer("c|x", "A", 7)),
            "TimerFired at=1.5 timer=(Timer owner=c|x name=A serial=7)",
        ),
        (
            sansip.DnsAnswered(1.5, 3, dns.NoName(5.0)),
            "DnsAnswered at=1.5 query=3 answer=(NoName ttl=5.0)",
        ),
        (
            sansip.SendFailed(1.5, "udp:h", ADDRESS, "ICMP", None, b"\xff\r\nb"),
            SEND_FAILED,
        ),
        (
            sansip.Deliver("h", "end", None),
            "Deliver handle=h kind=end message=None",
        ),
        (
            sansip.AckSubmitted(1.5, make_request("ACK")),
            "AckSubmitted at=1.5 request='ACK sip:bob@gw.example.com SIP/2.0' (273 bytes)",
        ),
        (sansip.Drop(), "Drop"),
        (None, "None"),
    ],
    ids=lambda it: type(it).__name__,
)
def test_a_value_in_one_line(thing: object, text: str) -> None:
    assert words(thing) == text


def test_what_is_long_is_cut() -> None:
    long = "x" * 1000
    assert words(sansip.CloseFlow(1)) == "CloseFlow flow=1"
    for thing in (
        sansip.Report("dropped", long, ""),
        sansip.FlowClosed(1.0, 1, long),
        sansip.StreamReceived(1.0, 1, long.encode()),
    ):
        assert "..." in words(thing)
        assert len(words(thing)) < 300


@pytest.mark.parametrize(
    ("thing", "other", "text"),
    [
        (sansip.Reply(404), sansip.Reply(486), "Reply status=404"),
        (sansip.Reply(404), sansip.Drop(), "Reply status=404 reason=None headers=()"),
        (sansip.Drop(), sansip.Drop(), "Drop"),
        (
            sansip.Relay(sansip.Dispatch("g", "first"), timer_c=200.0),
            sansip.Relay(sansip.Dispatch("g", "random")),
            "Relay to=(Dispatch algorithm=first) timer_c=200.0",
        ),
        (
            sansip.FlowOpened(1.0, 1, "e", GW_1, GW_1),
            sansip.FlowOpened(1.0, 1, "e", GW_1, GW_2),
            "FlowOpened local=203.0.113.1:5060",
        ),
        ("one", "other", "one"),
    ],
)
def test_of_two_of_a_kind_only_what_differs_is_told(
    thing: object, other: object, text: str
) -> None:
    assert difference(thing, other) == text
