"""What a failure route is asked, and what its decisions do."""

import pytest

from hunt import Call, make_hunt, make_plan
from sansip.proxy import vocabulary as v

GW_1, GW_2, GW_3 = (
    "sip:bob@gw-1.example.com",
    "sip:bob@gw-2.example.com",
    "sip:bob@gw-3.example.com",
)
ASK = make_hunt(consult=True)


def at_its_wits_end(hunt: v.Hunt = ASK, *, invite: bool = True, hops: str = "A") -> Call:
    """The failure route is asked after a 486 from the first of these hops."""
    call = Call(hunt, invite=invite)
    call.located(*hops)
    assert call.answered(0, 486) == ["consult"]
    return call


@pytest.mark.parametrize("status", [404, 486, 600, 503])
def test_the_failure_route_is_asked_before_the_caller_gets_the_bad_news(status: int) -> None:
    call = Call(ASK)
    call.located("A")
    assert call.answered(0, status) == ["consult"]
    assert call.hunting


def test_it_is_not_asked_while_something_goes_on() -> None:
    call = Call(ASK, GW_1, GW_2)
    call.located("A", "B")
    assert call.answered(0, 503) == ["try 1 B"]
    assert call.answered(1, 503) == [f"locate {GW_2}"]
    assert call.located() == ["consult"]


def test_it_is_not_asked_when_somebody_answers() -> None:
    call = Call(ASK)
    call.located("A")
    assert call.answered(0, 180, 200) == ["forward 180", "forward 200"]


def test_it_is_not_held_up_by_a_silent_branch() -> None:
    call = Call(ASK)
    call.located("A", "B")
    call.wait(3.0)
    assert call.answered(1, 486) == ["consult"]


def test_it_is_asked_when_a_phone_rings_too_long() -> None:
    call = Call(make_hunt(answer=20.0, consult=True))
    call.located("A", "B")
    call.answered(0, 180)
    assert call.watch(20.0) == [(20.0, "cancel 0"), (20.0, "consult")]
    assert call.give(v.TryNext()) == ["try 1 B"]
    assert call.answered(0, 180, 487) == ["forward 180"]
    assert call.answered(1, 180, 200) == ["forward 180", "forward 200"]


@pytest.mark.parametrize("end", ["timeout", "error"])
def test_it_is_asked_once_for_one_failure(end: str) -> None:
    call = Call(ASK)
    call.located("A")
    assert (call.timed_out(0) if end == "timeout" else call.broken(0)) == ["consult"]


# --- TryNext


def test_try_next_goes_to_the_next_hop_even_after_a_refusal() -> None:
    """OpenSIPS 925: the rest of the SRV list after a 404."""
    call = at_its_wits_end(hops="AB")
    assert call.give(v.TryNext()) == ["try 1 B"]


def test_try_next_goes_to_the_next_target() -> None:
    call = Call(ASK, GW_1, GW_2)
    call.located("A")
    call.answered(0, 404)
    assert call.give(v.TryNext()) == [f"locate {GW_2}"]


def test_try_next_waits_for_the_lookup() -> None:
    call = Call(ASK)
    call.located("A", more=True)
    call.answered(0, 404)
    assert call.give(v.TryNext()) == []
    assert call.located("B") == ["try 1 B"]


def test_try_next_after_ringing_has_silences_of_its_own() -> None:
    call = Call(ASK)
    call.located("A", "B", "C")
    call.answered(0, 180, 486)
    assert call.give(v.TryNext()) == ["try 1 B"]
    assert call.wait(3.0) == ["try 2 C"]


def test_try_next_with_nothing_left_lets_the_best_response_go() -> None:
    assert at_its_wits_end().give(v.TryNext()) == ["forward 486"]
    assert at_its_wits_end(hops="AA").give(v.TryNext()) == ["forward 486"]


@pytest.mark.rule("3263-4.3-07", "3261-16.7.5-02")
def test_try_next_after_a_6xx_starts_nothing() -> None:
    call = Call(ASK)
    call.located("A", "B")
    call.answered(0, 603)
    assert call.give(v.TryNext()) == ["forward 603"]


# --- Finish and Decline


def test_finish_lets_the_best_response_go() -> None:
    call = Call(ASK, GW_1, GW_2)
    call.located("A", "B", more=True)
    call.answered(0, 486)
    assert call.give(v.Finish()) == ["forward 486", "stop locating"]


def test_decline_answers_what_the_route_says() -> None:
    call = at_its_wits_end(hops="AB")
    assert call.give(v.Decline(302, "Over There", (("Contact", "<sip:x@y>"),))) == ["answer 302"]
    assert call.orders[-1] == v.Answer(302, "Over There", (("Contact", "<sip:x@y>"),))
    assert call.over(0) == ["ended"]


@pytest.mark.rule("3261-16.7.10-01", "3261-9.1-04")
def test_decline_cancels_what_is_still_open() -> None:
    call = Call(ASK)
    call.located("A", "B")
    call.wait(3.0)
    call.answered(1, 486)
    call.give(v.Decline(480))
    assert call.answered(0, 180) == ["cancel 0"]


@pytest.mark.rule("3261-16.7.10-03")
def test_decline_of_a_non_invite_forgets_what_is_still_open() -> None:
    call = Call(ASK, invite=False)
    call.located("A", "B")
    call.wait(3.0)
    call.answered(1, 404)
    assert call.give(v.Decline(480)) == ["answer 480", "discard 0"]


# --- Divert


def test_divert_replaces_all_that_was_left() -> None:
    call = Call(ASK, GW_1, GW_2)
    call.located("A", "B")
    call.answered(0, 486)
    plan = make_plan([[GW_3, GW_2]])
    assert call.give(v.Divert(plan, make_hunt(advance=1.0))) == [f"locate {GW_3}"]
    assert call.located("C", "D") == ["try 1 C"]
    assert call.wait(1.0) == ["try 2 D"]
    assert call.wait(1.0) == [f"locate {GW_2}"]
    assert call.located("A") == ["try 3 A"]
    assert call.answered(3, 302) == ["forward 302"]


def test_divert_stops_the_lookup_that_is_under_way() -> None:
    call = Call(ASK)
    call.located("A", more=True)
    call.answered(0, 486)
    told = call.give(v.Divert(make_plan([GW_2]), ASK))
    assert told == ["stop locating", f"locate {GW_2}"]
    assert call.located() == ["consult"]
    assert call.give(v.Finish()) == ["forward 486"]


def test_divert_does_not_try_a_hop_again_that_has_refused() -> None:
    call = at_its_wits_end(hops="AB")
    assert call.give(v.Divert(call.plan, make_hunt()))[0].startswith("locate")
    assert call.located("A", "B") == ["try 1 B"]


@pytest.mark.rule("3263-4.3-07", "3261-16.7.5-02")
def test_divert_after_a_6xx_starts_nothing() -> None:
    call = Call(ASK)
    call.located("A")
    call.answered(0, 600)
    assert call.give(v.Divert(make_plan([GW_2]), ASK)) == ["forward 600"]


@pytest.mark.rule("3263-4.3-08")
def test_the_deadline_counts_from_the_arrival_diverted_or_not() -> None:
    call = at_its_wits_end()
    call.wait(20.0)
    call.give(v.Divert(make_plan([GW_2]), make_hunt()))
    call.located("C")
    assert call.watch(20.0) == [(32.0, "forward 486")]
