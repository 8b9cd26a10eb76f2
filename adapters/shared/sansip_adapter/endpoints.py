"""What the sockets of all transports share: how they fail, and what they tell of that."""

import errno
import socket
from collections.abc import Callable

REMEDIES = {
    errno.EADDRINUSE: ' (another program listens there: "ss -l{letter}np" shows which)',
    errno.EADDRNOTAVAIL: ' (this machine does not have it: "ip address" shows what it has)',
    errno.EACCES: " (ports below 1024 need CAP_NET_BIND_SERVICE)",
}

# The operating system refuses; or what it is given cannot be an address at all.
UNSENDABLE = (OSError, OverflowError, ValueError)

Reporter = Callable[[str, str], None]
"""Takes what is for a log, and for nobody else: (endpoint, text)."""


class EndpointError(Exception):
    """An endpoint of the configuration cannot be opened; the text names it, and the remedy."""


def not_opened(name: str, error: OSError, letter: str) -> EndpointError:
    """Say why an endpoint cannot be opened; ``letter`` is what ``ss`` calls its transport."""
    remedy = REMEDIES.get(error.errno or 0, "").format(letter=letter)
    return EndpointError(f"{name}: {in_words(error).lower()}{remedy}")


def in_words(error: Exception) -> str:
    """What an error says, without its number."""
    return getattr(error, "strerror", None) or str(error)


def family_of(host: str) -> socket.AddressFamily:
    """The family of a numeric address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET
