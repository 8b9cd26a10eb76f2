"""The program's responses (RFC 3261 8.2.6, RFC 4320 4)."""

import pytest

from sansip import LocalProtocolError, Request, Response
from sansip.agent import fitted
from sansip.message import reply
from stage import make_request

INVITE = make_request(headers=[("Via", "SIP/2.0/UDP other;branch=z9hG4bKo")])
INSIDE = make_request("BYE", to_tag="bob")


def fit(request: Request, response: Response, chosen: str | None = None) -> Response:
    return fitted(request, response, chosen, "drawn")


@pytest.mark.rule("3261-8.2.6.2-01")
@pytest.mark.parametrize("status", [180, 200, 302, 486, 603])
def test_a_response_without_a_to_tag_gets_one(status: int) -> None:
    assert fit(INVITE, reply(INVITE, status)).to_tag == "drawn"
    assert fit(INVITE, reply(INVITE, status), "chosen").to_tag == "chosen"
    assert fit(INVITE, reply(INVITE, status, to_tag="mine")).to_tag == "mine"
    assert fit(INVITE, reply(INVITE, status, to_tag="mine"), "mine").to_tag == "mine"


@pytest.mark.rule("3261-8.2.6.2-01")
def test_a_100_gets_no_tag_and_one_that_is_there_stays() -> None:
    assert fit(INVITE, reply(INVITE, 100)).to_tag is None
    assert fit(INSIDE, reply(INSIDE, 200)).to_tag == "bob"


@pytest.mark.rule("3261-8.2.6.2-01")
def test_all_responses_have_one_tag() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        fit(INVITE, reply(INVITE, 200, to_tag="b"), "a")
    assert str(caught.value) == "the 200 has To tag 'b', an earlier response had 'a'"


ALIEN: list[tuple[Request, Response, str]] = [
    (INVITE, reply(INVITE, 200).pop_first("Via"), "Via"),
    (INVITE, reply(INVITE, 200).prepend("Via", "SIP/2.0/UDP x;branch=z9hG4bK1"), "Via"),
    (INVITE, reply(make_request(call_id="2"), 200).set("Via", *INVITE.values("Via")), "Call-ID"),
    (INVITE, reply(INVITE, 200).set("CSeq", "2 INVITE"), "CSeq"),
    (INVITE, reply(INVITE, 200).set("From", "<sip:eve@example.org>;tag=e"), "From"),
    (INVITE, reply(INVITE, 200).set("To", "<sip:eve@example.org>"), "To"),
    (INVITE, reply(INVITE, 200).set("To", "<sip:bob@gw.example.com>x"), "To"),
    (INVITE, reply(INVITE, 200).remove("To"), "To"),
    (INVITE, reply(INVITE, 100).set("To", "<sip:eve@example.org>"), "To"),
    (INSIDE, reply(INSIDE, 200).set("To", "<sip:bob@gw.example.com>;tag=eve"), "To"),
]


@pytest.mark.rule("3261-8.2.6.2-01")
@pytest.mark.parametrize(("request_", "response", "name"), ALIEN)
def test_what_answers_another_request_is_a_mistake(
    request_: Request, response: Response, name: str
) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        fit(request_, response)
    assert f" {name} is " in str(caught.value)
    assert str(caught.value).endswith("make it with sansip.reply")


@pytest.mark.rule("4320-4.1-01", "4320-4.2-01")
@pytest.mark.parametrize("status", [101, 180, 199, 408])
def test_what_no_non_invite_may_get(status: int) -> None:
    with pytest.raises(LocalProtocolError, match=f"no {status} to BYE: RFC 4320"):
        fit(INSIDE, reply(INSIDE, status))
    assert fit(INVITE, reply(INVITE, status)).status == status


@pytest.mark.parametrize("length", [(), (("Content-Length", "1"),), (("Content-Length", "x"),)])
def test_the_length_of_the_body_is_what_it_is(length: tuple[tuple[str, str], ...]) -> None:
    made = reply(INVITE, 200, headers=length, body=b"body")
    assert fit(INVITE, made).rows("content-length") == ("4",)
    assert fit(INVITE, made.remove("Content-Length")).rows("content-length") == ("4",)
