"""The lines of a journal: the head, the numbers, what is refused, and what is torn."""

import json
import shutil
import subprocess
from typing import Any

import pytest

import sansip
from journals import HEAD, POLICY, STARTED, head_of, journal_of, objects, steps
from sansip.journal import (
    Head,
    Journal,
    JournalError,
    Named,
    Source,
    Swap,
    Toml,
    Writer,
    read,
    source_of,
)
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
    assert len(list(journal)) == number - HEAD - 1
    assert journal.torn.startswith(f"line {number} is torn: '{{")


def test_a_last_line_that_lacks_only_its_end_is_whole() -> None:
    lines = journal_of(a_call())
    journal = read([*lines[:-1], lines[-1][:-1]])
    assert len(list(journal)) == len(lines) - HEAD
    assert not journal.torn


def test_a_torn_line_in_the_middle_is_an_error() -> None:
    lines = journal_of(a_call())
    with pytest.raises(JournalError, match=r"^line 4 is not JSON: '\{.*; .*: --until 1$"):
        list(read([*lines[:3], lines[3][:30], *lines[4:]]))


def test_a_missing_line_is_noticed() -> None:
    lines = journal_of(a_call())
    with pytest.raises(JournalError, match=r"^line 4 has number 3, not 2; .*: --until 1$"):
        list(read([*lines[:3], *lines[4:]]))


def test_a_line_twice_is_noticed() -> None:
    lines = journal_of(a_call())
    with pytest.raises(JournalError, match=r"^line 4 has number 1, not 2; .*: --until 1$"):
        list(read([*lines[:3], lines[2]]))


DAMAGES: tuple[dict[str, object], ...] = (
    {"event": {"is": "Anything"}},
    {"event": 17},
    {"event": {"is": "StreamReceived", "at": 1.0, "flow": 1, "data": {"hex": "x"}}},
    {"event": {"is": "StreamReceived", "at": 1.0, "flow": 1, "data": 17}},
    {"event": {"is": "DnsAnswered", "at": 1.0, "query": 1, "answer": {"is": "nothing"}}},
    {"actions": None},
    {"actions": [{}]},
    {"actions": {}},
    {"n": "2"},
    {"n": None},
)


@pytest.mark.parametrize("parts", DAMAGES, ids=str)
def test_a_line_that_is_none_of_a_journal_is_named(parts: dict[str, object]) -> None:
    lines = journal_of(a_call())
    with pytest.raises(
        JournalError, match=r"^line 4: .*; what stands before it can be .*: --until"
    ):
        list(read([*lines[:3], changed(lines[3], **parts)]))


def test_what_stands_behind_the_last_step_that_is_wanted_is_not_looked_at() -> None:
    lines = [*journal_of(a_call())[: HEAD + 2], "damaged\n", "more\n"]
    assert [step.number for step in read(lines).steps(2)] == [1, 2]
    assert [step.number for step in read(lines).steps(1)] == [1]
    assert list(read(lines).steps(0)) == []


def test_an_array_is_no_line_of_a_journal() -> None:
    lines = journal_of(a_call())
    with pytest.raises(JournalError, match=r"^line 3 is not JSON"):
        list(read([*lines[:HEAD], "[]\n", *lines[3:]]))


@pytest.mark.parametrize("number", [0, -1, "1", 1.0, None])
def test_another_format_is_refused_with_the_version_that_wrote_it(number: object) -> None:
    (line, *_) = journal_of(a_call())
    with pytest.raises(
        JournalError,
        match=rf"^line 1: format {number!r}, written by sansip 9.9; this reads format 1: "
        "replay it with the sansip that wrote it$",
    ):
        read([changed(line, format=number, seed="of another kind")])


def test_a_newer_format_is_refused_with_another_remedy() -> None:
    (line, *_) = journal_of(a_call())
    with pytest.raises(JournalError, match=r"^line 1: format 3, .* 9.9, is newer .*: update it$"):
        read([changed(line, format=3)])


@pytest.mark.parametrize(
    ("parts", "reason"),
    [({"color": 1}, "Config has 'color', unknown here"), ({}, "Config lacks 'secret'")],
)
def test_a_configuration_that_has_other_settings_is_said(
    parts: dict[str, object], reason: str
) -> None:
    first, second, *_ = journal_of(a_call())
    config = json.loads(second)["config"] | parts
    if not parts:
        del config["secret"]
    with pytest.raises(JournalError) as raised:
        read([first, changed(second, config=config)])
    assert str(raised.value) == (
        f"line 2, written by sansip 9.9: {reason}; replay it with the sansip that wrote it"
    )


