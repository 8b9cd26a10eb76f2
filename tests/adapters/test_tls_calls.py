"""The real core on the adapters, over TLS: whom it calls, who calls, new certificates."""

import os
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from zone_dns import ZoneServer

from certificates import EXPIRED, Authority, Files
from certified import called, calling
from loops import Adapter
from peers import Peer, closed_port, dial, listening
from sansip import (
    Address,
    Administered,
    Config,
    Dispatch,
    Endpoint,
    Engine,
    Policy,
    Relay,
    ReplaceGroups,
    Reply,
    Report,
    Request,
    Response,
    Scene,
    State,
    parse,
)
from sansip_adapter.endpoints import EndpointError
from sansip_adapter.server import Server
from sansip_adapter.tls import Tls
from talking import answer, phone, picked_up, request

TLS = Endpoint("tls", "127.0.0.1:0", advertise="127.0.0.1:9")
TCP = Endpoint("tcp", "127.0.0.1:0", advertise="127.0.0.1:10")
ZONE = """
$ORIGIN example.com.
@ 300 SOA ns.example.com. admin.example.com. 1 3600 600 86400 17
@ 300 NS ns.example.com.
gw    60 A 127.0.0.1
gw-2  60 A 127.0.0.1
other 60 A 127.0.0.1
"""
Script = Callable[[Server[State]], Awaitable[None]]


class Gateways(Policy):
    """OPTIONS tells who asks; all else goes to the group."""

    def route(self, request: Request, scene: Scene) -> Relay | Reply:
        if request.method == "OPTIONS":
            return Reply(200, headers=(("Subject", ", ".join(scene.names) or "nobody"),))
        return Relay(Dispatch("gateways"), advance_after=2.0)


def engine(targets: list[str]) -> Engine:
    groups = {"gateways": targets}
    return Engine(Config([TLS, TCP], groups=groups, allow_hops=["127.0.0.0/8"]), Gateways())


def run(adapter: Adapter, tls: Tls, targets: list[str], script: Script) -> list[Report]:
    reports: list[Report] = []

    async def main() -> None:
        with ZoneServer(ZONE, "example.com.") as zone:
            nameservers = [f"127.0.0.1:{zone.address[1]}"]
            async with adapter.serving(
                engine(targets), nameservers=nameservers, tls=tls, on_report=reports.append
            ) as server:
                await script(server)

    adapter.run(main)
    return reports


def target(gateway: Peer, host: str = "gw.example.com") -> str:
    return f"sips:{host}:{gateway.port}"


async def whoever(gateway: Peer, context: ssl.SSLContext, heard: list[bytes]) -> None:
    """Answer every connection to a gateway that gets no call; keep what comes over it."""
    while True:
        try:
            with await (await gateway.accept()).secured(context, server_side=True) as trunk:
                heard.append(await trunk.read_all())
        except OSError:  # we refuse it in the handshake
            heard.append(b"")


# Whom we call


@pytest.mark.rule("5922-7.3-01")
@pytest.mark.parametrize("host", ["gw.example.com", "GW.example.com.", "127.0.0.1"])
def test_a_call_goes_to_who_is_who_was_asked_for(
    adapter: Adapter, settings: Tls, authority: Authority, host: str
) -> None:
    context = called(authority.leaf("gw.example.com", "127.0.0.1"))

    async def script(server: Server[State]) -> None:
        with await phone(server.addresses[TLS.name], calling()) as caller:
            await caller.ask("INVITE", "one", transport="TLS")
            with await picked_up(gateway, context) as trunk:
                invite = await trunk.asked()
                assert invite.via.transport == "TLS"
                await trunk.answer(invite, 200)
                assert await caller.status() == 200

    with listening() as gateway:
        run(adapter, settings, [target(gateway, host)], script)


