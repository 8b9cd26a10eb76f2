"""Connections between nodes: TCP, and TLS by the names that a certificate is for.

What is sent over one arrives in its order, each piece when its link lets it, and neither lost nor
doubled; where the link is cut it waits until that is mended. Who is called has to listen; where
somebody is who does not, the connection is refused, and where nobody is, nothing ever comes back.
When a node crashes, all its connections break.

Nobody encrypts anything: a connection by TLS carries the names of the certificate at its other end.
"""

from math import inf
from typing import TYPE_CHECKING, Final

from sansip.address import Address
from sansip.message import Request, Response
from sansip.value import value

if TYPE_CHECKING:
    from sansip.simulate.network import Network, Node

Message = Request | Response | None
REFUSED: Final = "connection refused"
_RESET: Final = "connection reset"
_CLOSED: Final = "closed by the peer"
_DIGITS: Final = 1 << 32  # what four bytes can be
_FIRST_PORT: Final = 49_152  # of those that nobody listens at


class End:
    """One end of a connection, as the node knows it that is there.

    ``names`` are those of the certificate at the other end, if it has shown one.
    """

    def __init__(self, node: "Node", transport: str, local: Address, remote: Address) -> None:
        """Nothing has been sent yet."""
        self.node = node
        self.transport = transport
        self.local = local
        self.remote = remote
        self.other: End | None = None  # None: nobody is there
        self.names: tuple[str, ...] = ()
        self.number = 0  # what its node calls it
        self.is_there = True  # until it is closed, here or there
        self.is_open = False
        self.unsent: list[tuple[bytes, Message]] = []  # until it is open
        self.stalled: list[Travelling] = []  # until the link is mended
        self.due: float = 0.0  # when the last that has gone from here arrives


@value(eq=False)
class Dialled:
    """Somebody wants a connection; ``end`` is the one that who is called would have."""

    end: End


@value(eq=False)
class Connected:
    """A connection that was wanted is open."""

    end: End


@value(eq=False)
class Piece:
    """Bytes over a connection; ``message`` is what they say, None if they cannot be read."""

    end: End  # where they arrive
    data: bytes
    message: Message


@value(eq=False)
class Broke:
    """A connection was closed, or broke, or did not come about."""

    end: End
    reason: str


Travelling = Dialled | Connected | Piece | Broke


class Connections:
    """All connections of a network."""

    def __init__(self, network: "Network") -> None:
        """There is none, and nobody listens."""
        self._network = network
        self._listening: dict[tuple[str, Address], Node] = {}
        self.ends: list[End] = []
        self._opened = 0
        self._gone: dict[tuple[str, str], int] = {}  # pieces that chance has delayed

    def listen(self, node: "Node", transport: str, address: Address) -> None:
        """Accept connections there from now on, while the node is up."""
        self._listening[transport, address] = node

    def open(self, node: "Node", transport: str, host: str, remote: Address) -> End:
        """Begin a connection from this host: ``Connected`` or ``Broke`` says what came of it."""
        local = Address(host, _FIRST_PORT + self._opened)
        self._opened += 1
        end = End(node, transport, local, remote)
        there = self._listening.get((transport, remote)) or self._network.at_host(remote.host)
        if there is not None:
            end.other = End(there, transport, remote, local)
            end.other.other = end
            self.ends += (end, end.other)
            self._go(end, Dialled(end.other))
        return end

    def answer(self, end: End, names: tuple[str, ...]) -> bool:
        """Accept what was dialled if the node listens there, and is up; else refuse it.

        ``names`` are those of its certificate, with TLS.
        """
        is_good = self._listening.get((end.transport, end.local)) is end.node and end.node.up
        other = end.other
        if is_good and other is not None:
            end.is_open = True
            other.names = names
            self._go(end, Connected(other))
        else:
            self.close(end, REFUSED)
        return is_good

    def connected(self, end: End) -> None:
        """It is open: say what was to be said over it."""
        end.is_open = True
        for data, message in end.unsent:
            self.send(end, data, message)
        end.unsent.clear()

    def send(self, end: End, data: bytes, message: Message) -> None:
        """Send something, as soon as the connection is open."""
        other = end.other
        if other is None or not end.is_open:
            end.unsent.append((data, message))
        else:
            due = self._go(end, Piece(other, data, message))
            self._network.see(end.node.name, other.node.name, data, (due,))

    def close(self, end: End, reason: str = _CLOSED) -> None:
        """Close it, behind all that was sent; the other end will hear of that."""
        end.is_there = False
        if end.other is not None:
            self._go(end, Broke(end.other, reason))

    def crashed(self, node: "Node") -> None:
        """All connections of a node break."""
        for end in [end for end in self.ends if end.node is node and end.is_there]:
            self.close(end, _RESET)

    def mended(self) -> None:
        """Some links are whole again: what was stalled goes on."""
        for end in self.ends:
            stalled, end.stalled = end.stalled, []
            for what in stalled:
                self._go(end, what)

    # --- how it gets there

    def _go(self, end: End, what: Travelling) -> float:
        """Let something travel to the other end; when it is there, inf if nobody knows."""
        network, receiver = self._network, what.end.node
        delay = self._delay(end.node.name, receiver.name)
        if delay == inf:
            end.stalled.append(what)
            return inf
        end.due = max(end.due, network.now + delay)
        network.later(end.due, receiver, what)
        return end.due

    def _delay(self, sender: str, receiver: str) -> float:
        network, way = self._network, (sender, receiver)
        link = network.link_of(way)
        if link is None:
            return inf
        if not link.jitter:
            return link.delay
        number = self._gone[way] = self._gone.get(way, 0) + 1
        octets = network.draws(f"{sender} > {receiver}").octets("piece", number, 4)
        return link.delay + link.jitter * int.from_bytes(octets, "big") / _DIGITS
