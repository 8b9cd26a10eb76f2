"""A queue of timers, for whoever performs the core's orders: an adapter, a simulation.

Pure like the rest, but mutable, and for one user: the core itself has no agenda, only adapters do.
A heap with lazy deletion, because most timers are stopped long before they are due: what is stopped
or replaced stays in the heap as a dead entry until it surfaces, or until the dead outnumber the
living and the heap is swept. An owner has at most one timer running.
"""

from heapq import heapify, heappop, heappush

from sansip.engine.actions import Timer

SWEEP_ABOVE = 64  # dead entries that are never worth a sweep

Entry = tuple[float, int, Timer]  # due, start order (decides ties), and what to fire


class Agenda:
    """Timers in the order in which they are due; ``len`` counts those that run."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._heap: list[Entry] = []
        self._running: dict[str, Entry] = {}
        self._started = 0

    def __len__(self) -> int:
        return len(self._running)

    def start(self, timer: Timer, due: float) -> None:
        """Run ``timer`` until ``due``; it replaces what ran for its owner."""
        self._started += 1
        entry = (due, self._started, timer)
        self._running[timer.owner] = entry
        heap = self._heap
        heappush(heap, entry)
        if len(heap) > 2 * len(self._running) + SWEEP_ABOVE:
            self._sweep()

    def stop(self, timer: Timer) -> None:
        """Forget ``timer``, if it is the one that runs for its owner."""
        entry = self._running.get(timer.owner)
        if entry is not None and (entry[2] is timer or entry[2] == timer):
            del self._running[timer.owner]

    def next_due(self) -> float | None:
        """When the first timer is due; None while nothing runs."""
        heap, running = self._heap, self._running
        while heap:
            entry = heap[0]
            if running.get(entry[2].owner) is entry:
                return entry[0]
            heappop(heap)
        return None

    def pop_due(self, now: float) -> tuple[Timer, ...]:
        """Take out all timers due at ``now`` or before, the earliest first, ties as started."""
        heap, running = self._heap, self._running
        due: list[Timer] = []
        while heap and heap[0][0] <= now:
            entry = heappop(heap)
            timer = entry[2]
            if running.get(timer.owner) is entry:
                del running[timer.owner]
                due.append(timer)
        return tuple(due)

    def _sweep(self) -> None:
        self._heap = list(self._running.values())
        heapify(self._heap)
