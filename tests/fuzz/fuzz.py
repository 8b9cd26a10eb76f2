"""All targets, fuzzed on all cores: ``make fuzz``. Exit status 1 if anything was found.

What is found goes to regressions/, where ``make test`` runs it ever after. The corpus stays in
.fuzz/, so that the next run goes on where this one ended.
"""

import argparse
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FOUND = HERE / "regressions"
WORK = ROOT / ".fuzz"
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from fuzzing import TARGETS, WORDS, seeds  # noqa: E402 - once it can be found

LIMITS = ("-max_len=4096", "-timeout=20", "-rss_limit_mb=4096")
RUNS = re.compile(r"^stat::number_of_executed_units: (\d+)|^#(\d+)\t", re.MULTILINE)
COVERED = re.compile(r"^#\d+\t.* cov: (\d+)", re.MULTILINE)


class Outcome(NamedTuple):
    """What came of one target."""

    target: str
    runs: int
    covered: int
    seconds: float
    found: list[Path]
    log: Path
    status: int


def main() -> int:
    """Fuzz, and say what came of it."""
    targets, length, jobs = read_options()
    if importlib.util.find_spec("atheris") is None:
        say(
            "Fuzzing needs atheris, which has wheels for Linux on x86-64 and Python from 3.11 to "
            "3.14 (pip install 'atheris>=3'); this is "
            f"Python {sys.version_info[0]}.{sys.version_info[1]} on {sys.platform}. "
            "The targets also run as tests, on any Python: pytest tests/fuzz"
        )
        return 2
    WORK.mkdir(exist_ok=True)
    (WORK / "words.dict").write_text("".join(map(quoted, WORDS)), encoding="ascii")
    FOUND.mkdir(exist_ok=True)
    say(f"{', '.join(targets)}: {length} each, {jobs} at a time; logs in {WORK}")
    with ThreadPoolExecutor(jobs) as pool:
        return report(list(pool.map(partial(fuzzed, length), targets)))


def read_options() -> tuple[list[str], str, int]:
    """Read the command line: which targets, libFuzzer's option for how long, how many at a time."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; all if none is named")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--runs", type=int, help="for each target, instead of seconds")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="targets at a time")
    options = parser.parse_args()
    targets: list[str] = options.targets or list(TARGETS)
    unknown = set(targets) - set(TARGETS)
    if unknown:
        parser.error(f"no target is called {', '.join(sorted(unknown))}")
    length = f"-runs={options.runs}" if options.runs else f"-max_total_time={options.seconds}"
    return targets, length, options.jobs


def fuzzed(length: str, target: str) -> Outcome:
    """Fuzz one target until its time is over or something is found."""
    corpus, log = WORK / target, WORK / f"{target}.log"
    corpus.mkdir(exist_ok=True)
    for data in seeds(target):
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    prefix = f"-artifact_prefix={FOUND}/{target}-"
    words = f"-dict={WORK / 'words.dict'}"
    command = [sys.executable, str(HERE / "one.py"), target, str(corpus), length, prefix, words]
    before, begun = set(FOUND.glob("*")), time.monotonic()
    with log.open("w", encoding="utf-8") as output:
        command += [*LIMITS, "-print_final_stats=1"]
        done = subprocess.run(command, stdout=output, stderr=output, check=False)  # noqa: S603
    text = log.read_text(encoding="utf-8", errors="replace")
    runs = [int(total or so_far) for total, so_far in RUNS.findall(text)]
    covered = [int(number) for number in COVERED.findall(text)]
    found = sorted(
        path for path in set(FOUND.iterdir()) - before if path.name.startswith(f"{target}-")
    )
    seconds = time.monotonic() - begun
    return Outcome(
        target, max(runs, default=0), max(covered, default=0), seconds, found, log, done.returncode
    )


def report(outcomes: list[Outcome]) -> int:
    """Say what came of it; give the exit status."""
    say(f"{'target':8} {'runs':>12} {'runs/s':>8} {'covered':>8}  findings")
    for it in outcomes:
        rate = it.runs / it.seconds
        say(f"{it.target:8} {it.runs:12,} {rate:8,.0f} {it.covered:8,}  {len(it.found) or 'none'}")
    say(f"{'in all':8} {sum(it.runs for it in outcomes):12,}")
    bad = [it for it in outcomes if it.found or it.status]
    for it in bad:
        say(f"\n{it.target}: see the end of {it.log}")
        for path in it.found:
            say(f"  again: {sys.executable} tests/fuzz/one.py {it.target} {path.relative_to(ROOT)}")
    return 1 if bad else 0


def quoted(word: bytes) -> str:
    """Write a word as libFuzzer's dictionaries have it."""
    return '"' + "".join([f"\\x{code:02x}" for code in word]) + '"\n'


def say(text: str) -> None:
    """Tell whoever waits."""
    print(text, flush=True)  # noqa: T201 - a script


if __name__ == "__main__":
    sys.exit(main())
