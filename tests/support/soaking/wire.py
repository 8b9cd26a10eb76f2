"""Wires: datagrams that get lost on purpose, and connections that are cut into messages."""

import asyncio
import random
import re
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from soaking import sip
from soaking.sip import Message

Place = tuple[str, int]
Heard = Callable[[Message, "Way"], None]

HOST = "127.0.0.1"
CALL_ID = re.compile(rb"\r\nCall-ID: *([^\r]*)", re.IGNORECASE)
CSEQ = re.compile(rb"\r\nCSeq: *([^\r]*)", re.IGNORECASE)
LINES = 60  # of a call that are kept


class Trace:
    """What was on our wires lately, by Call-ID, for the calls that go wrong."""

    def __init__(self, most: int = 5_000) -> None:
        self._most = most
        self._calls: dict[str, list[str]] = {}

    def note(self, what: str, local: Place, data: bytes) -> None:
        """Note a message of a call: its first line, and what it is about."""
        found = CALL_ID.search(data)
        if found is None:
            return
        lines = self._calls.setdefault(found[1].decode("latin-1"), [])
        if len(lines) >= LINES:
            return
        line, cseq = data[:80].partition(b"\r")[0].decode("latin-1"), CSEQ.search(data)
        number = cseq[1].decode("latin-1") if cseq else ""
        now = asyncio.get_running_loop().time() % 1000
        lines.append(f"    {now:7.3f}  {local[1]:5} {what}  {line}  ({number})")
        while len(self._calls) > self._most:
            del self._calls[next(iter(self._calls))]

    def of(self, call_id: str) -> list[str]:
        """What is known of a call."""
        return self._calls.get(call_id, [])


class Way(Protocol):
    """Where a message came from, and answers go."""

    @property
    def transport(self) -> str:
        """As Via has it: "UDP", "TCP" or "TLS"."""
        ...

    @property
    def local(self) -> Place:
        """Our own address."""
        ...

    def send(self, data: bytes) -> None:
        """Send a message."""
        ...


class Datagrams(asyncio.DatagramProtocol):
    """A UDP socket that loses some of what it sends and of what it gets."""

    def __init__(self, heard: Heard, loss: float, counts: Counter[str], trace: Trace) -> None:
        self.local: Place = (HOST, 0)
        self._heard, self._loss, self._counts, self._trace = heard, loss, counts, trace
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self, port: int = 0) -> "Datagrams":
        """Bind."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, (HOST, port))
        self.local = self._transport.get_extra_info("sockname")[:2]
        return self

    def datagram_received(self, data: bytes, addr: Place) -> None:
        """Hear it, or lose it."""
        lost = self._is_lost()
        self._trace.note("<-lost" if lost else "<-    ", self.local, data)
        if lost:
            return
        try:
            message = sip.parse(data)
        except (sip.NotSip, ValueError):
            self._counts["not SIP, by datagram"] += 1
            return
        self._heard(message, Path(self, addr))

    def send_to(self, data: bytes, place: Place) -> None:
        """Send it, or lose it."""
        lost = self._is_lost()
        self._trace.note("->lost" if lost else "->    ", self.local, data)
        if self._transport is not None and not lost:
            self._transport.sendto(data, place)

    def _is_lost(self) -> bool:
        lost = random.random() < self._loss
        self._counts["datagrams lost on purpose"] += lost
        return lost

    def close(self) -> None:
        """Close."""
        if self._transport is not None:
            self._transport.close()


class Path:
    """A peer, as seen from a UDP socket."""

    transport = "UDP"

    def __init__(self, datagrams: Datagrams, place: Place) -> None:
        self._datagrams, self._place = datagrams, place

    @property
    def local(self) -> Place:
        """Our own address."""
        return self._datagrams.local

    def send(self, data: bytes) -> None:
        """Send a message."""
        self._datagrams.send_to(data, self._place)


class Connection(asyncio.Protocol):
    """A connection, opened by us or by the proxy; a server makes one of these for each."""

    def __init__(
        self,
        heard: Heard,
        ended: Callable[["Connection"], None],
        transport: str,
        trace: Trace,
    ) -> None:
        self._trace = trace
        self.transport, self.local = transport, (HOST, 0)
        self.is_open = False
        self._heard, self._ended = heard, ended
        self._rest = b""
        self._stream: asyncio.Transport | None = None

    async def open(self, place: Place, tls: ssl.SSLContext | None = None) -> "Connection":
        """Connect."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, *place, ssl=tls)
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        assert isinstance(transport, asyncio.Transport)
        self._stream, self.is_open = transport, True
        self.local = transport.get_extra_info("sockname")[:2]

    def data_received(self, data: bytes) -> None:
        """Cut what came into messages."""
        self._rest += data
        while True:
            self._rest = self._rest.lstrip(b"\r\n")
            head, end, rest = self._rest.partition(b"\r\n\r\n")
            if not end:
                return
            self._trace.note("<-    ", self.local, head)
            message = sip.parse(head)
            length = int(message.first("content-length") or message.first("l"))
            if len(rest) < length:
                return
            message.body, self._rest = rest[:length], rest[length:]
            self._heard(message, self)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        self.is_open = False
        self._ended(self)

    def send(self, data: bytes) -> None:
        """Send a message."""
        self._trace.note("->    " if self.is_open else "->shut", self.local, data)
        if self._stream is not None:
            self._stream.write(data)

    def close(self) -> None:
        """Close."""
        if self._stream is not None:
            with suppress(OSError):
                self._stream.close()
