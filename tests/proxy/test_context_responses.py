"""What the responses of several branches make of a call (RFC 3261 16.7).

Branches that were abandoned for another hop live on: what comes late from them counts.
"""

import pytest

from hunt import Call, make_hunt, make_plan, make_response
from sansip.message import Response
from sansip.proxy import vocabulary as v
from sansip.proxy.states import Concluded, Hunting

GW_1, GW_2 = "sip:bob@gw-1.example.com", "sip:bob@gw-2.example.com"
ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
LATE = pytest.mark.parametrize("late", ["first", "cancel"])


def two_silent(hunt: v.Hunt | None = None, *uris: str, most: int = 16) -> Call:
    """Two branches, the first one abandoned; nothing has come from either; no more hops."""
    call = Call(hunt, *uris, most=most)
    call.located("A", *(() if len(uris) > 1 else "B"))
    call.wait(3.0)
    if len(uris) > 1:
        call.located("B")
    assert isinstance(call.state, Hunting)
    assert [branch.abandoned for branch in call.state.branches] == [True, False]
    return call


# --- forwarding at once


@pytest.mark.rule("3261-16.7.5-01", "3261-16.7.6-06")
def test_every_101_to_199_is_forwarded_at_once_and_100_never() -> None:
    call = Call()
    call.located("A")
    assert call.answered(0, 100) == []
    assert call.answered(0, 183, 180, 180, 199) == [
        f"forward {status}" for status in (183, 180, 180, 199)
    ]
    assert call.answered(0, 100) == []


@pytest.mark.rule("3261-16.7.5-01", "3261-16.7.9-01")
def test_what_is_forwarded_is_the_very_response_that_came() -> None:
    call = Call()
    call.located("A")
    for status in (183, 200):
        response = make_response(status, ("Server", "gw"))
        call.give(v.Answered(0, response))
        assert v.Forward(response) in call.orders


@pytest.mark.rule("3261-16.7.5-01", "3261-16.7.9-03", "6026-7.2-01")
def test_a_2xx_ends_the_hunt_and_its_repetitions_are_forwarded_while_its_branch_lives() -> None:
    """RFC 6026 7.2: repeated, or from another phone behind the same hop."""
    call = Call()
    call.located("A", "B", more=True)
    assert call.answered(0, 200) == ["forward 200", "stop locating"]
    assert call.answered(0, 200, 202) == ["forward 200", "forward 202"]
    assert call.over(0) == ["ended"]
    assert call.answered(0, 200) == []


@pytest.mark.rule("3261-16.7.5-03", "3261-16.7.5-04")
def test_after_the_final_answer_only_2xx_are_forwarded() -> None:
    call = two_silent()
    assert call.answered(1, 486) == ["forward 486"]
    assert call.answered(0, 180) == ["cancel 0"]
    assert call.answered(0, 183, 404) == []
    call = two_silent()
    call.answered(1, 486)
    assert call.answered(0, 200) == ["forward 200"]


# --- the first sign of life wins


@pytest.mark.rule("3261-16.7.10-02", "3261-16.7.5-01", "3326-2-01")
@LATE
def test_a_late_200_is_always_forwarded_and_the_rest_cancelled(late: v.Late) -> None:
    """OpenSIPS 4257; field notes 4, case 1."""
    call = two_silent(make_hunt(late=late))
    call.answered(1, 180)
    assert call.answered(0, 200) == ["forward 200", f"cancel 1 {ELSEWHERE}"]


@pytest.mark.rule("3261-9.1-04")
def test_a_late_180_makes_its_branch_the_live_one_and_the_loser_is_cancelled_when_it_speaks() -> (
    None
):
    """Field notes 4, case 2."""
    call = two_silent()
    assert call.answered(0, 180) == ["forward 180"]
    assert call.answered(1, 100) == ["cancel 1"]
    assert call.answered(1, 487) == []
    assert call.answered(0, 200) == ["forward 200"]


@pytest.mark.rule("3261-16.7.10-01")
def test_the_first_one_to_ring_wins_against_one_that_is_trying() -> None:
    call = two_silent()
    call.answered(1, 100)
    assert call.answered(0, 183) == ["cancel 1", "forward 183"]


