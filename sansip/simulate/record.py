"""What an engine was told and what it did, kept for a journal of it.

Only references are kept while a world runs; they become lines when somebody asks for them.
"""

from sansip.engine.actions import Action
from sansip.engine.config import Config
from sansip.engine.engine import Engine
from sansip.engine.events import Event
from sansip.engine.policy import Everything
from sansip.journal import Head, Named, Source, Writer
from sansip.version import VERSION


class Record:
    """One life of an engine: with what it began, and its steps."""

    def __init__(
        self,
        seed: bytes,
        started: float,
        config: Config,
        policy: Source | None,
        ordered: tuple[Action, ...] | None = None,
    ) -> None:
        """It has begun, and ``ordered`` is what came of that."""
        self.head = Head(VERSION, seed, started, config, policy, ordered=ordered)
        self.steps: list[tuple[Event, tuple[Action, ...]]] = []

    def lines(self) -> list[str]:
        """Its journal: whole lines, with their ends."""
        lines: list[str] = []
        writer = Writer(lines.append, self.head)
        for event, actions in self.steps:
            writer.event(event, actions)
        return lines


def source_of(engine: Engine) -> Source | None:
    """The name under which a replay finds the policy of an engine: ``module:Class``."""
    cls = type(engine.policy)
    return None if cls is Everything else Named(f"{cls.__module__}:{cls.__qualname__}")
