"""Cores that a test writes, for adapters: they remember what they hear, and order what it says."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import trio
import trio.testing

from sansip import Action, Administered, Endpoint, Event, FlushCache
from sansip_trio import Server, serve

History = tuple[Event, ...]
Script = Callable[[Server[History]], Awaitable[None]]
Reaction = Callable[[Event], Iterable[Action]]
EventT = TypeVar("EventT")
HERE = Endpoint("udp", "127.0.0.1:0", advertise="192.0.2.10:5060")


class Settings:
    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self.endpoints = endpoints


class Puppet:
    """A core that remembers all events, and does what the test says."""

    def __init__(
        self,
        react: Reaction = lambda _: (),
        *,
        first: Sequence[Action] = (),
        endpoints: Sequence[Endpoint] = (HERE,),
    ) -> None:
        self.config = Settings(endpoints)
        self.react, self.first = react, tuple(first)
        self._heard = trio.Event()

    def start(self, seed: bytes, at: float) -> tuple[History, tuple[Action, ...]]:
        assert len(seed) >= 16
        assert at >= 0
        return (), self.first

    def step(self, state: History, event: Event) -> tuple[History, tuple[Action, ...]]:
        self._heard.set()
        return (*state, event), tuple(self.react(event))

    async def hears(
        self, server: Server[History], kind: type[EventT], many: int = 1
    ) -> list[EventT]:
        """Wait until so many of a kind have come."""
        while True:
            found: list[EventT] = [event for event in server.state if isinstance(event, kind)]
            if len(found) >= many:
                return found
            self._heard = trio.Event()
            await self._heard.wait()


class Scripted(Puppet):
    """A core whose next orders a test lays down."""

    def __init__(self, *orders: Action, endpoints: Sequence[Endpoint] = (HERE,)) -> None:
        super().__init__(self.follow, first=orders, endpoints=endpoints)
        self.orders: list[Action] = []

    def follow(self, event: Event) -> Iterable[Action]:
        if not isinstance(event, Administered):
            return ()
        orders, self.orders = self.orders, []
        return orders

    def do(self, server: Server[History], *orders: Action) -> None:
        self.orders = list(orders)
        tell(server)


def tell(server: Server[History]) -> None:
    """Give the core an occasion to react."""
    server.step(lambda at: Administered(at, FlushCache()))


def run(
    core: Puppet,
    script: Script,
    nameservers: Sequence[str] = ("127.0.0.1:9",),
    **options: Any,  # noqa: ANN401
) -> History:
    """Serve while an async ``script`` runs; give all that the core heard."""

    async def main() -> History:
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                start = partial(serve, core, nameservers=nameservers, **options)
                server: Server[History] = await nursery.start(start)
                await script(server)
                nursery.cancel_scope.cancel()
        return server.state

    return trio.run(main)


async def settle(_server: Server[History]) -> None:
    await trio.testing.wait_all_tasks_blocked()
