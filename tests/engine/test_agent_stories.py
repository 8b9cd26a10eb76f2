"""Stories of user agents: whatever both sides do, and in whatever order, each has its end.

Calls come in and are answered, refused, given up, forgotten; the program calls out, hangs up, gives
up; everything is copied and comes late.
"""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sansip
from stage import CALLER, GW_1, Stage, config, make_request

STATUSES = (100, 180, 183, 200, 202, 302, 408, 480, 486, 603)
PAUSES = (0.0, 0.4, 0.6, 4.0, 31.0, 33.0, 186.0)
INBOUND = re.compile(r"request( ack| cancel| timeout)? end")
OUTBOUND = re.compile(r"(response )*(timeout |response )?(response )*end")


class Agent(Stage):
    """A stage on which a program is a user agent, and makes no mistakes that it could avoid."""

    def request(self, method: str, number: int, path: str = "") -> None:
        inside = "b" if method == "BYE" else ""
        self.receive(self._made(method, number, f"{number}{path}", inside))

    def _made(self, method: str, number: int, branch: str, to_tag: str) -> sansip.Request:
        key = "call" if method in ("INVITE", "CANCEL", "ACK") else method
        return make_request(
            method, branch=f"z9hG4bK{key}{branch}", call_id=f"{key}-{number}", to_tag=to_tag
        )

    def acknowledge(self, number: int, branch: str) -> None:
        finals = [r for r in self.responses() if r.call_id == f"call-{number}" and r.to_tag]
        if finals:
            self.receive(self._made("ACK", number, branch, finals[-1].to_tag or ""))

    def again(self, which: int) -> None:
        past = [event for event in self.events if isinstance(event, sansip.DatagramReceived)]
        if past:
            event = past[-1 - which % len(past)]
            self.receive(event.data, event.source)

    def answer(self, which: int, status: int) -> None:
        came = [deliver for deliver in self.delivered if deliver.kind == "request"]
        if came:
            chosen = came[-1 - which % len(came)]
            handle, message = chosen.handle, chosen.message
            assert isinstance(message, sansip.Request)
            if message.method == "INVITE" or (status >= 200 and status != 408):
                made = sansip.reply(message, status)
                self.step(sansip.ResponseSubmitted(self.now, handle, made))

    def submit(self, number: int, method: str) -> None:
        if f"l|mine-{number}" not in self.state.contexts:
            request = make_request(method, call_id=f"mine-{number}")
            self.step(sansip.RequestSubmitted(self.now, f"mine-{number}", request))

    def give_up(self, number: int) -> None:
        record = self.state.contexts.get(f"l|mine-{number}")
        if record is None or record.facts.invite:
            self.step(sansip.CancelSubmitted(self.now, f"mine-{number}"))

    def respond_to(self, which: int, status: int, tag: str) -> None:
        asked = [m for _, m in self.sent if isinstance(m, sansip.Request) and m.method != "ACK"]
        if asked:
            request = asked[-1 - which % len(asked)]
            self.receive(sansip.reply(request, status, to_tag=tag), GW_1)

    def refuse_one(self, which: int) -> None:
        if self.sends:
            self.refuse(self.sends[-1 - which % len(self.sends)])


numbers, recent = st.integers(0, 1), st.integers(0, 4)
OPERATIONS = st.one_of(
    st.tuples(st.just("request"), st.sampled_from(("INVITE", "CANCEL", "MESSAGE", "BYE")), numbers),
    st.tuples(st.just("request"), st.sampled_from(("INVITE", "MESSAGE")), numbers, st.just("p")),
    *[st.tuples(st.just("answer"), recent, st.sampled_from(STATUSES))] * 3,
    st.tuples(st.just("acknowledge"), numbers, st.sampled_from(("0", "1", "ack"))),
    st.tuples(st.just("again"), recent),
    st.tuples(st.just("submit"), numbers, st.sampled_from(("INVITE", "OPTIONS", "MESSAGE"))),
    st.tuples(st.just("give_up"), numbers),
    st.tuples(st.just("respond_to"), recent, st.sampled_from(STATUSES), st.sampled_from("ab")),
    st.tuples(st.just("refuse_one"), recent),
    *[st.tuples(st.just("advance"), st.sampled_from(PAUSES))] * 2,
)
STORIES = st.lists(OPERATIONS, max_size=40)
EVERYTHING = None


class Some(sansip.Policy):
    """Calls are for the program, everything else for a gateway."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        local = request.method == "INVITE"
        return sansip.Local() if local else sansip.Relay(f"sip:bob@{GW_1}")


def play(policy: sansip.Policy | None, story: list[tuple[object, ...]]) -> Agent:
    agent = Agent(sansip.Engine(config(), policy))
    for name, *arguments in story:
        operation: Callable[..., None] = getattr(agent, str(name))
        operation(*arguments)
    return agent


def told(agent: Agent) -> dict[str, list[str]]:
    """What was delivered, by handle; a handle that is used again has a list for each time."""
    lives: dict[str, list[str]] = {}
    count: dict[str, int] = {}
    for deliver in agent.delivered:
        life = count.setdefault(deliver.handle, 0)
        lives.setdefault(f"{deliver.handle} {life}", []).append(deliver.kind)
        if deliver.kind == "end":
            count[deliver.handle] += 1
    return lives


@pytest.mark.rule("SIO-04", "SIO-05", "SIO-07", "6026-8.1-01", "3261-9.2-04")
@given(st.sampled_from((EVERYTHING, Some())), STORIES)
def test_every_story_ends_and_leaves_nothing_behind(
    policy: sansip.Policy | None, story: list[tuple[object, ...]]
) -> None:
    agent = play(policy, story)
    agent.advance(3600.0)
    assert agent.is_empty()
    assert not len(agent.agenda)
    assert not agent.state.bytes_in_flight
    for handle, kinds in told(agent).items():
        pattern = INBOUND if handle.startswith("s|") else OUTBOUND
        assert pattern.fullmatch(" ".join(kinds)), (handle, kinds)


@pytest.mark.rule("SIO-02")
@given(STORIES)
def test_a_story_that_is_told_twice_is_the_same(story: list[tuple[object, ...]]) -> None:
    first = play(EVERYTHING, story)
    state, _ = first.engine.start(first.state.seed, 1000.0)
    for event, actions in zip(first.events, first.actions, strict=True):
        frozen = state.freeze()
        state, again = first.engine.step(state, event)
        assert again == actions
        assert first.engine.step(frozen, event) == (state, again)
    assert state == first.state


@pytest.mark.rule("SIO-07", "6026-8.1-01")
@given(STORIES)
def test_nobody_hears_a_2xx_after_its_ack(story: list[tuple[object, ...]]) -> None:
    agent = play(EVERYTHING, story)
    calls = [d.message for d in agent.delivered if d.kind == "ack"]
    before = len(agent.responses())
    agent.advance(3600.0)
    after = agent.responses(CALLER)[before:]
    for ack in calls:
        assert isinstance(ack, sansip.Request)
        assert not [r for r in after if r.status == 200 and r.to_tag == ack.to_tag]
