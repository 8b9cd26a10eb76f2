"""The process of a crowd: ``python -m soaking.crowd OPTIONS``. Connections that are open and idle.

Each sends one keep-alive (RFC 5626 3.5.1), as a phone would, and is silent then. They come from
several addresses, since no proxy gives all its connections to one.
"""

import json
import resource
import select
import socket
import ssl
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass

from soaking.wire import HOST

FIRST, HOSTS = 200, 20  # the last part of the first address, and how many there are
PING, PONG = b"\r\n\r\n", b"\r\n"
PATIENCE = 10.0  # seconds for a connection to open, and for its first answer


@dataclass(frozen=True)
class Options:
    """How many, where to, and whom to trust by TLS ("" for TCP)."""

    connections: int
    port: int
    ca: str = ""


class Crowd:
    """All of them."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._tls = ssl.create_default_context(cafile=options.ca) if options.ca else None
        self._socks: dict[int, socket.socket] = {}
        self._poll = select.epoll()
        self.closed = 0

    def come(self) -> None:
        """Open one after the other, as fast as they are let in."""
        for number in range(self._options.connections):
            sock = socket.socket()
            sock.settimeout(PATIENCE)
            # Else the keep-alive waits for the proxy's late ACK of our last word in the handshake.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                sock.bind((f"127.0.0.{FIRST + number % HOSTS}", 0))
                sock.connect((HOST, self._options.port))
                if self._tls is not None:
                    sock = self._tls.wrap_socket(sock, server_hostname=HOST)
                sock.sendall(PING)
                came = sock.recv(2)
            except OSError:
                came = b""
            if came == PONG:
                self._socks[sock.fileno()] = sock
                self._poll.register(sock, select.EPOLLIN)
            else:
                self.closed += 1
                sock.close()

    def stay(self, wait: float) -> None:
        """Notice who is thrown out."""
        for number, _ in self._poll.poll(wait):
            with suppress(OSError):
                if self._socks[number].recv(100):
                    continue
            self._poll.unregister(number)
            self._socks.pop(number).close()
            self.closed += 1

    def report(self, **more: object) -> str:
        """How many there are."""
        return json.dumps({"open": len(self._socks), "closed": self.closed, **more})


def main() -> None:
    """Come, stay until told to go or until the input ends, go."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = Crowd(Options(**json.loads(sys.argv[1])))
    began = time.monotonic()
    crowd.come()
    say(crowd.report(came=time.monotonic() - began))
    while not select.select([sys.stdin], [], [], 0)[0]:
        crowd.stay(0.2)
    say(crowd.report(final=True))


def say(line: str) -> None:
    """Tell whoever has started us."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def as_argument(options: Options) -> str:
    """How the options are given to this process."""
    return json.dumps(asdict(options))


if __name__ == "__main__":
    main()
