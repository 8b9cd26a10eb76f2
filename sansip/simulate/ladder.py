"""The ladder of a world: what was on the wire, and what engines said about it."""

from collections.abc import Iterable

from sansip.ladder import Column, Kind, Ladder, Row
from sansip.ladder.wording import field, plain, remark, reported, start_line
from sansip.simulate.network import Said, Sight


def ladder(wire: Iterable[Sight], reports: Iterable[Said] = (), title: str = "the wire") -> Ladder:
    """When, from whom to whom, what, and what came of it; times are those of the world."""
    copies: dict[tuple[str, str, bytes], int] = {}
    columns: dict[str, Column] = {}
    rows: list[Row] = []
    both: list[Sight | Said] = [*wire, *reports]
    for each in sorted(both, key=_at):
        if isinstance(each, Said):
            rows.append(_said(each))
            columns.setdefault(each.name, Column(each.name, each.name))
        else:
            way = each.sender, each.receiver, each.data
            rows.append(_seen(each, copies.get(way, 0)))
            copies[way] = copies.get(way, 0) + 1
            for name in way[:2]:
                columns.setdefault(name, Column(name, name))
    return Ladder(title, tuple(columns.values()), tuple(rows))


def _said(said: Said) -> Row:
    report = said.report
    kind: Kind = "failover" if report.topic == "failover" else "report"
    return Row(said.at, 0, kind, said.name, None, reported(report))


def _seen(sight: Sight, again: int) -> Row:
    data = sight.data
    call = plain(field(data, "call-id"))
    text, said = start_line(data), remark(data, "udp")
    if len(sight.arrives) > 1:
        said = f"{said}, twice" if said else "twice"
    return Row(
        sight.at,
        0,
        "message",
        sight.sender,
        sight.receiver,
        text,
        said,
        (call,) if call else (),
        data,
        again,
        lost=not sight.arrives,
    )


def _at(each: Sight | Said) -> float:
    return each.at