@pytest.mark.parametrize("whole", [1, 2, 5])
def test_a_head_that_is_torn_is_said(whole: int) -> None:
    stage = a_call()
    lines: list[str] = []
    Writer(lines.append, head_of(config(), state=stage.state))
    assert len(lines) > 5
    with pytest.raises(JournalError, match=rf"^line {whole + 1} is missing: the writer was killed"):
        read(lines[:whole])
    with pytest.raises(JournalError, match=rf"^line {whole + 1}: this is no head of a journal"):
        read([*lines[:whole], lines[whole][:-10]])


@pytest.mark.parametrize(
    "line", ["", "\n", "no JSON", "[]", "{}", '{"sansip":"0.1.0"}', '{"format":1}']
)
def test_what_has_no_head_is_no_journal(line: str) -> None:
    with pytest.raises(JournalError, match=r"^line 1: this is no head of a journal"):
        read([line])


def test_nothing_at_all_is_no_journal() -> None:
    with pytest.raises(JournalError, match=r"^line 1 is missing"):
        read([])


@pytest.mark.parametrize(
    "parts",
    [
        *({"seed": "x"}, {"seed": "00"}, {"seed": None}, {"sansip": 1}, {"started": "x"}),
        *({"clock": []}, {"redacted": "body"}, {"redacted": [1]}, {"state": None}, {"state": -1.5}),
        *({"config": {}}, {"config": None}, {"policy": {}}, {"policy": 3}),
        *({"policy": {"class": 3}}, {"policy": {"toml": "", "name": "", "files": {"a": 1}}}),
    ],
    ids=str,
)
def test_a_head_that_is_damaged_is_refused(parts: dict[str, object]) -> None:
    lines = journal_of(a_call())
    at = 1 if parts.keys() & {"config", "policy"} else 0
    lines[at] = changed(lines[at], **parts)
    with pytest.raises(JournalError, match=rf"^line {at + 1}[:,] "):
        read(lines)


def test_a_configuration_that_is_impossible_is_refused() -> None:
    first, second, *_ = journal_of(a_call())
    config = json.loads(second)["config"] | {"endpoints": []}
    with pytest.raises(JournalError, match=r"^line 2: .*at least one endpoint"):
        read([first, changed(second, config=config)])


def test_each_line_is_written_in_one_go() -> None:
    """So that nothing but the last can be torn."""
    for line in journal_of(a_call()):
        assert line.endswith("\n")
        json.loads(line)


@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq here")
def test_jq_reads_it() -> None:
    stage = a_call()
    wanted = '.event | select(.is == "DatagramReceived") | .data'
    program = ["jq", "-r", "-s", f"[.[2:][] | {wanted}] | length"]
    done = subprocess.run(  # noqa: S603
        program, input="".join(journal_of(stage)), capture_output=True, text=True, check=True
    )
    came = [event for event in stage.events if isinstance(event, sansip.DatagramReceived)]
    assert int(done.stdout) == len(came) == 2


def test_the_first_line_can_be_read_by_eye() -> None:
    (line, *_) = journal_of(a_call(), TOML, redacted=["body"])
    assert line == (
        '{"sansip":"9.9","format":1,"started":1000.0,"clock":null,"redacted":["body"],'
        f'"seed":"{SEED.hex()}","state":0}}\n'
    )


def test_what_the_engine_is_made_of_is_what_any_reader_finds_in_the_second_line() -> None:
    content: Any = objects(journal_of(a_call(), TOML))[1]
    assert content["policy"] == {
        "toml": TOML.text,
        "name": "proxy.toml",
        "files": {"gateways.list": "1 sip:a\n"},
    }
    assert content["config"]["limits"]["transactions"] == 200_000
    assert objects(journal_of(a_call(), Named("a:B")))[1]["policy"] == {"class": "a:B"}


def test_a_journal_can_be_made_of_steps_alone() -> None:
    journal = Journal(Head("9.9", SEED, STARTED, config()), iter(()))
    assert list(journal) == []


def test_an_engine_names_its_policy_unless_it_has_none() -> None:
    assert source_of(sansip.Engine(config(), ToGroup())) == Named("stage:ToGroup")
    assert source_of(sansip.Engine(config())) is None
