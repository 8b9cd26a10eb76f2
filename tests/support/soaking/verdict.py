"""What came of a soak: checks, a table, and a line of JSON."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from soaking.gauge import Reading

WARM = 75.0  # seconds until memory is what it stays at: most of what is kept is kept for 32 s
LEAST = 120.0  # seconds of load without which nothing can be said of memory
SLACK = 2 << 20, 0.03  # bytes, and a part: so much more memory at the end is no growth
FILES = 25  # so many more open files at the end are no growth: neighbours come and go
BUSY = 0.25  # part of the time: waiting longer for a processor may lose calls
MB = 1 << 20


@dataclass(frozen=True)
class Check:
    """Something that must hold. ``ok`` is None if it could not be looked at."""

    name: str
    ok: bool | None
    text: str


@dataclass
class Outcome:
    """All that is known at the end."""

    seconds: float
    rate: float
    load: dict[str, Any] = field(default_factory=dict[str, Any])
    neighbours: dict[str, Any] = field(default_factory=dict[str, Any])
    readings: list[Reading] = field(default_factory=list[Reading])
    took: list[list[float]] = field(default_factory=list[list[float]])  # 50 %, 99 %, most
    lines: dict[str, int] = field(default_factory=dict[str, int])  # on stderr, by topic
    alarming: list[str] = field(default_factory=list[str])
    reloads: int = 0
    status: int | None = None
    ended_in: float = 0.0  # seconds from SIGTERM to the end
    files: tuple[int, int] = 0, 0  # open before the load, and when all was over
    left: str = ""  # what the proxy says that goes on, when all should be over
    crowd: dict[str, Any] = field(default_factory=dict[str, Any])
    more: list[Check] = field(default_factory=list[Check])

    @property
    def checks(self) -> list[Check]:
        """What must hold."""
        begun = sum(self.load.get("begun", {}).values())
        lost = sum(self.load.get("lost", {}).values())
        faults = self.neighbours.get("faults", [])
        reloaded = self.lines.get("reloaded", 0)
        return [
            Check("no call is lost", bool(begun) and not lost, f"{lost} of {begun:,}"),
            self._memory(),
            self._files(),
            Check("bad neighbours are dealt with", not faults, "; ".join(faults[:3]) or "all"),
            Check("it reloads", reloaded == self.reloads, f"{reloaded} of {self.reloads} times"),
            Check(
                "it ends in time, with status 0",
                self.status == 0,
                f"status {self.status}, {self.ended_in:.1f} s",
            ),
            Check("nothing alarming on stderr", not self.alarming, f"{len(self.alarming)} lines"),
            Check(
                "nothing goes on after the end",
                not re.search("[1-9]", self.left) if self.left else None,
                self.left or "not looked at",
            ),
            *self.more,
        ]

    def _memory(self) -> Check:
        name = "memory is flat"
        early, late = self._quarters(lambda reading: reading.memory)
        if self.crowd:
            return Check(name, None, "not while a crowd comes and goes")
        if self.seconds < LEAST or not late:
            return Check(name, None, f"not known in less than {LEAST:g} s")
        most = max(SLACK[0], SLACK[1] * early)
        text = (
            f"{early / MB:.1f} MB, then {late / MB:.1f} MB; {most / MB:.1f} MB more are no growth"
        )
        return Check(name, late - early <= most, text)

    def _files(self) -> Check:
        name = "open files are flat"
        if not self.readings:
            return Check(name, None, "not known without /proc")
        early, late = self._quarters(lambda reading: reading.files)
        before, after = self.files
        text = f"{early:.0f}, then {late:.0f}; {before} before the load, {after} after it"
        if self.crowd:
            return Check(name, after <= before + 1, f"{before} before the load, {after} after it")
        return Check(name, late - early <= FILES and after <= before + 1, text)

    def _quarters(self, what: Callable[[Reading], float]) -> tuple[float, float]:
        """The medians of the second and the last quarter of what was read when it was warm."""
        warm = [reading for reading in self.readings if reading.at >= min(WARM, self.seconds / 4)]
        if len(warm) < 4:
            return 0.0, 0.0
        quarter = len(warm) // 4
        early, late = warm[quarter : 2 * quarter], warm[-quarter:]
        return median(map(what, early)), median(map(what, late))

    @property
    def has_passed(self) -> bool:
        """Whether nothing has failed."""
        return all(check.ok is not False for check in self.checks)

    @property
    def cpu_per_call(self) -> float:
        """Microseconds of the proxy for each call and other story, bad neighbours and all."""
        if len(self.readings) < 2:
            return 0.0
        first, last = self.readings[len(self.readings) // 4], self.readings[-1]
        return 1e6 * (last.cpu - first.cpu) / max(1, last.calls - first.calls)

    @property
    def longest_wait(self) -> float:
        """The worst part of the time between some looks in which the proxy had no processor."""
        pairs = zip(self.readings[::5], self.readings[5::5], strict=False)
        return max(((b.waited - a.waited) / (b.at - a.at) for a, b in pairs), default=0.0)

    def table(self) -> list[str]:
        """All of it, to be read."""
        begun, well, lost = (self.load.get(name, {}) for name in ("begun", "well", "lost"))
        rows: list[tuple[str, ...]] = [("", "begun", "as expected", "lost")]
        names = sorted({name.rpartition(" (")[0] or name for name in (*begun, *lost)})
        for name in names:
            sums = [summed(counts, name) for counts in (begun, well, lost)]
            rows.append((name, *[f"{number:,}" for number in sums]))
        rows.append(("all", *[f"{sum(c.values()):,}" for c in (begun, well, lost)]))
        lines = [*columns(rows), ""]
        counts = {**self.load.get("counts", {}), **self.neighbours.get("counts", {})}
        lines += columns([(name, f"{number:,}") for name, number in sorted(counts.items())])
        lines += ["", "lines on stderr: " + (said(self.lines) or "none")]
        if self.took:
            middle, most = median(took[0] for took in self.took), max(took[2] for took in self.took)
            late = median(took[1] for took in self.took)
            lines.append(
                f"OPTIONS 200 took {1000 * middle:.1f} ms; one in a hundred {1000 * late:.0f} ms; "
                f"the longest {1000 * most:.0f} ms"
            )
        if self.longest_wait > BUSY:
            lines.append(
                f"This machine had too much else to do: for {self.longest_wait:.0%} of the time "
                "between two looks the proxy was waiting for a processor. What is lost or late "
                "then may be so for that reason alone."
            )
        lines += [f"CPU of the proxy for each of them: {self.cpu_per_call:,.0f} us", ""]
        lines += [*self.load.get("why", []), *self.alarming, *self.neighbours.get("faults", [])]
        marks = {True: "ok", False: "FAILED", None: "-"}
        lines += ["", *columns([(marks[c.ok], c.name, c.text) for c in self.checks])]
        return lines

    def json(self) -> str:
        """The same for machines, in one line."""
        peak = max((reading.memory for reading in self.readings), default=0)
        return json.dumps(
            {
                "passed": self.has_passed,
                "seconds": self.seconds,
                "rate": self.rate,
                "begun": sum(self.load.get("begun", {}).values()),
                "lost": sum(self.load.get("lost", {}).values()),
                "peak_memory": peak,
                "longest_wait": round(self.longest_wait, 2),
                "cpu_us_per_call": round(self.cpu_per_call),
                "checks": {check.name: check.ok for check in self.checks},
            }
        )


def summed(counts: dict[str, int], name: str) -> int:
    """Over all transports."""
    return sum(n for known, n in counts.items() if (known.rpartition(" (")[0] or known) == name)


def said(counts: dict[str, int]) -> str:
    """Counts in a line."""
    return ", ".join(f"{name} {number:,}" for name, number in sorted(counts.items()))


def columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows as lines, each column as wide as its widest."""
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
