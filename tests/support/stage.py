"""A stage for the engine in virtual time: it performs the orders, the test brings the facts.

Time moves only when a test says so. Timers fire in their order; DNS questions are answered from a
table; what is sent is kept, and can be taken by address.
"""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import sansip
from sansip import dns
from sansip.agenda import Agenda
from sansip.message import reply
from sansip.table import Table

# For options that are handed on, and for the nonsense that some tests hand in.
Whatever: TypeAlias = Any

PROXY = sansip.Address("192.0.2.10", 5060)
CALLER = sansip.Address("198.51.100.1", 5060)
GW_1 = sansip.Address("203.0.113.1", 5060)
GW_2 = sansip.Address("203.0.113.2", 5060)
SEED = b"a seed for tests: 32 bytes long."
SDP = b"v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\n"

# The names of the question of 2007: NAPTR, SRV, two A records.
ZONE: dict[tuple[str, str], dns.Answer] = {
    ("gw.example.com", "NAPTR"): dns.Found(
        (dns.Naptr(10, 10, "s", "SIP+D2U", "", "_sip._udp.gw.example.com"),), 60.0
    ),
    ("_sip._udp.gw.example.com", "SRV"): dns.Found(
        (
            dns.Srv(10, 0, 5060, "gw-1.example.com"),
            dns.Srv(20, 0, 5060, "gw-2.example.com"),
        ),
        60.0,
    ),
    ("gw-1.example.com", "A"): dns.Found((dns.Ip(GW_1.host),), 60.0),
    ("gw-2.example.com", "A"): dns.Found((dns.Ip(GW_2.host),), 60.0),
}


class ToName(sansip.Policy):
    """Every call goes to where its Request-URI points."""

    def __init__(self, **options: Whatever) -> None:
        self.options = options

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(request.uri_text, **self.options)


class ToGroup(sansip.Policy):
    """Every call goes to the group of gateways."""

    def __init__(self, **options: Whatever) -> None:
        self.options = options

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(sansip.Dispatch("gateways"), **self.options)


class Decide(sansip.Policy):
    """Always the same decision, or what a function says; failure routes by name."""

    def __init__(self, decision: Whatever, **failure_routes: Whatever) -> None:
        self.decision = decision
        self.seen: list[tuple[sansip.Request, sansip.Scene]] = []
        for name, method in failure_routes.items():
            setattr(self, name, method)

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        self.seen.append((request, scene))
        decision = self.decision(request, scene) if callable(self.decision) else self.decision
        return cast("sansip.Decision", decision)  # some tests decide nonsense


def config(**options: Whatever) -> sansip.Config:
    """A proxy on one UDP endpoint, with two gateways in a group."""
    given: dict[str, Whatever] = {
        "endpoints": [sansip.Endpoint("udp", str(PROXY))],
        "groups": {"gateways": ["sip:gw-1.example.com:5060", "sip:gw-2.example.com:5060"]},
    }
    return sansip.Config(**(given | options))


