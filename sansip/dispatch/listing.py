"""Reading ``dispatcher.list`` files: OpenSER's of 2007, Kamailio's, those of older OpenSIPS.

This is all that there can be in one::

    # setid  destination              flags  priority  attributes
    1        sip:192.0.2.7:5070       0      10        weight=60;duid=gw-1;socket=udp:192.0.2.1:5060
    1        sip:gw-2.example.com     8      0         "weight=40; duid=gw-2"    # anything
    2        192.0.2.9

Whatever is well-formed means what it means to Kamailio: also a destination without its ``sip:``, a
comment that follows a number without a space, attributes without flags and priority before them,
and the same destination twice. Within a set the highest priority is first. Equal priorities are in
the order of the file, as in OpenSER and OpenSIPS; Kamailio turns these round.

The fourth field of OpenSIPS 1.7 is the weight: write it as an attribute. Quotes round attributes,
or round what one of them is, are for white space and semicolons.

Where Kamailio guesses, skips the line or drops the rest of it, this here refuses the whole file
and says everything that is wrong with it. That is so for what cannot work, too: an rweight above
100. The algorithm says what a weight is, percent or a share, and so how much of it there may be.

``maxload``, ``duid``, ``weight`` and ``rweight`` are fields of a ``Member`` (a share that is not
given is 0), ``socket`` or else ``sockname`` is its ``endpoint``, ``obproxy`` its ``probe_via``,
``ping_from`` its ``probe_from``. ``attrs`` has these and all others, names in lower case. Flag 16
(no DNS) changes nothing, since names are only looked up when they are needed; flag 2 (trying)
neither.
"""

import re
from collections.abc import Iterator
from operator import attrgetter
from types import MappingProxyType
from typing import Final

from sansip.dispatch.members import Admission, Member
from sansip.errors import LocalProtocolError, RemoteProtocolError
from sansip.message import parse_uri
from sansip.message.grammar import number
from sansip.value import value

_FILE: Final = "the file"
_FORM: Final = "setid uri [flags] [priority] [attributes]"
_MOST_BYTES: Final = 1023  # of a line
_MOST: Final = 2**31 - 1
_INACTIVE, _DISABLED, _UNPROBED = 1, 4, 32
_ALL_FLAGS: Final = 63
_FLAGS: Final = "1 inactive, 2 trying, 4 disabled, 8 probing, 16 no DNS, 32 no pings"
_NUMBERS: Final = MappingProxyType(
    {
        **dict.fromkeys(("rweight", "ocmin", "ocmax", "ocrate"), 100),
        "weight": 65535,  # as of SRV records
        **dict.fromkeys(("maxload", "latency", "cc"), _MOST),
    }
)

_LINE_END: Final = re.compile(r"\r\n?|\n")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SPACE: Final = re.compile(r"[ \t]*+")
# A "#" ends any field but attributes, where it needs white space before it.
_WORD: Final = re.compile(r'(?:"[^"]*+"|[^ \t"#])++')
_ATTRIBUTES: Final = re.compile(r'(?:"[^"]*+"|[^ \t"])++')
_ATTRIBUTE: Final = re.compile(r'(?:"[^"]*+"|[^";])++')
_QUOTED: Final = re.compile(r'"[^"]*+"')
_SOCKET: Final = re.compile(
    r"(?:(udp|tcp|tls|sctp|ws|wss):)?(\[[0-9a-f:.]++\]|[a-z0-9.\-]++)(?::([0-9]{1,5}))?"
)
_NOT_OURS: Final = re.compile(r"(?:udp|tcp|tls|sctp|ws|wss):.*+|null", re.IGNORECASE)
_TABLE: Final = re.compile(r"[a-z_]++\((?:int|string|str|double|blob)\b", re.IGNORECASE)
_priority: Final = attrgetter("priority")


@value
class Mistake:
    """One thing that is wrong with a list; line and column count from 1."""

    line: int
    column: int
    what: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.what}: {self.reason}; {self.remedy}"


class ListError(LocalProtocolError):
    """A list is refused; ``mistakes`` are all that is wrong with it, and its text names them."""

    def __init__(self, name: str, mistakes: tuple[Mistake, ...]) -> None:
        """``name`` is the name of the file."""
        super().__init__(name, mistakes)
        self.name = name
        self.mistakes = mistakes

    def __str__(self) -> str:
        return "\n".join([f"{self.name}:{mistake}" for mistake in self.mistakes])


