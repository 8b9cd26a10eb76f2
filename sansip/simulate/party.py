"""A scripted party: a node that says what its script says, and not what a state machine thinks.

It is no engine, so that a fault of the core cannot hide in both who asks and who answers. What it
has of RFC 3261 17 is that it says things again until somebody answers.
"""

from math import inf
from typing import Final

from sansip.address import Address
from sansip.errors import LocalProtocolError
from sansip.message import Request, Response
from sansip.simulate.network import Again, Happening, Network, Node, Packet, Wake
from sansip.timing import Timing
from sansip.value import value

DEFAULT_PORT: Final = 5060


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

    def __init__(self, network: Network, address: str | Address, name: str = "") -> None:
        """``address`` is ``HOST:PORT``, or a host; by default it is the name, too."""
        place = at(address) if isinstance(address, str) else address
        super().__init__(network, name or str(place), [place])
        self.timing = Timing()
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
        self.network.send(self, Packet(self.address, to, message.render(), message))

    def repeat(
        self, key: str, message: Request | Response, to: Address, longest: float = inf
    ) -> None:
        """Send it, and again after T1, 2*T1 ... until ``stop``, or until 64*T1 have passed."""
        self._said += 1
        until = self.now + self.timing.timeout
        self._saying[key] = Saying(message, to, longest, until, self._said)
        self.say(message, to)
        self._again(key, self._saying[key], self.timing.t1)

    def stop(self, key: str) -> bool:
        """It has been heard. Whether it was still being said."""
        return self._saying.pop(key, None) is not None

    # --- how it does it

    def crash(self) -> None:
        """Be gone; see ``Node``."""
        super().crash()
        self._saying.clear()

    def happens(self, happening: Happening) -> None:
        """It happens now."""
        if isinstance(happening, Packet):
            message = happening.message
            if isinstance(message, Request):
                self.asked(message, happening.source)
            elif message is not None:
                self.answered(message)
        elif isinstance(happening, Wake):
            self.woken(happening.what, happening.about, happening.number)
        elif isinstance(happening, Again):
            saying = self._saying.get(happening.key)
            if saying is not None and saying.number == happening.number:
                self._say_again(happening.key, saying, happening.interval)
        # else an ICMP error: it will notice by itself

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


def at(text: str) -> Address:
    """``HOST:PORT``, or a host, IPv6 in brackets, as an address."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(DEFAULT_PORT)
    if not port.isdecimal():
        raise LocalProtocolError(f"{text!r} is not HOST:PORT")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))
