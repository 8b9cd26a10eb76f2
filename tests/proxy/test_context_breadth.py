"""Max-Breadth: how many branches a request may have at once, here and further on (RFC 5393 5.3)."""

import pytest

from hunt import Call, make_hunt
from sansip.message import Request
from sansip.proxy import vocabulary as v
from sansip.proxy.request import max_breadth

DESK, MOBILE, HOME = "sip:bob@desk.example", "sip:bob@mobile.example", "sip:bob@home.example"


def shares(call: Call) -> list[int]:
    return [order.breadth for order in call.orders if isinstance(order, v.Try)]


@pytest.mark.rule("5393-5.3.3-04")
@pytest.mark.parametrize("breadth", [1, 2, 7, 60])
def test_the_only_thing_to_be_tried_takes_all(breadth: int) -> None:
    call = Call(breadth=breadth)
    call.located("A")
    assert shares(call) == [breadth]


@pytest.mark.rule("5393-5.3.3-02")
@pytest.mark.parametrize(
    ("breadth", "parts"), [(60, [20, 20, 20]), (7, [2, 2, 3]), (4, [1, 1, 2]), (3, [1, 1, 1])]
)
def test_the_ways_of_a_stage_share_it(breadth: int, parts: list[int]) -> None:
    call = Call(plan=[[DESK, MOBILE, HOME]], breadth=breadth)
    for way, hop in enumerate("ABC"):
        call.located(hop, way=way)
    assert shares(call) == parts


@pytest.mark.rule("5393-5.3.3-02", "5393-5.3.3-03", "5393-5.3.3.1-01")
def test_what_there_is_no_breadth_for_waits_until_a_branch_has_ended() -> None:
    """Forking serially instead of a 440."""
    call = Call(plan=[[DESK, MOBILE, HOME]], breadth=2)
    assert call.located("A", way=0) == ["try 0 A"]
    assert call.located("B", way=1) == ["try 1 B"]
    assert call.located("C", way=2) == []
    assert call.answered(0, 180) == ["forward 180"]
    assert call.answered(0, 404) == ["try 2 C"]
    assert shares(call) == [1, 1, 1]
    assert call.answered(1, 404) + call.answered(2, 404) == ["forward 404"]


@pytest.mark.rule("5393-5.3.3-02", "5393-5.3.3.1-01")
@pytest.mark.parametrize("end", ["timeout", "error"])
def test_a_share_comes_back_when_a_branch_ends_without_a_response(end: str) -> None:
    call = Call(make_hunt(deadline=60.0), plan=[[DESK, MOBILE]], breadth=1)
    call.located("A", way=0)
    assert call.located("B", way=1) == []
    assert (call.timed_out(0) if end == "timeout" else call.broken(0)) == ["try 1 B"]


@pytest.mark.rule("5393-5.3.3-02", "5393-5.4.1-01")
def test_a_cancelled_branch_keeps_its_share_until_it_has_ended() -> None:
    call = Call(make_hunt(progress=2.0), breadth=2)
    call.located("A", "B", "C")
    call.answered(0, 100)
    assert call.wait(2.0) == ["cancel 0", "try 1 B"]
    assert call.wait(3.0) == []
    assert call.answered(0, 487) == ["try 2 C"]
    assert shares(call) == [1, 1, 1]


@pytest.mark.rule("5393-5.3.3-02")
def test_an_early_advance_is_a_fork_and_leaves_something_for_what_follows() -> None:
    call = Call(breadth=60)
    call.located("A", "B", "C")
    call.wait(6.0)
    assert shares(call) == [30, 15, 15]


