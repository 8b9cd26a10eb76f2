"""The order of SRV and NAPTR records: RFC 2782 "usage rules", RFC 3403 4.1, RFC 3263 4.1."""

from collections import Counter
from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip.dns import Naptr, Srv
from sansip.entropy import Draws
from sansip.locate import order
from sansip.locate.order import usable

DRAWS = Draws(b"sixteen bytes at least", "a call")
RECORDS = st.lists(
    st.builds(
        Srv,
        st.integers(0, 3),
        st.integers(0, 4) | st.integers(0, 65535),
        st.integers(5060, 5062),
        st.sampled_from(["gw-1.example.com", "gw-2.example.com", "gw-3.example.com"]),
    ),
    unique=True,
    max_size=12,
)
SEEDS = st.integers(0, 2**32)


def srv(priority: int, weight: int, name: str = "gw", port: int = 5060) -> Srv:
    return Srv(priority, weight, port, f"{name}.example.com")


def draws(number: int) -> Draws:
    return Draws(number.to_bytes(16, "big"), "a call")


def orders(records: Iterable[Srv], times: int) -> Counter[tuple[str, ...]]:
    """How often each order comes up, by the first label of each target."""
    listed = list(records)
    return Counter(
        tuple(record.target.partition(".")[0] for record in order(listed, draws(number)))
        for number in range(times)
    )


@pytest.mark.rule("2782-01")
@given(RECORDS, SEEDS)
def test_lower_priority_values_come_first_and_nobody_is_lost(records: list[Srv], seed: int) -> None:
    ordered = order(records, draws(seed))
    assert [r.priority for r in ordered] == sorted(r.priority for r in records)
    assert Counter(ordered) == Counter(records)


@pytest.mark.rule("2782-07")
@given(RECORDS, SEEDS, st.randoms(use_true_random=False))
def test_the_order_depends_on_records_and_draws_alone(
    records: list[Srv], seed: int, random: Random
) -> None:
    rotated = list(records)
    random.shuffle(rotated)
    assert order(rotated, draws(seed)) == order(records, draws(seed))


@given(RECORDS, SEEDS, st.integers(0, 12))
def test_a_limit_takes_the_head_of_the_order(records: list[Srv], seed: int, most: int) -> None:
    assert order(records, draws(seed), most=most) == order(records, draws(seed))[:most]


def test_the_same_record_twice_is_one_record() -> None:
    assert order([srv(1, 1), srv(1, 1)], DRAWS) == (srv(1, 1),)


@pytest.mark.rule("2782-07")
def test_lists_of_different_services_are_drawn_apart() -> None:
    records = [srv(0, 1, f"gw-{number}") for number in range(6)]
    assert len({order(records, DRAWS, name) for name in ("_sip._udp.a", "_sip._tcp.a")}) == 2


@pytest.mark.rule("2782-02")
def test_first_places_are_given_by_weight() -> None:
    # Shares of weights 10, 30, 60: with r from 0 to 100 inclusive, 11, 30 and 60 of 101.
    times = 6000
    firsts: Counter[str] = Counter()
    for names, often in orders([srv(0, 10, "a"), srv(0, 30, "b"), srv(0, 60, "c")], times).items():
        firsts[names[0]] += often
    expected = {"a": 11 / 101, "b": 30 / 101, "c": 60 / 101}
    chi_square = sum(
        (firsts[name] - share * times) ** 2 / (share * times) for name, share in expected.items()
    )
    assert (
        chi_square < 13.8
    )  # two degrees of freedom, one chance in a thousand; the seeds are fixed


@pytest.mark.rule("2782-02")
def test_second_places_are_given_by_the_weights_that_remain() -> None:
    counted = orders([srv(0, 10, "a"), srv(0, 30, "b"), srv(0, 60, "c")], 6000)
    after_c = counted["c", "a", "b"] + counted["c", "b", "a"]
    assert abs(counted["c", "a", "b"] / after_c - 11 / 41) < 0.025


