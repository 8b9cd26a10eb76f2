"""Groups: who is in them, how they are asked, watched and left alone."""

import pytest

from sansip import (
    Address,
    Dispatch,
    Group,
    Member,
    Probing,
    Relay,
    Request,
    Scene,
    Thresholds,
)
from sansip.entropy import Draws
from sansip.toml import ConfigError, Settings, load

LISTEN = 'listen = ["udp:192.0.2.10:5060", "udp:192.0.2.11:5060", "tcp:192.0.2.10:5060"]\n'
ROUTE = '[[route]]\nto = "group:g"\n'
LIST = b"""# caf\xe9: nobody says what encoding a comment has
1 sip:gw-1.example.com
1 sip:gw-2.example.com 4 5 duid=two;maxload=8;socket=udp:192.0.2.11:5060
2 sip:gw-3.example.com
"""


def settings(group: str, *files: bytes | str) -> Settings:
    at = iter(files)
    return load(f"{LISTEN}{ROUTE}[groups.g]\n{group}", "proxy.toml", lambda _: next(at))


def group(text: str, *files: bytes | str) -> Group:
    found = settings(text, *files)
    assert found.config().groups == found.groups
    return dict(found.groups)["g"]


def wish(text: str) -> object:
    (route,) = settings(f'targets = ["sip:a", "sip:b"]\n{text}').routes
    return route.relay.to


def test_targets_are_uris_or_tables() -> None:
    third = (
        'uri = "sip:gw-3.example.com", priority = 2, weight = 60, rweight = 3, duid = "three",'
        'maxload = 30, endpoint = "udp:192.0.2.11:5060", probe_from = "sip:probe@example.com",'
        'probed = false, begins = "inactive", attrs = { tariff = "night", Site = "A 1" }'
    )
    found = group(f"""
        targets = [
            "sip:gw-1.example.com;transport=TCP",
            {{ uri = "sip:gw-2.example.com" }},
            {{ {third} }},
            {{ uri = "sip:gw-4.example.com", probe_via = "sip:edge.example.com" }},
        ]""")
    assert found == Group(
        (
            Member("sip:gw-1.example.com;transport=TCP"),
            Member("sip:gw-2.example.com"),
            Member(
                "sip:gw-3.example.com",
                priority=2,
                weight=60,
                rweight=3,
                duid="three",
                maxload=30,
                endpoint="udp:192.0.2.11:5060",
                probe_from="sip:probe@example.com",
                probed=False,
                begins="inactive",
                attrs=(("tariff", "night"), ("Site", "A 1")),
            ),
            Member("sip:gw-4.example.com", probe_via="sip:edge.example.com"),
        )
    )


def test_a_set_of_a_list_is_a_group() -> None:
    two, one = group('list = "dispatcher.list"\nset = 1', LIST).members
    assert (one.uri, one.begins) == ("sip:gw-1.example.com", "active")
    assert (two.priority, two.maxload, two.begins) == (5, 8, "disabled")
    assert (two.name, two.endpoint) == ("two", "udp:192.0.2.11:5060")


def test_a_list_of_several_groups_is_read_once() -> None:
    more = '[groups.h]\nlist = "dispatcher.list"\nset = 2'
    found = dict(
        settings(f'list = "dispatcher.list"\nset = 1\n{more}', LIST.decode("latin-1")).groups
    )
    assert [member.uri for member in found["h"].members] == ["sip:gw-3.example.com"]


def test_whoever_reads_no_files_says_so() -> None:
    with pytest.raises(ConfigError) as caught:
        load(f'{LISTEN}[groups.g]\nlist = "dispatcher.list"\nset = 1', "proxy.toml")
    assert caught.value.lines == (
        'proxy.toml: groups.g.list: "dispatcher.list": no file is read here; name the targets',
    )


def test_the_same_target_by_two_endpoints_is_two() -> None:
    found = group("""
        targets = [
            { uri = "sip:gw-1.example.com" },
            { uri = "sip:gw-1.example.com", endpoint = "udp:192.0.2.11:5060" },
        ]""")
    assert len(found.members) == 2


