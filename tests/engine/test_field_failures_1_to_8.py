"""What users of today's systems complain of: fifteen reports, each in virtual time. 1 to 8.

The report stands at each test: what went wrong there, and for which system. Where the order of
events is the point, the whole of what went over the wire stands in the test.
"""

import pytest

import sansip
from behind_one_name import call, comes_to_rest
from sansip import dns
from stage import CALLER, GW_1, GW_2, SDP, Stage, ToName, make_request, on_stage
from transcript import lines, transcript

# --- 1


@pytest.mark.rule("3261-16.7.5-01", "3261-16.7.10-01", "6026-7.2-01", "3261-9.1-04")
def test_01_opensips_4257_the_200_of_a_gateway_that_was_given_up_reaches_the_caller() -> None:
    """https://github.com/OpenSIPS/opensips/issues/4257: it came after a local 408, and was lost.

    Here the next gateway is tried while the first one's transaction lives on to its Timer B.
    """
    stage = call()
    stage.advance(4.0)
    stage.respond(200, GW_1)
    stage.respond(180, GW_2)  # only now may it be cancelled
    stage.respond(200, GW_2, method="CANCEL")
    stage.respond(487, GW_2)
    assert transcript(stage) == lines(
        """
        0.0 <- caller INVITE sip:bob@gw.example.com
        0.0 -> caller 100 INVITE
        0.0 -> gw-1   INVITE sip:bob@gw.example.com [1]
        0.5 -> gw-1   INVITE sip:bob@gw.example.com [1]
        1.5 -> gw-1   INVITE sip:bob@gw.example.com [1]
        3.0 -> gw-2   INVITE sip:bob@gw.example.com [2]
        3.5 -> gw-1   INVITE sip:bob@gw.example.com [1]
        3.5 -> gw-2   INVITE sip:bob@gw.example.com [2]
        4.0 <- gw-1   200 INVITE [1]
        4.0 -> caller 200 INVITE
        4.0 <- gw-2   180 INVITE [2]
        4.0 -> gw-2   CANCEL sip:bob@gw.example.com [2]
        4.0 <- gw-2   200 CANCEL [2]
        4.0 <- gw-2   487 INVITE [2]
        4.0 -> gw-2   ACK sip:bob@gw.example.com [2]
        """
    )
    assert comes_to_rest(stage)


# --- 2


def number(stage: Stage, which: int) -> None:
    stage.receive(make_request(branch=f"z9hG4bK{which}", call_id=f"{which}", body=SDP))


@pytest.mark.rule("3263-4-01", "3263-4.3-01", "SIO-10")
def test_02_kamailio_4911_a_call_that_fails_moves_no_other_call() -> None:
    """https://github.com/kamailio/kamailio/issues/4911: one failed, and all did for a TTL.

    The answers of DNS are shared and never change; the place in the list belongs to the call.
    """
    stage = on_stage()
    number(stage, 1)
    number(stage, 2)
    for gateway in (GW_1, GW_2):  # the first call fails at both
        stage.respond(503, gateway, nth=0)
    assert stage.statuses() == [100, 100, 500]
    assert [invite.call_id for invite in stage.at(GW_2, "INVITE")] == ["1"]
    stage.respond(503, GW_1)  # the second call goes its own way
    stage.respond(200, GW_2)
    assert stage.statuses() == [100, 100, 500, 200]
    for which in range(3, 8):
        number(stage, which)
        assert stage.at(GW_1, "INVITE")[-1].call_id == str(which)
        stage.respond(200, GW_1)
    assert stage.statuses()[4:] == [100, 200] * 5
    assert len(stage.questions) == 4  # NAPTR, SRV, two addresses: once
    assert comes_to_rest(stage)


@pytest.mark.rule("3263-4-01")
def test_02_nor_does_news_from_dns_move_a_call_that_is_under_way() -> None:
    stage = on_stage()
    number(stage, 1)
    stage.zone["_sip._udp.gw.example.com", "SRV"] = dns.Found(
        (dns.Srv(10, 0, 5060, "gw-3.example.com"),), 60.0
    )
    third = sansip.Address("203.0.113.3", 5060)
    stage.zone["gw-3.example.com", "A"] = dns.Found((dns.Ip(third.host),), 60.0)
    stage.step(sansip.Administered(stage.now, sansip.FlushCache()))
    number(stage, 2)
    assert [invite.call_id for invite in stage.at(third, "INVITE")] == ["2"]
    stage.respond(503, GW_1)
    assert [invite.call_id for invite in stage.at(GW_2, "INVITE")] == ["1"]


