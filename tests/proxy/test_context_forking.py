"""Several ways at once: stages by q, phones that ring together, and who of them gets the call.

RFC 3261 16.5 to 16.10. Each phone of these tests has a way of its own and one hop, if it is not
said otherwise: ``A`` is the hop of branch 0, ``B`` that of branch 1.
"""

from collections.abc import Sequence

import pytest

from hunt import Call, make_hunt, make_plan
from sansip.proxy import vocabulary as v

DESK, MOBILE, HOME, MAIL = (
    "sip:bob@desk.example.com",
    "sip:bob@mobile.example.com",
    "sip:bob@home.example.com",
    "sip:bob@mail.example.com",
)
ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'


def forked(
    *plan: Sequence[str | Sequence[str]], hunt: v.Hunt | None = None, invite: bool = True
) -> Call:
    """All phones of the first stage have got the request."""
    call = Call(hunt, plan=plan or [[DESK, MOBILE, HOME]], invite=invite)
    for way, hop in zip(range(len(call.plan[0])), "ABC", strict=False):
        assert call.located(hop, way=way) == [f"try {way} {hop}"]
    return call


# --- the target set


@pytest.mark.rule("3261-16.6-00", "3261-16.6.10-01")
def test_all_ways_of_a_stage_are_tried_at_once() -> None:
    call = Call(plan=[[DESK, MOBILE], [HOME]])
    assert call.begun == [f"locate {DESK}", f"locate {MOBILE}"]
    assert call.located("B", way=1) == ["try 0 B"]
    assert call.located("A", way=0) == ["try 1 A"]
    tried = [order.target.uri for order in call.orders if isinstance(order, v.Try)]
    assert tried == [MOBILE, DESK]


@pytest.mark.rule("3261-16.5-04")
@pytest.mark.parametrize("invite", [True, False])
def test_without_any_target_the_caller_gets_480(*, invite: bool) -> None:
    call = Call(plan=[], invite=invite)
    assert call.begun == ["answer 480", "ended"]
    assert call.gone


@pytest.mark.rule("3261-16.5-04")
def test_without_any_target_the_failure_route_may_know_some() -> None:
    call = Call(make_hunt(consult=True), plan=[])
    assert call.begun == ["consult"]
    assert call.give(v.Divert(make_plan([MAIL]), make_hunt())) == [f"locate {MAIL}"]
    assert call.located("D") == ["try 0 D"]
    assert call.answered(0, 486) == ["forward 486"]


def test_a_failure_route_that_knows_no_target_either_lets_the_best_response_go() -> None:
    call = forked([DESK], hunt=make_hunt(consult=True))
    assert call.answered(0, 486) == ["consult"]
    assert call.give(v.Divert((), make_hunt())) == ["forward 486"]


@pytest.mark.rule("3261-16.5-02")
def test_an_equivalent_uri_does_not_reach_the_same_hop_twice() -> None:
    """19.1.4: the host has no case, and an escape is what it stands for."""
    call = forked([DESK], hunt=make_hunt(consult=True))
    call.answered(0, 486)
    again = make_plan(["sip:%62ob@DESK.example.com"])
    call.give(v.Divert(again, make_hunt()))
    assert call.located("A") == ["forward 486"]


def test_another_uri_may_lead_to_the_same_hop() -> None:
    """Two phones behind one gateway."""
    call = Call(plan=[["sip:201@gw.example.com", "sip:202@gw.example.com"]])
    assert call.located("A", way=0) + call.located("A", way=1) == ["try 0 A", "try 1 A"]


def test_no_more_ways_are_begun_than_branches_are_allowed() -> None:
    """Field notes 4, case 27."""
    call = Call(plan=[[DESK, MOBILE, HOME], [MAIL]], most=2)
    assert call.begun == [f"locate {DESK}", f"locate {MOBILE}"]
    assert call.notes == [f"limit of 2 branches: {HOME} must wait"]
    call.located("A", way=0)
    call.located("B", way=1)
    assert call.answered(0, 404) + call.answered(1, 404) == ["forward 404"]
    assert call.notes[-1] == "limit of 2 branches: not everything was tried"


