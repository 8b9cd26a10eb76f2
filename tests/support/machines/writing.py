"""The rows written down: as a table to hold beside the RFC's figure, and as a diagram."""

from collections.abc import Sequence
from textwrap import fill

from machines.figures import Figure
from machines.product import Machine
from machines.rows import Row, rows, without_timers

WIDTH = 100
GAP = "  "
HEAD = """
One row for each state and each input: what the next state is, and what is done, in this order.
Timers and their times are those of RFC 3261 table 4, with Timers L and M of RFC 6026; 2*A is twice
what Timer A was last set to. [In brackets]: over unreliable transports only. Where more than that
differs there is a row for each; a state that has no rows for reliable transports is never entered
over them. Any other timer: one that does not run in this state.

In the last column "=" is as drawn: the same next state, the same done but for timers, which the RFC
gives in its text. Nothing: the figure does not have it, and nothing happens. A number: it differs,
or needs a word, and a note below says why. AMB are entries of docs/decisions.md.

`make tables` writes this file.
"""


def table(machine: Machine, figure: Figure) -> str:
    """Write the file."""
    lines = [figure.title, "=" * len(figure.title), "", f"Beside {figure.source}.", HEAD]
    titles = Row("State", "Input", "Transport", "Next state", "What is done", "Figure")
    every = [titles, *rows(machine, figure)]
    columns = zip(*[_cells(row) for row in every], strict=True)
    widths = [max(map(len, column)) for column in columns]
    before = titles
    for row in every:
        if row.state != before.state:
            lines.append("-" * (sum(widths) + len(GAP) * (len(widths) - 1)))
        first = "" if row.state == before.state and row is not titles else row.state
        cells = zip((first, *_cells(row)[1:]), widths, strict=True)
        lines.append(GAP.join([cell.ljust(width) for cell, width in cells]).rstrip())
        before = row
    lines += ["", "Notes", "-----", ""]
    for number, note in enumerate(figure.notes, 1):
        mark = f"[{number}] "
        hanging = " " * len(mark)
        lines.append(fill(f"{note.words}.", WIDTH, initial_indent=mark, subsequent_indent=hanging))
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    return (row.state, row.given, row.over, row.next, row.done, row.figure)


def diagram(machine: Machine, figure: Figure) -> str:
    """Write the state diagram for mermaid: "event / action", timers left out as in the figures."""
    edges: dict[tuple[str, str, str], list[str]] = {}
    for row in rows(machine, figure):
        if row.over != "reliable":
            words = without_timers([word.strip("[]") for word in row.done.split("; ")])
            done = ", ".join(words) or "-"
            if row.next != row.state or done != "-":
                edges.setdefault((row.state, row.next, done), []).append(row.given)
    lines = ["```mermaid", "stateDiagram-v2"]
    for (state, then, done), names in edges.items():
        label = ", ".join(_merged(names)) + ("" if done == "-" else f" / {done}")
        lines.append(f"    {'[*]' if state == '-' else state} --> {then}: {label}")
    return "\n".join([*lines, "    Terminated --> [*]", "```", ""])


def _merged(names: Sequence[str]) -> list[str]:
    """Make one of two rows that are apart in the table since only one of them is drawn."""
    pair = ["100 from TU", "101-199 from TU"]
    if not set(pair) <= set(names):
        return list(names)
    return ["1xx from TU" if name == pair[0] else name for name in names if name != pair[1]]
