"""What a journal leaves out, and that lengths stay: datagrams, streams, what is delivered."""

import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sansip
from journals import journal_of, objects, steps, written
from sansip.journal import BODY, CREDENTIALS
from sansip.journal.redaction import Redaction
from sansip.testing import requests, segmentations
from stage import GW_1, SDP, ToGroup, make_request, on_stage

ALL = (*CREDENTIALS, BODY)
ADDRESS = sansip.Address("192.0.2.1", 5060)
SECRET = 'Digest username="alice", response="5ec7e7"'
HIDDEN = "xxxxxx xxxxxxxxxxxxxxxxx xxxxxxxxxxxxxxxxx"
MESSAGE = (
    b"REGISTER sip:h SIP/2.0\r\n"
    b"Authorization: Digest a,\r\n b\r\n"
    b"PROXY-AUTHORIZATION\t:\tBasic c\r\n"
    b"X-Authorization: kept\r\n"
    b"Content-Length: 4\r\n\r\n"
    b"a \r\n"
)
LEFT = (
    b"REGISTER sip:h SIP/2.0\r\n"
    b"Authorization: xxxxxx xx\r\n x\r\n"
    b"PROXY-AUTHORIZATION\t:\txxxxx x\r\n"
    b"X-Authorization: kept\r\n"
    b"Content-Length: 4\r\n\r\n"
    b"x \r\n"
)


def test_credentials_and_bodies_are_left_out_and_nothing_else() -> None:
    assert Redaction(ALL).message(MESSAGE) == LEFT


def test_what_is_not_named_stays() -> None:
    assert Redaction((BODY,)).message(MESSAGE) == MESSAGE[:-4] + b"x \r\n"
    assert Redaction(CREDENTIALS).message(MESSAGE) == LEFT[:-4] + MESSAGE[-4:]


def test_names_may_be_given_and_come_in_any_spelling() -> None:
    redaction = Redaction(["Subject", "K"])
    assert redaction.names == ("subject", "supported")
    data = b"X\r\ns: a\r\nSUBJECT:b\r\nSupported : c\r\nk: d\r\nsubjects: e\r\n\r\n"
    left = b"X\r\ns: x\r\nSUBJECT:x\r\nSupported : x\r\nk: x\r\nsubjects: e\r\n\r\n"
    assert redaction.message(data) == left


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\r\n\r\n", b"\0", b"INVITE", b"Authorization"])
def test_what_has_no_secrets_stays_as_it_is(data: bytes) -> None:
    assert Redaction(ALL).message(data) == data


def test_the_beginning_of_a_message_that_came_back_is_redacted_too() -> None:
    event = sansip.SendFailed(1.0, "udp:h", ADDRESS, "ICMP", None, MESSAGE[:40])
    assert Redaction(ALL).event(event) == dataclasses.replace(event, quoted=LEFT[:40])


def test_what_programs_submit_and_get_is_redacted_too() -> None:
    request = make_request(headers=[("Authorization", SECRET)], body=SDP)
    response = sansip.reply(request, 200).with_body(b"secret").append("Authorization", SECRET)
    redaction = Redaction(ALL)
    for event in (
        sansip.RequestSubmitted(1.0, "h", request),
        sansip.AckSubmitted(1.0, request),
        sansip.ResponseSubmitted(1.0, "h", response),
    ):
        redacted = redaction.event(event)
        message = getattr(redacted, "request", None) or getattr(redacted, "response", None)
        assert isinstance(message, sansip.Request | sansip.Response)
        assert message.get("authorization") == HIDDEN
        assert set(message.body.split()) <= {b"x" * n for n in range(40)}
    for message in (request, response):
        deliver = redaction.action(sansip.Deliver("h", "request", message))
        assert isinstance(deliver, sansip.Deliver)
        assert deliver.message is not None
        assert deliver.message.get("authorization") == HIDDEN
        assert deliver.message.render() == redaction.message(message.render())


