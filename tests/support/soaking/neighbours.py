"""The process of those who behave badly: ``python -m soaking.neighbours OPTIONS``.

Each has an address of its own beside the phones' (127.0.0.x), as an attacker would have, and goes
on until told to stop. Where the proxy is to put an end to something it is a fault if it does not.
"""

import asyncio
import json
import random
import socket
import struct
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import count

from soaking import sip
from soaking.load import say, standard_input
from soaking.wire import HOST

FIRST = 100  # the last part of the first neighbour's address
LET_GO = 50.0  # seconds in which the proxy ends what does not begin, or not come to its end (30 s)
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset
WORDS = (
    b"\r\n",
    b"\r\n\r\n",
    b"\x00",
    b",",
    b";",
    b"<",
    b">",
    b"@",
    b"sip:",
    b"Via:",
    b"\xff",
    b"%",
)


@dataclass(frozen=True)
class Options:
    """How many of each kind there are, and where the proxy is."""

    ports: dict[str, int]  # by transport
    garbage: float = 20.0  # datagrams a second that are no SIP
    mutated: float = 10.0  # and that nearly are
    resets: float = 3.0  # connections a second that are reset within a message
    half: int = 5  # connections with half a message
    slow: int = 5  # with a byte a second
    silent: int = 20  # that say nothing
    deaf: int = 1  # that do not read


class Neighbours:
    """All of them."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self._hosts = (f"127.0.0.{number}" for number in count(FIRST))
        self._udp = (HOST, options.ports["UDP"])
        self._streams = [(HOST, port) for name, port in options.ports.items() if name != "UDP"]
        self._tcp = (HOST, options.ports["TCP"])

    def all(self) -> list[Awaitable[None]]:
        """What they do."""
        options = self._options
        done: list[Awaitable[None]] = [
            self._datagrams(options.garbage, garbage, "datagrams of garbage"),
            self._datagrams(options.mutated, mutated, "datagrams that are nearly SIP"),
            self._datagrams(0.2, huge, "datagrams with huge headers"),
            self._resets(),
            self._huge(),
            self._babble(),
        ]
        for number, what in (
            (options.half, self._half),
            (options.slow, self._slow),
            (options.silent, self._silent),
            (options.deaf, self._deaf),
        ):
            done += [self._again(what) for _ in range(number)]
        return done

    async def _again(self, what: Callable[[socket.socket], Awaitable[None]]) -> None:
        """Connect and do it, for ever."""
        host = next(self._hosts)
        while True:
            # Those who come to TLS never get through with their handshake.
            place = self._tcp if what == self._deaf else random.choice(self._streams)
            with await self._connected(host, place) as sock, suppress(OSError):
                await what(sock)
            await asyncio.sleep(random.uniform(0.5, 2.0))

    async def _connected(self, host: str, place: tuple[str, int]) -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)
        sock.bind((host, 0))
        with suppress(OSError):  # it will be found out
            await asyncio.get_running_loop().sock_connect(sock, place)
        return sock

    async def _datagrams(self, rate: float, make: Callable[[], bytes], what: str) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind((next(self._hosts), 0))
            sock.setblocking(False)
            while True:
                await asyncio.sleep(random.expovariate(rate))
                with suppress(OSError):
                    sock.sendto(make(), self._udp)
                    self.counts[what] += 1
                with suppress(OSError):  # answers, to an INVITE for 32 s: nobody cares
                    while True:
                        sock.recv(65_535)

    async def _half(self, sock: socket.socket) -> None:
        data = request("INVITE", "answer@good.example")
        await asyncio.get_running_loop().sock_sendall(sock, data[: random.randrange(20, len(data))])
        await self._must_end(sock, "half messages")

    async def _slow(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        ending = loop.create_task(self._must_end(sock, "slow senders"))
        try:
            for byte in request("INVITE", "answer@good.example"):
                await loop.sock_sendall(sock, bytes([byte]))
                await asyncio.wait([ending], timeout=1.0)
                if ending.done():
                    break
        finally:
            await ending

    async def _must_end(self, sock: socket.socket, what: str) -> None:
        """Read until the proxy closes."""
        self.counts[what] += 1
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(LET_GO):
                while await loop.sock_recv(sock, 65_535):
                    pass
        except TimeoutError:
            self.faults.append(f"{what}: the proxy had not closed after {LET_GO:g} s")
        except OSError:
            pass

    async def _silent(self, sock: socket.socket) -> None:
        await self._must_end(sock, "peers that say nothing")

    async def _deaf(self, sock: socket.socket) -> None:
        """Ask and never read the answers, until it is the proxy's turn to end it."""
        self.counts["peers that do not read"] += 1
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        loop, most = asyncio.get_running_loop(), 64 << 20
        sent = 0
        while sent < most:
            data = request("OPTIONS", "any@nowhere.example", ("X", "x"), "x" * 12_000)
            await loop.sock_sendall(sock, data)
            sent += len(data)
            await asyncio.sleep(0.02)
        self.faults.append(f"a peer that does not read could send {most} bytes")

    async def _resets(self) -> None:
        host, loop = next(self._hosts), asyncio.get_running_loop()
        while True:
            await asyncio.sleep(random.expovariate(self._options.resets))
            with await self._connected(host, random.choice(self._streams)) as sock:
                data = request("INVITE", "answer@good.example")
                with suppress(OSError):
                    await loop.sock_sendall(sock, data[: random.randrange(len(data))])
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    self.counts["connections reset within a message"] += 1

    async def _huge(self) -> None:
        """Headers without end: the proxy must not wait for one."""
        host, loop = next(self._hosts), asyncio.get_running_loop()
        while True:
            with await self._connected(host, self._tcp) as sock, suppress(OSError):
                ending = loop.create_task(self._must_end(sock, "endless headers"))
                line = b"X-Filler: " + b"x" * 1000 + b"\r\n"
                with suppress(OSError):
                    await loop.sock_sendall(sock, b"OPTIONS sip:good.example SIP/2.0\r\n")
                    while not ending.done():
                        await loop.sock_sendall(sock, line * 10)
                        await asyncio.sleep(0.01)
                await ending
            await asyncio.sleep(5.0)

    async def _babble(self) -> None:
        """Garbage over connections; plain SIP where TLS is spoken, and the other way about."""
        host, loop = next(self._hosts), asyncio.get_running_loop()
        while True:
            with await self._connected(host, random.choice(self._streams)) as sock:
                make = random.choice((garbage, mutated, hello))
                with suppress(OSError):
                    await loop.sock_sendall(sock, make())
                    self.counts["connections with garbage"] += 1
                await asyncio.sleep(random.uniform(0.1, 1.0))