@pytest.mark.rule("2782-03")
def test_weight_zero_has_its_small_chance_beside_others() -> None:
    counted = orders([srv(0, 0, "idle"), srv(0, 9, "busy")], 3000)
    assert abs(counted["idle", "busy"] / 3000 - 1 / 10) < 0.02
    assert counted["busy", "idle"] == 3000 - counted["idle", "busy"]


@pytest.mark.rule("2782-04")
def test_all_weights_zero_give_a_stable_order_of_all() -> None:
    records = [srv(0, 0, "b"), srv(0, 0, "c"), srv(0, 0, "a")]
    assert orders(records, 20) == {("a", "b", "c"): 20}


SIPS_TCP = Naptr(50, 50, "s", "SIPS+D2T", "", "_sips._tcp.example.com")
SIP_TCP = Naptr(90, 50, "s", "SIP+D2T", "", "_sip._tcp.example.com")
SIP_UDP = Naptr(100, 50, "s", "SIP+D2U", "", "_sip._udp.example.com")


@pytest.mark.rule("3403-02", "AMB-02")
def test_only_the_first_usable_order_counts() -> None:
    # The example of RFC 3263 4.1.
    records = (SIP_UDP, SIP_TCP, SIPS_TCP)
    assert usable(records, ("udp", "tcp"), secure=False) == (SIP_TCP,)
    assert usable(records, ("udp",), secure=False) == (SIP_UDP,)


@pytest.mark.rule("3263-4.1-06")
def test_a_sip_uri_keeps_tls_services_when_we_can() -> None:
    assert usable((SIP_UDP, SIPS_TCP), ("udp", "tls"), secure=False) == (SIPS_TCP,)


@pytest.mark.rule("3263-4.1-05")
def test_a_sips_uri_drops_every_service_but_sips() -> None:
    records = (Naptr(10, 10, "s", "SIP+D2T", "", "_sip._tcp.example.com"), SIPS_TCP)
    assert usable(records, ("udp", "tcp", "tls"), secure=True) == (SIPS_TCP,)
    assert usable(records[:1], ("udp", "tcp", "tls"), secure=True) == ()


@pytest.mark.rule("3403-01", "3403-07")
def test_preference_decides_within_an_order_and_then_our_own() -> None:
    second = Naptr(10, 20, "s", "SIP+D2U", "", "b")
    first = Naptr(10, 10, "s", "SIP+D2T", "", "c")
    equal = Naptr(10, 20, "s", "SIP+D2T", "", "a")
    records = (equal, second, first)
    assert usable(records, ("udp", "tcp"), secure=False) == (first, second, equal)


@pytest.mark.rule("3403-05", "3403-03")
def test_services_and_flags_have_no_case() -> None:
    record = Naptr(10, 10, "S", "sIp+d2U", "", "_sip._udp.example.com")
    assert usable((record,), ("udp",), secure=False) == (record,)


@pytest.mark.rule("3403-03", "3403-04", "3403-06", "3263-4.1-07")
@pytest.mark.parametrize(
    "record",
    [
        Naptr(1, 1, "a", "SIP+D2U", "", "gw.example.com"),
        Naptr(1, 1, "u", "SIP+D2U", "!^.*$!sip:x@example.com!", ""),
        Naptr(1, 1, "", "SIP+D2U", "", "example.net"),
        Naptr(1, 1, "s", "SIP+D2U", "!.*!x!", "_sip._udp.example.com"),
        Naptr(1, 1, "s", "SIP+D2U", "", ""),
        Naptr(1, 1, "s", "SIP+D2S", "", "_sip._sctp.example.com"),
        Naptr(1, 1, "s", "SIP+D2W", "", "_sip._ws.example.com"),
        Naptr(1, 1, "s", "E2U+sip", "", "_sip._udp.example.com"),
    ],
)
def test_records_that_we_cannot_follow_are_no_match(record: Naptr) -> None:
    assert usable((record, SIP_UDP), ("udp", "tcp", "tls"), secure=False) == (SIP_UDP,)
