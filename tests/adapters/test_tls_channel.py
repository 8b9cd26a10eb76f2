"""TLS without sockets: two channels that talk in memory, and what hostile peers send."""

import datetime as dt
import os
import ssl
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import cycle, repeat
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

import forger
from certificates import ANY, CLIENT, EXPIRED, FUTURE, SERVER, SIP_DOMAIN, VALID, Authority, Files
from forger import CLOSE_NOTIFY, HANDSHAKE, HELLO_REQUEST, Forger, Forger12
from sansip_adapter.tls import SILENCE, Channel, Clients, Tls, TlsError, in_words

INVITE = b"INVITE sip:bob@example.com SIP/2.0\r\n\r\n"
VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
NAME = "sip:example.com"


def tls(authority: Authority, *, clients: Clients = "any", own: Files | None = None) -> Tls:
    """Both sides of a SIP element, which trust the authority."""
    files = own or authority.leaf(NAME)
    return Tls(files.certificate, files.key, authority.ca, clients)


def pair(
    caller: Tls, called: Tls, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> tuple[Channel, Channel]:
    """Two channels that have not spoken yet."""
    caller.client.maximum_version = version
    return Channel(caller.client, False, "example.com"), Channel(called.server, True)


def talk(
    client: Channel,
    server: Channel,
    said: tuple[bytes, bytes] = (b"", b""),
    sizes: Iterable[int] = repeat(1 << 30),
) -> tuple[bytes, bytes]:
    """Shake hands, and say that as soon as it may be; what the client hears, and the server.

    The wire carries so many bytes at a time.
    """
    cuts, sides = iter(sizes), (client, server)
    to = deque[bytes](), deque[bytes]()
    heard, came = [b"", b""], [0, 0]
    unsaid = list(said)
    to[1].append(client.begin())
    assert not server.begin()
    while any(to):
        for me, side in enumerate(sides):
            wire = b"".join(to[me])
            cut = next(cuts)
            to[me].clear()
            if wire[cut:]:
                to[me].append(wire[cut:])
            plain, answer = side.received(wire[:cut])
            heard[me] += plain
            came[me] += len(wire[:cut])
            assert len(heard[me]) <= came[me]
            if side.ready:
                answer += side.encrypted(unsaid[me])
                unsaid[me] = b""
            if answer:
                to[1 - me].append(answer)
    return heard[0], heard[1]


def met(
    caller: Tls, called: Tls, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> tuple[Channel, Channel]:
    """Two channels that are ready."""
    client, server = pair(caller, called, version)
    talk(client, server)
    assert client.ready
    assert server.ready
    return client, server


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
    session = client._tls.session
    assert session is not None
    assert session.has_ticket == (version == ssl.TLSVersion.TLSv1_2)
    assert ours.server.session_stats()["number"] == 0


def test_tickets_that_follow_the_handshake_reach_the_peer(authority: Authority) -> None:
    called = tls(authority)
    called.server.num_tickets = 3
    client, server = met(tls(authority), called)
    session = client._tls.session
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
    assert not server._incoming.pending


def test_a_farewell_in_the_middle_of_the_handshake_is_a_failure(authority: Authority) -> None:
    client, server = pair(tls(authority), tls(authority))
    server.received(client.begin()[:100])
    assert not server.farewell()
    with pytest.raises(ssl.SSLError) as raised:
        client.received(CLOSE_NOTIFY)
    said = "the peer closed the connection in the middle of the handshake"
    assert in_words(raised.value) == client.reason == said


def test_a_reload_reads_the_files_anew_and_leaves_connections_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    first, second = authority.leaf("sip:first.test"), authority.leaf("sip:second.test")
    before = tls(authority, own=first)
    client, server = met(before, before)
    for old, new in ((first.certificate, second.certificate), (first.key, second.key)):
        Path(old).write_bytes(Path(new).read_bytes())
    after = tls(authority, own=first)
    assert met(before, before)[0].names == ("first.test",)
    assert met(before, after)[0].names == ("second.test",)
    assert server.received(client.encrypted(INVITE))[0] == INVITE


# What hostile peers send


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (INVITE, "what the peer sends is not TLS"),
        (b"\r\n\r\n\r\n", "what the peer sends is not TLS"),
        (b"GET / HTTP/1.1\r\n\r\n", "the peer speaks HTTP, not TLS"),
        (b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\x00", "excessive message size"),
        (b"\x16\x03\x01\xff\xff" + bytes(70_000), "packet length too long"),
        (forger.old_hello(0x302), "the peer knows no TLS as new as 1.2"),
        (forger.old_hello(0x303), "there is no cipher that both sides allow"),
    ],
)
def test_what_is_not_a_client_of_ours_is_told_so(
    authority: Authority, sent: bytes, said: str
) -> None:
    server = Channel(tls(authority).server, True)
    with pytest.raises(ssl.SSLError) as raised:
        server.received(sent)
    assert in_words(raised.value) == server.reason == said
    assert server.closed
    assert server.farewell()[:1] in {b"\x15", b""}  # an alert, if anything
    with pytest.raises(ssl.SSLError, match=said):  # it stays so
        server.received(sent)


def test_who_answers_in_plain_sip_is_told_so(authority: Authority) -> None:
    client = Channel(tls(authority).client, False, "example.com")
    client.begin()
    with pytest.raises(ssl.SSLError):
        client.received(b"SIP/2.0 400 Bad Request\r\n\r\n")
    assert client.reason == "what the peer sends is not TLS"


@given(st.binary(max_size=2_000), st.integers(0, 2), st.integers(0, 1_000))
def test_garbage_at_any_point_raises_nothing_but_errors_of_ssl(
    authority: Authority, garbage: bytes, when: int, permille: int
) -> None:
    ours = tls(authority)
    client, server = met(ours, ours) if when == 2 else pair(ours, ours)
    wire = client.encrypted(INVITE) if when == 2 else client.begin()
    if when == 1:
        answer, wire = server.received(wire)
        client, server = server, client
    cut = len(wire) * permille // 1_000  # keys and signatures differ each time
    try:
        plain, answer = server.received(wire[:cut] + garbage + wire[cut:])
    except ssl.SSLError:
        assert server.closed
        assert server.reason
    else:
        assert plain in {b"", INVITE}
        assert len(answer) < 10_000


def test_what_was_said_before_the_connection_broke_is_heard(authority: Authority) -> None:
    client, server = met(tls(authority), tls(authority))
    plain, alert = server.received(client.encrypted(INVITE) + b"\x17\x03\x03\x00\x20" + bytes(32))
    assert plain == INVITE
    assert server.closed
    assert server.reason == "decryption failed or bad record mac"
    with pytest.raises(ssl.SSLError, match="bad record mac"):
        server.received(client.encrypted(INVITE))
    with pytest.raises(ssl.SSLError):
        server.encrypted(INVITE)
    with pytest.raises(ssl.SSLError) as raised:
        client.received(alert)
    assert in_words(raised.value) == "the peer refuses: bad record mac"


@pytest.fixture
def forged(authority: Authority, tmp_path: Path) -> tuple[Channel, Forger]:
    """A server, and who has the keys of its client."""
    ours = tls(authority)
    ours.client.keylog_filename = str(tmp_path / "keys")
    _, server = met(ours, ours)
    return server, Forger(tmp_path / "keys")


def until_refused(server: Channel, records: Iterator[bytes]) -> tuple[int, int, int]:
    """The numbers of records, of bytes that they were, and of bytes that answered them."""
    read = answered = 0
    for number, record in enumerate(records):
        try:
            plain, answer = server.received(record)
        except ssl.SSLError:
            return number, read, answered
        assert not plain
        read, answered = read + len(record), answered + len(answer)
        assert answered <= read
    pytest.fail("it goes on for ever")


def test_who_changes_keys_for_ever_is_put_out(forged: tuple[Channel, Forger]) -> None:
    server, peer = forged
    assert server.received(peer.key_update() + peer.record(INVITE))[0] == INVITE
    _, read, _ = until_refused(server, iter(peer.key_update, None))
    assert read <= SILENCE
    assert server.reason == "the peer sends and sends, and says nothing"


def test_who_says_nothing_for_ever_is_put_out(forged: tuple[Channel, Forger]) -> None:
    server, peer = forged
    number, _, _ = until_refused(server, iter(lambda: peer.record(b""), None))
    assert number <= 32  # as OpenSSL has it
    assert server.reason == "record too small"


def test_who_says_something_may_go_on(forged: tuple[Channel, Forger]) -> None:
    server, peer = forged
    for _ in range(40):
        said = peer.record(b"") + peer.key_update() + peer.record(INVITE)
        assert server.received(said)[0] == INVITE
    assert server.received(peer.record(b"x" * 16_384))[0] == b"x" * 16_384
    for _ in range(3):
        long = peer.record(b"x" * 16_384)  # no plaintext until its last byte
        assert b"".join(server.received(bytes([byte]))[0] for byte in long) == b"x" * 16_384


@pytest.mark.parametrize("called", [False, True])
def test_nobody_can_make_us_begin_anew(
    authority: Authority, tmp_path: Path, *, called: bool
) -> None:
    ours = tls(authority)
    ours.client.keylog_filename = str(tmp_path / "keys")
    client, server = pair(ours, ours, ssl.TLSVersion.TLSv1_2)
    hello = client.begin()
    flight = server.received(hello)[1]
    last = client.received(flight)[1]
    client.received(server.received(last)[1])
    assert client.ready
    random = flight[11:43]  # after the heads of the record and of the handshake, and the version
    peer = Forger12(tmp_path / "keys", random, server=not called)
    us, begin = (server, hello[5:]) if called else (client, HELLO_REQUEST)
    plain, answer = us.received(peer.record(begin, HANDSHAKE))
    assert not plain
    assert len(answer) < 40  # an alert: no_renegotiation
    assert us.received(peer.record(INVITE, forger.DATA))[0] == INVITE
    until_refused(us, iter(lambda: peer.record(begin, HANDSHAKE), None))


# What cannot be used


def refused(certificate: str | None = None, key: str | None = None, ca: str | None = None) -> str:
    with pytest.raises(TlsError) as raised:
        Tls(certificate, key, ca)
    return str(raised.value)


def test_files_that_cannot_be_used_are_named_with_a_reason_and_a_remedy(
    authority: Authority, tmp_path: Path
) -> None:
    own, other = authority.leaf(NAME), authority.leaf("sip:other.test")
    locked = authority.leaf(NAME, password=b"secret")
    weak_key = rsa.generate_private_key(65537, 1024)  # noqa: S505 -- that is the point
    weak = authority.leaf(NAME, key=weak_key)
    none, empty, torn = str(tmp_path / "none.pem"), tmp_path / "empty.pem", tmp_path / "torn.pem"
    empty.touch()
    torn.write_text(Path(own.certificate).read_text("ascii")[:200], "ascii")
    torn_key = tmp_path / "torn.key"
    torn_key.write_text(Path(own.key).read_text("ascii")[:60], "ascii")

    for files, named, said in (
        ((none, own.key), none, "no such file or directory (name a file that is there)"),
        ((own.certificate, none), none, "no such file or directory (name a file that is there)"),
        ((None, None, none), none, "no such file or directory (name a file that is there)"),
        ((own.certificate, str(tmp_path)), tmp_path, "is a directory (name a file in it)"),
        (("\0", own.key), "\0", "embedded null byte (name a file that can be there)"),
        ((None, own.key), own.key, "a key without a certificate (name its certificate too)"),
        ((str(empty), own.key), empty, "no certificate in PEM that can be read"),
        ((str(torn), own.key), torn, "no certificate in PEM that can be read"),
        ((own.key, own.key), own.key, "no certificate in PEM that can be read"),
        ((own.certificate, str(empty)), empty, "no private key in PEM"),
        ((own.certificate, None), own.certificate, "no private key in PEM"),
        ((own.certificate, str(torn_key)), own.certificate, f"and {torn_key}: OpenSSL refuses"),
        (
            (own.certificate, other.key),
            other.key,
            f"not the key of the certificate in {own.certificate}",
        ),
        ((locked.certificate, locked.key), locked.key, "the key is encrypted, and nobody is here"),
        ((weak.certificate, weak.key), weak.certificate, "OpenSSL refuses them: ee key too small"),
        ((None, None, str(empty)), empty, "no certificate in PEM that can be read (name a file"),
        ((None, None, str(torn)), torn, "no certificate in PEM that can be read (name a file"),
        ((None, None, own.certificate), own.certificate, "none of its certificates is a CA's"),
    ):
        text = refused(*files)
        assert text.startswith(str(named))
        assert said in text
        assert text.endswith(")")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that others may look into, unlike ``tmp_path``."""
    with TemporaryDirectory() as name:
        yield Path(name)


def test_a_key_that_we_may_not_read_is_named(folder: Path) -> None:
    own = Authority(folder).leaf(NAME)
    Path(own.key).chmod(0)
    nobody, root = 65534, os.geteuid()
    if root == 0:  # who may read everything
        folder.chmod(0o755)
        os.seteuid(nobody)
    try:
        said = refused(own.certificate, own.key)
    finally:
        os.seteuid(root)
    assert said.startswith(f"{own.key}: permission denied (the user that this runs as must")


def test_certificate_and_key_may_share_a_file(authority: Authority, tmp_path: Path) -> None:
    own, both = authority.leaf(NAME), tmp_path / "both.pem"
    both.write_bytes(Path(own.key).read_bytes() + Path(own.certificate).read_bytes())
    ours = Tls(str(both), ca=authority.ca)
    assert met(ours, ours)[0].names == ("example.com",)


def test_without_a_certificate_we_can_call_and_not_be_called() -> None:
    ours = Tls()  # trusts whom the system trusts
    assert ours.client.verify_mode == ssl.CERT_REQUIRED
    with pytest.raises(TlsError, match="needs a certificate and its key"):
        _ = ours.server


def test_what_both_sides_insist_on(authority: Authority) -> None:
    ours = tls(authority)
    for context in (ours.client, ours.server):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.options & ssl.OP_NO_COMPRESSION
        assert context.options & ssl.OP_NO_RENEGOTIATION
    assert not ours.client.check_hostname  # the core compares
