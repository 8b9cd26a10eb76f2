"""The timers of a transaction: one that runs, for the earliest deadline, and those that come later.

RFC 3261 gives a transaction two at a time; with one, a call costs few timer orders. A record keeps
the name of the one that runs, when it is due, its serial number, and the later deadlines.
"""

from sansip.engine.actions import Timer
from sansip.engine.state import ClientTransaction, Deadlines, ServerTransaction
from sansip.engine.turn import Turn
from sansip.transaction import TimerName

Record = ServerTransaction | ClientTransaction
Clock = tuple[TimerName | None, float, int, Deadlines]  # a record's timer, due, serial and later
STOPPED: Clock = (None, 0.0, 0, ())


def split(record: Record, at: float) -> tuple[list[TimerName], Deadlines]:
    """The deadlines that are due, in order, and the others.

    The earliest is due in any case: its timer has fired, whatever the clocks say.
    """
    first: tuple[TimerName, ...] = () if record.timer is None else (record.timer,)
    others = sorted(record.later)
    due: list[TimerName] = [name for deadline, name in others if deadline <= at]
    return [*first, *due], tuple([later for later in others if later[0] > at])


def without(
    running: TimerName | None, later: Deadlines, name: TimerName
) -> tuple[TimerName | None, Deadlines]:
    """What is left of a transaction's timers without the one of this name."""
    if name == running:
        return None, later
    return running, tuple([deadline for deadline in later if deadline[1] != name])


def wound(
    turn: Turn, key: str, record: Record, running: TimerName | None, later: Deadlines
) -> Clock | None:
    """See to it that the one timer of this transaction stands for its earliest deadline.

    None: all is as the record says.
    """
    if running is record.timer and later is record.later and (running or not later):
        return None
    deadlines: Deadlines = later if running is None else (*later, (record.due, running))
    if not deadlines:
        disarm(turn, key, record)
        return STOPPED
    due, name = first = min(deadlines)
    rest: Deadlines = ()
    if len(deadlines) > 1:
        rest = tuple([deadline for deadline in deadlines if deadline is not first])
    return name, due, turn.rearm(key, name, due).serial, rest


def disarm(turn: Turn, key: str, record: Record) -> None:
    """Stop the timer of a transaction, if one runs."""
    if record.timer is not None:
        turn.disarm(Timer(key, record.timer, record.serial))
