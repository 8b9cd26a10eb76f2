"""What a proxy does to a request on its way through: RFC 3261 16.3, 16.4 and 16.6.

Pure functions of a request. ``Mine`` answers the question that this layer cannot:
does this URI name the proxy itself? (16.4: from configuration alone, no DNS is asked.)
"""

import re
from collections.abc import Callable
from typing import TypeVar

from sansip.errors import RemoteProtocolError
from sansip.message import (
    Message,
    Request,
    Uri,
    bracketed_uri,
    not_understood,
    parse_uri,
    parse_via,
)
from sansip.value import value

Mine = Callable[[Uri], bool]
MessageT = TypeVar("MessageT", bound=Message)

SCHEMES = ("sip", "sips")
DEFAULT_PORT = 5060
DECISIVE = ("route", "proxy-require", "proxy-authorization")  # besides those that all requests have
LOOP = "."  # stands between the two parts of a branch
HOPS = 70  # the recommended initial Max-Forwards (RFC 3261 20.22)
BREADTH = 60  # the recommended initial Max-Breadth, and the most that is allowed (RFC 5393 5.3.3)
_BREADTH = re.compile("0*+([1-9][0-9]?)")


@value
class Fault:
    """Why a request goes no further: a status for the answer, and headers for it."""

    status: int
    text: str
    headers: tuple[tuple[str, str], ...] = ()


@value
class Arrived:
    """A request after route preprocessing.

    ``passed`` are the values of our own that stood in its Route headers, as URIs, topmost first;
    the last one tells on which side the request goes on (RFC 5658 5, 5658-5-03). ``loop`` is the
    loop part of its branches (RFC 5393).
    """

    request: Request
    passed: tuple[Uri, ...] = ()
    loop: str = ""


def check(request: Request, extensions: tuple[str, ...] | None = ()) -> Fault | None:
    """The checks of 16.3 that the request alone can fail, in their order; None if all is well.

    ``extensions`` are the option tags that Proxy-Require may name; None: it is not looked at, as in
    an ACK (8.2.2.3). For step 4 see ``has_looped``: what another check has refused has not been
    sent on, so it has not looped. Not for CANCEL, which goes hop by hop.
    """
    fault = check_scheme(request)
    if fault is not None:
        return fault
    # "If the request contains a Max-Forwards header field with a field value of zero (0), the
    # element MUST NOT forward the request [...] MUST return a 483" (16.3 step 3)
    if request.max_forwards == 0:
        return Fault(483, "Max-Forwards is 0")
    # "If the request contains a Proxy-Require header field with one or more option-tags this
    # element does not understand, the element MUST return a 420" (16.3 step 5)
    if extensions is not None and "proxy-require" in request.names:
        tags = not_understood(request, "proxy-require", extensions)
        if tags:
            return Fault(420, f"Proxy-Require: {tags}", (("Unsupported", tags),))
    return None


def check_scheme(request: Request) -> Fault | None:
    """The check of 16.3 step 2; once more for what a strict router had put away in Route (16.4)."""
    # "If the Request-URI has a URI whose scheme is not understood by the proxy, the proxy SHOULD
    # reject the request with a 416 (Unsupported URI Scheme) response." (16.3 step 2)
    scheme = request.uri.scheme
    if scheme in SCHEMES:
        return None
    return Fault(416, f"Request-URI scheme {scheme}: only sip and sips are routed")


# --- loops (RFC 5393 4.2)

# "If these values are equal, the request has looped and the proxy MUST reject the request with a
# 482 (Loop Detected) response." (16.3 step 4 as RFC 5393 4.2.2 has it)
LOOPED = Fault(482, "it was here before, just as it is now")


def deciders(request: Request, source: str) -> str:
    """Everything in a request that decides where it goes from here: what the loop part is made of.

    "This second part MUST vary with any field used by the location service logic", of the request
    as it came; "This second part MUST NOT vary with the request method" (RFC 5393 4.2.1). A policy
    may look at where a request comes from, so the host that sent it counts as well.
    """
    tags = f"{request.from_tag or ''}\n{request.to_tag or ''}"
    names = request.names
    listed: list[str] = []
    for name in DECISIVE:
        if name in names:
            listed += request.rows(name)
    number = str(request.cseq.number)
    return "\n".join((request.uri_text, request.call_id or "", tags, number, source, *listed))


def has_looped(request: Request, loop: str, own_sent_by: Callable[[str], bool]) -> bool:
    """Whether a request with this loop part has been sent on from here before.

    "Each Via header field value in the request whose sent-by value matches a value placed into
    previous requests by this proxy MUST be inspected" (RFC 5393 4.2.2). Equal parts are looked for
    in the text first: only where one is found does it matter whose Via that is.
    """
    if loop not in "\n".join(request.raw("via")).lower():
        return False
    for text in request.values("via"):
        if loop in text.lower():
            try:
                via = parse_via(text)
            except RemoteProtocolError:  # nor is it ours, then
                continue
            branch = (via.branch or "").lower()
            if branch.partition(LOOP)[2] == loop and own_sent_by(via.sent_by):
                return True
    return False


