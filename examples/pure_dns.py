"""DNS for a loop that cannot wait: threads ask, and a socket says when there are answers.

It needs dnspython. Give ``Questions`` to whatever waits for sockets: it has a ``fileno``.
"""

import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import dns.exception
import dns.name
import dns.resolver
from dns.nameserver import Do53Nameserver

from sansip import QueryDns
from sansip.dns import Answer, Failure, Found, Ip, Naptr, NoName, NoRecords, Record, Srv

PATIENCE = 3.0  # seconds for an answer; the core waits for ``Limits.resolve``, four by default
NO_NAME = 30.0  # seconds that a name which does not exist may be remembered as such


class Questions:
    """Questions on their way to name servers, and answers that have come."""

    def __init__(self, nameservers: Sequence[str] | None) -> None:
        """``nameservers`` like ``127.0.0.53:53``; None: those of the system."""
        self._resolver = resolver(nameservers)
        self._came = SimpleQueue[tuple[int, Answer]]()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)

    def fileno(self) -> int:
        """Readable when an answer has come."""
        return self._reader.fileno()

    def ask(self, query: QueryDns) -> None:
        """Ask; the core has no more than ``Limits.questions`` of them at a time."""
        Thread(target=self._ask, args=(query,), daemon=True).start()  # none delays our end

    def answers(self) -> Iterator[tuple[int, Answer]]:
        """Give what has come by now: numbers of queries, and their answers."""
        with suppress(BlockingIOError):
            for _ in self._reader.recv(64):  # a byte for each
                yield self._came.get()

    def _ask(self, query: QueryDns) -> None:
        self._came.put((query.query, look_up(self._resolver, query.name, query.type)))
        self._writer.send(b"!")


def resolver(nameservers: Sequence[str] | None) -> dns.resolver.Resolver:
    """Make what asks these name servers."""
    made = dns.resolver.Resolver(configure=nameservers is None)
    if nameservers is not None:
        places = [urlsplit(f"//{server}") for server in nameservers]
        made.nameservers = [Do53Nameserver(p.hostname or "", p.port or 53) for p in places]
    return made


def look_up(asked: dns.resolver.Resolver, name: str, kind: str) -> Answer:
    """Ask one question, and wait. What comes is one of four things that the core tells apart."""
    try:
        found = asked.resolve(f"{name}.", kind, lifetime=PATIENCE, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        return NoName(NO_NAME)
    except dns.exception.DNSException as error:
        return Failure(str(error))
    ttl = float(found.chaining_result.minimum_ttl)  # of the CNAMEs on the way, too
    rows: Any = found.rrset or ()  # None: the name is there, but has no such records
    records = tuple([record(row) for row in rows])
    return Found(records, ttl) if records else NoRecords(ttl)


def record(data: Any) -> Record:  # noqa: ANN401 (dnspython makes these classes at run time)
    """Say a record in the core's words: texts decoded, names without trailing dot."""
    match data.rdtype.name:
        case "NAPTR":
            flags, service, regexp = [
                text.decode("latin-1") for text in (data.flags, data.service, data.regexp)
            ]
            name = plain(data.replacement)
            return Naptr(data.order, data.preference, flags, service, regexp, name)
        case "SRV":
            return Srv(data.priority, data.weight, data.port, plain(data.target))
        case _:
            return Ip(data.address)


def plain(name: dns.name.Name) -> str:
    """Say a name in lower case without trailing dot; the root is empty then."""
    return str(name).rstrip(".").lower()
