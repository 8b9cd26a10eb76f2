"""A call to a name behind which DNS knows two gateways: how the edge cases begin."""

import sansip
from stage import GW_2, Stage, make_request, on_stage


def call(policy: sansip.Policy | None = None, **options: bool) -> Stage:
    """An INVITE has come, and has gone to the first gateway."""
    stage = on_stage(policy)
    stage.answer_dns = options.get("answer_dns", True)
    stage.receive(make_request())
    return stage


def moved_on(policy: sansip.Policy | None = None) -> Stage:
    """The first gateway is silent, so the second one was asked too."""
    stage = call(policy)
    stage.advance(3.0)
    assert len(stage.at(GW_2, "INVITE")) == 1
    return stage


def comes_to_rest(stage: Stage) -> bool:
    stage.advance(3600.0)
    return stage.is_empty()
