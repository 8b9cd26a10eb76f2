"""Programs of events: whatever the network does, and in whatever order, the invariants hold.

Calls over two gateways, with responses of all kinds, losses, copies, late arrivals, timers, answers
and failures of DNS, CANCELs, errors of the transport. The invariants are those of RFC 3261 16 and
9 that no order of events may break.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sansip
from sansip import dns
from sansip.message import reply
from sansip.transaction import client_key, invite_client, server_key
from stage import CALLER, GW_1, GW_2, Stage, ToGroup, ToName, config, make_request

STATUSES = (100, 180, 183, 200, 302, 404, 408, 482, 486, 487, 500, 503, 603)
PAUSES = (0.0, 0.3, 0.5, 1.0, 3.0, 6.0, 20.0, 33.0, 190.0)


class Restless(ToGroup):
    """With a failure route that goes on as long as it can, then elsewhere, then gives up."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(sansip.Dispatch("gateways"), on_failure="failed", answer_within=20.0)

    def failed(self, failed: sansip.Failed) -> sansip.FailureDecision:
        if failed.remaining:
            return sansip.TryNext()
        if len(failed.tried) < 4:
            return sansip.Relay(f"sip:last@{GW_1}", on_failure="failed")
        return sansip.Reply(480)


class Forking(sansip.Policy):
    """Several phones at once, then another one, then those of a failure route."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(
            [request.uri_text, f"sip:carol@{GW_1}", sansip.Target(f"sip:dave@{GW_2}", 0.5)],
            on_failure="failed",
        )

    def failed(self, failed: sansip.Failed) -> sansip.FailureDecision:
        if failed.remaining:
            return sansip.TryNext()
        if len(failed.tried) < 5:
            targets = [f"sip:last@{GW_1}", f"sip:last@{GW_2}", "sip:carol@GW-1.EXAMPLE.COM:5060"]
            return sansip.Relay(targets, on_failure="failed")
        return sansip.Finish()


POLICIES: tuple[sansip.Policy, ...] = (
    ToName(),
    ToGroup(late="cancel"),
    ToName(progress_after=2.0, failover_on=(404, 503)),
    ToGroup(advance_after=None, deadline=10.0),
    Restless(),
    Forking(),
)


@dataclass
class World(Stage):
    """A stage that looks at every step, and knows how to make things happen."""

    answer_dns: bool = False
    past: list[sansip.DatagramReceived] = field(default_factory=list[sansip.DatagramReceived])
    started: set[str] = field(default_factory=set[str])
    gone: dict[str, tuple[sansip.Address, str]] = field(
        default_factory=dict[str, tuple[sansip.Address, str]]
    )
    provisional: set[str] = field(default_factory=set[str])
    ended: set[str] = field(default_factory=set[str])
    cancelled: set[str] = field(default_factory=set[str])
    given_up: set[str] = field(default_factory=set[str])
    finals: dict[tuple[str, str], list[bytes]] = field(
        default_factory=lambda: defaultdict(list[bytes])
    )

    # --- what every step must keep to

    def step(self, event: sansip.Event) -> tuple[sansip.Action, ...]:
        before = self.state
        actions = super().step(event)
        if isinstance(event, sansip.DatagramReceived):
            self.past.append(event)
            self.look_at_response(before, event, actions)
        for action in actions:
            if isinstance(action, sansip.Send):
                message = sansip.parse(action.data)
                if isinstance(message, sansip.Response):
                    self.look_at_answer(action, message)
                elif message.method in ("INVITE", "CANCEL"):
                    self.look_at_branch(action, message)
        return actions

    def look_at_response(
        self,
        before: sansip.State,
        event: sansip.DatagramReceived,
        actions: tuple[sansip.Action, ...],
    ) -> None:
        try:
            response = sansip.parse(event.data)
        except sansip.RemoteProtocolError:
            return
        if not isinstance(response, sansip.Response) or response.cseq.method != "INVITE":
            return
        branch = response.via.branch or ""
        record = before.client.get(client_key(branch, "INVITE"))
        if record is None or isinstance(record.state, invite_client.Accepted):
            return
        if response.status >= 300:
            # "the client transaction MUST generate an ACK request" (17.1.1.2)
            (ack,) = [a for a in actions if isinstance(a, sansip.Send) and a.data[:4] == b"ACK "]
            assert sansip.parse(ack.data).via.branch == branch
            assert (ack.remote, ack.endpoint) == (record.remote, record.endpoint)
        if not isinstance(record.state, invite_client.Completed):
            (self.ended if response.status >= 200 else self.provisional).add(branch)

    def look_at_answer(self, send: sansip.Send, response: sansip.Response) -> None:
        assert send.remote == CALLER
        key = response.via.branch or "", response.cseq.method
        if response.cseq.method == "CANCEL" and response.status == 200:
            if not self.finals[key[0], "INVITE"]:
                self.given_up.add(response.call_id or "")
        elif response.cseq.method != "INVITE":
            assert response.status not in (180, 183, 408)
        if response.status >= 200:
            self.finals[key].append(send.data)

    def look_at_branch(self, send: sansip.Send, request: sansip.Request) -> None:
        branch, call_id = request.via.branch or "", request.call_id or ""
        if request.method == "CANCEL":
            # It goes where its INVITE went, and waits for a provisional response (9.1).
            assert self.gone[branch] == (send.remote, send.endpoint)
            assert branch in self.provisional
            assert branch not in self.ended or branch in self.cancelled
            self.cancelled.add(branch)
        elif branch not in self.gone:
            assert call_id not in self.given_up, "a new branch after CANCEL"
            self.gone[branch] = send.remote, send.endpoint

    # --- what may happen

    def request(self, method: str, branch: str, call_id: str) -> None:
        """Once, and again as long as anything of it is left; later it would be another one."""
        request = make_request(method, branch=branch, call_id=call_id)
        key = server_key(request)
        known = key in self.state.server or key in self.state.contexts
        if known or key not in self.started:
            self.started.add(key)
            self.receive(request)

    def invite(self, number: int) -> None:
        self.request("INVITE", f"z9hG4bKcall{number}", f"call-{number}")

    def cancel(self, number: int) -> None:
        self.request("CANCEL", f"z9hG4bKcall{number}", f"call-{number}")

    def other(self, number: int, method: str) -> None:
        self.request(method, f"z9hG4bK{method}{number}", f"{method}-{number}")

    def acknowledge(self, number: int) -> None:
        for data in self.finals[f"z9hG4bKcall{number}", "INVITE"][-1:]:
            answer = sansip.parse(data)
            assert isinstance(answer, sansip.Response)
            branch = f"z9hG4bKcall{number}" + ("" if answer.status >= 300 else "ack")
            tag = answer.to_tag or ""
            self.receive(make_request("ACK", branch=branch, call_id=f"call-{number}", to_tag=tag))

    def answer(self, which: int, status: int, tag: str) -> None:
        asked = [
            (to, message)
            for to, message in self.sent
            if isinstance(message, sansip.Request) and message.method != "ACK"
        ]
        if asked:
            to, request = asked[-1 - which % len(asked)]
            self.receive(reply(request, status, to_tag=tag), to)

    def again(self, which: int) -> None:
        """A copy of a response that came before."""
        past = [event for event in self.past if event.data.startswith(b"SIP/2.0 ")]
        if past:
            event = past[-1 - which % len(past)]
            self.receive(event.data, event.source)

    def wait(self, seconds: float) -> None:
        self.advance(seconds)

    def resolve(self, which: int, how: str) -> None:
        if self.open_questions:
            query = self.open_questions.pop(which % len(self.open_questions))
            known = self.zone.get((query.name, query.type), dns.NoName(30.0))
            answers = {"found": known, "denied": dns.NoName(5.0), "failed": dns.Failure("SERVFAIL")}
            self.step(sansip.DnsAnswered(self.now, query.query, answers[how]))

    def resolve_all(self) -> None:
        self.answer_all()

    def unreachable(self, which: int, size: int) -> None:
        sends = [send for send in self.sends if send.remote != CALLER]
        if sends:
            send = sends[-1 - which % len(sends)]
            self.icmp(send.remote, send.data[:size])

    def refused(self, which: int) -> None:
        if self.sends:
            self.refuse(self.sends[-1 - which % len(self.sends)])

    def fire_again(self, which: int) -> None:
        if self.fired:
            self.step(sansip.TimerFired(self.now, self.fired[-1 - which % len(self.fired)]))

    def noise(self, data: bytes) -> None:
        self.receive(data)

    def submit(self, number: int) -> None:
        if f"l|mine-{number}" not in self.state.contexts:
            request = make_request("MESSAGE", call_id=f"mine-{number}").remove("Via")
            self.step(sansip.RequestSubmitted(self.now, f"mine-{number}", request))


numbers = st.integers(0, 2)
recent = st.integers(0, 5)
OPERATIONS = st.one_of(
    st.tuples(st.just("invite"), numbers),
    st.tuples(st.just("cancel"), numbers),
    st.tuples(st.just("acknowledge"), numbers),
    st.tuples(st.just("other"), numbers, st.sampled_from(("OPTIONS", "MESSAGE", "BYE"))),
    *[st.tuples(st.just("answer"), recent, st.sampled_from(STATUSES), st.sampled_from(("a", "b")))]
    * 3,
    st.tuples(st.just("again"), recent),
    *[st.tuples(st.just("wait"), st.sampled_from(PAUSES))] * 2,
    st.tuples(st.just("resolve"), recent, st.sampled_from(("found", "denied", "failed"))),
    *[st.tuples(st.just("resolve_all"))] * 2,
    st.tuples(st.just("unreachable"), recent, st.sampled_from((0, 20, 520))),
    st.tuples(st.just("refused"), recent),
    st.tuples(st.just("fire_again"), recent),
    st.tuples(st.just("noise"), st.binary(max_size=40)),
    st.tuples(st.just("submit"), numbers),
)
PROGRAMS = st.lists(OPERATIONS, max_size=40)


def play(policy: sansip.Policy, program: list[tuple[object, ...]]) -> World:
    world = World(sansip.Engine(config(), policy))
    world.invite(0)
    for name, *arguments in program:
        operation: Callable[..., None] = getattr(world, str(name))
        operation(*arguments)
    return world


def finish(world: World) -> None:
    """Let everything come to its end: DNS fails, and time passes."""
    while world.open_questions or len(world.agenda):
        while world.open_questions:
            query = world.open_questions.pop(0)
            world.step(sansip.DnsAnswered(world.now, query.query, dns.Failure("time-out")))
        world.advance(600.0)


@pytest.mark.rule(
    "SIO-02", "SIO-04", "SIO-05", "SIO-07", "3261-16.7.5-03", "3261-16.7.5-04", "3261-16.7.10-01",
    "3261-16.10-02", "3261-9.1-04", "3261-9.1-05", "4320-4.2-01",
)  # fmt: skip
@given(st.sampled_from(POLICIES), PROGRAMS)
def test_no_order_of_events_breaks_an_invariant(
    policy: sansip.Policy, program: list[tuple[object, ...]]
) -> None:
    world = play(policy, program)
    finish(world)
    assert world.is_empty()
    for (branch, method), finals in world.finals.items():
        statuses = [int(data[8:11]) for data in finals]
        first_2xx = next((at for at, s in enumerate(statuses) if s < 300), len(statuses))
        assert len(set(finals[:first_2xx])) <= 1, (branch, statuses)
        if method == "INVITE":
            assert all(status < 300 for status in statuses[first_2xx:]), (branch, statuses)
        else:
            assert len(set(finals)) <= 1, (branch, statuses)
    for event in world.past:
        if event.data.startswith(b"INVITE ") and event.source == CALLER:
            branch = sansip.parse(event.data).via.branch or ""
            assert world.finals[branch, "INVITE"], "a call without an answer"
    # No branch is left ringing that nobody has cancelled.
    assert world.provisional - world.ended <= world.cancelled
    ids = [send.id for send in world.sends]
    assert len(set(ids)) == len(ids)
    for handle in {deliver.handle for deliver in world.delivered}:
        told = [d.message for d in world.delivered if d.handle == handle]
        assert told[-1] is None


@pytest.mark.rule("SIO-02")
@given(st.sampled_from(POLICIES), PROGRAMS)
def test_a_program_that_runs_twice_does_the_same_twice(
    policy: sansip.Policy, program: list[tuple[object, ...]]
) -> None:
    world = play(policy, program)
    engine = sansip.Engine(config(), policy)
    state, _ = engine.start(world.state.seed, 1000.0)
    for event, actions in zip(world.events, world.actions, strict=True):
        frozen = state.freeze()
        state, again = engine.step(state, event)
        assert again == actions
        assert engine.step(frozen, event) == (state, again)
    assert state == world.state


@dataclass
class Bent(World):
    """A world in which datagrams arrive damaged; only that nothing is raised is looked at."""

    def step(self, event: sansip.Event) -> tuple[sansip.Action, ...]:
        actions = Stage.step(self, event)
        if isinstance(event, sansip.DatagramReceived):
            self.past.append(event)
        return actions


DAMAGE = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 700),
        st.integers(0, 20),
        st.one_of(
            st.binary(max_size=4),
            st.sampled_from(
                (b"\r\n", b",", b";", b"<", b">", b":", b"@", b"sip:", b"Route:", b"\xff")
            ),
        ),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.rule("SIO-04")
@given(PROGRAMS, DAMAGE)
def test_damaged_datagrams_never_raise(
    program: list[tuple[object, ...]], damage: list[tuple[int, int, int, bytes]]
) -> None:
    world = Bent(sansip.Engine(config(), ToName()))
    world.invite(0)
    world.resolve_all()
    for name, *arguments in program:
        getattr(world, str(name))(*arguments)
    for which, at, length, put in damage:
        for event in (world.past[which % len(world.past)], *world.past[-1:]):
            data = event.data[:at] + put + event.data[at + length :]
            world.step(
                sansip.DatagramReceived(world.now, event.endpoint, event.source, event.local, data)
            )
        world.answer_all()
        world.advance(0.5)


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
