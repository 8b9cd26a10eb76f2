"""The configuration of the example proxies: read, checked, and nothing else.

``load(text, name)`` takes the text of a TOML file and gives ``Settings``, or raises ``ConfigError``
with a line for everything that is wrong: file, key, value, reason and remedy. Nothing is ignored
and nothing guessed: whoever misspells a key hears of it at once, not in the night when it matters.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from checked_toml import (
    Network,
    Secret,
    Table,
    Wrong,
    each,
    host,
    host_and_port,
    is_ip,
    network,
    one_of,
    seconds,
    seconds_or_off,
    some_text,
    switch,
)

from sansip import (
    Config,
    Dispatch,
    Endpoint,
    LocalProtocolError,
    Relay,
    RemoteProtocolError,
    Uri,
    parse_uri,
)

Rewrite = Literal["host", "none"]
Late = Literal["first", "cancel"]

NO_TLS = "tls is not supported in this version"
TIMER_C = 180  # seconds; RFC 3261 16.6 step 11: Timer C must be greater
METHOD = re.compile(r"[A-Z][A-Z0-9]*")
NAME = re.compile(r"[A-Za-z0-9_.-]+")
HEX = re.compile(r"([0-9A-Fa-f]{2}){16,}")
REWRITES: dict[str, Rewrite] = {"host": "host", "none": "none"}
NO_TEXTS: tuple[str, ...] = ()
NO_NETWORKS: tuple[Network, ...] = ()
NOWHERE: Dispatch | str = ""
LATES: dict[str, Late] = {"first": "first", "cancel": "cancel"}


@dataclass(frozen=True)
class Group:
    """A destination group: ``[groups.NAME]``."""

    targets: tuple[str, ...]
    algorithm: Literal["first"]
    rewrite: Rewrite
    probe_every: float | None


@dataclass(frozen=True)
class Route:
    """One ``[[route]]``. A condition that is None holds for every request."""

    method: str | None
    host: str | None
    source: Network | None
    follow: bool  # to = "uri": where the Request-URI says
    relay: Relay  # its ``to`` is empty if ``follow``
    resend: bool  # advance_after is meant for whatever method comes here


@dataclass(frozen=True)
class Settings:
    """What a file says. ``config()`` makes an engine's configuration of it."""

    endpoints: tuple[Endpoint, ...]
    domains: tuple[str, ...]
    nameservers: tuple[str, ...] | None
    allow_hops: tuple[str, ...]
    secret: bytes | None
    routes: tuple[Route, ...]
    groups: tuple[tuple[str, tuple[str, ...]], ...]  # with one for each ``to = "sip:..."``
    warnings: tuple[str, ...] = ()  # what the file asks for and does not get

    def config(self) -> Config:
        """Make the engine's configuration."""
        return Config(
            self.endpoints,
            groups=dict(self.groups),
            allow_hops=self.allow_hops,
            secret=self.secret,
        )


