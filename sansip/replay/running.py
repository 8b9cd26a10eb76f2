"""Running a journal again, up to the first difference."""

import json
import re
from collections.abc import Callable
from typing import Any, Final

from sansip.engine.actions import Action
from sansip.engine.config import Config
from sansip.engine.engine import Engine
from sansip.engine.events import Administered, Consulted, Event, RequestSubmitted
from sansip.engine.policy import Policy
from sansip.engine.state import State
from sansip.errors import LocalProtocolError
from sansip.journal import Head, Journal, JournalError, Source, Step, Swap, Toml
from sansip.journal.codec import Codec
from sansip.journal.redaction import Redaction
from sansip.ladder.following import Call
from sansip.replay.contrast import contrast
from sansip.replay.tally import Tally
from sansip.replay.told import told
from sansip.replay.words import shortened, words
from sansip.toml import load
from sansip.value import value

Policies = Callable[[str], Policy]
MOST_BRANCHES: Final = 100_000  # that are remembered: the latest
_BRANCH: Final = re.compile(r"[0-9a-f]{16}\.[0-9a-f]{12}(?![0-9a-z])")  # with a loop part


@value
class Difference:
    """Where a replay first differs from its journal; ``str`` tells it in words.

    ``number`` is 0, and there is no event, if it is what the start has ordered. ``refused`` is what
    the event is refused with now (``LocalProtocolError``), or empty. ``call`` is the Call-ID of
    what it is about, if it is about a call; ``after`` are seconds from the start.
    """

    number: int
    event: Event | None
    recorded: tuple[Action, ...]
    replayed: tuple[Action, ...]
    refused: str = ""
    call: str | None = None
    after: float = 0.0

    def __str__(self) -> str:
        call = "" if self.call is None else f", in call {shortened(self.call)}"
        lines = ["the start differs"]
        if self.event is not None:
            head = f"step {self.number} differs, {self.after:.3f} s after the start{call}"
            lines = [head, f"  event: {told(self.event)}"]
        if self.refused:
            count = len(self.recorded)
            lines += [f"    recorded  {count} actions", f"    replayed  refused: {self.refused}"]
        else:
            lines += contrast(self.recorded, self.replayed)
        return "\n".join(lines)


def unnamed(name: str) -> Policy:
    """What finds policies where nobody else does: none can be found without importing."""
    raise JournalError(f"the policy is {name}: hand in an engine that has it")


def engine_of(config: Config, source: Source | None, policies: Policies = unnamed) -> Engine:
    """Make the engine that a journal tells of; ``policies`` finds one by ``module:Class``."""
    if source is None:
        return Engine(config)
    if isinstance(source, Toml):
        files = dict(source.files)

        def text_of(name: str) -> str:
            if name not in files:
                raise FileNotFoundError(2, "not in the journal")
            return files[name]

        return Engine(config, load(source.text, source.name, text_of).policy())
    return Engine(config, policies(source.name))


def begun(engine: Engine, head: Head) -> tuple[State, tuple[Action, ...]]:
    """Begin as a journal does: afresh, which orders something, or where it goes on."""
    if not head.seed:
        raise JournalError("its seed was left out, so it can be looked at, but not be run again")
    if head.state is not None:
        return head.state, ()
    return engine.start(head.seed, head.started)


