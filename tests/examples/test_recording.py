"""A live run of both example proxies beside a broken gateway replays without a difference."""

from pathlib import Path

import pytest
import trio

from rigged import Case, play
from sansip.journal import read
from sansip.replay import Tally, replay


@pytest.mark.parametrize("program", ["trio_proxy.py", "asyncio_proxy.py"])
@pytest.mark.parametrize(
    ("number", "case"),
    [
        (101, Case("closed")),
        (102, Case("closed", tcp=True)),
        (103, Case("503", "a")),
    ],
    ids=["closed", "refused", "503"],
)
def test_what_a_proxy_records_is_replayed(
    program: str, number: int, case: Case, tmp_path: Path
) -> None:
    phone = trio.run(lambda: play(case, number, program, tmp_path, redact=number == 101))
    assert list(phone.finals.values()) == [200, 200]
    tally = Tally()
    journal = read((tmp_path / "run.journal").read_text("ascii").splitlines(keepends=True))
    assert replay(journal, tally=tally) is None
    assert ", 2 calls, " in str(tally)
    assert bool(journal.head.redacted) is (number == 101)
