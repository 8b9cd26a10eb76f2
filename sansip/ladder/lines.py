"""Text that has to fit."""

from collections.abc import Iterator
from typing import Final

from sansip.ladder.values import Row

_PART: Final = 6  # characters of a second word that are worth it


def wrapped(words: str, width: int) -> tuple[str, ...]:
    """Lines of at most so many characters, broken between words where that is possible."""
    lines: list[str] = []
    line = ""
    for word in _pieces(words, width):
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return (*lines, line)


def fitting(row: Row, room: int) -> str:
    """The label of a row, in so many characters; what stands in brackets is the last to go.

    The first word of a message, a method or a status, says more than a part of the next one.
    """
    label = row.label
    if len(label) <= room:
        return label
    notes = f" ({row.noted})" if row.noted else ""
    first = row.text.partition(" ")[0]
    if row.kind == "message" and len(first) + len(notes) <= room < len(first + notes) + _PART:
        return first + notes
    if len(notes) > room // 2:
        notes = notes[: room // 2 - 1] + "…"
    return row.text[: max(0, room - len(notes) - 1)] + "…" + notes


def note_of(row: Row) -> str:
    """What a note says."""
    return f"DNS: {row.label}" if row.kind == "dns" else row.label


def _pieces(words: str, width: int) -> Iterator[str]:
    """The words; of those that are too long, parts."""
    for word in words.split(" "):
        yield from [word[at : at + width] for at in range(0, len(word), width)]
