"""Values in words: one line each, the fields by their names."""

import pytest

import sansip
from sansip import dns
from sansip.replay import words
from stage import make_request

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
