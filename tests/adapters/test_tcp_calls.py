"""The real core on the trio adapter, over TCP: calls come, go, fail over, and end well."""

import socket
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Self

import pytest
import trio

from sansip import (
    Config,
    Dispatch,
    Endpoint,
    Engine,
    Policy,
    Relay,
    Reply,
    Request,
    Response,
    Scene,
    State,
    parse,
)
from sansip_trio import Server, serve

Peer = trio.socket.SocketType
Script = Callable[[tuple[str, int]], Awaitable[None]]
Headers = list[tuple[str, str]]
HEADERS_OF_A_RESPONSE = ("Via", "From", "Call-ID", "CSeq", "Record-Route")


class Gateways(Policy):
    def route(self, request: Request, scene: Scene) -> Relay | Reply:
        if request.method == "OPTIONS":
            return Reply(200)
        return Relay(Dispatch("gateways"), advance_after=0.3)


def run(targets: list[str], script: Script) -> None:
    """Serve with one group, while ``script`` runs; all that began is over in the end."""
    config = Config(
        [Endpoint("tcp", "127.0.0.1:0", advertise="127.0.0.1:9")],
        groups={"gateways": targets},
        allow_hops=["127.0.0.0/8"],
    )

    async def main() -> None:
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                start = partial(serve, Engine(config, Gateways()), nameservers=())
                server: Server[State] = await nursery.start(start)
                (where,) = server.addresses.values()
                await script((where.host, where.port))
                nursery.cancel_scope.cancel()

    trio.run(main)


@contextmanager
def listening() -> Generator[Peer]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(10)
        yield trio.socket.from_stdlib_socket(sock)


def target(sock: Peer) -> str:
    return f"sip:127.0.0.1:{sock.getsockname()[1]};transport=tcp"


def request(method: str, name: str, sent_by: str = "127.0.0.1:9") -> bytes:
    headers: Headers = [
        ("Via", f"SIP/2.0/TCP {sent_by};branch=z9hG4bK{name}"),
        ("From", "<sip:alice@example.com>;tag=a"),
        ("To", "<sip:bob@example.com>"),
        ("Call-ID", name),
        ("CSeq", f"1 {method}"),
        ("Contact", "<sip:alice@127.0.0.1;transport=tcp>"),
    ]
    return Request.make(method, "sip:bob@example.com", headers).render()


