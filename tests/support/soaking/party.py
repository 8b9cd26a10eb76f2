"""A user agent: transactions of both kinds with their retransmissions (RFC 3261 17), and dialogs.

Written for being trusted rather than for being complete. It shares no code with sansip: a mistake
there is none here.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from soaking import sip
from soaking.sip import Message, Row
from soaking.wire import Place, Trace, Way

T1, T2, LIFETIME = 0.5, 4.0, 32.0
LINGER = 40.0  # seconds that a transaction is remembered after its end, to know its copies

Key = tuple[str, str]  # branch and method
Dialled = tuple[str, str, str]  # Call-ID, our tag, number of CSeq: what the ACK of a 2xx has


@dataclass(slots=True)
class Dialog:
    """What requests within a call are made of (RFC 3261 12)."""

    call_id: str
    local: str
    remote: str
    target: str
    routes: list[str]
    number: int = 1

    def request(self, method: str) -> tuple[str, list[Row]]:
        """The Request-URI and the rows of the next request; an ACK has its INVITE's number."""
        self.number += method != "ACK"
        rows = [("Route", route) for route in self.routes]
        rows += [("From", self.local), ("To", self.remote), ("Call-ID", self.call_id)]
        return self.target, [*rows, ("CSeq", f"{self.number} {method}")]


class Asked:
    """A request that we have sent. ``answers`` gets responses, and None when it has timed out."""

    __slots__ = ("acks", "answers", "began", "branch", "data", "interval", "is_over",
                 "method", "repeated", "rows", "taken", "timer", "uri", "way")  # fmt: skip

    def __init__(self, way: Way, method: str, uri: str, rows: list[Row], body: bytes) -> None:
        self.branch = sip.fresh("z9hG4bK-")
        self.way, self.method, self.uri, self.rows = way, method, uri, rows
        self.data = sip.render(f"{method} {uri} SIP/2.0", [via(way, self.branch), *rows], body)
        self.answers: asyncio.Queue[Message | None] = asyncio.Queue()
        self.acks: dict[str, bytes] = {}  # by To tag
        self.began, self.interval, self.repeated = 0.0, T1, 0
        self.is_over = False
        self.taken = ""  # the To tag of the first 2xx
        self.timer: asyncio.TimerHandle | None = None


class Served:
    """A request that has come, and what it was answered."""

    __slots__ = ("interval", "is_final", "last", "request", "since", "tag", "timer", "way")

    def __init__(self, request: Message, way: Way) -> None:
        self.request, self.way = request, way
        self.tag, self.last = sip.fresh("t"), b""
        self.is_final = False
        self.interval, self.since = T1, 0.0
        self.timer: asyncio.TimerHandle | None = None

    @property
    def dialled(self) -> Dialled:
        """How the ACK of a 2xx is known."""
        return self.request.call_id, self.tag, self.request.first("cseq").split()[0]


