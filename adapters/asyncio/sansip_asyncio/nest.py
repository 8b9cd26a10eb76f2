"""Watching sockets by a selector of ours, which the loop watches: for loops like uvloop."""

import asyncio
from collections.abc import Callable
from functools import partial
from selectors import DefaultSelector

from sansip_adapter.loop import Call, Stop


class Nest:
    """Sockets that are watched by a selector, which a loop watches.

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
