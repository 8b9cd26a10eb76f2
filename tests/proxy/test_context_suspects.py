"""Hops that are better not tried: a way keeps them for when there is nothing else."""

import pytest

from hunt import URI, Call, make_hunt
from sansip.proxy import vocabulary as v

GW_1, GW_2, GW_3 = (f"sip:bob@gw-{number}.example.com" for number in (1, 2, 3))
GROUP = "gateways"


def targets(call: Call) -> list[str]:
    return [order.target.uri for order in call.orders if isinstance(order, v.Try)]


# --- last of all


@pytest.mark.rule("3263-4.3-06")
def test_a_suspect_hop_is_tried_after_the_others_of_its_target() -> None:
    call = Call()
    assert call.located("B", "C", suspects="A") == ["try 0 B"]
    assert call.wait(3.0) == ["try 1 C"]
    assert call.wait(3.0) == ["try 2 A"]


@pytest.mark.rule("3263-4.3-06")
def test_a_suspect_hop_is_tried_after_the_other_targets_of_its_way() -> None:
    call = Call(None, GW_1, GW_2)
    assert call.located("B", suspects="A") == ["try 0 B"]
    assert call.wait(3.0) == [f"locate {GW_2}"]
    assert call.located("C") == ["try 1 C"]
    assert call.wait(3.0) == ["try 2 A"]
    assert targets(call) == [GW_1, GW_2, GW_1]  # with the Request-URI of its own target


@pytest.mark.rule("3263-4.3-06")
def test_if_all_are_suspect_all_are_tried_in_their_order() -> None:
    call = Call(None, GW_1, GW_2, GW_3)
    assert call.located(suspects="AB") == [f"locate {GW_2}"]
    assert call.located(suspects="C") == [f"locate {GW_3}"]
    assert call.located(suspects="D") == ["try 0 A"]
    told = [line for _ in range(4) for line in call.answered(len(targets(call)) - 1, 503)]
    assert told == ["try 1 B", "try 2 C", "try 3 D", "answer 500"]
    assert targets(call) == [GW_1, GW_1, GW_2, GW_3]


def test_a_list_that_grows_is_waited_for_before_a_suspect_is_tried() -> None:
    call = Call()
    assert call.located(suspects="A", more=True) == []
    assert call.located(suspects="B", more=True) == []
    assert call.located("C") == ["try 0 C"]
    assert call.answered(0, 503) == ["try 1 A"]
    assert call.answered(1, 503) == ["try 2 B"]


def test_a_target_with_nothing_but_suspects_is_not_without_hops() -> None:
    call = Call()
    assert call.located(suspects="A", status=403) == ["try 0 A"]
    assert call.notes == []
    assert call.answered(0, 486) == ["forward 486"]


def test_a_target_whose_suspects_came_before_the_end_of_its_list_is_not_without_hops() -> None:
    call = Call()
    assert call.located(suspects="A", more=True) == []
    assert call.located(status=403) == ["try 0 A"]
    assert call.notes == []


def test_a_hop_that_is_suspect_in_one_target_and_not_in_another_is_tried_once_for_each_uri() -> (
    None
):
    call = Call(None, GW_1, GW_2)
    call.located(suspects="A")
    assert call.located("A") == ["try 0 A"]
    assert call.answered(0, 503) == ["try 1 A"]
    assert targets(call) == [GW_2, GW_1]


@pytest.mark.rule("3261-16.5-02")
def test_a_suspect_that_has_been_tried_already_is_not_tried_again() -> None:
    call = Call()
    call.located("A", suspects="AB")
    assert call.answered(0, 503) == ["try 1 B"]
    assert call.answered(1, 503) == ["answer 500"]


# --- what is left


def test_a_suspect_is_something_to_go_on_to() -> None:
    call = Call()
    call.located("A", suspects="B")
    assert call.troubled(0) == ["try 1 B"]


@pytest.mark.parametrize("status", [404, 500])
def test_the_failure_route_gets_to_the_suspects(status: int) -> None:
    call = Call(make_hunt(consult=True))
    call.located("A", suspects="B")
    assert call.answered(0, status) == ["consult"]
    assert call.give(v.TryNext()) == ["try 1 B"]


def test_the_next_stage_comes_after_the_suspects_of_this_one() -> None:
    call = Call(plan=[[GW_1], [GW_2]])
    call.located("A", suspects="B")
    assert call.wait(3.0) == ["try 1 B"]
    assert call.wait(3.0) == [f"locate {GW_2}"]