# --- 3


@pytest.mark.rule("3261-17.1.1.3-02", "3263-4.3-03", "3263-4.2-05")
def test_03_freeswitch_2144_each_503_has_its_ack_and_the_end_of_the_list_is_the_end() -> None:
    """https://github.com/signalwire/freeswitch/issues/2144: no ACK; and at last an A record, 5060.

    The name itself has an address too, which is none of this call's business.
    """
    stage = on_stage()
    stage.zone["gw.example.com", "A"] = dns.Found((dns.Ip("203.0.113.99"),), 60.0)
    stage.receive(make_request())
    stage.respond(503, GW_1)
    stage.respond(503, GW_2)
    assert transcript(stage, dns_too=True) == lines(
        """
        0.0 <- caller INVITE sip:bob@gw.example.com
        0.0 -> caller 100 INVITE
        0.0 -> dns    NAPTR gw.example.com
        0.0 <- dns    1 found: NAPTR gw.example.com
        0.0 -> dns    SRV _sip._udp.gw.example.com
        0.0 <- dns    2 found: SRV _sip._udp.gw.example.com
        0.0 -> dns    A gw-1.example.com
        0.0 -> dns    A gw-2.example.com
        0.0 <- dns    1 found: A gw-1.example.com
        0.0 -> gw-1   INVITE sip:bob@gw.example.com [1]
        0.0 <- dns    1 found: A gw-2.example.com
        0.0 <- gw-1   503 INVITE [1]
        0.0 -> gw-1   ACK sip:bob@gw.example.com [1]
        0.0 -> gw-2   INVITE sip:bob@gw.example.com [2]
        0.0 <- gw-2   503 INVITE [2]
        0.0 -> gw-2   ACK sip:bob@gw.example.com [2]
        0.0 -> caller 500 INVITE
        """
    )
    stage.receive(make_request("ACK", to_tag=stage.responses()[-1].to_tag or ""))
    assert comes_to_rest(stage)


# --- 4


@pytest.mark.rule("3263-4.3-01", "3261-17.1.1.2-05", "3263-4.3-08")
def test_04_pjproject_4477_a_time_out_leads_to_the_next_srv_target() -> None:
    """https://github.com/pjsip/pjproject/issues/4477: a 408 of its own, and the same server again.

    Without ``advance_after`` it is Timer B that says so.
    """
    stage = call(ToName(advance_after=None, deadline=60.0))
    stage.advance(31.9)
    assert len(stage.at(GW_1, "INVITE")) == 7
    assert not stage.at(GW_2, "INVITE")
    stage.advance(0.1)
    assert stage.statuses() == [100]
    stage.respond(200, GW_2)
    assert stage.statuses() == [100, 200]
    assert comes_to_rest(stage)


@pytest.mark.rule("3263-4.3-01", "4320-4.1-01")
def test_04_a_register_of_our_own_does_not_stay_with_a_dead_server_either() -> None:
    stage = on_stage()
    request = make_request("REGISTER", "sip:gw.example.com").remove("Via")
    stage.step(sansip.RequestSubmitted(stage.now, "registration", request))
    stage.advance(3.0)
    stage.respond(200, GW_2, method="REGISTER")
    (given,) = stage.delivered
    assert isinstance(given.message, sansip.Response)
    assert (given.kind, given.message.status) == ("response", 200)
    assert comes_to_rest(stage)


# --- 5


class Onward(sansip.Policy):
    """A number that one gateway does not know may be known to the next."""

    def __init__(self) -> None:
        self.seen: list[sansip.Failed] = []

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(request.uri, on_failure="failed")

    def failed(self, failed: sansip.Failed) -> sansip.FailureDecision:
        self.seen.append(failed)
        unknown = failed.best is not None and failed.best.status == 404
        return sansip.TryNext() if unknown and failed.remaining else sansip.Finish()


