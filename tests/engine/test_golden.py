"""The failures that made us: each a call that today's systems lose, in virtual time.

The two gateways stand behind one name, as in the question of 2007 on the OpenSER list:
NAPTR -> SRV -> two A records.
"""

from collections.abc import Callable

import pytest

import sansip
from sansip import dns
from stage import CALLER, GW_1, GW_2, SDP, ZONE, Stage, ToGroup, ToName, config, make_request

NAME = sansip.Engine(config(), ToName())
GROUP = sansip.Engine(config(), ToGroup())
BOTH = pytest.mark.parametrize("engine", [NAME, GROUP], ids=["name", "group"])


def call(stage: Stage, number: int = 1) -> None:
    stage.receive(make_request(branch=f"z9hG4bKcall{number}", call_id=f"call-{number}", body=SDP))


# --- the question of 2007


def silent(stage: Stage) -> None:
    stage.advance(3.0)


def closed_port(stage: Stage) -> None:
    stage.icmp(GW_1, stage.at(GW_1, "INVITE")[-1].render()[:520])


def unreachable_network(stage: Stage) -> None:
    stage.refuse(next(s for s in reversed(stage.sends) if s.remote == GW_1))


def unavailable(stage: Stage) -> None:
    stage.respond(503, GW_1)


FAULTS = [silent, closed_port, unreachable_network, unavailable]


@BOTH
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.rule("3263-4.3-01", "3261-16.6.7-02", "3261-16.6.7-03")
def test_every_call_is_answered_when_one_of_two_gateways_behind_a_name_is_down(
    engine: sansip.Engine, fault: Callable[[Stage], None]
) -> None:
    """sr-users 2007-01-11: every second call hung for 30 seconds."""
    stage = Stage(engine)
    for number in range(1, 11):
        call(stage, number)
        fault(stage)
        stage.respond(180, GW_2)
        stage.respond(200, GW_2)
        assert stage.statuses()[-3:] == [100, 180, 200]
    assert len({request.via.branch for request in stage.at(GW_2, "INVITE")}) == 10
    stage.advance(3600)
    assert stage.is_empty()


@BOTH
def test_nobody_waits_while_both_gateways_work(engine: sansip.Engine) -> None:
    stage = Stage(engine)
    begun = stage.now
    for number in range(1, 11):
        call(stage, number)
        stage.respond(200, GW_1)
    assert stage.now == begun
    assert stage.statuses() == [100, 200] * 10
    assert not stage.at(GW_2, "INVITE")


# --- OpenSIPS 4257


@BOTH
@pytest.mark.rule("3261-16.7.5-01", "3261-16.7.10-01", "6026-7.2-01")
def test_opensips_4257_a_late_200_from_a_silent_branch_reaches_the_caller(
    engine: sansip.Engine,
) -> None:
    """https://github.com/OpenSIPS/opensips/issues/4257: the 200 was thrown away after a local 408.

    Advancing is not timing out: gateway 1 is slow, gateway 2 is already being tried.
    """
    stage = Stage(engine)
    call(stage)
    stage.advance(3.0)
    assert len(stage.at(GW_2, "INVITE")) == 1
    stage.respond(100, GW_2)
    stage.respond(200, GW_1, tag="slow")
    final = stage.responses()[-1]
    assert (final.status, final.to_tag) == (200, "slow")
    # Gateway 2 has had a provisional response, so it is cancelled at once (9.1).
    assert len(stage.at(GW_2, "CANCEL")) == 1
    stage.respond(200, GW_2, method="CANCEL")
    stage.respond(487, GW_2)
    assert len(stage.at(GW_2, "ACK")) == 1
    assert stage.statuses() == [100, 200]
    stage.advance(3600)
    assert stage.is_empty()


@pytest.mark.rule("3261-16.7.10-02", "AMB-08")
def test_a_200_that_comes_after_the_final_answer_is_forwarded_too() -> None:
    stage = Stage(NAME)
    call(stage)
    stage.advance(3.0)
    stage.respond(486, GW_2)
    assert stage.statuses() == [100, 486]
    stage.respond(200, GW_1, tag="slow")
    assert stage.statuses() == [100, 486, 200]


def test_the_first_sign_of_life_wins_and_the_loser_is_cancelled() -> None:
    stage = Stage(NAME)
    call(stage)
    stage.advance(3.0)
    stage.respond(100, GW_2)
    stage.respond(180, GW_1)
    assert len(stage.at(GW_2, "CANCEL")) == 1
    assert not stage.at(GW_1, "CANCEL")
    stage.respond(487, GW_2)
    stage.respond(200, GW_1)
    assert stage.statuses() == [100, 180, 200]


# --- Kamailio 4911


