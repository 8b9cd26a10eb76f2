"""A call in a simulated world: phones, links, gateways, promises and the engine in virtual time."""

from collections.abc import Callable
from time import process_time

import pytest

import sansip
import traffic
from benching import CALLS, RECORDED, ROUNDS, Benchmark, replay
from sansip.simulate import World
from stage import ToGroup
from traffic import Line

SECONDS = 1e-3  # a thousand calls a second
APART = 0.01  # seconds between two calls
LINGERING = 3_500  # calls until as many are forgotten as begin
ZONE = "$ORIGIN example.com.\ngw-1 60 A 203.0.113.1\ngw-2 60 A 203.0.113.2\n"
GATEWAYS = ("sip:gw-1.example.com", "sip:gw-2.example.com")


# Rounds are long enough for others to come between: it is the time of this process that counts.
@pytest.mark.benchmark(group="a call, in a simulated world", timer=process_time)
class TestWorld:
    def test_world(self, benchmark: Benchmark, scaled: Callable[[int], int]) -> None:
        benchmark.extra_info["seconds"] = SECONDS
        world, before = World(1), scaled(LINGERING)
        world.zone(ZONE)
        endpoint = sansip.Endpoint("udp", "192.0.2.10:5060")
        config = sansip.Config([endpoint], groups={"gateways": GATEWAYS})
        proxy = world.engine(sansip.Engine(config, ToGroup()))
        for number in (1, 2):
            world.gateway(f"203.0.113.{number}")
        phone = world.phone("198.51.100.1", proxy)
        calls = [
            phone.call("sip:bob@example.com", after=number * APART)
            for number in range(before + RECORDED)
        ]
        world.run(before * APART)
        benchmark.pedantic(lambda: world.run(APART), rounds=ROUNDS, iterations=CALLS)
        world.run()
        assert {(call.status, call.ended) for call in calls} == {(200, 200)}

    def test_the_engine_alone(self, benchmark: Benchmark, scaled: Callable[[int], int]) -> None:
        line = Line(ToGroup(), traffic.TO_NAME)
        replay(benchmark, line, scaled(RECORDED), Line.call_and_wait)
