"""The health of the hops of groups' members: what happens to a branch is folded into it.

Only what is not plainly well has an entry, so a fleet that is well costs a call next to nothing. An
entry belongs to a place, that is, to a hop as seen from one of our endpoints.
"""

from sansip.address import Address
from sansip.dispatch import health as fold
from sansip.dispatch.health import WELL, Health
from sansip.dispatch.members import Thresholds
from sansip.engine.fleet import Place
from sansip.engine.turn import Turn

USUAL = Thresholds()


def place_of(endpoint: str, remote: Address) -> Place:
    """The place of what leaves by the endpoint of this name."""
    return Place(endpoint, endpoint.partition(":")[0], remote)


def heard(
    turn: Turn, place: Place, group: str = "", member: str = "", latency: float | None = None
) -> None:
    """Something has come from there; ``latency`` is how long a probe waited for its answer.

    Who knows that it was a member of a group names both, for one that began as inactive.
    """
    if turn.fleet.asleep and (group, member) in turn.fleet.asleep:
        awake = tuple([who for who in turn.fleet.asleep if who != (group, member)])
        turn.fleet = turn.fleet.but(asleep=awake)
    known = turn.fleet.health.get(place)
    if known is not None or latency is not None:
        known = known or WELL
        _keep(turn, place, known, fold.succeeded(known, turn.at, latency))


def failed(turn: Turn, place: Place, group: str, why: str) -> None:
    """Nothing has come from there: silence, a transport error, a probe without an answer."""
    known = turn.fleet.health.get(place, WELL)
    _keep(turn, place, known, fold.failed(known, turn.at, _thresholds(turn, group), why))


def asked_to_wait(turn: Turn, place: Place, group: str, seconds: float) -> None:
    """A 503 has come from there with this Retry-After."""
    known = turn.fleet.health.get(place, WELL)
    why = "answered 503"
    _keep(
        turn,
        place,
        known,
        fold.asked_to_wait(known, turn.at, seconds, _thresholds(turn, group), why),
    )


def _thresholds(turn: Turn, name: str) -> Thresholds:
    """What the group says; it may have gone since the call began."""
    group = turn.fleet.group(name)
    return USUAL if group is None else group.thresholds


def _keep(turn: Turn, place: Place, old: Health, new: Health) -> None:
    """Remember what is worth it, and say what has changed."""
    table = turn.fleet.health
    if fold.is_plain(new):
        table = table.without(place)
    else:
        most = turn.config.limits.health
        if len(table) >= most and place not in table:
            if not most:
                return
            table = table.without(next(iter(table)))
        table = table.set(place, new)
    turn.fleet = turn.fleet.but(health=table)
    _say(turn, place, old, new)


def _say(turn: Turn, place: Place, old: Health, new: Health) -> None:
    about = f"{place.transport}:{place.remote}"
    if new.barred is not None and new.barred != old.barred:
        seconds = new.barred - turn.at
        turn.report("health", about, f"suspect: {new.why}; nothing goes there for {seconds:g} s")
    elif new.needed and not old.needed:
        seconds = new.until - turn.at
        text = f"suspect: {new.why}; one call may try it after {seconds:g} s"
        turn.report("health", about, text)
    elif fold.is_well(new) and not fold.is_well(old):
        turn.report("health", about, "well again")
