"""Groups: what they are made of, and what could never work and is refused at once."""

import re
from typing import Any

import pytest

from sansip import LocalProtocolError
from sansip.dispatch import Group, Member, Probing, Thresholds, group_of

ENDPOINTS = ("udp:192.0.2.10:5060", "udp:192.0.2.11:5060")
URI = "sip:gw-1.example.com"
WRONG: Any = "x"


def made(listed: object) -> Group:
    return group_of("gateways", listed, ENDPOINTS)


def test_a_group_is_made_of_uris_and_members_in_their_order() -> None:
    second = Member("sip:gw-2.example.com", weight=30)
    assert made([URI, second]) == Group((Member(URI), second))
    assert Group([URI, second]) == Group((Member(URI), second))
    assert made(Group(map(Member, [URI, URI]))).members == (Member(URI), Member(URI))


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
        (
            URI,
            "group gateways: 'sip:gw-1.example.com' is one text; write [\"sip:gw-1.example.com\"]",
        ),
        (7, "group gateways: 7 is no list of SIP URIs and no sansip.Group"),
        ([1], "group gateways: 1 is no SIP URI and no sansip.Member"),
        ([[URI]], "group gateways: ['sip:gw-1.example.com'] is no SIP URI"),
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
        (["sips:gw-1.example.com"], "gateways: sips:gw-1.example.com needs tls; there are: udp"),
        (["sips:gw-1.example.com;transport=tcp"], "needs tls; there are: udp:192.0.2.10:5060, udp"),
        ([URI + ";transport=TCP"], "needs tcp; there are: udp:192.0.2.10:5060, udp:192.0.2.1"),
        ([Member(URI, probe_via="sip:edge;transport=tls")], "needs tls; there are: udp"),
        ([Member(URI, weight=-1)], "sip:gw-1.example.com: weight is -1, below 0"),
        ([Member(URI, rweight=-1)], "rweight is -1, below 0"),
        ([Member(URI, maxload=-1)], "maxload is -1, below 0"),
    ],
)
def test_members_that_could_never_work_are_refused(listed: object, complaint: str) -> None:
    with pytest.raises(LocalProtocolError, match=re.escape(complaint)):
        made(listed)


TEXT, WHOLE = "it must be text", "it must be a whole number"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"uri": 7}, f"group gateways: 7: uri is 7; {TEXT}"),
        ({"duid": None}, f"group gateways: {URI}: duid is None; {TEXT}"),
        ({"endpoint": 5060}, f"endpoint is 5060; {TEXT}"),
        ({"probe_via": b"sip:a"}, f"probe_via is b'sip:a'; {TEXT}"),
        ({"probe_from": 1}, f"probe_from is 1; {TEXT}"),
        ({"priority": 1.5}, f"priority is 1.5; {WHOLE}"),
        ({"weight": "x"}, f"weight is 'x'; {WHOLE}"),
        ({"rweight": True}, f"rweight is True; {WHOLE}"),
        ({"maxload": None}, f"maxload is None; {WHOLE}"),
        ({"probed": "no"}, "probed is 'no'; it must be True or False"),
        ({"begins": "off"}, "begins is 'off'; it must be one of: active, inactive, disabled"),
        ({"attrs": {"a": "b"}}, "attrs is {'a': 'b'}; it must be pairs of texts, in tuples"),
        ({"attrs": ("a", "b")}, "attrs is ('a', 'b'); it must be pairs"),
        ({"attrs": (("a", 1),)}, "attrs is (('a', 1),); it must be pairs"),
    ],
)
def test_members_whose_fields_are_something_else_are_refused(
    settings: dict[str, Any], complaint: str
) -> None:
    given: dict[str, Any] = {"uri": URI, **settings}
    with pytest.raises(LocalProtocolError, match=re.escape(complaint)):
        made([Member(**given)])


def test_a_group_of_nothing_that_is_a_list_is_refused_at_once() -> None:
    text: Any = URI
    with pytest.raises(LocalProtocolError, match=r'a group: .* is one text; write \["sip:gw-1'):
        Group(text)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"thresholds": Thresholds(down_after=0)}, "down_after is 0; it needs to be 1 or more"),
        (
            {"thresholds": Thresholds(down_after=WRONG)},
            "down_after is 'x'; it needs to be 1 or more",
        ),
        ({"thresholds": Thresholds(up_after=0)}, "up_after is 0; it needs to be 1 or more"),
        (
            {"thresholds": Thresholds(trial_after=0.0)},
            "trial_after is 0.0; it needs to be seconds, above 0",
        ),
        (
            {"thresholds": Thresholds(penalty=float("nan"))},
            "penalty is nan; it needs to be seconds, above 0",
        ),
        ({"thresholds": Thresholds(penalty=WRONG)}, "penalty is 'x'; it needs to be seconds"),
        ({"thresholds": 3}, "thresholds is 3; write sansip.Thresholds()"),
        ({"probing": 10.0}, "probing is 10.0; write sansip.Probing(every=10)"),
        ({"probing": Probing(WRONG)}, "every is 'x'; it needs to be seconds, above 0"),
        ({"probing": Probing(3.0, WRONG)}, "timeout is 'x'; it needs to be seconds, above 0"),
        ({"probing": Probing(3.0, alive_on=WRONG)}, "alive_on is 'x'; it must be statuses"),
        (
            {"probing": Probing(3.0, alive_on=(200, WRONG))},
            "alive_on is (200, 'x'); it must be statuses, in a tuple: (404, 405)",
        ),
        ({"probing": Probing(0.0)}, "every is 0.0; it needs to be seconds, above 0"),
        (
            {"probing": Probing(3.0, 30.0)},
            "a probe waits 30 s for its answer, and the next follows",
        ),
        ({"probing": Probing(3.0, 3.0)}, "after 3 s: its timeout must be shorter"),
        ({"probing": Probing(3.0, 0.0)}, "timeout is 0.0; it needs to be seconds, above 0"),
    ],
)
def test_times_that_could_never_work_are_refused(settings: dict[str, Any], complaint: str) -> None:
    """Kamailio 3446: a ping every 3 s with a time-out of 30 s noticed a dead gateway after 30 s."""
    with pytest.raises(LocalProtocolError, match=re.escape(complaint)):
        made(Group((Member(URI),), **settings))
