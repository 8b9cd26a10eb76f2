"""ACK: for a refusal of ours it ends here, for a 2xx it is sent on (RFC 3261 16.1, 17.1.1.3)."""

import pytest

import sansip
from sansip import dns
from stage import GW_1, GW_2, ZONE, Decide, ToName, Whatever, make_request, on_stage

RELAY = sansip.Relay("sip:gw.example.com")


def ack(branch: str = "z9hG4bKack", **options: Whatever) -> sansip.Request:
    return make_request("ACK", branch=branch, to_tag="gw", **options)


@pytest.mark.rule("3261-17.2.1-06", "3261-17.1.1.3-02")
@pytest.mark.parametrize("where", ["here", "downstream"])
def test_the_ack_of_a_refusal_ends_here(where: str) -> None:
    policy = Decide(sansip.Reply(480) if where == "here" else RELAY)
    stage = on_stage(policy)
    stage.receive(make_request())
    if where == "downstream":
        stage.respond(486, GW_1)
    sent = len(stage.sent)
    stage.receive(make_request("ACK", to_tag=stage.responses()[-1].to_tag or ""))
    assert len(stage.sent) == sent
    assert len(policy.seen) == 1


@pytest.mark.rule("AMB-21", "3261-16.3-09", "3261-8.2.7-01")
def test_the_ack_of_a_refusal_without_a_transaction_ends_here() -> None:
    policy = Decide(RELAY)
    stage = on_stage(policy)
    bad = make_request(uri="tel:+1")
    stage.receive(bad)
    stage.receive(bad)
    first, again = stage.responses()
    assert first == again
    assert (first.status, len(stage.state.server)) == (416, 0)
    stage.receive(make_request("ACK", to_tag=first.to_tag or ""))
    assert not policy.seen
    assert not stage.topics().count("malformed")
    stage.receive(make_request("ACK", to_tag="another"))
    assert len(policy.seen) == 1


@pytest.mark.rule("3261-17.2.1-09")
def test_an_ack_before_the_final_response_is_dropped() -> None:
    stage = on_stage()
    stage.receive(make_request())
    stage.receive(make_request("ACK"))
    assert stage.statuses() == [100]
    assert not stage.at(GW_1, "ACK")


@pytest.mark.rule("3261-16.1-01", "3261-17.2.3-07", "6026-6-03", "3261-16.6.3-01")
def test_the_ack_of_a_2xx_is_sent_on_without_a_transaction() -> None:
    stage = on_stage()
    stage.receive(make_request())
    stage.respond(200, GW_1)
    transactions = len(stage.state.server), len(stage.state.client)
    for _ in range(2):
        actions = stage.receive(ack())
        (send,) = actions
        assert isinstance(send, sansip.Send)
        assert (send.remote, send.endpoint) == (GW_1, "udp:192.0.2.10:5060")
    first, again = stage.at(GW_1, "ACK")
    assert first.render() == again.render()
    assert (len(stage.state.server), len(stage.state.client)) == transactions
    assert first.via.branch != stage.at(GW_1, "INVITE")[0].via.branch
    assert (first.max_forwards, len(first.rows("via"))) == (69, 2)
    assert (first.via.branch or "").startswith("z9hG4bK")
    assert "record-route" not in first.names
    stage.receive(ack("z9hG4bKother"))
    assert stage.at(GW_1, "ACK")[-1].via.branch != first.via.branch


@pytest.mark.rule("3261-16.1-01", "SIO-10")
def test_an_ack_waits_for_dns_and_a_copy_of_it_does_not_wait_twice() -> None:
    stage = on_stage()
    stage.answer_dns = False
    stage.receive(ack())
    stage.receive(ack())
    assert not stage.at(GW_1, "ACK")
    assert [len(query.waiting) for _, query in stage.state.queries.items()] == [1]
    stage.answer_all()
    assert len(stage.at(GW_1, "ACK")) == 1
    assert stage.is_empty()
    assert not stage.open_questions


