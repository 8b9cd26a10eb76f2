"""The network: nodes by their addresses, links between them, and the clock.

The clock is one heap of what is going to happen: packets that arrive, timers, answers of DNS. It is
data, nothing else, and ties are decided by the order in which it was put there; so one seed is one
run. Time moves only from one happening to the next.
"""

from collections import deque
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Final

from sansip.address import Address
from sansip.engine.actions import Report, Timer
from sansip.engine.events import DnsAnswered, Event
from sansip.entropy import SEED_SIZES, Draws
from sansip.errors import LocalProtocolError, RemoteProtocolError
from sansip.message import ANY_SIZE, Request, Response, parse
from sansip.simulate.connections import Connections, Dialled, End, Piece, Travelling
from sansip.simulate.link import Link
from sansip.simulate.names import Names
from sansip.value import value

Message = Request | Response

QUOTED: Final = 548  # bytes of a datagram that an ICMP error brings back


@value(eq=False)
class Packet:
    """A datagram on its way; ``message`` is what it says, None if it cannot be read."""

    source: Address
    to: Address
    data: bytes
    message: Message | None


@value
class Unreachable:
    """An ICMP error: nobody has the port that this packet was for."""

    packet: Packet


@value
class Wake:
    """What a party wanted to be told later: what, what about, and the how-manieth time."""

    what: str
    about: str
    number: int = 0


@value
class Again:
    """A party has said something, and will say it again unless it has been stopped."""

    key: str
    number: int  # of the saying
    interval: float


@value
class Sight:
    """A packet as somebody sees it who watches all links.

    ``sender`` and ``receiver`` are names of nodes (of an address that nobody has, the address);
    ``arrives`` are the times at which it gets there: none if it is lost; infinity if it is stalled,
    as what goes over a connection is while its link is cut.
    """

    at: float
    sender: str
    receiver: str
    data: bytes
    arrives: tuple[float, ...]


@value
class Said:
    """What an engine has reported."""

    at: float
    name: str  # of its node
    report: Report


Happening = Packet | Unreachable | Timer | Wake | Again | Travelling | Event


class Node:
    """Something at one address or several: an engine, or a party with a script."""

    def __init__(self, network: "Network", name: str, addresses: Iterable[Address]) -> None:
        """``name`` is what links and people call it."""
        self.network = network
        self.name = name
        self.addresses: tuple[Address, ...] = tuple(addresses)
        self.listening: tuple[tuple[str, Address], ...] = ()  # for connections: by what, and where
        self.certificate: tuple[str, ...] | None = None  # its names; None: as DNS has them
        self.up: bool = False

    def happens(self, happening: Happening) -> None:
        """It happens now, to somebody who is up."""
        raise NotImplementedError

    def misses(self, happening: Happening) -> None:
        """It happens now, to who is down: a packet comes back as an ICMP error."""
        if isinstance(happening, Packet):
            self.network.refuse(self, happening)
        elif isinstance(happening, Dialled):
            self.network.connections.answer(happening.end, ())

    # --- its life

    @property
    def address(self) -> Address:
        """Its address; of several the first."""
        return self.addresses[0]

    def place(self, transport: str) -> Address:
        """Where it is reached by this transport; its address if it does not listen for that."""
        places = [place for kind, place in self.listening if kind == transport]
        return places[0] if places else self.address

    def names(self, end: End) -> tuple[str, ...]:
        """The names of the certificate that it shows at this end of a connection."""
        if end.transport != "tls":
            return ()
        host = end.local.host
        return (
            (*self.network.names.leading_to(host), host)
            if self.certificate is None
            else self.certificate
        )

    @property
    def now(self) -> float:
        """The time."""
        return self.network.now

    def start(self) -> None:
        """Be there, for the first time or again."""
        self.up = True

    def crash(self) -> None:
        """The process is gone, and all that it knew; the machine answers that nobody listens."""
        self.up = False
        self.network.connections.crashed(self)
        self.network.forget(self)


