"""``serve``: an engine at work on asyncio."""

from collections.abc import Callable
from contextlib import closing
from typing import TypeVar, Unpack

from sansip_adapter.server import Core, Options, Server
from sansip_asyncio.loop import AsyncioLoop

StateT = TypeVar("StateT")


async def serve(
    engine: Core[StateT],
    *,
    started: Callable[[Server[StateT]], object] | None = None,
    **options: Unpack[Options],
) -> None:
    """Give ``engine`` sockets, a clock and a resolver until cancelled.

    The options are those of ``sansip_adapter.server.Options``. ``started`` is called with the
    ``Server`` once all is open. Raises ``EndpointError`` when an endpoint cannot be opened.
    """
    loop = AsyncioLoop()
    try:
        with closing(Server(loop, engine, **options)) as server:
            server.start()
            if started is not None:
                started(server)
            await loop.over
    finally:
        await loop.end()
