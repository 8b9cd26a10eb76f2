"""Benchmarks: what the core and an adapter cost, as ratios that hold on any machine.

pytest-benchmark measures; here its results, and what is counted rather than timed, become one
table. Of each benchmark the fastest round counts: whatever else a machine does only slows it down.
A test says what the ratio may be with ``benchmark.extra_info["budget"]``, and what the time itself
may be with ``benchmark.extra_info["seconds"]``.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import pytest

from benching import Count

HEADS = ("work", "measured", "baseline in this run", "ratio", "budget", "ok?")


class Stats(Protocol):
    min: float


class Result(Protocol):
    group: str | None
    name: str
    extra_info: dict[str, float]
    stats: Stats


class Session(Protocol):
    benchmarks: list[Result]
    disabled: bool


@pytest.fixture
def scaled(pytestconfig: pytest.Config) -> Callable[[int], int]:
    """Give the number of pieces to work on: far fewer when nobody looks at the clock."""
    untimed = pytestconfig.getoption("benchmark_disable")
    return lambda number: max(1, number // 200) if untimed else number


@pytest.fixture(scope="session", autouse=True)
def value_classes() -> tuple[type[object], ...]:
    """No guard on values here: what is measured is what runs."""
    return ()


@pytest.fixture(autouse=True)
def _no_sockets() -> None:
    """Sockets are allowed: one benchmark measures an adapter."""


@pytest.hookimpl(trylast=True)  # below the tables of pytest-benchmark
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    session: Session | None = getattr(config, "_benchmarksession", None)
    if session is None or session.disabled:
        return
    counts = [
        content
        for report in terminalreporter.getreports("passed")
        for name, content in report.user_properties
        if name == "count" and isinstance(content, Count)
    ]
    rows = [*_timed(session.benchmarks), *map(_counted, counts)]
    if rows:
        terminalreporter.section("what things cost: the fastest round of many")
        for row in (HEADS, *rows):
            terminalreporter.write_line(_line(*row))


def _timed(results: Iterable[Result]) -> Iterator[tuple[str, ...]]:
    """One row for each pair."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.group or result.name, []).append(result)
    for work, pair in groups.items():
        if len(pair) == 2:
            ours, theirs = pair
            best, base = ours.stats.min, theirs.stats.min
            budgets = [
                (amount, most, form(most))
                for amount, most, form in (
                    (best, ours.extra_info.get("seconds"), _microseconds),
                    (best / base, ours.extra_info.get("budget"), "{:.2f}".format),
                )
                if most is not None
            ]
            baseline = theirs.name.partition("[")[0].removeprefix("test_").replace("_", " ")
            yield (
                work,
                _microseconds(best),
                f"{baseline} {_microseconds(base)}",
                f"{best / base:.2f}",
                ", ".join([text for _, _, text in budgets]),
                ", ".join([_verdict(amount, most) for amount, most, _ in budgets]),
            )


def _counted(row: Count) -> tuple[str, ...]:
    work, amount, unit, budget = row
    measured, most = f"{amount:,.0f}{unit}", f"{budget:,.0f}{unit}"
    return work, measured, "", "", most, _verdict(amount, budget)


def _line(work: str, measured: str, baseline: str, ratio: str, budget: str, verdict: str) -> str:
    return f"{work:39} {measured:>9}  {baseline:>27} {ratio:>6} {budget:>13}  {verdict}".rstrip()


def _microseconds(seconds: float) -> str:
    number = seconds * 1e6
    return f"{number:.{2 if number < 100 else 0}f} us"


def _verdict(amount: float, budget: float) -> str:
    return "yes" if amount <= budget else "NO"
