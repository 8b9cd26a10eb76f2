"""A journal is run again: without difference, or up to the first one, both sides of it."""

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sansip
from elsewhere import differences
from journals import HEAD, always, head_of, journal_of
from programs import PROGRAMS, Program, play, story
from sansip.journal import BODY, CREDENTIALS, JournalError, Named, Source, Step, Toml, Writer, read
from sansip.replay import Difference, engine_of, replay, running
from sansip.toml import load
from stage import (
    GW_1,
    GW_2,
    SDP,
    Decide,
    Stage,
    ToGroup,
    ToName,
    Whatever,
    config,
    make_request,
    on_stage,
)
from wishes import ENGINES, Wishes
from world import World

POLICIES: dict[str, Callable[[], sansip.Policy]] = {
    "stage:ToGroup": ToGroup,
    "stage:ToName": ToName,
}
TO_GROUP = Named("stage:ToGroup")


def policy_named(name: str) -> sansip.Policy:
    return POLICIES[name]()


def a_call(policy: sansip.Policy | None = None) -> Stage:
    """One that fails over, rings and is taken; and all that comes after."""
    stage = on_stage(policy or ToGroup())
    asked = make_request(body=SDP, headers=[("Proxy-Authorization", 'Digest a="hush"')])
    stage.receive(asked)
    stage.advance(1.0)
    stage.respond(503, GW_1)
    stage.respond(180, GW_2)
    stage.respond(200, GW_2)
    stage.advance(40.0)
    return stage


def journal_of_world(
    world: World, policy: Source | None = None, *, redacted: tuple[str, ...] = ()
) -> list[str]:
    """What an adapter would have written: what is refused never gets to its ``tap``."""
    lines: list[str] = []
    writer = Writer(lines.append, head_of(world.engine.config, policy, redacted=redacted))
    for number, (event, actions) in enumerate(zip(world.events, world.actions, strict=True)):
        if number not in world.wrong:
            writer.event(event, actions)
    return lines


def edited(line: str, change: Callable[[Whatever], object]) -> str:
    """A line after a change of its content."""
    content = json.loads(line)
    change(content)
    return json.dumps(content)


# No difference


@given(st.sampled_from(ENGINES), PROGRAMS, st.booleans(), st.sampled_from([(), (BODY,)]))
def test_whatever_happens_replays_without_difference(
    engine: sansip.Engine,
    program: Program,
    prompt: bool,  # noqa: FBT001
    redacted: tuple[str, ...],
) -> None:
    world = play(engine, program, prompt=prompt)
    lines = journal_of_world(world, redacted=redacted)
    other = sansip.Engine(read(lines).head.config, engine.policy)
    assert replay(read(lines), other) is None


def test_the_state_that_a_replay_comes_to_is_the_one_that_was_recorded() -> None:
    stage = a_call()
    journal = read(journal_of(stage))
    state, _ = sansip.Engine(journal.head.config, ToGroup()).start(
        journal.head.seed, journal.head.started
    )
    for step in journal:
        assert isinstance(step, Step)
        state, _ = stage.engine.step(state, step.event)
    assert state == stage.state


def test_another_process_with_other_hashes_replays_it_without_difference(tmp_path: Path) -> None:
    assert os.environ.get("PYTHONHASHSEED") not in ("1", "4242")
    assert differences(journal_of(a_call(), TO_GROUP), tmp_path / "run.journal") == []


@pytest.mark.parametrize("engine", ENGINES, ids=range(len(ENGINES)))
def test_whatever_a_program_does_another_process_does_it_again(
    engine: sansip.Engine, tmp_path: Path
) -> None:
    wishes = ("fork", "group", "load", "streams", "restless")
    told = [story(n, n % 3, wishes[n % 5], "stream" if n % 4 else "plain", 9) for n in range(15)]
    world = play(engine, [step for steps in told for step in steps], prompt=False)
    policy = Named("wishes:Wishes") if isinstance(engine.policy, Wishes) else None
    assert len(world.events) > 100
    assert differences(journal_of_world(world, policy), tmp_path / "run.journal", ("7",)) == []


