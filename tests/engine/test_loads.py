"""Calls are counted for the members that they go to: from the INVITE to the BYE (call-load)."""

from collections import Counter

import pytest

import sansip
from line import BOTH, Line
from sansip import dns
from sansip.engine.fleet import Call
from stage import CALLER, GW_1, GW_2, Decide, Stage, Whatever, config, make_request

URI_1, URI_2 = f"sip:{GW_1}", f"sip:{GW_2}"
BY_LOAD = sansip.Dispatch("gateways", "call-load")


def stage_for(
    *members: str | sansip.Member, policy: sansip.Policy | None = None, **options: Whatever
) -> Stage:
    settings = config(groups={"gateways": members or (URI_1, URI_2)}, **options)
    return Stage(sansip.Engine(settings, policy or Decide(sansip.Relay(BY_LOAD))))


def call(stage: Stage, number: int = 1, method: str = "INVITE", **options: Whatever) -> None:
    given: dict[str, Whatever] = {"branch": f"z9hG4bK{number}", "call_id": f"call-{number}"}
    stage.receive(make_request(method, **(given | options)))


def newest(stage: Stage) -> sansip.Address:
    return [to for to, message in stage.sent if isinstance(message, sansip.Request)][-1]


def bye(stage: Stage, number: int = 1, *, tag: str = "gw") -> None:
    call(stage, number, "BYE", branch=f"z9hG4bKbye{number}{tag}", cseq=2, to_tag=tag)


def bye_from_there(stage: Stage, number: int = 1) -> None:
    """The other side hangs up: the tags stand the other way round."""
    request = make_request("BYE", branch=f"z9hG4bKback{number}", call_id=f"call-{number}")
    request = request.set("From", "<sip:bob@gw.example.com>;tag=gw")
    stage.receive(request.set("To", "<sip:alice@example.org>;tag=alice"), GW_1)


def loads(stage: Stage) -> dict[str, int]:
    return dict(stage.state.fleet.loads.items())


def known(stage: Stage) -> list[object]:
    return list(stage.state.fleet.health)


def is_forgotten(stage: Stage) -> bool:
    fleet = stage.state.fleet
    return not len(fleet.calls) and not len(fleet.loads) and stage.is_empty()


def test_calls_are_spread_by_how_many_there_are() -> None:
    stage = stage_for()
    for number in range(10):
        call(stage, number)
        stage.respond(200, newest(stage))
    assert loads(stage) == {URI_1: 5, URI_2: 5}
    bye(stage, 0)
    bye(stage, 2)
    assert loads(stage) == {URI_1: 3, URI_2: 5}
    call(stage, 20)
    assert newest(stage) == GW_1


def test_who_has_as_many_as_it_takes_gets_no_more() -> None:
    stage = stage_for(sansip.Member(URI_1, maxload=1), sansip.Member(URI_2, maxload=1))
    call(stage, 1)
    call(stage, 2)
    call(stage, 3)
    assert loads(stage) == {URI_1: 1, URI_2: 1}
    assert stage.statuses() == [100, 100, 100, 480]
    stage.respond(486, GW_1)
    call(stage, 4)
    assert newest(stage) == GW_1


def test_calls_that_wait_for_dns_together_do_not_go_beyond_the_maximum_together() -> None:
    stage = stage_for(
        sansip.Member("sip:gw-1.example.com:5060", maxload=1),
        sansip.Member("sip:gw-2.example.com:5060"),
    )
    stage.answer_dns = False
    for number in range(3):
        call(stage, number)
    stage.answer_all()
    stage.answer_all()
    assert len(stage.at(GW_1, "INVITE")) == 1
    assert len(stage.at(GW_2, "INVITE")) == 2
    assert known(stage) == []  # that a gateway is full does not make it suspect


def test_a_call_that_has_filled_its_member_may_try_the_next_hop_of_it() -> None:
    stage = stage_for(sansip.Member("sip:two.example.com:5060", maxload=1))
    stage.zone["two.example.com", "A"] = dns.Found((dns.Ip(GW_1.host), dns.Ip(GW_2.host)), 60.0)
    call(stage, 1)
    stage.advance(3.0)
    assert len(stage.at(GW_2, "INVITE")) == 1
    assert loads(stage) == {"sip:two.example.com:5060": 2}  # a branch each, until one is over
    stage.respond(200, GW_2)
    stage.advance(100.0)
    assert loads(stage) == {"sip:two.example.com:5060": 1}


def test_why_nobody_gets_a_call_is_reported() -> None:
    stage = stage_for(sansip.Member(URI_1, maxload=1))
    call(stage, 1)
    call(stage, 2)
    (text,) = [report.text for report in stage.reports if report.topic == "failover"]
    assert text.startswith("group gateways: all members are drained, or have as many calls")


