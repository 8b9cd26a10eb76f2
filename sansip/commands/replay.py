"""``python -m sansip replay FILE``: run a journal again, and say what differs."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import Final, TextIO

from sansip.commands.files import (
    Parsers,
    UnfitError,
    command,
    complaint,
    journal_of,
    policy_of,
    settings_of,
)
from sansip.commands.terminal import in_colours
from sansip.dispatch import Group
from sansip.engine.actions import Action, Deliver, Send
from sansip.engine.events import DatagramReceived, StreamReceived
from sansip.engine.policy import Policy
from sansip.journal import Journal, Step
from sansip.replay import Decided, Difference, Moved, Tally, decisions, replay, shortened, told
from sansip.version import VERSION

ABOUT: Final = """\
Runs journals again, each by itself. Says that nothing differs, or where the first difference is.

With --policy or --config, another policy is asked whatever the recorded one was asked; history
stays as it was. With --config, if both send a new request to a group, what is compared are the hops
that it comes to, in their order, by what was known when it came: which calls would go elsewhere? Of
the file only routes and groups count: endpoints, limits and times are the recorded ones.

A journal of an example proxy has its policy in it, as text. Any other names it, module:Class, and
importing that runs it: this is done with --trust alone. What --policy names is imported, of course.
"""
EXAMPLES: Final = """\
examples:
  python -m sansip replay run.journal
  python -m sansip replay run.journal.2 run.journal.1 run.journal
  python -m sansip replay run.journal --call 8f3a@192.0.2.7 --print
  python -m sansip replay run.journal --policy gateways:Gateways
  python -m sansip replay run.journal --config proxy.toml

exit status: 0 if nothing differs, 1 if something does, 2 if the command or a file is wrong
"""
_Other = tuple[Policy | None, dict[str, Group] | None]

BOLD: Final = "\033[1m"
DIM: Final = "\033[2m"
PLAIN: Final = "\033[0m"


def add(commands: Parsers) -> None:
    """Make its parser."""
    parser = command(commands, "replay", "run a journal again", ABOUT, EXAMPLES)
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("files", type=Path, nargs="+", metavar="FILE", help="a journal")
    add("--until", type=int, metavar="N", help="up to this step")
    add("--call", metavar="CALL-ID", help="look at one call alone; all the rest is run, too")
    add("--trust", action="store_true", help="import the policy that the journal names")
    also = parser.add_mutually_exclusive_group().add_argument
    also("--print", action="store_true", help="print the steps")
    also("--policy", metavar="MODULE:CLASS", help="compare decisions with those of another policy")
    also("--config", type=Path, metavar="FILE", help="the same with a proxy's routes and groups")


def run(given: argparse.Namespace, out: TextIO) -> int:
    """Run it; gives the exit status."""
    worst = 0
    other = _other(given)
    for file in given.files:
        try:
            status = _one(file, given, other, out)
        except UnfitError as error:
            sys.stderr.write(f"{error}\n")
            status = 2
        except OSError as error:
            if error.filename is None:  # it is not the journal that is wrong
                raise
            sys.stderr.write(complaint(error))
            status = 2
        worst = max(worst, status)
    return worst


def _one(file: Path, given: argparse.Namespace, other: _Other, out: TextIO) -> int:
    """Run one journal."""
    policy, groups = other
    tally, until, call = Tally(), given.until, given.call

    def policies(name: str) -> Policy:
        if given.trust or name == given.policy:
            return policy_of(name)
        raise UnfitError(f"its policy is {name}, which is imported with --trust alone: see --help")

    with journal_of(file) as journal:
        if policy is None:
            printer = _Printer(journal, tally, given, out)
            printer.start(journal.head.ordered or ())
            found: object = replay(
                journal, policies=policies, until=until, call=call, show=printer.show, tally=tally
            )
            if call is not None and not printer.shown:
                raise UnfitError(f"no step has to do with the call {call}")
        else:
            found = next(
                decisions(
                    journal,
                    policy,
                    groups=groups,
                    policies=policies,
                    until=until,
                    call=call,
                    tally=tally,
                ),
                None,
            )
    of_many = f"{file}: " if given.files[1:] else ""
    if journal.torn:
        out.write(f"{of_many}{journal.torn}: its writer was killed, or is still writing\n")
    version = journal.head.sansip
    if found and version != VERSION:
        out.write(f"{of_many}recorded by sansip {version}; this is sansip {VERSION}\n")
    out.write(f"{of_many}{found or _no_difference(tally, policy)}\n")
    if isinstance(found, Difference) and found.number:
        out.writelines(_further(file, given, found.number, found.call))
    elif isinstance(found, Decided | Moved):
        out.writelines(_further(file, given, found.number, found.request.call_id))
    return 1 if found else 0


def _other(given: argparse.Namespace) -> _Other:
    """The other policy, and the other groups, if any are given."""
    if given.config:
        settings, _ = settings_of(given.config)
        return settings.policy(), dict(settings.config().groups)
    return (policy_of(given.policy) if given.policy else None), None


def _no_difference(tally: Tally, other: Policy | None) -> str:
    compared = ""
    if other is not None:
        compared = f"{tally.decisions} decisions"
        if tally.plans:
            compared += f", and the hops of {tally.plans}"
        compared += " compared; "
    return f"no difference: {compared}{tally}"


def _further(file: Path, given: argparse.Namespace, number: int, call: str | None) -> list[str]:
    """The commands that show what led to a difference."""
    whose = "" if call is None else f" --call {shlex.quote(call)}"
    trust = " --trust" if given.trust else ""
    name = shlex.quote(str(file))
    lines = [f"  python -m sansip replay {name}{whose} --until {number} --print{trust}\n"]
    if whose:
        lines.append(f"  python -m sansip ladder {name}{whose}\n")
    return ["what led to it:\n", *lines]


class _Printer:
    """Prints steps, if that is wished for; in colours on a terminal, otherwise plainly."""

    def __init__(
        self, journal: Journal, tally: Tally, given: argparse.Namespace, out: TextIO
    ) -> None:
        self.shown = 0
        self._started = journal.head.started
        self._tally = tally
        self._given = given
        self._out = out
        self._colours = in_colours(out)

    def start(self, ordered: tuple[Action, ...]) -> None:
        """Show what the start has ordered."""
        if ordered and self._given.print and not self._given.call:
            self._line(f"{0.0:10.3f} {0:6}  starts", None)
            self._actions(ordered)

    def show(self, step: Step) -> None:
        """Show a step: seconds from the start, its number, and what happened."""
        self.shown += 1
        if not self._given.print:
            return
        call = None if self._given.call else self._tally.call_of(step.event, step.actions)
        whose = "" if call is None else f"  ({shortened(call)})"
        after = step.event.at - self._started
        self._line(f"{after:10.3f} {step.number:6}  {told(step.event)}{whose}", step.event)
        self._actions(step.actions)

    def _actions(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            self._line(f"{'':19}{told(action)}", action)

    def _line(self, text: str, about: object) -> None:
        if self._colours:
            is_message = isinstance(about, DatagramReceived | StreamReceived | Send | Deliver)
            text = f"{BOLD if is_message else DIM}{text}{PLAIN}"
        self._out.write(f"{text}\n")
