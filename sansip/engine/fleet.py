"""What an engine knows of its destination groups: who is in them, and how they are."""

from collections.abc import Iterable
from dataclasses import field

from sansip.address import Address
from sansip.dispatch import Group, group_of
from sansip.table import Table
from sansip.value import value

Groups = tuple[tuple[str, Group], ...]


@value
class Place:
    """A hop as seen from here; the same address reached from two endpoints is two places."""

    endpoint: str
    transport: str
    remote: Address


@value
class Fleet:
    """The groups, and what is remembered of their members."""

    groups: Groups
    drained: tuple[tuple[str, str], ...] = ()  # groups, and URIs of members that get nothing
    turns: Table[str, int] = field(default_factory=Table[str, int])  # of groups that rotate

    def freeze(self) -> "Fleet":
        """Make an equal one that shares no memory with older or newer ones."""
        return Fleet(self.groups, self.drained, self.turns.freeze())


def checked_groups(groups: Iterable[tuple[str, object]], endpoints: tuple[str, ...]) -> Groups:
    """Groups as the state keeps them; ``endpoints`` are the names that there are."""
    return tuple({name: group_of(name, group, endpoints) for name, group in groups}.items())
