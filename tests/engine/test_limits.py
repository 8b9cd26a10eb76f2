"""Limits: a full table answers 503 without state, and grows no further."""

import pytest

import sansip
from sansip.engine import contexts
from stage import CALLER, GW_1, GW_2, Decide, Stage, make_request, on_stage

OTHER = sansip.Address("198.51.100.2", 5060)
SIZE = len(make_request(branch="z9hG4bK0", call_id="0").render())


def call(stage: Stage, number: int, source: sansip.Address = CALLER, to_tag: str = "") -> None:
    stage.receive(
        make_request(branch=f"z9hG4bK{number}", call_id=f"{number}", source=source, to_tag=to_tag),
        source,
    )


def dialog(stage: Stage) -> list[tuple[str, str]]:
    """Set up a dialog, long ago; the Route that proves it."""
    call(stage, 99)
    stage.respond(200, GW_1)
    routes = [("Route", route) for route in stage.responses()[-1].values("record-route")]
    stage.advance(3600.0)
    assert stage.is_empty()
    stage.sent.clear()
    return routes


def within(stage: Stage, number: int, routes: list[tuple[str, str]]) -> None:
    """A new INVITE in that dialog."""
    uri, branch = f"sip:bob@{GW_1}", f"z9hG4bK{number}"
    stage.receive(make_request(uri=uri, branch=branch, call_id="99", to_tag="gw", headers=routes))


@pytest.mark.rule("3261-16.3-09")
@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (sansip.Limits(transactions=11), "limit of 11 transactions"),
        (sansip.Limits(in_flight=11), "limit of 11 requests in flight"),
        (
            sansip.Limits(bytes_in_flight=11 * SIZE),
            f"limit of {11 * SIZE} bytes in flight",
        ),
        (
            sansip.Limits(in_flight_per_source=11),
            "limit of 11 requests in flight from 198.51.100.1",
        ),
    ],
)
def test_a_full_table_answers_503_without_state(limits: sansip.Limits, text: str) -> None:
    stage = on_stage(limits=limits)
    routes = dialog(stage)
    for number in range(10):
        call(stage, number)
    assert stage.statuses() == [100] * 10
    kept = len(stage.state.server), stage.state.in_flight
    for _ in range(2):
        call(stage, 10)
    refused, again = stage.responses()[-2:]
    assert refused == again
    assert (refused.status, refused.get("retry-after")) == (503, "10")
    assert (len(stage.state.server), stage.state.in_flight) == kept
    assert ("limit", text) in [(report.topic, report.text) for report in stage.reports]
    # Who is in a dialog already comes first: there is some room left for them.
    call(stage, 11, to_tag="forged")
    assert stage.statuses()[-1] == 503
    assert (len(stage.state.server), stage.state.in_flight) == kept
    within(stage, 12, routes)
    assert stage.statuses()[-1] == 100
    within(stage, 13, routes)
    assert stage.statuses()[-1] == 503
    # And a CANCEL, or else nobody could make room.
    stage.receive(make_request("CANCEL", branch="z9hG4bK0", call_id="0"))
    assert stage.statuses(method="CANCEL") == [200]


def test_of_the_bytes_in_flight_none_are_left_over() -> None:
    stage = on_stage()
    for number, status in enumerate([200, 486]):
        call(stage, number)
        assert stage.state.bytes_in_flight == SIZE
        stage.respond(status, GW_1)
        assert stage.state.bytes_in_flight == 0
    call(stage, 3)
    stage.advance(3600.0)
    assert stage.state.bytes_in_flight == 0


def test_one_source_does_not_take_the_room_of_another() -> None:
    stage = on_stage(limits=sansip.Limits(in_flight_per_source=2))
    call(stage, 1)
    call(stage, 2)
    call(stage, 3)
    assert stage.statuses() == [100, 100, 503]
    call(stage, 4, OTHER)
    assert stage.statuses(OTHER) == [100]


def test_an_answered_request_is_in_flight_no_more() -> None:
    stage = on_stage(limits=sansip.Limits(in_flight=2))
    for number, status in enumerate([200, 486, 503, 600]):
        call(stage, number)
        stage.respond(status, GW_1)
        if status == 503:
            stage.respond(404, GW_2)
        assert stage.statuses()[-1] != 503
        assert stage.state.in_flight == 0
        assert len(stage.state.sources) == 0
    call(stage, 9)
    assert stage.statuses()[-1] == 100


