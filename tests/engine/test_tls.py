"""TLS, as far as the core is concerned: who is at the other end (RFC 5922 7.3, 7.4)."""

from collections.abc import Callable

import pytest

import sansip
from line import Line, line
from sansip import dns
from sansip.message import reply
from stage import CALLER, GW_1, GW_2, PROXY, Decide, Whatever, make_request

TLS = "tls:192.0.2.10:5061"
EVERY = (
    sansip.Endpoint("udp", str(PROXY)),
    sansip.Endpoint("tcp", str(PROXY)),
    sansip.Endpoint("tls", "192.0.2.10:5061"),
)
SECURE_1 = sansip.Address(GW_1.host, 5061)
SECURE_2 = sansip.Address(GW_2.host, 5061)
PEER = sansip.Address("203.0.113.77", 41234)
TO_1 = "sips:bob@gw-1.example.com:5061"
GROUP = {"gateways": ["sips:gw-1.example.com:5061", "sips:gw-2.example.com:5061"]}


def secure(policy: sansip.Policy | None = None, **options: Whatever) -> Line:
    return line(policy, endpoints=EVERY, **options)


# Whom we call ------------------------------------------------------------------------------------


@pytest.mark.rule("5922-7.3-01")
@pytest.mark.parametrize(
    ("names", "named"),
    [
        ((), "nobody"),
        (("gw-2.example.com",), "gw-2.example.com"),
        (("example.com", "*.example.com", GW_1.host, "never.said"), "example.com, *.example.com"),
    ],
)
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_who_is_not_who_was_asked_for_gets_nothing(
    names: tuple[str, ...], named: str, method: str
) -> None:
    stage = secure()
    stage.receive(make_request(method, TO_1))
    flow = stage.connect(names=names)
    assert stage.closed() == [flow]
    assert not stage.sent_over(flow)
    assert {send.remote for send in stage.sends} <= {CALLER}
    assert stage.statuses(method=method)[-1] == 500
    (report,) = [r for r in stage.reports if r.topic == "transport"]
    assert f"its certificate is for {named}" in report.text
    assert "never.said" not in report.text
    assert stage.orders()[0].flow not in stage.state.flows
    stage.advance(3600.0)
    assert stage.is_empty()
    assert len(stage.orders()) == 1


@pytest.mark.rule("5922-7.3-01", "5922-7.2-01")
@pytest.mark.parametrize("name", ["gw-1.example.com", "GW-1.Example.COM."])
def test_who_is_gets_the_call(name: str) -> None:
    stage = secure()
    stage.receive(make_request(uri=TO_1))
    flow = stage.connect(names=("other.example.org", name))
    assert stage.sent_over(flow) == ["INVITE"]
    assert not stage.closed()


@pytest.mark.rule("5922-7.3-01")
def test_who_was_asked_for_by_address_may_name_that() -> None:
    stage = secure()
    stage.receive(make_request(uri=f"sips:bob@{SECURE_1}"))
    assert stage.sent_over(stage.connect(names=("gw-1.example.com", GW_1.host))) == ["INVITE"]


@pytest.mark.rule("5922-7.3-01")
def test_to_calls_and_health_it_is_a_hop_that_refuses() -> None:
    stage = secure(Decide(sansip.Relay(sansip.Dispatch("gateways", rewrite="none"))), groups=GROUP)
    stage.receive(make_request(uri="sips:bob@gw.example.com"))
    stage.connect(names=("gw-3.example.com",))
    assert [order.remote for order in stage.orders()] == [SECURE_1, SECURE_2]
    assert stage.sent_over(stage.connect()) == ["INVITE"]
    (health,) = stage.state.fleet.health.items()
    assert (health[0].transport, health[0].remote, health[1].failures) == ("tls", SECURE_1, 1)


@pytest.mark.rule("3261-16.6.7-01", "5922-7.3-01")
def test_what_waits_together_fails_together_and_nothing_of_it_goes_in_clear() -> None:
    stage = secure()
    body = b"x" * 2_000  # too large for a datagram, but there never was one to go back to
    stage.receive(make_request(uri=TO_1, body=body))
    stage.receive(make_request("MESSAGE", TO_1, branch="z9hG4bK2", call_id="2"))
    stage.connect(names=())
    assert stage.statuses()[-1] == 500
    assert stage.statuses(method="MESSAGE") == [500]
    assert {send.remote for send in stage.sends} == {CALLER}


