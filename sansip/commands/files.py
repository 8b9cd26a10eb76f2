"""What commands open: journals, the files of proxies, and policies by their names."""

import argparse
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from sansip.engine.policy import Policy
from sansip.errors import LocalProtocolError
from sansip.journal import Journal, JournalError, read
from sansip.toml import Settings, load

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
    with file.open(encoding="ascii", errors="replace") as lines:
        try:
            yield read(lines)
        except (JournalError, LocalProtocolError, UnfitError) as error:
            raise UnfitError(printable(f"{file}: {error}")) from None


def printable(text: str) -> str:
    """Escape what does more to a terminal than to be seen: who knows who wrote the journal."""
    shown = [each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text]
    return "".join(shown)


def settings_of(file: Path) -> Settings:
    """Read a proxy's file; what it names is looked for beside it."""
    return load(file.read_bytes(), file.name, lambda name: (file.parent / name).read_bytes())


def policy_of(name: str) -> Policy:
    """Import a policy, ``module:Class``, and make one."""
    module, colon, cls = name.partition(":")
    if not colon:
        raise UnfitError(f"policy {name}: write MODULE:CLASS")
    try:
        made = getattr(import_module(module), cls)()
    except (ImportError, AttributeError, TypeError) as error:
        raise UnfitError(f"policy {name}: {error}") from None
    except (Exception, SystemExit) as error:  # whatever the module does
        raise UnfitError(f"policy {name}: {type(error).__name__}: {error}") from error
    if not isinstance(made, Policy):
        raise UnfitError(f"policy {name}: it is no sansip.Policy")
    return made