def test_who_rings_second_is_cancelled_though_the_caller_hears_it() -> None:
    call = two_silent()
    assert call.answered(1, 180) == ["forward 180"]
    assert call.answered(0, 180) == ["cancel 0", "forward 180"]
    assert call.answered(0, 180, 487) == ["forward 180"]
    assert call.answered(1, 200) == ["forward 200"]


def test_with_late_cancel_an_abandoned_branch_is_cancelled_at_its_first_sign_of_life() -> None:
    call = two_silent(make_hunt(late="cancel"))
    assert call.answered(0, 180) == ["cancel 0", "forward 180"]
    assert call.answered(1, 100, 180) == ["forward 180"]
    assert call.answered(0, 487) == []
    assert call.answered(1, 486) == ["forward 486"]


def test_with_late_cancel_a_branch_that_is_trying_is_cancelled_when_it_is_abandoned() -> None:
    call = Call(make_hunt(late="cancel", progress=4.0))
    call.located("A", "B")
    call.answered(0, 100)
    assert call.wait(4.0) == ["cancel 0", "try 1 B"]


def test_a_100_that_comes_while_the_next_hop_is_looked_up_is_not_cancelled() -> None:
    call = Call(make_hunt(progress=20.0))
    call.located("A", more=True)
    call.wait(3.0)
    assert call.answered(0, 100) == []
    assert call.located("B") == ["try 1 B"]
    assert call.answered(0, 180) == ["forward 180"]


def test_a_late_100_alone_does_not_win() -> None:
    call = two_silent()
    assert call.answered(0, 100) == []
    assert call.answered(1, 486) == ["forward 486", "cancel 0"]


def test_while_one_rings_nothing_more_is_tried() -> None:
    call = Call()
    call.located("A", "B", "C")
    call.wait(3.0)
    call.answered(0, 180)
    assert call.wait(20.0) == []
    assert call.answered(1, 503) == []
    assert call.broken(1) == []


def test_a_ring_ends_the_wish_for_another_hop() -> None:
    call = Call()
    call.located("A", more=True)
    call.wait(3.0)
    assert call.answered(0, 180) == ["forward 180"]
    assert call.located("B", "C") == []
    assert call.wait(30.0) == []


def test_once_the_one_that_rang_has_failed_the_next_to_ring_wins() -> None:
    call = two_silent(make_hunt(on=(486,)), GW_1, GW_2)
    call.answered(1, 180)
    assert call.answered(1, 486) == ["forward 486"]
    assert call.answered(0, 180) == ["cancel 0"]


@pytest.mark.rule("3261-16.7.6-01", "3261-16.7.6-04")
@pytest.mark.parametrize("status", [404, 486, 500])
def test_a_late_refusal_waits_for_the_live_branch(status: int) -> None:
    """Field notes 4, case 3; the ACK is its transaction's business."""
    call = two_silent()
    assert call.answered(0, status) == []
    assert call.answered(1, 180, 200) == ["forward 180", "forward 200"]


@pytest.mark.rule("3263-4.3-01")
def test_a_late_503_does_not_advance_a_second_time() -> None:
    call = Call()
    call.located("A", "B", "C")
    call.wait(3.0)
    assert call.answered(0, 503) == []
    assert call.wait(3.0) == ["try 2 C"]


@pytest.mark.rule("3261-16.7.10-01", "3261-9.1-04")
def test_a_silent_branch_never_holds_back_the_final_answer() -> None:
    call = two_silent()
    assert call.answered(1, 404) == ["forward 404"]
    assert call.concluded == Concluded((0,), (0,), (), (1,), None)


def test_neither_does_an_abandoned_branch_that_is_trying() -> None:
    call = two_silent()
    call.answered(0, 100)
    assert call.answered(1, 404) == ["forward 404", "cancel 0"]


# --- the phone that was reached twice


@pytest.mark.rule("3261-8.2.2.2-01")
def test_a_482_leaves_the_call_to_the_branch_that_was_first() -> None:
    """Field notes 4, case 24: two hops that lead to one phone."""
    call = two_silent()
    assert call.answered(1, 482) == []
    assert call.answered(0, 180, 200) == ["forward 180", "forward 200"]


@pytest.mark.rule("3261-8.2.2.2-01")
def test_after_a_482_the_branch_that_was_first_is_not_passed_a_second_time() -> None:
    call = Call()
    call.located("A", "B", "C")
    call.wait(3.0)
    assert call.answered(1, 482) == []
    assert call.wait(20.0) == []
    assert call.answered(0, 180, 200) == ["forward 180", "forward 200"]


