"""The UDP sockets of the adapters, over the loopback; IPv6 where the machine has it."""

import errno
import socket
import struct
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any

import anyio
import pytest

from loops import Adapter, settle
from puppet import HERE, Puppet, run
from sansip import Address, DatagramReceived, Endpoint, Report, Send, SendFailed
from sansip_adapter import udp
from sansip_adapter.endpoints import EndpointError
from sansip_adapter.icmp import transport_error
from sansip_adapter.loop import Loop
from sansip_adapter.server import DEAF
from sansip_adapter.udp import BATCH, UdpSocket

Fact = DatagramReceived | SendFailed
TCP = Endpoint("tcp", "127.0.0.1:0", advertise="192.0.2.10:5060")
LOOPBACKS = ["127.0.0.1", "::1"]


@pytest.fixture(params=LOOPBACKS)
def loopback(request: pytest.FixtureRequest) -> str:
    host: str = request.param
    try:
        plain_socket(host).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    return host


def plain_socket(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.bind((host, 0))
    except OSError:
        sock.close()
        raise
    sock.settimeout(5)
    return sock


def address_of(sock: socket.socket) -> Address:
    host, port = sock.getsockname()[:2]
    return Address(host, port)


def closed_port(host: str) -> Address:
    with plain_socket(host) as sock:
        return address_of(sock)


def order(remote: Address, data: bytes = b"data", id: str = "1") -> Send:
    return Send(id, "here", remote, None, data)


class Still:
    """A loop that has no use yet but its clock."""

    def __init__(self, loop: Loop | None) -> None:
        self.loop = loop

    def now(self) -> float:
        return 42.0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self.loop, name)


class Opened:
    """A socket of ours, and what it told."""

    def __init__(self, host: str, port: int = 0, loop: Loop | None = None) -> None:
        self.facts: list[Fact] = []
        self.reports: list[tuple[str, str]] = []
        self.told: anyio.Event | None = None
        self.wakes = 0
        still: Any = Still(loop)
        self.udp = UdpSocket("here", Address(host, port), still, self.come, self.feed, self.report)

    def come(self, facts: Sequence[DatagramReceived]) -> None:
        for fact in facts:
            self.feed(fact)

    def feed(self, fact: Fact) -> None:
        self.facts.append(fact)
        if self.told is not None:
            self.told.set()

    def report(self, endpoint: str, text: str) -> None:
        self.reports.append((endpoint, text))

    def count_wakes(self) -> None:
        ready = self.udp.ready

        def counted() -> None:
            self.wakes += 1
            ready()

        self.udp.ready = counted  # type: ignore[method-assign]

    async def wait_for(self, count: int) -> list[Fact]:
        while len(self.facts) < count:
            self.told = anyio.Event()
            await self.told.wait()
        return self.facts


@contextmanager
def opened(host: str, loop: Loop | None = None) -> Generator[Opened]:
    here = Opened(host, loop=loop)
    try:
        yield here
    finally:
        here.udp.close()


@asynccontextmanager
async def reading(adapter: Adapter, host: str) -> AsyncGenerator[Opened]:
    async with adapter.looping() as loop:
        with opened(host, loop) as here:
            here.count_wakes()
            here.udp.start()
            yield here


def test_a_datagram_comes_with_source_and_local_address(adapter: Adapter, loopback: str) -> None:
    async def main() -> None:
        async with reading(adapter, loopback) as here:
            with plain_socket(loopback) as peer:
                peer.sendto(b"hello", (here.udp.address.host, here.udp.address.port))
                facts = await here.wait_for(1)
                assert facts == [
                    DatagramReceived(42.0, "here", address_of(peer), here.udp.address, b"hello")
                ]

    adapter.run(main)


@pytest.mark.parametrize("loopback", LOOPBACKS, indirect=True)
def test_a_wildcard_tells_the_address_that_was_dialled(adapter: Adapter, loopback: str) -> None:
    async def main() -> None:
        dialled = "127.0.0.7" if loopback == "127.0.0.1" else "::1"
        async with reading(adapter, "0.0.0.0" if loopback == "127.0.0.1" else "::") as here:
            with plain_socket(loopback) as peer:
                local = Address(dialled, here.udp.address.port)
                peer.sendto(b"hello", (local.host, local.port))
                facts = await here.wait_for(1)
                assert facts == [DatagramReceived(42.0, "here", address_of(peer), local, b"hello")]

    adapter.run(main)


