"""A stage that is watched: every promise is looked at after every step."""

from dataclasses import dataclass, field

import sansip
from promises import Promises, read
from sansip import dns
from stage import PROXY, Stage, Whatever
from wishes import ZONES

MISTAKES = (
    sansip.RequestSubmitted,
    sansip.ResponseSubmitted,
    sansip.AckSubmitted,
    sansip.CancelSubmitted,
    sansip.Administered,
    sansip.FlowOpened,
)


@dataclass
class Watched(Stage):
    """A stage that looks at every step, and knows who is there."""

    answer_dns: bool = False
    wrong: set[int] = field(default_factory=set[int])  # events that were refused, by number
    calls: list[tuple[sansip.Request, sansip.Address, int | None]] = field(
        default_factory=list[tuple[sansip.Request, sansip.Address, int | None]]
    )
    asked: list[tuple[sansip.Send, sansip.Request]] = field(
        default_factory=list[tuple[sansip.Send, sansip.Request]]
    )
    answered: set[str | None] = field(default_factory=set[str | None])  # branches, finally
    heard: list[sansip.Response] = field(default_factory=list[sansip.Response])  # by callers
    wanted: list[sansip.OpenFlow] = field(default_factory=list[sansip.OpenFlow])
    promises: Promises = field(init=False)

    def __post_init__(self) -> None:
        self.promises = Promises(self.engine.config)
        self.zone = ZONES
        super().__post_init__()
        self.promises.begin(self.begun, self.state)

    def step(self, event: sansip.Event) -> tuple[sansip.Action, ...]:
        """Only the program's own mistakes raise, and they change nothing."""
        before = self.state
        kept = before.freeze() if isinstance(event, MISTAKES) else None
        try:
            actions = super().step(event)
        except sansip.LocalProtocolError:
            assert kept is not None
            assert before is self.state
            assert before == kept
            self.wrong.add(len(self.actions))
            self.actions.append(())
            return ()
        self.promises.look(before, event, actions, self.state)
        return actions

    def perform(self, actions: tuple[sansip.Action, ...]) -> None:
        super().perform(actions)
        for action in actions:
            match action:
                case sansip.OpenFlow():
                    self.wanted.append(action)
                case sansip.CloseFlow(flow):
                    self.wanted = [order for order in self.wanted if order.flow != flow]
                case sansip.Send() if action.data.strip(b"\r\n"):
                    message = read(action.data)
                    if isinstance(message, sansip.Response):
                        self.heard.append(message)
                    elif message is not None and message.method != "ACK":
                        self.asked.append((action, message))
                case _:
                    pass

    @property
    def flows(self) -> list[int]:
        """The connections that are open."""
        return sorted(self.promises.books.there)

    def hear(self, message: bytes | Whatever, flow: int, cut: int | None = None) -> None:
        """Something comes over a connection, in one piece or two."""
        data = message if isinstance(message, bytes) else message.render()
        for piece in (data,) if cut is None else (data[:cut], data[cut:]):
            if flow in self.promises.books.there:
                self.step(sansip.StreamReceived(self.now, flow, piece))

    def settle(self, number: int, how: str) -> None:
        """A connection that is wanted opens, or does not."""
        if self.wanted:
            order = self.wanted.pop(number % len(self.wanted))
            if how == "refused":
                self.step(sansip.FlowClosed(self.now, order.flow, how))
            else:
                names = () if order.name is None or number % 5 == 4 else (order.name,)
                opened = order.flow, order.endpoint, order.remote, PROXY, names
                self.step(sansip.FlowOpened(self.now, *opened))

    def finish(self) -> None:
        """Let everything come to its end: DNS fails, nothing connects, and time passes."""
        self.step(sansip.Administered(self.now, sansip.ReplaceGroups(())))  # no more probes
        while self.open_questions or self.wanted or self.flows or len(self.agenda):
            while self.open_questions:
                query = self.open_questions.pop(0)
                self.step(sansip.DnsAnswered(self.now, query.query, dns.Failure("time-out")))
            while self.wanted:
                self.settle(0, "refused")
            self.advance(600.0)
            for flow in self.flows:
                self.step(sansip.FlowClosed(self.now, flow))
        self.promises.look_back(self.state)
