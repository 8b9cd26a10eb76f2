"""Explorations: how much is seen, and that what is wrong is found."""

import pytest

import sansip
from exploring import ONE, ToName, begins, engine, spoilt, to_name, to_one
from sansip import LocalProtocolError
from sansip.engine.actions import Action, Send
from sansip.engine.events import DatagramReceived, Event, TimerFired
from sansip.engine.state import State
from sansip.explore import Call, Explored, Faults, Scenario, explore
from sansip.explore.retrace import retraced
from sansip.explore.space import Space
from sansip.explore.words import words
from sansip.journal import read
from sansip.replay import replay

KINDS = ["lost", "late", "copied", "unavailable", "refused", "dns"]


def assert_replays(seen: Explored, scenario: Scenario) -> None:
    """What was found is written down as the engine did it."""
    assert seen.broken is not None
    assert replay(read(iter(seen.broken.journal)), scenario.engine) is None


# --- the core as it is


def test_two_gateways_behind_one_name_keep_all_promises() -> None:
    seen = explore(to_name())
    assert seen.whole
    assert seen.broken is None
    assert seen.states > 500
    assert seen.steps > seen.states


@pytest.mark.parametrize("kind", KINDS)
def test_one_gateway_keeps_all_promises_whatever_goes_wrong(kind: str) -> None:
    calm, seen = explore(to_one()), explore(to_one(Faults(**{kind: 1})))
    assert seen.whole
    assert seen.broken is None
    assert seen.states > calm.states or kind == "dns"  # here nobody asks


def test_one_gateway_may_be_silent_for_any_time() -> None:
    seen = explore(to_one(Faults(silent=1), None, 200))
    assert seen.whole
    assert seen.broken is None


def test_a_question_of_dns_may_fail_or_never_be_answered() -> None:
    calm, seen = explore(to_name(), depth=12), explore(to_name(Faults(dns=1)), depth=12)
    assert seen.states > calm.states
    assert seen.broken is None


def test_the_same_is_the_same_again() -> None:
    faults = Faults(copied=1)
    assert explore(to_one(faults)) == explore(to_one(faults))


def test_two_calls_share_one_engine() -> None:
    calls = (Call(ONE, cancel=False), Call(ONE, "198.51.100.2:5060", cancel=False))
    scenario = Scenario(engine(), calls=calls, gateways={"203.0.113.1": (486,)})
    seen = explore(scenario, states=1000)
    assert seen.broken is None
    assert seen.states >= 1000
    assert not seen.whole


def test_faults_are_bounded_in_all() -> None:
    each = explore(to_one(Faults(lost=1, unavailable=1))).states
    one = explore(to_one(Faults(lost=1, unavailable=1, most=1))).states
    none = explore(to_one(Faults(lost=1, unavailable=1, most=0))).states
    assert each > one > none == explore(to_one()).states


def test_depth_is_bounded() -> None:
    told: list[tuple[int, int, int]] = []

    def tell(depth: int, states: int, steps: int) -> None:
        told.append((depth, states, steps))

    seen = explore(to_name(), depth=3, progress=tell)
    assert not seen.whole
    assert seen.depth == 3
    assert [depth for depth, _, _ in told] == [1, 2, 3]


def test_each_call_has_a_caller_of_its_own() -> None:
    """Both can be taken, the second one first, too."""
    calls = (Call(ONE, cancel=False), Call(ONE, cancel=False))
    space = Space(Scenario(engine(), calls=calls, gateways={"203.0.113.1": (486,)}))
    assert [str(party.address) for party in space.parties[:2]] == [
        "198.51.100.1:5060",
        "198.51.100.2:5060",
    ]
    _, config = space.begin(Faults())
    for text in ("caller 1 calls", "the engine gets INVITE", "caller 2 calls"):
        config = next(new for it, new, _ in space.ways(config) if text in words(space, config, it))
    assert [getattr(space.states[0][config[3][0]], "stage")] == ["proceeding"]  # noqa: B009


@pytest.mark.parametrize(
    ("calls", "gateways", "said"),
    [
        ((Call(ONE, "198.51.100.2"), ONE), {}, "two are at 198.51.100.2:5060: caller 1 and cal"),
        ((Call(ONE, "192.0.2.10"),), {}, "two are at 192.0.2.10:5060: the engine and caller 1"),
        ((ONE,), {"gw.example.com": (200,)}, "gateway gw.example.com:5060 needs an IP address"),
    ],
)
def test_each_has_an_address_of_its_own(
    calls: tuple[str | Call, ...], gateways: dict[str, tuple[int, ...]], said: str
) -> None:
    with pytest.raises(LocalProtocolError, match=said):
        explore(Scenario(engine(), calls=calls, gateways=gateways))


def test_an_engine_without_datagrams_is_not_explored() -> None:
    made = sansip.Engine(sansip.Config([sansip.Endpoint("tcp", "192.0.2.10:5060")]))
    with pytest.raises(LocalProtocolError, match="only datagrams are explored"):
        explore(Scenario(made, calls=(ONE,), gateways={}))


