"""asyncio, as ``sansip_adapter.loop.Loop`` wants it."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from math import ceil, inf
from selectors import EVENT_READ, EVENT_WRITE
from socket import socket
from typing import Any, TypeVar

from sansip_adapter.loop import Call, Stop
from sansip_asyncio.nest import Nest

T = TypeVar("T")


class AsyncioLoop:
    """The running loop. ``over`` is done once a callback has raised: ``end`` raises that."""

    backend = "asyncio"

    def __init__(self) -> None:
        self._loop = loop = asyncio.get_running_loop()
        if type(loop).add_reader is asyncio.AbstractEventLoop.add_reader:
            raise RuntimeError(
                f"{type(loop).__name__} cannot watch sockets: it has no add_reader; "
                "run serve on a loop that has, like asyncio.SelectorEventLoop or uvloop"
            )
        self.now = loop.time
        self.over: asyncio.Future[None] = loop.create_future()
        self._error: BaseException | None = None
        self._tasks: set[asyncio.Task[object]] = set()
        self._alarms: list[Stop] = []
        own = isinstance(loop, asyncio.SelectorEventLoop)
        self._nest = None if own else Nest(loop, self._guarded)
        # The clock of uvloop has whole milliseconds, and it rounds to them: down too, and whom it
        # wakes too early can do nothing but have it round again, until the time has come.
        self._milliseconds = not own

    def reading(self, sock: socket, ready: Call) -> Stop:
        """Call when something can be read."""
        number = sock.fileno()
        if self._nest is not None:
            return self._nest.watch(number, EVENT_READ, ready)
        self._loop.add_reader(number, self._guarded, ready)
        return partial(self._loop.remove_reader, number)

    def writing(self, sock: socket, ready: Call) -> Stop:
        """Call when something can be written."""
        number = sock.fileno()
        if self._nest is not None:
            return self._nest.watch(number, EVENT_WRITE, ready)
        self._loop.add_writer(number, self._guarded, ready)
        return partial(self._loop.remove_writer, number)

    def later(self, due: float, call: Call) -> Stop:
        """Call once, later."""
        return self._call_at(due, call).cancel

    def _call_at(self, due: float, call: Call) -> asyncio.TimerHandle:
        if self._milliseconds:
            due = ceil(due * 1000 - 0.001) / 1000  # a float may be a trifle too much
        return self._loop.call_at(due, self._guarded, call)

    def alarm(self, ring: Callable[[], float]) -> Callable[[float], None]:
        """Keep time for one who has many timers."""
        first = inf
        handle: asyncio.TimerHandle | None = None

        def wake_at(due: float) -> None:
            nonlocal first, handle
            if due < first:
                first = due
                stop()
                handle = self._call_at(due, rung)

        def stop() -> None:
            if handle is not None:
                handle.cancel()

        def rung() -> None:
            nonlocal first
            first = -inf  # until it has said the next time itself
            due = ring()
            first = inf
            wake_at(due)

        self._alarms.append(stop)
        return wake_at

    def spawn(self, work: Callable[[], Coroutine[Any, Any, object]], until: float = inf) -> Stop:
        """Run something that waits."""
        # Not by the loop's factory, which may be eager: nothing happens before this has returned.
        task = asyncio.Task(work(), loop=self._loop)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        if until < inf:
            clock = self._loop.call_at(until, task.cancel)
            task.add_done_callback(lambda _: clock.cancel())
        return task.cancel

    async def end(self) -> None:
        """Cancel what was spawned, wait until it has ended, and raise what a callback raised."""
        for stop in self._alarms:
            stop()
        if self._nest is not None:
            self._nest.close()
        for task in self._tasks:
            task.cancel()
        while self._tasks:
            with suppress(asyncio.CancelledError):  # whoever cancels us again has to wait, too
                await asyncio.wait(self._tasks)
        if self._error is not None:
            raise self._error

    def finish(self) -> None:
        """Let ``over`` be done."""
        if not self.over.done():
            self.over.set_result(None)

    def _guarded(self, call: Call) -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - whoever serves raises it
            self._break(error)

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._tasks.remove(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._break(error)

    def _break(self, error: BaseException) -> None:
        if self._error is None:  # what comes of the first is of no interest
            self._error = error
        self.finish()


def run(begin: Callable[[AsyncioLoop, Callable[[T], object]], None]) -> T:
    """Run a loop: ``begin(loop, done)`` begins something, ``done(result)`` ends it."""
    results: list[T] = []

    async def main() -> None:
        loop = AsyncioLoop()

        def done(result: T) -> None:
            results.append(result)
            loop.finish()

        try:
            begin(loop, done)
            await loop.over
        finally:
            await loop.end()

    asyncio.run(main())
    return results[0]
