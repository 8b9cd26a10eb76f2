"""Requests and responses (RFC 3261 7.1, 7.2, 16.6); what they have in common is ``Message``."""

from typing import ClassVar, Final, Self, final

from sansip.message.base import Message
from sansip.message.fields import Via
from sansip.message.rows import (
    Headers,
    after_first_value,
    checked,
    end_of_vias,
    make_rows,
    status_code,
    token,
    word,
)
from sansip.message.uri import Uri, parse_uri

ASKING: Final = (("rport", ""),)  # the parameters, beside branch, of most Via values


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
    __match_args__: ClassVar = ("method", "uri_text", "lines", "body")

    def __init__(
        self,
        method: str,
        uri_text: str,
        lines: tuple[str, ...],
        body: bytes = b"",
    ) -> None:
        """Take parts that are known to be whole and sane; ``make`` is the friendlier way."""
        self.method = method
        self.uri_text = uri_text
        self.lines = lines
        self.body = body

    @classmethod
    def make(
        cls, method: str, uri: Uri | str, headers: Headers = (), body: bytes = b""
    ) -> "Request":
        """Make a request of (name, value) pairs; Content-Length is added if it is not among them.

        ``LocalProtocolError`` if anything in it would break the start line or a row.
        """
        return cls(token(method, "method"), word(str(uri)), make_rows(headers, body), body)

    def with_uri(self, uri: Uri | str) -> "Request":
        """Put another Request-URI in."""
        made = type(self)(self.method, word(str(uri)), self.lines, self.body)
        self._hand_on(made, "")
        return made

    def stamped(self, host: str, port: int) -> "Request":
        """Note in the top Via, which asks for it with rport, where the request came from."""
        # "it MUST set the value of the parameter to the source port of the request", and "MUST
        # insert a received parameter [...] even if it is identical" (RFC 3581 4)
        via, lines = self.via, self.lines
        first, stamps = lines[0], (("received", host), ("rport", str(port)))
        line = first.replace(";rport", f";received={host};rport={port}", 1)
        is_usual = via.params == ASKING and first.startswith("Via:") and "," not in first
        if line == first or not is_usual:
            return self.with_top_via(via.stamped(host, port))
        made = self._copy((line, *lines[1:]), self.body)
        self._hand_on(made, "")
        made.via = Via(via.transport, via.host, via.port, via.branch, stamps)
        return made

    def forwarded(
        self,
        uri_text: str,
        via: str,
        max_forwards: int,
        record_routes: tuple[str, ...] = (),
        routes: tuple[str, ...] | None = None,
        breadth: int | None = None,
    ) -> "Request":
        """Make the copy that a proxy sends on, in one go (16.6 items 2 to 8).

        A new Request-URI and topmost Via; Max-Forwards replaced or added, and Max-Breadth unless
        ``breadth`` is None; ``record_routes`` before all others, the first of them topmost; and,
        unless ``routes`` is None, these Route values instead of those in the message. Nothing given
        is checked.
        """
        names, lines = self.names, list(self.lines)
        gone = "route" if routes is not None and "route" in names else ""
        if breadth is not None and names.count("max-breadth") > 1:
            gone += " max-breadth"
        if gone:
            kept = [at for at, name in enumerate(names) if name not in gone.split()]
            names, lines = tuple([names[at] for at in kept]), [lines[at] for at in kept]
        # What is new stands behind the Via rows, and before all other Record-Route.
        at = end_of_vias(names)
        if record_routes and "record-route" in names:
            at = min(at, names.index("record-route"))
        new: list[str] = []
        if record_routes:
            new += [f"Record-Route: {route}" for route in record_routes]
        if routes:
            new += [f"Route: {route}" for route in routes]
        if breadth is not None and "max-breadth" in names:
            lines[names.index("max-breadth")] = f"Max-Breadth: {breadth}"
        elif breadth is not None:
            new.append(f"Max-Breadth: {breadth}")
        if "max-forwards" in names:
            lines[names.index("max-forwards")] = f"Max-Forwards: {max_forwards}"
        else:
            new.append(f"Max-Forwards: {max_forwards}")
        rows = (f"Via: {via}", *lines[:at], *new, *lines[at:])
        return Request(self.method, uri_text, rows, self.body)

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
        return Request, (self.method, self.uri_text, self.lines, self.body)

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.uri_text} {len(self.lines)} rows {len(self.body)} B>"

    def fill(self) -> None:
        """Read at once what would be read when first asked for; the Request-URI, too."""
        if self.found:
            super().fill()
            self.uri = parse_uri(self.uri_text)

    def _read(self, name: str) -> object:
        return parse_uri(self.uri_text) if name == "uri" else super()._read(name)

    def _start_line(self) -> str:
        return f"{self.method} {self.uri_text} SIP/2.0"

    def _copy(self, lines: tuple[str, ...], body: bytes) -> Self:
        made = type(self)(self.method, self.uri_text, lines, body)
        try:  # noqa: SIM105 - suppress costs more than all the rest of this
            made.uri = object.__getattribute__(self, "uri")
        except AttributeError:  # not read yet
            pass
        return made


@final
class Response(Message):
    """A response."""

    __slots__ = ("reason", "status")
    status: int
    reason: str
    __match_args__: ClassVar = ("status", "reason", "lines", "body")

    def __init__(
        self,
        status: int,
        reason: str,
        lines: tuple[str, ...],
        body: bytes = b"",
    ) -> None:
        """Take parts that are known to be whole and sane; ``make`` is the friendlier way."""
        self.status = status
        self.reason = reason
        self.lines = lines
        self.body = body

    @classmethod
    def make(cls, status: int, reason: str, headers: Headers = (), body: bytes = b"") -> "Response":
        """Make a response of (name, value) pairs; Content-Length is added if it is not among them.

        ``LocalProtocolError`` if anything in it would break the start line or a row.
        """
        return cls(status_code(status), checked(reason), make_rows(headers, body), body)

    @property
    def has_via(self) -> bool:
        """Whether there is a Via; mostly that takes one look, at the first row."""
        lines = self.lines
        return bool(lines and lines[0].startswith(("Via:", "v:"))) or "via" in self.names

    def without_top_via(self) -> "Response":
        """Take the topmost Via value out, as a proxy does before sending a response on (16.7)."""
        lines = self.lines
        if not (lines and lines[0].startswith("Via:")):
            return self.pop_first("via")
        rest = after_first_value(lines[0], "via")
        kept = lines[1:] if rest is None else (f"Via: {rest}", *lines[1:])
        return Response(self.status, self.reason, kept, self.body)

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
        return Response, (self.status, self.reason, self.lines, self.body)

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason} {len(self.lines)} rows {len(self.body)} B>"

    def _start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"

    def _copy(self, lines: tuple[str, ...], body: bytes) -> Self:
        return type(self)(self.status, self.reason, lines, body)