def test_what_has_no_message_stays_as_it_is() -> None:
    redaction = Redaction(ALL)
    for event in (
        sansip.CancelSubmitted(1.0, "h"),
        sansip.FlowClosed(1.0, 3),
        sansip.TimerFired(1.0, sansip.Timer("c|x", "A", 1)),
    ):
        assert redaction.event(event) is event
    for action in (sansip.Deliver("h", "end", None), sansip.CloseFlow(1)):
        assert redaction.action(action) is action


# Connections


def heard(pieces: Sequence[bytes], names: tuple[str, ...] = ALL, flow: int = 1) -> list[bytes]:
    redaction = Redaction(names)
    found: list[bytes] = []
    for piece in pieces:
        event = redaction.event(sansip.StreamReceived(1.0, flow, piece))
        assert isinstance(event, sansip.StreamReceived)
        found.append(event.data)
    return found


@given(segmentations(MESSAGE + b"\r\n\r\n" + MESSAGE))
def test_however_a_stream_is_cut_the_same_is_left_out(pieces: tuple[bytes, ...]) -> None:
    found = heard(pieces)
    assert [len(piece) for piece in found] == [len(piece) for piece in pieces]
    assert b"".join(found) == LEFT + b"\r\n\r\n" + LEFT


@given(st.lists(requests(), min_size=1, max_size=3), st.data())
def test_of_any_messages_the_same_is_left_out_of_a_stream(
    messages: list[sansip.Request], data: st.DataObject
) -> None:
    wire = [message.render() for message in messages]
    pieces = data.draw(segmentations(b"".join(wire)))
    names = ("authorization", "subject")
    whole = b"".join([Redaction(names).message(each) for each in wire])
    assert b"".join(heard(pieces, names)) == whole


def test_bodies_of_a_stream_stay_unless_they_are_named() -> None:
    assert heard([MESSAGE, MESSAGE], CREDENTIALS) == [LEFT[:-4] + MESSAGE[-4:]] * 2


def test_a_length_holds_for_one_message_only() -> None:
    second = b"BYE sip:h SIP/2.0\r\nl:0\r\n\r\nAuthorization: a\r\n\r\n"
    (found,) = heard([MESSAGE + second])
    assert found == LEFT + second.replace(b": a", b": x")


def test_connections_are_told_apart_and_forgotten() -> None:
    redaction = Redaction(ALL)
    cut = 40
    for flow in (1, 2):
        redaction.event(sansip.StreamReceived(1.0, flow, MESSAGE[:cut]))
    redaction.event(sansip.FlowClosed(2.0, 1))
    rest = [redaction.event(sansip.StreamReceived(3.0, flow, b"Digest\r\n")) for flow in (1, 2)]
    assert rest[0] == sansip.StreamReceived(3.0, 1, b"Digest\r\n")  # it begins anew
    assert rest[1] == sansip.StreamReceived(3.0, 2, b"xxxxxx\r\n")


@pytest.mark.parametrize(
    "row",
    [
        b"Content-Length:\r\n 27\r\n",
        b"Content-Length: 27\r\n \r\n",
        b"Content-Length:" + b" " * 80 + b"27\r\n",
        b"l" + b" " * 80 + b":" + b"0" * 80 + b"27\r\n",
    ],
)
@given(st.data())
def test_a_length_may_be_written_in_odd_ways(row: bytes, data: st.DataObject) -> None:
    message = b"INVITE sip:h SIP/2.0\r\n" + row + b"\r\n"
    body, left = b"v=0\r\n\r\nContent-Length: 40\r\n", b"xxx\r\n\r\nxxxxxxxxxxxxxxx xx\r\n"
    stream, expected = message + body[:27] + MESSAGE, message + left[:27] + LEFT
    assert b"".join(heard(data.draw(segmentations(stream)))) == expected


