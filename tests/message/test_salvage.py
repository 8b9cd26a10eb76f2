"""What is left of messages that cannot be read: enough for an answer, nothing else."""

import pytest

from sansip.errors import RemoteProtocolError
from sansip.message import Request, Response, parse, reply, salvage, top_branch
from sansip.message.limits import DEFAULT_LIMITS

VIA = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"


def saved(text: str) -> Request | Response | None:
    return salvage(text.encode(), DEFAULT_LIMITS)


def test_an_error_answer_can_be_made_of_what_was_saved() -> None:
    data = (
        f"INVITE  sip:bob@example.com SIP/2.0\r\n{VIA}\r\nVia: x\r\n \r\nbroken\r\nSubject: x\r\n"
        "Max-Forwards: 3\r\nTo: <sip:a>\r\n ;x=y\r\nTo: <sip:b>\r\nCSeq: 1 INVITE\r\n\r\n"
    )
    with pytest.raises(RemoteProtocolError) as caught:
        parse(data.encode())
    request = caught.value.message
    assert isinstance(request, Request)
    answer = reply(request, 400, to_tag="t")
    assert (
        answer.render()
        == (
            f"SIP/2.0 400 Bad Request\r\n{VIA}\r\nVia: x\r\nTo: <sip:a> ;x=y;tag=t\r\n"
            "CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        ).encode()
    )


def test_a_line_that_may_have_been_cut_off_is_not_saved() -> None:
    request = saved(f"INVITE sip:b SIP/2.0\r\n{VIA}\r\nTo: <sip:b")
    assert request is not None
    assert request.names == ("via",)


def test_rows_with_a_bare_cr_or_too_long_are_not_saved() -> None:
    request = saved(f"INVITE sip:b SIP/2.0\n{VIA}\nTo: a\rb\nFrom: {'x' * 20_000}\n\r\n\r\n")
    assert request is not None
    assert request.names == ("via",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "INVITE\r\n",
        f"IN VITE\r\n\r\n{VIA}",
        f"/ x\r\n{VIA}\r\n\r\n",
        "INVITE sip:b\r\n\r\n",
    ],
)
def test_nothing_is_saved_of_what_cannot_be_answered(text: str) -> None:
    assert saved(text) is None


@pytest.mark.parametrize(
    ("start", "status"), [("SIP/9 486 x", 486), ("sip/", 0), ("SIP/2.0 5x0", 0)]
)
def test_a_response_is_told_from_a_request(start: str, status: int) -> None:
    response = saved(f"{start}\r\n{VIA}\r\n\r\n")
    assert isinstance(response, Response)
    assert (response.status, response.names) == (status, ("via",))


SENT = (
    b"INVITE sip:bob@example.com SIP/2.0\r\n"
    b"v :SIP/2.0/UDP 192.0.2.9;rport\r\n ; Branch = z9hG4bKmine;x=y,SIP/2.0/UDP a;branch=no\r\n"
    b"Via: SIP/2.0/UDP b;branch=never\r\n\r\nVia: SIP/2.0/UDP c;branch=body\r\n"
)


def test_the_branch_of_a_quoted_message_is_found_only_once_it_is_complete() -> None:
    complete = SENT.index(b"z9hG4bKmine") + len(b"z9hG4bKmine;")
    for end in range(len(SENT) + 1):
        assert top_branch(SENT[:end]) == ("z9hG4bKmine" if end >= complete else None)


@pytest.mark.parametrize(
    ("quoted", "branch"),
    [
        (b"X\r\nVia: SIP/2.0/UDP a;branch=1\r\nT", "1"),
        (b"X\r\nVia: SIP/2.0/UDP a;branch=1\r\n\r\n", "1"),
        (b"X\r\nVia: SIP/2.0/UDP a;branch=1\r", None),
        (b"X\r\nVia: SIP/2.0/UDP a;branch=\xff;x\r\n", None),
        (b"X\r\nVia: SIP/2.0/UDP a;rport\r\n\r\n", None),
        (b"X\r\nTo: <sip:a>\r\n\r\n", None),
        (b"X\r\n\r\nVia: SIP/2.0/UDP a;branch=1\r\n\r\n", None),
    ],
)
def test_other_quotes(quoted: bytes, branch: str | None) -> None:
    assert top_branch(quoted) == branch
