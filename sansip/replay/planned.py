"""Where a call would go if the groups were others.

Both policies have decided the same, so it is the members that make the difference. Both sides are
planned as ``Engine.plan`` does it, at the moment at which the request came and in the state that
was recorded: health, turns and loads included. Of DNS, both know what the journal has said so far,
and a name that it says nothing about gets an address that stands for its own and is never shown.
"""

from collections.abc import Mapping
from typing import Any, Final

from sansip.dispatch import Group
from sansip.dns import Answer, Found, Ip, NoRecords, Question
from sansip.engine.actions import Action, QueryDns
from sansip.engine.engine import Engine
from sansip.engine.events import Administered, DnsAnswered, Event, ReplaceGroups
from sansip.engine.planning import Step
from sansip.engine.policy import Scene
from sansip.engine.state import State
from sansip.message import Request
from sansip.value import value

Groups = Mapping[str, Group]
MOST_ANSWERS: Final = 10_000  # that are remembered: the latest
_V4: Final = "198.18."
_V6: Final = "fd73:616e:7369:70::"
_TTL: Final = 3600.0


@value
class Moved:
    """A request that would go elsewhere, though policies decide the same; ``str`` tells it."""

    number: int  # of the step
    group: str
    request: Request
    recorded: tuple[Step, ...]
    other: tuple[Step, ...]

    def __str__(self) -> str:
        request = self.request
        what = f"{request.method} {request.uri_text} would go elsewhere by group {self.group}"
        lines = [f"step {self.number}: {what} (Call-ID {request.call_id})"]
        for side, steps in (("recorded", self.recorded), ("other", self.other)):
            lines += [
                f"    {side:8}  {number}. {one}" for number, one in enumerate(_told(steps), 1)
            ]
        return "\n".join(lines)


class Planner:
    """Knows what DNS has said so far, and plans with that."""

    def __init__(self, groups: Groups) -> None:
        """``groups`` are the other ones."""
        self._groups = groups
        self._answers: dict[Question, Answer] = {}
        self._asked: dict[int, Question] = {}

    def learn(self, event: Event, actions: tuple[Action, ...]) -> None:
        """Learn what DNS has said."""
        if isinstance(event, DnsAnswered) and event.query in self._asked:
            question = self._asked.pop(event.query)
            self._answers.pop(question, None)
            self._answers[question] = event.answer
            _trim(self._answers)
        for action in actions:
            if isinstance(action, QueryDns):
                self._asked[action.query] = Question(action.name, action.type)
                _trim(self._asked)

    def has_other(self, state: State, group: str) -> bool:
        """Whether a group is not what it was then; one of no name is none."""
        return bool(group) and state.fleet.group(group) != self._groups.get(group)

    def differing(
        self, engines: tuple[Engine, Engine], state: State, request: Request, scene: Scene
    ) -> tuple[tuple[Step, ...], tuple[Step, ...]] | None:
        """Both plans for a request, the recorded one first, if they are not the same.

        ``engines`` are the recorded one, and one with the other policy.
        """
        recorded, other = engines
        regrouped = Administered(scene.at, ReplaceGroups(self._groups))
        changed, _ = other.step(state, regrouped)
        stand_ins: dict[Question, Answer] = {}  # the same for both
        before = self._plan(recorded, state, request, scene, stand_ins)
        now = self._plan(other, changed, request, scene, stand_ins)
        return None if _hops(before) == _hops(now) else (before, now)

    def _plan(
        self, engine: Engine, state: State, request: Request, scene: Scene,
        stand_ins: dict[Question, Answer],
    ) -> tuple[Step, ...]:  # fmt: skip
        while True:
            answers = self._answers | stand_ins
            plan = engine.plan(
                state, request, at=scene.at, source=scene.source, names=scene.names, answers=answers
            )
            unknown = [question for question in plan.questions if question not in stand_ins]
            if not unknown:
                return plan.steps
            for question in unknown:
                stand_ins[question] = _stand_in(question, len(stand_ins))


def _stand_in(question: Question, number: int) -> Answer:
    match question.type:
        case "A":
            return Found((Ip(f"{_V4}{number >> 8 & 255}.{number & 255}"),), _TTL)
        case "AAAA":
            return Found((Ip(f"{_V6}{number:x}"),), _TTL)
        case _:
            return NoRecords(_TTL)


def _hops(steps: tuple[Step, ...]) -> list[object]:
    """What is compared of the hops, in their order."""
    return [
        (step.stage, step.way, step.uri, step.hop.transport, step.hop.address, step.refused)
        for step in steps
    ]


def _told(steps: tuple[Step, ...]) -> list[str]:
    """The hops in words: an address that only stands for another is left out."""
    lines: list[str] = []
    for step in steps:
        where = "" if step.hop.address.host.startswith((_V4, _V6)) else f", {step.hop}"
        refused = f" (refused: {step.refused})" if step.refused else ""
        lines.append(f"{step.next_hop}{where}{refused}")
    return list(dict.fromkeys(lines)) or ["nowhere"]


def _trim(known: dict[Any, Any]) -> None:
    """Forget the oldest of too many."""
    if len(known) > MOST_ANSWERS:
        del known[next(iter(known))]
