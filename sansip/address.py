"""Where messages go: socket addresses and hops."""

from typing import Literal

from sansip.value import value


@value
class Address:
    """An IP address as text (IPv6 without brackets) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        """``192.0.2.1:5060`` or ``[2001:db8::1]:5060``."""
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def family(self) -> Literal[4, 6]:
        """The version of IP."""
        return 6 if ":" in self.host else 4


def bracketed(host: str) -> str:
    """A host as it stands before a port: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


@value
class Hop:
    """One place to try: what RFC 3263 makes of a URI, one entry of its ordered list."""

    transport: str  # "udp", "tcp" or "tls"
    address: Address
    tls_name: str | None = None  # the domain that the certificate must name (RFC 5922 7.3)
    origin: str = ""  # which DNS record it came from, for people: "SRV 10 0 5060 gw-1.example.com"

    def __str__(self) -> str:
        """``udp:192.0.2.1:5060``."""
        return f"{self.transport}:{self.address}"
