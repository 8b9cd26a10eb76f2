"""Explorations: all that can happen to an engine in a small world is tried.

A ``Scenario`` is an engine, what DNS says, a few callers and gateways, and a number of ``Faults``.
``explore`` tries every order in which packets and answers of DNS may come, timers fire, callers
give up and gateways answer, with every fault at every time, and looks whether the engine keeps the
promises that worlds look at too (``sansip.simulate.promises``), and whether its policy raises. A
world draws one run of many; this here are all, so it has to be small. What is found has the fewest
happenings that break a promise, and comes with a journal of the engine, which ``sansip.replay``
runs again and ``sansip.ladder`` draws.

Bounds: time stops only where something falls due, so that whoever acts of his own accord acts then;
packets between two places overtake one another only where one is late; no packet is in the network
for longer than T4; only datagrams.
"""

from sansip.explore.retrace import Counterexample
from sansip.explore.scenario import Call, Faults, Scenario
from sansip.explore.search import Explored, explore

__all__ = ["Call", "Counterexample", "Explored", "Faults", "Scenario", "explore"]
