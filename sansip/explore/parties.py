"""Who is around the engine: callers and gateways, as pure machines of few states.

They are no engines, so that a fault of the core cannot hide on both sides. What a party may do of
its own accord is an act, and the exploration tries each at any time; what it has to do, such as
saying again what nobody has answered, it does when it is due.
"""

from math import inf
from typing import Final

from sansip.address import Address
from sansip.message import Request, Response, Via, ack, cancel, parse_name_addr, reply
from sansip.simulate.network import read
from sansip.simulate.party import DEFAULT_PORT, at
from sansip.timing import Timing
from sansip.value import value

CALLS: Final = "calls"
CANCELS: Final = "cancels"
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


@value
class Calling:
    """A caller: how far its call is."""

    stage: str = "before"  # then "calling", "proceeding", "over"
    cancelled: bool = False
    said: tuple[Saying, ...] = ()


@value
class Invited:
    """An INVITE that came to a gateway."""

    branch: str
    invite: Datagram
    stage: str  # "silent", "trying", "ringing", "answered", "over"
    last: bytes = b""


@value
class Serving:
    """A gateway: its calls, and what it says again."""

    calls: tuple[Invited, ...] = ()
    said: tuple[Saying, ...] = ()
    gone: bool = False


Was = Calling | Serving
Done = tuple[Was, tuple[Datagram, ...]]


def due(state: Was) -> float:
    """In how many seconds a party has something to say again."""
    return min([saying.due for saying in state.said], default=inf)


def later(said: tuple[Saying, ...], seconds: float) -> tuple[Saying, ...]:
    """What is said, so much later."""
    return tuple(
        [
            Saying(s.about, s.sent, s.due - seconds, s.interval, s.longest, s.rest - seconds)
            for s in said
        ]
    )


def again(said: tuple[Saying, ...]) -> tuple[tuple[Saying, ...], tuple[Datagram, ...]]:
    """Say the first that is due once more, or give it up."""
    first = next(saying for saying in said if saying.due <= 0)
    others = tuple([saying for saying in said if saying is not first])
    if first.rest <= 0:
        return others, ()
    interval = min(2 * first.interval, first.longest)
    pause = min(interval, first.rest)
    next_time = Saying(first.about, first.sent, pause, interval, first.longest, first.rest)
    return (*others, next_time), (first.sent,)


def without(said: tuple[Saying, ...], about: str) -> tuple[Saying, ...]:
    """It has been answered."""
    return tuple([saying for saying in said if saying.about != about])


def saying(
    about: str, sent: Datagram, timing: Timing, longest: float = inf
) -> tuple[Saying, ...]:
    """Begin to say something."""
    return (Saying(about, sent, timing.t1, timing.t1, longest, timing.timeout),)


