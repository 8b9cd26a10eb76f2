"""sansip beside the other SIP parsers in Python: `make compare`; with --markdown into the docs.

Every library reads the same messages in the same run. One round measures each of them once, one
right after the other, and a plain split with them; what counts is the median of the rounds. The
collector of garbage runs before each measurement and never in one; the clock counts the time of the
process, not what others use of the machine.
"""

import argparse
import contextlib
import gc
import logging
import os
import platform
import sys
import textwrap
import timeit
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Final, NamedTuple, TypeAlias

from compare.libraries import NOT_OFFERED, Library, Raw, Typed, available
from compare.messages import MESSAGES, PROBES, Measured, differences, passes
from traffic import plain_split

PAGE: Final = Path(__file__).resolve().parents[3] / "docs" / "parsers.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
BASELINE: Final = "plain split"
NEEDED: Final = 0.0025  # seconds for one measurement

Rows: TypeAlias = list[tuple[str, ...]]


class Table(NamedTuple):
    """A table: its title, its heads, its rows."""

    title: str
    heads: tuple[str, ...]
    rows: Rows


class Job(NamedTuple):
    """One thing to measure over and over: what it is called, what it does, how often at a time."""

    name: str
    work: Callable[[], object]
    times: int
    remark: str


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=15, help="how many rounds (15)")
    asked.add_argument("--markdown", action="store_true", help=f"write {PAGE.name}, too")
    options = asked.parse_args()
    logging.disable()
    with _quiet(), TemporaryDirectory() as folder, contextlib.chdir(folder):  # PySIPio writes a log
        libraries, missing = available()
        gc.freeze()  # what the libraries have loaded need not be looked through each time
        tables = list(_tables(libraries, options.rounds))
    about = _about(libraries, missing, options.rounds)
    sys.stdout.write("\n".join([*about, "", *[line for table in tables for line in _plain(table)]]))
    if options.markdown:
        _write([*about, "", *[line for table in tables for line in _markdown(table)]])


def _tables(libraries: Sequence[Library], rounds: int) -> Iterator[Table]:
    heads = tuple([f"{message.name}, {len(message.data)} B" for message in MESSAGES])
    titles = {
        _parsing: "Parse, in microseconds (and in plain splits of the same message)",
        _typing: "Parse, and read the top Via, From with its URI and tag, To with its URI and tag",
        _rendering: "Write back what was parsed",
    }
    for jobs_for, title in titles.items():
        columns = [_measured(jobs_for(message, libraries), rounds) for message in MESSAGES]
        names = [BASELINE, *[library.name for library in libraries]]
        rows = [(name, *[column.get(name, "-") for column in columns]) for name in names]
        yield Table(title, ("", *heads), rows)
    yield _probed(libraries)


def _parsing(message: Measured, libraries: Iterable[Library]) -> Iterator[Job]:
    data = message.data
    yield _job(BASELINE, partial(plain_split, data))
    for library in libraries:
        with contextlib.suppress(Exception):
            library.parse(data)
            yield _job(library.name, partial(library.parse, data))


def _typing(message: Measured, libraries: Iterable[Library]) -> Iterator[Job]:
    data = message.data
    yield _job(BASELINE, partial(plain_split, data))
    for library in libraries:
        with contextlib.suppress(Exception):
            got = library.typed(library.parse(data))
            remark = _remark(message.expected, got)
            yield _job(library.name, partial(_read, library.parse, library.typed, data), remark)


def _read(parse: Callable[[bytes], Raw], typed: Callable[[Raw], Typed], data: bytes) -> Typed:
    return typed(parse(data))


def _rendering(message: Measured, libraries: Iterable[Library]) -> Iterator[Job]:
    for library in libraries:
        if library.render is not None:
            with contextlib.suppress(Exception):
                read: Raw = library.parse(message.data)
                remark = "" if library.render(read) == message.data else "~"
                yield _job(library.name, partial(library.render, read), remark)
    text = message.data.decode()
    yield _job(BASELINE, lambda: "\r\n".join(text.split("\r\n")).encode())


def _remark(expected: Typed, got: Typed) -> str:
    """Mark what was read wrongly, and what was not all read."""
    if differences(expected, got):
        return "!"
    return "*" if NOT_OFFERED in got else ""


def _job(name: str, work: Callable[[], object], remark: str = "") -> Job:
    """Warm it up, and find how often it has to run for its time to be measured well."""
    taken = min(timeit.repeat(work, number=20, repeat=5, timer=process_time)) / 20
    return Job(name, work, max(1, round(NEEDED / taken)), remark)


def _measured(jobs: Iterable[Job], rounds: int) -> dict[str, str]:
    """Give the cell of each, by its name."""
    each = list(jobs)
    times: dict[str, list[float]] = {job.name: [] for job in each}
    for _ in range(rounds):
        for job in each:
            gc.collect()
            spent = timeit.timeit(job.work, number=job.times, timer=process_time)
            times[job.name].append(spent / job.times * 1e6)
    base = times[BASELINE]
    return {job.name: _cell(times[job.name], base, job) for job in each}


def _cell(times: Sequence[float], base: Sequence[float], job: Job) -> str:
    middle = median(times)
    digits = 2 if middle < 9.995 else 1 if middle < 99.95 else 0
    ratio = median([ours / theirs for ours, theirs in zip(times, base, strict=True)])
    share = "" if job.name == BASELINE else f" ({ratio:.{2 if ratio < 9.995 else 0}f})"
    return f"{middle:.{digits}f}{share}{job.remark}"


def _probed(libraries: Sequence[Library]) -> Table:
    answers = [[passes(library, probe) for library in libraries] for probe in PROBES]
    marks = {True: "yes", False: "no"}
    rows = [
        (probe.name, *[marks[passed] for passed in row])
        for probe, row in zip(PROBES, answers, strict=True)
    ]
    rows.append((f"of {len(PROBES)}", *[str(sum(column)) for column in zip(*answers, strict=True)]))
    title = "What each one copes with"
    return Table(title, ("", *[library.name for library in libraries]), rows)


def _about(libraries: Iterable[Library], missing: dict[str, str], rounds: int) -> list[str]:
    system = f"{platform.python_implementation()} {platform.python_version()}, {platform.system()}"
    versions = ", ".join([f"{library.name} {library.version}" for library in libraries])
    lines = [
        f"Measured on {system}; medians of {rounds} interleaved rounds, processor time.",
        f"Beside one another: {versions}.",
    ]
    lines += [f"Left out: {name} ({reason})." for name, reason in missing.items()]
    return [piece for line in lines for piece in textwrap.wrap(line, 108)]


def _plain(table: Table) -> Iterator[str]:
    columns = list(zip(table.heads, *table.rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    yield table.title
    yield ""
    for row in (table.heads, *table.rows):
        first, *rest = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        yield "  ".join([first, *[text.strip().rjust(len(text)) for text in rest]]).rstrip()
    yield ""


def _markdown(table: Table) -> Iterator[str]:
    yield from (f"### {table.title}", "")
    yield f"| {' | '.join(table.heads)} |"
    yield f"|---|{'---:|' * (len(table.heads) - 1)}"
    for row in table.rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _write(lines: Iterable[str]) -> None:
    """Put the figures into the page, between the two comments."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    figures = "\n".join(lines).rstrip()
    PAGE.write_text(f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}")


@contextlib.contextmanager
def _quiet() -> Generator[None, None, None]:
    """Let nothing through that a library prints about a message it does not like."""
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


if __name__ == "__main__":
    main()
