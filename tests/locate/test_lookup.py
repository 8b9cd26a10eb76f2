"""The lookup: RFC 3263 4, RFC 7984, and what other systems got wrong."""

import pytest

from looking import (
    AAAA,
    ALL,
    DRAWS,
    GW1,
    GW2,
    HOST,
    NAPTR,
    TCP,
    TLS,
    TWO_GATEWAYS,
    UDP,
    A,
    Run,
    Zone,
    found,
    ips,
)
from sansip.address import Address, Hop
from sansip.dns import Answer, Failure, Ip, Naptr, NoName, NoRecords, Question, Srv
from sansip.entropy import Draws
from sansip.locate import (
    Aim,
    Answered,
    Ask,
    Ended,
    Exhausted,
    Hops,
    LocateLimits,
    Lookup,
    start,
    step,
)

# Addresses


@pytest.mark.rule("3263-4.1-02", "3263-4.2-01")
@pytest.mark.parametrize(
    ("aim", "place"),
    [
        (Aim("192.0.2.1"), "udp:192.0.2.1:5060"),
        (Aim("192.0.2.1", 5070), "udp:192.0.2.1:5070"),
        (Aim("192.0.2.1", None, "tcp", supported=ALL), "tcp:192.0.2.1:5060"),
        (Aim("192.0.2.1", None, "tls", supported=ALL), "tls:192.0.2.1:5061"),
        (Aim("192.0.2.1", secure=True, supported=ALL), "tls:192.0.2.1:5061"),
        (Aim("192.0.2.1", 5070, secure=True, supported=ALL), "tls:192.0.2.1:5070"),
        (Aim("192.0.2.1", supported=("tls", "udp")), "udp:192.0.2.1:5060"),
        (Aim("192.0.2.1", supported=("tcp", "tls")), "tcp:192.0.2.1:5060"),
        (Aim("2001:db8:0::1", families=(4, 6)), "udp:[2001:db8::1]:5060"),
    ],
)
def test_an_address_is_a_hop_at_once(aim: Aim, place: str) -> None:
    run = Run(aim)
    assert run.asked == []
    assert run.places == [place]
    assert run.hops[0].origin == "literal"
    assert run.exhausted == [Exhausted("")]


@pytest.mark.rule("7984-4-02")
def test_an_address_of_a_family_that_we_lack_is_passed_over() -> None:
    run = Run(Aim("2001:db8::1"))
    assert (run.places, run.reason) == ([], "not supported")


def test_what_only_looks_like_an_address_is_not_asked_for() -> None:
    run = Run(Aim("999.1.1.1"))
    assert (run.asked, run.places, run.reason) == ([], [], "no such name")
    assert run.text == "999.1.1.1 is not an IP address"


# Transports


@pytest.mark.rule("3263-4.1-01", "3263-4.1-05")
@pytest.mark.parametrize(
    "aim",
    [
        Aim(HOST, transport="tcp"),
        Aim(HOST, transport="sctp", supported=ALL),
        Aim(HOST, transport="ws", supported=(*ALL, "ws")),
        Aim(HOST, secure=True, supported=("udp", "tcp")),
        Aim(HOST, transport="udp", secure=True, supported=ALL),
        Aim(HOST, supported=()),
        Aim(HOST, families=()),
    ],
)
def test_a_transport_that_we_lack_or_must_not_use_leads_nowhere(aim: Aim) -> None:
    run = Run(aim, TWO_GATEWAYS)
    assert (run.asked, run.places, run.reason) == ([], [], "not supported")
    assert HOST in run.text


@pytest.mark.rule("3263-4.1-01", "3263-4.2-03")
@pytest.mark.parametrize(
    ("aim", "question"),
    [
        (Aim(HOST, transport="udp", supported=ALL), UDP),
        (Aim(HOST, transport="tcp", supported=ALL), TCP),
        (Aim(HOST, transport="tls", supported=ALL), TLS),
        (Aim(HOST, transport="tcp", secure=True, supported=ALL), TLS),
        (Aim(HOST, transport="tls", secure=True, supported=ALL), TLS),
    ],
)
def test_an_explicit_transport_asks_for_its_srv_and_nothing_else(
    aim: Aim, question: Question
) -> None:
    _, outputs = start(aim, DRAWS)
    assert outputs == (Ask(question),)


