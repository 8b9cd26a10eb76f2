"""What an engine knows of its destination groups: who is in them, and how they are."""

from collections.abc import Iterable
from dataclasses import field

from sansip.address import Address
from sansip.dispatch import Admission, Group, Health, group_of
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

    def group(self, name: str) -> Group | None:
        """The group of this name."""
        for known, group in self.groups:
            if known == name:
                return group
        return None

    def but(
        self,
        *,
        groups: Groups | None = None,
        drained: Listing | None = None,
        turns: Table[str, int] | None = None,
        asleep: Listing | None = None,
        health: Table[Place, Health] | None = None,
        calls: Table[str, Call] | None = None,
        loads: Table[str, int] | None = None,
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
        )

    def freeze(self) -> "Fleet":
        """Make an equal one that shares no memory with older or newer ones."""
        return self.but(
            turns=self.turns.freeze(),
            health=self.health.freeze(),
            calls=self.calls.freeze(),
            loads=self.loads.freeze(),
        )


def begun(groups: Groups) -> Fleet:
    """A fleet as it begins."""
    return Fleet(groups, asleep=_beginning(groups, "inactive"))


def regrouped(fleet: Fleet, groups: Groups) -> Fleet:
    """The fleet with other groups; who stays in one stays as it is."""
    known = {(name, member.uri) for name, group in fleet.groups for member in group.members}
    still = set(fleet.asleep)
    asleep = [who for who in _beginning(groups, "inactive") if who not in known or who in still]
    return fleet.but(groups=groups, asleep=tuple(asleep))


def _beginning(groups: Groups, begins: Admission) -> Listing:
    """The members that begin so."""
    return tuple(
        [(name, m.uri) for name, group in groups for m in group.members if m.begins == begins]
    )


def checked_groups(groups: Iterable[tuple[str, object]], endpoints: tuple[str, ...]) -> Groups:
    """Groups as the state keeps them; ``endpoints`` are the names that there are."""
    return tuple({name: group_of(name, group, endpoints) for name, group in groups}.items())
