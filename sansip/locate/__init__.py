"""Locating: from a SIP URI to the ordered list of hops (RFC 3263 4, RFC 2782, RFC 3403, RFC 7984).

A lookup is a machine: ``start`` and ``step`` return its next state and what it wants. It asks DNS
questions, takes the answers in any order, and gives hops as soon as their place in the list is
certain. The cache of DNS answers stands beside it, for whoever carries the questions.
"""

from sansip.locate.aim import OCTET, Aim, aim, aim_back, canonical
from sansip.locate.cache import Cache, CacheLimits, bridged, recall, remember, stale
from sansip.locate.lookup import (
    Answered,
    Ask,
    Ended,
    Exhausted,
    Hops,
    LocateLimits,
    Lookup,
    Output,
    Reason,
    literal,
    start,
    step,
)
from sansip.locate.order import order

__all__ = [
    "OCTET",
    "Aim",
    "Answered",
    "Ask",
    "Cache",
    "CacheLimits",
    "Ended",
    "Exhausted",
    "Hops",
    "LocateLimits",
    "Lookup",
    "Output",
    "Reason",
    "aim",
    "aim_back",
    "bridged",
    "canonical",
    "literal",
    "order",
    "recall",
    "remember",
    "stale",
    "start",
    "step",
]
