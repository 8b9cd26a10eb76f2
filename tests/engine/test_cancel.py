"""CANCEL goes hop by hop (RFC 3261 9 and 16.10)."""

import pytest

import sansip
from line import line
from sansip.message import reply
from stage import GW_1, GW_2, Decide, ToName, make_request, on_stage

INVITE = make_request()
CANCEL = make_request("CANCEL")
REASON = 'SIP;cause=200;text="Call completed elsewhere"'


@pytest.mark.rule("3261-9.2-01", "3261-9.2-03", "3261-9.2-04", "3261-16.10-01", "3261-17.1.3-02")
def test_a_ringing_call_is_cancelled() -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.respond(180, GW_1)
    stage.receive(CANCEL)
    assert stage.statuses(method="CANCEL") == [200]
    (sent,) = stage.at(GW_1, "CANCEL")
    assert stage.statuses() == [100, 180]
    stage.respond(200, GW_1, method="CANCEL")
    assert stage.statuses(method="CANCEL") == [200]
    stage.respond(487, GW_1, tag="gw")
    assert stage.statuses() == [100, 180, 487]
    (ack,) = stage.at(GW_1, "ACK")
    assert ack.via == sent.via == stage.at(GW_1, "INVITE")[0].via
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-9.1-02", "3261-9.1-03", "3261-9.1-05", "3261-16.6.8-02", "3326-2-02")
def test_the_cancel_that_goes_out_is_made_of_the_invite_that_went_out() -> None:
    stage = on_stage(ToName(follow_route=True))
    headers = [
        ("Route", "<sip:192.0.2.10;lr>"),
        ("Route", "<sip:203.0.113.2;lr>"),
        ("Require", "100rel"),
    ]
    stage.receive(make_request(headers=headers))
    stage.respond(180, GW_2)
    stage.receive(
        make_request("CANCEL", headers=[("Reason", "Q.850;cause=16"), ("Reason", REASON)])
    )
    (invite,), (cancel,) = stage.at(GW_2, "INVITE"), stage.at(GW_2, "CANCEL")
    assert (cancel.uri_text, cancel.call_id, cancel.get("to"), cancel.get("from")) == (
        invite.uri_text,
        invite.call_id,
        invite.get("to"),
        invite.get("from"),
    )
    assert cancel.values("route") == invite.values("route") == ("<sip:203.0.113.2;lr>",)
    assert cancel.rows("via") == invite.rows("via")[:1]
    assert str(cancel.cseq.number) == "1"
    assert cancel.get("max-forwards") == "70"
    assert "require" not in cancel.names
    assert cancel.values("reason") == ("Q.850;cause=16", REASON)


@pytest.mark.rule("3261-9.1-05", "3261-17.1.1.2-06")
def test_cancel_and_ack_go_to_the_port_of_their_invite() -> None:
    # CANCEL "MUST be sent to the same address, port and transport" (9.1), and so must the ACK of a
    # refusal (17.1.1.2).
    there = sansip.Address(GW_1.host, 5070)
    stage = on_stage()
    stage.receive(make_request(uri=f"sip:bob@{there}"))
    stage.respond(180, there)
    stage.receive(make_request("CANCEL", f"sip:bob@{there}"))
    stage.respond(487, there)
    methods = [m.method for to, m in stage.sent if to == there and isinstance(m, sansip.Request)]
    assert methods == ["INVITE", "CANCEL", "ACK"]


@pytest.mark.rule("3261-9.1-04")
def test_a_cancel_waits_for_the_first_provisional_response() -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.receive(CANCEL)
    assert stage.statuses(method="CANCEL") == [200]
    assert not stage.at(GW_1, "CANCEL")
    stage.respond(100, GW_1)
    assert len(stage.at(GW_1, "CANCEL")) == 1
    stage.respond(180, GW_1)
    assert len(stage.at(GW_1, "CANCEL")) == 1
    stage.respond(487, GW_1)
    assert stage.statuses() == [100, 180, 487]


@pytest.mark.rule("3261-9.1-04", "3261-16.7.10-02")
@pytest.mark.parametrize("status", [200, 486])
def test_a_cancel_that_is_too_late_is_forgotten(status: int) -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.receive(CANCEL)
    stage.respond(status, GW_1)
    assert stage.statuses() == [100, status]
    assert not stage.at(GW_1, "CANCEL")


@pytest.mark.rule("3261-9.2-06")
def test_a_cancel_that_comes_again_is_answered_again_and_does_nothing_else() -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.respond(180, GW_1)
    stage.receive(CANCEL)
    stage.receive(CANCEL)
    answers = stage.responses(method="CANCEL")
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0] == answers[1]
    assert len(stage.at(GW_1, "CANCEL")) == 1


