"""Who is to be called is found out: by the policy, the groups and the zones."""

import sansip
from sansip.message import parse_uri
from sansip.simulate import BUSY, World, surround
from sansip.simulate.surroundings import located

ZONE = """
$ORIGIN example.com.
gw            NAPTR 10 10 "s" "SIP+D2T" "" _sip._tcp.gw
_sip._tcp.gw  SRV   0 0 5070 gw-1
gw-1          A     203.0.113.1
gw-2          A     203.0.113.2
gw-3          A     203.0.113.3
              AAAA  2001:db8::3
alone         A     203.0.113.4
loop          A     127.0.0.1
mine          A     192.0.2.10
"""


class Mine(sansip.Policy):
    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay("sip:bob@gw.example.com")


def engine() -> sansip.Engine:
    endpoints = [sansip.Endpoint(kind, "192.0.2.10:5060") for kind in ("udp", "tcp")]
    groups = {"others": ["sip:gw-2.example.com;transport=tcp", "sip:gw-2.example.com"]}
    groups["more"] = ["sip:gw-3.example.com:5090", "sip:nowhere.example.com"]
    return sansip.Engine(sansip.Config(endpoints, groups=groups), Mine())


def test_there_is_a_gateway_wherever_a_call_may_lead() -> None:
    world = World()
    world.zone(ZONE)
    host = world.engine(engine())
    made = surround(world, host.engine, ["sip:bob@example.com"], "198.51.100.1", BUSY)
    assert [(gateway.transport, str(gateway.address)) for gateway in made] == [
        ("tcp", "203.0.113.1:5070"),  # by the policy, and its NAPTR and SRV records
        ("tcp", "203.0.113.2:5060"),  # a member of a group, the first that has this address
        ("udp", "203.0.113.3:5090"),  # of another, by its port, and not by IPv6
        ("udp", "203.0.113.4:5060"),  # for the zone has it
    ]
    call = world.phone("198.51.100.1", host).call("sip:bob@example.com")
    world.run()
    assert call.status == 486


def test_dns_that_says_nothing_leads_nowhere() -> None:
    world = World()
    world.zone(ZONE)
    world.names.fail(reason="")
    assert located(engine(), world.names, parse_uri("sip:gw.example.com")) == ()
