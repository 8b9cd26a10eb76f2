"""Reading a journal: its head at once, its steps one after the other, as they are asked for."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, cast

from sansip.engine.actions import Action
from sansip.engine.config import Config
from sansip.engine.events import Event
from sansip.errors import LocalProtocolError
from sansip.journal.codec import Codec
from sansip.journal.head import FORMAT, Head, JournalError, Named, Source, Toml
from sansip.value import value


@value
class Step:
    """An event, and what came of it."""

    number: int
    event: Event
    actions: tuple[Action, ...]


@value
class Swap:
    """From here on another engine steps the same state."""

    number: int
    config: Config
    policy: Source | None


class Journal:
    """A journal: its ``head``, and its steps, which can be gone through once.

    ``torn`` says, once the last step has been read, what was found behind it: the beginning of a
    line whose writer was killed, mostly; else it is empty.
    """

    def __init__(self, head: Head, steps: Iterator[Step | Swap]) -> None:
        """``read`` makes it."""
        self.head = head
        self.torn = ""
        self._steps = steps

    def __iter__(self) -> Iterator[Step | Swap]:
        """Give the steps in their order; ``JournalError`` if there is none where one must be."""
        try:
            yield from self._steps
        except _TornError as error:
            self.torn = str(error)


class _TornError(Exception):
    """The last line is incomplete."""


def read(lines: Iterable[str]) -> Journal:
    """Read a journal; ``lines`` is an open file, say. ``JournalError`` says what is wrong with it.

    A last line that is torn is no error: all before it is as it was. See ``Journal.torn``.
    """
    rest = iter(lines)
    codec = Codec()
    try:
        head = _head(codec, next(rest, ""))
    except (LocalProtocolError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = str(error) if isinstance(error, JournalError) else _no_journal(error)
        raise JournalError(f"line 1: {reason}") from None
    return Journal(head, _steps(codec, rest))


def _no_journal(error: Exception) -> str:
    return f"this is no head of a journal ({type(error).__name__}: {error})"


def _head(codec: Codec, line: str) -> Head:
    content = _object(line)
    number = content.get("format")
    if number != FORMAT:
        # Before anything else is looked at: in another format it may be another thing.
        raise JournalError(
            f"format {number!r}, written by sansip {content.get('sansip')}; this reads format "
            f"{FORMAT}: replay it with the sansip that wrote it"
            if "sansip" in content and "format" in content
            else "this is no head of a journal: it says no format"
        )
    return Head(
        content["sansip"],
        bytes.fromhex(content["seed"]),
        content["started"],
        codec.read_as(Config, content["config"]),
        _source(content["policy"]),
        tuple(content["redacted"]),
    )


def _steps(codec: Codec, lines: Iterator[str]) -> Iterator[Step | Swap]:
    number = 0
    line = next(lines, None)
    while line is not None:
        number += 1
        after = next(lines, None)
        try:
            content = _object(line)
        except ValueError:
            if after is None:
                raise _TornError(f"line {number + 1} is torn: {line[:40]!r}...") from None
            raise JournalError(f"line {number + 1} is not JSON: {line[:40]!r}...") from None
        try:
            step = _step(codec, content)
        except (LocalProtocolError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise JournalError(f"line {number + 1}: {type(error).__name__}: {error}") from None
        if step.number != number:
            raise JournalError(f"line {number + 1} has number {step.number}, not {number}")
        yield step
        line = after


def _step(codec: Codec, content: dict[str, Any]) -> Step | Swap:
    if "event" not in content:
        config = codec.read_as(Config, content["config"])
        return Swap(content["n"], config, _source(content["policy"]))
    actions = tuple([codec.read(action) for action in content["actions"]])
    return Step(content["n"], codec.read(content["event"]), actions)


def _source(content: dict[str, Any] | None) -> Source | None:
    if content is None:
        return None
    if "toml" in content:
        return Toml(content["toml"], content["name"], tuple(content["files"].items()))
    return Named(content["class"])


def _object(line: str) -> dict[str, Any]:
    content = json.loads(line)
    if not isinstance(content, dict):
        raise ValueError(f"{line[:40]!r} is no object")  # noqa: TRY004 - as what is no JSON
    return cast("dict[str, Any]", content)
