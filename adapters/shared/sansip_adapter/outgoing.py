"""What waits to be sent over a connection, because the kernel has not taken it yet; within bounds.

Many who do not read cannot have a megabyte each: when much waits in all connections together, there
is room for a message or so. For who reads, what waits is in the kernel's buffers, and little here.
"""

import socket
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from sansip import Send

WAITING = 1 << 20  # bytes that may wait here for a peer that does not read
COST = 256  # bytes that each piece of them counts for besides: many tiny ones cost far more
IN_ALL = 1 << 26  # bytes that wait in all connections when there is room for no more than LITTLE
LITTLE = 1 << 16


class Piece(NamedTuple):
    """Bytes that wait to be sent, and the order that they are of; None: TLS's own."""

    data: bytes
    order: Send | None


class Room:
    """How many bytes wait in all connections of a server together."""

    __slots__ = ("taken",)

    def __init__(self) -> None:
        self.taken = 0


class Outgoing:
    """The pieces that wait for one connection, in their order."""

    __slots__ = ("_pieces", "_room", "_sent", "_size")

    def __init__(self, room: Room) -> None:
        """``room`` is for all connections."""
        self._pieces: deque[Piece] = deque()  # the first may have been sent in part
        self._sent = 0  # so many bytes of it
        self._size = 0  # bytes of all of them, and what it costs to keep them
        self._room = room

    def __len__(self) -> int:
        return len(self._pieces)

    def append(self, piece: Piece) -> None:
        """Let it wait."""
        self._pieces.append(piece)
        self._count(len(piece.data) + COST)

    def overflow(self) -> int:
        """How many bytes may wait, if more do; else 0."""
        most = LITTLE if self._room.taken > IN_ALL else WAITING
        return most if self._size > most else 0

    def drain(self, sock: socket.socket) -> None:
        """Send what the kernel takes; raises ``OSError`` when it never will."""
        while self._pieces:
            data = self._pieces[0].data
            try:
                self._sent += sock.send(memoryview(data)[self._sent :] if self._sent else data)
            except BlockingIOError:
                return
            if self._sent == len(data):
                self._take_off()

    def take_back(self) -> Iterator[Send]:
        """Give the orders that have not been sent, while they are forgotten one by one."""
        while self._pieces:
            order = self._take_off().order
            if order is not None:
                yield order

    def _take_off(self) -> Piece:
        piece = self._pieces.popleft()
        self._count(-len(piece.data) - COST)
        self._sent = 0
        return piece

    def _count(self, change: int) -> None:
        self._size += change
        self._room.taken += change
