"""Groups: what they are made of, and what could never work and is refused at once."""

import re
from typing import Any

import pytest

from sansip import LocalProtocolError
from sansip.dispatch import Group, Member, Probing, Thresholds, group_of

ENDPOINTS = ("udp:192.0.2.10:5060", "udp:192.0.2.11:5060")
URI = "sip:gw-1.example.com"


def made(listed: object) -> Group:
    return group_of("gateways", listed, ENDPOINTS)


def test_a_group_is_made_of_uris_and_members_in_their_order() -> None:
    second = Member("sip:gw-2.example.com", weight=30)
    assert made([URI, second]) == Group((Member(URI), second))


def test_a_group_that_is_one_stays_as_it_is() -> None:
    group = Group((Member(URI),), Probing(10.0), Thresholds(3, 2))
    assert made(group) is group


def test_calls_are_counted_under_the_duid_or_else_the_uri() -> None:
    assert Member(URI).name == URI
    assert Member(URI, duid="gw-1").name == "gw-1"


@pytest.mark.parametrize(
    ("every", "timeout", "patience"), [(1.0, None, 0.8), (60.0, None, 4.0), (60.0, 10.0, 10.0)]
)
def test_a_probe_waits_less_than_the_time_to_the_next(
    every: float, timeout: float | None, patience: float
) -> None:
    assert Probing(every, timeout).patience == patience


def test_a_member_may_have_an_outbound_proxy_and_an_endpoint_of_its_own() -> None:
    member = Member(
        URI,
        endpoint=ENDPOINTS[1],
        probe_via="sip:edge.example.com;lr",
        probe_from="sip:ping@example.com",
    )
    assert made([member]).members == (member,)


@pytest.mark.parametrize(
    ("listed", "complaint"),
    [
        ([], "group gateways is empty: name at least one SIP URI"),
        (Group(()), "group gateways is empty"),
        (URI, "'sip:gw-1.example.com' is no list of SIP URIs"),
        (7, "7 is no list of SIP URIs"),
        (["gw-1.example.com"], "group gateways: 'gw-1.example.com': "),
        ([""], "group gateways: '': "),
        (["tel:+15550100"], "group gateways: 'tel:+15550100' is not a sip or sips URI"),
        ([Member(URI, probe_via="edge")], "group gateways: 'edge': "),
        ([Member(URI, probe_via="tel:+1")], "'tel:+1' is not a sip or sips URI"),
        ([Member(URI, probe_from="me")], "group gateways: 'me': "),
        (
            [Member(URI, endpoint="udp:192.0.2.99:5060")],
            "sip:gw-1.example.com is to leave from 'udp:192.0.2.99:5060'; there are: udp:192.0.2.1",
        ),
        ([Member(URI, weight=-1)], "sip:gw-1.example.com: weight is -1, below 0"),
        ([Member(URI, rweight=-1)], "rweight is -1, below 0"),
        ([Member(URI, maxload=-1)], "maxload is -1, below 0"),
    ],
)
def test_members_that_could_never_work_are_refused(listed: object, complaint: str) -> None:
    with pytest.raises(LocalProtocolError, match=re.escape(complaint)):
        made(listed)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"thresholds": Thresholds(down_after=0)}, "down_after is 0; it needs to be 1 or more"),
        ({"thresholds": Thresholds(up_after=0)}, "up_after is 0; it needs to be 1 or more"),
        ({"thresholds": Thresholds(trial_after=0.0)}, "trial_after is 0.0; seconds, above 0"),
        ({"thresholds": Thresholds(penalty=float("nan"))}, "penalty is nan; seconds, above 0"),
        ({"probing": Probing(0.0)}, "probes every 0.0 s: above 0"),
        (
            {"probing": Probing(3.0, 30.0)},
            "a probe waits 30 s for its answer, and the next follows",
        ),
        ({"probing": Probing(3.0, 3.0)}, "after 3 s: its timeout must be shorter"),
        ({"probing": Probing(3.0, 0.0)}, "a probe waits 0 s"),
    ],
)
def test_times_that_could_never_work_are_refused(settings: dict[str, Any], complaint: str) -> None:
    """Kamailio 3446: a ping every 3 s with a time-out of 30 s noticed a dead gateway after 30 s."""
    with pytest.raises(LocalProtocolError, match=re.escape(complaint)):
        made(Group((Member(URI),), **settings))
