"""TCP and TLS: a listener for each endpoint, and the connections that peers or we have opened."""

import resource
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count

from sansip import Address, CloseFlow, Endpoint, FlowClosed, OpenFlow, Send, SendFailed
from sansip.engine.hosts import share_of
from sansip_adapter.channel import Channel
from sansip_adapter.connection import Connection, Feed
from sansip_adapter.endpoints import (
    UNSENDABLE,
    EndpointError,
    Reporter,
    family_of,
    in_words,
    not_opened,
)
from sansip_adapter.loop import Loop, Stop, nothing
from sansip_adapter.outgoing import Room
from sansip_adapter.tls import Tls

BATCH = 64  # connections that are accepted at once: then it is the others' turn
BACKLOG = 1024  # connections that wait in the kernel until we accept them
PAUSE = 0.1  # seconds until the next try, when accepting fails
# Peers that have connected and not agreed on TLS yet, in all and from one IP address (of IPv6 from
# one /64): of them the core does not know, and each costs 60 kB.
HANDSHAKES = 4_000
HANDSHAKES_PER_SOURCE = 500

# A peer that went without a word would hold its place for ever: it is asked after two minutes of
# silence, and what nobody acknowledges for half a minute ends its connection. Where the system has
# these options; the last is in milliseconds.
ALIVE = (("TCP_KEEPIDLE", 120), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4),
         ("TCP_USER_TIMEOUT", 30_000))  # fmt: skip
IP_BIND_ADDRESS_NO_PORT = 24  # a Linux constant that Python does not name


class Connections:
    """All connections of a server, by the numbers of their flows."""

    def __init__(self, loop: Loop, feed: Feed, report: Reporter, tls: Tls | None) -> None:
        """``feed`` takes events."""
        self._tls = tls
        self._loop, self._feed, self._report = loop, feed, report
        self._numbers = count(1)
        self._hosts: dict[str, str] = {}  # that endpoints are bound to, by name
        self._known: dict[int | None, Connection] = {}  # those that the core may name
        self._room = Room()
        self._shaking: Counter[str] = Counter()  # who has begun TLS: how often, by address
        self._all: set[Connection] = set()  # and those that only have their last words to say

    def listen(self, endpoint: Endpoint) -> "Listener":
        """Open an endpoint."""
        accepted = self._accepted
        if endpoint.transport == "tls":
            _need_certificate(endpoint.name, self._tls)
            accepted = self._secured
        listener = Listener(endpoint, self._loop, self._report, accepted, self.send)
        self._hosts[endpoint.name] = endpoint.bind.host
        return listener

    def renew(self, tls: Tls) -> None:
        """Have these certificates from now on; connections that are open keep theirs."""
        for name in self._hosts:
            if name.startswith("tls:"):
                _need_certificate(name, tls)
        self._tls = tls

    def open(self, order: OpenFlow) -> None:
        """Open a connection."""
        channel = None
        if order.transport == "tls":
            tls = _need_certificate(order.endpoint, self._tls)
            channel = Channel(tls.client, server_side=False, name=order.name)
        try:
            sock = connecting(self._hosts[order.endpoint], order.remote)
        except UNSENDABLE as error:
            self._feed(FlowClosed(self._loop.now(), order.flow, in_words(error)))
        else:
            self._have(order.flow, order.endpoint, sock, order.remote, channel).connect()

    def close(self, order: CloseFlow) -> None:
        """Close a connection; or do not open it any more."""
        connection = self._known.pop(order.flow, None)
        if connection is not None:
            connection.finish()

    def close_all(self) -> None:
        """Close every connection at once, and tell nobody."""
        for connection in self._all:
            connection.drop()

    def send(self, order: Send) -> None:
        """Send over the connection that the order names, if it is still there."""
        connection = self._known.get(order.flow)
        if connection is not None and connection.is_open:
            connection.send(order)
            return
        at = self._loop.now()
        reason = "the connection is closed" if connection is None else "it is not open yet"
        self._feed(SendFailed(at, order.endpoint, order.remote, reason, order.id, order.data))

    def _accepted(self, endpoint: str, sock: socket.socket, remote: Address) -> None:
        self._have(next(self._numbers), endpoint, sock, remote, None).begin()

    def _secured(self, endpoint: str, sock: socket.socket, remote: Address) -> None:
        share = share_of(remote.host)
        if self._shaking.total() >= HANDSHAKES or self._shaking[share] >= HANDSHAKES_PER_SOURCE:
            sock.close()
            text = f"too many TLS handshakes at once, {self._shaking[share]} of them with {share}"
            self._report(endpoint, f"{remote}: {text}")
            return
        tls = _need_certificate(endpoint, self._tls)
        channel = Channel(tls.server, server_side=True)
        connection = self._have(next(self._numbers), endpoint, sock, remote, channel)
        self._shaking[share] += 1
        connection.agreed = partial(self._agreed, share)
        connection.begin()

    def _agreed(self, share: str) -> None:
        self._shaking[share] -= 1
        if not self._shaking[share]:
            del self._shaking[share]

    def _have(
        self, flow: int, endpoint: str, sock: socket.socket, remote: Address,
        channel: Channel | None,
    ) -> Connection:  # fmt: skip
        connection = Connection(
            flow, endpoint, sock, remote, channel, self._loop, self._feed, self._over, self._room
        )
        self._known[flow] = connection
        self._all.add(connection)
        return connection

    def _over(self, connection: Connection) -> None:
        self._all.remove(connection)
        if self._known.pop(connection.flow, None) is None:
            return  # nobody asks any more
        if connection.flow < 0 or connection.is_open:
            self._feed(FlowClosed(self._loop.now(), connection.flow, connection.fault))
        else:  # the core has never heard of it
            self._report(connection.endpoint, f"{connection.remote}: {connection.fault}")