def test_ways_that_lead_nowhere_leave_room_for_others() -> None:
    call = Call(plan=[[DESK, MOBILE, HOME], [MAIL]], most=2)
    call.located("A", way=0)
    assert call.located(way=1) == []
    assert call.answered(0, 404) == [f"locate {HOME}"]
    assert call.located(way=2) == [f"locate {MAIL}"]
    assert call.located("D", way=3) == ["try 1 D"]


# --- who gets the call


@pytest.mark.rule("3261-16.7.5-01", "3261-16.7.6-06")
def test_all_phones_ring_and_the_caller_hears_each_of_them() -> None:
    call = forked()
    assert call.answered(1, 180) == ["forward 180"]
    assert call.answered(0, 180, 183) == ["forward 180", "forward 183"]
    assert call.answered(2, 100, 180) == ["forward 180"]


@pytest.mark.rule("3261-16.7.10-01", "3326-2-01", "3261-9.1-04")
def test_the_first_2xx_wins_and_the_others_are_cancelled_the_silent_one_when_it_speaks() -> None:
    call = forked()
    call.answered(0, 180)
    call.answered(1, 180)
    assert call.answered(1, 200) == ["forward 200", f"cancel 0 {ELSEWHERE}"]
    assert call.answered(2, 180) == [f"cancel 2 {ELSEWHERE}"]
    assert call.answered(0, 487) + call.answered(2, 487) == []
    assert call.over(0, 1, 2) == ["ended"]


@pytest.mark.rule("3261-16.7.10-02", "3261-16.7.5-03", "3261-16.7.5-04", "3261-16.7.9-03")
def test_a_2xx_of_a_second_phone_is_forwarded_too() -> None:
    call = forked([DESK, MOBILE])
    call.answered(0, 180)
    call.answered(1, 180)
    call.answered(0, 200)
    assert call.answered(1, 200) == ["forward 200"]
    assert call.over(0) == []
    assert call.over(1) == ["ended"]


@pytest.mark.rule("3261-16.7.10-03", "3261-16.7.5-03", "3261-16.7.5-04")
def test_of_a_non_invite_the_first_2xx_is_the_answer_and_nothing_is_cancelled() -> None:
    call = forked(invite=False)
    call.answered(0, 100)
    assert call.answered(1, 200) == ["forward 200", "discard 0", "discard 2"]
    assert call.answered(1, 200) == []
    assert call.over(1) == ["ended"]


@pytest.mark.rule("4320-4.2-03", "4320-4.2-01")
def test_of_a_non_invite_the_one_real_answer_goes_to_the_caller() -> None:
    call = forked([DESK, MOBILE], invite=False)
    assert call.answered(0, 404) == []
    assert call.timed_out(1) == ["forward 404"]
    silent = forked([DESK, MOBILE], invite=False)
    assert silent.timed_out(0) + silent.timed_out(1) == ["silence", "ended"]


@pytest.mark.rule("3261-16.7.6-01", "3261-16.7.5-04")
def test_one_refusal_waits_for_the_others() -> None:
    call = forked()
    assert call.answered(0, 486) == []
    assert call.answered(1, 180, 404) == ["forward 180"]
    assert call.answered(2, 480) == ["forward 486"]
    assert call.answered(2, 480) == []


@pytest.mark.rule("3261-16.7.6-01")
def test_of_equals_the_first_one_to_come_goes_to_the_caller() -> None:
    call, told = forked(), list[str]()
    for branch, status in ((2, 404), (0, 486), (1, 480)):
        call.wait(0.5)
        told = call.answered(branch, status)
    assert told == ["forward 404"]


@pytest.mark.rule("3261-16.7.6-04", "3261-8.1.3.1-01", "3261-16.9-01")
def test_silence_and_errors_of_single_phones_take_part_in_the_choice() -> None:
    call = forked(hunt=make_hunt(deadline=60.0))
    assert call.broken(0) == []
    assert call.answered(1, 500) == []
    call.wait(32.0)
    assert call.give(v.TimedOut(2)) == ["answer 408"]
    call = forked()
    call.broken(0)
    assert call.answered(1, 500) == []
    assert call.give(v.Broken(2, "refused")) == ["forward 500"]


def test_a_way_that_leads_nowhere_does_not_hold_up_the_others() -> None:
    call = Call(plan=[[DESK, MOBILE]])
    call.located("A", way=0)
    assert call.located(way=1, status=503) == []
    assert call.answered(0, 180, 404) == ["forward 180", "forward 404"]


