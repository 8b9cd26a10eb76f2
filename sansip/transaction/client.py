"""The non-INVITE client transaction: RFC 3261 17.1.2 and figure 6.

    Trying ---1xx---> Proceeding ---200-699---> Completed ---K---> Terminated
       |                  |---F, transport error---> Terminated
       |---200-699---> Completed
       |---F, transport error---> Terminated

Unlike an INVITE it is retransmitted after a provisional response too, every T2. Timer F bounds
all of it and nothing restarts that timer.
"""

from typing import assert_never

from sansip.message import Response
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
class Trying:
    """The request is on its way and nothing has come back."""

    interval: float  # what Timer E was last set to; means nothing on a reliable transport


@value
class Proceeding:
    """A provisional response came."""


@value
class Completed:
    """The final response came; its retransmissions are absorbed."""


State = Trying | Proceeding | Completed
Step = tuple[State | Terminated, tuple[ClientOutput, ...]]

PROCEEDING = Proceeding()
COMPLETED = Completed()
STOP_E = Stop("E")
STOP_F = Stop("F")
TIMED_OUT = TimedOut()


def start(facts: ClientFacts) -> tuple[Trying, tuple[ClientOutput, ...]]:
    """Send the request."""
    timing = facts.timing
    # "When entering this state, the client transaction SHOULD set timer F to fire in 64*T1
    # seconds ... If an unreliable transport is in use, the client transaction MUST set timer E to
    # fire in T1 seconds" (17.1.2.2).
    if facts.reliable:
        return Trying(timing.t1), (Transmit(facts.data), Start("F", timing.timeout))
    return Trying(timing.t1), (
        Transmit(facts.data),
        Start("E", timing.t1),
        Start("F", timing.timeout),
    )


def step(facts: ClientFacts, state: State, given: ClientInput) -> Step:
    """Take one input."""
    match state:
        case Trying():
            return _trying(facts, state, given)
        case Completed():
            return _completed(state, given)
        case Proceeding():
            return _proceeding(facts, state, given)
        case _:
            assert_never(state)


def _trying(facts: ClientFacts, state: Trying, given: ClientInput) -> Step:
    match given:
        case Responded():
            # "If a provisional response is received while in the 'Trying' state, the response MUST
            # be passed to the TU, and then the client transaction SHOULD move to the 'Proceeding'
            # state"; both timers run on (17.1.2.2).
            if given.response.status < 200:
                return PROCEEDING, (Pass(given.response),)
            return _finished(facts, given.response)
        # "If timer E fires while still in this state, the timer is reset, but this time with a
        # value of MIN(2*T1, T2)", the request is retransmitted, and so on (17.1.2.2).
        case Fired(timer="E") if not facts.reliable:
            interval = min(2 * state.interval, facts.timing.t2)
            return Trying(interval), (Transmit(facts.data), Start("E", interval))
        # "If Timer F fires while the client transaction is still in the 'Trying' state, the client
        # transaction SHOULD inform the TU about the timeout, and then it SHOULD enter the
        # 'Terminated' state" (17.1.2.2).
        case Fired(timer="F"):
            return TERMINATED, (*_running(facts)[:-1], TIMED_OUT, ENDED)
        # "The client transaction SHOULD inform the TU that a transport failure has occurred, and
        # the client transaction SHOULD transition directly to the 'Terminated' state" (17.1.4).
        case TransportFailed():
            return TERMINATED, (*_running(facts), Broke(given.reason), ENDED)
        case Abandon():
            return TERMINATED, (*_running(facts), ENDED)
        # Timers of other states: late.
        case Fired():
            return state, ()
        case _:
            assert_never(given)


def _proceeding(facts: ClientFacts, state: Proceeding, given: ClientInput) -> Step:
    match given:
        case Responded():
            if given.response.status < 200:
                return state, (Pass(given.response),)
            return _finished(facts, given.response)
        # "If Timer E fires while in the 'Proceeding' state, the request MUST be passed to the
        # transport layer for retransmission, and Timer E MUST be reset with a value of T2 seconds"
        # (17.1.2.2).
        case Fired(timer="E") if not facts.reliable:
            return state, (Transmit(facts.data), Start("E", facts.timing.t2))
        # "If timer F fires while in the 'Proceeding' state, the TU MUST be informed of a timeout,
        # and the client transaction MUST transition to the terminated state" (17.1.2.2).
        case Fired(timer="F"):
            return TERMINATED, (*_running(facts)[:-1], TIMED_OUT, ENDED)
        # A retransmission could not be sent: as in Trying (17.1.4, figure 6). Over a reliable
        # transport nothing is sent in this state, the server has the request, and its response may
        # come over another connection (18.2.2): Timer F decides (AMB-11).
        case TransportFailed() if not facts.reliable:
            return TERMINATED, (STOP_E, STOP_F, Broke(given.reason), ENDED)
        case Abandon():
            return TERMINATED, (*_running(facts), ENDED)
        case TransportFailed() | Fired():
            return state, ()
        case _:
            assert_never(given)


def _running(facts: ClientFacts) -> tuple[Stop, ...]:
    return (STOP_F,) if facts.reliable else (STOP_E, STOP_F)


def _finished(facts: ClientFacts, response: Response) -> Step:
    # "If a final response (status codes 200-699) is received ..., the response MUST be passed to
    # the TU, and the client transaction MUST transition to the 'Completed' state", and Timer K is
    # "T4 seconds for unreliable transports, and zero seconds for reliable transports" (17.1.2.2):
    # there it ends at once.
    if facts.reliable:
        return TERMINATED, (STOP_F, Pass(response), ENDED)
    return COMPLETED, (STOP_E, STOP_F, Start("K", facts.timing.t4), Pass(response))


def _completed(state: Completed, given: ClientInput) -> Step:
    match given:
        # "If Timer K fires while in this state, the client transaction MUST transition to the
        # 'Terminated' state" (17.1.2.2).
        case Fired(timer="K"):
            return TERMINATED, (ENDED,)
        # The state "exists to buffer any additional response retransmissions that may be received"
        # (17.1.2.2), and sends nothing that could fail.
        case Responded() | TransportFailed() | Abandon() | Fired():
            return state, ()
        case _:
            assert_never(given)
