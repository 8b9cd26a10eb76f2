"""Route and Record-Route (RFC 3261 16.4, 16.6, 16.12; RFC 5658), and no open relay."""

import pytest

import sansip
from sansip.message import parse_name_addr
from stage import CALLER, GW_1, GW_2, Decide, Stage, ToName, Whatever, make_request, on_stage

TO_GATEWAY = sansip.Relay("sip:gw-1.example.com:5060")
EVIL = sansip.Address("203.0.113.66", 5060)
OURS = "<sip:192.0.2.10:5060;lr>"


class OnlyGateways(sansip.Policy):
    """Serves calls to the gateway, and nothing else: what every example does."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        if request.uri.host == "gw.example.com":
            return TO_GATEWAY
        return sansip.Reply(404)


def set_up(stage: Stage) -> tuple[str, ...]:
    """Set up a dialog through the proxy; its Route set, as the caller has it."""
    stage.receive(make_request())
    stage.respond(200, GW_1)
    answer = stage.responses()[-1]
    return tuple(reversed(answer.values("record-route")))


def within(method: str, routes: tuple[str, ...], **options: Whatever) -> sansip.Request:
    """A request that the caller sends within the dialog, to the gateway's Contact."""
    headers = [("Route", route) for route in routes]
    given: dict[str, Whatever] = {
        "uri": f"sip:bob@{GW_1}",
        "branch": f"z9hG4bK{method}",
        "to_tag": "gw",
    }
    return make_request(method, headers=headers, cseq=2, **(given | options))


# --- Record-Route


@pytest.mark.rule("3261-16.6.4-01", "3261-16.6.4-04")
def test_a_call_is_recorded_with_one_value_on_top() -> None:
    stage = on_stage()
    stage.receive(make_request(headers=[("Record-Route", "<sip:198.51.100.9;lr>")]))
    (sent,) = stage.at(GW_1, "INVITE")
    ours, theirs = sent.values("record-route")
    uri = parse_name_addr(ours).uri
    assert (uri.scheme, uri.host, uri.port, uri.lr) == ("sip", "192.0.2.10", 5060, True)
    assert theirs == "<sip:198.51.100.9;lr>"


@pytest.mark.rule("3261-16.6.4-04")
@pytest.mark.parametrize(
    ("method", "recorded"),
    [("INVITE", True), ("SUBSCRIBE", True), ("REFER", True), ("NOTIFY", True)]
    + [(name, False) for name in ("REGISTER", "OPTIONS", "MESSAGE", "PUBLISH", "BYE")],
)
def test_what_forms_no_dialog_is_not_recorded(method: str, recorded: bool) -> None:  # noqa: FBT001
    stage = on_stage()
    stage.receive(make_request(method))
    assert ("record-route" in stage.at(GW_1, method)[0].names) is recorded


def test_a_policy_may_leave_the_path() -> None:
    stage = on_stage(ToName(record_route=False))
    stage.receive(make_request())
    assert "record-route" not in stage.at(GW_1, "INVITE")[0].names


OUTSIDE = sansip.Endpoint("udp", "192.0.2.10:5060")
INSIDE = sansip.Endpoint("udp", "[2001:db8::10]:5060")
PHONE_6 = sansip.Address("2001:db8::77", 5060)


