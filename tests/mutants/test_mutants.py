"""The planted bugs are still bugs of this core, and the tools still find them.

Each is looked for by ``make mutants``; here it is a few, so that the script keeps working.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import sansip
from planted import BUGS, Bug
from planted.worlds import CALLS, WORLDS

ROOT = Path(__file__).parent.parent.parent
CORE = Path(sansip.__path__[0])
SCRIPT = Path(__file__).parent / "mutants.py"


def mutants(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--jobs", "2", *options]
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
    done = mutants("--only", "no-ack-to-503", "--only", "shared-dns-cursor", "--clean", "0.1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(
        r"\n    simulation +\d+ calls +\S+ s  a 503 from \S+ gets no ACK\n", done.stdout
    )
    assert re.search(r"\n    simulation +\d+ calls +\S+ s  call \d goes another way", done.stdout)
    assert re.search(r"The core as it is\n    simulation .* nothing\n", done.stdout)
    assert "All 2 are found" in done.stdout


@pytest.mark.parametrize("world", dict.fromkeys(WORLDS), ids=lambda world: world.__name__)
def test_the_core_as_it_is_breaks_nothing(world: type) -> None:
    assert CALLS
    for seed in range(3):
        world(seed)
