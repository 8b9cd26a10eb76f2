"""Writing a journal: its head, then a line for each event.

    {"sansip":"0.1.0","format":1,"started":12.5,"clock":null,"redacted":[],"seed":"00...","state":0}
    {"config":{...},"policy":{...},"ordered":[...]}
    {"n":1,"event":{"is":"TimerFired","at":13.0,...},"actions":[{"is":"Send",...},...]}
    {"n":2,"config":{...},"policy":{...}}

``ordered`` is what the start has led to, as ``actions`` are what an event has. The last line is
what another engine goes on with. If the journal goes on from a state, ``state`` says how many lines
of it stand between the second line and the first step; see ``states``. A line is written in one go:
of a program that is killed nothing is torn but the last one.
"""

from collections.abc import Callable
from itertools import islice

from sansip.engine.actions import Action
from sansip.engine.config import Config
from sansip.engine.events import Event
from sansip.journal.codec import Codec
from sansip.journal.head import FORMAT, Head, Source, Toml
from sansip.journal.parts import plain
from sansip.journal.redaction import Redaction
from sansip.journal.states import States


class Writer:
    """Writes a journal; ``event`` is what an adapter's ``tap`` may be."""

    def __init__(
        self, write: Callable[[str], object], head: Head, *, by_and_by: bool = False
    ) -> None:
        """Write the head. ``write`` is given whole lines, line ends included; all are ASCII.

        ``by_and_by``: ``more`` is to write the state that the head has, which is a frozen one; what
        is left of it at the first step is written then.
        """
        self._write = write
        self._codec = Codec()
        self._number = 0
        redaction = self._redaction = Redaction(head.redacted) if head.redacted else None
        states, state = States(self._codec), head.state
        first = {
            "sansip": head.sansip,
            "format": FORMAT,
            "started": head.started,
            "clock": head.clock,
            "redacted": redaction.names if redaction else (),
            "seed": (head.seed if state is None else state.seed).hex(),
            "state": 0 if state is None else states.count(state),
        }
        write(f"{plain(first)}\n")
        ordered = "null" if head.ordered is None else self._actions(head.ordered)
        write(f'{{{self._engine(head.config, head.policy)},"ordered":{ordered}}}\n')
        entry = None if redaction is None else redaction.entry
        self._state = iter(()) if state is None else states.lines(state, entry)
        if not by_and_by:
            self.more()

    def more(self, most: int | None = None) -> bool:
        """Write so many lines of the state, or all that are left: whether there may be others.

        A state of many calls is large, and a server that writes all of it at once is deaf.
        """
        lines = [f"{line}\n" for line in islice(self._state, most)]
        for line in lines:
            self._write(line)
        return most is not None and len(lines) == most

    def event(self, event: Event, actions: tuple[Action, ...]) -> None:
        """Write an event, and what came of it."""
        self.more()
        if self._redaction is not None:
            event = self._redaction.event(event)
        self._number += 1
        told, ordered = self._codec.text(event), self._actions(actions)
        self._write(f'{{"n":{self._number},"event":{told},"actions":{ordered}}}\n')

    def swap(self, config: Config, policy: Source | None) -> None:
        """Write that from here on another engine steps the same state: a reload."""
        self.more()
        self._number += 1
        self._write(f'{{"n":{self._number},{self._engine(config, policy)}}}\n')

    def _actions(self, actions: tuple[Action, ...]) -> str:
        if self._redaction is not None:
            actions = tuple(map(self._redaction.action, actions))
        return f"[{','.join(map(self._codec.text, actions))}]"

    def _engine(self, config: Config, policy: Source | None) -> str:
        return f'"config":{self._codec.text_as(Config, config)},"policy":{plain(_source(policy))}'


def _source(policy: Source | None) -> dict[str, object] | None:
    if policy is None:
        return None
    if isinstance(policy, Toml):
        return {"toml": policy.text, "name": policy.name, "files": dict(policy.files)}
    return {"class": policy.name}