def test_a_member_that_is_gone_when_its_name_is_resolved_is_counted_no_less() -> None:
    stage = stage_for(sansip.Member("sip:gw-1.example.com:5060", maxload=1))
    stage.answer_dns = False
    call(stage, 1)
    stage.step(sansip.Administered(stage.now, sansip.ReplaceGroups((("others", (URI_2,)),))))
    stage.answer_all()
    assert len(stage.at(GW_1, "INVITE")) == 1
    stage.respond(486, GW_1)
    stage.advance(100.0)
    assert is_forgotten(stage)


def test_calls_are_counted_under_one_name_for_what_is_one_box() -> None:
    stage = stage_for(sansip.Member(URI_1, duid="box"), sansip.Member(URI_2, duid="box"))
    call(stage, 1)
    call(stage, 2)
    assert loads(stage) == {"box": 2}


@pytest.mark.parametrize("hang_up", [bye, bye_from_there])
def test_a_call_counts_until_one_side_hangs_up(hang_up: Whatever) -> None:
    stage = stage_for()
    call(stage)
    stage.respond(200, GW_1)
    stage.advance(100.0)
    assert loads(stage) == {URI_1: 1}
    hang_up(stage)
    assert loads(stage) == {}
    assert "call" in [a.timer.name for a in stage.actions[-1] if isinstance(a, sansip.StopTimer)]
    stage.advance(100.0)
    assert is_forgotten(stage)


def test_a_bye_of_another_dialog_ends_nothing() -> None:
    stage = stage_for()
    call(stage)
    stage.respond(200, GW_1)
    bye(stage, tag="other")
    bye(stage, 2)
    assert loads(stage) == {URI_1: 1}


@pytest.mark.parametrize("status", [302, 404, 486, 500, 603])
def test_a_call_that_is_refused_counts_no_more(status: int) -> None:
    stage = stage_for()
    call(stage)
    stage.respond(180, GW_1)
    assert loads(stage) == {URI_1: 1}
    stage.respond(status, GW_1)
    assert loads(stage) == {}


def test_who_is_silent_keeps_the_call_until_its_transaction_ends() -> None:
    stage = stage_for()
    call(stage)
    stage.advance(3.0)
    assert loads(stage) == {URI_1: 1, URI_2: 1}
    stage.respond(200, GW_2)
    stage.advance(28.9)
    assert loads(stage) == {URI_1: 1, URI_2: 1}
    stage.advance(0.2)
    assert loads(stage) == {URI_2: 1}


def test_a_branch_that_cannot_be_sent_counts_no_more() -> None:
    stage = stage_for()
    call(stage)
    stage.refuse(stage.sends[-1])
    assert loads(stage) == {URI_2: 1}


def test_a_branch_that_never_begins_is_not_counted() -> None:
    stage = stage_for("sip:[2001:db8::1]:5060")
    call(stage)
    assert loads(stage) == {}


def test_cancel_ends_a_call() -> None:
    stage = stage_for()
    call(stage)
    stage.respond(180, GW_1)
    call(stage, method="CANCEL")
    stage.respond(487, GW_1)
    assert loads(stage) == {}


def test_a_call_whose_cancel_nobody_answers_counts_as_long_as_it_is_waited_for() -> None:
    stage = stage_for()
    call(stage)
    stage.respond(180, GW_1)
    call(stage, method="CANCEL")
    stage.advance(31.9)
    assert loads(stage) == {URI_1: 1}
    stage.advance(100.0)
    assert is_forgotten(stage)


def test_two_2xx_of_one_call_are_two_dialogs() -> None:
    stage = stage_for()
    call(stage)
    stage.respond(200, GW_1, tag="desk")
    stage.respond(200, GW_1, tag="mobile")
    stage.respond(200, GW_1, tag="desk")
    assert loads(stage) == {URI_1: 2}
    bye(stage, tag="desk")
    stage.respond(200, GW_1, tag="desk")  # once more, after all is said
    assert loads(stage) == {URI_1: 1}
    bye(stage, tag="mobile")
    assert loads(stage) == {}
    stage.advance(100.0)
    assert is_forgotten(stage)


def test_two_members_that_both_answer_have_a_call_each() -> None:
    stage = stage_for()
    call(stage)
    stage.advance(3.0)
    stage.respond(200, GW_2, tag="two")
    stage.respond(200, GW_1, tag="one")
    assert loads(stage) == {URI_1: 1, URI_2: 1}
    bye(stage, tag="one")
    assert loads(stage) == {URI_2: 1}


def test_without_a_bye_a_call_counts_for_a_while() -> None:
    stage = stage_for(limits=sansip.Limits(longest_call=600.0))
    call(stage)
    stage.respond(200, GW_1)
    stage.advance(599.9)
    assert loads(stage) == {URI_1: 1}
    stage.advance(0.2)
    assert is_forgotten(stage)