def make_request(
    method: str = "INVITE",
    uri: str = "sip:bob@gw.example.com",
    *,
    branch: str = "z9hG4bKcaller",
    call_id: str = "call-1",
    cseq: int = 1,
    to_tag: str = "",
    source: sansip.Address = CALLER,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> sansip.Request:
    """A request as a caller would send it."""
    to = f"<{uri}>{';tag=' + to_tag if to_tag else ''}"
    return sansip.Request.make(
        method,
        uri,
        [
            ("Via", f"SIP/2.0/UDP {source};branch={branch}"),
            ("Max-Forwards", "70"),
            ("From", "<sip:alice@example.org>;tag=alice"),
            ("To", to),
            ("Call-ID", call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", f"<sip:alice@{source}>"),
            *headers,
        ],
        body,
    )


def on_stage(policy: sansip.Policy | None = None, **options: Whatever) -> "Stage":
    """A stage with this policy, or else one that goes to where the Request-URI points."""
    return Stage(sansip.Engine(config(**options), ToName() if policy is None else policy))


@dataclass
class Stage:
    """An engine, its state, and a world around it."""

    engine: sansip.Engine
    zone: dict[tuple[str, str], dns.Answer] = field(default_factory=lambda: dict(ZONE))
    answer_dns: bool = True
    now: float = 1000.0
    state: sansip.State = field(init=False)
    begun: tuple[sansip.Action, ...] = field(init=False)  # what the engine ordered at its start
    sent: list[tuple[sansip.Address, sansip.Request | sansip.Response]] = field(
        default_factory=list[tuple[sansip.Address, sansip.Request | sansip.Response]]
    )
    sends: list[sansip.Send] = field(default_factory=list[sansip.Send])
    questions: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    open_questions: list[sansip.QueryDns] = field(default_factory=list[sansip.QueryDns])
    reports: list[sansip.Report] = field(default_factory=list[sansip.Report])
    consults: list[sansip.Consult] = field(default_factory=list[sansip.Consult])
    delivered: list[sansip.Deliver] = field(default_factory=list[sansip.Deliver])
    events: list[sansip.Event] = field(default_factory=list[sansip.Event])
    actions: list[tuple[sansip.Action, ...]] = field(
        default_factory=list[tuple[sansip.Action, ...]]
    )
    fired: list[sansip.Timer] = field(default_factory=list[sansip.Timer])
    agenda: Agenda = field(default_factory=Agenda)
    on_step: Callable[["Stage"], None] | None = None

    def __post_init__(self) -> None:
        self.state, self.begun = self.engine.start(SEED, self.now)
        self.perform(self.begun)

    # --- facts

    def step(self, event: sansip.Event) -> tuple[sansip.Action, ...]:
        """Give the engine an event, and perform what it orders."""
        self.events.append(event)
        self.state, actions = self.engine.step(self.state, event)
        self.actions.append(actions)
        self.perform(actions)
        if self.on_step is not None:
            self.on_step(self)
        return actions

    def receive(
        self, data: bytes | sansip.Request | sansip.Response, source: sansip.Address = CALLER
    ) -> tuple[sansip.Action, ...]:
        """A datagram comes."""
        octets = data if isinstance(data, bytes) else data.render()
        endpoint = self.engine.config.endpoints[0].name
        return self.step(sansip.DatagramReceived(self.now, endpoint, source, PROXY, octets))

    def icmp(self, remote: sansip.Address, quoted: bytes, reason: str = "port unreachable") -> None:
        """The network says that something could not be delivered."""
        endpoint = self.engine.config.endpoints[0].name
        self.step(sansip.SendFailed(self.now, endpoint, remote, reason, None, quoted))

    def refuse(self, send: sansip.Send, reason: str = "network is unreachable") -> None:
        """The operating system says so at once."""
        told = sansip.SendFailed(self.now, send.endpoint, send.remote, reason, send.id, send.data)
        self.step(told)

    def respond(
        self,
        status: int,
        gateway: sansip.Address,
        *,
        nth: int = -1,
        tag: str = "gw",
        headers: tuple[tuple[str, str], ...] = (),
        method: str = "INVITE",
    ) -> None:
        """A gateway answers the newest (or nth) request of that method it has got."""
        request = self.at(gateway, method)[nth]
        contact = (("Contact", f"<sip:bob@{gateway}>"),)
        made = reply(request, status, to_tag=tag, headers=contact + headers)
        self.receive(made, gateway)

    def advance(self, seconds: float) -> None:
        """Let time pass; what is due happens on the link."""
        until = self.now + seconds
        while (due := self.agenda.next_due()) is not None and due <= until:
            self.now = max(self.now, due)
            for timer in self.agenda.pop_due(self.now):
                self.fired.append(timer)
                self.step(sansip.TimerFired(self.now, timer))
        self.now = until

    # --- orders

    def perform(  # noqa: C901 - an arm for each order
        self, actions: tuple[sansip.Action, ...]
    ) -> None:
        """Do what the engine wants."""
        queries: list[sansip.QueryDns] = []
        for action in actions:
            match action:
                case sansip.Send():
                    self.sends.append(action)
                    if action.data.strip(b"\r\n"):
                        self.sent.append((action.remote, _read(action.data)))
                case sansip.OpenFlow() | sansip.CloseFlow():
                    pass  # the tests of flows look at the actions themselves
                case sansip.StartTimer(timer, after):
                    self.agenda.start(timer, self.now + after)
                case sansip.StopTimer(timer):
                    self.agenda.stop(timer)
                case sansip.QueryDns():
                    self.questions.append((action.name, action.type))
                    queries.append(action)
                case sansip.StopDns(number):
                    self.open_questions = [q for q in self.open_questions if q.query != number]
                case sansip.Consult():
                    self.consults.append(action)
                case sansip.Deliver():
                    self.delivered.append(action)
                case sansip.Report():
                    self.reports.append(action)
        self.open_questions += queries
        if self.answer_dns:
            self.answer_all()

    def answer_all(self) -> None:
        """Answer the open questions from the zone."""
        while self.open_questions:
            query = self.open_questions.pop(0)
            answer = self.zone.get((query.name, query.type), dns.NoName(30.0))
            self.step(sansip.DnsAnswered(self.now, query.query, answer))

    # --- what came of it

    def at(self, remote: sansip.Address, method: str) -> list[sansip.Request]:
        """The requests of this method that an address has got."""
        return [
            message
            for to, message in self.sent
            if to == remote and isinstance(message, sansip.Request) and message.method == method
        ]

    def responses(
        self, remote: sansip.Address = CALLER, method: str = "INVITE"
    ) -> list[sansip.Response]:
        """The responses to this method that an address has got."""
        return [
            message
            for to, message in self.sent
            if to == remote
            and isinstance(message, sansip.Response)
            and message.cseq.method == method
        ]

    def statuses(self, remote: sansip.Address = CALLER, method: str = "INVITE") -> list[int]:
        """Their status codes."""
        return [response.status for response in self.responses(remote, method)]

    def topics(self) -> list[str]:
        """What has been reported about."""
        return [report.topic for report in self.reports]

    def is_empty(self) -> bool:
        """Whether the engine has forgotten everything but DNS answers."""
        return not in_use(self.state)


def tables(state: sansip.State) -> dict[str, Table[object, object]]:
    """All tables of a state, by their names, whatever tables there are."""
    named = {each.name: getattr(state, each.name) for each in dataclasses.fields(state)}
    named |= {"calls": state.fleet.calls, "loads": state.fleet.loads}
    return {name: thing for name, thing in named.items() if isinstance(thing, Table)}


def in_use(state: sansip.State) -> dict[str, int]:
    """What a state holds that is to be empty when all is over, and how much."""
    sizes = {name: len(table) for name, table in tables(state).items()}
    counted = {"in_flight": state.in_flight, "bytes_in_flight": state.bytes_in_flight}
    return {name: size for name, size in (sizes | counted).items() if size}


def _read(data: bytes) -> sansip.Request | sansip.Response:
    try:
        return sansip.parse(data)
    except sansip.RemoteProtocolError as error:
        if isinstance(error.message, sansip.Response):
            return error.message  # the answer to something that could not be read either
        raise
