"""Where a response goes when it cannot go where its request came from (18.2.2, RFC 3263 5)."""

import pytest

import sansip
from line import BOTH, PHONE, TCP, UDP, Line, line
from sansip import dns
from sansip.message import reply
from stage import CALLER, GW_1, PROXY, Decide, Whatever, config, make_request

TLS = "tls:192.0.2.10:5061"
HOME = [sansip.Address(f"203.0.113.{number}", 5070) for number in (21, 22, 23)]
ZONE: dict[tuple[str, str], dns.Answer] = {
    ("phone.example.org", "A"): dns.Found((dns.Ip(HOME[0].host), dns.Ip(HOME[1].host)), 60.0),
    **{
        (f"{service}.phone.example.org", "SRV"): dns.Found(
            (dns.Srv(2, 0, port, "b.example.org"), dns.Srv(1, 0, port, "a.example.org")), 60.0
        )
        for service, port in (("_sip._udp", 5070), ("_sip._tcp", 5071), ("_sips._tcp", 5072))
    },
    ("a.example.org", "A"): dns.Found((dns.Ip(HOME[0].host),), 60.0),
    ("b.example.org", "A"): dns.Found((dns.Ip(HOME[1].host), dns.Ip(HOME[2].host)), 60.0),
}


def at(number: int, port: int) -> sansip.Address:
    return sansip.Address(HOME[number].host, port)


def asked(
    sent_by: str, transport: str = "TCP", method: str = "INVITE", **options: Whatever
) -> sansip.Request:
    via = f"SIP/2.0/{transport} {sent_by};branch=z9hG4bKcaller"
    return make_request(method, f"sip:bob@{GW_1}", **options).with_top_via(via)


def called(sent_by: str, endpoint: str = TCP, **options: Whatever) -> Line:
    """A call has come over a connection, and that is gone."""
    endpoints = [
        sansip.Endpoint("udp", str(PROXY)),
        sansip.Endpoint("tcp", str(PROXY)),
        sansip.Endpoint("tls", "192.0.2.10:5061"),
    ]
    stage = line(endpoints=endpoints, **options)
    stage.zone |= ZONE
    stage.step(sansip.FlowOpened(stage.now, 1, endpoint, PHONE, PROXY))
    stage.hear(asked(sent_by, endpoint[:3].upper()))
    stage.close(1)
    return stage


def places(stage: Line) -> list[sansip.Address]:
    """Where connections were wanted, refusing them one after the other."""
    seen = 0
    while len(stage.orders()) > seen:
        seen += 1
        stage.reject()
    return [order.remote for order in stage.orders()]


# Over connections --------------------------------------------------------------------------------


@pytest.mark.rule("3261-18.2.2-02")
@pytest.mark.parametrize(
    ("sent_by", "port"),
    [("10.0.0.9:5070", 5070), ("10.0.0.9", 5060), ("phone.example.org:5070", 5070)],
)
def test_a_new_connection_goes_to_where_the_request_came_from(sent_by: str, port: int) -> None:
    stage = called(sent_by)
    stage.respond(180, GW_1)
    stage.respond(200, GW_1)
    (order,) = stage.orders()
    there = sansip.Address(PHONE.host, port)
    assert order == sansip.OpenFlow(order.flow, TCP, "tcp", there, None)
    flow = stage.connect()
    assert stage.sent_over(flow) == ["180", "200"]
    assert {send.endpoint for send in stage.sends if send.flow == flow} == {TCP}
    assert not stage.questions
    stage.respond(200, GW_1)  # once more: the connection is there
    assert stage.sent_over(flow) == ["180", "200", "200"]
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3263-5-01", "3263-5-05", "3261-17.2.4-01", "6026-7.1-07", "3261-18.2.2-02")
def test_then_to_the_address_that_sent_by_is() -> None:
    stage = called("192.0.2.99:5070")
    stage.respond(200, GW_1)
    assert places(stage) == [
        sansip.Address(PHONE.host, 5070),
        sansip.Address("192.0.2.99", 5070),
    ]
    assert stage.reports[-1].text == ("response not sent: no connection: connection refused")
    assert len(stage.state.server) == 1  # it stays, for the retransmissions of the INVITE
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3263-5-01")
def test_without_a_port_to_the_default_one() -> None:
    stage = called("192.0.2.99")
    stage.respond(200, GW_1)
    assert places(stage) == [
        sansip.Address(PHONE.host, 5060),
        sansip.Address("192.0.2.99", 5060),
    ]


