"""What an operator, or a policy, sees of groups' members.

The letters are those that Kamailio shows: A active, I inactive (calls try it last), T trying (some
failures, but fewer than make it inactive; or a trial is due; or its hops differ), D disabled
(drained); then P if it is probed, else X.
"""

from typing import Literal

from sansip.address import Hop
from sansip.dispatch import Member, Probing, Thresholds
from sansip.value import value

Letter = Literal["A", "I", "T", "D"]


@value
class HopStanding:
    """How a hop of a member is, as seen from one endpoint.

    ``failures``  in a row, and no more than make it inactive
    ``needed``    successes in a row that make it active again
    ``until``     nothing goes there before, as long as there is anything else; then one call may
    ``barred``    it has asked for this with a 503, so that nothing else ends it sooner
    ``why``       what happened last that was bad
    ``latency``   of its answers to probes, in seconds
    """

    hop: Hop
    endpoint: str
    letter: Letter
    failures: int = 0
    needed: int = 0
    until: float | None = None
    barred: bool = False
    why: str = ""
    latency: float | None = None


@value
class Standing:
    """How a member of a group is, and all hops of it that are known without asking DNS.

    ``calls`` are those that count for it (call-load), of all groups that have it by this name.
    """

    group: str
    member: Member
    letters: str
    drained: bool
    calls: int
    hops: tuple[HopStanding, ...]
    thresholds: Thresholds
    probing: Probing | None
