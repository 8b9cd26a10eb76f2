"""Orders and reactions about connections, for cores that a test writes; and small buffers."""

from collections.abc import Iterable

from sansip import (
    Action,
    Address,
    CloseFlow,
    Endpoint,
    Event,
    FlowOpened,
    OpenFlow,
    Send,
    StreamReceived,
)

TCP = Endpoint("tcp", "127.0.0.1:0", advertise="192.0.2.10:5060")
TLS = Endpoint("tls", "127.0.0.1:0", advertise="192.0.2.10:5061")
NOWHERE = Address("127.0.0.1", 9)


def echo(event: Event, endpoint: Endpoint = TCP) -> Iterable[Action]:
    """Send back what comes over a connection."""
    if isinstance(event, StreamReceived):
        yield say(event.flow, event.data, endpoint=endpoint)


def unwanted(event: Event) -> Iterable[Action]:
    """Close what a peer opens."""
    if isinstance(event, FlowOpened):
        yield CloseFlow(event.flow)


def say(flow: int | None, data: bytes, id: str = "1", endpoint: Endpoint = TCP) -> Send:
    return Send(id, endpoint.name, NOWHERE, flow, data)


def order(
    flow: int, remote: Address, endpoint: Endpoint = TCP, name: str | None = None
) -> OpenFlow:
    return OpenFlow(flow, endpoint.name, endpoint.transport, remote, name)