@pytest.mark.rule("5658-5-01", "5658-5-02", "5658-5-03", "3261-16.4-03", "3261-16.6.8-01")
def test_a_call_that_changes_sides_is_recorded_twice_and_finds_its_way_back() -> None:
    stage = on_stage(endpoints=[OUTSIDE, INSIDE])
    arriving = make_request(source=PHONE_6).render()
    stage.step(
        sansip.DatagramReceived(stage.now, INSIDE.name, PHONE_6, sansip.Address("::1", 1), arriving)
    )
    (sent,) = stage.at(GW_1, "INVITE")
    assert sent.via.sent_by == "192.0.2.10:5060"
    leaving, came = (parse_name_addr(route).uri for route in sent.values("record-route"))
    assert (leaving.host, came.host) == ("192.0.2.10", "2001:db8::10")
    assert stage.sends[-1].endpoint == OUTSIDE.name
    stage.respond(200, GW_1)
    assert stage.sends[-1].endpoint == INSIDE.name
    # The gateway hangs up: both values are taken off, and the second one says from where to send.
    bye = make_request(
        "BYE",
        f"sip:alice@{PHONE_6}",
        branch="z9hG4bKbye",
        to_tag="alice",
        source=GW_1,
        headers=[("Route", route) for route in sent.values("record-route")],
    )
    stage.receive(bye, GW_1)
    (hung_up,) = stage.at(PHONE_6, "BYE")
    assert "route" not in hung_up.names
    assert stage.sends[-1].endpoint == INSIDE.name
    assert hung_up.via.sent_by == "[2001:db8::10]:5060"


@pytest.mark.rule("5658-5-03", "5658-5-01")
def test_the_route_decides_the_side_between_two_of_one_kind_once_it_is_proven() -> None:
    second = sansip.Endpoint("udp", "192.0.2.20:5060")
    stage = on_stage(endpoints=[OUTSIDE, second])
    other_side = "<sip:192.0.2.20;lr>"
    stage.receive(make_request(headers=[("Route", OURS), ("Route", other_side)]))
    assert stage.sends[-1].endpoint == OUTSIDE.name  # anybody can write that
    stage.respond(200, GW_1)
    routes = stage.responses()[-1].values("record-route")
    stage.receive(within("INVITE", (*routes, other_side)))
    sent = stage.at(GW_1, "INVITE")[-1]
    assert stage.sends[-1].endpoint == second.name
    assert [parse_name_addr(route).uri.host for route in sent.values("record-route")] == [
        "192.0.2.20",
        "192.0.2.10",
    ]
    assert "route" not in sent.names


def test_an_alias_in_the_route_names_no_side() -> None:
    stage = on_stage(aliases=["proxy.example.com"])
    stage.receive(make_request(headers=[("Route", "<sip:proxy.example.com;lr>")]))
    assert stage.sends[-1].endpoint == OUTSIDE.name
    assert len(stage.at(GW_1, "INVITE")) == 1


# --- within a dialog


@pytest.mark.rule("3261-16.4-03", "3261-16.5-01", "3261-16.12-01", "3261-16.6.1-01")
@pytest.mark.parametrize("method", ["ACK", "BYE", "INVITE", "UPDATE", "FNORD"])
def test_a_request_within_a_dialog_of_ours_follows_its_route(method: str) -> None:
    policy = Decide(TO_GATEWAY)
    stage = on_stage(policy)
    routes = set_up(stage)
    stage.receive(within(method, routes))
    sent = stage.at(GW_1, method)[-1]
    assert sent.uri_text == "sip:bob@203.0.113.1:5060"
    assert "route" not in sent.names
    assert len(policy.seen) == 1


@pytest.mark.rule("3261-16.4-03", "3261-16.6.7-01")
def test_a_foreign_route_behind_ours_is_followed() -> None:
    stage = on_stage(OnlyGateways())
    routes = set_up(stage)
    behind = (*routes, f"<sip:{GW_2};lr>", OURS)
    stage.receive(within("BYE", behind))
    (sent,) = stage.at(GW_2, "BYE")
    # "stop at the first foreign value; do not touch own values further down"
    assert sent.values("route") == (f"<sip:{GW_2};lr>", OURS)


@pytest.mark.rule("3261-16.6.6-02", "3261-16.6.7-01")
@pytest.mark.parametrize("method", ["BYE", "ACK"])
def test_a_strict_router_next_gets_the_request_uri_that_it_wants(method: str) -> None:
    stage = on_stage(OnlyGateways())
    routes = set_up(stage)
    stage.receive(within(method, (*routes, f"<sip:{GW_2}>", "<sip:198.51.100.50;lr>")))
    (sent,) = stage.at(GW_2, method)
    assert sent.uri_text == f"sip:{GW_2}"
    assert sent.values("route") == ("<sip:198.51.100.50;lr>", f"<sip:bob@{GW_1}>")


