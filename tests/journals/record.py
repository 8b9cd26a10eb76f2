"""Record the journals of this folder anew: ``make journals``; README.md says what they are.

    python tests/journals/record.py [--only REGEX]

Both example proxies run as they are, each case on one of the two. Linux is needed, for addresses
such as 127.30.1.2.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "examples")]

import trio  # noqa: E402

from rigged import Case, play  # noqa: E402
from sansip.journal import read  # noqa: E402
from sansip.replay import Tally, replay  # noqa: E402

PROGRAMS = "trio_proxy.py", "asyncio_proxy.py"
AT_ONCE = 4
LARGEST = 100_000  # bytes; but of the demonstration
LARGEST_DEMO = 150_000

UDP = {"blackhole": "silent", "closed": "closed", "503": "503", "503-ra": "503-ra"}
TCP = {"refused": "closed", "silent": "silent"}
CASES = {
    **{f"group-{name}": Case(fault) for name, fault in UDP.items()},
    **{f"group-probes-{name}": Case(fault, probes=True) for name, fault in UDP.items()},
    **{f"srv-{name}": Case(fault, "srv") for name, fault in UDP.items()},
    **{f"addresses-{name}": Case(fault, "a") for name, fault in UDP.items()},
    **{f"group-tcp-{name}": Case(fault, tcp=True) for name, fault in TCP.items()},
    **{f"srv-tcp-{name}": Case(fault, "srv", tcp=True) for name, fault in TCP.items()},
    "group-quick-blackhole": Case("silent", advance_after=0.5),
    "srv-quick-blackhole": Case("silent", "srv", advance_after=0.5),
    "steady": Case(steady=True, calls=4),
    "rotate": Case(steady=True, calls=6, rotate=20_000),
    "reload": Case(strike="reload", steady=True, calls=4),
    "gateway-closed": Case(strike="closed", steady=True, calls=6),
    "gateway-closed-probes": Case(strike="closed", steady=True, calls=4, probes=True),
    "gateway-blackhole": Case(strike="silent", steady=True, calls=6),
    "gateway-blackhole-probes": Case(strike="silent", steady=True, calls=4, probes=True),
    "gateway-blackhole-srv": Case(strike="silent", to="srv", steady=True, calls=6),
    "proxy-kill": Case(strike="kill", steady=True, calls=6),
    "proxy-kill-degraded": Case("silent", strike="kill", steady=True, calls=6),
}


def say(text: str) -> None:
    """Tell how it goes."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def record(name: str, limit: trio.CapacityLimiter, wrong: list[str]) -> None:
    """Record one case, and see that it replays."""
    at = list(CASES).index(name)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        async with limit:
            program = PROGRAMS[at % 2]
            phone = await play(CASES[name], at, program, folder, redact=at % 4 < 2)
        say(f"{name}: by {program}; answers {list(phone.finals.values())}")
        wrong += collect(folder, name)


def collect(folder: Path, name: str) -> list[str]:
    """Put all journals of a case into this folder; says what is wrong."""
    for old in HERE.glob(f"{name}.[0-9].journal"):
        old.unlink()
    wrong: list[str] = []
    for file in folder.glob("run.journal*"):
        number = "" if file.suffix == ".journal" else file.suffix
        wrong += keep(file, f"{name}{number}.journal")
    return wrong


def demo() -> list[str]:
    """Record the demonstration; says what is wrong."""
    with tempfile.TemporaryDirectory() as made:
        file = Path(made, "demo.journal")
        command = [sys.executable, str(ROOT / "examples/demo.py"), "--journal", str(file)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 (our own)
        return keep(file, file.name, LARGEST_DEMO)


def keep(file: Path, name: str, largest: int = LARGEST) -> list[str]:
    """Put a journal into this folder, if it is as it should be; says what is wrong."""
    text = file.read_text("ascii")
    tally = Tally()
    found = replay(read(text.splitlines(keepends=True)), tally=tally)
    if found is not None:
        return [f"{name}: {found}"]
    if len(text) > largest:
        return [f"{name}: {len(text):,} bytes are too many to be read"]
    (HERE / name).write_text(text, "ascii")
    say(f"{name}: {tally}; {len(text):,} bytes")
    return []


async def main(only: str) -> int:
    """Record all, or those whose names match."""
    limit, wrong = trio.CapacityLimiter(AT_ONCE), list[str]()
    async with trio.open_nursery() as nursery:
        for name in CASES:
            if re.search(only, name):
                nursery.start_soon(record, name, limit, wrong)
        if re.search(only, "demo"):
            wrong += await trio.to_thread.run_sync(demo)
    say("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="REGEX", help="those whose names match")
    sys.exit(trio.run(main, parser.parse_args().only))
