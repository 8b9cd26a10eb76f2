"""Programs of events against a response context: whatever happens, the promises hold.

Around the context stand client transactions with their states and timers, and lookups that answer,
so that it is told only what an engine could tell it, in the order in which an engine would.
"""

import copy
from collections import deque
from collections.abc import Sequence
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hunt import BEGAN, MOST_WAKES, make_hop, make_plan, make_response
from sansip.address import Hop
from sansip.proxy import context
from sansip.proxy import vocabulary as v
from sansip.proxy.states import Concluded, Gone, Hunting, State
from sansip.timing import Timing

TIMING = Timing()
MOST_DIVERSIONS = 8  # as in the engine
MANY = 64  # branches: more than these programs can start
At = Literal["calling", "proceeding", "accepted", "completed"]
Op = tuple[str, int, int]

STATUSES = (100, 180, 183, 199, 200, 202, 302, 404, 408, 481, 482, 486, 487, 500, 503, 600, 603)
WAITS = (3.0, 1.0, 0.5, 0.0, 4.0, 10.0, 29.0, 32.0, 64.0, 185.0)
LISTS = ("ABC", "AB", "A", "B", "BAD", "CDE", "EFG", "")
URIS = tuple(f"sip:bob@gw-{number}.example.com" for number in range(4))


def shaped(uris: Sequence[str], shape: int) -> v.Plan:
    """The URIs as stages of ways: one way, one stage, one after the other, or a mixture."""
    if not uris:
        return ()
    match shape % 5:
        case 0:
            return make_plan([uris])
        case 1:
            return make_plan(uris)
        case 2:
            return make_plan(*[[uri] for uri in uris])
        case 3:
            return make_plan([uris[:2], *uris[2:]])
        case _:
            return make_plan(uris[:1], *([uris[1:]] if uris[1:] else []))


def of_group(plan: v.Plan) -> v.Plan:
    """The same, with every target a member of a group."""
    return tuple(
        tuple(tuple(v.Target(t.uri, t.next_hop, "gateways", t.uri) for t in way) for way in stage)
        for stage in plan
    )


class Client:
    """A client transaction, as far as a response context can tell."""

    def __init__(self, begun: float, *, invite: bool) -> None:
        self.invite = invite
        self.at: At = "calling"
        self.due: float | None = begun + TIMING.timeout  # Timer B, F, M, D or K
        self.provisional = self.rang = self.final = self.cancelled = False

    def takes(self, status: int) -> bool:
        """Whether a response of that status gets through to the context."""
        match self.at:
            case "calling" | "proceeding":
                return True
            case "accepted":
                return 200 <= status < 300
            case "completed":
                return False

    def take(self, status: int, at: float) -> None:
        if status < 200:
            self.at, self.provisional = "proceeding", True
            self.rang |= self.invite and status > 100
            self.due = None if self.invite else self.due
        elif self.at != "accepted":
            self.final = True
            self.at = "accepted" if self.invite and status < 300 else "completed"
            self.due = at + (TIMING.timeout if self.invite else TIMING.t4)


