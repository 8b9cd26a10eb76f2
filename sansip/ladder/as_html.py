"""A ladder as one HTML file: nothing is loaded from elsewhere, and nothing is sent anywhere.

A row that is clicked, or gone to with the arrow keys, shows its whole message. Every byte of that
comes from a network, and may want to be more than text: all of it is escaped, and the file's own
policy allows the one script that stands in it, and nothing else.
"""

from collections.abc import Iterator
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from sansip.ladder.as_svg import drawn_row, heads, laid_out, rails, title
from sansip.ladder.markup import escaped, visible
from sansip.ladder.page import SCRIPT, STYLE
from sansip.ladder.values import Ladder, Row
from sansip.ladder.wording import plain

MOST_ROWS: Final = 5_000
MOST_CELLS: Final = 400_000  # rows, times columns
MOST_BYTES: Final = 16_000_000  # of messages
_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# What can be hidden, by its kind, and what that is called.
_FILTERS: Final = MappingProxyType({"timer": "Timers", "dns": "DNS", "report": "Reports"})
_COPIES: Final = "again"


def html(ladder: Ladder, *, most: int = MOST_ROWS) -> str:
    """Draw it. Of more than ``most`` rows there are only the first, and the file says so."""
    notes = ladder.notes
    most = min(most, MOST_CELLS // max(1, len(ladder.columns)))
    if len(ladder.rows) > most:
        notes = (
            f"the first {most} of {len(ladder.rows)} rows; the ladder of one call shows all of it",
            *notes,
        )
    shown = Ladder(
        ladder.title, ladder.columns, ladder.rows[:most], notes, ladder.begun, ladder.clock
    )
    return "".join(_parts(shown))


def _parts(ladder: Ladder) -> Iterator[str]:
    policy = (
        f"default-src 'none'; script-src 'sha256-{_digest(SCRIPT)}'; "
        f"style-src 'sha256-{_digest(STYLE)}'; base-uri 'none'; form-action 'none'"
    )
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escaped(ladder.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    )
    calls = {call: number for number, call in enumerate(ladder.calls())}
    yield from _bar(ladder, tuple(calls))
    layout = laid_out(ladder)
    size = f'width="{layout.width:g}" height="{layout.head:g}"'
    yield (
        f'<main>\n<div class="picture">\n<div class="heads"><svg class="ladder" {size} '
        f'role="img" aria-label="{escaped(_names(ladder))}">{heads(ladder, layout)}</svg></div>\n'
        '<ol role="listbox" aria-label="What happened">\n'
    )
    place = ladder.place()
    messages: dict[bytes, int] = {}
    for row in ladder.rows:
        if row.data:
            messages.setdefault(row.data, len(messages))
        height, drawn = drawn_row(row, ladder, layout, place)
        yield (
            f'<li role="option" aria-selected="false" tabindex="-1" {_facts(row, ladder)} '
            f'data-calls="{" ".join([str(calls[call]) for call in row.calls])}" '
            f'data-message="{messages[row.data] if row.data else ""}">'
            f'<svg class="ladder" width="{layout.width:g}" height="{height:g}" aria-hidden="true">'
            f"{rails(layout.places, 0, height)}{drawn}</svg></li>\n"
        )
    yield (
        '</ol>\n</div>\n<aside aria-live="polite"><h2>Nothing happened</h2><p></p><pre></pre>'
        "</aside>\n</main>\n<div hidden>\n"
    )
    left = MOST_BYTES
    for data, number in messages.items():
        left -= len(data)
        text = _message(data) if left >= 0 else "left out: the file has enough of them"
        yield f'<pre id="m{number}">{text}</pre>\n'
    yield f"</div>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"


def _bar(ladder: Ladder, calls: tuple[str, ...]) -> Iterator[str]:
    """What stands above: what it is, and what may be hidden."""
    yield f"<header>\n<h1>{escaped(title(ladder))}</h1>\n<p>{len(ladder.rows)} rows</p>\n<form>\n"
    if len(calls) > 1:
        yield '<label>Call <select name="call"><option value="">all</option>'
        for number, call in enumerate(calls):
            yield f'<option value="{number}">{escaped(plain(call))}</option>'
        yield "</select></label>\n"
    kinds = {_filter(row) for row in ladder.rows}
    for kind, name in (*_FILTERS.items(), (_COPIES, "Copies")):
        if kind in kinds:
            box = f'<input type="checkbox" name="kind" value="{kind}" checked>'
            yield f"<label>{box}{name}</label>\n"
    yield "</form>\n</header>\n"
    for note in ladder.notes:
        yield f'<p class="notice">{escaped(note)}</p>\n'


def _names(ladder: Ladder) -> str:
    return "Between " + ", ".join([column.label for column in ladder.columns])


def _facts(row: Row, ladder: Ladder) -> str:
    """What is said about a row beside its message, and to those who cannot see it."""
    labels = {column.key: column.label for column in ladder.columns}
    way = labels[row.source] + (f" to {labels[row.target]}" if row.target is not None else "")
    step = f", step {row.number}" if row.number else ""
    facts = f"{row.at - ladder.begun:.3f} s, {way}{step}"
    return (
        f'aria-label="{escaped(f"{row.label}, {facts}")}" data-text="{escaped(row.label)}" '
        f'data-facts="{escaped(facts)}" data-filter="{_filter(row)}"'
    )


def _filter(row: Row) -> str:
    """By what name a row can be hidden."""
    if row.again:
        return _COPIES
    return row.kind if row.kind in _FILTERS else ""


def _message(data: bytes) -> str:
    """A message, with the names of its headers marked."""
    head, blank, body = visible(data).partition("\n\n")
    first, *rows = head.split("\n")
    marked = [f"<b>{escaped(first)}</b>"]
    for row in rows:
        name, colon, rest = row.partition(":")
        known = colon and not name.startswith((" ", "\t"))
        marked.append(f"<i>{escaped(name)}</i>:{escaped(rest)}" if known else escaped(row))
    return "\n".join(marked) + escaped(blank + body)


def _digest(text: str) -> str:
    """SHA-256 in base64, as a Content-Security-Policy has it."""
    number = int.from_bytes(sha256(text.encode()).digest(), "big") << 2
    return "".join([_DIGITS[number >> 6 * place & 63] for place in range(42, -1, -1)]) + "="
