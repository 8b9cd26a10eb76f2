"""For tests: fixtures of pytest that simulate and explore, and strategies that make SIP messages.

``sansip.testing.fixtures`` has the fixtures ``world`` and ``explored``; a conftest asks for them::

    pytest_plugins = ["sansip.testing.fixtures"]

The strategies are for hypothesis (RFC 3261 7, 19.1, 20, 25): ``pip install hypothesis``, which
nothing else needs. ``requests``, ``responses`` and ``messages`` make all that the grammar of
section 25 allows, within the sizes that ``sansip.parse`` reads by default: folded rows, white space
round every separator, compact names, values in one row or many, escapes, IPv6, UTF-8 and bytes that
are none, NUL in quoted strings, bodies of any bytes. Half of their parts are of the ordinary kind,
and they shrink to an ordinary message. ``near_valid`` makes what is wrong in one place or two.

What stands in a row is text as sansip has it everywhere: UTF-8 with surrogateescape. What the parts
give (``vias``, ``name_addrs`` ...) may have folds in it and so is meant for rows as they come.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # they need hypothesis: imported when first asked for
    from sansip.testing.faults import FAULTS, Fault, near_valid
    from sansip.testing.parts import hosts, name_addrs, quoted_strings, tokens, uris, vias
    from sansip.testing.streams import segmentations
    from sansip.testing.whole import messages, requests, responses, twins

__all__ = [
    "FAULTS",
    "Fault",
    "hosts",
    "messages",
    "name_addrs",
    "near_valid",
    "quoted_strings",
    "requests",
    "responses",
    "segmentations",
    "tokens",
    "twins",
    "uris",
    "vias",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from sansip.testing import faults, parts, streams, whole  # noqa: PLC0415 - see above
    except ModuleNotFoundError as missing:
        raise ImportError("sansip.testing needs hypothesis: pip install hypothesis") from missing
    homes = (faults, parts, streams, whole)
    return next(vars(home)[name] for home in homes if name in vars(home))
