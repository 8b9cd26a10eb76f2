"""Journals of worlds: what they hold, that they replay, and that one seed is one journal."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sansip
from sansip.journal import Named, Step, Toml, read
from sansip.replay import replay
from sansip.simulate import BUSY, PICKS_UP, RINGS, SILENT, UNAVAILABLE, Host, Link, World

ZONE = """
$ORIGIN example.com.
gw-1  60  A  203.0.113.1
gw-2  60  A  203.0.113.2
"""
GATEWAYS = ("sip:gw-1.example.com", "sip:gw-2.example.com")
HERE = Path(__file__)
POLICY = Named(f"{HERE.stem}:Mine")


class Mine(sansip.Policy):
    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(sansip.Dispatch("gateways", "first"), advance_after=1.0)


class Faulty(sansip.Engine):
    """It has a fault that shows after a second."""

    __slots__ = ()

    def step(
        self, state: sansip.State, event: sansip.Event
    ) -> tuple[sansip.State, tuple[sansip.Action, ...]]:
        if event.at > 1.0:
            raise ZeroDivisionError
        return super().step(state, event)


def engine() -> sansip.Engine:
    config = sansip.Config(
        [sansip.Endpoint("udp", "192.0.2.10:5060")], groups={"gateways": GATEWAYS}
    )
    return sansip.Engine(config, Mine())


def played(seed: int) -> dict[str, list[str]]:
    """The journals of a world in which much goes wrong."""
    link = Link(0.02, jitter=0.3, loss=0.1, duplication=0.1)
    with World(seed, link=link, journal=True) as world:
        world.zone(ZONE)
        proxy = world.engine(engine(), policy=POLICY)
        scripts = (PICKS_UP, RINGS, BUSY, UNAVAILABLE, SILENT)
        draws = world.draws("scripts")
        for number in (1, 2):
            world.gateway(
                f"203.0.113.{number}",
                lambda invite: scripts[draws.below(len(scripts), invite.via.branch or "")],
            )
        phone = world.phone("198.51.100.1", proxy)
        for number in range(6):
            phone.call("sip:bob@example.com", after=number / 2, give_up=(None, 0.5)[number % 2])
        world.run(1.0)
        proxy.crash()
        world.run(0.5)
        proxy.start()
        world.run()
        return world.journals()


def digest(seed: int) -> str:
    text = "".join([line for lines in played(seed).values() for line in lines])
    return hashlib.sha256(text.encode()).hexdigest()


def test_each_start_of_an_engine_has_a_journal_and_all_replay() -> None:
    journals = played(1)
    assert list(journals) == ["proxy", "proxy-2"]
    for lines in journals.values():
        assert all(line.endswith("\n") for line in lines)
        assert len(lines) > 5
        assert replay(read(lines), engine()) is None
    first, second = [read(lines).head for lines in journals.values()]
    assert (first.started, second.started) == (0.0, 1.5)
    assert first.seed != second.seed
    assert first.policy == second.policy == POLICY
    assert first.ordered == second.ordered == ()  # nothing is probed


def test_another_process_replays_them(tmp_path: Path) -> None:
    file = tmp_path / "proxy.journal"
    file.write_text("".join(played(2)["proxy"]), encoding="ascii")
    done = subprocess.run(  # noqa: S603 - this Python, this file
        [sys.executable, "-m", "sansip", "replay", "--trust", str(file)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), *sys.path])},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert done.stdout.startswith(b"no difference")


def test_one_seed_is_one_journal_in_every_process_and_another_seed_another() -> None:
    path = os.pathsep.join([str(HERE.parent), *sys.path])
    code = f"import {HERE.stem} as here; print(here.digest(3))"
    for hashing in ("1", "2"):
        done = subprocess.run(  # noqa: S603 - this Python, this file
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": hashing},
            stdout=subprocess.PIPE,
            check=True,
        )
        assert done.stdout.decode().strip() == digest(3)
    assert digest(3) != digest(4)


def test_only_who_asks_for_journals_has_them() -> None:
    world = World()
    world.engine(engine())
    assert world.journals() == {}


def test_a_policy_is_called_by_its_class_unless_it_is_told() -> None:
    world = World(journal=True)

    def named(host: Host) -> object:
        return host.records[0].head.policy

    config = sansip.Config([sansip.Endpoint("udp", "192.0.2.11:5060")])
    assert named(world.engine(engine())) == Named(f"{Mine.__module__}:Mine")
    assert named(world.engine(sansip.Engine(config), "nobody")) is None
    config = sansip.Config([sansip.Endpoint("udp", "192.0.2.12:5060")])
    given = Toml("listen = []")
    assert named(world.engine(sansip.Engine(config), "given", policy=given)) == given


def test_two_journals_never_have_one_name() -> None:
    world = World(journal=True)
    proxy = world.engine(engine())
    config = sansip.Config([sansip.Endpoint("udp", "192.0.2.11:5060")])
    world.engine(sansip.Engine(config), "proxy-2")
    assert list(world.journals()) == ["proxy", "proxy-2"]
    proxy.crash()
    proxy.start()
    with pytest.raises(sansip.LocalProtocolError, match="two journals have the name proxy-2"):
        world.journals()


def test_the_last_that_a_journal_tells_of_may_be_what_the_engine_failed_at() -> None:
    world = World(journal=True)
    host = world.engine(Faulty(engine().config, Mine()))
    for at in (0.5, 1.5):
        host.submit(sansip.Administered(at, sansip.FlushCache()))
    with pytest.raises(ZeroDivisionError):
        world.run()
    steps = [step for step in read(world.journals()["proxy"]) if isinstance(step, Step)]
    assert [step.event.at for step in steps] == [0.5, 1.5]
