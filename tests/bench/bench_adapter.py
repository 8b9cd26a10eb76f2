"""Receiving and sending a datagram through the adapters, against a blocking loop.

Datagrams come in bursts that wait in the socket's buffer, so that nobody else works while the
clock runs.
"""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

import sansip
import traffic
from benching import Benchmark
from loops import Adapter, adapters

BUDGET = 12 / 9
BURST = 32  # datagrams
ROUNDS = 2_000
WORK = f"receive + send {BURST} datagrams"


class Settings:
    endpoints = (sansip.Endpoint("udp", "127.0.0.1:0", advertise="127.0.0.1:5060"),)


class Echo:
    """A core that sends everything back, and a clock that runs only while bursts are echoed."""

    config = Settings()

    def __init__(self) -> None:
        self.done: anyio.Event | None = None
        self.seconds = 0.0

    def clock(self) -> float:
        return self.seconds

    async def work(self) -> None:
        self.done = anyio.Event()
        began = perf_counter()
        await self.done.wait()
        self.seconds += perf_counter() - began

    def start(self, seed: bytes, at: float) -> tuple[int, tuple[sansip.Action, ...]]:
        return 0, ()

    def step(self, state: int, event: sansip.Event) -> tuple[int, tuple[sansip.Action, ...]]:
        assert isinstance(event, sansip.DatagramReceived)
        if (state + 1) % BURST == 0 and self.done is not None:
            self.done.set()
        send = sansip.Send("", event.endpoint, event.source, None, event.data)
        return state + 1, (send,)

    def step_all(
        self, state: int, events: Sequence[sansip.DatagramReceived]
    ) -> tuple[int, list[tuple[sansip.Action, ...]]]:
        done: list[tuple[sansip.Action, ...]] = []
        for event in events:
            state, actions = self.step(state, event)
            done.append(actions)
        return state, done


class Client:
    """Sends bursts, and takes the echoes."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._data = traffic.invite(1)

    def burst(self, address: tuple[str, int]) -> None:
        for _ in range(BURST):
            self._socket.sendto(self._data, address)

    def take_echoes(self) -> None:
        for _ in range(BURST):
            assert self._socket.recv(65535) == self._data


ECHO = Echo()


@pytest.fixture
def client() -> Iterator[Client]:
    with _bound() as sock:
        sock.settimeout(5.0)
        yield Client(sock)


@pytest.mark.benchmark(timer=ECHO.clock)
@pytest.mark.parametrize("adapter", adapters(), ids=lambda adapter: adapter.name)
def test_adapter(benchmark: Benchmark, client: Client, adapter: Adapter) -> None:
    benchmark.group = f"{WORK} ({adapter.name})"
    benchmark.extra_info["budget"] = BUDGET

    async def main() -> None:
        async with adapter.serving(ECHO, nameservers=()) as server:
            (address,) = server.addresses.values()

            async def burst() -> None:
                client.burst((address.host, address.port))
                await ECHO.work()
                client.take_echoes()

            # The benchmark waits in a thread of its own, the loop runs on.
            go = partial(benchmark.pedantic, anyio.from_thread.run, (burst,), rounds=ROUNDS)
            await anyio.to_thread.run_sync(go)

    replace(adapter, patience=60.0).run(main)


@pytest.mark.parametrize("adapter", adapters(), ids=lambda adapter: adapter.name)
def test_blocking_loop(benchmark: Benchmark, client: Client, adapter: Adapter) -> None:
    benchmark.group = f"{WORK} ({adapter.name})"
    with _bound() as sock:

        def echo() -> None:
            for _ in range(BURST):
                data, source = sock.recvfrom(65535)
                sock.sendto(data, source)

        address = sock.getsockname()
        burst = partial(client.burst, address)
        benchmark.pedantic(echo, setup=burst, teardown=client.take_echoes, rounds=ROUNDS)


def _bound() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock
