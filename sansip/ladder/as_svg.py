"""A ladder as one SVG: for a page, a report or a README; no script, nothing from elsewhere."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from sansip.ladder.calendar import written
from sansip.ladder.lines import fitting, note_of, wrapped
from sansip.ladder.markup import escaped
from sansip.ladder.style import DARK, LADDER, LIGHT
from sansip.ladder.values import Ladder, Row
from sansip.value import value

CHARACTER: Final = 7.25  # pixels, of most fonts with fixed widths, at 12 pixels
SMALL: Final = 6.65  # and at 11
_TIMES: Final = 74  # pixels that times take on the left
_MARGIN: Final = 18
_NARROWEST: Final = 120  # pixels between two columns
_LONGEST: Final = 40  # characters of a label that columns are moved apart for
_NOTES: Final = 62  # characters that notes have room for at least
_ARROW, _LINE = 30, 17  # the height of an arrow's row, and of one line of a note
_TIP: Final = 8
_EMPTY: Final = 360.0


@value
class Layout:
    """Where everything stands, from the left to the right."""

    width: float
    places: tuple[float, ...]  # of the lifelines
    head: float  # height of what stands above them


def svg(ladder: Ladder) -> str:
    """Draw it. Browsers choose light or dark colours; the text can be searched, and read aloud."""
    layout = laid_out(ladder)
    top = 34.0
    parts = [f'<g transform="translate(0 {top:g})">{heads(ladder, layout)}</g>']
    place = ladder.place()
    begin = len(parts)
    at = top + layout.head
    for row in ladder.rows:
        height, drawn = drawn_row(row, ladder, layout, place)
        parts.append(f'<g transform="translate(0 {at:g})">{drawn}</g>')
        at += height
    parts.insert(begin, rails(layout.places, top + layout.head, at))
    for note in ladder.notes or () if ladder.rows else (*ladder.notes, "nothing happened"):
        at += 20
        parts.append(f'<text class="foot" x="{_MARGIN}" y="{at:g}">{escaped(note)}</text>')
    at += 16
    size = f'width="{layout.width:g}" height="{at:g}" viewBox="0 0 {layout.width:g} {at:g}"'
    said = 'class="ladder" role="img" aria-labelledby="title desc"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {said} {size}>',
            f'<title id="title">{escaped(title(ladder))}</title>',
            f'<desc id="desc">{escaped(described(ladder))}</desc>',
            f"<style>\n:root {{ color-scheme: light dark; {LIGHT} }}",
            f"@media (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}",
            f"{LADDER}</style>",
            '<rect width="100%" height="100%" style="fill: var(--paper)"/>',
            f'<text x="{_MARGIN}" y="22" style="font-weight: 600">{escaped(title(ladder))}</text>',
            *parts,
            "</svg>\n",
        ]
    )


def title(ladder: Ladder) -> str:
    """One line about all of it."""
    when = "" if ladder.clock is None else f", 0.000 is {written(ladder.clock)}"
    return f"{ladder.title}{when}"


def described(ladder: Ladder) -> str:
    """What it is a picture of, for those who cannot see it."""
    names = ", ".join([column.label for column in ladder.columns])
    return f"A ladder of {len(ladder.rows)} rows between {names}." if names else "An empty ladder."


# --- where everything stands


def laid_out(ladder: Ladder) -> Layout:
    """Columns have room for what stands above and between them."""
    if not ladder.columns:
        return Layout(_EMPTY, (), 0.0)
    widths = [
        max(len(column.name) * CHARACTER, *[len(line) * SMALL for line in column.addresses], 40)
        for column in ladder.columns
    ]
    gaps = [max(_NARROWEST, (one + other) / 2 + 26) for one, other in pairwise(widths)]
    place = ladder.place()
    right = 0.0
    for row in ladder.rows:
        if row.target is not None:
            one, other = sorted((place[row.source], place[row.target]))
            if other == one + 1:
                wanted = min(len(row.label), _LONGEST) * CHARACTER + 34
                gaps[one] = max(gaps[one], wanted)
    places = [_TIMES + _MARGIN + max(widths[0] / 2, 20)]
    for gap in gaps:
        places.append(round(places[-1] + gap))
    for row in ladder.rows:
        if row.target is None:
            long = min(len(note_of(row)), _NOTES)
            right = max(right, places[place[row.source]] + long * CHARACTER + 34)
    highest = max([len(column.addresses) for column in ladder.columns])
    width = max(places[-1] + widths[-1] / 2 + _MARGIN + 8, right + _MARGIN, _EMPTY)
    return Layout(round(width), tuple(places), 38.0 + 15 * highest)


def heads(ladder: Ladder, layout: Layout) -> str:
    """What stands above the lifelines."""
    parts: list[str] = []
    for column, place in zip(ladder.columns, layout.places, strict=True):
        lines = [(line, "place", SMALL) for line in column.addresses]
        if column.name:
            lines.insert(0, (column.name, "name", CHARACTER))
        wide = max([len(line) * size for line, _, size in lines], default=20.0) + 18
        high = 10 + 15 * len(lines)
        top = layout.head - high - 8
        parts.append(
            f'<rect class="plate" x="{place - wide / 2:g}" y="{top:g}" width="{wide:g}" '
            f'height="{high}" rx="6"/>'
        )
        for number, (line, style, _) in enumerate(lines):
            y = top + 15 + 15 * number
            parts.append(f'<text class="{style}" x="{place:g}" y="{y:g}">{escaped(line)}</text>')
        parts.append(rails((place,), layout.head - 8, layout.head))
    return "".join(parts)


def rails(places: tuple[float, ...], top: float, bottom: float) -> str:
    """The lifelines, from there to there."""
    path = "".join([f"M{place:g} {top:g}V{bottom:g}" for place in places])
    return f'<path class="rail" d="{path}"/>'


# --- rows


def drawn_row(row: Row, ladder: Ladder, layout: Layout, place: dict[str, int]) -> tuple[float, str]:
    """A row, from its own top on: its height, and how it looks."""
    start = layout.places[place[row.source]]
    if row.target is None or row.target == row.source:
        height, drawn = _note(row, layout, start)
        y = 14.0
    else:
        height, drawn = float(_ARROW), _arrow(row, start, layout.places[place[row.target]])
        y = 25.0
    time = f'<text class="time" x="{_TIMES}" y="{y:g}">{row.at - ladder.begun:.3f}</text>'
    return height, f'<g class="{_classes(row)}">{drawn}{time}</g>'


def _classes(row: Row) -> str:
    if row.target is None:
        return f"note {row.kind}"
    style: str = row.kind
    if row.kind == "trouble":
        style = "bad"
    elif row.kind == "message":
        status = row.text[:1] if row.text[:3].isdigit() else ""
        style = {"": "asked", "1": "said", "2": "good"}.get(status, "bad")
    return f"{style} again" if row.again else style


def _arrow(row: Row, start: float, end: float) -> str:
    way = 1 if end > start else -1
    tip = (start + end) / 2 if row.lost else end - way * 2
    room = int((abs(end - start) - 12) / CHARACTER)
    label = fitting(row, max(room, 8))
    full = f"<title>{escaped(row.label)}</title>" if label != row.label else ""
    y = 21
    if row.lost:
        head = f"M{tip - 5:g} {y - 5}l10 10m0 -10l-10 10"
        drawn = f'<path class="shaft" d="M{start:g} {y}H{tip:g}{head}"/>'
    else:
        back = tip - way * _TIP
        drawn = (
            f'<path class="shaft" d="M{start:g} {y}H{back:g}"/>'
            f'<path class="tip" d="M{tip:g} {y}L{back:g} {y - 4}V{y + 4}Z"/>'
        )
    middle = (start + end) / 2
    return f'{drawn}<text class="what" x="{middle:g}" y="{y - 8}">{full}{escaped(label)}</text>'


def _note(row: Row, layout: Layout, start: float) -> tuple[float, str]:
    room = max(int((layout.width - _MARGIN - start - 30) / CHARACTER), 20)
    lines = wrapped(note_of(row), room)
    wide = max(map(len, lines)) * CHARACTER + 14
    high = _LINE * len(lines) + 3
    shapes = (
        f'<rect class="pill" x="{start + 10:g}" y="1.5" width="{wide:g}" height="{high}" rx="5"/>'
        f'<circle class="dot" cx="{start:g}" cy="10" r="3.5"/>'
    )
    text = "".join(_lines(lines, start + 17))
    return high + 4.0, shapes + text


def _lines(lines: tuple[str, ...], x: float) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f'<text x="{x:g}" y="{14 + _LINE * number}">{escaped(line)}</text>'
