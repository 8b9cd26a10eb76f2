"""Requests of the embedding program: they fail over like any other (design rule 10)."""

import pytest

import sansip
from sansip.message import reply
from stage import GW_1, GW_2, Decide, Stage, Whatever, make_request, on_stage


def invite(**options: Whatever) -> sansip.Request:
    """A request as a program would make it: no Via, no Max-Forwards."""
    made = make_request(**options)
    return made.remove("Via").remove("Max-Forwards")


def submit(stage: Stage, handle: str = "mine", request: sansip.Request | None = None) -> None:
    stage.step(sansip.RequestSubmitted(stage.now, handle, request or invite()))


def outcome(stage: Stage) -> list[int | None]:
    """What has been delivered: status codes, and None for the end."""
    for deliver in stage.delivered:
        assert deliver.kind in ("response", "timeout", "end")
        assert (deliver.kind == "end") == (deliver.message is None)
    return [
        deliver.message.status if isinstance(deliver.message, sansip.Response) else None
        for deliver in stage.delivered
    ]


def comes_to_rest(stage: Stage) -> bool:
    stage.advance(3600.0)
    return stage.is_empty()


@pytest.mark.rule("3261-8.1.1.7-01", "3261-16.6.3-01")
def test_a_request_goes_out_with_our_via_and_nothing_else_of_ours() -> None:
    stage = on_stage()
    submit(stage)
    (sent,) = stage.at(GW_1, "INVITE")
    assert sent.rows("via") == (f"SIP/2.0/UDP 192.0.2.10:5060;branch={sent.via.branch};rport",)
    assert sent.max_forwards == 70
    assert "record-route" not in sent.names
    assert (stage.state.in_flight, len(stage.state.sources)) == (1, 0)


@pytest.mark.rule("3261-16.6.3-01")
@pytest.mark.parametrize("hops", [0, 1, 255])
def test_its_max_forwards_is_what_the_program_says(hops: int) -> None:
    # "to target specific proxies" in the chain (11): 0 is for the next one.
    stage = on_stage()
    options = make_request("OPTIONS", f"sip:{GW_1}").set("Max-Forwards", str(hops))
    stage.step(sansip.RequestSubmitted(stage.now, "mine", options))
    assert stage.at(GW_1, "OPTIONS")[0].max_forwards == hops


@pytest.mark.rule("3261-8.1.3.1-01", "6026-7.2-01", "6026-7.2-02")
def test_everything_that_comes_of_it_is_delivered_and_the_end_is_told_once() -> None:
    stage = on_stage()
    submit(stage)
    stage.respond(100, GW_1)
    stage.respond(180, GW_1)
    for tag in ("one", "two", "one"):
        stage.respond(200, GW_1, tag=tag)
    assert outcome(stage) == [180, 200, 200, 200]
    tags = [d.message.to_tag for d in stage.delivered if isinstance(d.message, sansip.Response)]
    assert tags == ["gw", "one", "two", "one"]
    assert {deliver.handle for deliver in stage.delivered} == {"mine"}
    assert not stage.at(GW_1, "ACK")
    assert comes_to_rest(stage)
    assert outcome(stage) == [180, 200, 200, 200, None]


@pytest.mark.rule("3263-4.3-01", "3261-17.1.1.3-02")
@pytest.mark.parametrize("fault", ["silent", "503", "ICMP", "refused"])
def test_it_fails_over_like_any_other(fault: str) -> None:
    stage = on_stage()
    submit(stage)
    match fault:
        case "silent":
            stage.advance(3.0)
        case "503":
            stage.respond(503, GW_1)
        case "ICMP":
            stage.icmp(GW_1, stage.sends[-1].data)
        case _:
            stage.refuse(stage.sends[-1])
    stage.respond(486, GW_2)
    if fault in ("silent", "ICMP"):
        assert outcome(stage) == [486]
    else:
        assert outcome(stage)[0] == 486
    assert len(stage.at(GW_2, "ACK")) == 1
    assert comes_to_rest(stage)
    assert outcome(stage) == [486, None]


