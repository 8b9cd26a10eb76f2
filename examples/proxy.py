"""What an example proxy does besides serving, whatever event loop it runs on.

When all is open it prints one line that begins with ``listening``. SIGTERM or Ctrl-C: new requests
get 503, and the proxy ends when no call is being set up any more, or after ``--drain`` seconds; a
second signal ends it at once. SIGHUP: the file and the lists and certificates that it names are
read again, and routes, groups and certificates replaced without dropping a call. SIGUSR1: a table
of the groups and how they are, and what is going on. What is worth knowing goes to stderr, a line
for each thing.

Exit status: 0 after a signal, 1 if an address or the journal cannot be opened, 2 if the
configuration is wrong.
"""

import argparse
import dataclasses
import gc
import math
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from proxy_log import TOPICS, Log
from proxy_standing import kept, table

from sansip import (
    Administered,
    Dispatch,
    Engine,
    LocalProtocolError,
    Quiesce,
    ReplaceGroups,
    State,
)
from sansip.journal import Toml
from sansip.toml import JournalFile, Settings, load
from sansip_adapter.endpoints import EndpointError
from sansip_adapter.recorder import Recorder, RecorderError
from sansip_adapter.server import Options, Server
from sansip_adapter.tls import Tls, TlsError

ABOUT: Final = (__doc__ or "").partition("\n\n")[2]
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
RETRY_AFTER: Final = 10  # seconds after which others may ask again when we are draining
LOOK_EVERY: Final = 0.05  # seconds between two looks at whether calls are still being set up
LAST_ACK: Final = 2.0  # seconds for the ACK of the last call, which comes from its far end
FIXED: Final = (
    "endpoints",
    "nameservers",
    "secret",
    "journal",
)  # what cannot change without a restart
CALLED: Final = {"endpoints": "listen or advertise"}  # in the file


