"""Phones by baresip: they register through the proxy, call one another through it, and hang up.

The proxy is their outbound proxy. The registrar is a Kamailio, which sends what it has found back
through the proxy, so that each call passes it twice.
"""

import pytest

from interop.baresip import Baresip, baresip
from interop.kamailio import kamailio
from interop.programs import Place, eventually, fresh_host, needs
from interop.proxy import Proxy

pytestmark = needs("baresip", "kamailio")

Phones = tuple[Baresip, Baresip]
NAMES = ("alice", "bob")

ROUTES = """
[[route]]
source = "{registrar}"
to = "uri"

[[route]]
host = "example.com"
to = "{onward}"
"""


TRANSPORTS = ("udp", "tcp", "tls")


@pytest.fixture
def registrar(place: Place, proxy: Proxy) -> str:
    """Give the host of the registrar; it and the proxy are there."""
    host = fresh_host()
    kamailio(place, host, proxy.uri(), registrar=True)
    proxy.start(ROUTES.format(registrar=host, onward=f"sip:{host}:5060"), TRANSPORTS)
    return host


@pytest.fixture(params=TRANSPORTS)
def phones(request: pytest.FixtureRequest, place: Place, proxy: Proxy, registrar: str) -> Phones:
    """Give two phones that are registered."""
    transport = str(request.param)
    both = [
        baresip(place, fresh_host(), name, proxy.uri(transport), proxy.authority, transport)
        for name in NAMES
    ]
    for phone in both:
        phone.registered()
    alice, bob = both
    return alice, bob


@pytest.mark.parametrize("hanging_up", ["caller", "callee"])
def test_a_phone_calls_another(phones: Phones, proxy: Proxy, hanging_up: str) -> None:
    alice, bob = phones
    alice.do("dial", "sip:bob@example.com")
    bob.until("CALL_INCOMING")
    alice.until("CALL_RINGING")
    bob.do("accept")
    for phone in phones:
        phone.until("CALL_ESTABLISHED")
    first, other = phones if hanging_up == "caller" else (bob, alice)
    first.do("hangup")
    other.until("CALL_CLOSED")
    assert bob.received("INVITE") == bob.received("ACK") == {proxy.host}
    assert alice.received("SIP/2.0 180") == alice.received("SIP/2.0 200") == {proxy.host}
    assert other.received("BYE") == {proxy.host}


def test_a_caller_may_give_up(phones: Phones, proxy: Proxy) -> None:
    alice, bob = phones
    alice.do("dial", "sip:bob@example.com")
    alice.until("CALL_RINGING")
    alice.do("hangup")
    bob.until("CALL_CLOSED")
    assert bob.received("CANCEL") == {proxy.host}
    eventually("487 comes back", lambda: alice.received("SIP/2.0 487"))


def test_a_callee_may_refuse(phones: Phones) -> None:
    alice, bob = phones
    alice.do("dial", "sip:bob@example.com")
    bob.until("CALL_INCOMING")
    bob.do("hangup")
    alice.until("CALL_CLOSED")
    eventually("ACK comes", lambda: bob.received("ACK"))


def test_who_is_not_registered_cannot_be_called(phones: Phones) -> None:
    alice, _ = phones
    alice.do("dial", "sip:nobody@example.com")
    alice.until("CALL_CLOSED")
    assert alice.received("SIP/2.0 404")
