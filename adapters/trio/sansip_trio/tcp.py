"""TCP: a listener for each endpoint, and the connections that peers or we have opened.

Each connection has one task, which reads it, and which alone says that it is over: whoever finds it
broken when sending shuts it down, and the reader tells what still came before it finds the end. So
nothing that a peer has said is lost, and ``FlowClosed`` comes once, after all that was not sent has
come back as ``SendFailed``.

A send never waits. What the kernel does not take at once is kept, within a bound, and sent by a
second task that lives until all is gone: who does not read cannot hold up anybody else.
"""

import os
import resource
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import count

import trio

from sansip import (
    Address,
    CloseFlow,
    FlowClosed,
    FlowOpened,
    OpenFlow,
    Send,
    SendFailed,
    StreamReceived,
)
from sansip_trio.endpoints import UNSENDABLE, in_words, not_opened

BATCH = 64  # connections that are accepted at once: then it is the others' turn
BACKLOG = 1024  # connections that wait in the kernel until we accept them
CHUNK = 65_536  # bytes that are read at once
WAITING = 1 << 20  # bytes that may wait here for a peer that does not read
LAST_WORDS = 5.0  # seconds in which all that was sent before a CloseFlow is to arrive
PAUSE = 0.1  # seconds until the next try, when accepting fails

# A peer that went without a word would hold its place for ever: it is asked after two minutes of
# silence, and what nobody acknowledges for half a minute ends its connection. Where the system has
# these options; the last is in milliseconds.
ALIVE = (("TCP_KEEPIDLE", 120), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4),
         ("TCP_USER_TIMEOUT", 30_000))  # fmt: skip
IP_BIND_ADDRESS_NO_PORT = 24  # a Linux constant that Python does not name

Fact = FlowOpened | StreamReceived | FlowClosed | SendFailed
Feed = Callable[[Fact], None]
Now = Callable[[], float]
Lost = Callable[[str, str], None]
Spawn = Callable[..., None]


class Connections:
    """All connections of a server, by the numbers of their flows."""

    def __init__(self, feed: Feed, now: Now, lost: Lost, spawn: Spawn) -> None:
        """``feed`` takes events, ``lost`` (endpoint, text) for reports; ``spawn`` starts tasks."""
        self._feed, self._now, self._lost, self._spawn = feed, now, lost, spawn
        self._numbers = count(1)
        self._listeners: dict[str, Listener] = {}
        self._opening: dict[int, trio.CancelScope] = {}
        self._open: dict[int | None, _Connection] = {}

    def listen(self, name: str, bind: Address) -> "Listener":
        """Open an endpoint."""
        listener = Listener(name, bind, self._lost, self._accepted, self.send)
        self._listeners[name] = listener
        return listener

    def open(self, order: OpenFlow) -> None:
        """Open a connection."""
        scope = self._opening[order.flow] = trio.CancelScope()
        self._spawn(self._connect, order, scope)

    def close(self, order: CloseFlow) -> None:
        """Close a connection; or do not open it any more."""
        scope = self._opening.pop(order.flow, None)
        connection = self._open.pop(order.flow, None)
        if scope is not None:
            scope.cancel()
        if connection is not None:
            connection.finish()

    def send(self, order: Send) -> None:
        """Send over the connection that the order names, if it is still there."""
        connection = self._open.get(order.flow)
        if connection is None:
            self._feed(failed(self._now(), order, "the connection is closed"))
        else:
            connection.send(order)

    def _accepted(self, *connection: object) -> None:
        self._spawn(self._keep, next(self._numbers), *connection)

    async def _connect(self, order: OpenFlow, scope: trio.CancelScope) -> None:
        sock, reason, local = None, "", order.remote
        with scope:
            try:
                here = self._listeners[order.endpoint].address
                sock, local = await connect(here.host, order.remote)
            except UNSENDABLE as error:
                reason = in_words(error)
        if self._opening.pop(order.flow, None) is None:  # CloseFlow came
            if sock is not None:
                sock.close()
        elif sock is None:
            self._feed(FlowClosed(self._now(), order.flow, reason))
        else:
            await self._keep(order.flow, order.endpoint, sock, order.remote, local)

    async def _keep(
        self, flow: int, endpoint: str, sock: socket.socket, remote: Address, local: Address
    ) -> None:
        """Tell of a connection, and have it as long as it lives."""
        connection = _Connection(flow, sock, self._feed, self._now, self._spawn)
        with sock:
            self._open[flow] = connection
            self._feed(FlowOpened(self._now(), flow, endpoint, remote, local))
            await connection.read()
        if self._open.pop(flow, None) is not None:  # else nobody asks any more
            self._feed(FlowClosed(self._now(), flow, connection.fault))


class Listener:
    """The listening socket of an endpoint."""

    def __init__(
        self,
        name: str,
        bind: Address,
        lost: Lost,
        accepted: Callable[[str, socket.socket, Address, Address], None],
        send: Callable[[Send], None],
    ) -> None:
        """Bind and listen; ``accepted`` takes (endpoint, socket, remote, local)."""
        self._name, self._lost, self._accepted, self.send = name, lost, accepted, send
        family = family_of(bind.host)
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._socket.setblocking(False)
            # Else a restart fails while connections of the last run linger.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self._socket.bind((bind.host, bind.port))
            self._socket.listen(BACKLOG)
        except OSError as error:
            self._socket.close()
            raise not_opened(name, error, "t") from error
        self.address = local_of(self._socket)

    def close(self) -> None:
        """Close; nobody may be reading any more."""
        self._socket.close()

    async def read(self) -> None:
        """Accept what comes, for ever."""
        wrong = ""
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            before, wrong = wrong, self._accept()
            if wrong:
                # No file descriptors, mostly. The socket stays readable: without a pause this loop
                # would spin, and it says so only once.
                if wrong != before:
                    self._lost(self._name, f"cannot accept connections: {wrong}")
                await trio.sleep(PAUSE)

    def _accept(self) -> str:
        """Accept a batch; say what is wrong, if anything."""
        for _ in range(BATCH):
            try:
                sock, source = self._socket.accept()
            except BlockingIOError:
                break
            except ConnectionAbortedError:  # the peer has thought better of it
                continue
            except OSError as error:
                return in_words(error)
            if sock.fileno() >= most_files():
                sock.close()
                return "too many open files; the last quarter is kept for our own connections"
            try:
                prepare(sock)
                local = local_of(sock)
            except OSError:  # it is gone already
                sock.close()
            else:
                self._accepted(self._name, sock, Address(source[0], source[1]), local)
        return ""