@pytest.mark.rule("3263-4.1-02", "3263-4.2-02")
@pytest.mark.parametrize(
    ("aim", "place"),
    [
        (Aim(HOST, 5060, supported=ALL), "udp:192.0.2.99:5060"),
        (Aim(HOST, 5070, supported=ALL), "udp:192.0.2.99:5070"),
        (Aim(HOST, 5070, "tcp", supported=ALL), "tcp:192.0.2.99:5070"),
        (Aim(HOST, 5070, secure=True, supported=ALL), "tls:192.0.2.99:5070"),
    ],
)
def test_an_explicit_port_asks_for_addresses_only_even_5060(aim: Aim, place: str) -> None:
    run = Run(aim, TWO_GATEWAYS)
    assert run.asked == [A]
    assert run.places == [place]
    assert run.hops[0].origin == "A example.com"


# NAPTR


@pytest.mark.rule("3263-4.1-04", "3263-4.1-08")
def test_naptr_leads_to_srv_in_another_domain_and_tls_to_a_certificate_of_our_own() -> None:
    srv = Question("_sips._tcp.school.example", "SRV")
    gateway = Question("gw.school.example", "A")
    run = Run(
        Aim(HOST, supported=ALL),
        {
            NAPTR: found(
                Naptr(50, 50, "s", "SIPS+D2T", "", "_sips._tcp.school.example"),
                Naptr(90, 50, "s", "SIP+D2U", "", "_sip._udp.school.example"),
            ),
            srv: found(Srv(0, 1, 5071, "gw.school.example")),
            gateway: ips("192.0.2.7"),
        },
    )
    assert run.asked == [NAPTR, srv, gateway]
    address = Address("192.0.2.7", 5071)
    assert run.hops == [Hop("tls", address, HOST, "SRV 0 1 5071 gw.school.example")]


@pytest.mark.rule("5922-7.3-01")
def test_every_tls_hop_carries_the_name_that_was_looked_for() -> None:
    zone = {TLS: found(Srv(0, 0, 5061, "gw-1.example.com")), GW1: ips("192.0.2.1")}
    assert {hop.tls_name for hop in Run(Aim(HOST, secure=True, supported=ALL), zone).hops} == {HOST}
    assert Run(Aim("192.0.2.1", None, "tls", supported=ALL)).hops[0].tls_name == "192.0.2.1"
    assert Run(Aim(HOST), TWO_GATEWAYS).hops[0].tls_name is None


@pytest.mark.rule("3403-02", "AMB-02")
def test_services_of_one_order_come_one_after_another() -> None:
    run = Run(
        Aim(HOST, supported=ALL),
        {
            NAPTR: found(
                Naptr(10, 20, "s", "SIP+D2U", "", UDP.name),
                Naptr(10, 10, "s", "SIP+D2T", "", TCP.name),
                Naptr(20, 10, "s", "SIPS+D2T", "", TLS.name),
            ),
            UDP: found(Srv(0, 0, 5060, "gw-1.example.com")),
            TCP: found(Srv(9, 0, 5060, "gw-1.example.com")),
            GW1: ips("192.0.2.1"),
        },
    )
    assert run.asked == [NAPTR, TCP, UDP, GW1]
    assert run.places == ["tcp:192.0.2.1:5060", "udp:192.0.2.1:5060"]


@pytest.mark.rule("3263-4.2-04")
def test_a_naptr_without_srv_leads_to_addresses_with_its_transport() -> None:
    zone: Zone = {NAPTR: found(Naptr(1, 1, "s", "SIP+D2T", "", TCP.name)), A: ips("192.0.2.9")}
    assert Run(Aim(HOST, supported=ALL), zone).places == ["tcp:192.0.2.9:5060"]


@pytest.mark.rule("3263-4.1-09")
@pytest.mark.parametrize(
    "answer",
    [
        NoRecords(60.0),
        NoName(60.0),
        Failure("time-out"),
        found(),
        found(Naptr(1, 1, "a", "SIP+D2U", "", "gw.example.com")),
        found(Ip("192.0.2.1")),
    ],
)
def test_without_a_naptr_of_use_srv_is_asked_for_every_transport_at_once(answer: Answer) -> None:
    state, _ = start(Aim(HOST, supported=("tcp", "udp", "tls")), DRAWS)
    _, outputs = step(state, Answered(NAPTR, answer))
    assert outputs == (Ask(TCP), Ask(UDP), Ask(TLS))


@pytest.mark.rule("3263-4.1-09", "3263-4.1-05")
def test_a_sips_uri_asks_for_sips_services_only() -> None:
    run = Run(Aim(HOST, secure=True, supported=ALL), TWO_GATEWAYS)
    assert run.asked == [NAPTR, TLS, A]
    assert run.places == ["tls:192.0.2.99:5061"]


# SRV


