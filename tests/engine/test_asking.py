"""Policies that ask the embedding program: the request waits, the rest of the world does not."""

import pickle
from typing import cast

import pytest

import sansip
from stage import CALLER, GW_1, GW_2, Decide, Stage, Whatever, make_request, on_stage

FIRST = f"sip:bob@{GW_1}"
SECOND = f"sip:bob@{GW_2}"


class Inquisitive(sansip.Policy):
    """It asks where users are, and does what these decisions say, one after the other."""

    def __init__(self, *decisions: Whatever, within: Whatever = 3.0, then: str = "found") -> None:
        self.decisions = list(decisions)
        self.within = within
        self.then = then
        self.heard: list[tuple[sansip.Request, sansip.Scene, object]] = []

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Ask({"user": request.uri.user}, self.then, self.within)

    def found(
        self, request: sansip.Request, scene: sansip.Scene, answer: object
    ) -> sansip.Decision:
        self.heard.append((request, scene, answer))
        decision = self.decisions.pop(0)
        if isinstance(decision, Exception):
            raise decision
        return cast("sansip.Decision", decision)  # some tests decide nonsense


def asked(*decisions: Whatever, method: str = "INVITE", **options: Whatever) -> Stage:
    """A stage on which a request waits for its answer."""
    stage = on_stage(Inquisitive(*decisions, **options))
    stage.receive(make_request(method))
    return stage


def answer(stage: Stage, said: object = None, nth: int = -1) -> tuple[sansip.Action, ...]:
    return stage.step(sansip.Consulted(stage.now, stage.consults[nth].question, said))


def comes_to_rest(stage: Stage) -> bool:
    stage.advance(3600.0)
    return stage.is_empty()


def heard(stage: Stage) -> list[tuple[sansip.Request, sansip.Scene, object]]:
    policy = stage.engine.policy
    assert isinstance(policy, Inquisitive)
    return policy.heard


def test_the_program_is_asked_and_the_caller_hears_100() -> None:
    stage = asked()
    (consult,) = stage.consults
    assert (consult.data, consult.within) == ({"user": "bob"}, 3.0)
    assert stage.statuses() == [100]
    assert stage.state.in_flight == 1


def test_the_answer_decides_and_the_call_goes_on_as_any_other() -> None:
    stage = asked(sansip.Relay(FIRST))
    stage.advance(1.0)
    answer(stage, ["10.0.0.1"])
    ((request, scene, said),) = heard(stage)
    assert (request.uri_text, scene.at, scene.source) == ("sip:bob@gw.example.com", 1001.0, CALLER)
    assert said == ["10.0.0.1"]
    stage.respond(200, GW_1)
    assert stage.statuses() == [100, 200]
    stage.receive(make_request("ACK", branch="z9hG4bKack", to_tag="gw"))
    assert comes_to_rest(stage)


@pytest.mark.rule("3261-16.2-01", "3261-17.2.1-03")
def test_copies_are_absorbed_while_the_program_thinks() -> None:
    stage = asked(sansip.Reply(404))
    stage.receive(make_request())
    assert len(stage.consults) == 1
    assert stage.statuses() == [100, 100]


def test_a_reply_goes_through_the_server_transaction() -> None:
    stage = asked(sansip.Reply(403, "No", (("Warning", '399 h "x"'),)))
    answer(stage)
    (_, refusal) = stage.responses()
    assert (refusal.status, refusal.reason, refusal.get("warning")) == (403, "No", '399 h "x"')
    stage.advance(0.5)
    assert stage.statuses() == [100, 403, 403]  # Timer G
    stage.receive(make_request("ACK", to_tag=refusal.to_tag or ""))
    assert comes_to_rest(stage)


def test_a_dropped_request_is_forgotten_and_asked_about_again() -> None:
    stage = asked(sansip.Drop(), sansip.Drop())
    answer(stage)
    assert stage.is_empty()
    stage.receive(make_request())
    assert len(stage.consults) == 2
    answer(stage)
    assert comes_to_rest(stage)


