"""Callers and gateways: what they do by themselves, and what when they hear something."""

import pytest

from sansip.address import Address
from sansip.explore import Call
from sansip.explore.parties import (
    CALLS,
    CANCELS,
    REFUSED,
    SILENT,
    UNAVAILABLE,
    Datagram,
    Gateway,
    Party,
    again,
    caller,
    due,
    later,
)
from sansip.message import Request, Response, ack, cancel, parse, reply
from sansip.timing import Timing

PROXY = Address("192.0.2.10", 5060)
HOME = Address("198.51.100.1", 5060)
PLACE = Address("203.0.113.1", 5060)
TIMING = Timing()
ALICE = caller(1, Call("sip:bob@203.0.113.1"), HOME, PROXY, TIMING)
INVITE = ALICE.script.invite
IDLE = Gateway(PLACE, (180, 200, 486), TIMING)


def packet(message: Request | Response, to: Address = PLACE, source: Address = PROXY) -> Datagram:
    return Datagram(source, to, message.render())


def said(sent: tuple[Datagram, ...]) -> list[str]:
    """Start lines, without the version."""
    lines = [each.data.partition(b"\r\n")[0].decode() for each in sent]
    return [line.removeprefix("SIP/2.0 ").removesuffix(" SIP/2.0") for line in lines]


def answered(who: Party, *statuses: int) -> tuple[Party, tuple[Datagram, ...]]:
    sent: tuple[Datagram, ...] = ()
    for status in statuses:
        headers = [("Contact", "<sip:203.0.113.1>")]
        made = reply(INVITE, status, to_tag="t", headers=headers)
        who, sent = who.takes(packet(made, HOME))
    return who, sent


def calling() -> Party:
    return ALICE.act(CALLS)[0]


def invited(fault: str = "") -> Party:
    return IDLE.takes(packet(INVITE), fault)[0]


# --- callers


def test_a_caller_calls_once_and_says_it_again_until_something_comes() -> None:
    assert ALICE.acts() == (CALLS,)
    who, sent = ALICE.act(CALLS)
    assert said(sent) == ["INVITE sip:bob@203.0.113.1"]
    assert who.acts() == ()
    assert due(who) == 0.5
    who, sent = again(later(who, 0.5))
    assert said(sent) == ["INVITE sip:bob@203.0.113.1"]
    assert due(who) == 1.0
    who, _ = answered(who, 100)
    assert due(who) == float("inf")
    assert later(who, 1.0) is who


def test_a_caller_gives_up_after_64_t1() -> None:
    who, times = calling(), 0
    while who.said:
        who, sent = again(later(who, due(who)))
        times += len(sent)
    assert times == 6


def test_a_caller_cancels_once_something_has_come_and_not_twice() -> None:
    who, _ = answered(calling(), 180)
    assert who.acts() == (CANCELS,)
    who, sent = who.act(CANCELS)
    assert said(sent) == ["CANCEL sip:bob@203.0.113.1"]
    assert who.acts() == ()
    who, _ = who.takes(packet(reply(cancel(INVITE), 200), HOME))
    assert not who.said


def test_a_caller_that_is_patient_never_cancels() -> None:
    patient = caller(1, Call("sip:bob@203.0.113.1", cancel=False), HOME, PROXY, TIMING)
    who, _ = answered(patient.act(CALLS)[0], 180)
    assert who.acts() == ()


def test_every_final_response_gets_its_ack() -> None:
    who, sent = answered(calling(), 486)
    assert said(sent) == ["ACK sip:bob@203.0.113.1"]
    who, sent = answered(who, 180, 200)
    assert said(sent) == ["ACK sip:203.0.113.1"]
    assert sent[0].to == PLACE
    assert who.acts() == ()


def test_an_ack_follows_the_route() -> None:
    made = reply(INVITE, 200, to_tag="t", headers=[("Contact", "<sip:phone.example.com>")])
    _, sent = calling().takes(packet(made, HOME))
    assert sent[0].to == PROXY  # a name: whoever is asked first may know
    made = made.prepend("Record-Route", "<sip:192.0.2.10:5062;lr>")
    _, sent = calling().takes(packet(made, HOME))
    assert sent[0].to == Address("192.0.2.10", 5062)
    assert b"\r\nRoute: <sip:192.0.2.10:5062;lr>" in sent[0].data


