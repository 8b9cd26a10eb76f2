"""Journals of a stage: what its engine has heard and ordered, as lines."""

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import sansip
from sansip.journal import Head, Named, Source, Step, Swap, Writer, read
from stage import SEED, Stage

Decided = TypeVar("Decided")

STARTED = 1000.0  # when a stage begins
HEAD = 2  # lines of a head without a state
POLICY = Named("stage:ToName")


def head_of(
    config: sansip.Config,
    policy: Source | None = POLICY,
    *,
    redacted: Iterable[str] = (),
    sansip_version: str = "9.9",
    clock: float | None = None,
    state: sansip.State | None = None,
) -> Head:
    return Head(sansip_version, SEED, STARTED, config, policy, tuple(redacted), clock, state)


def journal_of(
    stage: Stage, policy: Source | None = POLICY, *, redacted: Iterable[str] = ()
) -> list[str]:
    """The lines of a journal of what has happened on a stage."""
    lines: list[str] = []
    writer = Writer(lines.append, head_of(stage.engine.config, policy, redacted=redacted))
    for event, actions in zip(stage.events, stage.actions, strict=True):
        writer.event(event, actions)
    return lines


def written(
    *events: sansip.Event, actions: tuple[sansip.Action, ...] = (), redacted: Iterable[str] = ()
) -> list[str]:
    """The lines of a journal in which these events have come, and of each came these actions."""
    lines: list[str] = []
    config = sansip.Config([sansip.Endpoint("udp", "192.0.2.10:5060")])
    writer = Writer(lines.append, head_of(config, redacted=redacted))
    for event in events:
        writer.event(event, actions)
    return lines


def always(decision: Decided) -> Callable[..., Decided]:
    """A method of a policy that always decides this."""

    def decide(*_about: object) -> Decided:
        return decision

    return decide


def steps(lines: Iterable[str]) -> list[Step]:
    """The steps of a journal, which has no others."""
    found: list[Step] = []
    for step in read(lines):
        assert not isinstance(step, Swap)
        found.append(step)
    return found


def objects(lines: Iterable[str]) -> list[Any]:
    """What any reader of JSON finds in the lines."""
    return [json.loads(line) for line in lines]
