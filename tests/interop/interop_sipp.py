"""Calls between sipp and sipp through the proxy: each must complete, whatever is lost."""

import pytest

from interop.programs import Place, fresh_host, needs
from interop.proxy import Proxy
from interop.sipp import CALL, HUNG_UP_TALK, TALK, Conversation, Party, all_completed, sipp

pytestmark = needs("sipp")

ROUTE = """
[[route]]
method = "INVITE"
host = "example.com"
to = "{to}"

[[route]]
source = "127.0.0.0/8"
to = "uri"
"""


def called(callee: Party) -> str:
    parameter = "" if callee.transport == "udp" else f";transport={callee.transport}"
    return f"sip:{callee.host}:5060{parameter}"


@pytest.mark.parametrize(
    "conversation", [CALL, TALK, HUNG_UP_TALK], ids=["call", "talk", "hung-up"]
)
@pytest.mark.parametrize(
    ("left", "right"), [("udp", "udp"), ("tcp", "tcp"), ("udp", "tcp"), ("tcp", "udp")]
)
def test_every_call_completes(
    place: Place, proxy: Proxy, left: str, right: str, conversation: Conversation
) -> None:
    caller, callee = Party(fresh_host(), left), Party(fresh_host(), right)
    proxy.start(ROUTE.format(to=called(callee)), ("udp", "tcp"))
    answering = sipp(place, "callee", callee, conversation)
    calling = sipp(
        place,
        "caller",
        caller,
        conversation,
        *("-m", "50", "-r", "50", f"{proxy.host}:5060"),
        uri="sip:bob@example.com",
    )
    all_completed(calling, answering, 50, within=30)


def test_every_call_completes_although_much_is_lost(place: Place, proxy: Proxy) -> None:
    """Of what each end sends and receives, sipp loses 5 %."""
    caller, callee = Party(fresh_host(), lost=5), Party(fresh_host(), lost=5)
    proxy.start(ROUTE.format(to=called(callee)))
    answering = sipp(place, "callee", callee, CALL)
    calling = sipp(
        place,
        "caller",
        caller,
        CALL,
        *("-m", "60", "-r", "30", f"{proxy.host}:5060"),
        uri="sip:bob@example.com",
        hold=12,  # so that the ACK has many chances before BYE
    )
    all_completed(calling, answering, 60, within=80)
    assert calling.count("Retransmissions") > 0
    assert answering.count("Retransmissions") > 0
