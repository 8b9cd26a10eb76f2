"""What a core heard and ordered on an adapter: to be run again without one, and to be compared."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import elsewhere
import sansip
from loops import Adapter
from sansip import Action, Engine, Event, State
from sansip.journal import Head, Writer, source_of
from sansip_adapter.server import Server

SEED = bytes(range(32))
Script = Callable[[Server[State]], Awaitable[None]]
Step = tuple[Event, tuple[Action, ...]]

# Times, and the port of a connection that we have opened, are different in every run.
TIMES = re.compile(r"\b(at|after|within)=[\d.e+-]+")
OWN_PORT = re.compile(r"^(FlowOpened\(.*\bflow=-\d+.*local=Address\(.*port=)\d+")


@dataclass
class Run:
    """A run of a core: all that it heard, from its start on, and what it ordered."""

    started: float = 0.0
    state: State | None = None
    written: list[str] = field(default_factory=list[str])  # its journal
    steps: list[Step] = field(default_factory=list[Step])

    def has(self, kind: type[Event], reason: str) -> bool:
        """Whether the core has heard something of this kind, for such a reason."""
        heard = [event for event, _ in self.steps if isinstance(event, kind)]
        return any(reason in getattr(event, "reason", "") for event in heard)

    def replayed(self, engine: Engine) -> None:
        """Run it again without an adapter: there is no difference."""
        state, _ = engine.start(SEED, self.started)
        for event, actions in self.steps:
            state, again = engine.step(state, event)
            assert again == actions
        assert state == self.state

    def replayed_elsewhere(self, file: Path) -> None:
        """Run it again from its journal alone, in a process with other hashes: no difference."""
        assert elsewhere.differences(self.written, file, ("1",)) == []

    def journal(self) -> list[str]:
        """A line for each event and each action, without what differs from run to run."""
        lines: list[str] = []
        for event, actions in self.steps:
            lines.append(OWN_PORT.sub(r"\1_", TIMES.sub(r"\1=_", repr(event))))
            lines += ["    " + TIMES.sub(r"\1=_", repr(action)) for action in actions]
        return lines


def record(adapter: Adapter, engine: Engine, script: Script, options: Mapping[str, Any]) -> Run:
    """Run a script to its end, and keep what the core did until then."""
    run = Run()
    writers: list[Writer] = []

    def tap(event: Event, actions: tuple[Action, ...]) -> None:
        if run.state is None:
            run.steps.append((event, actions))
            writers[0].event(event, actions)

    async def main() -> None:
        async with adapter.serving(engine, tap=tap, seed=SEED, **options) as server:
            run.started = server.started
            policy = source_of(engine)
            head = Head(sansip.__version__, SEED, server.started, engine.config, policy)
            writers.append(Writer(run.written.append, head))
            await script(server)
            run.state = server.state

    adapter.run(main)
    return run
