"""trio, as ``sansip_adapter.loop.Loop`` wants it: callbacks are called by tasks of a nursery."""

from collections.abc import Awaitable, Callable, Coroutine
from math import inf
from socket import socket
from typing import Any, TypeVar

import trio

from sansip_adapter.loop import Call, Stop

T = TypeVar("T")


class TrioLoop:
    """Callbacks by tasks of ``nursery``: what they raise ends it, and its end stops them all."""

    backend = "trio"
    nursery: trio.Nursery
    """To be set before anything is begun, and after a server has been made: what goes wrong there
    is then raised as it is, and in no group."""

    def __init__(self) -> None:
        self.now = trio.lowlevel.current_clock().current_time

    def reading(self, sock: socket, ready: Call) -> Stop:
        """Call when something can be read."""
        return self._watch(trio.lowlevel.wait_readable, sock, ready)

    def writing(self, sock: socket, ready: Call) -> Stop:
        """Call when something can be written."""
        return self._watch(trio.lowlevel.wait_writable, sock, ready)

    def _watch(self, wait: Callable[[socket], Awaitable[None]], sock: socket, ready: Call) -> Stop:
        scope = trio.CancelScope()

        async def watch() -> None:
            with scope:
                # It may be stopped before it has begun, by what it has called, or by somebody else
                # when it has been woken already: the socket is closed then.
                while not scope.cancel_called:
                    await wait(sock)
                    if not scope.cancel_called:
                        ready()

        self.nursery.start_soon(watch)
        return scope.cancel

    def later(self, due: float, call: Call) -> Stop:
        """Call once, later."""

        async def wait() -> None:
            await trio.sleep_until(due)
            call()

        return self.spawn(wait)

    def alarm(self, ring: Callable[[], float]) -> Callable[[float], None]:
        """Keep time for one who has many timers."""
        alarm = trio.CancelScope()

        async def keep_time() -> None:
            nonlocal alarm
            while True:
                alarm = trio.CancelScope(deadline=ring())
                with alarm:
                    await trio.sleep_forever()

        def wake_at(due: float) -> None:
            # Re-arming costs more than the timer. An alarm that has gone off has a deadline in the
            # past; whoever it woke will ask for the next time anyway.
            if due < alarm.deadline:  # noqa: PLR1730 (min() would always set it)
                alarm.deadline = due

        self.nursery.start_soon(keep_time)
        return wake_at

    def spawn(self, work: Callable[[], Coroutine[Any, Any, object]], until: float = inf) -> Stop:
        """Run something that waits."""
        scope = trio.CancelScope(deadline=until)

        async def within() -> None:
            with scope:
                await work()

        self.nursery.start_soon(within)
        return scope.cancel


def run(begin: Callable[[TrioLoop, Callable[[T], object]], None]) -> T:
    """Run a loop: ``begin(loop, done)`` begins something, ``done(result)`` ends it."""
    results: list[T] = []

    async def main() -> None:
        async with trio.open_nursery() as nursery:

            def done(result: T) -> None:
                results.append(result)
                nursery.cancel_scope.cancel()

            loop = TrioLoop()
            loop.nursery = nursery
            begin(loop, done)

    trio.run(main)
    return results[0]
