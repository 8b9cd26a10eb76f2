"""How values are made: compared by type and content, hashable, and never changed."""

import pickle
from dataclasses import FrozenInstanceError

import pytest

from sansip.address import Address
from sansip.value import value


@value
class Point:
    x: int
    y: int = 0


@value
class Vector:
    x: int
    y: int = 0


@value(eq=False)
class Itself:
    name: str


def test_values_are_equal_by_content() -> None:
    assert Point(1, 2) == Point(1, 2)
    assert Point(1, 2) != Point(1, 3)
    assert hash(Point(1, 2)) == hash(Point(1, 2))


def test_values_of_different_classes_are_never_equal() -> None:
    different: tuple[object, object] = (Point(1, 2), Vector(1, 2))
    assert different[0] != different[1]
    assert len(set(different)) == 2


def test_a_class_may_bring_its_own_equality() -> None:
    one = Itself("a")
    assert one != Itself("a")
    assert {one: 1}[one] == 1


def test_values_have_no_room_for_more_than_their_fields() -> None:
    with pytest.raises(AttributeError):
        object.__setattr__(Point(1), "z", 3)


def test_values_survive_pickling() -> None:
    assert pickle.loads(pickle.dumps(Point(1, 2))) == Point(1, 2)  # noqa: S301 - our own


def test_the_guard_refuses_a_second_setting_and_any_deletion() -> None:
    address = Address("192.0.2.1", 5060)
    with pytest.raises(FrozenInstanceError, match=r"Address\.port"):
        setattr(address, "port", 2)  # noqa: B010 - the checkers would refuse the plain form
    with pytest.raises(FrozenInstanceError, match=r"Address\.port"):
        delattr(address, "port")
    assert address == Address("192.0.2.1", 5060)


def test_the_guard_lets_a_slot_be_set_that_is_not_set_yet() -> None:
    address = Address.__new__(Address)
    setattr(address, "port", 2)  # noqa: B010
    assert address.port == 2
