"""The rows of a table: inputs that do the same in one, and beside it what the figure says."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from machines.figures import Figure, Note
from machines.product import (
    DOUBLED,
    REQUEST,
    TIMES,
    TRYING,
    Drive,
    Given,
    Machine,
    Outcome,
    drive,
    inputs,
)
from sansip.transaction import (
    Broke,
    Ended,
    Pass,
    PassAck,
    Start,
    Stop,
    TimedOut,
    Transmit,
    Unacknowledged,
)

WORDS: dict[type[object], str] = {
    Pass: "response to TU",
    PassAck: "ACK to TU",
    TimedOut: "inform TU of timeout",
    Broke: "inform TU of transport error",
    Unacknowledged: "inform TU of missing ACK",
}
OF_TIMERS = ("stop ", "start ")
AS_DRAWN = "="
IDLE_TIMERS = "any other timer"

Edge = tuple[str, str]  # the next state, and what is done but for timers


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    state: str
    given: str
    over: str  # "unreliable", "reliable", or "" for both
    next: str
    done: str
    figure: str  # AS_DRAWN, the number of a note in brackets, or ""

    def __str__(self) -> str:
        return f"{self.state} + {self.given}"


def rows(machine: Machine, figure: Figure) -> list[Row]:
    """Give all rows, and see to it that every difference has its note."""
    drives = [drive(machine, reliable=reliable) for reliable in (False, True)]
    edges = dict(_edges(figure))
    for state, name in edges:
        there = (state, next(iter(_statuses(name)), name)) in drives[0].outcomes
        assert there, f"{state} + {name} is drawn, and there is no such thing"
    found = _rows(machine, "-", [[machine.beginning]], drives, (edges, figure.notes))
    for state in (cls.__name__ for cls in machine.states):
        groups = _groups(machine, state, drives, edges)
        found += _rows(machine, state, groups, drives, (edges, figure.notes))
    shown = {(row.figure, str(row)) for row in found}
    noted = {(f"[{number}]", row) for number, note in _numbered(figure.notes) for row in note.rows}
    assert noted <= shown, f"not there, or as drawn, and so no notes: {noted - shown}"
    return found


def _rows(
    machine: Machine,
    state: str,
    groups: Iterable[Sequence[Given]],
    drives: Sequence[Drive],
    figure: tuple[Mapping[tuple[str, str], Edge], Sequence[Note]],
) -> list[Row]:
    edges, notes = figure
    found: list[Row] = []
    for group in groups:
        name = _name(machine, group)
        edge = _drawn(edges, state, group[0])
        made: list[Row] = []
        for it in drives:
            if state in it.alive:
                outcome = it.outcomes[state, group[0]]
                row = Row(state, name, it.over, outcome.state, _done(said(machine, outcome)), "")
                made.append(_marked(machine, row, outcome, edge, notes))
        found += _together(made)
    return found


# What is done, in words


def said(machine: Machine, outcome: Outcome) -> list[str]:
    """Say what was put out, one after the other; that it ended, the next state says."""
    both = zip(outcome.outputs, outcome.later, strict=True)
    return [_word(machine, output, later) for output, later in both if output != Ended()]


def _word(machine: Machine, output: object, later: object) -> str:
    match output:
        case Transmit(data) if data == REQUEST:
            return "send INVITE" if machine.request == "INVITE" else "send request"
        case Transmit(data) if data.startswith(b"ACK"):
            return "send ACK"
        case Transmit(data):
            return "send 100" if data == TRYING else "send response"
        case Start(timer, after) if isinstance(later, Start) and later != output:
            return f"start {timer} ({DOUBLED[after, later.after].format(timer)})"
        case Start(timer, after):
            return f"start {timer} ({TIMES[after]})"
        case Stop(timer):
            return f"stop {timer}"
        case _:
            return WORDS[type(output)]


def _done(words: Iterable[str]) -> str:
    return "; ".join(words) or "-"


def without_timers(words: Iterable[str]) -> list[str]:
    return [word for word in words if not word.startswith(OF_TIMERS)]


# Rows over both transports


def _together(made: list[Row]) -> list[Row]:
    """Make one row of two that differ by timers alone, which then stand in brackets."""
    if len(made) == 1 or made[0].next != made[1].next or made[0].figure != made[1].figure:
        return made
    rest = made[1].done.split("; ")
    words: list[str] = []
    for word in made[0].done.split("; "):
        if rest[:1] == [word]:
            words.append(rest.pop(0))
        elif word.startswith(OF_TIMERS):
            words.append(f"[{word}]")
        else:
            return made
    first = made[0]
    both = Row(first.state, first.given, "", first.next, _done(words), first.figure)
    return made if rest else [both]


# Inputs that go into one row


def _groups(
    machine: Machine, state: str, drives: Sequence[Drive], edges: Mapping[tuple[str, str], Edge]
) -> list[list[Given]]:
    """Put together what does the same: within a class of statuses, and timers that do nothing."""
    groups: dict[Hashable, list[Given]] = {}
    for given in inputs(machine):
        edge = _drawn(edges, state, given)
        outcomes = [it.outcomes[state, given] for it in drives if state in it.alive]
        same = (edge, *[(it.state, *said(machine, it)) for it in outcomes])
        key: Hashable = (given, same)
        if isinstance(given, int):
            (cls,) = (cls for cls in machine.classes if given in cls)
            key = (cls, same)
        elif given.startswith("Timer ") and set(same) == {None, (state,)}:
            key = IDLE_TIMERS
        groups.setdefault(key, []).append(given)
    last = groups.pop(IDLE_TIMERS)
    return [*groups.values(), last]


def _name(machine: Machine, group: Sequence[Given]) -> str:
    """Name inputs that all do the same."""
    statuses = [given for given in group if isinstance(given, int)]
    if not statuses:
        return str(group[0]) if len(group) == 1 else IDLE_TIMERS
    low, high = statuses[0], statuses[-1]
    missing = sorted({*range(low, high + 1)} - {*statuses})
    name = f"{low}" if low == high else f"{low}-{high}"
    if (low, high) in {(100, 199), (200, 299)}:
        name = f"{low // 100}xx"
    name += f" but {', '.join(map(str, missing))}" if missing else ""
    return f"{name} from TU" if machine.serves else name


# Beside the figure


def _edges(figure: Figure) -> Iterator[tuple[tuple[str, str], Edge]]:
    for line in figure.edges.strip().splitlines():
        state, name, then, done = (cell.strip() for cell in line.split("|"))
        yield (state, name), (then, done)


def _drawn(edges: Mapping[tuple[str, str], Edge], state: str, given: Given) -> Edge | None:
    """Give the edge of the figure for one input, which may be one of a class."""
    if isinstance(given, str):
        return edges.get((state, given))
    found = [
        edge
        for (before, name), edge in edges.items()
        if before == state and given in _statuses(name)
    ]
    assert len(found) <= 1, f"{state} + {given} is drawn twice"
    return found[0] if found else None


def _statuses(name: str) -> range:
    """Give those that "1xx" or "300-699" stands for, if it is such a name."""
    name = name.removesuffix(" from TU")
    if name.endswith("xx"):
        return range(int(name[0]) * 100, int(name[0]) * 100 + 100)
    low, dash, high = name.partition("-")
    return range(int(low), int(high) + 1) if dash else range(0)


def _numbered(notes: Iterable[Note]) -> Iterable[tuple[int, Note]]:
    return enumerate(notes, 1)


def _marked(
    machine: Machine, row: Row, outcome: Outcome, edge: Edge | None, notes: Sequence[Note]
) -> Row:
    """Say how a row stands to the figure."""
    done = outcome.state, _done(without_timers(said(machine, outcome)))
    mark = ""
    if edge == done:
        mark = AS_DRAWN
    else:
        numbers = [n for n, note in _numbered(notes) if note.is_for(str(row), row.over)]
        assert len(numbers) <= 1, f"{row} has several notes"
        if numbers:
            mark = f"[{numbers[0]}]"
        else:
            idle = outcome.state == row.state and not outcome.outputs
            never = row.over == "reliable" and row.given.startswith("Timer ")  # not started there
            explained = idle and (edge is None or never)
            assert explained, f"{row}: {done} is not {edge}, and no note says why"
    return Row(row.state, row.given, row.over, row.next, row.done, mark)