def test_how_a_group_is_asked() -> None:
    assert wish("") == Dispatch("g")
    assert wish('rewrite = "none"\nuse_default = true') == Dispatch(
        "g", rewrite="none", use_default=True
    )
    assert wish('algorithm = "hash-from"\nuser_only = true') == Dispatch(
        "g", "hash-from", user_only=True
    )


@pytest.mark.parametrize(
    ("said", "meant"),
    [("0", "hash-call-id"), ("4", "round-robin"), ("8", "first"), ('"serial"', "first"),
     ('"latency"', "latency"), ("10", "call-load"), ("12", "parallel"), ("15", "srv")],
)  # fmt: skip
def test_algorithms_have_numbers_and_names(said: str, meant: str) -> None:
    to = wish(f"algorithm = {said}")
    assert isinstance(to, Dispatch)
    assert to.algorithm == meant


def decided(settings: Settings, *headers: tuple[str, str]) -> object:
    scene = Scene(
        0.0, Address("198.51.100.7", 5060), (), lambda _: False, Draws(bytes(32), "key"),
        in_dialog=False,
    )  # fmt: skip
    relay = settings.policy().route(Request.make("INVITE", "sip:bob@example.com", headers), scene)
    assert isinstance(relay, Relay)
    return relay.to


def test_a_hash_is_of_a_header_and_without_it_there_are_turns() -> None:
    found = settings("""
        targets = ["sip:a", "sip:b"]
        algorithm = "hash"
        key = "X-Customer"
        rewrite = "none"
        use_default = true
        """)
    assert decided(found, ("x-customer", "17")) == Dispatch(
        "g", "hash", "none", key="17", use_default=True
    )
    assert decided(found) == Dispatch("g", "round-robin", "none", use_default=True)


def test_how_a_group_is_watched() -> None:
    plain = group('targets = ["sip:a"]')
    assert (plain.probing, plain.thresholds) == (None, Thresholds())
    found = group("""
        targets = ["sip:a"]
        probe_every = 10
        probe_timeout = 2.5
        alive_on = [200, 404]
        down_after = 3
        up_after = 2
        trial_after = 60
        penalty = 120
        """)
    assert found.probing == Probing(10.0, 2.5, (200, 404))
    assert found.thresholds == Thresholds(3, 2, 60.0, 120.0)
    assert group('targets = ["sip:a"]\nprobe_every = 1').probing == Probing(1.0)


def test_weights_are_percent_and_may_leave_a_rest() -> None:
    targets = 'targets = [{ uri = "sip:a", weight = 60 }, { uri = "sip:b", weight = 40 }'
    assert len(group(f'{targets}]\nalgorithm = "weight"').members) == 2
    assert len(group(f'{targets}, "sip:c"]\nalgorithm = 9').members) == 3
    assert len(group(f'{targets}, {{ uri = "sip:c", weight = 60 }}]\nalgorithm = 15').members) == 3


def test_whether_weights_of_a_list_are_percent_is_for_the_algorithm_to_say() -> None:
    listed = "1 sip:a weight=60\n1 sip:b weight=60\n1 sip:c weight=60\n"
    which = 'list = "dispatcher.list"\nset = 1'
    assert len(group(f'{which}\nalgorithm = "srv"', listed).members) == 3
    assert len(group(which, listed).members) == 3
    with pytest.raises(ConfigError, match=r"list: the weights are percent .* come to 180"):
        group(f"{which}\nalgorithm = 9", listed)


def test_shares_and_branches_that_are_enough() -> None:
    targets = [f"sip:{at}.example.com" for at in range(16)]
    assert len(group(f'targets = {targets}\nalgorithm = "parallel"').members) == 16
    assert len(group(f'targets = {targets}\nalgorithm = "relative-weight"').members) == 16
    assert len(group(f'targets = {targets}\nalgorithm = "call-load"').members) == 16
