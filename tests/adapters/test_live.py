"""The real core on the trio adapter: a call over the loopback fails over, and replays the same."""

import socket
from functools import partial

import trio

from sansip import (
    Action,
    Config,
    Dispatch,
    Endpoint,
    Engine,
    Event,
    Policy,
    Relay,
    Request,
    Scene,
    SendFailed,
    State,
)
from sansip_trio import Server, serve

INVITE = (
    "INVITE sip:bob@gw.example.com SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKlive;rport\r\n"
    "Max-Forwards: 70\r\n"
    "From: <sip:alice@example.com>;tag=a\r\n"
    "To: <sip:bob@gw.example.com>\r\n"
    "Call-ID: live@example.com\r\n"
    "CSeq: 1 INVITE\r\n"
    "Contact: <sip:alice@127.0.0.1:{port}>\r\n"
    "Content-Length: 0\r\n\r\n"
)
SEED = bytes(range(32))
Peer = trio.socket.SocketType


class Gateways(Policy):
    def route(self, request: Request, scene: Scene) -> Relay:
        return Relay(Dispatch("gateways"))


async def bound() -> Peer:
    sock = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    await sock.bind(("127.0.0.1", 0))
    return sock


def port_of(sock: Peer) -> int:
    port: int = sock.getsockname()[1]
    return port


def accepted(invite: bytes) -> bytes:
    """Answer 200 as a gateway would, with the headers that RFC 3261 8.2.6.2 wants back."""
    lines = invite.decode().partition("\r\n\r\n")[0].split("\r\n")[1:]
    names = ("via:", "from:", "call-id:", "cseq:", "record-route:")
    kept = [line for line in lines if line.lower().startswith(names)]
    to = "To: <sip:bob@gw.example.com>;tag=b"
    ours = [to, "Contact: <sip:bob@127.0.0.1>", "Content-Length: 0", "", ""]
    return "\r\n".join(["SIP/2.0 200 OK", *kept, *ours]).encode()


def test_a_call_fails_over_to_the_living_gateway_and_replays_without_difference() -> None:
    recorded: list[tuple[Event, tuple[Action, ...]]] = []

    def tap(event: Event, actions: tuple[Action, ...]) -> None:
        recorded.append((event, actions))

    async def call(alive: Peer, engine: Engine) -> Server[State]:
        with await bound() as phone, trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                start = partial(serve, engine, nameservers=(), tap=tap, seed=SEED)
                server: Server[State] = await nursery.start(start)
                (where,) = server.addresses.values()
                invite = INVITE.format(port=port_of(phone)).encode()
                await phone.sendto(invite, (where.host, where.port))
                trying, _ = await phone.recvfrom(2000)
                assert trying.startswith(b"SIP/2.0 100 ")
                received, proxy = await alive.recvfrom(2000)
                assert received.startswith(b"INVITE sip:bob@127.0.0.1:")
                await alive.sendto(accepted(received), proxy)
                answer, _ = await phone.recvfrom(2000)
                assert answer.startswith(b"SIP/2.0 200 ")
                nursery.cancel_scope.cancel()
        return server

    async def main() -> tuple[Server[State], Engine]:
        with await bound() as unused:
            dead = port_of(unused)
        with await bound() as alive:
            targets = [f"sip:127.0.0.1:{dead}", f"sip:127.0.0.1:{port_of(alive)}"]
            config = Config(
                [Endpoint("udp", "127.0.0.1:0", advertise="192.0.2.10:5060")],
                groups={"gateways": targets},
                allow_hops=["127.0.0.0/8"],
            )
            engine = Engine(config, Gateways())
            return await call(alive, engine), engine

    begun = trio.run(main)
    server, engine = begun
    # The dead gateway was given up because of the ICMP error, not after three seconds of silence.
    assert [event.reason for event, _ in recorded if isinstance(event, SendFailed)] == [
        "ICMP: Connection refused"
    ]
    assert recorded[-1][0].at - recorded[0][0].at < 2.0

    state, _ = engine.start(SEED, server.started)
    for event, actions in recorded:
        state, again = engine.step(state, event)
        assert again == actions
    assert state == server.state
