"""The README and docs/ do not lie: their Python runs, their commands and links exist.

In the README, a Python block with an import is complete and is executed; one without is a fragment,
and must at least compile. A complete block may start an event loop: here, it only gets as far as
that. In docs/, the blocks of a page are one program.
"""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest
import trio

import elsewhere

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# tests/examples/ runs the one, which opens sockets; tests/testing/ the other, which is a project.
RUN = [p for p in PAGES[2:] if p.name not in ("event-loop.md", "testing-your-policy.md")]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)[^)]*\)")
TOOL = "$ python -m sansip "
NUMBER = re.compile(r"\d[\d,.]*")  # how long it took; and another recording has other figures
FENCED = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    language: str
    line: int  # of its first line, from 1
    text: str

    @property
    def complete(self) -> bool:
        return re.search(r"^(import|from) ", self.text, re.MULTILINE) is not None


def blocks(language: str, page: Path = README) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    every = (
        Block(found[1], text.count("\n", 0, found.start(2)) + 1, found[2])
        for found in FENCED.finditer(text)
    )
    return [block for block in every if block.language == language]


def by_line(block: Block) -> str:
    return f"line {block.line}"


def reach_the_loop(function: object, *_arguments: object) -> None:
    assert callable(function)


@pytest.mark.parametrize("block", blocks("python"), ids=by_line)
def test_python_in_the_readme_runs(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    # Blank lines in front make a traceback name the README's own lines.
    code = compile("\n" * (block.line - 1) + block.text, README, "exec")
    if block.complete:
        monkeypatch.setattr(trio, "run", reach_the_loop)
        exec(code, {"__name__": "__main__"})  # noqa: S102 - the point of this test


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_a_page_of_docs_is_a_program_that_runs(page: Path) -> None:
    names: dict[str, object] = {"__name__": page.stem}
    for block in blocks("python", page):
        code = compile("\n" * (block.line - 1) + block.text, page, "exec")
        exec(code, names)  # noqa: S102 - the point of this test


@pytest.mark.parametrize("block", [b for b in blocks("console") if TOOL in b.text], ids=by_line)
def test_the_tools_say_what_the_readme_says(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for example in block.text.split(TOOL)[1:]:
        command, _, expected = example.partition("\n")
        status, said, complaint = elsewhere.sansip(*shlex.split(command))
        assert (status, complaint) == (0, "")
        assert NUMBER.sub("N", said) == NUMBER.sub("N", expected)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        assert (page.parent / target).exists(), target


def test_the_readme_shows_how_to_use_it() -> None:
    assert any(block.complete for block in blocks("python"))


@pytest.mark.parametrize("block", blocks("sh"), ids=by_line)
def test_commands_in_the_readme_exist(block: Block) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for named in re.findall(r"\bmake ([a-z-]+)", block.text):
        assert named in targets, f"make {named}"
    for script in re.findall(r"\bpython[\d.]* ([\w/.-]+\.py)\b", block.text):
        assert (ROOT / script).exists(), script


def test_the_readme_names_the_demo_and_the_tests() -> None:
    commands = "".join(block.text for block in blocks("sh"))
    assert "make demo" in commands
    assert "make test" in commands
