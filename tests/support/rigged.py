"""An example proxy between a phone and two gateways, of which the first is broken in some manner.

All of it is real and on the loopback: the proxy is a process of its own, as are its journals; names
come from a DNS server of ours. Each case has addresses of its own, so that many can run at once.
"""

import signal
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

import trio
from zone_dns import ZoneServer

from peers import Peer, bound, listening
from sansip import Address, Request, Response, parse
from talking import Datagrams, Headers, Line, Stream

EXAMPLES = Path(__file__).parents[2] / "examples"
PORT = 25060  # of the proxy and the phone
GATEWAYS = 25080  # the port of both
NAMES = 25053  # the port of the name server
T1, T2 = 0.5, 4.0
BETWEEN = 0.25  # seconds between two calls that overlap
PATIENCE = 6.0  # seconds of a phone with an INVITE; with a BYE it has a third of that
STARTING = 20.0  # seconds that a proxy may take to start
COPIED = ("Via", "Record-Route", "From", "Call-ID", "CSeq")
PHRASES = {180: "Ringing", 200: "OK", 503: "Service Unavailable"}
SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
CREDENTIALS = (
    'Digest username="caller", realm="example.com", nonce="n", uri="sip:e", response="5ec12e7"'
)

ZONE = """
$TTL 60
@             SOA  ns admin 1 3600 600 86400 60
@             NS   ns
_sip._udp.gw  SRV  10 0 25080 gw-1
_sip._udp.gw  SRV  20 0 25080 gw-2
_sip._tcp.gw  SRV  10 0 25080 gw-1
_sip._tcp.gw  SRV  20 0 25080 gw-2
gw-1          A    127.30.{number}.1
gw-2          A    127.30.{number}.2
gwa           A    127.30.{number}.1
gwa           A    127.30.{number}.2
"""

CONFIG = """
listen = ["udp:127.30.{number}.3:25060"{tcp}]
nameservers = ["127.30.{number}.5:25053"]
domains = ["example.com"]
allow_hops = ["127.0.0.0/8"]

[journal]
file = "run.journal"
redact = {redact}
{rotate}

[relay]
record_route = true

[[route]]
host = "{host}"
to = "{to}"
advance_after = {advance_after}

[[route]]
source = "127.0.0.0/8"
to = "uri"

[groups.gateways]
algorithm = "{algorithm}"
targets = ["sip:gw-1.example.com:25080{parameter}", "sip:gw-2.example.com:25080{parameter}"]
{probes}
"""


@dataclass(frozen=True)
class Case:
    """What is broken, how the proxy knows of the two gateways, and what is done meanwhile.

    ``fault`` of the first gateway: "silent", "closed", "503", "503-ra" (with Retry-After) or "".
    ``to``: "group", "srv" (one name, two SRV records) or "a" (one name, two addresses).
    ``strike``: the fault that it gets while calls are going on; or "kill" or "reload", and then it
    is the proxy that is killed and started again, or gets another file.
    """

    fault: str = ""
    to: str = "group"
    tcp: bool = False
    probes: bool = False
    advance_after: float = 3.0
    strike: str = ""
    calls: int = 2
    steady: bool = False  # calls overlap
    rotate: int = 0  # bytes after which the journal goes on in another file

    def uri(self) -> str:
        """Whom a phone calls."""
        uri = "sip:service@" + (
            f"gwa.example.com:{GATEWAYS}" if self.to == "a" else "gw.example.com"
        )
        return f"{uri};transport=tcp" if self.tcp else uri

    def config(self, number: int, *, redact: bool) -> str:
        """The file of the proxy."""
        return CONFIG.format(
            number=number,
            tcp=f', "tcp:127.30.{number}.3:{PORT}"' if self.tcp else "",
            redact=str(redact).lower(),
            rotate=f"rotate = {self.rotate}" if self.rotate else "",
            host="gwa.example.com" if self.to == "a" else "gw.example.com",
            to="group:gateways" if self.to == "group" else "uri",
            advance_after=self.advance_after,
            algorithm="round-robin" if self.steady else "first",
            parameter=";transport=tcp" if self.tcp else "",
            probes="probe_every = 1.0" if self.probes else "",
        )


