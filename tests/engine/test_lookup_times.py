"""How long DNS may take: questions that nobody answers hold nothing up for ever."""

from itertools import product

import pytest

import sansip
from slow_dns import SRV, answer_one, call, slow
from stage import GW_1, GW_2, ZONE, Decide, make_request, on_stage


@pytest.mark.rule("SIO-10", "SIO-05")
def test_a_question_has_four_seconds_and_has_failed_then() -> None:
    """The adapter has forgotten it, or its server answers once a minute."""
    stage = slow()
    call(stage, 1)
    stage.advance(2.0)
    call(stage, 2)  # waits for the same answer, and no longer
    (query,) = stage.open_questions
    stage.advance(1.9)
    assert not stage.reports
    stage.advance(0.1)
    assert sansip.StopDns(query.query) in [order for orders in stage.actions for order in orders]
    assert stage.reports[0].text == "NAPTR: no answer within 4 s"
    assert [(q.name, q.type) for q in stage.open_questions] == [SRV]
    stage.advance(8.0)  # SRV, address
    assert stage.statuses() == [100, 100, 503, 503]
    assert not stage.open_questions
    stage.advance(60.0)
    assert stage.is_empty()


@pytest.mark.rule("SIO-10", "3263-4.2-06")
def test_a_member_whose_name_nobody_resolves_holds_the_others_up_for_four_seconds() -> None:
    stage = on_stage(Decide(sansip.Relay(sansip.Dispatch("gateways"))))
    stage.answer_dns = False
    call(stage)
    stage.advance(4.0)
    answer_one(stage)
    assert len(stage.at(GW_2, "INVITE")) == 1
    assert not stage.at(GW_1, "INVITE")


@pytest.mark.rule("SIO-10", "3261-16.1-01")
def test_neither_does_an_ack_wait_for_ever() -> None:
    stage = slow()
    stage.receive(make_request("ACK", to_tag="gw"))
    stage.advance(12.0)
    assert stage.topics() == ["dns", "dns", "dns", "dropped"]
    assert not stage.sends
    assert stage.is_empty()


@pytest.mark.rule("SIO-10", "3263-5-05")
def test_nor_does_a_response() -> None:
    stage = on_stage()
    request = make_request("OPTIONS", f"sip:bob@{GW_1}")
    stage.receive(
        request.with_top_via(f"SIP/2.0/UDP phone.example.com;branch={request.via.branch}")
    )
    stage.respond(200, GW_1, method="OPTIONS")
    stage.answer_dns = False
    stage.refuse(stage.sends[-1])
    assert [(q.name, q.type) for q in stage.open_questions] == [
        ("_sip._udp.phone.example.com", "SRV")
    ]
    assert len(stage.state.undelivered) == 1
    stage.advance(8.0)  # SRV, address
    assert not len(stage.state.undelivered)
    assert stage.topics()[-1] == "transport"
    stage.advance(60.0)
    assert stage.is_empty()


def test_an_answer_in_time_stops_the_clock_and_one_after_it_is_ignored() -> None:
    stage = slow()
    call(stage)
    answer_one(stage)
    (query,) = stage.open_questions
    stage.advance(3.9)
    assert not stage.reports
    stage.advance(0.1)  # counted from when it was asked
    before = stage.state
    assert stage.step(sansip.DnsAnswered(stage.now, query.query, ZONE[SRV])) == ()
    assert stage.state == before
    (timer,) = [timer for timer in stage.fired if timer.owner == f"d|SRV {SRV[0]}"]
    assert stage.step(sansip.TimerFired(stage.now, timer)) == ()
    assert stage.state == before


@pytest.mark.rule("SIO-05", "SIO-10")
@pytest.mark.parametrize("answered", [*product([True, False], repeat=4)])
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "ACK"])
def test_whichever_questions_are_never_answered_a_lookup_ends_within_twelve_seconds(
    method: str, answered: tuple[bool, ...]
) -> None:
    stage = slow()
    stage.receive(make_request(method, to_tag="gw" if method == "ACK" else ""))
    known = {name for name, there in zip(ZONE, answered, strict=True) if there}
    for _ in range(13):
        for query in list(stage.open_questions):
            if query in stage.open_questions and (query.name, query.type) in known:
                stage.open_questions.remove(query)
                found = ZONE[query.name, query.type]
                stage.step(sansip.DnsAnswered(stage.now, query.query, found))
        stage.advance(1.0)
    assert not len(stage.state.searches)
    assert not len(stage.state.queries)
    # Some address of a list that is known leads somewhere, at once or when the others are given up.
    assert bool(stage.at(GW_1, method) or stage.at(GW_2, method)) == (
        answered[1] and any(answered[2:])
    )
    stage.advance(120.0)
    assert stage.is_empty()


def test_how_long_a_question_may_take_can_be_said() -> None:
    stage = on_stage(limits=sansip.Limits(resolve=1.5))
    stage.answer_dns = False
    call(stage)
    stage.advance(1.5)
    assert stage.reports[0].text == "NAPTR: no answer within 1.5 s"
