"""What is wrong with a request, and what it gets (RFC 3261 16.3, 7, 18.3; RFC 4475)."""

import pytest

import sansip
from stage import CALLER, GW_1, Decide, make_request, on_stage

RELAY = sansip.Relay("sip:gw.example.com")
INVITE = make_request()
RAW = INVITE.render()

FAULTY = [
    (make_request(uri="tel:+15551234"), 416),
    (make_request(uri="urn:service:sos"), 416),
    (INVITE.set("Max-Forwards", "0"), 483),
    (make_request("OPTIONS").set("Max-Forwards", "0"), 483),
    (make_request(headers=[("Proxy-Require", "wonders")]), 420),
    # All is wrong at once: the first check that fails decides.
    (
        make_request(uri="tel:+1", headers=[("Proxy-Require", "wonders")]).set("Max-Forwards", "0"),
        416,
    ),
    (make_request(headers=[("Proxy-Require", "wonders")]).set("Max-Forwards", "0"), 483),
]


@pytest.mark.rule("3261-16.3-01", "3261-16.3-04", "3261-16.3-05", "3261-16.3-07", "3261-16.3-09")
@pytest.mark.parametrize(("request_", "status"), FAULTY)
def test_a_request_that_fails_a_check_is_refused_without_state(
    request_: sansip.Request, status: int
) -> None:
    policy = Decide(RELAY)
    stage = on_stage(policy)
    stage.receive(request_)
    stage.receive(request_)
    first, again = stage.responses(method=request_.method)
    assert first.status == status
    assert first == again
    assert first.to_tag
    assert stage.is_empty()
    # What a proxy alone must refuse may be meant for the program: the policy is asked first.
    assert bool(policy.seen) == (status != 416)
    assert stage.topics() == ["dropped", "dropped"]


@pytest.mark.rule("3261-16.3-07")
def test_unsupported_lists_exactly_what_is_unknown() -> None:
    stage = on_stage(extensions=["wonders"])
    stage.receive(make_request(headers=[("Proxy-Require", "wonders")]))
    assert stage.at(GW_1, "INVITE")
    stage.receive(
        make_request(
            branch="z9hG4bK2", headers=[("Proxy-Require", "a, wonders"), ("Proxy-Require", "b")]
        )
    )
    refused = stage.responses()[-1]
    assert (refused.status, refused.get("unsupported")) == (420, "a, b")


@pytest.mark.rule("3261-16.3-02", "3261-16.3-06", "3261-16.3-08", "3261-16.6.1-01", "3261-7.3.1-08")
def test_what_a_proxy_does_not_need_it_does_not_look_at() -> None:
    stage = on_stage()
    odd = [
        ("Date", "yesterday"),
        ("X-Odd", ";;,,;;"),
        ("Subject", "\u00fcber"),
        ("Expires", "-1"),
        ("Contact", '"'),
        ("Warning", "?"),
    ]
    body = b"\x00\xff not SDP"
    stage.receive(make_request(headers=odd, body=body).remove("Max-Forwards"))
    (sent,) = stage.at(GW_1, "INVITE")
    assert all(text in sent.rows(name.lower()) for name, text in odd)
    assert (sent.body, sent.max_forwards) == (body, 70)


# --- not SIP

