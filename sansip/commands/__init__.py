"""``python -m sansip COMMAND``: the tools that need no network.

No part of the core: nothing of it imports them, and its purity is not asked of them. All that they
do is what the core may not: open files, import policies by their names, look at the clock, print.
A command is a module with ``add``, which makes its parser, and ``run``, which gives the exit
status: 0 if all is well, 1 if something was found, 2 if the command or a file is wrong.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Final, TextIO

from sansip.commands import explore, ladder, redact, replay, simulate
from sansip.commands.files import UnfitError, complaint
from sansip.errors import LocalProtocolError

COMMANDS: Final = (replay, ladder, redact, simulate, explore)


def main(arguments: Sequence[str], out: TextIO) -> int:
    """Run a command; gives the exit status."""
    parser = argparse.ArgumentParser(
        "python -m sansip", description="Tools of sansip, a SIP core that fails over."
    )
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    if not arguments:
        parser.print_help(out)
        return 0
    try:
        given = parser.parse_args(arguments)
    except SystemExit as ended:  # argparse has said why
        return ended.code if isinstance(ended.code, int) else 2
    try:
        status: int = given.run(given, out)
    except OSError as error:
        sys.stderr.write(complaint(error))
    except (LocalProtocolError, UnfitError) as error:
        sys.stderr.write(f"{error}\n")
    else:
        return status
    return 2
