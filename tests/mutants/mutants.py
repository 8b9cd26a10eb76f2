"""Bugs are planted in copies of the core, one in each, and have to be found: ``make mutants``.

Exit status 1 if one is not found, or not by the promise that it breaks, or if the core without a
bug is accused of one.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from types import MappingProxyType
from typing import Final

ROOT = Path(__file__).parent.parent.parent
SUPPORT = ROOT / "tests" / "support"
sys.path[:0] = [str(ROOT), str(SUPPORT)]

import sansip  # noqa: E402 - once it can be found
from planted import BUGS, Bug  # noqa: E402 - the same
from planted.search import SEARCHES, Found  # noqa: E402 - the same

CORE: Final = Path(sansip.__path__[0])
UNITS: Final = MappingProxyType({"exploration": "states", "simulation": "calls"})


def main() -> int:
    """Look for them all, and print the table."""
    options = read_options()
    bugs = [bug for bug in BUGS if options.only is None or bug.name in options.only]
    begun = monotonic()
    bad: list[str] = []
    with ThreadPoolExecutor(options.jobs) as pool:
        clean = pool.submit(hunted, None, dict.fromkeys(SEARCHES, float(options.clean)))
        search = partial(hunted, seconds={it: float(vars(options)[it]) for it in SEARCHES})
        for bug, found in zip(bugs, pool.map(search, bugs), strict=True):
            say(f"{bug.name}: {bug.breaks} ({bug.rule})", *lines(found))
            if not any(it.why for it in found.values()):
                bad.append(f"{bug.name} is not found")
            bad += [f"{bug.name} is found by another promise" for _ in accidents(bug, found)]
        found = clean.result()
    say("The core as it is", *lines(found))
    bad += ["the core as it is breaks a promise" for it in found.values() if it.why]
    good = f"All {len(bugs)} are found, and nothing else is, in {monotonic() - begun:.0f} s"
    say(*(bad or [good]))
    return 1 if bad else 0


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    names = [bug.name for bug in BUGS]
    parser.add_argument("--only", action="append", choices=names, help="this bug; may be repeated")
    about = "seconds for each bug; an exploration ends with the scenario that it is in"
    parser.add_argument("--exploration", type=float, default=10.0, help=about)
    parser.add_argument("--simulation", type=float, default=60.0, help="seconds for each bug")
    parser.add_argument("--clean", type=float, default=15.0, help="seconds of each without a bug")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="bugs at a time")
    return parser.parse_args()


def accidents(bug: Bug, found: dict[str, Found]) -> list[Found]:
    """What was found by something else than the promise that the bug breaks."""
    return [it for it in found.values() if it.why and not re.search(bug.promise, it.why)]


def lines(found: dict[str, Found]) -> Iterator[str]:
    """What the tools have found, a line for each."""
    for tool, it in found.items():
        why = it.why.removeprefix("Broken: ") or "nothing"
        spent = f"{it.many:7} {UNITS[tool]:6} {it.seconds:5.1f} s"
        yield f"    {tool:11} {spent}  {why[:120]}"


def hunted(bug: Bug | None, seconds: Mapping[str, float]) -> dict[str, Found]:
    """Plant a bug, or none, and let each tool look for it."""
    with TemporaryDirectory(prefix="sansip-") as folder:
        copy = Path(folder)
        shutil.copytree(CORE, copy / "sansip", ignore=shutil.ignore_patterns("__pycache__"))
        if bug is not None:
            plant(bug, copy)
        return {tool: search(tool, copy, seconds[tool]) for tool in SEARCHES}


def plant(bug: Bug, copy: Path) -> None:
    """Put a bug into a copy of the core."""
    file = copy / "sansip" / bug.file
    text = file.read_text("utf-8")
    if text.count(bug.text) != 1:
        raise SystemExit(f"{bug.name}: its text is {text.count(bug.text)} times in {bug.file}")
    file.write_text(text.replace(bug.text, bug.instead), "utf-8")


def search(tool: str, copy: Path, seconds: float) -> Found:
    """Look for a broken promise in the core of this copy."""
    path = os.pathsep.join([str(copy), str(SUPPORT)])
    done = subprocess.run(  # noqa: S603 - this very Python
        [sys.executable, "-m", "planted.search", tool, str(seconds)],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return Found(f"it fell over: {done.stderr.strip()[-200:]}", 0, 0.0)
    found = Found(**json.loads(done.stdout))
    if Path(found.core) != (copy / "sansip").resolve():
        raise SystemExit(f"not the copy was searched, but {found.core}")
    return found


def say(*texts: str) -> None:
    """Print at once."""
    print("\n".join(texts), flush=True)  # noqa: T201 - a script talks by print


if __name__ == "__main__":
    raise SystemExit(main())
