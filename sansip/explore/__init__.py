"""Explore."""
from sansip.explore.scenario import Call, Faults, Scenario
from sansip.explore.search import Counterexample, Explored, explore
__all__ = ["Call", "Counterexample", "Explored", "Faults", "Scenario", "explore"]
