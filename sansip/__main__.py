"""``python -m sansip COMMAND``: the tools that need neither a network nor a clock.

No part of the core: nothing imports it, and the core's purity is not asked of it. All that it does
is what the core may not: it opens files, imports policies by their names, and prints.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final, TextIO

import sansip
from sansip.journal import JournalError, Step, read
from sansip.replay import decisions, replay, words
from sansip.toml import load

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


def main(arguments: Sequence[str], out: TextIO) -> int:
    """Run a command; gives the exit status."""
    parser = _parser()
    if not arguments:
        parser.print_help(out)
        return 0
    try:
        given = parser.parse_args(arguments)
    except SystemExit as ended:  # argparse has said why
        return ended.code if isinstance(ended.code, int) else 2
    try:
        return _replay(given, out)
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {(error.strerror or str(error)).lower()}\n")
    except (JournalError, sansip.LocalProtocolError, _UnfitError) as error:
        sys.stderr.write(f"{given.file}: {error}\n")
    return 2


class _UnfitError(Exception):
    """What cannot be had, and why."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m sansip", description="Tools of sansip, a SIP core that fails over."
    )
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    add = commands.add_parser(
        "replay",
        help="run a journal again",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).add_argument
    add("file", type=Path, metavar="FILE", help="a journal")
    add("--until", type=int, metavar="N", help="up to this step")
    add("--call", metavar="CALL-ID", help="look at one call alone; all the rest is run, too")
    add("--print", action="store_true", help="print the steps")
    add("--policy", metavar="MODULE:CLASS", help="compare decisions with those of another policy")
    add("--config", type=Path, metavar="FILE", help="the same with the routes of a proxy's file")
    return parser


def _replay(given: argparse.Namespace, out: TextIO) -> int:
    file: Path = given.file
    shown = 0

    def show(step: Step) -> None:
        nonlocal shown
        shown += 1
        if given.print:
            out.write(f"{step.number} {words(step.event)}\n")
            out.writelines([f"    {words(action)}\n" for action in step.actions])

    # What is no ASCII is not of a journal: it will be said where it stands.
    with file.open(encoding="ascii", errors="replace") as lines:
        journal = read(lines)
        if given.policy or given.config:
            policy = _policy(given.policy) if given.policy else _routes(given.config)
            differ = decisions(journal, policy, policies=_policy, until=given.until)
            found: object = next(differ, None)
        else:
            found = replay(journal, policies=_policy, until=given.until, call=given.call, show=show)
            if given.call is not None and not shown:
                raise _UnfitError(f"no step has to do with the call {given.call}")
    if journal.torn:
        out.write(f"{journal.torn}: the writer was killed\n")
    version = journal.head.sansip
    if found and version != sansip.__version__:
        out.write(f"recorded by sansip {version}; this is sansip {sansip.__version__}\n")
    out.write(f"{found or 'no difference'}\n")
    return 1 if found else 0


def _routes(file: Path) -> sansip.Policy:
    return load(
        file.read_bytes(), file.name, lambda name: (file.parent / name).read_bytes()
    ).policy()


def _policy(name: str) -> sansip.Policy:
    module, colon, cls = name.partition(":")
    if not colon:
        raise _UnfitError(f"policy {name}: write MODULE:CLASS")
    try:
        made = getattr(import_module(module), cls)()
    except (ImportError, AttributeError, TypeError) as error:
        raise _UnfitError(f"policy {name}: {error}") from None
    if not isinstance(made, sansip.Policy):
        raise _UnfitError(f"policy {name}: it is no sansip.Policy")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout))
