"""Who is around the engine: callers and gateways, as pure machines of few states.

They are no engines, so that a fault of the core cannot hide on both sides. What a party may do of
its own accord is an act, and the exploration tries each at any time; what it has to do, such as
saying again what nobody has answered, it does when it is due.
"""

from math import inf
from typing import Final, Protocol, Self

from sansip.address import Address
from sansip.explore.scenario import Call
from sansip.message import Request, Response, Via, ack, cancel, parse_name_addr, reply
from sansip.simulate.network import read
from sansip.simulate.party import DEFAULT_PORT
from sansip.timing import Timing
from sansip.value import value

CALLS: Final = "calls"
CANCELS: Final = "cancels"
REFUSED: Final = "refused"
SILENT: Final = "silent"
UNAVAILABLE: Final = "unavailable"


@value
class Datagram:
    """A packet."""

    source: Address
    to: Address
    data: bytes


@value
class Saying:
    """What is said again until it is answered; times are seconds from now."""

    about: str
    sent: Datagram
    due: float
    interval: float
    longest: float
    rest: float  # until it is given up


Sayings = tuple[Saying, ...]


class Party(Protocol):
    """Somebody with an address: a value, of which every step makes another one."""

    @property
    def address(self) -> Address:
        """Where it is."""
        ...

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def said(self) -> Sayings:
        """What it says again."""
        ...

    @property
    def gone(self) -> bool:
        """Whether nobody is there any more."""
        ...

    def acts(self) -> tuple[str, ...]:
        """What it may do now of its own accord."""
        ...

    def act(self, act: str) -> "Done":
        """Do it."""
        ...

    def faults(self, packet: Datagram) -> tuple[str, ...]:
        """What may go wrong with it as this comes."""
        ...

    def takes(self, packet: Datagram, fault: str = "") -> "Done":
        """A packet has come; or what may go wrong with it has gone wrong."""
        ...

    def saying(self, said: Sayings) -> Self:
        """Make it say this again, and nothing else."""
        ...


Done = tuple[Party, tuple[Datagram, ...]]


def due(party: Party) -> float:
    """In how many seconds a party has something to say again."""
    return min([saying.due for saying in party.said], default=inf)


def later(party: Party, seconds: float) -> Party:
    """The same, so much later, if nothing happens."""
    if not party.said:
        return party
    return party.saying(
        tuple(
            [
                Saying(s.about, s.sent, s.due - seconds, s.interval, s.longest, s.rest - seconds)
                for s in party.said
            ]
        )
    )


def again(party: Party) -> Done:
    """Say the first thing that is due once more, or give it up."""
    first = next(saying for saying in party.said if saying.due <= 0)
    others = tuple([saying for saying in party.said if saying is not first])
    if first.rest <= 0:
        return party.saying(others), ()
    interval = min(2 * first.interval, first.longest)
    pause = min(interval, first.rest)
    next_time = Saying(first.about, first.sent, pause, interval, first.longest, first.rest)
    return party.saying((*others, next_time)), (first.sent,)


def begun(about: str, sent: Datagram, timing: Timing, longest: float = inf) -> Saying:
    """Begin to say something."""
    return Saying(about, sent, timing.t1, timing.t1, longest, timing.timeout)


def _without(said: Sayings, about: str) -> Sayings:
    return tuple([saying for saying in said if saying.about != about])


# --- who calls


@value(eq=False)
class Script:
    """What stays the same about a caller: the how-manieth it is, its INVITE, and who gets that."""

    number: int
    address: Address
    invite: Request
    proxy: Address
    timing: Timing
    may_cancel: bool

    def send(self, request: Request, to: Address | None = None) -> Datagram:
        """A request on its way; to the proxy, if its route does not say otherwise."""
        return Datagram(self.address, to or self.proxy, request.render())


