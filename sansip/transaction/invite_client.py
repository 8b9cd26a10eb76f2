"""The INVITE client transaction: RFC 3261 17.1.1, figure 5 as RFC 6026 7.2 redrew it.

    Calling ---1xx---> Proceeding ---2xx---> Accepted ---M---> Terminated
       |                   |---300-699---> Completed ---D---> Terminated
       |---2xx---> Accepted
       |---300-699---> Completed
       |---B, transport error---> Terminated

It makes the ACK for 300-699 itself, in a proxy too; the ACK for a 2xx is never its business. It
knows nothing of CANCEL, failover or Timer C: they belong to its user.
"""

from typing import assert_never, cast

from sansip.message import ANY_SIZE, Request, Response, build, parse
from sansip.transaction.vocabulary import (
    ENDED,
    TERMINATED,
    Abandon,
    Broke,
    ClientFacts,
    ClientInput,
    ClientOutput,
    Fired,
    Pass,
    Responded,
    Start,
    Stop,
    Terminated,
    TimedOut,
    Transmit,
    TransportFailed,
)
from sansip.value import value


@value
class Calling:
    """The INVITE is on its way and nothing has come back."""

    interval: float  # what Timer A was last set to; means nothing on a reliable transport


@value
class Proceeding:
    """A provisional response came. No timer runs: people may take their time (17.1.1.2)."""


@value
class Completed:
    """A final response of 300-699 came; its retransmissions get the ACK again."""

    ack: bytes


@value
class Accepted:
    """A 2xx came; more of them may follow, from other phones too (RFC 6026 7.2)."""


State = Calling | Proceeding | Completed | Accepted
Step = tuple[State | Terminated, tuple[ClientOutput, ...]]

PROCEEDING = Proceeding()
ACCEPTED = Accepted()
STOP_A = Stop("A")
STOP_B = Stop("B")
STOP_D = Stop("D")
TIMED_OUT = TimedOut()


def start(facts: ClientFacts) -> tuple[Calling, tuple[ClientOutput, ...]]:
    """Send the INVITE."""
    timing = facts.timing
    # "If an unreliable transport is being used, the client transaction MUST start timer A with a
    # value of T1"; reliable ones SHOULD NOT; "For any transport, the client transaction MUST start
    # timer B with a value of 64*T1 seconds" (17.1.1.2).
    if facts.reliable:
        return Calling(timing.t1), (Transmit(facts.data), Start("B", timing.timeout))
    return Calling(timing.t1), (
        Transmit(facts.data),
        Start("A", timing.t1),
        Start("B", timing.timeout),
    )


def step(facts: ClientFacts, state: State, given: ClientInput) -> Step:
    """Take one input."""
    match state:
        case Calling():
            return _calling(facts, state, given)
        case Proceeding():
            return _proceeding(facts, state, given)
        case Accepted():
            return _accepted(state, given)
        case Completed():
            return _completed(state, given)
        case _:
            assert_never(state)


def _calling(facts: ClientFacts, state: Calling, given: ClientInput) -> Step:
    running = (STOP_B,) if facts.reliable else (STOP_A, STOP_B)
    match given:
        case Responded():
            status = given.response.status
            # "If the client transaction receives a provisional response while in the 'Calling'
            # state, it transitions to the 'Proceeding' state", retransmits no more, and passes the
            # response on (17.1.1.2).
            if status < 200:
                return PROCEEDING, (*running, Pass(given.response))
            return _finished(facts, given.response, running)
        # "When timer A fires, the client transaction MUST retransmit the request ... and MUST
        # reset the timer with a value of 2*T1", then 4*T1 and so on: no T2 here (17.1.1.2).
        case Fired(timer="A") if not facts.reliable:
            interval = 2 * state.interval
            return Calling(interval), (Transmit(facts.data), Start("A", interval))
        # "If the client transaction is still in the 'Calling' state when timer B fires, the client
        # transaction SHOULD inform the TU that a timeout has occurred"; no ACK (17.1.1.2).
        case Fired(timer="B"):
            return TERMINATED, (*running[:-1], TIMED_OUT, ENDED)
        # "The client transaction SHOULD inform the TU that a transport failure has occurred, and
        # the client transaction SHOULD transition directly to the 'Terminated' state. The TU will
        # handle the failover mechanisms" (17.1.4).
        case TransportFailed():
            return TERMINATED, (*running, Broke(given.reason), ENDED)
        case Abandon():
            return TERMINATED, (*running, ENDED)
        # Timers of other states: late.
        case Fired():
            return state, ()
        case _:
            assert_never(given)


