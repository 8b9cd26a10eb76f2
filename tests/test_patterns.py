"""No regular expression can run away: what may repeat without end never gives anything back."""

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import pytest

import sansip

grammar: Any = importlib.import_module("re._parser")


def patterns() -> dict[str, str]:
    """Every compiled pattern of the core, under module and name."""
    found: dict[str, str] = {}
    for module in pkgutil.walk_packages(sansip.__path__, "sansip."):
        if module.name.startswith("sansip.testing"):
            continue  # makes up test cases, and reads nothing from a network
        members: dict[str, object] = vars(importlib.import_module(module.name))
        for name, thing in members.items():
            for at, text in enumerate(compiled(thing)):
                found[f"{module.name}.{name}.{at}"] = text
    return found


def compiled(thing: object) -> Iterator[str]:
    if isinstance(thing, Mapping):
        for part in cast("Mapping[object, object]", thing).values():
            yield from compiled(part)
        return
    owner: object = getattr(thing, "__self__", thing)  # of a bound match or fullmatch
    if isinstance(owner, re.Pattern):
        yield cast("re.Pattern[str]", owner).pattern


def backtracking(tree: Iterable[Any]) -> Iterator[str]:
    """Give the unbounded repeats in a parsed pattern that may give back what they took."""
    for kind, given in tree:
        if str(kind) in {"MAX_REPEAT", "MIN_REPEAT"} and given[1] == grammar.MAXREPEAT:
            yield str(given[2])
        yield from _inside(given)


def _inside(given: object) -> Iterator[str]:
    if isinstance(given, grammar.SubPattern):
        yield from backtracking(cast("Iterable[Any]", given))
    elif isinstance(given, tuple | list):
        for part in cast("Iterable[object]", given):
            yield from _inside(part)


@pytest.mark.rule("SIO-04")
@pytest.mark.parametrize("pattern", [pytest.param(p, id=name) for name, p in patterns().items()])
def test_no_pattern_backtracks_without_bound(pattern: str) -> None:
    assert not list(backtracking(grammar.parse(pattern)))


def test_there_are_patterns_and_bad_ones_are_found() -> None:
    assert len(patterns()) > 20
    for bad in ("a+", "(?:a|b*)", "x(?:(y+?)z)?", "(a)(?(1)b*|c)", "(?=a*)"):
        assert list(backtracking(grammar.parse(bad))), bad
    for good in ("a++", "a{1,9}b?", "(?:a|b)*+"):
        assert not list(backtracking(grammar.parse(good))), good
