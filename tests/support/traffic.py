"""Calls as they look on the wire, for measuring: messages of ordinary size, and whole calls.

Every call has ids of its own and of the same length. The core is pure: a recorded call, replayed in
the state in which it was recorded, is the same call again.
"""

from collections.abc import Callable
from typing import TypeAlias

import sansip
from sansip import dns
from sansip.agenda import Agenda
from sansip.message import reply
from stage import CALLER, GW_1, PROXY, SEED, ZONE, Whatever, config

Events: TypeAlias = tuple[sansip.Event, ...]

AT = 1000.0
INVITE_SIZE = 708  # bytes: what the budgets were measured with
TO_ADDRESS = f"sip:bob@{GW_1}"
TO_NAME = "sip:bob@gw.example.com"

SDP = (
    "v=0\r\n"
    "o=alice 2890844526 2890844526 IN IP4 198.51.100.1\r\n"
    "s=-\r\n"
    "c=IN IP4 198.51.100.1\r\n"
    "t=0 0\r\n"
    "m=audio 49172 RTP/AVP 0 8 101\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
)
REQUEST = (
    "{method} {uri} SIP/2.0\r\n"
    "Via: SIP/2.0/UDP {source};branch=z9hG4bK-{method}-{number:06};rport\r\n"
    "{routes}"
    "Max-Forwards: 70\r\n"
    "From: Alice <sip:alice@example.org>;tag=a{number:06}\r\n"
    "To: <{to}>{to_tag}\r\n"
    "Call-ID: {number:06}@198.51.100.1\r\n"
    "CSeq: {cseq} {method}\r\n"
    "{rows}"
    "Content-Length: {length}\r\n\r\n"
)
INVITE_ROWS = (
    f"Contact: <sip:alice@{CALLER}>\r\n"
    "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE\r\n"
    "Supported: replaces, timer, 100rel\r\n"
    "Session-Expires: 1800;refresher=uac\r\n"
    "User-Agent: Telephone/{agent}\r\n"
    "Content-Type: application/sdp\r\n"
)


def invite(number: int, uri: str = TO_ADDRESS) -> bytes:
    """An INVITE with an offer, of 708 bytes whatever its URI."""
    short = _request("INVITE", number, uri, uri, rows=INVITE_ROWS.format(agent=""), body=SDP)
    agent = "4" * (INVITE_SIZE - len(short))
    return _request("INVITE", number, uri, uri, rows=INVITE_ROWS.format(agent=agent), body=SDP)


def answer(request: bytes, status: int) -> bytes:
    """What a gateway answers; ringing comes without, success with a session description."""
    parsed = sansip.parse(request)
    assert isinstance(parsed, sansip.Request)
    rows, body = [("Contact", f"<{TO_ADDRESS}>")], b""
    if status == 200 and parsed.method == "INVITE":
        rows.append(("Content-Type", "application/sdp"))
        body = SDP.encode()
    return reply(parsed, status, to_tag="gateway", headers=tuple(rows), body=body).render()


def plain_split(data: bytes) -> tuple[str, list[tuple[str, str]], bytes]:
    """Text, split into names and values: the least that any reader of SIP does."""
    head, _, body = data.partition(b"\r\n\r\n")
    start, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    pairs: list[tuple[str, str]] = []
    for line in lines:
        name, _, content = line.partition(":")
        pairs.append((name, content.strip()))
    return start, pairs, body


