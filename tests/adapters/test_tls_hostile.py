"""What hostile or mistaken peers send to a channel of TLS."""

import ssl
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forger
from certificates import Authority
from forger import HANDSHAKE, HELLO_REQUEST, Forger, Forger12
from handshakes import INVITE, met, pair, tls
from sansip_adapter.channel import SILENCE, Channel, in_words


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
    for number, record in enumerate(islice(records, 10_000)):
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
    for _ in range(SILENCE // 10_000):
        long = peer.record(b"x" * 16_384)  # no plaintext until its last byte
        pieces = [server.received(long[at : at + 2_000])[0] for at in range(0, len(long), 2_000)]
        assert b"".join(pieces) == b"x" * 16_384


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
