"""What docs/openser-migration.md promises: its configurations load, and the recipe does its work.

That the Python of the page runs at all is seen to with the other pages of docs/.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sansip
from sansip import Engine, Policy, Probing, Thresholds
from sansip.toml import Settings, load
from stage import GW_1, GW_2, Stage, config, make_request

PAGE = Path(__file__).parent.parent / "docs" / "openser-migration.md"
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(found[1], found[2]) for found in FENCED.finditer(PAGE.read_text(encoding="utf-8"))]
RECIPE, PROBED = (text for language, text in BLOCKS if language == "toml")
OLD_LIST, NEW_LIST = (text for language, text in BLOCKS if language == "text")


def settings(text: str, listed: str = NEW_LIST) -> Settings:
    return load(text, PAGE.name, {"dispatcher.list": listed}.__getitem__)


def policy(name: str) -> Policy:
    names: dict[str, Any] = {}
    for language, text in BLOCKS:
        if language == "python":
            exec(compile(text, PAGE, "exec"), names)  # noqa: S102 - the point of this test
    made = names[name]()
    assert isinstance(made, Policy)
    return made


def from_python() -> Engine:
    return Engine(config(groups={"gateways": GATEWAYS}), policy("Gateways"))


def from_toml() -> Engine:
    read = settings(RECIPE)
    return Engine(read.config(), read.policy())


GATEWAYS = ["sip:gw-1.example.com", "sip:gw-2.example.com"]
RECIPES = pytest.mark.parametrize("make", [from_python, from_toml])


@RECIPES
def test_the_recipe_tries_the_second_gateway_after_three_seconds_of_silence(
    make: Callable[[], Engine],
) -> None:
    stage = Stage(make())
    stage.receive(make_request())
    assert [invite.uri_text for invite in stage.at(GW_1, "INVITE")] == ["sip:bob@gw-1.example.com"]
    stage.advance(2.9)
    assert not stage.at(GW_2, "INVITE")
    stage.advance(0.2)
    assert [invite.uri_text for invite in stage.at(GW_2, "INVITE")] == ["sip:bob@gw-2.example.com"]
    stage.respond(200, GW_2)
    assert stage.statuses() == [100, 200]


@RECIPES
def test_the_recipe_does_not_throw_a_late_answer_away(make: Callable[[], Engine]) -> None:
    stage = Stage(make())
    stage.receive(make_request())
    stage.advance(3.1)
    stage.respond(200, GW_1)
    assert stage.statuses() == [100, 200]


@RECIPES
def test_the_recipe_is_no_open_relay(make: Callable[[], Engine]) -> None:
    stage = Stage(make())
    stage.receive(make_request(uri="sip:bob@example.org"))
    assert stage.statuses() == [404]


@pytest.mark.parametrize(
    ("status", "asked"), [(500, [1, 1, 0]), (486, [1, 0, 1]), (503, [1, 1, 0])]
)
def test_the_failure_route_chooses_between_the_next_gateway_and_another_group(
    status: int, asked: list[int]
) -> None:
    late = sansip.Address("203.0.113.3", 5060)
    groups = {"gateways": GATEWAYS, "late": ["sip:203.0.113.3"]}
    stage = Stage(Engine(config(groups=groups), policy("More")))
    stage.receive(make_request())
    stage.respond(status, GW_1)
    assert [len(stage.at(where, "INVITE")) for where in (GW_1, GW_2, late)] == asked


@pytest.mark.parametrize("text", [RECIPE, PROBED])
def test_its_configurations_load_and_start(text: str) -> None:
    read = settings(text)
    Engine(read.config(), read.policy()).start(bytes(32), 0.0)


def test_the_list_of_2007_has_its_gateways_in_their_order() -> None:
    targets = next(line for line in RECIPE.splitlines() if line.startswith("targets"))
    read = settings(RECIPE.replace(targets, 'list = "dispatcher.list"\nset = 1'), OLD_LIST)
    ((_, group),) = read.config().groups
    assert [member.uri for member in group.members] == GATEWAYS


def test_what_a_list_and_a_group_say_is_had() -> None:
    groups = dict(settings(PROBED).config().groups)
    gateways, late = groups["gateways"], groups["late"]
    assert [member.uri for member in gateways.members] == GATEWAYS
    assert (gateways.members[0].duid, gateways.members[0].maxload) == ("gw-1", 100)
    assert gateways.members[1].endpoint == "udp:192.0.2.10:5060"
    assert gateways.probing == Probing(5.0, 2.0, (404, 405))
    assert gateways.thresholds == Thresholds(3, 2, 60.0, 120.0)
    assert [member.uri for member in late.members] == ["sip:late.example.com"]
