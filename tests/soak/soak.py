"""The example proxy under mixed load, for an hour or for a minute: ``make soak``.

Calls that are answered, refused, cancelled, changed, hung up on and failed over, over UDP that
loses datagrams, TCP and TLS; bad neighbours all the while; SIGHUP now and then; if wanted a crowd
of idle connections in the middle of it. At the end a table, a line of JSON, and exit status 0 if no
call was lost, memory and open files stayed flat, and the proxy ended in time without complaint.
Ctrl-C ends the load before its time.
"""

import argparse
import re
import resource
import signal
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "examples")]

from certificates import Authority  # noqa: E402 - once it can be found
from soaking import crowd, gauge, load, neighbours  # noqa: E402
from soaking.children import Child, Died  # noqa: E402
from soaking.proxy import DeadGateways, Proxy, config, free_ports  # noqa: E402
from soaking.verdict import MB, Check, Outcome  # noqa: E402

LOOK = 2.0  # seconds between two looks at the proxy, at most
LINGERS = 100.0  # seconds until nothing goes on any more: 64*T1, three times at most
STARTS = 20.0  # seconds for a process to start
DOUBLE = 2.0, 0.005  # so many times as long, and seconds, may OPTIONS take beside a crowd


def main() -> int:
    """Run, and say what came of it."""
    options = arguments()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    soak = Soak(options)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, soak.stop)
    outcome = soak.run()
    for line in outcome.table():
        say(line)
    say(outcome.json())
    return 0 if outcome.has_passed else 1


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    default = "(default: %(default)s)"
    add("--seconds", type=float, default=3600.0, help=f"of load {default}")
    add("--rate", type=float, default=40.0, help=f"calls and the like a second {default}")
    add("--loss", type=float, default=0.03, help=f"of datagrams, each way {default}")
    add("--reload", type=float, default=30.0, help=f"seconds between two SIGHUPs {default}")
    add("--proxy", default=str(ROOT / "examples" / "trio_proxy.py"), help="script and arguments")
    add("--crowd", type=int, default=0, metavar="N", help="so many idle connections by TCP")
    add("--crowd-tls", type=int, default=0, metavar="N", help="or by TLS")
    add("--no-tls", action="store_true", help="UDP and TCP alone")
    add("--quick", action="store_true", help="leave out what takes half a minute")
    add("--calm", action="store_true", help="no bad neighbours")
    return parser.parse_args()


@dataclass
class Crowd:
    """A crowd that comes after a third of the time, and goes after two thirds."""

    child: Child
    before: float  # bytes that the proxy had
    took: int  # how many reports of the callers there were when it came
    news: dict[str, Any] | None = None


