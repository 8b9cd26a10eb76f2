"""The health of the hops of groups: who is suspect is tried last, and what makes him so or not."""

from collections import Counter

import pytest

import sansip
from line import BOTH, TCP, UDP, Line
from sansip.engine import health
from sansip.engine.fleet import Fleet, Place
from sansip.engine.state import ClientTransaction
from sansip.engine.turn import Turn
from sansip.message import reply
from sansip.transaction import client
from stage import GW_1, GW_2, PROXY, Decide, Stage, ToGroup, Whatever, config, make_request

GW_3 = sansip.Address("203.0.113.3", 5060)
URI_1, URI_2, URI_3 = f"sip:{GW_1}", f"sip:{GW_2}", f"sip:{GW_3}"
HOP_1, HOP_2 = f"udp:{GW_1}", f"udp:{GW_2}"


def stage_for(
    *members: str | sansip.Member,
    policy: sansip.Policy | None = None,
    thresholds: sansip.Thresholds | None = None,
    **options: Whatever,
) -> Stage:
    listed = tuple([m if isinstance(m, sansip.Member) else sansip.Member(m) for m in members])
    group = sansip.Group(listed, thresholds=thresholds or sansip.Thresholds())
    given = {"groups": {"gateways": group}} | options
    return Stage(sansip.Engine(config(**given), policy or ToGroup()))


def two(**options: Whatever) -> Stage:
    return stage_for(URI_1, URI_2, **options)


def call(stage: Stage, number: int = 1, method: str = "INVITE") -> None:
    stage.receive(make_request(method, branch=f"z9hG4bK{number}", call_id=f"call-{number}"))


def way(stage: Stage, number: int | str = 1, method: str = "INVITE") -> list[sansip.Address]:
    """Where the request of this number went, one after the other."""
    found = [
        (to, message.via.branch)
        for to, message in stage.sent
        if isinstance(message, sansip.Request)
        and (message.method, message.call_id) == (method, f"call-{number}")
    ]
    return [to for to, _ in dict.fromkeys(found)]


def said(stage: Stage) -> list[tuple[str, str]]:
    return [(report.about, report.text) for report in stage.reports if report.topic == "health"]


def known(stage: Stage) -> list[str]:
    return [f"{place.transport}:{place.remote}" for place in stage.state.fleet.health]


def asleep(stage: Stage) -> tuple[tuple[str, str], ...]:
    return stage.state.fleet.asleep


def is_first(stage: Stage, number: int = 100) -> sansip.Address:
    """Where a call goes now; it is answered there."""
    call(stage, number)
    (there,) = way(stage, number)
    stage.respond(486, there)
    return there


# --- what makes a hop suspect


def silent(stage: Stage) -> None:
    stage.advance(3.0)


def closed_port(stage: Stage) -> None:
    stage.icmp(GW_1, stage.at(GW_1, "INVITE")[-1].render()[:520])


def refused(stage: Stage) -> None:
    stage.refuse(stage.sends[-1])


@pytest.mark.rule("3263-4.3-06")
@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (silent, "silent for 3 s"),
        (closed_port, "port unreachable"),
        (refused, "network is unreachable"),
    ],
)
def test_after_a_failure_a_hop_is_tried_last(fault: Whatever, why: str) -> None:
    stage = two()
    call(stage)
    fault(stage)
    assert said(stage) == [(HOP_1, f"suspect: {why}; one call may try it after 3.75 s")]
    stage.respond(200, GW_2)
    call(stage, 2)
    assert way(stage, 2) == [GW_2]
    stage.advance(3.0)
    assert way(stage, 2) == [GW_2, GW_1]


def test_the_last_hop_is_judged_by_its_silence_too() -> None:
    stage = stage_for(URI_1)
    call(stage)
    stage.advance(3.0)
    assert said(stage) == [(HOP_1, "suspect: silent for 3 s; one call may try it after 3.75 s")]
    assert is_first(stage) == GW_1  # there is no other


