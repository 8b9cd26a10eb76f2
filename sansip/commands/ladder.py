"""``python -m sansip ladder FILE``: draw what a journal tells."""

import argparse
import os
import shutil
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final, TextIO

from sansip.commands.files import Parsers, UnfitError, command, journal_of
from sansip.commands.terminal import in_colours
from sansip.journal import Journal
from sansip.ladder import MOST, Ladder, capture, draw, html, mermaid, svg, text

ABOUT: Final = """\
Draws a journal as a ladder: hosts as columns, messages as arrows, and what no packet shows: DNS,
timers, ICMP, connections, orders of the operator, and each failover with its reason.
"""
EXAMPLES: Final = """\
examples:
  python -m sansip ladder run.journal --call 8f3a@192.0.2.7
  python -m sansip ladder run.journal --html -o run.html
  python -m sansip ladder run.journal --pcap -o run.pcap

In a capture, what went through TLS is plain TCP on the same ports.

exit status: 0 if it is drawn, 2 if the command or a file is wrong, or the call is not there
"""
_PICTURES: Final = MappingProxyType({"svg": svg, "html": html, "mermaid": mermaid})
_PIPED: Final = (100, 24)  # columns and lines of no terminal


def add(commands: Parsers) -> None:
    """Make its parser."""
    parser = command(commands, "ladder", "draw who said what to whom, and why", ABOUT, EXAMPLES)
    parser.set_defaults(run=run, form="text")
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="a journal")
    add("--call", metavar="CALL-ID", help="one call alone")
    forms = parser.add_mutually_exclusive_group()
    for form, about in (
        ("text", "for a terminal (the default)"),
        ("svg", "a picture"),
        ("html", "one page, with the whole messages"),
        ("mermaid", "a diagram for wikis"),
        ("pcap", "a capture of packets, for Wireshark and sngrep"),
    ):
        forms.add_argument(f"--{form}", dest="form", action="store_const", const=form, help=about)
    add("--rows", type=int, default=MOST, metavar="N", help=f"at most N rows (default {MOST})")
    add("-o", "--output", type=Path, metavar="OUT", help="a file instead of the standard output")


def run(given: argparse.Namespace, out: TextIO) -> int:
    """Run it; gives the exit status."""
    if given.output is not None and given.output.exists() and given.output.samefile(given.file):
        raise UnfitError(f"{given.output}: that is the journal; name another file with -o")
    with journal_of(given.file) as journal:
        if given.form == "pcap":
            _captured(journal, given, out)
            return 0
        ladder = draw(journal, given.call, most=given.rows)
        if given.call is not None and not ladder.rows:
            raise UnfitError(f"there is no call {given.call}")
    drawn = _text(ladder, out if given.output is None else None)
    if given.form != "text":
        drawn = _PICTURES[given.form](ladder)
    if given.output is None:
        out.write(drawn)
    else:
        with _output(given.output) as file:
            file.write(drawn.encode())
    return 0


def _output(file: Path) -> BinaryIO:
    """Open the output: for its owner alone, as the journal is."""
    return open(file, "wb", opener=lambda name, flags: os.open(name, flags, 0o600))


def _text(ladder: Ladder, out: TextIO | None) -> str:
    """As it suits who reads it: a terminal, a pipe, or a file."""
    if out is None:
        return text(ladder)
    return text(
        ladder,
        colour=in_colours(out),
        width=shutil.get_terminal_size(_PIPED).columns,
        only_ascii=not (out.encoding or "utf-8").lower().startswith("utf"),
    )


def _captured(journal: Journal, given: argparse.Namespace, out: TextIO) -> None:
    """Packet by packet, so that there may be any number of them."""
    pieces = capture(journal, given.call)
    head, first = next(pieces), next(pieces, b"")
    if given.call is not None and not first:
        raise UnfitError(f"there is no packet of a call {given.call}")
    if given.output is None:
        raw = getattr(out, "buffer", None)
        if raw is None:
            raise UnfitError("a capture is bytes: name a file for it with -o")
        raw.writelines((head, first))
        raw.writelines(pieces)
        raw.flush()
        return
    with _output(given.output) as file:
        file.writelines((head, first))
        file.writelines(pieces)