@value
class Caller:
    """Calls once; may cancel once; acknowledges every final response (13.2.2.4, 17.1.1.3)."""

    script: Script
    stage: str = "before"  # then "calling", "proceeding", "over"
    cancelled: bool = False
    said: Sayings = ()

    @property
    def address(self) -> Address:
        """Where it is."""
        return self.script.address

    @property
    def name(self) -> str:
        """What people call it."""
        return f"caller {self.script.number}"

    @property
    def gone(self) -> bool:
        """It is always there."""
        return False

    def acts(self) -> tuple[str, ...]:
        """Call; and give up, but not before something has come (9.1)."""
        if self.stage == "before":
            return (CALLS,)
        may = self.script.may_cancel and not self.cancelled
        return (CANCELS,) if may and self.stage == "proceeding" else ()

    def act(self, act: str) -> Done:
        """Do it."""
        script = self.script
        if act == CALLS:
            sent = script.send(script.invite)
            return Caller(script, "calling", said=(begun("INVITE", sent, script.timing),)), (sent,)
        sent = script.send(cancel(script.invite))
        said = begun("CANCEL", sent, script.timing, script.timing.t2)
        return Caller(script, self.stage, cancelled=True, said=(*self.said, said)), (sent,)

    def faults(self, packet: Datagram) -> tuple[str, ...]:  # noqa: ARG002
        """Nothing goes wrong with callers: they are not what an engine fails over from."""
        return ()

    def takes(self, packet: Datagram, fault: str = "") -> Done:  # noqa: ARG002
        """A packet has come: a response, else it does not matter."""
        message = read(packet.data)
        if not isinstance(message, Response):
            return self, ()
        if message.cseq.method == "CANCEL":
            return self.saying(_without(self.said, "CANCEL")), ()
        said = _without(self.said, "INVITE")
        if message.status >= 200:
            return Caller(self.script, "over", cancelled=True, said=said), (self._ack(message),)
        stage = "proceeding" if self.stage == "calling" else self.stage
        return Caller(self.script, stage, self.cancelled, said), ()

    def saying(self, said: Sayings) -> Self:
        """Make it say this again, and nothing else."""
        return type(self)(self.script, self.stage, self.cancelled, said)

    def _ack(self, response: Response) -> Datagram:
        script = self.script
        invite = script.invite
        if response.status >= 300:
            return script.send(ack(invite, response))
        # Within the dialog, along its route set (12.2.1.1).
        routes = tuple(reversed(response.values("record-route")))
        contact = response.get("contact") or ""
        rows = [("Route", route) for route in routes]
        rows += [(name, invite.get(name.lower()) or "") for name in ("From", "Call-ID")]
        rows += [("To", response.get("to") or ""), ("CSeq", "1 ACK")]
        target = parse_name_addr(contact).uri_text
        branch = f"ack{script.number}{response.to_tag}"
        made = _request(script.address, "ACK", target, branch, rows)
        return script.send(made, _place(routes[0] if routes else contact))


def caller(number: int, call: Call, place: Address, proxy: Address, timing: Timing) -> Caller:
    """Somebody who may call; ``number`` tells the call from others."""
    rows = [
        ("From", f"<sip:caller-{number}@{place}>;tag=from{number}"),
        ("To", f"<{call.uri}>"),
        ("Call-ID", f"call-{number}@{place.host}"),
        ("CSeq", "1 INVITE"),
        ("Contact", f"<sip:{place}>"),
        *call.headers,
    ]
    invite = _request(place, "INVITE", call.uri, f"invite{number}", rows)
    return Caller(Script(number, place, invite, proxy, timing, call.cancel))


def _request(
    place: Address, method: str, uri: str, branch: str, rows: list[tuple[str, str]]
) -> Request:
    via = Via("UDP", place.host, place.port, f"z9hG4bK{branch}")
    return Request.make(method, uri, [("Via", str(via)), ("Max-Forwards", "70"), *rows])


# --- who is called


@value
class Invited:
    """An INVITE that came, and how far its answer is."""

    request: Request
    source: Address
    stage: str  # "silent", "trying", "ringing", "answered"
    last: bytes = b""  # the response sent last


