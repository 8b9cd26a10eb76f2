"""Draws are functions of seed, owner, purpose and ordinal, and of nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip.entropy import SEED_SIZES, Draws

SEED = bytes(range(32))


@given(st.binary(min_size=16, max_size=64), st.text(), st.text(), st.integers(min_value=0))
def test_the_same_question_has_the_same_answer(
    seed: bytes, owner: str, purpose: str, ordinal: int
) -> None:
    one, other = Draws(seed, owner), Draws(seed, owner)
    assert one.token(purpose, ordinal) == other.token(purpose, ordinal)


def test_every_part_of_the_question_matters() -> None:
    draws = {
        Draws(SEED, "a").token("branch"),
        Draws(SEED, "b").token("branch"),
        Draws(SEED[::-1], "a").token("branch"),
        Draws(SEED, "a").token("tag"),
        Draws(SEED, "a").token("branch", 1),
    }
    assert len(draws) == 5


def test_an_owner_may_be_text_that_is_not_utf_8() -> None:
    assert len(Draws(SEED, b"\xff".decode(errors="surrogateescape")).octets("tag", size=5)) == 5


@pytest.mark.parametrize("size", [SEED_SIZES[0], SEED_SIZES[-1]])
def test_seeds_of_all_documented_sizes_work(size: int) -> None:
    assert len(Draws(bytes(size), "a").token("tag")) == 16


def test_a_number_below_a_bound_takes_every_value() -> None:
    draws = Draws(SEED, "a")
    assert {draws.below(3, "weight", ordinal) for ordinal in range(50)} == {0, 1, 2}
