"""Another policy is asked what the recorded one was asked; the answers that differ."""

from collections.abc import Callable

import pytest

import sansip
from journals import always, head_of, journal_of
from sansip.journal import BODY, CREDENTIALS, JournalError, Named, Writer, read
from sansip.replay import Decided, Difference, Moved, Raised, decisions
from stage import (
    GW_1,
    GW_2,
    Decide,
    Stage,
    ToGroup,
    ToName,
    Whatever,
    config,
    make_request,
    on_stage,
)

PLAIN = sansip.Relay(sansip.Dispatch("gateways"))


def compared(
    recorded: sansip.Policy, other: sansip.Policy, play: Callable[[Stage], object]
) -> Decided | None:
    stage = on_stage(recorded)
    play(stage)
    engine = sansip.Engine(config(), recorded)
    found = next(decisions(read(journal_of(stage)), other, engine), None)
    assert not isinstance(found, Moved | Difference)  # groups are the same, and so is the core
    return found


def a_call(stage: Stage) -> None:
    stage.receive(make_request())
    stage.respond(486, GW_1)
    stage.respond(200, GW_2) if stage.at(GW_2, "INVITE") else None


def test_the_same_policy_decides_the_same() -> None:
    assert compared(ToGroup(), ToGroup(), a_call) is None


def test_the_first_decision_that_differs_is_told() -> None:
    found = compared(ToGroup(), ToName(), a_call)
    assert found is not None
    assert (found.number, found.method) == (1, "route")
    assert found.recorded == PLAIN
    assert isinstance(found.other, sansip.Relay)
    assert found.other.to == "sip:bob@gw.example.com"
    first, recorded, other = str(found).splitlines()
    assert first == (
        "step 1: route decides otherwise about INVITE sip:bob@gw.example.com (Call-ID call-1)"
    )
    assert recorded.startswith("    recorded  Relay to=(Dispatch group=gateways ")
    assert other == "    other     Relay to=sip:bob@gw.example.com"


def test_what_is_asked_is_what_the_recorded_policy_was_asked() -> None:
    """History stays as it was: the other one is asked about the second call, too."""

    def two(stage: Stage) -> None:
        stage.receive(make_request())
        stage.receive(make_request("OPTIONS", branch="z9hG4bK2", call_id="call-2"))

    def by_method(request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Reply(200) if request.method == "OPTIONS" else PLAIN

    found = compared(ToGroup(), Decide(by_method), two)
    assert found is not None
    assert (found.number, found.request.method) == (3, "OPTIONS")
    assert found.other == sansip.Reply(200)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["sip:a@h", "sip:b@h"], ("sip:a@h", "sip:b@h")),
        ("sip:a@h", sansip.parse_uri("sip:a@h")),
    ],
)
def test_decisions_that_mean_the_same_do_not_differ(one: Whatever, other: Whatever) -> None:
    policies = Decide(sansip.Relay(one)), Decide(sansip.Relay(other))
    assert compared(*policies, lambda stage: stage.receive(make_request())) is None


def test_history_stays_as_it_was_however_much_differs() -> None:
    asked = sansip.Relay(sansip.Dispatch("gateways"), on_failure="failed")
    recorded = Decide(asked, failed=always(sansip.Reply(480)))
    other = Decide(sansip.Reply(486), failed=always(sansip.Reply(404)))
    stage = on_stage(recorded)
    a_call(stage)
    stage.receive(make_request("OPTIONS", branch="z9hG4bK2", call_id="call-2"))
    found = [
        each
        for each in decisions(read(journal_of(stage)), other, stage.engine)
        if isinstance(each, Decided)
    ]
    assert [(each.method, each.request.method) for each in found] == [
        ("route", "INVITE"),
        ("failed", "INVITE"),
        ("route", "OPTIONS"),
    ]
    assert [each.number for each in found] == [1, 3, len(stage.events)]


def test_failure_routes_are_compared() -> None:
    asked = sansip.Relay(sansip.Dispatch("gateways"), on_failure="failed")
    one = Decide(asked, failed=always(sansip.Reply(480)))
    found = compared(one, Decide(asked, failed=always(sansip.Reply(404))), a_call)
    assert found is not None
    assert (found.method, found.recorded, found.other) == (
        "failed",
        sansip.Reply(480),
        sansip.Reply(404),
    )
    assert found.request.method == "INVITE"


def test_what_is_decided_after_a_question_is_compared() -> None:
    def consulted(stage: Stage) -> None:
        stage.receive(make_request())
        stage.step(sansip.Consulted(stage.now, stage.consults[0].question, "bob"))

    asked = sansip.Ask("who?", "told")
    one = Decide(asked, told=always(sansip.Reply(404)))
    found = compared(one, Decide(asked, told=always(sansip.Reply(480))), consulted)
    assert found is not None
    assert (found.number, found.method) == (2, "told")