class Gateway:
    """A gateway that answers as its fault lets it; ``ring`` seconds after 180 it picks up."""

    def __init__(self, nursery: trio.Nursery, address: Address, fault: str, ring: float) -> None:
        self.fault = fault
        self._nursery, self._address, self._ring = nursery, address, ring
        self._acknowledged: set[str] = set()
        self._heard: set[str] = set()  # branches
        self._opened = ExitStack()

    def open(self, *, tcp: bool) -> None:
        """Be there, unless the port is closed."""
        if self.fault == "closed":
            return
        where = self._address
        if not tcp:
            peer = self._opened.enter_context(bound(where.host, where.port))
            self._nursery.start_soon(self._datagrams, peer)
            return
        peer = self._opened.enter_context(listening(where.host, port=where.port))
        if self.fault != "silent":  # else the kernel accepts, and nobody reads
            self._nursery.start_soon(self._accept, peer)

    def strike(self, fault: str) -> None:
        """Be broken from now on."""
        self.fault = fault
        if fault == "closed":
            self._opened.close()

    async def _datagrams(self, peer: Peer) -> None:
        line = Datagrams(peer)
        with suppress(OSError, ValueError):  # when it is closed
            while True:
                request = await line.asked()
                reply = Datagrams(peer, line.to)
                self._nursery.start_soon(self._take, reply, request)

    async def _accept(self, peer: Peer) -> None:
        while True:
            line = self._opened.enter_context(Stream(await peer.accept()))
            self._nursery.start_soon(self._stream, line)

    async def _stream(self, line: Line) -> None:
        with suppress(AssertionError, OSError):  # when the proxy closes it
            while True:
                self._nursery.start_soon(self._take, line, await line.asked())

    async def _take(self, line: Line, request: Request) -> None:
        with suppress(OSError, ValueError):
            await self._answer(line, request)

    async def _answer(self, line: Line, request: Request) -> None:
        call, branch = request.call_id or "", request.via.branch or ""
        if self.fault == "silent":
            return
        match request.method:
            case "ACK":
                self._acknowledged.add(call)
            case "INVITE" | "OPTIONS" if self.fault.startswith("503"):
                more: Headers = [("Retry-After", "30")] if self.fault == "503-ra" else []
                await line.send(self._made(request, 503, more))
            case "INVITE" if branch not in self._heard:
                self._heard.add(branch)
                await line.send(self._made(request, 180))
                await trio.sleep(self._ring)
                wait = T1
                while call not in self._acknowledged and wait <= 2 * T2 and not self.fault:
                    await line.send(self._made(request, 200))
                    await trio.sleep(wait)
                    wait *= 2
            case "INVITE":
                pass
            case _:
                await line.send(self._made(request, 200))

    def _made(self, request: Request, status: int, more: Headers = []) -> bytes:  # noqa: B006
        headers = [(name, row) for name in COPIED for row in request.rows(name.lower())]
        tag = "" if request.to_tag else f";tag={self._address.host}"
        headers += [("To", (request.get("to") or "") + tag), *more]
        headers += [("Contact", f"<sip:{self._address}>")]
        body = SDP if (request.method, status) == ("INVITE", 200) else b""
        headers += [("Content-Type", "application/sdp")] if body else []
        return Response.make(status, PHRASES[status], headers, body).render()


class Phone:
    """Places calls."""

    def __init__(self, nursery: trio.Nursery, peer: Peer, proxy: Address) -> None:
        self._peer, self._proxy = peer, proxy
        self._answers: dict[tuple[str, str], trio.MemorySendChannel[Response]] = {}
        self.finals: dict[str, int] = {}  # by Call-IDs
        nursery.start_soon(self._hear)

    async def call(self, name: str, uri: str, hold: float = 0.0) -> None:
        """INVITE, ACK, a while, BYE; or what comes of it."""
        dialog: Headers = [("From", f"<sip:caller@example.com>;tag={name}"), ("Call-ID", name)]
        more: Headers = [("Authorization", CREDENTIALS), ("Content-Type", "application/sdp")]
        to: Headers = [("To", f"<{uri}>")]
        answer = await self._ask("INVITE", uri, [*dialog, *to, *more], PATIENCE, SDP)
        self.finals[name] = 0 if answer is None else answer.status
        if answer is None:
            return
        dialog.append(("To", answer.get("to") or ""))
        if answer.status >= 300:
            await self._send("ACK", uri, dialog)
            return
        dialog += [("Route", route) for route in reversed(answer.values("record-route"))]
        contact = (answer.get("contact") or "").strip("<>")
        await self._send("ACK", contact, dialog, of="ACK2")
        await trio.sleep(hold)
        await self._ask("BYE", contact, dialog, PATIENCE / 3)

    async def _ask(
        self, method: str, uri: str, headers: Headers, patience: float, body: bytes = b""
    ) -> Response | None:
        """Ask, again and again, until there is a final answer; None if there is none."""
        send, receive = trio.open_memory_channel[Response](100)
        self._answers[dict(headers)["Call-ID"], method] = send
        wait, quiet = T1, True
        with trio.move_on_after(patience):
            while True:
                if quiet:
                    await self._send(method, uri, headers, body)
                with trio.move_on_after(wait):
                    while True:
                        answer = await receive.receive()
                        quiet = quiet and method != "INVITE"
                        if answer.status >= 200:
                            return answer
                wait = min(2 * wait, T2)
        return None

    async def _send(
        self, method: str, uri: str, headers: Headers, body: bytes = b"", of: str = ""
    ) -> None:
        call, here = dict(headers)["Call-ID"], self._peer.address
        branch = f"z9hG4bK-{call}-{of or ('INVITE' if method == 'ACK' else method)}"
        own = [("Via", f"SIP/2.0/UDP {here};branch={branch};rport"), ("Max-Forwards", "70")]
        own += [("CSeq", f"{2 if method == 'BYE' else 1} {method}")]
        own += [("Contact", f"<sip:caller@{here}>")]
        with suppress(ConnectionRefusedError):  # the proxy may not be there at the moment
            await self._peer.sendto(
                Request.make(method, uri, own + headers, body).render(), self._proxy
            )

    async def _hear(self) -> None:
        with suppress(OSError, ValueError):
            while True:
                with suppress(ConnectionRefusedError):
                    data, _ = await self._peer.recvfrom()
                    answer = parse(data)
                    channel = self._answers.get((answer.call_id or "", answer.cseq.method))
                    if channel is not None and isinstance(answer, Response):
                        channel.send_nowait(answer)


