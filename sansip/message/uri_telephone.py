"""Telephone numbers in URIs: tel, and the user part of a SIP URI (RFC 3966; RFC 3261 19.1.6)."""

import re
from types import MappingProxyType
from typing import Final

from sansip.message.grammar import Params
from sansip.message.uri_escapes import plain, plain_name

_SEPARATORS: Final = MappingProxyType(str.maketrans("", "", "-.()"))  # visual-separator
# global-number-digits / local-number-digits, without their separators
_NUMBER: Final = re.compile(r"\+[0-9]++|[0-9A-Fa-f*#]++")
# isub or ext come first, then the context, then all others in lexicographical order (RFC 3966 3),
# and the post-dial string of older ones behind the subaddress (RFC 3261 19.1.6).
_FIRST: Final = ("isub", "ext", "postd", "phone-context")


def number_in(text: str) -> str | None:
    """Give a telephone number without its visual separators, or None if it is none."""
    digits = text.translate(_SEPARATORS)
    return digits if _NUMBER.fullmatch(digits) else None


def subscriber(number: str, params: Params) -> str:
    """Give the one form of a telephone-subscriber: lower case, parameters in order (19.1.6)."""
    pairs = [(plain_name(name), text.lower()) for name, text in params]
    pairs.sort(key=lambda pair: (_rank(pair[0]), pair))
    return number.lower() + "".join([f";{n}={v}" if v else f";{n}" for n, v in pairs])


def compared(number: str, params: Params) -> str:
    """Give what equal telephone-subscribers have in common (RFC 3966 4)."""
    pairs = [(plain(name), _compared_value(name, plain(text))) for name, text in params]
    return subscriber(plain(number).translate(_SEPARATORS), tuple(pairs))


def _compared_value(name: str, text: str) -> str:
    # "compared as a host name if it is a 'domainname' or digit by digit if it is
    # 'global-number-digits'. The latter is compared after removing all 'visual-separator'
    # characters." The digits of an extension may have them as well.
    if name == "ext" or (name == "phone-context" and text.startswith("+")):
        return text.translate(_SEPARATORS)
    return text


def _rank(name: str) -> int:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)
