"""An answering machine: the answering half of a SIP phone, around a pure engine.

No proxy, no socket, no clock: ``Agent`` is all that a program needs around ``sansip.Engine`` to be
a user agent, ``AnsweringMachine`` what this one does, and ``scripted_caller.py`` calls it. Without
a policy the engine hands over every request; docs/agents.md tells what it does by itself and what
is left to the program.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import sansip
from sansip import Deliver, Request, Response, headers
from sansip.agenda import Agenda

METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS")
RINGING = 2.0  # seconds until it picks up
GREETING = 5.0  # seconds until it has said everything


@dataclass(frozen=True)
class Dialog:
    """What a request within a call is made of (RFC 3261 12)."""

    local: str  # our own address with our tag: From, when it is us who ask
    remote: str
    call_id: str
    target: str  # the other side's Contact
    routes: tuple[str, ...]

    @classmethod
    def answered(cls, invite: Request, sign: Request | Response) -> Self:
        """The dialog of a call that we have answered; the ACK or our 2xx has both tags (12.1.1)."""
        target = headers.CONTACT.of(invite)[0].uri_text
        local, remote = sign.get("to") or "", sign.get("from") or ""
        return cls(local, remote, invite.call_id or "", target, invite.values("record-route"))

    @classmethod
    def called(cls, ok: Response) -> Self:
        """The dialog of a call that we have made, by its 2xx (12.1.2)."""
        target = headers.CONTACT.of(ok)[0].uri_text
        local, remote = ok.get("from") or "", ok.get("to") or ""
        return cls(local, remote, ok.call_id or "", target, ok.values("record-route")[::-1])

    def request(self, method: str, number: int) -> Request:
        """A request within the call; the core adds Via and Max-Forwards."""
        rows = [("From", self.local), ("To", self.remote), ("Call-ID", self.call_id)]
        rows += [("CSeq", f"{number} {method}"), *(("Route", route) for route in self.routes)]
        return Request.make(method, self.target, rows)


class Agent(ABC):
    """A program around an engine: it tells it what happens, and does what it says."""

    def __init__(self, name: str, address: str, say: Callable[[str, str], None]) -> None:
        """``say`` is given our name, and what there is to say."""
        endpoint = sansip.Endpoint("udp", address)
        self.name, self.address, self._say = name, endpoint.bind, say
        self.contact = ("Contact", f"<sip:{name}@{endpoint.bind}>")
        self.now = 0.0
        self.outbox: list[sansip.Send] = []  # for whoever has a network
        self._endpoint = endpoint.name
        self._agenda = Agenda()
        self._alarms: dict[sansip.Timer, Callable[[], None]] = {}
        self._engine = sansip.Engine(sansip.Config([endpoint]))
        # A demonstration is the same each time. In earnest: secrets.token_bytes(32).
        self.state, _ = self._engine.start(seed=f"{name:16}".encode(), at=self.now)

    def tell(self, event: sansip.Event) -> None:
        """Tell the engine something, and do all that it says before anything else is told it."""
        self.state, actions = self._engine.step(self.state, event)
        delivered: list[Deliver] = []
        for action in actions:
            match action:
                case sansip.Send():
                    self.outbox.append(action)
                case sansip.StartTimer(timer, after):
                    self._agenda.start(timer, self.now + after)
                case sansip.StopTimer(timer):
                    self._agenda.stop(timer)
                case Deliver():
                    delivered.append(action)
                case _:
                    pass  # no DNS is asked for addresses, and nobody reads reports here
        for what in delivered:
            self.take(what)

    def receive(self, data: bytes, source: sansip.Address) -> None:
        """A datagram has come."""
        event = sansip.DatagramReceived(self.now, self._endpoint, source, self.address, data)
        self.tell(event)

    def next_due(self) -> float | None:
        """When something is to be done next."""
        return self._agenda.next_due()

    def wake(self) -> None:
        """Do what is due."""
        for timer in self._agenda.pop_due(self.now):
            alarm = self._alarms.pop(timer, None)
            if alarm is not None:
                alarm()
            else:
                self.tell(sansip.TimerFired(self.now, timer))

    def later(self, seconds: float, handle: str, alarm: Callable[[], None]) -> None:
        """Do something later; there is one such alarm for each handle."""
        timer = sansip.Timer(f"mine {handle}", "alarm", 0)
        self._alarms[timer] = alarm
        self._agenda.start(timer, self.now + seconds)

    def say(self, text: str) -> None:
        """Say what is going on."""
        self._say(self.name, text)

    def answer(self, handle: str, response: Response) -> None:
        """Answer a request that was delivered."""
        self.tell(sansip.ResponseSubmitted(self.now, handle, response))

    def ask(self, handle: str, request: Request) -> None:
        """Send a request of our own."""
        self.tell(sansip.RequestSubmitted(self.now, handle, request))

    @abstractmethod
    def take(self, what: Deliver) -> None:
        """Something was delivered."""


class AnsweringMachine(Agent):
    """It rings for a while, picks up, plays its greeting, and hangs up."""

    def __init__(self, name: str, address: str, say: Callable[[str, str], None]) -> None:
        super().__init__(name, address, say)
        self.invites: dict[str, Request] = {}  # by handle: calls that are not acknowledged
        self.dialogs: dict[str, Dialog] = {}  # by Call-ID: calls that are

    def take(self, what: Deliver) -> None:
        """Something was delivered."""
        match what:
            case Deliver(handle, "request", Request() as request):
                refused = sansip.refusal(request, methods=METHODS)
                if refused is not None:
                    self.answer(handle, refused)
                else:
                    self._serve(handle, request)
            case Deliver(handle, "ack" | "timeout", Request() | Response() as sign):
                invite = self.invites.pop(handle)
                call = self.dialogs[invite.call_id or ""] = Dialog.answered(invite, sign)
                if what.kind == "timeout":
                    self._hang_up(call)  # no ACK ever came: the session ends (13.3.1.4)
                else:
                    self.say("plays its greeting")
                    self.later(GREETING, handle, lambda: self._hang_up(call))
            case Deliver(handle, "cancel"):
                del self.invites[handle]
                self.say("stops ringing")
            case _:
                pass  # the answer to our BYE; the end

    def _serve(self, handle: str, request: Request) -> None:
        call_id = request.call_id or ""
        match request.method:
            case "INVITE" if not (request.to_tag or headers.CONTACT.of(request)):
                self.answer(handle, sansip.reply(request, 400, "Contact is missing"))
            case "INVITE" if request.to_tag is None:
                self.invites[handle] = request
                self.answer(handle, sansip.reply(request, 180, headers=[self.contact]))
                self.later(RINGING, handle, lambda: self._pick_up(handle))
            case "BYE" if call_id in self.dialogs:
                del self.dialogs[call_id]
                self.answer(handle, sansip.reply(request, 200))
            case "OPTIONS":
                allow = ("Allow", ", ".join(METHODS))
                self.answer(handle, sansip.reply(request, 200, headers=[allow, self.contact]))
            case _:  # a call that is not there, or a wish to change one that is
                self.answer(handle, sansip.reply(request, 488 if call_id in self.dialogs else 481))

    def _pick_up(self, handle: str) -> None:
        invite = self.invites.get(handle)
        if invite is not None:  # or else the caller has given up
            self.say("picks up")
            self.answer(handle, sansip.reply(invite, 200, headers=[self.contact]))

    def _hang_up(self, call: Dialog) -> None:
        if self.dialogs.pop(call.call_id, None) is not None:
            self.say("hangs up")
            self.ask(f"BYE {call.call_id}", call.request("BYE", 1))