class World:
    """What is around one context; every promise is checked at every order."""

    def __init__(
        self,
        hunt: v.Hunt,
        plan: v.Plan,
        lists: list[int],
        decisions: list[int],
        *,
        invite: bool,
        most: int,
        breadth: int,
        watched: bool,
    ) -> None:
        self.watched = watched
        self.facts = v.Facts(invite, BEGAN, TIMING, most, breadth)
        self.hunt = hunt
        self.lists, self.decisions = lists, decisions  # used one after the other, in a circle
        self.at = BEGAN
        self.wake: float | None = None
        self.news: deque[v.Given] = deque()
        self.clients: dict[int, Client] = {}  # the living ones
        self.all: list[Client] = []
        self.tried: list[tuple[str, Hop]] = []
        self.known: dict[v.Target, list[Hop]] = {}
        self.well: dict[int, list[tuple[str, Hop]]] = {}  # by way: what is not suspect
        self.way_of: dict[v.Target, int] = {}
        self.unheard: list[int] = []
        self.locating: dict[int, v.Target] = {}  # by way
        self.opened = -1  # the newest way
        self.share: dict[int, int] = {}  # of each branch
        self.words: list[int] = []  # status of each final answer; 0 for silence
        self.rang = self.cancelled = self.barred = False
        self.diversions = self.consulted = self.ended = 0
        self.state, outputs = context.start(self.facts, hunt, plan)
        self.carry_out(outputs)
        self.work_off()

    # what comes in

    def do(self, op: Op) -> None:
        what, one, two = op
        match what:
            case "wait":
                self.wait(WAITS[one % len(WAITS)])
            case "locate" if self.locating:
                way = sorted(self.locating)[one % len(self.locating)]
                self.find(way, one, more=two % 2 == 1)
            case "cancel" if self.facts.invite:
                self.cancelled = self.barred = True
                self.news.append(v.Cancelled((f"SIP;cause={one}",)))
            case "answer" | "break" | "trouble" if self.clients:
                number = sorted(self.clients)[one % len(self.clients)]
                self.at_client(what, number, STATUSES[two % len(STATUSES)])
            case _:
                pass
        self.work_off()

    def at_client(self, what: str, number: int, status: int) -> None:
        client = self.clients[number]
        if what == "answer" and client.takes(status):
            client.take(status, self.at)
            self.rang |= 100 < status < 200 and self.facts.invite
            self.barred |= status >= 600 or 200 <= status < 300
            self.news.append(v.Answered(number, make_response(status)))
        elif what == "trouble":
            self.news.append(v.Troubled(number, "unreachable"))
        elif what == "break" and self.may_break(client):
            self.news.append(v.Broken(number, "refused"))
            self.end(number)

    def may_break(self, client: Client) -> bool:
        """Where a message is sent, sending may fail: the request, or the ACK."""
        match client.at:
            case "calling":
                return True
            case "proceeding":
                return not self.facts.invite
            case "completed":
                return self.facts.invite
            case "accepted":
                return False

    def end(self, number: int) -> None:
        self.news.append(v.Over(number))
        del self.clients[number]

    def find(self, way: int, which: int, *, more: bool) -> None:
        """The lookup of a way has found something, or has come to its end."""
        hops = tuple(map(make_hop, LISTS[which % len(LISTS)]))
        suspects = hops[which % 4 :]
        hops = hops[: which % 4]
        target = self.locating[way]
        self.known[target] += hops + suspects
        self.well[way] += [(target.uri, hop) for hop in hops]
        if not more:
            del self.locating[way]
        status = (403, 480, 503)[which % 3]
        self.news.append(v.Located(way, hops, more, status, "nowhere", suspects))

    def wait(self, seconds: float) -> None:
        """Let time pass; whatever timer is due fires."""
        end, wakes = self.at + seconds, 0
        while True:
            dues = [(c.due, number) for number, c in self.clients.items() if c.due is not None]
            first = min(dues, default=None)
            if self.wake is not None and (first is None or self.wake < first[0]):
                if self.wake > end:
                    break
                wakes = wakes + 1 if self.at >= self.wake else 0
                assert wakes < MOST_WAKES, "woken again and again at one moment"
                self.at, self.wake = max(self.at, self.wake), None
                self.news.append(v.Woken())
            elif first is not None and first[0] <= end:
                self.at = max(self.at, first[0])
                if self.clients[first[1]].at in {"calling", "proceeding"}:
                    self.news.append(v.TimedOut(first[1]))
                self.end(first[1])
            else:
                break
            self.work_off()
        self.at = end

    def work_off(self) -> None:
        while self.news:
            news = self.news.popleft()
            before = copy.deepcopy(self.state)
            then = context.step(self.facts, self.state, news, self.at)
            assert self.state == before  # SIO-02
            assert context.step(self.facts, before, news, self.at) == then  # SIO-02
            was, (self.state, outputs) = self.state, then
            if isinstance(was, Gone):
                assert not outputs
            if isinstance(news, v.Answered):
                self.check_forwarding(news, was, outputs)
            self.carry_out(outputs)

    def check_forwarding(self, news: v.Answered, was: State, outputs: tuple[v.Output, ...]) -> None:
        """3261-16.7.5-01 and -03: what goes to the caller at once, and what never does."""
        status = news.response.status
        if status < 200:
            wanted = self.facts.invite and status > 100 and isinstance(was, Hunting)
        else:
            first = isinstance(was, Hunting) or self.facts.invite
            wanted = status < 300 and first and not isinstance(was, Gone)
        if status < 300:
            assert (v.Forward(news.response) in outputs) == wanted

    # what goes out

    def carry_out(self, outputs: tuple[v.Output, ...]) -> None:
        for output in outputs:
            assert not self.ended, "something comes after the end"
            match output:
                case v.Locate(way, target):
                    assert way not in self.locating
                    self.check_may_go_on()
                    self.check_may_open(way)
                    self.locating[way] = target
                    self.known.setdefault(target, [])
                    self.well.setdefault(way, [])
                    self.way_of[target] = way
                    self.find(way, self.next(self.lists), more=self.next(self.lists) % 3 > 0)
                case v.StopLocating(way):
                    del self.locating[way]
                case v.Try():
                    self.begin(output)
                case v.Cancel(number):
                    self.cancel(number)
                case v.Discard(number):
                    del self.clients[number]  # one that lives, and only once
                case v.Unheard(number, _):
                    self.check_unheard(number)
                case v.Wake(at):
                    self.wake = at
                case v.Consult():
                    assert not self.words
                    assert not self.cancelled
                    self.news.append(self.decide())
                case v.Ended():
                    self.end_all()
                case v.Note() | v.Forward() | v.Answer() | v.Silence():
                    self.say(output)

    def end_all(self) -> None:
        assert isinstance(self.state, Gone)
        assert self.wake is None
        assert not [number for number in self.clients if v.Over(number) not in self.news]
        self.ended += 1

    def check_may_go_on(self) -> None:
        """3261-16.10-02, 3263-4.3-07: CANCEL, 2xx, 6xx and the final answer absorb."""
        assert not self.barred
        assert not self.words

    def check_may_open(self, way: int) -> None:
        """3261-16.6-00: no new stage while a phone of an earlier one rings."""
        if way > self.opened:
            self.opened = way
            for client in self.clients.values():
                assert client.final or client.cancelled or not client.rang

    def begin(self, order: v.Try) -> None:
        self.check_may_go_on()
        assert order.branch == len(self.all) < self.facts.most_branches
        assert (order.target.uri, order.hop) not in self.tried  # 3261-16.5-02
        assert order.hop in self.known[order.target]
        way = self.way_of[order.target]
        if (order.target.uri, order.hop) not in self.well[way]:
            # A suspect is tried after every other hop and target of its way.
            assert way not in self.locating
            assert not [well for well in self.well[way] if well not in self.tried]
        self.tried.append((order.target.uri, order.hop))
        self.share[order.branch] = order.breadth
        spent = [self.share[number] for number, client in self.clients.items() if not client.final]
        assert order.breadth >= 1  # 5393-5.3.3-02
        assert order.breadth + sum(spent) <= self.facts.breadth  # 5393-5.3.3-02
        client = Client(self.at, invite=self.facts.invite)
        self.all.append(client)
        self.clients[order.branch] = client

    def check_unheard(self, number: int) -> None:
        """Once of a branch, and only if nothing has come; nobody else wants to know."""
        client = self.clients[number]
        assert number not in self.unheard
        assert not client.provisional
        assert not client.final
        assert not self.cancelled
        assert self.watched
        self.unheard.append(number)

    def cancel(self, number: int) -> None:
        client = self.clients[number]
        assert self.facts.invite  # 3261-9.1-01
        assert client.provisional  # 3261-9.1-04
        assert not client.final
        assert not client.cancelled
        client.cancelled = True

    def say(self, output: v.Note | v.Forward | v.Answer | v.Silence) -> None:
        """3261-16.7.5-04: one final answer, and any number of 2xx to an INVITE."""
        status = 0
        match output:
            case v.Forward(response):
                status = response.status
            case v.Answer():
                status = output.status
            case v.Silence():
                assert not self.facts.invite
            case v.Note():
                return
        if 100 <= status < 200:
            return  # see check_forwarding
        if self.words:
            assert self.facts.invite
            assert 200 <= status < 300
        if not self.facts.invite:
            assert status != 408  # 4320-4.2-01
        assert status != 503 or not self.all  # 3261-16.7.6-03
        self.words.append(status)

    def decide(self) -> v.Given:
        self.consulted += 1
        choice = self.next(self.decisions)
        match choice % 4:
            case 0:
                return v.TryNext()
            case 1:
                return v.Finish()
            case 2 if self.diversions < MOST_DIVERSIONS:
                self.diversions += 1
                count = 1 if self.facts.most_branches < MANY else 1 + choice % 2
                uris = [URIS[(choice + number) % len(URIS)] for number in range(count)]
                plan = shaped(uris, choice)
                return v.Divert(of_group(plan) if self.watched else plan, self.hunt)
            case _:
                return v.Decline(404)

    @staticmethod
    def next(choices: list[int]) -> int:
        choices.append(choices.pop(0))
        return choices[-1]

    # the end

    def finish(self) -> None:
        """Every lookup and every timer comes to its end; nothing is left."""
        for _ in range(200):
            for way in tuple(self.locating):
                if way in self.locating:
                    self.find(way, 0, more=False)
                    self.work_off()
            self.wait(32.0)
            if self.ended and not self.clients and not self.locating:
                break
        assert self.ended == 1, self.state
        assert not self.clients
        assert not self.locating
        assert self.words
        for client in self.all:
            # no branch is left ringing that nobody cancelled
            if self.facts.invite and client.provisional and not client.final:
                assert client.cancelled


