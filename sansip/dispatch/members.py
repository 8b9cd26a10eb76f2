"""What a destination group is: its members, how they are watched, and when one counts as down."""

from collections.abc import Iterable
from typing import Final, Literal, cast, get_args

from sansip.errors import LocalProtocolError, RemoteProtocolError
from sansip.message import Uri, parse_uri
from sansip.value import value

Admission = Literal["active", "inactive", "disabled"]
SPARE = 0.8  # of the time between two probes: what one has for its answer
PATIENCE = 4.0  # seconds that a probe waits for its answer at most, unless it is told to
ADMISSIONS: Final[tuple[Admission, ...]] = get_args(Admission)

_KINDS: Final = (
    (str, "text", ("uri", "duid", "endpoint", "probe_via", "probe_from")),
    (int, "a whole number", ("priority", "weight", "rweight", "maxload")),
    (bool, "True or False", ("probed",)),
)


@value
class Member:
    """One destination of a group; the names are those of Kamailio's dispatcher, mostly.

    ``uri``         where it is: a SIP URI, located by RFC 3263 each time, so it may have many hops
    ``priority``    the highest first; with "srv" the lowest. Some algorithms do not look at it
    ``weight``      percent of the calls for "weight", a share within a priority for "srv"
    ``rweight``     a share for "relative-weight"
    ``duid``        what its calls are counted under for "call-load"; its URI if empty
    ``maxload``     calls that it takes at once with "call-load"; 0: any number
    ``endpoint``    the name of the endpoint to send from (``socket`` in a dispatcher.list)
    ``probe_via``   where its probes go in place of its own address (``obproxy``); calls do not
    ``probe_from``  the From of its probes (``ping_from``)
    ``probed``      whether it gets probes, if its group has any
    ``begins``      "active"; "inactive": suspect until something comes from it; "disabled": drained
    ``attrs``       names and texts: all that a list said about it, for people and policies
    """

    uri: str
    priority: int = 0
    weight: int = 0
    rweight: int = 1
    duid: str = ""
    maxload: int = 0
    endpoint: str = ""
    probe_via: str = ""
    probe_from: str = ""
    probed: bool = True
    begins: Admission = "active"
    attrs: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """What its calls are counted under."""
        return self.duid or self.uri


@value
class Thresholds:
    """When a hop counts as suspect and is tried last, and when no longer. Seconds.

    ``down_after``   failures in a row (ds_probing_threshold)
    ``up_after``     successes in a row (ds_inactive_threshold)
    ``trial_after``  a suspect hop of which nothing is heard gets one call each time that so long
                     has passed; the first after an eighth of it, then a quarter, then half
    ``penalty``      the longest Retry-After of a 503 that is believed
    """

    down_after: int = 1
    up_after: int = 1
    trial_after: float = 30.0
    penalty: float = 60.0


@value
class Probing:
    """OPTIONS to every hop of every member (RFC 3261 11). Seconds.

    ``timeout`` is less than ``every``, and by default 0.8 of it, but no more than 4 seconds.
    ``alive_on`` lists the statuses besides 2xx that show life; None: all but 503.
    """

    every: float
    timeout: float | None = None
    alive_on: tuple[int, ...] | None = None

    @property
    def patience(self) -> float:
        """How long a probe waits for its answer."""
        return min(SPARE * self.every, PATIENCE) if self.timeout is None else self.timeout


_USUAL: Final = Thresholds()


@value
class Group:
    """A destination group: its members in the order of its list; URIs will do for them."""

    members: tuple[Member, ...]
    probing: Probing | None = None
    thresholds: Thresholds = _USUAL

    def __init__(
        self,
        members: Iterable[str | Member],
        probing: Probing | None = None,
        thresholds: Thresholds = _USUAL,
    ) -> None:
        """LocalProtocolError if this is no list."""
        put = object.__setattr__
        put(self, "members", _members("a group", members))
        put(self, "probing", probing)
        put(self, "thresholds", thresholds)


Listed = Group | Iterable[str | Member]  # a group, or who is in one


def group_of(name: str, listed: object, endpoints: tuple[str, ...]) -> Group:
    """Make a group of what a configuration says; ``endpoints`` are the names that there are.

    LocalProtocolError if it could never work: better now than in the night when it matters.
    """
    who = f"group {name}"
    group = listed if isinstance(listed, Group) else Group(_members(who, listed))
    if not group.members:
        raise LocalProtocolError(f"{who} is empty: name at least one SIP URI")
    for member in group.members:
        _check_kinds(f"{who}: {member.uri}", member)
        _check(who, member, endpoints)
    _check_times(who, group)
    return group


