"""Exploring: all that can happen, breadth first, so that the shortest way is found first."""

from collections.abc import Callable

from sansip.explore.hosts import Stepped
from sansip.explore.retrace import Counterexample, retraced
from sansip.explore.scenario import Scenario
from sansip.explore.space import Config, Space
from sansip.explore.words import words
from sansip.value import value

Progress = Callable[[int, int, int], object]  # is told depth, states and steps


@value
class Explored:
    """What has been seen.

    ``states`` are configurations of the world that differ, ``steps`` the happenings that were
    tried, ``depth`` how many of them in a row. ``whole``: that is all there is.
    """

    states: int
    steps: int
    depth: int
    whole: bool
    broken: Counterexample | None = None


class Search:
    """An exploration: what has been seen so far, and how it was first come to."""

    def __init__(self, scenario: Scenario) -> None:
        """Nothing has been seen but the beginning."""
        self.scenario = scenario
        self.space: Space = Space(scenario)
        self.begun: Stepped
        self.begun, first = self.space.begin(scenario.faults)
        self.seen: dict[Config, int] = {first: 0}
        self.steps: int = 0
        self.depth: int = 0
        self._before: list[int] = [0]  # of each configuration the one that it was come to from
        self._frontier = [first]

    def run(
        self, states: int | None, depth: int | None, progress: Progress | None
    ) -> Counterexample | None:
        """Go on until all is seen, something is found, or there is no more to be seen."""
        if self.begun.broken:
            return retraced(self.scenario, self.begun.broken, [])
        while self._frontier and (depth is None or self.depth < depth):
            following: list[Config] = []
            for config in self._frontier:
                found = self._look(config, following)
                if found is not None or (states is not None and len(self.seen) >= states):
                    return found
            self._frontier = following
            self.depth += bool(following)
            if progress is not None:
                progress(self.depth, len(self.seen), self.steps)
        return None

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing else to be seen."""
        return not self._frontier

    def _look(self, config: Config, following: list[Config]) -> Counterexample | None:
        """Try all that can happen next."""
        space, seen, before = self.space, self.seen, self._before
        if space.is_over(config):
            wrong = space.hosts.over(config[0])
            if wrong:
                return retraced(self.scenario, wrong, self._path(config))
        number = seen[config]
        for way, new, stepped in space.ways(config):
            self.steps += 1
            if stepped is not None and stepped.broken:
                path = [*self._path(config), words(space, config, way)]
                return retraced(self.scenario, stepped.broken, path)
            if new not in seen:
                seen[new] = len(before)
                before.append(number)
                following.append(new)
        return None

    def _path(self, config: Config) -> list[str]:
        """How a configuration was first come to, in words."""
        chain = [self.seen[config]]
        while chain[-1]:
            chain.append(self._before[chain[-1]])
        _, here = self.space.begin(self.scenario.faults)
        path: list[str] = []
        for number in reversed(chain[:-1]):
            ways = self.space.ways(here)
            way, new = next((w, new) for w, new, _ in ways if self.seen.get(new) == number)
            path.append(words(self.space, here, way))
            here = new
        return path


def explore(
    scenario: Scenario,
    *,
    states: int | None = None,
    depth: int | None = None,
    progress: Progress | None = None,
) -> Explored:
    """Try everything, up to so many states, and to so many happenings in a row.

    What is found first has the fewest happenings that break a promise.
    """
    search = Search(scenario)
    found = search.run(states, depth, progress)
    whole = found is None and search.is_whole
    return Explored(len(search.seen), search.steps, search.depth, whole, found)