@pytest.mark.rule("3261-8.1.3.1-01")
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "MESSAGE"])
def test_silence_is_a_408_that_nobody_sent(method: str) -> None:
    stage = on_stage()
    submit(stage, request=invite(method=method))
    assert comes_to_rest(stage)
    assert outcome(stage) == [408, None]
    (response, _) = stage.delivered
    assert response.kind == "timeout"
    assert isinstance(response.message, sansip.Response)
    assert response.message.to_tag
    assert "via" not in response.message.names


@pytest.mark.rule("3261-8.1.3.1-01")
def test_a_transport_error_is_a_503_that_nobody_sent() -> None:
    """And no 500, which is how a proxy hides a 503 from its caller (AMB-18)."""
    stage = on_stage()
    submit(stage)
    stage.refuse(stage.sends[-1])
    stage.refuse(stage.sends[-1])
    assert outcome(stage) == [503, None]
    (response, _) = stage.delivered
    assert response.kind == "response"
    assert isinstance(response.message, sansip.Response)
    assert "via" not in response.message.names


@pytest.mark.rule("3261-8.1.3.1-01")
def test_a_408_and_a_503_that_came_are_responses() -> None:
    for status in (408, 503):
        stage = on_stage()
        relay = sansip.Relay(f"sip:bob@{GW_1}")
        stage.step(sansip.RequestSubmitted(stage.now, "mine", invite(), relay))
        stage.respond(status, GW_1)
        assert outcome(stage) == [status]
        assert stage.delivered[0].kind == "response"
        assert isinstance(stage.delivered[0].message, sansip.Response)
        assert stage.delivered[0].message.via == stage.at(GW_1, "INVITE")[0].via


@pytest.mark.rule("3261-8.1.3.2-01")
@pytest.mark.parametrize("status", [299, 399, 499, 599, 699])
def test_an_unknown_final_code_counts_as_that_of_its_class(status: int) -> None:
    """It ends the request as x00 would, is acknowledged as x00 would be, and says what it said."""
    stage = on_stage()
    submit(stage)
    stage.respond(status, GW_1)
    assert outcome(stage) == [status]
    assert len(stage.at(GW_1, "ACK")) == (status > 299)
    assert comes_to_rest(stage)
    assert outcome(stage) == [status, None]
    assert not stage.at(GW_2, "INVITE")


@pytest.mark.rule("3261-8.1.3.2-01")
def test_an_unknown_provisional_code_is_progress() -> None:
    stage = on_stage()
    submit(stage)
    stage.respond(100, GW_1)
    stage.respond(177, GW_1)
    stage.advance(60.0)  # it rings: no other hop is tried, no deadline ends it
    assert outcome(stage) == [177]
    assert not stage.at(GW_2, "INVITE")
    stage.step(sansip.CancelSubmitted(stage.now, "mine"))
    assert len(stage.at(GW_1, "CANCEL")) == 1


@pytest.mark.rule("3261-16.9-01")
def test_a_name_that_leads_nowhere_is_told_too() -> None:
    stage = on_stage()
    submit(stage, request=invite(uri="sip:bob@nowhere.example"))
    assert outcome(stage) == [480, None]
    assert stage.is_empty()


def test_it_is_sent_to_its_first_route() -> None:
    stage = on_stage()
    submit(stage, request=invite().append("Route", f"<sip:{GW_2};lr>"))
    (sent,) = stage.at(GW_2, "INVITE")
    assert sent.uri_text == "sip:bob@gw.example.com"


def test_how_to_hunt_may_be_said() -> None:
    def diverted(failed: sansip.Failed) -> sansip.FailureDecision:
        return sansip.Relay(f"sip:desk@{GW_2}")

    stage = on_stage(Decide(sansip.Reply(404), later=diverted))
    relay = sansip.Relay(sansip.Dispatch("gateways"), advance_after=None, on_failure="later")
    stage.step(sansip.RequestSubmitted(stage.now, "mine", invite(), relay))
    assert stage.at(GW_1, "INVITE")[0].uri_text == "sip:bob@gw-1.example.com:5060"
    stage.respond(486, GW_1)
    assert stage.at(GW_2, "INVITE")[0].uri_text == f"sip:desk@{GW_2}"
    stage.respond(200, GW_2)
    assert outcome(stage) == [200]
    assert comes_to_rest(stage)


