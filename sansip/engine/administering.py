"""Carrying out an operator's orders: groups replaced, members drained, the cache flushed ..."""

from sansip.dispatch import Group, Health
from sansip.dispatch.health import WELL
from sansip.engine import probes, whereabouts
from sansip.engine.events import (
    Administered,
    Drain,
    Enable,
    FlushCache,
    Quiesce,
    Rekey,
    ReplaceGroups,
)
from sansip.engine.fleet import Place, checked_groups
from sansip.engine.turn import Turn
from sansip.entropy import checked_seed
from sansip.errors import LocalProtocolError
from sansip.locate import Cache
from sansip.table import Table


def administered(turn: Turn, event: Administered) -> None:
    """Carry out an operator's order."""
    match event.order:
        case ReplaceGroups(groups):
            names = tuple([endpoint.name for endpoint in turn.config.endpoints])
            before = turn.fleet.groups
            turn.fleet = turn.fleet.regrouped(checked_groups(groups, names))
            probes.replaced(turn, before)
        case Drain(name, uri):
            _drain(turn, name, uri)
        case Enable(name, uri):
            _enable(turn, name, uri)
        case FlushCache():
            turn.cache = Cache()
        case Quiesce(retry_after):
            turn.retry_after = retry_after
        case Rekey(seed):
            turn.seed = checked_seed(seed)
        case _:  # a program may have been written without a type checker
            raise LocalProtocolError(f"{event.order!r} is no order; see sansip.Administered")


def _drain(turn: Turn, name: str, uri: str) -> None:
    """A member gets no new calls and no probes; calls in flight go on."""
    group = _checked(turn, name, uri)
    if (name, uri) not in turn.fleet.drained:
        turn.fleet = turn.fleet.but(drained=(*turn.fleet.drained, (name, uri)))
        probes.drained(turn, name, group, uri)


def _enable(turn: Turn, name: str, uri: str) -> None:
    """A member is in use again, and what was held against it is forgotten."""
    group, who = _checked(turn, name, uri), (name, uri)
    drained = tuple([other for other in turn.fleet.drained if other != who])
    asleep = tuple([other for other in turn.fleet.asleep if other != who])
    table: Table[Place, Health] = turn.fleet.health
    for member in group.members:
        for place in whereabouts.of(turn, member) if member.uri == uri else ():
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
        raise LocalProtocolError(turn.fleet.lacks(name))
    if all(member.uri != uri for member in group.members):
        known = ", ".join([member.uri for member in group.members])
        raise LocalProtocolError(f"group {name} has no member {uri!r}; its members are: {known}")
    return group
