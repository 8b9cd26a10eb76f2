"""Which proxies a request visits next: by policy, by its Route (RFC 3261 16.6 steps 6 and 7)."""

import pytest

import sansip
from stage import CALLER, GW_1, GW_2, Decide, Whatever, make_request, on_stage

FIRST = f"sip:{GW_2};lr"
OURS = "<sip:192.0.2.10:5060;lr>"
INVITE = make_request()


@pytest.mark.rule("3261-16.6.6-01", "3261-16.6.7-01")
@pytest.mark.parametrize("own", [(), ("<sip:198.51.100.50;lr>",), ("<sip:198.51.100.50>",)])
@pytest.mark.parametrize("method", ["INVITE", "ACK", "MESSAGE"])
def test_mandatory_proxies_go_ahead_of_the_route(method: str, own: tuple[str, ...]) -> None:
    relay = sansip.Relay(
        "sip:bob@elsewhere.example.org",
        route=(FIRST, "sip:p2.example.com;LR=on"),
        follow_route=True,
    )
    stage = on_stage(Decide(relay))
    stage.receive(make_request(method, headers=[("Route", text) for text in (OURS, *own)]))
    (sent,) = stage.at(GW_2, method)
    assert sent.uri_text == "sip:bob@elsewhere.example.org"
    assert sent.values("route") == (f"<{FIRST}>", "<sip:p2.example.com;LR=on>", *own)


@pytest.mark.rule("3261-16.6.6-01")
def test_a_group_behind_a_mandatory_proxy_is_tried_member_by_member() -> None:
    stage = on_stage(Decide(sansip.Relay(sansip.Dispatch("gateways"), route=(FIRST,))))
    stage.receive(INVITE)
    stage.respond(503, GW_2)
    first, second = stage.at(GW_2, "INVITE")
    assert [r.uri.host for r in (first, second)] == ["gw-1.example.com", "gw-2.example.com"]
    assert first.values("route") == second.values("route") == (f"<{FIRST}>",)


@pytest.mark.rule("3261-16.6.6-01")
def test_a_failure_route_chooses_anew_who_must_be_visited() -> None:
    def directly(failed: sansip.Failed) -> sansip.FailureDecision:
        return sansip.Relay(f"sip:bob@{GW_1}")

    relay = sansip.Relay("sip:bob@gw.example.com", route=(FIRST,), on_failure="directly")
    stage = on_stage(Decide(relay, directly=directly))
    stage.receive(INVITE)
    stage.respond(486, GW_2)
    (sent,) = stage.at(GW_1, "INVITE")
    assert "route" not in sent.names


NO_LOOSE_ROUTERS: list[Whatever] = [
    ("sip:p1.example.com",),
    (FIRST, "sip:p1.example.com;x=lr"),
    ("tel:+1;lr",),
    ("<sip:p1.example.com;lr>",),
    ("",),
    "sip:p1.example.com;lr",
    (5,),
    5,
]


@pytest.mark.rule("3261-16.6.6-01")
@pytest.mark.parametrize("route", NO_LOOSE_ROUTERS)
def test_what_is_no_loose_router_is_never_made_mandatory(route: Whatever) -> None:
    is_refused(sansip.Relay("sip:bob@gw.example.com", route=route))


@pytest.mark.rule("3261-16.6.7-04")
def test_nobody_can_set_the_next_hop_in_two_ways_at_once() -> None:
    is_refused(sansip.Relay(sansip.Dispatch("gateways", rewrite="none"), route=(FIRST,)))


def is_refused(relay: sansip.Relay) -> None:
    stage = on_stage(Decide(relay))
    stage.receive(INVITE)
    assert [send.remote for send in stage.sends] == [CALLER]
    assert stage.statuses() == [500]
    assert "policy" in stage.topics()
    own = make_request("OPTIONS").remove("Via")
    with pytest.raises(sansip.LocalProtocolError):
        stage.step(sansip.RequestSubmitted(stage.now, "own", own, relay))


@pytest.mark.rule("3261-16.6.6-01")
def test_a_request_of_the_programs_own_may_have_mandatory_proxies_too() -> None:
    stage = on_stage()
    own = make_request("OPTIONS").remove("Via")
    relay = sansip.Relay(own.uri_text, route=(FIRST,))
    stage.step(sansip.RequestSubmitted(stage.now, "own", own, relay))
    assert stage.at(GW_2, "OPTIONS")[0].values("route") == (f"<{FIRST}>",)


@pytest.mark.rule("3261-16.6.7-04", "3261-16.12-01")
@pytest.mark.parametrize(("lr", "to"), [(";lr", GW_1), ("", GW_2)])
def test_a_fixed_next_hop_overrides_the_route_only_as_a_loose_router(
    lr: str, to: sansip.Address
) -> None:
    dispatch = sansip.Dispatch("edges", rewrite="none")
    stage = on_stage(
        Decide(sansip.Relay(dispatch, follow_route=True)), groups={"edges": [f"sip:{GW_1}{lr}"]}
    )
    stage.receive(make_request(headers=[("Route", f"<{FIRST}>")]))
    (sent,) = stage.at(to, "INVITE")
    assert sent.uri_text == INVITE.uri_text
    assert sent.values("route") == (f"<{FIRST}>",)


@pytest.mark.rule("3261-16.6.6-02", "3261-16.6.6-03")
@pytest.mark.parametrize(("lr", "loose"), [("lr", 1), ("LR", 1), ("lr=on", 1), ("x=lr", 0)])
def test_lr_in_any_form_makes_a_loose_router(lr: str, *, loose: bool) -> None:
    stage = on_stage(Decide(sansip.Relay("sip:bob@gw.example.com", follow_route=True)))
    stage.receive(make_request(headers=[("Route", f"<sip:{GW_2};{lr}>")]))
    (sent,) = stage.at(GW_2, "INVITE")
    assert (sent.uri_text == "sip:bob@gw.example.com") == loose
