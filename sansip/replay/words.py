"""Values in words, with nothing left out but what is long."""

from typing import Final

from sansip.address import Address
from sansip.ladder.wording import plain
from sansip.message import Request, Response

LONGEST: Final = 160  # characters of one field


def words(thing: object) -> str:
    """A value in one line: its class, and its fields by their names."""
    fields = getattr(thing, "__dataclass_fields__", None)
    if fields is None or isinstance(thing, Address):
        return _plain(thing)
    parts = [f"{name}={_field(getattr(thing, name))}" for name in fields]
    return " ".join([type(thing).__name__, *parts])


def difference(thing: object, other: object) -> str:
    """The same, but of what is of one kind with another only those fields that are not the same."""
    names = getattr(thing, "__dataclass_fields__", ())
    if type(thing) is not type(other) or not names:
        return words(thing)
    pairs = [(name, getattr(thing, name), getattr(other, name)) for name in names]
    parts = [f"{name}={_differing(one, its)}" for name, one, its in pairs if one != its]
    return " ".join([type(thing).__name__, *parts])


def _differing(one: object, other: object) -> str:
    is_value = hasattr(one, "__dataclass_fields__") and not isinstance(one, Address)
    if is_value and type(one) is type(other):
        return f"({difference(one, other)})"
    return _field(one)


def shortened(text: str) -> str:
    """Cut what is long; what is no ASCII is escaped, so that any terminal can show it."""
    text = plain(text)
    return text if len(text) <= LONGEST - 60 else f"{text[: LONGEST - 63]}..."


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
        return f"'{shortened(line)}' ({len(thing)} bytes)"
    if isinstance(thing, Address) or (isinstance(thing, str) and _is_word(thing)):
        return plain(str(thing))
    return repr(thing)


def _is_word(text: str) -> bool:
    return bool(text) and text.isprintable() and not set(text) & set(" '\"=")
