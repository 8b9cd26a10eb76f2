"""The TCP connections of the trio adapter, over the loopback; IPv6 where the machine has it."""

import errno
import os
import resource
import socket
import struct
from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest
import trio

from puppet import HERE, History, Puppet, Scripted, run, settle
from sansip import (
    Action,
    Address,
    Administered,
    CloseFlow,
    DatagramReceived,
    Endpoint,
    Event,
    FlowClosed,
    FlowOpened,
    OpenFlow,
    Report,
    Send,
    SendFailed,
    StreamReceived,
)
from sansip_trio import EndpointError, Server, serve, tcp
from sansip_trio.tcp import WAITING

TCP = Endpoint("tcp", "127.0.0.1:0", advertise="192.0.2.10:5060")
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets
Peer = trio.socket.SocketType


def echo(event: Event, endpoint: Endpoint = TCP) -> Iterable[Action]:
    """Send back what comes over a connection."""
    if isinstance(event, StreamReceived):
        yield say(event.flow, event.data, endpoint=endpoint)


def say(flow: int | None, data: bytes, id: str = "1", endpoint: Endpoint = TCP) -> Send:
    return Send(id, endpoint.name, Address("127.0.0.1", 9), flow, data)


def order(flow: int, remote: Address, endpoint: Endpoint = TCP) -> OpenFlow:
    return OpenFlow(flow, endpoint.name, "tcp", remote, None)


def address_of(sock: socket.socket | Peer) -> Address:
    host, port = sock.getsockname()[:2]
    return Address(host, port)


@contextmanager
def listening(host: str = "127.0.0.1", backlog: int = 100) -> Generator[Peer]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        sock.bind((host, 0))
        sock.listen(backlog)
        yield trio.socket.from_stdlib_socket(sock)


def closed_port() -> Address:
    with listening() as sock:
        return address_of(sock)


async def dial(server: Server[History], name: str = TCP.name) -> Peer:
    """Connect as a peer does."""
    where = server.addresses[name]
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    sock = trio.socket.socket(family, socket.SOCK_STREAM)
    await sock.connect((where.host, where.port))
    return sock


async def read(sock: Peer, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := await sock.recv(size - len(data))):
        data += more
    return data


async def read_all(sock: Peer) -> bytes:
    """Read to the end."""
    return await read(sock, 1 << 30)


