"""The adapters under test, each with its event loop: one test for all of them, written on anyio."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import anyio
import anyio.abc

import sansip_asyncio
import sansip_trio
from sansip_adapter.server import Core, Server

T = TypeVar("T")
StateT = TypeVar("StateT")
PATIENCE = 10.0  # seconds for a test; all of them need far less


@dataclass(frozen=True)
class Adapter:
    """An adapter, and how to run something on its loop."""

    name: str
    options: dict[str, object] = field(default_factory=dict[str, object])  # of anyio's backend

    @property
    def loop(self) -> str:
        """What anyio calls the loop."""
        return "trio" if self.name == "trio" else "asyncio"

    def run(self, main: Callable[[], Awaitable[T]]) -> T:
        """Run an async function to its end."""

        async def bounded() -> T:
            with anyio.fail_after(PATIENCE):
                return await main()

        return anyio.run(bounded, backend=self.loop, backend_options=dict(self.options))

    async def serve(
        self,
        engine: Core[StateT],
        *,
        task_status: anyio.abc.TaskStatus[Server[StateT]] = anyio.TASK_STATUS_IGNORED,
        **options: Any,  # noqa: ANN401
    ) -> None:
        """Serve until cancelled."""
        if self.loop == "trio":
            await sansip_trio.serve(engine, task_status=task_status, **options)
        else:
            await sansip_asyncio.serve(engine, started=task_status.started, **options)

    @asynccontextmanager
    async def serving(
        self, engine: Core[StateT], **options: Any  # noqa: ANN401
    ) -> AsyncGenerator[Server[StateT]]:
        """Serve as long as the block lasts."""
        async with anyio.create_task_group() as group:
            yield await group.start(partial(self.serve, engine, **options))
            group.cancel_scope.cancel()


def adapters() -> list[Adapter]:
    """All adapters; asyncio with uvloop too, where that is installed."""
    found = [Adapter("trio"), Adapter("asyncio")]
    try:
        import uvloop  # noqa: F401, PLC0415
    except ImportError:
        return found
    return [*found, Adapter("uvloop", {"use_uvloop": True})]
