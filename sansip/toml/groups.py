"""The destination groups of a configuration: ``[groups.NAME]``."""

import re

from sansip.dispatch import Algorithm, Rewrite
from sansip.toml.checked import Table, Wrong, each, one_of, seconds, some_text
from sansip.toml.words import sip_uri
from sansip.value import value

NAME = re.compile(r"[A-Za-z0-9_.-]++")
REWRITES: tuple[Rewrite, ...] = ("host", "none")
NO_TEXTS: tuple[str, ...] = ()


@value
class Group:
    """A destination group: ``[groups.NAME]``."""

    targets: tuple[str, ...]
    algorithm: Algorithm
    rewrite: Rewrite
    probe_every: float | None


def read_groups(table: Table) -> dict[str, Group]:
    """Read all tables of [groups]."""
    found: dict[str, Group] = {}
    for name in table.content:
        if not NAME.fullmatch(name):
            table.wrong(name, "a group's name is made of letters, digits, and . _ -")
        group = table.table(name)
        found[name] = Group(
            group.need("targets", each(_target), NO_TEXTS, "name at least one SIP URI"),
            group.take("algorithm", _algorithm, "first"),
            group.take("rewrite", one_of(REWRITES), "host"),
            group.take("probe_every", seconds, None),
        )
        group.later("list", "set")
        group.close()
    return found


def _target(content: object) -> str:
    return str(sip_uri(content))


def _algorithm(content: object) -> Algorithm:
    if some_text(content) != "first":
        raise Wrong('only "first" is supported in this version')
    return "first"
