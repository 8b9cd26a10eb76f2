"""Every adapter tells the core the same, in the same order; and the core alone does it again.

Each scenario runs on every adapter, with the same ports, and each step of it waits for the one
before. What the core heard and ordered is compared to the letter, but for times and for the ports
of connections that the kernel has chosen; and each run is run again without an adapter, here and,
from its journal alone, in other processes.
"""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from zone_dns import ZoneServer

from certificates import Authority, Files
from certified import called, calling
from gateways import Gateways
from loops import adapters
from peers import Peer, bound, dial, listening
from ports import free_port
from recorded import record
from sansip import (
    Address,
    Config,
    DatagramReceived,
    DnsAnswered,
    Endpoint,
    Engine,
    Event,
    FlowClosed,
    FlowOpened,
    SendFailed,
    State,
    TimerFired,
    Timing,
)
from sansip_adapter.server import Server
from sansip_adapter.tls import Tls
from talking import Datagrams, Line, Stream, picked_up

SLOW = Timing(t1=4.0, t2=8.0)  # nothing is sent again here
ZONE = """
$ORIGIN example.com.
@       300 SOA ns.example.com. admin.example.com. 1 3600 600 86400 17
@       300 NS  ns.example.com.
@       60  NAPTR 10 5 "S" "SIP+D2U" "" _sip._udp.example.com.
_sip._udp 60 SRV 10 1 {second} gw.example.com.
gw      60  A   127.0.0.1
"""


@dataclass
class Cast:
    """Who plays: the proxy, a phone, and two gateways, each at its port in every run."""

    ports: dict[str, int]
    certificate: Files
    server: Server[State]
    stack: ExitStack

    def phone(self) -> Line:
        phone = self.stack.enter_context(bound(port=self.ports["phone"]))
        return Datagrams(phone, self._proxy("udp"))

    async def caller(self, *, secure: bool = False) -> Line:
        """The phone with a connection, of TLS if it is to be secure."""
        where = self._proxy("tls" if secure else "tcp")
        peer = await dial(where, port=self.ports["phone"])
        if secure:
            peer = await peer.secured(calling())
        self.stack.callback(peer.reset)  # or its port would be taken for a while
        return Stream(peer)

    def gateway(self, name: str) -> Datagrams:
        return Datagrams(self.stack.enter_context(bound(port=self.ports[name])))

    async def picked_up(self, gateway: Peer, *, secure: bool = False) -> Line:
        line = await picked_up(gateway, called(self.certificate) if secure else None)
        return self.stack.enter_context(line)

    def listening(self, name: str) -> Peer:
        return self.stack.enter_context(listening(port=self.ports[name]))

    def _proxy(self, transport: str) -> Address:
        (found,) = [a for name, a in self.server.addresses.items() if name.startswith(transport)]
        return found


Scenario = Callable[[Cast], Awaitable[None]]


async def goes_through(phone: Line, gateway: Line, transport: str, body: bytes = b"") -> None:
    """A call that is taken; then one that is not."""
    await phone.ask("INVITE", "one", transport=transport, body=body)
    invite = await gateway.asked()
    await gateway.answer(invite, 180)
    assert await phone.status(180) == 180
    await gateway.answer(invite, 200)
    assert await phone.status() == 200
    await phone.ask("INVITE", "two", transport=transport)
    await gateway.answer(await gateway.asked(), 486)
    assert await phone.status() == 486
    assert (await gateway.asked()).method == "ACK"
    await ends(phone, transport)


async def ends(phone: Line, transport: str) -> None:
    """When this is answered, all that came before it has been heard."""
    await phone.ask("OPTIONS", "end", transport=transport)
    while (await phone.answered()).call_id != "end":
        pass


async def by_udp(cast: Cast) -> None:
    await goes_through(cast.phone(), cast.gateway("second"), "UDP")


async def by_tcp(cast: Cast) -> None:
    phone, gateway = await cast.caller(), cast.listening("first")
    await phone.ask("INVITE", "zero")
    trunk = await cast.picked_up(gateway)
    await trunk.answer(await trunk.asked(), 200)
    assert await phone.status() == 200
    await goes_through(phone, trunk, "TCP")


async def by_tls(cast: Cast) -> None:
    phone, gateway = await cast.caller(secure=True), cast.listening("first")
    await phone.ask("INVITE", "zero", transport="TLS")
    trunk = await cast.picked_up(gateway, secure=True)
    await trunk.answer(await trunk.asked(), 200)
    assert await phone.status() == 200
    await goes_through(phone, trunk, "TLS")


async def refused(cast: Cast) -> None:
    phone, gateway = await cast.caller(), cast.listening("second")
    await phone.ask("INVITE", "one")
    trunk = await cast.picked_up(gateway)
    await trunk.answer(await trunk.asked(), 200)
    assert await phone.status() == 200
    await ends(phone, "TCP")


async def hung_up(cast: Cast) -> None:
    """The first gateway takes the request and closes the connection."""
    phone = await cast.caller()
    first, second = cast.listening("first"), cast.listening("second")
    await phone.ask("INVITE", "one")
    with await picked_up(first) as rude:
        await rude.asked()
    trunk = await cast.picked_up(second)
    await trunk.answer(await trunk.asked(), 200)
    assert await phone.status() == 200
    await ends(phone, "TCP")


