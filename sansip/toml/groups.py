"""The destination groups of a configuration: ``[groups.NAME]``.

What could never work is refused here, with the key that is to be mended.
"""

import re
from typing import Final, get_args

from sansip.dispatch import (
    Algorithm,
    Dispatch,
    Group,
    Probing,
    Rewrite,
    Thresholds,
    algorithm_named,
)
from sansip.engine.config import Limits
from sansip.errors import LocalProtocolError
from sansip.toml.checked import Table, Wrong, each, one_of, seconds, switch, whole
from sansip.toml.members import Lists, read_members
from sansip.toml.reach import Reach
from sansip.toml.words import header, sign_of_life
from sansip.value import value

NAME = re.compile(r"[A-Za-z0-9_.-]++")
REWRITES: Final[tuple[Rewrite, ...]] = get_args(Rewrite)
LOOK_AT_URIS = ("hash-from", "hash-to", "hash-uri")


@value
class Destination:
    """A group, and how requests are given to it. ``wish.key`` is the header that "hash" is of."""

    group: Group
    wish: Dispatch


def read_groups(table: Table, lists: Lists, reach: Reach) -> dict[str, Destination]:
    """Read all tables of [groups]."""
    found: dict[str, Destination] = {}
    for name in table.content:
        if not NAME.fullmatch(name):
            table.wrong(name, "a group's name is made of letters, digits, and . _ -")
        group = table.table(name)
        members = read_members(group, lists, reach)
        wish = _wish(group, name)
        found[name] = Destination(Group(members, _probing(group), _thresholds(group)), wish)
        group.close()
        if members:
            _complain_of_what_never_works(group, found[name])
    return found


def _wish(table: Table, name: str) -> Dispatch:
    wish = Dispatch(
        name,
        table.take("algorithm", _algorithm, "first"),
        table.take("rewrite", one_of(REWRITES), REWRITES[0]),
        table.take("key", header, ""),
        table.take("user_only", switch, False),
        table.take("use_default", switch, False),
    )
    if wish.algorithm == "hash" and "key" not in table.content:
        remedy = 'say which header is hashed, for example key = "P-Asserted-Identity"'
        table.wrong("key", f"missing; {remedy}")
    if wish.algorithm != "hash" and wish.key:
        table.wrong("key", 'is for algorithm = "hash" alone; take it out', table.content["key"])
    if wish.user_only and wish.algorithm not in LOOK_AT_URIS:
        table.wrong("user_only", f"is for {', '.join(LOOK_AT_URIS)} alone; take it out", True)
    return wish


def _algorithm(content: object) -> Algorithm:
    """Check for an algorithm, by its number or its name."""
    try:
        return algorithm_named(content)
    except LocalProtocolError as error:
        remedy = 'OpenSER took the first member for a number that it did not know: say "first" then'
        raise Wrong(f"{error}; {remedy}" if isinstance(content, int) else str(error)) from None


def _probing(table: Table) -> Probing | None:
    every = table.take("probe_every", seconds, None)
    timeout = table.take("probe_timeout", seconds, None)
    alive_on = table.take("alive_on", each(sign_of_life), None)
    for key in ("probe_timeout", "alive_on"):
        if key in table.content and "probe_every" not in table.content:
            reason = "nothing is probed; say for example probe_every = 5, or take it out"
            table.wrong(key, reason, table.content[key])
    if every is None:
        return None
    if timeout is not None and timeout >= every:
        patience = Probing(every).patience
        reason = f"a probe must be over before the next, below probe_every ({every:g} s)"
        table.wrong(
            "probe_timeout",
            f"{reason}; left out, it is {patience:g} s",
            table.content["probe_timeout"],
        )
    return Probing(every, timeout, alive_on)


def _thresholds(table: Table) -> Thresholds:
    plain = Thresholds()
    return Thresholds(
        table.take("down_after", whole(1), plain.down_after),
        table.take("up_after", whole(1), plain.up_after),
        table.take("trial_after", seconds, plain.trial_after),
        table.take("penalty", seconds, plain.penalty),
    )


def _complain_of_what_never_works(table: Table, found: Destination) -> None:
    members, algorithm = found.group.members, found.wish.algorithm
    who = "list" if "list" in table.content else "targets"
    if all(member.begins == "disabled" for member in members):
        table.wrong(who, "all are disabled, so nobody would be called; leave one of them enabled")
    said = table.content.get("algorithm")
    if algorithm == "weight":
        percent = sum(member.weight for member in members)
        if percent == 0:
            reason = 'no member has a weight; give them weights, or say "first", which is what '
            table.wrong("algorithm", f"{reason}OpenSER did for the number 9", said)
        elif percent > 100:
            reason = f"the weights are percent of all calls, and come to {percent}; make that 100"
            table.wrong(who, f'{reason}, or say algorithm = "relative-weight" with rweight')
    if algorithm == "relative-weight" and not any(member.rweight for member in members):
        table.wrong(
            "algorithm", "every rweight is 0; give one of them more, or leave them out", said
        )
    most = Limits().branches
    if algorithm == "parallel" and len(members) > most:
        reason = f"{len(members)} members at once, and a request has no more than {most} branches"
        table.wrong("algorithm", f"{reason}; take some out", said)
