"""UDP sockets that also hear ICMP errors, owned outright: no event loop's transports.

A whole batch is read per wake-up, because that costs more than a datagram. On Linux IP_RECVERR
is on, which has two consequences. The error queue must be drained together with the receive queue,
or the socket stays readable for ever and the loop spins. And a pending error of one peer makes the
next send, to whomever, fail and lose its datagram: so a failed send drains the queue and tries
again. Elsewhere ICMP errors are not heard, and timers alone move calls on.
"""

import errno
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from sansip import Address, DatagramReceived, Send, SendFailed
from sansip_adapter.endpoints import UNSENDABLE, Reporter, family_of, in_words, not_opened
from sansip_adapter.icmp import IP_RECVERR, IPV6_RECVERR, transport_error
from sansip_adapter.loop import Loop, Stop, nothing

BATCH = 64  # datagrams per wake-up: then it is the others' turn
ERRORS = 512  # queued errors per drain; the kernel's queue holds about 255
RETRIES = 8  # sends of one datagram that run into errors of others
PEERS = 4096  # whose addresses are remembered
BUFFER = 4 << 20  # bytes asked of the kernel, which may grant less
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 (recognised, not bound)
HEARS_ERRORS = sys.platform == "linux"  # has the error queue
IP_PKTINFO = 8  # a Linux constant that Python 3.11 does not name


class UdpSocket:
    """One bound UDP socket: tells what comes in as events, and sends."""

    def __init__(
        self,
        name: str,
        bind: Address,
        loop: Loop,
        came: Callable[[Sequence[DatagramReceived]], None],
        feed: Callable[[SendFailed], None],
        report: Reporter,
    ) -> None:
        """Bind; ``came`` takes what has come, ``feed`` what could not be sent."""
        self._name, self._loop, self._now = name, loop, loop.now
        self._came, self._feed, self._report = came, feed, report
        self._peers: dict[tuple[str, int], Address] = {}  # most of what comes is from few
        self._family = family_of(bind.host)
        self._socket = socket.socket(self._family, socket.SOCK_DGRAM)
        self._stop: Stop = nothing
        try:
            self._prepare(wildcard=bind.host in WILDCARDS)
            self._socket.bind((bind.host, bind.port))
        except OSError as error:
            self._socket.close()
            raise not_opened(name, error, "u") from error
        host, port = self._socket.getsockname()[:2]
        self.address = Address(host, port)
        self._receive = self._receive_anywhere if bind.host in WILDCARDS else self._receive_here

    def start(self) -> None:
        """Feed what comes, until closed."""
        self._stop = self._loop.reading(self._socket, self.ready)

    def close(self) -> None:
        """Close."""
        self._stop()
        self._socket.close()

    def ready(self) -> None:
        """Read a batch."""
        if not self._drain() + self._read_batch():
            # Readable, yet nothing there: an error that no queue holds (ENETDOWN). Reading it
            # clears it; otherwise the loop would spin.
            self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def send(self, order: Send) -> None:
        """Send; once more after every error that belongs to somebody else.

        A full buffer loses the datagram, as any router on the way might: SIP retransmits. It is
        not told to the core as a failure, for it says nothing about the peer, and turning to the
        next gateway would double the load at the worst moment.
        """
        try:
            self._transmit(order)
        except UNSENDABLE as error:
            self._send_again(order, error)

    def _transmit(self, order: Send) -> None:
        remote = order.remote
        # The core's addresses are numeric; a name would block the loop in the C library.
        socket.inet_pton(self._family, remote.host)
        if order.local is None:
            self._socket.sendto(order.data, (remote.host, remote.port))
        else:
            source = _source(self._family, order.local)
            self._socket.sendmsg([order.data], [source], 0, (remote.host, remote.port))

    def _send_again(self, order: Send, error: Exception) -> None:
        for _ in range(RETRIES):
            if _is_full(error):
                break
            others = self._drain()
            try:
                self._transmit(order)
            except UNSENDABLE as again:
                error = again
            else:
                return
            # Once more in any case: the queue shares its room with what has been received, and
            # while that is full an error fails a send without ever being in the queue.
            if not others:
                break
        if _is_full(error):
            self._report(self._name, f"send buffer full, datagram to {order.remote} lost")
            return
        reason, id, data = in_words(error), order.id, order.data
        self._feed(SendFailed(self._now(), self._name, order.remote, reason, id, data))

    def _prepare(self, *, wildcard: bool) -> None:
        sock, six = self._socket, self._family == socket.AF_INET6
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        if six:  # IPv4 has endpoints of its own, without addresses like ::ffff:192.0.2.1
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if wildcard and six:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        elif wildcard:
            sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        if HEARS_ERRORS and six:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        elif HEARS_ERRORS:
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)

    def _receive_here(self) -> tuple[bytes, tuple[str, int], Address]:
        data, source = self._socket.recvfrom(65535)
        return data, source, self.address

    def _receive_anywhere(self) -> tuple[bytes, tuple[str, int], Address]:
        data, ancillary, _, source = self._socket.recvmsg(65535, 64)
        host = _destination(ancillary) or self.address.host
        return data, source, Address(host, self.address.port)

    def _read_batch(self) -> int:
        """Feed what has come together, and count."""
        receive, peers, now, name = self._receive, self._peers, self._now, self._name
        came: list[DatagramReceived] = []
        shadows = 0  # of errors that are in the queue
        while len(came) + shadows < BATCH:
            try:
                data, source, local = receive()
            except BlockingIOError:
                break
            except OSError:
                shadows += 1
            else:
                peer = peers.get(source) or self._peer(source)
                came.append(DatagramReceived(now(), name, peer, local, data))
        if came:
            self._came(came)
        return len(came) + shadows

    def _peer(self, source: tuple[str, int]) -> Address:
        """The address of a peer that is not remembered, and now is."""
        if len(self._peers) >= PEERS:
            self._peers.clear()
        peer = self._peers[source] = Address(source[0], source[1])
        return peer

    def _drain(self) -> int:
        """Empty the error queue, tell the core what the network said, and count."""
        if not HEARS_ERRORS:
            return 0
        for count in range(ERRORS):
            try:
                quoted, ancillary, _, remote = self._socket.recvmsg(2048, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return count
            reason = transport_error(ancillary)
            if reason:
                peer = Address(remote[0], remote[1])
                event = SendFailed(self._now(), self._name, peer, reason, None, quoted)
                self._feed(event)
        return ERRORS


def _source(family: socket.AddressFamily, host: str) -> tuple[int, int, bytes]:
    """What makes the kernel send from one of the addresses of this machine."""
    number = socket.inet_pton(family, host)
    if family == socket.AF_INET6:
        return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, number + bytes(4)  # any interface
    return socket.IPPROTO_IP, IP_PKTINFO, bytes(4) + number + bytes(4)


def _is_full(error: Exception) -> bool:
    """Whether a buffer of ours is full, or the network card's: with IP_RECVERR that is told too."""
    return isinstance(error, BlockingIOError) or getattr(error, "errno", 0) == errno.ENOBUFS


def _destination(ancillary: list[tuple[int, int, bytes]]) -> str | None:
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
            return socket.inet_ntop(socket.AF_INET, data[8:12])
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            return socket.inet_ntop(socket.AF_INET6, data[:16])
    return None