def test_a_redacted_journal_replays_without_difference() -> None:
    lines = journal_of(a_call(), TO_GROUP, redacted=[*CREDENTIALS, BODY])
    assert "hush" not in "".join(lines)
    assert replay(read(lines), policies=policy_named) is None


# The engine


def test_without_a_policy_everything_is_delivered() -> None:
    stage = Stage(sansip.Engine(config()))
    stage.receive(make_request())
    assert replay(read(journal_of(stage, None))) is None


TEXT = """
listen = ["udp:192.0.2.10:5060"]
[[route]]
to = "group:gateways"
[groups.gateways]
list = "gateways.list"
set = 1
"""
LISTS = (("gateways.list", "1 sip:gw-1.example.com:5060\n1 sip:gw-2.example.com:5060\n"),)


def text_of_list(name: str) -> str:
    return dict(LISTS)[name]


def test_the_policy_of_a_proxy_is_made_of_its_file() -> None:
    settings = load(TEXT, "proxy.toml", text_of_list)
    stage = Stage(sansip.Engine(settings.config(), settings.policy()))
    stage.receive(make_request())
    stage.respond(200, GW_1)
    assert replay(read(journal_of(stage, Toml(TEXT, "proxy.toml", LISTS)))) is None


def test_a_list_that_the_journal_does_not_have_is_named() -> None:
    with pytest.raises(sansip.LocalProtocolError, match="not in the journal"):
        engine_of(config(), Toml(TEXT, "proxy.toml"))


def test_a_policy_with_a_name_has_to_be_handed_in() -> None:
    lines = journal_of(a_call(), TO_GROUP)
    with pytest.raises(JournalError, match="the policy is stage:ToGroup: hand in"):
        replay(read(lines))
    assert replay(read(lines), sansip.Engine(config(), ToGroup())) is None


def test_from_a_swap_on_another_engine_steps_the_same_state() -> None:
    lines: list[str] = []
    first = sansip.Engine(config(), ToGroup())
    second = sansip.Engine(config(aliases=["other.example.com"]), ToName())
    writer = Writer(lines.append, head_of(first.config, TO_GROUP))
    stage = Stage(first)
    stage.receive(make_request())
    stage.engine = second
    stage.receive(make_request(branch="z9hG4bKother", call_id="other"))
    for number, (event, actions) in enumerate(zip(stage.events, stage.actions, strict=True)):
        if number == 2:
            writer.swap(second.config, Named("stage:ToName"))
        writer.event(event, actions)
    assert replay(read(lines), policies=policy_named) is None
    stays = [*lines[:4], *[edited(each, renumber) for each in lines[5:]]]
    assert replay(read(stays), policies=policy_named) is not None


def renumber(content: Whatever) -> None:
    content["n"] -= 1


# The first difference


def test_another_policy_makes_a_difference_which_is_told_with_both_sides() -> None:
    lines = journal_of(a_call())
    found = replay(read(lines), sansip.Engine(config(), Decide(sansip.Reply(486))))
    assert found is not None
    assert found.number == 1
    assert isinstance(found.event, sansip.DatagramReceived)
    assert [type(action) for action in found.recorded] == [
        sansip.Send,
        sansip.QueryDns,
        sansip.StartTimer,
        sansip.StartTimer,
    ]
    assert [type(action) for action in found.replayed] == [sansip.Send]
    assert str(found) == (
        "step 1 differs, 0.000 s after the start, in call call-1\n"
        "  event: <- 198.51.100.1:5060  INVITE sip:bob@gw.example.com\n"
        "  action 1: -> 198.51.100.1:5060  100 Trying\n"
        "    data, line 1:\n"
        "      recorded  SIP/2.0 100 Trying\n"
        "      replayed  SIP/2.0 486 Busy Here\n"
        "                        ^\n"
        "    data, line 4:\n"
        "      recorded  To: <sip:bob@gw.example.com>\n"
        "      replayed  To: <sip:bob@gw.example.com>;tag=39e2ff63d0330b27\n"
        "                                            ^\n"
        "    id:\n"
        "      recorded  '1 s|z9hg4bkcaller|198.51.100.1:5060|INVITE'\n"
        "      replayed  '1 n|s|z9hg4bkcaller|198.51.100.1:5060|INVITE'\n"
        "                   ^\n"
        "  and 3 more"
    )