def request(
    method: str, where: str, more: sip.Row = ("Max-Forwards", "70"), tag: str = ""
) -> bytes:
    """A request of a neighbour's; its Call-ID tells the gateways to keep no books of it."""
    rows = [
        ("Via", f"SIP/2.0/TCP 127.0.0.1:9;branch={sip.fresh('z9hG4bK-noise')}"),
        ("From", f"<sip:noise@soak.example>;tag={tag or sip.fresh('n')}"),
        ("To", f"<sip:{where}>"),
        ("Call-ID", sip.fresh("noise")),
        ("CSeq", f"1 {method}"),
        ("Contact", "<sip:noise@127.0.0.1:9>"),
        more,
    ]
    return sip.render(f"{method} sip:{where} SIP/2.0", rows, b"a body")


def garbage() -> bytes:
    """Bytes."""
    return random.randbytes(random.choice((0, 1, 2, 4, 20, 300, 1500)))


def hello() -> bytes:
    """The beginning of a TLS handshake, and no more."""
    return b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random.randbytes(50)


def huge() -> bytes:
    """A request that is nearly as large as a datagram can be."""
    return request("OPTIONS", "any@good.example", ("X-Filler", "x" * 60_000))


def mutated() -> bytes:
    """A message with something wrong somewhere."""
    host = random.choice(("good.example", "nowhere.example", "nowhere.example", "127.0.0.1"))
    method = random.choice(("INVITE", "OPTIONS", "MESSAGE", "ACK", "CANCEL", "BYE", "REGISTER"))
    data = bytearray(request(method, f"noise@{host}").replace(b"/TCP", b"/UDP"))
    if random.random() < 0.2:
        data[:0] = b"SIP/2.0 200 OK\r\n"
    for _ in range(random.randrange(4)):
        at = random.randrange(len(data))
        match random.randrange(4):
            case 0:
                data[at] = random.randrange(256)
            case 1:
                data[at:at] = random.choice(WORDS)
            case 2:
                del data[at : at + random.randrange(1, 30)]
            case _:
                data[at:at] = data[at : at + random.randrange(1, 60)]
    return bytes(data)


async def main() -> None:
    """Go on until told to stop."""
    given = json.loads(sys.argv[1])
    neighbours = Neighbours(Options(**given))
    lines = await standard_input()
    say(ready=True)
    tasks = [asyncio.ensure_future(each) for each in neighbours.all()]
    stop = asyncio.ensure_future(lines.readline())
    done, _ = await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
    faults = neighbours.faults + [repr(task.exception()) for task in done if task is not stop]
    say(final=True, counts=neighbours.counts, faults=faults)


def as_argument(options: Options) -> str:
    """How the options are given to this process."""
    return json.dumps(asdict(options))


if __name__ == "__main__":
    asyncio.run(main())
