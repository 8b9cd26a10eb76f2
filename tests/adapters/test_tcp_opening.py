"""TCP connections over the loopback: how they open; IPv6 where the machine has it."""

import errno
import os
import resource
import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from functools import partial

import anyio
import anyio.lowlevel
import pytest

from flows import TCP, echo, order, say
from loops import Adapter, settle
from peers import Peer, bound, closed_port, dial, listening, open_sockets
from puppet import HERE, History, Puppet, Scripted, run
from sansip import (
    Address,
    Administered,
    CloseFlow,
    DatagramReceived,
    Endpoint,
    FlowClosed,
    FlowOpened,
    Report,
    SendFailed,
    StreamReceived,
)
from sansip_adapter import tcp
from sansip_adapter.endpoints import EndpointError
from sansip_adapter.server import Server
from sansip_adapter.tcp import Listener


async def call(server: Server[History], name: str = TCP.name) -> Peer:
    return await dial(server.addresses[name])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_bytes_come_and_go_over_a_connection_that_a_peer_opens(adapter: Adapter, host: str) -> None:
    try:
        with listening(host):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    shown = f"[{host}]" if ":" in host else host
    endpoint = Endpoint("tcp", f"{shown}:0", advertise="192.0.2.10:5060")

    async def script(server: Server[History]) -> None:
        with await call(server, endpoint.name) as phone:
            phones.append(phone.address)
            await phone.send(b"hello")
            assert await phone.read(5) == b"hello"
        await core.hears(server, FlowClosed)
        wheres.append(server.addresses[endpoint.name])

    phones: list[Address] = []
    wheres: list[Address] = []
    core = Puppet(partial(echo, endpoint=endpoint), endpoints=[endpoint])
    opened, received, closed = run(adapter, core, script)
    assert opened == FlowOpened(opened.at, 1, endpoint.name, phones[0], wheres[0])
    assert wheres[0].port != 0
    assert received == StreamReceived(received.at, 1, b"hello")
    assert closed == FlowClosed(closed.at, 1, "closed by the peer")


def test_a_wildcard_tells_the_address_that_was_dialled(adapter: Adapter) -> None:
    anywhere = Endpoint("tcp", "0.0.0.0:0", advertise="192.0.2.10:5060")

    async def script(server: Server[History]) -> None:
        where = Address("127.0.0.7", server.addresses[anywhere.name].port)
        with await dial(where):
            (opened,) = await core.hears(server, FlowOpened)
            assert opened.local == where

    core = Puppet(endpoints=[anywhere])
    run(adapter, core, script)