@pytest.fixture
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the kernel take few bytes for each connection."""
    prepare = tcp.prepare

    def small(sock: socket.socket) -> None:
        prepare(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    monkeypatch.setattr(tcp, "prepare", small)


def tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


async def dial_slowly(server: Server[History]) -> Peer:
    """Connect as a peer that has room for few bytes."""
    where = server.addresses[TCP.name]
    sock = trio.socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await sock.connect((where.host, where.port))
    return sock


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_bytes_come_and_go_over_a_connection_that_a_peer_opens(host: str) -> None:
    try:
        with listening(host):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    shown = f"[{host}]" if ":" in host else host
    endpoint = Endpoint("tcp", f"{shown}:0", advertise="192.0.2.10:5060")

    async def script(server: Server[History]) -> None:
        with await dial(server, endpoint.name) as phone:
            phones.append(address_of(phone))
            await phone.send(b"hello")
            assert await read(phone, 5) == b"hello"
        await core.hears(server, FlowClosed)
        wheres.append(server.addresses[endpoint.name])

    phones: list[Address] = []
    wheres: list[Address] = []
    core = Puppet(partial(echo, endpoint=endpoint), endpoints=[endpoint])
    opened, received, closed = run(core, script)
    assert opened == FlowOpened(opened.at, 1, endpoint.name, phones[0], wheres[0])
    assert wheres[0].port != 0
    assert received == StreamReceived(received.at, 1, b"hello")
    assert closed == FlowClosed(closed.at, 1, "closed by the peer")


def test_a_wildcard_tells_the_address_that_was_dialled() -> None:
    anywhere = Endpoint("tcp", "0.0.0.0:0", advertise="192.0.2.10:5060")

    async def script(server: Server[History]) -> None:
        port = server.addresses[anywhere.name].port
        with trio.socket.socket() as phone:
            await phone.connect(("127.0.0.7", port))
            (opened,) = await core.hears(server, FlowOpened)
            assert opened.local == Address("127.0.0.7", port)

    core = Puppet(endpoints=[anywhere])
    run(core, script)


def test_no_two_connections_have_one_number() -> None:
    async def script(server: Server[History]) -> None:
        for count in range(1, 4):
            for name in (TCP.name, other.name):
                with await dial(server, name):
                    pass
            await core.hears(server, FlowClosed, 2 * count)

    other = Endpoint("tcp", "127.0.0.2:0", advertise="192.0.2.11:5060")
    core = Puppet(endpoints=[TCP, other])
    numbers = [event.flow for event in run(core, script) if isinstance(event, FlowOpened)]
    assert sorted(numbers) == [1, 2, 3, 4, 5, 6]


def test_udp_and_tcp_have_the_same_port() -> None:
    async def script(server: Server[History]) -> None:
        assert list(server.addresses) == [udp.name, there.name]
        with await dial(server, there.name) as phone:
            await phone.send(b"stream")
            assert await read(phone, 6) == b"stream"
        with trio.socket.socket(type=socket.SOCK_DGRAM) as phone:
            await phone.sendto(b"datagram", (port.host, port.port))
            await core.hears(server, DatagramReceived)

    port = closed_port()
    udp, there = Endpoint("udp", str(port)), Endpoint("tcp", str(port))
    core = Puppet(partial(echo, endpoint=there), endpoints=[udp, there])
    run(core, script)


def test_it_opens_connections_from_the_address_of_the_endpoint() -> None:
    async def script(server: Server[History]) -> None:
        with listening("127.0.0.3") as gateway:
            core.do(server, order(-7, address_of(gateway), there))
            stream, source = await gateway.accept()
            with stream:
                (opened,) = await core.hears(server, FlowOpened)
                local = Address(*source)
                remote = address_of(gateway)
                assert opened == FlowOpened(opened.at, -7, there.name, remote, local)
                assert local.host == "127.0.0.2"
                core.do(server, say(-7, b"one", endpoint=there), say(-7, b"two", endpoint=there))
                assert await read(stream, 6) == b"onetwo"
                await stream.send(b"three")
                (received,) = await core.hears(server, StreamReceived)
                assert (received.flow, received.data) == (-7, b"three")

    there = Endpoint("tcp", "127.0.0.2:0", advertise="192.0.2.11:5060")
    core = Scripted(endpoints=[TCP, there])
    run(core, script)


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
def test_a_connection_that_cannot_be_opened_is_told(remote: Address | None, reason: str) -> None:
    async def script(server: Server[History]) -> None:
        core.do(server, order(-1, remote or closed_port()))
        (closed,) = await core.hears(server, FlowClosed)
        assert closed.flow == -1
        assert reason in closed.reason

    core = Scripted(endpoints=[TCP])
    assert len(run(core, script)) == 2


def test_a_connection_that_takes_too_long_can_be_given_up() -> None:
    async def script(server: Server[History]) -> None:
        with listening(backlog=0) as gateway, ExitStack() as fillers:
            for _ in range(3):  # now the kernel answers no more
                filler = fillers.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex((address_of(gateway).host, address_of(gateway).port))
            before = tasks()
            core.do(server, order(-1, address_of(gateway)))
            await settle(server)
            assert tasks() == before + 1
            core.do(server, say(-1, b"too early"), CloseFlow(-1))
            await settle(server)
            assert tasks() == before

    core = Scripted(endpoints=[TCP])
    _, _, failed = run(core, script)
    assert isinstance(failed, SendFailed)


def test_a_connection_that_opens_while_it_is_given_up_is_closed() -> None:
    # Which of the two comes first is for trio to say: it is tried often.
    async def script(server: Server[History]) -> None:
        before = tasks()
        with listening() as gateway:
            for number in range(-20, 0):
                core.do(server, order(number, address_of(gateway)))
                await trio.lowlevel.checkpoint()
                await trio.lowlevel.checkpoint()  # by now the kernel has opened it
                core.do(server, CloseFlow(number))
                stream, _ = await gateway.accept()
                with stream:
                    assert await read_all(stream) == b""
            await settle(server)
            assert tasks() == before

    core = Scripted(endpoints=[TCP])
    heard = run(core, script)
    assert not [event for event in heard if isinstance(event, FlowClosed)]
    # None is told of after its end.
    opened = [at for at, event in enumerate(heard) if isinstance(event, FlowOpened)]
    assert all(isinstance(heard[at + 1], Administered) for at in opened)


def test_nothing_is_sent_over_a_connection_that_is_not_there() -> None:
    async def script(server: Server[History]) -> None:
        core.do(server, say(3, b"data", "id 7"), CloseFlow(3), say(None, b"more", "id 8"))

    core = Scripted(endpoints=[TCP])
    _, *failed = run(core, script)
    assert failed == [
        SendFailed(at.at, TCP.name, Address("127.0.0.1", 9), "the connection is closed", id, data)
        for at, id, data in zip(failed, ["id 7", "id 8"], [b"data", b"more"], strict=True)
    ]


# The end of connections


def test_a_reset_is_told_once() -> None:
    async def script(server: Server[History]) -> None:
        phone = await dial(server)
        await core.hears(server, FlowOpened)
        phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        phone.close()
        await core.hears(server, FlowClosed)
        core.do(server, say(1, b"late"))
        await settle(server)

    core = Scripted(endpoints=[TCP])
    opened, closed, _, failed = run(core, script)
    assert isinstance(opened, FlowOpened)
    assert isinstance(closed, FlowClosed)
    assert (closed.flow, closed.reason) == (1, "Connection reset by peer")
    assert isinstance(failed, SendFailed)


def test_what_came_before_the_end_is_told_before_it() -> None:
    async def script(server: Server[History]) -> None:
        phone = await dial(server)
        await core.hears(server, FlowOpened)
        # From here on no checkpoint: it all has come when the next send fails.
        sock = socket.socket(fileno=os.dup(phone.fileno()))
        phone.close()
        with sock:
            sock.setblocking(True)
            sock.send(b"last words")
        core.do(server, say(1, b"the peer's kernel resets"))
        core.do(server, say(1, b"this fails", "id 2"), say(1, b"and this", "id 3"))
        await core.hears(server, FlowClosed)

    core = Scripted(endpoints=[TCP])
    heard = run(core, script)
    _, _, _, *rest = heard
    first, second, received, closed = rest
    assert isinstance(first, SendFailed)
    assert isinstance(second, SendFailed)
    assert (first.id, first.quoted, first.reason) == ("id 2", b"this fails", "Broken pipe")
    assert (second.id, second.quoted, second.reason) == ("id 3", b"and this", "Broken pipe")
    assert isinstance(received, StreamReceived)
    assert received.data == b"last words"
    assert isinstance(closed, FlowClosed)
    assert closed.reason == "Broken pipe"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here ends because time is up."""
    monkeypatch.setattr(tcp, "LAST_WORDS", 1000.0)