def test_a_branch_fails_once_however_often_there_is_news_of_it() -> None:
    stage = two(thresholds=sansip.Thresholds(down_after=2))
    call(stage)
    closed_port(stage)
    closed_port(stage)
    stage.advance(40.0)  # Timer B
    assert said(stage) == []
    call(stage, 2)
    silent(stage)
    assert said(stage)[-1][0] == HOP_1


def test_timer_f_makes_a_hop_suspect() -> None:
    stage = two(policy=ToGroup(advance_after=None, deadline=100.0))
    call(stage, method="MESSAGE")
    stage.advance(32.0)
    text = "suspect: silent for 28 s; one call may try it after 3.75 s"  # at the deadline
    assert said(stage) == [(HOP_1, text)]


def test_timer_b_makes_a_hop_suspect() -> None:
    stage = two(policy=ToGroup(advance_after=None, deadline=100.0))
    call(stage)
    stage.advance(32.0)
    text = "suspect: silent to the end; one call may try it after 3.75 s"
    assert said(stage) == [(HOP_1, text)]
    assert way(stage) == [GW_1, GW_2]


def test_a_request_of_the_programs_own_counts_too() -> None:
    stage = two()
    bare = make_request().remove("Via")
    relay = sansip.Relay(sansip.Dispatch("gateways"))
    stage.step(sansip.RequestSubmitted(stage.now, "mine", bare, relay))
    stage.advance(3.0)
    assert known(stage) == [HOP_1]


@pytest.mark.rule("3263-4.3-06")
def test_who_is_in_no_group_has_no_health() -> None:
    stage = two(policy=Decide(sansip.Relay([URI_1, URI_2])))
    call(stage)
    stage.advance(20.0)
    call(stage, 2)
    stage.respond(503, GW_1, headers=(("Retry-After", "60"),))
    stage.advance(100.0)
    assert known(stage) == []


def test_what_is_known_of_a_hop_matters_to_nobody_but_its_groups() -> None:
    def route(request: sansip.Request, _: sansip.Scene) -> sansip.Decision:
        if request.call_id == "call-1":
            return sansip.Relay(sansip.Dispatch("gateways"))
        return sansip.Relay("sip:gw.example.com")

    stage = down(two(policy=Decide(route)))
    call(stage, 2)
    assert way(stage, 2) == [GW_1]
    stage.advance(3.0)
    assert way(stage, 2) == [GW_1, GW_2]
    stage.respond(180, GW_1)  # but whoever is heard is there
    assert known(stage) == []


def test_no_endpoint_is_no_failure_of_a_hop() -> None:
    endpoints = [sansip.Endpoint("udp", str(PROXY)), sansip.Endpoint("tcp", "[2001:db8::9]:5060")]
    stage = stage_for("sip:[2001:db8::1]:5060;transport=udp", URI_2, endpoints=endpoints)
    call(stage)
    assert known(stage) == []
    silent(stage)
    call(stage, 2)
    assert known(stage) == [HOP_2]


# --- what does not


@pytest.mark.rule("3263-4.3-02")
@pytest.mark.parametrize("status", [100, 180, 404, 408, 486, 500, 503, 600])
def test_an_answer_is_no_failure(status: int) -> None:
    stage = two()
    call(stage)
    stage.respond(status, GW_1)
    stage.advance(2.0)
    assert known(stage) == []


def test_a_call_that_was_cancelled_without_a_word_says_nothing() -> None:
    stage = two()
    call(stage)
    stage.advance(2.9)
    call(stage, method="CANCEL")
    stage.advance(100.0)
    assert known(stage) == []


def test_a_timeout_after_a_word_says_nothing() -> None:
    stage = two()
    call(stage, method="OPTIONS")
    stage.respond(100, GW_1, method="OPTIONS")
    stage.advance(100.0)
    assert known(stage) == []


def test_a_branch_that_was_left_alone_because_another_won_says_nothing() -> None:
    relay = sansip.Relay(sansip.Dispatch("gateways"), advance_after=1.0, late="first")
    stage = two(policy=Decide(relay), thresholds=sansip.Thresholds(down_after=2))
    call(stage)
    stage.advance(1.0)
    stage.respond(200, GW_2)
    stage.advance(100.0)  # Timer B of the other
    assert next(iter(stage.state.fleet.health.items()))[1].failures == 1
    assert said(stage) == []