def test_a_way_that_is_still_looked_up_is_waited_for() -> None:
    call = Call(plan=[[DESK, MOBILE]])
    call.located("A", way=0)
    call.located(way=1, more=True)
    assert call.answered(0, 404) == []
    assert call.located("B", way=1) == ["try 1 B"]
    assert call.answered(1, 200)[0] == "forward 200"


def test_lookups_that_nobody_needs_any_more_are_stopped() -> None:
    call = Call(plan=[[DESK, MOBILE]])
    call.located("A", way=0, more=True)
    call.located(way=1, more=True)
    assert call.answered(0, 200) == ["forward 200", "stop locating", "stop locating 1"]


# --- 6xx


@pytest.mark.rule("3261-16.7.5-02", "3261-16.7.6-02", "3326-2-01")
def test_a_6xx_cancels_all_phones_and_goes_to_the_caller_when_they_have_ended() -> None:
    call = forked([DESK, MOBILE], [HOME])
    call.answered(1, 180)
    assert call.answered(0, 603) == ["cancel 1 SIP;cause=603"]
    assert call.answered(1, 487) == ["forward 603"]


@pytest.mark.rule("3261-16.7.5-02", "3261-16.7.10-02")
def test_a_2xx_wins_over_a_6xx_that_has_not_been_sent() -> None:
    call = forked()
    call.answered(1, 180)
    call.answered(0, 600)
    assert call.answered(1, 200) == ["forward 200"]


# --- stages


@pytest.mark.rule("3261-16.6-00")
@pytest.mark.parametrize("status", [302, 404, 408, 486, 503, 500, None])
def test_the_next_stage_opens_when_all_of_one_have_failed(status: int | None) -> None:
    """Any failure will do; between the hops of one way only some count."""
    call = forked([DESK, MOBILE], [HOME], hunt=make_hunt(advance=None, deadline=100.0))
    assert call.answered(0, 180, 486) == ["forward 180"]
    told = call.timed_out(1) if status is None else call.answered(1, status)
    assert told == [f"locate {HOME}"]
    assert call.notes == [f"trying {HOME}"]
    assert call.located("C") == ["try 2 C"]
    assert call.answered(2, 180, 200)[:2] == ["forward 180", "forward 200"]


@pytest.mark.rule("3261-16.6-00", "3261-16.7.6-01", "3261-16.7.6-02")
def test_the_best_response_of_all_stages_goes_to_the_caller() -> None:
    call = forked([DESK], [MOBILE], [HOME])
    call.answered(0, 500)
    call.located("B")
    assert call.answered(1, 486) == [f"locate {HOME}"]
    call.located("C")
    assert call.answered(2, 480) == ["forward 486"]


@pytest.mark.rule("3261-16.6-00")
def test_a_stage_that_rings_is_waited_for() -> None:
    call = forked([DESK, MOBILE], [HOME])
    call.answered(0, 180)
    assert call.wait(100.0) == []
    assert call.timed_out(1) == []
    assert call.answered(0, 486) == [f"locate {HOME}"]


def test_a_phone_that_rings_too_long_makes_room_for_the_next_stage() -> None:
    call = forked([DESK], [MOBILE], hunt=make_hunt(answer=20.0))
    call.answered(0, 180)
    assert call.watch(20.0) == [(20.0, "cancel 0"), (20.0, f"locate {MOBILE}")]


def test_a_stage_of_which_nothing_is_heard_is_not_waited_for() -> None:
    call = forked([DESK, MOBILE], [HOME], [MAIL])
    assert call.watch(3.0) == [(3.0, f"locate {HOME}")]
    assert call.located("C") == ["try 2 C"]
    assert call.watch(3.0) == [(6.0, f"locate {MAIL}")]
    assert call.located("D") == ["try 3 D"]
    assert call.watch(20.0) == []


def test_icmp_about_all_phones_of_a_stage_opens_the_next() -> None:
    call = forked([DESK, MOBILE], [HOME])
    assert call.troubled(1) == []
    assert call.troubled(0) == [f"locate {HOME}"]
    assert call.answered(1, 200) == ["forward 200", "stop locating 2"]


@pytest.mark.parametrize("status", [100, 180])
def test_a_sign_of_life_of_one_phone_holds_its_stage(status: int) -> None:
    call = forked([DESK, MOBILE], [HOME])
    call.wait(1.0)
    call.answered(1, status)
    assert call.wait(20.0) == []
    assert call.answered(1, 486) == [f"locate {HOME}"]


