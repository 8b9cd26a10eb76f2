"""Copying a journal, to be shown to others: more is left out of the copy than of the journal."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from sansip.engine.config import Config
from sansip.engine.events import Administered, Event, Rekey
from sansip.journal.codec import Codec
from sansip.journal.head import Source, Toml
from sansip.journal.reading import Journal, Swap
from sansip.journal.writing import Writer

# On lines of its own, if it has several; and one that was in use before, in a comment.
_SECRET: Final = re.compile(
    r"""(?m)^([ \t#]*+["']?+secret["']?+[ \t]*+=[ \t]*+)"""
    r"""(?:\"{3}(?:[^"\\]|\\[\s\S]|"{1,2}+(?!"))*+\"{3,5}+|'{3}(?:[^']|'{1,2}+(?!'))*+'{3,5}+)?+.*+$"""
)


def copy(
    journal: Journal,
    write: Callable[[str], object],
    redacted: Iterable[str],
    *,
    keys: bool = True,
) -> None:
    """Write what is left of a journal without the headers of these names, and ``body`` if named.

    It can be run again, unless ``keys`` is false: then seeds and secrets are left out, too, and the
    state that it goes on from, which is full of them.
    """
    head = journal.head
    names = tuple({*head.redacted, *redacted})
    codec = Codec()
    if keys:
        writer = Writer(write, replace(head, redacted=names))
    else:
        config, policy = _keyless(codec, head.config), _without_secret(head.policy)
        bare = replace(head, seed=b"", config=config, policy=policy, redacted=names, state=None)
        writer = Writer(write, bare)
    for step in journal:
        if isinstance(step, Swap):
            if keys:
                writer.swap(step.config, step.policy)
            else:
                writer.swap(_keyless(codec, step.config), _without_secret(step.policy))
        else:
            writer.event(step.event if keys else _unkeyed(step.event), step.actions)


def _keyless(codec: Codec, config: Config) -> Config:
    content = json.loads(codec.text_as(Config, config))
    made: Config = codec.read_as(Config, content | {"secret": None})
    return made


def _without_secret(policy: Source | None) -> Source | None:
    if not isinstance(policy, Toml):
        return policy
    return replace(policy, text=_SECRET.sub(r'\1"left out: 16 characters"', policy.text))


def _unkeyed(event: Event) -> Event:
    if isinstance(event, Administered) and isinstance(event.order, Rekey):
        return Administered(event.at, Rekey(bytes(len(event.order.seed))))
    return event