@dataclass
class Party:
    """One who sends and is sent to; ``fault`` hears of what must not happen."""

    counts: Counter[str]
    fault: Callable[[str, str], None]  # Call-ID, text
    trace: Trace
    place: Place = ("127.0.0.1", 0)
    _asked: dict[Key, Asked] = field(default_factory=dict[Key, Asked])
    _served: dict[Key, Served] = field(default_factory=dict[Key, Served])
    _unacked: dict[Dialled, Served] = field(default_factory=dict[Dialled, Served])

    def heard(self, message: Message, way: Way) -> None:
        """Take what has come."""
        if message.status:
            self._response(message)
        else:
            self._request(message, way)

    # Asking

    def ask(self, way: Way, method: str, uri: str, rows: list[Row], body: bytes = b"") -> Asked:
        """Send a request, and see to it that it arrives."""
        asked = Asked(way, method, uri, rows, body)
        self._asked[asked.branch, method] = asked
        self._transmit(asked)
        return asked

    def cancel(self, invite: Asked) -> Asked:
        """CANCEL, with the branch of what it cancels."""
        rows = [(name, value) for name, value in invite.rows if name in {"From", "To", "Call-ID"}]
        number = dict(invite.rows)["CSeq"].split()[0]
        cancel = Asked(invite.way, "CANCEL", invite.uri, [*rows, ("CSeq", f"{number} CANCEL")], b"")
        cancel.data = cancel.data.replace(cancel.branch.encode(), invite.branch.encode())
        cancel.branch = invite.branch
        self._asked[cancel.branch, "CANCEL"] = cancel
        self._transmit(cancel)
        return cancel

    def acknowledge(self, invite: Asked, ok: Message, dialog: Dialog) -> None:
        """ACK a 2xx, now and whenever a copy of it comes."""
        uri, rows = dialog.request("ACK")
        rows.insert(0, via(invite.way, sip.fresh("z9hG4bK-")))
        ack = sip.render(f"ACK {uri} SIP/2.0", rows)
        invite.acks[sip.param(ok.first("to"), "tag")] = ack
        invite.way.send(ack)

    def _transmit(self, asked: Asked) -> None:
        loop = asyncio.get_running_loop()
        asked.began = loop.time()
        asked.way.send(asked.data)
        wait = asked.interval if asked.way.transport == "UDP" else LIFETIME
        asked.timer = loop.call_later(wait, self._again, asked)

    def _again(self, asked: Asked) -> None:
        loop = asyncio.get_running_loop()
        left = asked.began + LIFETIME - loop.time()
        if left <= 0:
            asked.answers.put_nowait(None)
            self._end(asked)
            return
        asked.repeated += 1
        self.counts["requests sent again"] += 1
        asked.way.send(asked.data)
        asked.interval *= 2
        if asked.method != "INVITE":
            asked.interval = min(asked.interval, T2)
        asked.timer = loop.call_later(min(asked.interval, left), self._again, asked)

    def _end(self, asked: Asked) -> None:
        asked.is_over = True
        if asked.timer is not None:
            asked.timer.cancel()
        asyncio.get_running_loop().call_later(
            LINGER, self._asked.pop, (asked.branch, asked.method), None
        )

    def _response(self, message: Message) -> None:
        asked = self._asked.get((message.branch, message.method))
        if asked is None:
            self.counts["responses to nothing that was asked"] += 1
            return
        if message.status < 200:
            if asked.method == "INVITE" and asked.timer is not None:
                asked.timer.cancel()
            asked.answers.put_nowait(message)
            return
        known = asked.is_over
        if not known:
            self._end(asked)
        if asked.method == "INVITE":
            self._acknowledge(asked, message, known=known)
        elif known:
            self.counts["responses that came again"] += 1
        else:
            asked.answers.put_nowait(message)

    def _acknowledge(self, invite: Asked, message: Message, *, known: bool) -> None:
        tag = "" if message.status >= 300 else sip.param(message.first("to"), "tag")
        ack = invite.acks.get(tag)
        if ack is not None:
            self.counts["responses that came again"] += 1
            invite.way.send(ack)
        elif not tag:
            rows = [row for row in invite.rows if row[0] in {"From", "Call-ID", "Route"}]
            rows += [("To", message.first("to")), ("CSeq", message.first("cseq"))]
            rows = [via(invite.way, invite.branch), *rows]
            rows = [(n, v.replace("INVITE", "ACK") if n == "CSeq" else v) for n, v in rows]
            invite.acks[tag] = sip.render(f"ACK {invite.uri} SIP/2.0", rows)
            invite.way.send(invite.acks[tag])
            invite.answers.put_nowait(message)
        elif not known:
            invite.taken = tag
            invite.answers.put_nowait(message)
        elif tag != invite.taken:  # else a copy that was faster than our ACK
            # Two have answered the same call: the second is thanked, and hung up on.
            self.counts["second 2xx of a call"] += 1
            dialog = answered(invite, message)
            self.acknowledge(invite, message, dialog)
            self.ask(invite.way, "BYE", *dialog.request("BYE"))

    # Answering

    def _request(self, message: Message, way: Way) -> None:
        if message.method == "ACK":
            self._acknowledged(message)
            return
        key = message.branch, message.method
        served = self._served.get(key)
        if served is not None:
            self.counts["requests that came again"] += 1
            if served.last:
                served.way.send(served.last)
            return
        served = self._served[key] = Served(message, way)
        asyncio.get_running_loop().call_later(LINGER * 2, self._served.pop, key, None)
        self.requested(served)

    def requested(self, served: Served) -> None:
        """Answer a new request."""
        self.answer(served, 200)

    def acknowledged(self, served: Served) -> None:
        """Hear that a 2xx of ours has its ACK."""

    def served(self, branch: str, method: str) -> Served | None:
        """A request that we know."""
        return self._served.get((branch, method))

    def answer(self, served: Served, status: int, rows: tuple[Row, ...] = ()) -> None:
        """Send a response; a final one to INVITE again and again until its ACK comes."""
        served.last = sip.response(served.request, status, served.tag, rows)
        served.way.send(served.last)
        served.is_final = status >= 200
        if served.is_final and served.request.method == "INVITE":
            if status < 300:
                self._unacked[served.dialled] = served
            loop = asyncio.get_running_loop()
            served.since, served.interval = loop.time(), T1
            if status < 300 or served.way.transport == "UDP":
                served.timer = loop.call_later(T1, self._answer_again, served)

    def _answer_again(self, served: Served) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() - served.since >= LIFETIME:
            self._unacked.pop(served.dialled, None)
            status = served.last[8:11].decode()
            self.fault(served.request.call_id, f"no ACK came for the {status} of a gateway")
            return
        self.counts["responses sent again"] += 1
        served.way.send(served.last)
        served.interval = min(2 * served.interval, T2)
        served.timer = loop.call_later(served.interval, self._answer_again, served)

    def _acknowledged(self, ack: Message) -> None:
        found = self._served.get((ack.branch, "INVITE"))
        if found is None:
            number, tag = ack.first("cseq").split()[0], sip.param(ack.first("to"), "tag")
            found = self._unacked.pop((ack.call_id, tag, number), None)
            if found is not None:
                self.acknowledged(found)
        if found is not None and found.timer is not None:
            found.timer.cancel()


def via(way: Way, branch: str) -> Row:
    """Our Via."""
    host, port = way.local
    # By TLS it is our certificate and this word that let us be reached by the same connection.
    more = ";alias" if way.transport == "TLS" else ";rport"
    return "Via", f"SIP/2.0/{way.transport} {host}:{port};branch={branch}{more}"


def answered(invite: Asked, ok: Message) -> Dialog:
    """The dialog of a call that we have made (12.1.2)."""
    rows = dict(invite.rows)
    routes = list(reversed(ok.all("record-route")))
    target = sip.uri_in(ok.first("contact"))
    number = int(rows["CSeq"].split()[0])
    return Dialog(rows["Call-ID"], rows["From"], ok.first("to"), target, routes, number)


def received(served: Served) -> Dialog:
    """The dialog of a call that we have been called in (12.1.1)."""
    request = served.request
    remote, local = request.first("from"), f"{request.first('to')};tag={served.tag}"
    routes = request.all("record-route")
    return Dialog(request.call_id, local, remote, sip.uri_in(request.first("contact")), routes)
