"""ACK: for a refusal of ours it ends here, for a 2xx it is sent on (RFC 3261 16.1, 17.1.1.3)."""

import pytest

import sansip
from sansip import dns
from sansip.engine import requests
from sansip.message import MessageLimits, reply
from stage import CALLER, GW_1, GW_2, ZONE, Decide, Stage, ToName, Whatever, make_request, on_stage

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


@pytest.mark.rule("AMB-21", "3261-17.2.1-06")
def test_the_ack_of_a_refusal_that_comes_once_more_after_timer_i_ends_here() -> None:
    """Timer I ends the server transaction after 5 s; the branch that is left lingers for 32."""
    policy = Decide(RELAY)
    stage = on_stage(policy)
    stage.receive(make_request())
    stage.respond(486, GW_1, tag="no")
    of_the_refusal = make_request("ACK", to_tag="no")
    stage.receive(of_the_refusal)
    sent = len(stage.sent)
    stage.advance(6.0)
    assert (len(stage.state.server), len(stage.state.contexts)) == (0, 1)
    stage.receive(of_the_refusal)
    assert len(stage.sent) == sent
    assert len(policy.seen) == 1
    assert stage.topics() == []
    stage.receive(ack())  # another branch: the ACK of a 2xx
    assert len(policy.seen) == 2


def refused(size: int, via: str) -> tuple[Stage, Decide, sansip.Response]:
    """A call whose refusal is longer than a message that we accept."""

    def failed(_: sansip.Failed) -> sansip.FailureDecision:
        return sansip.Reply(480, None, (("X-Long", "x" * size),))

    policy = Decide(sansip.Relay("sip:gw.example.com", on_failure="failed"), failed=failed)
    limits = sansip.Limits(message=MessageLimits(message=2000, headers=20, line=1500))
    stage = on_stage(policy, limits=limits)
    stage.receive(make_request().with_top_via(via))
    request = stage.at(GW_1, "INVITE")[-1]
    stage.receive(reply(request, 404, to_tag="x"), GW_1)
    return stage, policy, stage.responses()[-1]


@pytest.mark.rule("3261-17.2.3-05", "3261-17.2.1-06", "SIO-04")
@pytest.mark.parametrize("size", [10, 5000])
@pytest.mark.parametrize("branch", [";branch=z9hG4bKcaller", ";branch=1", ""])
def test_the_ack_of_a_refusal_is_known_however_long_that_was(branch: str, size: int) -> None:
    via = f"SIP/2.0/UDP {CALLER}{branch}"
    stage, policy, final = refused(size, via)
    assert (final.status, len(final.get("x-long") or "")) == (480, size)
    sent = len(stage.sent)
    stage.receive(make_request("ACK", to_tag=final.to_tag or "").with_top_via(via))
    assert len(stage.sent) == sent
    assert len(policy.seen) == 1
    stage.advance(20.0)
    assert stage.statuses().count(480) == 1
    assert "malformed" not in stage.topics()


