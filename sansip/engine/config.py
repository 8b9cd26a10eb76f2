"""What an engine is told once: endpoints, groups, limits. A wrong value never gets past here."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal

from sansip.address import Address, Hop
from sansip.dispatch import Group, Member
from sansip.engine.fleet import Groups, checked_groups
from sansip.engine.hosts import as_number, end_of, is_ip, plain_host, special
from sansip.engine.state import Context
from sansip.errors import LocalProtocolError
from sansip.locate import CacheLimits, LocateLimits
from sansip.message import MessageLimits, Uri
from sansip.proxy.states import FIRST_LINGERS
from sansip.proxy.vocabulary import Facts
from sansip.timing import Timing
from sansip.transaction import ServerFacts
from sansip.value import value

Transport = Literal["udp", "tcp", "tls"]
TRANSPORTS: tuple[Transport, ...] = ("udp", "tcp", "tls")
DEFAULT_PORT = 5060
SECURE_PORT = 5061
_ALL = (1 << 129) - 1
_MULTICAST = (ip_network("224.0.0.0/4"), ip_network("ff00::/8"))


@value
class Limits:
    """How much of everything there may be. A full table answers 503 and grows no further."""

    message: MessageLimits = MessageLimits()
    locate: LocateLimits = LocateLimits()
    cache: CacheLimits = CacheLimits()
    transactions: int = 200_000  # server transactions, those that linger included
    in_flight: int = 100_000  # requests without a final answer, from all sources
    in_flight_per_source: int = 50_000  # the same, from one IP address (of IPv6 from one /64)
    branches: int = 16  # that one request may have
    bytes_in_flight: int = 1 << 29  # of the requests without a final answer, as they came
    questions: int = 200  # DNS questions in flight; an adapter may need a socket for each
    # Seconds that a DNS question may take before it counts as failed. No lookup asks more than
    # three one after the other (NAPTR, SRV, addresses): it ends within three times as long.
    resolve: float = 4.0
    flows: int = 8_192  # connections; each may hold ``message.message`` bytes of one message
    flows_per_source: int = 1_000  # those that peers open, from one IP address (one /64)
    # Seconds that a message may take to come over a connection, from its first byte on; and until
    # the first one, or a keep-alive, has come over a connection that a peer has opened.
    partial_message: float = 30.0
    # Seconds that a connection may take to open. A SYN that was lost is sent again after one second
    # and after three, so less than this would be one try less. It holds up no call: that moves on
    # after ``advance_after``, connected or not.
    connect: float = 4.0
    idle_flow: float = 120.0  # seconds that an unused connection of ours stays; 64*T1 at least
    waiting: int = 1_000  # messages that wait for one connection to open
    bytes_waiting: int = 1 << 20  # the same, in bytes
    # Seconds that an INVITE waits for the embedding program, from the last provisional response on.
    unanswered: float = 185.0
    health: int = 10_000  # hops of groups' members of which anything is remembered; the newest
    calls: int = 100_000  # calls that are counted for call-load; those beyond are not
    longest_call: float = 7200.0  # seconds after which a call whose BYE never came counts no more


class Endpoint:
    """A transport and an address to listen on, and the address that others are told.

    ``Endpoint("udp", "192.0.2.10:5060")``, or "tcp", or "tls", whose port is 5061 by custom. Peers
    open connections to the latter two, and requests leave by new connections in their name.
    ``advertise`` goes into Via and Record-Route; it is needed when the endpoint listens on a
    wildcard (``0.0.0.0``, ``::``) or on port 0.
    """

    __slots__ = (
        "advertised", "bind", "family", "name", "ports", "sent_by", "transport", "via",
    )  # fmt: skip
    advertised: Address
    bind: Address
    family: int
    name: str
    ports: tuple[int, int]
    sent_by: str
    transport: str
    via: str

    def __init__(self, transport: str, address: str, *, advertise: str | None = None) -> None:
        """``address`` and ``advertise`` are ``HOST:PORT``, IPv6 hosts in brackets."""
        self.name = f"{transport}:{address}"
        """What events and actions call this endpoint."""
        if transport not in TRANSPORTS:
            known = ", ".join(TRANSPORTS)
            raise LocalProtocolError(f"endpoint {self.name}: transport must be one of: {known}")
        self.transport = transport
        self.bind = _address(address, self.name)
        if not is_ip(self.bind.host):
            raise LocalProtocolError(
                f"endpoint {self.name}: {self.bind.host} is not an IP address; "
                "listen on an address and name the host in advertise"
            )
        if advertise is None and (self.bind.port == 0 or _is_wildcard(self.bind.host)):
            raise LocalProtocolError(
                f"endpoint {self.name} has no address of its own to put into Via: "
                'say which with advertise="HOST:PORT"'
            )
        self.advertised = _address(advertise or address, self.name)
        """Host (a name or an address) and port that others reach this endpoint at."""
        if self.advertised.port == 0:
            raise LocalProtocolError(f"endpoint {self.name}: advertise needs a port other than 0")
        self.ports = self.bind.port, self.advertised.port
        """The ports that a request to this endpoint may have been sent to."""
        self.sent_by = str(self.advertised)
        """The advertised address as it is written in Via and Record-Route."""
        self.via = f"SIP/2.0/{transport.upper()} {self.sent_by}"
        """How the Via values begin that are written here."""
        self.family = self.bind.family
        """4 or 6."""

    @property
    def default_port(self) -> int:
        """The port that is meant where none is named (RFC 3261 18.2.2)."""
        return SECURE_PORT if self.transport == "tls" else DEFAULT_PORT

    def __repr__(self) -> str:
        advertise = f", advertise={self.sent_by!r}" if self.advertised != self.bind else ""
        return f"Endpoint({self.transport!r}, {str(self.bind)!r}{advertise})"


class Config:
    """Everything an engine needs to know but its policy. It does not change."""

    __slots__ = (
        "_allowed", "_mine", "_named", "_placed", "_sent_bys", "aliases", "allow_hops",
        "compact_above", "concluded", "endpoints", "extensions", "families", "follow_maddr",
        "follow_sent_by", "groups", "limits", "lingering", "multicasts", "secret", "server_facts",
        "tcp_above", "timing", "transports", "wildcards",
    )  # fmt: skip
    aliases: tuple[str, ...]
    allow_hops: tuple[str, ...]
    compact_above: int | None
    concluded: tuple[Facts, Facts]
    endpoints: tuple[Endpoint, ...]
    extensions: tuple[str, ...]
    families: tuple[int, ...]
    follow_maddr: bool
    follow_sent_by: bool
    groups: Groups
    limits: Limits
    lingering: tuple[Context, ...]
    multicasts: bool
    secret: bytes | None
    server_facts: tuple[ServerFacts, ServerFacts]
    tcp_above: int | None
    timing: Timing
    transports: tuple[str, ...]
    wildcards: frozenset[str]

    def __init__(  # noqa: PLR0913 - settings, by keyword
        self,
        endpoints: Iterable[Endpoint],
        *,
        groups: Mapping[str, Group | Iterable[str | Member]] | None = None,
        aliases: Iterable[str] = (),
        allow_hops: Iterable[str] = (),
        extensions: Iterable[str] = (),
        timing: Timing | None = None,
        limits: Limits | None = None,
        secret: bytes | None = None,
        compact_above: int | None = None,
        tcp_above: int | None = 1300,
        follow_maddr: bool = False,
        follow_sent_by: bool = True,
    ) -> None:
        """Check and keep the settings; LocalProtocolError says what is wrong with them.

        ``groups``      name to ``Group``, or to SIP URIs and ``Member``s in their order
        ``aliases``     other names of this proxy, ``HOST`` or ``HOST:PORT``, as found in Route
        ``allow_hops``  networks (``127.0.0.0/8``) that the hop filter would refuse otherwise:
                        loopback, link-local, multicast, broadcast and unspecified addresses
        ``extensions``  option tags that Proxy-Require may name
        ``secret``      the key under which Record-Route is signed, 16 to 64 bytes; give the same
                        one after a restart, or to all of several proxies, and dialogs survive.
                        Default: the first seed of the run.
        ``compact_above``  what is forwarded and has more bytes than this gets compact header names
                        (7.3.3), for example 1300, where a datagram comes near the MTU (18.1.1);
                        never by default
        ``tcp_above``   a request that has more bytes than this, and would go by UDP, goes over TCP
                        to the same address, if there is a tcp endpoint (18.1.1); by UDP after all
                        if that is refused. None: never.
        ``follow_maddr``  send the responses to what came as a datagram to the address that its Via
                        has in maddr (18.2.2), if the hop filter lets it: anybody can then aim
                        answers of yours at anybody
        ``follow_sent_by``  look for another place to send a response to when the way back is gone:
                        where the sent-by of its Via leads (RFC 3263 5), as far as the hop filter
                        lets it. Without, a response goes to the host that its request came from,
                        or nowhere.
        """
        self.endpoints = tuple(endpoints)
        if not self.endpoints:
            raise LocalProtocolError("a configuration needs at least one endpoint")
        names = [endpoint.name for endpoint in self.endpoints]
        for name in names:
            if names.count(name) > 1:
                raise LocalProtocolError(f"endpoint {name} is there twice")
        self._named = dict(zip(names, self.endpoints, strict=True))
        # By the place that a Record-Route URI names; of several at one place, the first.
        self._placed = {_place(endpoint): endpoint for endpoint in reversed(self.endpoints)}
        self.groups = checked_groups(groups or {}, tuple(names))
        self.extensions = tuple(extensions)
        self.timing = timing or Timing()
        if not 0 < self.timing.t1 <= self.timing.t2:
            raise LocalProtocolError(f"{self.timing}: T1 must be above 0 and no more than T2")
        self.limits = limits or Limits()
        _check(self.limits)
        # The facts that a concluded response context still needs, of a non-INVITE and of an INVITE:
        # they are the same for all, so that what lingers is small.
        self.concluded = (
            Facts(invite=False, arrived=0.0, timing=self.timing, most_branches=0, breadth=0),
            Facts(invite=True, arrived=0.0, timing=self.timing, most_branches=0, breadth=0),
        )
        # And the whole of one whose only branch has had its final response.
        self.lingering = tuple(
            [Context(facts, FIRST_LINGERS, None, None, 0, b"", "") for facts in self.concluded]
        )
        # What server transactions know from the beginning: over a datagram, and over a connection.
        self.server_facts = (
            ServerFacts(reliable=False, timing=self.timing),
            ServerFacts(reliable=True, timing=self.timing),
        )
        self.secret = secret
        if compact_above is not None and compact_above < 0:
            raise LocalProtocolError(f"compact_above is {compact_above}; it needs to be 0 or more")
        self.compact_above = compact_above
        if tcp_above is not None and tcp_above < 0:
            raise LocalProtocolError(f"tcp_above is {tcp_above}; it needs to be 0 or more")
        self.tcp_above = tcp_above
        self.follow_maddr = follow_maddr
        self.follow_sent_by = follow_sent_by
        if secret is not None and not 16 <= len(secret) <= 64:
            raise LocalProtocolError(f"secret has {len(secret)} bytes; it needs 16 to 64")
        self.aliases = tuple(aliases)
        own = [(e.advertised.host.lower(), e.advertised.port) for e in self.endpoints]
        bound = [
            (e.bind.host, e.bind.port) for e in self.endpoints if not _is_wildcard(e.bind.host)
        ]
        named = [_address(a, "aliases", DEFAULT_PORT) for a in self.aliases]
        places = own + bound + [(a.host.lower(), a.port) for a in named]
        self._mine = frozenset([(plain_host(host), port) for host, port in places])
        self._sent_bys = frozenset(str(Address(host, port)) for host, port in own)
        self.allow_hops = tuple(allow_hops)
        networks = [_network(text) for text in self.allow_hops]
        self._allowed = tuple([(as_number(str(n[0])), _ALL ^ int(n.hostmask)) for n in networks])
        self.multicasts = any(n.overlaps(m) for n in networks for m in _MULTICAST)
        self.wildcards = frozenset([e.name for e in self.endpoints if _is_wildcard(e.bind.host)])
        self.transports = tuple(dict.fromkeys(e.transport for e in self.endpoints))
        self.families = tuple(dict.fromkeys(e.family for e in self.endpoints))

    def is_mine(self, uri: Uri) -> bool:
        """Whether a URI names this proxy, by configuration alone (RFC 3261 16.4, AMB-04)."""
        return (plain_host(uri.host), uri.port or _default_port(uri)) in self._mine

    def is_own_sent_by(self, sent_by: str) -> bool:
        """Whether a Via sent-by is one that this proxy writes (RFC 3261 18.1.2)."""
        return sent_by in self._sent_bys

    def refuses(self, hop: Hop) -> str | None:
        """Why requests do not go to a hop, or None: the hop filter.

        Nobody on the network shall make a proxy talk to itself, to the machine that it runs on, or
        to a whole network.
        """
        host, port = plain_host(hop.address.host), hop.address.port
        there = end_of(host) if ":" in host else host
        if (host, port) in self._mine or (there is not host and (there, port) in self._mine):
            return "that is this proxy itself"
        why = special(host)
        if why is None or why == "not an IP":
            return why
        number = as_number(host)
        end = number if there is host else as_number(there)
        for network, mask in self._allowed:
            if number & mask == network or end & mask == network:
                return None
        return f"{why} address; allow_hops does not list it"

    def endpoint(self, name: str) -> Endpoint | None:
        """The endpoint of this name."""
        return self._named.get(name)

    def endpoint_at(self, uri: Uri) -> Endpoint | None:
        """The endpoint that a Record-Route URI of ours stands for."""
        transport = "tls" if uri.scheme == "sips" else uri.transport or "udp"
        port = uri.port or _default_port(uri)
        return self._placed.get((transport, plain_host(uri.host), port))

    def endpoint_for(self, hop: Hop, preferred: Endpoint | None) -> Endpoint | None:
        """The endpoint to send from: the preferred one if it can reach the hop, else the first."""
        transport, family = hop.transport, hop.address.family
        if preferred is not None and (preferred.transport, preferred.family) == (transport, family):
            return preferred
        for endpoint in self.endpoints:
            if endpoint.transport == transport and endpoint.family == family:
                return endpoint
        return None


# The least that each of the limits may be; one of seconds must be above that.
_LEAST = (
    ("transactions", 1), ("in_flight", 1), ("in_flight_per_source", 1), ("bytes_in_flight", 1),
    ("branches", 1), ("questions", 0), ("flows", 0), ("flows_per_source", 1), ("waiting", 0),
    ("bytes_waiting", 0), ("health", 0), ("calls", 0),
)  # fmt: skip
_SECONDS = ("resolve", "partial_message", "connect", "unanswered", "idle_flow", "longest_call")


def _check(limits: Limits) -> None:
    for name, least in _LEAST:
        number = getattr(limits, name)
        if number < least:
            raise LocalProtocolError(f"Limits({name}={number}): it needs to be {least} or more")
    for name in _SECONDS:
        seconds = getattr(limits, name)
        if not seconds > 0:
            raise LocalProtocolError(f"Limits({name}={seconds}): seconds, which must be above 0")
    for name in ("entries", "records"):
        number = getattr(limits.cache, name)
        if number < 0:
            raise LocalProtocolError(f"CacheLimits({name}={number}): it needs to be 0 or more")


def _place(endpoint: Endpoint) -> tuple[str, str, int]:
    advertised = endpoint.advertised
    return endpoint.transport, plain_host(advertised.host.lower()), advertised.port


def _address(text: str, where: str, default_port: int | None = None) -> Address:
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, "" if default_port is None else str(default_port)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise LocalProtocolError(f"{where}: {text!r} is not HOST:PORT")
    return Address(str(ip_address(host)) if is_ip(host) else host, int(port))


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise LocalProtocolError(f"allow_hops: {text!r}: {error}") from None


def _default_port(uri: Uri) -> int:
    secure = uri.scheme == "sips" or uri.transport == "tls"
    return SECURE_PORT if secure else DEFAULT_PORT


def _is_wildcard(host: str) -> bool:
    return host in ("0.0.0.0", "::")  # noqa: S104 - nothing is bound here
