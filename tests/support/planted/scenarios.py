"""Small worlds of which everything is tried: a call, two gateways, and one fault at most.

The smallest come first. By one name that has two addresses, both at once, or one after the other:
those are the three ways to come to more than one branch.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import sansip
from planted.worlds import ZONE, ByName
from sansip.explore import Call, Faults, Scenario

FIRST: Final = "203.0.113.1:5060"
SECOND: Final = "203.0.113.2:5070"
OF_NAME: Final = "203.0.113.2:5060"


class AtOnce(sansip.Policy):
    """Two phones ring."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay((f"sip:a@{FIRST}", f"sip:b@{SECOND}"))


class InTurn(sansip.Policy):
    """One phone rings; if it does not answer another one does."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(
            (sansip.Target(f"sip:a@{FIRST}", 1.0), sansip.Target(f"sip:b@{SECOND}", 0.5))
        )


def of(
    policy: sansip.Policy,
    gateways: Mapping[str, tuple[int, ...]],
    faults: Faults | None = None,
    *,
    cancel: bool = True,
) -> Scenario:
    """One call through this policy."""
    endpoint = sansip.Endpoint("udp", "192.0.2.10:5060")
    engine = sansip.Engine(sansip.Config([endpoint], secret=bytes(16)), policy)
    call = Call("sip:bob@example.com", source="198.51.100.1:5062", cancel=cancel)
    given = faults or Faults()
    return Scenario(engine, zone=ZONE, calls=(call,), gateways=gateways, faults=given)


BY_NAME: Final = MappingProxyType({FIRST: (180, 200, 486), OF_NAME: (180, 200, 486)})


def scenarios() -> tuple[Scenario, ...]:
    """All of them."""
    return (
        of(InTurn(), {FIRST: (180, 603), SECOND: (180, 200)}, cancel=False),
        of(ByName(), BY_NAME),
        of(AtOnce(), {FIRST: (200,), SECOND: (180, 200)}, cancel=False),
        of(AtOnce(), {FIRST: (200,), SECOND: (180, 503)}, cancel=False),
        of(ByName(), BY_NAME, Faults(unavailable=1)),
        of(AtOnce(), {FIRST: (200,), SECOND: (200,)}, Faults(copied=1), cancel=False),
        of(ByName(), BY_NAME, Faults(refused=1)),
        of(ByName(), BY_NAME, Faults(copied=1)),
        of(ByName(), BY_NAME, Faults(lost=1)),
        of(AtOnce(), {FIRST: (180, 200), SECOND: (486,)}),
        of(ByName(), BY_NAME, Faults(dns=1)),
        of(ByName(), BY_NAME, Faults(late=1)),
        of(InTurn(), {FIRST: (180, 503), SECOND: (180, 200)}),
        of(ByName(), BY_NAME, Faults(silent=1)),
    )
