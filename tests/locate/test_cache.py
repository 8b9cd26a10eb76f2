"""The cache of DNS answers: RFC 2308, RFC 8767 (stale answers), RFC 9520 (failures)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip.dns import Answer, Failure, Found, Ip, Naptr, NoName, NoRecords, Question, Srv
from sansip.locate import Cache, CacheLimits, bridged, recall, remember, stale

GW = Question("gw-1.example.com", "A")
ADDRESS = Found((Ip("192.0.2.1"),), 60.0)
LIMITS = CacheLimits(entries=3, positive=1000.0, negative=100.0, failure=2.0, stale=500.0)


def known(*answers: tuple[float, Answer]) -> Cache:
    cache = Cache()
    for at, answer in answers:
        cache = remember(cache, GW, answer, at, LIMITS)
    return cache


def test_nothing_is_known_at_first() -> None:
    assert recall(Cache(), GW, 0.0) is None
    assert stale(Cache(), GW, 0.0) is None


@pytest.mark.parametrize("answer", [ADDRESS, NoRecords(60.0), NoName(60.0)])
def test_an_answer_is_good_for_its_ttl_which_runs_down(answer: Found | NoRecords | NoName) -> None:
    cache = known((10.0, answer))
    assert recall(cache, GW, 10.0) == answer
    later = recall(cache, GW, 50.0)
    assert type(later) is type(answer)
    assert later is not None
    assert not isinstance(later, Failure)
    assert later.ttl == 20.0
    assert recall(cache, GW, 70.0) is None


def test_questions_of_another_type_are_other_questions() -> None:
    assert recall(known((0.0, ADDRESS)), Question(GW.name, "AAAA"), 1.0) is None


@pytest.mark.parametrize(
    ("answer", "until"),
    [(Found((), 1e9), 1000.0), (NoRecords(1e9), 100.0), (NoName(1e9), 100.0)],
)
def test_ttls_are_capped(answer: Answer, until: float) -> None:
    cache = known((0.0, answer))
    assert recall(cache, GW, until - 1) is not None
    assert recall(cache, GW, until) is None


@pytest.mark.parametrize("answer", [Found((), 0.0), NoRecords(0.0), NoName(0.0)])
def test_a_ttl_of_zero_is_honoured(answer: Answer) -> None:
    assert recall(known((5.0, answer)), GW, 5.0) is None


def test_a_failure_is_kept_for_a_moment_so_that_a_dead_dns_does_not_hold_up_every_call() -> None:
    cache = known((0.0, Failure("time-out")))
    assert recall(cache, GW, 1.9) == Failure("time-out")
    assert recall(cache, GW, 2.0) is None
    assert stale(cache, GW, 1.0) is None


def test_records_past_their_ttl_outlive_a_failure_for_a_while() -> None:
    cache = known((0.0, ADDRESS), (70.0, Failure("time-out")), (80.0, Failure("SERVFAIL")))
    assert recall(cache, GW, 80.0) == Failure("SERVFAIL")
    assert stale(cache, GW, 80.0) == Found(ADDRESS.records, 0.0)
    assert stale(cache, GW, 559.0) == Found(ADDRESS.records, 0.0)
    assert stale(cache, GW, 560.0) is None


def test_a_failure_does_not_displace_records_that_are_still_good() -> None:
    cache = known((0.0, ADDRESS), (30.0, Failure("time-out")))
    assert recall(cache, GW, 30.0) == Found(ADDRESS.records, 30.0)


def test_a_failure_displaces_a_denial() -> None:
    assert recall(known((0.0, NoName(60.0)), (1.0, Failure("x"))), GW, 1.0) == Failure("x")


@pytest.mark.parametrize("denial", [NoRecords(60.0), NoName(60.0)])
def test_nothing_stale_survives_a_denial(denial: Answer) -> None:
    cache = known((0.0, ADDRESS), (70.0, denial), (200.0, Failure("time-out")))
    assert stale(cache, GW, 200.0) is None


@pytest.mark.rule("SIO-10")
@pytest.mark.parametrize("count", [127, 128, 129, 5000])
def test_of_an_answer_no_more_records_are_kept_than_any_lookup_needs(count: int) -> None:
    answer = Found(tuple(Ip(f"192.0.{n // 250}.{n % 250}") for n in range(count)), 60.0)
    cache = remember(Cache(), GW, answer, 0.0, CacheLimits())
    assert recall(cache, GW, 0.0) == Found(answer.records[:128], 60.0)
    cache = remember(cache, GW, Failure("time-out"), 70.0, CacheLimits())
    assert stale(cache, GW, 70.0) == Found(answer.records[:128], 0.0)
    few = remember(Cache(), GW, answer, 0.0, CacheLimits(records=2))
    assert recall(few, GW, 0.0) == Found(answer.records[:2], 60.0)


@pytest.mark.rule("2782-01", "3403-01", "SIO-10")
def test_of_too_many_records_those_of_the_best_priority_are_kept() -> None:
    srvs = [Srv(1000 - number, 0, 5060, f"gw{number}.example") for number in range(200)]
    naptrs = [Naptr(1000 - number, 0, "s", "SIP+D2U", "", f"n{number}") for number in range(200)]
    few = CacheLimits(records=3)
    for records in (srvs, naptrs):
        cache = remember(Cache(), GW, Found(tuple(records), 60.0), 0.0, few)
        assert recall(cache, GW, 0.0) == Found(tuple(reversed(records[-3:])), 60.0)


def test_the_oldest_answer_goes_first_and_renewal_makes_it_young() -> None:
    names = [Question(f"gw-{number}.example.com", "A") for number in range(4)]
    cache = Cache()
    for question in (*names[:3], names[0], names[3]):
        cache = remember(cache, question, ADDRESS, 0.0, LIMITS)
    assert [recall(cache, question, 0.0) is not None for question in names] == [
        True,
        False,
        True,
        True,
    ]


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans())))
def test_the_cache_is_bounded_and_its_two_tables_agree(program: list[tuple[int, bool]]) -> None:
    cache = Cache()
    for number, works in program:
        answer = ADDRESS if works else Failure("time-out")
        cache = remember(cache, Question(str(number), "A"), answer, 0.0, LIMITS)
        assert len(cache.entries) <= 3
        assert {entry.serial: question for question, entry in cache.entries.items()} == dict(
            cache.serials.items()
        )
        assert all(cache.oldest <= serial < cache.next for serial in cache.serials)


def test_an_old_cache_is_still_what_it_was() -> None:
    before = known((0.0, ADDRESS))
    after = remember(before, GW, NoName(60.0), 1.0, LIMITS)
    assert recall(after, GW, 1.0) == NoName(60.0)
    assert recall(before, GW, 1.0) == Found(ADDRESS.records, 59.0)


def test_a_failure_is_bridged_with_what_was_known_and_nothing_else_is() -> None:
    cache = known((0.0, ADDRESS))
    assert bridged(cache, GW, Failure("time-out"), 100.0) == Found(ADDRESS.records, 0.0)
    assert bridged(Cache(), GW, Failure("time-out"), 100.0) == Failure("time-out")
    assert bridged(cache, GW, NoName(5.0), 100.0) == NoName(5.0)
