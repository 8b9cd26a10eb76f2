"""Dispatching: groups of gateways, and in which order their members are tried."""

from sansip.dispatch.groups import ALGORITHMS, Algorithm, Dispatch, Rewrite, order, rewrite

__all__ = ["ALGORITHMS", "Algorithm", "Dispatch", "Rewrite", "order", "rewrite"]
