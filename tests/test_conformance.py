"""docs/conformance.md and the tests agree: every rule in it has a test, every id exists."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
# "## RFC 3261, 7: messages": its table holds all rules of that section; without a section, all.
HEADING = re.compile(r"^## RFC ([0-9]+)(?:, ([0-9.]+))?: ", re.MULTILINE)
ROW = re.compile(r"^\| ([0-9]{4}-[0-9.-]+) \| ([A-Za-z ]+) \| (.+) \| ?(.*) \|$", re.MULTILINE)
HOME = "tests/message/test_parse.py"  # of many rules
WITHOUT_TEST = ("Not here", "Not yet")


def sections() -> list[str]:
    return ["-".join(filter(None, found.groups())) for found in HEADING.finditer(PAGE)]


def in_tables(rule: str) -> bool:
    return any(rule == s or rule.startswith((f"{s}-", f"{s}.")) for s in sections())


def pytest_says(*arguments: str) -> list[str]:
    """What another pytest prints, which only collects."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(  # noqa: S603 (our own command)
        [*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-1000:]}{done.stderr}"
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def listed() -> dict[str, set[str]]:
    """The tests of each rule, as ``--rules`` lists them."""
    tests: dict[str, set[str]] = {}
    rule = ""
    for line in "\n".join(pytest_says("--rules", "tests")).partition("\n# ")[2].splitlines()[1:-1]:
        if line.startswith("    "):
            tests[rule].add(line.strip())
        elif not line.startswith("#"):
            rule = line
            tests[rule] = set()
    return tests


def test_every_rule_is_there_once_under_its_heading() -> None:
    rules = [row[1] for row in ROW.finditer(PAGE)]
    assert len(rules) == len(set(rules)) == len(re.findall(r"^\| [0-9]", PAGE, re.MULTILINE))
    pieces = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    for piece, section in zip(pieces, sections(), strict=False):
        for row in ROW.finditer(piece):
            assert row[1].startswith((f"{section}-", f"{section}.")), row[1]


def test_every_rule_is_held_by_a_test_unless_it_says_so(listed: dict[str, set[str]]) -> None:
    without = {row[1] for row in ROW.finditer(PAGE) if row[4].startswith(WITHOUT_TEST)}
    rules = {row[1] for row in ROW.finditer(PAGE)}
    assert rules - without - listed.keys() == set()
    assert without & listed.keys() == set(), "these have tests by now"


def test_every_rule_that_a_test_names_is_in_its_table(listed: dict[str, set[str]]) -> None:
    rules = {row[1] for row in ROW.finditer(PAGE)}
    named = {rule for rule in listed if in_tables(rule)}
    assert named - rules == set(), "a typing error, or a row is missing in docs/conformance.md"


@pytest.mark.parametrize(
    ("wanted", "rules"),
    [("3261-7.2-02", {"3261-7.2-02"}), ("3261-7.2", {"3261-7.2-01", "3261-7.2-02"})],
)
def test_the_tests_of_one_rule_or_section_can_be_selected(
    wanted: str, rules: set[str], listed: dict[str, set[str]]
) -> None:
    lines = pytest_says("--rule", wanted, HOME)
    selected = {line.partition("[")[0] for line in lines if line.startswith("tests/")}
    every = set[str]().union(*[listed[rule] for rule in rules])
    assert selected == {test for test in every if test.startswith(HOME)} != set()