@pytest.mark.rule("3261-16.1-01")
def test_an_ack_goes_to_the_first_hop_and_no_further() -> None:
    """Nothing answers an ACK, so nobody knows whether it arrived."""
    zone = dict(ZONE)
    zone["gw-1.example.com", "A"] = dns.NoName(60.0)
    stage = on_stage()
    stage.zone = zone
    stage.receive(ack())
    assert len(stage.at(GW_2, "ACK")) == 1
    stage.refuse(stage.sends[-1])
    stage.icmp(GW_2, stage.sends[-1].data)
    stage.advance(60.0)
    assert len(stage.sends) == 1
    assert stage.topics() == ["transport"]


def test_an_ack_stops_the_questions_that_nobody_needs_any_more() -> None:
    stage = on_stage()
    stage.answer_dns = False
    stage.receive(ack())
    for _ in range(2):  # NAPTR, SRV
        query = stage.open_questions.pop(0)
        answer = stage.zone[query.name, query.type]
        stage.step(sansip.DnsAnswered(stage.now, query.query, answer))
    first, second = stage.open_questions
    actions = stage.step(
        sansip.DnsAnswered(stage.now, first.query, stage.zone[first.name, first.type])
    )
    assert [type(action) for action in actions] == [sansip.StopDns, sansip.Send]
    assert actions[0] == sansip.StopDns(second.query)
    assert stage.is_empty()


@pytest.mark.rule("3261-8.2-02", "3261-16.3-05")
@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (ack().set("Max-Forwards", "0"), "ACK: Max-Forwards is 0"),
        (ack(uri="tel:+1"), "ACK: Request-URI scheme tel: only sip and sips are routed"),
        (ack(uri="sip:bob@nowhere.example"), "ACK leads nowhere: no such name: nowhere.example"),
        (ack().append("Route", "nonsense"), "ACK: "),
        (ack(uri="sip:bob@127.0.0.1"), "ACK leads nowhere: udp:127.0.0.1:5060: loopback address"),
    ],
)
def test_nothing_answers_an_ack_whatever_is_wrong_with_it(
    request_: sansip.Request, why: str
) -> None:
    stage = on_stage()
    stage.receive(request_)
    assert not stage.sends
    assert stage.topics()[-1:] == ["dropped"]
    assert stage.reports[-1].text.startswith(why)
    assert stage.is_empty()


@pytest.mark.rule("3261-8.2-02")
def test_a_malformed_ack_is_not_answered_either() -> None:
    stage = on_stage()
    stage.receive(ack().remove("Call-ID"))
    assert not stage.sends
    assert stage.topics() == ["malformed"]


@pytest.mark.parametrize(
    ("decision", "why"),
    [
        (sansip.Reply(404), "ACK: the policy does not relay it"),
        (sansip.Drop(), "ACK: the policy does not relay it"),
        (ZeroDivisionError("oh"), "ACK: the policy raised ZeroDivisionError: oh"),
    ],
)
def test_a_policy_decides_about_an_ack_outside_of_its_dialogs(decision: Whatever, why: str) -> None:
    def route(request: sansip.Request, scene: sansip.Scene) -> object:
        if isinstance(decision, Exception):
            raise decision
        return decision

    stage = on_stage(Decide(route))
    stage.receive(ack())
    assert not stage.sends
    assert [report.text for report in stage.reports] == [why]


def test_an_ack_goes_to_the_first_member_of_a_group() -> None:
    stage = on_stage(Decide(sansip.Relay(sansip.Dispatch("gateways", rewrite="none"))))
    stage.receive(ack(uri="sip:bob@example.net"))
    (sent,) = stage.at(GW_1, "ACK")
    assert sent.uri_text == "sip:bob@example.net"


def test_an_ack_with_no_endpoint_left_is_dropped() -> None:
    stage = on_stage(ToName())
    stage.answer_dns = False
    stage.receive(ack())
    six = sansip.Config([sansip.Endpoint("udp", "[2001:db8::10]:5060")])
    stage.engine = sansip.Engine(six, ToName())
    stage.answer_all()
    assert not stage.sends
    assert stage.reports[-1].text == "no endpoint reaches udp:203.0.113.1:5060"
    assert stage.is_empty()
