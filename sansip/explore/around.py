"""Who there is to be called."""

from typing import Final

from sansip.address import Address
from sansip.dns import Answer, Question
from sansip.errors import LocalProtocolError
from sansip.explore.hosts import FAILED
from sansip.explore.parties import Caller
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
    engine = scenario.engine
    state, _ = engine.start(SEED, 0.0)
    found: dict[Address, tuple[int, ...]] = {}
    for who in callers:
        known: dict[Question, Answer] = {}
        request = who.script.invite
        while True:
            plan = engine.plan(state, request, at=0.0, source=who.address, answers=known)
            if not plan.questions:
                break
            for question in plan.questions:
                known[question] = names.answer(question.name, question.type) or FAILED
        found |= {step.hop.address: ANSWERS for step in plan.steps if not step.refused}
    if not found:
        raise LocalProtocolError("the calls lead nowhere")
    return found
