"""Values: how every piece of data in sansip is made.

A value is an immutable record. Type checkers see a frozen dataclass; at run time the class is a
plain one with slots, because creating a frozen one costs five times as much (1.3 us against
0.26 us for seven fields) and a call makes hundreds. The tests make up for it: they put a guard on
every value class, under which a field that is set can never be set again.

Equality is strict about types: values of different classes never compare equal.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")


@overload
def value(cls: type[T], /) -> type[T]: ...
@overload
def value(*, eq: bool = True) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[Any] | None = None, /, *, eq: bool = True) -> Any:
    """Make a class a value: slots, field-wise equality and hash, never changed after creation.

    With ``eq=False`` the class brings its own ``__eq__`` and ``__hash__``.
    """

    def make(made: type[Any]) -> type[Any]:
        return dataclass(slots=True, eq=eq, unsafe_hash=eq)(made)

    return make if cls is None else make(cls)
