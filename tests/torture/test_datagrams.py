"""Every torture message as a datagram, read by ``sansip.parse``."""

import copy

import pytest

import sansip
from torture import ALL
from torture.proxy import plain
from torture.rows import Answered, OnStream, Row, params

TRAILING = b"\r\nINVITE sip:stowaway@wreckers.example SIP/2.0\r\nVia: SIP/2.0/UDP nowhere\r\n\r\n\0"
READABLE = [row for row in ALL if row.fault is None]
FAULTY = [row for row in ALL if row.fault is not None]
# Where the length is not known, or more bytes would be what is missing, there is nothing trailing.
SIZED = [row for row in ALL if row.name != "inv2543" and row.on_stream is not OnStream.WAITS]


def fault_of(data: bytes) -> sansip.RemoteProtocolError:
    with pytest.raises(sansip.RemoteProtocolError) as caught:
        sansip.parse(data)
    return caught.value


@pytest.mark.parametrize("row", params(READABLE))
def test_it_is_read_and_keeps_its_bytes(row: Row) -> None:
    message = sansip.parse(row.data)
    assert isinstance(message, sansip.Request) is row.is_request
    start, rows, body = plain(message.render())
    assert (start, rows) == plain(row.data)[:2]
    assert plain(row.data)[2].startswith(body)


@pytest.mark.parametrize("row", params(READABLE))
def test_what_was_read_of_it_at_once_is_what_its_rows_say(row: Row) -> None:
    message = sansip.parse(row.data)
    later = copy.copy(message)  # as it came, with nothing read yet
    for name in ("via", "cseq", "call_id", "from_tag", "to_tag", "max_forwards"):
        assert getattr(later, name) == getattr(message, name)


@pytest.mark.parametrize("row", params(FAULTY))
def test_it_is_refused_and_the_error_says_where(row: Row) -> None:
    error = fault_of(row.data)
    assert error.header == row.fault
    assert isinstance(error.message, sansip.Request if row.is_request else sansip.Response)
    if isinstance(row.verdict, Answered):
        assert error.status_hint == row.verdict.status
    assert error.rule.startswith("RFC ")
    assert error.rule in error.reason


@pytest.mark.parametrize("row", params(SIZED))
def test_bytes_after_the_body_change_nothing(row: Row) -> None:
    if row.fault is None:
        assert sansip.parse(row.data + TRAILING) == sansip.parse(row.data)
    else:
        assert str(fault_of(row.data + TRAILING)) == str(fault_of(row.data))


@pytest.mark.parametrize("row", params(ALL))
def test_wherever_it_is_cut_off_nothing_but_a_protocol_error_comes_of_it(row: Row) -> None:
    for end in range(len(row.data)):
        try:
            sansip.parse(row.data[:end])
        except sansip.RemoteProtocolError:
            continue
