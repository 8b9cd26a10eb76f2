"""A stage with connections: peers open them, and the engine does; a test says what comes of it."""

from dataclasses import dataclass

import sansip
from stage import CALLER, PROXY, Stage, ToName, Whatever, config, make_request

TCP = "tcp:192.0.2.10:5060"
UDP = "udp:192.0.2.10:5060"
BOTH = (sansip.Endpoint("udp", str(PROXY)), sansip.Endpoint("tcp", str(PROXY)))
PHONE = sansip.Address("198.51.100.1", 33333)  # the port that the caller connects from


@dataclass
class Line(Stage):
    """A stage with connections."""

    def open(self, flow: int = 1, remote: sansip.Address = PHONE) -> "Line":
        self.step(sansip.FlowOpened(self.now, flow, TCP, remote, PROXY))
        return self

    def hear(
        self, data: bytes | sansip.Request | sansip.Response, flow: int = 1
    ) -> tuple[sansip.Action, ...]:
        octets = data if isinstance(data, bytes) else data.render()
        return self.step(sansip.StreamReceived(self.now, flow, octets))

    def close(self, flow: int = 1, reason: str = "") -> None:
        self.step(sansip.FlowClosed(self.now, flow, reason))

    def over(self, flow: int = 1) -> list[int]:
        """The status codes that went over a flow; and all else about those sends is as it must."""
        sends = [send for send in self.sends if send.flow == flow and send.data.strip()]
        assert all((send.endpoint, send.remote) == (TCP, PHONE) for send in sends)
        assert all(b"\r\nContent-Length: " in send.data for send in sends)
        return [int(send.data.split()[1]) for send in sends]

    def orders(self) -> list[sansip.OpenFlow]:
        """The connections that the engine wanted opened."""
        every = [action for actions in self.actions for action in actions]
        return [action for action in every if isinstance(action, sansip.OpenFlow)]

    def connect(self, nth: int = -1, names: tuple[str, ...] | None = None) -> int:
        """The newest (or nth) of them is open; its number. By TLS, with who was asked for."""
        order = self.orders()[nth]
        local = sansip.Address(PROXY.host, 40000 - order.flow)
        if names is None:
            names = () if order.name is None else (order.name,)
        self.step(
            sansip.FlowOpened(self.now, order.flow, order.endpoint, order.remote, local, names)
        )
        return order.flow

    def reject(self, nth: int = -1, reason: str = "connection refused") -> None:
        """The newest (or nth) of them could not be opened."""
        self.close(self.orders()[nth].flow, reason)

    def sent_over(self, flow: int) -> list[str]:
        """The methods and status codes that went over a flow."""
        starts = [send.data.split() for send in self.sends if send.flow == flow]
        return [(b[1] if b[0] == b"SIP/2.0" else b[0]).decode() for b in starts if b]

    def closed(self) -> list[int]:
        """The flows that the engine has closed."""
        every = [action for actions in self.actions for action in actions]
        return [action.flow for action in every if isinstance(action, sansip.CloseFlow)]


def read(send: sansip.Send) -> sansip.Response:
    message = sansip.parse(send.data)
    assert isinstance(message, sansip.Response)
    return message


def line(policy: sansip.Policy | None = None, **options: Whatever) -> Line:
    given = {"endpoints": BOTH} | options
    return Line(sansip.Engine(config(**given), policy or ToName()))


def over_tcp(method: str = "INVITE", **options: Whatever) -> sansip.Request:
    request = make_request(method, **options)
    return request.with_top_via(f"SIP/2.0/TCP {CALLER};branch={request.via.branch};rport")