@pytest.mark.rule("3261-16.4-01", "3261-16.4-05", "3261-16.12-02")
@pytest.mark.parametrize("method", ["BYE", "ACK"])
def test_what_a_strict_router_did_is_undone(method: str) -> None:
    stage = on_stage(OnlyGateways())
    (ours,) = set_up(stage)
    ours = str(parse_name_addr(ours).uri)
    routes = (f"<sip:{GW_2};lr>", f"<sip:bob@{GW_1}>")
    stage.receive(within(method, routes, uri=ours))
    (sent,) = stage.at(GW_2, method)
    assert sent.uri_text == f"sip:bob@{GW_1}"
    assert sent.values("route") == (f"<sip:{GW_2};lr>",)


@pytest.mark.rule("AMB-16", "3261-16.4-01")
def test_our_own_record_route_without_a_route_is_for_the_policy() -> None:
    policy = Decide(sansip.Reply(404))
    stage = on_stage(policy)
    stage.receive(make_request(uri="sip:192.0.2.10:5060;lr"))
    assert stage.statuses() == [404]


@pytest.mark.rule("3261-16.4-02")
def test_a_maddr_that_is_ours_is_taken_off() -> None:
    stage = on_stage()
    stage.receive(make_request(uri="sip:bob@gw.example.com;maddr=192.0.2.10;transport=udp"))
    (sent,) = stage.at(GW_1, "INVITE")
    assert sent.uri_text == "sip:bob@gw.example.com"