def test_one_byte_of_one_message_is_a_difference() -> None:
    lines = journal_of(a_call())
    lines[3] = lines[3].replace("Max-Forwards: 69", "Max-Forwards: 68")
    found = replay(read(lines), sansip.Engine(config(), ToGroup()))
    assert found is not None
    assert found.number == 2
    assert "data, line 6:\n      recorded  Max-Forwards: 68\n" in str(found)
    assert str(found).endswith("      replayed  Max-Forwards: 69\n" + 31 * " " + "^")


def test_nothing_after_the_first_difference_is_run() -> None:
    lines = journal_of(a_call())
    for number in (4, 6):
        lines[number] = edited(lines[number], lambda it: it["actions"].clear())
    found = replay(read(lines), sansip.Engine(config(), ToGroup()))
    assert found is not None
    assert found.number == 3
    assert found.recorded == ()


def test_an_action_too_many_or_too_few_is_a_difference() -> None:
    lines = journal_of(a_call())
    more = edited(lines[2], lambda it: it["actions"].append({"is": "StopDns", "query": 9}))
    less = edited(lines[2], lambda it: it["actions"].pop())
    engine = sansip.Engine(config(), ToGroup())
    for line, words in (
        (more, "  recorded, but not ordered now:\n    action 5: asks DNS no more, question 9"),
        (less, "  ordered now, but not recorded:\n    action 4: timer hunt of x|s|"),
    ):
        found = replay(read([*lines[:HEAD], line, *lines[3:]]), engine)
        assert words in str(found)


def test_what_is_delivered_is_compared_line_by_line() -> None:
    stage = Stage(sansip.Engine(config()))
    stage.receive(make_request())
    lines = journal_of(stage, None)
    lines[2] = lines[2].replace('"CSeq: 1 INVITE"', '"CSeq: 2 INVITE"')
    found = str(replay(read(lines)))
    assert found.count("    recorded  ") == 1
    assert (
        "    message, line 7:\n      recorded  CSeq: 2 INVITE\n      replayed  CSeq: 1 INVITE\n"
    ) in found


def test_a_field_that_is_a_value_is_shown_as_a_whole() -> None:
    lines = journal_of(a_call())
    lines[2] = lines[2].replace('"name":"hunt","serial":5', '"name":"hunt","serial":6')
    assert (
        "    timer:\n"
        "      recorded  Timer owner=x|s|z9hg4bkcaller|198.51.100.1:5060|INVITE name=hunt "
        "serial=6\n"
        "      replayed  Timer owner=x|s|z9hg4bkcaller|198.51.100.1:5060|INVITE name=hunt "
        "serial=5\n"
    ) in str(replay(read(lines), sansip.Engine(config(), ToGroup())))


def test_an_event_that_is_refused_now_is_a_difference() -> None:
    lines: list[str] = []
    writer = Writer(lines.append, head_of(config()))
    writer.event(sansip.ResponseSubmitted(1001.0, "h", sansip.Response(200, "OK", ())), ())
    found = replay(read(lines), sansip.Engine(config()))
    assert found is not None
    assert found.refused
    assert f"    recorded  0 actions\n    replayed  refused: {found.refused}" in str(found)


def test_an_error_in_the_core_says_at_which_step_it_happened() -> None:
    class Broken(sansip.Engine):
        def step(
            self, state: sansip.State, event: sansip.Event
        ) -> tuple[sansip.State, tuple[sansip.Action, ...]]:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        replay(read(journal_of(a_call())), Broken(config(), ToGroup()))
    assert caught.value.__notes__[0].startswith("at step 1: DatagramReceived at=1000.0 ")


