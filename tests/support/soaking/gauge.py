"""What a process uses, as Linux tells it in /proc."""

import os
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")
HAS_PROC = Path("/proc/self/statm").exists()


@dataclass(frozen=True)
class Reading:
    """One look at a process."""

    at: float  # seconds since the load began
    memory: int  # bytes that are resident
    files: int  # that are open
    cpu: float  # seconds, of all its threads
    calls: int  # that had begun by then


def read(pid: int, at: float, calls: int) -> Reading:
    """Look."""
    place = Path("/proc") / str(pid)
    resident = int((place / "statm").read_text().split()[1])
    fields = (place / "stat").read_text().rpartition(")")[2].split()
    cpu = (int(fields[11]) + int(fields[12])) / TICK
    return Reading(at, resident * PAGE, len(list((place / "fd").iterdir())), cpu, calls)
