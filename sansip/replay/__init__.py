"""Replay: a journal is run again, by the same core or a newer one, or under another policy.

``replay`` gives the first step in which what is ordered is not what was recorded, or None.
``decisions`` asks another policy whatever the recorded one was asked, and gives the answers that
differ. Both are pure: files are opened, and policies imported, by who calls.
"""

from sansip.ladder.following import Call
from sansip.replay.deciding import Decided, Raised, decisions
from sansip.replay.planned import Moved
from sansip.replay.running import Difference, engine_of, replay
from sansip.replay.tally import Tally
from sansip.replay.told import told
from sansip.replay.words import shortened, words

__all__ = [
    "Call",
    "Decided",
    "Difference",
    "Moved",
    "Raised",
    "Tally",
    "decisions",
    "engine_of",
    "replay",
    "shortened",
    "told",
    "words",
]
