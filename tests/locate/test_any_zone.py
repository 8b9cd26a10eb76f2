"""Whatever DNS says, in whatever order: what holds of every lookup."""

from collections.abc import Iterator
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from looking import AAAA, ALL, DRAWS, GW1, GW2, HOST, NAPTR, TCP, TLS, UDP, A, Run, Zone
from sansip.dns import Answer, Failure, Found, Ip, Naptr, NoName, NoRecords, Question, Record, Srv
from sansip.locate import Aim, Answered, Ask, Ended, LocateLimits, start, step

KINDS = {"NAPTR": Naptr, "SRV": Srv, "A": Ip, "AAAA": Ip}
SIX = tuple(Question(question.name, "AAAA") for question in (GW1, GW2))
NAMES = [*[GW1.name, GW2.name] * 3, HOST, "", "bad name"]
HOSTS = [*[HOST] * 12, "192.0.2.1", "2001:db8::1", "300.1.1.1", "", "bad name"]
SERVICES = ["SIP+D2U", "sip+d2t", "SIPS+D2T", "SIPS+D2T", "E2U+sip"]
NEGATIVE: list[Answer] = [NoRecords(60.0), NoName(60.0), Failure("time-out")]
# Hypothesis prefers small values, and little comes of those: here all is as likely as it is wanted.
WORLDS = st.randoms(use_true_random=False).map(lambda draws: Random(draws.random()))


def any_record(draw: Random, kind: str) -> Record:
    """Mostly of the type that was asked for."""
    if draw.random() < 0.1:
        kind = draw.choice(list(KINDS))
    small = draw.randrange
    if kind == "SRV":
        return Srv(small(3), small(3), draw.choice([5060, 5061, 5062, 0]), draw.choice(NAMES))
    if kind == "NAPTR":
        flags, regexp = draw.choice("sSsa"), draw.choice(["", "", "", "!x!y!"])
        leads_to = draw.choice([UDP.name, TCP.name, TLS.name, TLS.name, ""])
        return Naptr(small(3), small(3), flags, draw.choice(SERVICES), regexp, leads_to)
    six = draw.random() < (0.9 if kind == "AAAA" else 0.1)
    return Ip(f"2001:db8::{small(4)}" if six else f"192.0.2.{small(4)}")


def any_zone(draw: Random) -> dict[Question, Answer]:
    """The four things that DNS can say, for every question that may come up."""
    zone: dict[Question, Answer] = {}
    for question in (NAPTR, UDP, TCP, TLS, A, AAAA, GW1, GW2, *SIX):
        zone[question] = draw.choice(NEGATIVE)
        if draw.random() < 0.6:
            count = draw.randrange(6)
            zone[question] = Found(tuple(any_record(draw, question.type) for _ in range(count)), 60)
    return zone


def any_aim(draw: Random) -> Aim:
    return Aim(
        draw.choice(HOSTS),
        draw.choice([None, None, None, 5060, 5070]),
        draw.choice([None, None, None, "udp", "tcp", "tls", "ws"]),
        draw.random() < 0.3,
        draw.choice([*permutations(ALL), ("udp",), ("tcp", "udp")]),
        draw.choice([(4,), (4, 6), (6, 4)]),
    )


def worlds(draw: Random) -> Iterator[tuple[Aim, Zone]]:
    """Several of them."""
    for _ in range(20):
        yield any_aim(draw), any_zone(draw)


def said(run: Run, zone: Zone) -> Iterator[object]:
    """All records that came, each in answer to a question of its type."""
    for question in run.asked:
        answer = zone.get(question)
        if isinstance(answer, Found):
            yield from [r for r in answer.records if _answers(r, question.type)]


def _answers(record: Record, kind: str) -> bool:
    if isinstance(record, Ip):
        return kind == ("AAAA" if ":" in record.address else "A")
    return type(record) is KINDS[kind]


