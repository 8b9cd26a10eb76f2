"""Requests that come again, and responses that do: absorbed, and answered as before."""

import pytest

import sansip
from sansip.message import reply
from stage import CALLER, GW_1, GW_2, Decide, ToName, make_request, on_stage

INVITE = make_request()
OPTIONS = make_request("OPTIONS", branch="z9hG4bKoptions")
RELAY = sansip.Relay("sip:gw.example.com")


@pytest.mark.rule("3261-16.2-01", "3261-17.2.1-03", "AMB-14")
def test_an_invite_that_comes_again_gets_the_latest_provisional_response() -> None:
    policy = Decide(RELAY)
    stage = on_stage(policy)
    stage.receive(INVITE)
    stage.receive(INVITE)
    assert stage.statuses() == [100, 100]
    first, again = (send.data for send in stage.sends if send.remote == CALLER)
    assert first == again
    stage.respond(180, GW_1)
    stage.receive(INVITE)
    assert stage.statuses() == [100, 100, 180, 180]
    assert len(policy.seen) == 1
    assert len(stage.at(GW_1, "INVITE")) == 1


@pytest.mark.rule("3261-17.2.1-05", "6026-7.1-02")
@pytest.mark.parametrize(("status", "seen"), [(200, [100, 200]), (486, [100, 486, 486])])
def test_after_the_final_response_a_refusal_is_repeated_and_a_2xx_is_not(
    status: int, seen: list[int]
) -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.respond(status, GW_1)
    stage.receive(INVITE)
    assert stage.statuses() == seen


@pytest.mark.rule("3261-17.2.2-02", "3261-17.2.2-05")
def test_a_non_invite_that_comes_again() -> None:
    policy = Decide(RELAY)
    stage = on_stage(policy)
    stage.receive(OPTIONS)
    stage.receive(OPTIONS)
    assert stage.statuses(method="OPTIONS") == []
    stage.respond(404, GW_1, method="OPTIONS")
    stage.receive(OPTIONS)
    assert stage.statuses(method="OPTIONS") == [404, 404]
    assert len(policy.seen) == 1


@pytest.mark.rule("3261-17.2.3-08", "3261-18.2.1-03")
@pytest.mark.parametrize("branch", ["z9hG4bKcaller", "of-rfc-2543"])
def test_it_is_the_same_request_from_another_port(branch: str) -> None:
    """A NAT has given the phone a new binding between two retransmissions."""
    policy = Decide(RELAY)
    stage = on_stage(policy)
    via = f"SIP/2.0/UDP 10.0.0.1;branch={branch};rport"
    for port in (1024, 1025):
        source = sansip.Address("198.51.100.99", port)
        stage.receive(make_request().with_top_via(via), source)
    assert len(policy.seen) == 1
    first = sansip.Address("198.51.100.99", 1024)
    assert stage.statuses(first) == [100, 100]


@pytest.mark.rule("3261-17.2.3-01", "3261-17.2.3-02", "3261-16.3-03")
@pytest.mark.parametrize(
    "other",
    [
        make_request(branch="z9hG4bKother"),
        make_request(source=sansip.Address("198.51.100.1", 5062)),
        make_request("INFO"),
    ],
    ids=["branch", "sent-by", "method"],
)
def test_another_branch_sent_by_or_method_is_another_transaction(other: sansip.Request) -> None:
    """A merged request is not refused either: that is for the phone to do."""
    policy = Decide(RELAY)
    stage = on_stage(policy)
    stage.receive(INVITE)
    stage.receive(other)
    assert len(policy.seen) == 2


@pytest.mark.rule("3261-17.2.3-04", "3261-17.2.3-06")
@pytest.mark.parametrize("branch", ["", ";branch=1", ";branch=z9hG4bK"])
def test_an_rfc_2543_client_needs_no_branch(branch: str) -> None:
    policy = Decide(RELAY)
    stage = on_stage(policy)
    old = INVITE.with_top_via(f"SIP/2.0/UDP {CALLER}{branch}")
    stage.receive(old)
    stage.receive(old.with_top_via(f"SIP / 2.0 / udp {CALLER}{branch}"))
    stage.receive(make_request(cseq=2).with_top_via(old.via))
    assert len(policy.seen) == 2
    stage.respond(486, GW_1, nth=0, tag="no")
    assert stage.statuses() == [100, 100, 100, 486]
    # Its ACK is recognised by its fields, and goes no further (17.2.3).
    ack = make_request("ACK", to_tag="no").with_top_via(old.via)
    stage.receive(ack)
    assert len(stage.at(GW_1, "ACK")) == 1
    # The ACK of the other call's 200 is passed on (RFC 6026 6).
    stage.respond(200, GW_1, nth=1, tag="yes")
    stage.receive(make_request("ACK", cseq=2, to_tag="yes").with_top_via(old.via))
    assert [ack.to_tag for ack in stage.at(GW_1, "ACK")] == ["no", "yes"]
    # In Completed an ACK with the To tag of another response is no acknowledgement.
    stage.receive(make_request(cseq=3).with_top_via(old.via))
    stage.respond(486, GW_1, tag="busy")
    stage.receive(make_request("ACK", cseq=3, to_tag="other").with_top_via(old.via))
    assert stage.at(GW_1, "ACK")[-1].to_tag == "other"
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-16.2-02", "3261-17.2.1-01", "AMB-13", "3261-8.2.6.2-01", "3261-8.2.6.1-01")
def test_an_invite_gets_its_100_at_once() -> None:
    stage = on_stage()
    actions = stage.receive(make_request(headers=[("Timestamp", "54")]))
    first = actions[0]
    assert isinstance(first, sansip.Send)
    trying = sansip.parse(first.data)
    assert isinstance(trying, sansip.Response)
    assert (trying.status, trying.to_tag, trying.get("timestamp")) == (100, None, "54")


