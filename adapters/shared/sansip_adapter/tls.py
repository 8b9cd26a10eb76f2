"""TLS: what the files of the configuration give, and one connection without a socket.

``Tls`` reads the files once, at start; a reload makes a new one, and the connections that are there
keep the old. ``Channel`` turns what comes over a socket into plaintext, and plaintext into what
goes there: it needs neither a socket nor an event loop.

A certificate is verified here up to its issuer, its dates and its purpose. Whether it names the
right domain is the core's question (RFC 5922 7.3): a channel tells whom it names.

The purpose (RFC 5922 7.1, RFC 5924): where a certificate has an extended key usage, OpenSSL wants
id-kp-serverAuth from who was called and id-kp-clientAuth from who calls, and Python cannot make it
ask for anything else. So no certificate passes that RFC 5922 bars; and one that has only
id-kp-sipDomain or anyExtendedKeyUsage, which RFC 5922 would let pass, is refused.
"""

import errno
import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, NoReturn

from sansip import identities

Clients = Literal["any", "ask", "require"]

CHUNK = 16_384  # bytes of plaintext that a record holds at most
# Bytes that a peer may send without one byte of plaintext in them: room for a handshake with a long
# chain of certificates. Key updates and empty records cost us work and it nothing.
SILENCE = 1 << 17

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
VERDICTS = {  # what would help, where OpenSSL's own words leave it open
    "unable to get local issuer certificate": "no CA that is trusted here has issued it, or the"
    " peer does not send those between",
    "self-signed certificate": "it is trusted once it stands among the CAs",
    "unsuitable certificate purpose": "its extended key usage lacks serverAuth, if it was called,"
    " or clientAuth, if it calls",
}
REASONS = {
    "HTTP_REQUEST": "the peer speaks HTTP, not TLS",
    "NO_SHARED_CIPHER": "there is no cipher that both sides allow",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the peer shows no certificate, which is asked of it",
    "UNSUPPORTED_PROTOCOL": "the peer knows no TLS as new as 1.2",
    "WRONG_VERSION_NUMBER": "what the peer sends is not TLS",
}
ALERT = re.compile("(?:SSLV3|TLSV1|TLSV13)_ALERT_(.+)")


class TlsError(Exception):
    """What is configured for TLS cannot be used: the text names the file and a remedy."""


class Tls:
    """Both sides of TLS: ``client`` for connections that we open, ``server`` for the others.

    ``certificate`` is a PEM file with our certificate, and after it those of its issuers; ``key``
    one with its private key, unless that stands in the same file. They are shown to those whom we
    call too, if they ask. Without them we can call, but not be called. ``ca`` is a PEM file with
    the CAs that are trusted, instead of the system's. ``clients`` says what is asked of those who
    call: nothing ("any"), a certificate that is verified if there is one ("ask"), or one in any
    case ("require").
    """

    def __init__(
        self,
        certificate: str | None = None,
        key: str | None = None,
        ca: str | None = None,
        clients: Clients = "any",
    ) -> None:
        """Read the files."""
        if key is not None and certificate is None:
            raise TlsError(f"{key}: a key without a certificate (name its certificate too)")
        # RFC 5922 7.3: the core compares the names
        self.client = _context(ssl.PROTOCOL_TLS_CLIENT, ssl.CERT_REQUIRED, ca)
        self._server: ssl.SSLContext | None = None
        if certificate is not None:
            self._server = _context(ssl.PROTOCOL_TLS_SERVER, VERIFYING[clients], ca)
            for context in (self.client, self._server):
                _show(context, certificate, key)

    @property
    def server(self) -> ssl.SSLContext:
        """Ours, when we are called."""
        if self._server is None:
            raise TlsError("who listens for TLS needs a certificate and its key (name their files)")
        return self._server


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


