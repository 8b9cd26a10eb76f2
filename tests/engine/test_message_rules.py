"""Rules about messages that are the engine's to keep: what goes out, what is answered, what is not.

See docs/conformance.md.
"""

import re

import pytest

import sansip
from sansip.message import reply
from stage import CALLER, GW_1, GW_2, PROXY, Stage, ToName, make_request, on_stage

INVITE = make_request()
FOLLOW = ToName(follow_route=True)
OURS = ("Via: SIP/2.0/UDP 192", "Record-Route", "Max-Breadth")  # rows that we add


def wire(text: str, body: bytes = b"") -> bytes:
    return text.encode("utf-8", "surrogateescape") + body


def forwarded(data: bytes | sansip.Request, policy: sansip.Policy | None = None) -> bytes:
    """What the gateway gets, byte for byte."""
    stage = on_stage(policy)
    stage.receive(data)
    (sent,) = [send.data for send in stage.sends if send.remote == GW_1]
    return sent


def statuses(stage: Stage) -> list[int]:
    return [m.status for to, m in stage.sent if to == CALLER and isinstance(m, sansip.Response)]


# 7: messages


@pytest.mark.rule("3261-7.1-02")
def test_the_version_goes_out_in_capitals() -> None:
    sent = forwarded(INVITE.render().replace(b" SIP/2.0\r\n", b" sip/2.0\r\n", 1))
    assert sent.partition(b"\r\n")[0] == b"INVITE sip:bob@gw.example.com SIP/2.0"


@pytest.mark.rule("3261-7.1-03", "3261-7.2-01")
@pytest.mark.parametrize(
    "line", ["SIP/3.0 200 OK", "SIP/2.0 099 x", "SIP/2.0 700 x", "SIP/2.1 180"]
)
def test_a_response_with_such_a_first_line_is_dropped(line: str) -> None:
    stage = on_stage()
    stage.receive(INVITE)
    ringing = reply(stage.at(GW_1, "INVITE")[-1], 180, to_tag="gw").render()
    before = stage.state
    stage.receive(line.encode() + ringing[ringing.index(b"\r\n") :], GW_1)
    assert stage.state == before
    assert stage.statuses() == [100]
    assert stage.topics() == ["malformed"]


@pytest.mark.rule("3261-7.2-02", "3261-7.4-01", "3261-7.3.2-01", "3261-7.3.1-08")
def test_a_response_goes_through_byte_for_byte() -> None:
    stage = on_stage()
    stage.receive(INVITE)
    made = reply(stage.at(GW_1, "INVITE")[-1], 183, to_tag="gw").render()
    head, _, _ = made.partition(b"\r\nContent-Length")
    rows = wire(
        "\r\nMax-Forwards: x\r\nRoute: <\r\nX-Mine: ;;,,\udcff \u0416\r\n fold\r\nl : 5\r\n\r\n"
    )
    phrase = b"= 2**3 \xd0\xb6 \xff 100%"
    came = head.replace(b"Session Progress", phrase) + rows + b"\0\xff\r\n\r"
    stage.receive(came, GW_1)
    via, rest = came.split(b"\r\n", 2)[1:]
    assert via.startswith(b"Via: SIP/2.0/UDP " + str(PROXY).encode())
    assert stage.sends[-1].data == came.partition(b"\r\n")[0] + b"\r\n" + rest