@pytest.mark.rule("4320-4.1-02", "4320-4.1-04", "4320-4.1-05")
def test_a_non_invite_gets_its_100_when_its_sender_slows_down() -> None:
    stage = on_stage()
    stage.receive(OPTIONS)
    stage.advance(3.4)
    assert stage.statuses(method="OPTIONS") == []
    stage.advance(0.2)
    assert stage.statuses(method="OPTIONS") == [100]
    stage.receive(OPTIONS)
    assert stage.statuses(method="OPTIONS") == [100, 100]
    stage.respond(200, GW_2, method="OPTIONS")
    assert stage.statuses(method="OPTIONS") == [100, 100, 200]


@pytest.mark.rule("4320-4.1-01", "AMB-20")
def test_provisional_responses_to_a_non_invite_stay_here() -> None:
    stage = on_stage()
    stage.receive(OPTIONS)
    stage.respond(100, GW_1, method="OPTIONS")
    stage.respond(183, GW_1, method="OPTIONS")
    assert stage.statuses(method="OPTIONS") == []
    stage.respond(200, GW_1, method="OPTIONS")
    assert stage.statuses(method="OPTIONS") == [200]


@pytest.mark.rule("4320-4.2-01", "4320-4.2-02", "3261-17.2.2-07")
def test_a_non_invite_that_nobody_answers_is_never_answered() -> None:
    stage = on_stage()
    stage.receive(make_request("MESSAGE"))
    stage.advance(31.9)
    late = stage.at(GW_1, "MESSAGE")[0]
    stage.advance(100.0)
    assert stage.statuses(method="MESSAGE") == [100]
    assert stage.is_empty()
    stage.receive(reply(late, 200), GW_1)
    assert stage.statuses(method="MESSAGE") == [100]


@pytest.mark.rule("3261-16.2-03", "3261-16.3-08", "AMB-25")
def test_an_unknown_method_is_proxied_like_any_other() -> None:
    stage = on_stage()
    stage.receive(make_request("FNORD", headers=[("X-What", ";;,,"), ("Require", "wonders")]))
    (sent,) = stage.at(GW_1, "FNORD")
    assert (sent.get("x-what"), sent.get("require")) == (";;,,", "wonders")
    stage.respond(299, GW_1, method="FNORD")
    assert stage.statuses(method="FNORD") == [299]


@pytest.mark.rule("6026-7.2-02", "6026-7.1-03", "3261-16.7.5-03")
def test_every_2xx_of_a_forked_invite_is_passed_on() -> None:
    stage = on_stage()
    stage.receive(INVITE)
    for tag in ("one", "two", "one"):
        stage.respond(200, GW_1, tag=tag)
    stage.respond(486, GW_1, tag="three")
    stage.respond(180, GW_1, tag="three")
    answers = stage.responses()
    assert [answer.status for answer in answers] == [100, 200, 200, 200]
    assert [answer.to_tag for answer in answers][1:] == ["one", "two", "one"]
    # Timer M: what comes now belongs to nothing, and is not forwarded (RFC 6026 7.2).
    stage.advance(32.0)
    stage.respond(200, GW_1, tag="one")
    assert len(stage.responses()) == 4
    assert stage.topics()[-1] == "dropped"


@pytest.mark.rule("3261-17.1.1.2-07", "3261-16.7.5-03")
def test_a_refusal_that_comes_again_is_acknowledged_again_and_goes_no_further() -> None:
    stage = on_stage()
    stage.receive(INVITE)
    for _ in range(3):
        stage.respond(486, GW_1)
    assert stage.statuses() == [100, 486]
    assert len(stage.at(GW_1, "ACK")) == 3
    assert len({ack.render() for ack in stage.at(GW_1, "ACK")}) == 1


@pytest.mark.rule("3261-17.2.1-05", "3261-17.2.1-07", "3261-17.2.1-08", "AMB-28")
def test_a_refusal_is_repeated_until_it_is_acknowledged() -> None:
    stage = on_stage()
    stage.zone = {}
    stage.receive(INVITE)
    stage.advance(0.5 + 1 + 2 + 4 + 0.1)
    assert stage.statuses() == [100] + [480] * 5
    tag = stage.responses()[-1].to_tag or ""
    ack = make_request("ACK", to_tag=tag)
    stage.receive(ack)
    stage.receive(ack)
    stage.advance(60.0)
    assert stage.statuses() == [100] + [480] * 5
    assert stage.is_empty()
    stage.receive(INVITE)
    stage.advance(60.0)
    assert stage.reports[-1].text == "no ACK for the final response (Timer H)"
    assert stage.is_empty()


@pytest.mark.rule("3261-17.1.1.2-02", "3261-17-T02")
def test_an_invite_is_repeated_byte_for_byte_to_the_same_place() -> None:
    stage = on_stage(ToName(advance_after=None))
    stage.receive(INVITE)
    stage.advance(31.6)
    copies = [send for send in stage.sends if send.remote == GW_1]
    assert len(copies) == 7
    assert len({(send.data, send.endpoint, send.flow) for send in copies}) == 1
    assert len({send.id for send in copies}) == 7


@pytest.mark.rule("6026-8.3-01", "3261-16.7.9-02")
def test_a_2xx_that_comes_after_the_server_transaction_has_ended_is_discarded() -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.advance(3.0)
    stage.respond(486, GW_2)
    tag = stage.responses()[-1].to_tag or ""
    stage.receive(make_request("ACK", to_tag=tag))
    stage.advance(6.0)
    stage.respond(200, GW_1)
    assert stage.statuses() == [100, 486]
    assert stage.reports[-1].text == "a 200 came after its transaction had ended"
