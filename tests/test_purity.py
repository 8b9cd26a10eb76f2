"""The core is pure: what it may import and call, and that none of its modules holds state.

Layers are import-linter's business (pyproject.toml); this is about what the layers cannot say.
"""

import ast
import builtins
import dataclasses
import enum
import functools
import importlib
import ipaddress
import json
import operator
import pkgutil
import re
import struct
import sys
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
from hypothesis.strategies import SearchStrategy

import sansip
import sansip_adapter
import sansip_asyncio
import sansip_trio

MAY_IMPORT = {
    *("bisect", "collections", "dataclasses", "difflib", "enum", "functools", "hashlib", "heapq"),
    *("ipaddress", "itertools", "json", "math", "operator", "re", "struct", "tomllib", "types"),
    "typing",
}
BARRED_NAMES = {
    # caches are state
    *("functools.cache", "functools.cached_property", "functools.lru_cache"),
    # the embedding program's business, or different from one run to the next
    *("__import__", "breakpoint", "compile", "eval", "exec", "globals", "id", "input", "open"),
    "print",
}
CORE = Path(sansip.__path__[0])
# No part of the core: they open the files of `python -m sansip`.
COMMANDS = {CORE / "__main__.py", *(CORE / "commands").glob("*.py")}
# What the packages of the adapters may import besides Python's own modules, asyncio not counted.
ADAPTERS = {
    sansip_adapter: {"sansip", "sansip_adapter", "dns"},
    sansip_trio: {"sansip_trio", "sansip_adapter", "trio"},
    sansip_asyncio: {"sansip_asyncio", "sansip_adapter", "asyncio"},
}
TESTING = CORE / "testing"  # for those who have hypothesis; nothing else imports it
FIXTURES = (
    TESTING / "fixtures.py"
)  # for those who have pytest: it writes what a failure leaves behind


def sources(folder: Path) -> list[Path]:
    return sorted(set(folder.rglob("*.py")) - COMMANDS - {FIXTURES})


def imports(tree: ast.AST) -> Iterator[str]:
    """Give every dotted name that is imported, wherever the import stands."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                yield from (f"{'.' * level}{module or ''}.{alias.name}" for alias in names)
            case _:
                pass


def uses(tree: ast.AST) -> Iterator[str]:
    """Give the name of every function that is called, and every attribute with its owner."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)):
                yield name
            case ast.Attribute(value=ast.Name(id=owner), attr=attribute):
                yield f"{owner}.{attribute}"
            case _:
                pass


def parsed(source: Path) -> ast.Module:
    return ast.parse(source.read_text(encoding="utf-8"))


def top(name: str) -> str:
    return name.partition(".")[0]