def test_a_late_100_of_a_phone_that_was_passed_holds_its_stage_again() -> None:
    call = forked([DESK, MOBILE], [HOME])
    call.wait(1.0)
    call.answered(1, 100)
    call.wait(10.0)
    call.answered(0, 100)
    assert call.answered(1, 486) == []
    assert call.answered(0, 486) == [f"locate {HOME}"]


def test_phones_that_make_no_progress_are_cancelled_when_the_next_stage_begins() -> None:
    call = forked([DESK, MOBILE], [HOME], hunt=make_hunt(progress=5.0))
    call.answered(0, 100)
    assert call.watch(5.0) == [(5.0, f"locate {HOME}")]
    assert call.located("C") == ["cancel 0", "try 2 C"]
    assert call.answered(0, 487) == []
    assert call.answered(2, 486) == ["forward 486"]


def test_silent_phones_do_not_hold_up_the_answer_of_a_later_stage() -> None:
    call = forked([DESK, MOBILE], [HOME])
    call.wait(3.0)
    call.located("C")
    assert call.answered(2, 486) == ["forward 486"]
    assert call.answered(0, 180) == ["cancel 0"]
    assert call.answered(1, 200) == ["forward 200"]


# --- late signs of life


def test_a_late_ring_wins_over_a_stage_that_has_not_rung() -> None:
    call = forked([DESK, MOBILE], [HOME, MAIL])
    call.wait(3.0)
    call.located("C", way=2)
    call.located("D", way=3)
    call.answered(3, 100)
    assert call.answered(1, 180) == ["cancel 3", "forward 180"]
    assert call.answered(2, 180) == ["cancel 2", "forward 180"]
    assert call.answered(2, 487) + call.answered(3, 487) == []
    assert call.answered(1, 486) == ["forward 486"]


def test_the_other_phones_of_the_stage_that_won_back_may_ring_too() -> None:
    call = forked([DESK, MOBILE], [HOME])
    call.wait(3.0)
    call.located("C")
    call.answered(1, 180)
    assert call.answered(0, 180) == ["forward 180"]
    assert call.answered(1, 486) == []
    assert call.answered(0, 200) == ["forward 200"]


def test_a_late_ring_is_cancelled_if_a_later_stage_has_rung() -> None:
    call = forked([DESK, MOBILE], [HOME])
    call.wait(3.0)
    call.located("C")
    assert call.answered(2, 180) == ["forward 180"]
    assert call.answered(0, 180) == ["cancel 0", "forward 180"]
    assert call.answered(1, 100) == ["cancel 1"]
    assert call.answered(0, 487) + call.answered(1, 487) == []
    assert call.answered(2, 486) == ["forward 486"]


@pytest.mark.rule("3261-16.6-00")
def test_a_late_ring_puts_off_what_a_later_stage_has_not_tried_yet() -> None:
    call = forked([DESK], [MOBILE, HOME], [MAIL])
    call.wait(3.0)
    call.located(way=1, more=True)
    call.located("C", way=2)
    assert call.answered(0, 180) == ["stop locating 1", "forward 180"]
    assert call.located("B", way=1) == []
    assert call.answered(0, 486) == [f"locate {MOBILE}"]
    assert call.located("B", way=3) == ["try 2 B"]
    assert call.answered(2, 404) == [f"locate {MAIL}"]


def test_a_late_ring_takes_back_the_wish_for_another_hop_of_a_later_stage() -> None:
    call = forked([DESK], [MOBILE])
    call.wait(3.0)
    assert call.located("B", more=True) == ["try 1 B"]
    call.wait(3.0)
    assert call.answered(0, 180) == ["forward 180"]
    assert call.located("C") == []


def test_after_a_stage_that_won_back_the_next_one_comes() -> None:
    call = forked([DESK], [MOBILE], [HOME])
    call.wait(3.0)
    call.located("B")
    call.answered(0, 180)
    assert call.answered(0, 486) == [f"locate {HOME}"]


def test_with_late_cancel_silent_phones_are_cancelled_when_the_next_stage_begins() -> None:
    call = forked([DESK, MOBILE], [HOME], hunt=make_hunt(late="cancel"))
    call.wait(3.0)
    call.located("C")
    assert call.answered(0, 180) == ["cancel 0", "forward 180"]
    assert call.answered(2, 180) == ["forward 180"]