@pytest.mark.rule("5393-5.3.3-02", "3263-4.3-01")
@pytest.mark.parametrize(
    ("breadth", "hops", "parts"),
    [
        (60, 12, [30, 15, 6, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
        (60, 16, [30, 15, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
        (6, 6, [1, 1, 1, 1, 1, 1]),
        (4, 6, [1, 1, 1, 1]),
    ],
)
def test_however_many_are_silent_there_is_something_left_for_the_next(
    breadth: int, hops: int, parts: list[int]
) -> None:
    """Halves of halves are used up after seven hops, and the eighth may be the one that lives."""
    call = Call(make_hunt(advance=0.5, deadline=20.0), breadth=breadth)
    call.located(*[chr(65 + number) for number in range(hops)])
    call.wait(10.0)
    assert shares(call) == parts


@pytest.mark.rule("5393-5.3.3-02", "3263-4.3-06")
def test_so_there_is_if_all_are_suspect() -> None:
    members = [f"sip:bob@gw-{number}.example.com" for number in range(12)]
    call = Call(make_hunt(advance=0.5, deadline=20.0), *members, breadth=60)
    for hop in "ABCDEFGHIJKL":
        call.located(suspects=hop)
    call.wait(10.0)
    assert shares(call) == [30, 15, 6, 1, 1, 1, 1, 1, 1, 1, 1, 1]


@pytest.mark.rule("5393-5.3.3-02")
def test_so_there_is_for_other_targets_and_later_stages() -> None:
    call = Call(make_hunt(advance=0.5), plan=[[DESK], [MOBILE], [HOME]], breadth=4)
    call.located("A", "B")
    call.wait(0.5)
    call.wait(0.5)
    call.located("C", way=1)
    call.wait(0.5)
    call.located("D", way=2)
    assert shares(call) == [1, 1, 1, 1]


@pytest.mark.rule("5393-5.3.3-02", "5393-5.3.3-03")
def test_with_a_breadth_of_1_a_silent_hop_is_waited_for() -> None:
    call = Call(make_hunt(deadline=60.0), breadth=1)
    call.located("A", "B")
    assert call.wait(32.0) == []
    assert call.timed_out(0) == ["try 1 B"]
    assert shares(call) == [1, 1]


@pytest.mark.rule("5393-5.3.3-04", "5393-5.3.3.1-01")
def test_after_a_refusal_the_next_hop_has_the_whole_breadth_again() -> None:
    call = Call(breadth=60)
    call.located("A", "B")
    call.answered(0, 503)
    assert shares(call) == [30, 60]


@pytest.mark.rule("5393-5.3.3-02", "5393-5.3.3-04")
def test_a_stage_leaves_something_for_the_next_one_which_takes_the_rest() -> None:
    call = Call(plan=[[DESK], [MOBILE]], breadth=60)
    call.located("A")
    call.wait(3.0)
    call.located("B")
    assert shares(call) == [30, 30]


@pytest.mark.rule("5393-5.3.3-04")
def test_the_last_branch_that_is_allowed_takes_all_that_is_left() -> None:
    call = Call(most=1)
    call.located("A", "B")
    assert shares(call) == [60]


def test_a_ring_in_one_way_does_not_take_the_turn_of_a_way_that_waits() -> None:
    call = Call(plan=[[DESK, MOBILE]], breadth=1)
    call.located("A", way=0)
    call.located("B", way=1)
    call.answered(0, 180)
    assert call.wait(60.0) == []
    assert call.answered(0, 486) == ["try 1 B"]


def test_the_deadline_ends_the_wait_for_breadth() -> None:
    call = Call(plan=[[DESK, MOBILE], [HOME]], breadth=1)
    call.located("A", way=0)
    call.located("B", way=1)
    assert call.watch(40.0) == [(32.0, "answer 408")]


# --- Max-Breadth


@pytest.mark.rule("5393-5.3.3-01", "5393-5.3.5-01")
@pytest.mark.parametrize(
    ("rows", "breadth"),
    [
        ((), 60),
        (("1",), 1),
        (("017",), 17),
        (("60",), 60),
        (("61",), 60),
        (("9" * 5000,), 60),
        (("0",), 60),
        (("",), 60),
        (("-3",), 60),
        (("5;x=y",), 60),
        (("5, 6",), 60),
        (("\u0665",), 60),
    ],
)
def test_the_breadth_is_60_if_absent_or_nonsense_and_never_more(
    rows: tuple[str, ...], breadth: int
) -> None:
    request = Request.make("INVITE", "sip:a@b", [("Max-Breadth", row) for row in rows])
    assert max_breadth(request) == breadth
