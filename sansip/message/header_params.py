"""Header parameters: reading what one means, adding, taking out, writing (RFC 3261 7.3.1, 25.1)."""

import re
from typing import Final, Self

from sansip.errors import LocalProtocolError
from sansip.message.grammar import (
    MAX_32_BITS,
    Params,
    is_param_value,
    is_quoted_string,
    is_token,
    number,
    unquote,
)

_MALFORMED_EXPIRES: Final = 3600  # 10.2.1.1, 20.10

_BARE: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~:\[\]]++")
# A quoted string may hold these only behind a backslash (25.1).
_TO_ESCAPE: Final = re.compile(r'[\x00-\x08\x0b-\x1f\x7f"\\]')
_Q: Final = re.compile(r"0(?:\.[0-9]{0,3})?+|1(?:\.0{0,3})?+")


def quote(text: str) -> str:
    """Make a quoted string that means the text; ``LocalProtocolError`` if it has line ends."""
    if "\r" in text or "\n" in text:
        message = f"{text!r} has a line end in it, which no quoted string can have"
        raise LocalProtocolError(message)
    return f'"{_TO_ESCAPE.sub(_escaped, text)}"'


def _escaped(found: "re.Match[str]") -> str:
    return f"\\{found[0]}"


def seconds(text: str) -> int | None:
    """Read delta-seconds; more than 2**32-1 counts as that (10.2.1.1); None if malformed."""
    found = number(text, MAX_32_BITS)
    return MAX_32_BITS if found is None and text.isascii() and text.isdigit() else found


def write_params(params: Params, separator: str = ";") -> str:
    """Put parameters after a value; ``LocalProtocolError`` if they would not read back the same."""
    return "".join([f"{separator}{_written(name, text)}" for name, text in params])


def _written(name: str, text: str) -> str:
    if not is_token(name):
        message = f"{name!r} is not a parameter name"
        raise LocalProtocolError(message)
    if text and not is_param_value(text):
        message = f"{text!r} of parameter {name} is neither bare nor a quoted string; quote it"
        raise LocalProtocolError(message)
    return f"{name}={text}" if text else name


def same_params(one: Params, other: Params) -> bool:
    """Compare without regard to order; quoted strings by case, all else without (7.3.1)."""
    return sorted([_folded(pair) for pair in one]) == sorted([_folded(pair) for pair in other])


def _folded(pair: tuple[str, str]) -> tuple[str, str]:
    name, text = pair
    return name.lower(), text if text.startswith('"') else text.lower()


class Parameters:
    """What all values with parameters have in common.

    ``params`` are (name in lower case, value as it came or "") in their order, those included that
    nobody knows.
    """

    __slots__ = ()
    params: Params

    def param(self, name: str) -> str | None:
        """Give a parameter's value: "" when it has none, None when there is no such parameter."""
        for key, text in self.params:
            if key == name:
                return text
        return None

    def unquoted(self, name: str) -> str | None:
        """Give what a parameter's value means, without quotes and backslashes; None if absent."""
        found = self.param(name)
        return None if found is None else unquote(found)

    def number(self, name: str) -> int | None:
        """Give a parameter's value if it is a number up to 2**32-1, else None."""
        return number(self.param(name) or "", MAX_32_BITS)

    @property
    def q(self) -> float:
        """The q parameter, how much this is preferred: 1.0 if absent or malformed (20.1, 20.10)."""
        text = self.param("q") or ""
        return float(text) if _Q.fullmatch(text) else 1.0

    @property
    def expires(self) -> int | None:
        """The expires parameter: None if absent, 3600 if malformed, at most 2**32-1 (10.2.1.1)."""
        text = self.param("expires")
        if text is None:
            return None
        found = seconds(text)
        return _MALFORMED_EXPIRES if found is None else found

    def with_param(self, name: str, text: str = "") -> Self:
        """Put a parameter in: in the place of the one of that name, or at the end.

        A text that is neither a token nor an address nor a quoted string already becomes a quoted
        string; "" makes a parameter without a value.
        """
        key = name.lower()
        pair = (key, text and self._as_written(key, text))
        if self.param(key) is None:
            return self._with((*self.params, pair))
        return self._with(tuple([pair if pair[0] == old[0] else old for old in self.params]))

    def without_params(self, *names: str) -> Self:
        """Take parameters of these names (in lower case) out."""
        return self._with(tuple([pair for pair in self.params if pair[0] not in names]))

    def _as_written(self, name: str, text: str) -> str:  # noqa: ARG002 (a matter of the name, too)
        return text if _BARE.fullmatch(text) or is_quoted_string(text) else quote(text)

    def _with(self, params: Params) -> Self:
        raise NotImplementedError
