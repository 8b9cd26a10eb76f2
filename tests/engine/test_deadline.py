"""The deadline of a call, in the whole engine (RFC 3263 4.3)."""

import pytest

import sansip
from stage import GW_1, GW_2, Decide, ToGroup, make_request, on_stage


@pytest.mark.rule("3263-4.3-08", "3261-9.1-06")
def test_a_gateway_that_rings_after_we_have_cancelled_it_does_not_stop_the_deadline() -> None:
    stage = on_stage(ToGroup(progress_after=1.0))
    stage.receive(make_request())
    stage.respond(100, GW_1)
    stage.advance(1.0)
    assert len(stage.at(GW_1, "CANCEL")) == 1
    stage.respond(100, GW_2)
    stage.respond(180, GW_1)
    stage.respond(487, GW_1)
    stage.advance(30.9)
    assert stage.statuses() == [100, 180]
    stage.advance(0.2)
    assert stage.statuses() == [100, 180, 408]
    assert len(stage.at(GW_2, "CANCEL")) == 1
    stage.advance(3600.0)
    assert stage.is_empty()


@pytest.mark.rule("SIO-08", "3263-4.3-08")
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_a_driver_that_was_asleep_past_the_deadline_starts_nothing_when_it_wakes(
    method: str,
) -> None:
    relay = sansip.Relay(sansip.Dispatch("gateways"), deadline=10.0, advance_after=4.0)
    stage = on_stage(Decide(relay))
    stage.receive(make_request(method))
    stage.now += 11.0  # and no timer has fired
    stage.respond(503, GW_1, method=method)
    assert not stage.at(GW_2, method)
    stage.advance(3600.0)
    assert not stage.at(GW_2, method)
    assert stage.is_empty()