def replay(
    journal: Journal,
    engine: Engine | None = None,
    *,
    policies: Policies = unnamed,
    until: int | None = None,
    call: str | None = None,
    show: Callable[[Step], object] | None = None,
    tally: Tally | None = None,
) -> Difference | None:
    """Run a journal again; the first difference, or None if there is none.

    By the engine that its head tells of, unless another is given. ``until`` is the number of the
    last step that is run. With ``call``, a Call-ID, only differences within that call count; all
    the rest is run too, since it is one state. ``show`` is given each step that counts, before it
    is compared; ``tally`` counts all that is run. ``JournalError`` if the journal cannot be read,
    or not be run.
    """
    head = journal.head
    comparison = Comparison(head.redacted)
    tally = tally or Tally()
    engine = engine or engine_of(head.config, head.policy, policies)
    state, begins = begun(engine, head)
    followed = None if call is None else Call(call)
    if head.ordered not in (None, begins):
        recorded, begins = comparison.sides(head.ordered, begins)
        if recorded != begins and followed is None:
            return Difference(0, None, recorded, begins)
    for step in journal.steps(until):
        if isinstance(step, Swap):
            engine = engine_of(step.config, step.policy, policies)
            continue
        replayed: tuple[Action, ...] = ()
        refused = ""
        event = comparison.event(step)
        try:
            state, replayed = engine.step(state, event)
        except LocalProtocolError as error:
            refused = str(error) or "LocalProtocolError"
        except Exception as error:
            error.add_note(f"at step {step.number}: {words(step.event)}")
            raise
        recorded = step.actions
        if replayed != recorded:
            recorded, replayed = comparison.sides(recorded, replayed)
        after = event.at - head.started
        tally.add(after, event, recorded)
        if followed is not None and not followed.has(step.event, recorded + replayed):
            continue
        if show is not None:
            show(step)
        if refused or recorded != replayed:
            about = tally.call_of(event, recorded + replayed)
            return Difference(step.number, event, recorded, replayed, refused, about, after)
    return None


class Comparison:
    """What a journal has written and what it has left out, when two sides are compared.

    The loop part of a branch is made of the header fields that decide where a request goes (RFC
    5393 4.2), Proxy-Authorization among them. Where that is left out, branches have loop parts that
    were not recorded: such branches are learnt from the first message that has them, and from then
    on events have the replayed ones in place of the recorded.
    """

    def __init__(self, redacted: tuple[str, ...]) -> None:
        """``redacted`` is the head's."""
        self._codec = Codec()
        self._redaction = Redaction(redacted) if redacted else None
        self._branches: dict[str, str] = {}  # recorded and replayed

    def event(self, step: Step) -> Event:
        """What is stepped; ``JournalError`` if a part of it was not written."""
        event = step.event
        unsure = isinstance(event, Consulted | Administered | RequestSubmitted)
        if not (unsure or self._branches):
            return event
        text = self._text(event)
        if unsure and '"is":"opaque"' in text:  # within a text these quotes would be escaped
            raise JournalError(
                f"step {step.number} cannot be run again, since the journal does not know the "
                f"class of a part of it: {words(event)}"
            )
        renamed: Event = self._read(self._renamed(text)) if self._branches else event
        return renamed

    def sides(
        self, recorded: tuple[Action, ...], replayed: tuple[Action, ...]
    ) -> tuple[tuple[Action, ...], tuple[Action, ...]]:
        """Both sides as a journal would have them; equal if there is no difference."""
        if self._redaction is None:
            return recorded, tuple([self._read(self._text(action)) for action in replayed])
        texts = [self._text(self._redaction.action(action)) for action in replayed]
        before = [self._text(action) for action in recorded]
        for one, other in zip(before, texts, strict=False):
            pairs = zip(_BRANCH.findall(one), _BRANCH.findall(other), strict=False)
            self._branches.update([pair for pair in pairs if _are_one(*pair)])
        while len(self._branches) > MOST_BRANCHES:
            del self._branches[next(iter(self._branches))]
        before = [self._renamed(text) for text in before]
        return tuple(map(self._read, before)), tuple(map(self._read, texts))

    def _text(self, thing: Event | Action) -> str:
        return self._codec.text(thing)

    def _read(self, text: str) -> Any:  # noqa: ANN401 - an event or an action
        return self._codec.read(json.loads(text))

    def _renamed(self, text: str) -> str:
        return _BRANCH.sub(lambda found: self._branches.get(found[0], found[0]), text)


def _are_one(recorded: str, replayed: str) -> bool:
    """Whether two branches differ, but only in their loop parts."""
    return recorded != replayed and recorded.partition(".")[0] == replayed.partition(".")[0]
