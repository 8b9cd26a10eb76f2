"""Receiving and sending a datagram through the trio adapter, against a blocking loop.

Datagrams come in bursts that wait in the socket's buffer, so that nobody else works while the
clock runs.
"""

import math
import socket
from functools import partial
from time import perf_counter

import trio

import sansip
import traffic
from meter import Meter
from sansip_trio import Server, serve

BUDGET = 12 / 9
BURST = 32  # datagrams
SECONDS = 3.0


class Settings:
    endpoints = (sansip.Endpoint("udp", "127.0.0.1:0", advertise="127.0.0.1:5060"),)


class Echo:
    """A core that sends everything back."""

    config = Settings()

    def __init__(self) -> None:
        self.done = trio.Event()

    def start(self, seed: bytes, at: float) -> tuple[int, tuple[sansip.Action, ...]]:
        return 0, ()

    def step(self, state: int, event: sansip.Event) -> tuple[int, tuple[sansip.Action, ...]]:
        assert isinstance(event, sansip.DatagramReceived)
        if (state + 1) % BURST == 0:
            self.done.set()
        send = sansip.Send("", event.endpoint, event.source, None, event.data)
        return state + 1, (send,)


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


def blocking_loop(sock: socket.socket) -> float:
    began = perf_counter()
    for _ in range(BURST):
        data, source = sock.recvfrom(65535)
        sock.sendto(data, source)
    return (perf_counter() - began) / BURST


async def adapter(echo: Echo) -> float:
    echo.done = trio.Event()
    began = perf_counter()
    await echo.done.wait()
    return (perf_counter() - began) / BURST


async def measure(meter: Meter, client: Client, plain: socket.socket) -> None:
    echo, best, base = Echo(), math.inf, math.inf
    async with trio.open_nursery() as nursery:
        server: Server[int] = await nursery.start(partial(serve, echo, nameservers=()))
        (address,) = server.addresses.values()
        for _ in meter.rounds(SECONDS):
            client.burst(plain.getsockname())
            base = min(base, blocking_loop(plain))
            client.take_echoes()
            client.burst((address.host, address.port))
            best = min(best, await adapter(echo))
            client.take_echoes()
        nursery.cancel_scope.cancel()
    meter.enter("receive + send a datagram (trio)", best, "blocking loop", base, budget=BUDGET)


def test_echo(meter: Meter) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain,
    ):
        for each in (sock, plain):
            each.bind(("127.0.0.1", 0))
            each.settimeout(5.0)
        plain.settimeout(None)
        trio.run(measure, meter, Client(sock), plain)
