"""TLS connections over the loopback, to peers that are Python's own ``ssl.SSLSocket``."""

import re
import ssl
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from certificates import CLIENT, EXPIRED, SERVER, Authority, Files
from certified import at_once, called, calling
from flows import TLS, echo, order, say
from loops import Adapter, settle
from peers import Peer, dial, listening, open_sockets
from puppet import HERE, History, Puppet, Scripted, run
from sansip import (
    CloseFlow,
    FlowClosed,
    FlowOpened,
    Report,
    SendFailed,
    StreamReceived,
)
from sansip.certificates import Clients
from sansip_adapter import connection, tcp
from sansip_adapter.endpoints import EndpointError
from sansip_adapter.server import Server
from sansip_adapter.tls import Tls

OLD, NEW = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
FEW = 4096  # bytes that a slow peer has room for
reply = partial(echo, endpoint=TLS)
tell = partial(say, endpoint=TLS)


async def call(server: Server[History], context: ssl.SSLContext) -> Peer:
    """Connect as a peer does, and agree on TLS."""
    peer = await dial(server.addresses[TLS.name])
    return await peer.secured(context, name="proxy.example.com")


# Both ways


@pytest.mark.parametrize("newest", [OLD, NEW])
def test_bytes_come_and_go_over_a_connection_that_a_peer_opens(
    adapter: Adapter, settings: Tls, authority: Authority, newest: ssl.TLSVersion
) -> None:
    async def script(server: Server[History]) -> None:
        context = calling(authority.ca, newest=newest)
        context.check_hostname = True
        with await call(server, context) as phone:
            for data in (b"hello", bytes(100_000)):
                await phone.send(data)
                assert await phone.read(len(data)) == data
        await core.hears(server, FlowClosed)

    core = Puppet(reply, endpoints=[TLS])
    heard = run(adapter, core, script, tls=settings)
    opened, *received, closed = heard
    assert isinstance(opened, FlowOpened)
    assert (opened.flow, opened.endpoint, opened.names) == (1, TLS.name, ())
    data = b"".join([event.data for event in received if isinstance(event, StreamReceived)])
    assert data == b"hello" + bytes(100_000)
    assert closed == FlowClosed(closed.at, 1, "closed by the peer")


@pytest.mark.parametrize("newest", [OLD, NEW])
@pytest.mark.rule("5922-7.1-01")
def test_it_opens_connections_and_tells_whom_it_has_reached(
    adapter: Adapter, settings: Tls, theirs: Files, authority: Authority, newest: ssl.TLSVersion
) -> None:
    context = called(theirs, authority.ca, newest=newest)
    asked: list[str | None] = []
    context.sni_callback = lambda _, name, __: asked.append(name)

    async def script(server: Server[History]) -> None:
        with listening() as gateway:
            core.do(server, order(-7, gateway.address, TLS, "gw.example.com"))
            secure = await (await gateway.accept()).secured(context, server_side=True)
            with secure:
                (opened,) = await core.hears(server, FlowOpened)
                assert (opened.flow, opened.names) == (-7, ("gw.example.com",))
                core.do(server, tell(-7, b"one"), tell(-7, b"two"))
                assert await secure.read(6) == b"onetwo"
                await secure.send(b"three")
                (received,) = await core.hears(server, StreamReceived)
                assert (received.flow, received.data) == (-7, b"three")
                shown = getattr(secure.sock, "getpeercert")()  # noqa: B009 - of an SSLSocket
                assert ("DNS", "proxy.example.com") in shown["subjectAltName"]

    core = Scripted(endpoints=[TLS])
    run(adapter, core, script, tls=settings)
    assert asked == ["gw.example.com"]


@pytest.mark.rule("5922-7.4-01")
@pytest.mark.parametrize(
    ("clients", "shows", "names"),
    [
        ("any", True, ()),
        ("ask", True, ("gw.example.com",)),
        ("ask", False, ()),
        ("require", True, ("gw.example.com",)),
    ],
)
def test_who_calls_may_show_a_certificate(
    adapter: Adapter, ours: Files, theirs: Files, authority: Authority,
    clients: Clients, names: tuple[str, ...], *, shows: bool,
) -> None:  # fmt: skip
    async def script(server: Server[History]) -> None:
        with await call(server, calling(shown=theirs if shows else None)):
            (opened,) = await core.hears(server, FlowOpened)
            assert opened.names == names

    core = Puppet(endpoints=[TLS])
    settings = Tls(ours.certificate, ours.key, authority.ca, clients)
    run(adapter, core, script, tls=settings)


