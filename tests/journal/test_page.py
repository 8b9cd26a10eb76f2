"""docs/journals.md: each of its jq recipes does what it says, and the table has every field."""

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sansip
from journals import head_of, objects
from sansip.journal import Writer
from stage import GW_1, GW_2, make_request, on_stage

PAGE = (Path(__file__).parents[2] / "docs" / "journals.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"^    (jq .*)$", PAGE, re.MULTILINE)
ENVIRONMENT = os.environ | {"LC_ALL": "C"}  # sorted as Python does
Contents = list[Any]


def journal() -> list[str]:
    """One that goes on from a call that is tried, and has bytes in it that are no text."""
    stage = on_stage()
    stage.receive(make_request())
    stage.respond(100, GW_1)
    lines: list[str] = []
    writer = Writer(lines.append, head_of(stage.engine.config, state=stage.state.freeze()))
    begin = len(stage.events)
    stage.respond(503, GW_1)
    stage.respond(200, GW_2)
    stage.receive(b"\xff\xfe")
    stage.receive(make_request("OPTIONS", branch="z9hG4bK2", call_id="call-2"))
    stage.step(sansip.Administered(stage.now, sansip.FlushCache()))
    stage.receive(make_request("MESSAGE", branch="z9hG4bK3", call_id="call-3"))
    for number in range(begin, len(stage.events)):
        writer.event(stage.events[number], stage.actions[number])
    return lines


def actions(contents: Contents, kind: str) -> list[tuple[int, Any]]:
    found = [(it["n"], action) for it in contents if "n" in it for action in it["actions"]]
    return [(number, action) for number, action in found if action["is"] == kind]


def events(contents: Contents, kind: str) -> Contents:
    found = [it["event"] for it in contents if "event" in it]
    return [event for event in found if event["is"] == kind]


def texts(those: Contents) -> list[str]:
    return [it["data"] for it in those if isinstance(it["data"], str)]


def counted(words: list[str]) -> list[str]:
    return [f"{count} {word}" for word, count in sorted(Counter(words).items())]


def sent(contents: Contents) -> Contents:
    return [send for _, send in actions(contents, "Send")]


def steps_of_call_1(contents: Contents) -> list[str]:
    return [str(it["n"]) for it in contents if "n" in it and "call-1" in json.dumps(it)]


# What each does, in the order in which they stand on the page.
DOES: tuple[Callable[[Contents], list[str]], ...] = (
    lambda it: [text.split("\r\n")[0] for text in texts(events(it, "DatagramReceived"))],
    lambda it: [f"{send['remote']['host']} {send['data'].split(chr(13))[0]}" for send in sent(it)],
    lambda it: counted([each["event"]["is"] for each in it if "event" in each]),
    lambda it: [f"{n} {said['topic']}: {said['text']}" for n, said in actions(it, "Report")],
    lambda it: [
        json.dumps(event["answer"], separators=(",", ":")) for event in events(it, "DnsAnswered")
    ],
    steps_of_call_1,
    lambda it: counted([t[8:11] for t in texts(sent(it)) if t.startswith("SIP/2.0 ")]),
    lambda it: [each["key"] for each in it if each.get("in") == "contexts"],
)


@pytest.mark.parametrize(("recipe", "does"), list(zip(RECIPES, DOES, strict=True)), ids=RECIPES)
def test_a_recipe_does_what_it_says(
    recipe: str, does: Callable[[Contents], list[str]], tmp_path: Path
) -> None:
    lines = journal()
    expected = does(objects(lines))
    assert expected
    if shutil.which("jq") is None:
        return
    (tmp_path / "run.journal").write_text("".join(lines), encoding="ascii")
    done = subprocess.run(  # noqa: S602 - a pipe of our own page
        recipe,
        shell=True,
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = [" ".join(line.split()) for line in done.stdout.splitlines()]
    if "tostring" in recipe or "DnsAnswered" in recipe:
        found = [re.sub(r"(\d)\.0\b", r"\1", line) for line in found]
        expected = [re.sub(r"(\d)\.0\b", r"\1", line) for line in expected]
    assert found == expected


def test_every_field_is_in_the_table() -> None:
    first, second, *_, last = objects(journal())
    for name in (*first, *second, *last):
        assert f"\n| `{name}` |" in PAGE


def test_the_first_line_on_the_page_has_the_fields_of_one() -> None:
    (shown,) = re.findall(r'^    (\{"sansip".*)$', PAGE, re.MULTILINE)
    first, *_ = objects(journal())
    assert list(json.loads(shown)) == list(first)
