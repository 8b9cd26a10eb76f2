"""Links: how long packets take from one node to another, and what may happen to them on the way.

Nothing is drawn for a packet but from the seed, its link, and how many went over that before it: a
packet more or less elsewhere changes nothing here.
"""

from typing import Final

from sansip.entropy import Draws
from sansip.value import value

_DIGITS: Final = 1 << 32  # what four bytes can be


@value
class Link:
    """One way from a node to another: times in seconds, chances from 0 to 1.

    ``delay``       what every packet takes
    ``jitter``      up to so much longer, by chance: packets overtake one another
    ``loss``        the chance of never arriving
    ``duplication`` the chance of arriving twice, each copy in its own time
    """

    delay: float = 0.005
    jitter: float = 0.0
    loss: float = 0.0
    duplication: float = 0.0

    @property
    def is_certain(self) -> bool:
        """Whether nothing is left to chance: every packet takes ``delay``."""
        return not (self.loss or self.jitter or self.duplication)

    def delays(self, draws: Draws, ordinal: int) -> tuple[float, ...]:
        """How long the packet of this number takes: nothing if it is lost, two times if doubled."""
        octets = draws.octets("packet", ordinal)
        lost, doubled, first, second = [
            int.from_bytes(octets[at : at + 4], "big") / _DIGITS for at in (0, 4, 8, 12)
        ]
        if lost < self.loss:
            return ()
        once = self.delay + self.jitter * first
        if doubled < self.duplication:
            return once, self.delay + self.jitter * second
        return (once,)
