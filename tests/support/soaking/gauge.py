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
    waited: float = 0.0  # seconds that its first thread could have worked, and had no processor


def read(pid: int, at: float, calls: int) -> Reading:
    """Look."""
    place = Path("/proc") / str(pid)
    resident = int((place / "statm").read_text().split()[1])
    fields = (place / "stat").read_text().rpartition(")")[2].split()
    cpu = (int(fields[11]) + int(fields[12])) / TICK
    files = len(list((place / "fd").iterdir()))
    return Reading(at, resident * PAGE, files, cpu, calls, waited(place))


def waited(place: Path) -> float:
    """How long a process has waited for a processor, where the kernel keeps account of it."""
    try:
        return int((place / "schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0
