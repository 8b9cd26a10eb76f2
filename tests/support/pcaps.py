"""Captures, taken apart as their readers do it; every length and checksum has to be right."""

import struct
from collections.abc import Iterator
from ipaddress import ip_address

from sansip.value import value


@value
class Packet:
    """What a packet says: as a reader of captures finds it."""

    at: float
    protocol: str
    source: str
    target: str
    data: bytes
    flags: int = 0
    numbers: tuple[int, int] = (0, 0)


def ones(data: bytes) -> int:
    """The sum of a checksum, which is 0xFFFF for data that has a right one."""
    even = data + bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(even) // 2}H", even))
    return (total - 1) % 0xFFFF + 1


def packets(capture: bytes) -> list[Packet]:
    """Take a capture apart; every length and checksum of it is right."""
    assert struct.unpack_from("<IHHiIII", capture) == (0xA1B2C3D4, 2, 4, 0, 0, 0x40000, 1)
    return list(_packets(capture))


def _packets(capture: bytes) -> Iterator[Packet]:
    place = 24
    while place < len(capture):
        seconds, parts, size, whole = struct.unpack_from("<IIII", capture, place)
        assert size == whole
        place += 16
        yield packet(seconds + parts / 1_000_000, capture[place : place + size])
        place += size
    assert place == len(capture)


def packet(at: float, frame: bytes) -> Packet:
    assert frame[:2] == frame[6:8] == b"\x02\x00"
    return ip(at, frame[14:], {b"\x08\x00": 4, b"\x86\xdd": 6}[frame[12:14]])


def ip(at: float, data: bytes, version: int) -> Packet:
    if version == 4:
        assert data[0] == 0x45
        assert struct.unpack_from("!H", data, 2)[0] == len(data)
        assert ones(data[:20]) == 0xFFFF
        protocol, ends, rest = data[9], data[12:20], data[20:]
    else:
        assert data[0] >> 4 == 6
        assert struct.unpack_from("!H", data, 4)[0] == len(data) - 40
        protocol, ends, rest = data[6], data[8:40], data[40:]
    half = len(ends) // 2
    source, target = [str(ip_address(each)) for each in (ends[:half], ends[half:])]
    if protocol == 1:
        assert rest[:2] == b"\x03\x03"
        assert ones(rest) == 0xFFFF
        return Packet(at, "icmp", source, target, ip(at, rest[8:], version).data)
    assert ones(ends + struct.pack("!II", len(rest), protocol) + rest) == 0xFFFF
    if protocol == 58:
        assert rest[:2] == b"\x01\x04"
        return Packet(at, "icmp", source, target, ip(at, rest[8:], version).data)
    ports = struct.unpack_from("!HH", rest)
    one, other = f"{source} {ports[0]}", f"{target} {ports[1]}"
    if protocol == 17:
        assert struct.unpack_from("!H", rest, 4)[0] == len(rest)
        return Packet(at, "udp", one, other, rest[8:])
    assert protocol == 6
    assert rest[12] >> 4 == 5
    numbers = struct.unpack_from("!II", rest, 4)
    return Packet(at, "tcp", one, other, rest[20:], rest[13], (numbers[0], numbers[1]))
