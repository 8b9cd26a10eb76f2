"""Via: where a request came from, where its responses go, whose responses are ours.

RFC 3261 18.2.1, 18.2.2 and 18.1.2, RFC 3581 4.
"""

import pytest

import sansip
from sansip.message import reply
from stage import CALLER, GW_1, PROXY, Stage, make_request, on_stage

BEHIND_NAT = sansip.Address("198.51.100.77", 41234)


def options(via: str) -> sansip.Request:
    return make_request("OPTIONS").with_top_via(f"SIP/2.0/UDP {via}")


def stamped(stage: Stage, via: str, source: sansip.Address) -> str:
    """The caller's Via as the gateway gets to see it."""
    stage.receive(options(via), source)
    return stage.at(GW_1, "OPTIONS")[-1].rows("via")[1].removeprefix("SIP/2.0/UDP ")


@pytest.mark.rule("3261-18.2.1-01", "3261-18.2.1-02", "3581-4-01", "3581-4-03", "AMB-12")
@pytest.mark.parametrize(
    ("via", "source", "seen"),
    [
        ("198.51.100.1:5060;branch=z9hG4bK1", CALLER, "198.51.100.1:5060;branch=z9hG4bK1"),
        ("198.51.100.1;branch=z9hG4bK1", CALLER, "198.51.100.1;branch=z9hG4bK1"),
        (
            "phone.example.org;branch=z9hG4bK1",
            CALLER,
            "phone.example.org;branch=z9hG4bK1;received=198.51.100.1",
        ),
        (
            "10.0.0.9:5060;branch=z9hG4bK1",
            BEHIND_NAT,
            "10.0.0.9:5060;branch=z9hG4bK1;received=198.51.100.77",
        ),
        (
            "10.0.0.9:5060;branch=z9hG4bK1;received=203.0.113.66",
            BEHIND_NAT,
            "10.0.0.9:5060;branch=z9hG4bK1;received=198.51.100.77",
        ),
        # "even if it is identical to the value of the sent-by component" (RFC 3581 4)
        (
            "198.51.100.1:5060;rport;branch=z9hG4bK1",
            CALLER,
            "198.51.100.1:5060;rport=5060;branch=z9hG4bK1;received=198.51.100.1",
        ),
        (
            "10.0.0.9:5060;branch=z9hG4bK1;rport",
            BEHIND_NAT,
            "10.0.0.9:5060;branch=z9hG4bK1;rport=41234;received=198.51.100.77",
        ),
        (
            "198.51.100.1:5060;branch=z9hG4bK1;received=203.0.113.66",
            CALLER,
            "198.51.100.1:5060;branch=z9hG4bK1",
        ),
        (
            "[2001:DB8:0:0::9];branch=z9hG4bK1",
            sansip.Address("2001:db8::9", 5060),
            "[2001:DB8:0:0::9];branch=z9hG4bK1",
        ),
        (
            "198.51.100.1:5060;branch=z9hG4bK1",
            sansip.Address("::ffff:198.51.100.1", 5060),
            "198.51.100.1:5060;branch=z9hG4bK1",
        ),
    ],
)
def test_the_via_of_a_request_tells_where_it_really_came_from(
    via: str, source: sansip.Address, seen: str
) -> None:
    got = stamped(on_stage(), via, source)
    assert sorted(got.split(";")) == sorted(seen.split(";"))


@pytest.mark.rule(
    "3261-18.2.2-03", "3261-18.2.2-04", "3261-18.2.2-05", "3581-4-02", "3581-4-03", "AMB-12"
)
@pytest.mark.parametrize(
    ("via", "to"),
    [
        ("10.0.0.9:5062", sansip.Address("198.51.100.77", 5062)),
        ("10.0.0.9", sansip.Address("198.51.100.77", 5060)),
        ("10.0.0.9:5062;rport", BEHIND_NAT),
        ("10.0.0.9:5062;rport=41234", BEHIND_NAT),
        ("10.0.0.9:5062;rport=41235", sansip.Address("198.51.100.77", 5062)),
        ("10.0.0.9:5062;received=203.0.113.66", sansip.Address("198.51.100.77", 5062)),
    ],
)
def test_where_the_response_goes(via: str, to: sansip.Address) -> None:
    stage = on_stage()
    stage.receive(options(via + ";branch=z9hG4bK1"), BEHIND_NAT)
    stage.respond(200, GW_1, method="OPTIONS")
    assert stage.sends[-1].remote == to
    assert stage.sends[-1].endpoint == "udp:192.0.2.10:5060"


@pytest.mark.rule("3261-18.2.2-07")
@pytest.mark.parametrize(
    "maddr",
    [
        *("239.1.1.1", "224.0.1.75", "[ff02::1]", "[::ffff:239.1.1.1]"),
    ],
)
def test_no_response_goes_where_none_should(maddr: str) -> None:
    stage = on_stage()
    stage.receive(options(f"10.0.0.9;branch=z9hG4bK1;maddr={maddr}"), BEHIND_NAT)
    assert not stage.sends
    assert stage.is_empty()
    assert [report.text for report in stage.reports] == [
        "Via leads to an address that no response goes to"
    ]


