"""Processes of ours that talk by lines of JSON."""

import json
import os
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from soaking.proxy import ROOT

SUPPORT = Path(__file__).parents[1]


class Died(Exception):  # noqa: N818 (what has happened, in a word)
    """A process has ended that should not have."""


class Child:
    """A process that runs one of our modules; it ends when its input does."""

    def __init__(self, module: str, options: str) -> None:
        self.module = module
        paths = [SUPPORT, ROOT / "examples"]
        self._process = subprocess.Popen(  # noqa: S603 (our own module)
            [sys.executable, "-m", module, options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        )
        self._heard: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with suppress(ValueError):
                self._heard.put(json.loads(line))
        self._heard.put(None)

    def say(self, what: object) -> None:
        """Send a line."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()

    def news(self, wait: float = 0.0) -> dict[str, Any] | None:
        """The next that it has said, if there is any."""
        try:
            heard = self._heard.get(timeout=wait) if wait else self._heard.get_nowait()
        except queue.Empty:
            return None
        if heard is None:
            raise Died(f"{self.module} has ended with status {self._process.wait()}")
        return heard

    def wait_for(self, word: str, within: float) -> dict[str, Any]:
        """What it says next that has this word in it."""
        while (heard := self.news(within)) is not None:
            if word in heard:
                return heard
        raise Died(f"{self.module} did not say {word!r} in {within:g} s")

    def end(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
