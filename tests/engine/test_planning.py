"""Plans: what would happen to a request, said without doing it, and held against what happens."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sansip
from sansip import dns, locate
from sansip.dispatch import ALGORITHMS
from sansip.dns import Question
from sansip.locate import CacheLimits
from stage import (
    CALLER,
    GW_1,
    GW_2,
    PROXY,
    ZONE,
    Decide,
    Stage,
    ToGroup,
    ToName,
    Whatever,
    config,
    make_request,
    on_stage,
)

KNOWN = {Question(*key): answer for key, answer in ZONE.items()}
NAPTR = Question("gw.example.com", "NAPTR")


def plan(stage: Stage, request: sansip.Request | None = None, **options: Whatever) -> sansip.Plan:
    given_: dict[str, Whatever] = {"at": stage.now, "source": CALLER, "answers": KNOWN}
    return stage.engine.plan(stage.state, request or make_request(), **(given_ | options))


def places(plan: sansip.Plan) -> list[tuple[str, float | None]]:
    return [(str(step.hop.address), step.after) for step in plan.steps if not step.refused]


# --- what a plan says


def test_a_plan_names_the_hops_their_records_and_the_time_to_each() -> None:
    made = plan(on_stage())
    assert [(step.hop, step.after) for step in made.steps] == [
        (sansip.Hop("udp", GW_1, None, "SRV 10 0 5060 gw-1.example.com"), 0.0),
        (sansip.Hop("udp", GW_2, None, "SRV 20 0 5060 gw-2.example.com"), 3.0),
    ]
    assert {(s.stage, s.way, s.uri, s.next_hop) for s in made.steps} == {
        (1, 0, "sip:bob@gw.example.com", "sip:bob@gw.example.com")
    }
    assert made.decision == sansip.Relay("sip:bob@gw.example.com")
    assert (made.ends, made.status) == (32.0, 408)
    assert not made.questions
    assert not made.notes


def test_nothing_is_sent_and_the_state_stays_as_it_is() -> None:
    stage = on_stage(ToGroup())
    before = stage.state.freeze()
    plan(stage)
    plan(stage, source=None)
    assert stage.state == before
    assert not stage.sent


def test_for_names_that_it_does_not_know_it_tells_the_questions() -> None:
    """Whoever asks them, and plans again with the answers, comes to the end."""
    stage, known, rounds = on_stage(), dict[Question, dns.Answer](), list[list[str]]()
    while (made := plan(stage, answers=known)).questions:
        assert (made.steps, made.ends, made.status) == ((), None, None)
        rounds.append([f"{question.type} {question.name}" for question in made.questions])
        known |= {question: KNOWN[question] for question in made.questions}
    assert rounds == [
        ["NAPTR gw.example.com"],
        ["SRV _sip._udp.gw.example.com"],
        ["A gw-1.example.com", "A gw-2.example.com"],
    ]
    assert places(made) == [(str(GW_1), 0.0), (str(GW_2), 3.0)]


def test_what_is_certain_already_is_told_while_questions_are_open() -> None:
    known = {key: KNOWN[key] for key in KNOWN if key.name != "gw-2.example.com"}
    made = plan(on_stage(), answers=known)
    assert places(made) == [(str(GW_1), 0.0)]
    assert made.questions == (Question("gw-2.example.com", "A"),)


def test_the_questions_about_all_members_of_a_group_can_be_asked_at_once() -> None:
    made = plan(on_stage(ToGroup()), answers={})
    assert [question.name for question in made.questions] == [
        "gw-1.example.com",
        "gw-2.example.com",
    ]


def test_no_more_names_are_asked_about_than_may_be_tried() -> None:
    members = [f"sip:gw-{number}.example.com:5060" for number in range(100)]
    stage = on_stage(ToGroup(), groups={"gateways": members})
    assert len(plan(stage).questions) == 16


def test_the_answers_that_matter_are_told_with_the_ttl_that_is_left() -> None:
    stage = on_stage()
    stage.receive(make_request())
    stage.advance(20)
    made = plan(stage, make_request(branch="z9hG4bKother"), answers={})
    assert [(q.type, q.name, a) for q, a in made.answers] == [
        (kind, name, dns.Found(found.records, 40.0))
        for (name, kind), found in ZONE.items()
        if isinstance(found, dns.Found)
    ]


def test_what_dns_says_now_holds_for_the_whole_plan() -> None:
    """A 60.0 that is over by the time of the second hop leads to no question."""
    brief = {key: dns.Found(a.records, 0.0) for key, a in KNOWN.items() if isinstance(a, dns.Found)}
    made = plan(on_stage(ToGroup()), answers=brief)
    assert places(made) == [(str(GW_1), 0.0), (str(GW_2), 3.0)]


def test_what_the_cache_says_now_holds_for_the_whole_plan_too() -> None:
    stage = on_stage(ToGroup(), limits=sansip.Limits(questions=0))
    cache = stage.state.cache
    for question, answer in KNOWN.items():
        assert isinstance(answer, dns.Found)
        brief = dns.Found(answer.records, 2.0)
        cache = locate.remember(cache, question, brief, stage.now, CacheLimits())
    stage.state = dataclasses.replace(stage.state, cache=cache)
    assert places(plan(stage, answers={})) == [(str(GW_1), 0.0), (str(GW_2), 3.0)]


def test_questions_that_others_wait_for_leave_room_for_those_of_a_plan() -> None:
    """Whoever asks the plan's questions asks them with means of his own."""
    stage = on_stage(ToGroup(), limits=sansip.Limits(questions=1))
    stage.answer_dns = False
    stage.receive(make_request(branch="z9hG4bKother", call_id="other"))
    made = plan(stage, answers={})
    assert [question.name for question in made.questions] == [
        "gw-1.example.com",
        "gw-2.example.com",
    ]


