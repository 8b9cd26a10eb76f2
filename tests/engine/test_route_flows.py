"""The worked examples of RFC 3261 16.12.1: what Route and Record-Route say on every hop.

The texts are those of the RFC. Left out is what it leaves out: ports, and what else is in our
Record-Route, the proof that a dialog was set up here.
"""

from textwrap import dedent

import pytest

import sansip
from network import Network
from sansip import dns
from sansip.message import parse_name_addr
from stage import Decide, Stage, Whatever, make_request

U1 = sansip.Address("198.51.100.1", 5060)
U2 = sansip.Address("203.0.113.1", 5060)
STRICT = sansip.Address("203.0.113.3", 5060)  # P3 of the second example
ADDRESSES = {
    "p1.example.com": "192.0.2.1",
    "p2.example.com": "192.0.2.2",
    "p2.domain.com": "192.0.2.2",
    "p3.middle.com": STRICT.host,
    "p4.domain.com": "192.0.2.4",
    "domain.com": "192.0.2.2",
    "u1.example.com": U1.host,
    "u2.domain.com": U2.host,
}
ZONE: dict[tuple[str, str], dns.Answer] = {
    (name, "A"): dns.Found((dns.Ip(address),), 60.0) for name, address in ADDRESSES.items()
}


class Location(sansip.Policy):
    """Outbound proxy for others' domains; its own users are at another host (16.5)."""

    def __init__(self, domain: str = "", host: str = "") -> None:
        self.domain = domain
        self.host = host

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:
        uri = request.uri
        return sansip.Relay(uri.with_host(self.host) if uri.host == self.domain else uri)


def proxy(name: str, policy: sansip.Policy, **options: Whatever) -> Stage:
    endpoint = sansip.Endpoint("udp", f"{ADDRESSES[name]}:5060", advertise=f"{name}:5060")
    return Stage(sansip.Engine(sansip.Config([endpoint], **options), policy), zone=dict(ZONE))


def invite(uri: str = "sip:callee@domain.com") -> sansip.Request:
    return make_request("INVITE", uri, source=U1).set("Contact", "<sip:caller@u1.example.com>")


def bye(uri: str, routes: tuple[str, ...], **options: Whatever) -> sansip.Request:
    headers = [("Route", route) for route in routes]
    given: dict[str, Whatever] = {"to_tag": "U2", "source": U1, "cseq": 2}
    return make_request("BYE", uri, branch="z9hG4bKbye", headers=headers, **(given | options))


def shown(text: str) -> str:
    return dedent(text).strip()


@pytest.mark.rule("3261-16.12-02", "3261-16.12-01", "3261-16.5-01", "3261-16.4-03")
def test_the_trapezoid() -> None:
    """16.12.1.1: both proxies record-route."""
    network = Network(
        {
            "P1": proxy("p1.example.com", Location()),
            "P2": proxy("p2.domain.com", Location("domain.com", "u2.domain.com")),
        },
        {"U1": U1, "U2": U2},
    )
    network.send("U1", "P1", invite())
    assert network.flow("INVITE") == shown("""
        U1 -> P1: INVITE sip:callee@domain.com
        P1 -> P2: INVITE sip:callee@domain.com
            Record-Route: <sip:p1.example.com;lr>
        P2 -> U2: INVITE sip:callee@u2.domain.com
            Record-Route: <sip:p2.domain.com;lr>
            Record-Route: <sip:p1.example.com;lr>
    """)
    network.answer("U2", 200, contact="sip:callee@u2.domain.com")
    network.send("U1", "P1", bye("sip:callee@u2.domain.com", network.route_set("U1")))
    assert network.flow("BYE") == shown("""
        U1 -> P1: BYE sip:callee@u2.domain.com
            Route: <sip:p1.example.com;lr>
            Route: <sip:p2.domain.com;lr>
        P1 -> P2: BYE sip:callee@u2.domain.com
            Route: <sip:p2.domain.com;lr>
        P2 -> U2: BYE sip:callee@u2.domain.com
    """)
    for name in ("U1", "U2"):
        assert len(network.at(name, "BYE")) == (name == "U2")


def strictly(request: sansip.Request) -> sansip.Request:
    """What a router of RFC 2543 does: the first Route value becomes the Request-URI."""
    first, *rest = request.values("route")
    return request.with_uri(parse_name_addr(first).uri).set("Route", *rest)