def test_05_opensips_925_a_failure_route_sees_what_is_left_of_the_srv_list_and_goes_on() -> None:
    """https://github.com/OpenSIPS/opensips/issues/925: the rest was not to be had."""
    policy = Onward()
    stage = call(policy)
    stage.respond(404, GW_1)
    (failed,) = policy.seen
    assert failed.remaining == (f"udp:{GW_2}",)
    assert [(str(tried.hop.address), tried.status) for tried in failed.tried] == [(str(GW_1), 404)]
    stage.respond(180, GW_2)
    stage.respond(200, GW_2)
    assert stage.statuses() == [100, 180, 200]
    assert comes_to_rest(stage)


def test_05_and_at_the_end_of_the_list_the_answer_is_the_best_that_there_was() -> None:
    policy = Onward()
    stage = call(policy)
    stage.respond(404, GW_1)
    stage.respond(486, GW_2)
    # The failure route is asked once, when nothing is alive; what it sent the call to is the last.
    assert stage.statuses() == [100, 404]
    assert comes_to_rest(stage)


# --- 6


@pytest.mark.rule("3263-4.3-01", "3263-4.3-02")
@pytest.mark.parametrize("status", [404, 408, 480, 488, 500, 502, 504, 600])
@pytest.mark.parametrize("named", [False, True])
def test_06_kamailio_3122_which_codes_move_on_can_be_said(status: int, *, named: bool) -> None:
    """https://github.com/kamailio/kamailio/issues/3122: 503 and nothing else.

    By itself a 408 that came is an answer: somebody is there, and has waited. A 6xx is the whole
    network's last word: no list of codes moves on from there (16.7 step 5).
    """
    stage = call(ToName(failover_on=(503, status))) if named else call()
    stage.respond(status, GW_1)
    assert len(stage.at(GW_1, "ACK")) == 1
    moved = named and status < 600
    assert len(stage.at(GW_2, "INVITE")) == moved
    assert stage.statuses() == ([100] if moved else [100, status])


# --- 7

NAME = "gw.example.com"
TRAP = sansip.Address("203.0.113.99", 5060)  # the address of the name itself
SRVS = (dns.Srv(10, 0, 5070, "gw-1.example.com"), dns.Srv(20, 0, 5072, "gw-2.example.com"))
LIVEKIT: dict[tuple[str, str], dns.Answer] = {
    (NAME, "A"): dns.Found((dns.Ip(TRAP.host), dns.Ip("203.0.113.98")), 60.0),
    **{(f"{it}.{NAME}", "SRV"): dns.Found(SRVS, 60.0) for it in ("_sip._udp", "_sips._tcp")},
    ("gw-1.example.com", "A"): dns.Found((dns.Ip(GW_1.host), dns.Ip("203.0.113.11")), 60.0),
    ("gw-2.example.com", "A"): dns.Found((dns.Ip(GW_2.host),), 60.0),
}
PLACES = ["203.0.113.1:5070", "203.0.113.11:5070", "203.0.113.2:5072"]
BY_UDP, BY_TLS = [f"udp:{it}" for it in PLACES], [f"tls:{it}" for it in PLACES]
NAPTR, UDP, TLS = f"NAPTR {NAME}", f"SRV _sip._udp.{NAME}", f"SRV _sips._tcp.{NAME}"
BOTH = ["A gw-1.example.com", "A gw-2.example.com"]
ADDRESS = [f"A {NAME}"]
TRAPS = ["203.0.113.99", "203.0.113.98"]
ENDPOINTS = [sansip.Endpoint("udp", "192.0.2.10:5060"), sansip.Endpoint("tls", "192.0.2.10:5061")]


def tried(stage: Stage) -> list[str]:
    """Where the call went, each place refusing it."""
    places: list[str] = []
    seen = 0
    while len(stage.actions) > seen:
        news = [action for step in stage.actions[seen:] for action in step]
        seen = len(stage.actions)
        for action in news:
            if isinstance(action, sansip.OpenFlow):
                places.append(f"tls:{action.remote}")
                stage.step(sansip.FlowClosed(stage.now, action.flow, "connection refused"))
            elif isinstance(action, sansip.Send) and action.data.startswith(b"INVITE"):
                places.append(f"udp:{action.remote}")
                stage.refuse(action)
    return places


