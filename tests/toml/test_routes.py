"""The policy of a configuration: the first route that matches, and nobody gets an open relay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip import Address, Decision, Dispatch, Relay, Reply, Request, Scene
from sansip.entropy import Draws
from sansip.toml import load

TRUSTED, STRANGER = "198.51.100.7", "203.0.113.7"
CONFIG = """
listen = ["udp:192.0.2.10:5060"]
domains = ["example.com"]

[relay]
advance_after = 2.0

[[route]]
method = "INVITE"
host = "gw.example.com"
to = "group:gateways"

[[route]]
method = "MESSAGE"
host = "im.example.com"
to = "sip:192.0.2.30"
advance_after = 1.0

[[route]]
host = "desk.example.com"
to = "sip:desk@192.0.2.20"

[[route]]
to = "uri"

[[route]]
source = "198.51.100.0/24"
to = "uri"

[groups.gateways]
targets = ["sip:gw-1.example.com", "sip:gw-2.example.com"]
"""
SETTINGS = load(CONFIG, "proxy.toml")
ROUTES = SETTINGS.policy()
ENGINE = SETTINGS.config()


def decide(uri: str, method: str = "INVITE", source: str = STRANGER, route: str = "") -> Decision:
    headers = [("Route", route)] if route else []
    request = Request.make(method, uri, headers)
    draws = Draws(bytes(32), "key")
    scene = Scene(0.0, Address(source, 5060), (), ENGINE.is_mine, draws, in_dialog=False)
    return ROUTES.route(request, scene)


def relayed(decision: Decision) -> Relay:
    assert isinstance(decision, Relay)
    return decision


def test_the_first_route_that_matches_wins() -> None:
    assert relayed(decide("sip:bob@GW.example.com")).to == Dispatch("gateways")
    assert relayed(decide("sip:bob@desk.example.com")).to == "sip:desk@192.0.2.20"
    assert relayed(decide("sip:bob@a.example.com")).to == "sip:bob@a.example.com"


def test_a_method_that_does_not_match_goes_on_to_the_next_route() -> None:
    found = relayed(decide("sip:bob@gw.example.com", "SUBSCRIBE"))
    assert found.to == "sip:bob@gw.example.com"


def test_no_route_is_404() -> None:
    assert decide("sip:bob@example.org") == Reply(404)
    assert decide("tel:+4930123456") == Reply(404)


@pytest.mark.parametrize(
    "uri",
    [
        "sip:bob@example.org",
        "sip:bob@notexample.com",
        "sip:bob@203.0.113.99",
        "sip:bob@gw.example.com.example.org",
        "sip:bob%40example.com@example.org",
        "sip:bob@a.example.com;maddr=203.0.113.99",
        "sip:bob@a.example.com;maddr=example.org",
    ],
)
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "REGISTER", "OPTIONS", "BYE"])
def test_strangers_reach_nothing_outside_the_domains(uri: str, method: str) -> None:
    assert decide(uri, method) == Reply(404)
    assert relayed(decide(uri, method, TRUSTED)).to == uri


hosts = st.from_regex(r"[a-z0-9-]{1,8}(\.[a-z0-9-]{1,8}){0,3}(\.example\.com)?", fullmatch=True)


@given(hosts, st.sampled_from(["INVITE", "MESSAGE", "BYE"]), st.none() | hosts)
def test_a_stranger_is_relayed_only_into_the_domains(
    host: str, method: str, maddr: str | None
) -> None:
    uri = f"sip:bob@{host}" + ("" if maddr is None else f";maddr={maddr}")
    decision = decide(uri, method)
    if isinstance(decision, Relay) and decision.to == uri:
        assert ("." + (maddr or host)).endswith(".example.com")


@pytest.mark.parametrize("route", ["<sip:203.0.113.99;lr>", "<sip:gw.example.com;lr>"])
@pytest.mark.parametrize("host", ["gw.example.com", "desk.example.com", "a.example.com"])
def test_strangers_bring_no_route_of_their_own(host: str, route: str) -> None:
    assert not relayed(decide(f"sip:bob@{host}", route=route)).follow_route
    assert not relayed(decide(f"sip:bob@{host}", "SUBSCRIBE", route=route)).follow_route


def test_a_source_that_is_trusted_may_bring_a_route() -> None:
    found = decide("sip:bob@example.org", source=TRUSTED, route="<sip:203.0.113.99;lr>")
    assert relayed(found).to == "sip:bob@example.org"
    assert relayed(found).follow_route


def test_options_to_the_proxy_itself_are_answered() -> None:
    assert decide("sip:192.0.2.10", "OPTIONS") == Reply(200)
    assert decide("sip:192.0.2.10", "OPTIONS", TRUSTED) == Reply(200)
    assert decide("sip:bob@192.0.2.10", "OPTIONS") == Reply(404)
    assert decide("sip:192.0.2.10", "INVITE", TRUSTED) == Reply(404)


def test_advancing_on_silence_is_for_methods_that_may_be_sent_twice() -> None:
    assert relayed(decide("sip:bob@gw.example.com")).advance_after == 2.0
    assert relayed(decide("sip:bob@a.example.com", "REGISTER")).advance_after == 2.0
    assert relayed(decide("sip:bob@a.example.com", "MESSAGE")).advance_after is None
    asked_for = relayed(decide("sip:bob@im.example.com", "MESSAGE"))
    assert asked_for.advance_after == 1.0
