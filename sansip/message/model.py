"""Messages: lossless, immutable, taken apart only where somebody looks (RFC 3261 7, 16.6).

A message is its start line, its header rows as they came, and its body. ``lines`` are the rows
without their line ends (a folded row keeps its folds), ``names`` the lower-case long names beside
them. Every edit makes a new message, in which the rows that it does not touch are the same byte for
byte. What is read out of a row is kept in a slot that stays unset until then; those slots are no
part of the value.
"""

from typing import TYPE_CHECKING, ClassVar, Final, Self, final

from sansip.errors import LocalProtocolError
from sansip.message.fields import CSeq, Via, parse_cseq
from sansip.message.grammar import number, split_outside
from sansip.message.names import SINGLE, long_name
from sansip.message.rows import (
    Headers,
    after_first_value,
    checked,
    end_of_vias,
    make_rows,
    row,
    tag_of,
    top_via,
    value_of,
    word,
)
from sansip.message.uri import Uri, parse_uri

MAX_FORWARDS: Final = 255  # 20.22
_MAX_LENGTH: Final = 2**32 - 1
# Slots for what has been read, and the name of the rows that it was read from.
_READ: Final = (
    ("via", "via"),
    ("cseq", "cseq"),
    ("call_id", "call-id"),
    ("from_tag", "from"),
    ("to_tag", "to"),
    ("max_forwards", "max-forwards"),
    ("uri", ""),
)


