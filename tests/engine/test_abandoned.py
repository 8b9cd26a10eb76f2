"""A non-INVITE that gets no answer: its transaction absorbs what its sender still sends.

RFC 4320 4.2 forbids the 408, RFC 3261 17.2.2 gives a transaction without a final response no end.
"""

import pytest

import sansip
from sansip.message import reply
from stage import GW_1, GW_2, Decide, Stage, Whatever, make_request, on_stage

MESSAGE = make_request("MESSAGE")
GROUP = sansip.Dispatch("gateways")
# When Timer E of its sender repeats a request that nobody answers (17.1.2.2).
COPIES = (0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)


class Refusing(sansip.Policy):
    """A relay to the gateways, whose failure route says 408."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(GROUP, on_failure="failed")

    def failed(self, failed: sansip.Failed) -> sansip.FailureDecision:
        return sansip.Reply(408)


def send_with_copies(stage: Stage, until: float = 32.0) -> None:
    """A caller over UDP sends a MESSAGE, and sends it again until its Timer F fires."""
    began = stage.now
    stage.receive(MESSAGE)
    for at in COPIES:
        if at < until:
            stage.advance(began + at - stage.now)
            stage.receive(MESSAGE)
    stage.advance(began + until - stage.now)


@pytest.mark.rule("4320-4.2-01", "3261-17.2.2-02", "3261-17.2.2-07", "3261-16.2-01")
@pytest.mark.parametrize("deadline", [0.0, 1.0, 3.5, 5.0, 28.0, 32.0, 64.0, 1000.0])
def test_a_message_that_ended_in_silence_is_not_hunted_again(deadline: float) -> None:
    policy = Decide(sansip.Relay(GROUP, deadline=deadline))
    stage = on_stage(policy)
    send_with_copies(stage, 31.9)
    assert len(policy.seen) == 1
    assert len({r.via.branch for r in stage.at(GW_1, "MESSAGE")}) <= 1
    assert set(stage.statuses(method="MESSAGE")) <= {100}
    assert len(stage.state.server) == 1
    stage.advance(3600.0)
    assert stage.is_empty()
    assert set(stage.statuses(method="MESSAGE")) <= {100}


@pytest.mark.rule("3261-17.2.2-07")
@pytest.mark.parametrize("deadline", [1.0, 10.0])
def test_its_transaction_ends_64_t1_after_the_request_and_the_copies_prolong_nothing(
    deadline: float,
) -> None:
    stage = on_stage(Decide(sansip.Relay(GROUP, deadline=deadline)))
    send_with_copies(stage, 31.99)
    assert len(stage.state.server) == 1
    stage.advance(0.02)
    assert not len(stage.state.server)
    assert stage.is_empty()
    assert not len(stage.agenda)


@pytest.mark.rule("3261-17.2.2-07", "4320-4.1-02")
def test_its_lifetime_goes_on_when_its_100_has_gone_out() -> None:
    """A transaction has one timer for all its deadlines: that it has fired must lose none."""
    stage = on_stage(Decide(sansip.Relay(GROUP, deadline=10.0)))
    stage.receive(MESSAGE)
    stage.advance(4.0)
    assert stage.statuses(method="MESSAGE") == [100]
    (record,) = [record for _, record in stage.state.server.items()]
    assert (record.timer, record.due, record.later) == ("J", stage.now + 28.0, ())
    assert record.serial


@pytest.mark.rule("4320-4.2-02", "6026-8.3-01")
@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("after", [10.5, 40.0])
def test_an_answer_that_comes_after_the_silence_goes_nowhere(after: float, status: int) -> None:
    stage = on_stage(Decide(sansip.Relay(GROUP, deadline=10.0)))
    stage.receive(MESSAGE)
    stage.advance(after)
    stage.receive(reply(stage.at(GW_1, "MESSAGE")[0], status, to_tag="late"), GW_1)
    assert stage.statuses(method="MESSAGE") == [100]


@pytest.mark.rule("3261-17.2.2-07", "4320-4.2-02")
def test_with_a_deadline_past_its_lifetime_the_transaction_ends_all_the_same() -> None:
    """Nobody waits for the answer any more: it is not forwarded."""
    stage = on_stage(Decide(sansip.Relay(f"sip:{GW_1}", deadline=1000.0)))
    send_with_copies(stage, 31.9)
    late = stage.at(GW_1, "MESSAGE")[0]
    stage.advance(0.05)
    stage.receive(reply(late, 200, to_tag="late"), GW_1)
    assert stage.statuses(method="MESSAGE")[-1] == 100
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("4320-4.2-01", "SIO-04")
@pytest.mark.parametrize("method", ["MESSAGE", "OPTIONS", "FNORD"])
def test_a_policy_that_says_408_to_a_non_invite_says_nothing(method: str) -> None:
    stage = on_stage(Decide(sansip.Reply(408)))
    for _ in range(3):
        stage.receive(make_request(method))
        assert stage.reports[-1].text == "no 408 to a non-INVITE (RFC 4320 4.2)"
        assert stage.is_empty()
    assert not stage.sends
    assert not len(stage.agenda)


@pytest.mark.rule("4320-4.2-01", "SIO-04", "3261-17.2.2-02")
@pytest.mark.parametrize("after", [0.0, 5.0])
def test_nor_does_a_failure_route(after: float) -> None:
    stage = on_stage(Refusing())
    stage.receive(MESSAGE)
    stage.advance(after)
    stage.respond(404, GW_1, method="MESSAGE")
    said = [100] if after else []
    assert stage.statuses(method="MESSAGE") == said
    stage.receive(MESSAGE)
    assert stage.statuses(method="MESSAGE") == said
    assert len({sent.via.branch for sent in stage.at(GW_1, "MESSAGE")}) == 1
    assert not stage.at(GW_2, "MESSAGE")
    stage.advance(31.0 - after)
    assert len(stage.state.server) == 1
    stage.advance(1.1)
    assert stage.is_empty()


def test_an_invite_may_get_a_408_from_both() -> None:
    for policy in (Decide(sansip.Reply(408)), Refusing()):
        stage = on_stage(policy)
        stage.receive(make_request())
        if isinstance(policy, Refusing):
            stage.respond(404, GW_1)
        assert stage.statuses()[-1] == 408


@pytest.mark.rule("3261-17.2.2-07", "3261-17-T11")
@pytest.mark.parametrize("answered_at", [1.0, 20.0])
def test_a_final_response_starts_the_lifetime_anew(answered_at: float) -> None:
    options: dict[str, Whatever] = {"advance_after": None}
    stage = on_stage(Decide(sansip.Relay(f"sip:{GW_1}", **options)))
    stage.receive(MESSAGE)
    stage.advance(answered_at)
    stage.respond(200, GW_1, method="MESSAGE")
    stage.advance(31.9)
    stage.receive(MESSAGE)
    assert stage.statuses(method="MESSAGE")[-2:] == [200, 200]
    assert len(stage.state.server) == 1
    stage.advance(0.2)
    assert not len(stage.state.server)
