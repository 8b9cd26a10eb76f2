"""The table of the groups: aligned, Kamailio's letters, and nothing that a terminal would obey."""

from collections.abc import Callable

import pytest
from proxy_standing import table

from sansip import Address, Hop, HopStanding, Member, Probing, Standing, Thresholds

AT = 100.0
HERE = "udp:192.0.2.10:5060"


def hop(number: int) -> Hop:
    return Hop("udp", Address(f"192.0.2.{number}", 5060))


@pytest.mark.golden
def test_the_groups_are_shown_as_a_table(golden: Callable[[str, str], None]) -> None:
    one = Standing(
        "gateways", Member("sip:gw-1.example.com"), "TP", drained=False, calls=3,
        hops=(
            HopStanding(hop(21), HERE, "A", latency=0.0123),
            HopStanding(hop(22), HERE, "I", 2, 1, AT + 12.4, why="no answer"),
            HopStanding(hop(23), HERE, "I", until=AT + 90, barred=True, why="503 Slow\x1b[2J"),
            HopStanding(hop(24), HERE, "I", 2, 1, AT),
        ),
        thresholds=Thresholds(down_after=2), probing=Probing(10.0),
    )  # fmt: skip
    other = Standing(
        "backup", Member("sip:gw-3.example.com", maxload=8), "DX", drained=True, calls=0, hops=(),
        thresholds=Thresholds(), probing=None,
    )  # fmt: skip
    plain = Standing(
        "late", Member("sip:gw-4.example.com", maxload=8), "AX", drained=False, calls=0, hops=(),
        thresholds=Thresholds(), probing=None,
    )  # fmt: skip
    lines = table([one, other, plain], AT, {"gateways", "backup"})
    golden("proxy_standing.txt", "".join(f"{line}\n" for line in lines))
