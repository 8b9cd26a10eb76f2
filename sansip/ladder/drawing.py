"""Drawing a ladder: from the steps of a journal to rows.

Nothing is run again: what is not in the journal is not in the ladder. Of a journal of any length
no more is kept than the rows, and what they need to be understood: names that DNS has given, and
questions and connections that are open.
"""

from collections.abc import Iterator
from typing import Final, assert_never

from sansip import dns
from sansip.address import Address
from sansip.engine.actions import (
    Action,
    CloseFlow,
    Consult,
    Deliver,
    OpenFlow,
    QueryDns,
    Report,
    Send,
    StartTimer,
    StopDns,
    StopTimer,
    owner_of,
)
from sansip.engine.events import (
    AckSubmitted,
    Administered,
    CancelSubmitted,
    Consulted,
    DatagramReceived,
    DnsAnswered,
    Event,
    FlowClosed,
    FlowOpened,
    RequestSubmitted,
    ResponseSubmitted,
    SendFailed,
    StreamReceived,
    TimerFired,
)
from sansip.journal import Head, Journal, Step, Swap
from sansip.ladder import wording
from sansip.ladder.following import Calls
from sansip.ladder.made import Made
from sansip.ladder.remembered import names_in, questions_in
from sansip.ladder.streams import Streams
from sansip.ladder.values import PROGRAM, PROXY, Column, Kind, Ladder, Row
from sansip.message import Request, Response
from sansip.transaction import SERVER

MOST: Final = 10_000  # rows
_CROWD: Final = 30  # columns
_MOST_NAMES: Final = 10_000  # addresses whose names are remembered


def draw(journal: Journal, call: str | None = None, *, most: int = MOST) -> Ladder:
    """Draw the ladder of a journal, or of one call of it, by its Call-ID.

    Reading stops after ``most`` rows; then the ladder says so. See ``Ladder.notes``.
    """
    drawing = Drawing(journal.head, call)
    cut = ""
    for step in journal:
        if len(drawing.rows) >= most:
            cut = f"only the first {len(drawing.rows)} rows, up to step {step.number - 1}"
            break
        drawing.take(step)
    return drawing.ladder(tuple([note for note in (cut, journal.torn) if note]))


