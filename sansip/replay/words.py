"""Events, actions, and what differs between two of them, in words."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

from sansip.address import Address
from sansip.engine.actions import Action
from sansip.message import Request, Response

LONGEST: Final = 160  # characters of one field
_NONE: Final = "nothing"


def words(thing: object) -> str:
    """A value in one line: its class, and its fields by their names."""
    fields = getattr(thing, "__dataclass_fields__", None)
    if fields is None or isinstance(thing, Address):
        return _plain(thing)
    parts = [f"{name}={_field(getattr(thing, name))}" for name in fields]
    return " ".join([type(thing).__name__, *parts])


def contrast(recorded: tuple[Action, ...], replayed: tuple[Action, ...]) -> Iterator[str]:
    """The first action that differs, both sides of it, and where they differ."""
    pairs = enumerate(zip_longest(recorded, replayed), 1)
    number, (one, other) = next((at, pair) for at, pair in pairs if pair[0] != pair[1])
    yield f"  action {number}:"
    yield from _sides("    ", _NONE if one is None else words(one), _said(other))
    if one is not None and type(one) is type(other):
        for name in one.__dataclass_fields__:
            yield from _field_contrast(name, getattr(one, name), getattr(other, name))


def _field_contrast(name: str, one: object, other: object) -> Iterator[str]:
    before, after = _lines(one), _lines(other)
    pairs = enumerate(zip_longest(before, after, fillvalue=_NONE), 1)
    for at, (line, now) in [(at, pair) for at, pair in pairs if pair[0] != pair[1]][:1]:
        yield f"    {name}, line {at}:" if len(before) > 1 else f"    {name}:"
        yield from _sides("      ", line, now)


def _sides(margin: str, recorded: str, replayed: str) -> Iterator[str]:
    yield f"{margin}recorded  {recorded}"
    yield f"{margin}replayed  {replayed}"


def _said(action: Action | None) -> str:
    return _NONE if action is None else words(action)


def _lines(thing: object) -> list[str]:
    """What is compared line by line."""
    if isinstance(thing, Request | Response):
        thing = thing.render()
    if isinstance(thing, bytes):
        return [
            ascii(line)[1:-1] for line in thing.decode("utf-8", "backslashreplace").split("\r\n")
        ]
    return [repr(thing) if isinstance(thing, str) else words(thing)]


def _field(thing: object) -> str:
    text = words(thing)
    if getattr(thing, "__dataclass_fields__", None) and not isinstance(thing, Address):
        text = f"({text})"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _plain(thing: object) -> str:
    if isinstance(thing, Request | Response):
        return _plain(thing.render())
    if isinstance(thing, bytes):
        line, _, _ = thing.decode("utf-8", "replace").partition("\r\n")
        return f"{_quoted(line)} ({len(thing)} bytes)"
    if isinstance(thing, Address) or (isinstance(thing, str) and _is_word(thing)):
        return str(thing)
    return repr(thing)


def _quoted(line: str) -> str:
    return repr(line if len(line) <= LONGEST - 60 else f"{line[: LONGEST - 63]}...")


def _is_word(text: str) -> bool:
    return bool(text) and text.isprintable() and not set(text) & set(" '\"=")