def test_what_comes_together_with_the_end_of_the_handshake_is_told_after_it(
    adapter: Adapter, settings: Tls
) -> None:
    async def script(server: Server[History]) -> None:
        async with at_once(server.addresses[TLS.name], b"at once") as phone:
            assert await phone.read(7) == b"at once"

    core = Puppet(reply, endpoints=[TLS])
    opened, received, *_ = run(adapter, core, script, tls=settings)
    assert isinstance(opened, FlowOpened)
    assert isinstance(received, StreamReceived)


# Handshakes that fail


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("expired", "TLS: the peer's certificate is refused: certificate has expired"),
        ("stranger", "TLS: the peer's certificate is refused: unable to get local issuer"),
        ("purpose", "TLS: the peer's certificate is refused: unsuitable certificate purpose"),
        ("old", "TLS: the peer refuses: protocol version"),
        ("plain", "TLS: what the peer sends is not TLS"),
        ("http", "TLS: what the peer sends is not TLS"),
        ("ours refused", "TLS: the peer refuses: unknown ca"),
        ("close", "closed by the peer"),
        ("reset", "Connection reset by peer"),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
def test_whom_it_cannot_agree_with_is_a_connection_that_does_not_open(
    adapter: Adapter, settings: Tls, theirs: Files, authority: Authority, how: str, reason: str
) -> None:
    stranger = Authority(authority.folder, "stranger")
    contexts = {
        "expired": lambda: called(authority.leaf("gw.example.com", lifetime=EXPIRED)),
        "stranger": lambda: called(stranger.leaf("gw.example.com")),
        "purpose": lambda: called(authority.leaf("gw.example.com", usages=(CLIENT,))),
        "old": lambda: called(theirs, newest=ssl.TLSVersion.TLSv1_1),
        "ours refused": lambda: called(theirs, stranger.ca, newest=OLD),
    }

    async def script(server: Server[History]) -> None:
        with listening() as gateway:
            core.do(server, order(-1, gateway.address, TLS, "gw.example.com"))
            with await gateway.accept() as trunk:
                if how == "reset":
                    await trunk.recv()
                    trunk.reset()
                elif how != "close":
                    await trunk.recv(1) if how in ("plain", "http") else None
                    if how == "plain":
                        await trunk.send(b"SIP/2.0 400 Bad Request\r\n\r\n")
                    elif how == "http":
                        await trunk.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    else:
                        with pytest.raises(OSError):  # noqa: PT011 - says something like it too
                            await trunk.secured(contexts[how](), server_side=True)
                if how != "close":
                    await core.hears(server, FlowClosed)
            (closed,) = await core.hears(server, FlowClosed)
            assert closed.flow == -1
            assert closed.reason.startswith(reason)

    core = Scripted(endpoints=[TLS])
    assert len(run(adapter, core, script, tls=settings)) == 2


Doing = Callable[[Peer], Awaitable[object]]


async def says(data: bytes, phone: Peer) -> None:
    await phone.send(data)
    assert await phone.read_all() != data


async def shakes(context: ssl.SSLContext, phone: Peer) -> None:
    with await phone.secured(context) as secure:
        await secure.send(b"early")  # TLS 1.3 tells only afterwards what was wrong
        await secure.read_all()


async def goes(phone: Peer) -> None:
    phone.close()


async def resets(phone: Peer) -> None:
    phone.sock.send(b"\x16\x03\x01")
    phone.reset()


async def waits(phone: Peer) -> None:
    await phone.send(b"\x16\x03\x01")
    assert await phone.read_all() == b""


