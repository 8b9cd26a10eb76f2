"""What else users of today's systems complain of, beside the fifteen: each in virtual time.

The report stands at each test: what went wrong there, and for which system.
"""

import pytest

import sansip
from behind_one_name import call, comes_to_rest, moved_on
from sansip import dns
from stage import CALLER, GW_1, GW_2, Decide, Stage, ToGroup, ToName, make_request, on_stage
from transcript import lines, transcript

SRV = ("_sip._udp.gw.example.com", "SRV")


def invited(stage: Stage) -> list[str]:
    """Where INVITEs went, each place once, in order."""
    places = [
        str(to) for to, m in stage.sent if isinstance(m, sansip.Request) and m.method == "INVITE"
    ]
    return list(dict.fromkeys(places))


# --- Kamailio 1841, 4058; OpenSIPS 1387; siphon 243; pjproject 917: CANCEL


@pytest.mark.rule("3261-9.2-01", "3261-16.10-01", "3261-9.1-05")
def test_kamailio_1841_a_cancel_needs_no_policy_to_find_its_call() -> None:
    """https://github.com/kamailio/kamailio/issues/1841, /4058: no transaction found for CANCEL.

    There a script has to look it up before it routes; who forgets that leaves a phone ringing.
    """
    policy = Decide(sansip.Relay("sip:bob@gw.example.com"))
    stage = call(policy)
    stage.respond(180, GW_1)
    stage.receive(make_request("CANCEL"))
    stage.respond(200, GW_1, method="CANCEL")
    stage.respond(487, GW_1)
    assert [request.method for request, _ in policy.seen] == ["INVITE"]
    assert transcript(stage) == lines(
        """
        0.0 <- caller INVITE sip:bob@gw.example.com
        0.0 -> caller 100 INVITE
        0.0 -> gw-1   INVITE sip:bob@gw.example.com [1]
        0.0 <- gw-1   180 INVITE [1]
        0.0 -> caller 180 INVITE
        0.0 <- caller CANCEL sip:bob@gw.example.com
        0.0 -> caller 200 CANCEL
        0.0 -> gw-1   CANCEL sip:bob@gw.example.com [1]
        0.0 <- gw-1   200 CANCEL [1]
        0.0 <- gw-1   487 INVITE [1]
        0.0 -> gw-1   ACK sip:bob@gw.example.com [1]
        0.0 -> caller 487 INVITE
        """
    )
    assert comes_to_rest(stage)


@pytest.mark.rule("3261-9.1-04", "3261-17.1.1.2-02", "3261-16.10-02", "3261-16.7.5-01")
def test_opensips_1387_after_a_cancel_the_copies_of_the_invite_serve_the_cancel_alone() -> None:
    """https://github.com/OpenSIPS/opensips/issues/1387: the INVITE was sent on and on.

    The RFC wants that: a CANCEL has to wait for an answer (9.1), and a phone that rings because of
    the first copy, its answer being lost, would otherwise ring on. pjproject once stopped, and had
    to begin again (506). But no other gateway is asked, and the first sign of life ends it.
    """
    stage = call()
    stage.advance(0.2)
    stage.receive(make_request("CANCEL"))
    stage.advance(3.5)
    assert len(stage.at(GW_1, "INVITE")) == 4
    stage.respond(180, GW_1)
    assert len(stage.at(GW_1, "CANCEL")) == 1
    stage.advance(20.0)
    assert len(stage.at(GW_1, "INVITE")) == 4
    assert invited(stage) == [str(GW_1)]
    stage.respond(487, GW_1)
    assert stage.statuses() == [100, 180, 487]


@pytest.mark.rule("3261-16.7.5-01", "3261-9.1-04")
def test_opensips_1387_a_200_that_comes_straight_after_the_cancel_goes_to_the_caller() -> None:
    """Who has cancelled and is answered all the same has to hang up: only a BYE ends that call."""
    stage = call()
    stage.receive(make_request("CANCEL"))
    stage.advance(0.5)
    stage.respond(200, GW_1)
    assert stage.statuses() == [100, 200]
    assert not stage.at(GW_1, "CANCEL")
    assert comes_to_rest(stage)