async def silence(cast: Cast) -> None:
    phone, silent, gateway = cast.phone(), cast.gateway("first"), cast.gateway("second")
    await phone.ask("INVITE", "one", transport="UDP")
    await silent.asked()
    await gateway.answer(await gateway.asked(), 200)
    assert await phone.status() == 200
    await ends(phone, "UDP")


async def cancelled(cast: Cast) -> None:
    phone, gateway = cast.phone(), cast.gateway("first")
    await phone.ask("INVITE", "one", transport="UDP")
    invite = await gateway.asked()
    await gateway.answer(invite, 180)
    assert await phone.status(180) == 180
    await phone.ask("CANCEL", "one", transport="UDP")
    cancel = await gateway.asked()
    assert cancel.method == "CANCEL"
    await gateway.answer(cancel, 200)
    assert await phone.status() == 200
    await gateway.answer(invite, 487)
    assert (await gateway.asked()).method == "ACK"
    assert await phone.status() == 487
    await ends(phone, "UDP")


async def large(cast: Cast) -> None:
    """What is too large for a datagram goes by TCP."""
    phone, gateway = cast.phone(), cast.listening("first")
    await phone.ask("INVITE", "one", transport="UDP", body=bytes(1300))
    trunk = await cast.picked_up(gateway)
    invite = await trunk.asked()
    assert invite.via.transport == "TCP"
    await trunk.answer(invite, 200)
    assert await phone.status() == 200
    await ends(phone, "UDP")


async def large_refused(cast: Cast) -> None:
    """And by UDP after all."""
    phone, gateway = cast.phone(), cast.gateway("first")
    await phone.ask("INVITE", "one", transport="UDP", body=bytes(1300))
    invite = await gateway.asked()
    assert invite.via.transport == "UDP"
    await gateway.answer(invite, 200)
    assert await phone.status() == 200
    await ends(phone, "UDP")


UDP = "sip:127.0.0.1:{first}", "sip:127.0.0.1:{second}"
TCP = "sip:127.0.0.1:{first};transport=tcp", "sip:127.0.0.1:{second};transport=tcp"


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    names = ("udp", "tcp", "tls", "phone", "first", "second")
    return {name: free_port() for name in names}


@pytest.mark.parametrize(
    ("play", "targets", "kind", "reason"),
    [
        pytest.param(by_udp, UDP[1:], DatagramReceived, "", id="udp"),
        pytest.param(by_tcp, TCP, FlowOpened, "", id="tcp"),
        pytest.param(by_tls, ("sips:127.0.0.1:{first}",), FlowOpened, "", id="tls"),
        pytest.param(by_udp, UDP, SendFailed, "ICMP", id="icmp"),
        pytest.param(
            by_udp,
            ("sip:255.255.255.255:5060", UDP[1]),
            SendFailed,
            "Permission denied",
            id="not sent",
        ),
        pytest.param(refused, TCP, FlowClosed, "refused", id="refused"),
        pytest.param(hung_up, TCP, FlowClosed, "by the peer", id="hung up"),
        pytest.param(silence, UDP, TimerFired, "", id="silence"),
        pytest.param(cancelled, UDP, DatagramReceived, "", id="cancel"),
        pytest.param(by_udp, ("sip:example.com",), DnsAnswered, "", id="dns"),
        pytest.param(by_udp, ("sip:no.example.com:5060", UDP[1]), DnsAnswered, "", id="no name"),
        pytest.param(large, UDP, FlowOpened, "", id="large"),
        pytest.param(large_refused, UDP, FlowClosed, "refused", id="large, refused"),
    ],
)
def test_every_adapter_tells_the_same_and_the_core_alone_does_it_again(
    play: Scenario,
    targets: tuple[str, ...],
    kind: type[Event],
    reason: str,
    ports: dict[str, int],
    authority: Authority,
    settings: Tls,
    tmp_path: Path,
) -> None:
    endpoints = [Endpoint(t, f"127.0.0.1:{ports[t]}") for t in ("udp", "tcp", "tls")]
    config = Config(
        endpoints,
        groups={"gateways": [target.format(**ports) for target in targets]},
        allow_hops=["127.0.0.0/8", "255.255.255.255/32"],
        timing=SLOW,
    )
    certificate = authority.leaf("127.0.0.1")

    async def script(server: Server[State]) -> None:
        with ExitStack() as stack:
            await play(Cast(ports, certificate, server, stack))

    journals: dict[str, list[str]] = {}
    with ZoneServer(ZONE.format(**ports), "example.com.") as zone:
        options = {"nameservers": [f"127.0.0.1:{zone.address[1]}"], "tls": settings}
        for adapter in adapters():
            run = record(adapter, Engine(config, Gateways()), script, options)
            assert run.has(kind, reason)
            run.replayed(Engine(config, Gateways()))
            journals[adapter.name] = run.journal()
            if adapter.name == "trio":  # as all the others, as will be seen
                run.replayed_elsewhere(tmp_path / "run.journal")
    first = journals.pop("trio")
    for journal in journals.values():
        assert journal == first
