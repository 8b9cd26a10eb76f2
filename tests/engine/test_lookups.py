"""DNS through the engine: pending, failing, stale, denied; one query per question."""

import pytest

import sansip
from sansip import dns
from sansip.locate import LocateLimits
from slow_dns import SRV, answer_one, call, slow
from stage import GW_1, GW_2, ZONE, Decide, make_request, on_stage

TIME_OUT = dns.Failure("time-out")


@pytest.mark.rule("SIO-10", "3263-4.1-01")
def test_one_query_per_question_however_many_wait_for_it() -> None:
    stage = slow()
    for number in range(5):
        call(stage, number)
    assert stage.questions == [("gw.example.com", "NAPTR")]
    stage.answer_dns = True
    stage.answer_all()
    assert stage.questions == [
        ("gw.example.com", "NAPTR"),
        SRV,
        ("gw-1.example.com", "A"),
        ("gw-2.example.com", "A"),
    ]
    assert len(stage.at(GW_1, "INVITE")) == 5
    assert not len(stage.state.queries)
    assert not len(stage.state.questions)


def test_the_first_hop_is_tried_before_the_list_is_complete() -> None:
    stage = slow()
    call(stage)
    for _ in range(3):  # NAPTR, SRV, the first A
        answer_one(stage)
    assert len(stage.at(GW_1, "INVITE")) == 1
    stage.respond(503, GW_1)
    assert stage.statuses() == [100]
    answer_one(stage)
    assert len(stage.at(GW_2, "INVITE")) == 1


def test_a_hop_that_is_refused_later_is_no_news_when_there_was_another() -> None:
    stage = slow()
    stage.zone["gw-2.example.com", "A"] = dns.Found((dns.Ip("127.0.0.1"),), 60.0)
    call(stage)
    for _ in range(4):
        answer_one(stage)
    assert "policy" not in stage.topics()
    stage.respond(486, GW_1)
    assert stage.statuses() == [100, 486]


def test_answers_in_the_other_order_give_the_same_list() -> None:
    stage = slow()
    call(stage)
    answer_one(stage)
    answer_one(stage)
    stage.open_questions.reverse()
    answer_one(stage)
    assert not stage.at(GW_2, "INVITE")
    answer_one(stage)
    assert len(stage.at(GW_1, "INVITE")) == 1
    stage.respond(503, GW_1)
    assert len(stage.at(GW_2, "INVITE")) == 1


@pytest.mark.rule("SIO-10")
def test_nobody_asks_what_nobody_waits_for() -> None:
    stage = slow()
    call(stage, 1)
    call(stage, 2)
    (query,) = stage.open_questions
    first = stage.receive(make_request("CANCEL", branch="z9hG4bK1"))
    assert not [action for action in first if isinstance(action, sansip.StopDns)]
    second = stage.receive(make_request("CANCEL", branch="z9hG4bK2"))
    assert sansip.StopDns(query.query) in second
    before = stage.state
    assert stage.step(sansip.DnsAnswered(stage.now, query.query, TIME_OUT)) == ()
    assert stage.state == before
    call(stage, 3)
    assert stage.open_questions[0].query != query.query


def test_an_answer_ends_the_other_questions() -> None:
    stage = slow()
    call(stage)
    for _ in range(3):
        answer_one(stage)
    (query,) = stage.open_questions
    stage.respond(200, GW_1)
    assert sansip.StopDns(query.query) in stage.actions[-1]
    stage.advance(60.0)
    assert stage.is_empty()


