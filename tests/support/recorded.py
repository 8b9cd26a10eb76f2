"""What a core heard and ordered on an adapter: to be run again without one, and to be compared."""

import os
import re
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from loops import Adapter
from sansip import Action, DatagramReceived, Engine, Event, State
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
    steps: list[Step] = field(default_factory=list[Step])

    def has(self, kind: type[Event], reason: str) -> bool:
        """Whether the core has heard something of this kind, for such a reason."""
        heard = [event for event, _ in self.steps if isinstance(event, kind)]
        return any(reason in getattr(event, "reason", "") for event in heard)

    def replayed(self, engine: Engine) -> None:
        """Run it again without an adapter: there is no difference."""
        state, _ = engine.start(SEED, self.started)
        for event, actions in self.steps:
            # From the bytes, as from a journal: not from what had been read of them beforehand.
            bare = replace(event, message=None) if isinstance(event, DatagramReceived) else event
            state, again = engine.step(state, bare)
            assert again == actions
        assert state == self.state

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

    def tap(event: Event, actions: tuple[Action, ...]) -> None:
        if run.state is None:
            run.steps.append((event, actions))

    async def main() -> None:
        async with adapter.serving(engine, tap=tap, seed=SEED, **options) as server:
            run.started = server.started
            await script(server)
            run.state = server.state

    adapter.run(main)
    return run


def free_ports(many: int) -> Sequence[int]:
    """Ports that are free for TCP and UDP, out of the range that the kernel takes from itself."""
    found: list[int] = []
    with ExitStack() as held:
        for port in range(20_000 + os.getpid() % 10_000, 65_536):
            if len(found) == many:
                break
            try:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    sock = held.enter_context(socket.socket(socket.AF_INET, kind))
                    sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    return found
