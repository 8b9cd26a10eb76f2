"""The INVITE client transaction held against RFC 3261 figure 5 as RFC 6026 redrew it."""

from collections.abc import Callable
from functools import partial
from typing import Final

import pytest

from sansip.message import Request, Response, parse, reply
from sansip.timing import Timing
from sansip.transaction import (
    Abandon,
    ClientFacts,
    ClientInput,
    Fired,
    Pass,
    Responded,
    Start,
    Stop,
    Transmit,
    TransportFailed,
)
from sansip.transaction.invite_client import Accepted, Calling, Completed, Proceeding, start, step

Holds = Callable[..., None]

INVITE = (
    b"INVITE sip:bob@192.0.2.4 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKown\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKcaller;received=192.0.2.1\r\n"
    b"Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>\r\n"
    b"Max-Forwards: 69\r\n"
    b"From: Alice <sip:alice@example.com>;tag=9fxced\r\n"
    b"To: Bob <sip:bob@example.com>\r\n"
    b"Call-ID: 3848276298220188511@example.com\r\n"
    b"CSeq: 42 INVITE\r\n"
    b'Proxy-Authorization: Digest username="alice", realm="example.com"\r\n'
    b"Proxy-Require: foo\r\n"
    b"Require: 100rel\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"v=0\n"
)
UDP = ClientFacts(INVITE, reliable=False, timing=Timing())
TCP = ClientFacts(INVITE, reliable=True, timing=Timing())


def response(status: int, to_tag: str = "314159") -> Response:
    invite = parse(INVITE)
    assert isinstance(invite, Request)
    return reply(invite, status, to_tag=to_tag)


ACK = b"ACK as it was made"
STATES = {
    "Calling": Calling(0.5),
    "Proceeding": Proceeding(),
    "Completed": Completed(ACK),
    "Accepted": Accepted(),
}
STATUSES = (100, 101, 180, 199, 200, 202, 299, 300, 408, 486, 503, 600, 699)
TIMERS: Final = ("A", "B", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "100")
INPUTS: dict[str, ClientInput] = {
    **{str(status): Responded(response(status)) for status in STATUSES},
    **{f"timer-{timer}": Fired(timer) for timer in TIMERS},
    "failure": TransportFailed("refused"),
    "abandon": Abandon(),
}

FIGURE_5_UNRELIABLE = """
Calling    | 100 101 180 199         | Proceeding | stop A, stop B, pass *
Calling    | 200 202 299             | Accepted   | stop A, stop B, start M 32, pass *
Calling    | 300 408 486 503 600 699 | Completed  | send ACK, stop A, stop B, start D 32, pass *
Calling    | timer-A                 | Calling    | send INVITE, start A 1
Calling    | timer-B                 | Terminated | stop A, timed out, ended
Calling    | failure                 | Terminated | stop A, stop B, broke: refused, ended
Calling    | abandon                 | Terminated | stop A, stop B, ended
Proceeding | 100 101 180 199         | Proceeding | pass *
Proceeding | 200 202 299             | Accepted   | start M 32, pass *
Proceeding | 300 408 486 503 600 699 | Completed  | send ACK, start D 32, pass *
Proceeding | failure                 | Proceeding | -
Proceeding | abandon                 | Terminated | ended
Completed  | 100 101 180 199         | Completed  | -
Completed  | 200 202 299             | Completed  | -
Completed  | 300 408 486 503 600 699 | Completed  | send ACK
Completed  | timer-D                 | Terminated | ended
Completed  | failure                 | Terminated | stop D, broke: refused, ended
Accepted   | 100 101 180 199         | Accepted   | -
Accepted   | 200 202 299             | Accepted   | pass *
Accepted   | 300 408 486 503 600 699 | Accepted   | -
Accepted   | timer-M                 | Terminated | ended
Accepted   | failure                 | Accepted   | -
"""
# Timer A never runs, and Timer D is 0: there is no Completed.
FIGURE_5_RELIABLE = """
Calling    | 100 101 180 199         | Proceeding | stop B, pass *
Calling    | 200 202 299             | Accepted   | stop B, start M 32, pass *
Calling    | 300 408 486 503 600 699 | Terminated | send ACK, stop B, pass *, ended
Calling    | timer-A                 | Calling    | -
Calling    | timer-B                 | Terminated | timed out, ended
Calling    | failure                 | Terminated | stop B, broke: refused, ended
Calling    | abandon                 | Terminated | stop B, ended
Proceeding | 100 101 180 199         | Proceeding | pass *
Proceeding | 200 202 299             | Accepted   | start M 32, pass *
Proceeding | 300 408 486 503 600 699 | Terminated | send ACK, pass *, ended
Proceeding | failure                 | Proceeding | -
Proceeding | abandon                 | Terminated | ended
Accepted   | 200 202 299             | Accepted   | pass *
Accepted   | timer-M                 | Terminated | ended
"""


@pytest.mark.rule(
    *(f"3261-17.1.1.2-0{n}" for n in range(2, 10)),
    *(f"6026-7.2-0{n}" for n in range(1, 6)),
    *("6026-6-01", "6026-8.4-01", "3261-17.1.4-01", "3261-17-T15"),
    *("AMB-01", "AMB-06", "AMB-11", "AMB-15", "AMB-29"),
)
def test_over_an_unreliable_transport_every_state_takes_every_input_as_figure_5(
    holds: Holds,
) -> None:
    holds(FIGURE_5_UNRELIABLE, STATES, INPUTS, partial(step, UDP))


