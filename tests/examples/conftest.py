"""Phones, gateways and a proxy for the tests of the example proxies."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Timer

import pytest

from ports import free_port
from running import DEADLINE, Peer, Proxy


@pytest.fixture
def peer() -> Iterator[Callable[[], Peer]]:
    """Make phones and gateways."""
    with ExitStack() as opened:

        def make() -> Peer:
            sock = opened.enter_context(closing(socket.socket(type=socket.SOCK_DGRAM)))
            sock.settimeout(DEADLINE)
            sock.bind(("127.0.0.1", 0))
            return Peer(sock)

        yield make


@pytest.fixture
def closed() -> int:
    """A port that is not in use."""
    return free_port()


PROGRAMS = {
    "trio": ("trio_proxy.py", "--config"),
    "asyncio": ("asyncio_proxy.py", "--config"),
    "uvloop": ("asyncio_proxy.py", "--uvloop", "--config"),
}


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Each example proxy in turn, on every loop that it has; a module may have one of its own."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    return PROGRAMS[request.param]


@pytest.fixture
def proxy(program: tuple[str, ...], tmp_path: Path, closed: int) -> Iterator[Proxy]:
    """A proxy that runs the ``program`` of the module, and is gone in the end."""
    made = Proxy(program, tmp_path, closed)

    def kill() -> None:
        if made.process is not None:
            made.process.kill()

    guard = Timer(DEADLINE, kill)
    guard.start()
    yield made
    guard.cancel()
    kill()
    if made.process is not None:
        made.process.communicate()
