"""The INVITE server transaction: RFC 3261 17.2.1, figure 7 as RFC 6026 7.1 redrew it.

    Proceeding ---2xx---> Accepted ---L---> Terminated
        |---300-699---> Completed ---ACK---> Confirmed ---I---> Terminated
                            |---H---> Terminated

It retransmits responses of 300-699 until they are acknowledged, and never a 2xx: that is for
whoever made it, at the far end. A response that cannot be sent changes no state, or else the next
retransmission of the INVITE would be taken for a new one (RFC 6026 7.1).
"""

from typing import assert_never

from sansip.transaction.vocabulary import (
    ENDED,
    TERMINATED,
    Abandon,
    Acknowledged,
    Broke,
    Fired,
    PassAck,
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
    Unacknowledged,
)
from sansip.value import value


@value
class Proceeding:
    """No final response yet."""

    latest: bytes  # the provisional response sent last, our own 100 included (AMB-14), or b""


@value
class Accepted:
    """A 2xx was sent; the INVITE's retransmissions are absorbed (RFC 6026 7.1)."""


@value
class Completed:
    """A final response of 300-699 was sent and waits for its ACK."""

    final: bytes
    interval: float  # what Timer G was last set to; means nothing on a reliable transport


@value
class Confirmed:
    """The ACK came; its retransmissions are absorbed."""


State = Proceeding | Accepted | Completed | Confirmed
Step = tuple[State | Terminated, tuple[ServerOutput, ...]]

ACCEPTED = Accepted()
CONFIRMED = Confirmed()
STOP_G = Stop("G")
STOP_H = Stop("H")
PASS_ACK = PassAck()
UNACKNOWLEDGED = Unacknowledged()


def start(facts: ServerFacts) -> tuple[Proceeding, tuple[ServerOutput, ...]]:
    """Quench the retransmissions of an INVITE that has just come."""
    # "The server transaction MUST generate a 100 (Trying) response unless it knows that the TU
    # will generate a provisional or final response within 200 ms" (17.2.1). A proxy never knows:
    # at once (AMB-13).
    if facts.trying:
        return Proceeding(facts.trying), (Transmit(facts.trying),)
    return Proceeding(b""), ()


def step(facts: ServerFacts, state: State, given: ServerInput) -> Step:
    """Take one input."""
    match state:
        case Proceeding():
            return _proceeding(facts, state, given)
        case Accepted():
            return _accepted(state, given)
        case Completed():
            return _completed(facts, state, given)
        case Confirmed():
            return _confirmed(state, given)
        case _:
            assert_never(state)


def _proceeding(facts: ServerFacts, state: Proceeding, given: ServerInput) -> Step:
    match given:
        case Respond():
            return _respond(facts, given)
        # "If a request retransmission is received while in the 'Proceeding' state, the most recent
        # provisional response that was received from the TU MUST be passed to the transport layer
        # for retransmission" (17.2.1): the one sent last, whoever made it (AMB-14).
        case Retransmitted():
            return state, (Transmit(state.latest),) if state.latest else ()
        # "the associated INVITE server transaction state machine MUST remain in its current state"
        # (RFC 6026 7.1).
        case TransportFailed():
            return state, (Broke(given.reason),)
        case Abandon():
            return TERMINATED, (ENDED,)
        # There is nothing to acknowledge yet (RFC 6026 figure 7); and no timer runs.
        case Acknowledged() | Fired():
            return state, ()
        case _:
            assert_never(given)


def _respond(facts: ServerFacts, given: Respond) -> Step:
    timing = facts.timing
    sending = Transmit(given.data)
    # "So long as the server transaction is in the 'Proceeding' state, each of these [provisional
    # responses] MUST be passed to the transport layer for transmission"; no timer retransmits them,
    # and they do not change the state (17.2.1).
    if given.status < 200:
        return Proceeding(given.data), (sending,)
    # "If the [...] TU (Transaction User) issues a 2xx response for this transaction while the state
    # machine is in the 'Proceeding' state, the state machine MUST transition to the 'Accepted'
    # state and set Timer L to 64*T1" (RFC 6026 7.1).
    if given.status < 300:
        return ACCEPTED, (sending, Start("L", timing.timeout))
    # "if the TU passes a response with status code from 300 to 699 to the server transaction, the
    # response MUST be passed to the transport layer for transmission, and the state machine MUST
    # enter the 'Completed' state. For unreliable transports, timer G is set to fire in T1 seconds
    # ... When the 'Completed' state is entered, timer H MUST be set to fire in 64*T1 seconds for
    # all transports" (17.2.1).
    giving_up = Start("H", timing.timeout)
    if facts.reliable:
        return Completed(given.data, timing.t1), (sending, giving_up)
    return Completed(given.data, timing.t1), (sending, Start("G", timing.t1), giving_up)