class Proxy:
    """An example proxy as a process, with its file and its journal in a folder."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self._folder = program, folder
        self._process: trio.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, str(EXAMPLES / self._program), "--config", "proxy.toml"]
        self._process = process = await trio.lowlevel.open_process(
            [*command, "--quiet", "--drain", "0"], stdout=PIPE, cwd=self._folder
        )
        assert process.stdout is not None
        with trio.fail_after(STARTING):
            assert (await process.stdout.receive_some()).startswith(b"listening")

    async def kill(self) -> None:
        """Kill it; what it has written stays as it is."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """End it."""
        await self._end(signal.SIGTERM)

    def reload(self) -> None:
        """Let it have another file."""
        file = self._folder / "proxy.toml"
        file.write_text(file.read_text("utf-8").replace("round-robin", "first"), "utf-8")
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    async def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        with trio.CancelScope(shield=True):
            await self._process.wait()


async def play(case: Case, number: int, program: str, folder: Path, *, redact: bool) -> Phone:
    """Play a case; what the proxy has recorded lies in the folder. ``number``: 0 to 255."""
    (folder / "proxy.toml").write_text(case.config(number, redact=redact), encoding="utf-8")
    host = f"127.30.{number}.".__add__
    ring = 0.8 if case.strike == "kill" else 0.2 if case.steady else 0.0
    async with trio.open_nursery() as nursery:
        with ExitStack() as opened:
            zone = ZONE.format(number=number)
            opened.enter_context(ZoneServer(zone, "example.com.", host("5"), NAMES))
            peer = opened.enter_context(bound(host("4"), PORT))
            phone = Phone(nursery, peer, Address(host("3"), PORT))
            first = Gateway(nursery, Address(host("1"), GATEWAYS), case.fault, ring)
            second = Gateway(nursery, Address(host("2"), GATEWAYS), "", ring)
            for gateway in (first, second):
                gateway.open(tcp=case.tcp)
                opened.callback(gateway.strike, "closed")
            proxy = Proxy(program, folder)
            await proxy.start()
            try:
                await _calls(case, proxy, first, phone)
            finally:
                await proxy.stop()
            nursery.cancel_scope.cancel()
    return phone


async def _calls(case: Case, proxy: Proxy, first: Gateway, phone: Phone) -> None:
    if case.probes:
        await trio.sleep(4.5)
    names = [f"call-{number}" for number in range(case.calls)]
    if not case.steady:
        for name in names:
            await phone.call(name, case.uri())
        return
    async with trio.open_nursery() as calls:
        for name in names:
            if name == names[len(names) // 2]:
                await _strike(case.strike, proxy, first)
            calls.start_soon(phone.call, name, case.uri(), 3 * BETWEEN)
            await trio.sleep(BETWEEN)


async def _strike(strike: str, proxy: Proxy, first: Gateway) -> None:
    match strike:
        case "kill":
            await proxy.kill()
            await proxy.start()
        case "reload":
            proxy.reload()
        case fault:
            first.strike(fault)
