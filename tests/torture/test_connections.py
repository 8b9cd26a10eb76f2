"""Every torture message over a connection that a peer has opened to a proxy."""

import pytest

import sansip
from torture import ALL, valid
from torture.proxy import (
    FLOW,
    answers,
    ask,
    check,
    connect,
    is_closed,
    on_the_way,
    plain,
    receive,
    requests,
    stream,
)
from torture.rows import CALLER, HARBOUR, Answered, OnStream, Row, params

REQUESTS = [row for row in ALL if row.is_request and row.on_stream is not OnStream.TWO_MESSAGES]
RESPONSES = [row for row in ALL if not row.is_request and row.name != "bcast"]


def on_stream(row: Row) -> Row:
    """The row as it is over a stream: without a length that can be known it is refused."""
    if row.on_stream in {OnStream.CLOSES, OnStream.WAITS}:
        return row._replace(verdict=Answered(400))
    return row


@pytest.mark.parametrize("row", params(REQUESTS))
@pytest.mark.parametrize("size", [9999, 1], ids=["whole", "byte by byte"])
def test_a_request_meets_with_what_the_table_says(row: Row, size: int) -> None:
    stage = on_the_way()
    connect(stage, row.source)
    stream(stage, *[row.data[at : at + size] for at in range(0, len(row.data), size)])
    if row.on_stream is OnStream.WAITS:
        assert not stage.sends
        stage.advance(stage.engine.config.limits.partial_message)
    check(stage, on_stream(row), FLOW)
    assert is_closed(stage) is (row.on_stream is not OnStream.SAME)


@pytest.mark.parametrize("row", params(REQUESTS))
def test_an_invite_that_goes_on_gets_its_100_over_the_connection(row: Row) -> None:
    stage = on_the_way()
    connect(stage, row.source)
    stream(stage, row.data)
    trying = [send.flow for send in stage.sends if send.data.startswith(b"SIP/2.0 100")]
    goes_on = row.data.startswith(b"INVITE") and requests(stage)
    assert trying == ([FLOW] if goes_on else [])


@pytest.mark.parametrize("row", params(RESPONSES))
def test_a_response_to_a_request_meets_with_what_the_table_says(row: Row) -> None:
    stage = on_the_way()
    response = ask(stage, row.data)
    connect(stage, HARBOUR)
    stream(stage, response)
    check(stage, row)
    assert not is_closed(stage)


@pytest.mark.rule("4475-3.1.1.8")
def test_dblreq_is_two_requests() -> None:
    stage = on_the_way()
    connect(stage)
    stream(stage, valid.DBLREQ + valid.AFTER_DBLREQ)
    assert [plain(send.data)[0].split()[0] for send in requests(stage)] == [b"REGISTER", b"INVITE"]
    assert not is_closed(stage)


@pytest.mark.rule("4475-3.1.1.12")
def test_unreason_goes_back_over_the_connection_that_its_request_came_over() -> None:
    stage = on_the_way()
    connect(stage)
    stream(stage, valid.AFTER_DBLREQ)
    branch = sansip.parse(requests(stage)[-1].data).via.branch or ""
    receive(stage, valid.UNREASON.replace(b"z9hG4bK-of-the-proxy", branch.encode()), HARBOUR)
    assert [(send.flow, send.remote) for send in answers(stage)] == [(FLOW, CALLER)]
