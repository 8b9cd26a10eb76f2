"""Forking with real messages: a target set from a policy, and what goes over the wire for it."""

from fractions import Fraction

import pytest

import sansip
from sansip import dns
from stage import CALLER, GW_1, GW_2, PROXY, Decide, Stage, Whatever, make_request, on_stage

DESK, MOBILE, HOME = (sansip.Address(f"203.0.113.{number}", 5060) for number in (11, 12, 13))
PHONES = DESK, MOBILE, HOME
ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'


def uri_of(phone: sansip.Address) -> str:
    return f"sip:bob@{phone.host}"


def forking(*to: Whatever, **options: Whatever) -> sansip.Policy:
    """A policy with these targets, or three phones at once."""
    return Decide(sansip.Relay(to or [uri_of(phone) for phone in PHONES], **options))


def called(
    policy: sansip.Policy | None = None, method: str = "INVITE", **options: Whatever
) -> Stage:
    """A stage on which the request has come."""
    stage = on_stage(policy or forking())
    stage.receive(make_request(method, "sip:bob@example.com", **options))
    return stage


def count(stage: Stage, method: str = "INVITE") -> list[int]:
    """How many requests of that method each phone has got."""
    return [len(stage.at(phone, method)) for phone in PHONES]


def finals(stage: Stage) -> list[int]:
    return [status for status in stage.statuses() if status >= 200]


# --- the target set


@pytest.mark.rule("3261-16.6-00", "3261-16.6.2-01", "3261-16.6.8-01", "3261-16.6.10-01")
def test_every_phone_gets_a_copy_with_its_own_request_uri_and_branch() -> None:
    stage = called()
    copies = [stage.at(phone, "INVITE") for phone in PHONES]
    assert [copy.uri_text for (copy,) in copies] == [uri_of(phone) for phone in PHONES]
    assert len({copy.via.branch for (copy,) in copies}) == 3
    assert stage.statuses() == [100]


@pytest.mark.rule("3261-16.6-00")
def test_the_highest_q_comes_first_and_equal_ones_together() -> None:
    stage = called(
        forking(
            sansip.Target(uri_of(HOME), 0.1),
            sansip.Target(uri_of(DESK), 0.5),
            sansip.Target(sansip.parse_uri(uri_of(MOBILE)), 0.5),
        )
    )
    assert count(stage) == [1, 1, 0]
    stage.respond(180, DESK)
    stage.respond(486, DESK)
    assert count(stage) == [1, 1, 0]
    stage.respond(404, MOBILE)
    assert count(stage) == [1, 1, 1]
    stage.respond(200, HOME)
    assert finals(stage) == [200]


@pytest.mark.rule("3261-16.6-00")
def test_strings_and_uris_have_a_q_of_1() -> None:
    stage = called(
        forking(sansip.Target(uri_of(HOME), 0.9), uri_of(DESK), sansip.parse_uri(uri_of(MOBILE)))
    )
    assert count(stage) == [1, 1, 0]


def test_a_single_target_is_a_target_set_too() -> None:
    stage = on_stage(Decide(sansip.Relay(sansip.Target(uri_of(DESK), q=0.2))))
    stage.receive(make_request())
    assert count(stage) == [1, 0, 0]


@pytest.mark.rule("3261-16.5-02", "3261-19.1.4-04")
def test_what_is_equivalent_is_tried_once_with_the_highest_q_that_it_has() -> None:
    stage = called(
        forking(
            sansip.Target(f"sip:bob@{DESK.host};x=1", 0.3),
            sansip.Target(uri_of(MOBILE), 0.5),
            sansip.Target("sip:%62ob@" + DESK.host, 0.9),
            sansip.Target(f"sip:bob@{DESK.host};method=INVITE", 0.8),  # means nothing here
        )
    )
    assert count(stage) == [1, 0, 0]
    stage.respond(404, DESK)
    stage.respond(486, MOBILE)
    assert count(stage) == [1, 1, 0]
    assert finals(stage) == [404]


@pytest.mark.rule("3261-16.5-02")
def test_what_is_equivalent_is_no_way_of_its_own() -> None:
    stage = on_stage(forking("sip:bob@gw.example.com", "sip:bob@GW.example.com"))
    stage.receive(make_request())
    assert len(stage.at(GW_1, "INVITE")) == 1
    assert stage.at(GW_2, "INVITE") == []


