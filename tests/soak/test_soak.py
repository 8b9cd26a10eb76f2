"""The soak itself: a few seconds of it, and what its verdict notices."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from soaking.gauge import Reading
from soaking.verdict import MB, Outcome

SCRIPT = Path(__file__).with_name("soak.py")
DEADLINE = 120.0  # seconds, on a machine that has much else to do


def test_some_seconds_of_it() -> None:
    options = ("--seconds", "4", "--rate", "20", "--quick")
    done = subprocess.run(  # noqa: S603 (our own script)
        [sys.executable, str(SCRIPT), *options],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["passed"]
    assert said["begun"] > 20
    assert said["lost"] == 0


def ran(grows: float = 0.0, files: int = 0) -> Outcome:
    """An hour in which all went well, but that each minute brings this much memory and files."""
    readings = [
        Reading(minute * 60.0, int((40 + grows * minute) * MB), 50 + files * minute, minute, minute)
        for minute in range(60)
    ]
    return Outcome(
        3600.0, 40.0, {"begun": {"answered (UDP)": 9}, "well": {"answered (UDP)": 9}, "lost": {}},
        readings=readings, status=0,
    )  # fmt: skip


def failed(outcome: Outcome) -> list[str]:
    return [check.name for check in outcome.checks if check.ok is False]


def test_what_is_well_passes() -> None:
    outcome = ran()
    assert failed(outcome) == []
    assert outcome.has_passed


def test_a_leak_is_noticed() -> None:
    assert failed(ran(grows=0.1)) == ["memory is flat"]
    assert failed(ran(files=1)) == ["open files are flat"]


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        ({"status": 1}, "it ends in time, with status 0"),
        ({"status": None}, "it ends in time, with status 0"),
        ({"reloads": 1}, "it reloads"),
        ({"alarming": ["Traceback"]}, "nothing alarming on stderr"),
        ({"load": {"begun": {"a (UDP)": 2}, "lost": {"a (UDP)": 1}}}, "no call is lost"),
        ({"load": {}}, "no call is lost"),
        ({"neighbours": {"faults": ["held"]}}, "bad neighbours are dealt with"),
        ({"files": (10, 12)}, "open files are flat"),
    ],
)
def test_what_is_wrong_is_noticed(change: dict[str, object], noticed: str) -> None:
    outcome = ran()
    for name, what in change.items():
        setattr(outcome, name, what)
    assert failed(outcome) == [noticed]
    assert not outcome.has_passed
    assert any(line.startswith("FAILED") for line in outcome.table())
