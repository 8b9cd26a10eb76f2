"""The demonstration works, says what it must say at its end, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from sansip.journal import read
from sansip.replay import Tally, replay

DEMO = [sys.executable, str(Path(__file__).parents[2] / "examples" / "demo.py")]


def test_every_call_is_answered_by_the_gateway_that_should(tmp_path: Path) -> None:
    plain = {**os.environ, "PYTHONIOENCODING": "ascii"}
    file = tmp_path / "demo.journal"
    done = subprocess.run(  # noqa: S603 (our own script)
        [*DEMO, "--journal", str(file)],
        capture_output=True,
        text=True,
        env=plain,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert all(len(line) <= 80 and line.isascii() and "\033" not in line for line in lines)
    last = re.fullmatch(
        r"demo: (\d+) calls, (\d+) answered, slowest set-up (\d\.\d\d) s", lines[-1]
    )
    assert last is not None
    assert last[1] == last[2]
    assert float(last[3]) < 1.5
    answered = [line.split()[-4] for line in lines if line.endswith("#")]
    assert answered == ["gw-1"] * 2 + ["gw-2"] * 6 + ["gw-1"] * 4
    assert sum("gw-2 is cancelled" in line for line in lines) == 2
    tally = Tally()
    assert replay(read(file.read_text("ascii").splitlines(keepends=True)), tally=tally) is None
    assert f" {last[1]} calls, " in str(tally)


def test_an_interrupted_demonstration_leaves_nothing_behind() -> None:
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, text=True) as demo:  # noqa: S603 (the same)
        assert demo.stdout is not None
        while "call  1" not in demo.stdout.readline():
            pass
        threads = Path(f"/proc/{demo.pid}/task").glob("*/children")
        children = " ".join(thread.read_text() for thread in threads).split()
        demo.send_signal(signal.SIGINT)
        assert demo.stdout.read().endswith("\ndemo: interrupted\n")
        assert demo.wait() == 130
    assert len(children) == 1
    assert not Path(f"/proc/{children[0]}").exists()
