"""What a policy may know of the members of a group when it decides."""

import sansip
from sansip.entropy import Draws
from stage import GW_1, GW_2, Stage, Whatever, config, make_request

FIRST, SECOND = f"sip:{GW_1}", f"sip:{GW_2}"


class Choosy(sansip.Policy):
    """It takes the group unless somebody in it is suspect."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        if any(standing.letters.startswith("I") for standing in scene.standing("gateways")):
            return sansip.Reply(480, f"{len(scene.standing('gateways'))} gateways")
        return sansip.Relay(sansip.Dispatch("gateways"))


def stage_with(**groups: Whatever) -> Stage:
    return Stage(sansip.Engine(config(groups=groups), Choosy()))


def test_a_policy_sees_how_the_members_of_a_group_are() -> None:
    stage = stage_with(gateways=[FIRST, SECOND], others=[FIRST])
    stage.receive(make_request())
    stage.advance(3.0)  # the first gateway says nothing
    stage.receive(make_request(branch="z9hG4bKtwo", call_id="call-2"))
    assert stage.statuses()[-1] == 480
    assert stage.responses()[-1].reason == "2 gateways"


def test_a_scene_that_a_test_makes_knows_of_no_groups() -> None:
    scene = sansip.Scene(0.0, GW_1, (), lambda uri: False, Draws(bytes(16), "x"), in_dialog=False)
    assert scene.standing("gateways") == ()
