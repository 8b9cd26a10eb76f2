"""Draining a member of a group, and enabling it again."""

import pickle

import pytest

import sansip
from probing import LITERAL, answer, group, letters, on_watch, order, probes
from sansip.engine.fleet import Watch
from stage import CALLER, GW_1, GW_2, Decide, Stage, Whatever, config, make_request

FIRST, SECOND = sansip.Drain("gateways", LITERAL[0]), sansip.Drain("gateways", LITERAL[1])
BACK = sansip.Enable("gateways", LITERAL[0])


def call(stage: Stage, number: int = 1, method: str = "INVITE") -> None:
    stage.receive(make_request(method, branch=f"z9hG4bK{number}", call_id=f"call-{number}"))


def test_a_drained_member_gets_no_new_calls() -> None:
    stage = on_watch(group(probing=None))
    order(stage, FIRST)
    call(stage)
    stage.advance(5.0)
    assert not stage.at(GW_1, "INVITE")
    assert stage.at(GW_2, "INVITE")
    assert letters(stage) == ["DX", "IX"]


def test_calls_in_flight_are_not_touched() -> None:
    stage = on_watch(group(probing=None))
    call(stage)
    order(stage, FIRST)
    order(stage, SECOND)
    stage.respond(180, GW_1)
    stage.respond(200, GW_1)
    assert stage.statuses() == [100, 180, 200]
    call(stage, 2)
    assert stage.statuses()[3:] == [100, 480]


def test_a_call_that_is_hunting_keeps_its_plan() -> None:
    stage = on_watch(group(probing=None))
    call(stage)
    order(stage, SECOND)
    stage.respond(503, GW_1)
    assert stage.at(GW_2, "INVITE")


def test_all_members_drained_is_a_480() -> None:
    stage = on_watch(group(probing=None))
    order(stage, FIRST)
    order(stage, SECOND)
    call(stage)
    call(stage, 2, "MESSAGE")
    assert stage.statuses() == [100, 480]
    assert stage.statuses(CALLER, "MESSAGE") == [480]
    stage.advance(100.0)
    assert stage.is_empty()


@pytest.mark.parametrize("again", [True, False])
def test_with_all_members_drained_the_failure_route_is_asked_and_nothing_loops(
    again: bool,  # noqa: FBT001 - a parameter
) -> None:
    asked: list[sansip.Failed] = []

    def lost(failed: sansip.Failed) -> Whatever:
        asked.append(failed)
        here = sansip.Relay(sansip.Dispatch("gateways"), on_failure="lost")
        return here if again else sansip.Reply(486)

    policy = Decide(sansip.Relay(sansip.Dispatch("gateways"), on_failure="lost"), lost=lost)
    stage = Stage(sansip.Engine(config(groups={"gateways": group(probing=None)}), policy))
    order(stage, FIRST)
    order(stage, SECOND)
    call(stage)
    assert stage.statuses() == [100, 480 if again else 486]
    assert len(asked) == 1
    assert not asked[0].tried


def test_an_ack_for_a_group_that_is_drained_is_dropped() -> None:
    stage = on_watch(group(probing=None))
    order(stage, FIRST)
    order(stage, SECOND)
    call(stage, 1, "ACK")
    assert stage.topics() == ["failover", "dropped"]


def test_a_drained_member_gets_no_probes() -> None:
    stage = on_watch()
    order(stage, FIRST)
    assert len(stage.state.client) == 1  # nor does the one under way go on
    stage.advance(10.0)
    assert len(probes(stage, GW_1)) == 1
    assert len(probes(stage, GW_2)) == 6
    assert letters(stage) == ["DX", "IP"]


def test_a_member_that_is_drained_while_it_is_located_gets_no_probe() -> None:
    stage = on_watch(group("sip:gw-1.example.com:5060"))
    order(stage, sansip.FlushCache())
    stage.answer_dns = False
    stage.advance(2.0)
    assert stage.open_questions
    stage.sends.clear()
    order(stage, sansip.Drain("gateways", "sip:gw-1.example.com:5060"))
    assert not stage.open_questions
    assert not len(stage.state.searches)
    assert len(stage.state.fleet.watch.paths) == len(stage.state.fleet.watch.probes) == 0
    stage.advance(10.0)
    assert not stage.sends


def test_draining_twice_is_draining_once() -> None:
    stage = on_watch()
    order(stage, FIRST)
    before = stage.state.freeze()
    assert order(stage, FIRST) == ()
    assert stage.state == before
    order(stage, BACK)
    assert letters(stage) == ["AP", "AP"]


def test_an_enabled_member_gets_calls_and_probes_again() -> None:
    stage = on_watch()
    order(stage, FIRST)
    order(stage, SECOND)
    order(stage, BACK)
    call(stage)
    assert stage.at(GW_1, "INVITE")
    stage.advance(2.0)
    assert len(probes(stage, GW_1)) == 2
    assert letters(stage) == ["AP", "DX"]


def test_enabling_ends_a_suspicion() -> None:
    stage = on_watch()
    answer(stage, GW_1)
    stage.advance(1.0)
    answer(stage, GW_2)
    stage.advance(1.0)
    stage.icmp(GW_1, stage.sends[-2].data)
    assert letters(stage) == ["IP", "AP"]
    order(stage, BACK)
    assert letters(stage) == ["AP", "AP"]
    first, second = stage.engine.standing(stage.state, stage.now)
    assert (first.hops[0].failures, first.hops[0].why) == (0, "")
    assert (first.hops[0].latency, second.hops[0].latency) == (0.0, 1.0)


