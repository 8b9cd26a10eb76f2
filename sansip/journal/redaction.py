"""What a journal leaves out: credentials and bodies, each byte of them replaced by an ``x``.

Lengths stay, so that Content-Length, framing and every limit mean what they meant; so do white
space and line ends. What the core orders is redacted as what it hears is: it hands both on as they
came. So a redacted journal replays without difference, unless somebody decides by what was left
out: a policy that reads bodies, or ``hash-auth-user``. Of headers that the core itself reads (From,
Call-ID ...) that is none. What ``Consulted`` says is written as it is, and of what ``Consult`` asks
all but messages; so are ``seed`` and ``secret``, without which there would be no replay.

A connection brings bytes in pieces of any size; how far its current message has come is kept here,
for a row or a body may begin in one piece and end in another.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

from sansip.engine.actions import Action, CloseFlow, Consult, Deliver, Report, Send
from sansip.engine.events import (
    AckSubmitted,
    DatagramReceived,
    Event,
    FlowClosed,
    RequestSubmitted,
    ResponseSubmitted,
    SendFailed,
    StreamReceived,
)
from sansip.engine.policy import Target
from sansip.engine.state import Flow, Framing
from sansip.message import Message, Request, Response, framing
from sansip.message.names import COMPACT, long_name
from sansip.proxy.vocabulary import Target as Chosen
from sansip.table import Table

CREDENTIALS: Final = ("authorization", "proxy-authorization")
BODY: Final = "body"
_END_OF_ROWS: Final = re.compile(rb"\n(?:\r\n|\n)")  # which is quicker than \r?
_HIDDEN: Final = bytes([byte if byte in b" \t\r\n" else ord("x") for byte in range(256)])
_PLAIN: Final = frozenset({str, int, float, bool, NoneType})
_KEYS: Final = ("seed", "secret")  # fields with bytes that are no message
_WHITE: Final = b" \t\r\n"
_LONGEST_NAME: Final = 64  # bytes of a row of which we know by then that it is none of ours
_LONGEST_NUMBER: Final = 16  # digits


class Redaction:
    """Leaves out the headers of these names, and bodies if one of them is ``body``."""

    def __init__(self, names: Iterable[str]) -> None:
        """Nothing has come over any connection yet."""
        self.names: tuple[str, ...] = tuple(sorted({long_name(name.strip()) for name in names}))
        self._hides_bodies = BODY in self.names
        self._flows: dict[int, _Place] = {}
        self._where: dict[type[Any], tuple[str, ...]] = {}  # the fields that may have messages
        spelt = [*self.names, *[short for short, name in COMPACT.items() if name in self.names]]
        wanted = [name.encode() for name in spelt if name != BODY]
        # What a message without these has no such row; a name that is within another one will do.
        self._signs = [name for name in wanted if not any(o in name for o in wanted if o != name)]
        any_of = b"|".join([re.escape(name) for name in wanted])
        self._rows = re.compile(
            rb"(?i)(\n(?:%b)[ \t\r\n]*+:)((?:[^\n]|\n[ \t\r])++)" % (any_of or b"(?!)")
        )

        rows = "|".join([re.escape(name.decode()) for name in wanted])
        # A row that is none may be quoted, in a message of which it is said what is wrong with it.
        self._quotes = re.compile(rf"(?is)^['\"]({rows or '(?!)'})(.++)")

    def event(self, event: Event) -> Event:
        """What is written of an event."""
        if type(event) is DatagramReceived:
            data = self.message(event.data)
            return DatagramReceived(event.at, event.endpoint, event.source, event.local, data)
        match event:
            case StreamReceived(at, flow, data):
                place = self._flows.setdefault(flow, _Place(self.names))
                return StreamReceived(at, flow, place.next(data))
            case FlowClosed():
                self._flows.pop(event.flow, None)
                return event
            case SendFailed():
                return replace(event, quoted=self.message(event.quoted))
            case RequestSubmitted() | AckSubmitted() | ResponseSubmitted():
                redacted: Event = self._value(event)
                return redacted
            case _:
                return event

    def action(self, action: Action) -> Action:
        """What is written of an action."""
        if type(action) is Send:
            data = self.message(action.data)
            return Send(action.id, action.endpoint, action.remote, action.flow, data, action.local)
        if type(action) is Deliver and action.message is not None:
            return Deliver(action.handle, action.kind, self._value(action.message))
        if type(action) is Consult:
            return replace(action, data=self._asked(action.data))
        if type(action) is CloseFlow:
            self._flows.pop(action.flow, None)  # nobody need tell that it is closed
        elif type(action) is Report and action.topic == "malformed":
            return replace(action, text=self._quotes.sub(_without_quote, action.text))
        return action

    def entry(self, table: str, key: Any, thing: Any) -> Any:  # noqa: ANN401 - whatever is in tables
        """What is written of an entry in a table of a state.

        What comes next over a connection is redacted from where it stands.
        """
        return self._flow(key, thing) if table == "flows" else self._value(thing)

    def message(self, data: bytes) -> bytes:
        """What is written of a message, or of the beginning of one."""
        end = _end_of_rows(data)
        rows, body = data[:end], data[end:]
        lower = rows.lower()
        for sign in self._signs:
            if sign in lower:  # which is rare, and this is quick
                rows = self._rows.sub(lambda row: row[1] + _blank(row[2]), rows)
                break
        return rows + (_blank(body) if self._hides_bodies else body)

    def _value(self, thing: Any) -> Any:  # noqa: ANN401 - of the same class as what is given
        """What is written of a value: whatever has bytes in it may be a message."""
        kind: type[Any] = thing.__class__
        if kind in _PLAIN:
            return thing
        if kind is bytes:
            return self.message(thing)
        if kind is tuple:
            return tuple([self._value(one) for one in thing])
        if kind is list:
            return [self._value(one) for one in thing]
        if kind is Table:
            return Table({key: self._value(one) for key, one in thing.items()})
        if kind is Request:
            return Request(thing.method, thing.uri_text, *self._parts(thing))
        if kind is Response:
            return Response(thing.status, thing.reason, *self._parts(thing))
        if kind in (Target, Chosen):
            return replace(thing, edits=tuple([self._edit(*edit) for edit in thing.edits]))
        names = self._where.get(kind)
        if names is None:
            names = self._where[kind] = _fields_with_messages(kind)
        parts = [(name, getattr(thing, name)) for name in names]
        given = [(name, part, self._value(part)) for name, part in parts]
        changed = {name: now for name, before, now in given if now is not before}
        return replace(thing, **changed) if changed else thing

    def _asked(self, data: Any) -> Any:  # noqa: ANN401 - a policy's own
        """What is written of a question: of messages in it no more than elsewhere."""
        if type(data) is dict:
            return {key: self._asked(data[key]) for key in data}  # pyright: ignore[reportUnknownVariableType]
        if type(data) in (tuple, list):
            return type(data)(map(self._asked, data))
        return self._value(data) if type(data) in (Request, Response) else data

    def _edit(self, name: str, text: str | None) -> tuple[str, str | None]:
        if text is None or long_name(name) not in self.names:
            return name, text
        return name, _blank(text.encode("utf-8", "surrogateescape")).decode()

    def _flow(self, number: int, flow: Flow) -> Flow:
        """Redact what has come of a message over a connection, and know where it stands."""
        place = self._flows[number] = _Place(self.names)
        match flow.framing:
            case framing.Head(chunks):
                left: Framing = framing.Head(tuple(map(place.next, chunks)))
            case framing.Body(head, chunks, missing):
                redacted = place.next(head)
                place.go_on(sum(map(len, chunks)))
                left = framing.Body(redacted, tuple(map(place.next, chunks)), missing)
                place.go_on(missing)
            case framing.Skipping(missing):
                left = flow.framing
                place.go_on(missing)
            case _:
                left = flow.framing
        return replace(flow, framing=left, waiting=self._value(flow.waiting))

    def _parts(self, message: Message) -> tuple[tuple[str, ...], bytes]:
        rows = [
            _without(line.encode("utf-8", "surrogateescape")).decode()
            if key in self.names
            else line
            for key, line in zip(message.names, message.lines, strict=True)
        ]
        return tuple(rows), _blank(message.body) if BODY in self.names else message.body


def _fields_with_messages(kind: Any) -> tuple[str, ...]:  # noqa: ANN401 - of annotations
    """The fields of a value that may have messages in them, by what is known of their types."""
    types = get_type_hints(kind) if hasattr(kind, "__dataclass_fields__") else {}
    names = [name for name in getattr(kind, "__dataclass_fields__", ()) if name not in _KEYS]
    return tuple([name for name in names if _may_have_messages(types[name])])


def _may_have_messages(kind: Any) -> bool:  # noqa: ANN401 - of annotations
    if kind in (bytes, Request, Response, Target, Chosen):
        return True
    return any(map(_may_have_messages, get_args(kind))) or bool(_fields_with_messages(kind))


def _end_of_rows(data: bytes) -> int:
    """Where the body begins, as the parser has it; or, where it finds no body, people may."""
    end = data.find(b"\r\n\r\n")
    if end >= 0:
        return end + 4
    short = data.find(b"\n\n")
    return short + 2 if short >= 0 else len(data)


class _Place:
    """How far a stream has come in its messages: the same as ``framing`` says, but not as strictly.

    Where framing gives up, nothing is read any more, and nothing that follows is shown with bodies
    left out: who knows what it is.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._body = 0  # bytes of the body that are still to come
        self._is_lost = False  # whether nobody knows where the body ends
        self._begin()

    def _begin(self) -> None:
        """Nothing of a message has come."""
        self._is_blank = True
        self._is_bare = False  # whether its lines end in LF alone
        self._lengths: list[bytes] = []  # what each Content-Length says
        self._size = 0  # bytes of the current line
        self._end = b""  # the last two bytes of what has come
        self._was_crlf = False  # whether the line before has ended in CRLF
        self._new_row()

    def _new_row(self) -> None:
        self._name = b""  # without white space
        self._has_colon = False
        self._hides = False  # whether the row, and those that are folds of it, is left out
        self._is_length = False

    def next(self, data: bytes) -> bytes:
        shown: list[bytes] = []
        at = 0
        while at < len(data):
            if self._is_lost:
                piece = data[at:]
                shown.append(_blank(piece))
            elif self._body:
                piece = data[at : at + self._body]
                self._body -= len(piece)
                shown.append(_blank(piece) if BODY in self._names else piece)
            else:
                end = data.find(b"\n", at) + 1
                piece = data[at : end or len(data)]
                shown.append(self._part_of_line(piece))
            at += len(piece)
        return b"".join(shown)

    def go_on(self, missing: int) -> None:
        """Of the body so many bytes are still to come."""
        self._body, self._is_lost = missing, False

    def _part_of_line(self, piece: bytes) -> bytes:
        """Take what may be a line, or only a part of one."""
        if not self._size and piece[:1] not in (b" ", b"\t", b"\r"):  # no fold
            self._new_row()
        self._size += len(piece)
        at = len(piece)
        if self._has_colon:
            at = 0
        else:
            name, colon, _ = piece.partition(b":")
            self._name = (self._name + name.translate(None, _WHITE))[:_LONGEST_NAME]
            if colon:
                at = len(name) + 1
                self._named(_long(self._name))
        if self._is_length:
            self._measure(piece[at:].translate(None, _WHITE))
        self._end = (self._end + piece)[-2:]
        if piece.endswith(b"\n"):
            self._end_line(is_crlf=self._end == b"\r\n")
        return piece[:at] + _blank(piece[at:]) if self._hides else piece

    def _named(self, name: str) -> None:
        self._has_colon = True
        self._hides = name in self._names
        self._is_length = name == "content-length"
        if self._is_length:
            self._lengths.append(b"")

    def _measure(self, came: bytes) -> None:
        if came:
            self._lengths[-1] = (self._lengths[-1] + came).lstrip(b"0")[:_LONGEST_NUMBER] or b"0"

    def _end_line(self, *, is_crlf: bool) -> None:
        is_empty = self._size == 1 + is_crlf
        follows, self._was_crlf = self._was_crlf, is_crlf
        self._size = 0
        if self._is_blank:
            self._is_blank, self._is_bare = is_empty, not is_crlf
        elif is_empty and (self._is_bare or (is_crlf and follows)):
            length = self._lengths[0] if len(self._lengths) == 1 else b""
            is_known = length.isdigit() and not self._is_bare
            self._body = int(length) if is_known else 0
            self._is_lost = not is_known and BODY in self._names
            self._begin()


def _long(name: bytes) -> str:
    text = name.strip(b" \t").lower().decode("latin-1")
    return COMPACT.get(text, text)


def _without(row: bytes, begin: int | None = None) -> bytes:
    """A row, without what stands from there on, or else behind its colon."""
    at = row.index(b":") + 1 if begin is None else begin
    return row[:at] + _blank(row[at:])


def _without_quote(found: re.Match[str]) -> str:
    """Of a row the name alone; how long the rest is in quotes, depends on what it is."""
    _, sentence, rest = found[2].rpartition(" does not begin ")
    return f"'{found[1]}...'{sentence}{rest}" if sentence else found[0]


def _blank(text: bytes) -> bytes:
    return text.translate(_HIDDEN)
