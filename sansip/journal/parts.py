"""What values are made of, as JSON and back: texts, numbers, bytes; what is none is refused."""

import json
from collections.abc import Callable, Iterable, Mapping
from json.encoder import encode_basestring_ascii
from types import MappingProxyType, NoneType
from typing import Any, Final, Literal, cast, get_args, get_origin

Write = Callable[[Any], str]
Read = Callable[[Any], Any]
Way = tuple[Write, Read]

SCALARS: Final = (bool, int, float, str, NoneType)
# What JSON may have for each of them.
_FOUND: Final[Mapping[Any, tuple[type[object], ...]]] = MappingProxyType(
    {bool: (bool,), int: (int,), float: (float, int), str: (str,), NoneType: (NoneType,)}
)
quoted: Final = encode_basestring_ascii  # text
plain: Final = json.JSONEncoder(separators=(",", ":")).encode  # what consists of no values


class CodecError(ValueError):
    """What is read is no value of the kind that is wanted, or what is to be written is none."""


def is_scalar(kind: Any) -> bool:  # noqa: ANN401 - of annotations
    """Whether JSON has a form of its own for what has this annotation."""
    return kind in SCALARS or get_origin(kind) is Literal


def unless_none(out: Write, into: Read) -> Way:
    """The same for what may also be None."""
    return (
        lambda given: "null" if given is None else out(given),
        lambda given: None if given is None else into(given),
    )


def scalar(given: object) -> str:
    """Write what JSON has a form of its own for."""
    write = _WRITES.get(type(given))
    return plain(given) if write is None else write(given)


def checked(kinds: Iterable[Any]) -> Read:
    """Let those through that may stand in a field of these kinds."""
    values = {one for kind in kinds if get_origin(kind) is Literal for one in get_args(kind)}
    types = {one for kind in kinds if kind in SCALARS for one in _FOUND[kind]}

    def read(given: object) -> object:
        if type(given) in types or (type(given) is str and given in values):
            return given
        raise CodecError(f"{short(given)} may not stand here")

    return read


def bytes_out(given: bytes) -> str:
    """Write bytes: as text if they are UTF-8."""
    try:
        return quoted(given.decode())
    except UnicodeDecodeError:
        return f'{{"hex":"{given.hex()}"}}'


def bytes_in(given: Any) -> bytes:  # noqa: ANN401 - of JSON
    """Read what ``bytes_out`` writes."""
    return given.encode() if isinstance(given, str) else bytes.fromhex(given["hex"])


def array(given: Any) -> list[Any]:  # noqa: ANN401 - of JSON
    """Let an array through."""
    if not isinstance(given, list):
        raise CodecError(f"{short(given)} is no array")
    return cast("list[Any]", given)  # type: ignore[redundant-cast]


def kind_of(cls: type[Any]) -> str:
    """The name of a class, in full."""
    return f"{cls.__module__}.{cls.__qualname__}"


def short(content: object) -> str:
    """What was found, for an error."""
    text = repr(content)
    return text if len(text) < 80 else f"{text[:77]}..."


def _float(given: float) -> str:
    text = repr(given)
    return text if text[-1].isdigit() else plain(given)  # inf, nan, or no number at all


_WRITES: Final[Mapping[type[Any], Write]] = MappingProxyType(
    {
        str: quoted,
        int: int.__repr__,
        float: _float,
        bool: lambda given: "true" if given else "false",
        NoneType: lambda _: "null",
    }
)
TEXT: Final[Way] = quoted, checked([str])
INTEGER: Final[Way] = int.__repr__, checked([int])
NUMBER: Final[Way] = _float, checked([float])
