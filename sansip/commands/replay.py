"""``python -m sansip replay FILE``: run a journal again, and say what differs."""

import argparse
from pathlib import Path
from typing import Final, TextIO

from sansip import __version__
from sansip.commands.files import Parsers, UnfitError, command, journal_of, policy_of, settings_of
from sansip.engine.policy import Policy
from sansip.journal import Step
from sansip.replay import decisions, replay, words

ABOUT: Final = """\
Runs a journal again. Says that nothing differs, or where the first difference is: both sides.
"""
EXAMPLES: Final = """\
examples:
  python -m sansip replay run.journal
  python -m sansip replay run.journal --call 8f3a@192.0.2.7 --print
  python -m sansip replay run.journal --policy gateways:Gateways

exit status: 0 if nothing differs, 1 if something does, 2 if the command or a file is wrong
"""


def add(commands: Parsers) -> None:
    """Make its parser."""
    parser = command(commands, "replay", "run a journal again", ABOUT, EXAMPLES)
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="a journal")
    add("--until", type=int, metavar="N", help="up to this step")
    add("--call", metavar="CALL-ID", help="look at one call alone; all the rest is run, too")
    add("--print", action="store_true", help="print the steps")
    add("--policy", metavar="MODULE:CLASS", help="compare decisions with those of another policy")
    add("--config", type=Path, metavar="FILE", help="the same with the routes of a proxy's file")


def run(given: argparse.Namespace, out: TextIO) -> int:
    """Run it; gives the exit status."""
    file: Path = given.file
    shown = 0

    def show(step: Step) -> None:
        nonlocal shown
        shown += 1
        if given.print:
            out.write(f"{step.number} {words(step.event)}\n")
            out.writelines([f"    {words(action)}\n" for action in step.actions])

    other: Policy | None = None
    if given.policy or given.config:
        other = policy_of(given.policy) if given.policy else settings_of(given.config).policy()
    found: object
    with journal_of(file) as journal:
        if other is not None:
            found = next(decisions(journal, other, policies=policy_of, until=given.until), None)
        else:
            found = replay(
                journal, policies=policy_of, until=given.until, call=given.call, show=show
            )
            if given.call is not None and not shown:
                raise UnfitError(f"no step has to do with the call {given.call}")
    if journal.torn:
        out.write(f"{journal.torn}: the writer was killed\n")
    version = journal.head.sansip
    if found and version != __version__:
        out.write(f"recorded by sansip {version}; this is sansip {__version__}\n")
    out.write(f"{found or 'no difference'}\n")
    return 1 if found else 0