@pytest.mark.rule("3261-9.2-03")
def test_both_answers_have_the_same_to_tag() -> None:
    stage = on_stage()
    stage.answer_dns = False
    stage.receive(INVITE)
    stage.receive(CANCEL)
    (ok,) = stage.responses(method="CANCEL")
    assert stage.responses()[-1].status == 487
    assert ok.to_tag == stage.responses()[-1].to_tag is not None


@pytest.mark.rule("3261-9.2-02", "AMB-17", "3261-16.10-05")
def test_a_cancel_that_matches_nothing_gets_481() -> None:
    """Nothing is ever forwarded without state here, so nobody further on can know its INVITE."""
    stage = on_stage()
    stage.receive(CANCEL)
    stage.receive(CANCEL)
    assert stage.statuses(method="CANCEL") == [481, 481]
    assert not stage.at(GW_1, "CANCEL")
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-16.10-04", "3261-9.2-03")
@pytest.mark.parametrize("status", [200, 486])
def test_after_the_final_response_a_cancel_is_answered_and_has_no_effect(status: int) -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.respond(status, GW_1)
    stage.receive(CANCEL)
    assert stage.statuses(method="CANCEL") == [200]
    assert not stage.at(GW_1, "CANCEL")
    assert stage.statuses() == [100, status]


@pytest.mark.rule("3261-9.2-03")
def test_a_cancel_of_a_call_that_never_left_is_answered_too() -> None:
    """Its response context is gone at once, its server transaction waits for the ACK."""
    stage = on_stage()
    stage.receive(make_request(uri="sip:bob@nowhere.example"))
    assert (stage.statuses(), len(stage.state.contexts)) == ([100, 480], 0)
    stage.receive(CANCEL)
    assert stage.statuses(method="CANCEL") == [200]
    assert stage.statuses() == [100, 480]


@pytest.mark.rule("3261-9.2-01", "3261-9.2-03", "3261-9.2-04", "3261-9.1-01")
@pytest.mark.parametrize("via", ["198.51.100.1:5060;branch=z9hG4bK1", "198.51.100.1:5060"])
@pytest.mark.parametrize("method", ["OPTIONS", "MESSAGE", "BYE"])
def test_a_cancel_of_something_else_than_an_invite_has_no_effect(method: str, via: str) -> None:
    stage = on_stage()
    stage.receive(make_request(method).with_top_via(f"SIP/2.0/UDP {via}"))
    stage.receive(CANCEL.with_top_via(f"SIP/2.0/UDP {via}"))
    assert stage.statuses(method="CANCEL") == [200]
    assert not stage.at(GW_1, "CANCEL")
    stage.respond(200, GW_1, method=method)
    assert stage.statuses(method=method) == [200]
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-16.3-05", "3261-16.10-06", "3261-8.2.2.3-01", "3261-9.2-05")
def test_nothing_else_in_a_cancel_matters() -> None:
    stage = on_stage(limits=sansip.Limits(transactions=1))
    stage.receive(INVITE)
    cancel = make_request(
        "CANCEL", headers=[("Proxy-Require", "wonders"), ("Route", "<sip:evil.example.net;lr>")]
    )
    stage.receive(cancel.set("Max-Forwards", "0"))
    assert stage.statuses(method="CANCEL") == [200]


@pytest.mark.rule("AMB-26", "3261-17.2.3-04")
def test_an_rfc_2543_client_can_cancel_too() -> None:
    stage = on_stage()
    stage.receive(INVITE.with_top_via("SIP/2.0/UDP 198.51.100.1:5060"))
    stage.respond(180, GW_1)
    stage.receive(CANCEL.with_top_via("SIP/2.0/UDP 198.51.100.1:5060"))
    assert stage.statuses(method="CANCEL") == [200]
    assert len(stage.at(GW_1, "CANCEL")) == 1


@pytest.mark.rule("3261-9.1-06", "3261-9.1-07", "3261-16.8-02")
@pytest.mark.parametrize("answer", [None, 200, 481])
def test_a_phone_that_never_ends_its_cancelled_call_is_given_up(answer: int | None) -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.respond(180, GW_1)
    stage.receive(CANCEL)
    if answer is not None:
        stage.respond(answer, GW_1, method="CANCEL")
    stage.advance(31.9)
    assert stage.statuses() == [100, 180]
    stage.advance(0.2)
    assert stage.statuses() == [100, 180, 487]
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-16.10-03", "3261-16.10-02")
def test_a_cancel_while_nothing_has_been_located_ends_the_questions() -> None:
    stage = on_stage()
    stage.answer_dns = False
    stage.receive(INVITE)
    (asked,) = stage.open_questions
    actions = stage.receive(CANCEL)
    assert sansip.StopDns(asked.query) in actions
    assert stage.statuses() == [100, 487]
    stage.step(sansip.DnsAnswered(stage.now, asked.query, stage.zone[asked.name, asked.type]))
    assert not stage.at(GW_1, "INVITE")
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-16.8-01", "3261-16.6.11-01", "3261-17-T04", "3326-2-04")
def test_timer_c_cancels_what_rings_for_ever() -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.respond(180, GW_1)
    stage.advance(100.0)
    stage.respond(180, GW_1)
    stage.advance(184.9)
    assert not stage.at(GW_1, "CANCEL")
    stage.advance(0.2)
    (cancel,) = stage.at(GW_1, "CANCEL")
    assert cancel.get("reason") == 'SIP;cause=408;text="Timer C"'
    stage.advance(32.1)
    assert stage.statuses()[-1] == 408
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-9.2-02")
def test_a_cancel_of_a_call_that_was_refused_without_state_matches_nothing() -> None:
    stage = on_stage(Decide(sansip.Reply(486)))
    stage.receive(INVITE)
    stage.receive(CANCEL)
    assert stage.statuses() == [486]
    assert stage.statuses(method="CANCEL") == [481]