def test_it_may_ask_again_but_not_for_ever() -> None:
    question = sansip.Ask("more", "found", 1.0)
    stage = asked(*[question] * 10)
    for _ in range(8):
        answer(stage)
    assert stage.statuses() == [100, 500]
    assert "found has asked 8 times" in stage.reports[-1].text
    assert len(stage.consults) == 8
    stage.receive(make_request("ACK", to_tag=stage.responses()[-1].to_tag or ""))
    assert comes_to_rest(stage)


def test_no_answer_in_time_is_none_and_a_late_one_is_nothing() -> None:
    stage = asked(sansip.Reply(480))
    stage.advance(2.999)
    assert stage.statuses() == [100]
    stage.advance(0.001)
    assert heard(stage)[0][2] is None
    assert stage.statuses() == [100, 480]
    assert "not answered in time" in stage.reports[0].text
    before = stage.state
    assert answer(stage, "late") == ()
    assert stage.state == before
    assert comes_to_rest(stage)


def test_an_answer_to_an_earlier_question_is_nothing() -> None:
    stage = asked(sansip.Ask("more", "found", 1.0), sansip.Relay(FIRST))
    answer(stage, 1)
    answer(stage, 1, nth=0)
    assert len(heard(stage)) == 1
    answer(stage, 2)
    assert len(stage.at(GW_1, "INVITE")) == 1


@pytest.mark.parametrize("question", ["", "x", "1 nobody", "99999 s|z9hg4bkcaller|"])
def test_an_answer_to_nothing_is_nothing(question: str) -> None:
    stage = asked()
    assert stage.step(sansip.Consulted(stage.now, question, 1)) == ()


@pytest.mark.rule("3261-16.10-01", "3261-16.10-03", "3261-9.2-03")
def test_cancel_while_the_program_thinks_ends_the_call_at_once() -> None:
    stage = asked(sansip.Relay(FIRST))
    stage.receive(make_request("CANCEL"))
    assert stage.statuses(method="CANCEL") == [200]
    assert stage.statuses() == [100, 487]
    ok, refusal = stage.responses(method="CANCEL")[0], stage.responses()[1]
    assert ok.to_tag == refusal.to_tag
    assert answer(stage, "late") == ()
    assert not heard(stage)
    assert not stage.at(GW_1, "INVITE")
    stage.receive(make_request("ACK", to_tag=refusal.to_tag or ""))
    assert comes_to_rest(stage)


def test_a_timer_that_was_stopped_and_fires_all_the_same_is_nothing() -> None:
    stage = asked(sansip.Relay(FIRST))
    timer = next(a.timer for a in stage.actions[0] if isinstance(a, sansip.StartTimer))
    answer(stage)
    assert stage.step(sansip.TimerFired(stage.now, timer)) == ()


def test_the_deadline_counts_from_the_arrival() -> None:
    """Design rule: it bounds the hunt from arrival to the first 101-199."""
    stage = asked(sansip.Relay(FIRST, deadline=10.0), within=60.0)
    stage.advance(8.0)
    answer(stage)
    stage.advance(1.9)
    assert stage.statuses() == [100]
    stage.advance(0.1)
    assert stage.statuses() == [100, 408]


def test_a_non_invite_whose_caller_has_given_up_goes_nowhere() -> None:
    stage = asked(sansip.Relay(FIRST), method="MESSAGE", within=60.0)
    stage.advance(40.0)  # Timer J has ended its transaction
    answer(stage)
    assert not heard(stage)
    assert not stage.at(GW_1, "MESSAGE")
    assert stage.is_empty()