WAIT = st.tuples(st.just("wait"), st.integers(0, len(WAITS) - 1), st.just(0))
PROVISIONAL = st.tuples(st.just("answer"), st.integers(0, 3), st.integers(0, 3))
ANSWER = st.tuples(st.just("answer"), st.integers(0, 3), st.integers(0, len(STATUSES) - 1))
LOCATE = st.tuples(st.just("locate"), st.integers(0, 29), st.integers(0, 1))
ACCIDENT = st.tuples(st.sampled_from(["break", "trouble"]), st.integers(0, 3), st.just(0))
CANCEL = st.tuples(st.just("cancel"), st.integers(0, 1), st.just(0))
PROGRAMS = st.lists(
    st.one_of(WAIT, WAIT, PROVISIONAL, ANSWER, ANSWER, LOCATE, ACCIDENT, ACCIDENT, CANCEL),
    max_size=30,
)
SECONDS = st.sampled_from([None, 1.0, 3.0, 20.0])
HUNTS = st.builds(
    v.Hunt,
    advance_after=SECONDS,
    progress_after=SECONDS,
    answer_within=SECONDS,
    deadline=st.sampled_from([10.0, 32.0, 300.0]),
    timer_c=st.just(185.0),
    failover_on=st.sampled_from([(), (503,), (404, 486, 500, 503)]),
    late=st.sampled_from(["first", "cancel"]),
    consult=st.booleans(),
)
CHOICES = st.lists(st.integers(0, 29), min_size=1, max_size=8)


