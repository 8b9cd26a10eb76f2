"""Exploring: all that can happen, breadth first, so that what is found is found the shortest way."""

from collections.abc import Callable

from sansip.engine.policy import Everything
from sansip.explore.hosts import Stepped
from sansip.explore.scenario import SEED, Scenario
from sansip.explore.space import Config, Space
from sansip.explore.words import words
from sansip.journal import Head, Named, Writer
from sansip.value import value
from sansip.version import VERSION

Progress = Callable[[int, int, int], object]  # depth, states, steps


@value
class Counterexample:
    """How a promise was broken: ``happenings`` in words, ``journal`` as lines."""

    reason: str
    happenings: tuple[str, ...]
    journal: tuple[str, ...]


@value
class Explored:
    """What has been seen; ``whole``: that is all there is."""

    states: int
    steps: int
    depth: int
    whole: bool
    broken: Counterexample | None = None


def explore(
    scenario: Scenario,
    *,
    states: int | None = None,
    depth: int | None = None,
    progress: Progress | None = None,
) -> Explored:
    """Try everything, up to so many states, and to so many happenings one after the other."""
    space = Space(scenario)
    begun, first = space.begin(scenario.faults)
    seen: dict[Config, int] = {first: 0}
    parents: list[int] = [0]
    frontier = [first]
    steps = deep = 0
    if begun.broken:
        return Explored(1, 0, 0, whole=False, broken=retraced(scenario, begun.broken, []))
    while frontier:
        if depth is not None and deep >= depth:
            return Explored(len(seen), steps, deep, whole=False)
        following: list[Config] = []
        for config in frontier:
            if space.is_over(config) and (wrong := space.hosts.over(config[0])):
                path = _path(space, scenario, parents, seen, config)
                found = retraced(scenario, wrong, path)
                return Explored(len(seen), steps, deep, whole=False, broken=found)
            number = seen[config]
            for way, new, stepped in space.ways(config):
                steps += 1
                if stepped is not None and stepped.broken:
                    path = _path(space, scenario, parents, seen, config)
                    path.append(words(space, config, way))
                    found = retraced(scenario, stepped.broken, path)
                    return Explored(len(seen), steps, deep + 1, whole=False, broken=found)
                if new not in seen:
                    seen[new] = len(parents)
                    parents.append(number)
                    following.append(new)
            if states is not None and len(seen) >= states:
                return Explored(len(seen), steps, deep, whole=False)
        frontier = following
        deep += bool(frontier)
        if progress is not None:
            progress(deep, len(seen), steps)
    return Explored(len(seen), steps, deep, whole=True)


def _path(
    space: Space, scenario: Scenario, parents: list[int], seen: dict[Config, int], config: Config
) -> list[str]:
    """How a configuration was first come to, in words."""
    chain = [seen[config]]
    while chain[-1]:
        chain.append(parents[chain[-1]])
    _, here = space.begin(scenario.faults)
    path: list[str] = []
    for number in reversed(chain[:-1]):
        for way, new, _ in space.ways(here):
            if seen[new] == number:
                path.append(words(space, here, way))
                here = new
                break
    return path


def retraced(scenario: Scenario, reason: str, path: list[str]) -> Counterexample:
    """Let it happen once more, and write down what the engine does.

    The same words may mean several things that can happen; one of them ends as it did.
    """
    space = Space(scenario, merge=False)
    begun, first = space.begin(scenario.faults)
    trail: list[tuple[str, Config, Stepped | None]] = [("", first, begun)]
    if not begun.broken:
        _follow(space, reason, path, trail)
    lines: list[str] = []
    writer = Writer(lines.append, _head(scenario))
    happenings: list[str] = []
    for (text, _, stepped), (_, before, _) in zip(trail[1:], trail, strict=False):
        happenings.append(f"{space.hosts.now(before[0]):8.3f}  {text}")
        if stepped is not None:
            for event, actions in stepped.told:
                writer.event(event, actions)
    return Counterexample(reason, tuple(happenings), tuple(lines))


def _follow(
    space: Space, reason: str, path: list[str], trail: list[tuple[str, Config, Stepped | None]]
) -> bool:
    """Go on along a path to where it is broken."""
    _, config, stepped = trail[-1]
    if len(trail) > len(path):
        if stepped is not None and stepped.broken == reason:
            return True
        return space.is_over(config) and space.hosts.over(config[0]) == reason
    wanted = path[len(trail) - 1]
    for way, new, done in space.ways(config):
        if words(space, config, way) == wanted:
            trail.append((wanted, new, done))
            if _follow(space, reason, path, trail):
                return True
            trail.pop()
    return False


def _head(scenario: Scenario) -> Head:
    engine = scenario.engine
    policy = type(engine.policy)
    source = scenario.source
    if source is None and policy is not Everything:
        source = Named(f"{policy.__module__}:{policy.__qualname__}")
    return Head(VERSION, SEED, 0.0, engine.config, source)
