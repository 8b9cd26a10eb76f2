"""Table: the persistent map under the engine's state.

After H. Baker, "Shallow binding makes functional arrays fast" (1991): every version of a table is a
value of its own, and yet an update costs what updating a dict costs. The newest version holds a
real dict; an older one holds what has to be undone on the way to it: one key, what it had there,
and the next newer version. Whoever reads an old version turns that chain around first (re-roots
it), so that the dict moves to the version in use. Going back and forth between two versions that
are far apart is therefore slow; ``freeze`` makes a copy that has nothing to do with the others.

Invariants: no order that anybody can see depends on hashes or on re-rooting, since every entry
carries the number of its insertion; nothing recurses, however long the chain; one thread only.
"""

# ruff: noqa: SLF001 - the versions of one history write each other's fields

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar, overload

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")

_new = object.__new__  # __init__ would begin a history of its own


class Table(Generic[K, V]):
    """A map that never changes: ``set`` and ``without`` return the next version.

    Iterates in the order in which the keys came in, as a dict does. Equal if the contents are
    equal, in whatever order. Not hashable. Pickles as a plain dict.
    """

    __slots__ = ("_count", "_entries", "_key", "_newer", "_old")

    # Insertions so far in this version's history: the number of the next entry.
    _count: int
    # Key to (number of its insertion, value); None in all versions but the newest.
    _entries: dict[K, tuple[int, V]] | None
    # Only when _entries is None: what differs from the next newer version. _old None: no such key.
    _newer: "Table[K, V]"
    _key: K
    _old: tuple[int, V] | None

    def __init__(self, contents: Mapping[K, V] | None = None) -> None:
        """Start a history of its own, with a copy of these contents, if any."""
        pairs = () if contents is None else contents.items()
        self._entries = {key: (number, value) for number, (key, value) in enumerate(pairs)}
        self._count = len(self._entries)

    @overload
    def get(self, key: K) -> V | None: ...
    @overload
    def get(self, key: K, default: V | D) -> V | D: ...
    def get(self, key: K, default: D | None = None) -> V | D | None:
        """The value under this key, or the default."""
        entries = self._entries
        if entries is None:
            entries = self._reroot()
        entry = entries.get(key)
        return default if entry is None else entry[1]

    def __getitem__(self, key: K) -> V:
        entries = self._entries
        if entries is None:
            entries = self._reroot()
        return entries[key][1]

    def __contains__(self, key: object) -> bool:
        entries = self._entries
        if entries is None:
            entries = self._reroot()
        return key in entries

    def __len__(self) -> int:
        entries = self._entries
        if entries is None:
            entries = self._reroot()
        return len(entries)

    def set(self, key: K, value: V) -> "Table[K, V]":
        """The version in which this key has this value; a key that was there keeps its place."""
        entries = self._entries
        if entries is None:
            entries = self._reroot()
        old = entries.get(key)
        if old is not None and old[1] is value:
            return self
        newer = _new(type(self))
        if old is None:
            count = self._count
            entries[key] = (count, value)
            newer._count = count + 1
        else:
            entries[key] = (old[0], value)
            newer._count = self._count
        # The dict, changed already, moves to the new version; this one remembers the way back.
        newer._entries = entries
        self._entries = None
        self._newer = newer
        self._key = key
        self._old = old
        return newer

    def without(self, key: K) -> "Table[K, V]":
        """The version without this key; the same version if it has none."""
        entries = self._entries
        if entries is None:
            entries = self._reroot()
        old = entries.pop(key, None)
        if old is None:
            return self
        newer = _new(type(self))
        newer._count = self._count
        newer._entries = entries
        self._entries = None
        self._newer = newer
        self._key = key
        self._old = old
        return newer

    def __iter__(self) -> Iterator[K]:
        return iter([key for key, _ in self._in_order()])

    def items(self) -> Iterator[tuple[K, V]]:
        """Keys and values, oldest key first; safe whatever happens to any version meanwhile."""
        return iter([(key, entry[1]) for key, entry in self._in_order()])

    def freeze(self) -> "Table[K, V]":
        """A copy that shares no history with any other version, for keeping."""
        return Table(dict(self.items()))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Table):
            return NotImplemented
        # Both at once cannot be read if they are versions of one history, hence the copies.
        return dict(self.items()) == dict(other.items())  # pyright: ignore[reportUnknownArgumentType]

    __hash__: ClassVar[None]  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleMethodOverride]

    def __repr__(self) -> str:
        return f"Table({dict(self.items())!r})"

    def __reduce__(self) -> "tuple[type[Table[Any, Any]], tuple[dict[K, V]]]":
        return Table, (dict(self.items()),)

    def _reroot(self) -> dict[K, tuple[int, V]]:
        """Make this version the one that holds the dict."""
        chain: list[Table[K, V]] = []
        version = self
        while (entries := version._entries) is None:
            chain.append(version)
            version = version._newer
        for older in reversed(chain):
            newer, key, old = older._newer, older._key, older._old
            newer._key, newer._old, newer._newer = key, entries.get(key), older
            newer._entries = None
            if old is None:
                del entries[key]
            else:
                entries[key] = old
            older._entries = entries
            del older._newer, older._key, older._old
        return entries

    def _in_order(self) -> list[tuple[K, tuple[int, V]]]:
        """All entries by the number of their insertion.

        The dict's own order would not do: it does not survive re-rooting past a removal.
        """
        entries = self._entries
        if entries is None:
            entries = self._reroot()
        return sorted(entries.items(), key=_number)


def _number(item: tuple[Any, tuple[int, Any]]) -> int:
    return item[1][0]