@value
class _Field:
    """A piece of a line, and at which place it begins."""

    place: int
    what: str
    text: str = ""
    attribute: str = ""


class _Wrong(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, field: _Field, reason: str, remedy: str) -> None:
        super().__init__(field, reason, remedy)
        self.field = field
        self.reason = reason
        self.remedy = remedy

    def on(self, line: int) -> Mistake:
        text = self.field.text
        what = f"{self.field.what} {text[:40]!r}" if text else self.field.what
        return Mistake(line, self.field.place + 1, what, self.reason, self.remedy)


def parse_list(text: str, name: str = "dispatcher.list") -> dict[int, tuple[Member, ...]]:
    """The sets of a ``dispatcher.list`` by their ids.

    ``ListError`` with everything that is wrong with it, if anything is.
    """
    sets: dict[int, list[Member]] = {}
    mistakes: list[Mistake] = []
    for at, line in enumerate(_LINE_END.split(text.removeprefix("\ufeff")), 1):
        fields: list[_Field] = []
        wrongs: list[_Wrong] = []
        try:
            for field in _cut(line):
                fields.append(field)  # noqa: PERF402 - those before what is wrong are kept
        except _Wrong as wrong:
            wrongs.append(wrong)
        wrongs = _wrongs(fields) + wrongs
        mistakes += [wrong.on(at) for wrong in wrongs]
        if any(wrong.field.what == _FILE for wrong in wrongs):
            break  # all other lines would be wrong, too
        if fields and not wrongs:
            setid, member = _listed(fields)
            sets.setdefault(setid, []).append(member)
    if mistakes:
        raise ListError(name, tuple(mistakes))
    return {
        setid: tuple(sorted(members, key=_priority, reverse=True))
        for setid, members in sets.items()
    }


# From a line to its fields ---------------------------------------------------------------------


def _cut(line: str) -> Iterator[_Field]:
    """The fields and attributes of a line: two at least, or none at all."""
    at = _past_space(line, 0)
    if _is_end(line, at):
        return
    _check_line(line, at)
    heads = 0
    for what in ("set id", "URI", "flags", "priority"):
        word = _WORD.match(line, at)
        if word is None or (heads > 1 and _is_attributes(word[0])):
            break
        yield _Field(at, what, word[0])
        heads += 1
        at = _past_space(line, word.end())
    attributes = _ATTRIBUTES.match(line, at)
    if attributes is not None and not _is_end(line, at):
        yield from _attributes(attributes[0], at)
        at = _past_space(line, attributes.end())
    if not _is_end(line, at):
        left = _Field(at, "the rest", line[at:])
        if _ATTRIBUTES.match(line, at) is None:
            raise _Wrong(left, "there is a quote that nothing closes", "close it")
        remedy = "take the white space out, or put the attributes between quotes"
        raise _Wrong(left, "it stands after the attributes, and Kamailio drops it", remedy)
    if heads < 2:
        raise _Wrong(_Field(at, "the URI"), "it is missing", f"a line is: {_FORM}")


def _check_line(line: str, at: int) -> None:
    if _TABLE.match(line, at):
        table = _Field(at, _FILE, line[at:])
        reason = "it is a table of db_text (OpenSIPS, Kamailio) and no list"
        raise _Wrong(table, reason, f"write one destination on a line: {_FORM}")
    control = _CONTROL.search(line)
    if control is not None:
        where = _Field(control.start(), "the line")
        raise _Wrong(where, f"there is {control[0]!r} in it", "save the file as UTF-8 text")
    length = len(line.encode("utf-8", "surrogatepass"))
    if length > _MOST_BYTES:
        where = _Field(at, "the line")
        reason = f"it has {length} bytes, and Kamailio takes what follows {_MOST_BYTES} for another"
        raise _Wrong(where, reason, "shorten its attributes")


def _past_space(line: str, at: int) -> int:
    found = _SPACE.match(line, at)
    return found.end() if found else at


def _is_end(line: str, at: int) -> bool:
    return line[at : at + 1] in {"", "#"}


def _is_attributes(word: str) -> bool:
    return "=" in word or word.startswith('"')


