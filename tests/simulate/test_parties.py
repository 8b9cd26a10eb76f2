"""Phones and gateways: what a script does by itself, here without any engine between them."""

from sansip.message import Request, Response, reply
from sansip.simulate import (
    BUSY,
    PICKS_UP,
    RINGS,
    SILENT,
    UNAVAILABLE,
    Answer,
    Gateway,
    Link,
    Packet,
    Phone,
    World,
)
from sansip.simulate.gateway import Script
from sansip.simulate.network import Unreachable

URI = "sip:bob@example.com"


def pair(answers: Script = PICKS_UP, link: Link | None = None) -> tuple[World, Phone, Gateway]:
    world = World(link=link)
    gateway = world.gateway("203.0.113.1", answers, "gw")
    return world, world.phone("198.51.100.1", gateway, BUSY, "phone"), gateway


def said(world: World, sender: str) -> list[str]:
    """The start lines of what somebody has sent, without the version."""
    lines = [s.data.partition(b"\r\n")[0].decode() for s in world.wire if s.sender == sender]
    return [line.removeprefix("SIP/2.0 ").partition(" ")[0] for line in lines]


def test_a_call_from_invite_to_bye() -> None:
    world, phone, gateway = pair()
    call = phone.call(URI, after=1.0, talk=2.0, headers=(("X-A", "1"),), body=b"x")
    world.run()
    assert said(world, "phone") == ["INVITE", "ACK", "BYE"]
    assert said(world, "gw") == ["100", "180", "200", "200"]
    assert (call.status, call.reason, call.provisional, call.ended) == (200, "OK", [100, 180], 200)
    assert call.answered_by == gateway.address
    assert round(call.set_up, 3) == 0.51
    assert call.begun == 1.0
    (invite,) = gateway.invites
    assert (invite.get("x-a"), invite.body) == ("1", b"x")


def test_a_phone_may_be_called_like_a_gateway() -> None:
    world, phone, gateway = pair()
    other = world.phone("198.51.100.2", phone)
    call = other.call(URI)
    assert repr(call) == f"<Call to {URI}: ...>"
    world.run()
    assert call.status == 486
    assert gateway.invites == []


def test_a_refusal_gets_an_ack_and_is_the_end() -> None:
    world, phone, _ = pair(UNAVAILABLE)
    call = phone.call(URI, give_up=1.0)
    world.run()
    assert said(world, "phone") == ["INVITE", "ACK"]
    assert (call.status, call.reason, call.ended) == (503, "Service Unavailable", 0)


def test_a_silent_gateway_hears_seven_invites_and_the_phone_gives_up() -> None:
    world, phone, gateway = pair(SILENT)
    call = phone.call(URI)
    world.run()
    assert said(world, "phone") == ["INVITE"] * 7
    assert len(gateway.invites) == 1
    assert (call.status, call.reason, call.set_up) == (408, "nobody answered", 32.0)


def test_a_call_that_is_given_up_is_cancelled() -> None:
    world, phone, _ = pair(RINGS)
    call = phone.call(URI, give_up=2.0)
    world.run()
    assert said(world, "phone") == ["INVITE", "CANCEL", "ACK"]
    assert said(world, "gw") == ["100", "180", "200", "487"]
    assert (call.status, call.cancelled) == (487, True)


def test_a_cancel_waits_for_the_first_provisional_response() -> None:
    world, phone, _ = pair((Answer(2.0, 180), Answer(2.1, 183)))
    call = phone.call(URI, give_up=1.0)
    world.run()
    assert said(world, "phone").count("CANCEL") == 1
    assert call.provisional == [180]
    assert call.status == 487


def test_who_answers_all_the_same_is_hung_up_on_at_once() -> None:
    world, phone, _ = pair((Answer(0.0, 180), Answer(1.0, 200)))
    phone.call(URI, give_up=1.006, talk=60.0)
    world.run(2.0)
    assert said(world, "phone") == ["INVITE", "CANCEL", "ACK", "BYE"]


def test_nobody_waits_for_ever_for_the_end_of_a_cancelled_call() -> None:
    world, phone, gateway = pair(RINGS)
    call = phone.call(URI, give_up=1.0)
    world.run(0.5)
    gateway.crash()
    world.run()
    assert said(world, "phone").count("CANCEL") == 11  # as Timer E has it
    assert (call.status, call.reason) == (487, "gave up")