def test_suspects_of_an_earlier_stage_are_there_for_the_failure_route() -> None:
    call = Call(make_hunt(consult=True), plan=[[GW_1], [GW_2]])
    call.located("A", suspects="B")
    assert call.answered(0, 486) == [f"locate {GW_2}"]
    call.located("C")
    assert call.answered(1, 486) == ["consult"]
    assert call.give(v.TryNext()) == ["try 2 B"]
    assert targets(call) == [GW_1, GW_2, GW_1]


def test_after_cancel_no_suspect_is_tried() -> None:
    call = Call()
    call.located("A", suspects="B")
    call.answered(0, 100)
    assert call.cancelled() == ["cancel 0"]
    assert call.answered(0, 503) == ["answer 487"]


def test_suspects_wait_for_breadth_like_others() -> None:
    call = Call(plan=[[GW_1, GW_2]], breadth=1)
    assert call.located("A", way=0) == ["try 0 A"]
    assert call.located(way=1, suspects="BC") == []
    assert call.answered(0, 404) == ["try 1 B"]
    assert call.answered(1, 503) == ["try 2 C"]


def test_a_way_that_is_put_back_is_located_again_with_all_its_targets() -> None:
    call = Call(plan=[[GW_1], [[GW_2, GW_3]]])
    call.located("A")
    assert call.wait(3.0) == [f"locate {GW_2}"]
    assert call.located(suspects="B", more=True) == []
    assert call.located() == [f"locate {GW_3}"]
    assert call.answered(0, 180) == ["stop locating 1", "forward 180"]
    assert call.answered(0, 486) == [f"locate {GW_2}"]
    assert call.located("B", more=True) == ["try 1 B"]


def test_a_way_that_is_put_back_names_each_target_once() -> None:
    call = Call(plan=[[GW_1], [GW_2]])
    call.located("A")
    call.wait(3.0)
    assert call.located(suspects="B", more=True) == []
    call.answered(0, 180)
    assert call.answered(0, 486) == [f"locate {GW_2}"]
    assert call.located(suspects="B") == ["try 1 B"]
    assert call.answered(1, 486) == ["forward 486"]


# --- nothing has come


@pytest.mark.rule("3263-4.3-06")
def test_the_silence_of_a_member_is_told_even_when_nothing_follows() -> None:
    call = Call(group=GROUP)
    call.located("A")
    assert call.wait(2.9) == []
    assert call.wait(0.2) == ["unheard 0"]
    assert call.wait(28.8) == []  # once
    assert call.wait(1.0) == ["answer 408"]


def test_the_silence_of_others_is_nobodys_business() -> None:
    call = Call()
    call.located("A", "B")
    assert call.wait(3.0) == ["try 1 B"]
    assert call.wait(3.0) == []


def test_a_silence_is_told_when_the_next_hop_is_tried() -> None:
    call = Call(group=GROUP)
    call.located("A", "B")
    assert call.wait(3.0) == ["unheard 0", "try 1 B"]
    assert call.wait(3.0) == ["unheard 1"]


def test_what_icmp_has_told_is_not_told_again() -> None:
    call = Call(group=GROUP)
    call.located("A")
    assert call.troubled(0) == []
    assert call.wait(31.9) == []


@pytest.mark.parametrize("status", [100, 180])
def test_whoever_has_said_anything_is_not_silent(status: int) -> None:
    call = Call(group=GROUP)
    call.located("A")
    call.answered(0, status)
    assert call.wait(20.0) == []


def test_of_a_call_that_was_cancelled_silence_says_nothing() -> None:
    call = Call(group=GROUP)
    call.located("A")
    call.cancelled()
    assert call.wait(20.0) == []


@pytest.mark.parametrize("method", ["MESSAGE", "INVITE"])
def test_without_advancing_the_deadline_tells_the_silence(method: str) -> None:
    call = Call(make_hunt(advance=None), invite=method == "INVITE", group=GROUP)
    call.located("A")
    assert call.wait(40.0)[0] == "unheard 0"


def test_at_the_deadline_a_young_branch_has_not_been_silent_for_long() -> None:
    call = Call(make_hunt(deadline=5.0), group=GROUP)
    call.located("A", "B")
    assert call.wait(3.0) == ["unheard 0", "try 1 B"]
    assert call.wait(3.0) == ["answer 408"]


def test_a_way_without_a_group_is_woken_as_ever() -> None:
    call = Call()
    call.located("A")
    assert call.wake == call.at + 32.0
    assert targets(call) == [URI]