# --- 503


@pytest.mark.rule("3263-4.3-06")
@pytest.mark.parametrize(
    ("value", "seconds"),
    [("50", 50), ("50 (in a (long) meeting)", 50), ("18000;duration=3600", 60)],
)
def test_retry_after_keeps_a_hop_free_for_so_long(value: str, seconds: float) -> None:
    stage = two()
    call(stage)
    stage.respond(503, GW_1, headers=(("Retry-After", value),))
    text = f"suspect: answered 503; nothing goes there for {seconds} s"
    assert said(stage) == [(HOP_1, text)]
    assert way(stage) == [GW_1, GW_2]
    stage.respond(200, GW_2)
    stage.advance(seconds - 1)
    assert is_first(stage) == GW_2
    stage.advance(1)
    call(stage, 3)
    assert way(stage, 3) == [GW_1]
    call(stage, 4)  # one trial
    assert way(stage, 4) == [GW_2]
    stage.respond(486, GW_1)
    assert said(stage)[-1] == (HOP_1, "well again")
    assert known(stage) == []


@pytest.mark.parametrize("value", ["", "soon", "-5", "Sat, 13 Nov 2010 23:29:00 GMT", "5 5", "0"])
def test_a_retry_after_that_says_nothing_is_ignored(value: str) -> None:
    stage = two()
    call(stage)
    stage.respond(503, GW_1, headers=(("Retry-After", value),))
    assert way(stage) == [GW_1, GW_2]
    assert known(stage) == []


def test_nothing_lifts_a_bar_before_its_time() -> None:
    stage = two()
    call(stage)
    call(stage, 2)
    stage.respond(503, GW_1, nth=0, headers=(("Retry-After", "60"),))
    stage.respond(180, GW_1, nth=1)
    stage.advance(59)
    assert is_first(stage) == GW_2
    stage.advance(1)
    assert is_first(stage, 101) == GW_1
    assert known(stage) == []


def test_a_503_alone_neither_punishes_nor_clears() -> None:
    stage = two()
    call(stage)
    stage.advance(3.0)
    stage.respond(503, GW_1)
    assert known(stage) == [HOP_1]
    assert len(said(stage)) == 1


def test_a_late_503_of_a_call_that_is_over_bars_nobody() -> None:
    stage = two()
    call(stage)
    stage.advance(3.0)
    stage.respond(200, GW_2)
    stage.respond(503, GW_1, headers=(("Retry-After", "60"),))
    stage.advance(30.0)
    assert is_first(stage) == GW_1


# --- and what makes it well again


def down(stage: Stage) -> Stage:
    """Call 1 has found the first gateway silent, and the second one has taken it."""
    call(stage)
    stage.advance(3.0)
    stage.respond(200, GW_2)
    return stage


@pytest.mark.parametrize("status", [100, 180, 200, 408, 486, 600])
def test_a_late_answer_clears_a_suspicion_though_the_call_is_over(status: int) -> None:
    stage = down(two())
    stage.respond(status, GW_1)
    assert said(stage)[-1] == (HOP_1, "well again")
    assert known(stage) == []
    assert is_first(stage) == GW_1


def test_one_call_tries_it_after_a_while() -> None:
    stage = down(two())
    stage.advance(3.75)
    call(stage, 2)
    call(stage, 3)
    assert (way(stage, 2), way(stage, 3)) == ([GW_1], [GW_2])
    stage.respond(200, GW_2)
    stage.advance(3.0)
    assert way(stage, 2) == [GW_1, GW_2]
    stage.respond(200, GW_2)
    stage.advance(4.0)
    assert is_first(stage) == GW_2  # the trial has failed: twice as long after it began
    assert [text for about, text in said(stage) if about == HOP_1] == [
        "suspect: silent for 3 s; one call may try it after 3.75 s"
    ]
    stage.advance(0.5)
    assert is_first(stage, 101) == GW_1
    assert said(stage)[-1][1] == "well again"