@pytest.mark.rule("3261-18.2.2-07")
@pytest.mark.parametrize("maddr", ["239.1.1.1", "[ff02::1]"])
def test_nor_does_a_refusal(maddr: str) -> None:
    stage = on_stage()
    bad = options(f"10.0.0.9;branch=z9hG4bK1;maddr={maddr}").remove("Call-ID")
    stage.receive(bad, BEHIND_NAT)
    assert not stage.sends
    assert stage.topics() == ["malformed"]


ELSEWHERE = ["203.0.113.8", "127.0.0.1", "0.0.0.0", "255.255.255.255", "[2001:db8::8]", "[::1]"]
NO_ADDRESS = ["phone.example.org", "localhost", "10.example.com", "0177.0.0.1", "10.1", "256.1.1.1"]


@pytest.mark.rule("3261-18.2.2-03", "3261-18.2.2-04", "3261-18.2.2-05", "SIO-09")
@pytest.mark.parametrize("maddr", NO_ADDRESS + ELSEWHERE)
@pytest.mark.parametrize(
    ("via", "to"),
    [
        ("10.0.0.9", sansip.Address("198.51.100.77", 5060)),
        ("10.0.0.9:5062", sansip.Address("198.51.100.77", 5062)),
        ("10.0.0.9:5062;rport", BEHIND_NAT),
    ],
)
def test_a_maddr_is_ignored_so_that_nobody_aims_our_answers(
    via: str, to: sansip.Address, maddr: str
) -> None:
    """The response goes to the source, as if there were no maddr: and nobody looks names up."""
    stage = on_stage()
    stage.receive(options(f"{via};branch=z9hG4bK1;maddr={maddr}"), BEHIND_NAT)
    stage.respond(200, GW_1, method="OPTIONS")
    assert stage.sends[-1].remote == to
    bad = options(f"{via};branch=z9hG4bK2;maddr={maddr}").remove("Call-ID")
    stage.receive(bad, BEHIND_NAT)
    assert stage.sends[-1].remote == to
    assert maddr not in {name for name, _ in stage.questions}


@pytest.mark.rule("3261-16.6.8-01", "3261-18.1.1-04", "3581-3-01", "3261-8.1.1.7-01")
def test_our_own_via_is_on_top_of_what_goes_out() -> None:
    stage = on_stage()
    stage.receive(make_request(headers=[("Via", "SIP/2.0/TCP elsewhere;branch=z9hG4bKup")]))
    (sent,) = stage.at(GW_1, "INVITE")
    ours, *others = sent.rows("via")
    assert ours == f"SIP/2.0/UDP 192.0.2.10:5060;branch={sent.via.branch};rport"
    assert others == [
        "SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKcaller",
        "SIP/2.0/TCP elsewhere;branch=z9hG4bKup",
    ]
    assert sent.max_forwards == 69


# --- responses


@pytest.mark.rule("3261-16.7.3-01", "3261-16.7.9-01", "3261-16.7.6-05", "3261-7.2-02")
def test_a_response_goes_on_as_it_came_but_for_our_via() -> None:
    stage = on_stage()
    stage.receive(options("10.0.0.9;rport;branch=z9hG4bK1"), BEHIND_NAT)
    request = stage.at(GW_1, "OPTIONS")[-1]
    came = reply(request, 299, "Grüezi 100%", to_tag="gw", headers=(("X-Odd", ";;"),), body=b"\0")
    stage.receive(came, GW_1)
    assert stage.sends[-1].data == came.without_top_via().render()
    assert stage.responses(BEHIND_NAT, "OPTIONS")[-1].rows("via") == (
        "SIP/2.0/UDP 10.0.0.9;received=198.51.100.77;rport=41234;branch=z9hG4bK1",
    )


@pytest.mark.rule("3261-18.1.2-01")
def test_a_response_that_is_not_for_us_is_dropped() -> None:
    stage = on_stage()
    stage.receive(make_request())
    request = stage.at(GW_1, "INVITE")[-1]
    stage.receive(reply(request.with_top_via(str(request.via).replace("5060", "5070", 1)), 200))
    assert stage.statuses() == [100]
    assert stage.reports[-1].text == "a 200 for 192.0.2.10:5070, not us"


@pytest.mark.rule("3261-16.7-00", "6026-7.3-01", "6026-8.9-01", "3261-17.1.3-01")
@pytest.mark.parametrize("status", [180, 200, 404])
def test_a_response_that_matches_nothing_is_dropped(status: int) -> None:
    stage = on_stage()
    stage.receive(make_request())
    request = stage.at(GW_1, "INVITE")[-1]
    for stray in (
        request.with_top_via("SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKstray"),
        request.with_top_via("SIP/2.0/UDP 192.0.2.10"),
        request.set("CSeq", "1 BYE"),
    ):
        stage.receive(reply(stray, status), GW_1)
        assert stage.reports[-1].text == f"a {status} that matches no transaction"
    assert stage.statuses() == [100]