def test_a_timer_that_fires_late_or_for_nobody_changes_nothing() -> None:
    stage = stage_for()
    call(stage)
    stage.respond(200, GW_1)
    timers = [c.timer for _, c in stage.state.fleet.calls.items() if c.timer is not None]
    old = sansip.Timer(timers[0].owner, timers[0].name, 1)
    stage.step(sansip.TimerFired(stage.now, old))
    assert loads(stage) == {URI_1: 1}
    bye(stage)
    stage.step(sansip.TimerFired(stage.now, timers[0]))
    assert loads(stage) == {}


def test_no_more_are_counted_than_there_is_room_for() -> None:
    stage = stage_for(limits=sansip.Limits(calls=3))
    for number in range(5):
        call(stage, number)
    assert Counter(loads(stage)) == {URI_1: 2, URI_2: 1}
    assert stage.topics() == ["limit"] * 2
    stage.respond(200, GW_2, nth=0)  # it would be one entry more
    assert loads(stage) == {URI_1: 2}
    stage.respond(200, GW_2, nth=0, tag="again")
    assert loads(stage) == {URI_1: 2}
    assert len(stage.state.fleet.calls) == 3
    stage.advance(8000.0)
    assert is_forgotten(stage)


def test_what_starts_no_call_is_not_counted() -> None:
    stage = stage_for()
    call(stage, 1, "OPTIONS")
    call(stage, 2, to_tag="gw")  # a re-INVITE
    assert loads(stage) == {}


@pytest.mark.parametrize("algorithm", ["first", "round-robin", 11])
def test_other_algorithms_do_not_count(algorithm: Whatever) -> None:
    stage = stage_for(policy=Decide(sansip.Relay(sansip.Dispatch("gateways", algorithm))))
    call(stage)
    assert loads(stage) == {}


def test_calls_of_the_programs_own_count_too() -> None:
    stage = stage_for()
    bare = make_request().remove("Via")
    stage.step(sansip.RequestSubmitted(stage.now, "mine", bare, sansip.Relay(BY_LOAD)))
    stage.respond(200, GW_1)
    assert loads(stage) == {URI_1: 1}
    own = make_request("BYE", f"sip:bob@{GW_1}", cseq=2, to_tag="gw").remove("Via")
    stage.step(sansip.RequestSubmitted(stage.now, "end", own))
    assert loads(stage) == {}


def test_an_invite_that_goes_as_a_datagram_after_all_is_counted_once() -> None:
    settings = config(groups={"gateways": [URI_1]}, endpoints=BOTH, tcp_above=10)
    stage = Line(sansip.Engine(settings, Decide(sansip.Relay(BY_LOAD))))
    call(stage)
    stage.reject()
    assert newest(stage) == GW_1
    assert loads(stage) == {URI_1: 1}
    stage.respond(200, GW_1)
    assert loads(stage) == {URI_1: 1}


def test_a_state_that_is_kept_keeps_its_calls() -> None:
    stage = stage_for()
    call(stage)
    kept = stage.state.freeze()
    stage.respond(486, GW_1)
    assert [c for _, c in kept.fleet.calls.items()] == [Call(URI_1)]
    assert dict(kept.fleet.loads.items()) == {URI_1: 1}


def test_members_take_turns() -> None:
    stage = stage_for(policy=Decide(sansip.Relay(sansip.Dispatch("gateways", "round-robin"))))
    tried: list[sansip.Address] = []
    for number in range(4):
        call(stage, number)
        tried.append(newest(stage))
    assert tried == [GW_1, GW_2] * 2
    stage.step(sansip.Administered(stage.now, sansip.ReplaceGroups(())))
    assert not len(stage.state.fleet.turns)


def test_members_that_begin_as_disabled_get_nothing() -> None:
    stage = stage_for(sansip.Member(URI_1, begins="disabled"), URI_2)
    call(stage)
    assert newest(stage) == GW_2
    alone = sansip.ReplaceGroups((("gateways", (sansip.Member(URI_1, begins="disabled"),)),))
    stage.step(sansip.Administered(stage.now, alone))
    call(stage, 2)
    assert stage.statuses(CALLER)[-1] == 480


def test_parallel_members_are_called_at_once() -> None:
    stage = stage_for(policy=Decide(sansip.Relay(sansip.Dispatch("gateways", "parallel"))))
    call(stage)
    assert len(stage.at(GW_1, "INVITE")) == len(stage.at(GW_2, "INVITE")) == 1


def test_an_algorithm_that_there_is_not_costs_a_500() -> None:
    wrong: Whatever = 64
    stage = stage_for(policy=Decide(sansip.Relay(sansip.Dispatch("gateways", wrong))))
    call(stage)
    assert stage.statuses() == [500]
