"""What belongs together although its branches differ (RFC 3261 8.2.2.2, 13.3.1.4)."""

import pytest

import sansip
from sansip.agent import acknowledged, identity
from stage import make_request

INVITE = make_request()


@pytest.mark.rule("3261-8.2.2.2-01")
def test_a_copy_that_came_another_way_is_the_same_request() -> None:
    copy = make_request(branch="z9hG4bKother").prepend("Via", "SIP/2.0/UDP p;branch=z9hG4bKp")
    assert identity(copy.with_uri("sip:bob@elsewhere")) == identity(INVITE)
    folded = INVITE.set("From", "<sip:alice@example.org>;tag=ALICE")
    assert identity(folded) == identity(INVITE)


@pytest.mark.rule("3261-8.2.2.2-01")
@pytest.mark.parametrize(
    "other",
    [
        make_request(call_id="call-2"),
        make_request(call_id="CALL-1"),
        make_request(cseq=2),
        make_request(to_tag="bob"),
        make_request("OPTIONS"),
        INVITE.set("From", "<sip:alice@example.org>;tag=eve"),
        INVITE.set("From", "<sip:alice@example.org>;tag=6:call-1"),
        INVITE.remove("Call-ID"),
    ],
)
def test_any_difference_makes_another_request(other: sansip.Request) -> None:
    assert identity(other) != identity(INVITE)


@pytest.mark.rule("3261-17.2.3-07")
def test_an_ack_may_be_for_a_first_invite_or_for_one_in_the_dialog() -> None:
    ack = make_request("ACK", branch="z9hG4bKack", to_tag="Bob")
    assert acknowledged(ack) == (identity(make_request(to_tag="bob")), identity(INVITE))
