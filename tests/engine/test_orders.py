"""The orders of a step: their sequence, their number, their names; and that nothing is left."""

from collections.abc import Callable

import pytest

import sansip
from sansip import dns
from stage import CALLER, GW_1, GW_2, SDP, Decide, Stage, ToName, make_request, on_stage


def plain_call(stage: Stage, number: int = 1) -> None:
    """Seven messages in, seven out: INVITE 100 180 200 ACK BYE 200."""
    branch, call_id = f"z9hG4bK{number}", f"call-{number}"
    stage.receive(make_request(branch=branch, call_id=call_id, body=SDP))
    stage.respond(100, GW_1)
    stage.respond(180, GW_1)
    stage.respond(200, GW_1)
    routes = [("Route", route) for route in stage.responses()[-1].values("record-route")]
    uri = f"sip:bob@{GW_1}"
    stage.receive(
        make_request("ACK", uri, branch=branch + "a", call_id=call_id, to_tag="gw", headers=routes)
    )
    stage.receive(
        make_request(
            "BYE", uri, branch=branch + "b", call_id=call_id, to_tag="gw", cseq=2, headers=routes
        )
    )
    stage.respond(200, GW_1, method="BYE")


def orders(stage: Stage) -> list[sansip.Action]:
    return [action for actions in stage.actions for action in actions]


def test_a_plain_call_costs_seven_messages_and_at_most_twelve_timer_orders() -> None:
    stage = on_stage()
    plain_call(stage, 1)  # asks DNS
    stage.actions.clear()
    plain_call(stage, 2)
    given = orders(stage)
    assert len([order for order in given if isinstance(order, sansip.Send)]) == 7
    timers = [o for o in given if isinstance(o, sansip.StartTimer | sansip.StopTimer)]
    assert len(timers) <= 12
    assert not [o for o in given if isinstance(o, sansip.Report | sansip.QueryDns)]


@pytest.mark.rule("SIO-03", "3261-17.1.1.2-01")
def test_what_is_sent_precedes_the_timer_that_guards_it() -> None:
    stage = on_stage()
    stage.receive(make_request())
    guarded: set[str] = set()
    for actions in stage.actions:
        sent = 0
        for action in actions:
            match action:
                case sansip.Send():
                    sent += 1
                case sansip.StartTimer(timer) if timer.owner.startswith("c|"):
                    assert sent
                    guarded.add(timer.name)
                case _:
                    pass
    assert guarded == {"A"}


@pytest.mark.rule("SIO-03")
def test_nothing_is_started_again_before_it_is_sent_again() -> None:
    stage = on_stage()
    stage.receive(make_request("MESSAGE"))
    stage.actions.clear()
    stage.advance(20.0)
    retransmissions = [
        actions
        for actions in stage.actions
        if [a for a in actions if isinstance(a, sansip.Send) and a.remote == GW_1]
    ]
    assert len(retransmissions) == 7
    for actions in retransmissions:
        assert [type(action) for action in actions] == [sansip.Send, sansip.StartTimer]


def scenario_success(stage: Stage) -> None:
    plain_call(stage)


def scenario_everything_fails(stage: Stage) -> None:
    stage.receive(make_request())
    stage.advance(100.0)


def scenario_refused_everywhere(stage: Stage) -> None:
    stage.receive(make_request())
    stage.respond(503, GW_1)
    stage.respond(500, GW_2)


def scenario_declined(stage: Stage) -> None:
    stage.receive(make_request())
    stage.advance(3.0)
    stage.respond(180, GW_1)
    stage.respond(603, GW_2)
    stage.respond(487, GW_1)


def scenario_both_answer(stage: Stage) -> None:
    stage.receive(make_request())
    stage.advance(3.0)
    stage.respond(180, GW_2)
    stage.respond(200, GW_1)
    stage.respond(200, GW_2)


def scenario_cancelled(stage: Stage) -> None:
    stage.receive(make_request())
    stage.advance(3.0)
    stage.respond(100, GW_2)
    stage.receive(make_request("CANCEL"))
    stage.respond(487, GW_2)


