"""The fuzz targets keep working, and what they have found once is never found again."""

from pathlib import Path
from random import Random

import pytest

from fuzzing import TARGETS, WORDS, mutated, seeds

FOUND = sorted(Path(__file__).parent.joinpath("regressions").glob("*-*-*"))


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_stands_its_seeds(target: str) -> None:
    given = seeds(target)
    assert len(given) > 5
    for data in given:
        TARGETS[target](data)


@pytest.mark.rule("SIO-04")
@pytest.mark.parametrize("target", TARGETS)
def test_every_target_stands_changes_of_its_seeds(target: str) -> None:
    random, given = Random(target), seeds(target)
    for _ in range(400):
        TARGETS[target](mutated(random.choice(given), random))


def test_what_was_found_once_is_mended() -> None:
    for path in FOUND:
        TARGETS[path.name.partition("-")[0]](path.read_bytes())


def test_changes_are_the_same_in_every_run() -> None:
    data = seeds("message")[0]
    several = {mutated(data, Random(number)) for number in range(50)}
    assert len(several) > 40
    assert several == {mutated(data, Random(number)) for number in range(50)}


def test_words_are_for_a_dictionary() -> None:
    assert all(WORDS)
