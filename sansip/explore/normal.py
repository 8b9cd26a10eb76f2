"""When two states are the same for whatever may follow: instants by how far off they are, and
serial numbers by the order in which they are met.

An engine that has come to the same situation by two ways has the same values, but for the time of
day and for the numbers that it has given to timers and questions. ``fingerprint`` is equal for
both. ``CLASSES`` says which fields are instants, which are serial numbers, and which are neither:
every field of the state with a number in it is there, and a test sees to that.

Numbers that have got into texts stay as they are, since others have seen them: that of a response
context is in its branches. So two situations that differ in these count as two.
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from math import inf
from types import MappingProxyType
from typing import Any, Final

from sansip.address import Address
from sansip.agent import uas
from sansip.dispatch import Health, Member, Probing, Thresholds
from sansip.dns import Found, Naptr, NoName, NoRecords, Srv
from sansip.engine.actions import Timer
from sansip.engine.fleet import Fleet, Probe, Round, Watch
from sansip.engine.state import (
    Arrival,
    Asked,
    ClientTransaction,
    Context,
    Flow,
    Origin,
    Query,
    Served,
    ServerTransaction,
    State,
)
from sansip.locate import Aim, Cache, LocateLimits, Lookup
from sansip.locate.cache import Entry
from sansip.message import Uri, framing
from sansip.proxy import states
from sansip.proxy.best import Result
from sansip.proxy.vocabulary import Facts, Hunt
from sansip.table import Table
from sansip.timing import Timing
from sansip.transaction import client, invite_client, invite_server

FAR: Final = 1000.0  # seconds: what is farther off than that will not happen, or does not matter
MICROSECOND: Final = 6  # digits: so far instants are the same that were reckoned by other ways

How = Callable[["Normal", Any, Any], object]  # of a field: whose it is, and its value


class Normal:
    """Takes values apart, and gives them back as tuples of what is the same at any time."""

    def __init__(self, now: float) -> None:
        """``now`` is what instants are measured from."""
        self.now = now
        self._names: dict[int, int] = {}

    def of(self, thing: Any) -> object:  # noqa: ANN401 - whatever a state may hold
        """Anything."""
        kind = type(thing)
        if kind in _SIMPLE:
            return thing
        if kind is tuple:
            return tuple([self.of(each) for each in thing])
        if kind is Table:
            return tuple([(self.of(key), self.of(each)) for key, each in thing.items()])
        hows = CLASSES.get(kind, _NONE)
        parts: list[object] = [kind.__name__]
        for name in kind.__match_args__:
            how = hows.get(name)
            part = getattr(thing, name)
            parts.append(self.of(part) if how is None else how(self, thing, part))
        return tuple(parts)

    def digest(self, thing: object) -> bytes:
        """The same as 16 bytes."""
        return blake2b(repr(self.of(thing)).encode(), digest_size=16).digest()

    def named(self, serial: int) -> int:
        """A serial number, by the order in which they are met; 0 is none."""
        return serial and self._names.setdefault(serial, len(self._names) + 1)

    def off(self, at: float, least: float = -FAR) -> float:
        """How far off an instant is."""
        away = round(at - self.now, MICROSECOND)
        return inf if away > FAR else max(away, least) + 0.0


def fingerprint(thing: object, now: float) -> bytes:
    """What is the same, at any time and under any numbers, of what cannot be told apart."""
    return Normal(now).digest(thing)


# --- what a field may be


def plain(normal: Normal, _: object, given: object) -> object:
    """Neither an instant nor a serial number: a duration, a count, a status."""
    return normal.of(given)


def serial(normal: Normal, _: object, given: int | None) -> object:
    """A serial number; or none."""
    return None if given is None else normal.named(given)


def instant(normal: Normal, _: object, given: float | None) -> object:
    """An instant; or none."""
    return None if given is None else normal.off(given)


def until(normal: Normal, _: object, given: float) -> object:
    """An instant that does not matter once it is past."""
    return normal.off(given, 0.0)


def unseen(_: Normal, __: object, ___: object) -> object:
    """What makes no difference for anything to come."""
    return None


def _due(normal: Normal, owner: Any, given: float) -> object:  # noqa: ANN401 - either transaction
    """When the timer that runs is due, if one does."""
    return None if owner.timer is None else normal.off(given)


def _later(normal: Normal, _: object, given: tuple[tuple[float, str], ...]) -> object:
    return tuple([(normal.off(due), name) for due, name in given])


def _unordered(normal: Normal, _: object, given: Table[Any, Any]) -> object:
    """A table that nobody goes through in its order; its keys have no numbers."""
    keys = sorted([(repr(key), key) for key in given], key=_first)
    return tuple([(text, normal.of(given[key])) for text, key in keys])


def _first(pair: tuple[str, object]) -> str:
    return pair[0]


def _by_serial(normal: Normal, _: object, given: Table[int, Any]) -> object:
    return tuple(sorted([(normal.named(key), normal.of(each)) for key, each in given.items()]))


def _to_serial(normal: Normal, _: object, given: Table[Any, int]) -> object:
    return tuple([(normal.of(key), normal.named(number)) for key, number in given.items()])


def _instants(normal: Normal, _: object, given: Table[Any, float]) -> object:
    return tuple([(normal.of(key), normal.off(at)) for key, at in given.items()])


def _facts(normal: Normal, owner: Context, given: Facts) -> object:
    """Of a context that is concluded, when its request came is known no more."""
    return normal.of(given) if isinstance(owner.state, states.Hunting) else given.invite


def _patience(normal: Normal, owner: states.Hunting, given: float) -> object:
    """The deadline of a hunt: from the first 101-199 on there is none."""
    return None if owner.rang else normal.off(given)


def _heard(normal: Normal, owner: states.Branch, given: float) -> object:
    """What a branch has from the first time that something came of it."""
    return None if owner.heard == "nothing" else normal.off(given)


_SIMPLE: Final = frozenset([str, bytes, bool, int, float, type(None)])
_NONE: Final[Mapping[str, How]] = MappingProxyType({})


def _are(how: How, names: str) -> dict[str, How]:
    return dict.fromkeys(names.split(), how)


_CLOCK: Final = _are(serial, "serial flow") | {"due": _due, "later": _later}

CLASSES: Final[Mapping[type, Mapping[str, How]]] = MappingProxyType(
    {
        State: _are(unseen, "serial")
        | _are(_by_serial, "flows questions")
        | _are(_to_serial, "links")
        | _are(_unordered, "queries")
        | _are(plain, "searches sources peers in_flight bytes_in_flight retry_after")
        | {"swept": lambda normal, _, given: normal.off(given, -1.0)},
        Timer: _are(serial, "serial"),
        # Transactions
        ServerTransaction: _CLOCK,
        ClientTransaction: _CLOCK | _are(plain, "branch"),
        invite_server.Completed: _are(plain, "interval"),
        invite_client.Calling: _are(plain, "interval"),
        client.Trying: _are(plain, "interval"),
        Timing: _are(plain, "t1 t2 t4"),
        Address: _are(plain, "port"),
        Uri: _are(plain, "port"),
        # Response contexts; their number is in the names of their branches
        Context: _are(plain, "number") | _are(serial, "serial") | {"facts": _facts},
        Facts: _are(instant, "arrived") | _are(plain, "most_branches breadth"),
        Hunt: _are(plain, "advance_after progress_after answer_within deadline timer_c failover_on"),
        states.Hunting: _are(plain, "stage opened")
        | {"deadline": _patience}
        | _are(instant, "wake"),
        states.Way: _are(plain, "number"),
        states.Branch: _are(plain, "number way stage breadth status")
        | _are(_heard, "since guard")
        | _are(instant, "begun"),
        states.Concluded: _are(plain, "open uncancelled lingering") | _are(instant, "wake"),
        Result: _are(plain, "status"),
        Origin: _are(plain, "size diversions"),
        # What a policy has asked about, and what was delivered
        Arrival: _are(plain, "size") | _are(serial, "flow"),
        Asked: _are(instant, "at") | _are(plain, "number questions"),
        Served: _are(plain, "size"),
        uas.Unacknowledged: _are(plain, "status interval") | _are(instant, "until"),
        # Connections
        Flow: _are(instant, "used"),
        framing.Between: _are(plain, "pinged"),
        framing.Body: _are(plain, "missing"),
        framing.Skipping: _are(plain, "missing"),
        # DNS. Which answer came in first matters only where thousands are known.
        Aim: _are(plain, "port families"),
        Lookup: _are(_unordered, "answers"),
        LocateLimits: _are(plain, "questions hops"),
        Query: _are(serial, "number") | _are(plain, "waiting"),
        Naptr: _are(plain, "order preference"),
        Srv: _are(plain, "priority weight port"),
        Found: _are(plain, "ttl"),
        NoRecords: _are(plain, "ttl"),
        NoName: _are(plain, "ttl"),
        Cache: _are(_unordered, "entries") | _are(unseen, "serials oldest next"),
        Entry: _are(unseen, "serial") | _are(until, "until kept_until"),
        # Groups
        Member: _are(plain, "priority weight rweight maxload"),
        Probing: _are(plain, "every timeout alive_on"),
        Thresholds: _are(plain, "down_after up_after trial_after penalty"),
        Fleet: _are(plain, "turns loads latencies") | _are(_instants, "spoke"),
        Health: _are(plain, "failures needed latency trials")
        | {"until": lambda normal, owner, given: normal.off(given) if owner.needed else None}
        | {"since": lambda normal, owner, given: normal.off(given) if owner.needed else None}
        | _are(instant, "barred"),
        Round: _are(plain, "next"),
        Watch: _are(plain, "paths"),
        Probe: _are(instant, "begun"),
    }
)