class Listener:
    """The listening socket of an endpoint."""

    def __init__(
        self,
        endpoint: Endpoint,
        loop: Loop,
        report: Reporter,
        accepted: Callable[[str, socket.socket, Address], None],
        send: Callable[[Send], None],
    ) -> None:
        """Bind and listen; ``accepted`` takes (endpoint, socket, remote)."""
        self._name, self._loop = endpoint.name, loop
        self._report, self._accepted, self.send = report, accepted, send
        self._stop: Stop = nothing
        self._wrong = ""
        bind = endpoint.bind
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
            raise not_opened(self._name, error, "t") from error
        host, port = self._socket.getsockname()[:2]
        self.address = Address(host, port)

    def start(self) -> None:
        """Accept what comes, until closed."""
        self._stop = self._loop.reading(self._socket, self.ready)

    def close(self) -> None:
        """Close."""
        self._stop()
        self._socket.close()

    def ready(self) -> None:
        """Accept a batch."""
        before, self._wrong = self._wrong, self._accept()
        if self._wrong:
            # No file descriptors, mostly. The socket stays readable: without a pause the loop
            # would spin, and it says so only once.
            if self._wrong != before:
                self._report(self._name, f"cannot accept connections: {self._wrong}")
            self._stop()
            self._stop = self._loop.later(self._loop.now() + PAUSE, self.start)

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
            except OSError:  # it is gone already
                sock.close()
            else:
                self._accepted(self._name, sock, Address(source[0], source[1]))
        return ""


def _need_certificate(endpoint: str, tls: Tls | None) -> Tls:
    if tls is None or not tls.has_certificate:
        raise EndpointError(f"{endpoint}: no certificate (give serve tls=Tls(certificate, key))")
    return tls


def connecting(host: str, remote: Address) -> socket.socket:
    """Begin to connect from any port of ``host``."""
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
    except BaseException:
        sock.close()
        raise
    return sock


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
