"""The Via of a request that has come: what is noted in it, and where its responses go.

RFC 3261 18.2.1 and 18.2.2 with RFC 3581 4. Where they go when nothing gets there is for
``responses``.
"""

from sansip.address import Address, Hop
from sansip.engine.config import DEFAULT_PORT
from sansip.engine.hosts import is_ip, plain_host, special
from sansip.engine.state import Arrival
from sansip.engine.turn import Turn
from sansip.errors import RemoteProtocolError
from sansip.message import Request, parse_via


def stamp(turn: Turn, request: Request, came: Arrival) -> tuple[Address | None, Request]:
    """Note in the top Via where the request came from, and say where its responses go.

    None: to an address that must not get any.
    """
    via, source = request.via, came.source
    host, params = source.host, via.params
    rport = via.rport if params else None
    if rport == "":
        request = request.stamped(host, source.port)
    elif via.host != host and plain_host(via.host) != plain_host(host):
        request = request.with_top_via(via.stamped(host, None))
    elif params and via.received is not None:
        request = request.with_top_via(via.stamped(None, None))  # nobody else may say (AMB-12)
    if came.flow is not None:
        return source, request  # over the same connection (18.2.2)
    maddr = via.maddr if params else None
    if maddr is not None and turn.config.follow_maddr and is_ip(maddr):
        # "if the Via header field value contains a 'maddr' parameter, the response MUST be
        # forwarded to the address listed there, using the port indicated in 'sent-by', or port
        # 5060 if none is present" (18.2.2), if the hop filter lets it.
        there = Address(plain_host(maddr), via.port or DEFAULT_PORT)
        return (None if turn.refuses(Hop("udp", there)) else there), request
    if maddr is not None and special(maddr) == "multicast":
        return None, request  # 3261-18.2.2-07
    # Otherwise a maddr is not looked at: it would let anybody aim our answers at anybody.
    port = via.port or DEFAULT_PORT
    if port == source.port or rport in ("", str(source.port)):
        return source, request
    return Address(host, port), request


def first_sent_by(request: Request, came: Arrival) -> Address:
    """Where to answer when the Via is broken behind its sent-by (RFC 4475 3.1.2.1 wants a 400)."""
    if came.flow is not None:
        return came.source
    first = (request.get("via") or "").partition(",")[0].partition(";")[0]
    try:
        return Address(came.source.host, parse_via(first).port or DEFAULT_PORT)
    except RemoteProtocolError:
        return came.source
