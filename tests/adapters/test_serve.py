"""Adapters perform orders: shown with cores that the tests write, over the loopback."""

import socket
from collections.abc import Callable, Iterable
from functools import partial

import anyio
import pytest
from zone_dns import ZoneServer

import sansip_asyncio
import sansip_trio
from loops import Adapter, Clock, settle, until
from peers import open_sockets
from puppet import HERE, History, Puppet, Script, Scripted, run, tell
from sansip import (
    Action,
    Address,
    Administered,
    DatagramReceived,
    Deliver,
    DnsAnswered,
    Endpoint,
    Event,
    FlushCache,
    LocalProtocolError,
    QueryDns,
    Quiesce,
    Report,
    Send,
    SendFailed,
    StartTimer,
    StopDns,
    StopTimer,
    Timer,
    TimerFired,
)
from sansip.dns import Failure, Found, Ip
from sansip_adapter.endpoints import EndpointError
from sansip_adapter.server import Server

LOCALHOST = Address("127.0.0.1", 9)


def echo(event: Event) -> Iterable[Action]:
    if isinstance(event, DatagramReceived):
        yield Send("echo", event.endpoint, event.source, None, event.data)


Virtual = tuple[Adapter, Clock]


def client() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    return sock


async def received(sock: socket.socket) -> bytes:
    await anyio.wait_readable(sock)
    return sock.recv(65535)