@pytest.mark.usefixtures("patient")
def test_a_connection_that_the_core_does_not_want_is_closed_at_once() -> None:
    def react(event: Event) -> Iterable[Action]:
        if isinstance(event, FlowOpened):
            yield CloseFlow(event.flow)

    async def script(server: Server[History]) -> None:
        before = tasks()
        with await dial(server) as phone:
            assert await read_all(phone) == b""
            await settle(server)
            assert tasks() == before

    core = Puppet(react, endpoints=[TCP])
    assert len(run(core, script)) == 1


@pytest.mark.usefixtures("patient", "small_buffers")
def test_all_is_sent_before_the_connection_is_closed() -> None:
    data = bytes(range(256)) * 200

    async def script(server: Server[History]) -> None:
        with await dial_slowly(server) as phone:
            await core.hears(server, FlowOpened)
            core.do(server, *[say(1, data) for _ in range(10)], CloseFlow(1), say(1, b"late"))
            await settle(server)
            await phone.send(b"not told any more")
            assert await read_all(phone) == 10 * data
            await phone.send(b"nor this")
        await settle(server)

    core = Scripted(endpoints=[TCP])
    opened, _, failed = run(core, script)
    assert isinstance(opened, FlowOpened)
    assert isinstance(failed, SendFailed)
    assert failed.quoted == b"late"


@pytest.mark.usefixtures("patient")
def test_a_short_answer_arrives_though_the_peer_goes_on_sending() -> None:
    # Closing with bytes unread would reset the connection, and the answer be lost on its way.
    def react(event: Event) -> Iterable[Action]:
        if isinstance(event, StreamReceived):
            yield say(event.flow, b"400")
            yield CloseFlow(event.flow)

    async def script(server: Server[History]) -> None:
        with await dial(server) as phone:
            for _ in range(20):
                await phone.send(bytes(1000))
            await settle(server)
            assert await read_all(phone) == b"400"

    core = Puppet(react, endpoints=[TCP])
    run(core, script)


