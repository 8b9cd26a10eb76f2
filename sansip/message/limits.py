"""How much of a message we are willing to read."""

from typing import Final

from sansip.value import value


@value
class MessageLimits:
    """Bounds that every message is held to; what exceeds one is refused with 513."""

    message: int = 65_535  # bytes, the largest datagram there is (RFC 3261 18.1.1)
    headers: int = 256  # header rows
    line: int = 16_384  # characters in one row, folds included
    vias: int = 128  # Via rows


DEFAULT_LIMITS: Final = MessageLimits()
ANY_SIZE: Final = MessageLimits(2**32, 2**32, 2**32, 2**32)  # for what we have made ourselves
