"""Twenty-seven things that naive implementations miss, each in virtual time: 1 to 14.

All of them happen to calls to one name, behind which DNS knows two gateways (NAPTR, SRV, two A
records) unless a test says otherwise. The rule that each of them is about stands at the test.
"""

import pytest

import sansip
from behind_one_name import call, comes_to_rest, moved_on
from sansip import dns
from stage import GW_1, GW_2, Decide, Stage, make_request

# --- 1 to 4: what still comes from a branch that was left behind


@pytest.mark.rule("3261-16.7.5-01", "3261-16.7.10-02", "6026-7.2-01")
def test_01_a_late_200_from_the_branch_left_behind_is_the_answer() -> None:
    stage = moved_on()
    stage.respond(200, GW_1, tag="late")
    assert [(r.status, r.to_tag) for r in stage.responses()] == [(100, None), (200, "late")]
    stage.respond(180, GW_2)  # now it may be cancelled
    assert len(stage.at(GW_2, "CANCEL")) == 1
    stage.respond(487, GW_2)
    assert stage.statuses() == [100, 200]
    assert comes_to_rest(stage)


@pytest.mark.rule("3261-16.7.5-03", "6026-7.2-02", "6026-8.3-01")
def test_01_a_200_after_the_refusal_goes_through_while_its_transactions_live() -> None:
    stage = moved_on()
    stage.respond(486, GW_2)
    assert stage.statuses() == [100, 486]
    stage.respond(200, GW_1, tag="late")
    assert stage.statuses() == [100, 486, 200]
    stage.advance(40.0)  # Timers H and M have ended what could pass it on
    stage.respond(200, GW_1, tag="late")
    assert stage.statuses().count(200) == 1
    assert comes_to_rest(stage)


@pytest.mark.rule("3261-9.1-04", "3261-16.7.5-01")
def test_02_a_late_180_makes_its_branch_the_live_one_and_the_other_is_cancelled() -> None:
    stage = moved_on()
    stage.respond(180, GW_1)
    assert stage.statuses() == [100, 180]
    assert not stage.at(GW_2, "CANCEL")  # it has said nothing yet
    stage.respond(100, GW_2)
    assert len(stage.at(GW_2, "CANCEL")) == 1
    assert not stage.at(GW_1, "CANCEL")


@pytest.mark.rule("3261-9.1-04")
def test_02_a_late_180_from_one_that_came_second_is_cancelled_at_once() -> None:
    stage = moved_on()
    stage.respond(180, GW_2)
    stage.respond(180, GW_1)
    assert len(stage.at(GW_1, "CANCEL")) == 1
    assert not stage.at(GW_2, "CANCEL")


@pytest.mark.rule("3261-17.1.1.3-01", "3261-17.1.1.2-06")
def test_03_a_late_refusal_is_acknowledged_on_its_own_branch() -> None:
    stage = moved_on()
    (invite, *_) = stage.at(GW_1, "INVITE")
    stage.respond(486, GW_1)
    (ack,) = stage.at(GW_1, "ACK")
    assert ack.via.branch == invite.via.branch
    assert ack.uri_text == invite.uri_text
    assert not stage.at(GW_2, "ACK")


@pytest.mark.rule("3263-4.3-01", "3261-16.6.7-02", "3261-8.1.1.7-01")
def test_04_every_hop_gets_a_branch_of_its_own() -> None:
    stage = moved_on()
    first, second = stage.at(GW_1, "INVITE")[0], stage.at(GW_2, "INVITE")[0]
    assert first.via.branch != second.via.branch
    assert first.with_top_via(second.via).render() == second.render()


# --- 5 to 9: CANCEL and DNS


