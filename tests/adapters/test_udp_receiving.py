"""The UDP sockets of the adapters, over the loopback: what comes, and what ICMP says."""

import errno
import socket
import struct
from contextlib import ExitStack
from typing import Any

import pytest

from datagrams import idle_wakes, opened, order, patient, reading
from loops import Adapter
from peers import closed_port
from sansip import Address, DatagramReceived, SendFailed
from sansip_adapter import udp
from sansip_adapter.icmp import transport_error
from sansip_adapter.udp import BATCH


def test_a_datagram_comes_with_source_and_local_address(adapter: Adapter, loopback: str) -> None:
    async def main() -> None:
        async with reading(adapter, loopback) as here:
            with patient(loopback) as peer:
                peer.sock.sendto(b"hello", (here.udp.address.host, here.udp.address.port))
                facts = await here.wait_for(1)
                assert facts == [
                    DatagramReceived(42.0, "here", peer.address, here.udp.address, b"hello")
                ]

    adapter.run(main)


def test_a_wildcard_tells_the_address_that_was_dialled(adapter: Adapter, loopback: str) -> None:
    async def main() -> None:
        dialled = "127.0.0.7" if loopback == "127.0.0.1" else "::1"
        async with reading(adapter, "0.0.0.0" if loopback == "127.0.0.1" else "::") as here:
            with patient(loopback) as peer:
                local = Address(dialled, here.udp.address.port)
                peer.sock.sendto(b"hello", (local.host, local.port))
                facts = await here.wait_for(1)
                assert facts == [DatagramReceived(42.0, "here", peer.address, local, b"hello")]

    adapter.run(main)


def test_a_wildcard_says_what_it_knows_where_nobody_tells_what_was_dialled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = [(socket.SOL_SOCKET, 29, b"a time"), (socket.IPPROTO_IP, 1, bytes(4))]
    receive: Any = socket.socket.recvmsg

    def without(sock: socket.socket, *given: int) -> object:
        data, _, flags, source = receive(sock, *given)
        return data, ours, flags, source

    with opened("0.0.0.0") as here, patient("127.0.0.1") as peer:
        peer.sock.sendto(b"hello", ("127.0.0.1", here.udp.address.port))
        monkeypatch.setattr(socket.socket, "recvmsg", without)
        here.udp.ready()
        (fact,) = here.facts
        assert isinstance(fact, DatagramReceived)
        assert fact.local == here.udp.address


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_only_so_many_peers_are_remembered(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "PEERS", 2)
    with opened(host) as here, ExitStack() as peers:
        socks = [peers.enter_context(patient("127.0.0.1")) for _ in range(5)]
        for sock in (*socks, *socks, socks[0]):
            sock.sock.sendto(b"x", ("127.0.0.1", here.udp.address.port))
        here.udp.ready()
        expected = [sock.address for sock in (*socks, *socks, socks[0])]
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


def test_errors_that_come_one_by_one_do_not_make_the_loop_deaf(
    adapter: Adapter, loopback: str
) -> None:
    # uvloop would stop to watch the socket after the first, did we not watch it ourselves.
    async def main() -> None:
        dead = closed_port(loopback)
        async with reading(adapter, loopback) as here:
            with patient(loopback) as alive:
                for number in range(20):
                    here.udp.send(order(dead))
                    await here.wait_for(2 * number + 1)
                    alive.sock.sendto(b"live", (here.udp.address.host, here.udp.address.port))
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


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_batch_is_bounded_and_the_rest_comes_next(adapter: Adapter, host: str) -> None:
    async def main() -> None:
        async with reading(adapter, host) as here:
            with patient("127.0.0.1") as peer:
                for number in range(BATCH + 1):
                    peer.sock.sendto(b"%d" % number, ("127.0.0.1", here.udp.address.port))
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
            with patient("127.0.0.1") as peer:
                peer.sock.sendto(b"hello", ("127.0.0.1", here.udp.address.port))
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
