"""One turn of the engine: a state taken apart, worked on, and put together again.

A ``Turn`` lives for one ``step`` and never leaves it; this is what makes many small changes to an
immutable state cheap. Everything that happens in a turn goes through it: ids, orders, timers.
"""

from collections import deque

from sansip.address import Address, Hop
from sansip.dns import Answer, Question
from sansip.engine.actions import (
    Action,
    Report,
    Send,
    StartTimer,
    StopTimer,
    Timer,
)
from sansip.engine.config import Config
from sansip.engine.fleet import Fleet
from sansip.engine.hosts import end_of, share_of
from sansip.engine.policy import Policy
from sansip.engine.state import (
    Asked,
    Back,
    ClientTransaction,
    Context,
    Flow,
    Link,
    Owner,
    Query,
    Search,
    Served,
    ServerTransaction,
    State,
    Undelivered,
    Waiting,
)
from sansip.entropy import Draws, token
from sansip.locate import Cache, bridged, literal, recall
from sansip.message import Uri
from sansip.proxy.vocabulary import Given
from sansip.table import Table

MOST_SAID = 200  # characters in a report: much of it comes from the network


class Turn:
    """The working copy of a state, and the actions ordered so far."""

    __slots__ = (
        "actions", "asked", "at", "bytes_in_flight", "cache", "client", "config", "contexts",
        "fleet", "flows", "identities", "in_flight", "links", "over", "own", "peers", "policy",
        "queries", "questions", "retry_after", "searches", "secret", "seed", "serial", "served",
        "server", "sources", "swept", "told", "undelivered", "unsent",
    )  # fmt: skip
    seed: bytes
    secret: bytes
    serial: int
    flows: Table[int, Flow]
    links: Table[Link, int]
    server: Table[str, ServerTransaction]
    client: Table[str, ClientTransaction]
    asked: Table[str, Asked]
    contexts: Table[str, Context]
    served: Table[str, Served]
    identities: Table[str, str]
    searches: Table[Owner, Search]
    undelivered: Table[str, Undelivered]
    queries: Table[Question, Query]
    questions: Table[int, Question]
    cache: Cache
    sources: Table[str, int]
    peers: Table[str, int]
    in_flight: int
    bytes_in_flight: int
    fleet: Fleet
    retry_after: int | None
    own: tuple[Address, ...]
    swept: float
    config: Config
    policy: Policy
    at: float
    actions: list[Action]
    told: deque[tuple[str, Given]]
    unsent: deque[tuple[Waiting, Link, str]]
    over: list[str]  # keys of server transactions that have ended, of requests that are served

    def __init__(self, config: Config, policy: Policy, state: State, at: float) -> None:
        """Begin a turn at this time."""
        self.config = config
        self.policy = policy
        self.at = at
        self.actions = []
        self.told = deque()
        self.unsent = deque()
        self.over = []
        self.seed = state.seed
        self.secret = state.secret
        self.serial = state.serial
        self.flows = state.flows
        self.links = state.links
        self.server = state.server
        self.client = state.client
        self.asked = state.asked
        self.contexts = state.contexts
        self.served = state.served
        self.identities = state.identities
        self.searches = state.searches
        self.undelivered = state.undelivered
        self.queries = state.queries
        self.questions = state.questions
        self.cache = state.cache
        self.sources = state.sources
        self.peers = state.peers
        self.in_flight = state.in_flight
        self.bytes_in_flight = state.bytes_in_flight
        self.fleet = state.fleet
        self.retry_after = state.retry_after
        self.own = state.own
        self.swept = state.swept

    def state(self) -> State:
        """The state after the turn."""
        return State(
            self.seed,
            self.secret,
            self.serial,
            self.flows,
            self.links,
            self.server,
            self.client,
            self.asked,
            self.contexts,
            self.served,
            self.identities,
            self.searches,
            self.undelivered,
            self.queries,
            self.questions,
            self.cache,
            self.sources,
            self.peers,
            self.in_flight,
            self.bytes_in_flight,
            self.fleet,
            self.retry_after,
            self.own,
            self.swept,
        )

    def draws(self, owner: str) -> Draws:
        """The draws that belong to this owner."""
        return Draws(self.seed, owner)

    def refuses(self, hop: Hop) -> str | None:
        """Why nothing is sent to a hop: the hop filter, and what is known of this machine."""
        why = self.config.refuses(hop)
        if why is None and self.own:
            host = hop.address.host
            there = hop.address if ":" not in host else Address(end_of(host), hop.address.port)
            if there in self.own or hop.address in self.own:
                return "that is this proxy itself"
        return why

    def literal(self, uri: Uri) -> Hop | None:
        """The hop of a URI that is an address where requests may go: nothing needs to be asked."""
        hop = literal(uri, self.config.transports, self.config.families)
        return None if hop is None or self.refuses(hop) is not None else hop

    def recalls(self, question: Question) -> Answer | None:
        """What DNS has said, as far as it is known; a failure is bridged if it can be."""
        known = recall(self.cache, question, self.at)
        return None if known is None else bridged(self.cache, question, known, self.at)

    def tag(self, key: str) -> str:
        """The To tag of the responses to this request that are made here (8.2.6.2).

        Of the secret, which stays: all responses to a request have the same, and the ACK of one
        that was sent without a transaction is known by it.
        """
        served = self.served.get(key)
        if served is not None and served.tag is not None:
            return served.tag
        return token(self.secret, key, "tag")

    def tell(self, context: str, given: Given) -> None:
        """Something for a response context; it hears of it before the turn ends."""
        self.told.append((context, given))

    def send(
        self, owner: str, endpoint: str, remote: Address, data: bytes, flow: int | None = None
    ) -> None:
        """Order a datagram, or bytes over an open flow; ``owner`` hears of a refusal."""
        self.serial += 1
        local = None
        if isinstance(remote, Back):
            # "the response MUST be sent from the same IP address and port that the request was
            # received on" (RFC 3581 4).
            local, remote = remote.local, Address(remote.host, remote.port)
        self.actions.append(Send(f"{self.serial} {owner}", endpoint, remote, flow, data, local))

    def report(self, topic: str, about: str, text: str) -> None:
        """Say something that may interest somebody.

        Much of it comes from the network; what is no printable character is written as an escape,
        so that it does no harm in a log or on a terminal.
        """
        self.actions.append(Report(topic, _printable(about), _printable(text)))

    def rearm(self, owner: str, name: str, due: float) -> Timer:
        """Start the owner's timer; it replaces the one that is running, if any."""
        self.serial += 1
        timer = Timer(owner, name, self.serial)
        self.actions.append(StartTimer(timer, due - self.at if due > self.at else 0.0))
        return timer

    def disarm(self, running: Timer | None) -> None:
        """Stop a timer, if one is running."""
        if running is not None:
            self.actions.append(StopTimer(running))

    def count(self, source: Address | None, size: int, change: int) -> None:
        """One request more, or less, of that size is in flight."""
        self.in_flight += change
        self.bytes_in_flight += size * change
        if source is not None:
            share = share_of(source.host)
            now = self.sources.get(share, 0) + change
            self.sources = self.sources.set(share, now) if now else self.sources.without(share)


def _printable(text: str) -> str:
    text = text[:MOST_SAID]
    return text if text.isprintable() else ascii(text)[1:-1]
