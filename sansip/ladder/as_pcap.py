"""A journal as a capture of packets, for Wireshark, tshark and sngrep.

What the packets hold is what the core has heard and sent, at those times; the rest of a packet is
made up so that it is right: Ethernet, IP, checksums, and of connections the handshake, sequence
numbers and the end. A journal knows what goes through TLS in clear, and so does the capture: there
it is plain TCP on the same ports. What the embedding program says is on no wire, and so not here.
"""

import struct
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from sansip.address import Address
from sansip.engine.actions import Action, CloseFlow, OpenFlow, Send
from sansip.engine.events import (
    DatagramReceived,
    Event,
    FlowClosed,
    FlowOpened,
    SendFailed,
    StreamReceived,
)
from sansip.journal import Head, Journal, Step
from sansip.ladder import packets
from sansip.ladder.following import Calls
from sansip.ladder.packets import ACK, FIN, PUSH, SEGMENT, SYN, Way
from sansip.ladder.streams import Streams

_ETHERNET: Final = 1
_LONGEST: Final = 0x40000
_HEAD: Final = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, _LONGEST, _ETHERNET)
_PORT_UNREACHABLE: Final = ("port unreachable", "connection refused")


def pcap(journal: Journal, call: str | None = None) -> bytes:
    """The whole capture, or that of one call, by its Call-ID."""
    return b"".join(capture(journal, call))


def capture(journal: Journal, call: str | None = None) -> Iterator[bytes]:
    """The same in pieces: its head, then a record for each packet."""
    yield _HEAD
    head = journal.head
    start = 0.0 if head.clock is None else head.clock - head.started
    taking = _Taking(head, call)
    for step in journal:
        if isinstance(step, Step):
            for frame in taking.frames(step.event, step.actions):
                yield _record(start + step.event.at, frame)


def _record(at: float, frame: bytes) -> bytes:
    seconds, parts = divmod(max(0, round(at * 1_000_000)), 1_000_000)
    size = len(frame)
    return struct.pack("<IIII", seconds & 0xFFFFFFFF, parts, size, size) + frame


class _Connection:
    """How far both sides of a connection have come."""

    def __init__(self, on: Way, flow: int, *, ours: bool, is_open: bool = False) -> None:
        self.on = on  # from here to there
        self._ours = ours  # whether we have opened it
        self._is_open = is_open
        self._sent = self._came = abs(flow) << 12

    def opening(self) -> Iterator[bytes]:
        """The handshake, unless it has been already."""
        if self._is_open:
            return
        self._is_open = True
        there, back = (self.on, self.on.back) if self._ours else (self.on.back, self.on)
        first = self._sent
        self._sent = self._came = first + 1
        yield packets.segment(there, first, 0, SYN)
        yield packets.segment(back, first, first + 1, SYN | ACK)
        yield packets.segment(there, first + 1, first + 1, ACK)

    def sending(self, data: bytes) -> Iterator[bytes]:
        """From here to there."""
        for at in range(0, len(data), SEGMENT):
            piece = data[at : at + SEGMENT]
            yield packets.segment(self.on, self._sent, self._came, PUSH | ACK, piece)
            self._sent += len(piece)

    def coming(self, data: bytes) -> Iterator[bytes]:
        """From there to here."""
        for at in range(0, len(data), SEGMENT):
            piece = data[at : at + SEGMENT]
            yield packets.segment(self.on.back, self._came, self._sent, PUSH | ACK, piece)
            self._came += len(piece)

    def closing(self, *, ours: bool) -> Iterator[bytes]:
        """One side closes it, and then the other; nothing, of one that was never seen."""
        if self._is_open:
            on = self.on if ours else self.on.back
            number, other = (self._sent, self._came) if ours else (self._came, self._sent)
            yield packets.segment(on, number, other, FIN | ACK)
            yield packets.segment(on.back, other, number + 1, FIN | ACK)
            yield packets.segment(on, number + 1, other + 1, ACK)


