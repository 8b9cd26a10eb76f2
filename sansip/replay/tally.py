"""What has been run so far: how much there was of what, and to which call it belonged."""

import re
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sansip.engine.actions import Action, Deliver, Send, StartTimer, owner_of
from sansip.engine.events import (
    Administered,
    DatagramReceived,
    DnsAnswered,
    Event,
    FlowClosed,
    FlowOpened,
    SendFailed,
    StreamReceived,
    TimerFired,
)
from sansip.engine.loads import OWNER as DIALOG

# A journal may be of any length, and what is remembered of it must not be.
MOST_CALLS: Final = 100_000  # that are counted
MOST_OWNERS: Final = 10_000  # transactions of which the call is known: the latest
_CALL_ID: Final = re.compile(rb"(?im)^(?:call-id|i)[ \t]*+:[ \t]*+([^ \t\r\n]++)[ \t]*+\r?+$")
_INVITE: Final = re.compile(rb"(?im)^cseq[ \t]*+:[ \t]*+\d++[ \t]++INVITE[ \t]*+\r?+$")
_KINDS: Final[Mapping[type[object], str]] = MappingProxyType(
    {
        DatagramReceived: "messages",
        StreamReceived: "messages",
        TimerFired: "timers",
        DnsAnswered: "DNS answers",
        SendFailed: "errors",
        FlowOpened: "connections",
        FlowClosed: "connections",
        Administered: "orders",
    }
)


class Tally:
    """Counts; ``str`` tells them in words."""

    def __init__(self) -> None:
        """Nothing has been run."""
        self.events: Counter[str] = Counter()  # by their kinds, in words
        self.actions: int = 0
        self.decisions = 0  # that another policy was asked for, too
        self.plans = 0  # that were compared with those of other groups
        self.last: float = 0.0  # seconds from the start to the last event
        self._calls: set[str] = set()
        self._owners: dict[str, str] = {}

    def add(self, after: float, event: Event, actions: tuple[Action, ...]) -> None:
        """Count a step, ``after`` so many seconds."""
        self.last = after
        self.events[_KINDS.get(type(event), "others")] += 1
        self.actions += len(actions)
        call = _call_id(event.data) if isinstance(event, DatagramReceived) else None
        for action in actions:
            if isinstance(action, StartTimer) and call is not None:
                self._own(action.timer.owner, call)
            elif isinstance(action, Send):
                self._learn(action)
            elif isinstance(action, Deliver) and action.message is not None:
                message = action.message
                self._count(message.call_id, is_call=message.cseq.method == "INVITE")

    def call_of(self, event: Event, actions: tuple[Action, ...]) -> str | None:
        """The Call-ID of what this step is about, if it is about a call that is known."""
        found = _call_id(getattr(event, "data", b"")) or _call_id(getattr(event, "quoted", b""))
        if found is None and isinstance(event, TimerFired):
            found = self._of_owner(event.timer.owner)
        if found is None and isinstance(event, SendFailed):
            found = self._owners.get(owner_of(event.id or ""))
        message = getattr(event, "request", None) or getattr(event, "response", None)
        if found is None and message is not None:
            found = message.call_id
        for action in actions:
            if found is None and isinstance(action, Send):
                found = _call_id(action.data)
            elif found is None and isinstance(action, Deliver) and action.message is not None:
                found = action.message.call_id
        return found

    def __str__(self) -> str:
        """In words, such as 12 events (8 messages, 4 timers), 30 actions, 2 calls, 3.2 s."""
        kinds = ", ".join([_counted(many, kind) for kind, many in self.events.most_common()])
        calls = _counted(len(self._calls), "calls")
        if len(self._calls) == MOST_CALLS:
            calls = f"{calls} or more"
        events = _counted(self.events.total(), "events")
        parts = [f"{events} ({kinds})" if kinds else events, _counted(self.actions, "actions")]
        return ", ".join([*parts, calls, f"{self.last:.1f} s"])

    def _learn(self, send: Send) -> None:
        call = _call_id(send.data)
        if call is None:
            return
        self._count(call, is_call=_INVITE.search(send.data) is not None)
        self._own(owner_of(send.id), call)

    def _own(self, owner: str, call: str) -> None:
        self._owners[owner] = call
        if len(self._owners) > MOST_OWNERS:
            del self._owners[next(iter(self._owners))]

    def _count(self, call: str | None, *, is_call: bool) -> None:
        if is_call and call is not None and len(self._calls) < MOST_CALLS:
            self._calls.add(call)

    def _of_owner(self, owner: str) -> str | None:
        if owner.startswith(DIALOG):
            return owner.removeprefix(DIALOG).partition(" ")[0]
        return self._owners.get(owner) or self._owners.get(owner[2:])


def _call_id(data: bytes) -> str | None:
    found = _CALL_ID.search(data)
    return found[1].decode("utf-8", "surrogateescape") if found else None


def _counted(many: int, what: str) -> str:
    return f"{many:,} {what[:-1] if many == 1 else what}"
