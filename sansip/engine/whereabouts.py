"""Where the members of groups are, as far as that is known without asking, and how they are."""

from sansip.address import Hop
from sansip.dispatch import Health, Member
from sansip.dispatch.health import is_suspect
from sansip.engine import lookups
from sansip.engine.config import Config
from sansip.engine.fleet import Place
from sansip.engine.standing import HopStanding, Letter, Standing
from sansip.engine.turn import Turn
from sansip.message import parse_uri


def hops_known(turn: Turn, member: Member) -> tuple[Hop, ...]:
    """The hops that calls for a member go to."""
    return lookups.known(turn, parse_uri(member.uri))


def places(config: Config, member: Member, hop: Hop) -> tuple[Place, ...]:
    """A hop of a member, as seen from each endpoint that requests for it may leave by."""
    wanted = hop.transport, hop.address.family
    found = [e for e in config.endpoints if (e.transport, e.family) == wanted]
    if member.endpoint:
        named = [endpoint for endpoint in found if endpoint.name == member.endpoint]
        found = named or found[:1]
    return tuple([Place(endpoint.name, hop.transport, hop.address) for endpoint in found])


def of(turn: Turn, member: Member) -> tuple[Place, ...]:
    """All places at which a member is known to be."""
    hops = hops_known(turn, member)
    return tuple([place for hop in hops for place in places(turn.config, member, hop)])


def standings(turn: Turn, only: str | None = None) -> tuple[Standing, ...]:
    """How all members of all groups are, in their order; or those of one group."""
    drained, asleep = set(turn.fleet.drained), set(turn.fleet.asleep)
    found: list[Standing] = []
    for name, group in turn.fleet.groups:
        for member in group.members if only in (None, name) else ():
            who = name, member.uri
            hops = tuple(
                [
                    _hop(turn, place, hop, asleep=who in asleep)
                    for hop in hops_known(turn, member)
                    for place in places(turn.config, member, hop)
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
