"""What users complain of that is about gateways being known to be down: 8, 11, 12, 13 and others.

The report stands at each test: what went wrong there, and for which system.
"""

import pytest

import sansip
from line import BOTH, line
from probing import EVERY_2, answer, group, letters, on_watch, probes, said
from sansip import dns
from sansip.message import reply
from stage import GW_1, GW_2, PROXY, ZONE, Decide, Stage, ToGroup, config, make_request

NAME = "sip:gw.example.com"  # NAPTR, SRV, two hosts
OTHER = "udp:192.0.2.11:5060"


def call(stage: Stage, number: int, caller: str = "alice") -> sansip.Address:
    """Where a call goes first; it is refused by whoever answers it at last."""
    before = len(stage.sent)
    request = make_request(branch=f"z9hG4bK{number}", call_id=f"call-{number}")
    stage.receive(request.set("From", f"<sip:{caller}@example.org>;tag=a"))
    there = [to for to, m in stage.sent[before:] if isinstance(m, sansip.Request)]
    stage.respond(486, there[0])
    return there[0]


# --- 8


def test_08_asterisk_1927_every_host_behind_a_name_is_asked_how_it_is() -> None:
    """https://github.com/asterisk/asterisk/issues/1927: the ping stuck to the dead SRV host.

    Health belongs to addresses: the dead one is passed over, and the name as a whole is not down.
    """
    stage = on_watch(group(NAME))
    for _ in range(5):
        assert probes(stage, GW_1)
        assert probes(stage, GW_2)
        answer(stage, GW_2)
        stage.advance(2.0)
    assert len(probes(stage, GW_1)) == len(probes(stage, GW_2)) == 6
    assert letters(stage) == ["TP"]  # one hop is well, the other is not
    assert call(stage, 1) == GW_2
    answer(stage, GW_1, GW_2)  # it is back
    assert call(stage, 2) == GW_1


def test_08_asterisk_1927_who_belongs_to_a_gateway_stays_there_and_comes_back_to_it() -> None:
    """What was wished for: stickiness. With a hash each caller has an order of gateways.

    When one is down its callers move, nobody else does, and they return when it is back.
    """
    dispatch = sansip.Relay(sansip.Dispatch("gateways", "hash-from"))
    groups = {"gateways": group(probing=EVERY_2)}
    stage = Stage(sansip.Engine(config(groups=groups), Decide(dispatch)))
    answer(stage, GW_1, GW_2)
    callers = [f"user-{number}" for number in range(20)]
    home = {caller: call(stage, n, caller) for n, caller in enumerate(callers)}
    assert set(home.values()) == {GW_1, GW_2}
    stage.advance(2.0)
    answer(stage, GW_2)
    stage.advance(1.7)  # the other one has had its time
    assert {call(stage, 100 + n, caller) for n, caller in enumerate(callers)} == {GW_2}
    stage.advance(0.3)
    answer(stage, GW_1, GW_2)
    again = {caller: call(stage, 200 + n, caller) for n, caller in enumerate(callers)}
    assert again == home


# --- 11


def test_11_kamailio_2376_a_name_is_probed_at_every_address_and_used_at_every_one() -> None:
    """https://github.com/kamailio/kamailio/issues/2376, /1743: one host of an SRV name, by chance.

    Here each of the two hosts has two addresses.
    """
    zone = dict(ZONE)
    places: list[sansip.Address] = []
    for number in (1, 2):
        hosts = [f"203.0.113.{number}", f"203.0.113.1{number}"]
        zone[f"gw-{number}.example.com", "A"] = dns.Found(tuple(map(dns.Ip, hosts)), 60.0)
        places += [sansip.Address(host, 5060) for host in hosts]
    stage = on_watch(group(NAME), zone)
    assert [len(probes(stage, place)) for place in places] == [1, 1, 1, 1]
    answer(stage, *places[2:])
    stage.advance(1.7)
    assert call(stage, 1) == places[2]
    stage.receive(make_request(branch="z9hG4bKall", call_id="all"))
    for place in [*places[2:], *places[:2]]:
        assert stage.at(place, "INVITE")[-1].call_id == "all"
        stage.respond(503, place)
    assert stage.statuses()[-1] == 500


# --- 12

TCP_GATEWAYS = {"gateways": [f"sip:{GW_1};transport=tcp", f"sip:{GW_2};transport=tcp"]}


@pytest.mark.rule("3263-4.3-06", "3261-18.4-02")
@pytest.mark.parametrize("how", ["refused", "never opens", "reset before an answer"])
def test_12_opensips_3257_a_tcp_failure_marks_the_gateway_down(how: str) -> None:
    """https://github.com/OpenSIPS/opensips/issues/3257: every call went there first, for ever."""
    stage = line(ToGroup(), groups=TCP_GATEWAYS)
    stage.receive(make_request())
    if how == "refused":
        stage.reject()
    elif how == "reset before an answer":
        stage.close(stage.connect(), "connection reset")
    else:
        stage.advance(4.0)
    flow = stage.connect()
    stage.hear(reply(stage.at(GW_2, "INVITE")[0], 486, to_tag="gw"), flow)
    assert [s.letters for s in stage.engine.standing(stage.state, stage.now)] == ["IX", "AX"]
    tried = len(stage.orders())
    stage.receive(make_request(branch="z9hG4bKsecond", call_id="second"))
    assert stage.at(GW_2, "INVITE")[-1].call_id == "second"
    assert len(stage.orders()) == tried


