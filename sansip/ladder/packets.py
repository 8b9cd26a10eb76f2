"""Packets as they are on an Ethernet, made of addresses and payloads (RFC 791, 8200, 768, 9293)."""

import struct
from ipaddress import ip_address
from typing import Final

from sansip.address import Address
from sansip.value import value

FIN, SYN, RST, PUSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
SEGMENT: Final = 1400  # bytes of one piece of a stream
_UDP, _TCP, _ICMP, _ICMP6 = 17, 6, 1, 58
_NEXT_HOPS: Final = 64
_QUOTED: Final = 1200  # bytes that an error brings back at most
_MOST: Final = 0xFFFF - 28  # bytes of a datagram, with IPv4
_WINDOW: Final = 0xFFFF
_WORD: Final = 0xFFFFFFFF


@value
class Way:
    """From where to where; both are of one family."""

    source: Address
    target: Address

    @property
    def back(self) -> "Way":
        """The other way."""
        return Way(self.target, self.source)


def way(source: Address, target: Address) -> Way | None:
    """From one address to another; None if there can be no packet between them."""
    try:
        one, other = ip_address(source.host), ip_address(target.host)
    except ValueError:
        return None
    ports = range(0x10000)
    is_one = one.version == other.version and source.port in ports and target.port in ports
    return Way(source, target) if is_one else None


def datagram(on: Way, data: bytes) -> bytes:
    """A frame with a UDP datagram, or as much of it as there can be in one."""
    data = data[:_MOST]
    head = struct.pack("!HHHH", on.source.port, on.target.port, len(data) + 8, 0)
    return _frame(on, _UDP, _summed(on, _UDP, head + data, 6))


def segment(on: Way, number: int, acknowledged: int, flags: int, data: bytes = b"") -> bytes:
    """A frame with a TCP segment."""
    ports = on.source.port, on.target.port
    numbers = number & _WORD, acknowledged & _WORD if flags & ACK else 0
    head = struct.pack("!HHIIBBHHH", *ports, *numbers, 5 << 4, flags, _WINDOW, 0, 0)
    return _frame(on, _TCP, _summed(on, _TCP, head + data, 16))


def port_unreachable(on: Way, quoted: bytes) -> bytes:
    """A frame with an ICMP error, about a datagram that went ``on``; its receiver sends it back."""
    quoted = quoted[:_QUOTED]
    head = struct.pack("!HHHH", on.source.port, on.target.port, len(quoted) + 8, 0)
    original = _packet(on, _UDP, _summed(on, _UDP, head + quoted, 6))
    if on.source.family == 6:
        error = _summed(on.back, _ICMP6, struct.pack("!BBHI", 1, 4, 0, 0) + original, 2)
        return _frame(on.back, _ICMP6, error)
    error = struct.pack("!BBHI", 3, 3, 0, 0) + original
    return _frame(on.back, _ICMP, _with_sum(error, 2, _sum(error)))


def _frame(on: Way, protocol: int, payload: bytes) -> bytes:
    kind = b"\x86\xdd" if on.source.family == 6 else b"\x08\x00"
    return _station(on.target) + _station(on.source) + kind + _packet(on, protocol, payload)


def _packet(on: Way, protocol: int, payload: bytes) -> bytes:
    source, target = _octets(on.source), _octets(on.target)
    if on.source.family == 6:
        head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, _NEXT_HOPS)
        return head + source + target + payload
    size = len(payload) + 20
    head = struct.pack("!BBHHHBBH", 0x45, 0, size, 0, 0x4000, _NEXT_HOPS, protocol, 0)
    head += source + target
    return _with_sum(head, 10, _sum(head)) + payload


def _octets(address: Address) -> bytes:
    return ip_address(address.host).packed


def _station(address: Address) -> bytes:
    """A hardware address that nobody has: one that is administered locally."""
    return b"\x02\x00" + _octets(address)[-4:]


def _summed(on: Way, protocol: int, payload: bytes, place: int) -> bytes:
    """With its checksum, which the addresses are part of; 0 would say that there is none."""
    pseudo = _octets(on.source) + _octets(on.target) + struct.pack("!II", len(payload), protocol)
    return _with_sum(payload, place, _sum(pseudo + payload) or 0xFFFF)


def _with_sum(data: bytes, place: int, checksum: int) -> bytes:
    return data[:place] + struct.pack("!H", checksum) + data[place + 2 :]


def _sum(data: bytes) -> int:
    """The checksum of the Internet (RFC 1071): modulo 0xFFFF the order of the words is nothing."""
    even = data + b"\0" if len(data) % 2 else data
    total: int = sum(struct.unpack(f"!{len(even) // 2}H", even))
    while total > 0xFFFF:
        total = (total >> 16) + (total & 0xFFFF)
    return ~total & 0xFFFF
