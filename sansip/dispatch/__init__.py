"""Dispatching: groups of gateways, and in which order their members are tried."""

from sansip.dispatch.groups import ALGORITHMS, Algorithm, Dispatch, Rewrite, order, rewrite
from sansip.dispatch.health import Health
from sansip.dispatch.members import Admission, Group, Listed, Member, Probing, Thresholds, group_of

__all__ = [
    "ALGORITHMS",
    "Admission",
    "Algorithm",
    "Dispatch",
    "Group",
    "Health",
    "Listed",
    "Member",
    "Probing",
    "Rewrite",
    "Thresholds",
    "group_of",
    "order",
    "rewrite",
]
