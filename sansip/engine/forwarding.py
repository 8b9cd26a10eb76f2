"""Building the copy of a request that goes to a hop, and what it is known by when it comes back.

RFC 3261 16.6 steps 2 to 9, RFC 5393 4.2 (the loop part of a branch), and the proof in our
Record-Route that a dialog was set up here.
"""

from sansip.address import Address, Hop
from sansip.engine.config import Endpoint
from sansip.engine.hosts import special
from sansip.engine.state import Origin, Spare
from sansip.engine.turn import Turn
from sansip.entropy import Draws, token
from sansip.message import Message, Request, Uri, bracketed_uri, parse_uri
from sansip.proxy.request import LOOP, Onward, deciders, hops_left, measured, onward
from sansip.proxy.vocabulary import Target
from sansip.transaction import client_key
from sansip.value import value

MAGIC = "z9hG4bK"  # RFC 3261 8.1.1.7
RECORD_ROUTED = frozenset({"INVITE", "SUBSCRIBE", "REFER", "NOTIFY"})
NEVER_IN_DIALOG = frozenset({"REGISTER", "PUBLISH"})
LARGE = "large"  # what the branch is for that goes over TCP because of its size
PROOF = "did"  # the Record-Route parameter that proves that a dialog was set up through us


@value
class Outgoing:
    """The copy of a request for one hop, ready to be sent, and the key of its transaction."""

    key: str
    endpoint: str
    data: bytes
    spare: Spare | None = None


def branch(draws: Draws, ordinal: int, loop: str, purpose: str = "branch") -> str:
    """The Via branch of a context's branch: unique, and the same for its CANCEL and ACK.

    "a branch value separable into two parts" (RFC 5393 4.2.1); the second one, ``loop``, tells when
    the request comes back. A request that was made here has none.
    """
    unique = MAGIC + draws.token(purpose, ordinal)
    return f"{unique}{LOOP}{loop}" if loop else unique


def loop_part(turn: Turn, request: Request, source: Address) -> str:
    """The loop part of the branches of a request, as it came: nobody else can make it."""
    return token(turn.secret, deciders(request, source.host), "loop", size=6)


def proof(turn: Turn, call_id: str | None, tag: str | None) -> str:
    """What a Record-Route of ours says about a dialog: its Call-ID, and the tag of who began it.

    Nobody else can make it. Whoever has taken part in the dialog has it, and may use it for that
    dialog alone.
    """
    return token(turn.secret, f"{call_id} {tag}", "dialog")


def is_proven(turn: Turn, request: Request, passed: tuple[Uri, ...]) -> bool:
    """Whether a request came along a Route that we gave out for its dialog.

    Without this anybody could use the proxy as a relay to anywhere, by writing a To tag and a
    Route header into a request.
    """
    if request.to_tag is None or request.method in NEVER_IN_DIALOG:
        return False
    found = [uri.param(PROOF) for uri in passed]
    # Whoever began the dialog is in From or, if the request comes from the other side, in To.
    return any(found) and (
        proof(turn, request.call_id, request.from_tag) in found
        or proof(turn, request.call_id, request.to_tag) in found
    )


def departure(turn: Turn, origin: Origin, target: Target, hop: Hop) -> Endpoint | None:
    """The endpoint to send from: the target's, else the side that the Route names or of arrival."""
    config = turn.config
    preferred = target.departure or origin.departure or origin.arrival
    return config.endpoint_for(hop, config.endpoint(preferred))


def outgoing(
    turn: Turn, origin: Origin, target: Target, hop: Hop, draws: Draws, ordinal: int, breadth: int
) -> Outgoing | None:
    """Make the copy for a branch, with this share of the request's Max-Breadth.

    Over TCP, if it is too large for a datagram. None: no endpoint reaches the hop.
    """
    endpoint = departure(turn, origin, target, hop)
    if endpoint is None:
        return None
    if target.edits:
        origin = origin.but(_edited(origin.request, target.edits))
    going = onward(origin.request, target.uri, target.next_hop, origin.route)
    method, most = origin.request.method, turn.config.tcp_above
    name = branch(draws, ordinal, origin.loop)
    data = wire(turn, _copy(turn, origin, going, endpoint, hop, name, breadth))
    key = client_key(name, method)
    if most is None or len(data) <= most or endpoint.transport != "udp":
        return Outgoing(key, endpoint.name, data)
    # "If a request is within 200 bytes of the path MTU, or if it is larger than 1300 bytes and the
    # path MTU is unknown, the request MUST be sent using an RFC 2914 [43] congestion controlled
    # transport protocol, such as TCP. If this causes a change in the transport protocol from the
    # one indicated in the top Via, the value in the top Via MUST be changed" (18.1.1, AMB-10).
    stream = departure(turn, origin, target, Hop("tcp", hop.address))
    if stream is None:
        return Outgoing(key, endpoint.name, data)
    name = branch(draws, ordinal, origin.loop, LARGE)
    large = wire(turn, _copy(turn, origin, going, stream, hop, name, breadth))
    return Outgoing(client_key(name, method), stream.name, large, Spare(key, endpoint.name, data))


def _edited(request: Request, edits: tuple[tuple[str, str | None], ...]) -> Request:
    """The request with what its target wants otherwise; what two targets want does not mix."""
    for name, text in edits:
        if text is not None:
            request = request.set(name, text)
        elif name.lower() in request.names:
            request = request.remove(name)
    return request


