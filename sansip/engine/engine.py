"""The engine: ``step(state, event) -> (state, actions)``.

It knows what belongs together. It alone has tables, names and numbers; the machines of the lower
layers are handed their inputs, and their outputs are carried to the next machine or out, until all
is quiet.

* Same state and event, same result; the state that was stepped stays good.
* Nothing that the network, DNS or a clock can bring makes ``step`` raise.
* ``Send`` precedes the ``StartTimer`` that guards it; in all, the actions are to be performed in
  the order of the tuple.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sansip.address import Address
from sansip.dns import Answer, Question
from sansip.engine import (
    administering,
    agents,
    arrivals,
    asking,
    connecting,
    contexts,
    flows,
    health,
    loads,
    lookups,
    planning,
    probes,
    requests,
    submissions,
    unsent,
    whereabouts,
)
from sansip.engine.actions import Action, Timer, owner_of
from sansip.engine.config import Config
from sansip.engine.events import (
    AckSubmitted,
    Administered,
    CancelSubmitted,
    Consulted,
    DatagramReceived,
    DnsAnswered,
    Event,
    FlowClosed,
    FlowOpened,
    RequestSubmitted,
    ResponseSubmitted,
    SendFailed,
    StreamReceived,
    TimerFired,
)
from sansip.engine.fleet import begun
from sansip.engine.planning import Plan
from sansip.engine.policy import Everything, Policy
from sansip.engine.rehearsal import Rehearsal
from sansip.engine.standing import Standing
from sansip.engine.state import Arrival, ClientTransaction, Link, State, Waiting
from sansip.engine.transactions import SILENT, fire_client, fire_server
from sansip.engine.turn import Turn
from sansip.entropy import checked_seed
from sansip.errors import LocalProtocolError, RemoteProtocolError, kept
from sansip.locate import Cache
from sansip.message import Request, Response, parse, top_branch
from sansip.proxy.vocabulary import Troubled
from sansip.table import Table
from sansip.transaction import CLIENT, SERVER, client_key

KEEP_ALIVE = b"\r\n\0"  # RFC 5626 8, and what phones send through NATs
SWEEP_EVERY = 1.0  # seconds between two searches for what an ICMP error may be about


class Engine:
    """Settings and a policy; no state. Engines with the same of both are interchangeable.

    To reload routes, step the same state with another engine; see ``Administered`` for the rest.
    """

    __slots__ = ("config", "policy")
    config: Config
    policy: Policy

    def __init__(self, config: Config, policy: Policy | None = None) -> None:
        """Without a policy every request is delivered to the embedding program (``Local``)."""
        self.config = config
        """The settings, checked."""
        self.policy = policy or Everything()
        """What decides about requests."""

    def start(self, seed: bytes, at: float) -> tuple[State, tuple[Action, ...]]:
        """Make the first state.

        ``seed`` is 16 to 64 bytes from a good source of randomness, and a secret: whoever knows
        it can predict branches and tags. ``at`` is the time now, as in the events.
        """
        state = State(
            seed=checked_seed(seed),
            secret=self.config.secret or seed,
            serial=0,
            flows=Table(),
            links=Table(),
            server=Table(),
            client=Table(),
            asked=Table(),
            contexts=Table(),
            served=Table(),
            identities=Table(),
            searches=Table(),
            undelivered=Table(),
            queries=Table(),
            questions=Table(),
            cache=Cache(),
            sources=Table(),
            peers=Table(),
            in_flight=0,
            bytes_in_flight=0,
            fleet=begun(self.config.groups),
            retry_after=None,
            own=(),
            swept=at - SWEEP_EVERY,
        )
        turn = Turn(self.config, self.policy, state, at)
        probes.begin(turn)
        return _end(turn)

    def step(self, state: State, event: Event) -> tuple[State, tuple[Action, ...]]:
        """Take one event: the state that follows, and what is to be done, in order.

        ``LocalProtocolError`` if the embedding program asks for something impossible; nothing has
        happened then.
        """
        handler = _HANDLERS.get(type(event))
        if handler is None:
            raise LocalProtocolError(f"{event!r} is not an event")
        turn = Turn(self.config, self.policy, state, event.at)
        handler(turn, event)
        return _end(turn)

    def step_all(
        self, state: State, events: Sequence[DatagramReceived]
    ) -> tuple[State, tuple[tuple[Action, ...], ...]]:
        """Take datagrams that have come together: the actions of each, as ``step`` would give them.

        All are parsed before the first is dealt with, since a processor is quickest at what it has
        just done: that makes a call a tenth cheaper.
        """
        read = [_read(self.config, event.data) for event in events]
        done: list[tuple[Action, ...]] = []
        for event, came in zip(events, read, strict=True):
            turn = Turn(self.config, self.policy, state, event.at)
            _arrive(turn, event, came)
            state, actions = _end(turn)
            done.append(actions)
        return state, tuple(done)

    def plan(
        self,
        state: State,
        request: Request,
        *,
        at: float,
        source: Address | None = None,
        names: tuple[str, ...] = (),
        answers: Mapping[Question, Answer] | None = None,
    ) -> Plan:
        """What would happen to a request if it came now: which hops, in which order, and when.

        Nothing is sent, and the state stays as it is. ``source`` is where the request would come
        from; None: the embedding program submits it, so that it follows its Route or Request-URI.
        ``names`` are those of its sender's certificate (``scene.names``).
        ``answers`` is what DNS has said besides what the state remembers: whoever asks the plan's
        questions, and plans again with the answers, until there are none left, has it all.
        """

        def rehearse() -> Rehearsal:
            return Rehearsal(self.config, self.policy, state, at, answers or {}, _timer)

        return planning.plan(rehearse, request, source, names)

    def standing(self, state: State, at: float) -> tuple[Standing, ...]:
        """How the members of all groups are at this time, in their order; changes nothing."""
        return whereabouts.standings(Turn(self.config, self.policy, state, at))


def _end(turn: Turn) -> tuple[State, tuple[Action, ...]]:
    """Go on until all is quiet."""
    contexts.work_off(turn)
    if turn.unsent:
        unsent.settle(turn)
    if turn.over:
        agents.work_off(turn)
    return turn.state(), tuple(turn.actions)


def _read(config: Config, data: bytes) -> Request | Response | RemoteProtocolError | None:
    """What a datagram says: a message, what is wrong with it, or nothing."""
    if not data.strip(KEEP_ALIVE):
        return None
    try:
        message = parse(data, limits=config.limits.message)
        message.fill()  # it is never looked at without its Via
    except RemoteProtocolError as error:
        return kept(error)
    return message


def _datagram(turn: Turn, event: DatagramReceived) -> None:
    _arrive(turn, event, _read(turn.config, event.data))


def _arrive(
    turn: Turn, event: DatagramReceived, read: Request | Response | RemoteProtocolError | None
) -> None:
    if read is None:
        return
    config = turn.config
    came = Arrival(event.endpoint, event.source, len(event.data))
    if config.wildcards:
        arrivals.remember(turn, event.local)
        if event.endpoint in config.wildcards:
            came = arrivals.at(event.local, came)
    if isinstance(read, RemoteProtocolError):
        requests.malformed(turn, came, read)
    else:
        arrivals.take(turn, came, read)


def _send_failed(turn: Turn, event: SendFailed) -> None:
    if event.id is None:
        _unreachable(turn, event)
        return
    owner = owner_of(event.id)
    link = Link(event.endpoint, event.remote)
    turn.unsent.append((Waiting(owner, event.quoted), link, event.reason))


def _unreachable(turn: Turn, event: SendFailed) -> None:
    """ICMP: find the branch that it is about, or all silent ones if too little came back."""
    name = top_branch(event.quoted)
    if name is not None:
        method = event.quoted.partition(b" ")[0].decode("ascii", "replace")
        key = client_key(name, method)
        record = turn.client.get(key)
        if record is not None and record.remote == event.remote:
            _trouble(turn, record, event.reason)
        return
    if event.quoted.startswith(b"SIP/"):
        return  # a response; the server transaction goes on all the same (RFC 6026 8.8)
    if turn.at < turn.swept + SWEEP_EVERY:
        return  # anybody can forge such an error, and this one is expensive
    turn.swept = turn.at
    for _, record in tuple(turn.client.items()):
        there = record.remote == event.remote and record.endpoint == event.endpoint
        if there and isinstance(record.state, SILENT):
            _trouble(turn, record, event.reason)


def _trouble(turn: Turn, record: ClientTransaction, reason: str) -> None:
    if record.context:
        health.unheard(turn, record, reason)
        turn.tell(record.context, Troubled(record.branch, reason))


def _timer(turn: Turn, event: TimerFired) -> None:
    fire = _TIMERS.get(event.timer.owner[:2])
    if fire is not None:
        fire(turn, event.timer)


def _dns(turn: Turn, event: DnsAnswered) -> None:
    lookups.answered(turn, event.query, event.answer)


# By how the name of its owner begins; no two may be alike.
_TIMERS: Mapping[str, Callable[[Turn, Timer], None]] = MappingProxyType(
    {
        SERVER: fire_server,
        CLIENT: fire_client,
        contexts.OWNER: contexts.fire,
        lookups.OWNER: lookups.unanswered,
        connecting.OWNER: flows.fire,
        agents.OWNER: agents.fire,
        asking.OWNER: asking.unanswered,
        loads.OWNER: loads.fire,
        probes.OWNER: probes.fire,
        lookups.GROUP: probes.fire,
    }
)

_HANDLERS: Mapping[type, Callable[[Turn, Any], None]] = MappingProxyType(
    {
        DatagramReceived: _datagram,
        FlowOpened: flows.opened,
        StreamReceived: flows.received,
        FlowClosed: flows.closed,
        TimerFired: _timer,
        SendFailed: _send_failed,
        DnsAnswered: _dns,
        Consulted: asking.consulted,
        RequestSubmitted: submissions.request_submitted,
        ResponseSubmitted: submissions.response_submitted,
        AckSubmitted: submissions.ack_submitted,
        CancelSubmitted: submissions.cancel_submitted,
        Administered: administering.administered,
    }
)
