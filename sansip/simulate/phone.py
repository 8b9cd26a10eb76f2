"""A phone: a scripted party that calls, and may be called like a gateway (RFC 3261 8.1, 13.2)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from sansip.address import Address
from sansip.entropy import token
from sansip.message import Request, Response, Via, ack, cancel, parse_name_addr
from sansip.message.rows import row
from sansip.simulate.gateway import Gateway, Script
from sansip.simulate.network import Network, Node
from sansip.simulate.party import DEFAULT_PORT
from sansip.value import value

_CALL: Final = "call"
_HANG_UP: Final = "hang up"
_GIVE_UP: Final = "give up"
_ABANDON: Final = "abandon"


@value
class Dialog:
    """What a 2xx has begun (RFC 3261 12.1.2): where its requests go, and what they have in them."""

    tag: str
    target: str
    to: Address
    lines: tuple[str, ...]


@dataclass(repr=False)
class Call:
    """A call that a phone makes, and what has come of it so far."""

    call_id: str
    uri: str
    talk: float
    give_up: float | None
    invite: Request
    begun: float = 0.0
    status: int = 0  # of the final response; 408 if none came; 0: not yet
    reason: str = ""
    provisional: list[int] = field(default_factory=list[int])
    set_up: float = 0.0  # seconds until the final response
    answered_by: Address | None = None  # the Contact of who took it
    ended: int = 0  # the status of the answer to BYE; 408 if none came
    cancelled: bool = False
    dialogs: dict[str, Dialog] = field(default_factory=dict[str, Dialog])  # by their tags

    def __repr__(self) -> str:
        """The call, and how it has ended, in a line."""
        return f"<Call to {self.uri}: {f'{self.status} {self.reason}' if self.status else '...'}>"


class Phone(Gateway):
    """It calls; what it asks goes to ``proxy`` first, what belongs to a dialog along its route."""

    def __init__(
        self,
        network: Network,
        address: str | Address,
        proxy: Node,
        answers: Script,
        name: str = "",
        transport: str = "udp",
    ) -> None:
        """``proxy`` is where its calls go, ``answers`` what it does when it is called itself."""
        super().__init__(network, address, answers, name, transport)
        self.proxy = proxy
        self._first = proxy.place(transport)
        self.calls: dict[str, Call] = {}

    def call(
        self,
        uri: str,
        *,
        after: float = 0.0,
        talk: float = 1.0,
        give_up: float | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
    ) -> Call:
        """Call ``uri`` in ``after`` seconds; hang up when ``talk`` seconds have been talked.

        After ``give_up`` seconds without a final response it is cancelled.
        """
        number = len(self.calls) + 1
        call_id = f"{number}@{self.name}"
        tag = token(self.network.seed, self.name, "from tag", number)
        lines = [
            f"From: <sip:{self.address}>;tag={tag}",
            f"To: <{uri}>",
            f"Call-ID: {call_id}",
            f"Contact: {self.contact}",
        ]
        lines += [row(name, content) for name, content in headers]
        invite = self._make("INVITE", uri, str(number), lines, 1, body)
        made = self.calls[call_id] = Call(call_id, uri, talk, give_up, invite)
        self.wake(after, _CALL, call_id)
        return made

    # --- what happens

    def woken(self, what: str, about: str, number: int) -> None:
        """It is time to do something."""
        call = self.calls.get(about)
        if call is None:
            super().woken(what, about, number)
            return
        match what:
            case "call":
                call.begun = self.now
                self.repeat(_key("INVITE", about), call.invite, self._first)
                if call.give_up is not None:
                    self.wake(call.give_up, _GIVE_UP, about)
            case "hang up":
                self._within(call, next(iter(call.dialogs.values())), "BYE", 2)
            case "give up":
                call.cancelled = not call.status
                if call.cancelled and call.provisional:
                    self._cancel(call)
            case _:
                self._concluded(call, 487, "gave up")

    def answered(self, response: Response) -> None:
        """A response has come."""
        call = self.calls.get(response.call_id or "")
        if call is None:
            return
        method, status = response.cseq.method, response.status
        if status >= 200 or method == "INVITE":
            tag = response.to_tag or "" if method == "BYE" else ""
            self.stop(_key(method, call.call_id, tag))
            if method == "BYE":
                call.ended = call.ended or status
        if method == "INVITE":
            if status < 200:
                self._progress(call, status)
            elif status < 300:
                self._taken(call, response)
            else:
                self.say(ack(call.invite, response), self._first)
                self._concluded(call, status, response.reason)

    def unanswered(self, key: str) -> None:
        """Nobody has answered (RFC 3261 8.1.3.1)."""
        method, call_id, *_ = key.split(" ")
        call = self.calls.get(call_id)
        if call is not None and method == "INVITE":
            self._concluded(call, 408, "nobody answered")
        elif call is not None and method == "BYE":
            call.ended = call.ended or 408

    # --- what it does

    def _progress(self, call: Call, status: int) -> None:
        call.provisional.append(status)
        if call.cancelled and len(call.provisional) == 1:
            self._cancel(call)

    def _cancel(self, call: Call) -> None:
        key = _key("CANCEL", call.call_id)
        self.repeat(key, cancel(call.invite), self._first, self.timing.t2)
        self.wake(self.timing.timeout, _ABANDON, call.call_id)

    def _taken(self, call: Call, response: Response) -> None:
        """A 2xx: each copy gets its ACK; who comes second, or too late, gets a BYE (13.2.2.4)."""
        tag = response.to_tag or ""
        dialog, is_first = call.dialogs.get(tag), not call.dialogs
        if dialog is not None:
            self._within(call, dialog, "ACK", 1)
            return
        contact = response.get("contact")
        dialog = call.dialogs[tag] = self._dialog(call, tag, response, contact)
        self._within(call, dialog, "ACK", 1)
        if is_first:
            call.answered_by = _place(contact)
            self._concluded(call, response.status, response.reason)
            self.wake(0.0 if call.cancelled else call.talk, _HANG_UP, call.call_id)
        else:
            self._within(call, dialog, "BYE", 2)

    def _dialog(self, call: Call, tag: str, response: Response, contact: str | None) -> Dialog:
        routes = tuple(reversed(response.values("record-route")))
        lines = [f"Route: {route}" for route in routes]
        lines += [line for name in ("from", "to", "call-id") for line in response.raw(name)]
        target = call.uri if contact is None else parse_name_addr(contact).uri_text
        to = _place(routes[0] if routes else contact) or self._first
        return Dialog(tag, target, to, tuple(lines))

    def _concluded(self, call: Call, status: int, reason: str) -> None:
        if not call.status:
            call.status, call.reason = status, reason
            call.set_up = self.now - call.begun

    def _within(self, call: Call, dialog: Dialog, method: str, number: int) -> None:
        """Ask something within a dialog, along its route set (12.2.1.1)."""
        name = f"{call.call_id}-{dialog.tag}"
        request = self._make(method, dialog.target, name, dialog.lines, number)
        if method == "ACK":
            self.say(request, dialog.to)
        else:
            key = _key(method, call.call_id, dialog.tag)
            self.repeat(key, request, dialog.to, self.timing.t2)

    def _make(
        self,
        method: str,
        uri: str,
        name: str,
        lines: Iterable[str],
        number: int,
        body: bytes = b"",
    ) -> Request:
        drawn = token(self.network.seed, self.name, f"branch {method} {name}")
        place = self.address
        via = Via(
            self.transport.upper(), place.host, place.port, f"z9hG4bK{drawn}", (("rport", ""),)
        )
        rows = (
            f"Via: {via}",
            "Max-Forwards: 70",
            *lines,
            f"CSeq: {number} {method}",
            f"Content-Length: {len(body)}",
        )
        made = Request(method, uri, rows, body)
        made.via = via
        return made


def _key(method: str, call_id: str, tag: str = "") -> str:
    """What a request is said again under; there may be a BYE for each dialog of a call."""
    return f"{method} {call_id} {tag}"


def _place(text: str | None) -> Address | None:
    """The address in a Contact or a Route, if it is one."""
    if text is None:
        return None
    uri = parse_name_addr(text).uri
    is_number = ":" in uri.host or uri.host.replace(".", "").isdecimal()
    return Address(uri.host, uri.port or DEFAULT_PORT) if is_number else None
