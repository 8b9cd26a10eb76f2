"""The process of the phones and the gateways: ``python -m soaking.load OPTIONS``.

It talks with whoever has started it by lines of JSON: says where its gateways are, hears where the
proxy is, calls until told to stop or until its input ends, and tells every few seconds how it goes.
"""

import asyncio
import json
import random
import ssl
import sys
from collections import Counter, deque
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from soaking.calls import SCENARIOS, Call, Line, Lost, Phone, Scenario
from soaking.gateways import GOOD, Gateway
from soaking.wire import HOST, Connection, Datagrams, Path, Place, Trace
from soaking.zone import Zone

EVERY = 2.0  # seconds between two reports
SHOWN = 500  # lines about lost calls that are kept
LAST_CALLS = 45.0  # seconds that calls may still take when no new ones begin


@dataclass(frozen=True)
class Options:
    """What load there is to be."""

    rate: float = 40.0  # calls and other stories a second
    loss: float = 0.03  # of the datagrams, each way
    phones: int = 4  # for each transport
    long: bool = True  # the stories that take half a minute, too
    ca: str = ""  # whom phones trust by TLS; without one there is no TLS
    certificate: str = ""
    key: str = ""


@dataclass
class Books:
    """How the calls have ended."""

    begun: Counter[str] = field(default_factory=Counter[str])
    well: Counter[str] = field(default_factory=Counter[str])
    lost: Counter[str] = field(default_factory=Counter[str])
    counts: Counter[str] = field(default_factory=Counter[str])
    why: list[str] = field(default_factory=list[str])
    trace: Trace = field(default_factory=Trace)
    took: deque[float] = field(default_factory=lambda: deque[float](maxlen=100_000))

    def fault(self, call_id: str, text: str) -> None:
        """Note what a gateway complains of."""
        if call_id.startswith(GOOD):
            self.lose("gateways' complaints", text, call_id)

    def lose(self, name: str, text: str, call_id: str = "") -> None:
        """Note a lost call, and what is known of it."""
        self.lost[name] += 1
        if len(self.why) < SHOWN:
            self.why.append(f"{name}: {call_id}: {text}")
            self.why += self.trace.of(call_id)

    def taken(self) -> list[float]:
        """How long OPTIONS took that were sent once: the middle, one in a hundred, the worst."""
        took = sorted(self.took)
        self.took.clear()
        if not took:
            return []
        return [round(took[int(len(took) * part)], 4) for part in (0.5, 0.99)] + [
            round(took[-1], 4)
        ]


class Load:
    """Phones, gateways and calls."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._books = Books()
        self._gateways: dict[str, Gateway] = {}
        self._lines: dict[str, list[Line]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._closing = False

    async def run(self) -> None:
        """From the first line of input to its end."""
        lines = await standard_input()
        where, zone = await self._open_gateways()
        with zone:
            say(gateways=where)
            line = await lines.readline()
            if not line:  # the proxy did not start
                return
            await self._open_phones(json.loads(line))
            loop = asyncio.get_running_loop()
            calling, telling = loop.create_task(self._call()), loop.create_task(self._tell())
            await lines.readline()  # "stop", or nobody is there any more
            self._stop.set()
            await calling
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=LAST_CALLS)
            telling.cancel()
            self._close()
        self._settle()
        say(**self._report(), final=True, begun=self._books.begun, well=self._books.well,
            lost=self._books.lost, counts=self._books.counts, why=self._books.why)  # fmt: skip

    async def _open_gateways(self) -> tuple[dict[str, int], Zone]:
        options, where = self._options, dict[str, int]()
        for name in ("one", "two", "full"):
            nature = "full" if name == "full" else "good"
            books = self._books
            made = Gateway(books.counts, books.fault, books.trace, nature=nature)
            await made.open(options.loss)
            self._gateways[name] = made
            where[name] = made.place[1]
            if options.certificate:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(options.certificate, options.key)
                where[f"{name}-tls"] = await made.open_tls(context)
        zone = Zone(where["one"], where["two"])
        return {**where, "dns": zone.port}, zone

    async def _open_phones(self, proxy: dict[str, int]) -> None:
        for _ in range(self._options.phones):
            for transport, port in proxy.items():
                line = await self._open_phone(transport, (HOST, port))
                self._lines.setdefault(transport, []).append(line)

    async def _open_phone(self, transport: str, proxy: Place) -> Line:
        books = self._books
        phone = Phone(books.counts, books.fault, books.trace)
        if transport == "UDP":
            sock = await Datagrams(
                phone.heard, self._options.loss, books.counts, books.trace
            ).open()
            return Line(phone, Path(sock, proxy))
        tls = None
        if transport == "TLS":
            tls = ssl.create_default_context(cafile=self._options.ca)
            tls.load_cert_chain(self._options.certificate, self._options.key)
        connection = Connection(phone.heard, self._ended, transport, books.trace)
        return Line(phone, await connection.open(proxy, tls))

    def _ended(self, connection: Connection) -> None:
        if not self._closing:
            self._books.lose("connections", f"the proxy has closed {connection.local}")

    async def _call(self) -> None:
        """Begin calls at random moments, as many as are wanted on average."""
        loop = asyncio.get_running_loop()
        scenarios = [
            scenario
            for scenario in SCENARIOS
            if (self._options.long or not scenario.is_long)
            and ("TLS" in self._lines or scenario.host != "tls.example")
        ]
        weights = [scenario.weight for scenario in scenarios]
        due = loop.time()
        while True:
            due += random.expovariate(self._options.rate)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), max(due - loop.time(), 0.0))
            if self._stop.is_set():
                return
            (scenario,) = random.choices(scenarios, weights)
            lines = self._lines[random.choice([t for t in self._lines if t in scenario.transports])]
            task = loop.create_task(self._play(scenario, random.choice(lines)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _play(self, scenario: Scenario, line: Line) -> None:
        books, call = self._books, Call(line)
        name = f"{scenario.name} ({line.way.transport})"
        books.begun[name] += 1
        try:
            await scenario.story(call, scenario.host)
        except Lost as lost:
            books.lose(name, str(lost), call.call_id)
        except TimeoutError:
            books.lose(name, "no answer", call.call_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the call is lost
            books.lose(name, repr(error), call.call_id)
        else:
            books.well[name] += 1
            if scenario.name == "OPTIONS" and call.took >= 0:
                books.took.append(call.took)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            say(**self._report())

    def _report(self) -> dict[str, object]:
        books = self._books
        return {
            "calls": books.begun.total(),
            "open": len(self._tasks),
            "lost_calls": books.lost.total(),
            "took": books.taken(),
        }

    def _settle(self) -> None:
        """What is still open is lost."""
        books = self._books
        for name, begun in books.begun.items():
            for _ in range(begun - books.well[name] - books.lost[name]):
                books.lose(name, f"not over {LAST_CALLS:g} s after the last call began")
        for made in self._gateways.values():
            for call_id, _ in made.talking:
                books.lose("gateways' complaints", "no BYE has come", call_id)

    def _close(self) -> None:
        self._closing = True
        for lines in self._lines.values():
            for line in lines:
                if isinstance(line.way, Connection):
                    line.way.close()
        for made in self._gateways.values():
            made.close()


def say(**what: object) -> None:
    """Tell whoever has started us."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def standard_input() -> asyncio.StreamReader:
    """Lines that come on standard input."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def main() -> None:
    """Read the options and go."""
    await Load(Options(**json.loads(sys.argv[1]))).run()


def as_argument(options: Options) -> str:
    """How the options are given to this process."""
    return json.dumps(asdict(options))


if __name__ == "__main__":
    asyncio.run(main())
