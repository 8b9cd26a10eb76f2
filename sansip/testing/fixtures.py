"""Fixtures of pytest: worlds and explorations that show what happened when a test fails.

In a conftest::

    pytest_plugins = ["sansip.testing.fixtures"]

``world`` is a ``sansip.simulate.World``. Its seed is the name of the test, so that the same test is
the same run; ``pytest --world-seed 7`` tries another one. ``@pytest.mark.worlds(200)`` runs a test
in so many worlds. ``explored(scenario)`` tries everything that can happen in a
``sansip.explore.Scenario``, and fails with the shortest way to what must not be.

When such a test fails, pytest shows the seed and the ladder; the journal of each engine, and the
ladder as a page for a browser, are in a folder of the test's name in ``.sansip/``, beside pytest's
own cache in the root of the project. They go when the test passes. So it is with what fails in the
fixtures of a test, before or after it.
"""

import re
import shutil
from collections.abc import Callable, Generator
from functools import partial
from hashlib import blake2b
from pathlib import Path
from shlex import quote
from typing import Final, cast

import pytest

from sansip.explore import Counterexample, Explored, Scenario, explore
from sansip.journal import read
from sansip.ladder import Ladder, draw, html, text
from sansip.simulate import Broken, World, ladder
from sansip.value import value

FOLDER: Final = ".sansip"
_PAGE: Final = "ladder.html"
_LONGEST: Final = 150  # letters of a folder's name
_FOREIGN: Final = re.compile(r"[^\w.-]+")  # not for the name of a file


@value
class Evidence:
    """What a test leaves behind that has failed."""

    title: str
    ladder: Ladder
    journals: dict[str, list[str]]  # lines, by the names of their files
    happenings: tuple[str, ...] = ()  # what the ladder does not show: packets that are lost, say


_EVIDENCE: Final = pytest.StashKey[Callable[[], Evidence]]()


# --- what a test may ask for


@pytest.fixture
def world(request: pytest.FixtureRequest) -> World:
    """A world of the test's own; ``--world-seed`` is its seed, or else the name of the test."""
    given: str | None = request.config.getoption("--world-seed")
    made = World(_test(request).name if given is None else _seed(given), journal=True)
    _keep(request, partial(_of_world, made))
    return made


@pytest.fixture
def explored(request: pytest.FixtureRequest) -> Callable[..., Explored]:
    """Call ``sansip.explore.explore``, and fail if it finds anything: ``explored(scenario)``."""

    def explored(
        scenario: Scenario, *, states: int | None = None, depth: int | None = None
    ) -> Explored:
        __tracebackhide__ = True
        found = explore(scenario, states=states, depth=depth)
        if found.broken is not None:
            _keep(request, partial(_of_exploration, found.broken))
            raise Broken(f"{found.broken.reason} (found in {found.states} states)")
        return found

    return explored


def _test(request: pytest.FixtureRequest) -> pytest.Item:
    return cast("pytest.Item", request.node)  # pyright: ignore[reportUnknownMemberType]


def _keep(request: pytest.FixtureRequest, evidence: Callable[[], Evidence]) -> None:
    """Remember what there will be to show if the test fails."""
    _test(request).stash[_EVIDENCE] = evidence


def _of_world(world: World) -> Evidence:
    title = f"{world!r} after {world.now:.3f} s"
    return Evidence(title, ladder(world.wire, world.reports, title), world.journals())


def _of_exploration(found: Counterexample) -> Evidence:
    journals = {"counterexample": list(found.journal)}
    return Evidence(found.reason, draw(read(found.journal)), journals, found.happenings)


def _seed(given: str) -> int | str:
    return int(given) if given.isdecimal() else given


# --- what pytest asks


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the command line."""
    group = parser.getgroup("sansip", "simulated worlds")
    about = "the seed of all worlds, instead of the names of their tests"
    group.addoption("--world-seed", metavar="SEED", help=about)


def pytest_configure(config: pytest.Config) -> None:
    """Marks."""
    about = "run the test in so many worlds, each with a seed of its own"
    config.addinivalue_line("markers", f"worlds(number): {about}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each world; with a seed that is given there is but one."""
    mark = metafunc.definition.get_closest_marker("worlds")
    if mark is not None and metafunc.config.getoption("--world-seed") is None:
        if len(mark.args) != 1 or not isinstance(mark.args[0], int) or mark.args[0] < 1:
            raise pytest.UsageError("how many? @pytest.mark.worlds(200), say")
        metafunc.parametrize("world", range(1, mark.args[0] + 1), indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what happened in a test that has failed, and clear away after one that has passed."""
    report = yield
    evidence = item.stash.get(_EVIDENCE, None)
    if evidence is not None and (report.failed or report.when == "call"):
        folder = item.config.rootpath / FOLDER / _name(item)
        shutil.rmtree(folder, ignore_errors=True)
        if report.failed:
            del item.stash[_EVIDENCE]  # it is shown once
            found = evidence()
            told = "".join(getattr(call.excinfo and call.excinfo.value, "__notes__", ()))
            said = [f"{number:4}. {it}\n" for number, it in enumerate(found.happenings, 1)]
            steps = "".join([*said, "\n"] if said else [])
            shown = "" if found.title in told else f"{steps}{text(found.ladder)}\n"
            report.sections.append(("what happened", shown + _kept(item, folder, found)))
    return report


def _name(item: pytest.Item) -> str:
    """The name of a test's folder: as one reads it, and with a number if that may not be enough."""
    read = re.sub(r"[^\w.]+", "-", item.nodeid.replace(".py::", "::")).strip("-.")
    if len(read) <= _LONGEST and re.fullmatch(r"[\w.\[\]-]*", item.name):
        return read
    return f"{read[:_LONGEST]}-{blake2b(item.nodeid.encode(), digest_size=4).hexdigest()}"


def _kept(item: pytest.Item, folder: Path, found: Evidence) -> str:
    """Write all that there is into the test's folder, and say what to do with it."""
    files = {f"{_FOREIGN.sub('-', name)}.journal": it for name, it in found.journals.items()}
    try:
        _write(folder, {name: "".join(lines) for name, lines in files.items()}, html(found.ladder))
        lines = [f"all of it:    {_near(item, folder / _PAGE)}"]
        lines += [
            f"step by step: python -m sansip ladder {_near(item, folder / it)}" for it in files
        ]
    except OSError as error:
        lines = [f"nothing is kept: {error}"]
    test = f"{_near(item, item.path)}::{item.nodeid.partition('::')[2]}"
    seed: str | None = item.config.getoption("--world-seed")
    again = quote(test) + ("" if seed is None else f" --world-seed {quote(seed)}")
    return "\n".join([*lines, f"run it again: pytest {again}"])


def _write(folder: Path, journals: dict[str, str], page: str) -> None:
    folder.mkdir(parents=True)
    folder.parent.joinpath(".gitignore").write_text("*\n", "utf-8")
    for name, content in {**journals, _PAGE: page}.items():
        file = folder / name
        file.touch(0o600)  # a configuration may have a secret
        file.write_text(content, "utf-8")


def _near(item: pytest.Item, path: Path) -> Path:
    """A path as seen from where pytest was called."""
    here = item.config.invocation_params.dir
    return path.relative_to(here) if path.is_relative_to(here) else path
