"""``python -m sansip simulate``: calls through a proxy in a simulated world."""

import argparse
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Final, TextIO, cast

from sansip.commands.files import Parsers, UnfitError, command, found_at, settings_of, write_found
from sansip.engine.engine import Engine
from sansip.simulate import Link, Phone, World, surround

ABOUT: Final = """\
Makes calls through a proxy, in a world of its own: virtual time, zone files for DNS, and links that
delay and lose. Wherever calls and groups lead by the zones is a gateway that picks up. While they
run, what RFC 3261 asks of a proxy is looked at. In the place of a configuration there may be a
function that is given a World, and does with it what it likes.
"""
EXAMPLES: Final = """\
examples:
  python -m sansip simulate --config proxy.toml --zone example.zone --call sip:bob@example.com
  python -m sansip simulate --config proxy.toml --zone example.zone --call sip:bob@example.com \\
      --calls 1000 --rate 50 --loss 0.05 --delay 0.02 --seed 7
  python -m sansip simulate worlds.py:two_gateways --seed 7

If a promise is broken, NAME.journal and NAME.html are written for each engine, by its name.

exit status: 0 if every promise was kept, whatever the calls have come to; 1 if one was broken, or
the function failed; 2 if the command or a file is wrong
"""
_CALLER: Final = "198.51.100.1:5060"


def add(commands: Parsers) -> None:
    """Make its parser."""
    parser = command(commands, "simulate", "make calls in a simulated world", ABOUT, EXAMPLES)
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("function", nargs="?", metavar="FUNCTION", help="MODULE:NAME, or FILE.py:NAME")
    add("--config", type=Path, metavar="FILE", help="a proxy's file")
    add("--zone", type=Path, action="append", default=[], metavar="FILE", help="a zone file")
    add("--origin", default="", metavar="NAME", help="what relative names in them end in")
    add("--call", action="append", default=[], metavar="URI", help="who is called; in turn")
    add("--from", dest="source", default=_CALLER, metavar="HOST:PORT", help="where calls come from")
    add("--calls", type=int, default=100, metavar="N", help="how many calls (default 100)")
    add("--rate", type=float, default=10.0, metavar="R", help="calls a second (default 10)")
    add("--seed", default="1", metavar="S", help="one seed is one run (default 1)")
    add("--delay", type=float, default=0.005, metavar="D", help="of a packet, seconds (0.005)")
    add("--jitter", type=float, default=0.0, metavar="J", help="up to so much more (0)")
    add("--loss", type=float, default=0.0, metavar="P", help="the chance of a packet to be lost")
    add("--copies", type=float, default=0.0, metavar="P", help="the chance to arrive twice")
    add("-o", "--output", type=Path, default=Path(), metavar="DIR", help="where journals go")


def run(given: argparse.Namespace, out: TextIO) -> int:
    """Run it; gives the exit status."""
    act = _function(given.function) if given.function else None
    if (act is None) == (given.config is None):
        raise UnfitError("name a function, or a configuration with --config; see --help")
    link = Link(given.delay, given.jitter, given.loss, given.copies)
    seed: str = given.seed
    world = World(int(seed) if seed.isdecimal() else seed, link=link, journal=True)
    for file in given.zone:
        world.zone(file.read_text(encoding="utf-8", errors="replace"), given.origin)
    if act is None:
        _prepare(world, given)
    begun = perf_counter()
    try:
        with world:
            if act is not None:
                act(world)
            world.run()
    except Exception as error:  # noqa: BLE001 - whatever a function does, it is told
        _fail(world, error, given.output, out)
        return 1
    _sum_up(world, perf_counter() - begun, out)
    return 0


def _prepare(world: World, given: argparse.Namespace) -> None:
    """Put a proxy there, gateways around it, and a phone that will call."""
    if not given.call:
        raise UnfitError("say with --call whom to call")
    if given.calls < 1 or not given.rate > 0:
        raise UnfitError("--calls and --rate are above 0")
    settings, source = settings_of(given.config)
    engine = Engine(settings.config(), settings.policy())
    host = world.engine(engine, policy=source)
    surround(world, engine, given.call, given.source)
    transport = settings.endpoints[0].transport
    phone = world.phone(given.source, host, name="caller", transport=transport)
    for number in range(given.calls):
        uri = given.call[number % len(given.call)]
        phone.call(uri, after=number / given.rate)


def _sum_up(world: World, seconds: float, out: TextIO) -> None:
    phones = [node for node in world.nodes.values() if isinstance(node, Phone)]
    calls = [call for phone in phones for call in phone.calls.values()]
    answered = sorted([call.set_up for call in calls if 200 <= call.status < 300])
    failed = Counter([call.status for call in calls if not 200 <= call.status < 300])
    out.write(f"{len(calls)} calls: {len(answered)} answered, {failed.total()} failed\n")
    out.writelines(
        f"    {count} with {status}\n" if status else f"    {count} without an end\n"
        for status, count in sorted(failed.items())
    )
    if answered:
        half, most = [answered[math.ceil(len(answered) * part) - 1] for part in (0.5, 0.99)]
        out.write(f"set up in {half:.3f} s (p50), {most:.3f} s (p99)\n")
    rate = len(calls) / seconds if seconds else 0.0
    out.write(f"{world.now:.1f} s passed in {seconds:.2f} s: {rate:.0f} calls/s\n")
    out.write(f"every promise was kept; {world!r}\n")


def _fail(world: World, error: Exception, folder: Path, out: TextIO) -> None:
    said = str(error)
    out.write(f"{type(error).__name__}{': ' if said else ''}{said}\n")
    out.writelines([f"{note}\n" for note in getattr(error, "__notes__", ())])
    for name, lines in world.journals().items():
        journal, page = write_found(folder / name.replace("/", "-"), lines)
        out.write(f"written: {journal} and {page}\n")


def _function(name: str) -> Callable[[World], object]:
    found = found_at("function", name)
    if not callable(found):
        raise UnfitError(f"function {name}: it is none")
    return cast("Callable[[World], object]", found)