@pytest.mark.rule("3261-9.2-03", "3261-16.10-02", "3261-16.10-03")
def test_05_cancel_between_two_targets_leaves_no_branch_to_begin() -> None:
    stage = call(answer_dns=False)
    for _ in range(3):  # NAPTR, SRV, the first A
        answer_one(stage)
    (pending,) = stage.open_questions
    assert pending.name == "gw-2.example.com"
    stage.respond(503, GW_1)  # nothing is alive now
    stage.receive(make_request("CANCEL"))
    assert stage.statuses(method="CANCEL") == [200]
    assert stage.statuses() == [100, 487]
    assert not stage.open_questions
    stage.receive(make_request("ACK", to_tag=stage.responses()[-1].to_tag or ""))
    assert comes_to_rest(stage)
    assert not stage.at(GW_2, "INVITE")


@pytest.mark.rule("3261-9.1-04", "3261-9.1-06")
def test_06_cancel_before_any_provisional_response_is_never_sent_and_ends_all_the_same() -> None:
    stage = call()
    stage.receive(make_request("CANCEL"))
    assert stage.statuses(method="CANCEL") == [200]
    stage.advance(31.9)
    assert not stage.at(GW_1, "CANCEL")
    assert stage.statuses() == [100]
    stage.advance(0.1)  # Timer B
    assert stage.statuses() == [100, 487]
    assert comes_to_rest(stage)


@pytest.mark.rule("3261-9.1-06", "3261-16.8-02")
def test_06_a_cancelled_branch_that_never_says_487_is_given_up_after_64_t1() -> None:
    stage = call()
    stage.respond(180, GW_1)
    stage.receive(make_request("CANCEL"))
    assert len(stage.at(GW_1, "CANCEL")) == 1
    stage.advance(31.9)
    assert stage.statuses() == [100, 180]
    stage.advance(0.2)
    assert stage.statuses() == [100, 180, 487]
    assert comes_to_rest(stage)


@pytest.mark.rule("3261-16.10-02", "3261-16.10-03")
def test_07_what_dns_says_after_the_cancel_starts_nothing() -> None:
    stage = call(answer_dns=False)
    (query,) = stage.open_questions
    stage.receive(make_request("CANCEL"))
    assert stage.statuses() == [100, 487]
    found = stage.zone[query.name, query.type]
    assert stage.step(sansip.DnsAnswered(stage.now, query.query, found)) == ()
    assert not stage.at(GW_1, "INVITE")


@pytest.mark.rule("3261-16.2-01", "3261-16.2-02", "3261-17.2.1-03")
def test_08_an_invite_that_comes_again_while_its_name_is_resolved_gets_its_100_again() -> None:
    stage = call(answer_dns=False)
    stage.receive(make_request())
    assert stage.statuses() == [100, 100]
    assert len(stage.questions) == 1


@pytest.mark.rule("3261-9.2-06", "3261-17.2.3-03")
def test_09_a_cancel_that_comes_again_gets_its_200_again_and_does_nothing_else() -> None:
    stage = call()
    stage.respond(180, GW_1)
    stage.receive(make_request("CANCEL"))
    stage.respond(487, GW_1)
    stage.receive(make_request("CANCEL"))
    assert stage.statuses(method="CANCEL") == [200, 200]
    assert len(stage.at(GW_1, "CANCEL")) == 1
    assert stage.statuses() == [100, 180, 487]


# --- 10 and 11: calls that ring for ever


@pytest.mark.rule("3261-16.8-01", "3261-16.6.11-01", "3263-4.3-02", "3326-2-04")
def test_10_a_provisional_response_and_then_silence_is_timer_c_and_no_failover() -> None:
    stage = call()
    stage.respond(180, GW_1)
    stage.advance(180.0)
    assert not stage.at(GW_1, "CANCEL")
    stage.advance(10.0)
    cancel = stage.at(GW_1, "CANCEL")[0]
    assert cancel.values("reason") == ('SIP;cause=408;text="Timer C"',)
    stage.respond(487, GW_1)
    assert stage.statuses() == [100, 180, 408]  # nobody here has asked for a 487
    assert not stage.at(GW_2, "INVITE")


