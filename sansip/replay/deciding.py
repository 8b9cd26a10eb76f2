"""Another policy is asked what the recorded one was asked.

A decision is what a method of a policy returns: ``route``, ``in_dialog``, the method that an
``Ask`` names, a failure route. The history stays the recorded one: both policies are asked the same
in the same scene, and the recorded one is obeyed, so that nothing that the other one would have
caused disturbs the comparison. What decisions come to is another question (``planned``), and is
asked only where groups are other ones, too.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sansip.dispatch import Dispatch, Group
from sansip.engine.engine import Engine
from sansip.engine.policy import Decision, Policy, Relay, Scene
from sansip.engine.routing import overrides
from sansip.journal import Journal, Swap
from sansip.message import Request, Uri
from sansip.replay.planned import Moved, Planner
from sansip.replay.running import Comparison, Difference, Policies, begun, engine_of, unnamed
from sansip.replay.tally import Tally
from sansip.replay.words import difference
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
            f"    recorded  {difference(self.recorded, self.other)}\n"
            f"    other     {difference(self.other, self.recorded)}"
        )


def decisions(  # noqa: PLR0913 - most are options
    journal: Journal,
    other: Policy,
    engine: Engine | None = None,
    *,
    groups: Mapping[str, Group] | None = None,
    policies: Policies = unnamed,
    until: int | None = None,
    call: str | None = None,
    tally: Tally | None = None,
) -> Iterator[Decided | Moved | Difference]:
    """Ask another policy, too, whatever a journal's is asked; the decisions that differ.

    With other ``groups``, too: where both say ``Dispatch`` in ``route``, the hops that either comes
    to are what is compared, in their order, and not how a group was to choose.

    ``engine``, ``until``, ``call`` and ``tally`` are as in ``replay``. What is decided within
    dialogs is compared where the recorded policy decides about that at all. Where the journal
    itself does not replay any more a ``Difference`` says so, and ends it: what is decided behind
    that is about a state which never was.
    """
    head = journal.head
    tally = tally or Tally()
    comparison = Comparison(head.redacted)
    planner = None if groups is None else Planner(groups)
    asked: list[_Asked] = []
    recorded = engine or engine_of(head.config, head.policy, policies)
    both = _both(recorded, other, asked.append)
    state, _ = begun(recorded, head)
    for step in journal.steps(until):
        if isinstance(step, Swap):
            recorded = engine_of(step.config, step.policy, policies)
            both = _both(recorded, other, asked.append)
            continue
        before = state
        event = comparison.event(step)
        state, replayed = both.step(state, event)
        ordered, after = step.actions, event.at - head.started
        if replayed != ordered:
            ordered, replayed = comparison.sides(ordered, replayed)
        tally.add(after, event, step.actions)
        if planner is not None:
            planner.learn(event, step.actions)
        for each in asked:
            if call is not None and each.request.call_id != call:
                continue
            tally.decisions += 1
            if not each.is_same(but_for_dispatch=planner is not None):
                yield Decided(step.number, each.method, each.request, each.recorded, each.other)
            elif (
                planner is not None
                and each.scene is not None
                and (not each.is_same() or planner.has_other(before, each.group))
            ):
                tally.plans += 1
                engines = recorded, Engine(recorded.config, other)
                plans = planner.differing(engines, before, each.request, each.scene)
                if plans is not None:
                    yield Moved(step.number, each.group, each.request, *plans)
        asked.clear()
        if replayed != ordered:
            about = tally.call_of(event, ordered + replayed)
            yield Difference(step.number, event, ordered, replayed, "", about, after)
            return


@value
class _Asked:
    """What two policies were asked, and what they said."""

    method: str
    request: Request
    recorded: object
    other: object
    scene: Scene | None  # of a new request

    @property
    def group(self) -> str:
        """The group that a request is to go to, or ""."""
        to = self.recorded.to if isinstance(self.recorded, Relay) else None
        return to.group if isinstance(to, Dispatch) else ""

    def is_same(self, *, but_for_dispatch: bool = False) -> bool:
        """Whether both have decided the same, or at least that it is for a group to choose."""
        one, other = self.recorded, self.other
        match one, other:
            case Relay(to=Dispatch()), Relay(to=Dispatch()) if but_for_dispatch and self.scene:
                other = replace(other, to=one.to)
            case _:
                pass
        return _same(one) == _same(other)


def _both(engine: Engine, other: Policy, note: Callable[[_Asked], object]) -> Engine:
    kind = _BothWithin if overrides(engine.policy) else _Both
    return Engine(engine.config, kind(engine.policy, other, note))


class _Both(Policy):
    """Asks two policies, and decides as the first one does."""

    def __init__(self, recorded: Policy, other: Policy, note: Callable[[_Asked], object]) -> None:
        self._recorded = recorded
        self._other = other
        self._note = note

    def route(self, request: Request, scene: Scene) -> Decision:
        decision: Decision = self._ask("route", request, scene)
        return decision

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give the method that an ``Ask`` names, or a failure route."""
        return partial(self._ask, name)

    def _ask(self, method: str, about: Any, *more: Any) -> Any:  # noqa: ANN401 - as policies are asked
        other = _asked(self._other, method, about, *more)
        request = about if isinstance(about, Request) else about.request
        scene = more[0] if method == "route" else None
        recorded: object = None
        try:
            recorded = getattr(self._recorded, method)(about, *more)
        except Exception as error:
            recorded = _raised(error)
            raise  # so that the engine makes of it what it made of it then
        finally:
            self._note(_Asked(method, request, recorded, other, scene))
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
        return _raised(error)


def _raised(error: Exception) -> Raised:
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
