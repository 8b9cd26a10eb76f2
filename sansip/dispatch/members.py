"""What a destination group is: its members, how they are watched, and when one counts as down."""

from collections.abc import Iterable
from typing import Literal, cast

from sansip.errors import LocalProtocolError, RemoteProtocolError
from sansip.message import parse_uri
from sansip.value import value

Admission = Literal["active", "inactive", "disabled"]
SPARE = 0.8  # of the time between two probes: what one has for its answer
PATIENCE = 4.0  # seconds that a probe waits for its answer at most, unless it is told to


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
    ``attrs``       all that a list said about it, for people and policies
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
    ``trial_after``  a suspect hop of which nothing is heard gets one call after so long
    ``penalty``      the longest Retry-After of a 503 that is believed
    """

    down_after: int = 1
    up_after: int = 1
    trial_after: float = 30.0
    penalty: float = 300.0


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


@value
class Group:
    """A destination group: its members in the order of its list."""

    members: tuple[Member, ...]
    probing: Probing | None = None
    thresholds: Thresholds = Thresholds()


Listed = Group | str | Member  # a group, or one of the members of one


def group_of(name: str, listed: object, endpoints: tuple[str, ...]) -> Group:
    """Make a group of what a configuration says; ``endpoints`` are the names that there are.

    LocalProtocolError if it could never work: better now than in the night when it matters.
    """
    group = listed if isinstance(listed, Group) else Group(_members(listed))
    if not group.members:
        raise LocalProtocolError(f"group {name} is empty: name at least one SIP URI")
    for member in group.members:
        _check(name, member, endpoints)
    _check_times(name, group)
    return group


def _members(listed: object) -> tuple[Member, ...]:
    if not isinstance(listed, Iterable) or isinstance(listed, str):
        raise LocalProtocolError(f"{listed!r} is no list of SIP URIs and no sansip.Group")
    members = cast("Iterable[str | Member]", listed)
    return tuple([one if isinstance(one, Member) else Member(one) for one in members])


def _check(name: str, member: Member, endpoints: tuple[str, ...]) -> None:
    for text in (member.uri, member.probe_via, member.probe_from):
        try:
            uri = parse_uri(text, "SIP URI") if text or text is member.uri else None
        except RemoteProtocolError as error:
            raise LocalProtocolError(f"group {name}: {text!r}: {error.reason}") from None
        if uri is not None and uri.scheme not in ("sip", "sips"):
            raise LocalProtocolError(f"group {name}: {text!r} is not a sip or sips URI")
    if member.endpoint and member.endpoint not in endpoints:
        known = ", ".join(endpoints)
        raise LocalProtocolError(
            f"group {name}: {member.uri} is to leave from {member.endpoint!r}; there are: {known}"
        )
    for what in ("weight", "rweight", "maxload"):
        number = getattr(member, what)
        if number < 0:
            raise LocalProtocolError(f"group {name}: {member.uri}: {what} is {number}, below 0")


def _check_times(name: str, group: Group) -> None:
    thresholds, probing = group.thresholds, group.probing
    for what in ("down_after", "up_after"):
        number = getattr(thresholds, what)
        if number < 1:
            raise LocalProtocolError(f"group {name}: {what} is {number}; it needs to be 1 or more")
    for what in ("trial_after", "penalty"):
        seconds = getattr(thresholds, what)
        if not seconds > 0:
            raise LocalProtocolError(f"group {name}: {what} is {seconds}; seconds, above 0")
    if probing is not None:
        if not probing.every > 0:
            raise LocalProtocolError(f"group {name}: probes every {probing.every} s: above 0")
        if not 0 < probing.patience < probing.every:
            # Kamailio with a ping every 3 s and a time-out of 30 s noticed after 30 s.
            raise LocalProtocolError(
                f"group {name}: a probe waits {probing.patience:g} s for its answer, and the next "
                f"follows after {probing.every:g} s: its timeout must be shorter"
            )
