"""Calls that pass Kamailio and the proxy, each in turn the first, and stay on that path.

Both put themselves into the path with Record-Route. The call has re-INVITEs from both ends, and is
hung up by either, so that requests within the dialog pass both proxies in both directions: the Via
headers of what has come to the ends say so.
"""

import pytest

import sansip
from interop.kamailio import kamailio
from interop.programs import Place, fresh_host, needs
from interop.proxy import Proxy
from interop.sipp import HUNG_UP_TALK, TALK, Conversation, Party, Sipp, all_completed, sipp
from sansip import headers

pytestmark = needs("sipp", "kamailio")

CALLS = 20
TRANSPORTS = ("udp", "tcp", "tls")
ROUTE = """
[[route]]
method = "INVITE"
to = "{to}"

[[route]]
source = "127.0.0.0/8"
to = "uri"
"""


def uri(host: str, transport: str) -> str:
    port = 5061 if transport == "tls" else 5060
    return f"sip:{host}:{port}" + ("" if transport == "udp" else f";transport={transport}")


def converse(
    place: Place, first: str, caller: Party, callee: Party, conversation: Conversation
) -> tuple[Sipp, Sipp]:
    """Have calls made; ``first`` is the host that the caller sends them to."""
    answering = sipp(place, "callee", callee, conversation)
    calling = sipp(
        place,
        "caller",
        caller,
        conversation,
        *("-m", str(CALLS), "-r", "20", f"{first}:5060"),
        uri="sip:bob@example.com",
    )
    all_completed(calling, answering, CALLS, within=30)
    return calling, answering


def ways(end: Sipp) -> dict[str, set[tuple[str, ...]]]:
    """Say which ways the requests of each method have come, by what Via says of each leg."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for message in end.messages:
        if isinstance(message, sansip.Request):
            legs = tuple(f"{via.transport} {via.host}" for via in reversed(headers.VIA.of(message)))
            found.setdefault(message.method, set()).add(legs)
    return found


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("conversation", [TALK, HUNG_UP_TALK], ids=["talk", "hung-up"])
@pytest.mark.parametrize("order", ["kamailio first", "kamailio last"])
def test_a_dialog_passes_both_proxies_in_both_directions(
    place: Place, proxy: Proxy, order: str, conversation: Conversation, transport: str
) -> None:
    caller, callee, host = Party(fresh_host()), Party(fresh_host()), fresh_host()
    files = proxy.authority.leaf(host)
    if order == "kamailio first":
        path, onward, to = (host, proxy.host), proxy.uri(transport), uri(callee.host, "udp")
    else:
        path, onward, to = (proxy.host, host), uri(callee.host, "udp"), uri(host, transport)
    kamailio(place, host, onward, files=files, ca=proxy.authority.ca)
    proxy.start(ROUTE.format(to=to), TRANSPORTS)
    calling, answering = converse(place, path[0], caller, callee, conversation)
    first, last = path
    between = transport.upper()
    forth = {(f"UDP {caller.host}", f"{between} {first}", f"UDP {last}")}
    back = {(f"UDP {callee.host}", f"{between} {last}", f"UDP {first}")}
    at_callee, at_caller = {"INVITE": forth, "ACK": forth}, {"INVITE": back, "ACK": back}
    if conversation is TALK:
        at_callee["BYE"] = forth
    else:
        at_caller["BYE"] = back
    assert ways(answering) == at_callee
    assert ways(calling) == at_caller
