"""How serving ends: by cancellation, or by a mistake. Nothing is left behind."""

import asyncio
import gc
import socket
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import anyio
import dns.flags
import dns.message
import pytest

import sansip_asyncio
from loops import Adapter, adapters, settle, until
from peers import Peer, bound, listening, open_sockets
from puppet import HERE, History, Puppet, Scripted, run, tell
from sansip import (
    Action,
    Administered,
    Consult,
    DatagramReceived,
    Deliver,
    DnsAnswered,
    Endpoint,
    Event,
    FlowOpened,
    OpenFlow,
    QueryDns,
    Report,
    Send,
    StartTimer,
    StopDns,
    Timer,
    TimerFired,
)
from sansip_adapter.server import Server

on_asyncio = pytest.mark.parametrize(  # trio knows nothing like it
    "adapter",
    [each for each in adapters() if each.loop == "asyncio"],
    ids=lambda each: each.name,
)
TCP = Endpoint("tcp", "127.0.0.1:0", advertise="192.0.2.10:5060")


@contextmanager
def world() -> Generator[tuple[Peer, Peer]]:
    """A name server that is silent, and a peer that accepts connections and reads nothing."""
    with bound() as silent, listening() as idle:
        yield silent, idle


class Busy(Puppet):
    """A core that has begun everything that it can begin, and waits."""

    def __init__(self, idle: Peer) -> None:
        first: list[Action] = [
            StartTimer(Timer("a", "A", 1), 60.0),
            StartTimer(Timer("b", "B", 1), 0.0),
            QueryDns(1, "gw.example.com", "A"),
            QueryDns(2, "gw.example.com", "SRV"),
            Consult("q", "data", 60.0),
            OpenFlow(-1, TCP.name, "tcp", idle.address, None),
        ]
        super().__init__(self.fill, first=first, endpoints=[HERE, TCP])

    def fill(self, event: Event) -> Iterable[Action]:
        if isinstance(event, FlowOpened) and event.flow < 0:
            for _ in range(64):  # more than the kernel takes
                yield Send("1", TCP.name, event.remote, event.flow, bytes(1 << 17))
                yield Send("2", HERE.name, event.remote, None, b"nobody is there")

    async def is_busy(self, server: Server[History], peer: socket.socket) -> None:
        host, port = server.addresses[TCP.name].host, server.addresses[TCP.name].port
        peer.connect((host, port))
        await self.hears(server, FlowOpened, 2)
        await self.hears(server, TimerFired)
        await settle()


async def never(_data: object) -> None:
    await anyio.sleep_forever()


def test_cancellation_leaves_nothing_behind(adapter: Adapter) -> None:
    before = open_sockets()

    async def main() -> None:
        with world() as (silent, idle), socket.socket() as peer:
            core, idle_sockets = Busy(idle), open_sockets()
            options = {"nameservers": [str(silent.address)], "on_consult": never}
            async with adapter.serving(core, **options) as server:
                await core.is_busy(server, peer)
            await settle()  # asyncio's own transports close a turn later
            assert open_sockets() == idle_sockets
        with pytest.raises(RuntimeError, match="ended"):
            tell(server)

    adapter.strictly().run(main)
    assert open_sockets() == before


@on_asyncio
@pytest.mark.parametrize("times", [1, 2])
def test_a_task_that_serves_is_cancelled_as_any_other(adapter: Adapter, times: int) -> None:
    async def main() -> None:
        with world() as (silent, idle), socket.socket() as peer:
            core, idle_sockets = Busy(idle), open_sockets()
            started: asyncio.Future[Server[History]] = asyncio.Future()
            task = asyncio.create_task(
                sansip_asyncio.serve(
                    core,
                    started=started.set_result,
                    nameservers=[str(silent.address)],
                    on_consult=slow_to_end,
                )
            )
            await core.is_busy(await started, peer)
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await task
            assert ended == [True]  # it has waited, however often it was cancelled
            await settle()
            assert open_sockets() == idle_sockets

    async def slow_to_end(_data: object) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            for _ in range(10):
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(0)
            ended.append(True)

    ended: list[bool] = []
    adapter.strictly().run(main)


