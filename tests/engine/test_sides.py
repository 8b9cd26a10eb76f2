"""A dialog that crosses from one transport to another: Record-Route (16.6 step 4, RFC 5658)."""

import pytest

import sansip
from line import Line, line
from sansip.message import parse_name_addr, reply
from stage import CALLER, GW_1, PROXY, ToName, make_request

SIDES = {
    "udp": "192.0.2.10:5060",
    "tcp": "192.0.2.10:5060",
    "tls": "192.0.2.10:5061",
}
ENDPOINTS = [sansip.Endpoint(transport, place) for transport, place in SIDES.items()]
GATEWAY = {"udp": f"sip:bob@{GW_1}", "tcp": f"sip:bob@{GW_1};transport=tcp"}
GATEWAY["tls"] = f"sip:bob@{GW_1};transport=tls"
GATEWAY["sips"] = f"sips:bob@{GW_1}"


def stage_for(policy: sansip.Policy | None = None) -> Line:
    return line(policy, endpoints=ENDPOINTS)


def come(
    stage: Line, transport: str, request: sansip.Request, source: sansip.Address = CALLER
) -> None:
    """A request comes to the endpoint of this transport."""
    via = f"SIP/2.0/{transport.upper()} {source};branch={request.via.branch}"
    request = request.with_top_via(via)
    if transport == "udp":
        stage.receive(request, source)
        return
    flow = 100 + len(stage.events)
    name = f"{transport}:{SIDES[transport]}"
    stage.step(sansip.FlowOpened(stage.now, flow, name, source, PROXY))
    stage.hear(request, flow)


def go(stage: Line, method: str = "INVITE", remote: sansip.Address = GW_1) -> sansip.Request:
    """What goes to the gateway, over a connection if one is wanted."""
    if stage.orders() and not stage.at(remote, method):
        stage.connect()
    return stage.at(remote, method)[-1]


def recorded(request: sansip.Request) -> list[str]:
    return [
        str(parse_name_addr(value).uri.without_params("did", "lr"))
        for value in request.values("record-route")
    ]


UDP, TCP, TLS = (
    f"sip:{SIDES['udp']};transport=udp",
    f"sip:{SIDES['tcp']};transport=tcp",
    f"sip:{SIDES['tls']};transport=tls",
)


@pytest.mark.rule(
    "3261-16.6.4-01", "3261-16.6.4-02", "5658-5-01", "5658-6-01", "3261-16.6.7-02", "AMB-24"
)
@pytest.mark.parametrize(
    ("came", "leaves", "values"),
    [
        ("udp", "udp", [f"sip:{SIDES['udp']}"]),
        ("tcp", "tcp", [TCP]),
        ("tls", "tls", [TLS]),
        ("udp", "tcp", [TCP, UDP]),
        ("tcp", "udp", [UDP, TCP]),
        ("udp", "tls", [TLS, UDP]),
        ("tls", "udp", [UDP, TLS]),
        ("tls", "tcp", [TCP, TLS]),
        # sips throughout: who is not there by TLS will be.
        ("tls", "sips", [f"sips:{SIDES['tls']}"]),
        ("udp", "sips", [f"sips:{SIDES['tls']}"]),
        ("tcp", "sips", [f"sips:{SIDES['tls']}"]),
    ],
)
def test_each_side_has_its_value(came: str, leaves: str, values: list[str]) -> None:
    stage = stage_for()
    come(stage, came, make_request(uri=GATEWAY[leaves]))
    assert recorded(go(stage)) == values
    assert all(";lr" in value for value in go(stage).values("record-route"))


@pytest.mark.rule("3261-16.6.4-02")
def test_two_secure_sides_have_two_secure_values() -> None:
    six = sansip.Endpoint("tls", "[2001:db8::10]:5061")
    stage = line(endpoints=[*ENDPOINTS, six])
    stage.step(sansip.FlowOpened(stage.now, 1, six.name, CALLER, PROXY))
    stage.hear(make_request(uri=GATEWAY["sips"]), 1)
    assert recorded(go(stage)) == ["sips:192.0.2.10:5061", "sips:[2001:db8::10]:5061"]


@pytest.mark.rule("3261-16.6.4-02")
def test_a_secure_route_is_as_good_as_a_secure_request_uri() -> None:
    stage = stage_for(ToName(follow_route=True))
    route = [("Route", f"<sips:{GW_1};lr>")]
    come(stage, "udp", make_request(uri="sip:bob@192.0.2.99", headers=route))
    assert recorded(go(stage)) == [f"sips:{SIDES['tls']}"]


