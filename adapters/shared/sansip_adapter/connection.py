"""One connection, over TCP or TLS: from its opening to its end.

What came before the end is told before it: who finds a connection broken when sending only shuts
it down, and reading on finds the end. ``over`` is called once, after all that was not sent has come
back as ``SendFailed``.

A send never waits. What the kernel does not take at once is kept, within a bound, and sent when it
takes more: who does not read cannot hold up anybody else.

The peer's end of sending is the end, though TCP would let it go on reading. What was answered by
then has gone out, and arrives; a later answer takes the way that RFC 3261 18.2.2 has for a
connection that is gone. A peer that has died looks the same, and one more thing sent to it would be
lost without a word.
"""

import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from sansip import Address, FlowClosed, FlowOpened, Send, SendFailed, StreamReceived
from sansip_adapter.channel import Channel
from sansip_adapter.endpoints import in_words
from sansip_adapter.loop import Loop, Stop, nothing
from sansip_adapter.outgoing import Outgoing, Piece, Room

CHUNK = 65_536  # bytes that are read at once
HANDSHAKE = 10.0  # seconds that a peer that has connected may take to agree on TLS
LAST_WORDS = 5.0  # seconds in which all that was sent before a CloseFlow is to arrive

Feed = Callable[[FlowOpened | StreamReceived | FlowClosed | SendFailed], None]


