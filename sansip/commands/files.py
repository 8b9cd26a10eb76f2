"""What commands open: journals, the files of proxies, and policies by their names."""

import argparse
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from sansip.engine.policy import Policy
from sansip.errors import LocalProtocolError
from sansip.journal import Journal, JournalError, Toml, read
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


def settings_of(file: Path) -> Settings:
    """Read a proxy's file; what it names is looked for beside it."""
    return load(file.read_bytes(), file.name, lambda name: (file.parent / name).read_bytes())


def proxy_of(file: Path) -> tuple[Settings, Toml]:
    """Read a proxy's file, and what a journal says of it: its text, and what it names."""
    lists: list[tuple[str, str]] = []

    def text_of(name: str) -> str:
        lists.append((name, (file.parent / name).read_bytes().decode(errors="replace")))
        return lists[-1][1]

    text = file.read_bytes()
    settings = load(text, file.name, text_of)
    return settings, Toml(text.decode(), file.name, tuple(lists))


def named(what: str, name: str) -> object:
    """Import what has this name: ``MODULE:NAME`` or ``FILE.py:NAME``."""
    place, colon, attribute = name.rpartition(":")
    if not colon:
        raise UnfitError(f"{what} {name}: write MODULE:NAME or FILE.py:NAME")
    try:
        if place.endswith(".py"):
            file = Path(place).resolve(strict=True)
            sys.path.insert(0, str(file.parent))  # for what it imports, and for journals of it
            place = file.stem
        return getattr(import_module(place), attribute)
    except OSError as error:
        raise UnfitError(f"{what} {name}: {(error.strerror or str(error)).lower()}") from None
    except (ImportError, AttributeError) as error:
        raise UnfitError(f"{what} {name}: {error}") from None
    except (Exception, SystemExit) as error:  # whatever the module does
        raise UnfitError(f"{what} {name}: {_why(error)}") from error


def _why(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def policy_of(name: str) -> Policy:
    """Import a policy, see ``named``, and make one."""
    kind = named("policy", name)
    try:
        made = kind() if callable(kind) else kind
    except (Exception, SystemExit) as error:  # whatever it does
        raise UnfitError(f"policy {name}: {_why(error)}") from error
    if not isinstance(made, Policy):
        raise UnfitError(f"policy {name}: it is no sansip.Policy")
    return made
