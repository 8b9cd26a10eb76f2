"""Sending over connections: over one that is open, or opening, or else is opened for it.

RFC 3261 18 and 18.1.1. What is to be sent over a connection that is not open yet waits here, within
bounds; what cannot be sent is put into ``turn.unsent``, and dealt with before the turn ends.
"""

from collections.abc import Iterable
from typing import Final

from sansip.address import Address
from sansip.certificates import identifies
from sansip.engine.actions import OpenFlow
from sansip.engine.config import SECURE_PORT
from sansip.engine.hosts import plain_host, share_of
from sansip.engine.state import Flow, Link, Waiting
from sansip.engine.turn import Turn
from sansip.message import Request, framing, parse_uri
from sansip.table import Table
from sansip.transaction import CLIENT

OWNER: Final = "f|"  # how the owner of a flow's timer begins
MOST_ALIASES: Final = 64  # names of one connection that requests may be for
NO_FLOW: Final = 0  # the number of no flow: the adapter's are above, ours below


def is_reliable(endpoint: str) -> bool:
    """Whether what leaves by the endpoint of this name goes over a connection."""
    return not endpoint.startswith("udp:")


def send(turn: Turn, link: Link, what: Waiting) -> int:
    """Send something over this link; the number of the flow that it goes over, or ``NO_FLOW``.

    The owner of what is sent again has lost a connection already, and gets no third one.
    """
    # "If a request is destined to an IP address, port, and transport to which an existing
    # connection is open, it is RECOMMENDED that this connection be used" (18.1.1).
    number = turn.links.get(link)
    if number is None or (number > NO_FLOW and _is_pretended(turn, number, link)):
        number = _open(turn, link)
    flow = turn.flows.get(number)
    if flow is None:
        turn.unsent.append((what, link, "too many connections"))
        return NO_FLOW
    waiting = flow.waiting
    if waiting is None:
        there = flow.link.remote  # where it leads: an alias is known by another port
        turn.send(what.owner, link.endpoint, there, what.data, number)
    elif _is_full(turn, waiting, len(what.data)):
        turn.unsent.append((what, link, "too much waits for the connection"))
        return NO_FLOW
    else:
        waiting = (*waiting, what)
    users = flow.users
    if what.owner.startswith(CLIENT):
        users = users.set(what.owner, flow.waiting is None and not what.again)
    left = flow.updated(flow.timer, users=users, used=turn.at, waiting=waiting)
    turn.flows = turn.flows.set(number, left)
    return number


def _is_pretended(turn: Turn, number: int, link: Link) -> bool:
    """Whether a peer has connected by TLS from a gateway's address, and not shown whose it is.

    Anybody on the way there could. A gateway whom a group names by its address has a certificate
    for that, and is called anew; who is no gateway is a phone that cannot be reached otherwise.
    """
    name = link.name
    if name is None or identifies(turn.flows[number].names, name):
        return False
    # Most members are ruled out by their text; IPv6 is written in many ways.
    part, there = "[" if ":" in name else name, (plain_host(name), link.remote.port)
    uris = [m.uri for _, group in turn.fleet.groups for m in group.members if part in m.uri]
    for uri in map(parse_uri, uris):
        if (plain_host(uri.maddr or uri.host), uri.port or SECURE_PORT) == there:
            return True
    return False


def _is_full(turn: Turn, waiting: tuple[Waiting, ...], size: int) -> bool:
    limits = turn.config.limits
    if len(waiting) < limits.waiting and (
        sum([len(what.data) for what in waiting]) + size <= limits.bytes_waiting
    ):
        return False
    turn.report("limit", "", f"limit of {limits.waiting} messages that wait for a connection")
    return True