def test_whoever_sends_what_nobody_answers_keeps_no_gateway_out() -> None:
    stage = two()
    for number in range(10, 14):  # a scanner, whose calls all gateways drop
        call(stage, number)
        stage.advance(1.0)
    assert is_first(stage, 50) == GW_2  # the first one has been suspect for a second
    stage.advance(2.8)  # and those calls go on to fail there
    assert is_first(stage, 51) == GW_1
    assert said(stage)[-1][1] == "well again"


def test_answers_count_once_for_a_branch() -> None:
    stage = two(thresholds=sansip.Thresholds(up_after=2))
    down(stage)
    stage.advance(30.0)
    call(stage, 2)
    for status in (100, 180, 183, 486):
        stage.respond(status, GW_1)
    assert known(stage) == [HOP_1]
    stage.advance(30.0)
    assert is_first(stage) == GW_1
    assert known(stage) == []


@pytest.mark.rule("3263-4.3-06")
def test_if_all_are_suspect_all_are_tried() -> None:
    stage = two()
    call(stage)
    stage.advance(6.0)
    assert known(stage) == [HOP_1, HOP_2]
    call(stage, 2)
    stage.advance(3.0)
    assert way(stage, 2) == [GW_1, GW_2]
    stage.respond(200, GW_2)
    assert known(stage) == [HOP_1]


def test_the_hops_of_one_member_have_each_their_own_health() -> None:
    stage = stage_for("sip:gw.example.com", policy=ToGroup(rewrite="none"))
    stage = Stage(sansip.Engine(stage.engine.config, ToGroup()))
    call(stage)
    stage.advance(3.0)
    stage.respond(200, GW_2)
    assert known(stage) == [HOP_1]
    assert is_first(stage) == GW_2


def test_a_failure_route_sees_the_suspects_among_what_remains() -> None:
    seen: list[sansip.Failed] = []

    def failure(failed: sansip.Failed) -> sansip.FailureDecision:
        seen.append(failed)
        return sansip.TryNext()

    to = sansip.Relay(sansip.Dispatch("gateways"), on_failure="failure")
    stage = down(two(policy=Decide(to, failure=failure)))
    call(stage, 2)
    stage.respond(404, GW_2)
    assert seen[0].remaining == (HOP_1,)
    assert way(stage, 2) == [GW_2, GW_1]


# --- members that begin as inactive


def test_who_begins_inactive_is_suspect_until_something_is_heard_of_it() -> None:
    stage = stage_for(sansip.Member(URI_1, begins="inactive"), URI_2)
    assert is_first(stage) == GW_2
    text = "suspect: nothing heard of it yet; one call may try it after 3.75 s"
    assert said(stage) == [(HOP_1, text)]
    stage.advance(3.75)
    assert is_first(stage, 101) == GW_1
    assert said(stage)[-1] == (HOP_1, "well again")
    assert is_first(stage, 102) == GW_1
    assert asleep(stage) == ()
    assert known(stage) == []


def test_groups_that_are_replaced_keep_what_is_known_of_who_stays() -> None:
    members = tuple([sansip.Member(uri, begins="inactive") for uri in (URI_1, URI_2)])
    stage = stage_for(*members)
    assert is_first(stage) == GW_1
    assert asleep(stage) == (("gateways", URI_2),)
    new = sansip.Member(URI_3, begins="inactive")
    listed: tuple[str | sansip.Member, ...] = (*members, new, "sip:gw-4.example.com")
    order = sansip.ReplaceGroups((("gateways", listed),))
    stage.step(sansip.Administered(stage.now, order))
    assert asleep(stage) == (("gateways", URI_2), ("gateways", URI_3))
    stage.step(sansip.Administered(stage.now, sansip.ReplaceGroups(())))
    assert asleep(stage) == ()


def test_a_call_outlives_its_group() -> None:
    stage = two()
    call(stage)
    stage.step(sansip.Administered(stage.now, sansip.ReplaceGroups(())))
    stage.advance(3.0)
    assert known(stage) == [HOP_1]


