"""A sips Request-URI is located as sips, whatever says where it goes (RFC 3261 16.6 step 7)."""

import pytest

import sansip
from line import BOTH, line
from stage import CALLER, GW_1, GW_2, Decide, ToGroup, ToName, Whatever, make_request, on_stage

SIPS = "sips:bob@gw.example.com"
FOLLOW = ToName(follow_route=True)


@pytest.mark.rule("3261-16.6.7-01", "AMB-24")
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
@pytest.mark.parametrize("uri", [SIPS, "SIPS:bob@gw.example.com"])
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Route", f"<sip:{GW_2};lr>")],
        [("Route", "<sip:gw-1.example.com:5060;lr>")],
        [("Route", f"<SIP:{GW_2};lr>"), ("Route", f"<sips:{GW_1};lr>")],
        [("Route", f"<sips:{GW_2};lr>")],
        [("Route", f"<sip:{GW_2};transport=udp;lr>")],
    ],
)
def test_what_is_secure_never_goes_out_in_clear(
    headers: list[tuple[str, str]], uri: str, method: str
) -> None:
    stage = on_stage(FOLLOW)
    stage.receive(make_request(method, uri, headers=headers))
    assert {send.remote for send in stage.sends} <= {CALLER}
    assert stage.statuses(method=method)[-1] == 480
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-16.6.7-01")
def test_an_ack_that_is_secure_does_not_either() -> None:
    stage = on_stage(FOLLOW)
    stage.receive(make_request("ACK", SIPS, to_tag="gw", headers=[("Route", f"<sip:{GW_2};lr>")]))
    assert not stage.sends
    assert stage.reports[-1].text.startswith("ACK leads nowhere")


@pytest.mark.rule("3261-16.6.7-01")
@pytest.mark.parametrize("rewrite", ["host", "none"])
@pytest.mark.parametrize("member", ["sip:gw-1.example.com:5060", f"sip:{GW_1}"])
def test_a_sip_member_of_a_group_is_located_as_sips(member: str, rewrite: Whatever) -> None:
    policy = Decide(sansip.Relay(sansip.Dispatch("gateways", rewrite=rewrite)))
    stage = on_stage(policy, groups={"gateways": [member]})
    stage.receive(make_request(uri=SIPS))
    assert {send.remote for send in stage.sends} == {CALLER}
    assert stage.statuses() == [100, 480]


@pytest.mark.rule("3261-16.6.7-01")
@pytest.mark.parametrize("policy", [FOLLOW, ToGroup(follow_route=True)])
def test_what_is_not_secure_goes_out_as_before(policy: sansip.Policy) -> None:
    stage = on_stage(policy)
    stage.receive(make_request(headers=[("Route", f"<sip:{GW_2};lr>")]))
    assert len(stage.at(GW_2, "INVITE")) == 1


@pytest.mark.rule("3261-16.6.7-01", "3261-16.6.6-02")
def test_what_is_secure_goes_to_a_strict_router_by_tls_alone() -> None:
    """The Request-URI that goes out is the router's own (16.6 step 6); what is behind it counts."""
    stage = on_stage(FOLLOW)
    stage.receive(make_request(uri=SIPS, headers=[("Route", f"<sip:{GW_2}>")]))
    assert {send.remote for send in stage.sends} == {CALLER}
    assert stage.statuses() == [100, 480]
    secure = line(FOLLOW, endpoints=[*BOTH, sansip.Endpoint("tls", "192.0.2.10:5061")])
    secure.receive(make_request(uri=SIPS, headers=[("Route", f"<sip:{GW_2}>")]))
    (order,) = secure.orders()
    assert (order.transport, order.remote, order.name) == ("tls", GW_2, GW_2.host)
    assert secure.sent_over(secure.connect()) == ["INVITE"]
    sent = sansip.parse(secure.sends[-1].data)
    assert isinstance(sent, sansip.Request)
    assert (sent.uri_text, sent.values("route")) == (f"sip:{GW_2}", (f"<{SIPS}>",))


@pytest.mark.rule("AMB-24", "3261-16.6.7-01")
def test_nor_does_the_program_send_what_is_secure_to_what_is_not() -> None:
    stage = on_stage()
    order = sansip.RequestSubmitted(
        stage.now, "mine", make_request("MESSAGE", SIPS), sansip.Relay(f"sip:bob@{GW_1}")
    )
    with pytest.raises(sansip.LocalProtocolError, match="no sips"):
        stage.step(order)


@pytest.mark.rule("AMB-24", "3261-16.7.4-01")
@pytest.mark.parametrize("to", [f"sip:bob@{GW_1}", [SIPS, sansip.Target(f"sip:bob@{GW_1}", 0.5)]])
@pytest.mark.parametrize("ask", [False, True])
def test_a_policy_sends_nothing_that_is_secure_where_it_would_not_be(
    to: Whatever,
    ask: bool,  # noqa: FBT001
) -> None:
    def decide(*_: object) -> sansip.Decision:
        return sansip.Relay(to)

    stage = on_stage(Decide(sansip.Ask("", "decide") if ask else decide, decide=decide))
    stage.receive(make_request(uri=SIPS))
    for consult in stage.consults:
        stage.step(sansip.Consulted(stage.now, consult.question, None))
    assert stage.statuses()[-1] == 500
    assert {send.remote for send in stage.sends} == {CALLER}
    assert stage.reports[0].text == f"{SIPS} cannot go to sip:bob@{GW_1}: no sips"
    stage.advance(3600.0)
    assert stage.is_empty()
