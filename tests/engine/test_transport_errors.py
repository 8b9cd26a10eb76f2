"""Errors of the transport, and timers that fire too late, again, or for nobody."""

import pytest

import sansip
from stage import GW_1, GW_2, Stage, ToName, Whatever, make_request, on_stage

INVITE = make_request()
ENDPOINT = "udp:192.0.2.10:5060"


def called(**options: Whatever) -> Stage:
    stage = on_stage(ToName(**options))
    stage.receive(INVITE)
    return stage


# --- ICMP


@pytest.mark.rule("3261-18.4-01", "3261-16.9-01")
@pytest.mark.parametrize("size", [400, 520, 5000])
def test_icmp_that_quotes_enough_finds_its_branch(size: int) -> None:
    stage = called()
    stage.receive(make_request(branch="z9hG4bKother", call_id="other"))
    first, _ = stage.at(GW_1, "INVITE")
    stage.icmp(GW_1, first.render()[:size])
    (second,) = stage.at(GW_2, "INVITE")
    assert second.call_id == first.call_id
    assert second.via.branch != first.via.branch
    assert set(stage.topics()) == {"failover"}


@pytest.mark.parametrize("quoted", [b"", b"INVITE sip:bob@gw", b"INVITE sip:x SIP/2.0\r\nVia: SIP"])
def test_icmp_that_quotes_too_little_is_about_all_silent_branches_on_that_pair(
    quoted: bytes,
) -> None:
    stage = called()
    stage.receive(make_request("OPTIONS", branch="z9hG4bKoptions"))
    stage.receive(make_request(branch="z9hG4bKringing"))
    stage.respond(180, GW_1)
    stage.receive(make_request(uri=f"sip:bob@{GW_2}", branch="z9hG4bKelsewhere"))
    before = len(stage.at(GW_2, "INVITE"))
    stage.icmp(GW_1, quoted)
    assert len(stage.at(GW_2, "INVITE")) == before + 1
    assert len(stage.at(GW_2, "OPTIONS")) == 1
    stage.icmp(GW_1, quoted)
    assert len(stage.at(GW_2, "INVITE")) == before + 1


def test_icmp_from_another_endpoint_is_about_other_branches() -> None:
    stage = called()
    stage.step(sansip.SendFailed(stage.now, "udp:192.0.2.20:5060", GW_1, "port unreachable"))
    assert not stage.at(GW_2, "INVITE")


@pytest.mark.rule("3261-18.4-01")
def test_icmp_about_a_branch_of_somebody_else_changes_nothing() -> None:
    stage = called()
    sent = stage.at(GW_1, "INVITE")[0]
    before = stage.state
    stage.icmp(GW_1, sent.with_top_via("SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx").render())
    stage.icmp(GW_2, sent.render())  # the right branch, and not where it went
    stage.icmp(GW_1, sent.render().replace(b"INVITE", b"OPTIONS"))
    assert stage.state == before


def test_icmp_only_advances_and_never_ends_a_branch() -> None:
    """Anybody can forge it: that costs one INVITE more, and not a call (softer than 6026 8.4)."""
    stage = called()
    stage.icmp(GW_1, stage.at(GW_1, "INVITE")[0].render())
    stage.icmp(GW_2, stage.at(GW_2, "INVITE")[0].render())
    assert stage.statuses() == [100]
    stage.respond(200, GW_1)
    assert stage.statuses() == [100, 200]


def test_icmp_after_a_sign_of_life_changes_nothing() -> None:
    stage = called()
    stage.respond(100, GW_1)
    before = stage.state
    stage.icmp(GW_1, stage.at(GW_1, "INVITE")[0].render())
    assert stage.state == before


def test_icmp_about_a_cancel_changes_nothing() -> None:
    stage = called()
    stage.respond(180, GW_1)
    stage.receive(make_request("CANCEL"))
    before = stage.state
    stage.icmp(GW_1, stage.at(GW_1, "CANCEL")[0].render())
    assert stage.state == before
    stage.icmp(GW_1, b"")
    assert not stage.actions[-1]


