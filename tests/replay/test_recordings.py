"""What the example proxies have recorded is replayed without a difference: tests/journals."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import elsewhere
from sansip import DatagramReceived, FlowClosed, SendFailed, StreamReceived, TimerFired
from sansip.journal import Journal, JournalError, Step, Swap, read
from sansip.replay import Tally, replay

FOLDER = Path(__file__).parents[1] / "journals"
FILES = sorted(FOLDER.glob("*.journal"))
SENT = "Max-Forwards: 69"


def lines_of(file: Path) -> list[str]:
    return file.read_text("ascii").splitlines(keepends=True)


def journal(name: str) -> Journal:
    return read(lines_of(FOLDER / f"{name}.journal"))


def steps(name: str) -> Iterator[Step | Swap]:
    return iter(journal(name))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_recorded_run_replays_without_difference(file: Path) -> None:
    tally = Tally()
    recorded = read(lines_of(file))
    assert replay(recorded, tally=tally) is None
    assert not recorded.torn
    assert tally.events["messages"] > 3


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_another_process_with_other_hashes_replays_all_of_them(hash_seed: str) -> None:
    status, said, complaint = elsewhere.sansip("replay", *FILES, hash_seed=hash_seed)
    assert (status, complaint) == (0, "")
    assert len(re.findall(r"(?m)^\S+\.journal: no difference: ", said)) == len(FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_one_altered_byte_of_what_was_sent_is_noticed(file: Path) -> None:
    lines = lines_of(file)
    last = max(at for at, line in enumerate(lines) if SENT in line.partition('"actions"')[2])
    event, found, actions = lines[last].partition('"actions"')
    lines[last] = event + found + actions.replace(SENT, "Max-Forwards: 68", 1)
    difference = replay(read(lines))
    assert difference is not None
    assert difference.number == json.loads(lines[last])["n"]
    assert "recorded  Max-Forwards: 68" in str(difference)


@pytest.mark.parametrize("name", ["group-503", "group-tcp-refused"])
def test_no_byte_of_what_was_ordered_can_be_altered(name: str) -> None:
    """Of a redacted journal, the loop parts of branches can: they are not those that were sent."""
    lines = lines_of(FOLDER / f"{name}.journal")
    redacted = json.loads(lines[0])["redacted"]
    noticed = 0
    for number, line in enumerate(lines):
        if '"actions":[' not in line:
            continue
        begin = line.index('"actions":[') + len('"actions":[')
        for at in range(begin + 7 * number % 200, len(line) - 3, 797):
            other = "1" if line[at] == "0" else "0"
            altered = f"{line[:at]}{other}{line[at + 1 :]}"
            if redacted and re.search(r"\.[0-9a-f]{0,12}$", line[:at]):
                continue
            assert is_noticed([*lines[:number], altered]), altered[at - 40 : at + 20]
            noticed += 1
    assert noticed > 10


def is_noticed(lines: list[str]) -> bool:
    recorded = read(lines)
    try:
        return replay(recorded) is not None or recorded.torn != ""
    except JournalError:
        return True


def test_there_is_a_recording_of_every_fault() -> None:
    """Each has in it what its fault looks like from here."""

    def has(name: str, kind: type[object], reason: str = "") -> bool:
        return any(
            isinstance(step, Step)
            and isinstance(step.event, kind)
            and reason in getattr(step.event, "reason", reason)
            for step in steps(name)
        )

    def answered(name: str, line: bytes) -> bool:
        return any(
            isinstance(step, Step)
            and isinstance(step.event, DatagramReceived)
            and step.event.data.startswith(b"SIP/2.0 503 ")
            and line in step.event.data
            for step in steps(name)
        )

    for way in ("group", "srv", "addresses", "group-probes"):
        assert has(f"{way}-blackhole", TimerFired)
        assert has(f"{way}-closed", SendFailed, "ICMP")
        assert answered(f"{way}-503", b"")
        assert not answered(f"{way}-503", b"Retry-After: 30")
        assert answered(f"{way}-503-ra", b"Retry-After: 30")
    for way in ("group", "srv"):
        assert has(f"{way}-tcp-refused", FlowClosed, "refused")
        assert has(f"{way}-tcp-silent", StreamReceived)
        assert has(f"{way}-tcp-silent", TimerFired)
        assert has(f"{way}-quick-blackhole", TimerFired)
    for name in ("gateway-closed", "gateway-closed-probes"):
        assert has(name, SendFailed, "ICMP")
    assert any(isinstance(step, Swap) for step in steps("reload"))
    assert any(journal(file.stem).head.redacted for file in FILES)
    assert not all(journal(file.stem).head.redacted for file in FILES)


def test_all_of_them_are_told_of() -> None:
    told = (FOLDER / "README.md").read_text("utf-8")
    faults = ("blackhole", "closed", "503", "503-ra", "refused", "silent")
    for file in FILES:
        name = file.stem
        beginnings = [name.removesuffix(f"-{fault}") for fault in faults if name.endswith(fault)]
        assert any(f"`{it}`" in told for it in (name, *[f"{way}-*" for way in beginnings])) or (
            f"`-{name.rpartition('-')[2]}`" in told
        ), name
