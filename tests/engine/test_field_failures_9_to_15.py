"""What users of today's systems complain of: fifteen reports, each in virtual time. 9 to 15.

The report stands at each test: what went wrong there, and for which system. Where the order of
events is the point, the whole of what went over the wire stands in the test.
"""

import pytest

import sansip
from behind_one_name import call, comes_to_rest
from line import Line, line, over_tcp
from sansip import dns
from sansip.message import reply
from stage import CALLER, GW_1, GW_2, Decide, Stage, ToGroup, config, make_request, on_stage
from transcript import lines, transcript

TWO = {"gateways": [f"sip:{GW_1};transport=tcp", f"sip:{GW_2};transport=tcp"]}

# --- 9


@pytest.mark.rule("3261-16.10-02", "3263-4.3-07", "3261-9.1-04", "3261-9.1-06")
def test_09_asterisk_1717_after_a_cancel_no_time_out_leads_to_another_gateway() -> None:
    """https://github.com/asterisk/asterisk/pull/1717: Timer B sent a new INVITE to the next one.

    Copies of the INVITE that went out already still go, for only an answer lets a CANCEL follow
    (9.1): what the first copy did not reach rings, says so, and is cancelled.
    """
    stage = call()
    stage.advance(1.0)
    stage.receive(make_request("CANCEL"))
    stage.advance(40.0)
    assert transcript(stage) == lines(
        """
        0.0 <- caller INVITE sip:bob@gw.example.com
        0.0 -> caller 100 INVITE
        0.0 -> gw-1   INVITE sip:bob@gw.example.com [1]
        0.5 -> gw-1   INVITE sip:bob@gw.example.com [1]
        1.0 <- caller CANCEL sip:bob@gw.example.com
        1.0 -> caller 200 CANCEL
        1.5 -> gw-1   INVITE sip:bob@gw.example.com [1]
        3.5 -> gw-1   INVITE sip:bob@gw.example.com [1]
        7.5 -> gw-1   INVITE sip:bob@gw.example.com [1]
        15.5 -> gw-1   INVITE sip:bob@gw.example.com [1]
        31.5 -> gw-1   INVITE sip:bob@gw.example.com [1]
        32.0 -> caller 487 INVITE
        32.5 -> caller 487 INVITE
        33.5 -> caller 487 INVITE
        35.5 -> caller 487 INVITE
        39.5 -> caller 487 INVITE
        """
    )
    assert comes_to_rest(stage)


# --- 10


@pytest.mark.rule("3263-4.3-01", "3261-16.7.5-01")
def test_10_kamailio_2377_icmp_tries_the_next_gateway_at_once_and_ends_nothing() -> None:
    """https://github.com/kamailio/kamailio/issues/2377: closed ports cost the whole time-out.

    Anybody can forge an ICMP error: the gateway that it is about may answer all the same.
    """
    stage = call()
    stage.icmp(GW_1, stage.at(GW_1, "INVITE")[0].render()[:520])
    stage.advance(0.5)
    stage.respond(180, GW_1)
    stage.respond(100, GW_2)
    stage.respond(487, GW_2)
    stage.respond(200, GW_1)
    assert transcript(stage) == lines(
        """
        0.0 <- caller INVITE sip:bob@gw.example.com
        0.0 -> caller 100 INVITE
        0.0 -> gw-1   INVITE sip:bob@gw.example.com [1]
        0.0 <- gw-1   (ICMP: port unreachable)
        0.0 -> gw-2   INVITE sip:bob@gw.example.com [2]
        0.5 -> gw-1   INVITE sip:bob@gw.example.com [1]
        0.5 -> gw-2   INVITE sip:bob@gw.example.com [2]
        0.5 <- gw-1   180 INVITE [1]
        0.5 -> caller 180 INVITE
        0.5 <- gw-2   100 INVITE [2]
        0.5 -> gw-2   CANCEL sip:bob@gw.example.com [2]
        0.5 <- gw-2   487 INVITE [2]
        0.5 -> gw-2   ACK sip:bob@gw.example.com [2]
        0.5 <- gw-1   200 INVITE [1]
        0.5 -> caller 200 INVITE
        """
    )
    assert comes_to_rest(stage)


@pytest.mark.rule("3263-4.3-01", "SIO-04")
def test_10_errors_that_quote_nothing_are_searched_for_once_a_second() -> None:
    """Such an error may be about any silent call to that address; a flood of them costs little."""
    stage = on_stage()
    for number in range(3):
        stage.receive(make_request(branch=f"z9hG4bK{number}", call_id=f"{number}"))
        stage.icmp(GW_1, b"")
    assert len(stage.at(GW_2, "INVITE")) == 1  # the first of them, about the first call
    stage.advance(1.0)
    stage.icmp(GW_1, b"")
    assert {invite.call_id for invite in stage.at(GW_2, "INVITE")} == {"0", "1", "2"}


# --- 11


@pytest.mark.rule("3263-4.3-05", "3263-4.1-04")
def test_11_kamailio_2376_a_member_that_is_a_name_is_all_the_hosts_behind_it() -> None:
    """https://github.com/kamailio/kamailio/issues/2376: of an SRV name it used the first host."""
    stage = Stage(sansip.Engine(config(groups={"gateways": ["sip:gw.example.com"]}), ToGroup()))
    stage.receive(make_request(uri="sip:bob@anywhere.example"))
    stage.respond(503, GW_1)
    stage.respond(200, GW_2)
    assert stage.statuses() == [100, 200]
    assert comes_to_rest(stage)


# --- 12


@pytest.mark.rule("3261-18.4-02", "3261-16.9-01", "3263-4.3-01")
def test_12_opensips_3257_a_refused_connection_is_a_failure_like_any_other() -> None:
    """https://github.com/OpenSIPS/opensips/issues/3257: TCP errors did not count."""
    stage = line(ToGroup(), groups=TWO)
    stage.receive(make_request())
    stage.reject()
    flow = stage.connect()
    stage.hear(reply(stage.at(GW_2, "INVITE")[0], 200, to_tag="gw"), flow)
    assert transcript(stage) == lines(
        f"""
        0.0 <- caller INVITE sip:bob@gw.example.com
        0.0 -> caller 100 INVITE
        0.0 -> gw-1   (connect tcp)
        0.0 <- gw-1   (connection refused, flow {stage.orders()[0].flow})
        0.0 -> gw-2   (connect tcp)
        0.0 <- gw-2   (connected, flow {flow})
        0.0 -> gw-2   INVITE sip:bob@203.0.113.2:5060;transport=tcp [1]
        0.0 <- gw-2   200 INVITE [1]
        0.0 -> caller 200 INVITE
        """
    )
    assert comes_to_rest(stage)


# --- 13


@pytest.mark.parametrize(
    ("every", "timeout"), [(3.0, 30.0), (3.0, 3.0), (3.0, 0.0), (0.0, None), (-1.0, None)]
)
def test_13_kamailio_3446_a_probe_that_would_outlast_its_interval_does_not_load(
    every: float, timeout: float | None
) -> None:
    """https://github.com/kamailio/kamailio/issues/3446: a ping every 3 s, and 30 s to notice."""
    group = sansip.Group((sansip.Member("sip:gw-1.example.com"),), sansip.Probing(every, timeout))
    with pytest.raises(sansip.LocalProtocolError, match="group gateways"):
        config(groups={"gateways": group})


# --- 14


def tcp_call(policy: sansip.Policy | None = None) -> Line:
    stage = line(policy or ToGroup(), groups=TWO)
    stage.receive(make_request())
    return stage


@pytest.mark.rule("3261-18.4-02", "AMB-11", "3263-4.3-01")
def test_14_pjproject_2076_the_connection_of_a_gateway_that_was_given_up_kills_no_call() -> None:
    """https://github.com/pjsip/pjproject/issues/2076: its end ended the second INVITE."""
    stage = tcp_call()
    first = stage.connect()
    stage.advance(3.0)
    second = stage.connect()
    stage.close(first, "connection reset")
    stage.hear(reply(stage.at(GW_2, "INVITE")[0], 180, to_tag="gw"), second)
    stage.advance(60.0)
    stage.hear(reply(stage.at(GW_2, "INVITE")[0], 200, to_tag="gw"), second)
    assert transcript(stage) == lines(
        f"""
        0.0 <- caller INVITE sip:bob@gw.example.com
        0.0 -> caller 100 INVITE
        0.0 -> gw-1   (connect tcp)
        0.0 <- gw-1   (connected, flow {first})
        0.0 -> gw-1   INVITE sip:bob@203.0.113.1:5060;transport=tcp [1]
        3.0 -> gw-2   (connect tcp)
        3.0 <- gw-2   (connected, flow {second})
        3.0 -> gw-2   INVITE sip:bob@203.0.113.2:5060;transport=tcp [2]
        3.0 <- gw-1   (connection reset, flow {first})
        3.0 <- gw-2   180 INVITE [2]
        3.0 -> caller 180 INVITE
        63.0 <- gw-2   200 INVITE [2]
        63.0 -> caller 200 INVITE
        """
    )
    assert comes_to_rest(stage)


