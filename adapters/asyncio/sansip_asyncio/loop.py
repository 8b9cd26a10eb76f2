"""asyncio, as ``sansip_adapter.loop.Loop`` wants it."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from math import inf
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from socket import socket
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
        ordinary = isinstance(self._loop, asyncio.SelectorEventLoop)
        self._nest = None if ordinary else Nest(self._loop, self._guarded)

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
        if self._nest is not None:
            self._nest.close()
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


class Nest:
    """Sockets that a selector of ours watches, which the loop watches: for loops like uvloop.

    uvloop watches a socket no more once it has told of an error, though there may be more to read:
    a UDP socket would be deaf after its first ICMP error, and a connection that is reset right
    after its last bytes would never be found broken.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, guarded: Callable[[Call], object]) -> None:
        self._loop, self._selector = loop, DefaultSelector()
        self._number = self._selector.fileno()
        loop.add_reader(self._number, guarded, self._ready)

    def watch(self, number: int, event: int, ready: Call) -> Stop:
        """Call when this socket is ready for this."""
        key = self._selector.get_map().get(number)
        if key is None:
            self._selector.register(number, event, {event: ready})
        else:
            self._selector.modify(number, key.events | event, {**key.data, event: ready})
        return partial(self._leave, number, event)

    def _leave(self, number: int, event: int) -> None:
        key = self._selector.get_key(number)
        left = {other: ready for other, ready in key.data.items() if other != event}
        if left:
            self._selector.modify(number, key.events & ~event, left)
        else:
            self._selector.unregister(number)

    def _ready(self) -> None:
        there = self._selector.get_map()
        for key, events in self._selector.select(0):
            for event, ready in key.data.items():
                now = there.get(key.fd)  # what was called before may have stopped this
                if events & event and now is not None and now.data.get(event) is ready:
                    ready()

    def close(self) -> None:
        """Watch nothing any more."""
        self._loop.remove_reader(self._number)
        self._selector.close()


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