def test_not_twice_to_the_same_place() -> None:
    stage = called(f"{PHONE.host}:5070")
    stage.respond(200, GW_1)
    assert places(stage) == [sansip.Address(PHONE.host, 5070)]


@pytest.mark.rule("3261-18.2.2-02", "5923-8.2-03")
@pytest.mark.parametrize(
    ("endpoint", "sent_by", "name"),
    [
        (TCP, str(PHONE), None),  # a peer that connects from the port that it listens on
        (TLS, "phone.example.org:5061;alias", "phone.example.org"),
    ],
)
def test_not_over_the_connection_that_has_just_refused_it(
    endpoint: str, sent_by: str, name: str | None
) -> None:
    stage = line(endpoints=[*BOTH, sansip.Endpoint("tls", "192.0.2.10:5061")])
    names = ("phone.example.org",) if name else ()
    stage.step(sansip.FlowOpened(stage.now, 1, endpoint, PHONE, PROXY, names))
    stage.hear(asked(sent_by, endpoint[:3].upper()))
    stage.respond(200, GW_1)
    stage.refuse(stage.sends[-1], "broken pipe")
    (order,) = stage.orders()
    assert order.remote == sansip.Address(PHONE.host, 5061 if name else PHONE.port)
    assert order.name == name
    assert stage.sent_over(stage.connect()) == ["200"]
    stage.close(1)
    stage.close(stage.orders()[0].flow)
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3263-5-02")
def test_a_name_with_a_port_has_addresses() -> None:
    stage = called("phone.example.org:5070")
    stage.respond(200, GW_1)
    assert places(stage) == [sansip.Address(PHONE.host, 5070), HOME[0], HOME[1]]
    assert {kind for _, kind in stage.questions} == {"A"}


@pytest.mark.rule("3263-5-03", "2782-01")
def test_a_name_without_a_port_has_srv_records() -> None:
    stage = called("phone.example.org")
    stage.respond(200, GW_1)
    assert places(stage) == [
        sansip.Address(PHONE.host, 5060),
        at(0, 5071),
        at(1, 5071),
        at(2, 5071),
    ]
    assert {each for each in stage.questions if each[1] != "A"} == {
        ("_sip._tcp.phone.example.org", "SRV")
    }


@pytest.mark.rule("3263-5-03")
def test_or_addresses_and_the_default_port() -> None:
    stage = called("phone.example.org")
    del stage.zone[("_sip._tcp.phone.example.org", "SRV")]
    stage.respond(200, GW_1)
    assert places(stage) == [sansip.Address(PHONE.host, 5060), at(0, 5060), at(1, 5060)]


@pytest.mark.rule("3263-5-03", "3263-5-04")
@pytest.mark.parametrize("srv", [True, False])
def test_tls_stays_tls(srv: bool) -> None:  # noqa: FBT001
    stage = called("phone.example.org", TLS)
    if not srv:
        del stage.zone[("_sips._tcp.phone.example.org", "SRV")]
    stage.respond(200, GW_1)
    first = sansip.Address(PHONE.host, 5061)
    listed = [at(0, 5072), at(1, 5072), at(2, 5072)] if srv else [at(0, 5061), at(1, 5061)]
    assert places(stage) == [first, *listed]
    assert {(order.endpoint, order.transport, order.name) for order in stage.orders()} == {
        (TLS, "tls", "phone.example.org")
    }
    assert not [send for send in stage.sends if send.remote in places(stage)]


@pytest.mark.rule("3263-5-02", "3261-17.2.4-01")
def test_the_next_is_tried_when_one_fails_and_no_more_when_one_does_not() -> None:
    stage = called("phone.example.org:5070")
    stage.respond(200, GW_1)
    stage.reject()
    stage.advance(4.0)  # the second does not answer at all
    flow = stage.connect()
    assert stage.sent_over(flow) == ["200"]
    assert stage.sends[-1].remote == HOME[1]
    assert len(stage.orders()) == 3
    stage.advance(3600.0)
    assert stage.is_empty()


