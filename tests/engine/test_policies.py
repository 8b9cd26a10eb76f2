"""Policies and failure routes: what they may do, and what becomes of nonsense."""

from collections.abc import Iterator
from typing import cast

import pytest

import sansip
from stage import CALLER, GW_1, GW_2, Decide, Stage, Whatever, make_request, on_stage

GROUP = sansip.Dispatch("gateways")
NONSENSICAL: dict[str, Whatever] = {
    "algorithm": "roulette",
    "nearly": "roundrobin",
    "rewrite": "all",
    "progress_after": "soon",
    "failover_on": 503,
    "late": "never",
    "reason": 404,
    "status": "404",
}
REFUSALS_ONLY = "only final responses, 300 to 699 to an INVITE; who takes calls decides Local()"
ROULETTE = sansip.Dispatch("gateways", algorithm=NONSENSICAL["algorithm"])
REWRITTEN = sansip.Dispatch("gateways", rewrite=NONSENSICAL["rewrite"])
BACKUP = sansip.Address("203.0.113.50", 5060)


class Scripted(sansip.Policy):
    """A relay whose failure route gives these decisions, one after the other."""

    def __init__(self, *decisions: Whatever, to: Whatever = GROUP, **options: Whatever) -> None:
        self.decisions = list(decisions)
        self.seen: list[sansip.Failed] = []
        self.to = to
        self.options = options

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(self.to, on_failure="failed", **self.options)

    def failed(self, failed: sansip.Failed) -> sansip.FailureDecision:
        self.seen.append(failed)
        decision = self.decisions.pop(0) if self.decisions else sansip.Finish()
        if isinstance(decision, Exception):
            raise decision
        return decision  # some tests give nonsense


def call(policy: sansip.Policy) -> Stage:
    stage = on_stage(policy)
    stage.receive(make_request())
    return stage


class Unreadable:
    """What raises when it is looked at."""

    def __iter__(self) -> Iterator[Whatever]:
        raise RuntimeError("not today")


@pytest.mark.parametrize(
    "decision",
    [
        sansip.Reply(404, None, cast("Whatever", Unreadable())),
        sansip.Relay(cast("Whatever", Unreadable())),
        sansip.Relay(f"sip:bob@{GW_1}", route=cast("Whatever", Unreadable())),
    ],
)
def test_whatever_a_decision_raises_costs_its_request_a_500(decision: sansip.Decision) -> None:
    stage = call(Decide(decision))
    assert stage.statuses() == [500]
    assert "not today" in stage.reports[-1].text


def comes_to_rest(stage: Stage) -> bool:
    stage.advance(3600.0)
    return stage.is_empty()


# --- route


def test_a_policy_that_decides_nothing_serves_nothing() -> None:
    stage = on_stage(sansip.Policy())
    stage.receive(make_request())
    assert stage.statuses() == [404]


@pytest.mark.rule("3261-8.2.6.2-01")
def test_a_policy_may_answer() -> None:
    stage = call(Decide(sansip.Reply(302, "Elsewhere", (("Contact", "<sip:bob@example.net>"),))))
    answer = stage.responses()[-1]
    assert (answer.status, answer.reason) == (302, "Elsewhere")
    assert answer.get("contact") == "<sip:bob@example.net>"
    assert answer.to_tag
    stage.receive(make_request("ACK", to_tag=answer.to_tag))
    assert comes_to_rest(stage)


@pytest.mark.rule("3261-8.2.7-01", "3261-17.2.1-05")
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_what_a_policy_answers_leaves_no_state_and_every_copy_gets_the_same(method: str) -> None:
    policy = Decide(sansip.Reply(486))
    stage = on_stage(policy)
    for copies in (1, 2):
        stage.receive(make_request(method))
        assert len(policy.seen) == copies
        assert stage.is_empty()
        assert not len(stage.agenda)
    first, again = stage.responses(method=method)
    assert first == again
    assert first.status == 486
    assert first.to_tag


@pytest.mark.parametrize("status", [200, 202, 299])
def test_a_2xx_is_for_anything_but_an_invite(status: int) -> None:
    """A 2xx to an INVITE begins a dialog, and a proxy is no user agent."""
    stage = on_stage(Decide(sansip.Reply(status)))
    stage.receive(make_request("OPTIONS"))
    assert stage.statuses(method="OPTIONS") == [status]
    stage.receive(make_request())
    assert stage.statuses() == [500]
    assert stage.reports[-1].text.endswith(
        "300 to 699 to an INVITE; who takes calls decides Local()"
    )


