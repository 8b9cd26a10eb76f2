"""What is to be located: the part of a URI that RFC 3263 looks at, and what we can reach at all."""

import re
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Final

from sansip.message import Uri
from sansip.value import value

_NAME = re.compile(
    r"[!-\-/-~]{1,63}(?:\.[!-\-/-~]{1,63})*+"
)  # labels of ASCII without space or dot

OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
is_dotted: Final[Callable[[str], re.Match[str] | None]] = re.compile(
    rf"{OCTET}(?:\.{OCTET}){{3}}"
).fullmatch  # whether this is an IPv4 address


@value
class Aim:
    """The TARGET of RFC 3263 4 with everything that decides where it leads.

    ``host`` is in lower case, without brackets and without trailing dot, and so is every name that
    comes from it.
    """

    host: str  # maddr if the URI has one, else its host
    port: int | None = None  # only if the URI has one
    transport: str | None = None  # the URI's transport parameter, in lower case
    secure: bool = False  # a sips URI: TLS on every hop, whatever fails
    supported: tuple[str, ...] = ("udp",)  # what we can send with, best first
    families: tuple[int, ...] = (4,)  # the IP versions that we can send with, best first


def aim(uri: Uri, supported: Sequence[str], families: Sequence[int]) -> Aim:
    """What to locate for this URI, which itself stays as it is (RFC 3263 4)."""
    # "We define TARGET as the value of the maddr parameter of the URI, if present, otherwise, the
    # host value of the hostport component of the URI" (RFC 3263 4).
    host, transport = uri.host, None
    if uri.params:
        host, transport = uri.maddr or host, uri.transport
    return Aim(
        _plain(host),
        uri.port,
        transport,
        uri.scheme == "sips",
        tuple(supported),
        tuple(families),
    )


def aim_back(host: str, port: int | None, transport: str, family: int) -> Aim:
    """What to locate for a response that cannot go where its request came from: the sent-by.

    RFC 3263 5: an address as it stands; a name with a port by its addresses; a name without by the
    SRV records of the transport that the request came over. Never another transport.
    """
    return Aim(_plain(host), port, transport, supported=(transport,), families=(family,))


def _plain(host: str) -> str:
    return host.lower().removeprefix("[").removesuffix("]").removesuffix(".")


def numeric(host: str) -> bool:
    """Whether this is an IP address, or tries to be: no domain has a top label of digits alone."""
    return ":" in host or host.rpartition(".")[2].isdecimal()


def canonical(host: str) -> str | None:
    """The one way to write this IP address, or None if it is no address."""
    if is_dotted(host):
        return host  # nearly every hop of nearly every call: twenty times faster than ip_address
    if "%" in host:
        return None  # a zone means something on one machine only, and may be anything
    try:
        return str(ip_address(host))
    except ValueError:
        return None


def askable(name: str) -> bool:
    """Whether a DNS question can carry this name (RFC 1035 2.3.4): the network sent it."""
    return len(name) <= 253 and _NAME.fullmatch(name) is not None