# --- ACK


@pytest.mark.rule("3261-17.1.1.2-09", "6026-7.2-01")
def test_the_program_acknowledges_a_2xx_itself_and_every_one_of_them() -> None:
    stage = on_stage()
    submit(stage)
    for tag in ("one", "two"):
        stage.respond(200, GW_1, tag=tag)
        request = invite(method="ACK", uri=f"sip:bob@{GW_1}", to_tag=tag)
        stage.step(sansip.AckSubmitted(stage.now, request))
    first, second = stage.at(GW_1, "ACK")
    assert (first.to_tag, second.to_tag) == ("one", "two")
    branches = {ack.via.branch for ack in (first, second, stage.at(GW_1, "INVITE")[0])}
    assert len(branches) == 3
    assert first.max_forwards == 70
    assert comes_to_rest(stage)


def test_a_submitted_ack_follows_its_route_and_waits_for_dns() -> None:
    stage = on_stage()
    stage.answer_dns = False
    request = invite(method="ACK", uri="sip:bob@198.51.100.200", to_tag="gw")
    stage.step(sansip.AckSubmitted(stage.now, request.append("Route", "<sip:gw.example.com;lr>")))
    stage.answer_all()
    (ack,) = stage.at(GW_1, "ACK")
    assert ack.uri_text == "sip:bob@198.51.100.200"
    assert stage.is_empty()


def test_two_submitted_acks_may_wait_for_the_same_answer() -> None:
    stage = on_stage()
    stage.answer_dns = False
    for tag in ("one", "two"):
        stage.step(sansip.AckSubmitted(stage.now, invite(method="ACK", to_tag=tag)))
    stage.answer_all()
    assert [ack.to_tag for ack in stage.at(GW_1, "ACK")] == ["one", "two"]


# --- CANCEL


@pytest.mark.rule("3261-9.1-02", "3261-9.1-04", "SIO-07")
def test_an_invite_can_be_given_up() -> None:
    stage = on_stage()
    submit(stage)
    stage.step(sansip.CancelSubmitted(stage.now, "mine"))
    assert not stage.at(GW_1, "CANCEL")
    stage.respond(180, GW_1)
    (cancel,) = stage.at(GW_1, "CANCEL")
    assert cancel.via == stage.at(GW_1, "INVITE")[0].via
    stage.respond(487, GW_1)
    assert outcome(stage) == [180, 487]
    assert comes_to_rest(stage)
    assert outcome(stage) == [180, 487, None]
    assert not stage.at(GW_2, "INVITE")


def test_giving_up_while_dns_is_asked_ends_at_once() -> None:
    stage = on_stage()
    stage.answer_dns = False
    submit(stage)
    stage.step(sansip.CancelSubmitted(stage.now, "mine"))
    assert outcome(stage) == [487, None]
    assert stage.is_empty()


@pytest.mark.rule("3261-9.1-02", "3261-9.1-03", "3261-9.1-05")
def test_the_cancel_is_made_of_what_was_sent_and_goes_where_that_went() -> None:
    stage = on_stage()
    request = invite().append("Route", f"<sip:{GW_2};lr>").append("Require", "100rel")
    submit(stage, request=request)
    stage.respond(180, GW_2)
    stage.step(sansip.CancelSubmitted(stage.now, "mine"))
    (sent,), (cancel,) = stage.at(GW_2, "INVITE"), stage.at(GW_2, "CANCEL")
    assert cancel.headers == (
        ("via", sent.rows("via")[0]),
        ("route", f"<sip:{GW_2};lr>"),
        ("max-forwards", "70"),
        ("from", sent.get("from")),
        ("to", sent.get("to")),
        ("call-id", sent.call_id),
        ("cseq", "1 CANCEL"),
        ("content-length", "0"),
    )
    assert cancel.uri_text == sent.uri_text


