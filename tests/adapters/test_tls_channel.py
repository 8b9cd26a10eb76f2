"""TLS without sockets: two channels that talk in memory."""

import datetime as dt
import ssl
from itertools import cycle, repeat

import pytest
from cryptography.x509.oid import ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from certificates import ANY, CLIENT, EXPIRED, FUTURE, SERVER, SIP_DOMAIN, VALID, Authority
from forger import CLOSE_NOTIFY
from handshakes import INVITE, NAME, met, pair, talk, tls
from sansip.certificates import Clients
from sansip_adapter.channel import Channel, in_words
from sansip_adapter.tls import Tls

VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


def failing(client: Channel, server: Channel) -> str:
    """How a handshake fails, in the words of who notices first."""
    with pytest.raises(ssl.SSLError) as raised:
        talk(client, server)
    return in_words(raised.value)


# Talking


@VERSIONS
@given(
    said=st.tuples(st.binary(max_size=40_000), st.binary(max_size=40_000)),
    sizes=st.lists(st.integers(1, 5_000), min_size=1),
)
def test_wherever_the_bytes_are_cut_the_plaintext_is_the_same(
    authority: Authority, version: ssl.TLSVersion, said: tuple[bytes, bytes], sizes: list[int]
) -> None:
    ours = tls(authority, clients="require")
    client, server = pair(ours, ours, version)
    assert talk(client, server, said, cycle(sizes)) == (said[1], said[0])
    assert client.names == server.names == ("example.com",)
    assert (client.closed, client.reason) == (server.closed, server.reason) == (False, "")


def test_even_byte_by_byte(authority: Authority) -> None:
    client, server = pair(tls(authority), tls(authority))
    assert talk(client, server, (INVITE, b"SIP/2.0 200 OK"), repeat(1)) == (
        b"SIP/2.0 200 OK",
        INVITE,
    )


def test_words_that_come_with_the_last_flight_of_the_handshake_are_heard(
    authority: Authority,
) -> None:
    client, server = pair(tls(authority), tls(authority))
    hello = client.begin()
    _, flight = client.received(server.received(hello)[1])
    assert client.ready
    plain, _ = server.received(flight + client.encrypted(INVITE))
    assert plain == INVITE


def test_all_records_in_one_read_are_drained(authority: Authority) -> None:
    client, server = met(tls(authority), tls(authority))
    many = b"".join(client.encrypted(b"%d" % (i % 10)) for i in range(1_000))
    assert server.received(many) == (b"0123456789" * 100, b"")
    part = client.encrypted(INVITE)
    assert server.received(part[:-1]) == (b"", b"")
    assert server.received(part[-1:]) == (INVITE, b"")


