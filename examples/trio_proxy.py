"""A SIP proxy that fails over, on trio: ``python examples/trio_proxy.py --config proxy.toml``.

When all is open it prints one line that begins with ``listening``. SIGTERM or Ctrl-C: new requests
get 503, and the proxy ends when no call is being set up any more, or after ``--drain`` seconds; a
second signal ends it at once. SIGHUP: the file and the lists that it names are read again, and
routes and groups replaced without dropping a call. SIGUSR1: a table of the groups and how they are.
What is worth knowing goes to stderr, a line for each thing.

Exit status: 0 after a signal, 1 if an address cannot be opened, 2 if the configuration is wrong.
"""

import argparse
import contextlib
import dataclasses
import gc
import signal
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import trio
from proxy_log import TOPICS, Log
from proxy_standing import table

from sansip import (
    Administered,
    Dispatch,
    Engine,
    LocalProtocolError,
    Quiesce,
    ReplaceGroups,
    State,
)
from sansip.toml import ConfigError, Settings, load
from sansip_trio import EndpointError, Server, serve

RETRY_AFTER = 10  # seconds after which others may ask again when we are draining
LOOK_EVERY = 0.05  # seconds between two looks at whether calls are still being set up
LAST_ACK = 2.0  # seconds for the ACK of the last call, which comes from its far end
FIXED = ("endpoints", "nameservers", "secret")  # what cannot change without a restart
CALLED = {"endpoints": "listen or advertise"}  # in the file


def main() -> int:
    """Run until a signal comes."""
    options = arguments()
    try:
        settings = read(options.config)
    except OSError as error:
        print(f"{options.config}: {(error.strerror or str(error)).lower()}", file=sys.stderr)
        return 2
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    return trio.run(Proxy(options, settings).run)


def read(file: Path) -> Settings:
    """The configuration; what it names is looked for beside it."""
    return load(file.read_bytes(), file.name, lambda name: (file.parent / name).read_bytes())


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="a TOML file")
    parser.add_argument(
        "--drain", type=float, default=5.0, metavar="SECONDS", help="(default: %(default)g)"
    )
    loud = parser.add_mutually_exclusive_group()
    loud.add_argument("--quiet", action="store_true", help="report nothing")
    loud.add_argument("--verbose", action="store_true", help="report what is dropped, too")
    return parser.parse_args()


class Proxy:
    """The proxy at work."""

    def __init__(self, options: argparse.Namespace, settings: Settings) -> None:
        self._file: Path = options.config
        self._drain: float = options.drain
        self._settings = settings
        self._engine = Engine(settings.config(), settings.policy())
        topics = () if options.quiet else (*TOPICS, "dropped") if options.verbose else TOPICS
        self._log = Log(topics, trio.current_time)

    async def run(self) -> int:
        """Open, serve, end; gives the exit status."""
        settings = self._settings
        start = partial(
            serve,
            self._engine,
            nameservers=settings.nameservers,
            on_report=self._log.report,
        )
        wanted = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
        with trio.open_signal_receiver(*wanted) as signals, contextlib.closing(self._log):
            async with trio.open_nursery() as nursery:
                try:
                    server: Server[State] = await nursery.start(start)
                except EndpointError as error:
                    print(error, file=sys.stderr)
                    return 1
                # What is there by now stays: the collector need not look at it ever again.
                gc.collect()
                gc.freeze()
                # And what calls leave behind for half a minute has no cycles: to search all of it
                # again and again would stop us for a third of a second at 2,000 calls/s.
                gc.set_threshold(50_000, 10, 100)
                where = (f"{name.partition(':')[0]}:{at}" for name, at in server.addresses.items())
                print("listening on", ", ".join(where), flush=True)
                await self._obey(signals, server, nursery)
                nursery.cancel_scope.cancel()
        return 0

    async def _obey(
        self, signals: AsyncIterator[int], server: Server[State], nursery: trio.Nursery
    ) -> None:
        draining = False
        async for number in signals:
            if number == signal.SIGUSR1:
                self._show(server)
                continue
            if draining:
                return
            if number == signal.SIGHUP:
                self._reload(server)
                continue
            draining = True
            server.step(lambda at: Administered(at, Quiesce(RETRY_AFTER)))
            nursery.start_soon(self._drained, server, nursery)

    async def _drained(self, server: Server[State], nursery: trio.Nursery) -> None:
        """End when no call is being set up any more, and the last has had its ACK."""
        with trio.move_on_after(self._drain):
            busy = server.state.in_flight > 0
            while server.state.in_flight:  # noqa: ASYNC110 (nobody tells us when this changes)
                await trio.sleep(LOOK_EVERY)
            if busy:
                await trio.sleep(LAST_ACK)
        nursery.cancel_scope.cancel()

    def _show(self, server: Server[State]) -> None:
        at = trio.current_time()
        wishes = [route.relay.to for route in self._settings.routes]
        counted = [
            wish.group
            for wish in wishes
            if isinstance(wish, Dispatch) and wish.algorithm == "call-load"
        ]
        for line in table(self._engine.standing(server.state, at), at, counted):
            self._log.say(line)

    def _reload(self, server: Server[State]) -> None:
        """Read the file again; if something is wrong with it, all stays as it is."""
        name = self._file.name
        try:
            new = read(self._file)
            old = self._settings
            for field in FIXED:
                if repr(getattr(new, field)) != repr(getattr(old, field)):
                    self._log.say(f"{name}: {CALLED.get(field, field)}: changes need a restart")
            new = dataclasses.replace(
                new, endpoints=old.endpoints, nameservers=old.nameservers, secret=old.secret
            )
            engine = Engine(new.config(), new.policy())
        except (OSError, LocalProtocolError) as error:
            self._log.say(f"{error}\n{name}: not reloaded; the old configuration stays")
            return
        self._settings, self._engine = new, engine
        # Between these two lines nothing else can happen: there is no checkpoint.
        server.swap(engine)
        server.step(lambda at: Administered(at, ReplaceGroups(new.groups)))
        self._log.say(f"{name}: reloaded; {len(new.routes)} routes, {len(new.groups)} groups")


if __name__ == "__main__":
    sys.exit(main())