@pytest.mark.rule(
    "3261-7.3.1-05", "3261-7.3.1-08", "3261-7.3.3-02", "3261-7.3.1-02", "3261-7.3.2-01",
    "3261-7.4-01", "3261-18.3-03",
)  # fmt: skip
def test_a_request_goes_through_with_all_its_rows_as_they_came() -> None:
    rows = (
        *("X-B: ;;,,;;,;", "Max-Forwards: 0070", "x-a :\t\u0416\udcff", "v: SIP/2.0/X y;;"),
        *("f: <sip:alice@example.org>\r\n ;tag=1", "X-B:", "T: <sip:b@h>", "i: c", "m: <<"),
        *("CSEQ: 1 INVITE", "m: x", "Unsupported: y", "WWW-Authenticate: a, b", "Retry-After: ?"),
        *("Content-Type: ;", "WWW-Authenticate: c", "X-A: last"),
    )
    via = "Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKcaller"
    body = b"\0no length\r\n\r\nINVITE sip:x SIP/2.0\r\n\xff"
    start = "INVITE sip:bob@gw.example.com SIP/2.0"
    sent = forwarded(wire("\r\n".join((start, via, *rows, "", "")), body))
    assert sent.partition(b"\r\n\r\n")[2] == body
    made = sansip.parse(sent)
    kept = [line for line in made.lines if not line.startswith(OURS)]
    assert kept == [via, *[row.replace("0070", "69") for row in rows]]


@pytest.mark.rule("3261-7.3.1-06")
def test_a_parameter_that_comes_twice_in_the_route_that_is_followed() -> None:
    for row in (f"<sip:{GW_1};lr>;a=1;A=2", f'<sip:{PROXY};lr>;a;a="x"'):
        stage = on_stage(FOLLOW)
        stage.receive(make_request(headers=[("Route", row)]))
        assert statuses(stage) == [400]
    stage = on_stage(FOLLOW)
    odd = f"<sip:{GW_2};lr>;a;a"
    stage.receive(make_request(headers=[("Route", f"<sip:{GW_1};lr>"), ("Route", odd)]))
    assert stage.at(GW_1, "INVITE")[0].values("route")[1] == odd


@pytest.mark.rule("3261-7.3.1-07")
def test_call_ids_compare_with_case_and_tags_without() -> None:
    stage = on_stage()
    via = f"SIP/2.0/UDP {CALLER};branch=old"  # of RFC 2543: the fields are compared
    first = make_request("OPTIONS", call_id="AbC").with_top_via(via)
    stage.receive(first)
    stage.receive(first.set("From", "<sip:alice@example.org>;tag=ALICE"))
    assert len(stage.at(GW_1, "OPTIONS")) == 1
    stage.receive(first.set("Call-ID", "aBc"))
    assert len(stage.at(GW_1, "OPTIONS")) == 2


# 8.1.1: what a request must have


@pytest.mark.rule("3261-8.1.1-01", "3261-20.22-01")
def test_a_missing_max_forwards_is_added() -> None:
    sent = sansip.parse(forwarded(INVITE.remove("Max-Forwards")))
    assert sent.rows("max-forwards") == ("70",)


@pytest.mark.rule("3261-8.1.1.5-01")
@pytest.mark.parametrize("method", ["OPTIONS", "FNORD"])
def test_the_method_of_cseq_says_whose_response_it_is(method: str) -> None:
    stage = on_stage()
    stage.receive(make_request(method))
    request = stage.at(GW_1, method)[-1]
    stage.receive(reply(request.set("CSeq", "1 INVITE"), 200, to_tag="gw"), GW_1)
    assert stage.statuses(method=method) == []
    stage.receive(reply(request, 200, to_tag="gw"), GW_1)
    assert stage.statuses(method=method) == [200]


@pytest.mark.rule("3261-8.1.1.7-01")
def test_a_branch_of_ours_belongs_to_an_invite_its_cancel_and_its_ack() -> None:
    stage = on_stage()
    for call_id in ("1", "2"):
        stage.receive(make_request(call_id=call_id, branch=f"z9hG4bK{call_id}"))
        stage.respond(180, GW_1)
        stage.receive(make_request("CANCEL", call_id=call_id, branch=f"z9hG4bK{call_id}"))
        stage.respond(487, GW_1)
    branches = [
        {sent.via.branch for sent in stage.at(GW_1, method)}
        for method in ("INVITE", "CANCEL", "ACK")
    ]
    assert branches[0] == branches[1] == branches[2]
    assert len(branches[0]) == 2
    assert all(re.fullmatch(r"z9hG4bK[0-9a-f]{16}\.[0-9a-f]{12}", b or "") for b in branches[0])