class ConfigError(Exception):
    """What is wrong with a file, a line for each thing."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


def load(text: str | bytes, name: str) -> Settings:
    """Read a configuration; ``name`` is what errors call the file."""
    try:
        content = tomllib.loads(text.decode() if isinstance(text, bytes) else text)
    except UnicodeDecodeError as error:
        line = f"{name}: byte {error.start} is not UTF-8; save the file as UTF-8"
        raise ConfigError([line]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{name}: not TOML: {error}"]) from None
    errors: list[str] = []
    settings = _settings(Table(errors, "", content))
    if errors:
        raise ConfigError([f"{name}: {line}" for line in errors])
    return settings


def within(name: str, domains: tuple[str, ...]) -> bool:
    """Whether a host is one of the domains, or below one of them."""
    return any(name == domain or name.endswith("." + domain) for domain in domains)


# --- tables


def _settings(top: Table) -> Settings:
    remedy = 'say for example listen = ["udp:192.0.2.10:5060"]'
    listen = top.need("listen", each(_listen), NO_TEXTS, remedy)
    advertise = top.take("advertise", _advertise, None)
    domains = top.take("domains", each(host), NO_TEXTS)
    nameservers = top.take("nameservers", each(_nameserver), None)
    allow_hops = top.take("allow_hops", each(network), NO_NETWORKS)
    secret = top.take("secret", _secret, None)
    defaults_table = top.table("relay")
    defaults = _relay(defaults_table, Relay(""))
    defaults_table.close()
    transports = frozenset([name.partition(":")[0] for name in listen])
    groups = _groups(top.table("groups"), transports)
    routes = [_route(table, defaults, domains, groups, transports) for table in top.tables("route")]
    top.later("journal", "tls")
    top.close()
    return Settings(
        _endpoints(top, listen, advertise),
        domains,
        nameservers,
        tuple([str(hops) for hops in allow_hops]),
        secret,
        tuple(routes),
        _members(groups, routes),
        tuple(
            [
                f"groups.{name}.probe_every: no probes in this version; each call finds out itself"
                for name, group in groups.items()
                if group.probe_every is not None
            ]
        ),
    )


def _endpoints(
    top: Table, listen: tuple[str, ...], advertise: tuple[str, int | None] | None
) -> tuple[Endpoint, ...]:
    found: list[Endpoint] = []
    for at, name in enumerate(listen):
        transport, _, address = name.partition(":")
        bound, port = host_and_port(address)
        told = None
        # An address of the other family is not this endpoint's.
        if advertise and (not is_ip(advertise[0]) or (":" in advertise[0]) == (":" in bound)):
            shown = f"[{advertise[0]}]" if ":" in advertise[0] else advertise[0]
            told = f"{shown}:{port if advertise[1] is None else advertise[1]}"
        try:
            found.append(Endpoint(transport, address, advertise=told))
        except LocalProtocolError:
            reason = "nobody could answer to that; say where this is with advertise"
            example = "192.0.2.10" if port else "192.0.2.10:5060"
            top.wrong(f"listen[{at}]", f'{reason} = "{example}"', name)
        if listen.index(name) < at:
            top.wrong(f"listen[{at}]", "is there twice; take one out", name)
    return tuple(found)


def _groups(table: Table, transports: frozenset[str]) -> dict[str, Group]:
    def target(content: object) -> str:
        return str(_uri(content, transports))

    found: dict[str, Group] = {}
    for name in table.content:
        if not NAME.fullmatch(name):
            table.wrong(name, "a group's name is made of letters, digits, and . _ -")
        group = table.table(name)
        found[name] = Group(
            group.need("targets", each(target), NO_TEXTS, "name at least one SIP URI"),
            group.take("algorithm", _algorithm, "first"),
            group.take("rewrite", one_of(REWRITES), "host"),
            group.take("probe_every", seconds, None),
        )
        group.later("list", "set")
        group.close()
    return found


def _members(
    groups: dict[str, Group], routes: list[Route]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The engine's groups: those of the file, and one for each URI that a route names."""
    found = {name: group.targets for name, group in groups.items()}
    for route in routes:
        to = route.relay.to
        if isinstance(to, Dispatch) and to.group not in groups:
            found[to.group] = (to.group,)
    return tuple(found.items())


def _relay(table: Table, base: Relay) -> Relay:
    """The keys of [relay], which a [[route]] may override."""
    relay = Relay(
        base.to,
        table.take("advance_after", seconds_or_off, base.advance_after),
        table.take("progress_after", seconds_or_off, base.progress_after),
        table.take("answer_within", seconds_or_off, base.answer_within),
        table.take("deadline", seconds, base.deadline),
        table.take("timer_c", _timer_c, base.timer_c),
        table.take("failover_on", each(_status), base.failover_on),
        table.take("late", one_of(LATES), base.late),
        table.take("record_route", switch, base.record_route),
    )
    advance = relay.advance_after
    if isinstance(advance, float) and advance >= relay.deadline:
        key = "advance_after" if "advance_after" in table.content else "deadline"
        reason = (
            f"advance_after ({advance:g} s) must be below deadline ({relay.deadline:g} s); "
            'to never advance on silence, say advance_after = "off"'
        )
        table.wrong(key, reason, table.content.get(key))
    return relay


