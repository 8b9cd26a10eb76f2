"""What ``sansip_adapter.loop.Loop`` promises, every loop keeps."""

import asyncio
import socket
import sys
import traceback
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from math import inf
from typing import Any

import anyio
import pytest

import sansip_asyncio
from loops import Adapter, settle
from puppet import Puppet
from sansip_adapter.loop import Loop, Stop

Script = Callable[[Loop], Awaitable[None]]
SOON = 0.005  # seconds; uvloop has whole milliseconds


def on(adapter: Adapter, script: Script) -> None:
    """Run a script on a loop; it ends when a callback raises, or the script is done."""

    async def main() -> None:
        async with adapter.looping() as loop:
            await script(loop)

    adapter.run(main)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two sockets that are connected."""
    with connected() as two:
        yield two


@contextmanager
def connected() -> Generator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        yield one, other


Pair = tuple[socket.socket, socket.socket]


# Sockets


def test_a_socket_is_read_when_something_is_there_until_nothing_is(
    adapter: Adapter, pair: Pair
) -> None:
    here, there = pair
    heard: list[bytes] = []

    async def script(loop: Loop) -> None:
        stop = loop.reading(here, lambda: heard.append(here.recv(1)))
        await settle()
        assert heard == []
        there.send(b"abc")
        await settle()
        assert heard == [b"a", b"b", b"c"]
        stop()
        there.send(b"d")
        await settle()
        assert heard == [b"a", b"b", b"c"]

    on(adapter, script)


def test_a_socket_is_written_as_long_as_something_fits(adapter: Adapter, pair: Pair) -> None:
    here, _ = pair
    stops: list[Stop] = []
    count = 0

    def ready() -> None:
        nonlocal count
        count += 1
        if count == 3:
            stops[0]()

    async def script(loop: Loop) -> None:
        stops.append(loop.writing(here, ready))
        assert count == 0  # not before this has returned
        await settle()

    on(adapter, script)
    assert count == 3


def test_a_socket_is_read_and_written_at_once(adapter: Adapter, pair: Pair) -> None:
    here, there = pair
    heard: list[bytes] = []
    written: list[None] = []

    async def script(loop: Loop) -> None:
        stop_reading = loop.reading(here, lambda: heard.append(here.recv(9)))
        stop_writing = loop.writing(here, lambda: written.append(None))
        await settle()
        stop_writing()
        count = len(written)
        assert count
        there.send(b"a")
        await settle()
        assert heard == [b"a"]
        assert len(written) == count
        stop_reading()

    on(adapter, script)


def test_nothing_happens_on_a_socket_that_is_stopped_and_closed_at_once(
    adapter: Adapter, pair: Pair
) -> None:
    here, there = pair

    async def script(loop: Loop) -> None:
        there.send(b"a")
        for begin in (loop.reading, loop.writing):
            begin(here, lambda: pytest.fail("stopped"))()
        here.close()
        await settle()

    on(adapter, script)


@pytest.mark.parametrize("way", ["reading", "writing"])
def test_of_two_that_are_ready_the_first_may_stop_the_second(adapter: Adapter, way: str) -> None:
    called: list[int] = []
    stops: list[Stop] = []

    async def script(loop: Loop) -> None:
        with connected() as one, connected() as two:
            here = (one[0], two[0])

            def ready(number: int) -> None:
                called.append(number)
                for stop, sock in zip(stops, here, strict=True):
                    stop()
                    sock.close()

            begin = loop.reading if way == "reading" else loop.writing
            for sock, peer in (one, two):
                sock.send(b"x" * 2048)
                peer.send(b"x")
            stops[:] = [begin(sock, partial(ready, number)) for number, sock in enumerate(here)]
            await settle()

    on(adapter, script)
    assert len(called) == 1


def test_a_socket_that_was_stopped_may_be_read_again(adapter: Adapter, pair: Pair) -> None:
    here, there = pair
    heard: list[bytes] = []

    async def script(loop: Loop) -> None:
        there.send(b"a")
        loop.reading(here, lambda: pytest.fail("stopped"))()
        stop = loop.reading(here, lambda: heard.append(here.recv(9)))
        await settle()
        stop()

    on(adapter, script)
    assert heard == [b"a"]


# Time


def test_what_is_for_later_comes_later_and_once(adapter: Adapter) -> None:
    called: list[tuple[float, float]] = []

    async def script(loop: Loop) -> None:
        begun = loop.now()
        for due in (begun + SOON, begun, begun - 1.0, begun + 2 * SOON + 0.0003):
            loop.later(due, partial(note, loop, due))
        assert called == []
        await settle()
        assert len(called) >= 2
        await anyio.sleep(4 * SOON)
        assert len(called) == 4

    def note(loop: Loop, due: float) -> None:
        called.append((due, loop.now()))

    on(adapter, script)
    assert all(at >= due - 1e-9 for due, at in called)


def test_what_is_stopped_is_not_called_later(adapter: Adapter) -> None:
    async def script(loop: Loop) -> None:
        for due in (loop.now(), loop.now() + SOON):
            loop.later(due, lambda: pytest.fail("stopped"))()
        await anyio.sleep(2 * SOON)

    on(adapter, script)


def test_of_two_that_are_due_the_first_may_stop_the_second(adapter: Adapter) -> None:
    called: list[int] = []
    stops: list[Stop] = []

    def first(number: int) -> None:
        called.append(number)
        for stop in stops:
            stop()

    async def script(loop: Loop) -> None:
        due = loop.now()
        stops[:] = [loop.later(due, partial(first, number)) for number in range(2)]
        await settle()

    on(adapter, script)
    assert len(called) == 1


def test_the_alarm_rings_when_it_is_time_and_not_before(adapter: Adapter) -> None:
    rung: list[float] = []

    async def script(loop: Loop) -> None:
        over = anyio.Event()
        begun = loop.now()
        dues = [begun + SOON * number + 0.0003 for number in range(1, 10)]

        def ring() -> float:
            rung.append(loop.now())
            while dues and dues[0] <= loop.now() + 1e-9:
                del dues[0]
            if not dues:
                over.set()
            return dues[0] if dues else inf

        wake_at = loop.alarm(ring)
        await settle()
        del rung[:]  # it may ask for the time at first
        wake_at(begun + 100.0)
        wake_at(dues[0])
        wake_at(begun + 50.0)
        await over.wait()

    on(adapter, script)
    assert 1 <= len(rung) <= 10  # and it has not gone round and round before


def test_an_alarm_that_rings_for_nothing_is_set_again(adapter: Adapter) -> None:
    rung: list[float] = []

    async def script(loop: Loop) -> None:
        def ring() -> float:
            rung.append(loop.now())
            wake_at(loop.now())  # what is started meanwhile is part of what it returns
            return inf

        wake_at = loop.alarm(ring)
        await settle()
        for _ in range(3):
            del rung[:]
            wake_at(loop.now())
            await settle()
            assert len(rung) == 1

    on(adapter, script)


def test_alarms_do_not_hear_one_another(adapter: Adapter) -> None:
    rung: set[int] = set()

    async def script(loop: Loop) -> None:
        def ring(number: int) -> float:
            rung.add(number)
            return inf

        alarms = [loop.alarm(partial(ring, number)) for number in range(2)]
        await settle()
        rung.clear()
        for wake_at in alarms:
            wake_at(loop.now())
        await settle()
        assert rung == {0, 1}
        for wake_at in alarms:  # which nothing is left of at the end
            wake_at(loop.now() + 60.0)

    on(adapter, script)


# Work


def test_work_is_begun_later_and_done(adapter: Adapter) -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("begun")
        await anyio.lowlevel.checkpoint()
        done.append("done")

    async def script(loop: Loop) -> None:
        loop.spawn(work)
        assert done == []
        await settle()
        assert done == ["begun", "done"]

    on(adapter, script)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="has no eager tasks")
def test_work_is_begun_later_where_tasks_are_eager_too() -> None:
    done: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0)
        done.append("done")

    async def eager_work() -> None:
        done.append("begun")
        await work()

    async def script(loop: Loop) -> None:
        factory: Any = vars(asyncio)["eager_task_factory"]
        asyncio.get_running_loop().set_task_factory(factory)
        loop.spawn(eager_work)
        assert done == []
        await settle()
        assert done == ["begun", "done"]

    on(Adapter("asyncio"), script)


@pytest.mark.parametrize("why", ["stopped", "time is up", "end"])
def test_work_is_cancelled(adapter: Adapter, why: str) -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(why)

    async def script(loop: Loop) -> None:
        until = loop.now() + SOON if why == "time is up" else inf
        stop = loop.spawn(work, until=until)
        await settle()
        assert ended == []
        if why == "stopped":
            stop()
            await settle()
            assert ended == [why]
        elif why == "time is up":
            await anyio.sleep(2 * SOON)
            assert ended == [why]

    on(adapter, script)
    assert ended == [why]


def test_work_that_is_done_in_time_is_left_alone(adapter: Adapter) -> None:
    async def work() -> None:
        await anyio.lowlevel.checkpoint()

    async def script(loop: Loop) -> None:
        stop = loop.spawn(work, until=loop.now() + 60.0)
        await settle()
        stop()

    on(adapter, script)


# Mistakes


def spawn(loop: Loop, call: Callable[[], object], _: socket.socket) -> None:
    async def work() -> None:
        await anyio.lowlevel.checkpoint()
        call()

    loop.spawn(work)


def read(loop: Loop, call: Callable[[], object], sock: socket.socket) -> None:
    loop.reading(sock, call)


def write(loop: Loop, call: Callable[[], object], sock: socket.socket) -> None:
    loop.writing(sock, call)


def wait(loop: Loop, call: Callable[[], object], _: socket.socket) -> None:
    loop.later(loop.now(), call)


def be_alarmed(loop: Loop, call: Callable[[], object], _: socket.socket) -> None:
    def ring() -> float:
        call()
        return inf

    loop.alarm(ring)(loop.now())


@pytest.mark.parametrize("begin", [spawn, read, write, wait, be_alarmed])
@pytest.mark.parametrize("mistake", [ZeroDivisionError, StopIteration])
def test_what_a_callback_raises_ends_all_and_is_raised(
    adapter: Adapter,
    pair: Pair,
    begin: Callable[[Loop, Callable[[], object], socket.socket], None],
    mistake: type[Exception],
) -> None:
    here, there = pair
    there.send(b"x")
    ended: list[str] = []

    def fail() -> None:
        raise mistake

    async def script(loop: Loop) -> None:
        try:
            begin(loop, fail, here)
            await anyio.sleep_forever()
        finally:
            ended.append("script")
            # asyncio's are watched until somebody stops them: a server does.
            if adapter.loop == "asyncio":
                asyncio.get_running_loop().remove_reader(here.fileno())
                asyncio.get_running_loop().remove_writer(here.fileno())

    with pytest.raises((ExceptionGroup, mistake, RuntimeError)) as caught:
        on(adapter, script)
    assert mistake.__name__ in "".join(traceback.format_exception(caught.value))
    assert ended == ["script"]


def test_a_loop_that_cannot_watch_sockets_is_refused() -> None:
    """As the ProactorEventLoop of Windows."""

    class Proactor(asyncio.SelectorEventLoop):
        add_reader = asyncio.AbstractEventLoop.add_reader

    adapter = Adapter("asyncio", {"loop_factory": Proactor})
    with pytest.raises(RuntimeError, match=r"^Proactor cannot watch sockets.*SelectorEventLoop"):
        adapter.run(partial(sansip_asyncio.serve, Puppet()))