@pytest.mark.rule("4320-4.1-04")
def test_a_non_invite_gets_its_100_while_the_program_thinks() -> None:
    stage = asked(sansip.Relay(FIRST), method="MESSAGE", within=20.0)
    stage.advance(3.5)
    assert stage.statuses(method="MESSAGE") == [100]
    answer(stage)
    stage.respond(200, GW_1, method="MESSAGE")
    assert stage.statuses(method="MESSAGE") == [100, 200]
    assert comes_to_rest(stage)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (Inquisitive(ValueError("no")), "raised ValueError: no"),
        (Inquisitive("nonsense"), "returned 'nonsense'"),
        (Inquisitive(sansip.Reply(200)), "300 to 699 to an INVITE"),
        (Inquisitive(sansip.Relay("no URI")), "no URI"),
        (Inquisitive(then="missing"), "missing"),
    ],
)
def test_a_policy_that_fails_after_its_answer_costs_its_request_a_500(
    policy: sansip.Policy, said: str
) -> None:
    stage = on_stage(policy)
    stage.receive(make_request())
    answer(stage)
    assert stage.statuses() == [100, 500]
    assert said in stage.reports[-1].text


@pytest.mark.parametrize("within", [-1.0, float("nan"), float("inf"), "soon", None])
def test_an_impossible_time_costs_its_request_a_500(within: Whatever) -> None:
    stage = asked(within=within)
    assert stage.statuses() == [500]
    assert not stage.consults


def test_an_ack_cannot_wait() -> None:
    stage = on_stage(Inquisitive())
    stage.receive(make_request("ACK", to_tag="gw"))
    assert not stage.consults
    assert "an ACK that is not relayed" in stage.reports[-1].text


def test_requests_that_wait_count_as_in_flight() -> None:
    stage = on_stage(Inquisitive(), limits=sansip.Limits(in_flight=1))
    stage.receive(make_request())
    stage.receive(make_request(branch="z9hG4bKother", call_id="other"))
    assert stage.statuses() == [100, 503]


def test_in_dialog_may_ask_too() -> None:
    class InDialog(Inquisitive):
        def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
            return sansip.Relay(FIRST)

        def in_dialog(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision | None:
            return sansip.Ask("who", "found")

    stage = on_stage(InDialog(sansip.Relay(SECOND)))
    stage.receive(make_request())
    (invite,) = stage.at(GW_1, "INVITE")
    stage.respond(200, GW_1)
    route = invite.values("record-route")[0]
    stage.receive(
        make_request("BYE", branch="z9hG4bKbye", to_tag="gw", headers=(("Route", route),), cseq=2)
    )
    answer(stage, "somebody")
    assert heard(stage)[0][1].in_dialog
    assert len(stage.at(GW_2, "BYE")) == 1


def test_the_question_and_what_waits_for_it_survive_a_pickle_of_the_state() -> None:
    stage = asked(sansip.Relay(FIRST))
    stage.state = pickle.loads(pickle.dumps(stage.state))  # noqa: S301 - our own bytes
    answer(stage)
    assert len(stage.at(GW_1, "INVITE")) == 1


def test_a_failure_route_cannot_ask() -> None:
    def failed(_failed: sansip.Failed) -> object:
        return sansip.Ask("more", "found")

    stage = on_stage(Decide(sansip.Relay(FIRST, on_failure="failed"), failed=failed))
    stage.receive(make_request())
    stage.respond(404, GW_1)
    assert stage.statuses() == [100, 500]


@pytest.mark.rule("3261-16.2-01", "3261-17.2.2-02", "SIO-05")
def test_a_copy_after_the_transaction_has_ended_asks_no_second_question() -> None:
    # "any further request retransmissions are discarded" (17.2.2): they stop after 64*T1, but
    # whoever wants can send one more while a patient question still waits.
    stage = asked(sansip.Relay(FIRST), method="MESSAGE", within=100.0)
    stage.advance(33.0)
    stage.receive(make_request("MESSAGE"))
    assert len(stage.consults) == 1
    assert stage.state.in_flight == 1
    answer(stage)
    assert not stage.at(GW_1, "MESSAGE")
    assert comes_to_rest(stage)