def test_no_two_connections_have_one_number(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        for count in range(1, 4):
            for name in (TCP.name, other.name):
                with await call(server, name):
                    pass
            await core.hears(server, FlowClosed, 2 * count)

    other = Endpoint("tcp", "127.0.0.2:0", advertise="192.0.2.11:5060")
    core = Puppet(endpoints=[TCP, other])
    heard = run(adapter, core, script)
    numbers = [event.flow for event in heard if isinstance(event, FlowOpened)]
    assert sorted(numbers) == [1, 2, 3, 4, 5, 6]


def test_udp_and_tcp_have_the_same_port(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        assert list(server.addresses) == [udp.name, there.name]
        with await call(server, there.name) as phone:
            await phone.send(b"stream")
            assert await phone.read(6) == b"stream"
        with bound() as phone:
            await phone.sendto(b"datagram", port)
            await core.hears(server, DatagramReceived)

    port = closed_port()
    udp, there = Endpoint("udp", str(port)), Endpoint("tcp", str(port))
    core = Puppet(partial(echo, endpoint=there), endpoints=[udp, there])
    run(adapter, core, script)


def test_it_opens_connections_from_the_address_of_the_endpoint(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        with listening("127.0.0.3") as gateway:
            core.do(server, order(-7, gateway.address, there))
            with await gateway.accept() as stream:
                (opened,) = await core.hears(server, FlowOpened)
                local = Address(*stream.sock.getpeername())
                assert opened == FlowOpened(opened.at, -7, there.name, gateway.address, local)
                assert local.host == "127.0.0.2"
                core.do(server, say(-7, b"one", endpoint=there), say(-7, b"two", endpoint=there))
                assert await stream.read(6) == b"onetwo"
                await stream.send(b"three")
                (received,) = await core.hears(server, StreamReceived)
                assert (received.flow, received.data) == (-7, b"three")

    there = Endpoint("tcp", "127.0.0.2:0", advertise="192.0.2.11:5060")
    core = Scripted(endpoints=[TCP, there])
    run(adapter, core, script)


@pytest.mark.rule("3261-18.4-02")
@pytest.mark.parametrize(
    ("remote", "reason"),
    [
        (None, "Connection refused"),
        (Address("127.0.0.1", 65_536), "port must be 0-65535"),
        (Address("gw.example.com", 5060), "illegal IP address string"),
        (Address("::1", 5060), "illegal IP address string"),
        (Address("255.255.255.255", 5060), "Network is unreachable"),
    ],
)
def test_a_connection_that_cannot_be_opened_is_told(
    adapter: Adapter, remote: Address | None, reason: str
) -> None:
    async def script(server: Server[History]) -> None:
        core.do(server, order(-1, remote or closed_port()))
        (closed,) = await core.hears(server, FlowClosed)
        assert closed.flow == -1
        assert reason in closed.reason

    core = Scripted(endpoints=[TCP])
    assert len(run(adapter, core, script)) == 2


def test_a_connection_that_takes_too_long_can_be_given_up(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        with listening(backlog=0) as gateway, ExitStack() as fillers:
            for _ in range(3):  # now the kernel answers no more
                filler = fillers.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex((gateway.address.host, gateway.port))
            before = open_sockets()
            core.do(server, order(-1, gateway.address))
            await settle(server)
            assert open_sockets() == before + 1
            core.do(server, say(-1, b"too early"))
            await settle(server)
            core.do(server, CloseFlow(-1))
            await settle(server)
            assert open_sockets() == before

    core = Scripted(endpoints=[TCP])
    _, _, failed, _ = run(adapter, core, script)
    assert isinstance(failed, SendFailed)
    assert (failed.reason, failed.quoted) == ("it is not open yet", b"too early")


def test_a_connection_that_opens_while_it_is_given_up_is_closed(adapter: Adapter) -> None:
    # Which of the two comes first is for the loop to say: it is tried often.
    async def script(server: Server[History]) -> None:
        before = open_sockets()
        with listening() as gateway:
            for number in range(-20, 0):
                core.do(server, order(number, gateway.address))
                await anyio.lowlevel.checkpoint()
                await anyio.lowlevel.checkpoint()  # by now the kernel has opened it
                core.do(server, CloseFlow(number))
                with await gateway.accept() as stream:
                    assert await stream.read_all() == b""
        await settle(server)
        assert open_sockets() == before

    core = Scripted(endpoints=[TCP])
    heard = run(adapter, core, script)
    assert not [event for event in heard if isinstance(event, FlowClosed)]
    # None is told of after its end.
    opened = [at for at, event in enumerate(heard) if isinstance(event, FlowOpened)]
    assert all(isinstance(heard[at + 1], Administered) for at in opened)


# Many


def test_many_connections_at_once(adapter: Adapter) -> None:
    many = 200

    async def talk(server: Server[History], number: int) -> None:
        with await call(server) as phone:
            for _ in range(3):
                text = b"%04d" % number
                await phone.send(text)
                assert await phone.read(4) == text

    async def script(server: Server[History]) -> None:
        before = open_sockets()
        async with anyio.create_task_group() as group:
            for number in range(many):
                group.start_soon(talk, server, number)
        await core.hears(server, FlowClosed, many)
        assert open_sockets() == before

    core = Puppet(echo, endpoints=[TCP])
    heard = run(adapter, core, script)
    times = [event.at for event in heard]
    assert times == sorted(times)
    assert len([event for event in heard if isinstance(event, FlowOpened)]) == many


def test_resets_right_after_connecting_do_not_hurt_the_listener(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        where = server.addresses[TCP.name]
        for _ in range(100):  # the loop does not get round to it
            Peer(socket.create_connection((where.host, where.port))).reset()
        with await call(server) as phone:
            await phone.send(b"alive")
            assert await phone.read(5) == b"alive"
        await core.hears(server, FlowClosed, len(await core.hears(server, FlowOpened)))

    core = Puppet(echo, endpoints=[TCP])
    run(adapter, core, script)


@contextmanager
def most_open_files(most: int) -> Generator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def next_file() -> int:
    with socket.socket() as sock:
        return sock.fileno()


@pytest.mark.parametrize("quarter", [False, True])
def test_without_file_descriptors_it_waits_and_says_so_once(
    adapter: Adapter, monkeypatch: pytest.MonkeyPatch, *, quarter: bool
) -> None:
    async def script(server: Server[History]) -> None:
        where = server.addresses[TCP.name]
        with ExitStack() as opened:
            phones = [opened.enter_context(socket.socket()) for _ in range(8)]
            for phone in phones:
                phone.connect((where.host, where.port))
            most = next_file() * 4 // 3 if quarter else next_file()
            with most_open_files(most):
                await anyio.sleep(4.5 * tcp.PAUSE)
                assert 2 <= len(wakes) <= 5
            phones[-1].send(b"patient")
            await core.hears(server, StreamReceived)

    wakes: list[Listener] = []
    ready = Listener.ready

    def counted(listener: Listener) -> None:
        wakes.append(listener)
        ready(listener)

    monkeypatch.setattr(Listener, "ready", counted)
    monkeypatch.setattr(tcp, "PAUSE", 0.02)
    reports: list[Report] = []
    core = Puppet(endpoints=[TCP])
    run(adapter, core, script, on_report=reports.append)
    reason = (
        "too many open files; the last quarter is kept for our own connections"
        if quarter
        else os.strerror(errno.EMFILE)
    )
    text = f"cannot accept connections: {reason}"
    assert reports == [Report("transport", TCP.name, text)]


def test_without_file_descriptors_no_connection_opens(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        with listening() as gateway, most_open_files(next_file()):
            core.do(server, order(-1, gateway.address))
            (closed,) = await core.hears(server, FlowClosed)
            assert closed.reason == os.strerror(errno.EMFILE)

    core = Scripted(endpoints=[TCP])
    run(adapter, core, script)


def test_a_port_in_use_names_endpoint_and_remedy(adapter: Adapter) -> None:
    with listening() as taken:
        endpoint = Endpoint("tcp", str(taken.address))
        with pytest.raises(EndpointError) as caught:
            adapter.run(partial(adapter.serve, Puppet(endpoints=[HERE, endpoint])))
    remedy = '(another program listens there: "ss -ltnp" shows which)'
    assert str(caught.value) == f"{endpoint.name}: address already in use {remedy}"
