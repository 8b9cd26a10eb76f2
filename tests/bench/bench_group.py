"""Destination groups: what a call to one costs, its order, its probing, a plan, a list."""

from collections.abc import Callable

import pytest

import sansip
import traffic
from benching import RECORDED, Benchmark, pair, replay
from sansip import dns
from sansip.dispatch import Algorithm, Moment, arrange, parse_list
from sansip.entropy import Draws
from sansip.message import reply
from sansip.table import Table
from stage import CALLER, GW_1, GW_2, SEED, Stage, ToGroup, ToName, config, make_request
from traffic import Line, plain_split

SIZE = 100  # members of a large group
LINES = 1_000  # of a dispatcher.list
EVERY = 10.0  # seconds between two probes of a member
ORDINARY = traffic.invite(1)
PAIR = (f"sip:{GW_1}", f"sip:{GW_2}")
LARGE = (f"sip:{GW_1}", *[f"sip:203.0.113.{host}" for host in range(2, SIZE + 1)])
NAMES = tuple([f"sip:gw-{number}.example.com:5060" for number in range(SIZE)])
ZONE: dict[tuple[str, str], dns.Answer] = {
    (f"gw-{number}.example.com", "A"): dns.Found((dns.Ip(f"203.0.113.{number + 1}"),), 3600.0)
    for number in range(SIZE)
}


@pytest.mark.benchmark(group="a call, to a group of 2 addresses")
class TestPair:
    def test_group(self, benchmark: Benchmark, scaled: Callable[[int], int]) -> None:
        benchmark.extra_info["budget"] = 1.1
        replay(benchmark, Line(ToGroup(), groups={"gateways": PAIR}), scaled(RECORDED), Line.call)

    def test_to_an_address(self, benchmark: Benchmark, scaled: Callable[[int], int]) -> None:
        replay(benchmark, Line(ToName()), scaled(RECORDED), Line.call)


@pytest.mark.benchmark(group=f"a call, to a group of {SIZE} addresses")
class TestLarge:
    def test_group(self, benchmark: Benchmark, scaled: Callable[[int], int]) -> None:
        benchmark.extra_info["budget"] = 1.6
        replay(benchmark, Line(ToGroup(), groups={"gateways": LARGE}), scaled(RECORDED), Line.call)

    def test_to_an_address(self, benchmark: Benchmark, scaled: Callable[[int], int]) -> None:
        replay(benchmark, Line(ToName()), scaled(RECORDED), Line.call)


ORDERS = {
    f"order of {SIZE} members, first": ("first", 5.0),
    f"order of {SIZE} members, round-robin": ("round-robin", 5.0),
    f"order of {SIZE} members, hash-call-id": ("hash-call-id", 25.0),
    f"order of {SIZE} members, relative-weight": ("relative-weight", 75.0),
}


@pytest.mark.parametrize(
    ("algorithm", "budget"), [pair(*row) for row in ((n, *o) for n, o in ORDERS.items())],
    scope="class",
)  # fmt: skip
class TestOrder:
    def test_order(self, benchmark: Benchmark, algorithm: Algorithm, budget: float) -> None:
        benchmark.extra_info["budget"] = budget
        group = sansip.Group(tuple([sansip.Member(name) for name in NAMES]))
        moment = Moment(12_345, Draws(SEED, "a request"), Table(), Table(), ())
        request = make_request()
        benchmark(arrange, sansip.Dispatch("gateways", algorithm), group, request, moment)

    def test_one_split(self, benchmark: Benchmark, algorithm: str, budget: float) -> None:
        benchmark(plain_split, ORDINARY)


def probed() -> sansip.Group:
    members = tuple([sansip.Member(name) for name in NAMES])
    return sansip.Group(members, sansip.Probing(every=EVERY))


def on_probing_stage() -> Stage:
    """A stage with a large group that has been round once: DNS is in the cache."""
    stage = Stage(sansip.Engine(config(groups={"gateways": probed()}), ToGroup()), ZONE)
    answer_probes(stage, EVERY - 0.001)
    return stage


def answer_probes(stage: Stage, seconds: float) -> None:
    """Let time pass, in which every probe has its answer at once."""
    until = stage.now + seconds
    while stage.now < until:
        due = stage.agenda.next_due()
        stage.advance(until - stage.now if due is None else max(0.0, min(due, until) - stage.now))
        sent, stage.sent = stage.sent, []
        for remote, probe in sent:
            assert isinstance(probe, sansip.Request)
            stage.receive(reply(probe, 200, to_tag="gateway"), remote)


@pytest.mark.benchmark(group=f"probing, a round of {SIZE} members")
class TestProbing:
    def test_round(self, benchmark: Benchmark) -> None:
        benchmark.extra_info["budget"] = 60.0
        stage = on_probing_stage()
        begin, at = stage.state.freeze(), len(stage.events)
        answer_probes(stage, EVERY)
        events, step = stage.events[at:], stage.engine.step
        received = [event for event in events if isinstance(event, sansip.DatagramReceived)]
        assert len(received) == SIZE

        def play() -> None:
            state = begin
            for event in events:
                state, _ = step(state, event)

        benchmark(play)

    def test_split_of_each(self, benchmark: Benchmark) -> None:
        benchmark(lambda: [plain_split(ORDINARY) for _ in range(SIZE)])


@pytest.mark.benchmark(group="plan() of a call to a group")
class TestPlan:
    def test_plan(self, benchmark: Benchmark) -> None:
        benchmark.extra_info["budget"] = 250.0
        stage = Stage(sansip.Engine(config(), ToGroup()))
        request = make_request()
        stage.receive(request)
        stage.advance(4.0)  # both have been tried, so DNS is in the cache
        state, at = stage.state.freeze(), stage.now
        plan = stage.engine.plan(state, request, at=at, source=CALLER)
        assert len(plan.steps) == 2
        benchmark(lambda: stage.engine.plan(state, request, at=at, source=CALLER))

    def test_one_split(self, benchmark: Benchmark) -> None:
        benchmark(plain_split, ORDINARY)


@pytest.mark.benchmark(group=f"a dispatcher.list of {LINES:,} lines")
class TestList:
    text = "".join(
        [
            f"{number % 10} sip:gw-{number}.example.com:5060;transport=udp 0 {number % 3} "
            f"rweight=10;duid=gw-{number};socket=udp:192.0.2.10:5060;maxload=30\n"
            for number in range(LINES)
        ]
    )

    def test_read(self, benchmark: Benchmark) -> None:
        benchmark.extra_info["budget"] = 120.0
        benchmark(parse_list, self.text, "dispatcher.list")

    def test_split_of_lines(self, benchmark: Benchmark) -> None:
        benchmark(lambda: [line.split() for line in self.text.splitlines()])
