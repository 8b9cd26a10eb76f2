"""The public face is a promise: a name comes or goes only on purpose."""

import types
from collections.abc import Callable

import pytest

import sansip
import sansip_asyncio
import sansip_trio


@pytest.mark.golden
def test_the_public_names_are_the_stored_ones(golden: Callable[[str, str], None]) -> None:
    golden("public_face.txt", "".join(f"{name}\n" for name in sorted(sansip.__all__)))


def test_every_public_name_exists_once() -> None:
    assert len(set(sansip.__all__)) == len(sansip.__all__)
    for name in sansip.__all__:
        assert hasattr(sansip, name)


def test_nothing_looks_public_that_is_not() -> None:
    seen = {
        name
        for name, thing in vars(sansip).items()
        if not name.startswith("_") and not isinstance(thing, types.ModuleType)
    }
    assert seen <= set(sansip.__all__)


def test_everything_public_says_what_it_is() -> None:
    for name in sansip.__all__:
        thing = getattr(sansip, name)
        if isinstance(thing, type | types.FunctionType):
            assert thing.__doc__, f"sansip.{name} has no docstring"
            assert not thing.__doc__.startswith(f"{name}("), f"sansip.{name} has no docstring"


def test_the_adapters_have_one_face() -> None:
    names = {name: getattr(sansip_trio, name) for name in sansip_trio.__all__ if name != "serve"}
    assert sansip_asyncio.__all__ == sansip_trio.__all__
    assert names == {name: getattr(sansip_asyncio, name) for name in names}
    assert all(thing.__doc__ for thing in names.values())
