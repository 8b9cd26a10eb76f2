"""The world of the demonstration, on the loopback: caller, proxy, name server and two gateways.

All of them are real: UDP sockets, DNS messages, the example proxy as a process of its own. The
names are those of a question on a mailing list in 2007: how does a call to gw.example.com, which
NAPTR and SRV lead to two A records, get to the second gateway when the first is down?
"""

import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio
from zone_dns import ZoneServer

from sansip import Request, Response, parse

CALLEE = "sip:service@gw.example.com"
GATEWAYS = {"gw-1": "127.20.7.1", "gw-2": "127.20.7.2"}
HOME = "127.0.0.1"  # of the caller, the proxy and the name server
PATIENCE = 5.0  # seconds that the caller has for a call, its end included
STARTING = 20.0  # seconds that the proxy may take to start
RINGING = 0.02  # seconds that a gateway rings before it picks up
PHRASES = {100: "Trying", 180: "Ringing", 200: "OK", 487: "Request Terminated"}

ZONE = """
$TTL 60
@            SOA    ns admin 1 3600 600 86400 60
@            NS     ns
gw           NAPTR  10 10 "s" "SIP+D2U" "" _sip._udp.gw
_sip._udp.gw SRV    10 0 {port} gateways
gateways     A      127.20.7.1
gateways     A      127.20.7.2
"""

CONFIG = """
listen = ["udp:127.0.0.1:{listen}"]
nameservers = ["127.0.0.1:{nameserver}"]
domains = ["gw.example.com"]
allow_hops = ["127.0.0.0/8"]
journal = "run.journal"

[[route]]
host = "gw.example.com"
to = "uri"
advance_after = {advance_after}
"""

Address = tuple[str, int]
Socket = trio.socket.SocketType
Tell = Callable[[str, str, str], None]  # with a Call-ID, a gateway, and what has happened there


@dataclass(frozen=True)
class Manner:
    """How a gateway behaves: what it answers, and after how many seconds."""

    status: int | None = 200  # None: it says nothing
    after: float = 0.0
    trying: bool = False  # whether it says 100 at once
    listens: bool = True  # otherwise its port is closed


@dataclass(frozen=True)
class Call:
    """What came of a call."""

    gateway: str  # that answered it; "" if none did
    set_up: float  # seconds from INVITE to 200
    ended: bool  # BYE got its 200, which also says that the ACK had come


class Gateway:
    """A gateway that answers INVITE as its manner says, and everything else as it should."""

    def __init__(self, name: str, port: int, tell: Tell, nursery: trio.Nursery) -> None:
        self.name, self._address = name, (GATEWAYS[name], port)
        self._tell, self._nursery = tell, nursery
        self._manner = Manner(listens=False)
        self._socket: Socket | None = None
        self._open: dict[str, bool] = {}  # by Via branch: does its INVITE still want an answer?
        self._acknowledged: set[str] = set()  # Call-IDs

    async def behave(self, manner: Manner) -> None:
        """Behave like this from now on."""
        self._manner = manner
        if self._socket is not None and not manner.listens:
            self._socket.close()
            self._socket = None
        elif self._socket is None and manner.listens:
            self._socket = await bound(self._address)
            self._nursery.start_soon(self._read, self._socket)

    async def _read(self, sock: Socket) -> None:
        with suppress(trio.ClosedResourceError):
            while True:
                data, proxy = await sock.recvfrom(65535)
                request = parse(data)
                if isinstance(request, Request):
                    await self._take(sock, proxy, request)

    async def _take(self, sock: Socket, proxy: Address, request: Request) -> None:
        call, branch = request.call_id or "", request.via.branch or ""
        match request.method:
            case "INVITE" if branch not in self._open:
                self._open[branch] = self._manner.status is not None
                self._tell(call, self.name, "INVITE")
                if self._open[branch]:
                    self._nursery.start_soon(self._ring, sock, proxy, request, self._manner)
            case "ACK":
                self._acknowledged.add(call)
            case "CANCEL":
                await self._say(sock, proxy, request, 200)
                if self._open.get(branch):
                    self._open[branch] = False
                    self._tell(call, self.name, "CANCEL")
                    invite = request.set("CSeq", f"{request.cseq.number} INVITE")
                    await self._say(sock, proxy, invite, 487)
            case "BYE":
                await self._say(sock, proxy, request, 200 if call in self._acknowledged else 481)
            case _:
                pass  # an INVITE that was sent again

    async def _ring(self, sock: Socket, proxy: Address, invite: Request, manner: Manner) -> None:
        branch = invite.via.branch or ""
        if manner.trying:
            await self._say(sock, proxy, invite, 100)
        await trio.sleep(manner.after)
        if manner.status == 200:
            await self._say(sock, proxy, invite, 180)
            await trio.sleep(RINGING)
        if self._open[branch]:
            self._open[branch] = False
            self._tell(invite.call_id or "", self.name, str(manner.status))
            await self._say(sock, proxy, invite, manner.status or 500)

    async def _say(self, sock: Socket, proxy: Address, request: Request, status: int) -> None:
        copied = ("Via", "Record-Route", "From", "Call-ID", "CSeq")
        headers = [(name, row) for name in copied for row in request.rows(name.lower())]
        tag = "" if request.to_tag else f";tag={self.name}"
        headers += [("To", (request.get("to") or "") + tag), ("Server", self.name)]
        headers += [("Contact", f"<sip:{self._address[0]}:{self._address[1]}>")]
        answer = Response.make(status, PHRASES.get(status, "No"), headers)
        with suppress(trio.ClosedResourceError):
            await sock.sendto(answer.render(), proxy)


