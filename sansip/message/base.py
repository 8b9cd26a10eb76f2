"""What requests and responses have in common: rows, read on demand and edited without loss.

A message is its start line, its header rows as they came, and its body (RFC 3261 7). ``lines`` are
the rows without their line ends; a folded row keeps its folds. Every edit makes a new message, in
which the rows that it does not touch are the same byte for byte. What is read out of the rows is
kept in a slot that stays unset until then; those slots are no part of the value. A message in its
ordinary form has been taken apart as it came: ``found`` keeps that until somebody asks.
"""

from typing import TYPE_CHECKING, Final, Self

from sansip.message.fields import CSeq, Via, parse_cseq
from sansip.message.grammar import MAX_32_BITS, malformed, number, split_outside
from sansip.message.names import SINGLE, long_name
from sansip.message.ordinary import Found, fields_in
from sansip.message.rows import (
    after_first_value,
    checked,
    compact,
    end_of_vias,
    names_of,
    row,
    tag_of,
    top_via,
    value_of,
)

MOST_FORWARDS: Final = 255  # 20.22
# Slots for what is read by ``fields_in``, and the name of the rows that it is read from.
_READ: Final = (
    ("via", "via"),
    ("cseq", "cseq"),
    ("call_id", "call-id"),
    ("from_tag", "from"),
    ("to_tag", "to"),
    ("max_forwards", "max-forwards"),
)
_FOUND: Final = frozenset([slot for slot, _ in _READ])
_READ_NAMES: Final = frozenset([name for _, name in _READ])


