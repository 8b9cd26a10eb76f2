"""A name server for the gateways that are called by name; its answers may be kept for 5 s."""

from types import TracebackType
from typing import Self

from zone_dns import ZoneServer

ORIGIN = "soak.example."
ZONE = """\
$TTL 5
@ SOA ns hostmaster 1 5 5 5 5
@ NS ns
ns A 127.0.0.1
_sip._udp.named SRV 10 1 {one} one
_sip._udp.named SRV 10 1 {two} two
one A 127.0.0.1
two A 127.0.0.1
"""


class Zone:
    """The server, until the end of a ``with``."""

    def __init__(self, one: int, two: int) -> None:
        self._server = ZoneServer(ZONE.format(one=one, two=two), ORIGIN)
        self.port = self._server.address[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