def _accepted(state: Accepted, given: ServerInput) -> Step:
    match given:
        # "Any ACKs received from the network while in the 'Accepted' state MUST be passed directly
        # to the TU and not absorbed" (RFC 6026 7.1): those of RFC 2543 clients come here.
        case Acknowledged():
            return state, (PASS_ACK,)
        # "Any retransmission of the 2xx response passed from the TU to the transaction while in
        # the 'Accepted' state MUST be passed to the transport layer" (RFC 6026 7.1), and so must
        # the 2xx of another phone (16.7). Timer L is left alone (AMB-15). Any other response is
        # the user's error, and is not sent.
        case Respond():
            return state, (Transmit(given.data),) if 200 <= given.status < 300 else ()
        # "When Timer L fires and the state machine is in the 'Accepted' state, the machine MUST
        # transition to the 'Terminated' state" (RFC 6026 7.1).
        case Fired(timer="L"):
            return TERMINATED, (ENDED,)
        case TransportFailed():
            return state, (Broke(given.reason),)
        # "any retransmissions of the INVITE received ... will be absorbed by the machine without
        # changing its state. ... The server transaction MUST NOT generate 2xx retransmissions on
        # its own" (RFC 6026 7.1).
        case Retransmitted() | Abandon() | Fired():
            return state, ()
        case _:
            assert_never(given)


def _completed(facts: ServerFacts, state: Completed, given: ServerInput) -> Step:
    match given:
        # "If an ACK is received while the server transaction is in the 'Completed' state, the
        # server transaction MUST transition to the 'Confirmed' state"; Timer I is "T4 seconds for
        # unreliable transports, and zero seconds for reliable transports" (17.2.1): there it ends
        # at once. The transaction user does not see this ACK.
        case Acknowledged():
            if facts.reliable:
                return TERMINATED, (STOP_H, ENDED)
            return CONFIRMED, (STOP_G, STOP_H, Start("I", facts.timing.t4))
        # "If timer G fires, the response is passed to the transport layer once more for
        # retransmission, and timer G is set to fire in MIN(2*T1, T2) seconds", doubling up to T2
        # (17.2.1).
        case Fired(timer="G") if not facts.reliable:
            interval = min(2 * state.interval, facts.timing.t2)
            return Completed(state.final, interval), (Transmit(state.final), Start("G", interval))
        # "while in the 'Completed' state, if a request retransmission is received, the server
        # SHOULD pass the response to the transport for retransmission" (17.2.1); Timer G goes on.
        case Retransmitted():
            return state, (Transmit(state.final),)
        # "If timer H fires while in the 'Completed' state, it implies that the ACK was never
        # received. In this case, the server transaction MUST transition to the 'Terminated' state,
        # and MUST indicate to the TU that a transaction failure has occurred" (17.2.1).
        case Fired(timer="H"):
            if facts.reliable:
                return TERMINATED, (UNACKNOWLEDGED, ENDED)
            return TERMINATED, (STOP_G, UNACKNOWLEDGED, ENDED)
        case Respond():
            return state, _late(given)
        case TransportFailed():
            return state, (Broke(given.reason),)
        case Abandon() | Fired():
            return state, ()
        case _:
            assert_never(given)


def _confirmed(state: Confirmed, given: ServerInput) -> Step:
    match given:
        # "Once timer I fires, the server MUST transition to the 'Terminated' state" (17.2.1).
        case Fired(timer="I"):
            return TERMINATED, (ENDED,)
        case Respond():
            return state, _late(given)
        case TransportFailed():
            return state, (Broke(given.reason),)
        # "The purpose of the 'Confirmed' state is to absorb any additional ACK messages that
        # arrive, triggered from retransmissions of the final response" (17.2.1).
        case Acknowledged() | Retransmitted() | Abandon() | Fired():
            return state, ()
        case _:
            assert_never(given)


def _late(given: Respond) -> tuple[ServerOutput, ...]:
    # A phone that answered while the INVITE was being refused: a 2xx is forwarded whatever was
    # sent before (16.7 step 5), once, and changes nothing here (AMB-08). A second refusal is the
    # user's error, and is not sent.
    return (Transmit(given.data),) if 200 <= given.status < 300 else ()