@pytest.mark.parametrize("hops", [1, 2])
def test_a_list_that_is_long_enough_ends_its_questions(hops: int) -> None:
    """The first name has as many addresses as are wanted: the second one is of no interest."""
    stage = on_stage(limits=sansip.Limits(locate=LocateLimits(hops=hops)))
    stage.zone["gw-1.example.com", "A"] = dns.Found((dns.Ip(GW_1.host), dns.Ip("203.0.113.9")), 60)
    stage.answer_dns = False
    call(stage)
    while stage.open_questions:
        query = stage.open_questions.pop(0)
        if query.name == "gw-2.example.com":
            stage.open_questions.append(query)
            break
        stage.step(sansip.DnsAnswered(stage.now, query.query, stage.zone[query.name, query.type]))
    while stage.open_questions[1:]:
        answer_one(stage, stage.zone["gw-1.example.com", "A"])
    assert not stage.open_questions
    assert not len(stage.state.queries)


def test_a_list_that_the_cache_completes_asks_nothing() -> None:
    stage = on_stage(limits=sansip.Limits(locate=LocateLimits(hops=2)))
    two = dns.Found((dns.Ip(GW_1.host), dns.Ip("203.0.113.9")), 60.0)
    stage.zone["gw-1.example.com", "A"] = two
    call(stage, 1, "sip:bob@gw-1.example.com:5060")
    stage.answer_dns = False
    call(stage, 2)
    answer_one(stage)
    answer_one(stage)
    assert len(stage.at(GW_1, "INVITE")) == 2
    assert not stage.open_questions
    assert not len(stage.state.queries)


# --- what the caller hears when there is no hop


@pytest.mark.rule("3263-4.2-06", "3261-16.5-04")
@pytest.mark.parametrize(
    ("answer", "status"),
    [(dns.NoName(60.0), 480), (dns.NoRecords(60.0), 480), (TIME_OUT, 503)],
)
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_name_that_leads_nowhere(answer: dns.Answer, status: int, method: str) -> None:
    """A denial is about the name, a failure about DNS: another proxy may do better, so 503."""
    stage = on_stage()
    stage.zone = {
        (name, kind): answer
        for name in ("gw.example.com", "_sip._udp.gw.example.com")
        for kind in ("NAPTR", "SRV", "A")
    }
    stage.receive(make_request(method))
    assert stage.statuses(method=method)[-1] == status
    assert ("dns" in stage.topics()) is (answer is TIME_OUT)
    stage.advance(60.0)
    assert stage.is_empty()


@pytest.mark.rule("3263-4.2-05")
def test_a_domain_that_offers_no_sip_is_unavailable() -> None:
    stage = on_stage()
    stage.zone[SRV] = dns.Found((dns.Srv(0, 0, 0, ""),), 60.0)
    call(stage)
    assert stage.statuses() == [100, 480]


def test_a_uri_that_we_have_no_transport_for_is_unavailable() -> None:
    stage = on_stage()
    call(stage, 1, "sip:bob@gw.example.com;transport=sctp")
    call(stage, 2, "sips:bob@gw.example.com")
    assert stage.statuses() == [100, 480, 100, 480]
    assert not stage.questions


@pytest.mark.rule("3263-4.3-01")
def test_one_name_of_two_that_fails_costs_nothing() -> None:
    stage = on_stage()
    stage.zone["gw-1.example.com", "A"] = TIME_OUT
    call(stage)
    stage.respond(200, GW_2)
    assert stage.statuses() == [100, 200]


def test_a_member_of_a_group_without_an_address_is_passed_over() -> None:
    stage = on_stage(Decide(sansip.Relay(sansip.Dispatch("gateways"))))
    stage.zone["gw-1.example.com", "A"] = dns.NoName(60.0)
    call(stage)
    assert len(stage.at(GW_2, "INVITE")) == 1
    stage.respond(486, GW_2)
    assert stage.statuses() == [100, 486]


# --- the cache


def test_answers_are_kept_for_their_time_to_live() -> None:
    stage = on_stage()
    call(stage, 1)
    asked = len(stage.questions)
    stage.advance(59.0)
    call(stage, 2)
    assert len(stage.questions) == asked
    stage.advance(1.1)
    call(stage, 3)
    assert len(stage.questions) == 2 * asked