@pytest.mark.rule("3261-9.1-04")
def test_a_final_response_that_is_faster_makes_the_cancel_pointless() -> None:
    stage = on_stage()
    submit(stage)
    stage.step(sansip.CancelSubmitted(stage.now, "mine"))
    stage.respond(200, GW_1)
    assert outcome(stage) == [200]
    assert not stage.at(GW_1, "CANCEL")
    assert comes_to_rest(stage)


@pytest.mark.rule("3261-9.1-06", "3261-9.1-07")
@pytest.mark.parametrize("status", [None, 200, 481])
def test_a_call_that_is_given_up_and_never_ends_is_ended_here(status: int | None) -> None:
    stage = on_stage()
    submit(stage)
    stage.respond(180, GW_1)
    stage.step(sansip.CancelSubmitted(stage.now, "mine"))
    if status is not None:
        stage.respond(status, GW_1, method="CANCEL")
    stage.advance(31.9)
    assert outcome(stage) == [180]
    stage.advance(0.2)
    assert outcome(stage) == [180, 487, None]
    assert comes_to_rest(stage)


@pytest.mark.rule("3261-9.1-01")
@pytest.mark.parametrize("method", ["OPTIONS", "BYE", "MESSAGE"])
def test_only_an_invite_can_be_given_up(method: str) -> None:
    stage = on_stage()
    submit(stage, request=invite(method=method))
    before = stage.state
    with pytest.raises(sansip.LocalProtocolError, match="only an INVITE can be cancelled"):
        stage.step(sansip.CancelSubmitted(stage.now, "mine"))
    assert stage.state == before


def test_giving_up_what_has_ended_does_nothing() -> None:
    stage = on_stage()
    before = stage.state
    stage.step(sansip.CancelSubmitted(stage.now, "never submitted"))
    assert stage.state == before
    submit(stage)
    stage.respond(200, GW_1)
    stage.step(sansip.CancelSubmitted(stage.now, "mine"))
    assert not stage.at(GW_1, "CANCEL")
    assert comes_to_rest(stage)


# --- misuse


MISUSE: list[tuple[sansip.Request, str]] = [
    (invite(method="ACK"), "submit ACK with AckSubmitted"),
    (invite(method="CANCEL"), "submit CANCEL with CancelSubmitted"),
    (invite().remove("To").remove("CSeq"), "INVITE lacks to, cseq"),
    (invite().set("CSeq", "1 BYE"), "CSeq says BYE, the request is INVITE"),
    (invite().set("CSeq", "one INVITE"), "CSeq"),
    (invite(uri="tel:+1"), "tel:+1 is not a sip or sips URI"),
    (invite(uri="nowhere"), "Request-URI"),
    (invite(headers=[("Content-Length", "1")]), "this is not SIP"),
    (sansip.Request("INVITE", "sip:a@b", (*invite().lines, "no row")), "this is not SIP"),
]


@pytest.mark.parametrize(("request_", "text"), MISUSE)
def test_misuse_is_told_at_once_and_nothing_has_happened(
    request_: sansip.Request, text: str
) -> None:
    stage = on_stage()
    before = stage.state
    with pytest.raises(sansip.LocalProtocolError) as caught:
        submit(stage, request=request_)
    assert text in str(caught.value)
    assert stage.state == before
    submit(stage)
    stage.respond(200, GW_1)
    assert outcome(stage) == [200]


@pytest.mark.parametrize(
    ("relay", "text"),
    [
        (sansip.Relay("nowhere"), "Relay(to='nowhere'"),
        (sansip.Relay(sansip.Dispatch("phones")), "there is no group 'phones'"),
        (sansip.Relay("sip:gw", timer_c=180.0), "timer_c is 180 s"),
    ],
)
def test_an_impossible_relay_is_told_at_once(relay: sansip.Relay, text: str) -> None:
    stage = on_stage()
    before = stage.state
    with pytest.raises(sansip.LocalProtocolError) as caught:
        stage.step(sansip.RequestSubmitted(stage.now, "mine", invite(), relay))
    assert text in str(caught.value)
    assert stage.state == before