@value
class Gateway:
    """Takes an INVITE with 100; then it may give each of its answers at any time."""

    address: Address
    answers: tuple[int, ...]
    timing: Timing
    calls: tuple[Invited, ...] = ()
    said: Sayings = ()
    gone: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return f"gateway {self.address}"

    def acts(self) -> tuple[str, ...]:
        """Answer a call, by its number, with a status."""
        return tuple(
            [
                f"{number} {status}"
                for number, call in enumerate(self.calls)
                if call.stage != "answered"
                for status in self.answers
                if status >= 200 or call.stage != "ringing"
            ]
        )

    def act(self, act: str) -> Done:
        """Do it."""
        number, status = map(int, act.split())
        return self._answer(number, status)

    def faults(self, packet: Datagram) -> tuple[str, ...]:
        """It may be gone; or be silent about a new INVITE, or have no room for it."""
        message = read(packet.data)
        new = isinstance(message, Request) and self._find(message) is None
        if new and isinstance(message, Request) and message.method == "INVITE":
            return REFUSED, UNAVAILABLE, SILENT
        return (REFUSED,)

    def takes(self, packet: Datagram, fault: str = "") -> Done:
        """A packet has come: a request, else it does not matter."""
        if fault == REFUSED:
            return Gateway(self.address, self.answers, self.timing, gone=True), ()
        message = read(packet.data)
        if not isinstance(message, Request):
            return self, ()
        number = self._find(message)
        match message.method:
            case "INVITE" if number is None:
                stage = "silent" if fault == SILENT else "trying"
                call = Invited(message, packet.source, stage)
                taken = self._with((*self.calls, call), self.said)
                if fault == SILENT:
                    return taken, ()
                return taken._answer(len(self.calls), 503 if fault == UNAVAILABLE else 100)  # noqa: SLF001
            case "INVITE":
                call = self.calls[number or 0]
                return self, (self._back(call, call.last),) if call.last else ()
            case "ACK":
                return self.saying(_without(self.said, _final(message))), ()
            case "CANCEL":
                return self._cancelled(message, packet.source, number)
            case _:
                made = reply(message, 200, to_tag=self._tag(0))
                return self, (Datagram(self.address, packet.source, made.render()),)

    def saying(self, said: Sayings) -> Self:
        """Make it say this again, and nothing else."""
        return self._with(self.calls, said)

    def _with(self, calls: tuple[Invited, ...], said: Sayings) -> Self:
        return type(self)(self.address, self.answers, self.timing, calls, said)

    def _answer(self, number: int, status: int) -> Done:
        call, said = self.calls[number], self.said
        contact = [("Contact", f"<sip:{self.address}>")] if 100 < status < 300 else []
        made = reply(call.request, status, to_tag=self._tag(number), headers=contact)
        data = made.render()
        sent = self._back(call, data)
        stage = "trying" if status == 100 else "ringing"
        if status >= 200:
            stage = "answered"
            said = (*said, begun(_final(made), sent, self.timing, self.timing.t2))
        call = Invited(call.request, call.source, stage, data)
        return self._with((*self.calls[:number], call, *self.calls[number + 1 :]), said), (sent,)

    def _cancelled(self, request: Request, source: Address, number: int | None) -> Done:
        stage = "" if number is None else self.calls[number].stage
        if stage == "silent":
            return self, ()
        made = reply(request, 200 if stage else 481, to_tag=self._tag(number or 0))
        said = Datagram(self.address, source, made.render())
        if stage in ("", "answered"):
            return self, (said,)
        after, sent = self._answer(number or 0, 487)
        return after, (said, *sent)

    def _find(self, request: Request) -> int | None:
        """The number of the call that a request is about."""
        branch = request.via.branch
        for number, call in enumerate(self.calls):
            if call.request.via.branch == branch:
                return number
        return None

    def _tag(self, number: int) -> str:
        return f"{self.address.host.replace(':', '-')}-{self.address.port}-{number}"

    def _back(self, call: Invited, data: bytes) -> Datagram:
        return Datagram(self.address, call.source, data)


def _final(message: Request | Response) -> str:
    """What a final response and its ACK have in common."""
    return f"{message.call_id} {message.to_tag}"


def _place(text: str) -> Address | None:
    """The address in a Contact or a Route, if it is one."""
    uri = parse_name_addr(text).uri
    is_number = ":" in uri.host or uri.host.replace(".", "").isdecimal()
    return Address(uri.host, uri.port or DEFAULT_PORT) if is_number else None