# --- hops and alternatives within one way


def test_the_hops_of_one_way_fail_over_while_another_way_rings() -> None:
    call = Call(plan=[[DESK, MOBILE]])
    call.located("A", "B", way=0)
    call.located("C", way=1)
    call.answered(1, 180)
    assert call.watch(3.0) == [(3.0, "try 2 B")]
    assert call.answered(2, 180) == ["forward 180"]
    assert call.answered(0, 100) == ["cancel 0"]
    assert call.answered(1, 200) == ["forward 200", f"cancel 2 {ELSEWHERE}"]


@pytest.mark.rule("3263-4.3-01", "3261-16.6.7-03")
def test_each_way_has_failovers_of_its_own() -> None:
    call = Call(plan=[[[DESK, HOME], MOBILE]])
    call.located("A", way=0)
    call.located("B", "C", way=1)
    assert call.answered(1, 503) == ["try 2 C"]
    assert call.answered(0, 503) == [f"locate {HOME}"]
    assert call.located("D", way=0) == ["try 3 D"]
    assert call.answered(3, 404) == []
    assert call.answered(2, 503) == ["forward 404"]


def test_an_alternative_that_leads_nowhere_counts_beside_the_target_that_was_tried() -> None:
    call = Call(plan=[[[DESK, HOME]]])
    call.located("A")
    assert call.answered(0, 503) == [f"locate {HOME}"]
    assert call.located(status=403) == ["answer 403"]


def test_an_answer_ends_its_way_though_hops_are_left() -> None:
    call = Call(plan=[[DESK], [MOBILE]])
    call.located("A", "B")
    assert call.answered(0, 404) == [f"locate {MOBILE}"]


def test_a_482_of_one_phone_lets_an_older_stage_go_on() -> None:
    call = forked([DESK], [MOBILE], [HOME])
    call.wait(3.0)
    call.located("B")
    assert call.answered(1, 482) == []
    assert call.wait(10.0) == []
    assert call.answered(0, 180, 200) == ["forward 180", "forward 200"]


# --- the failure route


def test_the_failure_route_is_asked_when_all_stages_have_failed() -> None:
    call = forked([DESK], [MOBILE], hunt=make_hunt(consult=True))
    assert call.answered(0, 404) == [f"locate {MOBILE}"]
    call.located("B")
    assert call.answered(1, 486) == ["consult"]
    assert call.give(v.Finish()) == ["forward 404"]


def test_try_next_goes_on_in_every_way_that_has_something_left() -> None:
    call = Call(make_hunt(consult=True), plan=[[DESK, MOBILE], [HOME]])
    call.located("A", "B", way=0)
    call.located("C", way=1)
    call.answered(0, 404)
    call.answered(1, 404)
    call.located("D", "E", way=2)
    assert call.answered(2, 404) == ["consult"]
    assert call.give(v.TryNext()) == ["try 3 B", "try 4 E"]
    assert call.answered(4, 180) == ["forward 180"]
    assert call.answered(3, 180) == ["forward 180"]
    assert call.answered(3, 404) == []
    assert call.answered(4, 404) == ["consult"]


def test_try_next_does_not_go_back_behind_new_targets() -> None:
    call = Call(make_hunt(consult=True), plan=[[DESK]])
    call.located("A", "B")
    call.answered(0, 486)
    assert call.give(v.Divert(make_plan([MOBILE]), call.hunt)) == [f"locate {MOBILE}"]
    call.located("C")
    assert call.answered(1, 404) == ["consult"]
    assert call.give(v.TryNext()) == ["forward 486"]


def test_a_failure_route_may_choose_several_targets() -> None:
    call = forked([DESK], hunt=make_hunt(consult=True))
    call.answered(0, 486)
    told = call.give(v.Divert(make_plan([MOBILE, HOME], [MAIL]), make_hunt()))
    assert told == [f"locate {MOBILE}", f"locate {HOME}"]
    assert call.located("B", way=1) + call.located("C", way=2) == ["try 1 B", "try 2 C"]
    assert call.answered(1, 404) + call.answered(2, 404) == [f"locate {MAIL}"]


# --- CANCEL and Timer C


