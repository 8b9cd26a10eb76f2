"""What no order of events may break: the promises of the engine, looked at after every step.

This half is about calls, as callers, gateways and the program see them; ``books`` about what the
engine keeps.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import sansip
from books import Books
from sansip.engine.actions import owner_of
from sansip.engine.fleet import Watch
from sansip.engine.probes import OWNER as PROBE
from sansip.engine.state import ClientTransaction, Link
from sansip.engine.transactions import LINGERING
from sansip.message import ANY_SIZE, framing
from sansip.proxy.request import max_breadth
from sansip.transaction import client_key, invite_client, invite_key, invite_server, server_key
from stage import in_use

Message = sansip.Request | sansip.Response
INBOUND = re.compile(r"request( ack| cancel| timeout)? end")
OUTBOUND = re.compile(r"(response )*(timeout |response )?(response )*end")


@dataclass
class Life:
    """A request that came, from its first answer until nothing is left of it."""

    invite: bool
    datagram: bool = True
    finals: list[bytes] = field(default_factory=list[bytes])
    settled: bool = False  # its transaction has a final answer
    dropped: bool = False
    acknowledged: bool = False  # by its ACK, which the program has been told of

    def answer(self, status: int, data: bytes) -> None:
        # "Response retransmissions cease when an ACK request for the response is received"
        # (13.3.1.4).
        assert not self.acknowledged or self.finals[-1][8:9] != b"2", "a 2xx after its ACK"
        if self.finals and data not in self.finals:
            # "at most one final answer", and nothing but 2xx to INVITE behind it (16.7.5).
            assert self.invite, data
            assert 200 <= status < 300, data
        if status >= 200:
            self.finals.append(data)


@dataclass
class Promises:
    """Everything that has been seen so far, as far as it matters for what comes."""

    config: sansip.Config
    books: Books = field(init=False)
    lives: dict[str, Life] = field(default_factory=dict[str, Life])
    branches: dict[str, ClientTransaction] = field(default_factory=dict[str, ClientTransaction])
    numbers: set[tuple[str, int, int]] = field(default_factory=set[tuple[str, int, int]])
    shares: dict[str, int] = field(default_factory=dict[str, int])
    breadths: dict[str, int] = field(default_factory=dict[str, int])
    barred: set[str] = field(default_factory=set[str])  # contexts
    provisional: set[str] = field(default_factory=set[str])  # branches
    ended: set[str] = field(default_factory=set[str])
    cancelled: set[str] = field(default_factory=set[str])
    told: dict[str, list[list[str]]] = field(default_factory=lambda: defaultdict(list[list[str]]))
    submitted: Counter[str] = field(default_factory=Counter[str])

    def __post_init__(self) -> None:
        self.books = Books(self.config.limits)

    def begin(self, actions: tuple[sansip.Action, ...], after: sansip.State) -> None:
        """The start, before the first step."""
        self.books.look_at_orders(actions)
        self.look_at_branches(after)

    def look(
        self,
        before: sansip.State,
        event: sansip.Event,
        actions: tuple[sansip.Action, ...],
        after: sansip.State,
    ) -> None:
        """One step."""
        came = self.what_came(before, event)
        self.books.look(event, actions, after)
        for message in came:
            if isinstance(message, sansip.Response):
                self.look_at_response(before, after, message, actions, alone=len(came) == 1)
            else:
                self.look_at_request(before, after, message, actions)
        if isinstance(event, sansip.CancelSubmitted) and f"l|{event.handle}" in before.contexts:
            self.barred.add(f"l|{event.handle}")
        for action in actions:
            match action:
                case sansip.Send():
                    self.look_at_send(before, action, after)
                case sansip.Deliver():
                    self.look_at_delivery(action)
                    if action.kind == "ack":
                        self.life(action.handle, before, after).acknowledged = True
                case sansip.Report("dropped", about, "the policy dropped it"):
                    self.life(about, before, after).dropped = True
                case _:
                    pass
        self.look_at_branches(after)
        self.look_at_lives(after)

    # --- what came

    def what_came(self, before: sansip.State, event: sansip.Event) -> list[Message]:
        """The messages that this event brings to their end, as the engine reads them."""
        match event:
            case sansip.DatagramReceived():
                try:
                    return [sansip.parse(event.data)]
                except sansip.RemoteProtocolError:
                    return []
            case sansip.StreamReceived(_, number, data):
                flow = before.flows.get(number)
                if flow is None or flow.waiting is not None:
                    return []
                limits = self.config.limits.message
                _, outputs = framing.step(flow.framing, framing.Received(data), limits)
                return [out.message for out in outputs if isinstance(out, framing.Complete)]
            case sansip.RequestSubmitted():
                self.submitted[event.handle] += 1
                return []
            case _:
                return []

    def look_at_response(
        self,
        before: sansip.State,
        after: sansip.State,
        response: sansip.Response,
        actions: tuple[sansip.Action, ...],
        *,
        alone: bool,
    ) -> None:
        key = client_key(response.via.branch or "", response.cseq.method)
        record = before.client.get(key)
        if record is None or not self.config.is_own_sent_by(response.via.sent_by):
            return
        if not record.invite or isinstance(record.state, invite_client.Accepted):
            return
        if response.status >= 300 and alone:
            self.look_at_ack(before, record, response, actions)
        if isinstance(record.state, invite_client.Completed):
            return
        (self.ended if response.status >= 200 else self.provisional).add(key)
        if 200 <= response.status < 300 or response.status >= 600:
            self.barred.add(record.context)  # 3261-16.7.5-03, 16.7.10-01

    def look_at_ack(
        self,
        before: sansip.State,
        record: ClientTransaction,
        response: sansip.Response,
        actions: tuple[sansip.Action, ...],
    ) -> None:
        """Look for the ACK: "the client transaction MUST generate an ACK request" (17.1.1.2)."""
        if record.flow is not None:
            number = before.links.get(Link(record.endpoint, record.remote, record.name))
            flow = None if number is None else before.flows.get(number)
            if flow is None or flow.waiting is not None:
                return  # it waits for a new connection
        acks = [a for a in actions if isinstance(a, sansip.Send) and a.data[:4] == b"ACK "]
        assert len(acks) == 1, (response.status, acks)
        assert (acks[0].remote, acks[0].endpoint) == (record.remote, record.endpoint)
        ack = sansip.parse(acks[0].data)
        assert (ack.via.branch or "").lower() == (response.via.branch or "").lower()

    def look_at_request(
        self,
        before: sansip.State,
        after: sansip.State,
        request: sansip.Request,
        actions: tuple[sansip.Action, ...],
    ) -> None:
        key = server_key(request)
        begins = key in after.server and key not in before.server
        if request.method == "CANCEL" and begins and invite_key(request) in before.contexts:
            self.barred.add(invite_key(request))  # 3261-16.10-02
        if request.method == "INVITE":
            # Every path ends, and does so with an answer, or was meant to be silent.
            known = key in before.contexts or key in after.server or key in before.server
            said = [a for a in actions if isinstance(a, sansip.Send) and a.data[:4] == b"SIP/"]
            dropped = [a for a in actions if isinstance(a, sansip.Report) and a.topic == "dropped"]
            assert known or said or dropped, "an INVITE without a word"
            assert said or not begins, "an INVITE without its 100 (17.2.1)"

    # --- what is ordered

    def look_at_send(self, before: sansip.State, send: sansip.Send, after: sansip.State) -> None:
        if not send.data.strip(b"\r\n"):
            return
        message = read(send.data)
        if isinstance(message, sansip.Response):
            self.look_at_answer(before, send, message, after)
        elif message is not None and message.method == "CANCEL":
            # "to the same place" as its INVITE (9.1)
            gone = self.branches[client_key(message.via.branch or "", "INVITE")]
            assert (send.remote, send.endpoint) == (gone.remote, gone.endpoint)
        elif message is not None and message.method == "INVITE":
            there = client_key(message.via.branch or "", "INVITE")
            record = after.client.get(there) or self.branches[there]
            assert (send.remote, send.endpoint) == (record.remote, record.endpoint)

    def look_at_answer(
        self,
        before: sansip.State,
        send: sansip.Send,
        response: sansip.Response,
        after: sansip.State,
    ) -> None:
        method, status = response.cseq.method, response.status
        if method != "INVITE":
            assert status == 100 or 200 <= status != 408, "RFC 4320 4"
        key = owner_of(send.id)
        if key.startswith("s|"):
            self.life(key, before, after).answer(status, send.data)

    def look_at_delivery(self, deliver: sansip.Deliver) -> None:
        """Look at what a handle hears: nothing after "end", unless it is used again."""
        lives = self.told[deliver.handle]
        if not lives or lives[-1][-1] == "end":
            lives.append([])
        lives[-1].append(deliver.kind)
        response = deliver.message
        if isinstance(response, sansip.Response) and response.status >= 200:
            lives[-1].append("final")

    # --- what is so now

    def life(self, key: str, before: sansip.State, after: sansip.State) -> Life:
        life = self.lives.get(key)
        if life is None:
            record = after.server.get(key) or before.server.get(key)
            life = Life(key.endswith("|INVITE") if record is None else record.invite)
            if record is not None:
                life.datagram = record.flow is None
                self.lives[key] = life
        return life

    def look_at_lives(self, after: sansip.State) -> None:
        for key, record in after.server.items():
            life = self.life(key, after, after)
            if record.invite:
                life.settled |= not isinstance(record.state, invite_server.Proceeding)
        for key in list(self.lives):
            if not any(key in t for t in (after.server, after.contexts, after.asked, after.served)):
                life = self.lives.pop(key)
                if life.invite and not life.dropped:
                    assert life.settled, "a call without an answer"
                    assert life.finals or not life.datagram, "a call without an answer"

    def look_at_branches(self, after: sansip.State) -> None:
        sums: Counter[str] = Counter()
        for key, record in after.client.items():
            if key not in self.branches:
                self.branches[key] = record
                self.look_at_new_branch(key, record, after)
            if record.context.startswith(PROBE) and not isinstance(record.state, LINGERING):
                probe = after.fleet.watch.probes.get(record.context)
                assert probe is not None, "a probe that nobody waits for"
                assert key in probe.keys, "two probes at once"
            elif record.context and not isinstance(record.state, LINGERING):
                sums[record.context] += self.shares[key]
        for context, spent in sums.items():
            # "MUST NOT" sum up to more than what came (RFC 5393 5.3.3)
            assert spent <= self.breadths[context], "more breadth than there is"
        for context in [c for c in self.breadths if c not in after.contexts]:
            del self.breadths[context]
        self.barred &= set(after.contexts)

    def look_at_new_branch(self, key: str, record: ClientTransaction, after: sansip.State) -> None:
        if not record.context:
            call = key.removesuffix("CANCEL") + "INVITE"
            assert self.branches[call].invite, "CANCEL of something else (9.1)"
            assert call in self.provisional, "CANCEL before a provisional response (9.1)"
            assert call not in self.ended, "CANCEL after a final response (9.1)"
            self.cancelled.add(call)
            return
        if record.context.startswith(PROBE):
            return
        context = after.contexts[record.context]
        if context.origin is not None:
            self.breadths[record.context] = max_breadth(context.origin.request)
        request = sansip.parse(record.data, limits=ANY_SIZE)
        assert isinstance(request, sansip.Request)
        self.shares[key] = max_breadth(request)
        assert "max-breadth" in request.names
        number = record.context, context.number, record.branch
        assert record.branch < self.config.limits.branches
        if number not in self.numbers:  # the same over UDP is no new branch (18.1.1)
            self.numbers.add(number)
            if record.invite:
                assert record.context not in self.barred, "a new branch after CANCEL, 2xx or 6xx"

    # --- what is so at the end

    def look_back(self, state: sansip.State) -> None:
        """When all is over, nothing is left, and everybody has heard the end."""
        assert not in_use(state)
        assert state.fleet.watch == Watch()
        assert not self.books.running
        assert not self.lives
        for call in self.provisional - self.ended - self.cancelled:
            assert self.branches[call].flow is not None, "a phone that rings for ever"
        for handle, lives in self.told.items():
            inbound = handle.startswith("s|")
            if not inbound:
                assert len(lives) == self.submitted[handle]
            for kinds in lives:
                heard = " ".join([kind for kind in kinds if kind != "final"])
                assert (INBOUND if inbound else OUTBOUND).fullmatch(heard), (handle, kinds)
                assert inbound or "final" in kinds, "a request of ours without an answer"


def read(data: bytes) -> Message | None:
    """What was sent; the answer to what cannot be read need not be readable either."""
    try:
        return sansip.parse(data, limits=ANY_SIZE)
    except sansip.RemoteProtocolError:
        assert data.startswith(b"SIP/2.0 ")
        return None
