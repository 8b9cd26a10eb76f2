"""``resolve``: plan, ask the questions of the plan, and plan again, until there are none left."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import trio

import sansip
from sansip import dns
from sansip_trio.printout import Asked, Paint, page
from sansip_trio.resolver import Resolver

SEED: Final = b"what the same Call-ID draws is the same on every day"
MOST_ROUNDS: Final = 64  # of questions; each has those about as many names as may be tried


@dataclass(frozen=True)
class Wish:
    """A request, who sends it, the engine that gets it, and whom to ask about names."""

    request: sansip.Request
    source: sansip.Address
    engine: sansip.Engine
    nameservers: Sequence[str] | None
    by_file: bool  # what decides is a proxy's configuration


async def resolve(wish: Wish, paint: Paint) -> tuple[list[str], bool]:
    """The page about a request, and whether there is a hop for it."""
    engine, at = wish.engine, trio.current_time()
    state, _ = engine.start(SEED, at)
    resolver = Resolver(wish.nameservers, trio.current_time)
    log: list[Asked] = []
    plan_with = partial(engine.plan, state, wish.request, at=at, source=wish.source)
    plan = plan_with()
    for _ in range(MOST_ROUNDS):
        if not plan.questions:
            break
        log += await _ask(resolver, plan.questions)
        plan = plan_with(answers={asked.question: asked.answer for asked in log})
    remarks = {} if wish.by_file else _remarks(engine, plan)
    servers = wish.nameservers or ("the name servers of the system",)
    lines = page(wish.request, wish.source, plan, log, servers, remarks, paint)
    return lines, any(not step.refused for step in plan.steps)


async def _ask(resolver: Resolver, questions: Sequence[dns.Question]) -> list[Asked]:
    """Ask all of these at once."""
    answers: dict[dns.Question, Asked] = {}

    async def ask(question: dns.Question) -> None:
        began = trio.current_time()
        answer = await resolver.ask(question.name, question.type)
        answers[question] = Asked(question, answer, trio.current_time() - began)

    async with trio.open_nursery() as nursery:
        for question in questions:
            nursery.start_soon(ask, question)
    return [answers[question] for question in questions]


def _remarks(engine: sansip.Engine, plan: sansip.Plan) -> dict[sansip.Hop, str]:
    """What the hop filter of a proxy keeps back, unless its configuration says otherwise."""
    usual = sansip.Config(engine.config.endpoints)
    found = {step.hop: usual.refuses(step.hop) for step in plan.steps}
    return {hop: why.partition(";")[0] for hop, why in found.items() if why}
