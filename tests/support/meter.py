"""Measuring what things cost: against a baseline in the same run, so that no machine matters.

Work and baseline take turns, round by round, and of each the fastest round counts: whatever else a
machine does only ever slows it down.
"""

import gc
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter

Round = Callable[[], float]  # does some work, and returns the seconds that one piece of it took

WIDTHS = (39, 9, 27, 6, 7, 3)
HEADS = ("work", "measured", "baseline in this run", "ratio", "budget", "ok?")
FEWEST_ROUNDS = 5


@dataclass(frozen=True)
class Row:
    """One row of the table, as text."""

    work: str
    measured: str
    baseline: str
    ratio: str
    budget: str
    verdict: str


class Meter:
    """Takes measurements and keeps the rows; untimed, everything runs once and nothing is kept."""

    def __init__(self, rows: list[Row], *, timed: bool) -> None:
        self._rows = rows
        self.timed = timed

    def scaled(self, number: int) -> int:
        """The number of pieces to work on: far fewer when nobody looks at the clock."""
        return number if self.timed else max(1, number // 200)

    def rounds(self, seconds: float) -> Iterator[None]:
        """Go round for so many seconds, with a settled heap; untimed, once."""
        gc.collect()
        gc.freeze()
        until = perf_counter() + seconds
        done = 0
        while done < 1 or (self.timed and (done < FEWEST_ROUNDS or perf_counter() < until)):
            yield
            done += 1
        gc.unfreeze()

    def compare(
        self,
        work: str,
        measured: Round,
        name: str,
        baseline: Round,
        *,
        budget: float | None = None,
        seconds: float = 2.0,
    ) -> None:
        """Measure both in turns, and enter the row."""
        best = base = math.inf
        for _ in self.rounds(seconds):
            base = min(base, baseline())
            best = min(best, measured())
        self.enter(work, best, name, base, budget=budget)

    def enter(
        self, work: str, best: float, name: str, base: float, *, budget: float | None = None
    ) -> None:
        """Enter what two things took, in seconds."""
        ratio = best / base
        self._enter(
            work,
            _microseconds(best),
            f"{name} {_microseconds(base)}",
            f"{ratio:.2f}",
            "" if budget is None else f"{budget:.2f}",
            _verdict(ratio, budget),
        )

    def count(self, work: str, amount: float, unit: str, *, budget: float | None = None) -> None:
        """Enter something that does not depend on the machine's speed."""
        text = "" if budget is None else f"{budget:,.0f}{unit}"
        self._enter(work, f"{amount:,.0f}{unit}", "", "", text, _verdict(amount, budget))

    def _enter(self, *texts: str) -> None:
        if self.timed:
            self._rows.append(Row(*texts))


def each(times: int, function: Callable[..., object], *arguments: object) -> Round:
    """A round that calls a function so many times."""

    def go() -> float:
        began = perf_counter()
        for _ in range(times):
            function(*arguments)
        return (perf_counter() - began) / times

    return go


def table(rows: list[Row]) -> str:
    """The rows as text: words to the left, numbers to the right."""
    lines = [_line(HEADS), _line(tuple("-" * width for width in WIDTHS))]
    for row in rows:
        texts = (row.work, row.measured, row.baseline, row.ratio, row.budget, row.verdict)
        lines.append(_line(texts))
    return "\n".join(lines)


def _line(texts: tuple[str, ...]) -> str:
    work, measured, baseline, ratio, budget, verdict = (
        text.ljust(width) if at in (0, 5) else text.rjust(width)
        for at, (text, width) in enumerate(zip(texts, WIDTHS, strict=True))
    )
    return f"{work} {measured}  {baseline} {ratio} {budget}  {verdict}".rstrip()


def _microseconds(seconds: float) -> str:
    number = seconds * 1e6
    return f"{number:.{2 if number < 100 else 0}f} us"


def _verdict(amount: float, budget: float | None) -> str:
    if budget is None:
        return ""
    return "yes" if amount <= budget else "NO"