def test_what_one_read_leaves_of_a_record_is_drained(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sansip_adapter.channel.CHUNK", 10)
    client, server = met(tls(authority), tls(authority))
    assert server.received(client.encrypted(INVITE))[0] == INVITE


def test_what_is_longer_than_a_record_goes_in_several(authority: Authority) -> None:
    client, server = met(tls(authority), tls(authority))
    assert server.received(client.encrypted(b"x" * 100_000))[0] == b"x" * 100_000
    assert not client.encrypted(b"")
    assert server.received(b"") == (b"", b"")


def test_before_the_handshake_nothing_can_be_said(authority: Authority) -> None:
    client, _ = pair(tls(authority), tls(authority))
    with pytest.raises(ssl.SSLError):
        client.encrypted(INVITE)


@VERSIONS
def test_no_session_is_kept_for_later_but_where_it_costs_no_memory(
    authority: Authority, version: ssl.TLSVersion
) -> None:
    ours = tls(authority)
    client, server = met(ours, ours, version)
    server.received(client.farewell())
    client.received(server.farewell())
    session = client._tls.session  # pyright: ignore[reportPrivateUsage]
    assert session is not None
    assert session.has_ticket == (version == ssl.TLSVersion.TLSv1_2)
    assert ours.server.session_stats()["number"] == 0


def test_tickets_that_follow_the_handshake_reach_the_peer(authority: Authority) -> None:
    called = tls(authority)
    called.server.num_tickets = 3
    client, server = met(tls(authority), called)
    session = client._tls.session  # pyright: ignore[reportPrivateUsage]
    assert session is not None
    assert session.has_ticket
    assert server.received(client.encrypted(INVITE)) == (INVITE, b"")


# Who they are


@pytest.mark.rule("5922-7.1-01", "5922-7.1-02")
@pytest.mark.parametrize(
    ("names", "common_name", "expected"),
    [
        ((NAME, "sip:Example.NET", "example.org"), "cn.test", ("example.com", "example.net")),
        (("example.com", "www.example.com"), "cn.test", ("example.com", "www.example.com")),
        (("sip:alice@example.com", "sips:example.com", "192.0.2.1"), "cn.test", ("192.0.2.1",)),
        (("*.example.com", "2001:db8::1"), "cn.test", ("2001:db8::1",)),
        ((), "cn.test", ("cn.test",)),
        (("sip:alice@example.com",), "cn.test", ()),
    ],
)
def test_a_channel_tells_whom_the_verified_certificate_names(
    authority: Authority, names: tuple[str, ...], common_name: str, expected: tuple[str, ...]
) -> None:
    own = authority.leaf(*names, common_name=common_name)
    ours = tls(authority, clients="require", own=own)
    client, server = met(ours, ours)
    assert client.names == expected
    assert server.names == expected


@pytest.mark.rule("5922-7.4-01")
def test_who_calls_is_asked_for_a_certificate_or_not(authority: Authority) -> None:
    nobody, somebody = Tls(ca=authority.ca), tls(authority)
    stranger = tls(authority, own=Authority(authority.folder, "stranger").leaf(NAME))
    expected: tuple[tuple[Clients, Tls, tuple[str, ...]], ...] = (
        ("any", nobody, ()),
        ("any", somebody, ()),  # it is not asked
        ("any", stranger, ()),
        ("ask", nobody, ()),
        ("ask", somebody, ("example.com",)),
        ("require", somebody, ("example.com",)),
    )
    for clients, caller, names in expected:
        client, server = met(caller, tls(authority, clients=clients))
        assert (client.names, server.names) == (("example.com",), names)
    for called in (tls(authority, clients="ask"), tls(authority, clients="require")):
        said = failing(*pair(stranger, called))
        assert "unable to get local issuer certificate" in said
    said = failing(*pair(nobody, tls(authority, clients="require")))
    assert said == "the peer shows no certificate, which is asked of it"


def test_who_is_turned_away_hears_why(authority: Authority) -> None:
    client, server = pair(Tls(ca=authority.ca), tls(authority, clients="require"))
    _, flight = client.received(server.received(client.begin())[1])
    assert client.ready  # in TLS 1.3 it cannot know yet
    with pytest.raises(ssl.SSLError):
        server.received(flight)
    with pytest.raises(ssl.SSLError) as raised:
        client.received(server.farewell())
    assert in_words(raised.value) == "the peer refuses: certificate required"


@pytest.mark.parametrize(
    ("lifetime", "usages", "authorities", "said"),
    [
        (EXPIRED, (), 1, "certificate has expired"),
        (FUTURE, (), 1, "certificate is not yet valid"),
        (VALID, (), 2, "unable to get local issuer certificate (no CA that is trusted here has"),
        (VALID, (CLIENT,), 1, "unsuitable certificate purpose (its extended key usage lacks"),
    ],
)
def test_a_certificate_that_is_not_good_ends_the_handshake(
    authority: Authority,
    lifetime: tuple[dt.timedelta, dt.timedelta],
    usages: tuple[ObjectIdentifier, ...],
    authorities: int,
    said: str,
) -> None:
    issuer = authority if authorities == 1 else Authority(authority.folder, "other")
    own = issuer.leaf(NAME, lifetime=lifetime, usages=usages)
    client, server = pair(tls(authority), tls(authority, own=own))
    assert failing(client, server).startswith(f"the peer's certificate is refused: {said}")
    assert client.closed
    assert said in client.reason
    assert not client.names
    with pytest.raises(ssl.SSLError):
        server.received(client.farewell())
    assert server.reason.startswith("the peer refuses: ")


@pytest.mark.rule("5922-7.1-03")
@pytest.mark.parametrize("calls", [False, True])
@pytest.mark.parametrize(
    "usages",
    [
        *((), (SERVER,), (CLIENT,), (SERVER, CLIENT), (SERVER, CLIENT, SIP_DOMAIN)),
        *((SIP_DOMAIN,), (ANY,), (SIP_DOMAIN, ANY)),
    ],
)
def test_a_certificate_is_for_the_side_that_its_extended_key_usage_says(
    authority: Authority, usages: tuple[ObjectIdentifier, ...], *, calls: bool
) -> None:
    ours, theirs = tls(authority), tls(authority, own=authority.leaf(NAME, usages=usages))
    theirs.client.load_verify_locations(authority.ca)
    if calls:
        client, server = pair(theirs, tls(authority, clients="require"))
    else:
        client, server = pair(ours, theirs)
    if not usages or (CLIENT if calls else SERVER) in usages:
        talk(client, server)
        assert server.ready
    else:  # stricter than the rule for id-kp-sipDomain and anyExtendedKeyUsage
        assert "unsuitable certificate purpose" in failing(client, server)


def test_names_that_cannot_be_read_end_the_connection(authority: Authority) -> None:
    own = authority.leaf(alternatives=b"\x30\x06\x86\x04sip\xff")
    said = failing(*pair(tls(authority), tls(authority, own=own)))
    assert said == "the peer's certificate names what cannot be read"


@pytest.mark.rule("5922-7.3-02")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("example.com", "example.com"),
        ("Example.COM.", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        *[(name, None) for name in (None, "192.0.2.1", "2001:db8::1", "[2001:db8::1]")],
        *[(name, None) for name in ("", "a..b", ".", "x" * 64, "\0", ".".join("ab" * 100))],
    ],
)
def test_the_domain_that_was_asked_for_is_asked_for_in_the_handshake(
    authority: Authority, name: str | None, expected: str | None
) -> None:
    called, asked = tls(authority), list[str | None]()
    called.server.sni_callback = lambda _, server_name, __: asked.append(server_name)
    client, server = Channel(tls(authority).client, False, name), Channel(called.server, True)
    talk(client, server)
    assert server.ready
    assert [None if each is None else each.lower() for each in asked] == [expected]


