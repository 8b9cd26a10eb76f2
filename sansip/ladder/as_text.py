"""A ladder for a terminal: a line for each row, as wide as the terminal at most.

Where columns have no room for their names, they have letters, and the names stand above. What has
no room within its arrow stands beside it.
"""

from collections.abc import Iterator
from itertools import groupby, pairwise
from types import MappingProxyType
from typing import Final, assert_never

from sansip.ladder.calendar import written
from sansip.ladder.lines import fitting, note_of, wrapped
from sansip.ladder.values import Column, Ladder, Row
from sansip.value import value

NARROWEST: Final = 40  # characters
_STYLES: Final = MappingProxyType(
    {
        "bold": "1", "dim": "2", "good": "32", "bad": "31", "decision": "1;33", "dns": "36",
        "request": "1", "operator": "1;35", "rail": "2",
    }
)  # fmt: skip
_FEWEST: Final = 6  # characters between two columns
_MOST_LABEL: Final = 44  # characters of a label that a gap is made wider for
_LEAST_LABEL: Final = 7  # characters: with less room a label stands beside its arrow
_NOTE: Final = 38  # characters that a note wants at least
_MARKS: Final = MappingProxyType({"failover": "◆", "trouble": "✗", "operator": "◆"})
_FANCY: Final = "│─╌▶◀◆•×✗…"
_ASCII: Final = "|--><*+xx."


@value
class _Layout:
    """Where everything stands."""

    width: int
    margin: int  # what times take
    places: tuple[int, ...]  # of the lifelines
    letters: bool  # whether columns are called by letters


def text(
    ladder: Ladder, *, colour: bool = False, width: int = 100, only_ascii: bool = False
) -> str:
    """Draw it: lines of at most ``width`` characters, unless there are too many columns."""
    lines = [*_title(ladder)]
    if ladder.rows:
        lines += _picture(ladder, max(width, NARROWEST))
    else:
        lines.append([("nothing happened", "dim")])
    lines += [[(f"({note})", "dim")] for note in ladder.notes]
    shown = "".join([_painted(line, colour=colour) + "\n" for line in lines])
    return shown.translate(str.maketrans(_FANCY, _ASCII)) if only_ascii else shown


_Line = list[tuple[str, str]]  # pieces, each with its style


def _picture(ladder: Ladder, width: int) -> Iterator[_Line]:
    layout = _laid_out(ladder, width)
    yield from _heads(ladder, layout)
    place = ladder.place()
    for row in ladder.rows:
        yield from _drawn(row, row.at - ladder.begun, layout, place)


def _painted(line: _Line, *, colour: bool) -> str:
    if not colour:
        return "".join([piece for piece, _ in line]).rstrip()
    return "".join(
        [f"\033[{_STYLES[style]}m{piece}\033[0m" if style else piece for piece, style in line]
    )


# --- where everything stands