@pytest.mark.rule(
    *("SIO-02", "SIO-05", "SIO-07", "3261-16.7.5-01", "3261-16.7.5-03", "3261-16.7.5-04"),
    *("3261-16.10-02", "3263-4.3-07", "3261-9.1-01", "3261-9.1-04", "3261-16.7.9-03"),
    *("4320-4.2-01", "3261-16.7.10-01", "3263-4.3-08", "5393-5.3.3-02", "5393-5.3.3.1-01"),
    *("3261-16.6-00", "3261-16.5-02"),
)
@given(
    hunt=HUNTS,
    invite=st.sampled_from([True, True, True, False]),
    most=st.sampled_from([1, 2, MANY]),
    count=st.integers(0, 4),
    shape=st.integers(0, 29),
    breadth=st.sampled_from([1, 2, 5, 60]),
    watched=st.booleans(),
    program=PROGRAMS,
    lists=CHOICES,
    decisions=CHOICES,
)
def test_whatever_happens_the_promises_hold_and_it_all_ends(
    hunt: v.Hunt,
    invite: bool,  # noqa: FBT001
    most: int,
    count: int,
    shape: int,
    breadth: int,
    watched: bool,  # noqa: FBT001
    program: list[Op],
    lists: list[int],
    decisions: list[int],
) -> None:
    plan = shaped(URIS[:count], shape)
    world = World(
        hunt, of_group(plan) if watched else plan, [*lists], [*decisions],
        invite=invite, most=most, breadth=breadth, watched=watched,
    )  # fmt: skip
    for op in program:
        world.do(op)
        last = BEGAN + hunt.deadline
        if not invite:
            last = min(last, BEGAN + TIMING.timeout - TIMING.t2)
        if world.at > last and not (world.rang or world.cancelled):
            assert world.words  # 3263-4.3-08: the hunt ends in time
        if world.words:
            assert isinstance(world.state, Concluded | Gone)
    world.finish()
