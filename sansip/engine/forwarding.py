"""Building the copy of a request that goes to a hop (RFC 3261 16.6 steps 2 to 9)."""

from sansip.address import Hop
from sansip.engine.config import Endpoint
from sansip.engine.state import Origin
from sansip.engine.turn import Turn
from sansip.entropy import Draws
from sansip.message import Message, Request, Uri, parse_uri
from sansip.proxy.request import HOPS, Onward, hops_left, onward
from sansip.proxy.vocabulary import Target

MAGIC = "z9hG4bK"  # RFC 3261 8.1.1.7
NEVER_IN_DIALOG = frozenset({"REGISTER", "PUBLISH"})
PROOF = "did"  # the Record-Route parameter that proves that a dialog was set up through us


def branch(turn: Turn, owner: str, ordinal: int) -> str:
    """The Via branch of a context's branch: unique, and the same for its CANCEL and ACK."""
    return MAGIC + turn.draws(owner).token("branch", ordinal)


def proof(turn: Turn, call_id: str | None, tag: str | None) -> str:
    """What a Record-Route of ours says about a dialog: its Call-ID, and the tag of who began it.

    Nobody else can make it. Whoever has taken part in the dialog has it, and may use it for that
    dialog alone.
    """
    return Draws(turn.secret, f"{call_id} {tag}").token("dialog")


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


def departure(turn: Turn, origin: Origin, hop: Hop) -> Endpoint | None:
    """The endpoint to send from: the side that the Route names, else the one of arrival."""
    wanted = origin.departure or origin.arrival
    return turn.config.endpoint_for(hop, turn.config.endpoint(wanted))


def copy_for(
    turn: Turn, origin: Origin, going: Onward, endpoint: Endpoint, branch_id: str
) -> Request:
    """Make the copy of the original request for one branch."""
    request = origin.request
    # "It is inserted before any existing Via", with the sent-by of the side that it leaves from,
    # and rport, so that the answer finds its way back through a NAT (16.6 step 8, RFC 3581 3).
    via = f"{endpoint.via};branch={branch_id};rport"
    record_routes: tuple[str, ...] = ()
    if origin.record_route:
        record_routes = _record_routes(turn, origin, endpoint)
    hops = hops_left(request) if origin.source is not None else request.max_forwards or HOPS
    return request.forwarded(going.uri, via, hops, record_routes, going.routes)


def wire(turn: Turn, message: Message) -> bytes:
    """Give what is forwarded as it goes out, with compact header names if it is large (7.3.3)."""
    data, most = message.render(), turn.config.compact_above
    return data if most is None or len(data) <= most else message.compact().render()


def _record_routes(turn: Turn, origin: Origin, endpoint: Endpoint) -> tuple[str, ...]:
    """Our own Record-Route values, topmost first.

    One; or two if the request leaves by another side than it came in by (RFC 5658 5, 5658-5-01).
    """
    request = origin.request
    token = proof(turn, request.call_id, request.from_tag)
    sides = [endpoint]
    arrived = turn.config.endpoint(origin.arrival)
    if arrived is not None and arrived is not endpoint:
        sides.append(arrived)
    return tuple([f"<{_uri_of(side)};lr;{PROOF}={token}>" for side in sides])


def _uri_of(side: Endpoint) -> str:
    # A transport parameter only if whoever is to use the URI is known to have that transport (16.6
    # step 4): a request has just come by it.
    return f"sip:{side.sent_by}" + ("" if side.transport == "udp" else ";transport=tcp")


def onward_from(origin: Origin, target: Target) -> Onward:
    """What the copy for a target says, and the URI that leads to its next hop (16.6 steps 6, 7)."""
    return onward(origin.request, target.uri, target.next_hop)


def located_uri(origin: Origin, target: Target) -> Uri:
    """The URI to be located for a target."""
    request = origin.request
    going = onward_from(origin, target)
    if going.next_hop == request.uri_text:
        return request.uri
    uri = parse_uri(going.next_hop)
    if uri.scheme == "sip" and going.uri[:5].lower() == "sips:":
        # "if the Request-URI specifies a SIPS resource [...] the proxy MUST follow the procedures
        # of [RFC 3263] as if the input URI were a SIPS URI" (16.6 step 7)
        return parse_uri("sips:" + going.next_hop[4:])
    return uri
