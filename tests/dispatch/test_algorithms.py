"""Each algorithm: how it divides calls, and what becomes of a share when its member is down."""

from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip.dispatch import (
    ALGORITHMS,
    Algorithm,
    Dispatch,
    Group,
    Member,
    Moment,
    algorithm_named,
)
from sansip.dispatch import arrange as arranged
from sansip.entropy import Draws
from sansip.errors import LocalProtocolError
from sansip.message import Request

SEED = b"sixteen bytes at least"
NO_LOADS: dict[str, int] = {}
NO_LATENCIES: dict[str, float] = {}
TURNING: tuple[Algorithm, ...] = ("round-robin", "weight", "latency", "round-robin-or-first")
HASHES: tuple[Algorithm, ...] = ("hash-call-id", "hash-from", "hash-to", "hash-uri", "hash")
SERIAL: tuple[Algorithm, ...] = tuple(name for name in ALGORITHMS if name != "parallel")

MEMBERS = st.builds(
    Member,
    st.sampled_from([f"sip:gw-{number}.example.com" for number in range(1, 8)]),
    st.integers(0, 3),
    st.integers(0, 40),
    st.integers(0, 5),
    maxload=st.integers(0, 3),
)
GROUPS = st.lists(MEMBERS, min_size=1, max_size=7).map(lambda listed: Group(tuple(listed)))


def request(user: str = "bob", call_id: str = "1", method: str = "INVITE") -> Request:
    return Request.make(
        method,
        f"sip:{user}@example.com",
        [
            ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"),
            ("From", f"<sip:{user}@example.com>;tag=1"),
            ("To", f"<sip:{user}@example.com>"),
            ("Call-ID", call_id),
            ("CSeq", f"1 {method}"),
        ],
    )


def moment(
    turn: int = 0,
    *,
    loads: Mapping[str, int] = NO_LOADS,
    latencies: Mapping[str, float] = NO_LATENCIES,
    drained: Container[str] = (),
) -> Moment:
    return Moment(turn, Draws(SEED, f"call {turn}"), loads, latencies, drained)


def group(*members: Member | str) -> Group:
    return Group(tuple([one if isinstance(one, Member) else Member(one) for one in members]))


def arrange(
    wish: Dispatch, members: Group, asked: Request, at: Moment
) -> tuple[tuple[Member, ...], ...]:
    """The ways alone."""
    return arranged(wish, members, asked, at)[0]


def orders(
    wish: Dispatch,
    members: Group,
    *,
    times: int,
    drained: Container[str] = (),
) -> list[tuple[str, ...]]:
    """What so many calls of different callers, in as many turns, go through."""
    found: list[tuple[str, ...]] = []
    for turn in range(times):
        caller = request(f"user{turn}", f"call-{turn}")
        hashed = Dispatch(
            wish.group,
            wish.algorithm,
            key=wish.key and f"{wish.key}{turn}",
            use_default=wish.use_default,
        )
        ways = arrange(hashed, members, caller, moment(turn, drained=drained))
        found.append(tuple([member.uri for way in ways for member in way]))
    return found


def firsts(found: Iterable[tuple[str, ...]], down: Collection[str] = ()) -> Counter[str]:
    """Who gets how many calls when these members are down and passed over."""
    return Counter([next(uri for uri in order if uri not in down) for order in found])


def about(counts: Mapping[str, int], shares: Mapping[str, float]) -> bool:
    """Whether draws divide like this: within five standard deviations."""
    times = sum(counts.values())
    return set(counts) <= set(shares) and all(
        abs(counts.get(uri, 0) - times * share) <= 5 * (times * share * (1 - share)) ** 0.5
        for uri, share in shares.items()
    )


def one_order(
    wish: Dispatch, members: Group, at: Moment, asked: Request | None = None
) -> list[str]:
    ways = arrange(wish, members, asked or request(), at)
    return [member.uri for way in ways for member in way]