@pytest.mark.rule("3263-4.2-05", "2782-06")
def test_srv_gives_target_and_port_in_order() -> None:
    run = Run(Aim(HOST), TWO_GATEWAYS)
    assert run.places == ["udp:192.0.2.1:5060", "udp:192.0.2.2:5070"]
    assert [hop.origin for hop in run.hops] == [
        "SRV 10 0 5060 gw-1.example.com",
        "SRV 20 0 5070 gw-2.example.com",
    ]
    assert run.exhausted == [Exhausted("")]


@pytest.mark.rule("3263-4.1-09", "3263-4.2-05")
def test_an_address_record_does_not_short_circuit_srv() -> None:
    # livekit/sip 810: the A record won, the SRV's port and its second host were lost.
    run = Run(Aim(HOST, supported=ALL), {**TWO_GATEWAYS, TLS: TWO_GATEWAYS[UDP]})
    assert A not in run.asked
    assert TLS in run.asked
    assert run.places == [
        "udp:192.0.2.1:5060",
        "udp:192.0.2.2:5070",
        "tls:192.0.2.1:5060",
        "tls:192.0.2.2:5070",
    ]


@pytest.mark.rule("3263-4.2-05", "2782-01")
def test_nine_and_more_srv_records_all_count() -> None:
    # Kamailio 2651: nine or more SRV records gave no result at all.
    numbers = range(1, 13)
    zone: dict[Question, Answer] = {
        UDP: found(*(Srv(n, 0, 5060, f"gw-{n}.example.com") for n in reversed(numbers)))
    }
    for n in numbers:
        zone[Question(f"gw-{n}.example.com", "A")] = ips(f"192.0.2.{n}")
        zone[Question(f"gw-{n}.example.com", "AAAA")] = ips(f"2001:db8::{n}")
    run = Run(Aim(HOST, transport="udp", families=(4, 6)), zone)
    expected = [(f"udp:192.0.2.{n}:5060", f"udp:[2001:db8::{n}]:5060") for n in numbers]
    assert run.places == [place for pair in expected for place in pair]
    assert run.reason == ""


@pytest.mark.rule("3263-4.2-05")
@pytest.mark.parametrize("answer", [NoName(60.0), NoRecords(60.0), Failure("SERVFAIL")])
def test_the_end_of_an_srv_list_is_the_end(answer: Answer) -> None:
    # FreeSWITCH 2144: when the list was used up, an extra A query came.
    run = Run(Aim(HOST), {**TWO_GATEWAYS, GW1: answer, GW2: answer})
    assert run.asked == [NAPTR, UDP, GW1, GW2]
    assert run.places == []


@pytest.mark.rule("2782-05")
def test_a_target_of_root_means_that_there_is_no_service() -> None:
    run = Run(Aim(HOST), {UDP: found(Srv(0, 0, 0, "")), A: ips("192.0.2.99")})
    assert run.asked == [NAPTR, UDP]
    assert (run.places, run.reason) == ([], "no service")


def test_questions_are_in_lower_case_however_records_write_names() -> None:
    run = Run(
        Aim(HOST),
        {
            **TWO_GATEWAYS,
            NAPTR: found(Naptr(1, 1, "s", "SIP+D2U", "", "_SIP._udp.Example.com")),
            UDP: found(Srv(0, 0, 5060, "GW-1.example.com")),
        },
    )
    assert run.asked == [NAPTR, UDP, GW1]
    assert run.hops[0].origin == "SRV 0 0 5060 GW-1.example.com"


def test_unusable_records_beside_good_ones_are_left_out() -> None:
    records = (Srv(0, 0, 5060, ""), Srv(1, 0, 0, "gw-1.example.com"), Ip("192.0.2.5"))
    srv = found(*records, Srv(2, 0, 5060, "gw-2.example.com"))
    assert Run(Aim(HOST), {**TWO_GATEWAYS, UDP: srv}).places == ["udp:192.0.2.2:5060"]
    assert Run(Aim(HOST), {**TWO_GATEWAYS, UDP: found(*records)}).reason == "no service"


@pytest.mark.rule("3263-4.1-10", "3263-4.2-04")
@pytest.mark.parametrize("answer", [NoName(60.0), NoRecords(60.0), found(), found(Ip("192.0.2.5"))])
def test_without_any_srv_the_host_is_tried_at_the_default_port(answer: Answer) -> None:
    run = Run(Aim(HOST, supported=("tcp", "udp")), {UDP: answer, TCP: answer, A: ips("192.0.2.99")})
    assert run.asked == [NAPTR, TCP, UDP, A]
    assert run.places == ["udp:192.0.2.99:5060"]
    assert run.reason == ""


