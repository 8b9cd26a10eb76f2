"""sansip on asyncio: sockets, a clock and a resolver for a core that has none.

``asyncio.run(serve(engine))``; ``serve(engine, started=...)`` tells when all is open.
"""

from sansip_adapter.endpoints import EndpointError
from sansip_adapter.recorder import Recorder, RecorderError
from sansip_adapter.server import Core, Options, Server
from sansip_adapter.tls import Tls, TlsError
from sansip_asyncio.serve import serve

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
