"""The state of an engine: one immutable value that holds data and nothing else."""

from sansip.address import Address, Hop
from sansip.agent import uas
from sansip.dns import Question
from sansip.engine.actions import Timer
from sansip.engine.fleet import Fleet
from sansip.locate import Cache, Ended, Lookup
from sansip.message import Request, framing
from sansip.proxy.request import Arrived
from sansip.proxy.states import State as ContextState
from sansip.proxy.vocabulary import Facts, Target
from sansip.table import Table
from sansip.transaction import TimerName, client, invite_client, invite_server, server
from sansip.value import value

ClientState = invite_client.State | client.State
ServerState = invite_server.State | server.State
Framing = framing.State
Deadline = tuple[float, TimerName]
Deadlines = tuple[Deadline, ...]


@value
class Link:
    """What connections are told apart by: from which endpoint, where to, and to whom by TLS."""

    endpoint: str
    remote: Address
    name: str | None = None


@value
class Spare:
    """The same request as a datagram, should its connection be refused (18.1.1)."""

    key: str  # of the client transaction that it will have
    endpoint: str
    data: bytes


@value
class Waiting:
    """Something to be sent, and who hears of it if that comes to nothing."""

    owner: str
    data: bytes
    spare: Spare | None = None
    again: bool = False  # it has been sent already, over a connection that is lost


@value
class Flow:
    """A connection, and what has come of a message that is not complete."""

    link: Link
    framing: Framing
    users: Table[str, bool]  # transactions; True: it was open before they came
    used: float  # when something last went or came over it
    timer: Timer | None  # for opening it, a first or an incomplete message, or its idleness
    waiting: tuple[Waiting, ...] | None  # what is to be sent once it is open; None: it is
    names: tuple[str, ...]  # of its peer, as TLS has verified them
    aliases: tuple[Link, ...]  # what else is reached by it, as its peer says (RFC 5923)

    def updated(
        self,
        timer: Timer | None,
        *,
        framing: Framing | None = None,
        users: Table[str, bool] | None = None,
        used: float | None = None,
        waiting: tuple[Waiting, ...] | None = None,
        aliases: tuple[Link, ...] | None = None,
    ) -> "Flow":
        """Make a copy with this timer; what else is not given stays as it is."""
        return Flow(
            self.link,
            self.framing if framing is None else framing,
            self.users if users is None else users,
            self.used if used is None else used,
            timer,
            self.waiting if waiting is None else waiting,
            self.names,
            self.aliases if aliases is None else aliases,
        )


@value
class Back(Address):
    """Where the responses to a datagram go, and which address of this machine they go from.

    A field of its own would cost every transaction eight bytes, for the few that need one.
    """

    local: str


@value
class Arrival:
    """How a message came."""

    endpoint: str
    source: Address
    size: int  # of the message, in bytes
    flow: int | None = None  # None: as a datagram
    names: tuple[str, ...] = ()  # of its sender, as TLS has verified them
    local: str | None = None  # the address of ours that it came to, if its endpoint has many


@value
class ServerTransaction:
    """A request that came, and where its responses go (18.2.2)."""

    invite: bool
    state: ServerState
    endpoint: str
    remote: Address | Back
    flow: int | None  # the connection that it came over
    waiting: Request | None  # a non-INVITE that nothing was sent to yet, for its 100 (RFC 4320)
    timer: TimerName | None = None  # the one that runs, if any: for its earliest deadline
    due: float = 0.0  # that deadline
    serial: int = 0  # of that timer
    later: Deadlines = ()  # its other deadlines


@value
class ClientTransaction:
    """A request that was sent, where to, and the branch of the response context that it serves."""

    invite: bool
    data: bytes  # the request as sent; b"" once the final response is there
    state: ClientState
    endpoint: str
    remote: Address
    context: str  # "" for a CANCEL: nobody cares for its answer (9.1)
    branch: int
    timer: TimerName | None = None  # as in a server transaction
    due: float = 0.0
    serial: int = 0
    later: Deadlines = ()
    flow: int | None = None  # the connection that it went over; None: as a datagram
    name: str | None = None  # to whom, by TLS


@value
class Origin:
    """What a response context remembers of its request until the final answer."""

    request: Request
    source: Address | None = None  # None: the embedding program submitted it
    arrival: str = ""  # the name of the endpoint that it came to
    departure: str = ""  # the endpoint that its Route asks for
    record_route: bool = False
    on_failure: str | None = None
    size: int = 0  # of the request as it came, in bytes
    diversions: int = 0  # how often a failure route has chosen new targets
    loop: str = ""  # the loop part of its branches (RFC 5393)
    route: tuple[str, ...] = ()  # Route values for the proxies that it has to visit first

    def but(self, request: Request) -> "Origin":
        """Make a copy with another request."""
        return Origin(
            request,
            self.source,
            self.arrival,
            self.departure,
            self.record_route,
            self.on_failure,
            self.size,
            self.diversions,
            self.loop,
            self.route,
        )


