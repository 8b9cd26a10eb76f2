"""Chaos: worlds in which everything goes wrong at once, and every promise is kept all the same.

Each seed is a world of its own: other links, gateways, policies, transports, and faults at other
times. One that fails says its seed; ``play(seed)`` plays it again.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

import pytest

import sansip
from sansip.entropy import Draws
from sansip.journal import read
from sansip.replay import replay
from sansip.simulate import (
    BUSY,
    PICKS_UP,
    RINGS,
    SILENT,
    UNAVAILABLE,
    Answer,
    Gateway,
    Host,
    Link,
    Phone,
    World,
)

WORLDS: Final = 200
AT_ONCE: Final = 20  # in one test
T = TypeVar("T")

ZONE = "$ORIGIN example.com.\ngw-1 60 A 203.0.113.1\ngw-2 60 A 203.0.113.2\n"
HOSTS = ("gw-1.example.com", "gw-2.example.com")
PROXY = "192.0.2.10:5060"
MOVED = (("Contact", "<sip:x@203.0.113.2>"),)
SCRIPTS = (
    PICKS_UP,
    RINGS,
    BUSY,
    UNAVAILABLE,
    SILENT,
    (Answer(2.0, 200),),
    (Answer(0.2, 180), Answer(4.0, 302, MOVED)),
    (Answer(0.0, 183), Answer(1.0, 603)),
)
GIVES_UP = (None, None, 0.0, 0.05, 0.2, 0.6, 3.0, 3.01, 5.0)


class Any(sansip.Policy):
    """One after the other, with a failure route; both at once and then; or a group."""

    def __init__(self, way: str) -> None:
        self.uris = [f"sip:{user}@{host}{way}" for user, host in zip("ab", HOSTS, strict=True)]

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        kind = scene.draw("kind")
        if kind < 0.2:
            return sansip.Relay(self.uris, advance_after=3.0, answer_within=6.0)
        if kind < 0.4:
            ranked = [sansip.Target(uri, q) for uri, q in zip(self.uris, (1.0, 0.5), strict=True)]
            return sansip.Relay(ranked, progress_after=2.0)
        if kind < 0.6:
            return sansip.Relay(self.uris[0], advance_after=1.0, on_failure="failed")
        return sansip.Relay(sansip.Dispatch("gateways", "first"))

    def failed(self, failed: sansip.Failed) -> sansip.FailureDecision:
        return sansip.Relay(self.uris[1]) if len(failed.tried) < 2 else sansip.Finish()


class Chaos:
    """What is left to chance in a world, and whom it happens to."""

    def __init__(self, seed: int) -> None:
        self._draws = Draws(b"what goes wrong ", str(seed))
        self._drawn = 0
        link = Link(
            self.one_of((0.001, 0.02, 0.1)),
            self.one_of((0.0, 0.05, 1.0)),
            self.one_of((0.0, 0.05, 0.3)),
            self.one_of((0.0, 0.1, 0.5)),
        )
        self.world = World(seed, link=link, journal=True)
        self.world.zone(ZONE)
        self.transport = self.one_of(("udp", "udp", "tcp"))
        self.proxy = self._proxy()
        self.gateways = [self._gateway(number) for number in (1, 2)]
        transport = self.one_of(("udp", "udp", "tcp"))
        self.phone: Phone = self.world.phone("198.51.100.1", self.proxy, transport=transport)

    def one_of(self, those: Sequence[T]) -> T:
        self._drawn += 1
        return those[self._draws.below(len(those), "choice", self._drawn)]

    def seconds(self, most: float) -> float:
        return most * self.one_of(range(1000)) / 1000

    def _proxy(self) -> Host:
        way = "" if self.transport == "udp" else ";transport=tcp"
        probing = self.one_of((None, None, sansip.Probing(every=5.0)))
        group = sansip.Group([f"sip:{host}{way}" for host in HOSTS], probing=probing)
        endpoints = [sansip.Endpoint(kind, PROXY) for kind in ("udp", "tcp")]
        config = sansip.Config(endpoints, groups={"gateways": group}, secret=b"x" * 16)
        return self.world.engine(sansip.Engine(config, Any(way)))

    def _gateway(self, number: int) -> Gateway:
        return self.world.gateway(
            f"203.0.113.{number}", lambda _: self.one_of(SCRIPTS), transport=self.transport
        )

    def goes_on(self) -> None:
        """Something happens to somebody."""
        world, proxy, gateway = self.world, self.proxy, self.one_of(self.gateways)
        match self.one_of(("crash", "away", "cut", "names", "mend", "back", "news")):
            case "crash":
                proxy.crash()
                world.run(self.seconds(3.0))
                proxy.start()
            case "away":
                gateway.crash()
            case "cut":
                world.cut(proxy, self.one_of((*self.gateways, self.phone)))
            case "names":
                world.names.fail(self.one_of(HOSTS), self.one_of(("", "SERVFAIL")))
            case "mend":
                world.mend(proxy)
            case "back" if not gateway.up:
                gateway.start()
            case _:
                world.names.mend(self.one_of(HOSTS))
                proxy.submit(sansip.Administered(world.now, sansip.FlushCache()))


def play(seed: int) -> Chaos:
    """Play a world of chaos to its end."""
    chaos = Chaos(seed)
    with chaos.world as world:
        for number in range(10):
            chaos.phone.call(
                "sip:bob@example.com",
                after=number * chaos.one_of((0.1, 1.0)),
                give_up=chaos.one_of(GIVES_UP),
            )
        for _ in range(chaos.one_of(range(5))):
            world.run(chaos.seconds(5.0))
            chaos.goes_on()
        world.mend(chaos.proxy)  # a connection that is cut for ever is never closed
        world.run()
    return chaos


@pytest.mark.parametrize("first", range(0, WORLDS, AT_ONCE))
def test_every_promise_is_kept_in_chaos(first: int) -> None:
    *_, last = [play(seed) for seed in range(first, first + AT_ONCE)]
    for lines in last.world.journals().values():
        assert replay(read(lines), last.proxy.engine) is None


def test_chaos_leads_to_all_kinds_of_ends() -> None:
    """Else it would be no chaos."""
    ends = {call.status for seed in range(40) for call in play(seed).phone.calls.values()}
    assert ends >= {0, 200, 408, 486, 487, 500, 603}