@pytest.mark.parametrize(
    ("doing", "reason"),
    [
        (partial(says, b"OPTIONS sip:proxy.example.com SIP/2.0\r\n\r\n"), "what the peer sends"),
        (partial(says, b"GET / HTTP/1.1\r\n\r\n"), "the peer speaks HTTP, not TLS"),
        (partial(says, bytes(1000)), "what the peer sends is not TLS"),
        ("old", "the peer knows no TLS as new as 1.2"),
        ("nobody", "the peer shows no certificate, which is asked of it"),
        ("stranger", "the peer's certificate is refused: unable to get local issuer"),
        ("expired", "the peer's certificate is refused: certificate has expired"),
        ("purpose", "the peer's certificate is refused: unsuitable certificate purpose"),
        (goes, "closed by the peer"),
        (resets, "Connection reset by peer"),
        (waits, "no TLS handshake within 0.1 s"),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
def test_who_calls_and_does_not_agree_is_reported_and_nothing_else(
    adapter: Adapter, ours: Files, theirs: Files, authority: Authority,
    monkeypatch: pytest.MonkeyPatch, doing: Doing | str, reason: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(connection, "HANDSHAKE", 0.1 if doing is waits else 1000.0)
    stranger = Authority(authority.folder, "stranger")
    shown = {
        "stranger": stranger.leaf("gw.example.com"),
        "expired": authority.leaf("gw.example.com", lifetime=EXPIRED),
        "purpose": authority.leaf("gw.example.com", usages=(SERVER,)),
    }

    async def script(server: Server[History]) -> None:
        before = open_sockets()
        with await dial(server.addresses[TLS.name]) as phone:
            if doing == "old":
                with pytest.raises(ssl.SSLError):
                    await phone.secured(calling(newest=ssl.TLSVersion.TLSv1_1))
            elif isinstance(doing, str):
                with pytest.raises(OSError):  # noqa: PT011 - an alert, or a reset
                    await shakes(calling(shown=shown.get(doing)), phone)
            else:
                await doing(phone)
        while not reports:
            await settle(server)
        assert open_sockets() == before
        with await call(server, calling(shown=theirs)):  # others are not affected
            await core.hears(server, FlowOpened)

    reports: list[Report] = []
    core = Puppet(reply, endpoints=[TLS])
    settings = Tls(ours.certificate, ours.key, authority.ca, "require")
    opened, *_ = run(adapter, core, script, tls=settings, on_report=reports.append)
    assert isinstance(opened, FlowOpened)
    assert reports[0].topic == "transport"
    assert reports[0].about == TLS.name
    assert re.fullmatch(r"127\.0\.0\.1:\d+: (TLS: )?.*", reports[0].text)
    assert reason in reports[0].text


@pytest.mark.parametrize(("most", "each"), [(3, 9), (9, 3)])
def test_those_who_call_and_say_nothing_are_no_more_than_so_many(
    adapter: Adapter, settings: Tls, authority: Authority, monkeypatch: pytest.MonkeyPatch,
    most: int, each: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(tcp, "HANDSHAKES", most)
    monkeypatch.setattr(tcp, "HANDSHAKES_PER_SOURCE", each)

    async def script(server: Server[History]) -> None:
        where = server.addresses[TLS.name]
        with await call(server, calling(authority.ca)):  # who has agreed does not count
            await core.hears(server, FlowOpened)
            idle = [await dial(where) for _ in range(3)]
            with await dial(where) as phone:
                assert await phone.read_all() == b""
            assert len(reports) == 1
            for peer in idle:
                peer.close()
            while len(reports) < 4:
                await settle(server)
            for _ in range(5):
                with await call(server, calling(authority.ca)):
                    pass
            await core.hears(server, FlowOpened, 6)

    reports: list[Report] = []
    core = Puppet(endpoints=[TLS])
    run(adapter, core, script, tls=settings, on_report=reports.append)
    assert "too many TLS handshakes at once, 3 of them with 127.0.0.1" in reports[0].text
    assert all("closed by the peer" in report.text for report in reports[1:])


def test_a_handshake_that_takes_too_long_can_be_given_up(adapter: Adapter, settings: Tls) -> None:
    async def script(server: Server[History]) -> None:
        with listening() as gateway:
            core.do(server, order(-1, gateway.address, TLS, "gw.example.com"))
            with await gateway.accept() as trunk:
                await trunk.recv(1)
                core.do(server, tell(-1, b"too early"), CloseFlow(-1))
                await trunk.read_all()

    core = Scripted(endpoints=[TLS])
    _, _, failed = run(adapter, core, script, tls=settings)
    assert isinstance(failed, SendFailed)
    assert failed.quoted == b"too early"


def test_a_handshake_that_cannot_even_begin_is_told(adapter: Adapter, settings: Tls) -> None:
    # What a system's configuration of OpenSSL can bring about.
    settings.client.minimum_version, settings.client.maximum_version = NEW, OLD

    async def script(server: Server[History]) -> None:
        with listening() as gateway:
            core.do(server, order(-1, gateway.address, TLS, "gw.example.com"))
            (closed,) = await core.hears(server, FlowClosed)
            assert closed.reason == "TLS: no protocols available"

    core = Scripted(endpoints=[TLS])
    run(adapter, core, script, tls=settings)


@pytest.mark.parametrize("tls", [None, Tls()])
def test_who_listens_needs_certificates(adapter: Adapter, tls: Tls | None) -> None:
    before = open_sockets()
    with pytest.raises(EndpointError, match=f"^{TLS.name}: no certificate [(]give serve tls="):
        adapter.run(partial(adapter.serve, Puppet(endpoints=[HERE, TLS]), tls=tls))
    assert open_sockets() == before