class _Taking:
    """What is known so far."""

    def __init__(self, head: Head, call: str | None) -> None:
        self._only = call
        config = head.config
        self._calls = Calls(call, head.state)
        self._streams = Streams(config.limits.message, head.state)
        self._connections: dict[int, _Connection] = {}
        self._locals: dict[str, Address] = {}
        for endpoint in config.endpoints:
            for place in (endpoint.bind, endpoint.advertised):
                if _is_concrete(place):
                    self._locals.setdefault(endpoint.name, place)
        for number, flow in () if head.state is None else head.state.flows.items():
            on = self._from(flow.link.endpoint, flow.link.remote)
            if on is not None:
                self._connections[number] = _Connection(on, number, ours=False, is_open=True)

    def frames(self, event: Event, actions: tuple[Action, ...]) -> Iterator[bytes]:
        """The packets of one step."""
        yield from self._heard(event)
        for action in actions:
            match action:
                case Send(flow=None):
                    yield from self._datagram(action)
                case Send():
                    connection = self._connections.get(action.flow or 0)
                    if connection is not None and self._wants(action.data):
                        yield from connection.opening()
                        yield from connection.sending(action.data)
                case OpenFlow():
                    self._streams.ordered(action)
                case CloseFlow():
                    yield from self._closed(action.flow, ours=True)
                case _:
                    pass

    def _wants(self, data: bytes) -> bool:
        return self._only is None or bool(self._calls.in_bytes(data))

    def _heard(self, event: Event) -> Iterator[bytes]:
        match event:
            case DatagramReceived():
                if _is_concrete(event.local):
                    self._locals[event.endpoint] = event.local
                on = packets.way(event.source, event.local)
                if on is not None and self._wants(event.data):
                    yield packets.datagram(on, event.data)
            case SendFailed(id=None):
                on = self._from(event.endpoint, event.remote)
                known = event.reason.removeprefix("ICMP: ").lower() in _PORT_UNREACHABLE
                if on is not None and known and self._wants(event.quoted):
                    yield packets.port_unreachable(on, event.quoted)
            case FlowOpened():
                yield from self._opened(event)
            case StreamReceived():
                yield from self._streamed(event)
            case FlowClosed():
                yield from self._closed(event.flow, ours=False)
            case _:
                pass

    def _from(self, endpoint: str, remote: Address, local: str | None = None) -> Way | None:
        """From an endpoint to somebody."""
        place = self._locals.get(endpoint)
        if local is not None:
            port = 0 if place is None else place.port
            place = Address(local, port)
        return None if place is None else packets.way(place, remote)

    def _datagram(self, send: Send) -> Iterator[bytes]:
        on = self._from(send.endpoint, send.remote, send.local)
        if on is not None and self._wants(send.data):
            yield packets.datagram(on, send.data)

    def _opened(self, event: FlowOpened) -> Iterator[bytes]:
        self._streams.opened(event)
        on = packets.way(event.local, event.remote)
        if on is not None:
            ours = event.flow < 0
            connection = self._connections[event.flow] = _Connection(on, event.flow, ours=ours)
            if self._only is None:
                yield from connection.opening()

    def _streamed(self, event: StreamReceived) -> Iterator[bytes]:
        """All that comes; or those messages, of one call, with nothing between them."""
        flow, connection = self._streams.of(event.flow), self._connections.get(event.flow)
        if flow is None or connection is None:
            return
        pieces: list[bytes] = [event.data]
        if self._only is not None:
            came = [each for each in flow.messages(event.data) if isinstance(each, bytes)]
            pieces = [message for message in came if self._wants(message)]
        for piece in pieces:
            yield from connection.opening()
            yield from connection.coming(piece)

    def _closed(self, flow: int, *, ours: bool) -> Iterator[bytes]:
        self._streams.closed(flow)
        connection = self._connections.pop(flow, None)
        if connection is not None:
            yield from connection.closing(ours=ours)


def _is_concrete(place: Address) -> bool:
    """Whether packets can be from there."""
    try:
        return not ip_address(place.host).is_unspecified
    except ValueError:
        return False
