"""The real core on an adapter: a call over the loopback fails over, and replays the same."""

import socket

import anyio

from loops import Adapter
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
from sansip_adapter.server import Server

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


class Gateways(Policy):
    def route(self, request: Request, scene: Scene) -> Relay:
        return Relay(Dispatch("gateways"))


def bound() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    return sock


def port_of(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port


async def received(sock: socket.socket) -> tuple[bytes, tuple[str, int]]:
    await anyio.wait_readable(sock)
    data, source = sock.recvfrom(65535)
    return data, source


def accepted(invite: bytes) -> bytes:
    """Answer 200 as a gateway would, with the headers that RFC 3261 8.2.6.2 wants back."""
    lines = invite.decode().partition("\r\n\r\n")[0].split("\r\n")[1:]
    names = ("via:", "from:", "call-id:", "cseq:", "record-route:")
    kept = [line for line in lines if line.lower().startswith(names)]
    to = "To: <sip:bob@gw.example.com>;tag=b"
    ours = [to, "Contact: <sip:bob@127.0.0.1>", "Content-Length: 0", "", ""]
    return "\r\n".join(["SIP/2.0 200 OK", *kept, *ours]).encode()


def test_a_call_fails_over_to_the_living_gateway_and_replays_without_difference(
    adapter: Adapter,
) -> None:
    recorded: list[tuple[Event, tuple[Action, ...]]] = []

    def tap(event: Event, actions: tuple[Action, ...]) -> None:
        recorded.append((event, actions))

    async def call(alive: socket.socket, engine: Engine) -> Server[State]:
        with bound() as phone:
            async with adapter.serving(engine, nameservers=(), tap=tap, seed=SEED) as server:
                (where,) = server.addresses.values()
                invite = INVITE.format(port=port_of(phone)).encode()
                phone.sendto(invite, (where.host, where.port))
                trying, _ = await received(phone)
                assert trying.startswith(b"SIP/2.0 100 ")
                relayed, proxy = await received(alive)
                assert relayed.startswith(b"INVITE sip:bob@127.0.0.1:")
                alive.sendto(accepted(relayed), proxy)
                answer, _ = await received(phone)
                assert answer.startswith(b"SIP/2.0 200 ")
        return server

    async def main() -> tuple[Server[State], Engine]:
        with bound() as unused:
            dead = port_of(unused)
        with bound() as alive:
            targets = [f"sip:127.0.0.1:{dead}", f"sip:127.0.0.1:{port_of(alive)}"]
            config = Config(
                [Endpoint("udp", "127.0.0.1:0", advertise="192.0.2.10:5060")],
                groups={"gateways": targets},
                allow_hops=["127.0.0.0/8"],
            )
            engine = Engine(config, Gateways())
            return await call(alive, engine), engine

    server, engine = adapter.run(main)
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