def test_a_bye_that_nobody_answers_is_408() -> None:
    world, phone, gateway = pair()
    call = phone.call(URI)
    world.run(1.0)
    world.cut(gateway)
    world.run()
    assert (call.status, call.ended) == (200, 408)


def test_an_answer_is_said_again_until_its_ack_comes() -> None:
    for answers, repeated in ((PICKS_UP, "200"), ((Answer(0.5, 486),), "486")):
        world, phone, gateway = pair(answers)
        phone.call(URI)
        world.run(0.3)
        world.cut(phone)
        world.run()
        assert said(world, "gw").count(repeated) >= 10
        gateway.crash()
        assert not gateway.up


def test_copies_of_an_invite_get_the_last_answer_once_more() -> None:
    world, phone, gateway = pair((Answer(0.1, 180), Answer(0.2, 486)), Link(duplication=1.0))
    call = phone.call(URI)
    world.run(0.15)
    phone.say(call.invite, gateway.address)
    world.run()
    assert call.status == 486
    assert len(gateway.invites) == 1
    assert said(world, "gw") == ["180", "180", "180", "486"]


def test_a_script_may_look_at_the_invite() -> None:
    world, phone, gateway = pair(lambda invite: BUSY if "busy" in invite.uri_text else PICKS_UP)
    calls = [phone.call(uri) for uri in (URI, "sip:busy@example.com")]
    world.run()
    assert [call.status for call in calls] == [200, 486]
    gateway.answers = BUSY
    calls.append(phone.call(URI))
    world.run()
    assert calls[-1].status == 486


def test_each_of_two_who_answer_gets_its_ack_and_the_second_a_bye() -> None:
    world, phone, gateway = pair()
    second = world.gateway("203.0.113.2", name="second")
    call = phone.call(URI, talk=10.0)
    world.run(1.0)
    contact = (("Contact", "<sip:bob@203.0.113.2>"),)
    made = reply(gateway.invites[0], 200, to_tag="other", headers=contact)
    second.say(made, phone.address)
    second.say(made, phone.address)
    world.run(2.0)
    seen = [s.data[:3] for s in world.wire if s.receiver == "second"]
    assert seen == [b"ACK", b"BYE", b"ACK"]
    world.run()
    assert call.answered_by == gateway.address
    assert len(call.dialogs) == 2


def test_a_dialog_whose_contact_is_a_name_or_missing_goes_by_the_proxy() -> None:
    for headers in ((), (("Contact", "<sip:bob@example.com>"),)):
        world, phone, gateway = pair(SILENT)
        call = phone.call(URI)
        world.run(0.1)
        gateway.say(reply(gateway.invites[0], 200, to_tag="x", headers=headers), phone.address)
        world.run()
        assert call.answered_by is None
        assert said(world, "phone")[-2:] == ["ACK", "BYE"]
        assert {s.receiver for s in world.wire if s.sender == "phone"} == {"gw"}


def test_what_is_not_meant_for_anybody_is_left() -> None:
    world, phone, gateway = pair()
    call = phone.call(URI)
    world.run()
    count = len(world.wire)
    stray = Response.make(200, "OK", [("Call-ID", "other"), ("CSeq", "1 INVITE")])
    phone.answered(stray)
    phone.answered(Response.make(100, "Trying", [("Call-ID", call.call_id), ("CSeq", "2 BYE")]))
    phone.unanswered("INVITE other ")
    phone.unanswered("CANCEL other ")
    phone.happens(Unreachable(Packet(phone.address, gateway.address, b"", None)))
    phone.happens(Packet(gateway.address, phone.address, b"", None))
    assert len(world.wire) == count


def test_a_gateway_answers_everything_else_with_200() -> None:
    world, phone, gateway = pair()
    via = f"SIP/2.0/UDP {phone.address};branch=z9hG4bKx"
    head = [("Via", via), ("Call-ID", "x"), ("From", "<sip:a@b>;tag=1"), ("To", "<sip:a@b>")]
    for method in ("OPTIONS", "CANCEL"):
        asked = Request.make(method, URI, [*head, ("CSeq", f"1 {method}")])
        phone.say(asked, gateway.address)
    world.run()
    assert said(world, "gw") == ["200", "200"]
