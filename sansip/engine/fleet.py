"""What an engine knows of its destination groups: who is in them, and how they are."""

from collections.abc import Iterable
from dataclasses import field

from sansip.address import Address
from sansip.dispatch import Admission, Group, Health, Member, group_of
from sansip.engine.actions import Timer
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
    place: Place
    begun: float
    keys: tuple[str, ...]  # of its client transaction; or if need be, as a datagram, of another
    timer: Timer


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

    First it is a branch; each 2xx makes a dialog of it, which has a timer in case that no BYE of it
    is ever seen.
    """

    name: str  # what it is counted under
    timer: Timer | None = None
    counts: bool = True  # not the branch any more once it has had a 2xx: the dialog does


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
    watch: Watch = field(default_factory=Watch)

    def group(self, name: str) -> Group | None:
        """The group of this name."""
        for known, group in self.groups:
            if known == name:
                return group
        return None

    def but(  # noqa: PLR0913 - its fields
        self,
        *,
        groups: Groups | None = None,
        drained: Listing | None = None,
        turns: Table[str, int] | None = None,
        asleep: Listing | None = None,
        health: Table[Place, Health] | None = None,
        calls: Table[str, Call] | None = None,
        loads: Table[str, int] | None = None,
        watch: Watch | None = None,
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
            self.watch if watch is None else watch,
        )

    def freeze(self) -> "Fleet":
        """Make an equal one that shares no memory with older or newer ones."""
        return self.but(
            turns=self.turns.freeze(),
            health=self.health.freeze(),
            calls=self.calls.freeze(),
            loads=self.loads.freeze(),
            watch=self.watch.freeze(),
        )


def begun(groups: Groups) -> Fleet:
    """A fleet as it begins."""
    return regrouped(Fleet(()), groups)


def regrouped(fleet: Fleet, groups: Groups) -> Fleet:
    """The fleet with other groups.

    Who stays in one stays as it is, unless it is said to begin otherwise than before.
    """
    before = {
        (name, member.uri): member.begins
        for name, group in fleet.groups
        for member in group.members
    }
    asleep = _still(groups, before, fleet.asleep, "inactive")
    drained = _still(groups, before, fleet.drained, "disabled")
    return fleet.but(groups=groups, asleep=asleep, drained=drained)


def _still(
    groups: Groups, before: dict[tuple[str, str], Admission], now: Listing, how: Admission
) -> Listing:
    """Of all members those that are so: they have been before, or are now said to begin so."""
    were = set(now)
    found: dict[tuple[str, str], None] = {}  # in their order, each once
    for name, group in groups:
        for member in group.members:
            who = name, member.uri
            news = member.begins == how != before.get(who)
            if news or (who in were and not before[who] == how != member.begins):
                found[who] = None
    return tuple(found)


def checked_groups(groups: Iterable[tuple[str, object]], endpoints: tuple[str, ...]) -> Groups:
    """Groups as the state keeps them; ``endpoints`` are the names that there are."""
    return tuple({name: group_of(name, group, endpoints) for name, group in groups}.items())
