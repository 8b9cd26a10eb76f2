"""Look for a broken promise in the core that is imported, and say in JSON what was found.

    python -m planted.search exploration 30

It is a program of its own, since each bug is in another copy of the core.
"""

import json
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import Final, NamedTuple

import sansip
from planted.scenarios import scenarios
from planted.worlds import CALLS, WORLDS
from sansip.explore import explore

MOST_STATES: Final = 15_000  # of a scenario


class Found(NamedTuple):
    """What a search has come to; ``why`` is empty if it has found nothing."""

    why: str
    many: int  # calls of a simulation, states of an exploration
    seconds: float
    where: str = ""
    core: str = str(Path(sansip.__path__[0]).resolve())  # that was searched


def simulation(seconds: float) -> Found:
    """Let worlds run, one after the other, until a promise is broken or time is over."""
    begun, calls = monotonic(), 0
    for seed in count():
        world = WORLDS[seed % len(WORLDS)]
        calls += CALLS
        try:
            world(seed)
        except Exception as error:  # noqa: BLE001 - whatever it is, the table shall say it
            why = f"{type(error).__name__}: {error}"
            return Found(why, calls, monotonic() - begun, f"{world.__name__} world, seed {seed}")
        if monotonic() - begun > seconds:
            break
    return Found("", calls, monotonic() - begun)


def exploration(seconds: float) -> Found:
    """Try everything in one scenario after the other, until a promise is broken or time is over."""
    begun, states = monotonic(), 0
    for number, scenario in enumerate(scenarios()):
        explored = explore(scenario, states=MOST_STATES)
        states += explored.states
        spent = monotonic() - begun
        if explored.broken is not None:
            return Found(explored.broken.reason, states, spent, f"scenario {number}")
        if spent > seconds:
            break
    return Found("", states, monotonic() - begun)


SEARCHES: MappingProxyType[str, Callable[[float], Found]] = MappingProxyType(
    {"exploration": exploration, "simulation": simulation}
)


if __name__ == "__main__":
    print(json.dumps(SEARCHES[sys.argv[1]](float(sys.argv[2]))._asdict()))  # noqa: T201
