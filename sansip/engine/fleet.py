"""What an engine knows of its destination groups: who is in them, and how they are."""

from collections.abc import Iterable
from dataclasses import field, replace

from sansip.address import Address
from sansip.dispatch import Group, Member, group_of
from sansip.engine.actions import Timer
from sansip.table import Table
from sansip.value import value

Groups = tuple[tuple[str, Group], ...]
Drained = tuple[tuple[str, str], ...]  # groups, and URIs of members that get nothing


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
class Fleet:
    """The groups, and what is remembered of their members."""

    groups: Groups
    drained: Drained = ()
    turns: Table[str, int] = field(default_factory=Table[str, int])  # of groups that rotate
    watch: Watch = field(default_factory=Watch)

    def freeze(self) -> "Fleet":
        """Make an equal one that shares no memory with older or newer ones."""
        return Fleet(self.groups, self.drained, self.turns.freeze(), self.watch.freeze())

    def group(self, name: str) -> Group | None:
        """The group of this name."""
        return next((group for known, group in self.groups if known == name), None)

    def regrouped(self, groups: Groups) -> "Fleet":
        """Make one with other groups; who is drained stays so, as far as the members stay.

        Members that come anew begin as they say.
        """
        known = {(name, member.uri) for name, group in self.groups for member in group.members}
        drained = {*self.drained}
        left = [
            (name, member.uri)
            for name, group in groups
            for member in group.members
            if (name, member.uri) in drained
            or (member.begins == "disabled" and (name, member.uri) not in known)
        ]
        return replace(self, groups=groups, drained=tuple(dict.fromkeys(left)))


def checked_groups(groups: Iterable[tuple[str, object]], endpoints: tuple[str, ...]) -> Groups:
    """Groups as the state keeps them; ``endpoints`` are the names that there are."""
    return tuple({name: group_of(name, group, endpoints) for name, group in groups}.items())
