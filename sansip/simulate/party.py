"""A scripted party: a node that says what its script says, and not what a state machine thinks.

It is no engine, so that a fault of the core cannot hide in both who asks and who answers. What it
has of RFC 3261 17 is that it says things again until somebody answers. It speaks by datagrams, or
by connections alone (TCP or TLS), of which it has one for each place that it talks to.
"""

from math import inf
from typing import Final, assert_never

from sansip.address import Address
from sansip.errors import LocalProtocolError
from sansip.message import Request, Response
from sansip.simulate.connections import Broke, Connected, Dialled, End, Piece, Travelling
from sansip.simulate.network import Again, Happening, Network, Node, Packet, Wake
from sansip.timing import Timing
from sansip.value import value

DEFAULT_PORT: Final = 5060
SECURE_PORT: Final = 5061


@value
class Saying:
    """What is said until somebody answers; the ``number`` tells it from what was said before."""

    message: Request | Response
    to: Address
    longest: float  # between two times
    until: float
    number: int


class Party(Node):
    """A node with a script: a subclass says what to do when it hears, or wakes."""

    def __init__(
        self, network: Network, address: str | Address, name: str = "", transport: str = "udp"
    ) -> None:
        """``address`` is ``HOST:PORT``, or a host; by default it is the name, too."""
        place = at(address, transport) if isinstance(address, str) else address
        super().__init__(network, name or str(place), [place])
        self.transport = transport
        if transport != "udp":
            self.listening: tuple[tuple[str, Address], ...] = ((transport, place),)
        self._ends: dict[Address, End] = {}  # of connections, by who is at the other
        self.timing: Timing = Timing()
        self._saying: dict[str, Saying] = {}
        self._said = 0

    # --- what a script does

    def asked(self, request: Request, source: Address) -> None:
        """A request has come."""

    def answered(self, response: Response) -> None:
        """A response has come."""

    def woken(self, what: str, about: str, number: int) -> None:
        """It is time for what ``wake`` asked for."""

    def unanswered(self, key: str) -> None:
        """What was said again and again has had no answer."""

    # --- what a script may use

    def wake(self, after: float, what: str, about: str = "", number: int = 0) -> None:
        """Call ``woken`` with these in so many seconds."""
        self.network.later(self.now + after, self, Wake(what, about, number))

    def say(self, message: Request | Response, to: Address) -> None:
        """Send it, once."""
        if self.transport == "udp":
            self.network.send(self, Packet(self.address, to, message.render(), message))
        else:
            end = self._end(message, to)
            self.network.connections.send(end, message.render(), message)

    def repeat(
        self, key: str, message: Request | Response, to: Address, longest: float = inf
    ) -> None:
        """Send it, and again after T1, 2*T1 ... until ``stop``, or until 64*T1 have passed.

        Over a connection nothing is sent again but a 2xx, that there is no ACK for (13.3.1.4).
        """
        self._said += 1
        until = self.now + self.timing.timeout
        self._saying[key] = Saying(message, to, longest, until, self._said)
        self.say(message, to)
        once = self.transport != "udp" and (isinstance(message, Request) or message.status >= 300)
        self._again(key, self._saying[key], inf if once else self.timing.t1)

    def stop(self, key: str) -> bool:
        """It has been heard. Whether it was still being said."""
        return self._saying.pop(key, None) is not None

    # --- how it does it

    def crash(self) -> None:
        """Be gone; see ``Node``."""
        super().crash()
        self._saying.clear()
        self._ends.clear()

    def happens(self, happening: Happening) -> None:
        """It happens now."""
        if isinstance(happening, Packet):
            if self.transport == "udp":
                self._hear(happening.message, happening.source)
            else:
                self.network.refuse(self, happening)
        elif isinstance(happening, Wake):
            self.woken(happening.what, happening.about, happening.number)
        elif isinstance(happening, Again):
            saying = self._saying.get(happening.key)
            if saying is not None and saying.number == happening.number:
                self._say_again(happening.key, saying, happening.interval)
        elif isinstance(happening, Dialled | Connected | Piece | Broke):
            self._connection(happening)
        # else an ICMP error: it will notice by itself

    def _hear(self, message: Request | Response | None, source: Address) -> None:
        if isinstance(message, Request):
            self.asked(message, source)
        elif message is not None:
            self.answered(message)

    # --- connections

    def _end(self, message: Request | Response, to: Address) -> End:
        """The connection to this place; one that is gone is opened again (18.1.1, 18.2.2)."""
        end = self._ends.get(to)
        if end is None and isinstance(message, Response):
            via = message.via
            to = Address(via.received or via.host, via.port or DEFAULT_PORT)
            end = self._ends.get(to)
        if end is None:
            connections = self.network.connections
            end = self._ends[to] = connections.open(self, self.transport, self.address.host, to)
        return end

    def _connection(self, happening: Travelling) -> None:
        end = happening.end
        if not end.is_there:
            return  # it was closed while this was on its way
        match happening:
            case Dialled():
                if self.network.connections.answer(end, self.names(end)):
                    self._ends[end.remote] = end
            case Connected():
                self.network.connections.connected(end)
            case Piece(_, _, message):
                self._hear(message, end.remote)
            case Broke():
                end.is_there = False
                self._ends = {to: held for to, held in self._ends.items() if held is not end}
            case _:
                assert_never(happening)

    def _say_again(self, key: str, saying: Saying, interval: float) -> None:
        if self.now >= saying.until:
            del self._saying[key]
            self.unanswered(key)
            return
        self.say(saying.message, saying.to)
        self._again(key, saying, min(2 * interval, saying.longest))

    def _again(self, key: str, saying: Saying, interval: float) -> None:
        due = min(self.now + interval, saying.until)
        self.network.later(due, self, Again(key, saying.number, interval))


def at(text: str, transport: str = "udp") -> Address:
    """``HOST:PORT``, or a host, IPv6 in brackets, as an address."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(SECURE_PORT if transport == "tls" else DEFAULT_PORT)
    if not port.isdecimal():
        raise LocalProtocolError(f"{text!r} is not HOST:PORT")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))