@pytest.mark.rule("2782-02", "2782-07")
def test_weights_are_drawn_from_the_draws_of_this_lookup() -> None:
    zone = {**TWO_GATEWAYS, UDP: found(Srv(1, 1, 1, "gw-1.example.com"), Srv(1, 1, 2, GW2.name))}
    firsts: set[str] = set()
    for number in range(20):
        draws = Draws(b"sixteen bytes at least", str(number))
        state, _ = start(Aim(HOST, transport="udp"), draws)
        state, outputs = step(state, Answered(UDP, zone[UDP]))
        assert isinstance(outputs[0], Ask)
        firsts.add(outputs[0].question.name)
    assert firsts == {GW1.name, GW2.name}


# Failures


@pytest.mark.rule("3263-4.2-06")
def test_a_failed_srv_query_never_takes_a_sips_uri_to_the_host() -> None:
    run = Run(
        Aim(HOST, secure=True, supported=ALL), {TLS: Failure("SERVFAIL"), A: ips("192.0.2.99")}
    )
    assert run.asked == [NAPTR, TLS]
    assert (run.places, run.reason) == ([], "DNS failure")
    assert run.text == "SRV _sips._tcp.example.com: SERVFAIL"


@pytest.mark.rule("3263-4.2-06")
def test_a_failed_srv_query_lets_a_sip_uri_go_on_and_is_reported() -> None:
    run = Run(Aim(HOST), {UDP: Failure("time-out"), A: ips("192.0.2.99")})
    assert run.places == ["udp:192.0.2.99:5060"]
    assert run.exhausted == [Exhausted("DNS failure", "SRV _sip._udp.example.com: time-out")]


@pytest.mark.rule("3263-4.2-06")
def test_failure_outweighs_denial_when_nothing_resolves() -> None:
    run = Run(Aim(HOST), {NAPTR: Failure("time-out")})
    assert (run.places, run.reason) == ([], "DNS failure")


@pytest.mark.rule("3263-4.2-06")
def test_no_such_name_and_no_records_are_told_apart() -> None:
    run = Run(Aim(HOST, families=(4, 6)), {})
    assert run.exhausted == [Exhausted("no such name", "no such name: example.com")]
    run = Run(Aim(HOST, families=(4, 6)), {AAAA: NoRecords(60.0)})
    assert run.exhausted == [Exhausted("no records", "no address records: example.com")]


def test_one_failed_target_does_not_hide_the_others() -> None:
    run = Run(Aim(HOST), {**TWO_GATEWAYS, GW1: Failure("time-out")})
    assert run.places == ["udp:192.0.2.2:5070"]
    assert run.exhausted == [Exhausted("DNS failure", "A gw-1.example.com: time-out")]


# Families


@pytest.mark.rule("7984-3.1-01", "7984-4-01")
@pytest.mark.parametrize("families", [(4, 6), (6, 4)])
def test_families_keep_our_order_within_a_target_and_never_mix_targets(
    families: tuple[int, ...],
) -> None:
    six = {Question(q.name, "AAAA"): ips(f"2001:db8::{n}") for n, q in ((1, GW1), (2, GW2))}
    run = Run(Aim(HOST, transport="udp", families=families), {**TWO_GATEWAYS, **six})
    four_six = [
        ("udp:192.0.2.1:5060", "udp:[2001:db8::1]:5060"),
        ("udp:192.0.2.2:5070", "udp:[2001:db8::2]:5070"),
    ]
    step_ = 1 if families == (4, 6) else -1
    assert run.places == [place for pair in four_six for place in pair[::step_]]


@pytest.mark.rule("7984-4-02")
def test_addresses_of_the_wrong_family_are_left_out() -> None:
    run = Run(Aim(HOST, 5060), {A: found(Ip("2001:db8::1"), Srv(0, 0, 1, "x"), Ip("192.0.2.1"))})
    assert run.places == ["udp:192.0.2.1:5060"]


@pytest.mark.rule("3263-4.3-05")
def test_all_addresses_of_a_target_come_before_the_next_target() -> None:
    run = Run(Aim(HOST), {**TWO_GATEWAYS, GW1: ips("192.0.2.11", "192.0.2.10")})
    assert [hop.address.host for hop in run.hops] == ["192.0.2.11", "192.0.2.10", "192.0.2.2"]


def test_no_hop_comes_twice() -> None:
    run = Run(Aim(HOST), {**TWO_GATEWAYS, UDP: found(*(Srv(n, 0, 5060, GW1.name) for n in (1, 2)))})
    assert run.places == ["udp:192.0.2.1:5060"]
    assert run.asked == [NAPTR, UDP, GW1]