@pytest.mark.rule("3261-16.10-01", "3261-16.10-02", "3261-9.1-04", "3326-2-02")
def test_cancel_goes_to_all_phones_and_no_stage_opens_any_more() -> None:
    call = forked([DESK, MOBILE], [HOME])
    call.answered(0, 180)
    call.answered(1, 100)
    assert call.cancelled("SIP;cause=9") == ["cancel 0 SIP;cause=9", "cancel 1 SIP;cause=9"]
    assert call.answered(0, 487) == []
    assert call.answered(1, 487) == ["forward 487"]


@pytest.mark.rule("3261-16.10-01", "3261-9.1-04")
def test_after_cancel_the_487_does_not_wait_for_a_phone_that_never_said_a_word() -> None:
    call = forked([DESK, MOBILE])
    call.answered(0, 180)
    assert call.cancelled() == ["cancel 0"]
    assert call.answered(0, 487) == ["forward 487"]
    assert call.answered(1, 180)[0].startswith("cancel 1")  # and if it wakes up it is cancelled
    silent = forked([DESK, MOBILE])
    assert silent.cancelled() == []  # Timer B decides: no CANCEL may be sent
    assert silent.answered(0, 100) == ["cancel 0"]
    assert silent.answered(0, 487) == ["forward 487"]
    refused = forked([DESK, MOBILE])
    refused.answered(0, 486)
    assert refused.cancelled() == ["forward 486"]


@pytest.mark.rule("3261-16.10-03", "3261-16.10-02")
def test_cancel_while_all_ways_are_looked_up_is_answered_487_at_once() -> None:
    call = Call(plan=[[DESK, MOBILE], [HOME]])
    assert call.cancelled() == ["stop locating", "stop locating 1", "answer 487", "ended"]


@pytest.mark.rule("3261-16.10-02")
def test_cancel_between_two_stages_is_answered_487_at_once() -> None:
    call = forked([DESK], [HOME])
    call.answered(0, 503)
    assert call.cancelled() == ["stop locating 1", "answer 487"]
    assert call.located("B", way=1) == []


@pytest.mark.rule("3261-16.8-01", "3261-16.8-02", "3326-2-04")
def test_timer_c_of_one_phone_is_no_other_phones_business() -> None:
    call = forked([DESK, MOBILE], [HOME])
    call.answered(0, 180)
    call.wait(100.0)
    call.answered(1, 180)
    assert call.watch(90.0) == [(185.0, 'cancel 0 SIP;cause=408;text="Timer C"')]
    assert call.answered(1, 486) == []
    assert call.watch(40.0) == [(217.0, "discard 0"), (217.0, f"locate {HOME}")]


@pytest.mark.rule("3261-16.8-02", "3261-16.7.6-02")
@pytest.mark.parametrize("end", [487, 500, None])
def test_a_phone_that_timer_c_has_ended_counts_as_408_beside_the_others(end: int | None) -> None:
    call = forked([DESK, MOBILE])
    call.answered(0, 180)
    call.answered(1, 500)
    call.wait(185.0)
    told = call.wait(32.0) if end is None else call.answered(0, end)
    assert "answer 408" in told


def test_a_phone_that_was_passed_long_ago_counts_for_nothing_when_timer_c_ends_it() -> None:
    call = Call(make_hunt(deadline=1000.0, timer_c=200.0))
    call.located("A", "B")
    call.wait(3.0)
    call.answered(0, 100)
    call.answered(1, 100)
    assert call.wait(198.0) == ['cancel 0 SIP;cause=408;text="Timer C"']
    assert call.answered(1, 500) == ["forward 500"]


# --- the deadline


@pytest.mark.rule("3263-4.3-08")
def test_the_deadline_ends_all_ways_that_have_not_rung() -> None:
    call = forked([DESK, MOBILE], [HOME], hunt=make_hunt(deadline=10.0))
    call.answered(0, 100)
    assert call.watch(20.0) == [(10.0, "answer 408"), (10.0, "cancel 0")]


@pytest.mark.rule("3263-4.3-08")
def test_one_phone_that_has_rung_lifts_the_deadline_for_all() -> None:
    call = forked([DESK], [MOBILE], hunt=make_hunt(deadline=10.0))
    call.answered(0, 180)
    call.wait(20.0)
    assert call.answered(0, 486) == [f"locate {MOBILE}"]
    assert call.located("B") == ["try 1 B"]
