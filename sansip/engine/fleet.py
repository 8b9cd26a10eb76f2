"""What an engine knows of its destination groups: who is in them, and how they are."""

from collections.abc import Iterable
from dataclasses import field

from sansip.address import Address
from sansip.dispatch import Group, Health, Member, group_of
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

    def group(self, name: str) -> Group | None:
        """The group of this name."""
        return next((group for known, group in self.groups if known == name), None)

    def regrouped(self, groups: Groups) -> "Fleet":
        """Make one with other groups; members that stay in theirs stay as they are.

        Those that come anew begin as they say.
        """
        known, listed = _members(self.groups), _members(groups)
        new = {who: member.begins for who, member in listed.items() if who not in known}
        asleep = [who for who, begins in new.items() if begins == "inactive"]
        drained = [who for who, begins in new.items() if begins == "disabled"]
        uris, names = {uri for _, uri in listed}, {name for name, _ in groups}
        return self.but(
            groups=groups,
            drained=(*[who for who in self.drained if who in listed], *drained),
            turns=Table({name: number for name, number in self.turns.items() if name in names}),
            asleep=(*[who for who in self.asleep if who in listed], *asleep),
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
        )

    def freeze(self) -> "Fleet":
        """Make an equal one that shares no memory with older or newer ones."""
        return self.but(
            turns=self.turns.freeze(),
            health=self.health.freeze(),
            calls=self.calls.freeze(),
            loads=self.loads.freeze(),
            latencies=self.latencies.freeze(),
        )


def begun(groups: Groups) -> Fleet:
    """A fleet as it begins."""
    return Fleet(()).regrouped(groups)


def _members(groups: Groups) -> dict[tuple[str, str], Member]:
    return {(name, member.uri): member for name, group in groups for member in group.members}


def checked_groups(groups: Iterable[tuple[str, object]], endpoints: tuple[str, ...]) -> Groups:
    """Groups as the state keeps them; ``endpoints`` are the names that there are."""
    return tuple({name: group_of(name, group, endpoints) for name, group in groups}.items())
