"""One connection of TLS without a socket: records in, plaintext out; and the other way.

A certificate is verified here up to its issuer, its dates and its purpose. Whether it names the
right domain is the core's question (RFC 5922 7.3): a channel tells whom it names.
"""

import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from ipaddress import ip_address

from sansip import identities

CHUNK = 16_384  # bytes of plaintext that a record holds at most
# Bytes that a peer may send without one byte of plaintext in them: room for a handshake with a long
# chain of certificates. Key updates and empty records cost us work and it nothing.
SILENCE = 1 << 17

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

    def fault(self, error: ssl.SSLError) -> str:
        """What to say of a connection that this has ended."""
        return f"TLS: {self.reason or in_words(error)}"

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
