"""What moves a request to the next hop, and when (RFC 3263 4.3, RFC 3261 16.6 step 7)."""

from collections.abc import Callable

import pytest

from hunt import URI, Call, make_hop, make_hunt
from sansip.proxy import vocabulary as v
from sansip.proxy.states import Hunting

GW_1, GW_2, GW_3 = (
    "sip:bob@gw-1.example.com",
    "sip:bob@gw-2.example.com",
    "sip:bob@gw-3.example.com",
)


def silent(call: Call) -> list[str]:
    return call.wait(3.0)


def timed_out(call: Call) -> list[str]:
    return call.timed_out(0)


def refused(call: Call) -> list[str]:
    return call.broken(0)


def unreachable(call: Call) -> list[str]:
    return call.troubled(0)


def unavailable(call: Call) -> list[str]:
    return call.answered(0, 503)


def unavailable_after_100(call: Call) -> list[str]:
    return call.answered(0, 100, 503)


FAILURES = pytest.mark.parametrize(
    "failure",
    [silent, timed_out, refused, unreachable, unavailable, unavailable_after_100],
)
Failure = Callable[[Call], list[str]]


# --- hops, one after the other


@pytest.mark.rule("3261-16.6.7-02", "3261-16.6.10-01")
def test_the_first_hop_is_tried_and_the_others_are_kept() -> None:
    call = Call()
    assert call.begun == [f"locate {URI}"]
    assert call.located("A", "B") == ["try 0 A"]
    assert call.orders[-1] == v.Try(0, call.targets[0], make_hop("A"), 30)


@pytest.mark.rule("3261-16.6.7-02")
def test_a_hop_is_tried_as_soon_as_it_is_known_while_more_are_looked_up() -> None:
    call = Call()
    assert call.located(more=True) == []
    assert call.located("A", more=True) == ["try 0 A"]
    assert call.located("B") == []


@FAILURES
@pytest.mark.rule("3263-4.3-01", "3261-16.6.7-02", "3261-16.6.7-03", "3263-4.3-04", "3261-16.9-01")
def test_a_failure_moves_to_the_next_hop_with_a_new_branch_and_says_nothing_to_the_caller(
    failure: Failure,
) -> None:
    call = Call()
    call.located("A", "B")
    assert failure(call) == ["try 1 B"]
    tried = call.orders[-1]
    assert isinstance(tried, v.Try)
    assert (tried.target, tried.hop) == (call.targets[0], make_hop("B"))


@FAILURES
@pytest.mark.rule("3263-4.3-01", "3261-16.6.7-03")
def test_a_failure_while_more_hops_are_looked_up_waits_for_the_next_one(failure: Failure) -> None:
    call = Call()
    call.located("A", more=True)
    assert failure(call) == []
    assert call.located(more=True) == []
    assert call.located("B", more=True) == ["try 1 B"]


@FAILURES
@pytest.mark.rule("3261-16.6-00")
def test_a_failure_of_the_last_hop_moves_to_the_next_target(failure: Failure) -> None:
    call = Call(make_hunt(), GW_1, GW_2)
    call.located("A")
    assert failure(call) == [f"locate {GW_2}"]
    assert call.located("B") == ["try 1 B"]
    tried = call.orders[-1]
    assert isinstance(tried, v.Try)
    assert (tried.target, tried.hop) == (call.targets[1], make_hop("B"))


@pytest.mark.rule("3263-4.3-02", "AMB-19")
@pytest.mark.parametrize("status", [300, 302, 400, 404, 408, 480, 482, 486, 500, 504])
def test_any_other_response_is_an_answer_and_no_failure(status: int) -> None:
    """A 408 from the wire is an answer too, not silence (field notes 4, case 20)."""
    call = Call(make_hunt(), GW_1, GW_2)
    call.located("A", "B")
    assert call.answered(0, status) == [f"forward {status}"]
    assert call.concluded.lingering == (0,)


@pytest.mark.rule("3263-4.3-01")
def test_codes_that_the_policy_names_move_on_as_503_does() -> None:
    call = Call(make_hunt(on=(503, 404)))
    call.located("A", "B", "C")
    assert call.answered(0, 404) == ["try 1 B"]
    assert call.answered(1, 503) == ["try 2 C"]
    assert call.answered(2, 486) == ["forward 486"]


def test_when_the_policy_names_no_code_a_503_is_final() -> None:
    call = Call(make_hunt(on=()))
    call.located("A", "B")
    assert call.answered(0, 503) == ["answer 500"]


@pytest.mark.rule("AMB-19")
@pytest.mark.parametrize("status", [183, 199])
def test_nothing_moves_on_by_itself_after_a_101_to_199(status: int) -> None:
    call = Call()
    call.located("A", "B")
    assert call.answered(0, 100, status, 503) == [f"forward {status}", "answer 500"]