def test_a_failure_of_dns_is_bridged_with_what_was_known() -> None:
    stage = on_stage()
    stage.receive(make_request())
    stage.advance(100)
    dead = dict.fromkeys(KNOWN, dns.Failure("time-out"))
    assert places(plan(stage, answers=dead)) == [(str(GW_1), 0.0), (str(GW_2), 3.0)]


def test_a_name_that_leads_nowhere_is_noted() -> None:
    made = plan(on_stage(), make_request(uri="sip:bob@nowhere.example:5060"), answers={
        Question("nowhere.example", "A"): dns.NoName(30.0)
    })  # fmt: skip
    assert made.notes == ("sip:bob@nowhere.example:5060: no such name: nowhere.example",)
    assert (made.steps, made.ends, made.status) == ((), 0.0, 480)


def test_what_the_hop_filter_keeps_back_stands_in_its_place_with_the_reason() -> None:
    known = KNOWN | {Question("gw-1.example.com", "A"): dns.Found((dns.Ip("127.0.0.1"),), 60.0)}
    made = plan(on_stage(), answers=known)
    first, second = made.steps
    assert (first.hop.origin, first.after) == ("SRV 10 0 5060 gw-1.example.com", None)
    assert first.refused == "loopback address; allow_hops does not list it"
    assert (second.hop.address, second.after, second.refused) == (GW_2, 0.0, "")


def test_a_hop_that_is_refused_at_the_end_of_a_list_is_told_too() -> None:
    known = KNOWN | {Question("gw-2.example.com", "A"): dns.Found((dns.Ip("127.0.0.1"),), 60.0)}
    assert [bool(step.refused) for step in plan(on_stage(), answers=known).steps] == [False, True]
    known |= {Question("gw-1.example.com", "A"): dns.Found((dns.Ip("127.0.0.2"),), 60.0)}
    stage = on_stage(Decide(sansip.Relay(["sip:gw-2.example.com:5060", f"sip:{GW_1}"])))
    made = plan(stage, answers=known)
    assert [(s.way, bool(s.refused)) for s in made.steps] == [(0, True), (1, False)]
    one_after_the_other = ToGroup()
    stage = on_stage(one_after_the_other)
    assert [bool(step.refused) for step in plan(stage, answers=known).steps] == [True, True]
    assert plan(stage, answers=known).status == 403


