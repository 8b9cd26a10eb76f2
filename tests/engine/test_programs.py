"""Programs of events: whatever happens, and in whatever order, the promises of the engine hold.

Relays of all kinds, failure routes, questions, user agents, connections, losses, copies, late
timers, DNS, errors of the transport, mistakes of the program, noise: see ``world`` for what may
happen, ``programs`` for how it is put together, and ``promises`` and ``books`` for what must hold.
"""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sansip
from programs import PROGRAMS, Program, play
from stage import CALLER, GW_1, GW_2, SEED, Stage, ToName, config, make_request, on_stage
from wishes import ENGINES
from world import World

engines = st.sampled_from(ENGINES)


@pytest.mark.rule(
    "SIO-02", "SIO-03", "SIO-04", "SIO-05", "SIO-07", "3261-9.1-01", "3261-9.1-04", "3261-9.1-05",
    "3261-9.2-04", "3261-16.7.5-03", "3261-16.7.5-04", "3261-16.7.10-01", "3261-16.10-02",
    "3261-18.4-02", "4320-4.2-01", "5393-5.3.3-02", "6026-8.1-01",
)  # fmt: skip
@given(engine=engines, program=PROGRAMS, prompt=st.booleans())
def test_no_order_of_events_breaks_a_promise(
    *, engine: sansip.Engine, program: Program, prompt: bool
) -> None:
    play(engine, program, prompt=prompt)


# --- the same once more


def again(world: World, state: sansip.State, number: int) -> tuple[sansip.State, object]:
    """The event of this number once more, from an equal state."""
    try:
        return world.engine.step(state, world.events[number])
    except sansip.LocalProtocolError:
        assert number in world.wrong
        return state, ()


@pytest.mark.rule("SIO-02")
@given(engines, PROGRAMS, st.integers(2, 30))
def test_a_program_that_runs_again_does_the_same_again(
    engine: sansip.Engine, program: Program, back: int
) -> None:
    """Once as it was; once from copies, a new one every so many steps, when old states step too."""
    world = play(engine, program, prompt=True)
    state, _ = engine.start(SEED, 1000.0)
    other = old = state
    for number, actions in enumerate(world.actions):
        if number % back == 0:
            _, told = again(world, old, max(0, number - back))
            assert told == world.actions[max(0, number - back)]
            old = state
            other = pickle.loads(pickle.dumps(other)) if number % 2 else state.freeze()  # noqa: S301
            assert other == state
        state, told = again(world, state, number)
        assert told == actions
        other, told = again(world, other, number)
        assert told == actions
    assert other == state == world.state


# --- found by programs like these, and kept


@pytest.mark.rule("SIO-04", "3261-8.1.1.7-01")
@pytest.mark.parametrize("status", [100, 180, 486, 200])
def test_a_copy_of_an_invite_that_comes_while_its_branches_linger_is_dropped(status: int) -> None:
    """Timer I ends the server transaction after 5 s, Timer D the client's after 32 s."""
    stage = Stage(sansip.Engine(config(), ToName()))
    stage.receive(make_request())
    stage.respond(503, GW_1)
    stage.respond(486, GW_2)
    stage.receive(make_request("ACK", to_tag="gw"))
    stage.advance(6.0)
    assert not len(stage.state.server)
    stage.receive(make_request())  # the network kept a copy
    assert len(stage.at(GW_1, "INVITE")) == 1
    stage.respond(status, GW_1)
    assert stage.statuses() == [100, 486]
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("3261-8.1.3.3-01")
@pytest.mark.parametrize("status", [180, 200, 486])
def test_a_submitted_request_whose_answer_has_a_via_too_many_gets_a_502(status: int) -> None:
    """The response is discarded, its branch is over, and somebody waits for an answer."""
    stage = on_stage()
    request = make_request(uri=f"sip:bob@{GW_1}").remove("Via")
    stage.step(sansip.RequestSubmitted(stage.now, "mine", request))
    (sent,) = stage.at(GW_1, "INVITE")
    response = sansip.reply(sent, status, to_tag="gw")
    other = f"SIP/2.0/UDP {CALLER};branch=z9hG4bKother"
    stage.receive(response.set("Via", response.values("via")[0], other), GW_1)
    made = [deliver.message for deliver in stage.delivered]
    assert [m.status for m in made if isinstance(m, sansip.Response)] == [502] * (status >= 200)
    stage.advance(3600.0)
    assert stage.delivered[-1].kind == "end"
    assert stage.is_empty()


def test_no_lookup_asks_more_questions_at_once_than_there_may_be() -> None:
    """The addresses of all SRV targets are asked for together."""
    stage = on_stage(limits=sansip.Limits(questions=1))
    stage.on_step = lambda it: only_one(it.state)
    stage.receive(make_request())
    assert ("limit", "gw-2.example.com") in [(r.topic, r.about) for r in stage.reports]
    assert len(stage.at(GW_1, "INVITE")) == 1


def only_one(state: sansip.State) -> None:
    assert len(state.queries) <= 1