def test_what_is_left_out_of_a_journal_makes_no_difference_and_all_else_does() -> None:
    lines = journal_of(a_call(), redacted=[*CREDENTIALS, BODY])
    engine = sansip.Engine(config(), ToGroup())
    assert replay(read(lines), engine) is None
    lines[3] = lines[3].replace("v=0", "xxx").replace("Max-Forwards: 69", "Max-Forwards: 68")
    found = replay(read(lines), engine)
    assert found is not None
    assert "recorded  Max-Forwards: 68" in str(found)


class Row:
    """Of the embedding program."""


def test_what_a_policy_asks_is_compared_as_far_as_the_journal_knows_it() -> None:
    stage = on_stage(Decide(sansip.Ask(Row(), "told"), told=always(sansip.Reply(404))))
    stage.receive(make_request())
    stage.step(sansip.Consulted(1000.5, stage.consults[0].question, "nobody"))
    lines = journal_of(stage)
    assert "test_replay.Row" in lines[2]
    assert replay(read(lines), stage.engine) is None


def test_what_nobody_can_hear_again_ends_a_replay() -> None:
    stage = on_stage(Decide(sansip.Ask("who?", "told"), told=always(sansip.Reply(404))))
    stage.receive(make_request())
    stage.step(sansip.Consulted(1000.5, stage.consults[0].question, ['"is":"opaque"', Row()]))
    with pytest.raises(JournalError, match=r"^step 2 cannot be run again"):
        replay(read(journal_of(stage)), stage.engine)


def test_a_text_that_looks_like_something_unknown_is_only_a_text() -> None:
    stage = on_stage(Decide(sansip.Ask("who?", "told"), told=always(sansip.Reply(404))))
    stage.receive(make_request())
    stage.step(sansip.Consulted(1000.5, stage.consults[0].question, '{"is":"opaque","of":1}'))
    assert replay(read(journal_of(stage)), stage.engine) is None


# Until, shown, one call


def test_no_step_after_the_last_that_is_wanted_is_run() -> None:
    lines = journal_of(a_call())
    lines[5] = edited(lines[5], lambda it: it["actions"].clear())
    engine = sansip.Engine(config(), ToGroup())
    shown: list[Step] = []
    assert replay(read(lines), engine, until=3, show=shown.append) is None
    assert [step.number for step in shown] == [1, 2, 3]
    assert replay(read(lines), engine, until=4) is not None


def test_of_one_call_all_is_run_but_only_its_own_is_shown_and_compared() -> None:
    stage = on_stage(ToGroup())
    for name in ("one", "two"):
        stage.receive(make_request(branch=f"z9hG4bK{name}", call_id=name))
    stage.respond(200, GW_1)
    lines = journal_of(stage)
    engine = sansip.Engine(config(), ToGroup())
    shown: list[Step] = []
    assert replay(read(lines), engine, call="two", show=shown.append) is None
    other = [step for step in shown if b"Call-ID: one" in getattr(step.event, "data", b"")]
    assert not other
    assert len(shown) == 2
    wrong = [edited(each, lambda it: it["actions"].clear()) for each in lines[HEAD:]]
    found = replay(read([*lines[:HEAD], *wrong]), engine, call="two")
    assert found is not None
    assert found.number == shown[0].number


def test_a_difference_is_a_value() -> None:
    found = replay(read(journal_of(a_call())), sansip.Engine(config()))
    assert isinstance(found, Difference)
    assert dataclasses.replace(found) == found


def test_of_branches_with_other_loop_parts_only_the_latest_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As many as there may be transactions; with fewer, what answers them is not known again."""
    lines = journal_of(a_call(), TO_GROUP, redacted=CREDENTIALS)
    assert replay(read(lines), policies=policy_named) is None
    monkeypatch.setattr(running, "MOST_BRANCHES", 0)
    assert replay(read(lines), policies=policy_named) is not None
