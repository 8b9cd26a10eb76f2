"""The files of TLS: what cannot be used is named, with a reason and a remedy."""

import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from certificates import Authority
from handshakes import INVITE, NAME, met, tls
from sansip.certificates import Clients
from sansip_adapter.tls import Tls, TlsError


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


def test_who_shows_certificates_is_said_in_words_that_are_known() -> None:
    with pytest.raises(TlsError, match=r"^clients='all': no such word \(say any, ask, require\)$"):
        Tls(clients=cast("Clients", "all"))


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


def test_without_a_ca_of_ours_those_of_the_system_are_trusted(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = tls(authority)
    with pytest.raises(ssl.SSLError, match="unable to get local issuer certificate"):
        met(Tls(), called)
    monkeypatch.setenv("SSL_CERT_FILE", authority.ca)
    assert met(Tls(), called)[0].names == ("example.com",)


def test_without_a_certificate_we_can_call_and_not_be_called() -> None:
    ours = Tls()
    assert ours.client.verify_mode == ssl.CERT_REQUIRED
    assert not ours.has_certificate


def test_what_both_sides_insist_on(authority: Authority) -> None:
    ours = tls(authority)
    for context in (ours.client, ours.server):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.options & ssl.OP_NO_COMPRESSION
        assert context.options & ssl.OP_NO_RENEGOTIATION
    assert not ours.client.check_hostname  # the core compares


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
