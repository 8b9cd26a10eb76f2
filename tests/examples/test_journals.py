"""The example proxies write journals, and each of these runs again without difference."""

import re
import signal
import socket
import stat
import subprocess
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from zone_dns import ZoneServer

import elsewhere
from ports import free_port
from running import DEADLINE, Peer, Proxy
from sansip import Request, Response, parse
from sansip.journal import Step, Swap, read
from talking import answer, request

ZONE = """
$ORIGIN example.com.
@       300 SOA ns.example.com. admin.example.com. 1 3600 600 86400 17
@       300 NS  ns.example.com.
_sip._udp.gw 60 SRV 10 1 {dead} host.example.com.
_sip._udp.gw 60 SRV 20 1 {alive} host.example.com.
host    60  A   127.0.0.1
"""
BUSY = """
listen = ["udp:127.0.0.1:{port}", "tcp:127.0.0.1:{port}"]
nameservers = ["127.0.0.1:{dns}"]
allow_hops = ["127.0.0.0/8"]
domains = ["example.com"]
journal = {{ file = "journals/run.journal", rotate = 60_000, keep = 500 }}

[[route]]
host = "gw.example.com"
to = "uri"

[[route]]
to = "group:gateways"

[groups.gateways]
algorithm = "round-robin"
list = "dispatcher.list"
set = 1
{more}
"""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


@pytest.fixture
def gateway(peer: Callable[[], Peer]) -> Iterator[Peer]:
    """A gateway that takes every call, in a thread of its own."""
    found = peer()
    found.sock.settimeout(None)

    def serve() -> None:
        while (data := found.sock.recvfrom(65535))[0]:
            asked = parse(data[0])
            if isinstance(asked, Request) and asked.method != "ACK":
                found.sock.sendto(answer(asked, 200), data[1])

    thread = threading.Thread(target=serve)
    thread.start()
    yield found
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"", ("127.0.0.1", found.port))
    thread.join()


