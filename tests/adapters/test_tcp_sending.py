"""TCP connections over the loopback: what is sent, what comes back, and who does not read."""

from collections.abc import Iterable

import pytest

from flows import NOWHERE, TCP, echo, order, say
from loops import Adapter, settle
from peers import dial
from puppet import History, Puppet, Scripted, run, tell
from sansip import (
    Action,
    Address,
    Administered,
    CloseFlow,
    Event,
    FlowClosed,
    FlowOpened,
    SendFailed,
    StreamReceived,
)
from sansip_adapter import connection
from sansip_adapter.connection import LITTLE, WAITING
from sansip_adapter.server import Server

FEW = 4096  # bytes that a slow peer has room for


def test_nothing_is_sent_over_a_connection_that_is_not_there(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        core.do(server, say(3, b"data", "id 7"), CloseFlow(3), say(None, b"more", "id 8"))

    core = Scripted(endpoints=[TCP])
    _, *failed = run(adapter, core, script)
    assert failed == [
        SendFailed(at.at, TCP.name, NOWHERE, "the connection is closed", id, data)
        for at, id, data in zip(failed, ["id 7", "id 8"], [b"data", b"more"], strict=True)
    ]


@pytest.mark.usefixtures("small_buffers")
def test_who_does_not_read_holds_up_nobody_else(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        where = server.addresses[TCP.name]
        with await dial(where, FEW) as slow, await dial(where) as quick:
            await core.hears(server, FlowOpened, 2)
            await slow.send(b"a lot please")
            await core.hears(server, StreamReceived)
            for number in range(10):
                await quick.send(b"%d" % number)
                assert await quick.read(1) == b"%d" % number
            assert await slow.read(700_000) == bytes(700_000)
            await slow.send(b"and again")
            assert await slow.read(700_000) == bytes(700_000)

    def react(event: Event) -> Iterable[Action]:
        if isinstance(event, StreamReceived) and len(event.data) > 1:
            return [say(event.flow, bytes(1000)) for _ in range(700)]
        return echo(event)

    core = Puppet(react, endpoints=[TCP])
    run(adapter, core, script)


@pytest.mark.usefixtures("small_buffers")
@pytest.mark.parametrize(("size", "many"), [(2, 10_000), (1000, 2_000)])
def test_more_than_may_wait_breaks_the_connection_and_comes_back(
    adapter: Adapter, size: int, many: int
) -> None:
    # Tiny ones too: what it costs to keep them counts.
    async def script(server: Server[History]) -> None:
        with await dial(server.addresses[TCP.name], FEW):
            await core.hears(server, FlowOpened)
            orders = [say(1, bytes(size), f"id {number}") for number in range(many)]
            core.do(server, *orders)
            await core.hears(server, FlowClosed)

    core = Scripted(endpoints=[TCP])
    opened, ordered, *failed, closed = run(adapter, core, script)
    assert isinstance(opened, FlowOpened)
    assert isinstance(ordered, Administered)
    assert isinstance(closed, FlowClosed)
    assert closed.reason == f"the peer does not read, and more than {WAITING} bytes wait for it"
    ids = [event.id for event in failed if isinstance(event, SendFailed)]
    assert ids == [f"id {number}" for number in range(many - len(ids), many)]
    assert len(ids) > WAITING // (size + 300)


@pytest.mark.usefixtures("small_buffers")
def test_those_who_do_not_read_have_only_so_much_together(
    adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "IN_ALL", 300_000)
    closed: list[list[FlowClosed]] = []

    def fill(flow: int, size: int) -> list[Action]:
        return [say(flow, bytes(10_000), f"{flow}") for _ in range(size // 10_000)]

    async def script(server: Server[History]) -> None:
        where = server.addresses[TCP.name]
        with await dial(where, FEW), await dial(where, FEW), await dial(where, FEW):
            await core.hears(server, FlowOpened, 3)
            core.do(server, *fill(1, 200_000))
            core.do(server, *fill(2, 200_000))
            closed.append(await core.hears(server, FlowClosed))
            core.do(server, *fill(3, 100_000))  # what the second gave back is free again
            await settle(server)
            closed.append(await core.hears(server, FlowClosed))

    core = Scripted(endpoints=[TCP])
    run(adapter, core, script)
    ((end,), later) = closed
    assert later == [end]
    assert end.flow == 2
    assert end.reason == f"the peer does not read, and more than {LITTLE} bytes wait for it"


@pytest.mark.usefixtures("small_buffers")
def test_what_waits_comes_back_when_the_peer_goes(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        phone = await dial(server.addresses[TCP.name], FEW)
        await core.hears(server, FlowOpened)
        core.do(server, say(1, bytes(200_000), "id 1"), say(1, b"more", "id 2"))
        await settle(server)
        phone.close()
        await core.hears(server, FlowClosed)

    core = Scripted(endpoints=[TCP])
    _, _, *failed, closed = run(adapter, core, script)
    ids = [event.id for event in failed if isinstance(event, SendFailed)]
    assert ids == ["id 1", "id 2"]
    assert isinstance(closed, FlowClosed)


@pytest.mark.usefixtures("small_buffers")
def test_orders_that_a_failure_leads_to_come_after_it(adapter: Adapter) -> None:
    # A core that closes the connection, or goes on sending, as soon as it hears of the first that
    # failed: it hears of all, once each, and of no end that it has ordered itself.
    def react(event: Event) -> Iterable[Action]:
        if isinstance(event, Administered):
            yield say(1, bytes(200_000), "id 1")
            yield say(1, b"more", "id 2")
        if isinstance(event, SendFailed) and event.id == "id 1":
            yield say(1, b"again", "id 3")
            yield CloseFlow(1)
            yield say(1, b"late", "id 4")

    async def script(server: Server[History]) -> None:
        phone = await dial(server.addresses[TCP.name], FEW)
        await core.hears(server, FlowOpened)
        tell(server)
        await settle(server)
        phone.reset()
        await core.hears(server, SendFailed, 4)
        await settle(server)

    core = Puppet(react, endpoints=[TCP])
    heard = run(adapter, core, script)
    failed = [event.id for event in heard if isinstance(event, SendFailed)]
    assert failed == ["id 1", "id 2", "id 3", "id 4"]
    assert not [event for event in heard if isinstance(event, FlowClosed)]


@pytest.mark.usefixtures("small_buffers")
def test_time_does_not_go_back_while_failures_are_told(adapter: Adapter) -> None:
    # What cannot be sent is told one after the other, and what each leads to in between.
    def react(event: Event) -> Iterable[Action]:
        if isinstance(event, Administered):
            yield say(1, bytes(200_000), "id 0")
            yield from [say(1, b"more", f"id {number}") for number in range(1, 50)]
        if isinstance(event, SendFailed):
            number = int((event.id or "").removeprefix("id "))
            yield order(-1 - number, Address("255.255.255.255", 5060))

    async def script(server: Server[History]) -> None:
        phone = await dial(server.addresses[TCP.name], FEW)
        await core.hears(server, FlowOpened)
        tell(server)
        await settle(server)
        phone.reset()
        await core.hears(server, FlowClosed, 51)

    core = Puppet(react, endpoints=[TCP])
    heard = run(adapter, core, script)
    times = [event.at for event in heard]
    assert times == sorted(times)


def test_a_recorded_run_replays_without_difference(adapter: Adapter) -> None:
    recorded: list[tuple[Event, tuple[Action, ...]]] = []
    ends: list[History] = []

    async def script(server: Server[History]) -> None:
        for _ in range(3):
            with await dial(server.addresses[TCP.name]) as phone:
                await phone.send(b"data")
                assert await phone.read(4) == b"data"
        await core.hears(server, FlowClosed, 3)
        ends.append(server.state)

    def tap(event: Event, actions: tuple[Action, ...]) -> None:
        recorded.append((event, actions))

    core = Puppet(echo, endpoints=[TCP])
    run(adapter, core, script, tap=tap, seed=bytes(32))
    state, _ = core.start(bytes(32), 0.0)
    for event, actions in recorded:
        state, again = core.step(state, event)
        assert again == actions
    assert state == ends[0]
