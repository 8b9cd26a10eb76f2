"""DNS questions, put to name servers with dnspython; what the answers mean is the core's.

dnspython's own resolver waits two seconds for a dead first server, on every lookup, and hears no
ICMP. Here a server has half a second, then the next is asked as well, while the first may still
answer: whoever answers first wins. A server that refuses, or whose port is closed, is passed over
at once, and so is one that only says who else may know; one that was silent is asked last for a
while.

Importing this module loads dnspython, which takes 0.2 s: ``serve`` does it, nobody else needs to.
"""

import errno
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from itertools import cycle, islice
from pathlib import Path
from socket import AF_INET, AF_INET6, SOCK_DGRAM
from typing import Any

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import trio
from dns.rdatatype import SOA
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from sansip import Address
from sansip.dns import Answer, Failure, Found, Ip, Naptr, NoName, NoRecords, Record, Srv

PATIENCE = 0.5  # seconds for one server before the next is asked
TRIES = 6  # in all; together with PATIENCE the 3 s that a question may take
DEAD_FOR = 30.0  # seconds that a silent server comes last
HOSTS_TTL = 10.0  # seconds that an entry of /etc/hosts may be remembered
PAYLOAD = 1232  # bytes of UDP by EDNS; larger answers come truncated, and again over TCP


class Resolver:
    """Asks name servers, and says what came of it in the core's words."""

    def __init__(
        self,
        nameservers: Sequence[str] | None,
        now: Callable[[], float],
        resolv_conf: str = "/etc/resolv.conf",
        hosts: str = "/etc/hosts",
    ) -> None:
        """``nameservers`` like ``127.0.0.53:53``, port optional; None: those of the system."""
        self._given = None if nameservers is None else tuple(map(parse_server, nameservers))
        self._now, self._resolv_conf, self._hosts = now, Path(resolv_conf), Path(hosts)
        self._dead: dict[Address, float] = {}  # silent servers, until when they come last
        # Never the default backend, which dnspython caches for the process. It has no types.
        self._backend: Any = dns.asyncbackend.get_backend("trio")

    async def ask(self, name: str, kind: str) -> Answer:
        """Answer one question within three seconds."""
        try:
            query = dns.message.make_query(name + ".", kind, use_edns=0, payload=PAYLOAD)
        except dns.exception.DNSException as error:
            return Failure(f"{name} {kind} cannot be asked: {error}")
        answer = await self._ask_servers(query)
        if kind in ("A", "AAAA") and isinstance(answer, Failure | NoName):
            return self._in_hosts(name, kind) or answer
        return answer

    async def _ask_servers(self, query: dns.message.QueryMessage) -> Answer:
        servers = self._servers()
        lookup = _Lookup({})
        with trio.move_on_after(PATIENCE * TRIES):
            async with trio.open_nursery() as nursery:
                for server in islice(cycle(servers), TRIES):
                    if server in lookup.failures:  # it has said that it cannot help
                        continue
                    ended = trio.Event()
                    nursery.start_soon(self._try, server, query, lookup, ended, nursery)
                    with trio.move_on_after(PATIENCE):
                        await ended.wait()
                    if not ended.is_set():
                        self._dead[server] = self._now() + DEAD_FOR
        if lookup.answer is not None:
            return lookup.answer
        if not servers:
            return Failure(f"no name server, neither given nor in {self._resolv_conf}")
        said = (f"{server}: {lookup.failures.get(server, 'timed out')}" for server in servers)
        return Failure("; ".join(said))

    async def _try(
        self,
        server: Address,
        query: dns.message.QueryMessage,
        lookup: "_Lookup",
        ended: trio.Event,
        nursery: trio.Nursery,
    ) -> None:
        """Ask one server once; it has as long as the whole question."""
        answer: Answer
        try:
            answer = _converted(await self._exchange(server, query))
        except OSError as error:  # the port is closed, or the network says no
            if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                self._dead[server] = self._now() + DEAD_FOR  # else it is we who have a problem
            answer = Failure(error.strerror or str(error))
        except (dns.exception.DNSException, EOFError, trio.BrokenResourceError) as error:
            answer = Failure(str(error) or type(error).__name__)
        else:
            self._dead.pop(server, None)
        if isinstance(answer, Failure):
            lookup.failures[server] = answer.reason
        else:
            lookup.answer = answer
            nursery.cancel_scope.cancel()
        ended.set()

    async def _exchange(
        self, server: Address, query: dns.message.QueryMessage
    ) -> dns.message.Message:
        family = AF_INET6 if ":" in server.host else AF_INET
        # Connected, so that the kernel tells us of a closed port, and drops what others send.
        to = (server.host, server.port)
        async with await self._backend.make_socket(family, SOCK_DGRAM, 0, None, to) as sock:
            ask = partial(dns.asyncquery.udp_with_fallback, query, server.host, port=server.port)
            reply, _ = await ask(udp_sock=sock, backend=self._backend, ignore_errors=True)
        return reply

    def _servers(self) -> list[Address]:
        """Return the living in the order given, then those that were silent of late."""
        given = self._given if self._given is not None else tuple(self._system_servers())
        now, dead = self._now(), self._dead
        return sorted(given, key=lambda server: dead.get(server, 0.0) > now)

    def _system_servers(self) -> Iterator[Address]:
        # Read every time: the core's cache asks seldom, and laptops change networks.
        for words in _lines(self._resolv_conf):
            if words[0] == "nameserver" and len(words) > 1:
                try:
                    yield parse_server(words[1])
                except ValueError:
                    continue

    def _in_hosts(self, name: str, kind: str) -> Found | None:
        """Look into /etc/hosts, where Docker and administrators put names that DNS lacks."""
        version = 4 if kind == "A" else 6
        records: list[Record] = []
        for words in _lines(self._hosts):
            if name.lower() in (word.lower().rstrip(".") for word in words[1:]):
                try:
                    address = ip_address(words[0])
                except ValueError:
                    continue
                if address.version == version:
                    records.append(Ip(str(address)))
        return Found(tuple(records), HOSTS_TTL) if records else None


