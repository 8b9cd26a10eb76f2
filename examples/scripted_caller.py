"""A scripted caller: it calls the answering machine in virtual time, and draws what is sent.

    python examples/scripted_caller.py

Two user agents, two engines, one queue for a network: no socket is opened and no second passes, so
the drawing is the same every time. The calls: one that the machine ends, one that the caller ends,
one whose ACK is lost, and one that the caller gives up before anybody answers.
"""

import heapq
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from answering_machine import Agent, AnsweringMachine, Dialog

import sansip
from sansip import Address, Deliver, Request, Response

DELAY = 0.05  # seconds that a datagram takes
WIDTH = 30  # columns of an arrow
COLOURS = {"bold": "1", "dim": "2", "red": "31", "cyan": "36"}


@dataclass(frozen=True)
class Script:
    """A call: who hangs up, and after how many seconds; None: the machine does."""

    title: str
    gives_up_after: float | None = None  # while it rings
    talks_for: float | None = None
    loses: str | None = None  # the first message of this kind is lost on its way


SCRIPTS = (
    Script("the machine says what it has to say, and hangs up"),
    Script("the caller hangs up first", talks_for=2.0),
    Script("the ACK is lost: the 200 comes again, and is acknowledged again", loses="ACK"),
    Script("the caller gives up while it rings", gives_up_after=1.0),
)


class Caller(Agent):
    """Somebody who calls, as a script says."""

    def __init__(self, name: str, address: str, say: Callable[[str, str], None]) -> None:
        super().__init__(name, address, say)
        self.call: Dialog | None = None
        self._script = SCRIPTS[0]
        self._gave_up = False
        self._calls = 0

    def dial(self, whom: str, script: Script) -> None:
        """Call somebody."""
        self._calls += 1
        self._script, self.call, self._gave_up = script, None, False
        rows = [("From", f"<sip:{self.name}@{self.address}>;tag={self._calls}")]
        rows += [("To", f"<{whom}>"), ("Call-ID", f"call-{self._calls}@{self.address.host}")]
        rows += [("CSeq", "1 INVITE"), self.contact]
        self.ask("INVITE", Request.make("INVITE", whom, rows))
        if script.gives_up_after is not None:
            self.later(script.gives_up_after, "call", self._give_up)

    def take(self, what: Deliver) -> None:
        """Something was delivered."""
        match what:
            case Deliver("INVITE", "response", Response() as response) if response.status >= 300:
                self.say(f"hears {response.status} {response.reason}")
            case Deliver("INVITE", "response", Response() as response) if response.status >= 200:
                self._acknowledge(response)
            case Deliver("INVITE", "timeout"):
                self.say("hears nothing at all")
            case Deliver(handle, "request", Request() as request):
                known = request.method == "BYE" and self.call is not None
                self.call = None
                self.answer(handle, sansip.reply(request, 200 if known else 481))
            case _:
                pass  # it rings; the answer to our BYE; the end

    def _acknowledge(self, ok: Response) -> None:
        """Every 2xx that is delivered wants an ACK, copies too (RFC 3261 13.2.2.4)."""
        call = Dialog.called(ok)
        self.tell(sansip.AckSubmitted(self.now, call.request("ACK", ok.cseq.number)))
        if self.call is None:
            self.call = call
            self.say("hears the greeting")
            if self._gave_up:
                self._hang_up()  # the 200 was faster than our CANCEL
            elif self._script.talks_for is not None:
                self.later(self._script.talks_for, "call", self._hang_up)

    def _give_up(self) -> None:
        if self.call is None:
            self.say("gives up")
            self._gave_up = True
            self.tell(sansip.CancelSubmitted(self.now, "INVITE"))

    def _hang_up(self) -> None:
        if self.call is not None:
            self.say("hangs up")
            self.ask("BYE", self.call.request("BYE", 2))
            self.call = None


class Network:
    """Two agents, what is on its way between them, and the drawing of it."""

    def __init__(self) -> None:
        self.caller = Caller("caller", "192.0.2.1:5060", self._note)
        self.machine = AnsweringMachine("machine", "192.0.2.2:5060", self._note)
        self.now = self._begun = 0.0
        self._agents: tuple[Agent, Agent] = (self.caller, self.machine)
        self._wire: list[tuple[float, int, Address, sansip.Send]] = []
        self._sent = 0
        self._loses: str | None = None
        self._colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def play(self, script: Script) -> None:
        """One call, until nothing is on its way and no timer runs on either side."""
        self._begun, self._loses = self.now, script.loses
        print(self._in("bold", f"\n{script.title}\n"))
        print(f"     s  {self.caller.name:<{WIDTH - 5}}{self.machine.name:>7}")
        self.caller.dial(f"sip:machine@{self.machine.address}", script)
        while self._go_on():
            pass

    def _go_on(self) -> bool:
        self._collect()
        dues = [due for due in (agent.next_due() for agent in self._agents) if due is not None]
        if not dues and not self._wire:
            return False
        self.now = min([*dues, *(at for at, *_ in self._wire[:1])])
        for agent in self._agents:
            agent.now = self.now
        while self._wire and self._wire[0][0] <= self.now:
            _, _, source, send = heapq.heappop(self._wire)
            for agent in self._agents:
                if agent.address == send.remote:
                    agent.receive(send.data, source)
        for agent in self._agents:
            agent.wake()
        return True

    def _collect(self) -> None:
        for agent in self._agents:
            while agent.outbox:
                self.post(agent, agent.outbox.pop(0))

    def post(self, sender: Agent, send: sansip.Send) -> None:
        """Draw a message that is sent, and put it on its way unless it is lost."""
        message = sansip.parse(send.data)
        if isinstance(message, Request):
            name = label = message.method
        else:
            name, method = str(message.status), message.cseq.method
            label = f"{name} {message.reason}" + ("" if method == "INVITE" else f" ({method})")
        lost, forth = name == self._loses, sender is self.caller
        end = "x" if lost else ">" if forth else "<"
        arrow = f"{f' {label} ':-^{WIDTH - 1}}"
        arrow = f"{arrow}{end}" if forth else f"{end}{arrow}"
        colour = "red" if lost else "cyan"
        print(f"{self._time()} |{self._in(colour, arrow)}|{' lost' if lost else ''}")
        if lost:
            self._loses = None
            return
        self._sent += 1
        heapq.heappush(self._wire, (self.now + DELAY, self._sent, sender.address, send))

    def _note(self, name: str, text: str) -> None:
        self._collect()  # what was sent before this is drawn above it
        print(f"{self._time()} |{'':{WIDTH}}| {self._in('dim', f'the {name} {text}')}")

    def _time(self) -> str:
        return f"{self.now - self._begun:6.2f}"

    def _in(self, colour: str, text: str) -> str:
        return f"\033[{COLOURS[colour]}m{text}\033[0m" if self._colours else text


if __name__ == "__main__":
    network = Network()
    for each in SCRIPTS:
        network.play(each)
    print(f"\n{len(SCRIPTS)} calls in {network.now:.0f} virtual seconds")
