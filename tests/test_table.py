"""The persistent map: any version, any time, against plain dicts."""

import pickle
import subprocess
import sys
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,  # pyright: ignore[reportUnknownVariableType]
)

from sansip.table import Table

KEYS = st.sampled_from("abcdefgh")
LONG = 200_000


class Versions(RuleBasedStateMachine):
    """Every table ever made must go on equalling the dict that was made beside it."""

    tables = Bundle[tuple[Table[str, int], dict[str, int]]]("tables")

    def __init__(self) -> None:
        super().__init__()
        self.made: list[tuple[Table[str, int], dict[str, int]]] = []

    def _keep(
        self, table: Table[str, int], model: dict[str, int]
    ) -> tuple[Table[str, int], dict[str, int]]:
        self.made.append((table, model))
        return table, model

    @rule(target=tables, contents=st.dictionaries(KEYS, st.integers()))
    def begin(self, contents: dict[str, int]) -> tuple[Table[str, int], dict[str, int]]:
        return self._keep(Table(contents), contents)

    @rule(target=tables, pair=tables, key=KEYS, value=st.integers())
    def set(
        self, pair: tuple[Table[str, int], dict[str, int]], key: str, value: int
    ) -> tuple[Table[str, int], dict[str, int]]:
        table, model = pair
        return self._keep(table.set(key, value), model | {key: value})

    @rule(target=tables, pair=tables, key=KEYS)
    def without(
        self, pair: tuple[Table[str, int], dict[str, int]], key: str
    ) -> tuple[Table[str, int], dict[str, int]]:
        table, model = pair
        return self._keep(table.without(key), {k: v for k, v in model.items() if k != key})

    @rule(target=tables, pair=tables)
    def freeze(
        self, pair: tuple[Table[str, int], dict[str, int]]
    ) -> tuple[Table[str, int], dict[str, int]]:
        return self._keep(pair[0].freeze(), pair[1])

    @rule(pair=tables)
    def pickling_keeps_contents_and_order(
        self, pair: tuple[Table[str, int], dict[str, int]]
    ) -> None:
        copy = pickle.loads(pickle.dumps(pair[0]))  # noqa: S301 - our own bytes
        assert list(copy.items()) == list(pair[1].items())

    @rule(pair=tables, key=KEYS)
    def reading(self, pair: tuple[Table[str, int], dict[str, int]], key: str) -> None:
        table, model = pair
        assert table.get(key) == model.get(key)
        assert table.get(key, "nothing") == model.get(key, "nothing")
        assert (key in table) == (key in model)
        if key in model:
            assert table[key] == model[key]
        else:
            with pytest.raises(KeyError, match=key):
                table[key]

    @rule(one=tables, other=tables)
    def equality_is_that_of_contents(
        self,
        one: tuple[Table[str, int], dict[str, int]],
        other: tuple[Table[str, int], dict[str, int]],
    ) -> None:
        assert (one[0] == other[0]) == (one[1] == other[1])

    @invariant()
    def every_version_is_what_it_was(self) -> None:
        for table, model in self.made:
            assert len(table) == len(model)
            assert list(table) == list(model)
            assert list(table.items()) == list(model.items())


def test_any_version_at_any_time_is_what_it_was() -> None:
    run_state_machine_as_test(Versions)


def test_each_way_of_reading_finds_an_old_version_by_itself() -> None:
    def old() -> Table[str, int]:
        table: Table[str, int] = Table({"a": 1, "b": 2})
        table.set("c", 3).without("a")
        return table

    assert old().get("a") == 1
    assert old()["a"] == 1
    assert "a" in old()
    assert len(old()) == 2
    assert list(old()) == ["a", "b"]
    assert list(old().items()) == [("a", 1), ("b", 2)]
    assert list(old().set("d", 4)) == ["a", "b", "d"]
    assert list(old().without("a")) == ["b"]
    assert old() == Table({"b": 2, "a": 1})
    assert old().freeze() == old()


def test_a_key_keeps_its_place_when_set_again_and_loses_it_when_removed() -> None:
    table = Table({"a": 1, "b": 2, "c": 3})
    assert list(table.set("a", 9)) == ["a", "b", "c"]
    assert list(table.without("a").set("a", 9)) == ["b", "c", "a"]
    assert list(table) == ["a", "b", "c"]


def test_iteration_is_a_snapshot() -> None:
    table = Table({"a": 1, "b": 2})
    seen: list[str] = []
    for key in table:
        table = table.without(key).set(key + "'", 0)
        seen.append(key)
    assert seen == ["a", "b"]


def test_setting_what_is_there_already_changes_nothing() -> None:
    content = object()
    table = Table({"a": content})
    assert table.set("a", content) is table
    assert table.without("b") is table


def test_a_value_that_is_merely_equal_is_another_value() -> None:
    assert repr(Table[str, float]({"a": 1}).set("a", 1.0)["a"]) == "1.0"


def test_none_is_a_value_like_any_other() -> None:
    table: Table[str, None] = Table[str, None]().set("a", None)
    assert "a" in table
    assert len(table.without("a")) == 0
    assert list(table.items()) == [("a", None)]


def test_a_table_equals_no_mere_dict_and_has_no_hash() -> None:
    table = Table({"a": 1})
    same = table
    assert table == same
    assert table != {"a": 1}
    with pytest.raises(TypeError, match="unhashable"):
        hash(table)


def test_repr_shows_contents() -> None:
    assert repr(Table({"a": 1}).set("b", 2)) == "Table({'a': 1, 'b': 2})"


@given(st.lists(st.tuples(KEYS, st.integers())))
def test_equal_contents_in_equal_order_pickle_alike(pairs: list[tuple[str, int]]) -> None:
    table: Table[str, int] = Table()
    for key, content in pairs:
        table = table.without("nothing").set("passing", 0).set(key, content).without("passing")
    assert pickle.dumps(table) == pickle.dumps(Table(dict(pairs)))


def test_a_pickle_holds_a_plain_dict_and_no_other_version() -> None:
    oldest: Table[int, int] = Table()
    table = oldest
    for number in range(LONG):
        table = table.set(number % 3, number)
    assert len(pickle.dumps(table)) < 200
    assert len(pickle.dumps(oldest)) < 200
    assert table.__reduce__() == (Table, ({0: LONG - 2, 1: LONG - 1, 2: LONG - 3},))


def test_long_chains_neither_recurse_when_read_nor_crash_when_freed() -> None:
    # In a process of its own: what is to be ruled out is a crash of the interpreter.
    code = f"""
from sansip.table import Table
oldest = table = Table()
for number in range({LONG}):
    table = table.set("a", number)
assert len(oldest) == 0 and table["a"] == {LONG - 1} and len(oldest) == 0
del table                       # the chain hangs on the oldest version now, and is freed from there
table = oldest
for number in range({LONG}):
    table = table.set("a", number)
del oldest
assert table["a"] == {LONG - 1}
"""
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own code


def test_versions_that_nobody_holds_are_freed() -> None:
    table: Table[str, set[int]] = Table()
    watched: list[weakref.ref[set[int]]] = []
    for number in range(3):
        table = table.set("a", WeakSet({number}))
        watched.append(weakref.ref(table["a"]))
    assert [reference() for reference in watched] == [None, None, table["a"]]


class WeakSet(set[int]):
    """A set that can be watched by a weak reference."""
