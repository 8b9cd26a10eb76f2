"""Another process, in which nothing is known but what a file says."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

SUPPORT = Path(__file__).parent
ROOT = SUPPORT.parents[1]


def sansip(*arguments: str | Path, hash_seed: str = "1") -> tuple[int, str, str]:
    """Run ``python -m sansip`` with this PYTHONHASHSEED: exit status, and what it says."""
    paths = [str(ROOT), str(SUPPORT), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-m", "sansip", *map(str, arguments)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def differing(*files: Path, hash_seed: str = "4242") -> list[str]:
    """What differs when these journals are replayed."""
    status, said, complaint = sansip("replay", *files, "--trust", hash_seed=hash_seed)
    alike = [line for line in said.splitlines() if "no difference: " in line]
    if status or complaint or len(alike) != len(files):
        return [f"{status}: {said}{complaint}"]
    return []


def differences(
    lines: Iterable[str], file: Path, hash_seeds: Iterable[str] = ("1", "4242")
) -> list[str]:
    """What differs when these lines are replayed from that file, by other seeds of hashes."""
    file.write_text("".join(lines), encoding="ascii")
    return [one for each in hash_seeds for one in differing(file, hash_seed=each)]
