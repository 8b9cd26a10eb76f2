"""TCP connections over the loopback: how they end."""

import socket
from collections.abc import Iterable

import pytest

from flows import TCP, echo, order, say, unwanted
from loops import Adapter, settle
from peers import Peer, closed_port, dial, listening, open_sockets, sockets_closed
from puppet import History, Puppet, Scripted, run
from sansip import (
    Action,
    Address,
    CloseFlow,
    Endpoint,
    Event,
    FlowClosed,
    FlowOpened,
    SendFailed,
    StreamReceived,
)
from sansip_adapter import connection
from sansip_adapter.server import Server

FEW = 4096  # bytes that a slow peer has room for


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here ends because time is up."""
    monkeypatch.setattr(connection, "LAST_WORDS", 1000.0)


def test_a_reset_is_told_once(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        phone = await dial(server.addresses[TCP.name])
        await core.hears(server, FlowOpened)
        phone.reset()
        await core.hears(server, FlowClosed)
        core.do(server, say(1, b"late"))
        await settle(server)

    core = Scripted(endpoints=[TCP])
    opened, closed, _, failed = run(adapter, core, script)
    assert isinstance(opened, FlowOpened)
    assert isinstance(closed, FlowClosed)
    assert (closed.flow, closed.reason) == (1, "Connection reset by peer")
    assert isinstance(failed, SendFailed)


def test_a_reset_right_behind_the_last_bytes_is_told(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        phone = await dial(server.addresses[TCP.name])
        await core.hears(server, FlowOpened)
        phone.sock.send(b"last words")  # the loop does not get round to it
        phone.reset()
        await core.hears(server, FlowClosed)

    core = Puppet(endpoints=[TCP])
    _, received, closed = run(adapter, core, script)
    assert isinstance(received, StreamReceived)
    assert isinstance(closed, FlowClosed)
    assert closed.reason == "Connection reset by peer"


def test_what_came_before_the_end_is_told_before_it(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        phone = await dial(server.addresses[TCP.name])
        await core.hears(server, FlowOpened)
        # From here on no checkpoint: it all has come when the next send fails.
        with phone:
            phone.sock.send(b"last words")
        core.do(server, say(1, b"the peer's kernel resets"))
        core.do(server, say(1, b"this fails", "id 2"), say(1, b"and this", "id 3"))
        await core.hears(server, FlowClosed)

    core = Scripted(endpoints=[TCP])
    heard = run(adapter, core, script)
    _, _, _, first, second, received, closed = heard
    assert isinstance(first, SendFailed)
    assert isinstance(second, SendFailed)
    assert (first.id, first.quoted, first.reason) == ("id 2", b"this fails", "Broken pipe")
    assert (second.id, second.quoted, second.reason) == ("id 3", b"and this", "Broken pipe")
    assert isinstance(received, StreamReceived)
    assert received.data == b"last words"
    assert isinstance(closed, FlowClosed)
    assert closed.reason == "Broken pipe"


def test_who_says_no_more_has_what_was_answered_by_then(adapter: Adapter) -> None:
    # Two ways of TCP become one: the peer's end of sending is the end.
    async def script(server: Server[History]) -> None:
        with await dial(server.addresses[TCP.name]) as phone:
            await core.hears(server, FlowOpened)
            phone.sock.send(b"question")
            phone.sock.shutdown(socket.SHUT_WR)
            assert await phone.read_all() == b"question"
        await core.hears(server, FlowClosed)

    core = Puppet(echo, endpoints=[TCP])
    assert len(run(adapter, core, script)) == 3


@pytest.mark.usefixtures("patient")
def test_a_connection_that_the_core_does_not_want_is_closed_at_once(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        before = open_sockets()
        with await dial(server.addresses[TCP.name]) as phone:
            assert await phone.read_all() == b""
        assert open_sockets() == before

    core = Puppet(unwanted, endpoints=[TCP])
    assert len(run(adapter, core, script)) == 1


@pytest.mark.usefixtures("patient", "small_buffers")
def test_all_is_sent_before_the_connection_is_closed(adapter: Adapter) -> None:
    data = bytes(range(256)) * 200

    async def script(server: Server[History]) -> None:
        with await dial(server.addresses[TCP.name], FEW) as phone:
            await core.hears(server, FlowOpened)
            core.do(server, *[say(1, data) for _ in range(10)], CloseFlow(1), say(1, b"late"))
            await settle(server)
            await phone.send(b"not told any more")
            assert await phone.read_all() == 10 * data
            await phone.send(b"nor this")
        await settle(server)

    core = Scripted(endpoints=[TCP])
    opened, _, failed = run(adapter, core, script)
    assert isinstance(opened, FlowOpened)
    assert isinstance(failed, SendFailed)
    assert failed.quoted == b"late"


@pytest.mark.usefixtures("patient")
def test_a_short_answer_arrives_though_the_peer_goes_on_sending(adapter: Adapter) -> None:
    # Closing with bytes unread would reset the connection, and the answer be lost on its way.
    def react(event: Event) -> Iterable[Action]:
        if isinstance(event, StreamReceived):
            yield say(event.flow, b"400")
            yield CloseFlow(event.flow)

    async def script(server: Server[History]) -> None:
        with await dial(server.addresses[TCP.name]) as phone:
            for _ in range(20):
                await phone.send(bytes(1000))
            await settle(server)
            assert await phone.read_all() == b"400"

    core = Puppet(react, endpoints=[TCP])
    run(adapter, core, script)


@pytest.mark.usefixtures("small_buffers")
@pytest.mark.parametrize("size", [1, 500_000])
def test_a_peer_that_does_not_let_go_is_left(
    adapter: Adapter, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LAST_WORDS", 0.05)

    async def script(server: Server[History]) -> None:
        before = open_sockets()
        with await dial(server.addresses[TCP.name], FEW):
            await core.hears(server, FlowOpened)
            core.do(server, say(1, bytes(size), "id 7"), CloseFlow(1))
            await sockets_closed(before + 1)

    core = Scripted(endpoints=[TCP])
    _, _, *failed = run(adapter, core, script)
    assert len(failed) == (1 if size > 1 else 0)
    for event in failed:
        assert isinstance(event, SendFailed)
        assert (event.id, len(event.quoted)) == ("id 7", size)


@pytest.mark.usefixtures("small_buffers")
def test_the_end_closes_all_and_the_port_is_free_again(adapter: Adapter) -> None:
    phones: list[Peer] = []

    async def script(server: Server[History]) -> None:
        with listening() as gateway:
            core.do(server, order(-1, gateway.address), order(-2, gateway.address))
            await core.hears(server, FlowOpened, 2)
            phones.extend([await gateway.accept(), await gateway.accept()])
        wheres.append(server.addresses[TCP.name])
        phones.extend([await dial(wheres[0], FEW) for _ in range(8)])
        await core.hears(server, FlowOpened, 10)
        # Some that are being written to, one that is being closed, and one that is being opened.
        writing = [say(number, bytes(500_000)) for number in range(1, 9)]
        core.do(server, *writing, say(-1, b"bye"), CloseFlow(-1), order(-3, closed_port()))

    async def ends() -> None:
        for phone in phones:
            with phone:
                assert len(await phone.read_all()) < 500_000

    wheres: list[Address] = []
    core = Scripted(endpoints=[TCP])
    before = open_sockets()
    heard = run(adapter, core, script)
    assert not [event for event in heard if isinstance(event, FlowClosed) and event.flow != -3]
    adapter.run(ends)
    assert open_sockets() == before
    again = Endpoint("tcp", str(wheres[0]))
    run(adapter, Puppet(endpoints=[again]), settle)