@pytest.mark.rule("3261-8.1.1.7-02")
def test_requests_whose_branch_is_the_bare_cookie_are_not_mixed_up() -> None:
    stage = on_stage()
    for call_id in ("1", "2", "1"):
        stage.receive(make_request("OPTIONS", branch="z9hG4bK", call_id=call_id))
    assert [sent.call_id for sent in stage.at(GW_1, "OPTIONS")] == ["1", "2"]


# 18.3: where a message ends


@pytest.mark.rule("3261-18.3-01")
def test_what_follows_the_body_is_neither_passed_on_nor_taken_for_a_message() -> None:
    second = make_request(call_id="call-2", branch="z9hG4bKsecond").render()
    stage = on_stage()
    stage.receive(make_request(body=b"abc").render() + b"\r\n\r\n" + second)
    (send,) = [send for send in stage.sends if send.remote == GW_1]
    assert send.data.endswith(b"\r\n\r\nabc")


@pytest.mark.rule("3261-18.3-02", "3261-18.3-05")
@pytest.mark.parametrize("length", ["1", "-1", "", "x", "0\r\nl: 0"])
def test_a_response_whose_length_is_wrong_is_dropped(length: str) -> None:
    stage = on_stage()
    stage.receive(INVITE)
    made = reply(stage.at(GW_1, "INVITE")[-1], 180, to_tag="gw").render()
    stage.receive(made.replace(b"Content-Length: 0", b"Content-Length: " + length.encode()), GW_1)
    assert stage.statuses() == [100]
    assert stage.topics() == ["malformed"]


# 19: URIs and tags


@pytest.mark.rule("3261-19.1.1-02")
def test_headers_and_method_of_a_request_uri_go_nowhere() -> None:
    uri = "sip:bob@gw.example.com;x;method=BYE?Route=%3Csip:203.0.113.9;lr%3E&Subject=x"
    sent = sansip.parse(forwarded(make_request(uri=uri)))
    assert isinstance(sent, sansip.Request)
    assert (sent.method, sent.uri_text) == ("INVITE", "sip:bob@gw.example.com;x")
    assert (sent.get("route"), sent.get("subject")) == (None, None)


@pytest.mark.rule("3261-19.1.1-03")
@pytest.mark.parametrize(
    ("uri", "remote"),
    [
        (f"sip:bob@{GW_1.host}", sansip.Address(GW_1.host, 5060)),
        (f"sip:bob@{GW_1.host}:5080", sansip.Address(GW_1.host, 5080)),
        (f"sip:bob@{GW_1.host};transport=udp", sansip.Address(GW_1.host, 5060)),
        ("sip:bob@gw-2.example.com", sansip.Address(GW_2.host, 5060)),
    ],
)
def test_a_sip_uri_without_port_means_5060_over_udp(uri: str, remote: sansip.Address) -> None:
    stage = on_stage()
    stage.receive(make_request(uri=uri))
    assert [send.remote for send in stage.sends if send.remote != CALLER] == [remote]
    assert stage.at(remote, "INVITE")[0].via.transport == "UDP"


@pytest.mark.rule("3261-19.1.2-01")
def test_escapes_go_through_as_they_came() -> None:
    uri = "sip:%2541%6c%00%3b@gw.example.com;p%61=%7a"
    sent = sansip.parse(forwarded(make_request(uri=uri)))
    assert isinstance(sent, sansip.Request)
    assert sent.uri_text == uri
    assert sent.get("to") == f"<{uri}>"


@pytest.mark.rule("3261-19.3-01")
@pytest.mark.parametrize("from_tag", ["alice", "x"])
def test_a_tag_of_ours_is_random_and_never_that_of_from(from_tag: str) -> None:
    tags: set[str] = set()
    for seed in (b"a" * 32, b"b" * 32):
        for branch in ("z9hG4bK1", "z9hG4bK2"):
            stage = on_stage()
            stage.state, _ = stage.engine.start(seed, stage.now)
            request = make_request(uri="tel:+1", branch=branch)
            stage.receive(request.set("From", f"<tel:+1>;tag={from_tag}"))
            (refused,) = stage.responses()
            tags.add(refused.to_tag or "")
    assert len(tags) == 4
    assert all(re.fullmatch("[0-9a-f]{8,}", tag) for tag in tags)


