"""Probing: OPTIONS of our own to every hop of the groups' members, to know how they are.

RFC 3261 11, RFC 3263 4. A group that has ``Probing`` goes round its members from the start on, each
of them once in ``every`` seconds. Each is located as if a call were for it, and what its name
stands for now is probed: all hops, each for itself.

* Under way is at most one probe to a place, whatever groups it belongs to: who finds one leaves it
  at that, and it counts by the thresholds of the group that it was sent for.
* A probe has its answer before the group's next round (``Probing.patience``), or it has failed.
* Lookups for probes take no more than half of the DNS questions that there may be. While DNS takes
  its time, what it said last will do.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, cast

from sansip.address import Hop
from sansip.dispatch import Group, Member, Probing
from sansip.engine import lookups
from sansip.engine.actions import Timer
from sansip.engine.config import Endpoint
from sansip.engine.fleet import Groups, Path, Place, Probe, Round, Watch
from sansip.engine.forwarding import Outgoing, located_uri, outgoing
from sansip.engine.lookups import GROUP
from sansip.engine.state import Origin
from sansip.engine.transactions import discard_client, open_client
from sansip.engine.turn import Turn
from sansip.errors import LocalProtocolError
from sansip.message import Request, Response, Uri, parse_uri
from sansip.proxy import vocabulary as news
from sansip.proxy.request import BREADTH, HOPS
from sansip.table import Table
from sansip.transaction import client

OWNER: Final = "p|"  # how the key of a probe begins, where that of a round has GROUP
OWNERS: Final = (OWNER, GROUP)
AT_ONCE: Final = 20  # members that are probed in one step; those of a larger group follow later
OK: Final = range(200, 300)
UNAVAILABLE: Final = 503


def begin(turn: Turn) -> None:
    """Start probing the groups that want it."""
    for name, group in turn.fleet.groups:
        _go_round(turn, name, group, 0)


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
        _give_up(turn, timer.owner, probe)


def hear(turn: Turn, key: str, given: news.Given) -> None:
    """What a lookup or a client transaction has to say; it may come too late."""
    match given:
        case news.Located():
            _located(turn, key.removeprefix(GROUP), given)
        case news.Answered() if given.response.status >= OK.start:
            _answered(turn, key, given.response)
        case news.Broken() | news.Troubled():
            _failed(turn, key, given.reason)
        case news.TimedOut():
            _failed(turn, key, "no answer")
        case _:
            pass  # a 100 decides nothing, nor does the end of a transaction


# --- rounds


def _go_round(turn: Turn, name: str, group: Group, first: int) -> None:
    """Probe the next members, and set the timer for those after them.

    Large groups are spread evenly over the interval: a step is to be short, and nobody wants to be
    sent a thousand datagrams at once.
    """
    if group.probing is None:
        return
    members = group.members
    for way, member in list(enumerate(members))[first : first + AT_ONCE]:
        if member.probed and (name, member.uri) not in turn.fleet.drained:
            _locate(turn, name, way, member)
    shares = -(-len(members) // AT_ONCE)
    timer = turn.rearm(GROUP + name, "probe", turn.at + group.probing.every / shares)
    following = first + AT_ONCE
    here = Round(following if following < len(members) else 0, timer)
    _keep(turn, rounds=turn.fleet.watch.rounds.set(name, here))


def _locate(turn: Turn, name: str, way: int, member: Member) -> None:
    owner = GROUP + name, way
    uri = _way_to(member)
    if owner in turn.searches:
        # DNS has taken a whole round for it, so that probing would stop if its servers are dead.
        for hop in lookups.known(turn, owner, uri):
            _probe(turn, name, member, hop)
        return
    paths = turn.fleet.watch.paths
    before = paths.get(owner, Path())
    _keep(turn, paths=paths.set(owner, Path(said=before.said)))
    lookups.begin(turn, owner, uri)


def _way_to(member: Member) -> Uri:
    request = Request.make("OPTIONS", member.uri, ())
    return located_uri(Origin(request), _target(member))


def _located(turn: Turn, name: str, given: news.Located) -> None:
    """Probe these hops; say what is in the way, but not in every round again."""
    owner = GROUP + name, given.way
    member = _group(turn, name).members[given.way]
    path = turn.fleet.watch.paths[owner]
    gave, why = path.gave, path.why
    for hop in given.hops:
        if _probe(turn, name, member, hop):
            gave = True
        else:
            why = f"no endpoint reaches {hop}"
    paths = turn.fleet.watch.paths
    if given.more:
        paths = paths.set(owner, Path(gave, why, path.said))
    else:
        if given.status == 403 or not (gave or why):  # the filter; or a name that leads nowhere
            why = given.reason
        if why and why != path.said:
            turn.report("probe", f"{name} {member.uri}", f"not probed: {why}")
        paths = paths.set(owner, Path(said=why)) if why else paths.without(owner)
    _keep(turn, paths=paths)


# --- probes


def _probe(turn: Turn, name: str, member: Member, hop: Hop) -> bool:
    """Send an OPTIONS, unless one is under way to there; False if no endpoint reaches the hop."""
    preferred = turn.config.endpoint(member.endpoint)
    endpoint = turn.config.endpoint_for(hop, preferred)
    if endpoint is None:
        return False
    key = f"{OWNER}{endpoint.name} {hop}"
    if key in turn.fleet.watch.probes:
        return True
    turn.serial += 1
    owner = f"{key} {turn.serial}"
    origin = Origin(_options(turn, owner, member, endpoint))
    target = _target(member)
    # An endpoint reaches it, as we know.
    going = cast("Outgoing", outgoing(turn, origin, target, hop, owner, 0, BREADTH))
    open_client(
        turn,
        going.key,
        invite=False,
        data=going.data,
        endpoint=going.endpoint,
        remote=hop.address,
        context=key,
        branch=0,
        name=hop.tls_name,
        spare=going.spare,
    )
    keys = (going.key,) if going.spare is None else (going.key, going.spare.key)
    place = Place(endpoint.name, hop.transport, hop.address)
    timer = turn.rearm(key, "probe", turn.at + _probing(turn, name).patience)
    probe = Probe(name, member, place, turn.at, keys, timer)
    _keep(turn, probes=turn.fleet.watch.probes.set(key, probe))
    return True


def _target(member: Member) -> news.Target:
    uri = parse_uri(member.uri).for_request_line().text
    return news.Target(uri, member.proxy or uri, departure=member.endpoint)


def _options(turn: Turn, owner: str, member: Member, endpoint: Endpoint) -> Request:
    """Make what is sent: the same from the same member, but for what tells two requests apart."""
    draws = turn.draws(owner)
    host = endpoint.advertised.host
    caller = member.caller or f"sip:probe@{f'[{host}]' if ':' in host else host}"
    uri = parse_uri(member.uri).for_request_line().text
    headers = (
        ("Max-Forwards", str(HOPS)),
        ("From", f"<{caller}>;tag={draws.token('tag')}"),
        ("To", f"<{uri}>"),
        ("Call-ID", draws.token("call-id")),
        ("CSeq", "1 OPTIONS"),
        # "An Accept header field SHOULD be included to indicate the type of message body the UAC
        # wishes to receive in the response" (RFC 3261 11.1).
        ("Accept", "application/sdp"),
        ("Content-Length", "0"),
    )
    return Request.make("OPTIONS", uri, headers)


def _answered(turn: Turn, key: str, response: Response) -> None:
    """It has answered: that shows life, unless the group wants to hear something else."""
    probe = turn.fleet.watch.probes.get(key)
    if probe is None:
        return
    _settle(turn, key, probe)
    status, alive_on = response.status, _probing(turn, probe.group).alive_on
    alive = status != UNAVAILABLE if alive_on is None else status in OK or status in alive_on
    if alive:
        health.succeeded(turn, probe.group, probe.place, turn.at - probe.begun)
    elif ...


def _give_up(turn: Turn, key: str, probe: Probe) -> None:
    """Nothing final has come in time; a 100 is a sign of life all the same."""
    probing = _probing(turn, probe.group)
    records = [turn.client.get(name) for name in probe.keys]
    spoke = [record for record in records if record and record.state is client.PROCEEDING]
    ...