BOTH = {
    ("example.com", "NAPTR"): dns.Found(
        (
            dns.Naptr(10, 10, "s", "SIPS+D2T", "", "_sips._tcp.example.com"),
            dns.Naptr(10, 20, "s", "SIP+D2T", "", "_sip._tcp.example.com"),
            dns.Naptr(10, 30, "s", "SIP+D2U", "", "_sip._udp.example.com"),
        ),
        60.0,
    ),
    ("_sips._tcp.example.com", "SRV"): dns.Found(
        (dns.Srv(1, 0, 5061, "gw-1.example.com"), dns.Srv(2, 0, 5061, "gw-2.example.com")), 60.0
    ),
    ("_sip._tcp.example.com", "SRV"): dns.Found((dns.Srv(1, 0, 5060, "gw-1.example.com"),), 60.0),
    ("_sip._udp.example.com", "SRV"): dns.Found((dns.Srv(1, 0, 5060, "gw-1.example.com"),), 60.0),
}


def refused(stage: Line) -> None:
    stage.reject()


def mistaken(stage: Line) -> None:
    stage.connect(names=("gw-1.example.com", "gw-2.example.com"))  # where DNS led, not who it is


def late(stage: Line) -> None:
    stage.advance(4.0)


@pytest.mark.rule("3263-4.1-01", "3261-16.6.7-01", "5922-7.3-01")
@pytest.mark.parametrize("fail", [refused, mistaken, late])
@pytest.mark.parametrize("uri", ["sips:bob@example.com", "sip:bob@example.com;transport=tls"])
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_what_asks_for_tls_never_goes_by_anything_else(
    method: str, uri: str, fail: Callable[[Line], None]
) -> None:
    stage = secure()
    stage.zone.update(BOTH)
    stage.receive(make_request(method, uri, body=b"x" * 2_000))
    for _ in range(2):
        fail(stage)
    assert [(order.transport, order.remote, order.name) for order in stage.orders()] == [
        ("tls", SECURE_1, "example.com"),
        ("tls", SECURE_2, "example.com"),
    ]
    stage.advance(3600.0)
    assert {send.remote for send in stage.sends} == {CALLER}
    assert stage.is_empty()


def test_what_does_not_ask_goes_by_all_that_its_domain_offers() -> None:
    stage = secure()
    stage.zone.update(BOTH)
    stage.receive(make_request(uri="sip:bob@example.com"))
    for _ in range(2):
        mistaken(stage)
    assert [order.transport for order in stage.orders()] == ["tls", "tls", "tcp"]


@pytest.mark.rule("5922-7.3-01", "3261-18.2.2-01")
def test_a_response_goes_back_only_to_whom_its_via_names() -> None:
    stage = secure()
    stage.step(sansip.FlowOpened(stage.now, 1, TLS, PEER, PROXY))
    via = "SIP/2.0/TLS caller.example.org;branch=z9hG4bK1"
    stage.hear(make_request(uri=f"sip:bob@{GW_1}").with_top_via(via))
    stage.close(1)
    stage.respond(200, GW_1)
    back = stage.orders()[-1]
    assert (back.transport, back.remote) == ("tls", sansip.Address(PEER.host, 5061))
    assert back.name == "caller.example.org"
    flow = stage.connect(names=("else.example.org",))
    assert not stage.sent_over(flow)
    assert flow in stage.closed()


@pytest.mark.rule("5922-7.3-01", "3261-18.2.2-02")
def test_nor_to_who_sends_a_copy_of_the_request_in_clear() -> None:
    stage = secure()
    stage.step(sansip.FlowOpened(stage.now, 1, TLS, PEER, PROXY))
    via = "SIP/2.0/TLS caller.example.org;branch=z9hG4bK1"
    request = make_request(uri=f"sip:bob@{GW_1}").with_top_via(via)
    stage.hear(request)
    stage.close(1)
    stage.open(2)
    stage.hear(request, 2)
    stage.respond(200, GW_1)
    assert not stage.sent_over(2)
    assert stage.orders()[-1].name == "caller.example.org"
    stage.step(sansip.FlowOpened(stage.now, 3, TLS, PEER, PROXY))
    stage.hear(request, 3)
    stage.respond(200, GW_1)
    assert stage.sent_over(3)[-1] == "200"


