"""What callers do, and how it must end: each story raises ``Lost`` if it ends otherwise."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from soaking import sip
from soaking.gateways import GOOD, TALKS
from soaking.party import Asked, Dialog, Party, Served, answered
from soaking.sip import Message, Row
from soaking.wire import Way

PATIENCE = 40.0  # seconds for any answer: more than any transaction takes (64*T1)


class Lost(Exception):  # noqa: N818 (what has happened, in a word)
    """A call that did not end as it should."""


@dataclass
class Phone(Party):
    """A party that is hung up on."""

    hung_up: dict[str, asyncio.Future[None]] = field(
        default_factory=dict[str, asyncio.Future[None]]
    )

    def requested(self, served: Served) -> None:
        """Answer a BYE, and tell the call."""
        call = self.hung_up.get(served.request.call_id)
        is_bye = served.request.method == "BYE" and call is not None
        self.answer(served, 200 if is_bye else 481)
        if call is not None and not call.done():
            call.set_result(None)


@dataclass(frozen=True)
class Line:
    """A phone, and its way to the proxy."""

    phone: Phone
    way: Way

    @property
    def contact(self) -> str:
        """Where the phone is to be reached."""
        host, port = self.way.local
        transport = self.way.transport.lower()
        parameter = "" if transport == "udp" else f";transport={transport}"
        return f"<sip:phone@{host}:{port}{parameter}>"


class Call:
    """A caller at work."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.call_id = sip.fresh(GOOD)
        self.took = -1.0  # seconds to the answer of a request that was sent only once

    def ask(self, method: str, uri: str, body: bytes = b"", contact: str = "") -> Asked:
        """Send a request outside any dialog."""
        rows = [
            ("From", f"<sip:phone@soak.example>;tag={sip.fresh('f')}"),
            ("To", f"<{uri}>"),
            ("Call-ID", self.call_id),
            ("CSeq", f"1 {method}"),
            ("Max-Forwards", "70"),
            ("Contact", contact or self.line.contact),
        ]
        return self.line.phone.ask(self.line.way, method, uri, rows, body)

    async def final(self, asked: Asked, wanted: int, within: float = PATIENCE) -> Message:
        """Wait for the final response, and see that it is the one that is wanted."""
        last = "nothing"
        try:
            async with asyncio.timeout(within):
                while True:
                    answer = await asked.answers.get()
                    if answer is None:
                        raise Lost(f"{asked.method}: nothing in 64*T1, {wanted} wanted")
                    if answer.status >= 200:
                        break
                    last = str(answer.status)
        except TimeoutError:
            raise Lost(f"{asked.method}: only {last} in {within:g} s, {wanted} wanted") from None
        if answer.status != wanted:
            raise Lost(f"{asked.method}: {answer.status} came, {wanted} wanted")
        if not asked.repeated:
            self.took = asyncio.get_running_loop().time() - asked.began
        return answer

    async def invite(self, uri: str, body: bytes = b"") -> Dialog:
        """Call, be answered, acknowledge."""
        invite = self.ask("INVITE", uri, body)
        ok = await self.final(invite, 200)
        dialog = answered(invite, ok)
        self.line.phone.acknowledge(invite, ok, dialog)
        return dialog

    def within(self, dialog: Dialog, method: str) -> Asked:
        """Send a request in a dialog."""
        uri, rows = dialog.request(method)
        contact: list[Row] = [("Contact", self.line.contact), ("Max-Forwards", "70")]
        return self.line.phone.ask(self.line.way, method, uri, [*rows, *contact])


Story = Callable[[Call, str], Awaitable[None]]


async def talk(call: Call, host: str, body: bytes = b"") -> None:
    """INVITE 200 ACK, some talk, BYE 200."""
    dialog = await call.invite(f"sip:answer@{host}", body)
    await asyncio.sleep(random.uniform(*TALKS))
    await call.final(call.within(dialog, "BYE"), 200)


async def talk_large(call: Call, host: str) -> None:
    """The same, with an INVITE that is too large for a datagram (RFC 3261 18.1.1)."""
    await talk(call, host, b"v=0\r\n" + b"a=x-filler:soak\r\n" * 110)


async def refused(call: Call, host: str) -> None:
    """INVITE 486 ACK."""
    await call.final(call.ask("INVITE", f"sip:busy@{host}"), 486)


async def given_up(call: Call, host: str) -> None:
    """INVITE, then CANCEL while it rings: 200 for the CANCEL, 487 for the INVITE."""
    invite = call.ask("INVITE", f"sip:ring@{host}")
    first = await asyncio.wait_for(invite.answers.get(), PATIENCE)
    if first is None or first.status >= 200:
        raise Lost(f"INVITE: {first and first.status} came, 100 or 180 wanted")
    await asyncio.sleep(random.uniform(*TALKS))
    await call.final(call.line.phone.cancel(invite), 200)
    await call.final(invite, 487)


