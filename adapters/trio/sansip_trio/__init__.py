"""sansip on trio: sockets, a clock and a resolver for a core that has none.

``trio.run(serve, engine)``, or ``server = await nursery.start(partial(serve, engine))``.
"""

from sansip_adapter.endpoints import EndpointError
from sansip_adapter.recorder import Recorder, RecorderError
from sansip_adapter.server import Core, Options, Server
from sansip_adapter.tls import Tls, TlsError
from sansip_trio.serve import serve

__all__ = [
    "Core",
    "EndpointError",
    "Options",
    "Recorder",
    "RecorderError",
    "Server",
    "Tls",
    "TlsError",
    "serve",
]
