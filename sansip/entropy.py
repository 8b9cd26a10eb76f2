"""Random draws that are functions: keyed BLAKE2 over who draws, for what, and the how-manieth.

Unpredictable to anyone without the seed, identical on replay; and since no draw depends on an
earlier one, one draw more or less elsewhere renames nothing.
"""

from hashlib import blake2b

from sansip.errors import LocalProtocolError
from sansip.value import value

SEED_SIZES = range(16, 65)  # bytes; BLAKE2b takes keys of up to 64


@value
class Draws:
    """A source of draws that belongs to one owner, for example one transaction."""

    seed: bytes
    owner: str

    def octets(self, purpose: str, ordinal: int = 0, size: int = 16) -> bytes:
        """``size`` bytes (at most 64) for this purpose; the same question has the same answer."""
        return bytes.fromhex(token(self.seed, self.owner, purpose, ordinal, size))

    def token(self, purpose: str, ordinal: int = 0, size: int = 8) -> str:
        """``2 * size`` lower-case hexadecimal digits: a branch, a tag."""
        return token(self.seed, self.owner, purpose, ordinal, size)

    def below(self, bound: int, purpose: str, ordinal: int = 0) -> int:
        """An integer from 0 up to, not including, ``bound``."""
        return int.from_bytes(self.octets(purpose, ordinal), "big") % bound


def checked_seed(seed: bytes) -> bytes:
    """A seed, if it is one; else LocalProtocolError."""
    if len(seed) not in SEED_SIZES:
        raise LocalProtocolError(f"seed has {len(seed)} bytes; it needs 16 to 64")
    return seed


def token(seed: bytes, owner: str, purpose: str, ordinal: int = 0, size: int = 8) -> str:
    """What ``Draws`` of this seed and owner give: where one draw is all that is wanted."""
    text = f"{purpose}\0{ordinal}\0{owner}".encode("utf-8", "surrogateescape")
    return blake2b(text, key=seed, digest_size=size).hexdigest()
