"""What happens in an exploration, in words."""

import re
from typing import Final

from sansip.explore.hosts import Asked, Unreachable
from sansip.explore.parties import CALLS, CANCELS, REFUSED, SILENT, UNAVAILABLE, Datagram
from sansip.explore.space import (
    ACTS,
    ARRIVES,
    COPIED,
    DNS,
    FIRES,
    LATE,
    LOST,
    PASSES,
    UNANSWERED,
    Config,
    Space,
    Way,
)
from sansip.message import phrase
from sansip.message.fields import Via  # noqa: F401
from sansip.simulate.network import read
from sansip.message import Response

_TOKEN: Final = re.compile(r"[0-9a-f]{12,}")
_WENT_WRONG: Final = {
    LOST: "{} is lost",
    LATE: "{} will be late",
    COPIED: "{} comes twice",
    UNAVAILABLE: "{}: it answers 503",
    SILENT: "{}: it is silent",
    REFUSED: "{}: nobody is there any more",
    DNS: "{} fails",
    UNANSWERED: "{} is never answered",
}


def words(space: Space, config: Config, way: Way) -> str:
    """What happens, and what goes wrong with that."""
    kind, which, act, notes = way
    if kind == ARRIVES:
        flight = space.flights[which]
        late = "late, " if flight.life is not None else ""
        what = flight.what
        if isinstance(what, Asked):
            text = f"{late}DNS {'fails for' if what.fails else 'answers'} {_question(what)}"
        elif isinstance(what, Unreachable):
            text = f"{late}the proxy hears that nobody is at {what.sent.to}"
        else:
            text = f"{late}{_name(space, what, to=True)} gets {_message(space, what)}"
    elif kind == FIRES:
        timer = space.hosts.timer(config[0])
        text = f"the proxy's timer {timer.name} fires ({_TOKEN.sub('...', timer.owner)})"
    elif kind == PASSES:
        text = "time passes"
    else:
        party = space.parties[which]
        text = f"{party.name} says it again"
        if kind == ACTS:
            state = space.states[which][config[3][which]]
            text = f"{party.name} {_act(state.acts()[act])}"
    wrong = [
        _WENT_WRONG[how].format(_thing(space, space.flights[what].what)) for how, what in notes
    ]
    return "; ".join([text, *wrong])


def _act(act: str) -> str:
    if act in (CALLS, CANCELS):
        return act
    number, status = act.split()
    which = "" if number == "0" else f" (to INVITE {int(number) + 1})"
    return f"says {status} {phrase(int(status))}{which}"


def _thing(space: Space, what: object) -> str:
    if isinstance(what, Asked):
        return f"the question {_question(what)}"
    if isinstance(what, Unreachable):
        return f"the ICMP error from {what.sent.to}"
    assert isinstance(what, Datagram)
    return f"{_message(space, what)} for {_name(space, what, to=True)}"


def _question(what: Asked) -> str:
    return f"{what.question.type} {what.question.name}"


def _name(space: Space, packet: Datagram, *, to: bool) -> str:
    place = packet.to if to else packet.source
    for party in space.parties:
        if party.address == place:
            return party.name
    return "the proxy"


def _message(space: Space, packet: Datagram) -> str:
    """What a packet is, and where from."""
    message = read(packet.data)
    if isinstance(message, Response):
        what = f"{message.status} {message.reason} ({message.cseq.method})"
    else:
        what = "something unreadable" if message is None else message.method
    return f"{what} from {_name(space, packet, to=False)}"