@pytest.mark.rule("3261-9.2-02")
def test_cancels_that_match_nothing_do_not_grow_the_table() -> None:
    stage = on_stage(limits=sansip.Limits(transactions=10))
    for number in range(50):
        stage.receive(make_request("CANCEL", branch=f"z9hG4bK{number}"))
    assert stage.statuses(method="CANCEL") == [481] * 50
    assert len(stage.state.server) <= 10


def test_a_request_has_a_limited_number_of_branches() -> None:
    hosts = [f"sip:203.0.113.{number}" for number in range(1, 9)]
    policy = Decide(sansip.Relay(sansip.Dispatch("many")))
    stage = on_stage(policy, groups={"many": hosts}, limits=sansip.Limits(branches=3))
    stage.receive(make_request())
    for number in range(1, 9):
        remote = sansip.Address(f"203.0.113.{number}", 5060)
        if stage.at(remote, "INVITE"):
            stage.respond(503, remote)
    assert len([send for send in stage.sends if b"INVITE sip:" in send.data[:20]]) == 3
    assert stage.statuses() == [100, 500]


@pytest.mark.rule("SIO-10")
def test_dns_questions_in_flight_are_limited() -> None:
    stage = on_stage(limits=sansip.Limits(questions=2))
    stage.answer_dns = False
    for number, host in enumerate(["a.example", "b.example", "c.example", "a.example"]):
        stage.receive(make_request(uri=f"sip:bob@{host}", branch=f"z9hG4bK{number}"))
    assert [name for name, _ in stage.questions] == ["a.example", "b.example"]
    assert stage.statuses() == [100, 100, 100, 503, 100]
    assert ("limit", "c.example") in [(report.topic, report.about) for report in stage.reports]
    stage.answer_all()
    stage.advance(60.0)
    assert stage.is_empty()
    # It was not remembered as an answer: there is room now.
    stage.receive(make_request(uri="sip:bob@c.example", branch="z9hG4bKagain"))
    assert stage.questions[-1] == ("c.example", "NAPTR")


# --- Quiesce


@pytest.mark.rule("3261-16.3-09")
def test_who_is_to_be_shut_down_takes_no_new_requests() -> None:
    stage = on_stage()
    routes = dialog(stage)
    call(stage, 1)
    stage.step(sansip.Administered(stage.now, sansip.Quiesce(120)))
    call(stage, 2)
    refused = stage.responses()[-1]
    assert (refused.status, refused.get("retry-after")) == (503, "120")
    # What is going on continues.
    call(stage, 1)
    stage.respond(200, GW_1)
    within(stage, 3, routes)
    assert stage.statuses() == [100, 503, 100, 200, 100]
    call(stage, 4, to_tag="forged")
    assert stage.statuses()[-1] == 503
    stage.receive(make_request("CANCEL", branch="z9hG4bK3"))
    assert stage.statuses(method="CANCEL") == [200]


def test_by_default_the_caller_may_come_back_at_once() -> None:
    stage = on_stage()
    stage.step(sansip.Administered(stage.now, sansip.Quiesce()))
    call(stage, 1)
    assert stage.responses()[-1].get("retry-after") == "0"


# --- a bug may not hang an engine


def test_the_news_of_one_step_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "MOST_TOLD", 1)
    stage = on_stage(
        Decide(sansip.Relay(sansip.Dispatch("loops"))), groups={"loops": ["sip:127.0.0.1"] * 5}
    )
    call(stage, 1)
    assert stage.reports[-1].topic == "limit"
    assert stage.statuses() == [100]
    stage.advance(3600.0)
    assert stage.statuses()[1] == 408
    assert stage.is_empty()


def test_one_answer_of_dns_may_help_any_number_of_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """MOST_TOLD is 10,000, and 100,000 requests may be in flight, all waiting for one name."""
    monkeypatch.setattr(contexts, "MOST_TOLD", 100)
    stage = on_stage()
    stage.answer_dns = False
    for number in range(101):
        call(stage, number)
    stage.answer_dns = True
    stage.answer_all()
    assert len(stage.at(GW_1, "INVITE")) == 101


def test_acks_that_wait_for_dns_are_limited_too() -> None:
    """They have no transaction, and anybody can send them."""
    stage = on_stage(limits=sansip.Limits(in_flight=3))
    stage.answer_dns = False
    for number in range(10):
        stage.receive(make_request("ACK", branch=f"z9hG4bK{number}", to_tag=f"t{number}"))
    assert len(stage.state.searches) == 3
    assert stage.topics().count("limit") == 7
    stage.answer_all()
    assert len(stage.at(GW_1, "ACK")) == 3
    assert stage.is_empty()
