"""The planted bugs are still bugs of this core, and the tools still find them.

Each is looked for by ``make mutants``; here it is a few, so that the script keeps working.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import sansip
from planted import BUGS, Bug
from planted.worlds import WORLDS

CORE = Path(sansip.__path__[0])
SCRIPT = Path(__file__).parent / "mutants.py"


def mutants(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--jobs", "2", "--clean", "0.1", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_what_a_bug_replaces_is_there_once(bug: Bug) -> None:
    text = (CORE / bug.file).read_text("utf-8")
    assert text.count(bug.text) == 1
    compile(text.replace(bug.text, bug.instead), bug.file, "exec")
    assert bug.instead not in text or bug.instead in bug.text


def test_there_are_enough_of_them_and_each_is_another() -> None:
    assert len(BUGS) >= 14
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    assert len({bug.breaks for bug in BUGS}) == len(BUGS)


def test_bugs_are_found() -> None:
    done = mutants("--only", "6xx-does-not-stop", "--only", "back-to-5060", "--exploration", "0.1")
    assert done.returncode == 0, done.stdout + done.stderr
    first, second, clean = re.split(r"\nback-to-5060.*\n|\nThe core as it is\n", done.stdout)
    assert re.search(r" exploration +\d+ states +\S+ s  a new branch, to \S+ after a 603\n", first)
    assert re.search(r" simulation +\d+ calls +\S+ s  a new branch, to \S+ after a 603$", first)
    assert re.search(r" exploration +\d+ states +\S+ s  nothing\n", second)
    assert re.search(r" simulation +\d+ calls +\S+ s  a 100 goes to \S+, its INVITE ", second)
    assert len(re.findall(r" s  nothing\n", clean)) == 2
    assert clean.endswith("s\n")
    assert "All 2 are found, and nothing else is, in " in clean


def test_it_says_so_if_one_is_not_found() -> None:
    done = mutants("--only", "shared-dns-cursor", "--simulation", "0", "--exploration", "0")
    assert done.returncode == 1
    assert "\nshared-dns-cursor is not found\n" in done.stdout


@pytest.mark.parametrize("world", dict.fromkeys(WORLDS), ids=lambda it: it.__name__)
def test_the_core_as_it_is_breaks_nothing(world: Callable[[int], None]) -> None:
    for seed in range(3):
        world(seed)
