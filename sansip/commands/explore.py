"""``python -m sansip explore SCENARIO``: try all that can happen to a small world."""

import argparse
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final, TextIO

from sansip.commands.files import Parsers, UnfitError, command, found_at, settings_of, write_found
from sansip.engine.engine import Engine
from sansip.explore import Counterexample, Explored, Faults, Scenario, explore

ABOUT: Final = """\
Tries all that can happen to an engine among a few callers and gateways: packets and answers of DNS
in every order, faults, CANCEL at any time. Says how much that was; or how a promise is broken, in
the fewest happenings that do it, with a journal and a ladder of them.
"""
EXAMPLES: Final = """\
examples:
  python -m sansip explore examples/two_gateways.py:scenario
  python -m sansip explore world:scenario --faults lost=1,late=1
  python -m sansip explore --config proxy.toml --zone example.com.zone --call sip:bob@example.com

exit status: 0 if all is well, 1 if a promise is broken, 2 if the command or a file is wrong
"""
KINDS: Final = tuple([each.name for each in fields(Faults)])


def add(commands: Parsers) -> None:
    """Make its parser."""
    parser = command(commands, "explore", "try all that can happen", ABOUT, EXAMPLES)
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("scenario", nargs="?", metavar="SCENARIO", help="a Scenario: MODULE:NAME, or FILE.py:NAME")
    add("--config", type=Path, metavar="FILE", help="instead of a scenario: a proxy's file,")
    add("--zone", type=Path, metavar="FILE", help="what DNS says, as a zone file,")
    add("--origin", default="", metavar="NAME", help="what its relative names end in,")
    add("--call", action="append", metavar="URI", help="and who is called (more than once: more)")
    add("--faults", metavar="KIND=N,...", help=f"what may go wrong: {', '.join(KINDS)}")
    add("--states", type=int, metavar="N", help="stop at so many states")
    add("--depth", type=int, metavar="N", help="stop at so many happenings in a row")
    add(
        "-o",
        "--output",
        type=Path,
        default=Path("found"),
        metavar="NAME",
        help="NAME.journal and NAME.html (found)",
    )


def run(given: argparse.Namespace, out: TextIO) -> int:
    """Run it; gives the exit status."""
    scenario = _scenario(given)
    out.write(_words(scenario))
    begun = monotonic()
    seen = explore(
        scenario,
        states=given.states,
        depth=given.depth,
        progress=partial(_progress, out) if out.isatty() else None,
    )
    if out.isatty():
        out.write("\r")  # over what was said while it went on
    if out.isatty():
        out.write("\r")  # over what was said while it went on
    out.write(_figures(seen, monotonic() - begun))
    if seen.broken is None:
        out.write("no promise is broken\n")
        return 0
    _tell(seen.broken, given.output, out)
    return 1


def _scenario(given: argparse.Namespace) -> Scenario:
    if (given.scenario is None) == (given.config is None):
        raise UnfitError("give a scenario, or --config with --zone and --call")
    if given.config is None:
        scenario = _named(given.scenario)
    else:
        settings, source = settings_of(given.config)
        scenario = Scenario(
            Engine(settings.config(), settings.policy()),
            zone=given.zone.read_text(encoding="utf-8") if given.zone else "",
            origin=given.origin,
            calls=tuple(given.call or ()),
            source=source,
        )
    if given.faults is None:
        return scenario
    return replace(scenario, faults=_faults(given.faults))


def _named(name: str) -> Scenario:
    found = found_at(name)
    if not isinstance(found, Scenario):
        raise UnfitError(f"{name}: it is no sansip.explore.Scenario")
    return found


def _faults(text: str) -> Faults:
    """``lost=1,late=1``."""
    counts: dict[str, int] = {}
    for each in text.split(","):
        kind, equals, count = each.partition("=")
        if kind not in KINDS or not (count.isdecimal() if equals else True):
            raise UnfitError(f"--faults {each}: write KIND=N; the kinds are: {', '.join(KINDS)}")
        counts[kind] = int(count) if equals else 1
    return Faults(**counts)


def _words(scenario: Scenario) -> str:
    calls = ", ".join([each if isinstance(each, str) else each.uri for each in scenario.calls])
    faults = [f"{kind}={getattr(scenario.faults, kind)}" for kind in KINDS]
    some = ", ".join([each for each in faults if not each.endswith(("=0", "=None"))])
    return f"calls: {calls or 'none'}; faults: {some or 'none'}\n"


def _progress(out: TextIO, depth: int, states: int, steps: int) -> None:
    out.write(f"\r{states:,} states, {steps:,} steps, depth {depth} ")
    out.flush()


def _figures(seen: Explored, seconds: float) -> str:
    whole = "all" if seen.whole else "not all"
    start = f"{seen.states:,} states, {seen.steps:,} steps, depth {seen.depth}"
    return f"{start}, {seconds:.1f} s; {whole} of what can happen\n"


def _tell(found: Counterexample, stem: Path, out: TextIO) -> None:
    journal, page = write_found(stem, found.journal)
    out.write(f"broken: {found.reason}\n")
    out.writelines([f"{each}\n" for each in found.happenings])
    out.write(f"{journal}\n{page}\n")