@pytest.mark.rule("3261-17.2.3-01", "3261-17.2.3-05")
def test_only_an_rfc_2543_ack_has_the_final_response_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The branch says it all, unless there is none that counts."""
    read: list[bytes] = []

    def reading(data: bytes, **options: Whatever) -> sansip.Request | sansip.Response:
        read.append(data)
        return sansip.parse(data, **options)

    monkeypatch.setattr(requests, "parse", reading)
    for branch, times in (("z9hG4bKcaller", 0), ("1", 1)):
        via = f"SIP/2.0/UDP {CALLER};branch={branch}"
        stage, _, final = refused(10, via)
        stage.receive(make_request("ACK", to_tag=final.to_tag or "").with_top_via(via))
        assert len(read) == times


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


@pytest.mark.rule("3261-18.2.1-01", "3581-4-01", "AMB-12")
@pytest.mark.parametrize(
    ("via", "seen"),
    [
        ("198.51.100.1:5060", {""}),
        ("phone.example.org", {"received=198.51.100.1"}),
        ("10.0.0.9:5062;received=203.0.113.66", {"received=198.51.100.1"}),
        ("10.0.0.9:5062;rport", {"received=198.51.100.1", "rport=5060"}),
        ("198.51.100.1:5060;received=203.0.113.66", {""}),
    ],
)
def test_a_relayed_ack_tells_where_it_came_from(via: str, seen: set[str]) -> None:
    stage = on_stage()
    stage.receive(ack().with_top_via(f"SIP/2.0/UDP {via};branch=z9hG4bKack"))
    (sent,) = stage.at(GW_1, "ACK")
    _, theirs = sent.rows("via")
    _, *params = theirs.split(";")
    assert {p for p in params if not p.startswith("branch=")} == seen - {""}


@pytest.mark.rule("3261-18.2.1-03", "3261-17.2.3-06")
def test_the_via_as_it_came_makes_the_key_of_an_ack_too() -> None:
    """Two copies through a NAT that has given the phone a new port go out as one."""
    stage = on_stage()
    for port in (1024, 1025):
        stage.receive(
            ack().with_top_via("SIP/2.0/UDP 10.0.0.9;rport"), sansip.Address("198.51.100.9", port)
        )
    first, again = stage.at(GW_1, "ACK")
    assert first.via.branch == again.via.branch
    assert "rport=1024" in first.rows("via")[1]


@pytest.mark.rule("3261-8.2.2.3-01")
@pytest.mark.parametrize("header", ["Proxy-Require", "Require"])
def test_what_an_ack_requires_is_not_looked_at(header: str) -> None:
    stage = on_stage()
    stage.receive(ack(headers=[(header, "wonders")]))
    (sent,) = stage.at(GW_1, "ACK")
    assert sent.get(header.lower()) == "wonders"


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
    assert [type(action) for action in actions] == [
        sansip.StopTimer,
        sansip.StopDns,
        sansip.StopTimer,
        sansip.Send,
    ]
    assert actions[1] == sansip.StopDns(second.query)
    assert stage.is_empty()


@pytest.mark.rule("3263-4.4-01", "3261-16.1-01", "2782-07")
def test_copies_of_an_ack_go_to_the_same_of_several_equal_hosts() -> None:
    """Nothing is remembered of an ACK: the draws are a function of it, like its branch."""
    stage = on_stage()
    hosts = [f"host-{number}.example.com" for number in range(5)]
    stage.zone["_sip._udp.gw.example.com", "SRV"] = dns.Found(
        tuple(dns.Srv(1, 1, 5060, host) for host in hosts), 60.0
    )
    for number, host in enumerate(hosts):
        stage.zone[host, "A"] = dns.Found((dns.Ip(f"203.0.113.{50 + number}"),), 60.0)
    places: list[set[sansip.Address]] = []
    for number in range(8):
        for _ in range(4):
            stage.receive(ack(branch=f"z9hG4bK{number}"))
        places.append({send.remote for send in stage.sends})
        assert len(stage.sends) == 4
        stage.sends.clear()
    assert [len(each) for each in places] == [1] * 8
    assert len(set[sansip.Address]().union(*places)) > 2


@pytest.mark.rule("3261-8.2-02", "3261-16.3-05")
@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (ack().set("Max-Forwards", "0"), "Max-Forwards is 0"),
        (ack(uri="tel:+1"), "Request-URI scheme tel: only sip and sips are routed"),
        (ack(uri="sip:bob@nowhere.example"), "ACK leads nowhere: no such name: nowhere.example"),
        (ack().append("Route", "nonsense"), "'nonsense' lacks angle brackets"),
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
    assert why in " ".join(report.text for report in stage.reports)
    assert stage.is_empty()


@pytest.mark.rule("3261-8.2-02", "SIO-04")
def test_nor_a_route_that_turns_bad_behind_ours() -> None:
    stage = on_stage(ToName(follow_route=True))
    stage.receive(ack(headers=[("Route", "<sip:192.0.2.10;lr>"), ("Route", "<tel:+1;lr>")]))
    assert not stage.sends
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
        (sansip.Reply(404), []),
        (sansip.Drop(), []),
        (ZeroDivisionError("oh"), ["the policy raised ZeroDivisionError: oh"]),
    ],
)
def test_a_policy_decides_about_an_ack_outside_of_its_dialogs(
    decision: Whatever, why: list[str]
) -> None:
    def route(request: sansip.Request, scene: sansip.Scene) -> object:
        if isinstance(decision, Exception):
            raise decision
        return decision

    stage = on_stage(Decide(route))
    stage.receive(ack())
    assert not stage.sends
    assert [report.text for report in stage.reports] == [*why, "an ACK that is not relayed"]


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