def test_a_send_arrives(loopback: str) -> None:
    with opened(loopback) as here, plain_socket(loopback) as peer:
        here.udp.send(order(address_of(peer), b"out"))
        data, source = peer.recvfrom(100)
        assert (data, source[:2]) == (b"out", (here.udp.address.host, here.udp.address.port))
        assert here.facts == []


ANYWHERE = [("0.0.0.0", "127.0.0.7"), ("::", "::1")]


@pytest.mark.parametrize(("anywhere", "local"), ANYWHERE)
def test_an_answer_leaves_from_the_address_that_was_dialled(
    adapter: Adapter, anywhere: str, local: str
) -> None:
    async def main() -> None:
        async with reading(adapter, anywhere) as here:
            with plain_socket("127.0.0.1" if anywhere == "0.0.0.0" else "::1") as peer:
                dialled = (local, here.udp.address.port)
                peer.sendto(b"hello", dialled)
                (fact,) = await here.wait_for(1)
                assert isinstance(fact, DatagramReceived)
                here.udp.send(Send("1", "here", fact.source, None, b"out", fact.local.host))
                data, source = peer.recvfrom(100)
                assert (data, source[:2]) == (b"out", dialled)
                # Errors are heard of all the same.
                here.udp.send(Send("1", "here", closed_port(local), None, b"dead", local))
                told = (await here.wait_for(2))[1]
                assert isinstance(told, SendFailed)
                assert told.reason == "ICMP: Connection refused"

    adapter.run(main)


@pytest.mark.parametrize(
    ("anywhere", "local", "reason"),
    [
        ("0.0.0.0", "192.0.2.77", ""),  # kernels differ in what they call it
        ("::", "2001:db8::77", ""),
        ("0.0.0.0", "::1", "illegal IP address string"),
    ],
)
def test_what_cannot_leave_from_an_address_comes_back(
    anywhere: str, local: str, reason: str
) -> None:
    with opened(anywhere) as here:
        remote = Address("127.0.0.1" if anywhere == "0.0.0.0" else "::1", 9)
        here.udp.send(Send("id 7", "here", remote, None, b"data", local))
        (fact,) = here.facts
        assert isinstance(fact, SendFailed)
        assert (fact.id, fact.quoted) == ("id 7", b"data")
        assert reason in fact.reason


def test_a_wildcard_says_what_it_knows_where_nobody_tells_what_was_dialled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = [(socket.SOL_SOCKET, 29, b"a time"), (socket.IPPROTO_IP, 1, bytes(4))]
    receive: Any = socket.socket.recvmsg

    def without(sock: socket.socket, *given: int) -> object:
        data, _, flags, source = receive(sock, *given)
        return data, ours, flags, source

    with opened("0.0.0.0") as here, plain_socket("127.0.0.1") as peer:
        peer.sendto(b"hello", ("127.0.0.1", here.udp.address.port))
        monkeypatch.setattr(socket.socket, "recvmsg", without)
        here.udp.ready()
        (fact,) = here.facts
        assert isinstance(fact, DatagramReceived)
        assert fact.local == here.udp.address


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_only_so_many_peers_are_remembered(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "PEERS", 2)
    with opened(host) as here, ExitStack() as peers:
        socks = [peers.enter_context(plain_socket("127.0.0.1")) for _ in range(5)]
        for sock in (*socks, *socks, socks[0]):
            sock.sendto(b"x", ("127.0.0.1", here.udp.address.port))
        here.udp.ready()
        expected = [address_of(sock) for sock in (*socks, *socks, socks[0])]
        assert [
            fact.source for fact in here.facts if isinstance(fact, DatagramReceived)
        ] == expected
        assert len(here.udp._peers) <= 2  # pyright: ignore[reportPrivateUsage]


@pytest.mark.rule("3261-18.4-01")
def test_a_closed_port_is_told_with_the_bytes_that_came_back(
    adapter: Adapter, loopback: str
) -> None:
    async def main() -> None:
        async with reading(adapter, loopback) as here:
            dead, data = closed_port(loopback), b"INVITE " + bytes(range(256)) * 4
            here.udp.send(order(dead, data))
            (fact,) = await here.wait_for(1)
            assert isinstance(fact, SendFailed)
            assert (fact.at, fact.endpoint, fact.remote, fact.id) == (42.0, "here", dead, None)
            assert fact.reason == "ICMP: Connection refused"
            assert len(fact.quoted) >= 500
            assert data.startswith(fact.quoted)

    adapter.run(main)