@pytest.mark.rule("3261-9.2-06", "3261-17.2.3-03")
@pytest.mark.parametrize("after", [0.0, 0.5, 5.0, 25.0])
def test_siphon_243_a_cancel_that_comes_again_is_no_481_even_when_its_call_is_over(
    after: float,
) -> None:
    """https://github.com/siphon-project/siphon-sip/pull/243: its second copy was."""
    stage = call()
    stage.respond(180, GW_1)
    stage.receive(make_request("CANCEL"))
    stage.respond(200, GW_1, method="CANCEL")
    stage.respond(487, GW_1)
    stage.receive(make_request("ACK", to_tag="gw"))
    stage.advance(after)
    stage.receive(make_request("CANCEL"))
    assert stage.statuses(method="CANCEL") == [200, 200]
    assert len(stage.at(GW_1, "CANCEL")) == 1
    assert stage.statuses() == [100, 180, 487]


@pytest.mark.rule("3263-4-01", "3261-9.1-05")
def test_pjproject_917_a_cancel_is_not_looked_up_again() -> None:
    """https://github.com/pjsip/pjproject/issues/917: it went to another host of the same SRV list.

    Five hosts of one weight: a new draw would nearly always lead elsewhere.
    """
    stage = on_stage()
    hosts = [f"host-{number}.example.com" for number in range(5)]
    stage.zone[SRV] = dns.Found(tuple(dns.Srv(1, 1, 5060, host) for host in hosts), 0.0)
    for number, host in enumerate(hosts):
        stage.zone[host, "A"] = dns.Found((dns.Ip(f"203.0.113.{50 + number}"),), 0.0)
    went: set[str] = set()
    for number in range(20):
        branch = f"z9hG4bK{number}"
        stage.receive(make_request(branch=branch, call_id=f"{number}"))
        (place,) = [to for to, m in stage.sent if isinstance(m, sansip.Request)]
        asked = len(stage.questions)
        stage.respond(180, place)
        stage.receive(make_request("CANCEL", branch=branch))
        stage.respond(487, place)
        requests = [(to, m.method) for to, m in stage.sent if isinstance(m, sansip.Request)]
        assert requests == [(place, "INVITE"), (place, "CANCEL"), (place, "ACK")]
        assert len(stage.questions) == asked
        went.add(place.host)
        stage.sent.clear()
    assert len(went) > 2


# --- Kamailio 3388, 210; OpenSIPS 140: what a failover must not lose, and whose it is


class Ported(sansip.Policy):
    """A database is asked about the number, which takes a while, and changes the user part."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Ask(("ported", request.uri.user), then="answered")

    def answered(
        self, request: sansip.Request, scene: sansip.Scene, answer: object
    ) -> sansip.Decision:
        user = f"{request.uri.user};{answer}"
        return sansip.Relay(f"sip:{user}@gw.example.com", on_failure="failed")

    def failed(self, failed: sansip.Failed) -> sansip.FailureDecision:
        return sansip.TryNext()


@pytest.mark.rule("3261-16.6.2-01", "3263-4.3-01")
@pytest.mark.parametrize("status", [503, 404])
def test_kamailio_3388_what_a_policy_made_of_the_request_uri_goes_to_every_gateway(
    status: int,
) -> None:
    """https://github.com/kamailio/kamailio/issues/3388: after the 100 it was lost on failover."""
    stage = on_stage(Ported())
    stage.receive(make_request())
    assert stage.statuses() == [100]
    stage.advance(0.4)
    stage.step(sansip.Consulted(stage.now, stage.consults[0].question, "npdi"))
    stage.respond(status, GW_1)
    uris = [stage.at(gateway, "INVITE")[0].uri_text for gateway in (GW_1, GW_2)]
    assert uris == ["sip:bob;npdi@gw.example.com"] * 2


@pytest.mark.rule("3263-4.3-01", "3261-16.6.2-01")
def test_kamailio_3388_nor_does_one_member_of_a_group_see_what_another_was_sent() -> None:
    stage = call(ToGroup())
    stage.respond(503, GW_1)
    first, second = stage.at(GW_1, "INVITE")[0], stage.at(GW_2, "INVITE")[0]
    assert first.uri_text == "sip:bob@gw-1.example.com:5060"
    assert second.uri_text == "sip:bob@gw-2.example.com:5060"


@pytest.mark.rule("3263-4.3-01", "3261-8.1.3.1-01")
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER", "MESSAGE"])
@pytest.mark.parametrize("how", ["503", "refused"])
def test_kamailio_210_what_a_program_submits_fails_over_like_what_is_relayed(
    method: str, how: str
) -> None:
    """https://github.com/kamailio/kamailio/issues/210, OpenSIPS 140: local requests did not."""
    stage = on_stage()
    request = make_request(method).remove("Via")
    stage.step(sansip.RequestSubmitted(stage.now, "mine", request))
    if how == "503":
        stage.respond(503, GW_1, method=method)
    else:
        stage.refuse(stage.sends[-1])
    stage.respond(200, GW_2, method=method)
    (given,) = [each.message for each in stage.delivered if each.kind == "response"]
    assert isinstance(given, sansip.Response)
    assert given.status == 200
    assert comes_to_rest(stage)


