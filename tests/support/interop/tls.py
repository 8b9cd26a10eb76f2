"""Certificates made by OpenSSL, and stunnel, which speaks TLS for programs that cannot."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from interop.programs import Place, Program, where_is

SUBJECT = "/O=sansip interop/CN={}"
DAYS = "2"
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Pair:
    """A certificate with its key, and who signed it: the names of PEM files."""

    certificate: Path
    key: Path
    ca: Path


class Authority:
    """A certificate authority of a test's own."""

    def __init__(self, place: Place) -> None:
        self.folder = place.own("authority")
        self.certificate, self._key = self.folder / "ca.pem", self.folder / "ca.key"
        self._openssl(
            *("req", "-x509", *EC, "-subj", SUBJECT.format("authority"), "-days", DAYS),
            *("-keyout", str(self._key), "-out", str(self.certificate)),
        )

    def pair(self, *names: str) -> Pair:
        """Make a certificate; names are like ``DNS:gw.example.com`` and ``IP:127.0.0.1``."""
        name = names[0].partition(":")[2]
        key, asked, made, more = (
            self.folder / f"{name}.{kind}" for kind in ("key", "csr", "pem", "ext")
        )
        more.write_text(f"subjectAltName={','.join(names)}\nbasicConstraints=CA:FALSE\n")
        self._openssl(
            "req", *EC, "-subj", SUBJECT.format(name), "-keyout", str(key), "-out", str(asked)
        )
        self._openssl(
            *("x509", "-req", "-in", str(asked), "-days", DAYS, "-CAcreateserial"),
            *("-CA", str(self.certificate), "-CAkey", str(self._key)),
            *("-extfile", str(more), "-out", str(made)),
        )
        return Pair(made, key, self.certificate)

    def _openssl(self, *arguments: str) -> None:
        path = where_is("openssl")
        assert path, "openssl is missing"
        done = subprocess.run(  # noqa: S603 (what is above)
            [path, *arguments], capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr


STUNNEL = """
foreground = yes
pid =
debug = info
syslog = no
{services}
"""

WRAPS = """
[wraps]
client = yes
accept = {accept}
connect = {connect}
CAfile = {pair.ca}
verifyChain = yes
{check}
sni = {name}
"""

UNWRAPS = """
[unwraps]
accept = {accept}
connect = {connect}
cert = {pair.certificate}
key = {pair.key}
"""
