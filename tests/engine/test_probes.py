"""Probing: OPTIONS of our own to every hop of the members of groups, in virtual time."""

import pickle
import time

import pytest

import sansip
from probing import EVERY_2, LITERAL, answer, group, letters, on_watch, order, probes, said
from sansip import dns
from sansip.engine.fleet import Watch
from sansip.message import reply
from stage import CALLER, GW_1, GW_2, PROXY, ZONE, Stage, ToGroup, config, make_request

GW_3 = sansip.Address("203.0.113.3", 5060)
NAME = "sip:gw.example.com"  # NAPTR, SRV, two addresses


def gone(stage: Stage) -> bool:
    """Whether nothing is left of any probing."""
    return stage.state.fleet.watch == Watch() and stage.is_empty() and not len(stage.agenda)


def answer_dns(stage: Stage, name: str) -> None:
    """The question about this name is answered."""
    query = next(query for query in stage.open_questions if query.name == name)
    stage.open_questions.remove(query)
    stage.step(sansip.DnsAnswered(stage.now, query.query, stage.zone[query.name, query.type]))


# --- what is sent


def test_a_probe_is_an_options_request_of_our_own() -> None:
    stage = on_watch(group("sip:gw@203.0.113.1:5060;transport=udp;method=INVITE"))
    (probe,) = probes(stage, GW_1)
    assert probe.uri_text == "sip:gw@203.0.113.1:5060;transport=udp"
    assert (probe.cseq.number, probe.cseq.method) == (1, "OPTIONS")
    assert probe.max_forwards == 70
    assert (probe.get("from") or "").startswith("<sip:probe@192.0.2.10>;tag=")
    assert probe.get("to") == "<sip:gw@203.0.113.1:5060;transport=udp>"
    assert probe.get("accept") == "application/sdp"
    assert probe.via.sent_by == str(PROXY)
    assert len(probe.values("via")) == 1


def test_no_two_probes_share_a_branch_a_tag_or_a_call_id() -> None:
    stage = on_watch()
    for _ in range(5):
        answer(stage, GW_1, GW_2)
        stage.advance(2.0)
    sent = probes(stage, GW_1) + probes(stage, GW_2)
    assert len(sent) == 12
    for names in (
        {probe.via.branch for probe in sent},
        {probe.from_tag for probe in sent},
        {probe.call_id for probe in sent},
    ):
        assert len(names) == 12


def test_the_caller_of_a_probe_is_the_members_wish() -> None:
    member = sansip.Member(LITERAL[0], probe_from="sip:monitor@example.net;x=y")
    stage = on_watch(group(member))
    assert (probes(stage, GW_1)[0].get("from") or "").startswith(
        "<sip:monitor@example.net;x=y>;tag="
    )


def test_a_probe_through_an_outbound_proxy_is_about_its_member() -> None:
    """As in Kamailio: obproxy is for the probes, and not for the calls."""
    through = f"sip:{GW_3};lr"
    members = [sansip.Member(uri, probe_via=through) for uri in LITERAL]
    stage = on_watch(group(*members))
    first, second = probes(stage, GW_3)
    assert (first.uri_text, second.uri_text) == LITERAL
    assert not first.values("route")
    assert not probes(stage, GW_1)
    stage.receive(reply(first, 200, to_tag="gw"), GW_3)
    stage.advance(1.9)
    assert letters(stage) == ["AP", "IP"]
    stage.advance(0.1)
    for probe in probes(stage, GW_3)[2:]:
        stage.receive(reply(probe, 503, headers=[("Retry-After", "9")], to_tag="gw"), GW_3)
    assert letters(stage) == ["IP", "IP"]


def test_one_hop_of_an_outbound_proxy_will_do() -> None:
    member = sansip.Member("sip:gw-1.example.com:5060", probe_via=NAME)
    stage = on_watch(group(member))
    assert [send.remote for send in stage.sends] == [GW_1]
    stage.answer_dns = False
    stage.advance(1.7)
    order(stage, sansip.FlushCache())
    stage.advance(0.4)
    for query in ("gw.example.com", "_sip._udp.gw.example.com", "gw-1.example.com"):
        stage.sends.clear()
        answer_dns(stage, query)
    assert [send.remote for send in stage.sends] == [GW_1]
    stage.sends.clear()
    answer_dns(stage, "gw-2.example.com")
    assert not stage.sends