def test_the_handles_of_the_core_are_its_own() -> None:
    stage = on_stage()
    with pytest.raises(sansip.LocalProtocolError, match=r"those with s\| are the core's"):
        submit(stage, "s|mine")


@pytest.mark.rule("3261-8.1.1.7-01", "3261-8.1.3.3-01")
def test_a_via_of_the_programs_own_is_replaced() -> None:
    """A request that was delivered may be sent on as a new one, with what it had brought along."""
    stage = on_stage()
    submit(stage, request=make_request())
    (sent,) = stage.at(GW_1, "INVITE")
    assert sent.rows("via") == (f"SIP/2.0/UDP 192.0.2.10:5060;branch={sent.via.branch};rport",)
    stage.step(sansip.AckSubmitted(stage.now, make_request("ACK", to_tag="gw")))
    assert len(stage.at(GW_1, "ACK")[0].rows("via")) == 1
    stage.respond(200, GW_1)
    assert outcome(stage) == [200]


def test_a_handle_belongs_to_one_request_at_a_time() -> None:
    stage = on_stage()
    submit(stage)
    with pytest.raises(
        sansip.LocalProtocolError, match="handle 'mine' still belongs to another request"
    ):
        submit(stage)
    stage.respond(486, GW_1)
    stage.advance(3600.0)
    submit(stage)
    assert len(stage.at(GW_1, "INVITE")) == 2


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (invite(), "AckSubmitted with a INVITE"),
        (invite(method="ACK").remove("From"), "ACK lacks from"),
        (invite(method="ACK").append("Route", "nonsense"), "nonsense"),
        (invite(method="ACK", uri="tel:+1"), "tel:+1 is not a sip or sips URI"),
    ],
)
def test_an_impossible_ack_is_told_at_once(request_: sansip.Request, text: str) -> None:
    stage = on_stage()
    before = stage.state
    with pytest.raises(sansip.LocalProtocolError) as caught:
        stage.step(sansip.AckSubmitted(stage.now, request_))
    assert text in str(caught.value)
    assert stage.state == before


def test_a_route_that_cannot_be_read_is_told() -> None:
    stage = on_stage()
    submit(stage, request=invite().append("Route", "nonsense"))
    assert outcome(stage) == [400, None]
    assert not stage.sends


def test_two_requests_of_one_program_do_not_meet() -> None:
    stage = on_stage()
    submit(stage, "a", invite(call_id="a"))
    submit(stage, "b", invite(call_id="b"))
    stage.respond(486, GW_1, nth=1)
    stage.respond(200, GW_1, nth=0)
    assert [(d.handle, d.message and d.message.call_id) for d in stage.delivered] == [
        ("b", "b"),
        ("a", "a"),
    ]


@pytest.mark.rule("3261-8.1.3.3-01")
def test_a_response_with_a_via_that_was_never_sent_is_discarded() -> None:
    stage = on_stage()
    submit(stage)
    (sent,) = stage.at(GW_1, "INVITE")
    strange = sent.append("Via", "SIP/2.0/UDP elsewhere.example.com;branch=z9hG4bK1")
    stage.receive(reply(strange, 200, to_tag="gw"), GW_1)
    assert outcome(stage) == [502]  # made here: the program has to hear something
    assert stage.topics() == ["malformed"]


@pytest.mark.rule("3261-8.1.1.7-01")
def test_the_same_request_again_gets_another_branch() -> None:
    stage = on_stage()
    submit(stage)
    stage.respond(404, GW_1)
    stage.advance(3600.0)
    submit(stage)
    first, second = {request.via.branch for request in stage.at(GW_1, "INVITE")}
    assert first != second
