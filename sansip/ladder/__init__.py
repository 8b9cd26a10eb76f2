"""Ladders: what a journal tells, as a picture of who said what to whom, and what no packet shows.

``draw`` makes one of a journal, or of one call of it; ``text`` writes it for a terminal.
"""

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
    "draw",
    "text",
]
