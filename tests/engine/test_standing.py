"""What is shown of groups: Kamailio's letters, and what stands behind them."""

import time

import sansip
from probing import EVERY_2, LITERAL, answer, group, letters, on_watch, order
from stage import GW_1, GW_2, make_request

NAME = "sip:gw.example.com"


def test_all_that_is_known_of_a_member() -> None:
    stage = on_watch(group(NAME, down_after=2, up_after=3, trial_after=20.0))
    stage.advance(0.5)
    answer(stage, GW_1)
    stage.advance(1.2)
    (found,) = stage.engine.standing(stage.state, stage.now)
    assert (found.group, found.member.uri, found.letters) == ("gateways", NAME, "TP")
    assert (found.drained, found.calls, found.probing) == (False, 0, EVERY_2)
    assert found.thresholds == sansip.Thresholds(2, 3, 20.0)
    first, second = found.hops
    assert (first.hop.address, first.endpoint) == (GW_1, "udp:192.0.2.10:5060")
    assert first.hop.origin == "SRV 10 0 5060 gw-1.example.com"
    assert first == sansip.HopStanding(first.hop, first.endpoint, "A", latency=0.5)
    why = "no answer to a probe in 1.6 s"
    assert second == sansip.HopStanding(second.hop, first.endpoint, "T", 1, why=why)
    stage.advance(2.0)
    (found,) = stage.engine.standing(stage.state, stage.now)
    second = found.hops[1]
    shown = second.letter, second.failures, second.needed, second.until
    assert shown == ("I", 2, 3, 1006.1)


def test_a_suspect_whose_trial_is_due_is_shown_as_trying() -> None:
    stage = on_watch(group(LITERAL[0]))
    stage.advance(1.7)
    order(stage, sansip.Quiesce())
    later = stage.engine.standing(stage.state, stage.now + 3.6)
    assert [each.letters for each in later] == ["IP"]
    later = stage.engine.standing(stage.state, stage.now + 3.7)
    assert [each.letters for each in later] == ["TP"]
    assert later[0].hops[0].until == 1005.35


def test_looking_asks_nobody_and_changes_nothing() -> None:
    stage = on_watch(group(NAME, probing=None))
    assert letters(stage) == ["AX"]
    (found,) = stage.engine.standing(stage.state, stage.now)
    assert found.hops == ()
    assert not stage.questions
    stage.receive(make_request())
    before, actions = stage.state.freeze(), len(stage.actions)
    (found,) = stage.engine.standing(stage.state, stage.now)
    assert [hop.hop.address for hop in found.hops] == [GW_1, GW_2]
    assert (stage.state, len(stage.actions)) == (before, actions)


def test_hops_are_shown_past_their_time() -> None:
    stage = on_watch(group(NAME, probing=None))
    stage.receive(make_request())
    (found,) = stage.engine.standing(stage.state, stage.now + 10_000.0)
    assert [hop.hop.address for hop in found.hops] == [GW_1, GW_2]
    order(stage, sansip.FlushCache())
    (found,) = stage.engine.standing(stage.state, stage.now)
    assert found.hops == ()


def test_hops_that_the_filter_refuses_are_no_hops() -> None:
    stage = on_watch(group("sip:127.0.0.1"))
    (found,) = stage.engine.standing(stage.state, stage.now)
    assert found.hops == ()


def test_a_thousand_members_are_shown_in_no_time() -> None:
    members = [f"sip:10.{n >> 8}.{n & 255}.1" for n in range(1000)]
    stage = on_watch(group(*members, probing=sansip.Probing(every=10.0)))
    for uri in members[:500]:
        order(stage, sansip.Drain("gateways", uri))
    begun = time.process_time()
    assert [found[0] for found in letters(stage)] == ["D"] * 500 + ["A"] * 500
    assert time.process_time() - begun < 2.0
