"""Another policy is asked what the recorded one was asked.

A decision is what a method of a policy returns: ``route``, ``in_dialog``, the method that an
``Ask`` names, a failure route. The history stays the recorded one: both policies are asked the same
in the same scene, and the recorded one is obeyed, so that nothing that the other one would have
caused disturbs the comparison. What a decision comes to (hops, their order, times) is no part of
it: that depends on groups and DNS, too.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from sansip.engine.engine import Engine
from sansip.engine.policy import Decision, Policy, Relay, Scene
from sansip.engine.routing import overrides
from sansip.journal import Journal, Swap
from sansip.message import Request, Uri
from sansip.replay.running import Policies, Runner, begin, engine_of, unnamed
from sansip.replay.words import words
from sansip.value import value


@value
class Raised:
    """What a policy decided: nothing, it raised."""

    text: str


@value
class Decided:
    """Where two policies differ; ``str`` tells it in words."""

    number: int  # of the step
    method: str
    request: Request
    recorded: object  # decision
    other: object

    def __str__(self) -> str:
        return (
            f"step {self.number}: {self.method} decides otherwise about "
            f"{self.request.method} {self.request.uri_text} (Call-ID {self.request.call_id})\n"
            f"    recorded  {words(self.recorded)}\n"
            f"    other     {words(self.other)}"
        )


def decisions(
    journal: Journal,
    other: Policy,
    engine: Engine | None = None,
    *,
    policies: Policies = unnamed,
    until: int | None = None,
) -> Iterator[Decided]:
    """Ask another policy, too, whatever a journal's is asked; the decisions that differ.

    ``engine`` and ``until`` are as in ``replay``. What is decided within dialogs is compared where
    the recorded policy decides about that at all.
    """
    head = journal.head
    found: list[tuple[str, Request, object, object]] = []
    runner = Runner(head.redacted)
    engine = _both(engine or engine_of(head.config, head.policy, policies), other, found.append)
    state = begin(engine, head)
    for step in journal:
        if until is not None and step.number > until:
            break
        if isinstance(step, Swap):
            swapped = engine_of(step.config, step.policy, policies)
            engine = _both(swapped, other, found.append)
            continue
        state, replayed = engine.step(state, runner.event(step))
        if replayed != step.actions:
            runner.sides(step.actions, replayed)  # which learns
        yield from [Decided(step.number, *difference) for difference in found]
        found.clear()


Differs = Callable[[tuple[str, Request, object, object]], object]


def _both(engine: Engine, other: Policy, differs: Differs) -> Engine:
    kind = _BothWithin if overrides(engine.policy) else _Both
    return Engine(engine.config, kind(engine.policy, other, differs))


class _Both(Policy):
    """Asks two policies, and decides as the first one does."""

    def __init__(self, recorded: Policy, other: Policy, differs: Differs) -> None:
        self._recorded = recorded
        self._other = other
        self._differs = differs

    def route(self, request: Request, scene: Scene) -> Decision:
        decision: Decision = self._ask("route", request, scene)
        return decision

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give the method that an ``Ask`` names, or a failure route."""
        return partial(self._ask, name)

    def _ask(self, method: str, about: Any, *more: object) -> Any:  # noqa: ANN401 - as policies are asked
        other = _asked(self._other, method, about, *more)
        recorded = _asked(self._recorded, method, about, *more)
        if _same(recorded) != _same(other):
            request = about if isinstance(about, Request) else about.request
            self._differs((method, request, recorded, other))
        if isinstance(recorded, Raised):
            raise RuntimeError(recorded.text)  # noqa: TRY004 - whatever it was
        return recorded


class _BothWithin(_Both):
    """The same for a policy that decides within dialogs, too."""

    def in_dialog(self, request: Request, scene: Scene) -> Decision | None:
        decision: Decision | None = self._ask("in_dialog", request, scene)
        return decision


def _asked(policy: Policy, method: str, *about: object) -> object:
    try:
        return getattr(policy, method)(*about)
    except Exception as error:  # noqa: BLE001 - a policy's code may raise anything
        return Raised(f"{type(error).__name__}: {error}")


def _same(decision: object) -> object:
    """The form in which decisions that mean the same are equal."""
    if not isinstance(decision, Relay):
        return decision
    to = decision.to
    if isinstance(to, list):
        to = tuple(to)
    names = [name for name in Relay.__dataclass_fields__ if name != "to"]
    plain = to.text if isinstance(to, Uri) else to
    return (plain, *[getattr(decision, name) for name in names])
