"""Peers that mean no good: they cost little, others are served meanwhile, and somebody is told."""

import resource
import ssl
from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack, contextmanager

import anyio
import anyio.lowlevel
import pytest

from certified import calling
from loops import Adapter
from peers import Peer, bound, dial, open_sockets, sockets_closed
from sansip import (
    Address,
    Config,
    Dispatch,
    Endpoint,
    Engine,
    Limits,
    Policy,
    Relay,
    Reply,
    Report,
    Request,
    Scene,
    State,
)
from sansip_adapter import connection
from sansip_adapter.connection import WAITING
from sansip_adapter.server import Server
from sansip_adapter.tls import Tls
from talking import Datagrams, phone, request

ENDPOINTS = [
    Endpoint("udp", "127.0.0.1:0", advertise="127.0.0.1:9"),
    Endpoint("tcp", "127.0.0.1:0", advertise="127.0.0.1:10"),
    Endpoint("tls", "127.0.0.1:0", advertise="127.0.0.1:11"),
]
GARBAGE = bytes(range(256)) * 16
MANY = 300  # connections; as many sockets again are ours


class Gateways(Policy):
    def route(self, request: Request, scene: Scene) -> Relay | Reply:
        if request.method == "OPTIONS":
            return Reply(200)
        return Relay(Dispatch("gateways"))


class Proxy:
    """A proxy that is at work, with one gateway, and what it has reported."""

    def __init__(self, server: Server[State], reports: list[Report]) -> None:
        self.server, self.reports = server, reports
        self._calls = 0

    def address(self, transport: str) -> Address:
        (found,) = [a for name, a in self.server.addresses.items() if name.startswith(transport)]
        return found

    async def connected(self, transport: str) -> Peer:
        """A peer over this transport, as far as it wants to agree on TLS."""
        peer = await dial(self.address(transport))
        return await peer.secured(calling()) if transport == "tls" else peer

    async def serves(self) -> None:
        """Somebody else makes a call now."""
        self._calls += 1
        with anyio.fail_after(3), await phone(self.address("tcp")) as caller:
            await caller.ask("INVITE", f"call-{self._calls}")
            assert await caller.status() == 200

    async def reported(self, text: str, many: int = 1) -> None:
        """Wait until so many reports say this."""
        while len([r for r in self.reports if text in r.text or text in r.topic]) < many:
            await anyio.lowlevel.checkpoint()


Script = Callable[[Proxy], Awaitable[None]]


def run(adapter: Adapter, tls: Tls, script: Script, limits: Limits | None = None) -> list[Report]:
    reports: list[Report] = []

    async def take_all(gateway: Peer) -> None:
        line = Datagrams(gateway)
        while True:
            asked = await line.asked()
            if asked.method == "INVITE":
                await line.answer(asked, 200)

    async def main() -> None:
        with bound() as gateway:
            groups = {"gateways": [f"sip:{gateway.address}"]}
            config = Config(ENDPOINTS, groups=groups, allow_hops=["127.0.0.0/8"], limits=limits)
            async with anyio.create_task_group() as group:
                group.start_soon(take_all, gateway)
                async with adapter.serving(
                    Engine(config, Gateways()), nameservers=(), tls=tls, on_report=reports.append
                ) as server:
                    await script(Proxy(server, reports))
                group.cancel_scope.cancel()

    adapter.run(main)
    return reports