@pytest.mark.rule("3261-8.2.2.2-01")
@pytest.mark.parametrize(
    "uris",
    [
        (),
        (GW_1, GW_2),
    ],
    ids=["one target", "two targets"],
)
def test_a_482_is_not_the_best_response_when_the_other_branch_refuses(uris: tuple[str]) -> None:
    call = two_silent(None, *uris)
    call.answered(1, 482)
    assert call.answered(0, 486) == ["forward 486"]


def test_a_482_does_not_take_a_cancelled_branch_back() -> None:
    call = two_silent(make_hunt(late="cancel"))
    call.answered(0, 100)
    assert call.answered(1, 482) == ["forward 482"]


def test_a_482_alone_is_forwarded() -> None:
    call = Call()
    call.located("A")
    assert call.answered(0, 482) == ["forward 482"]


# --- 6xx


@pytest.mark.rule("3261-16.7.5-02", "3326-2-01")
@pytest.mark.parametrize("status", [600, 603])
def test_a_6xx_cancels_the_rest_and_waits_for_it(status: int) -> None:
    """Field notes 4, case 12."""
    call = Call(make_hunt(advance=3.0, on=(503,)), GW_1, GW_2)
    call.located("A")
    call.wait(3.0)
    call.located("B", "C")
    call.answered(0, 100)
    assert call.answered(1, status) == [f"cancel 0 SIP;cause={status}"]
    assert call.wait(20.0) == []
    assert call.answered(0, 487) == [f"forward {status}"]


@pytest.mark.rule("3261-16.7.5-02", "3261-16.7.6-02")
def test_a_late_6xx_is_the_answer_after_the_live_branch_was_cancelled_for_it() -> None:
    call = two_silent()
    call.answered(1, 100)
    assert call.answered(0, 603) == ["cancel 1 SIP;cause=603"]
    assert call.answered(1, 487) == ["forward 603"]


@pytest.mark.rule("3261-16.7.5-02")
def test_a_6xx_does_not_wait_for_a_silent_branch() -> None:
    call = two_silent()
    assert call.answered(1, 603) == ["forward 603"]
    assert call.concluded.uncancelled == (0,)


@pytest.mark.rule("3326-2-01")
def test_a_deferred_cancel_says_that_a_6xx_was_the_reason() -> None:
    call = two_silent()
    call.answered(1, 603)
    assert call.answered(0, 180) == ["cancel 0 SIP;cause=603"]


@pytest.mark.rule("3261-16.7.5-02", "3263-4.3-07")
def test_after_a_6xx_no_branch_starts_whatever_happens() -> None:
    call = Call()
    call.located("A", "B", more=True)
    call.wait(3.0)
    call.answered(0, 100)
    call.answered(1, 600)
    assert call.located("C", "D") == []
    assert call.troubled(0) == []
    assert call.wait(20.0) == []
    assert call.answered(0, 503) == ["forward 600"]


@pytest.mark.rule("3261-16.7.5-02", "3263-4.3-07")
def test_a_6xx_takes_back_the_wish_for_another_hop() -> None:
    call = Call()
    call.located("A", more=True)
    call.wait(3.0)
    assert call.answered(0, 600) == ["forward 600", "stop locating"]


@pytest.mark.rule("3261-16.7.5-02", "3261-16.7.10-02")
def test_a_2xx_still_wins_over_a_6xx() -> None:
    call = two_silent()
    call.answered(0, 100)
    call.answered(1, 600)
    assert call.answered(0, 200) == ["forward 200"]


@pytest.mark.rule("3261-9.1-06", "3261-16.7.6-02")
def test_a_6xx_waits_64_t1_for_the_cancelled_and_no_longer() -> None:
    call = two_silent(make_hunt(deadline=100.0))
    call.answered(0, 100)
    call.answered(1, 600)
    assert call.watch(60.0) == [(35.0, "discard 0"), (35.0, "forward 600")]


@pytest.mark.rule("3261-16.7.5-02")
def test_a_6xx_waits_no_longer_than_the_deadline() -> None:
    call = two_silent()
    call.answered(0, 100)
    call.answered(1, 600)
    assert call.watch(31.0) == [(32.0, "forward 600")]