# --- advancing is not timing out


@pytest.mark.rule("3263-4.3-01")
def test_advancing_leaves_the_silent_branch_alive() -> None:
    """OpenSIPS 4257: no CANCEL, no faked 408."""
    call = Call()
    call.located("A", "B", "C")
    assert call.watch(31.0) == [(3.0, "try 1 B"), (6.0, "try 2 C")]
    assert isinstance(call.state, Hunting)
    assert [branch.open for branch in call.state.branches] == [True, True, True]


def test_without_advance_after_a_silent_hop_has_until_timer_b() -> None:
    call = Call(make_hunt(advance=None, deadline=60.0))
    call.located("A", "B")
    assert call.wait(32.0) == []
    assert call.timed_out(0) == ["try 1 B"]


def test_any_sign_of_life_stops_the_advance() -> None:
    call = Call()
    call.located("A", "B")
    call.wait(2.9)
    call.answered(0, 100)
    assert call.wait(29.0) == []


def test_advance_after_runs_from_the_order_to_send() -> None:
    call = Call()
    call.wait(5.0)
    call.located("A", "B", "C")
    assert call.watch(9.0) == [(8.0, "try 1 B"), (11.0, "try 2 C")]


def test_the_timer_b_of_an_abandoned_branch_moves_nothing() -> None:
    call = Call(make_hunt(advance=30.0, deadline=100.0))
    call.located("A", "B", "C")
    assert call.watch(32.0) == [(30.0, "try 1 B")]
    assert call.timed_out(0) == []
    assert call.wait(28.0) == ["try 2 C"]


@pytest.mark.rule("3263-4.3-01", "3261-16.9-01")
def test_an_error_belongs_to_its_branch_and_to_no_other() -> None:
    """pjproject 2076: the abandoned attempt's failure killed the next one."""
    call = Call()
    call.located("A", "B", "C")
    call.wait(3.0)
    assert call.broken(0) == []
    assert call.answered(1, 180, 200) == ["forward 180", "forward 200"]


@pytest.mark.rule("3263-4.3-01", "3261-17.1.4-01")
def test_an_ack_that_cannot_be_sent_changes_nothing_about_a_branch_that_has_ended() -> None:
    call = Call()
    call.located("A", "B", "C")
    assert call.answered(0, 503) == ["try 1 B"]
    assert call.broken(0) == []  # the ACK of the 503 was refused
    assert call.answered(1, 180, 200) == ["forward 180", "forward 200"]


# --- ICMP


@pytest.mark.rule("SIO-07")
def test_icmp_only_advances_and_never_ends_a_branch() -> None:
    """Anybody can forge it: it may cost one INVITE, not a call."""
    call = Call()
    call.located("A", "B")
    assert call.troubled(0) == ["try 1 B"]
    assert call.answered(0, 180, 200) == ["forward 180", "forward 200"]


def test_icmp_about_a_branch_counts_once() -> None:
    call = Call()
    call.located("A", "B", "C")
    assert call.troubled(0) == ["try 1 B"]
    assert call.troubled(0) == []


@pytest.mark.parametrize("status", [100, 180, 503])
def test_icmp_about_a_hop_that_has_spoken_means_nothing(status: int) -> None:
    call = Call()
    call.located("A", "B", "C")
    call.answered(0, status)
    before = call.state
    assert call.troubled(0) == []
    assert call.state == before


def test_icmp_about_an_abandoned_branch_does_not_advance_again() -> None:
    call = Call()
    call.located("A", "B", "C")
    call.wait(3.0)
    assert call.troubled(0) == []


def test_icmp_about_the_last_hop_changes_nothing() -> None:
    call = Call()
    call.located("A")
    assert call.troubled(0) == []
    assert call.wait(31.0) == []
    assert call.answered(0, 200) == ["forward 200"]


def test_icmp_while_the_next_hop_is_looked_up_already_is_no_second_wish() -> None:
    call = Call()
    call.located("A", more=True)
    call.wait(3.0)
    assert call.troubled(0) == []
    assert call.located("B", "C") == ["try 1 B"]


# --- the list's end is the end


@pytest.mark.rule("3261-16.5-02")
def test_the_same_hop_is_never_tried_twice_with_the_same_uri() -> None:
    call = Call(make_hunt(), URI, URI)
    call.located("A", "A", "B", "A")
    assert call.answered(0, 503) == ["try 1 B"]
    assert call.answered(1, 503) == [f"locate {URI}"]
    assert call.located("B", "A") == ["answer 500"]


def test_the_same_address_over_another_transport_or_with_another_uri_is_another_hop() -> None:
    call = Call(make_hunt(), GW_1, GW_2)
    call.located("A", make_hop("A", "tcp"))
    assert call.answered(0, 503) == ["try 1 A"]
    assert call.answered(1, 503) == [f"locate {GW_2}"]
    assert call.located("A") == ["try 2 A"]


