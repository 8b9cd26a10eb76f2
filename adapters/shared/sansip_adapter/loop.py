"""What an event loop must be able to do so that a ``Server`` can run on it.

Everything happens in the loop's one thread, in callbacks that never wait. What a callback raises is
a mistake, ours or of the embedding program: it ends whoever serves, and is not to be swallowed.
"""

from collections.abc import Callable, Coroutine
from math import inf
from socket import socket
from typing import Any, Protocol

Call = Callable[[], object]
Stop = Callable[[], object]
"""Ends what was begun: nothing is called after it, but that work which is running goes on until it
waits again. It is called once at most, and before the socket in question is closed."""


def nothing() -> None:
    """Stop nothing: what a ``Stop`` is while nothing goes on."""


class Loop(Protocol):
    """An event loop, as far as we need one."""

    @property
    def backend(self) -> str:
        """What dnspython calls this loop: "trio" or "asyncio"."""
        ...

    def now(self) -> float:
        """Seconds, on a clock that never goes back."""
        ...

    def reading(self, sock: socket, ready: Call) -> Stop:
        """Call ``ready`` whenever there is something to read, or an error, until stopped."""
        ...

    def writing(self, sock: socket, ready: Call) -> Stop:
        """Call ``ready`` whenever something can be written, until stopped."""
        ...

    def later(self, due: float, call: Call) -> Stop:
        """Call once, at ``due`` or soon after, but never at once."""
        ...

    def alarm(self, ring: Callable[[], float]) -> Callable[[float], object]:
        """Keep time for one who has many timers.

        ``ring`` is called when the time comes, and gives the next time (``inf``: none). What is
        returned here makes that earlier: it takes a time, and is called for every timer.
        """
        ...

    def spawn(self, work: Callable[[], Coroutine[Any, Any, object]], until: float = inf) -> Stop:
        """Run something that waits; stopping cancels it, and so does the end of its time."""
        ...
