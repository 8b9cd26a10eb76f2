"""What a journal begins with: all that a replay needs besides the events."""

from typing import Final

from sansip.engine.actions import Action
from sansip.engine.config import Config
from sansip.engine.engine import Engine
from sansip.engine.policy import Everything
from sansip.engine.state import State
from sansip.value import value

FORMAT: Final = 1


@value
class Toml:
    """The policy of an example proxy: the text of its file, and of the lists that this names."""

    text: str
    name: str = "journal"  # what errors call it
    files: tuple[tuple[str, str], ...] = ()


@value
class Named:
    """Any other policy: ``module:Class``, made without arguments."""

    name: str


Source = Toml | Named


def source_of(engine: Engine) -> Source | None:
    """Name the policy of an engine by its class, as a replay may import it."""
    cls = type(engine.policy)
    return None if cls is Everything else Named(f"{cls.__module__}:{cls.__qualname__}")


@value
class Head:
    """With what an engine began; ``seed`` and ``started`` are what ``Engine.start`` was given.

    Whoever has the seed can foretell branches and tags, and whoever has ``Config.secret`` can forge
    a Record-Route: a journal is to be kept as both are.
    """

    sansip: str  # the version
    seed: bytes  # the state's, if there is one; b"": it was left out (``copy``)
    started: float
    config: Config
    policy: Source | None = None  # None: everything is delivered
    redacted: tuple[str, ...] = ()  # names of headers in lower case, and "body"
    clock: float | None = None  # Unix seconds at ``started``; None: unknown, or virtual time
    state: State | None = None  # where it goes on from; None: it begins with ``Engine.start``
    ordered: tuple[Action, ...] | None = None  # by ``Engine.start``; None: that was not written


class JournalError(ValueError):
    """What is wrong with a journal, and in which line."""
