"""Every torture message as a datagram that comes to a proxy."""

import pytest

import sansip
from stage import on_stage
from torture import ALL, invalid, ipv6, semantics, valid
from torture.proxy import (
    answers,
    ask,
    check,
    check_forwarded,
    on_the_way,
    plain,
    receive,
    requests,
)
from torture.rows import (
    CALLER,
    CALLER_6,
    HARBOUR,
    LISTENS,
    Answered,
    Dropped,
    Forwarded,
    Row,
    params,
)

REQUESTS = [row for row in ALL if row.is_request]
RESPONSES = [row for row in ALL if not row.is_request]
MATCHING = [row for row in RESPONSES if row.name != "bcast"]
REFUSED_INVITES = [
    row for row in REQUESTS if isinstance(row.verdict, Answered) and row.data.startswith(b"INVITE")
]
JUNK = (
    b"\0",
    b"\xff" * 100,
    b"just some words\r\n\r\n",
    b"INVITE sip:bruno@harbour.example\r\nVia: SIP/2.0/UDP dock.quay.example\r\n\r\n",
    b"SIP/2.0\r\n\r\n",
    b"SIP/2.0 200\r\n\r\n",
    b": :\r\n\r\n",
    b"\r\n\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: harbour.example\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
)


@pytest.mark.parametrize("row", params(REQUESTS))
def test_a_request_meets_with_what_the_table_says(row: Row) -> None:
    stage = on_the_way()
    receive(stage, row.data, row.source)
    check(stage, row)
    if isinstance(row.verdict, Answered):
        assert stage.is_empty()


@pytest.mark.parametrize("row", params(REQUESTS))
def test_a_copy_of_it_is_known_for_a_copy(row: Row) -> None:
    stage = on_the_way()
    receive(stage, row.data, row.source)
    first, before = answers(stage), requests(stage)
    receive(stage, row.data, row.source)
    again = answers(stage)[len(first) :]
    assert requests(stage) == before
    assert [send.data for send in again] == [send.data for send in first]


@pytest.mark.parametrize("row", params(REFUSED_INVITES))
def test_the_ack_of_its_refusal_goes_nowhere(row: Row) -> None:
    stage = on_the_way()
    receive(stage, row.data, row.source)
    acknowledgement = row.data.replace(b"INVITE ", b"ACK ").replace(b" INVITE\r\n", b" ACK\r\n")
    receive(stage, acknowledgement, row.source)
    assert len(stage.sends) == 1


@pytest.mark.parametrize("row", params(RESPONSES))
def test_a_response_that_answers_nothing_is_dropped(row: Row) -> None:
    stage = on_the_way()
    receive(stage, row.data, HARBOUR)
    assert not stage.sends


@pytest.mark.parametrize("row", params(MATCHING))
def test_a_response_to_a_request_meets_with_what_the_table_says(row: Row) -> None:
    stage = on_the_way()
    response = ask(stage, row.data)
    asked = len(requests(stage))
    receive(stage, response, HARBOUR)
    check(stage, row)
    stage.advance(1.0)
    # What is dropped is as if it had never come: the request is sent again.
    assert (len(requests(stage)) > asked) is isinstance(row.verdict, Dropped)


@pytest.mark.rule("4475-3.3.10")
def test_a_response_never_goes_to_an_address_that_it_names_itself() -> None:
    """If it answers a request of ours, it goes to where that came from, whatever its Via says."""
    stage = on_the_way()
    receive(stage, ask(stage, semantics.BCAST), HARBOUR)
    assert [send.remote for send in answers(stage)] == [LISTENS]


@pytest.mark.rule("4475-3.1.1.2")
def test_what_a_proxy_knows_nothing_about_gets_404() -> None:
    stage = on_stage(sansip.Policy())
    receive(stage, valid.INTMETH)
    assert [plain(send.data)[0] for send in answers(stage)] == [b"SIP/2.0 404 Not Found"]


@pytest.mark.rule("4475-3.1.1.8")
def test_nothing_of_what_trails_is_sent_on() -> None:
    stage = on_the_way()
    receive(stage, valid.DBLREQ + valid.AFTER_DBLREQ)
    assert not [send for send in stage.sends if b"INVITE" in send.data]


@pytest.mark.rule("4475-3.1.1.11")
def test_rport_is_filled_in_above_a_strict_router() -> None:
    stage = on_the_way()
    receive(stage, valid.MPART01)
    (send,) = requests(stage)
    stamped = sansip.parse(send.data).values("via")[1]
    assert stamped.endswith(f";received={CALLER.host};rport={CALLER.port}")


@pytest.mark.rule("4475-3.1.2.3")
@pytest.mark.parametrize("text", ["five", "+5", "1e3", "0x10", "1 2", "", "\u0665"])
def test_a_length_that_is_no_number_is_as_bad_as_a_negative_one(text: str) -> None:
    stage = on_the_way()
    receive(stage, invalid.NCL.replace(b"-999", text.encode()))
    assert [plain(send.data)[0] for send in stage.sends] == [b"SIP/2.0 400 Bad Request"]


@pytest.mark.rule("4475-3.1.2.4")
def test_max_forwards_beyond_its_range_is_refused_and_expiries_are_not_looked_at() -> None:
    alone = invalid.SCALAR02.replace(b"18446744073709551617", b"1")
    stage = on_the_way()
    receive(stage, alone)
    assert [plain(send.data)[0] for send in stage.sends] == [b"SIP/2.0 400 Bad Request"]
    stage = on_the_way()
    expiries = alone.replace(b": 300", b": 70")
    receive(stage, expiries)
    (send,) = stage.sends
    check_forwarded(send, expiries, Forwarded())


@pytest.mark.rule("4475-3.1.2.6")
def test_no_end_of_a_quoted_string_is_made_up() -> None:
    doubtful = b'"Bruno of the Pier <sip:bruno@harbour.example> <sip:clara@harbour.example>'
    stage = on_the_way()
    receive(
        stage,
        invalid.QUOTBAL.replace(b'"Bruno of the Pier <sip:bruno@harbour.example>', doubtful),
    )
    assert [plain(send.data)[0] for send in stage.sends] == [b"SIP/2.0 400 Bad Request"]


@pytest.mark.rule("5118-4.5")
@pytest.mark.parametrize("data", [ipv6.VIA_RECEIVED_WITH_DELIM, ipv6.VIA_RECEIVED_NO_DELIM])
def test_received_is_sent_without_brackets(data: bytes) -> None:
    stage = on_the_way()
    receive(stage, data, CALLER_6)
    (send,) = requests(stage)
    stamped = sansip.parse(send.data).values("via")[1]
    assert stamped.endswith(f";received={CALLER_6.host}")


@pytest.mark.rule("5118-4.9")
def test_an_address_mapped_into_ipv6_is_the_source_that_it_maps() -> None:
    stage = on_the_way()
    receive(stage, ipv6.IPV4_MAPPED_IPV6)
    (send,) = requests(stage)
    assert "received" not in sansip.parse(send.data).values("via")[1]
    (trying,) = [send for send in stage.sends if send.data.startswith(b"SIP/")]
    assert trying.remote == sansip.Address(CALLER.host, 19823)


@pytest.mark.parametrize("junk", JUNK)
def test_junk_does_no_harm(junk: bytes) -> None:
    stage = on_the_way()
    receive(stage, junk)
    assert not requests(stage)
    assert stage.is_empty()