def test_there_are_never_more_branches_than_allowed() -> None:
    """Field notes 4, case 27."""
    call = Call(make_hunt(), most=2)
    call.located("A", "B", "C", "D")
    assert call.answered(0, 503) == ["try 1 B"]
    assert call.answered(1, 503) == ["answer 500"]


def test_no_target_is_located_that_could_not_be_tried() -> None:
    call = Call(make_hunt(), GW_1, GW_2, GW_3, most=1)
    call.located("A")
    assert call.answered(0, 503) == ["answer 500"]


@pytest.mark.rule("SIO-08", "SIO-05")
@pytest.mark.parametrize("uris", [(GW_1, GW_2)])
def test_the_last_branch_allowed_has_the_rest_of_the_time(uris: tuple[str, ...]) -> None:
    call = Call(make_hunt(), *uris, most=1)
    call.located("A")
    assert call.watch(32.0) == [(32.0, "answer 408")]


@pytest.mark.parametrize(
    ("hops", "then"), [((), "answer 480"), (("A",), "try 0 A")], ids=["nowhere", "somewhere"]
)
@pytest.mark.rule("3261-16.5-04")
def test_a_target_that_leads_nowhere_leaves_room_for_the_next(
    hops: tuple[str, ...], then: str
) -> None:
    call = Call(make_hunt(), GW_1, GW_2)
    assert call.located(reason="no such name") == [f"locate {GW_2}"]
    assert call.notes == [f"{GW_1}: no such name"]
    assert call.located(*hops)[0] == then


@pytest.mark.rule("3261-16.5-04")
@pytest.mark.parametrize("status", [403, 480, 503])
def test_when_no_target_leads_anywhere_the_lookup_says_what_to_answer(status: int) -> None:
    """Field notes 4, case 23. The 503 is ours: we could not even ask (3261-16.7.6-03)."""
    call = Call()
    assert call.located(status=status) == [f"answer {status}", "ended"]
    assert call.gone


def test_the_end_of_a_list_that_had_hops_is_no_result_of_its_own() -> None:
    call = Call()
    call.located("A", more=True)
    call.answered(0, 503)
    assert call.located(status=480) == ["answer 500"]


@pytest.mark.rule("3261-16.6.7-03", "3261-16.7.6-01", "AMB-03", "3261-8.1.3.1-01")
def test_when_all_hops_are_silent_the_caller_gets_408() -> None:
    call = Call(make_hunt(advance=None, deadline=100.0))
    call.located("A", "B")
    call.timed_out(0)
    call.wait(32.0)
    assert call.give(v.TimedOut(1)) == ["answer 408"]
    assert call.over(1) == ["ended"]


@pytest.mark.rule("3261-16.9-01", "3261-16.7.6-03", "AMB-18")
def test_when_all_hops_refuse_the_caller_gets_500() -> None:
    call = Call()
    call.located("A", "B")
    call.broken(0)
    assert call.give(v.Broken(1, "refused")) == ["answer 500"]
    assert call.over(1) == ["ended"]


@pytest.mark.rule("3261-8.1.3.1-01", "AMB-18")
def test_whoever_submitted_a_request_here_hears_of_the_503() -> None:
    call = Call(relayed=False)
    call.located("A")
    assert call.give(v.Broken(0, "refused")) == ["answer 503"]
    answered = Call(relayed=False)
    answered.located("A")
    assert answered.answered(0, 503) == ["forward 503"]


# --- the other silences


def test_after_a_100_and_no_progress_the_hop_is_cancelled_and_the_next_one_tried() -> None:
    call = Call(make_hunt(progress=5.0))
    call.located("A", "B")
    call.wait(1.0)
    call.answered(0, 100)
    assert call.watch(5.0) == [(6.0, "cancel 0"), (6.0, "try 1 B")]
    assert call.answered(0, 487) == []


def test_a_second_100_does_not_give_more_time_to_make_progress() -> None:
    call = Call(make_hunt(progress=5.0))
    call.located("A", "B")
    call.answered(0, 100)
    call.wait(4.0)
    call.answered(0, 100)
    assert call.wait(1.0) == ["cancel 0", "try 1 B"]


@pytest.mark.parametrize("progress", [None, 5.0])
def test_without_another_hop_or_without_progress_after_a_100_is_enough(
    progress: float | None,
) -> None:
    call = Call(make_hunt(progress=progress))
    call.located(*("A" if progress else "AB"))
    call.answered(0, 100)
    assert call.wait(31.0) == []


