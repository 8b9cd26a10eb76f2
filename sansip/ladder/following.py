"""Which calls a step has to do with: those of its messages, and of what these have led to.

Those whose messages come, are sent, or are handed to the embedding program or back; and those that
have ordered what such a step answers: its timers, questions and connections. Of a step that serves
two calls at once (one DNS answer for both) both own the questions and connections.
"""

import re
from collections.abc import Iterable
from typing import Final

from sansip.engine.actions import Action, Consult, Deliver, OpenFlow, QueryDns, Send, owner_of
from sansip.engine.events import (
    AckSubmitted,
    CancelSubmitted,
    Consulted,
    DatagramReceived,
    DnsAnswered,
    Event,
    FlowClosed,
    FlowOpened,
    RequestSubmitted,
    ResponseSubmitted,
    SendFailed,
    StreamReceived,
    TimerFired,
)
from sansip.engine.loads import OWNER as DIALOG
from sansip.engine.state import State
from sansip.engine.submissions import LOCAL
from sansip.ladder.remembered import calls_in

_ROW: Final = rb"(?im)^(?:call-id|i)[ \t]*+:[ \t]*+"
_ANY: Final = re.compile(_ROW + rb"(\S[^\n]*+)")
_END: Final = rb"[ \t]*+\r?+$"

Names = tuple[str, ...]


class Calls:
    """What is known of calls so far; it is asked about all steps in their order."""

    def __init__(self, only: str | None = None, state: State | None = None) -> None:
        """What goes on in ``state`` is known. ``only``: one call counts, and is remembered."""
        self._only = only
        self._row = _ANY
        if only is not None:
            self._row = re.compile(_ROW + b"((?-i:%b))" % re.escape(_encoded(only)) + _END)
        # Of their transactions.
        self._keys: dict[str, Names] = {
            key: self._known((call,)) for key, call in calls_in(state) if only in (None, call)
        }
        self._answers: dict[tuple[str, object], Names] = {}  # what their orders wait for

    def of(self, event: Event, actions: tuple[Action, ...]) -> Names:
        """The Call-IDs of the calls that this step has to do with."""
        sent = [(action, self._ordering(action)) for action in actions]
        found = dict.fromkeys(self._hearing(event))
        for _, names in sent:
            found |= dict.fromkeys(names)
        calls = tuple(found)
        if not calls:
            return ()
        if isinstance(event, RequestSubmitted):
            self._answers["handle", event.handle] = calls
            self._keys[LOCAL + event.handle] = calls
        for action, names in sent:
            self._learn(action, names, calls)
        return calls

    def in_bytes(self, data: bytes) -> Names:
        """The calls that these bytes speak of."""
        return tuple([_decoded(name.rstrip(b" \t\r")) for name in self._row.findall(data)])

    def _known(self, names: Iterable[str | None]) -> Names:
        """Those that count."""
        return tuple([name for name in names if name and self._only in (None, name)])

    def _ordering(self, action: Action) -> Names:
        match action:
            case Send():
                return self.in_bytes(action.data)
            case Deliver():
                named = () if action.message is None else (action.message.call_id,)
                return self._known(named) or self._answers.get(("handle", action.handle), ())
            case _:
                return ()

    def _learn(self, action: Action, names: Names, calls: Names) -> None:
        """Whose an order is, of a step that has to do with these calls."""
        match action:
            case Send():
                self._keys[owner_of(action.id)] = names
            case Deliver():
                self._answers["handle", action.handle] = names
            case QueryDns():
                self._answers["query", action.query] = calls
            case OpenFlow():
                self._answers["flow", action.flow] = calls
            case Consult():
                self._answers["question", action.question] = calls
            case _:
                pass

    def _hearing(self, event: Event) -> Names:
        match event:
            case DatagramReceived() | StreamReceived():
                return self.in_bytes(event.data)
            case TimerFired():
                return self._owning(event.timer.owner)
            case SendFailed():
                owner = owner_of(event.id or "")
                return self._keys.get(owner) or self.in_bytes(event.quoted)
            case DnsAnswered():
                return self._answers.get(("query", event.query), ())
            case FlowOpened() | FlowClosed():
                return self._answers.get(("flow", event.flow), ())
            case Consulted():
                return self._answers.get(("question", event.question), ())
            case RequestSubmitted() | AckSubmitted():
                return self._known((event.request.call_id,))
            case ResponseSubmitted() | CancelSubmitted():
                return self._answers.get(("handle", event.handle), ())
            case _:
                return ()

    def _owning(self, owner: str) -> Names:
        """Whose timer it is: that of a transaction, or of what belongs to one."""
        if owner.startswith(DIALOG):
            return self._known((owner.removeprefix(DIALOG).partition(" ")[0],))
        return self._keys.get(owner) or self._keys.get(owner[2:], ())


class Call:
    """One call among many; it is asked about all steps in their order."""

    def __init__(self, call_id: str) -> None:
        """Nothing is known but its name."""
        self._calls = Calls(call_id)

    def has(self, event: Event, actions: tuple[Action, ...]) -> bool:
        """Whether this step has to do with the call."""
        return bool(self._calls.of(event, actions))


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
