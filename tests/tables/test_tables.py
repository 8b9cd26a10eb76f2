"""The machines as tables, beside the figures of RFC 3261 17 and RFC 6026, and as diagrams.

Every state is given every input, over unreliable and reliable transports. That no step raises, that
outputs come in order, and that a machine ends exactly when it says so, is checked at every one of
them (``machines.product``); that what differs from the figure says why, in ``machines.rows``.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from machines import FIGURES, MACHINES, Figure, Machine, diagram, drive, product, rows, table
from sansip.transaction import Abandon, invite_client

EVERY = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
INVITE_CLIENT, CLIENT, INVITE_SERVER, SERVER = MACHINES


@EVERY
@pytest.mark.golden
@pytest.mark.rule("3261-17", "6026-7", "SIO-02", "SIO-03", "SIO-04", "3261-17-T14", "3261-17-T15")
def test_the_table_is_the_stored_one(golden: Callable[..., None], machine: Machine) -> None:
    golden(f"{machine.name}.txt", table(machine, FIGURES[machine.name]))


@EVERY
@pytest.mark.golden
def test_the_diagram_is_the_stored_one(golden: Callable[..., None], machine: Machine) -> None:
    drawn = diagram(machine, FIGURES[machine.name])
    golden("../../docs/machines.md", drawn, part=machine.name)


@EVERY
def test_there_is_a_row_for_every_state_and_every_input(machine: Machine) -> None:
    assert machine.name in FIGURES
    found = rows(machine, FIGURES[machine.name])
    assert {row.state for row in found} == {"-", *(cls.__name__ for cls in machine.states)}
    for reliable in (False, True):
        driven = drive(machine, reliable=reliable)
        assert len(driven.outcomes) == 1 + len(machine.states) * len(product.inputs(machine))


def test_a_state_without_example_does_not_go_unnoticed() -> None:
    states = dict(INVITE_CLIENT.states)
    del states[invite_client.Accepted]
    with pytest.raises(AssertionError, match="a state without example"):
        drive(replace(INVITE_CLIENT, states=states), reliable=False)


def test_an_input_without_example_does_not_go_unnoticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(product.INPUTS, Abandon)
    with pytest.raises(AssertionError, match="an input without example"):
        product.inputs(CLIENT)


@pytest.mark.parametrize(
    ("drawn", "other"),
    [
        ("Accepted   | 2xx            | Accepted ", "Accepted   | 2xx            | Completed"),
        (
            "Completed  | 300-699        | Completed  | send ACK",
            "Completed  | 1xx | Completed  | -",
        ),
        ("Accepted   | Timer M        | Terminated | -\n", ""),
        (
            "Calling    | Timer A        | Calling    | send INVITE",
            "Calling | Timer D | Calling | -",
        ),
    ],
)
def test_what_differs_from_the_figure_does_not_go_unnoticed(drawn: str, other: str) -> None:
    figure = FIGURES["invite_client"]
    assert drawn in figure.edges
    with pytest.raises(AssertionError, match="no note says why"):
        rows(INVITE_CLIENT, replace(figure, edges=figure.edges.replace(drawn, other)))


def test_what_is_drawn_exists() -> None:
    figure = FIGURES["client"]
    with pytest.raises(AssertionError, match="Completed \\+ ACK is drawn"):
        rows(CLIENT, replace(figure, edges=f"{figure.edges}Completed | ACK | Completed | -"))


def test_a_note_stands_for_a_difference_or_for_nothing_that_is_drawn() -> None:
    figure = FIGURES["invite_client"]
    assert isinstance(figure, Figure)
    needless = replace(figure.notes[-1], rows=("Accepted + 2xx",))
    with pytest.raises(AssertionError, match="as drawn"):
        rows(INVITE_CLIENT, replace(figure, notes=(*figure.notes, needless)))


@pytest.mark.parametrize(
    ("machine", "state", "given", "next_", "done"),
    [
        (INVITE_CLIENT, "Calling", "1xx", "Proceeding", "[stop A]; stop B; response to TU"),
        (CLIENT, "Trying", "Timer F", "Terminated", "[stop E]; inform TU of timeout"),
        (INVITE_SERVER, "Accepted", "ACK", "Accepted", "ACK to TU"),
        (SERVER, "Trying", "Timer 100", "Proceeding", "send 100"),
    ],
)
def test_a_row_says_what_it_means(
    machine: Machine, state: str, given: str, next_: str, done: str
) -> None:
    found = rows(machine, FIGURES[machine.name])
    (row,) = (row for row in found if (row.state, row.given) == (state, given))
    assert (row.over, row.next, row.done) == ("", next_, done)
