"""One call among many: the steps that have to do with a Call-ID.

Those in which a message of the call comes, is sent, or is handed to the embedding program or back;
and those that answer what such a step has ordered: its timers, questions and connections. Of a step
that serves two calls at once (one DNS answer for both) both own the questions and connections.
"""

import re
from typing import Final

from sansip.engine.actions import Action, Consult, Deliver, OpenFlow, QueryDns, Send
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
from sansip.engine.submissions import LOCAL

_DIALOG: Final = "h|"  # how the owner of the timer of a call's dialog begins


class Call:
    """What is known of a call so far; it is asked about all steps in their order."""

    def __init__(self, call_id: str) -> None:
        """Nothing is known but its name."""
        self._name = call_id
        name = re.escape(call_id.encode("utf-8", "surrogateescape"))
        self._row = re.compile(
            rb"(?im:^(?:call-id|i)[ \t]*:[ \t]*)%b[ \t]*\r?$" % name, re.MULTILINE
        )
        self._keys: set[str] = set()  # of its transactions
        self._answers: set[tuple[str, object]] = set()  # what its orders wait for

    def has(self, event: Event, actions: tuple[Action, ...]) -> bool:
        """Whether this step has to do with the call."""
        ours = [action for action in actions if self._orders(action)]
        if not (self._hears(event) or ours):
            return False
        if isinstance(event, RequestSubmitted):
            self._answers.add(("handle", event.handle))
            self._keys.add(LOCAL + event.handle)
        for action in actions:
            self._learn(action)
        for action in ours:
            if isinstance(action, Send):
                self._keys.add(action.id.partition(" ")[2])
        return True

    def _orders(self, action: Action) -> bool:
        match action:
            case Send():
                return self._is_in(action.data)
            case Deliver():
                is_ours = action.message is not None and action.message.call_id == self._name
                if is_ours:
                    self._answers.add(("handle", action.handle))
                return is_ours or ("handle", action.handle) in self._answers
            case _:
                return False

    def _learn(self, action: Action) -> None:
        match action:
            case QueryDns():
                self._answers.add(("query", action.query))
            case OpenFlow():
                self._answers.add(("flow", action.flow))
            case Consult():
                self._answers.add(("question", action.question))
            case _:
                pass

    def _hears(self, event: Event) -> bool:
        match event:
            case DatagramReceived() | StreamReceived():
                return self._is_in(event.data)
            case TimerFired():
                return self._owns(event.timer.owner)
            case SendFailed():
                owner = (event.id or "").partition(" ")[2]
                return owner in self._keys or self._is_in(event.quoted)
            case DnsAnswered():
                return ("query", event.query) in self._answers
            case FlowOpened() | FlowClosed():
                return ("flow", event.flow) in self._answers
            case Consulted():
                return ("question", event.question) in self._answers
            case RequestSubmitted() | AckSubmitted():
                return event.request.call_id == self._name
            case ResponseSubmitted() | CancelSubmitted():
                return ("handle", event.handle) in self._answers
            case _:
                return False

    def _owns(self, owner: str) -> bool:
        """Whether a timer is that of a transaction of the call, or of what belongs to one."""
        if owner.startswith(_DIALOG):
            return owner.startswith(f"{_DIALOG}{self._name} ")
        return owner in self._keys or owner[2:] in self._keys

    def _is_in(self, data: bytes) -> bool:
        return self._row.search(data) is not None