class _Connection:
    """A connection that is open."""

    def __init__(
        self, number: int, sock: socket.socket, feed: Feed, now: Now, spawn: Spawn
    ) -> None:
        self.fault = ""  # why nothing more goes over it
        self._number, self._socket = number, sock
        self._feed, self._now, self._spawn = feed, now, spawn
        self._waiting: deque[Send] = deque()  # the first may have been sent in part
        self._sent = 0  # so many bytes of it
        self._size = 0  # bytes of all that waits
        self._used = self._finishing = False
        self._scope = trio.CancelScope()

    async def read(self) -> None:
        """Tell what comes, until the end."""
        with self._scope:
            reason = await self._read()
            self.fault = self.fault or reason
        self.fault = self.fault or "closed"
        trio.lowlevel.notify_closing(self._socket)  # the writer's wait is over
        self._socket.close()
        self._give_back()

    async def _read(self) -> str:
        receive, feed, now, number = self._socket.recv, self._feed, self._now, self._number
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                data = receive(CHUNK)
            except BlockingIOError:
                continue
            except OSError as error:
                return in_words(error)
            if not data:
                return "closed by the peer"
            if not self._finishing:
                feed(StreamReceived(now(), number, data))

    def send(self, order: Send) -> None:
        """Send at once what the kernel takes, and the rest when it takes more."""
        self._waiting.append(order)
        self._size += len(order.data)
        if self.fault:
            self._give_back()
        elif len(self._waiting) == 1:
            self._used = True
            self._drain()
            if self._waiting:
                self._spawn(self._write)
        elif self._size > WAITING:
            self._break(f"the peer does not read, and more than {WAITING} bytes wait for it")

    def finish(self) -> None:
        """Close, when all that waits has been sent and the peer has read it, or time is up.

        Closing at once would throw away what waits; and what was sent too, if the peer still sends
        something: the kernel then resets the connection (RFC 2525 2.17).
        """
        self._finishing = True
        if not self._used:
            self._scope.cancel()
            return
        self._scope.deadline = self._now() + LAST_WORDS
        if not self._waiting:
            self._shut(socket.SHUT_WR)

    async def _write(self) -> None:
        # At the end of the server the reader may close the socket before this has begun.
        while self._waiting and self._socket.fileno() >= 0:
            try:
                await trio.lowlevel.wait_writable(self._socket)
            except trio.ClosedResourceError:
                return
            self._drain()
        if self._finishing:
            self._shut(socket.SHUT_WR)

    def _drain(self) -> None:
        waiting = self._waiting
        while waiting:
            data = waiting[0].data
            try:
                sent = self._socket.send(memoryview(data)[self._sent :] if self._sent else data)
            except BlockingIOError:
                return
            except OSError as error:
                self._break(in_words(error))
                return
            self._sent += sent
            if self._sent == len(data):
                waiting.popleft()
                self._size -= len(data)
                self._sent = 0

    def _break(self, reason: str) -> None:
        """Nothing more can be sent; the reader finds the end."""
        self.fault = reason
        self._shut(socket.SHUT_RDWR)
        self._give_back()

    def _shut(self, how: int) -> None:
        with suppress(OSError):  # it is shut, or reset: the reader hears of it
            self._socket.shutdown(how)

    def _give_back(self) -> None:
        while self._waiting:
            order = self._waiting.popleft()
            self._feed(failed(self._now(), order, self.fault))


async def connect(host: str, remote: Address) -> tuple[socket.socket, Address]:
    """Open a connection from any port of ``host``; give it, and its local address."""
    family = family_of(host)
    # The core's addresses are numeric; a name would block the loop in the C library.
    socket.inet_pton(family, remote.host)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        prepare(sock)
        with suppress(OSError):
            # The port when the peer is known: each peer then has all the ports, not its share.
            sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((host, 0))
        with suppress(BlockingIOError):
            sock.connect((remote.host, remote.port))
        await trio.lowlevel.wait_writable(sock)
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))  # noqa: TRY301
        return sock, local_of(sock)
    except BaseException:
        sock.close()
        raise


def prepare(sock: socket.socket) -> None:
    """Set what every connection needs."""
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, number in ALIVE:
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), number)


def most_files() -> float:
    """How many files peers may make us have open: a quarter is left for DNS and for gateways."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return float("inf") if most == resource.RLIM_INFINITY else most * 3 // 4


def family_of(host: str) -> socket.AddressFamily:
    """The family of a numeric address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def local_of(sock: socket.socket) -> Address:
    """The address that a socket is bound to."""
    host, port = sock.getsockname()[:2]
    return Address(host, port)


def failed(at: float, order: Send, reason: str) -> SendFailed:
    """Say that something could not be sent."""
    return SendFailed(at, order.endpoint, order.remote, reason, order.id, order.data)