@pytest.mark.rule("3261-17-T14", "3261-17-T05", "3261-17-T02", "6026-17-T13")
def test_over_a_reliable_transport_too_with_no_timer_a_and_no_completed_state(holds: Holds) -> None:
    reachable = {name: state for name, state in STATES.items() if name != "Completed"}
    holds(FIGURE_5_RELIABLE, reachable, INPUTS, partial(step, TCP))


@pytest.mark.rule("3261-17.1.1.2-01", "3261-17-T02", "3261-17-T03", "SIO-03")
def test_the_invite_goes_out_before_the_timers_that_guard_it_start() -> None:
    assert start(UDP) == (Calling(0.5), (Transmit(INVITE), Start("A", 0.5), Start("B", 32.0)))
    assert start(TCP) == (Calling(0.5), (Transmit(INVITE), Start("B", 32.0)))


@pytest.mark.rule("3261-17.1.1.2-02", "3261-17-T02")
def test_timer_a_doubles_without_regard_to_t2() -> None:
    state, outputs = step(UDP, Calling(8.0), Fired("A"))
    assert (state, outputs) == (Calling(16.0), (Transmit(INVITE), Start("A", 16.0)))


@pytest.mark.rule("3261-17-T01", "3261-17-T05", "AMB-22")
@pytest.mark.parametrize(("t1", "timer_d"), [(0.1, 32.0), (0.5, 32.0), (1.0, 64.0)])
def test_timer_d_is_never_below_32_seconds_and_grows_with_t1(t1: float, timer_d: float) -> None:
    facts = ClientFacts(INVITE, reliable=False, timing=Timing(t1=t1))
    _, outputs = step(facts, Proceeding(), Responded(response(486)))
    assert [output for output in outputs if isinstance(output, Start)] == [Start("D", timer_d)]


@pytest.mark.rule("3261-17-T01")
def test_all_other_timers_scale_with_t1() -> None:
    facts = ClientFacts(INVITE, reliable=False, timing=Timing(t1=2.0))
    assert start(facts)[1][1:] == (Start("A", 2.0), Start("B", 128.0))
    _, outputs = step(facts, Proceeding(), Responded(response(200)))
    assert Start("M", 128.0) in outputs


@pytest.mark.rule("3261-17.1.1.3-01", "3261-17.1.1.3-02", "3261-17.1.1.3-03")
def test_the_ack_of_a_refusal_is_the_invite_s_with_the_to_of_the_response() -> None:
    state, outputs = step(UDP, Calling(0.5), Responded(response(486)))
    assert isinstance(state, Completed)
    assert outputs[0] == Transmit(state.ack)
    ack = parse(state.ack)
    assert isinstance(ack, Request)
    assert (ack.method, ack.uri_text, ack.body) == ("ACK", "sip:bob@192.0.2.4", b"")
    assert ack.rows("via") == ("SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKown",)
    assert ack.rows("route") == ("<sip:p1.example.com;lr>, <sip:p2.example.com;lr>",)
    assert ack.get("from") == "Alice <sip:alice@example.com>;tag=9fxced"
    assert ack.get("to") == "Bob <sip:bob@example.com>;tag=314159"
    assert ack.call_id == "3848276298220188511@example.com"
    assert ack.get("cseq") == "42 ACK"
    assert ack.max_forwards == 70
    assert ack.get("proxy-authorization") == 'Digest username="alice", realm="example.com"'
    assert ack.get("require") is ack.get("proxy-require") is None


@pytest.mark.rule("3261-17.1.1.2-07")
def test_the_same_ack_goes_out_for_every_refusal_even_from_another_phone() -> None:
    state, _ = step(UDP, Proceeding(), Responded(response(486)))
    assert isinstance(state, Completed)
    again = step(UDP, state, Responded(response(600, to_tag="other")))
    assert again == (state, (Transmit(state.ack),))


@pytest.mark.rule("3261-17.1.1.2-06")
def test_an_invite_larger_than_any_we_would_accept_is_acknowledged_all_the_same() -> None:
    vias = b"".join(b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK%d\r\n" % n for n in range(200))
    head, _, rest = INVITE.partition(b"Route:")
    huge = head + vias + b"Route:" + rest.replace(b"Content-Length: 4", b"Content-Length: 70000")
    facts = ClientFacts(huge + b"x" * 69_996, reliable=False, timing=Timing())
    state, _ = step(facts, Calling(0.5), Responded(response(486)))
    assert isinstance(state, Completed)


@pytest.mark.rule("6026-7.2-02", "6026-7.2-03")
def test_every_2xx_reaches_the_user_whoever_sent_it_and_timer_m_runs_on() -> None:
    state, outputs = step(UDP, Proceeding(), Responded(response(200)))
    assert outputs == (Start("M", 32.0), Pass(response(200)))
    for tag in ("314159", "other"):
        given = response(200, to_tag=tag)
        assert step(UDP, Accepted(), Responded(given)) == (state, (Pass(given),))


@pytest.mark.rule("3261-17.1.1.2-06", "6026-7.2-01")
def test_what_lingers_does_not_need_the_request() -> None:
    facts = ClientFacts(b"", reliable=False, timing=Timing())
    for given in INPUTS.values():
        assert step(facts, Accepted(), given) == step(UDP, Accepted(), given)
        assert step(facts, Completed(ACK), given) == step(UDP, Completed(ACK), given)


def test_a_response_stops_what_runs_and_nothing_else() -> None:
    for facts, expected in ((UDP, {Stop("A"), Stop("B")}), (TCP, {Stop("B")})):
        _, outputs = step(facts, Calling(0.5), Responded(response(180)))
        assert {output for output in outputs if isinstance(output, Stop)} == expected
