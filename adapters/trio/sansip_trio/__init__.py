"""sansip on trio: sockets, a clock and a resolver for a core that has none.

``trio.run(serve, engine)``, or ``server = await nursery.start(partial(serve, engine))``.
"""

from sansip_trio.endpoints import EndpointError
from sansip_trio.serve import Core, Server, serve

__all__ = ["Core", "EndpointError", "Server", "serve"]
