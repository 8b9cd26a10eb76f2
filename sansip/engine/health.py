"""The health of the hops of groups' members: what happens to a branch is folded into it.

Only what is not plainly well has an entry, so a fleet that is well costs a call next to nothing. An
entry belongs to a place, that is, to a hop as seen from one of our endpoints.

A failure is the hop's only if no other branch to it has begun to be answered meanwhile: what all
drop, a scanner's INVITE say, would else make each of them suspect in turn. So every place has its
last sign of life. An answered probe is none: who answers OPTIONS and drops calls is not well.
"""

from typing import Final, TypeVar, cast

from sansip.address import Address, Hop
from sansip.dispatch import Thresholds
from sansip.dispatch import health as fold
from sansip.dispatch.health import WELL, Health
from sansip.engine.fleet import Place
from sansip.engine.forwarding import departure, outgoing
from sansip.engine.state import ClientTransaction, Context, Origin
from sansip.engine.turn import Turn
from sansip.errors import RemoteProtocolError
from sansip.message import Response
from sansip.message.headers import RETRY_AFTER
from sansip.proxy.request import BREADTH
from sansip.proxy.states import Hunting
from sansip.proxy.vocabulary import Located, Target
from sansip.table import Table

USUAL = Thresholds()
NOBODY = Target("", "")
NEVER: Final = float("-inf")

V = TypeVar("V")


def place_of(endpoint: str, remote: Address) -> Place:
    """The place of what leaves by the endpoint of this name."""
    return Place(endpoint, endpoint.partition(":")[0], remote)


def has_doubts(turn: Turn) -> bool:
    """Whether anything is known of any hop that matters."""
    return len(turn.fleet.health) > 0 or bool(turn.fleet.asleep)


# --- what happens to the branches of response contexts


def set_aside(turn: Turn, context: Context, given: Located) -> Located:
    """Part the hops that were found for a group's member: who is suspect is tried last."""
    for way in context.state.ways if isinstance(context.state, Hunting) else ():
        if way.number == given.way and way.target.group:
            origin = cast("Origin", context.origin)
            suspects = [h for h in given.hops if _is_suspect(turn, origin, way.target, h)]
            hops = tuple([hop for hop in given.hops if hop not in suspects])
            return Located(given.way, hops, given.more, given.status, given.reason, tuple(suspects))
    return given


def _is_suspect(turn: Turn, origin: Origin, target: Target, hop: Hop) -> bool:
    endpoint = departure(turn, origin, target, hop)
    if endpoint is None:
        return False  # it will hear so soon enough
    place = place_of(endpoint.name, hop.address)
    if endpoint.transport == "udp" and turn.config.tcp_above is not None:
        place = _large(turn, origin, target, hop) or place
    if (target.group, target.member) in turn.fleet.asleep and place not in turn.fleet.health:
        _keep(turn, place, WELL, fold.asleep(turn.at, _thresholds(turn, target.group)))
    known = turn.fleet.health.get(place)
    return known is not None and fold.is_suspect(known, turn.at)


def _large(turn: Turn, origin: Origin, target: Target, hop: Hop) -> Place | None:
    """Where a request goes that is too large for a datagram, if something is known of that place.

    Only then is a copy worth making, to see how large it is (18.1.1).
    """
    stream = departure(turn, origin, target, Hop("tcp", hop.address))
    place = None if stream is None else place_of(stream.name, hop.address)
    if place not in turn.fleet.health:
        return None
    going = outgoing(turn, origin, target, hop, turn.draws(""), 0, BREADTH)
    return place if going is not None and going.spare is not None else None


def tried(turn: Turn, group: str, place: Place) -> None:
    """A branch to a member begins."""
    known = turn.fleet.health.get(place)
    if known is not None:
        _keep(turn, place, known, fold.tried(known, turn.at, _thresholds(turn, group)))


def answered(turn: Turn, sent: ClientTransaction, response: Response, *, first: bool) -> None:
    """A response has come, as the ``first`` of its branch or not.

    Of a branch whose context is concluded it is not known any more whose it was. What it says ends
    a suspicion all the same: somebody is there.
    """
    doubts = has_doubts(turn)
    if not (first or doubts or response.status == 503):
        return
    context = turn.contexts.get(sent.context)
    if context is None:
        return  # not one of theirs
    target = NOBODY
    if isinstance(context.state, Hunting):
        target = context.state.branches[sent.branch].target
    if not (target.group or doubts):
        return
    place = place_of(sent.endpoint, sent.remote)
    if response.status == 503:
        if first and target.group:
            _speaks(turn, place)
        _unavailable(turn, place, target.group, response)
    elif first or _is_news(turn, place):
        if target.group or place in turn.fleet.health:
            _speaks(turn, place)
        heard(turn, place, target.group, target.member)