def test_enabling_is_for_one_member_and_forgets_all_that_is_held_against_it() -> None:
    stage = on_watch(group("sip:gw.example.com", *LITERAL, probing=sansip.Probing(every=2.0)))
    stage.advance(1.9)
    assert letters(stage) == ["IP", "IP", "IP"]
    order(stage, BACK)
    assert letters(stage) == ["TP", "AP", "IP"]
    order(stage, sansip.Enable("gateways", "sip:gw.example.com"))
    assert letters(stage) == ["AP", "AP", "AP"]
    assert not len(stage.state.fleet.health)


def test_enabling_wakes_a_member_that_began_as_inactive() -> None:
    stage = on_watch(group(sansip.Member(LITERAL[0], begins="inactive"), probing=None))
    assert letters(stage) == ["IX"]
    order(stage, BACK)
    assert letters(stage) == ["AX"]


@pytest.mark.parametrize("kind", [sansip.Drain, sansip.Enable])
def test_an_order_for_nobody_names_those_that_there_are(kind: Whatever) -> None:
    stage = on_watch()
    with pytest.raises(sansip.LocalProtocolError, match="'nobody'; the groups are: gateways"):
        order(stage, kind("nobody", LITERAL[0]))
    there = f"its members are: {LITERAL[0]}, {LITERAL[1]}"
    with pytest.raises(sansip.LocalProtocolError, match=there):
        order(stage, kind("gateways", "sip:nobody"))
    stage = on_watch({})
    with pytest.raises(sansip.LocalProtocolError, match="the groups are: none"):
        order(stage, kind("nobody", LITERAL[0]))


# --- what members begin as, and what new groups change


def disabled(uri: str) -> sansip.Member:
    return sansip.Member(uri, begins="disabled")


def test_a_member_may_begin_as_disabled() -> None:
    stage = on_watch(group(disabled(LITERAL[0]), LITERAL[1]))
    assert letters(stage) == ["DX", "AP"]
    assert not probes(stage, GW_1)
    order(stage, BACK)
    assert letters(stage) == ["AP", "AP"]


def test_new_groups_leave_drained_who_stays() -> None:
    stage = on_watch()
    order(stage, FIRST)
    more = (("gateways", group(*LITERAL, "sip:203.0.113.3")), ("others", group(LITERAL[0])))
    order(stage, sansip.ReplaceGroups(more))
    assert letters(stage) == ["DX", "AP", "AP", "AP"]
    order(stage, sansip.ReplaceGroups((("gateways", group(LITERAL[1])),)))
    assert stage.state.fleet.drained == ()
    order(stage, sansip.ReplaceGroups((("gateways", group()),)))
    assert letters(stage) == ["AP", "AP"]


def test_new_groups_may_be_given_as_a_configuration_has_them() -> None:
    stage = on_watch()
    listed: dict[str, list[str | sansip.Member]] = {
        "gateways": [*LITERAL, disabled("sip:192.0.2.3")]
    }
    new = sansip.ReplaceGroups(listed)
    assert new == sansip.ReplaceGroups(dict(listed))
    assert pickle.loads(pickle.dumps(new)) == new  # noqa: S301 - our own
    order(stage, new)
    assert letters(stage) == ["AX", "AX", "DX"]
    assert stage.engine.standing(stage.state, 0.0)[0].member == sansip.Member(LITERAL[0])


@pytest.mark.parametrize("listed", [["gateways"], 7, [("gateways",)], {"gateways": LITERAL[0]}])
def test_groups_without_names_or_lists_are_refused_and_the_old_ones_stay(listed: Whatever) -> None:
    stage = on_watch()
    with pytest.raises(sansip.LocalProtocolError, match=r"give each its name|is one text; write"):
        order(stage, sansip.ReplaceGroups(listed))
    assert letters(stage) == ["AP", "AP"]


def test_the_same_list_once_more_does_not_disable_who_was_enabled() -> None:
    listed = group(disabled(LITERAL[0]), LITERAL[1])
    stage = on_watch(listed)
    order(stage, BACK)
    order(stage, sansip.ReplaceGroups((("gateways", listed),)))
    assert letters(stage) == ["AP", "AP"]


def test_a_list_that_says_otherwise_than_before_counts() -> None:
    stage = on_watch(group(disabled(LITERAL[0]), LITERAL[1]))
    order(stage, sansip.ReplaceGroups((("gateways", group(LITERAL[0], disabled(LITERAL[1]))),)))
    assert letters(stage) == ["AP", "DX"]
    sleeping = sansip.Member(LITERAL[0], begins="inactive")
    order(stage, sansip.ReplaceGroups((("gateways", group(sleeping, LITERAL[1], probing=None)),)))
    assert letters(stage) == ["IX", "AX"]
    order(stage, sansip.ReplaceGroups((("gateways", group(probing=None)),)))
    assert letters(stage) == ["AX", "AX"]


def test_a_member_that_is_there_twice_is_drained_once() -> None:
    stage = on_watch(group(LITERAL[0], LITERAL[0], probing=None))
    order(stage, FIRST)
    order(stage, sansip.ReplaceGroups((("gateways", group(LITERAL[0], LITERAL[0])),)))
    assert stage.state.fleet.drained == (("gateways", LITERAL[0]),)
    assert stage.state.fleet.watch.probes == Watch().probes


def test_a_group_is_called_by_a_text() -> None:
    with pytest.raises(sansip.LocalProtocolError, match="a group is called 5"):
        config(groups={5: [FIRST]})
