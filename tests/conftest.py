"""What all tests share: the guard on values, no sockets, Hypothesis profiles, golden files, rules.

The guard: ``sansip.value`` makes plain classes, because frozen ones are slow to create. Here every
value class gets a ``__setattr__`` under which a slot that is set can never be set again. Benchmarks
run without.

Rules: a test names what it holds with ``pytest.mark.rule``. ``pytest --collect-only -q --rules``
lists the tests of each rule; ``pytest -m 3261-7.3.1-03`` runs those of one, for each id is a marker
of its own, and ``--rule 3261-7.3`` those of a section.
"""

import dataclasses
import importlib
import os
import pkgutil
import re
import socket
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

import sansip

TESTS = Path(__file__).parent
MAY_OPEN_SOCKETS = tuple(TESTS / name for name in ("adapters", "interop", "examples"))

# Speed is measured by benchmarks, and machines that run tests are busy: no deadline, and no
# complaint about slow generation.
_SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", _SLOW, max_examples=50)
settings.register_profile("ci", _SLOW, max_examples=200, derandomize=True)
settings.register_profile("nightly", _SLOW, max_examples=10_000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regenerate", action="store_true", help="write golden files anew")
    parser.addoption("--rules", action="store_true", help="list the tests of each rule")
    parser.addoption("--rule", action="append", help="run the tests of this rule or section only")


def pytest_configure() -> None:
    by_default = "ci" if os.environ.get("CI") else "dev"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", by_default))


# Rules

_COLLECTED = pytest.StashKey[list[pytest.Item]]()  # whatever is deselected later
_SELECTED = pytest.StashKey[list[pytest.Item]]()


@pytest.hookimpl(tryfirst=True)  # before -m and -k
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[_COLLECTED] = list(items)
    known = {rule for item in items for rule in _rules_of(item) if re.fullmatch(r"[\w.-]+", rule)}
    for rule in sorted(known):
        config.addinivalue_line("markers", f"{rule}: what holds this rule")
    for item in items:
        for rule in known.intersection(_rules_of(item)):
            item.add_marker(rule)
    wanted: list[str] | None = config.getoption("--rule")
    if wanted:
        places = {item: any(_is_of(rule, wanted) for rule in _rules_of(item)) for item in items}
        config.hook.pytest_deselected(items=[item for item in items if not places[item]])
        items[:] = [item for item in items if places[item]]
    config.stash[_SELECTED] = list(items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    config = terminalreporter.config
    if config.getoption("--rules"):
        terminalreporter.write_line("")
        for line in _table(config.stash.get(_SELECTED, list[pytest.Item]())):
            terminalreporter.write_line(line)


def _rules_of(item: pytest.Item) -> Iterator[str]:
    for mark in item.iter_markers("rule"):
        yield from mark.args


@pytest.fixture(scope="session")
def tests_of_rules(request: pytest.FixtureRequest) -> dict[str, list[tuple[str, str]]]:
    """Give the tests of each rule, as file and name, in the order of the files.

    All tests count, those that -k or -m leave out too; where only some files were collected, it
    skips.
    """
    items = request.config.stash[_COLLECTED]
    missing = set(TESTS.rglob("test_*.py")) - {item.path for item in items}
    if missing:
        whole = request.config.args_source is pytest.Config.ArgsSource.TESTPATHS
        say = pytest.fail if whole and os.environ.get("CI") else pytest.skip
        say(f"only some tests were collected: nothing of {min(missing).name}, say")
    tests = defaultdict[str, dict[tuple[str, str], None]](dict)
    for item in sorted(items, key=lambda item: item.path):  # and within a file as they stand there
        name = item.path.relative_to(TESTS).as_posix(), item.name.partition("[")[0]
        for rule in _rules_of(item):
            tests[rule][name] = None
    return {rule: list(names) for rule, names in tests.items()}


def _is_of(rule: str, wanted: list[str]) -> bool:
    """Whether a rule is one of these, or in one of these sections."""
    return any(rule == each or rule.startswith((f"{each}-", f"{each}.")) for each in wanted)


def _table(items: list[pytest.Item]) -> Iterator[str]:
    tests = defaultdict[str, set[str]](set)
    for item in items:
        for rule in _rules_of(item):
            tests[rule].add(item.nodeid.partition("[")[0])
    group = ""
    for rule in sorted(tests, key=_in_order):
        number = re.match(r"(?:RFC )?([0-9]+)", rule)
        heading = rule.partition("-")[0] if number is None else f"RFC {number[1]}"
        if heading != group:
            group = heading
            yield f"# {heading}"
        yield rule
        yield from [f"    {test}" for test in sorted(tests[rule])]


def _in_order(rule: str) -> list[tuple[bool, int, str]]:
    """Numbers by value, and what begins with one before what does not."""
    pieces = re.findall(r"[0-9]+|[^0-9]+", rule.removeprefix("RFC "))
    return [(not p.isdigit(), int(p) if p.isdigit() else 0, p) for p in pieces]


# Values, sockets, golden files


@pytest.fixture(scope="session", autouse=True)
def value_classes() -> tuple[type[object], ...]:
    """Give every value class of sansip, guarded."""
    found = tuple(
        thing
        for module in pkgutil.walk_packages(sansip.__path__, "sansip.")
        for thing in vars(importlib.import_module(module.name)).values()
        if isinstance(thing, type) and thing.__module__ == module.name
        if dataclasses.is_dataclass(thing) and "__slots__" in vars(thing)
    )
    for cls in found:
        type.__setattr__(cls, "__setattr__", _set_once)
        type.__setattr__(cls, "__delattr__", _never_delete)
    return found


def _set_once(self: object, name: str, content: object) -> None:
    try:
        object.__getattribute__(self, name)
    except AttributeError:
        object.__setattr__(self, name, content)
    else:
        raise dataclasses.FrozenInstanceError(f"{type(self).__name__}.{name} is set already")


def _never_delete(self: object, name: str) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"{type(self).__name__}.{name} cannot be deleted")


@pytest.fixture(autouse=True)
def _no_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only the tests of things with sockets open sockets."""
    if not any(request.path.is_relative_to(folder) for folder in MAY_OPEN_SOCKETS):
        monkeypatch.setattr(socket.socket, "__init__", _refuse)


def _refuse(*_arguments: object, **_options: object) -> NoReturn:
    pytest.fail("this test may not open sockets", pytrace=True)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Give ``golden(name, text)``: the text must equal the file of that name beside the test.

    ``golden(name, text, part="rules")`` is about the lines between ``<!-- rules -->`` and
    ``<!-- end of rules -->`` in that file. Mark such tests with ``pytest.mark.golden``;
    ``make golden`` writes their files anew.
    """

    def compare(name: str, text: str, part: str = "") -> None:
        path = request.path.parent / name
        stored = path.read_text(encoding="utf-8") if path.exists() else ""
        if part:
            before, begin, rest = stored.partition(f"<!-- {part} -->\n")
            _, end, after = rest.partition(f"<!-- end of {part} -->\n")
            assert begin, f"{path.name} has no place for {part}"
            assert end, f"the place for {part} in {path.name} has no end"
            text = f"{before}{begin}{text}{end}{after}"
        if request.config.getoption("--regenerate"):
            path.write_text(text, encoding="utf-8")
            return
        assert text == stored, f"{path.name} differs; if that is meant: make golden"

    return compare