@pytest.mark.rule("3261-17.1.3-01")
def test_a_response_matches_by_branch_and_method_alone() -> None:
    stage = on_stage()
    stage.receive(make_request())
    request = stage.at(GW_1, "INVITE")[-1]
    odd = (
        request.set("Call-ID", "other")
        .set("From", "<sip:x@y>")
        .with_top_via(
            f"SIP/2.0/UDP 192.0.2.10;branch={request.via.branch};received=192.0.2.10;rport=1"
        )
    )
    stage.receive(reply(odd, 486, to_tag="x"), sansip.Address("203.0.113.99", 7))
    assert stage.statuses() == [100, 486]


@pytest.mark.rule("3261-17.1.3-01", "3261-7.3.1-07")
@pytest.mark.parametrize("status", [180, 200, 486])
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_branch_may_come_back_in_capitals(method: str, status: int) -> None:
    """Field notes 4, row 25: there are phones that write all of the Via in capitals."""
    stage = on_stage()
    stage.receive(make_request(method))
    request = stage.at(GW_1, method)[-1]
    branch = request.via.branch or ""
    assert branch != branch.upper()
    answer = reply(
        request.with_top_via(str(request.via).replace(branch, branch.upper())), status, to_tag="x"
    )
    stage.receive(answer, GW_1)
    if method == "INVITE" or status >= 200:
        assert stage.statuses(method=method)[-1] == status
    if (method, status) == ("INVITE", 486):
        (ack,) = stage.at(GW_1, "ACK")
        assert ack.via.branch == branch  # as it went out
    if (method, status) == ("INVITE", 180):
        stage.receive(make_request("CANCEL"))
        (cancel,) = stage.at(GW_1, "CANCEL")
        assert cancel.via.branch == branch


@pytest.mark.rule("3261-16.7.3-01", "SIO-05")
@pytest.mark.parametrize("status", [200, 486])
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_response_with_no_via_for_the_caller_is_no_answer(method: str, status: int) -> None:
    """The response was "meant for this element": it may end a branch, but not the call."""
    stage = on_stage()
    stage.receive(make_request(method))
    answer = reply(stage.at(GW_1, method)[-1], status, to_tag="gw")
    ours, _ = answer.values("via")
    stage.receive(answer.set("Via", ours), GW_1)
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-16.7.3-01")
def test_a_provisional_response_with_no_via_for_the_caller_is_dropped() -> None:
    stage = on_stage()
    stage.receive(make_request())
    answer = reply(stage.at(GW_1, "INVITE")[-1], 180, to_tag="gw")
    stage.receive(answer.set("Via", answer.values("via")[0]), GW_1)
    assert stage.statuses() == [100]
    assert stage.reports[-1].text == "a 180 without a Via for the caller"


# --- who sent it does not hear it


@pytest.mark.rule("3261-16.9-02", "6026-7.1-07", "6026-8.8-01", "AMB-27")
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_response_that_cannot_be_sent_changes_nothing(method: str) -> None:
    stage = on_stage()
    stage.receive(make_request(method))
    stage.respond(404, GW_1, method=method)
    stage.refuse(stage.sends[-1])
    assert stage.reports[-1].text == "response not sent: network is unreachable"
    stage.receive(make_request(method))
    assert stage.statuses(method=method)[-2:] == [404, 404]


@pytest.mark.rule("3581-4-02")
def test_a_response_leaves_from_the_socket_that_its_request_came_to() -> None:
    # "from the same IP address and port that the corresponding request was received on" (RFC 3581
    # 4): a NAT lets in nothing else.
    other = sansip.Endpoint("udp", "192.0.2.10:5070")
    stage = on_stage(endpoints=[sansip.Endpoint("udp", str(PROXY)), other])
    asked = options("10.0.0.9;rport;branch=z9hG4bK1").render()
    stage.step(sansip.DatagramReceived(stage.now, other.name, BEHIND_NAT, other.bind, asked))
    request = stage.at(GW_1, "OPTIONS")[0]
    answered = reply(request, 200, to_tag="gw").render()
    stage.step(sansip.DatagramReceived(stage.now, other.name, GW_1, other.bind, answered))
    assert (stage.sends[-1].endpoint, stage.sends[-1].remote) == (other.name, BEHIND_NAT)


@pytest.mark.rule("3261-16.9-02", "6026-7.1-07")
def test_a_provisional_response_that_cannot_be_sent_ends_no_call() -> None:
    # "the proxy MUST drop the response. The proxy SHOULD NOT cancel any outstanding client
    # transactions associated with this response context due to this notification" (16.9).
    stage = on_stage()
    stage.receive(make_request())
    stage.respond(180, GW_1)
    stage.refuse(stage.sends[-1])
    assert not stage.at(GW_1, "CANCEL")
    stage.respond(200, GW_1)
    assert stage.statuses() == [100, 180, 200]


@pytest.mark.rule("6026-8.8-01")
def test_icmp_about_a_response_changes_nothing() -> None:
    stage = on_stage()
    stage.receive(make_request())
    stage.respond(486, GW_1)
    before = stage.state
    stage.icmp(CALLER, stage.sends[-1].data[:100])
    stage.icmp(CALLER, b"SIP/2.0 4")
    assert stage.state == before