@pytest.mark.rule("3261-19.3-01")
def test_a_caller_cannot_make_us_repeat_its_tag() -> None:
    """A call to oneself: both ends would have the same tag, and nobody could tell them apart."""
    stage = on_stage()
    stage.receive(make_request(uri="tel:+1"))
    (refused,) = stage.responses()
    tag = refused.to_tag or ""
    stage.receive(
        make_request(uri="tel:+1", call_id="2", branch="z9hG4bK2").set("From", f"x:y;tag={tag}")
    )
    assert stage.responses()[-1].to_tag not in (None, tag)


# 20: headers


@pytest.mark.rule("3261-20.14-01")
def test_all_that_is_made_here_has_a_content_length() -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.respond(180, GW_1)
    stage.receive(make_request("CANCEL"))
    stage.respond(487, GW_1)
    stage.receive(make_request(uri="tel:+1", branch="z9hG4bK2"))
    made = [*stage.at(GW_1, "CANCEL"), *stage.at(GW_1, "ACK"), *stage.responses()]
    made += stage.responses(method="CANCEL")
    assert [type(message).__name__ for message in made].count("Request") == 2
    for message in made:
        assert message.rows("content-length") == ("0",)


@pytest.mark.rule("3261-20.42-01", "AMB-04")
@pytest.mark.parametrize("via", ["192.0.2.10", "192.0.2.10:5060", "192.0.2.10 : 05060"])
def test_a_response_for_our_default_port_is_ours_with_and_without_it(via: str) -> None:
    stage = on_stage()
    stage.receive(INVITE)
    request = stage.at(GW_1, "INVITE")[-1]
    ours = request.with_top_via(f"SIP/2.0/UDP {via};branch={request.via.branch}")
    stage.receive(reply(ours, 180, to_tag="gw"), GW_1)
    assert stage.statuses() == [100, 180]
    other = request.with_top_via(f"SIP/2.0/UDP 192.0.2.10:5061;branch={request.via.branch}")
    stage.receive(reply(other, 486, to_tag="gw"), GW_1)
    assert stage.statuses() == [100, 180]


# 25: grammar


@pytest.mark.rule("3261-25-05")
def test_a_response_whose_cseq_is_too_large_is_dropped() -> None:
    stage = on_stage()
    stage.receive(INVITE)
    made = reply(stage.at(GW_1, "INVITE")[-1], 180, to_tag="gw")
    stage.receive(made.set("CSeq", "4294967296 INVITE"), GW_1)
    assert stage.statuses() == [100]


@pytest.mark.rule("3261-25-06")
def test_other_vias_may_be_of_any_transport_and_even_nonsense() -> None:
    others = ["SIP/2.0/WHAT-EVER h", "SIP/9/X", ";;", "SIP/2.0/UDP [nothing"]
    request = make_request(headers=[("Via", via) for via in others])
    assert sansip.parse(forwarded(request)).rows("via")[2:] == tuple(others)


@pytest.mark.rule("3261-25-08")
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "ACK"])
@pytest.mark.parametrize(
    "routes",
    [
        (f"sip:{GW_1};lr",),
        (f"sip:{PROXY};lr", f"<sip:{GW_1};lr>"),
        (f"<sip:{PROXY};lr>", f"sip:{GW_1};lr"),
        (f"<sip:{PROXY};lr>,sip:{GW_1};lr", f"<sip:{GW_2};lr>"),
        (f'sip:{GW_1};lr;x="<"',),
        (f'sip:{GW_1};lr;x="<sip:{GW_2};lr>"',),
    ],
)
def test_a_route_without_brackets_is_refused_where_it_is_followed(
    method: str, routes: tuple[str, ...]
) -> None:
    """Whose is the lr of ``sip:h;lr``? If it is the header's, the hop is a strict router."""
    stage = on_stage(FOLLOW)
    stage.receive(make_request(method, headers=[("Route", route) for route in routes]))
    assert not stage.at(GW_1, method)
    assert statuses(stage) == ([] if method == "ACK" else [400])


