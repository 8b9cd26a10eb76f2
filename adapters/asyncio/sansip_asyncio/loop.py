"""asyncio, as ``sansip_adapter.loop.Loop`` wants it."""

import asyncio
import select
from collections.abc import Callable, Coroutine
from functools import partial
from math import inf
from socket import SOCK_DGRAM, socket
from typing import Any, TypeVar

from sansip_adapter.loop import Call, Stop, nothing

T = TypeVar("T")


class AsyncioLoop:
    """The running loop. ``over`` gets the first thing that a callback raises."""

    backend = "asyncio"

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self.over: asyncio.Future[None] = self._loop.create_future()
        self._tasks: set[asyncio.Task[object]] = set()
        self._stop_alarm: Stop = nothing
        # uvloop stops watching a UDP socket after its first ICMP error, but not one that an epoll
        # of ours watches.
        self._nests = not isinstance(self._loop, asyncio.SelectorEventLoop)

    def reading(self, sock: socket, ready: Call) -> Stop:
        """Call when something can be read."""
        if self._nests and sock.type == SOCK_DGRAM:
            return self._nested(sock, ready)
        number = sock.fileno()
        self._loop.add_reader(number, self._guarded, ready)
        return partial(self._loop.remove_reader, number)

    def _nested(self, sock: socket, ready: Call) -> Stop:
        poll = select.epoll()
        poll.register(sock, select.EPOLLIN)
        self._loop.add_reader(poll.fileno(), self._guarded, ready)

        def stop() -> None:
            self._loop.remove_reader(poll.fileno())
            poll.close()

        return stop

    def writing(self, sock: socket, ready: Call) -> Stop:
        """Call when something can be written."""
        number = sock.fileno()
        self._loop.add_writer(number, self._guarded, ready)
        return partial(self._loop.remove_writer, number)

    def later(self, due: float, call: Call) -> Stop:
        """Call once, later."""
        return self._loop.call_at(due, self._guarded, call).cancel

    def alarm(self, ring: Callable[[], float]) -> Callable[[float], None]:
        """Keep time for one who has many timers."""
        first = inf

        def wake_at(due: float) -> None:
            nonlocal first
            if due < first:
                first = due
                self._stop_alarm()
                self._stop_alarm = self._loop.call_at(due, self._guarded, rung).cancel

        def rung() -> None:
            nonlocal first
            first = -inf  # until it has said the next time itself
            due = ring()
            first = inf
            wake_at(due)

        return wake_at

    def spawn(self, work: Callable[[], Coroutine[Any, Any, object]], until: float = inf) -> Stop:
        """Run something that waits."""
        task = self._loop.create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        if until < inf:
            clock = self._loop.call_at(until, task.cancel)
            task.add_done_callback(lambda _: clock.cancel())
        return task.cancel

    async def end(self) -> None:
        """Cancel what was spawned, and wait until it has ended."""
        self._stop_alarm()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

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
        if not self.over.done():
            self.over.set_exception(error)


def run(begin: Callable[[AsyncioLoop, Callable[[T], object]], None]) -> T:
    """Run a loop: ``begin(loop, done)`` begins something, ``done(result)`` ends it."""
    results: list[T] = []

    async def main() -> None:
        loop = AsyncioLoop()

        def done(result: T) -> None:
            results.append(result)
            loop.over.set_result(None)

        try:
            begin(loop, done)
            await loop.over
        finally:
            await loop.end()

    asyncio.run(main())
    return results[0]
