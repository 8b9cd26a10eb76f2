"""What differs between what was ordered and what is ordered now: the least that shows it."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any, Final, TypeVar

from sansip.engine.actions import Action
from sansip.message import Request, Response
from sansip.replay.told import told
from sansip.replay.words import words

T = TypeVar("T")
MOST: Final = 6  # lines, or actions, of one side
_WIDTH: Final = 160  # characters of a line that are shown
_LEAD: Final = 40  # of them, how many before the first that differs


def contrast(recorded: tuple[Action, ...], replayed: tuple[Action, ...]) -> Iterator[str]:
    """Tell the first action that differs, and of its fields only those that do."""
    first, one, other = _middles(recorded, replayed)
    if not one or not other:
        yield "  recorded, but not ordered now:" if one else "  ordered now, but not recorded:"
        some = [*one, *other]
        for number, action in enumerate(some[:MOST], first + 1):
            yield f"    action {number}: {told(action)}"
        if some[MOST:]:
            yield f"    and {len(some) - MOST} more"
        return
    before, now = one[0], other[0]
    if type(before) is type(now):
        yield f"  action {first + 1}: {told(before)}"
        # Numbers differ for what went before; what is said differs for itself.
        for name in sorted(before.__dataclass_fields__, key=lambda name: name == "id"):
            yield from _field(name, getattr(before, name), getattr(now, name))
    else:
        yield f"  action {first + 1}:"
        yield from _sides("    ", [told(before)], [told(now)])
    differ = sum(a != b for a, b in zip(one, other, strict=False)) + abs(len(one) - len(other))
    if differ > 1:
        yield f"  and {differ - 1} more"


def _middles(one: Sequence[T], other: Sequence[T]) -> tuple[int, Sequence[T], Sequence[T]]:
    """Leave out what both begin and end with; how many they begin with, and what is left."""
    first = _alike(one, other)
    one, other = one[first:], other[first:]
    last = _alike(one[::-1], other[::-1])
    return first, one[: len(one) - last], other[: len(other) - last]


def _alike(one: Sequence[object], other: Sequence[object]) -> int:
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _field(name: str, one: object, other: object) -> Iterator[str]:
    if one == other:
        return
    before, now = _lines(one), _lines(other)
    if before == now:  # where that is cut, say
        before, now = [ascii(one)], [ascii(other)]
    first, some, others = _middles(before, now)
    blocks = [(first, some, others)]
    if len(some) == len(others):  # then what is changed is changed in its place
        blocks = [
            (at, [line], [its])
            for at, (line, its) in enumerate(zip(some, others, strict=True), first)
            if line != its
        ]
    for at, lines, its in blocks[:MOST]:
        many = max(len(before), len(now)) > 1
        yield f"    {name}, line {at + 1}:" if many else f"    {name}:"
        yield from _sides("      ", lines, its)
    if blocks[MOST:]:
        yield f"    {name}: and {len(blocks) - MOST} more lines"


def _sides(margin: str, one: Sequence[str], other: Sequence[str]) -> Iterator[str]:
    at = 0
    if len(one) == len(other) == 1:
        at = _alike(one[0], other[0])
    begin = at - _LEAD if at > _WIDTH - _LEAD else 0
    for side, lines in (("recorded", one), ("replayed", other)):
        for line in lines[:MOST] or ["nothing"]:
            yield f"{margin}{side}  {_cut(line, begin)}"
        if lines[MOST:]:
            yield f"{margin}{side}  and {len(lines) - MOST} more lines"
    if at:
        yield " " * (len(margin) + len("recorded  ") + at - begin + (3 if begin else 0)) + "^"


def _cut(line: str, begin: int) -> str:
    shown = line[begin : begin + _WIDTH]
    return f"{'...' if begin else ''}{shown}{'...' if line[begin + _WIDTH :] else ''}"


def _lines(thing: Any) -> list[str]:  # noqa: ANN401 - of any field
    """What is compared line by line."""
    if isinstance(thing, Request | Response):
        thing = thing.render()
    if isinstance(thing, bytes):
        rows = thing.decode("utf-8", "backslashreplace").split("\r\n")
        return [ascii(row)[1:-1] for row in rows]
    return [ascii(thing) if isinstance(thing, str) else words(thing)]