@pytest.mark.rule("3261-16.5-04")
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_an_empty_target_set_is_answered_480(method: str) -> None:
    stage = on_stage(Decide(sansip.Relay([])))
    stage.receive(make_request(method))
    assert stage.statuses(method=method)[-1] == 480
    stage.advance(64.0)
    assert stage.is_empty()


def test_an_ack_with_an_empty_target_set_is_dropped() -> None:
    stage = on_stage(Decide(sansip.Relay([])))
    stage.receive(make_request("ACK", to_tag="x"))
    assert not stage.sent
    assert stage.topics() == ["dropped"]


def test_an_ack_goes_to_the_best_target_alone() -> None:
    stage = on_stage(forking())
    stage.receive(make_request("ACK", to_tag="x"))
    assert count(stage, "ACK") == [1, 0, 0]


@pytest.mark.parametrize("q", [-0.1, 1.1, float("nan"), "high", None])
def test_a_q_that_is_none_is_the_policys_fault(q: Whatever) -> None:
    stage = called(forking(sansip.Target(uri_of(DESK), q)))
    assert finals(stage) == [500]
    (text,) = [report.text for report in stage.reports if report.topic == "policy"]
    assert "Relay(to=" in text or "it must be a number from 0 to 1" in text


@pytest.mark.parametrize("to", [42, [42], [None], ["not a URI"], None])
def test_what_is_no_target_is_the_policys_fault(to: Whatever) -> None:
    stage = on_stage(Decide(sansip.Relay(to)))
    stage.receive(make_request())
    assert finals(stage) == [500]
    assert "policy" in stage.topics()


def test_any_number_from_0_to_1_is_a_q() -> None:
    third: Whatever = Fraction(1, 3)
    stage = called(forking(sansip.Target(uri_of(HOME), 0), sansip.Target(uri_of(DESK), third)))
    assert count(stage) == [1, 0, 0]


def test_more_targets_than_branches_are_said_to_be_too_many() -> None:
    """Field notes 4, case 27."""
    stage = on_stage(forking(), limits=sansip.Limits(branches=2))
    stage.receive(make_request())
    assert count(stage) == [1, 1, 0]
    texts = [report.text for report in stage.reports]
    assert f"limit of 2 branches: {uri_of(HOME)} must wait" in texts


# --- who gets the call


