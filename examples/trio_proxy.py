"""A SIP proxy that fails over: ``python examples/trio_proxy.py --config proxy.toml``.

It runs on trio.
"""

import sys
from functools import partial

import trio
from proxy import SIGNALS, Proxy, arguments, main

from sansip_trio import serve


async def run(proxy: Proxy) -> None:
    """Serve until the proxy says that it is over."""
    with trio.open_signal_receiver(*SIGNALS) as signals:
        async with trio.open_nursery() as nursery:
            server = await nursery.start(partial(serve, proxy.engine, **proxy.options))
            proxy.begin(server, trio.current_time)
            while not proxy.is_over:
                with trio.move_on_after(proxy.pause):
                    proxy.obey(await anext(signals))
                proxy.look()
            nursery.cancel_scope.cancel()


if __name__ == "__main__":
    sys.exit(main(arguments(__doc__).parse_args(), lambda proxy: trio.run(run, proxy)))
