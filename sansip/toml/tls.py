"""The certificates of a configuration: ``[tls]``. The files are named here, and read elsewhere."""

from typing import Final, get_args

from sansip.certificates import Clients
from sansip.toml.checked import Table, one_of, some_text
from sansip.value import value

CLIENTS: Final[tuple[Clients, ...]] = get_args(Clients)


@value
class TlsFiles:
    """What ``[tls]`` says; the names of files are relative to the configuration's."""

    certificate: str  # our own, in PEM, and after it those of its issuers
    key: str
    ca: str | None = None  # the CAs that are trusted; None: those of the system
    clients: Clients = "any"


def read_tls(top: Table, listen: tuple[str, ...]) -> TlsFiles | None:
    """Read [tls], which is there if, and only if, something listens on tls."""
    listening = any(name.startswith("tls:") for name in listen)
    if "tls" not in top.content:
        if listening:
            remedy = 'say [tls] with certificate = "proxy.pem" and key = "proxy.key"'
            top.wrong("tls", f"missing, though listen has tls; {remedy}")
        return None
    table = top.table("tls")
    files = TlsFiles(
        table.need("certificate", some_text, "", 'say for example certificate = "proxy.pem"'),
        table.need("key", some_text, "", 'say for example key = "proxy.key"'),
        table.take("ca", some_text, None),
        table.take("clients", one_of(CLIENTS), CLIENTS[0]),
    )
    table.close()
    if listen and not listening:  # else it is not known
        remedy = 'add for example "tls:192.0.2.10:5061" to listen, or take [tls] out'
        top.wrong("tls", f"nothing listens on tls; {remedy}")
    return files