def test_a_branch_that_makes_no_progress_may_still_win() -> None:
    call = Call(make_hunt(progress=5.0))
    call.located("A", "B")
    call.answered(0, 100)
    call.wait(5.0)
    assert call.answered(0, 200)[0] == "forward 200"


def test_a_phone_that_rings_too_long_is_cancelled() -> None:
    call = Call(make_hunt(answer=20.0))
    call.located("A", "B")
    call.wait(1.0)
    call.answered(0, 180)
    call.wait(10.0)
    call.answered(0, 183)  # runs from the first one
    assert call.watch(10.0) == [(21.0, "cancel 0"), (21.0, "answer 408")]
    assert call.answered(0, 200) == ["forward 200"]


# --- requests other than INVITE


@pytest.mark.rule("4320-4.2-01", "4320-4.2-03", "3261-16.7.6-01")
def test_a_non_invite_that_nobody_answers_gets_nothing_never_408() -> None:
    call = Call(make_hunt(advance=None), invite=False)
    call.located("A")
    assert call.timed_out(0) == ["silence", "ended"]


@pytest.mark.rule("4320-4.2-01", "AMB-07")
def test_a_408_to_a_non_invite_is_not_forwarded() -> None:
    call = Call(invite=False)
    call.located("A", "B")
    assert call.answered(0, 408) == ["silence"]
    assert call.over(0) == ["ended"]


@pytest.mark.rule("4320-4.2-03")
def test_a_non_invite_gets_the_one_real_answer_among_timeouts() -> None:
    call = Call(make_hunt(advance=None, on=(404,)), GW_1, GW_2, invite=False)
    call.located("A")
    call.answered(0, 404)
    call.located("B")
    assert call.timed_out(1) == ["forward 404"]


@pytest.mark.rule("3263-4.3-08", "4320-4.2-02")
@pytest.mark.parametrize(("deadline", "end"), [(32.0, 28.0), (10.0, 10.0)])
def test_hunting_for_a_non_invite_stops_before_the_callers_timer_f(
    deadline: float, end: float
) -> None:
    """Field notes 4, case 26; all is forgotten, and no CANCEL is sent (3261-16.7.10-03)."""
    call = Call(make_hunt(advance=6.0, deadline=deadline), invite=False)
    call.located("A", "B")
    assert call.watch(40.0) == [
        (6.0, "try 1 B"),
        (end, "silence"),
        (end, "discard 0"),
        (end, "discard 1"),
        (end, "ended"),
    ]


@pytest.mark.rule("4320-4.1-01", "AMB-20", "4320-4.1-05")
def test_provisional_responses_of_a_non_invite_are_consumed_but_stop_the_advance() -> None:
    call = Call(invite=False)
    call.located("A", "B")
    assert call.answered(0, 100, 180, 183) == []
    assert call.wait(27.0) == []
    assert call.answered(0, 200) == ["forward 200"]


@pytest.mark.rule("3261-16.7.10-03", "3261-9.1-01", "3261-16.7.5-03")
def test_an_answered_non_invite_forgets_its_other_branches_without_cancel() -> None:
    call = Call(make_hunt(late="cancel"), invite=False)
    call.located("A", "B")
    call.wait(3.0)
    assert call.answered(0, 100) == []
    assert call.answered(1, 200) == ["forward 200", "discard 0"]
    assert call.answered(1, 200) == []
    assert call.over(1) == ["ended"]


@pytest.mark.rule("3261-9.1-01")
def test_a_non_invite_that_makes_no_progress_moves_on_without_cancel() -> None:
    call = Call(make_hunt(progress=4.0), invite=False)
    call.located("A", "B")
    call.answered(0, 100)
    assert call.watch(5.0) == [(4.0, "try 1 B")]


# --- Timer C is no failure in the sense of RFC 3263


@pytest.mark.rule("3263-4.3-02", "3261-16.8-01")
@pytest.mark.parametrize("end", [487, None], ids=["487", "no answer"])
def test_timer_c_after_a_100_does_not_move_on(end: int | None) -> None:
    """Field notes 4, case 10."""
    call = Call(make_hunt(deadline=600.0))
    call.located("A", "B")
    call.answered(0, 100)
    assert call.wait(185.0) == ['cancel 0 SIP;cause=408;text="Timer C"']
    assert "answer 408" in (call.answered(0, end) if end else call.wait(32.0))


@pytest.mark.parametrize("deadline", [32.0, 500.0])
def test_a_target_that_is_forbidden_says_nothing_about_those_that_were_tried(
    deadline: float,
) -> None:
    """A hop that the filter keeps back is 403; a gateway that is silent is why the call failed."""
    call = Call(make_hunt(deadline=deadline), "sip:one@example.com", "sip:two@example.com")
    call.located(status=403)
    call.located("A")
    told = call.wait(32.0) if deadline == 32.0 else call.timed_out(0)
    assert "answer 408" in told
