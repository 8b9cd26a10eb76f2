"""Journals to be drawn: a call that fails over, and one of everything that can happen."""

from collections.abc import Iterable

import sansip
from journals import POLICY, STARTED
from sansip import dns
from sansip.journal import Head, Journal, Step, Swap
from sansip.ladder import Ladder, Row, draw
from stage import CALLER, GW_1, GW_2, PROXY, SDP, SEED, Stage, ToName, make_request, on_stage

CLOCK = 1_795_453_200.25  # 2026-11-23 17:00:00.250 UTC
UDP = "udp:192.0.2.10:5060"
TCP = "tcp:192.0.2.10:5060"
TLS = "tls:192.0.2.10:5061"
PHONE = sansip.Address("198.51.100.7", 40123)
FAR = sansip.Address("2001:db8::7", 40124)
NEAR = sansip.Address("2001:db8::1", 5061)
CONFIG = sansip.Config(
    [
        sansip.Endpoint("udp", "192.0.2.10:5060"),
        sansip.Endpoint("tcp", "192.0.2.10:5060"),
        sansip.Endpoint("tls", "192.0.2.10:5061"),
    ]
)
KEY = "s|z9hg4bkcaller|198.51.100.1:5060|INVITE"
HOSTILE = (
    b"INVITE sip:</text><img/src=x>\"%s';--@x SIP/2.0\r\n"
    b"Call-ID: </option><script>document.title='call'</script>\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Subject: <script>document.title='header'</script><img src=x onerror=document.title='img'>\r\n"
    b"</pre></li><b>: \x1b[31m\x00 \xff \xe2\x80\xae]]> &amp; end; #%%{}\r\n"
    b"\r\n"
    b"<script>document.title='body'</script>\r\n"
)

Did = sansip.Event | Swap | tuple[sansip.Event, Iterable[sansip.Action]]


def journal(
    *did: Did,
    clock: float | None = None,
    redacted: tuple[str, ...] = (),
    state: sansip.State | None = None,
    config: sansip.Config = CONFIG,
) -> Journal:
    """A journal in which this was heard, and led to that."""
    head = Head("9.9", SEED, STARTED, config, POLICY, redacted, clock, state)
    steps: list[Step | Swap] = []
    for number, each in enumerate(did, 1):
        if isinstance(each, Swap):
            steps.append(each)
        elif isinstance(each, tuple):
            steps.append(Step(number, each[0], tuple(each[1])))
        else:
            steps.append(Step(number, each, ()))
    return Journal(head, iter(steps))


def rows(*did: Did, call: str | None = None) -> list[tuple[str, str, str | None, str]]:
    """What each row is about, from where, to where, and what it says."""
    return [shown(row) for row in draw(journal(*did), call).rows]


def shown(row: Row) -> tuple[str, str, str | None, str]:
    return row.kind, row.source, row.target, row.label


def failover() -> Stage:
    """The first gateway is silent for three seconds, and speaks when it is too late."""
    stage = on_stage(ToName(advance_after=3.0))
    sdp = (("Content-Type", "application/sdp"),)
    stage.receive(make_request(headers=sdp, body=SDP))
    stage.advance(4.0)
    stage.respond(180, GW_2)
    stage.advance(1.0)
    stage.respond(200, GW_2)
    stage.advance(0.2)
    stage.respond(100, GW_1)
    stage.advance(0.1)
    stage.respond(200, GW_1, method="CANCEL")
    stage.respond(487, GW_1)
    stage.advance(60.0)
    return stage


def journal_of_stage(stage: Stage, clock: float | None = CLOCK) -> Journal:
    did = zip(stage.events, stage.actions, strict=True)
    return journal(*did, clock=clock, config=stage.engine.config)


def failover_ladder() -> Ladder:
    return draw(journal_of_stage(failover()), "call-1")


