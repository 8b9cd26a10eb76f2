"""Requests whose policy has asked the embedding program something, and waits for the answer.

Such a request has its server transaction, so copies are absorbed, and no response context yet. It
ends with the answer, with the end of the time that the policy gave, or with a CANCEL; what comes
after that is no answer to anything.
"""

from sansip.engine.actions import Consult, Timer
from sansip.engine.policy import Ask
from sansip.engine.state import Arrival, Asked
from sansip.engine.turn import Turn
from sansip.proxy.request import Arrived

OWNER = "q|"  # how the owner of a question's timer begins
MOST_QUESTIONS = 8  # about one request


def ask(  # noqa: PLR0913 - what is remembered
    turn: Turn,
    key: str,
    came: Arrival,
    at: float,
    got: Arrived,
    wish: Ask,
    *,
    proven: bool,
    questions: int = 0,
) -> None:
    """Put a question to the embedding program; the request of this key waits."""
    turn.serial += 1
    number = turn.serial
    turn.actions.append(Consult(f"{number} {key}", wish.data, wish.within))
    timer = turn.rearm(OWNER + key, "answer", turn.at + wish.within)
    asked = Asked(came, at, got, proven, wish.then, number, questions + 1, timer)
    turn.asked = turn.asked.set(key, asked)
    turn.count(came.source, came.size, 1)


def due(turn: Turn, timer: Timer) -> str | None:
    """The key of the request whose time is over, unless it has stopped waiting."""
    key = timer.owner.removeprefix(OWNER)
    asked = turn.asked.get(key)
    return key if asked is not None and asked.timer == timer else None


def answered(turn: Turn, question: str) -> str | None:
    """The key of the request that has waited for this answer, unless it waits no more."""
    number, _, key = question.partition(" ")
    asked = turn.asked.get(key)
    return key if asked is not None and str(asked.number) == number else None


def settle(turn: Turn, key: str, fired: Timer | None = None) -> Asked:
    """Let a request wait no more, and give what was remembered of it."""
    asked = turn.asked[key]
    if fired is None:
        turn.disarm(asked.timer)
    turn.asked = turn.asked.without(key)
    turn.count(asked.came.source, asked.came.size, -1)
    return asked
