"""What the example proxy writes is limited, and safe to show on a terminal."""

import re

import pytest
from proxy_log import MOST, TOPICS, Log

from sansip import Report


def test_only_so_many_lines_a_second_and_the_rest_is_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = 0.5
    log = Log(TOPICS, lambda: now)
    for number in range(MOST + 7):
        log.report(Report("dns", "gw.example.com", f"{number}"))
    assert len(capsys.readouterr().err.splitlines()) == MOST
    log.report(Report("journal", "run.journal", "the disk is full"))
    assert capsys.readouterr().err == "journal: run.journal: the disk is full\n"
    now = 1.0
    log.report(Report("dns", "gw.example.com", "again"))
    assert capsys.readouterr().err.splitlines() == [
        "(7 more reports left out)",
        "dns: gw.example.com: again",
    ]
    log.close()
    assert capsys.readouterr().err == ""


def test_whatever_there_are_reports_of_is_written_but_what_is_dropped() -> None:
    there_are = re.findall(r'"(\w+)"', Report.__doc__ or "")
    assert sorted(there_are) == sorted([*TOPICS, "dropped"])


def test_other_topics_are_left_out_uncounted(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log(("failover",), lambda: 0.0)
    log.report(Report("dropped", "key", "text"))
    log.close()
    assert capsys.readouterr().err == ""


def test_what_the_network_sends_cannot_play_with_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = Log(TOPICS, lambda: 0.0)
    log.report(Report("malformed", "a\x1b[2Jb", "one\nfailover: forged \udcff"))
    assert capsys.readouterr().err == ("malformed: a\\x1b[2Jb: one\\nfailover: forged \\udcff\n")


def test_a_log_that_nobody_reads_does_not_end_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Gone:
        def write(self, text: str) -> None:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Gone())
    Log(TOPICS, lambda: 0.0).report(Report("dns", "a", "b"))
