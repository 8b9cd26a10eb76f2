"""The UDP sockets of the adapters, over the loopback: what goes, and what cannot."""

import errno
import socket

import anyio
import pytest

from datagrams import Opened, idle_wakes, opened, order, patient, reading
from loops import Adapter, settle
from peers import closed_port
from puppet import HERE, Puppet, run
from sansip import Address, DatagramReceived, Endpoint, Report, Send, SendFailed
from sansip_adapter import udp
from sansip_adapter.endpoints import EndpointError
from sansip_adapter.server import DEAF

TCP = Endpoint("tcp", "127.0.0.1:0", advertise="192.0.2.10:5060")


def test_a_send_arrives(loopback: str) -> None:
    with opened(loopback) as here, patient(loopback) as peer:
        here.udp.send(order(peer.address, b"out"))
        data, source = peer.sock.recvfrom(100)
        assert (data, source[:2]) == (b"out", (here.udp.address.host, here.udp.address.port))
        assert here.facts == []


ANYWHERE = [("0.0.0.0", "127.0.0.7"), ("::", "::1")]


@pytest.mark.parametrize(("anywhere", "local"), ANYWHERE)
def test_an_answer_leaves_from_the_address_that_was_dialled(
    adapter: Adapter, anywhere: str, local: str
) -> None:
    async def main() -> None:
        async with reading(adapter, anywhere) as here:
            with patient("127.0.0.1" if anywhere == "0.0.0.0" else "::1") as peer:
                dialled = (local, here.udp.address.port)
                peer.sock.sendto(b"hello", dialled)
                (fact,) = await here.wait_for(1)
                assert isinstance(fact, DatagramReceived)
                here.udp.send(Send("1", "here", fact.source, None, b"out", fact.local.host))
                data, source = peer.sock.recvfrom(100)
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


def test_an_error_of_one_peer_does_not_lose_the_datagram_of_another(loopback: str) -> None:
    with opened(loopback) as here, patient(loopback) as alive:
        dead = closed_port(loopback)
        here.udp.send(order(dead, b"to the dead"))
        here.udp.send(order(alive.address, b"to the living"))
        assert alive.sock.recv(100) == b"to the living"
        assert here.facts == [
            SendFailed(42.0, "here", dead, "ICMP: Connection refused", None, b"to the dead")
        ]


def test_an_error_that_found_no_room_in_the_queue_does_not_lose_the_datagram_of_another() -> None:
    with opened("127.0.0.1") as here, patient("127.0.0.1") as alive:
        sock: socket.socket = here.udp._socket  # pyright: ignore[reportPrivateUsage]
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        for _ in range(100):  # and nobody reads them
            alive.sock.sendto(bytes(200), sock.getsockname())
        here.udp.send(order(closed_port("127.0.0.1"), b"to the dead"))
        here.udp.send(order(alive.address, b"to the living"))
        assert alive.sock.recv(100) == b"to the living"
        assert here.facts == []


def test_among_300_dead_and_300_live_sends_all_arrive_and_all_errors_are_told(
    adapter: Adapter, loopback: str
) -> None:
    async def main() -> None:
        dead = closed_port(loopback)
        async with reading(adapter, loopback) as here:
            with patient(loopback) as alive:
                for number in range(300):
                    here.udp.send(order(dead, b"dead %d" % number))
                    here.udp.send(order(alive.address, b"live %d" % number))
                    data, source = alive.sock.recvfrom(100)
                    assert data == b"live %d" % number
                    alive.sock.sendto(data, source)
                    if number % 10 == 0:
                        await anyio.lowlevel.checkpoint()
                facts = await here.wait_for(600)
                quoted = [fact.quoted for fact in facts if isinstance(fact, SendFailed)]
                assert quoted == [b"dead %d" % number for number in range(300)]
                back = [fact.data for fact in facts if isinstance(fact, DatagramReceived)]
                assert back == [b"live %d" % number for number in range(300)]
                assert await idle_wakes(here) == 0

    adapter.run(main)


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
    with patient("127.0.0.1") as taken, pytest.raises(EndpointError) as caught:
        Opened("127.0.0.1", taken.address.port)
    assert str(caught.value) == (
        'here: address already in use (another program listens there: "ss -lunp" shows which)'
    )


def test_a_foreign_address_names_endpoint_and_remedy() -> None:
    with pytest.raises(EndpointError, match=r"^here: cannot assign .*\(this machine does not"):
        Opened("192.0.2.77")


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
            with patient(loopback) as peer:
                here.udp.send(order(closed_port(loopback)))
                here.udp.send(order(peer.address, b"out"))
                data, source = peer.sock.recvfrom(100)
                assert data == b"out"
                peer.sock.sendto(b"in", source)
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