def _is_news(turn: Turn, place: Place) -> bool:
    """Whether a later word of a branch tells more than the first did: it came before the doubts.

    Several words of one branch are else one success.
    """
    known = turn.fleet.health.get(place)
    if known is None:
        return False
    return not known.needed or turn.fleet.spoke.get(place, NEVER) < known.since


def _unavailable(turn: Turn, place: Place, group: str, response: Response) -> None:
    """A 503 says nothing about its hop, but that it is not to be used for a while if it says so."""
    # "It SHOULD NOT forward any other requests to that server for the duration specified in the
    # Retry-After header field, if present" (21.5.4).
    seconds = retry_after(response) if group else None
    if seconds is not None:
        asked_to_wait(turn, place, group, seconds)


def retry_after(response: Response) -> int | None:
    """The seconds in its Retry-After, if it has one that can be read (20.33)."""
    try:
        wish = RETRY_AFTER.of(response)
    except RemoteProtocolError:
        return None
    return None if wish is None else wish.seconds


def unheard(turn: Turn, sent: ClientTransaction, why: str) -> None:
    """Nothing has come of a branch, or nothing could be sent; what counts is the first such news.

    What has been cancelled without a word says nothing.
    """
    context = turn.contexts.get(sent.context)
    if context is None or not isinstance(context.state, Hunting):
        return
    branch = context.state.branches[sent.branch]
    if not branch.target.group or branch.heard != "nothing":
        return
    if not branch.trigger and branch.cancel == "no":
        place = place_of(sent.endpoint, sent.remote)
        if not has_spoken(turn, place, branch.begun):
            failed(turn, place, branch.target.group, why)


# --- what comes of it, for probes too


def has_spoken(turn: Turn, place: Place, since: float) -> bool:
    """Whether a call there has begun to be answered since then: then silence is not the hop's."""
    return turn.fleet.spoke.get(place, NEVER) >= since


def _speaks(turn: Turn, place: Place) -> None:
    """Note a sign of life."""
    most = turn.config.limits.health
    if most:
        spoke = _with_room(turn.fleet.spoke, place, most).set(place, turn.at)
        turn.fleet = turn.fleet.but(spoke=spoke)


def _with_room(table: Table[Place, V], place: Place, most: int) -> Table[Place, V]:
    """A table that this place fits in: of one that is full the oldest go.

    Some at once: to find the oldest costs as much as there are.
    """
    if len(table) >= most and place not in table:
        for oldest in list(table)[: 1 + most // 8]:
            table = table.without(oldest)
    return table


def heard(
    turn: Turn, place: Place, group: str = "", member: str = "", latency: float | None = None
) -> None:
    """Something has come from there; ``latency`` is how long a probe waited for its answer.

    Who knows that it was a member of a group names both, for one that began as inactive.
    """
    if turn.fleet.asleep and (group, member) in turn.fleet.asleep:
        awake = tuple([who for who in turn.fleet.asleep if who != (group, member)])
        turn.fleet = turn.fleet.but(asleep=awake)
    if latency is not None and member:
        latencies = turn.fleet.latencies
        latencies = latencies.set(member, fold.smoothed(latencies.get(member), latency))
        turn.fleet = turn.fleet.but(latencies=latencies)
    known = turn.fleet.health.get(place)
    if known is None and latency is None:
        return
    if known is None or latency is not None or known.failures or not fold.is_well(known):
        known = known or WELL
        _keep(turn, place, known, fold.succeeded(known, turn.at, latency))


def failed(turn: Turn, place: Place, group: str, why: str, *, probed: bool = False) -> None:
    """Nothing has come from there: silence, a transport error, or a probe without an answer."""
    known, thresholds = turn.fleet.health.get(place, WELL), _thresholds(turn, group)
    _keep(turn, place, known, fold.failed(known, turn.at, thresholds, why, probed=probed))


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
        if not most:
            return
        table = _with_room(table, place, most).set(place, new)
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
