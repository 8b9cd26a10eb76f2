"""Values as JSON, and back: one codec for all of them, by the types of their fields.

A value is an object of its fields, under their names. Where its class does not follow from the
field, ``is`` names it, which no field can be called. Bytes are text if they are UTF-8, and else
``{"hex": ...}``; a tuple is an array, and a table an object or, if its keys are no texts, an array
of pairs. What a field says nothing about (a policy's own data) tells what it is all along:
``{"is": "tuple", "of": [...]}``.

Everything comes back equal, and of the same type; but for what only the embedding program knows the
class of: that is ``Opaque``. Floats are as Python writes them (``Infinity`` included); of other
characters than ASCII there are only escapes, so that half an UTF-8 character can never be found.

Each class is looked at once; from then on it has a template, and each field a function that writes
it. That costs a third of what it costs to make objects for ``json`` to write.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter, call
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, Union, cast, get_args, get_origin, get_type_hints

from sansip.address import Address, Hop
from sansip.dispatch import Dispatch, Group, Member, Probing, Thresholds
from sansip.dns import Answer, Record
from sansip.engine.actions import Action
from sansip.engine.config import Config, Endpoint
from sansip.engine.events import (
    Drain,
    Enable,
    Event,
    FlushCache,
    Quiesce,
    Rekey,
    ReplaceGroups,
)
from sansip.engine.policy import Ask, Drop, Local, Relay, Reply, Target
from sansip.journal.parts import (
    INTEGER,
    NUMBER,
    SCALARS,
    TEXT,
    CodecError,
    Read,
    Way,
    Write,
    array,
    bytes_in,
    bytes_out,
    checked,
    is_scalar,
    kind_of,
    plain,
    quoted,
    scalar,
    short,
    unless_none,
)
from sansip.message import Request, Response, Uri
from sansip.proxy.vocabulary import Finish, TryNext
from sansip.table import Table
from sansip.value import value

# What a name stands for, where a class has to be named.
_CLASSES: Final[Mapping[str, type[Any]]] = MappingProxyType(
    {
        cls.__name__: cls
        for cls in (
            *get_args(Event),
            *(Drain, Enable, FlushCache, Quiesce, Rekey, ReplaceGroups),
            *get_args(Action),
            *get_args(Answer),
            *get_args(Record),
            *(Address, Hop, Uri, Request, Response),
            *(Dispatch, Group, Member, Probing, Thresholds),
            *(Relay, Target, Reply, Drop, Ask, Local, TryNext, Finish),
        )
    }
)


# By the function of its field.
_WRITTEN: Final = cast("Callable[[Write, Any], str]", call)
_USUAL: Final[Mapping[Any, Way]] = MappingProxyType({str: TEXT, int: INTEGER, float: NUMBER})


@value
class Opaque:
    """Something that is of no class which a journal knows; the name of its class."""

    kind: str


class Codec:
    """Writes values, and reads them; it keeps what it has learnt of their classes."""

    def __init__(self) -> None:
        """It has learnt nothing yet."""
        self._shapes: dict[type[Any], _Shape] = {}

    # --- writing

    def text(self, thing: object) -> str:
        """Give a value as JSON that says what it is."""
        shape = self._shapes.get(type(thing)) or self._shape(type(thing))
        try:
            return shape.named % tuple(map(_WRITTEN, shape.writes, shape.parts(thing)))
        except TypeError as error:
            raise CodecError(f"{short(thing)} has a part of another type: {error}") from None

    def text_as(self, cls: type[Any], thing: object) -> str:
        """Give a value of a class that is known as JSON."""
        return self._plain(cls)(thing)

    # --- reading

    def read(self, content: object) -> Any:  # noqa: ANN401 - whatever it says that it is
        """Give the value that an object says that it is; ``CodecError`` if it is none."""
        return self._one_of(_CLASSES, content)

    def read_as(self, cls: type[Any], content: object) -> Any:  # noqa: ANN401 - of this class
        """Give the value of a class that is known; ``CodecError`` if it is none."""
        shape = self._shape(cls)
        if not isinstance(content, dict):
            raise CodecError(f"{short(content)} is no {shape.name}")
        found = cast("dict[str, Any]", content)
        if found.keys() != shape.names:
            odd = [f"lacks {name!r}" for name in sorted(shape.names - found.keys())]
            odd += [f"has {name!r}, unknown here" for name in sorted(found.keys() - shape.names)]
            raise CodecError(f"{shape.name} {', '.join(odd)}")
        given = {
            name: into(found[name]) for name, into in zip(shape.fields, shape.reads, strict=True)
        }
        return shape.make(**given)

    def _one_of(self, classes: Mapping[str, type[Any]], content: object) -> Any:  # noqa: ANN401
        if not isinstance(content, dict):
            raise CodecError(f"{short(content)} is no object that says what it is")
        found = cast("dict[str, object]", content)
        cls = classes.get(str(found.get("is")))
        if cls is None:
            raise CodecError(f"{short(found)} is no value that may stand here")
        return self.read_as(cls, {name: part for name, part in found.items() if name != "is"})

    # --- what is learnt of classes

    def _shape(self, cls: type[Any]) -> "_Shape":
        shape = self._shapes.get(cls)
        if shape is None:
            shape = self._shapes[cls] = self._learnt(cls)
        return shape

    def _learnt(self, cls: type[Any]) -> "_Shape":
        if cls is Endpoint:
            fields: tuple[str, ...] = ("name", "advertise")
            return _shape(cls, fields, [TEXT, TEXT], _endpoint, attrgetter("name", "sent_by"))
        types = get_type_hints(cls)
        if cls is Config:
            fields = tuple([name for name in get_type_hints(cls.__init__) if name != "return"])
        elif cls in (Request, Response):
            fields = tuple(cls.__match_args__)
        elif hasattr(cls, "__dataclass_fields__"):
            fields = tuple(cls.__dataclass_fields__)
        else:
            raise CodecError(f"{kind_of(cls)} is no class of values")
        ways = [self.way(types[name]) for name in fields]
        return _shape(cls, fields, ways, _config if cls is Config else cls)

    def way(self, kind: Any) -> Way:  # noqa: ANN401 - of annotations
        """How what has this annotation is written, and read."""
        if kind in _USUAL:
            return _USUAL[kind]
        if kind is bytes:
            return bytes_out, bytes_in
        if is_scalar(kind):
            return scalar, checked([kind])
        if isinstance(kind, type) and _is_known(kind):
            cls: type[Any] = kind
            return self._plain(cls), lambda given: self.read_as(cls, given)
        if get_origin(kind) is tuple:
            return self._way_of_tuple(get_args(kind))
        if get_origin(kind) is Table:
            return self._way_of_table(*get_args(kind))
        kinds = get_args(kind) if get_origin(kind) in (UnionType, Union) else ()
        some = [one for one in kinds if one is not NoneType]
        if len(some) == 1:
            return unless_none(*self.way(some[0]))
        if some and all(map(is_scalar, some)):
            return scalar, checked(kinds)
        if some and all(map(_is_known, some)):
            way = self._way_of_union(some)
            return way if len(some) == len(kinds) else unless_none(*way)
        return self._loose_text, self._tight

    def _plain(self, cls: type[Any]) -> Write:
        """Write a value of this class without saying what it is."""
        found: list[_Shape] = []  # which are looked at when they are needed: classes know others

        def write(given: object) -> str:
            if type(given) is not cls:
                raise CodecError(f"{short(given)} is no {cls.__name__}")
            if not found:
                found.append(self._shape(cls))
            shape = found[0]
            return shape.plain % tuple(map(_WRITTEN, shape.writes, shape.parts(given)))

        return write

    def _way_of_union(self, classes: list[type[Any]]) -> Way:
        names = [cls.__name__ for cls in classes]
        known = {
            cls.__name__ if names.count(cls.__name__) == 1 else _family(cls): cls for cls in classes
        }
        writes = {cls: (f'{{"is":{quoted(name)},', self._plain(cls)) for name, cls in known.items()}

        def write(given: object) -> str:
            if type(given) not in writes:
                raise CodecError(f"{short(given)} is none of {', '.join(known)}")
            named, plain = writes[type(given)]
            text = plain(given)
            return named + text[1:] if len(text) > 2 else f"{named[:-1]}}}"

        return write, lambda given: self._one_of(known, given)

    def _way_of_tuple(self, kinds: tuple[Any, ...]) -> Way:
        ways = [self.way(kind) for kind in kinds if kind is not ...]
        if kinds[-1] is ...:
            out, into = ways[0]
            return (
                lambda given: f"[{','.join(map(out, given))}]",
                lambda given: tuple(map(into, array(given))),
            )
        outs, ins = [out for out, _ in ways], [into for _, into in ways]

        def write(given: tuple[object, ...]) -> str:
            pairs = zip(outs, given, strict=True)
            return f"[{','.join([out(one) for out, one in pairs])}]"

        def read(given: object) -> tuple[object, ...]:
            pairs = zip(ins, array(given), strict=True)
            return tuple([into(one) for into, one in pairs])

        return write, read

    def _way_of_table(self, key: Any, kind: Any) -> Way:  # noqa: ANN401 - of annotations
        out, into = self.way(kind)
        if key is str:

            def write(given: Table[str, Any]) -> str:
                pairs = [f"{quoted(name)}:{out(one)}" for name, one in given.items()]
                return f"{{{','.join(pairs)}}}"

            def read(given: dict[str, Any]) -> Table[str, Any]:
                return Table({name: into(one) for name, one in given.items()})

            return write, read
        written, found = self._way_of_tuple(((tuple[key, kind]), ...))  # type: ignore[index, unused-ignore]
        return (
            lambda given: written(given.items()),
            lambda given: Table(dict(found(given))),
        )

    # --- what says of itself what it is

    def _loose_text(self, given: object) -> str:
        return plain(self._loose(given))

    def _loose(self, given: object) -> object:
        kind = type(given)
        if kind in SCALARS:
            return given
        if kind is list:
            return self._each(cast("list[object]", given))
        if kind is bytes:
            return {"is": "bytes", "of": json.loads(bytes_out(cast("bytes", given)))}
        if kind is tuple:
            return {"is": "tuple", "of": self._each(cast("tuple[object, ...]", given))}
        if kind in (set, frozenset):
            those = self._each(cast("frozenset[object]", given))
            return {"is": kind.__name__, "of": sorted(those, key=plain)}
        if isinstance(given, Mapping):
            pairs = cast("Mapping[object, object]", given).items()
            return {"is": "dict", "of": [self._each(pair) for pair in pairs]}
        if _CLASSES.get(kind.__name__) is kind:
            return json.loads(self.text(given))
        return {"is": "opaque", "of": given.kind if isinstance(given, Opaque) else kind_of(kind)}

    def _each(self, those: Iterable[object]) -> list[object]:
        return [self._loose(one) for one in those]

    def _tight(self, given: Any) -> Any:  # noqa: ANN401 - it says itself what it is
        if isinstance(given, list):
            return [self._tight(one) for one in cast("list[object]", given)]
        if not isinstance(given, dict):
            return given
        found = cast("dict[str, Any]", given)
        of = found.get("of")
        match found.get("is"):
            case "bytes":
                return bytes_in(of)
            case "tuple":
                return tuple(self._tight(of))
            case "set":
                return set(self._tight(of))
            case "frozenset":
                return frozenset(self._tight(of))
            case "dict":
                return dict(self._tight(of))
            case "opaque":
                return Opaque(str(of))
            case _:
                return self.read(found)


@value
class _Shape:
    """What is known of a class: its fields, how to take them, write them, and read them."""

    name: str
    fields: tuple[str, ...]
    names: frozenset[str]  # the fields, whatever their order
    parts: Callable[[Any], tuple[object, ...]]
    plain: str  # templates for what is written of the fields, without ``is`` and with it
    named: str
    writes: tuple[Write, ...]
    reads: tuple[Read, ...]
    make: Callable[..., object]


def _shape(
    cls: type[Any],
    fields: tuple[str, ...],
    ways: list[Way],
    make: Callable[..., object],
    parts: Callable[[Any], tuple[object, ...]] | None = None,
) -> _Shape:
    name = cls.__name__
    columns = [f'"{field}":%s' for field in fields]
    return _Shape(
        name,
        fields,
        frozenset(fields),
        parts or _getter(fields),
        _object(columns),
        _object([f'"is":"{name}"', *columns]),
        tuple([out for out, _ in ways]),
        tuple([into for _, into in ways]),
        make,
    )


def _object(columns: list[str]) -> str:
    return f"{{{','.join(columns)}}}"


def _getter(fields: tuple[str, ...]) -> Callable[[Any], tuple[object, ...]]:
    if len(fields) > 1:
        return attrgetter(*fields)
    return lambda thing: tuple([getattr(thing, name) for name in fields])


def _endpoint(name: str, advertise: str) -> Endpoint:
    transport, _, address = name.partition(":")
    return Endpoint(transport, address, advertise=advertise)


def _config(groups: Iterable[tuple[str, Group]], **settings: Any) -> Config:  # noqa: ANN401
    return Config(groups=dict(groups), **settings)


def _is_known(kind: Any) -> bool:  # noqa: ANN401 - of annotations
    """Whether the fields of this class are known."""
    return kind in (Endpoint, Request, Response) or hasattr(kind, "__dataclass_fields__")


def _family(cls: type[Any]) -> str:
    """A class and its module, where several modules have one of that name."""
    return f"{cls.__module__.rpartition('.')[2]}.{cls.__name__}"
