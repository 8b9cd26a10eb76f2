"""What a proxy does to a request and to its responses, hop by hop (RFC 3261 16.3 to 16.7)."""

import pytest

import sansip
from sansip.message import reply
from stage import CALLER, GW_1, GW_2, Decide, Stage, Whatever, config, make_request, on_stage

RELAY = sansip.Relay("sip:gw.example.com")
INVITE = make_request()


# --- 16.3: the order of the checks


@pytest.mark.rule(
    "3261-16.3-01", "3261-16.3-04", "3261-16.3-05", "3261-16.3-07", "5393-4.2.2-01"
)  # fmt: skip
def test_of_several_faults_the_first_is_answered() -> None:
    """Syntax, scheme, Max-Forwards, loop, Proxy-Require: each is repaired in its turn."""
    stage = on_stage(Decide(RELAY), extensions=["wonders"])
    good = make_request(headers=[("Proxy-Require", "wonders")])
    stage.receive(good)
    (sent,) = stage.at(GW_1, "INVITE")
    # The same state goes on with an engine that knows no wonders.
    stage.engine = sansip.Engine(config(), stage.engine.policy)
    other_way = good.with_top_via("SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKback")
    looped = other_way.append("Via", sent.rows("via")[0])
    spent = looped.set("Max-Forwards", "0")
    elsewhere = spent.with_uri("tel:+1")
    unreadable = elsewhere.set("CSeq", "1 BYE")
    for request, status in (
        (unreadable, 400),
        (elsewhere, 416),
        (spent, 483),
        (looped, 482),
        (other_way, 420),
    ):
        stage.receive(request)
        _, answer = stage.sent[-1]
        assert isinstance(answer, sansip.Response)
        assert answer.status == status
        assert answer.to_tag


@pytest.mark.rule("3261-16.3-05")
def test_options_with_no_hops_left_is_answered_like_anything_else() -> None:
    """16.3 would let us answer it as if it were for us; 483 says where it ended."""
    stage = on_stage()
    stage.receive(make_request("OPTIONS").set("Max-Forwards", "0"))
    assert stage.statuses(method="OPTIONS") == [483]
    assert not stage.at(GW_1, "OPTIONS")


@pytest.mark.rule("3261-16.3-08", "3261-16.2-03", "3261-16.6.1-01")
@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "SUBSCRIBE", "FNORD", "invite"])
def test_every_method_passes_and_so_does_its_answer(method: str) -> None:
    stage = on_stage()
    stage.receive(
        make_request(
            method,
            "sip:bob@gw.example.com;odd=1",
            headers=[("Odd", "<<"), ("Require", "wonders"), ("Supported", "path")],
        )
    )
    (sent,) = stage.at(GW_1, method)
    assert sent.uri_text == "sip:bob@gw.example.com;odd=1"
    assert (sent.get("odd"), sent.get("require")) == ("<<", "wonders")
    stage.respond(200, GW_1, method=method)
    assert stage.statuses(method=method) == [200]


@pytest.mark.rule("3261-16.3-03")
def test_a_merged_request_goes_on_and_each_copy_has_its_own_answer() -> None:
    """Only a phone may refuse a request that reached it on two ways (8.2.2.2)."""
    stage = on_stage()
    for number in (1, 2):
        stage.receive(make_request(branch=f"z9hG4bKway{number}"))
    one, other = stage.at(GW_1, "INVITE")
    assert one.via.branch != other.via.branch
    stage.respond(486, GW_1, nth=0)
    stage.respond(603, GW_1, nth=1)
    assert [r.status for r in stage.responses() if r.status >= 200] == [486, 603]


# --- 16.4: who am I


@pytest.mark.rule("3261-16.4-04", "3261-16.4-03")
@pytest.mark.parametrize(
    ("route", "ours"),
    [
        ("<sip:192.0.2.10;lr>", True),
        ("<sip:192.0.2.10:5060;lr>", True),
        ("<sip:192.0.2.10:5070;lr>", False),
        ("<sip:Proxy.Example.COM;lr>", True),
        ("<sip:proxy.example.com:5060;transport=udp;lr;x=1>", True),
        ("<sip:proxy.example.com:5090;lr>", False),
        ("<sip:alias.example.com:5090;lr>", True),
        ("<sip:alias.example.com;lr>", False),
        ("<sip:someone@proxy.example.com;lr>", True),
        ("<sip:sub.proxy.example.com;lr>", False),
    ],
)
def test_names_addresses_and_default_ports_say_what_is_ours(route: str, *, ours: bool) -> None:
    policy = Decide(sansip.Reply(404))
    stage = on_stage(policy, aliases=["proxy.example.com", "alias.example.com:5090"])
    stage.receive(make_request(headers=[("Route", route)]))
    assert ("route" not in policy.seen[0][0].names) is ours
    assert not stage.questions