@pytest.mark.rule("SIO-10")
@given(WORLDS)
def test_the_order_of_answers_decides_nothing(draw: Random) -> None:
    for aim, zone in worlds(draw):
        one, other = Run(aim, zone), Run(aim, zone, pick=draw.randrange)
        assert one.hops == other.hops
        assert one.exhausted == other.exhausted
        assert set(one.asked) == set(other.asked)


@pytest.mark.rule("3263-4.1-05", "SIO-10")
@given(WORLDS)
def test_whatever_dns_says_a_lookup_ends_within_bounds_and_sips_stays_secure(draw: Random) -> None:
    for aim, zone in worlds(draw):
        questions, hops = draw.choice([(0, 1), (2, 3), (4, 2), (64, 64)])
        run = Run(aim, zone, LocateLimits(questions, hops), pick=draw.randrange)
        assert isinstance(run.state, Ended)
        assert len(run.exhausted) == 1
        assert len(run.asked) == len(set(run.asked)) <= questions
        assert len(run.places) == len(set(run.places)) <= hops
        assert run.reason or run.hops
        assert {hop.transport for hop in run.hops} <= {"tls"} or not aim.secure
        assert all((hop.tls_name == aim.host) == (hop.transport == "tls") for hop in run.hops)


@pytest.mark.rule("3263-4.1-01", "3263-4.2-03")
@given(WORLDS)
def test_a_transport_that_the_uri_names_is_never_left(draw: Random) -> None:
    for aim, zone in worlds(draw):
        if aim.transport is not None:
            named = "tls" if aim.secure and aim.transport == "tcp" else aim.transport
            assert {hop.transport for hop in Run(aim, zone).hops} <= {named}


@pytest.mark.rule("3263-4.1-02", "3263-4.2-01", "3263-4.2-02")
@given(WORLDS)
def test_with_a_port_or_an_address_nothing_but_addresses_is_asked_for(draw: Random) -> None:
    for aim, zone in worlds(draw):
        run = Run(aim, zone)
        if aim.port is not None:
            assert {question.type for question in run.asked} <= {"A", "AAAA"}
            assert {question.name for question in run.asked} <= {aim.host}
            assert {hop.address.port for hop in run.hops} <= {aim.port}
        if aim.host[:1].isdecimal():
            assert not run.asked


@pytest.mark.rule("3263-4.2-05", "2782-05")
@given(WORLDS)
def test_where_any_srv_record_is_the_addresses_of_the_name_are_not_asked_for(draw: Random) -> None:
    for aim, zone in worlds(draw):
        run = Run(aim, zone)
        listed = [record for record in said(run, zone) if isinstance(record, Srv)]
        if listed and HOST not in [record.target for record in listed]:
            assert not {A, AAAA} & set(run.asked)


@pytest.mark.rule("SIO-10")
@given(WORLDS)
def test_no_lookup_asks_more_than_three_times_one_after_the_other(draw: Random) -> None:
    """NAPTR, SRV, addresses; all that is missing at one time is asked at once.

    So no lookup takes longer than three questions may, and a long list no longer than a short one.
    """
    for aim, zone in worlds(draw):
        state, outputs = start(aim, DRAWS)
        rounds = 0
        while not isinstance(state, Ended):
            asked = [output.question for output in outputs if isinstance(output, Ask)]
            assert asked, "a lookup that waits for nothing"
            rounds += 1
            outputs = ()
            for question in asked:
                state, more = step(state, Answered(question, zone.get(question, NoName(60.0))))
                outputs = (*outputs, *more)
        assert rounds <= 3


@pytest.mark.rule("2782-06", "7984-4-02")
@given(WORLDS)
def test_hops_are_made_of_what_dns_said_and_of_ip_versions_that_we_have(draw: Random) -> None:
    for aim, zone in worlds(draw):
        run = Run(aim, zone)
        known = {record.address for record in said(run, zone) if isinstance(record, Ip)}
        for hop in run.hops:
            host = hop.address.host
            assert host in known or hop.origin == "literal"
            assert (6 if ":" in host else 4) in aim.families
