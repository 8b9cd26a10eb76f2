"""What one target gets and another does not: header fields, and the endpoint to send from."""

from typing import Literal

import pytest

import sansip
from stage import GW_1, GW_2, PROXY, Decide, Stage, config, make_request, on_stage

OTHER = "udp:192.0.2.11:5060"
FIRST, SECOND = f"sip:bob@{GW_1}", f"sip:bob@{GW_2}"


def two_sockets(decision: sansip.Decision) -> Stage:
    endpoints = [sansip.Endpoint("udp", str(PROXY)), sansip.Endpoint("udp", "192.0.2.11:5060")]
    return Stage(sansip.Engine(config(endpoints=endpoints), Decide(decision)))


def invites(stage: Stage) -> list[sansip.Request]:
    return [
        message
        for _, message in stage.sent
        if isinstance(message, sansip.Request) and message.method == "INVITE"
    ]


def test_each_target_gets_its_own_edits_of_the_original_request() -> None:
    """Kamailio 3388 lost the edits of the Request-URI on failover."""
    stage = on_stage(
        Decide(
            sansip.Relay(
                [
                    sansip.Target(FIRST, 1.0, (("X-Trunk", "one"), ("Subject", None))),
                    sansip.Target(SECOND, 0.5, (("X-Trunk", "two"),)),
                ]
            )
        )
    )
    stage.receive(make_request(headers=[("Subject", "hello"), ("X-Trunk", "none")]))
    stage.respond(404, GW_1)
    first, second = invites(stage)
    assert (first.uri_text, first.get("x-trunk"), first.get("subject")) == (FIRST, "one", None)
    assert (second.uri_text, second.get("x-trunk"), second.get("subject")) == (
        SECOND,
        "two",
        "hello",
    )


def test_what_is_not_there_cannot_be_taken_away_and_does_no_harm() -> None:
    stage = on_stage(Decide(sansip.Relay(sansip.Target(FIRST, edits=(("Subject", None),)))))
    stage.receive(make_request())
    assert len(invites(stage)) == 1


def test_a_request_with_edits_that_is_too_large_goes_over_tcp_with_them() -> None:
    endpoints = [sansip.Endpoint("udp", str(PROXY)), sansip.Endpoint("tcp", str(PROXY))]
    target = sansip.Target(FIRST, edits=(("X-Large", "x" * 1300),))
    stage = Stage(sansip.Engine(config(endpoints=endpoints), Decide(sansip.Relay(target))))
    stage.receive(make_request())
    opened = [
        action for step in stage.actions for action in step if isinstance(action, sansip.OpenFlow)
    ]
    assert [flow.transport for flow in opened] == ["tcp"]


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        (sansip.Target(FIRST, edits=(("From", "<sip:x@y>"),)), "From belongs to the call"),
        (sansip.Target(FIRST, edits=(("v", None),)), "v belongs to the call"),
        (sansip.Target(FIRST, edits=(("X-A", "a\r\nVia: b"),)), "X-A"),
        (sansip.Target(FIRST, edits=(("no name", "a"),)), "no name"),
        (sansip.Target(FIRST, endpoint="udp:nowhere"), "there is no udp:nowhere"),
    ],
)
def test_edits_that_would_break_a_call_cost_it_a_500(target: sansip.Target, complaint: str) -> None:
    stage = on_stage(Decide(sansip.Relay(target)))
    stage.receive(make_request())
    assert stage.statuses() == [500]
    assert any(complaint in report.text for report in stage.reports)


def test_a_target_leaves_from_its_endpoint() -> None:
    stage = two_sockets(sansip.Relay(sansip.Target(FIRST, endpoint=OTHER)))
    stage.receive(make_request())
    sends = [send for send in stage.sends if send.remote == GW_1]
    assert [send.endpoint for send in sends] == [OTHER]
    (invite,) = invites(stage)
    assert invite.via.sent_by == "192.0.2.11:5060"


def test_the_same_uri_by_two_endpoints_is_two_targets() -> None:
    """Kamailio 4330: there they shared one state."""
    stage = two_sockets(
        sansip.Relay([sansip.Target(FIRST, 1.0), sansip.Target(FIRST, 0.5, endpoint=OTHER)])
    )
    stage.receive(make_request())
    stage.advance(3.0)
    left_from = [
        s.endpoint for s in stage.sends if s.remote == GW_1 and s.data.startswith(b"INVITE")
    ]
    assert left_from[0] != left_from[-1] == OTHER


@pytest.mark.parametrize("rewrite", ["host", "none"])
def test_a_policy_may_dial_something_else_and_use_a_group(rewrite: Literal["host", "none"]) -> None:
    dialled = sansip.parse_uri("sip:0049301@example.com")
    wish = sansip.Dispatch("gateways", rewrite=rewrite, uri=dialled)
    stage = on_stage(Decide(sansip.Relay(wish)), groups={"gateways": [f"sip:{GW_1}"]})
    stage.receive(make_request(uri="sip:+49301@example.com"))
    (invite,) = invites(stage)
    there = {"host": f"sip:0049301@{GW_1}", "none": "sip:0049301@example.com"}
    assert invite.uri_text == there[rewrite]


def test_a_member_leaves_from_its_endpoint_and_its_proxy_is_for_probes_alone() -> None:
    member = sansip.Member(f"sip:{GW_1}", endpoint=OTHER, probe_via=f"sip:{GW_2}")
    endpoints = [sansip.Endpoint("udp", str(PROXY)), sansip.Endpoint("udp", "192.0.2.11:5060")]
    options = config(endpoints=endpoints, groups={"gateways": [member]})
    stage = Stage(sansip.Engine(options, Decide(sansip.Relay(sansip.Dispatch("gateways")))))
    stage.receive(make_request(uri="sip:bob@example.com"))
    assert [(s.endpoint, s.remote) for s in stage.sends[1:]] == [(OTHER, GW_1)]