def test_a_literal_that_is_refused_is_told_once() -> None:
    (step,) = plan(on_stage(), make_request(uri="sip:bob@127.0.0.1")).steps
    assert (step.hop.origin, step.after) == ("literal", None)
    assert step.refused == "loopback address; allow_hops does not list it"


def test_hops_after_the_deadline_are_listed_without_a_time() -> None:
    made = plan(on_stage(ToGroup(deadline=2.0)))
    assert places(made) == [(str(GW_1), 0.0), (str(GW_2), None)]
    assert (made.ends, made.status) == (2.0, 408)


def test_a_method_that_does_not_advance_leaves_the_second_hop_no_time() -> None:
    """RFC 4320: the caller of a MESSAGE gives up after 32 s, and gets no 408."""
    made = plan(on_stage(ToGroup()), make_request("MESSAGE"))
    assert places(made) == [(str(GW_1), 0.0), (str(GW_2), None)]
    assert (made.ends, made.status) == (28.0, None)


def test_hops_beyond_the_limit_of_branches_are_listed_without_a_time() -> None:
    stage = on_stage(ToGroup(), limits=sansip.Limits(branches=1))
    made = plan(stage)
    assert places(made) == [(str(GW_1), 0.0), (str(GW_2), None)]
    assert made.notes == ("limit of 1 branches: not everything was tried",)


def test_the_list_has_an_end() -> None:
    members = [f"sip:203.0.113.{number % 250}:{5000 + number}" for number in range(400)]
    stage = on_stage(ToGroup(), groups={"gateways": members})
    assert len(plan(stage).steps) == 256


def test_stages_and_ways_are_told() -> None:
    targets = [sansip.Target(f"sip:203.0.113.{n}", q) for n, q in ((7, 1.0), (8, 0.5), (9, 1.0))]
    made = plan(on_stage(Decide(sansip.Relay(targets))))
    assert [(s.stage, s.way, s.hop.address.host, s.after) for s in made.steps] == [
        (1, 0, "203.0.113.7", 0.0),
        (1, 1, "203.0.113.9", 0.0),
        (2, 2, "203.0.113.8", 3.0),
    ]


def test_a_member_is_told_with_its_group() -> None:
    made = plan(on_stage(ToGroup()))
    assert [(step.group, step.member, step.uri) for step in made.steps] == [
        ("gateways", f"sip:gw-{n}.example.com:5060", f"sip:bob@gw-{n}.example.com:5060")
        for n in (1, 2)
    ]


def test_a_suspect_hop_is_told_as_such_and_comes_last() -> None:
    stage = on_stage(ToGroup())
    stage.receive(make_request("OPTIONS", branch="z9hG4bKearlier", call_id="earlier"))
    stage.advance(4)
    made = plan(stage)
    assert [(s.hop.address, s.after, s.suspect) for s in made.steps] == [
        (GW_2, 0.0, False),
        (GW_1, 3.0, True),
    ]
    stage.advance(2.5)  # now the second one has been silent, too
    assert [(s.hop.address, s.suspect) for s in plan(stage).steps] == [(GW_1, True), (GW_2, True)]


class Divert(ToGroup):
    def to_voicemail(self, failed: sansip.Failed) -> sansip.FailureDecision:
        return sansip.Relay("sip:voicemail@203.0.113.77")


def test_where_a_failure_route_leads_is_told_too() -> None:
    nowhere = {key: dns.NoName(60.0) for key in KNOWN}
    stage = on_stage(Divert(on_failure="to_voicemail"))
    assert places(plan(stage, answers=nowhere)) == [("203.0.113.77:5060", 0.0)]
    # Silence to the deadline asks nobody; a failure before that does.
    assert places(plan(stage)) == [
        (str(GW_1), 0.0),
        (str(GW_2), 3.0),
        ("203.0.113.77:5060", None),
    ]


# --- what is not relayed


class Raises(sansip.Policy):
    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        raise ValueError("no table")


def test_a_policy_that_raises_is_a_500_and_a_note() -> None:
    made = plan(on_stage(Raises()))
    assert made.decision == sansip.Reply(500)
    assert made.notes == ("the policy raised ValueError: no table",)
    assert (made.ends, made.status, made.steps) == (0.0, 500, ())


