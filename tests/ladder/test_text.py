"""The ladder for terminals: what fits where."""

import re
from collections.abc import Callable

import pytest

from drawn import everything, failover_ladder, journal
from sansip.ladder import Column, Kind, Ladder, Row, draw, text
from sansip.ladder.lines import fitting, wrapped

CODES = re.compile(r"\033\[[\d;]*m")


def ladder(
    *rows: Row, columns: int = 2, notes: tuple[str, ...] = (), clock: float | None = None
) -> Ladder:
    """Columns a, b, c ... and these rows."""
    made = [Column(chr(ord("a") + n), chr(ord("a") + n)) for n in range(columns)]
    return Ladder("here", tuple(made), rows, notes, clock=clock)


def message(label: str = "INVITE", source: str = "a", target: str | None = "b") -> Row:
    return Row(0.0, 0, "message", source, target, label)


def drawn(*rows: Row, columns: int = 2, width: int = 60) -> list[str]:
    """The lines of rows, without what stands above."""
    lines = text(ladder(*rows, columns=columns), width=width).splitlines()
    return [line for line in lines if line.startswith("  0.000")]


@pytest.mark.golden
@pytest.mark.parametrize("width", [80, 120])
def test_a_call_that_fails_over(golden: Callable[..., None], width: int) -> None:
    golden(f"failover-{width}.txt", text(failover_ladder(), width=width))


@pytest.mark.golden
def test_everything(golden: Callable[..., None]) -> None:
    golden("everything.txt", text(draw(journal(*everything())), width=160))


@pytest.mark.parametrize("width", [1, 40, 60, 80, 100, 132, 200, 300])
@pytest.mark.parametrize("hosts", [0, 12])
def test_no_line_is_longer_than_the_terminal(width: int, hosts: int) -> None:
    whole = draw(journal(*everything()))
    more = [Column(f"203.0.113.{n}:5060", f"gateway-{n}", ("x",)) for n in range(hosts)]
    rows = [Row(1.0, 1, "message", more[-1].key, more[0].key, "BYE")] if more else []
    crowd = Ladder(whole.title, (*whole.columns, *more), (*whole.rows, *rows))
    for line in text(crowd, width=width).splitlines():
        assert len(line) <= max(width, 40, 6 * len(crowd.columns) + 8)


def test_labels_stand_within_their_arrows() -> None:
    assert drawn(message(), message("200 OK", "b", "a")) == [
        "  0.000   │─ INVITE ─▶│",
        "  0.000   │◀─ 200 OK ─│",
    ]


def test_arrows_cross_what_is_between() -> None:
    row = message("BYE", "c", "a")
    assert drawn(row, columns=3) == ["  0.000   │◀── BYE ───│"]


def test_what_has_no_room_stands_beside_its_arrow() -> None:
    assert drawn(message("INVITE sip:bob@example.com"), columns=6, width=50) == [
        "  0.000   │── INVITE ───▶│     │     │     │     │",
    ]
    assert drawn(message("INVITE sip:bob@example.com"), columns=7, width=50) == [
        "  0.000   │───────▶│ INVITE sip:bob@example.com  │",
    ]


def test_of_a_long_label_the_remarks_stay() -> None:
    row = Row(0.0, 0, "message", "a", "b", "INVITE sip:bob@example.com", "SDP", again=1)
    assert fitting(row, 100) == "INVITE sip:bob@example.com (again, SDP)"
    assert fitting(row, 30) == "INVITE sip:bob@e… (again, SDP)"
    assert fitting(row, 24) == "INVITE (again, SDP)"
    assert len(fitting(row, 12)) == 12
    assert fitting(Row(0.0, 0, "flow", "a", "b", "opens a connection"), 10) == "opens a c…"