# Who calls us ------------------------------------------------------------------------------------


@pytest.mark.rule("5922-7.4-01")
def test_a_policy_knows_who_has_called_by_tls() -> None:
    policy = Decide(sansip.Reply(404))
    stage = secure(policy)
    stage.step(sansip.FlowOpened(stage.now, 1, TLS, PEER, PROXY, ("example.org",)))
    stage.step(sansip.FlowOpened(stage.now, 2, TLS, PEER, PROXY))
    for number in (1, 2):
        stage.hear(make_request(branch=f"z9hG4bK{number}", call_id=f"{number}"), number)
    stage.receive(make_request())
    assert [scene.names for _, scene in policy.seen] == [("example.org",), (), ()]


@pytest.mark.rule("5922-7.4-01")
def test_and_still_knows_when_its_question_is_answered() -> None:
    names: list[tuple[str, ...]] = []

    def decide(request: sansip.Request, scene: sansip.Scene, answer: object) -> sansip.Decision:
        names.append(scene.names)
        return sansip.Reply(404)

    stage = secure(Decide(sansip.Ask("who?", "decide"), decide=decide))
    stage.step(sansip.FlowOpened(stage.now, 1, TLS, PEER, PROXY, ("example.org",)))
    stage.hear(make_request())
    stage.close(1)
    stage.step(sansip.Consulted(stage.now, stage.consults[0].question, "somebody"))
    assert names == [("example.org",)]


