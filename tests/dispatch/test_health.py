"""The health of a hop: every state with every input, and what holds whatever happens."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip.dispatch.health import (
    WELL,
    Health,
    asked_to_wait,
    asleep,
    failed,
    is_plain,
    is_suspect,
    is_well,
    smoothed,
    succeeded,
    tried,
)
from sansip.dispatch.members import Thresholds

USUAL = Thresholds()  # one failure, one success, trials every 30 s at last, 60 s of penalty
STRICT = Thresholds(down_after=3, up_after=2)
AT = 1000.0
DOWN = Health(1, 1, AT + 20, None, AT - 10, "silent")
DUE = Health(1, 1, AT, None, AT - 10, "silent")
OFTEN = Health(1, 1, AT, None, AT - 10, "silent", None, 3)
BARRED = Health(0, 1, AT + 60, AT + 60, AT - 10, "answered 503")
RESTING = Health(0, 0, 0.0, AT + 60, 0.0, "answered 503")  # has answered while it was barred
RESTED = Health(0, 0, 0.0, AT - 1, 0.0, "answered 503")


# --- each state with each input

TABLE = [
    (WELL, "failed", Health(1, 1, AT + 3.75, None, AT, "lost")),
    (WELL, "succeeded", WELL),
    (WELL, "wait", Health(0, 1, AT + 60, AT + 60, AT, "busy")),
    (WELL, "tried", WELL),
    (DOWN, "failed", Health(1, 1, AT + 3.75, None, AT - 10, "lost")),
    (DOWN, "succeeded", WELL),
    (DOWN, "wait", Health(1, 1, AT + 60, AT + 60, AT - 10, "busy")),
    (DOWN, "tried", DOWN),
    (DUE, "tried", Health(1, 1, AT + 7.5, None, AT - 10, "silent", None, 1)),
    (DUE, "failed", Health(1, 1, AT + 3.75, None, AT - 10, "lost")),
    (OFTEN, "tried", Health(1, 1, AT + 30, None, AT - 10, "silent", None, 3)),
    (OFTEN, "failed", Health(1, 1, AT + 30, None, AT - 10, "lost", None, 3)),
    (OFTEN, "wait", Health(1, 1, AT + 60, AT + 60, AT - 10, "busy", None, 3)),
    (OFTEN, "succeeded", WELL),
    (BARRED, "failed", Health(1, 1, AT + 3.75, AT + 60, AT - 10, "lost")),
    (BARRED, "succeeded", RESTING),
    (BARRED, "wait", Health(0, 1, AT + 60, AT + 60, AT - 10, "busy")),
    (BARRED, "tried", BARRED),
    (RESTING, "failed", Health(1, 1, AT + 3.75, AT + 60, AT, "lost")),
    (RESTING, "succeeded", RESTING),
    (RESTING, "wait", Health(0, 1, AT + 60, AT + 60, AT, "busy")),
    (RESTING, "tried", RESTING),
    (RESTED, "failed", Health(1, 1, AT + 3.75, AT - 1, AT, "lost")),
    (RESTED, "succeeded", WELL),
    (RESTED, "wait", Health(0, 1, AT + 60, AT + 60, AT, "busy")),
    (RESTED, "tried", RESTED),
]


def take(health: Health, what: str, at: float, thresholds: Thresholds) -> Health:
    match what:
        case "failed":
            return failed(health, at, thresholds, "lost", probed=True)
        case "succeeded":
            return succeeded(health, at)
        case "wait":
            return asked_to_wait(health, at, 90, thresholds, "busy")
        case _:
            return tried(health, at, thresholds)


@pytest.mark.parametrize(("health", "what", "then"), TABLE)
def test_the_table(health: Health, what: str, then: Health) -> None:
    assert take(health, what, AT, USUAL) == then


# --- thresholds, both ways


def test_it_is_suspect_after_so_many_failures_in_a_row() -> None:
    health = failed(failed(WELL, AT, STRICT, "lost"), AT, STRICT, "lost")
    assert (health.failures, is_suspect(health, AT), is_well(health)) == (2, False, True)
    assert not is_plain(health)
    health = failed(health, AT, STRICT, "lost")
    assert (health.failures, is_suspect(health, AT), health.since) == (3, True, AT)


def test_an_answer_between_failures_makes_them_begin_anew() -> None:
    health = failed(failed(WELL, AT, STRICT, "lost"), AT, STRICT, "lost")
    assert succeeded(health, AT) == WELL
    assert is_plain(succeeded(health, AT))


def test_it_is_well_after_so_many_answers_in_a_row() -> None:
    health = WELL
    for _ in range(3):
        health = failed(health, AT, STRICT, "lost")
    health = succeeded(health, AT + 1)
    assert is_suspect(health, AT + 1)
    assert (health.failures, health.why) == (0, "lost")
    assert succeeded(health, AT + 2) == WELL


def test_a_failure_between_answers_makes_them_begin_anew() -> None:
    health = WELL
    for _ in range(3):
        health = failed(health, AT, STRICT, "lost")
    health = failed(succeeded(health, AT), AT, STRICT, "lost again")
    assert (health.needed, health.why) == (2, "lost again")


# --- trials


def test_trials_grow_rarer_up_to_one_in_trial_after() -> None:
    health = failed(WELL, AT, USUAL, "lost")
    at = AT
    for wait in (3.75, 7.5, 15.0, 30.0, 30.0):
        assert is_suspect(health, at + wait - 0.1)
        assert not is_suspect(health, at + wait)
        at += wait + 10  # nobody calls for a while
        health = tried(health, at, USUAL)
        health = failed(health, at + 3, USUAL, "lost")


def test_calls_that_fail_put_no_trial_off_and_probes_that_fail_do() -> None:
    """Else whoever sends what no gateway answers, again and again, would keep them all out."""
    health = failed(WELL, AT, USUAL, "lost")
    assert not is_suspect(failed(health, AT + 3, USUAL, "lost"), AT + 3.75)
    assert is_suspect(failed(health, AT + 3, USUAL, "lost", probed=True), AT + 6.7)


def test_one_call_tries_it_and_the_next_one_later() -> None:
    health = tried(failed(WELL, AT, USUAL, "lost"), AT + 10, USUAL)
    assert is_suspect(health, AT + 17.4)
    assert not is_suspect(health, AT + 17.5)


def test_who_is_tried_before_its_time_since_all_are_suspect_is_put_off_by_nothing() -> None:
    health = failed(WELL, AT, USUAL, "lost")
    assert tried(health, AT + 3.7, USUAL) is health


def test_who_was_well_in_between_begins_with_short_waits_again() -> None:
    health = failed(WELL, AT, STRICT, "lost")
    for at in (AT, AT, AT + 10, AT + 20, AT + 40, AT + 80):
        health = tried(failed(health, at, STRICT, "lost"), at + 8, STRICT)
    assert health.trials > 1
    halfway = succeeded(health, AT + 100)
    assert halfway.trials == health.trials
    assert succeeded(halfway, AT + 100) == WELL


def test_who_sleeps_is_suspect_until_something_is_heard() -> None:
    health = asleep(AT, STRICT)
    assert is_suspect(health, AT + 3.7)
    assert not is_suspect(health, AT + 3.75)  # one trial
    assert succeeded(health, AT) == WELL


# --- Retry-After


@pytest.mark.rule("3263-4.3-06")
def test_a_bar_lasts_as_long_as_was_asked_for_and_then_one_call_may_try() -> None:
    health = asked_to_wait(WELL, AT, 50, USUAL, "busy")
    assert is_suspect(health, AT + 49.9)
    assert not is_suspect(health, AT + 50)
    assert is_suspect(tried(health, AT + 50, USUAL), AT + 51)
    assert succeeded(health, AT + 51) == WELL


@pytest.mark.rule("3263-4.3-06")
def test_a_bar_is_no_longer_than_the_penalty() -> None:
    health = asked_to_wait(WELL, AT, 2**32, USUAL, "busy")
    assert health.barred == AT + 60


def test_a_shorter_bar_does_not_end_a_longer_one() -> None:
    health = asked_to_wait(asked_to_wait(WELL, AT, 40, USUAL, "busy"), AT + 1, 5, USUAL, "busy")
    assert health.barred == AT + 40


@pytest.mark.parametrize("health", [WELL, DOWN])
def test_a_bar_of_no_time_is_none(health: Health) -> None:
    assert asked_to_wait(health, AT, 0, USUAL, "busy") is health


def test_a_bar_that_is_shorter_than_a_suspicion_does_not_shorten_it() -> None:
    assert asked_to_wait(DOWN, AT, 5, USUAL, "busy").until == DOWN.until


# --- latency


def test_latency_is_smoothed_and_worth_remembering() -> None:
    health = succeeded(WELL, AT, 0.1)
    assert health.latency == 0.1
    assert is_well(health)
    assert not is_plain(health)
    health = succeeded(succeeded(health, AT, 0.2), AT)
    assert health.latency == 0.1 + 0.1 * 0.1
    assert failed(health, AT, USUAL, "lost").latency == health.latency
    assert smoothed(1.0, 0.0) == 0.9


# --- whatever happens

What = Literal["failed", "succeeded", "wait", "tried", "call"]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["failed", "succeeded", "wait", "tried", "call"]),
        st.floats(0, 100),
        st.integers(0, 1000),
    ),
    max_size=40,
)
THRESHOLDS = st.builds(
    Thresholds,
    down_after=st.integers(1, 4),
    up_after=st.integers(1, 4),
    trial_after=st.floats(0.5, 60),
    penalty=st.floats(0.5, 400),
)


@given(steps=STEPS, thresholds=THRESHOLDS)
def test_whatever_happens(steps: list[tuple[What, float, int]], thresholds: Thresholds) -> None:
    health, at, barred, let = WELL, AT, AT, AT - 1000
    for what, after, seconds in steps:
        at += after
        before = health
        assert is_suspect(health, at) or at >= barred  # a bar is never lifted before its time
        match what:
            case "failed":
                health = failed(health, at, thresholds, "lost", probed=bool(seconds % 2))
                if seconds % 2 or not before.needed:
                    assert is_suspect(health, at) == bool(health.needed) or at < barred
                else:
                    assert (health.needed, health.until) == (thresholds.up_after, before.until)
            case "succeeded":
                health = succeeded(health, at)
                assert health.needed == max(0, before.needed - 1)
            case "wait":
                health = asked_to_wait(health, at, seconds, thresholds, "busy")
                barred = max(barred, at + min(seconds, thresholds.penalty))
            case "tried":
                health = tried(health, at, thresholds)
            case "call":  # tries it only if it is not suspect
                if not is_suspect(health, at):
                    if health.needed:
                        assert at - let >= thresholds.trial_after / 4  # one trial at a time
                        let = at
                    health = tried(health, at, thresholds)
        if not health.needed:
            let = AT - 1000  # the next suspicion is a new one
        assert 0 <= health.failures <= thresholds.down_after
        assert 0 <= health.needed <= thresholds.up_after
        assert health.until <= at + max(thresholds.trial_after, thresholds.penalty)
        assert is_plain(health) == (health == Health(why=health.why))
    for _ in range(thresholds.up_after):
        health = succeeded(health, max(at, barred))
    assert health == WELL  # so many successes end every suspicion
