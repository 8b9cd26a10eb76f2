"""What happens in an exploration, in words."""

import re
from types import MappingProxyType
from typing import Final, assert_never

from sansip.explore.hosts import Asked, Unreachable
from sansip.explore.parties import CALLS, CANCELS, REFUSED, SILENT, UNAVAILABLE, Datagram
from sansip.explore.space import (
    ACTS,
    COPIED,
    DNS,
    LATE,
    LOST,
    UNANSWERED,
    Config,
    Space,
    Thing,
    Way,
)
from sansip.message import Response, phrase
from sansip.simulate.network import read

_DRAWN: Final = re.compile(r"[0-9a-f]{12,}+")  # nobody can read it
_WRONG: Final = MappingProxyType(
    {
        LOST: "{} is lost",
        LATE: "{} will be late",
        COPIED: "{} comes twice",
        UNAVAILABLE: "{}, which answers 503",
        SILENT: "{}, which is silent",
        REFUSED: "{}, where nobody is any more",
        DNS: "{} fails",
        UNANSWERED: "{} is never answered",
    }
)


def words(space: Space, config: Config, way: Way) -> str:
    """What happens, and what goes wrong with that."""
    kind, which, act, notes = way
    match kind:
        case "arrives":
            text = _arrival(space, which)
        case "fires":
            timer = space.hosts.timer(config[0])
            text = f"timer {timer.name} fires ({_DRAWN.sub('...', timer.owner)})"
        case "passes":
            text = "time passes"
        case _:
            party = space.states[which][config[3][which]]
            what = _act(party.acts()[act]) if kind == ACTS else "says it again"
            text = f"{party.name} {what}"
    wrong = [_WRONG[how].format(_thing(space, space.flights[what].what)) for how, what in notes]
    return "; ".join([text, *wrong])


def _arrival(space: Space, number: int) -> str:
    flight = space.flights[number]
    late = "" if flight.life is None else "late, "
    match flight.what:
        case Asked(question, fails):
            return f"{late}DNS {'fails at' if fails else 'answers'} {question.type} {question.name}"
        case Unreachable(sent):
            return f"{late}the engine hears that nobody is at {sent.to}"
        case Datagram(_, to, _) as packet:
            return f"{late}{space.name_of(to)} gets {_message(space, packet)}"
        case _:
            assert_never(flight.what)


def _act(act: str) -> str:
    if act in (CALLS, CANCELS):
        return act
    number, status = map(int, act.split())
    which = f" to its call {number + 1}" if number else ""
    return f"says {status} {phrase(status)}{which}"


def _thing(space: Space, what: Thing) -> str:
    match what:
        case Asked(question):
            return f"the question {question.type} {question.name}"
        case Unreachable(sent):
            return f"the ICMP error from {sent.to}"
        case Datagram(_, to, _):
            return f"{_message(space, what)} to {space.name_of(to)}"
        case _:
            assert_never(what)


def _message(space: Space, packet: Datagram) -> str:
    """What a packet is, and where from."""
    message = read(packet.data)
    if message is None:
        what = "something that is no message"
    elif isinstance(message, Response):
        what = f"{message.status} {message.reason} ({message.cseq.method})"
    else:
        what = message.method
    return f"{what} from {space.name_of(packet.source)}"