# --- places, limits


def test_the_same_address_from_two_endpoints_is_two_places() -> None:
    other = sansip.Endpoint("udp", "192.0.2.11:5060")
    stage = stage_for(
        sansip.Member(URI_1, endpoint=other.name),
        sansip.Member(URI_1),
        endpoints=[sansip.Endpoint("udp", str(PROXY)), other],
    )
    call(stage)
    stage.advance(3.0)
    assert list(stage.state.fleet.health) == [Place(other.name, "udp", GW_1)]
    assert way(stage) == [GW_1, GW_1]
    call(stage, 2)
    assert [send.endpoint for send in stage.sends if send.remote == GW_1][-1] == UDP


def test_a_flow_that_is_lost_before_an_answer_is_a_failure() -> None:
    group = sansip.Group((sansip.Member(f"{URI_1};transport=tcp"), sansip.Member(URI_2)))
    settings = config(groups={"gateways": group}, endpoints=BOTH)
    stage = Line(sansip.Engine(settings, ToGroup()))
    call(stage)
    stage.reject()
    assert list(stage.state.fleet.health) == [Place(TCP, "tcp", GW_1)]
    assert said(stage)[0][0] == f"tcp:{GW_1}"


def test_a_call_too_large_for_a_datagram_goes_by_what_is_known_of_its_connection() -> None:
    """A firewall swallows TCP to the first gateway: only the first large call waits for that."""
    group = sansip.Group((sansip.Member(URI_1), sansip.Member(URI_2)))
    stage = Line(sansip.Engine(config(groups={"gateways": group}, endpoints=BOTH), ToGroup()))
    large = make_request(branch="z9hG4bK1", call_id="call-1", body=bytes(1400))
    stage.receive(large)
    stage.advance(3.0)
    assert [order.remote for order in stage.orders()] == [GW_1, GW_2]
    assert list(stage.state.fleet.health) == [Place(TCP, "tcp", GW_1)]
    flow = stage.connect()
    stage.receive(make_request(branch="z9hG4bK2", call_id="call-2", body=bytes(1400)))
    assert [send.flow for send in stage.sends if b"INVITE sip" in send.data] == [flow, flow]
    call(stage, 3)
    assert way(stage, 3) == [GW_1]  # as a datagram: nothing speaks against that


def test_an_error_after_a_word_is_no_failure() -> None:
    stage = two()
    call(stage, method="OPTIONS")
    stage.respond(100, GW_1, method="OPTIONS")
    stage.advance(1.0)
    stage.refuse([send for send in stage.sends if send.remote == GW_1][-1])  # once more
    assert way(stage, method="OPTIONS") == [GW_1, GW_2]
    assert known(stage) == []


def test_the_newest_are_remembered() -> None:
    stage = stage_for(URI_1, URI_2, URI_3, limits=sansip.Limits(health=2))
    call(stage)
    stage.advance(9.0)
    assert known(stage) == [HOP_2, f"udp:{GW_3}"]
    stage.advance(30.0)
    call(stage, 2)
    stage.advance(60.0)
    assert len(known(stage)) == 2


def test_of_many_that_are_remembered_the_oldest_go_some_at_a_time() -> None:
    members = [f"sip:203.0.113.{number}" for number in range(1, 18)]
    stage = stage_for(*members, limits=sansip.Limits(health=16, branches=17))
    stage.receive(make_request(call_id="call-1"))
    for gateway in members:
        stage.icmp(sansip.Address(gateway.removeprefix("sip:"), 5060), b"INVITE")
        stage.advance(1.0)
    assert known(stage) == [f"udp:203.0.113.{number}:5060" for number in range(4, 18)]


def test_health_may_be_switched_off() -> None:
    stage = two(limits=sansip.Limits(health=0))
    call(stage)
    stage.advance(9.0)
    assert known(stage) == []
    assert said(stage) == []


