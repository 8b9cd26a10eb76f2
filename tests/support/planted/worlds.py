"""Worlds in which bugs come to light: each is a function of its seed.

In ``rough`` ones much goes wrong at once, and only the promises are looked at. In ``late`` ones
copies of packets take longer than RFC 3261 reckons with. In ``calm`` ones nothing is lost, and
whoever calls has to be served as if nobody else did.
"""

from collections.abc import Callable
from random import Random
from typing import Final, Literal

import sansip
from sansip.simulate import (
    BUSY,
    PICKS_UP,
    RINGS,
    SILENT,
    UNAVAILABLE,
    Answer,
    Broken,
    Gateway,
    Host,
    Link,
    World,
)

CALLS: Final = 12  # of each world
ZONE: Final = """
$ORIGIN example.com.
gw-1  60  A  203.0.113.1
gw-2  60  A  203.0.113.2
both  60  A  203.0.113.1
both  60  A  203.0.113.2
_sip._udp.gw  60  SRV  10 0 5060 gw-1
_sip._udp.gw  60  SRV  20 0 5070 gw-2
"""
PLACES: Final = ("203.0.113.1:5060", "203.0.113.2:5070")
PLACES_OF_BOTH: Final = ("203.0.113.1:5060", "203.0.113.2:5060")
GROUP: Final = ("sip:gw-1.example.com", "sip:gw-2.example.com:5070")
SCRIPTS: Final = (
    *(PICKS_UP, RINGS, BUSY, UNAVAILABLE, SILENT),
    (Answer(2.0, 200),),
    (Answer(0.2, 180), Answer(4.0, 302, (("Contact", "<sip:x@203.0.113.2>"),))),
    (Answer(0.0, 183), Answer(1.0, 603)),
    (Answer(0.0, 183), Answer(1.0, 503)),
)
HURRIED: Final = (None, None, 0.0, 0.005, 0.05, 0.2, 0.6, 3.0, 3.01, 5.0)  # who gives up, and when


class Forks(sansip.Policy):
    """Two phones at once, one after the other, a group, or a name: each call draws its own."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        kind, hunt = scene.draw("kind"), scene.draw("hunt")
        late: Literal["cancel", "first"] = "cancel" if hunt < 0.2 else "first"
        both = ("sip:a@gw-1.example.com", "sip:b@gw-2.example.com:5070")
        if kind < 0.3:
            return sansip.Relay(both, advance_after=3.0, answer_within=6.0, late=late)
        if kind < 0.6:
            stages = [sansip.Target(both[0], 1.0), sansip.Target(both[1], 0.5)]
            return sansip.Relay(stages, progress_after=2.0, late=late)
        if kind < 0.8:
            return sansip.Relay(sansip.Dispatch("gateways", "first"), late=late)
        return sansip.Relay(f"sip:{request.uri.user}@gw.example.com", late=late)


class ByName(sansip.Policy):
    """Whoever is called is behind one name, which has two addresses."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(f"sip:{request.uri.user}@both.example.com")


def proxy_in(world: World, policy: sansip.Policy) -> Host:
    """Put a proxy there, and tell DNS of the gateways."""
    world.zone(ZONE)
    endpoint = sansip.Endpoint("udp", "192.0.2.10:5060")
    config = sansip.Config([endpoint], groups={"gateways": GROUP}, secret=bytes(16))
    return world.engine(sansip.Engine(config, policy))


def rough(seed: int) -> None:
    """Loss, delay, copies, crashes, cuts, DNS that fails, and callers who give up."""
    random = Random(seed)
    loss, jitter = random.choice([0.0, 0.05, 0.3]), random.choice([0.0, 0.05, 1.0])
    link = Link(random.choice([0.001, 0.02, 0.1]), jitter, loss, random.choice([0.0, 0.1, 0.5]))
    with World(seed, link=link) as world:
        proxy = proxy_in(world, Forks())
        gateways = [world.gateway(place, lambda _: random.choice(SCRIPTS)) for place in PLACES]
        phone = world.phone("198.51.100.1:5062", proxy)
        pace = random.choice([0.1, 1.0])
        for number in range(CALLS):
            give_up = random.choice(HURRIED)
            phone.call(f"sip:{number}@example.com", after=number * pace, give_up=give_up)
        for _ in range(random.randrange(4)):
            world.run(random.random() * 5)
            disturb(world, proxy, gateways, random)
        world.run()


def disturb(world: World, proxy: Host, gateways: list[Gateway], random: Random) -> None:
    """Let one thing go wrong, or go well again."""
    one, other = gateways
    match random.randrange(6):
        case 0:
            proxy.crash()
            world.run(random.random() * 3)
            proxy.start()
        case 1:
            one.crash()
            if random.random() < 0.5:
                world.run(random.random() * 2)
                one.start()
        case 2:
            world.cut(proxy, other)
        case 3:
            world.names.fail("gw-1.example.com", random.choice(["", "SERVFAIL"]))
        case 4:
            world.mend(proxy)
        case _:
            if not one.up:
                one.start()


def late(seed: int) -> None:
    """Copies of packets that come when nobody reckons with them any more."""
    link = Link(jitter=10.0, duplication=0.5)
    with World(seed, link=link) as world:
        proxy = proxy_in(world, Forks())
        for place in PLACES:
            world.gateway(place, BUSY)
        phone = world.phone("198.51.100.1:5060", proxy)
        for number in range(CALLS):
            phone.call(f"sip:{number}@example.com", after=number)
        world.run()


def calm(seed: int) -> None:
    """Nothing is lost; each call has to go the way that it would go alone."""
    random = Random(seed)
    calls = {str(number): number * random.choice([0.2, 2.0]) for number in range(CALLS // 2)}
    scripts = {
        (place, name): random.choice((PICKS_UP, BUSY, UNAVAILABLE, SILENT))
        for place in PLACES_OF_BOTH
        for name in calls
    }

    def ways(some: dict[str, float]) -> dict[str, list[str]]:
        """Which gateways each of these calls is sent to, when nobody else calls."""
        gone: dict[str, list[str]] = {name: [] for name in some}

        def at(place: str) -> Callable[[sansip.Request], tuple[Answer, ...]]:
            def script(request: sansip.Request) -> tuple[Answer, ...]:
                name = request.uri.user or ""
                gone[name].append(place)
                return scripts[place, name]

            return script

        with World(seed) as world:
            proxy = proxy_in(world, ByName())
            for place in PLACES_OF_BOTH:
                world.gateway(place, at(place))
            for name, after in some.items():
                phone = world.phone(f"198.51.100.{name}:5060", proxy)
                phone.call(f"sip:{name}@example.com", after=after)
            world.run()
        return gone

    for name, way in ways(calls).items():
        alone = ways({name: calls[name]})[name]
        if way != alone:
            raise Broken(f"call {name} goes another way than it would alone: {way}, not {alone}")


WORLDS: Final = (*(rough,) * 6, calm, late)  # they have their turns
