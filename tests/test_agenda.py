"""The timer queue that adapters and simulations share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip.agenda import Agenda
from sansip.engine.actions import Timer


def timer(owner: str, serial: int = 1) -> Timer:
    return Timer(owner, "A", serial)


def test_nothing_is_due_at_first() -> None:
    agenda = Agenda()
    assert (agenda.next_due(), agenda.pop_due(1e9), len(agenda)) == (None, (), 0)


def test_timers_come_in_the_order_in_which_they_are_due() -> None:
    agenda = Agenda()
    for owner, due in (("late", 3.0), ("early", 1.0), ("later", 5.0)):
        agenda.start(timer(owner), due)
    assert agenda.next_due() == 1.0
    assert agenda.pop_due(0.999) == ()
    assert agenda.pop_due(3.0) == (timer("early"), timer("late"))
    assert agenda.next_due() == 5.0
    assert len(agenda) == 1


def test_ties_come_as_they_were_started() -> None:
    agenda = Agenda()
    names = [f"owner {number}" for number in (3, 1, 2, 5, 4)]
    for name in names:
        agenda.start(timer(name), 7.0)
    assert [due.owner for due in agenda.pop_due(7.0)] == names


def test_a_new_timer_replaces_its_owners_old_one() -> None:
    agenda = Agenda()
    agenda.start(timer("call", 1), 1.0)
    agenda.start(timer("call", 2), 2.0)
    assert len(agenda) == 1
    assert agenda.next_due() == 2.0
    assert agenda.pop_due(1.5) == ()
    assert agenda.pop_due(9.0) == (timer("call", 2),)


def test_a_replaced_timer_does_not_fire_even_if_nobody_has_asked_what_is_due() -> None:
    agenda = Agenda()
    agenda.start(timer("call", 1), 1.0)
    agenda.start(timer("call", 2), 2.0)
    agenda.start(timer("other"), 1.5)
    assert agenda.pop_due(1.7) == (timer("other"),)
    assert agenda.pop_due(2.0) == (timer("call", 2),)


def test_stop_forgets_the_timer_that_runs_and_no_other() -> None:
    agenda = Agenda()
    agenda.start(timer("call", 2), 2.0)
    agenda.stop(timer("call", 1))
    agenda.stop(timer("nobody"))
    assert agenda.next_due() == 2.0
    agenda.stop(timer("call", 2))
    assert (agenda.next_due(), agenda.pop_due(9.0), len(agenda)) == (None, (), 0)


def test_a_timer_fires_once() -> None:
    agenda = Agenda()
    agenda.start(timer("call"), 1.0)
    assert agenda.pop_due(1.0) == (timer("call"),)
    assert agenda.pop_due(1.0) == ()
    agenda.stop(timer("call"))


@pytest.mark.parametrize("stops", [True, False])
def test_stopped_and_replaced_timers_do_not_pile_up(stops: bool) -> None:  # noqa: FBT001
    agenda = Agenda()
    agenda.start(timer("first"), 0.5)
    for serial in range(10_000):
        agenda.start(timer("call", serial), 32.0 + serial)
        if stops:
            agenda.stop(timer("call", serial))
    assert len(vars(agenda)["_heap"]) < 100
    assert agenda.next_due() == 0.5


ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["start", "stop", "stop other", "pop"]),
        st.sampled_from("abcde"),
        st.floats(0, 10),
    ),
    max_size=300,
)


@given(ORDERS)
def test_it_does_as_a_plain_list_would(orders: list[tuple[str, str, float]]) -> None:
    agenda = Agenda()
    running: dict[str, tuple[float, int, Timer]] = {}
    for serial, (order, owner, time) in enumerate(orders):
        if order == "start":
            agenda.start(timer(owner, serial), time)
            running[owner] = (time, serial, timer(owner, serial))
        elif order == "stop" and owner in running:
            agenda.stop(running.pop(owner)[2])
        elif order == "stop other":
            agenda.stop(timer(owner, -1))
        elif order == "pop":
            due = sorted(entry for entry in running.values() if entry[0] <= time)
            for entry in due:
                del running[entry[2].owner]
            assert agenda.pop_due(time) == tuple(entry[2] for entry in due)
        assert len(agenda) == len(running)
        assert agenda.next_due() == min((entry[0] for entry in running.values()), default=None)
