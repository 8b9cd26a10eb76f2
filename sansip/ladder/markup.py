"""Text as XML and HTML have it, whatever it is: no byte from a network becomes markup."""

from types import MappingProxyType
from typing import Final

_MARKUP: Final = MappingProxyType(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
)


def escaped(text: str) -> str:
    """For content, and for attributes in quotes."""
    if text.isalnum():
        return text
    return "".join([_MARKUP.get(character, character) for character in text])


def visible(data: bytes) -> str:
    """A message as text: what cannot be seen, or does something to what can, is an escape."""
    text = data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    return "".join([_seen(character) for character in text])


def _seen(character: str) -> str:
    if character.isprintable() or character in "\n\t":
        return character
    return ascii(character)[1:-1]