@dataclass
class _Lookup:
    """What is known of one question so far."""

    failures: dict[Address, str]
    answer: Answer | None = None


def parse_server(text: str) -> Address:
    """Read ``127.0.0.53:53``, ``127.0.0.53``, ``[::1]:53``, ``[::1]`` or ``::1``."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (text.count(":") > 1 and not text.startswith("[")):
        host, port = text, "53"
    try:
        return Address(str(ip_address(host.removeprefix("[").removesuffix("]"))), int(port))
    except ValueError:
        raise ValueError(f"{text!r} is not a name server's address, like 192.0.2.1:53") from None


def _lines(path: Path) -> Iterator[list[str]]:
    """Split the lines of a file in /etc into words; a file that is missing is empty."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        if words := line.partition("#")[0].split():
            yield words


def _converted(reply: dns.message.Message) -> Answer:
    if not isinstance(reply, dns.message.QueryMessage):
        return Failure("not an answer to a question")
    if reply.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Failure(dns.rcode.to_text(reply.rcode()))
    chain = reply.resolve_chaining()
    # The smallest TTL of the chain, with the SOA's for a denial (RFC 2308), not only the last one.
    ttl = float(chain.minimum_ttl)
    answer: Any = chain.answer or ()  # an iterable of dns.rdata.Rdata
    records = tuple(record for data in answer if (record := _record(data)) is not None)
    if records:
        return Found(records, ttl)
    if chain.answer is None and not any(rrset.rdtype == SOA for rrset in reply.authority):
        if _is_referral(reply, chain):
            return Failure("knows only who may know")
        # "Negative responses without SOA records SHOULD NOT be cached" (RFC 2308 5).
        ttl = 0.0
    return NoName(ttl) if reply.rcode() == dns.rcode.NXDOMAIN else NoRecords(ttl)


def _is_referral(reply: dns.message.QueryMessage, chain: dns.message.ChainingResult) -> bool:
    """Whether a server that does not ask others has come to the end of what it knows.

    It denies nothing then: no SOA (RFC 2308 2.2), and no name is its own to deny, or only an alias.
    """
    if reply.flags & dns.flags.RA or reply.rcode() == dns.rcode.NXDOMAIN:
        return False
    return bool(chain.cnames) or not reply.flags & dns.flags.AA


def _record(data: dns.rdata.Rdata) -> Record | None:
    match data:
        case A() | AAAA():
            return Ip(data.address)
        case SRV():
            return Srv(data.priority, data.weight, data.port, _name(data.target))
        case NAPTR():
            flags, service, regexp = map(_text, (data.flags, data.service, data.regexp))
            replacement = _name(data.replacement)
            return Naptr(data.order, data.preference, flags, service, regexp, replacement)
        case _:
            return None


def _name(name: dns.name.Name) -> str:
    return "" if name == dns.name.root else name.to_text(omit_final_dot=True).lower()


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