def send(
    data: bytes | sansip.Request | sansip.Response,
    remote: sansip.Address = GW_1,
    *,
    key: str = KEY,
    endpoint: str = UDP,
    flow: int | None = None,
    local: str | None = None,
) -> sansip.Send:
    octets = data if isinstance(data, bytes) else data.render()
    return sansip.Send(f"1 {key}", endpoint, remote, flow, octets, local)


def came(
    data: bytes | sansip.Request | sansip.Response,
    source: sansip.Address = CALLER,
    at: float = STARTED,
) -> sansip.DatagramReceived:
    octets = data if isinstance(data, bytes) else data.render()
    return sansip.DatagramReceived(at, UDP, source, PROXY, octets)


def report(topic: str, text: str, about: str = "") -> sansip.Report:
    return sansip.Report(topic, about, text)


def fired(name: str, owner: str = "x|owner", at: float = STARTED) -> sansip.TimerFired:
    return sansip.TimerFired(at, sansip.Timer(owner, name, 1))


def everything() -> list[Did]:  # a row of each kind at least
    """One of everything that can happen, in no order that makes sense."""
    invite, at = make_request(), STARTED
    big = invite.render().replace(b"Content-Length: 0", b"Content-Length: 3") + b"abc"
    bye = make_request("BYE", call_id="call-2", branch="z9hG4bKbye")
    ringing = sansip.reply(invite, 180, to_tag="gw")
    naptr = dns.Naptr(10, 20, "s", "SIP+D2U", "", "_sip._udp.example.com")
    return [
        (came(invite), [send(ringing, CALLER)]),
        came(b"\r\n\r\n"),
        came(b"rubbish"),
        came(HOSTILE, sansip.Address("198.51.100.66", 5060)),
        sansip.FlowOpened(at + 0.1, 1, TCP, PHONE, PROXY),
        sansip.StreamReceived(at + 0.1, 1, big[:100]),
        sansip.StreamReceived(at + 0.2, 1, big[100:] + bye.render() + b"\r\n\r\n"),
        (
            sansip.FlowOpened(at + 0.2, 2, TLS, FAR, NEAR, ("far.example.com",)),
            [send(bye, FAR, endpoint=TLS, flow=2)],
        ),
        sansip.StreamReceived(at + 0.3, 2, b"BYE x SIP/2.0\r\nContent-Length: x\r\n\r\n"),
        (
            fired("idle", at=at + 0.4),
            [sansip.CloseFlow(1), sansip.OpenFlow(-5, TLS, "tls", FAR, "far.example.com")],
        ),
        sansip.FlowClosed(at + 0.5, -5, "connection refused"),
        (
            sansip.RequestSubmitted(at + 0.5, "h", make_request("MESSAGE", call_id="call-3")),
            [
                sansip.QueryDns(7, "example.com", "NAPTR"),
                sansip.QueryDns(8, "gw-1.example.com", "A"),
                sansip.OpenFlow(-6, TCP, "tcp", GW_1, None),
            ],
        ),
        sansip.DnsAnswered(at + 0.6, 7, dns.Found((naptr,), 60.0)),
        sansip.DnsAnswered(at + 0.6, 8, dns.Found((dns.Ip(GW_1.host),), 60.0)),
        sansip.FlowOpened(at + 0.7, -6, TCP, GW_1, sansip.Address(PROXY.host, 40006)),
        (
            sansip.FlowClosed(at + 0.8, 2, "reset"),
            [
                report("failover", "udp:203.0.113.1:5060: answered 503; trying 203.0.113.2", KEY),
                report("health", "suspect: silent for 3 s", "udp:203.0.113.1:5060"),
                sansip.Consult("q", {"who": "bob"}, 1.0),
            ],
        ),
        sansip.Consulted(at + 0.9, "q", "gw-2"),
        sansip.SendFailed(at + 1.0, UDP, GW_1, "ICMP: Connection refused", None, invite.render()),
        sansip.SendFailed(at + 1.0, UDP, GW_2, "network is unreachable", "1 x", invite.render()),
        sansip.Administered(at + 1.1, sansip.Drain("gateways", "sip:gw-1.example.com")),
        Swap(0, CONFIG, None),
    ]
