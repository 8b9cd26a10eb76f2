"""docs/conformance.toml, and the page that it makes together with the tests.

One entry for each rule: its level, the rule in short, and perhaps one of

* ``here``: what sansip does where there was a choice,
* ``not_here``: why it is knowingly not done,
* ``not_yet``: why it is still to come.

``awaited`` are those that are to have tests soon, and shall not be forgotten: strike one out when
it has. Which tests hold a rule is not written there: the tests say that.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parent.parent.parent / "docs" / "conformance.toml"
SHOWN = 3  # tests of a rule, by name
KINDS = ("here", "not_here", "not_yet")

Tests = Mapping[str, Sequence[tuple[str, str]]]  # of each rule: file and name


@dataclass(frozen=True)
class Rule:
    """One entry."""

    id: str
    level: str
    rule: str
    kind: str = ""  # one of KINDS
    words: str = ""

    @property
    def rfc(self) -> str:
        return self.id.partition("-")[0]

    @property
    def must(self) -> bool:
        return self.level in {"MUST", "MUST NOT"}


@dataclass(frozen=True)
class Rules:
    """All entries, by the headings that they stand under."""

    sections: Mapping[str, tuple[Rule, ...]]
    awaited: tuple[str, ...]

    @property
    def all(self) -> dict[str, Rule]:
        return {rule.id: rule for rules in self.sections.values() for rule in rules}


def read(text: str | None = None) -> Rules:
    """Read the data file, strictly."""
    table = tomllib.loads(DATA.read_text(encoding="utf-8") if text is None else text)
    awaited = tuple(table.pop("awaited"))
    sections = {
        heading: tuple(_rule(name, entry) for name, entry in entries.items())
        for heading, entries in table.items()
    }
    rules = Rules(sections, awaited)
    assert len(rules.all) == sum(map(len, sections.values())), "an id stands twice"
    return rules


def _rule(name: str, entry: Mapping[str, str]) -> Rule:
    kinds = [key for key in entry if key not in {"level", "rule"}]
    assert len(kinds) <= 1, f"{name} says more than one of {KINDS}"
    kind = kinds[0] if kinds else ""
    assert kind in {"", *KINDS}, f"{name}: {kind}?"
    return Rule(name, entry["level"], entry["rule"], kind, entry.get(kind, ""))


def page(rules: Rules, tests: Tests) -> str:
    """Write what docs/conformance.md says of the rules."""
    lines = [*_summary(rules, tests), ""]
    for heading, entries in rules.sections.items():
        lines += [f"## {heading}", ""]
        for rule in entries:
            lines += _entry(rule, tests.get(rule.id, ()))
        lines.append("")
    return "\n".join(lines)


def _summary(rules: Rules, tests: Tests) -> Iterator[str]:
    yield "| | rules | held | MUST | held | not here | not yet |"
    yield "|---|---|---|---|---|---|---|"
    every = rules.all.values()
    for rfc in dict.fromkeys(rule.rfc for rule in every):
        name = f"RFC {rfc}" if rfc.isdigit() else "Being pure"
        yield _counted(name, [rule for rule in every if rule.rfc == rfc], tests)
    yield _counted("All", list(every), tests)


def _counted(name: str, rules: Sequence[Rule], tests: Tests) -> str:
    musts = [rule for rule in rules if rule.must]
    held = [rule for rule in musts if rule.id in tests]
    here = [rule for rule in musts if rule.kind == "not_here"]
    counts = (
        len(rules),
        sum(rule.id in tests for rule in rules),
        len(musts),
        len(held),
        len(here),
        len(musts) - len(held) - len(here),
    )
    return f"| {name} | {' | '.join(map(str, counts))} |"


def _entry(rule: Rule, tests: Sequence[tuple[str, str]]) -> Iterator[str]:
    said = f" *Here:* {rule.words}." if rule.kind == "here" else ""
    yield f"- `{rule.id}` {rule.level}. {rule.rule}.{said}"
    if rule.kind == "not_here":
        yield f"  - *Not here:* {rule.words}"
    elif tests:
        yield f"  - {_named(tests)}"
    else:
        yield "  - *Not yet*" + (f": {rule.words}" if rule.words else "")


def _named(tests: Sequence[tuple[str, str]]) -> str:
    """Name the first few tests: ``message/test_uri.py: test_a, test_b; test_c.py: ...``."""
    files: dict[str, list[str]] = {}
    for file, name in tests[:SHOWN]:
        files.setdefault(file, []).append(name)
    named = "; ".join(f"{file}: {', '.join(names)}" for file, names in files.items())
    more = len(tests) - SHOWN
    return f"{named}, +{more}" if more > 0 else named


# Ids

RULE = re.compile(r"[0-9]{4}-[0-9.]+-T?[0-9]{2}|(2782|3403)-[0-9]{2}|SIO-[0-9]{2}")
SECTION = re.compile(r"[0-9]{4}(-[0-9.]+)?")
FREE = re.compile(r"AMB-[0-9]{2}|RFC [0-9]{4}( [0-9.]+)?|draft-[a-z0-9-]+")


def unknown(marked: Iterable[str], rules: Rules, sections: Iterable[str] = ()) -> list[str]:
    """Give those marks that are no rule, no section of any, none of these, and no free citation."""
    known = rules.all
    return sorted(
        mark
        for mark in set(marked) - set(sections)
        if not FREE.fullmatch(mark)
        if mark not in known
        if RULE.fullmatch(mark)
        or not SECTION.fullmatch(mark)
        or not any(is_of(rule, (mark,)) for rule in known)
    )


def is_of(rule: str, sections: Iterable[str]) -> bool:
    """Whether a rule belongs to one of these sections, such as "3261-16.7"."""
    return any(rule == each or rule.startswith((f"{each}-", f"{each}.")) for each in sections)
