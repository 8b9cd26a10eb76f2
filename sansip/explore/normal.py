"""When two states are the same for whatever may follow.

Instants are told by how far off they are, serial numbers by the order in which they are met. An
engine that has come to the same situation by two ways has the same values, but for the time and
for the numbers that it has given to timers and questions; its ``digest`` is the same. ``CLASSES``
says which fields are instants, which are serial numbers, and which are neither:
every field of the state with a number in it is there, and a test sees to that.

Numbers that have got into texts stay as they are, since others have seen them: that of a response
context is in its branches. So two situations that differ in these count as two.
"""

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from itertools import groupby
from math import inf
from types import MappingProxyType
from typing import Any, Final, cast

from sansip.address import Address
from sansip.agent import uas
from sansip.dispatch import Health, Member, Probing, Thresholds
from sansip.dns import Found, Naptr, NoName, NoRecords, Question, Srv
from sansip.engine.actions import Timer
from sansip.engine.engine import SWEEP_EVERY
from sansip.engine.fleet import Fleet, Probe, Round, Watch
from sansip.engine.state import (
    Arrival,
    Asked,
    Back,
    ClientTransaction,
    Context,
    Deadlines,
    Flow,
    Origin,
    Query,
    Served,
    ServerTransaction,
    State,
)
from sansip.locate import Aim, Cache, LocateLimits, Lookup
from sansip.locate.cache import Entry
from sansip.message import Request, Response, Uri, framing
from sansip.proxy import states
from sansip.proxy.best import Result
from sansip.proxy.vocabulary import Facts, Hunt
from sansip.table import Table
from sansip.timing import Timing
from sansip.transaction import client, invite_client, invite_server

FAR: Final = 1000.0  # seconds: what is farther off than that will not happen, or does not matter
MICROSECOND: Final = 6  # digits: so far instants are the same that were reckoned by other ways

Part = str | int | tuple[float, float]  # of what is told: text, a serial number, or an instant
How = Callable[["Normal", list[Part], Any, Any], object]  # of a field: whose it is, and its value


class Normal:
    """Tells situations, and remembers how it has told the records that many of them share."""

    def __init__(self) -> None:
        """Nothing has been told yet."""
        self._told: dict[object, tuple[Part, ...]] = {}

    def digest(self, thing: object, now: float) -> bytes:
        """Two things that are the same, each at its own time, have the same 16 bytes."""
        parts: list[Part] = []
        self.tell(parts, thing)
        names: dict[int, int] = {}
        texts: list[str] = []
        for part in parts:
            kind = type(part)
            if kind is str:
                texts.append(cast("str", part))
            elif kind is int:
                number = cast("int", part)
                texts.append(f"#{number and names.setdefault(number, len(names) + 1)}")
            else:
                at, least = cast("tuple[float, float]", part)
                off = round(at - now, MICROSECOND)
                texts.append(str(inf if off > FAR else max(off, least) + 0.0))
        return blake2b(",".join(texts).encode(), digest_size=16).digest()

    def tell(self, parts: list[Part], thing: Any) -> None:  # noqa: ANN401 - what a state may hold
        """Take something apart."""
        kind = cast("type[object]", type(thing))
        if kind in _SIMPLE:
            parts.append(repr(thing))
        elif kind in _SHARED:
            known = self._told.get(thing)
            if known is None:
                fresh: list[Part] = []
                self._fields(fresh, kind, thing)
                known = self._told[thing] = tuple(_joined(fresh))
            parts += known
        elif kind is tuple:
            parts.append("(")
            for each in thing:
                self.tell(parts, each)
            parts.append(")")
        elif kind is Table:
            parts.append("{")
            for key, each in thing.items():
                self.tell(parts, key)
                self.tell(parts, each)
            parts.append("}")
        else:
            self._fields(parts, kind, thing)

    def text(self, thing: object) -> str:
        """Something without instants and serial numbers, as a text."""
        parts: list[Part] = []
        self.tell(parts, thing)
        return ",".join(map(str, parts))

    def _fields(self, parts: list[Part], kind: type[object], thing: object) -> None:
        hows = CLASSES.get(kind, _NONE)
        parts.append(kind.__name__)
        names: tuple[str, ...] = getattr(kind, "__match_args__")  # noqa: B009 - all values have it
        for name in names:
            how = hows.get(name)
            if how is None:
                self.tell(parts, getattr(thing, name))
            else:
                how(self, parts, thing, getattr(thing, name))


def _joined(parts: list[Part]) -> Iterator[Part]:
    """The same in fewer parts: texts that follow one another are one, and a short one."""
    for is_text, some in groupby(parts, lambda part: isinstance(part, str)):
        if is_text:
            text = ",".join(map(str, some)).encode()
            yield blake2b(text, digest_size=16).hexdigest()
        else:
            yield from some


# --- what a field may be


def plain(normal: Normal, parts: list[Part], _: object, given: object) -> None:
    """Neither an instant nor a serial number: a duration, a count, a status."""
    normal.tell(parts, given)


def serial(_: Normal, parts: list[Part], __: object, given: int | None) -> None:
    """A serial number; or none."""
    parts.append("none" if given is None else given)


