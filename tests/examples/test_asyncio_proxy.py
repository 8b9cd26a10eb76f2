"""What only the proxy on asyncio can be asked for."""

import os
import subprocess
import sys
from pathlib import Path

from running import DEADLINE, EXAMPLES


def test_it_says_that_uvloop_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "uvloop.py").write_text("raise ImportError", encoding="utf-8")
    paths = [str(tmp_path), *sys.path]
    done = subprocess.run(  # noqa: S603 (our own script)
        [sys.executable, EXAMPLES / "asyncio_proxy.py", "--config", "x", "--uvloop"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stderr=subprocess.PIPE,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.endswith("--uvloop: it is not installed (pip install uvloop)\n")