class Drawing:
    """What has been drawn so far; it takes the steps in their order."""

    def __init__(self, head: Head, call: str | None) -> None:
        """Nothing has been drawn of the journal, or of that call."""
        self.rows: list[Row] = []
        self._head = head
        self._only = call
        self._calls = Calls(call, head.state)
        self._streams = Streams(head.config.limits.message, head.state)
        self._left: dict[str, Address] = {}  # hosts that have spoken first
        self._right: dict[str, Address] = {}
        self.names: dict[str, dict[str, None]] = {}  # of IP addresses
        for address, name in names_in(head.state):
            self.names.setdefault(address, {}).setdefault(name)
        self._questions = questions_in(head.state)
        self._about: dict[str, str] = {}  # what a transaction is, by its key
        self._copies: dict[tuple[str, str, bytes], int] = {}
        self._now = head.started
        self._made = Made()
        self._number = 0
        self._whose: tuple[str, ...] = ()

    # --- steps

    def take(self, step: Step | Swap) -> None:
        """Draw one step."""
        self._number = step.number
        if isinstance(step, Swap):
            self._whose = ()
            self._note("operator", "from here on another configuration or policy")
            return
        self._now = step.event.at
        self._whose = self._calls.of(step.event, step.actions)
        before, hosts = len(self.rows), (len(self._left), len(self._right))
        self._heard(step.event, step.actions)
        for action in step.actions:
            self._done(action)
        if self._only is not None:
            ours = [row for row in self.rows[before:] if self._only in row.calls]
            self.rows[before:] = ours
            if not ours:
                self._forget(*hosts)

    def _forget(self, left: int, right: int) -> None:
        """The hosts of other calls: there may be any number of them."""
        while len(self._left) > left:
            self._left.popitem()
        while len(self._right) > right:
            self._right.popitem()

    def ladder(self, notes: tuple[str, ...]) -> Ladder:
        """All that has been drawn."""
        used = {key for row in self.rows for key in (row.source, row.target)}
        columns = [column for column in self._columns() if column.key in used | {PROXY}]
        head = self._head
        clock = head.clock
        begun = self.rows[0].at if self._only is not None and self.rows else head.started
        what = "all calls" if self._only is None else f"call {wording.plain(self._only)}"
        if len(columns) > _CROWD:
            notes = (*notes, f"{len(columns)} columns: the ladder of one call has fewer")
        said = [f"left out: {', '.join(head.redacted)}"] if head.redacted else []
        return Ladder(
            what,
            tuple(columns),
            tuple(self.rows),
            (*notes, *said),
            begun,
            None if clock is None else clock + begun - head.started,
        )

    def _columns(self) -> Iterator[Column]:
        yield Column(PROGRAM, PROGRAM)
        yield from [self._host(key, where) for key, where in self._left.items()]
        endpoints = self._head.config.endpoints
        yield Column(PROXY, PROXY, tuple([endpoint.name for endpoint in endpoints]))
        yield from [self._host(key, where) for key, where in self._right.items()]

    def _host(self, key: str, where: Address) -> Column:
        names = [wording.plain(name) for name in self.names.get(where.host, ())]
        more = f" +{len(names) - 2}" if len(names) > 2 else ""
        return Column(key, ", ".join(names[:2]) + more, (key,))

    # --- rows

    def _row(
        self,
        kind: Kind,
        source: str,
        target: str | None,
        text: str,
        remark: str = "",
        calls: tuple[str, ...] | None = None,
    ) -> None:
        calls = self._whose if calls is None else calls
        self.rows.append(Row(self._now, self._number, kind, source, target, text, remark, calls))

    def _note(self, kind: Kind, text: str) -> None:
        self._row(kind, PROXY, None, text)

    def _message(self, source: str, target: str, data: bytes, transport: str) -> None:
        whose = self._calls.in_bytes(data)[:1]
        made_here = bool(whose) and self._made.here(data, came=target == PROXY)
        again = self._copies.get((source, target, data), 0)
        if self._only is None or whose:
            self._copies[source, target, data] = again + 1
        remark = wording.remark(data, transport, made_here=made_here)
        text = wording.start_line(data)
        row = Row(
            self._now, self._number, "message", source, target, text, remark, whose, data, again
        )
        self.rows.append(row)

    def _at(self, where: Address, hosts: dict[str, Address]) -> str:
        key = wording.plain(str(where))
        if key not in self._left and key not in self._right:
            hosts[key] = where
        return key

    def _from(self, where: Address) -> str:
        return self._at(where, self._left)

    def _to(self, where: Address) -> str:
        return self._at(where, self._right)

    # --- what is heard

    def _heard(self, event: Event, actions: tuple[Action, ...]) -> None:  # noqa: C901 - an arm for each
        match event:
            case DatagramReceived():
                self._message(self._from(event.source), PROXY, event.data, "udp")
            case StreamReceived():
                self._streamed(event)
            case FlowOpened():
                transport = self._streams.opened(event).transport
                remote = self._from(event.remote) if event.flow > 0 else self._to(event.remote)
                proved = f"certificate of {', '.join(event.names)}" if event.names else ""
                said = "opens a" if event.flow > 0 else "opened the"
                text = f"{said} {transport} connection"
                self._row("flow", remote, PROXY, text, wording.plain(proved))
            case FlowClosed():
                flow = self._streams.closed(event.flow)
                reason = wording.plain(event.reason)
                if flow is None:
                    self._note("flow", f"a connection is closed: {reason}")
                else:
                    what = "no connection" if flow.local is None else "connection closed"
                    self._row("flow", self._to(flow.remote), PROXY, what, reason)
            case SendFailed():
                self._failed(event)
            case TimerFired():
                about = self._about.get(event.timer.owner, "")
                self._note("timer", wording.fired(event.timer, about, actions))
            case DnsAnswered():
                self._dns(event)
            case Consulted():
                self._row("policy", PROGRAM, PROXY, f"answers: {wording.plain(repr(event.answer))}")
            case RequestSubmitted() | AckSubmitted():
                self._message(PROGRAM, PROXY, event.request.render(), "")
            case ResponseSubmitted():
                self._message(PROGRAM, PROXY, event.response.render(), "")
            case CancelSubmitted():
                self._row("message", PROGRAM, PROXY, "gives it up")
            case Administered():
                self._note("operator", wording.ordered(event))
            case _:
                assert_never(event)

    def _streamed(self, event: StreamReceived) -> None:
        flow = self._streams.of(event.flow)
        if flow is None:
            self._note("trouble", f"{len(event.data)} bytes over a connection that is not known")
            return
        source = self._from(flow.remote)
        for each in flow.messages(event.data):
            if isinstance(each, bytes):
                self._message(source, PROXY, each, flow.transport)
            else:
                self._row("trouble", source, PROXY, wording.plain(each.reason))

    def _failed(self, event: SendFailed) -> None:
        what = wording.start_line(event.quoted).partition(" ")[0] if event.quoted else ""
        remote = self._to(event.remote)
        reason = wording.plain(event.reason).removeprefix("ICMP: ")
        if event.id is None:
            self._row("trouble", remote, PROXY, f"ICMP: {reason}", what)
        else:
            self._row("trouble", PROXY, None, f"not sent to {remote}: {reason}", what)

    def _dns(self, event: DnsAnswered) -> None:
        question = self._questions.pop(event.query, "a question that is not known")
        self._note("dns", wording.answered(question, event.answer))
        if isinstance(event.answer, dns.Found):
            for record in event.answer.records:
                if isinstance(record, dns.Ip) and len(self.names) < _MOST_NAMES:
                    name = question.partition(" ")[2]
                    self.names.setdefault(record.address, {}).setdefault(name)

    # --- what is ordered

    def _done(self, action: Action) -> None:
        match action:
            case Send():
                transport = action.endpoint.partition(":")[0]
                remote = self._to(action.remote)
                self._message(PROXY, remote, action.data, transport)
                method = wording.field(action.data, "cseq").rpartition(" ")[2]
                if self._only is None or self.rows[-1].calls:
                    key = owner_of(action.id)
                    way = "from" if key.startswith(SERVER) else "to"
                    self._about.setdefault(key, f"{wording.plain(method)} {way} {remote}")
            case OpenFlow():
                self._streams.ordered(action)
                name = f"to {action.name}" if action.name else ""
                text = f"opens a {action.transport} connection"
                self._row("flow", PROXY, self._to(action.remote), text, wording.plain(name))
            case CloseFlow():
                flow = self._streams.closed(action.flow)
                if flow is not None:
                    self._row("flow", PROXY, self._to(flow.remote), "closes the connection")
            case QueryDns():
                question = self._questions[action.query] = f"{action.type} {action.name}"
                self._note("dns", f"{wording.plain(question)}?")
            case StopDns():
                self._questions.pop(action.query, None)
            case Consult():
                self._row("policy", PROXY, PROGRAM, f"asks: {wording.plain(repr(action.data))}")
            case Deliver():
                self._delivered(action)
            case Report():
                kind: Kind = "failover" if action.topic == "failover" else "report"
                self._note(kind, wording.reported(action))
            case StartTimer() | StopTimer():
                pass  # those that fire are seen
            case _:
                assert_never(action)

    def _delivered(self, action: Deliver) -> None:
        if isinstance(action.message, Request | Response):
            self._message(PROXY, PROGRAM, action.message.render(), "")
        else:
            self._row("message", PROXY, PROGRAM, action.kind)