@pytest.mark.usefixtures("small_buffers")
@pytest.mark.parametrize("size", [1, 500_000])
def test_a_peer_that_does_not_let_go_is_left(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "LAST_WORDS", 0.05)

    async def script(server: Server[History]) -> None:
        before = tasks()
        with await dial_slowly(server):
            await core.hears(server, FlowOpened)
            core.do(server, say(1, bytes(size), "id 7"), CloseFlow(1))
            while tasks() > before:
                await trio.lowlevel.checkpoint()

    core = Scripted(endpoints=[TCP])
    _, _, *failed = run(core, script)
    assert len(failed) == (1 if size > 1 else 0)
    for event in failed:
        assert isinstance(event, SendFailed)
        assert (event.id, len(event.quoted)) == ("id 7", size)


# Who does not read


@pytest.mark.usefixtures("small_buffers")
def test_who_does_not_read_holds_up_nobody_else() -> None:
    async def script(server: Server[History]) -> None:
        with await dial_slowly(server) as slow, await dial(server) as quick:
            await core.hears(server, FlowOpened, 2)
            await slow.send(b"a lot please")
            await core.hears(server, StreamReceived)
            for number in range(10):
                await quick.send(b"%d" % number)
                assert await read(quick, 1) == b"%d" % number
            assert await read(slow, 900_000) == bytes(900_000)
            await slow.send(b"and again")
            assert await read(slow, 900_000) == bytes(900_000)

    def react(event: Event) -> Iterable[Action]:
        if isinstance(event, StreamReceived) and len(event.data) > 1:
            return [say(event.flow, bytes(1000)) for _ in range(900)]
        return echo(event)

    core = Puppet(react, endpoints=[TCP])
    run(core, script)


@pytest.mark.usefixtures("small_buffers")
def test_more_than_may_wait_breaks_the_connection_and_comes_back() -> None:
    async def script(server: Server[History]) -> None:
        with await dial_slowly(server):
            await core.hears(server, FlowOpened)
            orders = [say(1, bytes(1000), f"id {number}") for number in range(2000)]
            core.do(server, *orders)
            await core.hears(server, FlowClosed)

    core = Scripted(endpoints=[TCP])
    opened, ordered, *failed, closed = run(core, script)
    assert isinstance(opened, FlowOpened)
    assert isinstance(ordered, Administered)
    assert isinstance(closed, FlowClosed)
    assert closed.reason == f"the peer does not read, and more than {WAITING} bytes wait for it"
    ids = [event.id for event in failed if isinstance(event, SendFailed)]
    assert ids[-1] == "id 1999"
    assert ids == [f"id {number}" for number in range(2000 - len(ids), 2000)]
    assert len(ids) > 1900


@pytest.mark.usefixtures("small_buffers")
def test_what_waits_comes_back_when_the_peer_goes() -> None:
    async def script(server: Server[History]) -> None:
        phone = await dial_slowly(server)
        await core.hears(server, FlowOpened)
        core.do(server, say(1, bytes(200_000), "id 1"), say(1, b"more", "id 2"))
        await settle(server)
        phone.close()
        await core.hears(server, FlowClosed)

    core = Scripted(endpoints=[TCP])
    _, _, *failed, closed = run(core, script)
    ids = [event.id for event in failed if isinstance(event, SendFailed)]
    assert ids == ["id 1", "id 2"]
    assert isinstance(closed, FlowClosed)


# Many


def test_many_connections_at_once() -> None:
    many = 200

    async def call(server: Server[History], number: int) -> None:
        with await dial(server) as phone:
            for _ in range(3):
                text = b"%04d" % number
                await phone.send(text)
                assert await read(phone, 4) == text

    async def script(server: Server[History]) -> None:
        before = tasks()
        async with trio.open_nursery() as nursery:
            for number in range(many):
                nursery.start_soon(call, server, number)
        await core.hears(server, FlowClosed, many)
        await settle(server)
        assert tasks() == before

    core = Puppet(echo, endpoints=[TCP])
    heard = run(core, script)
    times = [event.at for event in heard]
    assert times == sorted(times)
    assert len([event for event in heard if isinstance(event, FlowOpened)]) == many