@pytest.mark.rule("3261-18.4-02")
def test_14_nor_does_it_touch_the_next_call_to_that_gateway() -> None:
    stage = tcp_call()
    first = stage.connect()
    stage.hear(reply(stage.at(GW_1, "INVITE")[0], 486, to_tag="gw"), first)
    stage.close(first)
    stage.receive(make_request(branch="z9hG4bKsecond", call_id="second"))
    second = stage.connect()
    assert second != first
    stage.close(first, "connection reset")  # told once more, late
    stage.hear(reply(stage.at(GW_1, "INVITE")[1], 200, to_tag="gw"), second)
    assert stage.statuses() == [100, 486, 100, 200]


# --- 15


@pytest.mark.rule("3261-18.4-02", "3261-18.1.1-05")
def test_15_resiprocate_315_a_stale_connection_is_replaced_once_and_then_the_next_is_tried() -> (
    None
):
    """https://github.com/resiprocate/resiprocate/issues/315: reused, reset, and the INVITE lost.

    The same for JAIN SIP (jsip 65). The second connection was opened for this very call: if that
    dies too, it is the gateway.
    """
    stage = tcp_call()
    stale = stage.connect()
    stage.hear(reply(stage.at(GW_1, "INVITE")[0], 486, to_tag="gw"), stale)
    stage.advance(100.0)  # a firewall has forgotten it meanwhile
    start = len(transcript(stage).splitlines())
    stage.receive(make_request(branch="z9hG4bKsecond", call_id="second"))
    stage.close(stale, "connection reset")
    stage.reject()
    third = stage.connect()
    stage.hear(reply(stage.at(GW_2, "INVITE")[0], 200, to_tag="gw"), third)
    _, fresh, _ = stage.orders()
    assert "\n".join(transcript(stage).splitlines()[start:]) == lines(
        f"""
        100.0 <- caller INVITE sip:bob@gw.example.com
        100.0 -> caller 100 INVITE
        100.0 -> gw-1   INVITE sip:bob@203.0.113.1:5060;transport=tcp [2]
        100.0 <- gw-1   (connection reset, flow {stale})
        100.0 -> gw-1   (connect tcp)
        100.0 <- gw-1   (connection refused, flow {fresh.flow})
        100.0 -> gw-2   (connect tcp)
        100.0 <- gw-2   (connected, flow {third})
        100.0 -> gw-2   INVITE sip:bob@203.0.113.2:5060;transport=tcp [3]
        100.0 <- gw-2   200 INVITE [3]
        100.0 -> caller 200 INVITE
        """
    )
    assert comes_to_rest(stage)


@pytest.mark.rule("3261-18.2.2-02", "3261-18.2.2-03")
@pytest.mark.parametrize("sent_by_port", ["", ":5070"])
def test_15_sofia_283_a_response_whose_connection_is_gone_goes_to_the_port_of_the_sent_by(
    sent_by_port: str,
) -> None:
    """https://github.com/freeswitch/sofia-sip/issues/283: it went to the port it came from.

    Nobody listens at the port that a client connected from.
    """
    stage = line(Decide(sansip.Relay(f"sip:bob@{GW_1}"))).open()
    branch = make_request().via.branch
    via = f"SIP/2.0/TCP {CALLER.host}{sent_by_port};branch={branch};rport"
    stage.hear(over_tcp().with_top_via(via))
    stage.close()
    stage.respond(200, GW_1)
    (order,) = stage.orders()
    port = int(sent_by_port.removeprefix(":") or 5060)
    assert order.remote == sansip.Address(CALLER.host, port)
    assert stage.sent_over(stage.connect()) == ["200"]


@pytest.mark.rule("3263-5-03", "3263-5-05")
def test_15_and_if_nobody_is_there_to_where_the_sent_by_leads() -> None:
    stage = line(Decide(sansip.Relay(f"sip:bob@{GW_1}"))).open()
    stage.zone["_sip._tcp.phone.example.org", "SRV"] = dns.Found(
        (dns.Srv(1, 0, 5090, "gw-2.example.com"),), 60.0
    )
    via = f"SIP/2.0/TCP phone.example.org;branch={make_request().via.branch};rport"
    stage.hear(over_tcp().with_top_via(via))
    stage.close()
    stage.respond(200, GW_1)
    stage.reject()
    (first, second) = stage.orders()
    assert [str(first.remote), str(second.remote)] == [
        f"{CALLER.host}:5060",
        f"{GW_2.host}:5090",
    ]
    assert stage.sent_over(stage.connect()) == ["200"]
