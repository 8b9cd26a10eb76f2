"""The real core on the adapters, over TCP: calls come, go, fail over, and end well."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from loops import Adapter
from peers import Peer, listening
from sansip import (
    Address,
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
)
from talking import phone, picked_up, request

Script = Callable[[Address], Awaitable[None]]


class Gateways(Policy):
    def route(self, request: Request, scene: Scene) -> Relay | Reply:
        if request.method == "OPTIONS":
            return Reply(200)
        return Relay(Dispatch("gateways"), advance_after=0.3)


def run(adapter: Adapter, targets: list[str], script: Script) -> None:
    """Serve with one group, while ``script`` runs; all that began is over in the end."""
    config = Config(
        [Endpoint("tcp", "127.0.0.1:0", advertise="127.0.0.1:9")],
        groups={"gateways": targets},
        allow_hops=["127.0.0.0/8"],
    )

    async def main() -> None:
        async with adapter.serving(Engine(config, Gateways()), nameservers=()) as server:
            (where,) = server.addresses.values()
            await script(where)

    adapter.run(main)


def target(sock: Peer) -> str:
    return f"sip:{sock.address};transport=tcp"


async def taken(proxy: Address, gateway: Peer) -> float:
    """Make a call that this gateway takes, and say after how many seconds it has."""
    with await phone(proxy) as caller:
        begun = anyio.current_time()
        await caller.ask("INVITE", "one")
        with await picked_up(gateway) as trunk:
            await trunk.answer(await trunk.asked(), 200)
            assert await caller.status() == 200
        return anyio.current_time() - begun


@pytest.mark.rule("3261-18.2.2-01", "3261-18.1.1-05")
def test_calls_are_answered_on_their_connection_and_leave_over_one(adapter: Adapter) -> None:
    async def script(proxy: Address) -> None:
        with await phone(proxy) as caller, await phone(proxy) as other:
            await caller.send(request("INVITE", "one"))
            with await picked_up(gateway) as trunk:
                await trunk.answer(await trunk.asked(), 200)
                assert await caller.status() == 200
                await other.send(request("INVITE", "two"))
                invite = await trunk.asked()  # over the same connection
                assert invite.call_id == "two"
                await trunk.answer(invite, 486)
                assert await other.status() == 486
                assert (await trunk.asked()).method == "ACK"

    with listening() as gateway:
        run(adapter, [target(gateway)], script)


@pytest.mark.rule("3261-18.4-02")
def test_a_connection_that_is_refused_leads_to_the_next_gateway_at_once(adapter: Adapter) -> None:
    async def script(proxy: Address) -> None:
        assert await taken(proxy, alive) < 0.3

    with listening() as closed:
        dead = target(closed)
    with listening() as alive:
        run(adapter, [dead, target(alive)], script)


def test_a_gateway_that_accepts_and_never_reads_is_left_after_a_while(adapter: Adapter) -> None:
    async def script(proxy: Address) -> None:
        assert await taken(proxy, alive) >= 0.3

    with listening() as silent, listening() as alive:
        run(adapter, [target(silent), target(alive)], script)


@pytest.mark.rule("AMB-11")
def test_a_gateway_that_closes_without_an_answer_leads_to_the_next_at_once(
    adapter: Adapter,
) -> None:
    async def script(proxy: Address) -> None:
        with await phone(proxy) as caller:
            begun = anyio.current_time()
            await caller.send(request("INVITE", "one"))
            with await picked_up(rude) as trunk:
                await trunk.asked()
            with await picked_up(alive) as trunk:
                await trunk.answer(await trunk.asked(), 200)
                assert await caller.status() == 200
            assert anyio.current_time() < begun + 0.3

    with listening() as rude, listening() as alive:
        run(adapter, [target(rude), target(alive)], script)


@pytest.mark.rule("3261-18.2.2-02")
def test_a_caller_whose_connection_is_gone_is_answered_over_a_new_one(adapter: Adapter) -> None:
    async def script(proxy: Address) -> None:
        with listening() as reachable, await phone(proxy) as caller:
            sent_by = f"127.0.0.1:{reachable.port}"
            await caller.send(request("INVITE", "one", sent_by))
            with await picked_up(gateway) as trunk:
                invite = await trunk.asked()
                assert isinstance(await caller.hear(), Response)  # 100
                caller.peer.close()
                with await phone(proxy) as other:  # when this is answered, that was heard
                    await other.send(request("OPTIONS", "two"))
                    assert await other.status() == 200
                await trunk.answer(invite, 200)
                with await picked_up(reachable) as again:
                    assert await again.status() == 200

    with listening() as gateway:
        run(adapter, [target(gateway)], script)


def test_a_message_may_come_in_pieces_and_two_may_come_at_once(adapter: Adapter) -> None:
    async def script(proxy: Address) -> None:
        with await phone(proxy) as caller:
            options = request("OPTIONS", "one")
            for octet in options:
                await caller.peer.send(bytes([octet]))
            assert await caller.status() == 200
            second = options.replace(b"z9hG4bKone", b"z9hG4bKtwo")
            third = options.replace(b"z9hG4bKone", b"z9hG4bKthree")
            await caller.peer.send(second + third)
            assert [await caller.status(), await caller.status()] == [200, 200]

    run(adapter, ["sip:127.0.0.1:9;transport=tcp"], script)


def test_what_is_not_sip_is_answered_and_the_connection_closed(adapter: Adapter) -> None:
    async def script(proxy: Address) -> None:
        with await phone(proxy) as caller:
            broken = request("OPTIONS", "one").replace(b"Content-Length: 0", b"Content-Length: x")
            await caller.peer.send(broken + bytes(10_000))
            assert await caller.status() == 400
            assert await caller.peer.recv(1) == b""

    run(adapter, ["sip:127.0.0.1:9;transport=tcp"], script)