def instant(_: Normal, parts: list[Part], __: object, given: float | None) -> None:
    """An instant; or none."""
    parts.append("none" if given is None else (given, -FAR))


def until(_: Normal, parts: list[Part], __: object, given: float) -> None:
    """An instant that does not matter once it is past."""
    parts.append((given, 0.0))


def unseen(_: Normal, __: list[Part], ___: object, ____: object) -> None:
    """What makes no difference for anything to come."""


def _due(_: Normal, parts: list[Part], owner: Any, given: float) -> None:  # noqa: ANN401 - either
    """When the timer that runs is due, if one does."""
    parts.append("none" if owner.timer is None else (given, -FAR))


def _later(_: Normal, parts: list[Part], __: object, given: Deadlines) -> None:
    parts.append("(")
    for due, name in given:
        parts += [(due, -FAR), name]


def _unordered(normal: Normal, parts: list[Part], _: object, given: Table[Any, Any]) -> None:
    """A table that nobody goes through in its order."""
    parts.append("{")
    for text, key in sorted([(normal.text(key), key) for key in given], key=_first):
        parts.append(text)
        normal.tell(parts, given[key])


def _first(pair: tuple[str, object]) -> str:
    return pair[0]


def _by_serial(normal: Normal, parts: list[Part], _: object, given: Table[int, Any]) -> None:
    parts.append("{")
    for number, each in given.items():
        parts.append(number)
        normal.tell(parts, each)


def _to_serial(normal: Normal, parts: list[Part], _: object, given: Table[Any, int]) -> None:
    parts.append("{")
    for key, number in given.items():
        normal.tell(parts, key)
        parts.append(number)


def _to_instant(normal: Normal, parts: list[Part], _: object, given: Table[Any, float]) -> None:
    parts.append("{")
    for key, at in given.items():
        normal.tell(parts, key)
        parts.append((at, -FAR))


def _facts(normal: Normal, parts: list[Part], owner: Context, given: Facts) -> None:
    """Of a context that is concluded, when its request came is known no more."""
    normal.tell(parts, given if isinstance(owner.state, states.Hunting) else given.invite)


def _patience(_: Normal, parts: list[Part], owner: states.Hunting, given: float) -> None:
    """The deadline of a hunt: from the first 101-199 on there is none."""
    parts.append("none" if owner.rang else (given, -FAR))


def _heard(_: Normal, parts: list[Part], owner: states.Branch, given: float) -> None:
    """What a branch has from the first time that something came of it."""
    parts.append("none" if owner.heard == "nothing" else (given, -FAR))


def _doubted(_: Normal, parts: list[Part], owner: Health, given: float) -> None:
    """What is known of a hop while it is suspect."""
    parts.append((given, -FAR) if owner.needed else "none")


def _swept(_: Normal, parts: list[Part], __: object, given: float) -> None:
    """ICMP errors are compared with all transactions once a second."""
    parts.append((given, -SWEEP_EVERY))


_SIMPLE: Final = frozenset([str, bytes, bool, int, float, type(None)])
# What many situations have in common; hashable.
_SHARED: Final = frozenset(
    [
        ServerTransaction,
        ClientTransaction,
        Context,
        Origin,
        Request,
        Response,
        Entry,
        Question,
        Timer,
    ]
)
_NONE: Final[Mapping[str, How]] = MappingProxyType({})


def _are(how: How, names: str) -> dict[str, How]:
    return dict.fromkeys(names.split(), how)


def _clock() -> dict[str, How]:
    return _are(serial, "serial flow") | {"due": _due, "later": _later}


def _classes() -> dict[type, dict[str, How]]:
    return {
        State: _are(unseen, "serial")
        | _are(_by_serial, "flows questions")
        | _are(_to_serial, "links")
        | _are(_unordered, "queries")
        | _are(plain, "searches sources peers in_flight bytes_in_flight retry_after")
        | {"swept": _swept},
        Timer: _are(serial, "serial"),
        # Transactions
        ServerTransaction: _clock(),
        ClientTransaction: _clock() | _are(plain, "branch"),
        invite_server.Completed: _are(plain, "interval"),
        invite_client.Calling: _are(plain, "interval"),
        client.Trying: _are(plain, "interval"),
        Timing: _are(plain, "t1 t2 t4"),
        Address: _are(plain, "port"),
        Back: _are(plain, "port"),
        Uri: _are(plain, "port"),
        # Response contexts; their number is in the names of their branches
        Context: _are(plain, "number") | _are(serial, "serial") | {"facts": _facts},
        Facts: _are(instant, "arrived") | _are(plain, "most_branches breadth"),
        Hunt: _are(
            plain, "advance_after progress_after answer_within deadline timer_c failover_on"
        ),
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
        Fleet: _are(plain, "turns loads latencies") | _are(_to_instant, "spoke"),
        Health: _are(plain, "failures needed latency trials")
        | _are(_doubted, "until since")
        | _are(instant, "barred"),
        Round: _are(plain, "next"),
        Watch: _are(plain, "paths"),
        Probe: _are(instant, "begun"),
    }


CLASSES: Final[Mapping[type, Mapping[str, How]]] = MappingProxyType(
    {kind: MappingProxyType(hows) for kind, hows in _classes().items()}
)