def _attributes(text: str, at: int) -> list[_Field]:
    if _QUOTED.fullmatch(text):
        text, at = text[1:-1], at + 1
    fields: list[_Field] = []
    for piece in _ATTRIBUTE.finditer(text):
        name, equals, given = piece[0].partition("=")
        place = at + piece.start() + _past_space(name, 0)
        name, given = name.strip(" \t").lower(), given.strip(" \t")
        if _QUOTED.fullmatch(given):
            given = given[1:-1]
        if name or equals:
            fields.append(_Field(place, f"attribute {name}".strip(), given, name or "="))
    return fields


# What the fields may be ------------------------------------------------------------------------


def _wrongs(fields: list[_Field]) -> list[_Wrong]:
    """What is wrong with each field by itself."""
    wrongs: list[_Wrong] = []
    seen: set[str] = set()
    for field in fields:
        if field.what in seen:
            wrongs.append(_Wrong(field, "it comes twice", "keep one of them"))
        seen.add(field.what)
        try:
            _check(field)
        except _Wrong as wrong:
            wrongs.append(wrong)
    return wrongs


def _check(field: _Field) -> None:
    if field.attribute:
        _check_attribute(field)
    elif field.what == "URI":
        _check_uri(field)
    elif field.what == "flags":
        _check_flags(field)
    elif number(field.text, _MOST) is None:
        remedy = f"a line is: {_FORM}"
        raise _Wrong(field, f"it is not a whole number from 0 to {_MOST}", remedy)


def _check_uri(field: _Field) -> None:
    if not _uri(field.text):
        raise _Wrong(field, "it is not a SIP URI", "write one like sip:gw-1.example.com:5060")


def _check_flags(field: _Field) -> None:
    if _NOT_OURS.fullmatch(field.text):
        reason = "it is a socket, as in a table of OpenSIPS, where flags belong"
        raise _Wrong(field, reason, f"a line is: {_FORM}; the socket is an attribute")
    if number(field.text, _ALL_FLAGS) is None:
        reason = f"it is not a whole number from 0 to {_ALL_FLAGS}"
        raise _Wrong(field, reason, f"write the sum, in decimal, of any of: {_FLAGS}")


def _check_attribute(field: _Field) -> None:
    name, text = field.attribute, field.text
    if name == "=":
        raise _Wrong(field, "it has no name", "write name=value, and ; between attributes")
    most = _NUMBERS.get(name)
    if most is not None and number(text, most) is None:
        reason = f"it is not a whole number from 0 to {most}"
        raise _Wrong(field, reason, "write one, and ; before the next attribute")
    if name in {"obproxy", "ping_from"}:
        _check_uri(field)
    elif name == "socket" and not _socket(text):
        raise _Wrong(field, "it is not a socket", "write one like udp:192.0.2.1:5060")


def _uri(text: str) -> str:
    """The SIP URI that this is, or would be with ``sip:`` before it; empty if it is none."""
    for uri in (text, f"sip:{text}"):
        try:
            if parse_uri(uri).is_sip:
                return uri
        except RemoteProtocolError:
            pass
    return ""


def _socket(text: str) -> str:
    """The name of the endpoint that is this socket of Kamailio's; empty if it is none."""
    found = _SOCKET.fullmatch(text.lower())
    if found is None:
        return ""
    transport, host, port = found.groups()
    transport = transport or "udp"
    return f"{transport}:{host}:{port or (5061 if transport in {'tls', 'wss'} else 5060)}"


# From the fields to the member -----------------------------------------------------------------


def _listed(fields: list[_Field]) -> tuple[int, Member]:
    """The set and the member that these fields make; nothing is wrong with them."""
    heads = {field.what: field.text for field in fields if not field.attribute}
    attrs = {field.attribute: field.text for field in fields if field.attribute}
    flags = int(heads.get("flags", "0"))
    begins: Admission = "inactive" if flags & _INACTIVE else "active"
    member = Member(
        _uri(heads["URI"]),
        int(heads.get("priority", "0")),
        int(attrs.get("weight", "0")),
        int(attrs.get("rweight", "0")),
        attrs.get("duid", ""),
        int(attrs.get("maxload", "0")),
        _socket(attrs.get("socket", "")) or attrs.get("sockname", ""),
        _uri(attrs["obproxy"]) if "obproxy" in attrs else "",
        _uri(attrs["ping_from"]) if "ping_from" in attrs else "",
        not flags & _UNPROBED,
        "disabled" if flags & _DISABLED else begins,
        tuple(attrs.items()),
    )
    return int(heads["set id"]), member
