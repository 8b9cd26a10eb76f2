"""One UDP socket of the adapters without a server: what it tells, how often it wakes a loop."""

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio

from loops import Adapter, settle
from peers import Peer, bound
from sansip import Address, DatagramReceived, Send, SendFailed
from sansip_adapter.loop import Loop
from sansip_adapter.udp import UdpSocket

Fact = DatagramReceived | SendFailed


@contextmanager
def patient(host: str) -> Generator[Peer]:
    """Give a UDP socket that waits by itself, where no loop runs."""
    with bound(host) as peer:
        peer.sock.settimeout(5)
        yield peer


def order(remote: Address, data: bytes = b"data", id: str = "1") -> Send:
    return Send(id, "here", remote, None, data)


class Still:
    """A loop that has no use yet but its clock."""

    def __init__(self, loop: Loop | None) -> None:
        self.loop = loop

    def now(self) -> float:
        return 42.0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self.loop, name)


class Opened:
    """A socket of ours, and what it told."""

    def __init__(self, host: str, port: int = 0, loop: Loop | None = None) -> None:
        self.facts: list[Fact] = []
        self.reports: list[tuple[str, str]] = []
        self.told: anyio.Event | None = None
        self.wakes = 0
        still: Any = Still(loop)
        self.udp = UdpSocket("here", Address(host, port), still, self.come, self.feed, self.report)

    def come(self, facts: Sequence[DatagramReceived]) -> None:
        for fact in facts:
            self.feed(fact)

    def feed(self, fact: Fact) -> None:
        self.facts.append(fact)
        if self.told is not None:
            self.told.set()

    def report(self, endpoint: str, text: str) -> None:
        self.reports.append((endpoint, text))

    def count_wakes(self) -> None:
        ready = self.udp.ready

        def counted() -> None:
            self.wakes += 1
            ready()

        self.udp.ready = counted  # type: ignore[method-assign]

    async def wait_for(self, count: int) -> list[Fact]:
        while len(self.facts) < count:
            self.told = anyio.Event()
            await self.told.wait()
        return self.facts


@contextmanager
def opened(host: str, loop: Loop | None = None) -> Generator[Opened]:
    here = Opened(host, loop=loop)
    try:
        yield here
    finally:
        here.udp.close()


@asynccontextmanager
async def reading(adapter: Adapter, host: str) -> AsyncGenerator[Opened]:
    async with adapter.looping() as loop:
        with opened(host, loop) as here:
            here.count_wakes()
            here.udp.start()
            yield here


async def idle_wakes(here: Opened) -> int:
    """How often the socket still wakes the loop, when all has been read."""
    await settle()
    before = here.wakes
    await settle()
    return here.wakes - before
