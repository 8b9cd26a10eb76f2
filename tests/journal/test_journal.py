"""The lines of a journal: the head, the numbers, what is refused, and what is torn."""

import json
import shutil
import subprocess
from typing import Any

import pytest

import sansip
from journals import POLICY, STARTED, head_of, journal_of, objects, steps
from sansip.journal import Head, Journal, JournalError, Named, Source, Swap, Toml, Writer, read
from stage import GW_1, SEED, Stage, ToGroup, config, make_request, on_stage

TOML = Toml('listen = ["udp:192.0.2.10:5060"]\n', "proxy.toml", (("gateways.list", "1 sip:a\n"),))


def a_call() -> Stage:
    stage = on_stage(ToGroup())
    stage.receive(make_request())
    stage.respond(200, GW_1)
    return stage


def changed(line: str, **parts: object) -> str:
    return json.dumps(json.loads(line) | parts)


@pytest.mark.parametrize("policy", [POLICY, TOML, None], ids=["named", "toml", "none"])
def test_the_head_comes_back(policy: Source | None) -> None:
    lines: list[str] = []
    Writer(lines.append, head_of(config(), policy, redacted=["body"]))
    head = read(lines).head
    assert (head.sansip, head.seed, head.started) == ("9.9", SEED, STARTED)
    assert head.policy == policy
    assert head.redacted == ("body",)


def test_steps_come_back_in_their_order_with_their_numbers() -> None:
    stage = a_call()
    found = steps(journal_of(stage))
    assert [step.number for step in found] == list(range(1, len(stage.events) + 1))
    assert [step.event for step in found] == stage.events
    assert [step.actions for step in found] == stage.actions


def test_another_engine_has_a_line_of_its_own() -> None:
    lines: list[str] = []
    writer = Writer(lines.append, head_of(config()))
    for policy in (TOML, None):
        writer.swap(config(groups={}), policy)
    found = list(read(lines))
    assert [step.number for step in found] == [1, 2]
    assert [step.policy for step in found if isinstance(step, Swap)] == [TOML, None]
    assert [step.config.groups for step in found if isinstance(step, Swap)] == [(), ()]


def test_a_journal_is_read_as_it_is_asked_for() -> None:
    lines = iter(journal_of(a_call()))
    found = iter(read(lines))
    next(found)
    assert list(lines)


def test_nothing_is_torn_of_a_whole_journal() -> None:
    journal = read(journal_of(a_call()))
    assert list(journal)
    assert journal.torn == ""


@pytest.mark.parametrize("keep", [1, 20, -2], ids=str)
def test_a_torn_last_line_is_said_and_all_before_it_read(keep: int) -> None:
    lines = journal_of(a_call())
    number = len(lines)
    journal = read([*lines[:-1], lines[-1][:keep]])
    assert len(list(journal)) == number - 2
    assert journal.torn.startswith(f"line {number} is torn: '{{")


def test_a_last_line_that_lacks_only_its_end_is_whole() -> None:
    lines = journal_of(a_call())
    journal = read([*lines[:-1], lines[-1][:-1]])
    assert len(list(journal)) == len(lines) - 1
    assert not journal.torn


def test_a_torn_line_in_the_middle_is_an_error() -> None:
    lines = journal_of(a_call())
    with pytest.raises(JournalError, match=r"^line 2 is not JSON: '\{"):
        list(read([lines[0], lines[1][:30], *lines[2:]]))


def test_a_missing_line_is_noticed() -> None:
    lines = journal_of(a_call())
    with pytest.raises(JournalError, match=r"^line 3 has number 3, not 2$"):
        list(read([*lines[:2], *lines[3:]]))


def test_a_line_twice_is_noticed() -> None:
    lines = journal_of(a_call())
    with pytest.raises(JournalError, match=r"^line 3 has number 1, not 2$"):
        list(read([*lines[:2], lines[1]]))


