"""The routes of a configuration, and the policy that they make: the first that matches.

Nobody gets an open relay: without a matching route the answer is 404. ``to = "uri"`` serves those
whom a source or peer names, and others only towards the domains of the configuration. A Route
header that a caller brings along could lead anywhere, so only those who are named may bring one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Final, get_args

from sansip.certificates import identifies
from sansip.dispatch import Dispatch
from sansip.engine.policy import Decision, Policy, Relay, Reply, Scene
from sansip.message import Request, Uri
from sansip.proxy.vocabulary import Late
from sansip.toml.checked import (
    Network,
    Table,
    Wrong,
    each,
    host,
    network,
    one_of,
    seconds,
    seconds_or_off,
    some_text,
    switch,
)
from sansip.toml.groups import Destination
from sansip.toml.reach import Reach
from sansip.toml.words import method, sip_uri, status, timer_c
from sansip.value import value

# Sent twice, these do no harm; a MESSAGE that is sent twice is read twice.
EARLY = ("INVITE", "OPTIONS", "REGISTER")
LATES: Final[tuple[Late, ...]] = get_args(Late)
NOWHERE: Dispatch | str = ""


@value
class Route:
    """One ``[[route]]``. A condition that is None holds for every request."""

    method: str | None
    host: str | None
    source: Network | None
    peer: str | None  # an identity of its certificate (RFC 5922)
    follow: bool  # to = "uri": where the Request-URI says
    relay: Relay  # its ``to`` is empty if ``follow``
    resend: bool  # advance_after is meant for whatever method comes here

    @property
    def trusts(self) -> bool:
        """Whether it is only for those whom it names."""
        return self.source is not None or self.peer is not None


@value
class Trust:
    """What routes may be about: who may be served, and whether anybody's certificate is known."""

    domains: tuple[str, ...]
    peers: bool


class Routes(Policy):
    """Relays by the routes of a configuration."""

    def __init__(self, routes: Iterable[Route], domains: tuple[str, ...]) -> None:
        self._domains = domains
        # Each with what it does to methods that must not be sent twice.
        self._routes = [(route, _patient(route)) for route in routes]

    def route(self, request: Request, scene: Scene) -> Decision:
        """Decide about a request that belongs to no dialog of ours."""
        for route, patient in self._routes:
            if self._matches(route, request, scene):
                relay = route.relay if request.method in EARLY else patient
                if isinstance(relay.to, Dispatch) and relay.to.key:
                    return replace(relay, to=_keyed(relay.to, request))
                return replace(relay, to=request.uri_text) if route.follow else relay
        if request.method == "OPTIONS" and request.uri.user is None and scene.is_mine(request.uri):
            return Reply(200)  # somebody asks whether we are alive
        return Reply(404)

    def _matches(self, route: Route, request: Request, scene: Scene) -> bool:
        uri = request.uri
        return (
            (route.method is None or route.method == request.method)
            and (route.host is None or route.host == uri.host)
            and (route.source is None or ip_address(scene.source.host) in route.source)
            and (route.peer is None or identifies(scene.names, route.peer))
            # A request that names this proxy would only come back to it.
            and not (route.follow and scene.is_mine(uri))
            and not (route.follow and not route.trusts and not self._serves(uri))
        )

    def _serves(self, uri: Uri) -> bool:
        """Whether a URI leads to one of our domains; maddr, if there is one, is where it leads."""
        return within(uri.host, self._domains) and within(uri.maddr or uri.host, self._domains)


def _patient(route: Route) -> Relay:
    """The same relay for methods that do not go to a second hop while the first is silent."""
    relay = route.relay
    if route.resend or relay.advance_after == "default":
        return relay
    return replace(relay, advance_after=None)


def _keyed(wish: Dispatch, request: Request) -> Dispatch:
    """The wish with what the header says that it names; without that, each member in turn.

    That is what "hash-auth-user" does with requests that nobody's name is on.
    """
    key = request.get(wish.key)
    if key is None:
        return replace(wish, algorithm="round-robin", key="")
    return replace(wish, key=key)


def within(name: str, domains: tuple[str, ...]) -> bool:
    """Whether a host is one of the domains, or below one of them."""
    return any(name == domain or name.endswith("." + domain) for domain in domains)


# --- reading


def read_relay(table: Table, base: Relay) -> Relay:
    """Read the keys of [relay], which a [[route]] may override."""
    relay = Relay(
        base.to,
        table.take("advance_after", seconds_or_off, base.advance_after),
        table.take("progress_after", seconds_or_off, base.progress_after),
        table.take("answer_within", seconds_or_off, base.answer_within),
        table.take("deadline", seconds, base.deadline),
        table.take("timer_c", timer_c, base.timer_c),
        table.take("failover_on", each(status), base.failover_on),
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


def read_route(
    table: Table,
    defaults: Relay,
    trust: Trust,
    groups: Mapping[str, Destination],
    reach: Reach,
) -> Route:
    """Read one [[route]]."""
    asked = table.take("method", method, None)
    name = table.take("host", host, None)
    source = table.take("source", network, None)
    peer = table.take("peer", host, None)
    if peer is not None and not trust.peers:
        reason = 'nobody is asked who he is; say clients = "ask" or "require" in [tls]'
        table.wrong("peer", reason, peer)
    remedy = 'say "uri", "group:NAME" or a SIP URI'
    to = table.need("to", lambda content: _to(content, groups, reach), NOWHERE, remedy)
    follow = to == "uri"
    trusts = source is not None or peer is not None
    if follow and not trusts:
        # Nobody gets an open relay by leaving something out.
        if not trust.domains:
            table.wrong("to", "would be an open relay; give a source, or list your domains", to)
        elif name is not None and not within(name, trust.domains):
            table.wrong("to", f"{name} is not within domains; add it, or give a source", to)
    relay = read_relay(table, defaults)
    table.close()
    resend = asked is not None and "advance_after" in table.content
    relay = replace(relay, to="" if follow else to, follow_route=follow and trusts)
    return Route(asked, name, source, peer, follow, relay, resend)


def _to(content: object, groups: Mapping[str, Destination], reach: Reach) -> Dispatch | str:
    """Where a route leads: "uri", a group, a URI with a user, or the dialled user at a host."""
    text = some_text(content)
    if text == "uri":
        return text
    if text.startswith("group:"):
        name = text.removeprefix("group:")
        if name not in groups:
            raise Wrong(f"there is no such group; the groups are: {', '.join(groups) or 'none'}")
        return groups[name].wish
    if ":" not in text:
        raise Wrong('must be "uri", "group:NAME" or a SIP URI')
    uri = reach.uri(text)
    # The group of a single URI is called like it; other groups' names have no ":".
    return Dispatch(uri) if sip_uri(uri).user is None else uri