def test_a_policy_may_override_what_happens_within_a_dialog() -> None:
    class Strict(OnlyGateways):
        def in_dialog(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision | None:
            assert scene.in_dialog
            if request.method == "REFER":
                return sansip.Reply(403)
            return super().in_dialog(request, scene)

    stage = on_stage(Strict())
    routes = set_up(stage)
    stage.receive(within("REFER", routes))
    stage.receive(within("BYE", routes))
    assert stage.statuses(method="REFER") == [403]
    assert len(stage.at(GW_1, "BYE")) == 1


def test_a_secret_of_ones_own_lets_dialogs_survive_a_restart() -> None:
    def bye_after_restart(**options: Whatever) -> list[int]:
        routes = set_up(on_stage(OnlyGateways(), **options))
        stage = on_stage(OnlyGateways(), **options)
        stage.state, _ = stage.engine.start(b"another seed, after the restart.", stage.now)
        stage.receive(within("BYE", routes))
        stage.respond(200, GW_1, method="BYE") if stage.at(GW_1, "BYE") else None
        return stage.statuses(method="BYE")

    assert bye_after_restart() == [404]
    assert bye_after_restart(secret=b"sixteen bytes ok") == [200]


# --- no open relay


def forged(routes: tuple[str, ...]) -> tuple[sansip.Request, ...]:
    elsewhere = f"sip:victim@{EVIL}"
    return (
        make_request("INVITE", elsewhere, headers=[("Route", route) for route in routes]),
        within("INVITE", routes, uri=elsewhere),
        within("MESSAGE", routes, uri=elsewhere),
        within("ACK", routes, uri=elsewhere),
        within("MESSAGE", (*routes, f"<sip:{EVIL};lr>"), uri="sip:a@b.example"),
        within("MESSAGE", (f"<{elsewhere}>",), uri="sip:192.0.2.10:5060;lr"),
    )


@pytest.mark.rule("3261-16.4-03", "3261-16.5-03")
@pytest.mark.parametrize("proof", ["", ";did=", ";did", ";did=0123456789abcdef", ";lr;did=x;did=y"])
def test_a_forged_route_or_to_tag_makes_no_dialog(proof: str) -> None:
    """Who could write any Route would have an open relay; only a dialog of ours may follow it."""
    routes = (f"<sip:192.0.2.10:5060;lr{proof}>",)
    for request in forged(routes):
        stage = on_stage(OnlyGateways())
        stage.receive(request)
        stage.advance(60.0)
        assert {send.remote for send in stage.sends} <= {CALLER}
        if request.method != "ACK":
            answers = stage.statuses(method=request.method)
            assert next(status for status in answers if status >= 200) >= 400


def test_a_proof_is_for_one_dialog_and_for_requests_with_a_to_tag() -> None:
    stage = on_stage(OnlyGateways())
    routes = set_up(stage)
    elsewhere = f"sip:victim@{EVIL}"
    stage.receive(within("MESSAGE", routes, uri=elsewhere, call_id="another"))
    stage.receive(within("OPTIONS", routes, uri=elsewhere, to_tag=""))
    # Nor is it a proof when it is not taken off the top of the Route.
    stage.receive(within("INFO", (f"<sip:{EVIL};lr>", *routes), uri=elsewhere))
    assert stage.statuses(method="MESSAGE") == [404]
    assert stage.statuses(method="OPTIONS") == [404]
    assert stage.statuses(method="INFO") == [404]
    assert EVIL not in {send.remote for send in stage.sends}


def test_a_proof_is_for_the_two_who_have_the_dialog_and_never_for_a_registration() -> None:
    stage = on_stage(OnlyGateways())
    routes = set_up(stage)
    elsewhere = f"sip:victim@{EVIL}"
    stranger = within("INFO", routes, uri=elsewhere).set("From", "<sip:eve@example.org>;tag=eve")
    stage.receive(stranger)
    for method in ("REGISTER", "PUBLISH"):
        stage.receive(within(method, routes, uri=elsewhere))
        assert stage.statuses(method=method) == [404]
    assert stage.statuses(method="INFO") == [404]
    # The other side's requests have the tag of who began it in To.
    other = within("BYE", routes, to_tag="alice").set("From", "<sip:bob@example.com>;tag=gw")
    stage.receive(other)
    assert len(stage.at(GW_1, "BYE")) == 1


@pytest.mark.rule("3261-16.12-01", "3261-16.6.7-01")
def test_a_preloaded_route_is_followed_if_the_policy_says_so() -> None:
    stage = on_stage(ToName(follow_route=True))
    stage.receive(make_request(headers=[("Route", f"{OURS}, <sip:{GW_2};lr>")]))
    (sent,) = stage.at(GW_2, "INVITE")
    assert (sent.uri_text, sent.values("route")) == (
        "sip:bob@gw.example.com",
        (f"<sip:{GW_2};lr>",),
    )


@pytest.mark.rule("3261-16.12-01", "3261-16.5-03")
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "REGISTER"])
@pytest.mark.parametrize("to_tag", ["", "forged"])
@pytest.mark.parametrize(
    "routes",
    [
        (f"<sip:{EVIL};lr>",),
        (OURS, f"<sip:{EVIL};lr>"),
        (f"{OURS}, <sip:{EVIL};lr>, {OURS}",),
        (f"<sip:{EVIL}>",),
        ("<sip:evil.example.net;lr>",),
    ],
)
def test_whoever_brings_a_route_along_gets_403(
    routes: tuple[str, ...], to_tag: str, method: str
) -> None:
    """By default a policy that relays is no open relay."""
    stage = on_stage()
    headers = [("Route", route) for route in routes]
    stage.receive(make_request(method, to_tag=to_tag, headers=headers))
    assert [s for s in stage.statuses(method=method) if s >= 200] == [403]
    assert {send.remote for send in stage.sends} == {CALLER}
    assert not stage.questions
    assert "policy" in stage.topics()
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-16.12-01", "3261-8.2-02")
@pytest.mark.parametrize("follow", [False, True])
def test_nothing_but_follow_route_sends_an_ack_along_a_foreign_route(*, follow: bool) -> None:
    stage = on_stage(ToName(follow_route=follow))
    stage.receive(make_request("ACK", to_tag="gw", headers=[("Route", f"<sip:{GW_2};lr>")]))
    assert [send.remote for send in stage.sends] == [GW_2] * follow
    assert ("dropped" in stage.topics()) is not follow
    assert stage.is_empty()


