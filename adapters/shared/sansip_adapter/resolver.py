"""DNS questions, put to name servers with dnspython; what the answers mean is the core's.

dnspython's own resolver waits two seconds for a dead first server, on every lookup, and hears no
ICMP. Here a server has half a second, then the next is asked as well, while the first may still
answer: whoever answers first wins. A server that refuses, or whose port is closed, is passed over
at once, and so is one that only says who else may know; one that was silent is asked last for a
while.

Importing this module loads dnspython, which takes 0.2 s: ``serve`` does it, nobody else needs to.
"""

import errno
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from ipaddress import ip_address
from itertools import cycle, islice
from pathlib import Path
from socket import SOCK_DGRAM
from typing import Any

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
from dns.rdatatype import SOA
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from sansip import Address
from sansip.dns import Answer, Failure, Found, Ip, Naptr, NoName, NoRecords, Record, Srv
from sansip_adapter.endpoints import family_of, in_words
from sansip_adapter.loop import Loop, Stop, nothing

PATIENCE = 0.5  # seconds for one server before the next is asked
TRIES = 6  # in all; together with PATIENCE the 3 s that a question may take
DEAD_FOR = 30.0  # seconds that a silent server comes last
HOSTS_TTL = 10.0  # seconds that an entry of /etc/hosts may be remembered
PAYLOAD = 1232  # bytes of UDP by EDNS; larger answers come truncated, and again over TCP


class Resolver:
    """Asks name servers, and says what came of it in the core's words."""

    def __init__(
        self,
        loop: Loop,
        nameservers: Sequence[str] | None,
        resolv_conf: str = "/etc/resolv.conf",
        hosts: str = "/etc/hosts",
    ) -> None:
        """``nameservers`` like ``127.0.0.53:53``, port optional; None: those of the system."""
        self._given = None if nameservers is None else tuple(map(parse_server, nameservers))
        self._loop, self._resolv_conf, self._hosts = loop, Path(resolv_conf), Path(hosts)
        self._dead: dict[Address, float] = {}  # silent servers, until when they come last
        # Never the default backend, which dnspython caches for the process. It has no types.
        self._backend: Any = dns.asyncbackend.get_backend(loop.backend)

    def ask(self, name: str, kind: str, tell: Callable[[Answer], object]) -> Stop:
        """Answer one question within three seconds; ``tell`` is called later, and once."""

        def answered(answer: Answer) -> None:
            hosts = None
            if kind in ("A", "AAAA") and isinstance(answer, Failure | NoName):
                hosts = self._in_hosts(name, kind)
            tell(hosts or answer)

        loop, failure = self._loop, ""
        try:
            query = dns.message.make_query(name + ".", kind, use_edns=0, payload=PAYLOAD)
        except dns.exception.DNSException as error:
            failure = f"{name} {kind} cannot be asked: {error}"
            return loop.later(loop.now(), partial(answered, Failure(failure)))
        servers = self._servers()
        if not servers:
            failure = f"no name server, neither given nor in {self._resolv_conf}"
            return loop.later(loop.now(), partial(answered, Failure(failure)))
        exchange = partial(self._exchange, query)
        return _Question(loop, servers, exchange, self._suspect, answered).stop

    def _suspect(self, server: Address) -> None:
        """Ask this one last, for a while."""
        self._dead[server] = self._loop.now() + DEAD_FOR

    async def _exchange(self, query: dns.message.QueryMessage, server: Address) -> Answer:
        """Ask one server once."""
        family = family_of(server.host)
        # Connected, so that the kernel tells us of a closed port, and drops what others send.
        to = (server.host, server.port)
        try:
            async with await self._backend.make_socket(family, SOCK_DGRAM, 0, None, to) as sock:
                ask = partial(dns.asyncquery.udp_with_fallback, query, server.host)
                reply, _ = await ask(
                    port=server.port, udp_sock=sock, backend=self._backend, ignore_errors=True
                )
            answer = _converted(reply)
        except OSError as error:  # the port is closed, or the network says no
            if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                self._suspect(server)  # else it is we who have a problem
            return Failure(in_words(error))
        except Exception as error:  # noqa: BLE001 - what the network brings never ends a server
            # dnspython's own, EOFError, or trio's for a connection that was reset, which is no
            # OSError: there is no list of all that there may be.
            return Failure(str(error) or type(error).__name__)
        self._dead.pop(server, None)
        return answer

    def _servers(self) -> list[Address]:
        """Return the living in the order given, then those that were silent of late."""
        given = self._given if self._given is not None else tuple(self._system_servers())
        now, dead = self._loop.now(), self._dead
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


class _Question:
    """One question: a server has ``PATIENCE`` seconds, then the next is asked as well.

    Its answer is the first that is no failure. It fails when all servers have failed, or after
    ``PATIENCE`` times ``TRIES`` seconds.
    """

    def __init__(
        self,
        loop: Loop,
        servers: Sequence[Address],
        exchange: Callable[[Address], Coroutine[Any, Any, Answer]],
        silent: Callable[[Address], object],
        tell: Callable[[Answer], object],
    ) -> None:
        """Begin to ask; ``silent`` is told who has not answered in time, ``tell`` the answer."""
        self._loop, self._servers = loop, servers
        self._exchange, self._silent, self._tell = exchange, silent, tell
        self._until = loop.now() + PATIENCE * TRIES
        self._turns = enumerate(islice(cycle(servers), TRIES))
        self._failures: dict[Address, str] = {}
        self._going: dict[int, Stop] = {}  # those who may still answer, by their turn
        self._asked: Address | None = None  # whom nobody else is asked beside, so far
        self._stop_clock: Stop = nothing
        self._next()

    def stop(self) -> None:
        """Ask nobody any more, and tell nothing."""
        self._stop_clock()
        going, self._going = self._going, {}
        for stop in going.values():
            stop()

    def _next(self) -> None:
        """Ask the next one who has not said yet that he cannot help."""
        later, due = self._loop.later, self._loop.now() + PATIENCE
        for turn, server in self._turns:
            if server not in self._failures:
                self._asked = server
                self._stop_clock = later(due, partial(self._too_slow, server))
                self._going[turn] = self._loop.spawn(partial(self._try, turn, server))
                return
        self._asked = None
        if self._going:
            self._stop_clock = later(self._until, self._fail)
        else:
            self._fail()

    def _too_slow(self, server: Address) -> None:
        self._stop_clock = nothing
        self._silent(server)
        self._next()

    async def _try(self, turn: int, server: Address) -> None:
        answer = await self._exchange(server)
        if self._going.pop(turn, None) is None:
            return  # stopped at the last moment
        if not isinstance(answer, Failure):
            self.stop()
            self._tell(answer)
            return
        self._failures[server] = answer.reason
        if server == self._asked or not self._going:
            self._stop_clock()
            self._next()

    def _fail(self) -> None:
        self._stop_clock = nothing
        self.stop()
        said = (f"{server}: {self._failures.get(server, 'timed out')}" for server in self._servers)
        self._tell(Failure("; ".join(said)))


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
