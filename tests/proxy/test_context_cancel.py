"""Ending a call before it is answered: the caller's CANCEL and Timer C (3261 9, 16.8, 16.10)."""

from collections.abc import Callable

import pytest

from hunt import URI, Call, make_hunt, make_plan
from sansip.proxy import vocabulary as v

GW_1, GW_2 = "sip:bob@gw-1.example.com", "sip:bob@gw-2.example.com"
TIMER_C = 'SIP;cause=408;text="Timer C"'

# --- the caller's CANCEL


@pytest.mark.rule("3261-16.10-01", "3261-16.10-03", "3326-2-02")
def test_cancel_goes_on_with_all_its_reasons_and_the_487_comes_back() -> None:
    call = Call()
    call.located("A")
    call.answered(0, 180)
    reasons = 'SIP;cause=200;text="elsewhere"', "Q.850;cause=16"
    assert call.cancelled(*reasons) == [" ".join(["cancel 0", *reasons])]
    assert call.orders[-1] == v.Cancel(0, reasons)
    assert call.answered(0, 487) == ["forward 487"]
    assert call.over(0) == ["ended"]


@pytest.mark.rule("3261-16.10-03", "3261-16.10-02")
def test_cancel_before_there_is_any_branch_is_answered_487_and_the_lookup_stops() -> None:
    """Field notes 4, cases 5 and 7."""
    call = Call(make_hunt(), GW_1, GW_2)
    assert call.cancelled() == ["stop locating", "answer 487", "ended"]
    assert call.located("A") == []
    assert call.gone


@pytest.mark.rule("3261-16.10-03", "3261-16.10-02")
def test_cancel_between_two_hops_is_answered_487_at_once() -> None:
    """Field notes 4, case 5: A has failed, and B is still being looked up."""
    call = Call()
    call.located("A", more=True)
    call.answered(0, 503)
    assert call.cancelled() == ["stop locating", "answer 487"]
    assert call.over(0) == ["ended"]


@pytest.mark.rule("3261-16.10-02")
def test_hops_that_are_found_after_cancel_do_not_matter() -> None:
    call = Call()
    call.located("A", more=True)
    call.answered(0, 180)
    assert call.cancelled() == ["stop locating", "cancel 0"]
    assert call.located("B", more=True) == []
    assert call.answered(0, 487) == ["forward 487"]


@pytest.mark.rule("3261-9.1-04", "3326-2-02")
@pytest.mark.parametrize("status", [100, 180])
def test_cancel_waits_for_a_provisional_response(status: int) -> None:
    call = Call()
    call.located("A")
    assert call.cancelled("SIP;cause=26") == []
    assert "cancel 0 SIP;cause=26" in call.answered(0, status)
    assert call.answered(0, 487) == ["forward 487"]


@pytest.mark.rule("3261-9.1-04", "3261-9.1-06")
def test_cancel_before_any_response_and_nothing_ever_comes() -> None:
    """Field notes 4, case 6: Timer B ends it."""
    call = Call()
    call.located("A")
    call.cancelled()
    assert call.wait(32.0) == []
    assert call.timed_out(0) == ["answer 487", "ended"]


@pytest.mark.rule("3261-9.1-04", "3261-16.10-01")
@pytest.mark.parametrize(("status", "forwarded"), [(100, []), (180, ["forward 180"])])
def test_the_first_word_after_cancel_ends_the_wait_for_those_who_say_none(
    status: int, forwarded: list[str]
) -> None:
    call = Call(make_hunt(advance=1.0))
    call.located("A", "B")
    call.wait(1.0)  # A is left behind, and B is silent as well
    assert call.cancelled() == []
    assert call.answered(0, status) == ["cancel 0", *forwarded, "answer 487"]


@pytest.mark.rule("3261-9.1-06", "3261-16.10-01")
def test_cancelled_and_no_final_response_ever() -> None:
    call = Call()
    call.located("A")
    call.answered(0, 180)
    call.wait(10.0)
    call.cancelled()
    assert call.watch(60.0) == [(42.0, "discard 0"), (42.0, "answer 487"), (42.0, "ended")]


@pytest.mark.rule("3261-9.1-06")
def test_ringing_on_does_not_give_a_cancelled_branch_more_time() -> None:
    call = Call()
    call.located("A")
    call.answered(0, 180)
    call.cancelled()
    call.wait(20.0)
    assert call.answered(0, 180) == ["forward 180"]
    assert call.watch(60.0)[0] == (32.0, "discard 0")


@pytest.mark.rule("3261-9.2-06", "3261-16.10-01", "3326-2-03")
def test_a_second_cancel_changes_nothing() -> None:
    """Field notes 4, case 9."""
    call = Call()
    call.located("A")
    call.answered(0, 180)
    assert call.cancelled("SIP;cause=1") == ["cancel 0 SIP;cause=1"]
    assert call.cancelled("SIP;cause=2") == []
    assert call.answered(0, 183) == ["forward 183"]


@pytest.mark.rule("3261-16.10-01", "3261-9.1-04", "3261-16.7.10-01")
def test_all_branches_are_cancelled_the_abandoned_ones_too() -> None:
    call = Call(make_hunt(late="cancel"))
    call.located("A", "B", "C")
    call.wait(6.0)
    call.answered(1, 180)
    call.answered(2, 100)
    assert call.cancelled("SIP;cause=9") == ["cancel 2 SIP;cause=9"]
    assert call.answered(0, 180) == ["cancel 0 SIP;cause=9", "forward 180"]
    assert call.answered(2, 487) == ["forward 487"]


@pytest.mark.rule("3261-16.10-01", "3261-16.7.5-01")
def test_a_2xx_that_crosses_the_cancel_wins() -> None:
    call = Call()
    call.located("A")
    call.answered(0, 180)
    call.cancelled()
    assert call.answered(0, 200) == ["forward 200"]