@pytest.mark.rule("5922-7.3-01", "3261-18.4-02")
@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("other name", "its certificate is for other.example.com, not for gw.example.com"),
        ("wildcard", "its certificate is for nobody, not for gw.example.com"),
        ("expired", "certificate has expired"),
        ("stranger", "unable to get local issuer certificate"),
    ],
)
def test_a_call_goes_on_from_who_is_not_to_the_next_and_never_in_clear(
    adapter: Adapter, settings: Tls, authority: Authority, theirs: Files, how: str, text: str
) -> None:
    stranger = Authority(authority.folder, "stranger")
    wrong = {
        "other name": authority.leaf("other.example.com"),
        "wildcard": authority.leaf("*.example.com"),
        "expired": authority.leaf("gw.example.com", lifetime=EXPIRED),
        "stranger": stranger.leaf("gw.example.com"),
    }[how]
    heard: list[bytes] = []

    async def script(server: Server[State]) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(whoever, false, called(wrong, newest=ssl.TLSVersion.TLSv1_2), heard)
            with await phone(server.addresses[TLS.name], calling()) as caller:
                begun = anyio.current_time()
                await caller.ask("INVITE", "one", transport="TLS")
                with await picked_up(true, called(theirs)) as trunk:
                    await trunk.answer(await trunk.asked(), 200)
                    assert await caller.status() == 200
                assert anyio.current_time() < begun + 2.0  # not by silence
            while not heard:
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()

    with listening() as false, listening() as true:
        targets = [target(false), target(true)]
        reports = run(adapter, settings, targets, script)
    assert heard == [b""]
    assert text in " ".join([report.text for report in reports])


@pytest.mark.rule("5922-7.3-01")
def test_a_call_for_which_nobody_is_left_fails(
    adapter: Adapter, settings: Tls, authority: Authority
) -> None:
    context = called(authority.leaf("other.example.com"))
    heard: list[bytes] = []

    async def script(server: Server[State]) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(whoever, gateway, context, heard)
            with await phone(server.addresses[TLS.name], calling()) as caller:
                await caller.ask("INVITE", "one", transport="TLS")
                assert await caller.status() >= 500
            while not heard:
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()

    with listening() as gateway:
        run(adapter, settings, [target(gateway)], script)
    assert heard == [b""]


# Who calls us


@pytest.mark.rule("5922-7.4-01")
@pytest.mark.parametrize(("shows", "subject"), [(True, "gw.example.com"), (False, "nobody")])
def test_a_policy_knows_who_has_called(
    adapter: Adapter, ours: Files, theirs: Files, authority: Authority, subject: str, *, shows: bool
) -> None:
    async def script(server: Server[State]) -> None:
        context = calling(shown=theirs if shows else None)
        with await phone(server.addresses[TLS.name], context) as caller:
            await caller.ask("OPTIONS", "one", transport="TLS")
            answered = await caller.answered()
            assert answered.values("subject") == (subject,)

    settings = Tls(ours.certificate, ours.key, authority.ca, "ask")
    run(adapter, settings, ["sip:127.0.0.1:9"], script)


# Certificates that change


def test_a_reload_of_certificates_drops_no_call_and_no_connection(
    adapter: Adapter, authority: Authority, ours: Files, theirs: Files
) -> None:
    later = Authority(authority.folder, "later")
    new = later.leaf("proxy.example.com")
    fresh = Tls(new.certificate, new.key, later.ca)

    def issuer(peer: Peer) -> Any:  # noqa: ANN401 - ssl types it too widely
        assert isinstance(peer.sock, ssl.SSLSocket)
        shown: Any = peer.sock.getpeercert()
        return shown["issuer"][0][0][1]

    async def script(server: Server[State]) -> None:
        where = server.addresses[TLS.name]
        with await phone(where, calling(authority.ca)) as caller:
            assert issuer(caller.peer) == "authority"
            await caller.ask("INVITE", "one", transport="TLS")
            with await picked_up(first, called(theirs)) as trunk:
                invite = await trunk.asked()
                await trunk.answer(invite, 180)
                assert await caller.status(180) == 180
                groups = (("gateways", (target(second, "gw-2.example.com"),)),)
                server.swap(engine([target(first)]), tls=fresh)
                server.step(lambda at: Administered(at, ReplaceGroups(groups)))
                await trunk.answer(invite, 200)
                assert await caller.status() == 200
                with await phone(where, calling(later.ca)) as other:
                    assert issuer(other.peer) == "later"
                    await other.ask("INVITE", "two", transport="TLS")
                    context = called(later.leaf("gw-2.example.com"))
                    with await picked_up(second, context) as next_trunk:
                        await next_trunk.answer(await next_trunk.asked(), 200)
                        assert await other.status() == 200
                await caller.ask("OPTIONS", "three", transport="TLS")
                assert await caller.status() == 200

    with listening() as first, listening() as second:
        settings = Tls(ours.certificate, ours.key, authority.ca)
        run(adapter, settings, [target(first)], script)