class World:
    """What the demonstration can do: tell gateways how to behave, and place calls."""

    def __init__(self, gateways: dict[str, Gateway], phone: Socket, proxy: Address) -> None:
        self.gateways, self._phone, self._proxy = gateways, phone, proxy

    async def call(self, call_id: str) -> Call:
        """Place a call, and hang up as soon as it is answered."""
        begun, gateway, set_up, ended = trio.current_time(), "", 0.0, False
        dialog = [("From", "<sip:caller@example.com>;tag=c"), ("Call-ID", call_id)]
        with trio.move_on_after(PATIENCE):
            await self._send("INVITE", CALLEE, [*dialog, ("To", f"<{CALLEE}>")])
            answer = await self._final(call_id, "INVITE")
            set_up = trio.current_time() - begun
            if answer.status < 300:
                gateway = answer.get("server") or ""
                dialog += [("To", answer.get("to") or "")]
                dialog += [("Route", route) for route in reversed(answer.values("record-route"))]
                contact = (answer.get("contact") or "").strip("<>")
                await self._send("ACK", contact, dialog)
                await self._send("BYE", contact, dialog)
                ended = (await self._final(call_id, "BYE")).status == 200
        return Call(gateway, set_up, ended)

    async def _send(self, method: str, uri: str, headers: list[tuple[str, str]]) -> None:
        host, port = self._phone.getsockname()
        call_id = dict(headers)["Call-ID"]
        via = f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK-{call_id}-{method}"
        number = 2 if method == "BYE" else 1
        own = [("Via", via), ("Max-Forwards", "70"), ("CSeq", f"{number} {method}")]
        own += [("Contact", f"<sip:caller@{host}:{port}>")]
        request = Request.make(method, uri, own + headers)
        await self._phone.sendto(request.render(), self._proxy)

    async def _final(self, call_id: str, method: str) -> Response:
        while True:
            answer = parse(await self._phone.recv(65535))
            if isinstance(answer, Request) or answer.status < 200:
                continue
            if (answer.call_id, answer.cseq.method) == (call_id, method):
                return answer


@asynccontextmanager
async def world(
    advance_after: float, tell: Tell, journal: Path | None = None
) -> AsyncGenerator[World, None]:
    """Make the world; when the block ends, however it ends, nothing is left but its journal."""
    async with trio.open_nursery() as nursery:
        port = await _port_of_both()
        gateways = {name: Gateway(name, port, tell, nursery) for name in GATEWAYS}
        with ZoneServer(ZONE.format(port=port), "example.com.") as names, await bound() as phone:
            with await bound() as unused:
                proxy: Address = unused.getsockname()
            config = CONFIG.format(
                listen=proxy[1], nameserver=names.address[1], advance_after=advance_after
            )
            await nursery.start(_run_proxy, config, journal)
            yield World(gateways, phone, proxy)
            nursery.cancel_scope.cancel()


async def _run_proxy(config: str, journal: Path | None, task_status: trio.TaskStatus[None]) -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        if journal is not None:
            stack.callback(shutil.copy, Path(folder, "run.journal"), journal)
        # A process group of its own: Ctrl-C is for the demonstration, which ends the proxy.
        run = partial(
            trio.run_process,
            _command(Path(folder, "proxy.toml"), config),
            stdout=subprocess.PIPE,
            check=False,
            process_group=0,
        )
        async with trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(run)
            ready: bytes | bytearray = b""
            if process.stdout is not None:
                with trio.move_on_after(STARTING):
                    ready = await process.stdout.receive_some()
            if not ready.startswith(b"listening"):
                raise RuntimeError("the proxy did not start")
            task_status.started()


def _command(file: Path, config: str) -> list[str]:
    """How to start the proxy with this configuration."""
    file.write_text(config, encoding="utf-8")
    program = Path(__file__).with_name("trio_proxy.py")
    return [sys.executable, str(program), "--config", str(file), "--quiet", "--drain", "0"]


async def _port_of_both() -> int:
    """Find a port that is free at both gateways' addresses."""
    first, second = GATEWAYS.values()
    while True:
        with await bound((first, 0)) as one:
            port: int = one.getsockname()[1]
            with suppress(OSError), await bound((second, port)):
                return port


async def bound(address: Address = (HOME, 0)) -> Socket:
    """Open a UDP socket at this address."""
    sock = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    await sock.bind(address)
    return sock
