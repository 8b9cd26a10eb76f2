"""Probing: OPTIONS of our own to every hop of the groups' members, to know how they are.

RFC 3261 11, RFC 3263 4. A group that has ``Probing`` goes round its members from the start on, each
of them once in ``every`` seconds. Each is located as if a call were for it, and what its name
stands for now is probed: all hops, each for itself, from every endpoint that calls may leave by.

* Under way is at most one probe to a place, whatever groups it belongs to: who finds one leaves it
  at that, and it counts by the thresholds of the group that it was sent for.
* A probe has its answer before the group's next round (``Probing.patience``), or it has failed.
* Lookups for probes take no more than half of the DNS questions that there may be. While DNS takes
  its time, what it said last will do.
* Nothing is left of the probing of a group that is gone, nor of a member that is drained.
"""

from collections.abc import Callable, Iterable
from typing import Final, cast

from sansip.address import Hop, bracketed
from sansip.dispatch import Group, Member, Probing
from sansip.engine import health, lookups, whereabouts
from sansip.engine.actions import Timer
from sansip.engine.config import Endpoint
from sansip.engine.fleet import Groups, Path, Place, Probe, Round, Watch
from sansip.engine.forwarding import Outgoing, located_uri, outgoing
from sansip.engine.lookups import GROUP
from sansip.engine.state import Origin
from sansip.engine.transactions import discard_client, open_client
from sansip.engine.turn import Turn
from sansip.entropy import Draws
from sansip.message import Request, Response, Uri, parse_uri
from sansip.proxy import vocabulary as news
from sansip.proxy.request import BREADTH, HOPS
from sansip.table import Table
from sansip.transaction import client

OWNER: Final = "p|"  # how the key of a probe begins, where that of a round has GROUP
OWNERS: Final = (OWNER, GROUP)
_NEW: Final = Path()
AT_ONCE: Final = 20  # members that are probed in one step; those of a larger group follow later
OK: Final = range(200, 300)
UNAVAILABLE: Final = 503
REFUSED: Final = 403  # what a lookup says where the hop filter has kept something back


def begin(turn: Turn) -> None:
    """Start probing the groups that want it."""
    for name, group in turn.fleet.groups:
        _go_round(turn, name, group, 0)


def replaced(turn: Turn, before: Groups) -> None:
    """Groups have been replaced: those that are as they were go on, the others begin anew."""
    old, new = dict(before), dict(turn.fleet.groups)
    for name, group in old.items():
        left = new.get(name)
        if left != group:
            _stop(turn, name, group, left)
    for name, group in new.items():
        if old.get(name) != group:
            _go_round(turn, name, group, 0)


def _stop(turn: Turn, name: str, group: Group, left: Group | None) -> None:
    """End the rounds of a group; probes under way to members that stay as they were go on."""
    rounds = turn.fleet.watch.rounds
    found = rounds.get(name)
    if found is None:
        return
    turn.disarm(found.timer)
    _keep(turn, rounds=rounds.without(name))
    same = left is not None and left.probing == group.probing
    stay = frozenset(left.members if left is not None and same else ())
    _forget(turn, name, range(len(group.members)), lambda member: member not in stay)


def drained(turn: Turn, name: str, group: Group, uri: str) -> None:
    """A member gets no probes any more."""
    ways = [way for way, member in enumerate(group.members) if member.uri == uri]
    _forget(turn, name, ways, lambda member: member.uri == uri)


def _forget(turn: Turn, name: str, ways: Iterable[int], is_gone: Callable[[Member], bool]) -> None:
    """Forget the lookups of these members of a group, and the probes to those that are gone."""
    for way in ways:
        owner = GROUP + name, way
        lookups.stop(turn, owner)
        _keep(turn, paths=turn.fleet.watch.paths.without(owner))
    for key, probe in turn.fleet.watch.probes.items():
        if probe.group == name and is_gone(probe.member):
            _end(turn, key, probe)
            _discard(turn, probe)


def fire(turn: Turn, timer: Timer) -> None:
    """The next members of a group are due, or a probe has waited long enough."""
    watch = turn.fleet.watch
    if timer.owner.startswith(GROUP):
        name = timer.owner.removeprefix(GROUP)
        found = watch.rounds.get(name)
        if found is not None and found.timer == timer:
            _go_round(turn, name, _group(turn, name), found.next)
        return
    probe = watch.probes.get(timer.owner)
    if probe is not None and probe.timer == timer:
        _silent(turn, timer.owner, probe)


def hear(turn: Turn, key: str, given: news.Given) -> None:
    """What a lookup or a client transaction has to say."""
    if isinstance(given, news.Located):
        _located(turn, key.removeprefix(GROUP), given)
        return
    probe = turn.fleet.watch.probes.get(key)
    if probe is None:
        return  # a transaction of before has ended
    match given:
        case news.Answered() if given.response.status >= OK.start:
            _answered(turn, key, probe, given.response)
        case news.Broken():
            _failed(turn, key, probe, given.reason)
        case news.Troubled():
            _troubled(turn, key, probe, given.reason)
        case news.TimedOut():
            _failed(turn, key, probe, "no answer (Timer F)")
        case _:
            pass  # a 100 decides nothing, nor does the end of an earlier transaction


