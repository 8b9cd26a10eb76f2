"""In which order the members of a group are tried: the algorithms of Kamailio's dispatcher.

Every algorithm orders all members that are in play, each once, so there is always somebody to fail
over to, and a member that is down is passed over for the next in the order. What becomes of its
share is thus a matter of the order:

* hashes: each key has an order of its own (rendezvous hashing). Only the keys of the member that is
  down move, to all others alike, and they come back with it; a proxy with the same members has the
  same orders, however its list is written down. Kamailio takes the key modulo the number of
  members, then the next in the list: the neighbour has the whole share, and a list that grows moves
  nearly all keys.
* "round-robin": as the turns go on, all orders come up, each as often as every other, so the share
  goes to all others alike. Kamailio's goes to the neighbour.
* "random": the same, drawn.
* "weight": in any 100 turns in a row each gets exactly its percent. What is missing to 100 is the
  last one's. The share of a member that is down goes to the next in the list, as with Kamailio,
  whose slots are shuffled at random. Without any weights always the first. With a default, that one
  has no percent (Kamailio gives them to the first).
* "relative-weight": draws by share, one after the other, so the share is divided as the shares of
  the others are. Kamailio's 100 slots round down (with more than 100 members most get nothing), and
  its congestion control (``cc``) is not had. Whoever has no share comes after all others.
* "latency": a member's priority p falls by one for every p milliseconds that its answers take, to
  no less than 1. Equals in turn. ``cc`` is not had here either.
* "round-robin-or-first": those of equal priority above 0 in turn, the highest priority first.
* "call-load": the fewest calls first, among equals as "first". A member with ``maxload`` calls is
  not in play for an INVITE; what is none starts no call.
* "srv": as RFC 2782 has it, so here the LOWEST priority is first (as in Kamailio); without weights
  any.
* "first": the highest priority first, among equals as in the list.
* "parallel": a way for each member, all at once.

A hash that finds nothing to hash goes in turn. The default (``use_default``) comes after all
others; "parallel" makes no difference between it and others.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate, groupby
from operator import attrgetter
from typing import Final, Literal

from sansip.dispatch.groups import Dispatch, algorithm_named
from sansip.dispatch.keys import Hash, key_of
from sansip.dispatch.members import Group, Member
from sansip.entropy import Draws
from sansip.message import Request
from sansip.message.grammar import MAX_32_BITS, number
from sansip.table import Table
from sansip.value import value

_STEP: Final = 61  # coprime to 100, and near its golden section: one's slots lie far apart
_DRAWN: Final = 64  # places that are drawn, of one weight after the other
Counts = Mapping[str, int] | Table[str, int]
Seconds = Mapping[str, float] | Table[str, float]
_priority: Final = attrgetter("priority")
_weight: Final = attrgetter("weight")
_rweight: Final = attrgetter("rweight")

_Order = (
    Hash
    | Literal[
        "first",
        "round-robin",
        "random",
        "call-load",
        "relative-weight",
        "latency",
        "round-robin-or-first",
        "srv",
    ]
)


@value
class Moment:
    """What the algorithms look at besides the request.

    ``turn``       the how-manieth request of this group it is that takes a turn, from 0
    ``draws``      those of this request
    ``loads``      calls by ``Member.name``
    ``latencies``  seconds by the URI of a member
    ``drained``    URIs of members that get nothing; who begins disabled must be among them
    """

    turn: int
    draws: Draws
    loads: Counts
    latencies: Seconds
    drained: Container[str]


def arrange(
    wish: Dispatch, group: Group, request: Request, moment: Moment
) -> tuple[tuple[tuple[Member, ...], ...], bool]:
    """The ways of a request, tried all at once; in each, its members one after the other.

    No way at all if nobody is in play. And whether the request has taken a turn, so that the next
    one of its group has the next number.
    """
    algorithm = algorithm_named(wish.algorithm)
    listed, drained = group.members, moment.drained
    members = [member for member in listed if member.uri not in drained]
    if algorithm == "call-load" and request.method == "INVITE":
        members = [one for one in members if not 0 < one.maxload <= moment.loads.get(one.name, 0)]
    if algorithm == "parallel":
        return tuple([(member,) for member in members]), False
    last: list[Member] = []
    if wish.use_default and members:
        last = [members.pop()] if members[-1] == listed[-1] else []
        listed = listed[:-1]
    if algorithm == "weight":
        slotted, turned = _slotted(listed, moment.turn), True
        members = [member for member in slotted if member.uri not in drained]
    else:
        members, turned = _ordered(algorithm, wish, members, request, moment)
    members += last
    return ((tuple(members),) if members else ()), turned


def _ordered(
    algorithm: _Order,
    wish: Dispatch,
    members: list[Member],
    request: Request,
    moment: Moment,
) -> tuple[list[Member], bool]:
    """The members in their order, and whether that takes a turn."""
    match algorithm:
        case "first":
            return _serial(members), False
        case "round-robin":
            return _permutation(members, moment.turn), True
        case "random":
            return _shuffled(members, moment.draws, "random"), False
        case "call-load":
            return _by_load(members, moment.loads), False
        case "relative-weight":
            return _drawn(members, _rweight, moment.draws, "relative-weight"), False
        case "latency":
            return _in_turn(members, _by_latency(moment.latencies), moment.turn), True
        case "round-robin-or-first":
            return _in_turn(members, _priority, moment.turn), True
        case "srv":
            return _as_srv(members, moment.draws), False
        case _:
            key = key_of(algorithm, wish, request)
            if key:
                return _rendezvous(members, key), False
            return _permutation(members, moment.turn), True


def _serial(members: Iterable[Member]) -> list[Member]:
    """The highest priority first; among equals as listed, for the sort is stable."""
    return sorted(members, key=_priority, reverse=True)


def _permutation(members: Iterable[Member], number: int) -> list[Member]:
    """One of all the orders; any n! numbers in a row give each of them once.

    Of the first places, each comes up every n numbers; and when it does, the second places take
    turns, and so on. So however many members are passed over, the others share what is theirs.
    """
    rest, found = list(members), list[Member]()
    while number and rest:
        number, at = divmod(number, len(rest))
        found.append(rest.pop(at))
    return found + rest


def _shuffled(members: Iterable[Member], draws: Draws, purpose: str) -> list[Member]:
    # 64 bytes decide 98 places; that is far enough to fail over.
    return _permutation(members, int.from_bytes(draws.octets(purpose, size=64), "big"))


def _rendezvous(members: list[Member], key: str) -> list[Member]:
    """Highest score first; a score depends on the key and one member, on nobody else."""
    start = key.encode("utf-8", "surrogatepass") + b"\0"
    scores = [
        blake2b(start + member.uri.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        for member in members
    ]
    places = sorted(range(len(members)), key=scores.__getitem__, reverse=True)
    return [members[place] for place in places]


def _slotted(members: Sequence[Member], turn: int) -> Sequence[Member]:
    """Begin with the one that has this turn's slot of 100, and go on as listed."""
    sums = list(accumulate(map(_weight, members)))
    if not (sums and sums[-1]):
        return members
    at = min(bisect_right(sums, turn * _STEP % 100), len(sums) - 1)
    return (*members[at:], *members[:at])


