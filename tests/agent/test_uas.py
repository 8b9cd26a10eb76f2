"""The core of a user agent server (RFC 3261 9.2, 13.3.1.4; RFC 6026 8.1), state by state."""

import pytest

from sansip.agent import uas
from sansip.agent.uas import (
    Acknowledged,
    Answer,
    Cancelled,
    Ended,
    Facts,
    Gone,
    Late,
    Over,
    Pending,
    Refuse,
    Respond,
    Settled,
    Tell,
    Unacknowledged,
    Wake,
    Woken,
)
from sansip.timing import Timing

T1, T2, LONG = 0.5, 4.0, 32.0
NOW, PATIENCE = 100.0, 185.0
CALL = Facts(invite=True, timing=Timing(T1, T2, 5.0), patience=PATIENCE)
OTHER = Facts(invite=False, timing=Timing(T1, T2, 5.0), patience=PATIENCE)

RING, OK, BUSY = Respond(180, b"180"), Respond(200, b"200"), Respond(486, b"486")
PENDING, SETTLED = Pending(), Settled()
WAITING = Unacknowledged(200, b"200", T1, NOW + 10.0)
LAST = Unacknowledged(200, b"200", T2, NOW)
END = Tell("end")

# What a reviewer can hold beside the RFC: facts, state, input -> next state, outputs.
TABLE: list[tuple[Facts, uas.State, uas.Given, uas.State | Gone, tuple[uas.Output, ...]]] = [
    (CALL, PENDING, RING, PENDING, (Answer(180, b"180"), Wake(NOW + PATIENCE))),
    (CALL, PENDING, BUSY, SETTLED, (Answer(486, b"486"), Wake(None), END)),
    (
        CALL, PENDING, OK,
        Unacknowledged(200, b"200", T1, NOW + LONG), (Answer(200, b"200"), Wake(NOW + T1)),
    ),
    (CALL, PENDING, Cancelled(), SETTLED, (Refuse(487), Wake(None), Tell("cancel"), END)),
    (CALL, PENDING, Woken(), SETTLED, (Refuse(480), Tell("timeout"), END)),
    (CALL, PENDING, Over(), Gone(), (END, Ended())),
    (CALL, PENDING, Acknowledged(), PENDING, ()),
    (OTHER, PENDING, Respond(100, b"100"), PENDING, (Answer(100, b"100"),)),
    (OTHER, PENDING, OK, SETTLED, (Answer(200, b"200"), END)),
    (OTHER, PENDING, BUSY, SETTLED, (Answer(486, b"486"), END)),
    (OTHER, PENDING, Cancelled(), PENDING, ()),
    (OTHER, PENDING, Over(), Gone(), (END, Ended())),
    (CALL, WAITING, Acknowledged(), SETTLED, (Wake(None), Tell("ack"), END)),
    (
        CALL, WAITING, Woken(),
        Unacknowledged(200, b"200", 2 * T1, NOW + 10.0), (Answer(200, b"200"), Wake(NOW + 1.0)),
    ),
    (CALL, WAITING, RING, WAITING, (Late(180),)),
    (CALL, WAITING, OK, WAITING, (Late(200),)),
    (CALL, WAITING, BUSY, WAITING, (Late(486),)),
    (CALL, WAITING, Cancelled(), WAITING, ()),
    (CALL, WAITING, Over(), Gone(), (Wake(None), Tell("timeout"), END, Ended())),
    (CALL, LAST, Woken(), SETTLED, (Tell("timeout"), END)),
    (CALL, SETTLED, OK, SETTLED, (Late(200),)),
    (CALL, SETTLED, BUSY, SETTLED, (Late(486),)),
    (CALL, SETTLED, Acknowledged(), SETTLED, ()),
    (CALL, SETTLED, Cancelled(), SETTLED, ()),
    (CALL, SETTLED, Woken(), SETTLED, ()),
    (CALL, SETTLED, Over(), Gone(), (Ended(),)),
]  # fmt: skip


def test_an_invite_is_delivered_and_has_a_deadline_at_once() -> None:
    assert uas.start(CALL, NOW) == (PENDING, (Tell("request"), Wake(NOW + PATIENCE)))
    assert uas.start(OTHER, NOW) == (PENDING, (Tell("request"),))


@pytest.mark.rule("3261-9.2-04", "6026-8.1-01", "6026-7.1-08", "3261-17.2.2-07", "SIO-03", "SIO-05")
@pytest.mark.parametrize(("facts", "state", "given", "then", "outputs"), TABLE)
def test_every_state_takes_every_input(
    facts: Facts,
    state: uas.State,
    given: uas.Given,
    then: uas.State | Gone,
    outputs: tuple[uas.Output, ...],
) -> None:
    assert uas.step(facts, state, given, NOW) == (then, outputs)


@pytest.mark.rule("6026-8.1-01")
def test_a_2xx_is_repeated_from_t1_doubling_to_t2_for_64_t1() -> None:
    state: uas.State | Gone
    first: uas.Output
    state, (_, wake) = uas.step(CALL, PENDING, OK, NOW)
    sent = [NOW]
    first, at = END, NOW
    while isinstance(state, Unacknowledged):
        assert isinstance(wake, Wake)
        assert wake.at is not None
        at = wake.at
        state, (first, wake) = uas.step(CALL, state, Woken(), at)
        sent += [at] if isinstance(first, Answer) else []
    assert [at - NOW for at in sent] == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert (first, wake, at - NOW) == (Tell("timeout"), END, LONG)


@pytest.mark.rule("SIO-08")
def test_a_timer_that_fires_late_sends_once() -> None:
    state, outputs = uas.step(CALL, WAITING, Woken(), NOW + 9.5)
    assert outputs == (Answer(200, b"200"), Wake(NOW + 10.0))
    assert uas.step(CALL, WAITING, Woken(), NOW + 1000.0) == (SETTLED, (Tell("timeout"), END))
    assert isinstance(state, Unacknowledged)
