"""All that can happen to a call that two gateways behind one name may take.

    python -m sansip explore examples/two_gateways.py:scenario

The names are those of a question on a mailing list in 2007: NAPTR and SRV lead to two A records,
and the call is to get to the second gateway when the first fails. One thing may go wrong in each
run, of any kind and at any time, and the caller may give up at any time.
"""

from sansip import Config, Decision, Endpoint, Engine, Policy, Relay, Request, Scene
from sansip.explore import Faults, Scenario

ZONE = """
$TTL 3600
gw           NAPTR  10 10 "s" "SIP+D2U" "" _sip._udp.gw
_sip._udp.gw SRV    10 0 5060 gw-1
_sip._udp.gw SRV    20 0 5060 gw-2
gw-1         A      203.0.113.1
gw-2         A      203.0.113.2
"""


class Gateways(Policy):
    """Calls go to the gateways; the next one is tried after three seconds of silence."""

    def route(self, request: Request, scene: Scene) -> Decision:
        """Whatever is asked for."""
        return Relay("sip:gw.example.com", advance_after=3.0)


ENGINE = Engine(Config([Endpoint("udp", "192.0.2.10:5060")]), Gateways())
ONE_OF_ANY_KIND = Faults(
    lost=1, late=1, copied=1, unavailable=1, refused=1, silent=1, dns=1, most=1
)
scenario = Scenario(ENGINE, ZONE, "example.com", ("sip:bob@example.com",), faults=ONE_OF_ANY_KIND)