@pytest.mark.rule("3261-8.2.7-01", "SIO-05")
@pytest.mark.parametrize("to_tag", ["", "dialog"])
def test_a_refusal_leaves_nothing_behind_and_is_the_same_every_time(to_tag: str) -> None:
    """A forged To tag buys no state, and no retransmissions to a forged source."""
    stage = on_stage(Decide(sansip.Reply(486)))
    for _ in range(2):
        stage.receive(make_request(to_tag=to_tag))
        assert stage.is_empty()
    first, again = stage.responses()
    assert first == again
    stage.receive(make_request("ACK", to_tag=first.to_tag or ""))
    stage.advance(60.0)
    assert len(stage.sends) == 2


def test_a_policy_may_say_nothing() -> None:
    policy = Decide(sansip.Drop())
    stage = on_stage(policy)
    stage.receive(make_request("OPTIONS"))
    assert not stage.sends
    assert stage.is_empty()
    assert stage.reports[-1].text == "the policy dropped it"
    stage.receive(make_request("OPTIONS"))
    assert len(policy.seen) == 2


@pytest.mark.rule("3261-17.2.1-01", "AMB-13")
def test_a_dropped_invite_gets_no_100_and_is_not_remembered() -> None:
    """Whoever drops a call wants to be silent: an attacker shall not see that anybody is here."""
    policy = Decide(sansip.Drop())
    stage = on_stage(policy)
    before = stage.state
    for copies in (1, 2, 3):
        assert [type(a) for a in stage.receive(make_request())] == [sansip.Report]
        assert len(policy.seen) == copies
        assert stage.reports[-1].text == "the policy dropped it"
    assert not stage.sends
    assert not len(stage.agenda)
    assert stage.is_empty()
    assert stage.state == before
    stage.receive(make_request("CANCEL"))
    assert stage.statuses(method="CANCEL") == [481]
    policy.decision = sansip.Relay(GROUP)
    stage.receive(make_request())
    assert len(stage.at(GW_1, "INVITE")) == 1


