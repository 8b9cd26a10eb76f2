"""Records of TLS that no library would write, with the keys of a connection that is up.

The cipher is AES-256-GCM with SHA-384, which OpenSSL prefers in TLS 1.3 and 1.2 alike.
"""

import struct
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

HANDSHAKE, DATA = 22, 23
TLS_1_2 = 0x303
CLOSE_NOTIFY = b"\x15\x03\x03\x00\x02\x01\x00"  # before there are keys
HELLO_REQUEST = b"\x00\x00\x00\x00"  # "begin anew", says a server of TLS 1.2
KEY_UPDATE = b"\x18\x00\x00\x01\x01"  # "I take new keys; take some too"


def old_hello(version: int) -> bytes:
    """The ClientHello of who knows no newer version than this."""
    body = struct.pack("!H", version) + bytes(32) + b"\x00\x00\x02\xc0\x14\x01\x00"
    return struct.pack("!BHHBBH", HANDSHAKE, 0x301, len(body) + 4, 1, 0, len(body)) + body


def _secret(keylog: Path, label: str) -> tuple[bytes, bytes]:
    """The client's random, and the secret of this name."""
    for line in keylog.read_text("ascii").splitlines():
        if line.startswith(f"{label} "):
            random, secret = map(bytes.fromhex, line.split()[1:])
            return random, secret
    raise LookupError(label)


class Forger:
    """What a client says in TLS 1.3, once the handshake is done (RFC 8446 5.2, 7.1, 7.2)."""

    def __init__(self, keylog: Path) -> None:
        self._take(_secret(keylog, "CLIENT_TRAFFIC_SECRET_0")[1])

    def record(self, content: bytes, kind: int = DATA) -> bytes:
        inner = content + bytes([kind])
        head = struct.pack("!BHH", DATA, TLS_1_2, len(inner) + 16)
        nonce = self._iv ^ self._sequence
        self._sequence += 1
        return head + self._cipher.encrypt(nonce.to_bytes(12), inner, head)

    def key_update(self) -> bytes:
        record = self.record(KEY_UPDATE, HANDSHAKE)
        self._take(self._expanded("traffic upd", 48))
        return record

    def _take(self, secret: bytes) -> None:
        self._of, self._sequence = secret, 0
        self._cipher = AESGCM(self._expanded("key", 32))
        self._iv = int.from_bytes(self._expanded("iv", 12))

    def _expanded(self, label: str, length: int) -> bytes:
        text = b"tls13 " + label.encode()
        info = struct.pack("!HB", length, len(text)) + text + b"\x00"
        return HKDFExpand(SHA384(), length, info).derive(self._of)


class Forger12:
    """What a side says in TLS 1.2, after its Finished (RFC 5246 5, 6.3; RFC 5288)."""

    def __init__(self, keylog: Path, server_random: bytes, *, server: bool) -> None:
        random, master = _secret(keylog, "CLIENT_RANDOM")
        keys = _prf(master, b"key expansion" + server_random + random, 72)
        self._cipher = AESGCM(keys[32:64] if server else keys[:32])
        self._salt = keys[68:72] if server else keys[64:68]
        self._sequence = 1

    def record(self, content: bytes, kind: int) -> bytes:
        number = struct.pack("!Q", self._sequence)
        self._sequence += 1
        about = number + struct.pack("!BHH", kind, TLS_1_2, len(content))
        sealed = number + self._cipher.encrypt(self._salt + number, content, about)
        return struct.pack("!BHH", kind, TLS_1_2, len(sealed)) + sealed


def _prf(secret: bytes, seed: bytes, length: int) -> bytes:
    made, link = b"", seed
    while len(made) < length:
        link = _hmac(secret, link)
        made += _hmac(secret, link + seed)
    return made[:length]


def _hmac(key: bytes, data: bytes) -> bytes:
    mac = HMAC(key, SHA384())
    mac.update(data)
    return mac.finalize()