class Caller:
    """Calls once; may cancel once; acknowledges every final response (13.2.2.4, 17.1.1.3)."""

    def __init__(  # noqa: PLR0913 - what a call is
        self,
        number: int,
        place: Address,
        uri: str,
        proxy: Address,
        timing: Timing,
        headers: tuple[tuple[str, str], ...],
        *,
        may_cancel: bool,
    ) -> None:
        """``number`` tells its call from others'."""
        self.address = place
        self.name = f"caller {number}"
        self._number = number
        self._proxy = proxy
        self._timing = timing
        self._may_cancel = may_cancel
        rows = [
            ("From", f"<sip:caller-{number}@{place}>;tag=from{number}"),
            ("To", f"<{uri}>"),
            ("Call-ID", f"call-{number}@{place.host}"),
            ("CSeq", "1 INVITE"),
            ("Contact", f"<sip:{place}>"),
            *headers,
        ]
        self.invite = self._make("INVITE", uri, f"invite{number}", rows)

    def begin(self) -> Was:
        """How it is at first."""
        return Calling()

    def acts(self, state: Was) -> tuple[str, ...]:
        """What it may do now."""
        if isinstance(state, Calling):
            if state.stage == "before":
                return (CALLS,)
            if state.stage == "proceeding" and self._may_cancel and not state.cancelled:
                return (CANCELS,)  # not before something has come (9.1)
        return ()

    def act(self, state: Was, act: str) -> Done:
        """Do it."""
        if act == CALLS:
            sent = self._to(self.invite, self._proxy)
            return Calling("calling", said=saying("INVITE", sent, self._timing)), (sent,)
        sent = self._to(cancel(self.invite), self._proxy)
        said = (*state.said, *saying("CANCEL", sent, self._timing, self._timing.t2))
        return Calling("proceeding", cancelled=True, said=said), (sent,)

    def takes(self, state: Was, packet: Datagram, fault: str = "") -> Done:  # noqa: ARG002
        """A packet has come."""
        message = read(packet.data)
        if not isinstance(message, Response) or not isinstance(state, Calling):
            return state, ()
        method, status = message.cseq.method, message.status
        if method == "CANCEL":
            return Calling(state.stage, state.cancelled, without(state.said, "CANCEL")), ()
        said = without(state.said, "INVITE")
        if status < 200:
            stage = "proceeding" if state.stage == "calling" else state.stage
            return Calling(stage, state.cancelled, said), ()
        return Calling("over", cancelled=True, said=said), (self._ack(message),)

    def fires(self, state: Was) -> Done:
        """Something is to be said again."""
        said, sent = again(state.said)
        return self._with(state, said), sent

    def later(self, state: Was, seconds: float) -> Was:
        """So much time has gone by."""
        return self._with(state, later(state.said, seconds))

    def _with(self, state: Was, said: tuple[Saying, ...]) -> Was:
        if isinstance(state, Calling):
            return Calling(state.stage, state.cancelled, said)
        return state

    def _ack(self, response: Response) -> Datagram:
        if response.status >= 300:
            return self._to(ack(self.invite, response), self._proxy)
        # Within the dialog, along its route set (12.2.1.1).
        routes = tuple(reversed(response.values("record-route")))
        contact = response.get("contact") or f"<{self.invite.uri_text}>"
        rows = [("Route", route) for route in routes]
        for name in ("From", "To", "Call-ID"):
            whose = response if name == "To" else self.invite
            rows.append((name, whose.get(name.lower()) or ""))
        rows.append(("CSeq", "1 ACK"))
        target = parse_name_addr(contact).uri_text
        made = self._make("ACK", target, f"ack{self._number}{response.to_tag}", rows)
        return self._to(made, _place(routes[0] if routes else contact) or self._proxy)

    def _make(self, method: str, uri: str, branch: str, rows: list[tuple[str, str]]) -> Request:
        via = Via("UDP", self.address.host, self.address.port, f"z9hG4bK{branch}")
        return Request.make(method, uri, [("Via", str(via)), ("Max-Forwards", "70"), *rows])

    def _to(self, request: Request, to: Address) -> Datagram:
        return Datagram(self.address, to, request.render())


