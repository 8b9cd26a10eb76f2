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
            raise UnfitError(f"{file}: {error}") from None


def settings_of(file: Path) -> tuple[Settings, Toml]:
    """Read a proxy's file, and beside it what it names; and what a journal says of that."""
    text = file.read_bytes()
    found = load(text, file.name, lambda name: (file.parent / name).read_bytes())
    return found, Toml(text.decode(), file.name, found.lists)


def policy_of(name: str) -> Policy:
    """Import a policy, ``module:Class``, and make one."""
    module, colon, cls = name.partition(":")
    if not colon:
        raise UnfitError(f"policy {name}: write MODULE:CLASS")
    with _whatever_it_does(f"policy {name}"):
        made = getattr(import_module(module), cls)()
    if not isinstance(made, Policy):
        raise UnfitError(f"policy {name}: it is no sansip.Policy")
    return made


def found_at(name: str) -> object:
    """Find what a module has under a name, ``MODULE:NAME``; or a file, which is run for that."""
    place, colon, attribute = name.rpartition(":")
    if not colon:
        raise UnfitError(f"{name}: write MODULE:NAME or FILE.py:NAME")
    if not place.endswith(".py"):
        with _whatever_it_does(name):
            return getattr(import_module(place), attribute)
    file = Path(place)
    file.stat()  # its own errors are not those of what it opens
    sys.path.insert(0, str(file.resolve().parent))  # for what it imports, and for a replay
    with _whatever_it_does(name):
        named = runpy.run_path(place, run_name=file.stem)
    if attribute not in named:
        raise UnfitError(f"{name}: there is nothing of that name")
    return named[attribute]


@contextmanager
def _whatever_it_does(name: str) -> Generator[None]:
    """What is imported may raise anything; it is said with its name."""
    try:
        yield
    except (ImportError, AttributeError, TypeError) as error:
        raise UnfitError(f"{name}: {error}") from None
    except (Exception, SystemExit) as error:
        raise UnfitError(f"{name}: {type(error).__name__}: {error}") from error


def private(file: Path) -> TextIO:
    """Make a file that nobody else may read; ``OSError`` if there is one."""
    return open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")  # noqa: PTH123 - it is a number


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
