"""A ladder as a sequence diagram of Mermaid, for wikis and issue trackers that draw those.

Whatever could be syntax is written as a character code: what a network says stays text.
"""

import re
from typing import Final

from sansip.ladder.as_svg import title
from sansip.ladder.lines import note_of
from sansip.ladder.values import Ladder, Row

MOST: Final = 48_000  # characters: Mermaid draws nothing if there are more than 50,000
_LONGEST: Final = 160  # of one label
_PLAIN: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,:/@()_=+*!?-"
)

_END: Final = re.compile(r"\bend\b")  # a word that ends a block


def mermaid(ladder: Ladder) -> str:
    """Draw it. Of a ladder that is too long for Mermaid there is the beginning, and a note."""
    names = {column.key: f"p{number}" for number, column in enumerate(ladder.columns)}
    lines = ["sequenceDiagram"]
    lines += [
        f"    participant {names[column.key]} as {_text(column.label)}" for column in ladder.columns
    ]
    if ladder.columns:
        said = (title(ladder), *ladder.notes)
        lines += [f"    Note over p0: {_text(each)}" for each in said]
    size = sum([len(line) + 1 for line in lines])
    for number, row in enumerate(ladder.rows):
        line = _row(row, row.at - ladder.begun, names)
        size += len(line) + 1
        if size > MOST:
            lines.append(f"    Note over p0: {len(ladder.rows) - number} more rows")
            break
        lines.append(line)
    return "\n".join(lines) + "\n"


def _row(row: Row, after: float, names: dict[str, str]) -> str:
    source = names[row.source]
    if row.target is None:
        return f"    Note over {source}: {after:.3f} {_text(note_of(row))}"
    arrow = "-x" if row.lost else "-->>" if row.again or row.kind != "message" else "->>"
    return f"    {source}{arrow}{names[row.target]}: {after:.3f} {_text(row.label)}"


def _text(text: str) -> str:
    cut = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
    codes = "".join([each if each in _PLAIN else f"#{ord(each)};" for each in cut])
    return _END.sub("#101;nd", codes)