def test_what_an_outbound_proxy_says_counts_once_the_member_is_located() -> None:
    """A name is located for calls, and not for the probes that go through somebody else."""
    member = sansip.Member("sip:gw-1.example.com:5060", probe_via=f"sip:{GW_3}")
    stage = on_watch(group(member))
    stage.advance(2.0)
    assert letters(stage) == ["AP"]
    stage.receive(make_request())
    stage.respond(200, GW_1)
    stage.advance(3.9)
    assert letters(stage) == ["IP"]


def test_an_ipv6_host_stands_in_brackets() -> None:
    stage = on_watch(
        group("sip:[2001:db8::1]"), endpoints=[sansip.Endpoint("udp", "[2001:db8::10]:5060")]
    )
    (probe,) = probes(stage, sansip.Address("2001:db8::1", 5060))
    assert (probe.get("from") or "").startswith("<sip:probe@[2001:db8::10]>;tag=")


def test_a_probe_is_sent_again_until_its_time_is_over() -> None:
    stage = on_watch()
    stage.advance(1.9)
    assert len(stage.at(GW_1, "OPTIONS")) == 3  # at 0, 0.5 and 1.5 s
    assert len(probes(stage, GW_1)) == 1


def test_members_that_want_no_probes_get_none() -> None:
    stage = on_watch(group(LITERAL[0], sansip.Member(LITERAL[1], probed=False)))
    stage.advance(5.0)
    assert len(probes(stage, GW_1)) == 3
    assert not probes(stage, GW_2)
    assert letters(stage) == ["IP", "AX"]


def test_groups_without_probing_have_no_timer() -> None:
    stage = on_watch(group(probing=None))
    assert gone(stage)
    assert letters(stage) == ["AX", "AX"]


# --- every hop of every member


def test_every_host_of_an_srv_name_is_probed() -> None:
    """Kamailio 2376: the dispatcher probes one host of an SRV name, and so it uses one."""
    stage = on_watch(group(NAME))
    assert len(probes(stage, GW_1)) == len(probes(stage, GW_2)) == 1
    answer(stage, GW_2)
    stage.advance(2.0)
    assert letters(stage) == ["TP"]  # one of them is down
    (member,) = stage.engine.standing(stage.state, stage.now)
    assert [hop.letter for hop in member.hops] == ["I", "A"]


def test_a_dead_host_of_an_srv_name_holds_up_nothing() -> None:
    """Asterisk 1927: OPTIONS stay with the dead host of an SRV name."""
    stage = on_watch(group(NAME))
    for _ in range(4):
        answer(stage, GW_2)
        stage.advance(2.0)
    assert len(probes(stage, GW_1)) == len(probes(stage, GW_2)) == 5
    stage.receive(make_request(uri="sip:bob@example.net"))
    answer(stage, GW_1)
    stage.advance(1.0)
    assert letters(stage) == ["AP"]


def test_what_dns_says_now_is_probed_and_not_what_it_said_once() -> None:
    stage = on_watch(group("sip:gw-1.example.com:5060"))
    stage.zone["gw-1.example.com", "A"] = dns.Found((dns.Ip(GW_3.host),), 60.0)
    stage.advance(59.0)
    assert not probes(stage, GW_3)
    stage.advance(2.0)
    assert len(probes(stage, GW_3)) == 1


def test_two_names_for_one_place_are_one_probe_at_a_time() -> None:
    groups = {
        "gateways": group(LITERAL[0], "sip:gw-1.example.com:5060"),
        "others": group(LITERAL[0]),
    }
    stage = on_watch(groups)
    assert len(probes(stage, GW_1)) == 1
    stage.advance(2.0)
    assert letters(stage) == ["IP", "IP", "IP"]
    assert len(probes(stage, GW_1)) == 2