def test_certificates_that_cannot_be_used_change_nothing(
    adapter: Adapter, settings: Tls, authority: Authority
) -> None:
    async def script(server: Server[State]) -> None:
        with pytest.raises(EndpointError, match=f"^{TLS.name}: no certificate"):
            server.swap(engine(["sip:127.0.0.1:9"]), tls=Tls(ca=authority.ca))
        with await phone(server.addresses[TLS.name], calling(authority.ca)) as caller:
            await caller.ask("OPTIONS", "one", transport="TLS")
            assert await caller.status() == 200

    run(adapter, settings, ["sip:127.0.0.1:9"], script)


# With OpenSSL's own program

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")


@contextmanager
def openssl(*arguments: str) -> Generator[subprocess.Popen[bytes]]:
    command = ("openssl", *arguments)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            yield process
        finally:
            process.kill()


async def told(process: subprocess.Popen[bytes]) -> Request | Response:
    """The next message that the program has got."""
    assert process.stdout is not None
    data = b""
    while b"\r\n\r\n" not in data:
        await anyio.wait_readable(process.stdout)
        more = os.read(process.stdout.fileno(), 65_536)
        assert more, "the connection is closed"
        data += more
    return parse(data[: data.index(b"\r\n\r\n") + 4])


def tell(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(data)
    process.stdin.flush()


@needs_openssl
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_calls_us(
    adapter: Adapter, ours: Files, theirs: Files, authority: Authority, version: str
) -> None:
    async def script(server: Server[State]) -> None:
        arguments = (
            "s_client", version, "-quiet", "-connect", str(server.addresses[TLS.name]),
            "-CAfile", authority.ca, "-verify_return_error", "-verify_hostname",
            "proxy.example.com", "-cert", theirs.certificate, "-key", theirs.key,
        )  # fmt: skip
        with openssl(*arguments) as client:
            tell(client, request("OPTIONS", "one", transport="TLS"))
            answered = await told(client)
            assert isinstance(answered, Response)
            assert answered.status == 200
            assert answered.values("subject") == ("gw.example.com",)

    settings = Tls(ours.certificate, ours.key, authority.ca, "require")
    run(adapter, settings, ["sip:127.0.0.1:9"], script)


async def listens(where: Address) -> None:
    while True:
        try:
            (await dial(where)).close()
        except OSError:
            await anyio.lowlevel.checkpoint()
        else:
            return


@needs_openssl
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_we_call_openssl(
    adapter: Adapter, settings: Tls, theirs: Files, authority: Authority, version: str
) -> None:
    where = closed_port()

    async def script(server: Server[State]) -> None:
        arguments = (
            "s_server", version, "-quiet", "-accept", str(where), "-CAfile", authority.ca,
            "-Verify", "2", "-verify_return_error", "-cert", theirs.certificate, "-key", theirs.key,
        )  # fmt: skip
        with openssl(*arguments) as gateway:
            await listens(where)
            with await phone(server.addresses[TLS.name], calling()) as caller:
                await caller.ask("INVITE", "one", transport="TLS")
                invite = await told(gateway)
                assert isinstance(invite, Request)
                tell(gateway, answer(invite, 200))
                assert await caller.status() == 200

    run(adapter, settings, [f"sips:gw.example.com:{where.port}"], script)