@pytest.mark.rule("3261-16.7.10-01", "3326-2-01", "3261-9.1-04", "3261-16.7.5-01")
def test_three_phones_ring_one_answers_and_the_others_hear_that_it_was_elsewhere() -> None:
    stage = called()
    stage.respond(180, DESK, tag="desk")
    stage.respond(180, MOBILE, tag="mobile")
    stage.respond(200, MOBILE, tag="mobile")
    assert stage.statuses() == [100, 180, 180, 200]
    assert [response.to_tag for response in stage.responses()[1:]] == ["desk", "mobile", "mobile"]
    assert count(stage, "CANCEL") == [1, 0, 0]
    stage.respond(180, HOME)
    assert count(stage, "CANCEL") == [1, 0, 1]
    for phone in (DESK, HOME):
        (cancel,), (invite,) = stage.at(phone, "CANCEL"), stage.at(phone, "INVITE")
        assert cancel.rows("reason") == (ELSEWHERE,)
        assert cancel.via.branch == invite.via.branch
        stage.respond(200, phone, method="CANCEL")
        stage.respond(487, phone)
    assert finals(stage) == [200]
    stage.advance(64.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-16.7.10-02", "3261-16.7.5-03", "3261-16.7.5-04", "3261-16.7.9-03")
def test_two_phones_that_answer_are_both_heard_and_no_refusal_after_that() -> None:
    stage = called()
    stage.respond(180, DESK)
    stage.respond(180, HOME)
    stage.respond(200, DESK, tag="desk")
    stage.respond(200, HOME, tag="home")
    stage.respond(180, MOBILE)
    stage.respond(486, MOBILE)
    assert finals(stage) == [200, 200]
    assert [response.to_tag for response in stage.responses()[-2:]] == ["desk", "home"]
    assert len(stage.at(MOBILE, "ACK")) == 1


@pytest.mark.rule("3261-16.7.10-03", "3261-16.7.5-03")
def test_of_a_message_one_2xx_is_forwarded_and_nothing_is_cancelled() -> None:
    stage = called(method="MESSAGE")
    stage.respond(200, DESK, method="MESSAGE")
    stage.respond(200, HOME, method="MESSAGE")
    assert stage.statuses(method="MESSAGE") == [200]
    assert count(stage, "CANCEL") == [0, 0, 0]


@pytest.mark.rule("3261-16.7.5-02", "3261-16.7.6-02", "3326-2-01")
def test_a_6xx_is_the_answer_when_all_have_ended() -> None:
    stage = called(forking(uri_of(DESK), uri_of(MOBILE), sansip.Target(uri_of(HOME), 0.5)))
    stage.respond(180, MOBILE)
    stage.respond(603, DESK)
    assert finals(stage) == []
    assert stage.at(MOBILE, "CANCEL")[0].rows("reason") == ("SIP;cause=603",)
    stage.respond(487, MOBILE)
    assert finals(stage) == [603]
    assert count(stage) == [1, 1, 0]


@pytest.mark.rule("3261-16.7.5-02", "3261-16.7.10-02")
def test_a_2xx_that_crosses_a_6xx_wins() -> None:
    stage = called()
    stage.respond(180, MOBILE)
    stage.respond(600, DESK)
    stage.respond(200, MOBILE)
    assert finals(stage) == [200]


# --- the best response


@pytest.mark.rule(
    *("3261-16.7.6-01", "3261-16.7.6-02", "3261-16.7.6-03", "3261-16.7.6-04", "3261-16.7.6-05")
)
@pytest.mark.parametrize(
    ("statuses", "best"),
    [
        ((404, 486, 480), 404),  # the first to come
        ((404, 302, 500), 302),
        ((500, 404, 503), 404),
        ((486, 404, 407), 407),
        ((486, 420, 401), 420),
        ((404, 486, 600), 600),
        ((503, 500, 503), 500),
        ((503, 503, 503), 500),
        ((482, 482, 503), 500),
        ((None, 486, 404), 486),  # None: silence to the end
        ((None, 500, None), 408),
        ((None, None, None), 408),
    ],
)
def test_the_best_of_three_responses(statuses: tuple[int | None, ...], best: int) -> None:
    stage = called(forking(deadline=60.0))
    for phone, status in zip(PHONES, statuses, strict=True):
        if status is not None:
            stage.respond(status, phone, tag=f"t{status}")
    stage.advance(33.0)
    assert set(finals(stage)) == {best}  # sent again and again: nobody acknowledges it
    tag = stage.responses()[-1].to_tag
    received = best in statuses and (best, statuses.count(best)) != (503, 3)
    assert (tag == f"t{best}") == received  # 3261-16.7.6-05
    assert tag


@pytest.mark.rule("3261-16.7.7-01", "3261-7.3.1-04")
def test_all_challenges_reach_the_caller() -> None:
    stage = called()
    stage.respond(401, DESK, headers=(("WWW-Authenticate", 'Digest realm="desk", nonce="1"'),))
    proxies = ("Proxy-Authenticate", 'Digest realm="p"'), ("Proxy-Authenticate", 'Digest realm="q"')
    stage.respond(407, MOBILE, headers=proxies)
    stage.respond(401, HOME, headers=(("WWW-Authenticate", 'Digest realm="desk", nonce="1"'),))
    assert finals(stage) == [401]
    answer = stage.responses()[-1]
    assert answer.rows("www-authenticate") == ('Digest realm="desk", nonce="1"',) * 2
    assert answer.rows("proxy-authenticate") == ('Digest realm="p"', 'Digest realm="q"')


def test_more_challenges_than_a_datagram_holds_leave_the_answer_as_it_is() -> None:
    stage = called()
    for phone in (DESK, MOBILE, HOME):
        challenges = [("WWW-Authenticate", f'Digest realm="{n}{"x" * 1000}"') for n in range(12)]
        stage.respond(401, phone, headers=tuple(challenges))
    assert finals(stage) == [401]
    assert len(stage.responses()[-1].rows("www-authenticate")) == 12


@pytest.mark.rule("4320-4.2-03", "4320-4.2-01")
@pytest.mark.parametrize(("statuses", "got"), [((404,), [404]), ((), [])])
def test_of_a_message_the_real_answer_or_nothing(statuses: tuple[int, ...], got: list[int]) -> None:
    stage = called(method="MESSAGE")
    for phone, status in zip(PHONES, statuses, strict=False):
        stage.respond(status, phone, method="MESSAGE")
    stage.advance(64.0)
    assert [s for s in stage.statuses(method="MESSAGE") if s > 100] == got
    assert stage.is_empty()


# --- CANCEL


@pytest.mark.rule("3261-16.10-01", "3261-16.10-02", "3261-9.1-04")
def test_cancel_goes_to_every_phone_and_nothing_new_begins() -> None:
    policy = forking(uri_of(DESK), uri_of(MOBILE), sansip.Target(uri_of(HOME), 0.5))
    stage = called(policy)
    stage.respond(180, DESK)
    stage.receive(make_request("CANCEL", "sip:bob@example.com"))
    assert stage.statuses(method="CANCEL") == [200]
    assert count(stage, "CANCEL") == [1, 0, 0]
    stage.respond(100, MOBILE)
    assert count(stage, "CANCEL") == [1, 1, 0]
    stage.respond(487, DESK)
    stage.respond(487, MOBILE)
    assert finals(stage) == [487]
    stage.advance(100.0)
    assert count(stage) == [1, 1, 0]
    assert stage.is_empty()


@pytest.mark.rule("3261-16.10-03", "3261-16.10-02")
def test_cancel_while_several_names_are_looked_up_stops_all_lookups() -> None:
    stage = on_stage(forking("sip:bob@gw.example.com", "sip:bob@gw-1.example.com"))
    stage.answer_dns = False
    stage.receive(make_request())
    assert len(stage.open_questions) == 2
    stage.receive(make_request("CANCEL"))
    assert finals(stage) == [487]
    assert stage.open_questions == []
    stage.advance(64.0)
    assert stage.is_empty()


# --- lookups


def test_the_names_of_several_ways_are_looked_up_at_the_same_time() -> None:
    stage = on_stage(forking("sip:bob@gw-1.example.com:5060", "sip:bob@gw-2.example.com:5060"))
    stage.answer_dns = False
    stage.receive(make_request())
    assert [query.name for query in stage.open_questions] == [
        "gw-1.example.com",
        "gw-2.example.com",
    ]
    stage.open_questions.reverse()
    stage.answer_all()
    assert [to for to, _ in stage.sent[1:]] == [GW_2, GW_1]


def test_two_ways_may_wait_for_one_question() -> None:
    stage = on_stage(forking("sip:bob@gw-1.example.com:5060", "sip:alice@gw-1.example.com:5060"))
    stage.receive(make_request())
    assert stage.questions == [("gw-1.example.com", "A")]
    assert [copy.uri_text for copy in stage.at(GW_1, "INVITE")] == [
        "sip:bob@gw-1.example.com:5060",
        "sip:alice@gw-1.example.com:5060",
    ]


@pytest.mark.rule("3261-16.7.6-04", "3261-16.7.6-01")
def test_a_name_that_dns_fails_for_is_one_failure_among_others() -> None:
    stage = on_stage(forking(uri_of(DESK), "sip:bob@broken.example.com:5060"))
    stage.zone["broken.example.com", "A"] = dns.Failure("SERVFAIL")
    stage.receive(make_request())
    assert finals(stage) == []
    stage.respond(180, DESK)
    stage.respond(486, DESK)
    assert finals(stage) == [486]


def test_a_hop_that_is_forbidden_is_one_failure_among_others() -> None:
    stage = on_stage(forking(f"sip:bob@{PROXY}", uri_of(DESK)))
    stage.receive(make_request())
    assert "policy" in stage.topics()
    stage.respond(200, DESK)
    assert finals(stage) == [200]


# --- Max-Breadth


def breadths(stage: Stage) -> list[tuple[str, ...]]:
    return [copy.rows("max-breadth") for phone in PHONES for copy in stage.at(phone, "INVITE")]


@pytest.mark.rule("5393-5.3.3-01", "5393-5.3.3-02", "5393-5.3.3-04")
@pytest.mark.parametrize(
    ("rows", "shares"),
    [((), "20 20 20"), (("7",), "2 2 3"), (("900",), "20 20 20"), (("0", "x"), "20 20 20")],
)
def test_the_copies_share_the_max_breadth_of_the_request(
    rows: tuple[str, ...], shares: str
) -> None:
    stage = called(headers=[("Max-Breadth", row) for row in rows])
    assert breadths(stage) == [(share,) for share in shares.split()]


@pytest.mark.rule("5393-5.3.3-04", "5393-5.3.3-01")
def test_a_single_target_passes_the_whole_max_breadth() -> None:
    stage = called(forking(uri_of(DESK)), headers=[("Max-Breadth", "13")])
    assert breadths(stage) == [("13",)]


@pytest.mark.rule("5393-5.3.3-02", "5393-5.3.3-03", "5393-5.3.3.1-01")
def test_with_a_max_breadth_of_1_the_phones_ring_one_after_the_other() -> None:
    stage = called(headers=[("Max-Breadth", "1")])
    assert count(stage) == [1, 0, 0]
    stage.respond(180, DESK)
    stage.respond(486, DESK)
    assert count(stage) == [1, 1, 0]
    stage.respond(486, MOBILE)
    assert count(stage) == [1, 1, 1]
    assert breadths(stage) == [("1",)] * 3
    stage.respond(200, HOME)
    assert finals(stage) == [200]


@pytest.mark.rule("5393-5.4.1-01")
def test_a_cancel_has_no_max_breadth() -> None:
    stage = called()
    stage.respond(180, DESK)
    stage.respond(200, MOBILE)
    (cancel,) = stage.at(DESK, "CANCEL")
    assert cancel.rows("max-breadth") == ()


@pytest.mark.rule("5393-5.4.1-01")
def test_the_max_breadth_of_a_cancel_is_not_looked_at() -> None:
    stage = called()
    stage.respond(180, DESK)
    cancel = make_request("CANCEL", "sip:bob@example.com", headers=[("Max-Breadth", "zero")])
    stage.receive(cancel)
    assert stage.statuses(method="CANCEL") == [200]


@pytest.mark.rule("5393-5.3.3-01")
@pytest.mark.parametrize(("rows", "breadth"), [((), "60"), (("5",), "5")])
def test_a_relayed_ack_has_one_too(rows: tuple[str, ...], breadth: str) -> None:
    stage = on_stage(forking())
    headers = [("Max-Breadth", row) for row in rows]
    stage.receive(make_request("ACK", to_tag="x", headers=headers))
    assert stage.at(DESK, "ACK")[0].rows("max-breadth") == (breadth,)


# --- failure routes, and requests of the program's own


class Voicemail(sansip.Policy):
    """Two phones, and then whatever a failure route says."""

    def __init__(self, decision: Whatever) -> None:
        self.decision = decision
        self.failed: list[sansip.Failed] = []

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay([uri_of(DESK), uri_of(MOBILE)], on_failure="nobody")

    def nobody(self, failed: sansip.Failed) -> sansip.FailureDecision:
        self.failed.append(failed)
        decision: sansip.FailureDecision = self.decision
        return decision


def test_a_failure_route_sees_all_phones_and_may_choose_more() -> None:
    policy = Voicemail(sansip.Relay([uri_of(HOME), uri_of(DESK)]))
    stage = called(policy)
    stage.respond(486, DESK)
    stage.respond(404, MOBILE)
    (failed,) = policy.failed
    assert [(tried.hop.address, tried.status) for tried in failed.tried] == [
        (DESK, 486),
        (MOBILE, 404),
    ]
    assert failed.remaining == ()
    assert failed.best is not None
    assert failed.best.status == 486
    assert count(stage) == [1, 1, 1]  # 3261-16.5-02: the desk is not asked again


def test_what_remains_are_the_hops_of_all_ways() -> None:
    class Gateways(sansip.Policy):
        def __init__(self) -> None:
            self.remaining: tuple[str, ...] = ()

        def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
            return sansip.Relay(["sip:bob@gw.example.com", uri_of(DESK)], on_failure="more")

        def more(self, failed: sansip.Failed) -> sansip.FailureDecision:
            self.remaining = failed.remaining
            return sansip.TryNext()

    policy = Gateways()
    stage = called(policy)
    stage.respond(404, GW_1)
    stage.respond(404, DESK)
    assert policy.remaining == (f"udp:{GW_2}",)
    assert len(stage.at(GW_2, "INVITE")) == 1


def test_a_submitted_request_may_go_to_several_targets() -> None:
    stage = on_stage()
    request = make_request("OPTIONS").remove("via")
    relay = sansip.Relay([uri_of(DESK), uri_of(MOBILE)])
    stage.step(sansip.RequestSubmitted(stage.now, "h", request, relay))
    stage.respond(404, DESK, method="OPTIONS")
    stage.respond(200, MOBILE, method="OPTIONS")
    assert [
        d.message.status for d in stage.delivered if isinstance(d.message, sansip.Response)
    ] == [200]
    assert stage.sent[0][0] != CALLER