@pytest.mark.rule("3261-16.7.2-01")
@pytest.mark.parametrize(("status", "cancelled"), [(183, False), (100, True)])
def test_11_a_101_to_199_starts_timer_c_anew_and_a_100_does_not(
    status: int, *, cancelled: bool
) -> None:
    stage = call()
    stage.respond(180, GW_1)
    stage.advance(100.0)
    stage.respond(status, GW_1)
    stage.advance(100.0)
    assert bool(stage.at(GW_1, "CANCEL")) is cancelled


# --- 12 to 14: which answer the caller gets


@pytest.mark.rule("3261-16.7.5-02", "3263-4.3-07")
def test_12_after_a_6xx_nothing_begins_and_a_2xx_may_still_win() -> None:
    stage = moved_on()
    stage.respond(100, GW_1)
    stage.respond(603, GW_2)
    assert stage.statuses() == [100]  # the other one may still answer
    assert stage.at(GW_1, "CANCEL")[0].values("reason") == ("SIP;cause=603",)
    stage.respond(200, GW_1)
    assert stage.statuses() == [100, 200]


@pytest.mark.rule("3261-16.7.5-02")
def test_12_without_a_2xx_the_6xx_is_the_answer() -> None:
    stage = moved_on()
    stage.respond(100, GW_1)
    stage.respond(603, GW_2)
    stage.respond(487, GW_1)
    assert stage.statuses() == [100, 603]


@pytest.mark.rule("3261-16.7.6-02", "3261-16.7.6-03")
def test_13_a_503_is_never_the_answer_and_anything_else_is_better() -> None:
    stage = call()
    stage.respond(503, GW_1, headers=(("Retry-After", "60"),))
    stage.respond(500, GW_2)
    assert stage.statuses() == [100, 500]
    assert stage.responses()[-1].to_tag == "gw"
    both = call()
    for gateway in (GW_1, GW_2):
        both.respond(503, gateway, headers=(("Retry-After", "60"),))
    (_, answer) = both.responses()
    assert answer.status == 500
    assert answer.to_tag != "gw"
    assert answer.get("retry-after") is None


@pytest.mark.rule("3263-4.3-02", "3261-16.7.6-02")
def test_14_a_challenge_is_an_answer_and_who_comes_back_with_credentials_meets_the_challenger() -> (
    None
):
    stage = call()
    challenge = ("Proxy-Authenticate", 'Digest realm="gw", nonce="of gateway 1"')
    stage.respond(407, GW_1, headers=(challenge,))
    assert stage.responses()[-1].rows("proxy-authenticate") == (challenge[1],)
    stage.receive(make_request("ACK", to_tag="gw"))
    credentials = ("Proxy-Authorization", 'Digest realm="gw", nonce="of gateway 1"')
    stage.receive(make_request(branch="z9hG4bKagain", cseq=2, headers=(credentials,)))
    assert stage.at(GW_1, "INVITE")[-1].rows("proxy-authorization") == (credentials[1],)
    assert not stage.at(GW_2, "INVITE")


@pytest.mark.rule("3261-16.7.7-01", "3261-16.7.6-02")
def test_14_the_challenges_of_all_phones_reach_the_caller_as_they_are() -> None:
    stage = call(Decide(sansip.Relay([f"sip:bob@{GW_1}", f"sip:bob@{GW_2}"])))
    stage.respond(401, GW_1, headers=(("WWW-Authenticate", 'Digest realm="desk", nonce="1"'),))
    stage.respond(407, GW_2, headers=(("Proxy-Authenticate", 'Digest realm="hall", nonce="2"'),))
    answer = stage.responses()[-1]
    assert answer.status in (401, 407)
    assert answer.rows("www-authenticate") == ('Digest realm="desk", nonce="1"',)
    assert answer.rows("proxy-authenticate") == ('Digest realm="hall", nonce="2"',)


def answer_one(stage: Stage) -> None:
    query = stage.open_questions.pop(0)
    known = stage.zone.get((query.name, query.type), dns.NoName(30.0))
    stage.step(sansip.DnsAnswered(stage.now, query.query, known))