class Message:
    """What requests and responses have in common.

    ``names`` are the lower-case long names of the rows. The rest is read when first asked for, from
    the first row of its name: ``via`` is the topmost Via value and ``cseq`` the CSeq
    (``RemoteProtocolError`` if malformed or missing, which ``parse`` rules out for the message that
    it gives), ``call_id`` the Call-ID, ``from_tag`` and ``to_tag`` the tags of From and To,
    ``max_forwards`` the count, None where there is none (that makes sense).
    """

    __slots__ = (
        "body",
        "call_id",
        "cseq",
        "found",
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
    found: Found | None  # () where nothing was found, None once it is in the other slots
    from_tag: str | None
    max_forwards: int | None
    to_tag: str | None
    via: Via

    if not TYPE_CHECKING:  # pragma: no branch

        def __getattr__(self, name: str) -> object:
            """Read a field whose slot is still unset, and keep it there."""
            if name in _FOUND and self.found:
                self.fill()
                return object.__getattribute__(self, name)
            given = names_of(self.lines) if name == "names" else self._read(name)
            setattr(self, name, given)
            return given

    def _read(self, name: str) -> object:
        match name:
            case "found":
                return ()
            case "via":
                return top_via(self._needed("Via"))
            case "cseq":
                return parse_cseq(self._needed("CSeq"))
            case "call_id":
                return self.get("call-id")
            case "from_tag":
                return tag_of(self.get("from"))
            case "to_tag":
                return tag_of(self.get("to"))
            case "max_forwards":
                return number(self.get("max-forwards") or "", MOST_FORWARDS)
            case _:
                message = f"{type(self).__name__} has no attribute {name!r}"
                raise AttributeError(message)

    def fill(self) -> None:
        """Read at once what would be read when first asked for, if it has been found already."""
        if self.found:
            fields = fields_in(self.found)
            self.via, self.cseq, self.call_id, self.from_tag, self.to_tag, forwards = fields
            self.max_forwards = forwards
            self.found = None

    def _needed(self, name: str) -> str:
        found = self.get(name.lower())
        if found is None:
            raise malformed(name, "is missing", "RFC 3261 8.1.1", "send exactly one")
        return found

    # Reading. A name may be given in any spelling; lower case and long ("via") is found fastest.

    def get(self, name: str) -> str | None:
        """Give the first row of that name, unfolded, without white space at its ends; or None."""
        if name not in self.names:
            name = long_name(name)
            if name not in self.names:
                return None
        return value_of(self.lines[self.names.index(name)])

    def rows(self, name: str) -> tuple[str, ...]:
        """Give all rows of that name, unfolded."""
        return tuple([value_of(line) for line in self.raw(name)])

    def raw(self, name: str) -> tuple[str, ...]:
        """Give all rows of that name as they came: name, folds and all."""
        if name not in self.names:
            name = long_name(name)
        count = self.names.count(name)
        if count < 2:
            return (self.lines[self.names.index(name)],) if count else ()
        rows = zip(self.names, self.lines, strict=True)
        return tuple([line for key, line in rows if key == name])

    def values(self, name: str) -> tuple[str, ...]:
        """Give all values of that name in order, whatever the mix of rows and commas (7.3.1).

        Headers that are no lists, such as the four of authentication, give their rows.
        """
        if self.names.count(name) == 1:
            text = value_of(self.lines[self.names.index(name)])
            if text and "," not in text:
                return (text,)
        rows = self.rows(name)
        if long_name(name) in SINGLE:
            return rows
        pieces = [piece.strip(" \t") for text in rows for piece in split_outside(text, ",")]
        return tuple([piece for piece in pieces if piece])

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """All rows as (lower-case long name, unfolded value), in their order."""
        rows = zip(self.names, self.lines, strict=True)
        return tuple([(name, value_of(line)) for name, line in rows])

    @property
    def content_length(self) -> int | None:
        """The Content-Length as it stands in the message, or None; see ``len(body)``."""
        return number(self.get("content-length") or "", MAX_32_BITS)

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
        return self._insert(at, key, (row(name, value),))

    def append(self, name: str, value: str) -> Self:
        """Put a value after all others of that name: in a row below theirs, or at the end."""
        key = long_name(name)
        at = len(self.names)
        if key in self.names:
            at -= self.names[::-1].index(key)
        return self._insert(at, key, (row(name, value),))

    def set(self, name: str, *values: str) -> Self:
        """Let that header have these values and no others, each in a row of its own.

        So a value is replaced, inserted, moved or taken out by giving the values as they shall be:
        ``m.set("Route", *reversed(m.values("Route")))``. They stand where the first row of that
        name stood, or at the end. A row that holds one of the values already stays as it came.
        """
        key = long_name(name)
        if not values:
            return self.remove(name)
        if key not in self.names:
            return self._insert(len(self.names), key, tuple([row(name, text) for text in values]))
        held: dict[str, list[str]] = {}
        for line in reversed(self.raw(key)):
            held.setdefault(value_of(line), []).append(line)
        lines: list[str] = []
        for text in values:
            kept = held.get(text, [])
            lines.append((kept.pop() if len(kept) > 1 else kept[0]) if kept else row(name, text))
        at = self.names.index(key)
        return self.remove(name)._insert(at, key, tuple(lines))  # noqa: SLF001 (its own class)

    def remove(self, name: str) -> Self:
        """Take all rows of that name out."""
        key = long_name(name)
        names, lines = self.names, self.lines
        if names.count(key) == 1:
            at = names.index(key)
            return self._edited(key, names[:at] + names[at + 1 :], lines[:at] + lines[at + 1 :])
        kept = [(n, line) for n, line in zip(names, lines, strict=True) if n != key]
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
        lines = self.lines
        if isinstance(via, Via) and lines and lines[0].startswith("Via:") and "," not in lines[0]:
            made = self._copy((f"Via: {checked(str(via))}", *lines[1:]), self.body)
            self._hand_on(made, "")
            made.via = via
            return made
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
        return made._copy(made.lines, body)  # noqa: SLF001 (its own class)

    def compact(self) -> Self:
        """Use the compact form of every header name that has one (7.3.3), values untouched.

        It saves some 60 bytes of an INVITE: worth it where a datagram nearly is too large (18.1.1).
        """
        names = self.names
        lines = tuple([compact(name, line) for name, line in zip(names, self.lines, strict=True)])
        return self._edited("", names, lines)

    def render(self) -> bytes:
        """Give the message as it goes on the wire."""
        text = "\r\n".join((self._start_line(), *self.lines, "", ""))
        return text.encode("utf-8", "surrogateescape") + self.body

    def _start_line(self) -> str:
        raise NotImplementedError

    def _copy(self, lines: tuple[str, ...], body: bytes) -> Self:
        raise NotImplementedError

    def _insert(self, at: int, key: str, new: tuple[str, ...]) -> Self:
        names, lines = self.names, self.lines
        lines = (*lines[:at], *new, *lines[at:])
        return self._edited(key, (*names[:at], *[key] * len(new), *names[at:]), lines)

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
        """Copy with other rows; they are new where their name is ``key``."""
        made = self._copy(lines, self.body)
        made.names = names
        self._hand_on(made, key)
        return made

    def _hand_on(self, made: Self, key: str) -> None:
        """Give what was read from rows of other names than ``key`` to a copy."""
        if self.found:
            self.fill()
        if self.found is None and key not in _READ_NAMES:  # all of it has been read
            made.via = self.via
            made.cseq = self.cseq
            made.call_id = self.call_id
            made.from_tag = self.from_tag
            made.to_tag = self.to_tag
            made.max_forwards = self.max_forwards
            made.found = None
            return
        for slot, name in _READ:
            if name != key:
                try:  # noqa: SIM105 - suppress costs more than all the rest of this
                    setattr(made, slot, object.__getattribute__(self, slot))
                except AttributeError:  # not read yet
                    pass
