"""Calls fail over from a gateway that is down to one that works: ``make demo``.

Everything happens on the loopback and is real (see demo_world.py). Exit status 0 only if every
call was answered by the gateway that should have answered it, and could be hung up. With --journal
FILE the proxy's journal is kept, to be looked at with ``python -m sansip ladder FILE``.
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import trio
from demo_world import Call, Manner, World, world

ADVANCE_AFTER = 0.5  # seconds of silence before the proxy tries the other gateway
DOT_EVERY = 0.1  # seconds between two dots
MOST_DOTS = 20
BAR = 16  # columns of the longest bar

WORKS, SILENT, CLOSED = Manner(), Manner(status=None), Manner(listens=False)
SLOW, SLOWER = Manner(after=0.8), Manner(after=2.0, trying=True)


@dataclass(frozen=True)
class Scene:
    """A situation, and which gateway should answer the calls that are placed in it."""

    title: str
    first: Manner
    second: Manner
    expected: str
    calls: int = 2


SCENES = (
    Scene("both gateways work", WORKS, WORKS, "gw-1"),
    Scene("gw-1's port is closed", CLOSED, WORKS, "gw-2"),
    Scene("gw-1 is silent", SILENT, WORKS, "gw-2"),
    Scene("gw-1 answers 503", Manner(503), WORKS, "gw-2"),
    # By the time gw-1 speaks, gw-2 has been tried as well. The first to ring keeps the call.
    Scene("gw-1 is slow, gw-2 is slower", SLOW, SLOWER, "gw-1"),
    Scene("gw-1 is back", WORKS, WORKS, "gw-1"),
)


class Screen:
    """Tells what happens while it happens: in colours on a terminal, otherwise plainly."""

    def __init__(self) -> None:
        terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._colours = terminal and not os.environ.get("NO_COLOR")
        fancy = (sys.stdout.encoding or "").lower().startswith("utf")
        self.arrow, self.bar = ("→", "█") if fancy else (">", "#")
        self._call_id = ""

    def write(self, text: str, colour: str = "") -> None:
        """Write at once, without a new line."""
        codes = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36}
        before = after = ""
        if self._colours and colour:
            before, after = f"\033[{codes[colour]}m", "\033[0m"
        line = text.rstrip("\n")
        print(f"{before}{line}{after}{text[len(line) :]}", end="", flush=True)

    def begin(self, call_id: str, number: int) -> None:
        """A call begins."""
        self._call_id = call_id
        self.write(f"  call {number:2} ")

    def tell(self, call_id: str, gateway: str, what: str) -> None:
        """Something happens at a gateway; what belongs to an earlier call is not shown."""
        if call_id != self._call_id:
            return
        match what:
            case "INVITE":
                self.write(f" {self.arrow} {gateway} ", "cyan")
            case "CANCEL":
                self.write(f" {gateway} is cancelled ", "dim")
            case "200":
                self.write(f" {gateway} answers ")
            case status:
                self.write(f" {status} ", "yellow")

    async def dots(self) -> None:
        """Show that time passes."""
        for _ in range(MOST_DOTS):
            await trio.sleep(DOT_EVERY)
            self.write(".", "dim")

    def end(self, call: Call, expected: str) -> None:
        """A call is over."""
        self._call_id = ""
        self.write(f"  {call.set_up:.3f} s")
        if call.gateway != expected:
            self.write(f"  WRONG: {expected} should have answered", "red")
        elif not call.ended:
            self.write("  WRONG: no 200 for BYE", "red")
        print()

    def summary(self, results: list[tuple[Scene, Call]]) -> None:
        """All calls as a table."""
        slowest = max(call.set_up for _, call in results)
        self.write(f"\n  {'call':4}  {'while':28}  {'answered by':11}  set-up\n", "bold")
        for number, (scene, call) in enumerate(results, 1):
            gateway = call.gateway or "nobody"
            self.write(f"  {number:4}  {scene.title:28}  ")
            self.write(f"{gateway:11}", "green" if good(scene, call) else "red")
            bar = self.bar * max(1, round(BAR * call.set_up / slowest))
            self.write(f"  {call.set_up:.3f} s  ")
            self.write(f"{bar}\n", "cyan")
        answered = sum(call.gateway != "" for _, call in results)
        print(f"\ndemo: {len(results)} calls, {answered} answered, slowest set-up {slowest:.2f} s")


def good(scene: Scene, call: Call) -> bool:
    """Whether a call went as it should."""
    return call.gateway == scene.expected and call.ended


async def play(there: World, screen: Screen) -> list[tuple[Scene, Call]]:
    """Play all scenes."""
    results: list[tuple[Scene, Call]] = []
    for scene in SCENES:
        screen.write(f"{scene.title}\n", "bold")
        await there.gateways["gw-1"].behave(scene.first)
        await there.gateways["gw-2"].behave(scene.second)
        for _ in range(scene.calls):
            call_id = f"demo-{len(results) + 1}"
            screen.begin(call_id, len(results) + 1)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(screen.dots)
                call = await there.call(call_id)
                nursery.cancel_scope.cancel()
            screen.end(call, scene.expected)
            results.append((scene, call))
    return results


async def main(journal: Path | None) -> int:
    """Make the world, play, and sum up."""
    screen = Screen()
    results: list[tuple[Scene, Call]] = []
    failures: list[str] = []
    screen.write(f"a proxy and two gateways; it advances after {ADVANCE_AFTER} s of silence\n\n")
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(until_a_signal, nursery)
            async with world(ADVANCE_AFTER, screen.tell, journal) as there:
                results = await play(there, screen)
            nursery.cancel_scope.cancel()
    except* (OSError, RuntimeError) as errors:
        failures += [f"demo: {error}" for error in leaves(errors)]
    if failures:
        print("\n".join(failures), file=sys.stderr)
        return 1
    if not results:
        print("\ndemo: interrupted")
        return 130
    screen.summary(results)
    return 0 if all(good(scene, call) for scene, call in results) else 1


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors themselves, out of the groups that trio puts them into."""
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    for each in inner:
        yield from leaves(each)
    if not inner:
        yield error


async def until_a_signal(nursery: trio.Nursery) -> None:
    """Tidy up on Ctrl-C, and when the terminal is closed."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async for _ in signals:
            nursery.cancel_scope.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journal", type=Path, metavar="FILE", help="keep the proxy's journal")
    sys.exit(trio.run(main, parser.parse_args().journal))
