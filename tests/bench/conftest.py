"""Benchmarks: what the core and an adapter cost, as ratios that hold on any machine.

``--measure`` takes the time and prints the table; without it everything runs once, so that none of
it rots. A benchmark is a test with the ``meter`` fixture in a file named ``bench_*.py``.
"""

import pytest

from meter import Meter, Row, table

ROWS = pytest.StashKey[list[Row]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--measure", action="store_true", help="take the time of benchmarks")


@pytest.fixture
def meter(pytestconfig: pytest.Config) -> Meter:
    return Meter(
        pytestconfig.stash.setdefault(ROWS, []), timed=bool(pytestconfig.getoption("measure"))
    )


@pytest.fixture(scope="session", autouse=True)
def value_classes() -> tuple[type[object], ...]:
    """No guard on values here: what is measured is what runs."""
    return ()


@pytest.fixture(autouse=True)
def _no_sockets() -> None:
    """Sockets are allowed: one benchmark measures an adapter."""


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    rows = config.stash.get(ROWS, None)
    if rows:
        terminalreporter.section("what things cost: the fastest round of many")
        terminalreporter.write_line(table(rows))
