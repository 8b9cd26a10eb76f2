"""TLS in a configuration: which files, and whose certificate a route wants to see."""

import pytest

from sansip import Address, Decision, Relay, Reply, Request, Scene
from sansip.entropy import Draws
from sansip.toml import TlsFiles, load

LISTEN = 'listen = ["udp:192.0.2.10:5060", "tls:192.0.2.10:5061"]\n'
FILES = '[tls]\ncertificate = "proxy.pem"\nkey = "keys/proxy.key"\n'


def test_files_are_named_and_not_read() -> None:
    settings = load(LISTEN + FILES, "proxy.toml")
    assert settings.tls == TlsFiles("proxy.pem", "keys/proxy.key", None, "any")
    assert [endpoint.sent_by for endpoint in settings.config().endpoints] == [
        "192.0.2.10:5060",
        "192.0.2.10:5061",
    ]
    settings = load(LISTEN + FILES + 'ca = "friends.pem"\nclients = "require"\n', "proxy.toml")
    assert settings.tls == TlsFiles("proxy.pem", "keys/proxy.key", "friends.pem", "require")


def test_without_an_endpoint_there_are_none() -> None:
    assert load('listen = ["udp:192.0.2.10:5060"]', "proxy.toml").tls is None


def test_each_transport_is_told_with_its_own_port() -> None:
    text = 'listen = ["udp:0.0.0.0:5060", "tls:0.0.0.0:5061"]\nadvertise = "sip.example.com"\n'
    endpoints = load(text + FILES, "proxy.toml").endpoints
    assert [e.sent_by for e in endpoints] == ["sip.example.com:5060", "sip.example.com:5061"]
    alone = 'listen = ["tls:0.0.0.0:5061"]\nadvertise = "sip.example.com:443"\n'
    assert [e.sent_by for e in load(alone + FILES, "p").endpoints] == ["sip.example.com:443"]


@pytest.mark.parametrize(
    "to", ["sips:gw.example.com", "sips:192.0.2.20", "sip:192.0.2.20;transport=tls", "sips:a@b:443"]
)
def test_routes_lead_to_what_is_reached_by_tls(to: str) -> None:
    assert len(load(f'{LISTEN}[[route]]\nto = "{to}"\n{FILES}', "p").routes) == 1


PEERS = load(
    LISTEN
    + FILES
    + 'clients = "ask"\n[[route]]\npeer = "Example.org"\nhost = "gw.example.com"\n'
    + 'to = "sip:192.0.2.20"\n[[route]]\npeer = "example.net"\nto = "uri"\n',
    "proxy.toml",
)


def decide(host: str, *names: str, route: str = "") -> Decision:
    scene = Scene(
        0.0, Address("203.0.113.7", 5061), (), PEERS.config().is_mine, Draws(bytes(32), "key"),
        in_dialog=False, names=names,
    )  # fmt: skip
    headers = [("Route", route)] if route else []
    return PEERS.policy().route(Request.make("INVITE", f"sip:bob@{host}", headers), scene)


@pytest.mark.rule("5922-7.4-01", "5922-7.2-01")
@pytest.mark.parametrize(
    ("names", "may"),
    [
        (("example.org",), True),
        (("gw.example.net", "EXAMPLE.org"), True),
        (("sip.example.org",), False),
        ((), False),
    ],
)
def test_a_route_is_for_whom_the_certificate_names(names: tuple[str, ...], may: bool) -> None:  # noqa: FBT001
    decision = decide("gw.example.com", *names)
    assert isinstance(decision, Relay) if may else decision == Reply(404)


def test_a_peer_is_trusted_like_a_source() -> None:
    decision = decide("anywhere.example", "example.net", route="<sip:198.51.100.9;lr>")
    assert isinstance(decision, Relay)
    assert decision.follow_route
    assert decision.to == "sip:bob@anywhere.example"
    assert decide("anywhere.example", "example.org") == Reply(404)