@pytest.mark.rule("3263-4-01", "3263-4.3-06")
def test_kamailio_4911_one_failed_call_does_not_poison_the_dns_of_the_others() -> None:
    """https://github.com/kamailio/kamailio/issues/4911: one failed call moved everybody's cursor.

    The place in the list belongs to the call, the answers are frozen.
    """
    stage = Stage(NAME)
    call(stage, 1)
    stage.respond(503, GW_1)
    call(stage, 2)
    assert len(stage.at(GW_1, "INVITE")) == 2  # begins at the first gateway again
    stage.respond(503, GW_1)
    stage.respond(200, GW_2)
    # The first call's second hop is not the second call's failure either.
    assert len(stage.at(GW_2, "INVITE")) == 2
    assert len(stage.questions) == 4  # NAPTR, SRV, two A: asked once for both calls
    for number in range(3, 13):
        call(stage, number)
        stage.respond(200, GW_1)
        assert stage.statuses()[-2:] == [100, 200]
    assert len(stage.questions) == 4


# --- FreeSWITCH 2144


@BOTH
@pytest.mark.rule("3261-17.1.1.3-02", "3263-4.3-03", "3261-17.1.1.2-06")
def test_freeswitch_2144_a_503_gets_its_ack_before_the_next_hop_is_tried(
    engine: sansip.Engine,
) -> None:
    """https://github.com/signalwire/freeswitch/issues/2144: the 503 was never acknowledged."""
    stage = Stage(engine)
    call(stage)
    stage.respond(503, GW_1, tag="full")
    (ack,) = stage.at(GW_1, "ACK")
    first, second = stage.at(GW_1, "INVITE")[0], stage.at(GW_2, "INVITE")[0]
    assert ack.via == first.via != second.via
    assert ack.to_tag == "full"
    assert (ack.uri_text, ack.cseq.number) == (first.uri_text, first.cseq.number)
    methods = [(to, m.method) for to, m in stage.sent if isinstance(m, sansip.Request)]
    assert methods == [(GW_1, "INVITE"), (GW_1, "ACK"), (GW_2, "INVITE")]


@pytest.mark.rule("3263-4.2-05", "2782-05")
def test_freeswitch_2144_the_end_of_the_srv_list_is_the_end() -> None:
    """After the last SRV target it asked for an A record of the domain, and tried port 5060."""
    zone = dict(ZONE)
    zone["gw.example.com", "A"] = dns.Found((dns.Ip("203.0.113.99"),), 60.0)
    stage = Stage(NAME, zone)
    call(stage)
    stage.respond(503, GW_1)
    stage.respond(503, GW_2)
    assert ("gw.example.com", "A") not in stage.questions
    assert stage.statuses() == [100, 500]
    assert {to for to, _ in stage.sent} == {CALLER, GW_1, GW_2}


# --- Asterisk 1717


@BOTH
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.rule("3261-16.10-02", "3263-4.3-07", "SIO-07")
def test_asterisk_1717_after_cancel_no_invite_goes_to_the_next_hop(
    engine: sansip.Engine, fault: Callable[[Stage], None]
) -> None:
    """https://github.com/asterisk/asterisk/pull/1717: it tried the next one after a time-out."""
    stage = Stage(engine)
    call(stage)
    stage.receive(make_request("CANCEL", branch="z9hG4bKcall1"))
    assert stage.statuses(method="CANCEL") == [200]
    fault(stage)
    stage.advance(3600)
    assert not stage.at(GW_2, "INVITE")
    assert stage.statuses()[-1] in (487, 500)
    assert stage.is_empty()


@pytest.mark.rule("3261-16.10-03")
def test_asterisk_1717_nor_when_dns_answers_after_cancel() -> None:
    stage = Stage(NAME, answer_dns=False)
    call(stage)
    stage.receive(make_request("CANCEL", branch="z9hG4bKcall1"))
    assert stage.statuses() == [100, 487]
    stage.answer_all()
    assert not stage.at(GW_1, "INVITE")
    assert not stage.at(GW_2, "INVITE")


# --- an error on a retransmission


@BOTH
@pytest.mark.rule("3261-8.1.3.1-01", "3263-4.3-01", "6026-8.4-01")
@pytest.mark.parametrize("how", ["operating system", "ICMP"])
def test_an_error_on_a_retransmission_counts_like_one_on_the_first_send(
    engine: sansip.Engine, how: str
) -> None:
    """Kamailio's and OpenSIPS's retransmission timers fake a 503 without DNS failover."""
    stage = Stage(engine)
    call(stage)
    stage.advance(0.6)
    first, again = (send for send in stage.sends if send.remote == GW_1)
    assert first.data == again.data
    if how == "ICMP":
        stage.icmp(GW_1, again.data[:520])
    else:
        stage.refuse(again)
    assert len(stage.at(GW_2, "INVITE")) == 1
    stage.respond(200, GW_2)
    assert stage.statuses() == [100, 200]
