"""Whatever stands in a file, reading it gives steps, or says what is wrong: nothing else."""

import json
from collections.abc import Iterable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

import sansip
from journals import HEAD, head_of, journal_of
from sansip.journal import BODY, CREDENTIALS, JournalError, Toml, Writer, read
from stage import GW_1, SDP, Stage, ToGroup, make_request, on_stage

TOML = Toml('listen = ["udp:192.0.2.10:5060"]\n', "proxy.toml", (("gateways.list", "1 sip:a\n"),))


def a_call() -> Stage:
    stage = on_stage(ToGroup())
    stage.receive(make_request(headers=[("Authorization", "Digest a")], body=SDP))
    stage.respond(180, GW_1)
    order = sansip.ReplaceGroups({"gateways": ["sip:a.example.com"]})
    stage.step(sansip.Administered(stage.now, order))
    stage.step(sansip.Consulted(stage.now, "q", {"a": (1, b"\xff")}))
    return stage


def with_state() -> list[str]:
    stage = a_call()
    lines: list[str] = []
    head = head_of(stage.engine.config, redacted=[*CREDENTIALS, BODY], state=stage.state)
    writer = Writer(lines.append, head)
    stage.events.clear()
    stage.actions.clear()
    stage.respond(200, GW_1)
    for event, actions in zip(stage.events, stage.actions, strict=True):
        writer.event(event, actions)
    writer.swap(stage.engine.config, TOML)
    return lines


JOURNALS = (journal_of(a_call()), journal_of(a_call(), TOML), with_state())
journals = st.sampled_from(JOURNALS)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "x", "is", "c3", "\ud800", "Request", "Found", "sip:a", "udp:1:1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["is", "of", "hex", "at", "in", "key", "value", "event", "n"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)


def only_says(lines: Iterable[str]) -> None:
    said = "line 0"
    try:
        list(read(lines))
    except JournalError as error:
        said = str(error)
    assert said.startswith("line ")


@given(st.lists(st.text()))
@example(["[" * 100_000])
@example(['{"a":' * 100_000])
@example(["9" * 5_000])
def test_any_text_is_read_or_refused(lines: list[str]) -> None:
    only_says(lines)


@given(journals, st.data())
def test_a_file_with_other_characters_in_it_is_read_or_refused(
    lines: list[str], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(lines) - 1))
    begin = data.draw(st.integers(0, len(lines[at])))
    length = data.draw(st.integers(0, 20))
    put = data.draw(st.text(st.sampled_from('{}[]":,\\0e1-x\ufffd\n'), max_size=5))
    line = lines[at][:begin] + put + lines[at][begin + length :]
    only_says([*lines[:at], line, *lines[at + 1 :]])


@given(journals, st.data())
def test_a_file_with_lines_elsewhere_is_read_or_refused(
    lines: list[str], data: st.DataObject
) -> None:
    only_says(data.draw(st.lists(st.sampled_from(lines), max_size=len(lines) + 1)))
    only_says([*lines[:HEAD], *data.draw(st.permutations(lines[HEAD:]))])


def names_in(content: Any) -> list[Any]:  # noqa: ANN401 - of JSON
    if isinstance(content, dict):
        return list(content)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return list(range(len(content)))


@given(journals, VALUES, st.data())
def test_a_file_with_other_values_in_it_is_read_or_refused(
    lines: list[str], value: object, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(lines) - 1))
    content = json.loads(lines[at])
    inner: Any = content
    while True:
        names = names_in(inner)
        if not names:
            return
        name = data.draw(st.sampled_from(names))
        if not isinstance(inner[name], dict | list) or data.draw(st.booleans()):
            inner[name] = value
            break
        inner = inner[name]
    only_says([*lines[:at], json.dumps(content), *lines[at + 1 :]])
