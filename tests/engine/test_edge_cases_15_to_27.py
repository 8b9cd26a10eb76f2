"""Twenty-seven things that naive implementations miss, each in virtual time: 15 to 27.

All of them happen to calls to one name, behind which DNS knows two gateways (NAPTR, SRV, two A
records) unless a test says otherwise. The rule that each of them is about stands at the test.
"""

import pytest

import sansip
from behind_one_name import call, comes_to_rest, moved_on
from line import line, over_tcp
from sansip import dns
from sansip.message import reply
from stage import CALLER, GW_1, GW_2, Decide, Stage, ToName, make_request, on_stage

# --- 15 and 16: where CANCEL and ACK go


@pytest.mark.rule("3261-9.1-05", "3263-4-01", "3261-17.1.1.2-06")
def test_15_cancel_and_the_ack_of_a_refusal_go_where_their_invite_went_whatever_dns_says() -> None:
    stage = call()
    stage.respond(180, GW_1)
    stage.zone[("gw-1.example.com", "A")] = dns.Found((dns.Ip("203.0.113.99"),), 60.0)
    stage.step(sansip.Administered(stage.now, sansip.FlushCache()))
    asked = len(stage.questions)
    stage.receive(make_request("CANCEL"))
    stage.respond(487, GW_1)
    assert len(stage.at(GW_1, "CANCEL")) == 1
    assert len(stage.at(GW_1, "ACK")) == 1
    assert len(stage.questions) == asked


@pytest.mark.rule("3261-16.1-01", "3263-4-01", "3261-17.2.3-07")
def test_16_the_ack_of_a_2xx_follows_the_dialog_and_is_located_anew() -> None:
    stage = call()
    stage.respond(200, GW_1)
    (invite,) = stage.at(GW_1, "INVITE")
    stage.zone["phone.example.com", "A"] = dns.Found((dns.Ip("203.0.113.77"),), 60.0)
    ack = make_request(
        "ACK",
        "sip:bob@phone.example.com:5060",
        branch="z9hG4bKack",
        headers=[("Route", row) for row in invite.rows("record-route")],
        to_tag="gw",
    )
    stage.receive(ack)
    phone = sansip.Address("203.0.113.77", 5060)
    assert len(stage.at(phone, "ACK")) == 1
    stage.receive(ack)  # after a copy of the 200
    copies = stage.at(phone, "ACK")
    assert len(copies) == 2
    assert copies[0].via.branch == copies[1].via.branch


# --- 17 and 18: connections that die


@pytest.mark.rule("3261-18.2.2-02", "3261-17.2.4-01")
def test_17_when_the_connection_of_a_request_has_died_its_response_opens_another() -> None:
    stage = line().open()
    stage.hear(over_tcp())
    stage.close()
    stage.respond(200, GW_1)
    (order,) = stage.orders()
    assert (order.transport, order.remote) == ("tcp", CALLER)  # received, and the port of sent-by
    assert stage.sent_over(stage.connect()) == ["200"]


@pytest.mark.rule("3263-5-02", "3261-18.2.2-05")
def test_17_a_response_that_cannot_be_sent_tries_what_its_sent_by_leads_to() -> None:
    stage = on_stage()
    stage.zone["phone.example.com", "A"] = dns.Found((dns.Ip("198.51.100.9"),), 60.0)
    request = make_request()
    via = f"SIP/2.0/UDP phone.example.com:5070;branch={request.via.branch};rport"
    stage.receive(request.with_top_via(via))
    stage.respond(200, GW_1)
    answer = stage.sends[-1]
    assert answer.remote == CALLER
    error = "network is unreachable"
    stage.step(
        sansip.SendFailed(
            stage.now, answer.endpoint, answer.remote, error, answer.id, quoted=answer.data
        )
    )
    assert stage.sends[-1].remote == sansip.Address("198.51.100.9", 5070)
    assert stage.sends[-1].data == answer.data