@pytest.mark.parametrize(
    ("decision", "status"),
    [(sansip.Reply(486), 486), (sansip.Drop(), None), (sansip.Local(), None)],
)
def test_what_the_policy_decides_instead_is_told(
    decision: sansip.Decision, status: int | None
) -> None:
    made = plan(on_stage(Decide(decision)))
    assert (made.decision, made.status, made.steps) == (decision, status, ())


def test_a_question_of_the_policy_is_told_and_nothing_after_it() -> None:
    made = plan(on_stage(Decide(sansip.Ask("who", "then"))))
    assert made.decision == sansip.Ask("who", "then")
    assert made.notes == (
        "the policy asks the embedding program, and decides when it has its answer",
    )


def test_what_the_checks_refuse_is_told() -> None:
    request = make_request(headers=[("Proxy-Require", "foo")])
    made = plan(on_stage(), request)
    assert made.status == 420
    assert "420" in made.notes[0]


@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_an_ack_or_a_cancel_goes_where_its_invite_went(method: str) -> None:
    made = plan(on_stage(), make_request(method))
    assert made.notes == (f"{method}: it goes where its INVITE went",)
    assert made.decision is None


def test_a_request_that_cannot_be_read_is_answered_as_ever() -> None:
    request = make_request().set("Via", "nonsense")
    made = plan(on_stage(), request)
    assert made.decision == sansip.Reply(400)
    assert made.notes


def test_a_request_whose_answer_may_go_nowhere_is_dropped() -> None:
    request = make_request().set("Via", f"SIP/2.0/UDP {CALLER};maddr=224.0.0.1;branch=z9hG4bKa")
    made = plan(on_stage(), request)
    assert made.decision == sansip.Drop()
    assert made.notes == ("Via leads to an address that no response goes to",)


# --- as whom, and when


def test_a_request_without_a_via_is_planned_as_if_the_source_had_written_one() -> None:
    assert plan(on_stage(), make_request().remove("Via")) == plan(on_stage())


def test_a_request_of_the_programs_own_follows_its_request_uri() -> None:
    made = plan(on_stage(Raises()), source=None)
    assert places(made) == [(str(GW_1), 0.0), (str(GW_2), 3.0)]
    assert made.decision == sansip.Relay("sip:bob@gw.example.com")
    assert (made.ends, made.status) == (32.0, 408)


def test_a_request_of_the_programs_own_that_is_none_is_its_mistake() -> None:
    with pytest.raises(sansip.LocalProtocolError, match="lacks call-id"):
        plan(on_stage(), make_request().remove("Call-ID"), source=None)


def test_a_request_that_is_in_flight_is_planned_as_if_it_were_new() -> None:
    stage = on_stage()
    fresh = plan(stage)
    stage.receive(make_request())
    assert places(plan(stage)) == places(fresh)
    assert plan(stage, answers={}).questions == ()


def test_a_request_within_a_dialog_follows_its_route_and_nobody_is_asked() -> None:
    stage = on_stage(Decide(sansip.Relay(f"sip:{GW_1}")))
    stage.receive(make_request())
    (route,) = stage.at(GW_1, "INVITE")[0].values("record-route")
    bye = make_request(
        "BYE", f"sip:bob@{GW_2}", branch="z9hG4bKbye", to_tag="gw", headers=[("Route", route)]
    )
    made = plan(stage, bye)
    assert made.decision is None
    assert places(made) == [(str(GW_2), 0.0)]


def test_a_request_over_tcp_is_planned_with_the_connection_open_and_silent() -> None:
    endpoints = [sansip.Endpoint(transport, str(PROXY)) for transport in ("udp", "tcp")]
    stage = on_stage(
        Decide(sansip.Relay(["sip:203.0.113.7;transport=tcp"], advance_after=None)),
        endpoints=endpoints,
    )
    request = make_request().set("Via", f"SIP/2.0/TCP {CALLER};branch=z9hG4bKa")
    made = plan(stage, request)
    assert [(str(step.hop), step.after) for step in made.steps] == [("tcp:203.0.113.7:5060", 0.0)]
    assert made.ends == 32.0
    over_sctp = make_request().set("Via", f"SIP/2.0/SCTP {CALLER};branch=z9hG4bKa")
    assert plan(stage, over_sctp) == made


