"""What is at the other end of an adapter's sockets: the same on every loop, and with other code.

Sockets of the standard library that wait by anyio; TLS is ``ssl.SSLSocket``, where the adapters
have ``ssl.SSLObject``.
"""

import os
import socket
import ssl
import struct
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Self, TypeVar

import anyio
import anyio.lowlevel

from ports import free_port
from sansip import Address
from sansip_adapter.endpoints import family_of

T = TypeVar("T")
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets


class Peer:
    """A socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        if sock.type == socket.SOCK_STREAM:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is sent is sent
        self.sock = sock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> Address:
        host, port = self.sock.getsockname()[:2]
        return Address(host, port)

    @property
    def port(self) -> int:
        return self.address.port

    async def ready(self, call: Callable[[], T]) -> T:
        """Do something that waits for the other side to send."""
        while True:
            try:
                return call()
            except (BlockingIOError, ssl.SSLWantReadError):
                await anyio.wait_readable(self.sock)
            except ssl.SSLWantWriteError:
                await anyio.wait_writable(self.sock)

    async def recv(self, size: int = 65_536) -> bytes:
        try:
            return await self.ready(lambda: self.sock.recv(size))
        except ssl.SSLZeroReturnError:
            return b""  # a close_notify, after ours

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        while data:
            try:
                data = data[self.sock.send(data) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                await anyio.wait_writable(self.sock)

    async def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (more := await self.recv(size - len(data))):
            data += more
        return data

    async def read_all(self) -> bytes:
        """Read to the end."""
        return await self.read(1 << 30)

    async def sendto(self, data: bytes, to: Address) -> None:
        self.sock.sendto(data, (to.host, to.port))

    async def recvfrom(self) -> tuple[bytes, Address]:
        data, source = await self.ready(lambda: self.sock.recvfrom(65_536))
        return data, Address(*source[:2])

    async def accept(self) -> "Peer":
        return Peer((await self.ready(self.sock.accept))[0])

    async def secured(
        self, context: ssl.SSLContext, *, server_side: bool = False, name: str | None = None
    ) -> "Peer":
        """The same with TLS, once that has been agreed upon."""
        with self.sock as sock:
            secure = context.wrap_socket(
                sock,
                server_side,
                do_handshake_on_connect=False,
                suppress_ragged_eofs=False,  # an end without a close_notify is an error
                server_hostname=name,
            )
        peer = Peer(secure)
        try:
            await peer.ready(secure.do_handshake)
        except BaseException:
            peer.close()
            raise
        return peer

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.sock.close()

    def close(self) -> None:
        self.sock.close()


async def dial(where: Address, buffer: int | None = None, port: int = 0) -> Peer:
    """Connect as a peer does; with a small buffer, as one that has room for few bytes."""
    peer = Peer(socket.socket(family_of(where.host), socket.SOCK_STREAM))
    try:
        if buffer is not None:
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        if port:
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            peer.sock.bind(("127.0.0.1", port))
        if peer.sock.connect_ex((where.host, where.port)):
            await anyio.wait_writable(peer.sock)
        peer.sock.getpeername()  # raises if it is not connected
    except BaseException:
        peer.close()
        raise
    return peer


@contextmanager
def listening(host: str = "127.0.0.1", backlog: int = 100, port: int = 0) -> Generator[Peer]:
    with socket.socket(family_of(host), socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(backlog)
        yield Peer(sock)


@contextmanager
def bound(host: str = "127.0.0.1", port: int = 0) -> Generator[Peer]:
    """Give a UDP socket."""
    with socket.socket(family_of(host), socket.SOCK_DGRAM) as sock:
        sock.bind((host, port))
        yield Peer(sock)


def closed_port(host: str = "127.0.0.1") -> Address:
    """Where nobody listens, by UDP or TCP."""
    return Address(host, free_port(host))


def open_sockets() -> int:
    """How many sockets this process has open, and what watches them."""
    count = 0
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - names, of which one is gone again
        with suppress(OSError):
            what = os.readlink(f"/dev/fd/{name}")  # noqa: PTH115
            count += what.startswith(("socket:", "anon_inode:[eventpoll]"))
    return count


async def sockets_closed(most: int) -> None:
    """Wait until no more than so many are open."""
    while open_sockets() > most:
        await anyio.lowlevel.checkpoint()
