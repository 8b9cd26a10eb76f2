"""Programs of events on connections: whatever opens, breaks, lags and ends, nothing is left over.

Invariants: nothing goes over a flow that is not open, nothing that waits is lost without its owner
hearing of it, every user of a flow is a transaction that says so, and at the end nothing is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sansip
from line import BOTH, Line, over_tcp
from sansip.message import reply
from stage import CALLER, GW_1, GW_2, PROXY, Decide, Whatever, config, make_request

GROUP = {"gateways": [f"sip:{GW_1};transport=tcp", f"sip:{GW_2};transport=tls"]}
ENDPOINTS = [*BOTH, sansip.Endpoint("tls", "192.0.2.10:5061")]
LIMITS = sansip.Limits(waiting=3, flows=5)


@dataclass
class World(Line):
    """A stage that knows which connections are open, and looks at every step."""

    there: dict[int, tuple[str, sansip.Address]] = field(
        default_factory=dict[int, tuple[str, sansip.Address]]
    )
    wanted: list[sansip.OpenFlow] = field(default_factory=list[sansip.OpenFlow])
    ids: set[int] = field(default_factory=set[int])

    def step(self, event: sansip.Event) -> tuple[sansip.Action, ...]:
        if isinstance(event, sansip.FlowOpened):
            self.there[event.flow] = event.endpoint, event.remote
        if isinstance(event, sansip.FlowClosed):
            self.there.pop(event.flow, None)
        return super().step(event)

    def perform(self, actions: tuple[sansip.Action, ...]) -> None:
        for action in actions:
            match action:
                case sansip.OpenFlow():
                    assert action.flow < 0
                    assert action.flow not in self.ids
                    self.ids.add(action.flow)
                    self.wanted.append(action)
                case sansip.CloseFlow(flow):
                    self.there.pop(flow, None)
                    self.wanted = [order for order in self.wanted if order.flow != flow]
                case sansip.Send() if action.flow is not None:
                    assert self.there[action.flow] == (action.endpoint, action.remote)
                    assert b"\r\nContent-Length: " in action.data or not action.data.strip()
                case _:
                    pass
        super().perform(actions)
        self.look()

    def look(self) -> None:
        """What always holds of the state."""
        state = self.state
        for link, number in state.links.items():
            assert state.flows[number].link == link
        for number, flow in state.flows.items():
            for key in flow.users:
                assert state.client[key].flow == number
        for key, record in state.client.items():
            if record.flow is not None and record.flow in state.flows:
                assert key in state.flows[record.flow].users
        assert set(state.undelivered) <= {owner for owner, _ in state.searches}

    # --- what may happen

    def invite(self, number: int, big: bool) -> None:  # noqa: FBT001
        branch = f"z9hG4bK{len(self.events)}"
        body = b"x" * (2000 if big else 0)
        options: dict[str, Whatever] = {"branch": branch, "call_id": branch, "body": body}
        method = ("INVITE", "OPTIONS", "MESSAGE")[number % 3]
        inbound = [flow for flow in self.there if flow > 0]
        if inbound and number % 2:
            self.hear(over_tcp(method, **options), inbound[number % len(inbound)])
        else:
            self.receive(make_request(method, **options))

    def peer(self, number: int, tls: bool) -> None:  # noqa: FBT001
        flow = 1 + len(self.events)
        endpoint = ENDPOINTS[2 if tls else 1].name
        remote = sansip.Address(CALLER.host, 40_000 + number)
        self.step(sansip.FlowOpened(self.now, flow, endpoint, remote, PROXY))

    def settle(self, number: int, refused: bool) -> None:  # noqa: FBT001
        """A connection that is wanted opens, or does not."""
        if self.wanted:
            order = self.wanted.pop(number % len(self.wanted))
            if refused:
                self.step(sansip.FlowClosed(self.now, order.flow, "refused"))
            else:
                opened = sansip.FlowOpened(
                    self.now, order.flow, order.endpoint, order.remote, PROXY
                )
                self.step(opened)

    def cut(self, number: int, hard: bool) -> None:  # noqa: FBT001
        """A connection breaks; the last send may be refused first."""
        flows = sorted(self.there)
        if flows:
            flow = flows[number % len(flows)]
            sends = [send for send in self.sends if send.flow == flow]
            if hard and sends:
                self.refuse(sends[-1], "broken pipe")
            self.step(sansip.FlowClosed(self.now, flow, "reset"))

    def refuse_datagram(self, number: int, _: bool) -> None:  # noqa: FBT001
        sends = [send for send in self.sends[-9:] if send.flow is None]
        if sends:
            self.refuse(sends[number % len(sends)])

    def answer(self, number: int, by_udp: bool) -> None:  # noqa: FBT001
        """A gateway answers something, over whatever it likes."""
        gone = [m for _, m in self.sent if isinstance(m, sansip.Request) and m.method != "ACK"]
        if gone:
            request = gone[-1 - number % min(5, len(gone))]
            status = (100, 180, 200, 486, 503, 487)[number % 6]
            response = reply(request, status, to_tag="gw")
            flows = sorted(self.there)
            if by_udp or not flows:
                self.receive(response, GW_1)
            else:
                self.hear(response, flows[number % len(flows)])

    def cancel(self, number: int, _: bool) -> None:  # noqa: FBT001
        calls = [e for e in self.sent if isinstance(e[1], sansip.Response)]
        if calls:
            call_id = calls[number % len(calls)][1].call_id or ""
            self.receive(make_request("CANCEL", branch=call_id, call_id=call_id))

    def noise(self, number: int, _: bool) -> None:  # noqa: FBT001
        flows = sorted(self.there)
        if flows:
            data = (b"\r\n\r\n", b"\0", b"INVITE sip:x SIP/2.0\r\nVia", b"?\r\n\r\n")[number % 4]
            self.hear(data, flows[number % len(flows)])

    def wait(self, number: int, _: bool) -> None:  # noqa: FBT001
        self.advance((0.1, 0.6, 3.1, 4.1, 33.0, 130.0)[number % 6])


HAPPENINGS: tuple[Callable[[World, int, bool], None], ...] = (
    World.invite,
    World.invite,
    World.peer,
    World.settle,
    World.settle,
    World.cut,
    World.refuse_datagram,
    World.answer,
    World.answer,
    World.cancel,
    World.noise,
    World.wait,
)


@pytest.mark.rule("SIO-04", "SIO-05", "3261-18.4-02")
@given(
    program=st.lists(
        st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 59), st.booleans()), max_size=40
    )
)
def test_whatever_happens_to_connections_nothing_is_left(
    program: list[tuple[Callable[[World, int, bool], None], int, bool]],
) -> None:
    made = config(endpoints=ENDPOINTS, groups=GROUP, limits=LIMITS)
    policy = Decide(sansip.Relay(sansip.Dispatch("gateways", rewrite="none")))
    world = World(sansip.Engine(made, policy))
    for happening, number, flag in program:
        happening(world, number, flag)
    while world.wanted:
        world.settle(0, refused=True)
    world.advance(500.0)
    for flow in sorted(world.there):
        world.step(sansip.FlowClosed(world.now, flow))
    world.advance(3600.0)
    assert world.is_empty()
    assert world.agenda.next_due() is None
