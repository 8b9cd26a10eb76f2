"""What went over the wire and when, as text that a reader can hold beside the bug report.

One line for each message: seconds since the beginning, direction as seen from the proxy, the other
side, and what it was. Messages of the proxy's own branches are numbered by branch, in the order in
which the branches began, so that one sees which ACK belongs to which INVITE.

    0.0 -> gw-1   INVITE sip:bob@gw.example.com [1]
    0.0 <- gw-1   503 INVITE [1]
    0.0 -> gw-1   ACK sip:bob@gw.example.com [1]
"""

from textwrap import dedent

import sansip
from sansip import dns
from stage import CALLER, GW_1, GW_2, PROXY, Stage

NAMES = {CALLER: "caller", GW_1: "gw-1", GW_2: "gw-2"}


def transcript(stage: Stage, *, dns_too: bool = False) -> str:
    """All that has happened on a stage."""
    return _Writer(dns_too=dns_too).write(stage)


def lines(text: str) -> str:
    """The literal that a transcript is compared with, without its indentation."""
    return dedent(text).strip()


class _Writer:
    def __init__(self, *, dns_too: bool) -> None:
        self.dns_too = dns_too
        self.out: list[str] = []
        self.branches: dict[str, int] = {}
        self.began: float | None = None
        self.questions: dict[int, sansip.QueryDns] = {}
        self.peers: dict[int, sansip.Address] = {}

    def write(self, stage: Stage) -> str:
        for event, actions in zip(stage.events, stage.actions, strict=True):
            self.began = event.at if self.began is None else self.began
            self.take(event)
            for action in actions:
                self.give(event.at, action)
        return "\n".join(self.out)

    def take(self, event: sansip.Event) -> None:
        match event:
            case sansip.DatagramReceived():
                self.line(event.at, "<-", event.source, self.message(event.data))
            case sansip.StreamReceived():
                self.line(event.at, "<-", self.peers[event.flow], self.message(event.data))
            case sansip.SendFailed():
                how = "ICMP" if event.id is None else "not sent"
                self.line(event.at, "<-", event.remote, f"({how}: {event.reason})")
            case sansip.FlowOpened():
                self.peers[event.flow] = event.remote
                self.line(event.at, "<-", event.remote, f"(connected, flow {event.flow})")
            case sansip.FlowClosed():
                reason = event.reason or "closed"
                self.line(event.at, "<-", self.peers[event.flow], f"({reason}, flow {event.flow})")
            case sansip.DnsAnswered() if self.dns_too:
                asked = self.questions[event.query]
                said = type(event.answer).__name__
                if isinstance(event.answer, dns.Found):
                    said = f"{len(event.answer.records)} found"
                self.line(event.at, "<-", "dns", f"{said}: {asked.type} {asked.name}")
            case _:
                pass

    def give(self, at: float, action: sansip.Action) -> None:
        match action:
            case sansip.Send():
                self.line(at, "->", action.remote, self.message(action.data))
            case sansip.OpenFlow():
                self.peers[action.flow] = action.remote
                self.line(at, "->", action.remote, f"(connect {action.transport})")
            case sansip.QueryDns():
                self.questions[action.query] = action
                if self.dns_too:
                    self.line(at, "->", "dns", f"{action.type} {action.name}")
            case _:
                pass

    def line(self, at: float, way: str, who: sansip.Address | str, what: str) -> None:
        name = NAMES.get(who, str(who)) if isinstance(who, sansip.Address) else who
        self.out.append(f"{at - (self.began or 0.0):.1f} {way} {name:<6} {what}")

    def message(self, data: bytes) -> str:
        message = sansip.parse(data)
        if isinstance(message, sansip.Request):
            text = f"{message.method} {message.uri_text}"
        else:
            text = f"{message.status} {message.cseq.method}"
        if message.via.sent_by != str(PROXY):
            return text
        branch = message.via.branch or ""
        return f"{text} [{self.branches.setdefault(branch, len(self.branches) + 1)}]"
