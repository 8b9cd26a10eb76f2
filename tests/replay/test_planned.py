"""Other groups: which calls would go elsewhere, though policies decide the same."""

import pytest

import sansip
from journals import journal_of
from sansip import dns
from sansip.dispatch import Group
from sansip.journal import read
from sansip.replay import Decided, Moved, Tally, decisions, planned
from stage import CALLER, GW_1, GW_2, Decide, Stage, ToGroup, ToName, config, make_request, on_stage

ONE, TWO, NINE = [f"sip:gw-{n}.example.com:5060" for n in (1, 2, 9)]


def groups(*uris: str) -> dict[str, Group]:
    return dict(config(groups={"gateways": uris}).groups)


def moved(
    stage: Stage, others: dict[str, Group], policy: sansip.Policy | None = None
) -> tuple[list[Moved], Tally]:
    """What would go elsewhere, and how much has been looked at."""
    tally, found = Tally(), list[Moved]()
    for each in decisions(
        read(journal_of(stage)),
        policy or stage.engine.policy,
        stage.engine,
        groups=others,
        tally=tally,
    ):
        assert isinstance(each, Moved)
        found.append(each)
    return found, tally


def calls(stage: Stage, *names: str) -> Stage:
    for name in names:
        stage.receive(make_request(branch=f"z9hG4bK{name}", call_id=name))
        stage.respond(486, GW_1)
        stage.advance(40.0)
    return stage


def test_the_same_groups_move_nothing_and_are_not_planned_with() -> None:
    stage = calls(on_stage(ToGroup()), "one", "two")
    found, tally = moved(stage, groups(ONE, TWO))
    assert (found, tally.decisions, tally.plans) == ([], 2, 0)


def test_another_order_moves_every_call() -> None:
    stage = calls(on_stage(ToGroup()), "one", "two")
    found, tally = moved(stage, groups(TWO, ONE))
    assert [(each.group, each.request.call_id) for each in found] == [
        ("gateways", "one"),
        ("gateways", "two"),
    ]
    assert tally.plans == 2
    assert [step.uri for step in found[1].other] == [
        "sip:bob@gw-2.example.com:5060",
        "sip:bob@gw-1.example.com:5060",
    ]


def test_what_dns_has_said_so_far_is_known_and_all_else_has_an_address_that_is_not_shown() -> None:
    stage = calls(on_stage(ToGroup()), "one", "two")
    first, second = moved(stage, groups(NINE, ONE))[0]
    assert str(first) == (
        "step 1: INVITE sip:bob@gw.example.com would go elsewhere by group gateways "
        "(Call-ID one)\n"
        "    recorded  1. sip:bob@gw-1.example.com:5060\n"
        "    recorded  2. sip:bob@gw-2.example.com:5060\n"
        "    other     1. sip:bob@gw-9.example.com:5060\n"
        "    other     2. sip:bob@gw-1.example.com:5060"
    )
    assert "    recorded  1. sip:bob@gw-1.example.com:5060, udp:203.0.113.1:5060\n" in str(second)
    assert "    other     2. sip:bob@gw-1.example.com:5060, udp:203.0.113.1:5060" in str(second)


def test_names_without_a_port_are_asked_about_in_all_ways() -> None:
    stage = calls(on_stage(ToGroup()), "one")
    (found,) = moved(stage, groups("sip:gw-9.example.com"))[0]
    assert [step.next_hop for step in found.other] == ["sip:bob@gw-9.example.com"]


def test_by_ipv6_too() -> None:
    endpoint = sansip.Endpoint("udp", "[2001:db8::10]:5060")
    stage = on_stage(ToGroup(), endpoints=[endpoint])
    source, local = sansip.Address("2001:db8::1", 5060), sansip.Address("2001:db8::10", 5060)
    data = make_request(source=source).render()
    stage.step(sansip.DatagramReceived(1000.0, endpoint.name, source, local, data))
    (found,) = moved(stage, groups(NINE))[0]
    assert str(found).endswith("\n    other     1. sip:bob@gw-9.example.com:5060")


def test_health_is_what_was_recorded() -> None:
    """The first gateway was silent, so that it is tried last: nothing changes by asking it last."""
    stage = on_stage(ToGroup())
    stage.receive(make_request())
    stage.advance(3.1)
    stage.respond(486, GW_2)
    stage.advance(1.0)
    stage.receive(make_request(branch="z9hG4bKtwo", call_id="two"))
    assert stage.sent[-1][0] == GW_2
    found, _ = moved(stage, groups(TWO, ONE))
    assert [each.request.call_id for each in found] == ["call-1"]