def test_the_same_uri_by_two_sockets_has_two_healths() -> None:
    """Kamailio 4330: they share one state there."""
    endpoints = [sansip.Endpoint("udp", text) for text in ("192.0.2.10:5060", "192.0.2.11:5060")]
    members = [sansip.Member(LITERAL[0], endpoint=endpoint.name) for endpoint in endpoints]
    stage = on_watch(group(*members), endpoints=endpoints)
    left = [send.endpoint for send in stage.sends]
    assert left == [endpoint.name for endpoint in endpoints]
    second = probes(stage, GW_1)[1]
    assert second.via.sent_by == "192.0.2.11:5060"
    stage.receive(reply(second, 200, to_tag="gw"), GW_1)
    stage.advance(1.9)
    assert letters(stage) == ["IP", "AP"]


def test_a_member_without_an_endpoint_is_probed_from_all_that_calls_may_leave_by() -> None:
    endpoints = [
        sansip.Endpoint("udp", "192.0.2.10:5060"),
        sansip.Endpoint("udp", "192.0.2.11:5060"),
        sansip.Endpoint("tcp", "192.0.2.10:5060"),
        sansip.Endpoint("udp", "[2001:db8::10]:5060"),
    ]
    stage = on_watch(group(LITERAL[0]), endpoints=endpoints)
    assert [send.endpoint for send in stage.sends] == [e.name for e in endpoints[:2]]


def test_an_endpoint_of_another_kind_leaves_the_choice_to_us() -> None:
    endpoints = [
        sansip.Endpoint("udp", "192.0.2.10:5060"),
        sansip.Endpoint("udp", "192.0.2.11:5060"),
        sansip.Endpoint("tcp", "192.0.2.10:5060"),
    ]
    member = sansip.Member(LITERAL[0], endpoint=endpoints[2].name)
    stage = on_watch(group(member), endpoints=endpoints)
    assert [send.endpoint for send in stage.sends] == [endpoints[0].name]


# --- time


def test_a_dead_gateway_is_noticed_within_interval_and_timeout() -> None:
    """Kamailio 3446: pings every 3 s, and 30 s until they are missed."""
    stage = on_watch(group(probing=sansip.Probing(every=3.0)))
    for _ in range(3):
        answer(stage, GW_1, GW_2)
        stage.advance(3.0)
    assert letters(stage) == ["AP", "AP"]
    answer(stage, GW_1)
    stage.advance(2.3)
    assert letters(stage) == ["AP", "AP"]
    stage.advance(0.2)
    assert letters(stage) == ["AP", "IP"]


def test_a_probe_waits_as_long_as_it_is_told_to() -> None:
    stage = on_watch(group(probing=sansip.Probing(every=10.0, timeout=9.0)))
    stage.advance(8.75)
    answer(stage, GW_1)
    stage.advance(0.5)
    assert letters(stage) == ["AP", "IP"]
    (first, _) = stage.engine.standing(stage.state, stage.now)
    assert first.hops[0].latency == 8.75


def test_timer_f_ends_a_probe_that_would_wait_longer() -> None:
    stage = on_watch(group(probing=sansip.Probing(every=60.0, timeout=50.0)))
    stage.advance(33.0)
    assert letters(stage) == ["IP", "IP"]
    assert "Timer F" in said(stage, "health")[0]
    assert len(stage.state.client) == 0


def test_what_comes_after_that_is_too_late() -> None:
    stage = on_watch()
    stage.advance(1.7)
    assert len(stage.state.client) == 0
    answer(stage, GW_1, GW_2)
    stage.advance(0.2)
    assert letters(stage) == ["IP", "IP"]


def test_each_member_of_a_large_group_is_probed_once_in_every_interval() -> None:
    hosts = [f"203.0.113.{number}" for number in range(1, 51)]
    stage = on_watch(group(*[f"sip:{host}" for host in hosts], probing=sansip.Probing(every=3.0)))
    reached = [len(probes(stage, sansip.Address(host, 5060))) for host in hosts]
    assert reached == [1] * 20 + [0] * 30
    stage.advance(2.5)
    reached = [len(probes(stage, sansip.Address(host, 5060))) for host in hosts]
    assert reached == [1] * 50
    stage.advance(30.0)
    assert {len(probes(stage, sansip.Address(host, 5060))) for host in hosts} == {11}