def test_resets_right_after_connecting_do_not_hurt_the_listener() -> None:
    async def script(server: Server[History]) -> None:
        where = server.addresses[TCP.name]
        for _ in range(100):  # without a checkpoint
            with socket.create_connection((where.host, where.port)) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        with await dial(server) as phone:
            await phone.send(b"alive")
            assert await read(phone, 5) == b"alive"
        await core.hears(server, FlowClosed, len(await core.hears(server, FlowOpened)))

    core = Puppet(echo, endpoints=[TCP])
    run(core, script)


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
    monkeypatch: pytest.MonkeyPatch, *, quarter: bool
) -> None:
    async def script(server: Server[History]) -> None:
        where = server.addresses[TCP.name]
        with ExitStack() as opened:
            phones = [opened.enter_context(socket.socket()) for _ in range(8)]
            for phone in phones:
                phone.connect((where.host, where.port))
            most = next_file() * 4 // 3 if quarter else next_file()
            with most_open_files(most):
                await trio.sleep(4.5 * tcp.PAUSE)
                assert 2 <= len(wakes) <= 5
            phones[-1].send(b"patient")
            await core.hears(server, StreamReceived)

    wakes: list[socket.socket] = []
    wait = trio.lowlevel.wait_readable

    async def counted(sock: socket.socket) -> None:
        await wait(sock)
        wakes.append(sock)

    monkeypatch.setattr(trio.lowlevel, "wait_readable", counted)
    monkeypatch.setattr(tcp, "PAUSE", 0.02)
    reports: list[Report] = []
    core = Puppet(endpoints=[TCP])
    run(core, script, on_report=reports.append)
    reason = (
        "too many open files; the last quarter is kept for our own connections"
        if quarter
        else os.strerror(errno.EMFILE)
    )
    text = f"cannot accept connections: {reason}"
    assert reports == [Report("transport", TCP.name, text)]


def test_without_file_descriptors_no_connection_opens() -> None:
    async def script(server: Server[History]) -> None:
        with listening() as gateway, most_open_files(next_file()):
            core.do(server, order(-1, address_of(gateway)))
            (closed,) = await core.hears(server, FlowClosed)
            assert closed.reason == os.strerror(errno.EMFILE)

    core = Scripted(endpoints=[TCP])
    run(core, script)


# Start and end of a server


def test_a_port_in_use_names_endpoint_and_remedy() -> None:
    with listening() as taken:
        endpoint = Endpoint("tcp", str(address_of(taken)))
        with pytest.raises(EndpointError) as caught:
            trio.run(serve, Puppet(endpoints=[HERE, endpoint]))
    remedy = '(another program listens there: "ss -ltnp" shows which)'
    assert str(caught.value) == f"{endpoint.name}: address already in use {remedy}"


def test_tls_is_refused() -> None:
    secure = Endpoint("tls", "127.0.0.1:5061")
    with pytest.raises(EndpointError) as caught:
        trio.run(serve, Puppet(endpoints=[HERE, secure]))
    assert str(caught.value) == (
        "tls:127.0.0.1:5061: no such transport here: tls (udp and tcp are there)"
    )


@pytest.mark.usefixtures("small_buffers")
def test_the_end_closes_all_and_the_port_is_free_again() -> None:
    phones: list[Peer] = []

    async def script(server: Server[History]) -> None:
        with listening() as gateway:
            core.do(server, order(-1, address_of(gateway)), order(-2, address_of(gateway)))
            await core.hears(server, FlowOpened, 2)
            phones.extend([(await gateway.accept())[0], (await gateway.accept())[0]])
        phones.extend([await dial_slowly(server) for _ in range(8)])
        await core.hears(server, FlowOpened, 10)
        # Some that are being written to, one that is being closed, and one that is being opened.
        writing = [say(number, bytes(500_000)) for number in range(1, 9)]
        core.do(server, *writing, say(-1, b"bye"), CloseFlow(-1), order(-3, closed_port()))
        wheres.append(server.addresses[TCP.name])

    async def ends() -> None:
        for phone in phones:
            with phone, trio.fail_after(5):
                assert len(await read_all(phone)) < 500_000

    wheres: list[Address] = []
    core = Scripted(endpoints=[TCP])
    heard = run(core, script)
    assert not [event for event in heard if isinstance(event, FlowClosed)]
    trio.run(ends)
    again = Endpoint("tcp", str(wheres[0]))
    run(Puppet(endpoints=[again]), settle)


def test_a_recorded_run_replays_without_difference() -> None:
    recorded: list[tuple[Event, tuple[Action, ...]]] = []
    ends: list[History] = []

    async def script(server: Server[History]) -> None:
        for _ in range(3):
            with await dial(server) as phone:
                await phone.send(b"data")
                assert await read(phone, 4) == b"data"
        await core.hears(server, FlowClosed, 3)
        ends.append(server.state)

    def tap(event: Event, actions: tuple[Action, ...]) -> None:
        recorded.append((event, actions))

    core = Puppet(echo, endpoints=[TCP])
    run(core, script, tap=tap, seed=bytes(32))
    state, _ = core.start(bytes(32), 0.0)
    for event, actions in recorded:
        state, again = core.step(state, event)
        assert again == actions
    assert state == ends[0]
