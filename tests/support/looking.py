"""Lookups carried through against a table of answers: what they ask, and where they lead."""

from collections.abc import Callable, Mapping, Sequence

from sansip.address import Hop
from sansip.dns import Answer, Found, Ip, Naptr, NoName, NoRecords, Question, Srv
from sansip.entropy import Draws
from sansip.locate import (
    Aim,
    Answered,
    Ask,
    Ended,
    Exhausted,
    Hops,
    LocateLimits,
    Output,
    start,
    step,
)

DRAWS = Draws(b"sixteen bytes at least", "a call")
HOST = "example.com"
NAPTR = Question(HOST, "NAPTR")
UDP = Question("_sip._udp.example.com", "SRV")
TCP = Question("_sip._tcp.example.com", "SRV")
TLS = Question("_sips._tcp.example.com", "SRV")
A = Question(HOST, "A")
AAAA = Question(HOST, "AAAA")
GW1 = Question("gw-1.example.com", "A")
GW2 = Question("gw-2.example.com", "A")
ALL = ("udp", "tcp", "tls")

Zone = Mapping[Question, Answer]


def found(*records: Naptr | Srv | Ip) -> Found:
    return Found(records, 60.0)


def ips(*addresses: str) -> Found:
    return found(*map(Ip, addresses))


TWO_GATEWAYS: Zone = {
    NAPTR: NoRecords(60.0),
    UDP: found(Srv(10, 0, 5060, "gw-1.example.com"), Srv(20, 0, 5070, "gw-2.example.com")),
    GW1: ips("192.0.2.1"),
    GW2: ips("192.0.2.2"),
    A: ips("192.0.2.99"),
}


class Run:
    """A lookup carried through against a zone; names that it lacks do not exist."""

    def __init__(
        self,
        aim: Aim,
        zone: Zone | None = None,
        limits: LocateLimits | None = None,
        pick: Callable[[int], int] = lambda _: 0,
    ) -> None:
        self.zone = zone or {}
        self.asked: list[Question] = []
        self.hops: list[Hop] = []
        self.exhausted: list[Exhausted] = []
        self.open: list[Question] = []
        self.state, outputs = start(aim, DRAWS, limits)
        self.note(outputs)
        while self.open:
            self.answer(self.open[pick(len(self.open))])
            if isinstance(self.state, Ended):
                break

    def answer(self, question: Question) -> None:
        self.open.remove(question)
        answer = self.zone.get(question, NoName(60.0))
        self.state, outputs = step(self.state, Answered(question, answer))
        self.note(outputs)

    def note(self, outputs: Sequence[Output]) -> None:
        assert not self.exhausted or not outputs
        for output in outputs:
            match output:
                case Ask(question):
                    self.asked.append(question)
                    self.open.append(question)
                case Hops(hops):
                    assert hops
                    self.hops.extend(hops)
                case Exhausted():
                    self.exhausted.append(output)
        assert isinstance(self.state, Ended) == bool(self.exhausted)

    @property
    def places(self) -> list[str]:
        return [str(hop) for hop in self.hops]

    @property
    def reason(self) -> str:
        (exhausted,) = self.exhausted
        return exhausted.reason

    @property
    def text(self) -> str:
        return self.exhausted[0].text