def test_a_step_of_a_group_of_a_thousand_is_short() -> None:
    members = [f"sip:10.{n >> 8}.{n & 255}.1" for n in range(1000)]
    stage = on_watch(group(*members, probing=sansip.Probing(every=10.0)))
    longest = 0.0
    for _ in range(60):  # a whole round, with all that fails in it
        due = stage.agenda.next_due()
        assert due is not None
        for timer in stage.agenda.pop_due(due):
            begun = time.process_time()
            stage.state, actions = stage.engine.step(stage.state, sansip.TimerFired(due, timer))
            longest = max(longest, time.process_time() - begun)
            stage.now = due
            stage.perform(actions)
    assert longest < 0.5
    assert len(stage.state.fleet.watch.probes) <= 1000


# --- what an answer means


@pytest.mark.parametrize("status", [200, 302, 401, 404, 408, 480, 500, 603])
def test_any_answer_but_503_shows_life(status: int) -> None:
    stage = on_watch(group(LITERAL[0]))
    stage.advance(2.0)
    answer(stage, GW_1, status=status)
    assert letters(stage) == ["AP"]


def test_a_503_is_a_failure() -> None:
    stage = on_watch(group(LITERAL[0]))
    answer(stage, GW_1, status=503)
    assert letters(stage) == ["IP"]
    assert "answered 503" in said(stage, "health")[0]
    stage.advance(2.0)
    answer(stage, GW_1, status=503, headers=(("Retry-After", "soon"),))
    assert letters(stage) == ["IP"]
    stage.advance(2.0)
    answer(stage, GW_1)
    assert letters(stage) == ["AP"]


def test_a_503_with_retry_after_bars_its_place_and_no_probe_lifts_that() -> None:
    stage = on_watch(group(LITERAL[0]))
    answer(stage, GW_1, status=503, headers=(("Retry-After", "60"),))
    stage.advance(2.0)
    answer(stage, GW_1)
    (member,) = stage.engine.standing(stage.state, stage.now)
    (hop,) = member.hops
    assert (member.letters, hop.barred, hop.until) == ("IP", True, 1060.0)
    stage.advance(59.0)
    answer(stage, GW_1)
    assert letters(stage) == ["AP"]


@pytest.mark.parametrize(
    ("status", "letter"), [(200, "AP"), (204, "AP"), (404, "AP"), (408, "IP"), (503, "IP")]
)
def test_only_the_statuses_that_the_group_names_show_life(status: int, letter: str) -> None:
    probing = sansip.Probing(every=2.0, alive_on=(404, 405))
    stage = on_watch(group(LITERAL[0], probing=probing))
    answer(stage, GW_1, status=status)
    assert letters(stage) == [letter]


def test_a_503_may_show_life_if_the_group_says_so() -> None:
    stage = on_watch(group(LITERAL[0], probing=sansip.Probing(every=2.0, alive_on=(503,))))
    answer(stage, GW_1, status=503, headers=(("Retry-After", "60"),))
    assert letters(stage) == ["AP"]


def test_a_100_decides_nothing_until_time_is_over_and_then_shows_life() -> None:
    stage = on_watch(group(LITERAL[0]))
    stage.advance(2.0)
    assert letters(stage) == ["IP"]
    answer(stage, GW_1, status=100)
    stage.advance(1.5)
    assert letters(stage) == ["IP"]
    stage.advance(0.4)
    assert letters(stage) == ["AP"]
    assert len(stage.state.client) == 0
    stage.advance(0.2)
    answer(stage, GW_1, status=100)
    answer(stage, GW_1, status=503)
    assert letters(stage) == ["IP"]


def test_a_100_is_no_life_where_the_group_says_what_is() -> None:
    stage = on_watch(group(LITERAL[0], probing=sansip.Probing(every=2.0, alive_on=())))
    answer(stage, GW_1, status=100)
    stage.advance(1.7)
    assert letters(stage) == ["IP"]
    assert len(stage.state.client) == 0