def _proceeding(facts: ClientFacts, state: Proceeding, given: ClientInput) -> Step:
    match given:
        case Responded():
            # "Any further provisional responses MUST be passed up to the TU while in the
            # 'Proceeding' state" (17.1.1.2).
            if given.response.status < 200:
                return state, (Pass(given.response),)
            return _finished(facts, given.response, ())
        case Abandon():
            return TERMINATED, (ENDED,)
        # Nothing is sent in this state, so a failure of the transport proves nothing: the response
        # may come over another connection (RFC 6026 figure 5, 18.2.2; AMB-11, AMB-29). No timer of
        # this machine runs.
        case TransportFailed() | Fired():
            return state, ()
        case _:
            assert_never(given)


def _finished(facts: ClientFacts, response: Response, running: tuple[Stop, ...]) -> Step:
    # "If a 2xx response is received while the client INVITE state machine is in the 'Calling' or
    # 'Proceeding' states, it MUST transition to the 'Accepted' state, pass the 2xx response to the
    # TU, and set Timer M to 64*T1", and no ACK from here (RFC 6026 7.2).
    if response.status < 300:
        return ACCEPTED, (*running, Start("M", facts.timing.timeout), Pass(response))
    # "reception of a response with status code from 300-699 MUST cause the client transaction to
    # transition to 'Completed'. The client transaction MUST pass the received response up to the
    # TU, and the client transaction MUST generate an ACK request, even if the transport is
    # reliable" (17.1.1.2).
    ack = build.ack(cast("Request", parse(facts.data, limits=ANY_SIZE)), response).render()
    # Timer D starts "with a value of at least 32 seconds for unreliable transports, and a value of
    # zero seconds for reliable transports" (17.1.1.2): there it all ends at once.
    if facts.reliable:
        return TERMINATED, (Transmit(ack), *running, Pass(response), ENDED)
    waiting = Start("D", facts.timing.timer_d)
    return Completed(ack), (Transmit(ack), *running, waiting, Pass(response))


def _accepted(state: Accepted, given: ClientInput) -> Step:
    match given:
        # "A 2xx response received while in the 'Accepted' state MUST be passed to the TU and the
        # machine remains in the 'Accepted' state" (RFC 6026 7.2): retransmissions and other phones'
        # alike, and Timer M is left alone (AMB-15). Any other response is dropped, without an ACK
        # (RFC 6026 figure 5).
        case Responded():
            if 200 <= given.response.status < 300:
                return state, (Pass(given.response),)
            return state, ()
        # "When Timer M fires and the state machine is in the 'Accepted' state, the machine MUST
        # transition to the 'Terminated' state" (RFC 6026 7.2).
        case Fired(timer="M"):
            return TERMINATED, (ENDED,)
        # Nothing is sent in this state, so nothing of it can fail (AMB-29); and it has to stay for
        # the 2xx still to come (RFC 6026 6), whoever lost interest.
        case TransportFailed() | Abandon() | Fired():
            return state, ()
        case _:
            assert_never(given)


def _completed(state: Completed, given: ClientInput) -> Step:
    match given:
        # "Any retransmissions of the final response that are received while in the 'Completed'
        # state MUST cause the ACK to be re-passed to the transport layer for retransmission, but
        # the newly received response MUST NOT be passed up to the TU" (17.1.1.2). A late
        # provisional says nothing any more. A 2xx (something downstream forks) is no
        # retransmission, and this ACK would be a lie to it: it is dropped (AMB-06).
        case Responded():
            if given.response.status >= 300:
                return state, (Transmit(state.ack),)
            return state, ()
        # "If timer D fires while the client transaction is in the 'Completed' state, the client
        # transaction MUST move to the terminated state" (17.1.1.2).
        case Fired(timer="D"):
            return TERMINATED, (ENDED,)
        # The ACK could not be sent: the TU is informed, and the transaction ends (17.1.4, RFC 6026
        # 8.4 and figure 5).
        case TransportFailed():
            return TERMINATED, (STOP_D, Broke(given.reason), ENDED)
        # It stays to acknowledge retransmissions, whoever lost interest.
        case Abandon() | Fired():
            return state, ()
        case _:
            assert_never(given)
