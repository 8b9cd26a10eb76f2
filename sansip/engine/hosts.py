"""IP addresses: their one spelling, where they lead, and what is special about them."""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from sansip.locate import OCTET, canonical

IPV4 = 1 << 128  # tells the two versions apart where addresses are numbers
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 2.1
# IPv4 addresses in the blocks that have nothing special in them.
_ORDINARY = re.compile(
    rf"(?!(?:127|169)\.)(?:[1-9][0-9]?|1[0-9]{{2}}|2[01][0-9]|22[0-3])(?:\.{OCTET}){{3}}"
).fullmatch
_LOOPBACK = re.compile(rf"127(?:\.{OCTET}){{3}}").fullmatch


def is_ip(host: str) -> bool:
    """Whether this is an IP address."""
    return canonical(host) is not None


def plain_host(host: str) -> str:
    """A host in the form in which hosts are compared: IPv6 by value, IPv4 out of its mapping."""
    if ":" not in host:
        return host.removesuffix(".")  # a name may end in the root's dot (3261-25-11)
    address = canonical(host)
    if address is None:
        return host
    mapped = IPv6Address(address).ipv4_mapped
    return address if mapped is None else str(mapped)


def end_of(host: str) -> str:
    """Where what is sent to an address ends: some IPv6 addresses stand for an IPv4 address.

    They are those of IPv4 mapped into IPv6, of NAT64, and of 6to4. A filter that does not see
    through them can be walked around.
    """
    plain = plain_host(host)
    if ":" not in plain or canonical(plain) is None:
        return plain
    address = IPv6Address(plain)
    inside = IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address.sixtofour
    return plain if inside is None else str(inside)


def as_number(host: str) -> int:
    """An IP address as a number, without the cost of an ip_address object for IPv4."""
    if ":" in host:
        return int(IPv6Address(host))
    return IPV4 | int.from_bytes(bytes(map(int, host.split("."))))


def share_of(host: str) -> str:
    """Who has a share of what there is room for: an IPv4 address, or a /64 network of IPv6.

    Whoever has one IPv6 address has 2**64 of them.
    """
    if ":" not in host:
        return host
    plain = plain_host(host)
    if ":" not in plain:
        return plain
    return f"{IPv6Address(as_number(plain) >> 64 << 64)}/64"


def special(host: str) -> str | None:
    """What is special about an IP address, or not an address at all; None for an ordinary one."""
    if _ORDINARY(host):
        return None  # by far the most common case, without the cost of an ip_address object
    if _LOOPBACK(host):
        return "loopback"  # and this one is what tests and measurements use
    address = canonical(host)
    if address is None:
        return "not an IP"
    there = end_of(address)
    if there != address:
        return special(there)
    ip = ip_address(address)
    for why in ("loopback", "multicast", "unspecified", "link_local", "reserved"):
        if getattr(ip, f"is_{why}"):
            return why.replace("_", "-")
    return None