def _route(
    table: Table,
    defaults: Relay,
    domains: tuple[str, ...],
    groups: dict[str, Group],
    transports: frozenset[str],
) -> Route:
    method = table.take("method", _method, None)
    name = table.take("host", host, None)
    source = table.take("source", network, None)
    remedy = 'say "uri", "group:NAME" or a SIP URI'
    to = table.need("to", lambda content: _to(content, groups, transports), NOWHERE, remedy)
    follow = to == "uri"
    if follow and source is None:
        # Nobody gets an open relay by leaving something out.
        if not domains:
            table.wrong("to", "would be an open relay; give a source, or list your domains", to)
        elif name is not None and not within(name, domains):
            table.wrong("to", f"{name} is not within domains; add it, or give a source", to)
    relay = _relay(table, defaults)
    table.close()
    resend = method is not None and "advance_after" in table.content
    relay = replace(relay, to="" if follow else to, follow_route=follow and source is not None)
    return Route(method, name, source, follow, relay, resend)


# --- values


def _listen(content: object) -> str:
    text = some_text(content)
    transport, _, address = text.partition(":")
    if transport == "tls":
        raise Wrong(NO_TLS)
    name, port = host_and_port(address) if address else ("", None)
    if transport not in {"udp", "tcp"} or port is None or not is_ip(name):
        raise Wrong('must be like "udp:192.0.2.10:5060"')
    return text


def _advertise(content: object) -> tuple[str, int | None] | None:
    name, port = host_and_port(content)
    if port == 0:
        raise Wrong("needs a port other than 0")
    return name, port


def _nameserver(content: object) -> str:
    name, port = host_and_port(content)
    if not is_ip(name) or port == 0:
        raise Wrong('must be an IP address, with or without port, such as "127.0.0.53:53"')
    return str(content)


def _secret(content: object) -> bytes:
    text = some_text(content)
    secret = bytes.fromhex(text) if HEX.fullmatch(text) else text.encode()
    if not 16 <= len(secret) <= 64:
        raise Wrong(f"has {len(secret)} bytes; it needs 16 to 64", "", Secret(text))
    return secret


def _algorithm(content: object) -> Literal["first"]:
    if some_text(content) != "first":
        raise Wrong('only "first" is supported in this version')
    return "first"


def _timer_c(content: object) -> float:
    found = seconds(content)
    if found <= TIMER_C:
        raise Wrong(f"must be above {TIMER_C} (RFC 3261 16.6 step 11)")
    return found


def _status(content: object) -> int:
    if isinstance(content, bool) or not isinstance(content, int) or not 300 <= content < 600:
        raise Wrong("must be a status code from 300 to 599; a 6xx ends every hunt")
    return content


def _method(content: object) -> str:
    text = some_text(content)
    if not METHOD.fullmatch(text):
        raise Wrong("must be a method, in capitals, such as INVITE")
    if text in {"ACK", "CANCEL"}:
        raise Wrong("follows its INVITE by itself; take this route out")
    return text


def _uri(content: object, transports: frozenset[str]) -> Uri:
    try:
        uri = parse_uri(some_text(content), "SIP URI")
    except RemoteProtocolError as error:
        raise Wrong(error.reason) from None
    if not uri.is_sip:
        raise Wrong("must be a SIP URI, such as sip:gw-1.example.com")
    wanted = "tls" if uri.scheme == "sips" else uri.transport
    if wanted == "tls":
        raise Wrong(NO_TLS)
    if wanted is not None and transports and wanted not in transports:
        raise Wrong(f"nothing listens on {wanted}, so nothing is sent by it; add it to listen")
    return uri


def _to(content: object, groups: dict[str, Group], transports: frozenset[str]) -> Dispatch | str:
    """Where a route leads: "uri", a group, a URI with a user, or the dialled user at a host."""
    text = some_text(content)
    if text == "uri":
        return text
    if text.startswith("group:"):
        name = text.removeprefix("group:")
        if name not in groups:
            raise Wrong(f"there is no such group; the groups are: {', '.join(groups) or 'none'}")
        return Dispatch(name, groups[name].algorithm, groups[name].rewrite)
    if ":" not in text:
        raise Wrong('must be "uri", "group:NAME" or a SIP URI')
    # The group of a single URI is called like it; other groups' names have no ":".
    return Dispatch(text) if _uri(text, transports).user is None else text
