"""Who there is: where calls may lead, and who has which address."""

from collections.abc import Iterable
from typing import Final

from sansip.address import Address
from sansip.dns import Answer, Question
from sansip.engine.hosts import is_ip
from sansip.engine.planning import Plan
from sansip.errors import LocalProtocolError
from sansip.explore.hosts import FAILED
from sansip.explore.parties import Caller, Party
from sansip.explore.scenario import SEED, Scenario
from sansip.simulate.names import Names
from sansip.simulate.party import at

ANSWERS: Final = (180, 200, 486)


def gateways_of(
    scenario: Scenario, names: Names, callers: list[Caller]
) -> dict[Address, tuple[int, ...]]:
    """Addresses and what they may answer: as the scenario says, or wherever the calls may lead."""
    if scenario.gateways is not None:
        return {at(place): answers for place, answers in scenario.gateways.items()}
    found: dict[Address, tuple[int, ...]] = {}
    why: list[str] = []
    for who in callers:
        plan = _plan(scenario, names, who)
        found |= {step.hop.address: ANSWERS for step in plan.steps if not step.refused}
        refused = [f"{step.hop.address}: {step.refused}" for step in plan.steps if step.refused]
        said = plan.notes or refused or [f"the policy says {plan.decision}"]
        why.append(f"{who.script.invite.uri_text}: {'; '.join(said)}")
    if not found:
        raise LocalProtocolError("\n".join(["the calls lead nowhere", *why]))
    return found


def _plan(scenario: Scenario, names: Names, who: Caller) -> Plan:
    engine = scenario.engine
    request, known = who.script.invite, dict[Question, Answer]()
    while True:
        try:
            state, _ = engine.start(SEED, 0.0)
            plan = engine.plan(state, request, at=0.0, source=who.address, answers=known)
        except Exception as error:
            raise LocalProtocolError(
                f"where {request.uri_text} leads cannot be told, for the engine raises {error!r}: "
                "say with gateways= who is there"
            ) from error
        if not plan.questions:
            return plan
        for question in plan.questions:
            known[question] = names.answer(question.name, question.type) or FAILED


def who_is_where(parties: tuple[Party, ...], proxies: Iterable[Address]) -> dict[Address, int]:
    """Where the parties are, by their numbers; each has to be at an address of its own."""
    places = dict.fromkeys(proxies, "the engine")
    for party in parties:
        place = party.address
        if not is_ip(place.host):
            raise LocalProtocolError(f"{party.name} needs an IP address: {place.host} is a name")
        if place in places:
            raise LocalProtocolError(f"two are at {place}: {places[place]} and {party.name}")
        places[place] = party.name
    return {party.address: number for number, party in enumerate(parties)}
