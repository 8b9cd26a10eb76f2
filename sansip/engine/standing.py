"""What an operator sees of groups' members, and may do with one: drain it, and enable it again.

The letters are those that Kamailio shows: A active, I inactive (calls try it last), T trying (some
failures, but fewer than make it inactive), D disabled (drained); then P if it is probed, else X.
"""

from typing import Literal

from sansip.address import Hop
from sansip.dispatch import Group, Health, Member, Probing, Thresholds
from sansip.dispatch.health import WELL, is_suspect
from sansip.engine import probes
from sansip.engine.fleet import Place
from sansip.engine.turn import Turn
from sansip.errors import LocalProtocolError
from sansip.table import Table
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


def standing(turn: Turn) -> tuple[Standing, ...]:
    """All members of all groups, in their order."""
    drained, asleep = set(turn.fleet.drained), set(turn.fleet.asleep)
    found: list[Standing] = []
    for name, group in turn.fleet.groups:
        for way, member in enumerate(group.members):
            who = name, member.uri
            hops = tuple(
                [
                    _hop(turn, place, hop, asleep=who in asleep)
                    for hop in probes.hops_known(turn, name, way, member)
                    for place in probes.places(turn.config, member, hop)
                ]
            )
            idle = who in drained
            letter = "D" if idle else _letter(hops, asleep=who in asleep)
            probed = group.probing is not None and member.probed and not idle
            found.append(
                Standing(
                    name,
                    member,
                    letter + ("P" if probed else "X"),
                    idle,
                    turn.fleet.loads.get(member.name, 0),
                    hops,
                    group.thresholds,
                    group.probing,
                )
            )
    return tuple(found)


def _hop(turn: Turn, place: Place, hop: Hop, *, asleep: bool) -> HopStanding:
    health = turn.fleet.health.get(place)
    if health is None:
        return HopStanding(hop, place.endpoint, "I" if asleep else "A")
    barred = health.barred is not None and turn.at < health.barred
    return HopStanding(
        hop,
        place.endpoint,
        _of(health, turn.at),
        health.failures,
        health.needed,
        max(health.until, health.barred or 0.0) if health.needed or barred else None,
        barred,
        health.why,
        health.latency,
    )


def _of(health: Health, at: float) -> Letter:
    if is_suspect(health, at):
        return "I"
    return "T" if health.failures or health.needed else "A"


def _letter(hops: tuple[HopStanding, ...], *, asleep: bool) -> Letter:
    """One for all hops: the same, or else trying."""
    if not hops:
        return "I" if asleep else "A"
    first = hops[0].letter
    return first if all(hop.letter == first for hop in hops) else "T"


# --- orders


def drain(turn: Turn, name: str, uri: str) -> None:
    """A member gets no new calls and no probes; calls in flight go on."""
    group = _checked(turn, name, uri)
    if (name, uri) not in turn.fleet.drained:
        turn.fleet = turn.fleet.but(drained=(*turn.fleet.drained, (name, uri)))
        probes.drained(turn, name, group, uri)


def enable(turn: Turn, name: str, uri: str) -> None:
    """A member is in use again, and what was held against it is forgotten."""
    group, who = _checked(turn, name, uri), (name, uri)
    drained = tuple([other for other in turn.fleet.drained if other != who])
    asleep = tuple([other for other in turn.fleet.asleep if other != who])
    table: Table[Place, Health] = turn.fleet.health
    for way, member in enumerate(group.members):
        if member.uri == uri:
            for hop in probes.hops_known(turn, name, way, member):
                for place in probes.places(turn.config, member, hop):
                    table = _forgiven(table, place)
    turn.fleet = turn.fleet.but(drained=drained, asleep=asleep, health=table)


def _forgiven(table: Table[Place, Health], place: Place) -> Table[Place, Health]:
    known = table.get(place, WELL)
    if known.latency is None:
        return table.without(place)
    return table.set(place, Health(latency=known.latency))


def _checked(turn: Turn, name: str, uri: str) -> Group:
    group = turn.fleet.group(name)
    if group is None:
        known = ", ".join([known for known, _ in turn.fleet.groups]) or "none"
        raise LocalProtocolError(f"there is no group {name!r}; the groups are: {known}")
    if all(member.uri != uri for member in group.members):
        known = ", ".join([member.uri for member in group.members])
        raise LocalProtocolError(f"group {name} has no member {uri!r}; its members are: {known}")
    return group
