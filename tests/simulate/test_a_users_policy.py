"""What a user writes to see how a policy of his own does: his zone, his gateways, one seed."""

import sansip
from sansip.simulate import SILENT, World

ZONE = """
$ORIGIN example.com.
gw-1  60  A  203.0.113.1
gw-2  60  A  203.0.113.2
"""
GATEWAYS = ["sip:gw-1.example.com", "sip:gw-2.example.com"]


class Mine(sansip.Policy):
    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(sansip.Dispatch("gateways", "first"), advance_after=3.0)


def test_a_gateway_that_is_silent_costs_three_seconds() -> None:
    endpoint = sansip.Endpoint("udp", "192.0.2.10:5060")
    config = sansip.Config([endpoint], groups={"gateways": GATEWAYS})
    with World(seed=7) as world:
        world.zone(ZONE)
        proxy = world.engine(sansip.Engine(config, Mine()))
        world.gateway("203.0.113.1:5060", SILENT)
        second = world.gateway("203.0.113.2:5060")
        call = world.phone("198.51.100.1:5060", proxy).call("sip:bob@example.com")
        world.run()
        assert call.status == 200
        assert call.answered_by == second.address
        assert 3.5 < call.set_up < 3.7  # it rings for half a second