def test_a_group_that_is_gone_leads_nowhere() -> None:
    stage = calls(on_stage(ToGroup()), "one")
    (found,) = moved(stage, {})[0]
    assert found.other == ()
    assert str(found).endswith("\n    other     1. nowhere")


def test_a_hop_that_is_refused_is_said_to_be() -> None:
    stage = calls(on_stage(ToGroup()), "one")
    (found,) = moved(stage, groups("sip:127.0.0.1:5060"))[0]
    assert "other     1. sip:bob@127.0.0.1:5060, udp:127.0.0.1:5060 (refused: " in str(found)


def by_question(request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
    return sansip.Ask("who?", "told")


def to_gateways(*_: object) -> sansip.Relay:
    return sansip.Relay(sansip.Dispatch("gateways"))


@pytest.mark.parametrize(
    "policy",
    [
        ToName(),
        Decide(sansip.Reply(404)),
        Decide(sansip.Relay("sip:gw-9.example.com", on_failure="told"), told=to_gateways),
        Decide(by_question, told=to_gateways),
    ],
    ids=["name", "reply", "failure route", "after a question"],
)
def test_only_new_requests_to_a_group_are_planned_with(policy: sansip.Policy) -> None:
    stage = on_stage(policy)
    stage.receive(make_request())
    if stage.consults:
        stage.step(sansip.Consulted(stage.now, stage.consults[0].question, "bob"))
    stage.advance(40.0)
    found, tally = moved(stage, groups(TWO, ONE))
    assert (found, tally.plans) == ([], 0)
    assert tally.decisions >= 1


def an_hour_later() -> Stage:
    """Both gateways were asked for; and when nobody knows their addresses any more, once again."""
    stage = on_stage(ToGroup())
    stage.receive(make_request())
    stage.advance(3600.0)
    assert stage.sent[-1][0] == CALLER  # nobody has answered
    stage.receive(make_request(branch="z9hG4bKend", call_id="end"))
    return stage


def test_what_dns_has_said_is_known_longer_than_it_holds() -> None:
    last = moved(an_hour_later(), groups(NINE))[0][-1]
    assert [line for line in str(last).splitlines() if "recorded" in line] == [
        "    recorded  1. sip:bob@gw-1.example.com:5060, udp:203.0.113.1:5060",
        "    recorded  2. sip:bob@gw-2.example.com:5060, udp:203.0.113.2:5060",
    ]


def test_of_what_dns_has_said_only_the_latest_is_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planned, "MOST_ANSWERS", 1)
    stage = an_hour_later()
    stage.step(sansip.DnsAnswered(stage.now, 999, dns.NoName(1.0)))  # which nobody has asked
    last = moved(stage, groups(NINE))[0][-1]
    assert sum(", udp:" in line for line in str(last).splitlines()) == 1


def test_of_one_call_alone() -> None:
    stage = calls(on_stage(ToGroup()), "one", "two")
    tally, journal = Tally(), read(journal_of(stage))
    found = decisions(journal, ToGroup(), stage.engine, groups=groups(TWO), call="two", tally=tally)
    assert [isinstance(each, Moved) and each.request.call_id for each in found] == ["two"]
    assert (tally.decisions, tally.plans) == (1, 1)


class ByTurns(ToGroup):
    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(sansip.Dispatch("gateways", "round-robin"), **self.options)


def test_by_another_algorithm_only_those_move_that_go_elsewhere() -> None:
    stage = calls(on_stage(ByTurns()), "one", "two", "three")
    found, tally = moved(stage, groups(ONE, TWO), ToGroup())
    assert [each.request.call_id for each in found] == ["two"]
    assert (tally.decisions, tally.plans) == (3, 3)


def test_what_is_no_business_of_groups_differs_as_ever() -> None:
    stage = calls(on_stage(ByTurns()), "one")
    journal = read(journal_of(stage))
    other = ToGroup(advance_after=1.0)
    (found,) = decisions(journal, other, stage.engine, groups=groups(ONE, TWO))
    assert isinstance(found, Decided)
    assert isinstance(found.other, sansip.Relay)
    assert found.other.advance_after == 1.0
    journal = read(journal_of(stage))
    (found,) = decisions(journal, ToName(), stage.engine, groups=groups(ONE, TWO))
    assert isinstance(found, Decided)
    journal = read(journal_of(stage))
    (found,) = decisions(journal, Decide(sansip.Reply(404)), stage.engine, groups=groups(ONE))
    assert isinstance(found, Decided)