class Network:
    """Nodes, links and the clock."""

    def __init__(self, seed: int | str | bytes, link: Link, keep: int) -> None:
        """All links are like ``link`` at first; the last ``keep`` packets and reports are kept."""
        self.seed: bytes = _seed(seed)
        self.now: float = 0.0
        self.link = link
        self.names: Names = Names()
        self.connections: Connections = Connections(self)
        self.nodes: dict[str, Node] = {}
        self.wire: deque[Sight] = deque(maxlen=keep)
        self.reports: deque[Said] = deque(maxlen=keep)
        self._at: dict[Address, Node] = {}
        self._links: dict[tuple[str, str], Link] = {}
        self._cut: set[tuple[str, str]] = set()
        self._gone: dict[tuple[str, str], int] = {}  # packets that chance decided about
        self._heap: list[tuple[float, int, Node, Happening]] = []
        self._number = 0

    # --- who is there

    def join(self, node: Node) -> None:
        """A node is there from now on; the only one of its name, and at its addresses."""
        if node.name in self.nodes:
            raise LocalProtocolError(f"two nodes have the name {node.name}")
        for address in node.addresses:
            if address in self._at:
                raise LocalProtocolError(f"{node.name} is at {address}, where another node is")
            self._at[address] = node
        self.nodes[node.name] = node
        for transport, address in node.listening:
            self.connections.listen(node, transport, address)
        node.start()

    def draws(self, owner: str) -> Draws:
        """The draws of this owner, all from the seed of the world."""
        return Draws(self.seed, owner)

    # --- links

    def connect(self, one: Node, other: Node, link: Link) -> None:
        """Both ways between these two are like ``link`` from now on."""
        self._links[one.name, other.name] = self._links[other.name, one.name] = link

    def cut(self, one: Node, *others: Node) -> None:
        """Nothing gets through between these any more; without ``others``: between one and all."""
        for other in others or tuple(self.nodes.values()):
            self._cut |= {(one.name, other.name), (other.name, one.name)}

    def mend(self, one: Node, *others: Node) -> None:
        """What was cut is whole again; what was lost is lost."""
        for other in others or tuple(self.nodes.values()):
            self._cut -= {(one.name, other.name), (other.name, one.name)}
        self.connections.mended()

    def link_of(self, way: tuple[str, str]) -> Link | None:
        """What goes this way, from one name to another, goes by; None if it is cut."""
        return None if way in self._cut else self._links.get(way, self.link)

    def at_host(self, host: str) -> Node | None:
        """Who is at this host, at whatever port."""
        there = [node for address, node in self._at.items() if address.host == host]
        return there[0] if there else None

    def see(self, sender: str, receiver: str, data: bytes, arrives: tuple[float, ...]) -> None:
        """Write down what was sent."""
        self.wire.append(Sight(self.now, sender, receiver, data, arrives))

    def send(self, sender: Node, packet: Packet) -> None:
        """A packet leaves; what comes of it is for its link to say."""
        receiver = self._at.get(packet.to)
        if receiver is None:
            self.wire.append(Sight(self.now, sender.name, str(packet.to), packet.data, ()))
            return
        one, other = sender.name, receiver.name
        arrives = self._arrivals(one, other)
        self.wire.append(Sight(self.now, one, other, packet.data, arrives))
        for due in arrives:
            self._number += 1
            heappush(self._heap, (due, self._number, receiver, packet))

    def refuse(self, receiver: Node, packet: Packet) -> None:
        """Nobody listens where this packet has arrived: its sender hears of that."""
        sender = self._at.get(packet.source)
        if sender is not None:
            for due in self._arrivals(receiver.name, sender.name):
                self.later(due, sender, Unreachable(packet))

    def _arrivals(self, sender: str, receiver: str) -> tuple[float, ...]:
        way = sender, receiver
        if way in self._cut:
            return ()
        link = self._links.get(way, self.link)
        if link.is_certain:
            return (self.now + link.delay,)
        number = self._gone[way] = self._gone.get(way, 0) + 1
        delays = link.delays(self.draws(f"{sender} > {receiver}"), number)
        return tuple([self.now + delay for delay in delays])

    # --- the clock

    def later(self, due: float, node: Node, happening: Happening) -> None:
        """It happens to this node then."""
        self._number += 1
        heappush(self._heap, (due, self._number, node, happening))

    def forget(self, node: Node) -> None:
        """Nothing that was to happen to this node will, but for what is on its way to it."""
        heap = self._heap
        coming = Packet | Dialled
        heap[:] = [each for each in heap if each[2] is not node or isinstance(each[3], coming)]
        heapify(heap)

    @property
    def goes_on(self) -> bool:
        """Whether anything is still to happen."""
        return bool(self._heap)

    @property
    def is_calm(self) -> bool:
        """Whether nobody but engines has anything to do, and no packet goes that is no probe."""
        return all(_is_calm(happening) for _, _, _, happening in self._heap)

    def happen(self, until: float) -> None:
        """Let everything happen that is due until then, in its order."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            self.now, _, node, happening = heappop(heap)
            if node.up:
                node.happens(happening)
            else:
                node.misses(happening)


def read(data: bytes) -> Message | None:
    """What a packet says; None for what is no message, or none that is in order."""
    try:
        return parse(data, limits=ANY_SIZE)
    except RemoteProtocolError:
        return None


def _is_calm(happening: Happening) -> bool:
    if isinstance(happening, Unreachable):
        happening = happening.packet
    if isinstance(happening, Packet | Piece):
        message = happening.message
        return message is not None and message.cseq.method == "OPTIONS"
    return isinstance(happening, Timer | DnsAnswered)


def _seed(given: int | str | bytes) -> bytes:
    """Bytes that are fit to be a key, of whatever people choose for a seed."""
    if isinstance(given, bytes) and len(given) in SEED_SIZES:
        return given
    return Draws(b"the seed of a world", repr(given)).octets("seed", size=32)
