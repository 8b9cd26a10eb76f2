"""What an engine knows of its destination groups: who is in them, and how they are."""

from collections.abc import Iterable, Mapping
from dataclasses import field

from sansip.address import Address
from sansip.dispatch import Group, Health, Member, group_of
from sansip.dispatch.members import Admission
from sansip.engine.actions import Timer
from sansip.errors import LocalProtocolError
from sansip.table import Table
from sansip.value import value

Groups = tuple[tuple[str, Group], ...]
Listing = tuple[tuple[str, str], ...]  # groups, and URIs of members


@value
class Place:
    """A hop as seen from here; the same address reached from two endpoints is two places."""

    endpoint: str
    transport: str
    remote: Address


@value
class Round:
    """Where the probing of a group stands: whose turn comes next, and the timer until then."""

    next: int
    timer: Timer


@value
class Path:
    """What has come so far of locating a member that is to be probed."""

    gave: bool = False  # some hop was probed
    why: str = ""  # why another one was not
    said: str = ""  # what has been reported about this member, and still holds


@value
class Probe:
    """An OPTIONS of ours under way, for a member of a group."""

    group: str
    member: Member
    about: tuple[Place, ...]  # whose health it tells of
    begun: float
    keys: tuple[str, ...]  # of its client transaction; or if need be, as a datagram, of another
    timer: Timer
    troubled: bool = False  # an ICMP error has come; anybody can forge one, so an answer may follow


@value
class Watch:
    """The probing of all groups: rounds by group, lookups that are under way, and probes."""

    rounds: Table[str, Round] = field(default_factory=Table[str, Round])
    paths: Table[tuple[str, int], Path] = field(default_factory=Table[tuple[str, int], Path])
    probes: Table[str, Probe] = field(default_factory=Table[str, Probe])

    def freeze(self) -> "Watch":
        """Make an equal one that shares no memory with older or newer ones."""
        return Watch(self.rounds.freeze(), self.paths.freeze(), self.probes.freeze())


@value
class Call:
    """A call that counts for the member that it went to (call-load).

    First it is a branch. Each 2xx makes a dialog of it, which has a timer in case that no BYE is
    ever seen; from then on these count, and no more the branch, which still knows them.
    """

    name: str  # what it is counted under
    timer: Timer | None = None
    dialogs: tuple[str, ...] = ()


@value
class Fleet:
    """The groups, and what is remembered of their members."""

    groups: Groups
    drained: Listing = ()  # members that get nothing
    turns: Table[str, int] = field(default_factory=Table[str, int])  # of groups that rotate
    asleep: Listing = ()  # members that began as inactive, and nothing has come from yet
    health: Table[Place, Health] = field(
        default_factory=Table[Place, Health]
    )  # if not plainly well
    calls: Table[str, Call] = field(default_factory=Table[str, Call])
    loads: Table[str, int] = field(default_factory=Table[str, int])  # calls, by members' names
    latencies: Table[str, float] = field(default_factory=Table[str, float])  # by members' URIs
    watch: Watch = field(default_factory=Watch)
    spoke: Table[Place, float] = field(
        default_factory=Table[Place, float]
    )  # when a call there last began to be answered

    def group(self, name: str) -> Group | None:
        """The group of this name."""
        for known, group in self.groups:
            if known == name:
                return group
        return None

    def lacks(self, name: str) -> str:
        """Say that there is no group of this name, and which there are."""
        known = ", ".join([known for known, _ in self.groups]) or "none"
        return f"there is no group {name!r}; the groups are: {known}"

    def regrouped(self, groups: Groups) -> "Fleet":
        """Make one with other groups.

        Members that stay in theirs stay as they are, unless they are now said to begin otherwise;
        those that come anew begin as they say.
        """
        before, now = _members(self.groups), _members(groups)
        uris, names = {uri for _, uri in now}, {name for name, _ in groups}
        return self.but(
            groups=groups,
            drained=_those(before, now, self.drained, "disabled"),
            turns=Table({name: number for name, number in self.turns.items() if name in names}),
            asleep=_those(before, now, self.asleep, "inactive"),
            latencies=Table({u: seconds for u, seconds in self.latencies.items() if u in uris}),
        )

    def but(  # noqa: PLR0913 - a field each
        self,
        *,
        groups: Groups | None = None,
        drained: Listing | None = None,
        turns: Table[str, int] | None = None,
        asleep: Listing | None = None,
        health: Table[Place, Health] | None = None,
        calls: Table[str, Call] | None = None,
        loads: Table[str, int] | None = None,
        latencies: Table[str, float] | None = None,
        watch: Watch | None = None,
        spoke: Table[Place, float] | None = None,
    ) -> "Fleet":
        """Make a copy with new values for some of its fields."""
        return Fleet(
            self.groups if groups is None else groups,
            self.drained if drained is None else drained,
            self.turns if turns is None else turns,
            self.asleep if asleep is None else asleep,
            self.health if health is None else health,
            self.calls if calls is None else calls,
            self.loads if loads is None else loads,
            self.latencies if latencies is None else latencies,
            self.watch if watch is None else watch,
            self.spoke if spoke is None else spoke,
        )

    def freeze(self) -> "Fleet":
        """Make an equal one that shares no memory with older or newer ones."""
        return self.but(
            turns=self.turns.freeze(),
            health=self.health.freeze(),
            calls=self.calls.freeze(),
            loads=self.loads.freeze(),
            latencies=self.latencies.freeze(),
            watch=self.watch.freeze(),
            spoke=self.spoke.freeze(),
        )


def begun(groups: Groups) -> Fleet:
    """A fleet as it begins."""
    return Fleet(()).regrouped(groups)


def _members(groups: Groups) -> dict[tuple[str, str], Admission]:
    """What the members begin as, by group and URI."""
    return {(name, member.uri): member.begins for name, group in groups for member in group.members}


def _those(
    before: dict[tuple[str, str], Admission],
    now: dict[tuple[str, str], Admission],
    so: Listing,
    how: Admission,
) -> Listing:
    """The members that are so already, or are now said to begin so."""
    were = set(so)
    return tuple(
        [
            who
            for who, begins in now.items()
            if (begins == how and before.get(who) != how)
            or (who in were and (begins == how or before[who] != how))
        ]
    )


def checked_groups(
    groups: Mapping[str, object] | Iterable[tuple[str, object]], endpoints: tuple[str, ...]
) -> Groups:
    """Groups as the state keeps them; ``endpoints`` are the names that there are."""
    try:
        named = dict(groups)
    except (TypeError, ValueError):
        raise LocalProtocolError(
            f'groups are {groups!r}; give each its name: {{"gateways": ["sip:gw-1.example.com"]}}'
        ) from None
    for name in named:
        if type(name) is not str:
            raise LocalProtocolError(f"a group is called {name!r}; its name must be a text")
    return tuple([(name, group_of(name, group, endpoints)) for name, group in named.items()])