# --- OpenSIPS 3285; Kamailio 2651; Sofia-SIP 281: DNS


@pytest.mark.rule("3263-4.2-06", "3263-4.3-01")
def test_opensips_3285_a_dead_dns_leaves_the_old_addresses_and_they_fail_over_as_ever() -> None:
    """https://github.com/OpenSIPS/opensips/issues/3285: calls went to a stale address, and died.

    A gateway that was taken out of DNS is another matter: a denial is believed at once.
    """
    stage = on_stage(ToGroup())
    stage.receive(make_request())
    stage.respond(503, GW_1)
    stage.respond(200, GW_2)
    stage.advance(3600.0)
    stage.zone = dict.fromkeys(stage.zone, dns.Failure("time-out"))
    stage.receive(make_request(branch="z9hG4bKstale", call_id="stale"))
    assert len(stage.at(GW_1, "INVITE")) == 2
    stage.advance(3.0)
    stage.respond(200, GW_2)
    assert stage.statuses() == [100, 200] * 2
    stage.zone["gw-1.example.com", "A"] = dns.NoName(60.0)
    stage.advance(60.0)
    stage.receive(make_request(branch="z9hG4bKdenied", call_id="denied"))
    assert "denied" not in [invite.call_id for invite in stage.at(GW_1, "INVITE")]
    assert stage.at(GW_2, "INVITE")[-1].call_id == "denied"


def many(count: int) -> Stage:
    """A name with so many gateways, one priority each, given in an order of their own."""
    stage = on_stage(ToName(advance_after=0.5, deadline=600.0))
    numbers = [(7 * number) % count for number in range(count)]
    stage.zone[SRV] = dns.Found(
        tuple(dns.Srv(number, 0, 5060, f"gw{number}.example.com") for number in numbers), 60.0
    )
    for number in numbers:
        stage.zone[f"gw{number}.example.com", "A"] = dns.Found(
            (dns.Ip(f"203.0.113.{100 + number}"),), 60.0
        )
    stage.receive(make_request())
    return stage


@pytest.mark.rule("3263-4.2-05", "2782-01")
@pytest.mark.parametrize("count", [8, 9, 12, 16])
def test_kamailio_2651_nine_gateways_and_more_are_all_tried_in_order(count: int) -> None:
    """https://github.com/kamailio/kamailio/issues/2651: nine SRV records were none."""
    stage = many(count)
    stage.advance(0.5 * count)
    assert invited(stage) == [f"203.0.113.{100 + number}:5060" for number in range(count)]
    stage.respond(200, sansip.Address(f"203.0.113.{99 + count}", 5060))
    assert stage.statuses() == [100, 200]


@pytest.mark.rule("SIO-10", "3263-4.3-08")
def test_sofia_281_sixty_records_come_whole_and_the_bounds_are_ours() -> None:
    """https://github.com/freeswitch/sofia-sip/issues/281: a truncated answer was taken for all.

    That it is asked for over TCP is the adapter's; here the best of many are tried, by priority.
    """
    stage = many(60)
    stage.advance(60.0)
    assert invited(stage) == [f"203.0.113.{100 + number}:5060" for number in range(16)]
    assert len(stage.questions) <= 64


# --- Janus 2972: time


@pytest.mark.rule("3263-4.3-01", "3261-17.1.1.2-05", "3261-16.7.5-01")
def test_janus_2972_moving_on_early_shortens_no_transaction() -> None:
    """https://github.com/meetecho/janus-gateway/pull/2972: T1x64 made small, just for failover.

    That also ends the wait for a gateway that is slow, and for the copies of its answers.
    """
    stage = call(ToName(advance_after=0.5))
    stage.advance(0.5)
    assert invited(stage) == [str(GW_1), str(GW_2)]
    stage.advance(20.0)
    stage.respond(200, GW_1)
    assert stage.statuses() == [100, 200]
    stage.advance(20.0)
    stage.respond(200, GW_1)  # Timer M runs on as it should
    assert stage.statuses() == [100, 200, 200]


@pytest.mark.rule("3263-4.3-08", "3261-16.7.6-01")
def test_a_caller_never_waits_longer_than_the_deadline_however_many_gateways_are_dead() -> None:
    stage = moved_on()
    stage.advance(29.0)
    assert stage.statuses(CALLER) == [100, 408]
    assert comes_to_rest(stage)