def arguments(about: str | None) -> argparse.ArgumentParser:
    """Make what reads the command line; ``about`` says which loop the proxy runs on."""
    parser = argparse.ArgumentParser(
        description=f"{about}\n{ABOUT}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="a TOML file")
    parser.add_argument(
        "--drain", type=float, default=5.0, metavar="SECONDS", help="(default: %(default)g)"
    )
    loud = parser.add_mutually_exclusive_group()
    loud.add_argument("--quiet", action="store_true", help="report nothing")
    loud.add_argument("--verbose", action="store_true", help="report what is dropped, too")
    return parser


def main(options: argparse.Namespace, run: Callable[["Proxy"], object]) -> int:
    """Make a proxy, and have it ``run`` by an event loop; gives the exit status."""
    try:
        proxy = Proxy(options)
    except OSError as error:
        print(f"{options.config}: {(error.strerror or str(error)).lower()}", file=sys.stderr)
        return 2
    except (LocalProtocolError, TlsError) as error:
        print(error, file=sys.stderr)
        return 2
    status = 0
    try:
        run(proxy)
    except* (EndpointError, RecorderError) as errors:
        print(*errors.exceptions, sep="\n", file=sys.stderr)
        status = 1
    finally:
        proxy.log.close()
    return status


class Proxy:
    """The proxy at work; whoever has an event loop tells it of signals, and that time has passed.

    Serve ``engine`` with ``options``, call ``begin`` when all is open, and then, until ``is_over``,
    wait for a signal to ``obey``, but for ``pause`` seconds at most, and ``look``.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._file: Path = options.config
        self._drain: float = options.drain
        self._settings, source = settings(self._file)
        self.engine = Engine(self._settings.config(), self._settings.policy())
        topics = () if options.quiet else (*TOPICS, "dropped") if options.verbose else TOPICS
        self.log = Log(topics, time.monotonic)
        self.options = Options(
            nameservers=self._settings.nameservers,
            tls=certificates(self._settings, self._file),
            on_report=self.log.report,
            journal=recorder(self._settings.journal, self._file, source),
        )
        self.is_over = False
        self.pause = math.inf
        self._is_busy = True  # whether a call was being set up at the last look
        self._end = math.inf  # when it is over, whatever is going on
        self._server: Server[State]
        self._now: Callable[[], float]
        allow_files(self.engine.config.limits.flows)

    def begin(self, server: Server[State], now: Callable[[], float]) -> None:
        """All is open; ``now`` is the clock of the server."""
        self._server, self._now = server, now
        # What is there by now stays: the collector need not look at it ever again.
        gc.collect()
        gc.freeze()
        # And what calls leave behind for half a minute has no cycles: to search all of it again and
        # again would stop us for a third of a second at 2,000 calls/s.
        gc.set_threshold(50_000, 10, 100)
        where = (f"{name.partition(':')[0]}:{at}" for name, at in server.addresses.items())
        print("listening on", ", ".join(where), flush=True)

    def obey(self, number: int) -> None:
        """Do what a signal asks for."""
        if number == signal.SIGUSR1:
            self._show()
        elif number == signal.SIGHUP:
            self._reload()
        elif self._end < math.inf:  # the second that ends it
            self.is_over = True
        else:
            self._is_busy = self._server.state.in_flight > 0
            self._end = self._now() + (self._drain if self._is_busy else 0.0)
            self._server.step(lambda at: Administered(at, Quiesce(RETRY_AFTER)))
            self.pause = LOOK_EVERY

    def look(self) -> None:
        """See whether it is over: no call is being set up any more, and the last has its ACK."""
        if self._is_busy and self._end < math.inf and not self._server.state.in_flight:
            self._is_busy = False
            self._end = min(self._end, self._now() + LAST_ACK)
        self.is_over = self.is_over or self._end <= self._now()

    def _show(self) -> None:
        at = self._now()
        wishes = [route.relay.to for route in self._settings.routes]
        counted = [
            wish.group
            for wish in wishes
            if isinstance(wish, Dispatch) and wish.algorithm == "call-load"
        ]
        for line in table(self.engine.standing(self._server.state, at), at, counted):
            self.log.say(line)
        self.log.say(kept(self._server.state))

    def _reload(self) -> None:
        """Read the files again; if something is wrong with them, all stays as it is."""
        name = self._file.name
        try:
            new, source = settings(self._file)
            old = self._settings
            for field in FIXED:
                if repr(getattr(new, field)) != repr(getattr(old, field)):
                    self.log.say(f"{name}: {CALLED.get(field, field)}: changes need a restart")
            new = dataclasses.replace(new, **{field: getattr(old, field) for field in FIXED})
            engine, tls = Engine(new.config(), new.policy()), certificates(new, self._file)
        except (OSError, LocalProtocolError, TlsError) as error:
            self.log.say(f"{error}\n{name}: not reloaded; the old configuration stays")
            return
        self._settings, self.engine = new, engine
        # Between these two lines nothing else can happen: nobody waits.
        self._server.swap(engine, tls, source)
        self._server.step(lambda at: Administered(at, ReplaceGroups(new.groups)))
        self.log.say(f"{name}: reloaded; {len(new.routes)} routes, {len(new.groups)} groups")


def settings(file: Path) -> tuple[Settings, Toml]:
    """Read the configuration, and what it names, beside it; and what a journal says of that."""
    text = file.read_bytes()
    found = load(text, file.name, lambda name: (file.parent / name).read_bytes())
    return found, Toml(text.decode(), file.name, found.lists)


def recorder(named: JournalFile | None, file: Path, source: Toml) -> Recorder | None:
    """Make what writes the journal that the configuration names."""
    if named is None:
        return None
    return Recorder(
        file.parent / named.file,
        policy=source,
        rotate=named.rotate,
        keep=named.keep,
        redact=named.redact,
    )


def certificates(named: Settings, file: Path) -> Tls | None:
    """Read the certificates that the configuration names."""
    files = named.tls
    if files is None:
        return None
    beside = file.parent
    return Tls(
        str(beside / files.certificate),
        str(beside / files.key),
        None if files.ca is None else str(beside / files.ca),
        files.clients,
    )


def allow_files(flows: int) -> None:
    """Let there be so many connections, as far as the system does: a shell allows 1,024 files.

    A quarter of what is allowed is kept for DNS and for connections of our own.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * flows if hard == resource.RLIM_INFINITY else min(2 * flows, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