def test_a_caller_takes_no_requests_and_no_noise() -> None:
    assert ALICE.takes(packet(INVITE, HOME)) == (ALICE, ())
    assert ALICE.takes(Datagram(PROXY, HOME, b"noise")) == (ALICE, ())
    assert ALICE.faults(packet(INVITE, HOME)) == ()
    assert not ALICE.gone


# --- gateways


def test_a_gateway_takes_an_invite_with_100_and_may_answer_at_any_time() -> None:
    who, sent = IDLE.takes(packet(INVITE))
    assert said(sent) == ["100 Trying"]
    assert who.acts() == ("0 180", "0 200", "0 486")
    who, sent = who.act("0 180")
    assert said(sent) == ["180 Ringing"]
    assert who.acts() == ("0 200", "0 486")
    assert said(who.takes(packet(INVITE))[1]) == ["180 Ringing"]
    who, sent = who.act("0 200")
    assert said(sent) == ["200 OK"]
    assert who.acts() == ()
    assert due(who) == 0.5


def test_a_final_response_is_said_again_until_its_ack() -> None:
    who, sent = invited().act("0 486")
    assert said(again(later(who, 0.5))[1]) == ["486 Busy Here"]
    response = parse(sent[0].data)
    assert isinstance(response, Response)
    who, sent = who.takes(packet(ack(INVITE, response)))
    assert sent == ()
    assert not who.said


def test_a_silent_gateway_takes_an_invite_and_hears_nothing_until_it_wakes() -> None:
    who = invited(SILENT)
    assert who.takes(packet(INVITE)) == (who, ())
    assert who.takes(packet(cancel(INVITE))) == (who, ())
    assert said(who.act("0 200")[1]) == ["200 OK"]


def test_a_cancel_is_answered_and_ends_what_is_not_ended() -> None:
    who, sent = invited().takes(packet(cancel(INVITE)))
    assert said(sent) == ["200 OK", "487 Request Terminated"]
    assert said(who.takes(packet(cancel(INVITE)))[1]) == ["200 OK"]
    assert said(IDLE.takes(packet(cancel(INVITE)))[1]) == ["481 Call/Transaction Does Not Exist"]


@pytest.mark.parametrize(
    ("who", "message", "faults"),
    [
        (IDLE, INVITE, (REFUSED, UNAVAILABLE, SILENT)),
        (invited(), INVITE, (REFUSED,)),
        (IDLE, cancel(INVITE), (REFUSED,)),
    ],
)
def test_what_may_go_wrong_with_a_gateway(
    who: Gateway, message: Request, faults: tuple[str, ...]
) -> None:
    assert who.faults(packet(message)) == faults


def test_a_gateway_may_have_no_room_or_be_gone() -> None:
    assert said(IDLE.takes(packet(INVITE), UNAVAILABLE)[1]) == ["503 Service Unavailable"]
    who, sent = IDLE.takes(packet(INVITE), REFUSED)
    assert who.gone
    assert sent == ()


def test_a_gateway_answers_other_requests_and_no_noise() -> None:
    rows = INVITE.lines
    bye = parse(
        "\r\n".join(["BYE sip:b SIP/2.0", *rows, "", ""]).replace("1 INVITE", "2 BYE").encode()
    )
    assert said(IDLE.takes(packet(bye))[1]) == ["200 OK"]
    assert IDLE.takes(Datagram(PROXY, PLACE, b"noise")) == (IDLE, ())


def test_a_gateway_tells_its_calls_apart() -> None:
    other = caller(2, Call("sip:bob@203.0.113.1"), HOME, PROXY, TIMING)
    both, _ = invited().takes(packet(other.script.invite))
    assert both.acts()[3:] == ("1 180", "1 200", "1 486")
    assert said(both.takes(packet(other.script.invite))[1]) == ["100 Trying"]
    assert both.name == "gateway 203.0.113.1:5060"
    assert other.name == "caller 2"
