"""Small worlds to explore, and engines that are not as they should be."""

from collections.abc import Callable

import sansip
from sansip.engine.actions import Action, Send
from sansip.engine.events import Event
from sansip.engine.state import State
from sansip.explore import Faults, Scenario

ONE = "sip:bob@203.0.113.1"
PROXY = "192.0.2.10:5060"
ENDPOINT = sansip.Endpoint("udp", PROXY)
ZONE = """
$TTL 3600
gw           NAPTR  10 10 "s" "SIP+D2U" "" _sip._udp.gw
_sip._udp.gw SRV    10 0 5060 gw-1
_sip._udp.gw SRV    20 0 5060 gw-2
gw-1         A      203.0.113.1
gw-2         A      203.0.113.2
"""
Spoil = Callable[[Event, Action], tuple[Action, ...]]


class ToName(sansip.Policy):
    """Calls go to two gateways behind one name."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay("sip:gw.example.com", advance_after=3.0)


class AsAsked(sansip.Policy):
    """Calls go where they say."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(request.uri, advance_after=3.0)


class Spoilt(sansip.Engine):
    """An engine with a fault on its way out."""

    __slots__ = ("spoil",)
    spoil: Spoil

    def step(self, state: State, event: Event) -> tuple[State, tuple[Action, ...]]:
        after, actions = super().step(state, event)
        return after, tuple([some for action in actions for some in self.spoil(event, action)])


def engine(policy: sansip.Policy | None = None) -> sansip.Engine:
    return sansip.Engine(sansip.Config([ENDPOINT]), policy or AsAsked())


def spoilt(spoil: Spoil, policy: sansip.Policy | None = None) -> Spoilt:
    made = Spoilt(sansip.Config([ENDPOINT]), policy or AsAsked())
    made.spoil = spoil
    return made


def begins(action: Action, *starts: bytes) -> bool:
    """Whether it sends a message that begins so."""
    return isinstance(action, Send) and action.data.startswith(starts)


def to_name(faults: Faults | None = None, by: sansip.Engine | None = None) -> Scenario:
    made = by or engine(ToName())
    return Scenario(made, ZONE, "example.com", ("sip:bob@example.com",), faults=faults or Faults())


def to_one(
    faults: Faults | None = None, by: sansip.Engine | None = None, *answers: int
) -> Scenario:
    gateways = {"203.0.113.1": answers or (200, 486)}
    return Scenario(by or engine(), calls=(ONE,), gateways=gateways, faults=faults or Faults())
