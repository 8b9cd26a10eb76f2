"""TLS connections over the loopback: how they end, and who does not read."""

import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from certified import at_once, calling
from flows import TLS, echo, say, unwanted
from loops import Adapter, settle
from peers import Peer, dial, open_sockets, sockets_closed
from puppet import History, Puppet, Scripted, run
from sansip import (
    CloseFlow,
    FlowClosed,
    FlowOpened,
    SendFailed,
    StreamReceived,
)
from sansip_adapter import connection
from sansip_adapter.outgoing import WAITING
from sansip_adapter.server import Server
from sansip_adapter.tls import Tls

FEW = 4096  # bytes that a slow peer has room for
OLD, NEW = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
reply = partial(echo, endpoint=TLS)
tell = partial(say, endpoint=TLS)


async def call(
    server: Server[History], buffer: int | None = None, newest: ssl.TLSVersion = NEW
) -> Peer:
    """Connect as a peer does, and agree on TLS."""
    peer = await dial(server.addresses[TLS.name], buffer)
    return await peer.secured(calling(newest=newest))


def below(peer: Peer) -> socket.socket:
    """The connection without its TLS."""
    return socket.socket(fileno=os.dup(peer.sock.fileno()))


def say_no_more(peer: Peer) -> None:
    """Send a close_notify, and go on reading."""
    assert isinstance(peer.sock, ssl.SSLSocket)
    with pytest.raises(ssl.SSLWantReadError):
        peer.sock.unwrap()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here ends because time is up."""
    monkeypatch.setattr(connection, "LAST_WORDS", 1000.0)


# Ours. A peer here takes an end without a close_notify for an error.


@pytest.mark.usefixtures("patient")
def test_a_connection_that_the_core_does_not_want_is_closed_at_once(
    adapter: Adapter, settings: Tls
) -> None:
    async def script(server: Server[History]) -> None:
        before = open_sockets()
        with await call(server) as phone:
            assert await phone.read_all() == b""
        assert open_sockets() == before

    core = Puppet(unwanted, endpoints=[TLS])
    assert len(run(adapter, core, script, tls=settings)) == 1


@pytest.mark.usefixtures("patient")
def test_a_connection_that_is_closed_in_the_middle_of_what_came_tells_no_more(
    adapter: Adapter, settings: Tls
) -> None:
    # The handshake ends, and bytes have come with its end: whom the core refuses is not heard.
    async def script(server: Server[History]) -> None:
        async with at_once(server.addresses[TLS.name], b"at once") as phone:
            assert await phone.read_all() == b""

    core = Puppet(unwanted, endpoints=[TLS])
    assert len(run(adapter, core, script, tls=settings)) == 1


@pytest.mark.usefixtures("patient", "small_buffers")
@pytest.mark.parametrize("newest", [OLD, NEW])
def test_all_is_sent_before_the_connection_is_closed(
    adapter: Adapter, settings: Tls, newest: ssl.TLSVersion
) -> None:
    data = bytes(range(256)) * 200

    async def script(server: Server[History]) -> None:
        with await call(server, FEW, newest) as phone:
            await core.hears(server, FlowOpened)
            core.do(server, *[tell(1, data) for _ in range(10)], CloseFlow(1), tell(1, b"late"))
            await settle(server)
            await phone.send(b"not told any more")
            assert await phone.read_all() == 10 * data
        await settle(server)

    core = Scripted(endpoints=[TLS])
    opened, _, failed = run(adapter, core, script, tls=settings)
    assert isinstance(opened, FlowOpened)
    assert isinstance(failed, SendFailed)
    assert failed.quoted == b"late"


@pytest.mark.usefixtures("small_buffers")
@pytest.mark.parametrize("size", [1, 500_000])
def test_a_peer_that_does_not_let_go_is_left(
    adapter: Adapter, settings: Tls, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LAST_WORDS", 0.05)

    async def script(server: Server[History]) -> None:
        before = open_sockets()
        with await call(server, FEW):
            await core.hears(server, FlowOpened)
            core.do(server, tell(1, bytes(size), "id 7"), CloseFlow(1))
            await sockets_closed(before + 1)

    core = Scripted(endpoints=[TLS])
    _, _, *failed = run(adapter, core, script, tls=settings)
    assert len(failed) == (1 if size > 1 else 0)
    for event in failed:
        assert isinstance(event, SendFailed)
        assert (event.id, event.quoted) == ("id 7", bytes(size))


def test_the_end_of_the_server_is_told_to_peers(adapter: Adapter, settings: Tls) -> None:
    phones: list[Peer] = []

    async def script(server: Server[History]) -> None:
        phones.append(await call(server))
        await core.hears(server, FlowOpened)

    async def ends() -> None:
        with phones[0] as phone:
            assert await phone.read_all() == b""

    core = Puppet(endpoints=[TLS])
    run(adapter, core, script, tls=settings)
    adapter.run(ends)


# The peer's


async def leaves(phone: Peer) -> None:
    say_no_more(phone)
    assert await phone.read_all() == b"question"


async def leaves_and_goes_on(phone: Peer) -> None:
    say_no_more(phone)
    with below(phone) as sock:
        sock.send(b"more, which belongs to nobody")
    assert await phone.read(8) == b"question"


async def hangs_up(phone: Peer) -> None:
    assert await phone.read(8) == b"question"
    phone.close()


async def resets(phone: Peer) -> None:
    phone.reset()


async def babbles(phone: Peer) -> None:
    with below(phone) as sock:
        sock.send(b"SIP/2.0 200 OK\r\n\r\n")
    with pytest.raises(ssl.SSLError, match=r"(?i)alert"):
        await phone.read_all()


async def damages(phone: Peer) -> None:
    """Send a record that nobody has encrypted."""
    with below(phone) as sock:
        sock.send(b"\x17\x03\x03\x00\x20" + bytes(32))
    with pytest.raises(ssl.SSLError, match=r"(?i)alert"):
        await phone.read_all()


async def half(phone: Peer) -> None:
    """Go in the middle of a record."""
    with below(phone) as sock:
        sock.send(b"\x17\x03\x03\x00\x20" + bytes(16))
    assert await phone.read(8) == b"question"
    phone.close()


@pytest.mark.parametrize(
    ("doing", "reason"),
    [
        (leaves, "closed by the peer"),
        (leaves_and_goes_on, "closed by the peer"),
        (hangs_up, "closed by the peer"),
        (half, "closed by the peer"),
        (resets, "Connection reset by peer"),
        (babbles, "TLS: what the peer sends is not TLS"),
        (damages, "TLS: decryption failed or bad record mac"),
    ],
)
@pytest.mark.parametrize("newest", [OLD, NEW])
def test_the_end_is_told_once_after_what_came_before_it(
    adapter: Adapter,
    settings: Tls,
    doing: Callable[[Peer], Awaitable[object]],
    reason: str,
    newest: ssl.TLSVersion,
) -> None:
    async def script(server: Server[History]) -> None:
        before = open_sockets()
        with await call(server, newest=newest) as phone:
            await core.hears(server, FlowOpened)
            phone.sock.send(b"question")  # the loop does not get round to it
            await doing(phone)
            await core.hears(server, FlowClosed)
        await settle(server)
        assert open_sockets() == before

    core = Puppet(reply, endpoints=[TLS])
    heard = run(adapter, core, script, tls=settings)
    opened, received, *failed, closed = heard
    assert isinstance(opened, FlowOpened)
    assert isinstance(received, StreamReceived)
    assert received.data == b"question"
    assert all(isinstance(event, SendFailed) for event in failed)
    assert len(failed) <= (1 if doing in (resets, babbles, damages) else 0)
    assert isinstance(closed, FlowClosed)
    if doing is not resets:
        assert closed.reason == reason
    assert {event.reason for event in failed if isinstance(event, SendFailed)} <= {closed.reason}


@pytest.mark.usefixtures("small_buffers")
@pytest.mark.parametrize(("size", "many"), [(2, 10_000), (1000, 2_000)])
def test_more_than_may_wait_breaks_the_connection_and_comes_back_as_it_was(
    adapter: Adapter, settings: Tls, size: int, many: int
) -> None:
    async def script(server: Server[History]) -> None:
        with await call(server, FEW):
            await core.hears(server, FlowOpened)
            data = b"a" * size
            core.do(server, *[tell(1, data, f"id {number}") for number in range(many)])
            await core.hears(server, FlowClosed)

    core = Scripted(endpoints=[TLS])
    _, _, *failed, closed = run(adapter, core, script, tls=settings)
    assert isinstance(closed, FlowClosed)
    assert closed.reason == f"the peer does not read, and more than {WAITING} bytes wait for it"
    told = [event for event in failed if isinstance(event, SendFailed)]
    assert [event.id for event in told] == [f"id {n}" for n in range(many - len(told), many)]
    assert {event.quoted for event in told} == {b"a" * size}
    assert {event.reason for event in told} == {closed.reason}


@pytest.mark.usefixtures("small_buffers")
def test_what_waits_comes_back_when_the_peer_goes(adapter: Adapter, settings: Tls) -> None:
    async def script(server: Server[History]) -> None:
        phone = await call(server, FEW)
        await core.hears(server, FlowOpened)
        core.do(server, tell(1, bytes(200_000), "id 1"), tell(1, b"more", "id 2"))
        await settle(server)
        phone.close()
        await core.hears(server, FlowClosed)

    core = Scripted(endpoints=[TLS])
    _, _, *failed, closed = run(adapter, core, script, tls=settings)
    assert [event.id for event in failed if isinstance(event, SendFailed)] == ["id 1", "id 2"]
    assert isinstance(closed, FlowClosed)