def test_an_error_of_one_peer_does_not_lose_the_datagram_of_another(loopback: str) -> None:
    with opened(loopback) as here, plain_socket(loopback) as alive:
        dead = closed_port(loopback)
        here.udp.send(order(dead, b"to the dead"))
        here.udp.send(order(address_of(alive), b"to the living"))
        assert alive.recv(100) == b"to the living"
        assert here.facts == [
            SendFailed(42.0, "here", dead, "ICMP: Connection refused", None, b"to the dead")
        ]


def test_an_error_that_found_no_room_in_the_queue_does_not_lose_the_datagram_of_another() -> None:
    with opened("127.0.0.1") as here, plain_socket("127.0.0.1") as alive:
        sock: socket.socket = here.udp._socket  # pyright: ignore[reportPrivateUsage]
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        for _ in range(100):  # and nobody reads them
            alive.sendto(bytes(200), sock.getsockname())
        here.udp.send(order(closed_port("127.0.0.1"), b"to the dead"))
        here.udp.send(order(address_of(alive), b"to the living"))
        assert alive.recv(100) == b"to the living"
        assert here.facts == []


def test_among_300_dead_and_300_live_sends_all_arrive_and_all_errors_are_told(
    adapter: Adapter, loopback: str
) -> None:
    async def main() -> None:
        dead = closed_port(loopback)
        async with reading(adapter, loopback) as here:
            with plain_socket(loopback) as alive:
                for number in range(300):
                    here.udp.send(order(dead, b"dead %d" % number))
                    here.udp.send(order(address_of(alive), b"live %d" % number))
                    data, source = alive.recvfrom(100)
                    assert data == b"live %d" % number
                    alive.sendto(data, source)
                    if number % 10 == 0:
                        await anyio.lowlevel.checkpoint()
                facts = await here.wait_for(600)
                quoted = [fact.quoted for fact in facts if isinstance(fact, SendFailed)]
                assert quoted == [b"dead %d" % number for number in range(300)]
                back = [fact.data for fact in facts if isinstance(fact, DatagramReceived)]
                assert back == [b"live %d" % number for number in range(300)]
                assert await idle_wakes(here) == 0

    adapter.run(main)


def test_errors_that_come_one_by_one_do_not_make_the_loop_deaf(
    adapter: Adapter, loopback: str
) -> None:
    # uvloop would stop to watch the socket after the first, did we not watch it ourselves.
    async def main() -> None:
        dead = closed_port(loopback)
        async with reading(adapter, loopback) as here:
            with plain_socket(loopback) as alive:
                for number in range(20):
                    here.udp.send(order(dead))
                    await here.wait_for(2 * number + 1)
                    alive.sendto(b"live", (here.udp.address.host, here.udp.address.port))
                    await here.wait_for(2 * number + 2)
            assert await idle_wakes(here) == 0

    adapter.run(main)


def test_the_loop_rests_after_an_error(adapter: Adapter, loopback: str) -> None:
    async def main() -> None:
        async with reading(adapter, loopback) as here:
            here.udp.send(order(closed_port(loopback)))
            await here.wait_for(1)
            assert await idle_wakes(here) == 0
            assert here.wakes <= 2

    adapter.run(main)


