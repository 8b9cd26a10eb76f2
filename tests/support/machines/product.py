"""The full product: every state of a machine, given every input that its vocabulary has.

States, inputs and timers come from the types themselves (``typing.get_args``): one that is new and
has no example here makes ``drive`` fail. What a step must hold whatever it does is checked here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any, cast, get_args

from sansip.message import Request, parse, reply
from sansip.timing import Timing
from sansip.transaction import (
    Abandon,
    Acknowledged,
    Broke,
    ClientFacts,
    ClientInput,
    Ended,
    Fired,
    Pass,
    PassAck,
    Respond,
    Responded,
    Retransmitted,
    ServerFacts,
    ServerInput,
    Start,
    Stop,
    Terminated,
    TimedOut,
    TimerName,
    Transmit,
    TransportFailed,
    Unacknowledged,
    client,
    invite_client,
    invite_server,
    server,
)

# With this T1, 64*T1 and 32 s are two things, and so is every other time that a timer may be given.
TIMING = Timing(t1=0.25)
TIMES = {
    TIMING.t1: "T1",
    TIMING.t2: "T2",
    TIMING.t4: "T4",
    64 * TIMING.t1: "64*T1",
    32.0: "32 s",
    TIMING.non_invite_100: "when E reaches T2",
}
# A timer that doubles: what it is set to after T1, and after T2.
DOUBLED = {
    (2 * TIMING.t1, 2 * TIMING.t2): "2*{}",
    (2 * TIMING.t1, TIMING.t2): "min(2*{}, T2)",
}
STATUSES = range(100, 700)
TIMERS: tuple[TimerName, ...] = get_args(TimerName)

REQUEST = (
    b"INVITE sip:bob@192.0.2.4 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKown\r\n"
    b"From: <sip:alice@example.com>;tag=a1\r\n"
    b"To: <sip:bob@example.com>\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Content-Length: 0\r\n\r\n"
)
ACK = b"ACK, as it was made"
RESPONSE = b"a response"
TRYING = b"100"

Facts = ClientFacts | ServerFacts
Given = int | str  # a status, or a name such as "Timer A"
States = Mapping[type[object], object]


@dataclass(frozen=True, eq=False)
class Machine:
    """One machine: its module, an example of each of its states, and what the RFC calls things."""

    name: str
    module: ModuleType
    states: States
    request: str  # "INVITE", or "Request"
    classes: tuple[range, ...]  # of status codes, as the figure has them

    @property
    def serves(self) -> bool:
        return self.name.endswith("server")

    @property
    def beginning(self) -> str:
        return self.request if self.serves else f"{self.request} from TU"

    def facts(self, *, reliable: bool) -> Facts:
        if self.serves:
            return ServerFacts(reliable, TIMING, TRYING)
        return ClientFacts(REQUEST, reliable, TIMING)


@dataclass(frozen=True)
class Outcome:
    """What became of one input: the next state, and what was put out, in order.

    ``later`` is what would have been put out had the state's timer already been at T2.
    """

    state: str
    outputs: tuple[object, ...]
    later: tuple[object, ...]


MACHINES = (
    Machine(
        "invite_client",
        invite_client,
        {
            invite_client.Calling: invite_client.Calling(TIMING.t1),
            invite_client.Proceeding: invite_client.Proceeding(),
            invite_client.Completed: invite_client.Completed(ACK),
            invite_client.Accepted: invite_client.Accepted(),
        },
        "INVITE",
        (range(100, 200), range(200, 300), range(300, 700)),
    ),
    Machine(
        "client",
        client,
        {
            client.Trying: client.Trying(TIMING.t1),
            client.Proceeding: client.Proceeding(),
            client.Completed: client.Completed(),
        },
        "Request",
        (range(100, 200), range(200, 700)),
    ),
    Machine(
        "invite_server",
        invite_server,
        {
            invite_server.Proceeding: invite_server.Proceeding(RESPONSE),
            invite_server.Completed: invite_server.Completed(RESPONSE, TIMING.t1),
            invite_server.Confirmed: invite_server.Confirmed(),
            invite_server.Accepted: invite_server.Accepted(),
        },
        "INVITE",
        (range(100, 200), range(200, 300), range(300, 700)),
    ),
    Machine(
        "server",
        server,
        {
            server.Trying: server.Trying(),
            server.Proceeding: server.Proceeding(RESPONSE),
            server.Completed: server.Completed(RESPONSE),
            server.Abandoned: server.Abandoned(),
        },
        "Request",
        (range(100, 200), range(200, 700)),
    ),
)


# Inputs


@cache
def _responses() -> dict[Given, object]:
    invite = parse(REQUEST)
    assert isinstance(invite, Request)
    return {status: Responded(reply(invite, status, to_tag="b1")) for status in STATUSES}


# In the order of the tables.
INPUTS: dict[type[object], Callable[[Machine], Mapping[Given, object]]] = {
    Retransmitted: lambda machine: {machine.request: Retransmitted()},
    Acknowledged: lambda _: {"ACK": Acknowledged()},
    Responded: lambda _: _responses(),
    Respond: lambda _: {status: Respond(status, RESPONSE) for status in STATUSES},
    Fired: lambda _: {f"Timer {timer}": Fired(timer) for timer in TIMERS},
    TransportFailed: lambda _: {"Transport Err.": TransportFailed("refused")},
    Abandon: lambda _: {"Abandon": Abandon()},
}


def inputs(machine: Machine) -> dict[Given, object]:
    """Give every input of a machine, by the name that it has in the tables."""
    classes = set(get_args(ServerInput if machine.serves else ClientInput))
    assert classes <= INPUTS.keys(), "an input without example"
    made: dict[Given, object] = {}
    for cls, make in INPUTS.items():
        made |= make(machine) if cls in classes else {}
    assert {type(given) for given in made.values()} == classes
    assert set(STATUSES) <= made.keys()
    return made


# What comes of them


@dataclass(frozen=True)
class Drive:
    """One machine driven through everything, over unreliable or over reliable transports."""

    over: str
    outcomes: Mapping[tuple[str, Given], Outcome]  # the beginning too: of state "-"
    alive: frozenset[str]  # the states that can be come to at all


@cache
def drive(machine: Machine, *, reliable: bool) -> Drive:
    """Begin, and then give every state every input."""
    assert machine.states.keys() == set(get_args(machine.module.State)), "a state without example"
    facts = machine.facts(reliable=reliable)
    every = inputs(machine)
    beginning = _checked(machine, *machine.module.start(facts))
    found: dict[tuple[str, Given], Outcome] = {("-", machine.beginning): beginning}
    for cls, state in machine.states.items():
        assert type(state) is cls
        for name, given in every.items():
            outcome = _step(machine, facts, state, given)
            if hasattr(state, "interval"):
                slow = replace(cast("Any", state), interval=TIMING.t2)
                long = _step(machine, facts, slow, given)
                assert long.state == outcome.state
                outcome = Outcome(outcome.state, outcome.outputs, long.outputs)
            found[cls.__name__, name] = outcome
    return Drive("reliable" if reliable else "unreliable", found, _alive(found))


def _step(machine: Machine, facts: Facts, state: object, given: object) -> Outcome:
    then, outputs = machine.module.step(facts, state, given)
    assert (then, outputs) == machine.module.step(facts, state, given), "not the same again"
    silent = type(then) is type(state) and not outputs
    assert then == state or not silent, "changed, and said nothing"
    return _checked(machine, then, outputs)


def _alive(outcomes: Mapping[tuple[str, Given], Outcome]) -> frozenset[str]:
    found: set[str] = set()
    more = {"-"}
    while more:
        found |= more
        more = {outcome.state for (state, _), outcome in outcomes.items() if state in more} - found
    return frozenset(found)


# "transmit, timer clears, timer sets, notifications, termination" (SIO-03)
RANKS: dict[type[object], int] = {
    Transmit: 0,
    Stop: 1,
    Start: 2,
    **dict.fromkeys((Pass, PassAck, TimedOut, Broke, Unacknowledged), 3),
    Ended: 4,
}


def _checked(machine: Machine, then: object, outputs: tuple[object, ...]) -> Outcome:
    """Check what holds for every step of every machine."""
    assert type(then) in {*machine.states, Terminated}
    ranks = [RANKS[type(output)] for output in outputs]
    assert ranks == sorted(ranks), "transmit, stop, start, notify, end: in this order"
    timers = [(type(it), it.timer) for it in outputs if isinstance(it, Start | Stop)]
    assert len(timers) == len(set(timers)), "a timer twice"
    assert (type(then) is Terminated) == (Ended() in outputs), (
        "who ends says so, and who says so ends"
    )
    assert not any(isinstance(it, Start) for it in outputs if type(then) is Terminated)
    return Outcome(type(then).__name__, outputs, outputs)
