"""What a policy asks for, an adapter lets an async function find out."""

import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import anyio
import pytest

import sansip
from loops import Adapter, settle
from puppet import HERE, Puppet, run

Answerer = Callable[[object], Awaitable[object]]


class AskFirst(sansip.Policy):
    """It answers with the status that it is told."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Ask(request.uri.user, "decide", within=0.2)

    def decide(
        self, request: sansip.Request, scene: sansip.Scene, answer: object
    ) -> sansip.Decision:
        return sansip.Reply(answer if isinstance(answer, int) else 480)


def ask(adapter: Adapter, on_consult: Answerer | None) -> int:
    """Send one request over the loopback, and give the status of the answer."""
    config = sansip.Config([sansip.Endpoint("udp", "127.0.0.1:0", advertise="127.0.0.1:9")])

    async def main() -> int:
        engine = sansip.Engine(config, AskFirst())
        async with adapter.serving(engine, on_consult=on_consult) as server:
            (address,) = server.addresses.values()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.setblocking(False)
                client.bind(("127.0.0.1", 0))
                port = client.getsockname()[1]
                client.sendto(message(port), address_of(address))
                await anyio.wait_readable(client)
                answer = sansip.parse(client.recv(65535))
        assert isinstance(answer, sansip.Response)
        return answer.status

    return adapter.run(main)


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


def test_the_answer_of_an_async_function_decides(adapter: Adapter) -> None:
    asked: list[object] = []

    async def find_out(data: object) -> object:
        asked.append(data)
        await anyio.sleep(0.01)
        return 486

    assert ask(adapter, find_out) == 486
    assert asked == ["somebody"]


def test_one_that_takes_too_long_is_cancelled_and_counts_as_none(adapter: Adapter) -> None:
    ended: list[bool] = []

    async def find_out(_data: object) -> object:
        with anyio.CancelScope() as scope:
            try:
                await anyio.sleep_forever()
            finally:
                ended.append(not scope.cancel_called)
        return 486

    assert ask(adapter, find_out) == 480
    assert ended == [True]


def test_it_is_cancelled_when_its_time_is_up_and_not_only_at_the_end(adapter: Adapter) -> None:
    async def find_out(_data: object) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    async def script(_server: object) -> None:
        await ended.wait()

    ended = anyio.Event()
    core = Puppet(first=[sansip.Consult("1", "data", 0.01)])
    assert run(adapter, core, script, on_consult=find_out) == ()


def test_without_one_time_decides(adapter: Adapter) -> None:
    assert ask(adapter, None) == 480


def test_what_it_raises_ends_the_server(adapter: Adapter) -> None:
    async def find_out(_data: object) -> object:
        raise ValueError("no database")

    with pytest.raises(ExceptionGroup) as caught:
        ask(adapter, find_out)
    assert caught.group_contains(ValueError, match="no database")


def test_one_that_will_not_be_cancelled_is_waited_for_and_its_answer_does_no_harm(
    adapter: Adapter,
) -> None:
    ended: list[bool] = []

    async def find_out(_data: object) -> object:
        with suppress(anyio.get_cancelled_exc_class()):
            await anyio.sleep_forever()
        ended.append(True)
        return 486

    def react(event: sansip.Event) -> Iterable[sansip.Action]:
        assert adapter.loop == "trio", "the server has ended"  # on trio, when all else has
        yield sansip.Send("1", HERE.name, sansip.Address("127.0.0.1", 9), None, b"486")

    core = Puppet(react, first=[sansip.Consult("1", "data", 5.0)])
    run(adapter, core, settle, on_consult=find_out)
    assert ended == [True]
