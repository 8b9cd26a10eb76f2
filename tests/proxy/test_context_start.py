"""A context whose first hop is known from the beginning."""

import pytest

from hunt import BEGAN, make_hop, make_hunt, make_plan
from sansip.proxy import context
from sansip.proxy import vocabulary as v
from sansip.proxy.states import Gone
from sansip.timing import Timing

FACTS = v.Facts(invite=True, arrived=BEGAN, timing=Timing(), most_branches=16, breadth=60)
HOP = make_hop("A")


@pytest.mark.parametrize(
    "plan",
    [
        make_plan(["sip:a"]),
        make_plan([["sip:a", "sip:b"]], group="g"),
        make_plan(["sip:a"], ["sip:b", "sip:c"]),
    ],
)
@pytest.mark.parametrize("deadline", [32.0, 0.0])
def test_a_hop_that_is_known_is_tried_as_one_that_is_found_at_once(
    plan: v.Plan, deadline: float
) -> None:
    hunt = make_hunt(deadline=deadline)
    state, located = context.start(FACTS, hunt, plan)
    found = v.Located(0, (HOP,), more=False)
    state, outputs = context.step(FACTS, state, found, BEGAN)
    assert context.start(FACTS, hunt, plan, HOP) == (state, outputs)
    assert located == (v.Locate(0, plan[0][0][0]),)
    assert (deadline == 0.0) == isinstance(state, Gone)