DAMAGES: tuple[dict[str, object], ...] = (
    {"event": {"is": "Anything"}},
    {"event": 17},
    {"event": {"is": "StreamReceived", "at": 1.0, "flow": 1, "data": {"hex": "x"}}},
    {"event": {"is": "StreamReceived", "at": 1.0, "flow": 1, "data": 17}},
    {"event": {"is": "DnsAnswered", "at": 1.0, "query": 1, "answer": {"is": "nothing"}}},
    {"actions": None},
    {"actions": [{}]},
)


@pytest.mark.parametrize("parts", DAMAGES, ids=str)
def test_a_line_that_is_none_of_a_journal_is_named(parts: dict[str, object]) -> None:
    lines = journal_of(a_call())
    with pytest.raises(JournalError, match=r"^line 3: "):
        list(read([*lines[:2], changed(lines[2], **parts)]))


def test_an_array_is_no_line_of_a_journal() -> None:
    lines = journal_of(a_call())
    with pytest.raises(JournalError, match=r"^line 2 is not JSON"):
        list(read([lines[0], "[]\n", *lines[2:]]))


@pytest.mark.parametrize("number", [0, 2, "1", None])
def test_another_format_is_refused_with_the_version_that_wrote_it(number: object) -> None:
    (line, *_) = journal_of(a_call())
    with pytest.raises(
        JournalError, match=r"^line 1: format .*, written by sansip 9.9; this reads"
    ):
        read([changed(line, format=number, config="of another kind")])


@pytest.mark.parametrize(
    "line", ["", "\n", "no JSON", "[]", "{}", '{"sansip":"0.1.0"}', '{"format":2}']
)
def test_what_has_no_head_is_no_journal(line: str) -> None:
    with pytest.raises(JournalError, match=r"^line 1: this is no head of a journal"):
        read([line])


def test_nothing_at_all_is_no_journal() -> None:
    with pytest.raises(JournalError, match=r"^line 1: this is no head of a journal"):
        read([])


@pytest.mark.parametrize(
    "parts",
    [{"seed": "x"}, {"config": {}}, {"config": None}, {"policy": {}}, {"policy": 3}],
    ids=str,
)
def test_a_head_that_is_damaged_is_refused(parts: dict[str, object]) -> None:
    (line, *_) = journal_of(a_call())
    with pytest.raises(JournalError, match=r"^line 1: this is no head of a journal"):
        read([changed(line, **parts)])


def test_a_configuration_that_is_impossible_is_refused() -> None:
    (line, *_) = journal_of(a_call())
    config = json.loads(line)["config"] | {"endpoints": []}
    with pytest.raises(JournalError, match="at least one endpoint"):
        read([changed(line, config=config)])


def test_each_line_is_written_in_one_go() -> None:
    """So that nothing but the last can be torn."""
    for line in journal_of(a_call()):
        assert line.endswith("\n")
        json.loads(line)


@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq here")
def test_jq_reads_it() -> None:
    stage = a_call()
    wanted = '.event | select(.is == "DatagramReceived") | .data'
    program = ["jq", "-r", "-s", f"[.[1:][] | {wanted}] | length"]
    done = subprocess.run(  # noqa: S603
        program, input="".join(journal_of(stage)), capture_output=True, text=True, check=True
    )
    came = [event for event in stage.events if isinstance(event, sansip.DatagramReceived)]
    assert int(done.stdout) == len(came) == 2


def test_the_head_is_what_any_reader_finds_in_the_first_line() -> None:
    content: Any = objects(journal_of(a_call(), TOML))[0]
    assert content["sansip"] == "9.9"
    assert content["format"] == 1
    assert bytes.fromhex(content["seed"]) == SEED
    assert content["started"] == STARTED
    assert content["policy"] == {
        "toml": TOML.text,
        "name": "proxy.toml",
        "files": {"gateways.list": "1 sip:a\n"},
    }
    assert content["config"]["limits"]["transactions"] == 200_000
    assert objects(journal_of(a_call(), Named("a:B")))[0]["policy"] == {"class": "a:B"}


def test_a_journal_can_be_made_of_steps_alone() -> None:
    journal = Journal(Head("9.9", SEED, STARTED, config()), iter(()))
    assert list(journal) == []
