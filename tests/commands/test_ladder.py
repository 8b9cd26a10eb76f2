"""``python -m sansip ladder``: what it draws where, and its exit status."""

import io
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from drawn import failover, journal_of_stage
from journals import journal_of
from sansip.commands import main
from sansip.journal import read
from sansip.ladder import draw, html, mermaid, pcap, svg, text
from stage import Stage

Command = Callable[..., tuple[int, str, str]]


class Terminal(io.StringIO):
    """Somebody is looking."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Old(Terminal):
    encoding = "latin-1"


class Binary(io.TextIOWrapper):
    """A standard output that takes bytes, too."""

    def getvalue(self) -> str:
        return ""


@pytest.fixture(scope="module")
def stage() -> Stage:
    """Give a call that fails over."""
    return failover()


@pytest.fixture
def file(stage: Stage, tmp_path: Path) -> Path:
    """Give its journal."""
    file = tmp_path / "run.journal"
    file.write_text("".join(journal_of(stage)))
    return file


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Give what runs the command: exit status, and what it says."""

    def run(
        *arguments: str | Path, out: io.StringIO | Binary | None = None
    ) -> tuple[int, str, str]:
        out = io.StringIO() if out is None else out
        status = main(["ladder", *map(str, arguments)], out)
        return status, out.getvalue(), capsys.readouterr().err

    return run


def test_text_is_plain_when_nobody_looks(command: Command, file: Path, stage: Stage) -> None:
    whole = draw(journal_of_stage(stage, None))
    for arguments in ((), ("--text",)):
        assert command(file, *arguments) == (0, text(whole, width=100), "")


def test_text_has_colours_and_the_width_of_the_terminal(
    command: Command, file: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    whole = draw(journal_of_stage(stage, None))
    assert command(file, out=Terminal())[1] == text(whole, colour=True, width=72)
    assert command(file, out=Old())[1] == text(whole, colour=True, width=72, only_ascii=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert command(file, out=Terminal())[1] == text(whole, width=72)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert command(file, out=Terminal())[1] == text(whole, width=72)


@pytest.mark.parametrize("drawn", [svg, html, mermaid])
def test_pictures(command: Command, file: Path, drawn: Callable[..., str], stage: Stage) -> None:
    whole = draw(journal_of_stage(stage, None))
    out = file.with_name("out")
    assert command(file, f"--{drawn.__name__}")[:2] == (0, drawn(whole))
    assert command(file, f"--{drawn.__name__}", "-o", out)[:2] == (0, "")
    assert out.read_text(encoding="utf-8") == drawn(whole)


def test_text_in_a_file_is_plain(command: Command, file: Path) -> None:
    out = file.with_name("out")
    assert command(file, "-o", out, out=Terminal())[:2] == (0, "")
    assert "\033" not in out.read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["--text", "--pcap"])
def test_what_is_written_is_for_its_owner_and_never_takes_the_place_of_the_journal(
    command: Command, file: Path, tmp_path: Path, form: str
) -> None:
    before, out = file.read_bytes(), tmp_path / "drawn"
    assert command(file, form, "-o", out)[0] == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    status, _, complaint = command(file, form, "-o", file)
    assert (status, complaint) == (2, f"{file}: that is the journal; name another file with -o\n")
    assert file.read_bytes() == before


def test_a_capture(command: Command, file: Path, stage: Stage) -> None:
    out, taken = file.with_name("out"), io.BytesIO()
    binary = Binary(taken)
    assert command(file, "--pcap", "--output", out) == (0, "", "")
    assert out.read_bytes() == pcap(journal_of_stage(stage, None))
    assert command(file, "--pcap", "--call", "call-1", out=binary)[0] == 0
    assert taken.getvalue() == out.read_bytes()
    assert command(file, "--pcap")[0] == 2  # bytes are nothing for those who take text


def test_one_call(command: Command, file: Path) -> None:
    status, said, _ = command(file, "--call", "call-1")
    assert status == 0
    assert said.startswith("call call-1\n")


@pytest.mark.parametrize("form", ["--text", "--html", "--pcap"])
def test_a_call_that_is_not_there_is_said(command: Command, file: Path, form: str) -> None:
    out = file.with_name("out")
    status, said, complaint = command(file, form, "--call", "call-2", "-o", out)
    assert (status, said) == (2, "")
    assert complaint.startswith(f"{file}: there is no ")
    assert complaint.endswith("call-2\n")
    assert not out.exists()


def test_rows_may_be_fewer(command: Command, file: Path) -> None:
    assert "(only the first 5 rows, up to step 2)" in command(file, "--rows", "5")[1]


def test_a_file_that_is_not_there_or_no_journal_is_said(command: Command, file: Path) -> None:
    missing = file.with_name("missing")
    assert command(missing) == (2, "", f"{missing}: no such file or directory\n")
    file.write_text("{}\n")
    for form in ("--text", "--pcap"):
        assert command(file, form)[0] == 2
    assert command(file, "--svg", "--html")[0] == 2


def test_a_torn_journal_is_drawn_up_to_the_tear(command: Command, file: Path) -> None:
    file.write_text(file.read_text()[:-20])
    status, said, _ = command(file)
    assert status == 0
    assert "is torn" in said.splitlines()[-1]
    assert list(read(file.read_text().splitlines(keepends=True)))
