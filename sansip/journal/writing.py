"""Writing a journal: a line for the head, then one for each event.

    {"sansip":"0.1.0","format":1,"seed":"00...","started":12.5,"config":{...},"policy":{...},...}
    {"n":1,"event":{"is":"TimerFired","at":13.0,...},"actions":[{"is":"Send",...},...]}
    {"n":2,"config":{...},"policy":{...}}

The third is what another engine goes on with. A line is written in one go: of a program that is
killed nothing is torn but the last one.
"""

from collections.abc import Callable

from sansip.engine.actions import Action
from sansip.engine.config import Config
from sansip.engine.events import Event
from sansip.journal.codec import Codec
from sansip.journal.head import FORMAT, Head, Source, Toml
from sansip.journal.redaction import Redaction


class Writer:
    """Writes a journal; ``event`` is what an adapter's ``tap`` may be."""

    def __init__(self, write: Callable[[str], object], head: Head) -> None:
        """Write the head. ``write`` is given whole lines, line ends included; all are ASCII."""
        self._write = write
        self._codec = Codec()
        self._number = 0
        self._redaction = Redaction(head.redacted) if head.redacted else None
        self._line(
            {
                "sansip": head.sansip,
                "format": FORMAT,
                "seed": head.seed.hex(),
                "started": head.started,
                "config": head.config,
                "policy": _source(head.policy),
                "redacted": self._redaction.names if self._redaction else (),
            }
        )

    def event(self, event: Event, actions: tuple[Action, ...]) -> None:
        """Write an event, and what came of it."""
        redaction = self._redaction
        if redaction is not None:
            event = redaction.event(event)
            actions = tuple([redaction.action(action) for action in actions])
        self._number += 1
        named = self._codec.named
        self._line(
            {
                "n": self._number,
                "event": named(event),
                "actions": [named(action) for action in actions],
            }
        )

    def swap(self, config: Config, policy: Source | None) -> None:
        """Write that from here on another engine steps the same state: a reload."""
        self._number += 1
        self._line({"n": self._number, "config": config, "policy": _source(policy)})

    def _line(self, content: dict[str, object]) -> None:
        self._write(self._codec.text(content) + "\n")


def _source(policy: Source | None) -> dict[str, object] | None:
    if policy is None:
        return None
    if isinstance(policy, Toml):
        return {"toml": policy.text, "name": policy.name, "files": dict(policy.files)}
    return {"class": policy.name}
