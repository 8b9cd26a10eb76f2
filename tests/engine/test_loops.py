"""A request that comes back: a loop gets 482, a spiral goes on (RFC 5393 4, RFC 3261 16.3)."""

from collections.abc import Callable
from typing import TypeGuard

import pytest

import sansip
from network import Network
from sansip import dns
from stage import CALLER, GW_1, GW_2, PROXY, SEED, Decide, Stage, Whatever, make_request, on_stage

NEIGHBOUR = sansip.Address("192.0.2.20", 5060)
RELAY = sansip.Relay("sip:gw.example.com")
BACK = "SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKback"


def once_round(
    stage: Stage, method: str = "INVITE", **options: Whatever
) -> tuple[sansip.Request, sansip.Request]:
    """What the gateway got, and the same as it sends it back: as it had come, one Via more."""
    original = make_request(method, **options)
    stage.receive(original)
    sent = stage.at(GW_1, method)[-1]
    return sent, sent.with_uri(original.uri).remove("Record-Route").prepend("Via", BACK)


def loop_of(request: sansip.Request) -> str:
    unique, _, loop = (request.via.branch or "").partition(".")
    assert unique.startswith("z9hG4bK")
    return loop


@pytest.mark.rule("5393-4.2.2-01", "3261-16.6.8-01", "3261-16.3-01", "3261-16.3-09")
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "FNORD"])
def test_a_request_that_comes_back_as_it_was_gets_482(method: str) -> None:
    policy = Decide(RELAY)
    stage = on_stage(policy)
    _, looped = once_round(stage, method)
    for _ in range(2):
        stage.receive(looped, CALLER)
    first, again = stage.responses(CALLER, method)[-2:]
    assert (first.status, first.reason) == (482, "Loop Detected")
    assert first == again
    assert len(policy.seen) == len(stage.at(GW_1, method)) == 1
    assert stage.reports[-1].topic == "dropped"


SPIRALS: dict[str, tuple[Callable[[sansip.Request], sansip.Request], sansip.Address]] = {
    "Request-URI": (lambda r: r.with_uri("sip:carol@gw.example.com"), CALLER),
    "Route": (lambda r: r.append("Route", "<sip:192.0.2.10:5060;lr>"), CALLER),
    "Call-ID": (lambda r: r.set("Call-ID", "other"), CALLER),
    "CSeq": (lambda r: r.set("CSeq", "2 INVITE"), CALLER),
    "credentials": (lambda r: r.append("Proxy-Authorization", 'Digest username="alice"'), CALLER),
    "source": (lambda r: r, GW_1),
}


@pytest.mark.rule("5393-4.2.2-01", "3261-16.3-03")
@pytest.mark.parametrize("what", SPIRALS)
def test_a_spiral_goes_on(what: str) -> None:
    edited, source = SPIRALS[what]
    stage = on_stage(Decide(RELAY))
    _, back = once_round(stage)
    stage.receive(edited(back), source)
    first, second = stage.at(GW_1, "INVITE")
    assert len(second.values("via")) == 4
    assert loop_of(first) != loop_of(second)
    assert first.via.branch != second.via.branch


@pytest.mark.rule("5393-4.2.2-02", "5393-4.2.4-01", "5393-4.2.1-01")
@pytest.mark.parametrize(
    "vias",
    [
        "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKno-loop-part",
        "SIP/2.0/UDP 192.0.2.10:5060",
        "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKa.b.c",
        'SIP/2.0/UDP b.example.com;odd;odder="a, b; c";branch=z9hG4bKx;odd2=',
        "SIP/2.0/UDP b.example.com;odd;odd , nonsense",
        'SIP / 2.0 / UDP b.example.com ; branch = 1;q="\\"192.0.2.10:5060"',
    ],
)
def test_what_is_not_ours_or_has_no_loop_part_is_skipped_and_never_edited(vias: str) -> None:
    stage = on_stage()
    stage.receive(make_request().append("Via", vias))
    (sent,) = stage.at(GW_1, "INVITE")
    assert sent.raw("via")[-1] == f"Via: {vias}"


@pytest.mark.rule("5393-4.2.2-01")
def test_the_via_is_found_wherever_and_however_it_is_written() -> None:
    stage = on_stage(Decide(RELAY))
    sent, looped = once_round(stage)
    ours, theirs = sent.rows("via")
    for vias in (
        (BACK, f"{ours.upper()}, {theirs}"),
        (BACK, "SIP/2.0/UDP c.example.com;branch=z9hG4bKc", theirs, ours),
        (f"{BACK},{theirs},{ours}",),
    ):
        stage.receive(looped.set("Via", *vias), CALLER)
        assert stage.sent[-1][1].render().startswith(b"SIP/2.0 482 ")
    assert len(stage.at(GW_1, "INVITE")) == 1


@pytest.mark.rule("5393-4.2.2-01", "3261-8.2-02", "3261-16.1-01")
def test_a_looped_ack_of_a_2xx_is_dropped_in_silence() -> None:
    stage = on_stage(Decide(RELAY))
    sent, looped = once_round(stage, "ACK", to_tag="gw")
    again = len(stage.sends)
    assert loop_of(sent)
    stage.receive(looped, CALLER)
    assert len(stage.sends) == again
    assert stage.reports[-1].topic == "dropped"
    assert stage.is_empty()


