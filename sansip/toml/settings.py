"""A configuration: read, checked, and nothing else.

``load(text, name)`` takes the text of a TOML file and gives ``Settings``, or raises ``ConfigError``
with a line for everything that is wrong: file, key, value, reason and remedy. Nothing is ignored
and nothing guessed: whoever misspells a key hears of it at once, not in the night when it matters.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping

from sansip.address import bracketed
from sansip.dispatch import Dispatch, Group, Member
from sansip.engine.config import TRANSPORTS, Config, Endpoint
from sansip.engine.hosts import is_ip
from sansip.engine.policy import Policy, Relay
from sansip.errors import LocalProtocolError
from sansip.toml.checked import (
    Network,
    Secret,
    Table,
    Wrong,
    each,
    host,
    host_and_port,
    network,
    some_text,
)
from sansip.toml.groups import Destination, read_groups
from sansip.toml.journal import JournalFile, read_journal
from sansip.toml.members import Lists
from sansip.toml.reach import Reach
from sansip.toml.routes import Route, Routes, Trust, read_relay, read_route
from sansip.toml.tls import TlsFiles, read_tls
from sansip.value import value

ZONE = re.compile(r"(:[0-9A-Fa-f]++)%[\w.-]++")
HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){16,}+")
NO_TEXTS: tuple[str, ...] = ()
NO_NETWORKS: tuple[Network, ...] = ()


@value
class Settings:
    """What a file says: an engine's configuration, and its policy."""

    endpoints: tuple[Endpoint, ...]
    domains: tuple[str, ...]
    nameservers: tuple[str, ...] | None
    allow_hops: tuple[str, ...]
    secret: bytes | None
    routes: tuple[Route, ...]
    groups: tuple[tuple[str, Group], ...]  # with one for each ``to = "sip:..."``
    tls: TlsFiles | None = None  # there if something listens on tls
    journal: JournalFile | None = None
    lists: tuple[tuple[str, str], ...] = ()  # the text of each list that the file names

    def config(self) -> Config:
        """Make the engine's configuration."""
        return Config(
            self.endpoints,
            groups=dict(self.groups),
            allow_hops=self.allow_hops,
            secret=self.secret,
        )

    def policy(self) -> Policy:
        """Make the policy: the routes."""
        return Routes(self.routes, self.domains)


class ConfigError(LocalProtocolError):
    """What is wrong with a file, a line for each thing."""

    lines: tuple[str, ...]

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


def load(
    text: str | bytes,
    name: str,
    read: Callable[[str], str | bytes] | None = None,
) -> Settings:
    """Read a configuration; ``name`` is what errors call the file.

    ``read`` gives the text of a file that the configuration names, a ``dispatcher.list``, and may
    raise OSError.
    """
    try:
        content = tomllib.loads(text.decode() if isinstance(text, bytes) else text)
    except UnicodeDecodeError as error:
        line = f"{name}: byte {error.start} is not UTF-8; save the file as UTF-8"
        raise ConfigError([line]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{name}: not TOML: {error}"]) from None
    errors: list[str] = []
    lists = Lists(read)
    settings = _settings(Table(errors, "", content), lists)
    if errors or lists.errors:
        raise ConfigError([*(f"{name}: {line}" for line in errors), *lists.errors])
    return settings


# --- tables


def _settings(top: Table, lists: Lists) -> Settings:
    remedy = 'say for example listen = ["udp:192.0.2.10:5060"]'
    listen = top.need("listen", each(_listen), NO_TEXTS, remedy)
    advertise = top.take("advertise", _advertise, None)
    endpoints = _endpoints(top, listen, advertise)
    tls = read_tls(top, listen)
    allow_hops = tuple(map(str, top.take("allow_hops", each(network), NO_NETWORKS)))
    # Not of a configuration with errors: one of them may be the reason for many others.
    reach = Reach(None if top.errors else Config(endpoints, allow_hops=allow_hops))
    domains = top.take("domains", each(host), NO_TEXTS)
    nameservers = top.take("nameservers", each(_nameserver), None)
    secret = top.take("secret", _secret, None)
    defaults_table = top.table("relay")
    defaults = read_relay(defaults_table, Relay(""))
    defaults_table.close()
    groups = read_groups(top.table("groups"), lists, reach)
    trust = Trust(domains, peers=tls is not None and tls.clients != "any")
    routes = [read_route(table, defaults, trust, groups, reach) for table in top.tables("route")]
    journal = read_journal(top, groups)
    top.close()
    return Settings(
        endpoints,
        domains,
        nameservers,
        allow_hops,
        secret,
        tuple(routes),
        _groups(groups, routes),
        tls,
        journal,
        tuple(lists.texts),
    )


def _endpoints(
    top: Table, listen: tuple[str, ...], advertise: tuple[str, int | None] | None
) -> tuple[Endpoint, ...]:
    found: list[Endpoint] = []
    if advertise and advertise[1] is not None and len({name[:3] == "tls" for name in listen}) > 1:
        reason = "tls has a port of its own: leave the port out, and each is told with its own"
        top.wrong("advertise", reason, top.content["advertise"])
    for at, name in enumerate(listen):
        transport, _, address = name.partition(":")
        bound, port = host_and_port(address)
        told = None
        # An address of the other family is not this endpoint's.
        if advertise and (not is_ip(advertise[0]) or (":" in advertise[0]) == (":" in bound)):
            told = f"{bracketed(advertise[0])}:{port if advertise[1] is None else advertise[1]}"
        try:
            found.append(Endpoint(transport, address, advertise=told))
        except LocalProtocolError:
            reason = "nobody could answer to that; say where this is with advertise"
            example = "192.0.2.10" if port else "192.0.2.10:5060"
            top.wrong(f"listen[{at}]", f'{reason} = "{example}"', name)
        if listen.index(name) < at:
            top.wrong(f"listen[{at}]", "is there twice; take one out", name)
    return tuple(found)


def _groups(
    destinations: Mapping[str, Destination], routes: list[Route]
) -> tuple[tuple[str, Group], ...]:
    """The engine's groups: those of the file, and one for each URI that a route names."""
    found = {name: destination.group for name, destination in destinations.items()}
    for route in routes:
        to = route.relay.to
        if isinstance(to, Dispatch) and to.group not in found:
            found[to.group] = Group((Member(to.group),))
    return tuple(found.items())


# --- values


def _listen(content: object) -> str:
    text = some_text(content)
    transport, _, address = text.partition(":")
    name, port = host_and_port(address) if address else ("", None)
    if transport not in TRANSPORTS or port is None or not is_ip(name):
        raise Wrong('must be like "udp:192.0.2.10:5060"')
    return text


def _advertise(content: object) -> tuple[str, int | None] | None:
    name, port = host_and_port(content)
    if port == 0:
        raise Wrong("needs a port other than 0")
    return name, port


def _nameserver(content: object) -> str:
    # One on the same link has a zone: fe80::1%eth0. SIP has none, so no other address has.
    name, port = host_and_port(ZONE.sub(r"\1", some_text(content)))
    if not is_ip(name) or port == 0:
        raise Wrong('must be an IP address, with or without port, such as "127.0.0.53:53"')
    return str(content)


def _secret(content: object) -> bytes:
    text = some_text(content)
    secret = bytes.fromhex(text) if HEX.fullmatch(text) else text.encode()
    if not 16 <= len(secret) <= 64:
        raise Wrong(f"has {len(secret)} bytes; it needs 16 to 64", "", Secret(text))
    return secret