def _open(turn: Turn, link: Link) -> int:
    limits = turn.config.limits
    if len(turn.flows) >= limits.flows:
        turn.report("limit", str(link.remote), f"limit of {limits.flows} flows")
        return NO_FLOW
    turn.serial += 1
    number = -turn.serial
    transport = link.endpoint.partition(":")[0]
    turn.actions.append(OpenFlow(number, link.endpoint, transport, link.remote, link.name))
    timer = turn.rearm(f"{OWNER}{number}", "connect", turn.at + limits.connect)
    flow = Flow(link, framing.start(), Table(), turn.at, timer, (), (), ())
    turn.flows = turn.flows.set(number, flow)
    turn.links = turn.links.set(link, number)
    return number


def occupy(turn: Turn, number: int | None, owner: str) -> None:
    """A request has come over a flow: if it is one of ours, it stays until that is over (18)."""
    if number is not None and number < NO_FLOW:
        flow = turn.flows[number]
        users = flow.users.set(owner, True)
        turn.flows = turn.flows.set(number, flow.updated(flow.timer, users=users))


def leave(turn: Turn, number: int | None, owner: str) -> None:
    """A transaction does not use its flow any more, if it did."""
    if number is None:
        return
    flow = turn.flows.get(number)
    if flow is not None and owner in flow.users:
        users = flow.users.without(owner)
        turn.flows = turn.flows.set(number, flow.updated(flow.timer, users=users))


def has_found_open(turn: Turn, number: int, owner: str) -> bool:
    """Whether a flow was open before this transaction came."""
    flow = turn.flows.get(number)
    return flow is not None and flow.users.get(owner, False)


def alias(turn: Turn, number: int, request: Request) -> None:
    """A peer with a verified name may want requests back over the connection that it has opened.

    They are those for the address that it comes from, at the port of its sent-by, and for one of
    its names.
    """
    via, flow = request.via, turn.flows[number]
    if via.param("alias") is None:
        return
    # "The server also populates the destination IP address, port, and transport in the alias table
    # from the topmost Via header field (using the ";received" parameter for the destination IP
    # address). If the port number is omitted, a default port number of 5061 is to be used" (RFC
    # 5923 8.2); "the identity (or identities) of the client" are part of it, and have to match.
    endpoint, there = flow.link.endpoint, Address(flow.link.remote.host, via.port or SECURE_PORT)
    aliases = tuple([Link(endpoint, there, name) for name in flow.names[:MOST_ALIASES]])
    if aliases != flow.aliases:
        _unlink(turn, number, flow.aliases)
        for link in aliases:
            turn.links = turn.links.set(link, number)
        turn.flows = turn.flows.set(number, flow.updated(flow.timer, aliases=aliases))


def shun(turn: Turn, number: int) -> None:
    """Nothing new goes over this flow: the operating system has refused something."""
    flow = turn.flows.get(number)
    if flow is not None:
        _unlink(turn, number, (flow.link, *flow.aliases))


def _unlink(turn: Turn, number: int, links: Iterable[Link]) -> None:
    """These do not lead to this flow any more."""
    for link in links:
        if turn.links.get(link) == number:
            turn.links = turn.links.without(link)


def welcome(turn: Turn, number: int, flow: Flow) -> None:
    """Keep a flow that a peer has opened, and find it by its address from now on."""
    turn.flows = turn.flows.set(number, flow)
    link = flow.link
    before = turn.links.get(link, NO_FLOW)
    # By TLS, one of ours that is open leads to who has proven to be there: it is not replaced.
    if link.name is None or before >= NO_FLOW or turn.flows[before].waiting is not None:
        turn.links = turn.links.set(link, number)
    share = share_of(flow.link.remote.host)
    turn.peers = turn.peers.set(share, turn.peers.get(share, 0) + 1)


def forget(turn: Turn, number: int) -> None:
    """The flow is gone."""
    shun(turn, number)
    if number > NO_FLOW:
        share = share_of(turn.flows[number].link.remote.host)
        left = turn.peers[share] - 1
        turn.peers = turn.peers.set(share, left) if left else turn.peers.without(share)
    turn.flows = turn.flows.without(number)