# --- route information (16.4)


def preprocess(request: Request, mine: Mine, transport: str, ports: tuple[int, ...]) -> Arrived:
    """Undo what a strict router did, and take off the Route what is ours (16.4).

    ``transport`` is the one that the request came over, ``ports`` are those that it may have been
    sent to: the one listened on, and the one advertised.
    """
    uri = request.uri
    has_routes = "route" in request.names
    if not (has_routes or uri.params):
        return Arrived(request)  # as most do that begin something
    routes = request.values("route") if has_routes else ()
    count = len(routes)
    passed: tuple[Uri, ...] = ()
    if routes and uri.params and uri.lr and mine(uri):
        # "If the Request-URI of the request contains a value this proxy previously placed into a
        # Record-Route header field [...], the proxy MUST replace the Request-URI in the request
        # with the last value from the Route header field, and remove that value" (16.4).
        passed = (uri,)
        request = request.with_uri(bracketed_uri(routes[-1], "Route"))
        routes = routes[:-1]
        uri = request.uri
    maddr = uri.maddr if uri.params else None
    here = maddr is not None and mine(uri.with_host(maddr, uri.port))
    # "and the request was received using the port and transport indicated (explicitly or by
    # default) in the Request-URI, the proxy MUST
    if here and uri.transport in (None, transport) and (uri.port or DEFAULT_PORT) in ports:
        # strip the maddr and any non-default port or transport parameter, and continue processing
        # as if those values had not been present" (16.4)
        port = uri.port if uri.port == DEFAULT_PORT else None
        bare = uri.without_params("maddr", "transport")
        request = request.with_uri(bare.with_host(uri.host, port))
    # "If the first value in the Route header field indicates this proxy, the proxy MUST remove
    # that value from the request"; with double Record-Route, both (RFC 5658 5, 3261-16.4-03).
    ours: list[Uri] = []
    for route in routes:
        first = bracketed_uri(route, "Route")
        if not mine(first):
            break
        ours.append(first)
    if ours or len(routes) < count:
        left = routes[len(ours) :]
        request = request.set("route", *left) if left else request.remove("route")
    return Arrived(request, (*passed, *ours))


@value
class Onward:
    """A request that is ready for its Via: what it will say, and which URI says where it goes."""

    uri: str  # the new Request-URI
    next_hop: str  # to be located (16.6 step 7)
    routes: tuple[str, ...] | None  # new Route values, or None to leave the header alone


def onward(request: Request, uri: str, next_hop: str, pushed: tuple[str, ...] = ()) -> Onward:
    """Postprocess routing information (16.6 step 6) and determine the next hop (step 7).

    ``pushed`` are Route values for proxies that the request has to visit first, loose routers all.
    """
    routes = request.values("route") if "route" in request.names else ()
    if pushed:
        # Proxies that local policy wants on the way, loose routers all, go ahead of the values that
        # are there; so there is no strict router in front (16.6 step 6).
        return Onward(uri, str(bracketed_uri(pushed[0], "Route")), (*pushed, *routes))
    if not routes or (next_hop != uri and parse_uri(next_hop).lr):
        # A next hop that is fixed, where there is a Route, "MUST NOT be used if the proxy is not
        # certain that [it corresponds] to a server that is a loose router" (16.6 step 7).
        return Onward(uri, next_hop, None)
    first = bracketed_uri(routes[0], "Route")
    if first.lr:
        return Onward(uri, str(first), None)
    # "If that URI does not contain an lr parameter, the proxy MUST modify the copy as follows": the
    # Request-URI becomes the last Route value, and the first one the Request-URI (16.6 step 6).
    return Onward(str(first.for_request_line()), str(first), (*routes[1:], f"<{uri}>"))


def measured(message: MessageT) -> MessageT:
    """Give what goes over a stream its Content-Length, if it came without (16.6 step 9, 18.3)."""
    if "content-length" in message.names:
        return message
    return message.append("Content-Length", str(len(message.body)))


def hops_left(request: Request) -> int:
    """Max-Forwards of the copy that is sent on (16.6 step 3)."""
    left = request.max_forwards
    return HOPS if left is None else left - 1


def max_breadth(request: Request) -> int:
    """How many branches a request may have at once, here and further on (RFC 5393 5.3.3).

    60 if it does not say, or nonsense (5393-5.3.5-01), and never more.
    """
    if "max-breadth" not in request.names:
        return BREADTH
    found = _BREADTH.fullmatch(request.get("max-breadth") or "")
    return BREADTH if found is None else min(int(found[1]), BREADTH)