def test_where_no_connection_may_be_opened_the_plan_goes_on() -> None:
    endpoints = [sansip.Endpoint(transport, str(PROXY)) for transport in ("udp", "tcp")]
    targets = [sansip.Target("sip:203.0.113.7;transport=tcp"), sansip.Target(f"sip:{GW_1}", 0.5)]
    stage = on_stage(
        Decide(sansip.Relay(targets)), endpoints=endpoints, limits=sansip.Limits(flows=0)
    )
    made = plan(stage)
    assert [(str(step.hop), step.after) for step in made.steps] == [
        ("tcp:203.0.113.7:5060", 0.0),
        (f"udp:{GW_1}", 0.0),
    ]
    assert made.notes == ("limit of 0 flows", "203.0.113.7:5060: too many connections")


# --- a plan is what happens

TTL = 1e5
ELSEWHERE = "sip:elsewhere@203.0.113.99"
HOSTS = ("one.example", "two.example", "three.example")
ADDRESSES = [f"203.0.113.{number}" for number in range(1, 6)] + ["127.0.0.1"]
ips = st.lists(st.sampled_from(ADDRESSES), max_size=3).map(
    lambda hosts: dns.Found(tuple(map(dns.Ip, hosts)), TTL) if hosts else dns.NoName(TTL)
)
srvs = st.one_of(
    st.just(dns.NoRecords(TTL)),
    st.just(dns.Failure("SERVFAIL")),
    st.just(dns.Found((dns.Srv(0, 0, 0, ""),), TTL)),
    st.lists(
        st.builds(
            dns.Srv, st.integers(1, 2), st.integers(0, 3), st.just(5060), st.sampled_from(HOSTS)
        ),
        min_size=1,
        max_size=4,
    ).map(lambda records: dns.Found(tuple(records), TTL)),
)


@st.composite
def zones(draw: st.DrawFn) -> dict[tuple[str, str], dns.Answer]:
    zone: dict[tuple[str, str], dns.Answer] = {}
    for host in HOSTS:
        zone[host, "NAPTR"] = dns.NoRecords(TTL)
        zone[f"_sip._udp.{host}", "SRV"] = draw(srvs)
        zone[host, "A"] = draw(ips)
    return zone


uris = st.sampled_from(
    [f"sip:{host}" for host in HOSTS]
    + [f"sip:{host}:5060" for host in HOSTS]
    + [f"sip:{address}" for address in ADDRESSES]
)
targets = st.lists(
    st.builds(sansip.Target, uris, st.sampled_from([1.0, 0.5])), min_size=1, max_size=6
)
wishes = st.builds(
    sansip.Dispatch,
    st.just("gateways"),
    st.sampled_from(ALGORITHMS),
    st.sampled_from(["host", "none"]),
    st.just("a key"),
)
relays = st.builds(
    sansip.Relay,
    st.one_of(uris, targets, wishes),
    advance_after=st.sampled_from(["default", None, 0.5, 7.0]),
    deadline=st.sampled_from([32.0, 10.0, 200.0]),
    on_failure=st.sampled_from([None, "elsewhere"]),
)


def elsewhere(failed: sansip.Failed) -> sansip.FailureDecision:
    tried = {attempt.uri for attempt in failed.tried}
    return sansip.Finish() if ELSEWHERE in tried else sansip.Relay(ELSEWHERE)


def silent_call(stage: Stage, request: sansip.Request) -> list[tuple[str, str, float]]:
    """What the gateways get that say nothing: Request-URI, address, and when for the first time."""
    came: dict[tuple[str, str], float] = {}
    began = stage.now

    def look(stage: Stage) -> None:
        for to, message in stage.sent:
            if isinstance(message, sansip.Request) and message.call_id == request.call_id:
                came.setdefault((message.uri_text, str(to)), round(stage.now - began, 6))

    stage.on_step = look
    stage.receive(request)
    stage.advance(300)
    return [(uri, to, after) for (uri, to), after in came.items()]


