"""Connections: who is at their other end, and which messages come over them."""

from collections.abc import Iterator
from typing import assert_never

from sansip.address import Address
from sansip.engine.actions import OpenFlow
from sansip.engine.events import FlowOpened
from sansip.engine.state import State
from sansip.errors import RemoteProtocolError
from sansip.message import MessageLimits, framing


class Flow:
    """A connection that is open, or about to be."""

    def __init__(
        self,
        transport: str,
        remote: Address,
        limits: MessageLimits,
        state: framing.State | None = None,
    ) -> None:
        self.transport = transport
        self.remote = remote
        self.local: Address | None = None  # once it is open
        self._limits = limits
        self._state: framing.State = state or framing.start()

    def messages(self, data: bytes) -> Iterator[bytes | RemoteProtocolError]:
        """What has come in whole with these bytes; of what is no good, what is wrong with it."""
        self._state, outputs = framing.step(self._state, framing.Received(data), self._limits)
        for output in outputs:
            match output:
                case framing.Complete(message):
                    yield message.render()
                case framing.Refused(error) | framing.Fatal(error):
                    yield error
                case framing.Ping():
                    yield b"\r\n\r\n"
                case framing.StartClock() | framing.StopClock():
                    pass
                case _:
                    assert_never(output)


class Streams:
    """All of them, by their numbers."""

    def __init__(self, limits: MessageLimits, state: State | None = None) -> None:
        """Those of a state are open to begin with; which ports of ours they have is forgotten."""
        self._limits = limits
        self._flows: dict[int, Flow] = {}
        for number, known in () if state is None else state.flows.items():
            link = known.link
            flow = Flow(link.endpoint.partition(":")[0], link.remote, limits, known.framing)
            self._flows[number] = flow

    def ordered(self, order: OpenFlow) -> None:
        """One is to be opened."""
        self._flows[order.flow] = Flow(order.transport, order.remote, self._limits)

    def opened(self, event: FlowOpened) -> Flow:
        """It is open, or a peer has opened one."""
        flow = self._flows.get(event.flow)
        if flow is None:
            transport = event.endpoint.partition(":")[0]
            flow = self._flows[event.flow] = Flow(transport, event.remote, self._limits)
        flow.local = event.local
        return flow

    def of(self, number: int) -> Flow | None:
        """The one of this number, if it is known."""
        return self._flows.get(number)

    def closed(self, number: int) -> Flow | None:
        """It is gone; what was known of it."""
        return self._flows.pop(number, None)
