"""Values as JSON, and back: one codec for all of them, by the types of their fields.

A value is an object of its fields, under their names. Where its class does not follow from the
field, ``is`` names it, which no field can be called. Bytes are text if they are UTF-8, and else
``{"hex": ...}``; a tuple is an array. What a field says nothing about (a policy's own data) tells
what it is all along: ``{"is": "tuple", "of": [...]}``.

Everything comes back equal, and of the same type; but for what only the embedding program knows the
class of: that is ``Opaque``. Floats are as Python writes them (``Infinity`` included); of other
characters than ASCII there are only escapes, so that half an UTF-8 character can never be found.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, Literal, Union, cast, get_args, get_origin, get_type_hints

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
from sansip.message import Request, Response, Uri
from sansip.proxy.vocabulary import Finish, TryNext
from sansip.value import value

Change = Callable[[Any], Any] | None  # None: it stays as it is
_Way = tuple[Change, Change]  # out, and in

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
_SCALARS: Final = (bool, int, float, str, NoneType)


@value
class Opaque:
    """Something that is of no class which a journal knows; the name of its class."""

    kind: str


class CodecError(ValueError):
    """What is read is no value of the kind that is wanted."""


class Codec:
    """Writes values, and reads them; it keeps what it has learnt of their classes."""

    def __init__(self) -> None:
        """It has learnt nothing yet."""
        self._shapes: dict[type[Any], _Shape] = {}
        self._encode = json.JSONEncoder(
            check_circular=False, separators=(",", ":"), default=self._default
        ).encode

    def text(self, content: object) -> str:
        """Give one line of JSON for what consists of values, arrays and objects."""
        return self._encode(content)

    def named(self, thing: object) -> dict[str, object]:
        """Give a value as an object that says what it is."""
        shape = self._shape(type(thing))
        shown: dict[str, object] = {"is": shape.name}
        shown.update(zip(shape.fields, shape.parts(thing), strict=True))
        for name, out in shape.outs:
            shown[name] = out(shown[name])
        return shown

    def read(self, content: object) -> Any:  # noqa: ANN401 - whatever it says that it is
        """Give the value that an object says that it is; ``CodecError`` if it is none."""
        if not isinstance(content, dict):
            raise CodecError(f"{_short(content)} is no object that says what it is")
        found = cast("dict[str, object]", content)
        cls = _CLASSES.get(str(found.get("is")))
        if cls is None:
            raise CodecError(f"{_short(found)} is no value of sansip")
        return self.read_as(cls, {name: part for name, part in found.items() if name != "is"})

    def read_as(self, cls: type[Any], content: object) -> Any:  # noqa: ANN401 - of this class
        """Give the value of a class that is known; ``CodecError`` if it is none."""
        shape = self._shape(cls)
        if not isinstance(content, dict):
            raise CodecError(f"{_short(content)} is no {shape.name}")
        found = cast("dict[str, Any]", content)
        if found.keys() != shape.names:
            odd = ", ".join(sorted(found.keys() ^ shape.names))
            raise CodecError(f"{_short(found)} is no {shape.name}: see {odd}")
        given = {
            name: found[name] if into is None else into(found[name])
            for name, into in zip(shape.fields, shape.ins, strict=True)
        }
        return shape.make(**given)

    def _default(self, thing: object) -> object:
        """What the encoder does not know, in a field that says what it is."""
        if type(thing) is bytes:
            return _bytes_out(thing)
        shape = self._shape(type(thing))
        shown = dict(zip(shape.fields, shape.parts(thing), strict=True))
        for name, out in shape.outs:
            shown[name] = out(shown[name])
        return shown

    def _shape(self, cls: type[Any]) -> "_Shape":
        shape = self._shapes.get(cls)
        if shape is None:
            shape = self._shapes[cls] = self._learnt(cls)
        return shape

    def _learnt(self, cls: type[Any]) -> "_Shape":
        if cls is Endpoint:
            return _ENDPOINT
        types = get_type_hints(cls)
        if cls is Config:
            fields = tuple([name for name in get_type_hints(cls.__init__) if name != "return"])
        elif cls in (Request, Response):
            fields = tuple(cls.__match_args__)
        elif hasattr(cls, "__dataclass_fields__"):
            fields = tuple(cls.__dataclass_fields__)
        else:
            raise CodecError(f"{_kind(cls)} is no class of values")
        ways = [(name, self._way(types[name])) for name in fields]
        return _Shape(
            cls.__name__,
            fields,
            _getter(fields),
            tuple([(name, out) for name, (out, _) in ways if out is not None]),
            tuple([into for _, (_, into) in ways]),
            _config if cls is Config else cls,
        )

    def _way(self, kind: object) -> _Way:
        """How a field of this kind is written, as far as the encoder needs help, and read."""
        if _is_scalar(kind):
            return None, None
        if kind is bytes:
            return None, _bytes_in
        if isinstance(kind, type) and _is_known(kind):
            cls: type[Any] = kind
            return None, lambda given: self.read_as(cls, given)
        if get_origin(kind) is tuple:
            return self._way_of_tuple(get_args(kind))
        kinds = get_args(kind) if get_origin(kind) in (UnionType, Union) else ()
        some = [one for one in kinds if one is not NoneType]
        if len(some) == 1:
            out, into = self._way(some[0])
            return _unless_none(out), _unless_none(into)
        if some and all(map(_is_scalar, some)):
            return None, None
        if some and all(map(_is_known, some)):
            return _unless_none(self.named), _unless_none(self.read)
        return self._loose, self._tight

    def _way_of_tuple(self, kinds: tuple[object, ...]) -> _Way:
        ways = [self._way(kind) for kind in kinds if kind is not ...]
        out, into = ways[0]
        if kinds[-1] is ...:
            return (
                None if out is None else lambda given: [out(one) for one in given],
                tuple if into is None else lambda given: tuple([into(one) for one in given]),
            )

        def each(given: Iterable[object], side: int) -> list[object]:
            pairs = zip(given, [way[side] for way in ways], strict=True)
            return [one if change is None else change(one) for one, change in pairs]

        return lambda given: each(given, 0), lambda given: tuple(each(given, 1))

    # --- what says of itself what it is

    def _loose(self, given: object) -> object:
        kind = type(given)
        if kind in _SCALARS:
            return given
        if kind is list:
            return self._each(cast("list[object]", given))
        if kind is bytes:
            return {"is": "bytes", "of": given}
        if kind is tuple:
            return {"is": "tuple", "of": self._each(cast("tuple[object, ...]", given))}
        if kind in (set, frozenset):
            those = self._each(cast("frozenset[object]", given))
            return {"is": kind.__name__, "of": sorted(those, key=self.text)}
        if isinstance(given, Mapping):
            pairs = cast("Mapping[object, object]", given).items()
            return {"is": "dict", "of": [self._each(pair) for pair in pairs]}
        if _CLASSES.get(kind.__name__) is kind:
            return self.named(given)
        return {"is": "opaque", "of": given.kind if isinstance(given, Opaque) else _kind(kind)}

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
                return _bytes_in(of)
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
    parts: Callable[[Any], tuple[object, ...]]
    outs: tuple[tuple[str, Callable[[Any], Any]], ...]  # of those that need it
    ins: tuple[Change, ...]
    make: Callable[..., object]

    @property
    def names(self) -> frozenset[str]:
        """The fields, whatever their order."""
        return frozenset(self.fields)


def _getter(fields: tuple[str, ...]) -> Callable[[Any], tuple[object, ...]]:
    if len(fields) > 1:
        return attrgetter(*fields)
    return lambda thing: tuple([getattr(thing, name) for name in fields])


def _endpoint(name: str, advertise: str) -> Endpoint:
    transport, _, address = name.partition(":")
    return Endpoint(transport, address, advertise=advertise)


def _config(groups: Iterable[tuple[str, Group]], **settings: Any) -> Config:  # noqa: ANN401
    return Config(groups=dict(groups), **settings)


_ENDPOINT: Final = _Shape(
    "Endpoint", ("name", "advertise"), attrgetter("name", "sent_by"), (), (None, None), _endpoint
)


def _is_known(kind: Any) -> bool:  # noqa: ANN401 - of annotations
    """Whether the fields of this class are known."""
    return kind in (Endpoint, Request, Response) or hasattr(kind, "__dataclass_fields__")


def _is_scalar(kind: Any) -> bool:  # noqa: ANN401 - of annotations
    return kind in _SCALARS or get_origin(kind) is Literal


def _unless_none(change: Change) -> Change:
    return None if change is None else lambda given: None if given is None else change(given)


def _bytes_out(given: bytes) -> object:
    try:
        return given.decode()
    except UnicodeDecodeError:
        return {"hex": given.hex()}


def _bytes_in(given: Any) -> bytes:  # noqa: ANN401 - of JSON
    return given.encode() if isinstance(given, str) else bytes.fromhex(given["hex"])


def _kind(cls: type[Any]) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _short(content: object) -> str:
    text = repr(content)
    return text if len(text) < 80 else f"{text[:77]}..."
