"""What was on the wire, as Wireshark's dissectors read it."""

import csv
import os
from collections.abc import Sequence

import pytest

from interop.programs import Place, eventually

FLUSHED_WITHIN = 5.0
Row = dict[str, str]


class Capture:
    """A capture of what some hosts of the loopback say."""

    def __init__(self, place: Place, hosts: Sequence[str]) -> None:
        self._place = place
        self._folder = place.own("capture")
        self.file = self._folder / "call.pcapng"
        wanted = " or ".join(f"host {host}" for host in hosts)
        argv = ["dumpcap", "-q", "-i", "lo", "-f", wanted, "-w", str(self.file)]
        self._dumpcap = place.run(argv, self._folder)
        eventually("dumpcap captures", lambda: self._captures() or not self._dumpcap.running())
        if not self._dumpcap.running():
            pytest.skip(f"may not capture: {self._dumpcap.said.strip()}")

    def _captures(self) -> bool:
        return "File:" in self._dumpcap.said and self.file.exists()

    def end(self, last: bytes, times: int) -> None:
        """End it as soon as it holds something so often."""
        eventually(
            f"{last!r} is captured {times} times",
            lambda: self.file.read_bytes().count(last) >= times,
            FLUSHED_WITHIN,
        )
        self._dumpcap.stop()

    def rows(self, filter_: str, *fields: str) -> list[Row]:
        """Fields of the packets that a display filter lets through; several in one have a ``|``."""
        wanted = [argument for field in fields for argument in ("-e", field)]
        shape = ("-T", "fields", "-E", "header=y", "-E", "separator=,", "-E", "quote=d")
        argv = ["tshark", "-n", "-r", str(self.file), "-Y", filter_, *shape, "-E", "aggregator=|"]
        folder = self._place.own("tshark")
        program = self._place.run([*argv, *wanted], folder)
        assert program.ended(within=30) == os.EX_OK, program.said
        lines = program.said.splitlines()
        # What tshark says of itself, such as that root should not run it, stands before the rows.
        first = next(at for at, line in enumerate(lines) if line.startswith(fields[0]))
        return list(csv.DictReader(lines[first:]))
