"""Where responses go when they cannot go where the request came from (RFC 3261 18.2.2, RFC 3263 5).

The first place is the connection of the request, or the address that a datagram came from; for a
connection that is closed the second is a new one to where the request came from, at the port that
its sent-by names; after these come the hops that the sent-by stands for. How many have been tried
stands in the owner of what is sent, so that nothing is kept while the network does its work: what
could not be sent comes back with its data (``SendFailed.quoted``), and goes to the next place.

    r|2|s|z9hg4bk77|192.0.2.1:5060|INVITE
"""

from typing import Final

from sansip import locate
from sansip.address import Address, Hop
from sansip.engine import connecting, lookups
from sansip.engine.config import Endpoint
from sansip.engine.state import Link, Undelivered, Waiting
from sansip.engine.transactions import step_server
from sansip.engine.turn import Turn
from sansip.errors import RemoteProtocolError
from sansip.message import ANY_SIZE, Via, parse
from sansip.proxy.vocabulary import Located
from sansip.transaction import TransportFailed, is_of_via

OWNER: Final = "r|"  # how the owner of a response begins that is not on its first place
ORIGINAL: Final = 0
AGAIN: Final = 1
LISTED: Final = 2  # the first of the hops that the sent-by stands for
MOST_PLACES: Final = 10


def undelivered(turn: Turn, what: Waiting, link: Link, reason: str) -> None:
    """A response could not be sent: try the next place."""
    place, key = ORIGINAL, what.owner
    if key.startswith(OWNER):
        _, number, key = key.split("|", 2)
        place = int(number)
    endpoint = turn.config.endpoint(link.endpoint)
    via = _via(what.data, key)
    if place == ORIGINAL:
        _shun(turn, key)
    if via is None or endpoint is None or place >= MOST_PLACES:
        _give_up(turn, key, link, reason)
    elif place == ORIGINAL and _connect(turn, key, endpoint, link.remote, via, what.data):
        pass
    elif not turn.config.follow_sent_by:
        _give_up(turn, key, link, reason)
    else:
        _look_up(
            turn, key, max(place, AGAIN) + 1, endpoint, via, Undelivered(what.data, link, reason)
        )


def _shun(turn: Turn, key: str) -> None:
    """The connection of a request does not take its response: it is as good as closed.

    That it is closed is told a little later, and until then it might be found by its address, or by
    an alias.
    """
    record = turn.server.get(key)
    if record is not None and record.flow is not None:
        connecting.shun(turn, record.flow)


def _via(data: bytes, key: str) -> Via | None:
    """The caller's Via in a response: None unless it is the one that its request came with.

    Whoever answered has sent it back, and might want us to send to somebody else.
    """
    try:
        via = parse(data, limits=ANY_SIZE).via
    except RemoteProtocolError:
        return None
    return via if is_of_via(key, via) else None


def _connect(
    turn: Turn, key: str, endpoint: Endpoint, source: Address, via: Via, data: bytes
) -> bool:
    """Open a connection back to who asked, if the request came over one."""
    if endpoint.transport == "udp":
        return False
    # "If that connection is no longer open, the server SHOULD open a connection to the IP address
    # in the 'received' parameter, if present, using the port in the 'sent-by' value, or the default
    # port for that transport, if no port is specified" (18.2.2). Without one the two are the same.
    name = via.host if endpoint.transport == "tls" else None
    there = Address(source.host, via.port or endpoint.default_port)
    if turn.refuses(Hop(endpoint.transport, there, name)) is not None:
        return False
    _send(turn, f"{OWNER}{AGAIN}|{key}", Link(endpoint.name, there, name), data)
    return True


def _look_up(
    turn: Turn, key: str, place: int, endpoint: Endpoint, via: Via, waiting: Undelivered
) -> None:
    """Locate the sent-by, with the transport of the request and no other."""
    # "If that connection attempt fails, the server SHOULD use the procedures in [4] for servers in
    # order to determine the IP address and port to open the connection and send the response to"
    # (18.2.2).
    owner = f"{OWNER}{place}|{key}"
    earlier = turn.undelivered.get(owner)
    if earlier is not None:
        # Another response to the same request waits already: the newest counts.
        newest = Undelivered(waiting.data, waiting.link, waiting.reason, earlier.hops)
        turn.undelivered = turn.undelivered.set(owner, newest)
        return
    if len(turn.undelivered) >= turn.config.limits.in_flight:
        _give_up(turn, key, waiting.link, waiting.reason)
        return
    turn.undelivered = turn.undelivered.set(owner, waiting)
    aim = locate.aim_back(via.host, via.port, endpoint.transport, endpoint.family)
    lookups.seek(turn, (owner, 0), aim, turn.draws(f"{OWNER}{key} {aim.host}"))


def located(turn: Turn, owner: str, given: Located) -> None:
    """Hops of a sent-by: send to the first that has not been tried, wait, or give up."""
    waiting = turn.undelivered[owner]
    _, number, key = owner.split("|", 2)
    hops = waiting.hops + given.hops
    for place, hop in list(enumerate(hops, LISTED))[int(number) - LISTED :]:
        if hop.address != waiting.link.remote:  # which has just failed
            _leave(turn, owner)
            link = Link(waiting.link.endpoint, hop.address, hop.tls_name)
            _send(turn, f"{OWNER}{place}|{key}", link, waiting.data)
            return
    if given.more:
        left = Undelivered(waiting.data, waiting.link, waiting.reason, hops)
        turn.undelivered = turn.undelivered.set(owner, left)
    else:
        _leave(turn, owner)
        _give_up(turn, key, waiting.link, waiting.reason)


def _leave(turn: Turn, owner: str) -> None:
    lookups.stop(turn, (owner, 0))
    turn.undelivered = turn.undelivered.without(owner)


def _send(turn: Turn, owner: str, link: Link, data: bytes) -> None:
    if connecting.is_reliable(link.endpoint):
        connecting.send(turn, link, Waiting(owner, data))
    else:
        turn.send(owner, link.endpoint, link.remote, data)


def _give_up(turn: Turn, key: str, link: Link, reason: str) -> None:
    """Tell the server transaction, which stays as it is (17.2.4, RFC 6026 8.8)."""
    if key in turn.server:
        step_server(turn, key, TransportFailed(reason))
    else:
        turn.report("transport", key, f"{link.remote}: {reason}")