ABCD = group("sip:a", "sip:b", "sip:c", "sip:d")
EVEN: dict[str, float] = dict.fromkeys(("sip:a", "sip:b", "sip:c", "sip:d"), 1 / 4)
THIRDS: dict[str, float] = dict.fromkeys(("sip:b", "sip:c", "sip:d"), 1 / 3)


# All of them ------------------------------------------------------------------------------------


@given(
    GROUPS,
    st.sampled_from(ALGORITHMS),
    st.integers(0, 10**9),
    st.booleans(),
    st.booleans(),
    st.sets(st.sampled_from([f"sip:gw-{number}.example.com" for number in range(1, 8)])),
)
def test_every_order_has_all_members_in_play_once_and_is_the_same_again(
    members: Group,
    algorithm: Algorithm,
    turn: int,
    use_default: bool,  # noqa: FBT001
    invite: bool,  # noqa: FBT001
    drained: set[str],
) -> None:
    wish = Dispatch("g", algorithm, key="k", use_default=use_default)
    asked = request(method="INVITE" if invite else "OPTIONS")
    now = moment(turn, loads={"sip:gw-1.example.com": 2}, drained=drained)
    ways = arrange(wish, members, asked, now)
    in_play = [one for one in members.members if one.uri not in drained]
    if algorithm == "call-load" and invite:
        in_play = [
            one
            for one in in_play
            if not (one.uri == "sip:gw-1.example.com" and one.maxload in {1, 2})
        ]
    assert Counter([one for way in ways for one in way]) == Counter(in_play)
    assert all(ways)
    assert len(ways) == len(in_play) if algorithm == "parallel" else len(ways) <= 1
    if use_default and in_play and members.members[-1] in in_play:
        assert ways[-1][-1] == members.members[-1]
    assert arrange(wish, members, asked, now) == ways


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("use_default", [False, True])
def test_a_default_that_is_alone_is_no_trouble_and_neither_is_nobody(
    algorithm: Algorithm,
    use_default: bool,  # noqa: FBT001
) -> None:
    """OpenSER of January 2007 divided by 0 here, and looped for ever when all were inactive."""
    wish = Dispatch("g", algorithm, key="k", use_default=use_default)
    alone, both = group("sip:a"), group("sip:a", "sip:b")
    assert arrange(wish, alone, request(), moment(7)) == ((Member("sip:a"),),)
    assert arrange(wish, alone, request(), moment(7, drained={"sip:a"})) == ()
    assert arrange(wish, both, request(), moment(7, drained={"sip:a", "sip:b"})) == ()
    assert arrange(wish, both, request(), moment(7, drained={"sip:a"})) == ((Member("sip:b"),),)
    assert arrange(wish, both, request(), moment(7, drained={"sip:b"})) == ((Member("sip:a"),),)
    assert arrange(wish, Group(()), request(), moment()) == ()


@pytest.mark.parametrize("algorithm", SERIAL)
def test_the_default_is_never_chosen_and_always_last(algorithm: Algorithm) -> None:
    members = group(
        *[Member(f"sip:{name}", 5, 20, 1) for name in "abc"], Member("sip:d", 9, 40, 99)
    )
    wish = Dispatch("g", algorithm, key="k", use_default=True)
    found = orders(wish, members, times=200)
    assert {order[-1] for order in found} == {"sip:d"}
    if algorithm not in {"first", "call-load"}:
        assert set(firsts(found)) == {"sip:a", "sip:b", "sip:c"}


def test_what_takes_turns_says_so_whoever_is_in_play() -> None:
    def turns(wish: Dispatch, asked: Request) -> bool:
        turned = arranged(wish, ABCD, asked, moment())[1]
        assert arranged(wish, Group(()), asked, moment()) == ((), turned)
        return turned

    asked = request()
    for algorithm in ALGORITHMS:
        expected = algorithm in {*TURNING, "hash-auth-user"}  # nobody says who calls
        assert turns(Dispatch("g", algorithm, key="k"), asked) is expected
    assert turns(Dispatch("g", "hash"), asked)
    named = asked.append("Authorization", 'Digest username="alice", realm="r"')
    assert not turns(Dispatch("g", "hash-auth-user"), named)


