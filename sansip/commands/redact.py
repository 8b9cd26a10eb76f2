"""``python -m sansip redact FILE``: make a journal fit to be shown to others."""

import argparse
from pathlib import Path
from typing import Final, TextIO

from sansip.commands.files import Parsers, command, journal_of, private
from sansip.journal import BODY, CREDENTIALS, Journal, copy

ABOUT: Final = """\
Writes a copy of a journal in which each byte of credentials and bodies is an x. Lengths stay, so
the copy replays like the journal, unless a policy decides by what is left out.

What stays: addresses, names and numbers of users, passwords within URIs, all other headers, and
what a program was asked and has answered. The seed and the secret of the configuration stay as
well, for without them nothing could be replayed: whoever has them can foretell what the run drew,
and forge the Record-Route of its dialogs, as long as they are in use. Running proxies take another
seed when they begin another file; but the secret of a configuration stays until it is changed. For
somebody who is to look and not to replay, leave them out with --no-keys.
"""
EXAMPLES: Final = """\
examples:
  python -m sansip redact run.journal -o shown.journal
  python -m sansip redact run.journal --header p-asserted-identity -o shown.journal
  python -m sansip redact run.journal --no-keys | grep 8f3a@192.0.2.7

exit status: 0, or 2 if the command or a file is wrong
"""


def add(commands: Parsers) -> None:
    """Make its parser."""
    parser = command(commands, "redact", "copy a journal without what is secret", ABOUT, EXAMPLES)
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="a journal")
    add("-o", "--output", type=Path, metavar="OUT", help="a new file; otherwise it is printed")
    add(
        "--header", action="append", default=[], metavar="NAME",
        help="leave out this header, too; what the core reads itself (From ...) it needs to replay",
    )  # fmt: skip
    add("--keep-bodies", action="store_true", help="leave out credentials only")
    add(
        "--no-keys", action="store_true",
        help="leave out seeds and secrets, too: the copy cannot be replayed",
    )  # fmt: skip


def run(given: argparse.Namespace, out: TextIO) -> int:
    """Run it; gives the exit status."""
    names = [*CREDENTIALS, *given.header, *(() if given.keep_bodies else (BODY,))]
    with journal_of(given.file) as journal:
        if given.output is None:
            copy(journal, out.write, names, keys=not given.no_keys)
        else:
            _to_file(journal, given.output, names, keys=not given.no_keys)
            if journal.torn:
                out.write(f"{journal.torn}: the writer was killed\n")
    return 0


def _to_file(journal: Journal, file: Path, names: list[str], *, keys: bool) -> None:
    """Write a file that nobody else may read; one that is there already stays as it is."""
    lines = private(file)
    try:
        with lines:
            copy(journal, lines.write, names, keys=keys)
    except BaseException:
        file.unlink()
        raise
