"""Journals of real runs can be drawn, whatever has happened in them."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pcaps import packets
from sansip.journal import Journal, read
from sansip.ladder import draw, html, mermaid, pcap, svg, text

JOURNALS = sorted((Path(__file__).parents[1] / "journals").glob("*.journal"))


def journal(file: Path) -> Journal:
    return read(file.read_text(encoding="ascii").splitlines(keepends=True))


@pytest.mark.parametrize("file", JOURNALS, ids=lambda file: file.stem)
def test_a_run_is_drawn_in_all_ways(file: Path) -> None:
    ladder = draw(journal(file))
    assert ladder.rows
    assert max(map(len, text(ladder, width=120).splitlines())) <= 120
    ET.fromstring(svg(ladder))  # noqa: S314 - our own
    assert html(ladder).count("<li ") == len(ladder.rows)
    assert mermaid(ladder).startswith("sequenceDiagram\n")
    said = sum([len(row.data) for row in ladder.rows])
    taken = [packet.data for packet in packets(pcap(journal(file))) if packet.protocol != "icmp"]
    assert sum(map(len, taken)) == said


@pytest.mark.parametrize("file", JOURNALS[:4], ids=lambda file: file.stem)
def test_all_rows_of_calls_are_those_of_the_calls_by_themselves(file: Path) -> None:
    whole = draw(journal(file))
    for call in whole.calls():
        rows = draw(journal(file), call).rows
        assert rows == tuple([row for row in whole.rows if call in row.calls])
