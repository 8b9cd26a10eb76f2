"""The four silences: when something must happen on a branch of which nothing new is heard.

nothing has come             advance_after    try the next hop, let this branch live on
a 100 came, then nothing     progress_after   cancel, and try the next hop
it rings                     answer_within    cancel, and ask the failure route
it does not end              timer_c          cancel (16.8); and 64*T1 after any CANCEL, give up
"""

from typing import Literal

from sansip.proxy.states import Branch
from sansip.proxy.vocabulary import Hunt

Silence = Literal["advance", "progress", "answer", "guard"]
Deadline = tuple[float, Silence]


def due(hunt: Hunt, branch: Branch, *, invite: bool, live: bool, onward: bool) -> Deadline | None:
    """The next deadline of a branch, or None.

    ``live``: no other branch has taken its place, and the caller has not cancelled. ``onward``:
    there is another hop to go to.
    """
    if branch.status:
        return None
    if branch.heard == "nothing":
        if onward and hunt.advance_after is not None:
            return branch.begun + hunt.advance_after, "advance"
        return None  # Timer B or F ends it
    # Timer F ends those of other methods.
    guard: Deadline | None = (branch.guard, "guard") if invite else None
    soft: Deadline | None = None
    if branch.heard == "trying" and onward and hunt.progress_after is not None:
        soft = branch.since + hunt.progress_after, "progress"
    elif branch.heard == "ringing" and live and hunt.answer_within is not None:
        soft = branch.since + hunt.answer_within, "answer"
    return soft if guard is None or (soft is not None and soft[0] <= guard[0]) else guard