def test_a_phone_that_rings_while_it_is_cancelled_for_a_6xx_does_not_win() -> None:
    call = two_silent()
    call.answered(0, 100)
    call.answered(1, 600)
    assert call.answered(0, 180) == ["forward 180"]
    assert call.answered(0, 487) == ["forward 600"]


# --- the best response


@pytest.mark.rule("3261-16.7.6-01", "3261-16.7.6-02", "3263-4.3-04")
@pytest.mark.parametrize(
    ("first", "second", "best"),
    [
        (503, 404, "forward 404"),
        (404, 503, "forward 404"),
        (486, 302, "forward 302"),
        (500, 480, "forward 480"),
        (404, 407, "forward 407"),
        (603, None, "forward 603"),
        (404, None, "forward 404"),
        (503, None, "answer 408"),
    ],
)
def test_the_best_response_of_several_targets_goes_to_the_caller(
    first: int, second: int | None, best: str
) -> None:
    """None: silence to the end."""
    call = Call(make_hunt(advance=None, on=(404, 480, 486, 500, 503)), GW_1, GW_2)
    call.located("A")
    if call.answered(0, first) == [f"locate {GW_2}"]:
        call.located("B")
        call.timed_out(1) if second is None else call.answered(1, second)
    assert best in last_words(call)


def last_words(call: Call) -> list[str]:
    told: list[str] = []
    for order in call.orders:
        match order:
            case v.Forward(Response() as response):
                told.append(f"forward {response.status}")
            case v.Answer(status):
                told.append(f"answer {status}")
            case _:
                pass
    return told


@pytest.mark.rule("3263-4.3-04", "3261-16.7.6-04")
def test_of_one_target_only_the_last_failure_counts() -> None:
    call = Call(make_hunt(on=(404, 500)))
    call.located("A", "B")
    call.answered(0, 404)
    assert call.answered(1, 500) == ["forward 500"]


@pytest.mark.rule("3261-16.7.6-01", "3261-9.1-07")
@pytest.mark.parametrize("loser", [487, 404, 503])
def test_the_refusal_of_the_phone_that_rang_is_the_answer_whatever_the_loser_said(
    loser: int,
) -> None:
    call = two_silent()
    call.answered(1, 100)
    assert call.answered(0, 180) == ["cancel 1", "forward 180"]
    assert call.answered(1, loser) == []
    assert call.answered(0, 486) == ["forward 486"]


@pytest.mark.rule("3261-16.7.6-04")
def test_the_echo_of_our_own_cancel_is_nobodys_answer() -> None:
    call = two_silent(make_hunt(answer=10.0), GW_1, GW_2)
    call.answered(0, 180)
    call.answered(1, 100)
    call.answered(1, 487)
    assert call.answered(0, 486) == ["forward 486"]


@pytest.mark.rule("3261-16.7.6-03", "AMB-18")
def test_a_503_is_never_forwarded() -> None:
    """Field notes 4, case 13."""
    call = Call(make_hunt(), GW_1, GW_2)
    call.located("A")
    call.answered(0, 503)
    call.located("B")
    assert call.answered(1, 503) == ["answer 500"]
    assert call.orders[-1] == v.Answer(500)  # without the Retry-After of anybody


# --- tidying up after the final answer


@pytest.mark.rule("3261-16.7.10-01", "3261-9.1-04", "3326-2-01")
def test_a_silent_branch_is_cancelled_at_its_first_provisional_response_after_the_end() -> None:
    call = two_silent()
    assert call.answered(1, 200) == ["forward 200"]
    assert call.answered(0, 100) == [f"cancel 0 {ELSEWHERE}"]
    assert call.answered(0, 180) == []
    assert call.answered(0, 487) == []
    assert call.over(0, 1) == ["ended"]


@pytest.mark.rule("3261-9.1-06", "3261-16.8-02")
def test_a_cancelled_branch_that_never_ends_is_given_up_after_64_t1() -> None:
    """Field notes 4, case 6."""
    call = two_silent()
    call.answered(1, 200)
    call.wait(2.0)
    call.answered(0, 100)
    call.over(1)
    assert call.watch(60.0) == [(37.0, "discard 0"), (37.0, "ended")]
    assert call.wake is None


@pytest.mark.rule("3261-9.1-06")
def test_a_branch_that_is_still_silent_is_not_given_up_with_the_cancelled_ones() -> None:
    call = Call()
    call.located("A", "B", "C")
    call.wait(6.0)
    call.answered(1, 100)
    call.answered(2, 404)
    assert call.watch(33.0) == [(38.0, "discard 1")]
    assert call.timed_out(0) == []
    assert call.over(2) == ["ended"]


