"""What happens, in a short line each."""

import pytest

import sansip
from sansip import dns
from sansip.replay import shortened, told, words
from stage import make_request

REMOTE = sansip.Address("192.0.2.1", 5060)
LOCAL = sansip.Address("192.0.2.9", 5060)
OK = b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n"
TIMER = sansip.Timer("c|x", "A", 7)


def answered(answer: dns.Answer) -> sansip.DnsAnswered:
    return sansip.DnsAnswered(1.5, 3, answer)


@pytest.mark.parametrize(
    ("thing", "line"),
    [
        (sansip.DatagramReceived(1.5, "udp:h", REMOTE, LOCAL, OK), "<- 192.0.2.1:5060  200 OK"),
        (sansip.StreamReceived(1.5, 3, OK), "<- connection 3  200 OK"),
        (
            sansip.FlowOpened(1.5, 3, "tcp:h", REMOTE, LOCAL),
            "connection 3 is open with 192.0.2.1:5060",
        ),
        (sansip.FlowClosed(1.5, 3, "by the peer"), "connection 3 is closed: by the peer"),
        (sansip.FlowClosed(1.5, 3), "connection 3 is closed"),
        (sansip.SendFailed(1.5, "udp:h", REMOTE, "ICMP"), "192.0.2.1:5060 is not reached: ICMP"),
        (sansip.TimerFired(1.5, TIMER), "timer A of c|x fires"),
        (
            answered(dns.Found((dns.Srv(1, 2, 5060, "gw"), dns.Ip("192.0.2.1")), 60.0)),
            "DNS answers question 3: 1 2 5060 gw, 192.0.2.1",
        ),
        (
            answered(dns.Found((dns.Naptr(1, 2, "s", "SIP+D2U", "", "_sip._udp.gw"),), 60.0)),
            'DNS answers question 3: 1 2 "s" "SIP+D2U" "" _sip._udp.gw',
        ),
        (answered(dns.NoName(1.0)), "DNS answers question 3: no such name"),
        (answered(dns.NoRecords(1.0)), "DNS answers question 3: no such records"),
        (answered(dns.Failure("SERVFAIL")), "DNS answers question 3: failure, SERVFAIL"),
        (sansip.Send("1 c|x", "udp:h", REMOTE, None, OK), "-> 192.0.2.1:5060  200 OK"),
        (
            sansip.Send("1 c|x", "tcp:h", REMOTE, 3, OK),
            "-> 192.0.2.1:5060 by connection 3  200 OK",
        ),
        (
            sansip.OpenFlow(-1, "tcp:h", "tcp", REMOTE, None),
            "opens connection -1 to 192.0.2.1:5060 by tcp",
        ),
        (sansip.CloseFlow(3), "closes connection 3"),
        (sansip.StartTimer(TIMER, 0.5), "timer A of c|x in 0.5 s"),
        (sansip.StopTimer(TIMER), "timer A of c|x is stopped"),
        (sansip.QueryDns(3, "gw", "A"), "asks DNS, question 3: gw A"),
        (sansip.StopDns(3), "asks DNS no more, question 3"),
        (sansip.Deliver("h", "end", None), "delivers end h"),
        (
            sansip.Deliver("h", "request", make_request()),
            "delivers request h: INVITE sip:bob@gw.example.com",
        ),
        (sansip.Report("dropped", "x", "a\nb"), "reports dropped: a\\nb"),
        (sansip.Consulted(1.5, "q", None), "Consulted at=1.5 question=q answer=None"),
    ],
    ids=lambda it: type(it).__name__,
)
def test_it_is_told_in_a_line(thing: sansip.Event | sansip.Action, line: str) -> None:
    assert told(thing) == line


def test_what_is_long_is_cut_and_any_terminal_can_show_it() -> None:
    assert len(shortened("x" * 1000)) == 100
    assert shortened("\x1b\u20ac\udcff") == "\\x1b\\u20ac\\udcff"
    assert len(told(sansip.Report("dropped", "", "x" * 1000))) < 150


def test_whoever_has_written_the_journal_any_terminal_can_show_it() -> None:
    odd = "\x1b[2J\u202e"
    place = sansip.Address(odd, 5060)
    for thing in (
        sansip.Send("1 c|x", "udp:h", place, None, OK),
        sansip.QueryDns(3, odd, "A"),
        sansip.TimerFired(1.5, sansip.Timer("c|x", odd, 7)),
        answered(dns.Found((dns.Srv(1, 2, 5060, odd), dns.Ip(odd)), 60.0)),
    ):
        assert told(thing).isascii()
        assert told(thing).isprintable()
    assert words(place) == "\\x1b[2J\\u202e:5060"
