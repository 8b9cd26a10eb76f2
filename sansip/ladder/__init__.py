"""Ladders: what a journal tells, as a picture of who said what to whom, and what no packet shows.

``draw`` makes a ``Ladder`` of a journal, or of one call of it. ``text`` writes that for a terminal,
``svg`` as a picture, ``html`` as a page with the whole messages, ``mermaid`` as a diagram for a
wiki. ``pcap`` makes a capture of packets of a journal. All is pure: files are opened by who calls.
"""

from sansip.ladder.as_html import html
from sansip.ladder.as_mermaid import mermaid
from sansip.ladder.as_pcap import capture, pcap
from sansip.ladder.as_svg import svg
from sansip.ladder.as_text import text
from sansip.ladder.drawing import MOST, draw
from sansip.ladder.values import KINDS, PROGRAM, PROXY, Column, Kind, Ladder, Row

__all__ = [
    "KINDS",
    "MOST",
    "PROGRAM",
    "PROXY",
    "Column",
    "Kind",
    "Ladder",
    "Row",
    "capture",
    "draw",
    "html",
    "mermaid",
    "pcap",
    "svg",
    "text",
]
