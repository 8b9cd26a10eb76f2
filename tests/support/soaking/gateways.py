"""Those who are called. What one does is written in the user part of the Request-URI."""

import asyncio
import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from soaking import sip
from soaking.party import Asked, Party, Served, received
from soaking.wire import HOST, Connection, Datagrams, Way

GOOD = "call"  # how the Call-IDs begin of which books are kept
RINGS = (0.02, 0.3)  # seconds until it is answered, from and to
TALKS = (0.1, 1.5)  # seconds that a call lasts


@dataclass
class Gateway(Party):
    """A gateway for datagrams and connections; its nature is "good", or "full": always 503."""

    nature: str = "good"
    talking: dict[tuple[str, str], Served] = field(default_factory=dict[tuple[str, str], Served])
    _connections: set[Connection] = field(default_factory=set[Connection])
    _servers: list[asyncio.Server] = field(default_factory=list[asyncio.Server])
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def open(self, loss: float) -> None:
        """Take a port for datagrams and connections."""
        loop = asyncio.get_running_loop()
        while True:
            datagrams = await Datagrams(self.heard, loss, self.counts, self.trace).open()
            try:
                server = await loop.create_server(lambda: self._connection("TCP"), *datagrams.local)
            except OSError:  # the port is taken for TCP
                datagrams.close()
                continue
            self.place = datagrams.local
            self._servers.append(server)
            return

    async def open_tls(self, context: ssl.SSLContext) -> int:
        """Listen for TLS too; gives the port."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: self._connection("TLS"), HOST, 0, ssl=context)
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def _connection(self, transport: str) -> Connection:
        connection = Connection(self.heard, self._connections.discard, transport, self.trace)
        self._connections.add(connection)
        return connection

    def requested(self, served: Served) -> None:
        """Do as one is told."""
        request = served.request
        method, is_within = request.method, bool(sip.param(request.first("to"), "tag"))
        if method == "CANCEL":
            self._cancelled(served)
        elif method == "BYE":
            to = request.call_id, sip.param(request.first("to"), "tag")
            self.answer(served, 200 if self.talking.pop(to, None) else 481)
        elif self.nature == "full" and not is_within:
            self.answer(served, 503)
        elif method != "INVITE":
            contact = request.first("contact")
            self.answer(served, 200, (("Contact", contact),) if contact else ())
        elif is_within:
            served.tag = sip.param(request.first("to"), "tag")
            self.answer(served, 200, (self._contact(served.way),))
        else:
            self._invited(served)

    def _invited(self, served: Served) -> None:
        what = served.request.uri.removeprefix("sip:").partition("@")[0]
        self.answer(served, 100)
        wait = random.uniform(*RINGS)
        match what:
            case "answer" | "hangup":
                self.answer(served, 180, (self._contact(served.way),))
                self._later(wait, self._pick_up, served)
            case "busy":
                self._later(wait, self._refuse, served, 486)
            case "ring":
                self.answer(served, 180, (self._contact(served.way),))
            case _:
                self.answer(served, 404)

    def _later(self, wait: float, what: Callable[..., None], *given: object) -> None:
        asyncio.get_running_loop().call_later(wait, what, *given)

    def _pick_up(self, served: Served) -> None:
        if served.is_final:  # it was cancelled
            return
        if served.request.call_id.startswith(GOOD):
            self.talking[served.request.call_id, served.tag] = served
        self.answer(served, 200, (self._contact(served.way),))

    def _refuse(self, served: Served, status: int) -> None:
        if not served.is_final:
            self.answer(served, status)

    def _cancelled(self, served: Served) -> None:
        invite = self.served(served.request.branch, "INVITE")
        self.answer(served, 481 if invite is None else 200)
        if invite is not None:
            self._refuse(invite, 487)

    def acknowledged(self, served: Served) -> None:
        """Hang up some time after the ACK, if that is what was asked for."""
        if served.request.uri.startswith("sip:hangup@"):
            self._later(random.uniform(*TALKS), self._hang_up, served)

    def _hang_up(self, served: Served) -> None:
        if self.talking.pop((served.request.call_id, served.tag), None) is not None:
            asked = self.ask(served.way, "BYE", *received(served).request("BYE"))
            task = asyncio.get_running_loop().create_task(self._gone(asked))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _contact(self, way: Way) -> tuple[str, str]:
        host, port = way.local
        parameter = "" if way.transport == "UDP" else f";transport={way.transport.lower()}"
        return "Contact", f"<sip:gateway@{host}:{port}{parameter}>"

    async def _gone(self, asked: Asked) -> None:
        answer = await asked.answers.get()
        while answer is not None and answer.status < 200:
            answer = await asked.answers.get()
        if answer is None or answer.status != 200:
            got = "nothing" if answer is None else str(answer.status)
            self.fault(dict(asked.rows)["Call-ID"], f"a gateway's BYE got {got}")

    def close(self) -> None:
        """Close all."""
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.close()