class Message:
    """What requests and responses have in common.

    Read when first asked for, all of the first row of that name: ``via`` is the topmost Via value
    and ``cseq`` the CSeq (``RemoteProtocolError`` if malformed or missing, which ``parse`` rules
    out for the message that it gives), ``call_id`` the Call-ID, ``from_tag`` and ``to_tag`` the
    tags of From and To, ``max_forwards`` the count, None where there is none (that makes sense).
    """

    __slots__ = (
        "body",
        "call_id",
        "cseq",
        "from_tag",
        "lines",
        "max_forwards",
        "names",
        "to_tag",
        "via",
    )
    names: tuple[str, ...]
    lines: tuple[str, ...]
    body: bytes
    call_id: str | None
    cseq: CSeq
    from_tag: str | None
    max_forwards: int | None
    to_tag: str | None
    via: Via

    if not TYPE_CHECKING:  # pragma: no branch

        def __getattr__(self, name: str) -> object:
            """Read a field whose slot is still unset, and keep it there."""
            found = self._read(name)
            setattr(self, name, found)
            return found

    def _read(self, name: str) -> object:
        match name:
            case "via":
                return top_via(self.get("via") or "")
            case "cseq":
                return parse_cseq(self.get("cseq") or "")
            case "call_id":
                return self.get("call-id")
            case "from_tag":
                return tag_of(self.get("from"))
            case "to_tag":
                return tag_of(self.get("to"))
            case "max_forwards":
                return number(self.get("max-forwards") or "", MAX_FORWARDS)
            case _:
                message = f"{type(self).__name__} has no attribute {name!r}"
                raise AttributeError(message)

    # Reading. Names are given in lower case and long: "via", never "Via" or "v".

    def get(self, name: str) -> str | None:
        """Give the first row of that name, unfolded, without white space at its ends; or None."""
        if name not in self.names:
            return None
        return value_of(self.lines[self.names.index(name)])

    def rows(self, name: str) -> tuple[str, ...]:
        """Give all rows of that name, unfolded."""
        rows = zip(self.names, self.lines, strict=True)
        return tuple([value_of(line) for key, line in rows if key == name])

    def values(self, name: str) -> tuple[str, ...]:
        """Give all values of that name in order, whatever the mix of rows and commas (7.3.1).

        Headers that are no lists, such as the four of authentication, give their rows.
        """
        if self.names.count(name) == 1:
            only = value_of(self.lines[self.names.index(name)])
            if only and "," not in only:
                return (only,)
        rows = self.rows(name)
        if name in SINGLE:
            return rows
        pieces = [piece.strip(" \t") for text in rows for piece in split_outside(text, ",")]
        return tuple([piece for piece in pieces if piece])

    @property
    def content_length(self) -> int | None:
        """The Content-Length as it stands in the message, or None; see ``len(body)``."""
        return number(self.get("content-length") or "", _MAX_LENGTH)

    # Editing. Names may be given in any spelling; values must be without line ends.

    def prepend(self, name: str, value: str) -> Self:
        """Put a value before all others of that name.

        It gets a row of its own, before the first of that name; when there is none, after the Via
        rows, and a Via at the very top.
        """
        key = long_name(name)
        if key in self.names:
            at = self.names.index(key)
        else:
            at = 0 if key == "via" else end_of_vias(self.names)
        return self._insert(at, key, row(name, value))

    def append(self, name: str, value: str) -> Self:
        """Put a row at the end."""
        return self._insert(len(self.names), long_name(name), row(name, value))

    def set(self, name: str, value: str) -> Self:
        """Put one row in the place of all rows of that name, or at the end if there is none."""
        key = long_name(name)
        if key not in self.names:
            return self.append(name, value)
        at = self.names.index(key)
        return self.remove(name)._insert(at, key, row(name, value))  # noqa: SLF001 (its own class)

    def remove(self, name: str) -> Self:
        """Take all rows of that name out."""
        key = long_name(name)
        if self.names.count(key) == 1:
            at = self.names.index(key)
            names, lines = self.names, self.lines
            return self._edited(key, names[:at] + names[at + 1 :], lines[:at] + lines[at + 1 :])
        kept = [(n, line) for n, line in zip(self.names, self.lines, strict=True) if n != key]
        names, lines = tuple([n for n, _ in kept]), tuple([line for _, line in kept])
        return self._edited(key, names, lines)

    def pop_first(self, name: str) -> Self:
        """Take the first value of that name out: its row, or only the value if the row has more."""
        key = long_name(name)
        if key not in self.names:
            return self
        return self._replace_first(self.names.index(key), key, None)

    def with_top_via(self, via: Via | str) -> Self:
        """Put another value in the place of the first Via value, for example a stamped one."""
        if "via" not in self.names:
            return self.prepend("via", str(via))
        made = self._replace_first(self.names.index("via"), "via", checked(str(via)))
        if isinstance(via, Via):
            made.via = via
        return made

    def with_body(self, body: bytes, content_type: str | None = None) -> Self:
        """Put another body in, with its Content-Length and, if given, its Content-Type."""
        made = self if content_type is None else self.set("Content-Type", content_type)
        made = made.set("Content-Length", str(len(body)))
        return self._copy(made.names, made.lines, body)

    def render(self) -> bytes:
        """Give the message as it goes on the wire."""
        text = "\r\n".join((self._start_line(), *self.lines, "", ""))
        return text.encode("utf-8", "surrogateescape") + self.body

    def _start_line(self) -> str:
        raise NotImplementedError

    def _copy(self, names: tuple[str, ...], lines: tuple[str, ...], body: bytes) -> Self:
        raise NotImplementedError

    def _insert(self, at: int, key: str, line: str) -> Self:
        names, lines = self.names, self.lines
        lines = (*lines[:at], line, *lines[at:])
        return self._edited(key, (*names[:at], key, *names[at:]), lines)

    def _replace_first(self, at: int, key: str, new: str | None) -> Self:
        """Replace the first value of the row at ``at``, or take it out."""
        names, lines = self.names, self.lines
        rest = after_first_value(lines[at], key)
        name = lines[at].partition(":")[0].rstrip(" \t")
        values = [text for text in (new, rest) if text is not None]
        if not values:
            names, lines = names[:at] + names[at + 1 :], lines[:at] + lines[at + 1 :]
            return self._edited(key, names, lines)
        line = f"{name}: {', '.join(values)}"
        return self._edited(key, names, (*lines[:at], line, *lines[at + 1 :]))

    def _edited(self, key: str, names: tuple[str, ...], lines: tuple[str, ...]) -> Self:
        """Copy with other rows; what was read from rows of other names than ``key`` goes along."""
        made = self._copy(names, lines, self.body)
        for slot, name in _READ:
            if name != key:
                try:  # noqa: SIM105 - suppress costs more than all the rest of this
                    setattr(made, slot, object.__getattribute__(self, slot))
                except AttributeError:  # not read yet
                    pass
        return made