def broken(request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
    raise ZeroDivisionError("division by zero")


NONSENSE: list[tuple[Whatever, str]] = [
    (broken, "the policy raised ZeroDivisionError: division by zero"),
    (None, "the policy returned None; see sansip.Decision"),
    (404, "the policy returned 404; see sansip.Decision"),
    (sansip.Reply(100), "Reply(100): only final responses, "),
    (sansip.Reply(700), "Reply(700): only final responses, "),
    (sansip.Relay("nowhere"), "to: 'nowhere' is not a URI"),
    (sansip.Relay("sip:gw", timer_c=180.0), "timer_c is 180 s; RFC 3261 16.6 wants more than 180"),
    (sansip.Relay("sip:gw", advance_after=-1.0), "advance_after is -1.0; it must be"),
    (sansip.Relay("sip:gw", deadline=float("inf")), "deadline is inf; it must be"),
    (sansip.Relay("sip:gw", answer_within=float("nan")), "answer_within is nan; it must be"),
    (
        sansip.Relay(sansip.Dispatch("phones")),
        "there is no group 'phones'; the groups are: gateways",
    ),
    (
        sansip.Relay(sansip.Dispatch("gateways", NONSENSICAL["nearly"], key="k" * 200)),
        "there is no algorithm 'roundrobin'; did you mean \"round-robin\"?",
    ),
]
LEAKS: list[Whatever] = [
    sansip.Relay("sip:gw", late=NONSENSICAL["late"]),
    sansip.Relay("sip:gw", progress_after=NONSENSICAL["progress_after"]),
    sansip.Relay("sip:gw", failover_on=NONSENSICAL["failover_on"]),
    sansip.Reply(NONSENSICAL["status"]),
    sansip.Reply(404, NONSENSICAL["reason"]),
    sansip.Relay(ROULETTE),
    sansip.Relay(REWRITTEN),
    sansip.Reply(404, "Not\r\nFound"),
    sansip.Reply(404, None, (("X-Reason", "a\r\nb"),)),
]


@pytest.mark.rule("3261-16.6.11-01")
@pytest.mark.parametrize(("decision", "text"), NONSENSE)
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_nonsense_costs_its_request_a_500_and_a_report(
    decision: Whatever, text: str, method: str
) -> None:
    stage = on_stage(Decide(decision))
    stage.receive(make_request(method))
    assert stage.statuses(method=method)[-1] == 500
    (report,) = stage.reports
    assert report.topic == "policy"
    assert report.text.startswith(text)
    assert comes_to_rest(stage)


@pytest.mark.rule("SIO-04")
@pytest.mark.parametrize("decision", LEAKS)
def test_so_does_nonsense_further_in(decision: Whatever) -> None:
    stage = call(Decide(decision))
    assert stage.statuses() == [500]
    assert stage.topics() == ["policy"]


def test_a_scene_is_all_that_a_policy_knows() -> None:
    policy = Decide(sansip.Reply(404))
    stage = on_stage(policy)
    stage.receive(make_request())
    stage.receive(make_request(branch="z9hG4bK2"))
    (_, first), (_, second) = policy.seen
    assert (first.at, first.source, first.groups) == (1000.0, CALLER, ("gateways",))
    assert 0 <= first.draw("a") < 1
    assert first.draw("a") == first.draw("a")
    assert len({first.draw("a"), first.draw("b"), second.draw("a")}) == 3


# --- failure routes


def test_opensips_925_a_failure_route_can_go_on_after_a_404() -> None:
    """https://github.com/OpenSIPS/opensips/issues/925: the next gateway after any failure."""
    policy = Scripted(sansip.TryNext())
    stage = call(policy)
    stage.respond(404, GW_1)
    assert stage.statuses() == [100]
    (failed,) = policy.seen
    (tried,) = failed.tried
    assert (tried.status, tried.answered, tried.hop.address) == (404, True, GW_1)
    assert tried.trigger == "answered 404"
    assert tried.uri == "sip:bob@gw-1.example.com:5060"
    assert failed.remaining == ("sip:bob@gw-2.example.com:5060",)
    assert failed.best is not None
    assert failed.best.status == 404
    assert failed.request.method == "INVITE"
    stage.respond(486, GW_2)
    assert len(policy.seen) == 2
    assert stage.statuses() == [100, 404]  # Finish: the best of the two
    assert comes_to_rest(stage)


def test_it_is_not_asked_while_somebody_may_still_answer() -> None:
    policy = Scripted()
    stage = call(policy)
    stage.advance(3.0)
    stage.respond(503, GW_2)
    assert len(policy.seen) == 1
    assert [tried.trigger for tried in policy.seen[0].tried] == ["silent for 3 s", "answered 503"]
    assert [tried.answered for tried in policy.seen[0].tried] == [False, True]


def test_nor_after_a_success_or_a_cancel() -> None:
    policy = Scripted()
    stage = call(policy)
    stage.respond(200, GW_1)
    stage.receive(make_request(branch="z9hG4bK2"))
    stage.receive(make_request("CANCEL", branch="z9hG4bK2"))
    stage.respond(503, GW_1)
    assert not policy.seen
    assert comes_to_rest(stage)


def test_try_next_at_the_end_of_the_list_is_the_end() -> None:
    policy = Scripted(*[sansip.TryNext()] * 5)
    stage = call(policy)
    stage.respond(404, GW_1)
    stage.respond(486, GW_2)
    assert stage.statuses()[:2] == [100, 404]
    assert comes_to_rest(stage)


def test_it_may_answer_instead() -> None:
    policy = Scripted(sansip.Reply(480, "Nobody", (("Retry-After", "60"),)))
    stage = call(policy)
    stage.respond(404, GW_1)
    answer = stage.responses()[-1]
    assert (answer.status, answer.reason, answer.get("retry-after")) == (480, "Nobody", "60")
    assert answer.to_tag != "gw"
    assert comes_to_rest(stage)


def test_it_may_choose_other_targets() -> None:
    policy = Scripted(sansip.Relay(f"sip:voicemail@{BACKUP}", record_route=False))
    stage = call(policy)
    stage.respond(404, GW_1)
    (sent,) = stage.at(BACKUP, "INVITE")
    assert sent.uri_text == f"sip:voicemail@{BACKUP}"
    assert "record-route" not in sent.names
    assert not stage.at(GW_2, "INVITE")
    stage.respond(486, BACKUP)
    assert len(policy.seen) == 1  # the new relay names no failure route
    assert comes_to_rest(stage)


def test_a_hop_that_was_tried_is_tried_again_under_another_uri_only() -> None:
    again = sansip.Relay(GROUP)
    stage = call(Scripted(again))
    stage.respond(404, GW_1)
    assert len(stage.at(GW_1, "INVITE")) == 1
    stage.respond(486, GW_2)
    assert comes_to_rest(stage)


def test_it_can_not_divert_for_ever() -> None:
    numbers = iter(range(1000))

    class Restless(sansip.Policy):
        def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
            return self.another()

        def failed(self, failed: sansip.Failed) -> sansip.FailureDecision:
            return self.another()

        def another(self) -> sansip.Relay:
            return sansip.Relay(f"sip:{next(numbers)}@{GW_1}", on_failure="failed")

    stage = call(Restless())
    for _ in range(20):
        stage.respond(404, GW_1)
    assert len(stage.at(GW_1, "INVITE")) == 9
    assert stage.statuses() == [100, 500]
    assert stage.reports[-1].text == "failed has chosen new targets 8 times"
    assert comes_to_rest(stage)


@pytest.mark.parametrize(
    ("decision", "text"),
    [
        (ZeroDivisionError("oh"), "the policy raised ZeroDivisionError: oh"),
        (None, "failed returned None; see sansip.FailureDecision"),
        (sansip.Drop(), "failed returned Drop(); see sansip.FailureDecision"),
        (
            sansip.Relay(sansip.Dispatch("x")),
            "there is no group 'x'; the groups are: gateways",
        ),
        (sansip.Relay("sip:gw", timer_c=1.0), "timer_c is 1 s; RFC 3261 16.6 wants more than 180"),
        (sansip.Reply(180), f"Reply(180): {REFUSALS_ONLY}"),
        (sansip.Reply(200), f"Reply(200): {REFUSALS_ONLY}"),
        (sansip.Reply(700), f"Reply(700): {REFUSALS_ONLY}"),
        (sansip.Reply(404, "Not\r\nFound"), ""),
        (sansip.Relay(ROULETTE), ""),
    ],
)
def test_nonsense_of_a_failure_route_costs_its_request_a_500(decision: Whatever, text: str) -> None:
    stage = call(Scripted(decision))
    stage.respond(404, GW_1)
    assert stage.statuses() == [100, 500]
    assert stage.reports[-1].topic == "policy"
    assert stage.reports[-1].text.startswith(text)
    assert comes_to_rest(stage)


def test_a_failure_route_that_is_not_there_costs_its_request_a_500() -> None:
    stage = call(Decide(sansip.Relay(GROUP, on_failure="typo")))
    stage.respond(404, GW_1)
    assert stage.statuses() == [100, 500]
    assert stage.reports[-1].topic == "policy"
    assert "'typo'" in stage.reports[-1].text


def test_a_failure_route_that_is_no_function_costs_its_request_a_500() -> None:
    stage = call(Decide(sansip.Relay(GROUP, on_failure="seen")))
    stage.respond(404, GW_1)
    assert stage.statuses() == [100, 500]
    assert "not callable" in stage.reports[-1].text


def test_it_is_asked_when_it_rings_too_long() -> None:
    policy = Scripted(sansip.TryNext(), answer_within=20.0)
    stage = call(policy)
    stage.respond(180, GW_1)
    stage.advance(20.0)
    assert [tried.trigger for tried in policy.seen[0].tried] == ["no answer within 20 s"]
    assert len(stage.at(GW_1, "CANCEL")) == 1
    stage.respond(487, GW_1)
    stage.respond(200, GW_2)
    assert stage.statuses() == [100, 180, 200]
    assert comes_to_rest(stage)


@pytest.mark.rule("3261-16.7.6-01")
def test_for_a_non_invite_it_is_asked_too() -> None:
    policy = Scripted(sansip.Reply(480), advance_after=1.0)
    stage = on_stage(policy)
    stage.receive(make_request("MESSAGE"))
    stage.respond(404, GW_1, method="MESSAGE")
    assert stage.statuses(method="MESSAGE") == [480]
    assert comes_to_rest(stage)