async def changed(call: Call, host: str) -> None:
    """A call with an INVITE within it, such as for putting it on hold."""
    dialog = await call.invite(f"sip:answer@{host}")
    await asyncio.sleep(random.uniform(*TALKS))
    again = call.within(dialog, "INVITE")
    ok = await call.final(again, 200)
    call.line.phone.acknowledge(again, ok, dialog)
    await call.final(call.within(dialog, "BYE"), 200)


async def hung_up_on(call: Call, host: str) -> None:
    """A call that the other side ends: its BYE must find the phone."""
    phone = call.line.phone
    ended = phone.hung_up[call.call_id] = asyncio.get_running_loop().create_future()
    try:
        await call.invite(f"sip:hangup@{host}")
        try:
            await asyncio.wait_for(ended, PATIENCE)
        except TimeoutError:
            raise Lost(f"no BYE came in {PATIENCE:g} s") from None
    finally:
        # Its BYE may have been repeated: that is answered by its transaction.
        del phone.hung_up[call.call_id]


async def options(call: Call, host: str) -> None:
    """OPTIONS 200."""
    await call.final(call.ask("OPTIONS", f"sip:any@{host}"), 200)


async def message(call: Call, host: str) -> None:
    """MESSAGE 200."""
    await call.final(call.ask("MESSAGE", f"sip:any@{host}", b"flat memory and no lost call"), 200)


async def register(call: Call, host: str) -> None:
    """REGISTER 200, with the Contact."""
    ok = await call.final(call.ask("REGISTER", f"sip:{host}"), 200)
    if ok.first("contact") != call.line.contact:
        raise Lost("REGISTER: the Contact did not come back")


async def unknown(call: Call, host: str) -> None:
    """Nobody has a route there: 404."""
    await call.final(call.ask("OPTIONS", f"sip:any@{host}"), 404)


async def nobody(call: Call, host: str) -> None:
    """An INVITE that nobody answers: 408, when all has been tried."""
    await call.final(call.ask("INVITE", f"sip:answer@{host}"), 408)


async def nothing(call: Call, host: str) -> None:
    """A MESSAGE that nobody answers gets no final response, never a 408 (RFC 4320)."""
    asked = call.ask("MESSAGE", f"sip:any@{host}")
    while (answer := await asyncio.wait_for(asked.answers.get(), PATIENCE)) is not None:
        if answer.status >= 200:
            raise Lost(f"MESSAGE: {answer.status} came, no answer wanted")


@dataclass(frozen=True)
class Scenario:
    """A story, where it happens, and how often it is told. A long one takes half a minute."""

    name: str
    story: Story
    host: str
    weight: float
    is_long: bool = False
    transports: tuple[str, ...] = ("UDP", "TCP", "TLS")


# The hosts are the proxy's groups: ``proxy.config`` has a route for each.
SCENARIOS = (
    Scenario("answered", talk, "good.example", 20),
    Scenario("answered, gateway by TCP", talk, "tcp.example", 8),
    Scenario("answered, gateway by TLS", talk, "tls.example", 8),
    Scenario("answered, gateway by DNS", talk, "named.example", 5),
    Scenario("answered, all called at once", talk, "fork.example", 3),
    Scenario("answered, large INVITE", talk_large, "good.example", 2),
    Scenario("refused", refused, "good.example", 8),
    Scenario("cancelled while it rings", given_up, "good.example", 6),
    Scenario("cancelled, all called at once", given_up, "fork.example", 1),
    Scenario("re-INVITE", changed, "good.example", 5),
    Scenario("re-INVITE, gateway by TCP", changed, "tcp.example", 2),
    Scenario("hung up by the gateway", hung_up_on, "good.example", 5),
    Scenario("hung up by the gateway, TCP", hung_up_on, "tcp.example", 2),
    Scenario("failover: silence", talk, "silent.example", 3),
    Scenario("failover: suspect", talk, "suspect.example", 3),
    Scenario("failover: closed port", talk, "closed.example", 3),
    Scenario("failover: refused connection", talk, "refused.example", 2),
    Scenario("failover: never reads", talk, "unread.example", 2),
    Scenario("failover: 503", talk, "full.example", 3),
    Scenario("failover: 503, then refused", refused, "full.example", 1),
    Scenario("OPTIONS", options, "good.example", 8),
    Scenario("OPTIONS, failover: closed port", options, "closed.example", 1),
    Scenario("MESSAGE", message, "good.example", 8),
    Scenario("MESSAGE, gateway by TCP", message, "tcp.example", 2),
    Scenario("REGISTER", register, "good.example", 4),
    Scenario("404", unknown, "nowhere.example", 2),
    Scenario("INVITE that nobody answers", nobody, "nobody.example", 0.3, is_long=True),
    Scenario("MESSAGE that nobody answers", nothing, "nobody.example", 0.2, is_long=True),
)