@value
class Context:
    """A response context, and whom it answers.

    That is the server transaction of the same key, or the embedding program if there is a handle.
    """

    facts: Facts
    state: ContextState
    origin: Origin | None  # None once it is concluded
    handle: str | None
    number: int
    seed: bytes  # what its branches are drawn from, whatever comes after it (Rekey)
    loop: str  # the loop part of its branches: needed longer than the rest of its origin
    serial: int = 0  # of its timer; 0: none runs


@value
class Asked:
    """A request that waits for the answer to its policy's question."""

    came: Arrival
    at: float
    got: Arrived
    proven: bool  # it belongs to a dialog of ours
    then: str  # the method that decides
    number: int
    seed: bytes  # what its policy draws from, whatever comes after it (Rekey)
    questions: int  # asked about this request so far
    timer: Timer


@value
class Served:
    """A request that was delivered to the embedding program; its handle is its key here."""

    invite: bool
    state: uas.State
    request: Request | None  # as it was delivered; None once it has a final answer
    source: Address
    size: int
    identity: str
    tag: str | None  # the To tag that the program has chosen for its responses
    timer: Timer | None = None


@value
class Ack:
    """An ACK for a 2xx on its way: it goes to the first hop of its target, and is forgotten."""

    origin: Origin
    target: Target


Owner = tuple[str, int]  # of a lookup: a response context's key and a way of it


@value
class Search:
    """A lookup in progress, for a way of a response context or for an ACK."""

    lookup: Lookup | Ended
    gave: bool  # some hop has come through the filter
    refused: str  # why the filter kept one back
    ack: Ack | None = None


@value
class Undelivered:
    """A response that could not go over ``link``; the hops of its sent-by are being located."""

    data: bytes
    link: Link
    reason: str
    hops: tuple[Hop, ...] = ()


@value
class Query:
    """A DNS question in flight, and who waits for its answer."""

    number: int
    waiting: Table[Owner, None]
    timer: Timer  # it has so long


@value
class State:
    """Everything that an engine knows. Compare it, pickle it, keep it, step it again and again.

    To keep a state while newer ones are stepped, keep ``state.freeze()``: the tables of successive
    states share their memory, and going back and forth between far ends of a history is slow.
    """

    seed: bytes  # what is drawn from
    secret: bytes  # what proofs, loop parts and tags are made with: stays when the seed changes
    serial: int  # the last number given to a send, a timer or a query
    flows: Table[int, Flow]
    links: Table[Link, int]  # the connection that requests go over
    server: Table[str, ServerTransaction]
    client: Table[str, ClientTransaction]
    asked: Table[str, Asked]
    contexts: Table[str, Context]
    served: Table[str, Served]
    identities: Table[str, str]  # of what is served, to its key: for ACKs and merged requests
    searches: Table[Owner, Search]
    undelivered: Table[str, Undelivered]
    queries: Table[Question, Query]
    questions: Table[int, Question]
    cache: Cache
    sources: Table[str, int]  # requests in flight, by whose share they take
    peers: Table[str, int]  # connections that peers have opened, likewise
    in_flight: int
    bytes_in_flight: int
    fleet: Fleet
    retry_after: int | None  # not None: no new requests are taken (Quiesce)
    own: tuple[Address, ...]  # addresses of this machine at which wildcard endpoints were reached
    swept: float  # when an ICMP error was last compared with all transactions

    def freeze(self) -> "State":
        """Make an equal state that shares no memory with older or newer ones."""
        return State(
            self.seed,
            self.secret,
            self.serial,
            self.flows.freeze(),
            self.links.freeze(),
            self.server.freeze(),
            self.client.freeze(),
            self.asked.freeze(),
            self.contexts.freeze(),
            self.served.freeze(),
            self.identities.freeze(),
            self.searches.freeze(),
            self.undelivered.freeze(),
            self.queries.freeze(),
            self.questions.freeze(),
            Cache(
                self.cache.entries.freeze(),
                self.cache.serials.freeze(),
                self.cache.oldest,
                self.cache.next,
            ),
            self.sources.freeze(),
            self.peers.freeze(),
            self.in_flight,
            self.bytes_in_flight,
            self.fleet.freeze(),
            self.retry_after,
            self.own,
            self.swept,
        )