class Line:
    """One side of a connection: whole messages."""

    def __init__(self, sock: Peer) -> None:
        self.sock, self._left = sock, b""

    @classmethod
    async def dial(cls, proxy: tuple[str, int]) -> "Line":
        sock = trio.socket.socket()
        await sock.connect(proxy)
        return cls(sock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    async def hear(self) -> Request | Response:
        """The next message; nobody here sends bodies."""
        while b"\r\n\r\n" not in self._left:
            data = await self.sock.recv(65_536)
            assert data, "the connection is closed"
            self._left += data
        head, _, self._left = self._left.partition(b"\r\n\r\n")
        return parse(head + b"\r\n\r\n")

    async def asked(self) -> Request:
        message = await self.hear()
        assert isinstance(message, Request)
        return message

    async def status(self) -> int:
        """The status of the next final response."""
        while True:
            message = await self.hear()
            assert isinstance(message, Response)
            if message.status >= 200:
                return message.status

    async def answer(self, asked: Request, status: int) -> None:
        rows = [(name, row) for name in HEADERS_OF_A_RESPONSE for row in asked.rows(name.lower())]
        rows += [("To", "<sip:bob@example.com>;tag=b"), ("Contact", "<sip:bob@127.0.0.1>")]
        await self.sock.send(Response.make(status, "Answer", rows).render())


async def picked_up(gateway: Peer) -> Line:
    sock, _ = await gateway.accept()
    return Line(sock)


async def taken(proxy: tuple[str, int], gateway: Peer) -> float:
    """Make a call that this gateway takes, and say after how many seconds it has."""
    with await Line.dial(proxy) as phone:
        begun = trio.current_time()
        await phone.sock.send(request("INVITE", "one"))
        with await picked_up(gateway) as trunk:
            await trunk.answer(await trunk.asked(), 200)
            assert await phone.status() == 200
        return trio.current_time() - begun


@pytest.mark.rule("3261-18.2.2-01", "3261-18.1.1-05")
def test_calls_are_answered_on_their_connection_and_leave_over_one() -> None:
    async def script(proxy: tuple[str, int]) -> None:
        with await Line.dial(proxy) as phone, await Line.dial(proxy) as other:
            await phone.sock.send(request("INVITE", "one"))
            with await picked_up(gateway) as trunk:
                await trunk.answer(await trunk.asked(), 200)
                assert await phone.status() == 200
                await other.sock.send(request("INVITE", "two"))
                invite = await trunk.asked()  # over the same connection
                assert invite.call_id == "two"
                await trunk.answer(invite, 486)
                assert await other.status() == 486
                assert (await trunk.asked()).method == "ACK"

    with listening() as gateway:
        run([target(gateway)], script)


@pytest.mark.rule("3261-18.4-02")
def test_a_connection_that_is_refused_leads_to_the_next_gateway_at_once() -> None:
    async def script(proxy: tuple[str, int]) -> None:
        assert await taken(proxy, alive) < 0.3

    with listening() as closed:
        dead = target(closed)
    with listening() as alive:
        run([dead, target(alive)], script)


def test_a_gateway_that_accepts_and_never_reads_is_left_after_a_while() -> None:
    async def script(proxy: tuple[str, int]) -> None:
        assert await taken(proxy, alive) >= 0.3

    with listening() as silent, listening() as alive:
        run([target(silent), target(alive)], script)


@pytest.mark.rule("AMB-11")
def test_a_gateway_that_closes_without_an_answer_leads_to_the_next_at_once() -> None:
    async def script(proxy: tuple[str, int]) -> None:
        with await Line.dial(proxy) as phone:
            begun = trio.current_time()
            await phone.sock.send(request("INVITE", "one"))
            with await picked_up(rude) as trunk:
                await trunk.asked()
            with await picked_up(alive) as trunk:
                await trunk.answer(await trunk.asked(), 200)
                assert await phone.status() == 200
            assert trio.current_time() < begun + 0.3

    with listening() as rude, listening() as alive:
        run([target(rude), target(alive)], script)


@pytest.mark.rule("3261-18.2.2-02")
def test_a_caller_whose_connection_is_gone_is_answered_over_a_new_one() -> None:
    async def script(proxy: tuple[str, int]) -> None:
        with listening() as reachable, await Line.dial(proxy) as phone:
            sent_by = f"127.0.0.1:{reachable.getsockname()[1]}"
            await phone.sock.send(request("INVITE", "one", sent_by))
            with await picked_up(gateway) as trunk:
                invite = await trunk.asked()
                assert isinstance(await phone.hear(), Response)  # 100
                phone.sock.close()
                with await Line.dial(proxy) as other:  # when this is answered, that was heard
                    await other.sock.send(request("OPTIONS", "two"))
                    assert await other.status() == 200
                await trunk.answer(invite, 200)
                with await picked_up(reachable) as again:
                    assert await again.status() == 200

    with listening() as gateway:
        run([target(gateway)], script)


def test_a_message_may_come_in_pieces_and_two_may_come_at_once() -> None:
    async def script(proxy: tuple[str, int]) -> None:
        with await Line.dial(proxy) as phone:
            options = request("OPTIONS", "one")
            for octet in options:
                await phone.sock.send(bytes([octet]))
            assert await phone.status() == 200
            second = options.replace(b"z9hG4bKone", b"z9hG4bKtwo")
            third = options.replace(b"z9hG4bKone", b"z9hG4bKthree")
            await phone.sock.send(second + third)
            assert [await phone.status(), await phone.status()] == [200, 200]

    run(["sip:127.0.0.1:9;transport=tcp"], script)


def test_what_is_not_sip_is_answered_and_the_connection_closed() -> None:
    async def script(proxy: tuple[str, int]) -> None:
        with await Line.dial(proxy) as phone:
            broken = request("OPTIONS", "one").replace(b"Content-Length: 0", b"Content-Length: x")
            await phone.sock.send(broken + bytes(10_000))
            assert await phone.status() == 400
            assert await phone.sock.recv(1) == b""

    run(["sip:127.0.0.1:9;transport=tcp"], script)