# Ending


@VERSIONS
def test_a_farewell_closes_what_comes_and_not_what_goes(
    authority: Authority, version: ssl.TLSVersion
) -> None:
    client, server = met(tls(authority), tls(authority), version)
    last = client.encrypted(INVITE) + client.farewell()
    assert not client.farewell()
    if version == ssl.TLSVersion.TLSv1_3:  # RFC 8446 6.1; in TLS 1.2 both ends end
        answer = server.encrypted(b"SIP/2.0 200 OK")
        assert client.received(answer)[0] == b"SIP/2.0 200 OK"
    assert server.received(last)[0] == INVITE
    assert (server.closed, server.reason) == (True, "")
    assert not client.closed
    client.received(server.farewell())
    assert (client.closed, client.reason) == (True, "")


def test_what_comes_after_a_farewell_is_dropped_and_not_kept(authority: Authority) -> None:
    client, server = met(tls(authority), tls(authority))
    assert server.received(client.farewell()) == (b"", b"")
    assert server.received(b"x" * 100_000) == (b"", b"")
    assert not server._incoming.pending  # pyright: ignore[reportPrivateUsage]


def test_a_farewell_in_the_middle_of_the_handshake_is_a_failure(authority: Authority) -> None:
    client, server = pair(tls(authority), tls(authority))
    server.received(client.begin()[:100])
    assert not server.farewell()
    with pytest.raises(ssl.SSLError) as raised:
        client.received(CLOSE_NOTIFY)
    said = "the peer closed the connection in the middle of the handshake"
    assert in_words(raised.value) == client.reason == said