@pytest.mark.rule("3261-16.4-02")
@pytest.mark.parametrize(("port", "stripped"), [(":5060", True), (":5070", False), ("", True)])
def test_a_maddr_of_ours_goes_if_it_names_the_port_that_the_request_came_to(
    port: str, *, stripped: bool
) -> None:
    policy = Decide(sansip.Reply(404))
    endpoints = [sansip.Endpoint("udp", f"192.0.2.10:{number}") for number in (5060, 5070)]
    stage = on_stage(policy, endpoints=endpoints)
    uri = f"sip:bob@gw.example.com{port};maddr=192.0.2.10"
    stage.receive(make_request(uri=uri))
    ((request, _),) = policy.seen
    assert (request.uri.maddr is None) is stripped


@pytest.mark.rule("3261-16.4-02")
def test_what_is_advertised_counts_as_the_port_that_it_came_to() -> None:
    policy = Decide(sansip.Reply(404))
    endpoint = sansip.Endpoint("udp", "192.0.2.10:5060", advertise="198.51.100.250:6000")
    stage = on_stage(policy, endpoints=[endpoint])
    stage.receive(make_request(uri="sip:bob@gw.example.com:6000;maddr=198.51.100.250"))
    assert policy.seen[0][0].uri_text == "sip:bob@gw.example.com"


def test_an_endpoint_that_nobody_configured_indicates_no_port() -> None:
    policy = Decide(sansip.Reply(404))
    stage = on_stage(policy)
    uri = "sip:bob@gw.example.com;maddr=192.0.2.10"
    data = make_request(uri=uri).render()
    stage.step(sansip.DatagramReceived(stage.now, "udp:gone", CALLER, CALLER, data))
    assert policy.seen[0][0].uri_text == uri


# --- 16.5: targets


@pytest.mark.rule("3261-16.5-01", "3261-16.6.2-01")
def test_what_others_are_responsible_for_goes_on_as_it_is() -> None:
    stage = on_stage()
    uri = f"sip:Bob%20B@elsewhere.example.org;maddr={GW_1.host};x=%41"
    stage.receive(make_request(uri=uri))
    assert stage.at(GW_1, "INVITE")[0].uri_text == uri


@pytest.mark.rule("3261-16.5-03")
@pytest.mark.parametrize("status", [301, 302, 305, 416])
def test_a_redirection_is_passed_on_and_followed_only_by_a_policy(status: int) -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.respond(status, GW_1, headers=(("Contact", f"<sip:bob@{GW_2}>"),))
    assert stage.statuses()[-1] == status
    stage.advance(60.0)
    assert not stage.at(GW_2, "INVITE")


@pytest.mark.rule("3261-16.6.2-01")
def test_of_a_target_what_no_request_uri_has_is_taken_out() -> None:
    stage = on_stage(Decide(sansip.Relay(f"sip:bob@{GW_1};method=INVITE;p=1?Subject=x")))
    stage.receive(INVITE)
    assert stage.at(GW_1, "INVITE")[0].uri_text == f"sip:bob@{GW_1};p=1"


# --- 16.6: the copy


@pytest.mark.rule("3261-16.6.1-01", "3261-16.6.3-01", "3261-16.6.4-01")
def test_of_the_copy_only_what_must_change_changes() -> None:
    body = bytes(range(256))
    request = make_request(
        headers=[
            ("accept", "a/b,c/d"),
            ("P-Odd", "  \t2,1 "),
            ("Record-Route", "<sip:b;lr>,<sip:a;lr>"),
            ("m", "<sip:x@y>"),
            ("Accept", "e/f"),
        ],
        body=body,
    )
    stage = on_stage()
    stage.receive(request)
    (sent,) = stage.at(GW_1, "INVITE")
    assert sent.body == body
    ours = [sent.raw(name)[0] for name in ("via", "record-route", "max-breadth")]
    left = [line for line in sent.lines if line not in ours]
    assert left == [line.replace("rds: 70", "rds: 69") for line in request.lines]