class Soak:
    """One run."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._outcome = Outcome(options.seconds, options.rate)
        self._began = time.monotonic()
        self._report: dict[str, Any] = {"calls": 0}
        self._crowd: Crowd | None = None
        self._stack = ExitStack()

    def stop(self, *_: object) -> None:
        """End the load before its time; a second signal ends all."""
        if self._outcome.seconds < self._options.seconds:
            raise SystemExit(1)
        self._outcome.seconds = time.monotonic() - self._began

    def run(self) -> Outcome:
        """All of it."""
        with self._stack:
            self._folder = Path(
                self._stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-"))
            )
            self._dead = self._stack.enter_context(closing(DeadGateways()))
            self._tls = None if self._options.no_tls else Authority(self._folder)
            try:
                self._run()
            except Died as died:
                time.sleep(1.0)  # until its last words are read
                self._outcome.alarming += [str(died), *self._proxy.alarming]
        return self._outcome

    def _run(self) -> None:
        options, outcome = self._options, self._outcome
        self._callers = self._child("load", load.as_argument(self._load_options()))
        self._gateways = self._callers.wait_for("gateways", STARTS)["gateways"]
        self._ports = free_ports(["UDP", "TCP"] if options.no_tls else ["UDP", "TCP", "TLS"])
        proxy = self._proxy = Proxy(options.proxy, self._folder / "proxy.toml")
        self._stack.callback(proxy.kill)
        self._configure(1)
        proxy.start()
        before = self._look()
        self._callers.say(self._ports)
        rabble = None
        if not options.calm:
            given = neighbours.Options(self._ports)
            rabble = self._child("neighbours", neighbours.as_argument(given))
            rabble.wait_for("ready", STARTS)
        self._load()
        self._callers.say("stop")
        outcome.load = self._callers.wait_for("final", load.LAST_CALLS + STARTS)
        if rabble is not None:
            rabble.say("stop")
            outcome.neighbours = rabble.wait_for("final", STARTS)
            rabble.end()
        self._dead.close()
        self._callers.end()
        self._end(before)

    def _child(self, module: str, given: str) -> Child:
        child = Child(f"soaking.{module}", given)
        self._stack.callback(child.end)
        return child

    def _load_options(self) -> load.Options:
        options = self._options
        wanted = load.Options(options.rate, options.loss, long=not options.quick)
        if self._tls is None:
            return wanted
        files = self._tls.leaf("127.0.0.1", "localhost")
        return replace(wanted, ca=self._tls.ca, certificate=files.certificate, key=files.key)

    def _configure(self, version: int) -> None:
        more = ""
        if self._tls is not None:
            files = self._tls.leaf("127.0.0.1", "soak.example")
            more = f'[tls]\ncertificate = "{files.certificate}"\nkey = "{files.key}"\n'
            more += f'ca = "{self._tls.ca}"\nclients = "ask"\n'
        self._proxy.write(config(self._ports, self._gateways, self._dead, more, version))

    def _load(self) -> None:
        """Look at it all, and reload, until time is up."""
        options, outcome = self._options, self._outcome
        self._began = time.monotonic()
        look = min(LOOK, options.seconds / 20)
        every = 60.0 if options.seconds > 900 else 10.0
        told, reloaded = 0.0, 0.0
        while (now := time.monotonic() - self._began) < outcome.seconds:
            while (news := self._callers.news()) is not None:
                self._report = news
                if news["took"]:
                    outcome.took.append(news["took"])
            reading = self._look()
            if reading is not None:
                outcome.readings.append(reading)
            if options.crowd or options.crowd_tls:
                self._crowds(now)
            if now - told >= every:
                told = now
                self._tell(now)
            if now - reloaded >= min(options.reload, options.seconds / 2):
                reloaded = now
                outcome.reloads += 1
                self._configure(outcome.reloads)
                self._proxy.reload()
            time.sleep(look)

    def _crowds(self, now: float) -> None:
        """Let the crowd come and go."""
        options, outcome, here = self._options, self._outcome, self._crowd
        if here is None and options.seconds / 3 < now < options.seconds / 2:
            tls = options.crowd_tls > 0
            port, ca = self._ports["TLS" if tls else "TCP"], self._tls.ca if self._tls else ""
            wanted = crowd.Options(options.crowd_tls or options.crowd, port, ca if tls else "")
            child = self._child("crowd", crowd.as_argument(wanted))
            self._crowd = Crowd(child, memory(outcome), len(outcome.took))
        elif here is not None and here.news is None:
            here.news = here.child.news()
            if here.news is not None:
                say(f"{now:6.0f} s  the crowd is there: {here.news}")
        elif here is not None and not outcome.crowd and now > options.seconds * 2 / 3:
            here.child.say("go")
            outcome.crowd = here.child.wait_for("final", STARTS)
            say(f"{now:6.0f} s  the crowd goes: {outcome.crowd}")
            here.child.end()
            self._judge(here, outcome.crowd, options.crowd_tls or options.crowd)

    def _judge(self, here: Crowd, final: dict[str, Any], wanted: int) -> None:
        outcome, stayed = self._outcome, final["open"]
        grown = (memory(outcome) - here.before) / max(1, stayed)
        bound = (64 if self._options.crowd_tls else 8) << 10
        text = f"{grown:,.0f} bytes each for {stayed:,}; {bound:,} are allowed"
        outcome.more.append(
            Check("idle connections cost little", stayed > 0 and grown < bound, text)
        )
        refused = wanted - stayed
        said = self._proxy.lines["limit"]
        text = f"{refused:,} of {wanted:,} were refused, and {said} lines tell of limits"
        outcome.more.append(Check("who is refused is reported", not refused or said > 0, text))
        early = median(took[0] for took in outcome.took[: here.took])
        late = median(took[0] for took in outcome.took[here.took :])
        text = f"OPTIONS took {1000 * early:.1f} ms before, {1000 * late:.1f} ms then"
        slow = late > DOUBLE[0] * early + DOUBLE[1]
        outcome.more.append(Check("nobody notices the crowd", not slow, text))

    def _look(self) -> gauge.Reading | None:
        process = self._proxy.process
        if process.poll() is not None:
            raise Died(f"the proxy has ended with status {process.returncode}")
        if not gauge.HAS_PROC:
            return None
        return gauge.read(process.pid, time.monotonic() - self._began, self._report["calls"])

    def _tell(self, now: float) -> None:
        report, text = self._report, f"{now:6.0f} s"
        text += f"  {report['calls']:,} calls, {report.get('open')} open, "
        text += f"{report.get('lost_calls')} lost"
        if len(self._outcome.readings) > 1:
            before, last = self._outcome.readings[-2:]
            part = (last.cpu - before.cpu) / (last.at - before.at)
            text += f"; {last.memory / MB:.1f} MB, {last.files} files, CPU {part:.0%}"
        if took := report.get("took"):
            text += f"; OPTIONS {1000 * took[0]:.1f} ms, 1 % over {1000 * took[1]:.0f} ms"
        say(text)

    def _end(self, before: gauge.Reading | None) -> None:
        """Let all come to its end, then end the proxy."""
        outcome = self._outcome
        due = time.monotonic() + (0.0 if self._options.quick else LINGERS)
        while time.monotonic() < due:
            time.sleep(LOOK)
            outcome.left = self._proxy.still()
            if not re.search("[1-9]", outcome.left):
                break
        after = self._look()
        if before is not None and after is not None:
            outcome.files = before.files, after.files
        began = time.monotonic()
        outcome.status = self._proxy.stop(15.0)
        outcome.ended_in = time.monotonic() - began
        outcome.lines = dict(self._proxy.lines)
        outcome.alarming += self._proxy.alarming


def memory(outcome: Outcome) -> float:
    """What the proxy has had lately, in bytes."""
    return median(reading.memory for reading in outcome.readings[-4:])


def say(text: str) -> None:
    """Tell whoever is watching."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