@final
class Request(Message):
    """A request.

    ``uri_text`` is the Request-URI as it came, ``uri`` the same taken apart when first asked for
    (``RemoteProtocolError`` if malformed, which ``parse`` rules out).
    """

    __slots__ = ("method", "uri", "uri_text")
    method: str
    uri_text: str
    uri: Uri
    __match_args__: ClassVar = ("method", "uri_text", "names", "lines", "body")

    def __init__(
        self,
        method: str,
        uri_text: str,
        names: tuple[str, ...],
        lines: tuple[str, ...],
        body: bytes = b"",
    ) -> None:
        """Take parts that are known to fit together; ``make`` is the friendlier way."""
        self.method = method
        self.uri_text = uri_text
        self.names = names
        self.lines = lines
        self.body = body

    @classmethod
    def make(
        cls, method: str, uri: Uri | str, headers: Headers = (), body: bytes = b""
    ) -> "Request":
        """Make a request of (name, value) pairs; Content-Length is added if it is not among them.

        ``LocalProtocolError`` if anything in it would break the start line or a row.
        """
        names, lines = make_rows(headers, body)
        return cls(word(method), word(str(uri)), names, lines, body)

    def with_uri(self, uri: Uri | str) -> "Request":
        """Put another Request-URI in."""
        return Request(self.method, word(str(uri)), self.names, self.lines, self.body)

    def forwarded(
        self,
        uri_text: str,
        via: str,
        max_forwards: int,
        record_routes: tuple[str, ...] = (),
        routes: tuple[str, ...] | None = None,
    ) -> "Request":
        """Make the copy that a proxy sends on, in one go (16.6 items 2 to 8).

        A new Request-URI and topmost Via; Max-Forwards replaced or added; ``record_routes`` before
        all others, the first of them topmost; and, unless ``routes`` is None, these Route values
        instead of those in the message. Nothing given is checked.
        """
        names, lines = list(self.names), list(self.lines)
        if routes is not None and "route" in names:
            kept = [at for at, name in enumerate(names) if name != "route"]
            names, lines = [names[at] for at in kept], [lines[at] for at in kept]
        after_vias = end_of_vias(names)
        if "max-forwards" in names:
            lines[names.index("max-forwards")] = f"Max-Forwards: {max_forwards}"
        else:
            names.insert(after_vias, "max-forwards")
            lines.insert(after_vias, f"Max-Forwards: {max_forwards}")
        if routes:
            names[after_vias:after_vias] = ["route"] * len(routes)
            lines[after_vias:after_vias] = [f"Route: {route}" for route in routes]
        if record_routes:
            at = names.index("record-route") if "record-route" in names else after_vias
            names[at:at] = ["record-route"] * len(record_routes)
            lines[at:at] = [f"Record-Route: {route}" for route in record_routes]
        names.insert(0, "via")
        lines.insert(0, f"Via: {via}")
        return Request(self.method, uri_text, tuple(names), tuple(lines), self.body)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Request):
            return NotImplemented
        return (
            self.method == other.method
            and self.uri_text == other.uri_text
            and self.lines == other.lines
            and self.body == other.body
        )

    def __hash__(self) -> int:
        return hash((Request, self.method, self.uri_text, self.lines, self.body))

    def __reduce__(self) -> tuple[object, ...]:
        return Request, (self.method, self.uri_text, self.names, self.lines, self.body)

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.uri_text} {len(self.lines)} rows {len(self.body)} B>"

    def _read(self, name: str) -> object:
        return parse_uri(self.uri_text) if name == "uri" else super()._read(name)

    def _start_line(self) -> str:
        return f"{self.method} {self.uri_text} SIP/2.0"

    def _copy(self, names: tuple[str, ...], lines: tuple[str, ...], body: bytes) -> Self:
        return type(self)(self.method, self.uri_text, names, lines, body)


@final
class Response(Message):
    """A response."""

    __slots__ = ("reason", "status")
    status: int
    reason: str
    __match_args__: ClassVar = ("status", "reason", "names", "lines", "body")

    def __init__(
        self,
        status: int,
        reason: str,
        names: tuple[str, ...],
        lines: tuple[str, ...],
        body: bytes = b"",
    ) -> None:
        """Take parts that are known to fit together; ``make`` is the friendlier way."""
        self.status = status
        self.reason = reason
        self.names = names
        self.lines = lines
        self.body = body

    @classmethod
    def make(cls, status: int, reason: str, headers: Headers = (), body: bytes = b"") -> "Response":
        """Make a response of (name, value) pairs; Content-Length is added if it is not among them.

        ``LocalProtocolError`` if anything in it would break the start line or a row.
        """
        if not 100 <= status <= 699:
            message = f"status {status} is not from 100 to 699"
            raise LocalProtocolError(message)
        names, lines = make_rows(headers, body)
        return cls(status, checked(reason), names, lines, body)

    def without_top_via(self) -> "Response":
        """Take the topmost Via value out, as a proxy does before sending a response on (16.7)."""
        if self.names[:1] == ("via",) and "," not in self.lines[0]:
            return self._copy(self.names[1:], self.lines[1:], self.body)
        return self.pop_first("via")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Response):
            return NotImplemented
        return (
            self.status == other.status
            and self.reason == other.reason
            and self.lines == other.lines
            and self.body == other.body
        )

    def __hash__(self) -> int:
        return hash((Response, self.status, self.reason, self.lines, self.body))

    def __reduce__(self) -> tuple[object, ...]:
        return Response, (self.status, self.reason, self.names, self.lines, self.body)

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason} {len(self.lines)} rows {len(self.body)} B>"

    def _start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"

    def _copy(self, names: tuple[str, ...], lines: tuple[str, ...], body: bytes) -> Self:
        return type(self)(self.status, self.reason, names, lines, body)
