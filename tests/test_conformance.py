"""docs/conformance.md is made of docs/conformance.toml and the tests, and has no gaps."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from torture import RFC_4475, RFC_5118
from torture.rows import Answered, Consumed, Dropped, Forwarded, OnStream, Returned, Verdict
from traceability import RULE, SHOWN, Rule, Rules, is_of, page, read, unknown

ROOT = Path(__file__).parent.parent
RULES = read()
Tests = dict[str, list[tuple[str, str]]]
# A MUST of these is held by tests, or there is a reason why it is not done here at all.
TO_BE_WHOLE = (
    *("3261-8", "3261-9", "3261-16", "3261-17", "3261-18"),
    *("6026", "4320", "3581", "5393", "3326", "5658"),
)
HOME = "message/test_parse.py"  # of many rules


@pytest.mark.golden
def test_the_page_is_up_to_date(golden: Callable[..., None], tests_of_rules: Tests) -> None:
    golden("../docs/conformance.md", page(RULES, tests_of_rules), part="rules")


def test_no_test_names_a_rule_that_does_not_exist(tests_of_rules: Tests) -> None:
    torture = [f"4475-{row.section}" for row in RFC_4475]
    assert unknown(tests_of_rules, RULES, torture) == []
    mistakes = ["3261-16.6-04", "3261-16.99", "2782-99", "16.7", "SIO-11", "AMB-1", "4475-9.9"]
    assert unknown(mistakes, RULES, torture) == sorted(mistakes)


def test_every_rule_is_held_by_a_test_unless_it_says_why_not(tests_of_rules: Tests) -> None:
    without = {rule.id for rule in RULES.all.values() if rule.kind in {"not_here", "not_yet"}}
    gaps = RULES.all.keys() - tests_of_rules.keys() - without - set(RULES.awaited)
    assert sorted(gaps) == [], "no test and no reason"
    assert sorted(without & tests_of_rules.keys()) == [], "these have tests by now"
    late = [rule for rule in RULES.awaited if rule in tests_of_rules]
    assert late == [], "these have tests by now: strike them out of `awaited`"


def test_what_is_awaited_exists_and_says_no_reason_of_its_own() -> None:
    for rule in RULES.awaited:
        assert RULES.all[rule].kind in {"", "here"}, rule
    assert len(set(RULES.awaited)) == len(RULES.awaited)


def test_no_must_of_what_is_to_be_whole_is_put_off() -> None:
    put_off = [rule for rule in RULES.all.values() if rule.must and rule.kind == "not_yet"]
    assert [rule.id for rule in put_off if is_of(rule.id, TO_BE_WHOLE)] == []


def test_every_rule_stands_under_its_heading_and_is_short() -> None:
    for heading, rules in RULES.sections.items():
        rfc = heading.removeprefix("RFC ")[:4]
        for rule in rules:
            assert RULE.fullmatch(rule.id) or rule.rfc == "5118", rule.id
            assert rule.id.startswith((f"{rfc}-", "SIO-")), heading
            assert len(rule.rule) <= 125, rule.id
            assert not f"{rule.rule}{rule.words}".endswith("."), rule.id
            assert rule.level in {
                *("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "RECOMMENDED", "info"),
            }, rule.id


def test_an_entry_names_some_tests_and_counts_the_rest() -> None:
    rules = Rules({"RFC 3261, 7: messages": (Rule("3261-7.1-01", "MUST", "This and that"),)}, ())
    files = ("a.py", "test_1"), ("b.py", "test_2"), ("b.py", "test_3"), ("c.py", "test_4")
    assert "  - a.py: test_1; b.py: test_2, test_3, +1\n" in page(rules, {"3261-7.1-01": files})
    assert "  - a.py: test_1\n" in page(rules, {"3261-7.1-01": files[:1]})
    assert "  - *Not yet*\n" in page(rules, {})
    assert len(files) == SHOWN + 1


def test_the_torture_tables_say_what_their_tests_expect() -> None:
    text = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    lines = [line[2:-2].split(" | ") for line in text.partition("## Torture")[2].splitlines()]
    table = [line for line in lines if len(line) == 5 and line[0] != "name"]
    for row, line in zip(RFC_4475 + RFC_5118, table, strict=True):
        name, section, exercises, as_datagram, over_stream = line
        assert (name, section, exercises) == (row.name, row.section, row.exercises)
        assert as_datagram.startswith(in_short(row.verdict)), name
        assert over_stream.startswith(ON_STREAM[row.on_stream]), name


ON_STREAM = {
    OnStream.SAME: "the same",
    OnStream.WAITS: "waits for",
    OnStream.CLOSES: "400, close",
    OnStream.TWO_MESSAGES: "two messages",
}


def in_short(verdict: Verdict) -> str:
    match verdict:
        case Answered():
            return str(verdict.status)
        case Forwarded():
            return "forwarded"
        case Returned():
            return "goes back to the caller"
        case Consumed():
            return "noted, goes no further"
        case Dropped():
            return "dropped"


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        (("-m", "3261-7.2-02"), {"3261-7.2-02"}),
        (("--rule", "3261-7.2"), {"3261-7.2-01", "3261-7.2-02"}),
    ],
)
def test_the_tests_of_one_rule_or_section_can_be_selected(
    options: tuple[str, ...], rules: set[str], tests_of_rules: Tests
) -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(  # noqa: S603 (our own command)
        [*command, *options, f"tests/{HOME}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-1000:]}{done.stderr}"
    lines = [line for line in done.stdout.splitlines() if "::" in line]
    selected = {line.partition("::")[2].partition("[")[0] for line in lines}
    assert selected == {
        name for rule in rules for file, name in tests_of_rules[rule] if file == HOME
    }
    assert selected