def test_thresholds_count_both_ways() -> None:
    stage = on_watch(group(LITERAL[0], down_after=3, up_after=2))
    seen: list[str] = []
    for alive in (False, False, True, False, False, False, True, False, True, True, True):
        if alive:
            answer(stage, GW_1)
        stage.advance(2.0)
        seen += letters(stage)
    assert [letter[0] for letter in seen] == list("TTATTIIIIAA")


def test_a_response_is_matched_by_its_branch_wherever_it_comes_from() -> None:
    stage = on_watch(group(LITERAL[0]))
    (probe,) = probes(stage, GW_1)
    stage.receive(reply(probe, 200, to_tag="x"), GW_3)
    stage.advance(1.9)
    assert letters(stage) == ["AP"]
    stage.advance(0.1)
    forged = reply(probe, 200, to_tag="x")  # that branch is known by now, and answered
    stage.receive(forged, GW_3)
    stage.advance(1.9)
    assert letters(stage) == ["IP"]


def test_an_icmp_error_is_a_failure_at_once() -> None:
    stage = on_watch()
    stage.icmp(GW_1, stage.sends[0].data)
    assert letters(stage) == ["IP", "AP"]
    assert "port unreachable" in said(stage, "health")[0]


def test_whoever_answers_a_probe_after_an_icmp_error_is_there() -> None:
    """Anybody can forge such an error, for it need not quote more than a few bytes."""
    stage = on_watch()
    stage.icmp(GW_1, b"OPTI")
    assert letters(stage) == ["IP", "AP"]
    answer(stage, GW_1, GW_2)
    assert letters(stage) == ["AP", "AP"]
    assert not len(stage.state.fleet.watch.probes)


@pytest.mark.parametrize("heard", ["nothing", "another error", "404"])
def test_a_probe_fails_once(heard: str) -> None:
    probing = sansip.Probing(every=2.0, alive_on=(200,))
    stage = on_watch(group(LITERAL[0], probing=probing, down_after=2))
    sent = stage.sends[0].data
    stage.icmp(GW_1, sent)
    if heard == "another error":
        stage.icmp(GW_1, sent)
    elif heard == "404":
        answer(stage, GW_1, status=404)
    stage.advance(1.9)
    assert letters(stage) == ["TP"]
    assert not len(stage.state.fleet.watch.probes)


def test_a_refused_send_is_a_failure_at_once() -> None:
    stage = on_watch()
    stage.refuse(stage.sends[1])
    assert letters(stage) == ["AP", "IP"]
    assert "network is unreachable" in said(stage, "health")[0]


def test_copies_of_an_answer_count_once() -> None:
    stage = on_watch(group(LITERAL[0], up_after=2))
    stage.advance(2.0)
    answer(stage, GW_1)
    answer(stage, GW_1)
    assert letters(stage) == ["IP"]


# --- over connections


TCP = [sansip.Endpoint("tcp", "192.0.2.10:5060"), sansip.Endpoint("tls", "192.0.2.10:5061")]


def test_probes_go_over_connections_and_use_them_again() -> None:
    stage = on_watch(group("sip:203.0.113.1;transport=tcp"), endpoints=TCP)
    assert not stage.sends
    (flow,) = [stage.state.links.get(link) for link in stage.state.links]
    assert flow is not None
    stage.step(sansip.FlowOpened(stage.now, flow, TCP[0].name, GW_1, PROXY))
    (probe,) = probes(stage, GW_1)
    assert probe.via.transport == "TCP"
    stage.step(sansip.StreamReceived(stage.now, flow, reply(probe, 200, to_tag="gw").render()))
    assert letters(stage) == ["AP"]
    stage.advance(2.0)
    assert [send.flow for send in stage.sends] == [flow, flow]


def test_a_connection_that_is_refused_is_a_failure() -> None:
    """OpenSIPS 3257, for probes: every transport error counts."""
    stage = on_watch(group("sip:203.0.113.1;transport=tcp"), endpoints=TCP)
    (flow,) = [stage.state.links.get(link) for link in stage.state.links]
    assert flow is not None
    stage.step(sansip.FlowClosed(stage.now, flow, "connection refused"))
    assert letters(stage) == ["IP"]
    assert "connection refused" in said(stage, "health")[0]
    assert said(stage, "transport") == []  # it would be said at every round


