"""Cores that a test writes, for adapters: they remember what they hear, and order what it says."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

import anyio

from loops import Adapter
from sansip import Action, Administered, DatagramReceived, Endpoint, Event, FlushCache
from sansip_adapter.server import Server

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
        self._heard: anyio.Event | None = None

    def start(self, seed: bytes, at: float) -> tuple[History, tuple[Action, ...]]:
        assert len(seed) >= 16
        assert at >= 0
        return (), self.first

    def step(self, state: History, event: Event) -> tuple[History, tuple[Action, ...]]:
        if self._heard is not None:
            self._heard.set()
        assert not state or state[-1].at <= event.at  # time never goes back
        return (*state, event), tuple(self.react(event))

    def step_all(
        self, state: History, events: Sequence[DatagramReceived]
    ) -> tuple[History, list[tuple[Action, ...]]]:
        done: list[tuple[Action, ...]] = []
        for event in events:
            state, actions = self.step(state, event)
            done.append(actions)
        return state, done

    async def hears(
        self, server: Server[History], kind: type[EventT], many: int = 1
    ) -> list[EventT]:
        """Wait until so many of a kind have come."""
        while True:
            found: list[EventT] = [event for event in server.state if isinstance(event, kind)]
            if len(found) >= many:
                return found
            self._heard = anyio.Event()
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
    adapter: Adapter,
    core: Puppet,
    script: Script,
    nameservers: Sequence[str] = ("127.0.0.1:9",),
    **options: Any,  # noqa: ANN401
) -> History:
    """Serve while an async ``script`` runs; give all that the core heard."""

    async def main() -> History:
        async with adapter.serving(core, nameservers=nameservers, **options) as server:
            await script(server)
        return server.state

    return adapter.run(main)
