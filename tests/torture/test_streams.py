"""Every torture message over a stream, taken apart by ``sansip.message.framing``."""

import pytest

import sansip
from sansip.message import framing
from torture import ALL, semantics, valid
from torture.rows import OnStream, Row, message, params

SAME = [row for row in ALL if row.on_stream is OnStream.SAME]
CLOSES = [row for row in ALL if row.on_stream is OnStream.CLOSES]
WAITS = [row for row in ALL if row.on_stream is OnStream.WAITS]
NEXT = message(
    """
    OPTIONS sip:bruno@harbour.example SIP/2.0
    Via: SIP/2.0/TCP dock.quay.example;branch=z9hG4bKnext
    From: <sip:agnes@quay.example>;tag=next
    To: <sip:bruno@harbour.example>
    Call-ID: next
    CSeq: 1 OPTIONS
    Max-Forwards: 70
    Content-Length: 0
    """
)
CLOCK = framing.StartClock | framing.StopClock

# What comes of it, in a form that can be compared: the errors as their text.
Came = list[sansip.Request | sansip.Response | str]


def feed(*pieces: bytes) -> tuple[framing.State, list[framing.Output]]:
    state: framing.State = framing.start()
    told: list[framing.Output] = []
    for piece in pieces:
        state, outputs = framing.step(state, framing.Received(piece))
        told += [output for output in outputs if not isinstance(output, CLOCK)]
    return state, told


def came(*pieces: bytes) -> Came:
    """The messages, and of what is no message the error."""
    found: Came = []
    for output in feed(*pieces)[1]:
        match output:
            case framing.Complete(complete, _):
                found.append(complete)
            case framing.Refused(error) | framing.Fatal(error):
                assert error.message is not None
                found.append(said(error))
            case _:
                pytest.fail(f"{output} was not expected")
    return found


def said(error: sansip.RemoteProtocolError) -> str:
    return f"{error.status_hint} {error.header} {error.rule} {error.message!r}"


def as_datagram(data: bytes) -> Came:
    try:
        return [sansip.parse(data)]
    except sansip.RemoteProtocolError as error:
        return [said(error)]


def one_by_one(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize("row", params(SAME))
def test_whole_it_is_what_it_is_as_a_datagram(row: Row) -> None:
    assert came(row.data) == as_datagram(row.data)


@pytest.mark.parametrize("row", params(SAME))
def test_byte_by_byte_it_is_the_same(row: Row) -> None:
    assert came(*one_by_one(row.data)) == as_datagram(row.data)


@pytest.mark.parametrize("row", params(SAME))
def test_split_anywhere_it_is_the_same(row: Row) -> None:
    wanted = as_datagram(row.data)
    assert [
        at for at in range(1, len(row.data)) if came(row.data[:at], row.data[at:]) != wanted
    ] == []


@pytest.mark.parametrize("row", params(SAME))
def test_what_follows_is_the_next_message(row: Row) -> None:
    wanted = as_datagram(row.data) + as_datagram(NEXT)
    assert came(row.data + NEXT) == wanted
    assert came(*one_by_one(row.data + NEXT)) == wanted
    assert came(row.data + b"\r\n", NEXT) == wanted


@pytest.mark.parametrize("row", params(CLOSES))
def test_without_one_certain_length_the_stream_ends(row: Row) -> None:
    for pieces in ([row.data + NEXT], one_by_one(row.data + NEXT)):
        state, told = feed(*pieces)
        assert state == framing.Broken()
        (broke,) = told
        assert isinstance(broke, framing.Fatal)
        assert (broke.error.status_hint, broke.error.header) == (400, "content-length")
        assert isinstance(broke.error.message, sansip.Request)


@pytest.mark.parametrize("row", params(WAITS))
def test_what_is_not_all_there_is_waited_for_until_time_is_up(row: Row) -> None:
    for pieces in ([row.data], one_by_one(row.data)):
        state, told = feed(*pieces)
        assert not told
        state, outputs = framing.step(state, framing.Expired())
        assert state == framing.Broken()
        (broke,) = outputs
        assert isinstance(broke, framing.Fatal)
        assert broke.error.status_hint == 400
        assert isinstance(broke.error.message, sansip.Request)


@pytest.mark.rule("4475-3.1.1.8")
def test_dblreq_is_two_messages() -> None:
    wanted = as_datagram(valid.DBLREQ) + as_datagram(valid.AFTER_DBLREQ)
    assert came(valid.DBLREQ + valid.AFTER_DBLREQ) == wanted
    assert came(*one_by_one(valid.DBLREQ + valid.AFTER_DBLREQ)) == wanted


@pytest.mark.rule("4475-3.4.1")
def test_inv2543_can_be_had_over_a_stream_by_who_believes_that_it_has_no_body() -> None:
    head = semantics.INV2543.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    _, outputs = framing.step(framing.start(), framing.Received(head), missing_length_is_zero=True)
    assert [o for o in outputs if not isinstance(o, CLOCK)] == [
        framing.Complete(sansip.parse(head), len(head))
    ]
