"""TLS with OpenSSL at the other end: stunnel around sipp's TCP, Kamailio, and ``openssl s_client``.

Why stunnel: Debian's sipp has no TLS. See tests/support/interop/tls.py.
"""

import pytest

import sansip
from authority import serving
from interop.programs import Place, Program, fresh_host, needs
from interop.proxy import Proxy
from interop.sipp import CALL, HUNG_UP_TALK, TALK, Conversation, Party, Sipp, all_completed, sipp
from interop.tls import unwrapping, wrapping

pytestmark = needs("sipp", "stunnel4", "openssl")

CALLS = 50
ROUTE = """
[[route]]
method = "INVITE"
host = "example.com"
to = "{scheme}:{host}:5061;transport=tls"

[[route]]
source = "127.0.0.0/8"
to = "uri"
"""


def behind_tls(host: str, scheme: str = "sip") -> Party:
    return Party(host, "tcp", "tls", f"{scheme}:{{}}@{host}:5061;transport=tls")


def calling(
    place: Place,
    caller: Party,
    conversation: Conversation,
    to: str,
    uri: str = "sip:bob@example.com",
) -> Sipp:
    options = ("-m", str(CALLS), "-r", "50", f"{to}:5060")
    return sipp(place, "caller", caller, conversation, *options, uri=uri)


@pytest.mark.parametrize("scheme", ["sip", "sips"])
def test_every_call_completes_over_tls(place: Place, proxy: Proxy, scheme: str) -> None:
    caller, callee = behind_tls(fresh_host(), scheme), behind_tls(fresh_host(), scheme)
    proxy.start(ROUTE.format(scheme=scheme, host=callee.host), ("udp", "tls"))
    entrance = fresh_host()
    wrapping(place, entrance, (proxy.host, 5061), proxy.authority.ca)
    answering = sipp(place, "callee", callee, CALL)
    files = proxy.authority.leaf(callee.host)
    unwrapping(place, callee.host, (callee.host, 5060), files)
    made = calling(place, caller, CALL, entrance, f"{scheme}:bob@example.com")
    all_completed(made, answering, CALLS, within=30)


@pytest.mark.parametrize("conversation", [TALK, HUNG_UP_TALK], ids=["talk", "hung-up"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_every_call_from_elsewhere_completes_over_tls(
    place: Place, proxy: Proxy, transport: str, conversation: Conversation
) -> None:
    caller, callee = Party(fresh_host(), transport), behind_tls(fresh_host())
    proxy.start(ROUTE.format(scheme="sip", host=callee.host), ("udp", "tcp", "tls"))
    answering = sipp(place, "callee", callee, conversation)
    files = proxy.authority.leaf(callee.host)
    unwrapping(place, callee.host, (callee.host, 5060), files)
    all_completed(calling(place, caller, conversation, proxy.host), answering, CALLS, within=30)


ZONE = """
$TTL 60
@             SOA   ns admin 1 3600 600 86400 60
@             NS    ns
ns            A     127.0.0.1
gw            NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp.gw
_sips._tcp.gw SRV   10 0 5061 host-1
host-1        A     {host}
"""

BY_NAME = """
domains = ["example.com"]
nameservers = ["{nameserver}"]

[[route]]
source = "127.0.0.0/8"
to = "uri"
"""


@needs("knotd")
@pytest.mark.rule("5922-7.3-01")
def test_the_certificate_must_be_for_the_domain_that_was_asked_for(
    place: Place, proxy: Proxy
) -> None:
    """It names gw.example.com, not the host that knot says this is to be found at."""
    caller = behind_tls(fresh_host(), "sips")
    callee = Party(fresh_host(), "tcp", "tls", "sips:{}@gw.example.com")
    zone = serving("knot", place.own("knot"))(ZONE.format(host=callee.host))
    nameserver = place.stack.enter_context(zone)
    proxy.start(BY_NAME.format(nameserver=nameserver), ("udp", "tls"))
    answering = sipp(place, "callee", callee, CALL)
    files = proxy.authority.leaf("gw.example.com")
    unwrapping(place, callee.host, (callee.host, 5060), files)
    entrance = fresh_host()
    wrapping(place, entrance, (proxy.host, 5061), proxy.authority.ca)
    made = calling(place, caller, CALL, entrance, uri="sips:bob@gw.example.com")
    all_completed(made, answering, CALLS, within=30)


@pytest.mark.rule("5922-7.3-01")
def test_nobody_else_gets_the_call(place: Place, proxy: Proxy) -> None:
    """The certificate is good, but it is somebody else's."""
    caller, callee = Party(fresh_host()), behind_tls(fresh_host())
    proxy.start(ROUTE.format(scheme="sip", host=callee.host), ("udp", "tcp", "tls"))
    answering = sipp(place, "callee", callee, CALL)
    unwrapping(place, callee.host, (callee.host, 5060), proxy.authority.leaf("192.0.2.1"))
    trying = calling(place, caller, CALL, proxy.host)
    assert trying.program.ended(within=30) == 1
    assert trying.count("FailedCall") == CALLS
    said = {each.status for each in trying.messages if isinstance(each, sansip.Response)}
    assert said == {100, 500}  # not 503: that would be about the proxy (16.7 step 6)
    assert answering.messages == []


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_verifies_the_proxy(place: Place, proxy: Proxy, version: str) -> None:
    proxy.start(ROUTE.format(scheme="sip", host=fresh_host()), ("tls",))
    shown = s_client(place, proxy, version, "-verify_ip", proxy.host)
    assert "Verification: OK" in shown.said
    assert shown.process.returncode == 0, shown.said


def test_old_versions_of_tls_are_refused(place: Place, proxy: Proxy) -> None:
    proxy.start(ROUTE.format(scheme="sip", host=fresh_host()), ("tls",))
    shown = s_client(place, proxy, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
    assert shown.process.returncode != 0
    assert "protocol version" in shown.said


@pytest.mark.parametrize("shows", ["a certificate", "nothing"])
def test_whoever_connects_may_have_to_show_a_certificate(
    place: Place, proxy: Proxy, shows: str
) -> None:
    proxy.start(ROUTE.format(scheme="sip", host=fresh_host()), ("tls",), clients="require")
    own = proxy.authority.leaf("alice.example.com")
    options = ("-cert", own.certificate, "-key", own.key) if shows == "a certificate" else ()
    # By TLS 1.2: in 1.3 a client has done all its part before it can hear of a refusal.
    shown = s_client(place, proxy, "-tls1_2", *options)
    assert (shown.process.returncode == 0) == (shows == "a certificate"), shown.said


def s_client(place: Place, proxy: Proxy, *options: str) -> Program:
    """Open a connection with OpenSSL's own client, and close it."""
    where = ("-connect", f"{proxy.host}:5061", "-CAfile", proxy.authority.ca)
    program = place.run(["openssl", "s_client", *where, "-verify_return_error", *options])
    program.ended(within=10)
    return program
