"""What commands open: journals, the files of proxies, Python by its name; and what they write."""

import argparse
import os
import runpy
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TextIO

from sansip.engine.policy import Policy
from sansip.errors import LocalProtocolError
from sansip.journal import Journal, JournalError, Toml, read
from sansip.ladder import draw, html
from sansip.toml import Settings, load

LONGEST: Final = 100_000_000  # characters of a line; of a longer one we will not know the end
# What argparse calls _SubParsersAction has no public name.
Parsers = Any


class UnfitError(Exception):
    """What cannot be had, and why."""


def command(commands: Parsers, name: str, about: str, description: str, examples: str) -> Any:  # noqa: ANN401 - see Parsers
    """Make the parser of a command."""
    return commands.add_parser(
        name,
        help=about,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


@contextmanager
def journal_of(file: Path) -> Generator[Journal]:
    """Open a journal; what goes wrong with it is said with the name of the file."""
    # What is no ASCII is not of a journal: it will be said where it stands.
    with file.open(encoding="ascii", errors="replace") as opened:
        try:
            yield read(iter(lambda: opened.readline(LONGEST), ""))
        except (JournalError, LocalProtocolError, UnfitError) as error:
            raise UnfitError(printable(f"{file}: {error}")) from None


def printable(text: str) -> str:
    """Escape what does more to a terminal than to be seen: who knows who wrote the journal."""
    shown = [each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text]
    return "".join(shown)


def settings_of(file: Path) -> tuple[Settings, Toml]:
    """Read a proxy's file, and beside it what it names; and what a journal says of that."""
    text = file.read_bytes()
    found = load(text, file.name, lambda name: (file.parent / name).read_bytes())
    return found, Toml(text.decode(), file.name, found.lists)


def found_at(what: str, name: str) -> object:
    """Find what a module has, ``MODULE:NAME``, or a file, ``FILE.py:NAME``, which is run for it."""
    place, colon, attribute = name.rpartition(":")
    if not colon:
        raise UnfitError(f"{what} {name}: write MODULE:NAME or FILE.py:NAME")
    file = Path(place) if place.endswith(".py") else None
    if file is not None:
        file.stat()  # what is wrong with the file itself is said of that
        sys.path.insert(0, str(file.resolve().parent))  # for what it imports, and for a replay
    with _imported(f"{what} {name}"):
        known = runpy.run_path(place, None, file.stem) if file else vars(import_module(place))
    if attribute not in known:
        raise UnfitError(f"{what} {name}: there is nothing of that name")
    return known[attribute]


def policy_of(name: str) -> Policy:
    """Find a policy by its name; of a class, make one."""
    made = found_at("policy", name)
    if callable(made):
        with _imported(f"policy {name}"):
            made = made()
    if not isinstance(made, Policy):
        raise UnfitError(f"policy {name}: it is no sansip.Policy")
    return made


@contextmanager
def _imported(name: str) -> Generator[None]:
    """What is imported may do whatever it likes; what it raises is said with its name."""
    try:
        yield
    except (ImportError, AttributeError, TypeError) as error:
        raise UnfitError(f"{name}: {error}") from None
    except (Exception, SystemExit) as error:
        raise UnfitError(f"{name}: {type(error).__name__}: {error}") from error


def private(file: Path) -> TextIO:
    """Make a file that nobody else may read; ``OSError`` if there is one."""
    number = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return open(number, "w", encoding="utf-8")  # noqa: PTH123 - it is a number


def write_found(stem: Path, lines: Iterable[str]) -> tuple[Path, Path]:
    """Write a journal and its ladder, in the place of those of an earlier run."""
    lines = tuple(lines)
    journal, page = Path(f"{stem}.journal"), Path(f"{stem}.html")
    for file, text in ((journal, "".join(lines)), (page, html(draw(read(lines))))):
        file.unlink(missing_ok=True)
        with private(file) as out:  # they tell secrets
            out.write(text)
    return journal, page


def complaint(error: OSError) -> str:
    """What is wrong with which file."""
    reason = (error.strerror or str(error)).lower()
    return f"{error.filename}: {reason}\n" if error.filename else f"{reason}\n"