@pytest.mark.rule(
    *("3263-4.1-02", "3263-4.1-04", "3263-4.1-09", "3263-4.2-01", "3263-4.2-02", "3263-4.2-03"),
    *("3263-4.2-05", "3263-4.3-05", "2782-06", "3263-4-02"),
)
@pytest.mark.parametrize(
    ("uri", "asked", "places"),
    [
        (f"sip:{NAME}", [NAPTR, UDP, TLS, *BOTH], BY_UDP + BY_TLS),
        (f"sips:{NAME}", [NAPTR, TLS, *BOTH], BY_TLS),
        (f"sip:{NAME};transport=udp", [UDP, *BOTH], BY_UDP),
        (f"sip:{NAME};transport=tls", [TLS, *BOTH], BY_TLS),
        (f"sip:{NAME}:5060", ADDRESS, [*(f"udp:{p}:5060" for p in TRAPS)]),
        (f"sip:{NAME}:5099", ADDRESS, [*(f"udp:{p}:5099" for p in TRAPS)]),
        (f"sips:{NAME}:5061", ADDRESS, [*(f"tls:{p}:5061" for p in TRAPS)]),
        ("sip:203.0.113.5", [], ["udp:203.0.113.5:5060"]),
        ("sip:203.0.113.5;transport=tls", [], ["tls:203.0.113.5:5061"]),
        ("sips:203.0.113.5", [], ["tls:203.0.113.5:5061"]),
        ("sips:203.0.113.5:5070", [], ["tls:203.0.113.5:5070"]),
        (f"sip:elsewhere;maddr={NAME}", [NAPTR, UDP, TLS, *BOTH], BY_UDP + BY_TLS),
    ],
)
def test_07_livekit_810_what_is_asked_and_tried_for_each_kind_of_uri(
    uri: str, asked: list[str], places: list[str]
) -> None:
    """https://github.com/livekit/sip/issues/810: the A record won, and SRV's ports were lost.

    It took ``addrs[0]`` only, and never asked for ``_sips``. All hosts of SRV and all addresses of
    each host are tried in order; a port or an address in the URI means no SRV at all.
    """
    stage = on_stage(endpoints=ENDPOINTS, groups={})
    stage.zone = LIVEKIT
    stage.receive(make_request(uri=uri))
    assert tried(stage) == places
    assert [f"{kind} {name}" for name, kind in stage.questions] == asked
    assert stage.statuses()[-1] == 500
    assert comes_to_rest(stage)


# --- 8


class Sticky(sansip.Policy):
    """A phone belongs to the server that has its registration; others are for when that fails."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Ask(("server of", request.uri.user), then="known")

    def known(
        self, request: sansip.Request, scene: sansip.Scene, answer: object
    ) -> sansip.Decision:
        if not isinstance(answer, str):
            return sansip.Relay(request.uri)
        theirs = f"sip:{request.uri.user}@{answer}"
        return sansip.Relay([sansip.Target(theirs, 1.0), sansip.Target(request.uri, 0.5)])


@pytest.mark.parametrize("alive", [True, False])
def test_08_asterisk_1927_a_policy_that_knows_the_server_of_a_phone_stays_with_it(
    *, alive: bool
) -> None:
    """https://github.com/asterisk/asterisk/issues/1927: the ping stuck to the first SRV host.

    And what was wished for instead: the server that has the registration, as long as it lives.
    """
    stage = on_stage(Sticky())
    stage.receive(make_request())
    (asked,) = stage.consults
    assert asked.data == ("server of", "bob")
    stage.step(sansip.Consulted(stage.now, asked.question, str(GW_2)))
    assert len(stage.at(GW_2, "INVITE")) == 1
    assert not stage.at(GW_1, "INVITE")
    if alive:
        stage.respond(200, GW_2)
    else:
        stage.advance(3.0)
        stage.respond(200, GW_1)
    assert stage.statuses(CALLER) == [100, 200]
    assert bool(stage.at(GW_1, "INVITE")) is not alive
    assert comes_to_rest(stage)
