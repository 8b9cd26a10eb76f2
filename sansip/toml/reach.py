"""What a proxy with a given configuration can send to, as far as the text of a URI tells."""

from sansip.address import Address, Hop
from sansip.engine.config import DEFAULT_PORT, SECURE_PORT, Config
from sansip.engine.hosts import is_ip
from sansip.message import Uri
from sansip.toml.checked import Wrong, some_text
from sansip.toml.words import sip_uri
from sansip.value import value


@value
class Reach:
    """Checks of where things are sent; without a configuration that is right, there is no telling.

    What is wrong with that is said elsewhere.
    """

    config: Config | None

    def uri(self, content: object) -> str:
        """Check for a SIP URI that one of the endpoints can send to."""
        uri = sip_uri(content)
        if self.config is not None:
            _check(self.config, uri)
        return str(uri)

    def endpoint(self, content: object) -> str:
        """Check for the name of an endpoint."""
        name = some_text(content)
        if self.config is not None and self.config.endpoint(name) is None:
            known = ", ".join([endpoint.name for endpoint in self.config.endpoints])
            raise Wrong(f"is not listened on; listen has: {known}")
        return name


def _check(config: Config, uri: Uri) -> None:
    wanted, secure = uri.transport, uri.scheme == "sips"
    if secure:
        if wanted not in (None, "tcp", "tls"):
            raise Wrong(f"sips goes by tls, never by {wanted}; take the transport out")
        wanted = "tls"
    if wanted is not None and wanted not in config.transports:
        raise Wrong(f"nothing listens on {wanted}, so nothing is sent by it; add it to listen")
    host = uri.maddr or uri.host
    if not is_ip(host):
        return
    there = Address(host, uri.port or (SECURE_PORT if wanted == "tls" else DEFAULT_PORT))
    if there.family not in config.families:
        raise Wrong(f"nothing listens on an IPv{there.family} address; add one to listen")
    refused = config.refuses(Hop(wanted or "udp", there))
    if refused is not None:
        raise Wrong(f"{host}: {refused}")