def test_algorithms_go_by_kamailios_numbers_and_by_names() -> None:
    assert algorithm_named(3) == algorithm_named("hash-uri") == "hash-uri"
    assert algorithm_named(8) == algorithm_named("first") == algorithm_named("serial") == "first"
    assert [algorithm_named(number) for number in range(16)] == list(ALGORITHMS)
    assert arrange(Dispatch("g", 4), ABCD, request(), moment(1)) == arrange(
        Dispatch("g", "round-robin"), ABCD, request(), moment(1)
    )


@pytest.mark.parametrize("unknown", [64, -1, 16, "", "best", "8", True, 4.0, None, ["first"]])
def test_an_unknown_algorithm_is_no_guess(unknown: object) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        algorithm_named(unknown)
    text = str(caught.value)
    assert text.startswith(f"there is no algorithm {unknown!r}; write 0 to 15, or one of: hash-")
    assert text.endswith(", round-robin-or-first, srv")


@pytest.mark.parametrize(
    ("meant", "known"),
    [
        ("roundrobin", "round-robin"),
        ("Hash", "hash"),
        ("FIRST", "first"),
        ("serail", "serial"),
        ("relative_weight", "relative-weight"),
    ],
)
def test_an_algorithm_that_is_nearly_one_is_named(meant: str, known: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        algorithm_named(meant)
    assert str(caught.value) == f'there is no algorithm {meant!r}; did you mean "{known}"?'


# first ------------------------------------------------------------------------------------------


def test_first_goes_by_priority_and_then_by_the_list() -> None:
    members = group("sip:a", Member("sip:b", 10), "sip:c", Member("sip:d", 10), Member("sip:e", 20))
    wish = Dispatch("g", "first")
    assert set(orders(wish, members, times=10)) == {("sip:e", "sip:b", "sip:d", "sip:a", "sip:c")}
    assert set(orders(wish, ABCD, times=10)) == {("sip:a", "sip:b", "sip:c", "sip:d")}


# Hashes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", HASHES)
def test_a_hash_divides_keys_evenly(algorithm: Algorithm) -> None:
    found = orders(Dispatch("g", algorithm, key="k"), ABCD, times=2000)
    assert about(firsts(found), EVEN)


@pytest.mark.parametrize("algorithm", HASHES)
def test_only_the_keys_of_the_dead_member_move_and_to_all_others(algorithm: Algorithm) -> None:
    """Kamailio 3916: there one dead node moves all its keys to its neighbour."""
    wish = Dispatch("g", algorithm, key="k")
    found = orders(wish, ABCD, times=2000)
    without = orders(wish, ABCD, times=2000, drained={"sip:a"})
    for order, rest in zip(found, without, strict=True):
        assert rest == tuple([uri for uri in order if uri != "sip:a"])
    moved = [order for order in found if order[0] == "sip:a"]
    assert about(firsts(moved, {"sip:a"}), THIRDS)
    assert about(
        firsts([order for order in moved if order[1] == "sip:b"], {"sip:a", "sip:b"}),
        {"sip:c": 1 / 2, "sip:d": 1 / 2},
    )


@given(st.text(), st.permutations(ABCD.members), st.binary(min_size=16, max_size=16))
def test_two_proxies_agree_whatever_their_seeds_and_the_order_of_their_lists(
    key: str, members: list[Member], seed: bytes
) -> None:
    wish = Dispatch("g", "hash", key=f"k{key}")
    other = Moment(0, Draws(seed, "x"), {}, {}, ())
    assert one_order(wish, Group(tuple(members)), other) == one_order(wish, ABCD, moment(5))


def test_a_hash_stays_what_it_is_from_one_version_to_the_next() -> None:
    found = [
        one_order(Dispatch("g", "hash", key=f"key {at}"), ABCD, moment())[0] for at in range(12)
    ]
    assert "".join([uri[-1] for uri in found]) == "adbbcbacbbbb"


@pytest.mark.parametrize("wish", [Dispatch("g", "hash"), Dispatch("g", "hash-auth-user")])
def test_what_has_nothing_to_hash_goes_in_turn(wish: Dispatch) -> None:
    assert orders(wish, ABCD, times=30) == orders(Dispatch("g", "round-robin"), ABCD, times=30)


# round-robin, random ----------------------------------------------------------------------------


def test_round_robin_gives_each_its_turn() -> None:
    found = orders(Dispatch("g", "round-robin"), ABCD, times=8)
    assert [order[0][-1] for order in found] == list("abcdabcd")


def test_round_robin_gives_every_order_once_in_a_round() -> None:
    found = orders(Dispatch("g", "round-robin"), ABCD, times=24)
    assert set(found) == set(permutations([one.uri for one in ABCD.members]))


@pytest.mark.parametrize("down", [{"sip:a"}, {"sip:a", "sip:b"}, {"sip:b", "sip:d"}])
def test_the_turns_of_dead_members_go_to_all_others_alike(down: set[str]) -> None:
    found = orders(Dispatch("g", "round-robin"), ABCD, times=240)
    assert set(firsts(found, down).values()) == {240 // (4 - len(down))}
    assert set(firsts(found).values()) == {60}  # and they get them back


def test_a_drained_member_has_no_turn() -> None:
    found = orders(Dispatch("g", "round-robin"), ABCD, times=6, drained={"sip:b"})
    assert [order[0][-1] for order in found] == list("acdacd")


def test_random_is_any_order() -> None:
    abc = group("sip:a", "sip:b", "sip:c")
    found = orders(Dispatch("g", "random"), abc, times=3000)
    counts = Counter(["".join([uri[-1] for uri in order]) for order in found])
    assert about(counts, dict.fromkeys(map("".join, permutations("abc")), 1 / 6))


def test_random_reaches_everybody_in_a_large_group() -> None:
    many = group(*[f"sip:gw-{number}" for number in range(200)])
    found = orders(Dispatch("g", "random"), many, times=2000)
    assert len(firsts(found)) == 200
    assert len({order[1] for order in found}) == 200
    assert len({order[60] for order in found}) == 200


# weight, relative-weight ------------------------------------------------------------------------


def weighted(*weights: int) -> Group:
    names = "abcdefgh"
    return group(*[Member(f"sip:{names[at]}", 0, weight) for at, weight in enumerate(weights)])


@pytest.mark.parametrize(
    ("weights", "counts"),
    [
        ((60, 30, 10), (60, 30, 10)),
        ((50, 0, 50), (50, 0, 50)),
        ((20, 30, 10), (20, 30, 50)),  # the last has what is missing
        ((0, 30, 0), (0, 30, 70)),
        ((90, 20, 30), (90, 10, 0)),  # over 100: configurations are refused before
        ((0, 0, 0), (100, 0, 0)),  # as "first"
        ((100,), (100,)),
    ],
)
@pytest.mark.parametrize("start", [0, 7, 12_345])
def test_weight_is_percent_in_any_hundred_turns_in_a_row(
    weights: tuple[int, ...], counts: tuple[int, ...], start: int
) -> None:
    members = weighted(*weights)
    found = [
        one_order(Dispatch("g", "weight"), members, moment(turn))[0]
        for turn in range(start, start + 100)
    ]
    expected = {
        member.uri: count for member, count in zip(members.members, counts, strict=True) if count
    }
    assert Counter(found) == expected


def test_weights_are_spread_over_the_turns() -> None:
    found = orders(Dispatch("g", "weight"), weighted(50, 50), times=100)
    firsts_in_turn = "".join([order[0][-1] for order in found])
    assert "aaa" not in firsts_in_turn
    assert "bbb" not in firsts_in_turn


def test_the_percent_of_a_dead_member_are_the_next_ones() -> None:
    """As in Kamailio (its PR 219): 30/30/40 without the first is 0/60/40."""
    members = weighted(30, 30, 40)
    found = orders(Dispatch("g", "weight"), members, times=100)
    assert firsts(found, {"sip:a"}) == {"sip:b": 60, "sip:c": 40}
    assert firsts(found, {"sip:c"}) == {"sip:a": 70, "sip:b": 30}
    drained = orders(Dispatch("g", "weight"), members, times=100, drained={"sip:a"})
    assert firsts(drained) == {"sip:b": 60, "sip:c": 40}


def shares(*rweights: int) -> Group:
    return group(*[Member(f"sip:{'abcd'[at]}", rweight=share) for at, share in enumerate(rweights)])


def test_relative_weight_divides_by_share() -> None:
    found = orders(Dispatch("g", "relative-weight"), shares(1, 2, 1), times=2000)
    assert about(firsts(found), {"sip:a": 1 / 4, "sip:b": 1 / 2, "sip:c": 1 / 4})


@pytest.mark.parametrize("is_drained", [False, True])
def test_relative_weight_stays_proportional_among_the_living(
    is_drained: bool,  # noqa: FBT001
) -> None:
    """Kamailio's own example: 1/2/1 without the third is 33/67/0."""
    members, down = shares(1, 2, 1), {"sip:c"}
    found = orders(
        Dispatch("g", "relative-weight"), members, times=2000, drained=down if is_drained else ()
    )
    assert about(firsts(found, down), {"sip:a": 1 / 3, "sip:b": 2 / 3})


def test_equal_shares_give_all_orders_alike() -> None:
    found = orders(Dispatch("g", "relative-weight"), ABCD, times=3000)
    counts = Counter(["".join([uri[-1] for uri in order]) for order in found])
    assert about(counts, dict.fromkeys(map("".join, permutations("abcd")), 1 / 24))


def test_relative_weight_is_right_in_large_groups() -> None:
    """Kamailio 2698: more than 25 members, and the first had a quarter of the calls."""
    members = group(*[Member(f"sip:gw-{number}", rweight=50) for number in range(60)])
    found = orders(Dispatch("g", "relative-weight"), members, times=3000)
    assert about(firsts(found), {member.uri: 1 / 60 for member in members.members})


def test_in_very_large_groups_the_heaviest_come_after_those_that_are_drawn() -> None:
    weights = [0, *range(1, 200), 0]
    members = group(*[Member(f"sip:{at}", rweight=w) for at, w in enumerate(weights)])
    for order in orders(Dispatch("g", "relative-weight"), members, times=20):
        places = [int(uri.removeprefix("sip:")) for uri in order]
        assert sorted(places) == list(range(201))
        drawn, rest = places[:64], places[64:]
        assert drawn != sorted(drawn, reverse=True)
        assert [weights[at] for at in rest] == sorted([weights[at] for at in rest], reverse=True)
        assert rest[-2:] == [0, 200]


def test_who_has_no_share_comes_after_all_others_as_listed() -> None:
    found = orders(Dispatch("g", "relative-weight"), shares(0, 1, 0, 1), times=50)
    assert set(found) == {
        ("sip:b", "sip:d", "sip:a", "sip:c"),
        ("sip:d", "sip:b", "sip:a", "sip:c"),
    }
    none = orders(Dispatch("g", "relative-weight"), shares(0, 0, 0), times=5)
    assert set(none) == {("sip:a", "sip:b", "sip:c")}
    assert len(firsts(orders(Dispatch("g", "relative-weight"), ABCD, times=50))) == 4  # by default


# call-load --------------------------------------------------------------------------------------

LOADED = group(
    Member("sip:a", maxload=5),
    Member("sip:b", duid="b", maxload=4),
    Member("sip:c"),
    Member("sip:d", 1),
)
CALL_LOAD = Dispatch("g", "call-load")


def test_call_load_takes_the_fewest_calls_first_and_equals_as_first_does() -> None:
    found = one_order(CALL_LOAD, LOADED, moment(loads={"sip:a": 4, "b": 1, "sip:c": 3, "sip:d": 1}))
    assert found == ["sip:d", "sip:b", "sip:c", "sip:a"]
    assert one_order(CALL_LOAD, LOADED, moment()) == ["sip:d", "sip:a", "sip:b", "sip:c"]


def test_call_load_levels_calls_whoever_dies_and_comes_back() -> None:
    loads: Counter[str] = Counter()

    def call(times: int, down: Collection[str] = ()) -> None:
        for _ in range(times):
            found = one_order(CALL_LOAD, ABCD, moment(loads=loads))
            loads[next(uri for uri in found if uri not in down)] += 1

    call(40)
    assert set(loads.values()) == {10}
    call(30, {"sip:a"})
    assert loads == {"sip:a": 10, "sip:b": 20, "sip:c": 20, "sip:d": 20}
    call(30)
    assert set(loads.values()) == {25}


def test_who_has_maxload_calls_gets_no_more_be_it_the_default() -> None:
    full = {"sip:a": 5, "b": 4, "sip:c": 99}
    assert one_order(CALL_LOAD, LOADED, moment(loads=full)) == ["sip:d", "sip:c"]
    two = group(Member("sip:a", maxload=1), Member("sip:b", maxload=1))
    wish = Dispatch("g", "call-load", use_default=True)
    assert one_order(wish, two, moment(loads={"sip:b": 1})) == ["sip:a"]
    assert arrange(wish, two, request(), moment(loads={"sip:a": 1, "sip:b": 2})) == ()


def test_what_starts_no_call_has_no_limit() -> None:
    full = moment(loads={"sip:a": 5, "b": 4, "sip:d": 9})
    asked = request(method="OPTIONS")
    assert one_order(CALL_LOAD, LOADED, full, asked) == ["sip:c", "sip:b", "sip:a", "sip:d"]


# parallel ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("use_default", [False, True])
def test_parallel_is_a_way_for_each(use_default: bool) -> None:  # noqa: FBT001
    wish = Dispatch("g", "parallel", use_default=use_default)
    ways = arrange(wish, ABCD, request(), moment(3, drained={"sip:b"}))
    assert ways == ((Member("sip:a"),), (Member("sip:c"),), (Member("sip:d"),))


# latency, round-robin-or-first ------------------------------------------------------------------

LATENCY = Dispatch("g", "latency")


def in_turns(wish: Dispatch, members: Group, latencies: Mapping[str, float]) -> list[str]:
    return [
        "".join([uri[-1] for uri in one_order(wish, members, moment(turn, latencies=latencies))])
        for turn in range(6)
    ]


def test_latency_lowers_priorities_as_in_kamailios_table() -> None:
    """PR 2493: priority 30 each; 21, 19 and 0 ms share the calls."""
    took = {"1": 0.021, "2": 0.091, "3": 0.061, "4": 0.019, "5": 0.032, "6": 0.0, "7": 0.201}
    members = group(*[Member(f"sip:{name}", 30) for name in took])
    latencies = {f"sip:{name}": seconds for name, seconds in took.items()}
    found = in_turns(LATENCY, members, latencies)
    assert [order[0] for order in found] == list("146146")
    assert {order[3:] for order in found} == {"5327"}
    alive = [next(name for name in order if name not in "16") for order in found]
    assert alive == ["4"] * 6


def test_latency_takes_a_priority_no_lower_than_one_and_equals_in_turn() -> None:
    members = group(Member("sip:a", 10), Member("sip:b", 1), "sip:c", "sip:d", Member("sip:e", 2))
    slow = {"sip:a": 5.0, "sip:b": 3.0, "sip:c": 0.0, "sip:e": 0.002}
    found = in_turns(LATENCY, members, slow)
    assert [order[:3] for order in found] == ["eab", "eba"] * 3
    assert {order[3:] for order in found} == {"cd"}  # no priority: last, as listed


def test_latency_shares_what_a_dead_member_had_among_its_equals() -> None:
    members = group(*[Member(f"sip:{name}", 30) for name in "abcd"])
    found = orders(LATENCY, members, times=240)
    assert set(firsts(found).values()) == {60}
    assert set(firsts(found, {"sip:b"}).values()) == {80}


def test_until_something_is_measured_the_list_says_the_latency() -> None:
    members = group(
        Member("sip:a", 30, attrs=(("cc", "1"), ("latency", "65"))),
        Member("sip:b", 30, attrs=(("latency", "a while"),)),
        Member("sip:c", 30),
    )
    assert in_turns(LATENCY, members, {})[:2] == ["bca", "cba"]
    assert in_turns(LATENCY, members, {"sip:a": 0.0})[:3] == ["abc", "bac", "cab"]


def test_round_robin_or_first_turns_among_equal_priorities_above_zero() -> None:
    wish = Dispatch("g", "round-robin-or-first")
    equal = group(*[Member(f"sip:{name}", 7) for name in "abc"])
    assert orders(wish, equal, times=12) == orders(Dispatch("g", "round-robin"), equal, times=12)
    assert set(firsts(orders(wish, equal, times=12), {"sip:a"}).values()) == {6}
    none = group("sip:a", "sip:b")
    assert set(orders(wish, none, times=5)) == {("sip:a", "sip:b")}
    mixed = group("sip:a", Member("sip:b", 1), Member("sip:c", 9), Member("sip:d", 9), "sip:e")
    assert in_turns(wish, mixed, {})[:2] == ["cdbae", "dcbae"]


# srv --------------------------------------------------------------------------------------------

SRV = Dispatch("g", "srv")


def test_srv_takes_the_lowest_priority_first_and_divides_it_by_weight() -> None:
    members = group(
        Member("sip:c", 20, 1),
        Member("sip:a", 10, 30),
        Member("sip:b", 10, 10),
        Member("sip:d", 15),
    )
    found = orders(SRV, members, times=2000)
    assert {order[2:] for order in found} == {("sip:d", "sip:c")}
    # "a uniform random number between 0 and the sum" (RFC 2782): 1 of 41 more for the first
    share = firsts(found)["sip:a"] / 2000
    assert 0.70 < share < 0.80
    assert firsts(found, {"sip:a"}) == {"sip:b": 2000}
    assert firsts(found, {"sip:a", "sip:b"}) == {"sip:d": 2000}


def test_srv_shares_what_a_dead_member_had_by_weight() -> None:
    members = group(Member("sip:a", 1, 50), Member("sip:b", 1, 3000), Member("sip:c", 1, 6000))
    found = orders(SRV, members, times=2000)
    assert about(firsts(found, {"sip:a"}), {"sip:b": 1 / 3, "sip:c": 2 / 3})


def test_srv_gives_weight_zero_a_small_chance_and_all_of_it_if_nobody_has_any() -> None:
    some = group(Member("sip:a", 0, 9), Member("sip:b", 0, 0), Member("sip:c", 0, 0))
    found = orders(SRV, some, times=3000)
    assert about(firsts(found), {"sip:a": 9 / 10, "sip:b": 1 / 20, "sip:c": 1 / 20})
    assert about(firsts(orders(SRV, ABCD, times=2000)), EVEN)
    assert about(firsts(orders(SRV, ABCD, times=2000), {"sip:a"}), THIRDS)