@pytest.mark.rule("5922-7.4-01")
def test_requests_over_a_connection_of_ours_come_from_who_was_asked_for() -> None:
    def decide(request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Reply(404) if scene.names else sansip.Relay(request.uri_text)

    policy = Decide(decide)
    stage = secure(policy)
    stage.receive(make_request(uri=TO_1))
    flow = stage.connect()
    stage.hear(reply(stage.at(SECURE_1, "INVITE")[0], 180, to_tag="gw"), flow)
    stage.hear(make_request("MESSAGE", "sip:alice@example.org", branch="z9hG4bKback"), flow)
    assert policy.seen[-1][1].names == ("gw-1.example.com",)
    assert policy.seen[-1][1].source == SECURE_1


@pytest.mark.rule("5922-7.4-01")
def test_a_plan_is_made_as_if_it_had_come_from_them() -> None:
    def decide(request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        known = "example.org" in scene.names
        return sansip.Relay(f"sips:bob@{SECURE_1}") if known else sansip.Reply(403)

    stage = secure(Decide(decide))
    for names, hops in (((), []), (("example.org",), [SECURE_1])):
        plan = stage.engine.plan(
            stage.state, make_request(), at=stage.now, source=CALLER, names=names
        )
        assert [step.hop.address for step in plan.steps] == hops


# Connections in both directions (RFC 5923) -------------------------------------------------------


BACK = sansip.Address(PEER.host, 5061)


def aliased(
    stage: Line, via: str = "SIP/2.0/TLS sip.example.org;branch=z9hG4bKa;alias", flow: int = 1,
    names: tuple[str, ...] = ("example.org", "example.net"),
) -> Line:  # fmt: skip
    """A peer connects, and says that its connection may be used for the way back."""
    stage.step(sansip.FlowOpened(stage.now, flow, TLS, PEER, PROXY, names))
    stage.hear(
        make_request("OPTIONS", f"sip:{GW_1}", call_id=f"alias-{flow}").with_top_via(via), flow
    )
    return stage


def call(stage: Line, uri: str, number: int = 0) -> None:
    stage.receive(make_request(uri=uri, branch=f"z9hG4bKc{number}", call_id=f"call-{number}"))


@pytest.mark.rule("5923-8.2-01", "5923-8.2-02")
@pytest.mark.parametrize(
    ("port", "there"), [("", BACK), (":5071", sansip.Address(PEER.host, 5071))]
)
@pytest.mark.parametrize("name", ["example.org", "example.net"])
def test_an_alias_is_used_for_its_address_and_names(
    name: str, port: str, there: sansip.Address
) -> None:
    stage = aliased(secure(), f"SIP/2.0/TLS 10.0.0.9{port};branch=z9hG4bKa;alias;rport")
    stage.zone[(name, "A")] = dns.Found((dns.Ip(PEER.host),), 60.0)
    call(stage, f"sips:bob@{name}:{there.port}")
    assert not stage.orders()
    assert stage.sent_over(1)[-1] == "INVITE"
    stage.hear(reply(stage.at(PEER, "INVITE")[0], 180, to_tag="gw"))
    stage.receive(make_request("CANCEL", f"sips:bob@{name}:{there.port}", branch="z9hG4bKc0"))
    assert stage.sent_over(1)[-1] == "CANCEL"


@pytest.mark.rule("5923-8.2-02")
@pytest.mark.parametrize(
    ("name", "address", "port"),
    [
        ("elsewhere.example", PEER.host, 5061),
        ("example.org", GW_2.host, 5061),
        ("example.org", PEER.host, 5062),
    ],
)
def test_and_for_no_others(name: str, address: str, port: int) -> None:
    stage = aliased(secure())
    stage.zone[(name, "A")] = dns.Found((dns.Ip(address),), 60.0)
    call(stage, f"sips:bob@{name}:{port}")
    assert [order.name for order in stage.orders()] == [name]


@pytest.mark.rule("5923-8.2-01", "5923-9-01")
@pytest.mark.parametrize(
    ("via", "names"),
    [
        ("SIP/2.0/TLS sip.example.org;branch=z9hG4bKa;alias", ()),
        ("SIP/2.0/TLS sip.example.org;branch=z9hG4bKa", ("example.org",)),
    ],
)
def test_who_has_no_certificate_or_does_not_ask_has_no_alias(
    via: str, names: tuple[str, ...]
) -> None:
    stage = aliased(secure(), via, names=names)
    stage.zone[("example.org", "A")] = dns.Found((dns.Ip(PEER.host),), 60.0)
    call(stage, "sips:bob@example.org:5061")
    assert stage.orders()
    assert stage.at(sansip.Address(GW_1.host, 5060), "OPTIONS")  # it is relayed all the same


@pytest.mark.rule("5923-8.2-03")
def test_if_it_is_gone_another_connection_is_opened() -> None:
    stage = aliased(secure())
    stage.zone[("example.org", "A")] = dns.Found((dns.Ip(PEER.host),), 60.0)
    call(stage, "sips:bob@example.org:5061")
    stage.close(1)
    (order,) = stage.orders()
    assert (order.remote, order.name) == (BACK, "example.org")
    assert stage.sent_over(stage.connect()) == ["INVITE"]
    call(stage, "sips:carol@example.org:5061", 1)
    assert len(stage.orders()) == 1


@pytest.mark.rule("5923-8.2-01", "5923-8.2-03")
def test_the_newest_counts_and_one_connection_has_one_address() -> None:
    stage = aliased(secure())
    stage.zone[("example.org", "A")] = dns.Found((dns.Ip(PEER.host),), 60.0)
    aliased(stage, "SIP/2.0/TLS sip.example.org;branch=z9hG4bKb;alias", 2)
    via = "SIP/2.0/TLS sip.example.org:5071;branch=z9hG4bKd;alias"
    stage.hear(make_request("OPTIONS", f"sip:{GW_1}", call_id="d").with_top_via(via), 1)
    call(stage, "sips:bob@example.org:5061")
    assert stage.sent_over(2)[-1] == "INVITE"
    call(stage, "sips:bob@example.org:5071", 1)
    assert stage.sent_over(1)[-1] == "INVITE"
    before, again = stage.state.links, via.replace("bKd", "bKe")
    stage.hear(make_request("OPTIONS", f"sip:{GW_1}", call_id="e").with_top_via(again), 1)
    assert stage.state.links == before
    stage.close(1)
    stage.close(2)
    stage.reject()
    stage.reject()
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("5923-8.2-01")
def test_an_address_that_is_no_longer_said_leads_nowhere() -> None:
    stage = aliased(secure())
    stage.zone[("example.org", "A")] = dns.Found((dns.Ip(PEER.host),), 60.0)
    via = "SIP/2.0/TLS sip.example.org:5071;branch=z9hG4bKd;alias"
    stage.hear(make_request("OPTIONS", f"sip:{GW_1}", call_id="d").with_top_via(via))
    call(stage, "sips:bob@example.org:5061")
    assert [order.remote for order in stage.orders()] == [BACK]


@pytest.mark.rule("5923-8.2-01")
def test_only_who_has_opened_a_connection_has_an_alias_for_it() -> None:
    stage = secure()
    call(stage, TO_1)
    flow = stage.connect()
    via = "SIP/2.0/TLS gw-1.example.com:5071;branch=z9hG4bKd;alias"
    stage.hear(make_request("OPTIONS", f"sip:{GW_2}", call_id="d").with_top_via(via), flow)
    call(stage, "sips:bob@gw-1.example.com:5071", 1)
    assert len(stage.orders()) == 2


def test_a_certificate_of_many_names_makes_so_many_aliases() -> None:
    many = tuple(f"{number}.example.org" for number in range(100))
    assert len(aliased(secure(), names=many).state.links) == 65  # one is by where it comes from


def test_a_broken_via_makes_none() -> None:
    stage = secure()
    stage.step(sansip.FlowOpened(stage.now, 1, TLS, PEER, PROXY, ("example.org",)))
    data = make_request("OPTIONS").set("Content-Length", "0").render()
    stage.hear(data.replace(b";branch=z9hG4bKcaller", b";alias;branch=;;,"))
    assert stage.sent_over(1) == ["400"]
    assert len(stage.state.links) == 1


@pytest.mark.rule("5923-8.1-01")
def test_our_own_connections_are_offered_for_the_way_back() -> None:
    stage = secure()
    call(stage, TO_1)
    stage.connect()
    assert stage.at(SECURE_1, "INVITE")[0].via.param("alias") == ""
    call(stage, f"sip:bob@{GW_1}", 1)
    assert stage.at(GW_1, "INVITE")[0].via.param("alias") is None


# Who has opened a connection, and shows no certificate -------------------------------------------

GATEWAY_6 = sansip.Address("2001:db8::7", 5061)
TLS_6 = "tls:[2001:db8::10]:5061"


@pytest.mark.parametrize("named", [(), ("somebody.example.com",)])
@pytest.mark.parametrize(
    ("member", "there"),
    [
        (f"sips:{GW_1.host}", SECURE_1),
        (f"sips:gw-1.example.com;maddr={GW_1.host}", SECURE_1),
        ("sips:[2001:DB8:0::7]:5061", GATEWAY_6),
    ],
)
def test_is_not_taken_for_a_gateway_whose_address_it_comes_from(
    member: str, there: sansip.Address, named: tuple[str, ...]
) -> None:
    # Who is on the way can come from any address: that is why gateways show certificates.
    endpoints = [*EVERY, sansip.Endpoint("tls", "[2001:db8::10]:5061")]
    stage = line(endpoints=endpoints, groups={"gateways": ["sip:gw-2.example.com", member]})
    endpoint = TLS if there == SECURE_1 else TLS_6
    stage.step(sansip.FlowOpened(stage.now, 1, endpoint, there, PROXY, named))
    stage.receive(make_request("INVITE", f"sips:bob@{there}"))
    assert not stage.sent_over(1)
    assert stage.sent_over(stage.connect()) == ["INVITE"]
    assert stage.orders()[0].name == there.host


def test_but_a_gateway_that_shows_one_is() -> None:
    stage = secure(groups={"gateways": [f"sips:{GW_1.host}"]})
    stage.step(sansip.FlowOpened(stage.now, 1, TLS, SECURE_1, PROXY, (GW_1.host,)))
    stage.receive(make_request("INVITE", f"sips:bob@{SECURE_1}"))
    assert stage.sent_over(1) == ["INVITE"]


def test_and_does_not_replace_who_has_shown_one() -> None:
    stage = secure()
    stage.receive(make_request("INVITE", f"sips:bob@{SECURE_1}"))
    flow = stage.connect()
    stage.step(sansip.FlowOpened(stage.now, 1, TLS, SECURE_1, PROXY))
    stage.receive(make_request("MESSAGE", f"sips:bob@{SECURE_1}"))
    assert stage.sent_over(flow) == ["INVITE", "MESSAGE"]
    assert not stage.sent_over(1)


def test_nor_does_a_gateway_keep_others_at_its_address_from_being_reached() -> None:
    stage = secure(groups={"gateways": [f"sips:{GW_1.host}"]})
    phone = sansip.Address(GW_1.host, 40_000)
    stage.step(sansip.FlowOpened(stage.now, 1, TLS, phone, PROXY))
    stage.receive(make_request("INVITE", f"sips:bob@{phone}"))
    assert stage.sent_over(1) == ["INVITE"]