def test_the_certificate_must_name_the_domain_of_the_member() -> None:
    zone = {("gw-1.example.com", "A"): ZONE["gw-1.example.com", "A"]}
    stage = on_watch(group("sips:gw-1.example.com:5061"), zone, endpoints=TCP)
    (link,) = stage.state.links
    assert (link.remote.port, link.name) == (5061, "gw-1.example.com")


def test_a_large_probe_goes_as_a_datagram_after_all_if_its_connection_is_refused() -> None:
    endpoints = [sansip.Endpoint("udp", str(PROXY)), TCP[0]]
    stage = on_watch(group(LITERAL[0]), endpoints=endpoints, tcp_above=100)
    (flow,) = [stage.state.links.get(link) for link in stage.state.links]
    assert flow is not None
    stage.step(sansip.FlowClosed(stage.now, flow, "connection refused"))
    (probe,) = probes(stage, GW_1)
    assert probe.via.transport == "UDP"
    stage.advance(1.7)
    assert len(stage.state.client) == 0
    assert len(said(stage, "health")) == 1


# --- DNS


def test_dead_dns_does_not_end_probing() -> None:
    """OpenSIPS 3285: DNS is dead, and nothing is probed any more."""
    stage = on_watch(group(NAME))
    stage.advance(59.0)
    sent = len(probes(stage, GW_1))
    stage.answer_dns = False
    for _ in range(5):
        stage.advance(4.0)  # two rounds, and what was asked in them has failed
        while stage.open_questions:
            query = stage.open_questions.pop(0)
            stage.step(sansip.DnsAnswered(stage.now, query.query, dns.Failure("time-out")))
    assert len(probes(stage, GW_1)) >= sent + 5  # one in two rounds, at least
    assert "dns" in stage.topics()
    assert not said(stage, "probe")


def test_while_dns_takes_its_time_what_it_said_last_is_probed() -> None:
    stage = on_watch(group(NAME))
    stage.advance(59.0)
    sent = len(probes(stage, GW_1))
    stage.answer_dns = False
    stage.advance(2.0)  # a round that asks again
    assert stage.open_questions
    assert len(probes(stage, GW_1)) == sent
    stage.advance(2.0)  # and one that finds the question open
    assert stage.open_questions
    assert len(probes(stage, GW_1)) == sent + 1


def test_what_dns_does_not_answer_is_asked_once_however_often_it_is_wanted() -> None:
    stage = on_watch(group(NAME), {})
    stage.answer_dns = False
    order(stage, sansip.FlushCache())
    stage.questions.clear()
    stage.advance(1.9)
    stage.receive(make_request(uri="sip:bob@gw.example.com"))
    stage.advance(6.0)
    assert stage.questions
    assert len(set(stage.questions)) == len(stage.questions)


def test_a_name_that_leads_nowhere_is_reported_once_per_change() -> None:
    stage = on_watch(group("sip:gw-1.example.com:5060", "sip:gw-2.example.com:5060"), {})
    stage.advance(100.0)
    assert len(said(stage, "probe")) == 2
    assert "no such name: gw-1.example.com" in said(stage, "probe")[0]
    stage.zone["gw-1.example.com", "A"] = dns.Found((dns.Ip(GW_1.host),), 10.0)
    stage.advance(60.0)
    assert probes(stage, GW_1)
    del stage.zone["gw-1.example.com", "A"]
    stage.advance(60.0)
    assert len(said(stage, "probe")) == 3


def test_a_hop_that_the_filter_refuses_is_reported_once() -> None:
    zone = {("gw-1.example.com", "A"): dns.Found((dns.Ip("127.0.0.1"), dns.Ip(GW_1.host)), 5.0)}
    stage = on_watch(group("sip:gw-1.example.com:5060", "sip:127.0.0.2"), zone)
    stage.advance(20.0)
    assert said(stage, "probe") == [
        "not probed: udp:127.0.0.2:5060: loopback address; allow_hops does not list it",
        "not probed: udp:127.0.0.1:5060: loopback address; allow_hops does not list it",
    ]
    assert "policy" not in stage.topics()
    assert {send.remote for send in stage.sends} == {GW_1}


