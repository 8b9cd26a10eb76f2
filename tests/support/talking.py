"""Phones and gateways that speak SIP with an adapter: over a connection, or by datagrams."""

import re
import ssl
from abc import ABC, abstractmethod
from typing import Self

from peers import Peer, dial
from sansip import Address, Request, Response, parse

Headers = list[tuple[str, str]]
HEADERS_OF_A_RESPONSE = ("Via", "From", "Call-ID", "CSeq", "Record-Route")
URI = "sip:bob@example.com"


def request(
    method: str,
    name: str,
    sent_by: str = "127.0.0.1:9",
    *,
    transport: str = "TCP",
    uri: str = URI,
    body: bytes = b"",
) -> bytes:
    """What a phone asks; ``name`` tells it from others."""
    headers: Headers = [
        ("Via", f"SIP/2.0/{transport} {sent_by};branch=z9hG4bK{name};rport"),
        ("From", "<sip:alice@example.com>;tag=a"),
        ("To", "<sip:bob@example.com>"),
        ("Call-ID", name),
        ("CSeq", f"1 {method}"),
        ("Contact", "<sip:alice@127.0.0.1>"),
    ]
    return Request.make(method, uri, headers, body).render()


def answer(asked: Request, status: int) -> bytes:
    """What a gateway answers (RFC 3261 8.2.6.2)."""
    rows = [(name, row) for name in HEADERS_OF_A_RESPONSE for row in asked.rows(name.lower())]
    tag = "" if asked.to_tag else ";tag=b"
    rows += [("To", asked.rows("to")[0] + tag), ("Contact", "<sip:bob@127.0.0.1>")]
    return Response.make(status, "Answer", rows).render()


class Line(ABC):
    """One side of a conversation: whole messages, one after the other."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.peer.close()

    async def send(self, data: bytes) -> None:
        await self.peer.send(data)

    @abstractmethod
    async def hear(self) -> Request | Response: ...

    async def ask(
        self, method: str, name: str, *, transport: str = "TCP", body: bytes = b""
    ) -> None:
        """Send a request."""
        await self.send(request(method, name, transport=transport, body=body))

    async def asked(self, method: str | None = None) -> Request:
        """The next request, or the next of this method."""
        while True:
            message = await self.hear()
            if isinstance(message, Request) and method in (None, message.method):
                return message

    async def answered(self, least: int = 200) -> Response:
        """The next final response, or one of at least this status."""
        while True:
            message = await self.hear()
            if isinstance(message, Response) and message.status >= least:
                return message

    async def status(self, least: int = 200) -> int:
        return (await self.answered(least)).status

    async def answer(self, asked: Request, status: int) -> None:
        await self.send(answer(asked, status))


class Stream(Line):
    """Over a connection."""

    def __init__(self, peer: Peer) -> None:
        super().__init__(peer)
        self._left = b""

    async def hear(self) -> Request | Response:
        while b"\r\n\r\n" not in self._left:
            await self._more()
        head, end, self._left = self._left.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\n(?:content-length|l)[ \t]*:[ \t]*(\d+)", head)
        size = int(length[1]) if length else 0
        while len(self._left) < size:
            await self._more()
        body, self._left = self._left[:size], self._left[size:]
        return parse(head + end + body)

    async def _more(self) -> None:
        data = await self.peer.recv()
        assert data, "the connection is closed"
        self._left += data


class Datagrams(Line):
    """By datagrams: to ``to``, or to whoever was heard last."""

    def __init__(self, peer: Peer, to: Address | None = None) -> None:
        super().__init__(peer)
        self.to = to

    async def send(self, data: bytes) -> None:
        assert self.to is not None
        await self.peer.sendto(data, self.to)

    async def hear(self) -> Request | Response:
        data, self.to = await self.peer.recvfrom()
        return parse(data)


async def phone(where: Address, context: ssl.SSLContext | None = None) -> Stream:
    """A phone that has connected, by TLS if it has a context for that."""
    peer = await dial(where)
    return Stream(peer if context is None else await peer.secured(context))


async def picked_up(gateway: Peer, context: ssl.SSLContext | None = None) -> Stream:
    """The next connection that somebody has opened to a gateway, by TLS if it has a context."""
    peer = await gateway.accept()
    return Stream(peer if context is None else await peer.secured(context, server_side=True))
