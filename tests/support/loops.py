"""The adapters under test, each with its event loop: one test for all of them, written on anyio."""

import asyncio
import gc
import selectors
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeVar

import anyio
import anyio.abc
import trio.testing

import sansip_asyncio
import sansip_trio
from sansip_adapter.loop import Loop
from sansip_adapter.server import Core, Server
from sansip_asyncio.loop import AsyncioLoop
from sansip_trio.loop import TrioLoop

T = TypeVar("T")
StateT = TypeVar("StateT")
PATIENCE = 10.0  # seconds for a test; all of them need far less
TURNS = 32  # of a loop: no chain of things that each are ready at once is longer


class Clock(Protocol):
    """A clock that somebody may put forward."""

    def jump(self, seconds: float) -> None: ...


@dataclass(frozen=True)
class Adapter:
    """An adapter, and how to run something on its loop."""

    name: str
    options: dict[str, object] = field(default_factory=dict[str, object])  # of anyio's backend
    patience: float | None = PATIENCE
    strict: bool = False  # asyncio looks for mistakes, and garbage must not complain either

    @property
    def loop(self) -> str:
        """What anyio calls the loop."""
        return "trio" if self.name == "trio" else "asyncio"

    def run(self, main: Callable[[], Awaitable[T]]) -> T:
        """Run an async function to its end. It must have left nothing on the loop."""
        complaints: list[dict[str, Any]] = []
        options = dict(self.options)
        if self.strict and self.loop == "asyncio":
            options["debug"] = True

        async def bounded() -> T:
            if self.loop == "asyncio":
                running = asyncio.get_running_loop()
                running.set_exception_handler(lambda _, context: complaints.append(context))
            with anyio.fail_after(self.patience):
                result = await main()
            if self.loop == "asyncio":
                assert_empty()
            return result

        result = anyio.run(bounded, backend=self.loop, backend_options=options)
        if self.strict:
            gc.collect()
        assert not complaints
        return result

    def with_options(self, **options: object) -> "Adapter":
        """The same, with other options of anyio's backend."""
        return replace(self, options={**self.options, **options})

    def strictly(self) -> "Adapter":
        """The same, with nothing forgiven."""
        return replace(self, strict=True)

    def in_virtual_time(self) -> tuple["Adapter", Clock]:
        """The same where it is later as soon as nobody has anything to do, and the clock."""
        assert self.name != "uvloop", "its clock is its own"
        if self.loop == "trio":
            clock = trio.testing.MockClock(autojump_threshold=0)
            return replace(self.with_options(clock=clock), patience=None), clock
        jumper = JumpingSelector()
        factory = partial(JumpingLoop, jumper)
        return replace(self.with_options(loop_factory=factory), patience=None), jumper

    async def serve(
        self,
        engine: Core[StateT],
        *,
        task_status: anyio.abc.TaskStatus[Server[StateT]] = anyio.TASK_STATUS_IGNORED,
        **options: Any,  # noqa: ANN401
    ) -> None:
        """Serve until cancelled."""
        if self.loop == "trio":
            status: Any = task_status  # anyio's is not typed as trio's
            await sansip_trio.serve(engine, task_status=status, **options)
        else:
            await sansip_asyncio.serve(engine, started=task_status.started, **options)

    @asynccontextmanager
    async def serving(
        self,
        engine: Core[StateT],
        **options: Any,  # noqa: ANN401
    ) -> AsyncGenerator[Server[StateT]]:
        """Serve as long as the block lasts."""
        async with anyio.create_task_group() as group:
            yield await group.start(partial(self.serve, engine, **options))
            group.cancel_scope.cancel()

    @asynccontextmanager
    async def looping(self) -> AsyncGenerator[Loop]:
        """What ``serve`` gives a server: the loop, as long as the block lasts."""
        if self.loop == "trio":
            ours = TrioLoop()
            async with trio.open_nursery() as ours.nursery:
                yield ours
                ours.nursery.cancel_scope.cancel()
        else:
            theirs = AsyncioLoop()
            scope = anyio.CancelScope()
            theirs.over.add_done_callback(lambda _: scope.cancel())
            try:
                with scope:
                    yield theirs
            finally:
                await theirs.end()


def adapters() -> list[Adapter]:
    """All adapters; asyncio with uvloop too, where that is installed."""
    found = [Adapter("trio"), Adapter("asyncio")]
    try:
        import uvloop  # noqa: F401, PLC0415  # pyright: ignore[reportUnusedImport]
    except ImportError:
        return found
    return [*found, Adapter("uvloop", {"use_uvloop": True})]


async def settle(_server: object = None) -> None:
    """Let the loop go round until all has been done that can be done without waiting."""
    for _ in range(TURNS):
        await anyio.lowlevel.checkpoint()


async def until(so: Callable[[], object]) -> None:
    """Wait until something is so that another thread, or the kernel, brings about."""
    while not so():  # noqa: ASYNC110 - who brings it about knows no events
        await anyio.sleep(0.001)


def assert_empty() -> None:
    """Nobody is left on asyncio's loop but whoever asks."""
    loop: Any = asyncio.get_running_loop()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    assert not tasks
    # uvloop does not show the rest.
    assert [handle for handle in getattr(loop, "_scheduled", ()) if not handle.cancelled()] == []
    selector: selectors.BaseSelector | None = getattr(loop, "_selector", None)
    assert selector is None or len(selector.get_map()) == 1  # the loop's own


class JumpingSelector(selectors.DefaultSelector):
    """Waits for nobody: where nothing is ready it is later, at once."""

    now = 1000.0

    def jump(self, seconds: float) -> None:
        self.now += seconds

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:
            ready = super().select(PATIENCE)
            assert ready, "nobody will ever do anything"
            return ready
        self.jump(timeout)
        return []


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self, selector: JumpingSelector) -> None:
        self._jumper = selector
        super().__init__(selector)

    def time(self) -> float:
        return self._jumper.now