@pytest.mark.rule("3261-16.6.4-02")
@pytest.mark.parametrize(
    ("came", "leaves", "method", "count"),
    [
        ("udp", "sips", "INVITE", 1),
        ("tls", "udp", "INVITE", 2),
        ("tls", "tls", "INVITE", 1),
        ("tls", "tls", "SUBSCRIBE", 1),
        ("tls", "sips", "INVITE", 0),
        ("tcp", "udp", "INVITE", 0),
        ("tcp", "tls", "INVITE", 0),
        ("tls", "udp", "OPTIONS", 0),  # begins no dialog
    ],
)
def test_where_tls_begins_or_ends_the_proxy_stays_on_the_path_whatever_its_policy(
    came: str, leaves: str, method: str, count: int
) -> None:
    stage = stage_for(ToName(record_route=False))
    come(stage, came, make_request(method, GATEWAY[leaves]))
    assert len(recorded(go(stage, method))) == count


@pytest.mark.rule("3261-16.6.4-02")
def test_what_is_submitted_here_came_over_nothing() -> None:
    stage = stage_for()
    request = make_request(uri=GATEWAY["sips"]).remove("Via")
    stage.step(sansip.RequestSubmitted(stage.now, "1", request))
    assert recorded(go(stage)) == []


# Within the dialog -------------------------------------------------------------------------------


def dialog(came: str, leaves: str) -> tuple[Line, tuple[str, ...]]:
    """A dialog, and its route set as the gateway sees it."""
    stage = stage_for()
    come(stage, came, make_request(uri=GATEWAY[leaves]))
    invite = go(stage)
    answer = reply(invite, 200, to_tag="gw")
    flows = [send.flow for send in stage.sends if send.remote == GW_1]
    if flows[-1] is None:
        stage.receive(answer, GW_1)
    else:
        stage.hear(answer, flows[-1])
    return stage, invite.values("record-route")


def bye(uri: str, routes: tuple[str, ...], *, back: bool) -> sansip.Request:
    """A BYE of the gateway, or of the caller."""
    request = make_request(
        "BYE",
        uri,
        branch="z9hG4bKbye",
        to_tag="alice" if back else "gw",
        headers=[("Route", route) for route in routes],
    )
    return request.set("From", "<sip:bob@gw.example.com>;tag=gw") if back else request


@pytest.mark.rule("5658-5-02", "5658-5-03", "5658-6-01")
@pytest.mark.parametrize(
    ("came", "leaves"),
    [
        ("udp", "udp"),
        ("tcp", "udp"),
        ("udp", "tcp"),
        ("tls", "udp"),
        ("udp", "tls"),
        ("tls", "tcp"),
        ("tls", "sips"),
    ],
)
def test_requests_within_it_leave_by_the_side_that_the_second_value_names(
    came: str, leaves: str
) -> None:
    stage, routes = dialog(came, leaves)
    # The gateway hangs up; the caller's Contact does not say how it is to be reached.
    elsewhere = sansip.Address("198.51.100.3", 5060)
    scheme = "sips" if leaves == "sips" else "sip"
    side = {"sips": "tls"}.get(leaves, leaves)
    come(stage, side, bye(f"{scheme}:alice@{elsewhere}", routes, back=True), GW_1)
    sent = go(stage, "BYE", elsewhere)
    assert sent.values("route") == ()
    last = stage.sends[-1]
    assert last.endpoint == f"{came}:{SIDES[came]}"
    assert sent.rows("via")[0].startswith(f"SIP/2.0/{came.upper()} {SIDES[came]};")
    # And the caller, in a dialog like it.
    stage, routes = dialog(came, leaves)
    come(stage, came, bye(f"{scheme}:bob@{elsewhere}", tuple(reversed(routes)), back=False))
    assert go(stage, "BYE", elsewhere).values("route") == ()
    assert stage.sends[-1].endpoint == f"{side}:{SIDES[side]}"


@pytest.mark.rule("5658-5-02")
@pytest.mark.parametrize("only", [0, 1])
def test_with_one_value_left_it_still_goes_through(only: int) -> None:
    stage, routes = dialog("tcp", "udp")
    elsewhere = f"{CALLER.host}:5099"
    request = bye(f"sip:alice@{elsewhere};transport=tcp", (routes[only],), back=True)
    come(stage, "udp", request, GW_1)
    assert go(stage, "BYE", sansip.Address(CALLER.host, 5099)).values("route") == ()


@pytest.mark.rule("SIO-05")
@pytest.mark.parametrize("came", ["udp", "tcp", "tls"])
def test_nothing_is_left(came: str) -> None:
    stage, _ = dialog(came, "tls")
    for flow in tuple(stage.state.flows):
        if flow > 0:
            stage.close(flow)
    stage.advance(3600.0)
    assert stage.is_empty()
    assert stage.agenda.next_due() is None
