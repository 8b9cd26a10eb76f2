"""Worlds as a whole: one seed is one run, failures tell it, and nothing is left at the end."""

import hashlib
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

import sansip
from sansip.simulate import (
    BUSY,
    PICKS_UP,
    RINGS,
    SILENT,
    UNAVAILABLE,
    Answer,
    Broken,
    Host,
    Link,
    Node,
    Packet,
    Party,
    World,
    ladder,
)
from sansip.simulate.network import Wake

ZONE = """
$ORIGIN example.com.
gw-1  60  A  203.0.113.1
gw-2  60  A  203.0.113.2
"""
GATEWAYS = ("sip:gw-1.example.com", "sip:gw-2.example.com")
PROXY = sansip.Address("192.0.2.10", 5060)
SECRET = b"the same after each restart"


class Drawn(sansip.Policy):
    """Both at once, or one after the other."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        if scene.draw("how") < 0.5:
            return sansip.Relay(GATEWAYS, advance_after=2.0, answer_within=8.0)
        return sansip.Relay(sansip.Dispatch("gateways", "first"))


def proxy_of(world: World, policy: sansip.Policy | None = None) -> Host:
    endpoints = [sansip.Endpoint("udp", str(PROXY)), sansip.Endpoint("tcp", str(PROXY))]
    config = sansip.Config(endpoints, groups={"gateways": GATEWAYS}, secret=SECRET)
    return world.engine(sansip.Engine(config, policy or Drawn()))


def played(seed: int | str | bytes) -> tuple[list[str], list[tuple[int, int]]]:
    """All that happened in a world with everything in it, and what came of its calls."""
    happened: list[str] = []

    def tell(event: sansip.Event, actions: tuple[sansip.Action, ...]) -> None:
        happened.append(repr((event, actions)))

    with World(seed, link=Link(0.02, jitter=0.3, loss=0.1, duplication=0.1)) as world:
        world.zone(ZONE)
        config = sansip.Config(
            [sansip.Endpoint("udp", str(PROXY))], groups={"gateways": GATEWAYS}, secret=SECRET
        )
        proxy = world.engine(sansip.Engine(config, Drawn()), tell=tell)
        scripts = (PICKS_UP, RINGS, BUSY, UNAVAILABLE, SILENT, (Answer(1.0, 180), Answer(3.0, 603)))
        draws = world.draws("scripts")
        gateways = [
            world.gateway(
                f"203.0.113.{number}",
                lambda invite: scripts[draws.below(len(scripts), invite.via.branch or "")],
            )
            for number in (1, 2)
        ]
        phone = world.phone("198.51.100.1", proxy)
        for number in range(12):
            give_up = (None, 0.0, 0.5, 3.0)[number % 4]
            phone.call("sip:bob@example.com", after=number / 2, give_up=give_up)
        world.run(1.0)
        proxy.crash()
        world.run(0.5)
        proxy.start()
        world.cut(proxy, gateways[0])
        world.run(1.0)
        world.mend(proxy)
        world.names.fail("gw-2.example.com")
        gateways[1].crash()
        world.run(1.0)
        gateways[1].start()
        world.run()
        happened += [repr(sight) for sight in world.wire]
    return happened, [(call.status, call.ended) for call in phone.calls.values()]


def digest(seed: int) -> str:
    return hashlib.sha256("\n".join(played(seed)[0]).encode()).hexdigest()


def test_the_same_seed_is_the_same_run_and_another_seed_another() -> None:
    first = played(1)
    assert first == played(1)
    assert first != played(2)


def test_one_seed_is_one_run_in_every_process() -> None:
    """Whatever the order of its sets."""
    code = "import test_worlds; print(test_worlds.digest(3))"
    here = str(Path(__file__).parent)
    path = os.pathsep.join([here, *sys.path])
    for hashing in ("1", "2"):
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": hashing}
        done = subprocess.run(  # noqa: S603 - this Python, this file
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, check=True
        )
        assert done.stdout.decode().strip() == digest(3)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_promises_are_kept_and_nothing_is_left(seed: int) -> None:
    _, ends = played(f"whatever {seed}")
    assert len(ends) == 12


def test_a_seed_may_be_a_number_a_text_or_a_key() -> None:
    key = b"sixteen bytes or"
    assert World(key).seed == key
    seeds = {World(seed).seed for seed in (1, "1", b"1", 2)}
    assert len(seeds) == 4
    assert {len(seed) for seed in seeds} == {32}


def test_an_error_tells_the_seed_and_what_was_on_the_wire() -> None:
    with pytest.raises(ZeroDivisionError) as raised, World(42) as world:  # noqa: PT012 - all of it
        world.phone("198.51.100.1", proxy_of(world), name="alice").call("sip:bob@example.com")
        world.run()
        raise ZeroDivisionError
    (note,) = raised.value.__notes__
    assert note.startswith("World(seed=42) after ")
    assert " INVITE sip:bob@example.com " in note
    assert "─ 100 Trying ─" in note


class Astray(Node):
    """A node that does not do as it should."""

    def happens(self, happening: object) -> None:
        raise Broken("here")


def test_a_run_that_fails_tells_the_seed_once_with_a_with_or_without() -> None:
    for around in (False, True):
        world = World(42)
        astray = Astray(world, "astray", ())
        world.join(astray)
        world.later(1.0, astray, Wake("now", ""))
        with pytest.raises(Broken, match="here") as raised, world if around else nullcontext():
            world.run()
        assert [note[:14] for note in raised.value.__notes__] == ["World(seed=42)"]


def test_a_node_has_to_say_what_happens_to_it() -> None:
    with pytest.raises(NotImplementedError):
        Node(World(), "x", ()).happens(Wake("now", ""))


def test_a_run_takes_as_long_as_it_is_told() -> None:
    world = World()
    phone = world.phone("198.51.100.1", proxy_of(world))
    phone.call("sip:bob@example.com", after=2.0)
    world.run(1.0)
    assert (world.now, len(world.wire)) == (1.0, 0)
    world.run(1.0)
    assert (world.now, len(world.wire)) == (2.0, 1)


class Restless(Party):
    """A party that never has enough."""

    def woken(self, what: str, about: str, number: int) -> None:
        self.wake(3600.0, what)


def test_what_never_ends_is_found() -> None:
    world = World()
    restless = Restless(world, "198.51.100.1")
    world.join(restless)
    restless.woken("", "", 0)
    with pytest.raises(Broken, match="it never ends"):
        world.run()


class Forgetful(sansip.Engine):
    """It hears nothing any more after two seconds."""

    __slots__ = ()

    def step(
        self, state: sansip.State, event: sansip.Event
    ) -> tuple[sansip.State, tuple[sansip.Action, ...]]:
        if event.at < 2.0:
            return super().step(state, event)
        return state.freeze(), ()  # not the same object: that would be a timer for nobody


def probing(world: World, kind: type[sansip.Engine] = sansip.Engine) -> Host:
    """A proxy that asks its gateways how they are, every two seconds."""
    world.zone(ZONE)
    probed = sansip.Group(GATEWAYS, probing=sansip.Probing(every=2.0))
    config = sansip.Config([sansip.Endpoint("udp", str(PROXY))], groups={"gateways": probed})
    return world.engine(kind(config, Drawn()))


def test_a_run_is_over_when_nothing_but_probes_goes_on() -> None:
    world = World(link=Link(0.02, jitter=0.02))
    proxy = probing(world)
    first, _ = [world.gateway(f"203.0.113.{number}") for number in (1, 2)]
    call = world.phone("198.51.100.1", proxy).call("sip:bob@example.com", after=0.5)
    proxy.submit(sansip.Administered(10.0, sansip.FlushCache()))
    first.crash()
    world.run()
    assert call.ended == 200
    assert 32.0 < world.now < 40.0  # what lingers of the call has gone
    assert world.goes_on
    assert proxy.left() == {}
    asked = len([sight for sight in world.wire if sight.data.startswith(b"OPTIONS")])
    world.run(10.0)
    more = [sight for sight in world.wire if sight.data.startswith(b"OPTIONS")]
    assert len(more) > asked + 4  # it goes on where it was


def test_what_a_call_leaves_is_found_though_groups_are_probed() -> None:
    world = World()
    proxy = probing(world, Forgetful)
    world.phone("198.51.100.1", proxy).call("sip:bob@example.com")
    world.gateway("203.0.113.1")
    with pytest.raises(Broken, match=r"all is over, and proxy still holds \{.*'server': "):
        world.run()


def test_what_is_left_at_the_end_is_found() -> None:
    world = World()
    proxy = proxy_of(world)
    world.phone("198.51.100.1", proxy).call("sip:bob@example.com")
    world.run(1.0)
    assert proxy.left()
    world.forget(proxy)
    with pytest.raises(Broken, match=r"all is over, and proxy still holds \{'server': 1"):
        world.run()


def test_who_is_down_at_the_end_holds_nothing() -> None:
    world = World()
    proxy = proxy_of(world)
    world.phone("198.51.100.1", proxy).call("sip:bob@example.com")
    world.run(1.0)
    proxy.crash()
    world.run()


def test_only_the_last_packets_are_kept() -> None:
    world = World(keep=3)
    world.phone("198.51.100.1", world.gateway("203.0.113.1")).call("sip:bob@example.com")
    world.run()
    assert len(world.wire) == 3


def test_a_ladder_marks_what_is_lost_doubled_and_sent_again() -> None:
    world = World()
    silent = world.gateway("203.0.113.1", SILENT, "gw")
    phone = world.phone("198.51.100.1", silent, name="alice")
    phone.call("sip:bob@example.com")
    world.run(0.1)
    world.cut(phone)
    world.run(0.5)
    world.mend(phone)
    world.connect(phone, silent, Link(duplication=1.0))
    world.run(1.0)
    phone.network.send(phone, Packet(phone.address, silent.address, b"\xff", None))
    drawn = ladder(world.wire)
    assert [(column.key, column.label) for column in drawn.columns] == [
        ("alice", "alice"),
        ("gw", "gw"),
    ]
    invite = "INVITE sip:bob@example.com"
    assert [(row.at, row.source, row.target, row.label) for row in drawn.rows] == [
        (0.0, "alice", "gw", invite),
        (0.5, "alice", "gw", f"{invite} (lost, again)"),
        (1.5, "alice", "gw", f"{invite} (again, 2, twice)"),
        (1.6, "alice", "gw", "1 bytes that are no SIP (twice)"),
    ]
    assert [row.calls for row in drawn.rows] == [("1@alice",)] * 3 + [()]


def test_a_ladder_has_what_engines_said_in_its_place() -> None:
    world = World()
    world.phone("198.51.100.1", proxy_of(world), name="alice").call("sip:bob@example.com")
    world.run(1.0)
    lines = str(world).splitlines()
    assert lines[0] == "World(seed=0) after 1.000 s:"
    assert "▶│" in str(world)
    said = [f" {each.report.text[:20]}" for each in world.reports]
    assert said
    assert all(text in str(world) for text in said)
    assert str(World()) == "World(seed=0) after 0.000 s:\nthe wire\n\nnothing happened\n"