@pytest.mark.parametrize("source", sources(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_imports_itself_and_a_few_standard_modules(source: Path) -> None:
    allowed = MAY_IMPORT | {"sansip", "hypothesis" if TESTING in source.parents else "sansip"}
    for name in imports(parsed(source)):
        assert top(name) in allowed, f"{name} is not for the core"
        assert not BARRED_NAMES & {name}, f"{name} is not for the core"


@pytest.mark.parametrize("source", sources(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_calls_nothing_that_reads_or_changes_the_world(source: Path) -> None:
    tree = parsed(source)
    assert not BARRED_NAMES & set(uses(tree))
    assert not any(isinstance(node, ast.Global) for node in ast.walk(tree))


@pytest.mark.parametrize("source", sources(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_nothing_in_the_core_imports_from_the_public_face(source: Path) -> None:
    modules = set(module_names()) - {"sansip"}
    for name in imports(parsed(source)):
        from_face = name == "sansip" or (name.startswith("sansip.") and name.count(".") == 1)
        assert not from_face or name in modules, f"{name} stands above all layers"


def test_what_the_fixtures_import() -> None:
    allowed = MAY_IMPORT | {"sansip", "pytest", "pathlib", "shlex", "shutil"}
    for name in imports(parsed(FIXTURES)):
        assert top(name) in allowed, f"{name} is not for the fixtures"


def test_nothing_imports_the_fixtures() -> None:
    for source in {*sources(CORE), *COMMANDS}:
        assert not [name for name in imports(parsed(source)) if "fixtures" in name]


def test_nothing_imports_the_commands() -> None:
    for folder in (CORE, *[Path(package.__path__[0]) for package in ADAPTERS]):
        for source in sources(folder):
            for name in imports(parsed(source)):
                assert "__main__" not in name
                assert not name.startswith("sansip.commands")


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        pytest.param(source, allowed, id=f"{package.__name__}/{source.name}")
        for package, allowed in ADAPTERS.items()
        for source in sources(Path(package.__path__[0]))
    ],
)
def test_what_an_adapter_imports(source: Path, allowed: set[str]) -> None:
    python = sys.stdlib_module_names - {"asyncio"}
    for name in imports(parsed(source)):
        assert top(name) in python | allowed, f"{name} is not for this package"


# State ----------------------------------------------------------------------------------------

PLAIN: tuple[type[object], ...] = (
    *(type(None), bool, int, float, str, bytes, range, type(...), type(NotImplemented)),
    *(ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv6Network),
    *(re.Pattern, struct.Struct, enum.Enum, ModuleType, types.GenericAlias, types.UnionType),
    *(operator.attrgetter, operator.itemgetter, operator.methodcaller, json.JSONEncoder),
    # functions and what makes classes; a closure's cells are nobody's global
    *(types.FunctionType, types.MemberDescriptorType),
    *(types.MethodDescriptorType, types.WrapperDescriptorType, types.GetSetDescriptorType),
    *(property, staticmethod, classmethod),
    SearchStrategy,
    *(pytest.StashKey, type(pytest.fixture(lambda: None))),
)
LOOK_UPS = {"get", "__getitem__", "__contains__"}  # all that can be done with these is to read


def module_names() -> list[str]:
    walked = pkgutil.walk_packages(sansip.__path__, "sansip.")
    return ["sansip", *(module.name for module in walked)]


def can_change(thing: object) -> bool:
    """Tell whether a module's or a class's attribute is, or holds, something that can change."""
    match thing:
        case tuple() | frozenset():
            return any(map(can_change, cast("Iterable[object]", thing)))
        case types.MappingProxyType():
            pairs = cast("Iterable[object]", thing.items())
            return any(map(can_change, pairs))
        case functools.partial():
            return any(map(can_change, (thing.func, thing.args, *thing.keywords.values())))
        case types.BuiltinFunctionType() | types.MethodType() | types.MethodWrapperType():
            return thing.__name__ not in LOOK_UPS and can_change(thing.__self__)
        case type():
            return False  # looked at in its own module
        case _ if dataclasses.is_dataclass(thing):
            return any(can_change(getattr(thing, f.name)) for f in dataclasses.fields(thing))
        case _:
            return not isinstance(thing, PLAIN) and type(thing).__module__ != "typing"


def attributes(thing: ModuleType | type) -> dict[str, object]:
    """Give what somebody wrote into a module or class, without what Python puts there."""
    machinery = re.compile(r"__\w+__|_abc_impl|_\w+_|_field_defaults|_is_(runtime_)?protocol")
    return {name: it for name, it in vars(thing).items() if not machinery.fullmatch(name)}


@pytest.mark.parametrize("name", module_names())
def test_no_module_holds_anything_that_can_change(name: str) -> None:
    module = importlib.import_module(name)
    owners: list[ModuleType | type] = [module]
    owners += [it for it in vars(module).values() if isinstance(it, type) and it.__module__ == name]
    for owner in owners:
        for attribute, thing in attributes(owner).items():
            assert not can_change(thing), f"{owner.__name__}.{attribute} can change: {thing!r}"


@pytest.mark.parametrize(
    "thing",
    [
        *([1], {1: 2}, {1}, bytearray(b"x"), ([1],), iter((1,)), object()),
        types.MappingProxyType({1: [2]}),
        functools.lru_cache(len),
        functools.partial(max, [1]),
        [1].append,
    ],
    ids=repr,
)
def test_what_can_change_is_found(thing: object) -> None:
    assert can_change(thing)


@pytest.mark.parametrize(
    "thing",
    [
        *(1, "a", (1, "b"), frozenset("a"), len, int, re.compile("a"), int | None, Any),
        types.MappingProxyType({int: len}),
        functools.partial(max, 1),
        re.compile("a").fullmatch,
        {1: 2}.get,
    ],
    ids=repr,
)
def test_what_cannot_change_passes(thing: object) -> None:
    assert not can_change(thing)


def test_the_barred_builtins_exist() -> None:
    """A misspelt name would bar nothing."""
    for name in BARRED_NAMES:
        assert hasattr(functools if "." in name else builtins, name.rpartition(".")[2])


# Values ---------------------------------------------------------------------------------------


def is_value(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Name) and called.id == "value"


def test_every_value_class_in_the_sources_is_guarded(
    value_classes: tuple[type[object], ...],
) -> None:
    written = sorted(
        node.name
        for source in (*sources(CORE), FIXTURES)
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.ClassDef) and any(map(is_value, node.decorator_list))
    )
    assert written == sorted(cls.__name__ for cls in value_classes)


def test_no_field_of_any_value_can_be_set_twice(value_classes: tuple[type[object], ...]) -> None:
    for cls in value_classes:
        blank = object.__new__(cls)
        for name in vars(cls)["__dataclass_fields__"]:
            setattr(blank, name, None)
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(blank, name, None)
            with pytest.raises(dataclasses.FrozenInstanceError):
                delattr(blank, name)