class Connection:
    """A connection, of TLS if it has a channel."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a connection is made of
        self,
        flow: int,
        endpoint: str,
        sock: socket.socket,
        remote: Address,
        channel: Channel | None,
        loop: Loop,
        feed: Feed,
        over: Callable[["Connection"], None],
        room: Room,
    ) -> None:
        """``feed`` takes events; ``over`` is called at the end; ``room`` is for all of them."""
        self.flow, self.endpoint, self.remote = flow, endpoint, remote
        self.fault = ""  # why nothing more goes over it
        self.is_open = False  # the core has been told
        self.agreed: Stop = nothing  # called once TLS has been agreed on, or nothing comes of it
        self._socket, self._channel = sock, channel
        self._loop, self._feed, self._over = loop, feed, over
        self._waiting = Outgoing(room)
        self._used = self._finishing = self._ended = False
        self._stop_reading: Stop = nothing
        self._stop_writing: Stop = nothing
        self._stop_clock: Stop = nothing

    def connect(self) -> None:
        """Wait until the peer has accepted it."""
        self._stop_writing = self._loop.writing(self._socket, self._connected)

    def _connected(self) -> None:
        self._write_no_more()
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._end(os.strerror(error))
        else:
            self.begin()

    def begin(self) -> None:
        """The connection is there: read it, and agree on TLS first, if it has that."""
        self._stop_reading = self._loop.reading(self._socket, self._readable)
        if self._channel is None:
            self._open()
            return
        if self.flow > 0:  # else the core has its own clock
            due = self._loop.now() + HANDSHAKE
            self._stop_clock = self._loop.later(due, self._too_slow)
        try:
            first = self._channel.begin()
        except ssl.SSLError as error:  # such as: the system allows no version that we want
            self._end(self._channel.fault(error))
        else:
            self._put(Piece(first, None))

    def _too_slow(self) -> None:
        self._stop_clock = nothing
        self._end(f"no TLS handshake within {HANDSHAKE:g} s")

    def _agreed(self) -> None:
        self.agreed, tell = nothing, self.agreed
        tell()

    def _open(self) -> None:
        names = () if self._channel is None else self._channel.names
        try:
            host, port = self._socket.getsockname()[:2]
        except OSError as error:  # it is gone already
            self._end(in_words(error))
            return
        self.is_open = True
        local, at = Address(host, port), self._loop.now()
        self._feed(FlowOpened(at, self.flow, self.endpoint, self.remote, local, names))

    def _readable(self) -> None:
        try:
            data = self._socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(in_words(error))
            return
        if not data:
            self._end("closed by the peer")
        elif self._finishing:
            return
        elif self._channel is None:
            self._feed(StreamReceived(self._loop.now(), self.flow, data))
        else:
            self._decrypt(self._channel, data)

    def _decrypt(self, channel: Channel, data: bytes) -> None:
        try:
            plain, back = channel.received(data)
        except ssl.SSLError as error:
            self._end(channel.fault(error))
            return
        self._put(Piece(back, None))
        if channel.ready and not self.is_open:
            self._stop_clock, stop = nothing, self._stop_clock
            stop()
            self._agreed()
            self._open()
        if plain and not self._finishing and not self._ended:
            self._feed(StreamReceived(self._loop.now(), self.flow, plain))
        if channel.closed and not self._finishing:
            self._end(f"TLS: {channel.reason}" if channel.reason else "closed by the peer")

    def send(self, order: Send) -> None:
        """Send at once what the kernel takes, and the rest when it takes more."""
        self._used = True
        data = order.data
        if self._channel is not None and not self.fault:
            try:
                data = self._channel.encrypted(data)
            except ssl.SSLError as error:
                self._break(self._channel.fault(error))
        self._put(Piece(data, order))

    def _put(self, piece: Piece) -> None:
        waiting = self._waiting
        if not piece.data:
            return
        waiting.append(piece)
        if self.fault:
            self._give_back()
        elif len(waiting) == 1:
            self._drain()
            if waiting:
                self._stop_writing = self._loop.writing(self._socket, self._writable)
        elif most := waiting.overflow():
            self._break(f"the peer does not read, and more than {most} bytes wait for it")

    def _writable(self) -> None:
        self._drain()
        if not self._waiting:
            self._write_no_more()
            if self._finishing:
                self._shut(socket.SHUT_WR)

    def _drain(self) -> None:
        try:
            self._waiting.drain(self._socket)
        except OSError as error:
            self._break(in_words(error))

    def _write_no_more(self) -> None:
        self._stop_writing, stop = nothing, self._stop_writing
        stop()

    def finish(self) -> None:
        """Close, when all that waits has been sent and the peer has read it, or time is up.

        Closing at once would throw away what waits; and what was sent too, if the peer still sends
        something: the kernel then resets the connection (RFC 2525 2.17).
        """
        if self._ended:  # whoever is told what has not been sent may ask for this
            return
        if not self._used:
            self._end("closed")
            return
        self._finishing = True
        self._stop_clock = self._loop.later(self._loop.now() + LAST_WORDS, self._long_enough)
        if self._channel is not None:
            self._put(Piece(self._channel.farewell(), None))
        if not self._waiting:
            self._shut(socket.SHUT_WR)

    def _long_enough(self) -> None:
        self._stop_clock = nothing
        self._end("closed")

    def _break(self, reason: str) -> None:
        """Nothing more can be sent; reading on finds the end."""
        self.fault = reason
        self._write_no_more()
        self._shut(socket.SHUT_RDWR)
        self._give_back()

    def _shut(self, how: int) -> None:
        with suppress(OSError):  # it is shut, or reset: reading tells
            self._socket.shutdown(how)

    def _end(self, reason: str) -> None:
        if not self._ended:
            self.fault = self.fault or reason
            self.drop()
            self._give_back()
            self._over(self)

    def drop(self) -> None:
        """Close at once, and tell nobody but TLS's other side."""
        if not self._ended:
            self._ended = True
            if self._channel is not None and not self._waiting:
                # "Each party MUST send a close_notify alert before closing its write side of the
                # connection, unless it has already sent some error alert" (RFC 8446 6.1): that is
                # what the peer is told here after an error.
                with suppress(OSError):
                    self._socket.send(self._channel.farewell())
            self._stop_reading()
            self._stop_writing()
            self._stop_clock()
            self._agreed()
            self._socket.close()

    def _give_back(self) -> None:
        feed, now, fault = self._feed, self._loop.now, self.fault
        for order in self._waiting.take_back():
            # The time of each: what came of the one before may have been told with a later one.
            feed(SendFailed(now(), order.endpoint, order.remote, fault, order.id, order.data))
