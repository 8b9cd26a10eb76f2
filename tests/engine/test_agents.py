"""Requests that are delivered to the embedding program, a user agent server (RFC 3261 8.2, 13)."""

import pickle

import pytest

import sansip
from line import line, over_tcp
from sansip.engine.agents import OWNER
from sansip.transaction import server_key
from stage import CALLER, GW_1, GW_2, PROXY, Decide, Stage, Whatever, config, make_request, on_stage

INVITE = make_request()
KEY = server_key(INVITE)
OTHER = sansip.Address("198.51.100.7", 5060)
REPEATS = [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


def agent(**options: Whatever) -> Stage:
    """A stage without a policy: everything is for the program."""
    return Stage(sansip.Engine(config(**options)))


def called(method: str = "INVITE", **options: Whatever) -> Stage:
    """The same, and a request has come."""
    stage = agent(**options)
    stage.receive(make_request(method))
    return stage


def answer(stage: Stage, status: int, *, nth: int = -1, **options: Whatever) -> None:
    """The program answers the newest (or nth) request that it has."""
    came = [d for d in stage.delivered if d.kind == "request"][nth]
    assert isinstance(came.message, sansip.Request)
    made = sansip.reply(came.message, status, **options)
    stage.step(sansip.ResponseSubmitted(stage.now, came.handle, made))


def ack(stage: Stage, branch: str = "z9hG4bKack", **options: Whatever) -> sansip.Request:
    """The caller's ACK of the newest 2xx."""
    tag = stage.responses()[-1].to_tag or ""
    given: dict[str, Whatever] = {"to_tag": tag}
    return make_request("ACK", branch=branch, **(given | options))


def kinds(stage: Stage) -> list[str]:
    return [delivered.kind for delivered in stage.delivered]


def comes_to_rest(stage: Stage) -> bool:
    stage.advance(3600.0)
    return stage.is_empty() and not len(stage.agenda)


# --- requests and their responses


@pytest.mark.rule("3261-16.2-02", "3261-8.2.6.1-01")
def test_without_a_policy_everything_is_delivered_and_an_invite_has_its_100() -> None:
    stage = agent()
    stage.receive(INVITE.append("Timestamp", "54"))
    (trying,) = stage.responses()
    assert (trying.status, trying.get("timestamp"), trying.to_tag) == (100, "54", None)
    (delivered,) = stage.delivered
    assert (delivered.handle, delivered.kind) == (KEY, "request")
    assert delivered.message == INVITE.append("Timestamp", "54")
    assert (stage.state.in_flight, stage.state.sources.get(CALLER.host)) == (1, 1)


@pytest.mark.parametrize("method", ["OPTIONS", "BYE", "MESSAGE", "FOO"])
def test_a_request_of_any_method_is_delivered_and_answered(method: str) -> None:
    stage = called(method)
    assert stage.statuses(method=method) == []
    answer(stage, 200)
    assert stage.statuses(method=method) == [200]
    assert kinds(stage) == ["request", "end"]
    assert comes_to_rest(stage)
    assert kinds(stage) == ["request", "end"]


@pytest.mark.rule("3261-8.2.6.2-01", "3261-8.2.6.2-02")
def test_the_responses_of_a_call_fit_together() -> None:
    stage = agent()
    routes = [("Record-Route", "<sip:p2;lr>"), ("Record-Route", "<sip:p1;lr>, <sip:p0;lr>")]
    stage.receive(make_request(headers=routes))
    answer(stage, 180)
    answer(stage, 183)
    answer(stage, 200, headers=[("Contact", "<sip:bob@192.0.2.10>")], body=b"v=0\r\n")
    trying, *others = stage.responses()
    assert [response.status for response in others] == [180, 183, 200]
    assert len({response.to_tag for response in others}) == 1
    assert others[0].to_tag
    for response in others:
        assert response.values("record-route") == ("<sip:p2;lr>", "<sip:p1;lr>", "<sip:p0;lr>")
        assert response.values("via") == INVITE.values("via")
        same = ("from", "call-id", "cseq")
        assert [response.get(n) for n in same] == [INVITE.get(n) for n in same]
    assert (others[-1].body, others[-1].content_length) == (b"v=0\r\n", 5)
    assert trying.values("record-route") == ()


@pytest.mark.rule("3261-8.2.6.2-01")
def test_the_program_may_choose_the_to_tag_once() -> None:
    stage = called()
    answer(stage, 180, to_tag="mine")
    answer(stage, 183)
    before = stage.state
    with pytest.raises(sansip.LocalProtocolError, match="'mine'"):
        answer(stage, 200, to_tag="another")
    assert stage.state == before
    stage.receive(make_request("CANCEL"))
    assert {response.to_tag for response in stage.responses()[1:]} == {"mine"}
    assert stage.responses(method="CANCEL")[0].to_tag == "mine"


@pytest.mark.rule("3261-17.2.1-01", "6026-7.1-02", "3261-17.2.2-01")
def test_copies_of_a_request_are_absorbed() -> None:
    stage = called()
    stage.receive(INVITE)
    answer(stage, 180)
    stage.receive(INVITE)
    answer(stage, 200)
    stage.receive(INVITE)
    assert stage.statuses() == [100, 100, 180, 180, 200]
    other = called("OPTIONS")
    other.receive(make_request("OPTIONS"))
    answer(other, 200)
    other.receive(make_request("OPTIONS"))
    assert other.statuses(method="OPTIONS") == [200, 200]
    assert (kinds(stage), kinds(other)) == (["request"], ["request", "end"])


@pytest.mark.rule("3261-17.2.1-06")
@pytest.mark.parametrize("status", [302, 486, 603])
def test_a_refusal_is_repeated_and_acknowledged_without_the_program(status: int) -> None:
    stage = called()
    answer(stage, status)
    assert kinds(stage) == ["request", "end"]
    assert stage.state.in_flight == 0
    stage.advance(0.6)
    assert stage.statuses() == [100, status, status]
    stage.receive(ack(stage, "z9hG4bKcaller"))
    stage.advance(20.0)
    assert stage.statuses() == [100, status, status]
    assert comes_to_rest(stage)
    assert kinds(stage) == ["request", "end"]


@pytest.mark.rule("3261-17.2.1-06", "SIO-05")
def test_what_comes_in_one_piece_comes_one_after_the_other() -> None:
    # Over a connection the ACK ends the transaction at once (17.2.1): what follows it is new.
    again = over_tcp(to_tag="within")
    ended = over_tcp("ACK", to_tag="within")
    stage = line(Decide(sansip.Local())).open()
    stage.hear(again)
    answer(stage, 486)
    stage.hear(ended.render() + again.render())
    assert kinds(stage) == ["request", "end", "request"]
    answer(stage, 486)
    stage.hear(ended.render() * 2)
    assert stage.over() == [100, 486, 100, 486]
    assert kinds(stage) == ["request", "end"] * 2
    stage.close()
    assert comes_to_rest(stage)


@pytest.mark.rule("4320-4.1-04", "4320-4.1-02")
def test_a_non_invite_that_takes_long_gets_its_100() -> None:
    stage = called("MESSAGE")
    stage.advance(3.4)
    assert stage.statuses(method="MESSAGE") == []
    stage.advance(0.2)
    answer(stage, 202)
    assert stage.statuses(method="MESSAGE") == [100, 202]


def test_the_program_sees_the_request_after_its_route_was_taken_off() -> None:
    stage = agent()
    stage.receive(make_request(headers=[("Route", f"<sip:{PROXY};lr>, <sip:else.example;lr>")]))
    message = stage.delivered[0].message
    assert isinstance(message, sansip.Request)
    assert message.values("route") == ("<sip:else.example;lr>",)


# --- 2xx and its ACK


@pytest.mark.rule("6026-8.1-01", "6026-7.1-03", "6026-7.1-04", "6026-7.1-06", "SIO-05")
@pytest.mark.parametrize("over", ["UDP", "TCP"])
def test_a_2xx_goes_out_again_until_64_t1_have_passed(over: str) -> None:
    stage = agent(endpoints=[sansip.Endpoint(t, str(PROXY)) for t in ("udp", "tcp")])
    if over == "UDP":
        stage.receive(INVITE)
    else:
        stage.step(sansip.FlowOpened(stage.now, 1, f"tcp:{PROXY}", CALLER, PROXY))
        stage.step(sansip.StreamReceived(stage.now, 1, INVITE.render()))
    begun, times = stage.now, list[float]()
    stage.on_step = lambda s: times.extend([s.now - begun] * (s.statuses().count(200) - len(times)))
    answer(stage, 200)
    stage.advance(31.9)
    assert kinds(stage) == ["request"]
    stage.advance(3600.0)
    assert times == REPEATS
    assert kinds(stage) == ["request", "timeout", "end"]
    oks = [r for r in stage.responses() if r.status == 200]
    assert all(response == oks[0] for response in oks)
    assert [delivered.message for delivered in stage.delivered[1:]] == [oks[0], None]
    assert {send.flow for send in stage.sends} == {None if over == "UDP" else 1}


@pytest.mark.rule("6026-8.1-01", "3261-17.2.3-07")
def test_the_ack_ends_it_and_is_delivered_once() -> None:
    stage = called()
    answer(stage, 200)
    stage.advance(1.0)
    assert stage.statuses() == [100, 200, 200]
    first = ack(stage, body=b"answer")
    stage.receive(first)
    assert stage.delivered[1:] == [
        sansip.Deliver(KEY, "ack", first),
        sansip.Deliver(KEY, "end", None),
    ]
    stage.receive(first)
    stage.receive(ack(stage, "z9hG4bKagain"))
    stage.advance(20.0)
    assert kinds(stage) == ["request", "ack", "end"]
    assert stage.statuses() == [100, 200, 200]
    assert stage.reports == []
    assert comes_to_rest(stage)
    assert kinds(stage) == ["request", "ack", "end"]
    stage.receive(first)
    assert stage.topics() == ["dropped"]


@pytest.mark.rule("3261-17.2.3-07")
def test_a_tag_that_comes_back_in_capitals_is_the_same_tag() -> None:
    stage = called()
    answer(stage, 200)
    stage.receive(ack(stage, to_tag=(stage.responses()[-1].to_tag or "").upper()))
    assert kinds(stage) == ["request", "ack", "end"]


@pytest.mark.rule("3261-17.2.3-07", "3261-8.2-02")
@pytest.mark.parametrize(
    "other",
    [{"to_tag": "another"}, {"to_tag": ""}, {"cseq": 2}, {"call_id": "call-2"}],
    ids=str,
)
def test_an_ack_of_something_else_is_dropped_and_reported(other: dict[str, Whatever]) -> None:
    stage = called()
    answer(stage, 200)
    stage.receive(ack(stage, **other))
    assert kinds(stage) == ["request"]
    assert [(report.topic, report.text) for report in stage.reports] == [
        ("dropped", "an ACK that is not relayed")
    ]
    assert stage.statuses() == [100, 200]


@pytest.mark.rule("3261-17.2.3-07")
def test_an_ack_before_any_2xx_acknowledges_nothing() -> None:
    stage = called()
    answer(stage, 180)
    stage.receive(ack(stage))
    assert kinds(stage) == ["request"]
    answer(stage, 200)
    stage.receive(ack(stage))
    assert kinds(stage) == ["request", "ack", "end"]


@pytest.mark.rule("6026-7.1-05", "6026-6-02")
@pytest.mark.parametrize("branch", ["z9hG4bKcaller", "1"])
def test_an_ack_with_the_invites_branch_comes_by_way_of_the_transaction(branch: str) -> None:
    stage = agent()
    stage.receive(make_request(branch=branch))
    answer(stage, 200)
    for _ in range(2):
        stage.receive(ack(stage, branch))
    assert kinds(stage) == ["request", "ack", "end"]
    assert comes_to_rest(stage)


@pytest.mark.rule("3261-17.2.3-07")
def test_an_invite_within_a_dialog_has_its_own_ack() -> None:
    stage = agent()
    stage.receive(make_request(to_tag="bob", cseq=2))
    answer(stage, 200)
    stage.receive(ack(stage))
    assert kinds(stage) == ["request"]
    stage.receive(ack(stage, "z9hG4bK2", cseq=2))
    assert kinds(stage) == ["request", "ack", "end"]


@pytest.mark.rule("6026-8.1-01", "6026-7.1-04")
def test_a_pure_proxy_repeats_nothing() -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.respond(200, GW_1)
    assert not len(stage.state.served)
    stage.advance(31.0)
    assert stage.statuses() == [100, 200]


# --- CANCEL


@pytest.mark.rule("3261-9.2-03", "3261-9.2-04", "3261-9.2-05")
@pytest.mark.parametrize("rings", [0, 1])
def test_a_call_that_is_cancelled_is_answered_here_and_the_program_hears_why(rings: int) -> None:
    stage = called()
    for _ in range(rings):
        answer(stage, 180)
    request = make_request("CANCEL", headers=[("Reason", "SIP;cause=200"), ("Require", "x")])
    stage.receive(request)
    assert stage.statuses(method="CANCEL") == [200]
    assert stage.statuses()[-1] == 487
    assert stage.responses()[-1].to_tag == stage.responses(method="CANCEL")[0].to_tag
    assert len({response.to_tag for response in stage.responses()[1:]}) == 1
    assert stage.delivered[1:] == [
        sansip.Deliver(KEY, "cancel", request),
        sansip.Deliver(KEY, "end", None),
    ]
    assert stage.state.in_flight == 0
    assert comes_to_rest(stage)


@pytest.mark.rule("3261-9.2-06")
def test_a_cancel_that_comes_again_is_answered_again_and_delivered_once() -> None:
    stage = called()
    stage.receive(make_request("CANCEL"))
    stage.receive(make_request("CANCEL"))
    assert stage.statuses(method="CANCEL") == [200, 200]
    assert kinds(stage) == ["request", "cancel", "end"]
    assert stage.statuses() == [100, 487]


@pytest.mark.rule("3261-9.2-03", "3261-9.2-04")
@pytest.mark.parametrize("status", [200, 486])
def test_a_cancel_after_the_final_response_has_no_effect(status: int) -> None:
    stage = called()
    answer(stage, status)
    before = kinds(stage)
    stage.receive(make_request("CANCEL"))
    assert stage.statuses(method="CANCEL") == [200]
    assert stage.responses(method="CANCEL")[0].to_tag == stage.responses()[-1].to_tag
    assert stage.statuses() == [100, status]
    assert kinds(stage) == before


@pytest.mark.rule("3261-9.2-01", "3261-9.2-04")
def test_a_cancel_of_anything_else_is_answered_and_has_no_effect() -> None:
    stage = called("MESSAGE")
    stage.receive(make_request("CANCEL"))
    assert stage.statuses(method="CANCEL") == [200]
    answer(stage, 200)
    assert stage.statuses(method="MESSAGE") == [200]
    assert kinds(stage) == ["request", "end"]


@pytest.mark.rule("3261-9.2-02")
def test_a_cancel_of_nothing_gets_481() -> None:
    stage = called("CANCEL")
    assert stage.statuses(method="CANCEL") == [481]
    assert kinds(stage) == []


@pytest.mark.rule("6026-7.1-08", "SIO-07")
def test_an_answer_that_is_too_late_is_a_race_and_no_mistake() -> None:
    stage = called()
    stage.receive(make_request("CANCEL"))
    answer(stage, 200)
    assert stage.statuses() == [100, 487]
    assert [(r.topic, r.text) for r in stage.reports] == [
        ("dropped", "a 200 for a request that has its answer")
    ]
    stage.advance(3600.0)
    answer(stage, 200)
    assert stage.reports[-1].text == "a 200 for a request that has ended"


@pytest.mark.rule("6026-7.1-08")
@pytest.mark.parametrize("status", [180, 200, 486])
def test_what_follows_a_2xx_is_reported_and_not_sent(status: int) -> None:
    stage = called()
    answer(stage, 200)
    sent = len(stage.sent)
    answer(stage, status)
    assert len(stage.sent) == sent
    assert stage.topics() == ["dropped"]


# --- merged requests


@pytest.mark.rule("3261-8.2.2.2-01", "3261-8.2.7-01")
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_a_request_that_came_by_another_path_too_gets_482(method: str) -> None:
    stage = called(method)
    copy = make_request(method, branch="z9hG4bKother", source=OTHER)
    for _ in range(2):
        stage.receive(copy, OTHER)
    first, again = stage.responses(OTHER, method)
    assert (first.status, first) == (482, again)
    assert first.to_tag
    assert kinds(stage) == ["request"]
    stage.receive(make_request("ACK", branch="z9hG4bKother", to_tag=first.to_tag), OTHER)
    answer(stage, 486)
    stage.receive(copy, OTHER)
    assert stage.statuses(OTHER, method) == [482] * 3
    assert comes_to_rest(stage)
    stage.receive(copy, OTHER)
    assert kinds(stage) == ["request", "end", "request"]


@pytest.mark.rule("3261-8.2.2.2-01")
def test_requests_within_a_dialog_are_not_merged() -> None:
    stage = agent()
    stage.receive(make_request(to_tag="bob"))
    stage.receive(make_request(to_tag="bob", branch="z9hG4bK2"))
    assert kinds(stage) == ["request", "request"]
    answer(stage, 200, nth=0)
    answer(stage, 486, nth=1)
    stage.receive(ack(stage, "z9hG4bK2"))
    assert comes_to_rest(stage)


@pytest.mark.rule("3261-17.2.3-07")
def test_the_end_of_one_request_does_not_hide_another_that_looks_the_same() -> None:
    stage = agent()
    stage.receive(make_request(to_tag="bob"))
    stage.receive(make_request(to_tag="bob", branch="z9hG4bK2"))
    answer(stage, 486, nth=0)
    stage.receive(ack(stage, "z9hG4bKcaller"))
    stage.advance(6.0)
    assert len(stage.state.served) == 1
    answer(stage, 200)
    stage.receive(ack(stage))
    assert kinds(stage)[-2:] == ["ack", "end"]


@pytest.mark.rule("3261-8.2.2.2-01")
def test_a_proxy_never_looks_for_merged_requests() -> None:
    def decide(_: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Local() if scene.source == CALLER else RELAY

    stage = on_stage(Decide(decide))
    stage.receive(INVITE)
    stage.receive(make_request(branch="z9hG4bKother", source=OTHER), OTHER)
    assert stage.statuses(OTHER) == [100]
    assert len(stage.at(GW_2, "INVITE")) == 1


RELAY = sansip.Relay(f"sip:bob@{GW_2}")


# --- a silent program


@pytest.mark.rule("SIO-05")
def test_a_call_that_the_program_never_answers_ends() -> None:
    stage = called()
    stage.advance(184.9)
    assert stage.statuses() == [100]
    stage.advance(0.2)
    assert stage.statuses()[-1] == 480
    assert kinds(stage) == ["request", "timeout", "end"]
    assert stage.delivered[1].message is None
    assert comes_to_rest(stage)
    assert stage.state.in_flight == 0


@pytest.mark.rule("SIO-05")
def test_a_call_may_ring_as_long_as_the_program_says_so() -> None:
    stage = called(limits=sansip.Limits(unanswered=20.0))
    for _ in range(5):
        stage.advance(19.0)
        answer(stage, 180)
    stage.advance(19.9)
    assert kinds(stage) == ["request"]
    stage.advance(0.2)
    assert kinds(stage) == ["request", "timeout", "end"]


@pytest.mark.rule("SIO-05", "4320-4.2-01", "3261-17.2.2-07")
def test_a_non_invite_that_the_program_never_answers_ends_with_its_transaction() -> None:
    stage = called("MESSAGE")
    stage.advance(31.9)
    assert kinds(stage) == ["request"]
    stage.advance(0.2)
    assert kinds(stage) == ["request", "end"]
    assert stage.statuses(method="MESSAGE") == [100]
    assert stage.is_empty()


@pytest.mark.rule("SIO-05")
def test_over_a_connection_a_non_invite_ends_with_its_answer() -> None:
    stage = agent(endpoints=[sansip.Endpoint(t, str(PROXY)) for t in ("udp", "tcp")])
    stage.step(sansip.FlowOpened(stage.now, 1, f"tcp:{PROXY}", CALLER, PROXY))
    stage.step(sansip.StreamReceived(stage.now, 1, make_request("MESSAGE").render()))
    answer(stage, 200)
    assert kinds(stage) == ["request", "end"]
    assert not len(stage.state.served)
    assert not len(stage.state.identities)


def test_a_late_timer_matches_nothing() -> None:
    stage = called()
    (timer,) = [a.timer for a in stage.actions[0] if isinstance(a, sansip.StartTimer)]
    assert timer.owner == OWNER + KEY
    answer(stage, 180)
    before = stage.state
    stage.step(sansip.TimerFired(stage.now, timer))
    assert stage.state == before
    stage.step(sansip.TimerFired(stage.now, sansip.Timer(OWNER + "nobody", "answer", 1)))
    assert stage.state == before


def test_a_wrong_limit_is_told_at_once() -> None:
    with pytest.raises(sansip.LocalProtocolError, match="seconds, which must be above 0"):
        config(limits=sansip.Limits(unanswered=0))


# --- limits, checks, policies


@pytest.mark.parametrize(
    "limits", [sansip.Limits(in_flight=1), sansip.Limits(in_flight_per_source=1)]
)
def test_what_is_delivered_counts_until_it_is_answered(limits: sansip.Limits) -> None:
    stage = called(limits=limits)
    stage.receive(make_request(branch="z9hG4bK2", call_id="2"))
    assert stage.statuses() == [100, 503]
    answer(stage, 486)
    state = stage.state
    assert (state.in_flight, state.bytes_in_flight, len(state.sources)) == (0, 0, 0)
    stage.receive(make_request(branch="z9hG4bK3", call_id="3"))
    assert stage.statuses() == [100, 503, 486, 100]


@pytest.mark.parametrize("local", [1, 0])
def test_who_is_to_be_shut_down_can_end_the_calls_of_the_program(local: int) -> None:
    stage = agent() if local else on_stage(Decide(RELAY))
    stage.step(sansip.Administered(stage.now, sansip.Quiesce(60)))
    stage.receive(INVITE)
    assert stage.statuses() == [503]
    stage.receive(make_request("BYE", branch="z9hG4bKbye", to_tag="bob"))
    assert kinds(stage) == ["request"] * local
    assert stage.statuses(method="BYE") == [503] * (1 - local)


@pytest.mark.rule("3261-16.3-04", "3261-16.3-07")
@pytest.mark.parametrize("header", [("Max-Forwards", "0"), ("Proxy-Require", "wonders")])
def test_what_only_a_proxy_refuses_is_delivered(header: tuple[str, str]) -> None:
    request = make_request("OPTIONS").set(*header)
    stage = on_stage(Decide(sansip.Local()))
    stage.receive(request)
    assert kinds(stage) == ["request"]
    assert stage.statuses(method="OPTIONS") == []
    relaying = on_stage(Decide(RELAY))
    relaying.receive(request)
    assert relaying.statuses(method="OPTIONS") == [483 if header[1] == "0" else 420]


@pytest.mark.rule("3261-8.2-02")
def test_an_ack_that_a_policy_wants_delivered_is_dropped() -> None:
    stage = on_stage(Decide(sansip.Local()))
    stage.receive(make_request("ACK", to_tag="bob"))
    assert (stage.sent, stage.delivered) == ([], [])
    assert stage.topics() == ["dropped"]
    stage.receive(make_request("ACK", to_tag="bob").set("Max-Forwards", "0"))
    assert (stage.sent, stage.delivered) == ([], [])


def test_a_failure_route_delivers_nothing() -> None:
    def later(_: sansip.Failed) -> object:
        return sansip.Local()

    policy = Decide(sansip.Relay(f"sip:bob@{GW_1}", on_failure="later"), later=later)
    stage = on_stage(policy)
    stage.receive(INVITE)
    stage.respond(404, GW_1)
    assert stage.statuses() == [100, 500]
    assert stage.topics() == ["policy"]


class Inside(sansip.Policy):
    """Calls go to a gateway; what belongs to their dialogs is for the program."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(f"sip:bob@{GW_1}")

    def in_dialog(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision | None:
        return sansip.Local()


@pytest.mark.parametrize("policy", [Inside(), None])
def test_a_request_within_a_dialog_may_be_delivered_too(policy: sansip.Policy | None) -> None:
    stage = on_stage(Inside())
    stage.receive(INVITE)
    stage.engine = sansip.Engine(config(), policy)
    stage.respond(200, GW_1)
    routes = [("Route", route) for route in stage.responses()[-1].values("record-route")]
    stage.receive(make_request("BYE", branch="z9hG4bKbye", to_tag="gw", cseq=2, headers=routes))
    assert kinds(stage) == ["request"]
    answer(stage, 200)
    assert stage.statuses(method="BYE") == [200]


class First(sansip.Policy):
    """It asks, and then has everything delivered."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Ask("whose?", "then")

    def then(self, request: sansip.Request, scene: sansip.Scene, answer: object) -> sansip.Decision:
        return sansip.Local()


@pytest.mark.rule("3261-9.2-04")
def test_a_cancel_does_not_end_a_message_whose_policy_is_asking() -> None:
    stage = on_stage(First())
    stage.receive(make_request("MESSAGE"))
    stage.receive(make_request("CANCEL"))
    assert stage.statuses(method="CANCEL") == [200]
    stage.step(sansip.Consulted(stage.now, stage.consults[0].question, "ours"))
    answer(stage, 200)
    assert stage.statuses(method="MESSAGE") == [200]


def test_a_policy_may_ask_before_it_delivers() -> None:
    stage = on_stage(First())
    stage.receive(INVITE)
    stage.receive(make_request(branch="z9hG4bKother", source=OTHER), OTHER)
    for consult in stage.consults:
        stage.step(sansip.Consulted(stage.now, consult.question, "ours"))
    assert [(d.handle, d.kind) for d in stage.delivered] == [(KEY, "request")]
    assert stage.statuses(OTHER) == [100, 482]
    answer(stage, 200)
    stage.receive(ack(stage))
    assert kinds(stage) == ["request", "ack", "end"]
    assert comes_to_rest(stage)


# --- misuse


def test_a_response_under_a_handle_that_never_was_is_a_mistake() -> None:
    stage = called()
    with pytest.raises(
        sansip.LocalProtocolError, match="no request was ever delivered under handle 'mine'"
    ):
        stage.step(sansip.ResponseSubmitted(stage.now, "mine", sansip.reply(INVITE, 200)))


@pytest.mark.rule("4320-4.1-01", "4320-4.2-01", "3261-8.2.6.2-01")
@pytest.mark.parametrize(
    ("method", "response"),
    [
        ("MESSAGE", sansip.reply(make_request("MESSAGE"), 180)),
        ("MESSAGE", sansip.reply(make_request("MESSAGE"), 408)),
        ("INVITE", sansip.reply(make_request(call_id="2"), 200)),
    ],
)
def test_an_impossible_response_is_told_at_once(method: str, response: sansip.Response) -> None:
    stage = called(method)
    before = stage.state
    with pytest.raises(sansip.LocalProtocolError):
        stage.step(sansip.ResponseSubmitted(stage.now, stage.delivered[0].handle, response))
    assert stage.state == before
    answer(stage, 200)
    assert stage.statuses(method=method)[-1] == 200


def test_a_response_that_nobody_can_read_is_told_at_once() -> None:
    """It would have been read again at the end of its retransmissions."""
    stage = called()
    made = sansip.reply(INVITE, 200, headers=[("Content-Length", "0"), ("Content-Length", "1")])
    with pytest.raises(sansip.LocalProtocolError, match="this is not SIP"):
        stage.step(sansip.ResponseSubmitted(stage.now, KEY, made))


def test_a_state_with_calls_of_the_programs_own_survives_pickling() -> None:
    stage = called()
    answer(stage, 200)
    copy = pickle.loads(pickle.dumps(stage.state))  # noqa: S301
    assert copy == stage.state == stage.state.freeze()
    event = sansip.DatagramReceived(stage.now, f"udp:{PROXY}", CALLER, PROXY, ack(stage).render())
    assert stage.engine.step(copy, event) == stage.engine.step(stage.state, event)


def test_a_response_that_cannot_be_sent_changes_nothing() -> None:
    stage = called()
    answer(stage, 200)
    stage.refuse(stage.sends[-1])
    stage.advance(0.6)
    assert stage.statuses() == [100, 200, 200]
