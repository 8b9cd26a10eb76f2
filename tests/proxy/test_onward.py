"""What the copy of a request says, and where it goes (RFC 3261 16.6 steps 2, 6 and 7)."""

import pytest

from passing import EMPTY, make, mine, routed
from sansip.message import parse_name_addr
from sansip.proxy.request import Onward, measured, onward, preprocess


@pytest.mark.rule("3261-16.6.2-01", "3261-16.6.7-01")
def test_without_a_route_the_target_says_what_and_where() -> None:
    assert onward(make(), "sip:bob@gw", "sip:gw:5070") == Onward("sip:bob@gw", "sip:gw:5070", None)


@pytest.mark.rule("3261-16.6.7-01", "3261-16.12-01", "3261-16.6.6-03")
@pytest.mark.parametrize("lr", ["lr", "lr=true", "lr=on", "LR"])
def test_a_loose_route_says_where_and_stays(lr: str) -> None:
    request = routed(f"<sip:next.example.org;{lr}>", "<sip:last.example.org;lr>")
    assert onward(request, "sip:bob@gw", "sip:gw") == Onward(
        "sip:bob@gw", f"sip:next.example.org;{lr}", None
    )


@pytest.mark.rule("3261-16.6.6-02", "3261-16.6.7-01")
def test_a_strict_router_gets_its_own_uri_and_the_target_goes_to_the_end() -> None:
    request = routed("<sip:strict.example.org>, <sip:next.example.org;lr>", "<sip:x.example.org>")
    assert onward(request, "sip:bob@gw;p=1", "sip:gw") == Onward(
        "sip:strict.example.org",
        "sip:strict.example.org",
        ("<sip:next.example.org;lr>", "<sip:x.example.org>", "<sip:bob@gw;p=1>"),
    )


@pytest.mark.rule("3261-16.6.6-02", "3261-16.6.2-01")
def test_the_uri_of_a_strict_router_leaves_behind_what_no_request_uri_has() -> None:
    request = routed("<sip:strict.example.org;method=INVITE;p=1?Subject=x>")
    assert onward(request, "sip:bob@gw", "sip:gw").uri == "sip:strict.example.org;p=1"


@pytest.mark.rule("3261-16.6.6-02", "3261-16.4-01", "3261-16.12-02")
def test_what_is_done_for_a_strict_router_another_proxy_undoes() -> None:
    sent = onward(routed("<sip:proxy.example.com>"), "sip:bob@gw", "sip:gw")
    received = make(f"{sent.uri};lr", *[("Route", route) for route in sent.routes or ()])
    got = preprocess(received, mine, "udp", (5060,)).request
    assert (got.uri_text, got.values("route")) == ("sip:bob@gw", ())
    assert parse_name_addr("<sip:bob@gw>").uri.text == "sip:bob@gw"


@pytest.mark.rule("SIO-04")
@pytest.mark.parametrize("empty", EMPTY)
def test_an_empty_route_header_leads_nowhere(empty: str) -> None:
    assert onward(routed(empty), "sip:bob@gw", "sip:gw").next_hop == "sip:gw"


@pytest.mark.rule("3261-16.6.6-01")
@pytest.mark.parametrize("own", [(), ("<sip:next.example.org;lr>",), ("<sip:strict.example.org>",)])
def test_proxies_that_must_be_visited_go_ahead_of_the_route(own: tuple[str, ...]) -> None:
    pushed = "<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"
    assert onward(routed(*own), "sip:bob@gw", "sip:bob@gw", pushed) == Onward(
        "sip:bob@gw", "sip:p1.example.com;lr", (*pushed, *own)
    )


@pytest.mark.rule("3261-16.6.7-04")
@pytest.mark.parametrize("route", ["<sip:next.example.org;lr>", "<sip:strict.example.org>"])
def test_a_fixed_next_hop_comes_before_the_route_if_it_is_a_loose_router(route: str) -> None:
    fixed = onward(routed(route), "sip:bob@gw", "sip:edge.example.com;lr")
    assert fixed == Onward("sip:bob@gw", "sip:edge.example.com;lr", None)
    # Any other is given up for the Route: nobody knows what it would do with it.
    other = onward(routed(route), "sip:bob@gw", "sip:edge.example.com")
    assert other == onward(routed(route), "sip:bob@gw", "sip:bob@gw")


@pytest.mark.rule("3261-16.6.7-04")
def test_without_a_route_any_next_hop_may_be_fixed() -> None:
    assert onward(make(), "sip:bob@gw", "sip:edge") == Onward("sip:bob@gw", "sip:edge", None)


@pytest.mark.rule("3261-16.6.9-01")
def test_what_goes_over_a_stream_has_its_length() -> None:
    request = make().with_body(b"four")
    assert measured(request) == request
    assert measured(request.remove("Content-Length")).get("content-length") == "4"
