"""Certificates for tests: an authority, and what it signs; files in a folder, made when wanted."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
SIP_DOMAIN = ObjectIdentifier("1.3.6.1.5.5.7.3.20")  # id-kp-sipDomain, RFC 5924

DAY = dt.timedelta(days=1)
NOW = dt.datetime.now(dt.UTC)
VALID, EXPIRED, FUTURE = (-DAY, DAY), (-2 * DAY, -DAY), (DAY, 2 * DAY)

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


SIGNS = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)  # what a CA may do


def new_key() -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())  # fast


@dataclass(frozen=True)
class Files:
    """A certificate and its key, as the configuration names them."""

    certificate: str
    key: str


class Authority:
    """A CA: ``ca`` is the file with its certificate."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.folder, self.name, self._key = folder, name, new_key()
        self._made: dict[object, Files] = {}

    @cached_property
    def ca(self) -> str:
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        builder = self._builder(self.name, self._key, VALID).add_extension(constraints, True)
        builder = builder.add_extension(SIGNS, critical=True)
        return self._write(f"{self.name}.pem", self._signed(builder))

    def leaf(
        self,
        *names: str,
        common_name: str = "leaf",
        usages: tuple[ObjectIdentifier, ...] = (),
        lifetime: tuple[dt.timedelta, dt.timedelta] = VALID,
        password: bytes = b"",
        alternatives: bytes = b"",
        key: PrivateKey | None = None,
    ) -> Files:
        """A certificate that names these: URIs, IP addresses, and what is neither as DNS names.

        Without a name it has no subjectAltName at all, but for ``alternatives``, its raw content.
        """
        wanted = names, common_name, usages, lifetime, password, alternatives, key
        if wanted not in self._made:
            own = key or new_key()
            builder = self._builder(common_name, own, lifetime)
            if names:
                general = x509.SubjectAlternativeName([_general(name) for name in names])
                builder = builder.add_extension(general, critical=False)
            elif alternatives:
                oid = x509.SubjectAlternativeName.oid
                raw = x509.UnrecognizedExtension(oid, alternatives)
                builder = builder.add_extension(raw, critical=False)
            if usages:
                builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            how = BestAvailableEncryption(password) if password else NoEncryption()
            pem = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)
            stem = f"{self.name}-{len(self._made)}"
            files = (
                self._write(f"{stem}.pem", self._signed(builder)),
                self._write(f"{stem}.key", pem),
            )
            self._made[wanted] = Files(*files)
        return self._made[wanted]

    def _builder(
        self, name: str, key: PrivateKey, lifetime: tuple[dt.timedelta, dt.timedelta]
    ) -> x509.CertificateBuilder:
        begin, end = lifetime
        # Who verifies strictly, as Python 3.13 does by default, wants both key identifiers.
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(_common(name))
            .issuer_name(_common(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + begin)
            .not_valid_after(NOW + end)
            .add_extension(own, critical=False)
            .add_extension(issuer, critical=False)
        )

    def _signed(self, builder: x509.CertificateBuilder) -> bytes:
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def _write(self, name: str, content: bytes) -> str:
        path = self.folder / name
        path.write_bytes(content)
        return str(path)


def _common(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.UniformResourceIdentifier(name) if ":" in name else x509.DNSName(name)
