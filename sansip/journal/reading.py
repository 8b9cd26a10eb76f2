"""Reading a journal: its head at once, its steps one after the other, as they are asked for.

Whatever stands in a file, nothing but ``JournalError`` comes of it: which line, what is wrong with
it, and what can be done.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

from sansip.engine.actions import Action
from sansip.engine.config import Config
from sansip.engine.events import Event
from sansip.entropy import checked_seed
from sansip.errors import LocalProtocolError
from sansip.journal.codec import Codec
from sansip.journal.head import FORMAT, Head, JournalError, Named, Source, Toml
from sansip.journal.parts import TEXT, CodecError, array, checked
from sansip.journal.states import States
from sansip.value import value

# What comes of content that is not what it should be: json, the codec, and what values check.
_WRONG: Final = (
    *(LocalProtocolError, ValueError, TypeError, LookupError, AttributeError),
    *(ArithmeticError, RecursionError),
)
_LATEST: Final = 1e11  # seconds: no clock says more
_WITH_ITS_OWN: Final = "replay it with the sansip that wrote it"


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
        self.torn: str = ""
        self._steps = steps

    def __iter__(self) -> Iterator[Step | Swap]:
        """Give the steps in their order; ``JournalError`` if there is none where one must be."""
        return self.steps()

    def steps(self, until: int | None = None) -> Iterator[Step | Swap]:
        """Give the steps up to the one of this number; what stands behind it is not looked at."""
        if until is not None and until < 1:
            return
        try:
            for step in self._steps:
                yield step
                if step.number == until:
                    return
        except _TornError as error:
            self.torn = str(error)


class _TornError(Exception):
    """The last line is incomplete."""


class _Lines:
    """The lines of a head, and the number of the last one."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.number = 0

    def next(self) -> dict[str, Any]:
        self.number += 1
        line = next(self._lines, None)
        if line is None:
            raise JournalError(
                f"line {self.number} is missing: the writer was killed before the head was whole; "
                "nothing has happened in this journal"
            )
        return _object(line)


def read(lines: Iterable[str]) -> Journal:
    """Read a journal; ``lines`` is an open file, say. ``JournalError`` says what is wrong with it.

    A last line that is torn is no error: all before it is as it was. See ``Journal.torn``.
    """
    rest = iter(lines)
    codec, numbered = Codec(), _Lines(rest)
    try:
        head = _head(codec, numbered)
    except JournalError:
        raise
    except _WRONG as error:
        raise JournalError(f"line {numbered.number}: {_no_head(error)}") from None
    return Journal(head, _steps(codec, rest, numbered.number))


def _no_head(error: Exception) -> str:
    return f"this is no head of a journal ({_reason(error)})"


def _reason(error: Exception) -> str:
    known = isinstance(error, CodecError | LocalProtocolError)
    return str(error) if known else f"{type(error).__name__}: {error}"


def _head(codec: Codec, lines: _Lines) -> Head:
    first = lines.next()
    _check_format(first)
    text = TEXT[1]
    seed = bytes.fromhex(first["seed"])
    began = text(first["sansip"]), seed and checked_seed(seed), _time(first["started"])
    clock = None if first["clock"] is None else _time(first["clock"])
    redacted = tuple(map(text, array(first["redacted"])))
    count = checked([int])(first["state"])
    second = lines.next()
    try:
        config, policy = _engine(codec, second)
    except CodecError as error:
        written = f"written by sansip {first['sansip']}"
        raise JournalError(f"line 2, {written}: {error}; {_WITH_ITS_OWN}") from None
    # There was a time when nobody wrote it.
    ordered = second.get("ordered")
    actions = None if ordered is None else _actions(codec, ordered)
    state = None
    if count:
        state = States(codec).read(lines.next() for _ in range(count))
    return Head(*began, config, policy, redacted, clock, state, actions)


def _check_format(first: dict[str, Any]) -> None:
    """Before anything else is looked at: in another format it may be another thing."""
    if "sansip" not in first or "format" not in first:
        raise JournalError("line 1: this is no head of a journal: it says no format")
    number = first["format"]
    if number == FORMAT and type(number) is int:
        return
    what = f"line 1: format {number!r}, written by sansip {first['sansip']}"
    if isinstance(number, int) and number > FORMAT:
        raise JournalError(f"{what}, is newer than this sansip, which reads {FORMAT}: update it")
    raise JournalError(f"{what}; this reads format {FORMAT}: {_WITH_ITS_OWN}")


def _steps(codec: Codec, lines: Iterator[str], before: int) -> Iterator[Step | Swap]:
    """Read the steps; so many lines stand before them."""
    number = 0
    line = next(lines, None)
    while line is not None:
        number += 1
        at = before + number
        remedy = f"what stands before it can be replayed: --until {number - 1}"
        after = next(lines, None)
        try:
            content = _object(line)
        except (ValueError, RecursionError):
            if after is None:
                raise _TornError(f"line {at} is torn: {line[:40]!r}...") from None
            raise JournalError(f"line {at} is not JSON: {line[:40]!r}...; {remedy}") from None
        try:
            step = _step(codec, content)
        except _WRONG as error:
            raise JournalError(f"line {at}: {_reason(error)}; {remedy}") from None
        if step.number != number:
            raise JournalError(f"line {at} has number {step.number}, not {number}; {remedy}")
        yield step
        line = after


def _step(codec: Codec, content: dict[str, Any]) -> Step | Swap:
    number = checked([int])(content["n"])
    if "event" not in content:
        return Swap(number, *_engine(codec, content))
    event = codec.read(content["event"])
    _time(event.at)
    return Step(number, event, _actions(codec, content["actions"]))


def _time(given: object) -> float:
    seconds: float = checked([float])(given)
    if not abs(seconds) <= _LATEST:  # it may be no number
        raise CodecError(f"{seconds!r} is no time")
    return seconds


def _actions(codec: Codec, content: object) -> tuple[Action, ...]:
    return tuple([codec.read(action) for action in array(content)])


def _engine(codec: Codec, content: dict[str, Any]) -> tuple[Config, Source | None]:
    return codec.read_as(Config, content["config"]), _source(content["policy"])


def _source(content: dict[str, Any] | None) -> Source | None:
    text = TEXT[1]
    if content is None:
        return None
    if "toml" in content:
        files = [(name, text(each)) for name, each in content["files"].items()]
        return Toml(text(content["toml"]), text(content["name"]), tuple(files))
    return Named(text(content["class"]))


def _object(line: str) -> dict[str, Any]:
    content = json.loads(line)
    if not isinstance(content, dict):
        raise ValueError(f"{line[:40]!r} is no object")  # noqa: TRY004 - as what is no JSON
    return cast("dict[str, Any]", content)
