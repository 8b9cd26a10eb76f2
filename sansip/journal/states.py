"""A whole state as lines, and back: what a journal begins with that goes on from another one.

    {"state":{"serial":41,...,"cache":{"oldest":0,"next":2},"fleet":{...}}}
    {"in":"client","key":"c|z9hG4bK...|INVITE","value":{"invite":true,...}}
    {"in":"fleet.health","key":{"endpoint":"udp:...",...},"value":{...}}

First what stands in no table, then each entry of each table in the order in which it came in: no
line is long, and what belongs to a call is found by its key.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, cast, get_args, get_origin, get_type_hints

from sansip.engine.fleet import Fleet, Watch
from sansip.engine.state import State
from sansip.journal.codec import Codec
from sansip.journal.parts import CodecError, Read, Write
from sansip.locate import Cache
from sansip.table import Table
from sansip.value import value

# Of a table, by its name, an entry: what is written of it.
Redacted = Callable[[str, Any, Any], Any] | None
_NESTS: Final = (Cache, Fleet, Watch)  # values of which there is one, that have tables themselves


@value
class _Place:
    """Where a table is, and how its entries are written and read."""

    name: str  # "fleet.health"
    path: tuple[str, ...]
    key: tuple[Write, Read]
    entry: tuple[Write, Read]


class States:
    """Writes states, and reads them."""

    def __init__(self, codec: Codec) -> None:
        """With what this codec has learnt of classes."""
        self._codec = codec
        self._fields = {cls: _fields(cls) for cls in (State, *_NESTS)}
        self._ways = {
            (cls, name): codec.way(kind)
            for cls, fields in self._fields.items()
            for name, kind in fields
            if not (kind in _NESTS or get_origin(kind) is Table)
        }
        self._places = tuple(self._tables(State, ()))

    def count(self, state: State) -> int:
        """How many lines there will be."""
        return 1 + sum([len(_at(state, place.path)) for place in self._places])

    def lines(self, state: State, redacted: Redacted = None) -> Iterator[str]:
        """Give the lines, without their ends; of each entry what ``redacted`` makes of it."""
        yield f'{{"state":{self._rest(State, state)}}}'
        for place in self._places:
            key, entry = place.key[0], place.entry[0]
            for name, one in _at(state, place.path).items():
                shown = one if redacted is None else redacted(place.name, name, one)
                yield f'{{"in":"{place.name}","key":{key(name)},"value":{entry(shown)}}}'

    def read(self, contents: Iterable[dict[str, Any]]) -> State:
        """Give the state that was written as these objects; ``CodecError`` if it is none."""
        rest: dict[str, Any] = {}
        known = {place.name: place for place in self._places}
        found: dict[str, dict[Any, Any]] = {place.name: {} for place in self._places}
        for content in contents:
            if not rest:
                rest = content["state"]
                continue
            name = content["in"]
            if name not in known:
                raise CodecError(f"a state has no table {name!r} here")
            key = known[name].key[1](content["key"])
            if key in found[name]:
                raise CodecError(f"{name} has {key!r} twice")
            found[name][key] = known[name].entry[1](content["value"])
        tables = {name: Table(pairs) for name, pairs in found.items()}
        state: State = self._made(State, rest, tables, ())
        return state

    def _rest(self, cls: type[Any], thing: object) -> str:
        parts: list[str] = []
        for name, kind in self._fields[cls]:
            if kind in _NESTS:
                parts.append(f'"{name}":{self._rest(kind, getattr(thing, name))}')
            elif get_origin(kind) is not Table:
                parts.append(f'"{name}":{self._ways[cls, name][0](getattr(thing, name))}')
        return f"{{{','.join(parts)}}}"

    def _made(
        self,
        cls: type[Any],
        rest: dict[str, Any],
        tables: dict[str, Table[Any, Any]],
        path: tuple[str, ...],
    ) -> Any:  # noqa: ANN401 - of this class
        given: dict[str, Any] = {}
        for name, kind in self._fields[cls]:
            if get_origin(kind) is Table:
                given[name] = tables[".".join((*path, name))]
            elif kind in _NESTS:
                given[name] = self._made(kind, rest[name], tables, (*path, name))
            else:
                given[name] = self._ways[cls, name][1](rest[name])
        if rest.keys() - given.keys():
            odd = ", ".join(map(repr, sorted(rest.keys() - given.keys())))
            raise CodecError(f"{cls.__name__} has {odd}, unknown here")
        return cls(**given)

    def _tables(self, cls: type[Any], path: tuple[str, ...]) -> Iterator[_Place]:
        for name, kind in self._fields[cls]:
            here = (*path, name)
            if get_origin(kind) is Table:
                key, entry = map(self._codec.way, get_args(kind))
                yield _Place(".".join(here), here, key, entry)
            elif kind in _NESTS:
                yield from self._tables(kind, here)


def _fields(cls: type[Any]) -> list[tuple[str, Any]]:
    types = get_type_hints(cls)
    return [(name, types[name]) for name in cls.__dataclass_fields__]


def _at(thing: Any, path: tuple[str, ...]) -> Table[Any, Any]:  # noqa: ANN401 - a value of whatever class
    for name in path:
        thing = getattr(thing, name)
    return cast("Table[Any, Any]", thing)