def _copy(
    turn: Turn,
    origin: Origin,
    going: Onward,
    endpoint: Endpoint,
    hop: Hop,
    branch_id: str,
    breadth: int,
) -> Request:
    """Make the copy of the original request for one branch."""
    request = origin.request
    # "It is inserted before any existing Via", with the sent-by of the side that it leaves from,
    # and rport, so that the answer finds its way back through a NAT (16.6 step 8, RFC 3581 3).
    via = f"{endpoint.via};branch={branch_id};rport"
    if endpoint.transport == "tls":
        # "an alias for the transport layer connection": it may be used for requests back to us,
        # if our certificate is known there (RFC 5923 8.1).
        via += ";alias"
    if turn.config.multicasts and special(hop.address.host) == "multicast":
        # "A client that sends a request to a multicast address MUST add the 'maddr' parameter to
        # its Via header field value containing the destination multicast address, and for IPv4,
        # SHOULD add the 'ttl' parameter with a value of 1" (18.1.1).
        host = hop.address.host
        via += f";maddr=[{host}]" if ":" in host else f";maddr={host};ttl=1"
    record_routes: tuple[str, ...] = ()
    if origin.record_route or "tls" in turn.config.transports:
        record_routes = _record_routes(turn, origin, going, endpoint)
    given = request.max_forwards
    # Of the program's own it is as the program has it: one may look who is how far away (20.22).
    hops = hops_left(request) if origin.source is not None or given is None else given
    made = request.forwarded(going.uri, via, hops, record_routes, going.routes, breadth)
    if endpoint.transport == "udp" or "content-length" in request.names:
        return made
    return measured(made)


def wire(turn: Turn, message: Message) -> bytes:
    """Give what is forwarded as it goes out, with compact header names if it is large (7.3.3)."""
    data, most = message.render(), turn.config.compact_above
    return data if most is None or len(data) <= most else message.compact().render()


def _record_routes(
    turn: Turn, origin: Origin, going: Onward, endpoint: Endpoint
) -> tuple[str, ...]:
    """Our own Record-Route values, topmost first.

    One; or two if the request leaves by another side than it came in by (RFC 5658 5, 5658-5-01).
    """
    request = origin.request
    arrived = endpoint
    if origin.arrival != endpoint.name:
        arrived = turn.config.endpoint(origin.arrival) or endpoint
    secure = _is_secure(request, going)
    # "if the request was not received over TLS, the proxy MUST insert a Record-Route header field.
    # In a similar fashion, a proxy that receives a request over TLS, but generates a request
    # without a SIPS URI [...] MUST insert a Record-Route header field that is not a SIPS URI"
    # (16.6 step 4).
    crosses = secure != (arrived.transport == "tls") and bool(origin.arrival)
    if not (origin.record_route or (crosses and request.method in RECORD_ROUTED)):
        return ()
    token = proof(turn, request.call_id, request.from_tag)
    if arrived is endpoint:
        return (f"<{_uri_of(endpoint, secure=secure, differs=False)};lr;{PROOF}={token}>",)
    sides = [endpoint]
    # Of a sips dialog every request comes over TLS, whatever its first one came over.
    if arrived.transport == "tls" or not secure:
        sides.append(arrived)
    # Both name their transport where these differ: a URI without one would mean UDP, or what DNS
    # says (RFC 5658 6). Else only for what is known to be used: a request has just come or gone by
    # it (16.6 step 4).
    differs = arrived.transport != endpoint.transport
    uris = [_uri_of(side, secure=secure, differs=differs) for side in sides]
    return tuple([f"<{uri};lr;{PROOF}={token}>" for uri in uris])


def _is_secure(request: Request, going: Onward) -> bool:
    # "If the Request-URI contains a SIPS URI, or the topmost Route header field value (after the
    # post processing of bullet 6) contains a SIPS URI, the URI placed into the Record-Route header
    # field MUST be a SIPS URI" (16.6 step 4).
    if going.uri[:5].lower() == "sips:":
        return True
    routes = going.routes
    if routes is None:
        routes = request.values("route") if "route" in request.names else ()
    return bool(routes) and bracketed_uri(routes[0], "Route").scheme == "sips"


def _uri_of(side: Endpoint, *, secure: bool, differs: bool) -> str:
    if secure:
        return f"sips:{side.sent_by}"
    # TLS without sips has no other name than the one that RFC 5630 would rather not see (AMB-24).
    return f"sip:{side.sent_by}" + (
        f";transport={side.transport}" if differs or side.transport != "udp" else ""
    )


def located_uri(origin: Origin, target: Target) -> Uri:
    """The URI to be located for a target."""
    request = origin.request
    going = onward(request, target.uri, target.next_hop, origin.route)
    uri = request.uri if going.next_hop == request.uri_text else parse_uri(going.next_hop)
    if uri.scheme == "sip" and "sips:" in (going.uri[:5].lower(), target.uri[:5].lower()):
        # "Regardless of which URI is being used as input to the procedures of [4], if the
        # Request-URI specifies a SIPS resource, the proxy MUST follow the procedures of [4] as if
        # the input URI were a SIPS URI" (16.6 step 7). A strict router gets a Request-URI of its
        # own, and the one that counts as the last Route value: what is secure would be read there.
        return parse_uri("sips:" + going.next_hop[4:])
    transport = origin.departure[:3]
    if transport in ("tcp", "tls") and uri.scheme == "sip" and uri.transport is None:
        # The side that our Record-Route names decides the transport as well (RFC 5658 5,
        # 5658-5-03), where the next hop's URI leaves it open.
        return uri.with_param("transport", transport)
    return uri
