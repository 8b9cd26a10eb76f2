"""The policy of the example proxies: the routes of a configuration, the first that matches.

Nobody gets an open relay: without a matching route the answer is 404. ``to = "uri"`` serves those
whom a source names, and others only towards the domains of the configuration. A Route header that
a caller brings along could lead anywhere, so only those whom a source names may bring one.
"""

from dataclasses import replace
from ipaddress import ip_address

from proxy_config import Route, Settings, within

from sansip import Decision, Policy, Relay, Reply, Request, Scene, Uri

# Sent twice, these do no harm; a MESSAGE that is sent twice is read twice.
EARLY = ("INVITE", "OPTIONS", "REGISTER")


class Routes(Policy):
    """Relays by the routes of a configuration."""

    def __init__(self, settings: Settings) -> None:
        self._domains = settings.domains
        # Each with what it does to methods that must not be sent twice.
        self._routes = [(route, _patient(route)) for route in settings.routes]

    def route(self, request: Request, scene: Scene) -> Decision:
        """Decide about a request that belongs to no dialog of ours."""
        for route, patient in self._routes:
            if self._matches(route, request, scene):
                relay = route.relay if request.method in EARLY else patient
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
            # A request that names this proxy would only come back to it.
            and not (route.follow and scene.is_mine(uri))
            and not (route.follow and route.source is None and not self._serves(uri))
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
