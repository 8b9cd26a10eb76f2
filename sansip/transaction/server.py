"""The non-INVITE server transaction: RFC 3261 17.2.2 and figure 8, with RFC 4320 and RFC 6026 8.8.

    Trying ---"100"---> Proceeding ---200-699---> Completed ---J---> Terminated
       |---200-699---> Completed
       |---Abandon---> Abandoned ---J---> Terminated

RFC 4320 makes the 100 its own: there is no other provisional response to a non-INVITE, not before
the client's Timer E has slowed down to T2, but then always. The same RFC may leave such a request
without any final response: its user abandons it, and what the client still sends is absorbed until
that has given up. Timer J runs from the beginning for this, and so ends what nobody ever answers;
a final response starts it anew.
"""

from typing import assert_never

from sansip.transaction.vocabulary import (
    ENDED,
    TERMINATED,
    Abandon,
    Acknowledged,
    Broke,
    Fired,
    Respond,
    Retransmitted,
    ServerFacts,
    ServerInput,
    ServerOutput,
    Start,
    Stop,
    Terminated,
    Transmit,
    TransportFailed,
)
from sansip.value import value


@value
class Trying:
    """Nothing was sent yet; timer "100" runs."""


@value
class Proceeding:
    """A 100 was sent."""

    latest: bytes


@value
class Completed:
    """The final response was sent; retransmissions of the request get it again."""

    final: bytes


@value
class Abandoned:
    """There will be no final response; retransmissions of the request are absorbed."""


State = Trying | Proceeding | Completed | Abandoned
Step = tuple[State | Terminated, tuple[ServerOutput, ...]]

TRYING = Trying()
ABANDONED = Abandoned()
STOP_100 = Stop("100")
STOP_J = Stop("J")


def start(facts: ServerFacts) -> tuple[Trying, tuple[ServerOutput, ...]]:
    """Take a request that has just come."""
    # A 100 "MUST NOT" be sent "over any unreliable transport, such as UDP, before the amount of
    # time it takes a client transaction's Timer E to be reset to T2", and "without regard to
    # transport" it MUST be after that time "if it has not otherwise responded" (RFC 4320 4.1).
    # The client gives up after 64*T1 (17.1.2.2); what comes by then belongs to this transaction.
    timing = facts.timing
    return TRYING, (Start("100", timing.non_invite_100), Start("J", timing.timeout))


def step(facts: ServerFacts, state: State, given: ServerInput) -> Step:
    """Take one input."""
    match state:
        case Trying():
            return _trying(facts, state, given)
        case Completed():
            return _completed(state, given)
        case Proceeding():
            return _proceeding(facts, state, given)
        case Abandoned():
            return _abandoned(state, given)
        case _:
            assert_never(state)


def _trying(facts: ServerFacts, state: Trying, given: ServerInput) -> Step:
    match given:
        case Respond():
            if _is_final(given):
                return _finish(facts, given.data, (STOP_100, STOP_J))
            # "if, while in the 'Trying' state, the TU passes a provisional response to the server
            # transaction, the server transaction MUST enter the 'Proceeding' state" (17.2.2). RFC
            # 4320 4.1 leaves of this: a 100, and so early only where nothing is retransmitted.
            if given.status == 100 and facts.reliable:
                return Proceeding(given.data), (Transmit(given.data), STOP_100)
            return _give_up(state, given, (STOP_100,))
        # Now it MUST be sent (RFC 4320 4.1).
        case Fired(timer="100"):
            return Proceeding(facts.trying), (Transmit(facts.trying),)
        case Abandon():
            return ABANDONED, (STOP_100,)
        case Fired(timer="J"):
            return TERMINATED, (STOP_100, ENDED)
        # "Once in the 'Trying' state, any further request retransmissions are discarded" (17.2.2).
        # Nothing was sent that could have failed.
        case Retransmitted() | Acknowledged() | TransportFailed() | Fired():
            return state, ()
        case _:
            assert_never(given)


def _proceeding(facts: ServerFacts, state: Proceeding, given: ServerInput) -> Step:
    match given:
        case Respond():
            if _is_final(given):
                return _finish(facts, given.data, (STOP_J,))
            # "Any further provisional responses that are received from the TU while in the
            # 'Proceeding' state MUST be passed to the transport layer" (17.2.2), of which RFC 4320
            # 4.1 leaves the 100.
            if given.status == 100:
                return Proceeding(given.data), (Transmit(given.data),)
            return _give_up(state, given, ())
        # "If a retransmission of the request is received while in the 'Proceeding' state, the most
        # recently sent provisional response MUST be passed to the transport layer" (17.2.2).
        case Retransmitted():
            return state, (Transmit(state.latest),)
        # The user is told, and the state stays to absorb retransmissions (RFC 6026 8.8, AMB-27).
        case TransportFailed():
            return state, (Broke(given.reason),)
        case Abandon():
            return ABANDONED, ()
        case Fired(timer="J"):
            return TERMINATED, (ENDED,)
        case Acknowledged() | Fired():
            return state, ()
        case _:
            assert_never(given)


def _give_up(state: State, given: Respond, running: tuple[Stop, ...]) -> Step:
    # A 408 that may not be sent is no answer at all; other provisional responses mean nothing.
    return (ABANDONED, running) if given.status == 408 else (state, ())


def _abandoned(state: Abandoned, given: ServerInput) -> Step:
    match given:
        case Fired(timer="J"):
            return TERMINATED, (ENDED,)
        # An answer would come too late to mean anything (RFC 4320 4.2).
        case (
            Retransmitted() | Respond() | Acknowledged() | TransportFailed() | Abandon() | Fired()
        ):  # fmt: skip
            return state, ()
        case _:
            assert_never(given)


def _is_final(given: Respond) -> bool:
    # "A transaction-stateful SIP element MUST NOT send a response with Status-Code of 408 to a
    # non-INVITE request" (RFC 4320 4.2): it would come too late to mean anything.
    return given.status >= 200 and given.status != 408


def _finish(facts: ServerFacts, final: bytes, running: tuple[Stop, ...]) -> Step:
    # "When the server transaction enters the 'Completed' state, it MUST set Timer J to fire in
    # 64*T1 seconds for unreliable transports, and zero seconds for reliable transports" (17.2.2):
    # there it ends at once.
    if facts.reliable:
        return TERMINATED, (Transmit(final), *running, ENDED)
    return Completed(final), (Transmit(final), *running, Start("J", facts.timing.timeout))


def _completed(state: Completed, given: ServerInput) -> Step:
    match given:
        # "While in the 'Completed' state, the server transaction MUST pass the final response to
        # the transport layer for retransmission whenever a retransmission of the request is
        # received" (17.2.2).
        case Retransmitted():
            return state, (Transmit(state.final),)
        # "The server transaction remains in this state until Timer J fires, at which point it MUST
        # transition to the 'Terminated' state" (17.2.2).
        case Fired(timer="J"):
            return TERMINATED, (ENDED,)
        case TransportFailed():
            return state, (Broke(given.reason),)
        # "Any other final responses passed by the TU to the server transaction MUST be discarded
        # while in the 'Completed' state" (17.2.2).
        case Respond() | Acknowledged() | Abandon() | Fired():
            return state, ()
        case _:
            assert_never(given)
