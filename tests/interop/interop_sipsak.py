"""What administrators try first: sipsak asks, registers, runs out of hops, sends rubbish."""

import os

import pytest

from interop.kamailio import kamailio
from interop.programs import Place, Program, fresh_host, needs
from interop.proxy import Proxy

pytestmark = needs("sipsak", "kamailio")

ROUTE = """
[[route]]
source = "127.0.0.0/8"
to = "uri"
"""


@pytest.fixture
def registrar(place: Place, proxy: Proxy) -> str:
    """Give the host of a registrar behind the proxy."""
    host = fresh_host()
    kamailio(place, host, registrar=True)
    proxy.start(ROUTE, ("udp", "tcp"))
    return host


def sipsak(place: Place, proxy: Proxy, uri: str, *options: str) -> Program:
    """Send requests for this URI to the proxy, and wait until that is done."""
    own = fresh_host()
    where = ("-k", own, "-H", own, "-p", f"{proxy.host}:5060")
    program = place.run(["sipsak", *where, "-s", uri, *options])
    program.ended(within=30)
    return program


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_options_come_back(place: Place, proxy: Proxy, registrar: str, transport: str) -> None:
    asked = sipsak(place, proxy, f"sip:{registrar}:5060", "-vv", "-E", transport)
    assert asked.process.returncode == os.EX_OK, asked.said
    assert "SIP/2.0 200 Alive" in asked.said


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_proxy_itself_is_alive(
    place: Place, proxy: Proxy, registrar: str, transport: str
) -> None:
    asked = sipsak(place, proxy, f"sip:{proxy.host}:5060", "-vv", "-E", transport)
    assert asked.process.returncode == os.EX_OK, asked.said
    assert "SIP/2.0 200 OK" in asked.said


@pytest.mark.parametrize("hops", [0, 1, 2])
def test_hops_are_counted(place: Place, proxy: Proxy, registrar: str, hops: int) -> None:
    """The proxy is the first hop and the registrar the second."""
    asked = sipsak(place, proxy, f"sip:bob@{registrar}:5060", "-vv", "-m", str(hops))
    left = "200 Alive" if hops == 2 else "483 Too Many Hops"
    assert f"SIP/2.0 {left}" in asked.said
    assert proxy.said.count("answered 483: Max-Forwards is 0") == (hops == 0)


def test_a_user_registers(place: Place, proxy: Proxy, registrar: str) -> None:
    """Sipsak looks whether the registrar's answer has the contact that it has asked for."""
    for contact in ("one", "other"):
        options = ("-U", "-C", f"sip:{contact}@192.0.2.1", "-i", "-x", "60", "-vv")
        asked = sipsak(place, proxy, f"sip:bob@{registrar}:5060", *options)
        assert asked.process.returncode == os.EX_OK, asked.said
        assert "All usrloc tests completed successful" in asked.said


def test_rubbish_does_not_harm(place: Place, proxy: Proxy, registrar: str) -> None:
    """Sipsak changes more and more characters, until it gets no answer at all."""
    sipsak(place, proxy, f"sip:bob@{registrar}:5060", "-R")
    asked = sipsak(place, proxy, f"sip:{registrar}:5060")
    assert asked.process.returncode == os.EX_OK, asked.said
