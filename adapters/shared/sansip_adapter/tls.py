"""TLS: what the files of the configuration give.

``Tls`` reads the files once, at start; a reload makes a new one, and the connections that are there
keep the old.

The purpose (RFC 5922 7.1, RFC 5924): where a certificate has an extended key usage, OpenSSL wants
id-kp-serverAuth from who was called and id-kp-clientAuth from who calls, and Python cannot make it
ask for anything else. So no certificate passes that RFC 5922 bars; and one that has only
id-kp-sipDomain or anyExtendedKeyUsage, which RFC 5922 would let pass, is refused.
"""

import errno
import re
import ssl
from functools import partial
from pathlib import Path
from typing import NoReturn

from sansip.certificates import Clients
from sansip_adapter.channel import in_words

VERIFYING = {
    "any": ssl.CERT_NONE,
    "ask": ssl.CERT_OPTIONAL,
    "require": ssl.CERT_REQUIRED,
}
REMEDIES = {
    errno.ENOENT: "name a file that is there",
    errno.EACCES: "the user that this runs as must be able to read it",
    errno.EISDIR: "name a file in it",
}


class TlsError(Exception):
    """What is configured for TLS cannot be used: the text names what is wrong, and a remedy."""


class Tls:
    """Both sides of TLS: ``client`` for connections that we open, ``server`` for the others.

    ``certificate`` is a PEM file with our certificate, and after it those of its issuers; ``key``
    one with its private key, unless that stands in the same file. They are shown to those whom we
    call too, if they ask. Without them (``has_certificate``) we can call, but not be called. ``ca``
    is a PEM file with the CAs that are trusted, instead of the system's. ``clients`` says what is
    asked of those who call: nothing ("any"), a certificate that is verified if there is one
    ("ask"), or one in any case ("require").
    """

    def __init__(
        self,
        certificate: str | None = None,
        key: str | None = None,
        ca: str | None = None,
        clients: Clients = "any",
    ) -> None:
        """Read the files; raises ``TlsError`` if they, or ``clients``, cannot be used."""
        if clients not in VERIFYING:  # where nobody checks types
            _refuse(f"clients={clients!r}", "no such word", f"say {', '.join(VERIFYING)}")
        if key is not None and certificate is None:
            raise TlsError(f"{key}: a key without a certificate (name its certificate too)")
        # RFC 5922 7.3: the core compares the names
        self.client = _context(ssl.PROTOCOL_TLS_CLIENT, ssl.CERT_REQUIRED, ca)
        self.server = _context(ssl.PROTOCOL_TLS_SERVER, VERIFYING[clients], ca)
        self.has_certificate = certificate is not None
        if certificate is not None:
            for context in (self.client, self.server):
                _show(context, certificate, key)


def _context(protocol: int, mode: ssl.VerifyMode, ca: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = mode
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # whatever the system's default is (RFC 9325)
    context.options |= ssl.OP_NO_RENEGOTIATION  # all day, for nothing; ssl bars compression itself
    # No tickets for a later, shorter handshake: connections of SIP live long; who resumes is not
    # verified again, and whoever gets hold of their key can read what they began. TLS 1.2 keeps its
    # own: without them OpenSSL remembers sessions, up to 20 480 of 1 kB (10 with certificates).
    if protocol == ssl.PROTOCOL_TLS_SERVER:
        context.num_tickets = 0
    if mode != ssl.CERT_NONE:
        _trust(context, ca)
    return context


def _trust(context: ssl.SSLContext, ca: str | None) -> None:
    if ca is None:
        context.load_default_certs()
        return
    _read(ca)
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError:
        _refuse(ca, "no certificate in PEM that can be read", "name a file with those of CAs")
    if not context.cert_store_stats()["x509_ca"]:
        _refuse(ca, "none of its certificates is a CA's", "name the CA that issues the peers' ones")


def _show(context: ssl.SSLContext, certificate: str, key: str | None) -> None:
    """Load our own certificate; and if that fails, find out why."""
    secret = certificate if key is None else key
    public = _read(certificate)
    if "PRIVATE KEY-----" not in _read(secret):
        _refuse(secret, "no private key in PEM", "name the file with the certificate's key")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=_certificates(public))
    except (ssl.SSLError, ValueError):
        remedy = "name a file with -----BEGIN CERTIFICATE----- in it"
        _refuse(certificate, "no certificate in PEM that can be read", remedy)
    try:
        context.load_cert_chain(certificate, key, partial(_no_password, secret))
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            remedy = "ours stands first in its file, its issuers' after it"
            _refuse(secret, f"not the key of the certificate in {certificate}", remedy)
        reason = f"OpenSSL refuses them: {in_words(error)}"
        _refuse(f"{certificate} and {secret}", reason, "have them made anew")


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="latin-1")
    except ValueError as error:
        _refuse(path, str(error), "name a file that can be there")
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, "name a file that can be read")
        _refuse(path, (error.strerror or str(error)).lower(), remedy)


def _certificates(text: str) -> str:
    blocks = re.findall("(?s)-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text)
    return "\n".join(blocks)


def _no_password(path: str) -> NoReturn:
    """Stand in for OpenSSL, which would ask at the terminal."""
    remedy = 'take its password away with "openssl pkey"'
    _refuse(path, "the key is encrypted, and nobody is here to ask for its password", remedy)


def _refuse(path: str, reason: str, remedy: str) -> NoReturn:
    raise TlsError(f"{path}: {reason} ({remedy})")