@pytest.mark.rule("3261-25-08")
def test_a_record_route_of_ours_has_brackets() -> None:
    sent = sansip.parse(forwarded(make_request(headers=[("Record-Route", "sip:old;lr")])))
    ours, other = sent.rows("record-route")
    assert re.fullmatch(r"<sip:192\.0\.2\.10:5060;lr;[^<>]*>", ours)
    assert other == "sip:old;lr"  # as it came


@pytest.mark.rule("3261-25-10", "5118-4.5")
def test_received_goes_out_without_brackets() -> None:
    stage = on_stage()
    request = make_request().with_top_via("SIP/2.0/UDP [2001:db8::9];branch=z9hG4bK1;rport")
    stage.receive(request, sansip.Address("2001:db8::77", 5060))
    assert stage.at(GW_1, "INVITE")[-1].rows("via")[1] == (
        "SIP/2.0/UDP [2001:db8::9];branch=z9hG4bK1;received=2001:db8::77;rport=5060"
    )


@pytest.mark.rule("5118-4.2")
def test_a_request_uri_with_ipv6_and_no_brackets_is_refused() -> None:
    stage = on_stage()
    data = INVITE.render().replace(b"sip:bob@gw.example.com SIP", b"sip:2001:db8::10 SIP")
    stage.receive(data)
    assert statuses(stage) == [400]


@pytest.mark.rule("5118-4.9")
def test_an_ipv4_mapped_source_is_the_same_as_the_ipv4_address() -> None:
    stage = on_stage()
    request = make_request().with_top_via("SIP/2.0/UDP [::ffff:198.51.100.1];branch=z9hG4bK1")
    stage.receive(request)
    assert stage.at(GW_1, "INVITE")[-1].rows("via")[1] == (
        "SIP/2.0/UDP [::ffff:198.51.100.1];branch=z9hG4bK1"
    )


# RFC 3581


@pytest.mark.rule("3581-3-01")
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_what_we_send_asks_for_rport_without_a_value(method: str) -> None:
    stage = on_stage()
    stage.receive(make_request(method))
    assert stage.at(GW_1, method)[0].via.rport == ""
    assert {send.endpoint for send in stage.sends} == {"udp:192.0.2.10:5060"}


@pytest.mark.rule("3581-4-01", "3581-4-02")
@pytest.mark.parametrize("transport", ["UDP", "TCP", "TLS", "SCTP", "X"])
def test_rport_is_filled_in_whatever_the_via_says_about_the_transport(transport: str) -> None:
    stage = on_stage()
    source = sansip.Address("198.51.100.77", 41234)
    request = make_request("OPTIONS").with_top_via(
        f"SIP/2.0/{transport} 198.51.100.77:41234;branch=z9hG4bK1;RPORT"
    )
    stage.receive(request, source)
    assert (
        stage.at(GW_1, "OPTIONS")[-1].rows("via")[1].endswith(";received=198.51.100.77;rport=41234")
    )
    stage.respond(200, GW_1, method="OPTIONS")
    assert (stage.sends[-1].remote, stage.sends[-1].endpoint) == (source, "udp:192.0.2.10:5060")


# RFC 5626


@pytest.mark.rule("5626-8-01", "3261-7.5-01")
@pytest.mark.parametrize("data", [b"\r\n\r\n", b"\r\n", b"\0", b"\0" * 100, b"\r\n\0\0\r\n", b""])
def test_a_datagram_that_keeps_a_binding_alive_is_ignored(data: bytes) -> None:
    stage = on_stage()
    before = stage.state
    assert stage.receive(data) == ()
    assert stage.state == before


@pytest.mark.rule("5626-8-01")
def test_stun_is_not_answered_here() -> None:
    stage = on_stage()
    stage.receive(b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12))
    assert not stage.sends
    assert stage.is_empty()