# --- rounds


def _go_round(turn: Turn, name: str, group: Group, first: int) -> None:
    """Probe the next members, and set the timer for those after them.

    Large groups are spread evenly over the interval: a step is to be short, and nobody wants a
    thousand datagrams at once.
    """
    if group.probing is None:
        return
    members, barred = group.members, turn.fleet.drained
    for way, member in enumerate(members[first : first + AT_ONCE], first):
        if member.probed and (name, member.uri) not in barred:
            _locate(turn, name, way, member)
    shares = -(-len(members) // AT_ONCE)
    timer = turn.rearm(GROUP + name, "probe", turn.at + group.probing.every / shares)
    following = first + AT_ONCE if first + AT_ONCE < len(members) else 0
    _keep(turn, rounds=turn.fleet.watch.rounds.set(name, Round(following, timer)))


def _locate(turn: Turn, name: str, way: int, member: Member) -> None:
    owner = GROUP + name, way
    if owner in turn.searches:
        # DNS has taken a whole round for this: with its servers dead, probing would stop.
        _probe(turn, name, member, lookups.known(turn, _next_hop(member)))
        return
    paths = turn.fleet.watch.paths
    _keep(turn, paths=paths.set(owner, Path(said=paths.get(owner, _NEW).said)))
    lookups.begin(turn, owner, _next_hop(member))


def _next_hop(member: Member) -> Uri:
    """The URI that is located for its probes, as for any request (16.6 step 7)."""
    request = Request.make("OPTIONS", _uri(member), ())
    return located_uri(Origin(request), _target(member, member.endpoint))


def _located(turn: Turn, name: str, given: news.Located) -> None:
    """Probe these hops; say what is in the way, but not in every round again."""
    owner = GROUP + name, given.way
    member = _group(turn, name).members[given.way]
    path = turn.fleet.watch.paths[owner]
    hops = () if member.probe_via and path.gave else given.hops
    gave, why = _probe(turn, name, member, hops)
    gave, why = gave or path.gave, why or path.why
    paths = turn.fleet.watch.paths
    if given.more:
        _keep(turn, paths=paths.set(owner, Path(gave, why, path.said)))
        return
    if given.status == REFUSED or not (gave or why):  # or it is a name that leads nowhere
        why = given.reason
    if why and why != path.said:
        turn.report("probe", f"{name} {member.uri}", f"not probed: {why}")
    _keep(turn, paths=paths.set(owner, Path(said=why)) if why else paths.without(owner))


# --- probes


def _probe(turn: Turn, name: str, member: Member, hops: tuple[Hop, ...]) -> tuple[bool, str]:
    """Send OPTIONS to where none is under way; whether some hop is probed, and why another not."""
    gave, why = False, ""
    for hop in hops:
        found = whereabouts.places(turn.config, member, hop)
        if not found:
            why = f"no endpoint reaches {hop}"
            continue
        gave = True
        if member.probe_via:
            # Not this hop is asked about: one will do to ask through.
            _send(turn, name, member, found[0], hop.tls_name)
            break
        for place in found:
            _send(turn, name, member, place, hop.tls_name)
    return gave, why


def _about(turn: Turn, member: Member, reached: Place) -> tuple[Place, ...]:
    """Whom the answer to a probe is about: the hop, or, through a proxy, all of the member's."""
    if not member.probe_via:
        return (reached,)
    return whereabouts.of(turn, member)


def _send(turn: Turn, name: str, member: Member, place: Place, tls_name: str | None) -> None:
    key = f"{OWNER}{place.endpoint} {place.transport}:{place.remote}"
    if member.probe_via:
        key += f" {member.uri}"
    if key in turn.fleet.watch.probes:
        return
    turn.serial += 1
    owner = f"{key} {turn.serial}"
    hop = Hop(place.transport, place.remote, tls_name)
    draws = turn.draws(owner)
    origin = Origin(_options(turn, draws, member, place))
    # Its endpoint reaches the hop, or this would be no place.
    going = cast(
        "Outgoing",
        outgoing(turn, origin, _target(member, place.endpoint), hop, draws, 0, BREADTH),
    )
    open_client(
        turn,
        going.key,
        invite=False,
        data=going.data,
        endpoint=going.endpoint,
        remote=hop.address,
        context=key,
        branch=0,
        name=tls_name,
        spare=going.spare,
    )
    keys = (going.key,) if going.spare is None else (going.key, going.spare.key)
    timer = turn.rearm(key, "probe", turn.at + _probing(turn, name).patience)
    # What is too large for a datagram goes over a connection, as a call does (18.1.1).
    about = _about(turn, member, health.place_of(going.endpoint, place.remote))
    probe = Probe(name, member, about, turn.at, keys, timer)
    _keep(turn, probes=turn.fleet.watch.probes.set(key, probe))


def _options(turn: Turn, draws: Draws, member: Member, place: Place) -> Request:
    """Make what is sent to a member from this place's endpoint."""
    uri, caller = _uri(member), member.probe_from or f"sip:probe@{_host(turn, place)}"
    headers = (
        ("Max-Forwards", str(HOPS)),
        ("From", f"<{caller}>;tag={draws.token('tag')}"),
        ("To", f"<{uri}>"),
        ("Call-ID", draws.token("call-id")),
        ("CSeq", "1 OPTIONS"),
        # "An Accept header field SHOULD be included to indicate the type of message body the UAC
        # wishes to receive in the response" (11.1).
        ("Accept", "application/sdp"),
        ("Content-Length", "0"),
    )
    return Request.make("OPTIONS", uri, headers)


def _host(turn: Turn, place: Place) -> str:
    return bracketed(cast("Endpoint", turn.config.endpoint(place.endpoint)).advertised.host)


def _uri(member: Member) -> str:
    return parse_uri(member.uri).for_request_line().text


def _target(member: Member, departure: str) -> news.Target:
    uri = _uri(member)
    return news.Target(uri, member.probe_via or uri, departure=departure)


# --- what comes of them


def _answered(turn: Turn, key: str, probe: Probe, response: Response) -> None:
    """It has answered: a sign of life, unless the group wants to hear something else."""
    _end(turn, key, probe)
    status, wanted = response.status, _probing(turn, probe.group).alive_on
    alive = status != UNAVAILABLE if wanted is None else status in OK or status in wanted
    seconds = health.retry_after(response) if status == UNAVAILABLE else None
    if alive:
        _well(turn, probe, turn.at - probe.begun)
    elif seconds is not None:
        for place in probe.about:
            health.asked_to_wait(turn, place, probe.group, seconds)
    else:
        _bad(turn, probe, f"answered {status} to a probe", probe.about)


def _silent(turn: Turn, key: str, probe: Probe) -> None:
    """Nothing final has come in time."""
    probing = _probing(turn, probe.group)
    records = [turn.client.get(name) for name in probe.keys]
    spoke = any(record and isinstance(record.state, client.Proceeding) for record in records)
    _keep(turn, probes=turn.fleet.watch.probes.without(key))
    _discard(turn, probe)
    if spoke and probing.alive_on is None:
        # A 100 is a sign of life, too. How long the rest takes nobody knows.
        _well(turn, probe, None)
    else:
        _unheard(turn, probe, f"no answer to a probe in {probing.patience:g} s")


def _well(turn: Turn, probe: Probe, latency: float | None) -> None:
    for place in probe.about:
        health.heard(turn, place, probe.group, probe.member.uri, latency)


def _unheard(turn: Turn, probe: Probe, why: str) -> None:
    """Nothing has come of it: a failure of those that have said nothing else meanwhile either."""
    _bad(turn, probe, why, [p for p in probe.about if not health.has_spoken(turn, p, probe.begun)])


def _bad(turn: Turn, probe: Probe, why: str, places: Iterable[Place]) -> None:
    if probe.troubled:
        return  # that has counted already
    for place in places:
        health.failed(turn, place, probe.group, why, probed=True)


def _troubled(turn: Turn, key: str, probe: Probe, why: str) -> None:
    """A failure at once, but whoever answers after all is there."""
    _unheard(turn, probe, why)
    troubled = Probe(
        probe.group, probe.member, probe.about, probe.begun, probe.keys, probe.timer, troubled=True
    )
    _keep(turn, probes=turn.fleet.watch.probes.set(key, troubled))


def _failed(turn: Turn, key: str, probe: Probe, why: str) -> None:
    _end(turn, key, probe)
    _discard(turn, probe)
    _unheard(turn, probe, why)


def _end(turn: Turn, key: str, probe: Probe) -> None:
    turn.disarm(probe.timer)
    _keep(turn, probes=turn.fleet.watch.probes.without(key))


def _discard(turn: Turn, probe: Probe) -> None:
    """Forget its client transaction: nobody waits for an answer any more."""
    for name in probe.keys:
        discard_client(turn, name)


def _group(turn: Turn, name: str) -> Group:
    """The group; what is under way for one that is gone has been forgotten."""
    return cast("Group", turn.fleet.group(name))


def _probing(turn: Turn, name: str) -> Probing:
    return cast("Probing", _group(turn, name).probing)


def _keep(
    turn: Turn,
    *,
    rounds: Table[str, Round] | None = None,
    paths: Table[tuple[str, int], Path] | None = None,
    probes: Table[str, Probe] | None = None,
) -> None:
    watch = turn.fleet.watch
    turn.fleet = turn.fleet.but(
        watch=Watch(
            watch.rounds if rounds is None else rounds,
            watch.paths if paths is None else paths,
            watch.probes if probes is None else probes,
        )
    )
