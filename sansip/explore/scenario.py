"""What is explored: an engine, its zone, calls, gateways, and the faults that may happen."""

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from sansip.engine.engine import Engine
from sansip.journal import Source
from sansip.value import value

SEED: Final = bytes(32)  # nobody is to be kept from foretelling anything here


@value
class Faults:
    """How many of each kind may happen in one run, and how many in all; each whenever it may be.

    ``lost``         a packet is lost
    ``late``         a packet, or an answer of DNS, takes up to T4: timers may fire meanwhile
    ``copied``       a packet arrives twice
    ``unavailable``  a gateway answers an INVITE with 503
    ``refused``      a gateway is gone: its machine answers with ICMP errors from then on
    ``silent``       a gateway takes an INVITE and says nothing: for ever, or until any later time
    ``dns``          a question of DNS fails, or is never answered
    ``most``         so many of all kinds together; None: as many as there are
    """

    lost: int = 0
    late: int = 0
    copied: int = 0
    unavailable: int = 0
    refused: int = 0
    silent: int = 0
    dns: int = 0
    most: int | None = None


@value
class Call:
    """A call to ``uri``: it may begin, and unless ``cancel`` is False be given up, at any time.

    ``source`` is the caller's address, of which each has its own: by default 198.51.100.1 for the
    first one, 198.51.100.2 for the second ...
    """

    uri: str
    source: str = ""
    cancel: bool = True
    headers: tuple[tuple[str, str], ...] = ()


@value
class Scenario:
    """A small world of which everything that can happen is tried.

    ``zone`` is the text of a zone file and ``origin`` what its relative names end in; ``calls`` are
    URIs or ``Call``. ``gateways`` says which responses, besides 100, each address may give, any of
    them at any time; by default these are all addresses that the calls may lead to, and they ring,
    pick up or are busy.
    """

    engine: Engine
    zone: str = ""
    origin: str = ""
    calls: tuple[str | Call, ...] = ()
    gateways: Mapping[str, tuple[int, ...]] | None = None
    faults: Faults = field(default_factory=Faults)
    source: Source | None = None  # what journals say of the policy; by default its class
