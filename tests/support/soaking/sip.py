"""SIP messages by templates: as little of RFC 3261 as calls need, and nothing of sansip's."""

import itertools
import secrets
from dataclasses import dataclass

Row = tuple[str, str]

_RUN = secrets.token_hex(3)  # so that two runs after one another never meet
_numbers = itertools.count(1)


class NotSip(Exception):  # noqa: N818 (what it is, in a word)
    """What came is nothing that we understand."""


@dataclass(slots=True)
class Message:
    """A message that came: its first line, its rows with names in small letters, its body."""

    start: str
    rows: list[Row]
    body: bytes

    @property
    def status(self) -> int:
        """The status code; 0 for a request."""
        return int(self.start[8:11]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """The method; of a response, its request's."""
        if self.start.startswith("SIP/2.0 "):
            return self.first("cseq").split()[-1]
        return self.start.partition(" ")[0]

    @property
    def uri(self) -> str:
        """The Request-URI."""
        return self.start.split(" ")[1]

    @property
    def branch(self) -> str:
        """The branch of the topmost Via: what responses are matched by."""
        return param(self.first("via").partition(",")[0], "branch")

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.first("call-id")

    def first(self, name: str) -> str:
        """The first row of this name; "" if there is none."""
        return next((value for known, value in self.rows if known == name), "")

    def all(self, name: str) -> list[str]:
        """The values of all rows of this name. Commas divide them; none of ours is in quotes."""
        found = [value for known, value in self.rows if known == name]
        return [part.strip() for value in found for part in value.split(",")]


def parse(data: bytes) -> Message:
    """Read a message that is whole."""
    head, _, body = data.partition(b"\r\n\r\n")
    start, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    rows: list[Row] = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise NotSip(line)
        rows.append((name.strip().lower(), value.strip()))
    message = Message(start, rows, body)
    if "SIP/2.0" not in start or not message.first("cseq"):
        raise NotSip(start)
    return message


def render(start: str, rows: list[Row], body: bytes = b"") -> bytes:
    """Write a message."""
    lines = [start, *[f"{name}: {value}" for name, value in rows], f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + body


def response(request: Message, status: int, tag: str = "", rows: tuple[Row, ...] = ()) -> bytes:
    """Answer a request."""
    copied = [(COPIED[name], value) for name, value in request.rows if name in COPIED]
    to = request.first("to")
    copied.append(("To", to if not tag or param(to, "tag") else f"{to};tag={tag}"))
    return render(f"SIP/2.0 {status} {PHRASES.get(status, 'Answer')}", [*copied, *rows])


def param(value: str, name: str) -> str:
    """A parameter's value; "" if it is not there."""
    _, found, rest = value.partition(f";{name}=")
    if not found:
        return ""
    for end, character in enumerate(rest):
        if character in ";,> \t":
            return rest[:end]
    return rest


def uri_in(value: str) -> str:
    """The URI between the brackets of a Contact or the like."""
    return value.partition("<")[2].partition(">")[0] or value.partition(";")[0]


def fresh(what: str) -> str:
    """A word that nobody has used before: a tag, a Call-ID, a branch."""
    return f"{what}{_RUN}{next(_numbers):x}"


COPIED = {
    "via": "Via",
    "from": "From",
    "call-id": "Call-ID",
    "cseq": "CSeq",
    "record-route": "Record-Route",
}
PHRASES = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    404: "Not Found",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    503: "Service Unavailable",
}