@pytest.mark.rule("3261-16.10-01", "3261-16.7.6-01")
@pytest.mark.parametrize(
    ("status", "word"), [(404, "forward 404"), (603, "forward 603"), (503, "answer 487")]
)
def test_a_refusal_that_crosses_the_cancel_is_the_answer(status: int, word: str) -> None:
    call = Call()
    call.located("A", "B")
    call.answered(0, 100)
    call.cancelled()
    assert call.answered(0, status) == [word]


def silence(call: Call) -> list[str]:
    return call.wait(3.0)


def timeout(call: Call) -> list[str]:
    return call.timed_out(0)


def error(call: Call) -> list[str]:
    return call.broken(0)


def icmp(call: Call) -> list[str]:
    return call.troubled(0)


def unavailable(call: Call) -> list[str]:
    return call.answered(0, 503)


def no_progress(call: Call) -> list[str]:
    return call.answered(0, 100) + call.wait(20.0)


def hops(call: Call) -> list[str]:
    return call.located("D", "E")


def next_hop(call: Call) -> list[str]:
    return call.give(v.TryNext())


def new_targets(call: Call) -> list[str]:
    return call.give(v.Divert(make_plan([GW_2]), make_hunt()))


@pytest.mark.rule("3261-16.10-02", "3263-4.3-07", "SIO-07")
@pytest.mark.parametrize("more", [False, True], ids=["complete", "still looking"])
@pytest.mark.parametrize(
    "event",
    [silence, timeout, error, icmp, unavailable, no_progress, hops, next_hop, new_targets],
)
def test_after_cancel_no_branch_starts_and_nothing_is_looked_up(
    event: Callable[[Call], list[str]], *, more: bool
) -> None:
    """Asterisk 1716: after CANCEL a timeout sent a new INVITE to the next address."""
    call = Call(make_hunt(progress=5.0), GW_1, GW_2)
    call.located("A", "B", more=more)
    call.cancelled()
    told = event(call) + call.wait(100.0)
    assert not [line for line in told if line.startswith(("try", "locate", "consult"))]


@pytest.mark.rule("3261-16.10-02")
def test_the_failure_route_is_not_asked_after_cancel() -> None:
    call = Call(make_hunt(consult=True))
    call.located("A")
    call.cancelled()
    assert call.timed_out(0) == ["answer 487", "ended"]


@pytest.mark.rule("3261-16.10-01")
def test_after_cancel_there_is_no_deadline_but_timer_b() -> None:
    call = Call(make_hunt(deadline=10.0))
    call.located("A")
    call.cancelled()
    assert call.wait(31.0) == []


# --- Timer C


@pytest.mark.rule("3261-16.8-01", "3261-16.6.11-01", "3326-2-04")
def test_timer_c_cancels_a_phone_that_rings_for_ever() -> None:
    """Field notes 4, case 10."""
    call = Call()
    call.located("A")
    call.answered(0, 180)
    assert call.watch(190.0) == [(185.0, f"cancel 0 {TIMER_C}")]
    assert call.answered(0, 487) == ["answer 408"]
    assert call.over(0) == ["ended"]


@pytest.mark.rule("3261-16.8-02", "3261-9.1-06")
def test_64_t1_after_timer_c_the_branch_counts_as_408() -> None:
    call = Call()
    call.located("A")
    call.answered(0, 180)
    call.wait(185.0)
    assert call.watch(40.0) == [(217.0, "discard 0"), (217.0, "answer 408"), (217.0, "ended")]


@pytest.mark.rule("3261-16.7.2-01")
def test_101_to_199_start_timer_c_anew_and_100_does_not() -> None:
    """Field notes 4, case 11."""
    call = Call(make_hunt(deadline=1000.0))
    call.located("A")
    call.wait(5.0)
    call.answered(0, 100)
    call.wait(100.0)
    call.answered(0, 100)
    assert call.watch(79.9) == []
    call.answered(0, 183)
    assert call.watch(184.9) == []
    call.answered(0, 183)
    assert call.watch(200.0)[0][1] == f"cancel 0 {TIMER_C}"
    assert call.orders[-1] == v.Cancel(0, (TIMER_C,))


@pytest.mark.rule("3261-16.6.11-01")
def test_without_another_response_timer_c_runs_from_the_start_of_the_branch() -> None:
    call = Call(make_hunt(deadline=1000.0))
    call.located("A")
    call.wait(5.0)
    call.answered(0, 100)
    assert call.watch(190.0) == [(185.0, f"cancel 0 {TIMER_C}")]


@pytest.mark.rule("3261-16.8-01")
def test_timer_c_does_not_cancel_twice() -> None:
    call = Call()
    call.located("A")
    call.answered(0, 180)
    call.wait(180.0)
    assert call.cancelled() == ["cancel 0"]
    assert call.watch(10.0) == []


@pytest.mark.rule("3261-16.8-01")
def test_an_abandoned_branch_has_a_timer_c_too() -> None:
    call = Call(make_hunt(deadline=1000.0))
    call.located("A", "B")
    call.wait(3.0)
    call.answered(0, 100)
    assert call.watch(190.0) == [(185.0, f"cancel 0 {TIMER_C}")]


@pytest.mark.rule("3261-16.6.11-01", "3261-9.1-01")
def test_a_non_invite_has_no_timer_c() -> None:
    call = Call(make_hunt(timer_c=181.0, deadline=1000.0), invite=False)
    assert call.begun == [f"locate {URI}"]
    call.located("A")
    call.answered(0, 100)
    assert call.watch(1000.0) == [(28.0, "silence"), (28.0, "discard 0"), (28.0, "ended")]