@contextmanager
def enough_files(many: int) -> Generator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < many:
        pytest.skip(f"no more than {hard} open files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, many), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


streams = pytest.mark.parametrize("transport", ["tcp", "tls"])


def test_garbage_in_datagrams_is_dropped_and_reported(adapter: Adapter, settings: Tls) -> None:
    async def script(proxy: Proxy) -> None:
        with bound() as peer:
            for size in (0, 1, 3, 4, 100, 4096):
                for _ in range(50):
                    await peer.sendto(GARBAGE[:size], proxy.address("udp"))
                await proxy.serves()

    reports = run(adapter, settings, script)
    assert {report.topic for report in reports} & {"malformed", "dropped"}


@streams
@pytest.mark.parametrize("data", [GARBAGE, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\r" * 4096])
def test_garbage_over_a_connection_ends_it(
    adapter: Adapter, settings: Tls, transport: str, data: bytes
) -> None:
    limits = Limits(partial_message=0.2)

    async def script(proxy: Proxy) -> None:
        for _ in range(5):
            with await proxy.connected(transport) as peer:
                await peer.send(data)
                await proxy.serves()
                await peer.read_all()

    reports = run(adapter, settings, script, limits)
    assert {report.topic for report in reports} & {"malformed", "dropped"}


@streams
def test_half_a_message_is_waited_for_no_longer_than_allowed(
    adapter: Adapter, settings: Tls, transport: str
) -> None:
    limits = Limits(partial_message=0.3)

    async def script(proxy: Proxy) -> None:
        before = open_sockets()
        whole = request("OPTIONS", "half", transport=transport.upper())
        with ExitStack() as stack:
            peers = [stack.enter_context(await proxy.connected(transport)) for _ in range(20)]
            begun = anyio.current_time()
            for size, peer in enumerate(peers, start=1):
                await peer.send(whole[: -10 * size])
            await proxy.serves()
            for peer in peers:
                await peer.read_all()
            assert anyio.current_time() > begun + 0.25
        await proxy.serves()
        await sockets_closed(before)

    reports = run(adapter, settings, script, limits)
    assert len([report for report in reports if report.topic in {"malformed", "dropped"}]) >= 20


@streams
def test_who_sends_a_byte_at_a_time_gets_no_more_time_for_it(
    adapter: Adapter, settings: Tls, transport: str
) -> None:
    limits = Limits(partial_message=0.3)

    async def trickle(peer: Peer) -> None:
        while True:
            await peer.send(b"x")
            await anyio.sleep(0.02)

    async def script(proxy: Proxy) -> None:
        with await proxy.connected(transport) as peer:
            await peer.send(b"OPTIONS sip:")
            with anyio.fail_after(2), pytest.raises(OSError):  # noqa: PT011 - a reset or such
                await trickle(peer)
            await proxy.serves()

    reports = run(adapter, settings, script, limits)
    assert {report.topic for report in reports} & {"malformed", "dropped"}


@streams
def test_many_idle_connections_disturb_nobody(
    adapter: Adapter, settings: Tls, transport: str
) -> None:
    async def script(proxy: Proxy) -> None:
        before = open_sockets()
        with ExitStack() as stack:
            peers = [stack.enter_context(await proxy.connected(transport)) for _ in range(MANY)]
            await proxy.serves()
            for peer in peers[::50]:
                await peer.send(b"\r\n\r\n")
                assert await peer.read(2) == b"\r\n"
            assert len(proxy.server.state.flows) >= MANY
        await sockets_closed(before)

    with enough_files(4 * MANY):
        assert not run(adapter, settings, script)


@streams
def test_more_connections_than_allowed_are_closed_and_those_who_are_there_go_on(
    adapter: Adapter, settings: Tls, transport: str
) -> None:
    limits = Limits(flows=22)

    async def script(proxy: Proxy) -> None:
        with ExitStack() as stack, await phone(proxy.address("tcp")) as caller:
            for number in range(40):
                peer = stack.enter_context(await proxy.connected(transport))
                if number >= 20:
                    assert await peer.read_all() == b""
            await caller.ask("INVITE", "one")
            assert await caller.status() == 200

    reports = run(adapter, settings, script, limits)
    assert [report.topic for report in reports].count("limit") >= 20


@streams
@pytest.mark.usefixtures("small_buffers")
def test_who_asks_and_never_reads_loses_the_connection(
    adapter: Adapter, settings: Tls, transport: str
) -> None:
    async def ask_and_ask(proxy: Proxy, peer: Peer) -> None:
        for number in range(10 * WAITING // (300 * 100)):
            await peer.send(request("OPTIONS", f"{number}", transport=transport.upper()) * 100)
            if number % 10 == 0:
                await proxy.serves()

    async def script(proxy: Proxy) -> None:
        peer = await dial(proxy.address(transport), 4096)
        if transport == "tls":
            peer = await peer.secured(calling())
        with peer, pytest.raises(OSError):  # noqa: PT011 - a reset, or a broken pipe
            await ask_and_ask(proxy, peer)
        await proxy.serves()
        await proxy.reported("the peer does not read")

    run(adapter, settings, script)


def test_slow_handshakes_take_their_time_and_no_more(
    adapter: Adapter, settings: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HANDSHAKE", 0.4)

    async def slowly(peer: Peer) -> None:
        hello = ssl.MemoryBIO()
        client = calling().wrap_bio(ssl.MemoryBIO(), hello)
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        for octet in hello.read():
            await peer.send(bytes([octet]))
            await anyio.sleep(0.02)

    async def left(where: Address) -> None:
        with await dial(where) as peer, pytest.raises(OSError):  # noqa: PT011
            await slowly(peer)

    async def script(proxy: Proxy) -> None:
        before = open_sockets()
        async with anyio.create_task_group() as group:
            for _ in range(30):
                group.start_soon(left, proxy.address("tls"))
            await proxy.serves()
            with await proxy.connected("tls"):
                await proxy.serves()
        await proxy.reported("no TLS handshake within 0.4 s", 30)
        await sockets_closed(before)

    run(adapter, settings, script)