def test_a_request_that_comes_again_over_another_connection_is_answered_there() -> None:
    stage = called("10.0.0.9:5070")
    stage.step(sansip.FlowOpened(stage.now, 2, TCP, PHONE, PROXY))
    stage.hear(asked("10.0.0.9:5070"), 2)
    assert stage.sent_over(2) == ["100"]  # once more
    stage.respond(200, GW_1)
    assert stage.sent_over(2) == ["100", "200"]
    assert len(stage.at(GW_1, "INVITE")) == 1
    assert not stage.orders()


def test_but_not_while_the_first_is_open_nor_by_datagram() -> None:
    stage = line().open(1).open(2)
    stage.hear(asked("10.0.0.9:5070"), 1)
    stage.hear(asked("10.0.0.9:5070"), 2)
    stage.receive(asked("10.0.0.9:5070"))
    assert stage.sent_over(1) == ["100"] * 3
    assert stage.sent_over(2) == []


def test_what_the_operating_system_refuses_goes_on_as_well() -> None:
    stage = called("phone.example.org:5070")
    stage.respond(200, GW_1)
    stage.connect()
    stage.refuse(stage.sends[-1], "broken pipe")
    assert [order.remote for order in stage.orders()][1:] == [HOME[0]]


def test_the_list_has_an_end_that_comes_soon() -> None:
    many = tuple([dns.Ip(f"203.0.113.{number}") for number in range(100, 140)])
    stage = called("phone.example.org:5070")
    stage.zone[("phone.example.org", "A")] = dns.Found(many, 60.0)
    stage.respond(200, GW_1)
    assert len(places(stage)) == 10
    assert stage.reports[-1].text.startswith("response not sent: ")


def test_the_configuration_may_keep_it_to_the_host_that_the_request_came_from() -> None:
    stage = called("phone.example.org:5070", follow_sent_by=False)
    stage.respond(200, GW_1)
    assert places(stage) == [sansip.Address(PHONE.host, 5070)]
    assert stage.reports[-1].text.startswith("response not sent: ")


def test_a_name_that_does_not_exist_ends_it() -> None:
    stage = called("nobody.example.org:5070")
    stage.respond(200, GW_1)
    assert places(stage) == [sansip.Address(PHONE.host, 5070)]
    assert stage.reports[-1].text.startswith("response not sent: ")
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("6026-8.8-01")
def test_what_answers_another_request_has_its_transaction_no_more() -> None:
    """Over a connection a non-INVITE server transaction ends with its response."""
    stage = line().open()
    stage.hear(asked("192.0.2.99", method="OPTIONS"))
    stage.close()
    stage.respond(200, GW_1, method="OPTIONS")
    assert not len(stage.state.server)
    assert len(places(stage)) == 2
    assert stage.reports[-1].text == "192.0.2.99:5060: no connection: connection refused"


def test_while_dns_is_asked_the_newest_response_counts() -> None:
    stage = called("phone.example.org:5070")
    stage.answer_dns = False
    stage.respond(180, GW_1)
    stage.respond(200, GW_1)
    stage.reject()
    assert len(stage.open_questions) == 1
    stage.answer_all()
    flow = stage.connect()
    assert stage.sent_over(flow) == ["200"]
    stage.advance(3600.0)
    assert stage.is_empty()


def answer(stage: Line, name: str) -> None:
    """DNS answers what was asked about this name."""
    (query,) = [each for each in stage.open_questions if each.name == name]
    stage.open_questions.remove(query)
    found = stage.zone[(name, query.type)]
    stage.step(sansip.DnsAnswered(stage.now, query.query, found))


def test_hops_come_one_after_the_other() -> None:
    stage = called("phone.example.org")
    stage.answer_dns = False
    stage.respond(200, GW_1)
    stage.reject()
    answer(stage, "_sip._tcp.phone.example.org")
    answer(stage, "b.example.org")
    assert len(stage.orders()) == 1  # its place in the list is not certain
    answer(stage, "a.example.org")
    assert stage.orders()[-1].remote == at(0, 5071)