@pytest.mark.parametrize("limits", [{"health": -1}, {"calls": -1}, {"longest_call": 0.0}])
def test_limits_that_make_no_sense_are_refused(limits: Whatever) -> None:
    with pytest.raises(sansip.LocalProtocolError):
        two(limits=sansip.Limits(**limits))


# --- states


def test_a_state_that_is_kept_keeps_its_health() -> None:
    stage = down(two())
    kept = stage.state.freeze()
    assert kept == stage.state
    stage.respond(180, GW_1)
    assert len(kept.fleet.health) == 1
    assert isinstance(kept.fleet, Fleet)


def test_nothing_else_is_left_behind() -> None:
    stage = down(two())
    stage.advance(3600)
    assert stage.is_empty()


# --- for probes


def turn_of(stage: Stage) -> Turn:
    return Turn(stage.engine.config, stage.engine.policy, stage.state, stage.now)


def test_latencies_are_kept_for_places_and_members() -> None:
    stage = two(policy=Decide(sansip.Relay(sansip.Dispatch("gateways", "latency"))))
    turn, place = turn_of(stage), health.place_of(UDP, GW_1)
    health.heard(turn, place, "gateways", URI_1, 0.2)
    health.heard(turn, place, "gateways", URI_1, 0.1)
    stage.state = turn.state()
    assert dict(stage.state.fleet.latencies.items()) == {URI_1: 0.2 - 0.1 * 0.1}
    assert stage.state.fleet.health[place].latency == 0.2 - 0.1 * 0.1
    assert stage.state.freeze() == stage.state
    assert said(stage) == []
    before = stage.state.fleet.health[place]
    assert is_first(stage) == GW_1
    assert stage.state.fleet.health[place] is before  # nothing new
    stage.step(sansip.Administered(stage.now, sansip.ReplaceGroups(())))
    assert not len(stage.state.fleet.latencies)


def test_a_latency_of_nobody_in_particular_is_kept_for_its_place() -> None:
    stage = two()
    turn, place = turn_of(stage), health.place_of(UDP, GW_1)
    health.heard(turn, place, latency=0.2)
    assert not len(turn.fleet.latencies)
    assert turn.fleet.health[place].latency == 0.2


def test_what_answers_something_else_than_a_call_is_judged_by_who_asked() -> None:
    stage = two()
    turn, place = turn_of(stage), health.place_of(UDP, GW_1)
    health.failed(turn, place, "gateways", "no answer to a probe")
    sent = ClientTransaction(False, b"", client.Trying(0.5), UDP, GW_1, "p|probe", 0)
    health.answered(turn, sent, sansip.Response.make(404, "", []), first=True)
    health.unheard(turn, sent, "no answer")
    assert turn.fleet.health[place].failures == 1
    assert turn.fleet.health[place].needed == 1


# --- who has spoken is there, whatever others are silent about

FIVE = tuple([f"sip:203.0.113.{host}" for host in range(1, 6)])