@pytest.mark.rule("3261-16.4-03", "3261-16.6.1-01")
@pytest.mark.parametrize("routes", [(OURS,), (f"{OURS},{OURS}",), (OURS, OURS)])
def test_a_route_of_ours_alone_needs_no_permission(routes: tuple[str, ...]) -> None:
    stage = on_stage()
    stage.receive(make_request(headers=[("Route", route) for route in routes]))
    assert len(stage.at(GW_1, "INVITE")) == 1


@pytest.mark.rule("3261-16.4-03", "3261-16.12-01")
def test_within_a_dialog_of_ours_a_foreign_route_needs_no_permission() -> None:
    """The others on the path put themselves there, and the dialog is proven."""
    stage = on_stage(OnlyGateways())
    routes = set_up(stage)
    stage.receive(within("BYE", (*routes, f"<sip:{GW_2};lr>")))
    assert len(stage.at(GW_2, "BYE")) == 1


def test_a_policy_sees_the_route_that_a_stranger_wants() -> None:
    policy = Decide(sansip.Reply(403))
    stage = on_stage(policy)
    stage.receive(make_request(headers=[("Route", OURS), ("Route", f"<sip:{EVIL};lr>")]))
    ((request, scene),) = policy.seen
    assert request.values("route") == (f"<sip:{EVIL};lr>",)
    assert (scene.in_dialog, scene.source, scene.groups) == (False, CALLER, ("gateways",))
    assert scene.is_mine(parse_name_addr(OURS).uri)
    assert not scene.is_mine(request.uri)


@pytest.mark.rule("3261-7.3.3-02")
def test_large_requests_get_compact_names_by_choice() -> None:
    large = make_request(body=b"x" * 1200)
    for most, names in ((None, b"Call-ID: "), (5000, b"Call-ID: "), (1300, b"i: ")):
        stage = on_stage(Decide(TO_GATEWAY), compact_above=most)
        stage.receive(large)
        (sent,) = (send.data for send in stage.sends if send.remote == GW_1)
        assert b"\r\n" + names in sent
        assert stage.at(GW_1, "INVITE")[0].call_id == large.call_id


@pytest.mark.rule("3261-7.3.3-02")
def test_large_responses_get_compact_names_by_the_same_choice() -> None:
    stage = on_stage(Decide(TO_GATEWAY), compact_above=100)
    stage.receive(make_request())
    stage.respond(200, GW_1)
    assert b"\r\ni: " in stage.sends[-1].data


@pytest.mark.rule("3261-16.3-02", "3261-16.4-01")
@pytest.mark.parametrize("uri", ["tel:+15551234", "http://example.com/"])
def test_what_a_strict_router_put_into_route_has_to_be_routable_too(uri: str) -> None:
    stage = on_stage()
    stage.receive(make_request(uri="sip:192.0.2.10:5060;lr", headers=[("Route", f"<{uri}>")]))
    assert stage.statuses() == [416]


@pytest.mark.rule("3261-25-11", "3261-16.4-03")
def test_a_name_with_the_dot_of_the_root_is_ours_as_well() -> None:
    endpoint = sansip.Endpoint("udp", "192.0.2.10:5060", advertise="proxy.example.com:5060")
    stage = on_stage(ToName(follow_route=True), endpoints=[endpoint])
    stage.receive(make_request(headers=[("Route", "<sip:proxy.example.com.:5060;lr>")]))
    assert "route" not in stage.at(GW_1, "INVITE")[0].names


def test_reports_show_what_cannot_be_printed_as_escapes() -> None:
    stage = on_stage()
    stage.receive(make_request(headers=[("Proxy-Require", "\x9b31m\u2028\u202e\udcff")]))
    (report,) = stage.reports
    assert report.text == r"answered 420: Proxy-Require: \x9b31m\u2028\u202e\udcff"
