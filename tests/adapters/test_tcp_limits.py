"""The real core's deadlines for its own connections, kept by the adapters over the loopback."""

import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import anyio

from loops import Adapter
from peers import Peer, listening
from sansip import Config, Endpoint, Engine, Limits, Policy, Relay, Report, Request, Scene, Timing
from talking import phone, picked_up

SHORT = Limits(connect=0.2, idle_flow=0.2)
QUICK = Timing(t1=0.005, t2=0.02, t4=0.02)  # 64*T1, which no idle time is below: 0.32 s


class To(Policy):
    def __init__(self, *gateways: Peer) -> None:
        self.uris = [f"sip:{gateway.address};transport=tcp" for gateway in gateways]

    def route(self, request: Request, scene: Scene) -> Relay:
        return Relay(self.uris)


def engine(*gateways: Peer) -> Engine:
    endpoints = [Endpoint("tcp", "127.0.0.1:0", advertise="127.0.0.1:9")]
    config = Config(endpoints, allow_hops=["127.0.0.0/8"], limits=SHORT, timing=QUICK)
    return Engine(config, To(*gateways))


@contextmanager
def deaf() -> Generator[Peer]:
    """Somebody who accepts no connection: the kernel does not even answer for him."""
    with listening(backlog=0) as gateway, ExitStack() as fillers:
        for _ in range(3):
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((gateway.address.host, gateway.port))
        yield gateway


def test_a_connection_of_ours_that_is_idle_is_closed(adapter: Adapter) -> None:
    async def main() -> None:
        with listening() as gateway:
            async with adapter.serving(engine(gateway), nameservers=()) as server:
                (where,) = server.addresses.values()
                with await phone(where) as caller:
                    await caller.ask("OPTIONS", "one")
                    with await picked_up(gateway) as trunk:
                        await trunk.answer(await trunk.asked(), 200)
                        assert await caller.status() == 200
                        answered = anyio.current_time()
                        assert await trunk.peer.recv() == b""  # the end
                        assert 0.3 < anyio.current_time() - answered < 5.0
                    await caller.ask("OPTIONS", "two")  # its own is the peer's to close

    adapter.run(main)


def test_a_connection_that_does_not_open_in_time_is_a_failure(adapter: Adapter) -> None:
    reports: list[Report] = []

    async def main() -> None:
        with deaf() as gateway:
            serving = adapter.serving(engine(gateway), nameservers=(), on_report=reports.append)
            async with serving as server:
                (where,) = server.addresses.values()
                with await phone(where) as caller:
                    await caller.ask("INVITE", "one")
                    assert await caller.status() == 500  # of a 503 that was never on a wire

    adapter.run(main)
    assert any("no connection in 0.2 s" in report.text for report in reports)
