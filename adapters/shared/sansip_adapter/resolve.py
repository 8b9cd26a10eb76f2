"""``resolve``: plan, ask the questions of the plan, and plan again, until there are none left."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import sansip
from sansip import dns
from sansip_adapter.loop import Loop
from sansip_adapter.printout import Asked, Paint, page
from sansip_adapter.resolver import Resolver

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


Page = tuple[list[str], bool]


def resolve(loop: Loop, wish: Wish, paint: Paint, done: Callable[[Page], object]) -> None:
    """Make the page about a request, and say whether there is a hop for it."""
    engine, at = wish.engine, loop.now()
    state, _ = engine.start(SEED, at)
    resolver = Resolver(loop, wish.nameservers)
    log: list[Asked] = []
    plan_with = partial(engine.plan, state, wish.request, at=at, source=wish.source)
    rounds = iter(range(MOST_ROUNDS))

    def plan() -> None:
        plan = plan_with(answers={asked.question: asked.answer for asked in log})
        if plan.questions and next(rounds, None) is not None:
            _Round(loop, resolver, plan.questions, heard)
            return
        remarks = {} if wish.by_file else _remarks(engine, plan)
        servers = wish.nameservers or ("the name servers of the system",)
        lines = page(wish.request, wish.source, plan, log, servers, remarks, paint)
        done((lines, any(not step.refused for step in plan.steps)))

    def heard(asked: list[Asked]) -> None:
        log.extend(asked)
        plan()

    plan()


class _Round:
    """Questions that are asked at once."""

    def __init__(
        self,
        loop: Loop,
        resolver: Resolver,
        questions: Sequence[dns.Question],
        heard: Callable[[list[Asked]], object],
    ) -> None:
        self._loop, self._began = loop, loop.now()
        self._questions, self._heard = questions, heard
        self._answers: dict[dns.Question, Asked] = {}
        for question in questions:
            resolver.ask(question.name, question.type, partial(self._answered, question))

    def _answered(self, question: dns.Question, answer: dns.Answer) -> None:
        self._answers[question] = Asked(question, answer, self._loop.now() - self._began)
        if len(self._answers) == len(self._questions):
            self._heard([self._answers[question] for question in self._questions])


def _remarks(engine: sansip.Engine, plan: sansip.Plan) -> dict[sansip.Hop, str]:
    """What the hop filter of a proxy keeps back, unless its configuration says otherwise."""
    usual = sansip.Config(engine.config.endpoints)
    found = {step.hop: usual.refuses(step.hop) for step in plan.steps}
    return {hop: why.partition(";")[0] for hop, why in found.items() if why}