class Channel:
    """One connection: bytes from the socket go in, and plaintext comes out; and the other way.

    ``ready`` says that the handshake is done, and ``names`` whom the peer's verified certificate
    names (RFC 5922 7.1); nobody, without one. ``closed`` says that no more will come, for the peer
    has said so, or has broken the connection; ``reason`` says how, in words.
    """

    __slots__ = ("_incoming", "_outgoing", "_silent", "_tls", "closed", "names",
                 "ready", "reason")  # fmt: skip

    def __init__(
        self,
        context: ssl.SSLContext,
        server_side: bool,  # noqa: FBT001 -- as in ssl
        name: str | None = None,
    ) -> None:
        """``name`` is the domain that was asked for, when we call."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        wrapped = partial(context.wrap_bio, self._incoming, self._outgoing, server_side)
        self._tls = _asking(name, wrapped)
        self._silent = 0
        self.ready, self.closed, self.reason = False, False, ""
        self.names: tuple[str, ...] = ()

    def begin(self) -> bytes:
        """Give the first bytes for the peer: a caller speaks first."""
        self._shaken()
        return self._outgoing.read()

    def received(self, data: bytes) -> tuple[bytes, bytes]:
        """Give the plaintext in what came, and what the peer is to be sent now.

        Raises ``ssl.SSLError`` if it cannot be read; ``farewell`` gives what the peer should hear
        of that. When there was plaintext before what cannot be read, that is given first: then
        ``closed`` is set, and the error waits for the next call.
        """
        if self.reason:
            raise _error(self.reason)
        if self.closed or not data:  # what comes after the end belongs to nobody
            return b"", b""
        self._incoming.write(data)
        plain: list[bytes] = []
        try:
            if self.ready or self._shaken():
                self._drain(plain)
            self._silent = 0 if plain else self._silent + len(data)
            if self._silent > SILENCE:
                raise _error("the peer sends and sends, and says nothing")
        except ssl.SSLError as error:
            self.closed, self.reason = True, in_words(error)
            if not plain:
                raise
        return b"".join(plain), self._outgoing.read()

    def encrypted(self, data: bytes) -> bytes:
        """What goes to the peer for this plaintext, once the channel is ready.

        Raises ``ssl.SSLError`` on a connection that is broken.
        """
        rest = memoryview(data)
        while rest:  # a record is written at a time
            rest = rest[self._tls.write(rest) :]
        return self._outgoing.read()

    def farewell(self) -> bytes:
        """Our last bytes: that we say no more; or what was wrong, after an error."""
        with suppress(ssl.SSLError):  # it waits for the peer's answer, which we do not
            self._tls.unwrap()
        return self._outgoing.read()

    def _shaken(self) -> bool:
        """Go on with the handshake; whether it is done."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        try:
            self.names = identities(self._tls.getpeercert())
        except ValueError:  # text that is no text, which a CA has signed nevertheless
            raise _error("the peer's certificate names what cannot be read") from None
        self.ready = True
        return True

    def _drain(self, plain: list[bytes]) -> None:
        """Take all that can be read by now, however many records it is."""
        while self._incoming.pending or self._tls.pending():
            try:
                piece = self._tls.read(CHUNK)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLZeroReturnError:
                piece = b""
            if not piece:
                self.closed = True
                return
            plain.append(piece)


def in_words(error: ssl.SSLError) -> str:
    """Say what went wrong with a connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        verdict = error.verify_message
        hint = f" ({VERDICTS[verdict]})" if verdict in VERDICTS else ""
        return f"the peer's certificate is refused: {verdict}{hint}"
    if isinstance(error, ssl.SSLZeroReturnError):
        return "the peer closed the connection in the middle of the handshake"
    reason: str | None = getattr(error, "reason", None)  # ours have none
    if reason is None:
        return error.strerror or str(error)
    alert = ALERT.fullmatch(reason)
    return REASONS.get(reason) or (
        f"the peer refuses: {_plain(alert[1])}" if alert else _plain(reason)
    )


def _plain(constant: str) -> str:
    return constant.lower().replace("_", " ")


def _error(text: str) -> ssl.SSLError:
    return ssl.SSLError(ssl.SSL_ERROR_SSL, text)


def _asking(name: str | None, wrapped: Callable[..., ssl.SSLObject]) -> ssl.SSLObject:
    """Ask for the domain that was asked for (RFC 5922 7.3); an address is none (RFC 6066 3)."""
    if name is not None and not _is_address(name):
        # A name that TLS has no room for is left out; what ssl raises depends on what is wrong.
        with suppress(TypeError, ValueError, ssl.SSLError):
            return wrapped(server_hostname=name.removesuffix("."))
    return wrapped()


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
