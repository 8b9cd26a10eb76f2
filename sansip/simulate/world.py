"""The world: where engines, phones and gateways are put together, and time is let go by."""

from types import TracebackType
from typing import Final, Self

from sansip.address import Address
from sansip.engine.engine import Engine
from sansip.errors import LocalProtocolError
from sansip.journal import Source
from sansip.ladder import text
from sansip.simulate.gateway import PICKS_UP, Gateway, Script
from sansip.simulate.host import Host, Program, Tell
from sansip.simulate.ladder import ladder
from sansip.simulate.link import Link
from sansip.simulate.network import Network, Node
from sansip.simulate.phone import Phone
from sansip.simulate.promises import Broken

LONGEST: Final = 86_400.0  # seconds of a world: what goes on for longer goes on for ever
_GLANCE: Final = 1.0  # seconds until it is looked again whether it is over
_SHOWN: Final = 60  # packets, of a run that failed


class World(Network):
    """Nodes, links, zones and a clock, all from one seed.

    The same seed, and the same things done with the world, give the same run, byte for byte.
    As a context manager it tells the seed, and what was on the wire last, with any error.
    """

    def __init__(
        self,
        seed: int | str | bytes = 0,
        *,
        link: Link | None = None,
        keep: int = 10_000,
        journal: bool = False,
    ) -> None:
        """``link`` is what all links are like at first, ``keep`` how much of the past is kept.

        With ``journal`` everything is kept that engines are told and do, for ``journals``.
        """
        super().__init__(seed, link or Link(), keep)
        self._given = seed
        self._journal = journal
        self._told: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: object, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._tell(error)

    def __repr__(self) -> str:
        return f"World(seed={self._given!r})"

    def __str__(self) -> str:
        """The seed, the time, and what was on the wire last, with what engines said of it."""
        wire = tuple(self.wire)[-_SHOWN:]
        reports = [said for said in self.reports if wire and said.at >= wire[0].at]
        return f"{self!r} after {self.now:.3f} s:\n{text(ladder(wire, reports))}"

    # --- who is there

    def engine(
        self,
        engine: Engine,
        name: str = "proxy",
        *,
        program: Program | None = None,
        tell: Tell | None = None,
        policy: Source | None = None,
    ) -> Host:
        """Start an engine, at the addresses of its endpoints; see ``Host``."""
        host = Host(
            name,
            engine,
            self,
            program=program,
            tell=tell,
            policy=policy,
            journal=self._journal,
        )
        self.join(host)
        return host

    def gateway(
        self,
        address: str | Address,
        answers: Script = PICKS_UP,
        name: str = "",
        *,
        transport: str = "udp",
        certificate: tuple[str, ...] | None = None,
    ) -> Gateway:
        """Put a gateway there; see ``Gateway``.

        By "tcp" or "tls" it is reached by connections alone. With TLS ``certificate`` are the names
        that it can prove to be; None: all that lead to its address by DNS.
        """
        gateway = Gateway(self, address, answers, name, transport)
        gateway.certificate = certificate
        self.join(gateway)
        return gateway

    def phone(
        self,
        address: str | Address,
        proxy: Node,
        answers: Script = PICKS_UP,
        name: str = "",
        *,
        transport: str = "udp",
    ) -> Phone:
        """Put a phone there, whose calls go to ``proxy`` by this transport; see ``Phone``."""
        phone = Phone(self, address, proxy, answers, name, transport)
        self.join(phone)
        return phone

    def zone(self, text: str, origin: str = "") -> None:
        """Load a zone file; what DNS can do wrong is in ``names``."""
        self.names.load(text, origin)

    def journals(self) -> dict[str, list[str]]:
        """What all engines were told and did: the lines of a journal for each of their starts.

        By the names of the hosts; from the second start on with a number, as in ``proxy-2``. Only a
        world with ``journal=True`` has any. ``sansip.journal.read`` reads them, and
        ``sansip.replay`` runs them again.
        """
        made: dict[str, list[str]] = {}
        for host in self.hosts:
            for number, record in enumerate(host.records, 1):
                name = host.name if number == 1 else f"{host.name}-{number}"
                if name in made:
                    raise LocalProtocolError(f"two journals have the name {name}")
                made[name] = record.lines()
        return made

    @property
    def hosts(self) -> tuple[Host, ...]:
        """All engines, up or not."""
        return tuple([node for node in self.nodes.values() if isinstance(node, Host)])

    # --- time

    def run(self, seconds: float | None = None) -> None:
        """Let so much time go by; or all that is left, until nothing will ever happen again.

        In the latter case all tables of the engines have to be empty at the end, and every promise
        kept: ``Broken`` is raised if not. Groups that are probed never come to an end by
        themselves: then it is over once nothing but probes goes on, as is looked every second. No
        party has anything to do, no packet is under way but OPTIONS and answers to it, and no table
        of an engine holds anything that would be left without its probes.
        """
        try:
            self._run(seconds)
        except Exception as error:
            self._tell(error)
            raise

    def _run(self, seconds: float | None) -> None:
        if seconds is not None:
            until = self.now + seconds
            self.happen(until)
            self.now = until
            return
        until, longest = self.now, self.now + LONGEST
        while self.goes_on and not self._only_probes():
            if until >= longest:
                raise Broken(
                    f"it never ends: {LONGEST:.0f} s are over, and something is still to happen"
                )
            until += _GLANCE
            self.happen(until)
        self._end()

    def _only_probes(self) -> bool:
        probing = [host for host in self.hosts if host.up and host.is_probing]
        return bool(probing) and self.is_calm and not any(host.left() for host in probing)

    def _tell(self, error: BaseException) -> None:
        """Say with an error, once, which run it was."""
        if error is not self._told:
            self._told = error
            error.add_note(str(self))

    def _end(self) -> None:
        for host in [host for host in self.hosts if host.up]:
            host.promises.over()
            if left := host.left():
                raise Broken(f"all is over, and {host.name} still holds {left}")