def test_copies_lost_ones_and_connections_look_different() -> None:
    copy = Row(0.0, 0, "message", "a", "b", "BYE", again=1)
    lost = Row(0.0, 0, "message", "b", "a", "BYE", lost=True)
    flow = Row(0.0, 0, "flow", "a", "b", "opened")
    assert drawn(copy, lost, flow) == [
        "  0.000   │╌ BYE (again) ╌▶│",
        "  0.000   │×─ BYE (lost) ──│",
        "  0.000   │╌╌╌ opened ╌╌╌╌▶│",
    ]


def test_notes_are_wrapped_and_stay_beside_their_column() -> None:
    note = Row(0.0, 0, "failover", "a", None, "one two three " * 10)
    lines = text(ladder(note), width=60).splitlines()[3:]
    assert lines[0].startswith("  0.000   ◆ one two three")
    assert len(lines) > 2
    assert all(line.startswith("          │ ") for line in lines[1:])


def test_notes_that_have_no_room_on_the_right_move_to_the_left() -> None:
    note = Row(0.0, 0, "timer", "h", None, "Timer A: " + "x" * 100)
    lines = text(ladder(note, columns=8), width=70).splitlines()
    assert max(map(len, lines)) <= 70
    assert sum(["x" in line for line in lines]) > 2


def test_to_itself_is_a_note() -> None:
    assert drawn(message("BYE", "b", "b")) == ["  0.000   │     • BYE"]


def test_columns_without_room_for_names_have_letters() -> None:
    many = [Column(f"host-{n}", f"host-{n}.example.com") for n in range(30)]
    said = text(Ladder("here", tuple(many), (message("BYE", "host-0", "host-29"),)), width=80)
    assert "  A  host-0.example.com\n" in said
    assert "  D2 host-29.example.com\n" in said


def test_the_title_says_what_when_and_what_is_not_there() -> None:
    whole = ladder(message(), clock=1_795_453_200.25, notes=("only the first 1 rows",))
    lines = text(whole).splitlines()
    assert lines[0] == "here, 0.000 is 2026-11-23 17:00:00.250 UTC"
    assert lines[-1] == "(only the first 1 rows)"


def test_nothing_happened() -> None:
    assert text(Ladder("here", (), ())) == "here\n\nnothing happened\n"


def test_colours_are_only_for_terminals_and_hide_nothing() -> None:
    whole = draw(journal(*everything()))
    plain, coloured = text(whole), text(whole, colour=True)
    assert "\033" not in plain
    assert coloured.count("\033[") > 2 * len(whole.rows)
    bare = [line.rstrip() for line in CODES.sub("", coloured).splitlines()]
    assert bare == plain.splitlines()


@pytest.mark.parametrize(
    ("label", "code"), [("INVITE", "1"), ("100 Trying", ""), ("200 OK", "32"), ("503 No", "31")]
)
def test_colours_of_messages(label: str, code: str) -> None:
    line = text(ladder(message(label)), colour=True).splitlines()[-1]
    assert (f"\033[{code}m" in line) is bool(code)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("trouble", "31"),
        ("failover", "1;33"),
        ("dns", "36"),
        ("operator", "1;35"),
        ("report", ""),
        ("policy", ""),
        ("timer", "2"),
        ("flow", "2"),
    ],
)
def test_colours_of_notes(kind: Kind, code: str) -> None:
    line = text(ladder(Row(0.0, 0, kind, "b", None, "words")), colour=True).splitlines()[-1]
    assert (f"\033[{code}m{'◆' if kind in ('failover', 'operator') else ''}" in line) is bool(code)
    assert line.count("words") == 1


def test_without_unicode_all_is_ascii() -> None:
    said = text(draw(journal(*everything())), only_ascii=True, width=90)
    assert said.isascii()
    assert "-->|" in said or "->|" in said


def test_words_that_are_too_long_are_cut() -> None:
    assert wrapped("a bb cccccccc d", 4) == ("a bb", "cccc", "cccc", "d")
    assert wrapped("", 4) == ("",)