def _laid_out(ladder: Ladder, width: int) -> _Layout:
    last = max([row.at - ladder.begun for row in ladder.rows], default=0.0)
    margin = max(len(f"{last:.3f}"), 7) + 3
    widths = [max(map(len, _head(column))) for column in ladder.columns]
    heads = [(one + other) // 2 + 2 for one, other in pairwise(widths)]
    wanted = _wanted(ladder)
    before, behind = widths[0] // 2, widths[-1] - widths[-1] // 2
    room = width - margin - before - behind
    gaps = [max(head, want) for head, want in zip(heads, wanted, strict=True)]
    letters = sum(heads) > room
    if letters:
        before, room = 1, width - margin - 4
        gaps = [max(_FEWEST, want) for want in wanted]
        heads = [_FEWEST] * len(wanted)
    gaps = _shrunk(gaps, heads, room)
    places = [margin + before]
    for gap in gaps:
        places.append(places[-1] + gap)
    return _Layout(max(width, places[-1] + 2), margin, tuple(places), letters)


def _head(column: Column) -> tuple[str, ...]:
    """The lines above a lifeline."""
    return tuple([line for line in (column.name, *column.addresses) if line])


def _wanted(ladder: Ladder) -> list[int]:
    """How much room the labels between neighbours want."""
    wanted = [_FEWEST] * (len(ladder.columns) - 1)
    place = ladder.place()
    for row in ladder.rows:
        if row.target is not None:
            one, other = sorted((place[row.source], place[row.target]))
            if other == one + 1:
                wanted[one] = max(wanted[one], min(len(row.label), _MOST_LABEL) + 6)
    return wanted


def _shrunk(gaps: list[int], least: list[int], room: int) -> list[int]:
    """Gaps that have room together, if there is a way; the widest give first."""
    gaps = list(gaps)
    while sum(gaps) > room:
        spare = [gap - need for gap, need in zip(gaps, least, strict=True)]
        widest = max(range(len(gaps)), key=lambda at: (spare[at] > 0, gaps[at]))
        if spare[widest] <= 0:
            break
        gaps[widest] -= 1
    return gaps


# --- above


def _title(ladder: Ladder) -> Iterator[_Line]:
    when = "" if ladder.clock is None else f", 0.000 is {written(ladder.clock)}"
    yield [(ladder.title, "bold"), (when, "dim")]
    yield []


def _heads(ladder: Ladder, layout: _Layout) -> Iterator[_Line]:
    heads = [_head(column) for column in ladder.columns]
    if layout.letters:
        for number, head in enumerate(heads):
            begin = f"  {_letter(number):3}"
            for line in wrapped(" ".join(head), layout.width - len(begin)):
                yield [(begin, "bold"), (line, "")]
                begin = " " * len(begin)
        yield []
        heads = [(_letter(number),) for number in range(len(heads))]
    tallest = max(map(len, heads))
    for level in range(tallest):
        cells = list(" " * layout.width)
        for head, place in zip(heads, layout.places, strict=True):
            if level >= tallest - len(head):
                words = head[level - tallest + len(head)]
                at = max(0, place - len(words) // 2)
                cells[at : at + len(words)] = words
        yield [("".join(cells).rstrip(), "bold")]


def _letter(number: int) -> str:
    """A, B ... Z, A2, B2 ..."""
    again, letter = divmod(number, 26)
    return chr(ord("A") + letter) + (str(again + 1) if again else "")


# --- rows


class _Canvas:
    """A line on which things are put over others."""

    def __init__(self, layout: _Layout) -> None:
        self._cells = [" "] * layout.width
        self._styles = [""] * layout.width
        for place in layout.places:
            self.put(place, "│", "rail")

    def put(self, at: int, words: str, style: str) -> None:
        end = min(at + len(words), len(self._cells))
        self._cells[at:end] = words[: end - at]
        self._styles[at:end] = [style] * (end - at)

    def line(self) -> _Line:
        cells = zip(self._styles, self._cells, strict=True)
        joined = [
            ("".join([cell for _, cell in group]), style)
            for style, group in groupby(cells, lambda cell: cell[0])
        ]
        if not joined[-1][0].strip():
            joined.pop()
        return joined


def _drawn(row: Row, after: float, layout: _Layout, place: dict[str, int]) -> Iterator[_Line]:
    canvas = _Canvas(layout)
    canvas.put(0, f"{after:{layout.margin - 3}.3f}", "dim")
    start = layout.places[place[row.source]]
    if row.target is None or row.target == row.source:
        yield from _note(row, canvas, start, layout)
        return
    end = layout.places[place[row.target]]
    _arrow(row, canvas, start, end)
    yield canvas.line()


def _arrow(row: Row, canvas: _Canvas, start: int, end: int) -> None:
    first, last = sorted((start, end))
    style = _style(row)
    inner = last - first - 1
    dash = "╌" if row.again or row.kind == "flow" else "─"
    shaft = dash * (inner - 1)
    head = "×" if row.lost else "▶" if end > start else "◀"
    canvas.put(first + 1, shaft + head if end > start else head + shaft, style)
    room = inner - 5
    label = fitting(row, room) if room >= _LEAST_LABEL else row.label
    if len(label) <= room:
        begin = first + 1 if end > start else first + 2  # behind the head
        at = begin + (inner - 3 - len(label)) // 2
        canvas.put(at, f" {label} ", style)
    else:
        canvas.put(last + 1, f" {label} ", style)


def _note(row: Row, canvas: _Canvas, start: int, layout: _Layout) -> Iterator[_Line]:
    style = _style(row)
    at = start if layout.width - start >= _NOTE else max(layout.margin, layout.width - _NOTE)
    canvas.put(at, _MARKS.get(row.kind, "•"), style)
    for number, line in enumerate(wrapped(note_of(row), layout.width - at - 2)):
        below = _Canvas(layout) if number else canvas
        below.put(at + 1, f" {line} ", style)
        yield below.line()


def _style(row: Row) -> str:
    match row.kind:
        case "message":
            if row.again:
                return "dim"
            status = row.text[:1] if row.text[:3].isdigit() else ""
            return {"": "request", "1": "", "2": "good"}.get(status, "bad")
        case "trouble":
            return "bad"
        case "failover":
            return "decision"
        case "dns":
            return "dns"
        case "operator":
            return "operator"
        case "report" | "policy":
            return ""
        case "timer" | "flow":
            return "dim"
        case _:
            assert_never(row.kind)
