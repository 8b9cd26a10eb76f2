"""Redirections: a 3xx goes to the caller, or where a failure route wants the call to go instead."""

import pytest

import sansip
from stage import CALLER, GW_1, GW_2, Stage, Whatever, make_request, on_stage

DESK = f"sip:bob@{GW_2}"
THIRD = sansip.Address("203.0.113.3", 5060)


class Follower(sansip.Policy):
    """It follows every redirection, to all contacts at once."""

    def __init__(self, **options: Whatever) -> None:
        self.options = options

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        return sansip.Relay(f"sip:bob@{GW_1}", on_failure="failed", **self.options)

    def failed(self, failed: sansip.Failed) -> sansip.FailureDecision:
        if failed.best is None or failed.best.status != 302:
            return sansip.Finish()
        contacts = [place.uri_text for place in sansip.headers.CONTACT.of(failed.best)]
        return sansip.Relay(contacts, on_failure="failed")


def redirected(*contacts: str, uri: str = "sip:bob@gw.example.com") -> Stage:
    stage = on_stage(Follower())
    stage.receive(make_request(uri=uri))
    redirection = sansip.reply(stage.at(GW_1, "INVITE")[0], 302, to_tag="gw")
    for contact in contacts:
        redirection = redirection.append("Contact", f"<{contact}>")
    stage.receive(redirection, GW_1)
    return stage


@pytest.mark.rule("3261-16.7.6-01")
def test_by_itself_a_redirection_goes_to_the_caller() -> None:
    stage = on_stage()
    stage.receive(make_request())
    stage.respond(302, GW_1)
    assert stage.statuses() == [100, 302]


@pytest.mark.rule("3261-8.1.3.4-01")
def test_a_failure_route_may_follow_it_with_the_same_call_and_a_new_branch() -> None:
    stage = redirected(DESK, f"sip:bob@{THIRD}")
    (before,), (after,) = stage.at(GW_1, "INVITE"), stage.at(GW_2, "INVITE")
    for name in ("From", "To", "Call-ID", "CSeq"):
        assert before.get(name) == after.get(name)
    assert before.via.branch != after.via.branch
    assert after.uri_text == DESK
    stage.respond(486, GW_2)
    stage.respond(200, THIRD)
    assert stage.statuses() == [100, 200]


@pytest.mark.rule("3261-16.7.4-01", "3261-16.5-02")
def test_contacts_that_were_tried_never_reach_the_caller_and_none_is_tried_twice() -> None:
    stage = redirected(DESK)
    round_again = sansip.reply(stage.at(GW_2, "INVITE")[0], 302, to_tag="desk")
    stage.receive(round_again.append("Contact", f"<{DESK}>"), GW_2)
    assert len(stage.at(GW_2, "INVITE")) == 1
    assert stage.statuses() == [100, 408]
    failing = redirected(DESK)
    failing.respond(486, GW_2)
    assert failing.statuses() == [100, 486]


@pytest.mark.rule("3261-16.7.4-01")
def test_a_secure_call_follows_no_contact_that_is_not() -> None:
    class Bold(Follower):
        def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
            return sansip.Relay("sips:nowhere.invalid", on_failure="failed")

        def failed(self, failed: sansip.Failed) -> sansip.FailureDecision:
            return sansip.Relay(DESK)

    stage = on_stage(Bold())
    stage.receive(make_request(uri="sips:bob@gw.example.com"))
    assert stage.statuses() == [100, 500]
    assert stage.reports[-1].text == f"sips:bob@gw.example.com cannot go to {DESK}: no sips"
    assert {to for to, _ in stage.sent} == {CALLER}


def test_a_secure_call_may_follow_one_that_is() -> None:
    class Secure(Follower):
        def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
            return sansip.Relay("sips:nowhere.invalid", on_failure="failed")

        def failed(self, failed: sansip.Failed) -> sansip.FailureDecision:
            return sansip.Relay("SIPS:elsewhere.invalid")

    stage = on_stage(Secure())
    stage.receive(make_request(uri="sips:bob@gw.example.com"))
    assert stage.statuses() == [100, 480]