@pytest.mark.rule("3261-16.6.3-01")
def test_max_forwards_goes_down_once_for_all_branches() -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.respond(503, GW_1)
    counts = [stage.at(gateway, "INVITE")[0].max_forwards for gateway in (GW_1, GW_2)]
    assert counts == [69, 69]


@pytest.mark.rule("3261-16.6.10-01", "3261-16.6.8-01", "3261-16.6.7-02")
def test_each_branch_is_one_transaction_with_one_hop_until_it_ends() -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.advance(3.0)
    assert len(stage.state.client) == 2
    branches = {
        (send.remote, sansip.parse(send.data).via.branch)
        for send in stage.sends
        if send.data.startswith(b"INVITE")
    }
    assert len(branches) == 2
    assert len({branch for _, branch in branches}) == 2
    # 500 ms, 1 s, 2 s ...: every copy of a branch goes where the first one went.
    assert len(stage.at(GW_1, "INVITE")) > 1


@pytest.mark.rule("3261-16.6.4-04")
@pytest.mark.parametrize("method", ["INVITE", "SUBSCRIBE", "NOTIFY"])
def test_within_a_dialog_it_is_recorded_as_well(method: str) -> None:
    stage = on_stage()
    stage.receive(INVITE)
    stage.respond(200, GW_1)
    (route,) = stage.responses()[-1].values("record-route")
    stage.receive(
        make_request(
            method, f"sip:bob@{GW_1}", branch="z9hG4bKre", to_tag="gw", headers=[("Route", route)]
        )
    )
    assert stage.at(GW_1, method)[-1].values("record-route") == (route,)


# --- 16.7: responses


def answered(stage: Stage, **options: Whatever) -> tuple[sansip.Response, sansip.Response]:
    """What a gateway answers, and what the caller gets."""
    request = stage.at(GW_1, "INVITE")[-1]
    made = reply(request, 200, "Fine, \u00fc", to_tag="gw", **options)
    stage.receive(made, GW_1)
    return made, stage.responses()[-1]


@pytest.mark.rule("3261-16.7.3-01", "3261-16.7.9-01", "3261-16.7.8-01")
@pytest.mark.parametrize("via", [f"SIP/2.0/UDP {CALLER};branch=z9hG4bKcaller;rport", None])
def test_of_a_response_only_our_own_via_is_taken(via: str | None) -> None:
    stage = on_stage()
    request = make_request(headers=[("Record-Route", "<sip:a;lr>")])
    stage.receive(request if via is None else request.with_top_via(via))
    headers = (("X-Odd", ";;,,"), ("Record-Route", "<sip:b;lr>"), ("Contact", "<sip:b@c>"))
    made, got = answered(stage, headers=headers, body=bytes(range(256)))
    assert made.lines[0] != got.lines[0]
    assert made.lines[1:] == got.lines  # among them: our Record-Route, as the gateway has it
    assert (made.status, made.reason, made.body) == (got.status, got.reason, got.body)
    assert ("rport=5060" in got.lines[0]) == (via is not None)


@pytest.mark.rule("3261-16.7.8-01", "3261-16.6.4-03")
def test_in_a_spiral_each_pass_records_itself_and_no_response_is_rewritten() -> None:
    def by_user(request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(f"sip:bob@{GW_1 if request.uri.user == 'bob' else GW_2}")

    stage = on_stage(Decide(by_user))
    stage.receive(INVITE)
    (first,) = stage.at(GW_1, "INVITE")
    back = first.with_uri("sip:carol@gw.example.com").prepend(
        "Via", f"SIP/2.0/UDP {GW_1};branch=z9hG4bKg"
    )
    stage.receive(back, GW_1)
    (second,) = stage.at(GW_2, "INVITE")
    assert len(second.values("record-route")) == 2
    stage.respond(200, GW_2)
    (passed,) = stage.responses(GW_1)[-1:]
    assert passed.raw("record-route") == second.raw("record-route")