def test_a_hop_that_no_endpoint_reaches_is_reported_once() -> None:
    endpoints = [
        sansip.Endpoint("udp", "192.0.2.10:5060"),
        sansip.Endpoint("tcp", "[2001:db8::10]:5060"),
    ]
    stage = on_watch(group("sip:203.0.113.1;transport=tcp"), endpoints=endpoints)
    stage.advance(20.0)
    assert said(stage, "probe") == ["not probed: no endpoint reaches tcp:203.0.113.1:5060"]


def test_hops_come_one_after_the_other_and_are_probed_as_they_come() -> None:
    stage = on_watch(group("sip:gw.example.com;transport=udp"))
    stage.answer_dns = False
    stage.advance(60.0)
    answer(stage, GW_1, GW_2)
    stage.sent.clear()
    order(stage, sansip.FlushCache())
    stage.advance(2.0)
    answer_dns(stage, "_sip._udp.gw.example.com")
    answer_dns(stage, "gw-1.example.com")
    assert len(probes(stage, GW_1)) == 1
    assert not probes(stage, GW_2)
    stage.answer_dns = True
    stage.answer_all()
    assert len(probes(stage, GW_2)) == 1
    assert not said(stage, "probe")


def test_probing_takes_no_more_than_half_of_the_questions() -> None:
    members = [f"sip:gw-{number}.example.net:5060" for number in range(20)]
    engine = sansip.Engine(
        config(groups={"gateways": group(*members)}, limits=sansip.Limits(questions=8)), ToGroup()
    )
    state, actions = engine.start(b"a seed for tests", 1000.0)
    assert len([action for action in actions if isinstance(action, sansip.QueryDns)]) == 4
    assert not [action for action in actions if getattr(action, "topic", "") == "limit"]
    event = sansip.DatagramReceived(
        1000.0, "udp:192.0.2.10:5060", CALLER, PROXY, make_request().render()
    )
    state, _ = engine.step(state, event)
    assert len(state.queries) == 4  # the first member is being located


# --- members that begin otherwise


def test_a_member_that_begins_inactive_is_well_once_a_probe_is_answered() -> None:
    stage = on_watch(group(sansip.Member(LITERAL[0], begins="inactive"), LITERAL[1]))
    assert letters(stage) == ["IP", "AP"]
    answer(stage, GW_1, GW_2)
    assert letters(stage) == ["AP", "AP"]


# --- groups that are replaced; the end


def test_a_new_group_is_probed_at_once_and_one_that_is_gone_no_more() -> None:
    stage = on_watch(group(LITERAL[0]))
    order(stage, sansip.ReplaceGroups((("others", group(LITERAL[1])),)))
    assert len(probes(stage, GW_2)) == 1
    assert len(stage.state.client) == 1
    stage.advance(10.0)
    assert len(probes(stage, GW_1)) == 1
    order(stage, sansip.ReplaceGroups(()))
    assert gone(stage)


def test_an_unchanged_group_goes_on_as_if_nothing_had_happened() -> None:
    stage = on_watch(group(LITERAL[0]))
    stage.advance(1.0)
    order(stage, sansip.ReplaceGroups((("gateways", group(LITERAL[0])),)))
    assert len(probes(stage, GW_1)) == 1
    stage.advance(1.1)
    assert len(probes(stage, GW_1)) == 2
    assert letters(stage) == ["IP"]


def test_in_a_changed_group_who_stays_keeps_the_probe_that_is_under_way() -> None:
    stage = on_watch(group(*LITERAL))
    stage.advance(1.0)
    order(stage, sansip.ReplaceGroups((("gateways", group(LITERAL[0], f"sip:{GW_3}")),)))
    assert [len(probes(stage, gw)) for gw in (GW_1, GW_2, GW_3)] == [1, 1, 1]
    stage.advance(0.7)
    assert letters(stage) == ["IP", "AP"]
    assert len(stage.state.client) == 1
    stage.advance(1.4)
    assert [len(probes(stage, gw)) for gw in (GW_1, GW_2, GW_3)] == [2, 1, 2]