def test_so_many_wait_for_dns_and_no_more() -> None:
    stage = line(limits=sansip.Limits(in_flight=2))
    stage.answer_dns = False
    for number in range(1, 4):
        stage.open(number, sansip.Address(CALLER.host, 4_000 + number))
        via = f"SIP/2.0/TCP phone.example.org:{number};branch=z9hG4bK{number}"
        stage.hear(asked("", method="OPTIONS", call_id=str(number)).with_top_via(via), number)
        stage.close(number)
        stage.respond(200, GW_1, method="OPTIONS")
        stage.reject()
    assert len(stage.state.undelivered) == 2
    assert stage.reports[-1].text.endswith("connection refused")
    stage.answer_all()
    stage.advance(3600.0)
    assert stage.is_empty()


# Nobody aims our answers -------------------------------------------------------------------------


@pytest.mark.rule("3261-18.2.2-07", "SIO-09")
@pytest.mark.parametrize("host", ["127.0.0.1", "224.0.1.75", "255.255.255.255", "0.0.0.0", "[::1]"])
def test_the_hop_filter_applies(host: str) -> None:
    stage = called(f"{host}:5070")
    stage.respond(200, GW_1)
    assert places(stage) == [sansip.Address(PHONE.host, 5070)]
    named = called("phone.example.org:5070")
    named.zone[("phone.example.org", "A")] = dns.Found((dns.Ip("127.0.0.1"),), 60.0)
    named.respond(200, GW_1)
    assert places(named) == [sansip.Address(PHONE.host, 5070)]


def test_it_applies_to_where_the_request_came_from() -> None:
    stage = line()
    stage.step(sansip.FlowOpened(stage.now, 1, TCP, sansip.Address("127.0.0.1", 4444), PROXY))
    stage.hear(asked("203.0.113.21:5070"))
    stage.close()
    stage.respond(200, GW_1)
    assert places(stage) == [sansip.Address("203.0.113.21", 5070)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"phone.example.org", b"elsewhere.example.org"),
        (b"z9hG4bKcaller", b"z9hG4bKother"),
        (b"SIP/2.0/TCP phone", b"SIP/2.0/TCP ;phone"),
    ],
)
def test_who_answers_cannot_change_the_address(old: bytes, new: bytes) -> None:
    stage = called("phone.example.org:5070")
    answer = reply(stage.at(GW_1, "INVITE")[0], 200, to_tag="gw").render()
    stage.receive(answer.replace(old, new), GW_1)
    assert not stage.orders()
    assert not stage.questions
    assert stage.reports[-1].text == "response not sent: its connection is closed"


def test_an_endpoint_that_is_no_more_sends_nothing() -> None:
    stage = called("phone.example.org:5070")
    stage.engine = sansip.Engine(config(), stage.engine.policy)
    stage.respond(200, GW_1)
    assert not stage.orders()
    assert stage.reports[-1].text == "response not sent: its connection is closed"


# As datagrams ------------------------------------------------------------------------------------


def by_udp(sent_by: str, method: str = "INVITE", **options: Whatever) -> Line:
    stage = line(**options)
    stage.zone |= ZONE
    stage.receive(asked(sent_by, "UDP", method), sansip.Address(CALLER.host, 41234))
    return stage


def refusals(stage: Line) -> list[sansip.Address]:
    """Where a response went, each refused by the operating system."""
    seen: list[sansip.Address] = []
    while not seen or stage.sends[-1].remote != seen[-1]:
        seen.append(stage.sends[-1].remote)
        stage.refuse(stage.sends[-1], "no route to host")
    return seen


@pytest.mark.rule("3261-18.2.2-04", "3263-5-01", "3263-5-02", "3263-5-03", "3261-17.2.4-01")
@pytest.mark.parametrize(
    ("sent_by", "to"),
    [
        ("192.0.2.99:5070", [(CALLER.host, 5070), ("192.0.2.99", 5070)]),
        ("192.0.2.99", [(CALLER.host, 5060), ("192.0.2.99", 5060)]),
        ("192.0.2.99:5070;rport", [(CALLER.host, 41234), ("192.0.2.99", 5070)]),
        (
            "phone.example.org:5070",
            [(CALLER.host, 5070), (HOME[0].host, 5070), (HOME[1].host, 5070)],
        ),
        (
            "phone.example.org",
            [(CALLER.host, 5060), *((home.host, 5070) for home in HOME)],
        ),
        ("nobody.example.org", [(CALLER.host, 5060)]),
        ("127.0.0.1", [(CALLER.host, 5060)]),
    ],
)
@pytest.mark.parametrize("status", [180, 200, 486])
def test_a_refused_datagram_goes_on(sent_by: str, to: list[tuple[str, int]], status: int) -> None:
    stage = by_udp(sent_by)
    stage.respond(status, GW_1)
    if status == 486:
        stage.sends.pop()  # the ACK to the gateway went last
        stage.sends = [send for send in stage.sends if send.remote != GW_1]
    assert refusals(stage) == [sansip.Address(*each) for each in to]
    assert stage.reports[-1].text == "response not sent: no route to host"
    assert {send.endpoint for send in stage.sends} == {UDP}
    assert len(stage.state.server) == 1


