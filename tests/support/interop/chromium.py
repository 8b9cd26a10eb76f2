"""A browser that nobody sees: a page is loaded, clicked at and looked at (DevTools, by pipes)."""

import base64
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from interop.programs import ENDING, Place, eventually, where_is

# What is a file descriptor of ours has to be 3 and 4 of the browser's.
LAUNCH = """
import fcntl, os, sys
here, there = [fcntl.fcntl(int(each), fcntl.F_DUPFD, 20) for each in sys.argv[1:3]]
os.dup2(here, 3)
os.dup2(there, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-dev-shm-usage", "--remote-debugging-pipe"),
)
KEYS = {"ArrowDown": 40, "ArrowUp": 38, "End": 35, "Home": 36, "Escape": 27, "Enter": 13}
SIGNATURE = b"\x89PNG\r\n\x1a\n"
Answer = dict[str, Any]


class Browser:
    """One page."""

    def __init__(self, place: Place) -> None:
        folder = place.own("chromium")
        theirs, self._in = os.pipe()
        self._out, their_out = os.pipe()
        chromium = where_is("chromium")
        assert chromium
        argv = [sys.executable, "-c", LAUNCH, str(theirs), str(their_out), chromium, *OPTIONS]
        with (folder / "output").open("wb") as said:
            self._process = subprocess.Popen(  # noqa: S603 (what the tests name)
                [*argv, f"--user-data-dir={folder}", "about:blank"],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                pass_fds=(theirs, their_out),
                start_new_session=True,
            )
        os.close(theirs)
        os.close(their_out)
        place.stack.callback(self._stop)
        self._number = 0
        self._rest = b""
        self._session: str | None = None
        self.complaints: list[str] = []  # of the console: errors, and what is refused
        self._loaded = 0
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._ask(f"{domain}.enable")

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)

    # --- what is asked of it

    def load(self, file: Path, *, width: int = 1500, height: int = 950, dark: bool = False) -> None:
        """Load a page, and wait until it is there."""
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        before = self._loaded
        self._ask("Page.navigate", url=file.as_uri())
        eventually(f"{file.name} is loaded", lambda: self._finds() and self._loaded > before)

    def _finds(self) -> bool:
        """Whether the page says anything at all; what happens meanwhile is heard."""
        return bool(self.find("1"))

    def find(self, expression: str) -> Any:  # noqa: ANN401 - whatever a script gives
        """What an expression is worth in the page."""
        found = self._ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def click(self, selector: str) -> None:
        """Click at the middle of an element."""
        box = f"document.querySelector({json.dumps(selector)}).getBoundingClientRect()"
        middle = f"(box => [box.left + box.width / 2, box.top + box.height / 2])({box})"
        x, y = self.find(middle)
        for kind in ("mousePressed", "mouseReleased"):
            self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            code = KEYS[key]
            self._ask(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code
            )

    def picture(self, file: Path) -> float:
        """Take a picture of it; what part of its lines has anything on it."""
        data = base64.b64decode(self._ask("Page.captureScreenshot")["data"])
        file.write_bytes(data)
        return written(data)

    def printed(self, file: Path) -> bytes:
        """Print it, as PDF."""
        found = self._ask("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        data = base64.b64decode(found["data"])
        file.write_bytes(data)
        return data

    # --- how

    def _ask(self, method: str, **params: object) -> Answer:
        self._number += 1
        wanted: Answer = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            wanted["sessionId"] = self._session
        os.write(self._in, json.dumps(wanted).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: Answer = answer["result"]
                return result
            self._heard(answer.get("method", ""), answer.get("params", {}))

    def _next(self) -> Answer:
        while b"\0" not in self._rest:
            data = os.read(self._out, 65536)
            assert data, "the browser has ended"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\0")
        found: Answer = json.loads(line)
        return found

    def _heard(self, method: str, params: Answer) -> None:
        match method:
            case "Page.loadEventFired":
                self._loaded += 1
            case "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled":
                self.complaints.append(str(params["args"]))
            case "Log.entryAdded":
                self.complaints.append(str(params["entry"]["text"]))
            case _:
                pass


def written(png: bytes) -> float:
    """What part of the lines of a picture differs from nothing: all filters leave zeros of that."""
    assert png.startswith(SIGNATURE)
    height = int.from_bytes(png[20:24], "big")
    raw = zlib.decompress(b"".join(_chunks(png)))
    size = len(raw) // height
    lines = [raw[at + 1 + 8 : at + size] for at in range(0, len(raw), size)]
    plain = lines[0][:4]
    return sum([bool(line.strip(b"\0")) and line.strip(plain) != b"" for line in lines]) / height


def _chunks(png: bytes) -> Iterator[bytes]:
    at = len(SIGNATURE)
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] == b"IDAT":
            yield png[at + 8 : at + 8 + size]
        at += size + 12
