"""Two sides of TLS that talk in memory."""

import ssl
from collections import deque
from collections.abc import Iterable
from itertools import repeat

from certificates import Authority, Files
from sansip.certificates import Clients
from sansip_adapter.channel import Channel
from sansip_adapter.tls import Tls

INVITE = b"INVITE sip:bob@example.com SIP/2.0\r\n\r\n"
NAME = "sip:example.com"


def tls(authority: Authority, *, clients: Clients = "any", own: Files | None = None) -> Tls:
    """Both sides of a SIP element, which trust the authority."""
    files = own or authority.leaf(NAME)
    return Tls(files.certificate, files.key, authority.ca, clients)


def pair(
    caller: Tls, called: Tls, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> tuple[Channel, Channel]:
    """Two channels that have not spoken yet."""
    caller.client.maximum_version = version
    return Channel(caller.client, False, "example.com"), Channel(called.server, True)


def talk(
    client: Channel,
    server: Channel,
    said: tuple[bytes, bytes] = (b"", b""),
    sizes: Iterable[int] = repeat(1 << 30),
) -> tuple[bytes, bytes]:
    """Shake hands, and say that as soon as it may be; what the client hears, and the server.

    The wire carries so many bytes at a time.
    """
    cuts, sides = iter(sizes), (client, server)
    to = deque[bytes](), deque[bytes]()
    heard, came = [b"", b""], [0, 0]
    unsaid = list(said)
    to[1].append(client.begin())
    assert not server.begin()
    while any(to):
        for me, side in enumerate(sides):
            wire = b"".join(to[me])
            cut = next(cuts)
            to[me].clear()
            if wire[cut:]:
                to[me].append(wire[cut:])
            plain, answer = side.received(wire[:cut])
            heard[me] += plain
            came[me] += len(wire[:cut])
            assert len(heard[me]) <= came[me]
            if side.ready:
                answer += side.encrypted(unsaid[me])
                unsaid[me] = b""
            if answer:
                to[1 - me].append(answer)
    return heard[0], heard[1]


def met(
    caller: Tls, called: Tls, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> tuple[Channel, Channel]:
    """Two channels that are ready."""
    client, server = pair(caller, called, version)
    talk(client, server)
    assert client.ready
    assert server.ready
    return client, server