async def idle_wakes(here: Opened) -> int:
    """How often the socket still wakes the loop, when all has been read."""
    await settle()
    before = here.wakes
    await settle()
    return here.wakes - before


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_batch_is_bounded_and_the_rest_comes_next(adapter: Adapter, host: str) -> None:
    async def main() -> None:
        async with reading(adapter, host) as here:
            with plain_socket("127.0.0.1") as peer:
                for number in range(BATCH + 1):
                    peer.sendto(b"%d" % number, ("127.0.0.1", here.udp.address.port))
            facts = await here.wait_for(BATCH + 1)
            assert here.wakes == 2
            data = [fact.data for fact in facts if isinstance(fact, DatagramReceived)]
            assert data == [b"%d" % number for number in range(BATCH + 1)]

    adapter.run(main)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_an_error_that_shadows_a_datagram_costs_nothing(
    adapter: Adapter, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = [ConnectionRefusedError(errno.ECONNREFUSED, "refused")]
    name = "recvfrom" if host == "127.0.0.1" else "recvmsg"
    receive: Any = getattr(socket.socket, name)

    def refused_once(sock: socket.socket, *given: int) -> object:
        if refusals and socket.MSG_ERRQUEUE not in given:
            raise refusals.pop()
        got: object = receive(sock, *given)
        return got

    monkeypatch.setattr(socket.socket, name, refused_once)

    async def main() -> None:
        async with reading(adapter, host) as here:
            with plain_socket("127.0.0.1") as peer:
                peer.sendto(b"hello", ("127.0.0.1", here.udp.address.port))
                (fact,) = await here.wait_for(1)
                assert isinstance(fact, DatagramReceived)

    adapter.run(main)
    assert not refusals


def test_an_error_that_no_queue_holds_is_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    # As after ENETDOWN: readable, but there is nothing to read.
    cleared: list[tuple[int, ...]] = []
    plain: Any = socket.socket.getsockopt

    def getsockopt(sock: socket.socket, *what: int) -> object:
        cleared.append(what)
        found: object = plain(sock, *what)
        return found

    monkeypatch.setattr(socket.socket, "getsockopt", getsockopt)
    with opened("127.0.0.1") as here:
        here.udp.ready()
    assert cleared == [(socket.SOL_SOCKET, socket.SO_ERROR)]


# Systems without the error queue


def lacks_the_error_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "HEARS_ERRORS", False)
    monkeypatch.delattr(socket, "MSG_ERRQUEUE")


