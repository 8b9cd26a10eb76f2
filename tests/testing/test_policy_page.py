"""docs/testing-your-policy.md does not lie: its project runs, and its output is what comes out."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import sansip

PAGE = Path(__file__).parent.parent.parent / "docs" / "testing-your-policy.md"
GOLDEN = "../../docs/testing-your-policy.md"
FENCED = re.compile(r"^```\w+\n(?:# |; )([\w.-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES: dict[str, list[str]] = {}
for found in FENCED.finditer(PAGE.read_text("utf-8")):
    FILES.setdefault(found[1], []).append(found[2])
TESTS = [name for name in FILES if name.startswith("test_")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project of the page, before the mistake."""
    for name, texts in FILES.items():
        comment = ";" if name.endswith(".zone") else "#"
        tmp_path.joinpath(name).write_text(f"{comment} {name}\n{texts[0]}", "utf-8")
    tmp_path.joinpath("pytest.ini").write_text("[pytest]\n", "utf-8")
    return tmp_path


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    core = str(Path(sansip.__path__[0]).parent)
    return subprocess.run(  # noqa: S603 - this very Python
        [sys.executable, "-m", *command],
        cwd=project,
        env={**os.environ, "PYTHONPATH": f"{core}{os.pathsep}{project}", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )


def output(project: Path, first: str, last: str) -> str:
    """What pytest says of the first test, as the page has it: between two lines, with these."""
    done = run(project, "pytest", "-q", "-p", "no:cacheprovider", "test_gateways.py")
    said = re.sub(r" in \d+\.\d+s", " in 0.03s", done.stdout)
    shown = re.search(rf"^{first}.*^{last}[^\n]*\n", said, re.MULTILINE | re.DOTALL)
    assert shown is not None, said
    lines = [line.rstrip() for line in shown[0].splitlines()]
    return "\n".join(["```text", *lines, "```", ""])


def mistaken(project: Path) -> str:
    """The mistake is made, and found."""
    project.joinpath("gateways.py").write_text(FILES["gateways.py"][1], "utf-8")
    return output(project, ">", "run it again")


def test_it_is_done_in_twenty_lines() -> None:
    program = FILES["gateways.py"][0] + FILES["test_gateways.py"][0]
    lines = [line for line in program.splitlines() if line.strip()]
    assert len(lines) <= 20


@pytest.mark.golden
def test_it_passes(project: Path, golden: Callable[..., None]) -> None:
    golden(GOLDEN, output(project, r"\.", "1 passed"), part="passed")


@pytest.mark.golden
def test_a_mistake_is_shown_and_where_to_look(project: Path, golden: Callable[..., None]) -> None:
    said = mistaken(project)
    golden(GOLDEN, said, part="failed")
    (page,) = re.findall(r"^all of it: +(\S+)$", said, re.MULTILINE)
    assert "500 Server Internal Error" in project.joinpath(page).read_text("utf-8")
    (command,) = re.findall(r"^step by step: python -m (.+)$", said, re.MULTILINE)
    drawn = run(project, *command.split())
    assert drawn.returncode == 0, drawn.stderr
    assert re.search(r"◀─* 500 Server Int", drawn.stdout)


def test_what_is_left_behind_can_be_replayed(project: Path) -> None:
    mistaken(project)
    (journal,) = project.rglob("*.journal")
    replayed = run(project, "sansip", "replay", "--trust", "--print", str(journal))
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert "503" in replayed.stdout


def test_all_its_tests_pass(project: Path) -> None:
    assert TESTS == ["test_gateways.py", "test_everything.py", "test_loss.py"]
    done = run(project, "pytest", "-q", "-p", "no:cacheprovider", "-W", "error")
    assert done.returncode == 0, done.stdout
    assert "52 passed" in done.stdout


def test_all_that_it_names_is_there() -> None:
    from sansip import simulate  # noqa: PLC0415 - the public face of it

    rows = re.findall(r"^\|.*\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    names = {name for row in rows for name in re.findall(r"\b([A-Z]\w+)\(|\b([A-Z]{4,})\b", row)}
    for name in {one or other for one, other in names} - {"INVITE", "ICMP"}:
        assert hasattr(simulate, name), name