@given(
    zones(),
    st.lists(uris, min_size=1, max_size=5, unique=True),
    relays,
    st.sampled_from(["INVITE", "MESSAGE", "OPTIONS"]),
    st.sampled_from([16, 3, 1]),
    st.sampled_from(["", "2", "60"]),
    st.sampled_from([None, 30.0, 1000.0]),
)
def test_a_plan_is_what_happens_when_all_gateways_are_silent(
    zone: dict[tuple[str, str], dns.Answer],
    members: list[str],
    relay: sansip.Relay,
    method: str,
    branches: int,
    breadth: str,
    trial_after: float | None,
) -> None:
    limits = sansip.Limits(branches=branches, cache=CacheLimits(positive=TTL, failure=TTL))
    thresholds = sansip.Thresholds(trial_after=trial_after or 30.0)
    group = sansip.Group(tuple(map(sansip.Member, members)), thresholds=thresholds)
    settings = config(groups={"gateways": group}, limits=limits)
    headers = [("Max-Breadth", breadth)] if breadth else []
    request = make_request(method, headers=headers)
    stage = Stage(sansip.Engine(settings, Decide(relay, elsewhere=elsewhere)), zone=zone)
    known = {Question(*key): answer for key, answer in zone.items()}
    if trial_after is not None:
        # There has been such a call before: it has found out who is suspect.
        stage.receive(make_request(branch="z9hG4bKearlier", call_id="earlier"))
        stage.advance(300)
    made = plan(stage, request, answers=known)
    # What is asked first is tried first: with all the answers at hand that is the same each time.
    cache = stage.state.cache
    for question, answer in known.items():
        cache = locate.remember(cache, question, answer, stage.now, limits.cache)
    stage.state = dataclasses.replace(stage.state, cache=cache)
    assert plan(stage, request, answers={}).steps == made.steps
    happens = silent_call(stage, request)
    assert happens == [
        (step.uri, str(step.hop.address), step.after)
        for step in made.steps
        if step.after is not None
    ]
    finals = [
        response.status
        for response in stage.responses(method=method)
        if response.status >= 200 and response.call_id == request.call_id
    ]
    assert made.status == (finals[0] if finals else None)
    assert stage.is_empty()


@given(zones(), relays)
def test_asking_the_questions_of_a_plan_leads_to_the_plan_that_knew_all(
    zone: dict[tuple[str, str], dns.Answer], relay: sansip.Relay
) -> None:
    stage = Stage(
        sansip.Engine(config(groups={"gateways": [f"sip:{h}" for h in HOSTS]}), Decide(relay))
    )
    all_of_it = {Question(*key): answer for key, answer in zone.items()}
    known: dict[Question, dns.Answer] = {}
    for _ in range(20):
        made = plan(stage, answers=known)
        assert not any(question in known for question in made.questions)
        known |= {q: all_of_it.get(q, dns.NoName(TTL)) for q in made.questions}
    made = plan(stage, answers=known)
    assert made == plan(stage, answers=all_of_it | known)
    assert made.questions == ()


def test_it_is_for_the_state_as_it_is() -> None:
    """What is drawn hangs on the request alone, so that a plan says what the request will meet."""
    weights = dns.Found(tuple(dns.Srv(1, 1, 5060, f"gw-{n}.example.com") for n in (1, 2)), TTL)
    zone = ZONE | {("_sip._udp.gw.example.com", "SRV"): weights}
    firsts = set[str]()
    for number in range(20):
        stage = Stage(sansip.Engine(config(), ToName()), zone=zone)
        request = make_request(branch=f"z9hG4bK{number}")
        made = plan(stage, request, answers={Question(*k): a for k, a in zone.items()})
        assert [step.hop.address.host for step in made.steps] == [
            to.partition(":")[0] for _, to, _ in silent_call(stage, request)
        ]
        firsts.add(made.steps[0].hop.address.host)
    assert len(firsts) == 2