def _by_load(members: Iterable[Member], loads: Counts) -> list[Member]:
    return sorted(_serial(members), key=lambda member: loads.get(member.name, 0))


def _drawn(
    members: Iterable[Member],
    weight: Callable[[Member], int],
    draws: Draws,
    purpose: str,
    chance: int = 0,
) -> list[Member]:
    """One after the other by weight; ``chance`` is what the first has besides, if it weighs 0.

    Those beyond what failing over could need are not drawn: the heaviest of them first.
    """
    rest, found = list(members), list[Member]()
    weights = [weight(member) for member in rest]
    total = sum(weights)
    while total and len(found) < _DRAWN:
        drawn = draws.below(total + chance, purpose, len(found)) + 1 - chance
        at = bisect_left(list(accumulate(weights)), drawn)
        found.append(rest.pop(at))
        total -= weights.pop(at)
    return found + sorted(rest, key=weight, reverse=True)


def _in_turn(
    members: Iterable[Member], priority: Callable[[Member], int], turn: int
) -> list[Member]:
    """Highest priority first, equals in turn; those of priority 0 as listed."""
    found: list[Member] = []
    for height, equals in groupby(sorted(members, key=priority, reverse=True), priority):
        found += _permutation(equals, turn if height > 0 else 0)
    return found


def _by_latency(latencies: Seconds) -> Callable[[Member], int]:
    def priority(member: Member) -> int:
        height = member.priority
        seconds = latencies.get(member.uri)
        took = _expected(member) if seconds is None else round(seconds * 1000)
        return max(height - took // height, 1) if took > height > 0 else height

    return priority


def _expected(member: Member) -> int:
    """The milliseconds in the attribute ``latency``, which hold until something is measured."""
    for name, text in member.attrs:
        if name == "latency":
            return number(text, MAX_32_BITS) or 0
    return 0


def _as_srv(members: Iterable[Member], draws: Draws) -> list[Member]:
    found: list[Member] = []
    # "A client MUST attempt to contact the target host with the lowest-numbered priority it can
    # reach"; of each priority, "all those with weight 0 are placed at the beginning of the list",
    # and then "choose a uniform random number between 0 and the sum computed (inclusive)" (2782)
    for priority, equals in groupby(sorted(members, key=_priority), _priority):
        purpose = f"srv {priority}"
        peers = sorted(_shuffled(equals, draws, purpose), key=lambda member: member.weight > 0)
        found += _drawn(peers, _weight, draws, f"{purpose} weight", chance=1)
    return found
