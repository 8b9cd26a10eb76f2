"""Messages that have come, as a datagram or over a flow: whose they are."""

from sansip.address import Address
from sansip.engine import requests
from sansip.engine.hosts import plain_host, special
from sansip.engine.state import Arrival
from sansip.engine.transactions import step_client
from sansip.engine.turn import Turn
from sansip.message import Request, Response
from sansip.transaction import Responded, client_key

MOST_OWN = 64  # addresses of this machine that are remembered


def remember(turn: Turn, local: Address) -> None:
    """Something came to this address, so it is one of this machine's."""
    if ":" in local.host:
        local = Address(plain_host(local.host), local.port)  # IPv4 may come to an IPv6 socket
    if turn.config.wildcards and local not in turn.own:
        turn.own = (*turn.own, local)[-MOST_OWN:]


def at(local: Address, came: Arrival) -> Arrival:
    """The arrival of a datagram at a wildcard endpoint, with the address that it was sent to.

    Nothing is sent from a group's address, nor from one that the adapter does not know.
    """
    if special(local.host) not in {None, "loopback", "link-local"}:
        return came
    return Arrival(came.endpoint, came.source, came.size, local=local.host)


def take(turn: Turn, came: Arrival, message: Request | Response) -> None:
    """Deal with a message that could be read; all that can be wrong with it further is foreseen."""
    if isinstance(message, Response):
        _response(turn, came, message)
    else:
        requests.arrived(turn, came, message)


def _response(turn: Turn, came: Arrival, response: Response) -> None:
    via = response.via
    if not turn.config.is_own_sent_by(via.sent_by):
        # "the response MUST be silently discarded" (18.1.2)
        turn.report("dropped", str(came.source), f"a {response.status} for {via.sent_by}, not us")
        return
    key = client_key(via.branch or "", response.cseq.method)
    if not step_client(turn, key, Responded(response)):
        # RFC 6026 8.9 (6026-7.3-01): no transaction, no forwarding; not even of a 2xx.
        turn.report("dropped", key, f"a {response.status} that matches no transaction")
