"""Authoritative name servers for tests: knot, where it is installed, else a zone in this process.

Both serve the text of a zone file from a free port of the loopback until they are closed, and both
have answered before they are handed out. ``zone=None`` asks for a server that has the zone and
cannot read it: whatever is asked, it says SERVFAIL.
"""

import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

import dns.exception
import dns.message
import dns.query
import dns.rcode
from zone_dns import ZoneServer

from ports import free_port

KNOTD = shutil.which("knotd") or shutil.which("knotd", path="/usr/sbin:/usr/local/sbin")
READY_WITHIN = 20.0  # seconds; it takes some milliseconds
ORIGIN = "example.com."
EMPTY = "@ 0 SOA . . 1 1 1 1 1\n@ 0 NS .\n"
KINDS = ("knot", "in-process") if KNOTD else ("in-process",)


class Starting(Protocol):
    """Starts a server and gives its address, as ``nameservers`` has it: 127.0.0.1:5353."""

    def __call__(self, zone: str | None, origin: str = ORIGIN) -> AbstractContextManager[str]: ...


CONFIG = """
server:
    rundir: "{folder}"
    listen: "127.0.0.1@{port}"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: "{folder}/control"
log:
  - target: stderr
    any: warning
database:
    storage: "{folder}"
zone:
  - domain: "{origin}"
    file: "{folder}/zone"
    zonefile-sync: -1
    journal-content: none
"""


def serving(kind: str, folder: Path) -> Starting:
    """Give what starts name servers of one kind; ``folder`` is theirs."""
    numbers = count()

    def start(zone: str | None, origin: str = ORIGIN) -> AbstractContextManager[str]:
        if kind == "in-process":
            return _in_process(zone, origin)
        own = folder / str(next(numbers))
        own.mkdir()
        return _knot(zone, origin, own)

    return start


@contextmanager
def _in_process(zone: str | None, origin: str) -> Generator[str]:
    with ZoneServer(EMPTY if zone is None else zone, origin) as server:
        if zone is None:
            server.rcode = dns.rcode.SERVFAIL
        host, port = server.address
        yield f"{host}:{port}"


@contextmanager
def _knot(zone: str | None, origin: str, folder: Path) -> Generator[str]:
    assert KNOTD is not None
    port = free_port()
    if zone is not None:
        (folder / "zone").write_text(zone)
    config, log = folder / "knot.conf", folder / "log"
    config.write_text(CONFIG.format(folder=folder, port=port, origin=origin))
    with (
        log.open("wb") as said,
        subprocess.Popen([KNOTD, "-c", str(config)], stdout=said, stderr=said) as process,  # noqa: S603
    ):
        try:
            _await(process, port, origin, log)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _await(process: subprocess.Popen[bytes], port: int, origin: str, log: Path) -> None:
    """Ask until it answers; it says SERVFAIL until it has read its zone, if it ever does."""
    query = dns.message.make_query(origin, "SOA")
    has_zone = (log.parent / "zone").exists()
    until = time.monotonic() + READY_WITHIN
    while process.poll() is None and time.monotonic() < until:
        try:
            code = dns.query.udp(query, "127.0.0.1", port=port, timeout=0.05).rcode()
        except (dns.exception.Timeout, OSError):
            continue
        if code == (dns.rcode.NOERROR if has_zone else dns.rcode.SERVFAIL):
            return
        time.sleep(0.01)
    raise RuntimeError(f"knot does not serve its zone: {log.read_text()}")
