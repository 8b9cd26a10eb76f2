"""A driver for the response context: no engine, only its own vocabulary and a clock.

What a context orders is told as short lines, "try 1 B" or "forward 180", so that a test reads like
a ladder diagram. ``Wake`` is obeyed by ``wait`` instead of being told, and ``Note`` is kept aside.
"""

import copy
from collections.abc import Sequence

from sansip.address import Address, Hop
from sansip.message import Response
from sansip.proxy import context
from sansip.proxy import vocabulary as v
from sansip.proxy.states import Concluded, Gone, Hunting, State
from sansip.timing import Timing

URI = "sip:bob@gw.example.com"
BEGAN = 1000.0
MOST_WAKES = 50  # at one moment: more is a context that spins


def make_hop(name: str, transport: str = "udp") -> Hop:
    """A hop of one letter: A is 192.0.2.1, B is 192.0.2.2 ..."""
    return Hop(transport, Address(f"192.0.2.{ord(name) - 64}", 5060))


def make_target(uri: str = URI, group: str = "") -> v.Target:
    return v.Target(uri, uri, group)


def make_plan(*stages: Sequence[str | Sequence[str]], group: str = "") -> v.Plan:
    """A plan: each stage is a list of ways, and a way a URI, or a list of them."""
    return tuple(
        tuple(
            tuple(make_target(uri, group) for uri in ([way] if isinstance(way, str) else way))
            for way in stage
        )
        for stage in stages
    )


def make_hunt(
    *,
    advance: float | None = 3.0,
    progress: float | None = None,
    answer: float | None = None,
    deadline: float = 32.0,
    timer_c: float = 185.0,
    on: tuple[int, ...] = (503,),
    late: v.Late = "first",
    consult: bool = False,
) -> v.Hunt:
    return v.Hunt(advance, progress, answer, deadline, timer_c, on, late, consult)


def make_response(status: int, *headers: tuple[str, str]) -> Response:
    return Response.make(status, "", headers)


def say(output: v.Output) -> str:
    """One order in one line."""
    match output:
        case v.Locate(_, target):
            return f"locate {target.next_hop}"
        case v.StopLocating(way):
            return f"stop locating {way}" if way else "stop locating"
        case v.Try(branch, _, hop, _):
            return f"try {branch} {chr(64 + int(hop.address.host.rpartition('.')[2]))}"
        case v.Cancel(branch, reasons):
            return " ".join([f"cancel {branch}", *reasons])
        case v.Discard(branch):
            return f"discard {branch}"
        case v.Unheard(branch, _):
            return f"unheard {branch}"
        case v.Forward(response):
            return f"forward {response.status}"
        case v.Answer(status):
            return f"answer {status}"
        case v.Silence() | v.Consult() | v.Ended() | v.Wake() | v.Note():
            return type(output).__name__.lower()


class Call:
    """One request on its way through a proxy. Every method returns what was ordered then.

    Several URIs are one way: each stands in for the one before. ``plan`` says it all: a stage is a
    list of ways, and a way a URI, or a list of them.
    """

    def __init__(
        self,
        hunt: v.Hunt | None = None,
        *uris: str,
        invite: bool = True,
        most: int = 16,
        timing: Timing | None = None,
        relayed: bool = True,
        breadth: int = 60,
        plan: Sequence[Sequence[str | Sequence[str]]] | None = None,
        group: str = "",
    ) -> None:
        self.facts = v.Facts(invite, BEGAN, timing or Timing(), most, breadth, relayed)
        self.hunt = hunt or make_hunt()
        self.targets = tuple(make_target(uri, group) for uri in uris or (URI,))
        self.plan = ((self.targets,),) if plan is None else make_plan(*plan, group=group)
        self.at = BEGAN
        self.wake: float | None = None
        self.notes: list[str] = []
        self.orders: list[v.Output] = []
        self.state: State
        self.newest = 0  # the way that was located last
        self.state, outputs = context.start(self.facts, self.hunt, self.plan)
        self.begun = self._note(outputs)

    # what happens

    def give(self, given: v.Given) -> list[str]:
        before = copy.deepcopy(self.state)
        then = context.step(self.facts, self.state, given, self.at)
        assert self.state == before, "a step changed the state it was given"
        assert context.step(self.facts, before, given, self.at) == then, "the same gives the same"
        self.state, outputs = then
        return self._note(outputs)

    def located(
        self,
        *hops: str | Hop,
        way: int | None = None,
        more: bool = False,
        status: int = 480,
        reason: str = "nowhere",
        suspects: str = "",
    ) -> list[str]:
        """For this way, or the one whose lookup began last; suspects as one text."""
        found = tuple(make_hop(hop) if isinstance(hop, str) else hop for hop in hops)
        aside = tuple(map(make_hop, suspects))
        number = self.newest if way is None else way
        return self.give(v.Located(number, found, more, status, reason, aside))

    def answered(self, branch: int, *statuses: int) -> list[str]:
        told: list[str] = []
        for status in statuses:
            told += self.give(v.Answered(branch, make_response(status)))
        return told

    def timed_out(self, branch: int) -> list[str]:
        """Timer B or F, which ends the client transaction as well."""
        return self.give(v.TimedOut(branch)) + self.give(v.Over(branch))

    def broken(self, branch: int) -> list[str]:
        return self.give(v.Broken(branch, "refused")) + self.give(v.Over(branch))

    def troubled(self, branch: int) -> list[str]:
        return self.give(v.Troubled(branch, "port unreachable"))

    def over(self, *branches: int) -> list[str]:
        return [line for branch in branches for line in self.give(v.Over(branch))]

    def cancelled(self, *reasons: str) -> list[str]:
        return self.give(v.Cancelled(reasons))

    def wait(self, seconds: float) -> list[str]:
        """Let time pass."""
        return [line for _, line in self.watch(seconds)]

    def watch(self, seconds: float) -> list[tuple[float, str]]:
        """Let time pass; say at what age of the request something was ordered."""
        told: list[tuple[float, str]] = []
        end, wakes, last = self.at + seconds, 0, -1.0
        while self.wake is not None and self.wake <= end:
            self.at = max(self.at, self.wake)
            wakes, last = (wakes + 1 if self.at == last else 0), self.at
            assert wakes < MOST_WAKES, "the context asks to be woken again and again at one moment"
            self.wake = None
            told += [(self.at - BEGAN, line) for line in self.give(v.Woken())]
        self.at = end
        return told

    # what it is like

    @property
    def hunting(self) -> bool:
        return isinstance(self.state, Hunting)

    @property
    def gone(self) -> bool:
        return isinstance(self.state, Gone)

    @property
    def concluded(self) -> Concluded:
        assert isinstance(self.state, Concluded)
        return self.state

    def waits(self) -> bool:
        """Whether it has asked to be woken."""
        return self.wake is not None

    def _note(self, outputs: tuple[v.Output, ...]) -> list[str]:
        told: list[str] = []
        for output in outputs:
            match output:
                case v.Wake(at):
                    self.wake = at
                case v.Note(text):
                    self.notes.append(text)
                case _:
                    if isinstance(output, v.Locate):
                        self.newest = output.way
                    told.append(say(output))
                    self.orders.append(output)
        return told