@pytest.mark.rule("6026-8.8-01", "3261-17.2.4-01")
def test_a_refused_answer_to_another_request_goes_on_and_its_transaction_stays() -> None:
    stage = by_udp("192.0.2.99:5070", "OPTIONS")
    stage.respond(200, GW_1, method="OPTIONS")
    assert len(refusals(stage)) == 2
    assert len(stage.state.server) == 1
    stage.receive(asked("192.0.2.99:5070", "UDP", "OPTIONS"), CALLER)
    assert stage.sends[-1].remote == sansip.Address(CALLER.host, 5070)  # from the first place on
    stage.advance(3600.0)
    assert stage.is_empty()


def test_what_the_adapter_does_not_quote_cannot_go_on() -> None:
    stage = by_udp("192.0.2.99:5070")
    send = stage.sends[0]
    stage.step(sansip.SendFailed(stage.now, send.endpoint, send.remote, "no route", send.id))
    assert len(stage.sends) == 2
    assert stage.reports[-1].text == "response not sent: no route"


@pytest.mark.rule("3261-18.2.2-06")
def test_a_large_response_stays_with_its_transport() -> None:
    stage = by_udp("192.0.2.99:5070")
    answer = reply(stage.at(GW_1, "INVITE")[0], 200, to_tag="gw", body=b"x" * 2000)
    stage.receive(answer, GW_1)
    assert stage.sends[-1].remote == sansip.Address(CALLER.host, 5070)
    assert stage.sends[-1].flow is None
    assert not stage.orders()


# maddr -------------------------------------------------------------------------------------------


@pytest.mark.rule("3261-18.2.2-03")
@pytest.mark.parametrize(
    ("via", "to"),
    [
        ("10.0.0.9;maddr=203.0.113.8", sansip.Address("203.0.113.8", 5060)),
        ("10.0.0.9:5070;rport;maddr=203.0.113.8", sansip.Address("203.0.113.8", 5070)),
        ("10.0.0.9:5070;maddr=239.1.1.1;ttl=1", sansip.Address("239.1.1.1", 5070)),
        ("10.0.0.9:5070;maddr=239.1.2.1", None),
        ("10.0.0.9:5070;maddr=127.0.0.1", None),
        ("10.0.0.9:5070;maddr=phone.example.org", sansip.Address(CALLER.host, 5070)),
    ],
)
def test_maddr_is_followed_if_the_configuration_says_so(
    via: str, to: sansip.Address | None
) -> None:
    stage = by_udp(via, follow_maddr=True, allow_hops=["239.1.1.0/24"])
    assert [send.remote for send in stage.sends if send.remote != GW_1] == ([to] if to else [])


@pytest.mark.rule("3261-18.2.2-01")
def test_never_instead_of_the_connection() -> None:
    stage = line(Decide(sansip.Reply(404)), follow_maddr=True).open()
    stage.hear(asked("10.0.0.9;maddr=203.0.113.8"))
    assert stage.over() == [404]


@pytest.mark.rule("SIO-09")
@pytest.mark.parametrize("transport", ["TCP", "UDP"])
def test_a_refusal_goes_to_its_first_place_or_nowhere(transport: str) -> None:
    stage = line(Decide(sansip.Reply(404))).open()
    request = asked("192.0.2.99:5070", transport)
    stage.receive(request) if transport == "UDP" else stage.hear(request)
    stage.refuse(stage.sends[-1], "no route to host")
    assert len(stage.sends) == 1
    assert not stage.orders()
    assert stage.topics() == ["transport"]
