"""A SIP proxy that fails over: ``python examples/asyncio_proxy.py --config proxy.toml``.

It runs on asyncio, and with ``--uvloop`` on uvloop.
"""

import asyncio
import importlib
import sys
from collections.abc import Callable
from contextlib import suppress
from math import inf

from proxy import SIGNALS, Proxy, arguments, main

from sansip_asyncio import serve

Factory = Callable[[], asyncio.AbstractEventLoop]


async def serve_until_over(proxy: Proxy) -> None:
    """Serve until the proxy says that it is over."""
    loop, signals = asyncio.get_running_loop(), asyncio.Queue[int]()
    for number in SIGNALS:
        loop.add_signal_handler(number, signals.put_nowait, number)
    opened = loop.create_future()
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(serve(proxy.engine, started=opened.set_result, **proxy.options))
        proxy.begin(await opened, loop.time)
        while not proxy.is_over:
            with suppress(TimeoutError):
                async with asyncio.timeout(None if proxy.pause == inf else proxy.pause):
                    proxy.obey(await signals.get())
            proxy.look()
        serving.cancel()


def command() -> int:
    """Do what the command line says."""
    parser = arguments(__doc__)
    parser.add_argument("--uvloop", action="store_true", help="run on uvloop")
    options = parser.parse_args()
    factory: Factory | None = None
    if options.uvloop:
        try:
            factory = importlib.import_module("uvloop").new_event_loop
        except ImportError:
            parser.error("--uvloop: it is not installed (pip install uvloop)")

    def run(proxy: Proxy) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(serve_until_over(proxy))

    return main(options, run)


if __name__ == "__main__":
    sys.exit(command())
