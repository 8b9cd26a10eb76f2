"""The program of docs/event-loop.md: a call over TCP that fails over, in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

from running import DEADLINE, EXAMPLES

PAGE = EXAMPLES.parent / "docs" / "event-loop.md"
FENCE = re.compile(r"^```(.*)$")


def program() -> str:
    """The page's Python; what is no Python is empty lines, so that a traceback names its lines."""
    lines, language = list[str](), ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        fence = FENCE.match(line)
        lines.append(line if language == "python" and not fence else "")
        if fence:
            language = fence[1]
    return "\n".join(lines) + "\n"


def test_the_program_on_the_page_runs(tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    script.write_text(program(), encoding="utf-8")
    paths = [str(EXAMPLES), *sys.path]
    done = subprocess.run(  # noqa: S603 (our own page)
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stderr.splitlines()
    assert any(line.startswith("failover: ") and "cannot connect" in line for line in said), said
