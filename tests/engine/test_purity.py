"""Same state and event, same result; and the state that was stepped stays what it was."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import sansip
from stage import CALLER, GW_1, GW_2, PROXY, SDP, ZONE, Stage, ToGroup, ToName, config, make_request

HERE = Path(__file__).parent
ENGINE = sansip.Engine(config(), ToName())
# Run as a program of its own, under another hash seed: hashes must not decide anything.
PROGRAM = """
import hashlib, sys
sys.path[:0] = sys.argv[1:]
import test_purity
print(hashlib.sha256(repr(test_purity.busy().actions).encode()).hexdigest())
"""


def busy() -> Stage:
    """A stage on which a bit of everything has happened."""
    stage = Stage(ENGINE)
    for number in range(1, 8):
        stage.receive(make_request(branch=f"z9hG4bKcall{number}", call_id=f"call-{number}"))
    stage.receive(make_request("OPTIONS", branch="z9hG4bKoptions", call_id="options"))
    stage.receive(make_request("CANCEL", branch="z9hG4bKcall3", call_id="call-3"))
    stage.respond(503, GW_1, nth=0)
    stage.respond(180, GW_1, nth=1)
    stage.respond(100, GW_1, nth=2)
    stage.icmp(GW_1, b"")
    stage.advance(3.0)
    stage.refuse(next(send for send in stage.sends if send.remote == GW_2))
    stage.respond(200, GW_1, nth=1)
    stage.respond(486, GW_2)
    stage.receive(b"nonsense")
    over_flows(stage)
    stage.step(sansip.RequestSubmitted(stage.now, "mine", make_request("MESSAGE", call_id="own")))
    stage.step(sansip.Administered(stage.now, sansip.Quiesce(7)))
    stage.receive(make_request(branch="z9hG4bKlate", call_id="late"))
    stage.step(sansip.Administered(stage.now, sansip.FlushCache()))
    stage.advance(60.0)
    return stage


def over_flows(stage: Stage) -> None:
    """Two connections: one is closed by its peer within a message, the other by us."""
    for flow in (1, 2):
        stage.step(sansip.FlowOpened(stage.now, flow, "tcp:192.0.2.10:5060", CALLER, PROXY))
    whole = make_request(branch="z9hG4bKflow", call_id="flow").render()
    for data in (whole + whole[:9], whole[9:-1], whole[-1:] + b"\r\n" * 4, whole[:5]):
        stage.step(sansip.StreamReceived(stage.now, 1, data))
    stage.step(sansip.StreamReceived(stage.now, 2, whole[:-2]))
    stage.step(sansip.FlowClosed(stage.now, 1, "reset"))


def history() -> list[tuple[sansip.State, sansip.Event]]:
    """States, each with the event that came to it."""
    played = busy()
    state, _ = ENGINE.start(played.state.seed, 1000.0)
    found: list[tuple[sansip.State, sansip.Event]] = []
    for event in played.events:
        found.append((state, event))
        state, _ = ENGINE.step(state, event)
    return found


@pytest.mark.rule("SIO-02")
def test_the_same_state_and_event_give_the_same_result() -> None:
    for state, event in history():
        first = ENGINE.step(state, event)
        assert ENGINE.step(state, event) == first


@pytest.mark.rule("SIO-02")
def test_an_old_state_steps_as_it_did_the_first_time() -> None:
    state, _ = ENGINE.start(busy().state.seed, 1000.0)
    past: list[tuple[sansip.State, sansip.Event, tuple[sansip.Action, ...]]] = []
    for event in busy().events:
        stepped, actions = ENGINE.step(state, event)
        past.append((state, event, actions))
        state = stepped
    for old, event, actions in reversed(past):
        assert ENGINE.step(old, event)[1] == actions


@pytest.mark.rule("SIO-02")
def test_no_event_changes_the_state_that_it_comes_to() -> None:
    for state, event in history():
        before, said = pickle.dumps(state), repr(state)
        ENGINE.step(state, event)
        assert repr(state) == said
        assert pickle.loads(before) == state  # noqa: S301


def test_a_state_survives_pickling() -> None:
    for state, event in history():
        copy = pickle.loads(pickle.dumps(state))  # noqa: S301
        assert copy == state
        assert ENGINE.step(copy, event) == ENGINE.step(state, event)


def test_a_frozen_state_is_equal_and_apart() -> None:
    for state, event in history():
        frozen = state.freeze()
        assert frozen == state
        assert frozen.server is not state.server
        assert frozen.flows is not state.flows
        assert ENGINE.step(frozen, event) == ENGINE.step(state, event)
        assert frozen == state


@pytest.mark.rule("SIO-01")
@pytest.mark.parametrize("hash_seed", ["0", "1", "12345"])
def test_hashes_decide_nothing(hash_seed: str) -> None:
    path = [str(HERE), str(HERE.parent / "support"), *sys.path]
    digests = [
        subprocess.run(  # noqa: S603 - it is us
            [sys.executable, "-c", PROGRAM, *path],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("77", hash_seed)
    ]
    assert digests[0] == digests[1]


def test_the_busy_stage_is_busy_and_comes_to_rest() -> None:
    stage = busy()
    kinds = {type(action) for actions in stage.actions for action in actions}
    assert kinds == {
        sansip.CloseFlow,
        sansip.Send,
        sansip.StartTimer,
        sansip.StopTimer,
        sansip.QueryDns,
        sansip.Deliver,
        sansip.Report,
    }
    stage.advance(3600.0)
    assert stage.is_empty()


# --- engines are interchangeable


def test_engines_of_the_same_make_are_interchangeable() -> None:
    twin = sansip.Engine(config(), ToName())
    for state, event in history():
        assert twin.step(state, event) == ENGINE.step(state, event)


def test_routes_are_reloaded_by_stepping_with_another_engine() -> None:
    stage = Stage(ENGINE)
    stage.receive(make_request(body=SDP))
    stage.engine = sansip.Engine(config(), ToGroup())
    stage.receive(make_request(branch="z9hG4bKsecond", uri="sip:bob@elsewhere.example.net"))
    assert [r.uri_text for r in stage.at(GW_1, "INVITE")] == [
        "sip:bob@gw.example.com",
        "sip:bob@gw-1.example.com:5060",
    ]
    stage.respond(200, GW_1, nth=0)
    stage.respond(200, GW_1, nth=1)
    assert stage.statuses() == [100, 100, 200, 200]


def test_a_new_configuration_may_leave_a_call_without_a_way_out() -> None:
    zone = dict(ZONE)
    both = [
        sansip.Endpoint("udp", "192.0.2.10:5060"),
        sansip.Endpoint("udp", "[2001:db8::10]:5060"),
    ]
    stage = Stage(sansip.Engine(config(endpoints=both), ToName()), zone, answer_dns=False)
    stage.receive(make_request())
    stage.engine = sansip.Engine(config(endpoints=both[1:]), ToName())
    stage.answer_dns = True
    stage.answer_all()
    assert not stage.at(GW_1, "INVITE")
    # What became of it: no endpoint is left to answer the caller from, but it is answered.
    assert stage.statuses(CALLER)[-1] == 500
    stage.advance(3600.0)
    assert stage.is_empty()


def test_the_seed_decides_all_names() -> None:
    def branch(seed: bytes) -> str | None:
        stage = Stage(ENGINE)
        stage.state, _ = ENGINE.start(seed, 1000.0)
        stage.receive(make_request())
        return stage.at(GW_1, "INVITE")[0].via.branch

    assert branch(bytes(16)) == branch(bytes(16)) != branch(bytes(15) + b"1")


def test_what_is_not_an_event_is_refused() -> None:
    state, _ = ENGINE.start(bytes(16), 0.0)
    with pytest.raises(sansip.LocalProtocolError, match="'INVITE' is not an event"):
        ENGINE.step(state, "INVITE")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("order", ["drain", sansip.Drain, None])
def test_what_is_no_order_is_refused(order: object) -> None:
    state, _ = ENGINE.start(bytes(16), 0.0)
    told = sansip.Administered(1.0, order)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(sansip.LocalProtocolError, match="is no order"):
        ENGINE.step(state, told)


def test_datagrams_that_are_taken_together_come_to_the_same() -> None:
    stage, again = busy(), Stage(ENGINE)
    state, ordered = again.state, list[tuple[sansip.Action, ...]]()
    together: list[sansip.DatagramReceived] = []
    last = sansip.Administered(stage.now, sansip.FlushCache())
    for event in (*stage.events, last):
        if isinstance(event, sansip.DatagramReceived):
            together.append(event)
            continue
        state, each = ENGINE.step_all(state, together)
        assert len(each) == len(together)
        together = []
        state, then = ENGINE.step(state, event)
        ordered += (*each, then)
    ordered.pop()
    assert state == ENGINE.step(stage.state, last)[0]
    assert ordered == stage.actions


def test_bad_and_empty_datagrams_are_taken_together_with_good_ones() -> None:
    at = 1.0
    here, peer = ENGINE.config.endpoints[0], sansip.Address("192.0.2.7", 5060)
    events = [
        sansip.DatagramReceived(at, here.name, peer, here.bind, data)
        for data in (b"", b"\r\n\r\n", b"\0", b"nonsense", b"OPTIONS sip:h SIP/2.0\r\n\r\n")
    ]
    state, _ = ENGINE.start(bytes(16), 0.0)
    then, ordered = ENGINE.step_all(state, events)
    for event, actions in zip(events, ordered, strict=True):
        state, alone = ENGINE.step(state, event)
        assert actions == alone
    assert then == state