@pytest.mark.rule("3261-9.1-06")
def test_those_cancelled_later_get_their_64_t1_too() -> None:
    call = Call()
    call.located("A", "B", "C")
    call.wait(6.0)
    call.answered(1, 100)
    call.answered(2, 404)
    call.wait(1.0)
    assert call.answered(0, 180) == ["cancel 0"]
    assert call.watch(60.0) == [(39.0, "discard 0"), (39.0, "discard 1")]
    assert call.over(2) == ["ended"]


@pytest.mark.rule("3261-9.1-06")
def test_none_of_several_cancelled_branches_is_given_up_before_its_64_t1() -> None:
    call = Call(make_hunt(progress=4.0))
    call.located("A", "B", "C")
    call.answered(0, 100)
    assert call.wait(4.0) == ["cancel 0", "try 1 B"]
    assert call.wait(3.0) == ["try 2 C"]
    call.answered(1, 100)
    assert call.answered(2, 404) == ["forward 404", "cancel 1"]
    assert call.watch(60.0) == [(39.0, "discard 0"), (39.0, "discard 1")]


@pytest.mark.rule("3261-9.1-06", "3261-16.7.10-02", "3261-16.7.9-03")
def test_giving_up_the_cancelled_ones_does_not_end_a_context_with_a_silent_branch() -> None:
    call = Call(make_hunt(progress=4.0, deadline=10.0))
    call.located("A", "B", "C")
    call.answered(0, 100)
    assert call.watch(35.0)[-2:] == [(7.0, "try 2 C"), (10.0, "answer 408")]
    call.wait(1.0)
    assert call.timed_out(1) == []
    assert call.answered(2, 200) == ["forward 200"]
    assert call.over(2) == ["ended"]


@pytest.mark.rule("3261-9.1-04", "3261-16.7.10-02")
def test_a_final_response_makes_the_wish_to_cancel_void() -> None:
    call = two_silent()
    call.answered(1, 404)
    assert call.answered(0, 200, 200) == ["forward 200", "forward 200"]
    assert call.concluded.open == ()
    assert call.over(1) == []
    assert call.over(0) == ["ended"]


@pytest.mark.rule("3261-16.7.9-03", "SIO-05")
@pytest.mark.parametrize("end", ["timeout", "error", "final"])
def test_the_context_lives_until_its_last_client_transaction_is_over(end: str) -> None:
    call = two_silent()
    call.answered(1, 404)
    assert call.over(1) == []
    match end:
        case "timeout":
            assert call.timed_out(0) == ["ended"]
        case "error":
            assert call.broken(0) == ["ended"]
        case _:
            assert call.answered(0, 486) == []
            assert call.over(0) == ["ended"]
    assert call.gone
    assert call.over(0, 1) == []


def test_a_branch_that_was_over_before_is_not_waited_for() -> None:
    call = Call()
    call.located("A", "B")
    call.broken(0)
    call.answered(1, 200)
    assert call.over(1) == ["ended"]


@pytest.mark.rule("3261-16.10-04", "3261-16.7.5-03")
@pytest.mark.parametrize(
    "given",
    [
        v.Cancelled(()),
        v.Located(0, (), more=False),
        v.Troubled(0, "unreachable"),
        v.TryNext(),
        v.Finish(),
        v.Divert(make_plan([GW_1]), make_hunt()),
        v.Decline(404),
        v.TimedOut(1),
        v.Broken(1, "refused"),
        v.Answered(1, make_response(180)),
        v.Answered(1, make_response(404)),
    ],
    ids=lambda given: type(given).__name__,
)
def test_after_the_final_answer_nothing_else_matters(given: v.Given) -> None:
    call = two_silent()
    call.answered(1, 404)
    before = call.state
    assert call.give(given) == []
    assert call.state == before


def test_the_timer_of_a_context_does_not_outlive_it() -> None:
    call = two_silent()
    call.answered(0, 180)
    assert call.waits()
    call.answered(0, 200)
    assert not call.waits()
    call.answered(1, 100)
    assert call.waits()
    call.answered(1, 487)
    call.over(1, 0)
    assert call.gone
    assert not call.waits()