MALFORMED: dict[str, tuple[bytes, int | None]] = {
    "no To": (INVITE.remove("To").render(), 400),
    "no Call-ID": (INVITE.remove("Call-ID").render(), 400),
    "no CSeq": (INVITE.remove("CSeq").render(), 400),
    "another method in CSeq": (INVITE.set("CSeq", "1 BYE").render(), 400),
    "an unknown method, another in CSeq": (
        make_request("FNORD").set("CSeq", "1 BYE").render(),
        501,
    ),
    "two Max-Forwards": (INVITE.append("Max-Forwards", "7").render(), 400),
    "a short body": (INVITE.set("Content-Length", "10").render(), 400),
    "Content-Length": (INVITE.set("Content-Length", "-1").render(), 400),
    "the next version": (RAW.replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1), 505),
    "a space too many": (RAW.replace(b" sip:bob", b"  sip:bob", 1), 400),
    "a bare LF": (RAW.replace(b"\r\nMax", b"\nMax"), 400),
    "a bad Via": (INVITE.with_top_via("SIP/2.0/UDP").render(), 400),
    "no end": (RAW[:-4], 400),
    "too many headers": (
        INVITE.render().replace(b"\r\n\r\n", b"\r\nX: 1" * 300 + b"\r\n\r\n"),
        513,
    ),
    "no Via": (INVITE.remove("Via").render(), None),
    "noise": (b"\x80\x00\x01\x02", None),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", None),
    "an ACK": (make_request("ACK").remove("CSeq").render(), None),
    "a response": (b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.10\r\n\r\n", None),
    "a response of the next version": (b"SIP/3.0 200 OK\r\n\r\n", None),
    "a status of 99": (b"SIP/2.0 99 Hm\r\n\r\n", None),
}


@pytest.mark.rule(
    "3261-7.1-03", "3261-7.1-04", "3261-8.1.1-01", "3261-8.1.1.5-01", "3261-18.3-02",
    "3261-18.3-05", "3261-18.3-06", "3261-25-01", "SIO-04",
)  # fmt: skip
@pytest.mark.parametrize("name", MALFORMED)
def test_what_cannot_be_read_is_answered_if_it_can_be_and_reported(name: str) -> None:
    data, status = MALFORMED[name]
    policy = Decide(RELAY)
    stage = on_stage(policy)
    stage.receive(data)
    answers = [message for to, message in stage.sent if to == CALLER]
    assert [m.status for m in answers if isinstance(m, sansip.Response)] == (
        [] if status is None else [status]
    )
    assert len(answers) == len(stage.sends)
    assert stage.topics()[0] == "malformed"
    assert stage.reports[0].about == "198.51.100.1:5060 to udp:192.0.2.10:5060"
    assert not policy.seen
    assert stage.is_empty()


@pytest.mark.rule("3261-8.2.7-01", "AMB-21")
def test_the_ack_of_such_a_refusal_is_recognised() -> None:
    policy = Decide(RELAY)
    stage = on_stage(policy)
    stage.receive(RAW.replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1))
    (refused,) = stage.responses()
    stage.receive(make_request("ACK", to_tag=refused.to_tag or ""))
    assert not policy.seen


@pytest.mark.rule("3261-16.3-02")
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_route_that_cannot_be_read_is_refused(method: str) -> None:
    stage = on_stage()
    stage.receive(make_request(method, headers=[("Route", "nonsense")]))
    assert stage.statuses(method=method)[-1] == 400
    assert stage.topics() == ["malformed"]


@pytest.mark.rule("SIO-04", "3261-16.4-01")
@pytest.mark.parametrize("method", ["INVITE", "ACK"])
@pytest.mark.parametrize("uri", ["sip:bob@gw.example.com", "sip:192.0.2.10;lr"])
@pytest.mark.parametrize("route", ["", ",", " , "])
def test_a_route_without_a_value_does_not_stop_the_engine(
    method: str, uri: str, route: str
) -> None:
    stage = on_stage()
    stage.receive(make_request(method, uri, headers=[("Route", route)]))


@pytest.mark.rule("3261-16.3-02")
def test_a_route_that_turns_bad_behind_ours_is_refused() -> None:
    stage = on_stage()
    stage.receive(
        make_request(headers=[("Route", "<sip:192.0.2.10;lr>"), ("Route", "<tel:+1;lr>")])
    )
    (status,) = stage.statuses()
    assert status >= 400
    stage.advance(3600.0)
    assert not stage.at(GW_1, "INVITE")


@pytest.mark.rule("3261-7.5-01")
@pytest.mark.parametrize("data", [b"", b"\r\n", b"\r\n\r\n", b"\0", b"\0\0\0\0", b"\r\n" * 8])
def test_keep_alives_are_ignored(data: bytes) -> None:
    stage = on_stage()
    before = stage.state
    assert stage.receive(data) == ()
    assert stage.state == before
