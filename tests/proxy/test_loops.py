"""Telling loops from spirals (RFC 5393 4.2, RFC 3261 16.3 step 4)."""

import pytest

from passing import make
from sansip.message import Request
from sansip.proxy import request as machine
from sansip.proxy.request import LOOP, deciders, has_looped

PART = "0123456789ab"
OURS = f"SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKunique{LOOP}{PART};rport"


def own(sent_by: str) -> bool:
    return sent_by == "192.0.2.10:5060"


def via(*values: str) -> Request:
    """A request that has come by these, topmost first."""
    request = make()
    for value in reversed(values):
        request = request.prepend("Via", value)
    return request


@pytest.mark.rule("5393-4.2.1-01")
@pytest.mark.parametrize(
    "other",
    [
        make("sip:bob@example.com;x=1"),
        make().set("Call-ID", "d"),
        make().set("From", "<sip:alice@example.net>;tag=b"),
        make().set("To", "<sip:bob@example.com>;tag=b"),
        make().set("CSeq", "2 INVITE"),
        make("sip:bob@example.com", ("Route", "<sip:next.example.org;lr>")),
        make("sip:bob@example.com", ("Proxy-Authorization", 'Digest username="a"')),
        make("sip:bob@example.com", ("Proxy-Require", "x")),
    ],
)
def test_whatever_decides_where_a_request_goes_is_in_the_loop_part(other: Request) -> None:
    assert deciders(make(), "198.51.100.1") != deciders(other, "198.51.100.1")


@pytest.mark.rule("5393-4.2.1-01")
def test_so_is_who_sent_it() -> None:
    assert deciders(make(), "198.51.100.1") != deciders(make(), "198.51.100.2")


@pytest.mark.rule("5393-4.2.1-01", "5393-4.2.1-02", "3261-16.6.8-02")
@pytest.mark.parametrize(
    "same",
    [
        make(method="CANCEL"),
        make(method="ACK"),
        make(
            "sip:bob@example.com", ("Max-Forwards", "3"), ("Via", "SIP/2.0/UDP b;branch=z9hG4bKb")
        ),
        make("sip:bob@example.com", ("Record-Route", "<sip:b.example.com;lr>")),
        make("sip:bob@example.com", ("Subject", "a lap further on")),
    ],
)
def test_what_changes_with_every_lap_is_not_nor_is_the_method(same: Request) -> None:
    assert deciders(make(), "198.51.100.1") == deciders(same, "198.51.100.1")


@pytest.mark.rule("5393-4.2.2-01", "3261-16.6.8-01")
@pytest.mark.parametrize(
    "request_",
    [
        via(OURS),
        via("SIP/2.0/UDP b.example.com;branch=z9hG4bKb", OURS),
        via(f"SIP/2.0/UDP b.example.com;branch=z9hG4bKb, {OURS}"),
        via("SIP/2.0/UDP b.example.com", OURS.replace(PART, "ba9876543210"), OURS),
        via(OURS.upper()),
        via(OURS.replace("192.0.2.10:5060", "192.0.2.10")),
        via(f'SIP/2.0/UDP b.example.com;x="{PART}, "', OURS),
    ],
)
def test_a_via_of_ours_with_the_same_loop_part_is_a_loop(request_: Request) -> None:
    assert has_looped(request_, PART, own)


@pytest.mark.rule("5393-4.2.2-01", "5393-4.2.2-02", "5393-4.2.4-01")
@pytest.mark.parametrize(
    "request_",
    [
        make(),
        via("SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKunique"),
        via("SIP/2.0/UDP 192.0.2.10:5060"),
        via(f"SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK{PART}"),
        via(f"SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKunique{LOOP}{PART}0"),
        via(f"SIP/2.0/UDP 192.0.2.10:5060;x={PART}"),
        via(OURS.replace(PART, "ba9876543210")),
        via(OURS.replace(":5060", ":5070")),
        via(OURS.replace("192.0.2.10", "b.example.com")),
        via(f"nonsense {PART}"),
        via(f'SIP/2.0/UDP b;{PART}="{PART}', f"SIP/2.0/UDP b;;{PART}", f"SIP/2.0/UDP;{PART}"),
    ],
)
def test_anything_else_is_none(request_: Request) -> None:
    assert not has_looped(request_, PART, own)


@pytest.mark.rule("5393-4.2.4-01", "SIO-04")
def test_the_vias_of_others_are_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "parse_via", None)
    assert not has_looped(via(*["SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKx"] * 100), PART, own)