@pytest.mark.parametrize(
    "head",
    [
        b"INVITE sip:h SIP/2.0\r\nContent-Length: x\r\n\r\n",
        b"INVITE sip:h SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"INVITE sip:h SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\n",
        b"INVITE sip:h SIP/2.0\r\n\r\n",
        b"INVITE sip:h SIP/2.0\nl: 1\n\n",
    ],
)
def test_what_nobody_knows_the_end_of_is_left_out_altogether(head: bytes) -> None:
    assert heard([head + b"BYE sip:h", b"\r\n"]) == [head + b"xxx xxxxx", b"\r\n"]
    row = b"Authorization: a\r\n"
    assert heard([head + row], CREDENTIALS) == [head + row.replace(b": a", b": x")]


def test_an_empty_line_of_bare_line_feeds_ends_no_head() -> None:
    head = b"INVITE sip:h SIP/2.0\r\nl: 1\r\nX: a\n\nTo: b\r\nX: a\n\r\nVia: c\r\n\r\n"
    assert heard([head + b"ab"]) == [head + b"xb"]
    assert Redaction(ALL).message(head + b"a") == head + b"x"
    assert Redaction(ALL).message(b"INVITE sip:h SIP/2.0\n\nv=0") == b"INVITE sip:h SIP/2.0\n\nxxx"


@pytest.mark.parametrize("row", [b"Authorization\r\n : %b", b"Authorization: a\r\n\r b, %b"])
def test_rows_that_are_nearly_right_are_left_out(row: bytes) -> None:
    message = b"INVITE sip:h SIP/2.0\r\n" + row % b"5ec7e7" + b"\r\n\r\n"
    assert b"5ec7e7" not in Redaction(ALL).message(message)
    assert b"5ec7e7" not in heard([message])[0]


def test_reports_quote_no_credentials() -> None:
    redaction = Redaction(ALL)
    for row in ("'Authorization\\r\\n : 5ec7e7'", '"authorization 5ec7e7\'"'):
        report = sansip.Report("malformed", "h", f"{row} does not begin with a name and a colon")
        hidden = redaction.action(report)
        assert isinstance(hidden, sansip.Report)
        assert hidden.text.lower() == "'authorization...' does not begin with a name and a colon"
    for text in ("'Authorization' is odd", "To: is missing", "'X' does not begin with a colon"):
        other = sansip.Report("malformed", "h", text)
        assert redaction.action(other) == other
    bodies = sansip.Report("malformed", "h", "'Authorization 5' does not begin with a colon")
    assert Redaction((BODY,)).action(bodies) == bodies


def test_of_connections_that_are_closed_here_nothing_is_kept() -> None:
    redaction = Redaction(ALL)
    redaction.event(sansip.StreamReceived(1.0, 1, b"INVITE sip:h SIP/2.0\r\nAuthorization: "))
    redaction.action(sansip.CloseFlow(1))
    event = sansip.StreamReceived(1.0, 1, b"INVITE")
    assert redaction.event(event) == event  # it is another one


# Journals


def test_a_journal_says_what_is_left_out_of_it() -> None:
    lines = written(sansip.StreamReceived(1.0, 1, MESSAGE), redacted=["Authorization", "body"])
    assert objects(lines)[0]["redacted"] == ["authorization", "body"]
    (step,) = steps(lines)
    assert step.event == sansip.StreamReceived(
        1.0, 1, Redaction(["authorization", "body"]).message(MESSAGE)
    )


def test_no_secret_is_anywhere_in_a_redacted_journal() -> None:
    stage = on_stage(ToGroup())
    stage.receive(make_request(headers=[("Proxy-Authorization", SECRET)], body=SDP))
    stage.respond(200, GW_1)
    plain, redacted = (journal_of(stage, redacted=names) for names in ((), ALL))
    for line, hidden in zip(plain[1:], redacted[1:], strict=True):
        assert len(line) >= len(hidden)
    assert "5ec7e7" in "".join(plain)
    assert "5ec7e7" not in "".join(redacted)
    assert "v=0" in "".join(plain)
    assert "v=0" not in "".join(redacted)