class Says(sansip.Policy):
    """Whatever the user of a call's URI says."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        if request.uri.user == "boom":
            raise ValueError("boom")
        return sansip.Reply(403)


def test_calls_have_to_lead_somewhere() -> None:
    with pytest.raises(LocalProtocolError, match="the calls lead nowhere") as caught:
        explore(Scenario(engine(ToName()), calls=(ONE,)))
    assert str(caught.value).splitlines()[1:] == [
        f"{ONE}: sip:gw.example.com: no such name: gw.example.com"
    ]
    with pytest.raises(LocalProtocolError, match="the calls lead nowhere") as caught:
        explore(Scenario(engine(Says()), calls=(ONE, "sip:boom@203.0.113.1")))
    assert [line.partition("(")[0] for line in str(caught.value).splitlines()[1:]] == [
        f"{ONE}: the policy says Reply",
        "sip:boom@203.0.113.1: the policy raised ValueError: boom",
    ]


def test_an_engine_that_cannot_plan_is_said() -> None:
    class Lost(sansip.Engine):
        __slots__ = ()

        def start(self, seed: bytes, at: float) -> tuple[State, tuple[Action, ...]]:
            raise ZeroDivisionError

    made = Lost(sansip.Config([sansip.Endpoint("udp", "192.0.2.10:5060")]))
    with pytest.raises(LocalProtocolError, match="the engine raises ZeroDivisionError") as caught:
        explore(Scenario(made, calls=(ONE,)))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


# --- what is wrong


def test_a_refusal_without_its_ack_is_found() -> None:
    def forget(_: Event, action: Action) -> tuple[Action, ...]:
        return () if begins(action, b"ACK") else (action,)

    invite = "INVITE from the engine to gateway 203.0.113.1:5060"
    scenario = to_one(Faults(unavailable=1), spoilt(forget))
    seen = explore(scenario)
    assert seen.broken is not None
    assert seen.broken.reason == "a 503 from 203.0.113.1:5060 gets no ACK"
    assert [each[10:] for each in seen.broken.happenings] == [
        "caller 1 calls",
        f"the engine gets INVITE from caller 1; {invite}, which answers 503",
        "the engine gets 503 Service Unavailable (INVITE) from gateway 203.0.113.1:5060",
    ]
    assert str(seen.broken).startswith("a 503 from 203.0.113.1:5060 gets no ACK\n   0.000  caller")
    assert_replays(seen, scenario)


def test_a_late_200_that_is_lost_is_found() -> None:
    def lose(_: Event, action: Action) -> tuple[Action, ...]:
        mine = isinstance(action, Send) and b" INVITE" in action.data
        return () if mine and begins(action, b"SIP/2.0 200") else (action,)

    scenario = to_one(by=spoilt(lose))
    seen = explore(scenario)
    assert seen.broken is not None
    assert seen.broken.reason == "a 200 from 203.0.113.1:5060 does not go upstream"
    assert_replays(seen, scenario)


def test_what_is_only_found_at_the_end_is_found() -> None:
    """The CANCEL is swallowed, so that the phone rings for ever."""

    def swallow(_: Event, action: Action) -> tuple[Action, ...]:
        return () if begins(action, b"CANCEL") else (action,)

    scenario = to_one(None, spoilt(swallow), 180)
    seen = explore(scenario)
    assert seen.broken is not None
    assert "is left ringing at 203.0.113.1:5060: nobody cancelled" in seen.broken.reason
    assert any(each.endswith("time passes") for each in seen.broken.happenings)
    assert_replays(seen, scenario)


def test_what_is_left_in_a_table_is_found() -> None:
    class Leaky(sansip.Engine):
        __slots__ = ()

        def step(self, state: State, event: Event) -> tuple[State, tuple[Action, ...]]:
            after, actions = super().step(state, event)
            if isinstance(event, TimerFired) and event.timer.name == "I":
                return state, actions or (sansip.Report("policy", "", "forgotten"),)
            return after, actions

    scenario = to_one(by=Leaky(sansip.Config([sansip.Endpoint("udp", "192.0.2.10:5060")])))
    seen = explore(Scenario(scenario.engine, calls=(ONE,), gateways={}))
    assert seen.broken is not None
    assert "the engine still holds" in seen.broken.reason
    assert_replays(seen, scenario)


def test_an_engine_that_raises_is_found() -> None:
    def stumble(event: Event, action: Action) -> tuple[Action, ...]:
        if isinstance(event, DatagramReceived) and event.data.startswith(b"CANCEL"):
            raise ZeroDivisionError
        return (action,)

    seen = explore(to_one(by=spoilt(stumble)))
    assert seen.broken is not None
    assert seen.broken.reason == "the engine raises ZeroDivisionError()"
    assert '"event":{"is":"DatagramReceived"' in seen.broken.journal[-1]
    assert '"actions":[]' in seen.broken.journal[-1]


def test_what_is_wrong_from_the_beginning_is_found() -> None:
    class Early(sansip.Engine):
        __slots__ = ()

        def start(self, seed: bytes, at: float) -> tuple[State, tuple[Action, ...]]:
            state, actions = super().start(seed, at)
            cancel = (
                b"CANCEL sip:a@203.0.113.1 SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n"
                b"From: <sip:a>;tag=1\r\nTo: <sip:a>\r\nCall-ID: 1\r\nCSeq: 1 CANCEL\r\n"
                b"Max-Forwards: 70\r\n\r\n"
            )
            to = sansip.Address("203.0.113.1", 5060)
            return state, (*actions, Send("1 c", "udp:192.0.2.10:5060", to, None, cancel))

    early = Early(sansip.Config([sansip.Endpoint("udp", "192.0.2.10:5060")]))
    seen = explore(Scenario(early, gateways={}))
    assert seen.broken is not None
    assert seen.broken.reason.startswith("a CANCEL for what was never sent")
    assert seen.broken.happenings == ()
    assert not any('"event"' in line for line in seen.broken.journal)


def test_what_does_not_end_so_is_not_told() -> None:
    found = retraced(
        to_one(), "it rains", ["caller 1 calls", "the engine gets INVITE from caller 1"]
    )
    assert found.happenings == ()