@pytest.mark.rule("3261-9.1-06", "3261-16.7.10-01")
def test_a_branch_that_lost_and_never_ends_is_given_up() -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.respond(100, GW_1)
    second = stage.at(GW_1, "INVITE")[0]
    stage.advance(3.0)
    assert not stage.at(GW_2, "INVITE")  # a 100 is a sign of life
    stage.respond(180, GW_1)
    stage.receive(CANCEL)
    stage.receive(reply(second, 200, to_tag="late"), GW_1)
    assert stage.statuses() == [100, 180, 200]
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-9.1-04", "3261-9.1-06", "3326-2-01")
def test_the_loser_is_cancelled_at_its_first_provisional_response() -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.advance(3.0)
    stage.respond(200, GW_2)
    assert not stage.at(GW_1, "CANCEL")
    stage.respond(180, GW_1)
    (cancel,) = stage.at(GW_1, "CANCEL")
    assert cancel.get("reason") == REASON
    assert stage.statuses() == [100, 200]
    stage.advance(32.1)  # and no final response: 64*T1 after CANCEL it is given up
    stage.respond(200, GW_1)
    assert stage.statuses() == [100, 200]
    stage.advance(3600.0)
    assert stage.is_empty()


# What has not been sent yet ----------------------------------------------------------------------

BY_TCP = f"sip:bob@{GW_1};transport=tcp"
NEVER_SENT = make_request(uri=BY_TCP)


@pytest.mark.rule("3261-9.1-04", "3261-16.10-03")
def test_an_invite_that_waits_for_its_connection_is_not_sent_once_it_is_cancelled() -> None:
    stage = line()
    stage.receive(NEVER_SENT)
    stage.receive(make_request("CANCEL", BY_TCP))
    assert stage.statuses(method="CANCEL") == [200]
    flow = stage.connect()
    assert stage.sent_over(flow) == []
    assert stage.statuses() == [100, 487]
    assert flow not in stage.closed()
    stage.receive(make_request(uri=BY_TCP, branch="z9hG4bK2", call_id="2"))
    assert stage.sent_over(flow) == ["INVITE"]  # the connection is as good as any
    stage.close(flow)
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-9.1-04", "3261-16.7.10-02")
def test_nor_is_one_after_another_phone_has_answered() -> None:
    stage = line(Decide(sansip.Relay([BY_TCP, f"sip:bob@{GW_2}"])))
    stage.receive(NEVER_SENT)
    stage.respond(200, GW_2)
    assert stage.sent_over(stage.connect()) == []
    assert stage.statuses() == [100, 200]
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-9.1-04")
def test_others_that_wait_for_the_same_connection_are_sent() -> None:
    stage = line()
    stage.receive(NEVER_SENT)
    stage.receive(make_request(uri=BY_TCP, branch="z9hG4bK2", call_id="2"))
    stage.receive(make_request("MESSAGE", BY_TCP, branch="z9hG4bK3", call_id="3"))
    stage.receive(make_request("CANCEL", BY_TCP))
    flow = stage.connect()
    assert stage.sent_over(flow) == ["INVITE", "MESSAGE"]
    assert [request.call_id for request in stage.at(GW_1, "INVITE")] == ["2"]


@pytest.mark.rule("3261-9.1-04", "3261-9.1-05")
def test_one_that_may_have_come_through_goes_once_more_and_is_cancelled() -> None:
    stage = line()
    stage.open(1, GW_1)
    stage.receive(NEVER_SENT)
    assert stage.sent_over(1) == ["INVITE"]
    stage.receive(make_request("CANCEL", BY_TCP))
    stage.close(1)
    flow = stage.connect()
    assert stage.sent_over(flow) == ["INVITE"]
    stage.hear(reply(stage.at(GW_1, "INVITE")[-1], 100), flow)
    assert stage.sent_over(flow) == ["INVITE", "CANCEL"]