def test_with_another_probing_everything_begins_anew() -> None:
    stage = on_watch(group(LITERAL[0]))
    stage.advance(1.0)
    slower = group(LITERAL[0], probing=sansip.Probing(every=20.0))
    order(stage, sansip.ReplaceGroups((("gateways", slower),)))
    assert len(probes(stage, GW_1)) == 2
    stage.advance(3.9)
    assert letters(stage) == ["AP"]
    stage.advance(0.2)
    assert letters(stage) == ["IP"]


def test_a_group_that_is_replaced_while_dns_is_asked_leaves_nothing() -> None:
    stage = on_watch(group(NAME), {})
    order(stage, sansip.FlushCache())
    stage.answer_dns = False
    stage.advance(2.0)
    assert len(stage.state.searches)
    order(stage, sansip.ReplaceGroups((("gateways", group(NAME, probing=None)),)))
    assert gone(stage)
    assert not stage.open_questions


def test_timers_that_fire_too_late_match_nothing() -> None:
    stage = on_watch(group(LITERAL[0]))
    timers = stage.agenda.pop_due(stage.now + 2.0)
    order(stage, sansip.ReplaceGroups((("gateways", group(LITERAL[1])),)))
    before = stage.state.freeze()
    for timer in timers:
        assert stage.step(sansip.TimerFired(stage.now, timer)) == ()
    assert stage.state == before


def test_quiesce_keeps_probing() -> None:
    stage = on_watch(group(LITERAL[0]))
    order(stage, sansip.Quiesce())
    stage.advance(3.0)
    assert len(probes(stage, GW_1)) == 2


def test_probes_that_fail_for_ever_hold_no_more_than_one_of_each_place() -> None:
    stage = on_watch(group(NAME, *LITERAL))
    sizes: set[tuple[int, int]] = set()
    stage.on_step = lambda s: sizes.add((len(s.state.fleet.watch.probes), len(s.state.client)))
    stage.advance(300.0)
    assert max(sizes) == (2, 2)
    order(stage, sansip.ReplaceGroups(()))
    assert gone(stage)


def test_a_state_with_probes_under_way_can_be_kept() -> None:
    stage = on_watch(group(NAME), {})
    frozen = stage.state.freeze()
    assert pickle.loads(pickle.dumps(frozen)) == frozen  # noqa: S301 - our own
    kept, used = frozen.fleet.watch, stage.state.fleet.watch
    assert kept == used
    assert kept.rounds is not used.rounds
    assert kept.paths is not used.paths
    assert kept.probes is not used.probes
    stage.advance(100.0)
    assert frozen != stage.state
    assert frozen.fleet.watch != stage.state.fleet.watch


def test_a_probe_that_runs_while_its_state_is_pickled_knows_a_100_again() -> None:
    stage = on_watch(group(LITERAL[0]))
    answer(stage, GW_1, status=100)
    stage.state = pickle.loads(pickle.dumps(stage.state))  # noqa: S301 - our own
    stage.advance(1.9)
    assert letters(stage) == ["AP"]


def test_probing_is_checked_before_anything_starts() -> None:
    with pytest.raises(sansip.LocalProtocolError, match="its timeout must be shorter"):
        config(groups={"gateways": group(probing=sansip.Probing(every=3.0, timeout=30.0))})
    assert EVERY_2.patience == 1.6


# --- calls and probes know of each other


def test_who_takes_calls_need_not_answer_probes() -> None:
    stage = on_watch(group(LITERAL[0]))
    stage.advance(0.5)
    stage.receive(make_request())
    stage.respond(486, GW_1)
    stage.advance(1.2)
    assert letters(stage) == ["AP"]
    stage.advance(2.0)
    assert letters(stage) == ["IP"]


def test_who_answers_probes_and_drops_calls_is_suspect_until_its_next_answer() -> None:
    """An answered probe is no excuse for the silence of a call; else every call would wait."""
    stage = on_watch(group(LITERAL[0]))
    answer(stage, GW_1)
    stage.receive(make_request())
    stage.advance(2.1)
    answer(stage, GW_1)
    stage.advance(1.0)
    assert letters(stage) == ["IP"]
    stage.advance(1.1)
    answer(stage, GW_1)
    assert letters(stage) == ["AP"]
