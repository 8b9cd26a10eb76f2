"""The example proxy under mixed load, for an hour or for a minute: ``make soak``.

Calls that are answered, refused, cancelled, changed, hung up on and failed over, over UDP that loses
datagrams, TCP and TLS; bad neighbours all the while; SIGHUP now and then. At the end a table, a line
of JSON, and exit status 0 if no call was lost, memory and open files stayed flat, and the proxy
ended in time with nothing to complain of.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "examples")]

from soaking import gauge, load, neighbours  # noqa: E402 - once it can be found
from soaking.children import Child, Died  # noqa: E402
from soaking.proxy import DeadGateways, Proxy, config, free_ports  # noqa: E402
from soaking.verdict import Outcome  # noqa: E402

LOOK = 2.0  # seconds between two looks at the proxy, at most
LINGERS = 34.0  # seconds until the last transaction is forgotten (64*T1)
STARTS = 20.0  # seconds for a process to start


def main() -> int:
    """Run, and say what came of it."""
    options = arguments()
    outcome = Soak(options).run()
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
    add("--proxy", type=Path, default=ROOT / "examples" / "trio_proxy.py", metavar="SCRIPT")
    add("--quick", action="store_true", help="leave out what takes half a minute")
    add("--calm", action="store_true", help="no bad neighbours")
    return parser.parse_args()


class Soak:
    """One run."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._outcome = Outcome(options.seconds, options.rate)
        self._began = 0.0
        self._report: dict[str, Any] = {"calls": 0}

    def run(self) -> Outcome:
        """All of it."""
        options, outcome = self._options, self._outcome
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
            dead = stack.enter_context(closing(DeadGateways()))
            wanted = load.Options(options.rate, options.loss, long=not options.quick)
            callers = Child("soaking.load", load.as_argument(wanted))
            stack.callback(callers.end)
            gateways = callers.wait_for("gateways", STARTS)["gateways"]
            ports = free_ports(["UDP", "TCP"])
            proxy = Proxy(options.proxy, folder / "proxy.toml")
            stack.callback(proxy.kill)
            proxy.write(config(ports, gateways, dead, "", 1))
            proxy.start()
            before = self._look(proxy)
            callers.say(ports)
            rabble = None
            if not options.calm:
                rabble = Child(
                    "soaking.neighbours", neighbours.as_argument(neighbours.Options(ports))
                )
                stack.callback(rabble.end)
                rabble.wait_for("ready", STARTS)
            try:
                self._load(
                    proxy, callers, lambda version: config(ports, gateways, dead, "", version)
                )
                callers.say("stop")
                outcome.load = callers.wait_for("final", load.LAST_CALLS + STARTS)
                if rabble is not None:
                    rabble.say("stop")
                    outcome.neighbours = rabble.wait_for("final", STARTS)
            except Died as died:
                outcome.alarming.append(str(died))
            dead.close()
            callers.end()
            self._end(proxy, before)
        return outcome

    def _load(self, proxy: Proxy, callers: Child, settings: Callable[[int], str]) -> None:
        """Look at it all, and reload, until time is up."""
        options, outcome = self._options, self._outcome
        self._began = time.monotonic()
        look = min(LOOK, options.seconds / 20)
        every = 60.0 if options.seconds > 900 else 10.0
        told, reloaded = 0.0, 0.0
        while (now := time.monotonic() - self._began) < options.seconds:
            while (news := callers.news()) is not None:
                self._report = news
                if news["took"]:
                    outcome.took.append(news["took"])
            reading = self._look(proxy)
            if reading is not None:
                outcome.readings.append(reading)
            if now - told >= every:
                told = now
                self._tell(now)
            if now - reloaded >= min(options.reload, options.seconds / 2):
                reloaded = now
                outcome.reloads += 1
                proxy.write(settings(outcome.reloads))
                proxy.reload()
            time.sleep(look)

    def _look(self, proxy: Proxy) -> gauge.Reading | None:
        if proxy.process.poll() is not None:
            raise Died(f"the proxy has ended with status {proxy.process.returncode}")
        if not gauge.HAS_PROC:
            return None
        return gauge.read(
            proxy.process.pid, time.monotonic() - self._began, self._report["calls"]
        )

    def _tell(self, now: float) -> None:
        report, text = self._report, f"{now:6.0f} s"
        text += f"  {report['calls']:,} calls, {report.get('open')} open, "
        text += f"{report.get('lost_calls')} lost"
        if len(self._outcome.readings) > 1:
            before, last = self._outcome.readings[-2:]
            part = (last.cpu - before.cpu) / (last.at - before.at)
            text += f"; {last.memory / 2**20:.1f} MB, {last.files} files, CPU {part:.0%}"
        if took := report.get("took"):
            text += f"; OPTIONS {1000 * took[0]:.1f} ms, 1 % over {1000 * took[1]:.0f} ms"
        say(text)

    def _end(self, proxy: Proxy, before: gauge.Reading | None) -> None:
        """Let all come to its end, then end the proxy."""
        outcome = self._outcome
        if not self._options.quick:
            time.sleep(LINGERS)
        if before is not None:
            after = self._look(proxy)
            outcome.files = before.files, after.files if after else 0
        began = time.monotonic()
        outcome.status = proxy.stop(15.0)
        outcome.ended_in = time.monotonic() - began
        outcome.lines = dict(proxy.lines)
        outcome.alarming += proxy.alarming


def say(text: str) -> None:
    """Tell whoever is watching."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
