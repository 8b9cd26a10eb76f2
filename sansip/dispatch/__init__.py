"""Dispatching: groups of gateways, and in which order their members are tried."""

from sansip.dispatch.groups import ALGORITHMS, Algorithm, Dispatch, Rewrite, order, rewrite
from sansip.dispatch.members import Group, Listed, Member, Probing, Thresholds, group_of

__all__ = [
    "ALGORITHMS",
    "Algorithm",
    "Dispatch",
    "Group",
    "Listed",
    "Member",
    "Probing",
    "Rewrite",
    "Thresholds",
    "group_of",
    "order",
    "rewrite",
]