@pytest.mark.rule("3261-18.4-02")
def test_12_opensips_3257_and_so_does_a_probe_that_cannot_connect() -> None:
    groups = {"gateways": group(*TCP_GATEWAYS["gateways"])}
    stage = line(ToGroup(), groups=groups, endpoints=BOTH)
    opening = {flow.link.remote: number for number, flow in stage.state.flows.items()}
    assert set(opening) == {GW_1, GW_2}
    stage.close(opening[GW_1], "connection refused")
    assert [s.letters for s in stage.engine.standing(stage.state, stage.now)] == ["IP", "AP"]


# --- 13


@pytest.mark.parametrize("every", [1.0, 3.0, 30.0])
def test_13_kamailio_3446_a_dead_gateway_is_known_after_an_interval_and_a_time_out_at_most(
    every: float,
) -> None:
    """https://github.com/kamailio/kamailio/issues/3446: a ping every 3 s, and 30 s to notice."""
    probing = sansip.Probing(every=every)
    stage = on_watch(group(probing=probing))
    answer(stage, GW_1, GW_2)
    stage.advance(0.1)  # it dies at the worst moment: it has just answered
    for _ in range(40):
        if letters(stage) == ["IP", "AP"]:
            break
        seen = len(probes(stage, GW_2))
        stage.advance(every / 20)
        if len(probes(stage, GW_2)) > seen:
            answer(stage, GW_2)
    else:
        pytest.fail("it was not noticed")
    assert stage.now - 1000.0 <= every + probing.patience + every / 20
    assert call(stage, 1) == GW_2


# --- Kamailio 4330, OpenSIPS 3285


def test_kamailio_4330_one_uri_by_two_sockets_is_two_ways_and_each_has_its_own_state() -> None:
    """https://github.com/kamailio/kamailio/issues/4330: answers were matched by the URI alone.

    The line behind one socket is cut: what comes by the other is no sign of life for it.
    """
    members = [sansip.Member(f"sip:{GW_1}"), sansip.Member(f"sip:{GW_1}", endpoint=OTHER)]
    endpoints = [sansip.Endpoint("udp", str(PROXY)), sansip.Endpoint(*OTHER.split(":", 1))]
    stage = on_watch(group(*members), endpoints=endpoints)
    by_socket = {request.via.sent_by: request for request in probes(stage, GW_1)}
    assert set(by_socket) == {"192.0.2.10:5060", "192.0.2.11:5060"}
    stage.receive(reply(by_socket["192.0.2.11:5060"], 200, to_tag="gw"), GW_1)
    stage.advance(1.7)
    hops = {
        hop.endpoint: hop.letter
        for standing in stage.engine.standing(stage.state, stage.now)
        for hop in standing.hops
    }
    assert hops == {"udp:192.0.2.10:5060": "I", OTHER: "A"}
    stage.receive(make_request())
    sent = [send.endpoint for send in stage.sends if send.data.startswith(b"INVITE")]
    assert sent == [OTHER]


def test_opensips_3285_without_dns_the_last_addresses_are_probed_as_well_as_used() -> None:
    """https://github.com/OpenSIPS/opensips/issues/3285: used, and not probed: dead, and "active".

    An address is good for calls as long as it is good for probes, and the other way round.
    """
    stage = on_watch(group("sip:gw-1.example.com:5060", "sip:gw-2.example.com:5060"))
    answer(stage, GW_1, GW_2)
    stage.zone = dict.fromkeys(ZONE, dns.Failure("time-out"))
    stage.advance(100.0)  # the answers of DNS were good for 60 s
    before = len(probes(stage, GW_1))
    answer(stage, GW_2)
    stage.advance(2.0)
    answer(stage, GW_2)
    assert len(probes(stage, GW_1)) == before + 1
    assert letters(stage) == ["IP", "AP"]
    assert call(stage, 1) == GW_2


def test_opensips_3285_a_gateway_that_dns_no_longer_knows_gets_neither_probes_nor_calls() -> None:
    """There a server that is down loses its name in DNS, and was called all the same."""
    stage = on_watch(group("sip:gw-1.example.com:5060", "sip:gw-2.example.com:5060"))
    answer(stage, GW_1, GW_2)
    stage.zone["gw-1.example.com", "A"] = dns.NoName(30.0)
    stage.advance(62.0)
    before = len(probes(stage, GW_1))
    answer(stage, GW_2)
    stage.advance(4.0)
    answer(stage, GW_2)
    assert len(probes(stage, GW_1)) == before
    assert call(stage, 1) == GW_2
    assert any("no such name" in text for text in said(stage, "health") + said(stage, "failover"))