@pytest.mark.rule("3261-16.12-02", "3261-16.6.6-02", "3261-16.4-01", "3261-16.4-05")
def test_a_strict_router_on_the_way() -> None:
    """16.12.1.2: U1 -> P1 -> P2 -> P3 -> P4 -> U2, of which P3 is older than RFC 3261."""
    network = Network(
        {
            "P1": proxy("p1.example.com", Decide(sansip.Relay("sip:callee@p2.example.com"))),
            "P2": proxy("p2.example.com", Decide(sansip.Relay("sip:callee@p3.middle.com"))),
            "P4": proxy("p4.domain.com", Decide(sansip.Relay("sip:callee@u2.domain.com"))),
        },
        {"U1": U1, "P3": STRICT, "U2": U2},
    )
    network.send("U1", "P1", invite())
    (passing,) = network.at("P3", "INVITE")
    via = f"SIP/2.0/UDP {STRICT};branch=z9hG4bKp3"
    network.send(
        "P3",
        "P4",
        passing.with_uri("sip:callee@p4.domain.com")
        .prepend("Via", via)
        .prepend("Record-Route", "<sip:p3.middle.com>"),
    )
    (arrived,) = network.at("U2", "INVITE")
    assert network.flow("INVITE").endswith(
        shown("""
        P4 -> U2: INVITE sip:callee@u2.domain.com
            Record-Route: <sip:p4.domain.com;lr>
            Record-Route: <sip:p3.middle.com>
            Record-Route: <sip:p2.example.com;lr>
            Record-Route: <sip:p1.example.com;lr>
    """)
    )
    hanging_up = bye(
        "sip:caller@u1.example.com", arrived.values("record-route"), source=U2, to_tag="alice"
    )
    network.send("U2", "P4", hanging_up.set("From", "<sip:callee@domain.com>;tag=U2"))
    network.send("P3", "P2", strictly(network.at("P3", "BYE")[0]).prepend("Via", via))
    assert network.flow("BYE") == shown("""
        U2 -> P4: BYE sip:caller@u1.example.com
            Route: <sip:p4.domain.com;lr>
            Route: <sip:p3.middle.com>
            Route: <sip:p2.example.com;lr>
            Route: <sip:p1.example.com;lr>
        P4 -> P3: BYE sip:p3.middle.com
            Route: <sip:p2.example.com;lr>
            Route: <sip:p1.example.com;lr>
            Route: <sip:caller@u1.example.com>
        P3 -> P2: BYE sip:p2.example.com;lr
            Route: <sip:p1.example.com;lr>
            Route: <sip:caller@u1.example.com>
        P2 -> P1: BYE sip:caller@u1.example.com
            Route: <sip:p1.example.com;lr>
        P1 -> U1: BYE sip:caller@u1.example.com
    """)


LEFT = "gateway.leftprivatespace.com"
RIGHT = "gateway.rightprivatespace.com"
U2_RIGHT = sansip.Address("2001:db8::2", 5060)


@pytest.mark.rule("3261-16.12-02", "3261-16.7.8-01", "3261-16.6.4-03", "5658-5-01", "5658-5-02")
def test_between_two_name_spaces_both_names_are_recorded_and_none_is_rewritten() -> None:
    """16.12.1.3 rewrites it in the response; with two values nobody has to (RFC 5658)."""
    gateway = Stage(
        sansip.Engine(
            sansip.Config(
                [
                    sansip.Endpoint("udp", "192.0.2.1:5060", advertise=f"{LEFT}:5060"),
                    sansip.Endpoint("udp", "[2001:db8::1]:5060", advertise=f"{RIGHT}:5060"),
                ]
            ),
            Decide(sansip.Relay("sip:callee@rightprivatespace.com")),
        ),
        zone={
            ("rightprivatespace.com", "AAAA"): dns.Found((dns.Ip(U2_RIGHT.host),), 60.0),
            ("u2.rightprivatespace.com", "AAAA"): dns.Found((dns.Ip(U2_RIGHT.host),), 60.0),
            ("u1.leftprivatespace.com", "A"): dns.Found((dns.Ip(U1.host),), 60.0),
        },
    )
    network = Network({"P1": gateway}, {"U1": U1, "U2": U2_RIGHT})
    network.send("U1", "P1", invite(f"sip:callee@{LEFT}"))
    network.answer("U2", 200, side=1, contact="sip:callee@u2.rightprivatespace.com")
    # Each phone gets to see as the first hop of its route set the name that it can resolve.
    assert network.flow("INVITE") == shown("""
        U1 -> P1: INVITE sip:callee@gateway.leftprivatespace.com
        P1 -> U2: INVITE sip:callee@rightprivatespace.com
            Record-Route: <sip:gateway.rightprivatespace.com;lr>
            Record-Route: <sip:gateway.leftprivatespace.com;lr>
    """)
    of_the_caller = network.route_set("U1")
    of_the_callee = network.at("U2", "INVITE")[0].values("record-route")
    assert of_the_caller == tuple(reversed(of_the_callee))
    network.send("U1", "P1", bye("sip:callee@u2.rightprivatespace.com", of_the_caller))
    back = bye("sip:caller@u1.leftprivatespace.com", of_the_callee, source=U2_RIGHT, to_tag="alice")
    network.send("U2", "P1", back.set("From", "<sip:callee@domain.com>;tag=U2"), side=1)
    assert network.flow("BYE") == shown("""
        U1 -> P1: BYE sip:callee@u2.rightprivatespace.com
            Route: <sip:gateway.leftprivatespace.com;lr>
            Route: <sip:gateway.rightprivatespace.com;lr>
        P1 -> U2: BYE sip:callee@u2.rightprivatespace.com
        U2 -> P1: BYE sip:caller@u1.leftprivatespace.com
            Route: <sip:gateway.rightprivatespace.com;lr>
            Route: <sip:gateway.leftprivatespace.com;lr>
        P1 -> U1: BYE sip:caller@u1.leftprivatespace.com
    """)
    sides = [send.endpoint for send in gateway.sends if send.data.startswith(b"BYE")]
    assert sides == ["udp:[2001:db8::1]:5060", "udp:192.0.2.1:5060"]