@pytest.mark.rule("3261-18.4-02", "AMB-11")
def test_18_a_connection_that_dies_before_any_response_moves_on_and_later_it_does_not() -> None:
    """A closed connection is no failure of a call that rings (Sofia-SIP, pjproject 2076)."""
    silent = line(ToName(advance_after=None), groups={})
    silent.zone["_sip._tcp.gw.example.com", "SRV"] = silent.zone.pop(
        ("_sip._udp.gw.example.com", "SRV")
    )
    silent.receive(make_request(uri="sip:bob@gw.example.com;transport=tcp"))
    silent.close(silent.connect())
    assert [order.remote for order in silent.orders()] == [GW_1, GW_2]
    ringing = line(ToName(advance_after=None))
    ringing.zone = silent.zone
    ringing.receive(make_request(uri="sip:bob@gw.example.com;transport=tcp"))
    flow = ringing.connect()
    ringing.hear(sansip.reply(ringing.at(GW_1, "INVITE")[0], 180, to_tag="gw"), flow)
    ringing.close(flow)
    assert [order.remote for order in ringing.orders()] == [GW_1]
    # "new inbound connections to sent-by" (18.1.1-06): the answer may come another way.
    ringing.open(7, sansip.Address(GW_1.host, 44444))
    ringing.hear(sansip.reply(ringing.at(GW_1, "INVITE")[0], 200, to_tag="gw"), 7)
    assert ringing.statuses() == [100, 180, 200]


# --- 19 to 23: failures, and what they are worth


@pytest.mark.rule("3261-16.9-01", "3263-4.3-01")
def test_19_an_error_on_a_retransmission_counts_like_one_on_the_first_send() -> None:
    stage = call()
    stage.advance(0.5)
    assert len(stage.at(GW_1, "INVITE")) == 2
    stage.refuse([send for send in stage.sends if send.remote == GW_1][-1])
    assert len(stage.at(GW_2, "INVITE")) == 1


@pytest.mark.rule("3263-4.3-01", "3263-4.3-02")
def test_20_a_408_from_the_wire_is_an_answer_and_silence_is_none() -> None:
    stage = call()
    stage.respond(408, GW_1)
    assert stage.statuses() == [100, 408]
    assert not stage.at(GW_2, "INVITE")
    silent = call(ToName(advance_after=None, deadline=60.0))
    silent.advance(32.0)  # Timer B
    assert len(silent.at(GW_2, "INVITE")) == 1


@pytest.mark.rule("3263-4.3-01", "3263-4.3-03", "3263-4.3-04")
@pytest.mark.parametrize("headers", [(), (("Retry-After", "120"),)])
def test_21_a_503_moves_on_with_retry_after_or_without(
    headers: tuple[tuple[str, str], ...],
) -> None:
    stage = call()
    stage.respond(503, GW_1, headers=headers)
    gateways = [GW_1, GW_2]
    order = [(to, m.method) for to, m in stage.sent if isinstance(m, sansip.Request)]
    assert order == [(gateways[0], "INVITE"), (gateways[0], "ACK"), (gateways[1], "INVITE")]
    stage.respond(486, GW_2)
    assert stage.statuses() == [100, 486]


@pytest.mark.rule("3263-4.3-06")
def test_22_what_one_call_found_dead_is_where_the_next_call_begins() -> None:
    """DNS answers are frozen; the place in the list belongs to the call (Kamailio 4911)."""
    stage = moved_on()
    stage.respond(200, GW_2)
    stage.receive(make_request(branch="z9hG4bKsecond", call_id="second"))
    assert stage.at(GW_1, "INVITE")[-1].call_id == "second"
    assert [m.call_id for m in stage.at(GW_2, "INVITE")] == ["call-1"]


@pytest.mark.rule("3261-16.7.6-01", "3261-16.7.6-04", "3263-4.3-08", "4320-4.2-01")
def test_23_when_all_are_silent_an_invite_gets_408_at_the_deadline_and_others_nothing() -> None:
    stage = moved_on()
    stage.advance(28.9)
    assert stage.statuses() == [100]
    stage.advance(0.1)
    assert stage.statuses() == [100, 408]
    assert comes_to_rest(stage)
    options = on_stage()
    options.receive(make_request("OPTIONS"))
    assert comes_to_rest(options)
    assert options.statuses(method="OPTIONS") == [100]


@pytest.mark.rule("3261-16.6.7-03", "3261-16.9-01")
def test_23_when_all_are_refused_the_answer_comes_at_once() -> None:
    stage = call()
    for gateway in (GW_1, GW_2):
        stage.refuse([send for send in stage.sends if send.remote == gateway][-1])
    assert stage.statuses() == [100, 500]


# --- 24 and 25: answers that are not what they seem


@pytest.mark.rule("3261-16.7.5-01", "6026-7.2-02", "6026-7.1-03")
def test_24_two_2xx_both_go_to_the_caller() -> None:
    stage = moved_on()
    stage.respond(200, GW_1, tag="one")
    stage.respond(200, GW_2, tag="two")
    assert [r.to_tag for r in stage.responses()] == [None, "one", "two"]