# One step at a time


def test_hops_come_as_soon_as_their_place_is_certain() -> None:
    state, _ = start(Aim(HOST, transport="udp"), DRAWS)
    state, outputs = step(state, Answered(UDP, TWO_GATEWAYS[UDP]))
    assert outputs == (Ask(GW1), Ask(GW2))
    before, outputs = step(state, Answered(GW1, TWO_GATEWAYS[GW1]))
    assert [str(hop) for output in outputs if isinstance(output, Hops) for hop in output.hops] == [
        "udp:192.0.2.1:5060"
    ]
    assert isinstance(before, Lookup)
    assert before.pending == (GW2,)
    # The other way round, the second gateway has to wait for the first.
    state, outputs = step(state, Answered(GW2, TWO_GATEWAYS[GW2]))
    assert outputs == ()
    state, outputs = step(state, Answered(GW1, NoRecords(60.0)))
    assert isinstance(state, Ended)
    assert [type(output) for output in outputs] == [Hops, Exhausted]


def test_the_first_transport_does_not_wait_for_the_second() -> None:
    state, _ = start(Aim(HOST, supported=("udp", "tcp")), DRAWS)
    state, _ = step(state, Answered(NAPTR, NoRecords(60.0)))
    state, _ = step(state, Answered(UDP, found(Srv(0, 0, 5060, GW1.name))))
    state, outputs = step(state, Answered(GW1, ips("192.0.2.1")))
    assert isinstance(outputs[0], Hops)
    state, outputs = step(state, Answered(TCP, NoRecords(60.0)))
    assert outputs == (Exhausted(""),)


@pytest.mark.rule("SIO-10")
def test_answers_that_nobody_waits_for_change_nothing() -> None:
    state, _ = start(Aim(HOST), DRAWS)
    assert step(state, Answered(A, ips("192.0.2.1"))) == (state, ())
    after, _ = step(state, Answered(NAPTR, NoRecords(60.0)))
    assert step(after, Answered(NAPTR, NoName(60.0))) == (after, ())
    assert step(Ended(), Answered(NAPTR, NoName(60.0))) == (Ended(), ())


@pytest.mark.rule("SIO-10")
def test_questions_are_limited() -> None:
    run = Run(Aim(HOST), TWO_GATEWAYS, LocateLimits(questions=3))
    assert run.asked == [NAPTR, UDP, GW1]
    assert run.places == ["udp:192.0.2.1:5060"]
    text = "A gw-2.example.com: the limit of 3 questions is reached"
    assert run.exhausted == [Exhausted("DNS failure", text)]


@pytest.mark.rule("SIO-10")
def test_questions_under_way_count_too() -> None:
    state, _ = start(Aim(HOST, supported=ALL), DRAWS, LocateLimits(questions=4))
    state, outputs = step(state, Answered(NAPTR, NoRecords(60.0)))
    assert outputs == (Ask(UDP), Ask(TCP), Ask(TLS))
    state, outputs = step(state, Answered(UDP, TWO_GATEWAYS[UDP]))
    assert outputs == ()


def test_hops_are_limited_and_then_nothing_more_is_waited_for() -> None:
    run = Run(Aim(HOST), TWO_GATEWAYS, LocateLimits(hops=1))
    assert run.asked == [NAPTR, UDP, GW1]
    assert (run.places, run.reason) == (["udp:192.0.2.1:5060"], "")
    many = {A: ips(*(f"192.0.2.{n}" for n in range(1, 250)))}
    assert len(Run(Aim(HOST, 5060), many).hops) == 64


def test_a_full_list_leaves_open_questions_behind() -> None:
    srv = found(Srv(0, 0, 5060, GW1.name), Srv(1, 0, 5060, GW2.name))
    zone = {**TWO_GATEWAYS, UDP: srv, GW1: ips("192.0.2.1", "192.0.2.2")}
    run = Run(Aim(HOST), zone, LocateLimits(hops=2))
    assert run.open == [GW2]
    assert run.exhausted == [Exhausted("")]


def test_names_that_dns_cannot_carry_do_not_exist() -> None:
    run = Run(Aim("no such name"))
    assert (run.asked, run.reason) == ([], "no such name")
    srv = found(Srv(0, 0, 5060, "x" * 64 + ".example"), Srv(1, 0, 5060, GW1.name))
    assert Run(Aim(HOST), {**TWO_GATEWAYS, UDP: srv}).places == ["udp:192.0.2.1:5060"]