@pytest.mark.rule("5393-4.2.1-02", "3261-16.6.8-02", "5393-4.2.1-01")
def test_the_two_parts_are_the_same_in_cancel_and_in_the_ack_of_a_refusal() -> None:
    stage = on_stage()
    stage.receive(make_request())
    stage.respond(180, GW_1)
    stage.receive(make_request("CANCEL"))
    stage.respond(487, GW_1)
    branches = {stage.at(GW_1, method)[0].via.branch for method in ("INVITE", "CANCEL", "ACK")}
    assert len(branches) == 1
    assert loop_of(stage.at(GW_1, "CANCEL")[0])


@pytest.mark.rule("5393-4.2.1-02", "3261-9.1-01")
def test_so_they_are_when_the_call_has_been_answered_long_ago() -> None:
    """A hop that comes alive too late is cancelled, with the branch that its INVITE had."""
    stage = on_stage()
    stage.receive(make_request())
    stage.advance(3.0)
    stage.respond(200, GW_2)
    stage.respond(180, GW_1)
    (invite,) = stage.at(GW_1, "INVITE")[:1]
    (cancel,) = stage.at(GW_1, "CANCEL")
    assert cancel.via.branch == invite.via.branch
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("5393-4.2.1-01", "3261-16.6.8-01")
def test_the_branches_of_one_request_share_the_loop_part_and_nothing_else() -> None:
    def elsewhere(failed: sansip.Failed) -> sansip.FailureDecision:
        return sansip.Relay("sip:bob@203.0.113.2")

    there = sansip.Relay("sip:bob@203.0.113.1", on_failure="elsewhere")
    stage = on_stage(Decide(there, elsewhere=elsewhere))
    stage.receive(make_request())
    stage.respond(486, GW_1)
    one, other = stage.at(GW_1, "INVITE")[0], stage.at(GW_2, "INVITE")[0]
    assert one.via.branch != other.via.branch
    assert loop_of(one) == loop_of(other) != ""


def test_nobody_else_can_make_a_loop_part_and_a_restart_may_keep_it() -> None:
    def after_restart(seed: bytes, **options: Whatever) -> int:
        stage = on_stage(Decide(RELAY), **options)
        _, looped = once_round(stage)
        stage.state, _ = stage.engine.start(seed, stage.now)
        stage.receive(looped, CALLER)
        return len(stage.at(GW_1, "INVITE"))

    assert after_restart(SEED) == 1
    assert after_restart(b"another seed, after the restart.") == 2
    assert after_restart(b"another seed, after the restart.", secret=b"sixteen bytes ok") == 1


def test_a_request_of_the_programs_own_has_no_loop_part() -> None:
    """It was received from nobody: when it comes back for the first time it is a spiral."""
    stage = on_stage(Decide(RELAY))
    own = make_request("OPTIONS").remove("Via").remove("Max-Forwards")
    stage.step(sansip.RequestSubmitted(stage.now, "own", own))
    (sent,) = stage.at(GW_1, "OPTIONS")
    assert loop_of(sent) == ""
    stage.receive(sent.prepend("Via", BACK), GW_1)
    assert len(stage.at(GW_1, "OPTIONS")) == 2


@pytest.mark.rule("5393-4.1-01", "5393-4.2.2-01")
@pytest.mark.parametrize(
    "onward", ["sip:bob@192.0.2.10:5060", "sip:bob@gw.example.com"], ids=["rewritten", "kept"]
)
def test_two_proxies_that_send_a_request_to_one_another_stop_in_the_second_lap(
    onward: str,
) -> None:
    """The source counts, so the first lap is a spiral; Max-Forwards would let 70 go round."""
    here = on_stage(Decide(sansip.Relay(f"sip:bob@{NEIGHBOUR}")))
    there = on_stage(
        Decide(sansip.Relay(onward)), endpoints=[sansip.Endpoint("udp", str(NEIGHBOUR))]
    )
    there.zone = {("gw.example.com", "A"): dns.Found((dns.Ip(PROXY.host),), 60.0)}
    network = Network({"here": here, "there": there}, {"caller": CALLER})
    network.send("caller", "here", make_request())
    assert len(network.at("here", "INVITE")) == 2
    assert len(network.at("there", "INVITE")) == 2  # this one knows it again first
    assert [m.status for _, to, m in network.heard if to == "caller" and is_final(m)] == [482]
    for stage in (here, there):
        stage.advance(3600.0)


def is_final(message: sansip.Request | sansip.Response) -> TypeGuard[sansip.Response]:
    return isinstance(message, sansip.Response) and message.status >= 200


@pytest.mark.rule("5393-4.2.1-01", "5393-4.2.2-01")
def test_a_request_whose_policy_had_to_ask_has_its_loop_part_too() -> None:
    class Asking(sansip.Policy):
        def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
            return sansip.Ask(None, "found")

        def found(
            self, request: sansip.Request, scene: sansip.Scene, answer: object
        ) -> sansip.Decision:
            return RELAY

    stage = on_stage(Asking())
    stage.receive(make_request())
    stage.step(sansip.Consulted(stage.now, stage.consults[0].question, answer=None))
    sent = stage.at(GW_1, "INVITE")[0]
    assert loop_of(sent)
    stage.receive(sent.with_uri(make_request().uri).prepend("Via", BACK), CALLER)
    assert stage.statuses() == [100, 482]
    assert len(stage.consults) == 1