def test_datagrams_go_in_and_out(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        where = server.addresses[HERE.name]
        assert where.host == "127.0.0.1"
        assert where.port != 0
        with client() as phone:
            for number in range(100):
                phone.sendto(b"%d" % number, (where.host, where.port))
            for number in range(100):
                assert await received(phone) == b"%d" % number

    heard = run(adapter, Puppet(echo), script)
    assert len(heard) == 100
    times = [event.at for event in heard]
    assert times == sorted(times)


def test_actions_of_the_start_are_performed(adapter: Adapter) -> None:
    reports: list[Report] = []
    report = Report("policy", "", "started")
    run(adapter, Puppet(first=[report]), settle, on_report=reports.append)
    assert reports == [report]


def test_reports_and_deliveries_that_nobody_wants_go_nowhere(adapter: Adapter) -> None:
    run(adapter, Puppet(first=[Report("policy", "", "started"), Deliver("1", "end", None)]), settle)


def test_deliveries_reach_the_program(adapter: Adapter) -> None:
    delivered: list[Deliver] = []
    run(
        adapter, Puppet(first=[Deliver("handle", "end", None)]), settle, on_deliver=delivered.append
    )
    assert delivered == [Deliver("handle", "end", None)]


def test_it_serves_without_a_handle_too(adapter: Adapter) -> None:
    async def main() -> None:
        serve = sansip_trio.serve if adapter.loop == "trio" else sansip_asyncio.serve
        with anyio.move_on_after(0.01):
            await serve(Puppet())

    adapter.run(main)


# Timers, in virtual time


def run_timers(virtual: Virtual, script: Script, core: Puppet) -> list[tuple[str, float]]:
    """Give the names of the timers that fired, and after how many seconds."""
    begun: list[float] = []

    async def timed(server: Server[History]) -> None:
        begun.append(server.started)
        await script(server)

    heard = run(virtual[0], core, timed)
    fired = [event for event in heard if isinstance(event, TimerFired)]
    return [(event.timer.name, round(event.at - begun[0], 6)) for event in fired]


def timer(owner: str, name: str) -> Timer:
    return Timer(owner, name, 1)


def test_timers_fire_when_due(virtual: Virtual) -> None:
    async def script(_server: Server[History]) -> None:
        await anyio.sleep(60)

    core = Scripted(
        StartTimer(timer("b", "B"), 32.0),
        StartTimer(timer("a", "A"), 0.5),
        StartTimer(timer("now", "now"), 0.0),
    )
    assert run_timers(virtual, script, core) == [("now", 0.0), ("A", 0.5), ("B", 32.0)]


def test_a_timer_counts_from_the_event_that_led_to_it(virtual: Virtual) -> None:
    adapter, clock = virtual
    begun: list[float] = []

    async def script(server: Server[History]) -> None:
        begun.append(server.started)
        await anyio.sleep(60)

    def slowly(_report: Report) -> None:
        clock.jump(0.4)

    core = Puppet(first=[Report("policy", "", "slow"), StartTimer(timer("a", "A"), 1.0)])
    (fired,) = run(adapter, core, script, on_report=slowly)
    assert round(fired.at - begun[0], 6) == 1.0


def test_a_timer_earlier_than_the_rest_moves_the_alarm(virtual: Virtual) -> None:
    async def script(server: Server[History]) -> None:
        core.do(server, StartTimer(timer("b", "B"), 32.0))
        await anyio.sleep(1)
        core.do(server, StartTimer(timer("a", "A"), 0.5))
        await anyio.sleep(60)
        core.do(server, StartTimer(timer("c", "C"), 4.0))
        await anyio.sleep(60)

    core = Scripted()
    assert run_timers(virtual, script, core) == [("A", 1.5), ("B", 32.0), ("C", 65.0)]


def test_stopped_and_replaced_timers_do_not_fire(virtual: Virtual) -> None:
    async def script(server: Server[History]) -> None:
        await anyio.sleep(0.1)
        core.do(server, StopTimer(timer("a", "A")), StartTimer(timer("b", "C"), 1.0))
        await anyio.sleep(60)

    core = Scripted(StartTimer(timer("a", "A"), 0.5), StartTimer(timer("b", "B"), 0.6))
    assert run_timers(virtual, script, core) == [("C", 1.1)]


def test_a_timer_may_start_the_next(virtual: Virtual) -> None:
    def again(event: Event) -> Iterable[Action]:
        if isinstance(event, TimerFired) and event.timer.serial < 4:
            yield StartTimer(Timer("a", "A", event.timer.serial + 1), 2.0**event.timer.serial)

    async def script(_server: Server[History]) -> None:
        await anyio.sleep(60)

    core = Puppet(again, first=[StartTimer(Timer("a", "A", 1), 1.0)])
    assert run_timers(virtual, script, core) == [("A", 1.0), ("A", 3.0), ("A", 7.0), ("A", 15.0)]


# The order of things


def test_actions_keep_their_order_when_an_event_comes_up_between_them(virtual: Virtual) -> None:
    # The failed send must not overtake the timer that was ordered after it.
    def react(event: Event) -> Iterable[Action]:
        if isinstance(event, SendFailed):
            yield StopTimer(timer("call", "A"))
            yield Report("transport", "", "second")
        elif isinstance(event, Administered):
            yield Send("7", HERE.name, Address("::1", 5060), None, b"cannot leave")
            yield StartTimer(timer("call", "A"), 1.0)
            yield Report("transport", "", "first")

    async def script(server: Server[History]) -> None:
        tell(server)
        await anyio.sleep(60)

    reports: list[Report] = []

    heard = run(virtual[0], Puppet(react), script, on_report=reports.append)
    assert [report.text for report in reports] == ["first", "second"]
    assert [type(event) for event in heard] == [Administered, SendFailed]
    assert heard[1].at >= heard[0].at


def test_a_send_that_fails_is_told_with_its_id(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        tell(server)
        await settle(server)

    def react(event: Event) -> Iterable[Action]:
        if isinstance(event, Administered):
            yield Send("id 7", HERE.name, Address("127.0.0.1", 9), None, bytes(65_508))

    (_, failed) = run(adapter, Puppet(react), script)
    assert isinstance(failed, SendFailed)
    assert (failed.id, failed.remote) == ("id 7", LOCALHOST)


def test_a_callback_may_step_the_core(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        servers.append(server)
        tell(server)

    def react(event: Event) -> Iterable[Action]:
        if isinstance(event, Administered) and isinstance(event.order, FlushCache):
            yield Deliver("one", "end", None)
            yield Deliver("two", "end", None)
        else:
            yield Report("policy", "", "quiet now")

    def on_deliver(order: Deliver) -> None:
        told.append(order.handle)
        servers[0].step(lambda at: Administered(at, Quiesce()))

    def on_report(order: Report) -> None:
        told.append(order.text)

    servers: list[Server[History]] = []
    told: list[str] = []
    heard = run(adapter, Puppet(react), script, on_deliver=on_deliver, on_report=on_report)
    assert told == ["one", "two", "quiet now", "quiet now"]
    assert len(heard) == 3


def test_so_may_the_tap_and_orders_keep_their_order(adapter: Adapter) -> None:
    seen: list[Report] = []
    servers: list[Server[History]] = []

    def react(event: Event) -> Iterable[Action]:
        return [Report("policy", "", f"{core.heard()}")] if isinstance(event, Administered) else []

    def tap(event: Event, _actions: tuple[Action, ...]) -> None:
        if len(servers[0].state) < 3:
            tell(servers[0])

    async def script(server: Server[History]) -> None:
        servers.append(server)
        tell(server)
        await settle(server)

    class Counting(Puppet):
        count = 0

        def heard(self) -> int:
            self.count += 1
            return self.count

    core = Counting(react)
    run(adapter, core, script, tap=tap, on_report=seen.append)
    assert [report.text for report in seen] == ["1", "2", "3"]


def test_the_tap_sees_a_batch_as_the_core_did_though_it_steps_meanwhile(adapter: Adapter) -> None:
    seen: list[Event] = []
    servers: list[Server[History]] = []
    delivered: list[str] = []

    def react(event: Event) -> Iterable[Action]:
        yield Deliver(str(event), "end", None)

    def tap(event: Event, _actions: tuple[Action, ...]) -> None:
        seen.append(event)
        if len(seen) == 1:
            tell(servers[0])

    def on_deliver(order: Deliver) -> None:
        delivered.append(order.handle)

    async def script(server: Server[History]) -> None:
        servers.append(server)
        where = server.addresses[HERE.name]
        with client() as phone:
            for number in range(3):  # none is read before all are there
                phone.sendto(b"%d" % number, (where.host, where.port))
            await core.hears(server, Administered)

    core = Puppet(react)
    heard = run(adapter, core, script, tap=tap, on_deliver=on_deliver)
    assert [type(event) for event in heard] == [DatagramReceived] * 3 + [Administered]
    assert tuple(seen) == heard
    assert delivered == [str(event) for event in heard]


def test_misuse_is_told_where_it_happens_and_changes_nothing(adapter: Adapter) -> None:
    def react(event: Event) -> Iterable[Action]:
        if isinstance(event, Administered):
            raise LocalProtocolError("no")
        return ()

    async def script(server: Server[History]) -> None:
        with pytest.raises(LocalProtocolError, match="no"):
            tell(server)
        assert server.state == ()

    run(adapter, Puppet(react), script)


def test_a_callback_that_raises_ends_the_server(adapter: Adapter) -> None:
    def fail(_report: Report) -> None:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as caught:
        run(adapter, Puppet(first=[Report("policy", "", "started")]), settle, on_report=fail)
    assert caught.group_contains(ZeroDivisionError)


def test_so_does_one_that_raises_where_the_program_steps(adapter: Adapter) -> None:
    # Who steps the server may well live on, and half of what was ordered would not have been done.
    def react(event: Event) -> Iterable[Action]:
        return [Report("policy", "", "told")] if isinstance(event, Administered) else []

    def fail(_report: Report) -> None:
        raise ZeroDivisionError

    async def script(server: Server[History]) -> None:
        with pytest.raises(ZeroDivisionError):
            tell(server)
        await anyio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught:
        run(adapter, Puppet(react), script, on_report=fail)
    assert caught.group_contains(ZeroDivisionError)


def test_a_full_send_buffer_is_reported(adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_given: object) -> int:
        raise BlockingIOError

    async def script(server: Server[History]) -> None:
        monkeypatch.setattr(socket.socket, "sendto", full)
        tell(server)

    reports: list[Report] = []
    core = Puppet(lambda _: [Send("7", HERE.name, LOCALHOST, None, b"data")])
    heard = run(adapter, core, script, on_report=reports.append)
    text = "send buffer full, datagram to 127.0.0.1:9 lost"
    assert reports == [Report("transport", HERE.name, text)]
    assert len(heard) == 1


# DNS


def test_questions_are_answered(adapter: Adapter, zone_dns: "Callable[[], ZoneServer]") -> None:
    async def script(_server: Server[History]) -> None:
        await answered.wait()

    def react(event: Event) -> Iterable[Action]:
        if isinstance(event, DnsAnswered):
            answered.set()
        return ()

    answered = anyio.Event()
    host, port = zone_dns().address
    core = Puppet(react, first=[QueryDns(7, "gw-1.example.com", "A")])
    (event,) = run(adapter, core, script, nameservers=[f"{host}:{port}"])
    assert isinstance(event, DnsAnswered)
    assert event.query == 7
    assert event.answer == Found((Ip("192.0.2.1"), Ip("192.0.2.2")), 45.0)


def test_without_name_servers_a_question_fails(adapter: Adapter) -> None:
    core = Puppet(first=[QueryDns(7, "gw-1.example.com", "SRV")])
    (event,) = run(adapter, core, settle, nameservers=[])
    assert isinstance(event, DnsAnswered)
    assert isinstance(event.answer, Failure)


def test_a_question_that_is_stopped_is_not_answered(
    adapter: Adapter, zone_dns: "Callable[[], ZoneServer]"
) -> None:
    async def script(server: Server[History]) -> None:
        idle = open_sockets()
        core.do(server, QueryDns(7, "gw-1.example.com", "A"))
        await until(lambda: dns.log)
        assert open_sockets() == idle + 1
        core.do(server, StopDns(7), StopDns(8))
        await settle()
        assert open_sockets() == idle

    dns = zone_dns()
    dns.drop = True
    core = Scripted()
    heard = run(adapter, core, script, nameservers=["{}:{}".format(*dns.address)])
    assert [type(event) for event in heard] == [Administered, Administered]


def test_a_bad_name_server_is_refused_at_the_start(adapter: Adapter) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        run(adapter, Puppet(), settle, nameservers=["dns.example.com"])
    assert caught.group_contains(ValueError, match=r"'dns\.example\.com' is not a name server")


# Reload, end, replay


def test_another_engine_goes_on_from_the_same_state(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        tell(server)
        server.swap(Puppet(lambda _: [Report("policy", "", "new")]))
        tell(server)

    reports: list[Report] = []
    heard = run(adapter, Puppet(), script, on_report=reports.append)
    assert len(heard) == 2
    assert len(reports) == 1


def test_a_reload_cannot_bring_endpoints(adapter: Adapter) -> None:
    async def script(server: Server[History]) -> None:
        other = Endpoint("udp", "127.0.0.2:0", advertise="192.0.2.11:5060")
        with pytest.raises(EndpointError, match=r"^udp:127\.0\.0\.2:0: not open"):
            server.swap(Puppet(endpoints=[HERE, other]))

    run(adapter, Puppet(), script)


def test_cancelling_closes_everything(adapter: Adapter) -> None:
    servers: list[Server[History]] = []

    async def script(server: Server[History]) -> None:
        servers.append(server)
        await settle(server)

    run(
        adapter,
        Puppet(first=[StartTimer(timer("a", "A"), 5.0), QueryDns(1, "example.com", "A")]),
        script,
    )
    where = servers[0].addresses[HERE.name]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((where.host, where.port))
    with pytest.raises(RuntimeError, match="ended"):
        tell(servers[0])


def test_a_port_in_use_stops_the_start_and_closes_what_was_open(adapter: Adapter) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        taken = Endpoint("udp", f"127.0.0.1:{sock.getsockname()[1]}")
        with pytest.raises(EndpointError, match=f"^{taken.name}: address already in use"):
            adapter.run(partial(adapter.serve, Puppet(endpoints=[HERE, taken])))


def test_a_recorded_run_replays_without_difference(adapter: Adapter) -> None:
    recorded: list[tuple[Event, tuple[Action, ...]]] = []

    async def script(server: Server[History]) -> None:
        where = server.addresses[HERE.name]
        with client() as phone:
            for _ in range(10):
                phone.sendto(b"data", (where.host, where.port))
                await received(phone)
        ends.append(server.state)

    def tap(event: Event, actions: tuple[Action, ...]) -> None:
        recorded.append((event, actions))

    ends: list[History] = []
    core = Puppet(echo)
    run(adapter, core, script, tap=tap, seed=bytes(32))
    state, _ = core.start(bytes(32), recorded[0][0].at)
    for event, actions in recorded:
        state, again = core.step(state, event)
        assert again == actions
    assert state == ends[0]
