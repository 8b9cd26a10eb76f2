"""Letting it happen once more, as it really would, for a journal of it.

An exploration takes one situation for another that cannot be told from it, and a journal may not:
it has to be what one engine did, from its start. So what was found is followed again, by what it is
in words, in a space where no two situations are one.
"""

from sansip.explore.hosts import Stepped
from sansip.explore.scenario import SEED, Scenario
from sansip.explore.space import Config, Space
from sansip.explore.words import words
from sansip.simulate.record import Record, source_of
from sansip.value import value

Trail = list[tuple[str, Config, Stepped | None]]  # what happened, where that led, what came of it


@value
class Counterexample:
    """How a promise is broken: what happens, in words, and the journal of the engine, as lines."""

    reason: str
    happenings: tuple[str, ...]
    journal: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([self.reason, *self.happenings])


def retraced(scenario: Scenario, reason: str, path: list[str]) -> Counterexample:
    """Follow a path, which is broken at its end for this reason."""
    space = Space(scenario, merge=False)
    begun, first = space.begin(scenario.faults)
    trail: Trail = [("", first, begun)]
    _follow(space, reason, path, trail)
    engine = scenario.engine
    record = Record(SEED, 0.0, engine.config, scenario.source or source_of(engine))
    happenings: list[str] = []
    before = first
    for text, config, stepped in trail[1:]:
        happenings.append(f"{space.hosts.situation(before[0]).now:8.3f}  {text}")
        before = config
        if stepped is not None:
            record.steps += stepped.told
    return Counterexample(reason, tuple(happenings), tuple(record.lines()))


def _follow(space: Space, reason: str, path: list[str], trail: Trail) -> bool:
    """Go on to the end of a path.

    The same words may mean several things that can happen: one of them ends as it did.
    """
    _, config, stepped = trail[-1]
    if len(trail) > len(path):
        if stepped is not None and stepped.broken == reason:
            return True
        return space.is_over(config) and space.hosts.over(config[0]) == reason
    for way, new, done in space.ways(config):
        if words(space, config, way) == path[len(trail) - 1]:
            trail.append((path[len(trail) - 1], new, done))
            if _follow(space, reason, path, trail):
                return True
            trail.pop()
    return False
