"""What a policy asks for, the trio adapter lets an async function find out."""

import socket
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio

import sansip
from sansip_trio import Server, serve

Answerer = Callable[[object], Awaitable[object]]


class AskFirst(sansip.Policy):
    """It answers with the status that it is told."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Ask(request.uri.user, "decide", within=0.2)

    def decide(
        self, request: sansip.Request, scene: sansip.Scene, answer: object
    ) -> sansip.Decision:
        return sansip.Reply(answer if isinstance(answer, int) else 480)


def ask(on_consult: Answerer | None) -> int:
    """Send one request over the loopback, and give the status of the answer."""
    config = sansip.Config([sansip.Endpoint("udp", "127.0.0.1:0", advertise="127.0.0.1:9")])

    async def main() -> int:
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                engine = sansip.Engine(config, AskFirst())
                server: Server[sansip.State] = await nursery.start(
                    partial(serve, engine, on_consult=on_consult)
                )
                (address,) = server.addresses.values()
                with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                    await client.bind(("127.0.0.1", 0))
                    port = client.getsockname()[1]
                    await client.sendto(message(port), address_of(address))
                    answer = sansip.parse(await client.recv(65535))
                nursery.cancel_scope.cancel()
        assert isinstance(answer, sansip.Response)
        return answer.status

    return trio.run(main)


def address_of(address: sansip.Address) -> tuple[str, int]:
    return address.host, address.port


def message(port: int) -> bytes:
    return sansip.Request.make(
        "OPTIONS",
        "sip:somebody@127.0.0.1",
        [
            ("Via", f"SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKa"),
            ("From", "<sip:alice@example.org>;tag=a"),
            ("To", "<sip:somebody@127.0.0.1>"),
            ("Call-ID", "c"),
            ("CSeq", "1 OPTIONS"),
        ],
    ).render()


def test_the_answer_of_an_async_function_decides() -> None:
    asked: list[object] = []

    async def find_out(data: object) -> object:
        asked.append(data)
        await trio.sleep(0.01)
        return 486

    assert ask(find_out) == 486
    assert asked == ["somebody"]


def test_one_that_takes_too_long_is_cancelled_and_counts_as_none() -> None:
    ended: list[bool] = []

    async def find_out(_data: object) -> object:
        with trio.CancelScope() as scope:
            try:
                await trio.sleep_forever()
            finally:
                ended.append(not scope.cancel_called)
        return 486

    assert ask(find_out) == 480
    assert ended == [True]


def test_without_one_time_decides() -> None:
    assert ask(None) == 480


def test_what_it_raises_ends_the_server() -> None:
    async def find_out(_data: object) -> object:
        raise ValueError("no database")

    with pytest.raises(BaseExceptionGroup) as caught:
        ask(find_out)
    assert "no database" in repr(caught.value.exceptions)