class Line:
    """An engine under load: takes calls through it, and notes its events."""

    def __init__(self, policy: sansip.Policy, uri: str = TO_ADDRESS, **options: Whatever) -> None:
        self.engine = sansip.Engine(config(**options), policy)
        self.uri = uri
        self.state, _ = self.engine.start(SEED, AT)
        self.events: list[sansip.Event] = []
        self.actions: list[sansip.Action] = []
        self.agenda = Agenda()
        self.at = AT
        self._number = 0
        self.call()  # from here on DNS is in the cache
        self.base = self.state.freeze()
        self.events.clear()
        self.actions.clear()

    def call(self) -> None:
        """Seven messages in, seven out."""
        routes = self.talk()
        self._receive(answer(self._in_dialog("BYE", 2, routes), 200), GW_1)

    def talk(self) -> str:
        """INVITE, 100, 180, 200, ACK; gives the Route rows for what follows."""
        ringing, forwarded = self.ring()
        self._receive(answer(forwarded, 200), GW_1)
        routes = _route_set(ringing)
        self._in_dialog("ACK", 1, routes)
        return routes

    def refused(self) -> None:
        """INVITE, 100, 180, 486, and the ACKs that end at the next hop."""
        _, forwarded = self.ring()
        self._receive(answer(forwarded, 486), GW_1)
        number, uri = self._number, self.uri
        ack = _request("ACK", number, uri, uri, to_tag=";tag=gateway")
        self._receive(ack.replace(b"-ACK-", b"-INVITE-"), CALLER)

    def ring(self) -> tuple[bytes, bytes]:
        """INVITE, 100, 180: the 180 as the caller gets it, the INVITE as the gateway does."""
        self._number += 1
        sent = self._receive(invite(self._number, self.uri), CALLER)
        forwarded = next(send.data for send in sent if send.remote == GW_1)
        self._receive(answer(forwarded, 100), GW_1)
        (ringing,) = self._receive(answer(forwarded, 180), GW_1)
        return ringing.data, forwarded

    def call_and_wait(self) -> None:
        """A call, and then all its timers."""
        self.call()
        while (due := self.agenda.next_due()) is not None:
            self.at = due
            for timer in self.agenda.pop_due(due):
                self._step(sansip.TimerFired(due, timer))

    def record(self, number: int, make: Callable[["Line"], object]) -> list[Events]:
        """The events of so many calls, each by itself."""
        calls: list[Events] = []
        for _ in range(number):
            make(self)
            calls.append(tuple(self.events))
            self.events.clear()
            self.actions.clear()
        return calls

    def _in_dialog(self, method: str, cseq: int, routes: str) -> bytes:
        to_tag = ";tag=gateway"
        number, to = self._number, self.uri
        data = _request(method, number, TO_ADDRESS, to, cseq=cseq, to_tag=to_tag, routes=routes)
        (sent,) = self._receive(data, CALLER)
        return sent.data

    def _receive(self, data: bytes, source: sansip.Address) -> list[sansip.Send]:
        endpoint = self.engine.config.endpoints[0].name
        return self._step(sansip.DatagramReceived(self.at, endpoint, source, PROXY, data))

    def _step(self, event: sansip.Event) -> list[sansip.Send]:
        self.events.append(event)
        self.state, actions = self.engine.step(self.state, event)
        self.actions += actions
        sent: list[sansip.Send] = []
        for action in actions:
            match action:
                case sansip.Send():
                    sent.append(action)
                case sansip.StartTimer(timer, after):
                    self.agenda.start(timer, event.at + after)
                case sansip.StopTimer(timer):
                    self.agenda.stop(timer)
                case sansip.QueryDns(query, name, kind):
                    found = ZONE.get((name, kind), dns.NoName(30.0))
                    sent += self._step(sansip.DnsAnswered(event.at, query, found))
                case _:
                    pass
        return sent


def _request(
    method: str,
    number: int,
    uri: str,
    to: str,
    *,
    cseq: int = 1,
    to_tag: str = "",
    routes: str = "",
    rows: str = "",
    body: str = "",
) -> bytes:
    head = REQUEST.format(
        method=method,
        number=number,
        uri=uri,
        to=to,
        source=CALLER,
        cseq=cseq,
        to_tag=to_tag,
        routes=routes,
        rows=rows,
        length=len(body),
    )
    return (head + body).encode()


def _route_set(ringing: bytes) -> str:
    """The Route rows of a caller whose dialog this response has made."""
    values = sansip.parse(ringing).values("record-route")
    return "".join([f"Route: {route}\r\n" for route in reversed(values)])
