"""What all adapters of sansip share: sockets, TLS and DNS, without an event loop.

An adapter brings the loop (``sansip_adapter.loop.Loop``); the rest happens here, in callbacks.
"""