class Gateways:
    """Five gateways that share ten calls a second, and refuse what they do not drop."""

    def __init__(self) -> None:
        policy = Decide(sansip.Relay(sansip.Dispatch("gateways", "round-robin")))
        self.stage = stage_for(*FIVE, policy=policy)
        self.number = 0
        self.read = 0
        self.deaf = False
        self.answered: list[tuple[float, str]] = []

    def calls(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.number += 1
            call(self.stage, self.number)
            self.speak()
            for _ in range(10):
                self.stage.advance(0.01)
                self.speak()

    def speak(self) -> None:
        new, self.read = self.stage.sent[self.read :], len(self.stage.sent)
        for to, message in new:
            if not isinstance(message, sansip.Request) or message.method != "INVITE":
                continue
            if not self.deaf and message.call_id != "call-scan":
                self.answered.append((self.stage.now, to.host))
                self.stage.receive(reply(message, 486, to_tag="gw"), to)

    def load(self, since: float = 0.0) -> dict[str, int]:
        return Counter([host for at, host in self.answered if at >= since])


def test_a_call_that_all_drop_takes_no_gateway_from_the_others() -> None:
    gateways = Gateways()
    gateways.calls(1.0)
    gateways.stage.receive(make_request(branch="z9hG4bKscan", call_id="call-scan"))
    gateways.calls(20.0)
    assert len(way(gateways.stage, "scan")) == 5
    assert said(gateways.stage) == []
    load = gateways.load()
    assert sum(load.values()) == 210
    assert len(load) == 5
    assert all(0.15 <= calls / 210 <= 0.25 for calls in load.values())


def test_soon_after_an_outage_all_have_calls_again() -> None:
    gateways = Gateways()
    gateways.calls(1.0)
    gateways.deaf = True
    gateways.calls(5.0)
    assert len(known(gateways.stage)) == 5
    gateways.deaf, back = False, gateways.stage.now
    gateways.calls(10.0)
    assert known(gateways.stage) == []
    assert len(gateways.load(since=back + 5.0)) == 5


def test_a_silence_that_began_before_a_sign_of_life_says_nothing() -> None:
    stage = two()
    call(stage)
    stage.advance(1.0)
    call(stage, 2)
    stage.respond(180, GW_1)
    stage.advance(2.0)
    assert way(stage) == [GW_1, GW_2]
    assert known(stage) == []


@pytest.mark.parametrize("fault", [silent, closed_port, refused])
def test_a_silence_that_began_after_it_counts(fault: Whatever) -> None:
    stage = two()
    call(stage)
    stage.respond(486, GW_1)
    stage.advance(0.1)
    call(stage, 2)
    fault(stage)
    assert known(stage) == [HOP_1]


def test_a_503_is_a_sign_of_life_too() -> None:
    stage = two()
    call(stage)
    call(stage, 2)
    stage.respond(503, GW_1)
    stage.advance(2.9)
    stage.respond(486, GW_2)
    stage.advance(0.1)
    assert known(stage) == []


def test_a_later_word_of_a_branch_clears_what_came_between() -> None:
    stage = two(thresholds=sansip.Thresholds(up_after=2))
    call(stage)
    stage.respond(180, GW_1)
    stage.advance(1.0)
    call(stage, 2)
    stage.advance(3.0)
    assert known(stage) == [HOP_1]
    stage.respond(183, GW_1, nth=0)
    stage.respond(200, GW_1, nth=0)  # the same success
    (health,) = [health for _, health in stage.state.fleet.health.items()]
    assert health.needed == 1
    stage.respond(180, GW_1)
    assert known(stage) == []


def test_a_later_word_makes_failures_begin_anew() -> None:
    stage = two(thresholds=sansip.Thresholds(down_after=2))
    call(stage)
    stage.respond(180, GW_1)
    stage.advance(1.0)
    call(stage, 2)
    stage.advance(3.0)
    assert known(stage) == [HOP_1]
    stage.respond(180, GW_2)  # of whom nothing is known
    stage.respond(180, GW_2)
    assert known(stage) == [HOP_1]
    stage.respond(200, GW_1, nth=0)
    assert known(stage) == []


def test_signs_of_life_are_kept_for_members_only_and_not_without_end() -> None:
    def route(request: sansip.Request, _: sansip.Scene) -> sansip.Decision:
        if request.call_id == "call-9":
            return sansip.Relay("sip:203.0.113.9")
        return sansip.Relay(sansip.Dispatch("gateways", "round-robin"))

    stage = stage_for(*FIVE, policy=Decide(route), limits=sansip.Limits(health=3))
    for number in range(1, 6):
        call(stage, number)
        stage.respond(486, way(stage, number)[0])
    call(stage, 9)
    stage.respond(486, way(stage, 9)[0])
    assert [place.remote.host[-1] for place in stage.state.fleet.spoke] == ["3", "4", "5"]
    kept = stage.state.freeze()
    assert kept == stage.state
    stage.advance(1.0)
    call(stage, 6)
    stage.respond(486, way(stage, 6)[0])
    assert set(kept.fleet.spoke.items()) != set(stage.state.fleet.spoke.items())
    off = two(limits=sansip.Limits(health=0))
    call(off)
    off.respond(486, GW_1)
    assert not len(off.state.fleet.spoke)
