"""Dispatching: groups of gateways, and in which order their members are tried."""

from sansip.dispatch.algorithms import Moment, arrange
from sansip.dispatch.groups import (
    ALGORITHMS,
    Algorithm,
    Dispatch,
    Rewrite,
    algorithm_named,
    rewriting,
)
from sansip.dispatch.health import Health
from sansip.dispatch.listing import ListError, Mistake, parse_list
from sansip.dispatch.members import Group, Listed, Member, Probing, Thresholds, group_of

__all__ = [
    "ALGORITHMS",
    "Algorithm",
    "Dispatch",
    "Group",
    "Health",
    "ListError",
    "Listed",
    "Member",
    "Mistake",
    "Moment",
    "Probing",
    "Rewrite",
    "Thresholds",
    "algorithm_named",
    "arrange",
    "group_of",
    "parse_list",
    "rewriting",
]
