"""The order of DNS records.

SRV go by priority and weight (RFC 2782), NAPTR by order and preference (RFC 3403, RFC 3263 4.1).
Both functions put what came into an order of their own first, so that a server that rotates its
answers changes nothing: same records, same draws, same list.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate, groupby
from operator import attrgetter
from types import MappingProxyType

from sansip.dns import Naptr, Srv
from sansip.entropy import Draws

TRANSPORTS = MappingProxyType({"sip+d2u": "udp", "sip+d2t": "tcp", "sips+d2t": "tls"})
_canonical = attrgetter("priority", "target", "port", "weight")
_priority = attrgetter("priority")


def order(
    records: Iterable[Srv], draws: Draws, service: str = "", most: int = 64
) -> tuple[Srv, ...]:
    """The first ``most`` records in the order of RFC 2782.

    ``service`` keeps the draws for one list apart from those for another. If all weights of a
    priority are 0, its order is by name; "there isn't any server selection to do" then.
    """
    chosen: list[Srv] = []
    # "A client MUST attempt to contact the target host with the lowest-numbered priority it can
    # reach" (RFC 2782, requirement 2782-01).
    for priority, peers in groupby(sorted(set(records), key=_canonical), _priority):
        chosen += _weighted(list(peers), draws, f"srv {service} {priority}", most - len(chosen))
    return tuple(chosen)


def _weighted(remaining: list[Srv], draws: Draws, purpose: str, most: int) -> list[Srv]:
    """The first ``most`` of these records of one priority, by weight."""
    # "all those with weight 0 are placed at the beginning of the list" (RFC 2782)
    remaining.sort(key=lambda record: record.weight > 0)
    total = sum(record.weight for record in remaining)
    chosen: list[Srv] = []
    while remaining and len(chosen) < most:
        # "choose a uniform random number between 0 and the sum computed (inclusive), and select
        # the RR whose running sum value is the first in the selected order which is greater than
        # or equal to the random number selected" (RFC 2782). Thus even weight 0 has its chance.
        drawn = draws.below(total + 1, purpose, len(chosen)) if total else 0
        sums = list(accumulate(record.weight for record in remaining))
        chosen.append(remaining.pop(bisect_left(sums, drawn)))
        total -= chosen[-1].weight
    return chosen


def usable(
    records: Iterable[Naptr], supported: Sequence[str], *, secure: bool
) -> tuple[Naptr, ...]:
    """The NAPTR records to follow, in order: those of the first order that has any for us."""
    ours = [record for record in records if _serves(record, supported, secure=secure)]
    # "Once a NAPTR is found whose rule "matches" the target, the client MUST NOT consider any
    # NAPTRs with a higher value for order" (RFC 3403 4.1): a dead TLS service must not by itself
    # lead to clear text (AMB-02).
    first = min((record.order for record in ours), default=0)
    ours = [record for record in ours if record.order == first]
    ours.sort(
        key=lambda record: (
            record.preference,
            supported.index(TRANSPORTS[record.service.lower()]),
            record.replacement,
        )
    )
    return tuple(ours)


def _serves(record: Naptr, supported: Sequence[str], *, secure: bool) -> bool:
    """Whether this record leads to an SRV lookup for a transport that we may and can use."""
    transport = TRANSPORTS.get(record.service.lower())
    return (
        # RFC 3263 4.1 knows the flag "s" only; a record with regexp and replacement is in error
        # (RFC 3403 4.1).
        record.flags.lower() == "s"
        and not record.regexp
        and record.replacement != ""
        and transport in supported
        # "A client resolving a SIPS URI MUST discard any services that do not contain "SIPS" as the
        # protocol in the service field" (RFC 3263 4.1).
        and (transport == "tls" or not secure)
    )
