"""A gateway is down, and the next gets the call: names by knot, calls by sipp, seen by Wireshark.

NAPTR leads to SRV, and that to two gateways, of which the first is closed. What is on the wire must
be what Wireshark knows as SIP, without a complaint.
"""

from pathlib import Path

import pytest

from authority import serving
from interop.capture import Capture
from interop.programs import Place, fresh_host, needs
from interop.proxy import Proxy
from interop.sipp import CALL, Party, all_completed, sipp

pytestmark = needs("sipp", "knotd", "tshark", "dumpcap")

ZONE = """
$TTL 60
@             SOA   ns admin 1 3600 600 86400 60
@             NS    ns
ns            A     127.0.0.1
gw            NAPTR 10 10 "s" "{service}" "" _sip._{transport}.gw
_sip._{transport}.gw SRV 10 0 5060 gw-1
_sip._{transport}.gw SRV 20 0 5060 gw-2
gw-1          A     {first}
gw-2          A     {second}
"""

CONFIG = """
domains = ["example.com"]
nameservers = ["{nameserver}"]

[relay]
advance_after = 3.0

[[route]]
source = "127.0.0.0/8"
to = "uri"
"""

SERVICES = {"udp": "SIP+D2U", "tcp": "SIP+D2T"}
CALLS = 5
SOON = 1.0  # seconds; silence would have cost 3


@pytest.mark.parametrize("transport", SERVICES)
def test_a_closed_gateway_costs_no_time_and_wireshark_has_nothing_to_complain_of(
    place: Place, proxy: Proxy, tmp_path: Path, transport: str
) -> None:
    caller, first, gateway = Party(fresh_host()), fresh_host(), Party(fresh_host(), transport)
    zone = ZONE.format(
        service=SERVICES[transport], transport=transport, first=first, second=gateway.host
    )
    (tmp_path / "dns").mkdir()
    nameserver = place.stack.enter_context(serving("knot", tmp_path / "dns")(zone))
    proxy.start(CONFIG.format(nameserver=nameserver), ("udp", "tcp"))
    capture = Capture(place, [caller.host, proxy.host, first, gateway.host])
    answering = sipp(place, "callee", gateway, CALL)
    calling = sipp(
        place,
        "caller",
        caller,
        CALL,
        *("-m", str(CALLS), "-r", "5", f"{proxy.host}:5060"),
        uri="sip:bob@gw.example.com",
    )
    all_completed(calling, answering, CALLS, within=30)
    capture.end(b"CSeq: 2 BYE", 4 * CALLS)

    # An ICMP error quotes what nobody took, and cuts it off.
    complaints = capture.rows(
        '!icmp && (_ws.malformed || (sip && _ws.expert.severity >= "Note"))',
        *("frame.number", "_ws.expert.message", "_ws.malformed"),
    )
    assert complaints == []
    refusal = "icmp.type == 3" if transport == "udp" else "tcp.flags.reset == 1"
    assert capture.rows(f"{refusal} && ip.src == {first}", "frame.number")
    asked = times(capture, f'sip.Method == "INVITE" && ip.src == {caller.host}')
    arrived = times(capture, f'sip.Method == "INVITE" && ip.dst == {gateway.host}')
    assert asked.keys() == arrived.keys()
    assert len(asked) == CALLS
    assert max(arrived[call] - asked[call] for call in asked) < SOON


def times(capture: Capture, filter_: str) -> dict[str, float]:
    """Give the times of packets, by Call-ID."""
    rows = capture.rows(filter_, "sip.Call-ID", "frame.time_epoch")
    return {row["sip.Call-ID"]: float(row["frame.time_epoch"]) for row in rows}