def test_without_the_error_queue_datagrams_come_and_go(
    adapter: Adapter, loopback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks_the_error_queue(monkeypatch)

    async def main() -> None:
        async with reading(adapter, loopback) as here:
            with plain_socket(loopback) as peer:
                here.udp.send(order(closed_port(loopback)))
                here.udp.send(order(address_of(peer), b"out"))
                data, source = peer.recvfrom(100)
                assert data == b"out"
                peer.sendto(b"in", source)
                (fact,) = await here.wait_for(1)
                assert isinstance(fact, DatagramReceived)
                assert await idle_wakes(here) == 0

    adapter.run(main)


def test_without_the_error_queue_what_cannot_be_sent_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lacks_the_error_queue(monkeypatch)
    with opened("127.0.0.1") as here:
        here.udp.send(order(Address("127.0.0.1", 9), bytes(65_508)))
        (fact,) = here.facts
        assert isinstance(fact, SendFailed)


@pytest.mark.parametrize(("hears", "reports"), [(True, 0), (False, 1)])
def test_a_system_without_the_error_queue_is_told_of_once(
    adapter: Adapter, monkeypatch: pytest.MonkeyPatch, *, hears: bool, reports: int
) -> None:
    monkeypatch.setattr(udp, "HEARS_ERRORS", hears)
    told: list[Report] = []
    endpoints = [HERE, Endpoint("udp", "127.0.0.2:0", advertise="192.0.2.11:5060"), TCP]
    run(adapter, Puppet(endpoints=endpoints), settle, on_report=told.append)
    about = "udp:127.0.0.1:0, udp:127.0.0.2:0"
    assert told == reports * [Report("transport", about, DEAF)]


def test_without_udp_nobody_misses_the_error_queue(
    adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks_the_error_queue(monkeypatch)
    told: list[Report] = []
    core = Puppet(endpoints=[TCP])
    run(adapter, core, settle, on_report=told.append)
    assert told == []


# What cannot be sent


@pytest.mark.parametrize(
    ("remote", "data", "reason"),
    [
        (Address("127.0.0.1", 9), bytes(65_508), "Message too long"),
        (Address("gw.example.com", 5060), b"data", "illegal IP address string"),
        (Address("::1", 5060), b"data", "illegal IP address string"),
        (Address("127.0.0.1", 65_536), b"data", "port must be 0-65535"),
        (Address("255.255.255.255", 5060), b"data", "Permission denied"),
    ],
)
def test_what_cannot_be_sent_comes_back_with_its_id(
    remote: Address, data: bytes, reason: str
) -> None:
    with opened("127.0.0.1") as here:
        here.udp.send(order(remote, data, "id 7"))
        (fact,) = here.facts
        assert isinstance(fact, SendFailed)
        assert (fact.remote, fact.id, fact.quoted) == (remote, "id 7", data)
        assert reason in fact.reason


@pytest.mark.parametrize("error", [BlockingIOError(), OSError(errno.ENOBUFS, "no room")])
def test_a_full_send_buffer_loses_the_datagram_and_says_so(
    monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def full(*_given: object) -> int:
        raise error

    with opened("127.0.0.1") as here:
        monkeypatch.setattr(socket.socket, "sendto", full)
        here.udp.send(order(Address("127.0.0.1", 9)))
        assert here.reports == [("here", "send buffer full, datagram to 127.0.0.1:9 lost")]
        assert here.facts == []


def test_a_buffer_that_is_full_when_tried_again_loses_the_datagram_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dead = closed_port("127.0.0.1")
    plain = socket.socket.sendto
    tries: list[None] = []

    def refused_then_full(sock: socket.socket, *_given: object) -> int:
        tries.append(None)
        if len(tries) > 1:
            raise BlockingIOError
        plain(sock, b"x", (dead.host, dead.port))
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    with opened("127.0.0.1") as here:
        monkeypatch.setattr(socket.socket, "sendto", refused_then_full)
        here.udp.send(order(Address("127.0.0.1", 9), id="id 7"))
        assert here.reports == [("here", "send buffer full, datagram to 127.0.0.1:9 lost")]
        (fact,) = here.facts
        assert isinstance(fact, SendFailed)
        assert fact.id is None  # somebody else's error


def test_errors_that_never_end_fail_the_send(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = closed_port("127.0.0.1")
    plain = socket.socket.sendto

    def refused(sock: socket.socket, *_given: object) -> int:
        plain(sock, b"x", (dead.host, dead.port))
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    with opened("127.0.0.1") as here:
        monkeypatch.setattr(socket.socket, "sendto", refused)
        here.udp.send(order(Address("127.0.0.1", 9), id="id 7"))
        assert here.facts[-1] == SendFailed(
            42.0, "here", Address("127.0.0.1", 9), "refused", "id 7", b"data"
        )


def test_a_port_in_use_names_endpoint_and_remedy() -> None:
    with plain_socket("127.0.0.1") as taken, pytest.raises(EndpointError) as caught:
        Opened("127.0.0.1", address_of(taken).port)
    assert str(caught.value) == (
        'here: address already in use (another program listens there: "ss -lunp" shows which)'
    )


def test_a_foreign_address_names_endpoint_and_remedy() -> None:
    with pytest.raises(EndpointError, match=r"^here: cannot assign .*\(this machine does not"):
        Opened("192.0.2.77")


LINUX_ERROR = (socket.IPPROTO_IP, 11)
LINUX_ERROR_6 = (socket.IPPROTO_IPV6, 25)
LOCAL, ICMP, ICMP6 = 1, 2, 3


@pytest.mark.rule("3261-18.4-01")
@pytest.mark.parametrize(
    ("kind", "origin", "icmp_type", "code", "counts"),
    [
        (LINUX_ERROR, ICMP, 3, 0, True),  # network unreachable
        (LINUX_ERROR, ICMP, 3, 1, True),  # host unreachable
        (LINUX_ERROR, ICMP, 3, 2, True),  # protocol unreachable
        (LINUX_ERROR, ICMP, 3, 3, True),  # port unreachable
        (LINUX_ERROR, ICMP, 3, 4, False),  # fragmentation needed
        (LINUX_ERROR, ICMP, 3, 13, True),  # prohibited by an administrator
        (LINUX_ERROR, ICMP, 4, 0, False),  # source quench
        (LINUX_ERROR, ICMP, 11, 0, False),  # TTL exceeded
        (LINUX_ERROR, ICMP, 12, 0, True),  # parameter problem
        (LINUX_ERROR, LOCAL, 3, 3, False),
        (LINUX_ERROR_6, ICMP6, 1, 0, True),  # no route
        (LINUX_ERROR_6, ICMP6, 1, 4, True),  # port unreachable
        (LINUX_ERROR_6, ICMP6, 2, 0, False),  # packet too big
        (LINUX_ERROR_6, ICMP6, 3, 0, False),  # hop limit exceeded
        (LINUX_ERROR_6, ICMP6, 4, 0, True),  # parameter problem
        (LINUX_ERROR_6, LOCAL, 1, 0, False),
        ((socket.IPPROTO_IP, 2), ICMP, 3, 3, False),  # something else than an error
    ],
)
def test_which_icmp_messages_are_transport_errors(
    kind: tuple[int, int], origin: int, icmp_type: int, code: int, *, counts: bool
) -> None:
    entry = struct.pack("=IBBBBII", errno.EHOSTUNREACH, origin, icmp_type, code, 0, 0, 0)
    expected = "ICMP: No route to host" if counts else None
    assert transport_error([(*kind, entry)]) == expected
