"""The deadline of a hunt: nobody waits longer than this for the first sign of a phone.

RFC 3263 4.3 wants an overall limit, because each silent hop costs 32 seconds.
"""

import pytest

from hunt import Call, make_hunt, make_plan
from sansip.proxy import vocabulary as v

GW_1, GW_2 = "sip:bob@gw-1.example.com", "sip:bob@gw-2.example.com"


@pytest.mark.rule("3263-4.3-08")
def test_the_hunt_ends_at_its_deadline_dns_included() -> None:
    call = Call(make_hunt(deadline=10.0))
    call.located(more=True)
    assert call.watch(60.0) == [(10.0, "stop locating"), (10.0, "answer 408"), (10.0, "ended")]


@pytest.mark.rule("3263-4.3-08")
def test_at_the_deadline_the_silent_ones_are_not_waited_for() -> None:
    call = Call(make_hunt(deadline=7.0))
    call.located("A", "B", "C")
    assert call.watch(8.0) == [(3.0, "try 1 B"), (6.0, "try 2 C"), (7.0, "answer 408")]
    assert call.concluded.uncancelled == (0, 1, 2)
    assert call.notes[-1] == "nobody rang within 7 s"


@pytest.mark.rule("3263-4.3-08")
def test_a_100_does_not_stop_the_deadline_and_its_branch_is_cancelled() -> None:
    call = Call()
    call.located("A")
    call.answered(0, 100)
    assert call.watch(33.0) == [(32.0, "answer 408"), (32.0, "cancel 0")]


@pytest.mark.rule("3263-4.3-08")
def test_from_the_first_101_to_199_on_there_is_no_deadline() -> None:
    call = Call()
    call.located("A")
    call.answered(0, 183)
    assert call.wait(184.0) == []


@pytest.mark.rule("3263-4.3-08", "4320-4.2-03")
def test_an_answer_from_an_earlier_target_is_better_than_the_silence_at_the_deadline() -> None:
    call = Call(make_hunt(on=(503, 404)), GW_1, GW_2)
    call.located("A")
    call.answered(0, 404)
    call.located("B")
    assert call.watch(33.0) == [(32.0, "forward 404")]


# --- who stops it, and who does not


@pytest.mark.rule("3263-4.3-08", "3261-9.1-06")
@pytest.mark.parametrize("ringing", [(180,), (180, 487), (183, 180, 487)])
def test_a_branch_that_was_cancelled_before_it_rang_does_not_stop_the_deadline(
    ringing: tuple[int, ...],
) -> None:
    call = Call(make_hunt(progress=1.0))
    call.located("A", "B")
    call.answered(0, 100)
    assert call.wait(1.0) == ["cancel 0", "try 1 B"]
    call.answered(1, 100)
    assert call.answered(0, *ringing)[0] == f"forward {ringing[0]}"
    assert [line for line in call.watch(60.0) if "discard 0" not in line] == [
        (32.0, "answer 408"),
        (32.0, "cancel 1"),
    ]


@pytest.mark.rule("3263-4.3-08")
def test_a_cancelled_branch_that_rings_on_does_not_set_the_deadline_again() -> None:
    """What had rung before keeps the hunt alive."""
    call = Call(make_hunt(answer=20.0), GW_1)
    call.located("A")
    call.answered(0, 180)
    assert call.wait(20.0) == ["cancel 0", "answer 408"]
    late = Call(make_hunt(late="cancel"))
    late.located("A", "B")
    assert late.wait(3.0) == ["try 1 B"]
    late.answered(1, 180)
    late.answered(0, 180)
    assert late.wait(180.0) == ["discard 0"]
    assert late.hunting


# --- its timer may be late


@pytest.mark.rule("SIO-08", "3263-4.3-08")
@pytest.mark.parametrize(
    "failure", ["answered", "timed_out", "broken", "troubled", "silent", "located"]
)
def test_after_the_deadline_no_branch_starts_even_if_its_timer_is_late(failure: str) -> None:
    call = Call(make_hunt(deadline=10.0, advance=None if failure != "silent" else 30.0), GW_1, GW_2)
    call.located(*("A" if failure == "located" else "AB"), more=failure == "located")
    if failure == "located":
        call.answered(0, 503)
    call.at += 10.0
    told = {
        "answered": lambda: call.answered(0, 503),
        "timed_out": lambda: call.timed_out(0),
        "broken": lambda: call.broken(0),
        "troubled": lambda: call.troubled(0),
        "silent": lambda: call.wait(30.0),
        "located": lambda: call.located("B"),
    }[failure]()
    told += call.wait(40.0)
    assert not [line for line in told if line.startswith(("try", "locate"))]
    assert [line for line in told if line.startswith("answer")] in (["answer 408"], ["answer 500"])


@pytest.mark.rule("SIO-08", "3263-4.3-08")
def test_a_failure_route_starts_nothing_after_the_deadline_either() -> None:
    for given in (v.TryNext(), v.Divert(make_plan([GW_2]), make_hunt())):
        call = Call(make_hunt(deadline=10.0, consult=True, advance=None), GW_1, GW_2)
        call.located("A", "B")
        call.at += 10.0
        assert call.answered(0, 404) == ["consult"]
        told = call.give(given)
        if call.hunting:
            told += call.located("C")
        told += call.wait(1.0)
        assert not [line for line in told if line.startswith("try")]
        assert "forward 404" in told


@pytest.mark.rule("3263-4.3-08")
def test_just_before_the_deadline_a_branch_may_still_start() -> None:
    call = Call(make_hunt(deadline=10.0, advance=None))
    call.located("A", "B")
    call.wait(9.9)
    assert call.answered(0, 503) == ["try 1 B"]