def test_an_error_that_quotes_too_little_is_looked_into_once_a_second() -> None:
    """Looking means going through all transactions, and anybody can forge such an error."""

    def calls(stage: Stage) -> int:
        return len({invite.call_id for invite in stage.at(GW_2, "INVITE")})

    stage = called()
    stage.icmp(GW_1, b"")
    assert calls(stage) == 1
    stage.receive(make_request(branch="z9hG4bKother", call_id="other"))
    stage.icmp(GW_1, b"")
    assert calls(stage) == 1
    stage.advance(1.0)
    stage.icmp(GW_1, b"")
    assert calls(stage) == 2


# --- refused by the operating system


@pytest.mark.rule("3261-17.1.4-01", "6026-8.4-01", "3261-8.1.3.1-01", "3261-16.6.7-03", "AMB-03")
def test_an_invite_that_cannot_be_sent_goes_to_the_next_hop_at_once() -> None:
    stage = called()
    stage.refuse(stage.sends[-1])
    assert len(stage.at(GW_2, "INVITE")) == 1
    assert stage.topics() == ["transport", "failover"]
    stage.refuse(stage.sends[-1])
    # "transport failures as 503", and a 503 of ours is a 500 to the caller (16.7.6)
    assert stage.statuses() == [100, 500]
    stage.advance(60.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-9.1-07", "3261-9.1-05")
def test_a_cancel_that_cannot_be_sent_goes_nowhere_else() -> None:
    stage = called()
    stage.respond(180, GW_1)
    stage.receive(make_request("CANCEL"))
    sent = next(send for send in stage.sends if send.data.startswith(b"CANCEL"))
    stage.refuse(sent)
    assert stage.topics() == ["transport"]
    assert not stage.at(GW_2, "CANCEL")
    stage.respond(487, GW_1)
    assert stage.statuses()[-1] == 487


@pytest.mark.rule("6026-8.4-01", "6026-8.8-01")
def test_an_ack_of_a_refusal_that_cannot_be_sent_changes_nothing_for_the_caller() -> None:
    stage = called()
    stage.respond(486, GW_1)
    ack = next(send for send in stage.sends if send.data.startswith(b"ACK"))
    stage.refuse(ack)
    assert stage.statuses() == [100, 486]
    assert not stage.at(GW_2, "INVITE")
    stage.advance(60.0)
    assert stage.is_empty()


def test_a_100_that_cannot_be_sent_changes_nothing() -> None:
    stage = called()
    stage.refuse(stage.sends[0])
    stage.respond(200, GW_1)
    assert stage.statuses() == [100, 200]


@pytest.mark.parametrize("identity", ["", "x", "7 nobody", "7 c|z9hG4bK|INVITE", "7 s|x"])
def test_an_error_about_nothing_that_we_know_is_reported(identity: str) -> None:
    stage = on_stage()
    before = stage.state
    stage.step(sansip.SendFailed(stage.now, ENDPOINT, GW_1, "no route", identity))
    assert stage.state == before
    assert stage.reports[-1].text == "203.0.113.1:5060: no route"


def test_the_refusal_of_a_malformed_request_that_cannot_be_sent_is_reported() -> None:
    stage = on_stage()
    stage.receive(INVITE.remove("CSeq"))
    stage.refuse(stage.sends[-1])
    assert stage.topics() == ["malformed", "transport"]


# --- timers


@pytest.mark.rule("3261-17-T15", "SIO-08")
def test_every_timer_that_fires_again_changes_nothing() -> None:
    stage = called()
    stage.advance(3.0)
    stage.respond(503, GW_2)
    stage.respond(200, GW_1)
    stage.advance(60.0)
    fired = stage.fired
    assert len({timer.name for timer in fired}) > 3
    before = stage.state
    for timer in fired:
        assert stage.step(sansip.TimerFired(stage.now, timer)) == ()
    assert stage.state == before


@pytest.mark.rule("3261-17-T15", "SIO-08")
def test_a_timer_that_was_stopped_or_replaced_changes_nothing() -> None:
    stage = called()
    stage.respond(180, GW_1)
    stage.respond(486, GW_1)
    stage.advance(0.6)
    stage.receive(make_request("ACK", to_tag="gw"))
    started = [
        action.timer
        for actions in stage.actions
        for action in actions
        if isinstance(action, sansip.StartTimer)
    ]
    running = stage.agenda.pop_due(stage.now + 3600.0)
    stale = [timer for timer in started if timer not in running]
    assert {timer.owner[:2] for timer in stale} == {"s|", "c|", "x|", "d|"}
    before = stage.state
    for timer in stale:
        assert stage.step(sansip.TimerFired(stage.now, timer)) == ()
    for owner in ("", "c|", "s|", "x|", "x|s|nobody", "c|z9hG4bK|INVITE"):
        assert stage.step(sansip.TimerFired(stage.now, sansip.Timer(owner, "A", 1))) == ()
    assert stage.state == before


@pytest.mark.rule("SIO-08")
def test_a_late_timer_makes_no_burst() -> None:
    """The process slept for 20 s: one retransmission, and not six."""
    stage = called(advance_after=None)
    before = len(stage.sends)
    stage.now += 20.0
    for timer in stage.agenda.pop_due(stage.now):
        stage.step(sansip.TimerFired(stage.now, timer))
    assert len(stage.sends) == before + 1


@pytest.mark.rule("SIO-08", "3261-17.1.1.2-03")
def test_a_timer_that_is_very_late_ends_what_should_have_ended() -> None:
    stage = called()
    stage.now += 3600.0
    while timers := stage.agenda.pop_due(stage.now):
        for timer in timers:
            stage.step(sansip.TimerFired(stage.now, timer))
    assert stage.statuses()[0:2] == [100, 408]
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("SIO-08", "3261-17.1.1.2-03", "3261-17.2.1-07")
@pytest.mark.parametrize("answer", [None, 486])
def test_a_timer_that_ends_a_transaction_late_ends_its_other_timers_too(answer: int | None) -> None:
    """Timer B or H is due before the next A or G; the process slept until both were."""
    stage = called(advance_after=None, deadline=600.0)
    if answer is not None:
        stage.respond(answer, GW_1)
    stage.advance(31.9)
    before = len(stage.sends)
    stage.now += 60.0
    for timer in stage.agenda.pop_due(stage.now):
        stage.step(sansip.TimerFired(stage.now, timer))
    assert len(stage.sends) == before + (1 if answer is None else 0)
    stage.advance(3600.0)
    assert stage.is_empty()


def test_a_clock_that_goes_back_does_no_harm() -> None:
    stage = called()
    stage.now -= 500.0
    stage.respond(180, GW_1)
    stage.respond(200, GW_1)
    stage.advance(3600.0)
    assert stage.statuses() == [100, 180, 200]
    assert stage.is_empty()


# --- answers


@pytest.mark.rule("3261-16.7.6-04", "3261-16.6.7-03")
def test_a_408_from_the_wire_is_an_answer_and_not_silence() -> None:
    stage = called()
    stage.respond(408, GW_1)
    assert stage.statuses() == [100, 408]
    assert not stage.at(GW_2, "INVITE")
    assert stage.responses()[-1].to_tag == "gw"


@pytest.mark.rule("3261-16.7.6-01", "3261-17.1.1.2-03")
def test_silence_to_the_end_is_a_408_of_our_own() -> None:
    stage = called()
    stage.advance(31.9)
    assert stage.statuses() == [100]
    stage.advance(0.2)
    assert stage.statuses() == [100, 408]
    assert stage.responses()[-1].to_tag not in (None, "gw")
    assert len(stage.at(GW_2, "INVITE")) > 3


@pytest.mark.rule("3261-16.7.6-03", "AMB-18")
def test_when_all_are_full_the_caller_gets_a_500_without_retry_after() -> None:
    stage = called()
    for gateway in (GW_1, GW_2):
        stage.respond(503, gateway, headers=(("Retry-After", "120"),))
    answer = stage.responses()[-1]
    assert (answer.status, answer.get("retry-after")) == (500, None)


def test_kamailio_3122_the_policy_names_the_codes_that_go_on() -> None:
    """https://github.com/kamailio/kamailio/issues/3122: only 503 can, there."""
    stage = called(failover_on=(500, 502, 503))
    stage.respond(502, GW_1)
    assert len(stage.at(GW_2, "INVITE")) == 1
    stage.respond(404, GW_2)
    # Of one target only the last failure counts (RFC 3263 4.3).
    assert stage.statuses() == [100, 404]


def test_and_no_other_code_does() -> None:
    stage = called(failover_on=())
    stage.respond(503, GW_1)
    assert not stage.at(GW_2, "INVITE")
    assert stage.statuses() == [100, 500]
