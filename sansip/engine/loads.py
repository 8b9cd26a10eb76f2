"""How many calls the members of groups have: what the algorithm "call-load" goes by.

A call counts for its member from the INVITE on, as a branch, and goes on as a dialog once that has
had a 2xx: until a BYE within that dialog is relayed, from whichever side, or if none is ever seen
for ``Limits.longest_call`` seconds. Every 2xx of a branch that forked further on is a dialog of its
own. There is at most one count for each, so the numbers end at 0 when all is over.
"""

from typing import Final

from sansip.engine.actions import Timer
from sansip.engine.fleet import Call
from sansip.engine.turn import Turn
from sansip.message import Request, Response
from sansip.proxy.vocabulary import Target

OWNER: Final = "h|"  # how the keys of dialogs begin, and so the owners of their timers
BRANCH: Final = "b|"  # and those of branches


def is_taken(turn: Turn, context: str, branch: int, target: Target) -> bool:
    """Whether a member has as many calls as it takes by now, and this one is not among them."""
    for earlier in range(branch):
        call = turn.fleet.calls.get(_branch(context, earlier))
        if call is not None and call.name == target.counted:
            return False  # another hop of the member that it has gone to already
    group = turn.fleet.group(target.group)
    for member in () if group is None else group.members:
        if member.uri == target.member and member.name == target.counted:
            return 0 < member.maxload <= turn.fleet.loads.get(target.counted, 0)
    return False


def begin(turn: Turn, context: str, branch: int, name: str) -> None:
    """An INVITE goes to the member whose calls are counted under this name."""
    if not _is_full(turn, name):
        _put(turn, _branch(context, branch), Call(name))
        _count(turn, name, 1)


def answered(turn: Turn, context: str, branch: int, response: Response) -> None:
    """A branch has had a final response."""
    if response.status >= 300:
        over(turn, context, branch)
        return
    key = _branch(context, branch)
    call = turn.fleet.calls.get(key)
    dialog = _dialog(response)
    if call is None or dialog in call.dialogs or dialog in turn.fleet.calls:
        return  # nobody counts it, or it is the same 2xx once more
    if not call.dialogs:
        _count(turn, call.name, -1)  # from now on the dialog counts
    elif _is_full(turn, call.name):
        return
    _put(turn, key, Call(call.name, None, (*call.dialogs, dialog)))
    if not _is_full(turn, call.name):
        timer = turn.rearm(dialog, "call", turn.at + turn.config.limits.longest_call)
        _put(turn, dialog, Call(call.name, timer))
        _count(turn, call.name, 1)


def over(turn: Turn, context: str, branch: int) -> None:
    """A branch has come to its end."""
    if len(turn.fleet.calls):
        _remove(turn, _branch(context, branch))


def hung_up(turn: Turn, bye: Request) -> None:
    """A BYE goes on to the other side."""
    if len(turn.fleet.calls):
        call = _remove(turn, _dialog(bye))
        if call is not None:
            turn.disarm(call.timer)


def fire(turn: Turn, timer: Timer) -> None:
    """Of a dialog no BYE has been seen for so long that it counts no more."""
    call = turn.fleet.calls.get(timer.owner)
    if call is not None and call.timer == timer:
        _remove(turn, timer.owner)


def _branch(context: str, branch: int) -> str:
    return f"{BRANCH}{branch} {context}"


def _dialog(message: Request | Response) -> str:
    """The same whichever side a message comes from (12)."""
    tags = sorted([message.from_tag or "", message.to_tag or ""])
    return f"{OWNER}{message.call_id} {tags[0]} {tags[1]}"


def _is_full(turn: Turn, name: str) -> bool:
    most = turn.config.limits.calls
    if len(turn.fleet.calls) < most:
        return False
    turn.report("limit", name, f"limit of {most} calls that are counted")
    return True


def _remove(turn: Turn, key: str) -> Call | None:
    call = turn.fleet.calls.get(key)
    if call is not None:
        turn.fleet = turn.fleet.but(calls=turn.fleet.calls.without(key))
        if not call.dialogs:
            _count(turn, call.name, -1)
    return call


def _put(turn: Turn, key: str, call: Call) -> None:
    turn.fleet = turn.fleet.but(calls=turn.fleet.calls.set(key, call))


def _count(turn: Turn, name: str, change: int) -> None:
    loads = turn.fleet.loads
    now = loads.get(name, 0) + change
    turn.fleet = turn.fleet.but(loads=loads.set(name, now) if now else loads.without(name))