def test_a_server_that_is_cancelled_while_it_starts_leaves_nothing(adapter: Adapter) -> None:
    async def main() -> None:
        with world() as (silent, idle):
            idle_sockets = open_sockets()
            with anyio.CancelScope() as scope:
                scope.cancel()
                await adapter.serve(Busy(idle), nameservers=[str(silent.address)], on_consult=never)
            await settle()
            assert open_sockets() == idle_sockets

    adapter.strictly().run(main)


def test_dns_over_tcp_that_is_stopped_leaves_no_socket(adapter: Adapter) -> None:
    """The name server says: too large, ask over TCP; and then says nothing."""

    async def script(server: Server[History]) -> None:
        idle = open_sockets()
        core.do(server, QueryDns(1, "gw.example.com", "A"))
        wire, source = await udp.recvfrom()
        answer = dns.message.make_response(dns.message.from_wire(wire))
        answer.flags |= dns.flags.TC
        await udp.sendto(answer.to_wire(), source)
        await anyio.wait_readable(tcp.sock)
        await settle()
        assert open_sockets() == idle + 2
        core.do(server, StopDns(1))
        await until(lambda: open_sockets() == idle)

    with listening() as tcp, bound(port=tcp.port) as udp:
        core = Scripted()
        heard = run(adapter.strictly(), core, script, nameservers=[str(udp.address)])
    assert not [event for event in heard if isinstance(event, DnsAnswered)]


# Mistakes


async def lives(server: Server[History]) -> None:
    """Make it hear something, and wait for ever."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        address = server.addresses[HERE.name]
        sock.sendto(b"data", (address.host, address.port))
    await anyio.sleep_forever()


def fail(*_given: object) -> None:
    raise ZeroDivisionError("a mistake")


async def fail_later(_data: object) -> None:
    await anyio.lowlevel.checkpoint()
    fail()


def on(kind: type[Event], *orders: Action) -> Callable[[Event], Iterable[Action]]:
    return lambda event: orders if isinstance(event, kind) else ()


REPORT = Report("policy", "", "now")
SLOW = QueryDns(1, "nowhere", "SRV")


@pytest.mark.parametrize(
    ("core", "options"),
    [
        (Puppet(first=[REPORT]), {"on_report": fail}),
        (Puppet(on(DatagramReceived, REPORT)), {"on_report": fail}),
        (Puppet(on(DatagramReceived, Deliver("1", "end", None))), {"on_deliver": fail}),
        (Puppet(), {"tap": fail}),
        (Puppet(on(DatagramReceived, Consult("q", 1, 5.0))), {"on_consult": fail_later}),
        (
            Puppet(on(TimerFired, REPORT), first=[StartTimer(Timer("a", "A", 1), 0.01)]),
            {"on_report": fail},
        ),
        (Puppet(on(DnsAnswered, REPORT), first=[SLOW]), {"on_report": fail, "nameservers": []}),
    ],
    ids=["start", "datagram", "deliver", "tap", "consult", "timer", "dns"],
)
def test_what_a_callback_raises_ends_the_server(
    adapter: Adapter, core: Puppet, options: dict[str, Any]
) -> None:
    before = open_sockets()
    with pytest.raises(ExceptionGroup) as caught:
        run(adapter.strictly(), core, lives, **options)
    assert caught.group_contains(ZeroDivisionError, match="a mistake")
    del caught
    gc.collect()
    assert open_sockets() == before


def test_what_is_raised_on_the_way_out_is_raised_too(adapter: Adapter) -> None:
    async def find_out(_data: object) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            fail()

    core = Puppet(first=[Consult("q", "data", 60.0)])
    with pytest.raises(ExceptionGroup) as caught:
        run(adapter, core, settle, on_consult=find_out)
    assert caught.group_contains(ZeroDivisionError, match="a mistake")


@on_asyncio
def test_what_the_program_raises_when_all_is_open_ends_the_server_too(adapter: Adapter) -> None:
    before = open_sockets()
    main = partial(sansip_asyncio.serve, Puppet(), started=fail)
    with pytest.raises(ZeroDivisionError):
        adapter.run(main)
    assert open_sockets() == before


def test_the_end_of_a_server_is_told_where_it_is_stepped(adapter: Adapter) -> None:
    servers: list[Server[History]] = []

    async def script(server: Server[History]) -> None:
        servers.append(server)
        tell(server)

    (event,) = run(adapter, Puppet(), script)
    assert isinstance(event, Administered)
    with pytest.raises(RuntimeError, match=r"^the server has ended$"):
        tell(servers[0])
    assert servers[0].state == (event,)