class Within(ToGroup):
    def __init__(self, decision: sansip.Decision | None) -> None:
        super().__init__()
        self._within = decision

    def in_dialog(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision | None:
        return self._within


def a_bye(stage: Stage) -> None:
    """Within a dialog that was set up here."""
    stage.receive(make_request())
    stage.respond(200, GW_1)
    response = stage.responses()[-1]
    routes = [("Route", route) for route in reversed(response.values("record-route"))]
    stage.receive(
        make_request("BYE", f"sip:bob@{GW_1}", branch="z9hG4bKb", to_tag="gw", headers=routes)
    )


def test_what_is_decided_within_dialogs_is_compared_if_the_recorded_policy_decides_it() -> None:
    found = compared(Within(None), Within(sansip.Reply(481)), a_bye)
    assert found is not None
    assert (found.method, found.request.method) == ("in_dialog", "BYE")
    assert compared(ToGroup(), Within(sansip.Reply(481)), a_bye) is None
    found = compared(Within(sansip.Reply(481)), ToGroup(), a_bye)
    assert found is not None
    assert found.other is None


def test_a_policy_that_raises_has_decided_something_else() -> None:
    def fail(request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        raise KeyError(request.method)

    raised = Raised("KeyError: 'INVITE'")
    found = compared(ToGroup(), Decide(fail), a_call)
    assert found is not None
    assert found.other == raised
    found = compared(Decide(fail), ToGroup(), lambda stage: stage.receive(make_request()))
    assert found is not None
    assert found.recorded == raised
    assert compared(Decide(fail), Decide(fail), lambda s: s.receive(make_request())) is None


def test_a_policy_without_the_method_has_decided_something_else() -> None:
    asked = sansip.Relay(sansip.Dispatch("gateways"), on_failure="failed")
    found = compared(Decide(asked, failed=always(sansip.Finish())), Decide(asked), a_call)
    assert found is not None
    assert found.recorded == sansip.Finish()
    assert isinstance(found.other, Raised)


def test_it_ends_where_it_is_told_to() -> None:
    stage = on_stage(ToGroup())
    stage.receive(make_request())
    journal = read(journal_of(stage))
    assert list(decisions(journal, ToName(), stage.engine, until=0)) == []


def test_it_goes_on_with_the_engine_that_follows() -> None:
    lines: list[str] = []
    stage = on_stage(ToGroup())
    writer = Writer(lines.append, head_of(config(), Named("stage:ToGroup")))
    writer.swap(config(), Named("stage:ToName"))
    stage.engine = sansip.Engine(config(), ToName())
    stage.receive(make_request())
    for event, actions in zip(stage.events, stage.actions, strict=True):
        writer.event(event, actions)
    policies: dict[str, sansip.Policy] = {"stage:ToGroup": ToGroup(), "stage:ToName": ToName()}
    find = policies.__getitem__
    assert list(decisions(read(lines), ToName(), policies=find)) == []
    assert len(list(decisions(read(lines), ToGroup(), policies=find))) == 1
    with pytest.raises(JournalError, match="hand in an engine"):
        next(decisions(read(lines), ToGroup()))


def test_of_a_redacted_journal_all_is_asked_too() -> None:
    stage = on_stage(ToGroup())
    stage.receive(make_request(headers=[("Proxy-Authorization", "Digest a")]))
    stage.respond(503, GW_1)
    stage.respond(404, GW_2)
    lines = journal_of(stage, redacted=[*CREDENTIALS, BODY])
    seen: list[str] = []

    class Watching(ToGroup):
        def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
            seen.append(request.get("proxy-authorization") or "")
            return super().route(request, scene)

    assert list(decisions(read(lines), Watching(), stage.engine)) == []
    assert seen == ["xxxxxx x"]


def test_a_journal_that_does_not_replay_says_nothing_of_decisions_behind_that() -> None:
    """They would be about a state which never was."""
    stage = on_stage(ToGroup())
    a_call(stage)
    stage.receive(make_request(branch="z9hG4bK2", call_id="call-2"))
    lines = journal_of(stage)
    lines[3] = lines[3].replace("Max-Forwards: 69", "Max-Forwards: 68")
    found = list(decisions(read(lines), Decide(sansip.Reply(404)), stage.engine))
    assert [type(each) for each in found] == [Decided, Difference]
    assert [each.number for each in found] == [1, 2]
