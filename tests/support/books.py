"""What the engine keeps: numbers, timers, counts, connections; and that they agree.

The books see what an adapter sees, events and orders, and compare it with the state after each
step.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar, cast

import sansip
from sansip.engine.actions import owner_of
from sansip.engine.contexts import OWNER
from sansip.proxy.states import Hunting
from sansip.table import Table
from stage import tables

RETRANSMITTING = ("A", "E", "G")

K = TypeVar("K")
V = TypeVar("V")


@dataclass
class Books:
    """What runs, what is open, and which number was used last."""

    limits: sansip.Limits
    last: int = 0  # number of an order
    running: dict[str, sansip.Timer] = field(default_factory=dict[str, sansip.Timer])
    questions: set[int] = field(default_factory=set[int])  # to DNS, that are open
    there: dict[int, tuple[str, sansip.Address]] = field(
        default_factory=dict[int, tuple[str, sansip.Address]]
    )

    def look(
        self, event: sansip.Event, actions: tuple[sansip.Action, ...], after: sansip.State
    ) -> None:
        """One step."""
        self.take(event)
        self.look_at_orders(actions)
        assert self.running == {timer.owner: timer for timer in timers(after)}
        assert self.questions == set(after.questions)
        self.look_at_flows(actions, after)
        self.look_at_counts(after)

    def take(self, event: sansip.Event) -> None:
        """What the event itself ends, or begins."""
        match event:
            case sansip.TimerFired(_, timer) if self.running.get(timer.owner) == timer:
                del self.running[timer.owner]
            case sansip.DnsAnswered():
                self.questions.discard(event.query)
            case sansip.FlowOpened():
                self.there[event.flow] = event.endpoint, event.remote
            case sansip.FlowClosed():
                self.there.pop(event.flow, None)
            case _:
                pass

    def look_at_orders(self, actions: tuple[sansip.Action, ...]) -> None:
        """Numbers are new, timers consistent, and a message leaves before its timer (SIO-03)."""
        sent: set[str] = set()
        guarded: set[str] = set()
        for action in actions:
            match action:
                case sansip.Send():
                    self.new_number(int(action.id.partition(" ")[0]))
                    owner = owner_of(action.id)
                    assert owner not in guarded, "a message leaves after its timer has started"
                    sent.add(owner)
                case sansip.StartTimer(timer, seconds):
                    self.new_number(timer.serial)
                    assert seconds >= 0
                    self.running[timer.owner] = timer
                    if timer.name in RETRANSMITTING and timer.owner[:2] in ("s|", "c|"):
                        assert timer.owner in sent, "a timer that guards nothing"
                        guarded.add(timer.owner)
                case sansip.StopTimer(timer):
                    assert self.running.pop(timer.owner, None) == timer
                case sansip.QueryDns():
                    self.new_number(action.query)
                    self.questions.add(action.query)
                case sansip.StopDns(query):
                    self.questions.remove(query)
                case sansip.OpenFlow():
                    self.new_number(-action.flow)
                case sansip.Consult():
                    self.new_number(int(action.question.partition(" ")[0]))
                case _:
                    pass

    def new_number(self, number: int) -> None:
        assert number > self.last, "a number is used again"
        self.last = number

    def look_at_flows(self, actions: tuple[sansip.Action, ...], after: sansip.State) -> None:
        """Nothing goes over a connection that is not open, and whoever uses one is known to it."""
        for action in actions:
            match action:
                case sansip.CloseFlow(number):
                    self.there.pop(number, None)
                case sansip.Send() if action.flow is not None:
                    assert self.there[action.flow] == (action.endpoint, action.remote)
                    assert b"\r\nContent-Length: " in action.data or not action.data.strip()
                case _:
                    pass
        for link, number in after.links.items():
            assert link in (after.flows[number].link, *after.flows[number].aliases)
        for number, flow in after.flows.items():
            assert number < 0 or number in self.there
            for key in flow.users:
                assert after.client[key].flow == number
        for key, record in after.client.items():
            if record.flow is not None and record.flow in after.flows:
                assert key in after.flows[record.flow].users
        assert set(after.undelivered) <= {owner for owner, _ in after.searches}
        waiting = {owner for _, query in after.queries.items() for owner in query.waiting}
        assert waiting <= set(after.searches)
        assert len(after.queries) == len(after.questions)

    def look_at_counts(self, after: sansip.State) -> None:
        """What is counted is what is there, and no limit is passed."""
        sources: Counter[str] = Counter()
        size = count = 0
        for asked in values(after.asked):
            sources[asked.came.source.host] += 1
            size += asked.came.size
        for served in values(after.served):
            if served.request is not None:
                sources[served.source.host] += 1
                size += served.size
        for origin in [context.origin for context in values(after.contexts)]:
            if origin is not None and origin.source is not None:
                sources[origin.source.host] += 1
                size += origin.size
            elif origin is not None:
                count += 1
        assert dict(after.sources.items()) == sources
        assert after.in_flight == sources.total() + count
        assert after.bytes_in_flight == size
        limits = self.limits
        assert sources.total() <= limits.in_flight
        assert max(sources.values(), default=0) <= limits.in_flight_per_source
        calls = [key for key in after.server if not key.endswith("|CANCEL")]
        assert len(calls) <= limits.transactions
        assert len(after.queries) <= limits.questions
        assert len(after.flows) <= limits.flows
        for flow in values(after.flows):
            waiting = flow.waiting or ()
            assert len(waiting) <= limits.waiting
            assert sum([len(each.data) for each in waiting]) <= limits.bytes_waiting
        counted = Counter([call.name for call in values(after.fleet.calls) if not call.dialogs])
        assert dict(after.fleet.loads.items()) == counted
        assert len(after.fleet.calls) <= limits.calls
        assert len(after.fleet.health) <= limits.health
        for context in values(after.contexts):
            if isinstance(context.state, Hunting):
                assert len(context.state.branches) <= limits.branches


def timers(state: sansip.State) -> Iterator[sansip.Timer]:
    """All timers that anything in a state says are running."""
    for transactions in (state.server, state.client):
        for key, record in transactions.items():
            if record.timer is not None:
                yield sansip.Timer(key, record.timer, record.serial)
    for key, context in state.contexts.items():
        if context.serial:
            yield sansip.Timer(f"{OWNER}{key}", "hunt", context.serial)
    watch = state.fleet.watch
    for table in (*tables(state).values(), state.fleet.calls, watch.rounds, watch.probes):
        for thing in values(cast("Table[object, object]", table)):
            timer: object = getattr(thing, "timer", None)
            if isinstance(timer, sansip.Timer):
                yield timer


def values(table: Table[K, V]) -> list[V]:
    return [value for _, value in table.items()]