def ended(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0


def call(phone: Peer, proxy: Proxy, name: str) -> None:
    phone.invite(proxy.port, name)
    assert phone.final(name).status == 200


def test_a_call_that_fails_over_is_written_to_the_end(
    proxy: Proxy, peer: Callable[[], Peer], journal: Path
) -> None:
    phone, works = peer(), peer()
    broken = peer()
    broken.sock.close()
    proxy.write([broken.target, works.target], more=f'journal = "{journal.name}"')
    process = proxy.ready()
    phone.invite(proxy.port, "one")
    works.accept("one")
    assert phone.final("one").status == 200
    ended(process)
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600
    assert elsewhere.differing(journal) == []
    assert "Quiesce" in journal.read_text(encoding="ascii")  # what SIGTERM orders


@contextmanager
def busy(proxy: Proxy, gateway: Peer) -> Generator["subprocess.Popen[str]"]:
    """A proxy that will have a full day."""
    zone = ZONE.format(dead=free_port(), alive=gateway.port)
    (proxy.file.parent / "journals").mkdir()
    with ZoneServer(zone, "example.com.") as dns:
        text = BUSY.format(port=proxy.port, dns=dns.address[1], more="")
        proxy.file.write_text(text, encoding="utf-8")
        lists = proxy.file.with_name("dispatcher.list")
        lists.write_text(f"1 {gateway.target}\n", encoding="utf-8")
        process = proxy.start("--quiet")
        assert process.stdout is not None
        assert process.stdout.readline().startswith("listening on udp:")
        yield process


def calls(phone: Peer, proxy: Proxy, name: str, uri: str) -> None:
    """Many at once, and all of them are taken."""
    names = {f"{name}-{number}" for number in range(20)}
    for each in names:
        phone.ask("INVITE", uri, proxy.port, each)
    while names:
        heard = parse(phone.sock.recv(65535))
        if isinstance(heard, Response) and heard.status == 200:
            names.discard(heard.call_id)


def over_tcp(proxy: Proxy, prefix: str, uri: str) -> None:
    """A few calls over one connection."""
    with socket.create_connection(("127.0.0.1", proxy.port), DEADLINE) as sock:
        for name in ("one", "two"):
            sock.sendall(request("INVITE", f"tcp-{prefix}-{name}", uri=uri))
            heard = b""
            while b"SIP/2.0 200 " not in heard:
                more = sock.recv(65535)
                assert more, "the connection is closed"
                heard += more


def test_a_full_day_in_many_files(proxy: Proxy, peer: Callable[[], Peer], gateway: Peer) -> None:
    phone = peer()
    with busy(proxy, gateway) as process:
        for number, uri in enumerate(("sip:bob@example.org", "sip:bob@gw.example.com")):
            calls(phone, proxy, f"before-{number}", uri)
            over_tcp(proxy, f"before-{number}", uri)
        lists = proxy.file.with_name("dispatcher.list")
        lists.write_text(f"1 sip:127.0.0.1:9\n1 {gateway.target}\n", encoding="utf-8")
        process.send_signal(signal.SIGHUP)
        for number in range(3):
            calls(phone, proxy, f"after-{number}", "sip:bob@example.org")
            over_tcp(proxy, f"after-{number}", "sip:bob@gw.example.com")
        ended(process)
    files = list((proxy.file.parent / "journals").iterdir())
    assert len(files) > 5
    assert elsewhere.differing(*files) == []
    found: list[Step | Swap] = []
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        found += read(file.read_text(encoding="ascii").splitlines())
    (swap,) = [one for one in found if isinstance(one, Swap)]
    assert "sip:127.0.0.1:9" in str(swap.policy)
    kinds = {type(one.event).__name__ for one in found if isinstance(one, Step)}
    assert kinds >= {"StreamReceived", "DnsAnswered", "SendFailed", "Administered"}


def test_kill_9_loses_the_last_wake_up_at_most(
    proxy: Proxy, peer: Callable[[], Peer], gateway: Peer, journal: Path
) -> None:
    phone = peer()
    proxy.write([gateway.target], more=f'journal = "{journal.name}"')
    process = proxy.ready()
    for name in ("one", "two"):
        call(phone, proxy, name)
    process.kill()
    process.communicate()
    text = journal.read_text(encoding="ascii")
    assert re.search(r"SIP/2\.0 200 [^\n]*Call-ID: one", text)
    assert elsewhere.differing(journal) == []
    journal.write_text(text[:-9], encoding="ascii")  # as if it had been within a write
    status, said, _ = elsewhere.sansip("replay", journal)
    assert status == 0
    assert "is torn: " in said
    assert "\nno difference: " in said
    process = proxy.ready()  # and the next run takes nothing away
    call(phone, proxy, "three")
    ended(process)
    assert journal.with_name("run.journal.1").read_text(encoding="ascii") == text[:-9]
    assert elsewhere.differing(journal) == []


def test_a_full_disk_is_said_once_and_calls_go_on(
    proxy: Proxy, peer: Callable[[], Peer], gateway: Peer, journal: Path
) -> None:
    phone = peer()
    proxy.write([gateway.target], more=f'journal = "{journal.name}"')
    process = proxy.ready(within=("prlimit", "--fsize=10000"))
    for number in range(5):
        call(phone, proxy, f"call-{number}")
    ended(process)
    assert proxy.line() == (
        f"journal: {journal}: file too large: "
        "nothing more is written; mend that, and restart for a new journal"
    )
    assert proxy.line() == ""
    assert 0 < journal.stat().st_size <= 10_000
    assert elsewhere.differing(journal) == []


def test_a_journal_that_cannot_be_opened_stops_the_start(proxy: Proxy, journal: Path) -> None:
    proxy.write(["sip:127.0.0.1:9"], more=f'journal = "missing/{journal.name}"')
    process = proxy.start()
    assert process.wait() == 1
    missing = journal.parent / "missing" / journal.name
    assert proxy.line() == (
        f"{missing}: no such file or directory; "
        "name a file that can be written, or leave the journal out"
    )


def test_the_configuration_is_never_taken_for_a_journal(proxy: Proxy) -> None:
    proxy.write(["sip:127.0.0.1:9"], more='journal = "proxy.toml"')
    before = proxy.file.read_bytes()
    assert proxy.start().wait() == 1
    assert "something else of that name, which is no journal" in proxy.line()
    assert proxy.file.read_bytes() == before


def test_another_journal_needs_a_restart(
    proxy: Proxy, peer: Callable[[], Peer], gateway: Peer, journal: Path
) -> None:
    phone = peer()
    proxy.write([gateway.target], more=f'journal = "{journal.name}"')
    process = proxy.ready()
    proxy.write([gateway.target], more='journal = "other.journal"')
    process.send_signal(signal.SIGHUP)
    assert proxy.line() == "proxy.toml: journal: changes need a restart"
    assert proxy.line() == "proxy.toml: reloaded; 1 routes, 1 groups"
    call(phone, proxy, "one")
    ended(process)
    assert not journal.with_name("other.journal").exists()
    assert elsewhere.differing(journal) == []