@pytest.mark.rule("3261-16.7.5-01", "3261-16.7.10-02", "3326-2-01")
def test_24_two_phones_that_answer_at_once_are_both_heard() -> None:
    stage = call(Decide(sansip.Relay([f"sip:bob@{GW_1}", f"sip:bob@{GW_2}"])))
    stage.respond(180, GW_1)
    stage.respond(180, GW_2)
    stage.respond(200, GW_1, tag="one")
    (cancel,) = stage.at(GW_2, "CANCEL")
    assert cancel.get("reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    stage.respond(200, GW_2, tag="two")  # it crossed the CANCEL
    assert [r.to_tag for r in stage.responses()][-2:] == ["one", "two"]


@pytest.mark.rule("3261-16.7.6-02")
def test_24_a_phone_that_is_reached_twice_says_482_and_rings_on() -> None:
    stage = moved_on()
    stage.respond(482, GW_2)  # both gateways lead to one phone, which takes one of them
    assert stage.statuses() == [100]
    stage.respond(180, GW_1)
    stage.respond(200, GW_1)
    assert stage.statuses() == [100, 180, 200]


@pytest.mark.rule("3261-17.1.3-01")
def test_25_a_branch_that_comes_back_in_capitals_is_still_ours() -> None:
    stage = call()
    via = stage.at(GW_1, "INVITE")[0].via
    answer = sansip.parse(answer_to(stage, 200))
    branch = (via.branch or "").upper()
    stage.receive(answer.render().replace((via.branch or "").encode(), branch.encode()), GW_1)
    assert stage.statuses() == [100, 200]


@pytest.mark.rule("3261-16.7-00", "3261-18.1.2-01", "3261-17.1.3-01")
def test_25_a_branch_that_was_changed_matches_nothing() -> None:
    stage = call()
    branch = (stage.at(GW_1, "INVITE")[0].via.branch or "").encode()
    stage.receive(answer_to(stage, 200).replace(branch, branch + b"0"), GW_1)
    stage.receive(answer_to(stage, 200).replace(b"192.0.2.10", b"192.0.2.11"), GW_1)
    assert stage.statuses() == [100]


@pytest.mark.rule("3261-16.7.3-01")
def test_25_without_a_via_for_the_caller_an_answer_leads_nowhere() -> None:
    stage = call()
    answer = sansip.parse(answer_to(stage, 200))
    stage.receive(answer.set("via", answer.values("via")[0]).render(), GW_1)
    assert stage.statuses() == [100, 502]
    without = call()
    without.receive(answer.remove("via").render(), GW_1)
    assert without.statuses() == [100]


# --- 26 and 27: bounds


@pytest.mark.rule("4320-4.1-01", "4320-4.2-01", "4320-4.2-02")
def test_26_a_non_invite_is_hunted_no_longer_than_its_caller_waits() -> None:
    stage = on_stage(ToName(advance_after=20.0, deadline=600.0))
    stage.receive(make_request("MESSAGE"))
    stage.advance(20.0)
    assert len(stage.at(GW_2, "MESSAGE")) == 1
    stage.advance(11.9)
    before = len(stage.sent)
    stage.respond(200, GW_2, method="MESSAGE")  # Timer F of the caller fires at 32 s
    assert stage.statuses(method="MESSAGE") == [100]
    stage.advance(600.0)
    assert len(stage.sent) == before
    assert stage.is_empty()


@pytest.mark.rule("3263-4.3-08")
def test_27_the_limit_of_branches_ends_the_hunt_and_not_the_call() -> None:
    hops = tuple(dns.Ip(f"203.0.113.{n}") for n in range(10, 30))
    stage = Stage(
        sansip.Engine(
            sansip.Config(
                [sansip.Endpoint("udp", "192.0.2.10:5060")], limits=sansip.Limits(branches=4)
            ),
            Decide(sansip.Relay("sip:many.example.com:5060", advance_after=1.0)),
        )
    )
    stage.zone["many.example.com", "A"] = dns.Found(hops, 60.0)
    stage.receive(make_request())
    stage.advance(20.0)
    invited = {to for to, m in stage.sent if isinstance(m, sansip.Request)}
    assert len(invited) == 4
    last = sansip.Address("203.0.113.13", 5060)
    stage.respond(200, last)
    assert stage.statuses() == [100, 200]


def answer_to(stage: Stage, status: int) -> bytes:
    """What the first gateway would send."""
    request = stage.at(GW_1, "INVITE")[0]
    return reply(request, status, to_tag="gw").render()