def test_a_failure_of_dns_is_bridged_with_old_records() -> None:
    """RFC 8767: gateways rarely move, and a dead resolver should not stop all calls."""
    stage = on_stage()
    call(stage, 1)
    stage.respond(200, GW_1)
    stage.zone = dict.fromkeys(ZONE, TIME_OUT)
    stage.advance(3600.0)
    call(stage, 2)
    assert len(stage.at(GW_1, "INVITE")) == 2
    assert stage.topics().count("dns") == 4
    # For two seconds the failure itself is remembered, and is bridged without a new question.
    asked = len(stage.questions)
    call(stage, 3)
    assert len(stage.questions) == asked
    assert len(stage.at(GW_1, "INVITE")) == 3
    stage.advance(90_000.0)
    call(stage, 4)
    assert stage.statuses()[-1] == 503


def test_a_denial_is_never_bridged() -> None:
    stage = on_stage()
    call(stage, 1)
    stage.respond(200, GW_1)
    stage.zone = dict.fromkeys(ZONE, dns.NoName(60.0))
    stage.advance(3600.0)
    call(stage, 2)
    assert stage.statuses()[-1] == 480


def test_a_failure_that_nothing_bridges_is_remembered_for_two_seconds() -> None:
    stage = on_stage()
    stage.zone["gw.example.com", "NAPTR"] = stage.zone[SRV] = TIME_OUT
    stage.zone["gw.example.com", "A"] = TIME_OUT
    call(stage, 1)
    asked = len(stage.questions)
    call(stage, 2)
    assert stage.statuses() == [100, 503] * 2
    assert len(stage.questions) == asked
    stage.advance(2.1)
    call(stage, 3)
    assert len(stage.questions) > asked


def test_the_cache_can_be_flushed() -> None:
    stage = on_stage()
    call(stage, 1)
    asked = len(stage.questions)
    stage.step(sansip.Administered(stage.now, sansip.FlushCache()))
    call(stage, 2)
    assert len(stage.questions) == 2 * asked


@pytest.mark.parametrize("query", [0, 1, 2, 99, -1])
def test_an_answer_that_nobody_asked_for_is_ignored(query: int) -> None:
    stage = on_stage()
    before = stage.state
    found = dns.Found((dns.Ip("203.0.113.66"),), 60.0)
    assert stage.step(sansip.DnsAnswered(stage.now, query, found)) == ()
    assert stage.state == before


# --- groups


def test_groups_are_replaced_while_calls_go_on() -> None:
    stage = on_stage(Decide(sansip.Relay(sansip.Dispatch("gateways"))))
    call(stage, 1)
    stage.step(
        sansip.Administered(stage.now, sansip.ReplaceGroups((("gateways", (f"sip:{GW_2}",)),)))
    )
    call(stage, 2)
    stage.respond(503, GW_1)  # the first call keeps its plan
    assert [request.call_id for request in stage.at(GW_2, "INVITE")] == ["2", "1"]


def test_an_impossible_group_is_refused_and_nothing_has_happened() -> None:
    stage = on_stage(Decide(sansip.Relay(sansip.Dispatch("gateways"))))
    before = stage.state
    with pytest.raises(sansip.LocalProtocolError, match="group gateways is empty"):
        stage.step(sansip.Administered(stage.now, sansip.ReplaceGroups((("gateways", ()),))))
    assert stage.state == before
    call(stage, 1)
    assert len(stage.at(GW_1, "INVITE")) == 1


def test_a_group_that_has_gone_costs_a_500() -> None:
    stage = on_stage(Decide(sansip.Relay(sansip.Dispatch("gateways"))))
    stage.step(sansip.Administered(stage.now, sansip.ReplaceGroups(())))
    call(stage, 1)
    assert stage.statuses() == [500]
    assert stage.reports[-1].text == "there is no group 'gateways'; the groups are: none"
