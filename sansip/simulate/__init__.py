"""Worlds: engines, scripted phones and gateways, DNS and links, in virtual time, from one seed.

A ``World`` has nodes and one clock. A node is an engine (``Host``) or a party with a script
(``Phone``, ``Gateway``, or a ``Party`` of your own); between two nodes is a ``Link``, which delays,
loses and doubles packets, or carries connections (TCP, TLS); zone files say what DNS says. All
draws come from the seed, so that one seed is one run, byte for byte, and one journal for each
engine. While it runs, the promises that RFC 3261 asks of a proxy are looked at (``promises``); a
run that breaks one raises ``Broken``, with the seed and the last packets.
"""

from sansip.simulate.gateway import BUSY, PICKS_UP, RINGS, SILENT, UNAVAILABLE, Answer, Gateway
from sansip.simulate.host import Host
from sansip.simulate.ladder import ladder
from sansip.simulate.link import Link
from sansip.simulate.network import Node, Packet, Said, Sight
from sansip.simulate.party import Party
from sansip.simulate.phone import Call, Phone
from sansip.simulate.promises import Broken
from sansip.simulate.surroundings import surround
from sansip.simulate.world import World

__all__ = [
    "BUSY",
    "PICKS_UP",
    "RINGS",
    "SILENT",
    "UNAVAILABLE",
    "Answer",
    "Broken",
    "Call",
    "Gateway",
    "Host",
    "Link",
    "Node",
    "Packet",
    "Party",
    "Phone",
    "Said",
    "Sight",
    "World",
    "ladder",
    "surround",
]