def _members(who: str, listed: object) -> tuple[Member, ...]:
    if isinstance(listed, str):
        raise LocalProtocolError(f'{who}: {listed!r} is one text; write ["{listed}"]')
    if not isinstance(listed, Iterable):
        raise LocalProtocolError(f"{who}: {listed!r} is no list of SIP URIs and no sansip.Group")
    found: list[Member] = []
    for one in cast("Iterable[object]", listed):
        if not isinstance(one, str | Member):
            raise LocalProtocolError(f"{who}: {one!r} is no SIP URI and no sansip.Member")
        found.append(one if isinstance(one, Member) else Member(one))
    return tuple(found)


def _check_kinds(who: str, member: Member) -> None:
    """A program may have been written without a type checker."""
    for kind, said, fields in _KINDS:
        for what in fields:
            given = getattr(member, what)
            if type(given) is not kind:
                raise LocalProtocolError(f"{who}: {what} is {given!r}; it must be {said}")
    if member.begins not in ADMISSIONS:
        known = ", ".join(ADMISSIONS)
        raise LocalProtocolError(f"{who}: begins is {member.begins!r}; it must be one of: {known}")
    if not _are_pairs(member.attrs):
        raise LocalProtocolError(
            f"{who}: attrs is {member.attrs!r}; it must be pairs of texts, in tuples: "
            '(("tariff", "night"),)'
        )


def _are_pairs(given: object) -> bool:
    if not isinstance(given, tuple):
        return False
    pairs = cast("tuple[object, ...]", given)
    return all(
        isinstance(pair, tuple) and list(map(type, cast("tuple[object, ...]", pair))) == [str, str]
        for pair in pairs
    )


def _check(who: str, member: Member, endpoints: tuple[str, ...]) -> None:
    _check_transport(who, _sip(who, member.uri), endpoints)
    if member.probe_via:
        _check_transport(who, _sip(who, member.probe_via), endpoints)
    if member.probe_from:
        _sip(who, member.probe_from)
    if member.endpoint and member.endpoint not in endpoints:
        known = ", ".join(endpoints)
        raise LocalProtocolError(
            f"{who}: {member.uri} is to leave from {member.endpoint!r}; there are: {known}"
        )
    for what in ("weight", "rweight", "maxload"):
        number = getattr(member, what)
        if number < 0:
            raise LocalProtocolError(f"{who}: {member.uri}: {what} is {number}, below 0")


def _sip(who: str, text: str) -> Uri:
    try:
        uri = parse_uri(text, "SIP URI")
    except RemoteProtocolError as error:
        raise LocalProtocolError(f"{who}: {text!r}: {error.reason}") from None
    if uri.scheme not in ("sip", "sips"):
        raise LocalProtocolError(f"{who}: {text!r} is not a sip or sips URI")
    return uri


def _check_transport(who: str, uri: Uri, endpoints: tuple[str, ...]) -> None:
    """What no endpoint speaks would be 480 at every call."""
    # "sips:...;transport=tcp" means TLS over TCP (RFC 3261 26.2.2).
    needed = "tls" if uri.scheme == "sips" else uri.transport
    if needed is not None and not any(name.startswith(needed + ":") for name in endpoints):
        known = ", ".join(endpoints)
        raise LocalProtocolError(f"{who}: {uri} needs {needed}; there are: {known}")


def _check_times(who: str, group: Group) -> None:
    thresholds, probing = group.thresholds, group.probing
    if not isinstance(cast("object", thresholds), Thresholds):
        raise LocalProtocolError(f"{who}: thresholds is {thresholds!r}; write sansip.Thresholds()")
    for what in ("down_after", "up_after"):
        number = getattr(thresholds, what)
        if type(number) is not int or number < 1:
            raise LocalProtocolError(f"{who}: {what} is {number!r}; it needs to be 1 or more")
    for what in ("trial_after", "penalty"):
        _check_seconds(f"{who}: {what}", getattr(thresholds, what))
    if probing is not None:
        _check_probing(who, probing)


def _check_probing(who: str, probing: Probing) -> None:
    if not isinstance(cast("object", probing), Probing):
        raise LocalProtocolError(f"{who}: probing is {probing!r}; write sansip.Probing(every=10)")
    _check_seconds(f"{who}: every", probing.every)
    if probing.timeout is not None:
        _check_seconds(f"{who}: timeout", probing.timeout)
    if not probing.patience < probing.every:
        # Kamailio with a ping every 3 s and a time-out of 30 s noticed after 30 s.
        raise LocalProtocolError(
            f"{who}: a probe waits {probing.patience:g} s for its answer, and the next "
            f"follows after {probing.every:g} s: its timeout must be shorter"
        )
    alive_on = cast("object", probing.alive_on)
    if alive_on is not None and (
        not isinstance(alive_on, tuple)
        or not all(type(status) is int for status in cast("tuple[object, ...]", alive_on))
    ):
        raise LocalProtocolError(
            f"{who}: alive_on is {alive_on!r}; it must be statuses, in a tuple: (404, 405)"
        )


def _check_seconds(what: str, given: object) -> None:
    if type(given) not in (int, float) or not cast("float", given) > 0:
        raise LocalProtocolError(f"{what} is {given!r}; it needs to be seconds, above 0")
