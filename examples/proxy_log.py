"""What the example proxy says on stderr: a line for each report, and never too many of them.

An attack or a network that is down brings thousands of reports a second. Writing them all would
cost more than serving the calls, so only so many are written in a second, and the rest counted.
"""

import sys
from collections.abc import Callable, Collection
from contextlib import suppress

from sansip import Report

TOPICS = (
    *("failover", "health", "probe", "policy"),
    *("limit", "transport", "dns", "malformed", "journal"),
)
MOST = 20  # lines a second


class Log:
    """Writes reports of the given topics."""

    def __init__(self, topics: Collection[str], now: Callable[[], float]) -> None:
        self._topics, self._now = frozenset(topics), now
        self._second, self._written, self._left_out = 0, 0, 0

    def report(self, report: Report) -> None:
        """Write a report, or count it."""
        if report.topic not in self._topics:
            return
        second = int(self._now())
        if second != self._second:
            self.close()
            self._second, self._written = second, 0
        if self._written >= MOST and report.topic != "journal":  # which is said once, or never
            self._left_out += 1
            return
        self._written += 1
        line = f"{report.topic}: {report.about}: {report.text}"
        # Much of this comes from the network, and is nothing to send to a terminal as it is.
        self.say(line if line.isprintable() else ascii(line)[1:-1])

    def close(self) -> None:
        """Say how many reports were left out since this was last said."""
        if self._left_out:
            self.say(f"({self._left_out} more reports left out)")
            self._left_out = 0

    def say(self, line: str) -> None:
        """Write a line, whatever it costs; a proxy does not end because nobody reads its log."""
        with suppress(OSError, ValueError):
            print(line, file=sys.stderr, flush=True)
