"""The journal of a server, in files: ``sansip.journal`` says what is in them.

The file is for its owner alone (0600), from its first byte on. What was there before is never
written to: the journal of an earlier run is renamed, to ``run.journal.1``, and what is there under
the name but is no journal stops the start.

All that a wake-up of the event loop has brought is written in one go, after all has been done that
came of it. So no packet waits for its own journal, and a program that is killed loses its last
wake-up at most.

A disk that is full, or anything else that goes wrong with the journal, ends the journal and nothing
else: that is said once.
"""

import os
import stat
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from sansip import Action, Engine, Event, Report, State, __version__
from sansip.engine.policy import Everything
from sansip.journal import BODY, CREDENTIALS, Head, Named, Source, Swap, Writer
from sansip_adapter.endpoints import in_words

if sys.platform != "win32":
    import fcntl


ROTATE: Final = 100_000_000  # bytes
KEEP: Final = 5  # files of earlier times
BEGINNING: Final = b'{"sansip":'  # of every journal
REMEDY: Final = "name a file that can be written, or leave the journal out"
# Without following a link, or waiting for whoever writes into a pipe.
LOOK: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

Taken = tuple[Event, tuple[Action, ...]]


class RecorderError(Exception):
    """A journal cannot be begun; the text names the file, the reason, and the remedy."""


class Recorder:
    """Writes the journal of one server: the option ``journal`` of ``serve``.

    ``policy`` says how a replay gets the policy; left out, it is imported by the name of its class.
    With ``redact``, credentials and bodies are left out. When ``rotate`` bytes have been written
    the journal goes on in a new file, and ``keep`` older ones stay: ``path.1`` is the newest.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        policy: Source | None = None,
        rotate: int = ROTATE,
        keep: int = KEEP,
        redact: bool = True,
    ) -> None:
        """No file is touched before the server begins."""
        self._files = _Files(Path(path), keep)
        self._policy, self._rotate = policy, rotate
        self._redacted = (*CREDENTIALS, BODY) if redact else ()
        self._writer: Writer | None = None
        self._lines: list[str] = []  # for one write
        self._taken: list[Taken | Swap] = []  # what is no lines yet
        self._full = 0  # so many bytes of the file
        self._report: Callable[[Report], object] = lambda _: None

    # What follows is called by the server, in this order.

    def open(self, report: Callable[[Report], object]) -> None:
        """Open the file, or raise ``RecorderError``; ``report`` is told what goes wrong later."""
        self._report = report
        try:
            self._files.begin()
        except OSError as error:
            raise RecorderError(f"{self._files.path}: {_reason(error)}; {REMEDY}") from None

    def begin(
        self,
        engine: object,
        seed: bytes,
        started: float,
        ordered: tuple[Action, ...] | None,
        state: object = None,
    ) -> None:
        """Write the head; ``ordered`` is what the start has led to."""
        if not isinstance(engine, Engine) or not isinstance(state, State | None):
            raise TypeError("only what a sansip.Engine does can be written into a journal")
        head = Head(
            __version__,
            seed,
            started,
            engine.config,
            self._source(engine),
            self._redacted,
            time.time(),
            state,
            ordered,
        )
        try:
            self._writer = Writer(self._lines.append, head)
        except Exception as error:  # noqa: BLE001 - it is only the journal
            self._end(_reason(error))
        self.write()
        self._full = self._files.written + self._rotate

    def take(self, taken: Sequence[Taken]) -> None:
        """Keep what the core has been told and has ordered, in its order, to be written later."""
        if self._writer is not None:
            self._taken.extend(taken)

    def swap(self, engine: object, policy: Source | None) -> None:
        """Write that this engine goes on; without a policy with the one before."""
        self._policy = policy or self._policy
        if self._writer is not None and isinstance(engine, Engine):
            self._taken.append(Swap(0, engine.config, self._source(engine)))
            self.write()

    def write(self) -> bool:
        """Write what has been taken; True if the file is full, and another is to ``go_on``."""
        if self._writer is None:
            return False
        try:
            self._encode(self._writer)
            self._files.write("".join(self._lines).encode("ascii"))
        except Exception as error:  # noqa: BLE001 - it is only the journal
            self._end(_reason(error))
            return False
        self._lines.clear()
        return self._files.written >= self._full

    def go_on(self, engine: object, seed: bytes, at: float, state: object) -> None:
        """Go on in another file, which begins with this state."""
        try:
            self._files.begin()
        except OSError as error:
            self._end(_reason(error))
        else:
            self.begin(engine, seed, at, None, state)

    def close(self) -> None:
        """Write what is left, and close the file."""
        self.write()
        self._writer = None
        self._files.close()

    def _encode(self, writer: Writer) -> None:
        for one in self._taken:
            if isinstance(one, Swap):
                writer.swap(one.config, one.policy)
            else:
                writer.event(*one)
        self._taken.clear()

    def _end(self, reason: str) -> None:
        """Go on without a journal, and say so."""
        self._writer = None
        self._taken.clear()
        self._files.close()
        text = f"{reason}: nothing more is written; mend that, and restart for a new journal"
        self._report(Report("journal", str(self._files.path), text))

    def _source(self, engine: Engine) -> Source | None:
        if self._policy is not None or isinstance(engine.policy, Everything):
            return self._policy
        cls = type(engine.policy)
        return Named(f"{cls.__module__}:{cls.__qualname__}")


class _Files:
    """The file that is written, and those of earlier times."""

    def __init__(self, path: Path, keep: int) -> None:
        self.path = path
        self.written = 0  # bytes of the file that is written
        self._names = [path, *[Path(f"{path}.{number}") for number in range(1, keep + 1)]]
        self._file = -1  # none

    def begin(self) -> None:
        """Begin a new file; those that are there are renamed, and the oldest goes."""
        self.close()
        _must_be_journal(self.path)
        free = next((at for at, name in enumerate(self._names) if not os.path.lexists(name)), -1)
        for older in range(free if free >= 0 else len(self._names) - 1, 0, -1):
            self._names[older - 1].replace(self._names[older])
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self.path.chmod(0o600)  # some umasks leave not even that
        self.written = 0
        _take(self._file)

    def write(self, data: bytes) -> None:
        """Write all of it, or else nothing."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self.written)
            raise
        self.written += len(data)

    def close(self) -> None:
        """Write no more."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _must_be_journal(path: Path) -> None:
    """See that what has this name, if anything does, may be renamed: a journal that is over."""
    if path.is_symlink():
        raise OSError(0, "that is a symbolic link, which is not followed")
    try:
        file = os.open(path, LOOK)
    except FileNotFoundError:
        return
    try:
        begins = os.read(file, len(BEGINNING)) if stat.S_ISREG(os.fstat(file).st_mode) else None
        if begins is None or not BEGINNING.startswith(begins):
            raise OSError(0, "there is something else of that name, which is no journal")
        _take(file)
    finally:
        os.close(file)


def _take(file: int) -> None:
    """See that nobody else writes it; where files have no locks that is not known."""
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(0, "another program is writing it") from None
    except OSError:
        pass


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return in_words(error).lower()
    return f"it cannot be written down ({type(error).__name__}: {error})"
