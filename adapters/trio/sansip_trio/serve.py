"""``serve``: an engine at work on trio."""

from contextlib import closing
from typing import TypeVar, Unpack

import trio

from sansip_adapter.server import Core, Options, Server
from sansip_trio.loop import TrioLoop

StateT = TypeVar("StateT")


async def serve(
    engine: Core[StateT],
    *,
    task_status: trio.TaskStatus[Server[StateT]] = trio.TASK_STATUS_IGNORED,
    **options: Unpack[Options],
) -> None:
    """Give ``engine`` sockets, a clock and a resolver until cancelled.

    The options are those of ``sansip_adapter.server.Options``. Under ``await nursery.start(...)``
    the value is a ``Server``, once all is open. Raises ``EndpointError`` when an endpoint cannot be
    opened.
    """
    loop = TrioLoop()
    with closing(Server(loop, engine, **options)) as server:
        async with trio.open_nursery() as loop.nursery:
            server.start()
            task_status.started(server)
            await trio.sleep_forever()
