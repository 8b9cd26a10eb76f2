"""Programs that nobody here wrote, as processes that a test starts and that end with it.

Each has an address of its own on the loopback, 127.x.y.z, where all its usual ports are free: so
nothing has to be agreed on, and a capture shows who said what. Whatever happens, none stays behind:
each runs in a process group of its own that ends with the test, and under ``timeout``, which ends
it even if the tests themselves were killed.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from socket import inet_aton
from typing import TypeVar

import pytest

from ports import is_free

T = TypeVar("T")

# Where Debian keeps daemons, which is not on everybody's PATH.
DAEMONS = "/usr/sbin:/usr/local/sbin:/sbin"
LIFE = 120  # seconds that a program may run, however its test fares
STARTING = 15.0  # seconds until it must be there; it takes far less than one
ENDING = 5.0  # seconds that it has for ending by itself
PORTS = (5060, 5061)
LISTENING = "0A"  # the state of a TCP socket in /proc/net/tcp
PACKAGES = {
    "sipp": "sip-tester",
    "kamailio": "kamailio",
    "baresip": "baresip-core",
    "sipsak": "sipsak",
    "stunnel4": "stunnel4",
    "tshark": "tshark",
    "dumpcap": "wireshark-common",
    "knotd": "knot",
    "openssl": "openssl",
    "chromium": "chromium",
    "sngrep": "sngrep",
}


def where_is(program: str) -> str | None:
    """Find a program."""
    return shutil.which(program) or shutil.which(program, path=DAEMONS)


def needs(*programs: str) -> pytest.MarkDecorator:
    """Mark what is to be skipped unless all these programs are there."""
    missing = [name for name in programs if where_is(name) is None]
    packages = " ".join(PACKAGES[name] for name in missing)
    reason = f"{' and '.join(missing)} missing; on Debian: apt install {packages}"
    if sys.platform != "linux":
        reason = "all of 127.0.0.0/8 is this machine on Linux alone"
    return pytest.mark.skipif(bool(missing) or sys.platform != "linux", reason=reason)


def eventually(what: str, look: Callable[[], T | None], within: float = STARTING) -> T:
    """Look until there is something to see; fail if there is not by then."""
    until = time.monotonic() + within
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > until:
            pytest.fail(f"not within {within:g} s: {what}")
        time.sleep(0.02)


class Program:
    """A running program, and what it says."""

    def __init__(self, argv: Sequence[str], folder: Path) -> None:
        path = where_is(argv[0])
        timeout = where_is("timeout")
        assert path, f"{argv[0]} is missing"
        assert timeout, "timeout is missing; it is one of the coreutils"
        self.name, self.folder, self.log = Path(path).name, folder, folder / "output"
        with self.log.open("wb") as said:
            self.process = subprocess.Popen(  # noqa: S603 (what the tests name)
                [timeout, "--foreground", f"--kill-after={ENDING:g}", f"{LIFE}", path, *argv[1:]],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=folder,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """All that it has said so far."""
        return self.log.read_text(errors="replace")

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def ended(self, within: float) -> int:
        """Wait for its end; gives the exit status."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            pytest.fail(f"{self.name} still runs after {within:g} s\n{self.said[-3000:]}")

    def there(self, transport: str, host: str, port: int) -> None:
        """Wait until it listens there."""
        eventually(
            f"{self.name} listens on {transport} {host}:{port}\n{self.said}",
            lambda: not self.running() or listens(transport, host, port),
        )
        if not self.running():
            pytest.fail(f"{self.name} has ended\n{self.said[-3000:]}")

    def stop(self, within: float = ENDING) -> int:
        """SIGTERM, and SIGKILL to whatever of it is there after that; gives the exit status."""
        if self.running():
            self.process.terminate()  # timeout passes it on
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(within)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()


class Place:
    """Where a test's programs run: a folder for each, and addresses."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self._numbers = iter(range(1000))

    def own(self, name: str) -> Path:
        """Make a folder for somebody."""
        folder = self.folder / f"{next(self._numbers)}-{name}"
        folder.mkdir()
        return folder

    def run(self, argv: Sequence[str], folder: Path | None = None) -> Program:
        """Start a program that ends with the test."""
        program = Program(argv, folder or self.own(Path(argv[0]).name))
        self.stack.callback(program.stop)
        return program


def fresh_host() -> str:
    """Find an address of the loopback where nobody is, at any of the usual ports."""
    while True:
        numbers = (random.randint(16, 250), random.randint(0, 255), random.randint(1, 254))
        host = "127." + ".".join(map(str, numbers))
        if all(is_free(host, port) for port in PORTS):
            return host


def listens(transport: str, host: str, port: int) -> bool:
    """Whether somebody has this socket, without disturbing it."""
    local = f"{inet_aton(host)[::-1].hex().upper()}:{port:04X}"
    for at, state in _sockets("udp" if transport == "udp" else "tcp"):
        if at == local and (transport == "udp" or state == LISTENING):
            return True
    return False


def _sockets(kind: str) -> Iterator[tuple[str, str]]:
    for line in Path(f"/proc/net/{kind}").read_text(encoding="ascii").splitlines()[1:]:
        _, local, _, state, *_ = line.split()
        yield local, state