class Gateway:
    """Takes an INVITE with 100; then it may give each of its responses at any time."""

    def __init__(self, place: Address, answers: tuple[int, ...], timing: Timing) -> None:
        """``answers`` are the statuses that it may give."""
        self.address = place
        self.name = f"gateway {place}"
        self._answers = answers
        self._timing = timing

    def begin(self) -> Was:
        """How it is at first."""
        return Serving()

    def acts(self, state: Was) -> tuple[str, ...]:
        """What it may do now: answer the how-manieth call with what."""
        if not isinstance(state, Serving):
            return ()
        return tuple(
            [
                f"{number} {status}"
                for number, call in enumerate(state.calls)
                if call.stage in ("silent", "trying", "ringing")
                for status in self._answers
                if status >= 200 or call.stage != "ringing"
            ]
        )

    def faults(self, state: Was, packet: Datagram) -> tuple[str, ...]:
        """What may go wrong with it as this comes."""
        if not isinstance(state, Serving) or state.gone:
            return ()
        message = read(packet.data)
        if isinstance(message, Request) and message.method == "INVITE":
            branch = message.via.branch
            if all(call.branch != branch for call in state.calls):
                return ("refused", UNAVAILABLE, SILENT)
        return ("refused",)

    def act(self, state: Was, act: str) -> Done:
        """Do it."""
        number, status = map(int, act.split())
        return self._answer(state, number, status)

    def takes(self, state: Was, packet: Datagram, fault: str = "") -> Done:
        """A packet has come; or what may go wrong with it has gone wrong."""
        message = read(packet.data)
        if not isinstance(message, Request) or not isinstance(state, Serving):
            return state, ()
        number = self._find(state, message.via.branch or "")
        match message.method:
            case "INVITE" if number is None:
                return self._invited(state, message, packet, fault)
            case "INVITE":
                call = state.calls[number or 0]
                return state, (self._back(call, call.last),) if call.last else ()
            case "ACK":
                return self._acknowledged(state, message), ()
            case "CANCEL":
                return self._cancelled(state, message, packet, number)
            case _:
                made = reply(message, 200, to_tag=self._tag(0))
                return state, (Datagram(self.address, packet.source, made.render()),)

    def fires(self, state: Was) -> Done:
        """Something is to be said again."""
        said, sent = again(state.said)
        return self._with(state, said), sent

    def later(self, state: Was, seconds: float) -> Was:
        """So much time has gone by."""
        return self._with(state, later(state.said, seconds))

    def _with(self, state: Was, said: tuple[Saying, ...]) -> Was:
        if isinstance(state, Serving):
            return Serving(state.calls, said, state.gone)
        return state

    # --- what it does

    def _invited(self, state: Serving, invite: Request, packet: Datagram, fault: str) -> Done:
        number = len(state.calls)
        stage = "silent" if fault == SILENT else "trying"
        call = Invited(invite.via.branch or "", packet, stage)
        state = Serving((*state.calls, call), state.said)
        if fault == SILENT:
            return state, ()
        return self._answer(state, number, 503 if fault == UNAVAILABLE else 100)

    def _answer(self, state: Was, number: int, status: int) -> Done:
        if not isinstance(state, Serving):
            return state, ()
        call = state.calls[number]
        request = read(call.invite.data)
        if not isinstance(request, Request):
            return state, ()
        contact = [("Contact", f"<sip:{self.address}>")] if 100 < status < 300 else []
        made = reply(request, status, to_tag=self._tag(number), headers=contact)
        data, said = made.render(), state.said
        sent = self._back(call, data)
        stage = "trying" if status == 100 else "ringing"
        if status >= 200:
            stage = "answered"
            about = f"{made.call_id} {made.to_tag}"
            said = (*said, *saying(about, sent, self._timing, self._timing.t2))
        call = Invited(call.branch, call.invite, stage, data)
        calls = (*state.calls[:number], call, *state.calls[number + 1 :])
        return Serving(calls, said), (sent,)

    def _cancelled(
        self, state: Serving, request: Request, packet: Datagram, number: int | None
    ) -> Done:
        call = None if number is None else state.calls[number]
        if call is not None and call.stage == "silent":
            return state, ()
        status = 481 if call is None else 200
        made = reply(request, status, to_tag=self._tag(number or 0))
        said = Datagram(self.address, packet.source, made.render())
        if number is None or call is None or call.stage not in ("trying", "ringing"):
            return state, (said,)
        after, sent = self._answer(state, number, 487)
        return after, (said, *sent)

    def _acknowledged(self, state: Serving, request: Request) -> Serving:
        return Serving(state.calls, without(state.said, f"{request.call_id} {request.to_tag}"))

    def _find(self, state: Serving, branch: str) -> int | None:
        for number, call in enumerate(state.calls):
            if call.branch == branch:
                return number
        return None

    def _tag(self, number: int) -> str:
        return f"{self.address.host.replace(':', '-')}-{self.address.port}-{number}"

    def _back(self, call: Invited, data: bytes) -> Datagram:
        return Datagram(self.address, call.invite.source, data)


def _place(text: str) -> Address | None:
    """The address in a Contact or a Route, if it is one."""
    uri = parse_name_addr(text).uri
    is_number = ":" in uri.host or uri.host.replace(".", "").isdecimal()
    return Address(uri.host, uri.port or DEFAULT_PORT) if is_number else None


__all__ = ["Caller", "Datagram", "Gateway", "Was", "at", "due"]