def scenario_no_dns(stage: Stage) -> None:
    stage.answer_dns = False
    stage.receive(make_request())
    stage.receive(make_request("OPTIONS", branch="z9hG4bKo"))
    stage.receive(make_request("ACK", branch="z9hG4bKa", to_tag="gw"))
    stage.advance(100.0)
    stage.answer_dns = True
    while stage.open_questions:  # an adapter answers in any case, at least with a time-out
        query = stage.open_questions.pop(0)
        stage.step(sansip.DnsAnswered(stage.now, query.query, dns.Failure("time-out")))


def scenario_rings_for_ever(stage: Stage) -> None:
    stage.receive(make_request())
    for _ in range(30):
        stage.respond(180, GW_1)
        stage.advance(60.0)


def scenario_non_invites(stage: Stage) -> None:
    for number, method in enumerate(["OPTIONS", "MESSAGE", "REGISTER", "BYE", "FNORD"]):
        stage.receive(make_request(method, branch=f"z9hG4bK{number}"))
    stage.respond(100, GW_1, method="OPTIONS")
    stage.respond(503, GW_1, method="MESSAGE")
    stage.advance(4.0)
    stage.respond(200, GW_2, method="REGISTER")


def scenario_submitted(stage: Stage) -> None:
    bare = make_request().remove("Via")
    stage.step(sansip.RequestSubmitted(stage.now, "a", bare))
    stage.advance(3.0)
    stage.step(sansip.CancelSubmitted(stage.now, "a"))
    stage.respond(180, GW_1)


SCENARIOS = [thing for name, thing in sorted(globals().items()) if name.startswith("scenario_")]


@pytest.mark.rule("SIO-05", "3261-16.7.9-03")
@pytest.mark.parametrize("late", ["first", "cancel"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_when_all_timers_have_fired_nothing_is_left(
    scenario: Callable[[Stage], None], late: str
) -> None:
    stage = on_stage(ToName(late=late))
    scenario(stage)
    stage.advance(3600.0)
    assert stage.is_empty()
    assert len(stage.agenda) == 0
    assert not stage.open_questions


@pytest.mark.rule("3261-17-T15", "3261-8.1.1.7-01")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_name_is_given_twice(scenario: Callable[[Stage], None]) -> None:
    stage = on_stage()
    scenario(stage)
    stage.advance(3600.0)
    given = orders(stage)
    sends = [order.id for order in given if isinstance(order, sansip.Send)]
    timers = [order.timer.serial for order in given if isinstance(order, sansip.StartTimer)]
    queries = [order.query for order in given if isinstance(order, sansip.QueryDns)]
    for names in (sends, timers, queries):
        assert len(set(names)) == len(names)
    branches = {
        (message.via.branch, to)
        for to, message in stage.sent
        if isinstance(message, sansip.Request)
    }
    assert len({branch for branch, _ in branches}) == len(branches)


@pytest.mark.rule("3261-8.1.1.7-01")
def test_no_two_transactions_share_a_branch() -> None:
    stage = on_stage()
    for number in range(100):
        stage.receive(make_request(branch=f"z9hG4bK{number}"))
    assert len({request.via.branch for request in stage.at(GW_1, "INVITE")}) == 100


def test_what_lingers_is_small() -> None:
    """Timers L and M hold every answered call for 32 s: none of the request is kept."""
    stage = on_stage()
    stage.receive(make_request(body=SDP))
    stage.respond(200, GW_1)
    (client,) = [record for _, record in stage.state.client.items()]
    (context,) = [record for _, record in stage.state.contexts.items()]
    assert (client.data, context.origin) == (b"", None)
    stage.receive(make_request(branch="z9hG4bK2", body=SDP))
    stage.respond(486, GW_1)
    assert {record.data for _, record in stage.state.client.items()} == {b""}


@pytest.mark.rule("SIO-09")
def test_a_send_says_all_that_an_adapter_needs() -> None:
    stage = on_stage(Decide(sansip.Reply(404)))
    (answer,) = stage.receive(make_request())
    stage = on_stage()
    sends = [action for action in stage.receive(make_request()) if isinstance(action, sansip.Send)]
    for send in (answer, sends[0]):
        assert isinstance(send, sansip.Send)
        assert (send.endpoint, send.remote, send.flow) == ("udp:192.0.2.10:5060", CALLER, None)
