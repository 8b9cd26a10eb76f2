"""An example proxy as a process of its own on the loopback, and phones and gateways around it."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sansip import Request, Response, parse

EXAMPLES = Path(__file__).parents[2] / "examples"
DEADLINE = 20.0  # seconds for a test; then the proxy is killed, and whoever reads from it fails

CONFIG = """
listen = ["udp:127.0.0.1:{port}"]
allow_hops = ["127.0.0.0/8"]
nameservers = ["127.0.0.1:9"]
{more}
[[route]]
method = "INVITE"
to = "group:gateways"

[groups.gateways]
targets = {targets}
"""


class Peer:
    """A phone or a gateway."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.port: int = sock.getsockname()[1]

    @property
    def target(self) -> str:
        return f"sip:127.0.0.1:{self.port}"

    def invite(self, proxy: int, name: str) -> None:
        self.ask("INVITE", f"sip:bob@127.0.0.1:{proxy}", proxy, name)

    def ask(self, method: str, uri: str, proxy: int, name: str) -> None:
        request = Request.make(
            method,
            uri,
            [
                ("Via", f"SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{name};rport"),
                ("From", "<sip:alice@example.com>;tag=a"),
                ("To", "<sip:bob@example.com>"),
                ("Call-ID", name),
                ("CSeq", f"1 {method}"),
                ("Contact", f"<sip:alice@127.0.0.1:{self.port}>"),
            ],
        )
        self.sock.sendto(request.render(), ("127.0.0.1", proxy))

    def final(self, name: str) -> Response:
        while True:
            message = parse(self.sock.recv(65535))
            assert isinstance(message, Response)
            if message.status >= 200 and message.call_id == name:
                return message

    def until_refused(self, proxy: int) -> Response:
        """Ask whether the proxy is alive until it takes no new requests: the signal has come."""
        for attempt in range(10_000):
            name = f"ping-{attempt}"
            self.ask("OPTIONS", f"sip:127.0.0.1:{proxy}", proxy, name)
            answer = self.final(name)
            if answer.status != 200:
                return answer
        pytest.fail("it never refused")

    def accept(self, name: str, host: str | None = None) -> None:
        """Wait for the INVITE of this call, and answer it.

        ``host`` is what its Request-URI must name: this address, if nothing is said.
        """
        while True:
            data, proxy = self.sock.recvfrom(65535)
            request = parse(data)
            if isinstance(request, Request) and request.call_id == name:
                break
        assert request.uri_text == f"sip:bob@{host or f'127.0.0.1:{self.port}'}"
        copied = ("Via", "From", "Call-ID", "CSeq", "Record-Route")
        headers = [(header, row) for header in copied for row in request.rows(header.lower())]
        headers += [("To", "<sip:bob@example.com>;tag=b"), ("Contact", f"<{self.target}>")]
        self.sock.sendto(Response.make(200, "Answer", headers).render(), proxy)


class Proxy:
    """The proxy, and its configuration file.

    ``program`` is the name of the example, and what its command line has before the file.
    """

    def __init__(self, program: tuple[str, ...], folder: Path, port: int) -> None:
        self.program, self.port, self.file = program, port, folder / "proxy.toml"
        self.process: subprocess.Popen[str] | None = None

    def write(self, targets: list[str], more: str = "", port: int | None = None) -> None:
        text = CONFIG.format(port=port or self.port, targets=targets, more=more)
        self.file.write_text(text, encoding="utf-8")

    def start(self, *options: str, within: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
        """Start it; ``within`` is a command that runs a command."""
        script, *first = self.program
        program = sys.executable, str(EXAMPLES / script), *first, str(self.file)
        command = [*within, *program, *options]
        self.process = subprocess.Popen(  # noqa: S603 (our own script)
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        return self.process

    def ready(self, *options: str, within: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
        process = self.start(*options, within=within)
        assert process.stdout is not None
        assert process.stdout.readline() == f"listening on udp:127.0.0.1:{self.port}\n"
        return process

    def line(self) -> str:
        """The next line on stderr; waits for it."""
        assert self.process is not None
        assert self.process.stderr is not None
        return self.process.stderr.readline().rstrip("\n")
